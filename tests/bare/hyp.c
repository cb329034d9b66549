/* Guests: the levels VS and VU, what traps where and as what, translation in two stages, loads and stores
 * of a guest's memory, fences, interrupts to a guest, its timer and clock. Everything twice: from a cold
 * start and with code and translations that are there.
 * qemu-system 7.2 differs from the manual in: the low bits of hgatp; TVM and VTVM, of which it looks at the
 * other one; which instructions of VU are virtual; GVA at these; addresses with the second stage's highest
 * bit; which MXR counts for the second stage; the kind of fault of a table's entry; mtinst, which it leaves
 * zero; SUM and permission to execute in HLV and HLVX; vsip while nothing is enabled; SD in vsstatus. */
#include "bare.h"

#define MPV  (1ull << 39)
#define GVA  (1ull << 38)
#define SPVP (1ull << 8)
#define HU   (1ull << 9)
#define VTVM (1ull << 20)
#define VTW  (1ull << 21)
#define VTSR (1ull << 22)
enum { X_ECALL_VS = 10, X_FETCH_GUEST = 20, X_LOAD_GUEST, X_VIRTUAL, X_STORE_GUEST };
enum { VSSIP = 1 << 2, VSTIP = 1 << 6, VSEIP = 1 << 10, G_RWX = RWX | PTE_U, G_RW = RW | PTE_U };
/* Names that assemblers of the base instructions do not have. */
#define hstatus    0x600
#define hedeleg    0x602
#define hideleg    0x603
#define hie        0x604
#define htimedelta 0x605
#define hcounteren 0x606
#define hgeie      0x607
#define henvcfg    0x60a
#define htval      0x643
#define hip        0x644
#define hvip       0x645
#define htinst     0x64a
#define hgatp      0x680
#define vsstatus   0x200
#define vsie       0x204
#define vstvec     0x205
#define vsscratch  0x240
#define vsepc      0x241
#define vscause    0x242
#define vstval     0x243
#define vsip       0x244
#define vstimecmp  0x24d
#define vsatp      0x280
#define mtinst     0x34a
#define mtval2     0x34b
#define stimecmp   0x14d
#define menvcfg    0x30a

static void hfence_gvma(void) { __asm__ volatile(".word 0x62000073" ::: "memory"); }
static void hfence_vvma(void) { __asm__ volatile(".word 0x22000073" ::: "memory"); }

/* ---- guests ---- */

typedef struct Second {
    unsigned levels; /* 3, 4, 5 */
    u64 *root;       /* 16 KiB */
} Second;

static u64 *second_pte(Second *g, u64 gpa, unsigned level)
{
    u64 *table = g->root;
    for (unsigned k = g->levels - 1; k > level; k--) {
        u64 *e = &table[gpa >> (12 + 9 * k) & (k == g->levels - 1 ? 2047 : 511)];
        if (!(*e & PTE_V))
            *e = pte_make((u64)pages(1), PTE_V);
        table = (u64 *)(*e >> 10 << 12);
    }
    return &table[gpa >> (12 + 9 * level) & (level == g->levels - 1 ? 2047 : 511)];
}

static void second_map(Second *g, u64 gpa, u64 pa, unsigned level, unsigned flags)
{
    *second_pte(g, gpa, level) = pte_make(pa, flags);
}

static Second second_new(unsigned levels)
{
    Second g = {levels, pages(4)};
    second_map(&g, 0x80000000, 0x80000000, 2, G_RWX); /* the program */
    return g;
}

static void use_second(const Second *g, unsigned vmid)
{
    csr_write(hgatp, g ? (u64)(5 + g->levels) << 60 | (u64)vmid << 44 | (u64)g->root >> 12 : 0);
    hfence_gvma();
}

static void use_first(const Tables *t, unsigned asid)
{
    csr_write(vsatp, t ? satp_of(t, asid) : 0);
    hfence_vvma();
}

static Seen guest(unsigned level, Op *fn, u64 a0, u64 a1) { return run_with(level, MPV, fn, a0, a1); }

/* ---- functions that run there ---- */

#define READS(name) \
    static u64 read_##name(u64 a, u64 b) { return csr_read(name); }
READS(hstatus) READS(vsstatus) READS(sstatus) READS(mstatus) READS(satp) READS(time) READS(cycle)
READS(hgatp) READS(stimecmp) READS(sip)
static u64 write_sscratch(u64 a, u64 b) { return csr_swap(sscratch, a); }
static u64 write_satp(u64 a, u64 b) { csr_write(satp, a); sfence(); return csr_read(satp); }
static u64 do_hlv(u64 a, u64 b)
{
    __asm__ volatile("mv a0, %0; .word 0x6c054573; mv %0, a0" : "+r"(a)::"a0", "memory"); /* hlv.d a0, (a0) */
    return a;
}
static u64 do_hlvx(u64 a, u64 b)
{
    /* hlvx.wu a0, (a0) */
    __asm__ volatile("mv a0, %0; .word 0x68354573; mv %0, a0" : "+r"(a)::"a0", "memory");
    return a;
}
static u64 do_hlv_b(u64 a, u64 b)
{
    __asm__ volatile("mv a0, %0; .word 0x60054573; mv %0, a0" : "+r"(a)::"a0", "memory"); /* hlv.b a0, (a0) */
    return a;
}
static u64 do_hsv(u64 a, u64 b)
{
    __asm__ volatile("mv a0, %0; mv a1, %1; .word 0x6eb54073" ::"r"(a), "r"(b) : "a0", "a1", "memory");
    return 1; /* hsv.d a1, (a0) */
}
#define GUEST_LOAD(name, bits)                                                                               \
    static u64 name(u64 a, u64 b)                                                                            \
    {                                                                                                        \
        __asm__ volatile("mv a0, %0; .word " #bits "; mv %0, a0" : "+r"(a)::"a0", "memory");                 \
        return a;                                                                                            \
    }
#define GUEST_STORE(name, bits)                                                                              \
    static u64 name(u64 a, u64 b)                                                                            \
    {                                                                                                        \
        __asm__ volatile("mv a0, %0; mv a1, %1; .word " #bits ::"r"(a), "r"(b) : "a0", "a1", "memory");      \
        return 1;                                                                                            \
    }
GUEST_LOAD(hlv_bu, 0x60154573)
GUEST_LOAD(hlv_h, 0x64054573)
GUEST_LOAD(hlv_hu, 0x64154573)
GUEST_LOAD(hlvx_hu, 0x64354573)
GUEST_LOAD(hlv_w, 0x68054573)
GUEST_LOAD(hlv_wu, 0x68154573)
GUEST_STORE(hsv_b, 0x62b54073)
GUEST_STORE(hsv_h, 0x66b54073)
GUEST_STORE(hsv_w, 0x6ab54073)
static u64 do_hfence(u64 a, u64 b) { hfence_gvma(); return 1; }

static u64 *area;
enum { SOME = 0x40000000 };

/* ---- registers ---- */

static void registers(void)
{
    csr_write(hedeleg, ~0ull);
    CHECK_EQ(csr_read(hedeleg) & 0xf00fff, 0xb1ff & 0xfff);
    csr_write(hedeleg, 0);
    csr_write(hideleg, ~0ull);
    CHECK_EQ(csr_read(hideleg) & 0x1fff, VSSIP | VSTIP | VSEIP);
    csr_write(hideleg, 0);
    csr_write(mideleg, 0);
    CHECK_EQ(csr_read(mideleg) & (VSSIP | VSTIP | VSEIP), VSSIP | VSTIP | VSEIP);
    CHECK_EQ(csr_read(misa) >> 7 & 1, 1);
    csr_write(hgatp, 8ull << 60 | 0x3fffull << 44 | 7);
    CHECK_EQ(csr_read(hgatp) & ~(u64)(OUTSIDE * 3), 8ull << 60 | 0x3fffull << 44 | 4);
    csr_write(hgatp, 0);
    CHECK_EQ(csr_read(hstatus) >> 32 & 3, 2);
    csr_write(hvip, ~0ull);
    CHECK_EQ(csr_read(hvip), VSSIP | VSTIP | VSEIP);
    CHECK_EQ(csr_read(hip) & 0xfff, VSSIP | VSTIP | VSEIP);
    CHECK_EQ(csr_read(mip) & 0x444, VSSIP | VSTIP | VSEIP);
    csr_write(hip, 0); /* VSSIP alone can be cleared here */
    CHECK_EQ(csr_read(hvip), VSTIP | VSEIP);
    csr_write(hvip, 0);
    csr_write(hie, ~0ull);
    CHECK_EQ(csr_read(hie) & 0xfff, VSSIP | VSTIP | VSEIP);
    CHECK_EQ(csr_read(mie) & 0x444, VSSIP | VSTIP | VSEIP);
    csr_write(hideleg, VSSIP | VSEIP);
    CHECK_EQ(csr_read(vsie), 1 << 1 | 1 << 9);
    csr_write(vsie, 0);
    CHECK_EQ(csr_read(hie) & 0xfff, VSTIP);
    csr_write(vsip, 2);
    CHECK_EQ(csr_read(hvip), VSSIP);
    csr_write(hvip, 0);
    csr_write(hie, 0);
    csr_write(hideleg, 0);
}

/* ---- levels ---- */

static void levels(void)
{
    Seen s = guest(S, op_ecall, 0, 0);
    CHECK_TRAP(s, X_ECALL_VS, 0);
    CHECK_EQ(s.status & (MPV | (OUTSIDE ? 0 : GVA) | MPP), MPV | 1 << 11);
    s = guest(U, op_ecall, 0, 0);
    CHECK_TRAP(s, X_ECALL_U, 0);
    CHECK_EQ(s.status & (MPV | (OUTSIDE ? 0 : GVA) | MPP), MPV);
    s = run(U, op_ecall, 0, 0);
    CHECK_EQ(s.status & MPV, 0);
    if (!OUTSIDE)
        CHECK_EQ(guest(M, op_ecall, 0, 0).cause, X_ECALL_M); /* there is no guest of machine level */
    /* the guest's own registers by the supervisor's numbers */
    csr_write(sscratch, 1);
    csr_write(vsscratch, 2);
    CHECK_VALUE(guest(S, write_sscratch, 3, 0), 2);
    CHECK_EQ(csr_read(sscratch), 1);
    CHECK_EQ(csr_read(vsscratch), 3);
    CHECK_VALUE(run(S, write_sscratch, 4, 0), 1);
    CHECK_EQ(csr_read(vsscratch), 3);
    /* down to the guest's supervisor */
    csr_write(medeleg, 1 << X_ECALL_U | 1 << X_ILLEGAL);
    csr_write(hedeleg, 1 << X_ECALL_U);
    csr_write(vstvec, bare_s_trap);
    csr_write(stvec, bare_s_trap);
    csr_write(vsstatus, SIE);
    u64 was = csr_read(sstatus);
    s = guest(U, op_ecall, 0, 0);
    CHECK(s.by_vs && !s.by_s);
    CHECK_TRAP(s, X_ECALL_U, 0);
    CHECK_EQ(s.pc, op_ecall);
    CHECK_EQ(s.status & 0x122, 0x20);
    CHECK_EQ((csr_read(sstatus) ^ was) & 0x122, 0);
    s = guest(U, op_illegal, 0, 0); /* delegated to the supervisor only */
    CHECK(s.by_s && !s.by_vs);
    CHECK_TRAP(s, X_ILLEGAL, 0);
    CHECK_EQ(csr_read(hstatus) & (1 << 7 | SPVP | 1 << 6), 1 << 7); /* SPV */
    s = guest(S, op_illegal, 0, 0);
    CHECK(s.by_s);
    CHECK_EQ(csr_read(hstatus) & (1 << 7 | SPVP | 1 << 6), 1 << 7 | SPVP);
    s = run(U, op_illegal, 0, 0);
    CHECK(s.by_s);
    CHECK_EQ(csr_read(hstatus) & (1 << 7 | SPVP), SPVP); /* that stays */
    csr_write(medeleg, 0);
    csr_write(hedeleg, 0);
    csr_write(hstatus, 0);
}

static void virtual_instructions(void)
{
    csr_write(mcounteren, 7);
    csr_write(hcounteren, 0);
    csr_write(scounteren, 0);
    CHECK_EQ(guest(S, read_hstatus, 0, 0).cause, X_VIRTUAL);
    CHECK_EQ(guest(S, read_vsstatus, 0, 0).cause, X_VIRTUAL);
    CHECK_EQ(guest(S, read_hgatp, 0, 0).cause, X_VIRTUAL);
    CHECK_EQ(guest(U, read_hstatus, 0, 0).cause, X_VIRTUAL);
    if (!OUTSIDE)
        CHECK_EQ(guest(U, read_sstatus, 0, 0).cause, X_VIRTUAL);
    CHECK_EQ(guest(S, read_mstatus, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(guest(U, read_mstatus, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(U, read_hstatus, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(guest(S, op_mret, 0, 0).cause, X_ILLEGAL);
    if (!OUTSIDE)
        CHECK_EQ(guest(U, op_sret, 0, 0).cause, X_VIRTUAL);
    if (!OUTSIDE)
        CHECK_EQ(guest(U, op_sfence, 0, 0).cause, X_VIRTUAL);
    CHECK_EQ(guest(U, op_wfi, 0, 0).cause, X_VIRTUAL);
    CHECK_EQ(guest(S, do_hlv, (u64)area, 0).cause, X_VIRTUAL);
    CHECK_EQ(guest(S, do_hfence, 0, 0).cause, X_VIRTUAL);
    CHECK_EQ(run(U, do_hlv, (u64)area, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(U, do_hfence, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(run(S, do_hfence, 0, 0).cause, NO_TRAP);
}

static void virtual_by_status(void)
{
    csr_set(mstatus, TVM | TSR);
    CHECK_EQ(run(S, do_hfence, 0, 0).cause, X_ILLEGAL);
    if (!OUTSIDE)
        CHECK_EQ(run(S, read_hgatp, 0, 0).cause, X_ILLEGAL);
    CHECK_EQ(guest(S, read_hgatp, 0, 0).cause, X_VIRTUAL);
    if (!OUTSIDE)
        CHECK_EQ(guest(S, read_satp, 0, 0).cause, NO_TRAP);
    if (!OUTSIDE)
        CHECK_EQ(guest(S, op_sfence, 0, 0).cause, NO_TRAP);
    csr_clear(mstatus, TVM | TSR);
    csr_write(hstatus, VTVM);
    if (!OUTSIDE)
        CHECK_EQ(guest(S, read_satp, 0, 0).cause, X_VIRTUAL);
    if (!OUTSIDE)
        CHECK_EQ(guest(S, op_sfence, 0, 0).cause, X_VIRTUAL);
    CHECK_EQ(run(S, read_satp, 0, 0).cause, NO_TRAP);
    csr_write(hstatus, VTSR);
    CHECK_EQ(guest(S, op_sret, 0, 0).cause, X_VIRTUAL);
    csr_write(hstatus, VTW);
    CHECK_EQ(guest(S, op_wfi, 0, 0).cause, X_VIRTUAL);
    csr_set(mstatus, TW);
    CHECK_EQ(guest(S, op_wfi, 0, 0).cause, X_ILLEGAL);
    if (!OUTSIDE)
        CHECK_EQ(guest(U, op_wfi, 0, 0).cause, X_ILLEGAL);
    csr_clear(mstatus, TW);
    csr_write(hstatus, 0);
    csr_write(hcounteren, 0);
    Seen s = guest(S, read_hstatus, 0, 0);
    CHECK_EQ(s.tval & 0xfff0007f, 0x60000073);
    if (!OUTSIDE)
        CHECK_EQ(s.status & GVA, 0);
    CHECK_EQ(guest(S, read_time, 0, 0).cause, X_VIRTUAL);
    csr_write(hcounteren, 2);
    CHECK_EQ(guest(S, read_time, 0, 0).cause, NO_TRAP);
    CHECK_EQ(guest(U, read_time, 0, 0).cause, X_VIRTUAL);
    CHECK_EQ(guest(S, read_cycle, 0, 0).cause, X_VIRTUAL);
    csr_write(scounteren, 2);
    CHECK_EQ(guest(U, read_time, 0, 0).cause, NO_TRAP);
    csr_write(mcounteren, 0);
    CHECK_EQ(guest(S, read_time, 0, 0).cause, X_ILLEGAL);
    csr_write(mcounteren, 7);
}

/* ---- two stages ---- */

static void check_guest_fault(Seen s, u64 cause, u64 va, u64 gpa, u64 tinst, int line)
{
    check_trap(s, cause, va, line);
    check_eq(s.status & (GVA | MPV), GVA | MPV, "GVA, MPV", line);
    check_eq(csr_read(mtval2), gpa >> 2, "mtval2", line);
    u64 got = csr_read(mtinst);
    check_eq(OUTSIDE && !got ? tinst : got, tinst, "mtinst", line);
}

static void second_alone(unsigned n_levels)
{
    Second g = second_new(n_levels);
    u64 high = (OUTSIDE ? 1ull : 3ull) << (12 + 9 * n_levels) | 0x123456000; /* the two bits more */
    area[0] = 7;
    second_map(&g, SOME, (u64)area, 0, G_RWX);
    second_map(&g, high & ~0xfffull, (u64)area, 0, G_RW);
    second_map(&g, SOME + 0x200000, (u64)area & ~0x1fffffull, 1, G_RW);
    use_second(&g, 1);
    use_first(NULL, 0);
    CHECK_VALUE(guest(S, op_ld, SOME, 0), 7);
    CHECK_VALUE(guest(U, op_ld, SOME, 0), 7);
    CHECK_VALUE(guest(S, op_ld, high, 0), 7);
    CHECK_VALUE(guest(S, op_ld, SOME + 0x200000 + ((u64)area & 0x1fffff), 0), 7);
    /* transformed: ld a0, 0(a0); sd a1, 0(a0) without their register of the address */
    check_guest_fault(guest(S, op_ld, SOME + 0x1008, 0), X_LOAD_GUEST, SOME + 0x1008, SOME + 0x1008,
                      0x3501, __LINE__);
    check_guest_fault(guest(S, op_sd, SOME + 0x1008, 0), X_STORE_GUEST, SOME + 0x1008, SOME + 0x1008,
                      0xb03021, __LINE__);
    check_guest_fault(guest(S, op_jump, SOME + 0x1000, 0), X_FETCH_GUEST, SOME + 0x1000, SOME + 0x1000, 0,
                      __LINE__);
    check_guest_fault(guest(S, op_lwu, SOME + 0x1004, 0), X_LOAD_GUEST, SOME + 0x1004, SOME + 0x1004, 0x6503,
                      __LINE__);
    /* over the border of two pages: the second's address, four bytes on */
    Seen s = guest(S, op_ld, SOME + 0xffc, 0);
    CHECK_TRAP(s, X_LOAD_GUEST, OUTSIDE ? s.tval : SOME + 0x1000);
    if (!OUTSIDE)
        CHECK_EQ(csr_read(mtinst), 0x3501 | 4 << 15);
    u64 beyond = 1ull << (14 + 9 * n_levels);
    CHECK_EQ(guest(S, op_ld, beyond | SOME, 0).cause, X_LOAD_GUEST);
    /* permissions: all is user level's */
    static const unsigned may[] = {PTE_R, PTE_R | PTE_W, PTE_X, PTE_R | PTE_X, PTE_R | PTE_W | PTE_X};
    area[0] = 0x8067; /* ret */
    fence_i();
    for (unsigned k = 0; k < 5; k++) {
        second_map(&g, SOME, (u64)area, 0, PTE_V | PTE_U | PTE_A | PTE_D | may[k]);
        hfence_gvma();
        CHECK_EQ(guest(S, op_ld, SOME, 0).cause, may[k] & PTE_R ? NO_TRAP : X_LOAD_GUEST);
        CHECK_EQ(guest(S, op_sd, SOME + 64, 0).cause, may[k] & PTE_W ? NO_TRAP : X_STORE_GUEST);
        CHECK_EQ(guest(S, op_jump, SOME, 0).cause, may[k] & PTE_X ? NO_TRAP : X_FETCH_GUEST);
        /* vsstatus.MXR is about the first stage, sstatus's about both */
        csr_set(vsstatus, MXR);
        if (!OUTSIDE)
            CHECK_EQ(guest(S, op_ld, SOME, 0).cause, may[k] & PTE_R ? NO_TRAP : X_LOAD_GUEST);
        csr_clear(vsstatus, MXR);
        if (!OUTSIDE)
            CHECK_EQ(run_with(S, MPV | MXR, op_ld, SOME, 0).cause, NO_TRAP);
    }
    second_map(&g, SOME, (u64)area, 0, RWX); /* no user page */
    hfence_gvma();
    CHECK_EQ(guest(S, op_ld, SOME, 0).cause, X_LOAD_GUEST);
    use_second(NULL, 0);
}

/* va's table is not there for the guest, or cannot be written to mark the page. */
static void table_faults(Second *g, Tables *t, u64 va)
{
    u64 *leaf = pte_of(t, va, 0), table = (u64)leaf & ~4095ull;
    second_map(g, 0x80000000, 0x80000000, 2, 0);
    for (u64 at = 0x80000000; at < 0x80000000 + (64u << 20); at += 0x200000)
        second_map(g, at, at, 1, G_RWX);
    u64 *big = second_pte(g, table, 1);
    *big = 0;
    for (u64 at = table & ~0x1fffffull, k = 0; k < 512; k++, at += 4096)
        second_map(g, at, at, 0, G_RWX);
    *second_pte(g, table, 0) = 0;
    hfence_gvma();
    check_guest_fault(guest(S, op_ld, va + 8, 0), X_LOAD_GUEST, va + 8, (u64)leaf, 0x3000, __LINE__);
    if (!OUTSIDE)
        check_guest_fault(guest(S, op_sd, va + 8, 0), X_STORE_GUEST, va + 8, (u64)leaf, 0x3000, __LINE__);
    second_map(g, table, table, 0, PTE_V | PTE_R | PTE_U | PTE_A);
    hfence_gvma();
    CHECK_VALUE(guest(S, op_ld, va + 8, 0), 99);
    *leaf &= ~(u64)PTE_D;
    hfence_vvma();
    CHECK_VALUE(guest(S, op_ld, va + 8, 0), 99);
    if (!OUTSIDE) {
        csr_set(henvcfg, 1ull << 61); /* ADUE */
        check_guest_fault(guest(S, op_sd, va + 8, 99), X_STORE_GUEST, va + 8, (u64)leaf, 0x3020, __LINE__);
        second_map(g, table, table, 0, G_RW);
        hfence_gvma();
        CHECK_EQ(guest(S, op_sd, va + 8, 99).cause, NO_TRAP);
        CHECK_EQ(*leaf & PTE_D, PTE_D);
        csr_clear(henvcfg, 1ull << 61);
        *leaf &= ~(u64)PTE_D;
        hfence_vvma();
        CHECK_TRAP(guest(S, op_sd, va + 8, 99), X_STORE_PAGE, va + 8);
        *leaf |= PTE_D;
        hfence_vvma();
    }
}

static void both_stages(unsigned n_levels)
{
    Second g = second_new(3);
    Tables t = tables_new(n_levels);
    u64 gpa = 0x20000000, va = 0x7000000000 & ((1ull << (11 + 9 * n_levels)) - 1);
    bare_map_program(&t);
    map(&t, va, gpa, 0, RW);
    map(&t, va + 0x1000, gpa, 0, PTE_V | PTE_R | PTE_A | PTE_D);
    map(&t, va + 0x2000, gpa + 0x5000, 0, RW);
    map(&t, va + 0x3000, gpa, 0, RW | PTE_U);
    map(&t, va + 0x4000, gpa, 0, PTE_V | PTE_X | PTE_A);
    second_map(&g, gpa, (u64)area, 0, G_RW);
    use_second(&g, 3);
    use_first(&t, 2);
    area[1] = 99;
    CHECK_VALUE(guest(S, op_ld, va + 8, 0), 99);
    CHECK_EQ(guest(S, op_sd, va + 16, 98).cause, NO_TRAP);
    CHECK_EQ(area[2], 98);
    CHECK_TRAP(guest(S, op_sd, va + 0x1010, 1), X_STORE_PAGE, va + 0x1010); /* the guest's own fault */
    CHECK_EQ(csr_read(mtval2), 0);
    CHECK_TRAP(guest(U, op_ld, va + 8, 1), X_LOAD_PAGE, va + 8);
    CHECK_VALUE(guest(U, op_ld, va + 0x3008, 0), 99);
    CHECK_TRAP(guest(S, op_ld, va + 0x3008, 0), X_LOAD_PAGE, va + 0x3008);
    csr_set(vsstatus, SUM);
    CHECK_VALUE(guest(S, op_ld, va + 0x3008, 0), 99);
    csr_clear(vsstatus, SUM);
    CHECK_TRAP(run_with(S, MPV | SUM, op_ld, va + 0x3008, 0), X_LOAD_PAGE, va + 0x3008);
    CHECK_TRAP(guest(S, op_ld, va + 0x4008, 0), X_LOAD_PAGE, va + 0x4008);
    csr_set(vsstatus, MXR);
    CHECK_VALUE(guest(S, op_ld, va + 0x4008, 0), 99);
    csr_clear(vsstatus, MXR);
    check_guest_fault(guest(S, op_ld, va + 0x2008, 0), X_LOAD_GUEST, va + 0x2008, gpa + 0x5008, 0x3501,
                      __LINE__);
    table_faults(&g, &t, va);
    use_first(NULL, 0);
    use_second(NULL, 0);
}
static u64 invalidates(u64 a, u64 b)
{
    __asm__ volatile(".word 0x18000073, 0x16000073, 0x18100073" ::: "memory");
    return 1;
}

/* Translations of guests are kept apart by their numbers, and forgotten by the fences. */
static void apart(void)
{
    Second one = second_new(3), two = second_new(3);
    second_map(&one, SOME, (u64)area, 0, G_RW);
    second_map(&two, SOME, (u64)area + 4096, 0, G_RW);
    area[0] = 1;
    area[512] = 2;
    use_first(NULL, 0);
    for (unsigned k = 0; k < 4; k++) {
        csr_write(hgatp, 8ull << 60 | 1ull << 44 | (u64)one.root >> 12);
        if (k == 0)
            hfence_gvma();
        CHECK_VALUE(guest(S, op_ld, SOME, 0), 1);
        csr_write(hgatp, 8ull << 60 | 2ull << 44 | (u64)two.root >> 12);
        if (k == 0)
            hfence_gvma();
        CHECK_VALUE(guest(S, op_ld, SOME, 0), 2);
        CHECK_EQ(run(S, op_ld, (u64)area, 0).value, 1);
    }
    second_map(&two, SOME, (u64)area, 0, G_RW);
    /* hfence.gvma x0, a0 of the other one need not, of this one must */
    __asm__ volatile("li a0, 2; .word 0x62a00073" ::: "a0", "memory");
    CHECK_VALUE(guest(S, op_ld, SOME, 0), 1);
    /* the guest's own tables, changed by itself */
    Tables t = tables_new(3), u = tables_new(3);
    bare_map_program(&t);
    bare_map_program(&u);
    map(&t, SOME, (u64)area, 0, RW);
    map(&u, SOME, (u64)area + 4096, 0, RW);
    use_first(&t, 1);
    CHECK_VALUE(guest(S, op_ld, SOME, 0), 1);
    CHECK_VALUE(guest(S, write_satp, satp_of(&u, 2), 0), satp_of(&u, 2));
    CHECK_EQ(csr_read(vsatp), satp_of(&u, 2));
    CHECK_VALUE(guest(S, op_ld, SOME, 0), 2);
    map(&u, SOME, (u64)area, 0, RW);
    if (!OUTSIDE)
        CHECK_EQ(guest(S, op_sfence, 0, 0).cause, NO_TRAP);
    CHECK_VALUE(guest(S, op_ld, SOME, 0), 1);
    if (!OUTSIDE) { /* Svinval: sinval.vma in the guest, hinval.vvma, hinval.gvma */
        map(&u, SOME, (u64)area + 4096, 0, RW);
        CHECK_EQ(guest(S, invalidates, 0, 0).cause, NO_TRAP);
        CHECK_VALUE(guest(S, op_ld, SOME, 0), 2);
        map(&u, SOME, (u64)area, 0, RW);
        __asm__ volatile(".word 0x18000073, 0x26000073, 0x18100073" ::: "memory");
        CHECK_VALUE(guest(S, op_ld, SOME, 0), 1);
        second_map(&two, (u64)area & ~0x3fffffffull, ((u64)area & ~0x3fffffffull), 2, 0);
        __asm__ volatile(".word 0x18000073, 0x66000073, 0x18100073" ::: "memory");
        CHECK_EQ(guest(S, op_ld, SOME, 0).cause, X_FETCH_GUEST);
    }
    use_first(NULL, 0);
    use_second(NULL, 0);
}

/* ---- loads and stores of a guest's memory ---- */

static void all_sizes(void)
{
    static Op *const load[] = {hlv_bu, hlv_h, hlv_hu, hlv_w, hlv_wu};
    static const u64 loaded[] = {0x94, 0xffffffffffff8594, 0x8594, 0xffffffff87868594, 0x87868594};
    area[2] = 0x1122334487868594;
    for (unsigned k = 0; k < 5; k++)
        CHECK_VALUE(run(S, load[k], SOME + 16, 0), loaded[k]);
    CHECK_VALUE(run(S, hsv_b, SOME + 16, 0xa1), 1);
    CHECK_VALUE(run(S, hsv_h, SOME + 18, 0xb1b2), 1);
    CHECK_VALUE(run(S, hsv_w, SOME + 20, 0xc1c2c3c4), 1);
    CHECK_EQ(area[2], 0xc1c2c3c4b1b285a1);
}

static void guest_memory(void)
{
    Second g = second_new(3);
    Tables t = tables_new(3);
    bare_map_program(&t);
    map(&t, SOME, 0x20000000, 0, RW);
    map(&t, SOME + 0x1000, 0x20000000, 0, RW | PTE_U);
    map(&t, SOME + 0x2000, 0x20001000, 0, PTE_V | PTE_X | PTE_A);
    map(&t, SOME + 0x3000, 0x20005000, 0, RW);
    second_map(&g, 0x20000000, (u64)area, 0, G_RW);
    second_map(&g, 0x20001000, (u64)area, 0, PTE_V | PTE_X | PTE_U | PTE_A);
    use_second(&g, 1);
    use_first(&t, 1);
    area[0] = 0x89abcdef01234584;
    csr_write(hstatus, SPVP);
    CHECK_VALUE(run(S, do_hlv, SOME, 0), area[0]);
    CHECK_VALUE(run(M, do_hlv, SOME, 0), area[0]);
    CHECK_VALUE(run(S, do_hlv_b, SOME, 0), 0xffffffffffffff84);
    CHECK_VALUE(run(S, do_hsv, SOME + 8, 77), 1);
    CHECK_EQ(area[1], 77);
    all_sizes();
    Seen s = run(S, do_hlv, SOME + 0x1000, 0); /* a user page */
    if (!OUTSIDE)
        CHECK_TRAP(s, X_LOAD_PAGE, SOME + 0x1000);
    if (!OUTSIDE)
        CHECK_EQ(s.status & (GVA | MPV), GVA);
    if (!OUTSIDE)
        CHECK_TRAP(run_with(S, SUM, do_hlv, SOME + 0x1000, 0), X_LOAD_PAGE, SOME + 0x1000);
    csr_set(vsstatus, SUM);
    CHECK_VALUE(run(S, do_hlv, SOME + 0x1000, 0), area[0]);
    csr_clear(vsstatus, SUM);
    s = run(S, do_hlv, SOME + 0x3008, 0);
    CHECK_TRAP(s, X_LOAD_GUEST, SOME + 0x3008);
    CHECK_EQ(csr_read(mtval2), 0x20005008 >> 2);
    if (!OUTSIDE)
        CHECK_EQ(csr_read(mtinst), 0x6c004573);
    s = run(S, do_hsv, SOME + 0x3008, 0);
    CHECK_TRAP(s, X_STORE_GUEST, SOME + 0x3008);
    if (!OUTSIDE) {
        CHECK_TRAP(run(S, do_hlv, SOME + 0x2000, 0), X_LOAD_PAGE, SOME + 0x2000);
        CHECK_VALUE(run(S, do_hlvx, SOME + 0x2000, 0), (uint32_t)area[0]);
        CHECK_VALUE(run(S, hlvx_hu, SOME + 0x2000, 0), (uint16_t)area[0]);
        CHECK_TRAP(run(S, do_hlv, SOME + 0x2000, 0), X_LOAD_PAGE, SOME + 0x2000); /* still not */
        CHECK_TRAP(run(S, do_hlvx, SOME, 0), X_LOAD_PAGE, SOME);
    }
    csr_write(hstatus, 0); /* as its user level */
    if (!OUTSIDE)
        CHECK_TRAP(run(S, do_hlv, SOME, 0), X_LOAD_PAGE, SOME);
    CHECK_VALUE(run(S, do_hlv, SOME + 0x1000, 0), area[0]);
    csr_write(hstatus, HU);
    CHECK_VALUE(run(U, do_hlv, SOME + 0x1000, 0), area[0]);
    csr_write(hstatus, 0);
    /* machine level as the guest's supervisor */
    u64 v;
    csr_set(mstatus, 1 << 11 | MPV);
    csr_set(mstatus, MPRV);
    __asm__ volatile("ld %0, 0(%1)" : "=r"(v) : "r"(SOME) : "memory");
    csr_clear(mstatus, MPRV);
    csr_clear(mstatus, MPP | MPV);
    CHECK_EQ(v, area[0]);
    use_first(NULL, 0);
    use_second(NULL, 0);
}

/* ---- interrupts ---- */

static u64 raises(u64 bits, u64 b)
{
    csr_set(sie, bits);
    csr_set(sstatus, SIE);
    __asm__ volatile("nop; nop");
    return 7;
}

static u64 raises_own(u64 a, u64 b)
{
    csr_set(sie, 2);
    csr_set(sstatus, SIE);
    csr_set(sip, 2);
    return 7;
}

static void interrupts(void)
{
    csr_write(vstvec, bare_s_trap);
    csr_write(stvec, bare_s_trap);
    csr_write(hideleg, VSSIP | VSTIP | VSEIP);
    csr_write(hie, 0);
    csr_write(vsstatus, 0);
    csr_write(hvip, VSEIP);
    if (!OUTSIDE)
        CHECK_VALUE(guest(S, read_sip, 0, 0), 1 << 9);
    CHECK_VALUE(run(S, read_sip, 0, 0), 0);
    Seen s = guest(S, raises, 1 << 9 | 1 << 5 | 1 << 1, 0);
    CHECK(s.by_vs);
    CHECK_EQ(s.cause, IRQ | 9);
    csr_write(vsstatus, 0);
    csr_write(hvip, VSTIP);
    s = guest(U, op_nop, 0, 0); /* below it SIE does not matter */
    CHECK(s.by_vs);
    CHECK_EQ(s.cause, IRQ | 5);
    CHECK_EQ(s.pc, op_nop);
    csr_write(vsstatus, 0);
    CHECK_VALUE(guest(S, op_nop, 5, 0), 5);
    CHECK_VALUE(run(U, op_nop, 5, 0), 5); /* the host's user level is none of it */
    CHECK_VALUE(run_with(S, SIE, op_nop, 5, 0), 5);
    csr_write(hvip, 0);
    csr_write(hie, 0);
    s = guest(S, raises_own, 0, 0);
    CHECK(s.by_vs);
    CHECK_EQ(s.cause, IRQ | 1);
    CHECK_EQ(csr_read(hvip), VSSIP);
    /* what is not delegated is the supervisor's, also while the guest runs */
    csr_write(vsstatus, 0);
    csr_write(hideleg, 0);
    csr_write(hie, VSSIP);
    s = guest(S, op_nop, 0, 0);
    CHECK(s.by_s);
    CHECK_EQ(s.cause, IRQ | 2);
    csr_write(hvip, 0);
    csr_write(hie, 0);
    csr_clear(sstatus, SIE);
}

static u64 waits_for_timer(u64 a, u64 b)
{
    csr_write(stimecmp, csr_read(time) + a);
    csr_set(sie, 1 << 5);
    __asm__ volatile("wfi");
    csr_set(sstatus, SIE);
    __asm__ volatile("nop; nop");
    return 7;
}

static void clocks(void)
{
    u64 stce = 1ull << 63;
    csr_write(mcounteren, 7);
    csr_write(hcounteren, 7);
    csr_write(htimedelta, -time_now() + 5000000);
    u64 v = guest(S, read_time, 0, 0).value;
    CHECK(v >= 5000000 && v < 5000000 + 600000000);
    csr_write(menvcfg, csr_read(menvcfg) | stce);
    csr_write(henvcfg, csr_read(henvcfg) | stce);
    csr_write(vstimecmp, ~0ull);
    csr_write(hideleg, VSTIP);
    csr_write(vsstatus, 0);
    Seen s = guest(S, waits_for_timer, 2000, 0);
    CHECK(s.by_vs);
    CHECK_EQ(s.cause, IRQ | 5);
    CHECK_EQ(csr_read(hip) & VSTIP, VSTIP);
    csr_write(vstimecmp, ~0ull);
    CHECK_EQ(csr_read(hip) & VSTIP, 0);
    csr_clear(henvcfg, stce);
    CHECK_EQ(guest(S, read_stimecmp, 0, 0).cause, X_VIRTUAL);
    csr_clear(menvcfg, stce);
    CHECK_EQ(csr_read(henvcfg) >> 63, 0);
    CHECK_EQ(guest(S, read_stimecmp, 0, 0).cause, X_ILLEGAL);
    csr_write(htimedelta, 0);
    csr_write(hie, 0);
    csr_write(hideleg, 0);
}

/* ---- floating point ---- */

static u64 fp_op(u64 a, u64 b)
{
    u64 v;
    __asm__ volatile("fmv.d.x ft0, %1; fadd.d ft0, ft0, ft0; fmv.x.d %0, ft0" : "=r"(v) : "r"(a) : "ft0");
    return v;
}

static void fp_state(void)
{
    enum { FS = 0x6000, CLEAN = 0x4000 };
    csr_write(vsstatus, 0);
    csr_set(mstatus, FS);
    CHECK_EQ(guest(S, fp_op, 0, 0).cause, X_ILLEGAL);
    csr_write(vsstatus, CLEAN);
    CHECK_EQ(csr_read(vsstatus) >> 63, 0);
    csr_clear(mstatus, FS);
    csr_set(mstatus, CLEAN);
    CHECK_VALUE(guest(S, fp_op, 0x3ff0000000000000, 0), 0x4000000000000000);
    CHECK_EQ(csr_read(vsstatus) & FS, FS);
    if (!OUTSIDE)
        CHECK_EQ(csr_read(vsstatus) >> 63, 1);
    CHECK_EQ(csr_read(mstatus) & FS, FS);
    csr_clear(mstatus, FS);
    CHECK_EQ(guest(U, fp_op, 0, 0).cause, X_ILLEGAL);
    csr_set(mstatus, FS);
    csr_write(vsstatus, 0);
}

void test(void)
{
    area = pages(2);
    for (unsigned n = 0; n < 2; n++) {
        registers();
        levels();
        virtual_instructions();
        virtual_by_status();
        for (unsigned k = 3; k <= 5; k++) {
            second_alone(k);
            both_stages(k);
        }
        apart();
        guest_memory();
        interrupts();
        clocks();
        fp_state();
    }
}
