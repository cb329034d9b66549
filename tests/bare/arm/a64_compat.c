/* options: -cpu cortex-a72
 * AArch32 at EL0: class, syndrome, vector and return address of its exceptions, what SPSR keeps of CPSR (T,
 * IT), what EL1 takes from it, and where its registers are. Each piece of code ends in an exception. */
#include "a64_bare.h"

enum { A32 = 0x10, T32 = 0x30, MASKED = 7 << 6, VECTOR_A32 = 12 };
enum { EC_CP15 = 3, EC_CP15_64, EC_SVC_A32 = 17, EC_BKPT = 56, COND = 0x1e << 20 };
enum { SCTLR_CP15BEN = 1 << 5, SCTLR_SED = 1 << 8, DONE = 0x7e57 };

/* Words of A32 and T32, and SVC DONE of A32 behind them. */
#define CODE(name, words)                                                                                    \
    Op name;                                                                                                 \
    __asm__(".balign 4\n" #name ": .word " words ", 0xef007e57\n");
CODE(a32_svc, "0xef012345")
CODE(a32_udf, "0xe7f000f0")
CODE(a32_bkpt, "0xe1212374")
CODE(a32_cntvct, "0xec510f1e")  /* mrrc p15, 1, r0, r1, c14 */
CODE(a32_pmccntr, "0xee193f1d") /* mrc p15, 0, r3, c9, c13, 0 */
CODE(a32_midr, "0xee100f10")
CODE(a32_vmov, "0xeeb00a60")
CODE(a32_barrier, "0xee070fba") /* mcr p15, 0, r0, c7, c10, 5 */
CODE(a32_setend, "0xf1010000")  /* le: nothing changes */
CODE(a32_ldm, "0xe8900006")     /* r0, {r1, r2} */
CODE(a32_stm, "0xe8800006")
CODE(a32_regs, "0xe3e08000, 0xe3a0d00d, 0xe3a0e00e, 0xe0810000") /* r8 = ~0, r13 = 13, r14 = 14, r0 += r1 */
CODE(a32_fpscr, "0xeee10a10")                                    /* vmsr fpscr, r0 */
CODE(t32_svc, "0xe7fedf42")                                      /* svc #0x42 */
CODE(t32_udf, "0xe7fede00")
CODE(t32_bkpt, "0xe7febe42")
CODE(t32_it, "0xbf042800, 0x3001df01") /* cmp r0, #0; itt eq; svceq #1; addeq r0, #1 */

static Frame last;

static bool look(Frame *f)
{
    last = *f;
    return false;
}

static void expect(unsigned state, Op *fn, u64 a0, unsigned ec, unsigned iss, unsigned behind, u64 flags,
                   int line)
{
    Seen s = run(state | MASKED | PSTATE_UNMASKED, fn, a0, 5);
    check_trap(s, ec, iss, line);
    check_eq(s.vector, VECTOR_A32, "vector", line);
    check_eq(s.elr, (u64)fn + behind, "elr", line);
    check_eq(s.spsr & 0xfe0fffff, state | MASKED | flags, "spsr", line);
}
#define EXPECT(state, fn, a0, ec, iss, behind) expect(state, fn, a0, ec, iss, behind, 0, __LINE__)

static void exceptions(void)
{
    static unsigned words[4];
    EXPECT(A32, a32_svc, 0, EC_SVC_A32, 0x2345, 4);
    CHECK(last.esr >> 25 & 1);
    EXPECT(T32, t32_svc, 0, EC_SVC_A32, 0x42, 2);
    CHECK(!(last.esr >> 25 & 1));
    EXPECT(A32, a32_udf, 0, EC_UNKNOWN, 0, 0);
    EXPECT(T32, t32_udf, 0, EC_UNKNOWN, 0, 0);
    EXPECT(A32, a32_bkpt, 0, EC_BKPT, 0x1234, 0);
    EXPECT(T32, t32_bkpt, 0, EC_BKPT, 0x42, 0);
    EXPECT(A32, a32_midr, 0, EC_UNKNOWN, 0, 0);
    EXPECT(A32, a32_ldm, (u64)words + 1, EC_DATA_LOWER, FSC_ALIGNMENT, 0);
    CHECK_EQ(last.far, (u64)words + 1);
    EXPECT(A32, a32_stm, (u64)words + 2, EC_DATA_LOWER, FSC_ALIGNMENT | ISS_WNR, 0);
    expect(T32, t32_it, 0, EC_SVC_A32, 1, 6, 0x60000800, __LINE__);          /* Z, C; IT: one more of eq */
    CHECK_EQ(run(0x13 | MASKED | PSTATE_UNMASKED, a32_svc, 0, 0).ec, EC_IL); /* EL1 is AArch64 */
}

static void traps(void)
{
    u64 sctlr = reg_read(sctlr_el1), cpacr = reg_read(cpacr_el1);
    reg_write(cntkctl_el1, 0);
    reg_write(pmuserenr_el0, 0);
    EXPECT(A32, a32_cntvct, 0, EC_CP15_64, COND | 1 << 16 | 1 << 10 | 14 << 1 | 1, 0);
    EXPECT(A32, a32_pmccntr, 0, EC_CP15, COND | 9 << 10 | 3 << 5 | 13 << 1 | 1, 0);
    reg_write(cntkctl_el1, 3);
    EXPECT(A32, a32_cntvct, 0, EC_SVC_A32, DONE, 8);
    reg_write(cpacr_el1, 0);
    EXPECT(A32, a32_vmov, 0, EC_FP, COND, 0);
    reg_write(cpacr_el1, cpacr);
    EXPECT(A32, a32_vmov, 0, EC_SVC_A32, DONE, 8);
    reg_write(sctlr_el1, (sctlr | SCTLR_SED) & ~(u64)SCTLR_CP15BEN);
    if (!OUTSIDE) { /* does them all the same */
        EXPECT(A32, a32_barrier, 0, EC_UNKNOWN, 0, 0);
        EXPECT(A32, a32_setend, 0, EC_UNKNOWN, 0, 0);
    }
    reg_write(sctlr_el1, (sctlr & ~(u64)SCTLR_SED) | SCTLR_CP15BEN);
    EXPECT(A32, a32_barrier, 0, EC_SVC_A32, DONE, 8);
    EXPECT(A32, a32_setend, 0, EC_SVC_A32, DONE, 8);
    reg_write(sctlr_el1, sctlr);
}

static void registers(void)
{
    EXPECT(A32, a32_regs, 0xffffffff, EC_SVC_A32, DONE, 20);
    CHECK_EQ(last.x[0], 4); /* 2^32 - 1 + 5 */
    CHECK_EQ(last.x[8], 0xffffffff);
    CHECK(last.x[13] == 13 && last.x[14] == 14);
    EXPECT(A32, a32_fpscr, 0xf0000000, EC_SVC_A32, DONE, 8);
    CHECK_EQ(reg_read(fpsr) >> 28, 15);
    reg_write(fpsr, 0);
}

void test(void)
{
    on_trap = look;
    CHECK_EQ(reg_read(id_aa64pfr0_el1) & 15, 2);
    for (unsigned k = 0; k < 3; k++) { /* and what was translated before */
        exceptions();
        traps();
        registers();
    }
}
