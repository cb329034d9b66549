/* Machines: which accesses of a region share one look into the TLB (docs/adr/0018-system-memory.md).
 *
 * Accesses whose addresses differ by constants are a group while nothing between them may change what is
 * mapped: no call of a helper, no poll, no other block. The first, the leader, checks the whole range of the
 * group, for writing if one of them writes, and leaves the addend in a word of the cpu object; the others
 * take it from there. 0 says that there is none: the range is not all in one such page, or C has done an
 * access since. Then each looks for itself, in cold code. So a page that may be written may be read
 * (softmmu.c: fill()).
 *
 * In a plain loop a group keeps the page that its leader found, for the next round and for when the loop is
 * entered again: its first byte's address, how far from that the group's first byte may be (the limit; 0:
 * nothing is kept) and the addend. The leader compares with these, and looks into the TLB only in cold code.
 * They stand in a set of the cpu object that the loop claims when it is entered; sets are few, so another
 * loop may have had it meanwhile. Whoever changes the tables clears them (X64Paged.loops). */
#include "tcg/host/x86_64/x64_priv.h"

enum { MOST_BYTES = 256 }; /* of a group: a range over the end of a page is slower than no group */

typedef struct Group {
    IrVal root, index;
    uint8_t scale, mmuidx;
    uint16_t leader;    /* index in X64Emit.share; */
    int32_t at, lo, hi; /* its address, and the bytes of all, from the root */
    int32_t inside;     /* Address of the leader; */
    bool same, plain;   /* all have this `inside`; all are plain */
} Group;

typedef struct Groups {
    Group g[X64_SHARED];
    unsigned n, next;
    bool keep; /* in a loop: groups may keep their page */
} Groups;

/* The value without the constants that are added to it, in its own width. */
static IrVal without_constants(const X64Emit *e, IrVal v, int64_t *io_disp)
{
    IrType t = (IrType)e->r->insn[v].type;
    int64_t c;
    for (const IrInsn *add;
         (add = &e->r->insn[v])->op == IR_ADD && add->type == t && x64_const(e, add->b, &c);
         v = x64_val(e, add->a))
        *io_disp += c;
    return v;
}

/* The address of an access: root and constants. One of 32 bits wraps: `inside` of disp is added before, the
 * rest behind. */
typedef struct Address {
    IrVal root;
    int64_t disp, inside;
    bool plain; /* nothing is added behind the wrap */
} Address;

static Address address_of(const X64Emit *e, const IrInsn *i)
{
    Address at = {.disp = (int32_t)i->imm};
    at.root = without_constants(e, x64_val(e, i->a), &at.disp);
    const IrInsn *narrow = &e->r->insn[at.root];
    if (narrow->op != IR_ZEXT || e->r->insn[x64_val(e, narrow->a)].type != IR_I32)
        return at;
    at.plain = at.disp == 0 && i->b == IR_NONE;
    at.root = without_constants(e, x64_val(e, narrow->a), &at.inside);
    at.inside = (int32_t)at.inside;
    at.disp += at.inside;
    return at;
}

/* Do these addresses differ by what their constants differ? Where the range of a group lies in one page, a
 * sum that wraps behind all its constants, or behind the same ones, has done so for all or for none. */
static bool alike(const Group *g, const Group *want)
{
    bool base = g->root == want->root && g->index == want->index && g->scale == want->scale;
    return base && g->mmuidx == want->mmuidx &&
           ((g->same && g->inside == want->inside) || (g->plain && want->plain));
}

/* ---- how far addresses of a loop go from round to round ---- */

enum { FAR = 1 << 20, MOST_STEP = 256 }; /* a group that goes farther leaves its page too often */

/* Of what the slot has at the beginning of a round. */
static int64_t slot_step(const X64Emit *e, unsigned slot)
{
    for (unsigned k = e->r->n_insns; k-- > 0;) {
        const IrInsn *put = &e->r->insn[k];
        if (put->op != IR_PUT || put->imm != slot || (e->l->flags[k] & IR_L_DEAD))
            continue;
        int64_t step = 0;
        const IrInsn *root = &e->r->insn[without_constants(e, x64_val(e, put->a), &step)];
        return root->op == IR_GET && root->imm == slot && step > -FAR && step < FAR ? step : FAR;
    }
    return 0;
}

/* Whatever comes of FAR is FAR. */
static int64_t sum(int64_t a, int64_t b)
{
    return a != FAR && b != FAR && a + b > -FAR && a + b < FAR ? a + b : FAR;
}
static int64_t shifted(int64_t step, int64_t by)
{
    enum { MOST_SHIFT = 20 };
    const int64_t v = by >= 0 && by <= MOST_SHIFT ? step * (1ll << by) : FAR;
    return step != FAR && v > -FAR && v < FAR ? v : FAR;
}

static int64_t step_of(const X64Emit *e, IrVal v, unsigned depth)
{
    v = x64_val(e, v);
    const IrInsn *i = &e->r->insn[v];
    int64_t c;
    if (x64_const(e, v, &c))
        return 0;
    if (!depth)
        return FAR;
    switch (i->op) {
    case IR_GET: return slot_step(e, i->imm);
    case IR_ADD: return sum(step_of(e, i->a, depth - 1), step_of(e, i->b, depth - 1));
    case IR_ZEXT:
    case IR_SEXT: return step_of(e, i->a, depth - 1);
    case IR_SHL: return x64_const(e, i->b, &c) ? shifted(step_of(e, i->a, depth - 1), c) : FAR;
    default: return FAR;
    }
}

static bool stays(const X64Emit *e, const Group *g)
{
    enum { DEPTH = 6 };
    int64_t step = step_of(e, g->root, DEPTH);
    if (g->index != IR_NONE)
        step = sum(step, shifted(step_of(e, g->index, DEPTH), g->scale));
    return step >= -MOST_STEP && step <= MOST_STEP;
}

/* ---- groups ---- */

static Group *find(Groups *all, const Group *want)
{
    for (unsigned k = 0; k < all->n; k++) {
        Group *g = &all->g[k];
        int32_t lo = MIN(g->lo, want->lo), hi = MAX(g->hi, want->hi);
        if (alike(g, want) && hi - lo <= MOST_BYTES)
            return g;
    }
    return NULL;
}

static void note(X64Emit *e, Groups *all, const IrInsn *i, unsigned at)
{
    IrMem mem = {.raw = i->d};
    const Address x = address_of(e, i);
    if (e->n_shares == X64_MAX_ACCESSES || x.disp <= INT32_MIN / 2 || x.disp >= INT32_MAX / 2)
        return;
    Group want = {.root = x.root,
                  .index = i->b,
                  .scale = i->b ? mem.scale : 0,
                  .mmuidx = mem.mmuidx,
                  .leader = (uint16_t)e->n_shares,
                  .at = (int32_t)x.disp,
                  .lo = (int32_t)x.disp,
                  .hi = (int32_t)x.disp + (1 << mem.size),
                  .inside = (int32_t)x.inside,
                  .same = true,
                  .plain = x.plain};
    Group *g = find(all, &want);
    X64Share *s = &e->share[e->n_shares++];
    *s = (X64Share){.insn = (uint16_t)at, .n = 1, .hi = (int16_t)(1 << mem.size)};
    if (!g) { /* in place of the oldest */
        unsigned k = all->next++ % X64_SHARED;
        s->keeps = all->keep && k == all->n && stays(e, &want);
        if (k < all->n)
            e->share[all->g[k].leader].keeps = false;
        all->n = MAX(all->n, k + 1);
        s->slot = (uint8_t)k;
        all->g[k] = want;
        g = &all->g[k];
    } else {
        g->lo = MIN(g->lo, want.lo);
        g->hi = MAX(g->hi, want.hi);
        g->same = g->same && g->inside == want.inside;
        g->plain = g->plain && want.plain;
        s->slot = (uint8_t)(g - all->g);
        s->follows = true;
    }
    s->leader = g->leader;
    X64Share *leader = &e->share[g->leader];
    leader->n += s->follows;
    leader->writes |= i->op == IR_ST;
    leader->lo = (int16_t)(g->lo - g->at);
    leader->hi = (int16_t)(g->hi - g->at);
}

static bool ends_groups(const IrInsn *i)
{
    return i->op == IR_CALL || i->op == IR_UNIT || i->op == IR_POLL;
}

void x64_share_plan(X64Emit *e)
{
    e->n_shares = e->next_share = 0;
    if (!e->h->paged.on || (e->h->no_opt & (X64_NO_SHARED_CHECKS | X64_NO_TLB)))
        return;
    const bool loop = x64_is_plain_loop(e);
    e->loop_set = (e->loop_set + loop) % X64_LOOP_SETS; /* those made one after the other run together */
    for (unsigned b = 0; b < e->r->n_blocks; b++) {
        Groups all = {.keep = loop};
        for (unsigned k = e->r->block[b].first; k < e->r->block[b].end; k++) {
            const IrInsn *i = &e->r->insn[k];
            if (ends_groups(i)) {
                all.keep = all.keep && !all.n; /* what was kept so far has its words to itself */
                all.n = all.next = 0;
            }
            else if ((i->op == IR_LD || i->op == IR_ST) && x64_paged_in_line(e, i) &&
                     ((IrMem){.raw = i->d}).order != IR_ALIGNED && !(e->l->flags[k] & IR_L_DEAD))
                note(e, &all, i, k);
        }
    }
}

X64Mem x64_loop_word(const X64Emit *e, unsigned slot, unsigned which)
{
    enum { SETS_AT = 4 * X64_LOOP_SETS, ROW = 8 * X64_SHARED, SET_BYTES = ROW * X64_LOOP_WORDS };
    unsigned at = SETS_AT + e->loop_set * SET_BYTES + which * ROW + 8 * slot;
    return x64_env(e->h->paged.loops + (int32_t)at);
}

X64Mem x64_share_word(const X64Emit *e, const X64Share *s)
{
    return e->share[s->leader].keeps ? x64_loop_word(e, s->slot, X64_LOOP_ADDEND)
                                     : x64_env(e->h->at.shared + 8 * (int32_t)s->slot);
}

void x64_share_enter(X64Emit *e)
{
    X64Mem owner = x64_env(e->h->paged.loops + 4 * (int32_t)e->loop_set);
    int32_t name = (int32_t)e->exits.first_id + 1; /* no other region that runs has this exit */
    uint8_t *mine = NULL;
    for (unsigned k = 0; k < e->n_shares; k++) {
        if (!e->share[k].keeps)
            continue;
        if (!mine) {
            x64_alu_mi(e->a, 32, X64_CMP, owner, name);
            mine = x64_jcc_rel8(e->a, X64_E);
            x64_mov_mi(e->a, 32, owner, name);
        }
        x64_mov_mi(e->a, 64, x64_loop_word(e, e->share[k].slot, X64_LOOP_LIMIT), 0);
    }
    if (mine)
        x64_patch8(mine, e->a->p);
}

const X64Share *x64_share_next(X64Emit *e)
{
    while (e->next_share < e->n_shares && e->share[e->next_share].insn < e->cur)
        e->next_share++;
    const X64Share *s = &e->share[e->next_share];
    bool shares = e->next_share < e->n_shares && s->insn == e->cur && (s->follows || s->n > 1 || s->keeps);
    return shares ? s : NULL;
}
