/* Control registers: which values are refused, and what a change makes forgotten. Sources: AMD64 APM volume
 * 2, 3.1; Intel SDM volume 3, 2.5, 4.10. */
#include "target/x86/x86_sys.h"

#define CR0_KNOWN                                                                                            \
    (X86_CR0_PE | X86_CR0_MP | X86_CR0_EM | X86_CR0_TS | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM | \
     X86_CR0_NW | X86_CR0_CD | X86_CR0_PG)
/* What translations depend on. */
#define CR0_PAGING (X86_CR0_PE | X86_CR0_WP | X86_CR0_PG)
#define CR4_PAGING                                                                                           \
    (X86_CR4_PSE | X86_CR4_PAE | X86_CR4_PGE | X86_CR4_LA57 | X86_CR4_PCIDE | X86_CR4_SMEP | X86_CR4_SMAP |  \
     X86_CR4_PKE)
enum { PCID = 0xfff };

uint64_t x86_cr4_known(const X86Machine *m)
{
    static const struct {
        X86Feat feat;
        uint32_t bits;
    } rows[] = {{X86_FEAT_DE, X86_CR4_DE},
                {X86_FEAT_PSE, X86_CR4_PSE},
                {X86_FEAT_PAE, X86_CR4_PAE},
                {X86_FEAT_MCE, X86_CR4_MCE},
                {X86_FEAT_PGE, X86_CR4_PGE},
                {X86_FEAT_FXSR, X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT},
                {X86_FEAT_UMIP, X86_CR4_UMIP},
                {X86_FEAT_LA57, X86_CR4_LA57},
                {X86_FEAT_FSGSBASE, X86_CR4_FSGSBASE},
                {X86_FEAT_PCID, X86_CR4_PCIDE},
                {X86_FEAT_XSAVE, X86_CR4_OSXSAVE},
                {X86_FEAT_SMEP, X86_CR4_SMEP},
                {X86_FEAT_SMAP, X86_CR4_SMAP},
                {X86_FEAT_PKU, X86_CR4_PKE}};
    uint64_t v = X86_CR4_TSD | X86_CR4_PCE;
    for (unsigned k = 0; k < ARRAY_SIZE(rows); k++)
        v |= x86_sys_has(m, rows[k].feat) ? rows[k].bits : 0;
    return v;
}

uint64_t x86_xcr0_known(const X86Machine *m)
{
    const bool keys = x86_sys_has(m, X86_FEAT_PKU) && x86_sys_has(m, X86_FEAT_XSAVE);
    return x86_xcr0(&m->x86) | (keys ? X86_XC_PKRU : 0);
}

static void forget_all(X86Machine *m)
{
    x86_forget_all(m);
    x86_select(m);
}

static bool pae_legacy(const X86Machine *m, uint64_t cr0, uint64_t cr4)
{
    return (cr0 & X86_CR0_PG) && (cr4 & X86_CR4_PAE) && !(m->sys.efer & X86_EFER_LME);
}

static bool write_cr0(X86Machine *m, uint64_t v)
{
    X86Sys *s = &m->sys;
    uint64_t was = s->cr0;
    v = (v & (CR0_KNOWN | ~0xffffffffull)) | X86_CR0_ET;
    if (v >> 32 || ((v & X86_CR0_PG) && !(v & X86_CR0_PE)) || ((v & X86_CR0_NW) && !(v & X86_CR0_CD)))
        return false;
    bool on = (v & X86_CR0_PG) && !(was & X86_CR0_PG), off = !(v & X86_CR0_PG) && (was & X86_CR0_PG);
    if (on && (s->efer & X86_EFER_LME) && (!(s->cr4 & X86_CR4_PAE) || s->seg[X86_CS].attr & X86_A_LONG))
        return false;
    if (off && (x86_code64(m) || s->cr4 & X86_CR4_PCIDE))
        return false;
    if (pae_legacy(m, v, s->cr4) && (on || (v ^ was) & (X86_CR0_CD | X86_CR0_NW)) &&
        !x86_load_pdptes(m, s->cr3))
        return false;
    if (on && (s->efer & X86_EFER_LME))
        s->efer |= X86_EFER_LMA;
    if (off)
        s->efer &= ~(uint64_t)X86_EFER_LMA;
    s->cr0 = v;
    if (!(v & X86_CR0_PE))
        s->cpl = 0;
    if ((v ^ was) & CR0_PAGING)
        forget_all(m);
    return true;
}

static bool write_cr3(X86Machine *m, uint64_t v)
{
    X86Sys *s = &m->sys;
    bool pcid = s->cr4 & X86_CR4_PCIDE, keep = pcid && (v & X86_CR3_KEEP);
    if (pcid)
        v &= ~X86_CR3_KEEP;
    if (x86_long(m) ? v >> X86_PHYS_BITS != 0 : v >> 32 != 0)
        return false;
    if (pae_legacy(m, s->cr0, s->cr4) && !x86_load_pdptes(m, v))
        return false;
    s->cr3 = v;
    if (!keep)
        x86_forget_space(m, v, pcid ? PCID : ~0ull, false, 0);
    x86_select(m);
    return true;
}

static bool write_cr4(X86Machine *m, uint64_t v)
{
    X86Sys *s = &m->sys;
    uint64_t was = s->cr4, changed = v ^ was;
    if (v & ~x86_cr4_known(m))
        return false;
    if (x86_long(m) && (!(v & X86_CR4_PAE) || changed & X86_CR4_LA57))
        return false;
    if ((v & X86_CR4_PCIDE) && !(was & X86_CR4_PCIDE) && (!x86_long(m) || s->cr3 & PCID))
        return false;
    if (pae_legacy(m, s->cr0, v) && changed & (X86_CR4_PAE | X86_CR4_PGE | X86_CR4_PSE | X86_CR4_SMEP) &&
        !x86_load_pdptes(m, s->cr3))
        return false;
    s->cr4 = v;
    if (changed & CR4_PAGING)
        forget_all(m);
    return true;
}

static bool write_cr8(X86Machine *m, uint64_t v)
{
    const CpuBoard *b = &m->sys.board;
    if (v < 16 && x86_svm_virtual_tpr(m, true, &v))
        return true;
    return v < 16 && (!b->device_reg || b->device_reg(b->opaque, b->number, X86_REG_CR8, true, &v));
}

uint64_t x86_write_cr(X86Machine *m, unsigned n, uint64_t v)
{
    bool ok = n == 0   ? write_cr0(m, v)
              : n == 3 ? write_cr3(m, v)
              : n == 4 ? write_cr4(m, v)
                       : n == 8 && write_cr8(m, v);
    if (n == 2) {
        m->sys.cr2 = v;
        ok = true;
    }
    return ok ? X86_DONE : x86_gp(m, 0);
}

bool x86_read_cr(X86Machine *m, unsigned n, uint64_t *ret)
{
    const X86Sys *s = &m->sys;
    *ret = n == 0 ? s->cr0 : n == 2 ? s->cr2 : n == 3 ? s->cr3 : n == 4 ? s->cr4 : 0;
    if (n == 8 && x86_svm_virtual_tpr(m, false, ret))
        return true;
    if (n == 8 && s->board.device_reg)
        return s->board.device_reg(s->board.opaque, s->board.number, X86_REG_CR8, false, ret);
    return true;
}
