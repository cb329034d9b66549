/* C functions called by generated code; the list with flags and types is rv_helpers.def. */

#include "base/fault.h"
#include "base/sys.h"
#include "target/mem.h"
#include "target/riscv/rv_trans.h"
#include "target/sm4.h"

/* 1 << size bytes: memory = what was there; desired, if that is what memory said. False: a fault. */
static bool compare_swap(RvCpu *cpu, uint64_t addr, unsigned size, uint64_t memory[2],
                         const uint64_t desired[2])
{
    if (cpu->base.mem) {
        IrMem m = {.size = size & 7, .mmu = IR_MMU_TLB, .mmuidx = cpu->base.ctx >> RV_CTX_IDX_SHIFT & 15};
        IrAccess x = {.addr = addr, .value = {desired[0], desired[1]}, .expected = {memory[0], memory[1]},
                      .mem = m.raw, .op = IR_CAS};
        if (!cpu->base.mem->access(cpu, &x))
            return false;
        memcpy(memory, x.value, sizeof(x.value));
        return true;
    }
    FaultVal old = {0};
    if (cpu->base.ctx & RV_CTX_XLEN32)
        addr = (uint32_t)addr;
    cpu_note(&cpu->base, addr, 1u << size, IR_READS | IR_WRITES);
    if (size == 4)
        old.fault = fault_cas128(addr, memory, desired);
    else
        old = fault_cas(addr, memory[0], desired[0], 1u << size);
    if (old.fault) {
        cpu->base.exit.kind = CPU_EXIT_FAULT; /* sig and code were put there by the owner of the handler */
        cpu->base.exit.write = 1;
        cpu->base.exit.addr = addr;
        return false;
    }
    if (size < 4)
        memory[0] = old.val;
    return true;
}

/* SC whose LR is not known: a address, b value, c log2 size << 8 | rd. Writes rd itself, so that its result
 * can be the status. See rv_trans_atomic.c for what may succeed. */
uint64_t rv_helper_sc(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    unsigned size = c >> 8 & 7, rd = c & 31;
    uint64_t mask = size == 2 ? 0xffffffff : ~0ull;
    uint64_t failed = 1;

    if (cpu->res_addr == a && ctx_llsc_exact(cpu->base.ctx)) {
        if (!cpu->lr_exclusive) { /* look at the context again; this SC then fails */
            cpu->lr_exclusive = 1;
            cpu->base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
            return 1;
        }
    } else if (cpu->res_addr == a) {
        uint64_t memory[2] = {cpu->res_val & mask}, desired[2] = {b & mask};
        if (!compare_swap(cpu, a, size, memory, desired))
            return 1;
        failed = (memory[0] & mask) != (cpu->res_val & mask);
    }
    cpu->res_addr = RV_NO_RESERVATION;
    if (rd)
        cpu->x[rd] = failed;
    return 0;
}

/* AMOCAS.Q: a address, b rd | rs2 << 8. */
uint64_t rv_helper_cas16(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    unsigned rd = b & 31, rs2 = b >> 8 & 31;
    uint64_t memory[2] = {0, 0}, desired[2] = {0, 0};

    if (rd)
        memcpy(memory, &cpu->x[rd], sizeof(memory));
    if (rs2)
        memcpy(desired, &cpu->x[rs2], sizeof(desired));
    if (!compare_swap(cpu, a, 4, memory, desired))
        return 1;
    if (rd)
        memcpy(&cpu->x[rd], memory, sizeof(memory));
    return 0;
}

/* The time CSR: the monotonic clock in units of 1 / RV_TIME_HZ. */
uint64_t rv_helper_time(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return sys_monotonic(RV_TIME_HZ);
}

uint64_t rv_helper_cycle(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
    return sys_monotonic(1000000000);
#endif
}

uint64_t rv_helper_sm4_sub(void *cpu, uint64_t byte, uint64_t b, uint64_t c, uint64_t d)
{
    return sm4_sub(byte & 255);
}
