/*
 * litmus [BATCHES]: guest program (RV64GC, A64 with LSE, A32 or T32 of Armv8, x86-64). Small races, each many
 * times, against what the memory model allows.
 *
 * A test has two to four parts, one a thread, that run over an array of instances of {x, y} at the same time,
 * each after a random delay, so that now one is ahead and now the other. Verdicts:
 *   FORBIDDEN by the guest's memory model (RISC-V manual, "RVWMO Memory Consistency Model"; Arm ARM, "The
 *              AArch64 Application Level Memory Model" and its AArch32 part)
 *   TSO        allowed by it, but hosts with total store order never show it: seen, it means that the
 *              translator
 *              moved, merged or repeated an access
 *   ALLOWED    counted only; seen at all it shows that the parts did run at the same time
 * The instructions under test are single asm statements, so that the compiler cannot move them either.
 * One line a test; exit status 1 if something was seen that must not be.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { N = 100, ROUNDS = 100, MAX_THREADS = 4 };

typedef struct Vars {
    _Alignas(64) uint64_t x;
    _Alignas(64) uint64_t y;
} Vars;

typedef struct Out {
    uint64_t a, b;
} Out;

/* A register. On 32-bit guests the low half of x and y. */
typedef unsigned long Word;

/* The instructions by which the tests go, as one line of text each: %0 result, %1 address, %2 value. */
#ifdef __riscv
#define SCRATCH  "memory"
#define STORE    "sd %2,0(%1)"
#define LOAD     "ld %0,0(%1)"
#define SWAP_REL "amoswap.d.rl %0,%2,(%1)"
#define SWAP_ALL "amoswap.d.aqrl %0,%2,(%1)"
#define WW       "fence w,w"
#define RR       "fence r,r"
#define RW       "fence r,w"
#define WR       "fence w,r"
#define ALL      "fence rw,rw"
#define PAIR_STORE "sw %2,0(%1); sw %2,4(%1)"
#define PAIR_LOAD  "lw %0,0(%2); lw %1,4(%2)"
#define ZERO_OK  FORBIDDEN
#elif defined(__arm__)
#define SCRATCH  "r2", "r3", "r12", "cc", "memory"
#define STORE    "str %2,[%1]"
#define LOAD     "ldr %0,[%1]"
#define AGAIN    "cmp r12,#0\nbne 1b"
#define SWAP_REL "1: ldrex %0,[%1]\nstlex r12,%2,[%1]\n" AGAIN
#define SWAP_ALL "1: ldaex %0,[%1]\nstlex r12,%2,[%1]\n" AGAIN
#define WW       "dmb ishst"
#define RR       "dmb ishld"
#define RW       "dmb ishld"
#define WR       "dmb ish"
#define ALL      "dmb ish"
#define PAIR_STORE "str %2,[%1]\nstr %2,[%1,#4]"
#define PAIR_LOAD  "ldr %0,[%2]\nldr %1,[%2,#4]"
#define ZERO_OK  TSO
#elif defined(__x86_64__)
/* Loads are in order, stores too: TSO is what the manual says (AMD64 APM volume 2, 7.2). */
#define SCRATCH  "rax", "cc", "memory"
#define STORE    "mov %2,(%1)"
#define LOAD     "mov (%1),%0"
#define SWAP_REL "mov %2,%0\nxchg %0,(%1)"
#define SWAP_ALL SWAP_REL
#define WW       ""
#define RR       ""
#define RW       ""
#define WR       "mfence"
#define ALL      "mfence"
#define PAIR_STORE "movl %k2,(%1)\nmovl %k2,4(%1)"
#define PAIR_LOAD  "movl (%2),%k0\nmovl 4(%2),%k1"
#define ZERO_OK  FORBIDDEN
#else
#define SCRATCH  "memory"
#define LSE      ".arch_extension lse\n"
#define STORE    "str %2,[%1]"
#define LOAD     "ldr %0,[%1]"
#define SWAP_REL LSE "swpl %2,%0,[%1]"
#define SWAP_ALL LSE "swpal %2,%0,[%1]"
#define WW       "dmb ishst"
#define RR       "dmb ishld"
#define RW       "dmb ishld"
#define WR       "dmb ish"
#define ALL      "dmb ish"
#define PAIR_STORE "str %w2,[%1]\nstr %w2,[%1,4]"
#define PAIR_LOAD  "ldr %w0,[%2]\nldr %w1,[%2,4]"
#define ZERO_OK  TSO /* the store of an atomic is not ordered before a later load */
#endif

#define ST(p, v)                                                                                             \
    __extension__({                                                                                          \
        Word none_;                                                                                          \
        __asm__ volatile(STORE : "=r"(none_) : "r"(p), "r"((Word)(v)) : "memory");                           \
    })
#define LD(p)                                                                                                \
    __extension__({                                                                                          \
        Word ld_;                                                                                            \
        __asm__ volatile(LOAD : "=r"(ld_) : "r"(p) : "memory");                                              \
        ld_;                                                                                                 \
    })
#define SWAP(how, p, v)                                                                                      \
    __extension__({                                                                                          \
        Word ld_;                                                                                            \
        __asm__ volatile(how : "=&r"(ld_) : "r"(p), "r"((Word)(v)) : SCRATCH);                               \
        ld_;                                                                                                 \
    })
#define FENCE(f) __asm__ volatile(f : : : "memory")

typedef void Part(Vars *v, Out *out);
#define PART(name, ...)                                                                                      \
    static void name(Vars *v, Out *out)                                                                      \
    {                                                                                                        \
        for (int i = 0; i < N; i++, v++, out++) {                                                            \
            __VA_ARGS__                                                                                      \
        }                                                                                                    \
    }

PART(store_x, ST(&v->x, 1);)
PART(store_y, ST(&v->y, 1);)
PART(read_x_x, out->a = LD(&v->x); out->b = LD(&v->x);)
PART(read_x_y_x, out->a = LD(&v->x); (void)LD(&v->y); out->b = LD(&v->x);)
PART(write_x_y, ST(&v->x, 1); ST(&v->y, 1);)
PART(write_x_ww_y, ST(&v->x, 1); FENCE(WW); ST(&v->y, 1);)
PART(write_x_rel_y, ST(&v->x, 1); SWAP(SWAP_REL, &v->y, 1);)
PART(read_y_x, out->a = LD(&v->y); out->b = LD(&v->x);)
PART(read_y_rr_x, out->a = LD(&v->y); FENCE(RR); out->b = LD(&v->x);)
PART(read_y_rw_x, out->a = LD(&v->y); FENCE(ALL); out->b = LD(&v->x);)
PART(read_x_rw_y, out->a = LD(&v->x); FENCE(ALL); out->b = LD(&v->y);)
PART(sb_x, ST(&v->x, 1); out->a = LD(&v->y);)
PART(sb_y, ST(&v->y, 1); out->a = LD(&v->x);)
PART(sb_x_rw, ST(&v->x, 1); FENCE(ALL); out->a = LD(&v->y);)
PART(sb_y_rw, ST(&v->y, 1); FENCE(ALL); out->a = LD(&v->x);)
PART(sb_x_wr, ST(&v->x, 1); FENCE(WR); out->a = LD(&v->y);)
PART(sb_y_wr, ST(&v->y, 1); FENCE(WR); out->a = LD(&v->x);)
PART(sb_x_amo, (void)SWAP(SWAP_ALL, &v->x, 1); out->a = LD(&v->y);)
PART(sb_y_amo, (void)SWAP(SWAP_ALL, &v->y, 1); out->a = LD(&v->x);)
PART(lb_x, out->a = LD(&v->x); ST(&v->y, 1);)
PART(lb_y, out->a = LD(&v->y); ST(&v->x, 1);)
PART(lb_x_rw, out->a = LD(&v->x); FENCE(RW); ST(&v->y, 1);)
PART(lb_y_rw, out->a = LD(&v->y); FENCE(RW); ST(&v->x, 1);)
PART(ww_x1_y2, ST(&v->x, 1); FENCE(WW); ST(&v->y, 2);)
PART(ww_y1_x2, ST(&v->y, 1); FENCE(WW); ST(&v->x, 2);)
/* A sequence lock: x counts, y holds the pair in its two halves. */
PART(seq_write, for (uint32_t k = 1; k <= 3; k++) {
    ST(&v->x, 2 * k - 1);
    FENCE(WW);
    Word none;
    __asm__ volatile(PAIR_STORE : "=r"(none) : "r"(&v->y), "r"(k) : "memory");
    FENCE(WW);
    ST(&v->x, 2 * k);
})
#define SEQ_READ(fence)                                                                                      \
    Word s = LD(&v->x), lo, hi, e;                                                                           \
    fence;                                                                                                   \
    __asm__ volatile(PAIR_LOAD : "=&r"(lo), "=&r"(hi) : "r"(&v->y) : "memory");                              \
    fence;                                                                                                   \
    e = LD(&v->x);                                                                                           \
    out->a = !(s & 1) && s == e ? lo : 0;                                                                    \
    out->b = !(s & 1) && s == e ? hi : 0;
PART(seq_read, SEQ_READ(FENCE(RR)))
PART(seq_read_plain, SEQ_READ((void)0))

typedef bool Seen(const Out *const out[], const Vars *v);
static bool one_then_zero(const Out *const o[], const Vars *v) { return o[1]->a == 1 && o[1]->b == 0; }
static bool both_zero(const Out *const o[], const Vars *v) { return !o[0]->a && !o[1]->a; }
static bool both_one(const Out *const o[], const Vars *v) { return o[0]->a && o[1]->a; }
static bool both_first(const Out *const o[], const Vars *v) { return v->x == 1 && v->y == 1; }
static bool halves_differ(const Out *const o[], const Vars *v) { return o[1]->a != o[1]->b; }
static bool two_orders(const Out *const o[], const Vars *v)
{
    return o[2]->a == 1 && o[2]->b == 0 && o[3]->a == 1 && o[3]->b == 0;
}

typedef enum Verdict { FORBIDDEN, TSO, ALLOWED } Verdict;

static const struct Test {
    const char *name;
    Verdict verdict;
    Seen *seen;
    Part *part[MAX_THREADS];
} tests[] = {
    {"CoRR", FORBIDDEN, one_then_zero, {store_x, read_x_x}},
    {"CoRR, another load between", FORBIDDEN, one_then_zero, {store_x, read_x_y_x}},
    {"MP", TSO, one_then_zero, {write_x_y, read_y_x}},
    {"MP, fences w,w and r,r", FORBIDDEN, one_then_zero, {write_x_ww_y, read_y_rr_x}},
    {"MP, release by AMO", FORBIDDEN, one_then_zero, {write_x_rel_y, read_y_rr_x}},
    {"SB", ALLOWED, both_zero, {sb_x, sb_y}},
    {"SB, fence rw,rw", FORBIDDEN, both_zero, {sb_x_rw, sb_y_rw}},
    {"SB, fence w,r", FORBIDDEN, both_zero, {sb_x_wr, sb_y_wr}},
    {"SB, AMO aqrl", ZERO_OK, both_zero, {sb_x_amo, sb_y_amo}},
    {"LB", TSO, both_one, {lb_x, lb_y}},
    {"LB, fence r,w", FORBIDDEN, both_one, {lb_x_rw, lb_y_rw}},
    {"2+2W, fence w,w", FORBIDDEN, both_first, {ww_x1_y2, ww_y1_x2}},
    {"IRIW, fences rw,rw", FORBIDDEN, two_orders, {store_x, store_y, read_x_rw_y, read_y_rw_x}},
    {"sequence lock, fences r,r", FORBIDDEN, halves_differ, {seq_write, seq_read}},
    {"sequence lock", TSO, halves_differ, {seq_write, seq_read_plain}},
};

/* ---- running a test ---- */

static Vars vars[N];
static Out outs[MAX_THREADS][N];
static unsigned batches = 12;
static int n_failed;

/* Meeting of n threads; they leave it within a moment of each other if they have processors. */
static unsigned arrived, round_no, n_threads;

static void meet(void)
{
    unsigned r = __atomic_load_n(&round_no, __ATOMIC_SEQ_CST);
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_SEQ_CST) == n_threads) {
        __atomic_store_n(&arrived, 0, __ATOMIC_SEQ_CST);
        __atomic_store_n(&round_no, r + 1, __ATOMIC_SEQ_CST);
        return;
    }
    for (unsigned n = 0; __atomic_load_n(&round_no, __ATOMIC_SEQ_CST) == r; n++)
        if (n > 2000)
            sched_yield();
}

typedef struct Job {
    const struct Test *test;
    unsigned id;
    unsigned long seen;
} Job;

static void judge(Job *j)
{
    for (int i = 0; i < N; i++) {
        const Out *const o[MAX_THREADS] = {&outs[0][i], &outs[1][i], &outs[2][i], &outs[3][i]};
        j->seen += j->test->seen(o, &vars[i]);
    }
    memset(vars, 0, sizeof(vars));
}

/* Threads on different processors, as far as there are any. */
static void pin(unsigned id)
{
    cpu_set_t all, one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof(all), &all))
        return;
    unsigned n = id % (unsigned)CPU_COUNT(&all), cpu = 0;
    while (!CPU_ISSET(cpu, &all) || n--)
        cpu++;
    CPU_SET(cpu, &one);
    sched_setaffinity(0, sizeof(one), &one);
}

static void *work(void *arg)
{
    Job *j = arg;
    pin(j->id);
    uint32_t random = j->id + 1;
    for (unsigned b = 0; b < batches * ROUNDS; b++) {
        random = random * 1664525 + 1013904223;
        meet();
        for (volatile unsigned d = random >> 26; d; d--)
            ;
        j->test->part[j->id](vars, outs[j->id]);
        meet();
        if (j->id == 0)
            judge(j);
        meet();
    }
    return NULL;
}

static void run(const struct Test *t)
{
    static const char *const word[] = {"forbidden", "forbidden by TSO", "allowed"};
    pthread_t thread[MAX_THREADS];
    Job job[MAX_THREADS] = {0};
    n_threads = t->part[2] ? 4 : 2;
    for (unsigned k = 0; k < n_threads; k++) {
        job[k] = (Job){.test = t, .id = k};
        if (pthread_create(&thread[k], NULL, work, &job[k]))
            exit(2);
    }
    for (unsigned k = 0; k < n_threads; k++)
        pthread_join(thread[k], NULL);
    bool bad = t->verdict != ALLOWED && job[0].seen;
    printf("%s %s: %s, seen %lu of %u\n", bad ? "FAIL" : "ok  ", t->name, word[t->verdict], job[0].seen,
           N * ROUNDS * batches);
    n_failed += bad;
}

static void result(const char *name, bool ok)
{
    printf("%s %s\n", ok ? "ok  " : "FAIL", name);
    n_failed += !ok;
}

/* ---- spinning ---- */

static uint64_t flag[2];

static void *raise_flag(void *arg)
{
    usleep(2000);
    *(volatile uint64_t *)flag = 1;
    return NULL;
}

/* Ends only if the load is made again each time round. (A run that does not end is ended by the runner's time
 * limit.) */
static void spin(int kind)
{
    pthread_t t;
    flag[0] = flag[1] = 0;
    pthread_create(&t, NULL, raise_flag, NULL);
#ifdef __riscv
    if (kind == 0)
        __asm__ volatile("1: ld t0,0(%0); beqz t0,1b" : : "r"(flag) : "t0", "memory");
    else if (kind == 1)
        __asm__ volatile("1: ld t0,0(%0); ld t1,8(%0); or t0,t0,t1; beqz t0,1b"
                         :
                         : "r"(flag)
                         : "t0", "t1", "memory");
    else
        __asm__ volatile("ld t1,0(%0); j 2f; 1: addi t2,t2,1; 2: ld t0,0(%0); beq t0,t1,1b"
                         : : "r"(flag) : "t0", "t1", "t2", "memory");
#elif defined(__arm__)
    if (kind == 0)
        __asm__ volatile("1: ldr r3,[%0]\ncmp r3,#0\nbeq 1b" : : "r"(flag) : SCRATCH);
    else if (kind == 1)
        __asm__ volatile("1: ldrd r2,r3,[%0]\norrs r2,r2,r3\nbeq 1b" : : "r"(flag) : SCRATCH);
    else
        __asm__ volatile("ldr r2,[%0]\nb 2f\n1: add r12,r12,#1\n2: ldr r3,[%0]\ncmp r3,r2\nbeq 1b"
                         : : "r"(flag) : SCRATCH);
#elif defined(__x86_64__)
    if (kind == 0)
        __asm__ volatile("1: cmpq $0,(%0)\nje 1b" : : "r"(flag) : SCRATCH);
    else if (kind == 1)
        __asm__ volatile("1: pause\nmov (%0),%%rax\nor 8(%0),%%rax\nje 1b" : : "r"(flag) : SCRATCH);
    else
        __asm__ volatile("mov (%0),%%rax\njmp 2f\n1: inc %%rcx\n2: cmp %%rax,(%0)\nje 1b"
                         : : "r"(flag) : "rcx", SCRATCH);
#else
    if (kind == 0)
        __asm__ volatile("1: ldr x9,[%0]\ncbz x9,1b" : : "r"(flag) : "x9", "memory");
    else if (kind == 1)
        __asm__ volatile("1: ldp x9,x10,[%0]\norr x9,x9,x10\ncbz x9,1b"
                         :
                         : "r"(flag)
                         : "x9", "x10", "memory");
    else
        __asm__ volatile("ldr x10,[%0]\nb 2f\n1: add x11,x11,1\n2: ldr x9,[%0]\ncmp x9,x10\nb.eq 1b"
                         : : "r"(flag) : "x9", "x10", "x11", "cc", "memory");
#endif
    pthread_join(t, NULL);
    result("spin on a plain load", true);
}

/* ---- counting ---- */

enum { COUNTERS = 4 };
static uint64_t sums[4];
static uint32_t sum32, lock;
static uint8_t sum8[8];
static unsigned each;

#ifdef __riscv
#define INCREMENT         "amoadd.d zero,%1,(%0)"
#define LLSC_INCREMENT    "1: lr.d %0,(%2); addi %0,%0,1; sc.d %1,%0,(%2); bnez %1,1b"
#define LLSC_INCREMENT_32 "1: lr.w %0,(%2); addiw %0,%0,1; sc.w %1,%0,(%2); bnez %1,1b"
#define LLSC_LOAD_BETWEEN "1: lr.d %0,(%2); ld %1,0(%2); addi %0,%1,1; sc.d %1,%0,(%2); bnez %1,1b"
#define LOCK              "amoswap.w.aq %0,%2,(%1)"
#define UNLOCK            "amoswap.w.rl zero,zero,(%0)"
#elif defined(__arm__)
#define INCREMENT         "1: ldrex r3,[%0]\nadd r3,r3,%1\nstrex r12,r3,[%0]\n" AGAIN
#define LLSC_INCREMENT    "1: ldrexd r2,r3,[%2]\nadds r2,r2,#1\nadc r3,r3,#0\nstrexd r12,r2,r3,[%2]\n" AGAIN
#define LLSC_INCREMENT_32 "1: ldaex %0,[%2]\nadd %0,%0,#1\nstlex r12,%0,[%2]\n" AGAIN
#define LLSC_LOAD_BETWEEN "1: ldrex %0,[%2]\nldr %1,[%2]\nadd %0,%1,#1\nstrex r12,%0,[%2]\n" AGAIN
#define LOCK              "1: ldaex %0,[%1]\nstrex r12,%2,[%1]\n" AGAIN
#define UNLOCK            "mov r12,#0\nstl r12,[%0]"
#elif defined(__x86_64__)
#define INCREMENT         "lock add %1,(%0)"
#define LLSC_INCREMENT    "1: mov (%2),%%rax\nlea 1(%%rax),%0\nlock cmpxchg %0,(%2)\njne 1b"
#define LLSC_INCREMENT_32 "1: mov (%2),%%eax\nlea 1(%%rax),%k0\nlock cmpxchg %k0,(%2)\njne 1b"
#define LLSC_LOAD_BETWEEN "mov $1,%k0\nlock xadd %0,(%2)"
#define LOCK              "mov %2,%k0\nxchg %k0,(%1)\nmov %k0,%k0"
#define UNLOCK            "movl $0,(%0)"
#else
#define INCREMENT         LSE "stadd %1,[%0]"
#define LLSC_INCREMENT    "1: ldxr %0,[%2]\nadd %0,%0,1\nstxr %w1,%0,[%2]\ncbnz %w1,1b"
#define LLSC_INCREMENT_32 "1: ldaxr %w0,[%2]\nadd %w0,%w0,1\nstlxr %w1,%w0,[%2]\ncbnz %w1,1b"
#define LLSC_LOAD_BETWEEN "1: ldxr %0,[%2]\nldr %1,[%2]\nadd %0,%1,1\nstxr %w1,%0,[%2]\ncbnz %w1,1b"
#define LOCK              LSE "swpa %w2,%w0,[%1]"
#define UNLOCK            LSE "swpl wzr,wzr,[%0]"
#endif

static void *count(void *arg)
{
    for (unsigned i = 0; i < each; i++) {
        Word t, f;
        __asm__ volatile(INCREMENT : : "r"(&sums[0]), "r"(1ul) : SCRATCH);
        __asm__ volatile(LLSC_INCREMENT : "=&r"(t), "=&r"(f) : "r"(&sums[1]) : SCRATCH);
        __asm__ volatile(LLSC_INCREMENT_32 : "=&r"(t), "=&r"(f) : "r"(&sum32) : SCRATCH);
        __asm__ volatile(LLSC_LOAD_BETWEEN : "=&r"(t), "=&r"(f) : "r"(&sums[2]) : SCRATCH);
        __atomic_fetch_add(&sum8[i & 3], 1, __ATOMIC_RELAXED); /* LR/SC with masks, or of bytes */
        do
            __asm__ volatile(LOCK : "=&r"(t) : "r"(&lock), "r"(1) : SCRATCH);
        while (t && (sched_yield(), true));
        sums[3]++;
        __asm__ volatile(UNLOCK : : "r"(&lock) : SCRATCH);
    }
    return NULL;
}

static void counting(void)
{
    pthread_t t[COUNTERS];
    each = 256 * batches;
    for (int i = 0; i < COUNTERS; i++)
        pthread_create(&t[i], NULL, count, NULL);
    for (int i = 0; i < COUNTERS; i++)
        pthread_join(t[i], NULL);
    uint64_t all = (uint64_t)COUNTERS * each;
    result("increments by AMO", sums[0] == all);
    result("increments by LR/SC", sums[1] == all && sum32 == (uint32_t)all);
    result("increments by LR/SC, a load between", sums[2] == all);
    result("increments of bytes", sum8[0] == (uint8_t)(all / 4) && sum8[0] == sum8[1] && sum8[0] == sum8[3]);
    result("increments under a lock of AMOs", sums[3] == all);
}

/* ---- code ---- */

static uint32_t *code;
static uint64_t published, too_old;
static uint32_t done;

#ifdef __riscv
static const uint32_t reader[] = {0x00053503}; /* ld a0,0(a0) */
static const uint32_t tail[] = {0x00008067}; /* ret */
enum { NOP = 0x00000013 };
static uint32_t subtract(uint32_t n) { return 0x00050513 | (-n & 0xfff) << 20; } /* addi a0,a0,-n */
static void flush_all(uint32_t *at) { syscall(259, 0, 0, 0); } /* riscv_flush_icache */
#elif defined(__arm__)
/* ldr r0,[r0]; cmp r0,#0; isb */
static const uint32_t reader[] = {0xe5900000, 0xe3500000, 0xf57ff06f}, tail[] = {0xe0400001, 0xe12fff1e};
#define NOP 0xe320f000
/* movw r1,#n; the tail: sub r0,r0,r1; bx lr */
static uint32_t subtract(uint32_t n) { return 0xe3001000 | n; }
static void flush_all(uint32_t *at) { __builtin___clear_cache((char *)at, (char *)(at + 1)); }
#elif defined(__x86_64__)
/* mov r8,[rdi]; push rbx; cpuid, which serializes; pop rbx; mov rax,r8. (In a
 * virtual machine the processor leaves cpuid to others: there a native run was once seen to run old code.) */
static const uint32_t reader[] = {0x53078b4c, 0x4c5ba20f, 0x9090c089}, tail[] = {0x909090c3};
#define NOP           0x90909090
#define BEFORE_NUMBER 0x2d489090 /* sub rax, */
static uint32_t subtract(uint32_t n) { return n; }
static void flush_all(uint32_t *at) { (void)at; }
#else
/* ldr x0,[x0]; cbz x0,.+4; isb: what was flushed before it was published is fetched after it was read. */
static const uint32_t reader[] = {0xf9400000, 0xb4000020, 0xd5033fdf}, tail[] = {0xd65f03c0};
#define NOP 0xd503201f
static uint32_t subtract(uint32_t n) { return 0xd1000000 | n << 10; } /* sub x0,x0,n */
static void flush_all(uint32_t *at) { __builtin___clear_cache((char *)at, (char *)(at + 1)); }
#endif

/* The code reads what was published and subtracts the number that is written into it: after the writer has
 * published n, nobody may run the code of before. */
static void *run_code(void *arg)
{
    long (*f)(uint64_t *) = (long (*)(uint64_t *))(void *)code;
    while (!__atomic_load_n(&done, __ATOMIC_ACQUIRE))
        if (f(&published) > 0)
            too_old++;
    return NULL;
}

static void changing_code(bool barrier)
{
    enum { SYNC_CORE = 32, REGISTER_SYNC_CORE = 64 };
    pthread_t t;
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (barrier && syscall(SYS_membarrier, REGISTER_SYNC_CORE, 0, 0)) {
        printf("skip changing code, membarrier: the kernel has none\n");
        return;
    }
    published = done = 0;
    too_old = 0;
    memcpy(code, reader, sizeof(reader));
    for (int i = sizeof(reader) / 4; i < 30; i++)
        code[i] = NOP;
#ifdef BEFORE_NUMBER
    code[29] = BEFORE_NUMBER;
#endif
    code[30] = subtract(0);
    memcpy(&code[31], tail, sizeof(tail));
    __builtin___clear_cache((char *)code, (char *)(code + 33));
    pthread_create(&t, NULL, run_code, NULL);
    for (uint32_t n = 1; n <= 20 * batches && n < 2000; n++) {
        __atomic_store_n(&code[30], subtract(n), __ATOMIC_RELAXED);
        if (barrier)
            syscall(SYS_membarrier, SYNC_CORE, 0, 0);
        else
            flush_all(&code[30]);
        __atomic_store_n(&published, n, __ATOMIC_RELEASE);
        if (n % 8 == 0)
            sched_yield();
    }
    __atomic_store_n(&done, 1, __ATOMIC_RELEASE);
    pthread_join(t, NULL);
    if (too_old) printf("     %lu runs of old code\n", (unsigned long)too_old);
    result(barrier ? "changing code, membarrier" : "changing code, flush", too_old == 0);
    munmap(code, 4096);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        batches = (unsigned)atoi(argv[1]);
    for (unsigned k = 0; k < sizeof(tests) / sizeof(tests[0]); k++)
        run(&tests[k]);
    for (int kind = 0; kind < 3; kind++)
        spin(kind);
    counting();
    changing_code(false);
    changing_code(true);
    return n_failed != 0;
}
