/*
 * System management mode: entry by an SMI, the state that it saves, rsm. A cpu in it has other memory at some
 * addresses, by CpuBoard.smram(). Sources: AMD64 APM volume 2, chapter 10 (64-bit save area); for cpus
 * without long mode Intel SDM volume 3, table "State-Save Map"; what that calls reserved is ours to lay out.
 */
#include "target/x86/x86_sys.h"

enum { AREA = 0x8000, REVISION = 0x20000, REVISION_64 = 0x20064, ENTRY = 0x8000 };
enum { AT_REVISION = 0x7efc, AT_BASE_32 = 0x7ef8, AT_BASE_64 = 0x7f00 };

typedef struct Area {
    X86Machine *m;
    X86Machine *cpu; /* whose state it is */
    uint64_t base;
    bool save, ok;
} Area;

/* `size` bytes of the save area, to or from *v. */
static void word(Area *a, unsigned at, unsigned size, uint64_t *v)
{
    if (!a->ok)
        return;
    if (a->save)
        a->ok = x86_lin_st(a->m, X86_IDX_KERNEL, a->base + at, size, *v);
    else
        a->ok = x86_lin_ld(a->m, X86_IDX_KERNEL, a->base + at, size, v);
}

static void word32(Area *a, unsigned at, unsigned size, uint32_t *v)
{
    uint64_t wide = *v;
    word(a, at, size, &wide);
    *v = (uint32_t)wide;
}

static void word16(Area *a, unsigned at, uint16_t *v)
{
    uint64_t wide = *v;
    word(a, at, 2, &wide);
    *v = (uint16_t)wide;
}

/* ---- segments ---- */

/* Attributes in twelve bits, as the area and VMCBs have them; not present: a null selector. */
uint32_t x86_attr_pack(uint32_t attr)
{
    uint32_t v = (attr & 0xff) | (attr >> 4 & 0xf00);
    return attr & X86_A_NONE ? v & ~(uint32_t)X86_A_PRESENT : v;
}

X86Seg x86_seg_unpack(uint64_t base, uint32_t limit, uint32_t packed, bool data)
{
    X86Seg s = {.base = base, .limit = limit, .attr = (packed & 0xff) | (packed & 0xf00) << 4};
    if (data && !(packed & X86_A_PRESENT)) {
        s.attr |= X86_A_NONE | X86_A_PRESENT;
        s.limit = -1;
    }
    return s;
}

static void segment(Area *a, unsigned at, bool wide, uint16_t *sel, X86Seg *s, uint64_t *base, bool data)
{
    uint32_t attr = x86_attr_pack(s->attr), limit = (uint32_t)s->limit;
    uint64_t b = *base;
    if (wide)
        word16(a, at, sel);
    word32(a, at + 2, 2, &attr);
    word32(a, at + 4, 4, &limit);
    word(a, at + 8, wide ? 8 : 4, &b);
    if (a->save)
        return;
    *s = x86_seg_unpack(b, limit, attr, data);
    *base = b;
}

static void data_segments(Area *a, unsigned first, bool wide)
{
    for (unsigned k = 0; k < 6; k++)
        segment(a, first + 16 * k, wide, &a->cpu->x86.seg[k], &a->cpu->sys.seg[k], x86_seg_base_at(a->cpu, k),
                k != X86_CS);
}

/* ---- the two layouts ---- */

static void area64(Area *a, uint64_t *rip, uint64_t *flags)
{
    static const uint8_t order[16] = {X86_R15, X86_R14, X86_R13, X86_R12, X86_R11, X86_R10, X86_R9,  X86_R8,
                                      X86_RDI, X86_RSI, X86_RBP, X86_RSP, X86_RBX, X86_RDX, X86_RCX, X86_RAX};
    X86Sys *s = &a->cpu->sys;
    data_segments(a, 0x7e00, true);
    word32(a, 0x7e64, 2, &s->gdt_limit);
    word(a, 0x7e68, 8, &s->gdt_base);
    segment(a, 0x7e70, true, &s->ldt_sel, &s->ldt, &s->ldt.base, true);
    word32(a, 0x7e84, 2, &s->idt_limit);
    word(a, 0x7e88, 8, &s->idt_base);
    segment(a, 0x7e90, true, &s->tr_sel, &s->tr, &s->tr.base, false);
    word(a, 0x7ed0, 8, &s->efer);
    word(a, 0x7f48, 8, &s->cr4);
    word(a, 0x7f50, 8, &s->cr3);
    word(a, 0x7f58, 8, &s->cr0);
    word(a, 0x7f60, 8, &s->dr[7]);
    word(a, 0x7f68, 8, &s->dr[6]);
    word(a, 0x7f70, 8, flags);
    word(a, 0x7f78, 8, rip);
    for (unsigned k = 0; k < 16; k++)
        word(a, 0x7f80 + 8 * k, 8, &a->cpu->x86.gpr[order[k]]);
}

static void area32(Area *a, uint64_t *rip, uint64_t *flags)
{
    static const uint8_t order[8] = {X86_RAX, X86_RCX, X86_RDX, X86_RBX, X86_RSP, X86_RBP, X86_RSI, X86_RDI};
    static const uint16_t selectors[6] = {0x7fa8, 0x7fac, 0x7fb0, 0x7fb4, 0x7fb8, 0x7fbc};
    X86Sys *s = &a->cpu->sys;
    X86Cpu *c = &a->cpu->x86;
    data_segments(a, 0x7e00, false);
    for (unsigned k = 0; k < 6; k++)
        word16(a, selectors[k], &c->seg[k]);
    word32(a, 0x7e64, 2, &s->gdt_limit);
    word(a, 0x7e68, 4, &s->gdt_base);
    segment(a, 0x7e70, false, &s->ldt_sel, &s->ldt, &s->ldt.base, true);
    word16(a, 0x7fc0, &s->ldt_sel);
    word32(a, 0x7e84, 2, &s->idt_limit);
    word(a, 0x7e88, 4, &s->idt_base);
    segment(a, 0x7e90, false, &s->tr_sel, &s->tr, &s->tr.base, false);
    word16(a, 0x7fc4, &s->tr_sel);
    word(a, 0x7ed0, 4, &s->efer);
    word(a, 0x7ed4, 4, &s->cr4);
    word(a, 0x7fc8, 4, &s->dr[7]);
    word(a, 0x7fcc, 4, &s->dr[6]);
    for (unsigned k = 0; k < 8; k++)
        word(a, 0x7fd0 + 4 * k, 4, &c->gpr[order[k]]);
    word(a, 0x7ff0, 4, rip);
    word(a, 0x7ff4, 4, flags);
    word(a, 0x7ff8, 4, &s->cr3);
    word(a, 0x7ffc, 4, &s->cr0);
}

static void transfer(Area *a, uint64_t *rip, uint64_t *flags)
{
    const bool wide = x86_sys_has(a->m, X86_FEAT_LM);
    uint32_t revision = wide ? REVISION_64 : REVISION, smbase = a->cpu->sys.smbase;
    if (wide)
        area64(a, rip, flags);
    else
        area32(a, rip, flags);
    if (a->save)
        word32(a, AT_REVISION, 4, &revision);
    word32(a, wide ? AT_BASE_64 : AT_BASE_32, 4, &smbase);
    if (!a->save)
        a->cpu->sys.smbase = smbase;
}

/* ---- in and out ---- */

static void look_anew(X86Machine *m)
{
    m->x86.base.mem->flush(&m->x86.base);
    x86_select(m);
}

static void set_entry_state(X86Machine *m)
{
    X86Sys *s = &m->sys;
    const X86Seg flat = {.limit = 0xffffffff, .attr = 0x93 | X86_A_PAGES};
    s->in_smm = 1;
    s->svm.smm_guest = s->svm.guest; /* which waits meanwhile */
    s->svm.guest = 0;
    s->cr0 &= ~(X86_CR0_PG | (uint64_t)(X86_CR0_PE | X86_CR0_EM | X86_CR0_TS));
    s->cr4 = 0;
    s->efer = 0;
    s->dr[7] = 0x400;
    s->cpl = 0;
    s->trapping = s->watch_hit = 0;
    s->shadow_pc = ~0ull;
    x86_set_all_flags(m, 2);
    for (unsigned k = 0; k < 6; k++)
        x86_seg_set(m, k, 0, flat);
    x86_seg_set(m, X86_CS, (uint16_t)(s->smbase >> 4),
                (X86Seg){.base = s->smbase, .limit = 0xffffffff, .attr = 0x93 | X86_A_PAGES});
    m->x86.base.pc = s->smbase + ENTRY;
    look_anew(m);
}

void x86_smm_enter(X86Machine *m)
{
    X86Machine old = *m;
    uint64_t rip = x86_ip(m, m->x86.base.pc), flags = x86_rflags(&m->x86);
    set_entry_state(m);
    Area a = {.m = m, .cpu = &old, .base = m->sys.smbase + AREA, .save = true, .ok = true};
    transfer(&a, &rip, &flags);
}

/* False: the state that was to be restored is none. */
static bool leave(X86Machine *m, uint64_t rip, uint64_t flags, const X86Sys *from)
{
    X86Sys *s = &m->sys;
    s->in_smm = 0;
    s->svm.guest = s->svm.smm_guest;
    s->svm.smm_guest = 0;
    s->cr0 = from->cr0;
    s->cr4 = from->cr4;
    s->cr3 = from->cr3;
    s->efer = from->efer;
    const bool wide = x86_sys_has(m, X86_FEAT_LM);
    if ((s->cr0 & X86_CR0_PG && !(s->cr0 & X86_CR0_PE)) || (s->efer & X86_EFER_LMA && !wide))
        return false;
    x86_set_all_flags(m, flags);
    s->cpl = !(s->cr0 & X86_CR0_PE) ? 0 : flags & X86_VM ? 3 : x86_dpl(s->seg[X86_SS].attr);
    m->x86.base.pc = x86_code64(m) ? rip : (uint32_t)(rip + s->seg[X86_CS].base);
    look_anew(m);
    const bool pae = s->cr0 & X86_CR0_PG && s->cr4 & X86_CR4_PAE && !(s->efer & X86_EFER_LMA);
    return !pae || x86_load_pdptes(m, s->cr3);
}

uint64_t x86_rsm(X86Machine *m)
{
    uint64_t rip = 0, flags = 0;
    if (!m->sys.in_smm)
        return x86_raise_vector(m, X86_V_UD, 0);
    X86Machine next = *m;
    Area a = {.m = m, .cpu = &next, .base = m->sys.smbase + AREA, .ok = true};
    transfer(&a, &rip, &flags);
    if (!a.ok) {
        x86_shutdown(m);
        return x86_go(m);
    }
    memcpy(m->x86.gpr, next.x86.gpr, sizeof m->x86.gpr);
    for (unsigned k = 0; k < 6; k++) {
        X86Seg s = next.sys.seg[k];
        s.base = x86_seg_base(&next, k);
        x86_seg_set(m, k, next.x86.seg[k], s);
    }
    m->sys.ldt = next.sys.ldt;
    m->sys.tr = next.sys.tr;
    m->sys.ldt_sel = next.sys.ldt_sel;
    m->sys.tr_sel = next.sys.tr_sel;
    m->sys.gdt_base = next.sys.gdt_base;
    m->sys.gdt_limit = next.sys.gdt_limit;
    m->sys.idt_base = next.sys.idt_base;
    m->sys.idt_limit = next.sys.idt_limit;
    m->sys.dr[6] = next.sys.dr[6];
    m->sys.dr[7] = next.sys.dr[7];
    m->sys.smbase = next.sys.smbase;
    if (!leave(m, rip, flags, &next.sys))
        x86_shutdown(m);
    return x86_go(m);
}
