/* Arm ARM (DDI 0406C, appendix "VFP vector operation support"): short vectors of VFPv2, which compilers do
 * not use and ARMv7 deprecates.
 *
 * Registers stand in banks of eight (single) or four (double precision). While FPSCR.LEN is not 0 an
 * arithmetic instruction whose destination is outside of the first bank is done LEN + 1 times; the register
 * numbers go on by the stride and wrap inside of their bank. The last operand stays if it is in the first
 * bank. Cores without them call these instructions UNDEFINED while LEN or STRIDE is not 0.
 * All elements are computed before the first is written, since an element may have to be computed anew by the
 * interpreter (IR_NAN_ARM); what differs is UNPREDICTABLE (vectors that overlap in part). */
#include "target/arm/a32_simd.h"

typedef enum A32Short { SCALAR, THREE, TWO, CONSTANT, NONE } A32Short;

static A32Short kind_of(A32Insn insn, const A32Args *a)
{
    switch (insn) {
    case A32_vmla_f:
    case A32_vmls_f:
    case A32_vnmla_f:
    case A32_vnmls_f:
    case A32_vmul_f:
    case A32_vnmul_f:
    case A32_vadd_f:
    case A32_vsub_f:
    case A32_vdiv_f: return THREE;
    case A32_vmov_f:
    case A32_vabs_f:
    case A32_vneg_f:
    case A32_vsqrt_f: return TWO;
    case A32_vmov_imm_f: return CONSTANT;
    case A32_vfma_f:
    case A32_vfms_f:
    case A32_vfnma_f:
    case A32_vfnms_f: return NONE; /* they came later */
    default: return a->format == A32_FMT_VFPH ? NONE : SCALAR;
    }
}

typedef struct A32Banked {
    unsigned bank, number; /* size of its bank */
} A32Banked;

static bool is_scalar(A32Banked r) { return (r.number & (r.bank == 4 ? 0xcu : 0x18u)) == 0; }
static void advance(A32Banked *r, unsigned stride)
{
    r->number = (r->number & ~(r->bank - 1)) | ((r->number + stride) & (r->bank - 1));
}
static A32Banked from(bool is_double, unsigned field, unsigned bit)
{
    return is_double ? (A32Banked){4, bit << 4 | field} : (A32Banked){8, field << 1 | bit};
}
static unsigned field_of(A32Banked r) { return r.bank == 4 ? r.number & 15 : r.number >> 1; }
static unsigned bit_of(A32Banked r) { return r.bank == 4 ? r.number >> 4 : r.number & 1; }

bool a32_short_vector(Trans *t, A32Insn insn, const A32Args *a, A32One *one)
{
    enum { MAX = 8 };
    A32Short kind = kind_of(insn, a);
    A32Args each[MAX];
    IrVal result[MAX];
    unsigned n = (t->ctx >> ARM_CTX_LEN_SHIFT & 7) + 1, stride = (t->ctx >> ARM_CTX_STRIDE_SHIFT & 3) / 2 + 1;
    A32Banked rd = from(a->z, a->d, a->D), rn = from(a->z, a->n, a->N), rm = from(a->z, a->m, a->M);
    bool vector_m = kind != CONSTANT && !is_scalar(rm);

    if (kind != SCALAR && (kind == NONE || !a32_model_has(a32_model(t), A32_FEAT_SHORT))) {
        a32_illegal(t);
        return true;
    }
    if (kind == SCALAR || n == 1 || is_scalar(rd))
        return false;
    if (kind != CONSTANT)
        a32_state(t)->held = result;
    for (unsigned k = 0; k < n; k++) {
        each[k] = *a;
        each[k].d = field_of(rd) & 15, each[k].D = bit_of(rd) & 1;
        if (kind == THREE)
            each[k].n = field_of(rn) & 15, each[k].N = bit_of(rn) & 1;
        if (vector_m)
            each[k].m = field_of(rm) & 15, each[k].M = bit_of(rm) & 1;
        one(t, insn, &each[k]);
        advance(&rd, stride);
        advance(&rn, stride);
        if (vector_m)
            advance(&rm, stride);
    }
    a32_state(t)->held = NULL;
    for (unsigned k = 0; k < n && kind != CONSTANT; k++)
        a32_put_f(t, &each[k], result[k]);
    return true;
}
