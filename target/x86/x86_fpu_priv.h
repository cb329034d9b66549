/* The guest's x87 unit: bits of its words, its stack. Private to x86_fpu*.c and x86_mmx.c. */
#ifndef TARGET_X86_X86_FPU_PRIV_H
#define TARGET_X86_X86_FPU_PRIV_H

#include "target/x86/x86_fpu.h"
#include "target/x86/x86_mem.h"
#include "target/x86/x86_trans.h"

enum { X87_PE = 32, X87_FLAGS = 0x3f, X87_ES = 0x80, X87_TOP = 0x3800 };

static inline unsigned x87_phys(const X86Fpu *u, unsigned i)
{
    return ((u->sw >> 11) + i) & 7;
}

/* ES and B follow from the flags and the masks. */
static inline void x87_summary(X86Fpu *u)
{
    bool on = u->sw & ~u->cw & X87_FLAGS;
    u->sw = (uint16_t)(on ? u->sw | 0x8080 : u->sw & ~0x8080);
}

/* An MMX instruction by its encoding (IR_UNIT). Returns a status, as a helper does. */
uint64_t x86_mmx(X86Cpu *cpu, uint32_t enc, uint64_t addr, uint64_t x, uint64_t *ret);

#endif
