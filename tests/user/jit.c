/* Programs that write code: one page of many rewritten with fence.i, W+X pages, code written through another
 * mapping of the same file before and after it ran, and by write(2); mprotect() between writing and running;
 * the flush call with a range; threads that run code another one writes. On the host the same with the host's
 * instructions. */
#include "user.h"
#include "usercode.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

enum { PAGE = 4096 };

/* All threads run what is in memory there. flags: of riscv_flush_icache. */
static void flush(void *start, size_t len, unsigned long flags)
{
#if defined(__riscv)
    if (syscall(259, start, (char *)start + len, flags) != 0)
        printf("flush fails\n");
#else
    sync_code(start, len);
#endif
}

/* An indirect call that no compiler can see through. */
static uint32_t call(const uint8_t *at)
{
    uint32_t (*f)(void);
    __asm__ volatile("" : "=r"(f) : "0"(at));
    return f();
}

static uint8_t *map_code(size_t bytes, int prot)
{
    return mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Many pages of code that stay, one that changes with each round. */
static void one_among_many(void)
{
    enum { N = 200, ROUNDS = 100000 };
    uint8_t *code = map_code((N + 1) * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    uint64_t sum = 0, wrong = 0;
    for (int k = 0; k <= N; k++)
        put_return(code + k * PAGE, k);
    sync_code(code, (N + 1) * PAGE);
    for (int k = 0; k <= N; k++)
        sum += call(code + k * PAGE);
    for (uint32_t r = 0; r < ROUNDS; r++) {
        put_return(code + 77 * PAGE, r);
        sync_code(code + 77 * PAGE, RETURN_CODE);
        wrong += call(code + 77 * PAGE) != r;
        sum += call(code + r % 77 * PAGE);
    }
    for (int k = 0; k <= N; k++)
        wrong += k != 77 && call(code + k * PAGE) != k;
    printf("one among many: sum %llu wrong %llu\n", (unsigned long long)sum, (unsigned long long)wrong);
    munmap(code, (N + 1) * PAGE);
}

/* Ever new places, so that what was dropped must be found again; a flush of just the range. */
static void append(void)
{
    enum { BYTES = 64 * PAGE, ROUNDS = 20000 };
    uint8_t *code = map_code(BYTES, PROT_READ | PROT_WRITE | PROT_EXEC);
    uint64_t wrong = 0;
    for (uint32_t r = 0; r < ROUNDS; r++) {
        uint8_t *at = code + r * 16 % BYTES;
        put_return(at, r);
        flush(at, 16, r & 1);
        wrong += call(at) != r;
    }
    printf("append: wrong %llu\n", (unsigned long long)wrong);
    munmap(code, BYTES);
}

/* What runs is not what is written: two mappings of one file. */
static void two_mappings(void)
{
    int fd = memfd_create("code", 0);
    uint64_t wrong = 0;
    SHOW(ftruncate(fd, 4 * PAGE));
    uint8_t *x = mmap(NULL, 4 * PAGE, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    uint8_t buf[16] = {0};
    put_return(buf, 1000);
    SHOW(pwrite(fd, buf, 16, PAGE)); /* no writable mapping yet */
    sync_code(x + PAGE, RETURN_CODE);
    printf("by write: %u\n", call(x + PAGE));
    put_return(buf, 1001);
    SHOW(pwrite(fd, buf, 16, PAGE));
    sync_code(x + PAGE, RETURN_CODE);
    printf("by write again: %u\n", call(x + PAGE));
    uint8_t *w = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    for (uint32_t r = 0; r < 5000; r++) {
        put_return(w + PAGE + r % 8 * 512, r);
        sync_code(x + PAGE + r % 8 * 512, RETURN_CODE);
        wrong += call(x + PAGE + r % 8 * 512) != r;
    }
    munmap(w, 4 * PAGE);
    w = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, fd, PAGE);
    SHOW(mprotect(w, PAGE, PROT_READ | PROT_WRITE)); /* writable later */
    put_return(w, 7777);
    sync_code(x + PAGE, RETURN_CODE);
    printf("by mprotect: %u\n", call(x + PAGE));
    printf("two mappings: wrong %llu\n", (unsigned long long)wrong);
    munmap(w, 2 * PAGE);
    munmap(x, 4 * PAGE);
    close(fd);
}

static void toggled(void)
{
    uint8_t *code = map_code(PAGE, PROT_READ | PROT_WRITE);
    uint64_t wrong = 0;
    for (uint32_t r = 0; r < 2000; r++) {
        if (r)
            mprotect(code, PAGE, PROT_READ | PROT_WRITE);
        put_return(code, r);
        mprotect(code, PAGE, PROT_READ | PROT_EXEC);
        flush(code, 16, 0);
        wrong += call(code) != r;
    }
    printf("toggled: wrong %llu\n", (unsigned long long)wrong);
    munmap(code, PAGE);
}

/* Many functions in memory that is made writable for each change of one; then one that may not be executed
 * any more. */
static sigjmp_buf fault_jump;
static void on_fault(int sig) { siglongjmp(fault_jump, sig); }

static void toggled_many(void)
{
    enum { N = 512, ROUNDS = 300 };
    uint8_t *code = map_code(8 * PAGE, PROT_READ | PROT_WRITE);
    static uint32_t want[N];
    uint64_t wrong = 0;
    for (uint32_t k = 0; k < N; k++)
        put_return(code + k * 64, want[k] = k);
    for (uint32_t r = 0; r < ROUNDS; r++) {
        mprotect(code, 8 * PAGE, PROT_READ | PROT_WRITE);
        uint32_t k = r * 7 % N;
        put_return(code + k * 64, want[k] = 100000 + r);
        mprotect(code, 8 * PAGE, PROT_READ | PROT_EXEC);
        flush(code + k * 64, 16, 0);
        for (uint32_t n = 0; n < 40; n++)
            wrong += call(code + (k + n * 3) % N * 64) != want[(k + n * 3) % N];
    }
    printf("toggled many: wrong %llu\n", (unsigned long long)wrong);
    signal(SIGSEGV, on_fault);
    mprotect(code + PAGE, PAGE, PROT_READ | PROT_WRITE);
    int sig = sigsetjmp(fault_jump, 1);
    if (!sig)
        printf("runs without permission: %u\n", call(code + PAGE));
    else
        printf("signal %d\n", sig);
    signal(SIGSEGV, SIG_DFL);
    mprotect(code + PAGE, PAGE, PROT_READ | PROT_EXEC);
    printf("with permission again: %d\n", call(code + PAGE) == want[64]);
    munmap(code, 8 * PAGE);
}

/* A writer and callers: after the flush of all threads and a flag, nobody may see the old code. */
static uint8_t *shared_code;
static atomic_uint version;
static atomic_ulong stale;

/* What a thread must do itself after another one's flush: nothing on RISC-V, where that call is for all
 * threads. */
static void sync_other(void)
{
#ifndef __riscv
    sync_self();
#endif
}

static void *caller(void *arg)
{
    for (unsigned seen = 0; seen < 2000;) {
        seen = atomic_load(&version);
        sync_other();
        if (call(shared_code) < seen)
            atomic_fetch_add(&stale, 1);
    }
    return NULL;
}

static void threads(void)
{
    pthread_t t[3];
    shared_code = map_code(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    uint8_t *next = map_code(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    put_return(shared_code, 0);
    flush(shared_code, 16, 0);
    for (int k = 0; k < 3; k++)
        pthread_create(&t[k], NULL, caller, NULL);
    for (unsigned v = 1; v <= 2000; v++) {
        change_return(shared_code, v);
        flush(shared_code, 16, 0);
        atomic_store(&version, v);
        put_return(next, v);
        flush(next, 16, 0);
        if (call(next) != v)
            atomic_fetch_add(&stale, 1);
    }
    for (int k = 0; k < 3; k++)
        pthread_join(t[k], NULL);
    printf("threads: stale %lu\n", atomic_load(&stale));
}

/* Children go on translating in what they got from their parents. */
static void *run_loop(void *code)
{
    ((void (*)(void))code)();
    return NULL;
}

/* Who runs a loop without a barrier in it sees it changed when instruction memory was flushed elsewhere. */
static void changed_loop(void)
{
    uint8_t *code = map_code(4096, PROT_READ | PROT_WRITE | PROT_EXEC);
    for (unsigned i = 0; i < 5; i++) {
        pthread_t t;
        put_loop(code);
        flush(code, RETURN_CODE, 0);
        pthread_create(&t, NULL, run_loop, code);
        usleep(10000);
        leave_loop(code);
        flush(code, RETURN_CODE, 0);
        pthread_join(t, NULL);
    }
    puts("loop changed under way");
}

static void nested(int depth, uint8_t *code)
{
    put_return(code, depth);
    flush(code, 16, 0);
    if (call(code) != depth)
        printf("depth %d is wrong\n", depth);
    if (depth == 60)
        _exit(depth);
    pid_t pid = fork();
    if (pid == 0)
        nested(depth + 1, code);
    int status;
    if (waitpid(pid, &status, 0) != pid || WEXITSTATUS(status) != 60 || call(code) != depth)
        _exit(1);
    _exit(60);
}

static void forks(void)
{
    enum { CHILDREN = 300 };
    uint8_t *code = map_code(PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    int good = 0;
    fflush(stdout);
    for (uint32_t k = 0; k < CHILDREN; k++) {
        pid_t pid = fork();
        if (pid == 0) {
            put_return(code, k);
            flush(code, 16, 0);
            _exit(call(code) & 127);
        }
        int status;
        good += waitpid(pid, &status, 0) == pid && WEXITSTATUS(status) == (k & 127);
    }
    printf("forks: %d of %d\n", good, CHILDREN);
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        nested(0, code);
    int status;
    waitpid(pid, &status, 0);
    printf("nested: %d\n", WEXITSTATUS(status));
}

int main(void)
{
    one_among_many();
    append();
    two_mappings();
    toggled();
    toggled_many();
    threads();
    changed_loop();
    forks();
    return 0;
}
