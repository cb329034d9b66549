/* Translation of addresses (Arm ARM, D8 "The AArch64 Virtual Memory System Architecture"): stage 1 of EL1&0
 * with the three granules; its faults; AT; TLBI is in arm_tlbi.c. */
#include "target/arm/arm_sys.h"

/* TCR_EL1. The fields of TTBR1 stand 16 bits above those of TTBR0, but for the granule. */
enum {
    TCR_T0SZ = 0,
    TCR_EPD0 = 7,
    TCR_TG0 = 14,
    TCR_A1 = 22,
    TCR_TG1 = 30,
    TCR_IPS = 32,
    TCR_TBI0 = 37,
    TCR_HA = 39,
    TCR_HD = 40,
    TCR_HPD0 = 41
};
/* Descriptors */
enum {
    DESC_VALID = 1,
    DESC_TABLE = 2,
    DESC_USER = 1 << 6,
    DESC_RO = 1 << 7,
    DESC_AF = 1 << 10,
    DESC_NG = 1 << 11
};
#define DESC_DBM      (1ull << 51)
#define DESC_PXN      (1ull << 53)
#define DESC_UXN      (1ull << 54)
#define TABLE_PXN     (1ull << 59)
#define TABLE_UXN     (1ull << 60)
#define TABLE_NO_USER (1ull << 61)
#define TABLE_RO      (1ull << 62)
#define OA_MASK       ((1ull << 48) - 1)

static void fault(Cpu *cpu, Gva va, MmuHow how, int fsc)
{
    cpu->exit = (CpuExit){.kind = how == MMU_FETCH ? CPU_EXIT_FETCH : CPU_EXIT_FAULT,
                          .write = how == MMU_WRITE,
                          .code = fsc,
                          .addr = va};
}

void arm_bus_error(Cpu *cpu, Gva va, MmuHow how)
{
    fault(cpu, va, how, ARM_FSC_EXTERNAL);
}

unsigned arm_data_idx(const ArmMachine *m)
{
    return m->sys.el == 0 ? ARM_IDX_U : m->arm.pstate & ARM_PSTATE_PAN ? ARM_IDX_PAN : ARM_IDX_P;
}

/* ---- regimes ---- */

static bool same(const ArmRegime *a, const ArmRegime *b)
{
    return a->on == b->on && a->ttbr[0] == b->ttbr[0] && a->ttbr[1] == b->ttbr[1] && a->tcr == b->tcr;
}

/* The number of this content; numbers are never used twice. */
static uint64_t regime_number(ArmSys *s, const ArmRegime *r)
{
    unsigned oldest = 0;
    for (unsigned k = 0; k < ARM_REGIMES; k++) {
        if (s->regime_id[k] && same(&s->regime[k], r)) {
            s->regime_now = k;
            return s->regime_id[k];
        }
        if (s->regime_id[k] < s->regime_id[oldest])
            oldest = k;
    }
    s->regime[oldest] = *r;
    s->regime_id[oldest] = ++s->last_regime;
    s->regime_now = oldest;
    return s->last_regime;
}

static uint64_t asid_of(const ArmSys *s)
{
    uint64_t ttbr = s->tcr1 >> TCR_A1 & 1 ? s->ttbr1 : s->ttbr0;
    return s->sctlr1 & ARM_SCTLR_M ? ttbr >> 48 & (s->tcr1 >> 36 & 1 ? 0xffff : 0xff) : 0;
}

void arm_regime_update(ArmMachine *m)
{
    ArmSys *s = &m->sys;
    ArmRegime r = {.on = s->sctlr1 & ARM_SCTLR_M};
    if (r.on) {
        r.ttbr[0] = s->ttbr0 & OA_MASK & ~1ull;
        r.ttbr[1] = s->ttbr1 & OA_MASK & ~1ull;
        r.tcr = s->tcr1;
    }
    m->arm.base.mem->select(&m->arm.base, regime_number(s, &r) | asid_of(s) << ARM_SPACE_ASID_SHIFT);
}

/* ---- walking ---- */

typedef struct Walk {
    ArmMachine *m;
    Gva va;
    uint64_t tcr;
    MmuHow how;
    unsigned idx, half;
    unsigned page_bits, stride, va_bits;
    int level;            /* of the descriptor looked at, or at fault */
    uint64_t table_attrs; /* TABLE_* of all levels so far */
    MmuPage *ret;
} Walk;

/* log2 of the granule; TTBR1's field has codes of its own. */
static unsigned granule(uint64_t tcr, unsigned half)
{
    static const uint8_t of0[4] = {12, 16, 14, 12}, of1[4] = {12, 14, 12, 16};
    return half ? of1[tcr >> TCR_TG1 & 3] : of0[tcr >> TCR_TG0 & 3];
}

/* False: outside of both halves, or switched off. */
static bool choose_half(Walk *w)
{
    uint64_t tcr = w->tcr;
    w->half = w->va >> 55 & 1;
    unsigned at = w->half * 16, size = tcr >> (TCR_T0SZ + at) & 63;
    bool tbi = tcr >> (TCR_TBI0 + w->half) & 1;
    w->page_bits = granule(tcr, w->half);
    w->stride = w->page_bits - 3;
    w->va_bits = 64 - MIN(MAX(size, 16u), 39u);
    w->level = 0;
    uint64_t top = tbi ? (uint64_t)((int64_t)(w->va << 8) >> 8) : w->va;
    uint64_t above = (int64_t)top >> w->va_bits;
    return above == (w->half ? ~0ull : 0) && !(tcr >> (TCR_EPD0 + at) & 1) && size >= 16;
}

/* What the page lets this index do, not looking at AF. Writable: `dirty` or not. */
static unsigned page_may(const Walk *w, uint64_t desc)
{
    const ArmSys *s = &w->m->sys;
    bool user = (desc & DESC_USER) && !(w->table_attrs & TABLE_NO_USER);
    bool ro = (desc & DESC_RO) || (w->table_attrs & TABLE_RO);
    bool wxn = s->sctlr1 & ARM_SCTLR_WXN;
    unsigned may = 0;
    if (w->idx == ARM_IDX_U) {
        may = user ? MMU_R | (ro ? 0 : MMU_W) : 0;
        if (!(desc & DESC_UXN) && !(w->table_attrs & TABLE_UXN) && !(wxn && user && !ro))
            may |= MMU_X;
        return may;
    }
    may = MMU_R | (ro ? 0 : MMU_W);
    if (!(desc & DESC_PXN) && !(w->table_attrs & TABLE_PXN) && !(user && !ro) && !(wxn && !ro))
        may |= MMU_X;
    if (w->idx == ARM_IDX_PAN && user)
        may &= MMU_X;
    return may;
}

typedef enum WalkEnd { WALK_OK, WALK_AGAIN, WALK_FAULT } WalkEnd;

static WalkEnd fail(Walk *w, int fsc)
{
    fault(&w->m->arm.base, w->va, w->how, fsc);
    return WALK_FAULT;
}

/* Access flag and dirty state, by hardware where TCR says so. */
static WalkEnd mark(Walk *w, Gpa at, uint64_t *desc)
{
    bool has = arm_model_has(w->m->arm.model, ARM_FEAT_HAFDBS);
    bool ha = has && (w->tcr >> TCR_HA & 1), hd = ha && (w->tcr >> TCR_HD & 1);
    uint64_t want = *desc | DESC_AF, seen = *desc;
    if (!(*desc & DESC_AF) && !ha)
        return fail(w, ARM_FSC_ACCESS + w->level);
    if (hd && (*desc & DESC_DBM) && w->how == MMU_WRITE)
        want &= ~(uint64_t)DESC_RO;
    if (want == *desc)
        return WALK_OK;
    Cpu *cpu = &w->m->arm.base;
    if (!cpu->mem->phys_cas(cpu, at, 8, &seen, want))
        return fail(w, ARM_FSC_EXTERNAL_WALK + w->level);
    if (seen != *desc)
        return WALK_AGAIN;
    *desc = want;
    return WALK_OK;
}

/* The highest output address of TCR.IPS. */
static unsigned pa_bits(const Walk *w)
{
    static const uint8_t bits[8] = {32, 36, 40, 42, 44, 48, 48, 48};
    return bits[w->tcr >> TCR_IPS & 7];
}

static WalkEnd leaf(Walk *w, Gpa at, uint64_t desc, unsigned bits)
{
    uint64_t low = (1ull << bits) - 1, oa = desc & OA_MASK & ~low;
    if (oa >> pa_bits(w))
        return fail(w, ARM_FSC_SIZE + w->level);
    bool hd =
        arm_model_has(w->m->arm.model, ARM_FEAT_HAFDBS) && (w->tcr >> TCR_HD & 1) && (w->tcr >> TCR_HA & 1);
    bool clean = hd && (desc & DESC_DBM) && (desc & DESC_RO);
    unsigned may = page_may(w, clean ? desc & ~(uint64_t)DESC_RO : desc);
    if (!(desc & DESC_AF) && !(arm_model_has(w->m->arm.model, ARM_FEAT_HAFDBS) && (w->tcr >> TCR_HA & 1)))
        return fail(w, ARM_FSC_ACCESS + w->level);
    if (!(may >> w->how & 1))
        return fail(w, ARM_FSC_PERMISSION + w->level);
    WalkEnd end = mark(w, at, &desc);
    if (end != WALK_OK)
        return end;
    if (clean && w->how != MMU_WRITE)
        may &= ~(unsigned)MMU_W;
    w->ret->pa = oa | (w->va & low);
    w->ret->bits = (uint8_t)bits;
    w->ret->global = !(desc & DESC_NG);
    w->ret->may = (uint8_t)may;
    return WALK_OK;
}

/* A block is possible at level 2 of all granules and at level 1 of the smallest. */
static bool is_leaf(const Walk *w, uint64_t desc, bool *ret_bad)
{
    bool table = desc & DESC_TABLE;
    *ret_bad = !(desc & DESC_VALID) ||
               (w->level == 3 ? !table : !table && !(w->level == 2 || (w->level == 1 && w->page_bits == 12)));
    return w->level == 3 || !table;
}

static WalkEnd walk_tables(Walk *w)
{
    Cpu *cpu = &w->m->arm.base;
    const ArmRegime *r = &w->m->sys.regime[w->m->sys.regime_now];
    if (!choose_half(w))
        return fail(w, ARM_FSC_TRANSLATION);
    unsigned levels = (w->va_bits - w->page_bits + w->stride - 1) / w->stride;
    bool hpd = w->tcr >> (TCR_HPD0 + w->half) & 1 &&
               arm_model_has(w->m->arm.model, ARM_FEAT_PAN); /* both came with 8.1 */
    unsigned first_bits = w->va_bits - w->page_bits - w->stride * (levels - 1);
    Gpa table = r->ttbr[w->half] & ~((8ull << first_bits) - 1);
    if (table >> pa_bits(w))
        return fail(w, ARM_FSC_SIZE);
    w->table_attrs = 0;
    for (w->level = (int)(4 - levels);; w->level++) {
        unsigned shift = w->page_bits + w->stride * (unsigned)(3 - w->level);
        unsigned n_bits = w->level == (int)(4 - levels) ? first_bits : w->stride;
        Gpa at = table + (w->va >> shift & ((1ull << n_bits) - 1)) * 8;
        uint64_t desc;
        bool bad;
        if (!cpu->mem->phys_ld(cpu, at, 8, &desc))
            return fail(w, ARM_FSC_EXTERNAL_WALK + w->level);
        bool end = is_leaf(w, desc, &bad);
        if (bad)
            return fail(w, ARM_FSC_TRANSLATION + w->level);
        if (end)
            return leaf(w, at, desc, shift);
        if ((desc & OA_MASK) >> pa_bits(w))
            return fail(w, ARM_FSC_SIZE + w->level);
        if (!hpd)
            w->table_attrs |= desc;
        table = desc & OA_MASK & ~((1ull << w->page_bits) - 1);
    }
}

static bool walk_at(ArmMachine *m, Gva va, unsigned idx, MmuHow how, MmuPage *ret)
{
    const ArmRegime *r = &m->sys.regime[m->sys.regime_now];
    Walk w = {.m = m, .va = va, .tcr = r->tcr, .how = how, .idx = idx, .ret = ret};
    WalkEnd end;
    if (!r->on) {
        if (va >> 48) {
            fault(&m->arm.base, va, how, ARM_FSC_SIZE);
            return false;
        }
        *ret = (MmuPage){.pa = va, .bits = 12, .may = MMU_R | MMU_W | MMU_X, .global = true};
        return true;
    }
    do
        end = walk_tables(&w);
    while (end == WALK_AGAIN);
    return end == WALK_OK;
}

bool arm_walk(Cpu *base, Gva va, unsigned idx, MmuHow how, MmuPage *ret)
{
    return walk_at((ArmMachine *)base, va, idx, how, ret);
}

/* ---- AT ---- */

uint64_t arm_at(ArmMachine *m, uint64_t va, unsigned idx, bool write)
{
    enum { PAR_F = 1, PAR_RES1 = 1 << 11, PAR_FST_SHIFT = 1, PAR_SH_INNER = 3 << 7 };
    CpuExit kept = m->arm.base.exit;
    MmuPage p;
    uint64_t par;
    if (walk_at(m, va, idx, write ? MMU_WRITE : MMU_READ, &p))
        par = (p.pa & OA_MASK & ~4095ull) | PAR_RES1 | PAR_SH_INNER | 0xffull << 56;
    else
        par = (uint64_t)(m->arm.base.exit.code & 63) << PAR_FST_SHIFT | PAR_RES1 | PAR_F;
    m->arm.base.exit = kept;
    return par;
}
