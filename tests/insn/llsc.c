/* Guest program: load-reserved and store-conditional (LR, SC; LDXR, STXR; LDREX, STREX) between threads.
 * Built by test_llsc.py with a cross compiler, run by an engine.
 * Prints one line per case; "ok" at its end or what was wrong. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

enum { THREADS = 4, ROUNDS = 20000, NODES = 8 };

/* The instructions of the sequences, by ISA. Operands are named. */
#ifdef __riscv
#define LL(v, p) "lr.d %[" v "],(%[" p "])\n"
#define LL_ACQUIRE(v, p) "lr.d.aq %[" v "],(%[" p "])\n"
#define LL32_ACQUIRE(v, p) "lr.w.aq %[" v "],(%[" p "])\n"
#define SC(f, v, p) "sc.d %[" f "],%[" v "],(%[" p "])\n"
#define SC_RELEASE(f, v, p) "sc.d.rl %[" f "],%[" v "],(%[" p "])\n"
#define SC32(f, v, p) "sc.w %[" f "],%[" v "],(%[" p "])\n"
#define LOAD(v, p) "ld %[" v "],0(%[" p "])\n"
#define LOAD32(v, p) "lw %[" v "],0(%[" p "])\n"
#define STORE(v, p) "sd %[" v "],0(%[" p "])\n"
#define ADD(v, i) "addi %[" v "],%[" v "]," i "\n"
#define SET(v, i) "li %[" v "]," i "\n"
#define IF_ZERO(v, to) "beqz %[" v "]," to "\n"
#define IF_NOT(v, to) "bnez %[" v "]," to "\n"
#define GOTO(to) "j " to "\n"
#define FENCE "fence rw,rw\n"
#define SYSCALL "ecall\n"
#define SYSCALL_NR "a7"
#define SYSCALL_RET "a0"
#elif defined(__arm__)
#define LL(v, p) "ldrex %[" v "],[%[" p "]]\n"
#define LL_ACQUIRE(v, p) "ldaex %[" v "],[%[" p "]]\n"
#define LL32_ACQUIRE(v, p) LL_ACQUIRE(v, p)
#define SC(f, v, p) "strex %[" f "],%[" v "],[%[" p "]]\n"
#define SC_RELEASE(f, v, p) "stlex %[" f "],%[" v "],[%[" p "]]\n"
#define SC32(f, v, p) SC(f, v, p)
#define LOAD(v, p) "ldr %[" v "],[%[" p "]]\n"
#define LOAD32(v, p) LOAD(v, p)
#define STORE(v, p) "str %[" v "],[%[" p "]]\n"
#define ADD(v, i) "add %[" v "],%[" v "],#" i "\n"
#define SET(v, i) "mov %[" v "],#" i "\n"
#define IF_ZERO(v, to) "cmp %[" v "],#0\nbeq " to "\n"
#define IF_NOT(v, to) "cmp %[" v "],#0\nbne " to "\n"
#define GOTO(to) "b " to "\n"
#define FENCE "dmb ish\n"
#define SYSCALL "svc #0\n"
#define SYSCALL_NR "r7"
#define SYSCALL_RET "r0"
#else
#define LL(v, p) "ldxr %[" v "],[%[" p "]]\n"
#define LL_ACQUIRE(v, p) "ldaxr %[" v "],[%[" p "]]\n"
#define LL32_ACQUIRE(v, p) "ldaxr %w[" v "],[%[" p "]]\n"
#define SC(f, v, p) "stxr %w[" f "],%[" v "],[%[" p "]]\n"
#define SC_RELEASE(f, v, p) "stlxr %w[" f "],%[" v "],[%[" p "]]\n"
#define SC32(f, v, p) "stxr %w[" f "],%w[" v "],[%[" p "]]\n"
#define LOAD(v, p) "ldr %[" v "],[%[" p "]]\n"
#define LOAD32(v, p) "ldr %w[" v "],[%[" p "]]\n"
#define STORE(v, p) "str %[" v "],[%[" p "]]\n"
#define ADD(v, i) "add %[" v "],%[" v "],#" i "\n"
#define SET(v, i) "mov %[" v "],#" i "\n"
#define IF_ZERO(v, to) "cbz %[" v "]," to "\n"
#define IF_NOT(v, to) "cbnz %[" v "]," to "\n"
#define GOTO(to) "b " to "\n"
#define FENCE "dmb ish\n"
#define SYSCALL "svc #0\n"
#define SYSCALL_NR "x8"
#define SYSCALL_RET "x0"
#endif

typedef unsigned long Word;
#ifdef __thumb__
enum { IS_THUMB = 1 };
#else
enum { IS_THUMB = 0 };
#endif

#ifdef __arm__
/* 12. The compare and swap of kernels, whose store is conditional. */
static Word swapped;

static Word swap(Word *p, Word old, Word new)
{
    Word t, f;
    do
        __asm__ volatile(
            "ldrex %[t],[%[p]]\n mov %[f],#0\n teq %[t],%[old]\n it eq\n strexeq %[f],%[new],[%[p]]\n"
            : [t] "=&r"(t), [f] "=&r"(f)
            : [p] "r"(p), [old] "r"(old), [new] "r"(new)
            : "memory", "cc");
    while (f);
    return t;
}

static void *count_by_swaps(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        Word old, seen = __atomic_load_n(&swapped, __ATOMIC_RELAXED);
        do
            old = seen;
        while ((seen = swap(&swapped, old, old + 1)) != old);
    }
    return NULL;
}
#endif

/* 1. A counter, by the loop that compilers make: LR, one operation, SC. */
static Word counter;

static void *count(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        Word t, f;
        __asm__ volatile("1:" LL("t", "p") ADD("t", "1") SC("f", "t", "p") IF_NOT("f", "1b")
                         : [t] "=&r"(t), [f] "=&r"(f) : [p] "r"(&counter) : "memory", "cc");
    }
    return NULL;
}

#ifndef __riscv /* which has words and doublewords only */
/* 11. Counters of other sizes, side by side in one word; pairs. */
static struct {
    uint8_t byte[4];
    uint16_t half[2];
    uint64_t pair;
} small __attribute__((aligned(8)));

#define COUNT(ll, sc, at)                                                                                    \
    __asm__ volatile("1:" ll " %[t],[%[p]]\n" ADD("t", "1") sc " %[f],%[t],[%[p]]\n" IF_NOT("f", "1b")       \
                     : [t] "=&r"(t), [f] "=&r"(f) : [p] "r"(at) : "memory", "cc")

static void *count_small(void *arg)
{
    Word t, f;
    for (int i = 0; i < ROUNDS; i++) {
#ifdef __arm__
        COUNT("ldrexb", "strexb", &small.byte[i & 3]);
        COUNT("ldrexh", "strexh", &small.half[i & 1]);
        __asm__ volatile(
            "1: ldrexd r4,r5,[%[p]]\n adds r4,r4,%[x]\n adc r5,r5,%[x]\n strexd %[f],r4,r5,[%[p]]\n" IF_NOT(
                "f", "1b")
            : [f] "=&r"(f)
            : [p] "r"(&small.pair), [x] "r"(0x10001 << 8)
            : "memory", "cc", "r4", "r5");
#elif defined(__aarch64__)
#define W_COUNT(ll, sc, at)                                                                                  \
    __asm__ volatile("1:" ll " %w[t],[%[p]]\n" ADD("t", "1") sc " %w[f],%w[t],[%[p]]\n" IF_NOT("f", "1b")    \
                     : [t] "=&r"(t), [f] "=&r"(f) : [p] "r"(at) : "memory")
        W_COUNT("ldxrb", "stxrb", &small.byte[i & 3]);
        W_COUNT("ldxrh", "stxrh", &small.half[i & 1]);
        uint64_t step = 0x0100010001000100;
        __asm__ volatile("1: ldxp %w[t],w5,[%[p]]\n adds %w[t],%w[t],%w[x]\n adc w5,w5,%w[x]\n stxp "
                         "%w[f],%w[t],w5,[%[p]]\n" IF_NOT("f", "1b")
                         : [t] "=&r"(t), [f] "=&r"(f)
                         : [p] "r"(&small.pair), [x] "r"(step)
                         : "memory", "cc", "x5");
#endif
        (void)t, (void)f;
    }
    return NULL;
}

static int small_is_right(void)
{
    uint64_t n = (uint64_t)THREADS * ROUNDS, bad = small.pair != n * 0x0100010001000100;
    for (int i = 0; i < 4; i++)
        bad |= small.byte[i] != (uint8_t)(n / 4) || small.half[i & 1] != (uint16_t)(n / 2);
    return !bad;
}
#endif

/* 2. A stack of nodes: pop loads the next pointer between LR and SC, which only a real reservation makes
 *    safe. */
typedef struct Node {
    struct Node *next;
    uint32_t owners;
} Node;
static Node nodes[NODES];
static Node *top;
static uint32_t wrong;

static Node *pop(void)
{
    Node *n, *next;
    Word failed;
    __asm__ volatile("1:" LL_ACQUIRE("n", "p") SET("f", "0") IF_ZERO("n", "2f") LOAD("x", "n")
                         SC_RELEASE("f", "x", "p") IF_NOT("f", "1b") "2:"
                     : [n] "=&r"(n), [x] "=&r"(next), [f] "=&r"(failed)
                     : [p] "r"(&top)
                     : "memory", "cc");
    return n;
}

static void push(Node *n)
{
    Word old, failed;
    __asm__ volatile("1:" LL("o", "p") STORE("o", "n") FENCE SC_RELEASE("f", "n", "p") IF_NOT("f", "1b")
                     : [o] "=&r"(old), [f] "=&r"(failed) : [n] "r"(n), [p] "r"(&top) : "memory", "cc");
}

static void *shuffle(void *arg)
{
    for (int i = 0; i < ROUNDS / 8; i++) {
        Node *a = pop(), *b = pop();
        Node *got[2] = {a, b};
        for (int k = 0; k < 2; k++)
            if (got[k] && __atomic_add_fetch(&got[k]->owners, 1, __ATOMIC_SEQ_CST) != 1)
                __atomic_add_fetch(&wrong, 1, __ATOMIC_SEQ_CST);
        for (int k = 0; k < 2; k++)
            if (got[k]) {
                __atomic_sub_fetch(&got[k]->owners, 1, __ATOMIC_SEQ_CST);
                push(got[k]);
            }
    }
    return NULL;
}

/* 3. ABA: between LR and SC of one thread, another changes the word and changes it back. The SC must fail. */
static Word word = 1, stage;

static void *change_back(void *arg)
{
    while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) == 0)
        ;
    __atomic_store_n(&word, 2, __ATOMIC_SEQ_CST);
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&stage, 2, __ATOMIC_RELEASE);
    return NULL;
}

static Word aba(void)
{
    Word v, failed;
    __asm__ volatile(LL("v", "p") FENCE STORE("one", "s") "1:" LOAD("v", "s") ADD("v", "-2") IF_NOT("v", "1b")
                         FENCE SET("v", "7") SC("f", "v", "p")
                     : [v] "=&r"(v), [f] "=&r"(failed)
                     : [p] "r"(&word), [s] "r"(&stage), [one] "r"((Word)1)
                     : "memory", "cc");
    return failed;
}

/* 4. The same on a stack: while one thread pops a, the other pops a and b and pushes a. The store-conditional
 *    of the first
 * would put b back, which somebody has. */
static void *pop_two_push_one(void *arg)
{
    while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) == 0)
        ;
    Node *a = pop();
    pop();
    push(a);
    __atomic_store_n(&stage, 2, __ATOMIC_RELEASE);
    return NULL;
}

static Word slow_pop(void)
{
    Word n, next, failed, t;
    __asm__ volatile(LL("n", "p") LOAD("x", "n") FENCE STORE("one", "s")
                     "1:" LOAD("t", "s") ADD("t", "-2") IF_NOT("t", "1b")
                     FENCE SC("f", "x", "p")
                     : [n] "=&r"(n), [x] "=&r"(next), [f] "=&r"(failed), [t] "=&r"(t)
                     : [p] "r"(&top), [s] "r"(&stage), [one] "r"((Word)1) : "memory", "cc");
    return failed;
}

/* 5. A branch leaves between LR and SC, other memory is looked at, and a second path comes back to the SC. */
static Word detour(void)
{
    Word v, failed;
    __asm__ volatile(LL("v", "p") IF_NOT("v", "2f") "1:" SET("v", "7") SC("f", "v", "p")
                         GOTO("3f") "2:" FENCE STORE("one", "s") "4:" LOAD("v", "s") ADD("v", "-2")
                             IF_NOT("v", "4b") FENCE GOTO("1b") "3:"
                     : [v] "=&r"(v), [f] "=&r"(failed)
                     : [p] "r"(&word), [s] "r"(&stage), [one] "r"((Word)1)
                     : "memory", "cc");
    return failed;
}

/* 10. Only loads between LR and SC, while another thread changes the word and changes it back all the time,
 * and counts. */
static Word cycles, enough;

static void *keep_changing(void *arg)
{
    while (!__atomic_load_n(&enough, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&word, 2, __ATOMIC_SEQ_CST);
        __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&cycles, cycles + 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static Word loads_between(void)
{
    Word v, failed, before, after, bad = 0;
    pthread_t t;
    enough = 0;
    word = 1;
    cycles = 0;
    pthread_create(&t, NULL, keep_changing, NULL);
    while (!__atomic_load_n(&cycles, __ATOMIC_ACQUIRE))
        ;
    for (int i = 0; i < ROUNDS; i++) {
        __asm__ volatile(LL("v", "p") LOAD("b", "c") ".rept 8\n" LOAD("a", "c") ".endr\n" SC("f", "v", "p")
                         : [v] "=&r"(v), [f] "=&r"(failed), [b] "=&r"(before), [a] "=&r"(after)
                         : [p] "r"(&word), [c] "r"(&cycles) : "memory", "cc");
        bad += !failed && after - before >= 2;
    }
    enough = 1;
    pthread_join(t, NULL);
    return bad;
}

/* 6. Locks: waiting on the LR itself, and with another load between, which is no loop that could be done by
 *    value. */
static uint32_t lock_word, held[2];
static Word guarded;

static void *lock_and_count(void *arg)
{
    for (int i = 0; i < ROUNDS / 16; i++) {
        Word t, u;
        if (i & 1)
            __asm__ volatile("1:" LL32_ACQUIRE("t", "p") IF_NOT("t", "1b") SET("t", "1") SC32("u", "t", "p")
                                 IF_NOT("u", "1b")
                             : [t] "=&r"(t), [u] "=&r"(u)
                             : [p] "r"(&lock_word)
                             : "memory", "cc");
        else
            __asm__ volatile("1:" LL32_ACQUIRE("t", "p") LOAD32("u", "h") IF_NOT("t", "1b") SET("t", "1")
                                 SC32("u", "t", "p") IF_NOT("u", "1b")
                             : [t] "=&r"(t), [u] "=&r"(u)
                             : [p] "r"(&lock_word), [h] "r"(held)
                             : "memory", "cc");
        guarded++;
        __atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* 7. A system call gives the reservation up, even of the only thread. */
static Word across_a_call(void)
{
    Word v = 5, t, failed;
    register long nr __asm__(SYSCALL_NR) = SYS_gettid, ret __asm__(SYSCALL_RET);
    __asm__ volatile(LL("t", "p") SYSCALL SC("f", "t", "p")
                     : [f] "=&r"(failed), [r] "=&r"(ret), [t] "=&r"(t)
                     : [p] "r"(&v), [n] "r"(nr)
                     : "memory", "cc");
    return failed;
}

/* 8. LL and one more instruction at the end of the last page of a mapping. */
static Word at_the_end(void)
{
#ifdef __riscv
    uint32_t ll = 0x1005352f; /* lr.d a0,(a0) */
    uint16_t ret = 0x8082;
#elif defined(__thumb__)
    uint32_t ll = 0x0f00e850; /* ldrex r0,[r0] */
    uint16_t ret = 0x4770;
#elif defined(__arm__)
    uint32_t ll = 0xe1900f9f, ret = 0xe12fff1e;
#else
    uint32_t ll = 0xc85f7c00, ret = 0xd65f03c0; /* ldxr x0,[x0] */
#endif
    enum { AT = 4096 - sizeof(ll) - sizeof(ret) };
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    Word v = 7;
    munmap(p + 4096, 4096);
    memcpy(p + AT, &ll, sizeof(ll));
    memcpy(p + 4096 - sizeof(ret), &ret, sizeof(ret));
    __builtin___clear_cache(p, p + 4096);
    return ((Word(*)(Word *))((uintptr_t)(p + AT) | IS_THUMB))(&v) == 7;
}

/* 9. SC to memory that can only be read: what the signal says, in a loop of either kind. */
static char *read_only;
static sigjmp_buf back;
static int got_code;

static void on_signal(int sig, siginfo_t *si, void *context)
{
    got_code = sig == SIGSEGV && si->si_addr == read_only ? si->si_code : -sig;
    siglongjmp(back, 1);
}

static int denied(int kind)
{
    Word v, failed;
    got_code = 0;
    if (sigsetjmp(back, 1))
        return got_code;
    if (kind)
        __asm__ volatile("1:" LL("v", "p") LOAD("f", "p") SC("f", "v", "p") IF_NOT("f", "1b")
                         : [v] "=&r"(v), [f] "=&r"(failed) : [p] "r"(read_only) : "memory", "cc");
    else
        __asm__ volatile("1:" LL("v", "p") SC("f", "v", "p") IF_NOT("f", "1b")
                         : [v] "=&r"(v), [f] "=&r"(failed) : [p] "r"(read_only) : "memory", "cc");
    return 0;
}

static void run(void *(*f)(void *), int n)
{
    pthread_t t[THREADS];
    for (int i = 0; i < n; i++)
        if (pthread_create(&t[i], NULL, f, NULL))
            exit(1);
    for (int i = 0; i < n; i++)
        pthread_join(t[i], NULL);
}

int main(void)
{
    printf("system call: %s\n", across_a_call() ? "ok" : "the store-conditional succeeded");
    run(count, THREADS);
#ifndef __riscv
    run(count_small, THREADS);
    printf("sizes: %s\n", small_is_right() ? "ok" : "lost increments");
#endif
#ifdef __arm__
    run(count_by_swaps, THREADS);
    printf("conditional: %s\n", swapped == THREADS * ROUNDS ? "ok" : "lost increments");
#endif
    printf("counter: %s\n", counter == THREADS * ROUNDS ? "ok" : "lost increments");

    for (int i = 0; i < NODES; i++)
        push(&nodes[i]);
    run(shuffle, THREADS);
    int left = 0;
    while (left <= NODES && pop())
        left++;
    printf("stack: %s\n", wrong ? "a node had two owners" : left != NODES ? "nodes lost" : "ok");

    pthread_t t;
    pthread_create(&t, NULL, change_back, NULL);
    Word failed = aba();
    pthread_join(t, NULL);
    printf("aba: %s\n", failed && word == 1 ? "ok" : "the store-conditional succeeded");

    stage = 0;
    top = NULL;
    for (int i = 0; i < NODES; i++)
        push(&nodes[i]);
    pthread_create(&t, NULL, pop_two_push_one, NULL);
    failed = slow_pop();
    pthread_join(t, NULL);
    printf("stack aba: %s\n", failed && top == &nodes[NODES - 1] ? "ok" : "the store-conditional succeeded");

    stage = 0;
    word = 1;
    pthread_create(&t, NULL, change_back, NULL);
    failed = detour();
    pthread_join(t, NULL);
    printf("detour: %s\n", failed && word == 1 ? "ok" : "the store-conditional succeeded");

    printf("loads between: %s\n", loads_between() ? "a store-conditional succeeded" : "ok");
    run(lock_and_count, THREADS);
    printf("locks: %s\n", guarded == THREADS * (ROUNDS / 16) ? "ok" : "lost increments");
    printf("page end: %s\n", at_the_end() ? "ok" : "wrong value");

    struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
    read_only = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("read-only: %d %d\n", denied(0), denied(1));
    return 0;
}
