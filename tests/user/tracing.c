/* ptrace: one process looks at another. What is told of stops, registers by place, memory, events, attaching.
 */
#include "user.h"

#ifdef __i386__
#include <asm/ldt.h>
#endif
#include <elf.h>
#include <linux/filter.h>
#include <linux/ptrace.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

/* Words of NT_PRSTATUS: result, program counter, number of the call (or a set of its own). */
#if defined(__x86_64__)
enum { RESULT = 10, PC = 16, NR = 15, N_REGS = 27, BREAK_BYTES = 1, BREAK_AFTER = 1 };
static const unsigned char break_code[] = {0xcc};
#elif defined(__i386__)
enum { RESULT = 6, PC = 12, NR = 11, N_REGS = 17, BREAK_BYTES = 1, BREAK_AFTER = 1 };
static const unsigned char break_code[] = {0xcc};
#elif defined(__riscv)
enum { RESULT = 10, PC = 0, NR = 17, N_REGS = 32, BREAK_BYTES = 2, BREAK_AFTER = 0 };
static const unsigned char break_code[] = {0x02, 0x90};
#elif defined(__aarch64__)
enum { RESULT = 0, PC = 32, NR = -1, N_REGS = 34, BREAK_BYTES = 4, BREAK_AFTER = 0 };
static const unsigned char break_code[] = {0x00, 0x00, 0x20, 0xd4};
#elif defined(__thumb__)
enum { RESULT = 0, PC = 15, NR = -1, N_REGS = 18, BREAK_BYTES = 2, BREAK_AFTER = 0 };
static const unsigned char break_code[] = {0x01, 0xde};
#else
enum { RESULT = 0, PC = 15, NR = -1, N_REGS = 18, BREAK_BYTES = 4, BREAK_AFTER = 0 };
static const unsigned char break_code[] = {0xf0, 0x01, 0xf0, 0xe7};
#endif

static char *self;
static volatile long counter, word = 0x1234;
static volatile long *shared; /* by both processes */

static long trace(long request, pid_t pid, long addr, long data)
{
    return syscall(SYS_ptrace, request, pid, addr, data);
}

static void get_regs(pid_t pid, long *regs)
{
    struct iovec v = {regs, N_REGS * sizeof(long)};
    if (trace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (long)&v) || v.iov_len != N_REGS * sizeof(long))
        printf("registers: %s %zu\n", strerrorname_np(errno), v.iov_len);
}

static void set_regs(pid_t pid, long *regs)
{
    struct iovec v = {regs, N_REGS * sizeof(long)};
    if (trace(PTRACE_SETREGSET, pid, NT_PRSTATUS, (long)&v))
        printf("registers: %s\n", strerrorname_np(errno));
}

static void set_number(pid_t pid, int nr)
{
    long regs[N_REGS];
#if defined(__aarch64__)
    struct iovec v = {&nr, sizeof nr};
    trace(PTRACE_SETREGSET, pid, 0x404, (long)&v);
#elif defined(__arm__)
    trace(23, pid, 0, nr);
#else
    get_regs(pid, regs);
    regs[NR] = nr;
    set_regs(pid, regs);
#endif
}

/* The status of one wait, as text that is the same everywhere. */
static int told(const char *what, pid_t pid)
{
    int status = -1;
    pid_t r = waitpid(pid, &status, __WALL);
    if (r < 0)
        printf("%s: %s\n", what, strerrorname_np(errno));
    else if (WIFSTOPPED(status))
        printf("%s: stop %s%s event %d\n", what, sigabbrev_np(WSTOPSIG(status) & 0x7f),
               WSTOPSIG(status) & 0x80 ? "|80" : "", status >> 16);
    else if (WIFSIGNALED(status))
        printf("%s: killed %s\n", what, sigabbrev_np(WTERMSIG(status)));
    else
        printf("%s: exit %d\n", what, WEXITSTATUS(status));
    return status;
}

static pid_t begin(void (*child)(void))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid)
        return pid;
    dup2(open("/dev/null", O_WRONLY), 2);
    child();
    _exit(0);
}

static void traced(void)
{
    if (trace(PTRACE_TRACEME, 0, 0, 0))
        _exit(99);
    raise(SIGSTOP);
}

/* ---- descriptors of threads: of i386 alone, so only what is wrong is printed ---- */

#ifdef __i386__
static void only_stops(void)
{
    traced();
    struct user_desc d = {.entry_number = 14};
    _exit(syscall(SYS_get_thread_area, &d) ? 1 : d.base_addr == 0x5000 ? 7 : 2);
}

static void thread_areas(void)
{
    unsigned gs, status;
    struct user_desc own, its = {0};
    __asm__("mov %%gs, %0" : "=r"(gs));
    own = (struct user_desc){.entry_number = gs >> 3};
    syscall(SYS_get_thread_area, &own);
    pid_t pid = begin(only_stops);
    waitpid(pid, (int *)&status, 0);
    long r = trace(25, pid, gs >> 3, (long)&its);
    if (r || memcmp(&its, &own, sizeof own))
        printf("thread area: %ld %x %x\n", r, its.base_addr, own.base_addr);
    struct user_desc other = {
        .entry_number = 14, .base_addr = 0x5000, .limit = 0xff, .seg_32bit = 1, .useable = 1};
    if (trace(26, pid, 14, (long)&other) || trace(25, pid, 11, (long)&its) != -1 || errno != EINVAL)
        printf("thread area: not set\n");
    trace(PTRACE_CONT, pid, 0, 0);
    waitpid(pid, (int *)&status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 7)
        printf("thread area: %x\n", status);
}
#else
static void thread_areas(void) {}
#endif

/* ---- memory ---- */

static void writes_word(void)
{
    traced();
    _exit(word == 0x4321 ? 5 : 6);
}

static void memory(void)
{
    long v = 0;
    pid_t pid = begin(writes_word);
    told("memory", pid);
    SHOW(trace(PTRACE_PEEKDATA, pid, (long)&word, (long)&v));
    printf("peeked %lx\n", v);
    SHOW(trace(PTRACE_PEEKDATA, pid, 0x10, (long)&v));
    SHOW(trace(PTRACE_PEEKDATA, pid, (long)&word, 0x10));
    SHOW(trace(PTRACE_POKEDATA, pid, (long)&word, 0x4321));
    SHOW(trace(PTRACE_POKEDATA, pid, 0x10, 1));
    SHOW(trace(PTRACE_CONT, pid, 0, 77));
    SHOW(trace(PTRACE_CONT, pid, 0, 0));
    told("memory", pid);
    SHOW(trace(PTRACE_CONT, pid, 0, 0));
    SHOW(trace(PTRACE_CONT, 1, 0, 0));
    SHOW(trace(PTRACE_SETOPTIONS, getpid(), 0, 0));
    SHOW(trace(PTRACE_ATTACH, 0x3ffffff, 0, 0));
}

/* ---- signals ---- */

static volatile int last;
static void on_signal(int sig, siginfo_t *si, void *c)
{
    last = sig * 1000 + si->si_value.sival_int % 1000;
}

static void gets_signals(void)
{
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    int seen[4];
    sigaction(SIGUSR1, &sa, NULL);
    sigaction(SIGUSR2, &sa, NULL);
    signal(SIGHUP, SIG_IGN);
    traced();
    for (int i = 0; i < 4; i++) {
        last = 0;
        sigqueue(getpid(), SIGUSR1, (union sigval){.sival_int = 7});
        seen[i] = last;
    }
    kill(getpid(), SIGHUP);
    kill(getpid(), SIGWINCH);
    kill(getpid(), SIGTERM);
    word = seen[0] == 10007 && seen[1] == 0 && seen[2] / 1000 == 12 && seen[3] == 10008;
    kill(getpid(), SIGTERM);
}

/* Blocked signals, of the process and of the thread. */
static void has_signals_waiting(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN + 1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    for (int i = 0; i < 3; i++)
        sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = 20 + i});
    syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
    traced();
}

static void waiting_signals(void)
{
    enum { SHARED = PTRACE_PEEKSIGINFO_SHARED };
    static const struct ptrace_peeksiginfo_args which[] = {
        {0, SHARED, 8}, {1, SHARED, 1}, {3, SHARED, 8}, {0, 0, 8},
        {1, 0, 8},      {0, 0, 0},      {0, 0, -1},     {0, 2, 1}};
    pid_t pid = begin(has_signals_waiting);
    told("waiting", pid);
    for (unsigned k = 0; k < sizeof(which) / sizeof(which[0]); k++) {
        siginfo_t si[8];
        long n = trace(PTRACE_PEEKSIGINFO, pid, (long)&which[k], (long)si);
        printf("waiting %u: %ld\n", k, n < 0 ? -errno : n);
        for (long i = 0; i < n; i++)
            printf("info %d %d %d %d\n", si[i].si_signo, si[i].si_code, si[i].si_pid == pid,
                   si[i].si_code == SI_QUEUE ? si[i].si_value.sival_int : 0);
    }
    SHOW(trace(PTRACE_PEEKSIGINFO, pid, 8, (long)&pid));
    SHOW(trace(PTRACE_PEEKSIGINFO, pid, (long)&which[3], 8));
    trace(PTRACE_CONT, pid, 0, 0);
    told("waiting", pid);
}

static void signals(void)
{
    siginfo_t si;
    uint64_t mask;
    long v = 0;
    pid_t pid = begin(gets_signals);
    told("signals", pid);
    SHOW(trace(PTRACE_GETSIGMASK, pid, 8, (long)&mask));
    SHOW(trace(PTRACE_GETSIGMASK, pid, 4, (long)&mask));
    printf("mask %llx\n", (unsigned long long)mask);
    for (int i = 0; i < 4; i++) {
        trace(PTRACE_CONT, pid, 0, 0);
        told("queued", pid);
        SHOW(trace(PTRACE_GETSIGINFO, pid, 0, (long)&si));
        printf("info %d %d %d %d\n", si.si_signo, si.si_code, si.si_pid == pid, si.si_value.sival_int);
        si.si_value.sival_int = 8;
        if (i == 3)
            SHOW(trace(PTRACE_SETSIGINFO, pid, 0, (long)&si));
        if (i == 0 || i == 3)
            trace(PTRACE_SYSCALL, pid, 0, SIGUSR1), waitpid(pid, NULL, 0);
        if (i == 2)
            trace(PTRACE_SYSCALL, pid, 0, SIGUSR2), waitpid(pid, NULL, 0);
    }
    for (int i = 0; i < 4; i++) {
        trace(PTRACE_CONT, pid, 0, 0);
        told(i == 0 ? "ignored" : "default", pid);
    }
    trace(PTRACE_PEEKDATA, pid, (long)&word, (long)&v);
    printf("as told: %ld\n", v);
    trace(PTRACE_CONT, pid, 0, SIGTERM);
    told("signals", pid);
}

static void faults(void)
{
    traced();
    *(volatile int *)16 = 1;
}

static void faulting(void)
{
    siginfo_t si;
    pid_t pid = begin(faults);
    told("fault", pid);
    for (int i = 0; i < 2; i++) {
        trace(PTRACE_CONT, pid, 0, 0);
        told("fault", pid);
        trace(PTRACE_GETSIGINFO, pid, 0, (long)&si);
        printf("info %d %d %p\n", si.si_signo, si.si_code, si.si_addr);
    }
    trace(PTRACE_CONT, pid, 0, SIGSEGV);
    told("fault", pid);
}

/* ---- system calls ---- */

static void calls_getppid(void)
{
    struct sock_filter f[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getppid, 0, 1),
                              BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | 33),
                              BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog prog = {4, f};
    traced();
    shared[0] = syscall(SYS_getppid, 1, 2, 3);
    shared[1] = syscall(SYS_getppid, 1, 2, 3);
    shared[2] = syscall(SYS_getppid, 1, 2, 3) == getpid();
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
    shared[3] = syscall(SYS_getppid, 1, 2, 3);
    shared[4] = syscall(SYS_getppid, 1, 2, 3) == getpid();
    shared[5] = getpid() == syscall(SYS_gettid);
}

/* To the next stop at getppid, before or behind it. */
static void to_getppid(pid_t pid, bool behind)
{
    struct ptrace_syscall_info info = {0};
    int status, found = 0;
    while (found < (behind ? 2 : 1)) {
        trace(PTRACE_SYSCALL, pid, 0, 0);
        if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
            break;
        trace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (long)&info);
        found += info.op == PTRACE_SYSCALL_INFO_ENTRY && info.entry.nr == SYS_getppid;
        found += found && info.op == PTRACE_SYSCALL_INFO_EXIT;
    }
    printf("stop %x op %d", WSTOPSIG(status), info.op);
    if (!behind)
        printf(" args %d %d %d", (int)info.entry.args[0], (int)info.entry.args[1], (int)info.entry.args[2]);
    printf("\n");
}

static void system_calls(void)
{
    struct ptrace_syscall_info info;
    long regs[N_REGS], message = 0;
    pid_t pid = begin(calls_getppid);
    told("calls", pid);
    SHOW(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESYSGOOD));
    SHOW(trace(PTRACE_SETOPTIONS, pid, 0, 1l << 22));
    to_getppid(pid, true); /* another result */
    get_regs(pid, regs);
    regs[RESULT] = 4242;
    set_regs(pid, regs);
    to_getppid(pid, false); /* no call */
    set_number(pid, -1);
    trace(PTRACE_SYSCALL, pid, 0, 0);
    told("no call", pid);
    get_regs(pid, regs);
    regs[RESULT] = 99;
    set_regs(pid, regs);
    to_getppid(pid, false); /* another call */
    set_number(pid, SYS_getpid);
    SHOW(trace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP));
    trace(PTRACE_CONT, pid, 0, 0);
    told("filter", pid);
    SHOW(trace(PTRACE_GETEVENTMSG, pid, 0, (long)&message));
    trace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, (long)&info);
    printf("data %ld op %d %d %d\n", message, info.op, info.seccomp.nr == SYS_getppid,
           (int)info.seccomp.ret_data);
    set_number(pid, -1);
    get_regs(pid, regs);
    regs[RESULT] = 77;
    set_regs(pid, regs);
    trace(PTRACE_CONT, pid, 0, 0);
    told("filter", pid);
    set_number(pid, SYS_getpid);
    trace(PTRACE_CONT, pid, 0, 0);
    told("calls", pid);
    printf("%ld %ld %ld, %ld %ld %ld\n", shared[0], shared[1], shared[2], shared[3], shared[4], shared[5]);
}

/* ---- events ---- */

static void *thread(void *arg)
{
    return arg;
}

static void has_children(void)
{
    pthread_t th;
    char *args[] = {self, "exit", NULL};
    traced();
    pid_t pid = fork();
    if (!pid)
        _exit(1);
    waitpid(pid, NULL, 0);
    pid = vfork();
    if (!pid)
        _exit(2);
    waitpid(pid, NULL, 0);
    pthread_create(&th, NULL, thread, NULL);
    pthread_join(th, NULL);
    execv(self, args);
}

static void events(void)
{
    int n[130] = {0}, begun = 0, others = 0, exits = 0, status, messages = 0, execs = 0;
    long message;
    pid_t pid = begin(has_children), who;
    told("events", pid);
    SHOW(trace(PTRACE_SETOPTIONS, pid, 0,
               PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                   PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT));
    trace(PTRACE_CONT, pid, 0, 0);
    while ((who = waitpid(-1, &status, __WALL)) > 0) {
        int sig = WSTOPSIG(status), deliver = 0;
        if (!WIFSTOPPED(status)) {
            exits++;
            continue;
        }
        if (status >> 16) {
            n[status >> 16]++;
            trace(PTRACE_GETEVENTMSG, who, 0, (long)&message);
            messages += (status >> 16) < PTRACE_EVENT_EXEC && message != who && kill(message, 0) == 0;
            execs += (status >> 16) == PTRACE_EVENT_EXEC && message == pid && who == pid;
        } else if (sig == SIGSTOP && who != pid) {
            begun++;
        } else {
            others++;
            deliver = sig;
        }
        trace(PTRACE_CONT, who, 0, deliver);
    }
    printf(
        "fork %d vfork %d clone %d exec %d done %d exit %d, begun %d, ended %d, others %d, messages %d %d\n",
        n[1], n[2], n[3], n[4], n[5], n[6], begun, exits, others, messages, execs);
}

static void execs(void)
{
    char *args[] = {self, "exit", NULL};
    traced();
    execv(self, args);
}

static void exec_without_event(void)
{
    siginfo_t si;
    pid_t pid = begin(execs);
    told("exec", pid);
    trace(PTRACE_CONT, pid, 0, 0);
    told("exec", pid);
    SHOW(trace(PTRACE_GETSIGINFO, pid, 0, (long)&si));
    printf("info %d %d %d\n", si.si_signo, si.si_code, si.si_pid == pid);
    trace(PTRACE_CONT, pid, 0, 0);
    told("exec", pid);
}

/* ---- attaching ---- */

static void spins(void)
{
    shared[1] = 0;
    while (!shared[1])
        shared[0]++;
    _exit(9);
}

static void wait_for(volatile long *v, long more)
{
    for (long was = *v; *v < was + more;)
        sched_yield();
}

static void attaching(void)
{
    extern char __executable_start[], etext[];
    long regs[N_REGS], v;
    siginfo_t si = {0};
    shared[0] = 0;
    pid_t pid = begin(spins);
    wait_for(shared, 100);
    for (int i = 0; i < 3; i++) {
        SHOW(trace(PTRACE_ATTACH, pid, 0, 0));
        SHOW(trace(PTRACE_ATTACH, pid, 0, 0));
        told("attached", pid);
        SHOW(trace(PTRACE_ATTACH, pid, 0, 0));
        get_regs(pid, regs);
        SHOW_BOOL(regs[PC] > (long)__executable_start && regs[PC] < (long)etext);
        v = shared[0];
        for (int k = 0; k < 100; k++)
            sched_yield();
        SHOW_BOOL(shared[0] == v);
        SHOW(trace(PTRACE_DETACH, pid, 0, 0));
        wait_for(shared, 100);
    }
    SHOW(trace(PTRACE_SEIZE, pid, 0, 1l << 22));
    SHOW(trace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACEEXIT));
    SHOW(trace(PTRACE_GETSIGINFO, pid, 0, (long)&si));
    SHOW(trace(PTRACE_INTERRUPT, pid, 0, 0));
    told("interrupted", pid);
    get_regs(pid, regs);
    SHOW_BOOL(regs[PC] > (long)__executable_start && regs[PC] < (long)etext);
    SHOW(trace(PTRACE_CONT, pid, 0, 0));
    wait_for(shared, 100);
    kill(pid, SIGSTOP);
    told("to be stopped", pid);
    SHOW(trace(PTRACE_CONT, pid, 0, SIGSTOP));
    told("group stop", pid);
    SHOW(trace(PTRACE_LISTEN, pid, 0, 0));
    kill(pid, SIGCONT);
    told("continued", pid);
    SHOW(trace(PTRACE_CONT, pid, 0, 0));
    told("continued", pid);
    SHOW(trace(PTRACE_CONT, pid, 0, SIGCONT));
    wait_for(shared, 100);
    shared[1] = 1;
    told("at its end", pid);
    SHOW(trace(PTRACE_GETEVENTMSG, pid, 0, (long)&v));
    printf("status %lx\n", v);
    SHOW(trace(PTRACE_CONT, pid, 0, 0));
    told("ended", pid);
}

static void sleeps(void)
{
    struct timespec ts = {0, 300000000}, rest = {0};
    shared[0] = 1;
    int r = nanosleep(&ts, &rest);
    _exit(r ? 20 + errno : 3);
}

/* Of a child that waits, and is not disturbed. */
static void attach_to_sleeper(void)
{
    siginfo_t si = {0};
    shared[0] = 0;
    pid_t pid = begin(sleeps);
    while (!shared[0])
        sched_yield();
    for (int i = 0; i < 3; i++) {
        trace(PTRACE_ATTACH, pid, 0, 0);
        SHOW(waitid(P_PID, pid, &si, WSTOPPED | WNOWAIT));
        printf("waitid %d %d %d\n", si.si_signo, si.si_code, si.si_status);
        SHOW(waitid(P_PID, pid, &si, WSTOPPED));
        printf("waitid %d %d %d\n", si.si_signo, si.si_code, si.si_status);
        SHOW(trace(PTRACE_DETACH, pid, 0, 0));
    }
    told("slept", pid);
}

/* ---- code ---- */

static __attribute__((noinline)) void place(void)
{
    __asm__ volatile("" ::: "memory");
    counter++;
}

static void comes_by(void)
{
    place();
    place();
    traced();
    place();
    place();
    _exit((int)counter);
}

static void breakpoints(void)
{
    long at = (long)place & ~1l, regs[N_REGS], was = 0, v;
    pid_t pid = begin(comes_by);
    told("code", pid);
    trace(PTRACE_PEEKTEXT, pid, at, (long)&was);
    v = was;
    memcpy(&v, break_code, BREAK_BYTES);
    SHOW(trace(PTRACE_POKETEXT, pid, at, v));
    trace(PTRACE_CONT, pid, 0, 0);
    told("breakpoint", pid);
    get_regs(pid, regs);
    SHOW_BOOL(regs[PC] == at + BREAK_AFTER);
    SHOW(trace(PTRACE_POKETEXT, pid, at, was));
    regs[PC] = at;
    set_regs(pid, regs);
#if !defined(__riscv) && !defined(__arm__)
    siginfo_t si;
    int good = 0;
    for (int i = 0; i < 12; i++) {
        int status = 0;
        trace(PTRACE_SINGLESTEP, pid, 0, 0);
        waitpid(pid, &status, 0);
        trace(PTRACE_GETSIGINFO, pid, 0, (long)&si);
        good += status == (SIGTRAP << 8 | 0x7f) && si.si_code == TRAP_TRACE;
    }
    printf("steps %d\n", good);
#else
    trace(PTRACE_SINGLESTEP, pid, 0, 0); /* there is none */
    printf("steps 12\n");
#endif
    trace(PTRACE_CONT, pid, 0, 0);
    told("code", pid);
}

/* ---- the tracer's end ---- */

static void tracer_ends(void)
{
    trace(PTRACE_SEIZE, (pid_t)shared[2], 0, 0);
    trace(PTRACE_INTERRUPT, (pid_t)shared[2], 0, 0);
    waitpid((pid_t)shared[2], NULL, __WALL);
    if (shared[3])
        trace(PTRACE_SETOPTIONS, (pid_t)shared[2], 0, PTRACE_O_EXITKILL);
    else
        trace(PTRACE_CONT, (pid_t)shared[2], 0, 0);
    kill(getpid(), SIGKILL);
}

static void without_tracer(int kill_too)
{
    shared[0] = 0;
    pid_t pid = begin(spins);
    wait_for(shared, 100);
    shared[2] = pid;
    shared[3] = kill_too;
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
    pid_t tracer = begin(tracer_ends);
    told("tracer", tracer);
    if (!kill_too) {
        wait_for(shared, 100);
        kill(pid, SIGUSR1);
    }
    told("traced", pid);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1)
        return 7;
    shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    thread_areas();
    memory();
    signals();
    waiting_signals();
    faulting();
    system_calls();
    events();
    exec_without_event();
    attaching();
    attach_to_sleeper();
    breakpoints();
    without_tracer(0);
    without_tracer(1);
    return 0;
}
