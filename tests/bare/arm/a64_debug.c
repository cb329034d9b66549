/* Self-hosted debug: software step of EL0 and EL1, over exceptions and faults, break- and watchpoints, those
 * that are linked to a context. */
#include "a64_bare.h"

enum { SS = 1, KDE = 1 << 13, MDE = 1 << 15, ISV = 1 << 24, DEBUG = 0x22, MOST = 64 };

static Tables t;
static unsigned steps, faults;
static u64 pcs[MOST], want_ec;
static uint32_t syndrome[MOST];

/* Steps on; a data abort is mended by skipping to the page that is there, and the instruction comes again. */
static bool on_step(Frame *f)
{
    unsigned ec = (unsigned)(f->esr >> 26);
    if (ec == want_ec && steps < MOST) {
        pcs[steps] = f->elr;
        syndrome[steps++] = f->esr & 0x1ffffff;
        f->spsr |= PSTATE_SS;
        return true;
    }
    if (ec == EC_DATA_LOWER && !faults) {
        faults++;
        CHECK_EQ(f->spsr & PSTATE_SS, PSTATE_SS); /* of the instruction that is stepped */
        f->x[0] = (u64)arena + ALIAS;
        return true;
    }
    return false;
}

__asm__(".text\n .balign 64\n three: mov x0, #1\n add x0, x0, #2\n add x0, x0, #3\n ret\n"
        " branches: mov x1, #2\n 1: subs x1, x1, #1\n b.ne 1b\n ret\n"
        " exclusive: ldxr x1, [x0]\n clrex\n ret\n"
        " loads: ldr x1, [x0]\n mov x0, #5\n ret\n"
        " masks: msr daifclr, #8\n mov x0, #7\n msr daifset, #8\n add x0, x0, #1\n ret\n"
        " masks_all: mrs x1, daif\n msr daif, xzr\n mov x0, #7\n msr daif, x1\n add x0, x0, #1\n ret\n"
        " turns_on: msr daifclr, #8\n mov x1, #0x2001\n msr mdscr_el1, x1\n isb\n mov x0, #7\n"
        " msr daifset, #8\n msr mdscr_el1, xzr\n isb\n add x0, x0, #1\n ret\n"
        " seventh: mrs x0, dbgbvr6_el1\n ret\n fifth_watch: mrs x0, dbgwvr4_el1\n ret\n");
Op three, branches, exclusive, loads, masks, masks_all, turns_on, seventh, fifth_watch;

static void check_steps(u64 base, const uint8_t *words, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        CHECK_EQ(pcs[k], base + 4 * words[k]);
}

static void start(u64 ec)
{
    steps = faults = 0;
    want_ec = ec;
}

/* Each instruction once; what is last is the svc that ends the function. */
static void steps_of(unsigned level, u64 mdscr)
{
    static const uint8_t in_three[] = {1, 2, 3}, in_branches[] = {1, 2, 1, 2, 3};
    u64 offset = level == EL0 ? ALIAS : 0, from = PSTATE_UNMASKED | PSTATE_SS | level;
    reg_write(mdscr_el1, mdscr);
    start(level == EL0 ? EC_STEP_LOWER : EC_STEP_SAME);
    CHECK_VALUE(run(from, three, 0, 0), 6);
    CHECK_EQ(steps, 4); /* and the svc */
    check_steps((u64)three + offset, in_three, 3);
    CHECK_EQ(syndrome[0], ISV | DEBUG);
    start(want_ec);
    CHECK_EQ(run(from, branches, 0, 0).ec, NO_TRAP);
    CHECK_EQ(steps, 6);
    check_steps((u64)branches + offset, in_branches, 5);
    start(want_ec);
    CHECK_EQ(run(from, exclusive, (u64)arena + offset, 0).ec, NO_TRAP);
    CHECK_EQ(syndrome[0], ISV | 0x40 | DEBUG);
    CHECK_EQ(syndrome[1], ISV | DEBUG);
    /* without SS in the SPSR: before the first instruction */
    start(want_ec);
    CHECK_VALUE(run(from & ~(u64)PSTATE_SS, three, 0, 0), 6);
    CHECK_EQ(pcs[0], (u64)three + offset);
    CHECK_EQ(steps, 5);
    reg_write(mdscr_el1, 0);
}

/* PSTATE.D counts from the next instruction on. */
static void while_unmasked(Op op, unsigned first)
{
    enum { ENABLE = 1, AT_EL1 = 1 << 1, ALL_BYTES = 15 << 5 };
    reg_write(mdscr_el1, SS | KDE);
    start(EC_STEP_SAME);
    CHECK_VALUE(run(EL1T, op, 0, 0), 8);
    CHECK_EQ(steps, OUTSIDE ? 3 : 2); /* 7.2 takes one for what masks them, too */
    CHECK_EQ(pcs[0], (u64)op + first);
    CHECK_EQ(pcs[1], (u64)op + first + 4);
    start(EC_STEP_LOWER);
    reg_write(dbgbvr0_el1, (u64)op + first);
    reg_write(dbgbcr0_el1, ENABLE | AT_EL1 | ALL_BYTES);
    reg_write(mdscr_el1, MDE | KDE);
    Seen s = run(EL1T, op, 0, 0);
    CHECK_TRAP(s, EC_BREAK_SAME, DEBUG);
    CHECK_EQ(s.elr, (u64)op + first);
    reg_write(dbgbvr0_el1, (u64)op + first + 8); /* masked again by then */
    CHECK_VALUE(run(EL1T, op, 0, 0), 8);
    reg_write(mdscr_el1, 0);
    reg_write(dbgbcr0_el1, 0);
}

/* And MDSCR_EL1 from an ISB on, in code that has been running. */
static void turned_on_inside(void)
{
    reg_write(mdscr_el1, 0);
    start(EC_STEP_SAME);
    CHECK_VALUE(run(EL1T, turns_on, 0, 0), 8);
    CHECK_EQ(steps, OUTSIDE ? 4 : 2); /* 7.2 does not wait for the ISB, as it may */
    CHECK_EQ(pcs[0], (u64)turns_on + (OUTSIDE ? 12 : 16));
}

static void fault_on_the_way(void)
{
    reg_write(mdscr_el1, SS);
    start(EC_STEP_LOWER);
    CHECK_VALUE(run(PSTATE_UNMASKED | PSTATE_SS | EL0, loads, 0x300000000, 0), 5);
    CHECK_EQ(faults, 1);
    CHECK_EQ(steps, 3);
    CHECK_EQ(pcs[0], (u64)loads + ALIAS + 4);
    reg_write(mdscr_el1, 0);
}

static void off(void)
{
    start(EC_STEP_SAME);
    reg_write(mdscr_el1, SS); /* EL1 needs KDE */
    CHECK_VALUE(run(PSTATE_UNMASKED | PSTATE_SS | EL1T, three, 0, 0), 6);
    CHECK_EQ(steps, 0);
    reg_write(mdscr_el1, SS | KDE); /* and PSTATE.D clear */
    CHECK_VALUE(run(PSTATE_SS | EL1T, three, 0, 0), 6);
    CHECK_EQ(steps, 0);
    reg_write(mdscr_el1, 0);
    start(EC_STEP_LOWER);
    CHECK_VALUE(run(PSTATE_SS | EL0, three, 0, 0), 6);
    CHECK_EQ(steps, 0);
    reg_write(mdscr_el1, SS);
    reg_write(oslar_el1, 1);
    CHECK_VALUE(run(PSTATE_SS | EL0, three, 0, 0), 6);
    CHECK_EQ(OUTSIDE ? 0 : steps, 0); /* 7.2 steps with the OS lock, too */
    reg_write(oslar_el1, 0);
    reg_write(mdscr_el1, 0);
}

static void breakpoints(void)
{
    enum { ENABLE = 1, AT_EL0 = 2 << 1, AT_EL1 = 1 << 1, ALL_BYTES = 15 << 5 };
    start(EC_STEP_LOWER);
    reg_write(dbgbvr1_el1, (u64)three + ALIAS + 8);
    reg_write(dbgbcr1_el1, ENABLE | AT_EL0 | ALL_BYTES);
    CHECK_VALUE(run(EL0, three, 0, 0), 6); /* MDE is off */
    reg_write(mdscr_el1, MDE);
    Seen s = run(EL0, three, 0, 0);
    CHECK_TRAP(s, EC_BREAK_LOWER, DEBUG);
    CHECK_EQ(s.elr, (u64)three + ALIAS + 8);
    CHECK_EQ(s.value, 3);
    CHECK_EQ(run(EL0, branches, 0, 0).ec, NO_TRAP);
    reg_write(dbgbcr1_el1, ENABLE | AT_EL1 | ALL_BYTES);
    CHECK_VALUE(run(EL0, three, 0, 0), 6);
    reg_write(dbgbvr1_el1, (u64)three + 4);
    reg_write(mdscr_el1, MDE | KDE);
    CHECK_TRAP(run(PSTATE_UNMASKED | EL1T, three, 0, 0), EC_BREAK_SAME, DEBUG);
    reg_write(mdscr_el1, 0);
    reg_write(dbgbcr1_el1, 0);
}

/* DBGBCR of the last, which compares contexts, and of others and DBGWCR */
enum { ENABLE = 1, CONTEXT = 2 << 20, LINKED = 1 << 20, TO_LAST = 5 << 16, TO_FIRST = 0 };

static void contexts(void)
{
    enum { AT_EL0 = 2 << 1, ALL_BYTES = 15 << 5, MINE = 0x12345677, OTHER = 0x12345678 };
    u64 third = (u64)three + ALIAS + 8;
    on_trap = NULL;
    reg_write(mdscr_el1, MDE);
    reg_write(contextidr_el1, MINE);
    reg_write(dbgbvr5_el1, MINE);
    if (!OUTSIDE) { /* 7.2 has none that is not linked */
        reg_write(dbgbcr5_el1, ENABLE | AT_EL0 | ALL_BYTES | CONTEXT);
        Seen s = run(EL0, three, 0, 0);
        CHECK_TRAP(s, EC_BREAK_LOWER, DEBUG);
        CHECK_EQ(s.elr, (u64)three + ALIAS);
        reg_write(contextidr_el1, OTHER);
        CHECK_VALUE(run(EL0, three, 0, 0), 6);
        reg_write(contextidr_el1, MINE);
    }
    reg_write(dbgbcr5_el1, ENABLE | ALL_BYTES | CONTEXT | LINKED);
    CHECK_VALUE(run(EL0, three, 0, 0), 6); /* by itself it stops nobody */
    reg_write(dbgbvr1_el1, third);
    reg_write(dbgbcr1_el1, ENABLE | AT_EL0 | ALL_BYTES | LINKED | TO_LAST);
    Seen s = run(EL0, three, 0, 0);
    CHECK_TRAP(s, EC_BREAK_LOWER, DEBUG);
    CHECK_EQ(s.elr, third);
    reg_write(contextidr_el1, OTHER);
    CHECK_VALUE(run(EL0, three, 0, 0), 6);
    reg_write(contextidr_el1, MINE);
    reg_write(dbgbcr1_el1, ENABLE | AT_EL0 | ALL_BYTES | LINKED | TO_FIRST); /* compares no contexts */
    CHECK_VALUE(run(EL0, three, 0, 0), 6);
    reg_write(dbgbcr1_el1, ENABLE | AT_EL0 | ALL_BYTES | LINKED | TO_LAST);
    reg_write(dbgbcr5_el1, 0);
    CHECK_VALUE(run(EL0, three, 0, 0), 6);
    reg_write(dbgbcr1_el1, 0);
    reg_write(mdscr_el1, 0);
    CHECK_EQ(run(EL1T, seventh, 0, 0).ec, EC_UNKNOWN);
    CHECK_EQ(run(EL1T, fifth_watch, 0, 0).ec, EC_UNKNOWN);
}

enum {
    WNR = 1 << 6,
    LOADS = 1 << 3,
    STORES = 2 << 3,
    OF_EL0 = 2 << 1,
    OF_EL1 = 1 << 1,
    FIRST_BYTE_SHIFT = 5
};
#define BYTES(mask) ((u64)(mask) << FIRST_BYTE_SHIFT)

static void watch(u64 at, u64 control)
{
    reg_write(dbgwvr2_el1, at & ~7ull);
    reg_write(dbgwcr2_el1, control | 1);
}

static void check_watch(Seen s, bool write, u64 first, u64 last, int line)
{
    check_eq(s.ec, EC_WATCH_LOWER, "class", line);
    if (!OUTSIDE) /* 7.2 says so of a load, too, that follows a store */
        check_eq(s.iss, DEBUG | (write ? WNR : 0), "syndrome", line);
    check_eq(s.far >= first && s.far <= last, 1, "address", line);
}
#define CHECK_WATCH(s, write, first, last) check_watch(s, write, first, last, __LINE__)

static void watchpoints_of_el0(u64 at, volatile u64 *mine)
{
    watch(at, OF_EL0 | LOADS | STORES | BYTES(255));
    CHECK_EQ(run(EL0, op_ldr, at, 0).ec, NO_TRAP); /* MDE is off */
    reg_write(mdscr_el1, MDE);
    CHECK_WATCH(run(EL0, op_ldr, at, 0), false, at, at);
    CHECK_WATCH(run(EL0, op_str, at, 1), true, at, at);
    CHECK_EQ(*mine, 77); /* it was not done */
    CHECK_WATCH(run(EL0, op_ldrb, at + 7, 0), false, at + 7, at + 7);
    CHECK_EQ(run(EL0, op_ldrb, at + 8, 0).ec, NO_TRAP);
    CHECK_EQ(run(EL0, op_ldr, at + 8, 0).ec, NO_TRAP);
    CHECK_EQ(run(EL0, op_ldr, at - 8, 0).ec, NO_TRAP);
    CHECK_WATCH(run(EL0, op_ldr, at - 4, 0), false, at - 4, at + 3);
    CHECK_WATCH(run(EL0, op_ldp, at - 8, 0), false, at - 8, at + 7);
    CHECK_WATCH(run(EL0, op_strq, at - 8, 0), true, at - 8, at + 7);
    CHECK_WATCH(run(EL0, op_ldxr, at, 0), false, at, at);
    watch(at, OF_EL0 | LOADS | BYTES(255));
    CHECK_EQ(run(EL0, op_str, at, 77).ec, NO_TRAP);
    CHECK_WATCH(run(EL0, op_ldr, at, 0), false, at, at);
    watch(at, OF_EL0 | STORES | BYTES(0x30));
    CHECK_VALUE(run(EL0, op_ldr, at, 0), 77);
    CHECK_WATCH(run(EL0, op_strb, at + 5, 0), true, at + 5, at + 5);
    CHECK_EQ(run(EL0, op_strb, at + 6, 0).ec, NO_TRAP);
    CHECK_WATCH(run(EL0, op_str, at, 1), true, at, at + 7);
    CHECK_EQ(*mine, 77);
    reg_write(dbgwvr2_el1, at + 4); /* four bytes only then */
    reg_write(dbgwcr2_el1, 1 | OF_EL0 | STORES | BYTES(0xf1));
    CHECK_WATCH(run(EL0, op_strb, at + 4, 0), true, at + 4, at + 4);
    CHECK_EQ(run(EL0, op_strb, at + 5, 0).ec, NO_TRAP);
    reg_write(oslar_el1, 1);
    CHECK_EQ(OUTSIDE ? NO_TRAP : run(EL0, op_strb, at + 4, 0).ec, NO_TRAP);
    reg_write(oslar_el1, 0);
    reg_write(dbgwcr2_el1, 0);
    CHECK_EQ(run(EL0, op_str, at, 77).ec, NO_TRAP);
    reg_write(mdscr_el1, 0);
}

static void linked_watchpoint(u64 at)
{
    reg_write(mdscr_el1, MDE);
    reg_write(dbgbvr5_el1, 5);
    reg_write(dbgbcr5_el1, ENABLE | CONTEXT | LINKED | 15 << 5);
    watch(at, OF_EL0 | LOADS | BYTES(255) | LINKED | TO_LAST);
    for (unsigned context = 4; context <= 6; context++) {
        reg_write(contextidr_el1, context);
        CHECK_EQ(run(EL0, op_ldr, at, 0).ec, context == 5 ? EC_WATCH_LOWER : NO_TRAP);
    }
    reg_write(dbgwcr2_el1, 0);
    reg_write(dbgbcr5_el1, 0);
    reg_write(mdscr_el1, 0);
    reg_write(contextidr_el1, 0);
}

/* A range, what is not mapped, what comes before. */
static void watched_ranges(u64 at)
{
    enum { PAGE = 12 << 24 };
    reg_write(mdscr_el1, MDE);
    watch(at & ~4095ull, OF_EL0 | LOADS | STORES | BYTES(255) | PAGE);
    for (unsigned k = 0; k < 8; k++) {
        u64 va = (at & ~4095ull) + (random_u64() & 4088);
        CHECK_WATCH(run(EL0, op_ldr, va, 0), false, va, va);
        CHECK_EQ(run(EL0, op_ldr, va + 4096, 0).ec, NO_TRAP);
    }
    CHECK_WATCH(run(EL0, op_str, (at | 4095) - 2, 0), true, (at | 4095) - 2, at | 4095);
    watch(0x300000000, OF_EL0 | LOADS | BYTES(255));
    CHECK_EQ(run(EL0, op_ldr, 0x300000000, 0).ec, EC_DATA_LOWER);
    reg_write(dbgwcr2_el1, 0);
    reg_write(mdscr_el1, 0);
}

static void watchpoints_of_el1(u64 mine)
{
    watch(mine, OF_EL1 | LOADS | BYTES(255));
    reg_write(mdscr_el1, MDE); /* EL1 needs KDE */
    CHECK_VALUE(run(PSTATE_UNMASKED | EL1T, op_ldr, mine, 0), 77);
    reg_write(mdscr_el1, MDE | KDE);
    CHECK_VALUE(run(EL1T, op_ldr, mine, 0), 77); /* PSTATE.D is set */
    Seen s = run(PSTATE_UNMASKED | EL1T, op_ldr, mine, 0);
    CHECK_TRAP(s, EC_WATCH_SAME, DEBUG);
    CHECK_EQ(s.far, mine);
    CHECK_VALUE(run(EL0, op_ldr, mine + ALIAS, 0), 77); /* another address */
    watch(mine, OF_EL1 | STORES | BYTES(255));
    s = run(PSTATE_UNMASKED | EL1T, op_dc_zva, mine, 0);
    CHECK_TRAP(s, EC_WATCH_SAME, DEBUG | WNR);
    CHECK_EQ(s.far & ~63ull, mine & ~63ull);
    CHECK_VALUE(run(EL0, op_ldr, mine + ALIAS, 0), 77);
    watch(mine + ALIAS, OF_EL0 | LOADS | BYTES(255));
    CHECK_VALUE(run(PSTATE_UNMASKED | EL1T, op_ldr, mine + ALIAS, 0), 77);
    CHECK_TRAP(run(PSTATE_UNMASKED | EL1T, op_ldtr, mine + ALIAS, 0), EC_WATCH_SAME, DEBUG); /* as EL0 */
    reg_write(dbgwcr2_el1, 0);
    reg_write(mdscr_el1, 0);
}

static void watchpoints(void)
{
    u64 *mine = pages(2);
    mine += 32;
    *mine = 77;
    on_trap = NULL;
    watchpoints_of_el0((u64)mine + ALIAS, mine);
    linked_watchpoint((u64)mine + ALIAS);
    watched_ranges((u64)mine + ALIAS);
    *mine = 77;
    watchpoints_of_el1((u64)mine);
}

void test(void)
{
    t = tables_new(12, 39);
    bare_map_program(&t);
    use_tables(&t, 0, 0);
    reg_write(oslar_el1, 0);
    on_trap = on_step;
    steps_of(EL0, SS);
    steps_of(EL1T, SS | KDE);
    fault_on_the_way();
    off();
    while_unmasked(masks, 4);
    while_unmasked(masks_all, 8);
    turned_on_inside();
    breakpoints();
    contexts();
    watchpoints();
    use_tables(NULL, 0, 0);
}
