/*
 * The meaning of the rows xv, xvf, flxv and flxvf: vector instructions of x86 by their encoding. For the
 * interpreter, which knows those of xv.def. Back ends for x86 emit the instruction itself, so the two have
 * nothing in common but the encoding; tests/insn/x86 compares both with the processor.
 *
 * Pure functions on integers (floats by softfp), any thread. One exception: of rcpps and rsqrtps the manual
 * bounds the error only; on an x86 host they are what the host has, which generated code gives, too.
 * Sources: AMD64 APM volumes 4 and 6; Intel SDM volume 2.
 */
#ifndef TCG_INTERP_EVAL_XV_H
#define TCG_INTERP_EVAL_XV_H

#include "softfp/softfp.h"
#include "tcg/ir/eval.h"

/* arg[0..2]: operands a, b, c of i; an integer in w[0]. *ret: the result, of flxv the word of flags.
 * *ret_flags: IR_FF_* or-ed in. False: no such instruction. */
bool ir_eval_xv(const IrInsn *i, IrFpEnv env, const IrVec arg[3], IrVec *ret, uint32_t *ret_flags);

/* What vcvtps2ph with this immediate makes of one element. */
SoftfpRes ir_xv_to_half(SoftfpMode mode, unsigned imm, uint64_t v);

/* ---- pcmpestri and its family (eval_xv_text.c) ---- */

typedef struct IrXvText {
    const uint8_t *bytes; /* 16 */
    unsigned n;           /* elements that are valid */
} IrXvText;

unsigned ir_xv_text_most(unsigned imm);                         /* elements that there are at most */
unsigned ir_xv_text_length(const uint8_t *bytes, unsigned imm); /* up to a zero */
/* One bit an element of the second operand, after polarity. */
uint32_t ir_xv_text_bits(const IrXvText *first, const IrXvText *second, unsigned imm);
uint32_t ir_xv_text_index(uint32_t bits, unsigned imm);
uint32_t ir_xv_text_fl(uint32_t bits, const IrXvText *first, const IrXvText *second, unsigned imm);

/* ---- for the files of this evaluator ---- */

typedef struct IrXvRow {
    uint16_t what; /* IrOp, IrXvInt or IrXvFp */
    uint8_t how : 4, lane : 4;
    uint8_t attr;
} IrXvRow;

typedef struct IrXv {
    const IrXvRow *row;
    unsigned pp, imm;
    bool w;
    IrVec a, b, c;
} IrXv;

typedef enum IrXvHow {
    IR_XV_NONE,
    IR_XV_IR2, /* the vector row of the IR `what`, of a and b; attr: IR_VA_* */
    IR_XV_IR1, /* of b, which is both operands */
    IR_XV_IF,  /* vcmp with condition attr */
    IR_XV_INT,
    IR_XV_FP,
} IrXvHow;

/* attr: 1 of lane 0, the rest is a's; others in eval_xv_fp.c. */
typedef enum IrXvFp {
    IR_XF_ADD,
    IR_XF_SUB,
    IR_XF_MUL,
    IR_XF_DIV,
    IR_XF_MIN,
    IR_XF_MAX,
    IR_XF_SQRT,
    IR_XF_CMP,
    IR_XF_ROUND,
    IR_XF_HADD,
    IR_XF_HSUB,
    IR_XF_ADDSUB,
    IR_XF_DOT,
    IR_XF_FMA,
    IR_XF_RCP,
    IR_XF_RSQRT,
    IR_XF_RESIZE,
    IR_XF_FROM_INT,
    IR_XF_TO_INT,
    IR_XF_FROM_HALF,
    IR_XF_TO_HALF,
    IR_XF_FROM_GPR,
    IR_XF_TO_GPR,
    IR_XF_COMIS,
} IrXvFp;

typedef enum IrXvInt {
    IR_XI_SHL,
    IR_XI_SHR,
    IR_XI_SAR,
    IR_XI_HADDS,
    IR_XI_HSUB,
    IR_XI_HSUBS,
    IR_XI_SIGN,
    IR_XI_MULHRS,
    IR_XI_MADDWD,
    IR_XI_MADDUBS,
    IR_XI_SAD,
    IR_XI_MPSAD,
    IR_XI_MINPOS,
    IR_XI_WIDEN,
    IR_XI_MOVMSK,
    IR_XI_PSHUFB,
    IR_XI_SHUF,
    IR_XI_SHUFW,
    IR_XI_SHUF2,
    IR_XI_PERMIL,
    IR_XI_PERMILI,
    IR_XI_ALIGN,
    IR_XI_BLEND,
    IR_XI_INSERTPS,
    IR_XI_AES,
    IR_XI_AESKEY,
    IR_XI_CLMUL,
    IR_XI_GFMUL,
    IR_XI_AFFINE,
    IR_XI_SHA,
    IR_XI_TEST,
    IR_XI_TEXT,
} IrXvInt;

/* attr of FMA: which operands are multiplied, named by their numbers in the instruction (c a b); what is
 * negative. */
enum {
    IR_XM_132 = 0,
    IR_XM_213 = 4,
    IR_XM_231 = 8,
    IR_XM_FORM = 12,
    IR_XM_ADD = 0,
    IR_XM_SUB = 16,
    IR_XM_NADD = 32,
    IR_XM_NSUB = 48,
    IR_XM_EVEN_MINUS = 64,
    IR_XM_ODD_MINUS = 128,
};
typedef enum IrXvSha {
    IR_XS_SHA1NEXTE,
    IR_XS_SHA1MSG1,
    IR_XS_SHA1MSG2,
    IR_XS_SHA1RNDS4,
    IR_XS_SHA256RNDS2,
    IR_XS_SHA256MSG1,
    IR_XS_SHA256MSG2,
} IrXvSha;
/* eval_crypto.c. c: xmm0; imm: of sha1rnds4. */
void ir_xv_sha(IrXvSha step, unsigned imm, const IrVec *a, const IrVec *b, const IrVec *c, IrVec *ret);

static inline uint64_t ir_xv_lane(const IrVec *v, unsigned size, unsigned k)
{
    uint64_t x = 0;
    memcpy(&x, (const char *)v + size * k, size);
    return x;
}

static inline void ir_xv_put(IrVec *v, unsigned size, unsigned k, uint64_t x)
{
    memcpy((char *)v + size * k, &x, size);
}

IrVec ir_xv_estimates(bool root, IrVec x); /* of 1 / x, of 1 / sqrt(x) */
void ir_xv_int(const IrXv *x, IrVec *ret);
void ir_xv_fp(const IrXv *x, SoftfpMode mode, IrVec *ret, uint32_t *ret_flags);

#endif
