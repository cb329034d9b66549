/* options: -cpu cortex-a72
 * Exceptions of each kind from each level: class and syndrome, address, what is kept of PSTATE, and where. */
#include "a64_bare.h"

static const unsigned levels[] = {EL0, EL1T, EL1H};
enum {
    SCTLR_UMA = 1 << 9,
    SCTLR_DZE = 1 << 14,
    SCTLR_UCT = 1 << 15,
    SCTLR_NTWI = 1 << 16,
    SCTLR_NTWE = 1 << 18,
    SCTLR_UCI = 1 << 26
};

static Tables t;

static unsigned vector_of(unsigned level)
{
    return level == EL0 ? 8 : level == EL1T ? 0 : 4;
}

static u64 at(unsigned level, Op *fn)
{
    return (u64)fn + (level == EL0 ? ALIAS : 0);
}

/* The exception of the first instruction, or of the one behind it. */
static void expect(unsigned level, Op *fn, u64 a0, unsigned ec, unsigned iss, unsigned behind, int line)
{
    Seen s = run(level, fn, a0, 0);
    check_trap(s, ec, iss, line);
    check_eq(s.vector, vector_of(level), "vector", line);
    check_eq(s.elr, at(level, fn) + behind, "elr", line);
    check_eq(s.spsr & 0xfffffff, level | PSTATE_DAIF, "spsr", line);
}
#define EXPECT(level, fn, a0, ec, iss, behind) expect(level, fn, a0, ec, iss, behind, __LINE__)

static void calls(void)
{
    for (unsigned k = 0; k < 3; k++) {
        EXPECT(levels[k], op_svc, 0, EC_SVC, 0x1234, 4);
        EXPECT(levels[k], op_brk, 0, EC_BRK, 0xabcd, 0);
        EXPECT(levels[k], op_udf, 0, EC_UNKNOWN, 0, 0);
        EXPECT(levels[k], op_hole, 0, EC_UNKNOWN, 0, 0);
        EXPECT(levels[k], op_smc, 0, EC_UNKNOWN, 0, 0); /* there is no EL3 */
        EXPECT(levels[k], op_mrs_hcr, 0, EC_UNKNOWN, 0, 0);
    }
    EXPECT(EL0, op_hvc, 0, EC_UNKNOWN, 0, 0);
    EXPECT(EL0, op_eret, 0, EC_UNKNOWN, 0, 0);
    EXPECT(EL0, op_mrs_sctlr, 0, EC_UNKNOWN, 0, 0);
    EXPECT(EL0, op_msr_sctlr, 0, EC_UNKNOWN, 0, 0);
    EXPECT(EL0, op_msr_esr, 0, EC_UNKNOWN, 0, 0);
    EXPECT(EL0, op_mrs_midr, 0, EC_UNKNOWN, 0, 0);
    EXPECT(EL0, op_mrs_currentel, 0, EC_UNKNOWN, 0, 0);
    EXPECT(EL0, op_tlbi, 0, EC_UNKNOWN, 0, 0);
    EXPECT(EL0, op_dc_isw, 0, EC_UNKNOWN, 0, 0);
}

/* Class 24: the register and which of x0 to x30. */
static unsigned iss(unsigned op0, unsigned op1, unsigned crn, unsigned crm, unsigned op2, unsigned rt,
                    bool read)
{
    return op0 << 20 | op2 << 17 | op1 << 14 | crn << 10 | rt << 5 | crm << 1 | read;
}

static void user_may(void)
{
    u64 sctlr =
        reg_read(sctlr_el1) & ~(u64)(SCTLR_UMA | SCTLR_DZE | SCTLR_UCT | SCTLR_NTWI | SCTLR_NTWE | SCTLR_UCI);
    u64 data = (u64)pages(1) + ALIAS;
    reg_write(sctlr_el1, sctlr);
    reg_write(cntkctl_el1, 0);
    EXPECT(EL0, op_mrs_ctr, 0, EC_SYSREG, iss(3, 3, 0, 0, 1, 0, true), 0);
    EXPECT(EL0, op_dc_zva, data, EC_SYSREG, iss(1, 3, 7, 4, 1, 0, false), 0);
    EXPECT(EL0, op_dc_civac, data, EC_SYSREG, iss(1, 3, 7, 14, 1, 0, false), 0);
    EXPECT(EL0, op_ic_ivau, data, EC_SYSREG, iss(1, 3, 7, 5, 1, 0, false), 0);
    EXPECT(EL0, op_mrs_daif, 0, EC_SYSREG, iss(3, 3, 4, 2, 1, 0, true), 0);
    /* MSR DAIFSet is the instruction's own encoding, CRm is the operand */
    if (!OUTSIDE) /* swaps op1 and op2 */
        EXPECT(EL0, op_daifset, 0, EC_SYSREG, iss(0, 3, 4, 3, 6, 31, false), 0);
    EXPECT(EL0, op_wfi, 0, EC_WFX, 0x1e << 20, 0);
    EXPECT(EL0, op_mrs_cntvct, 0, EC_SYSREG, iss(3, 3, 14, 0, 2, 0, true), 0);
    EXPECT(EL0, op_mrs_cntpct, 0, EC_SYSREG, iss(3, 3, 14, 0, 1, 0, true), 0);
    EXPECT(EL0, op_mrs_cntpctl, 0, EC_SYSREG, iss(3, 3, 14, 2, 1, 0, true), 0);
    CHECK(reg_read(dczid_el0) == 4);
    reg_write(sctlr_el1, sctlr | SCTLR_UMA | SCTLR_DZE | SCTLR_UCT | SCTLR_NTWI | SCTLR_NTWE | SCTLR_UCI);
    reg_write(cntkctl_el1, 0x303);
    CHECK_VALUE(run(EL0, op_mrs_ctr, 0, 0), reg_read(ctr_el0));
    CHECK_VALUE(run(EL0, op_mrs_daif, 0, 0), PSTATE_DAIF);
    CHECK_EQ(run(EL0, op_daifset, 0, 0).ec, NO_TRAP);
    CHECK_EQ(run(EL0, op_dc_civac, data, 0).ec, NO_TRAP);
    CHECK_EQ(run(EL0, op_ic_ivau, data, 0).ec, NO_TRAP);
    CHECK_EQ(run(EL0, op_mrs_cntvct, 0, 0).ec, NO_TRAP);
    CHECK_EQ(run(EL0, op_mrs_cntpct, 0, 0).ec, NO_TRAP);
    CHECK_EQ(run(EL0, op_mrs_cntpctl, 0, 0).ec, NO_TRAP);
    CHECK_EQ(run(EL0, op_wfe, 0, 0).ec, NO_TRAP);
    *(volatile u64 *)(data - ALIAS) = 5;
}

static void floating_point(void)
{
    for (unsigned fpen = 0; fpen < 4; fpen++) {
        reg_write(cpacr_el1, fpen << 20);
        for (unsigned k = 0; k < 3; k++) {
            bool on = fpen == 3 || (fpen == 1 && levels[k] != EL0);
            if (on) {
                CHECK_EQ(run(levels[k], op_fmov, 0, 0).ec, NO_TRAP);
                CHECK_EQ(run(levels[k], op_mrs_fpcr, 0, 0).ec, NO_TRAP);
            } else {
                EXPECT(levels[k], op_fmov, 0, EC_FP, 0x1e << 20, 0);
                EXPECT(levels[k], op_mrs_fpcr, 0, EC_FP, 0x1e << 20, 0);
                EXPECT(levels[k], op_ldrq, (u64)arena, EC_FP, 0x1e << 20, 0);
            }
        }
    }
    reg_write(cpacr_el1, 3 << 20);
}

static void aborts(void)
{
    u64 hole = 0x100000000, data = (u64)pages(1);
    for (unsigned k = 0; k < 3; k++) {
        unsigned level = levels[k], same = level != EL0, here = data + (same ? 0 : ALIAS);
        Seen s = run(level, op_ldr, hole + 8, 0);
        CHECK_ABORT(s, EC_DATA_LOWER + same, FSC_TRANSLATION + 1, hole + 8);
        CHECK_EQ(s.elr, at(level, op_ldr));
        CHECK_ABORT(run(level, op_str, hole + 8, 0), EC_DATA_LOWER + same, ISS_WNR | (FSC_TRANSLATION + 1),
                    hole + 8);
        CHECK_ABORT(run(level, op_ldr, 1ull << 40, 0), EC_DATA_LOWER + same, FSC_TRANSLATION + 0, 1ull << 40);
        CHECK_ABORT(run(level, op_ldr, ~7ull, 0), EC_DATA_LOWER + same, FSC_TRANSLATION + 0, ~7ull);
        if (!OUTSIDE) /* does nothing at all */
            CHECK_ABORT(run(level, op_dc_civac, hole + 8, 0), EC_DATA_LOWER + same,
                        ISS_CM | ISS_WNR | (FSC_TRANSLATION + 1), hole + 8);
        s = run(level, op_jump, hole + 4, 0);
        CHECK_ABORT(s, EC_FETCH_LOWER + same, FSC_TRANSLATION + 1, hole + 4);
        CHECK_EQ(s.elr, hole + 4);
        u64 odd = at(level, (Op *)0x40200002);
        s = run(level, op_jump, odd, 0);
        CHECK_ABORT(s, EC_PC, 0, odd);
        CHECK_EQ(s.elr, odd);
        /* alignment: by the instruction, and by SCTLR.A */
        CHECK_ABORT(run(level, op_ldxr, here + 4, 0), EC_DATA_LOWER + same, FSC_ALIGNMENT, here + 4);
        CHECK_ABORT(run(level, op_ldar, here + 4, 0), EC_DATA_LOWER + same, FSC_ALIGNMENT, here + 4);
        CHECK_ABORT(run(level, op_stlr, here + 4, 0), EC_DATA_LOWER + same, ISS_WNR | FSC_ALIGNMENT,
                    here + 4);
        CHECK_EQ(run(level, op_ldr, here + 4, 0).ec, NO_TRAP);
    }
}

/* ERET to what does not exist, and PSTATE.IL. */
static void illegal_states(void)
{
    static const unsigned bad[] = {1, 2, 3, 6, 7, 8, 9, 12, 13, 0x10 /* AArch32: this core may have it */};
    for (unsigned k = 0; k < sizeof(bad) / sizeof(*bad) - 1; k++) {
        Seen s = run(bad[k], op_nop, 0, 0);
        CHECK_TRAP(s, EC_IL, 0);
        CHECK_EQ(s.vector, 4); /* the level did not change */
        CHECK_EQ(s.spsr & 0xf, EL1H);
        CHECK_EQ(s.spsr & PSTATE_IL, PSTATE_IL);
    }
    for (unsigned k = 0; k < 3; k++) {
        Seen s = run(levels[k] | PSTATE_IL, op_nop, 0, 0);
        CHECK_TRAP(s, EC_IL, 0);
        CHECK_EQ(s.vector, vector_of(levels[k]));
        CHECK_EQ(s.elr, at(levels[k], op_nop));
    }
}

/* Flags and masks come back as they were. */
static void kept(void)
{
    for (unsigned k = 0; k < 16; k++) {
        Seen s = run(EL0 | (u64)k << 28, op_svc, 0, 0);
        CHECK_EQ(s.spsr, (k << 28 | PSTATE_DAIF));
        s = run(PSTATE_UNMASKED | EL0 | (u64)k << 6, op_svc, 0, 0);
        CHECK_EQ(s.spsr, k << 6);
    }
    static u64 sp[2];
    sp[0] = reg_read(sp_el0);
    reg_write(sp_el0, 0x123450);
    sp[1] = reg_read(sp_el0);
    reg_write(sp_el0, sp[0]);
    CHECK_EQ(sp[1], 0x123450);
}

static void identity(void)
{
    CHECK_EQ(reg_read(CurrentEL), 4);
    CHECK_EQ(reg_read(midr_el1), 0x410fd083);
    CHECK_EQ(reg_read(mpidr_el1), 0x80000000);
    report("isar0", reg_read(id_aa64isar0_el1), reg_read(id_aa64isar1_el1));
    report("clidr", reg_read(clidr_el1), reg_read(dczid_el0));
    report("ctr", reg_read(ctr_el0), reg_read(cntfrq_el0));
}

void test(void)
{
    t = tables_new(12, 39);
    bare_map_program(&t);
    identity();
    t.va_bits = 48;
    t = tables_new(12, 48);
    bare_map_program(&t);
    use_tables(&t, 0, 0);
    calls();
    user_may();
    floating_point();
    aborts();
    illegal_states();
    kept();
}
