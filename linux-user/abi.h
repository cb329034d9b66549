/*
 * LuAbi: the guest ISA's Linux ABI as data and a few functions. One folder per ISA (linux-user/riscv64/)
 * fills one. 64-bit asm-generic structures are the same for riscv64 and arm64 and are handled in the shared
 * files. The ELF header of the program chooses one of lu_abi_at(), once, before anything is mapped.
 */
#ifndef LINUX_USER_ABI_H
#define LINUX_USER_ABI_H

#include "linux-user/process.h"

struct LuSigInfo; /* signal.h */
struct LuSigAction;
struct LuSyscallRow;
struct Fmt;

struct LuAbi {
    const TargetOps *target;
    const struct LuRegs *regs;  /* for debuggers (regset.h) */
    const struct LuDebugIsa *debug; /* debug_regs.h; NULL: its kernel has none */
    const char *name;           /* as in messages and in the names that the program answers to, qemu-NAME */
    const char *uname_machine;  /* "riscv64" */
    char uname_compat[8];       /* the same for a process with PER_LINUX32; "": no other */
    const char *interp_prefix;  /* default -L, e.g. "/usr/riscv64-linux-gnu" as a fallback search */
    uint8_t word;               /* bytes of a pointer: 8, or 4 with an ELF class of 32 bits */
    uint64_t task_size;         /* upper limit of the ISA's layout, before the arena lowers it */
    uint64_t usual_space;       /* the limit without -R, where most hardware has less; 0: task_size */
    uint16_t n_syscalls;        /* highest number + 1 */
    const uint16_t *syscall_row; /* guest number -> row of syscalls.def + 1; 0: no such number */
    /* Guests of 32 bits have their own tables instead of these two (abi32/lu32.h): the call, and for the list
     * of calls the one of the lowest number from *nr on, by its name there: its note, or NULL at the end. */
    long (*syscall32)(LuThread *t, uint64_t nr);
    const char *(*list_calls32)(const LuAbi *abi, unsigned *nr, struct LuSyscallRow *ret);
    const struct Lu32Table *calls32;
    const char *platform;       /* AT_PLATFORM, NULL: none */
    /* -cpu NAME, NULL = the default: notes the model in p->cpu_model and what it has in p->hwcap. False: no
     * such model. */
    bool (*choose_model)(LuProc *p, const char *name);
    /* Says what model `name` misses of the host; false: that is not why it cannot be. NULL: never. */
    bool (*why_not_model)(const LuProc *p, const char *name, struct Fmt *out);
    void (*list_models)(struct Fmt *out); /* a line each: name, two blanks, what it is */
    /* Makes the first cpu one of that model, with secrets made of `seed`; NULL: nothing to do. */
    void (*init_cpu)(const LuProc *p, Cpu *cpu, uint64_t seed);

    bool (*map_pages)(LuThread *t);       /* pages besides the program's; NULL: none */
    /* There is no code at pc: is it the kernel's own? 0: no. 1: it was done, pc is behind it. -1: it is, and
     * may not be called so. NULL: never. */
    int (*vsyscall)(LuThread *t);
    /* Whose call the instruction at pc makes, where code of another width can run in the process; NULL: this
     * one's. */
    const LuAbi *(*call_abi)(const Cpu *cpu);
    bool (*is_breakpoint)(const Cpu *cpu); /* the undefined instruction at pc stands for a breakpoint; NULL:
                                            * none does */
    uint64_t (*syscall_nr)(const Cpu *cpu);
    void (*set_syscall_nr)(Cpu *cpu, uint64_t nr); /* for tracers; NULL: its register is another's too */
    void (*syscall_args)(const Cpu *cpu, uint64_t arg[6]);
    void (*set_result)(Cpu *cpu, uint64_t value);
    uint64_t (*result)(const Cpu *cpu);
    void (*skip_syscall)(Cpu *cpu);       /* pc += length of the system call instruction */
    Gva (*syscall_end)(const Cpu *cpu);   /* where that leads */
    void (*restart_syscall)(Cpu *cpu, uint64_t first_arg); /* pc back on it, first argument restored */
    void (*set_entry)(Cpu *cpu, Gva pc, Gva sp);
    void (*set_tls)(Cpu *cpu, uint64_t tls);
    uint64_t (*get_tls)(const Cpu *cpu);  /* NULL: no call asks */
    uint64_t (*get_sp)(const Cpu *cpu);
    void (*set_sp)(Cpu *cpu, Gva sp);
    long (*prctl)(LuThread *t, const uint64_t a[6]); /* requests of the processor; NULL: there are none */
    /* Signal frames: see signal.h. False: the frame does not fit in guest memory. */
    bool (*push_frame)(LuThread *t, const struct LuSigInfo *info, const struct LuSigAction *act,
                       Gva frame_top);
    bool (*pop_frame)(LuThread *t, uint64_t *ret_mask);
    bool (*pop_old_frame)(LuThread *t, uint64_t *ret_mask); /* of sigreturn, where that is another call than
                                                             * rt_sigreturn */
    uint32_t frame_size;                  /* bytes, for AT_MINSIGSTKSZ */
    uint32_t min_sigstksz;                /* smallest alternate stack, MINSIGSTKSZ of asm/signal.h */
    bool has_restorer;                    /* struct sigaction has sa_restorer (SA_RESTORER in asm/signal.h) */
    bool x86_structs;                     /* stat, epoll_event, semid64_ds are x86-64's, not asm-generic's */
    long (*arch_prctl)(LuThread *t, const uint64_t a[6]); /* NULL: there is no such call */
    /* Calls that are the ISA's own: socketcall, ipc, segments of x86. row: LuRowId. NULL: there are none. */
    long (*own_call)(LuThread *t, unsigned row, const uint64_t a[6]);
    bool low_maps;                        /* MAP_32BIT means something */
    bool top_byte_ignored;                /* of addresses, as Arm's TBI has it on Linux */
    bool arm_open_flags;                  /* O_DIRECTORY and O_NOFOLLOW as in asm/fcntl.h of arm, see
                                           * lu_open_flags() */
    /* The page of code the guest maps as its vDSO (position independent ELF image), and in it sigreturn. */
    const uint8_t *vdso;
    uint32_t vdso_size, vdso_sigreturn, vdso_rt_sigreturn; /* the latter where they are two calls */
    uint32_t vdso_syscall;                /* code that makes a system call, for AT_SYSINFO; 0: none */
    void (*cpuinfo)(LuProc *p, struct Fmt *out, unsigned cpu); /* one processor of /proc/cpuinfo */
};

extern const LuAbi lu_abi_arm, lu_abi_arm64, lu_abi_i386, lu_abi_riscv32, lu_abi_riscv64, lu_abi_x86_64;

enum { LU_ELF_HEAD = 20 }; /* bytes of an ELF header up to e_machine */

/* The guests, from 0 on; NULL behind the last. */
const LuAbi *lu_abi_at(unsigned i);
const LuAbi *lu_abi_named(const char *name, size_t n); /* NULL: none */
/* is it a program of this guest? */
bool lu_abi_has_header(const LuAbi *abi, const uint8_t head[LU_ELF_HEAD]);
/* Whose program it is by the first bytes of its header; NULL: nobody's. */
const LuAbi *lu_abi_of_header(const uint8_t head[LU_ELF_HEAD]);
/* "a, b and c", or only->name. */
void lu_abi_list(struct Fmt *f, const LuAbi *only);

/* Open flags from guest to host, or back. On Arm O_DIRECTORY and O_DIRECT, O_NOFOLLOW and O_LARGEFILE have
 * changed places with respect to asm-generic/fcntl.h, which the host has. */
static inline uint32_t lu_open_flags(const LuAbi *abi, uint32_t flags)
{
    enum { LOW = 3 << 14, HIGH = 3 << 16 };
    return abi->arm_open_flags ? (flags & ~(LOW | HIGH)) | (flags & LOW) << 2 | (flags & HIGH) >> 2 : flags;
}

#endif
