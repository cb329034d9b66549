/* Physical memory protection (the privileged manual, "Physical Memory Protection"; "Smepmp"). */
#include "target/riscv/rv_sys.h"

enum { PMPCFG0 = 0x3a0, PMPADDR0 = 0x3b0, PMP_CSRS = 64 };
enum { PMP_R = 1, PMP_W = 2, PMP_X = 4, PMP_A = 24, PMP_NAPOT = 24, PMP_TOR = 8, PMP_NA4 = 16,
       PMP_LOCK = 128 };
enum { PMP_GRAIN = 10 }; /* G: 4 KiB */

/* Entries in a configuration register: as many as it has bytes. */
static unsigned per_cfg(const RvCpu *cpu) { return rv_machine32(cpu) ? 4 : 8; }
static unsigned cfg_shift(const RvCpu *cpu, unsigned n) { return n % per_cfg(cpu) * 8; }
static bool is_cfg(const RvCpu *cpu, unsigned csr)
{
    return csr >= PMPCFG0 && csr < PMPCFG0 + 16 && (rv_machine32(cpu) || !(csr & 1));
}

static uint64_t read_cfg(const RvCpu *cpu, unsigned reg)
{
    uint64_t v = 0;
    for (unsigned n = reg * 4; n < reg * 4 + per_cfg(cpu) && n < RV_PMP_ENTRIES; n++)
        v |= (uint64_t)cpu->sys.pmpcfg[n] << cfg_shift(cpu, n);
    return v;
}

static bool locked(const RvCpu *cpu, unsigned n)
{
    return (cpu->sys.pmpcfg[n] & PMP_LOCK) && !(cpu->sys.mseccfg & RV_RLB);
}

/* With MML: a rule by which machine mode could execute. */
static bool executable_by_m(uint8_t cfg)
{
    switch (cfg & (PMP_LOCK | PMP_R | PMP_W | PMP_X)) {
    case PMP_LOCK | PMP_X:
    case PMP_LOCK | PMP_X | PMP_R:
    case PMP_LOCK | PMP_W:
    case PMP_LOCK | PMP_W | PMP_X: return true;
    default: return false;
    }
}

static void write_entry(RvCpu *cpu, unsigned n, uint8_t to)
{
    uint8_t *cfg = &cpu->sys.pmpcfg[n];
    bool mml = cpu->sys.mseccfg & RV_MML;
    to &= PMP_LOCK | PMP_A | PMP_X | PMP_W | PMP_R;
    if (locked(cpu, n) || (mml && !(cpu->sys.mseccfg & RV_RLB) && executable_by_m(to)))
        return;
    if (!mml && (to & (PMP_W | PMP_R)) == PMP_W) /* reserved */
        to &= (uint8_t)~PMP_W;
    if ((to & PMP_A) == PMP_NA4) /* below the granularity: A stays */
        to = (uint8_t)((to & ~PMP_A) | (*cfg & PMP_A));
    *cfg = to;
}

static uint64_t read_addr(const RvCpu *cpu, unsigned n)
{
    if (n >= RV_PMP_ENTRIES)
        return 0;
    uint64_t low = (1ull << PMP_GRAIN) - 1, v = cpu->sys.pmpaddr[n];
    return cpu->sys.pmpcfg[n] & PMP_NA4 ? v | low >> 1 : v & ~low;
}

static void write_addr(RvCpu *cpu, unsigned n, uint64_t v)
{
    if (n >= RV_PMP_ENTRIES || locked(cpu, n))
        return;
    if (n + 1 < RV_PMP_ENTRIES && locked(cpu, n + 1) && (cpu->sys.pmpcfg[n + 1] & PMP_A) == PMP_TOR)
        return;
    cpu->sys.pmpaddr[n] = v & ((1ull << 54) - 1);
}

bool rv_pmp_read(const RvCpu *cpu, unsigned csr, uint64_t *ret)
{
    if (is_cfg(cpu, csr))
        *ret = read_cfg(cpu, csr - PMPCFG0);
    else if (csr >= PMPADDR0 && csr < PMPADDR0 + PMP_CSRS)
        *ret = read_addr(cpu, csr - PMPADDR0);
    else
        return false;
    return true;
}

bool rv_pmp_write(RvCpu *cpu, unsigned csr, uint64_t v)
{
    if (is_cfg(cpu, csr)) {
        unsigned first = (csr - PMPCFG0) * 4;
        for (unsigned n = first; n < first + per_cfg(cpu) && n < RV_PMP_ENTRIES; n++)
            write_entry(cpu, n, (uint8_t)(v >> cfg_shift(cpu, n)));
    } else if (csr >= PMPADDR0 && csr < PMPADDR0 + PMP_CSRS) {
        write_addr(cpu, csr - PMPADDR0, v);
    } else {
        return false;
    }
    cpu->base.mem->flush(&cpu->base);
    return true;
}

void rv_mseccfg_write(RvCpu *cpu, uint64_t v)
{
    RvSys *s = &cpu->sys;
    uint64_t sticky = s->mseccfg & (RV_MML | RV_MMWP);
    bool any_lock = false;
    for (unsigned n = 0; n < RV_PMP_ENTRIES; n++)
        any_lock |= (s->pmpcfg[n] & PMP_LOCK) != 0;
    if (!(s->mseccfg & RV_RLB) && any_lock)
        v &= ~RV_RLB;
    s->mseccfg = (v & (RV_MML | RV_MMWP | RV_RLB)) | sticky;
    cpu->base.mem->flush(&cpu->base);
}

static unsigned plain(uint8_t cfg)
{
    return (cfg & PMP_R ? MMU_R : 0u) | (cfg & PMP_W ? MMU_W : 0u) | (cfg & PMP_X ? MMU_X : 0u);
}

/* The table of "Smepmp": what a rule allows while MML is set. */
static unsigned by_mml(uint8_t cfg, bool m)
{
    bool lock = cfg & PMP_LOCK;
    switch (cfg & (PMP_R | PMP_W | PMP_X)) {
    case PMP_W: return lock ? MMU_X : m ? MMU_R | MMU_W : MMU_R;
    case PMP_W | PMP_X: return !lock ? MMU_R | MMU_W : m ? MMU_R | MMU_X : MMU_X;
    case PMP_R | PMP_W | PMP_X:
        if (lock)
            return MMU_R;
        break;
    default: break;
    }
    return lock == m ? plain(cfg) : 0;
}

/* The range of entry n, in words of 4 bytes; false: it has none. */
static bool range_of(const RvSys *s, unsigned n, uint64_t *ret_first, uint64_t *ret_last)
{
    uint64_t low = (1ull << PMP_GRAIN) - 1, mask;
    switch (s->pmpcfg[n] & PMP_A) {
    case PMP_TOR:
        *ret_first = n ? s->pmpaddr[n - 1] & ~low : 0;
        *ret_last = (s->pmpaddr[n] & ~low) - 1;
        return *ret_first <= *ret_last && *ret_last != UINT64_MAX;
    case PMP_NAPOT:
        mask = s->pmpaddr[n] | low >> 1;
        mask ^= mask + 1;
        *ret_first = s->pmpaddr[n] & ~mask;
        *ret_last = s->pmpaddr[n] | mask;
        return true;
    default: return false;
    }
}

/* Does entry n have the page at `at` (in words of 4 bytes)? */
static bool hits(const RvSys *s, unsigned n, uint64_t at)
{
    uint64_t first, last;
    return range_of(s, n, &first, &last) && at >= first && at <= last;
}

/* Is the range [at, to] inside or outside of each entry, up to the first that it is inside of? */
static bool all_alike(const RvSys *s, uint64_t at, uint64_t to)
{
    uint64_t first, last;
    for (unsigned n = 0; n < RV_PMP_ENTRIES; n++) {
        if (!range_of(s, n, &first, &last) || to < first || at > last)
            continue;
        return at >= first && to <= last;
    }
    return true;
}

unsigned rv_pmp_even(const RvCpu *cpu, Gpa pa, unsigned bits)
{
    for (; bits > 12; bits--) {
        uint64_t at = pa >> bits << bits >> 2;
        if (all_alike(&cpu->sys, at, at + (1ull << (bits - 2)) - 1))
            break;
    }
    return bits;
}

unsigned rv_pmp(const RvCpu *cpu, Gpa pa, unsigned priv)
{
    const RvSys *s = &cpu->sys;
    const unsigned all = MMU_R | MMU_W | MMU_X;
    for (unsigned n = 0; n < RV_PMP_ENTRIES; n++) {
        uint8_t cfg = s->pmpcfg[n];
        if (!hits(s, n, pa >> 2))
            continue;
        if (s->mseccfg & RV_MML)
            return by_mml(cfg, priv == RV_M);
        return priv == RV_M && !(cfg & PMP_LOCK) ? all : plain(cfg);
    }
    if (priv != RV_M || (s->mseccfg & RV_MMWP))
        return 0;
    return s->mseccfg & RV_MML ? MMU_R | MMU_W : all;
}
