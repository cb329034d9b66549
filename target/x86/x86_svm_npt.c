/* Nested paging: the second translation, of a guest's physical addresses, by the tables of the host that ran
 * it. They have the format of the host's own paging at vmrun, and each access is a user's there. Source:
 * AMD64 APM volume 2, 15.25. */
#include "target/x86/x86_sys.h"

enum { E_P = 1, E_RW = 2, E_US = 4, E_A = 32, E_D = 64, E_PS = 128, E_G = 256 };
#define E_NX   (1ull << 63)
#define E_ADDR 0x000ffffffffff000ull
/* EXITINFO1. */
enum { F_P = 1, F_W = 2, F_U = 4, F_RSVD = 8, F_FETCH = 16 };
#define F_FINAL (1ull << 32)
#define F_TABLE (1ull << 33)
enum { MOST_LEVELS = 5 };

typedef struct Nested {
    X86Machine *m;
    Gpa va; /* the guest's physical address */
    MmuHow how;
    bool of_table;
    bool wide, nx_on; /* entries of 64 bits; EFER.NXE */
    unsigned n;       /* entries that were used */
    Gpa at[MOST_LEVELS];
    uint64_t entry[MOST_LEVELS];
    bool rw, us, nx; /* what all of them say */
} Nested;

static bool fail(const Nested *w, unsigned why)
{
    uint64_t info = why | F_U | (w->of_table ? F_TABLE : F_FINAL);
    info |= w->how == MMU_WRITE ? F_W : 0;
    if (w->how == MMU_FETCH && (w->nx_on || w->m->sys.svm.host.cr4 & X86_CR4_SMEP))
        info |= F_FETCH;
    x86_svm_raise(w->m, SVM_NPF, info, w->va, 0);
    return false;
}

static uint64_t reserved(const Nested *w, unsigned shift, bool has_page)
{
    uint64_t r = X86_BEYOND;
    if (!w->wide)
        return shift == 22 ? 1u << 21 : 0;
    if (!w->nx_on)
        r |= E_NX;
    if (shift > 12)
        r |= ((1ull << shift) - 1) & ~0x1fffull;
    else if (!shift && !has_page)
        r |= E_PS | E_G;
    return r;
}

static bool load(Nested *w, Gpa at, uint64_t *ret)
{
    Cpu *cpu = &w->m->x86.base;
    w->at[w->n] = at;
    if (!cpu->mem->phys_ld(cpu, at, w->wide ? 8 : 4, ret))
        *ret = 0;
    w->entry[w->n++] = *ret;
    return *ret & E_P;
}

/* The table below the four entries that the host's page-directory pointers are, in legacy PAE. */
static bool pointer(Nested *w, Gpa *table)
{
    Cpu *cpu = &w->m->x86.base;
    uint64_t e;
    if (!cpu->mem->phys_ld(cpu, (*table & 0xffffffe0) + 8 * (w->va >> 30 & 3), 8, &e) || !(e & E_P))
        return fail(w, 0);
    *table = e & E_ADDR;
    return true;
}

static bool find(Nested *w, unsigned *ret_shift, uint64_t *ret)
{
    const SvmHost *h = &w->m->sys.svm.host;
    const bool lma = h->efer & X86_EFER_LMA;
    const unsigned bits = w->wide ? 9 : 10;
    Gpa table = w->m->sys.svm.ncr3;
    if (w->wide && !lma && !pointer(w, &table))
        return false;
    table &= w->wide ? E_ADDR : 0xfffff000;
    for (unsigned level = lma ? h->cr4 & X86_CR4_LA57 ? 5 : 4 : 2; level-- > 0;) {
        const unsigned shift = 12 + level * bits;
        uint64_t e;
        if (!load(w, table + (w->va >> shift & ((1u << bits) - 1)) * (w->wide ? 8 : 4), &e))
            return fail(w, 0);
        const bool has_page = level == 1 || (level == 2 && w->wide);
        const bool large = e & E_PS && has_page && (w->wide || h->cr4 & X86_CR4_PSE);
        if (e & reserved(w, !level || large ? shift : 0, has_page))
            return fail(w, F_P | F_RSVD);
        w->rw &= (e & E_RW) != 0;
        w->us &= (e & E_US) != 0;
        w->nx |= w->wide && e & E_NX;
        table = e & E_ADDR;
        *ret_shift = shift;
        *ret = e;
        if (large)
            break;
    }
    return true;
}

/* False: an entry has changed. */
static bool mark(const Nested *w, bool dirty)
{
    Cpu *cpu = &w->m->x86.base;
    for (unsigned k = 0; k < w->n; k++) {
        const uint64_t was = w->entry[k], want = was | E_A | (dirty && k + 1 == w->n ? E_D : 0);
        uint64_t seen = was;
        if (want != was && cpu->mem->phys_cas(cpu, w->at[k], w->wide ? 8 : 4, &seen, want) && seen != was)
            return false;
    }
    return true;
}

/* The host pages, or the guest would not have been entered. */
bool x86_svm_translate(X86Machine *m, Gpa at, MmuHow how, bool of_table, MmuPage *ret)
{
    const SvmHost *h = &m->sys.svm.host;
    for (;;) {
        Nested w = {.m = m, .va = at, .how = how, .of_table = of_table, .rw = true, .us = true};
        w.wide = h->cr4 & X86_CR4_PAE;
        w.nx_on = w.wide && h->efer & X86_EFER_NXE;
        unsigned shift = 0;
        uint64_t e = 0;
        if (!find(&w, &shift, &e))
            return false;
        unsigned may = !w.us ? 0 : MMU_R | (w.rw ? MMU_W : 0) | (w.nx ? 0 : MMU_X);
        if (!(may >> how & 1))
            return fail(&w, F_P);
        if (!mark(&w, how == MMU_WRITE))
            continue;
        if (how != MMU_WRITE && !(e & E_D))
            may &= ~(unsigned)MMU_W;
        const uint64_t low = (1ull << shift) - 1;
        Gpa page = e & E_ADDR & ~low;
        if (!w.wide && shift == 22) /* PSE-36 */
            page |= (e >> 13 & 0xff) << 32;
        *ret = (MmuPage){.pa = page | (at & low), .bits = (uint8_t)shift, .may = (uint8_t)may};
        return true;
    }
}
