/* TLBI of EL1 (Arm ARM, "TLB maintenance instructions"). More may be forgotten than asked for, never less. An
 * address space's key has the ASID on top. */
#include "target/arm/arm_sys.h"

enum { TLBI_LAST_LEVEL = 4, TLBI_ALL_ASIDS = 2 };
#define SPACE_ASID_MASK (0xffffull << ARM_SPACE_ASID_SHIFT)

static void page(ArmMachine *m, uint64_t asid, bool all, Gva va)
{
    Cpu *cpu = &m->arm.base;
    bool low = !(va >> 55 & 1);
    /* Global pages belong to all ASIDs, and most of the upper half's are. */
    if (all || !low || m->sys.low_globals)
        cpu->mem->flush_page(cpu, va);
    else
        cpu->mem->flush_space(cpu, asid << ARM_SPACE_ASID_SHIFT, SPACE_ASID_MASK, true, va);
}

/* RVAE1 and others (FEAT_TLBIRANGE): BaseADDR, TTL, NUM, SCALE, TG, ASID. */
static void range(ArmMachine *m, bool all, uint64_t v)
{
    enum { MOST = 512 };
    static const uint8_t granule[4] = {12, 12, 14, 16};
    unsigned tg = granule[v >> 46 & 3], scale = v >> 44 & 3;
    uint64_t pages = ((v >> 39 & 31) + 1) << (5 * scale + 1), step = 1ull << tg;
    Gva base = (uint64_t)((int64_t)(v << 27) >> 27) << tg;
    if (pages > MOST) {
        m->arm.base.mem->flush(&m->arm.base);
        return;
    }
    for (uint64_t k = 0; k < pages; k++)
        for (uint64_t at = 0; at < step; at += 4096)
            page(m, v >> 48, all, base + k * step + at);
}

void arm_tlbi(ArmMachine *m, unsigned op, uint64_t v)
{
    Cpu *cpu = &m->arm.base;
    unsigned crm = op >> 3 & 15, op2 = op & 7;
    Gva va = (uint64_t)((int64_t)(v << 20) >> 8); /* bits 43..0 are those from 12 up */
    if (crm == 2 || crm == 5 || crm == 6) {       /* by range */
        range(m, op2 & TLBI_ALL_ASIDS, v);
        return;
    }
    switch (op2) {
    case 1:
    case 5: page(m, v >> 48, false, va); break;
    case 3:
    case 7: page(m, v >> 48, true, va); break;
    case 2: cpu->mem->flush_space(cpu, (v >> 48) << ARM_SPACE_ASID_SHIFT, SPACE_ASID_MASK, false, 0); break;
    default: cpu->mem->flush(cpu); break;
    }
}
