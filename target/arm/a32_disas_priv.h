/* Inside of the A32 and T32 disassembler: operands of the FP and SIMD rows. */
#ifndef TARGET_ARM_A32_DISAS_PRIV_H
#define TARGET_ARM_A32_DISAS_PRIV_H

#include "base/fmt.h"
#include "target/arm/a32_decode.h"

/* Prints what the characters after "%." say, in the mnemonic column and in the operand column; returns how
 * many they are. */
unsigned a32_disas_simd_name(Fmt *f, const char *code, const A32Args *a);
unsigned a32_disas_simd(Fmt *f, const char *code, const A32Args *a);

void a32_disas_reg(Fmt *f, unsigned r);

#endif
