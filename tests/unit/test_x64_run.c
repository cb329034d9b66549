/* Runs code made by the x86-64 encoder, and tests the host feature sets. */
#include "test.h"

#include <sys/mman.h>

#include "tcg/host/x86_64/asm.h"
#include "tcg/host/x86_64/cpuid.h"

enum { PAGE = 4096 };

typedef struct Code {
    X64Asm a;
    X64Features host;
} Code;

static int code_setup(void **state)
{
    Code *c = calloc(1, sizeof(*c));
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return -1;
    x64_init(&c->a, page, PAGE);
    c->host = x64_detect();
    *state = c;
    return 0;
}

static int code_teardown(void **state)
{
    Code *c = *state;
    munmap(c->a.start, PAGE);
    free(c);
    return 0;
}

typedef uint64_t CodeFn(uint64_t x, uint64_t y, void *mem);

/* Ends the function, makes the page executable, calls it. */
static uint64_t code_call(Code *c, uint64_t x, uint64_t y, void *mem)
{
    x64_ret(&c->a);
    assert_false(c->a.overflow);
    assert_int_equal(mprotect(c->a.start, PAGE, PROT_READ | PROT_EXEC), 0);
    CodeFn *fn;
    memcpy(&fn, &c->a.start, sizeof(fn));
    return fn(x, y, mem);
}

static void loop_with_backward_branch_sums(void **state)
{
    Code *c = *state;
    X64Asm *a = &c->a;
    x64_mov_ri(a, 64, X64_RAX, 0);
    uint8_t *skip = x64_jmp_rel8(a);
    uint8_t *head = a->p;
    x64_alu_rr(a, 64, X64_ADD, X64_RAX, X64_RDI);
    x64_alu_ri(a, 64, X64_SUB, X64_RDI, 1);
    assert_true(x64_patch8(skip, a->p));
    x64_test_rr(a, 64, X64_RDI, X64_RDI);
    x64_jcc_to(a, X64_NE, head);
    assert_int_equal(code_call(c, 1000, 0, NULL), 500500);
}

static void forward_branch_over_padding_is_taken(void **state)
{
    Code *c = *state;
    X64Asm *a = &c->a;
    x64_mov_rr(a, 64, X64_RAX, X64_RDI);
    x64_alu_rr(a, 64, X64_CMP, X64_RDI, X64_RSI);
    uint8_t *site = x64_jcc_rel32(a, X64_AE);
    x64_mov_rr(a, 64, X64_RAX, X64_RSI);
    x64_nop(a, 300);
    x64_patch32(site, a->p);
    assert_int_equal(code_call(c, 5, 9, NULL), 9);
}

static void byte_registers_are_the_low_bytes(void **state)
{
    Code *c = *state;
    X64Asm *a = &c->a;
    x64_mov_ri(a, 64, X64_RAX, 0);
    x64_alu_rr(a, 8, X64_CMP, X64_RDI, X64_RSI);
    x64_setcc(a, X64_B, X64_RSI);
    x64_movzx_rr(a, 8, X64_RAX, X64_RSI);
    assert_int_equal(code_call(c, 0x1103, 0x0004, NULL), 1);
}

static void each_base_register_addresses_memory(void **state)
{
    static const uint8_t regs[] = {X64_RAX, X64_RCX, X64_RSI, X64_R8, X64_R12, X64_R13, X64_RBP, X64_RSP};
    Code *c = *state;
    X64Asm *a = &c->a;
    uint64_t mem[64] = {0};
    x64_push(a, X64_RBP);
    x64_push(a, X64_R12);
    x64_push(a, X64_R13);
    x64_mov_rr(a, 64, X64_R11, X64_RSP);
    for (unsigned i = 0; i < sizeof(regs); i++) {
        x64_mov_rr(a, 64, regs[i], X64_RDX);
        x64_mov_ri(a, 64, X64_R9, i * 2 + 1);
        x64_mov_mi(a, 64, X64_MEM(regs[i], (int)i * 16), 100 + (int)i);
        x64_mov_mi(a, 64, X64_MEMI(regs[i], X64_R9, 3, 0), -(int)i);
    }
    x64_mov_rr(a, 64, X64_RSP, X64_R11);
    x64_pop(a, X64_R13);
    x64_pop(a, X64_R12);
    x64_pop(a, X64_RBP);
    code_call(c, 0, 0, mem);
    for (unsigned i = 0; i < sizeof(regs); i++) {
        assert_int_equal(mem[i * 2], 100 + i);
        assert_int_equal((int64_t)mem[i * 2 + 1], -(int64_t)i);
    }
}

static void rip_operand_reads_behind_the_code(void **state)
{
    Code *c = *state;
    X64Asm *a = &c->a;
    uint64_t value = 0x1122334455667788;
    memcpy(a->start + 1024, &value, 8);
    x64_mov_rm(a, 64, X64_RAX, X64_MEM(X64_RIP, 1024 - 7));
    assert_int_equal(code_call(c, 0, 0, NULL), value);
}

static void constants_of_all_sizes_arrive(void **state)
{
    static const uint64_t values[] = {0,          1,          0x7fffffff, 0x80000000,
                                      0xffffffff, 1ull << 32, ~0ull,      1ull << 63};
    Code *c = *state;
    X64Asm *a = &c->a;
    uint64_t mem[8] = {0};
    for (int i = 0; i < 8; i++) {
        x64_mov_ri(a, 64, X64_R10, values[i]);
        x64_mov_mr(a, 64, X64_MEM(X64_RDX, i * 8), X64_R10);
    }
    code_call(c, 0, 0, mem);
    assert_memory_equal(mem, values, sizeof(values));
}

static void bmi2_shifts_and_mulx_compute(void **state)
{
    Code *c = *state;
    X64Asm *a = &c->a;
    if (!x64_has(c->host, X64_F_BMI2))
        skip();
    x64_mov_rr(a, 64, X64_R8, X64_RDX);
    x64_mov_rr(a, 64, X64_RDX, X64_RDI);
    x64_mulx(a, 64, X64_R9, X64_R10, X64_RSI);
    x64_mov_mr(a, 64, X64_MEM(X64_R8, 0), X64_R9);
    x64_mov_mr(a, 64, X64_MEM(X64_R8, 8), X64_R10);
    x64_mov_ri(a, 64, X64_R11, 68); /* counts are taken mod 64 */
    x64_shlx(a, 64, X64_R9, X64_RDI, X64_R11);
    x64_mov_mr(a, 64, X64_MEM(X64_R8, 16), X64_R9);
    x64_sarx(a, 64, X64_R9, X64_RDI, X64_R11);
    x64_mov_mr(a, 64, X64_MEM(X64_R8, 24), X64_R9);
    x64_rorx(a, 64, X64_RAX, X64_RDI, 8);
    uint64_t mem[4], x = 0xfedcba9876543210, y = 0x123456789abcdef1;
    assert_int_equal(code_call(c, x, y, mem), x >> 8 | x << 56);
    unsigned __int128 product = (unsigned __int128)x * y;
    assert_int_equal(mem[0], (uint64_t)(product >> 64));
    assert_int_equal(mem[1], (uint64_t)product);
    assert_int_equal(mem[2], x << 4);
    assert_int_equal(mem[3], (uint64_t)((int64_t)x >> 4));
}

static void cmpxchg16b_swaps_both_halves(void **state)
{
    Code *c = *state;
    X64Asm *a = &c->a;
    if (!x64_has(c->host, X64_F_CX16))
        skip();
    uint64_t mem[2] __attribute__((aligned(16))) = {11, 22};
    x64_push(a, X64_RBX);
    x64_mov_rr(a, 64, X64_R8, X64_RDX);
    x64_mov_rr(a, 64, X64_RBX, X64_RDI);
    x64_mov_rr(a, 64, X64_RCX, X64_RSI);
    x64_mov_ri(a, 64, X64_RAX, 11);
    x64_mov_ri(a, 64, X64_RDX, 22);
    x64_lock_cmpxchg16b(a, X64_MEM(X64_R8, 0));
    x64_pop(a, X64_RBX);
    x64_setcc(a, X64_E, X64_RAX);
    x64_movzx_rr(a, 8, X64_RAX, X64_RAX);
    assert_int_equal(code_call(c, 33, 44, mem), 1);
    assert_int_equal(mem[0], 33);
    assert_int_equal(mem[1], 44);
}

static void double_arithmetic_and_conversion(void **state)
{
    Code *c = *state;
    X64Asm *a = &c->a;
    x64_pxor(a, X64_XMM9, X64_XMM9);
    x64_cvtsi2sd(a, 64, X64_XMM9, X64_RDI);
    x64_cvtsi2sd(a, 64, X64_XMM3, X64_RSI);
    x64_divsd(a, X64_XMM9, X64_XMM3);
    x64_movsd_mr(a, X64_MEM(X64_RDX, 0), X64_XMM9);
    x64_roundsd(a, X64_XMM9, X64_XMM9, 2);
    x64_cvttsd2si(a, 64, X64_RAX, X64_XMM9);
    double quotient = 0;
    assert_int_equal(code_call(c, 7, 2, &quotient), 4);
    assert_true(quotient == 3.5);
}

static void fma_orders_differ_as_named(void **state)
{
    Code *c = *state;
    X64Asm *a = &c->a;
    if (!x64_has(c->host, X64_F_FMA))
        skip();
    double mem[6] = {3, 5, 7};
    static const int orders[] = {X64_132, X64_213, X64_231};
    for (int i = 0; i < 3; i++) {
        x64_movsd_rm(a, X64_XMM1, X64_MEM(X64_RDX, 0));
        x64_movsd_rm(a, X64_XMM2, X64_MEM(X64_RDX, 8));
        x64_movsd_rm(a, X64_XMM12, X64_MEM(X64_RDX, 16));
        x64_fma_rrr(a, X64_SD, X64_FMADD, orders[i], X64_XMM1, X64_XMM2, X64_XMM12);
        x64_movsd_mr(a, X64_MEM(X64_RDX, 24 + i * 8), X64_XMM1);
    }
    code_call(c, 0, 0, mem);
    assert_true(mem[3] == 3 * 7 + 5);
    assert_true(mem[4] == 5 * 3 + 7);
    assert_true(mem[5] == 5 * 7 + 3);
}

static void evex_mask_merges(void **state)
{
    Code *c = *state;
    X64Asm *a = &c->a;
    if (!x64_has(c->host, X64_F_AVX512VL))
        skip();
    uint32_t mem[8] = {1, 2, 3, 4, 10, 20, 30, 40};
    x64_vex_rrr(a, X64_PNONE, X64_0F, 0x92, 0, 0, 1, 0, X64_RDI); /* kmovw k1, edi */
    x64_movups_rm(a, X64_XMM2, X64_MEM(X64_RDX, 0));
    X64Evex e = {.mask = 1, .disp8 = 4};
    x64_evex_rrm(a, X64_P66, X64_0F, 0xfe, 0, e, X64_XMM2, X64_XMM2, X64_MEM(X64_RDX, 16)); /* vpaddd */
    x64_movups_mr(a, X64_MEM(X64_RDX, 0), X64_XMM2);
    code_call(c, 5, 0, mem);
    const uint32_t want[] = {11, 2, 33, 4};
    assert_memory_equal(mem, want, sizeof(want));
}

/* ---- features ---- */

static void feature_rows_stand_below_what_they_need(void **state)
{
    /* removing any one feature gives a set that a second closing does not change */
    X64Features all = (1ull << X64_F_COUNT) - 1;
    assert_int_equal(x64_close(all), all);
    for (int f = 0; f < X64_F_COUNT; f++) {
        X64Features once = x64_close(all & ~(1ull << f));
        assert_int_equal(x64_close(once), once);
    }
}

static void option_levels_and_words(void **state)
{
    X64Features all = (1ull << X64_F_COUNT) - 1, set;
    const char *bad;
    assert_true(x64_features_parse(all, "v2", &set, &bad));
    assert_true(x64_has(set, X64_F_SSE42) && x64_has(set, X64_F_POPCNT) && !x64_has(set, X64_F_BMI2));
    assert_true(x64_features_parse(all, "v3", &set, &bad));
    assert_true(x64_has(set, X64_F_FMA) && !x64_has(set, X64_F_AVX512F) && !x64_has(set, X64_F_AES));
    assert_true(x64_features_parse(all, "-bmi2,-fma", &set, &bad));
    assert_int_equal(set, all & ~(1ull << X64_F_BMI2 | 1ull << X64_F_FMA));
    assert_true(x64_features_parse(all, "v3,+aes,-avx", &set, &bad));
    assert_true(x64_has(set, X64_F_AES) && !x64_has(set, X64_F_AVX2) && !x64_has(set, X64_F_FMA));
    assert_true(x64_features_parse(all, "", &set, &bad));
    assert_int_equal(set, all);
}

static void option_errors_point_at_the_word(void **state)
{
    X64Features set = 42, none = 0;
    const char *bad = NULL, *option = "v3,-bogus,-fma";
    assert_false(x64_features_parse(~0ull, option, &set, &bad));
    assert_ptr_equal(bad, option + 3);
    option = "+avx2";
    assert_false(x64_features_parse(none, option, &set, &bad));
    assert_ptr_equal(bad, option);
    assert_int_equal(set, 42);
}

/* The compiler's run-time detection is a second opinion, for rows both know. */
static void detection_agrees_with_the_compiler(void **state)
{
    X64Features host = x64_detect();
    assert_int_equal(x64_has(host, X64_F_SSE42), !!__builtin_cpu_supports("sse4.2"));
    assert_int_equal(x64_has(host, X64_F_POPCNT), !!__builtin_cpu_supports("popcnt"));
    assert_int_equal(x64_has(host, X64_F_BMI1), !!__builtin_cpu_supports("bmi"));
    assert_int_equal(x64_has(host, X64_F_BMI2), !!__builtin_cpu_supports("bmi2"));
    assert_int_equal(x64_has(host, X64_F_AVX), !!__builtin_cpu_supports("avx"));
    assert_int_equal(x64_has(host, X64_F_AVX2), !!__builtin_cpu_supports("avx2"));
    assert_int_equal(x64_has(host, X64_F_FMA), !!__builtin_cpu_supports("fma"));
    assert_int_equal(x64_has(host, X64_F_AVX512F), !!__builtin_cpu_supports("avx512f"));
    assert_int_equal(x64_has(host, X64_F_AVX512VBMI), !!__builtin_cpu_supports("avx512vbmi"));
    assert_int_equal(x64_has(host, X64_F_GFNI), !!__builtin_cpu_supports("gfni"));
    assert_int_equal(x64_has(host, X64_F_AES), !!__builtin_cpu_supports("aes"));
}

#define RUN(f) cmocka_unit_test_setup_teardown(f, code_setup, code_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RUN(loop_with_backward_branch_sums),
        RUN(forward_branch_over_padding_is_taken),
        RUN(byte_registers_are_the_low_bytes),
        RUN(each_base_register_addresses_memory),
        RUN(rip_operand_reads_behind_the_code),
        RUN(constants_of_all_sizes_arrive),
        RUN(bmi2_shifts_and_mulx_compute),
        RUN(cmpxchg16b_swaps_both_halves),
        RUN(double_arithmetic_and_conversion),
        RUN(fma_orders_differ_as_named),
        RUN(evex_mask_merges),
        cmocka_unit_test(feature_rows_stand_below_what_they_need),
        cmocka_unit_test(option_levels_and_words),
        cmocka_unit_test(option_errors_point_at_the_word),
        cmocka_unit_test(detection_agrees_with_the_compiler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
