/*
 * A64 words through decoder, disassembler, superblock builder and translation functions, in every cpu model
 * and translation context. What may not happen: a crash; a verdict on which decoder and disassembler differ;
 * text that is not printable or longer than its buffer; a region that the verifier refuses, before or after
 * the passes; an instruction of a feature that the model lacks which does not raise.
 *
 * Input: three bytes of options, then code. It ends where executable memory ends.
 */
#include "target/arm/a64_decode.h"
#include "target/arm/arm_cpu.h"
#include "tests/fuzz/fuzz_code.h"

static void check_text(Gva pc)
{
    const uint8_t *bytes = (const uint8_t *)(uintptr_t)pc;
    char text[128] = "";
    A64Args a;
    A64Insn insn = a64_decode(ld_u32(bytes), &a);

    if (fuzz_check_text(pc, bytes, 3, text, sizeof(text)) != 0)
        fuzz_die("text of three bytes", pc);
    if (fuzz_check_text(pc, bytes, 4, text, sizeof(text)) != 4 || (insn == A64_ILLEGAL) != (text[0] == '.'))
        fuzz_die("decoder and disassembler differ", pc);
    if (insn != A64_ILLEGAL &&
        (a.rd > 31 || a.rn > 31 || a.rm > 31 || a.ra > 31 || a64_row_feat(insn) >= ARM_FEATS))
        fuzz_die("operand out of range", pc);
}

/* A row whose feature is not there raises before anything is built. */
static void check_feature(const IrRegion *r)
{
    A64Args a;
    A64Insn insn = a64_decode(ld_u32((const void *)(uintptr_t)r->pc), &a);
    ArmModel model = (fuzz_code.ctx & ARM_CTX_MODEL) >> ARM_CTX_MODEL_SHIFT;

    if ((insn == A64_ILLEGAL || !arm_model_has(model, a64_row_feat(insn))) &&
        (r->n_guest != 1 || r->exit[0].kind != IR_EXIT_RAISE || r->exit[0].code != CPU_EXIT_ILLEGAL))
        fuzz_die("undefined instruction does not raise", r->pc);
}

static void check_build(Gva pc)
{
    Superblock *sb = fuzz_build(pc);

    if (!sb) {
        if (pc + 4 <= FUZZ_AREA_END)
            fuzz_die("no region", pc);
        return;
    }
    check_feature(sb->region);
    fuzz_check_region(sb->region);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 7)
        return 0;
    Gva start = fuzz_area(data + 3, size - 3, 4);
    fuzz_code = (FuzzCode){
        .ops = &target_aarch64,
        .ctx = (data[0] & 7u) % ARM_MODELS << ARM_CTX_MODEL_SHIFT |
        (data[0] & 8 ? ARM_CTX_LDX_EXCLUSIVE : 0u) |
               (data[0] & 16 ? CTX_PARALLEL : 0u) | (data[0] & 32 ? CTX_LLSC_BY_VALUE : 0u) |
               (data[0] & 64 ? CTX_STEP : 0u) | (data[2] & ARM_CTX_FP),
        .no_opt = data[1] & (ACCEL_NO_LOOPS | ACCEL_NO_SUPERBLOCK | ACCEL_NO_FOLD),
        .max_insns = data[1] & 1 ? 1 + (data[1] >> 6) * 85u : 0,
    };
    for (Gva pc = start; pc < FUZZ_AREA_END; pc += 4)
        check_text(pc);
    for (Gva pc = start; pc < FUZZ_AREA_END && pc < start + 16; pc += 4)
        check_build(pc);
    check_build(FUZZ_AREA_END);
    return 0;
}

/* ---- seeds: per row of the tables, code that begins with it and goes on with others ---- */

static const char pictures[][33] = {
#define INSN(id, name, pic, fmt, feat, handler, ops) pic,
#include "target/arm/a64_rows.inc"
#undef INSN
};

/* Random operands; immediates of branches are short. */
static uint32_t instance(unsigned row, uint64_t *h)
{
    const char *pic = pictures[row];
    uint32_t bits = 0, random = (uint32_t)fuzz_rnd(h), fill = fuzz_rnd(h) & 1 ? ~0u : 0;
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
        buf[k] = (uint8_t)fuzz_rnd(&h);
    if (i & 1)
        buf[0] |= ARM_MODEL_MAX; /* every second one: all features */
    for (unsigned k = 0; k < INSNS; k++) {
        uint32_t bits = instance(k ? (unsigned)(fuzz_rnd(&h) % ARRAY_SIZE(pictures)) : i / VARIANTS, &h);
        memcpy(buf + 3 + 4 * k, &bits, 4);
    }
    return 3 + 4 * INSNS;
}
