/* Code that goes on in the next page (along.h), by megapages and pages; with some of it taken away by PMP. */
#include "bare.h"

#include "along.h"

enum { BASE = 0x40000000, A0 = 10 };

u64 along_base = BASE;
static Tables t[2];
static u64 *table[2];

uint32_t along_add(unsigned n) { return 0x13 | A0 << 7 | A0 << 15 | n << 20; }
uint32_t along_return(void) { return 0x00008067; }
uint32_t along_jump(int d)
{
    uint32_t u = (uint32_t)d;
    return 0x6f | (u >> 20 & 1) << 31 | (u >> 1 & 0x3ff) << 21 | (u >> 11 & 1) << 20 | (u >> 12 & 0xff) << 12;
}
void along_written(void) { fence_i(); }

void along_whole(unsigned space) { *pte_of(&t[space], BASE, 1) = pte_make((u64)along_block, RWX); }
void along_split(unsigned space) { *pte_of(&t[space], BASE, 1) = pte_make((u64)table[space], PTE_V); }
void along_page(unsigned space, unsigned n, char *page)
{
    table[space][n] = page ? pte_make((u64)page, RWX) : 0;
}
void along_flush(u64 va) { sfence_va(va); }
void along_use(unsigned space) { csr_write(satp, satp_of(&t[space], space + 1)); }

u64 along_call(u64 va)
{
    Seen s = run(S, (Op *)va, 0, 0);
    if (s.cause == NO_TRAP)
        return s.value;
    CHECK(s.cause == X_FETCH_PAGE || s.cause == X_FETCH_ACCESS);
    CHECK_EQ(s.tval & 4095, ENTRY);
    return ABSENT;
}

/* For one page in the middle of what is mapped as a whole: no rights. */
static void close_page(unsigned n)
{
    csr_write(pmpaddr0, ((u64)along_block + 4096 * n) >> 2 | 0x1ff);
    csr_write(pmpcfg0, 0x18); /* NAPOT */
    sfence();
}

static void open_page(void)
{
    csr_write(pmpcfg0, 0);
    sfence();
}

static void protected(unsigned n)
{
    along_use(0);
    along_whole(0);
    sfence();
    calls(n, VALUE + n + 1, VALUE + n - 1);
    close_page(n + 1);
    calls(n, ABSENT, VALUE + n - 1);
    open_page();
    calls(n, VALUE + n + 1, VALUE + n - 1);
}

/* Page n, which is odd, is known to go no farther than the last; that one, and where it goes, are linked
 * while it may go farther. */
static void protected_behind(unsigned n)
{
    along_use(0);
    along_whole(0);
    close_page(n + 1);
    CHECK_EQ(along_call(page_at(n) + ENTRY), VALUE + n);
    for (unsigned closed = 0; closed < 2; closed++) {
        closed ? close_page(n + 1) : open_page();
        for (unsigned k = 0; k < 4; k++)
            CHECK_EQ(along_call(page_at(n) + VIA), closed ? ABSENT : VALUE + n + 3);
    }
    open_page();
}

void test(void)
{
    open_pmp();
    along_block = pages_aligned(512, 1 << 21);
    for (unsigned k = 0; k < 2; k++) {
        t[k] = tables_new(3);
        bare_map_program(&t[k]);
        table[k] = pages(1);
        for (unsigned n = 0; n < 512; n++)
            along_page(k, n, along_block + 4096 * n);
        use_tables(&t[k], k + 1);
    }
    along();
    protected(ALONG_PAGES - 3); /* no other has been there */
    protected_behind(21);
}
