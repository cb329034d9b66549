/* Address translation: sizes of pages, permissions by level, SUM, MXR and MPRV, A and D, flushes, ASIDs,
 * entries that are none. */
#include "bare.h"

enum { DATA = 0x40000000, MIB = 1 << 20 };

static u64 page_bytes(unsigned level)
{
    return 1ull << (12 + 9 * level);
}

static void sizes(unsigned levels)
{
    Tables t = tables_new(levels);
    bare_map_program(&t);
    u64 *data = pages(1);
    use_tables(&t, 0);
    for (unsigned level = 0; level < levels; level++) {
        u64 size = page_bytes(level), va = level >= 3 ? 5 * size : 0x4000000000 / 2 + 7 * size;
        if (level == 2)
            va = 9 * size;
        u64 pa = (u64)data & ~(size - 1);
        map(&t, va, pa, level, RW);
        sfence();
        *data = 0x1111 * (level + 1);
        CHECK_VALUE(run(S, op_ld, va + ((u64)data - pa), 0), 0x1111 * (level + 1));
        CHECK_EQ(run(S, op_sd, va + ((u64)data - pa), 77 + level).cause, NO_TRAP);
        CHECK_EQ(*data, 77 + level);
        if (level) { /* its low bits must be clear */
            map(&t, va, pa + 4096, level, RW);
            sfence();
            CHECK_TRAP(run(S, op_ld, va, 0), X_LOAD_PAGE, va);
        }
        map(&t, va, pa, level, 0);
        sfence();
        CHECK_TRAP(run(S, op_ld, va + 8, 0), X_LOAD_PAGE, va + 8);
        CHECK_TRAP(run(S, op_sd, va + 16, 0), X_STORE_PAGE, va + 16);
        CHECK_TRAP(run(S, op_jump, va + 16, 0), X_FETCH_PAGE, va + 16);
    }
    /* not the sign extension of a shorter address */
    u64 beyond = 1ull << (11 + 9 * levels);
    CHECK_TRAP(run(S, op_ld, beyond, 0), X_LOAD_PAGE, beyond);
    CHECK_TRAP(run(S, op_sd, ~beyond & ~7ull, 0), X_STORE_PAGE, ~beyond & ~7ull);
    map(&t, 0 - 4096ull, (u64)data, 0, RW);
    sfence();
    CHECK_EQ(run(S, op_sd, 0 - 8ull, 5).cause, NO_TRAP);
    CHECK_EQ(data[511], 5);
    use_tables(NULL, 0);
}

/* What a leaf with these flags lets who do what: the table of the manual, written down anew. */
static unsigned expected(unsigned flags, unsigned priv, u64 bits, char how)
{
    unsigned fault = how == 'r' ? X_LOAD_PAGE : how == 'w' ? X_STORE_PAGE : X_FETCH_PAGE;
    if (!(flags & PTE_V) || ((flags & PTE_W) && !(flags & PTE_R)) || !(flags & (PTE_R | PTE_X)))
        return fault;
    if (priv == U && !(flags & PTE_U))
        return fault;
    if (priv == S && (flags & PTE_U) && (how == 'x' || !(bits & SUM)))
        return fault;
    bool ok = how == 'r'   ? flags & PTE_R || ((bits & MXR) && (flags & PTE_X))
              : how == 'w' ? flags & PTE_W
                           : flags & PTE_X;
    return ok ? NO_TRAP : fault;
}

static void permissions(void)
{
    Tables t = tables_new(3);
    bare_map_program(&t);
    uint32_t *data = pages(1);
    use_tables(&t, 0);
    for (unsigned flags = 0; flags < 32; flags++) {
        map(&t, DATA, (u64)data, 0, flags | PTE_A | PTE_D);
        sfence();
        for (unsigned k = 0; k < 8; k++) {
            unsigned priv = k & 1;
            u64 bits = (k & 2 ? SUM : 0) | (k & 4 ? MXR : 0);
            data[0] = 0x8082; /* ret */
            Seen r = run_with(priv, bits, op_lw, DATA, 0), w = run_with(priv, bits, op_sw, DATA + 64, 9),
                 x = run_with(priv, bits, op_jump, DATA, 0);
            unsigned want = expected(flags, priv, bits, 'r');
            CHECK_EQ(r.cause, want);
            CHECK_EQ(w.cause, expected(flags, priv, bits, 'w'));
            CHECK_EQ(x.cause, expected(flags, priv, bits, 'x'));
            if (want != NO_TRAP)
                CHECK_EQ(r.tval, DATA);
            else
                CHECK_EQ(r.value, 0x8082);
        }
    }
    use_tables(NULL, 0);
}

static u64 by_mprv(u64 va, u64 status)
{
    u64 v;
    csr_set(mstatus, status);
    csr_set(mstatus, MPRV);
    __asm__ volatile("ld %0, 0(%1)" : "=r"(v) : "r"(va) : "memory");
    csr_clear(mstatus, MPRV);
    csr_clear(mstatus, status);
    return v;
}

static void mprv(void)
{
    Tables t = tables_new(3);
    bare_map_program(&t);
    u64 *a = pages(1), *b = pages(1);
    a[0] = 10;
    b[0] = 20;
    map(&t, DATA, (u64)a, 0, RW);
    map(&t, DATA + 4096, (u64)b, 0, RW | PTE_U);
    use_tables(&t, 0);
    CHECK_VALUE(run_with(M, (u64)0, op_ld, (u64)a, 0), 10);
    CHECK_EQ(by_mprv(DATA, 1 << 11), 10);
    CHECK_EQ(by_mprv(DATA + 4096, 0), 20);
    CHECK_EQ(by_mprv(DATA + 4096, 1 << 11 | SUM), 20);
    CHECK_EQ(by_mprv((u64)a, MPP), 10);
    CHECK_VALUE(run(M, (Op *)by_mprv, DATA, 1 << 11), 10);
    Seen s = run(M, (Op *)by_mprv, DATA, 0); /* as U: the page is not */
    CHECK_TRAP(s, X_LOAD_PAGE, DATA);
    CHECK_TRAP(run(M, (Op *)by_mprv, DATA + 4096, 1 << 11), X_LOAD_PAGE, DATA + 4096);
    csr_clear(mstatus, MPRV | MPP | SUM);
    use_tables(NULL, 0);
}

static void accessed_and_dirty(void)
{
    Tables t = tables_new(4);
    bare_map_program(&t);
    u64 *data = pages(1), *pte = pte_of(&t, DATA, 0);
    use_tables(&t, 0);
    *pte = pte_make((u64)data, PTE_V | PTE_R | PTE_W | PTE_X);
    sfence();
    data[0] = 3;
    CHECK_VALUE(run(S, op_ld, DATA, 0), 3);
    CHECK_EQ(*pte & 0xff, PTE_V | PTE_R | PTE_W | PTE_X | PTE_A);
    CHECK_VALUE(run(S, op_ld, DATA, 0), 3);
    CHECK_EQ(run(S, op_sd, DATA, 4).cause, NO_TRAP); /* the first store after loads */
    CHECK_EQ(*pte & 0xff, PTE_V | PTE_R | PTE_W | PTE_X | PTE_A | PTE_D);
    *pte = pte_make((u64)data, PTE_V | PTE_R | PTE_W | PTE_X);
    sfence_va(DATA);
    data[0] = 0x8082;
    CHECK_EQ(run(S, op_jump, DATA, 0).cause, NO_TRAP);
    CHECK_EQ(*pte & 0xff, PTE_V | PTE_R | PTE_W | PTE_X | PTE_A);
    *pte = pte_make((u64)data, PTE_V | PTE_R | PTE_X);
    sfence_va(DATA);
    CHECK_EQ(run(S, op_sd, DATA, 4).cause, X_STORE_PAGE); /* refused: not marked */
    CHECK_EQ(*pte & PTE_D, 0);
    *pte = pte_make((u64)data, PTE_V | PTE_R | PTE_W);
    sfence_va(DATA);
    CHECK_VALUE(run(S, op_amoadd, DATA, 1), 0x8082);
    CHECK_EQ(*pte & (PTE_A | PTE_D), PTE_A | PTE_D);
    *pte = pte_make((u64)data, PTE_V | PTE_R | PTE_W | PTE_A);
    sfence_va(DATA);
    CHECK_VALUE(run(S, op_lr, DATA, 1), 0x8083); /* a load */
    CHECK_EQ(*pte & PTE_D, 0);
    use_tables(NULL, 0);
}

static void bad_entries(void)
{
    Tables t = tables_new(3);
    bare_map_program(&t);
    u64 *data = pages(1), *leaf = pte_of(&t, DATA, 0), *above = pte_of(&t, DATA, 1), good = *above;
    use_tables(&t, 0);
    map(&t, DATA, (u64)data, 0, RW);
    sfence();
    CHECK_EQ(run(S, op_ld, DATA, 0).cause, NO_TRAP);
    static const u64 reserved[] = {1ull << 54, 1ull << 58, 1ull << 60};
    for (unsigned k = 0; k < 3; k++) {
        *leaf = pte_make((u64)data, RW) | reserved[k];
        sfence();
        CHECK_EQ(run(S, op_ld, DATA, 0).cause, X_LOAD_PAGE);
    }
    *leaf = pte_make((u64)data, RW);
    static const unsigned pointer[] = {PTE_A, PTE_D, PTE_U}; /* of a pointer these must be 0 */
    for (unsigned k = 0; k < 3; k++) {
        *above = good | pointer[k];
        sfence();
        CHECK_EQ(run(S, op_sd, DATA, 0).cause, X_STORE_PAGE);
    }
    *above = good;
    *leaf = pte_make((u64)data, PTE_V); /* a pointer at the last level */
    sfence();
    CHECK_EQ(run(S, op_ld, DATA, 0).cause, X_LOAD_PAGE);
    *above = pte_make(0x8000000, PTE_V); /* a table where nothing is */
    sfence();
    if (!OUTSIDE) {
        CHECK_TRAP(run(S, op_ld, DATA, 0), X_LOAD_ACCESS, DATA);
        CHECK_TRAP(run(S, op_sd, DATA, 0), X_STORE_ACCESS, DATA);
        CHECK_TRAP(run(S, op_jump, DATA, 0), X_FETCH_ACCESS, DATA);
    }
    *above = good;
    *leaf = pte_make(0x8000000, RWX); /* a page where nothing is */
    sfence();
    CHECK_TRAP(run(S, op_ld, DATA + 8, 0), X_LOAD_ACCESS, DATA + 8);
    CHECK_TRAP(run(S, op_jump, DATA + 8, 0), X_FETCH_ACCESS, DATA + 8);
    use_tables(NULL, 0);
}

/* Svnapot: sixteen entries that say 64 KiB. Svpbmt: two bits that are reserved until menvcfg.PBMTE. */
static void napot_and_pbmt(void)
{
    const u64 n = 1ull << 63, pbmt = 1ull << 61, pbmte = 1ull << 62;
    Tables t = tables_new(3);
    bare_map_program(&t);
    char *data = pages(16);
    use_tables(&t, 0);
    for (u64 k = 0; k < 16; k++) {
        *(u64 *)(data + k * 4096) = k + 100;
        *pte_of(&t, DATA + k * 4096, 0) = pte_make((u64)data + 0x8000, RW) | n;
    }
    sfence();
    for (u64 k = 0; k < 16; k++) {
        CHECK_VALUE(run(S, op_ld, DATA + k * 4096, 0), k + 100);
        CHECK_EQ(run(S, op_sd, DATA + k * 4096 + 8, k).cause, NO_TRAP);
        CHECK_EQ(*(u64 *)(data + k * 4096 + 8), k);
    }
    for (u64 k = 0; k < 16; k++)
        *pte_of(&t, DATA + k * 4096, 0) = 0;
    sfence_va(DATA + 5 * 4096); /* one address, all of the page */
    for (u64 k = 0; k < 16; k++)
        CHECK_EQ(run(S, op_ld, DATA + k * 4096, 0).cause, X_LOAD_PAGE);
    *pte_of(&t, DATA, 0) = pte_make((u64)data + 0x4000, RW) | n; /* another size */
    sfence();
    CHECK_EQ(run(S, op_ld, DATA, 0).cause, X_LOAD_PAGE);
    csr_clear(0x30a, pbmte);
    for (u64 type = 1; type <= 3; type++) {
        *pte_of(&t, DATA, 0) = pte_make((u64)data, RW) | pbmt * type;
        sfence();
        CHECK_EQ(run(S, op_ld, DATA, 0).cause, X_LOAD_PAGE);
        csr_set(0x30a, pbmte);
        sfence();
        CHECK_EQ(run(S, op_ld, DATA, 0).cause, type == 3 ? X_LOAD_PAGE : NO_TRAP);
        csr_clear(0x30a, pbmte);
    }
    use_tables(NULL, 0);
}

/* What the present tables say counts at the latest after the fence that names it. */
static void flushes(void)
{
    Tables t = tables_new(3), u = tables_new(3);
    bare_map_program(&t);
    bare_map_program(&u);
    u64 *a = pages(1), *b = pages(1), *c = pages(1);
    a[0] = 1;
    b[0] = 2;
    c[0] = 3;
    use_tables(&t, 1);
    for (unsigned n = 0; n < 50; n++) {
        map(&t, DATA, (u64)(n & 1 ? a : b), 0, RW);
        sfence_va(DATA);
        CHECK_VALUE(run(S, op_ld, DATA, 0), n & 1 ? 1 : 2);
    }
    /* by ASID */
    __asm__ volatile("sfence.vma x0, %0" ::"r"(1ull) : "memory");
    map(&t, DATA, (u64)c, 0, RW);
    __asm__ volatile("sfence.vma x0, %0" ::"r"(1ull) : "memory");
    CHECK_VALUE(run(S, op_ld, DATA, 0), 3);
    map(&t, DATA, (u64)a, 0, RW);
    __asm__ volatile("sfence.vma %1, %0" ::"r"(1ull), "r"((u64)DATA) : "memory");
    CHECK_VALUE(run(S, op_ld, DATA, 0), 1);
    /* two spaces, switched without a fence */
    map(&u, DATA, (u64)b, 0, RW);
    sfence();
    for (unsigned n = 0; n < 100; n++) {
        csr_write(satp, satp_of(n & 1 ? &t : &u, n & 1 ? 1 : 2));
        CHECK_VALUE(run(S, op_ld, DATA, 0), n & 1 ? 1 : 2);
    }
    /* more spaces than an emulator may keep, each with a page and code of its own at one address */
    enum { SPACES = 24 };
    static Tables many[SPACES];
    static uint32_t *code[SPACES];
    for (unsigned k = 0; k < SPACES; k++) {
        many[k] = tables_new(3);
        bare_map_program(&many[k]);
        code[k] = pages(1);
        code[k][0] = 0x00000513 | k << 20; /* li a0, k */
        code[k][1] = 0x00008067;           /* ret */
        map(&many[k], DATA, (u64)code[k], 0, RWX);
    }
    fence_i();
    sfence();
    for (unsigned n = 0; n < 10 * SPACES; n++) {
        unsigned k = n * 7 % SPACES;
        csr_write(satp, satp_of(&many[k], k + 1));
        CHECK_VALUE(run(S, (Op *)DATA, 0, 0), k);
    }
    use_tables(NULL, 0);
}

/* A large page in pieces, and back. */
static void large_page(void)
{
    Tables t = tables_new(3);
    bare_map_program(&t);
    u64 *a = pages(1);
    u64 big = 3ull << 30;
    char *two = pages(512);
    *(u64 *)(two + 5 * 4096) = 55;
    *a = 66;
    use_tables(&t, 1);
    for (unsigned n = 0; n < 6; n++) {
        map(&t, big, (u64)two, 1, RW);
        sfence_va(big + 5 * 4096);
        sfence_va(big);
        CHECK_VALUE(run(S, op_ld, big + 5 * 4096, 0), 55);
        *pte_of(&t, big, 1) = 0;
        for (unsigned k = 0; k < 512; k++)
            map(&t, big + k * 4096, (u64)(k == 5 ? (char *)a : two + k * 4096), 0, RW);
        sfence_va(big); /* an address of the large page: its whole entry goes */
        CHECK_VALUE(run(S, op_ld, big + 5 * 4096, 0), 66);
    }
    use_tables(NULL, 0);
}

static u64 sums(u64 a, u64 n)
{
    u64 s = 0;
    for (u64 k = 0; k < n; k++)
        s = s * 3 + ((volatile u64 *)a)[k * 512];
    return s;
}

/* More pages than a TLB has entries, and addresses that meet in it. */
static void many_pages(void)
{
    enum { N = 3000 };
    Tables t = tables_new(3);
    bare_map_program(&t);
    char *data = pages(4096);
    for (u64 k = 0; k < N; k++) {
        *(u64 *)(data + k * 4096) = k * k;
        map(&t, DATA + k * 4096, (u64)data + k * 4096, 0, RW);
    }
    use_tables(&t, 0);
    u64 want = 0;
    for (u64 k = 0; k < N; k++)
        want = want * 3 + k * k;
    for (unsigned n = 0; n < 3; n++)
        CHECK_VALUE(run(S, sums, DATA, N), want);
    use_tables(NULL, 0);
}

void test(void)
{
    for (unsigned levels = 3; levels <= 5; levels++)
        sizes(levels);
    permissions();
    mprv();
    accessed_and_dirty();
    bad_entries();
    if (!OUTSIDE)
        napot_and_pbmt();
    flushes();
    large_page();
    many_pages();
}
