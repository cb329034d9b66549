/* X64Kit: regions on the toy cpu, emitted for x86-64 and run. One kit per host feature set. */
#ifndef TESTS_UNIT_X64_KIT_H
#define TESTS_UNIT_X64_KIT_H

#include "tests/ir/toy.h"
#include "tests/unit/test.h"
#include "tests/unit/x64_stack.h"

#include "tcg/host/x86_64/cpuid.h"
#include "tcg/host/x86_64/x64.h"
#include "tcg/ir/build.h"

#include <stdlib.h>
#include <sys/mman.h>

typedef struct X64Kit {
    X64Host host;
    X64Asm a;
    uint8_t *page, *code;
    X64Emit *emit;
    X64Code *out;
    IrLive *live;
    IrSlot slots[TOY_SLOTS]; /* toy_slots with some of them pinned */
} X64Kit;

enum { X64_KIT_PAGE = 1 << 18, X64_KIT_SLOTS = 64 /* exits, at the beginning of the page */,
       X64_KIT_CODE = 2048 };

static inline void x64_kit_init(X64Kit *k, const char *features, uint32_t no_opt)
{
    static const X64Layout at = {
        .kick = offsetof(ToyCpu, kick), .pc = offsetof(ToyCpu, pc),           .ctx = offsetof(ToyCpu, ctx),
        .ff = offsetof(ToyCpu, ff),     .frm = offsetof(ToyCpu, frm),         .link = offsetof(ToyCpu, link),
        .save = offsetof(ToyCpu, save), .host_fp = offsetof(ToyCpu, host_fp), .args = offsetof(ToyCpu, args),
        .fl_loop = offsetof(ToyCpu, fl_loop),
        .soft = offsetof(ToyCpu, soft), .host_sp = offsetof(ToyCpu, host_sp),
        .ret_top = offsetof(ToyCpu, ret_top),
        .spill = offsetof(ToyCpu, spill),
    };
    X64Features f;
    const char *bad;
    assert_true(x64_features_parse(x64_detect(), features, &f, &bad));
    k->page =
        mmap(NULL, X64_KIT_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(k->page, MAP_FAILED);
    x64_init(&k->a, k->page + X64_KIT_CODE, X64_KIT_PAGE - X64_KIT_CODE);
    memcpy(k->slots, toy_slots, sizeof k->slots);
    for (unsigned s = 0; s < 8; s++) {
        k->slots[TOY_X + s].pin = (uint8_t)(s + 1);
        k->slots[TOY_F + s].pin = (uint8_t)(s < 4 ? s + 1 : 0);
    }
    k->slots[TOY_V].pin = 6;
    k->slots[TOY_V + 3].pin = 5;
    x64_host_init(&k->host, f, no_opt, k->slots, TOY_SLOTS, 4, &at);
    x64_stubs_emit(&k->host, &k->a);
    k->code = k->a.p;
    k->emit = malloc(x64_emit_size);
    k->out = malloc(sizeof *k->out);
    k->live = malloc(sizeof *k->live);
    assert_true(k->emit && k->out && k->live);
}

static inline void x64_kit_clear(X64Kit *k)
{
    munmap(k->page, X64_KIT_PAGE);
    free(k->emit);
    free(k->out);
    free(k->live);
}

static inline void x64_kit_compile(X64Kit *k, const IrRegion *r)
{
    assert_true(r->n_exits <= X64_KIT_SLOTS);
    ir_liveness(r, x64_fuse(&k->host), k->live);
    k->a.p = k->code;
    X64Exits exits = {.slots_rx = (uint64_t)(uintptr_t)k->page, .stubs = k->page + 8 * X64_KIT_SLOTS};
    assert_int_equal(x64_emit_region(k->emit, &k->host, r, k->live, &k->a, &exits, k->out), X64_OK);
    for (unsigned x = 0; x < r->n_exits; x++) {
        uint64_t stub = (uint64_t)(uintptr_t)exits.stubs + x * X64_STUB_BYTES;
        memcpy(k->page + 8 * x, &stub, 8);
    }
}

/* The exit taken, or X64_ID_*. */
static inline int x64_kit_run(X64Kit *k, ToyCpu *cpu)
{
    _Static_assert(sizeof(cpu->spill) >= X64_SPILL_BYTES, "toy.h does not know of hosts");
    int (*enter)(ToyCpu *, const uint8_t *);
    cpu->ret_top = x64_test_stack(&k->host);
    memcpy(&enter, &k->host.enter, sizeof enter);
    return enter(cpu, k->code);
}

#endif
