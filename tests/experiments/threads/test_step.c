/*
 * The window of lu_blocking(), instruction by instruction: a tracer steps a child to the k-th instruction of
 * lu_window_call(), sends it a signal just there, and lets it run. Before the kernel has begun the call,
 * lu_blocking() must come back with LU_RET_RESTART_ALWAYS and the signal recorded; a child that blocks
 * instead is lost.
 */
#include "fakes.h"
#include "linux-user/signal_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

extern const char lu_window_end[];
enum { STEPS = 20, CHILD_OK = 0, CHILD_WRONG = 1 };

static void child(LuThread *t, const int fds[2])
{
    char byte;
    ptrace(PTRACE_TRACEME, 0, 0, 0);
    sys_call2(SYS_kill, sys_getpid(), SIGSTOP);
    long r = lu_blocking(t, SYS_read, fds[0], (long)&byte, 1, 0, 0, 0);
    bool ok = r == LU_RET_RESTART_ALWAYS && lu_signals_pending(t) && t->sig->pending.si.si_signo == SIGUSR1;
    sys_exit_group(ok ? CHILD_OK : CHILD_WRONG);
}

static bool step(pid_t pid)
{
    int status;
    return ptrace(PTRACE_SINGLESTEP, pid, 0, 0) == 0 && waitpid(pid, &status, 0) == pid && WIFSTOPPED(status);
}

/* Steps to the k-th instruction inside; false: the function has fewer. */
static bool step_to(pid_t pid, unsigned k, unsigned long *ret_pc)
{
    struct user_regs_struct regs;
    unsigned inside = 0;
    for (unsigned n = 0; n < 100000; n++) {
        ptrace(PTRACE_GETREGS, pid, 0, &regs);
        *ret_pc = regs.rip;
        if (regs.rip >= (uintptr_t)lu_window_end && regs.rip < (uintptr_t)lu_window_end + 16)
            return false;
        if (regs.rip >= (uintptr_t)lu_window_call && regs.rip < (uintptr_t)lu_window_end && inside++ == k)
            return true;
        if (regs.rip == (uintptr_t)lu_window_end - 2) /* the next step would block in the kernel */
            return false;
        if (!step(pid))
            return false;
    }
    return false;
}

static int finish(pid_t pid)
{
    int status;
    for (int sig = 0;;) {
        ptrace(PTRACE_CONT, pid, 0, sig);
        for (unsigned ms = 0; waitpid(pid, &status, WNOHANG) == 0; ms++) {
            if (ms > 3000) {
                kill(pid, SIGKILL);
                waitpid(pid, &status, 0);
                return -1;
            }
            usleep(1000);
        }
        if (!WIFSTOPPED(status))
            return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
        sig = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
    }
}

int main(void)
{
    int fds[2], status;
    if (pipe(fds))
        return 2;
    LuThread *t = fake_start();
    fake_sigaction(t, SIGUSR1, 0x1000, 0, 0);
    unsigned tried = 0, bad = 0;
    for (unsigned k = 0; k < STEPS; k++) {
        struct clone_args args = {.flags = SIGCHLD};
        pid_t pid = (pid_t)lu_clone(t, &args, 0);
        if (!pid)
            child(t, fds);
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status)) {
            fprintf(stderr, "SKIPPED: no ptrace here\n");
            return 77;
        }
        unsigned long pc = 0;
        bool there = step_to(pid, k, &pc);
        if (!there) {
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            break;
        }
        kill(pid, SIGUSR1);
        int r = finish(pid);
        tried++;
        bad += r != CHILD_OK;
        printf("%s at lu_window_call+%lu\n", r == CHILD_OK ? "ok    " : "FAILED",
               pc - (uintptr_t)lu_window_call);
    }
    printf("%u instructions, %u lost the signal\n", tried, bad);
    return tried < 10 || bad;
}
