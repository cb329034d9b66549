/* options: -cpu rv64,smstateen=on
 * outside: no (it lacks what this is about, or has it by other names)
 * Extensions of the privileged levels: who marks pages (Svade, Svadu), state enables, counters and
 * their overflow bits, cache blocks. */
#include "bare.h"

#define ADUE   (1ull << 61)
#define menvcfg 0x30a
#define senvcfg 0x10a
#define mstateen0 0x30c
#define sstateen0 0x10c
#define scountovf 0xda0
enum { LCOFI = 13, FIOM = 1, CBIE = 0x30, CBCFE = 0x40, CBZE = 0x80 };

static char *area;

/* ---- accessed and dirty ---- */

static void marking(void)
{
    Tables t = tables_new(3);
    u64 va = 0x40000000;
    bare_map_program(&t);
    map(&t, va, (u64)area, 0, PTE_V | PTE_R | PTE_W);
    u64 *leaf = pte_of(&t, va, 0);
    use_tables(&t, 1);
    CHECK_EQ(csr_read(menvcfg) & ADUE, ADUE); /* as long as Svade is not announced */
    CHECK_EQ(run(S, op_ld, va, 0).cause, NO_TRAP);
    CHECK_EQ(*leaf & (PTE_A | PTE_D), PTE_A);
    csr_clear(menvcfg, ADUE);
    sfence();
    CHECK_TRAP(run(S, op_sd, va, 0), X_STORE_PAGE, va);
    CHECK_EQ(*leaf & (PTE_A | PTE_D), PTE_A);
    *leaf &= ~(u64)PTE_A;
    sfence();
    CHECK_TRAP(run(S, op_ld, va, 0), X_LOAD_PAGE, va);
    CHECK_TRAP(run(S, op_amoadd, va, 0), X_STORE_PAGE, va);
    *leaf |= PTE_A | PTE_D;
    sfence();
    CHECK_EQ(run(S, op_sd, va, 0).cause, NO_TRAP);
    csr_set(menvcfg, ADUE);
    *leaf &= ~(u64)(PTE_A | PTE_D);
    sfence();
    CHECK_EQ(run(S, op_sd, va, 0).cause, NO_TRAP);
    CHECK_EQ(*leaf & (PTE_A | PTE_D), PTE_A | PTE_D);
    use_tables(NULL, 0);
}

/* ---- state enables ---- */

static u64 read_senvcfg(u64 a, u64 b) { return csr_read(senvcfg); }
static u64 read_sstateen(u64 a, u64 b) { return csr_read(sstateen0); }

static void state_enables(void)
{
    csr_write(mstateen0, 0);
    CHECK_EQ(run(S, read_senvcfg, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(S, read_sstateen, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(M, read_senvcfg, 0, 0).cause, NO_TRAP);
    csr_write(mstateen0, 1ull << 62);
    CHECK_EQ(run(S, read_senvcfg, 0, 0).cause, NO_TRAP);
    CHECK_EQ(run(S, read_sstateen, 0, 0).cause, X_ILLEGAL);
    csr_write(mstateen0, ~0ull);
    CHECK_EQ(csr_read(mstateen0), 3ull << 62); /* what there is state for */
    CHECK_VALUE(run(S, read_sstateen, 0, 0), 0);
    csr_write(0x60c, 0); /* hstateen0 */
    CHECK_EQ(run_with(S, 1ull << 39, read_senvcfg, 0, 0).cause, 22);
    csr_write(0x60c, 1ull << 62);
    CHECK_EQ(run_with(S, 1ull << 39, read_senvcfg, 0, 0).cause, NO_TRAP);
    CHECK_EQ(run_with(S, 1ull << 39, read_sstateen, 0, 0).cause, 22);
    csr_write(mstateen0, 1ull << 63);
    CHECK_EQ(csr_read(0x60c), 0);
    csr_write(mstateen0, ~0ull);
}

/* ---- counters ---- */

static u64 read_scountovf(u64 a, u64 b) { return csr_read(scountovf); }

static void counters(void)
{
    csr_write(mcountinhibit, 0);
    u64 c = csr_read(mcycle), i = csr_read(minstret);
    for (volatile unsigned k = 0; k < 1000; k++) {
    }
    CHECK(csr_read(mcycle) > c && csr_read(minstret) > i);
    csr_write(mcountinhibit, 5);
    c = csr_read(mcycle);
    i = csr_read(minstret);
    for (volatile unsigned k = 0; k < 1000; k++) {
    }
    CHECK_EQ(csr_read(mcycle), c);
    CHECK_EQ(csr_read(minstret), i);
    csr_write(mcycle, 12345);
    CHECK_EQ(csr_read(mcycle), 12345);
    csr_write(mcountinhibit, 0);
    CHECK(csr_read(mcycle) > 12345);
    CHECK_EQ(csr_read(mcountinhibit), 0);
    csr_write(mhpmcounter3, 0x123456789abcdef0);
    CHECK_EQ(csr_read(mhpmcounter3), 0x123456789abcdef0); /* no event: it stands */
    csr_write(mhpmevent3, ~0ull);
    CHECK_EQ(csr_read(mhpmevent3), 63ull << 58);
    csr_write(mhpmevent31, 1ull << 63);
    CHECK_EQ(csr_read(scountovf), 1ull << 3 | 1ull << 31);
    csr_write(mcounteren, 8);
    CHECK_VALUE(run(S, read_scountovf, 0, 0), 8);
    csr_write(mcounteren, ~0ull);
    csr_write(0x606, 1ull << 31); /* hcounteren */
    CHECK_VALUE(run_with(S, 1ull << 39, read_scountovf, 0, 0), 1ull << 31);
    csr_write(mhpmevent3, 0);
    csr_write(mhpmevent31, 0);
    CHECK_EQ(csr_read(scountovf), 0);
    csr_write(scounteren, ~0ull);
    CHECK_EQ(csr_read(scounteren), 0xffffffff);
    /* the overflow interrupt is software's here: delegated, taken */
    csr_write(stvec, bare_s_trap);
    csr_write(mideleg, 1 << LCOFI);
    csr_set(mip, 1 << LCOFI);
    csr_write(mie, 1 << LCOFI);
    Seen s = run(U, op_nop, 0, 0);
    CHECK(s.by_s);
    CHECK_EQ(s.cause, IRQ | LCOFI);
    csr_clear(sip, 1 << LCOFI);
    CHECK_EQ(csr_read(mip) & 1 << LCOFI, 0);
    csr_write(mie, 0);
    csr_write(mideleg, 0);
    csr_clear(mstatus, SIE);
}

/* ---- cache blocks ---- */

static u64 zero_block(u64 a, u64 b)
{
    __asm__ volatile("mv a0, %0; .word 0x0045200f" ::"r"(a) : "a0", "memory");
    return 1;
}
static u64 clean_block(u64 a, u64 b)
{
    __asm__ volatile("mv a0, %0; .word 0x0015200f" ::"r"(a) : "a0", "memory");
    return 1;
}
static u64 inval_block(u64 a, u64 b)
{
    __asm__ volatile("mv a0, %0; .word 0x0005200f" ::"r"(a) : "a0", "memory");
    return 1;
}
static u64 flush_block(u64 a, u64 b)
{
    __asm__ volatile("mv a0, %0; .word 0x0025200f" ::"r"(a) : "a0", "memory");
    return 1;
}
static u64 prefetch(u64 a, u64 b)
{
    __asm__ volatile("mv a0, %0; .word 0x00156013" ::"r"(a) : "a0", "memory"); /* prefetch.r */
    return 1;
}

static void blocks(void)
{
    u64 *w = (u64 *)area;
    for (unsigned k = 0; k < 32; k++)
        w[k] = ~0ull;
    CHECK_VALUE(run(M, zero_block, (u64)area + 64 + 17, 0), 1);
    for (unsigned k = 0; k < 32; k++)
        CHECK_EQ(w[k], k >= 8 && k < 16 ? 0 : ~0ull);
    static Op *const op[] = {zero_block, clean_block, flush_block, inval_block};
    static const u64 bit[] = {CBZE, CBCFE, CBCFE, CBIE};
    csr_clear(menvcfg, CBIE | CBCFE | CBZE);
    csr_write(senvcfg, ~0ull);
    CHECK_EQ(csr_read(senvcfg), FIOM | CBIE | CBCFE | CBZE);
    for (unsigned k = 0; k < 4; k++) {
        csr_write(senvcfg, 0);
        csr_clear(menvcfg, bit[k]);
        CHECK_EQ(run(S, op[k], (u64)area, 0).cause, X_ILLEGAL);
        csr_set(menvcfg, bit[k]);
        CHECK_VALUE(run(S, op[k], (u64)area, 0), 1);
        CHECK_EQ(run(U, op[k], (u64)area, 0).cause, X_ILLEGAL);
        csr_write(senvcfg, bit[k]);
        CHECK_VALUE(run(U, op[k], (u64)area, 0), 1);
        csr_write(0x60a, 0); /* henvcfg */
        CHECK_EQ(run_with(S, 1ull << 39, op[k], (u64)area, 0).cause, 22);
        csr_write(0x60a, bit[k]);
        CHECK_VALUE(run_with(S, 1ull << 39, op[k], (u64)area, 0), 1);
        csr_write(senvcfg, 0);
        CHECK_EQ(run_with(U, 1ull << 39, op[k], (u64)area, 0).cause, 22);
        csr_write(0x60a, 0);
    }
    csr_write(senvcfg, CBZE | CBCFE | CBIE);
    Tables t = tables_new(3);
    u64 va = 0x40000000;
    bare_map_program(&t);
    map(&t, va, (u64)area, 0, PTE_V | PTE_R | PTE_A | PTE_D);
    use_tables(&t, 0);
    CHECK_TRAP(run(S, zero_block, va + 24, 0), X_STORE_PAGE, va + 24);
    CHECK_VALUE(run(S, clean_block, va + 24, 0), 1);
    CHECK_TRAP(run(S, clean_block, va + 0x1024, 0), X_STORE_PAGE, va + 0x1024);
    CHECK_VALUE(run(S, prefetch, va + 0x1024, 0), 1); /* never */
    map(&t, va, (u64)area, 0, RW);
    sfence();
    CHECK_VALUE(run(S, zero_block, va + 24, 0), 1);
    for (unsigned k = 0; k < 8; k++)
        CHECK_EQ(w[k], 0);
    use_tables(NULL, 0);
}

void test(void)
{
    area = pages(2);
    for (unsigned n = 0; n < 3; n++) {
        marking();
        state_enables();
        counters();
        blocks();
    }
}
