/* C functions called by generated code; the list with flags and types is arm_helpers.def. */
#include <time.h>

#include "base/sys.h"
#include "target/arm/a64_trans.h"

/* CNTVCT_EL0: the monotonic clock in units of 1 / ARM_CNTFRQ. */
uint64_t arm_helper_cntvct(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    struct timespec now;

    sys_call2(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * ARM_CNTFRQ + (uint64_t)now.tv_nsec / (1000000000 / ARM_CNTFRQ);
}
