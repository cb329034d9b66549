/* Disassembly of one instruction, from the operand column of rv_insns.def. Pure; any thread. */
#ifndef TARGET_RISCV_RV_DISAS_H
#define TARGET_RISCV_RV_DISAS_H

#include "target/target.h"

/* "mnemonic\toperands" with ABI register names, no aliases; ".2byte 0x.." for what is no instruction. Returns
 * the length in bytes, 0 (and empty text) when more than n bytes are needed. */
unsigned rv_disas(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap);
unsigned rv_disas_32(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap);
unsigned rv_disas_xlen(unsigned xlen, Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap);

#endif
