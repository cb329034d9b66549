#include "accel/superblock.h"
#include "base/fault.h"

enum { TRACE_BUFFER = 128, TRACE_LOOK_AHEAD = 64 };

/* Where a trace that was to become a loop would have ended if nobody had hoped so. */
typedef struct Mark {
    bool set;
    Gva from, to;
    uint16_t n_insns, n_pool, n_args, n_guest, n_blocks, n_exits;
    uint16_t block; /* the one that was open */
    unsigned n_runs, n_bytes;
    SuperblockRun last;
} Mark;

typedef struct Tracer {
    const SuperblockConfig *cfg;
    IrBuilder *b;
    Superblock *sb;
    Trans t;
    Gva head, address; /* address: bits of a pc that are not TargetOps.pc_tag */
    Gva window, window_end; /* known executable bytes */
    uint64_t bias;          /* host address - address, of the window */
    Gva buf_pc, buf_end;    /* what buf holds */
    unsigned max, branches;
    bool closed; /* into a loop */
    Mark mark;
    uint8_t buf[TRACE_BUFFER + SB_COPY]; /* last: not cleared */
} Tracer;

/* The address in a tagged pc. */
static Gva place(const Tracer *x, Gva pc) { return pc & x->address; }

/* Copies guest bytes [pc, pc + n) into the buffer. Everything is translated from there: guest memory may
 * change, or vanish, at any time. */
static bool tracer_copy(Tracer *x, Gva pc, unsigned n)
{
    if (fault_copy(x->buf, (const void *)(uintptr_t)(pc + x->bias), n) != 0)
        return false;
    x->buf_pc = pc;
    x->buf_end = pc + n;
    return true;
}

static void tracer_at(Tracer *x, Gva pc)
{
    x->t.bytes = x->buf + (pc - x->buf_pc);
    x->t.n_bytes = (unsigned)MIN(x->buf_end - pc, 64);
}

/* Paged: is `to` on another page, or so near to the end that its instruction might be? */
static bool is_far(const Tracer *x, Gva to)
{
    unsigned longest = x->cfg->ops->insn_longest ? x->cfg->ops->insn_longest : 4;
    return x->cfg->page && place(x, to) - x->window > 4096 - longest;
}

/* Executable bytes from pc on, 0: none. The region is made of pc's page from here on. */
static unsigned tracer_enter_page(Tracer *x, Gva pc)
{
    const SuperblockConfig *cfg = x->cfg;
    const AccelMem *mem = cfg->mem;
    bool notice = cfg->ops->code_checks && !(x->t.ctx & CTX_STEP);
    AccelCode code = ACCEL_CODE_STAYS;
    unsigned n = cfg->fetchable ? cfg->fetchable(cfg->opaque, cfg->cpu, pc, notice, &code)
                                : mem->exec_bytes(mem->opaque, pc);
    if (n == 0)
        return 0;
    if (!cfg->fetchable)
        code = mem->code_page(mem->opaque, align_down(pc, 4096), notice);
    x->sb->writable |= code != ACCEL_CODE_STAYS;
    x->sb->unnoticed |= code == ACCEL_CODE_UNNOTICED;
    return n;
}

/* Where not enough of what follows is in the buffer. */
static __attribute__((noinline)) bool tracer_fetch_anew(Tracer *x, Gva pc)
{
    if (pc < x->window || pc >= x->window_end) {
        unsigned n = tracer_enter_page(x, pc);
        if (n == 0)
            return false;
        x->window = pc;
        x->window_end = MIN(pc + n, align_up(pc + 1, 4096));
    }
    bool whole = x->buf_end - pc >= TRACE_LOOK_AHEAD || x->buf_end == x->window_end;
    if ((pc < x->buf_pc || pc >= x->buf_end || !whole) &&
        !tracer_copy(x, pc, (unsigned)MIN(x->window_end - pc, TRACE_BUFFER)))
        return false;
    tracer_at(x, pc);
    return true;
}

/* Makes t.bytes/n_bytes valid at pc; false if not a byte is executable. */
static inline bool tracer_fetch(Tracer *x, Gva pc)
{
    if (UNLIKELY(pc < x->buf_pc || pc >= x->window_end || pc + TRACE_LOOK_AHEAD > x->buf_end))
        return tracer_fetch_anew(x, pc);
    x->t.bytes = x->buf + (pc - x->buf_pc);
    x->t.n_bytes = TRACE_LOOK_AHEAD;
    return true;
}

static bool tracer_fetch_second(Tracer *x, Gva pc)
{
    const uint8_t *more;
    unsigned first = (unsigned)(x->window_end - pc);
    if (!x->cfg->second(x->cfg->second_opaque, &x->sb->second, &more) || !tracer_copy(x, pc, first))
        return false;
    memcpy(x->buf + first, more, TRACE_LOOK_AHEAD - first);
    x->buf_end = pc + TRACE_LOOK_AHEAD;
    tracer_at(x, pc);
    return true;
}

/* An instruction that crosses a page, if the second is executable as well. */
static bool tracer_fetch_across(Tracer *x, Gva pc)
{
    if (x->cfg->page)
        return tracer_fetch_second(x, pc);
    Gva page = align_up(pc + 1, 4096);
    unsigned n = tracer_enter_page(x, page);
    if (n == 0)
        return false;
    if (!tracer_copy(x, pc, (unsigned)MIN(page + n - pc, TRACE_LOOK_AHEAD)))
        return false;
    tracer_at(x, pc);
    return true;
}

/* bytes: SB_COPY of them can be read. */
static bool tracer_add_run(Superblock *sb, Gva pc, const uint8_t *bytes, unsigned len)
{
    if (sb->n_bytes + len > SB_MAX_BYTES)
        return false;
    if (LIKELY(len <= SB_COPY)) /* without a call */
        memcpy(sb->bytes + sb->n_bytes, bytes, SB_COPY);
    else
        memcpy(sb->bytes + sb->n_bytes, bytes, len);
    sb->n_bytes += len;
    SuperblockRun *last = sb->n_runs ? &sb->run[sb->n_runs - 1] : NULL;
    if (last && last->pc + last->len == pc && (last->pc ^ (pc + len - 1)) < 4096) {
        last->len += len;
        return true;
    }
    while (len) {
        unsigned part = (unsigned)MIN((Gva)len, align_up(pc + 1, 4096) - pc);
        if (sb->n_runs == SB_MAX_RUNS)
            return false;
        sb->run[sb->n_runs++] = (SuperblockRun){.pc = pc, .len = part};
        pc += part;
        len -= part;
    }
    return true;
}

/* The only instruction, over two pages that need not follow each other. */
static void tracer_add_two(Superblock *sb, Gva pc, const uint8_t *bytes, unsigned len)
{
    unsigned first = (unsigned)(align_up(pc + 1, 4096) - pc);
    if (len <= first) { /* the rest said that it is none, or a shorter one */
        sb->second = 0;
        tracer_add_run(sb, pc, bytes, len);
        return;
    }
    memcpy(sb->bytes, bytes, len);
    sb->n_bytes = len;
    sb->n_runs = 2;
    sb->run[0] = (SuperblockRun){.pc = pc, .len = first};
    sb->run[1] = (SuperblockRun){.pc = sb->second, .len = len - first};
}

static bool tracer_visited(const Tracer *x, Gva pc)
{
    const IrRegion *r = x->b->r;
    for (unsigned i = 0; i < r->n_guest; i++)
        if (r->guest_pc[i] == pc)
            return true;
    return false;
}

/* Is what follows there, in whatever mapping this page runs? And no instruction that ends elsewhere again. */
static bool goes_along(const Tracer *x, Gva to)
{
    unsigned longest = x->cfg->ops->insn_longest ? x->cfg->ops->insn_longest : 4;
    return !((place(x, to) ^ x->window) >> x->cfg->even) && (place(x, to) & 4095) <= 4096 - longest;
}

static unsigned tracer_exit(Tracer *x, Gva from, Gva to)
{
    if (is_far(x, to) && !goes_along(x, to))
        return ir_exit_far(x->b, to);
    return ir_exit_direct(x->b, to, place(x, to) <= place(x, from));
}

static void tracer_leave_direct(Tracer *x, Gva from, Gva to) { ir_exit(x->b, tracer_exit(x, from, to)); }

static void tracer_mark(Tracer *x, Gva from, Gva to)
{
    const IrRegion *r = x->b->r;
    ir_commit(x->b);
    x->mark = (Mark){.set = true, .from = from, .to = to, .n_insns = r->n_insns, .n_pool = r->n_pool,
                     .n_args = r->n_args, .n_guest = r->n_guest, .n_blocks = r->n_blocks,
                     .n_exits = r->n_exits, .block = (uint16_t)x->b->block,
                     .n_runs = x->sb->n_runs,
                     .n_bytes = x->sb->n_bytes, .last = x->sb->run[x->sb->n_runs - 1]};
}

/* It has become none: what was only worth it in a loop goes again. Nothing refers to what came later. */
static void tracer_rewind(Tracer *x)
{
    IrRegion *r = x->b->r;
    const Mark *m = &x->mark;
    r->n_insns = m->n_insns;
    r->n_pool = m->n_pool;
    r->n_args = m->n_args;
    r->n_guest = m->n_guest;
    r->n_blocks = m->n_blocks;
    r->n_exits = m->n_exits;
    r->ret_exit = 0;
    r->full = false;
    x->b->block = m->block;
    x->b->n_pending = 0;
    x->sb->n_runs = m->n_runs;
    x->sb->n_bytes = m->n_bytes;
    x->sb->run[m->n_runs - 1] = m->last;
    tracer_leave_direct(x, m->from, m->to);
}

static void tracer_close_loop(Tracer *x)
{
    x->closed = true;
    ir_poll(x->b, ir_exit_direct(x->b, x->head, false));
    ir_br(x->b, 0);
}

/* The trace wants to go on at `to`. Returns false when the region ends here (and ends it). */
static bool tracer_go(Tracer *x, Gva from, Gva to)
{
    if (to == x->head && !(x->cfg->no_opt & ACCEL_NO_LOOPS)) {
        tracer_close_loop(x);
        return false;
    }
    IrRegion *r = x->b->r;
    const SuperblockConfig *cfg = x->cfg;
    bool back = place(x, to) <= place(x, from);
    if (UNLIKELY(x->t.together) &&
        (place(x, x->t.together) <= place(x, from) || back || place(x, to) > place(x, x->t.together)))
        x->t.together = 0;
    if (!x->mark.set && !x->t.together &&
        (x->branches == 0 || (cfg->known && cfg->known(cfg->opaque, to, x->t.ctx)))) {
        if (!cfg->loop_head) {
            tracer_leave_direct(x, from, to);
            return false;
        }
        tracer_mark(x, from, to);
    }
    bool stop = r->full || is_far(x, to) || r->n_guest >= x->max || x->sb->n_runs >= SB_MAX_RUNS - 2 ||
                ((cfg->no_opt & ACCEL_NO_SUPERBLOCK) && to != x->t.next);
    if (stop || (to != x->t.next && tracer_visited(x, to)) || !tracer_fetch(x, place(x, to))) {
        tracer_leave_direct(x, from, to);
        return false;
    }
    if (back) /* every cycle has a poll, also one that is unrolled into forward jumps between regions */
        ir_poll(x->b, ir_exit_direct(x->b, to, false));
    return true;
}

/* tracer_go() for most instructions: nothing there has a reason to end the trace, or anything else to do. */
static inline bool tracer_goes_straight(Tracer *x, Gva from, Gva to)
{
    const SuperblockConfig *cfg = x->cfg;
    const IrRegion *r = x->b->r;
    if (x->t.together || to == x->head || place(x, to) <= place(x, from) || r->full || cfg->page ||
        r->n_guest >= x->max || x->sb->n_runs >= SB_MAX_RUNS - 2)
        return false;
    if (!x->mark.set && (x->branches == 0 || (cfg->known && cfg->known(cfg->opaque, to, x->t.ctx))))
        return false;
    return tracer_fetch(x, place(x, to));
}

/* Turns the control flow of the instruction just translated into exits. Returns false when the region has
 * ended, else the address to go on at. */
static bool tracer_flow(Tracer *x, Gva *pc)
{
    Trans *t = &x->t;
    IrBuilder *b = x->b;
    Gva from = *pc;
    switch ((TransFlowKind)t->flow.kind) {
    case FLOW_NEXT:
        *pc = t->next;
        return LIKELY(tracer_goes_straight(x, from, t->next)) || tracer_go(x, from, t->next);
    case FLOW_JUMP: *pc = t->flow.target; return tracer_go(x, from, t->flow.target);
    case FLOW_CALL:
        tracer_leave_direct(x, from, t->flow.target);
        if (t->ctx & CTX_RETURNS)
            ir_expect_return(b, t->next);
        return false;
    case FLOW_BRANCH:
        if (ir_is_const(b->r, t->flow.cond)) {
            *pc = ir_const_value(b->r, t->flow.cond) ? t->flow.target : t->next;
            return tracer_go(x, from, *pc);
        }
        if (t->flow.target == x->head && !(x->cfg->no_opt & ACCEL_NO_LOOPS)) {
            IrVal leave = ir_not(b, IR_I1, t->flow.cond);
            ir_exit_if(b, leave, tracer_exit(x, from, t->next), false);
            tracer_close_loop(x);
            return false;
        }
        if (x->branches)
            x->branches--;
        ir_exit_if(b, t->flow.cond, tracer_exit(x, from, t->flow.target), false);
        *pc = t->next;
        if (x->cfg->no_opt & ACCEL_NO_SUPERBLOCK) {
            tracer_leave_direct(x, from, t->next);
            return false;
        }
        return tracer_go(x, from, t->next);
    case FLOW_INDIRECT:
        ir_exit_ind(b, t->flow.indirect, (IrHint)t->flow.hint);
        if (t->flow.hint == IR_HINT_CALL && t->ctx & CTX_RETURNS)
            ir_expect_return(b, t->next);
        return false;
    case FLOW_RAISE: ir_exit(b, ir_exit_raise(b, from, t->flow.code)); return false;
    case FLOW_STOP: tracer_leave_direct(x, from, t->next); return false;
    case FLOW_LEAVE: ir_exit(b, ir_exit_raise(b, t->next, t->flow.code)); return false;
    }
    return false;
}

static void tracer_init(Tracer *x, const SuperblockConfig *cfg, IrBuilder *b, Gva pc, uint32_t ctx,
                        Superblock *sb)
{
    memset(x, 0, offsetof(Tracer, buf));
    x->cfg = cfg;
    x->b = b;
    x->sb = sb;
    x->head = pc;
    x->address = ~cfg->ops->pc_tag;
    x->max = cfg->max_insns ? MIN(cfg->max_insns, IR_MAX_GUEST - 1) : SB_MAX_INSNS;
    x->branches = cfg->max_branches ? cfg->max_branches : SB_MAX_BRANCHES;
    if (ctx & CTX_STEP)
        x->max = 1;
    x->t.b = b;
    x->t.ctx = ctx;
    x->t.cpu = cfg->cpu;
    x->t.target = x->t.target_store;
    if (cfg->page) {
        x->window = align_down(place(x, pc), 4096);
        x->window_end = x->window + 4096;
        x->bias = (uint64_t)(uintptr_t)cfg->page - x->window;
    }
}

static void region_init(const SuperblockConfig *cfg, Arena *arena, IrBuilder *b, Gva pc, uint32_t ctx,
                        Superblock *ret)
{
    const TargetOps *ops = cfg->ops;
    IrRegion *r = ir_region_new(arena, ops->slots, ops->n_slots, ops->helpers, ops->n_helpers);
    ret->region = r;
    r->pc = pc;
    r->ctx = ctx;
    r->nan = ops->nan;
    r->fp = ops->nan == IR_NAN_ARM ? (uint8_t)(ctx >> CTX_ARM_FP_SHIFT & CTX_ARM_FP_MASK)
            : ops->nan == IR_NAN_X86 && (ctx & CTX_X86_TRAPS) ? IR_FP_TRAPS
                                                              : 0;
    ir_builder_init(b, r);
    b->untag = ctx & CTX_UNTAG;
    b->masked = cfg->page ? 0 : cfg->masked; /* they know no TLB */
    b->no_fold = (cfg->no_opt & ACCEL_NO_FOLD) != 0;
    b->moves = cfg->moves;
}

/* At the entry, and so in each round of a loop: is memory what `was` was made of? Else as after a fence. */
static void emit_code_check(Tracer *x, const Superblock *was)
{
    IrBuilder *b = x->b;
    const uint8_t *p = was->bytes;
    unsigned changed = ir_exit_raise(b, x->head, CPU_EXIT_FENCE_I);
    for (unsigned k = 0; k < was->n_runs; k++) {
        const SuperblockRun *run = &was->run[k];
        for (unsigned at = 0, n; at < run->len; at += n, p += n) {
            unsigned left = run->len - at, size = left >= 8 ? 3 : left >= 4 ? 2 : left >= 2 ? 1 : 0;
            IrType t = size == 3 ? IR_I64 : IR_I32;
            uint64_t v = 0;
            n = 1u << size;
            memcpy(&v, p, n);
            IrVal base = ir_const(b, IR_I64, (int64_t)run->pc);
            IrVal now = ir_ld(b, t, base, (int32_t)at, (IrMem){.size = size & 7, .mmu = IR_MMU_DIRECT});
            ir_exit_if(b, ir_cmp(b, IR_NE, now, ir_const(b, t, (int64_t)v)), changed, false);
        }
    }
}

/* Did the store `st`, which the instruction just built has made, reach the bytes of `was`, or what lies
 * between them? */
static IrVal store_hits(IrBuilder *b, const Superblock *was, const IrInsn *st)
{
    IrMem mem = {.raw = st->d};
    IrType t = (IrType)b->r->insn[st->a].type;
    Gva low = was->run[0].pc, end = low;
    for (unsigned k = 0; k < was->n_runs; k++) {
        low = MIN(low, was->run[k].pc);
        end = MAX(end, was->run[k].pc + was->run[k].len);
    }
    int64_t before = (1 << mem.size) - 1; /* bytes of a store that begins in front */
    int64_t disp = st->op == IR_RMW || st->op == IR_CAS ? 0 : (int32_t)st->imm;
    IrVal at = ir_add(b, t, st->a, ir_const(b, t, disp + before - (int64_t)low));
    if (st->op == IR_ST && st->b != IR_NONE)
        at = ir_add(b, t, at, ir_shl(b, t, st->b, ir_const(b, t, mem.scale)));
    return ir_cmp(b, IR_LTU, at, ir_const(b, t, (int64_t)(end - low) + before));
}

/* The bytes of `was` can change unnoticed, and a store to them counts for the next instruction: then the
 * region ends here, and what follows is looked at as it is entered. from: first IR of the instruction. */
static void emit_store_checks(Tracer *x, const Superblock *was, unsigned from)
{
    IrBuilder *b = x->b;
    const IrRegion *r = b->r;
    for (unsigned k = from, end = r->n_insns; k < end; k++) {
        const IrInsn i = r->insn[k];
        bool anywhere = (i.op == IR_CALL && !(r->helpers[i.imm].flags & IR_H_PURE)) || i.op == IR_UNIT ||
                        i.op == IR_BULK;
        if (anywhere || (x->t.flow.kind != FLOW_NEXT && ir_stores(i.op)))
            x->max = 0;
        else if (ir_stores(i.op))
            ir_exit_if(b, store_hits(b, was, &i), ir_exit_direct(b, x->t.next, false), false);
    }
}

/* A debugger's breakpoint ends the region, unless he steps. */
static bool tracer_stops(Tracer *x, Gva pc)
{
    if ((x->t.ctx & CTX_STEP) || !x->cfg->stops_at(x->cfg->second_opaque, place(x, pc)))
        return false;
    tracer_add_run(x->sb, place(x, pc), x->t.bytes, x->cfg->ops->insn_align);
    ir_exit(x->b, ir_exit_raise(x->b, pc, CPU_EXIT_DEBUG));
    return true;
}

/* was: what to look for at the entry, or NULL. */
static bool build_once(const SuperblockConfig *cfg, Arena *arena, IrBuilder *b, Gva pc, uint32_t ctx,
                       const Superblock *was, Superblock *ret)
{
    const TargetOps *ops = cfg->ops;
    ret->n_runs = ret->n_bytes = 0;
    ret->writable = ret->unnoticed = false;
    ret->second = 0;
    Tracer x;
    tracer_init(&x, cfg, b, pc, ctx, ret);
    if (!tracer_fetch(&x, place(&x, pc))) {
        ret->fault = place(&x, pc);
        return false;
    }
    region_init(cfg, arena, b, pc, ctx, ret);
    for (bool first = true;; first = false) {
        ir_insn_start(b, pc);
        if (first && was)
            emit_code_check(&x, was);
        if (first && UNLIKELY(cfg->look_at_floats)) {
            x.t.pc = pc;
            ops->look_at_floats(&x.t);
        }
        if (UNLIKELY(cfg->stops_at) && tracer_stops(&x, pc))
            break;
        x.t.pc = pc;
        x.t.truncated = false;
        x.t.flow = (TransFlow){.kind = FLOW_NEXT};
        unsigned from = b->r->n_insns;
        ops->translate(&x.t);
        if (x.t.truncated) {
            if ((first || !cfg->page) && tracer_fetch_across(&x, place(&x, pc))) {
                x.t.truncated = false;
                ops->translate(&x.t);
            } else if (first) {
                ret->fault = align_up(place(&x, pc) + 1, 4096);
                return false;
            } else {
                tracer_leave_direct(&x, pc - 1, pc);
                break;
            }
        }
        if (ret->second) {
            tracer_add_two(ret, place(&x, pc), x.t.bytes, (unsigned)(place(&x, x.t.next) - place(&x, pc)));
            x.max = 0; /* it is the only one, also where it jumps back into its page */
        } else if (!tracer_add_run(ret, place(&x, pc), x.t.bytes,
                                   (unsigned)(place(&x, x.t.next) - place(&x, pc)))) {
            /* cannot happen: tracer_go keeps two runs free */
            ir_exit(b, ir_exit_raise(b, pc, CPU_EXIT_KICK));
            break;
        }
        if (was)
            emit_store_checks(&x, was, from);
        if (!tracer_flow(&x, &pc))
            break;
    }
    if (x.mark.set && !x.closed)
        tracer_rewind(&x);
    ir_builder_finish(b);
    return true;
}

static bool computes_floats(const IrRegion *r)
{
    for (unsigned k = 0; k < r->n_insns; k++)
        if (ir_op_info[r->insn[k].op].flags & IR_F_FPX)
            return true;
    return false;
}

static bool same_code(const Superblock *a, const Superblock *b)
{
    return a->n_bytes == b->n_bytes && !memcmp(a->bytes, b->bytes, a->n_bytes);
}

static SuperblockGuess *guess_at(const SuperblockConfig *cfg, Gva pc)
{
    if (!cfg->guess || !cfg->ops->code_checks || cfg->page)
        return NULL;
    return &cfg->guess[(pc >> 1 ^ pc >> 7) % SB_GUESSES];
}

/* True: the region is as long as the last one was here, and is done. */
static bool build_as_before(const SuperblockConfig *cfg, Arena *arena, IrBuilder *b, Gva pc, uint32_t ctx,
                            SuperblockGuess *g, Superblock *ret)
{
    Superblock was;
    SuperblockConfig same = *cfg;
    if (!g || g->pc != pc || !g->len || fault_copy(was.bytes, (const void *)(uintptr_t)pc, g->len) != 0)
        return false;
    was.n_runs = 1;
    was.n_bytes = g->len;
    was.run[0] = (SuperblockRun){.pc = pc, .len = g->len};
    same.max_insns = cfg->max_insns ? MIN(cfg->max_insns, g->n_guest) : g->n_guest;
    bool built = build_once(&same, arena, b, pc, ctx, &was, ret);
    if (built && ret->unnoticed && same_code(ret, &was))
        return true;
    g->len = 0;
    return false;
}

bool superblock_build(const SuperblockConfig *cfg, Arena *arena, IrBuilder *b, Gva pc, uint32_t ctx,
                      Superblock *ret)
{
    size_t mark = arena->used;
    SuperblockConfig short_cfg = *cfg;
    SuperblockGuess *guess = guess_at(cfg, pc);
    enum { MOST = 4 };
    unsigned tries = 0;
    if (UNLIKELY(guess && guess->len)) {
        if (build_as_before(cfg, arena, b, pc, ctx, guess, ret))
            return true;
        arena_rewind(arena, mark);
    }
    if (!build_once(cfg, arena, b, pc, ctx, NULL, ret))
        return false;
    if (UNLIKELY(cfg->ops->floats_watched && cfg->ops->floats_watched(ctx)) && computes_floats(ret->region)) {
        short_cfg.look_at_floats = true;
        arena_rewind(arena, mark);
        return build_once(&short_cfg, arena, b, pc, ctx, NULL, ret);
    }
    while (ret->unnoticed && cfg->ops->code_checks && !cfg->page) {
        Superblock was = *ret;
        /* Shorter each time; one instruction is the same each time. */
        short_cfg.max_insns = tries++ < MOST ? ret->region->n_guest : 1;
        arena_rewind(arena, mark);
        if (!build_once(&short_cfg, arena, b, pc, ctx, &was, ret))
            return false;
        if (!same_code(ret, &was))
            continue;
        /* It is what it looks for, and nobody wrote to it between. */
        if (guess && ret->n_runs == 1)
            *guess = (SuperblockGuess){.pc = pc, .len = (uint16_t)ret->n_bytes,
                                       .n_guest = ret->region->n_guest};
        break;
    }
    return true;
}
