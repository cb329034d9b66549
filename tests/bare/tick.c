/* outside: no
 * A tick of 250 Hz that always asks for the next multiple, while the hart computes: none may be lost, and
 * most are in time. */
#include "bare.h"

enum { TICK = 40000, TICKS = 250, STI = 5, MTI = 7 };

static volatile u64 *const mtimecmp = (volatile u64 *)0x2004000;
static volatile u64 ticks, missed, late[TICKS];
static volatile u64 next;

static bool tick(Frame *f)
{
    if (f->cause != (IRQ | MTI))
        return false;
    u64 now = time_now(), after = now - next;
    if (ticks < TICKS)
        late[ticks] = after;
    ticks++;
    missed += after / TICK;
    next += (after / TICK + 1) * TICK;
    *mtimecmp = next;
    return true;
}

static u64 busy(u64 a, u64 b)
{
    u64 x = 1;
    while (ticks < TICKS)
        for (unsigned k = 0; k < 1000; k++)
            x = x * 6364136223846793005ull + 1442695040888963407ull;
    return x;
}

void test(void)
{
    on_trap = tick;
    csr_write(mie, 1 << MTI);
    u64 from = time_now();
    next = from + TICK;
    *mtimecmp = next;
    run(S, busy, 0, 0);
    u64 took = time_now() - from;
    csr_write(mie, 0);
    on_trap = 0;
    for (unsigned k = 1; k < TICKS; k++) { /* sort */
        u64 v = late[k];
        unsigned n = k;
        for (; n > 0 && late[n - 1] > v; n--)
            late[n] = late[n - 1];
        late[n] = v;
    }
    print("100 ns: an eighth, median, 90 %, worst; ticks missed; all: ");
    print_hex(late[TICKS / 8]);
    print(" ");
    print_hex(late[TICKS / 2]);
    print(" ");
    print_hex(late[TICKS * 9 / 10]);
    print(" ");
    print_hex(late[TICKS - 1]);
    print(" ");
    print_hex(missed);
    print(" ");
    print_hex(took);
    print("\n");
    /* 50 us. An eighth, because a busy host lets the hart wait for its turn, and ticks be missed; timers that
     * count in milliseconds are later than that at seven of eight. */
    CHECK(late[TICKS / 8] < 500);
    CHECK_EQ(ticks, TICKS);
}
