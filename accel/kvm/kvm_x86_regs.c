/*
 * Between the kernel's form of an x86 cpu's state and the struct that the translator runs: one row a
 * register.
 *
 * Both ways cover the same registers. What the struct does not have stays as the kernel has it.
 * Source: asm/kvm.h; AMD64 APM volume 2, "Segment-descriptor registers", and Intel SDM volume 1, "XSAVE
 * area".
 */
#include "accel/kvm/kvm_x86.h"
#include "target/x86/x86_fpu.h"
#include "target/x86/x86_sys.h"

static X86Machine *machine_of(KvmCpu *k)
{
    return (X86Machine *)k->cpu;
}

/* ---- plain registers: X(kernel's, ours) ---- */

/* In the encoding's order. */
#define GPRS(X)                                                                                              \
    X(rax, 0)                                                                                                \
    X(rcx, 1)                                                                                                \
    X(rdx, 2)                                                                                                \
    X(rbx, 3)                                                                                                \
    X(rsp, 4) X(rbp, 5) X(rsi, 6) X(rdi, 7) X(r8, 8) X(r9, 9) X(r10, 10) X(r11, 11) X(r12, 12) X(r13, 13)    \
        X(r14, 14) X(r15, 15)

#define CONTROL(X)                                                                                           \
    X(sregs.cr0, cr0)                                                                                        \
    X(sregs.cr2, cr2)                                                                                        \
    X(sregs.cr3, cr3)                                                                                        \
    X(sregs.cr4, cr4)                                                                                        \
    X(sregs.efer, efer) X(sregs.gdt.base, gdt_base) X(sregs.idt.base, idt_base) X(sregs.pdptrs[0], pdpte[0]) \
        X(sregs.pdptrs[1], pdpte[1]) X(sregs.pdptrs[2], pdpte[2]) X(sregs.pdptrs[3], pdpte[3])               \
            X(debugregs.db[0], dr[0]) X(debugregs.db[1], dr[1]) X(debugregs.db[2], dr[2])                    \
                X(debugregs.db[3], dr[3]) X(debugregs.dr6, dr[6]) X(debugregs.dr7, dr[7])                    \
                    X(xcrs.xcrs[0].value, xcr0)

enum { MSR_TSC = 0x10, MSR_APIC_BASE = 0x1b, MSR_DEADLINE = 0x6e0 };

struct kvm_msr_entry *kvm_x86_msr(KvmX86State *s, uint32_t number)
{
    for (unsigned n = 0; n < s->msrs.n; n++)
        if (s->msrs.entry[n].index == number)
            return &s->msrs.entry[n];
    return NULL;
}

/* What the struct has no place for, where it is not what it was at power-on. */
static void note_other(KvmCpu *k, const struct kvm_msr_entry *e)
{
    X86Sys *s = &machine_of(k)->sys;
    const struct kvm_msr_entry *fresh = kvm_x86_msr(&kvm_x86_cpu(k)->fresh, e->index);
    if (e->index == MSR_TSC || e->index == MSR_DEADLINE || !fresh || fresh->data == e->data)
        return;
    if (s->n_others == X86_MOST_OTHERS) {
        fmt_err("KVM: more than %u unknown MSRs are in use: 0x%x is not saved", s->n_others, e->index);
        return;
    }
    s->other[s->n_others] = e->index;
    s->other_value[s->n_others++] = e->data;
}

static void msrs_to_cpu(KvmCpu *k, KvmPart part)
{
    KvmX86State *s = &kvm_x86_cpu(k)->now;
    X86Machine *m = machine_of(k);
    if (part == KVM_ALL)
        m->sys.n_others = 0;
    for (unsigned n = 0; n < s->msrs.n; n++) {
        uint64_t *home = x86_msr_home(m, s->msrs.entry[n].index);
        if (home)
            *home = s->msrs.entry[n].data;
        else if (part == KVM_ALL)
            note_other(k, &s->msrs.entry[n]);
    }
}

static void put_other(KvmX86State *s, uint32_t number, uint64_t value)
{
    struct kvm_msr_entry *e = kvm_x86_msr(s, number);
    if (!e && s->msrs.n < ARRAY_SIZE(s->msrs.entry)) {
        e = &s->msrs.entry[s->msrs.n++];
        *e = (struct kvm_msr_entry){.index = number};
    }
    if (e)
        e->data = value;
}

static void msrs_from_cpu(KvmCpu *k, KvmPart part)
{
    KvmX86State *s = &kvm_x86_cpu(k)->now;
    X86Machine *m = machine_of(k);
    for (unsigned n = 0; n < s->msrs.n; n++) {
        const uint64_t *home = x86_msr_home(m, s->msrs.entry[n].index);
        if (home)
            s->msrs.entry[n].data = *home;
    }
    for (unsigned n = 0; part == KVM_ALL && n < m->sys.n_others; n++)
        put_other(s, m->sys.other[n], m->sys.other_value[n]);
}

/* ---- segments ---- */

static X86Seg seg_of(const struct kvm_segment *s)
{
    uint32_t attr = s->type | (uint32_t)s->s << 4 | (uint32_t)s->dpl << X86_A_DPL_SHIFT |
                    (uint32_t)s->present << 7 | (uint32_t)s->avl << 12 | (s->l ? X86_A_LONG : 0) |
                    (s->db ? X86_A_BIG : 0) | (s->g ? X86_A_PAGES : 0) | (s->unusable ? X86_A_NONE : 0);
    return (X86Seg){.base = s->base, .limit = s->unusable ? -1 : (int64_t)s->limit, .attr = attr};
}

static struct kvm_segment seg_to(X86Seg s, uint16_t sel)
{
    bool none = s.attr & X86_A_NONE;
    return (struct kvm_segment){.base = s.base,
                                .limit = s.limit < 0 ? 0 : (uint32_t)s.limit,
                                .selector = sel,
                                .type = s.attr & 15,
                                .present = !none && (s.attr & X86_A_PRESENT),
                                .dpl = (uint8_t)x86_dpl(s.attr),
                                .db = (s.attr & X86_A_BIG) != 0,
                                .s = (s.attr & X86_A_SEGMENT) != 0,
                                .l = (s.attr & X86_A_LONG) != 0,
                                .g = (s.attr & X86_A_PAGES) != 0,
                                .avl = s.attr >> 12 & 1,
                                .unusable = none};
}

/* In the order of X86_ES and what follows it. */
#define SEGS(X) X(es, 0) X(cs, 1) X(ss, 2) X(ds, 3) X(fs, 4) X(gs, 5)

static void segs_to_cpu(const KvmX86State *s, X86Machine *m)
{
#define GET(name, n) x86_seg_set(m, n, s->sregs.name.selector, seg_of(&s->sregs.name));
    SEGS(GET)
#undef GET
    m->sys.cpl = s->sregs.ss.dpl;
    m->sys.ldt = seg_of(&s->sregs.ldt);
    m->sys.ldt_sel = s->sregs.ldt.selector;
    m->sys.tr = seg_of(&s->sregs.tr);
    m->sys.tr_sel = s->sregs.tr.selector;
    m->sys.gdt_limit = s->sregs.gdt.limit;
    m->sys.idt_limit = s->sregs.idt.limit;
}

static void segs_from_cpu(KvmX86State *s, const X86Machine *m)
{
#define PUT(name, n)                                                                                         \
    s->sregs.name =                                                                                          \
        seg_to((X86Seg){x86_seg_base(m, n), m->sys.seg[n].limit, m->sys.seg[n].attr}, m->x86.seg[n]);
    SEGS(PUT)
#undef PUT
    s->sregs.ss.dpl = (uint8_t)m->sys.cpl;
    s->sregs.ldt = seg_to(m->sys.ldt, m->sys.ldt_sel);
    s->sregs.tr = seg_to(m->sys.tr, m->sys.tr_sel);
    s->sregs.gdt.limit = (uint16_t)m->sys.gdt_limit;
    s->sregs.idt.limit = (uint16_t)m->sys.idt_limit;
}

/* ---- extended state, in the layout of the host ---- */

enum { XSTATE_BV = 512, LEGACY = X86_XC_X87 | X86_XC_SSE, PKRU = 9 };

/* Where component `bit` is; NULL: the host does not have it. */
static char *component(KvmCpu *k, KvmX86State *s, unsigned bit)
{
    const KvmX86Cpuid *c = &kvm_x86_vm(kvm_vm(k->cpu->accel))->cpuid;
    for (unsigned n = 0; n < c->n; n++) {
        const struct kvm_cpuid_entry2 *e = &c->leaf[n];
        if (e->function == 0xd && e->index == bit && e->eax && e->ebx + e->eax <= sizeof(s->xsave))
            return s->xsave + e->ebx;
    }
    return NULL;
}

/* Parts [first, first + n) of each of 16 registers, from register `reg` on. */
static void move_vectors(KvmCpu *k, unsigned bit, unsigned reg, unsigned first, unsigned n, bool to_kernel)
{
    KvmX86State *s = &kvm_x86_cpu(k)->now;
    X86Machine *m = machine_of(k);
    char *at = component(k, s, bit);
    for (unsigned r = 0; at && r < 16; r++, at += n * 8)
        memcpy(to_kernel ? at : (char *)&m->x86.zmm[reg + r][first],
               to_kernel ? (char *)&m->x86.zmm[reg + r][first] : at, n * 8);
}

static void move_bytes(KvmCpu *k, unsigned bit, void *ours, unsigned n, bool to_kernel)
{
    char *at = component(k, &kvm_x86_cpu(k)->now, bit);
    if (at)
        memcpy(to_kernel ? at : ours, to_kernel ? ours : at, n);
}

/* What fxsave writes; in 32-bit mode, too, there are sixteen registers. */
static void move_legacy(X86Machine *m, uint8_t *image, bool to_kernel)
{
    enum { POINTERS = 8, POINTER_BYTES = 16, MXCSR = 24, XMM = 160, XMM_BYTES = 16 };
    uint8_t pointers[POINTER_BYTES];
    uint32_t mxcsr;
    memcpy(pointers, image + POINTERS, sizeof(pointers));
    memcpy(&mxcsr, image + MXCSR, sizeof(mxcsr));
    if (to_kernel) {
        x86_fxsave(&m->x86, x86_mxcsr(&m->x86), image);
        memcpy(image + POINTERS, pointers, sizeof(pointers));
    } else {
        x86_fxrstor(&m->x86, image);
        x86_set_mxcsr(&m->x86, mxcsr);
    }
    for (unsigned r = 0; r < 16; r++)
        memcpy(to_kernel ? image + XMM + r * XMM_BYTES : (uint8_t *)m->x86.zmm[r],
               to_kernel ? (uint8_t *)m->x86.zmm[r] : image + XMM + r * XMM_BYTES, XMM_BYTES);
}

static void move_extended(KvmCpu *k, bool to_kernel)
{
    X86Machine *m = machine_of(k);
    uint8_t *image = (uint8_t *)kvm_x86_cpu(k)->now.xsave;
    uint64_t has, host = 0;
    move_legacy(m, image, to_kernel);
    move_vectors(k, 2, 0, 2, 2, to_kernel);
    move_bytes(k, 5, m->x86.k, sizeof(m->x86.k), to_kernel);
    move_vectors(k, 6, 0, 4, 4, to_kernel);
    move_vectors(k, 7, 16, 0, 8, to_kernel);
    move_bytes(k, PKRU, &m->sys.pkru, sizeof(m->sys.pkru), to_kernel);
    m->x86.zmm_used = 1;
    if (!to_kernel)
        return;
    for (unsigned bit = 2; bit <= PKRU; bit++)
        if (((X86_XC_AVX | X86_XC_AVX512 | 1u << PKRU) >> bit & 1) && component(k, &kvm_x86_cpu(k)->now, bit))
            host |= 1ull << bit;
    memcpy(&has, image + XSTATE_BV, sizeof(has));
    has |= LEGACY | host;
    memcpy(image + XSTATE_BV, &has, sizeof(has));
}

/* ---- what it waits for, and its controller ---- */

static bool has_lapic(const KvmCpu *k)
{
    return kvm_vm(k->cpu->accel)->irqchip != ACCEL_IRQCHIP_BOARD;
}

static void board_base(KvmCpu *k, bool write, uint64_t *base)
{
    const CpuBoard *b = &machine_of(k)->sys.board;
    if (b->device_reg)
        b->device_reg(b->opaque, b->number, MSR_APIC_BASE, write, base);
}

static void rest_to_cpu(KvmCpu *k)
{
    KvmX86Cpu *x = kvm_x86_cpu(k);
    X86Sys *s = &machine_of(k)->sys;
    const unsigned is = x->now.mp_state.mp_state;
    uint64_t base = x->now.sregs.apic_base;
    bool halted = x->halted;
    if (has_lapic(k)) {
        s->waiting = is == KVM_MP_STATE_UNINITIALIZED || is == KVM_MP_STATE_INIT_RECEIVED ||
                     is == KVM_MP_STATE_SIPI_RECEIVED;
        halted = is == KVM_MP_STATE_HALTED;
        if (is == KVM_MP_STATE_SIPI_RECEIVED)
            x86_set_irq(k->cpu, X86_IN_SIPI + (x->now.events.sipi_vector & 0xff), true);
    } else {
        board_base(k, true, &base);
    }
    k->cpu->exit = (CpuExit){.kind = halted ? CPU_EXIT_HALT : CPU_EXIT_KICK};
    s->tsc_adjust = kvm_x86_tsc_ahead(k);
}

/* Does it hear of the PIC? */
static bool takes_extint(KvmCpu *k)
{
    enum { LVT_LINT0 = 0x350 / 16, BASE_ON = 0x800, MASKED = 0x10000, EXTINT = 0x700 };
    const X86LapicState *l = &kvm_x86_cpu(k)->lapic;
    return !has_lapic(k) || !(l->base & BASE_ON) || (l->reg[LVT_LINT0] & (MASKED | EXTINT)) == EXTINT;
}

static void rest_from_cpu(KvmCpu *k)
{
    KvmX86Cpu *x = kvm_x86_cpu(k);
    const X86Machine *m = machine_of(k);
    const bool halted = k->cpu->exit.kind == CPU_EXIT_HALT;
    struct kvm_msr_entry *deadline = kvm_x86_msr(&x->now, MSR_DEADLINE), *tsc = kvm_x86_msr(&x->now, MSR_TSC);
    uint64_t base = x->now.sregs.apic_base, at = x->lapic.deadline;
    if (m->sys.shadow_pc == m->x86.base.pc)
        x->now.events.interrupt.shadow = KVM_X86_SHADOW_INT_STI;
    x->now.events.flags |= KVM_VCPUEVENT_VALID_SHADOW;
    k->run->if_flag = (x->now.regs.rflags & X86_IF) != 0; /* as if it had just left the guest */
    k->run->ready_for_interrupt_injection =
        k->run->if_flag && !x->now.events.interrupt.shadow && takes_extint(k);
    if (tsc)
        tsc->data = x86_tsc(m);
    if (!has_lapic(k)) {
        board_base(k, false, &base);
        x->now.sregs.apic_base = base;
        x->halted = halted;
        return;
    }
    x->now.mp_state.mp_state = m->sys.waiting
                                   ? (k->id ? KVM_MP_STATE_INIT_RECEIVED : KVM_MP_STATE_UNINITIALIZED)
                               : halted ? KVM_MP_STATE_HALTED
                                        : KVM_MP_STATE_RUNNABLE;
    if (!x->lapic_waits)
        return;
    x->now.sregs.apic_base = x->lapic.base;
    kvm_x86_lapic_regs(&x->now.lapic, x->lapic.reg, true);
    if (deadline)
        deadline->data = at ? x86_tsc_ticks(m, at) + m->sys.tsc_adjust : 0;
}

/* ---- all of it ---- */

/* Cpu.pc is a linear address. */
static uint64_t code_base(const KvmX86State *s)
{
    return (s->sregs.efer & X86_EFER_LMA) && s->sregs.cs.l ? 0 : s->sregs.cs.base;
}

void kvm_x86_to_cpu(KvmCpu *k, KvmPart part)
{
    enum { SHADOWS = KVM_X86_SHADOW_INT_MOV_SS | KVM_X86_SHADOW_INT_STI };
    KvmX86State *s = &kvm_x86_cpu(k)->now;
    X86Machine *m = machine_of(k);
#define GET(reg, n) m->x86.gpr[n] = s->regs.reg;
    GPRS(GET)
#undef GET
#define GET(theirs, ours) m->sys.ours = s->theirs;
    CONTROL(GET)
#undef GET
    m->x86.base.pc = code_base(s) + s->regs.rip;
    x86_set_all_flags(m, s->regs.rflags);
    segs_to_cpu(s, m);
    msrs_to_cpu(k, part);
    move_extended(k, false);
    m->sys.in_nmi = s->events.nmi.masked;
    m->sys.shadow_pc = s->events.interrupt.shadow & SHADOWS ? m->x86.base.pc : ~0ull;
    if (part == KVM_ALL)
        rest_to_cpu(k);
}

void kvm_x86_from_cpu(KvmCpu *k, KvmPart part)
{
    KvmX86State *s = &kvm_x86_cpu(k)->now;
    X86Machine *m = machine_of(k);
#define PUT(reg, n) s->regs.reg = m->x86.gpr[n];
    GPRS(PUT)
#undef PUT
#define PUT(theirs, ours) s->theirs = m->sys.ours;
    CONTROL(PUT)
#undef PUT
    segs_from_cpu(s, m);
    s->regs.rip = m->x86.base.pc - code_base(s);
    s->regs.rflags = x86_rflags(&m->x86) | 2;
    msrs_from_cpu(k, part);
    move_extended(k, true);
    s->events.nmi.masked = m->sys.in_nmi != 0;
    if (m->sys.shadow_pc != m->x86.base.pc)
        s->events.interrupt.shadow = 0;
    if (part == KVM_ALL)
        rest_from_cpu(k);
}
