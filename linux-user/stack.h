/*
 * The first stack: strings, argument, environment and auxiliary vectors, laid out as Linux does.
 * Before the guest starts only. Sources: execve(2), getauxval(3), System V ABI chapter 3, psABI of the guest.
 */
#ifndef LINUX_USER_STACK_H
#define LINUX_USER_STACK_H

#include "linux-user/elf.h"

typedef struct StackPlan {
    const ElfImage *prog;
    Gva interp_base;   /* AT_BASE, 0: none */
    Gva vdso;          /* AT_SYSINFO_EHDR, 0: none */
    const char *execfn;
    char **argv, **envp;
    uint64_t random[3]; /* AT_RANDOM's 16 bytes, and one for the start of the stack */
} StackPlan;

/* Maps and fills it; notes vectors in t->proc. Returns the stack pointer, 0 with the reason in err. */
Gva stack_build(LuThread *t, const StackPlan *plan, Fmt *err);

#endif
