/* Guest program: LR/SC between threads. Built by test_llsc.py with the cross compiler, run by an engine.
 * Prints one line per case; "ok" at its end or what was wrong. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { THREADS = 4, ROUNDS = 20000, NODES = 8 };

/* 1. A counter, by the loop that compilers make: LR, one operation, SC. */
static uint64_t counter;

static void *count(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t t, f;
        __asm__ volatile("1: lr.d %0,(%2); addi %0,%0,1; sc.d %1,%0,(%2); bnez %1,1b"
                         : "=&r"(t), "=&r"(f) : "r"(&counter) : "memory");
    }
    return NULL;
}

/* 2. A stack of nodes: pop loads the next pointer between LR and SC, which only a real reservation makes safe. */
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
    uint64_t failed;
    __asm__ volatile("1: lr.d.aq %0,(%3); li %2,0; beqz %0,2f; ld %1,0(%0); sc.d.rl %2,%1,(%3); bnez %2,1b; 2:"
                     : "=&r"(n), "=&r"(next), "=&r"(failed) : "r"(&top) : "memory");
    return n;
}

static void push(Node *n)
{
    uint64_t old, failed;
    __asm__ volatile("1: lr.d %0,(%3); sd %0,0(%2); fence rw,rw; sc.d.rl %1,%2,(%3); bnez %1,1b"
                     : "=&r"(old), "=&r"(failed) : "r"(n), "r"(&top) : "memory");
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
static uint64_t word = 1, stage;

static void *change_back(void *arg)
{
    while (__atomic_load_n(&stage, __ATOMIC_ACQUIRE) == 0)
        ;
    __atomic_store_n(&word, 2, __ATOMIC_SEQ_CST);
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&stage, 2, __ATOMIC_RELEASE);
    return NULL;
}

static uint64_t aba(void)
{
    uint64_t v, failed;
    __asm__ volatile("lr.d %0,(%2); fence rw,rw; sd %4,0(%3)\n"
                     "1: ld %0,0(%3); addi %0,%0,-2; bnez %0,1b\n"
                     "fence rw,rw; li %0,7; sc.d %1,%0,(%2)"
                     : "=&r"(v), "=&r"(failed) : "r"(&word), "r"(&stage), "r"(1ul) : "memory");
    return failed;
}

/* 4. The same on a stack: while one thread pops a, the other pops a and b and pushes a. The store-conditional of the first
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

static uint64_t slow_pop(void)
{
    uint64_t n, next, failed, t;
    __asm__ volatile("lr.d %0,(%4); ld %1,0(%0); fence rw,rw; sd %6,0(%5)\n"
                     "1: ld %3,0(%5); addi %3,%3,-2; bnez %3,1b\n"
                     "fence rw,rw; sc.d %2,%1,(%4)"
                     : "=&r"(n), "=&r"(next), "=&r"(failed), "=&r"(t)
                     : "r"(&top), "r"(&stage), "r"(1ul) : "memory");
    return failed;
}

/* 5. A branch leaves between LR and SC, other memory is looked at, and a second path comes back to the SC. */
static uint64_t detour(void)
{
    uint64_t v, failed;
    __asm__ volatile("lr.d %0,(%2); bnez %0,2f\n"
                     "1: li %0,7; sc.d %1,%0,(%2); j 3f\n"
                     "2: fence rw,rw; sd %4,0(%3)\n"
                     "4: ld %0,0(%3); addi %0,%0,-2; bnez %0,4b\n"
                     "fence rw,rw; j 1b\n"
                     "3:"
                     : "=&r"(v), "=&r"(failed) : "r"(&word), "r"(&stage), "r"(1ul) : "memory");
    return failed;
}

/* 10. Only loads between LR and SC, while another thread changes the word and changes it back all the time, and counts. */
static uint64_t cycles, enough;

static void *keep_changing(void *arg)
{
    while (!__atomic_load_n(&enough, __ATOMIC_ACQUIRE)) {
        __atomic_store_n(&word, 2, __ATOMIC_SEQ_CST);
        __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
        __atomic_store_n(&cycles, cycles + 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static uint64_t loads_between(void)
{
    uint64_t v, failed, before, after, bad = 0;
    pthread_t t;
    enough = 0;
    word = 1;
    cycles = 0;
    pthread_create(&t, NULL, keep_changing, NULL);
    while (!__atomic_load_n(&cycles, __ATOMIC_ACQUIRE))
        ;
    for (int i = 0; i < ROUNDS; i++) {
        __asm__ volatile("lr.d %0,(%4); ld %2,0(%5)\n"
                         ".rept 8; ld %3,0(%5); .endr\n"
                         "sc.d %1,%0,(%4)"
                         : "=&r"(v), "=&r"(failed), "=&r"(before), "=&r"(after)
                         : "r"(&word), "r"(&cycles) : "memory");
        bad += !failed && after - before >= 2;
    }
    enough = 1;
    pthread_join(t, NULL);
    return bad;
}

/* 6. Locks: waiting on the LR itself, and with another load between, which is no loop that could be done by value. */
static uint32_t lock_word, held[2];
static uint64_t guarded;

static void *lock_and_count(void *arg)
{
    for (int i = 0; i < ROUNDS / 16; i++) {
        uint32_t t, u;
        if (i & 1)
            __asm__ volatile("1: lr.w.aq %0,(%2); bnez %0,1b; li %0,1; sc.w %1,%0,(%2); bnez %1,1b"
                             : "=&r"(t), "=&r"(u) : "r"(&lock_word) : "memory");
        else
            __asm__ volatile("1: lr.w.aq %0,(%2); lw %1,0(%3); bnez %0,1b; li %0,1; sc.w %1,%0,(%2); bnez %1,1b"
                             : "=&r"(t), "=&r"(u) : "r"(&lock_word), "r"(held) : "memory");
        guarded++;
        __atomic_store_n(&lock_word, 0, __ATOMIC_RELEASE);
    }
    return NULL;
}

/* 7. A system call gives the reservation up, even of the only thread. */
static uint64_t across_a_call(void)
{
    uint64_t v = 5, failed;
    register long nr __asm__("a7") = 178, ret __asm__("a0"); /* gettid */
    __asm__ volatile("lr.d t0,(%2); ecall; sc.d %0,t0,(%2)"
                     : "=&r"(failed), "=&r"(ret) : "r"(&v), "r"(nr) : "t0", "memory");
    return failed;
}

/* 8. LR and a two-byte instruction at the end of the last page of a mapping. */
static uint64_t at_the_end(void)
{
    uint32_t lr = 0x1005352f; /* lr.d a0,(a0) */
    uint16_t ret = 0x8082;
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uint64_t v = 7;
    munmap(p + 4096, 4096);
    memcpy(p + 4096 - 6, &lr, 4);
    memcpy(p + 4096 - 2, &ret, 2);
    __builtin___clear_cache(p, p + 4096);
    return ((uint64_t(*)(uint64_t *))(uintptr_t)(p + 4096 - 6))(&v) == 7;
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
    uint64_t v, failed;
    got_code = 0;
    if (sigsetjmp(back, 1))
        return got_code;
    if (kind)
        __asm__ volatile("1: lr.d %0,(%2); ld %1,0(%2); sc.d %1,%0,(%2); bnez %1,1b"
                         : "=&r"(v), "=&r"(failed) : "r"(read_only) : "memory");
    else
        __asm__ volatile("1: lr.d %0,(%2); sc.d %1,%0,(%2); bnez %1,1b"
                         : "=&r"(v), "=&r"(failed) : "r"(read_only) : "memory");
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
    uint64_t failed = aba();
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
