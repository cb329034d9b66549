/*
 * A thread's registers as the kernel shows them to debuggers: the notes of core files (linux/elf.h, NT_*) and
 * their structures (asm/ptrace.h, sys/user.h, sys/procfs.h of the ISA), and what GDB calls the values in them
 * ("Standard Target Features" in its manual). One LuRegs per ABI.
 *
 * get() and set() are for a thread that is outside of accel_run(). Ownership: tables are const. Threads: any.
 */
#ifndef LINUX_USER_REGSET_H
#define LINUX_USER_REGSET_H

#include "target/target.h"

enum { LU_REGSET_BYTES = 1024, LU_REG_ZERO = 0xffff, LU_REG_FEATURES = 5 };

typedef struct LuRegset {
    uint32_t note;  /* NT_*; 0: the kernel has no such set */
    uint32_t bytes; /* at most LU_REGSET_BYTES */
    void (*get)(const Cpu *cpu, uint8_t *to);
    void (*set)(Cpu *cpu, const uint8_t *from); /* what a program may not change is left as it is */
} LuRegset;

typedef struct LuReg {
    char name[14];
    uint8_t set, feature; /* of LuRegs.set and .feature */
    uint16_t at, bits;    /* bytes from the start of the set, or LU_REG_ZERO */
    char type[12];        /* as GDB names it */
} LuReg;

typedef struct LuRegs {
    char arch[16]; /* as GDB names it */
    const LuRegset *set;
    unsigned n_sets;
    const LuReg *reg; /* in the order of GDB's numbers */
    unsigned n_regs;
    const char *feature[LU_REG_FEATURES],
        *types[LU_REG_FEATURES]; /* types: XML in front of the feature's registers, or NULL */
} LuRegs;

extern const LuRegs lu_arm_regs, lu_arm64_regs, lu_i386_regs, lu_riscv32_regs, lu_riscv64_regs,
    lu_x86_64_regs;

#endif
