/* Floating-point traps of generated code (docs/adr/0015-arm-nan-by-trap.md), on the toy target with Arm's NaN
 * policy: results and flags are those of the interpreter, valid operations never trap, an instruction that
 * traps often stops doing so, and a SIGFPE that is not generated code's is refused. */
#include "tests/accel/toy_target.h"
#include "tests/unit/test.h"

#include "accel/accel.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAN_DEFAULT 0x7ff8000000000000
#define NAN_QUIET   0xfff8000000000123
#define NAN_SIGNAL  0x7ff0000000000007
#define ONE         0x3ff0000000000000
#define HUGE_NUMBER 0x7fe0000000000000

static uint8_t *code;
static Accel *accel;
static Cpu *cpu;
static volatile unsigned traps, refused;

#define REG(n) (((TtCpu *)cpu)->r[n])

static unsigned exec_bytes(void *opaque, Gva pc)
{
    Gva start = (Gva)(uintptr_t)code;
    return pc >= start && pc < start + 4096 ? (unsigned)(start + 4096 - pc) : 0;
}

static AccelCode code_page(void *opaque, Gva page, bool notice) { return ACCEL_CODE_STAYS; }

static void on_fpe(int sig, siginfo_t *si, void *uc)
{
    if (accel_fault(cpu, sig, si, uc))
        traps++;
    else
        refused++;
}

static void put(unsigned at, TtInsn i) { memcpy(code + 4 * at, &i, 4); }

static void begin(bool jit)
{
    code = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    AccelConfig cfg = {.jit = jit, .mem = {.exec_bytes = exec_bytes, .code_page = code_page}};
    char err[128] = "";
    accel = accel_new(&cfg, &target_toy_arm, err, sizeof err);
    assert_non_null(accel);
    cpu = accel_cpu_new(accel);
    assert_non_null(cpu);
    cpu->pc = (Gva)(uintptr_t)code;
    traps = refused = 0;
    struct sigaction sa = {.sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO};
    sigaction(SIGFPE, &sa, NULL);
}

static void end(void)
{
    accel_free(accel);
    munmap(code, 4096);
}

static void run(void)
{
    do
        accel_run(cpu);
    while (cpu->exit.kind == CPU_EXIT_KICK);
    assert_int_equal(cpu->exit.kind, CPU_EXIT_SYSCALL);
}

/* r7 rounds of: r2 = r0, r2 /= r1, r3 = (integer)r4, r5 += r3. */
static void loop(uint64_t x, uint64_t y, uint64_t z, uint64_t rounds)
{
    put(0, (TtInsn){TT_ADDI, 2, 0, 0});
    put(1, (TtInsn){TT_FDIV, 2, 1, 0});
    put(2, (TtInsn){TT_F2I, 3, 4, 0});
    put(3, (TtInsn){TT_ADD, 5, 3, 0});
    put(4, (TtInsn){TT_ADDI, 7, 7, -1});
    put(5, (TtInsn){TT_BNE, 7, 6, -5});
    put(6, (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_SYSCALL});
    REG(0) = x;
    REG(1) = y;
    REG(4) = z;
    REG(7) = rounds;
    run();
}

/* The loop in both engines; the translator's traps are returned. */
static unsigned both(uint64_t x, uint64_t y, uint64_t z, uint64_t rounds)
{
    TtCpu want, got;
    begin(false);
    loop(x, y, z, rounds);
    want = *(TtCpu *)cpu;
    assert_int_equal(traps, 0);
    end();
    begin(true);
    loop(x, y, z, rounds);
    got = *(TtCpu *)cpu;
    assert_memory_equal(got.r, want.r, sizeof got.r);
    assert_int_equal(got.cpu.ff, want.cpu.ff);
    assert_int_equal(refused, 0);
    unsigned n = traps;
    end();
    return n;
}

static void valid_operations_do_not_trap(void **state)
{
    assert_int_equal(both(ONE, HUGE_NUMBER, ONE, 2000), 0);
    assert_int_equal(both(ONE, 0, ONE, 2000), 0);         /* division by zero */
    assert_int_equal(both(NAN_QUIET, ONE, ONE, 2000), 0); /* a NaN that propagates */
    assert_int_equal(both(ONE, NAN_QUIET, ONE, 2000), 0);
}

static void each_invalid_operation_is_exact(void **state)
{
    assert_int_equal(both(0, 0, ONE, 1), 1);
    assert_int_equal(both(NAN_SIGNAL, ONE, ONE, 1), 1);
    assert_int_equal(both(NAN_QUIET, NAN_SIGNAL, ONE, 1), 1);
    assert_int_equal(both(ONE, ONE, HUGE_NUMBER, 1), 1);
    assert_int_equal(both(ONE, ONE, NAN_QUIET, 1), 1);
    assert_int_equal(both(0, 0, NAN_SIGNAL, 1), 2);
}

static void traps_stop(void **state)
{
    enum { ENOUGH = 8, ROUNDS = 20000 };
    assert_in_range(both(0, 0, ONE, ROUNDS), 2, ENOUGH);
    assert_in_range(both(ONE, ONE, HUGE_NUMBER, ROUNDS), 2, ENOUGH);
    assert_in_range(both(NAN_SIGNAL, NAN_QUIET, NAN_SIGNAL, ROUNDS), 2, 2 * ENOUGH);
}

/* More instructions than there are places to count at would allow without sharing. */
static void traps_stop_of_many(void **state)
{
    enum { DIVISIONS = 500, ROUNDS = 100, ENOUGH = 8 };
    begin(true);
    for (unsigned k = 0; k < DIVISIONS; k++) {
        put(2 * k, (TtInsn){TT_ADDI, 2, 0, 0});
        put(2 * k + 1, (TtInsn){TT_FDIV, 2, 1, 0});
    }
    put(2 * DIVISIONS, (TtInsn){TT_RAISE, 0, 0, CPU_EXIT_SYSCALL});
    for (unsigned k = 0; k < ROUNDS; k++) {
        cpu->pc = (Gva)(uintptr_t)code;
        run();
        assert_int_equal(REG(2), NAN_DEFAULT);
    }
    assert_in_range(traps, 2, 2 * ENOUGH * DIVISIONS);
    end();
}

static void other_signals_are_refused(void **state)
{
    begin(true);
    loop(0, 0, ONE, 3);
    assert_int_equal(traps, 3);
    raise(SIGFPE);
    siginfo_t si = {.si_signo = SIGFPE, .si_code = FPE_FLTINV};
    sigqueue(getpid(), SIGFPE, si.si_value);
    assert_int_equal(refused, 2);
    assert_int_equal(traps, 3);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_operations_do_not_trap),
        cmocka_unit_test(each_invalid_operation_is_exact),
        cmocka_unit_test(traps_stop),
        cmocka_unit_test(traps_stop_of_many),
        cmocka_unit_test(other_signals_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
