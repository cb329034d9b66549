/* The instructions of the system, by C. Sources: AMD64 APM volumes 2 and 3; Intel SDM volume 2. Each function
 * returns a helper's status; what it changes that code depends on, finish() sees. */
#include "target/x86/x86_sysop.h"

#include "target/x86/x86_mem.h"
#include "target/x86/x86_port.h"
#include "target/x86/x86_sys.h"
#include "target/x86/x86_trans.h"

enum { NULL_MASK = 0xfffc };

typedef struct Op {
    X86SysWhat w;
    uint64_t a, b;
} Op;

static uint64_t illegal(X86Machine *m)
{
    return x86_raise_vector(m, X86_V_UD, 0);
}

/* On behind the instruction, by the present state. */
static uint64_t go_on(X86Machine *m, const Op *o)
{
    m->x86.base.pc += o->w.len;
    if (!x86_code64(m) && !x86_long(m))
        m->x86.base.pc = (uint32_t)m->x86.base.pc;
    return x86_go(m);
}

/* Only if something has changed that code depends on. */
static uint64_t finish(X86Machine *m, const Op *o)
{
    Cpu *cpu = &m->x86.base;
    return (cpu->ops->ctx(cpu) ^ cpu->ctx) & CTX_TARGET_MASK ? go_on(m, o) : X86_DONE;
}

static bool above0(const X86Machine *m)
{
    return m->sys.cpl != 0;
}

static void put_gpr(X86Machine *m, unsigned r, unsigned size, uint64_t v)
{
    uint64_t *reg = &m->x86.gpr[r];
    *reg = size == 8 ? v : size == 4 ? (uint32_t)v : (*reg & ~0xffffull) | (v & 0xffff);
}

static void put_pair(X86Machine *m, uint64_t v)
{
    m->x86.gpr[X86_RAX] = (uint32_t)v;
    m->x86.gpr[X86_RDX] = v >> 32;
}

static uint64_t pair(const X86Machine *m)
{
    return (uint32_t)m->x86.gpr[X86_RAX] | m->x86.gpr[X86_RDX] << 32;
}

/* ---- segments ---- */

static void shadow(X86Machine *m, const Op *o)
{
    m->sys.shadow_pc = m->x86.base.pc + o->w.len;
}

/* Traps wait, too, where there are any. */
static void shadow_ss(X86Machine *m, const Op *o)
{
    shadow(m, o);
    if (x86_may_trap(m))
        m->sys.trap_shadow = m->sys.shadow_pc;
}

static uint64_t mov_seg(X86Machine *m, const Op *o)
{
    if (!x86_seg_load(m, o->w.reg, (uint16_t)o->a))
        return X86_RAISED;
    if (o->w.reg == X86_SS)
        shadow_ss(m, o);
    return finish(m, o);
}

static uint64_t pop_seg(X86Machine *m, const Op *o)
{
    X86Stack st = x86_stack_now(m, o->w.size);
    uint64_t v;
    if (!x86_stack_pop(&st, &v))
        return X86_RAISED;
    uint64_t sp = m->x86.gpr[X86_RSP];
    x86_stack_put(m, &st); /* by the old ss */
    if (!x86_seg_load(m, o->w.reg, (uint16_t)v)) {
        m->x86.gpr[X86_RSP] = sp;
        return X86_RAISED;
    }
    if (o->w.reg == X86_SS)
        shadow_ss(m, o);
    return finish(m, o);
}

static uint64_t lseg(X86Machine *m, const Op *o)
{
    if (!x86_seg_load(m, o->w.arg, (uint16_t)o->b))
        return X86_RAISED;
    put_gpr(m, o->w.reg, o->w.size, o->a);
    return finish(m, o);
}

static bool segment_type(X86Machine *m, uint16_t sel, X86Desc8 *d, unsigned types)
{
    if (sel & 4)
        x86_gp(m, sel & NULL_MASK);
    else if (!x86_desc_read_wide(m, sel, X86_V_GP, d))
        return false;
    else if (x86_desc_attr(d->low) & X86_A_SEGMENT || !(types >> (x86_desc_attr(d->low) & 15) & 1))
        x86_gp(m, sel & NULL_MASK);
    else if (!(x86_desc_attr(d->low) & X86_A_PRESENT))
        x86_raise_vector(m, X86_V_NP, sel & NULL_MASK);
    else
        return true;
    return false;
}

static uint64_t lldt(X86Machine *m, const Op *o)
{
    uint16_t sel = (uint16_t)o->a;
    X86Desc8 d;
    X86Seg s = {.limit = -1, .attr = X86_A_NONE};
    if (above0(m))
        return x86_gp(m, 0);
    if (sel & NULL_MASK) {
        if (!segment_type(m, sel, &d, 1 << 2))
            return X86_RAISED;
        s = x86_desc_seg(d.low);
        s.base |= d.high << 32;
        if (!x86_canonical_base(m, s.base))
            return x86_gp(m, sel & NULL_MASK);
    }
    m->sys.ldt = s;
    m->sys.ldt_sel = sel;
    return X86_DONE;
}

static uint64_t ltr(X86Machine *m, const Op *o)
{
    uint16_t sel = (uint16_t)o->a;
    X86Desc8 d;
    if (above0(m) || !(sel & NULL_MASK))
        return x86_gp(m, 0);
    if (!segment_type(m, sel, &d, x86_long(m) ? 1 << 9 : 1 << 9 | 1 << 1))
        return X86_RAISED;
    X86Seg s = x86_desc_seg(d.low);
    s.base |= d.high << 32;
    s.attr |= 2;
    if (!x86_canonical_base(m, s.base))
        return x86_gp(m, sel & NULL_MASK);
    if (!x86_lin_st(m, X86_IDX_KERNEL, d.at + 5, 1, (d.low >> 40 & 0xff) | 2))
        return X86_RAISED;
    m->sys.tr = s;
    m->sys.tr_sel = sel;
    return X86_DONE;
}

static uint64_t store_sel(X86Machine *m, const Op *o)
{
    uint64_t v = o->w.arg == 0 ? m->sys.ldt_sel : o->w.arg == 1 ? m->sys.tr_sel : m->sys.cr0;
    if (above0(m) && m->sys.cr4 & X86_CR4_UMIP)
        return x86_gp(m, 0);
    if (o->w.mem)
        return x86_mem_st(&m->x86, o->a, v & 0xffff, 2);
    put_gpr(m, o->w.reg, o->w.size, v);
    return X86_DONE;
}

static void put_zf(X86Machine *m, bool on)
{
    m->x86.fl = on ? m->x86.fl | IR_FL_Z : m->x86.fl & ~(uint32_t)IR_FL_Z;
}

/* lar lsl verr verw */
static uint64_t ask(X86Machine *m, const Op *o)
{
    uint64_t v = 0;
    m->x86.base.exit.kind = CPU_EXIT_KICK;
    bool ok = x86_desc_ask(m, o->w.arg, (uint16_t)o->a, &v);
    if (!ok && m->x86.base.exit.kind == CPU_EXIT_FAULT)
        return X86_RAISED;
    put_zf(m, ok);
    if (ok && o->w.op == X86_OP_LAR)
        put_gpr(m, o->w.reg, o->w.size, v);
    return X86_DONE;
}

static uint64_t sgdt(X86Machine *m, const Op *o)
{
    bool idt = o->w.arg, wide = x86_code64(m);
    uint64_t base = idt ? m->sys.idt_base : m->sys.gdt_base;
    uint8_t image[10];
    uint16_t limit = (uint16_t)(idt ? m->sys.idt_limit : m->sys.gdt_limit);
    if (above0(m) && m->sys.cr4 & X86_CR4_UMIP)
        return x86_gp(m, 0);
    memcpy(image, &limit, 2);
    memcpy(image + 2, &base, 8);
    return x86_copy_out(&m->x86, o->a, image, wide ? 10 : 6);
}

static uint64_t lgdt(X86Machine *m, const Op *o)
{
    bool idt = o->w.arg, wide = x86_code64(m);
    uint8_t image[10] = {0};
    uint16_t limit;
    uint64_t base;
    if (above0(m))
        return x86_gp(m, 0);
    if (x86_copy_in(&m->x86, image, o->a, wide ? 10 : 6))
        return X86_RAISED;
    memcpy(&limit, image, 2);
    memcpy(&base, image + 2, 8);
    if (!wide && o->w.size == 2)
        base &= 0xffffff;
    if (wide && !x86_canonical_base(m, base))
        return x86_gp(m, 0);
    *(idt ? &m->sys.idt_base : &m->sys.gdt_base) = base;
    *(idt ? &m->sys.idt_limit : &m->sys.gdt_limit) = limit;
    return X86_DONE;
}

/* ---- flags ---- */

static uint64_t popf(X86Machine *m, const Op *o)
{
    X86Stack st = x86_stack_now(m, o->w.size);
    uint64_t v;
    uint32_t was = m->x86.more_flags, mask = x86_flags_changeable(m, o->w.size);
    if ((was & X86_VM) && x86_iopl(m) < 3)
        return x86_gp(m, 0);
    if (!x86_stack_pop(&st, &v))
        return X86_RAISED;
    x86_stack_put(m, &st);
    x86_flags_merge(m, v & ~(uint64_t)X86_RF, mask);
    bool opened = (m->x86.more_flags & ~was & X86_IF) && x86_wakes(&m->x86.base);
    return opened ? go_on(m, o) : finish(m, o);
}

/* In virtual-8086 mode. */
static uint64_t pushf(X86Machine *m, const Op *o)
{
    X86Stack st = x86_stack_now(m, o->w.size);
    if (x86_iopl(m) < 3)
        return x86_gp(m, 0);
    if (!x86_stack_push(&st, x86_rflags(&m->x86) & ~(uint64_t)(X86_VM | X86_RF)))
        return X86_RAISED;
    x86_stack_put(m, &st);
    return X86_DONE;
}

/* cli, sti where the level has to be looked at. */
static uint64_t set_if(X86Machine *m, const Op *o, bool on)
{
    bool was = m->x86.more_flags & X86_IF;
    if (m->sys.cpl > x86_iopl(m))
        return x86_gp(m, 0);
    m->x86.more_flags = on ? m->x86.more_flags | X86_IF : m->x86.more_flags & ~(uint32_t)X86_IF;
    if (!on || was)
        return X86_DONE;
    shadow(m, o);
    return x86_wakes(&m->x86.base) ? go_on(m, o) : X86_DONE;
}

static uint64_t set_ac(X86Machine *m, const Op *o)
{
    if (above0(m))
        return illegal(m);
    m->x86.more_flags = o->w.arg ? m->x86.more_flags | X86_AC : m->x86.more_flags & ~(uint32_t)X86_AC;
    return finish(m, o);
}

/* ---- fast system calls ---- */

static X86Seg flat_code(bool wide, unsigned dpl)
{
    uint32_t attr = 0x9b | X86_A_PAGES | dpl << X86_A_DPL_SHIFT | (wide ? X86_A_LONG : X86_A_BIG);
    return (X86Seg){.limit = 0xffffffff, .attr = attr};
}

static X86Seg flat_stack(unsigned dpl)
{
    return (X86Seg){.limit = 0xffffffff, .attr = 0x93 | X86_A_PAGES | X86_A_BIG | dpl << X86_A_DPL_SHIFT};
}

/* False: the address is not canonical. */
static bool enter_flat(X86Machine *m, uint16_t cs, uint16_t ss, bool wide, unsigned cpl, uint64_t ip)
{
    if (!x86_cs_go(m, cs, flat_code(wide, cpl), cpl, ip))
        return false;
    x86_seg_set(m, X86_SS, ss, flat_stack(cpl));
    return true;
}

static uint64_t syscall(X86Machine *m, const Op *o)
{
    X86Sys *s = &m->sys;
    bool wide = x86_long(m);
    uint64_t next = x86_ip(m, m->x86.base.pc + o->w.len), flags = x86_rflags(&m->x86);
    uint16_t cs = (uint16_t)(s->star >> 32 & NULL_MASK);
    if (!(s->efer & X86_EFER_SCE) || !x86_protected(m))
        return illegal(m);
    uint64_t to = !wide ? (uint32_t)s->star : x86_code64(m) ? s->lstar : s->cstar;
    if (!enter_flat(m, cs, (uint16_t)(cs + 8), wide, 0, to))
        return X86_RAISED;
    m->x86.gpr[X86_RCX] = next;
    if (wide) {
        m->x86.gpr[X86_R11] = flags & ~(uint64_t)X86_RF;
        x86_set_all_flags(m, flags & ~(s->fmask | X86_RF));
    } else {
        x86_set_all_flags(m, flags & ~(uint64_t)(X86_IF | X86_VM | X86_RF));
    }
    return x86_go(m);
}

static uint64_t sysret(X86Machine *m, const Op *o)
{
    X86Sys *s = &m->sys;
    bool wide = o->w.size == 8;
    uint16_t cs = (uint16_t)(s->star >> 48);
    uint64_t flags = m->x86.gpr[X86_R11];
    if (!(s->efer & X86_EFER_SCE) || !x86_protected(m))
        return illegal(m);
    if (above0(m))
        return x86_gp(m, 0);
    if (!x86_long(m))
        flags = x86_rflags(&m->x86) | X86_IF;
    if (!enter_flat(m, (uint16_t)((cs + (wide ? 16 : 0)) | 3), (uint16_t)((cs + 8) | 3), wide, 3,
                    m->x86.gpr[X86_RCX]))
        return X86_RAISED;
    x86_set_all_flags(m, flags & ~(uint64_t)(X86_RF | X86_VM));
    return x86_go(m);
}

static uint64_t sysenter(X86Machine *m, const Op *o)
{
    X86Sys *s = &m->sys;
    uint16_t cs = (uint16_t)(s->sysenter_cs & NULL_MASK);
    bool wide = x86_long(m);
    uint32_t was = m->x86.more_flags;
    if (!(s->cr0 & X86_CR0_PE) || !cs)
        return x86_gp(m, 0);
    m->x86.more_flags &= ~(uint32_t)(X86_VM | X86_IF | X86_RF);
    if (!enter_flat(m, cs, (uint16_t)(cs + 8), wide, 0, wide ? s->sysenter_eip : (uint32_t)s->sysenter_eip)) {
        m->x86.more_flags = was;
        return X86_RAISED;
    }
    m->x86.gpr[X86_RSP] = wide ? s->sysenter_esp : (uint32_t)s->sysenter_esp;
    return x86_go(m);
}

static uint64_t sysexit(X86Machine *m, const Op *o)
{
    X86Sys *s = &m->sys;
    bool wide = o->w.size == 8;
    uint16_t base = (uint16_t)(s->sysenter_cs & NULL_MASK), cs = (uint16_t)(base + (wide ? 32 : 16));
    if (!x86_protected(m) || !base || above0(m))
        return x86_gp(m, 0);
    if (!enter_flat(m, cs | 3, (uint16_t)((cs + 8) | 3), wide, 3, m->x86.gpr[X86_RDX]))
        return X86_RAISED;
    m->x86.gpr[X86_RSP] = wide ? m->x86.gpr[X86_RCX] : (uint32_t)m->x86.gpr[X86_RCX];
    return x86_go(m);
}

static uint64_t swapgs(X86Machine *m)
{
    uint64_t v = m->x86.gs_base;
    if (above0(m))
        return x86_gp(m, 0);
    m->x86.gs_base = m->sys.kernel_gs_base;
    m->sys.kernel_gs_base = v;
    return X86_DONE;
}

/* ---- sleep ---- */

static uint64_t hlt(X86Machine *m, const Op *o)
{
    if (above0(m))
        return x86_gp(m, 0);
    m->x86.base.pc += o->w.len;
    if (x86_wakes(&m->x86.base)) {
        __atomic_fetch_and(&m->sys.lines, ~(1u << X86_IN_KICK_BIT), __ATOMIC_ACQ_REL);
        return x86_go(m);
    }
    m->x86.base.exit = (CpuExit){.kind = CPU_EXIT_HALT};
    return X86_RAISED;
}

/* Stores of others are not watched: what follows mwait, a new look at memory, comes at once. */
static uint64_t monitor(X86Machine *m, const Op *o)
{
    uint64_t v;
    if (!x86_sys_has(m, X86_FEAT_MONITOR) || above0(m))
        return illegal(m);
    if (m->x86.gpr[X86_RCX] & (x86_code64(m) ? ~0ull : 0xffffffff))
        return x86_gp(m, 0);
    return x86_lin_ld(m, x86_data_idx(m), o->a, 1, &v) ? X86_DONE : X86_RAISED;
}

static uint64_t mwait(X86Machine *m, const Op *o)
{
    enum { INTERRUPTS_END_IT = 1 };
    const CpuBoard *b = &m->sys.board;
    if (!x86_sys_has(m, X86_FEAT_MONITOR) || above0(m))
        return illegal(m);
    if ((uint32_t)m->x86.gpr[X86_RCX] & ~(uint32_t)INTERRUPTS_END_IT)
        return x86_gp(m, 0);
    if (b->yield)
        b->yield(b->opaque);
    return go_on(m, o);
}

/* ---- control, debug and model-specific registers ---- */

static uint64_t write_cr(X86Machine *m, const Op *o, unsigned n, uint64_t v)
{
    if (above0(m))
        return x86_gp(m, 0);
    if (x86_write_cr(m, n, v) != X86_DONE)
        return X86_RAISED;
    return n == 2 || n == 8 ? X86_DONE : go_on(m, o); /* what follows is fetched anew */
}

static uint64_t read_cr(X86Machine *m, const Op *o)
{
    uint64_t v;
    if (above0(m) || !x86_read_cr(m, o->w.arg, &v))
        return x86_gp(m, 0);
    put_gpr(m, o->w.reg, x86_code64(m) ? 8 : 4, v);
    return X86_DONE;
}

static uint64_t lmsw(X86Machine *m, const Op *o)
{
    uint64_t cr0 = m->sys.cr0, v = (cr0 & ~0xeull) | (o->a & 15);
    return write_cr(m, o, 0, v);
}

static uint64_t write_dr(X86Machine *m, const Op *o)
{
    return x86_write_dr(m, o->w.arg, o->a) ? finish(m, o) : X86_RAISED;
}

static uint64_t read_dr(X86Machine *m, const Op *o)
{
    uint64_t v;
    if (!x86_read_dr(m, o->w.arg, &v))
        return X86_RAISED;
    put_gpr(m, o->w.reg, x86_code64(m) ? 8 : 4, v);
    return X86_DONE;
}

static uint64_t msr(X86Machine *m, const Op *o, bool write)
{
    uint32_t n = (uint32_t)m->x86.gpr[X86_RCX];
    uint64_t v = pair(m);
    if (above0(m) || (write ? !x86_msr_write(m, n, v) : !x86_msr_read(m, n, &v)))
        return x86_gp(m, 0);
    if (!write)
        put_pair(m, v);
    return finish(m, o);
}

static uint64_t rdtsc(X86Machine *m, const Op *o)
{
    if (m->sys.cr4 & X86_CR4_TSD && above0(m))
        return x86_gp(m, 0);
    put_pair(m, x86_svm_tsc(m, x86_tsc(m)));
    if (o->w.arg)
        m->x86.gpr[X86_RCX] = (uint32_t)m->sys.tsc_aux;
    return X86_DONE;
}

static uint64_t xsetbv(X86Machine *m, const Op *o)
{
    uint64_t v = pair(m), all = x86_xcr0_known(m);
    bool avx512 = v & X86_XC_AVX512;
    if (!(m->sys.cr4 & X86_CR4_OSXSAVE))
        return illegal(m);
    bool bad = above0(m) || (uint32_t)m->x86.gpr[X86_RCX] || !(v & X86_XC_X87) || v & ~all;
    bad |= (v & X86_XC_AVX) && !(v & X86_XC_SSE);
    bad |= avx512 && ((v & X86_XC_AVX512) != X86_XC_AVX512 || !(v & X86_XC_AVX));
    if (bad)
        return x86_gp(m, 0);
    m->sys.xcr0 = v;
    return finish(m, o);
}

/* Systems change it for each signal, mostly for keys that no page has. */
void x86_set_pkru(X86Machine *m, uint32_t v)
{
    const uint32_t changed = m->sys.pkru ^ v;
    bool seen = false;
    m->sys.pkru = v;
    for (unsigned k = 0; k < 16; k++)
        seen |= (changed >> 2 * k & 3) && m->sys.keys_seen >> k & 1;
    if (!seen)
        return;
    m->sys.keys_seen = 0;
    m->x86.base.mem->flush(&m->x86.base); /* SVM changes it not: the host's are by it, too */
}

static uint64_t pkru(X86Machine *m, bool write)
{
    if (!(m->sys.cr4 & X86_CR4_PKE))
        return illegal(m);
    if ((uint32_t)m->x86.gpr[X86_RCX] || (write && (uint32_t)m->x86.gpr[X86_RDX]))
        return x86_gp(m, 0);
    if (write)
        x86_set_pkru(m, (uint32_t)m->x86.gpr[X86_RAX]);
    else
        put_pair(m, m->sys.pkru);
    return X86_DONE;
}

/* ---- translations ---- */

static uint64_t invlpg(X86Machine *m, const Op *o)
{
    Cpu *cpu = &m->x86.base;
    if (above0(m))
        return x86_gp(m, 0);
    if (m->sys.svm.guest)
        x86_forget_space(m, 0, 0, true, o->a);
    else
        cpu->mem->flush_page(cpu, o->a);
    return go_on(m, o);
}

static uint64_t invpcid(X86Machine *m, const Op *o)
{
    enum { ONE, CONTEXT, ALL, NOT_GLOBAL, PCID = 0xfff };
    uint64_t d[2];
    if (!x86_sys_has(m, X86_FEAT_INVPCID))
        return illegal(m);
    if (above0(m))
        return x86_gp(m, 0);
    if (x86_copy_in(&m->x86, d, o->b, sizeof d))
        return X86_RAISED;
    if (o->a > NOT_GLOBAL || (o->a <= CONTEXT && d[0] >> 12) ||
        (o->a <= CONTEXT && d[0] && !(m->sys.cr4 & X86_CR4_PCIDE)))
        return x86_gp(m, 0);
    if (o->a == ONE && !x86_canonical_base(m, d[1]))
        return x86_gp(m, 0);
    if (o->a <= CONTEXT)
        x86_forget_space(m, d[0], PCID, o->a == ONE, d[1]);
    else
        x86_forget_all(m);
    return go_on(m, o);
}

/* ---- the table ---- */

static uint64_t flow_op(X86Machine *m, const Op *o)
{
    switch ((X86SysOp)o->w.op) {
    case X86_OP_JMP_FAR: return x86_far_jump(m, (uint16_t)o->b, o->a, o->w.size);
    case X86_OP_CALL_FAR: return x86_far_call(m, (uint16_t)o->b, o->a, o->w.size, o->w.len);
    case X86_OP_RET_FAR: return x86_far_ret(m, o->w.size, (unsigned)o->a);
    case X86_OP_IRET: return x86_iret(m, o->w.size);
    case X86_OP_INT: return x86_soft_int(m, (unsigned)o->a, o->w.len, true);
    case X86_OP_INT3: return x86_soft_int(m, X86_V_BP, o->w.len, true);
    case X86_OP_INT1: x86_debug_merge(m); return x86_soft_int(m, X86_V_DB, o->w.len, false);
    case X86_OP_INTO: return m->x86.fl & IR_FL_V ? x86_soft_int(m, X86_V_OF, o->w.len, true) : X86_DONE;
    case X86_OP_SYSCALL: return syscall(m, o);
    case X86_OP_SYSRET: return sysret(m, o);
    case X86_OP_SYSENTER: return sysenter(m, o);
    case X86_OP_SYSEXIT: return sysexit(m, o);
    case X86_OP_HLT: return hlt(m, o);
    case X86_OP_MONITOR: return monitor(m, o);
    case X86_OP_MWAIT: return mwait(m, o);
    case X86_OP_RSM: return x86_rsm(m);
    case X86_OP_VMCALL: x86_pv_call(m); return X86_DONE;
    case X86_OP_SVM: return x86_svm_insn(m, o->w.arg, o->w.len, o->w.asize);
    default: return illegal(m);
    }
}

static uint64_t segment_op(X86Machine *m, const Op *o)
{
    switch ((X86SysOp)o->w.op) {
    case X86_OP_MOV_SEG: return mov_seg(m, o);
    case X86_OP_POP_SEG: return pop_seg(m, o);
    case X86_OP_LSEG: return lseg(m, o);
    case X86_OP_STORE_SEL: return store_sel(m, o);
    case X86_OP_LLDT: return lldt(m, o);
    case X86_OP_LTR: return ltr(m, o);
    case X86_OP_VERIFY:
    case X86_OP_LAR: return ask(m, o);
    case X86_OP_SGDT: return sgdt(m, o);
    case X86_OP_LGDT: return lgdt(m, o);
    case X86_OP_SWAPGS: return swapgs(m);
    default: return flow_op(m, o);
    }
}

static uint64_t port_op(X86Machine *m, const Op *o)
{
    if (o->w.op == X86_OP_IN)
        return x86_port_in(m, (unsigned)o->a, o->w.size);
    if (o->w.op == X86_OP_OUT) {
        const uint64_t done = x86_port_out(m, (unsigned)o->a, o->w.size);
        const bool kicked = __atomic_load_n(&m->x86.base.kick, __ATOMIC_ACQUIRE);
        return done == X86_DONE && kicked ? go_on(m, o) : done; /* an SMI, other memory: at once */
    }
    X86PortString s = {.out = o->w.op == X86_OP_OUTS,
                       .rep = o->w.rep,
                       .seg = o->w.arg,
                       .size = o->w.size,
                       .asize = o->w.asize};
    return x86_port_string(m, &s);
}

static uint64_t privileged_op(X86Machine *m, const Op *o)
{
    switch ((X86SysOp)o->w.op) {
    case X86_OP_IN:
    case X86_OP_OUT:
    case X86_OP_INS:
    case X86_OP_OUTS: return port_op(m, o);
    case X86_OP_PUSHF: return pushf(m, o);
    case X86_OP_POPF: return popf(m, o);
    case X86_OP_CLI: return set_if(m, o, false);
    case X86_OP_STI: return set_if(m, o, true);
    case X86_OP_LMSW: return lmsw(m, o);
    case X86_OP_CLTS: return write_cr(m, o, 0, m->sys.cr0 & ~(uint64_t)X86_CR0_TS);
    case X86_OP_READ_CR: return read_cr(m, o);
    case X86_OP_WRITE_CR: return write_cr(m, o, o->w.arg, o->a);
    case X86_OP_READ_DR: return read_dr(m, o);
    case X86_OP_WRITE_DR: return write_dr(m, o);
    case X86_OP_RDMSR: return msr(m, o, false);
    case X86_OP_WRMSR: return msr(m, o, true);
    case X86_OP_RDTSC: return rdtsc(m, o);
    case X86_OP_XSETBV: return xsetbv(m, o);
    case X86_OP_SET_AC: return set_ac(m, o);
    case X86_OP_RDPKRU: return pkru(m, false);
    case X86_OP_WRPKRU: return pkru(m, true);
    case X86_OP_INVLPG: return invlpg(m, o);
    case X86_OP_INVPCID: return invpcid(m, o);
    case X86_OP_CACHES: return above0(m) ? x86_gp(m, 0) : X86_DONE;
    case X86_OP_RDPMC: return x86_gp(m, 0); /* there are no counters */
    default: return segment_op(m, o);
    }
}

uint64_t x86_helper_sys(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Machine *m = x86_machine(opaque);
    Op o = {.w = {.raw = a}, .a = b, .b = c};
    if (m->sys.svm.guest && x86_svm_intercepts(m, o.w, o.a))
        return X86_RAISED;
    return privileged_op(m, &o);
}

/* ---- before an instruction ---- */

uint64_t x86_helper_seg_limit(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return !x86_seg_check(x86_machine(opaque), a & 0xff, b, (unsigned)(a >> 8), false);
}

uint64_t x86_helper_seg_write(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Machine *m = x86_machine(opaque);
    uint32_t attr = m->sys.seg[a].attr;
    if (!x86_protected(m) || (!(attr & X86_A_CODE) && (attr & X86_A_WRITABLE)))
        return X86_DONE;
    return x86_raise_vector(m, a == X86_SS ? X86_V_SS : X86_V_GP, 0);
}

uint64_t x86_helper_cs_check(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Machine *m = x86_machine(opaque);
    uint64_t ip = x86_ip(m, m->x86.base.pc);
    return (int64_t)(ip + a - 1) > m->sys.seg[X86_CS].limit ? x86_gp(m, 0) : X86_DONE;
}

uint64_t x86_helper_fp_check(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Machine *m = x86_machine(opaque);
    uint64_t cr0 = m->sys.cr0, cr4 = m->sys.cr4;
    bool em = cr0 & X86_CR0_EM, ts = cr0 & X86_CR0_TS, osxsave = cr4 & X86_CR4_OSXSAVE;
    enum { AVX = X86_XC_SSE | X86_XC_AVX };
    bool off = false;
    switch ((X86FpKind)a) {
    case X86_FP_X87:
    case X86_FP_SAVE: ts |= em; break;
    case X86_FP_WAIT: ts = ts && (cr0 & X86_CR0_MP); break;
    case X86_FP_MMX: off = em; break;
    case X86_FP_SSE: off = em || !(cr4 & X86_CR4_OSFXSR); break;
    case X86_FP_XSAVE: off = !osxsave; break;
    case X86_FP_AVX: off = !osxsave || (m->sys.xcr0 & AVX) != AVX; break;
    case X86_FP_AVX512: off = !osxsave || ~m->sys.xcr0 & (AVX | X86_XC_AVX512); break;
    case X86_FP_FSGSBASE: return cr4 & X86_CR4_FSGSBASE ? X86_DONE : illegal(m);
    default: return X86_DONE;
    }
    return off ? illegal(m) : ts ? x86_raise_vector(m, X86_V_NM, 0) : X86_DONE;
}

uint64_t x86_helper_unit_memory(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t none;
    return x86_helper_unit(opaque, a, b, 0, (uint64_t)&none);
}

/* Interrupts are taken behind it, too. Where a loop goes back alone they would find a cpu that spins at one
 * place ever, and a system that runs cpus by turns would have it stand there with the lock in its hand that
 * the others wait for. */
uint64_t x86_helper_pause(void *opaque, uint64_t len, uint64_t b, uint64_t c, uint64_t d)
{
    X86Machine *m = x86_machine(opaque);
    const CpuBoard *board = &m->sys.board;
    if (board->yield)
        board->yield(board->opaque);
    x86_svm_paused(m);
    if (!__atomic_load_n(&m->x86.base.kick, __ATOMIC_ACQUIRE))
        return X86_DONE;
    return go_on(m, &(Op){.w = {.len = (uint8_t)len}});
}
