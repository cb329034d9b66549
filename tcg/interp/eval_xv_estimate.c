/* rcpps and rsqrtps, of which the manual bounds the error: on an x86 host those of the host, which generated
 * code gives, too. They raise nothing and do not look at MXCSR. Elsewhere correct to 15 bits; 12 are asked
 * for. */
#include "tcg/interp/eval_xv.h"

#ifdef __x86_64__
IrVec ir_xv_estimates(bool root, IrVec x)
{
    typedef float V4 __attribute__((vector_size(16)));
    V4 v;
    memcpy(&v, &x, 16);
    if (root)
        __asm__("rsqrtps %0, %0" : "+x"(v));
    else
        __asm__("rcpps %0, %0" : "+x"(v));
    memcpy(&x, &v, 16);
    return x;
}
#else
IrVec ir_xv_estimates(bool root, IrVec x)
{
    const SoftfpMode mode = {.nan = SOFTFP_NAN_X86, .ftz = 1, .daz = 1};
    for (unsigned k = 0; k < 4; k++) {
        uint64_t v = ir_xv_lane(&x, 4, k);
        if (root)
            v = softfp_sqrt(SOFTFP_F32, mode, v).bits;
        v = softfp_div(SOFTFP_F32, mode, 0x3f800000, v).bits;
        bool nan = (v & 0x7fffffff) > 0x7f800000;
        ir_xv_put(&x, 4, k, nan ? v : v & ~0xffull);
    }
    return x;
}
#endif
