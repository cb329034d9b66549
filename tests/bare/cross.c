/* Accesses and instructions that cross a page: all or nothing, and the address that is told. */
#include "bare.h"

enum { DATA = 0x40000000, NEXT = DATA + 4096 };

static Tables t;
static char *first, *second, *third;

static void two_pages(unsigned flags0, unsigned flags1)
{
    map(&t, DATA, (u64)first, 0, flags0);
    map(&t, NEXT, (u64)second, 0, flags1);
    sfence();
}

static void fill(void)
{
    for (unsigned k = 0; k < 4096; k++) {
        first[k] = (char)(k * 7 + 1);
        second[k] = (char)(k * 5 + 2);
    }
}

static u64 bytes_at(unsigned from, unsigned n)
{
    u64 v = 0;
    for (unsigned k = n; k-- > 0;)
        v = v << 8 | (unsigned char)(from + k < 4096 ? first[from + k] : second[from + k - 4096]);
    return v;
}

static void data(void)
{
    static Op *const load[] = {op_lhu, op_lwu, op_ld}, *const store[] = {op_sh, op_sw, op_sd};
    for (unsigned level = 0; level < 2; level++) {
        unsigned flags = level == U ? RW | PTE_U : RW;
        for (unsigned k = 0; k < 3; k++) {
            unsigned size = 2u << k;
            for (unsigned before = 1; before < size; before++) {
                u64 va = NEXT - before, v = random_u64(), mask = size == 8 ? ~0ull : (1ull << size * 8) - 1;
                unsigned at = 4096 - before;
                fill();
                two_pages(flags, flags);
                CHECK_VALUE(run(level, load[k], va, 0), bytes_at(at, size));
                CHECK_EQ(run(level, store[k], va, v).cause, NO_TRAP);
                CHECK_EQ(bytes_at(at, size), v & mask);
                fill();
                u64 old = bytes_at(at, size);
                two_pages(flags, 0);
                CHECK_TRAP(run(level, load[k], va, 0), X_LOAD_PAGE, NEXT);
                CHECK_TRAP(run(level, store[k], va, v), X_STORE_PAGE, NEXT);
                CHECK_EQ(bytes_at(at, size), old);
                two_pages(0, flags);
                CHECK_TRAP(run(level, load[k], va, 0), X_LOAD_PAGE, va);
                CHECK_TRAP(run(level, store[k], va, v), X_STORE_PAGE, va);
                CHECK_EQ(bytes_at(at, size), old);
                two_pages(flags, flags & ~(PTE_W | PTE_D)); /* can be read, not written */
                CHECK_VALUE(run(level, load[k], va, 0), old);
                CHECK_TRAP(run(level, store[k], va, v), X_STORE_PAGE, NEXT);
                CHECK_EQ(bytes_at(at, size), old);
                two_pages(flags & ~PTE_D, flags & ~PTE_D); /* both become dirty */
                CHECK_EQ(run(level, store[k], va, v).cause, NO_TRAP);
                CHECK_EQ(bytes_at(at, size), v & mask);
                CHECK_EQ(*pte_of(&t, DATA, 0) & PTE_D, PTE_D);
                CHECK_EQ(*pte_of(&t, NEXT, 0) & PTE_D, PTE_D);
            }
        }
    }
}

/* Pages in the other order in memory, the same page twice, and floating point. */
static void mapped_anyhow(void)
{
    fill();
    map(&t, DATA, (u64)second, 0, RW);
    map(&t, NEXT, (u64)first, 0, RW);
    sfence();
    *(volatile char *)&second[4095] = 0x12;
    *(volatile char *)&first[0] = 0x34;
    CHECK_VALUE(run(S, op_lhu, NEXT - 1, 0), 0x3412);
    map(&t, NEXT, (u64)second, 0, RW);
    sfence();
    second[0] = 0x56;
    CHECK_VALUE(run(S, op_lhu, NEXT - 1, 0), 0x5612);
    two_pages(RW, 0);
    CHECK_TRAP(run(S, op_fld, NEXT - 4, 0), X_LOAD_PAGE, NEXT);
    CHECK_TRAP(run(S, op_fsd, NEXT - 4, 0), X_STORE_PAGE, NEXT);
    two_pages(RW, RW);
    CHECK_EQ(run(S, op_fld, NEXT - 4, 0).cause, NO_TRAP);
}

static void put_half(char *p, unsigned v)
{
    p[0] = (char)v;
    p[1] = (char)(v >> 8);
}

/* li a0, v over the end of the page; c.jr ra */
static void put_code(char *page1, char *page2, unsigned v)
{
    u64 li = 0x00000513 | (u64)v << 20;
    put_half(page1 + 4094, li & 0xffff);
    put_half(page2, (unsigned)(li >> 16));
    put_half(page2 + 2, 0x8082);
}

static void instructions(void)
{
    Op *at = (Op *)(NEXT - 2);
    for (unsigned level = 0; level < 2; level++) {
        unsigned flags = level == U ? RWX | PTE_U : RWX;
        put_code(first, second, 11);
        put_code(first, third, 22);
        fence_i();
        two_pages(flags, flags);
        Seen s = run_with(level, 0, (Op *)((u64)at - (level == U ? ALIAS : 0)), 0, 0);
        CHECK_VALUE(s, 11);
        for (unsigned n = 0; n < 4; n++) { /* the second page is another one */
            map(&t, NEXT, (u64)(n & 1 ? second : third), 0, flags);
            sfence_va(NEXT);
            s = run_with(level, 0, (Op *)((u64)at - (level == U ? ALIAS : 0)), 0, 0);
            CHECK_VALUE(s, n & 1 ? 11 : 22);
        }
        map(&t, NEXT, 0, 0, 0);
        sfence_va(NEXT);
        s = run_with(level, 0, (Op *)((u64)at - (level == U ? ALIAS : 0)), 0, 0);
        CHECK_TRAP(s, X_FETCH_PAGE, NEXT);
        CHECK_EQ(s.pc, at);
        two_pages(flags, flags); /* and its second half is changed */
        put_code(first, second, 33);
        fence_i();
        s = run_with(level, 0, (Op *)((u64)at - (level == U ? ALIAS : 0)), 0, 0);
        CHECK_VALUE(s, 33);
        two_pages(0, flags);
        s = run_with(level, 0, (Op *)((u64)at - (level == U ? ALIAS : 0)), 0, 0);
        CHECK_TRAP(s, X_FETCH_PAGE, at);
    }
}

/* RAM, then a device, and the other way round: both or neither. */
static void devices(void)
{
    enum { MTIMECMP = 0x2004000, MTIME_PAGE = 0x200b000, PLIC = 0xc000000, NOTHING = 0x2020000 };
    volatile u64 *mtimecmp = (u64 *)MTIMECMP, *mtime = (u64 *)(MTIME_PAGE + 0xff8);
    u64 v = 0x8877665544332211, old;
    map(&t, DATA, (u64)first, 0, RW);
    map(&t, NEXT, MTIMECMP, 0, RW);
    sfence();
    fill();
    *mtimecmp = ~0ull;
    CHECK_EQ(run(S, op_sd, NEXT - 4, v).cause, NO_TRAP);
    CHECK_EQ(bytes_at(4092, 4), (uint32_t)v);
    CHECK_EQ(*mtimecmp, 0xffffffff88776655);
    CHECK_VALUE(run(S, op_ld, NEXT - 4, 0), v);
    *mtimecmp = ~0ull;
    map(&t, NEXT, PLIC, 0, RW); /* takes words only */
    sfence();
    fill();
    old = bytes_at(4088, 8);
    CHECK_TRAP(run(S, op_sd, NEXT - 6, v), X_STORE_ACCESS, NEXT);
    CHECK_EQ(bytes_at(4088, 8), old);
    CHECK_TRAP(run(S, op_ld, NEXT - 6, 0), X_LOAD_ACCESS, NEXT);
    for (unsigned k = 0; k < 2; k++) { /* time goes on as if nothing had been */
        map(&t, DATA, MTIME_PAGE, 0, RW);
        map(&t, NEXT, NOTHING, 0, k ? RW : 0);
        sfence();
        old = *mtime;
        CHECK_TRAP(run(S, op_sd, NEXT - 4, v), k ? X_STORE_ACCESS : X_STORE_PAGE, NEXT);
        CHECK(*mtime - old < 1ull << 32);
    }
}

/* RAM's last byte, and what is behind it: nothing. */
static void end_of_ram(u64 end)
{
    CHECK_EQ(run(M, op_ld, end - 8, 0).cause, NO_TRAP);
    CHECK_EQ(run(M, op_ld, end, 0).cause, X_LOAD_ACCESS);
    CHECK_EQ(run(M, op_ld, end - 4, 0).cause, X_LOAD_ACCESS);
    CHECK_EQ(run(M, op_sd, end - 4, ~0ull).cause, X_STORE_ACCESS);
}

void test(void)
{
    t = tables_new(3);
    bare_map_program(&t);
    first = pages(1);
    pages(1);
    second = pages(1);
    third = pages(1);
    use_tables(&t, 0);
    data();
    mapped_anyhow();
    instructions();
    if (!OUTSIDE) /* it refuses these devices such accesses */
        devices();
    use_tables(NULL, 0);
    end_of_ram(0x88000000);
}
