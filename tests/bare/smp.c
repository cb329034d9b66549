/* options: -smp 4
 * Harts against each other: counters by AMO and LR/SC, messages in order, interrupts between harts, tables
 * changed under a hart that runs, code changed under it. */
enum { HARTS = 4 };
#include "harts.h"

enum { CHANGES = 60, DATA = 0x40000000 };

static Tables t;
static u64 counter, reserved_counter;
static uint32_t small_counter;
static u64 message[64], flag[64];

static void counting(void)
{
    for (unsigned k = 0; k < 20000; k++) {
        __atomic_add_fetch(&counter, 3, __ATOMIC_SEQ_CST);
        __atomic_add_fetch(&small_counter, 1, __ATOMIC_RELAXED);
        u64 v, failed;
        do
            __asm__ volatile("lr.d %0, (%2)\n addi %0, %0, 1\n sc.d %1, %0, (%2)"
                             : "=&r"(v), "=&r"(failed)
                             : "r"(&reserved_counter)
                             : "memory");
        while (failed);
    }
}

/* A register of a device that nothing else uses: the time compare of the last hart. */
enum { DEVICE_TURNS = 400 };
static u64 *const compare = (u64 *)(0x2004000 + 8 * (HARTS - 1));

static void counting_on_a_device(void)
{
    for (unsigned k = 0; k < DEVICE_TURNS; k++) {
        u64 v, failed;
        __asm__ volatile("amoadd.d zero, %0, (%1)" ::"r"(1ull), "r"(compare) : "memory");
        do
            __asm__ volatile("lr.d %0, (%2)\n addi %0, %0, 2\n sc.d %1, %0, (%2)"
                             : "=&r"(v), "=&r"(failed)
                             : "r"(compare)
                             : "memory");
        while (failed);
    }
}

/* Hart n hands on to the next; each turn may take the host a time slice. */
static void ring(u64 hart)
{
    for (u64 k = 1; k < 25; k++) {
        if (hart == 0) {
            message[0] = k * 7;
            store(&flag[0], k);
            while (load(&flag[(HARTS - 1) * 8]) != k) {
            }
            CHECK_EQ(message[(HARTS - 1) * 8], k * 7 + HARTS - 1);
        } else {
            while (load(&flag[(hart - 1) * 8]) != k) {
            }
            message[hart * 8] = message[(hart - 1) * 8] + 1;
            store(&flag[hart * 8], k);
        }
    }
}

static u64 done, looking, errors;

/* Reads through the tables all the time: after a flush everywhere, no old page may be seen. */
static u64 reads(u64 hart, u64 b)
{
    u64 *limit = (u64 *)arena; /* what may still be seen: never less than */
    u64 n = 0;
    do {
        u64 least = load(limit);
        u64 v = load((u64 *)DATA);
        if (v < least)
            __atomic_add_fetch(&errors, 1, __ATOMIC_SEQ_CST);
        if (!n++)
            __atomic_add_fetch(&looking, 1, __ATOMIC_SEQ_CST);
    } while (!load(&done));
    return n;
}

static u64 calls(u64 hart, u64 b)
{
    u64 *limit = (u64 *)arena;
    u64 n = 0;
    do {
        u64 least = load(limit);
        u64 v = ((Op *)(DATA + 4096))(0, 0);
        if (v < least)
            __atomic_add_fetch(&errors, 1, __ATOMIC_SEQ_CST);
        if (!n++)
            __atomic_add_fetch(&looking, 1, __ATOMIC_SEQ_CST);
    } while (!load(&done));
    return n;
}

static void others(u64 hart, Op *fn)
{
    on_trap = answer;
    csr_write(mie, 1 << MSI);
    use_tables(&t, 1);
    meet();
    Seen s = run(S, fn, hart, 0);
    if (s.cause != NO_TRAP || s.value == 0)
        __atomic_add_fetch(&errors, 1, __ATOMIC_SEQ_CST);
    csr_write(mie, 0);
    use_tables(NULL, 0);
    meet();
}

/* The changes begin when every hart looks at what is changed. */
static void start_changes(void)
{
    use_tables(&t, 1);
    looking = 0;
    meet();
    while (load(&looking) != HARTS - 1) {
    }
}

static void change_pages(void)
{
    u64 *limit = (u64 *)arena, *page[2] = {pages(1), pages(1)};
    store(limit, 0);
    done = 0;
    page[0][0] = 1;
    map(&t, DATA, (u64)page[0], 0, RW);
    start_changes();
    for (u64 k = 2; k < CHANGES; k++) {
        page[k & 1][0] = k;
        map(&t, DATA, (u64)page[k & 1], 0, RW);
        sfence();
        ask(ASK_FLUSH);
        store(limit, k);
    }
    store(&done, 1);
    use_tables(NULL, 0);
    meet();
    CHECK_EQ(errors, 0);
}

static void change_code(void)
{
    u64 *limit = (u64 *)arena;
    uint32_t *page = pages(1);
    store(limit, 0);
    done = 0;
    page[0] = 0x00100513; /* li a0, 1 */
    page[1] = 0x00008067;
    map(&t, DATA + 4096, (u64)page, 0, RWX);
    fence_i();
    start_changes();
    for (u64 k = 2; k < CHANGES; k++) {
        *(volatile uint32_t *)&page[0] = 0x00000513 | (uint32_t)k << 20;
        ask(ASK_FENCE_I);
        store(limit, k);
    }
    store(&done, 1);
    use_tables(NULL, 0);
    meet();
    CHECK_EQ(errors, 0);
}

static void part(u64 hart)
{
    meet();
    counting();
    meet();
    if (hart == 0) {
        CHECK_EQ(counter, 3ull * HARTS * 20000);
        CHECK_EQ(small_counter, HARTS * 20000u);
        CHECK_EQ(reserved_counter, HARTS * 20000u);
    }
    if (hart == 0)
        *compare = 1ull << 62;
    meet();
    counting_on_a_device();
    meet();
    if (hart == 0)
        CHECK_EQ(*compare, (1ull << 62) + 3ull * HARTS * DEVICE_TURNS);
    ring(hart);
    meet();
    if (hart == 0)
        change_pages();
    else
        others(hart, reads);
    meet();
    if (OUTSIDE)
        return;
    if (hart == 0)
        change_code();
    else
        others(hart, calls);
    meet();
}

void other(u64 hart)
{
    part(hart);
}

void test(void)
{
    pages(1); /* arena's first is `limit` */
    t = tables_new(3);
    bare_map_program(&t);
    part(0);
}
