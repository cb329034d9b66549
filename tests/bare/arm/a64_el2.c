/* options: -cpu max -M virt,virtualization=on,gic-version=3
 * EL2: its own regime, stage 2, traps by HCR_EL2, virtual interrupts by HCR_EL2, E2H with its names of
 * registers, TGE. */
#include "a64_bare.h"

#define HCR_VM   (1ull << 0)
#define HCR_FMO  (1ull << 3)
#define HCR_IMO  (1ull << 4)
#define HCR_VF   (1ull << 6)
#define HCR_VI   (1ull << 7)
#define HCR_DC   (1ull << 12)
#define HCR_TWI  (1ull << 13)
#define HCR_TID3 (1ull << 18)
#define HCR_TSC  (1ull << 19)
#define HCR_TACR (1ull << 21)
#define HCR_TSW  (1ull << 22)
#define HCR_TTLB (1ull << 25)
#define HCR_TVM  (1ull << 26)
#define HCR_TGE  (1ull << 27)
#define HCR_TRVM (1ull << 30)
#define HCR_RW   (1ull << 31)
#define HCR_E2H  (1ull << 34)
#define HCR_API  (3ull << 40)
#define HCR_NONE (HCR_RW | HCR_API)
#define DATA     0x100000000ull

#define READS(name, reg)  " icc_" name ": mrs x0, s3_0_" reg "\n ret\n"
#define WRITES(name, reg) " icc_" name ": msr s3_0_" reg ", x0\n ret\n"
__asm__(".text\n .balign 4\n"
        READS("pmr", "c4_c6_0") READS("rpr", "c12_c11_3") READS("ctlr", "c12_c12_4")
        WRITES("sgi", "c12_c11_5") WRITES("dir", "c12_c11_1")
        READS("hppir0", "c12_c8_2") READS("igrpen0", "c12_c12_6")
        READS("hppir1", "c12_c12_2") READS("igrpen1", "c12_c12_7") READS("ap1r", "c12_c9_0")
        READS("sre", "c12_c12_5"));
Op icc_pmr, icc_rpr, icc_ctlr, icc_sgi, icc_dir, icc_hppir0, icc_igrpen0, icc_hppir1, icc_igrpen1, icc_ap1r,
    icc_sre;

static Tables t1, t2;

static void write_hcr(u64 v)
{
    reg_write(hcr_el2, v);
}

/* Class 24: op0 3 and x0. */
static unsigned iss(unsigned op1, unsigned crn, unsigned crm, unsigned op2, bool read)
{
    return 3 << 20 | op2 << 17 | op1 << 14 | crn << 10 | crm << 1 | read;
}

static void calls(void)
{
    Seen s = run(EL1T, op_hvc, 0, 0);
    CHECK_TRAP(s, EC_HVC, 0x4321);
    CHECK_EQ(s.vector, 8);
    CHECK_EQ(s.by_el1, 0);
    CHECK_EQ(s.elr, (u64)op_hvc + 4);
    CHECK_EQ(s.spsr & 15, EL1T);
    s = run(EL2T, op_hvc, 0, 0);
    CHECK_TRAP(s, EC_HVC, 0x4321);
    CHECK_EQ(s.vector, 0);
    s = run(EL1T, op_svc, 0, 0);
    CHECK_TRAP(s, EC_SVC, 0x1234);
    CHECK_EQ(s.by_el1, 1);
    s = run(EL0, op_hvc, 0, 0);
    CHECK_TRAP(s, EC_UNKNOWN, 0);
    CHECK_EQ(s.by_el1, 1);
    CHECK_EQ(s.vector, 8);
    CHECK_TRAP(run(EL1T, op_mrs_hcr, 0, 0), EC_UNKNOWN, 0);
    CHECK_TRAP(run(EL2T, op_svc, 0, 0), EC_SVC, 0x1234);
    CHECK_EQ(run(EL2T, op_svc, 0, 0).by_el1, 0);
    CHECK_VALUE(run(EL1T, op_mrs_currentel, 0, 0), 4);
    CHECK_VALUE(run(EL2T, op_mrs_currentel, 0, 0), 8);
}

static void identity(void)
{
    reg_write(vpidr_el2, 0x12345678);
    reg_write(vmpidr_el2, 0x80000077);
    CHECK_VALUE(run(EL1T, op_mrs_midr, 0, 0), 0x12345678);
    CHECK_VALUE(run(EL1T, op_mrs_mpidr, 0, 0), 0x80000077);
    CHECK_EQ(reg_read(mpidr_el1) & 0xff, 0);
    reg_write(vpidr_el2, reg_read(midr_el1));
    reg_write(vmpidr_el2, reg_read(mpidr_el1));
    CHECK(reg_read(id_aa64pfr0_el1) >> 8 & 15);
    CHECK_EQ(reg_read(id_aa64mmfr1_el1) >> 8 & 15, 1);
}

/* One bit of HCR_EL2, what it traps, and that it does not without. */
static void trap(u64 bit, Op *fn, unsigned ec, unsigned want)
{
    write_hcr(HCR_NONE);
    CHECK_EQ(run(EL1T, fn, 0x8000, 0).ec, NO_TRAP);
    write_hcr(HCR_NONE | bit);
    Seen s = run(EL1T, fn, 0x8000, 0);
    CHECK_TRAP(s, ec, want);
    CHECK_EQ(s.by_el1, 0);
    CHECK_EQ(s.elr, fn);
    CHECK_EQ(s.vector, 8);
    write_hcr(HCR_NONE);
}

static void traps(void)
{
    trap(HCR_TID3, op_mrs_pfr0, EC_SYSREG, iss(0, 0, 4, 0, true));
    trap(HCR_TRVM, op_mrs_far, EC_SYSREG, iss(0, 6, 0, 0, true));
    trap(HCR_TVM, op_msr_esr, EC_SYSREG, iss(0, 5, 2, 0, false) | 1 << 5);
    trap(HCR_TRVM, op_mrs_contextidr, EC_SYSREG, iss(0, 13, 0, 1, true));
    trap(HCR_TVM, op_msr_contextidr, EC_SYSREG, iss(0, 13, 0, 1, false));
    trap(HCR_TACR, op_msr_actlr, EC_SYSREG, iss(0, 1, 0, 1, false));
    trap(HCR_TTLB, op_tlbi, EC_SYSREG, (iss(0, 8, 7, 0, false) & ~(3u << 20)) | 1 << 20 | 31 << 5);
    trap(HCR_TSW, op_dc_isw, EC_SYSREG, (iss(0, 7, 6, 2, false) & ~(3u << 20)) | 1 << 20);
    write_hcr(HCR_NONE | HCR_TWI);
    CHECK_TRAP(run(EL1T, op_wfi, 0, 0), EC_WFX, 0x1e << 20);
    write_hcr(HCR_NONE | HCR_TSC);
    Seen s = run(EL1T, op_smc, 0, 0);
    CHECK_TRAP(s, EC_SMC, 0x1111);
    CHECK_EQ(s.elr, op_smc); /* not stepped over */
    write_hcr(HCR_NONE);
    /* timers */
    reg_write(cnthctl_el2, 0);
    CHECK_TRAP(run(EL1T, op_mrs_cntpct, 0, 0), EC_SYSREG, iss(3, 14, 0, 1, true));
    CHECK_TRAP(run(EL1T, op_mrs_cntpctl, 0, 0), EC_SYSREG, iss(3, 14, 2, 1, true));
    CHECK_EQ(run(EL1T, op_mrs_cntvct, 0, 0).ec, NO_TRAP);
    reg_write(cnthctl_el2, 3);
    CHECK_EQ(run(EL1T, op_mrs_cntpct, 0, 0).ec, NO_TRAP);
    /* floating point: CPTR_EL2.TFP */
    reg_write(cptr_el2, 1 << 10);
    s = run(EL1T, op_fmov, 0, 0);
    CHECK_TRAP(s, EC_FP, OUTSIDE ? s.iss : 0x1e << 20);
    CHECK_EQ(s.by_el1, 0);
    CHECK_EQ(run(EL2T, op_fmov, 0, 0).ec, EC_FP);
    reg_write(cptr_el2, 0);
    CHECK_EQ(run(EL1T, op_fmov, 0, 0).ec, NO_TRAP);
    /* the virtual count */
    reg_write(cntvoff_el2, 1ull << 40);
    s = run(EL1T, op_mrs_cntvct, 0, 0);
    CHECK(reg_read(cntpct_el0) - s.value - (1ull << 40) < 1000000000);
    reg_write(cntvoff_el2, 0);
}

/* ICH_HCR_EL2: registers of the interrupt controller's cpu interface. */
static void controller_traps(void)
{
    enum { TC = 1 << 10, TALL0 = 1 << 11, TALL1 = 1 << 12, TDIR = 1 << 14 };
    static const struct {
        Op *fn;
        unsigned by, iss;
    } rows[] = {
        {icc_pmr, TC, 3 << 20 | 4 << 10 | 6 << 1 | 1},
        {icc_rpr, TC, 3 << 20 | 3 << 17 | 12 << 10 | 11 << 1 | 1},
        {icc_ctlr, TC, 3 << 20 | 4 << 17 | 12 << 10 | 12 << 1 | 1},
        {icc_sgi, TC, 3 << 20 | 5 << 17 | 12 << 10 | 11 << 1},
        {icc_dir, TC | TDIR, 3 << 20 | 1 << 17 | 12 << 10 | 11 << 1},
        {icc_hppir0, TALL0, 3 << 20 | 2 << 17 | 12 << 10 | 8 << 1 | 1},
        {icc_igrpen0, TALL0, 3 << 20 | 6 << 17 | 12 << 10 | 12 << 1 | 1},
        {icc_hppir1, TALL1, 3 << 20 | 2 << 17 | 12 << 10 | 12 << 1 | 1},
        {icc_igrpen1, TALL1, 3 << 20 | 7 << 17 | 12 << 10 | 12 << 1 | 1},
        {icc_ap1r, TALL1, 3 << 20 | 12 << 10 | 9 << 1 | 1},
        {icc_sre, 0, 0},
    };
    if (!OUTSIDE)
        CHECK_EQ(reg_read(s3_4_c12_c11_1) >> 19 & 1, 1); /* ICH_VTR_EL2.TDS */
    for (unsigned k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
        for (unsigned bit = TC; bit <= TDIR; bit <<= 1) {
            reg_write(s3_4_c12_c11_0, bit); /* ICH_HCR_EL2 */
            Seen s = run(EL1T, rows[k].fn, 1023, 0);
            if (OUTSIDE && bit == TDIR) /* is kept for others there, or from none */
                continue;
            if (rows[k].by & bit)
                CHECK_TRAP(s, EC_SYSREG, rows[k].iss);
            else
                CHECK_EQ(s.ec, NO_TRAP);
        }
    }
    reg_write(s3_4_c12_c11_0, 0);
}

/* Breakpoints of one virtual machine: the last one names its VMID, another is linked to that. */
static void vmid_breakpoint(void)
{
    enum { ENABLE = 1, AT_EL0 = 2 << 1, ALL_BYTES = 15 << 5, MDE = 1 << 15, MINE = 9 };
    enum { VMID = 8 << 20, LINKED = 1 << 20, TO_LAST = 5 << 16 };
    reg_write(oslar_el1, 0);
    reg_write(mdscr_el1, MDE);
    reg_write(vttbr_el2, (u64)MINE << 48);
    reg_write(dbgbvr5_el1, (u64)MINE << 32);
    reg_write(dbgbcr5_el1, ENABLE | ALL_BYTES | VMID | LINKED);
    reg_write(dbgbvr0_el1, (u64)op_nop);
    reg_write(dbgbcr0_el1, ENABLE | AT_EL0 | ALL_BYTES | LINKED | TO_LAST);
    Seen s = run(EL0, op_nop, 0, 0);
    CHECK_EQ(s.ec, EC_BREAK_LOWER);
    CHECK_EQ(s.by_el1, 1);
    CHECK_EQ(s.elr, op_nop);
    reg_write(vttbr_el2, (u64)(MINE + 1) << 48);
    CHECK_EQ(run(EL0, op_nop, 0, 0).ec, NO_TRAP);
    reg_write(dbgbcr0_el1, 0);
    reg_write(dbgbcr5_el1, 0);
    reg_write(mdscr_el1, 0);
    reg_write(vttbr_el2, 0);
}

/* ---- stage 2 ---- */

#define S2_ATTRS (D_VALID | D_AF | D_INNER | 0xf << 2 | 3 << 6)

static u64 vtcr_of(const Tables *t)
{
    static const uint8_t tg[3] = {0, 2, 1};
    unsigned g = (t->page_bits - 12) / 2;
    unsigned sl0 = (unsigned)(g == 0 ? 2 - first_level(t) : 3 - first_level(t));
    return (64 - t->va_bits) | sl0 << 6 | 0x3500 | (u64)tg[g] << 14 | 4 << 16 | 1ull << 31;
}

/* Everything as it is, but for the page at DATA. */
static void map_guest(Tables *t, u64 pa, u64 attrs)
{
    int level = t->page_bits == 12 ? 1 : 2;
    u64 step = 1ull << level_bits(t, level);
    for (u64 at = 0x08000000 & ~(step - 1); at < 0x48000000; at += step)
        map(t, at, at, level, S2_ATTRS);
    map(t, DATA, pa, 3, attrs);
}

static void stage2_on(Tables *t, unsigned vmid)
{
    reg_write(vtcr_el2, vtcr_of(t));
    reg_write(vttbr_el2, (u64)t->root | (u64)vmid << 48);
    write_hcr(HCR_NONE | HCR_VM);
    tlbi(alle1);
}

static void stage2_off(void)
{
    write_hcr(HCR_NONE);
    tlbi(alle1);
}

static void stage2(void)
{
    for (unsigned g = 0; g < 3; g++) {
        unsigned bits = 12 + 2 * g;
        u64 *page = pages_aligned(16, 65536), far = DATA + 0x10000, *e;
        Seen s;
        t2 = tables_new(bits, g == 0 ? 39 : 40);
        *page = 55 + g;
        map_guest(&t2, (u64)page, S2_ATTRS);
        e = pte_of(&t2, DATA, 3);
        stage2_on(&t2, 1);
        CHECK_VALUE(run(EL1T, op_ldr, DATA, 0), 55 + g);
        CHECK_VALUE(run(EL1H, op_ldr, DATA, 0), 55 + g);
        CHECK_EQ(run(EL1T, op_str, DATA + 8, 99).ec, NO_TRAP);
        CHECK_EQ(page[1], 99);
        /* nothing there: as a hypervisor needs it to do the access itself */
        s = run(EL1T, op_ldr, far + 8, 0);
        CHECK_ABORT(s, EC_DATA_LOWER, 1 << 24 | 3 << 22 | 1 << 15 | (FSC_TRANSLATION + 3), far + 8);
        CHECK_EQ(reg_read(hpfar_el2), far >> 12 << 4);
        CHECK_EQ(s.by_el1, 0);
        CHECK_EQ(s.elr, op_ldr);
        s = run(EL1T, op_strb, far + 9, 0);
        CHECK_ABORT(s, EC_DATA_LOWER, 1 << 24 | 1 << 16 | ISS_WNR | (FSC_TRANSLATION + 3), far + 9);
        CHECK_EQ(run(EL1T, op_str32, far, 0).iss,
                 1u << 24 | 2 << 22 | 1 << 16 | ISS_WNR | (FSC_TRANSLATION + 3));
        CHECK_EQ(run(EL1T, op_ldp, far, 0).iss, FSC_TRANSLATION + 3); /* no such help for pairs */
        s = run(EL1T, op_jump, far, 0);
        CHECK_ABORT(s, EC_FETCH_LOWER, FSC_TRANSLATION + 3, far);
        CHECK_EQ(reg_read(hpfar_el2), far >> 12 << 4);
        /* permissions, access flag */
        *e = (*e & ~(u64)(3 << 6)) | 1 << 6;
        tlbi_by(ipas2e1, DATA >> 12);
        tlbi(vmalle1);
        CHECK_EQ(run(EL1T, op_ldr, DATA, 0).ec, NO_TRAP);
        CHECK_EQ(run(EL1T, op_str, DATA, 0).iss & 0x3f, FSC_PERMISSION + 3);
        *e = (*e & ~(u64)(3 << 6)) | 2 << 6;
        tlbi(alle1);
        CHECK_EQ(run(EL1T, op_ldr, DATA, 0).iss & 0x3f, FSC_PERMISSION + 3);
        CHECK_EQ(run(EL1T, op_str, DATA, 0).ec, NO_TRAP);
        *e = (*e | 3 << 6) & ~D_AF;
        tlbi(alle1);
        CHECK_EQ(run(EL1T, op_ldr, DATA, 0).iss & 0x3f, FSC_ACCESS + 3);
        CHECK_EQ(reg_read(hpfar_el2), DATA >> 12 << 4);
        /* execution: XN */
        ((uint32_t *)page)[0] = 0xd65f03c0;
        *e |= D_AF | 1ull << 54;
        tlbi(alle1);
        CHECK_ABORT(run(EL1T, op_jump, DATA, 0), EC_FETCH_LOWER, FSC_PERMISSION + 3, DATA);
        *e &= ~(1ull << 54);
        tlbi(alle1);
        CHECK_EQ(run(EL1T, op_jump, DATA, 0).ec, NO_TRAP);
        /* beyond its size */
        s = run(EL1T, op_ldr, 1ull << 41, 0);
        CHECK_EQ(s.ec, EC_DATA_LOWER);
        CHECK_EQ(s.iss & 0x3f, FSC_TRANSLATION + (OUTSIDE ? s.iss & 3 : 0));
        stage2_off();
    }
}

/* Both stages: tables of stage 1 are themselves in what stage 2 translates. */
static void both_stages(void)
{
    u64 *page = pages(1), far = 0x90000000;
    t1 = tables_new(12, 39);
    t2 = tables_new(12, 39);
    bare_map_program(&t1);
    map(&t1, 0x200000000, DATA, 3, D_RW);
    map(&t1, 0x200001000, far, 3, D_RW);
    map(&t1, 0x200002000, far, 3, D_RW | D_RO);
    map_guest(&t2, (u64)page, S2_ATTRS);
    *page = 4711;
    stage2_on(&t2, 3);
    use_tables(&t1, 1, 0);
    CHECK_VALUE(run(EL1T, op_ldr, 0x200000000, 0), 4711);
    Seen s = run(EL1T, op_ldr, 0x200001018, 0);
    CHECK_ABORT(s, EC_DATA_LOWER, 1 << 24 | 3 << 22 | 1 << 15 | (FSC_TRANSLATION + 1), 0x200001018);
    CHECK_EQ(reg_read(hpfar_el2), far >> 12 << 4);
    s = run(EL1T, op_str, 0x200002000, 0); /* stage 1 comes first */
    CHECK_ABORT(s, EC_DATA_SAME, ISS_WNR | (FSC_PERMISSION + 3), 0x200002000);
    CHECK_EQ(s.by_el1, 1);
    s = run(EL1T, op_ldr, 0x300000000, 0);
    CHECK_EQ(s.by_el1, 1);
    /* a table of stage 1 in nowhere */
    *pte_of(&t1, 0x240000000, 1) = (far + 0x1000) | D_VALID | D_TABLE;
    s = run(EL1T, op_ldr, 0x240000000, 0);
    /* 7.2 says stage 1's level */
    CHECK_ABORT(s, EC_DATA_LOWER, 1 << 7 | (FSC_TRANSLATION + 1 + OUTSIDE), 0x240000000);
    CHECK_EQ(reg_read(hpfar_el2), (far + 0x1000) >> 12 << 4);
    /* and the address of a whole translation */
    __asm__ volatile("at s12e1r, %0\n isb" ::"r"(0x200000000ull) : "memory");
    CHECK_EQ(reg_read(par_el1) & 0xfffffffff001, page);
    __asm__ volatile("at s1e1r, %0\n isb" ::"r"(0x200000000ull) : "memory");
    CHECK_EQ(reg_read(par_el1) & 0xfffffffff001, DATA);
    /* memory of both kinds; MAIR_EL1 as use_tables() has it, and another */
    static const uint8_t of1[] = {0xff, 0xbb, 0x44, 0x08}, of2[] = {0xf, 0xa, 5, 0, 2, 0xd};
    static const uint8_t both[4][6] = {{0xff, 0xbb, 0x44, 0, 8, 0xf4},
                                       {0xbb, 0xbb, 0x44, 0, 8, 0xb4},
                                       {0x44, 0x44, 0x44, 0, 8, 0x44},
                                       {8, 8, 8, 0, 8, 8}};
    for (unsigned k = 0; k < 4; k++) {
        for (unsigned j = 0; j < 6; j++) {
            reg_write(mair_el1, of1[k]);
            *pte_of(&t2, DATA, 3) = (*pte_of(&t2, DATA, 3) & ~(u64)(15 << 2)) | of2[j] << 2;
            tlbi(alle1);
            __asm__ volatile("at s12e1r, %0\n isb" ::"r"(0x200000000ull) : "memory");
            if (!(OUTSIDE && (of1[k] == 8 || of2[j] == 2))) /* Device-nGRE is another there */
                CHECK_EQ(reg_read(par_el1) >> 56, both[k][j]);
        }
    }
    reg_write(mair_el1, 0xff);
    *pte_of(&t2, DATA, 3) |= 15 << 2;
    tlbi(alle1);
    __asm__ volatile("at s12e1r, %0\n isb" ::"r"(0x200001000ull) : "memory");
    CHECK_EQ(reg_read(par_el1) & 0x37f, 1 | 1 << 9 | (FSC_TRANSLATION + 1) << 1);
    use_tables(NULL, 0, 0);
    stage2_off();
}

/* Each VMID has its own. */
static void vmids(void)
{
    Tables of[2];
    u64 *page[2];
    for (unsigned k = 0; k < 2; k++) {
        page[k] = pages(1);
        *page[k] = 800 + k;
        of[k] = tables_new(12, 39);
        map_guest(&of[k], (u64)page[k], S2_ATTRS);
    }
    stage2_on(&of[0], 1);
    for (unsigned n = 0; n < 20; n++) {
        reg_write(vttbr_el2, (u64)of[n & 1].root | (u64)(1 + (n & 1)) << 48);
        CHECK_VALUE(run(EL1T, op_ldr, DATA, 0), 800 + (n & 1));
    }
    *pte_of(&of[1], DATA, 3) = 0;
    tlbi(vmalls12e1);
    CHECK_EQ(run(EL1T, op_ldr, DATA, 0).iss & 0x3f, FSC_TRANSLATION + 3);
    stage2_off();
}

/* ---- virtual interrupts ---- */

static u64 unmasked(u64 a, u64 b)
{
    barrier("msr daifclr, #3\n isb\n nop");
    barrier("msr daifset, #3");
    return 7;
}

static void virtual_interrupts(void)
{
    write_hcr(HCR_NONE | HCR_IMO | HCR_FMO);
    CHECK_VALUE(run(EL1T, unmasked, 0, 0), 7);
    write_hcr(HCR_NONE | HCR_IMO | HCR_FMO | HCR_VI);
    CHECK_EQ(run(EL1T, op_nop, 0, 0).ec, NO_TRAP); /* masked */
    Seen s = run(EL1T, unmasked, 0, 0);
    CHECK_EQ(s.by_el1, 1);
    CHECK_EQ(s.vector, 1);
    s = run(PSTATE_UNMASKED | EL0, op_nop, 0, 0);
    CHECK_EQ(s.by_el1, 1);
    CHECK_EQ(s.vector, 9);
    CHECK_EQ(s.elr, op_nop);
    write_hcr(HCR_NONE | HCR_IMO | HCR_FMO | HCR_VF);
    CHECK_EQ(run(EL1T, unmasked, 0, 0).vector, 2);
    write_hcr(HCR_NONE | HCR_VI); /* without IMO: none */
    CHECK_VALUE(run(EL1T, unmasked, 0, 0), 7);
    CHECK_VALUE(run(EL2T, unmasked, 0, 0), 7);
    write_hcr(HCR_NONE);
}

/* Memory that one of both stages calls Device: whose fault it is. */
static void alignment(void)
{
    u64 *page = pages(1), va = 0x200000000, *e;
    t1 = tables_new(12, 39);
    t2 = tables_new(12, 39);
    bare_map_program(&t1);
    map(&t1, va, DATA, 3, D_RW | D_USER);
    map_guest(&t2, (u64)page, S2_ATTRS & ~(15ull << 2)); /* Device-nGnRnE */
    e = pte_of(&t2, DATA, 3);
    stage2_on(&t2, 4);
    Seen s = run(EL1T, op_ldr, DATA + 1, 0); /* stage 1 is off */
    CHECK_ABORT(s, EC_DATA_SAME, FSC_ALIGNMENT, DATA + 1);
    CHECK_EQ(s.by_el1, 1);
    use_tables(&t1, 1, 0);
    s = run(EL1T, op_str, va + 1, 0);
    CHECK_EQ(s.ec, EC_DATA_LOWER);
    CHECK_EQ(s.iss & 0x7f, ISS_WNR | FSC_ALIGNMENT);
    CHECK_EQ(s.far, va + 1);
    CHECK_EQ(s.by_el1, 0);
    CHECK_EQ(run(EL1T, op_str, va, 5).ec, NO_TRAP);
    *e |= 15 << 2;
    tlbi(alle1);
    CHECK_EQ(run(EL1T, op_ldr, va + 1, 0).ec, NO_TRAP);
    use_tables(NULL, 0, 0);
    write_hcr(HCR_NONE | HCR_VM | HCR_DC); /* stage 1 is off, and EL1's data Normal */
    tlbi(alle1);
    CHECK_EQ(run(EL1T, op_ldr, DATA + 1, 0).ec, NO_TRAP);
    CHECK_ABORT(run(EL2T, op_ldr, (u64)page + 1, 0), EC_DATA_SAME, FSC_ALIGNMENT, (u64)page + 1);
    stage2_off();
}

/* ---- EL2's own regime, E2H ---- */

static void own_regime(void)
{
    u64 *page = pages(1);
    *page = 31;
    t1 = tables_new(12, 39);
    bare_map_program(&t1);
    map(&t1, DATA, (u64)page, 3, D_RW | D_USER); /* AP[1] is 1 here */
    reg_write(mair_el2, 0xff);
    reg_write(tcr_el2, (64 - 39) | 0x3500 | 1ull << 31 | 1 << 23 | 5 << 16);
    reg_write(ttbr0_el2, t1.root);
    tlbi(alle2);
    for (u64 at = 0x40000000; at < 0x48000000; at += 1ull << 30) /* UXN would be XN */
        *pte_of(&t1, at, 1) &= ~D_UXN;
    reg_write(sctlr_el2, reg_read(sctlr_el2) | 1);
    CHECK_VALUE(run(EL2T, op_ldr, DATA, 0), 31);
    CHECK_ABORT(run(EL2T, op_ldr, DATA + 0x1000, 0), EC_DATA_SAME, FSC_TRANSLATION + 3, DATA + 0x1000);
    CHECK_ABORT(run(EL2T, op_jump, DATA, 0), EC_FETCH_SAME, FSC_PERMISSION + 3, DATA);
    CHECK_EQ(run(EL2T, op_ldr, ~0xfffull, 0).ec, EC_DATA_SAME); /* there is no upper half */
    CHECK_VALUE(run(EL1T, op_ldr, (u64)page, 0), 31);           /* EL1's is off */
    CHECK_EQ(run(EL2T, op_ldr, DATA + 1, 0).ec, NO_TRAP);
    reg_write(sctlr_el2, reg_read(sctlr_el2) | 2);
    CHECK_ABORT(run(EL2T, op_ldr, DATA + 1, 0), EC_DATA_SAME, FSC_ALIGNMENT, DATA + 1);
    reg_write(sctlr_el2, reg_read(sctlr_el2) & ~2ull);
    *pte_of(&t1, DATA, 3) = 0;
    tlbi_by(vae2, DATA >> 12);
    CHECK_EQ(run(EL2T, op_ldr, DATA, 0).iss, FSC_TRANSLATION + 3);
    reg_write(sctlr_el2, reg_read(sctlr_el2) & ~1ull);
}

static void host_names(void)
{
    reg_write(tcr_el1, 0x1111);
    reg_write(vbar_el1, reg_read(vbar_el1));
    reg_write(far_el1, 0x101);
    reg_write(elr_el1, 0x102);
    write_hcr(HCR_NONE | HCR_E2H);
    reg_write(tcr_el1, 0x2222); /* EL2's */
    CHECK_EQ(reg_read(tcr_el2), 0x2222);
    CHECK_EQ(reg_read(s3_5_c2_c0_2), 0x1111); /* TCR_EL12 */
    reg_write(s3_5_c2_c0_2, 0x3333);
    reg_write(far_el1, 0x201);
    reg_write(elr_el1, 0x202);
    CHECK_EQ(reg_read(far_el2), 0x201);
    CHECK_EQ(reg_read(elr_el2), 0x202);
    CHECK_EQ(reg_read(s3_5_c6_c0_0), 0x101); /* FAR_EL12 */
    CHECK_EQ(reg_read(s3_5_c4_c0_1), 0x102);
    reg_write(s3_5_c4_c0_1, 0x103);
    reg_write(cpacr_el1, 3 << 20); /* CPTR_EL2 */
    CHECK_EQ(reg_read(cptr_el2) >> 20 & 3, 3);
    reg_write(tpidr_el1, reg_read(tpidr_el1)); /* keeps its own */
    reg_write(cntv_cval_el0, 77);              /* CNTHV_CVAL_EL2 */
    reg_write(s3_5_c14_c3_2, 78);              /* CNTV_CVAL_EL02 */
    CHECK_EQ(reg_read(s3_4_c14_c3_2), 77);
    reg_write(cntp_cval_el0, 79);
    CHECK_EQ(reg_read(cnthp_cval_el2), 79);
    write_hcr(HCR_NONE);
    CHECK_EQ(reg_read(tcr_el1), 0x3333);
    CHECK_EQ(reg_read(far_el1), 0x101);
    CHECK_EQ(reg_read(elr_el1), 0x103);
    CHECK_EQ(reg_read(cntv_cval_el0), 78);
    reg_write(cptr_el2, 0);
    reg_write(tcr_el1, 0);
}

/* E2H and TGE: programs of the host, whose exceptions EL2 takes; two halves, ASIDs. */
static void host(void)
{
    Tables high = tables_new(12, 39);
    u64 *page[2] = {pages(1), pages(1)}, va = ~0ull << 39 | 0x7000;
    *page[0] = 61;
    *page[1] = 62;
    t1 = tables_new(12, 39);
    bare_map_program(&t1);
    map(&t1, DATA, (u64)page[0], 3, D_RW | D_USER | D_NG);
    map(&high, va, (u64)page[1], 3, D_RW);
    write_hcr(HCR_NONE | HCR_E2H | HCR_TGE);
    reg_write(cpacr_el1, 3 << 20);
    reg_write(cnthctl_el2, 0xfff);
    reg_write(tcr_el2, tcr_of(&t1, 0) | tcr_of(&high, 1));
    reg_write(ttbr0_el2, (u64)t1.root | 5ull << 48);
    reg_write(s3_4_c2_c0_1, high.root); /* TTBR1_EL2 */
    tlbi(vmalle1);
    reg_write(sctlr_el2, reg_read(sctlr_el2) | 1 | 1 << 26 | 1 << 15 | 1 << 14);
    CHECK_VALUE(run(EL2T, op_ldr, va, 0), 62);
    CHECK_VALUE(run(EL2T, op_ldr, DATA, 0), 61);
    CHECK_ABORT(run(EL2T | PSTATE_PAN, op_ldr, DATA, 0), EC_DATA_SAME, FSC_PERMISSION + 3, DATA);
    CHECK_VALUE(run(EL2T | PSTATE_PAN, op_ldtr, DATA, 0), 61);
    CHECK_ABORT(run(EL2T, op_ldtr, va, 0), EC_DATA_SAME, FSC_PERMISSION + 3, va);
    Seen s = run(EL0, op_svc, 0, 0);
    CHECK_TRAP(s, EC_SVC, 0x1234);
    CHECK_EQ(s.by_el1, 0);
    CHECK_EQ(s.vector, 8);
    CHECK_VALUE(run(EL0, op_ldr, DATA, 0), 61);
    CHECK_ABORT(run(EL0, op_ldr, va, 0), EC_DATA_LOWER, FSC_PERMISSION + 3, va);
    CHECK_TRAP(run(EL0, op_udf, 0, 0), EC_UNKNOWN, 0);
    CHECK_TRAP(run(EL0, op_fmov, 0, 0), NO_TRAP, 0x7e57);
    CHECK_EQ(run(EL0, op_mrs_cntvct, 0, 0).ec, NO_TRAP);
    CHECK_EQ(run(EL0, op_mrs_ctr, 0, 0).ec, NO_TRAP);
    *pte_of(&t1, DATA, 3) = 0;
    tlbi_by(vae1, 5ull << 48 | DATA >> 12);
    CHECK_ABORT(run(EL0, op_ldr, DATA, 0), EC_DATA_LOWER, FSC_TRANSLATION + 3, DATA);
    /* EL1 is not to be had */
    s = run(EL1T, op_nop, 0, 0);
    CHECK_TRAP(s, EC_IL, 0);
    reg_write(sctlr_el2, reg_read(sctlr_el2) & ~1ull);
    write_hcr(HCR_NONE);
    reg_write(cptr_el2, 0);
    reg_write(cnthctl_el2, 3);
    tlbi(alle2);
}

void test(void)
{
    CHECK_EQ(reg_read(CurrentEL), 8);
    write_hcr(HCR_NONE);
    identity();
    calls();
    traps();
    controller_traps();
    if (!OUTSIDE) /* compares no VMIDs */
        vmid_breakpoint();
    stage2();
    both_stages();
    if (!OUTSIDE) /* asks for nothing there */
        alignment();
    vmids();
    virtual_interrupts();
    own_regime();
    host_names();
    host();
}
