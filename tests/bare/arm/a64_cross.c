/* Accesses over the end of a page: all or nothing, and the address that is told; also where one of the pages
 * is a device. */
#include "a64_bare.h"

#define DATA 0x100000000ull
#define NEXT (DATA + 4096)
#define RTC  0x09010000ull /* PL031: the count, the match register, the load register, control, mask */
enum { RTC_MATCH = 4, WNR = 1 << 6 };

static Tables t;
static unsigned char *first, *second;

__asm__(".text\n load_q: ldr q0, [x0]\n mov x0, v0.d[0]\n mov x1, v0.d[1]\n eor x0, x0, x1, ror #7\n ret\n"
        " store_q: fmov d0, x1\n mvn x1, x1\n mov v0.d[1], x1\n str q0, [x0]\n ret\n"
        " load_pair: mov x2, x0\n ldp x0, x3, [x2], #32\n eor x0, x0, x3, ror #7\n ret\n"
        " load_back: mov x2, x0\n ldr x3, [x2, #8]!\n mov x0, x2\n ret\n");
Op load_q, store_q, load_pair, load_back;

static void two_pages(u64 attrs0, u64 attrs1)
{
    map(&t, DATA, (u64)first, 3, attrs0);
    map(&t, NEXT, (u64)second, 3, attrs1);
    tlbi(vmalle1);
}

static void fill(void)
{
    for (unsigned k = 0; k < 4096; k++) {
        first[k] = (unsigned char)(k * 7 + 1);
        second[k] = (unsigned char)(k * 5 + 2);
    }
}

static u64 bytes_at(unsigned from, unsigned n)
{
    u64 v = 0;
    for (unsigned k = n; k-- > 0;)
        v = v << 8 | (from + k < 4096 ? first[from + k] : second[from + k - 4096]);
    return v;
}

static u64 folded(u64 a, u64 b)
{
    return a ^ (b >> 7 | b << 57);
}

typedef struct Kind {
    Op *load, *store;
    unsigned size;
} Kind;
static const Kind kinds[] = {
    {op_ldrh, op_strh, 2}, {op_ldr32, op_str32, 4}, {op_ldr, op_str, 8}, {load_q, store_q, 16}};

static u64 expected(unsigned at, unsigned size)
{
    return size == 16 ? folded(bytes_at(at, 8), bytes_at(at + 8, 8)) : bytes_at(at, size);
}

static u64 stored(u64 v, unsigned size)
{
    return size == 16 ? folded(v, ~v) : size == 8 ? v : v & ((1ull << size * 8) - 1);
}

/* One kind of access with so many bytes in the first page. */
static void data_at(const Kind *k, unsigned before, unsigned level)
{
    u64 va = NEXT - before, v = random_u64(), attrs = D_RW | (level == EL0 ? D_USER : 0);
    unsigned at = 4096 - before, data = level == EL0 ? EC_DATA_LOWER : EC_DATA_SAME;
    u64 ro = attrs | D_RO;
    fill();
    two_pages(attrs, attrs);
    CHECK_VALUE(run(level, k->load, va, 0), expected(at, k->size));
    CHECK_EQ(run(level, k->store, va, v).ec, NO_TRAP);
    CHECK_EQ(expected(at, k->size), stored(v, k->size));
    fill();
    u64 old = expected(at, k->size);
    two_pages(attrs, 0);
    CHECK_ABORT(run(level, k->load, va, 0), data, FSC_TRANSLATION + 3, NEXT);
    CHECK_ABORT(run(level, k->store, va, v), data, (FSC_TRANSLATION + 3) | WNR, NEXT);
    CHECK_EQ(expected(at, k->size), old);
    two_pages(0, attrs);
    CHECK_ABORT(run(level, k->load, va, 0), data, FSC_TRANSLATION + 3, va);
    CHECK_ABORT(run(level, k->store, va, v), data, (FSC_TRANSLATION + 3) | WNR, va);
    CHECK_EQ(expected(at, k->size), old);
    two_pages(attrs, ro);
    CHECK_VALUE(run(level, k->load, va, 0), old);
    CHECK_ABORT(run(level, k->store, va, v), data, (FSC_PERMISSION + 3) | WNR, NEXT);
    CHECK_EQ(expected(at, k->size), old);
    two_pages(ro, attrs);
    CHECK_ABORT(run(level, k->store, va, v), data, (FSC_PERMISSION + 3) | WNR, va);
    CHECK_EQ(expected(at, k->size), old);
}

static void data(void)
{
    unsigned n_kinds = OUTSIDE ? 3 : 4; /* 7.2 does half of 16 bytes, as the manual allows */
    for (unsigned n = 0; n < n_kinds; n++)
        for (unsigned before = 1; before < kinds[n].size; before++) {
            data_at(&kinds[n], before, EL1T);
            data_at(&kinds[n], before, EL0);
        }
}

/* Registers of an instruction that did not happen are what they were. */
static void pairs(void)
{
    fill();
    for (unsigned before = 1; before < 16; before++) {
        two_pages(D_RW, D_RW);
        CHECK_VALUE(run(EL1T, load_pair, NEXT - before, 0), expected(4096 - before, 16));
        two_pages(D_RW, 0);
        Seen s = run(EL1T, load_pair, NEXT - before, 0);
        CHECK_EQ(s.ec, EC_DATA_SAME);
        CHECK_EQ(s.far, NEXT);
        CHECK_EQ(s.value, NEXT - before);
        if (before < 8) {
            s = run(EL1T, load_back, NEXT - before - 8, 0);
            CHECK_ABORT(s, EC_DATA_SAME, FSC_TRANSLATION + 3, NEXT);
            CHECK_EQ(s.value, NEXT - before - 8);
        }
    }
}

/* RAM, then a device: both or neither. */
static void devices(void)
{
    volatile uint32_t *match = (uint32_t *)(RTC + RTC_MATCH);
    two_pages(D_RW, D_RW);
    map(&t, NEXT, RTC, 3, D_RW);
    tlbi(vmalle1);
    fill();
    *match = 0x1234567;
    u64 v = 0x8877665544332211;
    CHECK_EQ(run(EL1T, store_q, NEXT - 8, v).ec, NO_TRAP);
    CHECK_EQ(bytes_at(4096 - 8, 8), v);
    CHECK_EQ(*match, (uint32_t)(~v >> 32));
    *match = 0x1234567;
    CHECK_EQ(run(EL1T, load_q, NEXT - 8, 0).ec, NO_TRAP);
    /* the interrupt controller's cpu interface, where no byte is taken: nor is RAM's part written */
    map(&t, NEXT, GICC, 3, D_RW);
    tlbi(vmalle1);
    fill();
    u64 old = bytes_at(4096 - 8, 8);
    if (!OUTSIDE) {
        Seen s = run(EL1T, op_str, NEXT - 7, v);
        CHECK_EQ(s.ec, EC_DATA_SAME);
        CHECK_EQ(s.far, NEXT);
        CHECK_EQ(bytes_at(4096 - 8, 8), old);
        CHECK_EQ(run(EL1T, op_ldr, NEXT - 7, 0).ec, EC_DATA_SAME);
    }
    /* a device, then nothing: the match register stands as it was */
    map(&t, DATA, RTC, 3, D_RW);
    map(&t, NEXT, 0, 3, 0);
    tlbi(vmalle1);
    CHECK_ABORT(run(EL1T, op_str, NEXT - 4, v), EC_DATA_SAME, (FSC_TRANSLATION + 3) | WNR, NEXT);
}

void test(void)
{
    t = tables_new(12, 39);
    bare_map_program(&t);
    first = pages(1);
    pages(1);
    second = pages(1);
    use_tables(&t, 0, 0);
    data();
    pairs();
    devices();
    use_tables(NULL, 0, 0);
}
