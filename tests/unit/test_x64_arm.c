/* Each floating-point op of the IR under Arm's policy, emitted for x86-64 and run, against the interpreter:
 * result, sticky flags and the guest's state after every single run. Where the host traps, the state in the
 * signal frame must be that of before the instruction; the interpreter then does it, as the engine would. For
 * each rounding and mode of FPCR, on hosts with and without AVX and FMA, with and without pins, before and
 * after an address is known to trap often. */
#include "tests/unit/x64_kit.h"
#include "tests/unit/softfp_operands.h"

#include "base/fmt.h"
#include "tcg/ir/vec.h"
#include "tcg/ir/verify.h"

#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

typedef struct Case {
    uint16_t op;
    uint8_t type, from; /* IrType; from: of a conversion's operand */
    uint8_t misc, fp;
    uint16_t d;
    uint32_t imm;
} Case;

enum { RUNS = 60 };

static const struct {
    const char *features;
    uint32_t no_opt;
} hosts[] = {{"host", 0}, {"v3", X64_NO_LAZY_FLAGS}, {"v3,-fma", X64_NO_PINS}, {"v2", 0}};

static X64Kit kit;
static ToyCpu *running;
static unsigned long traps, runs, traps_when[2]; /* before and after the address is known to trap */
static uint64_t checked[X64_CHECKED_WORDS];

static const uint8_t greg_of[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                                    REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};

static void on_fpe(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    uint64_t at = (uint64_t)uc->uc_mcontext.gregs[REG_RIP] - (uint64_t)(uintptr_t)kit.code;
    unsigned k = 0;
    while (k < kit.out->n_records && kit.out->record[k].at != at)
        k++;
    if (k == kit.out->n_records)
        abort(); /* no record: this would be a bug of the emulator */
    for (unsigned p = 0; p < kit.host.n_pins; p++) {
        const X64Pin *pin = &kit.host.pin[p];
        char *slot = (char *)running + pin->offset;
        if (pin->reg < 16)
            memcpy(slot, &uc->uc_mcontext.gregs[greg_of[pin->reg]], 8);
        else
            memcpy(slot, &uc->uc_mcontext.fpregs->_xmm[pin->reg - 16],
                   ir_type_bits((IrType)kit.slots[pin->slot].type) / 8);
    }
    uint32_t *csr = &uc->uc_mcontext.fpregs->mxcsr;
    *csr &= *csr >> 7 | ~0x3fu;
    uc->uc_mcontext.gregs[REG_RAX] = X64_ID_FAULT;
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)(uintptr_t)kit.host.exit_stored;
    traps++;
}

static IrVal load(IrBuilder *b, unsigned slot, IrType t)
{
    IrVal v = ir_get(b, slot);
    if (t == IR_I64)
        return v;
    if (t == IR_F64)
        return ir_cast(b, t, v);
    if (t == IR_I32 || t == IR_F32)
        v = ir_trunc(b, IR_I32, v);
    else
        v = ir_trunc(b, IR_I16, v);
    return t == IR_I32 ? v : ir_cast(b, t, v);
}

static IrVal widen(IrBuilder *b, IrType t, IrVal v)
{
    switch (t) {
    case IR_I64: return v;
    case IR_F64: return ir_cast(b, IR_I64, v);
    case IR_F32: return ir_zext(b, IR_I64, ir_cast(b, IR_I32, v));
    case IR_F16: return ir_zext(b, IR_I64, ir_cast(b, IR_I16, v));
    case IR_FL: return ir_zext(b, IR_I64, ir_flbits(b, v));
    default: return ir_zext(b, IR_I64, v);
    }
}

static void build_vector(IrBuilder *b, const Case *c)
{
    IrVal arg[4] = {IR_NONE};
    IrType t = (IrType)c->type;
    for (unsigned k = 0; k < ir_op_info[c->op].operands; k++) {
        IrVal v = ir_get(b, TOY_V + k);
        arg[k] = t == IR_V64 ? ir_vlow(b, t, v) : v;
    }
    IrVal v = ir_vec(b, (IrOp)c->op, t, c->misc, c->imm, arg[0], arg[1], arg[2], IR_NONE);
    ir_put(b, TOY_V + 3, t == IR_V64 ? ir_vzext(b, IR_V128, v) : v);
}

static void build_scalar(IrBuilder *b, const Case *c)
{
    unsigned n = ir_op_info[c->op].operands;
    IrType t = (IrType)(c->from ? c->from : c->type);
    IrInsn i = {.op = c->op, .type = c->type, .misc = c->from ? c->from : c->misc, .imm = c->imm};
    for (unsigned k = 0; k < n; k++)
        i.arg[k] = load(b, TOY_X + 1 + k, t);
    if (c->from)
        i.d = c->d;
    IrVal v = ir_emit(b, i);
    IrType rt = ir_result_type(b->r, &b->r->insn[v]);
    if (rt == IR_F64) /* straight into a pin */
        ir_put(b, TOY_F + 1, v);
    ir_put(b, TOY_X + 4, widen(b, rt, v));
    if (rt == IR_FL) {
        ir_put(b, TOY_FL, v);
        for (unsigned cc = 0; cc < 4; cc++) /* four of the conditions; the others are opposites, or come by
                                             * imm */
            ir_put(
                b, TOY_X + 5 + cc,
                ir_zext(b, IR_I64,
                        ir_flcc(b, v, (IrFlCond)(2 * cc + (c->imm ? 8 : 0) - (c->imm && cc == 3 ? 2 : 0)))));
    }
}

/* x4 = the op of x1, x2, x3; f1 (a pin) is read before and put after. A flfcmp's condition is asked too, in
 * x5. */
static IrRegion *build(Arena *arena, const Case *c)
{
    IrRegion *r = ir_region_new(arena, kit.slots, TOY_SLOTS, toy_helpers, TOY_HELPERS);
    r->nan = IR_NAN_ARM;
    r->fp = c->fp;
    IrBuilder b;
    ir_builder_init(&b, r);
    ir_insn_start(&b, 0x1000);
    if (ir_type_is_vec((IrType)c->type) && c->type >= IR_V64)
        build_vector(&b, c);
    else
        build_scalar(&b, c);
    ir_exit(&b, ir_exit_direct(&b, 0x1004, false));
    ir_builder_finish(&b);
    char what[200] = "";
    Fmt f = FMT_ON(what);
    if (!ir_verify(r, &f))
        fail_msg("%s: %s", ir_op_info[c->op].name, what);
    return r;
}

static uint32_t mxcsr_get(void)
{
    uint32_t v;
    __asm__ volatile("stmxcsr %0" : "=m"(v) : : "memory");
    return v;
}

static void mxcsr_set(uint32_t v)
{
    __asm__ volatile("ldmxcsr %0" : : "m"(v) : "memory");
}

static SoftfpFmt fmt_of(IrType t) { return t == IR_F16 ? SOFTFP_F16 : t == IR_F32 ? SOFTFP_F32 : SOFTFP_F64; }

static uint64_t operand(IrType t, uint64_t near)
{
    static uint64_t seed = 0x9876543, corner[3][2 * MAX_CORNERS];
    static unsigned n[3];
    uint64_t r = rnd_next(&seed);
    if (ir_type_is_int(t)) {
        uint64_t v = r & 1 ? rnd_next(&seed) >> (r >> 8 & 63) : (1ull << (r >> 8 & 63)) + (r >> 20 & 3) - 1;
        return r & 2 ? v : 0 - v;
    }
    SoftfpFmt f = fmt_of(t);
    if (!n[0])
        for (unsigned k = 0; k < 3; k++)
            n[k] = fmt_corners((SoftfpFmt)k, corner[k]);
    uint64_t garbage = rnd_next(&seed) & ~fmt_mask(f);
    return garbage | (r & 3 ? corner[f][(r >> 8) % n[f]] : rnd_operand(&seed, f, near));
}

/* Is there a number that x86 may have found not to be tiny? */
static bool has_min_normal(const Case *c, const ToyCpu *cpu)
{
    unsigned bits =
        c->type >= IR_V64 ? ir_lane_bits(c->misc) >> (c->op == IR_VFNARROW) : ir_type_bits((IrType)c->type);
    uint64_t v[2] = {cpu->v[3].w[0], cpu->v[3].w[1]};
    SoftfpFmt f = bits == 16 ? SOFTFP_F16 : bits == 32 ? SOFTFP_F32 : SOFTFP_F64;
    if (c->type < IR_V64)
        return (cpu->x[4] << 1 & fmt_mask(f)) == fmt_one_ulp(f) << 1;
    for (unsigned n = 0; n < 128 / bits; n++)
        if ((v[n * bits >> 6] >> (n * bits & 63) << 1 & fmt_mask(f)) == fmt_one_ulp(f) << 1)
            return true;
    return false;
}

static void vector_operands(const Case *c, ToyCpu *cpu)
{
    unsigned bits = ir_lane_bits(c->misc);
    IrType t = c->op == IR_VI2F ? IR_I64 : bits == 16 ? IR_F16 : bits == 32 ? IR_F32 : IR_F64;
    static uint64_t seed = 77;
    bool tame = rnd_next(&seed) & 1; /* most lanes harmless, so that not every run traps or is softfp's */
    for (unsigned k = 0; k < 3; k++)
        for (unsigned n = 0; n < 128 / bits; n++) {
            uint64_t v = operand(t, cpu->v[0].w[0]) & (bits == 64 ? ~0ull : (1ull << bits) - 1);
            SoftfpFmt f = bits == 16 ? SOFTFP_F16 : bits == 32 ? SOFTFP_F32 : SOFTFP_F64;
            if (tame && t != IR_I64 && (rnd_next(&seed) & 31) && (v & fmt_inf(f)) == fmt_inf(f))
                v = (uint64_t)fmt_facts[f].emax << fmt_facts[f].frac | (v & 0xff);
            uint64_t *w = &cpu->v[k].w[n * bits >> 6];
            *w = (n * bits & 63 ? *w : 0) | v << (n * bits & 63);
        }
}

static void run_once(const Case *c, const IrRegion *r, uint64_t *val, unsigned k)
{
    static const uint8_t rc[4] = {[IR_RNE] = 0, [IR_RTZ] = 3, [IR_RDN] = 1, [IR_RUP] = 2};
    ToyCpu cpu, want;
    IrRun run;
    memset(&cpu, 0x5a, sizeof cpu);
    cpu.kick = 0;
    /* the conditions of those modes */
    cpu.ff = (c->fp & (IR_FP_STD | IR_FP_PX)) == IR_FP_STD ? IR_FF_INEXACT : 0;
    cpu.frm = c->fp & IR_FP_STD ? IR_RNE : k & 3;
    IrType t = (IrType)(c->from ? c->from : c->type);
    for (unsigned n = 0; n < 3; n++)
        cpu.x[1 + n] = n && (k & 31) == 7 ? cpu.x[1] : operand(t, cpu.x[1]);
    if (c->type >= IR_V64)
        vector_operands(c, &cpu);
    want = cpu;
    ToyCpu before = cpu;
    toy_run(&want, r, val, 0, &run);
    assert_int_equal(run.kind, IR_RUN_EXIT);
    running = &cpu;
    unsigned long trapped = traps;
    mxcsr_set((0x1f80u & ~x64_arm_unmasked(c->fp)) | (uint32_t)rc[cpu.frm] << 13);
    int id = x64_kit_run(&kit, &cpu);
    uint32_t csr = mxcsr_get();
    mxcsr_set(0x1f80);
    runs++;
    cpu.ff |= csr & 0x3d;
    bool same_before = true;
    if (traps != trapped) { /* flags that the attempt raised will be raised again; all else is as it was */
        same_before = memcmp(cpu.x, before.x, sizeof cpu.x) == 0 &&
                      memcmp(cpu.f, before.f, sizeof cpu.f) == 0 &&
                      memcmp(cpu.v, before.v, sizeof cpu.v) == 0 && id == X64_ID_FAULT;
        toy_run(&cpu, r, val, 0, &run);
        id = 0;
    }
    uint32_t missing = 0;
    if (!(c->fp & IR_FP_UFC) && (want.ff & IR_FF_UNDERFLOW) && !(c->fp & IR_FP_FZ) &&
        has_min_normal(c, &want))
        missing = IR_FF_UNDERFLOW;
    if ((c->fp & (IR_FP_FZ | IR_FP_UFC)) == IR_FP_FZ) /* flushing without exact flags */
        missing |= IR_FF_DENORM | (want.ff & IR_FF_UNDERFLOW ? IR_FF_INEXACT : 0);
    if (memcmp(cpu.v, want.v, sizeof cpu.v))
        fail_msg("%s.%s lane %u imm %#x fp %#x frm %u: %016lx%016lx %016lx%016lx %016lx%016lx: got "
                 "%016lx%016lx want %016lx%016lx",
                 ir_op_info[c->op].name, ir_type_name[c->type], c->misc, c->imm, c->fp, cpu.frm,
                 before.v[0].w[1], before.v[0].w[0], before.v[1].w[1], before.v[1].w[0], before.v[2].w[1],
                 before.v[2].w[0], cpu.v[3].w[1], cpu.v[3].w[0], want.v[3].w[1], want.v[3].w[0]);
    if (!same_before || id || memcmp(cpu.x, want.x, sizeof cpu.x) || memcmp(cpu.f, want.f, sizeof cpu.f) ||
        (cpu.ff & ~missing) != (want.ff & ~missing) || (cpu.fl & 0xc101) != (want.fl & 0xc101) || (csr & 1) ||
        (csr >> 13 & 3) != rc[cpu.frm])
        fail_msg("%s.%s.%s misc %u d %u imm %u fp %#x frm %u: %#lx %#lx %#lx: got %#lx flags %#x fl %#x, "
                 "want %#lx flags %#x "
                 "fl %#x (trap %d, state %d, conditions %lu%lu%lu%lu, %lu%lu%lu%lu)",
                 ir_op_info[c->op].name, ir_type_name[c->type], ir_type_name[c->from], c->misc, c->d, c->imm,
                 c->fp, cpu.frm, before.x[1], before.x[2], before.x[3], cpu.x[4], cpu.ff, cpu.fl, want.x[4],
                 want.ff, want.fl, traps != trapped, same_before, cpu.x[5], cpu.x[6], cpu.x[7], cpu.x[8],
                 want.x[5], want.x[6], want.x[7], want.x[8]);
}

static void run_case(const Case *c)
{
    static uint64_t val[IR_MAX_INSNS];
    Arena arena;
    assert_true(arena_init(&arena, 4 << 20));
    const IrRegion *r = build(&arena, c);
    for (unsigned often = 0; often < 2; often++) {
        memset(checked, often ? 0xff : 0, sizeof checked);
        x64_kit_compile(&kit, r);
        unsigned long trapped = traps;
        for (unsigned k = 0; k < RUNS; k++)
            run_once(c, r, val, k);
        traps_when[often] += traps - trapped;
    }
    arena_clear(&arena);
}

static const uint8_t modes[] = {
    0, IR_FP_UFC, IR_FP_DN, IR_FP_FZ, IR_FP_FZ | IR_FP_UFC, IR_FP_FZ16, IR_FP_DN | IR_FP_FZ | IR_FP_FZ16,
    IR_FP_STD, IR_FP_STD | IR_FP_UFC, IR_FP_STD | IR_FP_PX};
static const uint8_t standard_modes[] = {0, IR_FP_STD, IR_FP_STD | IR_FP_PX};
static const uint8_t floats[] = {IR_F16, IR_F32, IR_F64};

static void each_host(void (*run)(void))
{
    struct sigaction sa = {.sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO};
    sigaction(SIGFPE, &sa, NULL);
    for (unsigned k = 0; k < ARRAY_SIZE(hosts); k++) {
        x64_kit_init(&kit, hosts[k].features, hosts[k].no_opt);
        kit.host.checked = checked;
        run();
        x64_kit_clear(&kit);
    }
}

static void run_arith(void)
{
    static const uint16_t ops[] = {IR_FADD,   IR_FSUB,    IR_FMUL,   IR_FDIV,    IR_FSQRT,
                                   IR_FMIN,   IR_FMAX,    IR_FMINM,  IR_FMAXM,   IR_FMULX,
                                   IR_FRECPS, IR_FRSQRTS, IR_FRECPE, IR_FRSQRTE, IR_FRECPX};
    for (unsigned k = 0; k < ARRAY_SIZE(ops); k++)
        for (unsigned t = 0; t < 3; t++)
            for (unsigned m = 0; m < ARRAY_SIZE(modes); m++)
                run_case(&(Case){.op = ops[k], .type = floats[t], .misc = IR_RDYN, .fp = modes[m]});
}

static void run_fma(void)
{
    for (unsigned neg = 0; neg < 4; neg++)
        for (unsigned t = 0; t < 3; t++)
            for (unsigned m = 0; m < ARRAY_SIZE(modes); m++)
                run_case(&(Case){.op = IR_FMA, .type = floats[t], .misc = IR_RDYN, .fp = modes[m],
                                 .imm = neg});
}

static void run_compare(void)
{
    for (unsigned t = 0; t < 3; t++)
        for (unsigned m = 0; m < ARRAY_SIZE(modes); m++) {
            for (unsigned s = 0; s < 4; s++)
                run_case(&(Case){.op = IR_FLFCMP, .type = floats[t], .misc = s & 1, .fp = modes[m],
                                 .imm = s >> 1});
            for (unsigned cond = 0; cond < IR_FLTS; cond++)
                run_case(&(Case){.op = IR_FCMP, .type = floats[t], .misc = (uint8_t)cond, .fp = modes[m]});
        }
}

static void run_convert(void)
{
    static const uint8_t rounds[] = {IR_RNE, IR_RTZ, IR_RDN, IR_RUP, IR_RMM, IR_RDYN};
    for (unsigned t = 0; t < 3; t++)
        for (unsigned m = 0; m < ARRAY_SIZE(modes); m++) {
            for (unsigned k = 0; k < 3; k++)
                for (unsigned odd = 0; odd < 2 && k != t; odd++)
                    run_case(&(Case){.op = IR_F2F, .type = floats[k], .from = floats[t],
                                     .d = odd ? IR_RODD : IR_RDYN,
                                     .fp = modes[m] | (odd ? IR_FP_AHP : 0)});
            for (unsigned k = 0; k < sizeof rounds; k++)
                for (unsigned how = 0; how < 4; how++)
                    run_case(&(Case){.op = IR_FRINT, .type = floats[t], .from = floats[t], .fp = modes[m],
                                     .d = rounds[k] |
                                     (how < 2 ? how * IR_FRINT_EXACT : IR_FRINT_EXACT | 8u << (how - 1))});
        }
    for (unsigned m = 0; m < ARRAY_SIZE(modes); m++) {
        run_case(&(Case){.op = IR_F2BF, .type = IR_F16, .from = IR_F32, .d = IR_RDYN, .fp = modes[m]});
        run_case(&(Case){.op = IR_FJCVT, .type = IR_I64, .from = IR_F64, .d = IR_RTZ, .fp = modes[m]});
    }
}

static void run_integers(void)
{
    static const uint8_t rounds[] = {IR_RNE, IR_RTZ, IR_RDN, IR_RUP, IR_RMM, IR_RDYN},
                         ints[] = {IR_I32, IR_I64};
    for (unsigned t = 0; t < 3; t++)
        for (unsigned m = 0; m < ARRAY_SIZE(modes); m++)
            for (unsigned w = 0; w < 2; w++)
                for (unsigned u = 0; u < 2; u++)
                    for (unsigned k = 0; k < sizeof rounds; k++)
                        for (unsigned fix = 0; fix < 2; fix++) {
                            uint16_t d = (uint16_t)(rounds[k] | (u ? IR_CVT_UNSIGNED : 0));
                            run_case(&(Case){.op = IR_F2I, .type = ints[w], .from = floats[t], .d = d,
                                             .fp = modes[m],
                                             .imm = fix * 7});
                            if (rounds[k] == IR_RDYN)
                                run_case(&(Case){.op = IR_I2F, .type = floats[t], .from = ints[w], .d = d,
                                                 .fp = modes[m],
                                                 .imm = fix * 7});
                        }
}

static void run_vectors(void)
{
    for (unsigned op = 1; op < IR_OP_COUNT; op++) {
        if (!(ir_op_info[op].flags & IR_F_FPX) || !ir_vec_row((IrOp)op))
            continue;
        for (unsigned lane = IR_LANE_F16; lane < IR_LANE_COUNT; lane++)
            for (unsigned t = IR_V64; t <= IR_V128; t++)
                for (uint32_t attr = 0; attr < 0x2000; attr++) {
                    IrInsn i = {.op = (uint16_t)op, .type = (uint8_t)t, .misc = (uint8_t)lane};
                    i.imm = (attr & 0x3f) | IR_VA_N(attr >> 6 & 63) | IR_VA_M((attr >> 12) * 7);
                    if (!ir_vec_attr_ok(&i, (IrType)t))
                        continue;
                    IrInsn standard = i;
                    standard.imm |= IR_VA_STD;
                    if (ir_vec_attr_ok(&standard, (IrType)t))
                        for (unsigned k = 0; k < ARRAY_SIZE(standard_modes); k++)
                            run_case(&(Case){.op = (uint16_t)op, .type = (uint8_t)t, .misc = (uint8_t)lane,
                                             .fp = standard_modes[k], .imm = standard.imm});
                    for (unsigned m = 0; m < ARRAY_SIZE(modes); m++)
                        run_case(&(Case){.op = (uint16_t)op, .type = (uint8_t)t, .misc = (uint8_t)lane,
                                         .fp = modes[m], .imm = i.imm});
                }
    }
}

static void vectors(void **state) { each_host(run_vectors); }
static void arithmetic(void **state) { each_host(run_arith); }
static void fused_multiply_add(void **state) { each_host(run_fma); }
static void comparison(void **state) { each_host(run_compare); }
static void formats_and_rounding(void **state) { each_host(run_convert); }
static void integers(void **state)
{
    each_host(run_integers);
    print_message("%lu runs, %lu traps, %lu of them in spite of tests\n", runs, traps, traps_when[1]);
    assert_true(traps > 1000 && traps_when[1] < traps_when[0] / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic), cmocka_unit_test(fused_multiply_add),
        cmocka_unit_test(comparison), cmocka_unit_test(formats_and_rounding),
        cmocka_unit_test(vectors),    cmocka_unit_test(integers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
