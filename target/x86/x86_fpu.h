/* The x87 unit as other files of target/x86 and the signal frame see it. */
#ifndef TARGET_X86_X86_FPU_H
#define TARGET_X86_X86_FPU_H

#include "target/x86/x86_cpu.h"

enum { X86_FXSAVE_BYTES = 512 };

void x86_fpu_init(X86Fpu *u);
/* The 512 bytes of fxsave; mxcsr and its mask among them. */
void x86_fxsave(const X86Cpu *cpu, uint32_t mxcsr, uint8_t out[X86_FXSAVE_BYTES]);
/* All but MXCSR. */
void x86_fxrstor(X86Cpu *cpu, const uint8_t in[X86_FXSAVE_BYTES]);

#endif
