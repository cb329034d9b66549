/*
 * LuAbi: the guest ISA's Linux ABI as data and a few functions. One folder per ISA (linux-user/riscv64/) fills one.
 * 64-bit asm-generic structures are the same for riscv64 and arm64 and are handled in the shared files.
 */
#ifndef LINUX_USER_ABI_H
#define LINUX_USER_ABI_H

#include "linux-user/process.h"

struct LuSigInfo; /* signal.h */
struct LuSigAction;
struct Fmt;

struct LuAbi {
    const TargetOps *target;
    const char *uname_machine;  /* "riscv64" */
    const char *interp_prefix;  /* default -L, e.g. "/usr/riscv64-linux-gnu" as a fallback search */
    uint64_t task_size;         /* upper limit of the ISA's layout, before the arena lowers it */
    uint16_t n_syscalls;        /* highest number + 1 */
    const uint16_t *syscall_row; /* guest number -> row of syscalls.def + 1; 0: no such number */
    uint64_t hwcap, hwcap2;
    const char *platform;       /* AT_PLATFORM, NULL: none */

    uint64_t (*syscall_nr)(const Cpu *cpu);
    void (*syscall_args)(const Cpu *cpu, uint64_t arg[6]);
    void (*set_result)(Cpu *cpu, uint64_t value);
    uint64_t (*result)(const Cpu *cpu);
    void (*skip_syscall)(Cpu *cpu);       /* pc += length of the system call instruction */
    void (*restart_syscall)(Cpu *cpu, uint64_t first_arg); /* pc back on it, first argument restored */
    void (*set_entry)(Cpu *cpu, Gva pc, Gva sp);
    void (*set_tls)(Cpu *cpu, uint64_t tls);
    uint64_t (*get_sp)(const Cpu *cpu);
    void (*set_sp)(Cpu *cpu, Gva sp);
    /* Signal frames: see signal.h. False: the frame does not fit in guest memory. */
    bool (*push_frame)(LuThread *t, const struct LuSigInfo *info, const struct LuSigAction *act, Gva frame_top);
    bool (*pop_frame)(LuThread *t, uint64_t *ret_mask);
    uint32_t frame_size;                  /* bytes, for AT_MINSIGSTKSZ */
    /* The page of code the guest maps as its vDSO (position independent ELF image), and in it sigreturn. */
    const uint8_t *vdso;
    uint32_t vdso_size, vdso_sigreturn;
    void (*cpuinfo)(LuProc *p, struct Fmt *out, unsigned cpu); /* one processor of /proc/cpuinfo */
};

extern const LuAbi lu_abi_riscv64;

#endif
