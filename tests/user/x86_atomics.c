/* Locked instructions of x86 where they are aligned, cross a cache line or a page, in memory of the process
 * and in memory shared with another one: nothing is lost. What cmpxchg16b and cmpxchg8b leave, and where they
 * fault. Source: AMD64 APM volume 2, 7.3.2 ("Access Atomicity"), volume 3. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef TIMES
#define TIMES 3000
#endif
enum { THREADS = 3, PAGE = 4096 };

#define COUNT(name, type, text)                                                                              \
    static void name(char *p)                                                                                \
    {                                                                                                        \
        for (int k = 0; k < TIMES; k++)                                                                      \
            __asm__ volatile(text : : "r"(p) : "rax", "rbx", "rcx", "rdx", "cc", "memory");                  \
    }
COUNT(by_add16, uint16_t, "lock addw $1,(%0)")
COUNT(by_add32, uint32_t, "lock addl $1,(%0)")
COUNT(by_add64, uint64_t, "lock addq $1,(%0)")
COUNT(by_inc, uint64_t, "lock incq (%0)")
COUNT(by_sub, uint64_t, "lock subq $-1,(%0)")
COUNT(by_adc, uint64_t, "stc\nlock adcq $0,(%0)")
COUNT(by_xadd, uint64_t, "mov $1,%%eax\nlock xadd %%rax,(%0)")
COUNT(by_not_neg, uint64_t, "lock notq (%0)\nlock notq (%0)\nlock negq (%0)\nlock negq (%0)\nlock incq (%0)")
COUNT(by_cmpxchg32, uint32_t, "1: mov (%0),%%eax\nlea 1(%%rax),%%ecx\nlock cmpxchg %%ecx,(%0)\njne 1b")
COUNT(by_cmpxchg64, uint64_t, "1: mov (%0),%%rax\nlea 1(%%rax),%%rcx\nlock cmpxchg %%rcx,(%0)\njne 1b")
COUNT(by_cmpxchg8b, uint64_t,
      "mov (%0),%%eax\nmov 4(%0),%%edx\n1: mov %%eax,%%ebx\nmov %%edx,%%ecx\nadd $1,%%ebx\nadc $0,%%ecx\n"
      "lock cmpxchg8b (%0)\njne 1b")
COUNT(by_cmpxchg16b, uint64_t,
      "mov (%0),%%rax\nmov 8(%0),%%rdx\n1: mov %%rax,%%rbx\nmov %%rdx,%%rcx\nadd $1,%%rbx\nsub $1,%%rcx\n"
      "lock cmpxchg16b (%0)\njne 1b")
COUNT(by_bits, uint64_t, /* a bit as a lock, a plain count beside it */
      "1: lock btsq $63,(%0)\njc 1b\nmov (%0),%%rax\ninc %%rax\nmov %%rax,(%0)\nlock btrq $63,(%0)")

static const struct Way {
    const char *name;
    void (*count)(char *p);
    int bytes, aligned;
} ways[] = {{"add of 16 bits", by_add16, 2, 0},
            {"add of 32 bits", by_add32, 4, 0},
            {"add", by_add64, 8, 0},
            {"inc", by_inc, 8, 0},
            {"sub", by_sub, 8, 0},
            {"adc", by_adc, 8, 0},
            {"xadd", by_xadd, 8, 0},
            {"cmpxchg of 32 bits", by_cmpxchg32, 4, 0},
            {"cmpxchg", by_cmpxchg64, 8, 0},
            {"cmpxchg8b", by_cmpxchg8b, 8, 0},
            {"cmpxchg16b", by_cmpxchg16b, 16, 1}};
static const struct Place {
    const char *name;
    int at;
} places[] = {
    {"aligned", 128}, {"not aligned", 129}, {"over two lines", 64 * 5 - 1}, {"over two pages", PAGE - 1}};

typedef struct Job {
    const struct Way *way;
    char *at;
} Job;

static void *work(void *arg)
{
    Job *j = arg;
    j->way->count(j->at);
    return NULL;
}

static void by_threads(Job *j)
{
    pthread_t t[THREADS];
    for (int k = 0; k < THREADS; k++)
        pthread_create(&t[k], NULL, work, j);
    for (int k = 0; k < THREADS; k++)
        pthread_join(t[k], NULL);
}

static void by_processes(Job *j)
{
    for (int k = 0; k < THREADS; k++)
        if (fork() == 0) {
            work(j);
            _exit(0);
        }
    while (wait(NULL) > 0) {
    }
}

static void counting(char *memory, const char *kind, void (*all)(Job *))
{
    for (unsigned w = 0; w < sizeof ways / sizeof ways[0]; w++)
        for (unsigned p = 0; p < sizeof places / sizeof places[0]; p++) {
            uint64_t v = 0, high = 0;
            Job j = {&ways[w], memory + places[p].at};
            if (ways[w].aligned && places[p].at % 16)
                continue;
            memset(memory, 0, 2 * PAGE);
            all(&j);
            memcpy(&v, j.at, ways[w].bytes < 8 ? ways[w].bytes : 8);
            if (ways[w].bytes == 16)
                memcpy(&high, j.at + 8, 8);
            printf("%s, %s, %s: %ld %ld\n", ways[w].name, places[p].name, kind, (long)v, (long)high);
        }
}

static void *turn(void *p)
{
    by_not_neg(p);
    return NULL;
}
static void *lock_bit(void *p)
{
    by_bits(p);
    return NULL;
}

/* ---- one at a time ---- */

static sigjmp_buf back;
static void on_signal(int sig, siginfo_t *si, void *uc)
{
    siglongjmp(back, sig * 256 + (si->si_code & 255));
}

static void exchange(char *p, uint64_t a, uint64_t d, uint64_t b, uint64_t c, int bytes)
{
    unsigned char equal;
    int sig = sigsetjmp(back, 1);
    if (sig) {
        printf("cmpxchg of %d bytes at %ld: signal %d code %d\n", bytes, (long)p & 4095, sig >> 8,
               (signed char)sig);
        return;
    }
    if (bytes == 16)
        __asm__ volatile("lock cmpxchg16b %0\nsete %3"
                         : "+m"(*(char(*)[16])p), "+a"(a), "+d"(d), "=r"(equal)
                         : "b"(b), "c"(c)
                         : "cc");
    else
        __asm__ volatile("cmpxchg8b %0\nsete %3"
                         : "+m"(*(char(*)[8])p), "+a"(a), "+d"(d), "=r"(equal)
                         : "b"(b), "c"(c)
                         : "cc");
    printf("cmpxchg of %d bytes at %ld: %d %lx:%lx\n", bytes, (long)p & 4095, equal, d, a);
}

static void single(char *memory)
{
    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    uint64_t pair[2] = {0x1111222233334444, 0x5555666677778888};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    for (int at = 0; at < 32; at += 8) {
        memcpy(memory + at, pair, 16);
        exchange(memory + at, pair[0], pair[1], 1, 2, 16);
        exchange(memory + at, 5, 6, 7, 8, 16);
        memcpy(memory + at + 1, pair, 8);
        exchange(memory + at + 1, (uint32_t)pair[0] | 9ull << 40, pair[0] >> 32 | 9ull << 40, 1, 2, 8);
        exchange(memory + at + 1, 5ull << 33 | 1, 6ull << 33, 7, 8, 8);
    }
    for (int k = 0; k < 32; k++)
        printf("%02x%s", (unsigned char)memory[k], k == 31 ? "\n" : "");
    mprotect(memory + PAGE, PAGE, PROT_READ);
    exchange(memory + PAGE, 1, 1, 2, 2, 16); /* not equal, and yet a write */
    exchange(memory + PAGE, 1, 1, 2, 2, 8);
    exchange(memory + PAGE - 4, 1, 1, 2, 2, 8);
    mprotect(memory + PAGE, PAGE, PROT_READ | PROT_WRITE);
}

int main(void)
{
    char *own = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *shared = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    single(own);
    counting(shared, "processes", by_processes);
    counting(own, "threads", by_threads);
    pthread_t t[2];
    for (int round = 0; round < 2; round++) {
        uint64_t *v = (uint64_t *)(own + (round ? PAGE - 3 : 256));
        memset(own, 0, 2 * PAGE);
        for (int k = 0; k < 2; k++)
            pthread_create(&t[k], NULL, lock_bit, v);
        for (int k = 0; k < 2; k++)
            pthread_join(t[k], NULL);
        printf("a bit as a lock: %ld\n", (long)*v);
    }
    turn(own + PAGE - 5);
    int64_t one;
    memcpy(&one, own + PAGE - 5, 8);
    printf("not and neg, alone: %ld\n", (long)one);
    return 0;
}
