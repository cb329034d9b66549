#include "tcg/ra/liveness.h"
#include "tcg/ir/vec.h"

enum { NOWHERE = 0xffff };

typedef struct Scan {
    const IrRegion *r;
    IrLive *l;
    unsigned fuse;
    unsigned block_first;   /* of the block being scanned */
    unsigned next_observed; /* nearest op after the current one that may observe slots */
    uint64_t dead_slots[(IR_MAX_SLOTS + 63) / 64]; /* slots put again before anything observes them */
    unsigned fl_until; /* one past the last op that may observe the flags slot before it is put again; 0:
                        * none */
    uint16_t put_at[IR_MAX_SLOTS]; /* position of the nearest later live put of each slot that is some value's
                                    * hint */
} Scan;

/* An op at `at` uses v, which has to be there until `needed`, not before `at`. */
static inline void scan_use_until(Scan *s, unsigned at, IrVal v, unsigned needed)
{
    if (v == IR_NONE)
        return;
    IrLive *l = s->l;
    if (l->last[v] < needed)
        l->last[v] = (uint16_t)needed;
    l->uses[v] = (uint8_t)(l->uses[v] < IR_USES_SHARED - 1 ? l->uses[v] + 1 : IR_USES_MANY);
    l->user[v] = (uint16_t)at;
    if (v < s->block_first) {
        l->flags[v] |= IR_L_GLOBAL;
        l->last[v] = IR_MAX_INSNS;
    }
}

static void scan_use(Scan *s, unsigned at, IrVal v) { scan_use_until(s, at, v, at); }

static bool scan_observes(const IrRegion *r, const IrInsn *i)
{
    if (ir_op_info[i->op].flags & (IR_F_FAULT | IR_F_TERM | (ir_fpx_traps(r) ? IR_F_FPX : 0)))
        return true;
    if (i->op == IR_CALL)
        return (r->helpers[i->imm].flags & (IR_H_STATE | IR_H_STATUS)) != 0;
    return false;
}

/* Is it used as a condition, by an op that can make the host's flags of it? */
static bool scan_as_condition(const Scan *s, const IrInsn *u, unsigned at, IrVal v)
{
    if (u->op == IR_NOT)
        return s->l->flags[at] & IR_L_FUSED;
    return u->a == v &&
           (u->op == IR_EXIT_IF || u->op == IR_BRCOND || (u->op == IR_SELECT && u->b != v && u->c != v));
}

/* Is u a comparison of v with zero that needs no register of it? Not the choice of a word of flags, which may
 * come later. */
static bool scan_as_test(const Scan *s, const IrInsn *u, unsigned at, IrVal v)
{
    return u->op == IR_CMP && u->a == v && u->misc <= IR_NE && u->type >= IR_I32 && ir_is_const(s->r, u->b) &&
           ir_const_value(s->r, u->b) == 0 &&
           !((s->l->flags[at] & IR_L_FUSED) && ir_result_type(s->r, &s->r->insn[s->l->user[at]]) == IR_FL);
}

/* Is the sum i as wide as an address of the access u? */
static bool scan_is_wide(const IrInsn *i, const IrInsn *u)
{
    return u->op == IR_UNIT || i->type == (((IrMem){.raw = u->d}).mmu == IR_MMU_DIRECT32 ? IR_I32 : IR_I64);
}

/* Does the only user of v take it as something it can compute itself? */
static bool scan_can_fuse(const Scan *s, const IrInsn *i, IrVal v)
{
    const IrInsn *u = &s->r->insn[s->l->user[v]];
    switch (i->op) {
    case IR_FCC:
        if (i->type == IR_F16 || (s->r->fp & IR_FP_FZ && s->r->fp & IR_FP_UFC)) /* done by a call */
            return false;
        __attribute__((fallthrough));
    case IR_CMP:
        return (s->fuse & IR_FUSE_CMP) && u->op != IR_NOT && scan_as_condition(s, u, s->l->user[v], v);
    case IR_AND:
        if ((s->fuse & IR_FUSE_CMP) && scan_as_test(s, u, s->l->user[v], v))
            return true;
        __attribute__((fallthrough));
    case IR_NOT:
    case IR_OR:
        return (s->fuse & IR_FUSE_CMP) && i->type == IR_I1 && scan_as_condition(s, u, s->l->user[v], v);
    case IR_ADD:
        return (s->fuse & IR_FUSE_ADDR) && scan_is_wide(i, u) && u->a == v && u->b == IR_NONE &&
               (u->op == IR_LD || u->op == IR_UNIT || (u->op == IR_ST && u->c != v));
    case IR_SHL:
        return (s->fuse & IR_FUSE_SCALE) && i->type >= IR_I32 && ir_is_const(s->r, i->b) && u->op == IR_ADD &&
               u->type == i->type && u->b == v && u->a != v && !ir_is_const(s->r, u->a) &&
               ir_const_value(s->r, i->b) >= 1 && ir_const_value(s->r, i->b) <= 3;
    case IR_ZEXT: return (s->fuse & IR_FUSE_ZEXT) && i->misc == IR_I32 && u->op == IR_EXIT_IND;
    case IR_VSHL:
    case IR_VSHR: return (s->fuse & IR_FUSE_ROTATE) && ir_vec_rotates(s->r, u);
    default: return false;
    }
}

static void scan_extend(Scan *s, IrVal v, unsigned last)
{
    if (v != IR_NONE && s->l->last[v] < last)
        s->l->last[v] = (uint16_t)last;
}

static void scan_put(Scan *s, unsigned at, const IrInsn *i)
{
    IrLive *l = s->l;
    unsigned slot = i->imm;
    uint64_t bit = 1ull << (slot & 63);
    if (s->dead_slots[slot >> 6] & bit) {
        l->flags[at] |= IR_L_DEAD;
        return;
    }
    s->dead_slots[slot >> 6] |= bit;
    scan_use(s, at, i->a);
    if (i->type == IR_FL) { /* computed only where somebody looks: its operands are needed until then */
        scan_extend(s, i->a, s->fl_until);
        s->fl_until = 0;
        return;
    }
    l->hint[i->a] = (uint8_t)(slot + 1);
    s->put_at[slot] = (uint16_t)at;
}

/* trunc, vlow and vany make no code: the value is in the operand's register, which may be the slot's pin. */
static void scan_trunc(Scan *s, unsigned at, const IrInsn *i)
{
    IrLive *l = s->l;
    IrVal v = i->a;
    l->alias[at] = v;
    if (!l->hint[v])
        l->hint[v] = l->hint[at];
    scan_extend(s, v, l->last[at]);
    if (l->uses[v] == 0)
        l->user[v] = (uint16_t)at;
    l->uses[v] = l->uses[v] ? IR_USES_MANY : IR_USES_SHARED; /* never folded away */
    if (v < s->block_first || (l->flags[at] & IR_L_GLOBAL)) {
        l->flags[v] |= IR_L_GLOBAL;
        l->last[v] = IR_MAX_INSNS;
    }
}

/* zext makes none either where the register holds the extended value already. */
static bool scan_zext(Scan *s, unsigned at, const IrInsn *i)
{
    const IrInsn *from = &s->r->insn[i->a];
    if (!(s->fuse & IR_FUSE_ZEXT) || i->misc != IR_I32 || !(ir_op_info[from->op].flags & IR_F_LOW32))
        return false;
    scan_trunc(s, at, i);
    return true;
}

/* vzext of a float or v64 zeroes the rest of its operand's register, which nobody looks at, in place. Not of
 * the low part of another vector. */
static bool scan_vzext(Scan *s, unsigned at, const IrInsn *i)
{
    const IrInsn *from = &s->r->insn[i->a];
    if (i->type != IR_V128 || (i->misc != IR_F32 && i->misc != IR_F64 && i->misc != IR_V64) ||
        from->op == IR_VLOW)
        return false;
    scan_trunc(s, at, i);
    return true;
}

/* The upper half of a v128 for nothing but a v64 that is put before it is used: its operand is needed at that
 * put. Returns where, for other rows `needed`. */
static unsigned scan_late(Scan *s, const IrInsn *i, unsigned at, unsigned needed)
{
    IrLive *l = s->l;
    if (!(s->fuse & IR_FUSE_HIGH) || i->type != IR_V128 || i->misc != IR_LANE_64 ||
        i->imm != IR_VA_N(1) || l->uses[at] != IR_USES_SHARED || (l->flags[at] & IR_L_GLOBAL))
        return needed;
    unsigned low = l->user[at];
    const IrInsn *part = &s->r->insn[low], *put = &s->r->insn[l->user[low]];
    if (part->op != IR_VLOW || part->type != IR_V64 || l->uses[low] >= IR_USES_SHARED || put->op != IR_PUT)
        return needed;
    l->flags[at] |= IR_L_LATE;
    return l->user[low];
}

/* What is to be looked at of an op besides its operands. */
enum { SHARES = 1, FUSES = 2, LATE = 4, TAKES_CARRY = 8, HAS_LIST = 16 };
static const uint8_t traits[IR_OP_COUNT] = {
    [IR_TRUNC] = SHARES,         [IR_VLOW] = SHARES,         [IR_VANY] = SHARES,
    [IR_ZEXT] = SHARES | FUSES,  [IR_VZEXT] = SHARES,        [IR_VDUPL] = LATE,
    [IR_FCC] = FUSES,            [IR_CMP] = FUSES,           [IR_AND] = FUSES,
    [IR_NOT] = FUSES,            [IR_OR] = FUSES,            [IR_ADD] = FUSES,
    [IR_SHL] = FUSES,            [IR_VSHL] = FUSES,          [IR_VSHR] = FUSES,
    [IR_ADDC] = TAKES_CARRY,     [IR_SUBC] = TAKES_CARRY,    [IR_SBB] = TAKES_CARRY,
    [IR_ADDV] = TAKES_CARRY,     [IR_FLADC] = TAKES_CARRY,   [IR_FLSBC] = TAKES_CARRY,
    [IR_FLSBB] = TAKES_CARRY,    [IR_FLADCX] = TAKES_CARRY,  [IR_FLADOX] = TAKES_CARRY,
    [IR_BR] = HAS_LIST,
};

/* Is the value in the operand's register, without code? Then that is all. */
static bool scan_shares(Scan *s, unsigned at, const IrInsn *i)
{
    if (i->op == IR_ZEXT)
        return scan_zext(s, at, i);
    if (i->op == IR_VZEXT)
        return scan_vzext(s, at, i);
    scan_trunc(s, at, i);
    return true;
}

/* The only user computes it. Returns where its operands are needed then. */
static unsigned scan_fuse(Scan *s, unsigned at)
{
    IrLive *l = s->l;
    l->flags[at] |= IR_L_FUSED;
    unsigned needed = l->user[at];
    while (l->flags[needed] & IR_L_FUSED) /* shl into add into ld */
        needed = l->user[needed];
    if (ir_result_type(s->r, &s->r->insn[needed]) == IR_FL) /* a choice of flags, which waits */
        needed = MAX(needed, (unsigned)l->last[needed]);
    return needed;
}

static void scan_insn(Scan *s, unsigned at)
{
    const IrInsn *i = &s->r->insn[at];
    IrLive *l = s->l;
    l->alias[at] = (IrVal)at;
    if (i->op == IR_PUT) {
        scan_put(s, at, i);
        return;
    }
    if (i->op == IR_INSN_START)
        return;
    if (((ir_op_info[i->op].flags & IR_F_PURE) || i->op == IR_GET) && l->uses[at] == 0) {
        l->flags[at] |= IR_L_DEAD;
        return;
    }
    if (i->op == IR_CONST)
        return;
    if (l->hint[at] && s->put_at[l->hint[at] - 1] > s->next_observed)
        l->hint[at] = 0;
    if (i->op == IR_GET) {
        s->dead_slots[i->imm >> 6] &= ~(1ull << (i->imm & 63));
        s->put_at[i->imm] = NOWHERE;
        if (i->type == IR_FL && s->fl_until == 0)
            s->fl_until = at + 1;
    }
    if (scan_observes(s->r, i)) {
        s->next_observed = at;
        if (s->fl_until == 0)
            s->fl_until = at + 1;
        memset(s->dead_slots, 0, sizeof(s->dead_slots));
    }
    unsigned has = traits[i->op];
    if ((has & SHARES) && scan_shares(s, at, i))
        return;
    unsigned needed = at; /* where the operands are really read */
    if (ir_result_type(s->r, i) == IR_FL && !ir_chained(s->r, l, (IrVal)at) && !ir_fl_at_once(i->op))
        needed = MAX(at, (unsigned)l->last[at]);
    if ((has & FUSES) && l->uses[at] == 1 && !(l->flags[at] & IR_L_GLOBAL) && scan_can_fuse(s, i, (IrVal)at))
        needed = scan_fuse(s, at);
    if (has & LATE)
        needed = scan_late(s, i, at, needed);
    unsigned n = ir_operand_count(i);
    for (unsigned k = 0; k < n; k++)
        scan_use_until(s, at, i->arg[k], needed);
    if (has & TAKES_CARRY)
        l->flags[i->c] |= IR_L_CARRY;
    if (has & HAS_LIST)
        for (unsigned k = 0; k < i->misc; k++)
            scan_use(s, at, s->r->args[i->a + k]);
}

void ir_liveness(const IrRegion *r, unsigned fuse, IrLive *l)
{
    unsigned n = r->n_insns;
    memset(l->uses, 0, n);
    memset(l->flags, 0, n);
    memset(l->hint, 0, n);
    memset(l->last, 0, n * sizeof(l->last[0]));
    l->alias[IR_NONE] = IR_NONE;
    Scan s;
    s.r = r;
    s.l = l;
    s.fuse = fuse;
    for (unsigned b = r->n_blocks; b-- > 0;) {
        s.block_first = r->block[b].first;
        s.next_observed = r->block[b].end;
        s.fl_until = 0;
        memset(s.dead_slots, 0, sizeof(s.dead_slots));
        for (unsigned at = r->block[b].end; at-- > r->block[b].first;)
            scan_insn(&s, at);
    }
}
