/* Several cpus of one Accel that run, rewrite, evict, kick, stop each other and fork at random, on the toy
 * target.
 *
 * The guest's code is an array of slots. Each loads its version, counts, stores the count, and goes on by a
 * direct or an indirect jump until the count is reached. What is checked: a cpu that stops in a slot has its
 * version, at least the one that was current (written, and flushed) when it was started; nobody counts while
 * another is alone; a kick always brings a cpu out; children see the same. The cache is so small that code is
 * evicted all the time.
 *
 * usage: stress [seconds [seed]]          default 3; exit status 1 and a line for what went wrong
 *        stress fork                      what fork costs, by size of the code
 */
#include "tests/accel/toy_target.h"

#include "accel/accel.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WORKERS = 4, SLOT_INSNS = 8, SLOT_BYTES = 4 * SLOT_INSNS, PAGES = 64,
       SLOTS = PAGES * 4096 / SLOT_BYTES };
enum { VERSIONS = 128, LOST_SECONDS = 5, HOT = 16 /* slots that indirect jumps lead to */ };

typedef struct Worker {
    Cpu *cpu;
    uint64_t seed;
    uint64_t data[2];            /* the guest's: count */
    atomic_uint alone;           /* holds the others */
    atomic_uint wait, release;   /* runs until a kick with release == wait; numbers of such runs */
    atomic_ullong kicked_at, latency, worst, kicks;
    unsigned long runs, writes, exclusives, forks;
    pthread_t thread;
} Worker;

static uint8_t *code;
static unsigned code_slots = SLOTS;
static Accel *accel;
static Worker worker[WORKERS];
static _Thread_local Cpu *self;
static pthread_mutex_t slot_lock[64];
static _Atomic uint8_t announced[SLOTS], current[SLOTS]; /* versions; announced before it is written */
static atomic_bool stop;
static bool in_child;

static _Noreturn void fail(const char *what, unsigned long a, unsigned long b)
{
    printf("stress: %s (%lu, %lu)%s\n", what, a, b, in_child ? ", in a child" : "");
    fflush(stdout);
    _exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint32_t next_random(uint64_t *seed) /* xorshift64* */
{
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return (uint32_t)(*seed * 0x2545f4914f6cdd1d >> 32);
}

/* ---- guest code ---- */

static unsigned exec_bytes(void *opaque, Gva pc)
{
    Gva start = (Gva)(uintptr_t)code, end = start + (uint64_t)code_slots * SLOT_BYTES;
    return pc < start || pc >= end ? 0 : (unsigned)(end - pc < 4096 ? end - pc : 4096);
}

/* Every other page is one that the guest can write: changed with a fence or a recheck of the page. The rest
 * is changed with an invalidation. */
static bool writable_page(Gva page) { return (page - (Gva)(uintptr_t)code) >> 12 & 1; }
static AccelCode code_page(void *opaque, Gva page, bool notice)
{
    return writable_page(page) ? ACCEL_CODE_UNNOTICED : ACCEL_CODE_STAYS;
}

static Gva slot_pc(unsigned s) { return (Gva)(uintptr_t)code + (uint64_t)s * SLOT_BYTES; }

static void put(unsigned s, unsigned k, TtInsn i)
{
    uint32_t w;
    memcpy(&w, &i, 4);
    __atomic_store_n((uint32_t *)(void *)(code + s * SLOT_BYTES + 4 * k), w, __ATOMIC_SEQ_CST);
}

static void put_version(unsigned s, unsigned version) { put(s, 0, (TtInsn){TT_ADDI, 3, 0, (int8_t)version}); }

/* r0 = 0, r2 = count, r3 = version, r5 = data, r6 = where indirect jumps go, r7 = count to stop at */
static void put_slot(unsigned s, uint64_t *seed)
{
    put_version(s, 0);
    put(s, 1, (TtInsn){TT_ADDI, 2, 2, 1});
    put(s, 2, (TtInsn){TT_ST, 2, 5, 0});
    put(s, 3, (TtInsn){TT_BNE, 2, 7, 2});
    put(s, 4, (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_SYSCALL});
    if (s % 8 == 5) {
        put(s, 5, (TtInsn){TT_JR, 6, 0, 0});
        return;
    }
    int to = (int)s + (int)(next_random(seed) % 25) - 11;
    if (to < 0 || to >= (int)code_slots)
        to = (int)code_slots / 2 > to ? 0 : (int)s - 9;
    put(s, 5, (TtInsn){TT_BNE, 7, 0, (int8_t)((to - (int)s) * SLOT_INSNS - 5)});
    put(s, 6, (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_BREAK});
}

/* ---- what workers do ---- */

static unsigned hot_slot(uint32_t n) { return n % HOT * (SLOTS / HOT); }

static void lock_slot(unsigned s)
{
    if (!in_child)
        pthread_mutex_lock(&slot_lock[s % 64]);
}

static void unlock_slot(unsigned s)
{
    if (!in_child)
        pthread_mutex_unlock(&slot_lock[s % 64]);
}

static void rewrite(Worker *w)
{
    unsigned r = next_random(&w->seed), s = r % 4 == 0 ? hot_slot(r / 4) : r / 4 % SLOTS;
    lock_slot(s);
    unsigned v = (current[s] + 1) % VERSIONS;
    announced[s] = (uint8_t)v;
    put_version(s, v);
    if (writable_page(slot_pc(s) & ~4095ull) && v % 2)
        accel_fence_i(w->cpu);
    else if (writable_page(slot_pc(s) & ~4095ull))
        accel_recheck(accel, slot_pc(s) & ~4095ull, 4096);
    else
        accel_invalidate(accel, slot_pc(s), 4);
    current[s] = (uint8_t)v;
    unlock_slot(s);
    w->writes++;
}

static void start_at(Worker *w, Cpu *cpu, unsigned s, uint64_t count)
{
    TtCpu *c = (TtCpu *)cpu;
    c->r[0] = 0;
    c->r[2] = 0;
    c->r[5] = (uint64_t)(uintptr_t)w->data;
    c->r[6] = slot_pc(hot_slot(next_random(&w->seed)));
    c->r[7] = count;
    c->cpu.pc = slot_pc(s);
}

static void run(Worker *w, Cpu *cpu)
{
    static _Thread_local uint8_t before[SLOTS];
    TtCpu *c = (TtCpu *)cpu;
    uint32_t r = next_random(&w->seed);
    bool jump = r & 1; /* one indirect jump, to a slot that is checked at once */
    uint64_t count = jump ? 2 : 1 + r / 2 % 2000;
    for (unsigned s = 0; s < SLOTS; s++)
        before[s] = current[s];
    start_at(w, cpu, jump ? r / 2 % SLOTS / 8 * 8 + 5 : r / 4096 % SLOTS, count);
    do
        accel_run(cpu);
    while (c->cpu.exit.kind == CPU_EXIT_KICK);
    unsigned s = (unsigned)((c->cpu.pc - (Gva)(uintptr_t)code) / SLOT_BYTES);
    if (c->cpu.exit.kind != CPU_EXIT_SYSCALL || c->r[2] != count || w->data[0] != count)
        fail("a run ends wrongly: exit, count", c->cpu.exit.kind, c->r[2]);
    unsigned low = before[s], high = announced[s], got = (unsigned)c->r[3] & (VERSIONS - 1);
    if ((got - low) % VERSIONS > (high - low) % VERSIONS)
        fail("old code ran: version, expected at least", got, low);
    w->runs++;
}

/* Until the supervisor lets it go. */
static void run_until_kicked(Worker *w)
{
    unsigned me = atomic_load(&w->wait) + 1;
    atomic_store(&w->wait, me);
    start_at(w, w->cpu, next_random(&w->seed) % SLOTS, ~0ull);
    do {
        accel_run(w->cpu);
        if (w->cpu->exit.kind != CPU_EXIT_KICK)
            fail("an endless run ends: exit", w->cpu->exit.kind, 0);
    } while (atomic_load(&w->release) != me && !atomic_load(&stop));
    uint64_t late = now_ns() - atomic_load(&w->kicked_at);
    if (atomic_load(&w->release) == me) {
        w->latency += late;
        w->kicks++;
        if (late > w->worst)
            w->worst = late;
    }
}

static void be_alone(Worker *w)
{
    uint64_t counts[WORKERS];
    accel_exclusive_begin(w->cpu);
    for (unsigned k = 0; k < WORKERS; k++)
        counts[k] = __atomic_load_n(&worker[k].data[0], __ATOMIC_RELAXED);
    for (uint64_t end = now_ns() + 20000; now_ns() < end;)
        continue;
    for (unsigned k = 0; k < WORKERS; k++)
        if (counts[k] != __atomic_load_n(&worker[k].data[0], __ATOMIC_RELAXED))
            fail("a cpu runs beside one that is alone", k, 0);
    accel_exclusive_end(w->cpu);
    w->exclusives++;
}

static void new_cpu(Worker *w)
{
    Cpu *cpu = accel_cpu_clone(accel, w->cpu);
    if (!cpu)
        fail("no cpu", 0, 0);
    self = cpu;
    run(w, cpu);
    self = w->cpu;
    accel_cpu_free(cpu);
}

static void fork_once(Worker *w, unsigned depth)
{
    accel_fork_prepare(accel);
    pid_t pid = fork();
    if (pid == 0) {
        accel_fork_child(accel, w->cpu);
        in_child = true;
        for (unsigned n = 0; n < 20; n++) {
            run(w, w->cpu);
            rewrite(w);
        }
        if (depth)
            fork_once(w, depth - 1);
        _exit(0);
    }
    accel_fork_parent(accel);
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    if (status != 0)
        fail("a child fails: pid, status", (unsigned long)pid, (unsigned long)status);
    w->forks++;
}

static void *work(void *arg)
{
    Worker *w = arg;
    self = w->cpu;
    while (!atomic_load(&stop)) {
        uint32_t r = next_random(&w->seed) % 1000;
        if (r < 500)
            run(w, w->cpu);
        else if (r < 900)
            rewrite(w);
        else if (r < 960)
            run_until_kicked(w);
        else if (r < 980)
            be_alone(w);
        else if (r < 995)
            new_cpu(w);
        else
            fork_once(w, r == 999 ? 3 : 0);
    }
    return NULL;
}

/* ---- the rest ---- */

/* Kicks those that wait; a kick without effect is an error. */
static void supervise(uint64_t end)
{
    uint64_t since[WORKERS] = {0};
    while (now_ns() < end) {
        usleep(100);
        for (unsigned k = 0; k < WORKERS; k++) {
            Worker *w = &worker[k];
            unsigned wait = atomic_load(&w->wait);
            if (wait == atomic_load(&w->release)) {
                /* released: it starts another run with a higher number, or does something else */
                since[k] = 0;
                continue;
            }
            atomic_store(&w->kicked_at, now_ns());
            atomic_store(&w->release, wait);
            accel_kick(w->cpu);
            since[k] = now_ns();
            while (atomic_load(&w->wait) == wait && w->kicks < wait) {
                if (now_ns() - since[k] > LOST_SECONDS * 1000000000ull)
                    fail("a kick is lost: worker", k, wait);
                usleep(50);
            }
        }
    }
    atomic_store(&stop, true);
    for (unsigned k = 0; k < WORKERS; k++)
        accel_kick(worker[k].cpu);
}

static void on_alarm(int sig)
{
    if (self)
        accel_kick(self);
}

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    if (!self || !accel_fault(self, sig, si, uc))
        signal(sig, SIG_DFL);
}

static unsigned returns_from;

static void setup(size_t cache_bytes, unsigned log)
{
    code = mmap(NULL, (size_t)code_slots * SLOT_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
    uint64_t seed = 88172645463325252;
    for (unsigned s = 0; s < code_slots; s++)
        put_slot(s, &seed);
    AccelConfig cfg = {.jit = true, .returns_from = returns_from, .cache_bytes = cache_bytes, .log = log,
                       .log_fd = 1,
                       .mem = {.exec_bytes = exec_bytes, .code_page = code_page}};
    char err[128] = "";
    accel = accel_new(&cfg, &target_toy, err, sizeof err);
    if (!accel) {
        printf("stress: %s\n", err);
        exit(1);
    }
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
}

static int stress(double seconds, uint64_t seed)
{
    setup(256 << 10, ACCEL_LOG_STATS);
    signal(SIGALRM, on_alarm);
    struct itimerval timer = {{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &timer, NULL);
    for (unsigned k = 0; k < 64; k++)
        pthread_mutex_init(&slot_lock[k], NULL);
    for (unsigned k = 0; k < WORKERS; k++) {
        worker[k].cpu = accel_cpu_new(accel);
        worker[k].seed = seed * 77 + k + 1;
    }
    for (unsigned k = 0; k < WORKERS; k++)
        pthread_create(&worker[k].thread, NULL, work, &worker[k]);
    supervise(now_ns() + (uint64_t)(seconds * 1e9));
    Worker sum = {0};
    for (unsigned k = 0; k < WORKERS; k++) {
        const Worker *w = &worker[k];
        pthread_join(w->thread, NULL);
        sum.runs += w->runs;
        sum.writes += w->writes;
        sum.exclusives += w->exclusives;
        sum.forks += w->forks;
        sum.kicks += w->kicks;
        sum.latency += w->latency;
        sum.worst = w->worst > sum.worst ? w->worst : sum.worst;
    }
    printf(
        "runs %lu, rewrites %lu, alone %lu, forks %lu, kicks %llu: none lost, mean %llu us, worst %llu us\n",
        sum.runs, sum.writes, sum.exclusives, sum.forks, sum.kicks,
        sum.kicks ? sum.latency / sum.kicks / 1000 : 0, sum.worst / 1000);
    accel_stats(accel);
    return sum.runs && sum.writes && sum.exclusives ? 0 : 1;
}

/* Microseconds of fork() and exit in the parent, with the translator's part. */
static double fork_cost(Cpu *cpu)
{
    enum { N = 50 };
    uint64_t best = ~0ull;
    for (unsigned n = 0; n < N; n++) {
        uint64_t t = now_ns();
        accel_fork_prepare(accel);
        pid_t pid = fork();
        if (pid == 0) {
            accel_fork_child(accel, cpu);
            _exit(0);
        }
        accel_fork_parent(accel);
        t = now_ns() - t;
        best = t < best ? t : best;
        waitpid(pid, NULL, 0);
    }
    return (double)best / 1000;
}

static int measure_fork(void)
{
    code_slots = 382000; /* 16 MiB of host code */
    setup(0, ACCEL_LOG_STATS);
    worker[0].cpu = self = accel_cpu_new(accel);
    printf("fork with no code: %.0f us\n", fork_cost(self));
    for (unsigned s = 0; s < code_slots; s++) {
        start_at(&worker[0], self, s, 1);
        accel_run(self);
        if (s == code_slots / 4 || s == code_slots - 1) {
            accel_stats(accel);
            printf("fork: %.0f us\n", fork_cost(self));
        }
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "fork") == 0)
        return measure_fork();
    returns_from = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 0) : 0;
    return stress(argc > 1 ? atof(argv[1]) : 3, argc > 2 ? strtoull(argv[2], NULL, 0) : 1);
}
