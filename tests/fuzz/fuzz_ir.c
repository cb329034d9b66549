/*
 * The reader of the IR's text form, and behind it printer, verifier, passes and interpreter. What may not
 * happen: a crash; a text that changes on its way through reader and printer; a valid region that the passes
 * make invalid, or to which they give other results. Regions with memory accesses are not run: their
 * addresses are anyone's.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/ir/toy.h"

#include "tcg/ir/print.h"
#include "tcg/ir/verify.h"
#include "tcg/opt/passes.h"

enum { TEXT = 1 << 20 };

static Arena arena;
static uint64_t val[IR_MAX_INSNS];

static void die(const char *what, const char *more)
{
    fprintf(stderr, "%s\n%s\n", what, more);
    abort();
}

static IrRegion *parse(const char *text, size_t len)
{
    char err[128] = "";
    IrRegion *r =
        ir_parse(&arena, text, len, toy_slots, TOY_SLOTS, toy_helpers, TOY_HELPERS, err, sizeof err);
    if (!r && !err[0])
        die("refused without a reason", text);
    return r;
}

static const char *print(const IrRegion *r, char *buf)
{
    Fmt f = {.buf = buf, .cap = TEXT};
    buf[0] = 0;
    ir_print(r, &f);
    return buf;
}

static void check_text(const IrRegion *r)
{
    static char first[TEXT], second[TEXT];
    print(r, first);
    IrRegion *again = parse(first, strlen(first));
    if (!again || strcmp(print(again, second), first) != 0)
        die("the text changes", first);
}

static bool touches_memory(const IrRegion *r)
{
    for (unsigned k = 1; k < r->n_insns; k++)
        if (r->insn[k].op == IR_LD || r->insn[k].op == IR_ST || r->insn[k].op == IR_RMW ||
            r->insn[k].op == IR_CAS)
            return true;
    return false;
}

static ToyCpu run(const IrRegion *r, IrRun *ret)
{
    ToyCpu cpu = {.kick = 0};
    for (unsigned k = 0; k < 16; k++)
        cpu.x[k] = k * 0x123456789abcdefull;
    for (unsigned k = 0; k < 4; k++)
        cpu.v[k] = (IrVec){{cpu.x[k + 3], cpu.x[k + 9]}};
    toy_run(&cpu, r, val, 20, ret);
    ret->insn = 0; /* the passes keep indices, but calls that are PURE may go */
    return cpu;
}

static void check_passes(IrRegion *r)
{
    static char text[TEXT];
    char err[256] = "";
    Fmt f = FMT_ON(err);
    IrRun was = {0}, is = {0};
    ToyCpu cpu_was, cpu_is;
    bool runs = !touches_memory(r);
    IrRegion *before = ir_region_copy(&arena, r);
    if (runs)
        cpu_was = run(r, &was);
    ir_opt_dead_puts(r);
    ir_opt_dce(r);
    if (!ir_verify(r, &f) || !ir_verify_same_effects(before, r, &f))
        die(err, print(before, text));
    check_text(r);
    if (!runs)
        return;
    cpu_is = run(r, &is);
    if (was.kind != IR_RUN_BAD && (memcmp(&was, &is, sizeof was) || memcmp(&cpu_was, &cpu_is, sizeof cpu_is)))
        die("the passes change results", print(before, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char err[256] = "";
    Fmt f = FMT_ON(err);
    if (!arena.base && !arena_init(&arena, 16 << 20))
        abort();
    arena_rewind(&arena, 0);
    IrRegion *r = parse((const char *)data, size);
    if (!r)
        return 0;
    check_text(r);
    if (ir_verify(r, &f))
        check_passes(r);
    else if (!err[0])
        die("invalid without a reason", "");
    return 0;
}

/* ---- seeds: random lines that mostly make sense ---- */

static const char *const head =
    "region pc=0x1000 ctx=0x3 nan=0\nexit 0 direct 0x1004 poll\nexit 1 raise 0x1000 code=3\n"
    "block 0:\ninsn 0x1000\n"
    "%a = get.i64 x1\n%b = get.i64 x2\n%w = get.i32 w0\n%f = get.f64 f0\n%t = const.i1 1\n"
    "%k = const.i64 0x123456789abc\n%g = unbox.f32 %f\n"
    "%v = get.v128 v0\n%y = const.v128 0x123456789abc 0x77\n%h = vlow.v64.v128 %v\n";
/* $ is a new name, @ some i64 */
static const char *const lines[] = {
    "$ = add.i64 @ @\n",
    "$ = sub.i64 @ @\n",
    "$ = divs.i64 @ @\n",
    "$ = rotr.i32 %w %w\n",
    "$ = clz.i64 @\n",
    "$ = sext.i64.i32 %w\n",
    "$ = trunc.i8.i64 @\n",
    "$ = cmp.i64 ltu @ @\n",
    "$ = select.i64 %t @ @\n",
    "$ = ld.i64 [@ + @<<3 - 16] b4 sext acquire\n",
    "st.i64 @ [@ + 8] b2 bswap direct32 idx3\n",
    "$ = rmw.i64 maxu [@] @ b8 seq_cst\n",
    "$ = cas.i32 [@] %w %w b4\n",
    "fence 15\n",
    "$ = fadd.f64 dyn %f %f\n",
    "$ = fsqrt.f32 rtz %g\n",
    "$ = fma.f64 rne np na %f %f %f\n",
    "$ = fcmp.f64 fleq %f %f\n",
    "$ = fsgn.f64 2 %f %f\n",
    "$ = fclass.i32.f64 %f\n",
    "$ = f2i.i32.f64 rup unsigned %f\n",
    "$ = i2f.f32.i64 rmm @\n",
    "$ = f2f.f64.f32 rne %g\n",
    "$ = cast.i64.f64 %f\n",
    "$ = box.f64 %g\n",
    "$ = ffget.i32\n",
    "ffput %w\n",
    "frmput %w\n",
    "$ = call pure(@, @)\n",
    "call status(@)\n",
    "$ = call state(@)\n",
    "$ = call pc()\n",
    "poll 0\n",
    "exit_if %t exit 1 likely\n",
    "put.i64 x3 @\n",
    "put.i64 x3 @\n",
    "put.i64 x4 @\n",
    "$ = get.i64 x3\n",
    "nop\n",
    "$ = vadd.v128.i8 %v %y\n",
    "$ = vshr.v128.i16 s round n3 %v\n",
    "$ = vcmp.v64.i32 gtu %h %h\n",
    "$ = vget.i64.i8 s n5 %v\n",
    "$ = vset.v128.i64 n1 %v @\n",
    "$ = vsetv.v128.i32 n2 m1 %v %y\n",
    "$ = vdup.v64.i16 %w\n",
    "$ = vtbl.v128.i8 n16 %v %y none %v\n",
    "$ = vnarrow.v128.i32 sat mix %v none\n",
    "$ = vshift.v128.i32 s sat %v %y\n",
    "$ = vext.v64.i8 n7 %h %h\n",
    "$ = vmaxv.v128.i16 %v\n",
    "$ = vaes.v128.i8 n1 %v %y\n",
    "$ = crc32.i32 n1 %w @\n",
    "$ = vsha.v128.i32 n6 %v %y none\n",
    "$ = vzext.v128.f64 %f\n",
    "$ = select.v128 %t %v %y\n",
    "$ = ld.v128 [@] b16\n",
    "put.v128 v1 %v\n",
    "put.v128 v1 %y\n",
    "; a comment\n",
    "\n",
};
static const char *const tails[] = {
    "exit 0\n", "exit_ind %a ret\n", "poll 0\nbr block 0\n",
    ("br block 1 (%a, %k)\nblock 1:\n%p = param.i64 0\n%q = param.i64 1\n"
     "put.i64 x5 %p\npoll 1\nbr block 1 (%q, %p)\n"),
    "brcond %t block 1 block 2\nblock 1:\nexit 0\nblock 2:\nput.i64 x6 %b\nexit 1\n",
};

static unsigned pick(uint64_t *h, unsigned n)
{
    *h = (*h ^ *h >> 29) * 0xbf58476d1ce4e5b9ull;
    return (unsigned)(*h >> 32) % n;
}

/* One line; `i64` lists the numbers of names that are i64 so far. */
static void add_line(Fmt *f, uint64_t *h, unsigned name, unsigned *i64, unsigned *n_i64)
{
    const char *line = lines[pick(h, ARRAY_SIZE(lines))];
    for (const char *p = line; *p; p++) {
        unsigned k = pick(h, *n_i64 + 3);
        if (*p == '$')
            fmt_printf(f, "%%n%u", name);
        else if (*p == '@' && k < 3)
            fmt_printf(f, "%%%c", "abk"[k]);
        else if (*p == '@')
            fmt_printf(f, "%%n%u", i64[k - 3]);
        else
            fmt_putc(f, *p);
    }
    const char *dot = strchr(line, '.');
    if (*line == '$' && dot && memcmp(dot, ".i64", 4) == 0 && !strstr(line, "cmp"))
        i64[(*n_i64)++] = name;
}

size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15ull;
    unsigned i64[64], n_i64 = 0;
    Fmt f = {.buf = (char *)buf, .cap = cap};
    if (i >= 20000)
        return 0;
    fmt_puts(&f, head);
    for (unsigned n = 0; n < 4 + i % 30; n++) {
        if (pick(&h, 2))
            fmt_printf(&f, "insn 0x%x\n", 0x1004 + 4 * n);
        add_line(&f, &h, n, i64, &n_i64);
    }
    fmt_puts(&f, tails[pick(&h, ARRAY_SIZE(tails))]);
    return f.len;
}
