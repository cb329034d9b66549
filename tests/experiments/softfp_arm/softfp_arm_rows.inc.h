/* ROW(id, instructions, format of the operands, bits of the result, softfp expression)
 * Operands are in d0, d1, d2 and x0 (= a); the result is expected in d3. f is the format, m its mode. */
#define FORMAT(F, r, w)                                                                                      \
    ROW(ADD_##F, "fadd " r "3, " r "0, " r "1", F, w, softfp_add(f, m, a, b))                                \
    ROW(SUB_##F, "fsub " r "3, " r "0, " r "1", F, w, softfp_sub(f, m, a, b))                                \
    ROW(MUL_##F, "fmul " r "3, " r "0, " r "1", F, w, softfp_mul(f, m, a, b))                                \
    ROW(DIV_##F, "fdiv " r "3, " r "0, " r "1", F, w, softfp_div(f, m, a, b))                                \
    ROW(MULX_##F, "fmulx " r "3, " r "0, " r "1", F, w, softfp_mulx(f, m, a, b))                             \
    ROW(RECPS_##F, "frecps " r "3, " r "0, " r "1", F, w, softfp_recps(f, m, a, b))                          \
    ROW(RSQRTS_##F, "frsqrts " r "3, " r "0, " r "1", F, w, softfp_rsqrts(f, m, a, b))                       \
    ROW(MIN_##F, "fmin " r "3, " r "0, " r "1", F, w, softfp_minm(f, m, a, b))                               \
    ROW(MAX_##F, "fmax " r "3, " r "0, " r "1", F, w, softfp_maxm(f, m, a, b))                               \
    ROW(MINNM_##F, "fminnm " r "3, " r "0, " r "1", F, w, softfp_min(f, m, a, b))                            \
    ROW(MAXNM_##F, "fmaxnm " r "3, " r "0, " r "1", F, w, softfp_max(f, m, a, b))                            \
    ROW(MADD_##F, "fmadd " r "3, " r "0, " r "1, " r "2", F, w, softfp_fma(f, m, 0, a, b, c))                \
    ROW(MSUB_##F, "fmsub " r "3, " r "0, " r "1, " r "2", F, w, softfp_fma(f, m, 1, a, b, c))                \
    ROW(NMADD_##F, "fnmadd " r "3, " r "0, " r "1, " r "2", F, w, softfp_fma(f, m, 3, a, b, c))              \
    ROW(NMSUB_##F, "fnmsub " r "3, " r "0, " r "1, " r "2", F, w, softfp_fma(f, m, 2, a, b, c))              \
    ROW(CMP_##F, "fcmp " r "0, " r "1\n mrs x0, nzcv\n fmov d3, x0", F, 64, nzcv(f, m, SOFTFP_LTQ, a, b))    \
    ROW(CMPE_##F, "fcmpe " r "0, " r "1\n mrs x0, nzcv\n fmov d3, x0", F, 64, nzcv(f, m, SOFTFP_LT, a, b))   \
    ROW(SQRT_##F, "fsqrt " r "3, " r "0", F, w, softfp_sqrt(f, m, a))                                        \
    ROW(RECPE_##F, "frecpe " r "3, " r "0", F, w, softfp_recpe(f, m, a))                                     \
    ROW(RSQRTE_##F, "frsqrte " r "3, " r "0", F, w, softfp_rsqrte(f, m, a))                                  \
    ROW(RECPX_##F, "frecpx " r "3, " r "0", F, w, softfp_recpx(f, m, a))                                     \
    ROW(RINTI_##F, "frinti " r "3, " r "0", F, w, softfp_round_to_int(f, m, a, false))                       \
    ROW(RINTX_##F, "frintx " r "3, " r "0", F, w, softfp_round_to_int(f, m, a, true))                        \
    ROW(RINTA_##F, "frinta " r "3, " r "0", F, w, softfp_round_to_int(f, rounded(m, SOFTFP_RMM), a, false))  \
    ROW(CVTZS_W_##F, "fcvtzs w0, " r "0\n fmov d3, x0", F, 64,                                               \
        softfp_to_int(f, rounded(m, SOFTFP_RTZ), a, 32, false))                                              \
    ROW(CVTAU_X_##F, "fcvtau x0, " r "0\n fmov d3, x0", F, 64,                                               \
        softfp_to_int(f, rounded(m, SOFTFP_RMM), a, 64, true))                                               \
    ROW(CVTMS_X_##F, "fcvtms x0, " r "0\n fmov d3, x0", F, 64,                                               \
        softfp_to_int(f, rounded(m, SOFTFP_RDN), a, 64, false))                                              \
    ROW(CVTNU_W_##F, "fcvtnu w0, " r "0\n fmov d3, x0", F, 64,                                               \
        softfp_to_int(f, rounded(m, SOFTFP_RNE), a, 32, true))                                               \
    ROW(CVTZS_FIX7_##F, "fcvtzs w0, " r "0, #7\n fmov d3, x0", F, 64,                                        \
        softfp_to_fixed(f, rounded(m, SOFTFP_RTZ), a, 32, false, 7))                                         \
    ROW(CVTZU_FIX40_##F, "fcvtzu x0, " r "0, #40\n fmov d3, x0", F, 64,                                      \
        softfp_to_fixed(f, rounded(m, SOFTFP_RTZ), a, 64, true, 40))                                         \
    ROW(SCVTF_W_##F, "scvtf " r "3, w0", F, w, softfp_from_int(f, m, a, 32, false))                          \
    ROW(UCVTF_X_##F, "ucvtf " r "3, x0", F, w, softfp_from_int(f, m, a, 64, true))                           \
    ROW(SCVTF_FIX60_##F, "scvtf " r "3, x0, #60", F, w, softfp_from_fixed(f, m, a, 64, false, 60))           \
    ROW(UCVTF_FIX5_##F, "ucvtf " r "3, w0, #5", F, w, softfp_from_fixed(f, m, a, 32, true, 5))

#define ROUND_WIDTH(F, r, w)                                                                                 \
    ROW(RINT32X_##F, "frint32x " r "3, " r "0", F, w, softfp_round_to_width(f, m, a, 32))                    \
    ROW(RINT64X_##F, "frint64x " r "3, " r "0", F, w, softfp_round_to_width(f, m, a, 64))                    \
    ROW(RINT32Z_##F, "frint32z " r "3, " r "0", F, w,                                                        \
        softfp_round_to_width(f, rounded(m, SOFTFP_RTZ), a, 32))                                             \
    ROW(RINT64Z_##F, "frint64z " r "3, " r "0", F, w,                                                        \
        softfp_round_to_width(f, rounded(m, SOFTFP_RTZ), a, 64))

FORMAT(F16, "h", 16)
FORMAT(F32, "s", 32)
FORMAT(F64, "d", 64)
ROUND_WIDTH(F32, "s", 32)
ROUND_WIDTH(F64, "d", 64)
ROW(CVT_HS, "fcvt h3, s0", F32, 16, softfp_cvt(SOFTFP_F16, f, cvt(r), a))
ROW(CVT_HD, "fcvt h3, d0", F64, 16, softfp_cvt(SOFTFP_F16, f, cvt(r), a))
ROW(CVT_SH, "fcvt s3, h0", F16, 32, softfp_cvt(SOFTFP_F32, f, cvt(r), a))
ROW(CVT_DH, "fcvt d3, h0", F16, 64, softfp_cvt(SOFTFP_F64, f, cvt(r), a))
ROW(CVT_SD, "fcvt s3, d0", F64, 32, softfp_cvt(SOFTFP_F32, f, cvt(r), a))
ROW(CVT_DS, "fcvt d3, s0", F32, 64, softfp_cvt(SOFTFP_F64, f, cvt(r), a))
ROW(CVTXN, "fcvtxn s3, d0", F64, 32, softfp_cvt(SOFTFP_F32, f, rounded(m, SOFTFP_ODD), a))
ROW(JCVT, "fjcvtzs w0, d0\n mrs x1, nzcv\n lsl x1, x1, #2\n orr x0, x0, x1\n fmov d3, x0", F64, 64,
    softfp_to_js_int(m, a))
ROW(BFCVT, "bfcvt h3, s0", F32, 16, softfp_cvt(SOFTFP_BF16, f, cvt(r), a))
ROW(BFDOT, "mov v3.16b, v2.16b\n bfdot v3.2s, v0.4h, v1.4h", F32, 32,
    plain(softfp_bfdot(c, a, a >> 16, b, b >> 16)))
ROW(URECPE, "urecpe v3.2s, v0.2s", F32, 32, plain(softfp_urecpe(a)))
ROW(URSQRTE, "ursqrte v3.2s, v0.2s", F32, 32, plain(softfp_ursqrte(a)))
#undef FORMAT
#undef ROUND_WIDTH
