/* Inside of the A64 disassembler: operands of the FP and SIMD rows. */
#ifndef TARGET_ARM_A64_DISAS_PRIV_H
#define TARGET_ARM_A64_DISAS_PRIV_H

#include "base/fmt.h"
#include "target/arm/a64_decode.h"

/* Prints what the characters after "%." in an operand column say; returns how many they are. */
unsigned a64_disas_simd(Fmt *f, const char *code, const A64Args *a);

/* The number that an 8-bit immediate stands for; A32 has the same. */
void arm_disas_fp_imm(Fmt *f, unsigned imm8);

#endif
