/* Code that goes on in the next page (along.h), by blocks and pages, with the MMU off before. */
#include "a64_bare.h"

#include "../along.h"

#define BASE 0x100000000ull
#define CODE (D_VALID | D_AF | D_INNER | D_RO)

u64 along_base = BASE;
static Tables t[2];
static u64 *table[2];

uint32_t along_add(unsigned n) { return 0x91000000 | n << 10; }
uint32_t along_return(void) { return 0xd65f03c0; }
uint32_t along_jump(int d) { return 0x14000000 | ((uint32_t)d >> 2 & 0x3ffffff); }
void along_written(void)
{
    for (u64 at = (u64)along_block; at < (u64)along_block + 4096 * ALONG_PAGES; at += 64)
        __asm__ volatile("dc cvau, %0\n dsb ish\n ic ivau, %0" ::"r"(at) : "memory");
    barrier("dsb ish\n isb");
}

void along_whole(unsigned space) { *pte_of(&t[space], BASE, 2) = (u64)along_block | CODE | D_NG; }
void along_split(unsigned space) { *pte_of(&t[space], BASE, 2) = (u64)table[space] | D_VALID | D_TABLE; }
void along_page(unsigned space, unsigned n, char *page)
{
    table[space][n] = page ? (u64)page | CODE | D_NG | D_TABLE : 0;
}
void along_flush(u64 va) { tlbi_by(vaae1, va >> 12); }
void along_use(unsigned space) { reg_write(ttbr0_el1, (u64)t[space].root | (u64)(space + 1) << 48); }

u64 along_call(u64 va)
{
    Seen s = run(EL1T, (Op *)va, 0, 0);
    if (s.ec == NO_TRAP)
        return s.value;
    CHECK_EQ(s.ec, EC_FETCH_SAME);
    CHECK_EQ(s.far & 4095, ENTRY);
    return ABSENT;
}

void test(void)
{
    along_block = pages_aligned(512, 1 << 21);
    for (unsigned k = 0; k < 2; k++) {
        t[k] = tables_new(12, 48);
        bare_map_program(&t[k]);
        table[k] = pages(1);
        for (unsigned n = 0; n < 512; n++)
            along_page(k, n, along_block + 4096 * n);
        pte_of(&t[k], BASE, 2); /* the tables above */
    }
    along_code();
    along_base = (u64)along_block;
    for (unsigned n = 1; n + 1 < ALONG_PAGES; n += 2)
        calls(n, VALUE + n + 1, VALUE + n - 1);
    along_base = BASE;
    along_whole(0);
    along_split(1);
    use_tables(&t[1], 2, 0);
    use_tables(&t[0], 1, 0);
    along();
}
