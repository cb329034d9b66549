/* Exceptions and the way back (Arm ARM, D1 "The AArch64 System Level Programmers' Model"; ESR_ELx),
 * interrupts, waiting. */
#include "target/arm/a64_trans_priv.h"

enum { ESR_EC_SHIFT = 26, ESR_IL = 1 << 25, ESR_WNR = 1 << 6, ESR_CM = 1 << 8, ESR_CV_AL = 0x1e << 20 };
enum {
    VECTOR_SP0 = 0,
    VECTOR_SPX = 0x200,
    VECTOR_LOWER = 0x400,
    VECTOR_SYNC = 0,
    VECTOR_IRQ = 0x80,
    VECTOR_FIQ = 0x100
};

/* ---- PSTATE ---- */

enum { PSTATE_HELD = ARM_PSTATE_SSBS | ARM_PSTATE_DIT | ARM_PSTATE_TCO | ARM_PSTATE_PAN | ARM_PSTATE_UAO };

uint32_t arm_pstate_word(const ArmMachine *m)
{
    return arm_nzcv(&m->arm) | (m->arm.pstate & (uint32_t)PSTATE_HELD) | m->sys.daif | m->sys.el << 2 |
           m->sys.spsel;
}

void arm_set_mode(ArmMachine *m, unsigned el, unsigned spsel)
{
    ArmSys *s = &m->sys;
    s->sp_el[s->spsel ? s->el : 0] = m->arm.sp;
    s->el = el;
    s->spsel = el ? spsel : 0;
    m->arm.sp = s->sp_el[s->spsel ? el : 0];
}

/* Fields that the model lacks do not exist. */
static uint32_t held_of(const ArmMachine *m, uint32_t spsr)
{
    uint32_t mask = 0;
    if (arm_model_has(m->arm.model, ARM_FEAT_PAN))
        mask |= ARM_PSTATE_PAN;
    if (arm_model_has(m->arm.model, ARM_FEAT_UAO))
        mask |= ARM_PSTATE_UAO;
    if (arm_model_has(m->arm.model, ARM_FEAT_SSBS))
        mask |= ARM_PSTATE_SSBS;
    if (arm_model_has(m->arm.model, ARM_FEAT_DIT))
        mask |= ARM_PSTATE_DIT;
    return spsr & mask;
}

/* ---- taking exceptions ---- */

static void drop_reservation(ArmMachine *m)
{
    m->arm.excl_addr = ARM_NO_RESERVATION;
    m->arm.ldx_exclusive = 0;
}

/* To EL1, the return address being base.pc. */
static void take(ArmMachine *m, unsigned kind)
{
    ArmSys *s = &m->sys;
    uint32_t spsr = arm_pstate_word(m), held = m->arm.pstate;
    unsigned from = s->el ? (s->spsel ? VECTOR_SPX : VECTOR_SP0) : VECTOR_LOWER;
    drop_reservation(m);
    s->spsr1 = spsr;
    s->elr1 = m->arm.base.pc;
    arm_set_mode(m, 1, 1);
    s->daif = ARM_PSTATE_DAIF;
    held &= ~(uint32_t)(ARM_PSTATE_UAO | ARM_PSTATE_SSBS);
    if (!(s->sctlr1 & ARM_SCTLR_SPAN))
        held |= ARM_PSTATE_PAN;
    if (s->sctlr1 & ARM_SCTLR_DSSBS)
        held |= ARM_PSTATE_SSBS;
    m->arm.pstate = held_of(m, held);
    m->arm.base.pc = s->vbar1 + from + kind;
}

void arm_take_sync(ArmMachine *m, uint32_t esr)
{
    take(m, VECTOR_SYNC);
    m->sys.esr1 = esr | ESR_IL;
}

static void sync(ArmMachine *m, unsigned class, uint32_t iss)
{
    arm_take_sync(m, class << ESR_EC_SHIFT | iss);
}

/* Data and instruction aborts: the class follows the level. */
static void take_abort(ArmMachine *m, bool fetch, uint64_t far, uint32_t iss)
{
    bool same = m->sys.el > 0;
    sync(m, (fetch ? ARM_EC_FETCH_LOWER : ARM_EC_DATA_LOWER) + same, iss);
    m->sys.far1 = far;
}

/* The instruction at pc, 0 if it cannot be read any more. */
static uint32_t insn_at_pc(Cpu *cpu)
{
    uint32_t bits = 0;
    return cpu->mem->fetch(cpu, cpu->pc, &bits, 4) ? bits : 0;
}

static void illegal(ArmMachine *m)
{
    A64Args a;
    A64Insn insn = a64_decode(insn_at_pc(&m->arm.base), &a);
    bool fp = insn != A64_ILLEGAL && (a64_is_fp(insn) || ((insn == A64_mrs || insn == A64_msr) &&
                                                          (a.imm >> 1) == A64_SYSREG(3, 3, 4, 4, 0) >> 1));
    if (fp && (m->arm.base.ctx & ARM_CTX_NO_FP))
        sync(m, ARM_EC_FP, ESR_CV_AL);
    else
        sync(m, ARM_EC_UNKNOWN, 0);
}

/* Cache maintenance says that it is (DC ZVA is a store), and counts as a write. */
static uint32_t cache_op_bits(uint32_t insn)
{
    enum { SYS_MASK = 0xfffff000, SYS_C7 = 0xd50b7000 /* op1 3, CRn 7 */, CRM_ZVA = 4 };
    return (insn & SYS_MASK) == SYS_C7 && (insn >> 8 & 15) != CRM_ZVA ? ESR_CM | ESR_WNR : 0;
}

static void misaligned(ArmMachine *m, const CpuExit *x)
{
    uint32_t bits = insn_at_pc(&m->arm.base);
    bool write = !(bits >> 22 & 1) || (bits >> 24 & 63) == 0x38; /* stores; atomic operations count as such */
    if (m->arm.base.pc & 3) {
        uint64_t pc = m->arm.base.pc;
        sync(m, ARM_EC_PC_ALIGN, 0);
        m->sys.far1 = pc;
        return;
    }
    take_abort(m, false, x->addr, ARM_FSC_ALIGNMENT | (write ? ESR_WNR : 0));
}

/* HLT 0xf000 ("Semihosting for AArch32 and AArch64", 3). */
static bool is_semihosting(ArmMachine *m)
{
    enum { HLT_F000 = 0xd45e0000 };
    uint32_t on = m->sys.board.semihosting;
    return on != CPU_SEMIHOST_OFF && (on == CPU_SEMIHOST_ALL || m->sys.el > 0) &&
           insn_at_pc(&m->arm.base) == HLT_F000;
}

bool arm_exception(Cpu *base)
{
    ArmMachine *m = (ArmMachine *)base;
    const CpuExit x = base->exit;
    if (x.kind == CPU_EXIT_ILLEGAL && is_semihosting(m)) {
        base->exit.kind = CPU_EXIT_SYSCALL;
        return false;
    }
    switch ((CpuExitKind)x.kind) {
    case CPU_EXIT_BREAK: sync(m, ARM_EC_BRK, insn_at_pc(base) >> 5 & 0xffff); return true;
    case CPU_EXIT_ILLEGAL: illegal(m); return true;
    case CPU_EXIT_FETCH: take_abort(m, true, x.addr, (uint32_t)x.code); return true;
    case CPU_EXIT_FAULT:
        take_abort(m, false, x.addr,
                   (uint32_t)x.code | (x.write ? ESR_WNR : 0) | cache_op_bits(insn_at_pc(base)));
        return true;
    case CPU_EXIT_MISALIGNED: misaligned(m, &x); return true;
    default: return false;
    }
}

/* ---- interrupts ---- */

bool arm_set_irq(Cpu *base, unsigned n, bool level)
{
    uint32_t *lines = &((ArmMachine *)base)->sys.lines, bit = 1u << n;
    if (!level) {
        __atomic_fetch_and(lines, ~bit, __ATOMIC_ACQ_REL);
        return false;
    }
    return !(__atomic_fetch_or(lines, bit, __ATOMIC_ACQ_REL) & bit);
}

static uint32_t lines_of(const ArmMachine *m)
{
    return __atomic_load_n(&m->sys.lines, __ATOMIC_ACQUIRE);
}

bool arm_interrupt(Cpu *base)
{
    ArmMachine *m = (ArmMachine *)base;
    uint32_t lines = lines_of(m);
    if ((lines >> ARM_LINE_FIQ & 1) && !(m->sys.daif & ARM_PSTATE_F))
        take(m, VECTOR_FIQ);
    else if ((lines >> ARM_LINE_IRQ & 1) && !(m->sys.daif & ARM_PSTATE_I))
        take(m, VECTOR_IRQ);
    else
        return false;
    return true;
}

void arm_notice_irq(ArmMachine *m)
{
    uint32_t lines = lines_of(m);
    if (((lines >> ARM_LINE_FIQ & 1) && !(m->sys.daif & ARM_PSTATE_F)) ||
        ((lines >> ARM_LINE_IRQ & 1) && !(m->sys.daif & ARM_PSTATE_I)))
        __atomic_store_n(&m->arm.base.kick, 1, __ATOMIC_RELEASE);
}

bool arm_wakes(const Cpu *base)
{
    const ArmMachine *m = (const ArmMachine *)base;
    uint32_t power = __atomic_load_n(&m->sys.power, __ATOMIC_ACQUIRE);
    return power == ARM_POWER_ON ? lines_of(m) != 0 : power == ARM_POWER_STARTING;
}

/* ---- instructions ---- */

static uint64_t leave(ArmMachine *m, CpuExitKind kind)
{
    m->arm.base.exit = (CpuExit){.kind = (uint16_t)kind};
    return 1;
}

uint64_t arm_helper_svc(void *opaque, uint64_t class, uint64_t imm, uint64_t c, uint64_t d)
{
    enum { PSCI_BY_HVC = 1, PSCI_BY_SMC = 2 };
    ArmMachine *m = opaque;
    uint32_t psci = m->sys.hvc_is_psci;
    if (class == ARM_EC_SVC) {
        m->arm.base.pc += 4;
        sync(m, ARM_EC_SVC, (uint32_t)imm);
    } else if (psci & (class == ARM_EC_HVC ? PSCI_BY_HVC : PSCI_BY_SMC)) {
        m->arm.base.pc += 4;
        arm_psci(m);
        if (m->sys.power == ARM_POWER_OFF)
            return leave(m, CPU_EXIT_HALT);
    } else {
        return leave(m, CPU_EXIT_ILLEGAL);
    }
    return leave(m, CPU_EXIT_CTX);
}

/* An SPSR that means no state that there is: PSTATE stays, but for IL, of which the next instruction is the
 * victim. */
static void illegal_return(ArmMachine *m)
{
    arm_set_nzcv(&m->arm, (uint32_t)m->sys.spsr1);
    m->sys.daif = (uint32_t)m->sys.spsr1 & ARM_PSTATE_DAIF;
    m->arm.base.pc = m->sys.elr1;
    sync(m, ARM_EC_ILLEGAL_STATE, 0);
    m->sys.spsr1 |= ARM_PSTATE_IL;
}

uint64_t arm_helper_eret(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    uint32_t spsr = (uint32_t)m->sys.spsr1, el = spsr >> 2 & 3;
    drop_reservation(m);
    if ((spsr & (ARM_PSTATE_NRW | 2)) || el > m->sys.el || (el == 0 && (spsr & ARM_PSTATE_SP))) {
        illegal_return(m);
        return leave(m, CPU_EXIT_CTX);
    }
    arm_set_nzcv(&m->arm, spsr);
    m->arm.pstate = held_of(m, spsr);
    m->sys.daif = spsr & ARM_PSTATE_DAIF;
    m->arm.base.pc = m->sys.elr1;
    arm_set_mode(m, el, spsr & 1);
    if (spsr & ARM_PSTATE_IL)
        sync(m, ARM_EC_ILLEGAL_STATE, 0);
    arm_notice_irq(m);
    return leave(m, CPU_EXIT_CTX);
}

uint64_t arm_helper_spsel(void *opaque, uint64_t v, uint64_t b, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    arm_set_mode(m, m->sys.el, (unsigned)v);
    return 0;
}

uint64_t arm_helper_wfi(void *opaque, uint64_t event, uint64_t b, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    if (m->sys.el == 0 && !(m->sys.sctlr1 & (event ? ARM_SCTLR_NTWE : ARM_SCTLR_NTWI))) {
        sync(m, ARM_EC_WFX, (uint32_t)(ESR_CV_AL | event));
        return leave(m, CPU_EXIT_CTX);
    }
    m->arm.base.pc += 4;
    if (event || lines_of(m)) {
        if (event)
            m->sys.board.yield(m->sys.board.opaque);
        arm_notice_irq(m);
        return leave(m, CPU_EXIT_CTX);
    }
    return leave(m, CPU_EXIT_HALT);
}
