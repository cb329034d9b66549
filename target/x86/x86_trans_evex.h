/* What the translation functions of AVX-512 share: registers as up to four quarters, masks, rounding in the
 * prefix. Private to target/x86. */
#ifndef TARGET_X86_X86_TRANS_EVEX_H
#define TARGET_X86_X86_TRANS_EVEX_H

#include "target/x86/x86_evex.h"
#include "target/x86/x86_trans.h"

typedef struct X86Zmm {
    IrVal p[4];
    unsigned n; /* how many */
} X86Zmm;

static inline IrVal x86_zero(Trans *t)
{
    return ir_vconst(t->b, IR_V128, 0, 0);
}
static inline unsigned x86_z_parts(const X86Insn *x)
{
    return 1u << x->vl;
}
X86Zmm x86_z_reg(Trans *t, const X86Insn *x, unsigned r);
/* Writes a register; what is above is cleared. */
void x86_z_put(Trans *t, unsigned r, X86Zmm v);
/* vvvv */
static inline X86Zmm x86_z_first(Trans *t, const X86Insn *x)
{
    return x86_z_reg(t, x, x->vvvv);
}
/* Operand k, in modrm.rm: as many parts as it fills, one of which may be filled in part, zeros above; an
 * element for all is repeated. Of memory only what the mask asks for is touched, where the row says so. */
X86Zmm x86_z_source(Trans *t, const X86Insn *x, unsigned k);
/* All ones in lanes whose bit of m (i64), from bit `first` on, is set. */
IrVal x86_lanes_of(Trans *t, IrVal m, unsigned first, unsigned lane);
/* The opposite: signs of lanes as the low bits of an i64. */
IrVal x86_bits_of(Trans *t, X86Zmm v, unsigned lane);
/* The instruction's mask for part p with lanes of that size; IR_NONE: it has none. */
IrVal x86_z_mask(Trans *t, const X86Insn *x, unsigned p, unsigned lane);
/* Lane 0 by the mask, all ones in the others. */
IrVal x86_z_mask0(Trans *t, const X86Insn *x, unsigned lane);
/* v with masked elements merged from register r, or zero. */
X86Zmm x86_z_merge(Trans *t, const X86Insn *x, unsigned r, X86Zmm v);
/* x86_z_merge() to modrm.reg. */
void x86_z_result(Trans *t, const X86Insn *x, X86Zmm v);
/* v to operand 0 in modrm.rm, register or memory, `bytes` of it, masked. */
void x86_z_store(Trans *t, const X86Insn *x, X86Zmm v, unsigned bytes, bool aligned);
/* Elements that the mask leaves out as zeros, so that they raise nothing. */
X86Zmm x86_z_quiet(Trans *t, const X86Insn *x, X86Zmm v, unsigned lane);

/* Rounding and "no exceptions" in the prefix: what must be put back. */
typedef struct X86Rounding {
    IrVal flags, round;
    bool looks; /* at what was raised, of which something is not masked */
} X86Rounding;
X86Rounding x86_rounding_begin(Trans *t, const X86Insn *x);
void x86_rounding_end(Trans *t, X86Rounding r);

/* By C, see x86_evex.h. addr: of memory, or IR_NONE. */
void x86_z_call(Trans *t, const X86Insn *x, unsigned op, unsigned count, IrVal addr);

static inline IrVal x86_k(Trans *t, unsigned r)
{
    return ir_get(t->b, X86_SLOT_K + r);
}
static inline void x86_put_k(Trans *t, unsigned r, IrVal v)
{
    ir_put(t->b, X86_SLOT_K + r, v);
}
/* Bits of v below `n`. */
static inline IrVal x86_k_bits(Trans *t, IrVal v, unsigned n)
{
    return n >= 64 ? v : ir_and(t->b, IR_I64, v, x86_c(t, IR_I64, (int64_t)(BIT(n) - 1)));
}

#endif
