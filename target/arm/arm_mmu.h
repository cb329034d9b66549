/* What the translation of addresses and the choice of its regime share. Private to target/arm. */
#ifndef TARGET_ARM_ARM_MMU_H
#define TARGET_ARM_ARM_MMU_H

#include "target/arm/arm_sys.h"

/* TCR_EL1. The fields of TTBR1 stand 16 bits above those of TTBR0, but for the granule. */
enum {
    TCR_T0SZ = 0,
    TCR_EPD0 = 7,
    TCR_TG0 = 14,
    TCR_A1 = 22,
    TCR_EPD1 = 23,
    TCR_TG1 = 30,
    TCR_IPS = 32,
    TCR_AS = 36,
    TCR_TBI0 = 37,
    TCR_HA = 39,
    TCR_HD = 40,
    TCR_HPD0 = 41,
    TCR_DS = 59
};

/* Highest address that the model's memory can have: 40 to 52 bits. */
unsigned arm_pa_bits(ArmModel model);

/* The regime that holds at this level now, by the registers; *ret_asid is part of the space's key only. */
ArmRegime arm_regime_of(const ArmMachine *m, unsigned el, uint64_t *ret_asid);
/* `both`: with stage 2, if there is one. */
bool arm_walk_regime(ArmMachine *m, const ArmRegime *r, bool both, Gva va, unsigned idx, MmuHow how,
                     MmuPage *ret);
/* PAR_EL1's value */
uint64_t arm_at(ArmMachine *m, const ArmRegime *r, bool both, uint64_t va, unsigned idx, bool write);

#endif
