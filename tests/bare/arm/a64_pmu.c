/* Performance monitor: event counters (writes of PMSWINC, cycles, chains), filters by level, overflow and its
 * interrupt, what EL0 may. The cycle counter is in a64_timer.c. */
#include "a64_bare.h"

enum { PSTATE_I = 1 << 7, E = 1, P = 2, SW_INCR = 0, CYCLES = 0x11, CHAIN = 0x1e, PPI_PMU = 23 };
#define NOT_EL1 (1ull << 31)
#define NOT_EL0 (1ull << 30)

__asm__(".text\n read_0: mrs x0, pmevcntr0_el0\n ret\n write_0: msr pmevcntr0_el0, x0\n ret\n"
        " bump: msr pmswinc_el0, x0\n ret\n select: msr pmselr_el0, x0\n ret\n"
        " rest: mov x1, #2000\n 1: subs x1, x1, #1\n b.ne 1b\n mrs x0, cntvct_el0\n 2: mrs x1, cntvct_el0\n"
        " sub x1, x1, x0\n cmp x1, #100\n b.lt 2b\n ret\n");
Op read_0, write_0, bump, select, rest;

static void start(void)
{
    reg_write(pmcr_el0, E | P);
    reg_write(pmcntenclr_el0, 0xf);
    reg_write(pmovsclr_el0, 0xf);
    reg_write(pmintenclr_el1, 0xf);
}

static void software(void)
{
    start();
    reg_write(pmevtyper0_el0, SW_INCR);
    reg_write(pmevtyper1_el0, CYCLES);
    reg_write(pmevtyper2_el0, SW_INCR);
    reg_write(pmcntenset_el0, 3);
    u64 cycles = reg_read(pmevcntr1_el0);
    reg_write(pmswinc_el0, 7);
    reg_write(pmswinc_el0, 1);
    CHECK_EQ(reg_read(pmevcntr0_el0), 2);
    CHECK_EQ(reg_read(pmevcntr2_el0), 0); /* not enabled */
    CHECK(reg_read(pmevcntr1_el0) >= cycles);
    reg_write(pmselr_el0, 0);
    CHECK_EQ(reg_read(pmxevcntr_el0), 2);
    CHECK_EQ(reg_read(pmxevtyper_el0), SW_INCR);
    reg_write(pmxevcntr_el0, 0x1ffffffff);
    CHECK_EQ(reg_read(pmevcntr0_el0), 0xffffffff);
    CHECK_EQ(reg_read(pmovsset_el0) & 1, 0);
    reg_write(pmswinc_el0, 1);
    CHECK_EQ(reg_read(pmevcntr0_el0), 0);
    CHECK_EQ(reg_read(pmovsset_el0) & 1, 1);
    reg_write(pmovsclr_el0, 1);
    CHECK_EQ(reg_read(pmovsset_el0) & 1, 0);
    reg_write(pmcr_el0, 0);
    reg_write(pmswinc_el0, 1);
    CHECK_EQ(reg_read(pmevcntr0_el0), 0);
    reg_write(pmevcntr0_el0, 5);
    reg_write(pmcr_el0, P);
    CHECK_EQ(reg_read(pmevcntr0_el0), 0);
    reg_write(pmevtyper0_el0, SW_INCR | NOT_EL1);
    reg_write(pmcr_el0, E);
    reg_write(pmswinc_el0, 1);
    CHECK_EQ(reg_read(pmevcntr0_el0), 0);
}

static void chains(void)
{
    if (!(reg_read(pmceid0_el0) >> CHAIN & 1))
        return;
    start();
    reg_write(pmevtyper0_el0, SW_INCR);
    reg_write(pmevtyper1_el0, CHAIN);
    reg_write(pmcntenset_el0, 3);
    reg_write(pmevcntr0_el0, 0xffffffff);
    reg_write(pmevcntr1_el0, 0xffffffff);
    reg_write(pmswinc_el0, 1);
    CHECK_EQ(reg_read(pmevcntr1_el0), 0);
    CHECK_EQ(reg_read(pmovsset_el0) & 3, 3);
    reg_write(pmswinc_el0, 1);
    CHECK_EQ(reg_read(pmevcntr0_el0), 1);
    CHECK_EQ(reg_read(pmevcntr1_el0), 0);
}

/* Cycles of one level only. */
static void levels(void)
{
    start();
    reg_write(pmevtyper0_el0, CYCLES | NOT_EL1);
    reg_write(pmevtyper1_el0, CYCLES | NOT_EL0);
    reg_write(pmcntenset_el0, 3);
    CHECK_EQ(run(EL1T, rest, 0, 0).ec, NO_TRAP);
    CHECK_EQ(reg_read(pmevcntr0_el0), 0);
    u64 a = reg_read(pmevcntr1_el0);
    CHECK(a > 0);
    CHECK_EQ(run(EL0, rest, 0, 0).ec, NO_TRAP);
    u64 b = reg_read(pmevcntr0_el0);
    CHECK(b > 0);
    CHECK_EQ(run(EL1T, rest, 0, 0).ec, NO_TRAP);
    CHECK_EQ(reg_read(pmevcntr0_el0), b);
    CHECK(reg_read(pmevcntr1_el0) > a);
}

static void interrupts(void)
{
    start();
    gic_enable(PPI_PMU);
    reg_write(pmevtyper1_el0, CYCLES);
    reg_write(pmintenset_el1, 2);
    reg_write(pmevcntr1_el0, 0 - 1000000ull);
    reg_write(pmcntenset_el0, 2);
    barrier("wfi");
    CHECK_EQ(reg_read(pmovsset_el0) & 2, 2);
    while (!(reg_read(isr_el1) & PSTATE_I)) {
    }
    reg_write(pmovsclr_el0, 2);
    while (reg_read(isr_el1) & PSTATE_I) {
    }
    reg_write(pmevtyper1_el0, SW_INCR); /* no clock behind it */
    reg_write(pmevcntr1_el0, 0xffffffff);
    reg_write(pmswinc_el0, 2);
    while (!(reg_read(isr_el1) & PSTATE_I)) {
    }
    reg_write(pmintenclr_el1, 2);
    while (reg_read(isr_el1) & PSTATE_I) {
    }
}

static void unprivileged(void)
{
    enum { EN = 1, SW = 2, ER = 8 };
    start();
    reg_write(pmevtyper0_el0, SW_INCR);
    reg_write(pmcntenset_el0, 1);
    reg_write(pmuserenr_el0, 0);
    CHECK_EQ(run(EL0, read_0, 0, 0).ec, EC_SYSREG);
    CHECK_EQ(run(EL0, bump, 1, 0).ec, EC_SYSREG);
    reg_write(pmuserenr_el0, SW);
    CHECK_EQ(run(EL0, bump, 1, 0).ec, NO_TRAP);
    CHECK_EQ(run(EL0, read_0, 0, 0).ec, EC_SYSREG);
    reg_write(pmuserenr_el0, ER);
    CHECK_VALUE(run(EL0, read_0, 0, 0), 1);
    CHECK_EQ(run(EL0, write_0, 5, 0).ec, EC_SYSREG);
    CHECK_EQ(run(EL0, select, 1, 0).ec, NO_TRAP);
    reg_write(pmuserenr_el0, EN);
    CHECK_EQ(run(EL0, write_0, 5, 0).ec, NO_TRAP);
    CHECK_EQ(reg_read(pmevcntr0_el0), 5);
    CHECK_EQ(reg_read(pmselr_el0), 1);
    reg_write(pmuserenr_el0, 0);
}

void test(void)
{
    static Tables t;
    t = tables_new(12, 39);
    bare_map_program(&t);
    use_tables(&t, 0, 0);
    gic_start();
    reg_write(cntkctl_el1, 3); /* EL0 reads the time */
    CHECK((reg_read(pmcr_el0) >> 11 & 31) >= 4);
    CHECK_EQ(reg_read(pmceid0_el0) & (1 << SW_INCR | 1 << CYCLES), 1 << SW_INCR | 1 << CYCLES);
    software();
    chains();
    levels();
    interrupts();
    unprivileged();
    reg_write(pmcr_el0, 0);
    use_tables(NULL, 0, 0);
}
