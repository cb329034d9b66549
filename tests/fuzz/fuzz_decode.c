/*
 * Guest bytes through decoder, disassembler, superblock builder and translation functions, RV64 and RV32, in
 * every translation context. What may not happen: a crash; a length or a verdict on which decoder and
 * disassembler differ; a region that the verifier refuses, before or after the passes; one that was made from
 * other bytes than those in memory, or does not account for each of them.
 *
 * Input: two bytes of options (struct FuzzCode), then code. It ends where executable memory ends, so that the
 * last instruction may be cut off, and crosses a page when it is longer than one.
 */
#include "target/riscv/rv_cpu.h"
#include "target/riscv/rv_decode.h"
#include "target/riscv/rv_disas.h"
#include "tests/fuzz/fuzz_code.h"

static unsigned xlen(void)
{
    return fuzz_code.ctx & RV_CTX_XLEN32 ? RV_XLEN_32 : RV_XLEN_64;
}

/* ---- decoder and disassembler: each halfword as the start of an instruction ---- */

static void check_text(Gva pc, const uint8_t *bytes, unsigned n)
{
    char text[64] = "", small[5];
    unsigned len = rv_insn_len(ld_u16(bytes));
    unsigned said = rv_disas_xlen(xlen(), pc, bytes, n, text, sizeof(text));
    if (said != (n >= len ? len : 0) || !said != !text[0])
        fuzz_die("length of text", pc);
    if (!said)
        return;
    RvArgs a;
    RvInsn insn = rv_decode(len == 4 ? ld_u32(bytes) : ld_u16(bytes), xlen(), &a);
    if ((insn == RV_ILLEGAL) != (text[0] == '.') || (insn != RV_ILLEGAL && a.len != len))
        fuzz_die("decoder and disassembler differ", pc);
    if (insn != RV_ILLEGAL && (a.rd > 31 || a.rs1 > 31 || a.rs2 > 31 || a.rs3 > 31 || a.rm > 7))
        fuzz_die("operand out of range", pc);
    for (const char *p = text; *p; p++)
        if ((*p < ' ' && *p != '\t') || *p > '~')
            fuzz_die("text", pc);
    if (rv_disas_xlen(xlen(), pc, bytes, n, small, sizeof(small)) != len || strncmp(text, small, 4) ||
        strlen(small) > 4)
        fuzz_die("short text", pc);
}

/* ---- regions ---- */

static Gva byte_pc(const Superblock *sb, unsigned at)
{
    for (unsigned k = 0; k < sb->n_runs; k++) {
        if (at < sb->run[k].len)
            return sb->run[k].pc + at;
        at -= sb->run[k].len;
    }
    return 0;
}

static void check_runs(const Superblock *sb)
{
    unsigned total = 0;
    for (unsigned k = 0; k < sb->n_runs; k++) {
        const SuperblockRun *run = &sb->run[k];
        if (run->pc < FUZZ_AREA || run->pc + run->len > FUZZ_AREA_END ||
            align_down(run->pc, 4096) != align_down(run->pc + run->len - 1, 4096))
            fuzz_die("run out of its page", run->pc);
        if (total + run->len > sb->n_bytes ||
            memcmp(sb->bytes + total, (const void *)(uintptr_t)run->pc, run->len))
            fuzz_die("bytes are not those of memory", run->pc);
        total += run->len;
    }
    if (total != sb->n_bytes || sb->writable != (fuzz_code.writable && sb->n_runs))
        fuzz_die("runs", sb->region->pc);
}

/* The bytes, cut by the length rule, are the guest instructions of the region in their order; one may stand
 * for several (an idiom), and the last may have turned out to be cut off. */
static void check_insns(const Superblock *sb)
{
    const IrRegion *r = sb->region;
    unsigned at = 0, k = 0;
    while (at < sb->n_bytes) {
        Gva pc = byte_pc(sb, at);
        k += k < r->n_guest && r->guest_pc[k] == pc;
        at += rv_insn_len(ld_u16(sb->bytes + at));
    }
    bool cut_off = k + 1 == r->n_guest && r->guest_pc[k] == FUZZ_AREA_END - 2;
    if (at != sb->n_bytes || r->guest_pc[0] != r->pc || (k != r->n_guest && !cut_off))
        fuzz_die("guest instructions", k < r->n_guest ? r->guest_pc[k] : r->pc);
    for (unsigned e = 0; e < r->n_exits; e++)
        if (r->exit[e].pc & 1 || (xlen() == RV_XLEN_32 && r->exit[e].pc > UINT32_MAX))
            fuzz_die("exit to nowhere", r->pc);
}

static void check_build(Gva pc)
{
    Superblock *sb = fuzz_build(pc);
    if (!sb) {
        unsigned len = pc < FUZZ_AREA_END ? rv_insn_len(ld_u16((const void *)(uintptr_t)pc)) : 0;
        if (pc + len <= FUZZ_AREA_END && len)
            fuzz_die("no region", pc);
        if (fuzz_fault != FUZZ_AREA_END)
            fuzz_die("fault", fuzz_fault);
        return;
    }
    check_runs(sb);
    check_insns(sb);
    fuzz_check_region(sb->region);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    Gva start = fuzz_area(data + 2, size - 2, 2);
    fuzz_code = (FuzzCode){
        .ops = &target_riscv64,
        .ctx = (data[0] & 15u) | (data[0] & 16 ? CTX_PARALLEL : 0u) |
               (data[0] & 32 ? CTX_LLSC_BY_VALUE : 0u) | (data[0] & 64 ? CTX_STEP : 0u),
        .no_opt = data[1] & (ACCEL_NO_LOOPS | ACCEL_NO_SUPERBLOCK | ACCEL_NO_FOLD),
        .max_insns = data[1] & 1 ? 1 + (data[1] >> 6) * 85u : 0,
        .loop_head = data[1] & 2,
        .writable = data[1] & 4,
    };
    for (Gva pc = start; pc < FUZZ_AREA_END; pc += 2)
        check_text(pc, (const uint8_t *)(uintptr_t)pc, (unsigned)MIN(FUZZ_AREA_END - pc, 4));
    for (Gva pc = start; pc < FUZZ_AREA_END && pc < start + 16; pc += 2)
        check_build(pc);
    check_build(FUZZ_AREA_END);
    return 0;
}

/* ---- seeds: per row of the table, code that begins with it and goes on with others ---- */

static const char pictures[][33] = {
#define INSN(id, name, pic, fmt, ext, xlen, ops, handler) pic,
#include "target/riscv/rv_insns.def"
#undef INSN
};

enum { VARIANTS = 16 };

/* Does it end a trace, most often? Opcodes of jumps and branches, and of system calls; compressed ones alike.
 */
static bool row_ends(unsigned row)
{
    static const char endings[][8] = {"1100011", "1101111", "1100111", "1110011"};
    const char *pic = pictures[row];
    if (strlen(pic) == 16)
        return !strcmp(pic + 14, "01") ? strncmp(pic, "101", 3) >= 0 : !strcmp(pic + 9, "0000010");
    for (unsigned k = 0; k < ARRAY_SIZE(endings); k++)
        if (!strcmp(pic + 25, endings[k]))
            return true;
    return false;
}

/* Random operands; but immediates have most bits equal, so that branches are short, and most roundings are
 * valid. */
static size_t put_row(unsigned row, uint64_t *h, uint8_t *to)
{
    const char *pic = pictures[row];
    size_t bits = strlen(pic);
    uint64_t random = fuzz_rnd(h), other = fuzz_rnd(h) & fuzz_rnd(h) & fuzz_rnd(h);
    uint32_t word = 0;
    for (size_t k = 0; k < bits; k++) {
        uint64_t bit = random >> k;
        if (pic[k] == 'i')
            bit = random >> 63 ^ other >> k;
        else if (pic[k] == 'm')
            bit = random >> 62 ^ other >> 60;
        word = word << 1 | (uint32_t)(pic[k] == '0' ? 0 : pic[k] == '1' ? 1 : bit & 1);
    }
    memcpy(to, &word, bits / 8);
    return bits / 8;
}

/* frflags a0; flt.d a5, fa0, fa1; fsflags a0: translated as one. */
static const uint32_t quiet_compare[] = {0x00102573, 0xa2b517d3, 0x00151073};

size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15ull;
    unsigned rows = sizeof(pictures) / sizeof(pictures[0]);
    if (i >= rows * VARIANTS)
        return 0;
    size_t n = 2, want = i % VARIANTS == 0 ? 4200 : 6 + fuzz_rnd(&h) % 120; /* some cross a page */
    buf[0] = (uint8_t)fuzz_rnd(&h) & (fuzz_rnd(&h) % 8 ? 0x3f : 0x7f);
    buf[1] = (uint8_t)fuzz_rnd(&h);
    if (i % VARIANTS < 4)
        buf[0] = i % VARIANTS & 1, buf[1] = 2; /* whole traces of RV64 and RV32 */
    for (unsigned row = i / VARIANTS; n < want && n + 4 <= cap; row = (unsigned)(fuzz_rnd(&h) % rows))
        if (n > 2 && fuzz_rnd(&h) % 32 == 0 && n + sizeof(quiet_compare) <= cap) {
            memcpy(buf + n, quiet_compare, sizeof(quiet_compare));
            n += sizeof(quiet_compare);
        } else if (n == 2 || !row_ends(row) || fuzz_rnd(&h) % 4 == 0) {
            n += put_row(row, &h, buf + n);
        }
    return n - (i % VARIANTS == 5 ? 2 : 0);
}
