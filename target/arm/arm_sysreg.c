/* System registers of a machine's cpu: arm_sysregs.def says what most are; the others have functions here.
 * TLBI, AT and what EL0 may not do. */
#include "target/arm/a64_trans_priv.h"

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
    bool v82 = arm_model_has(model, ARM_FEAT_PAN); /* and with it the rest of 8.1 and 8.2 */
    switch (reg) {
    case A64_SYSREG(3, 0, 0, 0, 0): return arm_model_midr(model);
    case A64_SYSREG(3, 0, 0, 4, 0): return arm_id_value(model, ARM_ID_AA64PFR0);
    case A64_SYSREG(3, 0, 0, 4, 1): return arm_id_value(model, ARM_ID_AA64PFR1) & ARM_MACHINE_PFR1;
    case A64_SYSREG(3, 0, 0, 5, 0): return 0x305006; /* debug 8.0: 6 breakpoints, 4 watchpoints */
    case A64_SYSREG(3, 0, 0, 6, 0): return arm_id_value(model, ARM_ID_AA64ISAR0);
    case A64_SYSREG(3, 0, 0, 6, 1): return arm_id_value(model, ARM_ID_AA64ISAR1) & ARM_MACHINE_ISAR1;
    case A64_SYSREG(3, 0, 0, 6, 2): return arm_id_value(model, ARM_ID_AA64ISAR2) & ARM_MACHINE_ISAR2;
    case A64_SYSREG(3, 0, 0, 7, 0):
        return 0x101024 | (v82 ? 1 : 0);                       /* 44 or 48 bits, 16-bit ASIDs, all granules */
    case A64_SYSREG(3, 0, 0, 7, 1): return v82 ? 0x201002 : 0; /* HAFDBS, HPD, PAN2 */
    case A64_SYSREG(3, 0, 0, 7, 2): return v82 ? 0x10 : 0;     /* UAO */
    default: return 0;
    }
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

static uint64_t isr(const ArmMachine *m)
{
    uint32_t lines = __atomic_load_n(&m->sys.lines, __ATOMIC_ACQUIRE);
    return (lines >> ARM_LINE_IRQ & 1) << 7 | (lines >> ARM_LINE_FIQ & 1) << 6;
}

static uint64_t *key_half(ArmMachine *m, unsigned id)
{
    return &m->arm.pac_key[(id - REG_APIAKEYLO) / 2][(id - REG_APIAKEYLO) % 2];
}

/* False: undefined here. */
static bool read_fn(ArmMachine *m, unsigned id, uint64_t *ret)
{
    ArmSys *s = &m->sys;
    if (id >= REG_APIAKEYLO && id <= REG_APGAKEYHI) {
        *ret = *key_half(m, id);
        return arm_model_has(m->arm.model, ARM_FEAT_PAuth);
    }
    if (id >= REG_CNTP_TVAL && id <= REG_CNTV_CVAL) {
        *ret = timer_read(m, id >= REG_CNTV_TVAL ? ARM_TIMER_VIRT : ARM_TIMER_PHYS, (id - REG_CNTP_TVAL) % 3);
        return true;
    }
    switch (id) {
    case REG_SP_EL0: *ret = s->sp_el[0]; return s->spsel; /* it is the stack pointer otherwise */
    case REG_SPSEL: *ret = s->spsel; return true;
    case REG_CURRENTEL: *ret = s->el << 2; return true;
    case REG_PAN: *ret = m->arm.pstate & ARM_PSTATE_PAN; return arm_model_has(m->arm.model, ARM_FEAT_PAN);
    case REG_UAO: *ret = m->arm.pstate & ARM_PSTATE_UAO; return arm_model_has(m->arm.model, ARM_FEAT_UAO);
    case REG_DAIF: *ret = s->daif; return true;
    case REG_SCTLR_EL1: *ret = s->sctlr1; return true;
    case REG_CPACR_EL1: *ret = s->cpacr1; return true;
    case REG_TTBR0_EL1: *ret = s->ttbr0; return true;
    case REG_TTBR1_EL1: *ret = s->ttbr1; return true;
    case REG_TCR_EL1: *ret = s->tcr1; return true;
    case REG_RVBAR_EL1: *ret = s->board.reset_pc; return true;
    case REG_ISR_EL1: *ret = isr(m); return true;
    case REG_CCSIDR_EL1: *ret = ccsidr(s->csselr); return true;
    case REG_CTR_EL0: *ret = ARM_CTR_EL0; return true;
    case REG_DCZID_EL0:
        *ret = ARM_DCZID_EL0 | (s->el == 0 && !(s->sctlr1 & ARM_SCTLR_DZE) ? 16 : 0);
        return true;
    case REG_CNTFRQ_EL0: *ret = ARM_CNTFRQ; return true;
    case REG_CNTPCT_EL0: *ret = arm_count(m); return true;
    case REG_CNTVCT_EL0: *ret = arm_count(m) - s->cntvoff; return true;
    default: return false;
    }
}

static void write_sctlr(ArmMachine *m, uint64_t v)
{
    bool wxn = (m->sys.sctlr1 ^ v) & ARM_SCTLR_WXN;
    m->sys.sctlr1 = v | ARM_SCTLR_RES1;
    arm_regime_update(m);
    if (wxn)
        m->arm.base.mem->flush(&m->arm.base);
}

static bool write_fn(ArmMachine *m, unsigned id, uint64_t v)
{
    ArmSys *s = &m->sys;
    if (id >= REG_APIAKEYLO && id <= REG_APGAKEYHI) {
        *key_half(m, id) = v;
        return arm_model_has(m->arm.model, ARM_FEAT_PAuth);
    }
    if (id >= REG_CNTP_TVAL && id <= REG_CNTV_CVAL) {
        timer_write(m, id >= REG_CNTV_TVAL ? ARM_TIMER_VIRT : ARM_TIMER_PHYS, (id - REG_CNTP_TVAL) % 3, v);
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
    case REG_SCTLR_EL1: write_sctlr(m, v); return true;
    case REG_CPACR_EL1: s->cpacr1 = v & rows[id].bits; return true;
    case REG_TTBR0_EL1:
        s->ttbr0 = v;
        arm_regime_update(m);
        return true;
    case REG_TTBR1_EL1:
        s->ttbr1 = v;
        arm_regime_update(m);
        return true;
    case REG_TCR_EL1:
        s->tcr1 = v;
        arm_regime_update(m);
        return true;
    case REG_DAIF: s->daif = (uint32_t)v & ARM_PSTATE_DAIF; return true;
    case REG_OSLAR: s->oslsr = (s->oslsr & ~2ull) | (v & 1) << 1; return true;
    default: return false;
    }
}

/* ---- any register ---- */

/* Breakpoints and watchpoints: op0 2, op1 0, CRn 0, op2 4 to 7. NULL: none of these. */
static uint64_t *debug_reg(ArmSys *s, unsigned reg)
{
    unsigned n = reg >> 3 & 15;
    if (reg >> 7 != A64_SYSREG(2, 0, 0, 0, 0) >> 7 || !(reg & 4))
        return NULL;
    switch (reg & 3) {
    case 0: return &s->bvr[n];
    case 1: return &s->bcr[n];
    case 2: return &s->wvr[n];
    default: return &s->wcr[n];
    }
}

/* Interrupt controller: CRn 12, and CRn 4, CRm 6 (priority mask). */
static bool device_reg(ArmMachine *m, unsigned reg, bool write, uint64_t *v)
{
    const CpuBoard *b = &m->sys.board;
    unsigned crn = reg >> 7 & 15;
    return (crn == 12 || crn == 4) && b->device_reg && b->device_reg(b->opaque, b->number, reg, write, v);
}

static bool read_reg(ArmMachine *m, unsigned reg, uint64_t *ret)
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
    if (reg == A64_SYSREG(3, 0, 0, 0, 5)) {
        *ret = 1u << 31 | m->sys.board.number;
        return true;
    }
    const uint64_t *debug = debug_reg(&m->sys, reg);
    if (debug)
        *ret = *debug;
    return debug || device_reg(m, reg, false, ret);
}

static bool write_reg(ArmMachine *m, unsigned reg, uint64_t v)
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
    if (debug)
        *debug = v & 0xffffffffffffffff;
    return debug || device_reg(m, reg, true, &v);
}

uint64_t arm_helper_sysreg_get(void *opaque, uint64_t reg, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t v = 0;
    read_reg(opaque, (unsigned)reg, &v);
    return v;
}

uint64_t arm_helper_sysreg_put(void *opaque, uint64_t reg, uint64_t v, uint64_t c, uint64_t d)
{
    write_reg(opaque, (unsigned)reg, v);
    return 0;
}

/* ---- traps ---- */

/* ISS of class 24. */
static uint64_t trap(ArmMachine *m, unsigned reg, unsigned rt, bool read)
{
    uint32_t op0 = 2 + (reg >> 14 & 1), op1 = reg >> 11 & 7, crn = reg >> 7 & 15, crm = reg >> 3 & 15,
             op2 = reg & 7;
    if (reg & 1u << 16) /* a system instruction */
        op0 = 1;
    arm_take_sync(m, (uint32_t)ARM_EC_SYSREG << 26 | op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 |
                         crm << 1 | read);
    m->arm.base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
    return 1;
}

static uint64_t undefined(ArmMachine *m)
{
    m->arm.base.exit = (CpuExit){.kind = CPU_EXIT_ILLEGAL};
    return 1;
}

/* Is this access from EL0 one that EL1 wants to see? */
static bool traps_at_el0(const ArmSys *s, unsigned reg)
{
    enum { EL0PCTEN = 1, EL0VCTEN = 2, EL0VTEN = 256, EL0PTEN = 512 };
    int id = find(reg);
    switch (id) {
    case REG_CTR_EL0: return !(s->sctlr1 & ARM_SCTLR_UCT);
    case REG_CNTFRQ_EL0: return !(s->cntkctl & (EL0PCTEN | EL0VCTEN));
    case REG_CNTPCT_EL0: return !(s->cntkctl & EL0PCTEN);
    case REG_CNTVCT_EL0: return !(s->cntkctl & EL0VCTEN);
    case REG_DAIF: return !(s->sctlr1 & ARM_SCTLR_UMA);
    default:
        if (id >= REG_CNTP_TVAL && id <= REG_CNTP_CVAL)
            return !(s->cntkctl & EL0PTEN);
        return id >= REG_CNTV_TVAL && id <= REG_CNTV_CVAL && !(s->cntkctl & EL0VTEN);
    }
}

uint64_t arm_helper_sysreg_mrs(void *opaque, uint64_t reg, uint64_t rt, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    uint64_t v = 0;
    if (m->sys.el == 0 && traps_at_el0(&m->sys, (unsigned)reg))
        return trap(m, (unsigned)reg, (unsigned)rt, true);
    if (!read_reg(m, (unsigned)reg, &v))
        return undefined(m);
    if (rt != 31)
        m->arm.x[rt] = v;
    return 0;
}

/* Of what the context depends on nothing may be assumed behind it. */
uint64_t arm_helper_sysreg_msr(void *opaque, uint64_t reg, uint64_t v, uint64_t rt, uint64_t d)
{
    ArmMachine *m = opaque;
    if (m->sys.el == 0 && traps_at_el0(&m->sys, (unsigned)reg))
        return trap(m, (unsigned)reg, (unsigned)rt, false);
    if (!write_reg(m, (unsigned)reg, v))
        return undefined(m);
    arm_notice_irq(m);
    m->arm.base.pc += 4;
    m->arm.base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
    return 1;
}

uint64_t arm_helper_daif_el0(void *opaque, uint64_t bits, uint64_t b, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    uint32_t mask = (uint32_t)(bits >> 8 & 15) << 6;
    if (!(m->sys.sctlr1 &
          ARM_SCTLR_UMA)) { /* its own encoding: op0 0, op1, CRn 4, CRm the operand, op2, rt 31 */
        arm_take_sync(m, (uint32_t)ARM_EC_SYSREG << 26 | (uint32_t)(bits >> 5 & 7) << 17 |
                             (uint32_t)(bits >> 16 & 7) << 14 | (uint32_t)(bits >> 12 & 15) << 10 | 31u << 5 |
                             (uint32_t)(bits >> 8 & 15) << 1);
    } else {
        m->sys.daif = (bits >> 5 & 7) == 6 ? m->sys.daif | mask : m->sys.daif & ~mask;
        m->arm.base.pc += 4;
        arm_notice_irq(m);
    }
    m->arm.base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
    return 1;
}

/* ---- system instructions ---- */

/* What EL0 uses of caches and may be kept from. The operation stands in bits as A64_SYSREG without op0. */
static bool el0_op_traps(const ArmSys *s, unsigned op)
{
    unsigned crm = op >> 3 & 15;
    return !(s->sctlr1 & (crm == 4 ? ARM_SCTLR_DZE : ARM_SCTLR_UCI));
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

static void at_op(ArmMachine *m, unsigned op, uint64_t va)
{
    bool user = op & 2, write = op & 1, pan = (op >> 3 & 15) == 9 && (m->arm.pstate & ARM_PSTATE_PAN);
    m->sys.par1 = arm_at(m, va, user ? ARM_IDX_U : pan ? ARM_IDX_PAN : ARM_IDX_P, write);
}

/* AT S1E1R, W, S1E0R, W: CRm 8; with PAN: CRm 9. */
static bool is_at(unsigned op)
{
    unsigned crm = op >> 3 & 15;
    return (op >> 7 & 0x7f) == 7 && (crm == 8 || crm == 9) && (op & 7) < (crm == 8 ? 4u : 2u);
}

uint64_t arm_helper_sys_op(void *opaque, uint64_t op, uint64_t v, uint64_t rt, uint64_t d)
{
    ArmMachine *m = opaque;
    bool ok = true;
    unsigned n = (unsigned)op & 0x3fff, crn = n >> 7 & 15, op1 = n >> 11;
    if (m->sys.el == 0) {
        if (op1 != 3 || crn != 7)
            return undefined(m);
        if (el0_op_traps(&m->sys, n))
            return trap(m, n | 1u << 16, (unsigned)rt, false);
        if ((n >> 3 & 15) == 4)
            zero_block(m, v, &ok);
        return !ok;
    }
    if (is_at(n))
        at_op(m, n, v);
    else if (crn == 8 && op1 == 0)
        arm_tlbi(m, n, v);
    else
        return undefined(m);
    return 0;
}

/* ---- a debugger ---- */

static const char *const row_names[REG_COUNT] = {
#define ASYS(id, ...) #id,
#include "target/arm/arm_sysregs.def"
#undef ASYS
};

/* Of a64_sysregs.def what is not among the rows: identification and what EL0 has. */
static const struct {
    const char *name;
    uint16_t reg;
} more_regs[] = {
    {"TPIDR_EL0", A64_SYSREG(3, 3, 13, 0, 2)},       {"TPIDRRO_EL0", A64_SYSREG(3, 3, 13, 0, 3)},
    {"MIDR_EL1", A64_SYSREG(3, 0, 0, 0, 0)},         {"MPIDR_EL1", A64_SYSREG(3, 0, 0, 0, 5)},
    {"ID_AA64PFR0_EL1", A64_SYSREG(3, 0, 0, 4, 0)},  {"ID_AA64PFR1_EL1", A64_SYSREG(3, 0, 0, 4, 1)},
    {"ID_AA64DFR0_EL1", A64_SYSREG(3, 0, 0, 5, 0)},  {"ID_AA64ISAR0_EL1", A64_SYSREG(3, 0, 0, 6, 0)},
    {"ID_AA64ISAR1_EL1", A64_SYSREG(3, 0, 0, 6, 1)}, {"ID_AA64ISAR2_EL1", A64_SYSREG(3, 0, 0, 6, 2)},
    {"ID_AA64MMFR0_EL1", A64_SYSREG(3, 0, 0, 7, 0)}, {"ID_AA64MMFR1_EL1", A64_SYSREG(3, 0, 0, 7, 1)},
    {"ID_AA64MMFR2_EL1", A64_SYSREG(3, 0, 0, 7, 2)},
};

static bool debug_more(ArmMachine *m, unsigned reg, uint64_t *io, bool write)
{
    uint64_t *thread = reg == A64_SYSREG(3, 3, 13, 0, 2)   ? &m->arm.tpidr
                       : reg == A64_SYSREG(3, 3, 13, 0, 3) ? &m->arm.tpidrro
                                                           : NULL;
    if (thread)
        *(write ? thread : io) = *(write ? io : thread);
    else if (!write)
        return read_reg(m, reg, io) || (*io = arm_machine_id(m->arm.model, reg), true);
    return thread || !write;
}

static bool write_cpsr(ArmMachine *m, uint32_t v)
{
    enum { HELD = ARM_PSTATE_SSBS | ARM_PSTATE_DIT | ARM_PSTATE_TCO | ARM_PSTATE_PAN | ARM_PSTATE_UAO };
    unsigned el = v >> 2 & 3;
    if (el > m->sys.el_max || (v & (ARM_PSTATE_NRW | 2)) || (!el && (v & ARM_PSTATE_SP)))
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
    if (n >= REG_COUNT) {
        n -= REG_COUNT;
        if (n >= ARRAY_SIZE(more_regs))
            return false;
        *ret_name = more_regs[n].name;
        *ret_ok = debug_more(m, more_regs[n].reg, io, write);
        return true;
    }
    *ret_name = row_names[n];
    uint32_t el = m->sys.el;
    if (n == REG_SP_EL0 && !m->sys.spsel) { /* it is the stack pointer now */
        *(write ? &m->arm.sp : io) = *(write ? io : &m->arm.sp);
        *ret_ok = true;
        return true;
    }
    if (n != REG_CURRENTEL && n != REG_SP_EL0)
        m->sys.el = m->sys.el_max; /* whose level sees it */
    *ret_ok = write ? write_reg(m, rows[n].reg, *io) : read_reg(m, rows[n].reg, io);
    m->sys.el = el;
    return true;
}
