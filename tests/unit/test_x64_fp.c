/* Each scalar floating-point op of the IR, emitted for x86-64 and run, against softfp: result bits and sticky
 * flags after every single run, for each static rounding and the dynamic one in its four host modes, on hosts
 * with and without FMA and AVX, with and without pinned slots and lazy NaNs. */
#include "tests/unit/test.h"
#include "tests/unit/x64_stack.h"
#include "tests/unit/softfp_operands.h"

#include "tcg/host/x86_64/x64.h"
#include "tcg/host/x86_64/cpuid.h"
#include "tcg/ir/build.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

typedef struct FpCpu {
    uint32_t kick, ff, frm, host_fp;
    uint64_t pc, link, save[48], args[4];
    uint64_t x, rd;    /* integer operand and result */
    uint64_t f[3], fd; /* float operands and result; f32 boxed */
    X64TestStack stack;
} FpCpu;

enum { S_X, S_RD, S_F0, S_F1, S_F2, S_FD, N_SLOTS };
#define SLOT(n, field, t, p)                                                                                 \
    {                                                                                                        \
        n, offsetof(FpCpu, field), t, p                                                                      \
    }
static const IrSlot slots[N_SLOTS] = {
    SLOT("x", x, IR_I64, 1),     SLOT("rd", rd, IR_I64, 2),   SLOT("f0", f[0], IR_F64, 1),
    SLOT("f1", f[1], IR_F64, 2), SLOT("f2", f[2], IR_F64, 0), SLOT("fd", fd, IR_F64, 3),
};

typedef struct Case {
    uint16_t op;
    bool wide;     /* f64 is the operand, for i2f the result */
    uint8_t round; /* IrRound */
    uint8_t param; /* fma: signs. fcmp: condition. fsgn: how. f2i, i2f: bit 0 unsigned, bit 1 64 bits */
} Case;

typedef struct Host {
    X64Host host;
    X64Asm a;
    uint8_t *page, *code;
    X64Emit *emit;
    X64Code *out;
    IrLive *live;
    Arena arena;
    uint64_t seed;
} Host;

enum { PAGE = 1 << 18, RUNS = 150 };

static const struct {
    const char *features;
    uint32_t no_opt;
} hosts[] = {{"host", 0}, {"v3", X64_NO_LAZY_NAN}, {"v3,-fma", X64_NO_PINS}, {"v2", 0}};

static void host_init(Host *h, unsigned which)
{
    static const X64Layout at = {
        X64_TEST_STACK(FpCpu),
        .kick = offsetof(FpCpu, kick),
        .pc = offsetof(FpCpu, pc),
        .ff = offsetof(FpCpu, ff),
        .frm = offsetof(FpCpu, frm),
        .link = offsetof(FpCpu, link),
        .host_fp = offsetof(FpCpu, host_fp),
        .save = offsetof(FpCpu, save),
        .args = offsetof(FpCpu, args),
    };
    X64Features f;
    const char *bad;
    assert_true(x64_features_parse(x64_detect(), hosts[which].features, &f, &bad));
    h->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(h->page, MAP_FAILED);
    x64_init(&h->a, h->page + 64, PAGE - 64); /* the first words are the exits' slots */
    x64_host_init(&h->host, f, hosts[which].no_opt, slots, N_SLOTS, 4, &at);
    x64_stubs_emit(&h->host, &h->a);
    h->code = h->a.p;
    h->emit = malloc(x64_emit_size);
    h->out = malloc(sizeof(*h->out));
    h->live = malloc(sizeof(*h->live));
    h->seed = 0x1234567 + which;
}

static void host_clear(Host *h)
{
    munmap(h->page, PAGE);
    free(h->emit);
    free(h->out);
    free(h->live);
}

static IrVal operand(IrBuilder *b, const Case *c, unsigned k)
{
    IrVal v = ir_get(b, S_F0 + k);
    return c->wide ? v : ir_unbox(b, IR_F32, v);
}

static void put_float(IrBuilder *b, bool wide, IrVal v)
{
    ir_put(b, S_FD, wide ? v : ir_box(b, IR_F64, v));
}

static void build(IrBuilder *b, const Case *c)
{
    IrType t = c->wide ? IR_F64 : IR_F32, it = c->param & 2 ? IR_I64 : IR_I32;
    unsigned cvt = c->round | (c->param & 1 ? IR_CVT_UNSIGNED : 0);
    IrVal v;
    switch (c->op) {
    case IR_FMA:
        v = ir_fma(b, t, c->round, c->param & 1, c->param & 2, operand(b, c, 0), operand(b, c, 1),
                   operand(b, c, 2));
        break;
    case IR_FSQRT: v = ir_fp2(b, IR_FSQRT, t, c->round, operand(b, c, 0), IR_NONE); break;
    case IR_FSGN: v = ir_fsgn(b, c->param, operand(b, c, 0), operand(b, c, 1)); break;
    case IR_F2F:
        put_float(b, !c->wide, ir_fcvt(b, IR_F2F, c->wide ? IR_F32 : IR_F64, c->round, operand(b, c, 0)));
        return;
    case IR_FCMP:
        ir_put(b, S_RD, ir_zext(b, IR_I64, ir_fcmp(b, c->param, operand(b, c, 0), operand(b, c, 1))));
        return;
    case IR_FCLASS: ir_put(b, S_RD, ir_zext(b, IR_I64, ir_fclass(b, operand(b, c, 0)))); return;
    case IR_F2I:
        v = ir_fcvt(b, IR_F2I, it, cvt, operand(b, c, 0));
        ir_put(b, S_RD, it == IR_I64 ? v : ir_zext(b, IR_I64, v));
        return;
    case IR_I2F:
        v = ir_get(b, S_X);
        v = ir_fcvt(b, IR_I2F, t, cvt, it == IR_I64 ? v : ir_trunc(b, IR_I32, v));
        break;
    default: v = ir_fp2(b, c->op, t, c->round, operand(b, c, 0), operand(b, c, 1)); break;
    }
    put_float(b, c->wide, v);
}

static void compile(Host *h, const Case *c)
{
    assert_true(arena_init(&h->arena, 4 << 20));
    IrRegion *r = ir_region_new(&h->arena, slots, N_SLOTS, NULL, 0);
    IrBuilder b;
    ir_builder_init(&b, r);
    ir_insn_start(&b, 0x1000);
    build(&b, c);
    ir_exit(&b, ir_exit_direct(&b, 0x1004, false));
    ir_builder_finish(&b);
    ir_liveness(r, x64_fuse(&h->host), h->live);
    h->a.p = h->code;
    X64Exits exits = {.slots_rx = (uint64_t)(uintptr_t)h->page, .stubs = h->page + 8};
    assert_int_equal(x64_emit_region(h->emit, &h->host, r, h->live, &h->a, &exits, h->out), X64_OK);
    uint64_t stub = (uint64_t)(uintptr_t)exits.stubs;
    memcpy(h->page, &stub, 8);
    arena_clear(&h->arena);
}

static SoftfpRes oracle(const Case *c, SoftfpMode m, const FpCpu *cpu)
{
    SoftfpFmt f = c->wide ? SOFTFP_F64 : SOFTFP_F32;
    uint64_t x = cpu->f[0], y = cpu->f[1], z = cpu->f[2], sign = fmt_sign(f);
    switch (c->op) {
    case IR_FADD: return softfp_add(f, m, x, y);
    case IR_FSUB: return softfp_sub(f, m, x, y);
    case IR_FMUL: return softfp_mul(f, m, x, y);
    case IR_FDIV: return softfp_div(f, m, x, y);
    case IR_FSQRT: return softfp_sqrt(f, m, x);
    case IR_FMA: return softfp_fma(f, m, c->param, x, y, z);
    case IR_FMIN: return softfp_min(f, m, x, y);
    case IR_FMAX: return softfp_max(f, m, x, y);
    case IR_FCMP: return softfp_cmp(f, m, (SoftfpCond)c->param, x, y);
    case IR_FCLASS: return (SoftfpRes){softfp_class(f, x), 0};
    case IR_F2F: return softfp_cvt(c->wide ? SOFTFP_F32 : SOFTFP_F64, f, m, x);
    case IR_F2I: return softfp_to_int(f, m, x, c->param & 2 ? 64 : 32, c->param & 1);
    case IR_I2F: return softfp_from_int(f, m, cpu->x, c->param & 2 ? 64 : 32, c->param & 1);
    default: /* fsgn */
        y = c->param == 0 ? y : c->param == 1 ? ~y : x ^ y;
        return (SoftfpRes){((x & ~sign) | (y & sign)) & fmt_mask(f), 0};
    }
}

static void mxcsr_set(uint32_t v)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(v) : "memory");
}

static uint32_t mxcsr_get(void)
{
    uint32_t v;
    __asm__ volatile("stmxcsr %0" : "=m"(v) : : "memory");
    return v;
}

static void operands_set(Host *h, const Case *c, FpCpu *cpu)
{
    static uint64_t corner[2][2 * MAX_CORNERS];
    static unsigned n[2];
    SoftfpFmt f = c->wide ? SOFTFP_F64 : SOFTFP_F32;
    if (!n[0]) {
        n[0] = fmt_corners(SOFTFP_F32, corner[0]);
        n[1] = fmt_corners(SOFTFP_F64, corner[1]);
    }
    for (unsigned k = 0; k < 3; k++) {
        uint64_t r = rnd_next(&h->seed), near = (uint64_t)(fmt_facts[f].emax + 20) << fmt_facts[f].frac;
        uint64_t v = r & 3 ? corner[c->wide][(r >> 8) % n[c->wide]] : rnd_operand(&h->seed, f, near);
        if (k == 1 && (r >> 40 & 7) == 0)
            v = cpu->f[0];
        cpu->f[k] = c->wide ? v : v | ~0ull << 32;
    }
    uint64_t r = rnd_next(&h->seed), i = rnd_next(&h->seed) >> (r & 63);
    i = r >> 8 & 1 ? i : (1ull << (r >> 10 & 63)) + (r >> 20 & 3) - 1;
    cpu->x = r >> 9 & 1 ? i : -i;
}

static void run_case(Host *h, const Case *c)
{
    static const uint8_t rc[4] = {[IR_RNE] = 0, [IR_RTZ] = 3, [IR_RDN] = 1, [IR_RUP] = 2};
    int (*enter)(FpCpu *, const uint8_t *);
    memcpy(&enter, &h->host.enter, sizeof(enter));
    compile(h, c);
    for (unsigned k = 0; k < RUNS; k++) {
        FpCpu cpu = {.frm = k & 3, .rd = 1, .fd = 1};
        operands_set(h, c, &cpu);
        FpCpu in = cpu;
        SoftfpMode m = {.round = c->round == IR_RDYN ? (uint8_t)cpu.frm : c->round};
        SoftfpRes want = oracle(c, m, &cpu);
        mxcsr_set(0x1f80u | (uint32_t)rc[cpu.frm] << 13);
        cpu.stack.ret_top = x64_test_stack(&h->host);
        int id = enter(&cpu, h->code);
        uint32_t csr = mxcsr_get();
        mxcsr_set(0x1f80);
        bool to_int = c->op == IR_F2I || c->op == IR_FCMP || c->op == IR_FCLASS;
        bool boxed = !to_int && (c->op == IR_F2F ? c->wide : !c->wide);
        uint64_t got = to_int ? cpu.rd : cpu.fd, bits = boxed ? want.bits | ~0ull << 32 : want.bits;
        uint32_t flags = ((csr & 0x3f) | cpu.ff) & ~2u, want_flags = want.flags & ~2u;
        if (id != 0 || got != bits || flags != want_flags || (csr >> 13 & 3) != rc[cpu.frm] ||
            memcmp(cpu.f, in.f, sizeof(cpu.f)) || cpu.x != in.x) {
            fail_msg("%s wide %d round %u param %u frm %u: f %llx %llx %llx x %llx: got %llx flags %x, want "
                     "%llx flags %x",
                     ir_op_info[c->op].name, c->wide, c->round, c->param, in.frm, (unsigned long long)in.f[0],
                     (unsigned long long)in.f[1], (unsigned long long)in.f[2], (unsigned long long)in.x,
                     (unsigned long long)got, flags, (unsigned long long)bits, want_flags);
        }
    }
}

static void run_rounds(Host *h, IrOp op, unsigned params)
{
    static const uint8_t rounds[] = {IR_RDYN, IR_RNE, IR_RTZ, IR_RDN, IR_RUP, IR_RMM};
    for (unsigned r = 0; r < sizeof(rounds); r++) {
        for (unsigned p = 0; p < params; p++) {
            for (unsigned wide = 0; wide < 2; wide++)
                run_case(h, &(Case){.op = op, .wide = wide, .round = rounds[r], .param = (uint8_t)p});
        }
    }
}

static void run_plain(Host *h, IrOp op, unsigned params)
{
    for (unsigned p = 0; p < params; p++) {
        for (unsigned wide = 0; wide < 2; wide++)
            run_case(h, &(Case){.op = op, .wide = wide, .round = IR_RDYN, .param = (uint8_t)p});
    }
}

static void each_host(void (*run)(Host *))
{
    for (unsigned k = 0; k < sizeof(hosts) / sizeof(hosts[0]); k++) {
        Host h;
        host_init(&h, k);
        run(&h);
        host_clear(&h);
    }
}

static void run_arith(Host *h)
{
    static const uint16_t ops[] = {IR_FADD, IR_FSUB, IR_FMUL, IR_FDIV, IR_FSQRT};
    for (unsigned k = 0; k < 5; k++)
        run_rounds(h, ops[k], 1);
}

static void run_fma(Host *h)
{
    run_rounds(h, IR_FMA, 4);
}

static void run_compare(Host *h)
{
    run_plain(h, IR_FMIN, 1);
    run_plain(h, IR_FMAX, 1);
    run_plain(h, IR_FCMP, 6);
    run_plain(h, IR_FCLASS, 1);
    run_plain(h, IR_FSGN, 3);
}

static void run_formats(Host *h)
{
    run_rounds(h, IR_F2F, 1);
}
static void run_to_int(Host *h)
{
    run_rounds(h, IR_F2I, 4);
}
static void run_from_int(Host *h)
{
    run_rounds(h, IR_I2F, 4);
}

static void arithmetic_is_softfp(void **state)
{
    each_host(run_arith);
}
static void fused_multiply_add_is_softfp(void **state)
{
    each_host(run_fma);
}
static void comparison_and_class_are_softfp(void **state)
{
    each_host(run_compare);
}
static void format_conversion_is_softfp(void **state)
{
    each_host(run_formats);
}
static void float_to_integer_is_softfp(void **state)
{
    each_host(run_to_int);
}
static void integer_to_float_is_softfp(void **state)
{
    each_host(run_from_int);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_is_softfp),
        cmocka_unit_test(fused_multiply_add_is_softfp),
        cmocka_unit_test(comparison_and_class_are_softfp),
        cmocka_unit_test(format_conversion_is_softfp),
        cmocka_unit_test(float_to_integer_is_softfp),
        cmocka_unit_test(integer_to_float_is_softfp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
