/*
 * The privileged side of AArch64: EL0 and EL1 (Arm ARM, chapters D1 to D24). Private to target/arm.
 *
 * A machine's cpu is an ArmMachine; user mode allocates the ArmCpu in it only. A system register is a row of
 * arm_sysregs.def. ArmCpu.sp is the stack pointer that SPSel chooses; the others rest in sp_el[]. PSTATE is
 * spread: NZCV in fl, SSBS, DIT, TCO, PAN, UAO at SPSR's bits in ArmCpu.pstate, DAIF at SPSR's bits in daif,
 * EL and SPSel in el and spsel. Accesses have three indexes: unprivileged, privileged, privileged with PAN.
 * What they mean is the regime's, and each content of {TTBR0, TTBR1, TCR, SCTLR.M} is an address space of its
 * own (`regime`): changing these registers, or the ASID in them, selects and never flushes. `lines` and
 * `power` are written by other threads, everything else by the cpu's own. Implementation choices that the
 * manual leaves open: no EL2, EL3 and no AArch32; data accesses are little-endian; WFE waits for nothing;
 * accesses to Device memory need not be aligned.
 */
#ifndef TARGET_ARM_ARM_SYS_H
#define TARGET_ARM_ARM_SYS_H

#include "target/arm/arm_cpu.h"
#include "target/mem.h"

enum { ARM_IDX_U, ARM_IDX_P, ARM_IDX_PAN, ARM_IDX_COUNT };

/* PSTATE, SPSR: beside ARM_PSTATE_* of arm_cpu.h. */
enum {
    ARM_PSTATE_SP = 1 << 0,
    ARM_PSTATE_NRW = 1 << 4,
    ARM_PSTATE_F = 1 << 6,
    ARM_PSTATE_I = 1 << 7,
    ARM_PSTATE_A = 1 << 8,
    ARM_PSTATE_D = 1 << 9,
    ARM_PSTATE_DAIF = 15 << 6,
    ARM_PSTATE_IL = 1 << 20,
    ARM_PSTATE_PAN = 1 << 22,
    ARM_PSTATE_UAO = 1 << 23,
};

/* SCTLR_EL1 */
enum {
    ARM_SCTLR_M = 1 << 0,
    ARM_SCTLR_A = 1 << 1,
    ARM_SCTLR_UMA = 1 << 9,
    ARM_SCTLR_DZE = 1 << 14,
    ARM_SCTLR_UCT = 1 << 15,
    ARM_SCTLR_NTWI = 1 << 16,
    ARM_SCTLR_NTWE = 1 << 18,
    ARM_SCTLR_WXN = 1 << 19,
    ARM_SCTLR_SPAN = 1 << 23,
    ARM_SCTLR_UCI = 1 << 26,
};
#define ARM_SCTLR_DSSBS (1ull << 44)
#define ARM_SCTLR_RES1  0x30d00800ull /* of a core without the features that gave these bits a meaning */

/* Inputs, ArmSys.lines. The numbers are those of TargetSys.set_irq. */
enum { ARM_LINE_IRQ, ARM_LINE_FIQ };
/* Timers, the second argument of CpuBoard.alarm. */
enum { ARM_TIMER_VIRT, ARM_TIMER_PHYS, ARM_TIMERS };

/* Exception classes, ESR_ELx.EC. */
enum {
    ARM_EC_UNKNOWN = 0,
    ARM_EC_WFX = 1,
    ARM_EC_FP = 7,
    ARM_EC_ILLEGAL_STATE = 14,
    ARM_EC_SVC = 21,
    ARM_EC_HVC = 22,
    ARM_EC_SMC = 23,
    ARM_EC_SYSREG = 24,
    ARM_EC_FETCH_LOWER = 32,
    ARM_EC_FETCH_SAME,
    ARM_EC_PC_ALIGN = 34,
    ARM_EC_DATA_LOWER = 36,
    ARM_EC_DATA_SAME,
    ARM_EC_SP_ALIGN = 38,
    ARM_EC_BRK = 60,
};
/* Fault status codes; to the first four the level is added. CpuExit.code has them. */
enum {
    ARM_FSC_SIZE = 0,
    ARM_FSC_TRANSLATION = 4,
    ARM_FSC_ACCESS = 8,
    ARM_FSC_PERMISSION = 12,
    ARM_FSC_EXTERNAL = 16,
    ARM_FSC_EXTERNAL_WALK = 20,
    ARM_FSC_ALIGNMENT = 33,
    ARM_FSC_CM = 1 << 8 /* in CpuExit.code: of a cache instruction */
};

/* What translation of addresses depends on, as the last change of a register left it. */
typedef struct ArmRegime {
    uint64_t ttbr[2], tcr; /* TTBRs without their ASID */
    bool on;
} ArmRegime;

enum { ARM_SPACE_ASID_SHIFT = 48 };
enum { ARM_REGIMES = 32, ARM_BREAKPOINTS = 16 };

typedef enum ArmPower { ARM_POWER_ON, ARM_POWER_OFF, ARM_POWER_STARTING } ArmPower;

typedef struct ArmTimer {
    uint64_t ctl, cval; /* ctl: ENABLE, IMASK */
} ArmTimer;

typedef struct ArmSys {
    CpuBoard board;               /* kept over resets, as the next two */
    uint32_t el_max;              /* 1 */
    uint32_t hvc_is_psci;         /* bit 0: HVC, bit 1: SMC calls the machine */
    uint32_t lines;               /* bits 1 << ARM_LINE_* */
    uint32_t power;               /* ArmPower */
    uint64_t start_pc, start_arg; /* of STARTING */

    uint32_t el, spsel, daif;
    uint32_t reset_as_off; /* kept: a secondary cpu */
    uint64_t sp_el[4];
    uint64_t elr1, spsr1, esr1, far1, tpidr1;
    uint64_t sctlr1, actlr1, cpacr1, ttbr0, ttbr1, tcr1, mair1, amair1, vbar1, contextidr1, afsr0, afsr1,
        par1;
    uint64_t csselr, mdscr, oslsr, osdlr, cntkctl;
    uint64_t bvr[ARM_BREAKPOINTS], bcr[ARM_BREAKPOINTS], wvr[ARM_BREAKPOINTS], wcr[ARM_BREAKPOINTS];
    uint64_t pmcr, pmcnten, pmuserenr, pminten, pmovs, pmselr, pmccfiltr, pmccntr_base;
    uint64_t cntvoff;
    ArmTimer timer[ARM_TIMERS];

    ArmRegime regime[ARM_REGIMES]; /* the last ones; the number of each is part of the space's key */
    uint64_t regime_id[ARM_REGIMES];
    uint64_t last_regime;
    uint32_t regime_now;
    uint32_t tlbi_sent;   /* not architectural: others were asked to forget, and there was no DSB yet */
} ArmSys;

typedef struct ArmMachine {
    ArmCpu arm;
    ArmSys sys;
} ArmMachine;

/* Identification registers (A64_SYSREG 3, 0, 0, ...): what a machine's cpu says of its model. */
uint64_t arm_machine_id(ArmModel model, unsigned sysreg);
/* Fields of these that a machine has, too. Absent: BTI, MTE; MOPS. */
#define ARM_MACHINE_PFR1  0xf0ull
#define ARM_MACHINE_ISAR1 (~0ull)
#define ARM_MACHINE_ISAR2 (~0xf0000ull)

/* arm_mmu.c */
bool arm_walk(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret);
void arm_bus_error(Cpu *cpu, Gva va, MmuHow how);
unsigned arm_data_idx(const ArmMachine *m);
void arm_regime_update(ArmMachine *m);
uint64_t arm_at(ArmMachine *m, uint64_t va, unsigned idx, bool write); /* PAR_EL1's value */
/* op: op1 CRn CRm op2 of the instruction (arm_tlbi.c) */
void arm_tlbi(ArmMachine *m, unsigned op, uint64_t v);

/* arm_exc.c */
bool arm_exception(Cpu *cpu);
bool arm_interrupt(Cpu *cpu);
bool arm_wakes(const Cpu *cpu);
bool arm_ready(Cpu *cpu);
bool arm_set_irq(Cpu *cpu, unsigned n, bool level);
/* If an interrupt is pending and not masked the cpu kicks itself. */
void arm_notice_irq(ArmMachine *m);
/* Takes the exception; cpu->pc becomes the handler's, elr what was there. */
void arm_take_sync(ArmMachine *m, uint32_t esr);
uint32_t arm_pstate_word(const ArmMachine *m); /* as SPSR has it */
void arm_set_mode(ArmMachine *m, unsigned el, unsigned spsel);

/* arm_psci.c. False: not a call that the machine knows (x0 says so then, too). */
void arm_psci(ArmMachine *m);

uint64_t arm_count(const ArmMachine *m); /* CNTPCT_EL0 */
/* TargetSys.debug_reg: first cpsr, fpsr and fpcr, as debuggers call them. */
bool arm_debug_reg(Cpu *cpu, unsigned n, const char **ret_name, uint64_t *io, bool write, bool *ret_ok);

#endif
