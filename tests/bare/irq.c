/* Interrupts: exactly between two instructions, only where they are enabled, in order of priority, to the
 * level that they are delegated to; WFI. */
#include "bare.h"

enum { SSI = 1, MSI = 3, STI = 5, MTI = 7, SEI = 9, MEI = 11 };
#define BIT(n) (1ull << (n))

static volatile uint32_t *const msip = (volatile uint32_t *)0x2000000;
static volatile u64 *const mtimecmp = (volatile u64 *)0x2004000;

static volatile u64 taken, bad;
static u64 start_pc, end_pc, period;

/* In `counts`: t0 goes up by 1, then t1 down by 1, then t2 up by 2: what holds between any two of them is
 * known. */
static bool in_loop(Frame *f)
{
    if (f->cause != (IRQ | MTI) && f->cause != (IRQ | MSI))
        return false;
    u64 t0 = f->x[5], t1 = f->x[6], t2 = f->x[7], at = (f->pc - start_pc) / 4;
    *msip = 0;
    *mtimecmp = time_now() + period;
    if (++taken == 20)
        f->x[10] = 0; /* the loop's limit */
    if (f->pc < start_pc || f->pc >= end_pc)
        return true; /* before or behind the loop */
    u64 done0 = at > 0, done1 = at > 1, done2 = at > 2;
    if (t0 - done0 != 1000000000 - t1 - done1 || 2 * (t0 - done0) != t2 - 2 * done2)
        bad++;
    return true;
}

static u64 counts(u64 n, u64 places)
{
    register u64 limit __asm__("a0") = n;
    u64 result;
    __asm__ volatile(
        "la t3, 1f\n sd t3, 0(%2)\n la t3, 2f\n sd t3, 8(%2)\n li t0, 0\n li t1, 1000000000\n li t2, 0\n"
        ".option push\n.option norvc\n"
        "1: addi t0, t0, 1\n addi t1, t1, -1\n addi t2, t2, 2\n bltu t0, %1, 1b\n2: add %0, t0, t2\n.option "
        "pop"
        : "=&r"(result), "+r"(limit)
        : "r"(places)
        : "t0", "t1", "t2", "t3", "memory");
    return result;
}

static void precise(void)
{
    u64 places[2];
    on_trap = in_loop;
    csr_write(mie, BIT(MTI) | BIT(MSI));
    for (unsigned n = 0; n < 8; n++) {
        taken = bad = 0;
        period = 300 + n * 500;
        u64 here = run(M, counts, 1, (u64)places).value;
        CHECK_EQ(here, 3);
        start_pc = places[0];
        end_pc = places[1];
        *mtimecmp = time_now() + 100;
        Seen s = n & 1 ? run_with(M, 0x80, counts, ~0ull >> 1, (u64)places)
                       : run(n & 2 ? S : U, counts, ~0ull >> 1, (u64)places);
        CHECK_EQ(s.cause, NO_TRAP);
        CHECK_EQ(s.value % 3, 0);
        CHECK_EQ(bad, 0);
        CHECK(taken >= 20 && taken < 1000); /* on a busy host some come while it ends */
        *mtimecmp = ~0ull;
    }
    csr_write(mie, 0);
    on_trap = 0;
}

static u64 seen_order[8], n_seen;

static bool note(Frame *f)
{
    if (!(f->cause & IRQ))
        return false;
    unsigned n = f->cause & 63;
    seen_order[n_seen++ & 7] = n;
    csr_clear(mie, BIT(n));
    return true;
}

/* All that software can make pending, taken at the instruction that lets them in. */
static void priorities(void)
{
    on_trap = note;
    n_seen = 0;
    *msip = 1;
    *mtimecmp = 0;
    csr_write(mideleg, 0);
    csr_set(mip, BIT(SSI) | BIT(STI) | BIT(SEI));
    csr_write(mie, BIT(SSI) | BIT(STI) | BIT(SEI) | BIT(MSI) | BIT(MTI));
    CHECK_EQ(n_seen, 0);
    csr_set(mstatus, MIE);
    csr_clear(mstatus, MIE);
    static const unsigned want[] = {MSI, MTI, SEI, SSI, STI};
    CHECK_EQ(n_seen, 5);
    for (unsigned k = 0; k < 5 && !OUTSIDE; k++)
        CHECK_EQ(seen_order[k], want[k]);
    on_trap = 0;
    *msip = 0;
    *mtimecmp = ~0ull;
    csr_clear(mip, BIT(SSI) | BIT(STI) | BIT(SEI));
    csr_write(mie, 0);
}

static u64 set_sie(u64 a, u64 b)
{
    csr_set(sie, a);
    csr_set(sstatus, SIE);
    __asm__ volatile("nop; nop");
    return 7;
}

static u64 raise_ssip(u64 a, u64 b)
{
    csr_set(sie, BIT(SSI));
    csr_set(sstatus, SIE);
    csr_set(sip, BIT(SSI));
    return 7;
}

static void to_the_supervisor(void)
{
    csr_write(stvec, bare_s_trap);
    csr_write(mideleg, BIT(SSI) | BIT(STI) | BIT(SEI));
    csr_clear(mstatus, SIE);
    Seen s = run(S, raise_ssip, 0, 0);
    CHECK(s.by_s);
    CHECK_EQ(s.cause, IRQ | SSI);
    csr_clear(mstatus, SIE);
    CHECK_EQ(csr_read(mip) & BIT(SSI), BIT(SSI));
    /* for M it waits; below S it is taken whatever SIE says */
    csr_set(mstatus, MIE);
    csr_clear(mstatus, MIE);
    s = run(U, op_nop, 0, 0);
    CHECK(s.by_s);
    CHECK_EQ(s.cause, IRQ | SSI);
    CHECK_EQ(s.pc, op_nop);
    csr_clear(mip, BIT(SSI));
    csr_clear(mstatus, SIE);
    csr_write(mie, 0);
    /* SEI and STI come from M; sip shows the delegated ones alone */
    csr_set(mip, BIT(SEI) | BIT(STI));
    CHECK_EQ(csr_read(sip), BIT(SEI) | BIT(STI));
    s = run(S, set_sie, BIT(SEI) | BIT(STI), 0);
    CHECK(s.cause == (IRQ | SEI) || OUTSIDE);
    csr_write(mideleg, BIT(SSI));
    CHECK_EQ(csr_read(sip) & BIT(SEI), 0);
    csr_clear(mip, BIT(SEI) | BIT(STI));
    csr_clear(mstatus, SIE);
    csr_write(mie, 0);
    csr_write(mideleg, 0);
}

static u64 waits(u64 a, u64 b)
{
    __asm__ volatile("wfi");
    return 5;
}

static void waiting(void)
{
    /* wakes by an interrupt that is enabled in mie, though MIE is off, and goes on behind it */
    csr_write(mie, BIT(MTI));
    for (unsigned n = 0; n < 20; n++) {
        u64 due = time_now() + 1000;
        *mtimecmp = due;
        CHECK_VALUE(run(M, waits, 0, 0), 5);
        CHECK(time_now() >= due);
    }
    on_trap = note;
    n_seen = 0;
    *mtimecmp = time_now() + 1000;
    CHECK_VALUE(run(S, waits, 0, 0), 5);
    CHECK_EQ(n_seen, 1);
    on_trap = 0;
    *mtimecmp = ~0ull;
    csr_write(mie, BIT(MSI));
    *msip = 1; /* pending before: it does not wait at all */
    CHECK_VALUE(run(M, waits, 0, 0), 5);
    *msip = 0;
    csr_write(mie, 0);
}

/* The store that raises an interrupt of the hart itself: it comes soon after, and the state is that of an
 * instruction's end. */
static bool soft(Frame *f)
{
    if (f->cause != (IRQ | MSI))
        return false;
    *msip = 0;
    taken++;
    return true;
}

static u64 stores(u64 n, u64 b)
{
    u64 k;
    for (k = 0; k < n; k++) {
        *msip = 1;
        while (taken <= k) {
        }
    }
    return k;
}

static void by_itself(void)
{
    taken = 0;
    on_trap = soft;
    csr_write(mie, BIT(MSI));
    CHECK_VALUE(run(U, stores, 1000, 0), 1000);
    CHECK_EQ(taken, 1000);
    on_trap = 0;
    csr_write(mie, 0);
}

void test(void)
{
    csr_write(mie, 0);
    precise();
    priorities();
    to_the_supervisor();
    waiting();
    by_itself();
}
