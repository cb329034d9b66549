#include "a64_bare.h"

u64 bare_resume_sp[8];
unsigned bare_level;
extern char bare_back[], bare_start_other[];
u64 bare_enter(u64 fn, u64 a0, u64 a1, u64 spsr, u64 offset);

bool (*volatile on_trap)(Frame *f);
static Seen seen[8];

void print_char(char c)
{
    *(volatile uint32_t *)0x09000000 = (unsigned char)c;
}

void check_trap(Seen s, unsigned ec, unsigned iss, int line)
{
    check_eq(s.ec, ec, "class", line);
    check_eq(s.iss, iss, "syndrome", line);
}

void check_abort(Seen s, unsigned ec, unsigned iss, u64 far, int line)
{
    check_trap(s, ec, iss, line);
    check_eq(s.far, far, "address", line);
}

void check_value(Seen s, u64 v, const char *what, int line)
{
    check_eq(s.ec, NO_TRAP, "no exception", line);
    check_eq(s.value, v, what, line);
}

u64 psci(u64 fn, u64 a, u64 b, u64 c)
{
    register u64 x0 __asm__("x0") = fn;
    register u64 x1 __asm__("x1") = a;
    register u64 x2 __asm__("x2") = b;
    register u64 x3 __asm__("x3") = c;
    if (bare_level == 2)
        __asm__ volatile("smc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
    else
        __asm__ volatile("hvc #0" : "+r"(x0), "+r"(x1), "+r"(x2), "+r"(x3)::"memory");
    return x0;
}

void finish(void)
{
    enum { SYSTEM_OFF = 0x84000008 };
    print(failures ? "FAILED\n" : "passed\n");
    psci(SYSTEM_OFF, 0, 0, 0);
    for (;;) {
    }
}

/* ---- levels ---- */

static void bare_back_to_run(Frame *f)
{
    f->elr = (u64)bare_back;
    f->spsr = PSTATE_DAIF | bare_level << 2 | 1;
}

static Seen seen_of(const Frame *f, bool by_el1)
{
    Seen s = {.ec = (unsigned)(f->esr >> 26),
              .iss = f->esr & 0x1ffffff,
              .vector = (unsigned)f->vector,
              .elr = f->elr,
              .far = f->far,
              .spsr = f->spsr,
              .value = f->x[0],
              .by_el1 = by_el1};
    if (OUTSIDE && bare_level == 2 && s.ec == EC_DATA_SAME) /* has what only stage 2 should have */
        s.iss &= 0x3fff;
    if (f->vector & 3) /* interrupts have no syndrome */
        s.ec = NO_TRAP - 1;
    else if (s.ec == EC_SVC && s.iss == 0x7e57)
        s.ec = NO_TRAP;
    return s;
}

void bare_trap(Frame *f)
{
    Frame *of = f;
    bool by_el1 = !(f->vector & 3) && f->esr >> 26 == EC_HVC && (f->esr & 0xffff) == 0x7e58;
    if (by_el1)
        of = (Frame *)f->x[0];
    Seen s = seen_of(of, by_el1);
    if (s.ec != NO_TRAP && on_trap && on_trap(of))
        return;
    if (!bare_resume_sp[my_number()]) {
        print("an exception: esr ");
        print_hex(of->esr);
        print(" elr ");
        print_hex(of->elr);
        print(" far ");
        print_hex(of->far);
        print(" vector ");
        print_hex(of->vector);
        print("\n");
        failures++;
        finish();
    }
    seen[my_number()] = s;
    bare_back_to_run(f);
}

/* Of EL0's addresses. */
static bool mmu_is_on(void)
{
    const u64 host = 1ull << 34 | 1 << 27;
    bool of_host = bare_level == 2 && (reg_read(hcr_el2) & host) == host;
    return (of_host ? reg_read(sctlr_el2) : reg_read(sctlr_el1)) & 1;
}

Seen run(u64 spsr, Op *fn, u64 a0, u64 a1)
{
    u64 n = my_number();
    u64 offset = (spsr & 15) == EL0 && mmu_is_on() ? ALIAS : 0;
    u64 bits = spsr & PSTATE_UNMASKED ? 0 : PSTATE_DAIF;
    bool far = (u64)fn - 0x40000000 >= 0x8000000; /* not of the program: where it is said to be */
    bare_enter((u64)fn + (far ? 0 : offset), a0, a1, (spsr & ~PSTATE_UNMASKED) | bits, offset);
    bare_resume_sp[n] = 0;
    return seen[n];
}

/* ---- memory ---- */

unsigned level_bits(const Tables *t, int level)
{
    return t->page_bits + (unsigned)(3 - level) * (t->page_bits - 3);
}

int first_level(const Tables *t)
{
    int level = 3;
    while (level > -1 && level_bits(t, level) + t->page_bits - 3 < t->va_bits)
        level--;
    return level;
}

Tables tables_new(unsigned page_bits, unsigned va_bits)
{
    unsigned n = 1u << (page_bits - 12);
    return (Tables){page_bits, va_bits, pages_aligned(n, n * 4096ull)};
}

u64 *pte_of(Tables *t, u64 va, int level)
{
    u64 *table = t->root, mask = (1ull << (t->page_bits - 3)) - 1;
    va &= (1ull << t->va_bits) - 1;
    for (int k = first_level(t); k < level; k++) {
        u64 *e = &table[va >> level_bits(t, k) & mask];
        if (!(*e & D_VALID))
            *e = (u64)pages_aligned(1u << (t->page_bits - 12), 1ull << t->page_bits) | D_VALID | D_TABLE;
        table = (u64 *)(*e & 0xffffffffffffull & ~((1ull << t->page_bits) - 1));
    }
    return &table[va >> level_bits(t, level) & mask];
}

void map(Tables *t, u64 va, u64 pa, int level, u64 attrs)
{
    *pte_of(t, va, level) = pa | attrs | (level == 3 ? D_TABLE : 0);
}

void bare_map_program(Tables *t)
{
    int level = t->page_bits == 12 ? 1 : 2;
    u64 step = 1ull << level_bits(t, level);
    map(t, 0x08000000 & ~(step - 1), 0x08000000 & ~(step - 1), level, D_VALID | D_AF | D_UXN | D_PXN);
    for (u64 at = 0x40000000; at < 0x48000000; at += step) {
        map(t, at, at, level, D_VALID | D_AF | D_INNER | D_UXN);
        map(t, at + ALIAS, at, level, D_VALID | D_AF | D_INNER | D_PXN | D_USER);
    }
}

u64 tcr_of(const Tables *t, unsigned half)
{
    static const uint8_t tg0[3] = {0, 2, 1}, tg1[3] = {2, 1, 3};
    unsigned g = (t->page_bits - 12) / 2;
    u64 size = 64 - t->va_bits;
    u64 common = 0x3500; /* shareable, write-back */
    return (half ? (size | common) << 16 | (u64)tg1[g] << 30 : size | common | (u64)tg0[g] << 14) | 5ull
                                                                                                        << 32;
}

void use_tables(const Tables *t, unsigned asid, u64 tcr_bits)
{
    enum { EPD1 = 1 << 23 };
    if (t) {
        reg_write(mair_el1, 0xff);
        reg_write(tcr_el1, (tcr_of(t, 0) | EPD1) ^ tcr_bits);
        reg_write(ttbr0_el1, (u64)t->root | (u64)asid << 48);
        tlbi(vmalle1);
        reg_write(sctlr_el1, reg_read(sctlr_el1) | 1);
    } else {
        reg_write(sctlr_el1, reg_read(sctlr_el1) & ~1ull);
    }
    tlbi(vmalle1);
}

/* ---- cpus, interrupts ---- */

void start_others(unsigned cpus)
{
    enum { CPU_ON = 0xc4000003 };
    for (unsigned n = 1; n < cpus; n++)
        CHECK_EQ(psci(CPU_ON, n, (u64)bare_start_other, n), 0);
}

void gic_start(void)
{
    *mmio(GICD) = 1;
    *mmio(GICC + 4) = 0xff; /* priority mask */
    *mmio(GICC) = 1;
}

void gic_enable(unsigned intid)
{
    *mmio(GICD + 0x100 + intid / 32 * 4) = 1u << intid % 32;
}

void bare_start(void)
{
    bare_level = (unsigned)(reg_read(CurrentEL) >> 2);
    test();
    finish();
}

void bare_other(u64 n)
{
    other(my_number());
}
