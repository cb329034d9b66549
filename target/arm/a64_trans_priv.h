/* What the translation of machines adds (a64_trans_priv.c): slots, helpers, the columns of arm_sysregs.def.
 */
#ifndef TARGET_ARM_A64_TRANS_PRIV_H
#define TARGET_ARM_A64_TRANS_PRIV_H

#include "target/arm/a64_trans.h"
#include "target/arm/arm_sys.h"

/* Columns access and how. */
enum { ARM_SYS_R = 4, ARM_SYS_W = 8 };
enum {
    ARM_SYS_R0 = ARM_SYS_R,
    ARM_SYS_R1 = ARM_SYS_R | 1,
    ARM_SYS_R2 = ARM_SYS_R | 2,
    ARM_SYS_W1 = ARM_SYS_W | 1,
    ARM_SYS_RW0 = ARM_SYS_R | ARM_SYS_W,
    ARM_SYS_RW1 = ARM_SYS_R | ARM_SYS_W | 1,
    ARM_SYS_RW2 = ARM_SYS_R | ARM_SYS_W | 2
};
enum { ARM_SYS_SLOT, ARM_SYS_PLAIN, ARM_SYS_FN, ARM_SYS_CONST };

/* Is it a load or store by SP, which has to be aligned? (a64_trans_sp.c) */
bool a64_checks_sp(uint32_t bits);

/* Slots of ArmMachine, behind those of user mode. */
enum {
    ARM_SYS_SLOT_FIRST = ARM_SLOTS,
    ARM_SYS_SLOT_DAIF = ARM_SLOTS,
    ARM_SYS_SLOT_LINES,
    ARM_SYS_SLOT_TLBI_SENT,
    ARM_SYS_SLOT_MDSCR_EL1,
    ARM_SYS_SLOT_SP_EL0,
    ARM_SYS_SLOT_SPSR_EL1,
    ARM_SYS_SLOT_ELR_EL1,
    ARM_SYS_SLOT_ESR_EL1,
    ARM_SYS_SLOT_FAR_EL1,
    ARM_SYS_SLOT_TPIDR_EL1,
    ARM_SYS_SLOT_SP_EL1,
    ARM_SYS_SLOT_SPSR_EL2,
    ARM_SYS_SLOT_ELR_EL2,
    ARM_SYS_SLOT_ESR_EL2,
    ARM_SYS_SLOT_FAR_EL2,
    ARM_SYS_SLOT_TPIDR_EL2,
    ARM_SYS_SLOT_FPFL, /* NZCV of FPSCR, which FPSR has, too */
    ARM_SYS_SLOTS
};

typedef enum ArmPrivHelper {
    ARM_PRIV_HELPER_BEFORE = ARM_HELPERS - 1,
#define HELPER(name, flags, ret, a0, a1, a2, a3) ARM_HELPER_##name,
#include "target/arm/arm_priv_helpers.def"
#undef HELPER
    ARM_SYS_HELPERS
} ArmPrivHelper;

#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    uint64_t arm_helper_##name(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
#include "target/arm/arm_priv_helpers.def"
#undef HELPER

#endif
