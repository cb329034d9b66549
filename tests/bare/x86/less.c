/* Features that the user has taken from the model: none is in CPUID, and what is not there does not work.
 * outside: no (QEMU 7.2 does not come back from a write of CR4 that is refused by what CPUID says)
 * options: -cpu max,-smep,-smap,-umip,-la57,-pcid,-pku,-fsgsbase,-invpcid,-pdpe1gb,-monitor,-svm,-x2apic,-avx
 */
#include "x86_bare.h"

enum { CR4_OSXSAVE = 1 << 18, APIC_BASE = 0x1b, EFER = 0xc0000080u, SVME = 1 << 12 };

static void cpuid(uint32_t leaf, uint32_t ret[4])
{
    __asm__("cpuid" : "=a"(ret[0]), "=b"(ret[1]), "=c"(ret[2]), "=d"(ret[3]) : "a"(leaf), "c"(0));
}

static void not_in_cpuid(void)
{
    static const struct {
        uint32_t leaf;
        unsigned reg;
        uint32_t bits;
    } rows[] = {
        {1, 2, 1 << 3 | 1 << 17 | 1 << 21 | 1 << 28}, /* monitor pcid x2apic avx */
        {7, 1, 1 << 0 | 1 << 7 | 1 << 10 | 1 << 20},  /* fsgsbase smep invpcid smap */
        {7, 2, 1 << 2 | 1 << 3 | 1 << 16},            /* umip pku la57 */
        {0x80000001, 2, 1 << 2},                      /* svm */
        {0x80000001, 3, 1 << 26},                     /* pdpe1gb */
    };
    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        uint32_t r[4];
        cpuid(rows[k].leaf, r);
        CHECK("cpuid", r[rows[k].reg] & rows[k].bits, 0);
    }
}

static void add_cr4(word bit)
{
    set_cr4(cr4() | 1ul << bit);
}

static void no_bits_of_cr4(void)
{
    static const uint8_t bits[] = {11, 12, 16, 17, 20, 21, 22}; /* UMIP LA57 FSGSBASE PCIDE SMEP SMAP PKE */
    for (unsigned k = 0; k < sizeof bits; k++) {
        expect_at("bit of cr4", GP, 0, add_cr4, bits[k]);
        CHECK("cr4", cr4() >> bits[k] & 1, 0);
    }
}

static void set_msr(word bit)
{
    const uint32_t n = bit == SVME ? EFER : APIC_BASE;
    wrmsr(n, rdmsr(n) | bit);
}

static void do_monitor(word a)
{
    __asm__ volatile("monitor" : : "a"(&bare_seen), "c"(0), "d"(0));
}
static void do_vector(word a)
{
    __asm__ volatile("vpxor %xmm0, %xmm0, %xmm0");
}
static void do_invpcid(word a)
{
    static const u64 descriptor[2];
    __asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(2ul) : "memory");
}

/* A page of 1 GiB: its bit is reserved. */
static void look_at(word at)
{
    *(volatile char *)at;
}

void test(void)
{
    u64 *fourth = (u64 *)(word)TABLES, *third = (u64 *)(word)(fourth[0] & ~0xffful);
    not_in_cpuid();
    no_bits_of_cr4();
    expect_at("EFER.SVME", GP, 0, set_msr, SVME);
    expect_at("APIC_BASE.EXTD", GP, 0, set_msr, 1 << 10);
    expect_at("monitor", UD, 0, do_monitor, 0);
    expect_at("invpcid", UD, 0, do_invpcid, 0);
    set_cr4(cr4() | CR4_OSXSAVE);
    expect_at("vpxor", UD, 0, do_vector, 0);
    third[8] = 0x83;
    expect_at("1 GiB", PF, 9, look_at, 8ul << 30);
}
