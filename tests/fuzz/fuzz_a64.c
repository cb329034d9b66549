/*
 * A64 words through decoder, disassembler, superblock builder and translation functions, in every cpu model and
 * translation context. What may not happen: a crash; a verdict on which decoder and disassembler differ; text that is
 * not printable or longer than its buffer; a region that the verifier refuses, before or after the passes; an
 * instruction of a feature that the model lacks which does not raise.
 *
 * Input: three bytes of options, then code. It ends where executable memory ends.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/superblock.h"
#include "target/arm/a64_decode.h"
#include "target/arm/a64_disas.h"
#include "target/arm/arm_cpu.h"
#include "tcg/ir/print.h"
#include "tcg/ir/verify.h"
#include "tcg/opt/passes.h"

enum { AREA = 0x10000000, AREA_BYTES = 8192, AREA_END = AREA + AREA_BYTES };

static Arena arena;

static void die(const char *what, Gva pc)
{
    char text[128];
    a64_disas(pc, (const uint8_t *)(uintptr_t)pc, pc <= AREA_END - 4 ? 4 : 0, text, sizeof(text));
    fprintf(stderr, "%s at 0x%llx: %s\n", what, (unsigned long long)pc, text);
    abort();
}

static unsigned exec_bytes(void *opaque, Gva pc)
{
    return pc >= AREA && pc < AREA_END ? (unsigned)MIN(AREA_END - pc, 4096) : 0;
}

static bool code_page(void *opaque, Gva page) { return false; }

static void check_text(Gva pc)
{
    const uint8_t *bytes = (const uint8_t *)(uintptr_t)pc;
    char text[128] = "", small[5];
    A64Args a;
    A64Insn insn = a64_decode(ld_u32(bytes), &a);

    if (a64_disas(pc, bytes, 3, text, sizeof(text)) != 0 || text[0])
        die("text of three bytes", pc);
    if (a64_disas(pc, bytes, 4, text, sizeof(text)) != 4 || (insn == A64_ILLEGAL) != (text[0] == '.'))
        die("decoder and disassembler differ", pc);
    if (insn != A64_ILLEGAL && (a.rd > 31 || a.rn > 31 || a.rm > 31 || a.ra > 31 || a64_row_feat(insn) >= ARM_FEATS))
        die("operand out of range", pc);
    for (const char *p = text; *p; p++)
        if ((*p < ' ' && *p != '\t') || *p > '~')
            die("text", pc);
    if (strlen(text) + 1 >= sizeof(text) || a64_disas(pc, bytes, 4, small, sizeof(small)) != 4 || strlen(small) > 4)
        die("length of text", pc);
}

/* A row whose feature is not there raises before anything is built. */
static void check_feature(const IrRegion *r, uint32_t ctx)
{
    A64Args a;
    A64Insn insn = a64_decode(ld_u32((const void *)(uintptr_t)r->pc), &a);
    ArmModel model = (ctx & ARM_CTX_MODEL) >> ARM_CTX_MODEL_SHIFT;

    if ((insn == A64_ILLEGAL || !arm_model_has(model, a64_row_feat(insn))) &&
        (r->n_guest != 1 || r->exit[0].kind != IR_EXIT_RAISE || r->exit[0].code != CPU_EXIT_ILLEGAL))
        die("undefined instruction does not raise", r->pc);
}

static void check_build(Gva pc, uint32_t ctx, unsigned no_opt, unsigned max_insns)
{
    static Superblock sb;
    static IrBuilder builder;
    const AccelMem mem = {.exec_bytes = exec_bytes, .code_page = code_page};
    const SuperblockConfig cfg = {.ops = &target_aarch64, .mem = &mem, .max_insns = max_insns, .no_opt = no_opt};
    char err[256] = "";
    Fmt f = FMT_ON(err);

    arena_rewind(&arena, 0);
    if (!superblock_build(&cfg, &arena, &builder, pc, ctx, &sb)) {
        if (pc + 4 <= AREA_END)
            die("no region", pc);
        return;
    }
    IrRegion *r = sb.region, *before = ir_region_copy(&arena, r);
    bool good = ir_verify(r, &f);
    if (good)
        check_feature(r, ctx);
    if (good) {
        ir_opt_dead_puts(r);
        ir_opt_dce(r);
        good = before && ir_verify(r, &f) && ir_verify_same_effects(before, r, &f);
    }
    if (good)
        return;
    static char text[1 << 20];
    Fmt out = FMT_ON(text);
    ir_print(before, &out);
    fprintf(stderr, "%s\n%s", err, text);
    die("region", r->pc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t *area;
    if (!area) {
        area = mmap((void *)(uintptr_t)AREA, AREA_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (area != (void *)(uintptr_t)AREA || !arena_init(&arena, 4 << 20))
            abort();
    }
    if (size < 7)
        return 0;
    size_t n = MIN(size - 3, AREA_BYTES) & ~(size_t)3;
    Gva start = AREA_END - n;
    memset(area, 0, AREA_BYTES - n);
    memcpy((void *)(uintptr_t)start, data + 3, n);
    uint32_t ctx = (data[0] & 7u) % ARM_MODELS << ARM_CTX_MODEL_SHIFT | (data[0] & 8 ? ARM_CTX_LDX_EXCLUSIVE : 0u) |
                   (data[0] & 16 ? CTX_PARALLEL : 0u) | (data[0] & 32 ? CTX_LLSC_BY_VALUE : 0u) |
                   (data[0] & 64 ? CTX_STEP : 0u) | (data[2] & ARM_CTX_FP);
    unsigned no_opt = data[1] & (ACCEL_NO_LOOPS | ACCEL_NO_SUPERBLOCK | ACCEL_NO_FOLD);
    for (Gva pc = start; pc < AREA_END; pc += 4)
        check_text(pc);
    for (Gva pc = start; pc < AREA_END && pc < start + 16; pc += 4)
        check_build(pc, ctx, no_opt, data[1] & 1 ? 1 + (data[1] >> 6) * 85u : 0);
    check_build(AREA_END, ctx, no_opt, 0);
    return 0;
}

/* ---- seeds: per row of the tables, code that begins with it and goes on with others ---- */

static const char pictures[][33] = {
#define INSN(id, name, pic, fmt, feat, handler, ops) pic,
#include "target/arm/a64_rows.inc"
#undef INSN
};

static uint64_t rnd(uint64_t *h)
{
    *h = (*h ^ *h >> 29) * 0xbf58476d1ce4e5b9ull + 0x9e3779b97f4a7c15ull;
    return *h ^ *h >> 32;
}

/* Random operands; immediates of branches are short. */
static uint32_t instance(unsigned row, uint64_t *h)
{
    const char *pic = pictures[row];
    uint32_t bits = 0, random = (uint32_t)rnd(h), fill = rnd(h) & 1 ? ~0u : 0;
    bool far_branch = !strncmp(pic + 1, "00101", 5) || !strncmp(pic, "0101010", 7);

    for (unsigned i = 0; i < 32; i++) {
        uint32_t bit = 1u << (31 - i);
        if (pic[i] == '0' || pic[i] == '1')
            bits |= pic[i] == '1' ? bit : 0;
        else
            bits |= bit & (far_branch && pic[i] == 'i' && i < 22 ? fill : random);
    }
    return bits;
}

size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    enum { VARIANTS = 8, INSNS = 24 };
    uint64_t h = i * 0x9e3779b97f4a7c15ull + 1;

    if (i >= ARRAY_SIZE(pictures) * VARIANTS || cap < 3 + 4 * INSNS)
        return 0;
    for (unsigned k = 0; k < 3; k++)
        buf[k] = (uint8_t)rnd(&h);
    if (i & 1)
        buf[0] |= ARM_MODEL_MAX; /* every second one: all features */
    for (unsigned k = 0; k < INSNS; k++) {
        uint32_t bits = instance(k ? (unsigned)(rnd(&h) % ARRAY_SIZE(pictures)) : i / VARIANTS, &h);
        memcpy(buf + 3 + 4 * k, &bits, 4);
    }
    return 3 + 4 * INSNS;
}
