/* int 0x80 in a 64-bit program, in its 64-bit and its 32-bit code: calls of i386, by their numbers, registers
 * and structures; what results leave in rax; handlers that such a call has set, whose frames are i386's;
 * calls that a signal interrupts; filters. Native and guest are the same program: the host's kernel says what
 * is right. */
#include "user.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

enum { LOW_BYTES = 1 << 18, STACK_AT = 1 << 17, DATA_AT = 1 << 16 };
/* asm/unistd_32.h */
enum {
    N_READ = 3,
    N_WRITE = 4,
    N_OPEN = 5,
    N_CLOSE = 6,
    N_GETPID = 20,
    N_KILL = 37,
    N_PIPE = 42,
    N_MMAP = 90,
    N_MUNMAP = 91,
    N_SETITIMER = 104,
    N_CLONE = 120,
    N_LLSEEK = 140,
    N_WRITEV = 146,
    N_NANOSLEEP = 162,
    N_POLL = 168,
    N_SIGACTION = 67,
    N_RT_SIGACTION = 174,
    N_MMAP2 = 192,
    N_FSTAT64 = 197,
    N_GETTID = 224,
    N_FSTAT = 108,
    N_ARCH_PRCTL = 384,
    N_CLOCK_GETTIME64 = 403
};

extern uint8_t blob[], blob_end[], by_call[], f_call[], f_handler[], f_restorer[], f_rt_restorer[], f_seen[];
__asm__(".text\n.balign 64\nblob:\n"
        /* (long r[8], stack, where to): rax, rbx, rcx, rdx, rsi, rdi, rbp */
        "by_call: push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "mov %rdi, %r15; mov %rsp, %r14; mov %rsi, %rsp; sub $8, %rsp; mov %edx, (%rsp); movl $0x23, "
        "4(%rsp); mov %rsp, %r13\n"
        "mov (%r15), %rax; mov 8(%r15), %rbx; mov 16(%r15), %rcx; mov 24(%r15), %rdx; mov 32(%r15), %rsi; "
        "mov 40(%r15), %rdi\n"
        "mov 48(%r15), %rbp; lcall *(%r13)\n"
        "mov %rax, (%r15); mov %r14, %rsp; pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx; ret\n"
        ".code32\n"
        "f_call: int $0x80; lret\n"
        /* a handler of 32 bits notes its argument, its cs, and where the frame has eip and cs */
        "f_handler: mov 4(%esp), %eax; mov %cs, %edx; call 1f; 1: pop %ecx; add $(f_seen - 1b), %ecx\n"
        "incl 12(%ecx); mov %eax, (%ecx); mov %edx, 4(%ecx); movzwl 68(%esp), %eax; mov %eax, 8(%ecx); ret\n"
        "f_restorer: pop %eax; mov $119, %eax; int $0x80\n"
        "f_rt_restorer: mov $173, %eax; int $0x80\n"
        ".balign 64; f_seen: .fill 8, 4, 0\n"
        ".code64\nblob_end:\n");

static uint8_t *low, *data;

static void *moved(const uint8_t *p)
{
    return low + (p - blob);
}
static long low32(const void *p)
{
    return (long)(uintptr_t)p;
}

static long call(long nr, long a, long b, long c, long d, long e, long f)
{
    long r;
    register long r_f __asm__("r9") = f; /* rbp is the compiler's */
    __asm__ volatile("push %%rbp; mov %%r9, %%rbp; int $0x80; pop %%rbp"
                     : "=a"(r)
                     : "0"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "r"(r_f)
                     : "memory", "cc");
    return r;
}
#define CALL(nr, ...) CALL6(nr, __VA_ARGS__, 0, 0, 0, 0, 0, 0)
#define CALL6(nr, a, b, c, d, e, f, ...)                                                                     \
    call(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

/* The same from code of 32 bits. */
static long call32(long nr, long a, long b, long c)
{
    long r[8] = {nr, a, b, c};
    ((void (*)(long *, void *, long))moved(by_call))(r, low + STACK_AT, low32(moved(f_call)));
    return r[0];
}

static void results(void)
{
    const long upper = 0x7777777700000000;
    printf("getpid: %d %d\n", CALL(N_GETPID, 0) == getpid(), call32(N_GETPID, 0, 0, 0) == getpid());
    printf("no call: %lx %lx\n", CALL(9999, 0), call32(9999, 0, 0, 0));
    printf("of 32 bits: %d\n", CALL(upper | N_GETPID, 0) == getpid());
    printf("bad descriptor: %lx\n", CALL(N_CLOSE, upper | 0xffffffff));
    long keep[4] = {1, 2, 3, 4}, r;
    __asm__ volatile("mov %1, %%r8; lea 1(%1), %%r9; lea 2(%1), %%r10; lea 3(%1), %%r11; stc; int $0x80\n"
                     "setc %%cl; movzx %%cl, %%ecx; mov %%r8, %2; mov %%r9, %3; mov %%r10, %4; mov %%r11, %5"
                     : "=a"(r), "+d"(keep[0]), "=m"(keep[0]), "=m"(keep[1]), "=m"(keep[2]), "=m"(keep[3])
                     : "0"((long)N_GETPID)
                     : "rcx", "r8", "r9", "r10", "r11", "memory");
    printf("registers: %ld %ld %ld %ld\n", keep[0], keep[1], keep[2], keep[3]);
    puts("write");
    strcpy((char *)data, "from below 4 GiB\n");
    fflush(stdout);
    CALL(N_WRITE, 1, low32(data), 17);
    call32(N_WRITE, 1, low32(data), 17);
    static char high[] = "high\n"; /* without the upper half its address is another */
    char *far_up = mmap((void *)0x100000000000, 4096, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    memcpy(far_up, high, sizeof high);
    printf("high: %ld\n", CALL(N_WRITE, 1, far_up, 5));
}

static void structures(void)
{
    uint32_t iov[4] = {(uint32_t)low32(data), 5, (uint32_t)low32(data + 5), 12};
    memcpy(data + 512, iov, sizeof iov);
    fflush(stdout);
    show("writev", CALL(N_WRITEV, 1, data + 512, 2));
    strcpy((char *)data, "file");
    long fd = CALL(N_OPEN, data, O_RDWR | O_CREAT | O_TRUNC, 0600);
    show("open", fd >= 0);
    show("write", CALL(N_WRITE, fd, low, 1000));
    memset(data, 0x55, 256);
    show("fstat64", CALL(N_FSTAT64, fd, data));
    uint64_t size;
    memcpy(&size, data + 44, 8);
    printf("size %ld mode %o end %x\n", (long)size, *(uint32_t *)(void *)(data + 16), data[96]);
    show("fstat", CALL(N_FSTAT, fd, data));
    printf("size %d\n", *(int *)(void *)(data + 20));
    show("_llseek", CALL(N_LLSEEK, fd, 1, 2, data, SEEK_SET));
    printf("at %lx\n", *(long *)(void *)data);
    show("close", CALL(N_CLOSE, fd));
    uint32_t ts[2] = {0, 1000000};
    memcpy(data, ts, sizeof ts);
    show("nanosleep", CALL(N_NANOSLEEP, data, 0));
    ts[1] = 1000000000;
    memcpy(data, ts, sizeof ts);
    show("nanosleep", CALL(N_NANOSLEEP, data, 0));
    show("clock_gettime64", CALL(N_CLOCK_GETTIME64, CLOCK_MONOTONIC, data));
    show("arch_prctl", CALL(N_ARCH_PRCTL, 0x1002, data)); /* ARCH_SET_FS is none of theirs */
    long at = CALL(N_MMAP2, 0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("mmap2: %d %d\n", at > 0, at >> 32 == 0);
    *(int *)at = 5;
    show("munmap", CALL(N_MUNMAP, at, 8192));
}

/* ---- signals ---- */

static void print_seen(const char *what)
{
    uint32_t *seen = moved(f_seen);
    printf("%s: %u times, signal %u here %x there %x\n", what, seen[3], seen[0], seen[1], seen[2]);
    memset(seen, 0, 16);
}

static volatile int handled;

static void on_alarm(int sig)
{
    handled++;
}

static void *write_late(void *end)
{
    usleep(150000);
    write(*(int *)end, "x", 1);
    return NULL;
}

static void signals(void)
{
    uint32_t act[5] = {(uint32_t)low32(moved(f_handler)), 0x04000000, (uint32_t)low32(moved(f_restorer))},
             old[5];
    memcpy(data, act, sizeof act);
    show("rt_sigaction", CALL(N_RT_SIGACTION, SIGUSR1, data, 0, 8));
    show("kill", call32(N_KILL, getpid(), SIGUSR1, 0));
    print_seen("handler of 32 bits");
    show("kill", call32(N_KILL, getpid(), SIGUSR1, 0));
    print_seen("once more");
    show("rt_sigaction", CALL(N_RT_SIGACTION, SIGUSR1, 0, data, 8));
    memcpy(old, data, sizeof old);
    printf("flags %x, handler %d\n", old[1], old[0] == act[0]);
    struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
    sigaction(SIGUSR1, &sa, NULL); /* and one of 64 */
    show("kill", call32(N_KILL, getpid(), SIGUSR1, 0));
    show("kill", CALL(N_KILL, getpid(), SIGUSR1));
    printf("handled %d\n", handled);
    print_seen("not by it");
    /* read, that a signal interrupts, goes on */
    int ends[2];
    pipe(ends);
    sigaction(SIGALRM, &sa, NULL);
    struct itimerval it = {{0, 20000}, {0, 20000}}, off = {0};
    pthread_t th;
    pthread_create(&th, NULL, write_late, &ends[1]);
    setitimer(ITIMER_REAL, &it, NULL);
    show("read", CALL(N_READ, ends[0], data, 1));
    setitimer(ITIMER_REAL, &off, NULL);
    pthread_join(th, NULL);
    printf("with alarms: %d\n", handled > 3);
    sa.sa_flags = 0;
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
    show("read", CALL(N_READ, ends[0], data, 1));
    show("poll", call32(N_POLL, 0, 0, 3000));
    setitimer(ITIMER_REAL, &off, NULL);
}

static void processes(void)
{
    fflush(stdout);
    long pid = CALL(N_CLONE, SIGCHLD, 0, 0, 0, 0);
    if (!pid)
        _exit((int)CALL(N_GETTID, 0) == getpid() ? 7 : 8);
    int status;
    waitpid((int)pid, &status, 0);
    printf("child: %x\n", status);
}

/* A filter sees whose number it is. */
static void filters(void)
{
    struct sock_filter insn[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, N_GETPID, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 42),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = {sizeof insn / sizeof *insn, insn};
    fflush(stdout);
    if (!fork()) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        show("seccomp", syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog));
        printf("getpid: %ld %ld, writev: %ld\n", CALL(N_GETPID, 0), call32(N_GETPID, 0, 0, 0),
               syscall(SYS_writev, 1, 0, 0));
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
}

int main(void)
{
    setbuf(stdout, NULL);
    low = mmap(NULL, LOW_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
               -1, 0);
    data = low + DATA_AT;
    memcpy(low, blob, (size_t)(blob_end - blob));
    __asm__ volatile("mov %0, %%ds; mov %0, %%es" ::"r"(0x2b));
    results();
    structures();
    signals();
    processes();
    filters();
    return 0;
}
