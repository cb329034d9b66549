/* TLBI of EL1 and EL2 (Arm ARM, "TLB maintenance instructions"). More may be forgotten than asked for, never
 * less. An address space's key has the ASID on top. What all cpus are to forget they have forgotten when the
 * DSB that follows is done: `tlbi_sent` makes it leave. */
#include "target/arm/arm_mmu.h"

enum { TLBI_ALL_ASIDS = 2, CRM_LOCAL = 7, CRM_LOCAL_RANGE = 6 };

static void forget(ArmMachine *m, bool all_cpus, const MmuFlush *f)
{
    Cpu *cpu = &m->arm.base;
    if (f->by_key)
        cpu->mem->flush_space(cpu, f->key, f->mask, f->one, f->va);
    else if (f->one)
        cpu->mem->flush_page(cpu, f->va);
    else
        cpu->mem->flush(cpu);
    if (!all_cpus || !(cpu->ctx & CTX_PARALLEL))
        return;
    cpu->mem->flush_others(cpu, f);
    m->sys.tlbi_sent = 1;
}

static MmuFlush of_asid(uint64_t asid)
{
    return (MmuFlush){
        .by_key = true, .key = asid << ARM_SPACE_ASID_SHIFT, .mask = 0xffffull << ARM_SPACE_ASID_SHIFT};
}

/* Addresses with tags are entries of their own. */
static bool tags_seen(const ArmMachine *m)
{
    const CpuBoard *b = &m->sys.board;
    const Cpu *cpu;
    for (unsigned k = 0; b->peer && (cpu = b->peer(b->opaque, k)) != NULL; k++)
        if (__atomic_load_n(&((const ArmMachine *)cpu)->sys.tags_seen, __ATOMIC_RELAXED))
            return true;
    return false;
}

static void page(ArmMachine *m, bool all_cpus, uint64_t asid, bool all_asids, Gva va)
{
    bool upper = va >> 63; /* global pages belong to all ASIDs, and most of the upper half's are */
    MmuFlush f = all_asids || upper ? (MmuFlush){0} : of_asid(asid);
    f.one = !tags_seen(m);
    f.va = va;
    forget(m, all_cpus, &f);
}

/* RVAE1 and others (FEAT_TLBIRANGE): BaseADDR, of 64 KiB with 52-bit tables of small granules (`ds`), TTL,
 * NUM, SCALE, TG, ASID. */
static void range(ArmMachine *m, bool all_cpus, bool all_asids, bool ds, uint64_t v)
{
    enum { MOST = 64 };
    static const uint8_t granule[4] = {12, 12, 14, 16};
    unsigned tg = granule[v >> 46 & 3], scale = v >> 44 & 3;
    uint64_t pages = (((v >> 39 & 31) + 1) << (5 * scale + 1)) << (tg - 12);
    Gva base = (uint64_t)((int64_t)(v << 27) >> 27) << (ds ? 16 : tg);
    MmuFlush f = all_asids ? (MmuFlush){0} : of_asid(v >> 48);
    if (pages > MOST) {
        f.by_key &= !(base >> 63); /* global pages */
        forget(m, all_cpus, &f);
        return;
    }
    for (uint64_t k = 0; k < pages; k++)
        page(m, all_cpus, v >> 48, all_asids, base + k * 4096);
}

/* op1 4: by IPA, of all of a VMID: all is forgotten. By an address of EL2: as if of all spaces. */
static void of_el2(ArmMachine *m, unsigned op, uint64_t v)
{
    unsigned crm = op >> 3 & 15, op2 = op & 7;
    bool all_cpus = crm < 4 || crm == 5;
    if ((crm == 1 || crm == 3 || crm == 7) && (op2 & 3) == 1) {
        page(m, all_cpus, 0, true, (uint64_t)((int64_t)(v << 20) >> 8));
    } else if (crm == 2 || crm == 5 || crm == 6) {
        range(m, all_cpus, true, m->sys.tcr[2] >> (m->sys.hcr & ARM_HCR_E2H ? TCR_DS : 32) & 1, v);
    } else {
        forget(m, all_cpus, &(MmuFlush){0});
    }
}

/* CP15 c8: CRm 3 of all cpus, 5 to 7 local ones; opc2 0 all, 1 and 5 an address, 2 an ASID, 3 and 7 an
 * address of all ASIDs. Global pages are anywhere: an address goes from all spaces. */
void arm_tlbi_a32(ArmMachine *m, unsigned crm, unsigned op2, uint32_t v)
{
    MmuFlush f = op2 == 2 ? of_asid(v & 255) : (MmuFlush){.one = op2 & 1, .va = v & ~4095u};
    forget(m, crm == 3, &f);
}

/* EL1's instructions are EL2's own regime's where it has taken EL1's place. */
static bool ds_of_el1(const ArmMachine *m)
{
    const uint64_t host = ARM_HCR_E2H | ARM_HCR_TGE;
    unsigned el = m->sys.el == 2 && (m->sys.hcr & host) == host ? 2 : 1;
    return m->sys.tcr[el] >> TCR_DS & 1;
}

void arm_tlbi(ArmMachine *m, unsigned op, uint64_t v)
{
    unsigned crm = op >> 3 & 15, op2 = op & 7;
    bool all_cpus =
        (crm != CRM_LOCAL && crm != CRM_LOCAL_RANGE) || (m->sys.el == 1 && (m->sys.hcr & ARM_HCR_FB));
    Gva va = (uint64_t)((int64_t)(v << 20) >> 8); /* bits 43..0 are those from 12 up */
    MmuFlush f = {0};
    if (op >> 11 & 4) {
        of_el2(m, op, v);
    } else if (crm == 2 || crm == 5 || crm == CRM_LOCAL_RANGE) {
        range(m, all_cpus, op2 & TLBI_ALL_ASIDS, ds_of_el1(m), v);
    } else if (op2 & 1) { /* VAE1, VALE1, VAAE1, VAALE1 */
        page(m, all_cpus, v >> 48, op2 & TLBI_ALL_ASIDS, va);
    } else {
        if (op2 == 2) /* ASIDE1 */
            f = of_asid(v >> 48);
        forget(m, all_cpus, &f);
    }
}
