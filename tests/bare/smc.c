/* Code that is written: by stores to its page through any mapping, by itself, in front of itself, and while
 * it loops. */
#include "bare.h"

enum { CODE = 0x40000000, ALSO = 0x50000000 };

static uint32_t li_a0(unsigned v)
{
    return 0x00000513 | v << 20;
}
enum { RET = 0x00008067, NOP = 0x13 };

static Tables t;
static uint32_t *page;

/* Through another mapping than it runs from. */
static void other_mapping(void)
{
    map(&t, CODE, (u64)page, 0, RWX & ~PTE_W);
    map(&t, ALSO, (u64)page, 0, RW);
    sfence();
    for (unsigned n = 0; n < 200; n++) {
        unsigned at = n * 8 % 1000;
        Seen s = run(S, op_sw, ALSO + at * 4, li_a0(n));
        CHECK_EQ(s.cause, NO_TRAP);
        run(S, op_sw, ALSO + at * 4 + 4, RET);
        fence_i();
        CHECK_VALUE(run(S, (Op *)(CODE + at * 4ull), 0, 0), n);
        page[at] = li_a0(n + 1); /* from machine level */
        fence_i();
        CHECK_VALUE(run(S, (Op *)(CODE + at * 4ull), 0, 0), n + 1);
    }
}

/* The same bytes at another size of store; neighbours in the same and the next 64 bytes. */
static void pieces(void)
{
    for (unsigned k = 0; k < 64; k++)
        page[k] = k & 1 ? RET : li_a0(k);
    fence_i();
    for (unsigned k = 0; k < 64; k += 2)
        CHECK_VALUE(run(M, (Op *)&page[k], 0, 0), k);
    ((uint8_t *)&page[16])[3] = 0x07; /* the upper eight bits of the immediate, 16 before */
    fence_i();
    CHECK_VALUE(run(M, (Op *)&page[16], 0, 0), 0x70);
    ((uint16_t *)&page[18])[1] = 0x1230; /* all of the immediate, and four bits of rs1, which is 0 */
    fence_i();
    CHECK_VALUE(run(M, (Op *)&page[18], 0, 0), 0x123);
    *(u64 *)&page[20] = (u64)RET << 32 | li_a0(5);
    fence_i();
    CHECK_VALUE(run(M, (Op *)&page[20], 0, 0), 5);
    CHECK_VALUE(run(M, (Op *)&page[22], 0, 0), 22);
    __asm__ volatile("amoswap.w x0, %0, (%1)" ::"r"(li_a0(99)), "r"(&page[24]) : "memory");
    fence_i();
    CHECK_VALUE(run(M, (Op *)&page[24], 0, 0), 99);
    __asm__ volatile("fmv.d.x ft0, %0\n fsd ft0, 0(%1)" ::"r"((u64)RET << 32 | li_a0(98)), "r"(&page[26])
                     : "memory", "ft0");
    fence_i();
    CHECK_VALUE(run(M, (Op *)&page[26], 0, 0), 98);
}

/* sw a1, 8(a0); fence.i; nop -> li a0, 77; ret: writes what comes next. */
static void itself(void)
{
    for (unsigned n = 0; n < 50; n++) {
        uint32_t *code = page + 512;
        code[0] = 0x00b52423;
        code[1] = 0x0000100f;
        code[2] = li_a0(1);
        code[3] = RET;
        fence_i();
        CHECK_VALUE(run(M, (Op *)code, (u64)code, li_a0(n + 2)), n + 2);
    }
}

/* A loop that counts an instruction of its own up: addi a0, a0, k with k = 0 .. n - 1, each round with
 * fence.i. */
static void loop_on_itself(void)
{
    uint32_t *code = page + 600;
    static const uint32_t program[] = {
        0x00000613, /* li a2, 0 */
        0x00000297, /* auipc t0, 0 */
        0x00060613, /* loop: addi a2, a2, 0: the one that is written */
        0x0042a303, /* lw t1, 4(t0) */
        0x001003b7, /* lui t2, 0x100 */
        0x0073033b, /* addw t1, t1, t2 */
        0x0062a223, /* sw t1, 4(t0) */
        0x0000100f, /* fence.i */
        0xfff58593, /* addi a1, a1, -1 */
        0xfe0592e3, /* bnez a1, loop */
        0x00060513, /* mv a0, a2 */
        RET,
    };
    for (unsigned k = 0; k < sizeof(program) / 4; k++)
        code[k] = program[k];
    fence_i();
    CHECK_VALUE(run(M, (Op *)code, 0, 40), 39 * 40 / 2);
}

/* Data beside code in its page, and in its 64 bytes: written all the time, and the code stays right. */
static void data_beside(void)
{
    uint32_t *code = page + 800;
    code[0] = 0x00053603; /* ld a2, 0(a0) */
    code[1] = 0x00160613; /* addi a2, a2, 1 */
    code[2] = 0x00c53023; /* sd a2, 0(a0) */
    code[3] = 0xfff58593; /* addi a1, a1, -1 */
    code[4] = 0xfe0598e3; /* bnez a1, -16 */
    code[5] = 0x00060513; /* mv a0, a2 */
    code[6] = RET;
    fence_i();
    for (unsigned k = 0; k < 4; k++) {
        u64 *d = (u64 *)(page + (k == 0 ? 808 : k == 1 ? 900 : k == 2 ? 0 : 1022));
        *d = 0;
        CHECK_VALUE(run(M, (Op *)code, (u64)d, 5000), 5000);
    }
}

/* One region of pieces here and there in a page, each written alone, through another mapping. */
static void several_runs(void)
{
    enum { PIECES = 4, APART = 100 /* words */ };
    uint32_t jump = 0x6f | ((APART - 1) * 4 >> 1 & 1023) << 21;
    u64 sum = 0;
    map(&t, CODE, (u64)page, 0, RWX & ~PTE_W);
    map(&t, ALSO, (u64)page, 0, RW);
    sfence();
    for (unsigned k = 0; k < PIECES; k++) {
        page[k * APART] = k ? 0x00050513 : li_a0(0); /* addi a0, a0, 0 */
        page[k * APART + 1] = k == PIECES - 1 ? RET : jump;
    }
    fence_i();
    for (unsigned n = 0; n < 200; n++) {
        unsigned k = n * 7 % PIECES, v = n / PIECES + 1;
        CHECK_VALUE(run(S, (Op *)CODE, 0, 0), sum);
        uint32_t now = page[k * APART];
        run(S, op_sw, ALSO + k * APART * 4, (now & 0xfffff) | v << 20);
        sum += v - (now >> 20);
        fence_i();
        CHECK_VALUE(run(S, (Op *)CODE, 0, 0), sum);
    }
}

/* The page is another one: nothing is written, the mapping changes. */
static void remapped(void)
{
    uint32_t *pages_[3];
    for (unsigned k = 0; k < 3; k++) {
        pages_[k] = pages(1);
        pages_[k][0] = li_a0(100 + k);
        pages_[k][1] = RET;
    }
    fence_i();
    for (unsigned n = 0; n < 60; n++) {
        map(&t, CODE, (u64)pages_[n % 3], 0, RWX);
        sfence_va(CODE);
        CHECK_VALUE(run(S, (Op *)CODE, 0, 0), 100 + n % 3);
    }
    /* and one page at two addresses: what it says of its own address differs */
    pages_[0][0] = 0x00000517; /* auipc a0, 0 */
    pages_[0][1] = RET;
    fence_i();
    map(&t, CODE, (u64)pages_[0], 0, RWX);
    map(&t, ALSO, (u64)pages_[0], 0, RWX);
    sfence();
    for (unsigned n = 0; n < 20; n++)
        CHECK_VALUE(run(S, (Op *)(u64)(n & 1 ? CODE : ALSO), 0, 0), n & 1 ? CODE : ALSO);
}

/* One address in several address spaces, which have the same page there or another; nothing is flushed but
 * where a mapping changes. */
static void spaces(void)
{
    enum { SPACES = 3 };
    Tables s[SPACES];
    uint32_t *of[2];
    for (unsigned k = 0; k < 2; k++) {
        of[k] = pages(1);
        of[k][0] = li_a0(200 + k);
        of[k][1] = RET;
    }
    fence_i();
    for (unsigned k = 0; k < SPACES; k++) {
        s[k] = tables_new(3);
        bare_map_program(&s[k]);
        map(&s[k], CODE, (u64)of[k == 1], 0, RWX);
        use_tables(&s[k], k + 1);
    }
    for (unsigned n = 0; n < 60; n++) {
        unsigned k = n % 7 % SPACES;
        csr_write(satp, satp_of(&s[k], k + 1));
        CHECK_VALUE(run(S, (Op *)CODE, 0, 0), 200u + (k == 1));
        if (n == 30) { /* the same page again, after a flush; then the other one for all */
            sfence();
            CHECK_VALUE(run(S, (Op *)CODE, 0, 0), 200u + (k == 1));
            for (unsigned j = 0; j < SPACES; j++)
                map(&s[j], CODE, (u64)of[1], 0, RWX);
            sfence();
            break;
        }
    }
    for (unsigned k = 0; k < SPACES; k++) {
        csr_write(satp, satp_of(&s[k], k + 1));
        CHECK_VALUE(run(S, (Op *)CODE, 0, 0), 201);
    }
    of[1][0] = li_a0(300);
    fence_i();
    for (unsigned k = 0; k < SPACES; k++) {
        csr_write(satp, satp_of(&s[k], k + 1));
        CHECK_VALUE(run(S, (Op *)CODE, 0, 0), 300);
    }
    use_tables(&t, 0);
}

void test(void)
{
    t = tables_new(3);
    bare_map_program(&t);
    page = pages(1);
    use_tables(&t, 0);
    other_mapping();
    use_tables(NULL, 0);
    pieces();
    itself();
    loop_on_itself();
    data_beside();
    use_tables(&t, 0);
    several_runs();
    spaces();
    remapped();
}
