/* Guest program: LR/SC between threads. Built by test_llsc.py with the cross compiler, run by an engine.
 * Prints one line per case; "ok" at its end or what was wrong. */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

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
    return 0;
}
