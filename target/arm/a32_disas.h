/* Disassembler of A32 and T32, from the rows' operand strings, in UAL without ".n" and ".w". TargetOps.disas
 * describes the function; the T bit and ITSTATE are those of pc (arm_cpu.h). */
#ifndef TARGET_ARM_A32_DISAS_H
#define TARGET_ARM_A32_DISAS_H

#include "target/target.h"

unsigned a32_disas(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap);

#endif
