/* Code of machines (X64Host.paged): accesses through the TLB, and jumps to other pages
 * (docs/adr/0018-system-memory.md).
 *
 * An access is: operands into registers; a register for the result; the probe; the host access. If the probe
 * misses, cold code asks C for the whole access, which goes on behind it, so everything the allocator may
 * emit stands before the probe. That code is a call, whose return address is a description of the access
 * (X64Slow): most of it never runs. If the access raises, it leaves as a side exit does, with the pins as
 * they are: nothing of the instruction is done. Accesses to one object share a probe (x64_emit_share.c).
 */
#include "tcg/host/x86_64/x64_priv.h"

enum { PAGE = 4096 };

/* Bytes of a table's entry, where its tags stand (by kind: read, write) and its addend. */
enum { ENTRY_SHIFT = 5, TAG_READ = 0, TAG_WRITE = 8, ADDEND = 24 };

/* ---- jumps ---- */

enum { JUMP_KEY = 8, JUMP_RX = 16, JUMP_DELTA = 24 }; /* bytes of an entry (x64.h) */

enum { FAR_SHIFT = 5 }; /* log2 of an entry's bytes */

/* rcx = index << FAR_SHIFT - 3, as x64_far_jump() leaves it. */
static X64Mem far_entry(const X64Host *h, int32_t at)
{
    return X64_MEMI(X64_RBP, X64_RCX, 3, h->at.jump_cache - X64_ENV_BIAS + at);
}

void x64_far_jump(const X64Host *h, X64Asm *a)
{
    X64Mem entry = far_entry(h, 0);
    if (h->no_opt & X64_NO_JUMP_CACHE) {
        x64_jmp_to(a, h->exit_indirect);
        return;
    }
    x64_alu_mi(a, 32, X64_CMP, x64_env(h->at.kick), 0);
    x64_patch32(x64_jcc_rel32(a, X64_NE), h->exit_indirect);
    x64_shifted(h->features, a, X64_RCX, X64_RAX, X64_FAR_BITS - (int)h->insn_shift); /* x64_far_index() */
    x64_alu_rr(a, 32, X64_XOR, X64_RCX, X64_RAX);
    x64_mov_rm(a, 64, X64_RDX, x64_env(h->paged.jump_key));
    x64_alu_ri(a, 32, X64_AND, X64_RCX, (X64_FAR_ENTRIES - 1) << h->insn_shift);
    if (h->insn_shift < FAR_SHIFT - 3)
        x64_shift_ri(a, 32, X64_SHL, X64_RCX, FAR_SHIFT - 3 - (int)h->insn_shift);
    x64_alu_rm(a, 64, X64_CMP, X64_RAX, entry);
    x64_patch32(x64_jcc_rel32(a, X64_NE), h->exit_indirect);
    entry.disp += JUMP_KEY;
    x64_alu_rm(a, 64, X64_CMP, X64_RDX, entry);
    x64_patch32(x64_jcc_rel32(a, X64_NE), h->far_again);
    entry.disp += JUMP_DELTA - JUMP_KEY;
    x64_mov_rm(a, 64, X64_RDX, entry);
    x64_mov_mr(a, 64, x64_env(h->paged.pc_delta), X64_RDX);
    entry.disp += JUMP_RX - JUMP_DELTA;
    x64_jmp_m(a, entry);
}

/* The entry at rcx is of rax, but not of the key in rdx: another address space, or one that was flushed.
 * Where the context is the same, and the page is known to be the same one, it is as good as new. An
 * instruction near the end of the page may go on in another one. */
void x64_far_again(X64Host *h, X64Asm *a)
{
    enum { NEAR_END = PAGE - 16, PLACE_SHIFT = 5, PLACE_PAGE = 0, PLACE_KEY = 8, PLACE_PA = 16 };
    h->far_again = a->p;
    x64_alu_rm(a, 32, X64_CMP, X64_RDX, far_entry(h, JUMP_KEY));
    x64_patch32(x64_jcc_rel32(a, X64_NE), h->exit_indirect);
    x64_mov_rr(a, 32, X64_R11, X64_RAX);
    x64_alu_ri(a, 32, X64_AND, X64_R11, PAGE - 1);
    x64_alu_ri(a, 32, X64_CMP, X64_R11, NEAR_END);
    x64_patch32(x64_jcc_rel32(a, X64_A), h->exit_indirect);
    x64_mov_rr(a, 64, X64_R11, X64_RAX);
    x64_shift_ri(a, 64, X64_SHR, X64_R11, 12 - PLACE_SHIFT);
    x64_alu_ri(a, 32, X64_AND, X64_R11, (int32_t)(h->paged.places - 1) << PLACE_SHIFT);
    x64_alu_rm(a, 64, X64_ADD, X64_R11, x64_env(h->paged.place));
    x64_alu_rm(a, 64, X64_CMP, X64_RDX, X64_MEM(X64_R11, PLACE_KEY));
    x64_patch32(x64_jcc_rel32(a, X64_NE), h->exit_indirect);
    x64_mov_rr(a, 64, X64_RDX, X64_RAX);
    x64_alu_ri(a, 64, X64_AND, X64_RDX, -PAGE);
    x64_alu_rm(a, 64, X64_CMP, X64_RDX, X64_MEM(X64_R11, PLACE_PAGE));
    x64_patch32(x64_jcc_rel32(a, X64_NE), h->exit_indirect);
    x64_alu_rm(a, 64, X64_SUB, X64_RDX, far_entry(h, JUMP_DELTA));
    x64_alu_rm(a, 64, X64_CMP, X64_RDX, X64_MEM(X64_R11, PLACE_PA));
    x64_patch32(x64_jcc_rel32(a, X64_NE), h->exit_indirect);
    x64_mov_rm(a, 64, X64_RDX, x64_env(h->paged.jump_key));
    x64_mov_mr(a, 64, far_entry(h, JUMP_KEY), X64_RDX);
    x64_mov_rm(a, 64, X64_RDX, far_entry(h, JUMP_DELTA));
    x64_mov_mr(a, 64, x64_env(h->paged.pc_delta), X64_RDX);
    x64_jmp_m(a, far_entry(h, JUMP_RX));
}

void x64_virtual_pc(const X64Host *h, X64Asm *a, uint64_t pc)
{
    x64_mov_ri(a, 64, X64_RAX, pc);
    if (h->paged.on)
        x64_alu_rm(a, 64, X64_ADD, X64_RAX, x64_env(h->paged.pc_delta));
}

/* ---- the probe ---- */

/* The access's address in one base register (or none) and a displacement; the registers it came from are free
 * again. */
static X64Mem flat_address(X64Emit *e, const IrInsn *i)
{
    X64Mem m = x64_address(e, i, i->op == IR_LD || i->op == IR_ST);
    if (m.index < 0 && m.base >= 0)
        return m;
    int t = x64_scratch(e);
    if (m.base < 0 && m.index < 0)
        x64_mov_ri(e->a, 64, t, (uint64_t)(int64_t)m.disp);
    else
        x64_lea(e->a, 64, t, m);
    for (int r = 0; r < 16; r++)
        if ((r == m.base || r == m.index) && x64_is_temp(e, r))
            e->locked &= ~(1u << r);
    return X64_MEM(t, 0);
}

static void copy_address(X64Emit *e, int to, X64Mem m, int more)
{
    m.disp += more;
    if (m.disp == 0)
        x64_mov_rr(e->a, 64, to, m.base);
    else
        x64_lea(e->a, 64, to, m);
}

/* t = the address of the TLB's entry for the bytes [lo, hi) from m on; t, u: temporaries, both are lost. An
 * address that has to be aligned and is not misses, as no tag that matches has bits below the page. Returns
 * the branch of a miss. */
static uint8_t *look_up(X64Emit *e, X64Mem m, IrMem mem, int lo, int hi, int tag, int t, int u)
{
    X64Asm *a = e->a;
    if (m.disp + lo)
        copy_address(e, t, m, lo);
    x64_shifted(e->h->features, a, t, m.disp + lo ? t : m.base, 12 - ENTRY_SHIFT);
    x64_alu_ri(a, 32, X64_AND, t, (int32_t)(e->h->paged.tlb_entries - 1) << ENTRY_SHIFT);
    x64_alu_rm(a, 64, X64_ADD, t, x64_env(e->h->paged.tlb + 8 * mem.mmuidx));
    bool aligned = mem.order == IR_ALIGNED;
    copy_address(e, u, m, aligned ? 0 : hi - 1);
    x64_alu_ri(a, 64, X64_AND, u, aligned ? -PAGE | ((1 << mem.size) - 1) : -PAGE);
    x64_alu_rm(a, 64, X64_CMP, u, X64_MEM(t, tag));
    return x64_jcc_rel32(a, X64_NE);
}

/* What the cold code of an access has to know of its probe. */
typedef struct Probe {
    uint8_t *miss, *hot;
    const X64Share *share;
    int tag, t, u;
} Probe;

/* Is the group in the page that it kept? The branch if not; t = the addend. */
static uint8_t *look_at_kept(X64Emit *e, X64Mem m, const X64Share *s, int t)
{
    X64Asm *a = e->a;
    copy_address(e, t, m, s->lo);
    x64_alu_rm(a, 64, X64_SUB, t, x64_loop_word(e, s->slot, X64_LOOP_PAGE));
    x64_alu_rm(a, 64, X64_CMP, t, x64_loop_word(e, s->slot, X64_LOOP_LIMIT));
    uint8_t *miss = x64_jcc_rel32(a, X64_AE);
    x64_mov_rm(a, 64, t, x64_share_word(e, s));
    return miss;
}

/* t, u: temporaries; t is lost. Returns the place in host memory, which uses t. */
static X64Mem probe(X64Emit *e, X64Mem m, IrMem mem, int tag, int t, int u, Probe *ret)
{
    X64Asm *a = e->a;
    const X64Share *s = x64_share_next(e);
    *ret = (Probe){.share = s, .tag = tag, .t = t, .u = u};
    if (s && s->follows) {
        x64_mov_rm(a, 64, t, x64_share_word(e, s));
        x64_test_rr(a, 64, t, t);
        ret->miss = x64_jcc_rel32(a, X64_E);
    } else if (s && s->keeps) {
        ret->miss = look_at_kept(e, m, s, t);
    } else {
        int lo = s ? s->lo : 0, hi = s ? s->hi : 1 << mem.size;
        ret->miss = look_up(e, m, mem, lo, hi, s && s->writes ? TAG_WRITE : tag, t, u);
        x64_mov_rm(a, 64, t, X64_MEM(t, ADDEND));
        if (s)
            x64_mov_mr(a, 64, x64_share_word(e, s), t);
    }
    ret->hot = a->p;
    return X64_MEMI(m.base, t, 0, m.disp);
}

/* ---- the slow way ---- */

static X64Access *note_access(X64Emit *e, const IrInsn *i, X64Mem m, const Probe *p)
{
    X64Cold *c = x64_cold(e, COLD_ACCESS);
    if (e->n_accesses == X64_MAX_ACCESSES) {
        e->failed = true;
        e->n_accesses--;
    }
    X64Access *x = &e->access[e->n_accesses++];
    *x = (X64Access){.m = m,
                     .insn = (uint16_t)e->cur,
                     .value = -1,
                     .expected = -1,
                     .dest = -1,
                     .tag = (uint8_t)p->tag,
                     .t = (int8_t)p->t,
                     .u = (int8_t)p->u,
                     .hot = p->hot};
    if (p->share) {
        x->shares = p->share->follows || p->share->n > 1;
        x->slot = p->share->slot;
        x->keeps = p->share->keeps ? p->share : NULL;
    }
    c->site = p->miss;
    c->fn = e->n_accesses - 1u;
    c->exit = (uint16_t)e->ordinal;
    c->dirty = (uint16_t)x64_dirty_pins(e);
    c->fl = x64_fl_recipe(e);
    x->cold = (uint16_t)(e->n_cold - 1);
    return x;
}

static void access_done(X64Emit *e, const X64Access *x)
{
    e->cold[x->cold].back = e->a->p;
}

/* What stands behind a call to the stub of slow accesses, or of those that look first; then come the bytes
 * that `op` and `at` name. Most of it is never read, and there is one for each access. */
typedef struct __attribute__((packed)) X64Slow {
    int16_t hot;   /* from the first byte of this: the access in line. x64_look_stubs() reads it */
    uint8_t bytes; /* of that; behind it the code goes on */
    uint8_t op;    /* SLOW_*. Bits 3 and 4: 8 * word of the group (x64_look_stubs()) */
    uint16_t mem;  /* IrMem */
    uint16_t at;   /* lower 12 bits of the guest's pc; SLOW_AT_* */
    uint16_t regs; /* base | value << 4 | dest << 10; these two: 1 + register, 17 + xmm, 0 none */
    int16_t raise; /* from the first byte of this: SLOW_RAISES ? code that raises : page of the guest's pc */
} X64Slow;
enum {
    SLOW_LD,
    SLOW_ST,
    SLOW_RMW /* a byte: which */,
    SLOW_CAS /* a byte: register of what is expected */,
    SLOW_OP = 3,
    SLOW_RAISES = 1 << 2,
    SLOW_WORD = 3 << 3,
    SLOW_AT_WIDE = 1 << 12,   /* the result has 64 bits */
    SLOW_AT_CONST = 1 << 13,  /* 4 bytes: what is stored */
    SLOW_AT_DISP = 1 << 14,   /* a byte: address = base + disp */
    SLOW_AT_DISP32 = 1 << 15, /* 4 bytes */
};
_Static_assert(X64_SHARED * 8 <= SLOW_WORD + 8, "a word of a group is named by these bits");

static bool raises_simply(const X64Emit *e, const X64Cold *c)
{
    uint64_t pc = e->r->guest_pc[c->exit];
    return !c->fl && !c->dirty && !e->code->n_loop_pins && (pc & ~4095ull) == (e->r->pc & ~4095ull) &&
           e->a->p - e->page_at < 0x7f00;
}

static const uint8_t lookers[X64_LOOKERS] = {X64_RAX, X64_RCX, X64_RDX, X64_R11};

/* The access's group has no page, but it has one by itself perhaps: on at X64Slow.hot, the addend in t. */
static void look_stub(const X64Host *h, X64Asm *a, int t, unsigned idx, int tag, int bytes)
{
    int u = t == X64_RAX ? X64_RCX : X64_RAX;
    x64_mov_mr(a, 64, x64_env(h->at.link), u);
    x64_mov_rm(a, 64, u, X64_MEM(X64_RSP, 0));
    x64_movzx_rm(a, 8, u, X64_MEM(u, offsetof(X64Slow, op)));
    x64_alu_ri(a, 32, X64_AND, u, SLOW_WORD);
    x64_mov_mi(a, 64, X64_MEMI(X64_RBP, u, 0, h->at.shared - X64_ENV_BIAS), 0);
    x64_lea(a, 64, u, X64_MEM(t, bytes - 1));
    x64_alu_ri(a, 64, X64_AND, u, -PAGE);
    x64_shift_ri(a, 64, X64_SHR, t, 12 - ENTRY_SHIFT);
    x64_alu_ri(a, 32, X64_AND, t, (int32_t)(h->paged.tlb_entries - 1) << ENTRY_SHIFT);
    x64_alu_rm(a, 64, X64_ADD, t, x64_env(h->paged.tlb + 8 * (int32_t)idx));
    x64_alu_rm(a, 64, X64_CMP, u, X64_MEM(t, tag));
    uint8_t *miss = x64_jcc_rel8(a, X64_NE);
    x64_mov_rm(a, 64, t, X64_MEM(t, ADDEND));
    x64_mov_rm(a, 64, u, X64_MEM(X64_RSP, 0));
    x64_movsx_rm(a, 64, 16, u, X64_MEM(u, offsetof(X64Slow, hot)));
    x64_alu_mr(a, 64, X64_ADD, X64_MEM(X64_RSP, 0), u);
    x64_mov_rm(a, 64, u, x64_env(h->at.link));
    x64_lea(a, 64, X64_RSP, X64_MEM(X64_RSP, 8));
    x64_jmp_m(a, X64_MEM(X64_RSP, -8));
    x64_patch8(miss, a->p);
    x64_mov_rm(a, 64, u, x64_env(h->at.link));
    x64_jmp_to(a, h->access);
}

void x64_look_stubs(X64Host *h, X64Asm *a)
{
    for (unsigned n = 0; n < h->paged.n_idx * 4 * X64_LOOKERS; n++) {
        unsigned k = n % X64_LOOKERS, wide = n / X64_LOOKERS & 1, write = n / X64_LOOKERS >> 1 & 1,
                 idx = n / X64_LOOKERS >> 2;
        h->look[idx][write][wide][k] = a->p;
        look_stub(h, a, lookers[k], idx, write ? TAG_WRITE : TAG_READ, wide ? 16 : 8);
    }
}

/* The call that the description of access x stands behind. */
static void call_slow(X64Emit *e, const X64Access *x)
{
    IrMem mem = {.raw = e->r->insn[x->insn].d};
    unsigned k = 0;
    uint8_t *to = e->h->access;
    if (x->shares) {
        while (k + 1 < X64_LOOKERS && lookers[k] != x->t)
            k++;
        copy_address(e, x->t, x->m, 0);
        to = e->h->look[mem.mmuidx][x->tag == TAG_WRITE][mem.size > 3][k];
    }
    x64_patch32(x64_call_rel32(e->a), to);
}

/* The leader's group has left the page that it kept: it keeps another, if the TLB has that. */
static void keep_another(X64Emit *e, const X64Access *x)
{
    X64Asm *a = e->a;
    const X64Share *s = x->keeps;
    IrMem mem = {.raw = e->r->insn[x->insn].d};
    X64Mem limit = x64_loop_word(e, s->slot, X64_LOOP_LIMIT), addend = x64_share_word(e, s);
    uint8_t *miss = look_up(e, x->m, mem, s->lo, s->hi, s->writes ? TAG_WRITE : x->tag, x->t, x->u);
    x64_mov_mr(a, 64, x64_loop_word(e, s->slot, X64_LOOP_PAGE), x->u);
    x64_mov_rm(a, 64, x->t, X64_MEM(x->t, ADDEND));
    x64_mov_mr(a, 64, addend, x->t);
    x64_mov_mi(a, 64, limit, PAGE + 1 - (s->hi - s->lo));
    x64_jmp_to(a, x->hot);
    x64_patch32(miss, a->p);
    if (!x->shares)
        return;
    x64_mov_mi(a, 64, limit, 0);
    x64_mov_mi(a, 64, addend, 0); /* those that follow look for themselves */
}

static void bytes_behind(X64Emit *e, const X64Access *x)
{
    const IrInsn *i = &e->r->insn[x->insn];
    if (i->op == IR_RMW)
        x64_bytes(e->a, &i->misc, 1);
    else if (i->op == IR_CAS)
        x64_bytes(e->a, (const uint8_t *)&x->expected, 1);
    if (x->m.disp)
        x64_bytes(e->a, (const uint8_t *)&x->m.disp, x->m.disp == (int8_t)x->m.disp ? 1 : 4);
    if (x->is_const)
        x64_bytes(e->a, (const uint8_t *)&x->constant, sizeof(x->constant));
}

/* The code that raises for this access: accesses of an instruction mostly have it in common. */
static uint8_t *raise_before(const X64Emit *e, const X64Cold *c)
{
    const X64Cold *last = e->last_raise;
    bool same = last && last->exit == c->exit && last->dirty == c->dirty && last->fl == c->fl &&
                e->a->p - e->raise_at < 0x7f00;
    return same ? e->raise_at : NULL;
}

void x64_cold_access(X64Emit *e, const X64Cold *c)
{
    const X64Access *x = &e->access[c->fn];
    const IrInsn *i = &e->r->insn[x->insn];
    X64Asm *a = e->a;
    bool simple = raises_simply(e, c);
    if (x->keeps)
        keep_another(e, x);
    call_slow(e, x);
    uint8_t *here = a->p, *raise = simple ? e->page_at : raise_before(e, c);
    const uint8_t *hot = x->hot ? x->hot : c->back;
    unsigned op = i->op == IR_LD ? SLOW_LD : i->op == IR_ST ? SLOW_ST : i->op == IR_RMW ? SLOW_RMW : SLOW_CAS;
    X64Slow s = {.hot = (int16_t)(hot - here),
                 .bytes = (uint8_t)(c->back - hot),
                 .op = (uint8_t)(op | (simple ? 0 : SLOW_RAISES) | 8u * x->slot),
                 .mem = i->d,
                 .at = (uint16_t)((e->r->guest_pc[c->exit] & 4095) | (i->type == IR_I64 ? SLOW_AT_WIDE : 0) |
                                  (x->is_const ? SLOW_AT_CONST : 0) |
                                  (!x->m.disp                       ? 0
                                   : x->m.disp == (int8_t)x->m.disp ? SLOW_AT_DISP
                                                                    : SLOW_AT_DISP32)),
                 .regs = (uint16_t)(x->m.base | (x->value + 1) << 4 | (x->dest + 1) << 10),
                 .raise = (int16_t)((raise ? raise : here) - here)};
    if (hot - here < INT16_MIN || c->back - hot > UINT8_MAX)
        e->failed = true; /* a long region */
    x64_bytes(a, (const uint8_t *)&s, sizeof(s));
    bytes_behind(e, x);
    if (raise || a->overflow)
        return;
    s.raise = (int16_t)(a->p - here);
    memcpy(here, &s, sizeof(s));
    e->last_raise = c;
    e->raise_at = a->p;
    x64_cold_raise(e, c);
}

/* The page that these descriptions speak of. */
void x64_paged_cold_start(X64Emit *e)
{
    uint64_t page = e->r->pc & ~4095ull;
    e->last_raise = NULL;
    if (!e->n_accesses)
        return;
    e->page_at = e->a->p;
    x64_bytes(e->a, (const uint8_t *)&page, sizeof(page));
}

static void *saved(const X64Host *h, void *cpu, int reg)
{
    int at = reg >= X64_XMM ? 128 + 16 * (reg - X64_XMM) : 8 * reg;
    return (char *)cpu + h->at.save + at;
}

/* reg: as in X64Slow.regs. */
static void operand(const X64Host *h, void *cpu, int reg, uint64_t ret[2])
{
    if (reg)
        memcpy(ret, saved(h, cpu, reg - 1), reg > X64_XMM ? 16 : 8);
}

static uint64_t extended(const IrAccess *a, bool wide)
{
    IrMem m = {.raw = a->mem};
    unsigned bits = 8u << m.size;
    uint64_t v = a->value[0];
    if (!m.sext || bits >= 64)
        return v;
    v = (uint64_t)((int64_t)(v << (64 - bits)) >> (64 - bits));
    return wide ? v : (uint32_t)v;
}

/* What the description says. */
static IrAccess access_of(const X64Host *h, void *cpu, const X64Slow *s, const uint8_t *behind)
{
    static const uint8_t op[] = {
        [SLOW_LD] = IR_LD, [SLOW_ST] = IR_ST, [SLOW_RMW] = IR_RMW, [SLOW_CAS] = IR_CAS};
    IrAccess a = {.mem = s->mem, .op = op[s->op & SLOW_OP]};
    int32_t v;
    if (a.op == IR_RMW)
        a.rmw = *behind++;
    else if (a.op == IR_CAS)
        operand(h, cpu, 1 + (int8_t)*behind++, a.expected);
    a.addr = *(const uint64_t *)saved(h, cpu, s->regs & 15);
    if (s->at & SLOW_AT_DISP) {
        a.addr += (uint64_t)(int64_t)(int8_t)*behind++;
    } else if (s->at & SLOW_AT_DISP32) {
        memcpy(&v, behind, sizeof(v));
        a.addr += (uint64_t)(int64_t)v;
        behind += sizeof(v);
    }
    operand(h, cpu, s->regs >> 4 & 63, a.value);
    if (s->at & SLOW_AT_CONST) {
        memcpy(&v, behind, sizeof(v));
        a.value[0] = (uint64_t)(int64_t)v;
    }
    return a;
}

uint64_t x64_slow_access(void *cpu, uint64_t at, const X64Host *h)
{
    const uint8_t *p = (const uint8_t *)(uintptr_t)at;
    X64Slow s;
    memcpy(&s, p, sizeof(s));
    IrAccess a = access_of(h, cpu, &s, p + sizeof(s));
    int dest = s.regs >> 10;
    bool done = h->paged.fn(cpu, &a);
    memset((char *)cpu + h->at.shared, 0,
           X64_SHARED * sizeof(uint64_t)); /* of a device: it may have moved some */
    if (!done) {
        if (s.op & SLOW_RAISES)
            return at + (uint64_t)(int64_t)s.raise;
        uint64_t page, *pc = (uint64_t *)(void *)((char *)cpu + h->at.pc);
        memcpy(&page, p + s.raise, sizeof(page));
        *pc = page + (s.at & 4095) + *(uint64_t *)(void *)((char *)cpu + h->paged.pc_delta);
        return (uint64_t)((intptr_t)h->raised + h->rx_delta);
    }
    if (dest > X64_XMM)
        memcpy(saved(h, cpu, dest - 1), a.value, 16);
    else if (dest)
        *(uint64_t *)saved(h, cpu, dest - 1) = extended(&a, s.at & SLOW_AT_WIDE);
    return at + (uint64_t)(int64_t)s.hot + s.bytes;
}

/* ---- the ops ---- */

/* Nothing of it in line; the operands are in registers. */
static void slow(X64Emit *e, const IrInsn *i, X64Mem m, int value, int expected)
{
    bool is_vec = ir_type_is_vec((IrType)i->type);
    unsigned dirty = x64_dirty_pins(e);
    int dest = -1;
    if (i->op != IR_ST)
        dest = is_vec ? X64_XMM + x64_def_x(e, -1, 0) : x64_def(e, -1, 0);
    const Probe none = {.miss = x64_jmp_rel32(e->a)};
    X64Access *x = note_access(e, i, m, &none);
    x->value = (int8_t)value;
    x->expected = (int8_t)expected;
    x->dest = (int8_t)dest;
    e->cold[x->cold].dirty = (uint16_t)dirty;
    access_done(e, x);
}

static void all_slow(X64Emit *e, const IrInsn *i)
{
    X64Mem m = flat_address(e, i);
    int value = -1;
    if (i->op != IR_LD && ir_type_is_vec((IrType)i->type)) {
        value = X64_XMM + x64_use_x(e, i->c);
        x64_clean(e, i->c, value - X64_XMM);
    } else if (i->op != IR_LD) {
        value = x64_use(e, i->c);
    }
    slow(e, i, m, value, i->op == IR_CAS ? x64_use(e, i->b) : -1);
}

bool x64_paged_in_line(const X64Emit *e, const IrInsn *i)
{
    IrMem mem = {.raw = i->d};
    bool f16 = ir_type_is_vec((IrType)i->type) && mem.size < 2;
    return !mem.bswap && !f16 && !(e->h->no_opt & X64_NO_TLB);
}

void x64_paged_ld(X64Emit *e, const IrInsn *i)
{
    IrMem mem = {.raw = i->d};
    bool is_vec = ir_type_is_vec((IrType)i->type);
    int bits = 8 << mem.size, w = i->type == IR_I64 ? 64 : 32;
    Probe p;
    if (!x64_paged_in_line(e, i)) {
        all_slow(e, i);
        return;
    }
    X64Mem m = flat_address(e, i);
    int t = x64_scratch(e), u = x64_scratch(e);
    unsigned dirty = x64_dirty_pins(e); /* before the result's register is another value's */
    int d = is_vec ? X64_XMM + x64_def_x(e, -1, 0) : x64_def(e, u, 0);
    X64Mem host = probe(e, m, mem, TAG_READ, t, u, &p);
    X64Access *x = note_access(e, i, m, &p);
    x->dest = (int8_t)d;
    e->cold[x->cold].dirty = (uint16_t)dirty;
    if (is_vec && mem.size == 4)
        x64_movups_rm(e->a, d - X64_XMM, host);
    else if (is_vec)
        x64_movs_rm(e->a, mem.size == 3 ? X64_SD : X64_SS, d - X64_XMM, host);
    else if (bits >= w || (bits == 32 && !mem.sext))
        x64_mov_rm(e->a, bits, d, host);
    else if (mem.sext)
        x64_movsx_rm(e->a, w, bits, d, host);
    else
        x64_movzx_rm(e->a, bits, d, host);
    access_done(e, x);
}

void x64_paged_st(X64Emit *e, const IrInsn *i)
{
    IrMem mem = {.raw = i->d};
    bool is_vec = ir_type_is_vec((IrType)i->type);
    int bits = 8 << mem.size, value = -1;
    int64_t c = 0;
    Probe p;
    if (!x64_paged_in_line(e, i)) {
        all_slow(e, i);
        return;
    }
    IrVal v = x64_val(e, i->c);
    bool is_const = !is_vec && e->reg[v] < 0 && x64_const(e, v, &c) && fits_i32(c);
    X64Mem m = flat_address(e, i);
    if (is_vec) {
        value = X64_XMM + x64_use_x(e, i->c);
        x64_clean(e, i->c, value - X64_XMM);
    } else if (!is_const) {
        value = x64_use(e, v);
    }
    int t = x64_scratch(e), u = x64_scratch(e);
    X64Mem host = probe(e, m, mem, TAG_WRITE, t, u, &p);
    X64Access *x = note_access(e, i, m, &p);
    x->value = (int8_t)value;
    x->is_const = is_const;
    x->constant = (int32_t)c;
    if (is_vec && mem.size == 4)
        x64_movups_mr(e->a, host, value - X64_XMM);
    else if (is_vec)
        x64_movs_mr(e->a, mem.size == 3 ? X64_SD : X64_SS, host, value - X64_XMM);
    else if (is_const)
        x64_mov_mi(e->a, bits, host, (int32_t)c);
    else
        x64_mov_mr(e->a, bits, host, value);
    if (mem.order == IR_SEQ_CST)
        x64_lock_or_rsp(e->a);
    access_done(e, x);
}

/* xchg, add: one host instruction. */
static void exchange(X64Emit *e, const IrInsn *i)
{
    IrMem mem = {.raw = i->d};
    int bits = 8 << mem.size;
    Probe p;
    X64Mem m = flat_address(e, i);
    int rv = x64_use(e, i->c), t = x64_scratch(e), u = x64_scratch(e);
    X64Mem host = probe(e, m, mem, TAG_WRITE, t, u, &p);
    X64Access *x = note_access(e, i, m, &p);
    x->value = (int8_t)rv;
    x->dest = (int8_t)u;
    x64_mov_rr(e->a, 64, u, rv);
    if (i->misc == IR_RMW_XCHG)
        x64_xchg_mr(e->a, bits, host, u);
    else
        x64_lock_xadd(e->a, bits, host, u);
    x64_define_old(e, i, u);
    access_done(e, x);
}

/* The others compare and swap, in rax; of four temporaries the operands may hold so many that C has to do
 * it. */
static void compare_and_swap(X64Emit *e, const IrInsn *i)
{
    IrMem mem = {.raw = i->d};
    int bits = 8 << mem.size, expected = -1, next = -1;
    bool is_cas = i->op == IR_CAS;
    Probe p;
    x64_claim(e, X64_RAX);
    X64Mem m = flat_address(e, i);
    int rv = x64_use(e, i->c);
    if (is_cas)
        expected = x64_use(e, i->b);
    unsigned temps = x64_is_temp(e, m.base) + x64_is_temp(e, rv) + (is_cas && x64_is_temp(e, expected));
    if (temps > (is_cas ? 2u : 1u)) {
        e->locked &= ~(1u << X64_RAX);
        slow(e, i, m, rv, expected);
        return;
    }
    int t = x64_scratch(e);
    if (!is_cas)
        next = x64_scratch(e);
    X64Mem host = probe(e, m, mem, TAG_WRITE, t, X64_RAX, &p);
    X64Access *x = note_access(e, i, m, &p);
    x->value = (int8_t)rv;
    x->expected = (int8_t)expected;
    x->dest = X64_RAX;
    if (is_cas) {
        x64_mov_rr(e->a, 64, X64_RAX, expected);
        x64_lock_cmpxchg(e->a, bits, host, rv);
    } else {
        x64_mov_rm(e->a, bits, X64_RAX, host);
        uint8_t *again = e->a->p;
        x64_rmw_step(e, i, next, rv, bits);
        x64_lock_cmpxchg(e->a, bits, host, next);
        x64_jcc_to(e->a, X64_NE, again);
    }
    x64_define_old(e, i, X64_RAX);
    access_done(e, x);
}

void x64_paged_update(X64Emit *e, const IrInsn *i)
{
    if (!x64_paged_in_line(e, i))
        all_slow(e, i);
    else if (i->op == IR_RMW && (i->misc == IR_RMW_XCHG || i->misc == IR_RMW_ADD))
        exchange(e, i);
    else
        compare_and_swap(e, i);
}
