/* Address translation (the privileged manual, "Supervisor-Level ISA": Sv39, Sv48, Sv57) and its faults. */
#include "target/riscv/rv_sys.h"

enum {
    PTE_V = 1,
    PTE_R = 2,
    PTE_W = 4,
    PTE_X = 8,
    PTE_U = 16,
    PTE_G = 32,
    PTE_A = 64,
    PTE_D = 128,
    PTE_PPN_SHIFT = 10,
    PAGE_BITS = 12,
    LEVEL_BITS = 9,
    PTE_BYTES = 8,
};
#define PTE_PPN_MASK ((1ull << 44) - 1)
#define PTE_RESERVED (0x7full << 54)
#define PTE_PBMT     (3ull << 61) /* Svpbmt */
#define PTE_N        (1ull << 63) /* Svnapot: 64 KiB, the only size there is */
enum { NAPOT_BITS = 16, NAPOT_PPN = 8 };

static void fault(Cpu *cpu, Gva va, MmuHow how, bool page)
{
    static const uint8_t cause[2][3] = {
        {[MMU_READ] = RV_X_LOAD_ACCESS, [MMU_WRITE] = RV_X_STORE_ACCESS, [MMU_FETCH] = RV_X_FETCH_ACCESS},
        {[MMU_READ] = RV_X_LOAD_PAGE, [MMU_WRITE] = RV_X_STORE_PAGE, [MMU_FETCH] = RV_X_FETCH_PAGE},
    };
    cpu->exit = (CpuExit){.kind = how == MMU_FETCH ? CPU_EXIT_FETCH : CPU_EXIT_FAULT,
                          .write = how == MMU_WRITE,
                          .code = cause[page][how], .addr = va};
}

void rv_bus_error(Cpu *cpu, Gva va, MmuHow how) { fault(cpu, va, how, false); }

static unsigned idx_priv(unsigned idx)
{
    if (idx == RV_IDX_M)
        return RV_M;
    return idx % RV_IDX_MXR == RV_IDX_U ? RV_U : RV_S;
}

unsigned rv_data_idx(const RvCpu *cpu)
{
    uint64_t m = cpu->sys.mstatus;
    unsigned priv = (unsigned)cpu->sys.priv;
    if (priv == RV_M && (m & RV_MPRV))
        priv = (m & RV_MPP) >> 11;
    if (priv == RV_M)
        return RV_IDX_M;
    unsigned idx = priv == RV_U ? RV_IDX_U : m & RV_SUM ? RV_IDX_SUM : RV_IDX_S;
    return m & RV_MXR ? idx + RV_IDX_MXR : idx;
}

/* What a leaf lets this index do, not looking at A and D. */
static unsigned leaf_may(uint64_t pte, unsigned idx)
{
    unsigned base = idx % RV_IDX_MXR;
    unsigned may = (pte & PTE_R ? MMU_R : 0u) | (pte & PTE_W ? MMU_W : 0u) | (pte & PTE_X ? MMU_X : 0u);
    if (idx >= RV_IDX_MXR && (pte & PTE_X))
        may |= MMU_R;
    if (base == RV_IDX_U)
        return pte & PTE_U ? may : 0;
    if (!(pte & PTE_U))
        return may;
    return base == RV_IDX_SUM ? may & ~(unsigned)MMU_X : 0;
}

typedef struct Walk {
    RvCpu *cpu;
    Gva va;
    unsigned idx, priv;
    MmuHow how;
    MmuPage *ret;
} Walk;

/* The leaf at pte_pa: marks it accessed and dirty. False: it changed meanwhile. */
static bool mark_leaf(const Walk *w, Gpa pte_pa, uint64_t *pte)
{
    uint64_t want = *pte | PTE_A | (w->how == MMU_WRITE ? PTE_D : 0), seen = *pte;
    if (want == *pte)
        return true;
    if (!(rv_pmp(w->cpu, pte_pa, RV_S) & MMU_W) ||
        !w->cpu->base.mem->phys_cas(&w->cpu->base, pte_pa, PTE_BYTES, &seen, want))
        return true; /* in memory that cannot be written: as if it were marked */
    if (seen != *pte)
        return false;
    *pte = want;
    return true;
}

typedef enum WalkEnd { WALK_OK, WALK_PAGE_FAULT, WALK_ACCESS_FAULT, WALK_AGAIN } WalkEnd;

static WalkEnd leaf(const Walk *w, Gpa pte_pa, uint64_t pte, unsigned bits)
{
    uint64_t ppn = pte >> PTE_PPN_SHIFT & PTE_PPN_MASK, low = (1u << (NAPOT_BITS - PAGE_BITS)) - 1;
    unsigned may = leaf_may(pte, w->idx);
    if ((pte & PTE_PBMT) && (!(w->cpu->sys.menvcfg & RV_PBMTE) || (pte & PTE_PBMT) == PTE_PBMT))
        return WALK_PAGE_FAULT;
    if (pte & PTE_N) {
        if (bits != PAGE_BITS || (ppn & low) != NAPOT_PPN)
            return WALK_PAGE_FAULT;
        ppn &= ~low;
        bits = NAPOT_BITS;
    }
    if (!(may >> w->how & 1) || (ppn & ((1ull << (bits - PAGE_BITS)) - 1)))
        return WALK_PAGE_FAULT;
    if (!mark_leaf(w, pte_pa, &pte))
        return WALK_AGAIN;
    if (!(pte & PTE_D))
        may &= ~(unsigned)MMU_W;
    w->ret->pa = (ppn << PAGE_BITS) | (w->va & ((1ull << bits) - 1));
    w->ret->bits = (uint8_t)bits;
    w->ret->global = pte & PTE_G;
    unsigned pmp = rv_pmp(w->cpu, w->ret->pa, w->priv);
    w->ret->may = (uint8_t)(may & pmp);
    return pmp >> w->how & 1 ? WALK_OK : WALK_ACCESS_FAULT;
}

static WalkEnd walk_tables(const Walk *w, unsigned levels)
{
    Cpu *cpu = &w->cpu->base;
    unsigned va_bits = PAGE_BITS + levels * LEVEL_BITS;
    Gpa table = (w->cpu->sys.satp & PTE_PPN_MASK) << PAGE_BITS;
    if ((uint64_t)bits_sext(w->va, va_bits) != w->va)
        return WALK_PAGE_FAULT;
    for (unsigned level = levels; level-- > 0;) {
        unsigned shift = PAGE_BITS + level * LEVEL_BITS;
        Gpa at = table + (w->va >> shift & ((1u << LEVEL_BITS) - 1)) * PTE_BYTES;
        uint64_t pte;
        if (!(rv_pmp(w->cpu, at, RV_S) & MMU_R) || !cpu->mem->phys_ld(cpu, at, PTE_BYTES, &pte))
            return WALK_ACCESS_FAULT;
        if (!(pte & PTE_V) || (pte & (PTE_R | PTE_W)) == PTE_W || (pte & PTE_RESERVED))
            return WALK_PAGE_FAULT;
        if (pte & (PTE_R | PTE_X))
            return leaf(w, at, pte, shift);
        if (pte & (PTE_A | PTE_D | PTE_U | PTE_PBMT | PTE_N))
            return WALK_PAGE_FAULT;
        table = (pte >> PTE_PPN_SHIFT & PTE_PPN_MASK) << PAGE_BITS;
    }
    return WALK_PAGE_FAULT;
}

bool rv_walk(Cpu *base, Gva va, unsigned idx, MmuHow how, MmuPage *ret)
{
    RvCpu *cpu = (RvCpu *)base;
    Walk w = {.cpu = cpu, .va = va, .idx = idx, .priv = idx_priv(idx), .how = how, .ret = ret};
    unsigned mode = w.priv == RV_M ? 0 : (unsigned)(cpu->sys.satp >> 60);
    WalkEnd end;
    if (mode == 0) {
        unsigned may = rv_pmp(cpu, va, w.priv);
        *ret = (MmuPage){.pa = va, .bits = PAGE_BITS, .may = (uint8_t)may, .global = w.priv == RV_M};
        end = may >> how & 1 ? WALK_OK : WALK_ACCESS_FAULT;
    } else {
        do
            end = walk_tables(&w, mode - 5); /* 8: three levels */
        while (end == WALK_AGAIN);
    }
    if (end == WALK_OK)
        return true;
    fault(base, va, how, end == WALK_PAGE_FAULT);
    return false;
}
