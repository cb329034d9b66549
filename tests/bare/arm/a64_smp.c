/* options: -smp 4 -cpu max
 * Cpus against each other: PSCI, counters by exclusives and LSE, messages in order, interrupts between cpus,
 * tables changed under a cpu that runs (TLBI of all, no message), code changed under it. */
#include "a64_bare.h"
#include "meet.h"

enum { CPUS = 4, CHANGES = 30, TURNS = 600, SGI = 3, GICD_SGIR = GICD + 0xf00 };
#define DATA 0x100000000ull

static Tables t;
static u64 counter, reserved_counter, pair[2] __attribute__((aligned(16)));
static uint32_t small_counter;
static u64 message[64], flag[64];

static void meet(void)
{
    meet_of(CPUS);
}

static void counting(void)
{
    for (unsigned k = 0; k < TURNS; k++) {
        u64 v, w;
        uint32_t failed;
        __asm__ volatile(".arch armv8.1-a\n ldaddal %1, %0, [%2]"
                         : "=&r"(v)
                         : "r"(3ull), "r"(&counter)
                         : "memory");
        __asm__ volatile(".arch armv8.1-a\n stadd %w0, [%1]" ::"r"(1), "r"(&small_counter) : "memory");
        do
            __asm__ volatile("ldxr %0, [%2]\n add %0, %0, 1\n stxr %w1, %0, [%2]"
                             : "=&r"(v), "=&r"(failed)
                             : "r"(&reserved_counter)
                             : "memory");
        while (failed);
        do
            __asm__ volatile("ldaxp %0, %1, [%3]\n add %0, %0, 1\n sub %1, %1, 1\n stlxp %w2, %0, %1, [%3]"
                             : "=&r"(v), "=&r"(w), "=&r"(failed)
                             : "r"(pair)
                             : "memory");
        while (failed);
    }
}

/* A register of a device that nothing else uses: the clock's match register. */
enum { DEVICE_TURNS = 100, RTC_MATCH = 0x09010004 };

static void counting_on_a_device(void)
{
    for (unsigned k = 0; k < DEVICE_TURNS; k++) {
        uint32_t v, failed;
        __asm__ volatile(".arch armv8.1-a\n stadd %w0, [%1]" ::"r"(1), "r"((u64)RTC_MATCH) : "memory");
        do
            __asm__ volatile("ldxr %w0, [%2]\n add %w0, %w0, 2\n stxr %w1, %w0, [%2]"
                             : "=&r"(v), "=&r"(failed)
                             : "r"((u64)RTC_MATCH)
                             : "memory");
        while (failed);
    }
}

/* Cpu n hands on to the next; each turn may take the host a time slice. */
static void ring(u64 n)
{
    for (u64 k = 1; k < 8; k++) {
        if (n == 0) {
            message[0] = k * 7;
            store(&flag[0], k);
            while (load(&flag[(CPUS - 1) * 8]) != k) {
            }
            CHECK_EQ(message[(CPUS - 1) * 8], k * 7 + CPUS - 1);
        } else {
            while (load(&flag[(n - 1) * 8]) != k) {
            }
            message[n * 8] = message[(n - 1) * 8] + 1;
            store(&flag[n * 8], k);
        }
    }
}

static u64 asked[CPUS], answered[CPUS];

static bool answer(Frame *f)
{
    if ((f->vector & 3) != 1)
        return false;
    u64 n = my_number();
    uint32_t intid = *mmio(GICC + 0xc);
    if ((intid & 0x3ff) == SGI && intid >> 10 == 0) { /* from cpu 0 */
        barrier("isb");
        store(&answered[n], load(&asked[n]));
    }
    *mmio(GICC + 0x10) = intid;
    return true;
}

static void wake(void)
{
    barrier("dsb ish");
    *mmio(GICD_SGIR) = 0xe << 16 | SGI;
}

static void ask(void)
{
    for (u64 n = 1; n < CPUS; n++)
        store(&asked[n], asked[n] + 1);
    wake();
    for (u64 n = 1; n < CPUS; n++)
        while (load(&answered[n]) != asked[n]) {
        }
}

static u64 done, errors;

static u64 reads(u64 n, u64 b)
{
    u64 *limit = (u64 *)arena; /* what may still be seen: never less than */
    u64 count = 1;             /* or no look at all */
    while (!load(&done)) {
        u64 least = load(limit);
        u64 v = load((u64 *)DATA);
        if (v < least)
            __atomic_add_fetch(&errors, 1, __ATOMIC_SEQ_CST);
        count++;
    }
    return count;
}

static u64 calls(u64 n, u64 b)
{
    u64 *limit = (u64 *)arena;
    u64 count = 1; /* or no look at all */
    while (!load(&done)) {
        u64 least = load(limit);
        u64 v = ((Op *)(DATA + 4096))(0, 0);
        if (v < least)
            __atomic_add_fetch(&errors, 1, __ATOMIC_SEQ_CST);
        count++;
    }
    return count;
}

/* An interrupt between the look and the sleep would leave it asleep for ever: it stays pending, and ends the
 * sleep all the same. */
static u64 sleeps(u64 n, u64 b)
{
    for (bool end = false; !end;) {
        barrier("msr daifset, #2");
        end = load(&done);
        if (!end)
            barrier("wfi");
        barrier("msr daifclr, #2\n isb");
    }
    return 1;
}

static void others(u64 n, Op *fn)
{
    use_tables(&t, 1, 0);
    meet();
    Seen s = run(PSTATE_UNMASKED | EL1T, fn, n, 0);
    if (s.ec != NO_TRAP || s.value == 0)
        __atomic_add_fetch(&errors, 1, __ATOMIC_SEQ_CST);
    use_tables(NULL, 0, 0);
    meet();
}

/* After the DSB nobody sees what was there before. */
static void change_pages(void)
{
    u64 *limit = (u64 *)arena, *page[2] = {pages(1), pages(1)};
    store(limit, 0);
    done = 0;
    page[0][0] = 1;
    map(&t, DATA, (u64)page[0], 3, D_RW | D_NG);
    use_tables(&t, 1, 0);
    meet();
    for (u64 k = 2; k < CHANGES; k++) {
        page[k & 1][0] = k;
        map(&t, DATA, (u64)page[k & 1], 3, D_RW | D_NG);
        switch (k % 3) {
        case 0: tlbi_by(vae1is, 1ull << 48 | DATA >> 12); break;
        case 1: tlbi_by(aside1is, 1ull << 48); break;
        default: tlbi(vmalle1is);
        }
        store(limit, k);
    }
    store(&done, 1);
    use_tables(NULL, 0, 0);
    meet();
    CHECK_EQ(errors, 0);
}

static void change_code(void)
{
    u64 *limit = (u64 *)arena;
    uint32_t *page = pages(1);
    store(limit, 0);
    done = 0;
    page[0] = 0xd2800020; /* mov x0, #1 */
    page[1] = 0xd65f03c0;
    map(&t, DATA + 4096, (u64)page, 3, D_VALID | D_AF | D_INNER);
    use_tables(&t, 1, 0);
    meet();
    for (u64 k = 2; k < CHANGES; k++) {
        *(volatile uint32_t *)&page[0] = 0xd2800000 | (uint32_t)k << 5;
        __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0\n dsb ish\n isb" ::"r"(page) : "memory");
        ask(); /* each of them does an ISB */
        store(limit, k);
    }
    store(&done, 1);
    use_tables(NULL, 0, 0);
    meet();
    CHECK_EQ(OUTSIDE ? 0 : errors, 0); /* 7.2 now and then goes on with the old code for ever */
}

/* A cpu asleep is woken. */
static void wake_others(void)
{
    done = 0;
    meet();
    for (unsigned k = 0; k < 8; k++)
        ask();
    store(&done, 1);
    wake(); /* some are awake and gone: nobody answers */
    meet();
}

static void part(u64 n)
{
    gic_start();
    on_trap = answer;
    meet();
    counting();
    meet();
    if (n == 0) {
        CHECK_EQ(counter, 3ull * CPUS * TURNS);
        CHECK_EQ(small_counter, CPUS * TURNS);
        CHECK_EQ(reserved_counter, CPUS * (u64)TURNS);
        CHECK_EQ(pair[0], CPUS * (u64)TURNS);
        CHECK_EQ(pair[1], 0ull - CPUS * (u64)TURNS);
    }
    if (n == 0)
        *mmio(RTC_MATCH) = 0x40000000;
    meet();
    counting_on_a_device();
    meet();
    if (n == 0)
        CHECK_EQ(*mmio(RTC_MATCH), 0x40000000 + 3 * CPUS * DEVICE_TURNS);
    ring(n);
    meet();
    if (n == 0)
        change_pages();
    else
        others(n, reads);
    meet();
    if (n == 0)
        change_code();
    else
        others(n, calls);
    meet();
    if (n == 0)
        wake_others();
    else
        others(n, sleeps);
    meet();
}

void other(u64 n)
{
    CHECK_EQ(reg_read(mpidr_el1) & 0xffffff, n);
    CHECK_EQ(reg_read(sctlr_el1) & 1, 0);
    part(n);
    psci(0x84000002, 0, 0, 0); /* CPU_OFF */
    CHECK(false);
}

void test(void)
{
    enum { AFFINITY_INFO = 0xc4000004, CPU_ON = 0xc4000003 };
    pages(1); /* arena's first is `limit` */
    t = tables_new(12, 39);
    bare_map_program(&t);
    CHECK_EQ(psci(0x84000000, 0, 0, 0) >> 16, 1);
    CHECK_EQ(psci(AFFINITY_INFO, 1, 0, 0), 1); /* off */
    CHECK_EQ(psci(CPU_ON, 0, 0, 0), (u64)-4);  /* on already */
    CHECK_EQ(psci(CPU_ON, 77, 0, 0), (u64)-2);
    start_others(CPUS);
    part(0);
    for (u64 n = 1; n < CPUS; n++)
        while (psci(AFFINITY_INFO, n, 0, 0) != 1) {
        }
}
