/*
 * Guest memory for C functions of the x86 front end: a program's, by base/fault.h, or a machine's, by
 * CpuMem.access (docs/adr/0018-system-memory.md).
 *
 * A function that gets `fault`, or true, ends with `return x86_raise_fault(cpu, addr, write)`: what is raised
 * has been found out by then. Sizes are 1, 2, 4, 8 bytes; of a copy any. A copy to memory does all or
 * nothing. Addresses are linear. Threads: the cpu's. Private to target/x86.
 */
#ifndef TARGET_X86_X86_MEM_H
#define TARGET_X86_X86_MEM_H

#include "base/fault.h"
#include "target/x86/x86_cpu.h"

FaultVal x86_machine_ld(X86Cpu *cpu, uint64_t addr, unsigned size);
bool x86_machine_st(X86Cpu *cpu, uint64_t addr, uint64_t v, unsigned size);
bool x86_machine_copy_in(X86Cpu *cpu, void *to, uint64_t addr, size_t n);
bool x86_machine_copy_out(X86Cpu *cpu, uint64_t addr, const void *from, size_t n);
bool x86_program_copy_out(uint64_t addr, const void *from, size_t n);

static inline FaultVal x86_mem_ld(X86Cpu *cpu, uint64_t addr, unsigned size)
{
    cpu_note(&cpu->base, addr, size, IR_READS);
    return LIKELY(!cpu->base.mem) ? fault_ld(addr, size) : x86_machine_ld(cpu, addr, size);
}
static inline bool x86_mem_st(X86Cpu *cpu, uint64_t addr, uint64_t v, unsigned size)
{
    cpu_note(&cpu->base, addr, size, IR_WRITES);
    return LIKELY(!cpu->base.mem) ? fault_st(addr, v, size) : x86_machine_st(cpu, addr, v, size);
}
static inline bool x86_copy_in(X86Cpu *cpu, void *to, uint64_t addr, size_t n)
{
    cpu_note(&cpu->base, addr, n, IR_READS);
    return LIKELY(!cpu->base.mem) ? fault_copy(to, (const void *)addr, n)
                                  : x86_machine_copy_in(cpu, to, addr, n);
}
static inline bool x86_copy_out(X86Cpu *cpu, uint64_t addr, const void *from, size_t n)
{
    cpu_note(&cpu->base, addr, n, IR_WRITES);
    return LIKELY(!cpu->base.mem) ? x86_program_copy_out(addr, from, n)
                                  : x86_machine_copy_out(cpu, addr, from, n);
}
/* Compare and swap of 8 or 16 bytes (these aligned): *memory is what is expected and becomes what was there;
 * true: a fault. */
bool x86_mem_cas(X86Cpu *cpu, uint64_t addr, uint64_t memory[2], const uint64_t desired[2], unsigned size);

/* Returns 1. */
static inline uint64_t x86_raise_fault(X86Cpu *cpu, uint64_t addr, bool write)
{
    if (cpu->base.mem)
        return 1;                         /* cpu->exit says it */
    enum { SEGV = 11, SAYS_KERNEL = 0x80 }; /* SIGSEGV, SI_KERNEL: <signal.h> has names of instructions */
    if (cpu->base.exit.sig == SEGV && cpu->base.exit.code == SAYS_KERNEL) { /* addr is not canonical */
        cpu->base.exit = (CpuExit){.kind = CPU_EXIT_PROTECTION};
        return 1;
    }
    cpu->base.exit.kind = CPU_EXIT_FAULT; /* sig, code, addr were put there by the owner of the handler */
    cpu->base.exit.write = write;
    if (cpu->base.exit.addr - addr >= 64) /* else it is a later byte of the access */
        cpu->base.exit.addr = addr;
    return 1;
}

#endif
