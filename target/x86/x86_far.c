/* Stacks, far jumps, calls and returns, call gates. Sources: AMD64 APM volume 2, 4.10, volume 3 (CALL, JMP,
 * RET far); Intel SDM volume 3, 5.8. All reads and checks come before the first change of a register; what
 * was stored before something raises lies beyond the stack. */
#include "target/x86/x86_sys.h"

enum { NULL_MASK = 0xfffc, GATE_16 = 4, GATE_TASK = 5, GATE_32 = 12, TSS_16 = 1, TSS_32 = 9 };

/* ---- stacks ---- */

X86Stack x86_stack_now(X86Machine *m, unsigned size)
{
    X86Stack s = {.m = m,
                  .seg = m->sys.seg[X86_SS],
                  .sp = m->x86.gpr[X86_RSP],
                  .mask = x86_stack_mask(m),
                  .idx = x86_data_idx(m),
                  .size = size,
                  .wide = x86_code64(m)};
    return s;
}

/* Where n bytes are, sp having been changed. */
static bool place(X86Stack *s, unsigned n, bool write, uint64_t *ret)
{
    uint64_t off = s->sp & s->mask, last = off + n - 1;
    const X86Seg *g = &s->seg;
    if (s->wide) {
        *ret = off;
        return true;
    }
    bool down = g->attr & X86_A_DOWN;
    bool ok = down ? (int64_t)off > g->limit && last <= (g->attr & X86_A_BIG ? 0xffffffff : 0xffff)
                   : (int64_t)last <= g->limit;
    *ret = (uint32_t)(g->base + off);
    if (!ok)
        x86_raise_vector(s->m, X86_V_SS, s->error);
    return ok;
}

bool x86_stack_push(X86Stack *s, uint64_t v)
{
    uint64_t at;
    s->sp = (s->sp & ~s->mask) | ((s->sp - s->size) & s->mask);
    return place(s, s->size, true, &at) && x86_lin_st(s->m, s->idx, at, s->size, v);
}

bool x86_stack_pop(X86Stack *s, uint64_t *ret)
{
    uint64_t at;
    if (!place(s, s->size, false, &at) || !x86_lin_ld(s->m, s->idx, at, s->size, ret))
        return false;
    s->sp = (s->sp & ~s->mask) | ((s->sp + s->size) & s->mask);
    return true;
}

void x86_stack_put(X86Machine *m, const X86Stack *s)
{
    uint64_t mask = x86_stack_mask(m), *sp = &m->x86.gpr[X86_RSP];
    *sp = mask == 0xffff ? (*sp & ~mask) | (s->sp & mask) : s->sp & mask;
}

static bool bad_tss(X86Machine *m)
{
    x86_raise_vector(m, X86_V_TS, m->sys.tr_sel & NULL_MASK);
    return false;
}

/* ss:sp of level cpl. */
static bool tss_stack(X86Machine *m, unsigned cpl, uint64_t *ret_sp, uint64_t *ret_ss)
{
    const X86Seg *tr = &m->sys.tr;
    bool big = tr->attr & 8;
    unsigned at = big ? 4 + 8 * cpl : 2 + 4 * cpl, n = big ? 4 : 2;
    if ((int64_t)(at + 2 * n) - 1 > tr->limit)
        return bad_tss(m);
    return x86_lin_ld(m, X86_IDX_KERNEL, tr->base + at, n, ret_sp) &&
           x86_lin_ld(m, X86_IDX_KERNEL, tr->base + at + n, 2, ret_ss);
}

static bool refuse(X86Machine *m, unsigned vector, uint64_t sel)
{
    x86_raise_vector(m, vector, sel & NULL_MASK);
    return false;
}

/* A stack segment for level cpl, from the TSS (#TS) or a return (#GP). */
static bool stack_segment(X86Machine *m, uint16_t sel, unsigned cpl, unsigned vector, X86Seg *ret)
{
    X86Desc8 d;
    if (!(sel & NULL_MASK))
        return refuse(m, vector, 0);
    if (!x86_desc_read(m, sel, vector, &d))
        return false;
    *ret = x86_desc_seg(d.low);
    bool data =
        (ret->attr & (X86_A_SEGMENT | X86_A_CODE | X86_A_WRITABLE)) == (X86_A_SEGMENT | X86_A_WRITABLE);
    if (!data || (sel & 3) != cpl || x86_dpl(ret->attr) != cpl)
        return refuse(m, vector, sel);
    if (!(ret->attr & X86_A_PRESENT))
        return refuse(m, X86_V_SS, sel);
    ret->attr |= X86_A_ACCESSED;
    return x86_desc_set_accessed(m, &d);
}

static X86Seg null_stack(unsigned cpl)
{
    return (X86Seg){.limit = -1, .attr = X86_A_NONE | X86_A_BIG | cpl << X86_A_DPL_SHIFT};
}

static unsigned idx_at(const X86Machine *m, unsigned cpl)
{
    return cpl == 3 ? X86_IDX_USER : x86_data_idx(m) == X86_IDX_OPEN ? X86_IDX_OPEN : X86_IDX_KERNEL;
}

bool x86_stack_inner(X86Machine *m, unsigned cpl, X86Stack *ret, uint16_t *ret_sel, unsigned size)
{
    uint64_t sp = 0, ss = 0;
    *ret = (X86Stack){.m = m, .idx = idx_at(m, cpl), .size = size};
    if (x86_long(m)) {
        const X86Seg *tr = &m->sys.tr;
        if ((int64_t)(4 + 8 * cpl + 7) > tr->limit)
            return bad_tss(m);
        if (!x86_lin_ld(m, X86_IDX_KERNEL, tr->base + 4 + 8 * cpl, 8, &sp))
            return false;
        ret->wide = true;
        ret->mask = ~0ull;
        ret->seg = null_stack(cpl);
        *ret_sel = (uint16_t)cpl;
        ret->sp = sp;
        return true;
    }
    if (!tss_stack(m, cpl, &sp, &ss) || !stack_segment(m, (uint16_t)ss, cpl, X86_V_TS, &ret->seg))
        return false;
    ret->mask = ret->seg.attr & X86_A_BIG ? 0xffffffff : 0xffff;
    ret->error = (uint16_t)(ss & NULL_MASK);
    *ret_sel = (uint16_t)ss;
    ret->sp = sp;
    return true;
}

/* ---- jumps and calls ---- */

static X86Seg real_code(const X86Machine *m, uint16_t sel)
{
    X86Seg s = m->sys.seg[X86_CS];
    s.base = (uint64_t)sel << 4;
    if (m->x86.more_flags & X86_VM)
        s = (X86Seg){.base = s.base, .limit = 0xffff, .attr = 0xf3};
    return s;
}

/* Offset and selector of a gate's target. */
static bool gate_target(X86Machine *m, const X86Desc8 *g, uint64_t *ret_ip, X86Desc8 *ret)
{
    uint16_t sel = (uint16_t)(g->low >> 16);
    bool big = x86_desc_attr(g->low) & 8;
    *ret_ip = (g->low & 0xffff) | (big ? g->low >> 32 & 0xffff0000 : 0) | g->high << 32;
    if (!(sel & NULL_MASK))
        return refuse(m, X86_V_GP, 0);
    return x86_desc_read(m, sel, X86_V_GP, ret);
}

/* What a gate leads to must be code of this level or, by calls, of a more privileged one. */
static bool gate_code(X86Machine *m, uint16_t sel, const X86Desc8 *d, bool call)
{
    uint32_t attr = x86_desc_attr(d->low);
    unsigned dpl = x86_dpl(attr), cpl = m->sys.cpl;
    bool conforming = attr & X86_A_DOWN;
    bool code = (attr & (X86_A_SEGMENT | X86_A_CODE)) == (X86_A_SEGMENT | X86_A_CODE);
    if (!code || dpl > cpl || (!call && !conforming && dpl != cpl))
        return refuse(m, X86_V_GP, sel);
    if (x86_long(m) && (attr & (X86_A_LONG | X86_A_BIG)) != X86_A_LONG)
        return refuse(m, X86_V_GP, sel);
    return attr & X86_A_PRESENT || refuse(m, X86_V_NP, sel);
}

/* A system descriptor that a far transfer names: may it, and is it there? */
static bool gate_open(X86Machine *m, uint16_t sel, uint32_t attr)
{
    unsigned type = attr & 15;
    bool known = x86_long(m) ? type == GATE_32
                             : type == GATE_16 || type == GATE_TASK || type == GATE_32 || type == TSS_16 ||
                                   type == TSS_32;
    if (!known || x86_dpl(attr) < MAX(m->sys.cpl, sel & 3u))
        return refuse(m, X86_V_GP, sel);
    return attr & X86_A_PRESENT || refuse(m, X86_V_NP, sel);
}

static uint64_t done(X86Machine *m)
{
    return x86_go(m);
}

static uint64_t to_task(X86Machine *m, uint16_t sel, const X86Desc8 *d, unsigned how, uint64_t next)
{
    uint16_t tss = (x86_desc_attr(d->low) & 15) == GATE_TASK ? (uint16_t)(d->low >> 16) : sel;
    uint64_t pc = m->x86.base.pc;
    m->x86.base.pc = next;
    if (x86_task_switch(m, tss, how, NULL))
        return done(m);
    m->x86.base.pc = pc;
    return X86_RAISED;
}

static uint64_t jump_by_gate(X86Machine *m, uint16_t sel, X86Desc8 *d, uint64_t next)
{
    X86Desc8 code;
    uint32_t attr = x86_desc_attr(d->low);
    unsigned type = attr & 15;
    uint64_t ip;
    if (!gate_open(m, sel, attr))
        return X86_RAISED;
    if (type != GATE_16 && type != GATE_32)
        return to_task(m, sel, d, X86_TASK_JUMP, next);
    uint16_t target = (uint16_t)(d->low >> 16);
    if (!gate_target(m, d, &ip, &code) || !gate_code(m, target, &code, false) ||
        !x86_desc_set_accessed(m, &code) ||
        !x86_cs_go(m, (uint16_t)((target & ~3u) | m->sys.cpl), x86_desc_seg(code.low), m->sys.cpl, ip))
        return X86_RAISED;
    return done(m);
}

uint64_t x86_far_jump(X86Machine *m, uint16_t sel, uint64_t off, unsigned size)
{
    X86Desc8 d;
    if (!x86_protected(m)) {
        if (!x86_cs_go(m, sel, real_code(m, sel), m->sys.cpl, off))
            return X86_RAISED;
        return done(m);
    }
    if (!(sel & NULL_MASK))
        return x86_gp(m, 0);
    if (!x86_desc_read_wide(m, sel, X86_V_GP, &d))
        return X86_RAISED;
    if (!(x86_desc_attr(d.low) & X86_A_SEGMENT))
        return jump_by_gate(m, sel, &d, m->x86.base.pc);
    if (!x86_cs_check(m, sel, &d, -1) || !x86_desc_set_accessed(m, &d) ||
        !x86_cs_go(m, (uint16_t)((sel & ~3u) | m->sys.cpl), x86_desc_seg(d.low), m->sys.cpl, off))
        return X86_RAISED;
    return done(m);
}

/* The old cs:ip is pushed and control goes on at the code. */
static uint64_t call_to(X86Machine *m, X86Stack *st, uint16_t sel, X86Seg code, uint64_t off, uint64_t ret_ip)
{
    uint16_t cs = m->x86.seg[X86_CS];
    if (!x86_stack_push(st, cs) || !x86_stack_push(st, ret_ip) || !x86_cs_go(m, sel, code, m->sys.cpl, off))
        return X86_RAISED;
    x86_stack_put(m, st);
    return done(m);
}

/* Copies the parameters of a gate; up to 31 words. */
static bool copy_parameters(X86Stack *old, X86Stack *to, unsigned n)
{
    uint64_t v[32];
    for (unsigned k = 0; k < n; k++)
        if (!x86_stack_pop(old, &v[k]))
            return false;
    while (n-- > 0)
        if (!x86_stack_push(to, v[n]))
            return false;
    return true;
}

static uint64_t call_inner(X86Machine *m, const X86Desc8 *gate, const X86Desc8 *code, uint64_t ip,
                           uint64_t ret_ip)
{
    uint16_t target = (uint16_t)(gate->low >> 16), ss_sel = 0;
    unsigned cpl = x86_dpl(x86_desc_attr(code->low));
    unsigned size = x86_long(m) ? 8 : x86_desc_attr(gate->low) & 8 ? 4 : 2;
    unsigned n = x86_long(m) ? 0 : gate->low >> 32 & 31;
    X86Stack old = x86_stack_now(m, size), st;
    uint64_t old_sp = m->x86.gpr[X86_RSP];
    uint16_t old_ss = m->x86.seg[X86_SS], old_cs = m->x86.seg[X86_CS];
    if (!x86_stack_inner(m, cpl, &st, &ss_sel, size) || !x86_stack_push(&st, old_ss) ||
        !x86_stack_push(&st, old_sp) || !copy_parameters(&old, &st, n) || !x86_stack_push(&st, old_cs) ||
        !x86_stack_push(&st, ret_ip) || !x86_desc_set_accessed(m, code) ||
        !x86_cs_go(m, (uint16_t)((target & ~3u) | cpl), x86_desc_seg(code->low), cpl, ip))
        return X86_RAISED;
    x86_seg_set(m, X86_SS, ss_sel, st.seg);
    x86_stack_put(m, &st);
    return done(m);
}

static uint64_t call_by_gate(X86Machine *m, uint16_t sel, X86Desc8 *d, uint64_t next)
{
    X86Desc8 code;
    uint32_t attr = x86_desc_attr(d->low);
    unsigned type = attr & 15;
    uint64_t ip, ret_ip = x86_ip(m, next);
    uint16_t target = (uint16_t)(d->low >> 16);
    if (!gate_open(m, sel, attr))
        return X86_RAISED;
    if (type != GATE_16 && type != GATE_32)
        return to_task(m, sel, d, X86_TASK_CALL, next);
    if (!gate_target(m, d, &ip, &code) || !gate_code(m, target, &code, true))
        return X86_RAISED;
    uint32_t code_attr = x86_desc_attr(code.low);
    if (!(code_attr & X86_A_DOWN) && x86_dpl(code_attr) < m->sys.cpl)
        return call_inner(m, d, &code, ip, ret_ip);
    X86Stack st = x86_stack_now(m, x86_long(m) ? 8 : type == GATE_32 ? 4 : 2);
    if (!x86_desc_set_accessed(m, &code))
        return X86_RAISED;
    return call_to(m, &st, (uint16_t)((target & ~3u) | m->sys.cpl), x86_desc_seg(code.low), ip, ret_ip);
}

uint64_t x86_far_call(X86Machine *m, uint16_t sel, uint64_t off, unsigned size, unsigned len)
{
    X86Desc8 d;
    X86Stack st = x86_stack_now(m, size);
    uint64_t next = m->x86.base.pc + len, ret_ip = x86_ip(m, next);
    if (!x86_protected(m))
        return call_to(m, &st, sel, real_code(m, sel), off, ret_ip);
    if (!(sel & NULL_MASK))
        return x86_gp(m, 0);
    if (!x86_desc_read_wide(m, sel, X86_V_GP, &d))
        return X86_RAISED;
    if (!(x86_desc_attr(d.low) & X86_A_SEGMENT))
        return call_by_gate(m, sel, &d, next);
    if (!x86_cs_check(m, sel, &d, -1) || !x86_desc_set_accessed(m, &d))
        return X86_RAISED;
    return call_to(m, &st, (uint16_t)((sel & ~3u) | m->sys.cpl), x86_desc_seg(d.low), off, ret_ip);
}

/* ---- returns ---- */

/* ss:sp come from the stack, after `more` bytes; then the data segments that the level may not use go. */
static uint64_t ret_outer(X86Machine *m, X86Stack *st, uint16_t cs, const X86Desc8 *d, uint64_t ip,
                          unsigned more)
{
    unsigned cpl = cs & 3;
    uint64_t sp, ss;
    X86Seg stack;
    st->sp = (st->sp & ~st->mask) | ((st->sp + more) & st->mask);
    if (!x86_stack_pop(st, &sp) || !x86_stack_pop(st, &ss))
        return X86_RAISED;
    uint16_t sel = (uint16_t)ss;
    bool to64 = x86_long(m) && (x86_desc_attr(d->low) & X86_A_LONG);
    if (to64 && !(sel & NULL_MASK) && cpl != 3 && (sel & 3) == cpl)
        stack = null_stack(cpl);
    else if (!stack_segment(m, sel, cpl, X86_V_GP, &stack))
        return X86_RAISED;
    if (!x86_desc_set_accessed(m, d) || !x86_cs_go(m, cs, x86_desc_seg(d->low), cpl, ip))
        return X86_RAISED;
    x86_seg_set(m, X86_SS, sel, stack);
    st->sp = sp + more;
    x86_stack_put(m, st);
    x86_seg_drop(m, cpl);
    return done(m);
}

uint64_t x86_far_ret(X86Machine *m, unsigned size, unsigned more)
{
    X86Stack st = x86_stack_now(m, size);
    X86Desc8 d;
    uint64_t ip, cs;
    if (!x86_stack_pop(&st, &ip) || !x86_stack_pop(&st, &cs))
        return X86_RAISED;
    uint16_t sel = (uint16_t)cs;
    if (!x86_protected(m)) {
        if (!x86_cs_go(m, sel, real_code(m, sel), m->sys.cpl, ip))
            return X86_RAISED;
        st.sp += more;
        x86_stack_put(m, &st);
        return done(m);
    }
    if (!(sel & NULL_MASK))
        return x86_gp(m, 0);
    if (!x86_desc_read(m, sel, X86_V_GP, &d))
        return X86_RAISED;
    if ((sel & 3u) < m->sys.cpl)
        return x86_gp(m, sel & NULL_MASK);
    if (!x86_cs_check(m, sel, &d, sel & 3))
        return X86_RAISED;
    if ((sel & 3u) > m->sys.cpl)
        return ret_outer(m, &st, sel, &d, ip, more);
    if (!x86_desc_set_accessed(m, &d) || !x86_cs_go(m, sel, x86_desc_seg(d.low), m->sys.cpl, ip))
        return X86_RAISED;
    st.sp += more;
    x86_stack_put(m, &st);
    return done(m);
}
