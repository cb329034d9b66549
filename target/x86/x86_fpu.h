/* The x87 unit as other files of target/x86 and the signal frame see it. */
#ifndef TARGET_X86_X86_FPU_H
#define TARGET_X86_X86_FPU_H

#include "target/x86/x86_cpu.h"

enum { X86_FXSAVE_BYTES = 512 };

void x86_fpu_init(X86Fpu *u);

/* The unit's state into the host's registers, and from there into the cpu: as TargetOps. */
void x86_unit_load(void *cpu);
void x86_unit_store(void *cpu);
/* Whoever looks at X86Cpu.fpu inside of accel_run() has it there first. */
static inline void x86_fpu_settle(X86Cpu *cpu)
{
    if (cpu->base.unit_live)
        x86_unit_store(cpu);
}

/* The 108 bytes of fsave and frstor with a 32-bit operand size; saving changes nothing. */
enum { X86_FSAVE_BYTES = 108 };
void x86_fsave(const X86Fpu *u, uint8_t out[X86_FSAVE_BYTES]);
void x86_frstor(X86Fpu *u, const uint8_t in[X86_FSAVE_BYTES]);
/* The 512 bytes of fxsave64; mxcsr and its mask among them. */
void x86_fxsave(const X86Cpu *cpu, uint32_t mxcsr, uint8_t out[X86_FXSAVE_BYTES]);
/* All but MXCSR. */
void x86_fxrstor(X86Cpu *cpu, const uint8_t in[X86_FXSAVE_BYTES]);
/* Makes the image that of fxsave without REX.W: FIP and FDP of 32 bits each, and no selectors, as where
 * CPUID says that they are deprecated. */
void x86_narrow_pointers(uint8_t image[X86_FXSAVE_BYTES]);

/* Kinds of xsave, of which one may be with X86_XSAVE_NARROW. The components of `want` (bits of XCR0) of the
 * cpu's state into an image that has what was in memory before. */
typedef enum X86XsaveKind { X86_XSAVE, X86_XSAVEOPT, X86_XSAVEC, X86_XSAVE_NARROW = 4 } X86XsaveKind;
void x86_xsave(const X86Cpu *cpu, X86XsaveKind kind, uint32_t mxcsr, uint64_t want,
               uint8_t image[X86_XSAVE_BYTES]);
/* The opposite, MXCSR too. False: the image is none (#GP), nothing was changed. */
bool x86_xrstor(X86Cpu *cpu, uint64_t want, const uint8_t image[X86_XSAVE_BYTES]);

#endif
