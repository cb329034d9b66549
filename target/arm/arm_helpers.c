/* C functions called by generated code; the list with flags and types is arm_helpers.def. */

#include "base/fault.h"
#include "base/sys.h"
#include "target/arm/a64_trans.h"
#include "target/mem.h"

/* CNTVCT_EL0: the monotonic clock in units of 1 / ARM_CNTFRQ. */
uint64_t arm_helper_cntvct(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return sys_monotonic(ARM_CNTFRQ);
}

/* RNDR; 0: there is none now. */
uint64_t arm_helper_random(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t value;

    return sys_call3(SYS_getrandom, &value, sizeof(value), 0) == sizeof(value) ? value : 0;
}

static uint64_t raise_fault(ArmCpu *cpu, uint64_t addr, bool write)
{
    cpu->base.exit.kind = CPU_EXIT_FAULT; /* sig and code were put there by the owner of the handler */
    cpu->base.exit.write = write;
    cpu->base.exit.addr = addr;
    return 1;
}

/* Compare and swap of 1 << size bytes. *memory becomes what was there. False: the access has raised. */
static bool compare_swap(ArmCpu *cpu, uint64_t a, unsigned size, uint64_t memory[2],
                         const uint64_t desired[2])
{
    bool fault;

    if (cpu->base.mem) {
        IrMem m = {.size = size & 7, .mmu = IR_MMU_TLB, .mmuidx = cpu->base.ctx >> ARM_CTX_IDX_SHIFT & 3};
        IrAccess x = {.addr = a, .value = {desired[0], desired[1]}, .expected = {memory[0], memory[1]},
                      .mem = m.raw, .op = IR_CAS};
        if (!cpu->base.mem->access(cpu, &x))
            return false;
        memory[0] = x.value[0];
        memory[1] = x.value[1];
        return true;
    }
    a = arm_data_address(cpu, a);
    cpu_note(&cpu->base, a, 1u << size, IR_READS | IR_WRITES);
    if (size == 4) {
        fault = fault_cas128(a, memory, desired);
    } else {
        FaultVal now = fault_cas(a, memory[0], desired[0], 1u << size);
        memory[0] = now.val;
        fault = now.fault;
    }
    return !fault || !raise_fault(cpu, a, true);
}

bool arm_store_if_equal(ArmCpu *cpu, uint64_t a, const uint64_t value[2], unsigned size,
                        uint64_t *ret_failed)
{
    uint64_t mask = size < 3 ? (1ull << (8 << size)) - 1 : ~0ull, high = size == 4 ? ~0ull : 0;
    uint64_t old[2] = {cpu->excl_val & mask, cpu->excl_high & high}, now[2] = {old[0], old[1]};
    const uint64_t desired[2] = {value[0] & mask, value[1] & high};

    if (!compare_swap(cpu, a, size, now, desired))
        return false;
    *ret_failed = (now[0] & mask) != old[0] || (now[1] & high) != old[1];
    return true;
}

/* Store exclusive whose load is not known, or of 16 bytes: address, value, log2 size << 8 | rs. Writes rs
 * itself, so that its result can be the status. See a64_trans_atomic.c for what may succeed. */
uint64_t arm_helper_stx(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmCpu *cpu = opaque;
    unsigned rs = d & 31;
    uint64_t failed = 1, value[2] = {b, c};

    if (cpu->excl_addr == a && ctx_llsc_exact(cpu->base.ctx) && !(d & ARM_STX_KNOWN)) {
        if (!cpu->ldx_exclusive) { /* look at the context again; this store then fails */
            cpu->ldx_exclusive = 1;
            cpu->base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
            return 1;
        }
    } else if (cpu->excl_addr == a) {
        if (!arm_store_if_equal(cpu, a, value, d >> 8 & 7, &failed))
            return 1;
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

    if (!compare_swap(cpu, a, 4, memory, desired))
        return 1;
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
        if (!compare_swap(cpu, a, 4, memory, desired))
            return 1;
    } while (memory[0] != seen[0] || memory[1] != seen[1]);
    cpu->x[rt] = memory[0];
    cpu->x[rt2] = memory[1];
    return 0;
}
