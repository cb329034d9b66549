/* Helpers of the memory copy and memory set instructions; see a64_trans_mops.c.
 *
 * copy and fill leave the registers to the translation, so an instruction that faults half-way starts again
 * from its beginning. Where that would copy what it has overwritten (the ends overlap) all pages are tried
 * first. copy_rest and fill_rest write their progress into Xn before they report a fault, and go on from
 * there. */
#include "base/fault.h"
#include "target/arm/a64_trans.h"

enum { CHUNK = 4096 };

static uint64_t raise_fault(ArmCpu *cpu, uint64_t addr, bool write)
{
    cpu->base.exit.kind = CPU_EXIT_FAULT; /* sig and code were put there by the owner of the handler */
    cpu->base.exit.write = write;
    cpu->base.exit.addr = addr;
    return 1;
}

/* n bytes, lowest first. Returns how many were not copied. */
static uint64_t copy_up(uint64_t to, uint64_t from, uint64_t n)
{
    return fault_copy((void *)to, (const void *)from, n);
}

/* The byte at which a copy stopped: which side was it? */
static uint64_t raise_copy_fault(ArmCpu *cpu, uint64_t to, uint64_t from)
{
    bool write = !fault_ld8(from).fault;

    return raise_fault(cpu, write ? to : from, write);
}

/* Every page of [addr, addr + n) can be read, and written if asked. Returns the fault raised. */
static uint64_t try_pages(ArmCpu *cpu, uint64_t addr, uint64_t n, bool write)
{
    for (uint64_t at = addr; at < addr + n; at = align_down(at, 4096) + 4096) {
        FaultVal v = fault_ld8(at);
        if (v.fault || (write && fault_cas8(at, v.val, v.val).fault))
            return raise_fault(cpu, at, write);
    }
    return 0;
}

/* The order of copying follows the larger address. Returns the fault raised. */
static uint64_t copy_down(ArmCpu *cpu, uint64_t to, uint64_t from, uint64_t n)
{
    while (n) {
        uint64_t chunk = MIN(n, MIN(to - from, CHUNK)), rest;
        n -= chunk;
        rest = copy_up(to + n, from + n, chunk);
        if (rest)
            return raise_copy_fault(cpu, to + n + chunk - rest, from + n + chunk - rest);
    }
    return 0;
}

/* Destination, source, size; d: backward where that is needed. */
uint64_t arm_helper_copy(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmCpu *cpu = opaque;
    uint64_t rest;

    a = arm_data_address(cpu, a);
    b = arm_data_address(cpu, b);
    cpu_note(&cpu->base, a, c, IR_WRITES);
    cpu_note(&cpu->base, b, c, IR_READS);
    if (a - b < c || b - a < c) {
        if (a == b && !c)
            return 0;
        if (try_pages(cpu, b, c, false) || try_pages(cpu, a, c, true))
            return 1;
        if (d && a != b && a - b < c)
            return copy_down(cpu, a, b, c);
    }
    rest = copy_up(a, b, c);
    return rest ? raise_copy_fault(cpu, a + c - rest, b + c - rest) : 0;
}

/* n bytes from addr on; returns the address that faulted, or 0 with *ret_fault clear. What is there grows by
 * copies of itself. */
static uint64_t fill_up(uint64_t addr, uint64_t byte, uint64_t n, bool *ret_fault)
{
    uint64_t word = (byte & 0xff) * 0x0101010101010101ull, done = 0;

    while (done < n && done < 64) {
        /* it is the byte that is reported */
        unsigned size = n - done >= 8 && ((addr + done) & 4095) <= 4088 ? 8 : 1;
        *ret_fault = fault_st(addr + done, word, size);
        if (*ret_fault)
            return addr + done;
        done += size;
    }
    while (done < n) {
        uint64_t chunk = MIN(MIN(done, n - done), 1 << 16);
        uint64_t rest = fault_copy((void *)(addr + done), (const void *)addr, chunk);
        *ret_fault = rest;
        if (rest)
            return addr + done + chunk - rest;
        done += chunk;
    }
    return 0;
}

/* Destination, byte, size. */
uint64_t arm_helper_fill(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmCpu *cpu = opaque;
    bool fault = false;
    a = arm_data_address(cpu, a);
    cpu_note(&cpu->base, a, c, IR_WRITES);
    uint64_t at = fill_up(a, b, c, &fault);

    return fault ? raise_fault(opaque, at, true) : 0;
}

typedef struct Registers {
    uint64_t *d, *n, *m;
} Registers;

static Registers unpack(ArmCpu *cpu, uint64_t a)
{
    return (Registers){&cpu->x[a & 31], &cpu->x[a >> 5 & 31], &cpu->x[a >> 10 & 31]};
}

/* Xn < 0: forward, what is left ends at Xd and Xs; Xn > 0: backward, what is left begins there. */
uint64_t arm_helper_copy_rest(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmCpu *cpu = opaque;
    Registers r = unpack(cpu, a);

    while (*r.n) {
        bool forward = (int64_t)*r.n < 0;
        uint64_t chunk = MIN(forward ? 0 - *r.n : *r.n, CHUNK);
        uint64_t to = arm_data_address(cpu, *r.d), from = arm_data_address(cpu, *r.m);
        if (!forward && to - from && to - from < chunk)
            chunk = to - from;
        uint64_t at = forward ? *r.n : *r.n - chunk;
        uint64_t rest = copy_up(to + at, from + at, chunk);
        cpu_note(&cpu->base, to + at, chunk, IR_WRITES);
        cpu_note(&cpu->base, from + at, chunk, IR_READS);
        if (rest) {
            at += chunk - rest;
            if (forward)
                *r.n = at;
            return raise_copy_fault(cpu, to + at, from + at);
        }
        *r.n = forward ? at + chunk : at;
    }
    return 0;
}

/* Xn < 0: what is left ends at Xd. */
uint64_t arm_helper_fill_rest(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmCpu *cpu = opaque;
    Registers r = unpack(cpu, a);
    uint64_t byte = (a >> 10 & 31) == 31 ? 0 : *r.m & 0xff;

    while (*r.n) {
        bool fault = false;
        uint64_t to = arm_data_address(cpu, *r.d);
        cpu_note(&cpu->base, to + *r.n, MIN(0 - *r.n, CHUNK), IR_WRITES);
        uint64_t chunk = MIN(0 - *r.n, CHUNK), at = fill_up(to + *r.n, byte, chunk, &fault);
        if (fault) {
            *r.n = at - to;
            return raise_fault(cpu, at, true);
        }
        *r.n += chunk;
    }
    return 0;
}
