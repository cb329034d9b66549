/* AVX-512: operands, masks, rounding. A register is four values of 128 bits, of which an instruction has as
 * many as it is long. Source: Intel SDM volume 1, chapter 15; volume 2, 2.7. */
#include "target/x86/x86_trans_evex.h"

bool x86_evex_allowed(const Trans *t, const X86Insn *x)
{
    if (!x->evex)
        return true;
    if (!x86_has(t, X86_FEAT_AVX512F))
        return false;
    return x->vl == 2 || x->row->evex & X86_EV_LIG || x->row->attr & X86_L0 || x86_has(t, X86_FEAT_AVX512VL);
}

/* The vector register that x writes; 32: none. */
static unsigned written(const X86Insn *x)
{
    switch ((X86Where)x86_opd_where[x->row->opd[0]]) {
    case X86_WH_V: return x->reg;
    case X86_WH_H: return x->vvvv;
    case X86_WH_W: return x->mod == 3 ? x->rm : 32;
    default: return 32;
    }
}

bool x86_zmm_begins(Trans *t, const X86Insn *x)
{
    if (!x->evex || x->vl < 2 || t->ctx & X86_CTX_ZMM || written(x) >= 16)
        return false;
    ir_call(t->b, X86_HELPER_zmm_used, (IrVal[]){x86_c(t, IR_I32, 1)}, 1);
    x86_raise(t, CPU_EXIT_CTX);
    return true;
}

X86Zmm x86_z_reg(Trans *t, const X86Insn *x, unsigned r)
{
    X86Zmm v = {.n = x86_z_parts(x)};
    for (unsigned p = 0; p < v.n; p++)
        v.p[p] = ir_get(t->b, x86_slot_xmm(r) + p);
    return v;
}

void x86_z_put(Trans *t, unsigned r, X86Zmm v)
{
    for (unsigned p = 0; p < v.n; p++)
        ir_put(t->b, x86_slot_xmm(r) + p, v.p[p]);
    x86_zero_above(t, r, v.n);
}

void x86_z_call(Trans *t, const X86Insn *x, unsigned op, unsigned count, IrVal addr)
{
    X86EvWhat w = {.row = x86_row_number(x->row),
                   .op = op,
                   .reg = x->reg,
                   .vvvv = x->vvvv,
                   .rm = x->row->attr & X86_VSIB ? (unsigned)x->index : x->rm,
                   .mask = x->mask,
                   .zero = x->zero,
                   .evb = x->evb,
                   .vl = x->vl,
                   .rc = x->rc,
                   .mem = x->mod != 3,
                   .imm = x->imm,
                   .scale = x->scale,
                   .w = x->rex >> 3,
                   .addr32 = x->asize == 4,
                   .count = count};
    IrVal args[] = {addr ? addr : x86_c(t, IR_I64, 0), x86_c(t, IR_I64, (int64_t)w.raw)};
    ir_call(t->b, X86_HELPER_evex, args, 2);
}

/* ---- masks ---- */

IrVal x86_lanes_of(Trans *t, IrVal m, unsigned first, unsigned lane)
{
    return ir_vbits(t->b, IR_V128, lane, 0, ir_shr(t->b, IR_I64, m, x86_c(t, IR_I64, first)));
}

/* pmovmskb, movmskps, movmskpd of each part; of 16-bit lanes two parts are packed first. */
IrVal x86_bits_of(Trans *t, X86Zmm v, unsigned lane)
{
    IrBuilder *b = t->b;
    const uint32_t enc[] = {IR_XV(1, 1, 0xd7), IR_XV(1, 1, 0xd7), IR_XV(0, 1, 0x50), IR_XV(1, 1, 0x50)};
    unsigned step = lane == IR_LANE_16 ? 2 : 1, bits = step * 128 / ir_lane_bits(lane);
    IrVal all = IR_NONE;
    for (unsigned p = 0; p < v.n; p += step) {
        IrVal q = v.p[p];
        if (lane == IR_LANE_16) /* packsswb */
            q = ir_xv(b, false, IR_V128, IR_XV(1, 1, 0x63), q, p + 1 < v.n ? v.p[p + 1] : x86_zero(t));
        IrVal m = ir_zext(b, IR_I64, ir_xv(b, false, IR_I32, enc[lane], IR_NONE, q));
        m = ir_shl(b, IR_I64, m, x86_c(t, IR_I64, bits * (p / step)));
        all = all ? ir_or(b, IR_I64, all, m) : m;
    }
    return all;
}

IrVal x86_z_mask(Trans *t, const X86Insn *x, unsigned p, unsigned lane)
{
    return x->mask ? x86_lanes_of(t, x86_k(t, x->mask), p * 128 / ir_lane_bits(lane), lane) : IR_NONE;
}

IrVal x86_z_mask0(Trans *t, const X86Insn *x, unsigned lane)
{
    if (!x->mask)
        return IR_NONE;
    IrVal bit = x86_k_bits(t, x86_k(t, x->mask), 1), one = ir_vconst(t->b, IR_V128, 1, 0);
    return ir_vcmp(t->b, IR_V128, lane, IR_VA_N(IR_EQ), ir_vzext(t->b, IR_V128, bit), one);
}

X86Zmm x86_z_merge(Trans *t, const X86Insn *x, unsigned r, X86Zmm v)
{
    IrBuilder *b = t->b;
    unsigned lane = x->row->lane;
    for (unsigned p = 0; x->mask && p < v.n; p++) {
        IrVal m = x86_z_mask(t, x, p, lane);
        v.p[p] = x->zero ? ir_vand(b, IR_V128, IR_LANE_8, 0, m, v.p[p])
                         : ir_vbsl(b, IR_V128, IR_LANE_8, 0, m, v.p[p], ir_get(b, x86_slot_xmm(r) + p));
    }
    return v;
}

void x86_z_result(Trans *t, const X86Insn *x, X86Zmm v)
{
    x86_z_put(t, x->reg, x86_z_merge(t, x, x->reg, v));
}

X86Zmm x86_z_quiet(Trans *t, const X86Insn *x, X86Zmm v, unsigned lane)
{
    for (unsigned p = 0; x->mask && p < v.n; p++)
        v.p[p] = ir_vand(t->b, IR_V128, IR_LANE_8, 0, x86_z_mask(t, x, p, lane), v.p[p]);
    return v;
}

/* ---- exceptions that are not masked ---- */

static bool by_c(const X86Insn *x)
{
    return x->row->handler == X86_H_evc || (x->row->handler == X86_H_evrnd && x->imm >> 4) ||
           (x->row->handler == X86_H_evcvtph && x->mod != 3);
}

/* Several quarters, or none of MXCSR's exceptions although one is not masked. Where exceptions trap such an
 * instruction is done again with all of them masked, in a region of its own (X86_CTX_STORE: it stores
 * nothing); what is raised then is looked at behind it. */
static bool wants_quiet(const X86Insn *x)
{
    bool floats = x->evex && x->row->evex & (X86_EV_ER | X86_EV_SAE) && !by_c(x);
    return floats && (x86_sae(x) || (x->vl && !(x->row->evex & X86_EV_LIG)));
}

bool x86_quiet_begins(Trans *t, const X86Insn *x)
{
    bool traps = t->ctx & CTX_X86_TRAPS, sae = x86_sae(x);
    if (!(traps || t->ctx & X86_CTX_STORE) || !wants_quiet(x))
        return false;
    ir_call(t->b, X86_HELPER_quiet, (IrVal[]){x86_c(t, IR_I32, sae)}, 1);
    if (traps && sae) /* it left */
        x86_raise(t, CPU_EXIT_CTX);
    return traps && sae;
}

void x86_quiet_end(Trans *t, const X86Insn *x)
{
    if (!(t->ctx & X86_CTX_STORE) || !wants_quiet(x))
        return;
    if (x86_sae(x))
        ir_call(t->b, X86_HELPER_not_raised, NULL, 0);
    ir_put(t->b, X86_SLOT_STORE, x86_c(t, IR_I32, 0));
    t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
}

/* ---- rounding ---- */

X86Rounding x86_rounding_begin(Trans *t, const X86Insn *x)
{
    static const uint8_t round_of_rc[4] = {IR_RNE, IR_RDN, IR_RUP, IR_RTZ};
    bool sae = x86_sae(x);
    X86Rounding r = {.looks = !sae && t->ctx & X86_CTX_STORE && wants_quiet(x)};
    if (!sae)
        return r;
    r.flags = ir_ffget(t->b);
    if (x->row->evex & X86_EV_ER) {
        r.round = ir_call(t->b, X86_HELPER_round, NULL, 0);
        ir_frmput(t->b, x86_c(t, IR_I32, round_of_rc[x->rc]));
    }
    return r;
}

void x86_rounding_end(Trans *t, X86Rounding r)
{
    if (r.round)
        ir_frmput(t->b, r.round);
    if (r.flags)
        ir_ffput(t->b, r.flags);
    if (r.looks) {
        IrVal raised = ir_ffget(t->b);
        ir_call(t->b, X86_HELPER_raised, &raised, 1);
    }
}
