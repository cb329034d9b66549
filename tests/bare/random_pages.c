/* Random page tables, random accesses: what each does, and what it leaves in tables and memory, has to be the
 * same on every emulator. The lines are compared. */
#include "bare.h"

#ifndef ROUNDS
#define ROUNDS 24
#endif
#ifndef SEED
#define SEED 12345
#endif

enum { TABLES = 24, FRAMES = 32, CODE = 8, ACCESSES = 400 };

static u64 *table[TABLES];
static char *frame[FRAMES], *large, *zero;
static u64 *own[2]; /* above the program's entries in deeper tables */
static u64 hash;

static void mix(u64 v)
{
    hash = (hash ^ v) * 0x9e3779b97f4a7c15ull + (hash >> 29);
}

static unsigned pick(unsigned n)
{
    return (unsigned)(random_u64() >> 33) % n;
}

/* Pages with code are never written, and hold nothing but illegal instructions; larger ones than 2 MiB are in
 * paging.c. */
static u64 random_entry(unsigned level)
{
    unsigned kind = pick(16), flags = PTE_V | pick(256);
    if (kind < 2)
        return random_u64() & ~1ull; /* not valid */
    if (kind < (level >= 2 ? 16 : level ? 10 : 3))
        return pte_make((u64)table[1 + pick(TABLES - 1)],
                        PTE_V | (kind == 2 && !pick(3) ? (1 << pick(8) & ~PTE_X) : 0));
    if (pick(3))
        flags |= PTE_R;
    if (flags & PTE_X)
        flags &= ~PTE_W;
    bool code = flags & PTE_X;
    u64 pa =
        level == 0 ? (u64)frame[code ? pick(CODE) : CODE + pick(FRAMES - CODE)] : (u64)(code ? zero : large);
    if (level && !pick(8))
        pa += 4096;
    u64 e = pte_make(pa, flags);
    return pick(40) ? e : e | 1ull << 54 << pick(7);
}

/* Addresses that agree in most of their indexes, so that they meet. */
static u64 random_address(unsigned levels)
{
    u64 va = 0;
    for (unsigned k = levels; k-- > 0;)
        va = va << 9 | (pick(10) ? pick(4) : pick(2) ? 511 - pick(2) : pick(512));
    va <<= 12;
    unsigned bits = 12 + 9 * levels;
    if (pick(30))
        va = (u64)((int64_t)(va << (64 - bits)) >> (64 - bits));
    else
        va ^= 1ull << (bits + pick(64 - bits));
    if (va >> 30 == 2 || va >> 30 == 4) /* there is the program */
        va ^= 1ull << 30;
    return va | (pick(6) ? pick(512) * 8 : 4096 - 1 - pick(8));
}

static void one_access(unsigned levels)
{
    static Op *const ops[] = {op_lb, op_lhu, op_lw, op_ld,     op_ld,      op_sb, op_sh,
                              op_sw, op_sd,  op_sd, op_amoadd, op_amoswap, op_lr};
    Op *op = ops[pick(sizeof(ops) / sizeof(ops[0]))];
    u64 va = random_address(levels), value = random_u64(), bits = (pick(2) ? SUM : 0) | (pick(2) ? MXR : 0);
    unsigned level = pick(2);
    if (op == op_amoadd || op == op_lr)
        va &= ~7ull;
    if (op == op_amoswap)
        va &= ~3ull;
    bool fetch = !pick(6);
    Seen s;
    if (fetch)
        s = run_with(level, bits, op_jump, va & ~3ull, 0);
    else
        s = run_with(level, bits, op, va, value);
    if (!fetch && (op == op_amoadd || op == op_amoswap) &&
        (s.cause == X_LOAD_PAGE || s.cause == X_LOAD_ACCESS))
        s.cause += 2; /* the outside emulator's, see OUTSIDE: this program is the same there, since it reads
                         its own text */
    mix(s.cause);
    mix(s.cause == NO_TRAP ? s.value & 0xbfbfbfbfbfbfbfbf
                           : s.tval); /* tables are read, too: PTE_A, see below */
}

static void one_round(unsigned n)
{
    unsigned levels = 3 + n % 3;
    hash = n;
    for (unsigned k = 0; k < FRAMES; k++)
        for (unsigned w = 0; w < 512; w++)
            ((u64 *)frame[k])[w] = k < CODE ? 0 : random_u64();
    for (unsigned k = 0; k < TABLES; k++)
        for (unsigned w = 0; w < 512; w++)
            table[k][w] = k == 0 || w < 8 || w > 500 ? random_entry(k % 4 ? 0 : pick(levels)) : 0;
    Tables t = {levels, table[0]};
    for (unsigned w = 0; w < 512; w++)
        table[0][w] =
            w < 8 || w > 508 ? pte_make((u64)table[1 + pick(TABLES - 1)], PTE_V) : random_entry(levels - 1);
    /* the program must be there: the tables of the levels above it are its own */
    u64 va[2] = {0x80000000, 0x80000000 + ALIAS};
    for (unsigned k = 0; k < 2; k++) {
        u64 *at = table[0];
        for (unsigned level = levels - 1; level > 2; level--) {
            at[va[k] >> (12 + 9 * level) & 511] = pte_make((u64)own[level - 3], PTE_V);
            at = own[level - 3];
        }
        at[va[k] >> 30 & 511] = pte_make(0x80000000, RWX | (k ? PTE_U : 0));
    }
    use_tables(&t, n & 7);
    for (unsigned k = 0; k < ACCESSES; k++) {
        one_access(levels);
        if (!pick(10)) {
            table[1 + pick(TABLES - 1)][pick(4)] = random_entry(pick(2));
            sfence();
        }
    }
    use_tables(NULL, 0);
    u64 left = 0;
    for (unsigned k = 0; k < TABLES; k++)
        for (unsigned w = 0; w < 512; w++)
            left = left * 31 + (table[k][w] & ~(u64)PTE_A); /* A may be set ahead of time, D may not */
    for (unsigned k = 0; k < FRAMES; k++)
        for (unsigned w = 0; w < 512; w++)
            left = left * 31 + ((u64 *)frame[k])[w];
    for (unsigned w = 0; w < 512 * 512; w++)
        left = left * 31 + ((u64 *)large)[w];
    report("round", hash, left);
}

void test(void)
{
    random_state = SEED;
    for (unsigned k = 0; k < TABLES; k++)
        table[k] = pages(1);
    for (unsigned k = 0; k < FRAMES; k++)
        frame[k] = pages(1);
    for (unsigned k = 0; k < 2; k++)
        own[k] = pages(1);
    large = pages(512);
    zero = pages(512);
    for (unsigned n = 0; n < ROUNDS; n++)
        one_round(n);
}
