/* options: -smp 4
 * outside: no (bare.h: it goes on running code that changed while it was translated)
 * Code that several harts translate while others write to it. What is run is numbers that only grow: who
 * reads the least that must be seen, then executes fence.i, then calls, gets that or more; and never more
 * than was written. */
enum { HARTS = 4 };
#include "harts.h"

enum {
    CODE = 0x40000000,
    RET = 0x00008067,
    C_RET = 0x8082,
    MOST = 2047,
    PER_PAGE = 64,
    GRANULE = 16 /* words */
};

typedef u64 Fn(u64 a0, u64 a1);

static uint32_t *page; /* [2 * 1024], what the parts write code to */
static u64 errors, done, looking, least[PER_PAGE];

static uint32_t li_a0(u64 v)
{
    return 0x00000513 | (uint32_t)v << 20;
}
static uint32_t addi_a0(u64 v)
{
    return 0x00050513 | (uint32_t)v << 20;
}
static uint32_t jump(int words)
{
    uint32_t d = (uint32_t)words * 4;
    return 0x6f | (d >> 20 & 1) << 31 | (d >> 1 & 1023) << 21 | (d >> 11 & 1) << 20 | (d >> 12 & 255) << 12;
}
static void put(uint32_t *at, uint32_t insn)
{
    __atomic_store_n(at, insn, __ATOMIC_RELAXED);
}
static u64 call(const void *at)
{
    return ((Fn *)(u64)at)(0, 0);
}
static void error(void)
{
    __atomic_add_fetch(&errors, 1, __ATOMIC_SEQ_CST);
}
static u64 next(u64 *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> 33;
}

/* Hart 0 begins when the others look. */
static void wait_for_others(void)
{
    while (load(&looking) != HARTS - 1) {
    }
}
static void look(u64 n)
{
    if (n == 0)
        __atomic_add_fetch(&looking, 1, __ATOMIC_SEQ_CST);
}

static void start(void)
{
    looking = done = 0;
    for (unsigned k = 0; k < PER_PAGE; k++)
        least[k] = 0;
}

/* Calls function k of a page again and again. */
static void calls(u64 hart, const void *(*place)(u64 k))
{
    u64 state = hart;
    for (u64 n = 0; !load(&done) || n == 0; n++) {
        u64 k = next(&state) % PER_PAGE, from = load(&least[k]);
        fence_i();
        u64 v = call(place(k));
        if (v < from || v > MOST)
            error();
        look(n);
    }
}

/* ---- each function in 64 bytes of its own; all of one page ---- */

static const void *own(u64 k)
{
    return &page[k * GRANULE];
}

static void own_part(u64 hart)
{
    u64 state = 99;
    if (hart) {
        calls(hart, own);
        return;
    }
    wait_for_others();
    for (unsigned n = 1; n < 1500; n++) {
        u64 k = next(&state) % PER_PAGE, v = least[k] + 1;
        put(&page[k * GRANULE], li_a0(v));
        store(&least[k], v);
    }
    store(&done, 1);
}

static void own_set(void)
{
    for (unsigned k = 0; k < PER_PAGE; k++) {
        put(&page[k * GRANULE], li_a0(0));
        put(&page[k * GRANULE + 1], RET);
    }
}

/* ---- functions of three pieces, which share 64 bytes with those of others: one region has several runs ----
 */

enum { PIECES = 3 };

static uint32_t *piece(u64 k, unsigned n)
{
    return &page[n * 320 + k * 4]; /* four words each: 4 functions in 64 bytes */
}
static const void *pieces(u64 k)
{
    return piece(k, 0);
}

static void pieces_set(void)
{
    for (unsigned k = 0; k < PER_PAGE; k++) {
        for (unsigned n = 0; n < PIECES; n++) {
            put(piece(k, n), n ? addi_a0(0) : li_a0(0));
            put(piece(k, n) + 1, n == PIECES - 1 ? RET : jump(319));
        }
    }
}

static void pieces_part(u64 hart)
{
    u64 state = 7;
    static u64 add[PER_PAGE][PIECES];
    if (hart) {
        calls(hart, pieces);
        return;
    }
    wait_for_others();
    for (unsigned n = 1; n < 1500; n++) {
        u64 k = next(&state) % PER_PAGE, which = n % PIECES, v = ++add[k][which];
        put(piece(k, (unsigned)which), which ? addi_a0(v) : li_a0(v));
        store(&least[k], least[k] + 1);
    }
    store(&done, 1);
}

/* ---- an instruction over two pages: the half in the second one is written ---- */

static const void *crossing(u64 k)
{
    return (char *)page + 4094;
}

static void crossing_set(void)
{
    uint16_t *first = (uint16_t *)(void *)((char *)page + 4094);
    __atomic_store_n(&first[0], (uint16_t)0x0513, __ATOMIC_RELAXED);
    __atomic_store_n(&first[1], (uint16_t)0, __ATOMIC_RELAXED);
    __atomic_store_n(&first[2], (uint16_t)C_RET, __ATOMIC_RELAXED);
}

static void crossing_part(u64 hart)
{
    if (hart) {
        calls(hart, crossing);
        return;
    }
    wait_for_others();
    for (u64 v = 1; v < 700; v++) {
        __atomic_store_n((uint16_t *)(void *)&page[1024], (uint16_t)(v << 4), __ATOMIC_RELAXED);
        for (unsigned k = 0; k < PER_PAGE; k++)
            store(&least[k], v);
    }
    store(&done, 1);
}

/* ---- data written all the time in the 64 bytes of code that has to be made again and again ---- */

static void beside_part(u64 hart)
{
    uint32_t *code = page + 512, *data = code + 4 + hart;
    if (hart) {
        for (u64 n = 0; !load(&done) || n == 0; n++) {
            __atomic_store_n(data, (uint32_t)n, __ATOMIC_RELAXED);
            look(n);
        }
        return;
    }
    wait_for_others();
    for (u64 v = 1; v < 150; v++) {
        put(code, li_a0(v));
        put(code + 1, RET);
        fence_i();
        if (call(code) != v)
            error();
    }
    store(&done, 1);
}

/* ---- a page that is data in one round, written by all, and code in the next ---- */

static void alternate(u64 hart)
{
    enum { ROUNDS = 10, WORDS = 1024 / HARTS };
    uint32_t *mine = page + hart * WORDS;
    for (unsigned n = 1; n <= ROUNDS; n++) {
        for (unsigned k = 0; k < WORDS; k++)
            mine[k] = (uint32_t)(n * 77 + k);
        for (unsigned k = 0; k < WORDS; k++)
            if (mine[k] != n * 77 + k)
                error();
        meet();
        if (hart == n % HARTS)
            for (unsigned k = 0; k < 1024; k += 8) {
                put(&page[k], li_a0(n * 16 + k % 16));
                put(&page[k + 1], RET);
            }
        meet();
        fence_i();
        for (unsigned k = 0; k < 1024; k += 8)
            if (call(&page[(k + hart * 256) % 1024]) != n * 16 + k % 16)
                error();
        meet();
    }
}

/* Counters of each hart in a page where code runs and is written elsewhere. */
static void shared_page(u64 hart)
{
    enum { TIMES = 4000 };
    u64 *counter = (u64 *)(void *)(page + 512 + hart * 64);
    if (hart == 0) {
        for (u64 v = 1; v < 200; v++) {
            put(&page[0], li_a0(v));
            put(&page[1], RET);
            fence_i();
            if (call(page) != v)
                error();
        }
    } else {
        *counter = 0;
        for (u64 n = 0; n < TIMES; n++) {
            *(volatile u64 *)counter = *(volatile u64 *)counter + 1;
            if (n % 64 == 0)
                call(&page[256]);
        }
        if (*counter != TIMES)
            error();
    }
}

/* ---- the mapping of a code page changes ---- */

static Tables t;
enum { REMAPS = 40 };

/* What runs there: a1 is how often to go round; each time by a branch out of the region. */
static void remapped_set(uint32_t *p, u64 v)
{
    p[0] = li_a0(v);
    p[1] = 0x00058863; /* beqz a1, +16 */
    p[2] = 0xfff58593; /* addi a1, a1, -1 */
    p[3] = jump(-3);
    p[4] = 0x00100313; /* li t1, 1 */
    p[5] = addi_a0(0);
    p[6] = RET;
}

static u64 remapped_calls(u64 hart, u64 b)
{
    u64 n = 0;
    do {
        u64 from = load(&least[0]), v = ((Fn *)CODE)(0, n % 7);
        if (v < from || v > REMAPS)
            error();
        look(n++);
    } while (!load(&done));
    return n;
}

static void remapped(u64 hart)
{
    use_tables(&t, 1);
    meet();
    if (hart) {
        on_trap = answer;
        csr_write(mie, 1 << MSI);
        if (run(S, remapped_calls, hart, 0).cause != NO_TRAP)
            error();
        csr_write(mie, 0);
    } else {
        wait_for_others();
        for (u64 v = 1; v <= REMAPS; v++) {
            uint32_t *p = page + (v & 1) * 1024;
            remapped_set(p, v);
            map(&t, CODE, (u64)p, 0, RWX);
            sfence();
            ask(ASK_FLUSH | ASK_FENCE_I);
            store(&least[0], v);
        }
        store(&done, 1);
    }
    use_tables(NULL, 0);
}

/* ---- */

static void part(u64 hart, void (*set)(void), void (*fn)(u64 hart), const char *name)
{
    if (hart == 0) {
        start();
        if (set)
            set();
        fence_i();
    }
    meet();
    fn(hart);
    meet();
    if (hart == 0)
        check_eq(errors, 0, name, __LINE__);
    meet();
}

static void remapped_first(void)
{
    remapped_set(page, 0);
    map(&t, CODE, (u64)page, 0, RWX);
}

static void parts(u64 hart)
{
    part(hart, own_set, own_part, "own");
    part(hart, pieces_set, pieces_part, "pieces");
    part(hart, crossing_set, crossing_part, "crossing");
    part(hart, own_set, beside_part, "beside");
    part(hart, own_set, alternate, "alternate");
    part(hart, own_set, shared_page, "shared page");
    part(hart, remapped_first, remapped, "remapped");
}

void other(u64 hart)
{
    parts(hart);
}

void test(void)
{
    page = pages(2);
    t = tables_new(3);
    bare_map_program(&t);
    parts(0);
}
