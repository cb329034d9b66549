/* options: -cpu cortex-a15
 * Accesses by one register with constants, over the end of a page and of the address space: into another
 * page, one that is absent, one that can only be read. */
#include "a32_bare.h"

enum { RW_ALL = 3, RO_USER = 2, LOW = 0x60000000, PAGES = 4, WORDS = 12 };

__asm__(".arm\n.globl op_group, op_blocks\n"
        "op_group: ldr r2, [r0]\n ldr r3, [r0, #12]\n str r2, [r0, #4]\n add r2, r2, r3\n str r2, [r0, #8]\n"
        "ldr r3, [r0, #-4]\n eor r2, r2, r3\n add r3, r0, #20\n strh r2, [r3, #-4]\n str r1, [r0]\n"
        "mov r0, r2\n bx lr\n"
        "op_blocks: ldmia r0, {r2, r3}\n add r3, r3, r2\n stmib r0, {r2, r3}\n ldrd r2, r3, [r0, #8]\n"
        "ldr r1, [r0, #16]\n add r2, r2, r1\n strd r2, r3, [r0, #-8]\n mov r0, r2\n bx lr\n");
extern Op32 op_group, op_blocks;

static u32 *root;
static struct {
    u32 va;
    char *at;
    u32 *entry; /* of the table */
} page[PAGES];
static unsigned rights; /* of the page of odd number; 0: it is absent */
static u32 fault;       /* first address of the function that cannot be used */
static bool failed;

/* Where the word is; NULL, from then on: nothing of the function happens any more. */
static u32 *word(u32 va, bool write)
{
    for (unsigned k = 0; k < PAGES && !failed; k++) {
        if (va - page[k].va >= 4096)
            continue;
        if (!(k & 1) || rights == RW_ALL || (rights && !write))
            return (u32 *)(page[k].at + (va & 4095));
        failed = true;
        fault = va;
    }
    return NULL;
}
static u32 get(u32 va)
{
    const u32 *p = word(va, false);
    return p ? *p : 0;
}
static void set(u32 va, u32 v)
{
    u32 *p = word(va, true);
    if (p)
        *p = v;
}

static u32 group(u32 at, u32 value)
{
    u32 a = get(at), b = get(at + 12);
    set(at + 4, a);
    set(at + 8, a + b);
    u32 v = (a + b) ^ get(at - 4), *half = word(at + 16, true);
    if (half)
        *(uint16_t *)half = (uint16_t)v;
    set(at, value);
    return v;
}

/* A block that fails has done what comes before. */
static u32 blocks(u32 at, u32 value)
{
    u32 a = get(at), b = get(at + 4);
    set(at + 4, a);
    set(at + 8, a + b);
    u32 c = get(at + 8), d = get(at + 12);
    c += get(at + 16);
    set(at - 8, c);
    set(at - 4, d);
    return c;
}

static void fill(void)
{
    for (unsigned k = 0; k < PAGES; k++)
        for (unsigned n = 0; n < 4096; n += 4)
            *(u32 *)(page[k].at + n) = (u32)random_u64();
}

static void one(Op32 *fn, u32 (*model)(u32, u32), u32 at)
{
    u32 value = (u32)random_u64(), was[2 * WORDS], got[2 * WORDS], want = 0;
    volatile u32 *w[2 * WORDS];
    unsigned as = rights;
    failed = false;
    rights = RW_ALL;
    for (unsigned k = 0; k < 2 * WORDS; k++) {
        w[k] = word(at + 4 * k - 4 * WORDS, true);
        was[k] = *w[k];
    }
    rights = as;
    run(USR, fn, at, value);
    for (unsigned k = 0; k < 2 * WORDS; k++) {
        got[k] = *w[k];
        *w[k] = was[k];
    }
    want = model(at, value);
    CHECK_EQ(returned(), !failed);
    if (failed)
        CHECK_EQ(seen.dfar, fault);
    else
        CHECK_EQ(seen.value, want);
    for (unsigned k = 0; k < 2 * WORDS; k++)
        CHECK_EQ(got[k], *w[k]);
}

static void with_rights(unsigned to)
{
    rights = to;
    for (unsigned k = 0; k < PAGES; k++)
        *page[k].entry = (u32)page[k].at | (k & 1 ? (to ? 2 | (to & 3) << 4 : 0) : 2 | RW_ALL << 4);
    tlb_flush();
    for (int n = -6; n <= 6; n++) {
        one(op_group, group, LOW + 4096 + 4 * n);
        one(op_group, group, 0u + 4 * n);
        one(op_blocks, blocks, LOW + 4096 + 4 * n);
        one(op_blocks, blocks, 0u + 4 * n);
    }
}

void test(void)
{
    static const u32 vas[PAGES] = {LOW, LOW + 4096, 0xfffff000, 0};
    root = pages(4);
    for (u32 k = 0; k < 0x80; k++) /* the program */
        root[0x400 + k] = (0x40000000 + (k << 20)) | 2 | RW_ALL << 10;
    root[0x90] = 0x09000000 | 2 | 1 << 10 | 1 << 4;
    for (unsigned k = 0; k < PAGES; k++) {
        page[k].va = vas[k];
        page[k].at = pages(2); /* apart from each other */
        u32 *entry = &root[vas[k] >> 20];
        if (!*entry)
            *entry = (u32)pages(1) | 1;
        page[k].entry = (u32 *)(*entry & ~0x3ffu) + (vas[k] >> 12 & 255);
    }
    fill();
    cp15_write(0, c3, c0, 0, 1);
    cp15_write(0, c2, c0, 2, 0);
    cp15_write(0, c2, c0, 0, (u32)root);
    tlb_flush();
    cp15_write(0, c1, c0, 0, cp15_read(0, c1, c0, 0) | SCTLR_M);
    tlb_flush();
    for (unsigned k = 0; k < 2; k++) {
        with_rights(RW_ALL);
        with_rights(RO_USER);
        with_rights(0);
    }
}
