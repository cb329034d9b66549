/* Inside of the A64 decoder: formats of the FP and SIMD rows. Pure functions. */
#ifndef TARGET_ARM_A64_DECODE_PRIV_H
#define TARGET_ARM_A64_DECODE_PRIV_H

#include "target/arm/a64_decode.h"

/* Fills what `format`, one of a64_simd_formats.def, adds to *a; false: unallocated. */
bool a64_extract_simd(uint32_t bits, A64Format format, A64Args *a);

#endif
