/*
 * The privileged side of AArch64: EL0 to EL2 (Arm ARM, chapters D1 to D24). Private to target/arm.
 *
 * A machine's cpu is an ArmMachine; user mode allocates the ArmCpu in it only. A system register is a row of
 * arm_sysregs.def. ArmCpu.sp is the stack pointer that SPSel chooses; the others rest in sp_el[]. PSTATE is
 * spread: NZCV in fl, SSBS, DIT, TCO, PAN, UAO at SPSR's bits in ArmCpu.pstate, DAIF at SPSR's bits in daif,
 * EL and SPSel in el and spsel. Registers that EL1 and EL2 both have are arrays, by level. Accesses have
 * three indexes: unprivileged, privileged, privileged with PAN. What they mean is the regime's, and each
 * content of the registers of stage 1 and stage 2 is an address space of its own (`regime`, arm_regime.c):
 * changing these registers, the level, or the ASID in them, selects and never flushes. Programs may be of
 * AArch32 (nrw): a32_compat.c. `lines` and `power`
 * are written by other threads, everything else by the cpu's own (tags_seen is read by all). EL2 is there if
 * el_max is 2. Implementation choices that the manual leaves open, and what is missing: no EL3, no
 * AArch32 above EL0, FEAT_NV; data accesses are little-endian; WFE waits for nothing;
 * exclusives and atomics work on Device memory.
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
    ARM_PSTATE_SS = 1 << 21,
    ARM_PSTATE_PAN = 1 << 22,
    ARM_PSTATE_UAO = 1 << 23,
};

/* SCTLR_EL1 */
enum {
    ARM_SCTLR_M = 1 << 0,
    ARM_SCTLR_A = 1 << 1,
    ARM_SCTLR_SA = 1 << 3,
    ARM_SCTLR_SA0 = 1 << 4,
    ARM_SCTLR_CP15BEN = 1 << 5,
    ARM_SCTLR_ITD = 1 << 7, /* not built: reads as zero */
    ARM_SCTLR_SED = 1 << 8,
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
#define ARM_SCTLR_EPAN  (1ull << 57)
#define ARM_SCTLR_RES1  0x30d00800ull /* of a core without the features that gave these bits a meaning */

/* HCR_EL2 */
#define ARM_HCR_VM    (1ull << 0)
#define ARM_HCR_FMO   (1ull << 3)
#define ARM_HCR_IMO   (1ull << 4)
#define ARM_HCR_AMO   (1ull << 5)
#define ARM_HCR_VF    (1ull << 6)
#define ARM_HCR_VI    (1ull << 7)
#define ARM_HCR_VSE   (1ull << 8)
#define ARM_HCR_FB    (1ull << 9)
#define ARM_HCR_DC    (1ull << 12)
#define ARM_HCR_TWI   (1ull << 13)
#define ARM_HCR_TWE   (1ull << 14)
#define ARM_HCR_TID1  (1ull << 16)
#define ARM_HCR_TID2  (1ull << 17)
#define ARM_HCR_TID3  (1ull << 18)
#define ARM_HCR_TSC   (1ull << 19)
#define ARM_HCR_TIDCP (1ull << 20)
#define ARM_HCR_TACR  (1ull << 21)
#define ARM_HCR_TSW   (1ull << 22)
#define ARM_HCR_TPC   (1ull << 23)
#define ARM_HCR_TPU   (1ull << 24)
#define ARM_HCR_TTLB  (1ull << 25)
#define ARM_HCR_TVM   (1ull << 26)
#define ARM_HCR_TGE   (1ull << 27)
#define ARM_HCR_TDZ   (1ull << 28)
#define ARM_HCR_HCD   (1ull << 29)
#define ARM_HCR_TRVM  (1ull << 30)
#define ARM_HCR_RW    (1ull << 31)
#define ARM_HCR_E2H   (1ull << 34)
#define ARM_HCR_TLOR  (1ull << 35)
#define ARM_HCR_APK   (1ull << 40)
#define ARM_HCR_TID4  (1ull << 49)

/* Inputs, the numbers of TargetSys.set_irq. Their bits in ArmSys.lines stand where DAIF has I and F; those of
 * the virtual ones 8 bits higher, and HCR_EL2.VI, VF and VSE another 8. */
enum { ARM_LINE_IRQ, ARM_LINE_FIQ, ARM_LINE_VIRQ, ARM_LINE_VFIQ };
enum { ARM_LINES_VIRTUAL_SHIFT = 8, ARM_LINES_HCR_SHIFT = 16 };
/* Timers, the second argument of CpuBoard.alarm; the last is the performance monitor's overflow. */
enum { ARM_TIMER_VIRT, ARM_TIMER_PHYS, ARM_TIMER_HYP, ARM_TIMER_HYPVIRT, ARM_TIMER_PMU, ARM_TIMERS };
/* CpuBoard.device_reg: access to a register of the interrupt controller's cpu interface that goes to the
 * virtual one, EL1's with HCR_EL2.IMO or FMO. */
enum { ARM_DEVICE_REG_VIRTUAL = 1 << 16 };

/* Exception classes, ESR_ELx.EC. */
enum {
    ARM_EC_UNKNOWN = 0,
    ARM_EC_WFX = 1,
    ARM_EC_CP15 = 3, /* of AArch32: MRC, MCR; MRRC, MCRR; the same of coprocessor 14 */
    ARM_EC_CP15_64,
    ARM_EC_CP14,
    ARM_EC_FP = 7,
    ARM_EC_CP14_64 = 12,
    ARM_EC_ILLEGAL_STATE = 14,
    ARM_EC_SVC_A32 = 17,
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
    ARM_EC_SERROR = 47,
    ARM_EC_BREAK_LOWER = 48,
    ARM_EC_STEP_LOWER = 50,
    ARM_EC_WATCH_LOWER = 52,
    ARM_EC_BKPT = 56,
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
    ARM_FSC_DEBUG = 34,
    ARM_FSC_CM = 1 << 8, /* in CpuExit.code: of a cache instruction */
    ARM_FSC_STAGE2 = 1 << 9,
    ARM_FSC_S1PTW = 1 << 10 /* of stage 2, for a descriptor of stage 1 */
};

/* What translation of addresses depends on, as the last change of a register left it. */
typedef enum ArmRegimeKind {
    ARM_REGIME_EL10,
    ARM_REGIME_EL20,
    ARM_REGIME_EL2,
    ARM_REGIME_A32, /* EL1&0 of AArch32, short descriptors; long ones */
    ARM_REGIME_A32_LONG
} ArmRegimeKind;
typedef struct ArmRegime {
    uint64_t ttbr[2], tcr; /* TTBRs without their ASID; as TCR_EL1 has its fields */
    uint64_t sctlr;        /* WXN, EPAN */
    uint64_t vttbr, vtcr;
    ArmRegimeKind kind;
    uint32_t dacr; /* short descriptors */
    bool on, stage2;
} ArmRegime;

enum { ARM_SPACE_ASID_SHIFT = 48 };
enum {
    ARM_REGIMES = 32,
    ARM_BREAKPOINTS = 6,
    ARM_WATCHPOINTS = 4,  /* ID_AA64DFR0_EL1, DBGDIDR */
    ARM_DEBUG_POINTS = 16 /* the architecture's most */
};

enum { ARM_PMU_EVENTS = 4 }; /* event counters */

typedef enum ArmPower { ARM_POWER_ON, ARM_POWER_OFF, ARM_POWER_STARTING } ArmPower;

typedef struct ArmTimer {
    uint64_t ctl, cval; /* ctl: ENABLE, IMASK */
} ArmTimer;

/* AArch32's registers that AArch64 has not and that only keep what was written (a32_sysregs.def). */
enum { A32_WORD_ACTLR, A32_WORD_DBGVCR, A32_WORDS };

typedef struct ArmSys {
    CpuBoard board;               /* kept over resets, as the next two */
    uint32_t el_max;              /* 1 or 2 */
    uint32_t hvc_is_psci;         /* bit 0: HVC, bit 1: SMC calls the machine */
    uint32_t a32;                 /* kept: EL1 is AArch32, a 32-bit core (a32_priv.h) */
    uint32_t el2, has_gic_regs;   /* kept: the board wants EL2; has a GICv3 */
    uint32_t tags_seen;           /* not architectural: tagged addresses may be in the TLB */
    uint64_t start_pc, start_arg; /* of STARTING */

    uint32_t el, spsel, daif;
    uint32_t reset_as_off; /* kept: a secondary cpu */
    uint32_t mode;         /* AArch32: CPSR.M */
    uint32_t nrw;          /* EL0 is in AArch32, under an AArch64 kernel: PSTATE.nRW */
    uint32_t a32_word[A32_WORDS];
    uint64_t sp_el[4];
    /* by level, 1 and 2 */
    uint64_t elr[3], spsr[3], esr[3], far[3], tpidr[3], sctlr[3], ttbr0[3], ttbr1[3], tcr[3], mair[3],
        amair[3], vbar[3], contextidr[3], afsr0[3], afsr1[3];
    uint64_t cpacr1, par1;
    uint64_t hcr, vttbr, vtcr, hpfar, mdcr, cptr, hstr, vpidr, vmpidr, cnthctl, spsr32[4], dacr32, ifsr32,
        fpexc32;
    uint32_t step_armed, stepping; /* PSTATE.SS; the instruction at step_pc is what it let through */
    uint64_t step_pc;
    uint64_t fault_ipa; /* of the last fault of stage 2 */
    uint64_t csselr, mdscr, oslsr, osdlr, cntkctl;
    uint64_t bvr[ARM_DEBUG_POINTS], bcr[ARM_DEBUG_POINTS], wvr[ARM_DEBUG_POINTS], wcr[ARM_DEBUG_POINTS];
    uint64_t pmcr, pmcnten, pmuserenr, pminten, pmovs, pmselr, pmccfiltr, cycles,
        cycles_at; /* what the cycle counter was at this count */
    uint64_t pmevcntr[ARM_PMU_EVENTS], pmevtyper[ARM_PMU_EVENTS];
    uint32_t pmu_by_level; /* not architectural: what is counted differs by level */
    uint64_t cntvoff;
    ArmTimer timer[ARM_TIMERS];

    ArmRegime regime[ARM_REGIMES]; /* the last ones; the number of each is part of the space's key */
    uint64_t regime_id[ARM_REGIMES];
    uint64_t last_regime;
    uint32_t regime_now;
    uint32_t tlbi_sent; /* not architectural: others were asked to forget, and there was no DSB yet */
    /* Last, since others change them while a cpu that was off is reset. */
    uint32_t lines; /* see ARM_LINE_* */
    uint32_t power; /* ArmPower */
} ArmSys;

typedef struct ArmMachine {
    ArmCpu arm;
    ArmSys sys;
} ArmMachine;

/* Identification registers (A64_SYSREG 3, 0, 0, ...): what a machine's cpu says of its model, EL2 left out.
 */
uint64_t arm_machine_id(ArmModel model, unsigned sysreg);
/* The same with it, if it is there. */
uint64_t arm_own_id(const ArmMachine *m, unsigned sysreg);
/* Fields of these that a machine has, too. Absent: BTI, MTE; MOPS. */
#define ARM_MACHINE_PFR1  0xf0ull
#define ARM_MACHINE_ISAR1 (~0ull)
#define ARM_MACHINE_ISAR2 (~0xf0000ull)

/* arm_mmu.c */
bool arm_walk(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret);
bool arm_walk_misaligned(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret);
void arm_misaligned(Cpu *cpu, Gva va, MmuHow how);
/* Data are Device memory as stage 1 is off; for that, or by SCTLR.A, all accesses have to be aligned. */
bool arm_data_is_device(const ArmMachine *m);
bool arm_wants_aligned(const ArmMachine *m);
void arm_bus_error(Cpu *cpu, Gva va, MmuHow how);
unsigned arm_data_idx(const ArmMachine *m);
void arm_regime_update(ArmMachine *m);
/* op: op1 CRn CRm op2 of the instruction (arm_tlbi.c) */
void arm_tlbi(ArmMachine *m, unsigned op, uint64_t v);
void arm_tlbi_a32(ArmMachine *m, unsigned crm, unsigned op2, uint32_t v);

/* arm_exc.c */
bool arm_exception(Cpu *cpu);
bool arm_interrupt(Cpu *cpu);
bool arm_wakes(const Cpu *cpu);
bool arm_ready(Cpu *cpu);
bool arm_set_irq(Cpu *cpu, unsigned n, bool level);
/* If an interrupt is pending and not masked the cpu kicks itself. */
void arm_notice_irq(ArmMachine *m);
/* Takes the exception to EL1, or EL2 where that has taken its place, or if `el2`; cpu->pc becomes the
 * handler's, elr what was there. */
void arm_take_sync(ArmMachine *m, uint32_t esr, bool el2);
void arm_take_data_abort(ArmMachine *m, uint64_t far, uint32_t code, bool write);
/* Are floating-point instructions, which trap here, EL2's to see? What EL1 says comes first. */
bool arm_fp_is_el2s(const ArmMachine *m);
/* WFI, WFE of len bytes. */
uint64_t arm_wait(ArmMachine *m, bool event, unsigned len);
/* Changes HCR_EL2 and what hangs on it. */
void arm_write_hcr(ArmMachine *m, uint64_t v);
/* What a helper returns that has changed level, status or mapping: cpu->pc is where it goes on. */
uint64_t arm_go(ArmMachine *m);
uint32_t arm_pstate_word(const ArmMachine *m); /* as SPSR has it */
void arm_set_mode(ArmMachine *m, unsigned el, unsigned spsel);
/* Becomes what arm_pstate_word() said, with all its fields, at this address. */
void arm_set_state_word(ArmMachine *m, uint32_t word, uint64_t pc);

/* arm_psci.c. False: not a call that the machine knows (x0 says so then, too). */
void arm_psci(ArmMachine *m);

uint64_t arm_count(const ArmMachine *m); /* CNTPCT_EL0 */
/* TargetSys.debug_reg: first cpsr, fpsr and fpcr, as debuggers call them. */
bool arm_debug_reg(Cpu *cpu, unsigned n, const char **ret_name, uint64_t *io, bool write, bool *ret_ok);

/* arm_sysreg.c: A64_SYSREG, as this level sees it without anybody's traps; false: undefined. Does EL1 want to
 * see what EL0 does? */
bool arm_reg_read(ArmMachine *m, unsigned reg, uint64_t *ret);
bool arm_reg_write(ArmMachine *m, unsigned reg, uint64_t v);
bool arm_reg_el0_traps(const ArmMachine *m, unsigned reg, bool write);
uint64_t arm_el0_sctlr(const ArmMachine *m); /* who says what EL0 may do */
/* AArch32's identification as AArch64 reads it; 0: of none of these registers (a32_sysreg.c). */
uint32_t arm_a32_id(ArmModel model, unsigned reg);

/* arm_machine.c: what all cpus of machines do alike */
void arm_machine_reset(Cpu *cpu);
bool arm_configure(Cpu *cpu, const char *name, const char *value);
CpuBoard *arm_board(Cpu *cpu);
unsigned arm_fetch_idx(uint32_t ctx);
/* Do instructions on floating-point registers trap, to whom ever? */
bool arm_no_fp(const ArmMachine *m);

/* arm_state.c */
extern const TargetState arm_state;

/* arm_pmu.c; in the order of arm_sysregs.def */
typedef enum ArmPmuReg {
    ARM_PMU_CR,
    ARM_PMU_CNTENSET,
    ARM_PMU_CNTENCLR,
    ARM_PMU_OVSCLR,
    ARM_PMU_SWINC,
    ARM_PMU_SELR,
    ARM_PMU_CEID0,
    ARM_PMU_CEID1,
    ARM_PMU_CCNTR,
    ARM_PMU_XEVTYPER,
    ARM_PMU_XEVCNTR,
    ARM_PMU_OVSSET,
    ARM_PMU_CCFILTR,
    ARM_PMU_EVCNTR, /* ARM_PMU_EVENTS of each */
    ARM_PMU_EVTYPER = ARM_PMU_EVCNTR + ARM_PMU_EVENTS,
    ARM_PMU_LAST_EVTYPER = ARM_PMU_EVTYPER + ARM_PMU_EVENTS - 1,
    ARM_PMU_INTENSET,
    ARM_PMU_INTENCLR
} ArmPmuReg;
uint64_t arm_pmu_read(ArmMachine *m, ArmPmuReg reg);
void arm_pmu_write(ArmMachine *m, ArmPmuReg reg, uint64_t v);
void arm_pmu_write_mdcr(ArmMachine *m, uint64_t v); /* MDCR_EL2 */
/* Around a change of level, while ArmSys.pmu_by_level. */
void arm_pmu_before_level(ArmMachine *m);
void arm_pmu_after_level(ArmMachine *m);
bool arm_pmu_traps_at_el0(const ArmMachine *m, ArmPmuReg reg, bool write);

/* a32_compat.c: programs of AArch32 at EL0. Do they exist? SPSR as they leave it; ERET to one, at elr; the
 * exceptions that are others than A64's (false: not one of these); the context word. What an exception leaves
 * of the registers. */
bool arm_compat_possible(const ArmMachine *m);
uint32_t arm_compat_spsr(const ArmMachine *m);
void arm_compat_enter(ArmMachine *m, uint32_t spsr, uint64_t elr);
bool arm_compat_exception(ArmMachine *m, const CpuExit *x);
uint32_t arm_compat_ctx(const ArmMachine *m);
uint64_t arm_compat_leave(ArmMachine *m);

/* arm_debug.c */
bool arm_steps(const ArmMachine *m); /* software step is on, at this level */
bool arm_debug_looks(const ArmMachine *m);
uint32_t arm_step_at_exception(ArmMachine *m);
uint64_t arm_debug_look(ArmMachine *m); /* as the helper `debug` */
/* TargetSys.watches, TargetSys.watch; a control register, or an address, has changed where that one enables;
 * the exception. */
bool arm_watches(const Cpu *cpu, Gva page);
bool arm_watch(Cpu *cpu, const IrAccess *a);
void arm_watch_changed(ArmMachine *m, uint64_t was, uint64_t now);
void arm_take_watch(ArmMachine *m, const CpuExit *x, uint32_t iss);

/* arm_el2.c */
/* Which register it is that this one names, at this level: E2H gives EL2's the names of EL1's, and new ones
 * to EL1's. ARM_NO_REG: none. */
enum { ARM_NO_REG = 0xffff };
unsigned arm_redirect(unsigned reg, unsigned el, bool e2h);
/* Does EL2 want to see what EL0 or EL1 does? (`op` as the instruction SYS has it.) */
bool arm_reg_traps_to_el2(const ArmMachine *m, unsigned reg, bool write);
bool arm_op_traps_to_el2(const ArmMachine *m, unsigned op);
/* Is the slow way to all registers needed for that? */
bool arm_el2_watches(const ArmMachine *m);
static inline bool arm_host_el0(const ArmMachine *m) /* EL0 belongs to EL2 */
{
    const uint64_t host = ARM_HCR_E2H | ARM_HCR_TGE;
    return m->sys.el == 0 && (m->sys.hcr & host) == host;
}

#endif
