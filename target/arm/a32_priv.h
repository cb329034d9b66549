/*
 * The privileged side of AArch32 (Arm ARM, part G): what its files share. Private to target/arm.
 *
 * A machine of 32-bit cores is an ArmMachine with ArmSys.a32: EL1 is AArch32, its modes but User and System
 * have registers of their own. These rest where the architecture maps them in AArch64 (x16 to x30;
 * ArmSys.spsr[1] is SPSR_svc, spsr32[] the others): a mode's registers and those of User mode change places
 * when it is entered and left, so the present ones are always x0 to x14. ArmSys.mode is CPSR.M, el what it
 * stands for. A, I and F are in daif, PAN in ArmCpu.pstate; the rest of CPSR as in user mode. System
 * registers are rows of a32_sysregs.def, most of them parts of AArch64's. Not built: EL2 (Hyp mode), EL3
 * (Monitor mode), big-endian page tables, short vectors (FPSCR.LEN is kept and ignored).
 */
#ifndef TARGET_ARM_A32_PRIV_H
#define TARGET_ARM_A32_PRIV_H

#include "target/arm/a32_trans.h"
#include "target/arm/arm_sys.h"

_Static_assert((int)A32_IDX_USER == (int)ARM_IDX_U, "one number");

enum {
    A32_MODE_USR = 16,
    A32_MODE_FIQ,
    A32_MODE_IRQ,
    A32_MODE_SVC,
    A32_MODE_ABT = 23,
    A32_MODE_UND = 27,
    A32_MODE_SYS = 31
};
enum { A32_CPSR_M = 31, A32_CPSR_T = 1 << 5, A32_CPSR_E = 1 << 9, A32_CPSR_AIF = 7 << 6 };

/* SCTLR, TTBCR */
enum {
    A32_SCTLR_V = 1 << 13,
    A32_SCTLR_UWXN = 1 << 20,
    A32_SCTLR_EE = 1 << 25,
    A32_SCTLR_TRE = 1 << 28,
    A32_SCTLR_AFE = 1 << 29,
    A32_SCTLR_TE = 1 << 30
};
#define A32_TTBCR_EAE (1u << 31)
#define A32_FPEXC_EN  (1u << 30)

/* Fault status beside ARM_FSC_*: domains, by level; the domain stands in CpuExit.code from this bit. */
enum { A32_FSC_DOMAIN = 60, A32_FSC_DEBUG = 34, A32_FSC_DOMAIN_SHIFT = 16 };
/* DBGDSCR.MOE: what the last debug event was. */
typedef enum A32DebugEvent {
    A32_EVENT_BREAKPOINT = 1,
    A32_EVENT_BKPT = 3,
    A32_EVENT_VECTOR = 5,
    A32_EVENT_WATCHPOINT = 10
} A32DebugEvent;

/* Slots of ArmMachine, behind those of user mode. */
enum {
    A32_SYS_SLOT_DAIF = A32_SLOTS,
    A32_SYS_SLOT_LINES,
    A32_SYS_SLOT_TLBI_SENT,
    A32_SYS_SLOT_MODE,
    A32_SYS_SLOT_PSTATE,
    A32_SYS_SLOT_TPIDR_EL1,
    A32_SYS_SLOTS
};

typedef enum A32PrivHelper {
    A32_PRIV_HELPER_BEFORE = A32_HELPERS - 1,
#define HELPER(name, flags, ret, a0, a1, a2, a3) A32_HELPER_##name,
#include "target/arm/a32_priv_helpers.def"
#undef HELPER
    A32_SYS_HELPERS
} A32PrivHelper;

#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    uint64_t a32_helper_##name(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
#include "target/arm/a32_priv_helpers.def"
#undef HELPER

/* a32_exc.c */
uint32_t a32_cpsr(const ArmMachine *m);
void a32_set_mode(ArmMachine *m, unsigned mode);
/* All of CPSR; pc is of the ISA that it says. */
void a32_set_cpsr(ArmMachine *m, uint32_t cpsr, uint32_t pc);
bool a32_is_mode(const ArmMachine *m, unsigned mode);
bool a32_exception(Cpu *cpu);
/* A breakpoint or vector catch at pc. */
void a32_take_debug(ArmMachine *m, A32DebugEvent event);
uint32_t a32_vectors(const ArmMachine *m); /* where they begin */
/* Bits of CPSR's I, F, A that are due. */
void a32_take_interrupt(ArmMachine *m, uint32_t due);
/* FSR in the format that TTBCR asks for, of CpuExit.code. */
uint32_t a32_fault_status(const ArmMachine *m, uint32_t code);
/* Did the instruction at pc want to store? Is it of floating point or SIMD, other than a privileged one? */
bool a32_stores(ArmMachine *m);
bool a32_insn_is_fp(A32Insn insn, const A32Args *a);
/* The instruction at pc: A32_ILLEGAL if it is none, or cannot be read any more. */
A32Insn a32_insn_at_pc(ArmMachine *m, A32Args *ret_args);
/* Leaves generated code, from a helper. */
uint64_t a32_leave(ArmMachine *m, CpuExitKind kind);

/* a32_mmu.c: ARM_REGIME_A32, ARM_REGIME_A32_LONG. False: cpu->exit is filled in. */
bool a32_walk(ArmMachine *m, const ArmRegime *r, uint32_t va, unsigned idx, MmuHow how, bool misaligned,
              MmuPage *ret);
ArmRegime a32_regime_of(const ArmMachine *m, uint64_t *ret_asid);

/* a32_sysreg.c */
bool a32_cp_is_nop(unsigned reg, unsigned el);
/* The register of AArch64 that is or has this one (a32_trans.h: A32_CP_64); 0: there is none. */
unsigned a32_cp_in_a64(unsigned reg);
/* Programs of AArch32 under an AArch64 kernel (a32_compat.c): whoever wants to see this access has seen it;
 * SVC and what is undefined there. */
bool arm_compat_traps(ArmMachine *m, unsigned reg, bool write);
uint64_t arm_compat_svc(ArmMachine *m, uint32_t imm, unsigned len);
extern const TargetOps a32_compat_isa;
void a32_reset_sys(ArmMachine *m);
bool a32_no_fp(const ArmMachine *m);
uint32_t a32_vfp_id(const ArmMachine *m, unsigned reg);
unsigned a32_sysreg_count(void);
const char *a32_sysreg_debug(ArmMachine *m, unsigned n, uint64_t *io, bool write, bool *ret_ok);

/* a32_target.c */
extern const TargetOps target_arm;
void a32_translate(Trans *t);
uint32_t a32_ctx(const Cpu *cpu);
/* Bytes of an instruction to what the decoders take; its length, 0: it is not all there. */
unsigned a32_word(const uint8_t *bytes, unsigned n, bool thumb, uint32_t *ret_bits);
/* Address of the instruction's access, for what wants it aligned. */
uint32_t a32_access_address(const ArmCpu *cpu, const A32Args *a);
#define A32_REGS 37
extern const TargetReg a32_regs[A32_REGS];

#endif
