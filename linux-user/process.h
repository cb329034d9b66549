/*
 * LuProc, LuThread: a guest Linux process and its threads.
 *
 * A guest thread is a host thread (same TID), a guest process is a host process (same PID). LuProc is what
 * CLONE_VM shares: address space, code cache, options. What other clone flags share are counted objects of
 * their own: LuSighand (CLONE_SIGHAND), LuFs (CLONE_FS), LuFiles (CLONE_FILES); each shared or copied exactly
 * as the kernel does.
 * Run phase: from lu_thread_run() on there is no malloc, no stdio, no errno, no libc call that locks
 * (docs/forbidden.md). System calls go through base/sys.h, guest memory through linux-user/guest.h, text
 * through base/fmt.h, memory from lu_alloc() (an arena of the process) or the thread's scratch arena.
 * Threads: a LuThread is used by its own thread; fields read by others say so.
 */
#ifndef LINUX_USER_PROCESS_H
#define LINUX_USER_PROCESS_H

#include "accel/accel.h"
#include "base/arena.h"
#include "base/lock.h"
#include "base/sys.h"
#include "linux-user/traced.h"

#include <time.h>

enum { LU_PATH_BYTES = 4096 }; /* PATH_MAX: the longest name a system call takes, its NUL included */
enum { LU_GDB_PEERS = 16 }; /* children of one process that a debugger looks at, too */

typedef struct LuProc LuProc;
typedef struct LuThread LuThread;
typedef struct LuAbi LuAbi;           /* abi.h: what depends on the guest ISA */
typedef struct LuMm LuMm;             /* mm.h: guest address space */
typedef struct LuSighand LuSighand;   /* signal.h */
typedef struct LuGdb LuGdb;           /* gdb_int.h */
typedef struct LuFs LuFs;             /* fs.h: sysroot, cwd view */
typedef struct LuOptions LuOptions;   /* options.h: command line and environment */
typedef struct LuFilter LuFilter;     /* seccomp.h */
typedef struct LuKept LuKept;         /* kept_files.h */
typedef struct LuPerf LuPerf;         /* perf.h */
typedef struct LuSyms LuSyms;         /* symbols.h */

struct LuProc {
    const LuAbi *abi;
    const LuOptions *opt;
    Accel *accel;
    LuMm *mm;
    Lock lock;            /* LOCK_RANK_PROC: threads, n_threads */
    Arena arena;          /* lu_alloc(); `used` moves atomically */
    LuThread *threads;    /* list through LuThread.next */
    unsigned n_threads;
    struct LuBlock *dead_blocks; /* LOCK_RANK_PROC; of ended threads, for the next ones (thread.c) */
    LuSighand *dead_sighands;    /* LOCK_RANK_PROC */
    char exe_path[LU_PATH_BYTES]; /* guest program: absolute, as the guest sees it (for /proc/self/exe) */
    char exe_host[LU_PATH_BYTES]; /* the same as the host sees it (sysroot prefix resolved) */
    int exe_fd;           /* kept open, close-on-exec, at a high number hidden from the guest; -1: none */
    int self_fd;          /* our own binary, for execve; likewise */
    int strace_fd;        /* log */
    Gva task_size;        /* end of the guest's addresses: mm's */
    Gva vdso;             /* where the vDSO page is mapped; signal frames return to vdso +
                           * abi->vdso_sigreturn */
    int strace_open;      /* tid of the thread whose -strace line is not ended yet; 0: none (atomic) */
    Gva auxv, auxv_len;   /* as put on the guest stack, for /proc/self/auxv */
    Gva args_start, args_end, env_start, env_end; /* for /proc/self/cmdline, environ */
    uint32_t log;         /* LU_LOG_* */
    uint32_t cpu_model;   /* of abi->choose_model() */
    uint64_t host;        /* X64Features that the translator may use; set before choose_model() is called */
    char machine[16], platform[8]; /* of that model, where the ABI object leaves them to it; else "" */
    uint64_t hwcap[2];    /* AT_HWCAP, AT_HWCAP2 of that model */
    uint32_t more_prot;   /* bits of PROT_* that its kernel knows besides the common ones; they do nothing
                           * here */
    LuGdb *gdb;           /* gdb.h; NULL: there is no debugger */
    int gdb_fd, gdb_wake; /* its connection; hidden from the guest, -1: none; likewise */
    int gdb_link, gdb_peer[LU_GDB_PEERS]; /* sockets to the parent and to children that it looks at, too */
    LuKept *kept;         /* kept_files.h; NULL: none are kept */
    LuPerf *perf;         /* NULL: nobody asked */
    struct PerfFile *perf_files; /* with descriptors that are hidden from the guest; NULL: none */
    bool pokes;           /* it has other processes' memory open to write: they look at their code anew */
    struct LuRings *rings; /* uring.h; NULL: the guest never had one */
    struct LuDirPlaces *dir_places; /* abi32/lu32_file.c; made at the first use. LOCK_RANK_PROC */
    struct X86Desc *ldt;  /* x86 (x86_64/segments.c); made at the first use, LOCK_RANK_PROC */
    int (*host_clock)(clockid_t clock, struct timespec *ret); /* host_vdso.h; found at the first use
                                                               * (atomic) */
};

enum { LU_LOG_STRACE = 1, LU_LOG_UNIMP = 2 };
enum { LU_HOOK_SECCOMP = 1 };

struct LuThread {
    Cpu *cpu;
    LuProc *proc;
    LuSighand *sighand;
    LuFs *fs;
    LuThread *next;
    int tid, pid;         /* as the guest's PID namespace shows them; refreshed in a fork child */
    const LuAbi *abi;     /* whose call the present or last system call is: the process's, but on x86
                           * (LuAbi.call_abi) */
    long restart;         /* LU_RET_RESTART...: left by lu_syscall() for lu_signals_deliver(); else 0 */
    Arena scratch;        /* reset before each system call; 1 MiB reserved */
    struct LuSigState *sig; /* signal.h: mask, alternate stack, pending fault */
    uint64_t syscall_nr;  /* of the system call in progress */
    uint64_t syscall_arg[6];
    struct LuBlock *block; /* thread.h: host stack, TLS and this struct itself; NULL in the first thread */
    void (*host_fn)(LuThread *self); /* lu_host_thread() */
    bool own_files;       /* descriptors that are not those of the other threads (CLONE_FILES) */
    uint32_t hooks;       /* LU_HOOK_*: what a system call has to pass first; others may set bits (atomic) */
    LuTraced traced;      /* traced.h */
    struct LuTracees *tracees; /* tracer.h; NULL: it never was a tracer */
    bool filters_asked;   /* a tracer was told of SECCOMP_RET_TRACE: once is enough */
    const LuFilter *filters; /* the newest first; others may add to it */
    uint16_t gdb_slot;    /* 0: unknown to the debugger */
    int gdb_end, gdb_at;  /* while it forks: the child's socket, -1: none; the place of its own in gdb_peer */
    int gdb_vfork;        /* a child of vfork that is looked at: by this socket the program behind its execve
                           * speaks to the parent; else 0 */
    uint16_t gdb_parent;  /* its parent's gdb_slot */
    bool gdb_over;        /* the next instruction is run whatever breakpoint it has */
    bool vfork_child;     /* runs on the TLS of its suspended parent, which frees the block */
};

/* The calling thread. The one thread-local variable of the program. */
LuThread *lu_self(void);
/* A vfork child runs on its parent's TLS: it sets itself, and the parent sets itself again when it
 * resumes. */
void lu_set_self(LuThread *t);

/* Runs the guest until its thread ends. */
_Noreturn void lu_thread_run(LuThread *t);

/* Memory for the life of the process; NULL when used up. */
void *lu_alloc(LuProc *p, size_t size);

#endif
