/*
 * Code that goes on in the next page, in a block of memory that is mapped as a whole in one address space and
 * page by page in another, or later: where it goes is what the present mapping says. The ISA's file has the
 * instructions and the mappings.
 */
#ifndef TESTS_BARE_ALONG_H
#define TESTS_BARE_ALONG_H

#include "bare_kit.h"

enum { ALONG_PAGES = 32, ABSENT = 9999, VALUE = 100, OTHER = 700, ENTRY = 0x80, ON = 0x100, BACK = 0x180,
       OVER = 0x200, VIA = 0x280 };

/* Of the ISA. Spaces are 0 and 1; both have `block` at along_base, as a whole until along_split() of it. */
extern u64 along_base;
void along_whole(unsigned space);
void along_split(unsigned space);                        /* page by page */
void along_page(unsigned space, unsigned n, char *page); /* NULL: is absent */
void along_flush(u64 va);                                /* of this page, after a change */
void along_use(unsigned space);                          /* forgets nothing */
u64 along_call(u64 va);                                  /* what it returns of 0; ABSENT: it faults */
uint32_t along_add(unsigned n), along_jump(int distance), along_return(void);
void along_written(void); /* code */

static char *along_block, *along_other;

/* A page's entry adds to the value; behind ON, BACK it first jumps to the entry of the next, the last; behind
 * OVER to that of the next but one; behind VIA to OVER of the last. */
static void along_code(void)
{
    along_other = pages(1);
    for (unsigned n = 0; n <= ALONG_PAGES; n++) {
        uint32_t *p = (uint32_t *)(n < ALONG_PAGES ? along_block + 4096 * n : along_other);
        p[ENTRY / 4] = along_add(n < ALONG_PAGES ? VALUE + n : OTHER);
        p[ENTRY / 4 + 1] = along_return();
        p[ON / 4] = along_add(1);
        p[ON / 4 + 1] = along_jump(4096 + ENTRY - ON - 4);
        p[BACK / 4] = along_add(1);
        p[BACK / 4 + 1] = along_jump(-4096 + ENTRY - BACK - 4);
        p[OVER / 4] = along_add(1);
        p[OVER / 4 + 1] = along_jump(2 * 4096 + ENTRY - OVER - 4);
        p[VIA / 4] = along_add(1);
        p[VIA / 4 + 1] = along_jump(-4096 + OVER - VIA - 4);
    }
    along_written();
}

static u64 page_at(unsigned n) { return along_base + 4096 * n; }

/* Often enough for everything to be linked. */
static void calls(unsigned n, u64 on, u64 back)
{
    for (unsigned k = 0; k < 4; k++) {
        CHECK_EQ(along_call(page_at(n) + ON), on == ABSENT ? on : on + 1);
        CHECK_EQ(along_call(page_at(n) + BACK), back == ABSENT ? back : back + 1);
    }
}

/* Page n is new to the cpu, its neighbours too. */
static void split_later(unsigned n)
{
    along_use(0);
    along_whole(0);
    calls(n, VALUE + n + 1, VALUE + n - 1);
    along_split(0);
    along_page(0, n + 1, along_other);
    along_flush(page_at(n + 1)); /* this alone */
    calls(n, OTHER, VALUE + n - 1);
    along_page(0, n - 1, NULL);
    along_flush(page_at(n - 1));
    calls(n, OTHER, ABSENT);
    along_page(0, n + 1, along_block + 4096 * (n + 1));
    along_page(0, n - 1, along_block + 4096 * (n - 1));
    along_whole(0);
    for (unsigned k = n - 1; k <= n + 1; k++)
        along_flush(page_at(k));
    calls(n, VALUE + n + 1, VALUE + n - 1);
}

/* The other space has been split before; nothing is flushed between. */
static void other_space(unsigned n, bool first)
{
    along_page(1, n + 1, along_other);
    along_page(1, n - 1, NULL);
    along_flush(page_at(n + 1));
    along_flush(page_at(n - 1));
    for (unsigned k = 0; k < 6; k++) {
        bool whole = (k & 1) == first;
        along_use(!whole);
        calls(n, whole ? VALUE + n + 1 : OTHER, whole ? VALUE + n - 1 : ABSENT);
    }
}

static void along(void)
{
    along_code();
    along_whole(0);
    along_split(1);
    for (unsigned n = 1; n + 1 < ALONG_PAGES / 2; n += 3)
        split_later(n);
    for (unsigned n = ALONG_PAGES / 2; n + 1 < ALONG_PAGES; n += 3)
        other_space(n, n & 1);
    along_use(0);
}

#endif
