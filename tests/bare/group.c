/* Accesses of one function to one object, by the same register: over the end of a page, into a page that is
 * absent or read only, with the mapping changed between two calls. */
#include "bare.h"

enum { DATA = 0x40000000, NEXT = DATA + 4096, WORDS = 6 };

static Tables t;
static char *first, *second, *third;

/* Reads words 0, 3 and 5, writes 1, 2 and 4: sums, products of what it read. `value` is what the first word
 * gets at last. */
__attribute__((noinline)) static u64 touch(u64 at, u64 value)
{
    u64 a, b, c;
    __asm__ volatile(
        "ld %0, 0(%3)\n ld %1, 24(%3)\n sd %0, 8(%3)\n add %0, %0, %1\n sd %0, 16(%3)\n ld %2, 40(%3)\n"
        "xor %0, %0, %2\n sd %0, 32(%3)\n sd %4, 0(%3)"
        : "=&r"(a), "=&r"(b), "=&r"(c)
        : "r"(at), "r"(value)
        : "memory");
    return a;
}

/* The same of bytes, words and halves, loads alone. */
__attribute__((noinline)) static u64 look(u64 at, u64 value)
{
    u64 a, b, c;
    __asm__ volatile("lbu %0, 47(%3)\n lw %1, 4(%3)\n lhu %2, 38(%3)\n add %0, %0, %1\n ld %1, 8(%3)\n add "
                     "%0, %0, %2\n sub %0, %0, %1"
                     : "=&r"(a), "=&r"(b), "=&r"(c)
                     : "r"(at), "r"(value)
                     : "memory");
    return a;
}

static void two_pages(char *a, unsigned flags0, char *b, unsigned flags1)
{
    map(&t, DATA, (u64)a, 0, flags0);
    map(&t, NEXT, (u64)b, 0, flags1);
    sfence();
}

static void fill(char *p, unsigned with)
{
    for (unsigned k = 0; k < 4096; k++)
        p[k] = (char)(k * with + 1);
}

static unsigned char *byte_of(char *next, unsigned at)
{
    return (unsigned char *)(at < 4096 ? first + at : next + (at - 4096));
}

static u64 get(char *next, unsigned at, unsigned n)
{
    u64 v = 0;
    for (unsigned k = n; k-- > 0;)
        v = v << 8 | *byte_of(next, at + k);
    return v;
}

static void check(char *next, unsigned at, const u64 *want)
{
    for (unsigned k = 0; k < WORDS; k++)
        CHECK_EQ(get(next, at + 8 * k, 8), want[k]);
}

static void words(char *next, unsigned at, u64 *ret)
{
    for (unsigned k = 0; k < WORDS; k++)
        ret[k] = get(next, at + 8 * k, 8);
}

/* Both pages are there; which is the second changes. */
static void whole(unsigned level, unsigned at)
{
    unsigned flags = level == U ? RW | PTE_U : RW;
    for (unsigned k = 0; k < 2; k++) {
        char *next = k ? third : second;
        u64 w[WORDS], v = random_u64();
        two_pages(first, flags, next, flags);
        words(next, at, w);
        u64 narrow =
            *byte_of(next, at + 47) + (u64)(int32_t)get(next, at + 4, 4) + get(next, at + 38, 2) - w[1];
        CHECK_VALUE(run(level, look, DATA + at, 0), narrow);
        w[1] = w[0];
        w[2] = w[0] + w[3];
        w[4] = w[2] ^ w[5];
        CHECK_VALUE(run(level, touch, DATA + at, v), w[4]);
        w[0] = v;
        check(next, at, w);
    }
}

/* The second page is not there, or can only be read: what comes before the first access to it has happened.
 */
static void part(unsigned level, unsigned at, bool readable)
{
    unsigned flags = level == U ? RW | PTE_U : RW;
    static const struct {
        unsigned word;
        bool write;
    } order[] = {{0, false}, {3, false}, {1, true}, {2, true}, {5, false}, {4, true}, {0, true}};
    u64 w[WORDS], was[WORDS];
    bool fails = false, write = false;
    unsigned n = 0, where = 0;
    two_pages(first, flags, second, readable ? flags & ~(unsigned)(PTE_W | PTE_D) : 0);
    words(second, at, w);
    __builtin_memcpy(was, w, sizeof(w));
    for (; n < sizeof(order) / sizeof(*order) && !fails; n++) {
        unsigned from = at + 8 * order[n].word;
        fails = from + 8 > 4096 && (!readable || order[n].write);
        where = from < 4096 ? 4096 : from;
        write = order[n].write;
    }
    u64 done = fails ? n - 1 : n;
    if (done > 2)
        w[1] = was[0];
    if (done > 3)
        w[2] = was[0] + was[3];
    if (done > 5)
        w[4] = (was[0] + was[3]) ^ was[5];
    if (done > 6)
        w[0] = 77;
    Seen s = run(level, touch, DATA + at, 77);
    CHECK_EQ(s.cause, !fails ? NO_TRAP : write ? X_STORE_PAGE : X_LOAD_PAGE);
    if (fails)
        CHECK_EQ(s.tval, DATA + where);
    check(second, at, w);
}

void test(void)
{
    t = tables_new(3);
    bare_map_program(&t);
    first = pages(1);
    second = pages(1);
    third = pages(1);
    use_tables(&t, 0);
    for (unsigned level = 0; level < 2; level++) {
        for (unsigned at = 4096 - 64; at < 4096 + 16; at += at % 8 == 0 ? 3 : 5) {
            for (unsigned round = 0; round < 2; round++) {
                fill(first, 7);
                fill(second, 5);
                fill(third, 3);
                whole(level, at);
                part(level, at, false);
                part(level, at, true);
                whole(level, at);
            }
        }
    }
}
