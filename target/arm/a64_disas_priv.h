/* Inside of the A64 disassembler: operands of the FP and SIMD rows. */
#ifndef TARGET_ARM_A64_DISAS_PRIV_H
#define TARGET_ARM_A64_DISAS_PRIV_H

#include "base/fmt.h"
#include "target/arm/a64_decode.h"

/* Prints what the characters after "%." in an operand column say; returns how many they are. */
unsigned a64_disas_simd(Fmt *f, const char *code, const A64Args *a);

#endif
