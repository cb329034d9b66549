/*
 * A32 and T32 words through decoder, disassembler, superblock builder and translation functions, in every cpu
 * model, IT state and translation context. What may not happen: a crash; a verdict on which decoder and
 * disassembler differ; text that is not printable or longer than its buffer; a region that the verifier
 * refuses, before or after the passes; an instruction of a feature that the model lacks which does not raise.
 *
 * Input: three bytes of options, then code. It ends where executable memory ends.
 */
#include "target/arm/a32_decode.h"
#include "target/arm/arm_cpu.h"
#include "tests/fuzz/fuzz_code.h"

static bool thumb;

static A32Insn decode(Gva pc, A32Args *ret, unsigned *ret_len)
{
    const uint8_t *p = (const uint8_t *)(uintptr_t)(pc & ~ARM_PC_TAG);
    unsigned left = (unsigned)(FUZZ_AREA_END - (pc & ~ARM_PC_TAG));
    uint32_t half = left >= 2 ? ld_u16(p) : 0;

    *ret_len = thumb && left >= 2 ? t32_insn_len(half) : 4;
    if (left < *ret_len)
        return A32_ILLEGAL;
    if (!thumb)
        return a32_decode(ld_u32(p), ret);
    return t32_decode(half << 16 | (*ret_len == 4 ? ld_u16(p + 2) : 0u), (unsigned)(pc >> ARM_PC_IT_SHIFT),
                      ret);
}

static bool missing(A32Insn insn, const A32Args *a)
{
    A32Model model = (fuzz_code.ctx & ARM_CTX_MODEL) >> ARM_CTX_MODEL_SHIFT;

    return insn == A32_ILLEGAL || !a32_model_has(model, a32_row_feat(insn)) ||
           (!a32_model_has(model, A32_FEAT_D32) && a32_names_d32(a));
}

static void check_text(Gva pc)
{
    Gva at = pc & ~ARM_PC_TAG;
    char text[128] = "";
    A32Args a = {0};
    unsigned len, n = (unsigned)MIN(FUZZ_AREA_END - at, 4);
    A32Insn insn = decode(pc, &a, &len);

    if (fuzz_check_text(pc, (const uint8_t *)(uintptr_t)at, n, text, sizeof(text)) != (n < len ? 0 : len))
        fuzz_die("length", pc);
    if (n >= len && (insn == A32_ILLEGAL) != (text[0] == '.'))
        fuzz_die("decoder and disassembler differ", pc);
    if (n >= len && insn != A32_ILLEGAL && (a.cond > 14 || a32_row_feat(insn) >= A32_FEATS || a.len != len))
        fuzz_die("operand out of range", pc);
}

/* Nothing else is in the region but, where it is conditional, the way around it. */
static bool raises(const IrRegion *r, const A32Args *a)
{
    unsigned e = 0;

    while (e < r->n_exits && (r->exit[e].kind != IR_EXIT_RAISE || r->exit[e].code != CPU_EXIT_ILLEGAL))
        e++;
    return r->n_guest == 1 && e < r->n_exits && (e == 0 || a->cond != A32_COND_AL);
}

static void check_build(Gva pc)
{
    A32Args a = {0};
    unsigned len;
    A32Insn insn = decode(pc, &a, &len);
    Superblock *sb = fuzz_build(pc);
    Gva at = pc & ~ARM_PC_TAG;

    if (!sb) {
        if (at + len <= FUZZ_AREA_END)
            fuzz_die("no region", pc);
        return;
    }
    IrRegion *r = sb->region;
    bool odd = !thumb && (at & 2);
    if (missing(insn, &a) && !odd && at + len <= FUZZ_AREA_END && !raises(r, &a))
        fuzz_die("undefined instruction does not raise", r->pc);
    for (unsigned e = 0; e < r->n_exits; e++)
        if ((r->exit[e].pc & ~ARM_PC_TAG) > UINT32_MAX ||
            (!(r->exit[e].pc & ARM_PC_T) && r->exit[e].pc >> 32))
            fuzz_die("exit to nowhere", r->pc);
    fuzz_check_region(r);
}

/* Eight bits of options: what must not be: an IT state that no IT instruction makes. */
static Gva tag_of(uint8_t option)
{
    unsigned it = option;

    if (!thumb)
        return 0;
    if (!(it & 15) || it >> 4 == 15 || (it >> 4 == 14 && __builtin_popcount(it & 15) > 1))
        it = 0;
    return ARM_PC_T | (Gva)it << ARM_PC_IT_SHIFT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 7)
        return 0;
    thumb = data[1] & 1;
    unsigned unit = thumb ? 2 : 4;
    Gva start = fuzz_area(data + 3, size - 3, unit), tag = tag_of(data[2]);
    fuzz_code = (FuzzCode){
        .ops = &target_arm,
        .ctx = 1 | (data[0] & 15u) % A32_MODELS << ARM_CTX_MODEL_SHIFT | (data[0] & 16 ? CTX_PARALLEL : 0u) |
               (data[0] & 32 ? CTX_LLSC_BY_VALUE : 0u) | (data[0] & 64 ? CTX_STEP : 0u) |
               (data[0] & 128 ? ARM_CTX_LDX_EXCLUSIVE : 0u) |
               ((unsigned)data[2] << CTX_ARM_FP_SHIFT & ARM_CTX_FP),
        .no_opt = data[1] & (ACCEL_NO_LOOPS | ACCEL_NO_SUPERBLOCK | ACCEL_NO_FOLD),
        .max_insns = data[1] & 2 ? 1 + (data[1] >> 6) * 85u : 0,
    };
    for (Gva pc = start; pc < FUZZ_AREA_END; pc += unit)
        check_text(pc | tag);
    for (Gva pc = start; pc < FUZZ_AREA_END && pc < start + 16; pc += 2)
        check_build(pc | tag);
    check_build(FUZZ_AREA_END | tag);
    return 0;
}

/* ---- seeds: per row of the tables, code that begins with it and goes on with others ---- */

static const char a32_pictures[][48] = {
#define INSN(id, name, pic, fmt, feat, handler, ops) pic,
#include "target/arm/a32_rows.inc"
#undef INSN
};
static const char t32_pictures[][48] = {
#define INSN(id, name, pic, fmt, feat, handler, ops) pic,
#include "target/arm/t32_rows.inc"
#undef INSN
};
enum { A32_ROWS = ARRAY_SIZE(a32_pictures), T32_ROWS = ARRAY_SIZE(t32_pictures) };

/* Random operands, the condition most often AL; the number of bits. */
static unsigned instance(const char *pic, uint64_t *h, uint32_t *ret)
{
    uint32_t random = (uint32_t)fuzz_rnd(h), fill = fuzz_rnd(h) & 1 ? ~0u : 0, v = 0;
    bool always = fuzz_rnd(h) & 3, far_branch = !strncmp(pic, "cccc 101", 8) || !strncmp(pic, "1111 101i", 9);
    unsigned bits = 0;

    for (; *pic; pic++) {
        if (*pic == ' ')
            continue;
        uint32_t bit = random >> (bits & 31) & 1;
        if (*pic == '0' || *pic == '1')
            bit = *pic == '1';
        else if (*pic == 'c' && bits < 4 && always)
            bit = bits < 3;
        else if (far_branch && *pic == 'i' && bits < 22)
            bit = fill & 1;
        v = v << 1 | bit;
        bits++;
    }
    *ret = v;
    return bits;
}

static size_t put(bool t32, unsigned row, uint64_t *h, uint8_t *to)
{
    uint32_t v;
    unsigned bits = instance(t32 ? t32_pictures[row % T32_ROWS] : a32_pictures[row % A32_ROWS], h, &v);
    uint16_t half[2] = {(uint16_t)(v >> 16), (uint16_t)v};

    if (bits == 16)
        memcpy(to, &half[1], 2);
    else if (t32)
        memcpy(to, half, 4);
    else
        memcpy(to, &v, 4);
    return bits / 8;
}

size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    enum { VARIANTS = 4, INSNS = 24 };
    uint64_t h = i * 0x9e3779b97f4a7c15ull + 1;
    unsigned row = i / VARIANTS;
    bool t32 = row >= A32_ROWS;

    if (row >= A32_ROWS + T32_ROWS || cap < 3 + 4 * INSNS)
        return 0;
    for (unsigned k = 0; k < 3; k++)
        buf[k] = (uint8_t)fuzz_rnd(&h);
    buf[1] = (uint8_t)((buf[1] & ~1) | t32);
    if (i & 1) /* every second one: all features, no IT block */
        buf[0] = (uint8_t)((buf[0] & 0xf0) | A32_MODEL_MAX), buf[2] &= 0xf0;
    size_t n = 3;
    for (unsigned k = 0; k < INSNS; k++)
        n += put(t32, k ? (unsigned)fuzz_rnd(&h) : t32 ? row - A32_ROWS : row, &h, buf + n);
    return n;
}
