/* Debug registers by ptrace: breakpoints and watchpoints of the processor, in one thread and in several, what
 * is left of them in children and new programs, values that are refused. Each stop has one point, which is
 * gone when the thread goes on: so x86, which tells of an access that was made, and Arm, which tells before,
 * print the same. */
#include "user.h"

#include <elf.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { READ = 1, WRITE = 2, EXECUTE = 4 };

static char *self;
static volatile struct {
    long before;
    unsigned char byte[8];
    long after;
} cell __attribute__((aligned(16)));

static long trace(long request, pid_t pid, long addr, long data)
{
    return syscall(SYS_ptrace, request, pid, addr, data);
}

/* ---- points: number 0 to 3 of each kind; how 0 takes it away ---- */

#if defined(__x86_64__) || defined(__i386__)
#ifdef __x86_64__
enum { DEBUG_AT = 848, PC = 16, N_REGS = 27 };
#else
enum { DEBUG_AT = 252, PC = 12, N_REGS = 17 };
#endif

static long get_dr(pid_t pid, unsigned n)
{
    long v = -1;
    return trace(PTRACE_PEEKUSER, pid, DEBUG_AT + n * sizeof(long), (long)&v) ? -errno : v;
}

static long set_dr(pid_t pid, unsigned n, long v)
{
    return trace(PTRACE_POKEUSER, pid, DEBUG_AT + n * sizeof(long), v);
}

static long point(pid_t pid, unsigned n, int how, const volatile void *at, unsigned bytes)
{
    static const unsigned char length[] = {0, 0, 1, 0, 3, 0, 0, 0, 2};
    unsigned long control = get_dr(pid, 7) & ~(15ul << (16 + 4 * n)) & ~(3ul << (2 * n));
    if (!how)
        return set_dr(pid, 7, control);
    unsigned kind = how == EXECUTE ? 0 : how == WRITE ? 1 : 3;
    if (set_dr(pid, n, (long)at))
        return -1;
    return set_dr(pid, 7,
                  control | 1ul << (2 * n) |
                      (unsigned long)(kind | (how == EXECUTE ? 0 : length[bytes] << 2)) << (16 + 4 * n));
}
#elif defined(__aarch64__)
enum { PC = 32, N_REGS = 34 };

static long point(pid_t pid, unsigned n, int how, const volatile void *at, unsigned bytes)
{
    struct {
        uint32_t info, pad;
        struct {
            uint64_t at;
            uint32_t control, pad;
        } reg[16];
    } s = {0};
    static int which[2] = {0x403, 0x402}; /* NT_ARM_HW_WATCH, NT_ARM_HW_BREAK */
    for (int k = how ? how == EXECUTE : 0; k <= (how ? how == EXECUTE : 1); k++) {
        struct iovec v = {&s, sizeof s};
        if (trace(PTRACE_GETREGSET, pid, which[k], (long)&v))
            return -1;
        if ((s.info & 0xff) != (k ? 6 : 4) || s.info >> 8 != 6 || v.iov_len != sizeof s)
            printf("debug registers: %x %zu\n", s.info, v.iov_len);
        long low = (long)at & 7;
        s.reg[n].at = k ? (long)at : (long)at & -8;
        s.reg[n].control = how ? (how & 3) << 3 | ((1u << bytes) - 1) << (5 + (k ? 0 : low)) | 1 : 0;
        v.iov_len = 8 + 16 * (s.info & 0xff);
        if (trace(PTRACE_SETREGSET, pid, which[k], (long)&v))
            return -1;
    }
    return 0;
}
#elif defined(__arm__)
enum { PC = 15, N_REGS = 18 };

static long set_number(pid_t pid, int number, unsigned v)
{
    unsigned back = 0;
    if (trace(30, pid, number, (long)&v))
        return -1;
    if (trace(29, pid, number, (long)&back) || (back ^ v) & ~6)
        printf("debug register %d: %x %x\n", number, back, v);
    return 0;
}

static long point(pid_t pid, unsigned n, int how, const volatile void *at, unsigned bytes)
{
    unsigned info = 0, low = (long)at & 3 & (how == EXECUTE ? 2 : 3);
    if (trace(29, pid, 0, (long)&info) || info != 0x06080406)
        printf("debug registers: %x\n", info);
    int number = 2 * n + 1;
    if (!how)
        return set_number(pid, number + 1, 0) | set_number(pid, -number - 1, 0);
    if (how != EXECUTE)
        number = -number;
    return set_number(pid, number, (long)at & -4) ||
           set_number(pid, number < 0 ? number - 1 : number + 1,
                      (how & 3) << 3 | ((1u << bytes) - 1) << (5 + low) | 1);
}
#endif

static unsigned long pc_of(pid_t pid)
{
    unsigned long regs[N_REGS];
    struct iovec v = {regs, sizeof regs};
    return trace(PTRACE_GETREGSET, pid, NT_PRSTATUS, (long)&v) ? 0 : regs[PC];
}

static void clear(pid_t pid)
{
    for (unsigned k = 0; k < 4; k++)
        if (point(pid, k, 0, NULL, 0))
            printf("point %u: %s\n", k, strerrorname_np(errno));
}

/* ---- who is looked at ---- */

#ifdef __thumb__
enum { INSN = 2, ADDRESS = -2 };
#elif defined(__x86_64__) || defined(__i386__)
enum { INSN = 1, ADDRESS = -1 };
#else
enum { INSN = 4, ADDRESS = -1 };
#endif

__attribute__((noinline)) static int called(int n)
{
    __asm__ volatile("" ::: "memory");
    return n + 1;
}

static const void *entry(int (*f)(int))
{
    return (const void *)((long)f & ADDRESS);
}

/* The number's low byte is what it does; a SIGSTOP goes before. */
static void act(int what)
{
    raise(SIGSTOP);
    switch (what) {
    case 'c': cell.before += called(what); break;
    case 'w': cell.byte[4] = 5; break;
    case 'r': cell.before += cell.byte[4]; break;
    case 'n':
        cell.byte[3] = cell.byte[5] = 6;
        cell.after++;
        break;
    case 'l': *(volatile long *)&cell.byte[8 - sizeof(long)] = 7; break;
    case 'a': __atomic_fetch_add(&cell.byte[4], 1, __ATOMIC_SEQ_CST); break;
    case 'm': memset((void *)cell.byte, called(what), 8); break;
    case 'k': getrandom((void *)cell.byte, 8, 0); break; /* by the kernel */
    }
}

static pid_t begin(const char *what)
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid)
        return pid;
    trace(PTRACE_TRACEME, 0, 0, 0);
    for (; *what; what++)
        act(*what);
    _exit(cell.byte[4] == 5 ? 5 : 1);
}

/* What it stopped for. True: a point. */
static bool told(const char *what, pid_t pid)
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
    return WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP;
}

static void go(pid_t pid)
{
    if (trace(PTRACE_CONT, pid, 0, 0))
        printf("cont: %s\n", strerrorname_np(errno));
}

static void one_each(void)
{
    static const struct {
        const char *name;
        int how;
        const volatile void *at;
        unsigned bytes;
    } points[] = {
        {"call", EXECUTE, NULL, INSN},
        {"write", WRITE, &cell.byte[4], 1},
        {"read", READ | WRITE, &cell.byte[4], 1},
        {"written, not read", WRITE, &cell.byte[4], 1},
        {"neighbours", READ | WRITE, &cell.byte[4], 1},
        {"wider", WRITE, &cell.byte[4], 2},
        {"atomic", WRITE, &cell.byte[4], 4},
        {"memset", WRITE, &cell.byte[6], 2},
        {"kernel", READ | WRITE, &cell.byte[4], 4},
    };
    pid_t pid = begin("cwrrnlamkw");
    for (unsigned k = 0; k < sizeof points / sizeof points[0]; k++) {
        const volatile void *at = points[k].at ? points[k].at : entry(called);
        told(points[k].name, pid);
        SHOW(point(pid, k % 4, points[k].how, at, points[k].bytes));
        go(pid);
        if (k == 3 || k == 4 || k == 8)
            continue; /* not hit: the next is the SIGSTOP, with the point still there */
        bool hit = told(points[k].name, pid);
        if (hit && k == 0)
            SHOW_BOOL(pc_of(pid) == (unsigned long)at);
        clear(pid);
        go(pid);
    }
    told("last", pid);
    clear(pid);
    go(pid);
    told("end", pid);
}

/* ---- threads: a breakpoint of one is no other's ---- */

static volatile int turn;

static void *other_thread(void *arg)
{
    for (int k = 0; k < 1000; k++)
        cell.after += called(k);
    turn = 1;
    return NULL;
}

static void threads(void)
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        trace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        pthread_t t;
        pthread_create(&t, NULL, other_thread, NULL);
        pthread_join(t, NULL);
        cell.after = called(3);
        pid_t child = fork(); /* has none */
        if (!child)
            _exit(called(7));
        int status;
        waitpid(child, &status, 0);
        printf("child of the traced: %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
        fflush(stdout);
        execl(self, self, "again", NULL);
        _exit(99);
    }
    told("thread", pid);
    SHOW(point(pid, 1, EXECUTE, entry(called), INSN));
    go(pid);
    told("thread", pid);
    SHOW_BOOL(pc_of(pid) == (unsigned long)entry(called));
#if defined(__x86_64__) || defined(__i386__)
    go(pid); /* is passed, and is there the next time: none here */
#else
    point(pid, 1, 0, NULL, 0);
    trace(PTRACE_CONT, pid, 0, 0);
#endif
    told("child", pid);
    go(pid);
    told("exec", pid);
    go(pid);
    told("again", pid);
}

int main(int argc, char **argv)
{
    self = argv[0];
    if (argc > 1)
        return called(11) == 12 ? 12 : 1;
    one_each();
    threads();
    return 0;
}
