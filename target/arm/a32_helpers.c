/* C functions called by A32/T32 code; the list with flags and types is a32_helpers.def. */

#include "base/fault.h"
#include "base/sys.h"
#include "softfp/softfp.h"
#include "target/arm/a32_trans.h"

/* Store exclusive whose load exclusive is not known: a address, b value, c log2 size << 8 | Rd. Writes Rd
 * itself, so that its result can be the status. See a32_trans_atomic.c for what may succeed. */
uint64_t a32_helper_strex(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmCpu *cpu = opaque;
    unsigned rd = c & 15;
    uint64_t failed = 1, value[2] = {b, 0};

    if (cpu->excl_addr == a && ctx_llsc_exact(cpu->base.ctx)) {
        if (!cpu->ldx_exclusive) { /* look at the context again; this store then fails */
            cpu->ldx_exclusive = 1;
            cpu->base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
            return 1;
        }
    } else if (cpu->excl_addr == a) {
        if (!arm_store_if_equal(cpu, a, value, c >> 8, &failed))
            return 1;
    }
    cpu->excl_addr = ARM_NO_RESERVATION;
    cpu->x[rd] = failed;
    return 0;
}

/* CNTVCT: the monotonic clock in units of 1 / ARM_CNTFRQ. */
uint64_t a32_helper_cntvct(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return sys_monotonic(ARM_CNTFRQ);
}

_Static_assert((int)SOFTFP_INVALID == IR_FF_INVALID && (int)SOFTFP_INEXACT == IR_FF_INEXACT,
               "flags are IR_FF_*");

/* VCVT to 16-bit fixed point: a number, b fraction bits | double << 8 | unsigned << 9 | IR_FP_* << 16.
 * Result: the integer, flags << 32. */
uint64_t a32_helper_to_fix16(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t fp = b >> 16;
    SoftfpMode mode = {.round = SOFTFP_RTZ, .nan = fp & IR_FP_DN ? SOFTFP_NAN_ARM_DN : SOFTFP_NAN_ARM,
                       .daz = (fp & IR_FP_FZ) != 0, .ftz = (fp & IR_FP_FZ) != 0, .tiny_before = 1};
    SoftfpRes r = softfp_to_fixed(b >> 8 & 1 ? SOFTFP_F64 : SOFTFP_F32, mode, a, 16, b >> 9 & 1, b & 255);

    return (r.bits & 0xffff) | (uint64_t)r.flags << 32;
}
