/* Pointers beyond the end of a program's addresses, where an emulator has its own memory: EFAULT in every
 * call. */
#include "user.h"

#include <sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#define CALL(name, ...) show_ok(#name, syscall(SYS_##name, ##__VA_ARGS__))

/* Writable memory of this process that is not the program's: asked for from outside. */
static char *foreign_memory(void)
{
    char command[64], line[512], perms[8];
    unsigned long start, end, top = (unsigned long)&command, found = 0;
    snprintf(command, sizeof command, "cat /proc/%d/maps", getpid());
    FILE *f = popen(command, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) == 3 && start > top &&
            !strncmp(perms, "rw", 2) && !found)
            found = start;
    }
    if (f)
        pclose(f);
    return found ? (char *)found : (char *)0xffff888000000000;
}

static void files(char *high)
{
    int fd = open("file", O_RDWR | O_CREAT, 0600), dir = open(".", O_RDONLY), p[2];
    pipe(p);
    write(fd, "0123456789abcdef", 16);
    write(p[1], "0123456789abcdef", 16);
    CALL(read, p[0], high, 4);
    CALL(write, p[1], high, 4);
    CALL(pread64, fd, high, 4, 0);
    CALL(pwrite64, fd, high, 4, 0);
    char good[8];
    struct iovec v[2] = {{good, 4}, {high, 4}};
    CALL(readv, p[0], v, 2);
    CALL(writev, p[1], v, 2);
    CALL(preadv, fd, v, 2, 0, 0);
    CALL(pwritev, fd, v, 2, 0, 0);
    CALL(readv, p[0], high, 1);
    CALL(readv, 99, high, 1);
    CALL(read, 99, high, 1);
    v[1].iov_len = 0;
    CALL(openat, AT_FDCWD, high, O_RDONLY);
    CALL(faccessat, AT_FDCWD, high, 0);
    CALL(newfstatat, AT_FDCWD, "file", high, 0);
    CALL(fstat, fd, high);
    CALL(statx, AT_FDCWD, "file", 0, STATX_BASIC_STATS, high);
    CALL(statfs, ".", high);
    CALL(getdents64, dir, high, 4096);
    CALL(getcwd, high, 4096);
    CALL(readlinkat, AT_FDCWD, "/proc/self/exe", high, 100);
    CALL(readlinkat, AT_FDCWD, "/proc/self/cwd", high, 100);
    CALL(fcntl, fd, F_GETLK, high);
    CALL(fcntl, fd, F_SETLK, high);
    CALL(ioctl, p[0], FIONREAD, high);
    CALL(pipe2, high, 0);
    CALL(getrandom, high, 8, 0);
    CALL(sendfile, fd, fd, high, 4);
    struct { int fd; short events, revents; } poll_fd;
    CALL(ppoll, high, 1, NULL, NULL, 8);
    CALL(pselect6, 10, high, NULL, NULL, NULL, NULL);
    int ep = epoll_create1(0);
    struct epoll_event ev = {.events = EPOLLIN};
    CALL(epoll_ctl, ep, EPOLL_CTL_ADD, p[0], high);
    CALL(epoll_ctl, ep, EPOLL_CTL_ADD, p[0], &ev);
    CALL(epoll_pwait, ep, high, 4, 0, NULL, 8);
}

static void sockets(char *high)
{
    int s[2];
    socketpair(AF_UNIX, SOCK_DGRAM, 0, s);
    char good[8] = "text";
    struct iovec v = {high, 4};
    struct mmsghdr m = {.msg_hdr = {.msg_iov = &v, .msg_iovlen = 1}};
    struct msghdr *h = &m.msg_hdr;
    CALL(sendto, s[0], high, 4, 0, NULL, 0);
    CALL(sendmsg, s[0], h, 0);
    CALL(sendmmsg, s[0], &m, 1, 0);
    v.iov_base = good;
    h->msg_name = high;
    h->msg_namelen = 16;
    CALL(sendmsg, s[0], h, 0);
    h->msg_name = NULL;
    h->msg_namelen = 0;
    h->msg_control = high;
    h->msg_controllen = 64;
    CALL(sendmsg, s[0], h, 0);
    CALL(recvmsg, s[1], high, MSG_DONTWAIT);
    h->msg_controllen = 0;
    for (int i = 0; i < 4; i++)
        write(s[0], good, 4);
    v.iov_base = high;
    CALL(recvmsg, s[1], h, MSG_DONTWAIT);
    CALL(recvmmsg, s[1], &m, 1, MSG_DONTWAIT, NULL);
    CALL(recvfrom, s[1], high, 4, MSG_DONTWAIT, NULL, NULL);
    CALL(bind, s[0], high, 16);
    CALL(getsockname, s[0], high, high);
    CALL(getsockopt, s[0], SOL_SOCKET, SO_TYPE, high, high);
    CALL(setsockopt, s[0], SOL_SOCKET, SO_RCVBUF, high, 4);
    CALL(socketpair, AF_UNIX, SOCK_DGRAM, 0, high);
}

static void process(char *high)
{
    CALL(clock_gettime, CLOCK_MONOTONIC, high);
    CALL(gettimeofday, high, NULL);
    CALL(nanosleep, high, NULL);
    CALL(uname, high);
    CALL(rt_sigaction, SIGUSR1, high, NULL, 8);
    CALL(rt_sigaction, SIGUSR1, NULL, high, 8);
    CALL(rt_sigprocmask, SIG_BLOCK, high, NULL, 8);
    CALL(rt_sigprocmask, SIG_BLOCK, NULL, high, 8);
    CALL(rt_sigpending, high, 8);
    CALL(sigaltstack, high, NULL);
    CALL(sigaltstack, NULL, high);
    CALL(prctl, PR_SET_NAME, high);
    CALL(prctl, PR_GET_NAME, high);
    CALL(futex, high, 0 /* FUTEX_WAIT */, 0, NULL, NULL, 0);
    CALL(futex, high, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
    int word = 0;
    CALL(futex, &word, 3 /* FUTEX_REQUEUE */, 1, 1, high, 0);
    CALL(prlimit64, 0, RLIMIT_NOFILE, NULL, high);
    CALL(prlimit64, 0, RLIMIT_NOFILE, high, NULL);
    CALL(getrusage, RUSAGE_SELF, high);
    CALL(times, high);
    CALL(sysinfo, high);
    CALL(getresuid, high, high, high);
    CALL(execve, high, NULL, NULL);
    CALL(execve, "/proc/self/exe", high, NULL);
    CALL(clone3, high, 64);
    if (!fork())
        _exit(1);
    CALL(wait4, -1, high, 0, NULL);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CALL(mincore, page, 4096, high);
    struct iovec local = {high, 8}, remote = {page, 8};
    CALL(process_vm_readv, getpid(), &local, 1, &remote, 1, 0);
    CALL(process_vm_writev, getpid(), &local, 1, &remote, 1, 0);
}

static void on_segv(int sig)
{
    puts("SIGSEGV");
    fflush(stdout);
    _exit(0);
}

/* A signal whose frame would lie there. */
static void frame(char *high)
{
    fflush(stdout);
    if (!fork()) {
        static char stack[65536];
        stack_t ss = {.ss_sp = stack, .ss_size = sizeof stack};
        sigaltstack(&ss, NULL);
        struct sigaction a = {.sa_handler = on_segv, .sa_flags = SA_ONSTACK}, b = {.sa_handler = on_segv};
        sigaction(SIGSEGV, &a, NULL);
        sigaction(SIGUSR1, &b, NULL);
        high += 2048;
#ifdef __riscv
        __asm__ volatile(
            "mv sp, %0\n mv a0, %1\n mv a1, %2\n li a7, 129\n ecall\n li a0, 3\n li a7, 93\n ecall"
            :
            : "r"(high), "r"(getpid()), "r"(SIGUSR1)
            : "a0", "a1", "a7", "memory");
#elif defined(__aarch64__)
        __asm__ volatile(
            "mov sp, %0\n mov x0, %1\n mov x1, %2\n mov x8, 129\n svc 0\n mov x0, 3\n mov x8, 93\n svc 0"
            :
            : "r"(high), "r"((long)getpid()), "r"((long)SIGUSR1)
            : "x0", "x1", "x8", "memory");
#else
        __asm__ volatile("mov %0, %%rsp\n mov $62, %%eax\n syscall\n mov $3, %%edi\n mov $60, %%eax\n syscall"
                         : : "r"(high), "D"(getpid()), "S"(SIGUSR1) : "rax", "rcx", "r11", "memory");
#endif
    }
    int status = -1;
    wait(&status);
    printf("frame: %x\n", status);
}

int main(void)
{
    char *high = foreign_memory();
    files(high);
    sockets(high);
    process(high);
    frame(high);
    return 0;
}
