/* Task switches by hardware. Sources: AMD64 APM volume 2, 12.3; Intel SDM volume 3, chapter 7. The new task's
 * segments are loaded in its own context: what raises there is raised by its first instruction. */
#include "target/x86/x86_sys.h"

enum { NULL_MASK = 0xfffc, BUSY = 2, BYTES_32 = 104, BYTES_16 = 44 };
/* Offsets in a TSS of 32 and 16 bits. */
typedef struct Layout {
    uint8_t ip, flags, regs, segs, n_segs, ldt, word;
} Layout;
static const Layout layout32 = {0x20, 0x24, 0x28, 0x48, 6, 0x60, 4};
static const Layout layout16 = {0x0e, 0x10, 0x12, 0x22, 4, 0x2a, 2};

static const Layout *layout_of(const X86Seg *tss)
{
    return tss->attr & 8 ? &layout32 : &layout16;
}

static bool refuse(X86Machine *m, unsigned vector, uint16_t sel)
{
    x86_raise_vector(m, vector, sel & NULL_MASK);
    return false;
}

static bool set_busy(X86Machine *m, const X86Desc8 *d, bool busy)
{
    uint64_t byte = d->low >> 40 & 0xff;
    return x86_lin_st(m, X86_IDX_KERNEL, d->at + 5, 1, busy ? byte | BUSY : byte & ~(uint64_t)BUSY);
}

static bool find_tss(X86Machine *m, uint16_t sel, unsigned how, X86Desc8 *d, X86Seg *ret)
{
    unsigned wrong = how == X86_TASK_IRET ? X86_V_TS : X86_V_GP;
    if ((sel & 4) || !(sel & NULL_MASK))
        return refuse(m, wrong, sel);
    if (!x86_desc_read(m, sel, wrong, d))
        return false;
    *ret = x86_desc_seg(d->low);
    unsigned type = ret->attr & 31, want = how == X86_TASK_IRET ? BUSY : 0;
    if ((type & ~8u) != (1 | want))
        return refuse(m, wrong, sel);
    if (!(ret->attr & X86_A_PRESENT))
        return refuse(m, X86_V_NP, sel);
    if (ret->limit < (type & 8 ? BYTES_32 : BYTES_16) - 1)
        return refuse(m, X86_V_TS, sel);
    return true;
}

static bool save(X86Machine *m, unsigned how)
{
    const X86Seg *tss = &m->sys.tr;
    const Layout *l = layout_of(tss);
    uint64_t flags = x86_rflags(&m->x86) & ~(uint64_t)(how == X86_TASK_IRET ? X86_NT : 0);
    const unsigned idx = X86_IDX_KERNEL;
    if (!x86_lin_st(m, idx, tss->base + l->ip, l->word, x86_ip(m, m->x86.base.pc)) ||
        !x86_lin_st(m, idx, tss->base + l->flags, l->word, flags))
        return false;
    for (unsigned k = 0; k < 8; k++)
        if (!x86_lin_st(m, idx, tss->base + l->regs + k * l->word, l->word, m->x86.gpr[k]))
            return false;
    for (unsigned k = 0; k < l->n_segs; k++)
        if (!x86_lin_st(m, idx, tss->base + l->segs + k * l->word, 2, m->x86.seg[k]))
            return false;
    return true;
}

typedef struct Task {
    uint64_t cr3, ip, flags, reg[8], seg[6], ldt;
} Task;

static bool load(X86Machine *m, const X86Seg *tss, Task *ret)
{
    const Layout *l = layout_of(tss);
    const unsigned idx = X86_IDX_KERNEL;
    *ret = (Task){.cr3 = m->sys.cr3};
    if ((l == &layout32 && !x86_lin_ld(m, idx, tss->base + 0x1c, 4, &ret->cr3)) ||
        !x86_lin_ld(m, idx, tss->base + l->ip, l->word, &ret->ip) ||
        !x86_lin_ld(m, idx, tss->base + l->flags, l->word, &ret->flags) ||
        !x86_lin_ld(m, idx, tss->base + l->ldt, 2, &ret->ldt))
        return false;
    for (unsigned k = 0; k < 8; k++)
        if (!x86_lin_ld(m, idx, tss->base + l->regs + k * l->word, l->word, &ret->reg[k]))
            return false;
    for (unsigned k = 0; k < l->n_segs; k++)
        if (!x86_lin_ld(m, idx, tss->base + l->segs + k * l->word, 2, &ret->seg[k]))
            return false;
    return true;
}

static bool load_ldt(X86Machine *m, uint16_t sel)
{
    X86Desc8 d;
    m->sys.ldt_sel = sel;
    m->sys.ldt = (X86Seg){.limit = -1, .attr = X86_A_NONE};
    if (!(sel & NULL_MASK))
        return true;
    if ((sel & 4) || !x86_desc_read(m, sel, X86_V_TS, &d) || (x86_desc_attr(d.low) & 0x9f) != 0x82)
        return refuse(m, X86_V_TS, sel);
    m->sys.ldt = x86_desc_seg(d.low);
    return true;
}

/* cs first, which says what level it is. */
static bool load_segments(X86Machine *m, const Task *t)
{
    static const uint8_t order[] = {X86_SS, X86_ES, X86_DSEG, X86_FS, X86_GS};
    X86Desc8 d;
    uint16_t cs = (uint16_t)t->seg[X86_CS];
    if (t->flags & X86_VM) {
        m->sys.cpl = 3;
        for (unsigned k = 0; k < 6; k++)
            x86_seg_real(m, k, (uint16_t)t->seg[k]);
        m->x86.base.pc = m->sys.seg[X86_CS].base + (uint32_t)t->ip;
        return true;
    }
    m->sys.cpl = cs & 3;
    for (unsigned k = 0; k < 6; k++)
        x86_seg_null(m, k, (uint16_t)t->seg[k]);
    if (!(cs & NULL_MASK) || !x86_desc_read(m, cs, X86_V_TS, &d) || !x86_cs_check(m, cs, &d, cs & 3) ||
        !x86_desc_set_accessed(m, &d)) {
        if (m->x86.base.exit.kind == CPU_EXIT_VECTOR && m->x86.base.exit.code == X86_V_GP)
            m->x86.base.exit.code = X86_V_TS;
        return false;
    }
    for (unsigned k = 0; k < ARRAY_SIZE(order); k++)
        if (!x86_seg_load(m, order[k], (uint16_t)t->seg[order[k]])) {
            if (m->x86.base.exit.kind == CPU_EXIT_VECTOR && m->x86.base.exit.code == X86_V_GP)
                m->x86.base.exit.code = X86_V_TS;
            return false;
        }
    return x86_cs_go(m, cs, x86_desc_seg(d.low), cs & 3, (uint32_t)t->ip);
}

/* Descriptors' busy bits, the link back, and NT. */
static bool mark(X86Machine *m, const X86Desc8 *d, const X86Seg *tss, unsigned how, Task *t)
{
    X86Desc8 old;
    if (how != X86_TASK_CALL &&
        (!x86_desc_read(m, m->sys.tr_sel, X86_V_TS, &old) || !set_busy(m, &old, false)))
        return false;
    if (how == X86_TASK_CALL) {
        if (!x86_lin_st(m, X86_IDX_KERNEL, tss->base, 2, m->sys.tr_sel))
            return false;
        t->flags |= X86_NT;
    }
    return how == X86_TASK_IRET || set_busy(m, d, true);
}

/* Task switches of a guest of SVM; true: raised. */
static bool to_host(X86Machine *m, uint16_t sel, unsigned how, const uint32_t *error)
{
    const uint64_t by_iret = 1ull << 36, by_jump = 1ull << 38, has_error = 1ull << 44;
    const uint64_t info = (how == X86_TASK_IRET ? by_iret : how == X86_TASK_JUMP ? by_jump : 0) |
                          (error ? has_error | *error : 0);
    return x86_svm_wants(m, SVM_TASK_SWITCH) && x86_svm_raise(m, SVM_TASK_SWITCH, sel, info, 0);
}

bool x86_task_switch(X86Machine *m, uint16_t sel, unsigned how, const uint32_t *error)
{
    X86Desc8 d;
    X86Seg tss;
    Task t;
    if (!find_tss(m, sel, how, &d, &tss) || to_host(m, sel, how, error) || !load(m, &tss, &t) ||
        !save(m, how) || !mark(m, &d, &tss, how, &t))
        return false;
    m->sys.tr = tss;
    m->sys.tr.attr |= BUSY;
    m->sys.tr_sel = sel;
    m->sys.cr0 |= X86_CR0_TS;
    if ((m->sys.cr0 & X86_CR0_PG) && t.cr3 != m->sys.cr3)
        x86_write_cr(m, 3, t.cr3);
    x86_set_all_flags(m, (uint32_t)t.flags);
    for (unsigned k = 0; k < 8; k++)
        m->x86.gpr[k] = t.reg[k];
    m->x86.base.pc = (uint32_t)t.ip;
    if (!load_ldt(m, (uint16_t)t.ldt) || !load_segments(m, &t))
        return false;
    if (error) {
        X86Stack st = x86_stack_now(m, tss.attr & 8 ? 4 : 2);
        if (!x86_stack_push(&st, *error))
            return false;
        x86_stack_put(m, &st);
    }
    return true;
}
