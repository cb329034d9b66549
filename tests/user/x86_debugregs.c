/* DR0 to DR7 by ptrace: values that are refused, the status after each stop, points that stay. */
#include "user.h"

#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

#ifdef __x86_64__
enum { DEBUG_AT = 848 };
#else
enum { DEBUG_AT = 252 };
#endif

static volatile int cell[4] __attribute__((aligned(16)));

static long trace(long request, pid_t pid, long addr, long data)
{
    return syscall(SYS_ptrace, request, pid, addr, data);
}

static long get_dr(pid_t pid, unsigned n)
{
    long v = -1;
    return trace(PTRACE_PEEKUSER, pid, DEBUG_AT + n * sizeof(long), (long)&v) ? -errno : v;
}

static long set_dr(pid_t pid, unsigned n, long v)
{
    return trace(PTRACE_POKEUSER, pid, DEBUG_AT + n * sizeof(long), v) ? -errno : 0;
}

/* What it stopped for. */
static void told(const char *what, pid_t pid)
{
    int status = 0;
    siginfo_t si = {0};
    if (waitpid(pid, &status, __WALL) != pid)
        printf("%s: nobody\n", what);
    else if (WIFSIGNALED(status))
        printf("%s: killed %s\n", what, sigabbrev_np(WTERMSIG(status)));
    else if (WIFEXITED(status))
        printf("%s: exit %d\n", what, WEXITSTATUS(status));
    else if (trace(PTRACE_GETSIGINFO, pid, 0, (long)&si) == 0)
        printf("%s: %s, code %d\n", what, sigabbrev_np(WSTOPSIG(status)),
               WSTOPSIG(status) == SIGTRAP ? si.si_code : 0);
}

static void go(pid_t pid)
{
    if (trace(PTRACE_CONT, pid, 0, 0))
        printf("cont: %s\n", strerrorname_np(errno));
}

__attribute__((noinline)) static int called(int n)
{
    __asm__ volatile("" ::: "memory");
    return n + 1;
}

static void values(void)
{
    static const unsigned char lengths[] = {0, 1, 3, 2};
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        trace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        _exit(1);
    }
    told("values", pid);
    for (unsigned n = 0; n < 8; n++)
        printf("dr%u: %lx\n", n, get_dr(pid, n));
    SHOW(set_dr(pid, 4, 0));
    SHOW(set_dr(pid, 5, 1));
    SHOW(set_dr(pid, 6, 0xffff0ff0));
    printf("%lx\n", get_dr(pid, 6));
    for (unsigned k = 0; k < 8 * sizeof(long); k += 3) {
        long r = set_dr(pid, 6, 1l << k);
        printf("dr6 %u: %ld %lx\n", k, r, get_dr(pid, 6));
    }
    for (unsigned k = 8; k < 8 * sizeof(long); k += 3) {
        long r = set_dr(pid, 7, 1l << k);
        printf("dr7 %u: %ld %lx\n", k, r, get_dr(pid, 7));
    }
    SHOW(set_dr(pid, 0, 0x10001));
    for (unsigned kind = 0; kind < 4; kind++) {
        for (unsigned k = 0; k < 4; k++)
            printf("kind %u length %u: %ld\n", kind, lengths[k],
                   set_dr(pid, 7, 1 | kind << 16 | lengths[k] << 18));
        printf("%lx\n", get_dr(pid, 7));
    }
    SHOW(set_dr(pid, 7, 1 << 16 | 3 << 18 | 1));
    SHOW(set_dr(pid, 0, 0x10000));
    SHOW(set_dr(pid, 7, 1 << 16 | 3 << 18 | 1));
    SHOW(set_dr(pid, 0, 0x10002));
    printf("%lx %lx\n", get_dr(pid, 0), get_dr(pid, 7));
    SHOW(set_dr(pid, 7, 1 << 20 | 3 << 22 | 1 << 2));
    SHOW(set_dr(pid, 1, -4096));
    SHOW(set_dr(pid, 7, 0));
    kill(pid, SIGKILL);
    told("values", pid);
}

__attribute__((noinline)) static void writes(volatile int *to)
{
    __asm__ volatile("movl $1, (%0)\n\tnop\n\tmovl $2, (%0)\n\tnop" ::"r"(to) : "memory");
}

/* Two points at once, a step over one, a breakpoint that stays and is passed. */
static void several(void)
{
    volatile int *v = &cell[1];
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        trace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        for (int k = 0; k < 3; k++)
            called(k);
        raise(SIGSTOP);
        writes(v);
        _exit(0);
    }
    told("several", pid);
    SHOW(set_dr(pid, 3, (long)called));
    SHOW(set_dr(pid, 7, 1 << 6));
    for (int k = 0; k < 3; k++) {
        go(pid);
        told("call", pid);
        printf("dr6 %lx\n", get_dr(pid, 6));
    }
    trace(PTRACE_SINGLESTEP, pid, 0, 0);
    told("step from it", pid);
    printf("dr6 %lx\n", get_dr(pid, 6));
    SHOW(set_dr(pid, 7, 0));
    go(pid);
    told("several", pid);
    SHOW(set_dr(pid, 0, (long)v));
    SHOW(set_dr(pid, 2, (long)v + 2));
    SHOW(set_dr(pid, 7, 1 | 1 << 4 | 1 << 16 | 3 << 18 | 3 << 24 | 1 << 26));
    go(pid);
    told("writes", pid);
    printf("dr6 %lx\n", get_dr(pid, 6));
    trace(PTRACE_SINGLESTEP, pid, 0, 0);
    told("step over nothing", pid);
    printf("dr6 %lx\n", get_dr(pid, 6));
    trace(PTRACE_SINGLESTEP, pid, 0, 0);
    told("step over a write", pid);
    printf("dr6 %lx\n", get_dr(pid, 6));
    go(pid);
    told("several", pid);
}
int main(void)
{
    values();
    several();
    return 0;
}
