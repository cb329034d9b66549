/* options: -cpu max
 * Translation, stage 1: granules and depths, both halves, blocks and contiguous entries, permissions, access
 * flag and dirty state by hardware, ASIDs, TLBI of each kind, AT. */
#include "a64_bare.h"

#define MAX_LEVEL(a, b) ((a) > (b) ? (a) : (b))
#define DATA            0x100000000ull
#define TCR_TBI0        (1ull << 37)
#define TCR_HA          (1ull << 39)
#define TCR_HD          (1ull << 40)
#define TCR_EPD1        (1ull << 23)
#define TCR_DS          (1ull << 59)
#define TCR_A1          (1ull << 22)
#define PAR_MASK        0xfffffffff000ull

#define AT(what, va)                                                                                         \
    ({                                                                                                       \
        u64 va_ = (va);                                                                                      \
        __asm__ volatile("at " #what ", %0\n isb" ::"r"(va_) : "memory");                                    \
        reg_read(par_el1);                                                                                   \
    })

/* TLBI RVAE1 (1), RVAAE1 (3) */
#define sys_c8_c6(op2, v)                                                                                    \
    ({                                                                                                       \
        u64 v_ = (u64)(v);                                                                                   \
        __asm__ volatile("dsb ish\n sys #0, c8, c6, #" #op2 ", %0\n dsb ish\n isb" ::"r"(v_) : "memory");    \
    })

static u64 load(u64 va)
{
    return *(volatile u64 *)va;
}

/* ---- geometry ---- */

static void at_each_level(unsigned page_bits, unsigned va_bits)
{
    Tables t = tables_new(page_bits, va_bits);
    u64 page = (u64)pages_aligned(1u << (page_bits - 12), 1ull << page_bits);
    int first = first_level(&t), block = page_bits == 12 ? 1 : 2;
    bare_map_program(&t);
    for (u64 k = 0; k < 1ull << page_bits; k += 4096)
        *(u64 *)(page + k) = 0x1234567800 + k;
    use_tables(&t, 0, 0);
    for (unsigned round = 0; round < 6; round++) {
        u64 va =
            ((random_u64() & ((1ull << va_bits) - 1)) | 1ull << (va_bits - 1)) & ~((1ull << page_bits) - 1);
        /* nothing there: the level of the first entry that is none; higher tables may have come to be */
        Seen s = run(EL1T, op_ldr, va + 16, 0);
        CHECK_EQ(s.ec, EC_DATA_SAME);
        CHECK_EQ(s.far, va + 16);
        for (int level = first; level <= 3; level++) { /* tables down to `level`, and nothing in it */
            pte_of(&t, va, level);
            tlbi(vmalle1);
            CHECK_ABORT(run(EL1T, op_ldr, va, 0), EC_DATA_SAME, (unsigned)(FSC_TRANSLATION + level), va);
        }
        map(&t, va, page, 3, D_RW);
        barrier("dsb ish\n isb");
        CHECK_VALUE(run(EL1T, op_ldr, va, 0), 0x1234567800);
        CHECK_EQ(load(va + (1 << page_bits) - 4096), 0x1234567800 + (1ull << page_bits) - 4096);
        CHECK_ABORT(run(EL1T, op_ldr, va + (1 << page_bits), 0), EC_DATA_SAME, FSC_TRANSLATION + 3,
                    va + (1 << page_bits));
        *pte_of(&t, va, 3) = D_RW; /* reserved: neither page nor invalid */
        tlbi_by(vaae1, va >> 12);
        CHECK_ABORT(run(EL1T, op_ldr, va, 0), EC_DATA_SAME, FSC_TRANSLATION + 3, va);
        *pte_of(&t, va, first) = 0;
        tlbi(vmalle1);
    }
    /* blocks of each size that there is */
    for (int level = MAX_LEVEL(first, block); level <= 2; level++) {
        u64 bytes = 1ull << level_bits(&t, level), pa = page & ~(bytes - 1);
        u64 va = ((1ull << (va_bits - 1)) | bytes) & ((1ull << va_bits) - 1);
        if (level_bits(&t, level) >= va_bits)
            continue;
        map(&t, va, pa, level, D_RW);
        tlbi(vmalle1);
        CHECK_EQ(load(va + (page - pa)), 0x1234567800);
        CHECK_EQ(load(va + (page - pa) + 4096 % (1u << page_bits)), load(page + 4096 % (1u << page_bits)));
        *pte_of(&t, va, level) = 0;
        tlbi(vmalle1);
        CHECK_EQ(run(EL1T, op_ldr, va, 0).iss, (unsigned)(FSC_TRANSLATION + level));
    }
    use_tables(NULL, 0, 0);
}

static void geometry(void)
{
    static const uint8_t sizes[][2] = {{12, 39}, {12, 48}, {12, 42}, {14, 47}, {14, 48},
                                       {14, 38}, {16, 42}, {16, 48}, {16, 36}};
    for (unsigned k = 0; k < sizeof(sizes) / 2; k++)
        at_each_level(sizes[k][0], sizes[k][1]);
}

/* 52 bits: one more level of 4 KiB tables, a larger first table of the others, addresses put together anew.
 */
static void wide_addresses(void)
{
    for (unsigned g = 0; g < 3; g++) {
        unsigned bits = 12 + 2 * g;
        Tables t = tables_new(bits, 52);
        u64 va = 1ull << 51 | 5ull << 48 | 0x123ull << bits, *page = pages_aligned(32, 131072);
        u64 shareable = g < 2 ? D_INNER : 0; /* bits 9..8 are address */
        int level = bits == 12 ? 1 : 2;
        bare_map_program(&t);
        for (u64 at = 0; at < 2ull << 32; at += 1ull << level_bits(&t, level))
            *pte_of(&t, at, level) &= ~shareable;
        *page = 52 + g;
        map(&t, va, (u64)page, 3, D_RW & ~shareable);
        map(&t, va + (1 << bits), g < 2 ? 3ull << 8 | 1ull << 49 : 15ull << 12, 3, D_RW & ~shareable);
        use_tables(&t, 0, (g < 2 ? TCR_DS : 0) | 3ull << 32); /* IPS: 52 bits */
        CHECK_EQ(first_level(&t), g == 0 ? -1 : g == 1 ? 0 : 1);
        CHECK_VALUE(run(EL1T, op_ldr, va, 0), 52 + g);
        CHECK_EQ(AT(s1e1r, va) & (PAR_MASK | 15ull << 48 | 1), page);
        /* a range that ends with it: its first address is of 64 KiB */
        map(&t, va, (u64)page + 65536, 3, D_RW & ~shareable);
        page[65536 / sizeof(*page)] = 152 + g;
        sys_c8_c6(1, (g + 1ull) << 46 | 1ull << 39 | (va >> 16 & 0x1fffffffff));
        CHECK_VALUE(run(EL1T, op_ldr, va, 0), 152 + g);
        /* nothing is there, but that it is so far up can be seen */
        CHECK_EQ(AT(s1e1r, va + (1 << bits)) & (PAR_MASK | 15ull << 48 | 1),
                 g < 2 ? 0xe000000000000 : 15ull << 48);
        CHECK_EQ(run(EL1T, op_ldr, va + (2 << bits), 0).iss, FSC_TRANSLATION + 3);
        *pte_of(&t, va, first_level(&t)) = 0;
        tlbi(vmalle1);
        CHECK_EQ(run(EL1T, op_ldr, va, 0).iss, g == 0 ? 43u : FSC_TRANSLATION + g - 1u);
        use_tables(NULL, 0, 0);
    }
}

/* Entries that say they are contiguous, and are: 16 of 4 KiB, 128 of 16 KiB, 32 of 64 KiB. */
static void contiguous(void)
{
    static const uint8_t count[3] = {16, 128, 32};
    for (unsigned g = 0; g < 3; g++) {
        unsigned bits = 12 + 2 * g;
        Tables t = tables_new(bits, 48);
        u64 bytes = (u64)count[g] << bits, va = DATA, pa = 0x44000000;
        bare_map_program(&t);
        use_tables(&t, 0, 0);
        for (u64 k = 0; k < bytes; k += 1ull << bits)
            map(&t, va + k, pa + k, 3, D_RW | D_CONT);
        barrier("dsb ish\n isb");
        for (u64 k = 0; k < bytes; k += 4096)
            *(u64 *)(va + k) = k + bits;
        for (u64 k = 0; k < bytes; k += 4096)
            CHECK_EQ(load(pa + k), k + bits);
        use_tables(NULL, 0, 0);
    }
}

/* The upper half has its own size, granule and base. */
static void upper_half(void)
{
    for (unsigned g = 0; g < 3; g++) {
        unsigned bits = 12 + 2 * g;
        Tables low = tables_new(12, 39), high = tables_new(bits, 42);
        u64 *page = pages_aligned(16, 65536), va = ~0ull << 42 | 0x5000000;
        page[0] = 77 + g;
        bare_map_program(&low);
        map(&high, va, (u64)page, 3, D_RW);
        reg_write(ttbr1_el1, high.root);
        use_tables(&low, 0, TCR_EPD1 | tcr_of(&high, 1));
        CHECK_VALUE(run(EL1T, op_ldr, va, 0), 77 + g);
        CHECK_ABORT(run(EL1T, op_ldr, va - (1ull << 42), 0), EC_DATA_SAME, FSC_TRANSLATION,
                    va - (1ull << 42));
        CHECK_ABORT(run(EL1T, op_ldr, 1ull << 39, 0), EC_DATA_SAME, FSC_TRANSLATION, 1ull << 39);
        CHECK_ABORT(run(EL1T, op_ldr, 1ull << 55, 0), EC_DATA_SAME, FSC_TRANSLATION, 1ull << 55);
        CHECK_ABORT(run(EL1T, op_ldr, va & ~(1ull << 60), 0), EC_DATA_SAME, FSC_TRANSLATION,
                    va & ~(1ull << 60));
        CHECK_ABORT(run(EL1T, op_ldr, DATA | 1ull << 60, 0), EC_DATA_SAME, FSC_TRANSLATION,
                    DATA | 1ull << 60);
        use_tables(&low, 0, tcr_of(&high, 1)); /* EPD1 */
        CHECK_ABORT(run(EL1T, op_ldr, va, 0), EC_DATA_SAME, FSC_TRANSLATION, va);
        use_tables(NULL, 0, 0);
    }
}

/* The top byte is ignored, for data and fetches, and TLBI is by the address without it. */
static void tags(void)
{
    Tables t = tables_new(12, 39);
    u64 *a = pages(1), *b = pages(1), tag = 0xabull << 56;
    *a = 1;
    *b = 2;
    bare_map_program(&t);
    map(&t, DATA, (u64)a, 3, D_RW);
    use_tables(&t, 0, TCR_TBI0);
    CHECK_VALUE(run(EL1T, op_ldr, DATA | tag, 0), 1);
    CHECK_VALUE(run(EL1T, op_ldr, DATA, 0), 1);
    CHECK_EQ(run(EL1T, op_str, DATA | tag, 9).ec, NO_TRAP);
    CHECK_EQ(*a, 9);
    map(&t, DATA, 0, 3, 0);
    *pte_of(&t, DATA, 3) = 0;
    tlbi_by(vaae1, DATA >> 12);
    CHECK_EQ(run(EL1T, op_ldr, DATA | tag, 0).iss, FSC_TRANSLATION + 3);
    map(&t, DATA, (u64)b, 3, D_RW);
    barrier("dsb ish\n isb");
    CHECK_VALUE(run(EL1T, op_ldr, DATA | tag, 0), 2);
    CHECK_EQ(run(EL1T, op_ldr, DATA | 1ull << 55, 0).ec, EC_DATA_SAME);
    CHECK_VALUE(run(EL1T, op_jump, (u64)op_mrs_currentel | tag, 0), 4);
    use_tables(NULL, 0, 0);
}

/* ---- permissions ---- */

typedef struct Attrs {
    bool user, ro, pxn, uxn, no_user, table_ro, table_pxn, table_uxn;
} Attrs;

/* Arm ARM, "Stage 1 data accesses permissions", "Instruction execution permissions". */
static bool may(Attrs a, bool el0, unsigned how, bool pan, bool epan)
{
    bool user = a.user && !a.no_user, write = !(a.ro || a.table_ro);
    bool user_write = user && write;
    if (how == 2) {
        if (el0)
            return !(a.uxn || a.table_uxn);
        return !(a.pxn || a.table_pxn) && !user_write;
    }
    if (el0)
        return user && (how == 0 || write);
    return !(pan && (user || (epan && !(a.uxn || a.table_uxn)))) && (how == 0 || write);
}

/* All choices of attributes; SCTLR.EPAN (FEAT_PAN3): PAN keeps from what EL0 may only run, too. */
static void permissions(bool epan)
{
    const u64 sctlr = reg_read(sctlr_el1);
    Tables t = tables_new(12, 48);
    uint32_t *code = pages(1);
    u64 table, *above;
    code[0] = 0xd2800540; /* mov x0, #42 */
    code[1] = 0xd65f03c0;
    bare_map_program(&t);
    map(&t, DATA, (u64)code, 3, D_RW);
    above = pte_of(&t, DATA, 1);
    table = *above;
    use_tables(&t, 0, 0);
    if (epan)
        reg_write(sctlr_el1, reg_read(sctlr_el1) | 1ull << 57);
    for (unsigned k = 0; k < 256; k++) {
        Attrs a = {k & 1, k & 2, k & 4, k & 8, k & 16, k & 32, k & 64, k & 128};
        *above = table | (u64)a.no_user << 61 | (u64)a.table_ro << 62 | (u64)a.table_pxn << 59 |
                 (u64)a.table_uxn << 60;
        map(&t, DATA, (u64)code, 3,
            D_VALID | D_AF | D_INNER | (a.user ? D_USER : 0) | (a.ro ? D_RO : 0) | (a.pxn ? D_PXN : 0) |
                (a.uxn ? D_UXN : 0));
        tlbi(vmalle1);
        for (unsigned way = 0; way < 5; way++) { /* EL0; EL1; EL1 with PAN; LDTR; LDTR with UAO */
            bool el0 = way == 0, as_el0 = way == 0 || way == 3, pan = way == 2;
            unsigned level = el0 ? EL0 : EL1T | (pan ? PSTATE_PAN : 0) | (way == 4 ? PSTATE_UAO : 0);
            for (unsigned how = 0; how < (way < 2 ? 3u : 2u); how++) {
                Op *fn = how == 2 ? op_jump : way < 3 ? (how ? op_str : op_ldr) : how ? op_sttr : op_ldtr;
                Seen s = run(level, fn, DATA + (how == 1 ? 64 : 0), 0);
                bool want = may(a, as_el0, how, pan, epan);
                if ((s.ec == NO_TRAP) != want) {
                    report("attributes, way, how", k, way << 4 | how);
                    CHECK_EQ(s.ec == NO_TRAP, want);
                } else if (!want) {
                    CHECK_ABORT(s, (how == 2 ? EC_FETCH_LOWER : EC_DATA_LOWER) + !el0,
                                (how == 1 ? ISS_WNR : 0) | (FSC_PERMISSION + 3), DATA + (how == 1 ? 64 : 0));
                }
            }
        }
    }
    *above = table;
    use_tables(NULL, 0, 0);
    reg_write(sctlr_el1, sctlr);
}

/* SCTLR.WXN: what can be written cannot be run. The program's code can only be read for that. */
static void write_or_run(void)
{
    extern char data_start[];
    const u64 wxn = 1ull << 19, sctlr = reg_read(sctlr_el1), rwx = D_VALID | D_AF | D_INNER | D_UXN;
    Tables t = tables_new(12, 39);
    uint32_t *code = pages(1);
    code[0] = 0xd2800540; /* mov x0, #42 */
    code[1] = 0xd65f03c0;
    map(&t, 0, 0, 1, rwx | D_PXN);
    for (u64 at = 0x40200000; at < 0x40400000; at += 4096) {
        bool data = at >= (u64)data_start;
        map(&t, at, at, 3, rwx | (data ? D_PXN : D_RO));
        map(&t, at + ALIAS, at, 3, D_VALID | D_AF | D_INNER | D_PXN | D_USER | (data ? D_UXN : D_RO));
    }
    for (u64 at = 0x40400000; at < 0x48000000; at += 2 << 20)
        map(&t, at, at, 2, D_RW);
    map(&t, DATA, (u64)code, 3, rwx);
    map(&t, DATA + 4096, (u64)code, 3, D_VALID | D_AF | D_INNER | D_PXN | D_USER);
    for (unsigned k = 0; k < 3; k++) { /* off, on, off again */
        bool on = k == 1;
        use_tables(&t, 0, 0);
        reg_write(sctlr_el1, (reg_read(sctlr_el1) & ~wxn) | (on ? wxn : 0));
        tlbi(vmalle1);
        CHECK_EQ(run(EL1T, op_jump, DATA, 0).iss, on ? FSC_PERMISSION + 3 : 0x7e57);
        CHECK_EQ(run(EL0, op_jump, DATA + 4096, 0).iss, on ? FSC_PERMISSION + 3 : 0x7e57);
        CHECK_EQ(run(EL1T, op_str, DATA + 64, 0).ec, NO_TRAP);
        map(&t, DATA, (u64)code, 3, rwx | D_RO);
        tlbi(vmalle1);
        CHECK_VALUE(run(EL1T, op_jump, DATA, 0), 42);
        map(&t, DATA, (u64)code, 3, rwx);
        use_tables(NULL, 0, 0);
    }
    reg_write(sctlr_el1, sctlr);
}

/* SPAN: whether an exception sets PAN. */
static void span(void)
{
    Tables t = tables_new(12, 39);
    bare_map_program(&t);
    use_tables(&t, 0, 0);
    u64 was = reg_read(sctlr_el1);
    reg_write(sctlr_el1, was | 1 << 23);
    run(EL1T, op_svc, 0, 0);
    CHECK_EQ(reg_read(s3_0_c4_c2_3), 0);
    CHECK_EQ(run(EL1T | PSTATE_PAN, op_svc, 0, 0).spsr & PSTATE_PAN, PSTATE_PAN);
    CHECK_EQ(run(EL1T | PSTATE_UAO, op_svc, 0, 0).spsr & PSTATE_UAO, PSTATE_UAO);
    reg_write(sctlr_el1, was);
    use_tables(NULL, 0, 0);
}

/* ---- access flag, dirty state ---- */

static void flags(void)
{
    Tables t = tables_new(12, 39);
    u64 *page = pages(1), *e;
    bare_map_program(&t);
    map(&t, DATA, (u64)page, 3, D_RW & ~D_AF);
    e = pte_of(&t, DATA, 3);
    use_tables(&t, 0, 0);
    CHECK_ABORT(run(EL1T, op_ldr, DATA, 0), EC_DATA_SAME, FSC_ACCESS + 3, DATA);
    CHECK_ABORT(run(EL1T, op_str, DATA, 0), EC_DATA_SAME, ISS_WNR | (FSC_ACCESS + 3), DATA);
    CHECK_EQ(*e & D_AF, 0);
    *e |= D_AF; /* needs no TLBI */
    barrier("dsb ish\n isb");
    CHECK_EQ(run(EL1T, op_ldr, DATA, 0).ec, NO_TRAP);
    use_tables(&t, 0, TCR_HA);
    *e &= ~D_AF;
    tlbi(vmalle1);
    CHECK_EQ(run(EL1T, op_ldr, DATA, 0).ec, NO_TRAP);
    CHECK_EQ(*e & D_AF, D_AF);
    *e = (*e & ~D_AF) | D_RO | D_DBM; /* HD off: DBM means nothing */
    tlbi(vmalle1);
    CHECK_ABORT(run(EL1T, op_str, DATA, 0), EC_DATA_SAME, ISS_WNR | (FSC_PERMISSION + 3), DATA);
    use_tables(&t, 0, TCR_HA | TCR_HD);
    *e |= D_AF;
    tlbi(vmalle1);
    CHECK_EQ(run(EL1T, op_ldr, DATA, 0).ec, NO_TRAP);
    CHECK_EQ(*e & D_RO, D_RO);
    CHECK_EQ(run(EL1T, op_str, DATA, 5).ec, NO_TRAP);
    CHECK_EQ(*e & D_RO, 0);
    CHECK_EQ(page[0], 5);
    *e |= D_RO; /* clean again */
    tlbi_by(vale1, DATA >> 12);
    CHECK_EQ(run(EL1T, op_ldadd, DATA, 5).ec, NO_TRAP);
    CHECK_EQ(*e & D_RO, 0);
    CHECK_EQ(page[0], 10);
    *e = (*e | D_RO) & ~D_DBM;
    tlbi_by(vaale1, DATA >> 12);
    CHECK_ABORT(run(EL1T, op_str, DATA, 0), EC_DATA_SAME, ISS_WNR | (FSC_PERMISSION + 3), DATA);
    use_tables(NULL, 0, 0);
}

/* ---- output addresses ---- */

static void output_size(void)
{
    Tables t = tables_new(12, 39);
    bare_map_program(&t);
    map(&t, DATA, 1ull << 37, 3, D_RW);
    use_tables(&t, 0, 5ull << 32 ^ 1ull << 32); /* IPS: 36 bits */
    CHECK_ABORT(run(EL1T, op_ldr, DATA, 0), EC_DATA_SAME, FSC_SIZE + 3, DATA);
    map(&t, DATA, 0x40000000, 2, D_RW);
    tlbi(vmalle1);
    *pte_of(&t, DATA, 2) = 1ull << 38 | D_VALID | D_TABLE;
    tlbi(vmalle1);
    CHECK_ABORT(run(EL1T, op_ldr, DATA, 0), EC_DATA_SAME, FSC_SIZE + 2, DATA);
    use_tables(NULL, 0, 0);
}

/* ---- TLBI ---- */

static Tables t_asid[3];
static u64 *pages_of[4];

static u64 seen_in(unsigned asid, u64 va)
{
    reg_write(ttbr0_el1, (u64)t_asid[asid].root | (u64)asid << 48);
    return run(EL1T, op_ldr, va, 0).value;
}

/* A global page, through the tables of all. */
static void global_page(void)
{
    for (unsigned k = 0; k < 3; k++)
        *pte_of(&t_asid[k], DATA + 4096, 3) = 0;
    tlbi_by(vae1, (u64)1 << 48 | (DATA + 4096) >> 12);
    for (unsigned k = 0; k < 3; k++) {
        reg_write(ttbr0_el1, (u64)t_asid[k].root | (u64)k << 48);
        CHECK_EQ(run(EL1T, op_ldr, DATA + 4096, 0).iss, FSC_TRANSLATION + 3);
    }
}

/* Each ASID has its own page; global pages are everybody's; what was invalidated is not seen any more. */
static void asids(void)
{
    for (unsigned k = 0; k < 4; k++) {
        pages_of[k] = pages(1);
        *pages_of[k] = 100 + k;
    }
    for (unsigned k = 0; k < 3; k++) {
        t_asid[k] = tables_new(12, 39);
        bare_map_program(&t_asid[k]);
        map(&t_asid[k], DATA, (u64)pages_of[k], 3, D_RW | D_NG);
        map(&t_asid[k], DATA + 4096, (u64)pages_of[3], 3, D_RW);
    }
    use_tables(&t_asid[0], 0, 1ull << 36); /* 16-bit ASIDs */
    for (unsigned round = 0; round < 40; round++) {
        unsigned k = random_u64() % 3, other = random_u64() % 3;
        CHECK_EQ(seen_in(k, DATA), *pages_of[k]);
        CHECK_EQ(seen_in(other, DATA + 4096), *pages_of[3]);
        u64 *swap = pages_of[k];
        pages_of[k] = pages_of[other];
        pages_of[other] = swap;
        *pte_of(&t_asid[k], DATA, 3) = 0;
        *pte_of(&t_asid[other], DATA, 3) = 0;
        switch (random_u64() % 6) {
        case 0:
            tlbi_by(vae1, (u64)k << 48 | DATA >> 12);
            tlbi_by(vae1is, (u64)other << 48 | DATA >> 12);
            break;
        case 1:
            tlbi_by(aside1, (u64)k << 48);
            tlbi_by(aside1is, (u64)other << 48);
            break;
        case 2: tlbi_by(vaae1, DATA >> 12); break;
        case 3: tlbi(vmalle1is); break;
        case 4: /* with the level: 4 KiB granule, level 3 */
            tlbi_by(vale1, (u64)k << 48 | 7ull << 44 | DATA >> 12);
            tlbi_by(vale1, (u64)other << 48 | 7ull << 44 | DATA >> 12);
            break;
        default: /* RVAAE1: range of 4 pages around: BaseADDR, NUM 1, SCALE 0, TG 4 KiB */
            sys_c8_c6(3, 1ull << 46 | 1ull << 39 | ((DATA - 8192) >> 12 & 0x1fffffffff));
            break;
        }
        /* break before make: now nothing is there */
        reg_write(ttbr0_el1, (u64)t_asid[k].root | (u64)k << 48);
        CHECK_EQ(run(EL1T, op_ldr, DATA, 0).iss, FSC_TRANSLATION + 3);
        map(&t_asid[k], DATA, (u64)pages_of[k], 3, D_RW | D_NG);
        map(&t_asid[other], DATA, (u64)pages_of[other], 3, D_RW | D_NG);
        barrier("dsb ish\n isb");
        CHECK_EQ(seen_in(k, DATA), *pages_of[k]);
        CHECK_EQ(seen_in(other, DATA), *pages_of[other]);
    }
    global_page();
    /* ASID of TTBR1 */
    reg_write(tcr_el1, reg_read(tcr_el1) | TCR_A1);
    reg_write(ttbr1_el1, 7ull << 48);
    CHECK_EQ(seen_in(1, DATA), *pages_of[1]);
    *pte_of(&t_asid[1], DATA, 3) = 0;
    tlbi_by(aside1, 7ull << 48);
    CHECK_EQ(run(EL1T, op_ldr, DATA, 0).iss, FSC_TRANSLATION + 3);
    use_tables(NULL, 0, 0);
}

/* Ranges: exactly so much is forgotten at least, by each scale. */
static void ranges(void)
{
    Tables t = tables_new(12, 39);
    u64 *a = pages(1), *b = pages(1);
    *a = 1;
    *b = 2;
    bare_map_program(&t);
    use_tables(&t, 5, 0);
    for (unsigned scale = 0; scale < 2; scale++) {
        for (unsigned num = 0; num < 31; num += 10) {
            u64 n = (num + 1ull) << (5 * scale + 1), at[3] = {0, n / 2, n - 1};
            for (unsigned k = 0; k < 3; k++) {
                map(&t, DATA + at[k] * 4096, (u64)a, 3, D_RW | D_NG);
                tlbi(vmalle1);
                CHECK_EQ(load(DATA + at[k] * 4096), 1);
                map(&t, DATA + at[k] * 4096, (u64)b, 3, D_RW | D_NG);
            }
            sys_c8_c6(1, 5ull << 48 | 1ull << 46 | (u64)scale << 44 | (u64)num << 39 | DATA >> 12);
            for (unsigned k = 0; k < 3; k++)
                CHECK_EQ(load(DATA + at[k] * 4096), 2);
        }
    }
    use_tables(NULL, 0, 0);
}

/* ---- AT ---- */

static void address_translation(void)
{
    Tables t = tables_new(12, 39);
    u64 page = (u64)pages(1);
    bare_map_program(&t);
    map(&t, DATA, page, 3, D_RW | D_RO);
    map(&t, DATA + 4096, page, 3, D_RW | D_USER);
    map(&t, DATA + 8192, page, 3, D_RW & ~D_AF);
    use_tables(&t, 0, 0);
    CHECK_EQ(AT(s1e1r, DATA + 0x123) & (PAR_MASK | 1), page);
    /* the kind of memory and who shares it */
    static const uint8_t kinds[] = {0xff, 0x00, 0x0c, 0x44, 0xbb, 0x4f, 0xf4, 0x04};
    for (unsigned k = 0; k < 8; k++) {
        for (unsigned sh = 0; sh < 4; sh++) {
            reg_write(mair_el1, (u64)kinds[k] << 8 | 0xff);
            *pte_of(&t, DATA + 4096, 3) =
                (*pte_of(&t, DATA + 4096, 3) & ~(u64)(31 << 2 | 3 << 8)) | 1 << 2 | sh << 8 | D_USER;
            tlbi(vmalle1);
            bool outer = !OUTSIDE && (kinds[k] == 0x44 || !(kinds[k] & 0xf0)); /* says what the entry says */
            if (sh != 1)                                                       /* reserved */
                CHECK_EQ(AT(s1e1r, DATA + 4096) & (255ull << 56 | 3 << 7),
                         (u64)kinds[k] << 56 | (outer ? 2 : sh) << 7);
        }
    }
    CHECK_EQ(AT(s1e1w, DATA) & 0x7f, 1 | (FSC_PERMISSION + 3) << 1);
    CHECK_EQ(AT(s1e0r, DATA) & 0x7f, 1 | (FSC_PERMISSION + 3) << 1);
    CHECK_EQ(AT(s1e0r, DATA + 4096) & (PAR_MASK | 1), page);
    CHECK_EQ(AT(s1e0w, DATA + 4096) & (PAR_MASK | 1), page);
    CHECK_EQ(AT(s1e1w, DATA + 4096) & (PAR_MASK | 1), page);
    CHECK_EQ(AT(s1e1r, DATA + 8192) & 0x7f, 1 | (FSC_ACCESS + 3) << 1);
    CHECK_EQ(AT(s1e1r, DATA + 12288) & 0x7f, 1 | (FSC_TRANSLATION + 3) << 1);
    CHECK_EQ(AT(s1e1r, 1ull << 45) & 0x7f, 1 | FSC_TRANSLATION << 1);
    CHECK_EQ(AT(s1e1r, DATA) >> 56, 0xff); /* MAIR's attributes */
    use_tables(NULL, 0, 0);
}

void test(void)
{
    CHECK_EQ(reg_read(id_aa64isar0_el1) >> 56 & 15, 2); /* TLBI of ranges, and outer shareable */
    CHECK_EQ(reg_read(s3_0_c0_c7_2) >> 48 & 15, 1);     /* ID_AA64MMFR2_EL1: TLBI with a level */
    geometry();
    wide_addresses();
    contiguous();
    upper_half();
    tags();
    permissions(false);
    if ((reg_read(id_aa64mmfr1_el1) >> 20 & 15) >= 3)
        permissions(true);
    write_or_run();
    span();
    flags();
    output_size();
    asids();
    ranges();
    address_translation();
}
