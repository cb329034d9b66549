#include "target/x86/x86_mem.h"

#include "target/mem.h"
#include "target/x86/x86_trans.h"

static IrAccess access_of(const X86Cpu *cpu, unsigned op, uint64_t addr, unsigned size)
{
    IrMem m = {.size = x86_log2(size) & 7, .mmu = IR_MMU_TLB, .mmuidx = x86_ctx_idx(cpu->base.ctx)};
    return (IrAccess){.addr = addr, .mem = m.raw, .op = (uint8_t)op};
}

FaultVal x86_machine_ld(X86Cpu *cpu, uint64_t addr, unsigned size)
{
    IrAccess a = access_of(cpu, IR_LD, addr, size);
    bool ok = cpu->base.mem->access(cpu, &a);
    return (FaultVal){.val = a.value[0], .fault = !ok};
}

bool x86_machine_st(X86Cpu *cpu, uint64_t addr, uint64_t v, unsigned size)
{
    IrAccess a = access_of(cpu, IR_ST, addr, size);
    a.value[0] = v;
    return !cpu->base.mem->access(cpu, &a);
}

static unsigned part_of(size_t left)
{
    return left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
}

static bool words_in(X86Cpu *cpu, char *to, uint64_t addr, size_t n)
{
    for (size_t at = 0; at < n;) {
        unsigned part = part_of(n - at);
        FaultVal v = x86_machine_ld(cpu, addr + at, part);
        if (v.fault)
            return true;
        memcpy(to + at, &v.val, part);
        at += part;
    }
    return false;
}

static size_t in_page(uint64_t addr, size_t n)
{
    return MIN(n, 4096 - (addr & 4095));
}

/* Where the page of addr is in the host's memory; false: raised. */
static bool host_at(X86Cpu *cpu, uint64_t addr, MmuHow how, uint8_t **ret)
{
    return cpu->base.mem->host(&cpu->base, addr, x86_ctx_idx(cpu->base.ctx), how, ret);
}

/* A page at a time, where it is plain memory. */
bool x86_machine_copy_in(X86Cpu *cpu, void *to, uint64_t addr, size_t n)
{
    for (size_t at = 0, part; at < n; at += part) {
        uint8_t *host;
        part = in_page(addr + at, n - at);
        if (!host_at(cpu, addr + at, MMU_READ, &host))
            return true;
        if (host)
            memcpy((char *)to + at, host, part);
        else if (words_in(cpu, (char *)to + at, addr + at, part))
            return true;
    }
    return false;
}

static bool program_refuses_store(uint64_t addr)
{
    FaultVal v = fault_ld(addr, 1);
    return v.fault || fault_cas(addr, v.val, v.val, 1).fault;
}

/* Copies forward, so the page where it ends is tried first, after the one where it begins. */
bool x86_program_copy_out(uint64_t addr, const void *from, size_t n)
{
    if ((addr & 4095) + n > 4096 &&
        (program_refuses_store(addr) || program_refuses_store((addr + n - 1) & ~4095ull)))
        return true;
    return fault_copy((void *)addr, from, n);
}

/* Can the byte be written to? An atomic "or 0" says it, and changes nothing. */
static bool refuses_store(X86Cpu *cpu, uint64_t addr)
{
    IrAccess a = access_of(cpu, IR_RMW, addr, 1);
    a.rmw = IR_RMW_OR;
    return !cpu->base.mem->access(cpu, &a);
}

/* At most two pages, if all of it is plain memory: *ret says so. False: it raises, and nothing is done. */
static bool pages_out(X86Cpu *cpu, uint64_t addr, const char *from, size_t n, bool *ret)
{
    const size_t first = in_page(addr, n);
    uint8_t *host[2] = {NULL};
    *ret = false;
    if (!host_at(cpu, addr, MMU_WRITE, &host[0]) ||
        (n > first && !host_at(cpu, addr + first, MMU_WRITE, &host[1])))
        return false;
    *ret = host[0] && (n == first || host[1]) && n - first <= 4096;
    if (*ret) {
        memcpy(host[0], from, first);
        if (n > first)
            memcpy(host[1], from + first, n - first);
    }
    return true;
}

/* Where it ends on another page that is tried first; then the first store can fail, and no other. */
bool x86_machine_copy_out(X86Cpu *cpu, uint64_t addr, const void *from, size_t n)
{
    bool done;
    if (!pages_out(cpu, addr, from, n, &done))
        return true;
    if (done)
        return false;
    if (n > 8 && (addr & 4095) + n > 4096 && (refuses_store(cpu, addr) || refuses_store(cpu, addr + n - 1)))
        return true;
    for (size_t at = 0; at < n;) {
        unsigned part = part_of(n - at);
        uint64_t v = 0;
        memcpy(&v, (const char *)from + at, part);
        if (x86_machine_st(cpu, addr + at, v, part))
            return true;
        at += part;
    }
    return false;
}

bool x86_mem_cas(X86Cpu *cpu, uint64_t addr, uint64_t memory[2], const uint64_t desired[2], unsigned size)
{
    cpu_note(&cpu->base, addr, size, IR_READS | IR_WRITES);
    if (!cpu->base.mem) {
        if (size == 16)
            return fault_cas128(addr, memory, desired);
        FaultVal v = fault_cas(addr, memory[0], desired[0], size);
        memory[0] = v.val;
        return v.fault;
    }
    IrAccess a = access_of(cpu, IR_CAS, addr, size);
    memcpy(a.expected, memory, sizeof a.expected);
    memcpy(a.value, desired, sizeof a.value);
    if (!cpu->base.mem->access(cpu, &a))
        return true;
    memcpy(memory, a.value, sizeof a.value);
    return false;
}
