/*
 * A guest without an ISA: what tests/experiments/threads puts below linux-user's signal and thread layer.
 * A FakeCpu "runs" the Task that its stack pointer names. push_frame appends to the thread's log.
 */
#ifndef TESTS_THREADS_FAKES_H
#define TESTS_THREADS_FAKES_H

#include "linux-user/signal.h"
#include "linux-user/sys_handlers.h"
#include "linux-user/thread.h"

typedef struct Task {
    void (*fn)(LuThread *t, void *arg);
    void *arg;
} Task;

typedef struct Delivered {
    LuSigInfo info;
    uint64_t mask;  /* what the frame saved */
    Gva handler, top;
} Delivered;

enum { FAKE_LOG = 128 };

typedef struct FakeCpu {
    Cpu base;
    uint64_t sp, tls, result;
    unsigned restarted, results;  /* calls of restart_syscall and set_result */
    unsigned n_log;               /* all that were pushed; the log keeps the first FAKE_LOG */
    Delivered log[FAKE_LOG];
    bool refuse_frames;
} FakeCpu;

static inline FakeCpu *fake_cpu(LuThread *t) { return (FakeCpu *)t->cpu; }

/* The first thread of a process that can do everything above. */
LuThread *fake_start(void);
/* A thread as a C library makes one; *tid is cleared and woken when it ends. Negative: -errno. */
long fake_thread(LuThread *t, Task *task, int *tid);
void fake_join(int *tid);
/* A system call as the run loop does it: deliver first, then call, then deliver. */
typedef long FakeCall(LuThread *t, const uint64_t a[6]);
long fake_call(LuThread *t, FakeCall *fn, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e);
long fake_sigaction(LuThread *t, int sig, Gva handler, uint64_t flags, uint64_t mask);
long fake_sigmask(LuThread *t, int how, uint64_t mask);
/* The guest returns from its handler to `mask`. */
void fake_sigreturn(LuThread *t, uint64_t mask);

extern unsigned fake_failures;
#define CHECK(cond) do { if (!(cond)) fake_failed(__FILE__, __LINE__, #cond); } while (0)
void fake_failed(const char *file, int line, const char *what);

#endif
