/* options: -cpu cortex-a15
 * Page tables of AArch32: short descriptors of each kind, rights and domains, access flag; long ones;
 * which of the two base registers; what DFSR and IFSR say in both formats; ATS1C. */
#include "a32_bare.h"

enum { RW_ALL = 3, RW_PRIVILEGED = 1, RO_USER = 2, RO_PRIVILEGED = 5, RO_ALL = 7 };
enum { PROBE = 0x60000000, MARK = 0x5a5a1234 };
enum {
    TRANSLATION_1 = 5,
    TRANSLATION_2 = 7,
    ACCESS_1 = 3,
    ACCESS_2 = 6,
    DOMAIN_1 = 9,
    DOMAIN_2 = 11,
    PERMISSION_1 = 13,
    PERMISSION_2 = 15
};
enum { LONG_TRANSLATION = 4, LONG_ACCESS = 8, LONG_PERMISSION = 12 };
#define EAE (1u << 31)

static u32 *root, *second;
static u32 page_pa;

/* ap: AP[2:0] */
static u32 section(u32 pa, unsigned ap, unsigned domain, bool xn)
{
    return pa | 2 | (ap & 3) << 10 | (ap >> 2) << 15 | domain << 5 | (u32)xn << 4;
}
static u32 small(u32 pa, unsigned ap, bool xn)
{
    return pa | 2 | (ap & 3) << 4 | (ap >> 2) << 9 | (u32)xn;
}

static void mmu(bool on, u32 more)
{
    u32 bits = SCTLR_M | SCTLR_WXN | SCTLR_UWXN | SCTLR_AFE;
    tlb_flush();
    cp15_write(0, c1, c0, 0, (cp15_read(0, c1, c0, 0) & ~bits) | (on ? SCTLR_M | more : 0));
    tlb_flush();
}

static void put(u32 va, u32 desc)
{
    root[va >> 20] = desc;
    tlb_flush();
}
static void put_page(u32 va, u32 desc)
{
    second[va >> 12 & 255] = desc;
    tlb_flush();
}

/* status: of a fault; 0: none */
static void access(u32 mode, Op32 *fn, u32 va, u32 status, int line)
{
    bool write = fn == op_str;
    run(mode, fn, va, MARK);
    if (!status) {
        check_eq(returned(), 1, "no fault", line);
        if (!write)
            check_eq(seen.value, MARK, "value", line);
        return;
    }
    check_eq(seen.vector, VECTOR_DATA, "data abort", line);
    check_eq(seen.dfsr & (FSR_LPAE | 0x40f), status, "dfsr", line);
    check_eq(!!(seen.dfsr & FSR_WRITE), write, "write", line);
    check_eq(seen.dfar, va, "dfar", line);
}
#define ACCESS(mode, fn, va, status) access(mode, fn, va, status, __LINE__)

static void rights_of(unsigned ap, u32 fault, bool pr, bool pw, bool ur, bool uw)
{
    ACCESS(SVC, op_ldr, PROBE, pr ? 0 : fault);
    ACCESS(SYS, op_str, PROBE, pw ? 0 : fault);
    ACCESS(USR, op_ldr, PROBE, ur ? 0 : fault);
    ACCESS(USR, op_str, PROBE, uw ? 0 : fault);
    ACCESS(SVC, op_ldrt, PROBE, ur ? 0 : fault);
}

static void rights(bool pages_too)
{
    for (unsigned k = 0; k < 2; k++) {
        u32 fault = k ? PERMISSION_2 : PERMISSION_1;
#define PUT(ap)                                                                                              \
    (k ? (put(PROBE, (u32)second | 1), put_page(PROBE, small(page_pa, ap, false)))                           \
       : put(PROBE, section(page_pa & ~0xfffffu, ap, 0, false)))
        if (k == 0)
            ((volatile u32 *)(page_pa & ~0xfffffu))[0] = MARK;
        PUT(0);
        rights_of(0, fault, false, false, false, false);
        PUT(RW_PRIVILEGED);
        rights_of(1, fault, true, true, false, false);
        PUT(RO_USER);
        rights_of(2, fault, true, true, true, false);
        PUT(RW_ALL);
        rights_of(3, fault, true, true, true, true);
        PUT(RO_PRIVILEGED);
        rights_of(5, fault, true, false, false, false);
        PUT(RO_ALL);
        rights_of(7, fault, true, false, true, false);
    }
}

static void domains(void)
{
    put(PROBE, section(page_pa & ~0xfffffu, RO_PRIVILEGED, 3, true));
    cp15_write(0, c3, c0, 0, 1); /* domain 3: no access */
    tlb_flush();
    ACCESS(SVC, op_ldr, PROBE, DOMAIN_1);
    CHECK_EQ(seen.dfsr >> 4 & 15, 3);
    cp15_write(0, c3, c0, 0, 1 | 3 << 6); /* manager */
    ACCESS(USR, op_str, PROBE, 0);
    cp15_write(0, c3, c0, 0, 1 | 1 << 6);
    ACCESS(SVC, op_str, PROBE, PERMISSION_1);
    ACCESS(USR, op_ldr, PROBE, PERMISSION_1);
    put(PROBE, (u32)second | 1 | 3 << 5);
    put_page(PROBE, small(page_pa, RW_ALL, false));
    cp15_write(0, c3, c0, 0, 1);
    ACCESS(USR, op_ldr, PROBE, DOMAIN_2);
    put_page(PROBE, 0);
    ACCESS(USR, op_ldr, PROBE, OUTSIDE ? DOMAIN_2 : TRANSLATION_2); /* looks at the domain first */
    put(PROBE, 0);
    ACCESS(USR, op_ldr, PROBE, TRANSLATION_1);
}

static void sizes(void)
{
    u32 base = page_pa & 0xff000000;
    for (unsigned k = 0; k < 16; k++) /* a supersection */
        root[(PROBE >> 20) + k] = base | 2 | RW_ALL << 10 | 1 << 18;
    tlb_flush();
    ((volatile u32 *)(base + 0x900000))[0] = MARK;
    ACCESS(USR, op_ldr, PROBE + 0x900000, 0);
    for (unsigned k = 0; k < 16; k++)
        root[(PROBE >> 20) + k] = 0;
    put(PROBE, (u32)second | 1);
    for (unsigned k = 0; k < 16; k++) /* a large page */
        second[16 + k] = (page_pa & ~0xffffu) | 1 | RW_ALL << 4;
    tlb_flush();
    ((volatile u32 *)((page_pa & ~0xffffu) + 0x3000))[0] = MARK;
    ACCESS(USR, op_ldr, PROBE + 0x13000, 0);
    ACCESS(USR, op_ldr, PROBE + 0x23000, TRANSLATION_2);
}

static void running(void)
{
    u32 code = (u32)stub & ~0xfffffu, at = PROBE + ((u32)op_mrs_cpsr - code);
    put(PROBE, section(code, RW_ALL, 0, false));
    run(USR, (Op32 *)at, 0, 0);
    CHECK_EQ(seen.value & 31, USR);
    put(PROBE, section(code, RW_ALL, 0, true));
    run(USR, (Op32 *)at, 0, 0);
    CHECK_EQ(seen.vector, VECTOR_PREFETCH);
    CHECK_EQ(seen.ifsr & 0x60f, PERMISSION_1);
    CHECK_EQ(seen.ifar, at);
    CHECK_EQ(seen.lr, at + 4);
    put(PROBE, section(code, RW_ALL, 0, false) | 1); /* PXN */
    run(USR, (Op32 *)at, 0, 0);
    CHECK(returned());
    run(SYS, (Op32 *)at, 0, 0);
    CHECK_EQ(seen.ifsr & 0x60f, PERMISSION_1);
    put(PROBE, 0);
    run(SVC, (Op32 *)at, 0, 0);
    CHECK_EQ(seen.vector, VECTOR_PREFETCH);
    CHECK_EQ(seen.ifsr & 0x60f, TRANSLATION_1);
}

/* AP[0] as access flag. The program's own pages have it. */
static void access_flag(void)
{
    mmu(true, SCTLR_AFE);
    put(PROBE, section(page_pa & ~0xfffffu, 2, 0, false));
    ACCESS(USR, op_ldr, PROBE, ACCESS_1);
    put(PROBE, section(page_pa & ~0xfffffu, 3, 0, false));
    ACCESS(USR, op_str, PROBE, 0);
    put(PROBE, section(page_pa & ~0xfffffu, 7, 0, false));
    ACCESS(SVC, op_str, PROBE, PERMISSION_1);
    put(PROBE, (u32)second | 1);
    put_page(PROBE, small(page_pa, 2, false));
    ACCESS(SVC, op_ldr, PROBE, ACCESS_2);
    mmu(true, 0);
}

static u32 translate(u32 va)
{
    cp15_write(0, c7, c8, 0, va);
    return cp15_read(0, c7, c4, 0);
}

static void questions(void)
{
    put(PROBE, (u32)second | 1);
    put_page(PROBE, small(page_pa, RW_ALL, false));
    CHECK_EQ(translate(PROBE + 0x123) & ~0xfffu, page_pa);
    CHECK_EQ(translate(PROBE) & 1, 0);
    put_page(PROBE, 0);
    CHECK_EQ(translate(PROBE) & 0x7f, TRANSLATION_2 << 1 | 1);
}

/* TTBCR.N: the upper part by TTBR1. */
static void halves(void)
{
    u32 *low = pages(4);
    enum { N = 1, PD1 = 1 << 5 };
    for (u32 k = 0; k < 2048; k++)
        low[k] = root[k];
    root[0x900] = section(page_pa & ~0xfffffu, RW_ALL, 0, false);
    low[PROBE >> 20] = section(page_pa & ~0xfffffu, RW_ALL, 0, false);
    ((volatile u32 *)(page_pa & ~0xfffffu))[0] = MARK;
    cp15_write(0, c2, c0, 1, (u32)root);
    cp15_write(0, c2, c0, 0, (u32)low);
    cp15_write(0, c2, c0, 2, N);
    tlb_flush();
    ACCESS(USR, op_ldr, 0x90000000, 0);
    ACCESS(USR, op_ldr, PROBE, 0);
    cp15_write(0, c2, c0, 2, N | PD1);
    tlb_flush();
    ACCESS(USR, op_ldr, 0x90000000, OUTSIDE ? 0 : TRANSLATION_1); /* PD1 does nothing */
    cp15_write(0, c2, c0, 2, 0);
    cp15_write(0, c2, c0, 0, (u32)root);
    root[0x900] = 0;
    tlb_flush();
}

/* ---- long descriptors ---- */

static void long_format(void)
{
    enum { VALID = 1, TABLE = 2, USER = 1 << 6, READ_ONLY = 1 << 7, FLAG = 1 << 10 };
    u64 *top = pages(1), *middle = pages(1), *leaf = pages(1);
    u64 pa = page_pa;
    mmu(false, 0);
    top[0] = VALID | FLAG;
    top[1] = (u32)middle | VALID | TABLE;
    for (u64 k = 0; k < 512; k++)
        middle[k] = (0x40000000 + (k << 21)) | VALID | FLAG | USER;
    middle[0x100] = (u32)leaf | VALID | TABLE; /* 0x60000000 */
    *(volatile u32 *)page_pa = MARK;
    cp15_write(0, c2, c0, 2, EAE);
    cp15_write64(0, c2, (u32)top);
    mmu(true, 0);
    leaf[0] = 0;
    ACCESS(USR, op_ldr, PROBE, FSR_LPAE | (LONG_TRANSLATION + 3));
    leaf[0] = pa | VALID | TABLE;
    tlb_flush();
    ACCESS(USR, op_ldr, PROBE, FSR_LPAE | (LONG_ACCESS + 3));
    leaf[0] = pa | VALID | TABLE | FLAG;
    tlb_flush();
    ACCESS(USR, op_ldr, PROBE, FSR_LPAE | (LONG_PERMISSION + 3));
    ACCESS(SVC, op_str, PROBE, 0);
    leaf[0] = pa | VALID | TABLE | FLAG | USER | READ_ONLY;
    tlb_flush();
    ACCESS(USR, op_ldr, PROBE, 0);
    ACCESS(SVC, op_str, PROBE, FSR_LPAE | (LONG_PERMISSION + 3));
    ACCESS(USR, op_ldr, 0x80000000, FSR_LPAE | (LONG_TRANSLATION + 1));
    middle[0x100] = (u32)leaf | VALID | TABLE | 1ull << 61; /* no user below */
    tlb_flush();
    ACCESS(USR, op_ldr, PROBE, FSR_LPAE | (LONG_PERMISSION + 3));
    ACCESS(SVC, op_ldr, PROBE, 0);
    middle[0x100] = 0;
    tlb_flush();
    ACCESS(SVC, op_ldr, PROBE, FSR_LPAE | (LONG_TRANSLATION + 2));
    run(SVC, (Op32 *)PROBE, 0, 0);
    CHECK_EQ(seen.vector, VECTOR_PREFETCH);
    CHECK_EQ(seen.ifsr & (FSR_LPAE | 63), FSR_LPAE | (LONG_TRANSLATION + 2));
    mmu(false, 0);
    cp15_write(0, c2, c0, 2, 0);
}

void test(void)
{
    root = pages(4);
    second = pages(1);
    page_pa = (u32)pages_aligned(1, 0x1000000);
    for (u32 k = 0; k < 0x80; k++) /* the program, for all */
        root[0x400 + k] = section(0x40000000 + (k << 20), RW_ALL, 0, false);
    root[0x90] = section(0x09000000, RW_PRIVILEGED, 0, true);
    cp15_write(0, c3, c0, 0, 1);
    cp15_write(0, c2, c0, 2, 0);
    cp15_write(0, c2, c0, 0, (u32)root);
    *(volatile u32 *)page_pa = MARK;
    mmu(true, 0);
    rights(true);
    domains();
    cp15_write(0, c3, c0, 0, 1);
    sizes();
    running();
    access_flag();
    questions();
    halves();
    long_format();
}
