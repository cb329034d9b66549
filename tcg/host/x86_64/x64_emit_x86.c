/* Rows that are instructions of x86, for guests that are x86: flags (flx), vectors (xv), x87 and MMX (unit),
 * done by that very instruction, so that undefined flags, NaN, MXCSR's flags and modes are what the host
 * has. */
#include "tcg/host/x86_64/x64_priv.h"

/* The host's flags become those of the word in rax, which sahf and an addition that overflows give back. */
void x64_load_flags(X64Asm *a)
{
    x64_alu_ri(a, 8, X64_ADD, X64_RAX, 0x7f); /* al is 1 or 0: seto */
    x64_byte(a, 0x9e);                        /* sahf */
}

static void save_flags(X64Asm *a)
{
    x64_lahf(a);
    x64_setcc(a, X64_O, X64_RAX);
}

/* reg, rm of VEX map 2 with a register in vvvv. */
static void bmi(X64Asm *a, int w, int opc, int reg, int vvvv, int rm)
{
    x64_vex_rrr(a, X64_PNONE, X64_0F38, opc, w, 0, reg, vvvv, rm);
}

/* Operand b of what has two, where the instruction wants it; -1: it has one. */
static int second_operand(X64Emit *e, const IrInsn *i, int w)
{
    switch (i->misc) {
    case IR_X_SHL:
    case IR_X_SHR:
    case IR_X_SAR:
    case IR_X_ROL:
    case IR_X_ROR:
    case IR_X_RCL:
    case IR_X_RCR: x64_load_into(e, X64_RCX, i->b, w); return X64_RCX;
    case IR_X_MUL:
    case IR_X_IMUL: x64_load_into(e, X64_RCX, i->b, w); return X64_RCX;
    case IR_X_IMUL2:
    case IR_X_BT:
    case IR_X_ANDN:
    case IR_X_BEXTR:
    case IR_X_BZHI: return x64_use(e, i->b);
    default: return i->misc > IR_X_COUNT ? x64_use(e, i->b) : -1;
    }
}

/* The instruction on t, which may be lost. w: its width. */
static void flag_insn(X64Asm *a, unsigned kind, int w, int t, int y)
{
    static const uint8_t shift[] = {
        [IR_X_SHL] = X64_SHL, [IR_X_SHR] = X64_SHR, [IR_X_SAR] = X64_SAR, [IR_X_ROL] = X64_ROL,
        [IR_X_ROR] = X64_ROR, [IR_X_RCL] = X64_RCL, [IR_X_RCR] = X64_RCR};
    switch (kind) {
    case IR_X_IMUL2: x64_imul_rr(a, w, t, y); break;
    case IR_X_BT: x64_bt_rr(a, w, X64_BT, t, y); break;
    case IR_X_ANDN: bmi(a, w, 0xf2, t, t, y); break;
    case IR_X_BEXTR: bmi(a, w, 0xf7, t, y, t); break;
    case IR_X_BZHI: bmi(a, w, 0xf5, t, y, t); break;
    case IR_X_INC: x64_inc(a, w, t); break;
    case IR_X_DEC: x64_dec(a, w, t); break;
    case IR_X_BSF: x64_op_rr(a, w, X64_OP(X64_PNONE, X64_0F, 0xbc), t, t); break;
    case IR_X_BSR: x64_op_rr(a, w, X64_OP(X64_PNONE, X64_0F, 0xbd), t, t); break;
    case IR_X_LZCNT: x64_op_rr(a, w, X64_OP(X64_PF3, X64_0F, 0xbd), t, t); break;
    case IR_X_TZCNT: x64_op_rr(a, w, X64_OP(X64_PF3, X64_0F, 0xbc), t, t); break;
    case IR_X_POPCNT: x64_op_rr(a, w, X64_OP(X64_PF3, X64_0F, 0xb8), t, t); break;
    case IR_X_BLSR: bmi(a, w, 0xf3, 1, t, t); break;
    case IR_X_BLSMSK: bmi(a, w, 0xf3, 2, t, t); break;
    case IR_X_BLSI: bmi(a, w, 0xf3, 3, t, t); break;
    default: x64_shift_rcl(a, w, shift[kind], t); break;
    }
}

static bool is_mul(unsigned kind) { return kind == IR_X_MUL || kind == IR_X_IMUL; }

int x64_flx_first(unsigned kind, int otherwise) { return is_mul(kind) ? X64_RDX : otherwise; }

/* Does the instruction write all flags? */
static bool writes_all(unsigned kind)
{
    return kind == IR_X_ANDN || kind == IR_X_BEXTR || kind == IR_X_BZHI || kind == IR_X_POPCNT ||
           (kind >= IR_X_BLSR && kind <= IR_X_BLSI);
}

/* Of shld or shrd: of its result t and of what was shifted, y. */
static void double_word(X64Asm *a, unsigned kind, int w, int t, int y)
{
    int n = (int)(kind & 63);
    x64_test_rr(a, w, t, t);
    x64_lahf(a);
    x64_alu_ri(a, 32, X64_OR, X64_RAX, IR_FL_HALF);
    x64_bt_ri(a, w, X64_BT, y, kind & IR_X_SHRD ? n - 1 : w - n);
    x64_setcc(a, X64_B, X64_RAX);
    x64_bytes(a, (const uint8_t[]){0x00, 0xc4}, 2); /* add ah, al */
    if (kind & IR_X_SHRD) {
        x64_alu_rr(a, w, X64_ADD, t, t); /* overflows where the two highest bits differ */
        x64_setcc(a, X64_O, X64_RAX);
    } else {
        x64_shift_ri(a, w, X64_SHR, t, w - 1);
        x64_alu_rr(a, 32, X64_XOR, X64_RAX, t);
    }
}

void x64_flx_word(X64Asm *a, unsigned kind, int w, int t, int y)
{
    if (kind > IR_X_COUNT) {
        double_word(a, kind, w, t, y);
        return;
    }
    if (kind == IR_X_DIV) { /* nothing that an instruction does for less */
        x64_alu_ri(a, 32, X64_AND, X64_RAX, IR_FL_C | IR_FL_V);
        x64_alu_ri(a, 32, X64_OR, X64_RAX, IR_FL_HALF | IR_FL_BIT9);
        return;
    }
    if (kind == IR_X_INC || kind == IR_X_DEC)
        x64_bt_ri(a, 32, X64_BT, X64_RAX, 8); /* the carry */
    else if (!writes_all(kind))
        x64_load_flags(a);
    if (is_mul(kind)) {
        x64_mov_rr(a, 64, X64_RAX, t);
        x64_grp3_r(a, w, kind == IR_X_MUL ? X64_MUL : X64_IMUL, y);
    } else {
        flag_insn(a, kind, w, t, y);
    }
    save_flags(a);
}

void x64_flx_make(X64Emit *e, IrVal v)
{
    const IrInsn *i = &e->r->insn[v];
    int w = x64_width((IrType)i->type);
    bool mul = is_mul(i->misc), count = i->misc <= IR_X_RCR;
    x64_fl_make(e, i->c);
    bool there = e->reg[x64_val(e, i->c)] == X64_RAX;
    x64_claim(e, X64_RAX); /* if it moves the former word, that is still there */
    if (mul || count)
        x64_claim(e, X64_RCX);
    if (mul)
        x64_claim(e, X64_RDX);
    if (!there)
        x64_load_into(e, X64_RAX, i->c, 32);
    int t = mul ? X64_RDX : x64_scratch(e);
    x64_load_into(e, t, i->a, w);
    int y = second_operand(e, i, w);
    x64_flx_word(e->a, i->misc, w, t, y);
    e->reg[v] = X64_RAX;
    e->reg_val[X64_RAX] = v;
    e->locked = 1u << X64_RAX;
}

/* ---- vectors ---- */

typedef struct XvEnc {
    int pp, map, opc, w;
    bool has_imm, sse, avx; /* sse: it has no VEX form; avx: that is to be used */
    int imm;
} XvEnc;

static XvEnc xv_enc(const X64Emit *e, const IrInsn *i)
{
    bool sse = (i->imm & IR_XV_SSE) != 0;
    return (XvEnc){.pp = i->imm >> 10 & 3,
                   .map = i->imm >> 8 & 3,
                   .opc = i->imm & 0xff,
                   .w = i->imm & IR_XV_W ? 64 : 32,
                   .sse = sse,
                   .avx = !sse && x64_has(e->h->features, X64_F_AVX),
                   .has_imm = (i->imm & IR_XV_IMM) != 0,
                   .imm = (int)(i->imm >> 16 & 0xff)};
}

/* reg op= rm; AVX: reg = vvvv op rm, vvvv -1: the instruction has none. */
static void xv_put(X64Emit *e, const XvEnc *x, int reg, int vvvv, int rm)
{
    bool avx = x->avx;
    vvvv = vvvv < 0 ? 0 : vvvv;
    x64_fp_record(e);
    if (x->map == X64_0F3A && x->opc == 0x1d) { /* vcvtps2ph: its result is rm */
        int r = reg;
        reg = rm;
        rm = r;
    }
    if (avx && x->has_imm)
        x64_vex_rrr_imm8(e->a, x->pp, x->map, x->opc, x->w, 0, reg, vvvv, rm, x->imm);
    else if (avx)
        x64_vex_rrr(e->a, x->pp, x->map, x->opc, x->w, 0, reg, vvvv, rm);
    else if (x->has_imm)
        x64_sse_rr_imm8(e->a, x->pp, x->map, x->opc, x->w, reg, rm, x->imm);
    else
        x64_sse_rr(e->a, x->pp, x->map, x->opc, x->w, reg, rm);
}

/* Can rm be memory, with the same meaning? Of the common ones. */
static bool takes_memory(const XvEnc *x)
{
    int opc = x->opc;
    if (x->map == X64_0F38)
        return opc <= 0x0b || (opc >= 0x1c && opc <= 0x1e) || opc == 0x28 || opc == 0x29 ||
               (opc >= 0x37 && opc <= 0x40) || (opc >= 0xdc && opc <= 0xdf);
    if (x->map == X64_0F3A)
        return opc == 0x0f;
    return (opc >= 0x51 && opc <= 0x6d) || opc == 0x70 || (opc >= 0x74 && opc <= 0x76) || opc == 0xc2 ||
           opc == 0xc6 || (opc >= 0xd1 && opc <= 0xd5) || (opc >= 0xd8 && opc <= 0xe5) ||
           (opc >= 0xe8 && opc <= 0xef) || (opc >= 0xf1 && opc <= 0xf6) || (opc >= 0xf8 && opc <= 0xfe);
}

/* VEX asks for no alignment: a value that waits in memory is an operand as it stands, where no register is
 * free for it, or nobody wants it later. */
static bool xv_in_memory(X64Emit *e, const XvEnc *x, IrVal v, X64Mem *ret)
{
    if (!x->avx || !takes_memory(x) || x64_type(e, v) != IR_V128 || e->l->flags[x64_val(e, v)] & IR_L_LATE)
        return false;
    return x64_use_mem(e, v, ret) && (!x64_live_after(e, x64_val(e, v)) || !x64_temp_x_is_free(e));
}

static void xv_put_m(X64Emit *e, const XvEnc *x, int reg, int vvvv, X64Mem m)
{
    x64_fp_record(e);
    if (x->has_imm)
        x64_vex_rrm_imm8(e->a, x->pp, x->map, x->opc, x->w, 0, reg, vvvv, m, x->imm);
    else
        x64_vex_rrm(e->a, x->pp, x->map, x->opc, x->w, 0, reg, vvvv, m);
}

static int xv_source(X64Emit *e, IrVal v)
{
    return ir_type_is_vec(ir_result_type(e->r, &e->r->insn[v])) ? x64_use_x(e, v) : x64_use(e, v);
}

/* pcmpistri: two vectors, an index in ecx and flags. */
static bool is_index(const XvEnc *x) { return x->map == X64_0F3A && x->opc == 0x63; }

static void index_of(X64Emit *e, const IrInsn *i, const XvEnc *x)
{
    x64_claim(e, X64_RCX);
    int ra = x64_use_x(e, i->a), rb = x64_use_x(e, i->b);
    xv_put(e, x, ra, -1, rb);
}

/* Where an instruction may compute that traps, and wants another value in its destination before: not in a
 * register of the guest's. done: it did. */
static int xv_begin(X64Emit *e, int from, unsigned keep)
{
    return ir_fpx_traps(e->r) ? x64_scratch_x(e) : x64_def_x(e, from, keep);
}

static void xv_done(X64Emit *e, int at)
{
    if (!ir_fpx_traps(e->r))
        return;
    int d = x64_def_x(e, -1, 1u << at);
    x64_movaps_rr(e->a, d, at);
}

/* reg = rm, what reg was, and with XMM0 what c is there, as sources: FMA has VEX, and c is what reg was. */
static void with_third(X64Emit *e, const IrInsn *i, const XvEnc *x)
{
    int ra = x64_use_x(e, i->a), rb = x64_use_x(e, i->b), rc = x64_use_x(e, i->c);
    if (x->avx) {
        int d = xv_begin(e, rc, 1u << ra | 1u << rb);
        if (d != rc)
            x64_vex_rrr(e->a, X64_PS, X64_0F, 0x28, 0, 0, d, 0, rc);
        xv_put(e, x, d, ra, rb);
        xv_done(e, d);
        return;
    }
    int t = x64_scratch_x(e), keep = x64_scratch_x(e);
    int d = x64_def_x(e, -1, 1u | 1u << rb | 1u << rc | 1u << t | 1u << keep);
    x64_movaps_rr(e->a, t, ra);
    if (rc != 0) { /* xmm0 is put aside */
        x64_movaps_rr(e->a, keep, 0);
        x64_movaps_rr(e->a, 0, rc);
    }
    xv_put(e, x, t, -1, rb == 0 && rc != 0 ? keep : rb);
    if (rc != 0)
        x64_movaps_rr(e->a, 0, keep);
    x64_movaps_rr(e->a, d, t);
}

void x64_emit_xv(X64Emit *e, const IrInsn *i)
{
    XvEnc x = xv_enc(e, i);
    if (is_index(&x)) {
        index_of(e, i, &x);
        x64_def_is(e, X64_RCX);
        return;
    }
    if (i->c) {
        with_third(e, i, &x);
        return;
    }
    bool vec = ir_type_is_vec((IrType)i->type), avx = x.avx;
    X64Mem m;
    if (vec && ir_type_is_vec(ir_result_type(e->r, &e->r->insn[i->b])) && xv_in_memory(e, &x, i->b, &m)) {
        int ra = i->a ? x64_use_x(e, i->a) : -1;
        xv_put_m(e, &x, x64_def_x(e, ra, 0), MAX(ra, 0), m);
        return;
    }
    int rb = xv_source(e, i->b);
    bool b_vec = ir_type_is_vec(ir_result_type(e->r, &e->r->insn[i->b]));
    if (!vec) {
        xv_put(e, &x, x64_def(e, -1, 0), -1, rb);
        return;
    }
    if (!i->a) {
        xv_put(e, &x, x64_def_x(e, -1, 0), -1, rb);
        return;
    }
    int ra = x64_use_x(e, i->a);
    if (avx) {
        xv_put(e, &x, x64_def_x(e, ra, 0), ra, rb);
        return;
    }
    int d = xv_begin(e, ra, b_vec && rb != ra ? 1u << rb : 0);
    if (d != ra)
        x64_movaps_rr(e->a, d, ra);
    xv_put(e, &x, d, -1, b_vec && rb == ra ? d : rb);
    xv_done(e, d);
}

void x64_emit_xvf(X64Emit *e, const IrInsn *i)
{
    x64_emit_xv(e, i);
}

void x64_emit_flxv(X64Emit *e, const IrInsn *i)
{
    XvEnc x = xv_enc(e, i);
    x64_claim(e, X64_RAX);
    if (is_index(&x)) {
        index_of(e, i, &x);
    } else {
        int ra = x64_use_x(e, i->a), rb = x64_use_x(e, i->b);
        xv_put(e, &x, ra, -1, rb);
    }
    if (e->l->uses[e->cur] == 0)
        return;
    save_flags(e->a);
    x64_def_is(e, X64_RAX);
}

void x64_emit_flxvf(X64Emit *e, const IrInsn *i)
{
    x64_emit_flxv(e, i);
}

/* ---- x87 and MMX ---- */

bool x64_unit_keeps(const X64Emit *e, const IrInsn *i)
{
    bool takes = i->b && ir_result_type(e->r, &e->r->insn[i->b]) == IR_FL;
    return e->unit_live && !(e->h->paged.on && i->a) && i->type != IR_FL && !takes;
}

/* From here on in the block the unit's state is in the host. */
static void unit_begin(X64Emit *e)
{
    if (e->unit_live)
        return;
    x64_alu_mi(e->a, 32, X64_CMP, x64_env(e->h->at.unit_live), 0);
    X64Cold *c = x64_cold(e, COLD_UNIT);
    c->site = x64_jcc_rel32(e->a, X64_E);
    c->back = e->a->p;
    e->unit_live = true;
}

static X64Mem unit_address(X64Emit *e, const IrInsn *i)
{
    IrInsn plain = {.op = IR_UNIT, .a = i->a};
    X64Mem m = x64_address(e, &plain, false);
    m.seg = ir_result_type(e->r, &e->r->insn[i->a]) == IR_I32 ? X64_ADDR32 : X64_SEG_NONE;
    return m;
}

/* fst fstp fist fistp fisttp fbstp, fnstcw fnstsw; movd movq movntq */
static bool unit_writes(const XvEnc *x, unsigned reg)
{
    if (x->map == X64_1B)
        return (x->opc & 1) && (0xce >> reg & 1);
    return x->map == X64_0F && (x->opc == 0x7e || x->opc == 0x7f || x->opc == 0xe7);
}

/* The instruction, with its record: it may wait for an exception of the one before. */
static void unit_put(X64Emit *e, const XvEnc *x, int reg, int rm, const X64Mem *m)
{
    static const X64Mem none = {.base = X64_NO_REG, .index = X64_NO_REG};
    x64_record(e, m ? *m : none, 3, m && unit_writes(x, (unsigned)reg), m != NULL);
    if (x->map == X64_0F && x->opc == 0x77)
        x64_bytes(e->a, (const uint8_t[]){0x0f, 0x77}, 2); /* emms: no modrm */
    else if (x->map == X64_1B && x->opc == 0x9b)
        x64_bytes(e->a, (const uint8_t[]){0x9b}, 1); /* fwait: likewise */
    else if (m && x->has_imm)
        x64_sse_rm_imm8(e->a, x->pp, x->map, x->opc, x->w, reg, *m, x->imm);
    else if (m)
        x64_sse_rm(e->a, x->pp, x->map, x->opc, x->w, reg, *m);
    else if (x->has_imm)
        x64_sse_rr_imm8(e->a, x->pp, x->map, x->opc, x->w, reg, rm, x->imm);
    else
        x64_sse_rr(e->a, x->pp, x->map, x->opc, x->w, reg, rm);
}

/* fcomi and its like leave flags, fcmov looks at them. */
static void unit_flags(X64Emit *e, const IrInsn *i, const XvEnc *x, int reg, int rm)
{
    if (i->b)
        x64_fl_make(e, i->b);
    bool there = i->b && e->reg[x64_val(e, i->b)] == X64_RAX;
    x64_claim(e, X64_RAX);
    if (i->b && !there)
        x64_load_into(e, X64_RAX, i->b, 32);
    if (i->b)
        x64_load_flags(e->a);
    unit_put(e, x, reg, rm, NULL);
    if (i->type != IR_FL || e->l->uses[e->cur] == 0)
        return;
    save_flags(e->a);
    x64_def_is(e, X64_RAX);
}

void x64_emit_unit(X64Emit *e, const IrInsn *i)
{
    XvEnc x = xv_enc(e, i);
    int reg = i->imm >> 27 & 7, rm = i->imm >> 24 & 7;
    bool is_flags = i->b && ir_result_type(e->r, &e->r->insn[i->b]) == IR_FL;
    if (e->h->paged.on && i->a) {
        x64_fl_flush(e); /* before operands are fetched */
        x64_unit_call(e, i, unit_address(e, i));
        return;
    }
    unit_begin(e);
    if (i->a) {
        X64Mem m = unit_address(e, i);
        unit_put(e, &x, reg, rm, &m);
    } else if (i->type == IR_FL || is_flags) {
        unit_flags(e, i, &x, reg, rm);
    } else if (i->type != IR_VOID && x.map == X64_1B) { /* fnstsw */
        x64_claim(e, X64_RAX);
        unit_put(e, &x, reg, rm, NULL);
        x64_movzx_rr(e->a, 16, X64_RAX, X64_RAX);
        x64_def_is(e, X64_RAX);
    } else if (i->type != IR_VOID) {
        int d = x64_def(e, -1, 0);
        unit_put(e, &x, x.opc == 0x7e ? reg : d, x.opc == 0x7e ? d : rm, NULL);
    } else {
        unit_put(e, &x, reg, i->b ? x64_use(e, i->b) : rm, NULL);
    }
}
