/* A 32-bit Arm program that puts a watchpoint and a breakpoint on its child by ptrace (PTRACE_SETHBPREGS),
 * and one on itself by perf_event_open(), which the kernel has to step over each time. Says DEBUG-OK. */
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* <asm/ptrace.h>, arch/arm/kernel/ptrace.c: register 0 says what there is; 2 n + 1 and 2 n + 2 are address
 * and control of breakpoint n, the negative ones those of watchpoints. */
enum { GETHBPREGS = 29, SETHBPREGS = 30 };
enum { HBP_ON = 1, HBP_USER = 2 << 1, HBP_EXECUTE = 0, HBP_LOAD = 1 << 3, HBP_STORE = 2 << 3 };
enum { REG_PC = 15, WRITES = 5 };
#define HBP_BYTES(n) ((unsigned)((1 << (n)) - 1) << 5)

static volatile unsigned watched[2], called;

#define CHECK(c)                                                                                             \
    do {                                                                                                     \
        if (!(c)) {                                                                                          \
            printf("line %d: not %s\n", __LINE__, #c);                                                       \
            exit(1);                                                                                         \
        }                                                                                                    \
    } while (0)

static __attribute__((noinline)) void function(void)
{
    called++;
}

static void child(void)
{
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    watched[1] = 1;
    watched[0] = 2;
    function();
    exit(watched[0] + called == 3 ? 0 : 1);
}

static void set(pid_t pid, long reg, unsigned v)
{
    if (ptrace(SETHBPREGS, pid, (void *)reg, &v) != 0) {
        printf("register %ld: %s\n", reg, strerror(errno));
        exit(1);
    }
}

/* The child goes on until it stops by that register. */
static siginfo_t next_stop(pid_t pid, int number)
{
    enum { BY_HARDWARE = 4 /* TRAP_HWBKPT */ };
    siginfo_t info;
    int status;
    CHECK(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    CHECK(ptrace(PTRACE_GETSIGINFO, pid, NULL, &info) == 0);
    CHECK(info.si_code == BY_HARDWARE);
    CHECK(info.si_errno == number);
    return info;
}

static void by_ptrace(void)
{
    unsigned have = 0, regs[18], at = (unsigned)function & ~1u, len = (unsigned)function & 1 ? 2 : 4;
    const unsigned store = HBP_USER | HBP_STORE | HBP_BYTES(4),
                   execute = HBP_USER | HBP_EXECUTE | HBP_BYTES(len);
    int status;
    pid_t pid = fork();
    if (pid == 0)
        child();
    CHECK(waitpid(pid, &status, 0) == pid && WIFSTOPPED(status));
    CHECK(ptrace(GETHBPREGS, pid, NULL, &have) == 0);
    printf("version %u, watchpoints of %u bytes: %u, breakpoints: %u\n", have >> 24, have >> 16 & 255,
           have >> 8 & 255, have & 255);
    set(pid, -1, (unsigned)&watched[0]);
    set(pid, -2, HBP_ON | store);
    set(pid, 1, at);
    set(pid, 2, HBP_ON | execute);
    siginfo_t info = next_stop(pid, -1);
    CHECK((unsigned)info.si_addr == (unsigned)&watched[0]);
    CHECK(ptrace(PTRACE_PEEKDATA, pid, (void *)&watched[0], NULL) == 0); /* not yet */
    CHECK(ptrace(PTRACE_PEEKDATA, pid, (void *)&watched[1], NULL) == 1);
    set(pid, -2, store); /* off */
    info = next_stop(pid, 1);
    CHECK((unsigned)info.si_addr == at);
    CHECK(ptrace(PTRACE_GETREGS, pid, NULL, regs) == 0);
    CHECK(regs[REG_PC] == at);
    CHECK(ptrace(PTRACE_PEEKDATA, pid, (void *)&watched[0], NULL) == 2);
    set(pid, 2, execute);
    CHECK(ptrace(PTRACE_CONT, pid, NULL, NULL) == 0);
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void by_perf(unsigned type, unsigned long address, unsigned long len, unsigned times)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_BREAKPOINT,
                                   .size = sizeof(attr),
                                   .bp_type = type,
                                   .bp_addr = address,
                                   .bp_len = len,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1};
    unsigned long long count = 0;
    int fd = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
    if (fd < 0) {
        printf("perf_event_open, type %u: %s\n", type, strerror(errno));
        exit(1);
    }
    for (unsigned k = 0; k < WRITES; k++) {
        watched[0] = k;
        function();
    }
    CHECK(read(fd, &count, sizeof(count)) == sizeof(count));
    if (count != times)
        printf("%llu instead of %u\n", count, times);
    CHECK(count == times);
    close(fd);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    by_ptrace();
    by_perf(HW_BREAKPOINT_RW, (unsigned long)&watched[0], HW_BREAKPOINT_LEN_4, WRITES);
    bool thumb = (unsigned long)function & 1;
    if (!thumb) /* the length must be that of two instructions there, which would both count */
        by_perf(HW_BREAKPOINT_X, (unsigned long)function, sizeof(long), WRITES);
    printf("DEBUG-OK %s\n", thumb ? "thumb" : "arm");
    return 0;
}
