/* x86-64 encoder: C calls in, instruction bytes out. Knows no IR, no registers' meaning, no region.
 * Start with asm_core.h (buffer, operands, conventions); asm_int.h has the integer and control-flow
 * instructions, asm_vec.h SSE, AVX, FMA and the AVX-512 form. */
#ifndef TCG_HOST_X86_64_ASM_H
#define TCG_HOST_X86_64_ASM_H

#include "tcg/host/x86_64/asm_core.h"
#include "tcg/host/x86_64/asm_int.h"
#include "tcg/host/x86_64/asm_vec.h"

#endif
