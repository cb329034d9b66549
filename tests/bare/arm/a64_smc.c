/* Code that is written: through another mapping, by itself, in front of itself, while it loops, beside data,
 * and several regions of a page at once. */
#include "a64_bare.h"

#define CODE 0x100000000ull
#define ALSO 0x140000000ull
enum { RET = 0xd65f03c0, NOP = 0xd503201f };

static Tables t;
static uint32_t *page;

static uint32_t mov_x0(unsigned v)
{
    return 0xd2800000 | v << 5;
}

/* What the manual asks for after a store to code. */
static void sync_code(void *at)
{
    for (unsigned k = 0; k < 4096; k += 64) {
        char *line = (char *)((u64)at & ~4095ull) + k;
        __asm__ volatile("dc cvau, %0\n" ::"r"(line) : "memory");
    }
    barrier("dsb ish");
    for (unsigned k = 0; k < 4096; k += 64) {
        char *line = (char *)((u64)at & ~4095ull) + k;
        __asm__ volatile("ic ivau, %0\n" ::"r"(line) : "memory");
    }
    barrier("dsb ish\n isb");
}

static void other_mapping(void)
{
    map(&t, CODE, (u64)page, 3, D_VALID | D_AF | D_INNER | D_RO);
    map(&t, ALSO, (u64)page, 3, D_RW);
    tlbi(vmalle1);
    for (unsigned n = 0; n < 200; n++) {
        unsigned at = n * 8 % 1000;
        CHECK_EQ(run(EL1T, op_str32, ALSO + at * 4, mov_x0(n)).ec, NO_TRAP);
        run(EL1T, op_str32, ALSO + at * 4 + 4, RET);
        sync_code(page);
        CHECK_VALUE(run(EL1T, (Op *)(CODE + at * 4ull), 0, 0), n);
        page[at] = mov_x0(n + 1);
        sync_code(page);
        CHECK_VALUE(run(EL1T, (Op *)(CODE + at * 4ull), 0, 0), n + 1);
    }
}

/* The same bytes at another size of store; neighbours in the same and the next 64 bytes. */
static void pieces(void)
{
    for (unsigned k = 0; k < 64; k++)
        page[k] = k & 1 ? RET : mov_x0(k);
    sync_code(page);
    for (unsigned k = 0; k < 64; k += 2)
        CHECK_VALUE(run(EL1T, (Op *)&page[k], 0, 0), k);
    *(uint8_t *)&page[16] = 0x20; /* bits 7..0: the low three of the immediate, and x0 */
    sync_code(page);
    CHECK_VALUE(run(EL1T, (Op *)&page[16], 0, 0), 17);
    ((uint16_t *)&page[18])[0] = 0x2460;
    sync_code(page);
    CHECK_VALUE(run(EL1T, (Op *)&page[18], 0, 0), 0x123);
    *(u64 *)&page[20] = (u64)RET << 32 | mov_x0(5);
    sync_code(page);
    CHECK_VALUE(run(EL1T, (Op *)&page[20], 0, 0), 5);
    CHECK_VALUE(run(EL1T, (Op *)&page[22], 0, 0), 22);
    uint32_t failed, v;
    do
        __asm__ volatile("ldaxr %w0, [%2]\n stlxr %w1, %w3, [%2]"
                         : "=&r"(v), "=&r"(failed)
                         : "r"(&page[24]), "r"(mov_x0(99))
                         : "memory");
    while (failed);
    sync_code(page);
    CHECK_VALUE(run(EL1T, (Op *)&page[24], 0, 0), 99);
    __asm__ volatile("stp %w0, %w1, [%2]" ::"r"(mov_x0(98)), "r"(RET), "r"(&page[26]) : "memory");
    sync_code(page);
    CHECK_VALUE(run(EL1T, (Op *)&page[26], 0, 0), 98);
    __asm__ volatile("dc zva, %0" ::"r"(&page[32]) : "memory"); /* zeros are undefined instructions */
    sync_code(page);
    if (!OUTSIDE) /* 7.2 runs what was there */
        CHECK_TRAP(run(EL1T, (Op *)&page[34], 0, 0), EC_UNKNOWN, 0);
    CHECK_VALUE(run(EL1T, (Op *)&page[48], 0, 0), 48);
}

/* Writes what comes next, and makes it known. */
static void itself(void)
{
    static const uint32_t program[] = {
        0xb9002001,             /* str w1, [x0, #32] */
        0x91008002,             /* add x2, x0, #32 */
        0xd50b7b22,             /* dc cvau, x2 */
        0xd5033b9f,             /* dsb ish */
        0xd50b7522,             /* ic ivau, x2 */
        0xd5033b9f,             /* dsb ish */
        0xd5033fdf,             /* isb */
        NOP,        0xd2800020, /* mov x0, #1: the one that is written */
        RET,
    };
    uint32_t *code = page + 512;
    for (unsigned n = 0; n < 50; n++) {
        for (unsigned k = 0; k < sizeof(program) / 4; k++)
            code[k] = program[k];
        sync_code(code);
        CHECK_VALUE(run(EL1T, (Op *)code, (u64)code, mov_x0(n + 2)), n + 2);
    }
}

/* A loop that counts an instruction of its own up. */
static void loop_on_itself(void)
{
    static const uint32_t program[] = {
        0xd2800002, /* mov x2, #0 */
        0x10000003, /* adr x3, . + 0 */
        0x91000042, /* loop: add x2, x2, #0: the one that is written, at x3 + 4 */
        0xb9400464, /* ldr w4, [x3, #4] */
        0x11100084, /* add w4, w4, #0x400 */
        0xb9000464, /* str w4, [x3, #4] */
        0x91001065, /* add x5, x3, #4 */
        0xd50b7b25, /* dc cvau, x5 */
        0xd5033b9f, /* dsb ish */
        0xd50b7525, /* ic ivau, x5 */
        0xd5033b9f, /* dsb ish */
        0xd5033fdf, /* isb */
        0xf1000421, /* subs x1, x1, #1 */
        0x54fffea1, /* b.ne loop */
        0xaa0203e0, /* mov x0, x2 */
        RET,
    };
    uint32_t *code = page + 600;
    for (unsigned k = 0; k < sizeof(program) / 4; k++)
        code[k] = program[k];
    sync_code(code);
    CHECK_VALUE(run(EL1T, (Op *)code, 0, 40), 39 * 40 / 2);
}

/* Data beside code in its page, and in its 64 bytes: written all the time, and the code stays right. */
static void data_beside(void)
{
    static const uint32_t program[] = {
        0xf9400002, /* ldr x2, [x0] */
        0x91000442, /* add x2, x2, #1 */
        0xf9000002, /* str x2, [x0] */
        0xf1000421, /* subs x1, x1, #1 */
        0x54ffff81, /* b.ne -16 */
        0xaa0203e0, /* mov x0, x2 */
        RET,
    };
    uint32_t *code = page + 800;
    for (unsigned k = 0; k < sizeof(program) / 4; k++)
        code[k] = program[k];
    sync_code(code);
    for (unsigned k = 0; k < 4; k++) {
        u64 *d = (u64 *)(page + (k == 0 ? 808 : k == 1 ? 900 : k == 2 ? 0 : 1022));
        *d = 0;
        CHECK_VALUE(run(EL1T, (Op *)code, (u64)d, 5000), 5000);
    }
}

/* Functions that jump to each other over a whole page, some written while the others stay. */
static void many_on_a_page(void)
{
    for (unsigned k = 0; k < 64; k++) {
        page[k * 16] = mov_x0(k);
        page[k * 16 + 1] = 0x14000000 | ((k * 16 + 8) - (k * 16 + 1)); /* b to the second half */
        page[k * 16 + 8] = 0x91000000 | (k + 1) << 10;                 /* add x0, x0, #k + 1 */
        page[k * 16 + 9] = RET;
    }
    map(&t, CODE, (u64)page, 3, D_VALID | D_AF | D_INNER | D_RO);
    map(&t, ALSO, (u64)page, 3, D_RW);
    tlbi(vmalle1);
    sync_code(page);
    static unsigned add[64];
    for (unsigned k = 0; k < 64; k++)
        add[k] = k + 1;
    for (unsigned n = 0; n < 300; n++) {
        unsigned k = random_u64() % 64, m = random_u64() % 64;
        CHECK_VALUE(run(EL1T, (Op *)(CODE + k * 64), 0, 0), k + add[k]);
        add[m] = n + 1;
        *(volatile uint32_t *)(ALSO + m * 64 + 32) = 0x91000000 | add[m] << 10;
        sync_code((void *)(ALSO + m * 64));
        CHECK_VALUE(run(EL1T, (Op *)(CODE + m * 64), 0, 0), m + add[m]);
        CHECK_VALUE(run(EL1T, (Op *)(CODE + k * 64), 0, 0), k + add[k]);
    }
}

/* The page is another one: nothing is written, the mapping changes. */
static void remapped(void)
{
    uint32_t *pages_[3];
    for (unsigned k = 0; k < 3; k++) {
        pages_[k] = pages(1);
        pages_[k][0] = mov_x0(100 + k);
        pages_[k][1] = RET;
        sync_code(pages_[k]);
    }
    for (unsigned n = 0; n < 60; n++) {
        *pte_of(&t, CODE, 3) = 0;
        tlbi_by(vaae1, CODE >> 12);
        map(&t, CODE, (u64)pages_[n % 3], 3, D_VALID | D_AF | D_INNER);
        barrier("dsb ish\n isb");
        CHECK_VALUE(run(EL1T, (Op *)CODE, 0, 0), 100 + n % 3);
    }
    pages_[0][0] = 0x10000000; /* adr x0, . */
    sync_code(pages_[0]);
    map(&t, CODE, (u64)pages_[0], 3, D_VALID | D_AF | D_INNER);
    map(&t, ALSO, (u64)pages_[0], 3, D_VALID | D_AF | D_INNER);
    tlbi(vmalle1);
    for (unsigned n = 0; n < 20; n++)
        CHECK_VALUE(run(EL1T, (Op *)(n & 1 ? CODE : ALSO), 0, 0), n & 1 ? CODE : ALSO);
}

void test(void)
{
    t = tables_new(12, 39);
    bare_map_program(&t);
    page = pages(1);
    use_tables(&t, 0, 0);
    other_mapping();
    pieces();
    itself();
    loop_on_itself();
    data_beside();
    many_on_a_page();
    remapped();
    use_tables(NULL, 0, 0);
}
