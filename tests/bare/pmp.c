/* Physical memory protection: TOR and NAPOT, the first match counts, what it means for each level and for the
 * walk of page tables, locks. Ranges are multiples of 4 KiB: below, implementations may differ. */
#include "bare.h"

enum { R = 1, W = 2, X = 4, TOR = 8, NAPOT = 24, LOCK = 128 };

static u64 napot(u64 at, u64 bytes)
{
    return at >> 2 | (bytes / 8 - 1);
}

static void cfg(unsigned n, unsigned v)
{
    u64 shift = n % 8 * 8, mask = 0xffull << shift;
    if (n < 8)
        csr_write(pmpcfg0, (csr_read(pmpcfg0) & ~mask) | (u64)v << shift);
    else
        csr_write(pmpcfg2, (csr_read(pmpcfg2) & ~mask) | (u64)v << shift);
    sfence();
}

static char *area;

static void by_level(void)
{
    uint32_t *code = (uint32_t *)area;
    code[0] = 0x00008067;
    fence_i();
    csr_write(pmpaddr0, napot((u64)area, 8192));
    for (unsigned may = 0; may < 8; may++) {
        if ((may & (R | W)) == W)
            continue;
        cfg(0, NAPOT | may);
        for (unsigned level = 0; level < 2; level++) {
            for (unsigned at = 0; at < 8192; at += 4096 - 8) {
                CHECK_EQ(run(level, op_ld, (u64)area + at, 0).cause, may & R ? NO_TRAP : X_LOAD_ACCESS);
                CHECK_EQ(run(level, op_sd, (u64)area + 8 + at / 2, 0).cause,
                         may & W ? NO_TRAP : X_STORE_ACCESS);
            }
            Seen s = run(level, op_amoadd, (u64)area + 64, 0);
            CHECK(s.cause == (may & W ? NO_TRAP : X_STORE_ACCESS) || (OUTSIDE && s.cause == X_LOAD_ACCESS));
            CHECK_EQ(run(level, (Op *)area, 0, 0).cause, may & X ? NO_TRAP : X_FETCH_ACCESS);
            CHECK_EQ(run(level, op_ld, (u64)area + 8192, 0).cause, NO_TRAP);
            CHECK_EQ(run(level, op_ld, (u64)area - 8, 0).cause, NO_TRAP);
        }
        CHECK_EQ(run(M, op_sd, (u64)area + 64, 0).cause, NO_TRAP); /* not for M without the lock */
    }
    cfg(0, 0);
}

static void order_and_tor(void)
{
    csr_write(pmpaddr1, (u64)area >> 2);
    csr_write(pmpaddr2, ((u64)area + 12288) >> 2);
    cfg(2, TOR | R);
    CHECK_EQ(run(S, op_ld, (u64)area, 0).cause, NO_TRAP);
    CHECK_EQ(run(S, op_sd, (u64)area, 0).cause, X_STORE_ACCESS);
    CHECK_EQ(run(S, op_sd, (u64)area + 12280, 0).cause, X_STORE_ACCESS);
    CHECK_EQ(run(S, op_sd, (u64)area + 12288, 0).cause, NO_TRAP);
    CHECK_EQ(run(S, op_sd, (u64)area - 8, 0).cause, NO_TRAP);
    csr_write(pmpaddr0, napot((u64)area + 4096, 4096)); /* before it in order */
    cfg(0, NAPOT | R | W);
    CHECK_EQ(run(S, op_sd, (u64)area + 4096, 0).cause, NO_TRAP);
    CHECK_EQ(run(S, op_sd, (u64)area + 8192, 0).cause, X_STORE_ACCESS);
    CHECK_EQ(run(S, op_sd, (u64)area + 4096 - 8, 0).cause, X_STORE_ACCESS);
    /* over the border of the two */
    CHECK_EQ(run(S, op_sd, (u64)area + 8192 - 4, 0).cause, X_STORE_ACCESS);
    cfg(0, 0);
    cfg(2, 0);
}

/* Tables and pages are looked at as the supervisor. */
static void walks(void)
{
    Tables t = tables_new(3);
    u64 va = 0x40000000;
    bare_map_program(&t);
    map(&t, va, (u64)area, 0, RWX);
    u64 *leaf = pte_of(&t, va, 0);
    use_tables(&t, 0);
    *(u64 *)area = 5;
    CHECK_VALUE(run(S, op_ld, va, 0), 5);
    csr_write(pmpaddr0, napot((u64)leaf & ~4095ull, 4096));
    cfg(0, NAPOT);
    CHECK_TRAP(run(S, op_ld, va, 0), X_LOAD_ACCESS, va);
    CHECK_TRAP(run(S, op_sd, va, 0), X_STORE_ACCESS, va);
    CHECK_TRAP(run(S, op_jump, va, 0), X_FETCH_ACCESS, va);
    csr_write(pmpaddr0, napot((u64)area, 4096));
    cfg(0, NAPOT | R);
    CHECK_VALUE(run(S, op_ld, va, 0), 5);
    CHECK_TRAP(run(S, op_sd, va, 0), X_STORE_ACCESS, va);
    cfg(0, 0);
    CHECK_EQ(run(S, op_sd, va, 9).cause, NO_TRAP);
    /* by MPRV the level is the one that counts */
    cfg(0, NAPOT | R);
    use_tables(NULL, 0);
    csr_set(mstatus, 1 << 11);
    u64 v;
    csr_set(mstatus, MPRV);
    __asm__ volatile("ld %0, 0(%1)" : "=r"(v) : "r"(area));
    csr_clear(mstatus, MPRV);
    csr_clear(mstatus, MPP);
    CHECK_EQ(v, 9);
    cfg(0, 0);
}

/* Last: locks stay. */
static void locks(void)
{
    csr_write(pmpaddr3, napot((u64)area, 4096));
    cfg(3, LOCK | NAPOT | R);
    CHECK_EQ(run(M, op_ld, (u64)area, 0).cause, NO_TRAP);
    CHECK_TRAP(run(M, op_sd, (u64)area + 16, 0), X_STORE_ACCESS, area + 16);
    CHECK_EQ(run(M, op_sd, (u64)area + 4096, 0).cause, NO_TRAP);
    u64 was = csr_read(pmpaddr3);
    csr_write(pmpaddr3, 0);
    CHECK_EQ(csr_read(pmpaddr3), was);
    cfg(3, 0);
    CHECK_EQ(csr_read(pmpcfg0) >> 24 & 255, LOCK | NAPOT | R);
}

void test(void)
{
    area = pages(4);
    for (unsigned n = 0; n < 3; n++) {
        by_level();
        order_and_tor();
        walks();
    }
    locks();
}
