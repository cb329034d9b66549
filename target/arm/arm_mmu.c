/* Translation of addresses (Arm ARM, D8 "The AArch64 Virtual Memory System Architecture"): stage 1 of EL1&0,
 * EL2&0 and EL2 with the three granules and addresses of up to 52 bits, stage 2, their faults, AT. Which
 * regime is whose: arm_regime.c; TLBI: arm_tlbi.c. */
#include "target/arm/a32_priv.h"
#include "target/arm/arm_mmu.h"

/* Descriptors */
enum {
    DESC_VALID = 1,
    DESC_TABLE = 2,
    DESC_USER = 1 << 6,
    DESC_RO = 1 << 7,
    DESC_AF = 1 << 10,
    DESC_NG = 1 << 11,
    S2_READ = 1 << 6,
    S2_WRITE = 1 << 7
};
#define DESC_DBM      (1ull << 51)
#define DESC_PXN      (1ull << 53)
#define DESC_UXN      (1ull << 54)
#define TABLE_PXN     (1ull << 59)
#define TABLE_UXN     (1ull << 60)
#define TABLE_NO_USER (1ull << 61)
#define TABLE_RO      (1ull << 62)
#define LOW48         ((1ull << 48) - 1)

/* One walk through tables of one stage. */
typedef struct Walk {
    ArmMachine *m;
    const ArmRegime *r;
    Gva va;       /* as the instruction said it */
    uint64_t in;  /* input address of this stage */
    uint64_t tcr; /* stage 1: as TCR_EL1; stage 2: VTCR_EL2 */
    MmuHow how;
    unsigned idx, half;
    bool stage2, of_walk; /* stage 2 of a descriptor's address */
    bool misaligned;
    bool ha, hd, ds;
    unsigned page_bits, stride, in_bits, pa_bits;
    int level;            /* of the descriptor looked at, or at fault */
    uint64_t table_attrs; /* TABLE_* of all levels so far */
    MmuPage *ret;
} Walk;

typedef enum WalkEnd { WALK_OK, WALK_AGAIN, WALK_FAULT } WalkEnd;

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

/* Level -1 has codes of its own. */
static int code_of(int fsc, int level)
{
    enum { EXTERNAL_MINUS_1 = 19, SIZE_MINUS_1 = 41, TRANSLATION_MINUS_1 = 43 };
    if (level >= 0)
        return fsc + level;
    return fsc == ARM_FSC_TRANSLATION ? TRANSLATION_MINUS_1
           : fsc == ARM_FSC_SIZE      ? SIZE_MINUS_1
                                      : EXTERNAL_MINUS_1;
}

static WalkEnd fail(Walk *w, int fsc)
{
    int code = code_of(fsc, w->level);
    if (w->stage2) {
        code |= ARM_FSC_STAGE2 | (w->of_walk ? ARM_FSC_S1PTW : 0);
        w->m->sys.fault_ipa = w->in;
    }
    fault(&w->m->arm.base, w->va, w->how, code);
    return WALK_FAULT;
}

static WalkEnd fail_misaligned(Walk *w)
{
    w->level = 0; /* its code has none */
    return fail(w, ARM_FSC_ALIGNMENT);
}

/* ---- what the tables say of themselves ---- */

/* log2 of the granule; TTBR1's field has codes of its own. */
static unsigned granule(uint64_t tcr, unsigned half)
{
    static const uint8_t of0[4] = {12, 16, 14, 12}, of1[4] = {12, 14, 12, 16};
    return half ? of1[tcr >> TCR_TG1 & 3] : of0[tcr >> TCR_TG0 & 3];
}

static unsigned output_bits(const Walk *w, unsigned field)
{
    static const uint8_t bits[8] = {32, 36, 40, 42, 44, 48, 52, 52};
    unsigned model = arm_pa_bits(w->m->arm.model);
    unsigned n = MIN((unsigned)bits[field & 7], model);
    return w->page_bits == 16 || w->ds ? n : MIN(n, 48u);
}

/* False: outside of both halves, or switched off. */
static bool choose_half(Walk *w)
{
    uint64_t tcr = w->tcr;
    bool has52 = arm_pa_bits(w->m->arm.model) == 52;
    w->half = w->va >> 55 & 1;
    unsigned at = w->half * 16, size = tcr >> (TCR_T0SZ + at) & 63;
    bool tbi = tcr >> (TCR_TBI0 + w->half) & 1;
    w->page_bits = granule(tcr, w->half);
    w->stride = w->page_bits - 3;
    w->ds = has52 && (tcr >> TCR_DS & 1) && w->page_bits != 16;
    unsigned least = has52 && (w->page_bits == 16 || w->ds) ? 12 : 16;
    w->in_bits = 64 - MIN(MAX(size, least), 48u);
    w->pa_bits = output_bits(w, tcr >> TCR_IPS & 7);
    w->level = 0;
    uint64_t top = tbi ? (uint64_t)((int64_t)(w->va << 8) >> 8) : w->va;
    uint64_t above = (uint64_t)((int64_t)top >> w->in_bits);
    if (tbi && top != w->va)
        __atomic_store_n(&w->m->sys.tags_seen, 1, __ATOMIC_RELAXED);
    w->in = w->va & ((1ull << w->in_bits) - 1);
    return above == (w->half ? ~0ull : 0) && !(tcr >> (TCR_EPD0 + at) & 1) && size >= least && size <= 48;
}

/* The output address in a descriptor, with nothing below `bits`. */
static uint64_t output(const Walk *w, uint64_t desc, unsigned bits)
{
    uint64_t oa = desc & LOW48;
    if (w->ds)
        oa = (desc & ((1ull << 50) - 1)) | (desc >> 8 & 3) << 50;
    else if (w->page_bits == 16 && arm_pa_bits(w->m->arm.model) == 52)
        oa |= (desc >> 12 & 15) << 48;
    return oa >> bits << bits;
}

/* ---- permissions ---- */

/* What the page lets this index do, not looking at AF. Writable: `dirty` or not. */
static unsigned stage1_may(const Walk *w, uint64_t desc)
{
    const ArmRegime *r = w->r;
    bool one_level = r->kind == ARM_REGIME_EL2;
    bool user = (desc & DESC_USER) && !(w->table_attrs & TABLE_NO_USER) && !one_level;
    bool ro = (desc & DESC_RO) || (w->table_attrs & TABLE_RO);
    bool wxn = r->sctlr & ARM_SCTLR_WXN;
    bool uxn = (desc & DESC_UXN) || (w->table_attrs & TABLE_UXN);
    bool pxn = one_level ? uxn : (desc & DESC_PXN) || (w->table_attrs & TABLE_PXN);
    unsigned may = 0;
    if (w->idx == ARM_IDX_U) {
        may = user ? MMU_R | (ro ? 0 : MMU_W) : 0;
        if (!uxn && !(wxn && user && !ro))
            may |= MMU_X;
        return may;
    }
    may = MMU_R | (ro ? 0 : MMU_W);
    if (!pxn && !(user && !ro) && !(wxn && !ro))
        may |= MMU_X;
    if (w->idx == ARM_IDX_PAN && (user || ((r->sctlr & ARM_SCTLR_EPAN) && !uxn)))
        may &= MMU_X;
    return may;
}

static unsigned stage2_may(const Walk *w, uint64_t desc)
{
    bool high = desc & DESC_UXN, low = (desc & DESC_PXN) && arm_model_has(w->m->arm.model, ARM_FEAT_PAN);
    unsigned may = (desc & S2_READ ? MMU_R : 0) | (desc & S2_WRITE ? MMU_W : 0);
    /* XN[1:0]: 0 all, 1 EL0, 2 nobody, 3 EL1 */
    bool run = low ? high == (w->idx != ARM_IDX_U) : !high;
    return may | (run && (may & MMU_R) ? MMU_X : 0);
}

/* ---- access flag, dirty state ---- */

/* What stage 2 is asked for. */
typedef enum Asks { ASKS_ACCESS, ASKS_MISALIGNED, ASKS_DESCRIPTOR } Asks;
static bool stage2(ArmMachine *m, const ArmRegime *r, Gva va, uint64_t ipa, unsigned idx, MmuHow how,
                   Asks asks, MmuPage *ret);

/* Where a descriptor lies. False: stage 2 does not let it be read (or written). */
static bool table_address(Walk *w, uint64_t *io, bool write)
{
    MmuPage p;
    if (w->stage2 || !w->r->stage2)
        return true;
    if (!stage2(w->m, w->r, w->va, *io, ARM_IDX_P, write ? MMU_WRITE : MMU_READ, ASKS_DESCRIPTOR, &p)) {
        /* what is told is the access that was asked for */
        int code = w->m->arm.base.exit.code;
        fault(&w->m->arm.base, w->va, w->how, code);
        return false;
    }
    *io = p.pa;
    return true;
}

static WalkEnd mark(Walk *w, Gpa at, uint64_t *desc, bool dirty)
{
    uint64_t want = *desc | DESC_AF, seen = *desc;
    if (!(*desc & DESC_AF) && !w->ha)
        return fail(w, ARM_FSC_ACCESS);
    if (dirty)
        want = w->stage2 ? want | S2_WRITE : want & ~(uint64_t)DESC_RO;
    if (want == *desc)
        return WALK_OK;
    Cpu *cpu = &w->m->arm.base;
    uint64_t pa = at;
    if (!table_address(w, &pa, true))
        return WALK_FAULT;
    if (!cpu->mem->phys_cas(cpu, pa, 8, &seen, want))
        return fail(w, ARM_FSC_EXTERNAL_WALK);
    if (seen != *desc)
        return WALK_AGAIN;
    *desc = want;
    return WALK_OK;
}

/* MmuPage.attr: shareability above a byte as MAIR_ELx has it (stage 1), or four bits, MemAttr (stage 2). */
enum {
    ATTR_SH_SHIFT = 8,
    ATTR_SH_OUTER = 2 << ATTR_SH_SHIFT,
    ATTR_WRITE_BACK = 0xff,
    ATTR_NON_CACHEABLE = 0x44
};

static unsigned attr_of(const Walk *w, uint64_t desc)
{
    enum { TCR_SH0 = 12 };
    unsigned el = w->r->kind == ARM_REGIME_EL10 ? 1 : 2, index = desc >> 2 & 7;
    unsigned sh = (w->ds ? w->tcr >> (TCR_SH0 + 16 * w->half) : desc >> 8) & 3;
    unsigned kind = w->stage2 ? desc >> 2 & 15 : w->m->sys.mair[el] >> 8 * index & 255;
    return kind | sh << ATTR_SH_SHIFT;
}

static bool is_device(unsigned attr, bool stage2)
{
    return !(attr & (stage2 ? 12 : 0xf0));
}

/* One half of the byte and two bits of MemAttr: not cached, or written through, if either says so. */
static unsigned weaker(unsigned of1, unsigned of2)
{
    enum { NON_CACHEABLE = 4, WRITE_BACK = 4, NON_CACHEABLE_2 = 1, WRITE_THROUGH_2 = 2 };
    if (of1 == NON_CACHEABLE || of2 == NON_CACHEABLE_2)
        return NON_CACHEABLE;
    return of2 == WRITE_THROUGH_2 ? of1 & ~(unsigned)WRITE_BACK : of1;
}

/* Of both stages ("Combining stage 1 and stage 2 attributes"). */
static unsigned combined(unsigned of1, unsigned of2)
{
    unsigned sh1 = of1 >> ATTR_SH_SHIFT, sh2 = of2 >> ATTR_SH_SHIFT, as1 = (of2 & 3) << 2;
    bool device1 = is_device(of1, false), device2 = is_device(of2, true);
    unsigned sh = sh1 == 2 || sh2 == 2 ? 2 : sh1 | sh2;
    unsigned kind = device1 && device2 ? MIN(of1 & 15, as1)
                    : device1          ? of1 & 255
                    : device2          ? as1
                                       : weaker(of1 >> 4 & 15, of2 >> 2 & 3) << 4 | weaker(of1 & 15, of2 & 3);
    return kind | sh << ATTR_SH_SHIFT;
}

static WalkEnd leaf(Walk *w, Gpa at, uint64_t desc, unsigned bits)
{
    uint64_t low = (1ull << bits) - 1, oa = output(w, desc, bits);
    if (oa >> w->pa_bits)
        return fail(w, ARM_FSC_SIZE);
    bool clean = w->hd && (desc & DESC_DBM) && (w->stage2 ? !(desc & S2_WRITE) : !!(desc & DESC_RO));
    uint64_t dirty = !clean ? desc : w->stage2 ? desc | S2_WRITE : desc & ~(uint64_t)DESC_RO;
    unsigned may = w->stage2 ? stage2_may(w, dirty) : stage1_may(w, dirty);
    if (!(desc & DESC_AF) && !w->ha)
        return fail(w, ARM_FSC_ACCESS);
    w->ret->attr = (uint16_t)attr_of(w, desc);
    w->ret->aligned = is_device(w->ret->attr, w->stage2);
    if (w->ret->aligned && w->misaligned)
        return fail_misaligned(w);
    if (!(may >> w->how & 1))
        return fail(w, ARM_FSC_PERMISSION);
    WalkEnd end = mark(w, at, &desc, clean && w->how == MMU_WRITE);
    if (end != WALK_OK)
        return end;
    if (clean && w->how != MMU_WRITE)
        may &= ~(unsigned)MMU_W;
    w->ret->pa = oa | (w->in & low);
    w->ret->bits = w->ret->even = (uint8_t)bits;
    w->ret->global = !w->stage2 && !(desc & DESC_NG);
    w->ret->may = (uint8_t)may;
    return WALK_OK;
}

/* ---- walking ---- */

/* A block is possible at level 2 of all granules, at level 1 of the smallest; with 52 bits one level higher.
 */
static bool block_possible(const Walk *w)
{
    if (w->level == 2)
        return true;
    if (w->page_bits == 12)
        return w->level == 1 || (w->level == 0 && w->ds);
    return w->level == 1 && (w->page_bits == 16 ? arm_pa_bits(w->m->arm.model) == 52 : w->ds);
}

/* From the table of the first level, which is indexed by `first_bits` bits. */
static WalkEnd descend(Walk *w, uint64_t table, unsigned first_bits)
{
    Cpu *cpu = &w->m->arm.base;
    int first = w->level;
    bool hpd = !w->stage2 && (w->tcr >> (TCR_HPD0 + w->half) & 1) &&
               arm_model_has(w->m->arm.model, ARM_FEAT_PAN); /* both came with 8.1 */
    w->table_attrs = 0;
    for (;; w->level++) {
        unsigned shift = w->page_bits + w->stride * (unsigned)(3 - w->level);
        unsigned n_bits = w->level == first ? first_bits : w->stride;
        uint64_t at = table + (w->in >> shift & ((1ull << n_bits) - 1)) * 8, pa = at;
        uint64_t desc;
        if (!table_address(w, &pa, false))
            return WALK_FAULT;
        if (!cpu->mem->phys_ld(cpu, pa, 8, &desc))
            return fail(w, ARM_FSC_EXTERNAL_WALK);
        bool is_table = desc & DESC_TABLE;
        if (!(desc & DESC_VALID) || (w->level == 3 ? !is_table : !is_table && !block_possible(w)))
            return fail(w, ARM_FSC_TRANSLATION);
        if (w->level == 3 || !is_table)
            return leaf(w, at, desc, shift);
        table = output(w, desc, w->page_bits);
        if (table >> w->pa_bits)
            return fail(w, ARM_FSC_SIZE);
        if (!hpd)
            w->table_attrs |= desc;
    }
}

/* A base register: bits 51..48 stand in bits 5..2 where the tables use so many. */
static uint64_t base_of(const Walk *w, uint64_t ttbr, unsigned first_bits)
{
    uint64_t base = ttbr & LOW48;
    unsigned align = first_bits + 3;
    if (w->pa_bits == 52) {
        base |= (ttbr >> 2 & 15) << 48;
        align = MAX(align, 6u);
    }
    return base >> align << align;
}

static WalkEnd stage1_once(Walk *w)
{
    const ArmRegime *r = w->r;
    if (!choose_half(w))
        return fail(w, ARM_FSC_TRANSLATION);
    bool has = arm_model_has(w->m->arm.model, ARM_FEAT_HAFDBS);
    w->ha = has && (w->tcr >> TCR_HA & 1);
    w->hd = w->ha && (w->tcr >> TCR_HD & 1);
    unsigned levels = (w->in_bits - w->page_bits + w->stride - 1) / w->stride;
    unsigned first_bits = w->in_bits - w->page_bits - w->stride * (levels - 1);
    uint64_t table = base_of(w, r->ttbr[w->half], first_bits);
    if (table >> w->pa_bits)
        return fail(w, ARM_FSC_SIZE);
    w->level = 4 - (int)levels;
    return descend(w, table, first_bits);
}

static WalkEnd stage2_once(Walk *w)
{
    enum { SL0_SHIFT = 6, PS_SHIFT = 16, HA = 21, HD = 22 };
    uint64_t vtcr = w->tcr;
    bool has = arm_model_has(w->m->arm.model, ARM_FEAT_HAFDBS);
    unsigned size = vtcr & 63, sl0 = vtcr >> SL0_SHIFT & 3;
    w->page_bits = granule(vtcr, 0);
    w->stride = w->page_bits - 3;
    w->ds = arm_pa_bits(w->m->arm.model) == 52 && (vtcr >> 32 & 1) && w->page_bits != 16;
    w->pa_bits = output_bits(w, vtcr >> PS_SHIFT & 7);
    w->in_bits = 64 - MIN(MAX(size, 12u), 48u);
    w->ha = has && (vtcr >> HA & 1);
    w->hd = w->ha && (vtcr >> HD & 1);
    w->level = w->page_bits == 12 ? (sl0 == 3 ? 3 : 2 - (int)sl0) : 3 - (int)sl0;
    if (w->ds && w->page_bits == 12 && (vtcr >> 33 & 1))
        w->level = -1;
    unsigned shift = w->page_bits + w->stride * (unsigned)(3 - w->level);
    if (w->in >> w->in_bits || w->in_bits <= shift || w->in_bits > shift + w->stride + 4) {
        w->level = 0;
        return fail(w, ARM_FSC_TRANSLATION);
    }
    uint64_t table = base_of(w, w->r->vttbr, w->in_bits - shift);
    if (table >> w->pa_bits)
        return fail(w, ARM_FSC_SIZE);
    return descend(w, table, w->in_bits - shift);
}

static bool stage2(ArmMachine *m, const ArmRegime *r, Gva va, uint64_t ipa, unsigned idx, MmuHow how,
                   Asks asks, MmuPage *ret)
{
    Walk w = {.m = m,
              .r = r,
              .va = va,
              .in = ipa,
              .tcr = r->vtcr,
              .how = how,
              .idx = idx,
              .stage2 = true,
              .of_walk = asks == ASKS_DESCRIPTOR,
              .misaligned = asks == ASKS_MISALIGNED,
              .ret = ret};
    WalkEnd end;
    do
        end = stage2_once(&w);
    while (end == WALK_AGAIN);
    return end == WALK_OK;
}

/* Switched off all data are Device memory. Their accesses are IR_ALIGNED, so the page needs not to say so. */
static bool stage1_off(ArmMachine *m, Gva va, MmuHow how, bool misaligned, MmuPage *ret)
{
    bool size = va >> arm_pa_bits(m->arm.model);
    if (size || (misaligned && arm_data_is_device(m))) {
        fault(&m->arm.base, va, how, size ? ARM_FSC_SIZE : ARM_FSC_ALIGNMENT);
        return false;
    }
    *ret = (MmuPage){.pa = va,
                     .bits = 12,
                     .even = MMU_EVEN,
                     .may = MMU_R | MMU_W | MMU_X,
                     .attr = arm_data_is_device(m) ? ATTR_SH_OUTER : ATTR_WRITE_BACK,
                     .global = true};
    return true;
}

static bool stage1(ArmMachine *m, const ArmRegime *r, Gva va, unsigned idx, MmuHow how, bool misaligned,
                   MmuPage *ret)
{
    Walk w = {.m = m,
              .r = r,
              .va = va,
              .tcr = r->tcr,
              .how = how,
              .idx = idx,
              .misaligned = misaligned,
              .ret = ret};
    WalkEnd end;
    if (!r->on)
        return stage1_off(m, va, how, misaligned, ret);
    do
        end = stage1_once(&w);
    while (end == WALK_AGAIN);
    return end == WALK_OK;
}

static bool both_stages(ArmMachine *m, const ArmRegime *r, bool both, Gva va, unsigned idx, MmuHow how,
                        bool misaligned, MmuPage *ret)
{
    MmuPage p;
    if (!stage1(m, r, va, idx, how, misaligned, ret))
        return false;
    if (!r->stage2 || !both)
        return true;
    if (!stage2(m, r, va, ret->pa, idx, how, misaligned ? ASKS_MISALIGNED : ASKS_ACCESS, &p))
        return false;
    ret->attr = (uint16_t)combined(ret->attr, p.attr);
    ret->aligned |= p.aligned;
    ret->pa = p.pa;
    ret->bits = MIN(ret->bits, p.bits);
    ret->even = MIN(ret->even, p.even);
    ret->may &= p.may;
    ret->global = false;
    return true;
}

bool arm_walk_regime(ArmMachine *m, const ArmRegime *r, bool both, Gva va, unsigned idx, MmuHow how,
                     MmuPage *ret)
{
    return both_stages(m, r, both, va, idx, how, false, ret);
}

static bool walk_now(Cpu *base, Gva va, unsigned idx, MmuHow how, bool misaligned, MmuPage *ret)
{
    ArmMachine *m = (ArmMachine *)base;
    const ArmRegime *r = &m->sys.regime[m->sys.regime_now];
    if (m->sys.a32)
        return a32_walk(m, r, (uint32_t)va, idx, how, misaligned, ret);
    if (m->sys.nrw)
        va = (uint32_t)va;
    return both_stages(m, r, true, va, idx, how, misaligned, ret);
}

bool arm_walk(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret)
{
    return walk_now(cpu, va, idx, how, false, ret);
}

bool arm_walk_misaligned(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret)
{
    return walk_now(cpu, va, idx, how, true, ret);
}

/* ---- alignment of all accesses ---- */

static uint64_t sctlr_now(const ArmMachine *m)
{
    return m->sys.sctlr[m->sys.el == 2 || arm_host_el0(m) ? 2 : 1];
}

/* Of a regime whose stage 1 is off: HCR_EL2.DC makes EL1's and EL0's data Normal. */
bool arm_data_is_device(const ArmMachine *m)
{
    const ArmSys *s = &m->sys;
    bool of_el2 = s->el == 2 || arm_host_el0(m);
    return !s->regime[s->regime_now].on && (of_el2 || (s->hcr & ARM_HCR_TGE) || !(s->hcr & ARM_HCR_DC));
}

bool arm_wants_aligned(const ArmMachine *m)
{
    return (sctlr_now(m) & ARM_SCTLR_A) || arm_data_is_device(m);
}

void arm_misaligned(Cpu *cpu, Gva va, MmuHow how)
{
    const ArmMachine *m = (const ArmMachine *)cpu;
    bool size = !m->sys.a32 && !(sctlr_now(m) & ARM_SCTLR_A) && va >> arm_pa_bits(m->arm.model);
    fault(cpu, va, how, size ? ARM_FSC_SIZE : ARM_FSC_ALIGNMENT);
}

/* ---- AT ---- */

uint64_t arm_at(ArmMachine *m, const ArmRegime *r, bool both, uint64_t va, unsigned idx, bool write)
{
    enum {
        PAR_F = 1,
        PAR_RES1 = 1 << 11,
        PAR_FST_SHIFT = 1,
        PAR_PTW = 1 << 8,
        PAR_S = 1 << 9,
        PAR_SH_SHIFT = 7,
        PAR_ATTR_SHIFT = 56
    };
    CpuExit kept = m->arm.base.exit;
    MmuPage p;
    uint64_t par;
    if (arm_walk_regime(m, r, both, va, idx, write ? MMU_WRITE : MMU_READ, &p)) {
        unsigned kind = p.attr & 255; /* who does not cache is shared by all */
        unsigned attr = is_device(kind, false) || kind == ATTR_NON_CACHEABLE ? kind | ATTR_SH_OUTER : p.attr;
        par = (p.pa & ((1ull << 52) - 1) & ~4095ull) | PAR_RES1 |
              (uint64_t)(attr >> ATTR_SH_SHIFT) << PAR_SH_SHIFT | (uint64_t)kind << PAR_ATTR_SHIFT;
    } else {
        uint32_t code = (uint32_t)m->arm.base.exit.code;
        par = (uint64_t)(code & 63) << PAR_FST_SHIFT | PAR_RES1 | PAR_F |
              (code & ARM_FSC_STAGE2 ? PAR_S : 0) | (code & ARM_FSC_S1PTW ? PAR_PTW : 0);
    }
    m->arm.base.exit = kept;
    return par;
}
