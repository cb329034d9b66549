/* options: -cpu cortex-a15
 * Exceptions of each kind from each mode: where, the return address, what is kept of CPSR; banked
 * registers; returns by MOVS, LDM and RFE; who may use what. */
#include "a32_bare.h"

static const u32 modes[] = {USR, FIQ, IRQ, SVC, ABT, UND, SYS};
enum { MODES = sizeof(modes) / sizeof(modes[0]) };

static u32 at(Op32 *fn)
{
    return (u32)fn & ~1u;
}

/* The exception of the instruction `behind` bytes from fn on. */
static void expect(u32 mode, Op32 *fn, u32 a0, u32 vector, u32 to, u32 lr, int line)
{
    u32 t = (u32)fn & 1 ? CPSR_T : 0;
    run(mode, fn, a0, 0);
    check_eq(seen.vector, vector, "vector", line);
    check_eq(seen.lr, at(fn) + lr, "lr", line);
    check_eq(seen.spsr & 0xff, mode | CPSR_I | CPSR_F | t, "spsr", line);
    check_eq(seen.cpsr & 31, to, "mode", line);
    check_eq(seen.cpsr & CPSR_T, 0, "instruction set", line);
}
#define EXPECT(mode, fn, a0, vector, to, lr) expect(mode, fn, a0, vector, to, lr, __LINE__)

static void kinds(void)
{
    for (unsigned k = 0; k < MODES; k++) {
        EXPECT(modes[k], op_svc, 0, VECTOR_SVC, SVC, 4);
        EXPECT(modes[k], op_t_svc, 0, VECTOR_SVC, SVC, 2);
        EXPECT(modes[k], op_udf, 0, VECTOR_UND, UND, 4);
        EXPECT(modes[k], op_t_udf, 0, VECTOR_UND, UND, 2);
        EXPECT(modes[k], op_t_wide_udf, 0, VECTOR_UND, UND, 2);
        EXPECT(modes[k], op_bkpt, 0, VECTOR_PREFETCH, ABT, 4);
        CHECK_EQ(seen.ifsr & 0x40f, 2);
        EXPECT(modes[k], op_ldrd, 0x40000001, VECTOR_DATA, ABT, 8);
        CHECK_EQ(seen.dfsr & 0x40f, 1);
        CHECK_EQ(seen.dfar, 0x40000001);
        EXPECT(modes[k], op_ldr, 0xf0000000, VECTOR_DATA, ABT, 8); /* nothing is there */
        CHECK_EQ(seen.dfsr & 0xc0f, 8);
        EXPECT(modes[k], op_str, 0xf0000000, VECTOR_DATA, ABT, 8);
        CHECK_EQ(seen.dfsr & 0xc0f, 8 | FSR_WRITE);
        EXPECT(modes[k], op_t_ldr, 0xf0000000, VECTOR_DATA, ABT, 8);
        EXPECT(modes[k], op_vadd, 0, VECTOR_UND, UND, 4); /* it is off */
    }
    /* in an IT block: SPSR has where in it */
    run(USR, op_t_it_ldr, 0xf0000000, 0);
    CHECK_EQ(seen.vector, VECTOR_DATA);
    CHECK_EQ(seen.lr, at(op_t_it_ldr) + 6 + 8);
    CHECK_EQ(seen.spsr & 0x0600fc00, 0x00000800);
}

static void registers(void)
{
    u32 area[4];
    for (unsigned k = 1; k + 1 < MODES; k++) {
        run(modes[k], op_ldm_return, (u32)area, modes[k] | CPSR_MASKS);
        CHECK(returned());
        CHECK_EQ(seen.value, 0x77);
        CHECK_EQ(seen.spsr & 31, modes[k]);
        run(modes[k], op_rfe, (u32)area, SYS | CPSR_MASKS);
        CHECK_EQ(seen.value, 0x78);
        CHECK_EQ(seen.spsr & 31, SYS);
        if (modes[k] != SVC) { /* whose stack it is */
            run(modes[k], op_srs, (u32)area, 0x600001d3);
            CHECK(returned());
            CHECK_EQ(seen.value, 0);
            CHECK_EQ(area[0], 0x99);
            CHECK_EQ(area[1], 0x600001d3);
            run(modes[k], op_user_regs, (u32)area, 0);
            CHECK_EQ(area[2], area[0]);
            CHECK_EQ(area[3], area[1]);
        }
    }
    run(SVC, op_banked, 0x1234, 0);
    CHECK_EQ(seen.value, 0x1234);
}

static void user_may(void)
{
    static Op32 *const not [] = {op_mrc_sctlr, op_mcr_tpidruro, op_hvc_high, op_vmrs_fpexc, op_vmrs_fpscr};
    for (unsigned k = 0; k < sizeof(not ) / sizeof(not [0]); k++)
        EXPECT(USR, not [k], 0, VECTOR_UND, UND, 4);
    cp15_write(0, c14, c1, 0, 0); /* CNTKCTL */
    EXPECT(USR, op_mrc_cntfrq, 0, VECTOR_UND, UND, 4);
    EXPECT(USR, op_mrrc_cntvct, 0, VECTOR_UND, UND, 4);
    cp15_write(0, c14, c1, 0, 2);
    run(USR, op_mrrc_cntvct, 0, 0);
    CHECK(returned());
    run(USR, op_mrc_cntfrq, 0, 0);
    CHECK_EQ(seen.value, 62500000);
    cp15_write(0, c13, c0, 2, 0x5678);
    run(USR, op_mrc_tpidrurw, 0, 0);
    CHECK_EQ(seen.value, 0x5678);
    run(USR, op_cpsie, 0, 0); /* nothing */
    CHECK(returned());
    CHECK_EQ(seen.spsr & CPSR_MASKS, CPSR_MASKS);
    run(USR, op_msr_mode, SVC, 0);
    CHECK_EQ(seen.spsr & 31, USR);
    run(USR, op_mrs_cpsr, 0, 0);
    CHECK_EQ(seen.value & 31, USR);
    run(FIQ, op_mrs_cpsr, 0, 0);
    CHECK_EQ(seen.value & 0xff, FIQ | CPSR_I | CPSR_F);
    run(ABT, op_t_mrs, 0, 0);
    CHECK_EQ(seen.value & 0xdf, ABT | CPSR_I | CPSR_F);
    run(IRQ, op_msr_mode, SYS | CPSR_I, 0);
    CHECK_EQ(seen.spsr & 0xff, SYS | CPSR_I);
}

static void floating_point(void)
{
    enum { CP10_11 = 0xf00000, CP10_11_PRIVILEGED = 0x500000 };
    cp15_write(0, c1, c0, 2, CP10_11);
    EXPECT(SVC, op_vadd, 0, VECTOR_UND, UND, 4);
    run(SYS, op_vmrs_fpexc, 0, 0);
    CHECK(returned());
    CHECK_EQ(seen.value, 0);
    __asm__ volatile(".fpu neon\n vmsr fpexc, %0" ::"r"(1 << 30));
    run(USR, op_vadd, 0, 0);
    CHECK(returned());
    EXPECT(USR, op_vmrs_fpexc, 0, VECTOR_UND, UND, 4);
    run(USR, op_vmrs_fpscr, 0, 0);
    CHECK(returned());
    cp15_write(0, c1, c0, 2, CP10_11_PRIVILEGED);
    EXPECT(USR, op_vadd, 0, VECTOR_UND, UND, 4);
    run(SVC, op_vadd, 0, 0);
    CHECK(returned());
}

static void vectors(void)
{
    u32 sctlr = cp15_read(0, c1, c0, 0), vbar = cp15_read(0, c12, c0, 0);
    CHECK_EQ(vbar & 31, 0);
    cp15_write(0, c12, c0, 0, vbar | 31);
    CHECK_EQ(cp15_read(0, c12, c0, 0), vbar);
    cp15_write(0, c1, c0, 0, sctlr ^ SCTLR_AFE);
    CHECK_EQ(cp15_read(0, c1, c0, 0), sctlr ^ SCTLR_AFE);
    cp15_write(0, c1, c0, 0, sctlr);
    report("sctlr", sctlr, 0);
}

static void identity(void)
{
    CHECK_EQ(cp15_read(0, c0, c0, 0) & 0xff00fff0, 0x4100c0f0);
    report("mpidr", cp15_read(0, c0, c0, 5), 0);
    report("isar", cp15_read(0, c0, c2, 0), cp15_read(0, c0, c2, 1));
    report("isar", cp15_read(0, c0, c2, 2), cp15_read(0, c0, c2, 3));
    report("isar", cp15_read(0, c0, c2, 4), cp15_read(0, c0, c2, 5));
    report("mmfr", cp15_read(0, c0, c1, 4), cp15_read(0, c0, c1, 5));
    report("mmfr", cp15_read(0, c0, c1, 6), cp15_read(0, c0, c1, 7));
    report("pfr", cp15_read(0, c0, c1, 0), cp15_read(0, c0, c1, 1));
    report("cache", cp15_read(0, c0, c0, 1), cp15_read(1, c0, c0, 1));
}

void test(void)
{
    kinds();
    registers();
    user_may();
    floating_point();
    vectors();
    identity();
}
