/* C functions called by generated code; the list with flags and types is rv_helpers.def. */
#include <signal.h>
#include <time.h>

#include "base/fault.h"
#include "base/sys.h"
#include "target/riscv/rv_trans.h"

/* SC: a address, b value, c log2 size << 8 | rd. Writes rd itself, so that its result can be the status. */
uint64_t rv_helper_sc(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    unsigned size = 1u << (c >> 8), rd = c & 31;
    uint64_t mask = size == 4 ? 0xffffffff : ~0ull;
    uint64_t failed = 1;

    if (cpu->res_addr == a) {
        FaultVal old = fault_cas(a, cpu->res_val & mask, b & mask, size);
        if (old.fault) {
            cpu->base.exit = (CpuExit){.kind = CPU_EXIT_FAULT, .sig = SIGSEGV, .write = 1, .addr = a};
            cpu->base.exit.code = fault_ld8(a).fault ? SEGV_MAPERR : SEGV_ACCERR;
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
    struct timespec now;

    sys_call2(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * RV_TIME_HZ + (uint64_t)now.tv_nsec / (1000000000 / RV_TIME_HZ);
}

uint64_t rv_helper_cycle(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
    struct timespec now;

    sys_call2(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
#endif
}
