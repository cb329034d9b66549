/*
 * emit_region [-p] [-l] [-r] [-x | -i]: the guest instructions on standard input (hex numbers, one a line,
 * what follows is ignored; RISC-V, -x: bytes of 64-bit x86, -i: of 32-bit x86) as one region of host code.
 * For goldens: addresses and host features (x86-64-v3) are fixed, so that the same source makes the same
 * bytes on every machine. Nothing is executed. -p: other threads share memory (CTX_PARALLEL). -l: a backward
 * jump leads here. -r: CTX_RETURNS. Output: lines `sym NAME ADDRESS`, `calls N` (C calls on hot paths),
 * `insns N`, and `code ADDRESS HEX`.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "accel/superblock.h"
#include "target/riscv/rv_cpu.h"
#include "target/x86/x86_cpu.h"
#include "tcg/host/x86_64/cpuid.h"
#include "tcg/host/x86_64/x64.h"
#include "tcg/ra/liveness.h"

enum { GUEST = 0x10000, STUBS = 0x20000000, CODE = 0x20010000, SLOTS = 0x20020000, EXITS = 0x20030000,
       SIZE = 0x10000 };

static unsigned guest_len;

static unsigned exec_bytes(void *opaque, Gva pc)
{
    return pc >= GUEST && pc < GUEST + guest_len ? (unsigned)(GUEST + guest_len - pc) : 0;
}

static AccelCode code_page(void *opaque, Gva page, bool notice)
{
    return ACCEL_CODE_STAYS;
}

static uint8_t *map_at(uintptr_t at)
{
    void *p = mmap((void *)at, SIZE, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (p != (void *)at) {
        fprintf(stderr, "emit_region: no memory at 0x%lx\n", (unsigned long)at);
        exit(1);
    }
    return p;
}

/* 16 or 32 bits each, as the lowest two bits say. */
static void read_guest(uint8_t *to)
{
    char line[256];
    while (fgets(line, sizeof(line), stdin) && guest_len < SIZE - 4) {
        uint32_t v = (uint32_t)strtoul(line, NULL, 16);
        unsigned len = (v & 3) == 3 ? 4 : 2;
        memcpy(to + guest_len, &v, len);
        guest_len += len;
    }
}

static void read_bytes(uint8_t *to)
{
    char line[256];
    unsigned v;
    while (fgets(line, sizeof(line), stdin) && guest_len < SIZE - 4)
        for (const char *p = line; sscanf(p, "%2x", &v) == 1 && p[0] != ' '; p += 2)
            to[guest_len++] = (uint8_t)v;
}

static void host_init(X64Host *h, X64Asm *a, const TargetOps *ops, uint32_t no_opt)
{
    /* Behind the cpu object, as the translator has it; the numbers only have to stay. */
    static const X64Layout at = {
        .kick = offsetof(Cpu, kick),
        .pc = offsetof(Cpu, pc),
        .ff = offsetof(Cpu, ff),
        .frm = offsetof(Cpu, frm),
        .link = offsetof(Cpu, link),
        .host_fp = offsetof(Cpu, host_fp),
        .unit_live = offsetof(Cpu, unit_live),
        .ctx = offsetof(Cpu, ctx),
        .save = -0x1000,
        .args = -0x800,
        .jump_cache = -0x100000,
        .ret_top = offsetof(Cpu, ret_top),
        .spill = -0x700,
        .fl_loop = -0x600,
        .host_sp = -0x400,
    };
    x64_host_init(h, x64_close(x64_level(3)), no_opt, ops->slots, ops->n_slots, ops->insn_align, &at);
    h->unit_load = ops->unit_load;
    x64_init(a, map_at(STUBS), SIZE);
    x64_stubs_emit(h, a);
    x64_init(a, map_at(CODE), SIZE);
}

static void print_result(const X64Host *h, const X64Code *code, const IrRegion *r, unsigned calls)
{
    const struct {
        const char *name;
        const uint8_t *at;
    } sym[] = {{"exit", h->exit},
               {"exit_indirect", h->exit_indirect},
               {"exit_return", h->exit_return},
               {"call", h->call},
               {"soft", h->soft},
               {"soft_dyn", h->soft_dyn},
               {"load_unit", h->load_unit}};
    for (unsigned k = 0; k < ARRAY_SIZE(sym); k++)
        printf("sym %s %lx\n", sym[k].name, (unsigned long)(uintptr_t)sym[k].at);
    for (unsigned k = 0; k < sizeof(X64Const) / 8; k++)
        printf("sym const+%u %lx\n", k * 8, (unsigned long)(uintptr_t)(h->consts + k * 8));
    for (unsigned k = 0; k < r->n_exits; k++)
        printf("sym slot_%u %lx\nsym exit_%u %lx\n", k, (unsigned long)(SLOTS + 8 * k), k,
               (unsigned long)(EXITS + X64_STUB_BYTES * k));
    printf("calls %u\ninsns %u\ncode %lx ", calls, r->n_guest, (unsigned long)CODE);
    for (uint32_t k = 0; k < code->size; k++)
        printf("%02x", ((const uint8_t *)(uintptr_t)CODE)[k]);
    printf("\n");
}

int main(int argc, char **argv)
{
    static IrBuilder b;
    static IrLive live;
    static X64Code code;
    static X64Host h;
    AccelMem mem = {.exec_bytes = exec_bytes, .code_page = code_page};
    SuperblockConfig cfg = {.ops = &target_riscv64, .mem = &mem, .masked = x64_masked_lanes(x64_level(3))};
    X86Cpu x86 = {.model = X86_MODEL_MAX};
    uint32_t ctx = 0;
    Superblock sb;
    Arena arena;
    X64Asm a;
    for (int opt; (opt = getopt(argc, argv, "plrxi")) != -1;) {
        ctx |= opt == 'p' ? CTX_PARALLEL : 0;
        ctx |= opt == 'r' ? CTX_RETURNS : 0;
        cfg.loop_head |= opt == 'l';
        cfg.max_branches = opt == 'l' ? UINT8_MAX : cfg.max_branches; /* also where it does not close */
        cfg.ops = opt == 'x' ? &target_x86_64 : opt == 'i' ? &target_i386 : cfg.ops;
    }
    if (cfg.ops == &target_riscv64) {
        read_guest(map_at(GUEST));
    } else {
        x86.base.ops = cfg.ops;
        cfg.cpu = &x86.base;
        ctx |= cfg.ops == &target_i386 ? X86_CTX_32 : 0;
        read_bytes(map_at(GUEST));
    }
    host_init(&h, &a, cfg.ops, ctx & CTX_RETURNS ? 0 : X64_NO_RETURN_STACK);
    X64Emit *e = calloc(1, x64_emit_size);
    if (!e || !arena_init(&arena, 4 << 20) || !superblock_build(&cfg, &arena, &b, GUEST, ctx, &sb))
        return 1;
    ir_liveness(sb.region, x64_fuse(&h), &live);
    X64Exits exits = {.slots_rx = SLOTS, .stubs = map_at(EXITS)};
    if (x64_emit_region(e, &h, sb.region, &live, &a, &exits, &code) != X64_OK)
        return 1;
    print_result(&h, &code, sb.region, x64_emit_calls(e));
    free(e);
    arena_clear(&arena);
    return 0;
}
