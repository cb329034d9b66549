/* Every form of every vector row (tcg/ir/vec.h), emitted for x86-64 and run, against the interpreter's
 * meaning of it: random and corner operands, in registers, in memory, constant, equal, and with the result in
 * an operand's register; on hosts with fewer features too. Also: which rows are done by a C function, against
 * the list here. */
#include "tests/unit/test.h"
#include "tests/unit/x64_stack.h"

#include "tcg/host/x86_64/x64.h"
#include "tcg/host/x86_64/cpuid.h"
#include "tcg/interp/interp.h"
#include "tcg/interp/interp_vec.h"
#include "tcg/ir/build.h"
#include "tcg/ir/print.h"
#include "tcg/ir/vec.h"
#include "tcg/ir/verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { OUTS = 6 };

typedef struct VecCpu {
    uint32_t kick, ff, frm, host_fp;
    uint64_t pc, link, save[48], args[4];
    uint64_t x[2], xo[OUTS];
    IrVec v[4], vo[OUTS];
    X64TestStack stack;
} VecCpu;

enum { S_X, S_XO = S_X + 2, S_V = S_XO + OUTS, S_VO = S_V + 4, N_SLOTS = S_VO + OUTS };
#define X(n, field, p) {n, offsetof(VecCpu, field), IR_I64, p}
#define V(n, field, p) {n, offsetof(VecCpu, field), IR_V128, p}
static const IrSlot slots[N_SLOTS] = {
    X("x0", x[0], 1),  X("x1", x[1], 0),  X("xo0", xo[0], 2), X("xo1", xo[1], 3), X("xo2", xo[2], 0),
        X("xo3", xo[3], 0),
    X("xo4", xo[4], 0), X("xo5", xo[5], 0), V("v0", v[0], 1),  V("v1", v[1], 2),  V("v2", v[2], 0),
        V("v3", v[3], 0),
    V("vo0", vo[0], 3), V("vo1", vo[1], 4), V("vo2", vo[2], 5), V("vo3", vo[3], 0), V("vo4", vo[4], 0),
        V("vo5", vo[5], 0),
};

typedef struct Host {
    X64Host host;
    X64Asm a;
    uint8_t *page, *code;
    X64Emit *emit;
    X64Code *out;
    IrLive *live;
    Arena arena;
    uint64_t seed;
    unsigned forms, called;
    char by_c[400];
} Host;

enum { PAGE = 1 << 18, RUNS = 16 };

#define V3 "vqrdmla:8 vshlv:2 vshrv:4 vshift:16 vpmull:2 vaes:8 vsha:10 crc32:4 "
#define V2 "vqrdmla:8 vshlv:8 vshrv:16 vshift:64 vpmull:2 vaes:8 vsha:10 crc32:4 "

/* by_c: the rows that a C function does in some of their forms, with the number of these. NULL: not looked
 * at. */
static const struct {
    const char *features;
    uint32_t no_opt;
    const char *by_c;
} hosts[] = {
    {"host", 0, NULL},
    {"v3", 0, V3},
    {"v3,-avx2", X64_NO_PINS, V2},
    {"v2", 0, V2},
    {"v2,+pclmul,+aes,+gfni", 0, NULL},
    {"v2", X64_NO_PINS, V2},
};

static uint64_t rnd(Host *h)
{
    h->seed ^= h->seed << 13;
    h->seed ^= h->seed >> 7;
    h->seed ^= h->seed << 17;
    return h->seed * 0x2545f4914f6cdd1dull;
}

static bool host_init(Host *h, unsigned which)
{
    static const X64Layout at = {
        X64_TEST_STACK(VecCpu),
        .kick = offsetof(VecCpu, kick), .pc = offsetof(VecCpu, pc),     .ff = offsetof(VecCpu, ff),
        .frm = offsetof(VecCpu, frm),   .link = offsetof(VecCpu, link), .host_fp = offsetof(VecCpu, host_fp),
        .save = offsetof(VecCpu, save), .args = offsetof(VecCpu, args),
    };
    X64Features f;
    const char *bad;
    memset(h, 0, sizeof *h);
    if (!x64_features_parse(x64_detect(), hosts[which].features, &f, &bad))
        return false;
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
    assert_true(arena_init(&h->arena, 4 << 20));
    return true;
}

static void host_clear(Host *h)
{
    munmap(h->page, PAGE);
    arena_clear(&h->arena);
    free(h->emit);
    free(h->out);
    free(h->live);
}

/* ---- regions ---- */

/* One form: the op with lane, attributes and type; `none`: which operands are left out. */
typedef struct Form {
    IrInsn i;
    unsigned none;
    uint8_t data; /* crc32: IrType of the data */
} Form;

typedef struct Build {
    IrBuilder b;
    IrType t; /* of the vectors */
    const Form *f;
} Build;

static unsigned sig_of(const Form *f) { return ir_op_info[f->i.op].sig; }

static bool operand_is_int(const Form *f, unsigned k)
{
    unsigned sig = sig_of(f);
    return sig == IR_SIG_VDUP || sig == IR_SIG_CRC || (sig == IR_SIG_VSET && k == 1);
}

/* Of the operands. */
static IrType vec_type(const Form *f)
{
    if (f->i.op == IR_VJOIN)
        return IR_V64;
    return sig_of(f) == IR_SIG_VGET ? (IrType)f->data : (IrType)f->i.type;
}

static IrVal vec_from(Build *x, unsigned slot)
{
    IrVal v = ir_get(&x->b, slot);
    return vec_type(x->f) == IR_V64 ? ir_vlow(&x->b, IR_V64, v) : v;
}

/* Integer operand k, from slot x0 or x1. */
static IrVal int_from(Build *x, unsigned k, unsigned slot)
{
    IrVal v = ir_get(&x->b, S_X + (slot & 1));
    IrType t = sig_of(x->f) == IR_SIG_CRC  ? (k == 0 ? IR_I32 : (IrType)x->f->data)
               : x->f->i.misc < IR_LANE_64 ? IR_I32
                                           : IR_I64;
    return t == IR_I64 ? v : ir_trunc(&x->b, t, v);
}

static IrVal apply(Build *x, const IrVal arg[4])
{
    IrInsn i = x->f->i;
    if (i.op == IR_CRC32)
        return ir_crc32(&x->b, i.imm >> 8, arg[0], arg[1]);
    IrVal o[4];
    for (unsigned k = 0; k < 4; k++)
        o[k] = k < ir_operand_count(&i) && !(x->f->none >> k & 1) ? arg[k] : IR_NONE;
    return ir_vec(&x->b, i.op, (IrType)i.type, i.misc, i.imm, o[0], o[1], o[2], o[3]);
}

static bool result_is_int(const Form *f) { return sig_of(f) == IR_SIG_VGET || sig_of(f) == IR_SIG_CRC; }

static void put(Build *x, unsigned n, IrVal v)
{
    if (result_is_int(x->f))
        ir_put(&x->b, S_XO + n, x->f->i.type == IR_I32 ? ir_zext(&x->b, IR_I64, v) : v);
    else
        ir_put(&x->b, S_VO + n, x->f->i.type == IR_V64 ? ir_vzext(&x->b, IR_V128, v) : v);
}

static const IrVec konst = {{0x80017fff00ff0102, 0x0310ff207f80fe05}};

/* Which operand each output's op takes in place k: 0-3 slots of v, 4 the constant, 5 the first output. */
static const uint8_t plan[OUTS][4] = {{0, 1, 2, 3}, {1, 2, 3, 0}, {2, 0, 1, 0},
                                      {0, 0, 0, 0}, {5, 2, 0, 1}, {3, 4, 4, 1}};

static IrVal operand(Build *x, unsigned n, unsigned k, IrVal first)
{
    unsigned from = plan[n][k];
    if (operand_is_int(x->f, k))
        return int_from(x, k, n + k);
    if (from == 5 && !result_is_int(x->f))
        return x->f->i.op == IR_VJOIN ? ir_vlow(&x->b, IR_V64, first) : first;
    return from == 4 ? ir_vconst(&x->b, vec_type(x->f), konst.w[0], konst.w[1])
                     : vec_from(x, S_V + (from & 3));
}

static void build(Build *x)
{
    IrVal first = IR_NONE;
    for (unsigned n = 0; n < OUTS; n++) {
        IrVal arg[4];
        ir_insn_start(&x->b, 0x1000 + 4 * n);
        for (unsigned k = 0; k < 4; k++)
            arg[k] = operand(x, n, k, first);
        IrVal v = apply(x, arg);
        first = n == 0 ? v : first;
        put(x, n, v);
    }
}

/* The result goes where an operand was: v[n] = op(...). */
static void build_over(Build *x, unsigned n)
{
    IrVal arg[4];
    ir_insn_start(&x->b, 0x1000);
    for (unsigned k = 0; k < 4; k++)
        arg[k] = operand_is_int(x->f, k) ? int_from(x, k, k) : vec_from(x, S_V + k);
    IrVal v = apply(x, arg);
    ir_put(&x->b, S_V + n, x->f->i.type == IR_V64 ? ir_vzext(&x->b, IR_V128, v) : v);
}

static void emit(Host *h, const IrRegion *r, const char *what)
{
    char err[200] = "";
    Fmt fmt = FMT_ON(err);
    if (!ir_verify(r, &fmt))
        fail_msg("%s: %s", what, err);
    ir_liveness(r, x64_fuse(&h->host), h->live);
    h->a.p = h->code;
    X64Exits exits = {.slots_rx = (uint64_t)(uintptr_t)h->page, .stubs = h->page + 8};
    if (x64_emit_region(h->emit, &h->host, r, h->live, &h->a, &exits, h->out) != X64_OK)
        fail_msg("%s: too complex", what);
    uint64_t stub = (uint64_t)(uintptr_t)exits.stubs;
    memcpy(h->page, &stub, 8);
}

static void compile(Host *h, const Form *f, int over)
{
    Build x = {.f = f, .t = IR_V128};
    arena_reset(&h->arena);
    IrRegion *r = ir_region_new(&h->arena, slots, N_SLOTS, NULL, 0);
    ir_builder_init(&x.b, r);
    if (over < 0)
        build(&x);
    else
        build_over(&x, (unsigned)over);
    ir_exit(&x.b, ir_exit_direct(&x.b, 0x1004, false));
    ir_builder_finish(&x.b);
    emit(h, r, ir_op_info[f->i.op].name);
}

/* ---- what it must be ---- */

static IrVec expect(const Form *f, const VecCpu *cpu, const uint8_t from[4], unsigned n, IrVec first)
{
    IrVec arg[4], ret;
    IrInsn i = f->i;
    for (unsigned k = 0; k < 4; k++) {
        i.arg[k] = k < ir_operand_count(&i) && !(f->none >> k & 1);
        arg[k] = from[k] == 5 && !result_is_int(f) ? first : from[k] == 4 ? konst : cpu->v[from[k] & 3];
        if (operand_is_int(f, k))
            arg[k] = (IrVec){{cpu->x[(n + k) & 1], 0}};
    }
    if (i.op == IR_CRC32) {
        unsigned bits = ir_type_bits((IrType)f->data);
        uint64_t data = bits == 64 ? arg[1].w[0] : arg[1].w[0] & ((1ull << bits) - 1);
        return (IrVec){{ir_eval_crc32(i.imm >> 8 & 1, (uint32_t)arg[0].w[0], data, bits / 8), 0}};
    }
    assert_true(ir_eval_vec(&i, arg, &ret));
    return ret;
}

static uint64_t corner(Host *h, unsigned bits)
{
    uint64_t r = rnd(h), top = 1ull << (bits - 1);
    switch (r >> 60) {
    case 0: return 0;
    case 1: return 1;
    case 2: return ~0ull;
    case 3: return top;
    case 4: return top - 1;
    case 5: return top + 1;
    case 6:
    case 7: return r & 0x7f;
    case 8:
    case 9: return 0 - (r & 0x7f);
    default: return r >> 7;
    }
}

static void operands_set(Host *h, const Form *f, VecCpu *cpu)
{
    unsigned bits = f->i.op == IR_CRC32 ? 64 : ir_lane_bits(f->i.misc);
    memset(cpu, 0x5a, sizeof *cpu);
    for (unsigned k = 0; k < 4; k++)
        for (unsigned n = 0; n < 128 / bits; n++) {
            uint64_t v = corner(h, bits);
            memcpy((char *)&cpu->v[k] + n * bits / 8, &v, bits / 8);
        }
    if (!(rnd(h) >> 61))
        cpu->v[1] = cpu->v[0];
    cpu->x[0] = corner(h, 64);
    cpu->x[1] = rnd(h);
}

static void describe(const Form *f, char *text, size_t cap)
{
    Fmt fmt = {.buf = text, .cap = cap};
    IrRegion r = {0};
    IrInsn i[6] = {[5] = f->i};
    for (unsigned k = 0; k < ir_operand_count(&f->i); k++)
        i[5].arg[k] = f->none >> k & 1 ? 0 : (IrVal)(k + 1);
    r.insn = i;
    ir_print_insn(&r, 5, &fmt);
}

static int run(Host *h, VecCpu *cpu)
{
    int (*enter)(VecCpu *, const uint8_t *);
    memcpy(&enter, &h->host.enter, sizeof(enter));
    cpu->kick = 0;
    cpu->stack.ret_top = x64_test_stack(&h->host);
    return enter(cpu, h->code);
}

static void fail_form(const Form *f, const char *what, unsigned n, IrVec got, IrVec want, const VecCpu *in)
{
    char text[200] = "";
    describe(f, text, sizeof text);
    fail_msg("%s %s %u: got %016lx%016lx want %016lx%016lx; v0 %016lx%016lx v1 %016lx%016lx v2 %016lx%016lx "
             "v3 %016lx%016lx x %lx %lx",
             text, what, n, got.w[1], got.w[0], want.w[1], want.w[0], in->v[0].w[1], in->v[0].w[0],
             in->v[1].w[1], in->v[1].w[0], in->v[2].w[1], in->v[2].w[0], in->v[3].w[1], in->v[3].w[0],
             in->x[0], in->x[1]);
}

static void run_form(Host *h, const Form *f)
{
    VecCpu cpu, in;
    compile(h, f, -1);
    h->forms++;
    h->called += x64_emit_calls(h->emit) != 0;
    for (unsigned k = 0; k < RUNS; k++) {
        operands_set(h, f, &cpu);
        in = cpu;
        assert_int_equal(run(h, &cpu), 0);
        IrVec first = {{0, 0}};
        for (unsigned n = 0; n < OUTS; n++) {
            IrVec want = expect(f, &in, plan[n], n, first),
                  got = result_is_int(f) ? (IrVec){{cpu.xo[n], 0}} : cpu.vo[n];
            first = n == 0 ? want : first;
            if (memcmp(&want, &got, 16))
                fail_form(f, "output", n, got, want, &in);
        }
        assert_memory_equal(cpu.v, in.v, sizeof cpu.v);
        assert_memory_equal(cpu.x, in.x, sizeof cpu.x);
    }
    if (result_is_int(f))
        return;
    for (unsigned over = 0; over < 3; over++) {
        static const uint8_t straight[4] = {0, 1, 2, 3};
        compile(h, f, (int)over);
        for (unsigned k = 0; k < 3; k++) {
            operands_set(h, f, &cpu);
            in = cpu;
            assert_int_equal(run(h, &cpu), 0);
            IrVec want = expect(f, &in, straight, 0, (IrVec){{0, 0}});
            if (memcmp(&want, &cpu.v[over], 16))
                fail_form(f, "in place of", over, cpu.v[over], want, &in);
        }
    }
}

/* ---- all forms ---- */

typedef void FormFn(Host *h, const Form *f);

static void each_none(Host *h, Form f, FormFn *fn)
{
    for (unsigned none = 0; none < 16; none++) {
        bool ok = true;
        for (unsigned k = 0; k < 4; k++)
            ok &= !(none >> k & 1) || (k < ir_operand_count(&f.i) && ir_vec_optional(&f.i, k));
        f.none = none;
        if (ok)
            fn(h, &f);
    }
}

static void each_number(Host *h, Form f, FormFn *fn)
{
    IrType vec = vec_type(&f);
    const IrVecRow *row = ir_vec_row((IrOp)f.i.op);
    uint32_t flags = f.i.imm;
    for (unsigned n = 0; n <= 64; n++)
        for (unsigned m = 0; m < (row->m == IR_VNUM_NONE ? 1 : 16); m++) {
            f.i.imm = flags | IR_VA_N(n) | IR_VA_M(m);
            if (ir_vec_attr_ok(&f.i, vec))
                each_none(h, f, fn);
        }
}

static void each_form(Host *h, IrOp op, FormFn *fn)
{
    const IrVecRow *row = ir_vec_row(op);
    Form f = {.i = {.op = op}};
    if (op == IR_CRC32) {
        static const uint8_t types[4] = {IR_I8, IR_I16, IR_I32, IR_I64};
        f.i.type = IR_I32;
        for (unsigned k = 0; k < 8; k++) {
            f.data = types[k & 3];
            f.i.imm = IR_VA_N(k >> 2);
            fn(h, &f);
        }
        return;
    }
    for (unsigned lane = 0; lane < IR_LANE_F16; lane++)
        for (unsigned flags = 0; flags < 64; flags++)
            for (unsigned wide = 0; wide < 2; wide++) {
                if (!(row->lanes >> lane & 1) || (flags & ~row->flags))
                    continue;
                f.i.misc = (uint8_t)lane;
                f.i.type = wide ? IR_V128 : IR_V64;
                f.i.imm = flags;
                if (ir_op_info[op].sig != IR_SIG_VGET) {
                    each_number(h, f, fn);
                    continue;
                }
                f.data = f.i.type;
                f.i.type = IR_I64;
                each_number(h, f, fn);
                f.i.type = IR_I32;
                if (lane < IR_LANE_64)
                    each_number(h, f, fn);
            }
}

static bool is_integer_row(IrOp op)
{
    const IrVecRow *row = ir_vec_row(op);
    return row && (op == IR_CRC32 || (row->lanes & 15));
}

static void run_row(Host *h, IrOp op)
{
    unsigned before = h->called;
    size_t n = strlen(h->by_c);
    each_form(h, op, run_form);
    if (h->called != before)
        snprintf(h->by_c + n, sizeof h->by_c - n, "%s:%u ", ir_op_info[op].name, h->called - before);
}

static void every_form_is_the_interpreters(void **state)
{
    for (unsigned k = 0; k < ARRAY_SIZE(hosts); k++) {
        Host h;
        if (!host_init(&h, k))
            continue;
        for (unsigned op = 1; op < IR_OP_COUNT; op++)
            if (is_integer_row((IrOp)op))
                run_row(&h, (IrOp)op);
        if (hosts[k].by_c)
            assert_string_equal(h.by_c, hosts[k].by_c);
        printf("%s: %u forms, %u by a C function\n", hosts[k].features, h.forms, h.called);
        host_clear(&h);
    }
}

/* ---- rotations ---- */

static uint64_t rotated(uint64_t v, unsigned bits, unsigned n)
{
    uint64_t low = bits == 64 ? ~0ull : 0xffffffff, ret = 0;
    for (unsigned at = 0; at < 64; at += bits) {
        uint64_t lane = v >> at & low;
        ret |= ((lane << n | lane >> (bits - n)) & low) << at;
    }
    return ret;
}

/* Outputs: an or of two shifts, in both orders; a shift and insert, of which one shift, then the other is
 * used otherwise too (these shifts are the last outputs). */
static void build_rotation(IrBuilder *b, IrType t, unsigned lane, unsigned n)
{
    unsigned bits = ir_lane_bits(lane);
    uint64_t mask = (bits == 64 ? ~0ull : 0xffffffff) << n & (bits == 64 ? ~0ull : 0xffffffff);
    IrVal v[OUTS], x[4];
    ir_insn_start(b, 0x1000);
    for (unsigned k = 0; k < 4; k++) {
        x[k] = ir_get(b, S_V + k);
        x[k] = t == IR_V64 ? ir_vlow(b, IR_V64, x[k]) : x[k];
        IrVal left = ir_vshl(b, t, lane, IR_VA_N(n), x[k]),
              right = ir_vshr(b, t, lane, IR_VA_N(bits - n), x[k]);
        IrVal keep = ir_vconst_dup(b, t, lane, mask);
        v[k] = k < 2 ? ir_vor(b, t, IR_LANE_8, 0, k ? right : left, k ? left : right)
                     : ir_vbsl(b, t, IR_LANE_8, 0, keep, left, right);
        if (k >= 2)
            v[k + 2] = k == 2 ? left : right;
    }
    for (unsigned k = 0; k < OUTS; k++)
        ir_put(b, S_VO + k, t == IR_V64 ? ir_vzext(b, IR_V128, v[k]) : v[k]);
    ir_exit(b, ir_exit_direct(b, 0x1004, false));
    ir_builder_finish(b);
}

static void check_rotation(Host *h, IrType t, unsigned lane, unsigned n)
{
    IrBuilder b;
    VecCpu cpu;
    Form f = {.i = {.op = IR_VOR, .misc = (uint8_t)lane}};
    unsigned bits = ir_lane_bits(lane);
    arena_reset(&h->arena);
    IrRegion *r = ir_region_new(&h->arena, slots, N_SLOTS, NULL, 0);
    ir_builder_init(&b, r);
    build_rotation(&b, t, lane, n);
    for (unsigned k = 1; k < r->n_insns; k++)
        assert_int_not_equal(r->insn[k].op, IR_VBSL);
    emit(h, r, "rotation");
    operands_set(h, &f, &cpu);
    VecCpu in = cpu;
    assert_int_equal(run(h, &cpu), 0);
    for (unsigned k = 0; k < 4; k++)
        for (unsigned w = 0; w < 2; w++)
            assert_int_equal(cpu.vo[k].w[w], w && t == IR_V64 ? 0 : rotated(in.v[k].w[w], bits, n));
    for (unsigned w = 0; w < 2; w++) {
        uint64_t right = 0, low = bits == 64 ? ~0ull : 0xffffffff;
        for (unsigned at = 0; at < 64; at += bits)
            right |= (in.v[3].w[w] >> at & low) >> (bits - n) << at;
        assert_int_equal(cpu.vo[5].w[w], w && t == IR_V64 ? 0 : right);
    }
}

static void rotations_by_two_shifts(void **state)
{
    for (unsigned k = 0; k < ARRAY_SIZE(hosts); k++) {
        Host h;
        if (!host_init(&h, k))
            continue;
        for (unsigned wide = 0; wide < 2; wide++)
            for (unsigned lane = IR_LANE_32; lane <= IR_LANE_64; lane++)
                for (unsigned n = 1; n < ir_lane_bits(lane); n++)
                    check_rotation(&h, wide ? IR_V128 : IR_V64, lane, n);
        host_clear(&h);
    }
}

/* ---- memory ---- */

/* Loads of every type of a vector register, zero-extended to a slot, and stores of them 64 bytes further
 * on. */
static void loads_and_stores_move_their_bytes(void **state)
{
    static const struct {
        uint8_t type, size, at, slot;
    } rows[] = {{IR_V128, 4, 3, S_VO},     {IR_F64, 3, 21, S_VO + 1}, {IR_F32, 2, 30, S_VO + 2},
                {IR_F16, 1, 35, S_VO + 3}, {IR_V64, 3, 40, S_VO + 4}, {IR_V128, 4, 46, S_VO + 5}};
    for (unsigned k = 0; k < ARRAY_SIZE(hosts); k++) {
        Host h;
        if (!host_init(&h, k))
            continue;
        IrBuilder b;
        IrRegion *r = ir_region_new(&h.arena, slots, N_SLOTS, NULL, 0);
        ir_builder_init(&b, r);
        for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
            IrMem m = {.size = rows[n].size & 7u};
            ir_insn_start(&b, 0x1000 + 8 * n);
            IrVal v = ir_ld(&b, (IrType)rows[n].type, ir_get(&b, S_X), rows[n].at, m);
            ir_put(&b, rows[n].slot, rows[n].type == IR_V128 ? v : ir_vzext(&b, IR_V128, v));
            ir_insn_start(&b, 0x1004 + 8 * n);
            ir_st(&b, v, ir_get(&b, S_X), 64 + rows[n].at, m);
        }
        ir_exit(&b, ir_exit_direct(&b, 0x2000, false));
        ir_builder_finish(&b);
        emit(&h, r, "memory");
        uint8_t mem[128], want[128];
        VecCpu cpu;
        memset(&cpu, 0x5a, sizeof cpu);
        for (unsigned n = 0; n < sizeof mem; n++)
            want[n] = mem[n] = n < 64 ? (uint8_t)(n * 7 + 1) : 0;
        for (unsigned n = 0; n < ARRAY_SIZE(rows); n++)
            memcpy(want + 64 + rows[n].at, mem + rows[n].at, 1u << rows[n].size);
        cpu.x[0] = (uint64_t)(uintptr_t)mem;
        assert_int_equal(run(&h, &cpu), 0);
        assert_memory_equal(mem, want, sizeof mem);
        for (unsigned n = 0; n < ARRAY_SIZE(rows); n++) {
            IrVec v = {{0, 0}};
            memcpy(&v, mem + rows[n].at, 1u << rows[n].size);
            assert_memory_equal(&cpu.vo[n], &v, 16);
        }
        host_clear(&h);
    }
}

/* ---- loops ---- */

/* A loop whose vectors live in registers that only it has, with a row that wants many temporaries. x0: times
 * round. */
static IrRegion *build_loop(Host *h, bool greedy)
{
    IrBuilder b;
    arena_reset(&h->arena);
    IrRegion *r = ir_region_new(&h->arena, slots, N_SLOTS, NULL, 0);
    ir_builder_init(&b, r);
    ir_insn_start(&b, 0x1000);
    IrVal v[4], count = ir_add(&b, IR_I64, ir_get(&b, S_X), ir_const(&b, IR_I64, -1));
    for (unsigned k = 0; k < 4; k++)
        v[k] = ir_get(&b, k < 2 ? S_V + 2 + k : S_VO + 1 + k);
    IrVal sum = ir_vadd(&b, IR_V128, IR_LANE_32, 0, v[0], v[2]);
    IrVal mix =
        ir_vxor(&b, IR_V128, IR_LANE_8, 0, ir_vext(&b, IR_V128, IR_LANE_8, IR_VA_N(5), sum, v[3]), v[1]);
    if (greedy)
        mix = ir_vshift(&b, IR_V128, IR_LANE_16, IR_VA_S | IR_VA_ROUND | IR_VA_SAT, mix, sum);
    ir_put(&b, S_X, count);
    ir_put(&b, S_VO + 3, sum);
    ir_put(&b, S_VO + 4, mix);
    ir_insn_start(&b, 0x1004);
    ir_exit_if(&b, ir_cmp(&b, IR_EQ, count, ir_const(&b, IR_I64, 0)), ir_exit_direct(&b, 0x1008, false),
               false);
    ir_poll(&b, ir_exit_direct(&b, 0x1000, true));
    ir_br(&b, 0);
    ir_builder_finish(&b);
    return r;
}

static void check_loop(Host *h, bool greedy)
{
    static uint64_t val[IR_MAX_INSNS];
    static IrVec vec[IR_MAX_INSNS];
    IrRegion *r = build_loop(h, greedy);
    Form f = {.i = {.op = IR_VADD, .misc = IR_LANE_16}};
    emit(h, r, "loop");
    for (unsigned k = 0; k < 20; k++) {
        VecCpu cpu, want;
        operands_set(h, &f, &cpu);
        cpu.x[0] = 1 + k * 3;
        cpu.kick = 0;
        want = cpu;
        IrMachine m = {.cpu = &want, .val = val, .vec = vec, .kick = &want.kick, .ff = &want.ff,
                       .frm = &want.frm};
        IrRun result;
        ir_run(r, &m, &result);
        assert_int_equal(result.kind, IR_RUN_EXIT);
        assert_int_equal(run(h, &cpu), 0);
        assert_int_equal(cpu.x[0], 0);
        assert_memory_equal(cpu.v, want.v, sizeof cpu.v);
        assert_memory_equal(cpu.vo, want.vo, sizeof cpu.vo);
    }
}

static void loops_keep_vectors_in_registers(void **state)
{
    for (unsigned k = 0; k < ARRAY_SIZE(hosts); k++) {
        Host h;
        if (!host_init(&h, k))
            continue;
        check_loop(&h, false);
        assert_int_equal(h.out->n_loop_pins, hosts[k].no_opt & X64_NO_PINS ? 0 : 4);
        check_loop(&h, true);
        host_clear(&h);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_is_the_interpreters),
        cmocka_unit_test(rotations_by_two_shifts),
        cmocka_unit_test(loads_and_stores_move_their_bytes),
        cmocka_unit_test(loops_keep_vectors_in_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
