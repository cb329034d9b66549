/* C functions called by generated code; the list with flags and types is rv_helpers.def. */

#include "base/fault.h"
#include "base/sys.h"
#include "target/mem.h"
#include "target/riscv/rv_trans.h"

/* SC whose LR is not known: a address, b value, c log2 size << 8 | rd. Writes rd itself, so that its result
 * can be the status. See rv_trans_atomic.c for what may succeed. */
uint64_t rv_helper_sc(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    unsigned size = 1u << (c >> 8), rd = c & 31;
    uint64_t mask = size == 4 ? 0xffffffff : ~0ull;
    uint64_t failed = 1;

    if (cpu->res_addr == a && ctx_llsc_exact(cpu->base.ctx)) {
        if (!cpu->lr_exclusive) { /* look at the context again; this SC then fails */
            cpu->lr_exclusive = 1;
            cpu->base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
            return 1;
        }
    } else if (cpu->res_addr == a) {
        FaultVal old;
        if (cpu->base.mem) {
            IrMem m =
                {.size = c >> 8 & 7, .mmu = IR_MMU_TLB, .mmuidx = cpu->base.ctx >> RV_CTX_IDX_SHIFT & 15};
            IrAccess x = {.addr = a, .value = {b & mask}, .expected = {cpu->res_val & mask}, .mem = m.raw,
                          .op = IR_CAS};
            if (!cpu->base.mem->access(cpu, &x))
                return 1;
            old = (FaultVal){.val = x.value[0]};
        } else {
            old = fault_cas(a, cpu->res_val & mask, b & mask, size);
        }
        if (old.fault) {
            cpu->base.exit.kind = CPU_EXIT_FAULT; /* sig and code were put there by the owner of the
                                                   * handler */
            cpu->base.exit.write = 1;
            cpu->base.exit.addr = a;
            return 1;
        }
        failed = (old.val & mask) != (cpu->res_val & mask);
    }
    cpu->res_addr = RV_NO_RESERVATION;
    if (rd)
        cpu->x[rd] = failed;
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
