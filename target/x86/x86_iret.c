/* iret, in all modes. Sources: AMD64 APM volume 3, "IRET"; Intel SDM volume 2, "IRET". */
#include "target/x86/x86_sys.h"

enum { NULL_MASK = 0xfffc };

/* Flags that iret and popf may change at this level. */
uint32_t x86_flags_changeable(const X86Machine *m, unsigned size)
{
    uint32_t mask = X86_FLAGS_ALL & ~(uint32_t)(X86_VM | X86_VIF | X86_VIP);
    if (m->sys.cpl != 0)
        mask &= ~(uint32_t)X86_IOPL;
    if (m->sys.cpl > x86_iopl(m))
        mask &= ~(uint32_t)X86_IF;
    return size == 2 ? mask & 0xffff : mask;
}

void x86_flags_merge(X86Machine *m, uint64_t v, uint32_t mask)
{
    uint64_t old = x86_rflags(&m->x86);
    x86_set_all_flags(m, (old & ~(uint64_t)mask) | (v & mask));
}

static uint64_t end(X86Machine *m)
{
    m->sys.in_nmi = 0;
    m->sys.trapping = 0;
    return x86_go(m);
}

static uint64_t iret_real(X86Machine *m, unsigned size)
{
    X86Stack st = x86_stack_now(m, size);
    X86Seg cs = m->sys.seg[X86_CS];
    uint64_t ip, sel, flags;
    bool v86 = m->x86.more_flags & X86_VM;
    if (v86 && x86_iopl(m) < 3)
        return x86_gp(m, 0);
    if (!x86_stack_pop(&st, &ip) || !x86_stack_pop(&st, &sel) || !x86_stack_pop(&st, &flags))
        return X86_RAISED;
    cs.base = (sel & 0xffff) << 4;
    if (!x86_cs_go(m, (uint16_t)sel, cs, m->sys.cpl, ip))
        return X86_RAISED;
    x86_stack_put(m, &st);
    uint32_t mask = X86_FLAGS_ALL & ~(uint32_t)(X86_VM | X86_VIF | X86_VIP);
    if (v86)
        mask &= ~(uint32_t)X86_IOPL;
    x86_flags_merge(m, flags, size == 2 ? mask & 0xffff : mask);
    return end(m);
}

/* cs:ip and flags have been popped: six words follow. */
static uint64_t iret_to_v86(X86Machine *m, X86Stack *st, uint64_t ip, uint64_t sel, uint64_t flags)
{
    uint64_t v[6]; /* esp ss es ds fs gs */
    static const uint8_t seg[6] = {0, X86_SS, X86_ES, X86_DSEG, X86_FS, X86_GS};
    for (unsigned k = 0; k < 6; k++)
        if (!x86_stack_pop(st, &v[k]))
            return X86_RAISED;
    if (ip > 0xffff)
        return x86_gp(m, 0);
    x86_set_all_flags(m, flags);
    m->sys.cpl = 3;
    for (unsigned k = 1; k < 6; k++)
        x86_seg_real(m, seg[k], (uint16_t)v[k]);
    m->x86.gpr[X86_RSP] = (uint32_t)v[0];
    X86Seg cs = {.base = (sel & 0xffff) << 4, .limit = 0xffff, .attr = 0xf3};
    x86_cs_go(m, (uint16_t)sel, cs, 3, ip);
    return end(m);
}

/* ss of level cpl, from the stack of long mode or of an outer level. */
static bool outer_stack(X86Machine *m, uint16_t sel, unsigned cpl, bool to64, X86Seg *ret)
{
    X86Desc8 d;
    if (!(sel & NULL_MASK)) {
        *ret = (X86Seg){.limit = -1, .attr = X86_A_NONE | X86_A_BIG | cpl << X86_A_DPL_SHIFT};
        if (to64 && cpl != 3 && (sel & 3) == cpl)
            return true;
        x86_gp(m, 0);
        return false;
    }
    if (!x86_desc_read(m, sel, X86_V_GP, &d))
        return false;
    *ret = x86_desc_seg(d.low);
    bool data =
        (ret->attr & (X86_A_SEGMENT | X86_A_CODE | X86_A_WRITABLE)) == (X86_A_SEGMENT | X86_A_WRITABLE);
    if (!data || (sel & 3) != cpl || x86_dpl(ret->attr) != cpl)
        x86_gp(m, sel & NULL_MASK);
    else if (!(ret->attr & X86_A_PRESENT))
        x86_raise_vector(m, X86_V_SS, sel & NULL_MASK);
    else
        return x86_desc_set_accessed(m, &d);
    return false;
}

static uint64_t iret_to_task(X86Machine *m)
{
    uint64_t back, pc = m->x86.base.pc;
    if (x86_long(m))
        return x86_gp(m, 0);
    if (!x86_lin_ld(m, X86_IDX_KERNEL, m->sys.tr.base, 2, &back))
        return X86_RAISED;
    m->x86.base.pc = pc + 1; /* where the old task would go on */
    if (x86_task_switch(m, (uint16_t)back, X86_TASK_IRET, NULL))
        return end(m);
    m->x86.base.pc = pc;
    return X86_RAISED;
}

uint64_t x86_iret(X86Machine *m, unsigned size)
{
    X86Stack st = x86_stack_now(m, size);
    X86Desc8 d;
    X86Seg stack = m->sys.seg[X86_SS];
    uint64_t ip, cs, flags, sp = 0, ss = 0;
    if (!x86_protected(m))
        return iret_real(m, size);
    if (m->x86.more_flags & X86_NT)
        return iret_to_task(m);
    if (!x86_stack_pop(&st, &ip) || !x86_stack_pop(&st, &cs) || !x86_stack_pop(&st, &flags))
        return X86_RAISED;
    uint16_t sel = (uint16_t)cs;
    unsigned cpl = sel & 3;
    if (size == 4 && (flags & X86_VM) && m->sys.cpl == 0 && !x86_long(m))
        return iret_to_v86(m, &st, ip, cs, flags);
    if (!(sel & NULL_MASK))
        return x86_gp(m, 0);
    if (!x86_desc_read(m, sel, X86_V_GP, &d))
        return X86_RAISED;
    if (cpl < m->sys.cpl)
        return x86_gp(m, sel & NULL_MASK);
    if (!x86_cs_check(m, sel, &d, (int)cpl))
        return X86_RAISED;
    bool outer = cpl > m->sys.cpl || x86_code64(m);
    bool to64 = x86_long(m) && (x86_desc_attr(d.low) & X86_A_LONG);
    if (outer && (!x86_stack_pop(&st, &sp) || !x86_stack_pop(&st, &ss) ||
                  !outer_stack(m, (uint16_t)ss, cpl, to64, &stack)))
        return X86_RAISED;
    uint32_t mask = x86_flags_changeable(m, size);
    bool drop = cpl > m->sys.cpl;
    if (!x86_desc_set_accessed(m, &d) || !x86_cs_go(m, sel, x86_desc_seg(d.low), cpl, ip))
        return X86_RAISED;
    if (outer) {
        x86_seg_set(m, X86_SS, (uint16_t)ss, stack);
        st.sp = sp;
    }
    x86_stack_put(m, &st);
    x86_flags_merge(m, flags, mask);
    if (drop)
        x86_seg_drop(m, cpl);
    return end(m);
}
