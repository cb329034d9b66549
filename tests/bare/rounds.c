/* Loops that come back to the same page, of which an emulator may remember where it is: what they see when it
 * is another one in the next round, or the next time, can no longer be written, or has become code. */
#include "bare.h"

enum { DATA = 0x40000000, NEXT = DATA + 4096, WORDS = 64, LOOPS = 12 };

static Tables t, other_tables;
static char *page[LOOPS + 1];

/* Loops of their own, which differ in what they begin with. */
#define SUM_LOOP(n)                                                                                          \
    __attribute__((noinline)) static u64 sum##n(u64 at, u64 count)                                           \
    {                                                                                                        \
        u64 sum, v;                                                                                          \
        __asm__ volatile("li %0, " #n "\n1: ld %1, 0(%2)\n add %0, %0, %1\n addi %2, %2, 8\n"                \
                         "addi %3, %3, -1\n bnez %3, 1b"                                                     \
                         : "=&r"(sum), "=&r"(v), "+r"(at), "+r"(count)::"memory");                           \
        return sum;                                                                                          \
    }
#define STORE_LOOP(n)                                                                                        \
    __attribute__((noinline)) static u64 store##n(u64 at, u64 count)                                         \
    {                                                                                                        \
        __asm__ volatile("1: sd %0, " #n "(%0)\n addi %0, %0, 8\n addi %1, %1, -1\n bnez %1, 1b"             \
                         : "+r"(at), "+r"(count)::"memory");                                                 \
        return 0;                                                                                            \
    }
#define EACH(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7) f(8) f(9) f(10) f(11)
EACH(SUM_LOOP)
EACH(STORE_LOOP)
#define SUM_NAME(n)   sum##n,
#define STORE_NAME(n) store##n,
static Op *const sums[LOOPS] = {EACH(SUM_NAME)}, *const stores[LOOPS] = {EACH(STORE_NAME)};

/* Stores `what` / 65536, `what` % 65536 times. */
__attribute__((noinline)) static u64 store(u64 at, u64 what)
{
    u64 word = what >> 16, count = what & 0xffff;
    __asm__ volatile("1: sw %2, 0(%0)\n addi %0, %0, 4\n addi %1, %1, -1\n bnez %1, 1b"
                     : "+r"(at), "+r"(count)
                     : "r"(word)
                     : "memory");
    return 0;
}

/* Reads the word before the one that it stores: one look may serve both, and comes to the next page before
 * the store does. */
__attribute__((noinline)) static u64 shift(u64 at, u64 count)
{
    u64 v;
    __asm__ volatile("1: ld %0, 0(%1)\n sd %0, 8(%1)\n addi %1, %1, 16\n addi %2, %2, -1\n bnez %2, 1b"
                     : "=&r"(v), "+r"(at), "+r"(count)::"memory");
    return v;
}

/* Loads, goes back, stores, goes on: a loop with two ways back, entered where it loads. */
__attribute__((noinline)) static u64 halves(u64 at, u64 count)
{
    u64 v;
    __asm__ volatile("la %0, 2f\n jr %0\n1: sd %0, 0(%1)\n addi %1, %1, 8\n addi %2, %2, -1\n beqz %2, 3f\n"
                     "2: ld %0, 0(%1)\n j 1b\n3:"
                     : "=&r"(v), "+r"(at), "+r"(count)::"memory");
    return v;
}

static unsigned flags_of(unsigned level)
{
    return level == U ? RW | PTE_U : RW;
}

static void map_data(u64 va, char *to, unsigned flags)
{
    map(&t, va, (u64)to, 0, flags);
}

static u64 sum_of(const char *p, unsigned begin)
{
    u64 sum = begin;
    for (unsigned k = 0; k < WORDS; k++)
        sum += ((const u64 *)p)[k];
    return sum;
}

static void expect(unsigned level, unsigned loop, u64 va, const char *p)
{
    for (unsigned n = 0; n < 3;
         n++) /* until it is known to be a loop, and then to one that it comes back to */
        CHECK_VALUE(run(level, sums[loop], va, WORDS), sum_of(p, loop));
}

/* Another page at the same address, made known in each way that there is. */
static void other_page(unsigned level)
{
    unsigned flags = flags_of(level);
    for (unsigned k = 0; k < 8; k++) {
        char *p = page[k & 1], *q = page[2 + (k & 1)];
        map_data(DATA, p, flags);
        map(&other_tables, DATA, (u64)q, 0, flags);
        if (k & 2)
            sfence();
        else
            sfence_va(DATA);
        expect(level, 0, DATA, p);
        csr_write(satp, satp_of(&other_tables, 2)); /* with no flush */
        expect(level, 0, DATA, q);
        csr_write(satp, satp_of(&t, 1));
        expect(level, 0, DATA, p);
    }
}

/* More loops than an emulator may remember pages for, in turn; what one may read another may not write. */
static void many(unsigned level)
{
    const unsigned read = flags_of(level) & ~(unsigned)(PTE_W | PTE_D);
    for (unsigned shift_by = 0; shift_by < 3; shift_by++) {
        for (unsigned k = 0; k < LOOPS; k++)
            map_data(DATA + k * 4096, page[(k + shift_by) % LOOPS], flags_of(level));
        sfence();
        for (unsigned n = 0; n < 3; n++)
            for (unsigned k = 0; k < LOOPS; k++)
                expect(level, k, DATA + k * 4096, page[(k + shift_by) % LOOPS]);
    }
    map_data(DATA, page[0], flags_of(level));
    map_data(NEXT, page[1], read);
    sfence();
    for (unsigned n = 0; n < 3; n++) {
        for (unsigned k = 0; k < LOOPS; k++) {
            CHECK_EQ(run(level, stores[k], DATA, WORDS).cause, NO_TRAP);
            expect(level, k, NEXT, page[1]);
        }
        for (unsigned k = 0; k < LOOPS; k++)
            CHECK_TRAP(run(level, stores[k], NEXT, WORDS), X_STORE_PAGE, NEXT + k);
    }
}

/* Each distance from the end of a page, the next of which lies elsewhere. */
static void ends(unsigned level)
{
    static u64 both[2 * 512];
    map_data(DATA, page[0], flags_of(level));
    map_data(NEXT, page[5], flags_of(level));
    sfence();
    __builtin_memcpy(both, page[0], 4096);
    __builtin_memcpy(both + 512, page[5], 4096);
    for (unsigned at = 4096 - 8 * WORDS - 9; at <= 4096; at++)
        CHECK_VALUE(run(level, sums[1], DATA + at, WORDS), sum_of((const char *)both + at, 1));
}

/* A page that could be written the last time. */
static void read_only(unsigned level)
{
    unsigned flags = flags_of(level);
    map_data(NEXT, page[6], flags & ~(unsigned)(PTE_W | PTE_D));
    sfence_va(NEXT);
    for (unsigned n = 0; n < 4; n++) {
        map_data(DATA, page[7], flags);
        sfence_va(DATA);
        CHECK_EQ(run(level, store, DATA, (u64)n << 16 | 1024).cause, NO_TRAP);
        CHECK_EQ(run(level, shift, DATA, 250).cause, NO_TRAP);
        CHECK_EQ(run(level, sums[2], NEXT, WORDS).cause, NO_TRAP); /* it is known where to read it */
        CHECK_TRAP(run(level, store, DATA + 1024, (u64)n << 16 | 1024), X_STORE_PAGE, NEXT);
        CHECK_TRAP(run(level, shift, DATA + 2048, 250), X_STORE_PAGE, NEXT + 8);
        CHECK_TRAP(run(level, shift, DATA + 2045, 250), X_STORE_PAGE, NEXT + 5);
        map_data(DATA, page[7], flags & ~(unsigned)(PTE_W | PTE_D));
        sfence_va(DATA);
        CHECK_TRAP(run(level, store, DATA + 8, (u64)n << 16 | 8), X_STORE_PAGE, DATA + 8);
        CHECK_TRAP(run(level, shift, DATA + 16, 8), X_STORE_PAGE, DATA + 24);
    }
}

/* What a loop knows from reading does not do for the store in its other half. */
static void two_halves(unsigned level)
{
    unsigned flags = flags_of(level);
    for (unsigned n = 0; n < 4; n++) {
        map_data(DATA, page[9], flags);
        sfence_va(DATA);
        CHECK_EQ(run(level, halves, DATA, WORDS).cause, NO_TRAP);
        map_data(DATA, page[9], flags & ~(unsigned)(PTE_W | PTE_D));
        sfence_va(DATA);
        CHECK_EQ(run(level, sums[2], DATA, WORDS).cause, NO_TRAP); /* it is known where to read it */
        CHECK_TRAP(run(level, halves, DATA, WORDS), X_STORE_PAGE, DATA);
    }
}

/* A page that a loop stores to becomes code, and the loop stores to it again. */
static void code(void)
{
    enum { LI_A0 = 0x4501, RET = 0x8082 };
    map_data(DATA, page[8], RWX);
    sfence();
    for (unsigned n = 0; n < 16; n++) {
        u64 instructions = RET << 16 | LI_A0 | n << 2; /* c.li a0, n; ret */
        CHECK_EQ(run(S, store, DATA, instructions << 16 | 256).cause, NO_TRAP);
        fence_i();
        CHECK_VALUE(run(S, op_jump, DATA + 16 * n, 0), n);
        CHECK_VALUE(run(S, op_jump, DATA + 16, 0), n);
    }
}

void test(void)
{
    t = tables_new(3);
    other_tables = tables_new(3);
    bare_map_program(&t);
    bare_map_program(&other_tables);
    for (unsigned k = 0; k <= LOOPS; k++) {
        page[k] = pages(1);
        for (unsigned at = 0; at < 512; at++)
            ((u64 *)page[k])[at] = random_u64();
    }
    use_tables(&t, 1);
    for (unsigned level = 0; level < 2; level++) {
        other_page(level);
        many(level);
        ends(level);
        read_only(level);
        two_halves(level);
    }
    code();
}
