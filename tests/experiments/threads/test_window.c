/*
 * The window of lu_blocking(): a thread blocks in read(2) on a pipe that never gets data; another sends it
 * one signal at a time and waits until that was delivered. A signal that fell between the check for a pending
 * signal and the kernel's entry would leave both waiting for ever: ten seconds without progress end the test
 * as failed.
 * Usage: threads_window [SIGNALS]
 */
#include "fakes.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

typedef struct Window {
    int pipe[2];
    int tid;
    uint32_t delivered, stop;
    unsigned early;
} Window;

static void reader(LuThread *t, void *arg)
{
    Window *w = arg;
    FakeCpu *c = fake_cpu(t);
    char byte;
    for (uint32_t x = 1; !w->stop;) {
        x = x * 1664525 + 1013904223; /* the next signal shall find us anywhere before or in the call */
        for (volatile uint32_t i = 0; i < x >> 18; i++)
            ;
        long r = lu_blocking(t, SYS_read, w->pipe[0], (long)&byte, 1, 0, 0, 0);
        CHECK(r == LU_RET_RESTART_ALWAYS || r == -EINTR);
        w->early += r == LU_RET_RESTART_ALWAYS && t->sig->pending.si.si_signo == SIGUSR1;
        CHECK(lu_signals_pending(t));
        lu_signals_deliver(t, r == LU_RET_RESTART_ALWAYS ? r : 0);
        while (c->n_log) { /* each handler returns at once */
            c->n_log--;
            fake_sigreturn(t, 0);
            __atomic_fetch_add(&w->delivered, 1, __ATOMIC_RELEASE);
        }
    }
}

static bool wait_for(Window *w, uint32_t count)
{
    struct timespec ts;
    time_t start = 0;
    for (unsigned spin = 1; __atomic_load_n(&w->delivered, __ATOMIC_ACQUIRE) < count; spin++) {
        if (spin % 4096)
            continue;
        sys_call0(SYS_sched_yield);
        sys_call2(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
        start = start ? start : ts.tv_sec;
        if (ts.tv_sec - start > 10)
            return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 100000;
    static Window w;
    if (pipe(w.pipe))
        return 2;
    LuThread *t = fake_start();
    fake_sigaction(t, SIGUSR1, 0x1000, 0, 0);
    fake_sigaction(t, SIGUSR2, 0x1000, SA_RESTART, 0);
    Task task = {reader, &w};
    if (fake_thread(t, &task, &w.tid) < 0)
        return 2;
    unsigned sent = 0;
    bool ok = true;
    for (; sent < n && ok; sent++) {
        w.stop = sent + 1 == n;
        sys_call3(SYS_tgkill, sys_getpid(), w.tid, sent % 2 ? SIGUSR1 : SIGUSR2);
        ok = wait_for(&w, sent + 1);
    }
    CHECK(ok);
    if (ok)
        fake_join(&w.tid);
    printf("%u sent, %u delivered, %u of the %u without SA_RESTART before the call\n", sent, w.delivered,
           w.early, sent / 2);
    fflush(stdout);
    sys_exit_group(fake_failures || !ok);
}
