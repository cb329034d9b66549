/*
 * The tracing side of ptrace(2) between guests (traced.h has the idea).
 *
 * A guest that traces is the tracer for the host's kernel as well. What the kernel reports of a traced thread
 * is looked at here first: a stop that the guest's own kernel would not have (a fault of the emulator's, a
 * signal on its way to a place where the guest may be seen, the start of a new image) ends at once and is not
 * told; others are told as they are, or as the bell says. Registers and what else the emulator keeps of a
 * thread are read from and written to the other process, whose image is the same file as this one: only such
 * processes can be traced.
 *
 * A tracer has to wait for its children for them to go on, where the kernel would not have stopped them at
 * all; each such stop comes with SIGCHLD, as others do. Ownership: LuThread.tracees is the thread's. Threads:
 * each call by the guest thread itself, which is the tracer; another thread of its process that waits gets
 * what the host's kernel says. Sources: ptrace(2), wait(2), process_vm_readv(2).
 */
#ifndef LINUX_USER_TRACER_H
#define LINUX_USER_TRACER_H

#include "linux-user/process.h"
#include "linux-user/regset.h"

typedef enum LuStand {
    LU_RUNS,
    LU_STANDS_BY_BELL, /* where it stopped by itself */
    LU_STANDS_BY_HOST, /* in a blocking call, at an event or in a group stop */
} LuStand;

typedef struct LuTracee {
    int tid;
    uint8_t stand;    /* LuStand */
    bool ready;       /* its LuThread was found */
    bool fresh;       /* attached by its tracer: its LuTraced is not told yet */
    bool seized;      /* fresh: how */
    bool silent;      /* stopped only to be told */
    bool known;       /* options are set on the host */
    bool in_window;   /* of a blocking call */
    bool host_began;  /* in_window: behind the host's system call */
    bool signalled;   /* BY_HOST for a signal */
    bool leaving;     /* at the event of its end: its LuThread may be another thread's by now */
    bool at_restart;  /* in_window: the tracer is shown restart_syscall, which the host's kernel does later */
    bool untold;      /* stands, and the tracer has not waited for it yet */
    int status;       /* of the stop: signal, and event << 8 */
    uint32_t options; /* fresh: what it begins with */
    int64_t host_result; /* in_window: what the host's call has come to */
    uint64_t message;    /* of the last exec */
    uint64_t thread;     /* where its LuThread is */
} LuTracee;

/* ptrace(2) of the host on a traced thread. */
long lu_tracer_host(long request, int tid, uint64_t addr, uint64_t data);
/* Is the process another guest that this one can look into? */
bool lu_tracer_is_guest(int pid);
/* Some of the guest's options are the host's. */
void lu_tracer_host_options(LuTracee *c, const LuTraced *x);
uint64_t lu_tracer_options_of_host(uint32_t options);
/* The calling thread's record; NULL: it is not traced by it. */
LuTracee *lu_tracer_find(LuThread *t, int tid);
LuTracee *lu_tracer_add(LuThread *t, int tid);
void lu_tracer_forget(LuThread *t, int tid);
/* What wait(2) says of `tid`. False: nothing that is to be told, wait again. */
bool lu_tracer_event(LuThread *t, int tid, int *status);
/* Its memory. False: it cannot be read or written. */
bool lu_tracee_read(const LuTracee *c, uint64_t at, void *to, size_t n);
bool lu_tracee_write(const LuTracee *c, uint64_t at, const void *from, size_t n);
bool lu_tracee_read_traced(const LuTracee *c, LuTraced *ret);
bool lu_tracee_has_handler(const LuTracee *c, int sig);

/* Register sets as its kernel would show them: bytes, or -errno. `x` is what lu_tracee_read_traced() says. */
long lu_tracee_get_regs(LuThread *t, const LuTracee *c, const LuTraced *x, uint32_t note, uint8_t *to,
                        size_t cap);
long lu_tracee_set_regs(LuThread *t, const LuTracee *c, LuTraced *x, uint32_t note, const uint8_t *from,
                        size_t n);
/* Its debug registers: the word of struct user at addr, of x86 (false: it is none of them); regset `note` of
 * arm64; PTRACE_GETHBPREGS and PTRACE_SETHBPREGS of arm. Bytes, 0 or -errno. */
bool lu_tracee_debug_user(const LuTracee *c, LuTraced *x, bool set, uint64_t addr, uint64_t *value,
                          long *ret);
bool lu_tracee_is_debug_set(const LuTraced *x, uint32_t note);
long lu_tracee_get_debug_set(const LuTraced *x, uint32_t note, uint8_t *to, size_t cap);
long lu_tracee_set_debug_set(const LuTracee *c, LuTraced *x, uint32_t note, const uint8_t *from, size_t n);
long lu_tracee_debug_number(const LuTracee *c, LuTraced *x, bool set, int32_t number, uint32_t *value);
/* Its program counter and stack pointer. */
bool lu_tracee_place(LuThread *t, const LuTracee *c, const LuTraced *x, uint64_t ret[2]);
/* For waitid of all ABIs. */
long lu_tracer_waitid(LuThread *t, const uint64_t a[6], siginfo_t *si, void *usage);
/* A thread that waits in the host's kernel comes out of its call, which is as if it had not begun. */
void lu_tracee_leave_window(const LuTracee *c, const LuTraced *x);
/* The number of restart_syscall. */
uint64_t lu_tracee_restart_nr(const LuTraced *x);
/* Its ABI. */
const LuAbi *lu_tracee_abi(const LuTraced *x);

#endif
