/* Address translation: no paging, 32-bit, PAE, 4 and 5 levels; its faults. Sources: AMD64 APM volume 2,
 * chapter 5; Intel SDM volume 3, chapter 4. Accessed and dirty bits are set when a translation is used; a
 * page that is not dirty is not said to be writable, so that the first store comes here. */
#include "target/x86/x86_sys.h"
#include "target/x86/x86_trans.h"

enum { E_P = 1, E_RW = 2, E_US = 4, E_A = 32, E_D = 64, E_PS = 128, E_G = 256 };
#define E_NX   (1ull << 63)
#define E_ADDR 0x000ffffffffff000ull
/* Bits of an error code. */
enum { F_P = 1, F_W = 2, F_U = 4, F_RSVD = 8, F_FETCH = 16, F_PK = 32 };
enum { MOST_LEVELS = 5 };

typedef struct Walk {
    X86Machine *m;
    Gva va;
    unsigned idx;
    MmuHow how;
    bool wide;  /* entries of 64 bits */
    bool nested, lost; /* addresses are a guest's; the host's tables have raised something */
    unsigned n; /* entries that were used */
    Gpa at[MOST_LEVELS];
    uint64_t entry[MOST_LEVELS];
    bool rw, us, nx; /* what all of them say */
} Walk;

static bool raise_page(const Walk *w, unsigned why)
{
    X86Machine *m = w->m;
    bool told = m->sys.cr4 & X86_CR4_SMEP || (m->sys.efer & X86_EFER_NXE && m->sys.cr4 & X86_CR4_PAE);
    why |= (w->how == MMU_WRITE ? F_W : 0) | (w->idx == X86_IDX_USER ? F_U : 0) |
           (w->how == MMU_FETCH && told ? F_FETCH : 0);
    m->x86.base.exit =
        (CpuExit){.kind = CPU_EXIT_FAULT, .write = w->how == MMU_WRITE, .code = (int32_t)why, .addr = w->va};
    return false;
}

/* The address that the bus sees. */
static Gpa line20(const X86Machine *m, Gpa pa)
{
    bool masked = __atomic_load_n(&m->sys.lines, __ATOMIC_ACQUIRE) >> X86_IN_A20M & 1;
    if (m->sys.in_smm && m->sys.board.smram)
        return m->sys.board.smram(m->sys.board.opaque, pa);
    return masked ? pa & ~(1ull << 20) : pa;
}

/* ---- entries ---- */

/* Of a guest's address: the host's tables let it be written to (AMD64 APM volume 2, 15.25.5). */
static bool host_address(Walk *w, Gpa *at)
{
    MmuPage page;
    if (!w->nested)
        return true;
    w->lost = !x86_svm_translate(w->m, *at, MMU_WRITE, true, &page);
    *at = page.pa;
    return !w->lost;
}

static bool load_entry(Walk *w, Gpa at, uint64_t *ret)
{
    Cpu *cpu = &w->m->x86.base;
    if (!host_address(w, &at))
        return false;
    w->at[w->n] = line20(w->m, at);
    if (!cpu->mem->phys_ld(cpu, w->at[w->n], w->wide ? 8 : 4, ret))
        *ret = 0;
    w->entry[w->n++] = *ret;
    return *ret & E_P;
}

/* Bits of an entry that must be 0. shift: log2 of the bytes that it maps; 0: a table. top: no page. */
static uint64_t reserved(const Walk *w, unsigned shift, bool has_page)
{
    const X86Sys *s = &w->m->sys;
    uint64_t r = X86_BEYOND;
    if (!w->wide)
        return shift == 22 ? 1u << 21 : 0;
    if (!(s->efer & X86_EFER_NXE))
        r |= E_NX;
    if (!(s->efer & X86_EFER_LMA))
        r |= 0x7ffull << 52;
    if (shift > 12)
        r |= ((1ull << shift) - 1) & ~0x1fffull;
    else if (!shift && !has_page)
        r |= E_PS | (x86_model_is_amd((X86Model)w->m->x86.model) ? E_G : 0); /* Intel's ignore the latter */
    return r;
}

typedef struct Format {
    Gpa root;
    unsigned levels, bits; /* of the address, a level */
} Format;

static Format format_of(Walk *w)
{
    const X86Sys *s = &w->m->sys;
    w->wide = s->cr4 & X86_CR4_PAE;
    if (s->efer & X86_EFER_LMA)
        return (Format){s->cr3 & E_ADDR, s->cr4 & X86_CR4_LA57 ? 5 : 4, 9};
    if (w->wide)
        return (Format){s->pdpte[w->va >> 30 & 3] & E_ADDR, 2, 9};
    return (Format){s->cr3 & 0xfffff000, 2, 10};
}

/* Legacy PAE: the table of the address's GiB. With nested paging the pointers are read each time. */
static bool pointer(Walk *w, Gpa *table)
{
    const X86Sys *s = &w->m->sys;
    Cpu *cpu = &w->m->x86.base;
    uint64_t e = s->pdpte[w->va >> 30 & 3];
    Gpa at = (s->cr3 & 0xffffffe0) + 8 * (w->va >> 30 & 3);
    if (w->nested && (!host_address(w, &at) || !cpu->mem->phys_ld(cpu, at, 8, &e)))
        return false;
    *table = e & E_ADDR;
    return e & E_P;
}

/* Finds the entry that maps the address. */
static bool find_leaf(Walk *w, unsigned *ret_shift, uint64_t *ret_entry)
{
    const X86Sys *s = &w->m->sys;
    Format f = format_of(w);
    Gpa table = f.root;
    if (f.levels == 2 && w->wide && !pointer(w, &table))
        return w->lost ? false : raise_page(w, 0);
    for (unsigned level = f.levels; level-- > 0;) {
        unsigned shift = 12 + level * f.bits;
        uint64_t e, slot = w->va >> shift & ((1u << f.bits) - 1);
        if (!load_entry(w, table + slot * (w->wide ? 8 : 4), &e))
            return w->lost ? false : raise_page(w, 0);
        bool has_page = level == 1 || (level == 2 && x86_sys_has(w->m, X86_FEAT_PDPE1GB));
        bool large = (e & E_PS) && has_page && (w->wide || s->cr4 & X86_CR4_PSE);
        bool leaf = level == 0 || large;
        if (e & reserved(w, leaf ? shift : 0, has_page))
            return raise_page(w, F_P | F_RSVD);
        w->rw &= (e & E_RW) != 0;
        w->us &= (e & E_US) != 0;
        w->nx |= w->wide && (e & E_NX);
        if (leaf) {
            *ret_shift = shift;
            *ret_entry = e;
            return true;
        }
        table = e & E_ADDR;
    }
    return false;
}

static Gpa leaf_address(const Walk *w, uint64_t e, unsigned shift)
{
    uint64_t low = (1ull << shift) - 1;
    Gpa page = e & E_ADDR & ~low;
    if (!w->wide && shift == 22) /* PSE-36 */
        page |= (e >> 13 & 0xff) << 32;
    page |= w->va & low;
    return w->nested ? page : line20(w->m, page);
}

/* ---- rights ---- */

/* Protection keys: what is taken away from a user's page. */
static unsigned key_denies(const Walk *w, uint64_t e)
{
    X86Sys *s = &w->m->sys;
    const unsigned key = e >> 59 & 15;
    if (!(s->cr4 & X86_CR4_PKE) || !(s->efer & X86_EFER_LMA) || !w->us)
        return 0;
    s->keys_seen |= 1u << key;
    unsigned bits = s->pkru >> key * 2 & 3;
    unsigned denied = bits & 1 ? MMU_R | MMU_W : 0;
    if (bits & 2 && (w->idx == X86_IDX_USER || s->cr0 & X86_CR0_WP))
        denied |= MMU_W;
    return denied;
}

/* MMU_* that the tables allow. */
static unsigned rights(const Walk *w)
{
    const X86Sys *s = &w->m->sys;
    unsigned may = MMU_R;
    if (w->idx == X86_IDX_USER)
        return !w->us ? 0 : MMU_R | (w->rw ? MMU_W : 0) | (w->nx ? 0 : MMU_X);
    if (w->rw || !(s->cr0 & X86_CR0_WP))
        may |= MMU_W;
    if (!w->nx && !(w->us && s->cr4 & X86_CR4_SMEP))
        may |= MMU_X;
    if (w->us && s->cr4 & X86_CR4_SMAP && w->idx == X86_IDX_KERNEL)
        may &= ~(unsigned)(MMU_R | MMU_W);
    return may;
}

/* False: an entry has changed, and all is to be looked up again. */
static bool mark(const Walk *w, bool dirty)
{
    Cpu *cpu = &w->m->x86.base;
    for (unsigned k = 0; k < w->n; k++) {
        uint64_t was = w->entry[k], want = was | E_A | (dirty && k + 1 == w->n ? E_D : 0), seen = was;
        if (want == was)
            continue;
        if (cpu->mem->phys_cas(cpu, w->at[k], w->wide ? 8 : 4, &seen, want) && seen != was)
            return false;
    }
    return true;
}

/* MmuPage.even: not where addresses are changed behind the tables. */
static uint8_t even_of(const X86Machine *m, unsigned bits)
{
    const bool masked = __atomic_load_n(&m->sys.lines, __ATOMIC_ACQUIRE) >> X86_IN_A20M & 1;
    return masked || m->sys.in_smm || m->sys.svm.guest ? 0 : (uint8_t)MIN(bits, (unsigned)MMU_EVEN);
}

static bool walk_tables(X86Machine *m, Gva va, unsigned idx, MmuHow how, MmuPage *ret)
{
    const bool nested = m->sys.svm.guest && m->sys.svm.nested;
    for (;;) {
        Walk w = {.m = m, .va = va, .idx = idx, .how = how, .rw = true, .us = true, .nested = nested};
        unsigned shift = 0;
        uint64_t e = 0;
        if (!find_leaf(&w, &shift, &e))
            return false;
        unsigned may = rights(&w), denied = key_denies(&w, e);
        if (!((may & ~denied) >> how & 1)) /* a key that denies shows whatever else does */
            return raise_page(&w, F_P | (denied >> how & 1 ? F_PK : 0));
        may &= ~denied;
        if (!mark(&w, how == MMU_WRITE))
            continue;
        if (how != MMU_WRITE && !(e & E_D))
            may &= ~(unsigned)MMU_W;
        *ret = (MmuPage){.pa = leaf_address(&w, e, shift),
                         .bits = (uint8_t)shift,
                         .even = even_of(m, shift),
                         .may = (uint8_t)may,
                         .global = (e & E_G) && (m->sys.cr4 & X86_CR4_PGE)};
        return true;
    }
}

bool x86_canonical(const X86Machine *m, Gva va)
{
    unsigned bits = m->sys.cr4 & X86_CR4_LA57 ? 57 : 48;
    return (uint64_t)bits_sext(va, bits) == va;
}

bool x86_canonical_base(const X86Machine *m, Gva va)
{
    return !x86_sys_has(m, X86_FEAT_LM) || (uint64_t)bits_sext(va, 57) == va;
}

/* A guest's page becomes what the host's tables make of it. */
static bool in_host(X86Machine *m, MmuHow how, MmuPage *io)
{
    MmuPage outer;
    if (!m->sys.svm.guest)
        return true;
    io->global = false; /* not in the host's spaces */
    if (!m->sys.svm.nested)
        return true;
    if (!x86_svm_translate(m, io->pa, how, false, &outer))
        return false;
    io->pa = line20(m, outer.pa);
    io->bits = MIN(io->bits, outer.bits);
    io->may &= outer.may;
    return true;
}

static bool find(X86Machine *m, Gva va, unsigned idx, MmuHow how, MmuPage *ret)
{
    if (idx == X86_IDX_PHYS) {
        *ret = (MmuPage){.pa = line20(m, va), .bits = 12, .may = MMU_R | MMU_W, .global = true};
        return true;
    }
    if (idx >= X86_IDX_GUEST)
        idx -= X86_IDX_GUEST;
    if (!x86_code64(m) && (!x86_long(m) || how == MMU_FETCH))
        va = (uint32_t)va;
    if (!(m->sys.cr0 & X86_CR0_PG)) {
        const bool nested = m->sys.svm.guest && m->sys.svm.nested;
        *ret = (MmuPage){.pa = nested ? va : line20(m, va),
                         .bits = 12,
                         .even = even_of(m, MMU_EVEN),
                         .may = MMU_R | MMU_W | MMU_X,
                         .global = true};
        return in_host(m, how, ret);
    }
    if (x86_long(m) && !x86_canonical(m, va)) {
        x86_gp(m, 0);
        return false;
    }
    return walk_tables(m, va, idx, how, ret) && in_host(m, how, ret);
}

/* The trap of an instruction comes before what the fetch of the next one raises. */
bool x86_walk(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret)
{
    X86Machine *m = x86_machine(cpu);
    const bool found = find(m, va, idx, how, ret);
    if (!found && how == MMU_FETCH && va - cpu->pc < cpu->ops->insn_longest)
        x86_take_trap(m);
    return found;
}

/* Nothing is fetched where nothing answers: all ones are an undefined instruction. */
void x86_no_memory(Cpu *cpu, Gva va, MmuHow how)
{
    x86_raise_vector(x86_machine(cpu), X86_V_UD, 0);
}

/* ---- address spaces ---- */

/* Which spaces the engine keeps: CR3's, of each guest of SVM by the number that its host gave it. */
#define OF_CR3 ((1ull << SVM_ASID_SHIFT) - 1)
static uint64_t space_key(const X86Machine *m, uint64_t cr3)
{
    const uint64_t asid = m->sys.svm.guest ? m->sys.svm.asid : 0;
    return (cr3 & OF_CR3) | asid << SVM_ASID_SHIFT;
}

void x86_select(X86Machine *m)
{
    Cpu *cpu = &m->x86.base;
    cpu->mem->select(cpu, space_key(m, m->sys.cr0 & X86_CR0_PG ? m->sys.cr3 : ~0ull));
}

void x86_forget_space(X86Machine *m, uint64_t cr3, uint64_t mask, bool one, uint64_t va)
{
    Cpu *cpu = &m->x86.base;
    cpu->mem->flush_space(cpu, space_key(m, cr3), mask | ~OF_CR3, one, va);
}

void x86_forget_all(X86Machine *m)
{
    Cpu *cpu = &m->x86.base;
    if (m->sys.svm.guest)
        x86_forget_space(m, 0, 0, false, 0);
    else
        cpu->mem->flush(cpu);
}

bool x86_load_pdptes(X86Machine *m, uint64_t cr3)
{
    const uint64_t must_be_0 = X86_BEYOND | 0x1e6 | 0xfffull << 52;
    Cpu *cpu = &m->x86.base;
    uint64_t e[4];
    if (m->sys.svm.guest && m->sys.svm.nested) /* they are read when they are used */
        return true;
    for (unsigned k = 0; k < 4; k++) {
        if (!cpu->mem->phys_ld(cpu, line20(m, (cr3 & 0xffffffe0) + 8 * k), 8, &e[k]))
            e[k] = 0;
        if ((e[k] & E_P) && (e[k] & must_be_0))
            return false;
    }
    memcpy(m->sys.pdpte, e, sizeof e);
    return true;
}

/* ---- accesses of the cpu itself ---- */

/* AC opens users' pages to the kernel; without SMAP they always are. */
unsigned x86_data_idx(const X86Machine *m)
{
    if (m->sys.cpl == 3)
        return X86_IDX_USER;
    return m->sys.cr4 & X86_CR4_SMAP && !(m->x86.more_flags & X86_AC) ? X86_IDX_KERNEL : X86_IDX_OPEN;
}

static IrAccess access_of(unsigned op, unsigned idx, uint64_t addr, unsigned size)
{
    IrMem mem = {.size = x86_log2(size) & 7, .mmu = IR_MMU_TLB, .mmuidx = idx & 15};
    return (IrAccess){.addr = addr, .mem = mem.raw, .op = (uint8_t)op};
}

bool x86_lin_ld(X86Machine *m, unsigned idx, uint64_t addr, unsigned size, uint64_t *ret)
{
    IrAccess a = access_of(IR_LD, x86_idx_now(m, idx), addr, size);
    if (!m->x86.base.mem->access(m, &a))
        return false;
    *ret = a.value[0];
    return true;
}

bool x86_lin_st(X86Machine *m, unsigned idx, uint64_t addr, unsigned size, uint64_t v)
{
    IrAccess a = access_of(IR_ST, x86_idx_now(m, idx), addr, size);
    a.apart = true;
    a.value[0] = v;
    return m->x86.base.mem->access(m, &a);
}
