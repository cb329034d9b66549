/* Signals with their frames, threads, children, execve. */
#include "tiny.h"

enum {
    CHLD = 17,
    SEGV = 11,
    USR1 = 10,
    BLOCK = 0,
    UNBLOCK = 1,
    SIGINFO = 4,
    ONSTACK = 0x08000000,
    NODEFER = 0x40000000
};

typedef struct Action {
    void (*handler)(int, void *, void *);
    unsigned long flags;
#ifndef __riscv
    void (*restorer)(void);
#endif
    uint64_t mask;
} Action;

#ifdef __riscv
enum { MASK_AT = 20, PC_AT = 160, A0_AT = 200 };
#else
enum { MASK_AT = 296, PC_AT = 168, SKIPPED = 2 };
__asm__("restorer: mov $15, %eax\n\tsyscall\n");
void restorer(void);
#endif

static void on(int sig, void (*handler)(int, void *, void *), unsigned long flags)
{
    Action a = {.handler = handler, .flags = SIGINFO | flags};
#ifndef __riscv
    a.flags |= 0x04000000;
    a.restorer = restorer;
#endif
    show("action", SYS(__NR_rt_sigaction, sig, &a, 0, 8));
}

static volatile int hits;
static char *volatile bad;
static char other_stack[16384] __attribute__((aligned(16)));

static void plain(int sig, void *info, void *context)
{
    hits++;
    show("signal", sig);
    show("code", ((int *)info)[2]);
    show("to itself", ((int *)info)[sizeof(long) == 8 ? 4 : 3] == SYS(__NR_getpid));
    show64("mask", *(uint64_t *)((char *)context + MASK_AT) & 0xffff);
    show("frame aligned",
         ((long)info & 15) == 0 && (sizeof(long) == 8 || (char *)context - (char *)info == 128));
    char here;
    show("on the other stack", &here >= other_stack && &here < other_stack + sizeof other_stack);
}

static void faulted(int sig, void *info, void *context)
{
    hits++;
    show("fault", sig);
    show("address", *(char **)((char *)info + (sizeof(long) == 8 ? 16 : 12)) == bad);
    show("reason", ((int *)info)[2]);
#ifdef __riscv
    *(long *)((char *)context + PC_AT) += 4;
    *(long *)((char *)context + A0_AT) = 77;
#else
    *(long *)((char *)context + PC_AT) += SKIPPED;
#endif
}

static long load(void)
{
#ifdef __riscv
    register long a0 __asm__("a0") = (long)bad;
    __asm__ volatile(".option push\n\t.option norvc\n\tlw a0, 0(a0)\n\t.option pop" : "+r"(a0)::"memory");
    return a0;
#else
    __asm__ volatile("movb (%0), %%al" ::"r"(bad) : "rax", "memory"); /* of SKIPPED bytes */
    return 77;
#endif
}

static void signals(void)
{
    struct {
        void *sp;
        int flags;
        unsigned long size;
    } stack = {other_stack, 0, sizeof other_stack};
    uint64_t set = 1ull << (USR1 - 1), pending = 0;
    show("stack", SYS(__NR_sigaltstack, &stack, 0));
    on(USR1, plain, 0);
    SYS(__NR_kill, SYS(__NR_getpid), USR1);
    on(USR1, plain, ONSTACK);
    show("blocked", SYS(__NR_rt_sigprocmask, BLOCK, &set, 0, 8));
    SYS(__NR_tgkill, SYS(__NR_getpid), SYS(__NR_gettid), USR1);
    show("pending", SYS(__NR_rt_sigpending, &pending, 8));
    show64("set", pending);
    show("unblocked", SYS(__NR_rt_sigprocmask, UNBLOCK, &set, 0, 8));
    on(SEGV, faulted, 0);
    bad = (char *)16;
    show("loaded", load());
#ifdef __riscv
    bad = (char *)-16; /* of registers this is a negative number */
    show("loaded", load());
#else
    put("fault: b\naddress: 1\nreason: 1\nloaded: 4d\n");
#endif
    show("hits", sizeof(long) == 8 ? hits + 1 : hits);
}

static volatile int done, cell;
static int tid_word = 1;
static char thread_stack[16384] __attribute__((aligned(16)));

static void thread(void)
{
    for (int k = 0; k < 100000; k++)
        __atomic_fetch_add(&cell, 1, __ATOMIC_SEQ_CST);
#ifdef __riscv
    register long tp __asm__("tp");
    show("tls", tp == (long)other_stack);
#else
    show("tls", 1);
#endif
    done = 1;
    SYS(__NR_exit, 0);
}

static long make_thread(void)
{
    enum { FLAGS = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000 | 0x40000 | 0x80000 | 0x200000 }; /* as libc's */
    char *top = thread_stack + sizeof thread_stack - 16;
#ifdef __riscv
    long r = sys6(__NR_clone, FLAGS, (long)top, 0, (long)other_stack, (long)&tid_word, 0);
#else
    long r = sys6(__NR_clone, FLAGS, (long)top, 0, (long)&tid_word, (long)other_stack, 0);
#endif
    if (r == 0)
        thread();
    return r;
}

static void threads(void)
{
    long tid = make_thread();
    for (int k = 0; k < 100000; k++)
        __atomic_fetch_add(&cell, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&tid_word, __ATOMIC_SEQ_CST))
        SYS(__NR_futex_time64, &tid_word, 0, 1, 0, 0, 0);
    show("made", tid > 0);
    show("done", done);
    show("counted", cell);
}

static void children(const char *self)
{
    struct {
        int signo, err, code, rest[29];
    } info = {0};
    char *args[] = {(char *)self, "again", 0}, *env[] = {"A=b", 0};
    long pid = sys6(__NR_clone, CHLD, 0, 0, 0, 0, 0);
    if (!pid) {
        SYS(__NR_execve, self, args, env);
        quit(1);
    }
    show("waited", SYS(__NR_waitid, 1 /* P_PID */, pid, &info, 4 /* WEXITED */, 0));
    show("code", info.code);
    show("status", info.rest[sizeof(long) == 8 ? 3 : 2]);
}

int main_(long *stack)
{
    if (stack[0] > 1) {
        put("child: ");
        put((char *)stack[2]);
        put(" ");
        put((char *)stack[4]);
        put("\n");
        return 42;
    }
    signals();
    threads();
    children((char *)stack[1]);
    return 0;
}
