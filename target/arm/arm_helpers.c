/* C functions called by generated code; the list with flags and types is arm_helpers.def. */
#include <time.h>

#include "base/fault.h"
#include "base/sys.h"
#include "target/arm/a64_trans.h"

/* CNTVCT_EL0: the monotonic clock in units of 1 / ARM_CNTFRQ. */
uint64_t arm_helper_cntvct(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    struct timespec now;

    sys_call2(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * ARM_CNTFRQ + (uint64_t)now.tv_nsec / (1000000000 / ARM_CNTFRQ);
}

/* RNDR; 0: there is none now. */
uint64_t arm_helper_random(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t value;

    return sys_call3(SYS_getrandom, &value, sizeof(value), 0) == sizeof(value) ? value : 0;
}

/* "CRC32": bit-reversed polynomials 0x04c11db7 and 0x1edc6f41, no inversions. Sixteen entries a polynomial: by nibbles. */
uint64_t arm_helper_crc32(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    static const uint32_t by_nibble[2][16] = {
        {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320,
         0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c},
        {0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d, 0x82f63b78,
         0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75}};
    const uint32_t *table = by_nibble[c >> 2 & 1];
    uint32_t sum = (uint32_t)a;

    for (unsigned nibbles = 2u << (c & 3); nibbles; nibbles--, b >>= 4)
        sum = sum >> 4 ^ table[(sum ^ b) & 15];
    return sum;
}

static uint64_t raise_fault(ArmCpu *cpu, uint64_t addr, bool write)
{
    cpu->base.exit.kind = CPU_EXIT_FAULT; /* sig and code were put there by the owner of the handler */
    cpu->base.exit.write = write;
    cpu->base.exit.addr = addr;
    return 1;
}

/* Memory at a is what the load exclusive read: store. `failed` is the result register's value. Returns fault. */
static uint64_t store_if_equal(const ArmCpu *cpu, uint64_t a, const uint64_t value[2], unsigned size, uint64_t *ret_failed)
{
    uint64_t old[2] = {cpu->excl_val, cpu->excl_high}, mask = size < 3 ? (1ull << (8 << size)) - 1 : ~0ull;
    uint64_t fault;

    if (size == 4) {
        fault = fault_cas128(a, old, value);
        *ret_failed = old[0] != cpu->excl_val || old[1] != cpu->excl_high;
        return fault;
    }
    FaultVal now = fault_cas(a, old[0] & mask, value[0] & mask, 1u << size);
    *ret_failed = (now.val & mask) != (old[0] & mask);
    return now.fault;
}

/* Store exclusive whose load is not known, or of 16 bytes: address, value, log2 size << 8 | rs. Writes rs itself, so
 * that its result can be the status. See a64_trans_atomic.c for what may succeed. */
uint64_t arm_helper_stx(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmCpu *cpu = opaque;
    unsigned rs = d & 31;
    uint64_t failed = 1, value[2] = {b, c};

    if (cpu->excl_addr == a && arm_llsc_exact(cpu->base.ctx) && !(d & ARM_STX_KNOWN)) {
        if (!cpu->ldx_exclusive) { /* look at the context again; this store then fails */
            cpu->ldx_exclusive = 1;
            cpu->base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
            return 1;
        }
    } else if (cpu->excl_addr == a) {
        if (store_if_equal(cpu, a, value, d >> 8 & 7, &failed))
            return raise_fault(cpu, a, true);
    }
    cpu->excl_addr = ARM_NO_RESERVATION;
    if (rs != 31)
        cpu->x[rs] = failed;
    return 0;
}

static uint64_t get_x(const ArmCpu *cpu, unsigned r) { return r == 31 ? 0 : cpu->x[r]; }
static void put_x(ArmCpu *cpu, unsigned r, uint64_t v)
{
    if (r != 31)
        cpu->x[r] = v;
}

/* CASP of X registers: address, instruction. */
uint64_t arm_helper_casp(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmCpu *cpu = opaque;
    unsigned rs = b >> 16 & 31, rt = b & 31;
    uint64_t memory[2] = {get_x(cpu, rs), get_x(cpu, rs + 1)};
    const uint64_t desired[2] = {get_x(cpu, rt), get_x(cpu, rt + 1)};

    if (fault_cas128(a, memory, desired))
        return raise_fault(cpu, a, true);
    put_x(cpu, rs, memory[0]);
    put_x(cpu, rs + 1, memory[1]);
    return 0;
}

/* LDCLRP, LDSETP, SWPP: address, instruction (opc: bits 14..12, o3: bit 15). */
uint64_t arm_helper_rmw128(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmCpu *cpu = opaque;
    unsigned rt = b & 31, rt2 = b >> 16 & 31;
    uint64_t memory[2] = {0, 0}, seen[2], desired[2];

    do {
        for (unsigned i = 0; i < 2; i++) {
            uint64_t v = cpu->x[i ? rt2 : rt];
            seen[i] = memory[i];
            desired[i] = b >> 15 & 1 ? v : b >> 13 & 1 ? seen[i] | v : seen[i] & ~v;
        }
        if (fault_cas128(a, memory, desired))
            return raise_fault(cpu, a, true);
    } while (memory[0] != seen[0] || memory[1] != seen[1]);
    cpu->x[rt] = memory[0];
    cpu->x[rt2] = memory[1];
    return 0;
}
