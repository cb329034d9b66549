/*
 * Options of `tinamou`: one table (options.c) makes the parser, the environment variables, -h and the manual
 * page.
 *
 * Precedence: environment (QEMU_x or TINAMOU_x), then command line. Every option and variable of qemu-user is
 * in the table: honoured, or refused with one line.
 * An execve of the guest runs this program again with a private prefix (LU_REEXEC) that carries the options;
 * the environment is then the guest's alone and is not looked at.
 * Ownership: strings are argv's, environ's or the process arena's. Threads: written before the guest starts.
 */
#ifndef LINUX_USER_OPTIONS_H
#define LINUX_USER_OPTIONS_H

#include "linux-user/process.h"

/* argv[1] of a program image started by lu_execve(): LU_REEXEC n word... program-as-host program-as-guest
 * arg... */
#define LU_REEXEC "--re-exec"

enum { LU_MAX_FORWARD = 64, LU_MAX_RANGES = 32 };

typedef struct LuEnvEdit {
    struct LuEnvEdit *next; /* in the order given */
    const char *text;       /* "name=value" to set, "name" to unset */
} LuEnvEdit;

struct LuOptions {
    const LuAbi *only;        /* what the program's name promised, NULL = any guest */
    const char *sysroot;      /* -L: absolute, no trailing slash; "" = none */
    const char *argv0;        /* -0, NULL = the program's own */
    const char *cpu;          /* -cpu, NULL = the default; a name that some guest knows */
    const char *uname_release; /* -r, NULL = the host's */
    const char *gdb;          /* -g: where a debugger is waited for, NULL = nowhere */
    const char *log_file;     /* -D, with its %d; NULL = standard error */
    uint64_t stack_size;      /* -s, bytes; 0 = from RLIMIT_STACK */
    uint64_t reserved_va;     /* -R, bytes; 0 = no limit */
    const char *host_cpu;     /* -host-cpu: AccelConfig.host_cpu */
    uint64_t seed;            /* -seed */
    uint64_t cache_bytes;     /* -tb-size; 0 = default */
    uint32_t no_opt;          /* -no-opt: ACCEL_NO_* */
    uint32_t accel_log;       /* -d: ACCEL_LOG_* */
    uint32_t log;             /* -d, -strace: LU_LOG_* */
    AccelRange filter[LU_MAX_RANGES]; /* -dfilter */
    unsigned n_filter;
    const char *kept_dir;     /* -cache: absolute, NULL = none */
    bool kept_new;            /* and may be made */
    bool perf_map, jit_dump;
    uint32_t max_insns;       /* -max-insns */
    uint32_t returns_from;    /* -return-stack; 0: default */
    bool no_jit, have_seed;
    LuEnvEdit *env_first, *env_last;

    const char *program;      /* host path */
    const char *program_guest; /* as the guest names it (AT_EXECFN) */
    char **args;              /* guest argv, from argv[0]; NULL-terminated */
    int n_args;
    bool reexec;              /* started by lu_execve() */
    int exec_fd;              /* open on the program (execve, AT_EXECFD), -1: open it by name */
    int seccomp_fd;           /* lu_seccomp_hand_over(), -1: no filters */
    uint64_t traced;          /* lu_traced_hand_over() */
    uint64_t gdb_over;        /* lu_gdb_hand_over() */
    long old_persona;         /* to restore, -1 = nothing */
    uint64_t old_stack_limit; /* likewise, 0 = nothing */
    uint64_t ignored_faults;  /* inherited: lu_signals_ignored_faults() */

    const char *forward[LU_MAX_FORWARD]; /* words that give the same options again */
    unsigned n_forward;
};

/* The names of a guest's cpu models, each after a blank. */
struct Fmt;
void lu_models_line(const LuAbi *abi, struct Fmt *out);
/* Fills opt; prints and exits for -h, -version, --syscalls, and on errors (status 1). */
void lu_options_parse(LuProc *p, LuOptions *opt, int argc, char **argv, char **envp);

#endif
