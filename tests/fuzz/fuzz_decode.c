/*
 * Guest bytes through decoder, disassembler, superblock builder and translation functions, RV64 and RV32, in
 * every translation context. What may not happen: a crash; a length or a verdict on which decoder and
 * disassembler differ; a region that the verifier refuses, before or after the passes; one that was made from
 * other bytes than those in memory, or does not account for each of them.
 *
 * Input: two bytes of options (struct Options), then code. It ends where executable memory ends, so that the
 * last instruction may be cut off, and crosses a page when it is longer than one.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/superblock.h"
#include "target/riscv/rv_cpu.h"
#include "target/riscv/rv_decode.h"
#include "target/riscv/rv_disas.h"
#include "tcg/ir/print.h"
#include "tcg/ir/verify.h"
#include "tcg/opt/passes.h"

/* A fixed address, below 4 GiB for RV32: branch targets and messages are the same in each run. */
enum { AREA = 0x10000000, AREA_BYTES = 8192, AREA_END = AREA + AREA_BYTES };

typedef struct Options {
    uint32_t ctx, no_opt;
    unsigned max_insns;
    bool loop_head, writable;
} Options;

static Arena arena;
static Options options;

static void die(const char *what, Gva pc)
{
    char text[64];
    rv_disas(pc, (const uint8_t *)(uintptr_t)pc, pc <= AREA_END - 4 ? 4 : 0, text, sizeof(text));
    fprintf(stderr, "%s at 0x%llx: %s\n", what, (unsigned long long)pc, text);
    abort();
}

static unsigned xlen(void)
{
    return options.ctx & RV_CTX_XLEN32 ? RV_XLEN_32 : RV_XLEN_64;
}

static unsigned exec_bytes(void *opaque, Gva pc)
{
    return pc >= AREA && pc < AREA_END ? (unsigned)MIN(AREA_END - pc, 4096) : 0;
}

static bool code_page(void *opaque, Gva page)
{
    return options.writable;
}

/* ---- decoder and disassembler: each halfword as the start of an instruction ---- */

static void check_text(Gva pc, const uint8_t *bytes, unsigned n)
{
    char text[64] = "", small[5];
    unsigned len = rv_insn_len(ld_u16(bytes));
    unsigned said = rv_disas_xlen(xlen(), pc, bytes, n, text, sizeof(text));
    if (said != (n >= len ? len : 0) || !said != !text[0])
        die("length of text", pc);
    if (!said)
        return;
    RvArgs a;
    RvInsn insn = rv_decode(len == 4 ? ld_u32(bytes) : ld_u16(bytes), xlen(), &a);
    if ((insn == RV_ILLEGAL) != (text[0] == '.') || (insn != RV_ILLEGAL && a.len != len))
        die("decoder and disassembler differ", pc);
    if (insn != RV_ILLEGAL && (a.rd > 31 || a.rs1 > 31 || a.rs2 > 31 || a.rs3 > 31 || a.rm > 7))
        die("operand out of range", pc);
    for (const char *p = text; *p; p++)
        if ((*p < ' ' && *p != '\t') || *p > '~')
            die("text", pc);
    if (rv_disas_xlen(xlen(), pc, bytes, n, small, sizeof(small)) != len || strncmp(text, small, 4) ||
        strlen(small) > 4)
        die("short text", pc);
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
        if (run->pc < AREA || run->pc + run->len > AREA_END ||
            align_down(run->pc, 4096) != align_down(run->pc + run->len - 1, 4096))
            die("run out of its page", run->pc);
        if (total + run->len > sb->n_bytes ||
            memcmp(sb->bytes + total, (const void *)(uintptr_t)run->pc, run->len))
            die("bytes are not those of memory", run->pc);
        total += run->len;
    }
    if (total != sb->n_bytes || sb->writable != (options.writable && sb->n_runs))
        die("runs", sb->region->pc);
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
    bool cut_off = k + 1 == r->n_guest && r->guest_pc[k] == AREA_END - 2;
    if (at != sb->n_bytes || r->guest_pc[0] != r->pc || (k != r->n_guest && !cut_off))
        die("guest instructions", k < r->n_guest ? r->guest_pc[k] : r->pc);
    for (unsigned e = 0; e < r->n_exits; e++)
        if (r->exit[e].pc & 1 || (xlen() == RV_XLEN_32 && r->exit[e].pc > UINT32_MAX))
            die("exit to nowhere", r->pc);
}

static void check_region(const Superblock *sb)
{
    char err[256] = "";
    Fmt f = FMT_ON(err);
    IrRegion *r = sb->region;
    IrRegion *before = ir_region_copy(&arena, r);
    bool good = ir_verify(r, &f);
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

static void check_build(Gva pc)
{
    static Superblock sb;
    static IrBuilder builder;
    const AccelMem mem = {.exec_bytes = exec_bytes, .code_page = code_page};
    const SuperblockConfig cfg = {.ops = &target_riscv64,
                                  .mem = &mem,
                                  .max_insns = options.max_insns,
                                  .no_opt = options.no_opt,
                                  .loop_head = options.loop_head};
    arena_rewind(&arena, 0);
    if (!superblock_build(&cfg, &arena, &builder, pc, options.ctx, &sb)) {
        unsigned len = pc < AREA_END ? rv_insn_len(ld_u16((const void *)(uintptr_t)pc)) : 0;
        if (pc + len <= AREA_END && len)
            die("no region", pc);
        if (sb.fault != AREA_END)
            die("fault", sb.fault);
        return;
    }
    check_runs(&sb);
    check_insns(&sb);
    check_region(&sb);
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
    if (size < 4)
        return 0;
    size_t n = MIN(size - 2, AREA_BYTES) & ~(size_t)1;
    Gva start = AREA_END - n;
    memset(area, 0, AREA_BYTES - n);
    memcpy((void *)(uintptr_t)start, data + 2, n);
    options = (Options){
        .ctx = (data[0] & 15u) | (data[0] & 16 ? CTX_PARALLEL : 0u) |
               (data[0] & 32 ? CTX_LLSC_BY_VALUE : 0u) | (data[0] & 64 ? CTX_STEP : 0u),
        .no_opt = data[1] & (ACCEL_NO_LOOPS | ACCEL_NO_SUPERBLOCK | ACCEL_NO_FOLD),
        .max_insns = data[1] & 1 ? 1 + (data[1] >> 6) * 85u : 0,
        .loop_head = data[1] & 2,
        .writable = data[1] & 4,
    };
    for (Gva pc = start; pc < AREA_END; pc += 2)
        check_text(pc, (const uint8_t *)(uintptr_t)pc, (unsigned)MIN(AREA_END - pc, 4));
    for (Gva pc = start; pc < AREA_END && pc < start + 16; pc += 2)
        check_build(pc);
    check_build(AREA_END);
    return 0;
}

/* ---- seeds: per row of the table, code that begins with it and goes on with others ---- */

static const char pictures[][33] = {
#define INSN(id, name, pic, fmt, ext, xlen, ops, handler) pic,
#include "target/riscv/rv_insns.def"
#undef INSN
};

enum { VARIANTS = 16 };

static uint64_t rnd(uint64_t *h)
{
    *h = (*h ^ *h >> 29) * 0xbf58476d1ce4e5b9ull + 0x9e3779b97f4a7c15ull;
    return *h ^ *h >> 32;
}

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
    uint64_t random = rnd(h), other = rnd(h) & rnd(h) & rnd(h);
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
    size_t n = 2, want = i % VARIANTS == 0 ? 4200 : 6 + rnd(&h) % 120; /* some cross a page */
    buf[0] = (uint8_t)rnd(&h) & (rnd(&h) % 8 ? 0x3f : 0x7f);
    buf[1] = (uint8_t)rnd(&h);
    if (i % VARIANTS < 4)
        buf[0] = i % VARIANTS & 1, buf[1] = 2; /* whole traces of RV64 and RV32 */
    for (unsigned row = i / VARIANTS; n < want && n + 4 <= cap; row = (unsigned)(rnd(&h) % rows))
        if (n > 2 && rnd(&h) % 32 == 0 && n + sizeof(quiet_compare) <= cap) {
            memcpy(buf + n, quiet_compare, sizeof(quiet_compare));
            n += sizeof(quiet_compare);
        } else if (n == 2 || !row_ends(row) || rnd(&h) % 4 == 0) {
            n += put_row(row, &h, buf + n);
        }
    return n - (i % VARIANTS == 5 ? 2 : 0);
}
