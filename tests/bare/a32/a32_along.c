/* options: -cpu cortex-a15
 * Code that goes on in the next page (along.h), by sections and small pages. */
#include "a32_bare.h"

#include "../along.h"

enum { BASE = 0x60000000, RW_ALL = 3, NOT_GLOBAL_SECTION = 1 << 17, NOT_GLOBAL = 1 << 11, TRANSLATION = 7 };

u64 along_base = BASE;
static u32 *root[2], *table[2];

uint32_t along_add(unsigned n) { return n < 256 ? 0xe2800000 | n : 0xe2800f00 | n >> 2; }
uint32_t along_return(void) { return 0xe12fff1e; }
uint32_t along_jump(int d) { return 0xea000000 | ((uint32_t)(d - 8) >> 2 & 0xffffff); }
void along_written(void)
{
    cp15_write(0, c7, c5, 0, 0); /* ICIALLU */
    __asm__ volatile("dsb\n isb" ::: "memory");
}

void along_whole(unsigned space)
{
    root[space][BASE >> 20] = (u32)along_block | 2 | RW_ALL << 10 | NOT_GLOBAL_SECTION;
}
void along_split(unsigned space) { root[space][BASE >> 20] = (u32)table[space] | 1; }
void along_page(unsigned space, unsigned n, char *page)
{
    table[space][n] = page ? (u32)page | 2 | RW_ALL << 4 | NOT_GLOBAL : 0;
}
void along_flush(u64 va)
{
    __asm__ volatile("dsb" ::: "memory");
    cp15_write(0, c8, c7, 3, va); /* TLBIMVAA */
    __asm__ volatile("dsb\n isb" ::: "memory");
}
void along_use(unsigned space)
{
    cp15_write(0, c13, c0, 1, space + 1); /* ASID; both have the program */
    cp15_write(0, c2, c0, 0, (u32)root[space]);
}

u64 along_call(u64 va)
{
    run(SVC, (Op32 *)(u32)va, 0, 0);
    if (returned())
        return seen.value;
    CHECK_EQ(seen.vector, VECTOR_PREFETCH);
    CHECK_EQ(seen.ifsr & 0x40f, TRANSLATION);
    CHECK_EQ(seen.ifar & 4095, ENTRY);
    return ABSENT;
}

void test(void)
{
    along_block = pages_aligned(256, 1 << 20);
    for (unsigned k = 0; k < 2; k++) {
        root[k] = pages(4);
        table[k] = pages(1);
        for (u32 n = 0; n < 0x80; n++)
            root[k][0x400 + n] = (0x40000000 + (n << 20)) | 2 | RW_ALL << 10;
        root[k][0x90] = 0x09000000 | 2 | 1 << 10 | 1 << 4;
        for (unsigned n = 0; n < 256; n++)
            along_page(k, n, along_block + 4096 * n);
    }
    along_whole(0);
    along_split(1);
    cp15_write(0, c3, c0, 0, 1);
    cp15_write(0, c2, c0, 2, 0);
    along_use(0);
    tlb_flush();
    cp15_write(0, c1, c0, 0, cp15_read(0, c1, c0, 0) | SCTLR_M);
    tlb_flush();
    along();
}
