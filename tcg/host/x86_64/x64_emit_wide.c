/* Vectors of 256 bits, which are two values of 128 in the IR (docs/adr/0025, 0036), as one where two equal
 * rows stand side by side and the guest is x86: both halves in one ymm register, one host instruction.
 *
 * e->upper[r]: the value that is in the upper half of ymm r; 0: none that anyone knows of. It says nothing
 * about the lower half: reg_val does. A value may be there and elsewhere, too. It is nowhere else if it has
 * no register, home or spill slot: then x64_upper_out() has to put it somewhere before the register changes.
 *
 * Regions with such a pair (e->wide) use VEX forms throughout and end by vzeroupper, since legacy SSE waits
 * for upper halves. Generated code reaches C that keeps the lower halves alone, so nothing wanted is in an
 * upper half then (x64_uppers_out()). Not for machines, whose every access may reach C. */
#include "tcg/host/x86_64/x64_priv.h"

enum { VINSERT = 0x38, VEXTRACT = 0x39 }; /* vinserti128, vextracti128: prefix 66, map 0F3A */

static void extract_to(X64Emit *e, int reg, int from)
{
    x64_vex_rrr_imm8(e->a, X64_P66, X64_0F3A, VEXTRACT, 0, 1, from, 0, reg, 1);
}

static void extract_to_memory(X64Emit *e, X64Mem m, int from)
{
    x64_vex_rrm_imm8(e->a, X64_P66, X64_0F3A, VEXTRACT, 0, 1, from, 0, m, 1);
}

void x64_vzeroupper(X64Emit *e)
{
    if (e->wide)
        x64_bytes(e->a, (const uint8_t[]){0xc5, 0xf8, 0x77}, 3);
}

/* ---- where upper halves are ---- */

static bool is_elsewhere(const X64Emit *e, IrVal v)
{
    return e->reg[v] >= 0 || e->home[v] || e->spill[v] || ir_is_const(e->r, v);
}

bool x64_upper_wanted(const X64Emit *e, int reg, unsigned from)
{
    IrVal v = reg >= X64_XMM ? e->upper[reg - X64_XMM] : 0;
    return v && e->l->last[v] >= from && !is_elsewhere(e, v);
}

static int place_of(const X64Emit *e, IrVal v)
{
    for (int x = 0; x < 16; x++)
        if (e->upper[x] == v)
            return x;
    return -1;
}

void x64_upper_out(X64Emit *e, int reg)
{
    if (reg < X64_XMM)
        return;
    int x = reg - X64_XMM;
    if (x64_upper_wanted(e, reg, e->cur) && x64_spill_alloc(e, e->upper[x]))
        extract_to_memory(e, x64_spill_mem(e, e->spill[e->upper[x]] - 1u), x);
    e->upper[x] = 0;
}

void x64_uppers_out(X64Emit *e)
{
    if (!e->wide)
        return;
    for (int x = 0; x < 16; x++)
        x64_upper_out(e, X64_XMM + x);
}

bool x64_upper_to(X64Emit *e, int x, IrVal v)
{
    int from = place_of(e, v);
    if (from < 0)
        return false;
    extract_to(e, x, from);
    return true;
}

bool x64_upper_store(X64Emit *e, X64Mem m, IrVal v)
{
    int from = is_elsewhere(e, v) ? -1 : place_of(e, v);
    if (from < 0)
        return false;
    extract_to_memory(e, m, from);
    return true;
}

void x64_move_wide(X64Emit *e, int dst, int src)
{
    x64_vex_rrr(e->a, X64_PS, X64_0F, 0x28, 0, 1, dst, 0, src); /* vmovaps */
    e->upper[dst] = e->upper[src];
}

/* ---- pairs ---- */

static IrVal next_of(const X64Emit *e, unsigned at)
{
    unsigned n = at + 1;
    while (n < e->r->n_insns && e->r->insn[n].op == IR_CONST)
        n++;
    return (IrVal)(n < e->r->n_insns ? n : 0);
}

/* Rows xv whose VEX form of 256 bits does the same on both halves, all operands being vectors. */
static bool is_lanewise(const IrInsn *i)
{
    unsigned opc = i->imm & 0xff, map = i->imm >> 8 & 3, pp = i->imm >> 10 & 3;
    if (i->c || i->imm & IR_XV_SSE || pp > 1)
        return false;
    if (map == X64_0F38) /* vpshufb to vpmulhrsw, vpabs; vpcmpeqq; vpmin, vpmax, vpmulld */
        return opc <= 0x0b || (opc >= 0x1c && opc <= 0x1e) || opc == 0x29 || (opc >= 0x37 && opc <= 0x40);
    if (map != X64_0F)
        return false;
    if (pp == 0)
        return opc == 0x51 || (opc >= 0x54 && opc <= 0x59) || (opc >= 0x5c && opc <= 0x5f);
    return opc == 0x51 || (opc >= 0x54 && opc <= 0x59) || (opc >= 0x5c && opc <= 0x6d) || opc == 0x70 ||
           (opc >= 0x74 && opc <= 0x76) || opc == 0xd4 || opc == 0xd5 || (opc >= 0xd8 && opc <= 0xe0) ||
           (opc >= 0xe3 && opc <= 0xe5) || (opc >= 0xe8 && opc <= 0xef) || (opc >= 0xf4 && opc <= 0xf6) ||
           (opc >= 0xf8 && opc <= 0xfe);
}

/* pmovmskb */
static bool is_signs(const IrInsn *i)
{
    return i->op == IR_XV && i->type == IR_I32 && (i->imm & 0xfff) == IR_XV(1, 1, 0xd7);
}

/* The same row twice, neither of which looks at the other? */
static bool is_pair(const IrRegion *r, IrVal p, IrVal q)
{
    const IrInsn *i = &r->insn[p], *k = &r->insn[q];
    if (!q || i->op != k->op || i->type != k->type || i->misc != k->misc || k->a == p || k->b == p)
        return false;
    switch (i->op) {
    case IR_LD: {
        IrMem m = {.raw = i->d}, n = {.raw = k->d};
        m.sext = n.sext = 0; /* of 256 bits somebody else has looked at the alignment */
        return i->type == IR_V128 && m.raw == n.raw && m.size == 4 && m.mmu != IR_MMU_TLB && i->a == k->a &&
               !i->b && !k->b && k->imm == i->imm + 16;
    }
    case IR_VAND:
    case IR_VOR:
    case IR_VXOR:
    case IR_VANDN: return i->type == IR_V128;
    case IR_XVF:
        if (ir_fpx_traps(r))
            return false;
        __attribute__((fallthrough));
    case IR_XV:
        if (i->imm != k->imm || (i->a == 0) != (k->a == 0))
            return false;
        return is_signs(i) || (i->type == IR_V128 && is_lanewise(i) && !k->c);
    default: return false;
    }
}

void x64_wide_plan(X64Emit *e)
{
    const IrRegion *r = e->r;
    memset(e->upper, 0, sizeof(e->upper));
    memset(e->upper_slot, 0, sizeof(e->upper_slot));
    e->wide = false;
    e->uppers_kept = e->uppers_put = 0;
    if (r->vectors && r->nan == IR_NAN_X86 && !e->h->paged.on && x64_has(e->h->features, X64_F_AVX2) &&
        !(e->h->no_opt & X64_NO_FUSE))
        for (unsigned k = 1; k + 1 < r->n_insns && !e->wide; k++) {
            unsigned op = r->insn[k].op;
            e->wide = op == r->insn[k + 1].op && (op == IR_LD || op == IR_XV || op == IR_XVF) &&
                      is_pair(r, (IrVal)k, (IrVal)(k + 1));
        }
    e->a->vex = e->wide;
}

/* ymm d = r with q above. A q of fewer bytes has no 16 of them in memory. */
static void insert(X64Emit *e, int d, int r, IrVal q)
{
    X64Mem m;
    if (e->reg[q] < 0 && x64_type(e, q) == IR_V128 && x64_use_mem(e, q, &m) && !(e->l->flags[q] & IR_L_LATE))
        x64_vex_rrm_imm8(e->a, X64_P66, X64_0F3A, VINSERT, 0, 1, d, r, m, 1);
    else
        x64_vex_rrr_imm8(e->a, X64_P66, X64_0F3A, VINSERT, 0, 1, d, r, x64_use_x(e, q), 1);
}

/* ymm with p below and q; `other` has to stay as it is, -1: none. Never by one access to two slots: they have
 * been written by two, and the host would wait for both. */
static int use_pair(X64Emit *e, IrVal p, IrVal q, int other)
{
    p = x64_val(e, p);
    q = x64_val(e, q);
    if (p == q && ir_is_const(e->r, p)) {
        IrVec c = ir_const_vec(e->r, p);
        if ((c.w[0] | c.w[1]) == 0) {
            int t = x64_scratch_x(e);
            x64_vex_rrr(e->a, X64_P66, X64_0F, X64_PXOR, 0, 0, t, t, t);
            return t;
        }
    }
    int r = x64_use_x(e, p);
    if (e->upper[r] == q)
        return r;
    if (e->upper_slot[r] || r == other) { /* what is there has to stay */
        int t = x64_scratch_x(e);
        insert(e, t, r, q);
        return t;
    }
    x64_upper_out(e, r + X64_XMM);
    insert(e, r, r, q);
    e->upper[r] = x64_type(e, q) == IR_V128 ? q : 0;
    return r;
}

/* The slot's register that p is put into, both halves by the next ops if the upper half counts. */
static int pin_of(const X64Emit *e, IrVal p, IrVal q)
{
    const IrInsn *put = &e->r->insn[q + 1u];
    bool next =
        q + 1u < e->r->n_insns && put->op == IR_PUT && put->a == p && !(e->l->flags[q + 1u] & IR_L_DEAD);
    unsigned hint = next ? put->imm + 1u : e->l->hint[p];
    int pin = hint ? e->slot_reg[hint - 1] : -1;
    return !next && pin >= X64_XMM && e->upper_slot[pin - X64_XMM] ? -1 : pin;
}

/* ---- loops ---- */

static const IrInsn *next_insn(const X64Emit *e, unsigned at)
{
    return &e->r->insn[next_of(e, at)];
}

static bool is_live_put(const X64Emit *e, const IrInsn *i)
{
    return i->op == IR_PUT && !(e->l->flags[i - e->r->insn] & IR_L_DEAD);
}

/* Does nothing but their puts write p to the pin's lower half, and q above? */
static bool put_together(const X64Emit *e, IrVal p, IrVal q)
{
    const IrInsn *i = &e->r->insn[p];
    if (i->op == IR_GET || i->op == IR_CONST)
        return true;
    return next_of(e, p) == q && is_pair(e->r, p, q) && !is_signs(i) &&
           !((e->l->flags[p] | e->l->flags[q]) & (IR_L_DEAD | IR_L_FUSED | IR_L_LATE | IR_L_GLOBAL));
}

/* Are slot and the one behind it the halves of a register that the region puts as such, and reads or puts? */
static bool keeps_both(const X64Emit *e, unsigned slot, bool *ret_put)
{
    bool used = false;
    const IrInsn *before = &e->r->insn[0];
    *ret_put = false;
    for (unsigned k = 1; k < e->r->n_insns; k++) {
        const IrInsn *i = &e->r->insn[k];
        if (i->op == IR_CONST)
            continue;
        if (i->op == IR_GET && i->imm == slot + 1)
            used = true;
        if (is_live_put(e, i) && i->imm == slot) {
            const IrInsn *n = next_insn(e, k);
            if (!is_live_put(e, n) || n->imm != slot + 1 || !put_together(e, i->a, n->a))
                return false;
        }
        if (is_live_put(e, i) && i->imm == slot + 1) {
            if (!is_live_put(e, before) || before->imm != slot)
                return false;
            used = *ret_put = true;
        }
        before = i;
    }
    return used;
}

bool x64_is_upper_slot(const X64Emit *e, unsigned slot)
{
    if (!e->wide || !slot || e->h->slots[slot].type != IR_V128)
        return false;
    for (unsigned k = 1; k + 1 < e->r->n_insns; k++) {
        const IrInsn *i = &e->r->insn[k], *n = i + 1;
        if (i->op == n->op && (i->op == IR_GET || i->op == IR_PUT) && n->imm == slot && i->imm == slot - 1u)
            return true;
    }
    return false;
}

static bool has_unit(const IrRegion *r)
{
    for (unsigned k = 1; k < r->n_insns; k++)
        if (r->insn[k].op == IR_UNIT)
            return true;
    return false;
}

void x64_loop_uppers(X64Emit *e)
{
    if (!e->wide || has_unit(e->r)) /* C that loads the unit keeps the lower halves alone */
        return;
    for (unsigned k = 0; k < e->n_pins; k++) {
        const X64Pin *p = &e->pin[k];
        unsigned slot = p->slot + 1u;
        bool put;
        if (p->reg < X64_XMM || slot >= e->h->n_slots || e->h->slots[slot].type != IR_V128 ||
            e->slot_reg[slot] >= 0 || e->h->slots[slot].offset != p->offset + 16 ||
            !keeps_both(e, p->slot, &put))
            continue;
        int x = p->reg - X64_XMM;
        e->upper_slot[x] = (uint8_t)(slot + 1);
        e->uppers_kept |= (uint16_t)(1u << x);
        e->uppers_put |= (uint16_t)(put ? 1u << x : 0);
        e->code->loop_pin[e->code->n_loop_pins++] = (X64Pin){
            .slot = (uint8_t)slot, .reg = (uint8_t)(32 + x), .offset = e->h->slots[slot].offset, .bytes = 16};
        x64_vex_rrm_imm8(e->a, X64_P66, X64_0F3A, VINSERT, 0, 1, x, x, x64_slot_mem(e, slot), 1);
    }
}

void x64_leave_uppers(X64Emit *e)
{
    for (int x = 0; e->uppers_put >> x; x++)
        if (e->uppers_put >> x & 1)
            extract_to_memory(e, x64_slot_mem(e, e->upper_slot[x] - 1u), x);
}

static int upper_home(const X64Emit *e, unsigned slot)
{
    for (int x = 0; x < 16; x++)
        if (e->upper_slot[x] == slot + 1)
            return x;
    return -1;
}

bool x64_get_upper(X64Emit *e, unsigned slot)
{
    int x = upper_home(e, slot);
    if (x < 0)
        return false;
    x64_upper_out(e, x + X64_XMM);
    e->upper[x] = (IrVal)e->cur;
    return true;
}

bool x64_put_upper(X64Emit *e, unsigned slot, IrVal v)
{
    int x = upper_home(e, slot);
    if (x < 0)
        return false;
    if (e->upper[x] == v)
        return true;
    x64_upper_out(e, x + X64_XMM);
    IrVec c = ir_is_const(e->r, v) ? ir_const_vec(e->r, v) : (IrVec){{1, 1}};
    if ((c.w[0] | c.w[1]) == 0)
        x64_movaps_rr(e->a, x, x);
    else
        insert(e, x, x, v);
    e->upper[x] = v;
    return true;
}

/* ---- pairs, continued ---- */

/* A register for both; from here on q is the current op. */
static int def_pair(X64Emit *e, IrVal p, IrVal q, int want)
{
    e->cur = q;
    int x = x64_def_x_for(e, p, pin_of(e, p, q), want);
    e->upper[x] = q;
    return x;
}

static void load(X64Emit *e, const IrInsn *i, IrVal p, IrVal q)
{
    IrInsn plain = *i;
    plain.b = IR_NONE;
    X64Mem m = x64_direct_address(e, &plain);
    int d = def_pair(e, p, q, -1);
    x64_record(e, m, 5, false, true);
    x64_vex_rrm(e->a, X64_PS, X64_0F, 0x10, 0, 1, d, 0, m);
}

/* Of a result in general registers: both words made one? Returns the op that is that, 0: none. */
static IrVal whole_signs(const X64Emit *e, IrVal p, IrVal q)
{
    const IrRegion *r = e->r;
    int64_t n;
    IrVal s = next_of(e, q), o = s ? next_of(e, s) : 0;
    if (!o || r->insn[s].op != IR_SHL || r->insn[o].op != IR_OR || r->insn[s].a != q ||
        !x64_const(e, r->insn[s].b, &n) || n != 16 || r->insn[o].type != IR_I32)
        return 0;
    bool both = (r->insn[o].a == p && r->insn[o].b == s) || (r->insn[o].a == s && r->insn[o].b == p);
    /* nobody would store it for later blocks */
    if (!both || e->l->uses[p] != 1 || e->l->uses[q] != 1 || e->l->uses[s] != 1 || !e->l->uses[o])
        return 0;
    return e->l->flags[o] & (IR_L_GLOBAL | IR_L_DEAD | IR_L_FUSED) ? 0 : o;
}

static bool signs(X64Emit *e, const IrInsn *i, IrVal p, IrVal q)
{
    IrVal o = whole_signs(e, p, q);
    if (!o)
        return false;
    int r = use_pair(e, i->b, e->r->insn[q].b, -1);
    e->cur = o;
    x64_vex_rrr(e->a, X64_P66, X64_0F, 0xd7, 0, 1, x64_def(e, -1, 0), 0, r);
    return true;
}

static void compute(X64Emit *e, const IrInsn *i, IrVal p, IrVal q)
{
    static const struct {
        uint8_t op, opc;
    } rows[] = {{IR_VAND, X64_PAND}, {IR_VOR, X64_POR}, {IR_VXOR, X64_PXOR}, {IR_VANDN, X64_PANDN}};
    const IrInsn *k = &e->r->insn[q];
    IrVal a = i->a, b = i->b, a2 = k->a, b2 = k->b;
    uint32_t enc = i->imm;
    for (unsigned n = 0; n < ARRAY_SIZE(rows); n++)
        if (rows[n].op == i->op)
            enc = IR_XV(1, 1, rows[n].opc);
    if (i->op == IR_VANDN) { /* the first is inverted */
        a = i->b, b = i->a;
        a2 = k->b, b2 = k->a;
    }
    int pp = enc >> 10 & 3, map = enc >> 8 & 3, opc = enc & 0xff, w = enc & IR_XV_W ? 64 : 32;
    int ra = a ? use_pair(e, a, a2, -1) : 0;
    int rb = use_pair(e, b, b2, a ? ra : -1);
    int d = def_pair(e, p, q, a ? ra : rb);
    if (enc & IR_XV_IMM)
        x64_vex_rrr_imm8(e->a, pp, map, opc, w, 1, d, ra, rb, (int)(enc >> 16 & 0xff));
    else
        x64_vex_rrr(e->a, pp, map, opc, w, 1, d, ra, rb);
}

bool x64_emit_pair(X64Emit *e, const IrInsn *i)
{
    IrVal p = (IrVal)e->cur, q = next_of(e, e->cur);
    const uint8_t *flags = e->l->flags;
    if (!is_pair(e->r, p, q) || (flags[p] | flags[q]) & (IR_L_DEAD | IR_L_FUSED | IR_L_LATE | IR_L_GLOBAL))
        return false;
    if (is_signs(i))
        return signs(e, i, p, q);
    if (i->op == IR_LD)
        load(e, i, p, q);
    else
        compute(e, i, p, q);
    return true;
}

bool x64_store_pair(X64Emit *e, const IrInsn *i)
{
    if (!e->wide)
        return false;
    X64Mem m = x64_direct_address(e, i);
    int r = use_pair(e, i->c, i->b, -1);
    x64_record(e, m, 5, true, true);
    x64_vex_rrm(e->a, X64_PS, X64_0F, 0x11, 0, 1, r, 0, m);
    return true;
}
