/* The contract of accel.h, on the toy target. Argument: the engine ("interp" or "dbt"). */
#include "tests/accel/toy_target.h"
#include "tests/unit/test.h"

#include "accel/accel.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

static bool use_jit;
static unsigned returns_from; /* regions: the return stack is tested from the start, or not */
static _Thread_local Cpu *self;
static uint8_t *code;     /* two pages, the second not executable unless a test says so */
static unsigned exec_len; /* bytes of `code` that are executable */
static Accel *accel;
static Cpu *cpu;

#define REG(n) (((TtCpu *)cpu)->r[n])

static unsigned exec_bytes(void *opaque, Gva pc)
{
    Gva start = (Gva)(uintptr_t)code;
    if (pc < start || pc >= start + exec_len)
        return 0;
    uint64_t n = start + exec_len - pc;
    return n > 4096 ? 4096 : (unsigned)n;
}

static AccelCode code_page(void *opaque, Gva page, bool notice) { return ACCEL_CODE_UNNOTICED; }

static void on_fault(int sig, siginfo_t *si, void *uc)
{
    if (!self || !accel_fault(self, sig, si, uc))
        signal(sig, SIG_DFL);
}

static void put(unsigned at, TtInsn i) { memcpy(code + 4 * at, &i, 4); }

static int setup(void **state)
{
    code = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    exec_len = 4096;
    AccelConfig cfg = {.jit = use_jit, .returns_from = returns_from,
                       .mem = {.exec_bytes = exec_bytes, .code_page = code_page}};
    char err[128] = "";
    accel = accel_new(&cfg, &target_toy, err, sizeof err);
    assert_non_null(accel);
    cpu = self = accel_cpu_new(accel);
    assert_non_null(cpu);
    cpu->pc = (Gva)(uintptr_t)code;
    return 0;
}

/* In the test itself: cmocka puts its own handlers up after setup. */
static void catch_faults(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &sa, NULL);
    sigaction(SIGBUS, &sa, NULL);
}

static int teardown(void **state)
{
    accel_free(accel);
    munmap(code, 8192);
    return 0;
}

/* A cpu may be kicked out for the engine's own reasons. */
static void run(void)
{
    do
        accel_run(cpu);
    while (cpu->exit.kind == CPU_EXIT_KICK);
}

static Gva at(unsigned insn) { return (Gva)(uintptr_t)code + 4 * insn; }

/* r1 = `times`, counts it down to r0 = 0, adds r1 into r2 */
static void put_loop(int8_t times)
{
    put(0, (TtInsn){TT_ADDI, 1, 0, times});
    put(1, (TtInsn){TT_ADD, 2, 1, 0});
    put(2, (TtInsn){TT_ADDI, 1, 1, -1});
    put(3, (TtInsn){TT_BNE, 1, 0, -2});
    put(4, (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_SYSCALL});
}

static void test_loop_and_syscall(void **state)
{
    put_loop(100);
    accel_run(cpu);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_SYSCALL);
    assert_int_equal(cpu->pc, at(4));
    assert_int_equal(REG(2), 5050);
}

static void test_call_and_return(void **state)
{
    put(0, (TtInsn){TT_CALL, 7, 0, 3});
    put(1, (TtInsn){TT_ADDI, 2, 2, 1});
    put(2, (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_BREAK});
    put(3, (TtInsn){TT_ADDI, 2, 2, 64});
    put(4, (TtInsn){TT_JR, 7, 0, 0});
    accel_run(cpu);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_BREAK);
    assert_int_equal(cpu->pc, at(2));
    assert_int_equal(REG(2), 65);
    assert_int_equal(REG(7), at(1));
}

static void test_illegal(void **state)
{
    put(0, (TtInsn){TT_ADDI, 1, 1, 1});
    put(1, (TtInsn){99, 0, 0, 0});
    accel_run(cpu);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_ILLEGAL);
    assert_int_equal(cpu->pc, at(1));
    assert_int_equal(REG(1), 1);
}

/* The emitter gives up on it; the program must not notice. */
static void test_instruction_too_complex(void **state)
{
    uint64_t data[8], want = 0;
    catch_faults();
    for (unsigned k = 0; k < 8; k++)
        data[k] = 1000003 * k + 17;
    for (unsigned k = 0; k < 2 * 120; k++)
        want += k * data[k & 7];
    put(0, (TtInsn){TT_ADDI, 1, 1, 1});
    put(1, (TtInsn){TT_WIDE, 3, 4, 120});
    put(2, (TtInsn){TT_ADDI, 2, 2, 1});
    put(3, (TtInsn){TT_BNE, 1, 5, -3});
    put(4, (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_SYSCALL});
    REG(4) = (uint64_t)(uintptr_t)data;
    REG(5) = 50;
    run();
    assert_int_equal(cpu->exit.kind, CPU_EXIT_SYSCALL);
    assert_int_equal(REG(3), want);
    assert_int_equal(REG(2), 50);
    cpu->pc = at(0);
    REG(4) = 8; /* nothing there */
    run();
    assert_int_equal(cpu->exit.kind, CPU_EXIT_FAULT);
    assert_int_equal(cpu->exit.addr, 8);
    assert_int_equal(cpu->pc, at(1));
    assert_int_equal(REG(1), 51);
}

static void test_fetch_fault(void **state)
{
    cpu->pc = at(1024);
    accel_run(cpu);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_FETCH);
    assert_int_equal(cpu->exit.addr, at(1024));
    assert_int_equal(cpu->pc, at(1024));
}

static void test_fetch_fault_across_pages(void **state)
{
    put(1023, (TtInsn){TT_ADDI, 1, 1, 1});
    cpu->pc = at(1023) + 2;
    accel_run(cpu);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_FETCH);
    assert_int_equal(cpu->exit.addr, at(1024));
    assert_int_equal(cpu->pc, at(1023) + 2);
    exec_len = 8192;
    put(1023, (TtInsn){0, 0, TT_ADDI, 1}); /* read two bytes later: {ADDI, 1, 1, 5} then RAISE */
    code[4096] = 1, code[4097] = 5;
    memcpy(code + 4098, &(TtInsn){TT_RAISE, 0, 0, CPU_EXIT_BREAK}, 4);
    accel_invalidate(accel, at(1024), 4096);
    accel_run(cpu);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_BREAK);
    assert_int_equal(REG(1), 5);
}

static void test_data_fault_is_precise(void **state)
{
    catch_faults();
    uint64_t *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap((char *)page + 4096, 4096);
    page[511] = 42;
    put(0, (TtInsn){TT_ADDI, 3, 3, 7});
    put(1, (TtInsn){TT_LDP, 1, 2, 0});
    put(2, (TtInsn){TT_ADDI, 3, 3, 100});
    REG(1) = 11;
    REG(2) = (uint64_t)(uintptr_t)&page[511];
    accel_run(cpu);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_FAULT);
    assert_int_equal(cpu->pc, at(1));
    assert_int_equal(cpu->exit.sig, SIGSEGV);
    assert_int_equal(cpu->exit.code, SEGV_MAPERR);
    assert_int_equal(cpu->exit.write, 0);
    assert_int_equal(cpu->exit.addr, (uint64_t)(uintptr_t)&page[512]);
    assert_int_equal(REG(1), 11);
    assert_int_equal(REG(2), (uint64_t)(uintptr_t)&page[511]);
    assert_int_equal(REG(3), 7);
    munmap(page, 4096);
}

static void store_at(uint64_t addr)
{
    put(0, (TtInsn){TT_ST, 1, 2, 0});
    cpu->pc = at(0);
    REG(2) = addr;
    accel_run(cpu);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_FAULT);
    assert_int_equal(cpu->exit.write, 1);
    assert_int_equal(cpu->pc, at(0));
}

static void test_store_faults(void **state)
{
    catch_faults();
    char *page = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    store_at((uint64_t)(uintptr_t)page);
    assert_int_equal(cpu->exit.code, SEGV_ACCERR);
    assert_int_equal(cpu->exit.addr, (uint64_t)(uintptr_t)page);
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
    store_at((uint64_t)(uintptr_t)page + 4092); /* crosses into the read-only page */
    assert_int_equal(cpu->exit.addr, (uint64_t)(uintptr_t)page + 4096);
    munmap(page, 8192);
    store_at(0x8000000000000000); /* not canonical: the kernel does not say the address */
    assert_int_equal(cpu->exit.sig, SIGSEGV);
    assert_int_equal(cpu->exit.code, SEGV_MAPERR);
    assert_int_equal(cpu->exit.addr, 0x8000000000000000);
}

static void test_kick_before_run(void **state)
{
    put_loop(100);
    accel_kick(cpu);
    accel_run(cpu);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_KICK);
    assert_int_equal(cpu->kick, 0);
    accel_run(cpu);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_SYSCALL);
    assert_int_equal(REG(2), 5050);
}

static bool kicks_done;

static void *kicker(void *arg)
{
    while (!__atomic_load_n(&kicks_done, __ATOMIC_ACQUIRE)) {
        usleep(200);
        accel_kick(arg);
    }
    return NULL;
}

/* Runs the cpu until it was kicked out ten times. */
static void run_kicked(void)
{
    pthread_t t;
    kicks_done = false;
    pthread_create(&t, NULL, kicker, cpu);
    for (unsigned k = 0; k < 10; k++) {
        accel_run(cpu);
        assert_int_equal(cpu->exit.kind, CPU_EXIT_KICK);
    }
    __atomic_store_n(&kicks_done, true, __ATOMIC_RELEASE);
    pthread_join(t, NULL);
}

static void test_kick_endless_loops(void **state)
{
    put(0, (TtInsn){TT_ADDI, 1, 1, 1}); /* r1 never equals r0 = -1 in our time */
    put(1, (TtInsn){TT_BNE, 1, 0, -1});
    REG(0) = ~0ull;
    run_kicked();
    /* a loop through an indirect jump has no closed region */
    put(8, (TtInsn){TT_ADDI, 1, 1, 1});
    put(9, (TtInsn){TT_JR, 5, 0, 0});
    REG(5) = cpu->pc = at(8);
    run_kicked();
}

/* Code that a cpu reaches through its own jump cache only, and never leaves: what is written there must be
 * seen. */
static void *rewriter(void *arg)
{
    usleep(20000);
    put(9, (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_BREAK});
    accel_invalidate(accel, at(9), 4);
    return NULL;
}

static void test_invalidate_stops_an_indirect_loop(void **state)
{
    pthread_t t;
    put(8, (TtInsn){TT_ADDI, 1, 1, 1});
    put(9, (TtInsn){TT_JR, 5, 0, 0});
    REG(5) = cpu->pc = at(8);
    pthread_create(&t, NULL, rewriter, NULL);
    do
        accel_run(cpu);
    while (cpu->exit.kind == CPU_EXIT_KICK);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_BREAK);
    pthread_join(t, NULL);
}

static void test_step(void **state)
{
    put_loop(3);
    cpu->ctx |= CTX_STEP;
    for (unsigned n = 1; n <= 4; n++) {
        accel_run(cpu);
        assert_int_equal(cpu->exit.kind, CPU_EXIT_KICK);
        assert_int_equal(cpu->pc, n < 4 ? at(n) : at(1));
    }
    cpu->ctx &= ~(uint32_t)CTX_STEP;
    accel_run(cpu);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_SYSCALL);
    assert_int_equal(REG(2), 6);
}

/* An indirect jump knows where its target's region is, and must not go on there. */
static void test_step_over_jump(void **state)
{
    put(0, (TtInsn){TT_ADDI, 1, 1, 1});
    put(1, (TtInsn){TT_JR, 5, 0, 0});
    REG(5) = cpu->pc = at(0);
    cpu->ctx |= CTX_STEP;
    for (unsigned n = 1; n <= 12; n++) {
        accel_run(cpu);
        assert_int_equal(cpu->exit.kind, CPU_EXIT_KICK);
        assert_int_equal(cpu->pc, at(n & 1));
        assert_int_equal(REG(1), (n + 1) / 2);
    }
}

static void test_new_code_after_invalidate(void **state)
{
    put(0, (TtInsn){TT_ADDI, 1, 1, 1});
    put(1, (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_SYSCALL});
    run();
    put(0, (TtInsn){TT_ADDI, 1, 1, 16});
    accel_invalidate(accel, at(0), 4);
    cpu->pc = at(0);
    run();
    assert_int_equal(REG(1), 17);
    put(0, (TtInsn){TT_ADDI, 1, 1, 32});
    accel_fence_i(cpu);
    cpu->pc = at(0);
    run();
    assert_int_equal(REG(1), 49);
}

/* The guest overwrites an instruction ahead of it, then LEAVE FENCE_I. */
static void test_guest_writes_code(void **state)
{
    TtInsn now[2] = {{TT_ADDI, 1, 1, 16}, {TT_RAISE, 0, 0, CPU_EXIT_SYSCALL}};
    uint64_t word;
    memcpy(&word, now, 8);
    put(0, (TtInsn){TT_ST, 3, 4, 0});
    put(1, (TtInsn){TT_LEAVE, 0, 0, CPU_EXIT_FENCE_I});
    put(2, (TtInsn){TT_ADDI, 1, 1, 1});
    put(3, (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_BREAK});
    cpu->pc = at(2);
    run();
    assert_int_equal(REG(1), 1);
    REG(3) = word;
    REG(4) = at(2);
    cpu->pc = at(0);
    run();
    assert_int_equal(cpu->exit.kind, CPU_EXIT_SYSCALL);
    assert_int_equal(REG(1), 17);
}

static void test_clone(void **state)
{
    put_loop(10);
    REG(2) = 1000;
    Cpu *first = cpu;
    Cpu *other = accel_cpu_clone(accel, cpu);
    assert_non_null(other);
    cpu = self = other;
    run();
    assert_int_equal(REG(2), 1055);
    accel_cpu_free(other);
    cpu = self = first;
    assert_int_equal(REG(2), 1000);
}

/* The next cpu may stand where one was freed: it has the reset state, and knows nothing that has changed
 * since. */
static void test_cpu_again(void **state)
{
    Cpu *first = cpu;
    for (unsigned k = 0; k < 40; k++) {
        put(0, (TtInsn){TT_ADDI, 1, 1, (int8_t)(k + 1)});
        put(1, (TtInsn){TT_JR, 5, 0, 0});
        put(2, (TtInsn){TT_ADDI, 1, 1, (int8_t)(k % 3 * 30)});
        put(3, (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_SYSCALL});
        accel_invalidate(accel, at(0), 4096);
        cpu = self = accel_cpu_new(accel);
        assert_non_null(cpu);
        assert_int_equal(REG(1), 0);
        assert_int_equal(REG(2), 0);
        assert_false(cpu->kick);
        cpu->pc = at(0);
        REG(2) = 7;
        REG(5) = at(2);
        run();
        assert_int_equal(REG(1), k + 1 + k % 3 * 30);
        accel_cpu_free(cpu);
    }
    cpu = self = first;
}

enum { JUMPS = 700 };
static unsigned insns_at_end; /* of the region behind the jumps */

static void note_region(void *opaque, const AccelRegion *r)
{
    if (r->pc == at(2 * JUMPS))
        insns_at_end = r->n_insns;
}

/* Instructions of a region with three side exits that stands behind 700 others. */
static unsigned insns_behind_many(Gva program_entry)
{
    AccelConfig cfg = {.jit = true, .program_entry = program_entry, .observer = {.region = note_region},
                       .mem = {.exec_bytes = exec_bytes, .code_page = code_page}};
    char err[128] = "";
    Accel *a = accel_new(&cfg, &target_toy, err, sizeof err), *first = accel;
    Cpu *before = cpu;
    assert_non_null(a);
    accel = a;
    cpu = self = accel_cpu_new(a);
    cpu->pc = at(0);
    REG(3) = at(0);
    insns_at_end = 0;
    run();
    assert_int_equal(cpu->exit.kind, CPU_EXIT_SYSCALL);
    accel_free(a);
    accel = first;
    cpu = self = before;
    return insns_at_end;
}

/* Before the program's own entry code is taken to run once: a region ends sooner. */
static void test_program_entry(void **state)
{
    exec_len = 8192;
    for (unsigned k = 0; k < JUMPS; k++) {
        put(2 * k, (TtInsn){TT_ADDI, 3, 3, 8});
        put(2 * k + 1, (TtInsn){TT_JR, 3, 0, 0});
    }
    const TtInsn last[] = {{TT_BNE, 1, 2, 8}, {TT_BNE, 4, 2, 8}, {TT_BNE, 5, 2, 8},
                           {TT_RAISE, 0, 0, CPU_EXIT_SYSCALL}};
    for (unsigned k = 0; k < ARRAY_SIZE(last); k++)
        put(2 * JUMPS + k, last[k]);
    if (!use_jit)
        return; /* the observer is told of translations alone */
    unsigned known = insns_behind_many(at(0));
    assert_true(insns_behind_many(0) == known);
    assert_true(insns_behind_many(at(2000)) < known);
}

enum { WORKERS = 4, INCS = 100 };
static uint64_t shared_counter;

static void *worker(void *arg)
{
    Cpu *c = self = arg;
    do
        accel_run(c);
    while (c->exit.kind == CPU_EXIT_KICK);
    return (void *)(uintptr_t)c->exit.kind;
}

/* Increments that are only right when every one runs alone. */
static void test_exclusive(void **state)
{
    put(0, (TtInsn){TT_ADDI, 1, 0, INCS});
    put(1, (TtInsn){TT_INC, 3, 0, 0});
    put(2, (TtInsn){TT_ADDI, 1, 1, -1});
    put(3, (TtInsn){TT_BNE, 1, 0, -2});
    put(4, (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_SYSCALL});
    shared_counter = 0;
    REG(3) = (uint64_t)(uintptr_t)&shared_counter;
    accel_ctx_set(accel, cpu, CTX_PARALLEL);
    pthread_t t[WORKERS];
    Cpu *c[WORKERS];
    for (unsigned n = 0; n < WORKERS; n++) {
        c[n] = accel_cpu_clone(accel, cpu);
        assert_true(c[n]->ctx & CTX_PARALLEL);
        pthread_create(&t[n], NULL, worker, c[n]);
    }
    for (unsigned n = 0; n < WORKERS; n++) {
        void *kind;
        pthread_join(t[n], &kind);
        assert_int_equal((uintptr_t)kind, CPU_EXIT_SYSCALL);
        accel_cpu_free(c[n]);
    }
    assert_int_equal(shared_counter, WORKERS * INCS);
}

int main(int argc, char **argv)
{
    use_jit = argc > 1 && strcmp(argv[1], "dbt") == 0;
    returns_from = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 0;
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_loop_and_syscall),
        T(test_call_and_return),
        T(test_illegal),
        T(test_instruction_too_complex),
        T(test_fetch_fault),
        T(test_fetch_fault_across_pages),
        T(test_data_fault_is_precise),
        T(test_store_faults),
        T(test_kick_before_run),
        T(test_kick_endless_loops),
        T(test_invalidate_stops_an_indirect_loop),
        T(test_step), T(test_step_over_jump),
        T(test_new_code_after_invalidate),
        T(test_guest_writes_code),
        T(test_clone),
        T(test_cpu_again),
        T(test_program_entry),
        T(test_exclusive),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
