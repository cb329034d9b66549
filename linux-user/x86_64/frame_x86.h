/* What the signal frames of x86-64 and i386 share: floating-point state, and what a processor would have said
 * of a fault. Threads: the guest thread itself. */
#ifndef LINUX_USER_X86_64_FRAME_X86_H
#define LINUX_USER_X86_64_FRAME_X86_H

#include "linux-user/signal.h"
#include "target/x86/x86_cpu.h"

enum { LU_X86_FP_BYTES = X86_XSAVE_BYTES + 4 };

typedef struct LuX86Fault {
    uint32_t trapno, err;
    uint64_t cr2;
} LuX86Fault;

/* Of the fault that the cpu has just left generated code with; zeros if the signal is not one of it. */
LuX86Fault lu_x86_fault(const LuThread *t, const siginfo_t *si);
/* Which components xsave saves; 0: the processor has no XSAVE. */
uint64_t lu_x86_components(const X86Cpu *cpu);
/* The image of fxsave or xsave as it stands in a frame, where `before` bytes of legacy state go before it.
 * Returns how many bytes it has. */
size_t lu_x86_save_fpu(const X86Cpu *cpu, uint32_t before, uint8_t image[LU_X86_FP_BYTES]);
/* False: it cannot be read, or is none. */
bool lu_x86_restore_fpu(X86Cpu *cpu, uint32_t before, Gva at);
/* As a handler begins. */
void lu_x86_fresh_fpu(X86Cpu *cpu);

#endif
