/* Exceptions, interrupts, and the way back. Sources: AMD64 APM volume 2, chapter 8; Intel SDM volume 3,
 * chapter 6. An event is delivered whole or not at all (but for what lies on the stack then); what comes up
 * meanwhile is combined with it by the manuals' classes: another exception, a double fault, shutdown. */
#include "target/x86/x86_sys.h"
#include "target/x86/x86_trans.h"

#include <signal.h>

enum { NULL_MASK = 0xfffc, EXT = 1, IDT = 2 };

typedef struct Event {
    uint8_t vector;
    bool has_error, soft, checked; /* soft: int n, into, int3, int1; checked: the gate's DPL counts */
    bool external;
    uint32_t error;
    uint64_t pc; /* where it comes back to */
    uint64_t address; /* #PF */
} Event;

uint64_t x86_raise_vector(X86Machine *m, unsigned vector, uint32_t error)
{
    m->x86.base.exit = (CpuExit){.kind = CPU_EXIT_VECTOR, .code = (int32_t)vector, .addr = error};
    return X86_RAISED;
}

/* ---- delivery ---- */

static uint32_t ext_of(const Event *e)
{
    return e->soft ? 0 : EXT;
}

static bool refuse(X86Machine *m, unsigned vector, const Event *e, uint32_t sel)
{
    x86_raise_vector(m, vector, (sel & ~(uint32_t)EXT) | ext_of(e));
    return false;
}

static bool refuse_gate(X86Machine *m, unsigned vector, const Event *e)
{
    x86_raise_vector(m, vector, e->vector * 8u | IDT | ext_of(e));
    return false;
}

static void clear_flags(X86Machine *m, uint32_t flags)
{
    m->x86.more_flags &= ~flags;
}

/* A fault leaves RF for its instruction, which comes again, but not a breakpoint (APM volume 2, 13.1.3.3; SDM
 * volume 3, 18.3.1.1). */
static bool is_fault(const Event *e)
{
    return !e->soft && !e->external && e->vector != X86_V_DB && e->vector != X86_V_DF &&
           e->vector != X86_V_MC;
}

static uint64_t flags_image(const X86Machine *m, const Event *e)
{
    return x86_rflags(&m->x86) | (is_fault(e) ? X86_RF : 0);
}

static bool deliver_real(X86Machine *m, const Event *e)
{
    X86Stack st = x86_stack_now(m, 2);
    X86Seg cs = m->sys.seg[X86_CS];
    uint64_t v;
    if (e->vector * 4u + 3 > m->sys.idt_limit)
        return refuse_gate(m, X86_V_GP, e);
    if (!x86_lin_ld(m, X86_IDX_KERNEL, m->sys.idt_base + e->vector * 4u, 4, &v) ||
        !x86_stack_push(&st, flags_image(m, e)) || !x86_stack_push(&st, m->x86.seg[X86_CS]) ||
        !x86_stack_push(&st, x86_ip(m, e->pc)))
        return false;
    cs.base = v >> 16 << 4;
    if (!x86_cs_go(m, (uint16_t)(v >> 16), cs, 0, v & 0xffff))
        return false;
    x86_stack_put(m, &st);
    clear_flags(m, X86_IF | X86_TF | X86_AC | X86_RF);
    return true;
}

typedef struct Gate {
    uint64_t low, high;
    uint16_t sel;
    uint8_t type, ist;
    uint64_t ip;
} Gate;

static bool read_gate(X86Machine *m, const Event *e, Gate *ret)
{
    bool wide = x86_long(m);
    unsigned bytes = wide ? 16 : 8;
    uint64_t at = m->sys.idt_base + (uint64_t)e->vector * bytes;
    *ret = (Gate){0};
    if (e->vector * bytes + bytes - 1 > m->sys.idt_limit)
        return refuse_gate(m, X86_V_GP, e);
    if (!x86_lin_ld(m, X86_IDX_KERNEL, at, 8, &ret->low) ||
        (wide && !x86_lin_ld(m, X86_IDX_KERNEL, at + 8, 8, &ret->high)))
        return false;
    uint32_t attr = x86_desc_attr(ret->low);
    ret->type = attr & 31;
    ret->sel = (uint16_t)(ret->low >> 16);
    ret->ist = ret->low >> 32 & 7;
    ret->ip = (ret->low & 0xffff) | (ret->type & 8 ? ret->low >> 32 & 0xffff0000 : 0) | ret->high << 32;
    bool known = wide ? ret->type == 14 || ret->type == 15
                      : ret->type >= 5 && ret->type <= 15 && (0xc0e0 >> ret->type & 1);
    if (!known || (e->soft && e->checked && x86_dpl(attr) < m->sys.cpl))
        return refuse_gate(m, X86_V_GP, e);
    return attr & X86_A_PRESENT || refuse_gate(m, X86_V_NP, e);
}

static bool read_code(X86Machine *m, const Event *e, const Gate *g, X86Desc8 *ret, unsigned *ret_cpl)
{
    if (!(g->sel & NULL_MASK))
        return refuse(m, X86_V_GP, e, 0);
    if (!x86_desc_read(m, g->sel, X86_V_GP, ret)) {
        if (m->x86.base.exit.kind == CPU_EXIT_VECTOR)
            m->x86.base.exit.addr |= ext_of(e);
        return false;
    }
    uint32_t attr = x86_desc_attr(ret->low);
    unsigned dpl = x86_dpl(attr);
    bool code = (attr & (X86_A_SEGMENT | X86_A_CODE)) == (X86_A_SEGMENT | X86_A_CODE);
    bool wide = x86_long(m) && (attr & (X86_A_LONG | X86_A_BIG)) != X86_A_LONG;
    if (!code || dpl > m->sys.cpl || wide)
        return refuse(m, X86_V_GP, e, g->sel & NULL_MASK);
    if (!(attr & X86_A_PRESENT))
        return refuse(m, X86_V_NP, e, g->sel & NULL_MASK);
    *ret_cpl = attr & X86_A_DOWN ? m->sys.cpl : dpl;
    if ((m->x86.more_flags & X86_VM) && *ret_cpl != 0)
        return refuse(m, X86_V_GP, e, g->sel & NULL_MASK);
    return true;
}

static bool push_data_segments(X86Machine *m, X86Stack *st)
{
    return x86_stack_push(st, m->x86.seg[X86_GS]) && x86_stack_push(st, m->x86.seg[X86_FS]) &&
           x86_stack_push(st, m->x86.seg[X86_DSEG]) && x86_stack_push(st, m->x86.seg[X86_ES]);
}

static bool push_frame(X86Machine *m, const Event *e, X86Stack *st)
{
    return x86_stack_push(st, flags_image(m, e)) && x86_stack_push(st, m->x86.seg[X86_CS]) &&
           x86_stack_push(st, x86_ip(m, e->pc)) && (!e->has_error || x86_stack_push(st, e->error));
}

static bool interrupt_stack(X86Machine *m, const Gate *g, unsigned cpl, X86Stack *ret, uint16_t *ret_ss)
{
    const X86Seg *tr = &m->sys.tr;
    unsigned at = 0x24 + 8 * (g->ist - 1u);
    if (!g->ist && cpl < m->sys.cpl)
        return x86_stack_inner(m, cpl, ret, ret_ss, 8);
    *ret = x86_stack_now(m, 8);
    *ret_ss = m->x86.seg[X86_SS];
    ret->wide = true;
    ret->mask = ~0ull;
    if (!g->ist)
        return true;
    if ((int64_t)at + 7 > tr->limit) {
        x86_raise_vector(m, X86_V_TS, m->sys.tr_sel & NULL_MASK);
        return false;
    }
    if (cpl < m->sys.cpl) {
        *ret_ss = (uint16_t)cpl;
        ret->seg = (X86Seg){.limit = -1, .attr = X86_A_NONE | X86_A_BIG | cpl << X86_A_DPL_SHIFT};
    }
    ret->idx = cpl == 3 ? X86_IDX_USER : X86_IDX_KERNEL;
    return x86_lin_ld(m, X86_IDX_KERNEL, tr->base + at, 8, &ret->sp);
}

static void enter(X86Machine *m, const Gate *g)
{
    clear_flags(m, X86_TF | X86_NT | X86_RF | X86_VM | (g->type & 1 ? 0 : X86_IF));
}

static bool deliver_long(X86Machine *m, const Event *e)
{
    Gate g;
    X86Desc8 code;
    X86Stack st;
    unsigned cpl, old = m->sys.cpl;
    uint16_t ss;
    uint64_t sp = m->x86.gpr[X86_RSP];
    uint16_t old_ss = m->x86.seg[X86_SS];
    if (!read_gate(m, e, &g) || !read_code(m, e, &g, &code, &cpl) || !interrupt_stack(m, &g, cpl, &st, &ss))
        return false;
    if (!x86_code64(m))
        sp = sp & x86_stack_mask(m);
    st.sp &= ~15ull;
    if (!x86_stack_push(&st, old_ss) || !x86_stack_push(&st, sp) || !push_frame(m, e, &st) ||
        !x86_desc_set_accessed(m, &code) ||
        !x86_cs_go(m, (uint16_t)((g.sel & ~3u) | cpl), x86_desc_seg(code.low), cpl, g.ip))
        return false;
    if (cpl < old)
        x86_seg_set(m, X86_SS, ss, st.seg);
    m->x86.gpr[X86_RSP] = st.sp;
    enter(m, &g);
    return true;
}

static bool deliver_inner(X86Machine *m, const Event *e, const Gate *g, const X86Desc8 *code, unsigned cpl)
{
    bool v86 = m->x86.more_flags & X86_VM;
    X86Stack st;
    uint16_t ss;
    uint64_t old_sp = m->x86.gpr[X86_RSP];
    uint16_t old_ss = m->x86.seg[X86_SS];
    if (!x86_stack_inner(m, cpl, &st, &ss, g->type & 8 ? 4 : 2) || (v86 && !push_data_segments(m, &st)) ||
        !x86_stack_push(&st, old_ss) || !x86_stack_push(&st, old_sp) || !push_frame(m, e, &st) ||
        !x86_desc_set_accessed(m, code))
        return false;
    uint32_t was = m->x86.more_flags;
    m->x86.more_flags &= ~(uint32_t)X86_VM;
    if (!x86_cs_go(m, (uint16_t)((g->sel & ~3u) | cpl), x86_desc_seg(code->low), cpl, g->ip)) {
        m->x86.more_flags = was;
        return false;
    }
    x86_seg_set(m, X86_SS, ss, st.seg);
    x86_stack_put(m, &st);
    static const uint8_t data[] = {X86_ES, X86_DSEG, X86_FS, X86_GS};
    for (unsigned k = 0; v86 && k < ARRAY_SIZE(data); k++)
        x86_seg_null(m, data[k], 0);
    enter(m, g);
    return true;
}

static bool by_task(X86Machine *m, const Event *e, const Gate *g)
{
    uint64_t pc = m->x86.base.pc;
    m->x86.base.pc = e->pc;
    if (x86_task_switch(m, g->sel, X86_TASK_CALL, e->has_error ? &e->error : NULL))
        return true;
    m->x86.base.pc = pc;
    return false;
}

static bool deliver_protected(X86Machine *m, const Event *e)
{
    Gate g;
    X86Desc8 code;
    unsigned cpl;
    if (!read_gate(m, e, &g))
        return false;
    if (g.type == 5)
        return by_task(m, e, &g);
    if (!read_code(m, e, &g, &code, &cpl))
        return false;
    if (cpl < m->sys.cpl)
        return deliver_inner(m, e, &g, &code, cpl);
    X86Stack st = x86_stack_now(m, g.type & 8 ? 4 : 2);
    if (!push_frame(m, e, &st) || !x86_desc_set_accessed(m, &code) ||
        !x86_cs_go(m, (uint16_t)((g.sel & ~3u) | cpl), x86_desc_seg(code.low), cpl, g.ip))
        return false;
    x86_stack_put(m, &st);
    enter(m, &g);
    return true;
}

static bool deliver(X86Machine *m, const Event *e)
{
    bool ok = !(m->sys.cr0 & X86_CR0_PE) ? deliver_real(m, e)
              : x86_long(m)              ? deliver_long(m, e)
                                         : deliver_protected(m, e);
    if (ok) {
        m->sys.trapping = 0;
        m->sys.shadow_pc = ~0ull;
        x86_debug_delivered(m, e->vector, e->soft);
    }
    return ok;
}

/* ---- what is delivered ---- */

static bool with_error(unsigned v)
{
    return v == X86_V_DF || (v >= X86_V_TS && v <= X86_V_PF) || v == X86_V_AC;
}

static unsigned float_vector(const X86Machine *m)
{
    return m->sys.cr4 & X86_CR4_OSXMMEXCPT ? X86_V_XM : X86_V_UD;
}

/* The exception that an exit stands for; false: none. */
static bool event_of(X86Machine *m, const CpuExit *x, Event *ret)
{
    *ret = (Event){.pc = m->x86.base.pc};
    switch ((CpuExitKind)x->kind) {
    case CPU_EXIT_VECTOR:
        ret->vector = (uint8_t)x->code;
        ret->error = (uint32_t)x->addr;
        break;
    case CPU_EXIT_FAULT:
        if (x->sig == SIGFPE) {
            ret->vector = (uint8_t)float_vector(m);
        } else {
            ret->vector = X86_V_PF;
            ret->error = (uint32_t)x->code;
            ret->address = x->addr;
        }
        break;
    case CPU_EXIT_FETCH: ret->vector = X86_V_UD; break;
    case CPU_EXIT_ILLEGAL: ret->vector = X86_V_UD; break;
    case CPU_EXIT_DIVIDE: ret->vector = X86_V_DE; break;
    case CPU_EXIT_PROTECTION: ret->vector = X86_V_GP; break;
    case CPU_EXIT_STACK: ret->vector = X86_V_SS; break;
    case CPU_EXIT_MISALIGNED: ret->vector = X86_V_AC; break;
    case CPU_EXIT_BOUND: ret->vector = X86_V_BR; break;
    case CPU_EXIT_FLOAT: ret->vector = X86_V_MF; break;
    case CPU_EXIT_NO_FPU: ret->vector = X86_V_NM; break;
    default: return false;
    }
    ret->has_error = with_error(ret->vector) && (m->sys.cr0 & X86_CR0_PE);
    return true;
}

static bool contributory(unsigned v)
{
    return v == X86_V_DE || (v >= X86_V_TS && v <= X86_V_GP);
}

/* first could not be delivered because of *second. False: shutdown. */
static bool combine(X86Machine *m, const Event *first, Event *second)
{
    bool worse = first->vector == X86_V_PF ? contributory(second->vector) || second->vector == X86_V_PF
                                           : contributory(first->vector) && contributory(second->vector);
    if (first->soft || first->external)
        worse = false;
    if (first->vector == X86_V_DF && !first->soft && !first->external &&
        (contributory(second->vector) || second->vector == X86_V_PF))
        return false;
    second->pc = first->pc;
    if (worse) {
        second->vector = X86_V_DF;
        second->error = 0;
        second->has_error = (m->sys.cr0 & X86_CR0_PE) != 0;
    }
    return true;
}

void x86_shutdown(X86Machine *m)
{
    const CpuBoard *b = &m->sys.board;
    if (x86_svm_wants(m, SVM_SHUTDOWN)) {
        x86_svm_raise(m, SVM_SHUTDOWN, 0, 0, 0);
        x86_svm_leave(m);
        return;
    }
    m->sys.waiting = 1; /* runs nothing until it is reset */
    if (b->power)
        b->power(b->opaque, CPU_POWER_RESET);
}

/* As EVENTINJ and EXITINTINFO have it. */
static uint64_t event_word(const Event *e)
{
    const bool exception = !e->external && (!e->soft || e->vector == X86_V_BP || e->vector == X86_V_OF);
    const uint64_t type = exception                  ? SVM_EVENT_EXCEPTION
                          : e->soft                  ? SVM_EVENT_SOFT
                          : e->vector == X86_V_NMI ? SVM_EVENT_NMI
                                                     : SVM_EVENT_INTR;
    return e->vector | type << SVM_EVENT_TYPE_SHIFT | SVM_EVENT_VALID |
           (e->has_error ? SVM_EVENT_ERROR | (uint64_t)e->error << SVM_EVENT_ERROR_SHIFT : 0);
}

/* An exception of a guest of SVM that its host wants. CR2 and the stack are as they were. */
static bool intercepted(X86Machine *m, const Event *e)
{
    if (e->external || e->soft || !x86_svm_wants(m, SVM_EXCEPTION + (e->vector & 31u)))
        return false;
    x86_debug_delivered(m, e->vector, false);
    x86_svm_raise(m, SVM_EXCEPTION + e->vector, e->has_error ? e->error : 0, e->address, 0);
    x86_svm_leave(m);
    return true;
}

/* pc: of the instruction that a fault in delivery names, if that is another than the event's. */
static void deliver_or_combine(X86Machine *m, Event e, uint64_t pc)
{
    for (;;) {
        Event next;
        if (e.vector == X86_V_PF && !e.soft && !e.external)
            m->sys.cr2 = e.address;
        m->sys.svm.exit.event = m->sys.svm.guest ? event_word(&e) : 0;
        if (deliver(m, &e))
            break;
        CpuExit x = m->x86.base.exit;
        if (x86_svm_raised(&x)) {
            x86_svm_leave(m);
            return;
        }
        if (x.kind == CPU_EXIT_EXCLUSIVE) { /* a store to code is nothing here */
            x86_shutdown(m);
            return;
        }
        if (event_of(m, &x, &next) && intercepted(m, &next))
            return;
        if (!event_of(m, &x, &next) || !combine(m, &e, &next)) {
            x86_shutdown(m);
            return;
        }
        if (e.soft)
            next.pc = pc;
        e = next;
        if (e.vector == X86_V_DF && intercepted(m, &e))
            return;
    }
    m->sys.svm.exit.event = 0;
}

void x86_inject(X86Machine *m, uint64_t word, uint64_t next)
{
    const unsigned type = word >> SVM_EVENT_TYPE_SHIFT & 7, vector = word & 0xff;
    Event e = {.vector = type == SVM_EVENT_NMI ? X86_V_NMI : (uint8_t)vector,
               .has_error = type == SVM_EVENT_EXCEPTION && word & SVM_EVENT_ERROR && m->sys.cr0 & X86_CR0_PE,
               .external = type == SVM_EVENT_INTR || type == SVM_EVENT_NMI,
               .soft = type == SVM_EVENT_SOFT,
               .error = (uint32_t)(word >> SVM_EVENT_ERROR_SHIFT),
               .pc = m->x86.base.pc,
               .address = m->sys.cr2};
    if (type == SVM_EVENT_EXCEPTION && (vector == X86_V_BP || vector == X86_V_OF))
        e.soft = true;
    e.checked = e.soft;
    if (e.soft && next)
        e.pc = x86_code64(m) ? next : (uint32_t)(next + m->sys.seg[X86_CS].base);
    deliver_or_combine(m, e, m->x86.base.pc);
}

/* FERR#: the error comes by an interrupt, for which the instruction waits. */
static bool report_by_line(X86Machine *m)
{
    const CpuBoard *b = &m->sys.board;
    if (m->sys.cr0 & X86_CR0_NE)
        return false;
    if (x86_svm_wants(m, SVM_FERR_FREEZE)) {
        x86_svm_raise(m, SVM_FERR_FREEZE, 0, 0, 0);
        return false;
    }
    if (b->ferr)
        b->ferr(b->opaque, b->number, true);
    m->x86.base.exit = (CpuExit){.kind = CPU_EXIT_HALT};
    return true;
}

bool x86_exception(Cpu *cpu)
{
    X86Machine *m = x86_machine(cpu);
    Event e;
    if (cpu->exit.kind == CPU_EXIT_FLOAT && report_by_line(m))
        return false;
    if (x86_svm_raised(&cpu->exit)) {
        x86_svm_leave(m);
        return true;
    }
    if (!event_of(m, &cpu->exit, &e))
        return false;
    if (!intercepted(m, &e))
        deliver_or_combine(m, e, e.pc);
    return true;
}

uint64_t x86_soft_int(X86Machine *m, unsigned vector, unsigned len, bool checked)
{
    uint64_t pc = m->x86.base.pc;
    Event e = {.vector = (uint8_t)vector, .soft = true, .checked = checked, .pc = pc + len};
    if ((m->x86.more_flags & X86_VM) && checked && vector != X86_V_BP && x86_iopl(m) < 3)
        return x86_gp(m, 0);
    m->sys.svm.exit.event = m->sys.svm.guest ? event_word(&e) : 0;
    if (!deliver(m, &e)) {
        m->x86.base.pc = pc;
        return X86_RAISED;
    }
    m->sys.svm.exit.event = 0;
    return x86_go(m);
}

/* ---- interrupts ---- */

static uint32_t lines_of(const X86Machine *m)
{
    return __atomic_load_n(&m->sys.lines, __ATOMIC_ACQUIRE);
}

static void line_off(X86Machine *m, unsigned n)
{
    __atomic_fetch_and(&m->sys.lines, ~(1u << n), __ATOMIC_ACQ_REL);
}

enum { FIRST_NMI = 1 << X86_IN_NMI, NEXT_NMI = 1 << X86_IN_NMI2_BIT };

static bool lines_swap(X86Machine *m, uint32_t *was, uint32_t now)
{
    return __atomic_compare_exchange_n(&m->sys.lines, was, now, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
}

/* A processor takes an NMI at the next instruction, and holds one more while it handles it. Here some
 * instructions may pass first: an NMI that comes meanwhile is that one more. */
static bool latch_nmi(X86Machine *m)
{
    uint32_t was = lines_of(m), now;
    do {
        const bool busy = __atomic_load_n(&m->sys.in_nmi, __ATOMIC_ACQUIRE);
        now = was | FIRST_NMI | (was & FIRST_NMI && !busy ? NEXT_NMI : 0);
    } while (!lines_swap(m, &was, now));
    return !(was & FIRST_NMI);
}

void x86_nmi_taken(X86Machine *m)
{
    uint32_t was = lines_of(m);
    while (!lines_swap(m, &was, was & ~(uint32_t)(was & NEXT_NMI ? NEXT_NMI : FIRST_NMI)))
        ;
}

bool x86_set_irq(Cpu *cpu, unsigned n, bool level)
{
    X86Machine *m = x86_machine(cpu);
    bool levels = n == X86_IN_INTR || n == X86_IN_A20M;
    if (n >= X86_IN_SIPI) {
        __atomic_store_n(&m->sys.sipi, n - X86_IN_SIPI, __ATOMIC_RELEASE);
        n = X86_IN_SIPI_BIT;
        level = true;
    }
    if (!level) {
        if (levels)
            line_off(m, n);
        return n == X86_IN_A20M;
    }
    if (n == X86_IN_NMI)
        return latch_nmi(m);
    if (n == X86_IN_INIT) /* a SIPI that comes right after it counts, one of before does not */
        line_off(m, X86_IN_SIPI_BIT);
    return !(__atomic_fetch_or(&m->sys.lines, 1u << n, __ATOMIC_ACQ_REL) >> n & 1);
}

/* What would be taken now: the input, or -1. */
static int due(const X86Machine *m)
{
    uint32_t up = lines_of(m);
    if (m->sys.svm.no_gif && !m->sys.waiting)
        return -1;
    if (up >> X86_IN_INIT & 1 && !m->sys.in_smm)
        return X86_IN_INIT;
    if (up >> X86_IN_SIPI_BIT & 1 && !m->sys.in_smm)
        return X86_IN_SIPI_BIT;
    if (m->sys.waiting)
        return -1;
    if (up >> X86_IN_SMI & 1 && !m->sys.in_smm && m->sys.board.smram)
        return X86_IN_SMI;
    if ((up >> X86_IN_NMI & 1) && !m->sys.in_nmi && !m->sys.in_smm)
        return X86_IN_NMI;
    if ((up >> X86_IN_INTR & 1) && x86_svm_interrupts_open(m))
        return X86_IN_INTR;
    return up >> X86_IN_VIRQ_BIT & 1 && x86_svm_virtual_due(m) ? X86_IN_VIRQ_BIT : -1;
}

bool x86_wakes(const Cpu *cpu)
{
    const X86Machine *m = (const X86Machine *)cpu;
    return due(m) >= 0 || lines_of(m) >> X86_IN_KICK_BIT & 1;
}

void x86_notice_irq(X86Machine *m)
{
    if (due(m) >= 0)
        __atomic_store_n(&m->x86.base.kick, 1, __ATOMIC_RELEASE);
}

bool x86_in_shadow(Cpu *cpu)
{
    X86Machine *m = x86_machine(cpu);
    bool in = m->sys.shadow_pc == cpu->pc;
    m->sys.shadow_pc = ~0ull;
    return in;
}

/* What a guest of SVM is interrupted by goes to its host, if that wants it, and stays there to be taken. */
static bool to_host(X86Machine *m, int n)
{
    const unsigned code = n == X86_IN_INTR  ? SVM_INTR
                          : n == X86_IN_NMI ? SVM_NMI
                          : n == X86_IN_SMI ? SVM_SMI
                          : n == X86_IN_INIT ? SVM_INIT
                                             : SVM_VINTR;
    if (!x86_svm_wants(m, code))
        return false;
    x86_svm_raise(m, (int64_t)code, 0, 0, 0);
    x86_svm_leave(m);
    return true;
}

/* INIT and SIPI; true: one of them was there. In system management mode INIT waits, and so does the SIPI
 * behind it. */
static bool take_start(X86Machine *m)
{
    uint32_t up = lines_of(m);
    if (m->sys.in_smm)
        return false;
    if (up >> X86_IN_INIT & 1 && !m->sys.svm.no_gif) {
        if (to_host(m, X86_IN_INIT))
            return true;
        line_off(m, X86_IN_INIT);
        x86_reset_cpu(m, true);
        return true;
    }
    if (!(up >> X86_IN_SIPI_BIT & 1))
        return false;
    line_off(m, X86_IN_SIPI_BIT);
    if (m->sys.waiting) {
        uint32_t v = __atomic_load_n(&m->sys.sipi, __ATOMIC_ACQUIRE);
        m->sys.waiting = 0;
        x86_seg_set(m, X86_CS, (uint16_t)(v << 8), (X86Seg){.base = v << 12, .limit = 0xffff, .attr = 0x9b});
        m->x86.base.pc = v << 12;
    }
    return true;
}

bool x86_ready(Cpu *cpu)
{
    X86Machine *m = x86_machine(cpu);
    take_start(m);
    return !m->sys.waiting;
}

bool x86_interrupt(Cpu *cpu)
{
    X86Machine *m = x86_machine(cpu);
    const CpuBoard *b = &m->sys.board;
    if (take_start(m))
        return true;
    int n = due(m);
    if (n < 0)
        return false;
    if (n == X86_IN_SMI && to_host(m, n))
        return true;
    if (n == X86_IN_SMI) {
        line_off(m, X86_IN_SMI);
        x86_smm_enter(m);
        x86_notice_irq(m);
        return true;
    }
    Event e = {.pc = cpu->pc, .external = true};
    if (x86_take_trap(m)) { /* of the instruction before: it comes first */
        event_of(m, &cpu->exit, &e);
        if (!intercepted(m, &e))
            deliver_or_combine(m, e, e.pc);
        x86_notice_irq(m);
        return true;
    }
    if (to_host(m, n))
        return true;
    if (n == X86_IN_VIRQ_BIT) {
        line_off(m, X86_IN_VIRQ_BIT);
        e.vector = (uint8_t)(m->sys.svm.v_intr >> SVM_V_VECTOR_SHIFT);
        m->sys.svm.v_intr &= ~(uint64_t)SVM_V_IRQ;
    } else if (n == X86_IN_NMI) {
        __atomic_store_n(&m->sys.in_nmi, 1, __ATOMIC_RELEASE);
        x86_nmi_taken(m);
        e.vector = X86_V_NMI;
    } else {
        int vector = b->acknowledge ? b->acknowledge(b->opaque, b->number) : -1;
        if (vector < 0)
            return false;
        e.vector = (uint8_t)vector;
    }
    deliver_or_combine(m, e, e.pc);
    return true;
}
