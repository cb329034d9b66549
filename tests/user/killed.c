/* Processes that share memory and are killed at any moment, with whatever lock of an emulator: the others go
 * on. */
#include "ksignal.h"
#include "usercode.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

static void map_and_unmap(void)
{
    void *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(p, 4096, PROT_READ);
    munmap(p, 8192);
}

static void sleep_us(long us) { nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL); }

/* A process that kills whose id it reads from the pipe. */
static pid_t killer(int pipe_ends[2], long delay)
{
    pipe(pipe_ends);
    pid_t k = fork();
    if (k)
        return k;
    pid_t victim;
    close(pipe_ends[1]);
    if (read(pipe_ends[0], &victim, sizeof victim) == sizeof victim) {
        sleep_us(delay);
        kill(victim, SIGKILL);
    }
    _exit(0);
}

static void vforks(void)
{
    int killed = 0, n = 60;
    for (int i = 0; i < n; i++) {
        int p[2], status = 0;
        pid_t k = killer(p, 200 + i * 37 % 100 * 20);
        close(p[0]);
        pid_t pid = vfork();
        if (!pid) {
            pid_t me = getpid();
            write(p[1], &me, sizeof me);
            for (;;)
                map_and_unmap();
        }
        close(p[1]);
        waitpid(pid, &status, 0);
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        map_and_unmap();
        waitpid(k, NULL, 0);
    }
    printf("vfork children killed: %d of %d\n", killed, n);
}

enum { CODES = 1024, CODE_BYTES = CODES * 64 };
static char *codes;
static unsigned next_code;

/* A new function at the next place; does it do what it should? */
static bool new_code(void)
{
    unsigned k = next_code++ % CODES;
    char *p = codes + k * 64;
    put_return(p, k);
    sync_code(p, RETURN_CODE);
    return ((unsigned (*)(void))p)() == k;
}

static void code_writers(void)
{
    int killed = 0, wrong = 0, n = 60;
    codes = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < n; i++) {
        int p[2], status = 0;
        pid_t k = killer(p, 200 + i * 37 % 100 * 20);
        close(p[0]);
        pid_t pid = vfork();
        if (!pid) {
            pid_t me = getpid();
            write(p[1], &me, sizeof me);
            while (new_code()) {
                if (next_code % 64)
                    continue;
                mprotect(codes, CODE_BYTES, PROT_READ | PROT_EXEC);
                mprotect(codes, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
            }
            _exit(3);
        }
        close(p[1]);
        waitpid(pid, &status, 0);
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        mprotect(codes, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
        for (int j = 0; j < 50; j++)
            wrong += !new_code();
        waitpid(k, NULL, 0);
    }
    printf("writers of code killed: %d of %d, %d wrong\n", killed, n, wrong);
}

static volatile unsigned counter;
static bool maps;

static int shares_memory(void *arg)
{
    for (;;) {
        for (int i = 0; i < 1000; i++)
            counter++;
        if (maps)
            map_and_unmap();
    }
}

/* What makes an emulator stop everybody. */
static void stop_others(void)
{
#ifdef __riscv
    int word = 0, other = 0, fail;
    __asm__ volatile("lr.w t0, (%1)\n addi t0, t0, 1\n sw t0, (%2)\n sc.w %0, t0, (%1)\n fence.i"
                     : "=&r"(fail) : "r"(&word), "r"(&other) : "t0", "memory");
#elif defined(__aarch64__)
    int word = 0, other = 0, fail;
    __asm__ volatile("ldxr w9, [%1]\n add w9, w9, #1\n str w9, [%2]\n stxr %w0, w9, [%1]\n isb"
                     : "=&r"(fail) : "r"(&word), "r"(&other) : "x9", "memory");
#endif
    syscall(SYS_membarrier, 64 /* REGISTER_PRIVATE_EXPEDITED_SYNC_CORE */, 0, 0);
    syscall(SYS_membarrier, 32 /* PRIVATE_EXPEDITED_SYNC_CORE */, 0, 0);
}

static void sharers(void)
{
    int killed = 0, n = 40;
    static char stack[65536] __attribute__((aligned(16)));
    for (int i = 0; i < n; i++) {
        int status;
        maps = i & 1;
        counter = 0;
        pid_t pid = clone(shares_memory, stack + sizeof stack, CLONE_VM | SIGCHLD, NULL);
        while (!counter)
            sched_yield();
        sleep_us(100 + i * 37 % 100 * 10);
        kill(pid, SIGKILL);
        stop_others(); /* before it is waited for */
        map_and_unmap();
        waitpid(pid, &status, 0);
        killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        stop_others();
        map_and_unmap();
    }
    printf("sharers killed: %d of %d\n", killed, n);
}

int main(void)
{
    setbuf(stdout, NULL);
    vforks();
    code_writers();
    sharers();
    pid_t pid = fork();
    if (!pid)
        _exit(7);
    int status;
    waitpid(pid, &status, 0);
    printf("fork: %x\n", status);
    return 0;
}
