/* Vocabulary of the vector recipes: three-operand instructions that become VEX or legacy forms, whichever the
 * host has. Registers are xmm numbers. d may be any of the sources of one instruction, but recipes of several
 * must keep their result out of operands that they still read (the avoid mask of x64_def_x). Private to
 * x64_emit_vec*.c. */
#ifndef TCG_HOST_X86_64_X64_VEC_H
#define TCG_HOST_X86_64_X64_VEC_H

#include "tcg/host/x86_64/asm_lanes.h"
#include "tcg/host/x86_64/x64_priv.h"

static inline bool xv_has(const X64Emit *e, enum X64Feature f) { return x64_has(e->h->features, f); }
static inline bool xv_avx(const X64Emit *e) { return xv_has(e, X64_F_AVX); }
/* AVX-512 feature f at 128 bits. */
static inline bool xv_evex(const X64Emit *e, enum X64Feature f)
{
    return xv_has(e, X64_F_AVX512VL) && xv_has(e, f);
}

void xv_mov(X64Emit *e, int d, int x);
void xv_zero(X64Emit *e, int d);
void xv_ones(X64Emit *e, int d);
void xv3(X64Emit *e, unsigned op, int d, int x, int y);             /* d = x op y */
void xv3i(X64Emit *e, unsigned op, int d, int x, int y, int imm);
void xv2(X64Emit *e, unsigned op, int d, int x);                    /* d = op x */
void xv2i(X64Emit *e, unsigned op, int d, int x, int imm);
void xv3l(X64Emit *e, unsigned op, int d, int x, IrVec lit);        /* d = x op constant */
void xv_shift(X64Emit *e, int opc, int digit, int d, int x, int n); /* see x64_lane_shift */
/* d = sign of mask's lanes ? y : x, mask lanes being all ones or zero; `t`: a register that may be lost. d is
 * none of y, mask. */
void xv_blend(X64Emit *e, int d, int x, int y, int mask, int t);
void xv_not(X64Emit *e, int d, int x);

/* The constant with the same value in all lanes. */
IrVec xv_dup(unsigned lane, uint64_t v);
IrVec xv_bytes(const uint8_t b[16]);
/* Operand k as constant. */
bool xv_const(const X64Emit *e, IrVal v, IrVec *ret);

static inline uint32_t xv_bit(int x) { return 1u << x; }
/* Registers of operands; the result, which must not be one of `avoid`. */
static inline int xv_def(X64Emit *e, uint32_t avoid) { return x64_def_x(e, -1, avoid); }
/* A scratch register is no more needed; the next one may be it. */
static inline void xv_free(X64Emit *e, int x) { e->locked &= ~(1u << (x + X64_XMM)); }
static inline unsigned xv_n(const IrInsn *i) { return i->imm >> 8 & 255; }
static inline unsigned xv_m(const IrInsn *i) { return i->imm >> 16 & 255; }
/* d = a op b for a row that is one instruction. */
void xv_bin(X64Emit *e, unsigned op, const IrInsn *i);
void xv_una(X64Emit *e, unsigned op, const IrInsn *i);
/* Even or odd lanes of x, then of y; d is neither. (vuzp, and the pairwise rows.) */
void xv_uzp(X64Emit *e, IrType type, unsigned lane, bool odd, int d, int x, int y);

#endif
