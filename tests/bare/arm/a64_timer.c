/* Timers and interrupts: both timers' registers, who is interrupted and where, masks, WFI, EL0. */
#include "a64_bare.h"

enum { PPI_VIRT = 27, PPI_PHYS = 30, ENABLE = 1, IMASK = 2, ISTATUS = 4, VECTOR_IRQ = 1 };
#define PSTATE_I (1u << 7)

static volatile unsigned taken;
static volatile u64 taken_spsr, taken_vector, taken_intid;

static bool on_irq(Frame *f)
{
    if ((f->vector & 3) != VECTOR_IRQ)
        return false;
    uint32_t intid = *mmio(GICC + 0xc);
    taken_intid = intid;
    taken_spsr = f->spsr;
    taken_vector = f->vector;
    taken++;
    if (intid == PPI_VIRT)
        reg_write(cntv_ctl_el0, ENABLE | IMASK);
    else if (intid == PPI_PHYS)
        reg_write(cntp_ctl_el0, ENABLE | IMASK);
    *mmio(GICC + 0x10) = intid;
    return true;
}

static u64 spin_until_taken(u64 a, u64 b)
{
    while (!taken) {
    }
    return taken;
}

static u64 wait_until_taken(u64 a, u64 b)
{
    while (!taken)
        barrier("wfi");
    return taken;
}

static u64 unmask(u64 a, u64 b)
{
    barrier("msr daifclr, #2");
    u64 n = taken;
    barrier("msr daifset, #2");
    return n;
}

static void registers(void)
{
    reg_write(cntv_ctl_el0, 0);
    reg_write(cntv_cval_el0, 0x123456789abcdef0);
    CHECK_EQ(reg_read(cntv_cval_el0), 0x123456789abcdef0);
    reg_write(cntv_tval_el0, 0x7fffffff);
    u64 now = reg_read(cntvct_el0), cval = reg_read(cntv_cval_el0);
    CHECK(cval - now <= 0x7fffffff && cval - now > 0x7fffffff - 1000000000);
    reg_write(cntv_tval_el0, 0xffffffff); /* minus one */
    CHECK(reg_read(cntv_cval_el0) - now + 1 < 1000000000);
    reg_write(cntv_ctl_el0, ENABLE | IMASK);
    CHECK_EQ(reg_read(cntv_ctl_el0), ENABLE | IMASK | ISTATUS);
    reg_write(cntv_cval_el0, ~0ull >> 1);
    CHECK_EQ(reg_read(cntv_ctl_el0), ENABLE | IMASK);
    reg_write(cntv_ctl_el0, 0);
    u64 a = reg_read(cntpct_el0), b = reg_read(cntvct_el0);
    CHECK(b - a < 1000000000);
    CHECK_EQ(reg_read(cntfrq_el0), 62500000);
}

static void start(unsigned which, u64 ticks)
{
    taken = 0;
    if (which == PPI_VIRT) {
        reg_write(cntv_tval_el0, ticks);
        reg_write(cntv_ctl_el0, ENABLE);
    } else {
        reg_write(cntp_tval_el0, ticks);
        reg_write(cntp_ctl_el0, ENABLE);
    }
}

static void interrupts(void)
{
    static const struct {
        unsigned level, vector;
    } levels[] = {{EL0, 9}, {EL1T, 1}, {EL1H, 5}};
    for (unsigned which = PPI_VIRT; which <= PPI_PHYS; which += PPI_PHYS - PPI_VIRT) {
        for (unsigned k = 0; k < 3; k++) {
            start(which, 20000);
            CHECK_VALUE(run(PSTATE_UNMASKED | levels[k].level, spin_until_taken, 0, 0), 1);
            CHECK_EQ(taken_vector, levels[k].vector);
            CHECK_EQ(taken_spsr & 0xfffffff & ~(u64)(15 << 28), levels[k].level);
            CHECK_EQ(taken_intid, which);
        }
        /* pending already, when the mask goes */
        start(which, 0);
        CHECK_VALUE(run(EL1T, unmask, 0, 0), 1);
        CHECK_EQ(taken_intid, which);
        /* masked by the timer: nothing comes */
        reg_write(cntv_ctl_el0, IMASK | ENABLE);
        reg_write(cntp_ctl_el0, IMASK | ENABLE);
        taken = 0;
        CHECK_VALUE(run(EL1T, unmask, 0, 0), 0);
        /* asleep, interrupts let in or not: WFI ends either way */
        start(which, 30000);
        CHECK_VALUE(run(PSTATE_UNMASKED | EL1T, wait_until_taken, 0, 0), 1);
        start(which, 30000);
        barrier("wfi");
        CHECK_EQ(taken, 0);
        CHECK_EQ(reg_read(isr_el1) & PSTATE_I, PSTATE_I);
        CHECK_VALUE(run(EL1T, unmask, 0, 0), 1);
    }
}

/* The cycle counter: runs, stands, overflows, interrupts; EL0 may or may not. */
static void cycles(void)
{
    enum { E = 1, C = 4, LC = 1 << 6, PPI_PMU = 23 };
    const u64 bit = 1ull << 31;
    CHECK_EQ(reg_read(id_aa64dfr0_el1) >> 8 & 15, 1);
    reg_write(pmcr_el0, E | C | LC);
    reg_write(pmcntenset_el0, bit);
    u64 a = reg_read(pmccntr_el0), b;
    do
        b = reg_read(pmccntr_el0);
    while (b == a);
    CHECK(b - a < 1ull << 40);
    reg_write(pmcntenclr_el0, bit);
    a = reg_read(pmccntr_el0);
    CHECK_EQ(reg_read(pmccntr_el0), a);
    reg_write(pmccntr_el0, 0x123456789);
    CHECK_EQ(reg_read(pmccntr_el0), 0x123456789);
    reg_write(pmcr_el0, E | C | LC);
    CHECK_EQ(reg_read(pmccntr_el0), 0);
    /* overflow */
    reg_write(pmovsclr_el0, bit);
    reg_write(pmintenclr_el1, bit);
    reg_write(pmccntr_el0, 0 - 1000ull);
    reg_write(pmcntenset_el0, bit);
    while (!(reg_read(pmovsset_el0) & bit)) {
    }
    CHECK_EQ(reg_read(isr_el1) & PSTATE_I, 0);
    gic_enable(PPI_PMU);
    reg_write(pmintenset_el1, bit);
    while (!(reg_read(isr_el1) & PSTATE_I)) {
    }
    reg_write(pmovsclr_el0, bit);
    CHECK_EQ(reg_read(isr_el1) & PSTATE_I, 0);
    reg_write(pmccntr_el0, 0 - 1000000ull);
    barrier("wfi");
    CHECK_EQ(reg_read(pmovsset_el0) & bit, bit);
    reg_write(pmintenclr_el1, bit);
    reg_write(pmcr_el0, 0);
    reg_write(pmuserenr_el0, 0);
    CHECK_EQ(run(EL0, op_mrs_pmccntr, 0, 0).ec, EC_SYSREG);
    reg_write(pmuserenr_el0, 4);
    CHECK_EQ(run(EL0, op_mrs_pmccntr, 0, 0).ec, NO_TRAP);
    reg_write(pmuserenr_el0, 0);
}

/* The interrupt stays while the condition does. */
static void level_triggered(void)
{
    start(PPI_VIRT, 0);
    while (!(reg_read(isr_el1) & PSTATE_I)) {
    }
    reg_write(cntv_cval_el0, ~0ull >> 1); /* no more */
    CHECK_EQ(reg_read(isr_el1) & PSTATE_I, 0);
    reg_write(cntv_cval_el0, 0);
    CHECK_EQ(reg_read(isr_el1) & PSTATE_I, PSTATE_I);
    reg_write(cntv_ctl_el0, 0);
    CHECK_EQ(reg_read(isr_el1) & PSTATE_I, 0);
}

void test(void)
{
    static Tables t;
    registers();
    gic_start();
    gic_enable(PPI_VIRT);
    gic_enable(PPI_PHYS);
    on_trap = on_irq;
    t = tables_new(12, 39);
    bare_map_program(&t);
    use_tables(&t, 0, 0);
    reg_write(sctlr_el1, reg_read(sctlr_el1) | 1 << 16); /* EL0 may wait */
    interrupts();
    level_triggered();
    cycles();
    use_tables(NULL, 0, 0);
}
