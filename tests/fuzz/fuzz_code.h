/*
 * What the fuzz targets of the front ends share: an area of guest memory at a fixed address that the input's
 * code ends with, the callbacks of AccelMem, and a check of the region that is built at an address, before
 * and after the passes. One thread; the first call of fuzz_area() makes the area and the arena.
 */
#ifndef TESTS_FUZZ_FUZZ_CODE_H
#define TESTS_FUZZ_FUZZ_CODE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "accel/superblock.h"
#include "tcg/ir/print.h"
#include "tcg/ir/verify.h"
#include "tcg/opt/passes.h"
#include "tests/fuzz/fuzz.h"

/* Below 4 GiB for 32-bit guests. The same in each run: branch targets and messages are, too. */
enum { FUZZ_AREA = 0x10000000, FUZZ_AREA_BYTES = 8192, FUZZ_AREA_END = FUZZ_AREA + FUZZ_AREA_BYTES };

typedef struct FuzzCode {
    const TargetOps *ops;
    uint32_t ctx, no_opt;
    unsigned max_insns;
    bool loop_head, writable;
} FuzzCode;

static FuzzCode fuzz_code;
static Arena fuzz_arena;
static Gva fuzz_fault; /* where there was nothing to build from */

/* A message with the text of the instruction at pc (tagged as the guest's are); does not return. */
static _Noreturn void fuzz_die(const char *what, Gva pc)
{
    char text[128] = "";
    Gva at = pc & ~fuzz_code.ops->pc_tag;

    if (at >= FUZZ_AREA && at < FUZZ_AREA_END)
        fuzz_code.ops->disas(pc, (const uint8_t *)(uintptr_t)at, (unsigned)MIN(FUZZ_AREA_END - at, 4), text,
                             sizeof(text));
    fprintf(stderr, "%s at 0x%llx: %s\n", what, (unsigned long long)pc, text);
    abort();
}

static unsigned fuzz_exec_bytes(void *opaque, Gva pc)
{
    return pc >= FUZZ_AREA && pc < FUZZ_AREA_END ? (unsigned)MIN(FUZZ_AREA_END - pc, 4096) : 0;
}

static AccelCode fuzz_code_page(void *opaque, Gva page, bool notice)
{
    return fuzz_code.writable ? ACCEL_CODE_UNNOTICED : ACCEL_CODE_STAYS;
}

/* Code at the end of the area, zeros before it; the address of its first byte. n is cut to the area and to
 * whole units. */
static inline Gva fuzz_area(const uint8_t *code, size_t n, size_t unit)
{
    static uint8_t *area;

    if (!area) {
        area = mmap((void *)(uintptr_t)FUZZ_AREA, FUZZ_AREA_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (area != (void *)(uintptr_t)FUZZ_AREA || !arena_init(&fuzz_arena, 4 << 20))
            abort();
    }
    n = MIN(n, (size_t)FUZZ_AREA_BYTES) / unit * unit;
    memset(area, 0, FUZZ_AREA_BYTES - n);
    memcpy(area + FUZZ_AREA_BYTES - n, code, n);
    return FUZZ_AREA_END - n;
}

/* The region at pc as it was built (the arena's until the next call), NULL: there is none, see fuzz_fault. */
static inline Superblock *fuzz_build(Gva pc)
{
    static Superblock sb;
    static IrBuilder builder;
    const AccelMem mem = {.exec_bytes = fuzz_exec_bytes, .code_page = fuzz_code_page};
    const SuperblockConfig cfg = {.ops = fuzz_code.ops, .mem = &mem, .max_insns = fuzz_code.max_insns,
                                  .no_opt = fuzz_code.no_opt,
                                  .loop_head = fuzz_code.loop_head};

    arena_rewind(&fuzz_arena, 0);
    if (superblock_build(&cfg, &fuzz_arena, &builder, pc, fuzz_code.ctx, &sb))
        return &sb;
    fuzz_fault = sb.fault;
    return NULL;
}

/* Valid, valid after the passes, and with the same effects. */
static inline void fuzz_check_region(IrRegion *r)
{
    char err[256] = "";
    Fmt f = FMT_ON(err);
    IrRegion *before = ir_region_copy(&fuzz_arena, r);
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
    fuzz_die("region", r->pc);
}

/* Text that fits, is printable, and is cut where there is no room. `max`: of one instruction's bytes. Returns
 * its length. */
static inline unsigned fuzz_check_text(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap)
{
    char small[5];
    unsigned len = fuzz_code.ops->disas(pc, bytes, n, text, cap);

    for (const char *p = text; *p; p++)
        if ((*p < ' ' && *p != '\t') || *p > '~')
            fuzz_die("text", pc);
    if (strlen(text) + 1 >= cap || !len != !text[0])
        fuzz_die("length of text", pc);
    if (len && (fuzz_code.ops->disas(pc, bytes, n, small, sizeof(small)) != len || strlen(small) > 4 ||
                strncmp(text, small, 4)))
        fuzz_die("short text", pc);
    return len;
}

static inline uint64_t fuzz_rnd(uint64_t *h)
{
    *h = (*h ^ *h >> 29) * 0xbf58476d1ce4e5b9ull + 0x9e3779b97f4a7c15ull;
    return *h ^ *h >> 32;
}

#endif
