/* Programs of AArch32 at EL0 under an AArch64 kernel (Arm ARM, D1.20 "Interprocessing"; ESR_ELx, SPSR_EL1).
 *
 * Their code is TargetOps.other's, ArmSys.nrw says that one runs. r0 to r14 are x0 to x14, q0 to q15 v0 to
 * v15, NZCV of FPSCR bits of FPSR; nothing has to be moved. The kernel sees the exceptions of here with the
 * classes and vectors that are AArch32's; what traps to it or to EL2 are the rules of AArch64
 * (arm_sysreg.c). A syndrome's condition is "always": the instruction has passed its own. Not built:
 * HSTR_EL2, the syndrome of an access that a hypervisor does itself. */
#include "target/arm/a32_priv.h"

enum { ESR_EC_SHIFT = 26, ESR_IL = 1 << 25, ESR_CV_AL = 0x1e << 20 };
/* SPSR of AArch32: where it differs from AArch64's. */
enum { SPSR_A32_SSBS = 1 << 23 };

bool arm_compat_possible(const ArmMachine *m)
{
    return arm_model_a32((ArmModel)m->arm.model) < A32_MODELS;
}

static A32Model model_of(const ArmMachine *m)
{
    return arm_model_a32((ArmModel)m->arm.model);
}

/* ---- in and out ---- */

uint32_t arm_compat_spsr(const ArmMachine *m)
{
    uint32_t held = m->arm.pstate;
    return arm_cpsr(&m->arm) | (m->sys.daif & A32_CPSR_AIF) | (held & (ARM_PSTATE_PAN | ARM_PSTATE_DIT)) |
           (held & ARM_PSTATE_SSBS ? SPSR_A32_SSBS : 0);
}

void arm_compat_enter(ArmMachine *m, uint32_t spsr, uint64_t elr)
{
    bool ssbs = arm_model_has((ArmModel)m->arm.model, ARM_FEAT_SSBS) && (spsr & SPSR_A32_SSBS);
    m->sys.nrw = 1;
    m->sys.mode = A32_MODE_USR;
    m->sys.daif = spsr & A32_CPSR_AIF;
    m->arm.pstate = (m->arm.pstate & (ARM_PSTATE_PAN | ARM_PSTATE_DIT)) | (ssbs ? ARM_PSTATE_SSBS : 0);
    m->arm.base.pc = (uint32_t)elr & ~(spsr & A32_CPSR_T ? 1u : 3u);
    arm_set_cpsr(&m->arm, spsr);
}

/* The preferred return address. */
uint64_t arm_compat_leave(ArmMachine *m)
{
    for (unsigned r = 0; r < 15; r++)
        m->arm.x[r] = (uint32_t)m->arm.x[r];
    m->sys.nrw = 0;
    return (uint32_t)m->arm.base.pc & ~1u;
}

uint32_t arm_compat_ctx(const ArmMachine *m)
{
    const uint64_t sctlr = arm_el0_sctlr(m);
    uint32_t ctx = a32_ctx(&m->arm.base) & ~(uint32_t)ARM_CTX_MODEL;
    return ctx | (uint32_t)model_of(m) << ARM_CTX_MODEL_SHIFT | ARM_CTX_SYS |
           arm_data_idx(m) << ARM_CTX_IDX_SHIFT | (arm_no_fp(m) ? ARM_CTX_NO_FP : 0u) |
           (sctlr & ARM_SCTLR_SED ? ARM_CTX_NO_SETEND : 0u) |
           (sctlr & ARM_SCTLR_CP15BEN ? 0u : ARM_CTX_NO_BARRIERS) |
           (arm_debug_looks(m) ? ARM_CTX_DEBUG : 0u) | (arm_wants_aligned(m) ? ARM_CTX_ALIGN32 : 0u);
}

/* ---- exceptions ---- */

/* Of an instruction of len bytes. */
static void take(ArmMachine *m, unsigned class, uint32_t iss, unsigned len, bool el2)
{
    arm_take_sync(m, class << ESR_EC_SHIFT | iss, el2);
    if (len == 2)
        m->sys.esr[m->sys.el] &= ~(uint64_t)ESR_IL;
}

uint64_t arm_compat_svc(ArmMachine *m, uint32_t imm, unsigned len)
{
    m->arm.base.pc = arm_pc_after(&m->arm, len);
    take(m, ARM_EC_SVC_A32, imm & 0xffff, len, false);
    return arm_go(m);
}

static void undefined(ArmMachine *m)
{
    A32Args a;
    A32Insn insn = a32_insn_at_pc(m, &a);
    if (insn != A32_ILLEGAL && arm_no_fp(m) && a32_insn_is_fp(insn, &a))
        take(m, ARM_EC_FP, ESR_CV_AL, 4, arm_fp_is_el2s(m));
    else
        take(m, ARM_EC_UNKNOWN, 0, 4, false);
}

static void breakpoint(ArmMachine *m)
{
    A32Args a = {0};
    bool thumb = m->arm.base.pc & ARM_PC_T;
    a32_insn_at_pc(m, &a);
    take(m, ARM_EC_BKPT, (uint32_t)a.imm & 0xffff, thumb ? 2 : 4, false);
}

static void misaligned(ArmMachine *m, const CpuExit *x)
{
    uint64_t pc = (uint32_t)m->arm.base.pc;
    if ((pc & ARM_PC_T) || !(pc & 2)) {
        arm_take_data_abort(m, x->addr, ARM_FSC_ALIGNMENT, a32_stores(m));
        return;
    }
    take(m, ARM_EC_PC_ALIGN, 0, 4, false);
    m->sys.far[m->sys.el] = pc;
}

bool arm_compat_exception(ArmMachine *m, const CpuExit *x)
{
    switch ((CpuExitKind)x->kind) {
    case CPU_EXIT_BREAK: breakpoint(m); return true;
    case CPU_EXIT_ILLEGAL: undefined(m); return true;
    case CPU_EXIT_MISALIGNED: misaligned(m, x); return true;
    default: return false;
    }
}

/* ---- system registers ---- */

/* Class and ISS of the MRC, MCR, MRRC or MCRR at pc: its word has the same fields in both instruction sets.
 */
static uint32_t syndrome(ArmMachine *m)
{
    Cpu *cpu = &m->arm.base;
    uint16_t half[2] = {0};
    cpu->mem->fetch(cpu, (uint32_t)cpu->pc & ~1u, half, 4);
    uint32_t w = cpu->pc & ARM_PC_T ? (uint32_t)half[0] << 16 | half[1] : (uint32_t)half[1] << 16 | half[0];
    uint32_t rt = w >> 12 & 15, crm = w & 15, read = w >> 20 & 1, high = w >> 16 & 15;
    bool cp14 = !(w >> 8 & 1), pair = (w >> 24 & 15) == 12;
    uint32_t class = pair ? (cp14 ? ARM_EC_CP14_64 : ARM_EC_CP15_64) : cp14 ? ARM_EC_CP14 : ARM_EC_CP15;
    uint32_t iss = ESR_CV_AL | crm << 1 | read;
    if (pair)
        iss |= (w >> 4 & 15) << 16 | high << 10 | rt << 5;
    else
        iss |= (w >> 5 & 7) << 17 | (w >> 21 & 7) << 14 | high << 10 | (rt == A32_PC ? 31 : rt) << 5;
    return class << ESR_EC_SHIFT | iss;
}

bool arm_compat_traps(ArmMachine *m, unsigned reg, bool write)
{
    unsigned a64 = a32_cp_in_a64(reg);
    if (!a64)
        return false;
    bool el1 = arm_reg_el0_traps(m, a64, write);
    if (!el1 && !arm_reg_traps_to_el2(m, a64, write))
        return false;
    arm_take_sync(m, syndrome(m), !el1);
    return true;
}

uint64_t a32_helper_debug32(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return arm_debug_look(cpu);
}
