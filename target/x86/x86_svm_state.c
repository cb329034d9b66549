/* A guest of SVM comes and goes: what vmrun, vmload, vmsave and #VMEXIT read and write in the VMCB. Sources:
 * AMD64 APM volume 2, 15.5, 15.6, appendix B (layout). What of the host vmrun keeps is in X86Svm.host; the
 * page that VM_HSAVE_PA names stays as it is, which chapter 15 leaves to the processor. */
#include "target/x86/x86_sys.h"

/* Offsets in the VMCB: of the control area, and of the state. */
enum {
    AT_INTERCEPTS = 0x00,
    AT_PAUSE_GAP = 0x3c,
    AT_PAUSES = 0x3e,
    AT_IO_MAP = 0x40,
    AT_MSR_MAP = 0x48,
    AT_TSC_OFFSET = 0x50,
    AT_ASID = 0x58,
    AT_TLB_CONTROL = 0x5c,
    AT_V_INTR = 0x60,
    AT_SHADOW = 0x68,
    AT_CODE = 0x70,
    AT_INFO1 = 0x78,
    AT_INFO2 = 0x80,
    AT_EVENT = 0x88,
    AT_NESTED = 0x90,
    AT_INJECT = 0xa8,
    AT_NCR3 = 0xb0,
    AT_NEXT = 0xc8,
    AT_BYTES = 0xd0,
    AT_ES = 0x400, /* es cs ss ds fs gs: 16 bytes each */
    AT_FS = 0x440,
    AT_GS = 0x450,
    AT_GDTR = 0x460,
    AT_LDTR = 0x470,
    AT_IDTR = 0x480,
    AT_TR = 0x490,
    AT_CPL = 0x4cb,
    AT_EFER = 0x4d0,
    AT_CR4 = 0x548,
    AT_CR3 = 0x550,
    AT_CR0 = 0x558,
    AT_DR7 = 0x560,
    AT_DR6 = 0x568,
    AT_FLAGS = 0x570,
    AT_PC = 0x578,
    AT_SP = 0x5d8,
    AT_AX = 0x5f8,
    AT_CR2 = 0x640,
    AT_PAT = 0x668,
};
enum { NESTED_PAGING = 1, SHADOW = 1, MOST_BYTES = 15, VMCB_BYTES = 4096 };
enum { FLUSH_ALL = 1, FLUSH_GUEST = 3, FLUSH_GUEST_LOCAL = 7 };

/* What only vmload and vmsave move. */
static const struct {
    uint16_t at, field;
} more[] = {
    {0x600, offsetof(X86Machine, sys.star)},           {0x608, offsetof(X86Machine, sys.lstar)},
    {0x610, offsetof(X86Machine, sys.cstar)},          {0x618, offsetof(X86Machine, sys.fmask)},
    {0x620, offsetof(X86Machine, sys.kernel_gs_base)}, {0x628, offsetof(X86Machine, sys.sysenter_cs)},
    {0x630, offsetof(X86Machine, sys.sysenter_esp)},   {0x638, offsetof(X86Machine, sys.sysenter_eip)},
};

/* ---- the block ---- */

typedef struct Block {
    X86Machine *m;
    Gpa at;
    uint8_t *host; /* NULL: word by word */
} Block;

static Block block_at(X86Machine *m, Gpa at)
{
    Block b = {.m = m, .at = at};
    Cpu *cpu = &m->x86.base;
    if (!cpu->mem->host(cpu, at, X86_IDX_PHYS, MMU_WRITE, &b.host))
        b.host = NULL;
    return b;
}

/* No field crosses a word of 8 bytes. */
static uint64_t get(const Block *b, unsigned at, unsigned size)
{
    uint64_t v = 0;
    Cpu *cpu = &b->m->x86.base;
    if (b->host) {
        memcpy(&v, b->host + at, size);
        return v;
    }
    if (!cpu->mem->phys_ld(cpu, b->at + (at & ~7u), 8, &v))
        return 0;
    v >>= 8 * (at & 7);
    return size == 8 ? v : v & ((1ull << 8 * size) - 1);
}

static void put(const Block *b, unsigned at, unsigned size, uint64_t v)
{
    Cpu *cpu = &b->m->x86.base;
    const unsigned shift = 8 * (at & 7);
    const uint64_t mask = (size == 8 ? ~0ull : (1ull << 8 * size) - 1) << shift;
    uint64_t was = 0, seen;
    if (b->host) {
        memcpy(b->host + at, &v, size);
        return;
    }
    if (!cpu->mem->phys_ld(cpu, b->at + (at & ~7u), 8, &was))
        return;
    do {
        seen = was;
        if (!cpu->mem->phys_cas(cpu, b->at + (at & ~7u), 8, &was, (was & ~mask) | (v << shift & mask)))
            return;
    } while (seen != was);
}

bool x86_svm_there(X86Machine *m, uint64_t at)
{
    uint64_t v;
    return !(at & (VMCB_BYTES - 1)) && !(at >> X86_PHYS_BITS) &&
           m->x86.base.mem->phys_ld(&m->x86.base, at, 8, &v);
}

static X86Seg get_segment(const Block *b, unsigned at, bool data, uint16_t *ret_selector)
{
    *ret_selector = (uint16_t)get(b, at, 2);
    return x86_seg_unpack(get(b, at + 8, 8), (uint32_t)get(b, at + 4, 4), (uint32_t)get(b, at + 2, 2), data);
}

static void put_segment(const Block *b, unsigned at, uint16_t selector, const X86Seg *s, uint64_t base)
{
    put(b, at, 2, selector);
    put(b, at + 2, 2, x86_attr_pack(s->attr));
    put(b, at + 4, 4, (uint32_t)s->limit);
    put(b, at + 8, 8, base);
}

/* ---- vmload, vmsave ---- */

void x86_svm_load(X86Machine *m, uint64_t vmcb)
{
    const Block b = block_at(m, vmcb);
    uint16_t fs, gs;
    const X86Seg fs_seg = get_segment(&b, AT_FS, true, &fs), gs_seg = get_segment(&b, AT_GS, true, &gs);
    x86_seg_set(m, X86_FS, fs, fs_seg);
    x86_seg_set(m, X86_GS, gs, gs_seg);
    m->sys.ldt = get_segment(&b, AT_LDTR, true, &m->sys.ldt_sel);
    m->sys.tr = get_segment(&b, AT_TR, false, &m->sys.tr_sel);
    for (unsigned k = 0; k < ARRAY_SIZE(more); k++) {
        const uint64_t v = get(&b, more[k].at, 8);
        memcpy((char *)m + more[k].field, &v, 8);
    }
}

void x86_svm_save(X86Machine *m, uint64_t vmcb)
{
    const Block b = block_at(m, vmcb);
    put_segment(&b, AT_FS, m->x86.seg[X86_FS], &m->sys.seg[X86_FS], m->x86.fs_base);
    put_segment(&b, AT_GS, m->x86.seg[X86_GS], &m->sys.seg[X86_GS], m->x86.gs_base);
    put_segment(&b, AT_LDTR, m->sys.ldt_sel, &m->sys.ldt, m->sys.ldt.base);
    put_segment(&b, AT_TR, m->sys.tr_sel, &m->sys.tr, m->sys.tr.base);
    for (unsigned k = 0; k < ARRAY_SIZE(more); k++) {
        uint64_t v;
        memcpy(&v, (char *)m + more[k].field, 8);
        put(&b, more[k].at, 8, v);
    }
}

/* ---- may it be entered? (15.5.1) ---- */

static bool event_is_known(uint64_t event)
{
    const unsigned type = event >> SVM_EVENT_TYPE_SHIFT & 7, vector = event & 0xff;
    if (!(event & SVM_EVENT_VALID))
        return true;
    if (type == SVM_EVENT_EXCEPTION)
        return vector < 32 && vector != X86_V_NMI;
    return type == SVM_EVENT_INTR || type == SVM_EVENT_NMI || type == SVM_EVENT_SOFT;
}

static bool state_is_known(const Block *b)
{
    const X86Machine *m = b->m;
    const uint64_t cr0 = get(b, AT_CR0, 8), cr3 = get(b, AT_CR3, 8), cr4 = get(b, AT_CR4, 8);
    const uint64_t efer = get(b, AT_EFER, 8), attr = get(b, AT_ES + 16 + 2, 2);
    enum { ATTR_LONG = 1 << 9, ATTR_BIG = 1 << 10 };
    const bool wide = efer & X86_EFER_LME && cr0 & X86_CR0_PG;
    if (!(efer & X86_EFER_SVME) || efer & ~x86_efer_known(m) || cr4 & ~x86_cr4_known(m))
        return false;
    if (cr0 >> 32 || (cr0 & X86_CR0_NW && !(cr0 & X86_CR0_CD)) || get(b, AT_DR6, 8) >> 32 ||
        get(b, AT_DR7, 8) >> 32)
        return false;
    if (wide && (!(cr4 & X86_CR4_PAE) || !(cr0 & X86_CR0_PE) || (cr3 & ~X86_CR3_KEEP) >> X86_PHYS_BITS))
        return false;
    return !(wide && attr & ATTR_LONG && attr & ATTR_BIG);
}

static bool controls_are_known(const Block *b)
{
    enum { IO_MAP_BYTES = 0x3000, MSR_MAP_BYTES = 0x2000 };
    const uint64_t asid = get(b, AT_ASID, 4), end = 1ull << X86_PHYS_BITS;
    const uint32_t first = (uint32_t)get(b, AT_INTERCEPTS + 12, 4),
                   second = (uint32_t)get(b, AT_INTERCEPTS + 16, 4);
    if (!asid || asid >= SVM_ASIDS || !(second & 1u << (SVM_VMRUN & 31)) ||
        !event_is_known(get(b, AT_INJECT, 8)))
        return false;
    if (first & 1u << (SVM_IO & 31) && get(b, AT_IO_MAP, 8) > end - IO_MAP_BYTES)
        return false;
    if (first & 1u << (SVM_MSR & 31) && get(b, AT_MSR_MAP, 8) > end - MSR_MAP_BYTES)
        return false;
    if (!(get(b, AT_NESTED, 8) & NESTED_PAGING))
        return true;
    return b->m->sys.cr0 & X86_CR0_PG && !(get(b, AT_NCR3, 8) >> X86_PHYS_BITS);
}

/* ---- vmrun ---- */

static void save_host(X86Machine *m, uint64_t pc)
{
    X86Sys *s = &m->sys;
    SvmHost *h = &s->svm.host;
    *h = (SvmHost){.gdt_base = s->gdt_base,
                   .idt_base = s->idt_base,
                   .gdt_limit = s->gdt_limit,
                   .idt_limit = s->idt_limit,
                   .cr0 = s->cr0,
                   .cr3 = s->cr3,
                   .cr4 = s->cr4,
                   .efer = s->efer,
                   .flags = x86_rflags(&m->x86),
                   .pc = pc,
                   .rsp = m->x86.gpr[X86_RSP],
                   .rax = m->x86.gpr[X86_RAX],
                   .pat = s->pat};
    for (unsigned k = 0; k < ARRAY_SIZE(h->seg); k++) {
        h->seg[k] = s->seg[k];
        h->seg[k].base = x86_seg_base(m, k);
        h->selector[k] = m->x86.seg[k];
    }
}

static void load_controls(const Block *b)
{
    X86Svm *v = &b->m->sys.svm;
    for (unsigned k = 0; k < SVM_VECTORS; k++)
        v->intercept[k] = (uint32_t)get(b, AT_INTERCEPTS + 4 * k, 4);
    v->vmcb = b->at;
    v->io_map = get(b, AT_IO_MAP, 8) & ~0xfffull;
    v->msr_map = get(b, AT_MSR_MAP, 8) & ~0xfffull;
    v->tsc_offset = get(b, AT_TSC_OFFSET, 8);
    v->asid = (uint32_t)get(b, AT_ASID, 4);
    v->v_intr = get(b, AT_V_INTR, 8);
    v->nested = get(b, AT_NESTED, 8) & NESTED_PAGING;
    v->ncr3 = get(b, AT_NCR3, 8);
    v->pauses = v->pause_filter = (uint32_t)get(b, AT_PAUSES, 2);
    v->pause_gap = (uint32_t)get(b, AT_PAUSE_GAP, 2);
    v->exit = (SvmExit){0};
    v->guest = 1;
    v->no_gif = 0;
}

/* What is watched is looked up anew. */
static void set_dr7(X86Machine *m, uint64_t v)
{
    enum { ENABLED = 0xff };
    const uint64_t was = m->sys.dr[7];
    m->sys.dr[7] = v;
    if ((was | v) & ENABLED)
        m->x86.base.mem->flush(&m->x86.base);
}

static void load_state(const Block *b)
{
    X86Machine *m = b->m;
    X86Sys *s = &m->sys;
    uint16_t selector;
    s->cr0 = get(b, AT_CR0, 8) | X86_CR0_ET;
    s->cr2 = get(b, AT_CR2, 8);
    s->cr3 = get(b, AT_CR3, 8) & ~X86_CR3_KEEP;
    s->cr4 = get(b, AT_CR4, 8);
    s->efer = get(b, AT_EFER, 8) & ~(uint64_t)X86_EFER_LMA;
    s->efer |= s->efer & X86_EFER_LME && s->cr0 & X86_CR0_PG ? X86_EFER_LMA : 0;
    for (unsigned k = 0; k < ARRAY_SIZE(s->svm.host.seg); k++) {
        const X86Seg seg = get_segment(b, AT_ES + 16 * k, k != X86_CS, &selector);
        x86_seg_set(m, k, selector, seg);
    }
    s->gdt_base = get(b, AT_GDTR + 8, 8);
    s->gdt_limit = (uint32_t)get(b, AT_GDTR + 4, 4);
    s->idt_base = get(b, AT_IDTR + 8, 8);
    s->idt_limit = (uint32_t)get(b, AT_IDTR + 4, 4);
    s->dr[6] = get(b, AT_DR6, 8);
    set_dr7(m, get(b, AT_DR7, 8));
    if (s->svm.nested)
        s->pat = get(b, AT_PAT, 8);
    const uint64_t flags = get(b, AT_FLAGS, 8), pc = get(b, AT_PC, 8);
    x86_set_all_flags(m, flags);
    s->cpl = !(s->cr0 & X86_CR0_PE) ? 0 : m->x86.more_flags & X86_VM ? 3 : get(b, AT_CPL, 1) & 3;
    m->x86.gpr[X86_RSP] = get(b, AT_SP, 8);
    m->x86.gpr[X86_RAX] = get(b, AT_AX, 8);
    m->x86.base.pc = x86_code64(m) ? pc : (uint32_t)(pc + s->seg[X86_CS].base);
    s->shadow_pc = get(b, AT_SHADOW, 8) & SHADOW ? m->x86.base.pc : ~0ull;
    s->trapping = s->watch_hit = 0;
}

static void note_virtual_irq(X86Machine *m)
{
    const uint32_t line = 1u << X86_IN_VIRQ_BIT;
    if (m->sys.svm.guest && m->sys.svm.v_intr & SVM_V_IRQ)
        __atomic_fetch_or(&m->sys.lines, line, __ATOMIC_ACQ_REL);
    else if (__atomic_load_n(&m->sys.lines, __ATOMIC_RELAXED) & line)
        __atomic_fetch_and(&m->sys.lines, ~line, __ATOMIC_ACQ_REL);
}

static bool legacy_pae(const X86Sys *s)
{
    return s->cr0 & X86_CR0_PG && s->cr4 & X86_CR4_PAE && !(s->efer & X86_EFER_LMA);
}

static void refuse(const Block *b)
{
    put(b, AT_CODE, 8, (uint64_t)SVM_INVALID);
    put(b, AT_INFO1, 8, 0);
    put(b, AT_INFO2, 8, 0);
    put(b, AT_EVENT, 8, 0);
    b->m->sys.svm.no_gif = 1;
}

bool x86_svm_enter(X86Machine *m, uint64_t vmcb, uint64_t host_pc, uint64_t *ret_event, uint64_t *ret_next)
{
    const Block b = block_at(m, vmcb);
    if (!controls_are_known(&b) || !state_is_known(&b)) {
        refuse(&b);
        return false;
    }
    save_host(m, host_pc);
    load_controls(&b);
    const unsigned flush = (unsigned)get(&b, AT_TLB_CONTROL, 1);
    if (flush == FLUSH_ALL)
        m->x86.base.mem->flush(&m->x86.base);
    else if (flush == FLUSH_GUEST || flush == FLUSH_GUEST_LOCAL)
        x86_forget_all(m);
    load_state(&b);
    x86_select(m);
    note_virtual_irq(m);
    *ret_event = get(&b, AT_INJECT, 8);
    *ret_next = get(&b, AT_NEXT, 8);
    if (legacy_pae(&m->sys) && !x86_load_pdptes(m, m->sys.cr3)) {
        m->sys.svm.exit.code = SVM_INVALID;
        x86_svm_leave(m);
        return false;
    }
    return true;
}

/* ---- #VMEXIT ---- */

static void save_state(const Block *b)
{
    X86Machine *m = b->m;
    const X86Sys *s = &m->sys;
    for (unsigned k = 0; k < ARRAY_SIZE(s->svm.host.seg); k++)
        put_segment(b, AT_ES + 16 * k, m->x86.seg[k], &s->seg[k], x86_seg_base(m, k));
    put(b, AT_GDTR + 4, 4, s->gdt_limit);
    put(b, AT_GDTR + 8, 8, s->gdt_base);
    put(b, AT_IDTR + 4, 4, s->idt_limit);
    put(b, AT_IDTR + 8, 8, s->idt_base);
    put(b, AT_EFER, 8, s->efer);
    put(b, AT_CR0, 8, s->cr0);
    put(b, AT_CR2, 8, s->cr2);
    put(b, AT_CR3, 8, s->cr3);
    put(b, AT_CR4, 8, s->cr4);
    put(b, AT_DR6, 8, s->dr[6]);
    put(b, AT_DR7, 8, s->dr[7]);
    put(b, AT_FLAGS, 8, x86_rflags(&m->x86));
    put(b, AT_PC, 8, x86_ip(m, m->x86.base.pc));
    put(b, AT_SP, 8, m->x86.gpr[X86_RSP]);
    put(b, AT_AX, 8, m->x86.gpr[X86_RAX]);
    put(b, AT_CPL, 1, s->cpl);
    if (s->svm.nested)
        put(b, AT_PAT, 8, s->pat);
}

static void save_exit(const Block *b, const SvmExit *e, const uint8_t bytes[], unsigned n)
{
    const X86Machine *m = b->m;
    put(b, AT_CODE, 8, (uint64_t)e->code);
    put(b, AT_INFO1, 8, e->info1);
    put(b, AT_INFO2, 8, e->info2);
    put(b, AT_EVENT, 8, e->event);
    put(b, AT_INJECT, 8, get(b, AT_INJECT, 8) & ~SVM_EVENT_VALID);
    put(b, AT_NEXT, 8, e->next);
    put(b, AT_V_INTR, 8, m->sys.svm.v_intr);
    put(b, AT_SHADOW, 8, m->sys.shadow_pc == m->x86.base.pc ? SHADOW : 0);
    put(b, AT_BYTES, 1, n);
    for (unsigned k = 0; k < n; k++)
        put(b, AT_BYTES + 1 + k, 1, bytes[k]);
}

/* Of the instruction that met a page fault, as many as there are. */
static unsigned fetch_bytes(X86Machine *m, const SvmExit *e, uint8_t ret[MOST_BYTES])
{
    enum { FETCH = 16 };
    Cpu *cpu = &m->x86.base;
    if ((e->code != SVM_NPF && e->code != SVM_EXCEPTION + X86_V_PF) || e->info1 & FETCH || e->event)
        return 0;
    const unsigned here = MIN((unsigned)MOST_BYTES, 4096 - (unsigned)(cpu->pc & 4095));
    if (!cpu->mem->fetch(cpu, cpu->pc, ret, here))
        return 0;
    return here < MOST_BYTES && cpu->mem->fetch(cpu, cpu->pc + here, ret + here, MOST_BYTES - here)
               ? MOST_BYTES
               : here;
}

static void load_host(X86Machine *m)
{
    X86Sys *s = &m->sys;
    const SvmHost *h = &s->svm.host;
    s->svm.guest = s->svm.asid = s->svm.nested = 0;
    s->svm.no_gif = 1;
    s->gdt_base = h->gdt_base;
    s->gdt_limit = h->gdt_limit;
    s->idt_base = h->idt_base;
    s->idt_limit = h->idt_limit;
    s->cr0 = h->cr0 | X86_CR0_PE;
    s->cr3 = h->cr3;
    s->cr4 = h->cr4;
    s->efer = h->efer;
    s->pat = h->pat;
    s->cpl = 0;
    x86_set_all_flags(m, h->flags & ~(uint64_t)X86_VM);
    for (unsigned k = 0; k < ARRAY_SIZE(h->seg); k++)
        x86_seg_set(m, k, h->selector[k], h->seg[k]);
    m->x86.gpr[X86_RSP] = h->rsp;
    m->x86.gpr[X86_RAX] = h->rax;
    m->x86.base.pc = h->pc;
    s->shadow_pc = ~0ull;
    set_dr7(m, 0x400);
}

void x86_svm_leave(X86Machine *m)
{
    const SvmExit e = m->sys.svm.exit; /* what follows may raise */
    uint8_t bytes[MOST_BYTES];
    m->sys.trapping = m->sys.watch_hit = 0;
    const unsigned n = fetch_bytes(m, &e, bytes);
    const Block b = block_at(m, m->sys.svm.vmcb);
    save_state(&b);
    save_exit(&b, &e, bytes, n);
    m->sys.svm.exit = (SvmExit){0};
    load_host(m);
    note_virtual_irq(m);
    x86_select(m);
    if (legacy_pae(&m->sys) && !x86_load_pdptes(m, m->sys.cr3))
        x86_shutdown(m);
}
