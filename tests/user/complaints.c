/* What users of other emulators stumbled over and no other program of this folder looks at: see
 * docs/testing.md. */
#include "user.h"

#include <elf.h>
#include <link.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>

enum { PAGE = 4096 };

/* --- memory: allocators that give pages back, fixed addresses, holes, limits --- */

static void given_back(void)
{
    unsigned char *p = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memset(p, 7, 64 * PAGE);
    SHOW(madvise(p + PAGE, 8 * PAGE, MADV_DONTNEED));
    SHOW(p[0] + p[PAGE] + p[9 * PAGE - 1] * 16 + p[9 * PAGE]);
    SHOW(madvise(p + 20 * PAGE, 8 * PAGE, MADV_FREE));
    p[20 * PAGE] = 3;
    SHOW(p[20 * PAGE]);
    SHOW(munmap(p + 30 * PAGE, PAGE));
    SHOW(madvise(p, 64 * PAGE, MADV_DONTNEED)); /* over a hole: what is there is given back all the same */
    SHOW(p[0] + p[40 * PAGE]);
    SHOW(mprotect(p, 64 * PAGE, PROT_READ)); /* up to the hole */
    int fd[2];
    SHOW(pipe(fd));
    SHOW(write(fd[1], "x", 1));
    SHOW(read(fd[0], p + 29 * PAGE, 1));
    SHOW(read(fd[0], p + 31 * PAGE, 1));
    SHOW(munmap(p, 64 * PAGE)); /* over a hole */
    close(fd[0]), close(fd[1]);
}

static void fixed(void)
{
    int prot = PROT_READ | PROT_WRITE, how = MAP_PRIVATE | MAP_ANONYMOUS;
    char *p = mmap(NULL, 16 * PAGE, prot, how, -1, 0);
    SHOW_BOOL((uintptr_t)p < 1ull << 47);
    SHOW_BOOL((uintptr_t)&prot < 1ull << 47);
    munmap(p, 16 * PAGE);
    SHOW_BOOL(mmap(p, PAGE, prot, how | MAP_FIXED_NOREPLACE, -1, 0) == p);
    SHOW((long)mmap(p, PAGE, prot, how | MAP_FIXED_NOREPLACE, -1, 0));
    SHOW_BOOL(mmap(p + PAGE, PAGE, prot, how, -1, 0) == p + PAGE); /* a hint that is free is taken */
    SHOW_BOOL(mmap(p, PAGE, prot, how, -1, 0) != p);               /* one that is not, not */
    SHOW_BOOL(mmap(p, 2 * PAGE, prot, how | MAP_FIXED, -1, 0) == p);
    SHOW((long)mmap((void *)-(2ul * PAGE), PAGE, prot, how | MAP_FIXED, -1, 0));
}

/* A database that wants its file where it was before. */
static void fixed_file(void)
{
    int fd = open("map", O_CREAT | O_RDWR, 0600);
    SHOW(ftruncate(fd, 4 * PAGE));
    char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    strcpy(p + PAGE, "there");
    SHOW(munmap(p, 4 * PAGE));
    SHOW_BOOL(mmap(p, 4 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 0) == p);
    puts(p + PAGE);
    close(fd);
}

static void heap(void)
{
    char *was = sbrk(0);
    int bad = 0;
    for (int i = 0; i < 200; i++) {
        char *p = sbrk(PAGE * 16);
        bad += p == (void *)-1;
        memset(p, i, PAGE * 16);
    }
    SHOW(bad);
    SHOW_BOOL((char *)sbrk(0) - was == 200 * PAGE * 16);
    SHOW_BOOL(sbrk(-PAGE * 16 * 200) != (void *)-1);
    SHOW_BOOL(sbrk(0) == was);
}

static void limited(void)
{
    struct rlimit lim;
    pid_t pid = fork();
    if (pid == 0) {
        lim.rlim_cur = lim.rlim_max = 1ul << 30;
        SHOW(setrlimit(RLIMIT_AS, &lim));
        SHOW((long)mmap(NULL, 2ul << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        SHOW_BOOL(mmap(NULL, 256 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
        SHOW(getrlimit(RLIMIT_AS, &lim));
        SHOW((long)(lim.rlim_cur >> 20));
        _exit(0);
    }
    int st;
    waitpid(pid, &st, 0);
    SHOW(st);
}

/* --- threads: signals that interrupt a running thread all the time, as Go's scheduler sends them --- */

static volatile long interrupted, stop;
static void on_urgent(int sig) { interrupted++; }

static void *busy(void *arg)
{
    volatile uint64_t sum = 0;
    uint64_t x = 1, rounds = 0;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        uint64_t y = 1;
        for (int i = 0; i < 1000; i++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            y = y * 6364136223846793005u + 1442695040888963407u;
        }
        for (int i = 0; i < 1000; i++)
            y = (y - 1442695040888963407u) * 0xc097ef87329e28a5u;
        sum += y != 1; /* a register that a signal changed */
        rounds++;
    }
    *(long *)arg = (long)sum;
    return rounds ? arg : NULL;
}

static void preempted(void)
{
    pthread_t id[3];
    long wrong[3] = {-1, -1, -1}, sum = 0;
    struct sigaction sa = {.sa_handler = on_urgent, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigaction(SIGURG, &sa, NULL);
    for (int i = 0; i < 3; i++)
        pthread_create(&id[i], NULL, busy, &wrong[i]);
    for (int i = 0; i < 3000; i++) {
        pthread_kill(id[i % 3], SIGURG);
        if (i % 16 == 0)
            usleep(100);
    }
    stop = 1;
    for (int i = 0; i < 3; i++) {
        pthread_join(id[i], NULL);
        sum += wrong[i];
    }
    SHOW(sum);
    SHOW_BOOL(interrupted > 0);
}

/* --- identity: what a program finds out about itself --- */

static long read_all(const char *path, char *buf, size_t cap)
{
    int fd = open(path, O_RDONLY);
    long n = fd < 0 ? -1 : read(fd, buf, cap);
    close(fd);
    return n;
}

static void identity(char **argv)
{
    static char buf[8192];
    long n = read_all("/proc/self/auxv", buf, sizeof buf), same = 0, other = 0;
    ElfW(auxv_t) *a = (void *)buf;
    for (; (char *)a < buf + n && a->a_type != AT_NULL; a++) {
        if (getauxval(a->a_type) == a->a_un.a_val)
            same++;
        else
            other++;
    }
    SHOW_BOOL(same > 10);
    SHOW_BOOL(other <= 1); /* a C library changes one */
    /* A title is written over the arguments. */
    strcpy(argv[0], "new");
    SHOW(read_all("/proc/self/cmdline", buf, sizeof buf) > 3 && !strcmp(buf, "new"));
    SHOW(prctl(PR_SET_NAME, "another"));
    n = read_all("/proc/self/comm", buf, sizeof buf);
    printf("%.*s", (int)n, buf);
    n = read_all("/proc/self/stat", buf, sizeof buf - 1);
    buf[n] = 0;
    SHOW_BOOL(strstr(buf, "(another) R") != NULL);
    char own[40];
    snprintf(own, sizeof own, "/proc/%d/exe", getpid());
    ssize_t a1 = readlink("/proc/self/exe", buf, 4000), a2 = readlink(own, buf + 4000, 4000);
    SHOW_BOOL(a1 > 0 && a1 == a2 && !memcmp(buf, buf + 4000, (size_t)a1));
    struct stat s1, s2;
    SHOW_BOOL(!stat("/proc/self/exe", &s1) && !stat(own, &s2) && s1.st_ino == s2.st_ino);
    char head[4];
    SHOW_BOOL(read_all("/proc/self/exe", head, 4) == 4 && !memcmp(head, "\177ELF", 4));
}

/* --- containers: namespaces by clone, without CLONE_VM --- */

static void namespaces(void)
{
    fflush(stdout);
    long pid =
        syscall(SYS_clone, CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | SIGCHLD,
                0, 0, 0, 0);
    if (pid == 0) {
        SHOW(getpid());
        SHOW(sethostname("inside", 6));
        pid_t child = fork();
        if (child == 0)
            _exit(getpid() == 2 ? 3 : 4);
        int st = 0;
        waitpid(child, &st, 0);
        SHOW(WEXITSTATUS(st));
        _exit(5);
    }
    if (pid < 0) {
        show("clone", pid);
        return;
    }
    int st;
    waitpid((pid_t)pid, &st, 0);
    SHOW(WEXITSTATUS(st));
}

static void answers(void)
{
    int s = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
    show_ok("sctp socket", s);
    SHOW(setsockopt(0, 132 /* SOL_SCTP */, 3, &s, sizeof s));
    SHOW(syscall(1999));
    SHOW(syscall(5000));
    SHOW(syscall(SYS_set_robust_list, 0, 3));
    void *head;
    size_t len = 0;
    SHOW(syscall(SYS_get_robust_list, 0, &head, &len));
    SHOW_BOOL(len == 3 * sizeof(long));
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    given_back();
    fixed();
    fixed_file();
    heap();
    limited();
    preempted();
    identity(argv);
    namespaces();
    answers();
    return 0;
}
