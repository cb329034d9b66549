/* EL2 (Arm ARM, D1, D8.15 "Virtualization Host Extensions", HCR_EL2): names of registers with E2H, and what
 * EL2 has trapped. Not built: fine-grained traps, nested virtualization, traps of pointer authentication's
 * instructions, HSTR_EL2. */
#include "target/arm/a64_trans_priv.h"

#define R(op1, crn, crm, op2) A64_SYSREG(3, op1, crn, crm, op2)

/* ---- names ---- */

/* EL1's registers that EL2 has, too, with the same encoding but op1. */
static bool has_twin(unsigned reg)
{
    switch (reg) {
    case R(0, 1, 0, 0):  /* SCTLR */
    case R(0, 2, 0, 0):  /* TTBR0 */
    case R(0, 2, 0, 1):  /* TTBR1 */
    case R(0, 2, 0, 2):  /* TCR */
    case R(0, 4, 0, 0):  /* SPSR */
    case R(0, 4, 0, 1):  /* ELR */
    case R(0, 5, 1, 0):  /* AFSR0 */
    case R(0, 5, 1, 1):  /* AFSR1 */
    case R(0, 5, 2, 0):  /* ESR */
    case R(0, 6, 0, 0):  /* FAR */
    case R(0, 10, 2, 0): /* MAIR */
    case R(0, 10, 3, 0): /* AMAIR */
    case R(0, 12, 0, 0): /* VBAR */
    case R(0, 13, 0, 1): /* CONTEXTIDR */
    case R(0, 14, 1, 0): /* CNTKCTL, CNTHCTL */ return true;
    default: return false;
    }
}

enum { OP1_SHIFT = 11, OP1_EL2 = 4, OP1_EL12 = 5, CPACR = R(0, 1, 0, 2), CPTR = R(4, 1, 1, 2) };

static unsigned with_op1(unsigned reg, unsigned op1)
{
    return (reg & ~(7u << OP1_SHIFT)) | op1 << OP1_SHIFT;
}

/* CNTP_*_EL0 and CNTV_*_EL0 by their op1 */
static bool is_timer(unsigned reg, unsigned op1)
{
    unsigned crm = reg >> 3 & 15;
    return (reg & ~127u) == A64_SYSREG(3, op1, 14, 0, 0) && (crm == 2 || crm == 3) && (reg & 7) < 3;
}

unsigned arm_redirect(unsigned reg, unsigned el, bool e2h)
{
    unsigned op1 = reg >> OP1_SHIFT & 7;
    if (op1 == OP1_EL12 && reg >> 14 == 3) {
        if (el != 2 || !e2h)
            return ARM_NO_REG;
        if (is_timer(reg, OP1_EL12))
            return with_op1(reg, 3);
        reg = with_op1(reg, 0);
        return reg == CPACR || has_twin(reg) ? reg : ARM_NO_REG;
    }
    if (!e2h)
        return reg;
    if (is_timer(reg, 3)) /* CNTHP, CNTHV: also of the host's programs */
        return with_op1(reg, OP1_EL2);
    if (el != 2)
        return reg;
    return reg == CPACR ? CPTR : has_twin(reg) ? with_op1(reg, OP1_EL2) : reg;
}

/* ---- traps ---- */

static uint64_t hcr_of(const ArmMachine *m)
{
    return m->sys.hcr;
}

/* Registers of stage 1 (TVM, TRVM). */
static bool is_memory_control(unsigned reg)
{
    switch (reg) {
    case R(0, 1, 0, 0):
    case R(0, 2, 0, 0):
    case R(0, 2, 0, 1):
    case R(0, 2, 0, 2):
    case R(0, 5, 1, 0):
    case R(0, 5, 1, 1):
    case R(0, 5, 2, 0):
    case R(0, 6, 0, 0):
    case R(0, 10, 2, 0):
    case R(0, 10, 3, 0):
    case R(0, 13, 0, 1): return true;
    default: return false;
    }
}

/* By which bit of HCR_EL2 a register of identification is trapped. */
static uint64_t id_bit(unsigned reg)
{
    switch (reg) {
    case R(0, 0, 0, 6):
    case R(1, 0, 0, 7): return ARM_HCR_TID1; /* REVIDR, AIDR */
    case R(1, 0, 0, 0):
    case R(1, 0, 0, 1):
    case R(2, 0, 0, 0): return ARM_HCR_TID2 | ARM_HCR_TID4; /* CCSIDR, CLIDR, CSSELR */
    case R(3, 0, 0, 1): return ARM_HCR_TID2;                /* CTR */
    default: {
        unsigned crm = reg >> 3 & 15;
        return reg >> 7 == R(0, 0, 0, 0) >> 7 && crm >= 1 && crm <= 7 ? ARM_HCR_TID3 : 0;
    }
    }
}

static bool timer_traps(const ArmMachine *m, unsigned reg)
{
    uint64_t c = m->sys.cnthctl, may = m->sys.hcr & ARM_HCR_E2H ? c >> 10 : c; /* EL1PCTEN, EL1PTEN */
    if (reg == R(3, 14, 0, 1))                                                 /* CNTPCT */
        return !(may & 1);
    return is_timer(reg, 3) && (reg >> 3 & 15) == 2 && !(may & 2);
}

/* Debug registers and the performance monitor: MDCR_EL2. */
static bool debug_traps(const ArmMachine *m, unsigned reg)
{
    enum { TPMCR = 1 << 5, TPM = 1 << 6, TDE = 1 << 8, TDA = 1 << 9, TDOSA = 1 << 10, TDRA = 1 << 11 };
    uint64_t mdcr = m->sys.mdcr;
    unsigned crn = reg >> 7 & 15, crm = reg >> 3 & 15;
    if (reg >> 14 == 2) {
        if (crn == 1 && crm == 0 && (reg & 7) == 0)
            return mdcr & (TDRA | TDE | TDA);
        if (crn == 1 && (reg & 7) == 4)
            return mdcr & (TDOSA | TDE | TDA);
        return mdcr & (TDA | TDE);
    }
    bool pmu = crn == 9 || (crn == 14 && crm >= 8);
    if (pmu && (reg >> OP1_SHIFT & 7) == 3)
        return (mdcr & TPM) || ((mdcr & TPMCR) && reg == R(3, 9, 12, 0));
    return pmu && crn == 9 && crm == 14 && (mdcr & TPM);
}

/* The interrupt controller: SGIs with HCR_EL2.IMO or FMO, everything but ICC_SRE as ICH_HCR_EL2 says. */
static bool controller_traps(const ArmMachine *m, unsigned reg)
{
    enum { TC = 1 << 10, TALL0 = 1 << 11, TALL1 = 1 << 12, TDIR = 1 << 14 };
    const CpuBoard *b = &m->sys.board;
    unsigned crm = reg >> 3 & 15, op2 = reg & 7;
    uint64_t ich = 0;
    bool pmr = reg == R(0, 4, 6, 0);
    if (!pmr && (reg >> 7 != R(0, 12, 0, 0) >> 7 || crm < 8))
        return false;
    const bool sgi = crm == 11 && op2 >= 5; /* ICC_SGI1R, ASGI1R, SGI0R */
    if (sgi && (m->sys.hcr & (ARM_HCR_IMO | ARM_HCR_FMO)))
        return true;
    if (crm == 12 && op2 == 5) /* SRE */
        return false;
    if (!b->device_reg || !b->device_reg(b->opaque, b->number, R(4, 12, 11, 0), false, &ich))
        return false;
    if (pmr || sgi || (crm == 11 && op2 == 3) || (crm == 12 && op2 == 4)) /* PMR, RPR, CTLR */
        return ich & TC;
    if (crm == 11 && op2 == 1)
        return ich & (TDIR | TC);
    if (crm == 8 || (crm == 12 && op2 == 6))
        return ich & TALL0;
    return ich & TALL1;
}

bool arm_reg_traps_to_el2(const ArmMachine *m, unsigned reg, bool write)
{
    uint64_t hcr = hcr_of(m);
    if (m->sys.el_max < 2 || m->sys.el == 2 || arm_host_el0(m))
        return false;
    if (reg == CPACR)
        return m->sys.cptr >> 31 & 1;
    if (m->sys.el == 1 && is_memory_control(reg) && (hcr & (write ? ARM_HCR_TVM : ARM_HCR_TRVM)))
        return true;
    if (hcr & id_bit(reg))
        return true;
    if (reg == R(0, 1, 0, 1) && (hcr & ARM_HCR_TACR))
        return true;
    unsigned crn = reg >> 7 & 15;
    if ((crn == 11 || crn == 15) && (hcr & ARM_HCR_TIDCP))
        return true;
    if (crn == 2 && (reg >> 3 & 15) >= 1 && (reg >> 3 & 15) <= 3 &&
        reg >> OP1_SHIFT == R(0, 0, 0, 0) >> OP1_SHIFT && arm_model_has(m->arm.model, ARM_FEAT_PAuth) &&
        !(hcr & ARM_HCR_APK))
        return true;
    return timer_traps(m, reg) || debug_traps(m, reg) || controller_traps(m, reg);
}

bool arm_op_traps_to_el2(const ArmMachine *m, unsigned op)
{
    uint64_t hcr = hcr_of(m);
    unsigned op1 = op >> OP1_SHIFT & 7, crn = op >> 7 & 15, crm = op >> 3 & 15, op2 = op & 7;
    if (m->sys.el_max < 2 || m->sys.el == 2 || arm_host_el0(m))
        return false;
    if (crn == 8)
        return hcr & ARM_HCR_TTLB;
    if (crn != 7)
        return (crn == 11 || crn == 15) && (hcr & ARM_HCR_TIDCP);
    if (op1 == 0 && op2 == 2 && (crm == 6 || crm == 10 || crm == 14))
        return hcr & ARM_HCR_TSW;
    if (crm == 1 || crm == 5 || crm == 11)
        return hcr & ARM_HCR_TPU;
    if (op1 == 3 && crm == 4)
        return hcr & ARM_HCR_TDZ;
    return (crm == 6 || crm == 10 || crm == 12 || crm == 13 || crm == 14) && (hcr & ARM_HCR_TPC);
}

bool arm_el2_watches(const ArmMachine *m)
{
    const uint64_t any = ARM_HCR_TID1 | ARM_HCR_TID2 | ARM_HCR_TID3 | ARM_HCR_TID4 | ARM_HCR_TIDCP |
                         ARM_HCR_TACR | ARM_HCR_TSW | ARM_HCR_TPC | ARM_HCR_TPU | ARM_HCR_TTLB | ARM_HCR_TVM |
                         ARM_HCR_TRVM | ARM_HCR_TDZ | ARM_HCR_VM;
    return m->sys.el_max == 2 && m->sys.el < 2 && !arm_host_el0(m) &&
           ((m->sys.hcr & any) || (m->sys.mdcr & 0xf60));
}

/* ---- HCR_EL2 ---- */

void arm_write_hcr(ArmMachine *m, uint64_t v)
{
    bool vhe = arm_model_has(m->arm.model, ARM_FEAT_PAN); /* 8.1 */
    uint32_t lines = (uint32_t)(v >> 6 & 7)
                     << (6 + ARM_LINES_HCR_SHIFT); /* VF, VI, VSE: where F, I and A are */
    m->sys.hcr = (v | ARM_HCR_RW) & ~(vhe ? 0 : ARM_HCR_E2H);
    __atomic_fetch_and(&m->sys.lines, ~(7u << (6 + ARM_LINES_HCR_SHIFT)), __ATOMIC_ACQ_REL);
    __atomic_fetch_or(&m->sys.lines, lines, __ATOMIC_ACQ_REL);
    arm_regime_update(m);
}
