/* Address translation (the privileged manual, "Supervisor-Level ISA": Sv32, Sv39, Sv48, Sv57; "Two-Stage
 * Address Translation") and its faults. */
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
};
#define PTE_PPN_MASK ((1ull << 44) - 1)
#define PTE_RESERVED (0x7full << 54)
#define PTE_PBMT     (3ull << 61) /* Svpbmt */
#define PTE_N        (1ull << 63) /* Svnapot: 64 KiB, the only size there is */
#define SV32_MODE    (1ull << 31)
#define SV32_PPN     ((1ull << 22) - 1)
enum { NAPOT_BITS = 16, NAPOT_PPN = 8 };
/* What htinst says of an implicit access; of RV32 one bit less. */
enum { PSEUDO_READ = 0x3000, PSEUDO_WRITE = 0x3020 };

typedef enum WalkEnd { WALK_OK, WALK_PAGE_FAULT, WALK_ACCESS_FAULT, WALK_GUEST_FAULT, WALK_AGAIN } WalkEnd;

static void fault(Cpu *cpu, Gva va, MmuHow how, WalkEnd end)
{
    static const uint8_t cause[3][3] = {
        {[MMU_READ] = RV_X_LOAD_PAGE, [MMU_WRITE] = RV_X_STORE_PAGE, [MMU_FETCH] = RV_X_FETCH_PAGE},
        {[MMU_READ] = RV_X_LOAD_ACCESS, [MMU_WRITE] = RV_X_STORE_ACCESS, [MMU_FETCH] = RV_X_FETCH_ACCESS},
        {[MMU_READ] = RV_X_LOAD_GUEST, [MMU_WRITE] = RV_X_STORE_GUEST, [MMU_FETCH] = RV_X_FETCH_GUEST},
    };
    cpu->exit = (CpuExit){.kind = how == MMU_FETCH ? CPU_EXIT_FETCH : CPU_EXIT_FAULT,
                          .write = how == MMU_WRITE,
                          .code = cause[end - WALK_PAGE_FAULT][how],
                          .addr = va};
}

void rv_bus_error(Cpu *cpu, Gva va, MmuHow how) { fault(cpu, va, how, WALK_ACCESS_FAULT); }

/* ---- indexes ---- */

/* U, S or SUM */
static unsigned idx_base(unsigned idx) { return idx % RV_IDX_MXR; }

static unsigned idx_priv(unsigned idx)
{
    return idx == RV_IDX_M ? RV_M : idx_base(idx) == RV_IDX_U ? RV_U : RV_S;
}

unsigned rv_guest_idx(const RvCpu *cpu, unsigned priv)
{
    uint64_t vs = cpu->sys.vsstatus;
    unsigned base = priv == RV_U ? RV_IDX_U : vs & RV_SUM ? RV_IDX_SUM : RV_IDX_S;
    unsigned mxr = cpu->sys.mstatus & RV_MXR ? 2 : vs & RV_MXR ? 1 : 0;
    return RV_IDX_GUEST + base + mxr * RV_IDX_MXR;
}

unsigned rv_data_idx(const RvCpu *cpu)
{
    uint64_t m = cpu->sys.mstatus;
    unsigned priv = (unsigned)cpu->sys.priv;
    bool guest = cpu->sys.virt;
    if (priv == RV_M && (m & RV_MPRV)) {
        priv = (m & RV_MPP) >> 11;
        guest = m & RV_MPV;
    }
    if (priv == RV_M)
        return RV_IDX_M;
    if (guest)
        return rv_guest_idx(cpu, priv);
    unsigned idx = priv == RV_U ? RV_IDX_U : m & RV_SUM ? RV_IDX_SUM : RV_IDX_S;
    return m & RV_MXR ? idx + RV_IDX_MXR : idx;
}

/* ---- address spaces ---- */

static unsigned mode_of(uint64_t atp) { return (unsigned)(atp >> RV_SATP_MODE_SHIFT); }

/* Of a guest: bit 62, vsatp's mode in 60 and 61 (8, 9, 10: 1, 2, 3), its ASID where satp has it; VMID in 30
 * to 43, hgatp's mode in 28 and 29; below, both tables' addresses mixed. Tables that change under their
 * numbers are flushed by the guest or its hypervisor, so the last only makes that rarer. satp has no mode
 * with bit 62. */
uint64_t rv_space_key(const RvCpu *cpu, bool guest)
{
    const RvSys *s = &cpu->sys;
    if (!guest)
        return s->satp;
    uint64_t vs = mode_of(s->vsatp), g = mode_of(s->hgatp);
    uint64_t tables = (s->vsatp & PTE_PPN_MASK) * 0x9e3779b97f4a7c15ull ^ (s->hgatp & PTE_PPN_MASK) << 5;
    return RV_KEY_GUEST | (vs ? vs - 7 : 0) << RV_SATP_MODE_SHIFT | (s->vsatp & RV_SATP_ASID) |
           (s->hgatp >> RV_HGATP_VMID_SHIFT & 0x3fff) << RV_KEY_VMID_SHIFT | (g ? g - 7 : 0) << 28 |
           (tables & ((1u << 28) - 1));
}

void rv_select(RvCpu *cpu)
{
    const RvSys *s = &cpu->sys;
    bool guest = s->virt || (s->priv == RV_M && (s->mstatus & RV_MPRV) && (s->mstatus & RV_MPV));
    cpu->base.mem->select(&cpu->base, rv_space_key(cpu, guest));
}

/* ---- tables ---- */

typedef struct Walk {
    RvCpu *cpu;
    Gva va;
    unsigned idx, priv;
    MmuHow how;
} Walk;

/* One stage. */
typedef struct Stage {
    Gpa root;
    unsigned levels, level_bits, extra_bits /* of the top level */, pte_bytes;
    bool guest_tables; /* they are at guest physical addresses */
    bool second;       /* what is translated is a guest physical address */
    bool mark, types;  /* Svadu, Svpbmt */
    unsigned base;     /* U, S or SUM */
    bool mxr;
} Stage;

typedef struct Leaf {
    uint64_t pa;
    unsigned bits, may;
    bool global;
} Leaf;

static WalkEnd second_stage(const Walk *w, Gpa gpa, MmuHow how, bool data, Leaf *ret);

/* What a leaf lets this stage do, not looking at A and D. */
static unsigned leaf_may(uint64_t pte, const Stage *s)
{
    unsigned may = (pte & PTE_R ? MMU_R : 0u) | (pte & PTE_W ? MMU_W : 0u) | (pte & PTE_X ? MMU_X : 0u);
    if (s->mxr && (pte & PTE_X))
        may |= MMU_R;
    if (s->base == RV_IDX_U)
        return pte & PTE_U ? may : 0;
    if (!(pte & PTE_U))
        return may;
    return s->base == RV_IDX_SUM ? may & ~(unsigned)MMU_X : 0;
}

/* The address of a table's entry on the machine. */
static WalkEnd entry_place(const Walk *w, const Stage *s, Gpa at, bool write, Gpa *ret)
{
    Leaf l;
    *ret = at;
    if (!s->guest_tables)
        return WALK_OK;
    WalkEnd end = second_stage(w, at, write ? MMU_WRITE : MMU_READ, false, &l);
    if (end == WALK_GUEST_FAULT)
        w->cpu->sys.fault_pseudo = write ? PSEUDO_WRITE : PSEUDO_READ;
    *ret = l.pa;
    return end;
}

static WalkEnd load_entry(const Walk *w, const Stage *s, Gpa at, uint64_t *ret)
{
    Cpu *cpu = &w->cpu->base;
    WalkEnd end = entry_place(w, s, at, false, &at);
    if (end != WALK_OK)
        return end;
    if (!(rv_pmp(w->cpu, at, RV_S) & MMU_R) || !cpu->mem->phys_ld(cpu, at, s->pte_bytes, ret))
        return WALK_ACCESS_FAULT;
    return WALK_OK;
}

/* The leaf at `at`: marks it accessed and dirty, or finds that it should be. */
static WalkEnd mark_leaf(const Walk *w, const Stage *s, Gpa at, MmuHow how, uint64_t *pte)
{
    uint64_t want = *pte | PTE_A | (how == MMU_WRITE ? PTE_D : 0), seen = *pte;
    Cpu *cpu = &w->cpu->base;
    if (want == *pte)
        return WALK_OK;
    if (!s->mark)
        return WALK_PAGE_FAULT;
    WalkEnd end = entry_place(w, s, at, true, &at);
    if (end != WALK_OK)
        return end;
    if (!(rv_pmp(w->cpu, at, RV_S) & MMU_W) || !cpu->mem->phys_cas(cpu, at, s->pte_bytes, &seen, want))
        return WALK_OK; /* in memory that cannot be written: as if it were marked */
    if (seen != *pte)
        return WALK_AGAIN;
    *pte = want;
    return WALK_OK;
}

static bool allowed(const Walk *w, unsigned may, MmuHow how)
{
    bool fetching_data = how == MMU_READ && w->cpu->sys.fetching_data;
    return may >> (fetching_data ? MMU_FETCH : how) & 1;
}

static WalkEnd leaf(const Walk *w, const Stage *s, Gpa pte_at, uint64_t pte, unsigned bits, uint64_t addr,
                    MmuHow how, bool data, Leaf *ret)
{
    bool sv32 = s->pte_bytes == 4;
    uint64_t ppn = pte >> PTE_PPN_SHIFT & PTE_PPN_MASK, low = (1u << (NAPOT_BITS - PAGE_BITS)) - 1;
    unsigned may = leaf_may(pte, s);
    if (!sv32 && (pte & PTE_PBMT) && (!s->types || (pte & PTE_PBMT) == PTE_PBMT))
        return WALK_PAGE_FAULT;
    if (!sv32 && (pte & PTE_N)) {
        if (bits != PAGE_BITS || (ppn & low) != NAPOT_PPN)
            return WALK_PAGE_FAULT;
        ppn &= ~low;
        bits = NAPOT_BITS;
    }
    if (!(data ? allowed(w, may, how) : may >> how & 1) || (ppn & ((1ull << (bits - PAGE_BITS)) - 1)))
        return WALK_PAGE_FAULT;
    WalkEnd end = mark_leaf(w, s, pte_at, how, &pte);
    if (end != WALK_OK)
        return end;
    if (!(pte & PTE_D))
        may &= ~(unsigned)MMU_W;
    *ret = (Leaf){.pa = (ppn << PAGE_BITS) | (addr & ((1ull << bits) - 1)), .bits = bits, .may = may,
                  .global = pte & PTE_G};
    return WALK_OK;
}

static WalkEnd walk_tables(const Walk *w, const Stage *s, uint64_t addr, MmuHow how, bool data, Leaf *ret)
{
    unsigned extra = s->extra_bits;
    Gpa table = s->root;
    for (unsigned level = s->levels; level-- > 0; extra = 0) {
        unsigned shift = PAGE_BITS + level * s->level_bits;
        Gpa at = table + (addr >> shift & ((1u << (s->level_bits + extra)) - 1)) * s->pte_bytes;
        uint64_t pte;
        WalkEnd end = load_entry(w, s, at, &pte);
        if (end != WALK_OK)
            return end;
        if (!(pte & PTE_V) || (pte & (PTE_R | PTE_W)) == PTE_W || (pte & PTE_RESERVED))
            return WALK_PAGE_FAULT;
        if (pte & (PTE_R | PTE_X))
            return leaf(w, s, at, pte, shift, addr, how, data, ret);
        if (pte & (PTE_A | PTE_D | PTE_U | PTE_PBMT | PTE_N))
            return WALK_PAGE_FAULT;
        table = (pte >> PTE_PPN_SHIFT & PTE_PPN_MASK) << PAGE_BITS;
    }
    return WALK_PAGE_FAULT;
}

static WalkEnd walk_stage(const Walk *w, const Stage *s, uint64_t addr, MmuHow how, bool data, Leaf *ret)
{
    unsigned bits = PAGE_BITS + s->levels * s->level_bits + s->extra_bits;
    WalkEnd end;
    if (s->second ? addr >> bits != 0 : bits > 32 && (uint64_t)bits_sext(addr, bits) != addr)
        return WALK_PAGE_FAULT;
    do
        end = walk_tables(w, s, addr, how, data, ret);
    while (end == WALK_AGAIN);
    return end;
}

/* ---- stages ---- */

static void no_stage(uint64_t addr, Leaf *ret)
{
    *ret = (Leaf){.pa = addr, .bits = 63, .may = MMU_R | MMU_W | MMU_X};
}

/* data: the access that is asked for, not one to its tables. */
static WalkEnd second_stage(const Walk *w, Gpa gpa, MmuHow how, bool data, Leaf *ret)
{
    RvSys *s = &w->cpu->sys;
    unsigned mode = mode_of(s->hgatp);
    Stage st = {.root = (s->hgatp & PTE_PPN_MASK) << PAGE_BITS, .levels = mode - 5, .level_bits = 9,
                .extra_bits = 2, .pte_bytes = 8, .second = true, .mark = s->menvcfg & RV_ADUE,
                .types = s->menvcfg & RV_PBMTE, .base = RV_IDX_U, .mxr = data && (s->mstatus & RV_MXR)};
    no_stage(gpa, ret);
    if (mode == 0)
        return WALK_OK;
    WalkEnd end = walk_stage(w, &st, gpa, how, data, ret);
    if (end != WALK_PAGE_FAULT)
        return end;
    s->fault_gpa = gpa;
    return WALK_GUEST_FAULT;
}

static WalkEnd first_stage(const Walk *w, Leaf *ret)
{
    const RvSys *s = &w->cpu->sys;
    bool guest = rv_idx_is_guest(w->idx), sv32 = rv_machine32(w->cpu);
    uint64_t atp = guest ? s->vsatp : s->satp, env = guest ? s->henvcfg & s->menvcfg : s->menvcfg;
    no_stage(w->va, ret);
    if (w->priv == RV_M || (sv32 ? !(atp & SV32_MODE) : mode_of(atp) == 0))
        return WALK_OK;
    Stage st = {.root = (atp & (sv32 ? SV32_PPN : PTE_PPN_MASK)) << PAGE_BITS,
                .levels = sv32 ? 2 : mode_of(atp) - 5 /* 8: three levels */, .level_bits = sv32 ? 10 : 9,
                .pte_bytes = sv32 ? 4 : 8, .guest_tables = guest, .mark = env & RV_ADUE,
                .types = env & RV_PBMTE, .base = idx_base(w->idx),
                .mxr = guest ? w->idx >= RV_IDX_GUEST + RV_IDX_MXR : w->idx >= RV_IDX_MXR};
    return walk_stage(w, &st, w->va, w->how, true, ret);
}

static WalkEnd all_stages(const Walk *w, MmuPage *ret)
{
    Leaf l, second;
    bool hlvx = w->cpu->sys.fetching_data;
    WalkEnd end = first_stage(w, &l);
    if (end != WALK_OK)
        return end;
    bool bare = l.bits == 63;
    if (rv_idx_is_guest(w->idx)) {
        end = second_stage(w, l.pa, w->how, true, &second);
        if (end != WALK_OK)
            return end;
        l = (Leaf){.pa = second.pa, .bits = MIN(l.bits, second.bits), .may = l.may & second.may};
    }
    unsigned pmp = rv_pmp(w->cpu, l.pa, w->priv);
    unsigned even = MIN(l.bits, (unsigned)MMU_EVEN);
    /* What HLVX may read others may not. */
    *ret = (MmuPage){.pa = l.pa, .bits = (uint8_t)(l.bits == 63 ? PAGE_BITS : l.bits),
                     .even = (uint8_t)(w->how == MMU_FETCH ? rv_pmp_even(w->cpu, l.pa, even) : 0),
                     .may = hlvx ? 0 : (uint8_t)(l.may & pmp),
                     .global = l.global || (bare && w->priv == RV_M)};
    if (hlvx && !(pmp & MMU_X))
        return WALK_ACCESS_FAULT;
    return pmp >> w->how & 1 ? WALK_OK : WALK_ACCESS_FAULT;
}

bool rv_walk(Cpu *base, Gva va, unsigned idx, MmuHow how, MmuPage *ret)
{
    RvCpu *cpu = (RvCpu *)base;
    Walk w = {.cpu = cpu, .va = va, .idx = idx, .priv = idx_priv(idx), .how = how};
    if (rv_machine32(cpu))
        w.va = (uint32_t)va;
    cpu->sys.fault_gva = rv_idx_is_guest(idx);
    cpu->sys.fault_pseudo = 0;
    cpu->sys.fault_gpa = 0;
    WalkEnd end = all_stages(&w, ret);
    if (end == WALK_OK)
        return true;
    fault(base, va, how, end);
    return false;
}
