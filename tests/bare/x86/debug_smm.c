/* Breakpoints of the debug registers, alignment checks, machine check registers, monitor and mwait, the local
 * APIC, NMIs, system management mode on `pc`, what the hypervisor tells. */
#include "x86_bare.h"

static volatile uint32_t data[64] __attribute__((aligned(64)));

/* ---- debug registers ---- */

static void set_dr(unsigned n, word v)
{
    switch (n) {
    case 0: __asm__ volatile("mov %0, %%dr0" : : "r"(v)); break;
    case 1: __asm__ volatile("mov %0, %%dr1" : : "r"(v)); break;
    case 6: __asm__ volatile("mov %0, %%dr6" : : "r"(v)); break;
    default: __asm__ volatile("mov %0, %%dr7" : : "r"(v)); break;
    }
}
static word dr6(void)
{
    word v;
    __asm__ volatile("mov %%dr6, %0" : "=r"(v));
    return v;
}
static inline word dr7(void)
{
    word v;
    __asm__ volatile("mov %%dr7, %0" : "=r"(v));
    return v;
}

enum { WRITES = 1, PORTS = 2, ACCESSES = 3, BYTE = 0, HALF = 1, LONG8 = 2, WORD4 = 3 };
/* Breakpoint n, of level 0 and above. */
static word on(unsigned n, unsigned kind, unsigned size)
{
    return 2ul << 2 * n | (word)kind << (16 + 4 * n) | (word)size << (18 + 4 * n);
}

static void store(word at)
{
    __asm__ volatile("movl $7, (%0); nop" : : "r"(at) : "memory");
}
static void load(word at)
{
    __asm__ volatile("mov (%0), %%eax; nop" : : "r"(at) : "eax");
}
static void add_to(word at)
{
    __asm__ volatile("lock addl $1, (%0); nop" : : "r"(at) : "memory");
}
static void out_to(word port)
{
    __asm__ volatile("out %%al, %%dx; nop" : : "d"(port), "a"(0));
}
static inline void write_dr0(word v)
{
    set_dr(0, v);
}

static void hits(const char *name, word vector, void (*fn)(word), word a, word bits)
{
    set_dr(6, 0);
    expect_at(name, vector, 0, fn, a);
    CHECK(name, dr6() & 0xf, bits);
}

static void breakpoints(void)
{
    const word at = (word)&data[4];
    set_dr(0, at);
    data[4] = 1;
    set_dr(7, on(0, WRITES, WORD4));
    hits("a store to watched data", DB, store, at, 1);
    CHECK("it was done", data[4], 7);
    hits("a load of data whose stores are watched", NONE, load, at, 0);
    hits("beside them", NONE, store, at + 4, 0);
    hits("the last byte of them", DB, store, at + 3, 1);
    set_dr(7, on(0, ACCESSES, WORD4));
    hits("a load of watched data", DB, load, at, 1);
    hits("a locked addition", DB, add_to, at, 1);
    set_dr(0, at + 1);
    set_dr(1, at);
    set_dr(7, on(0, ACCESSES, BYTE) | on(1, WRITES, LONG8));
#ifndef OUTSIDE /* which tells of one, and knows no general detection */
    hits("two at once", DB, store, at, 3);
#endif
    hits("one of two", DB, load, at, 1);
    set_cr4(cr4() | 8);
    set_dr(0, 0x80);
    set_dr(7, on(0, PORTS, BYTE));
    hits("a watched port", DB, out_to, 0x80, 1);
    set_cr4(cr4() & ~8ul);
    set_dr(7, 0);
    hits("none", NONE, store, at, 0);
    set_dr(6, 0);
#ifndef OUTSIDE
    set_dr(7, 1 << 13);
    expect_at("a debug register under general detection", DB, 0, write_dr0, 0);
    CHECK("its bit", dr6() >> 13 & 1, 1);
    CHECK("it is over", dr7() >> 13 & 1, 0);
#endif
    set_dr(7, 0);
    set_dr(6, 0);
}

/* ---- alignment ---- */

static void ask_back(word at)
{
    __asm__ volatile("mov (%0), %%eax; int $0x80" : : "r"(at) : "eax");
}
static void with_ac(word at)
{
    __asm__ volatile("pushf; orl $0x40000, (%%rsp); popf; mov (%0), %%eax; int $0x80" : : "r"(at) : "eax");
}
static void user(word at)
{
    at_user(ask_back, at);
}
static void user_ac(word at)
{
    at_user(with_ac, at);
}

static void alignment(void)
{
    const word at = (word)data + 1;
    set_cr0(cr0() & ~(1ul << 18));
    expect_at("unaligned, AC without AM", 0x80, 0, user_ac, at);
    set_cr0(cr0() | 1ul << 18);
    expect_at("unaligned, AM without AC", 0x80, 0, user, at);
    expect_at("aligned, AM and AC", 0x80, 0, user_ac, at + 3);
#ifndef OUTSIDE /* which does not check */
    expect_at("unaligned, AM and AC", AC, 0, user_ac, at);
#endif
    __asm__ volatile("pushf; orl $0x40000, (%%rsp); popf" : : : "memory");
    load(at); /* level 0 is not checked */
    __asm__ volatile("pushf; andl $~0x40000, (%%rsp); popf" : : : "memory");
    set_cr0(cr0() & ~(1ul << 18));
}

/* ---- registers ---- */

static void write_status(word v)
{
    wrmsr(0x401, v);
}

static void machine_check(void)
{
    const unsigned banks = rdmsr(0x179) & 0xff;
    CHECK("banks of machine check", banks >= 1, 1);
    wrmsr(0x400, ~0ull);
    CHECK("their control", rdmsr(0x400), ~0ull);
    expect_at("a status is cleared", NONE, 0, write_status, 0);
#ifndef OUTSIDE
    expect_at("and nothing else", GP, 0, write_status, 1);
#endif
}

static void monitor(word hints)
{
    __asm__ volatile("monitor" : : "a"(data), "c"(hints), "d"(0));
}
static inline void wait(word hints)
{
    __asm__ volatile("monitor; mov %1, %%ecx; mwait" : : "a"(data), "r"((uint32_t)hints), "c"(0), "d"(0));
}

static void waiting(void)
{
    expect_at("monitor", NONE, 0, monitor, 0);
    expect_at("monitor with hints", GP, 0, monitor, 1);
#ifndef OUTSIDE /* which sleeps */
    expect_at("mwait ends", NONE, 0, wait, 0);
#endif
}

static void cpuid(uint32_t leaf, uint32_t r[4])
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(0));
}

static u64 tsc(void)
{
    uint32_t lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return lo | (u64)hi << 32;
}

/* ---- the local APIC ---- */

enum { APIC_BASE = 0x1b, DEADLINE = 0x6e0, APIC = 0xfee00000 };
static void apic(unsigned at, uint32_t v)
{
    *(volatile uint32_t *)((word)(uint32_t)APIC + at) = v;
}
static void write_base(word v)
{
    wrmsr(APIC_BASE, v);
}

static void local_apic(void)
{
    enum { ON = 1 << 11, CPUID_APIC = 1 << 9, THREADS = 0x100 };
    const u64 base = rdmsr(APIC_BASE);
    uint32_t r[4], id;
    cpuid(1, r);
    id = r[1] >> 24;
    CHECK("a local APIC", r[3] & CPUID_APIC, CPUID_APIC);
    wrmsr(APIC_BASE, base & ~(u64)ON);
    cpuid(1, r);
    CHECK("none while it is off", r[3] & CPUID_APIC, 0);
    wrmsr(APIC_BASE, base);
    cpuid(0x80000008, r);
#ifndef OUTSIDE /* whose CPUID is without one for good, and which takes any address */
    const uint32_t bits = r[0] & 0xff;
    cpuid(1, r);
    CHECK("and again", r[3] & CPUID_APIC, CPUID_APIC);
    expect_at("beyond physical addresses", GP, 0, write_base, base | 1ul << bits);
#endif
    cpuid(0xb, r);
    CHECK("threads come first", r[2], THREADS);
    CHECK("there is one", r[1], 1);
    CHECK("the id of x2APIC", r[3], id);
}

extern volatile uint32_t nmis, nmis_inside;
extern char count_nmi[];
__asm__(".pushsection .data; nmis: .long 0; nmis_inside: .long 0; .popsection\n"
        "count_nmi: push %rax; push %rcx; incl nmis(%rip); mov nmis_inside(%rip), %ecx; movl $0, "
        "nmis_inside(%rip)\n"
        "jrcxz 2f; mov $0xfee00300, %eax\n"
        "1: movl $0x4400, (%rax); loop 1b\n"
        "2: pop %rcx; pop %rax; iretq");

/* What comes from the APIC need not be there at the next instruction. */
static void some_time(void)
{
    for (unsigned k = 0; k < 100000; k++)
        __asm__ volatile("nop");
}

/* One is held while another is handled, no more. */
static void two_nmis(void)
{
    enum { ICR = 0x300, ICR_HIGH = 0x310, SEND_NMI = 0x4400 };
    const u64 gate = bare_idt[2 * NMI], to = (word)count_nmi;
    bare_idt[2 * NMI] = (to & 0xffff) | CODE << 16 | 0x8eull << 40 | (to >> 16 & 0xffff) << 48;
    apic(ICR_HIGH, 0);
    apic(ICR, SEND_NMI);
    apic(ICR, SEND_NMI);
    some_time();
#ifndef OUTSIDE /* where the second may come before the first is looked at */
    CHECK("two NMIs", nmis, 2);
#endif
    nmis = 0;
    nmis_inside = 3;
    apic(ICR, SEND_NMI);
    some_time();
    CHECK("one for all that came while one was handled", nmis, 2);
    bare_idt[2 * NMI] = gate;
}

static void reach(word at)
{
    __asm__ volatile("sti; nop");
    wrmsr(DEADLINE, at);
    some_time();
    __asm__ volatile("cli");
}

/* Behind clock(), which has moved the TSC. */
static void deadlines(void)
{
    enum { CPUID_DEADLINE = 1 << 24, EOI = 0xb0, SVR = 0xf0, LVT_TIMER = 0x320, BY_DEADLINE = 2 << 17 };
    uint32_t r[4];
    cpuid(1, r);
    if (!(r[2] & CPUID_DEADLINE))
        return; /* an outside emulator */
    apic(SVR, 0x1ff);
    apic(LVT_TIMER, BY_DEADLINE | 0x40);
    expect_at("a deadline that is over", 0x40, 0, reach, tsc());
    apic(EOI, 0);
    CHECK("there is none any more", rdmsr(DEADLINE), 0);
    const u64 later = tsc() + (1ull << 36);
    expect_at("one that is not", NONE, 0, reach, later);
    CHECK("it stays", rdmsr(DEADLINE), later);
    wrmsr(DEADLINE, 0);
    apic(LVT_TIMER, 1 << 16);
}

/* The clock's page (asm/pvclock-abi.h). */
static void clock(void)
{
    enum { CLOCK = 0x4b564d01, WALL = 0x4b564d00, FIRST_SECOND = 1600000000 };
    volatile uint32_t *page = (volatile uint32_t *)0x9000, *wall = (volatile uint32_t *)0x9104;
    uint32_t r[4];
    word done;
    cpuid(0x40000000, r);
    if (r[1] != 0x4b4d564b)
        return;
    cpuid(0x40000001, r);
    CHECK("a clock", r[0] & 9, 9);
    wrmsr(CLOCK, (word)page | 1);
    CHECK("it is not being changed", page[0] & 1, 0);
    const u64 then = *(volatile u64 *)&page[2], ns = *(volatile u64 *)&page[4];
    CHECK("before now", then <= tsc(), 1);
    CHECK("scale", page[6], 0x80000000);
    CHECK("shift, stable", page[7] & 0xffff, 0x101);
    wrmsr(0x10, 5ull << 40);
    CHECK("it follows the TSC", *(volatile u64 *)&page[2] >= 5ull << 40, 1);
    CHECK("but its time does not", *(volatile u64 *)&page[4] - ns < 1ull << 40, 1);
    wrmsr(WALL, (word)wall);
    CHECK("the time of day", wall[1] > FIRST_SECOND && wall[2] < 1000000000, 1);
    __asm__ volatile("vmmcall" : "=a"(done) : "a"(99ul));
    CHECK("no such call", done, -1000ul);
}

/* ---- system management mode ---- */

enum { COUNT = 0x39000, BASE = 0x30000, AREA = BASE + 0x8000 };
extern const uint8_t smm_code[], smm_end[];
__asm__(".pushsection .rodata; .code16\n"
        "smm_code: addr32 incl 0x39000\n"
        "addr32 movl 0x3ff78, %eax; addr32 movl %eax, 0x39004\n" /* rip */
        "addr32 movl 0x3fed0, %eax; addr32 movl %eax, 0x39008\n" /* efer */
        "movl %cr0, %eax; addr32 movl %eax, 0x3900c\n"
        "addr32 movl 0xa0000, %eax; addr32 movl %eax, 0x39010\n"
        "addr32 movl 0x3fefc, %eax; addr32 movl %eax, 0x39014\n" /* revision */
        "movw %cs, %ax; addr32 movw %ax, 0x39018\n"
        "addr32 movl $0x5a5a, 0x3ffe0\n" /* rbx */
        "rsm\n"
        "smm_end: .code64; .popsection");

static void pci_write(unsigned devfn, unsigned at, uint32_t v)
{
    __asm__ volatile("outl %0, %w1" : : "a"(0x80000000u | devfn << 8 | at), "Nd"(0xcf8));
    __asm__ volatile("outl %0, %w1" : : "a"(v), "Nd"(0xcfc));
}
static uint32_t pci_read(unsigned devfn, unsigned at)
{
    uint32_t v;
    __asm__ volatile("outl %0, %w1" : : "a"(0x80000000u | devfn << 8 | at), "Nd"(0xcf8));
    __asm__ volatile("inl %w1, %0" : "=a"(v) : "Nd"(0xcfc));
    return v;
}

static void no_rsm(word a)
{
    __asm__ volatile("rsm");
}

static void command(word v)
{
    word rbx = v, rip;
    __asm__ volatile("lea 1f(%%rip), %1; out %%al, $0xb2; 1: nop"
                     : "+b"(rbx), "=&r"(rip)
                     : "a"(0x55)
                     : "memory");
#ifndef OUTSIDE /* where it comes some instructions later */
    CHECK("rbx comes from the area", rbx, 0x5a5a);
    CHECK("rip was there", *(volatile uint32_t *)(COUNT + 4), (uint32_t)rip);
#endif
}

static void management(void)
{
    enum { POWER = 1 << 3 | 3, SMRAM = 0x72, PORT = 0xb000 };
    volatile uint32_t *seen = (volatile uint32_t *)COUNT;
    const uint32_t shown = pci_read(0, SMRAM & ~3);
    expect_at("rsm outside", UD, 0, no_rsm, 0);
    for (const uint8_t *c = smm_code; c < smm_end; c++)
        ((volatile uint8_t *)AREA)[c - smm_code] = *c;
    pci_write(0, SMRAM & ~3, shown | 0x48 << 16); /* open */
    *(volatile uint32_t *)0xa0000 = 0xfeedf00d;
    CHECK("SMRAM while it is open", *(volatile uint32_t *)0xa0000, 0xfeedf00d);
    pci_write(0, SMRAM & ~3, (shown & ~(0x40u << 16)) | 8 << 16);
    CHECK("closed", *(volatile uint32_t *)0xa0000 != 0xfeedf00d, 1);
    pci_write(POWER, 0x40, PORT | 1);
    pci_write(POWER, 0x80, 1);
    pci_write(POWER, 0x58, pci_read(POWER, 0x58) | 1 << 25);
    __asm__ volatile("outl %0, %w1" : : "a"(1), "d"(PORT + 0x28));
    seen[0] = 0;
    expect_at("a command", NONE, 0, command, 1);
    CHECK("one SMI", seen[0], 1);
    CHECK("efer was there", seen[2] & 0x500, 0x500);
    CHECK("no paging, no protection", seen[3] & 0x80000001, 0);
    CHECK("SMRAM is there", seen[4], 0xfeedf00d);
    CHECK("revision", seen[5] & 0xffff, 0x64);
    CHECK("cs", seen[6] & 0xffff, BASE >> 4);
    expect_at("another", NONE, 0, command, 2);
    CHECK("two", seen[0], 2);
}

void test(void)
{
    breakpoints();
    alignment();
    machine_check();
    waiting();
    two_nmis();
    local_apic();
    clock();
    deadlines();
    management();
}
