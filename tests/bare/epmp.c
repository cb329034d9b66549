/* outside options: -cpu rv64,x-epmp=on
 * Smepmp: what each rule allows while machine mode is locked down, and what can be changed then. */
#include "bare.h"

#define mseccfg 0x747
enum { R = 1, W = 2, X = 4, TOR = 8, NAPOT = 24, LOCK = 128, MML = 1, MMWP = 2, RLB = 4 };
enum { TESTED, FROM, TEXT, DATA, UART, DEVICE };

extern char data_start[];
static char *area;

static u64 napot(u64 at, u64 bytes) { return at >> 2 | (bytes / 8 - 1); }

static void rule(unsigned n, unsigned v)
{
    u64 shift = n * 8, mask = 0xffull << shift;
    csr_write(pmpcfg0, (csr_read(pmpcfg0) & ~mask) | (u64)v << shift);
    sfence();
}

static unsigned rule_of(unsigned n) { return csr_read(pmpcfg0) >> (n * 8) & 255; }

static void check_level(unsigned level, unsigned may)
{
    CHECK_EQ(run(level, op_ld, (u64)area, 0).cause, may & R ? NO_TRAP : X_LOAD_ACCESS);
    CHECK_EQ(run(level, op_sd, (u64)area + 64, 0).cause, may & W ? NO_TRAP : X_STORE_ACCESS);
    CHECK_EQ(run(level, (Op *)area, 0, 0).cause, may & X ? NO_TRAP : X_FETCH_ACCESS);
}

static void rules(void)
{
    static const struct {
        uint8_t cfg, m, su; /* what may be done */
    } rows[] = {
        {0, 0, 0},
        {X, 0, X},
        {W, R | W, R},
        {W | X, R | W, R | W},
        {R, 0, R},
        {R | X, 0, R | X},
        {R | W, 0, R | W},
        {R | W | X, 0, R | W | X},
        {LOCK, 0, 0},
        {LOCK | X, X, 0},
        {LOCK | W, X, X},
        {LOCK | W | X, R | X, X},
        {LOCK | R, R, 0},
        {LOCK | R | X, R | X, 0},
        {LOCK | R | W, R | W, 0},
        {LOCK | R | W | X, R, R},
    };
    for (unsigned k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        rule(TESTED, NAPOT | rows[k].cfg);
        CHECK_EQ(rule_of(TESTED), NAPOT | rows[k].cfg);
        check_level(M, rows[k].m);
        check_level(S, rows[k].su);
        check_level(U, rows[k].su);
    }
}

void test(void)
{
    area = pages(1);
    ((uint32_t *)area)[0] = 0x8067; /* ret */
    fence_i();
    CHECK_EQ(csr_read(mseccfg), 0);
    csr_write(mseccfg, RLB);
    CHECK_EQ(csr_read(mseccfg), RLB);
    csr_write(pmpaddr0, napot((u64)area, 4096));
    csr_write(pmpaddr1, 0x80000000 >> 2);
    csr_write(pmpaddr2, (u64)data_start >> 2);
    csr_write(pmpaddr3, 0x88000000 >> 2);
    csr_write(pmpaddr4, napot(0x10000000, 0x1000));
    csr_write(pmpaddr5, napot(0x100000, 0x1000));
    rule(UART, NAPOT | LOCK | R | W);
    rule(DEVICE, NAPOT | LOCK | R | W);
    rule(TEXT, TOR | LOCK | R | X);
    rule(DATA, TOR | LOCK | R | W);
    csr_write(mseccfg, RLB | MML);
    CHECK_EQ(csr_read(mseccfg), RLB | MML);
    rule(TEXT, TOR | LOCK | W | X); /* all execute it, machine level reads it */
    rules();
    csr_write(pmpcfg2, 0);
    sfence();
    if (!OUTSIDE) /* qemu-system 7.2 wants a rule */
        CHECK_EQ(run(M, op_ld, 0x2000000, 0).cause, NO_TRAP);
    CHECK_EQ(run(S, op_ld, 0x2000000, 0).cause, X_LOAD_ACCESS);
    CHECK_EQ(run(M, op_jump, 0x1000, 0).cause, X_FETCH_ACCESS);
    csr_write(mseccfg, RLB | MML | MMWP);
    sfence();
    CHECK_EQ(run(M, op_ld, 0x2000000, 0).cause, X_LOAD_ACCESS);
    /* without the bypass: no rules more that machine level executes by, and locked ones stay */
    rule(TESTED, NAPOT | R | W);
    csr_write(mseccfg, 0);
    CHECK_EQ(csr_read(mseccfg), MML | MMWP);
    csr_write(mseccfg, RLB);
    CHECK_EQ(csr_read(mseccfg), MML | MMWP);
    rule(TESTED, NAPOT | LOCK | X);
    CHECK_EQ(rule_of(TESTED), NAPOT | R | W);
    if (!OUTSIDE) { /* it takes this one */
        rule(TESTED, NAPOT | LOCK | W);
        CHECK_EQ(rule_of(TESTED), NAPOT | R | W);
    }
    check_level(U, R | W);
    rule(TESTED, NAPOT | LOCK | R);
    CHECK_EQ(rule_of(TESTED), NAPOT | LOCK | R);
    check_level(M, R);
    if (OUTSIDE) /* for it no rule is locked */
        return;
    rule(TESTED, NAPOT | R);
    CHECK_EQ(rule_of(TESTED), NAPOT | LOCK | R);
    csr_write(pmpaddr0, 0);
    CHECK_EQ(csr_read(pmpaddr0) >> 10, (u64)area >> 12);
}
