/* Disassembler of A64, from the rows' operand strings. Prints base mnemonics, no aliases. TargetOps.disas
 * describes the function. */
#ifndef TARGET_ARM_A64_DISAS_H
#define TARGET_ARM_A64_DISAS_H

#include "target/target.h"

unsigned a64_disas(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap);

#endif
