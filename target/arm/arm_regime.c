/* Translation regimes (Arm ARM, D8.1): whose registers say how the present level's addresses are translated,
 * and which address space of the TLB that is. Each content has a number of its own, never used twice. */
#include "target/arm/a32_priv.h"
#include "target/arm/arm_mmu.h"
#include "target/arm/a64_decode.h"

unsigned arm_pa_bits(ArmModel model)
{
    static const uint8_t bits[8] = {32, 36, 40, 42, 44, 48, 52, 52};
    return bits[arm_machine_id(model, A64_SYSREG(3, 0, 0, 7, 0)) & 7];
}

unsigned arm_data_idx(const ArmMachine *m)
{
    return m->sys.el == 0 ? ARM_IDX_U : m->arm.pstate & ARM_PSTATE_PAN ? ARM_IDX_PAN : ARM_IDX_P;
}

/* EL2's TCR without E2H, its fields where TCR_EL1 has them; there is no upper half. */
static uint64_t tcr_of_el2(uint64_t tcr)
{
    return (tcr & 0xff7f) | 1ull << TCR_EPD1 | (tcr >> 16 & 7) << TCR_IPS | (tcr >> 20 & 1) << TCR_TBI0 |
           (tcr >> 21 & 1) << TCR_HA | (tcr >> 22 & 1) << TCR_HD | (tcr >> 24 & 1) << TCR_HPD0 |
           (tcr >> 32 & 1) << TCR_DS;
}

static uint64_t asid_in(uint64_t ttbr0, uint64_t ttbr1, uint64_t tcr)
{
    uint64_t ttbr = tcr >> TCR_A1 & 1 ? ttbr1 : ttbr0;
    return ttbr >> 48 & (tcr >> TCR_AS & 1 ? 0xffff : 0xff);
}

ArmRegime arm_regime_of(const ArmMachine *m, unsigned el, uint64_t *ret_asid)
{
    const ArmSys *s = &m->sys;
    const uint64_t base = (1ull << 48) - 1;
    if (s->a32)
        return a32_regime_of(m, ret_asid);
    uint64_t host = ARM_HCR_E2H | ARM_HCR_TGE;
    bool of_host = (s->hcr & host) == host && el == 0;
    bool both = (el == 2 && (s->hcr & ARM_HCR_E2H)) || of_host;
    unsigned of = el == 2 || of_host ? 2 : 1;
    bool stage2 = of == 1 && !(s->hcr & ARM_HCR_TGE) && (s->hcr & (ARM_HCR_VM | ARM_HCR_DC));
    bool no_stage1 = of == 1 && ((s->hcr & ARM_HCR_TGE) || (stage2 && (s->hcr & ARM_HCR_DC)));
    ArmRegime r = {.kind = of == 1 ? ARM_REGIME_EL10
                           : both  ? ARM_REGIME_EL20
                                   : ARM_REGIME_EL2,
                   .on = (s->sctlr[of] & ARM_SCTLR_M) && !no_stage1,
                   .stage2 = stage2};
    *ret_asid = 0;
    if (r.on) {
        r.sctlr = s->sctlr[of] & (ARM_SCTLR_WXN | ARM_SCTLR_EPAN);
        r.ttbr[0] = s->ttbr0[of] & base & ~1ull;
        r.ttbr[1] = r.kind == ARM_REGIME_EL2 ? 0 : s->ttbr1[of] & base & ~1ull;
        r.tcr = r.kind == ARM_REGIME_EL2 ? tcr_of_el2(s->tcr[2]) : s->tcr[of];
        if (r.kind != ARM_REGIME_EL2)
            *ret_asid = asid_in(s->ttbr0[of], s->ttbr1[of], s->tcr[of]);
    }
    if (stage2) {
        r.vttbr = s->vttbr;
        r.vtcr = s->vtcr;
    }
    return r;
}

static bool same(const ArmRegime *a, const ArmRegime *b)
{
    return a->kind == b->kind && a->on == b->on && a->stage2 == b->stage2 && a->ttbr[0] == b->ttbr[0] &&
           a->ttbr[1] == b->ttbr[1] && a->tcr == b->tcr && a->sctlr == b->sctlr && a->dacr == b->dacr &&
           a->vttbr == b->vttbr && a->vtcr == b->vtcr;
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

void arm_regime_update(ArmMachine *m)
{
    uint64_t asid;
    ArmRegime r = arm_regime_of(m, m->sys.el, &asid);
    m->arm.base.mem->select(&m->arm.base, regime_number(&m->sys, &r) | asid << ARM_SPACE_ASID_SHIFT);
}
