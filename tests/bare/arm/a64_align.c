/* options: -cpu max
 * Alignment faults: of accesses to Device memory, by SCTLR_EL1.A, of everything while stage 1 is off; what is
 * aligned to elements and what as a whole, which addresses and directions are told, which fault comes first.
 * SP. Stage 2: a64_el2.c. */
#include "a64_bare.h"

enum { DATA = 0x100000000ull >> 12, SCTLR_A = 2, FPEN_ALL = 3 << 20 };
enum { NORMAL, DEVICE_STRICT, DEVICE_GRE, NON_CACHEABLE, KINDS };
#define MAIR    0x440c00ffull
#define PAGE(k) (((u64)DATA + 4 * (k)) << 12)

/* One instruction of each form: x0 is its address, x1 is 8. */
__asm__(".macro form name, insn:vararg\n"
        ".globl form_\\name\n"
        "form_\\name: \\insn\n"
        " ret\n"
        ".endm\n"
        ".text\n .balign 4\n .arch armv8-a\n"
        "form ldrsh, ldrsh x2, [x0]\n"
        "form ldrsw_post, ldrsw x2, [x0], #12\n"
        "form str_pre, str x1, [x0, #8]!\n"
        "form ldur, ldur x2, [x0, #-8]\n"
        "form ldr_reg, ldr x2, [x0, x1]\n"
        "form str_reg, str w1, [x0, x1]\n"
        "form ldpsw, ldpsw x2, x4, [x0]\n"
        "form stp_pre, stp x1, x1, [x0, #16]!\n"
        "form ldp32, ldp w2, w4, [x0]\n"
        "form ldr_d, ldr d0, [x0]\n"
        "form str_h, str h0, [x0]\n"
        "form ldp_q, ldp q0, q1, [x0]\n"
        "form stp_s, stp s0, s1, [x0]\n"
        "form ld1_16b, ld1 {v0.16b}, [x0]\n"
        "form ld1_8h, ld1 {v0.8h, v1.8h}, [x0]\n"
        "form ld1_4s, ld1 {v0.4s}, [x0], #16\n"
        "form st1_2d, st1 {v0.2d}, [x0]\n"
        "form ld2_4s, ld2 {v0.4s, v1.4s}, [x0]\n"
        "form st3_8b, st3 {v0.8b, v1.8b, v2.8b}, [x0]\n"
        "form st4_4h, st4 {v0.4h, v1.4h, v2.4h, v3.4h}, [x0]\n"
        "form ld1_lane, ld1 {v0.s}[1], [x0]\n"
        "form ld1r, ld1r {v0.2d}, [x0]\n");

typedef struct Form {
    Op *fn;
    const char *name;
    uint8_t align; /* what it has to be aligned to; 1: nothing */
    bool write;
    int8_t at; /* of the access, from x0 */
} Form;
#define FORM(name, align, write, at) Op form_##name;
#define FORMS                                                                                                \
    FORM(ldrsh, 2, false, 0)                                                                                 \
    FORM(ldrsw_post, 4, false, 0)                                                                            \
    FORM(str_pre, 8, true, 8)                                                                                \
    FORM(ldur, 8, false, -8)                                                                                 \
    FORM(ldr_reg, 8, false, 8)                                                                               \
    FORM(str_reg, 4, true, 8)                                                                                \
    FORM(ldpsw, 4, false, 0)                                                                                 \
    FORM(stp_pre, 8, true, 16)                                                                               \
    FORM(ldp32, 4, false, 0)                                                                                 \
    FORM(ldr_d, 8, false, 0)                                                                                 \
    FORM(str_h, 2, true, 0)                                                                                  \
    FORM(ldp_q, 16, false, 0)                                                                                \
    FORM(stp_s, 4, true, 0)                                                                                  \
    FORM(ld1_16b, 1, false, 0)                                                                               \
    FORM(ld1_8h, 2, false, 0)                                                                                \
    FORM(ld1_4s, 4, false, 0)                                                                                \
    FORM(st1_2d, 8, true, 0)                                                                                 \
    FORM(ld2_4s, 4, false, 0)                                                                                \
    FORM(st3_8b, 1, true, 0)                                                                                 \
    FORM(st4_4h, 2, true, 0)                                                                                 \
    FORM(ld1_lane, 4, false, 0)                                                                              \
    FORM(ld1r, 8, false, 0)
FORMS
#undef FORM
#define FORM(name, align, write, at) {form_##name, #name, align, write, at},
static const Form forms[] = {
    FORMS{op_ldrb, "ldrb", 1, false, 0}, {op_ldrh, "ldrh", 2, false, 0}, {op_ldr32, "ldr32", 4, false, 0},
    {op_ldr, "ldr", 8, false, 0},        {op_strb, "strb", 1, true, 0},  {op_strh, "strh", 2, true, 0},
    {op_str32, "str32", 4, true, 0},     {op_str, "str", 8, true, 0},    {op_ldp, "ldp", 8, false, 0},
    {op_stp, "stp", 8, true, 0},         {op_ldtr, "ldtr", 8, false, 0}, {op_sttr, "sttr", 8, true, 0},
    {op_ldrq, "ldrq", 16, false, 0},     {op_strq, "strq", 16, true, 0}};
#undef FORM

static Tables t;

/* At every distance from a multiple of 16; strict: what is not aligned raises. */
static void all_forms(unsigned level, u64 page, bool strict, int line)
{
    for (const Form *f = forms; f < forms + sizeof(forms) / sizeof(*forms); f++) {
        for (u64 at = page + 64; at < page + 80; at++) {
            bool bad = strict && (at & (f->align - 1u));
            unsigned failed = failures;
            Seen s = run(level, f->fn, at - (u64)(int64_t)f->at, 8);
            if (!bad)
                check_eq(s.ec, NO_TRAP, f->name, line);
            else
                check_abort(s, EC_DATA_LOWER + (level != EL0), FSC_ALIGNMENT | (f->write ? ISS_WNR : 0), at,
                            line);
            if (failures != failed) {
                report(f->name, at, level);
                return;
            }
        }
    }
}
#define ALL_FORMS(level, page, strict) all_forms(level, page, strict, __LINE__)

static void map_kinds(void)
{
    for (unsigned k = 0; k < KINDS; k++)
        for (unsigned n = 0; n < 2; n++)
            map(&t, PAGE(k) + 4096 * n, (u64)pages(1), 3, D_RW | D_USER | (u64)k << 2);
    use_tables(&t, 0, 0);
    reg_write(mair_el1, MAIR);
    tlbi(vmalle1);
}

static void by_memory(void)
{
    for (unsigned k = 0; k < KINDS; k++) {
        bool device = k == DEVICE_STRICT || k == DEVICE_GRE;
        ALL_FORMS(EL0, PAGE(k), device);
        ALL_FORMS(EL1H, PAGE(k), device);
        Seen s = run(EL1T, op_dc_zva, PAGE(k) + 128, 0);
        if (device)
            CHECK_ABORT(s, EC_DATA_SAME, ISS_WNR | FSC_ALIGNMENT, PAGE(k) + 128);
        else
            CHECK_EQ(s.ec, NO_TRAP);
        CHECK_EQ(run(EL1T, op_dc_civac, PAGE(k) + 131, 0).ec, NO_TRAP);
        CHECK_EQ(run(EL1T, op_ldxr, PAGE(k) + 128, 0).ec, NO_TRAP);
    }
    /* the entry that another access has left does not let it through, nor does that of before the change */
    *(volatile u64 *)PAGE(DEVICE_GRE) = 5;
    CHECK_ABORT(run(EL1T, op_ldr, PAGE(DEVICE_GRE) + 1, 0), EC_DATA_SAME, FSC_ALIGNMENT,
                PAGE(DEVICE_GRE) + 1);
    *pte_of(&t, PAGE(DEVICE_GRE), 3) &= ~(7ull << 2);
    tlbi_by(vaae1, PAGE(DEVICE_GRE) >> 12);
    CHECK_VALUE(run(EL1T, op_ldr, PAGE(DEVICE_GRE), 0), 5);
    CHECK_EQ(run(EL1T, op_ldr, PAGE(DEVICE_GRE) + 1, 0).ec, NO_TRAP);
    *pte_of(&t, PAGE(DEVICE_GRE), 3) |= DEVICE_GRE << 2;
    tlbi_by(vaae1, PAGE(DEVICE_GRE) >> 12);
}

/* Exclusives work on Device memory, here; so do atomic operations and pairs of registers. */
__asm__(".text\n .balign 4\n .arch armv8.1-a\n"
        "exclusive: ldxr x2, [x0]\n add x2, x2, x1\n stxr w3, x2, [x0]\n cbnz w3, exclusive\n ldr x0, [x0]\n "
        "ret\n"
        "exclusive_pair: ldxp x2, x4, [x0]\n add x2, x2, x1\n add x4, x4, x1\n stxp w3, x2, x4, [x0]\n"
        " cbnz w3, exclusive_pair\n ldp x0, x2, [x0]\n add x0, x0, x2\n ret\n"
        "atomics: ldadd x1, x2, [x0]\n mov x4, x0\n ldp x2, x3, [x0]\n mov x6, #7\n mov x7, #9\n casp x2, "
        "x3, x6, x7, [x4]\n"
        " ldp x0, x2, [x4]\n add x0, x0, x2\n ret\n");
Op exclusive, exclusive_pair, atomics;

static void exclusives(void)
{
    for (unsigned k = 0; k < KINDS; k++) {
        volatile u64 *at = (volatile u64 *)(PAGE(k) + 256);
        at[0] = 100;
        at[1] = 1000;
        CHECK_VALUE(run(EL1T, exclusive, (u64)at, 5), 105);
        CHECK_VALUE(run(EL0, exclusive_pair, (u64)at, 5), 110 + 1005);
        CHECK_VALUE(run(EL1T, atomics, (u64)at, 5), 7 + 9);
    }
}

/* Over the end of a page: to Device memory, from it. */
static void over_ends(void)
{
    u64 *next = pte_of(&t, PAGE(NORMAL) + 4096, 3), was = *next, end = PAGE(NORMAL) + 4096;
    *next |= DEVICE_STRICT << 2;
    tlbi(vmalle1);
    CHECK_ABORT(run(EL1T, op_ldr, end - 4, 0), EC_DATA_SAME, FSC_ALIGNMENT, end);
    *(volatile uint32_t *)(end - 4) = 7;
    CHECK_ABORT(run(EL1T, op_str, end - 4, ~0ull), EC_DATA_SAME, ISS_WNR | FSC_ALIGNMENT, end);
    CHECK_EQ(*(volatile uint32_t *)(end - 4), 7); /* nothing of it was done */
    *next = was;
    *pte_of(&t, PAGE(NORMAL), 3) |= DEVICE_STRICT << 2;
    tlbi(vmalle1);
    CHECK_ABORT(run(EL1T, op_ldr, end - 4, 0), EC_DATA_SAME, FSC_ALIGNMENT, end - 4);
    *pte_of(&t, PAGE(NORMAL), 3) &= ~(7ull << 2);
    tlbi(vmalle1);
}

/* Translation and access flag come before the kind of memory, rights after it. */
static void order_by_memory(void)
{
    u64 at = PAGE(DEVICE_STRICT), *e = pte_of(&t, at, 3), was = *e;
    CHECK_ABORT(run(EL1T, op_ldr, PAGE(KINDS) + 1, 0), EC_DATA_SAME, FSC_TRANSLATION + 3, PAGE(KINDS) + 1);
    *e = was & ~D_AF;
    tlbi(vmalle1);
    CHECK_ABORT(run(EL1T, op_ldr, at + 1, 0), EC_DATA_SAME, FSC_ACCESS + 3, at + 1);
    *e = was | D_RO;
    tlbi(vmalle1);
    CHECK_ABORT(run(EL1T, op_str, at + 8, 0), EC_DATA_SAME, ISS_WNR | (FSC_PERMISSION + 3), at + 8);
    CHECK_ABORT(run(EL1T, op_str, at + 1, 0), EC_DATA_SAME, ISS_WNR | FSC_ALIGNMENT, at + 1);
    *e = was;
    tlbi(vmalle1);
}

/* SCTLR_EL1.A: everything, and before everything else. */
static void by_register(void)
{
    u64 sctlr = reg_read(sctlr_el1);
    ALL_FORMS(EL0, PAGE(NORMAL), false);
    reg_write(sctlr_el1, sctlr | SCTLR_A);
    ALL_FORMS(EL0, PAGE(NORMAL), true);
    ALL_FORMS(EL1H, PAGE(NORMAL), true);
    CHECK_EQ(run(EL1T, op_dc_zva, PAGE(NORMAL) + 128, 0).ec, NO_TRAP);
    CHECK_ABORT(run(EL1T, op_ldr, PAGE(KINDS) + 1, 0), EC_DATA_SAME, FSC_ALIGNMENT, PAGE(KINDS) + 1);
    CHECK_ABORT(run(EL1T, op_ldr, PAGE(KINDS) + 8, 0), EC_DATA_SAME, FSC_TRANSLATION + 3, PAGE(KINDS) + 8);
    CHECK_ABORT(run(EL1T, op_ldr, PAGE(NORMAL) + 4092, 0), EC_DATA_SAME, FSC_ALIGNMENT, PAGE(NORMAL) + 4092);
    CHECK_ABORT(run(EL1T, op_ldr, 1ull << 54 | 1, 0), EC_DATA_SAME, FSC_ALIGNMENT, 1ull << 54 | 1);
    reg_write(sctlr_el1, sctlr);
    ALL_FORMS(EL1H, PAGE(NORMAL), false);
}

/* Without stage 1 all data are Device memory. */
static void switched_off(void)
{
    u64 page = (u64)pages(1);
    use_tables(NULL, 0, 0);
    ALL_FORMS(EL0, page, true);
    ALL_FORMS(EL1H, page, true);
    CHECK_ABORT(run(EL1T, op_dc_zva, page + 128, 0), EC_DATA_SAME, ISS_WNR | FSC_ALIGNMENT, page + 128);
    CHECK_ABORT(run(EL1T, op_ldr, 1ull << 54 | 1, 0), EC_DATA_SAME, FSC_SIZE, 1ull << 54 | 1);
    CHECK_ABORT(run(EL1T, op_ldr, 1ull << 54 | 8, 0), EC_DATA_SAME, FSC_SIZE, 1ull << 54 | 8);
}

/* ---- SP ---- */

__asm__(".text\n .balign 4\n"
        "push8: mov x2, sp\n str x1, [sp, #-8]!\n str x1, [sp, #-8]!\n mov sp, x2\n ret\n"
        "sp_moves: sub sp, sp, #8\n mov x2, sp\n add x3, sp, #5\n prfm pldl1keep, [sp]\n add sp, sp, #8\n"
        " ldr x0, [sp]\n ret\n"
        "sp_post: mov x2, sp\n mov sp, x0\n ldr x0, [sp], #8\n ldp x3, x4, [sp]\n mov sp, x2\n ret\n"
        "sp_lanes: mov x2, sp\n mov sp, x0\n ld1 {v0.16b}, [sp], x1\n ldr q0, [sp]\n mov sp, x2\n ret\n"
        "sp_loop: mov x2, sp\n mov x3, #100\n mov sp, x0\n 1: ldr x4, [sp]\n subs x3, x3, #1\n b.ne 1b\n"
        " add sp, sp, #4\n mov sp, x2\n mov x0, x3\n ret\n"
        "sp_masked: mov x2, sp\n and sp, x0, #-16\n ldr x0, [sp]\n mov sp, x2\n ret\n");
Op push8, sp_moves, sp_post, sp_lanes, sp_loop, sp_masked;

/* insn: which of the function's raises; 0: none does. */
static void by_sp(unsigned level, Op *fn, u64 a0, unsigned insn, int line)
{
    Seen s = run(level, fn, a0, 8);
    if (!insn) {
        check_eq(s.ec, NO_TRAP, "goes on", line);
        return;
    }
    check_trap(s, EC_SP, 0, line);
    check_eq(s.elr, (u64)fn + (level == EL0 ? ALIAS : 0) + 4 * insn, "which", line);
}
#define BY_SP(level, fn, a0, insn) by_sp(level, fn, a0, insn, __LINE__)

static void stack_pointer(void)
{
    enum { SCTLR_SA = 8, SCTLR_SA0 = 16 };
    u64 sctlr = reg_read(sctlr_el1) & ~(u64)(SCTLR_SA | SCTLR_SA0), data = PAGE(NORMAL);
    for (unsigned on = 0; on < 4; on++) {
        reg_write(sctlr_el1, sctlr | on << 3);
        for (unsigned k = 0; k < 2; k++) {
            unsigned level = k ? EL0 : EL1T, bad = on >> k & 1;
            BY_SP(level, op_sp, data, 0);
            BY_SP(level, op_sp, data + 8, bad * 2);
            BY_SP(level, op_sp, data + 1, bad * 2);
            BY_SP(level, push8, 0, bad * 2);
            BY_SP(level, sp_moves, 0, 0);
            BY_SP(level, sp_post, data, bad * 3);
            BY_SP(level, sp_post, data + 8, bad * 2);
            BY_SP(level, sp_lanes, data, bad * 3);
            BY_SP(level, sp_loop, data, 0);
            BY_SP(level, sp_loop, data + 4, bad * 3);
            BY_SP(level, sp_masked, data + 7, 0);
        }
    }
    /* before anything else that the access may raise */
    BY_SP(EL1T, op_sp, PAGE(KINDS) + 8, 2);
    reg_write(sctlr_el1, sctlr | SCTLR_SA | SCTLR_A);
    BY_SP(EL1T, op_sp, data + 1, 2);
    reg_write(sctlr_el1, sctlr);
}

void test(void)
{
    reg_write(cpacr_el1, FPEN_ALL);
    t = tables_new(12, 39);
    bare_map_program(&t);
    map_kinds();
    by_register();
    if (!OUTSIDE) { /* asks for nothing there */
        stack_pointer();
        by_memory();
        exclusives();
        over_ends();
        order_by_memory();
        switched_off();
    }
}
