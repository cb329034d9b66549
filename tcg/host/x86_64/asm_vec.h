/* x86-64 encoder, vector and floating-point instructions: three generic encodings (SSE, VEX, EVEX) and
 * one-line names on top. Conventions: asm_core.h; w sets the W bit when it is 64 and means nothing else. */
#ifndef TCG_HOST_X86_64_ASM_VEC_H
#define TCG_HOST_X86_64_ASM_VEC_H

#include "tcg/host/x86_64/asm_core.h"

/* Element format of FP instructions = their mandatory prefix. Bit 0: double, bit 1: scalar. */
enum X64Fp { X64_PS = X64_PNONE, X64_PD = X64_P66, X64_SS = X64_PF3, X64_SD = X64_PF2 };
enum X64FArith { X64_FSQRT = 0x51, X64_FADD = 0x58, X64_FMUL, X64_FSUB = 0x5c, X64_FMIN, X64_FDIV, X64_FMAX };
enum X64FLogic { X64_FAND = 0x54, X64_FANDN, X64_FOR, X64_FXOR };
/* Low nibble of the FMA3 opcode, scalar forms one higher; order is the high nibble. */
enum X64Fma { X64_FMADD = 0x8, X64_FMSUB = 0xa, X64_FNMADD = 0xc, X64_FNMSUB = 0xe };
enum X64FmaOrder { X64_132 = 0x90, X64_213 = 0xa0, X64_231 = 0xb0 };
/* Integer SSE2 operations with prefix 66 in map 0F. */
enum X64PInt {
    X64_PUNPCKLBW = 0x60, X64_PUNPCKLWD, X64_PUNPCKLDQ, X64_PUNPCKLQDQ = 0x6c,
    X64_PCMPEQB = 0x74, X64_PCMPEQW, X64_PCMPEQD,
    X64_PADDQ = 0xd4, X64_PAND = 0xdb, X64_PANDN = 0xdf, X64_POR = 0xeb, X64_PXOR = 0xef,
    X64_PSUBD = 0xfa, X64_PSUBQ, X64_PADDD = 0xfe,
};

/* ---- generic SSE ---- */

static inline void x64_sse_rr(X64Asm *a, int pp, int map, int opc, int w, int dst, int src)
{
    if (x64_room(a))
        a->p = x64_put_rr(a->p, w, X64_OP(pp, map, opc), dst, src, 0);
}

static inline void x64_sse_rm(X64Asm *a, int pp, int map, int opc, int w, int dst, X64Mem m)
{
    if (x64_room(a))
        a->p = x64_put_rm(a->p, w, X64_OP(pp, map, opc), dst, m, 0);
}

static inline void x64_sse_rr_imm8(X64Asm *a, int pp, int map, int opc, int w, int dst, int src, int imm)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_rr(a->p, w, X64_OP(pp, map, opc), dst, src, 0);
    *p = (uint8_t) imm;
    a->p = p + 1;
}

static inline void x64_sse_rm_imm8(X64Asm *a, int pp, int map, int opc, int w, int dst, X64Mem m, int imm)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_rm(a->p, w, X64_OP(pp, map, opc), dst, m, 0);
    *p = (uint8_t) imm;
    a->p = p + 1;
}

/* ---- generic VEX: L 0 = 128 bits or scalar, 1 = 256; src1 0 where the instruction has none ---- */

static inline uint8_t *x64_put_vex_rr(uint8_t *p, unsigned op, int w, int l, int dst, int src1, int src2)
{
    p = x64_put_vex(p, op, w, (unsigned) l, dst, src1, 0, x64_hi(src2));
    return x64_put_modrm(p, dst, src2);
}

static inline uint8_t *x64_put_vex_rm(uint8_t *p, unsigned op, int w, int l, int dst, int src1, X64Mem m)
{
    p = x64_put_vex(x64_put_seg(p, m), op, w, (unsigned) l, dst, src1, x64_hi(m.index), x64_hi(m.base));
    return x64_put_mem(p, dst, m, 0);
}

static inline void x64_vex_rrr(X64Asm *a, int pp, int map, int opc, int w, int l, int dst, int src1, int src2)
{
    if (x64_room(a))
        a->p = x64_put_vex_rr(a->p, X64_OP(pp, map, opc), w, l, dst, src1, src2);
}

static inline void x64_vex_rrm(X64Asm *a, int pp, int map, int opc, int w, int l, int dst, int src1, X64Mem m)
{
    if (x64_room(a))
        a->p = x64_put_vex_rm(a->p, X64_OP(pp, map, opc), w, l, dst, src1, m);
}

static inline void x64_vex_rrr_imm8(X64Asm *a, int pp, int map, int opc, int w, int l, int dst, int src1,
                                    int src2, int imm)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_vex_rr(a->p, X64_OP(pp, map, opc), w, l, dst, src1, src2);
    *p = (uint8_t) imm;
    a->p = p + 1;
}

static inline void x64_vex_rrm_imm8(X64Asm *a, int pp, int map, int opc, int w, int l, int dst, int src1,
                                    X64Mem m, int imm)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_vex_rm(a->p, X64_OP(pp, map, opc), w, l, dst, src1, m);
    *p = (uint8_t) imm;
    a->p = p + 1;
}

/* ---- generic EVEX (AVX-512): 32 vector registers; see X64Evex ---- */

static inline void x64_evex_rrr(X64Asm *a, int pp, int map, int opc, int w, X64Evex e, int dst, int src1,
                                int src2)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_evex(a->p, X64_OP(pp, map, opc), w, e, dst, src1, (unsigned) src2 >> 4 & 1,
                              x64_hi(src2));
    a->p = x64_put_modrm(p, dst, src2);
}

static inline void x64_evex_rrm(X64Asm *a, int pp, int map, int opc, int w, X64Evex e, int dst, int src1,
                                X64Mem m)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_evex(x64_put_seg(a->p, m), X64_OP(pp, map, opc), w, e, dst, src1, x64_hi(m.index),
                              x64_hi(m.base));
    a->p = x64_put_mem(p, dst, m, e.disp8);
}

/* ---- moves ---- */

/* In the form of the region; no instruction with another source. */
static inline void x64_move_rr(X64Asm *a, int pp, int opc, int w, int reg, int rm)
{
    if (a->vex)
        x64_vex_rrr(a, pp, X64_0F, opc, w, 0, reg, 0, rm);
    else
        x64_sse_rr(a, pp, X64_0F, opc, w, reg, rm);
}

static inline void x64_move_rm(X64Asm *a, int pp, int opc, int reg, X64Mem m)
{
    if (a->vex)
        x64_vex_rrm(a, pp, X64_0F, opc, 0, 0, reg, 0, m);
    else
        x64_sse_rm(a, pp, X64_0F, opc, 0, reg, m);
}

/* Loads of scalars zero the rest of the register; movsd/movss between registers would not, so register
 * copies are movaps. */
static inline void x64_movs_rm(X64Asm *a, int fmt, int dst, X64Mem m)
{
    x64_move_rm(a, fmt, 0x10, dst, m);
}

static inline void x64_movs_mr(X64Asm *a, int fmt, X64Mem m, int src)
{
    x64_move_rm(a, fmt, 0x11, src, m);
}

static inline void x64_movss_rm(X64Asm *a, int dst, X64Mem m) { x64_movs_rm(a, X64_SS, dst, m); }
static inline void x64_movss_mr(X64Asm *a, X64Mem m, int src) { x64_movs_mr(a, X64_SS, m, src); }
static inline void x64_movsd_rm(X64Asm *a, int dst, X64Mem m) { x64_movs_rm(a, X64_SD, dst, m); }
static inline void x64_movsd_mr(X64Asm *a, X64Mem m, int src) { x64_movs_mr(a, X64_SD, m, src); }

/* Merge: low element of src into dst, the rest of dst stays. */
static inline void x64_movs_merge_rr(X64Asm *a, int fmt, int dst, int src)
{
    x64_sse_rr(a, fmt, X64_0F, 0x10, 0, dst, src);
}

static inline void x64_movaps_rr(X64Asm *a, int dst, int src)
{
    x64_move_rr(a, X64_PS, 0x28, 0, dst, src);
}

static inline void x64_movaps_rm(X64Asm *a, int dst, X64Mem m)
{
    x64_move_rm(a, X64_PS, 0x28, dst, m);
}

static inline void x64_movaps_mr(X64Asm *a, X64Mem m, int src)
{
    x64_move_rm(a, X64_PS, 0x29, src, m);
}

/* The upper half of src. */
static inline void x64_movhps_mr(X64Asm *a, X64Mem m, int src)
{
    x64_move_rm(a, X64_PS, 0x17, src, m);
}

static inline void x64_movups_rm(X64Asm *a, int dst, X64Mem m)
{
    x64_move_rm(a, X64_PS, 0x10, dst, m);
}

static inline void x64_movups_mr(X64Asm *a, X64Mem m, int src)
{
    x64_move_rm(a, X64_PS, 0x11, src, m);
}

/* General register to xmm (upper part zeroed) and back; w 32 or 64. */
static inline void x64_movd_xr(X64Asm *a, int w, int xmm, int reg)
{
    x64_move_rr(a, X64_P66, 0x6e, w, xmm, reg);
}

static inline void x64_movd_rx(X64Asm *a, int w, int reg, int xmm)
{
    x64_move_rr(a, X64_P66, 0x7e, w, xmm, reg);
}

/* Low quadword of src, upper half zeroed. */
static inline void x64_movq_rr(X64Asm *a, int dst, int src)
{
    x64_move_rr(a, X64_PF3, 0x7e, 0, dst, src);
}

static inline void x64_movq_rm(X64Asm *a, int dst, X64Mem m)
{
    x64_move_rm(a, X64_PF3, 0x7e, dst, m);
}

static inline void x64_movq_mr(X64Asm *a, X64Mem m, int src)
{
    x64_sse_rm(a, X64_P66, X64_0F, 0xd6, 0, src, m);
}

/* ---- FP arithmetic: fmt is X64_PS, PD, SS or SD ---- */

static inline void x64_farith_rr(X64Asm *a, int fmt, int op, int dst, int src)
{
    x64_sse_rr(a, fmt, X64_0F, op, 0, dst, src);
}

static inline void x64_farith_rm(X64Asm *a, int fmt, int op, int dst, X64Mem m)
{
    x64_sse_rm(a, fmt, X64_0F, op, 0, dst, m);
}

static inline void x64_vfarith_rrr(X64Asm *a, int fmt, int op, int dst, int src1, int src2)
{
    x64_vex_rrr(a, fmt, X64_0F, op, 0, 0, dst, src1, src2);
}

static inline void x64_vfarith_rrm(X64Asm *a, int fmt, int op, int dst, int src1, X64Mem m)
{
    x64_vex_rrm(a, fmt, X64_0F, op, 0, 0, dst, src1, m);
}

#define X64_FP_NAMES(name, op)                                                                               \
    static inline void x64_##name##ss(X64Asm *a, int d, int s) { x64_farith_rr(a, X64_SS, op, d, s); }       \
    static inline void x64_##name##sd(X64Asm *a, int d, int s) { x64_farith_rr(a, X64_SD, op, d, s); }       \
    static inline void x64_##name##ps(X64Asm *a, int d, int s) { x64_farith_rr(a, X64_PS, op, d, s); }       \
    static inline void x64_##name##pd(X64Asm *a, int d, int s) { x64_farith_rr(a, X64_PD, op, d, s); }

X64_FP_NAMES(add, X64_FADD)
X64_FP_NAMES(sub, X64_FSUB)
X64_FP_NAMES(mul, X64_FMUL)
X64_FP_NAMES(div, X64_FDIV)
X64_FP_NAMES(sqrt, X64_FSQRT)
X64_FP_NAMES(min, X64_FMIN)
X64_FP_NAMES(max, X64_FMAX)
#undef X64_FP_NAMES

/* dst = +-(x * y) +- z; 213: dst = s1*dst + s2, 231: dst = s1*s2 + dst, 132: dst = dst*s2 + s1. */
static inline void x64_fma_rrr(X64Asm *a, int fmt, int kind, int order, int dst, int src1, int src2)
{
    x64_vex_rrr(a, X64_P66, X64_0F38, order | kind | fmt >> 1, fmt & 1 ? 64 : 32, 0, dst, src1, src2);
}

static inline void x64_fma_rrm(X64Asm *a, int fmt, int kind, int order, int dst, int src1, X64Mem m)
{
    x64_vex_rrm(a, X64_P66, X64_0F38, order | kind | fmt >> 1, fmt & 1 ? 64 : 32, 0, dst, src1, m);
}

/* Compare to eflags: unordered sets ZF, PF, CF. ucomis signals for signalling NaNs only, comis for all. */
static inline void x64_ucomis_rr(X64Asm *a, int fmt, int x, int y)
{
    x64_sse_rr(a, fmt & 1, X64_0F, 0x2e, 0, x, y);
}

static inline void x64_ucomis_rm(X64Asm *a, int fmt, int x, X64Mem m)
{
    x64_sse_rm(a, fmt & 1, X64_0F, 0x2e, 0, x, m);
}

static inline void x64_comis_rr(X64Asm *a, int fmt, int x, int y)
{
    x64_sse_rr(a, fmt & 1, X64_0F, 0x2f, 0, x, y);
}

static inline void x64_comis_rm(X64Asm *a, int fmt, int x, X64Mem m)
{
    x64_sse_rm(a, fmt & 1, X64_0F, 0x2f, 0, x, m);
}

/* Compare to a mask in dst: pred 0 eq, 1 lt, 2 le, 3 unord, 4 neq, 5 nlt, 6 nle, 7 ord. */
static inline void x64_cmps_rr(X64Asm *a, int fmt, int pred, int dst, int src)
{
    x64_sse_rr_imm8(a, fmt, X64_0F, 0xc2, 0, dst, src, pred);
}

/* ---- conversions; w is the integer's width. cvtsi2f keeps the upper part of dst: zero it before ---- */

static inline void x64_cvtsi2f_rr(X64Asm *a, int fmt, int w, int xmm, int reg)
{
    x64_sse_rr(a, fmt, X64_0F, 0x2a, w, xmm, reg);
}

static inline void x64_cvttf2si_rr(X64Asm *a, int fmt, int w, int reg, int xmm)
{
    x64_sse_rr(a, fmt, X64_0F, 0x2c, w, reg, xmm);
}

static inline void x64_cvtf2si_rr(X64Asm *a, int fmt, int w, int reg, int xmm)
{
    x64_sse_rr(a, fmt, X64_0F, 0x2d, w, reg, xmm);
}

static inline void x64_cvtsi2sd(X64Asm *a, int w, int xmm, int reg)
{
    x64_cvtsi2f_rr(a, X64_SD, w, xmm, reg);
}

static inline void x64_cvtsi2ss(X64Asm *a, int w, int xmm, int reg)
{
    x64_cvtsi2f_rr(a, X64_SS, w, xmm, reg);
}

static inline void x64_cvttsd2si(X64Asm *a, int w, int reg, int xmm)
{
    x64_cvttf2si_rr(a, X64_SD, w, reg, xmm);
}

static inline void x64_cvttss2si(X64Asm *a, int w, int reg, int xmm)
{
    x64_cvttf2si_rr(a, X64_SS, w, reg, xmm);
}

static inline void x64_cvtsd2si(X64Asm *a, int w, int reg, int xmm)
{
    x64_cvtf2si_rr(a, X64_SD, w, reg, xmm);
}

static inline void x64_cvtss2si(X64Asm *a, int w, int reg, int xmm)
{
    x64_cvtf2si_rr(a, X64_SS, w, reg, xmm);
}

static inline void x64_cvtsd2ss(X64Asm *a, int dst, int src)
{
    x64_sse_rr(a, X64_SD, X64_0F, 0x5a, 0, dst, src);
}

static inline void x64_cvtss2sd(X64Asm *a, int dst, int src)
{
    x64_sse_rr(a, X64_SS, X64_0F, 0x5a, 0, dst, src);
}

/* SSE4.1. imm: 0 nearest even, 1 down, 2 up, 3 to zero, 4 as MXCSR; +8 leaves inexact alone. */
static inline void x64_rounds_rr(X64Asm *a, int fmt, int dst, int src, int imm)
{
    x64_sse_rr_imm8(a, X64_P66, X64_0F3A, 0x0a | (fmt & 1), 0, dst, src, imm);
}

static inline void x64_roundss(X64Asm *a, int dst, int src, int imm)
{
    x64_rounds_rr(a, X64_SS, dst, src, imm);
}

static inline void x64_roundsd(X64Asm *a, int dst, int src, int imm)
{
    x64_rounds_rr(a, X64_SD, dst, src, imm);
}

/* ---- logic and integer lanes ---- */

/* fmt X64_PS or X64_PD; FANDN is ~dst & src. */
static inline void x64_flogic_rr(X64Asm *a, int fmt, int op, int dst, int src)
{
    x64_sse_rr(a, fmt, X64_0F, op, 0, dst, src);
}

static inline void x64_flogic_rm(X64Asm *a, int fmt, int op, int dst, X64Mem m)
{
    x64_sse_rm(a, fmt, X64_0F, op, 0, dst, m);
}

static inline void x64_pint_rr(X64Asm *a, int op, int dst, int src)
{
    x64_sse_rr(a, X64_P66, X64_0F, op, 0, dst, src);
}

static inline void x64_pint_rm(X64Asm *a, int op, int dst, X64Mem m)
{
    x64_sse_rm(a, X64_P66, X64_0F, op, 0, dst, m);
}

static inline void x64_pxor(X64Asm *a, int dst, int src) { x64_pint_rr(a, X64_PXOR, dst, src); }
static inline void x64_por(X64Asm *a, int dst, int src) { x64_pint_rr(a, X64_POR, dst, src); }
static inline void x64_pand(X64Asm *a, int dst, int src) { x64_pint_rr(a, X64_PAND, dst, src); }
static inline void x64_pandn(X64Asm *a, int dst, int src) { x64_pint_rr(a, X64_PANDN, dst, src); }
static inline void x64_pcmpeqd(X64Asm *a, int dst, int src) { x64_pint_rr(a, X64_PCMPEQD, dst, src); }

static inline void x64_unpcklps(X64Asm *a, int dst, int src)
{
    x64_sse_rr(a, X64_PS, X64_0F, 0x14, 0, dst, src);
}

static inline void x64_movddup(X64Asm *a, int dst, int src)
{
    x64_sse_rr(a, X64_SD, X64_0F, 0x12, 0, dst, src);
}

static inline void x64_pshufd(X64Asm *a, int dst, int src, int imm)
{
    x64_sse_rr_imm8(a, X64_P66, X64_0F, 0x70, 0, dst, src, imm);
}

/* SSE4.1: dword (w 32) or quadword (w 64) number imm of an xmm. */
static inline void x64_pinsr(X64Asm *a, int w, int xmm, int reg, int imm)
{
    x64_sse_rr_imm8(a, X64_P66, X64_0F3A, 0x22, w, xmm, reg, imm);
}

static inline void x64_pextr(X64Asm *a, int w, int reg, int xmm, int imm)
{
    x64_sse_rr_imm8(a, X64_P66, X64_0F3A, 0x16, w, xmm, reg, imm);
}

/* Shifts of dwords (w 32) or quadwords (w 64) by an immediate. */
static inline void x64_psll_ri(X64Asm *a, int w, int dst, int imm)
{
    x64_sse_rr_imm8(a, X64_P66, X64_0F, w == 64 ? 0x73 : 0x72, 0, 6, dst, imm);
}

static inline void x64_psrl_ri(X64Asm *a, int w, int dst, int imm)
{
    x64_sse_rr_imm8(a, X64_P66, X64_0F, w == 64 ? 0x73 : 0x72, 0, 2, dst, imm);
}

static inline void x64_movmskps(X64Asm *a, int reg, int xmm)
{
    x64_sse_rr(a, X64_PS, X64_0F, 0x50, 0, reg, xmm);
}

static inline void x64_movmskpd(X64Asm *a, int reg, int xmm)
{
    x64_sse_rr(a, X64_PD, X64_0F, 0x50, 0, reg, xmm);
}

#endif
