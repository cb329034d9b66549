/* System registers of a machine's cpu: arm_sysregs.def says what most are; the others have functions here.
 * TLBI, AT and what EL0 may not do. */
#include "target/arm/a64_trans_priv.h"
#include "target/arm/arm_mmu.h"

enum { NO_FIELD = 0xffff };

typedef struct RegRow {
    uint16_t reg, field; /* A64_SYSREG; offset in ArmSys */
    uint8_t access, how;
    uint64_t bits;
} RegRow;

#define FIELD_SLOT(f)  offsetof(ArmSys, f)
#define FIELD_PLAIN(f) offsetof(ArmSys, f)
#define FIELD_CONST(f) NO_FIELD
#define FIELD_FN(f)    NO_FIELD

typedef enum RegId {
#define ASYS(id, ...) REG_##id,
#include "target/arm/arm_sysregs.def"
#undef ASYS
    REG_COUNT
} RegId;

static const RegRow rows[REG_COUNT] = {
#define ASYS(id, op0, op1, crn, crm, op2, access, how, field, bits)                                          \
    {A64_SYSREG(op0, op1, crn, crm, op2), FIELD_##how(field), ARM_SYS_##access, ARM_SYS_##how, bits},
#include "target/arm/arm_sysregs.def"
#undef ASYS
};

static int find(unsigned reg)
{
    for (unsigned k = 0; k < REG_COUNT; k++)
        if (rows[k].reg == reg)
            return (int)k;
    return -1;
}

/* ---- identification ---- */

uint64_t arm_machine_id(ArmModel model, unsigned reg)
{
    bool v82 = arm_model_has(model, ARM_FEAT_PAN);   /* and with it the rest of 8.1 and 8.2 */
    bool v84 = arm_model_has(model, ARM_FEAT_FlagM); /* and with it TLBI of ranges and with levels */
    bool wide = arm_model_has(model, ARM_FEAT_MOPS); /* the models of newest features have 52-bit addresses */
    const uint64_t tlbi_range = v84 ? 2ull << 56 : 0, ttl = v84 ? 1ull << 48 : 0;
    enum { PA_40 = 2, PA_44 = 4, PA_48 = 5, PA_52 = 6 };
    switch (reg) {
    case A64_SYSREG(3, 0, 0, 0, 0): return arm_model_midr(model);
    case A64_SYSREG(3, 0, 0, 4, 0): { /* EL0: which states */
        uint64_t v = arm_id_value(model, ARM_ID_AA64PFR0);
        return arm_model_a32(model) < A32_MODELS ? (v & ~15ull) | 2 : v;
    }
    case A64_SYSREG(3, 0, 0, 4, 1): return arm_id_value(model, ARM_ID_AA64PFR1) & ARM_MACHINE_PFR1;
    case A64_SYSREG(3, 0, 0, 5, 0): return 0x305106; /* debug 8.0: 6 breakpoints, 4 watchpoints; PMUv3 */
    case A64_SYSREG(3, 0, 0, 6, 0): return arm_id_value(model, ARM_ID_AA64ISAR0) | tlbi_range;
    case A64_SYSREG(3, 0, 0, 6, 1): return arm_id_value(model, ARM_ID_AA64ISAR1) & ARM_MACHINE_ISAR1;
    case A64_SYSREG(3, 0, 0, 6, 2): return arm_id_value(model, ARM_ID_AA64ISAR2) & ARM_MACHINE_ISAR2;
    case A64_SYSREG(3, 0, 0, 7,
                    0): /* all granules, 16-bit ASIDs; with 52 bits also of the two smaller ones */
        return wide ? 0x10201020 | PA_52 : 0x101020 | (v82 ? PA_48 : model == ARM_MODEL_A53 ? PA_40 : PA_44);
    case A64_SYSREG(3, 0, 0, 7, 1):
        return v82 ? (wide ? 0x301002 : 0x201002) : 0; /* HAFDBS, HPD, PAN2 or EPAN */
    case A64_SYSREG(3, 0, 0, 7, 2): return (v82 ? 0x10 : 0) | (wide ? 0x10000 : 0) | ttl; /* UAO, VARange */
    default: return arm_a32_id(model, reg);
    }
}

uint64_t arm_own_id(const ArmMachine *m, unsigned reg)
{
    uint64_t v = arm_machine_id(m->arm.model, reg);
    bool v82 = arm_model_has(m->arm.model, ARM_FEAT_PAN);
    if (reg == A64_SYSREG(3, 0, 0, 4, 0) && m->sys.has_gic_regs)
        v |= 1 << 24;
    if (m->sys.el_max < 2)
        return v;
    if (reg == A64_SYSREG(3, 0, 0, 4, 0))
        v |= 1 << 8; /* EL2, AArch64 */
    if (reg == A64_SYSREG(3, 0, 0, 7, 1) && v82)
        v |= 0x10000120; /* XNX, VHE, VMIDs of 16 bits */
    return v;
}

/* ---- time ---- */

uint64_t arm_count(const ArmMachine *m)
{
    return m->sys.board.time(m->sys.board.opaque);
}

static uint64_t timer_count(const ArmMachine *m, unsigned n)
{
    return arm_count(m) - (n == ARM_TIMER_VIRT ? m->sys.cntvoff : 0);
}

enum { TIMER_ENABLE = 1, TIMER_IMASK = 2, TIMER_ISTATUS = 4 };

/* The board raises the line from then on. */
static void set_alarm(ArmMachine *m, unsigned n)
{
    const ArmTimer *t = &m->sys.timer[n];
    const CpuBoard *b = &m->sys.board;
    uint64_t when = t->cval + (n == ARM_TIMER_VIRT ? m->sys.cntvoff : 0);
    if ((t->ctl & (TIMER_ENABLE | TIMER_IMASK)) != TIMER_ENABLE)
        when = UINT64_MAX;
    b->alarm(b->opaque, b->number * ARM_TIMERS + n, when);
}

static uint64_t timer_read(const ArmMachine *m, unsigned n, unsigned which)
{
    const ArmTimer *t = &m->sys.timer[n];
    uint64_t now = timer_count(m, n);
    if (which == 0)
        return (uint32_t)(t->cval - now);
    if (which == 2)
        return t->cval;
    return t->ctl | ((t->ctl & TIMER_ENABLE) && now >= t->cval ? TIMER_ISTATUS : 0);
}

static void timer_write(ArmMachine *m, unsigned n, unsigned which, uint64_t v)
{
    ArmTimer *t = &m->sys.timer[n];
    if (which == 0)
        t->cval = timer_count(m, n) + (uint64_t)(int64_t)(int32_t)v;
    else if (which == 2)
        t->cval = v;
    else
        t->ctl = v & (TIMER_ENABLE | TIMER_IMASK);
    set_alarm(m, n);
}

/* CNTP, CNTV, CNTHP, CNTHV: three rows each, one behind the other. */
static bool is_timer(unsigned id)
{
    return id >= REG_CNTP_TVAL && id <= REG_CNTHV_CVAL;
}
static unsigned timer_of(unsigned id)
{
    static const uint8_t timers[] = {ARM_TIMER_PHYS, ARM_TIMER_VIRT, ARM_TIMER_HYP, ARM_TIMER_HYPVIRT};
    return timers[(id - REG_CNTP_TVAL) / 3];
}

/* The virtual count as this level sees it: a host's is not shifted. */
static uint64_t virtual_count(const ArmMachine *m)
{
    bool host = arm_host_el0(m) || (m->sys.el == 2 && (m->sys.hcr & ARM_HCR_E2H));
    return arm_count(m) - (host ? 0 : m->sys.cntvoff);
}

static bool is_pmu(unsigned id)
{
    return id >= REG_PMCR && id <= REG_PMINTENCLR;
}

/* ---- functions ---- */

static uint64_t ccsidr(uint64_t csselr)
{
    switch (csselr) {
    case 0: return 0x701fe00a; /* L1 data, 32 KiB */
    case 1: return 0x201fe012; /* L1 instructions, 48 KiB */
    case 2: return 0x707fe07a; /* L2, 1 MiB */
    default: return 0;
    }
}

/* ISR_EL1: EL1 sees the virtual ones where EL2 has the others. */
static uint64_t isr(const ArmMachine *m)
{
    const ArmSys *s = &m->sys;
    uint32_t lines = __atomic_load_n(&s->lines, __ATOMIC_ACQUIRE), taken = (uint32_t)s->hcr << 3;
    uint32_t bits = ARM_PSTATE_I | ARM_PSTATE_F | ARM_PSTATE_A;
    if (s->el_max < 2 || s->el == 2)
        return lines & (ARM_PSTATE_I | ARM_PSTATE_F);
    return ((lines & ~taken) | ((lines >> ARM_LINES_VIRTUAL_SHIFT | lines >> ARM_LINES_HCR_SHIFT) & taken)) &
           bits;
}

static uint64_t *key_half(ArmMachine *m, unsigned id)
{
    return &m->arm.pac_key[(id - REG_APIAKEYLO) / 2][(id - REG_APIAKEYLO) % 2];
}

static uint64_t own_mpidr(const ArmMachine *m)
{
    return 1u << 31 | m->sys.board.number;
}

uint64_t arm_el0_sctlr(const ArmMachine *m)
{
    return m->sys.sctlr[arm_host_el0(m) ? 2 : 1];
}

/* False: undefined here. */
static bool read_fn(ArmMachine *m, unsigned id, uint64_t *ret)
{
    ArmSys *s = &m->sys;
    if (id >= REG_APIAKEYLO && id <= REG_APGAKEYHI) {
        *ret = *key_half(m, id);
        return arm_model_has(m->arm.model, ARM_FEAT_PAuth);
    }
    if (is_timer(id)) {
        *ret = timer_read(m, timer_of(id), (id - REG_CNTP_TVAL) % 3);
        return true;
    }
    if (is_pmu(id)) {
        *ret = arm_pmu_read(m, (ArmPmuReg)(id - REG_PMCR));
        return true;
    }
    switch (id) {
    case REG_SP_EL0: *ret = s->sp_el[0]; return s->spsel; /* it is the stack pointer otherwise */
    case REG_SPSEL: *ret = s->spsel; return true;
    case REG_CURRENTEL: *ret = s->el << 2; return true;
    case REG_PAN: *ret = m->arm.pstate & ARM_PSTATE_PAN; return arm_model_has(m->arm.model, ARM_FEAT_PAN);
    case REG_UAO: *ret = m->arm.pstate & ARM_PSTATE_UAO; return arm_model_has(m->arm.model, ARM_FEAT_UAO);
    case REG_DAIF: *ret = s->daif; return true;
    case REG_SCTLR_EL1: *ret = s->sctlr[1]; return true;
    case REG_CPACR_EL1: *ret = s->cpacr1; return true;
    case REG_TTBR0_EL1: *ret = s->ttbr0[1]; return true;
    case REG_TTBR1_EL1: *ret = s->ttbr1[1]; return true;
    case REG_TCR_EL1: *ret = s->tcr[1]; return true;
    case REG_TTBR0_EL2: *ret = s->ttbr0[2]; return true;
    case REG_TTBR1_EL2: *ret = s->ttbr1[2]; return true;
    case REG_TCR_EL2: *ret = s->tcr[2]; return true;
    case REG_SCTLR_EL2: *ret = s->sctlr[2]; return true;
    case REG_HCR_EL2: *ret = s->hcr; return true;
    case REG_CPTR_EL2: *ret = s->cptr; return true;
    case REG_VTTBR_EL2: *ret = s->vttbr; return true;
    case REG_VTCR_EL2: *ret = s->vtcr; return true;
    case REG_CNTVOFF_EL2: *ret = s->cntvoff; return true;
    case REG_MDCR_EL2: *ret = s->mdcr; return true;
    case REG_RVBAR_EL1: *ret = s->board.reset_pc; return s->el_max == 1;
    case REG_PMUSERENR_R: *ret = s->pmuserenr; return true;
    case REG_RVBAR_EL2: *ret = s->board.reset_pc; return true;
    case REG_MIDR_EL1:
        *ret = s->el == 1 && s->el_max == 2 ? s->vpidr : arm_model_midr(m->arm.model);
        return true;
    case REG_MPIDR_EL1: *ret = s->el == 1 && s->el_max == 2 ? s->vmpidr : own_mpidr(m); return true;
    case REG_ISR_EL1: *ret = isr(m); return true;
    case REG_CCSIDR_EL1: *ret = ccsidr(s->csselr); return true;
    case REG_CTR_EL0: *ret = ARM_CTR_EL0; return true;
    case REG_DCZID_EL0:
        *ret = ARM_DCZID_EL0 | (s->el == 0 && !(arm_el0_sctlr(m) & ARM_SCTLR_DZE) ? 16 : 0);
        return true;
    case REG_CNTFRQ_EL0: *ret = ARM_CNTFRQ; return true;
    case REG_CNTPCT_EL0: *ret = arm_count(m); return true;
    case REG_CNTVCT_EL0: *ret = virtual_count(m); return true;
    default: return false;
    }
}

/* Registers that say how addresses are translated. */
static bool write_regime(ArmMachine *m, unsigned id, uint64_t v)
{
    ArmSys *s = &m->sys;
    switch (id) {
    case REG_SCTLR_EL1: s->sctlr[1] = (v | ARM_SCTLR_RES1) & ~(uint64_t)ARM_SCTLR_ITD; break;
    case REG_SCTLR_EL2: s->sctlr[2] = (v | ARM_SCTLR_RES1) & ~(uint64_t)ARM_SCTLR_ITD; break;
    case REG_TTBR0_EL1: s->ttbr0[1] = v; break;
    case REG_TTBR0_EL2: s->ttbr0[2] = v; break;
    case REG_TTBR1_EL1: s->ttbr1[1] = v; break;
    case REG_TTBR1_EL2: s->ttbr1[2] = v; break;
    case REG_TCR_EL1: s->tcr[1] = v; break;
    case REG_TCR_EL2: s->tcr[2] = v; break;
    case REG_VTTBR_EL2: s->vttbr = v; break;
    case REG_VTCR_EL2: s->vtcr = v; break;
    default: return false;
    }
    arm_regime_update(m);
    return true;
}

static bool write_fn(ArmMachine *m, unsigned id, uint64_t v)
{
    ArmSys *s = &m->sys;
    if (id >= REG_APIAKEYLO && id <= REG_APGAKEYHI) {
        *key_half(m, id) = v;
        return arm_model_has(m->arm.model, ARM_FEAT_PAuth);
    }
    if (is_timer(id)) {
        timer_write(m, timer_of(id), (id - REG_CNTP_TVAL) % 3, v);
        return true;
    }
    if (is_pmu(id)) {
        arm_pmu_write(m, (ArmPmuReg)(id - REG_PMCR), v);
        return true;
    }
    switch (id) {
    case REG_SP_EL0: s->sp_el[0] = v; return s->spsel;
    case REG_SPSEL: arm_set_mode(m, s->el, v & 1); return true;
    case REG_PAN:
    case REG_UAO: {
        uint32_t bit = id == REG_PAN ? ARM_PSTATE_PAN : ARM_PSTATE_UAO;
        m->arm.pstate = (m->arm.pstate & ~bit) | ((uint32_t)v & bit);
        return arm_model_has(m->arm.model, id == REG_PAN ? ARM_FEAT_PAN : ARM_FEAT_UAO);
    }
    case REG_CPACR_EL1: s->cpacr1 = v & rows[id].bits; return true;
    case REG_HCR_EL2: arm_write_hcr(m, v); return true;
    case REG_PMUSERENR_R: s->pmuserenr = v & 15; return s->el > 0;
    case REG_CPTR_EL2: s->cptr = v; return true;
    case REG_MDCR_EL2: arm_pmu_write_mdcr(m, v); return true;
    case REG_CNTVOFF_EL2:
        s->cntvoff = v;
        set_alarm(m, ARM_TIMER_VIRT);
        return true;
    case REG_DAIF: s->daif = (uint32_t)v & ARM_PSTATE_DAIF; return true;
    case REG_OSLAR: s->oslsr = (s->oslsr & ~2ull) | (v & 1) << 1; return true;
    default: return write_regime(m, id, v);
    }
}

/* ---- any register ---- */

/* Breakpoints and watchpoints: op0 2, op1 0, CRn 0, op2 4 to 7. NULL: none of these. */
static uint64_t *debug_reg(ArmSys *s, unsigned reg)
{
    unsigned n = reg >> 3 & 15;
    if (reg >> 7 != A64_SYSREG(2, 0, 0, 0, 0) >> 7 || !(reg & 4) ||
        n >= (reg & 2 ? ARM_WATCHPOINTS : ARM_BREAKPOINTS))
        return NULL;
    switch (reg & 3) {
    case 0: return &s->bvr[n];
    case 1: return &s->bcr[n];
    case 2: return &s->wvr[n];
    default: return &s->wcr[n];
    }
}

/* Interrupt controller: CRn 12, and CRn 4, CRm 6 (priority mask). EL1's may be the virtual interface's. */
static bool device_reg(ArmMachine *m, unsigned reg, bool write, uint64_t *v)
{
    enum { GROUP_0 = 8 };
    const CpuBoard *b = &m->sys.board;
    unsigned crn = reg >> 7 & 15, crm = reg >> 3 & 15, op1 = reg >> 11 & 7;
    if (!(crn == 12 || (crn == 4 && crm == 6)) || !b->device_reg || m->sys.el < (op1 == 4 ? 2 : 1))
        return false;
    if (m->sys.el == 1) {
        bool group0 = crm == GROUP_0 || (crm == 12 && (reg & 7) == 6);
        uint64_t to_guest = m->sys.hcr & (group0                        ? ARM_HCR_FMO
                                          : crm == 12 && (reg & 7) >= 6 ? ARM_HCR_IMO
                                                                        : ARM_HCR_IMO | ARM_HCR_FMO);
        if (to_guest && !(crm == 12 && (reg & 7) == 5)) /* not ICC_SRE */
            reg |= ARM_DEVICE_REG_VIRTUAL;
    }
    return b->device_reg(b->opaque, b->number, reg, write, v);
}

bool arm_reg_read(ArmMachine *m, unsigned reg, uint64_t *ret)
{
    int id = find(reg);
    unsigned el = m->sys.el;
    if (id >= 0) {
        const RegRow *r = &rows[id];
        if (!(r->access & ARM_SYS_R) || el < (r->access & 3u))
            return false;
        if (r->how == ARM_SYS_FN)
            return read_fn(m, (unsigned)id, ret);
        if (r->how == ARM_SYS_CONST)
            *ret = r->bits;
        else
            memcpy(ret, (const char *)&m->sys + r->field, 8);
        return true;
    }
    if (el == 0)
        return false;
    if (reg >> 7 == A64_SYSREG(3, 0, 0, 0, 0) >> 7) {
        *ret = arm_own_id(m, reg);
        return true;
    }
    const uint64_t *debug = debug_reg(&m->sys, reg);
    if (debug)
        *ret = *debug;
    return debug || device_reg(m, reg, false, ret);
}

bool arm_reg_write(ArmMachine *m, unsigned reg, uint64_t v)
{
    int id = find(reg);
    unsigned el = m->sys.el;
    if (id >= 0) {
        const RegRow *r = &rows[id];
        uint64_t old;
        if (!(r->access & ARM_SYS_W) || el < (r->access & 3u))
            return false;
        if (r->how == ARM_SYS_FN)
            return write_fn(m, (unsigned)id, v);
        if (r->how == ARM_SYS_CONST)
            return true;
        memcpy(&old, (const char *)&m->sys + r->field, 8);
        v = (old & ~r->bits) | (v & r->bits);
        memcpy((char *)&m->sys + r->field, &v, 8);
        return true;
    }
    if (el == 0)
        return false;
    uint64_t *debug = debug_reg(&m->sys, reg);
    if (debug) {
        uint64_t *control = &m->sys.wcr[reg >> 3 & 15], was = *control;
        *debug = v;
        if (reg & 2) /* of a watchpoint */
            arm_watch_changed(m, was, *control);
    }
    return debug || device_reg(m, reg, true, &v);
}

uint64_t arm_helper_sysreg_get(void *opaque, uint64_t reg, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t v = 0;
    arm_reg_read(opaque, (unsigned)reg, &v);
    return v;
}

uint64_t arm_helper_sysreg_put(void *opaque, uint64_t reg, uint64_t v, uint64_t c, uint64_t d)
{
    arm_reg_write(opaque, (unsigned)reg, v);
    return 0;
}

/* ---- traps ---- */

/* ISS of class 24. */
static uint64_t trap(ArmMachine *m, unsigned reg, unsigned rt, bool read, bool el2)
{
    uint32_t op0 = 2 + (reg >> 14 & 1), op1 = reg >> 11 & 7, crn = reg >> 7 & 15, crm = reg >> 3 & 15,
             op2 = reg & 7;
    if (reg & 1u << 16) /* a system instruction */
        op0 = 1;
    arm_take_sync(m,
                  (uint32_t)ARM_EC_SYSREG << 26 | op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 |
                      crm << 1 | read,
                  el2);
    return arm_go(m);
}

static uint64_t undefined(ArmMachine *m)
{
    m->arm.base.exit = (CpuExit){.kind = CPU_EXIT_ILLEGAL};
    return 1;
}

/* Is this access from EL0 one that EL1 wants to see? */
bool arm_reg_el0_traps(const ArmMachine *m, unsigned reg, bool write)
{
    enum { EL0PCTEN = 1, EL0VCTEN = 2, EL0VTEN = 256, EL0PTEN = 512 };
    const uint64_t may = arm_host_el0(m) ? m->sys.cnthctl : m->sys.cntkctl;
    int id = find(reg);
    switch (id) {
    case REG_CTR_EL0: return !(arm_el0_sctlr(m) & ARM_SCTLR_UCT);
    case REG_CNTFRQ_EL0: return !(may & (EL0PCTEN | EL0VCTEN));
    case REG_CNTPCT_EL0: return !(may & EL0PCTEN);
    case REG_CNTVCT_EL0: return !(may & EL0VCTEN);
    case REG_DAIF: return !(arm_el0_sctlr(m) & ARM_SCTLR_UMA);
    default:
        if (id >= REG_CNTP_TVAL && id <= REG_CNTP_CVAL)
            return !(may & EL0PTEN);
        if (id >= 0 && is_pmu((unsigned)id) && !(rows[id].access & 3))
            return arm_pmu_traps_at_el0(m, (ArmPmuReg)(id - REG_PMCR), write);
        return id >= REG_CNTV_TVAL && id <= REG_CNTV_CVAL && !(may & EL0VTEN);
    }
}

static bool has_e2h(const ArmMachine *m)
{
    return (m->sys.hcr & ARM_HCR_E2H) && (m->sys.el == 2 || arm_host_el0(m));
}

/* Whoever wants to see this access has seen it: true. *ret: the register that is meant. */
static bool trapped(ArmMachine *m, unsigned reg, unsigned rt, bool read, unsigned *ret_reg)
{
    if (m->sys.el == 0 && arm_reg_el0_traps(m, reg, !read)) {
        trap(m, reg, rt, read, false);
        return true;
    }
    if (m->sys.el < 2 && arm_reg_traps_to_el2(m, reg, !read)) {
        int id = find(reg);
        if (id < 0 || m->sys.el >= (rows[id].access & 3u)) { /* what is undefined anyhow is not trapped */
            trap(m, reg, rt, read, true);
            return true;
        }
    }
    *ret_reg = arm_redirect(reg, m->sys.el, has_e2h(m));
    return false;
}

uint64_t arm_helper_sysreg_mrs(void *opaque, uint64_t reg, uint64_t rt, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    uint64_t v = 0;
    unsigned meant;
    if (trapped(m, (unsigned)reg, (unsigned)rt, true, &meant))
        return 1;
    if (!arm_reg_read(m, meant, &v))
        return undefined(m);
    if (rt != 31)
        m->arm.x[rt] = v;
    return 0;
}

/* Of what the context depends on nothing may be assumed behind it. */
uint64_t arm_helper_sysreg_msr(void *opaque, uint64_t reg, uint64_t v, uint64_t rt, uint64_t d)
{
    ArmMachine *m = opaque;
    unsigned meant;
    if (trapped(m, (unsigned)reg, (unsigned)rt, false, &meant))
        return 1;
    if (!arm_reg_write(m, meant, v))
        return undefined(m);
    arm_notice_irq(m);
    m->arm.base.pc += 4;
    return arm_go(m);
}

uint64_t arm_helper_daif_el0(void *opaque, uint64_t bits, uint64_t b, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    uint32_t mask = (uint32_t)(bits >> 8 & 15) << 6;
    if (!(m->sys.sctlr[1] &
          ARM_SCTLR_UMA)) { /* its own encoding: op0 0, op1, CRn 4, CRm the operand, op2, rt 31 */
        arm_take_sync(m,
                      (uint32_t)ARM_EC_SYSREG << 26 | (uint32_t)(bits >> 5 & 7) << 17 |
                          (uint32_t)(bits >> 16 & 7) << 14 | (uint32_t)(bits >> 12 & 15) << 10 | 31u << 5 |
                          (uint32_t)(bits >> 8 & 15) << 1,
                      false);
    } else {
        m->sys.daif = (bits >> 5 & 7) == 6 ? m->sys.daif | mask : m->sys.daif & ~mask;
        m->arm.base.pc += 4;
        arm_notice_irq(m);
    }
    return arm_go(m);
}

/* ---- system instructions ---- */

/* What EL0 uses of caches and may be kept from. The operation stands in bits as A64_SYSREG without op0. */
static bool el0_op_traps(const ArmMachine *m, unsigned op)
{
    unsigned crm = op >> 3 & 15;
    return !(arm_el0_sctlr(m) & (crm == 4 ? ARM_SCTLR_DZE : ARM_SCTLR_UCI));
}

static void zero_block(ArmMachine *m, uint64_t va, bool *ok)
{
    va &= ~(uint64_t)(ARM_ZVA_BYTES - 1);
    for (unsigned at = 0; *ok && at < ARM_ZVA_BYTES; at += 8) {
        IrMem mem = {.size = 3, .mmu = IR_MMU_TLB, .mmuidx = m->arm.base.ctx >> ARM_CTX_IDX_SHIFT & 3};
        IrAccess a = {.addr = va + at, .mem = mem.raw, .op = IR_ST};
        *ok = m->arm.base.mem->access(&m->arm.base, &a);
    }
}

/* What AT names: stage 1 of the regime that the level has, of EL1's (op1 0), of EL2's (op1 4), both stages.
 */
static void at_op(ArmMachine *m, unsigned op, uint64_t va)
{
    unsigned op1 = op >> 11, op2 = op & 7;
    bool user = op1 == 0 ? op2 & 2 : op2 >= 6, write = op2 & 1, both = op1 == 4 && op2 >= 4;
    bool pan = (op >> 3 & 15) == 9 && (m->arm.pstate & ARM_PSTATE_PAN);
    const uint64_t host = ARM_HCR_E2H | ARM_HCR_TGE;
    unsigned of =
        (op1 == 4 && op2 < 2) || (m->sys.el == 2 && (m->sys.hcr & host) == host && op1 == 0) ? 2 : 1;
    uint64_t asid;
    ArmRegime r = arm_regime_of(m, of, &asid);
    m->sys.par1 = arm_at(m, &r, both, va, user ? ARM_IDX_U : pan ? ARM_IDX_PAN : ARM_IDX_P, write);
}

/* AT S1E1R, W, S1E0R, W: CRm 8; with PAN: CRm 9. Of op1 4: S1E2R, W, S12E1R, W, S12E0R, W. */
static bool is_at(const ArmMachine *m, unsigned op)
{
    unsigned crm = op >> 3 & 15, op1 = op >> 11, op2 = op & 7;
    if ((op >> 7 & 15) != 7)
        return false;
    if (op1 == 4)
        return m->sys.el == 2 && crm == 8 && op2 != 2 && op2 != 3;
    return op1 == 0 && (crm == 8 || crm == 9) && op2 < (crm == 8 ? 4u : 2u);
}

/* Nothing to do: caches are coherent. */
static bool is_cache_op(unsigned op)
{
    unsigned crm = op >> 3 & 15;
    return (op >> 7 & 15) == 7 && (crm == 1 || crm == 5 || crm == 6 || (crm >= 10 && crm <= 14)) && crm != 8;
}

uint64_t arm_helper_sys_op(void *opaque, uint64_t op, uint64_t v, uint64_t rt, uint64_t d)
{
    ArmMachine *m = opaque;
    bool ok = true;
    unsigned n = (unsigned)op & 0x3fff, crn = n >> 7 & 15, op1 = n >> 11;
    if (m->sys.el == 0) {
        if (op1 != 3 || crn != 7)
            return undefined(m);
        if (el0_op_traps(m, n))
            return trap(m, n | 1u << 16, (unsigned)rt, false, false);
    }
    if (arm_op_traps_to_el2(m, n))
        return trap(m, n | 1u << 16, (unsigned)rt, false, true);
    if (op1 == 3 && crn == 7 && (n >> 3 & 15) == 4) {
        zero_block(m, v, &ok);
        return !ok;
    }
    if (m->sys.el && is_at(m, n))
        at_op(m, n, v);
    else if (m->sys.el && crn == 8 && (op1 == 0 || (op1 == 4 && m->sys.el == 2)))
        arm_tlbi(m, n, v);
    else if (!is_cache_op(n) || (op1 != 3 && (op1 != 0 || !m->sys.el)))
        return undefined(m);
    return 0;
}

/* ---- a debugger ---- */

static const char *const row_names[REG_COUNT] = {
#define ASYS(id, ...) #id,
#include "target/arm/arm_sysregs.def"
#undef ASYS
};

static const struct {
    const char *name;
    uint16_t reg;
} more_regs[] = {
#define OF_A64(name, reg) {name, reg},
#define OF_ALL(name, reg) {name, reg},
#define OF_A32(name, reg)
#define DREG(name, el, cores, op0, op1, crn, crm, op2)                                                       \
    OF_##cores(#name "_" #el, A64_SYSREG(op0, op1, crn, crm, op2))
#include "target/arm/arm_debug_regs.def"
#undef DREG
};

static bool debug_more(ArmMachine *m, unsigned reg, uint64_t *io, bool write)
{
    uint64_t *thread = reg == A64_SYSREG(3, 3, 13, 0, 2)   ? &m->arm.tpidr
                       : reg == A64_SYSREG(3, 3, 13, 0, 3) ? &m->arm.tpidrro
                                                           : NULL;
    if (!thread)
        return write ? arm_reg_write(m, reg, *io) : arm_reg_read(m, reg, io);
    *(write ? thread : io) = *(write ? io : thread);
    return true;
}

static bool write_cpsr(ArmMachine *m, uint32_t v)
{
    enum { HELD = ARM_PSTATE_SSBS | ARM_PSTATE_DIT | ARM_PSTATE_TCO | ARM_PSTATE_PAN | ARM_PSTATE_UAO };
    unsigned el = v >> 2 & 3;
    if (m->sys.nrw || el > m->sys.el_max || (v & (ARM_PSTATE_NRW | 2)) || (!el && (v & ARM_PSTATE_SP)))
        return false;
    arm_set_nzcv(&m->arm, v);
    m->sys.daif = v & ARM_PSTATE_DAIF;
    m->arm.pstate = (m->arm.pstate & ~(uint32_t)HELD) | (v & HELD);
    arm_set_mode(m, el, v & 1);
    return true;
}

/* The words that debuggers know by these names. */
static bool debug_word(ArmMachine *m, unsigned n, uint64_t *io, bool write)
{
    uint32_t v = (uint32_t)*io;
    switch (n) {
    case 0:
        if (write)
            return write_cpsr(m, v);
        *io = arm_pstate_word(m);
        return true;
    case 1: write ? arm_set_fpsr(&m->arm, v) : (void)(*io = arm_fpsr(&m->arm)); return true;
    default: write ? arm_set_fpcr(&m->arm, v) : (void)(*io = arm_fpcr(&m->arm)); return true;
    }
}

bool arm_debug_reg(Cpu *base, unsigned n, const char **ret_name, uint64_t *io, bool write, bool *ret_ok)
{
    static const char *const words[] = {"cpsr", "fpsr", "fpcr"};
    ArmMachine *m = (ArmMachine *)base;
    if (n < ARRAY_SIZE(words)) {
        *ret_name = words[n];
        *ret_ok = debug_word(m, n, io, write);
        return true;
    }
    n -= ARRAY_SIZE(words);
    if (n >= REG_COUNT + ARRAY_SIZE(more_regs))
        return false;
    const bool is_row = n < REG_COUNT;
    const unsigned more = is_row ? 0 : n - REG_COUNT;
    *ret_name = is_row ? row_names[n] : more_regs[more].name;
    uint32_t el = m->sys.el;
    if (n == REG_SP_EL0 && !m->sys.spsel) { /* it is the stack pointer now */
        *(write ? &m->arm.sp : io) = *(write ? io : &m->arm.sp);
        *ret_ok = true;
        return true;
    }
    if (n != REG_CURRENTEL && n != REG_SP_EL0)
        m->sys.el = m->sys.el_max; /* whose level sees it */
    *ret_ok = !is_row ? debug_more(m, more_regs[more].reg, io, write)
              : write ? arm_reg_write(m, rows[n].reg, *io)
                      : arm_reg_read(m, rows[n].reg, io);
    m->sys.el = el;
    return true;
}
