/* Exceptions and the way back (Arm ARM, D1 "The AArch64 System Level Programmers' Model"; ESR_ELx),
 * interrupts, waiting. */
#include "target/arm/a32_priv.h"
#include "target/arm/a64_trans_priv.h"

enum {
    ESR_EC_SHIFT = 26,
    ESR_IL = 1 << 25,
    ESR_WNR = 1 << 6,
    ESR_S1PTW = 1 << 7,
    ESR_CM = 1 << 8,
    ESR_CV_AL = 0x1e << 20
};
enum {
    VECTOR_SP0 = 0,
    VECTOR_SPX = 0x200,
    VECTOR_LOWER = 0x400,
    VECTOR_LOWER_A32 = 0x600,
    VECTOR_SYNC = 0,
    VECTOR_IRQ = 0x80,
    VECTOR_FIQ = 0x100,
    VECTOR_SERROR = 0x180
};

/* ---- PSTATE ---- */

enum { PSTATE_HELD = ARM_PSTATE_SSBS | ARM_PSTATE_DIT | ARM_PSTATE_TCO | ARM_PSTATE_PAN | ARM_PSTATE_UAO };

uint32_t arm_pstate_word(const ArmMachine *m)
{
    if (m->sys.nrw)
        return arm_compat_spsr(m);
    return arm_nzcv(&m->arm) | (m->arm.pstate & (uint32_t)PSTATE_HELD) | m->sys.daif | m->sys.el << 2 |
           m->sys.spsel;
}

void arm_set_mode(ArmMachine *m, unsigned el, unsigned spsel)
{
    ArmSys *s = &m->sys;
    bool counted = s->pmu_by_level && el != s->el;
    if (UNLIKELY(counted))
        arm_pmu_before_level(m);
    s->sp_el[s->spsel ? s->el : 0] = m->arm.sp;
    s->el = el;
    if (UNLIKELY(counted))
        arm_pmu_after_level(m);
    s->spsel = el ? spsel : 0;
    m->arm.sp = s->sp_el[s->spsel ? el : 0];
}

void arm_set_state_word(ArmMachine *m, uint32_t word, uint64_t pc)
{
    arm_set_nzcv(&m->arm, word);
    m->arm.pstate = (m->arm.pstate & ~(uint32_t)PSTATE_HELD) | (word & (uint32_t)PSTATE_HELD);
    m->sys.daif = word & ARM_PSTATE_DAIF;
    m->sys.nrw = 0;
    m->arm.base.pc = pc;
    arm_set_mode(m, word >> 2 & 3, word & 1);
    if (word & ARM_PSTATE_NRW)
        arm_compat_enter(m, word, pc);
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

/* Another level's addresses may be translated otherwise. */
static void change_level(ArmMachine *m, unsigned el, unsigned spsel)
{
    bool same = el == m->sys.el || m->sys.el_max == 1;
    arm_set_mode(m, el, spsel);
    if (!same)
        arm_regime_update(m);
}

/* Which vectors: EL2's look at EL1, which is AArch64, unless EL0 is its own. */
static unsigned vectors(const ArmMachine *m, unsigned to)
{
    const ArmSys *s = &m->sys;
    if (s->el == to)
        return s->spsel ? VECTOR_SPX : VECTOR_SP0;
    return s->nrw && (to == 1 || arm_host_el0(m)) ? VECTOR_LOWER_A32 : VECTOR_LOWER;
}

/* The return address is base.pc. */
static void take(ArmMachine *m, unsigned to, unsigned kind)
{
    ArmSys *s = &m->sys;
    uint32_t spsr = arm_pstate_word(m) | arm_step_at_exception(m), held = m->arm.pstate;
    unsigned from = vectors(m, to);
    const uint64_t host = ARM_HCR_E2H | ARM_HCR_TGE;
    drop_reservation(m);
    s->spsr[to] = spsr;
    s->elr[to] = s->nrw ? arm_compat_leave(m) : m->arm.base.pc;
    change_level(m, to, 1);
    s->daif = ARM_PSTATE_DAIF;
    held &= ~(uint32_t)(ARM_PSTATE_UAO | ARM_PSTATE_SSBS);
    if (!(s->sctlr[to] & ARM_SCTLR_SPAN) && (to == 1 || (s->hcr & host) == host))
        held |= ARM_PSTATE_PAN;
    if (s->sctlr[to] & ARM_SCTLR_DSSBS)
        held |= ARM_PSTATE_SSBS;
    m->arm.pstate = held_of(m, held);
    m->arm.base.pc = s->vbar[to] + from + kind;
}

/* Who takes what EL1 does not keep from it: EL2 in its own code, and in place of EL1 with TGE. */
static unsigned usual_level(const ArmMachine *m)
{
    return m->sys.el == 2 || (m->sys.el == 0 && (m->sys.hcr & ARM_HCR_TGE)) ? 2 : 1;
}

static unsigned take_sync(ArmMachine *m, uint32_t esr, bool el2)
{
    unsigned to = el2 ? 2 : usual_level(m);
    take(m, to, VECTOR_SYNC);
    m->sys.esr[to] = esr | ESR_IL;
    return to;
}

void arm_take_sync(ArmMachine *m, uint32_t esr, bool el2)
{
    take_sync(m, esr, el2);
}

static void sync(ArmMachine *m, unsigned class, uint32_t iss)
{
    take_sync(m, class << ESR_EC_SHIFT | iss, false);
}

static uint32_t insn_at_pc(Cpu *cpu);

/* What EL2 needs to do a single load or store itself, of those that change no other register. */
static uint32_t access_syndrome(ArmMachine *m)
{
    enum { ISV = 1 << 24, SF = 1 << 15, AR = 1 << 14, SSE = 1 << 21 };
    uint32_t insn = insn_at_pc(&m->arm.base), size = insn >> 30, opc = insn >> 22 & 3;
    uint32_t iss = ISV | size << 22 | (insn & 31) << 16;
    bool plain = (insn & 0x3f000000) == 0x39000000 ||                        /* [x, #imm] */
                 ((insn & 0x3f200000) == 0x38000000 && !(insn >> 10 & 1)) || /* LDUR, LDTR */
                 ((insn & 0x3f200c00) == 0x38200800);                        /* [x, x] */
    if (plain) {
        if (size == 3 && opc == 2) /* PRFM */
            return 0;
        if (opc >= 2)
            return iss | SSE | (opc == 2 ? SF : 0);
        return iss | (size == 3 ? SF : 0);
    }
    if ((insn & 0x3f808000) == 0x08808000) /* LDAR, STLR */
        return iss | AR | (size == 3 ? SF : 0);
    return 0;
}

/* Data and instruction aborts: the class follows the level. */
static void take_abort(ArmMachine *m, bool fetch, uint64_t far, uint32_t code, uint32_t more)
{
    bool stage2 = code & ARM_FSC_STAGE2;
    uint32_t iss = (code & 63) | (code & ARM_FSC_S1PTW ? ESR_S1PTW : 0) | more;
    if (stage2 && !fetch && !(iss & (ESR_S1PTW | ESR_CM)))
        iss |= access_syndrome(m);
    bool same = m->sys.el > 0 && (m->sys.el == 2 || !stage2);
    uint32_t class = (fetch ? ARM_EC_FETCH_LOWER : ARM_EC_DATA_LOWER) + same;
    unsigned to = take_sync(m, class << ESR_EC_SHIFT | iss, stage2);
    m->sys.far[to] = far;
    if (stage2)
        m->sys.hpfar = m->sys.fault_ipa >> 12 << 4;
}

/* The A64 instruction at pc, 0 if it is none, or cannot be read any more. */
static uint32_t insn_at_pc(Cpu *cpu)
{
    uint32_t bits = 0;
    return !((ArmMachine *)cpu)->sys.nrw && cpu->mem->fetch(cpu, cpu->pc, &bits, 4) ? bits : 0;
}

bool arm_fp_is_el2s(const ArmMachine *m)
{
    unsigned fpen = m->sys.cpacr1 >> 20 & 3;
    bool el1 = m->sys.el == 0 ? fpen != 3 : !(fpen & 1);
    return m->sys.el == 2 || arm_host_el0(m) || !el1;
}

static void illegal(ArmMachine *m)
{
    A64Args a;
    A64Insn insn = a64_decode(insn_at_pc(&m->arm.base), &a);
    bool fp = insn != A64_ILLEGAL && (a64_is_fp(insn) || ((insn == A64_mrs || insn == A64_msr) &&
                                                          (a.imm >> 1) == A64_SYSREG(3, 3, 4, 4, 0) >> 1));
    if (fp && (m->arm.base.ctx & ARM_CTX_NO_FP))
        take_sync(m, (uint32_t)ARM_EC_FP << ESR_EC_SHIFT | ESR_CV_AL, arm_fp_is_el2s(m));
    else
        sync(m, ARM_EC_UNKNOWN, 0);
}

/* Cache maintenance says that it is (DC ZVA is a store), and counts as a write. */
static uint32_t cache_op_bits(uint32_t insn)
{
    enum { SYS_MASK = 0xfffff000, SYS_C7 = 0xd50b7000 /* op1 3, CRn 7 */, CRM_ZVA = 4 };
    return (insn & SYS_MASK) == SYS_C7 && (insn >> 8 & 15) != CRM_ZVA ? ESR_CM | ESR_WNR : 0;
}

void arm_take_data_abort(ArmMachine *m, uint64_t far, uint32_t code, bool write)
{
    take_abort(m, false, far, code, write ? ESR_WNR : 0);
}

static void misaligned(ArmMachine *m, const CpuExit *x)
{
    uint32_t bits = insn_at_pc(&m->arm.base);
    bool atomic = (bits & 0x3f200c00) == 0x38200000;
    bool write = !(bits >> 22 & 1) || atomic; /* stores; atomic operations count as such */
    if (m->arm.base.pc & 3) {
        uint64_t pc = m->arm.base.pc;
        m->sys.far[take_sync(m, (uint32_t)ARM_EC_PC_ALIGN << ESR_EC_SHIFT, false)] = pc;
        return;
    }
    if ((m->arm.base.ctx & ARM_CTX_SP64) && (m->arm.sp & 15) && a64_checks_sp(bits)) {
        sync(m, ARM_EC_SP_ALIGN, 0);
        return;
    }
    arm_take_data_abort(m, x->addr, ARM_FSC_ALIGNMENT, write);
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
    if (UNLIKELY(m->sys.nrw) && arm_compat_exception(m, &x))
        return true;
    switch ((CpuExitKind)x.kind) {
    case CPU_EXIT_BREAK: sync(m, ARM_EC_BRK, insn_at_pc(base) >> 5 & 0xffff); return true;
    case CPU_EXIT_ILLEGAL: illegal(m); return true;
    case CPU_EXIT_FETCH: take_abort(m, true, x.addr, (uint32_t)x.code, 0); return true;
    case CPU_EXIT_FAULT:
        if (x.code == ARM_FSC_DEBUG) {
            arm_take_watch(m, &x, cache_op_bits(insn_at_pc(base)));
            return true;
        }
        take_abort(m, false, x.addr, (uint32_t)x.code,
                   (x.write ? ESR_WNR : 0) | cache_op_bits(insn_at_pc(base)));
        return true;
    case CPU_EXIT_MISALIGNED: misaligned(m, &x); return true;
    default: return false;
    }
}

/* ---- interrupts ---- */

bool arm_set_irq(Cpu *base, unsigned n, bool level)
{
    static const uint32_t bits[] = {[ARM_LINE_IRQ] = ARM_PSTATE_I,
                                    [ARM_LINE_FIQ] = ARM_PSTATE_F,
                                    [ARM_LINE_VIRQ] = ARM_PSTATE_I << ARM_LINES_VIRTUAL_SHIFT,
                                    [ARM_LINE_VFIQ] = ARM_PSTATE_F << ARM_LINES_VIRTUAL_SHIFT};
    uint32_t *lines = &((ArmMachine *)base)->sys.lines, bit = bits[n & 3];
    if (!level) {
        __atomic_fetch_and(lines, ~bit, __ATOMIC_ACQ_REL);
        return false;
    }
    return !(__atomic_fetch_or(lines, bit, __ATOMIC_ACQ_REL) & bit);
}

/* Interrupts that are pending and not masked, at DAIF's bits: those that EL2 takes, those that EL1 takes. */
typedef struct Due {
    uint32_t el2, el1, el1_virtual;
} Due;

static Due due_now(const ArmMachine *m)
{
    const ArmSys *s = &m->sys;
    uint32_t lines = __atomic_load_n(&s->lines, __ATOMIC_ACQUIRE), open = ~s->daif;
    uint32_t physical = lines & (ARM_PSTATE_I | ARM_PSTATE_F);
    if (s->el_max < 2 || !lines)
        return (Due){.el1 = physical & open};
    /* HCR_EL2: FMO is bit 3, IMO 4, AMO 5; F, I, A are bits 6, 7, 8 */
    uint32_t to_el2 = s->hcr & ARM_HCR_TGE ? ~0u : (uint32_t)s->hcr << 3;
    uint32_t virtual = lines >> ARM_LINES_VIRTUAL_SHIFT | lines >> ARM_LINES_HCR_SHIFT;
    Due d = {.el2 = physical & to_el2 & (s->el == 2 ? open : ~0u)};
    if (s->el < 2) {
        d.el1 = physical & ~to_el2 & open;
        if (!(s->hcr & ARM_HCR_TGE))
            d.el1_virtual = virtual & (uint32_t)s->hcr << 3 & open &
                            (ARM_PSTATE_I | ARM_PSTATE_F | ARM_PSTATE_A);
    }
    return d;
}

bool arm_interrupt(Cpu *base)
{
    ArmMachine *m = (ArmMachine *)base;
    Due d = due_now(m);
    uint32_t el1 = d.el1 | d.el1_virtual;
    if (el1 && m->sys.a32)
        a32_take_interrupt(m, el1);
    else if (d.el2)
        take(m, 2, d.el2 & ARM_PSTATE_F ? VECTOR_FIQ : VECTOR_IRQ);
    else if (el1 & ARM_PSTATE_F)
        take(m, 1, VECTOR_FIQ);
    else if (el1 & ARM_PSTATE_I)
        take(m, 1, VECTOR_IRQ);
    else if (el1 & ARM_PSTATE_A) {
        arm_write_hcr(m, m->sys.hcr & ~ARM_HCR_VSE);
        take(m, 1, VECTOR_SERROR);
        m->sys.esr[1] = (uint32_t)ARM_EC_SERROR << ESR_EC_SHIFT | ESR_IL;
    } else {
        return false;
    }
    return true;
}

void arm_notice_irq(ArmMachine *m)
{
    Due d = due_now(m);
    if (d.el2 | d.el1 | d.el1_virtual)
        __atomic_store_n(&m->arm.base.kick, 1, __ATOMIC_RELEASE);
}

/* What ends a WFI, masked or not. */
static bool something_pending(const ArmMachine *m)
{
    const ArmSys *s = &m->sys;
    uint32_t lines = __atomic_load_n(&s->lines, __ATOMIC_ACQUIRE);
    uint32_t virtual = (lines >> ARM_LINES_VIRTUAL_SHIFT | lines >> ARM_LINES_HCR_SHIFT) & (uint32_t)s->hcr
                                                                                               << 3;
    return (lines & (ARM_PSTATE_I | ARM_PSTATE_F)) ||
           (s->el < 2 && !(s->hcr & ARM_HCR_TGE) && (virtual & (ARM_PSTATE_I | ARM_PSTATE_F | ARM_PSTATE_A)));
}

bool arm_wakes(const Cpu *base)
{
    const ArmMachine *m = (const ArmMachine *)base;
    uint32_t power = __atomic_load_n(&m->sys.power, __ATOMIC_ACQUIRE);
    return power == ARM_POWER_ON ? something_pending(m) : power == ARM_POWER_STARTING;
}

/* ---- instructions ---- */

static uint64_t leave(ArmMachine *m, CpuExitKind kind)
{
    m->arm.base.exit = (CpuExit){.kind = (uint16_t)kind};
    return 1;
}

/* The modes of floating point that generated code has set in the host are those of before; another level of
 * AArch32 may have others. Its code is of another kind. */
uint64_t arm_go(ArmMachine *m)
{
    enum { HOST_MODES = (IR_FP_FZ | IR_FP_STD | IR_FP_PX) << CTX_ARM_FP_SHIFT };
    Cpu *cpu = &m->arm.base;
    uint32_t before = cpu->ctx;
    cpu->exit = (CpuExit){.kind = CPU_EXIT_CTX};
    if (before & CTX_STEP)
        return 1;
    cpu->mem->context(cpu);
    return (before ^ cpu->ctx) & (HOST_MODES | ARM_CTX_A32) ? 1 : IR_STATUS_GO;
}

/* SMC: EL2 may want it, then it is the machine's own firmware, or nothing. */
static uint64_t call_above(ArmMachine *m, unsigned class, uint32_t imm)
{
    enum { PSCI_BY_HVC = 1, PSCI_BY_SMC = 2 };
    uint32_t psci = m->sys.hvc_is_psci;
    if (class == ARM_EC_SMC && m->sys.el == 1 && (m->sys.hcr & ARM_HCR_TSC)) { /* not stepped over */
        take_sync(m, (uint32_t)ARM_EC_SMC << ESR_EC_SHIFT | imm, true);
        return arm_go(m);
    }
    if (psci & (class == ARM_EC_HVC ? PSCI_BY_HVC : PSCI_BY_SMC)) {
        m->arm.base.pc += 4;
        arm_psci(m);
        return leave(m, m->sys.power == ARM_POWER_OFF ? CPU_EXIT_HALT : CPU_EXIT_CTX);
    }
    if (class == ARM_EC_SMC || m->sys.el_max < 2 || (m->sys.hcr & ARM_HCR_HCD))
        return leave(m, CPU_EXIT_ILLEGAL);
    m->arm.base.pc += 4;
    take_sync(m, (uint32_t)ARM_EC_HVC << ESR_EC_SHIFT | imm, true);
    return arm_go(m);
}

uint64_t arm_helper_svc(void *opaque, uint64_t class, uint64_t imm, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    if (class != ARM_EC_SVC)
        return call_above(m, (unsigned)class, (uint32_t)imm);
    m->arm.base.pc += 4;
    sync(m, ARM_EC_SVC, (uint32_t)imm);
    return arm_go(m);
}

/* An SPSR that means no state that there is: PSTATE stays, but for IL, of which the next instruction is the
 * victim. */
static void illegal_return(ArmMachine *m, uint32_t spsr)
{
    arm_set_nzcv(&m->arm, spsr);
    m->sys.daif = spsr & ARM_PSTATE_DAIF;
    m->arm.base.pc = m->sys.elr[m->sys.el];
    m->sys.spsr[take_sync(m, (uint32_t)ARM_EC_ILLEGAL_STATE << ESR_EC_SHIFT, false)] |= ARM_PSTATE_IL;
}

static bool can_return(const ArmMachine *m, uint32_t spsr)
{
    uint32_t el = spsr >> 2 & 3;
    if (spsr & ARM_PSTATE_NRW)
        return (spsr & 15) == 0 && arm_compat_possible(m);
    return !(spsr & 2) && el <= m->sys.el && !(el == 0 && (spsr & ARM_PSTATE_SP)) &&
           !(el == 1 && (m->sys.hcr & ARM_HCR_TGE));
}

uint64_t arm_helper_eret(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    uint32_t spsr = (uint32_t)m->sys.spsr[m->sys.el];
    drop_reservation(m);
    if (!can_return(m, spsr)) {
        illegal_return(m, spsr);
        return arm_go(m);
    }
    bool stepped = arm_steps(m);
    uint64_t pc = m->sys.elr[m->sys.el];
    arm_set_nzcv(&m->arm, spsr);
    m->arm.pstate = held_of(m, spsr);
    m->sys.daif = spsr & ARM_PSTATE_DAIF;
    m->arm.base.pc = pc;
    change_level(m, spsr >> 2 & 3, spsr & 1);
    if (spsr & ARM_PSTATE_NRW)
        arm_compat_enter(m, spsr, pc);
    m->sys.stepping = 0;
    m->sys.step_armed = !stepped && arm_steps(m) && (spsr & ARM_PSTATE_SS);
    if (spsr & ARM_PSTATE_IL)
        m->sys.spsr[take_sync(m, (uint32_t)ARM_EC_ILLEGAL_STATE << ESR_EC_SHIFT, false)] |= ARM_PSTATE_IL;
    arm_notice_irq(m);
    return arm_go(m);
}

uint64_t arm_helper_spsel(void *opaque, uint64_t v, uint64_t b, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    arm_set_mode(m, m->sys.el, (unsigned)v);
    if (LIKELY(!(m->arm.sp & 15)) && !(m->arm.base.ctx & ARM_CTX_SP64))
        return 0;
    m->arm.base.pc += 4;
    return arm_go(m);
}

uint64_t arm_helper_pstate(void *opaque, uint64_t bit, uint64_t on, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    m->arm.pstate = on ? m->arm.pstate | (uint32_t)bit : m->arm.pstate & ~(uint32_t)bit;
    m->arm.base.pc += 4;
    return arm_go(m);
}

/* Who does not let this level wait: 1 or 2, 0 nobody. */
static unsigned wait_trap(const ArmMachine *m, bool event)
{
    const ArmSys *s = &m->sys;
    uint64_t may = event ? ARM_SCTLR_NTWE : ARM_SCTLR_NTWI;
    if (s->el == 0 && !(s->sctlr[arm_host_el0(m) ? 2 : 1] & may) &&
        !(s->hcr & ARM_HCR_TGE && !arm_host_el0(m)))
        return usual_level(m);
    return s->el_max == 2 && s->el < 2 && !arm_host_el0(m) && (s->hcr & (event ? ARM_HCR_TWE : ARM_HCR_TWI))
               ? 2
               : 0;
}

uint64_t arm_wait(ArmMachine *m, bool event, unsigned len)
{
    unsigned trap = wait_trap(m, event);
    if (trap && (event || !something_pending(m))) {
        take_sync(m, (uint32_t)ARM_EC_WFX << ESR_EC_SHIFT | (uint32_t)(ESR_CV_AL | event), trap == 2);
        if (len == 2)
            m->sys.esr[m->sys.el] &= ~(uint64_t)ESR_IL;
        return arm_go(m);
    }
    m->arm.base.pc = m->sys.nrw ? arm_pc_after(&m->arm, len) : m->arm.base.pc + len;
    if (event || something_pending(m)) {
        if (event)
            m->sys.board.yield(m->sys.board.opaque);
        arm_notice_irq(m);
        return arm_go(m);
    }
    return leave(m, CPU_EXIT_HALT);
}

uint64_t arm_helper_wfi(void *opaque, uint64_t event, uint64_t b, uint64_t c, uint64_t d)
{
    return arm_wait(opaque, event, 4);
}
