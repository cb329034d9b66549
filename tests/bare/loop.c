/* Faults in the middle of loops whose counters and pointers an emulator keeps in host registers: the handler
 * sees each register as the program has it there, puts the page in its place, and the loop goes on as if
 * nothing had happened. */
#include "bare.h"

enum { DATA = 0x40000000, PAGES = 64, BYTES = PAGES * 4096 };

static Tables t;
static char *memory;
static unsigned faults;

static bool give_page(Frame *f)
{
    if (f->cause != X_LOAD_PAGE && f->cause != X_STORE_PAGE)
        return false;
    u64 page = f->tval & ~4095ull;
    if (page < DATA || page >= DATA + BYTES)
        return false;
    faults++;
    map(&t, page, (u64)memory + (page - DATA), 0, RW | PTE_U);
    sfence_va(page);
    return true;
}

static void take_all(void)
{
    for (u64 k = 0; k < PAGES; k++)
        *pte_of(&t, DATA + k * 4096, 0) = 0;
    sfence();
    faults = 0;
}

/* Loads and stores with several counters; every register takes part in the result. */
static u64 walk(u64 at, u64 n)
{
    u64 result;
    __asm__ volatile("li t0, 1\n li t1, 2\n li t2, 3\n li t3, 4\n li t4, 5\n li t5, 6\n mv t6, %1\n"
                     "1: ld a2, 0(t6)\n add t0, t0, a2\n sd t0, 8(t6)\n slli t1, t1, 1\n xor t1, t1, t0\n"
                     "sub t2, t2, t1\n sw t2, 20(t6)\n lh a3, 16(t6)\n add t3, t3, a3\n mul t4, t4, t3\n"
                     "addi t4, t4, 1\n sb t4, 30(t6)\n add t5, t5, t4\n addi t6, t6, 1032\n addi %2, %2, "
                     "-1\n bnez %2, 1b\n"
                     "xor t0, t0, t1\n xor t2, t2, t3\n xor t4, t4, t5\n add t0, t0, t2\n add %0, t0, t4\n"
                     : "=&r"(result), "+r"(at), "+r"(n)::"t0", "t1", "t2", "t3", "t4", "t5", "t6", "a2", "a3",
                       "memory");
    return result;
}

static u64 floats(u64 at, u64 n)
{
    u64 bits;
    __asm__ volatile("fmv.d.x ft0, x0\n fcvt.d.l ft1, %2\n"
                     "1: fld ft2, 0(%1)\n fadd.d ft0, ft0, ft2\n fmul.d ft1, ft1, ft0\n fsd ft1, 8(%1)\n "
                     "fadd.d ft1, ft1, ft1\n"
                     "fsw ft0, 16(%1)\n addi %1, %1, 1024\n addi %2, %2, -1\n bnez %2, 1b\n fadd.d ft0, ft0, "
                     "ft1\n fmv.x.d %0, ft0\n"
                     : "=&r"(bits), "+r"(at), "+r"(n)::"ft0", "ft1", "ft2", "memory");
    return bits;
}

static u64 atomics(u64 at, u64 n)
{
    u64 sum = 0, v;
    for (u64 k = 0; k < n; k++, at += 1024) {
        __asm__ volatile("amoadd.d %0, %1, (%2)" : "=r"(v) : "r"(sum + k), "r"(at) : "memory");
        sum += v * 3;
        __asm__ volatile("amomaxu.w %0, %1, (%2)" : "=r"(v) : "r"(sum ^ k), "r"(at + 16) : "memory");
        sum ^= v;
        __asm__ volatile("1: lr.d %0, (%2)\n add %0, %0, %1\n sc.d t0, %0, (%2)\n bnez t0, 1b"
                         : "=&r"(v)
                         : "r"(sum), "r"(at + 32)
                         : "memory", "t0");
        sum += v;
    }
    return sum;
}

static void fill(void)
{
    random_state = 5;
    for (u64 k = 0; k < BYTES / 8; k++)
        ((u64 *)memory)[k] = random_u64() >> 12 | 0x3f00000000000000;
}

static u64 hash(void)
{
    u64 h = 0;
    for (u64 k = 0; k < BYTES / 8; k++)
        h = h * 31 + ((u64 *)memory)[k];
    return h;
}

static void one(Op *fn, u64 n, const char *name)
{
    fill();
    u64 want = run(M, fn, (u64)memory, n).value, after = hash();
    report(name, want, after);
    for (unsigned level = 0; level < 2; level++) {
        fill();
        take_all();
        on_trap = give_page;
        Seen s = run_with(level, SUM, fn, DATA, n);
        on_trap = 0;
        CHECK_VALUE(s, want);
        CHECK_EQ(hash(), after);
        CHECK(faults >= PAGES - 2 && faults <= PAGES);
    }
}

/* The registers that the handler sees, at a store of round k of a loop. */
static bool look(Frame *f)
{
    if (f->cause != X_STORE_PAGE)
        return false;
    u64 k = (f->tval - DATA) / 512;
    CHECK_EQ(f->x[5], k * 3 + 1);       /* t0 */
    CHECK_EQ(f->x[6], 1000 - k);        /* t1 */
    CHECK_EQ(f->x[7], k * (k + 1) / 2); /* t2: with t3 = k added */
    CHECK_EQ(f->x[31], f->tval);        /* t6 */
    return give_page(f);
}

static u64 counts(u64 at, u64 n)
{
    __asm__ volatile("li t0, 1\n li t1, 1000\n li t2, 0\n li t3, 0\n mv t6, %0\n"
                     "1: add t2, t2, t3\n addi t3, t3, 1\n sd t0, 0(t6)\n addi t0, t0, 3\n addi t1, t1, -1\n"
                     "addi t6, t6, 512\n addi %1, %1, -1\n bnez %1, 1b\n"
                     : "+r"(at), "+r"(n)::"t0", "t1", "t2", "t3", "t6", "memory");
    return 0;
}

void test(void)
{
    t = tables_new(3);
    bare_map_program(&t);
    memory = pages(PAGES);
    for (unsigned n = 0; n < 3; n++) {
        use_tables(&t, 0);
        one(walk, 250, "walk");
        one(floats, 254, "floats");
        one(atomics, 250, "atomics");
        take_all();
        on_trap = look;
        CHECK_EQ(run_with(S, SUM, counts, DATA, 500).cause, NO_TRAP);
        CHECK(faults > 60);
        on_trap = 0;
    }
}
