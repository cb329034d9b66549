/* outside: no (it ends in a triple fault).
 * Long mode: page faults with NX, SMEP, SMAP, protection keys and reserved bits, addresses that are not
 * canonical, fast system calls, interrupt stacks, compatibility mode, registers whose bits are refused,
 * translations that change. */
#include "x86_bare.h"

#ifdef OUTSIDE
#define OUTSIDE_OR(a, b) a
#else
#define OUTSIDE_OR(a, b) b
#endif

enum { P = 1, RW = 2, US = 4, A = 32, D = 64, AT = 0x40000000, PAGE = 0x300000, TABLE = 0x600000 };
#define NX (1ull << 63)
static volatile u64 *const table = (u64 *)TABLE;

static void read_at(word a)
{
    __asm__ volatile("mov (%0), %%eax" : : "r"(a) : "eax");
}
static void write_at(word a)
{
    __asm__ volatile("movl $5, (%0)" : : "r"(a) : "memory");
}
static void call_at(word a)
{
    __asm__ volatile("call *%0" : : "r"(a) : "memory");
}
static void user_read(word a)
{
    read_at(a);
    __asm__ volatile("int $0x80");
}
static void user_write(word a)
{
    write_at(a);
    __asm__ volatile("int $0x80");
}
static void user_call(word a)
{
    call_at(a);
    __asm__ volatile("int $0x80");
}
static void (*user_fn)(word);
static void user(word a)
{
    at_user(user_fn, a);
}
static void expect_user(const char *name, word v, word error, void (*fn)(word), word a)
{
    user_fn = fn;
    expect_at(name, v, error, user, a);
}

static void map_page(unsigned n, u64 e)
{
    table[n] = e;
    set_cr3(TABLES);
}

static void make_table(void)
{
    u64 *dir = (u64 *)(TABLES + 0x3000); /* of the second GiB */
    for (unsigned k = 0; k < 512; k++)
        table[k] = 0;
    dir[0] = TABLE | P | RW | US;
    *(volatile uint8_t *)PAGE = 0xc3; /* ret */
}

static void faults(void)
{
    make_table();
    set_cr3(TABLES);
    expect_at("not present, read", PF, 0, read_at, AT + 8);
    CHECK("cr2", cr2(), AT + 8);
    expect_at("not present, write", PF, 2, write_at, AT);
    expect_at("not present, fetch", PF, 0x10, call_at, AT);
    map_page(0, PAGE | P | RW | US | NX);
    expect_at("NX", PF, 0x11, call_at, AT);
    expect_user("NX, level 3", PF, 0x15, user_call, AT);
    CHECK("accessed", table[0] & 0xfff, P | RW | US);
    expect_at("data is not NX", NONE, 0, read_at, AT);
    CHECK("accessed, read", table[0] & 0xfff, P | RW | US | A);
    map_page(0, PAGE | P | US);
    expect_user("read-only", PF, 7, user_write, AT);
    expect_at("read-only, WP", PF, 3, write_at, AT);
    expect_user("readable", 0x80, 0, user_read, AT);
    map_page(0, PAGE | P | RW);
    expect_user("of level 0", PF, 5, user_read, AT);
    map_page(0, PAGE | P | RW | 1ull << 51);
    expect_at("reserved", PF, OUTSIDE_OR(8, 9), read_at, AT);
    expect_at("not canonical", GP, 0, read_at, 0x800000000000);
    map_page(0, PAGE | P | RW | US);
    *(volatile uint8_t *)AT = 0xc3;
    CHECK("dirty", table[0] & 0xfff, P | RW | US | A | D);
}

static void protection(void)
{
    uint32_t b, c, d, a = 7;
    __asm__("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d) : "c"(0));
    if (!(b >> 7 & 1) || !(b >> 20 & 1))
        return; /* an outside emulator's model */
    map_page(0, PAGE | P | RW | US);
    u64 *dir = (u64 *)(TABLES + 0x2000);
    u64 was = dir[0];
    dir[0] &= ~4ull; /* this program's own pages are a user's, too */
    set_cr3(TABLES);
    set_cr4(cr4() | 1 << 20);
    expect_at("SMEP", PF, 0x11, call_at, AT);
    set_cr4((cr4() & ~(1ul << 20)) | 1 << 21);
    expect_at("SMAP", PF, 1, read_at, AT);
    __asm__ volatile("stac");
    uint32_t v = *(volatile uint8_t *)AT;
    __asm__ volatile("clac");
    CHECK("stac", v, 0xc3);
    set_cr4(cr4() & ~(1ul << 21));
    dir[0] = was;
    set_cr3(TABLES);
}

/* ---- protection keys ---- */

static void write_pkru(word v)
{
    __asm__ volatile(".byte 0x0f, 0x01, 0xef" : : "a"((uint32_t)v), "c"(0), "d"(0) : "memory");
}
static uint32_t pkru(void)
{
    uint32_t v;
    __asm__ volatile(".byte 0x0f, 0x01, 0xee" : "=a"(v) : "c"(0) : "edx");
    return v;
}
static void cpuid(uint32_t leaf, uint32_t sub, uint32_t r[4])
{
    __asm__ volatile("cpuid" : "=a"(r[0]), "=b"(r[1]), "=c"(r[2]), "=d"(r[3]) : "a"(leaf), "c"(sub));
}

enum { KEY = 5, NO_ACCESS = 1 << 2 * KEY, NO_WRITE = 2 << 2 * KEY };
#define OF_KEY ((u64)KEY << 59)

static void keys(void)
{
    expect_user("a key that denies nothing", 0x80, 0, user_read, AT);
    write_pkru(NO_ACCESS);
    CHECK("rdpkru", pkru(), NO_ACCESS);
    expect_user("no access", PF, 0x25, user_read, AT);
    expect_at("no access, level 0", PF, 0x21, read_at, AT);
    expect_user("a fetch has no key", 0x80, 0, user_call, AT);
    write_pkru(NO_WRITE);
    expect_user("no write", PF, 0x27, user_write, AT);
    expect_user("but a read", 0x80, 0, user_read, AT);
    expect_at("no write, level 0", PF, 0x23, write_at, AT);
    set_cr0(cr0() & ~(1ul << 16));
    expect_at("level 0 without WP", NONE, 0, write_at, AT);
    set_cr0(cr0() | 1ul << 16);
    map_page(0, PAGE | P | US | OF_KEY);
    expect_user("read-only, and the key", PF, 0x27, user_write, AT);
    map_page(0, PAGE | P | RW | OF_KEY);
    expect_at("pages of level 0 have none", NONE, 0, read_at, AT);
}

static void keys_in_xsave(void)
{
    enum { COMPONENTS = 0x203, PKRU = 0x200, HEADER = 512 };
    static uint8_t area[4096] __attribute__((aligned(64)));
    uint32_t r[4], all[4];
    cpuid(0xd, 9, r);
    CHECK("bytes", r[0], 8);
    __asm__ volatile("xsetbv" : : "a"(COMPONENTS), "c"(0), "d"(0));
    cpuid(0xd, 0, all);
    CHECK("a component", all[0] & PKRU, PKRU);
    CHECK("the end of those that are on", all[1], r[1] + r[0]);
    volatile uint32_t *saved = (volatile uint32_t *)(area + (r[1] & 0xffc));
    volatile uint32_t *header = (volatile uint32_t *)(area + HEADER);
    write_pkru(NO_WRITE);
    __asm__ volatile("xsave (%0)" : : "r"(area), "a"(PKRU), "d"(0) : "memory");
    CHECK("saved", *saved, NO_WRITE);
    CHECK("it is in use", *header & PKRU, PKRU);
    map_page(0, PAGE | P | RW | US | OF_KEY);
    expect_at("a read", NONE, 0, read_at, AT);
    *saved = NO_ACCESS;
    __asm__ volatile("xrstor (%0)" : : "r"(area), "a"(PKRU), "d"(0) : "memory");
    CHECK("restored", pkru(), NO_ACCESS);
    expect_at("no read", PF, 0x21, read_at, AT);
    *header = 0;
    __asm__ volatile("xrstor (%0)" : : "r"(area), "a"(PKRU), "d"(0) : "memory");
    CHECK("as at first", pkru(), 0);
    expect_at("a read again", NONE, 0, read_at, AT);
}

static void protection_keys(void)
{
    enum { CR4_KEYS = 1 << 22, CR4_XSAVE = 1 << 18, PKU = 1 << 3, OSPKE = 1 << 4 };
    uint32_t r[4];
    cpuid(7, 0, r);
    CHECK("protection keys", r[2] & (PKU | OSPKE), PKU);
    expect_at("wrpkru while they are off", UD, 0, write_pkru, 0);
    map_page(0, PAGE | P | RW | US | OF_KEY);
    set_cr4(cr4() | CR4_KEYS | CR4_XSAVE);
    cpuid(7, 0, r);
    CHECK("on", r[2] & OSPKE, OSPKE);
    keys();
    keys_in_xsave();
    set_cr4(cr4() & ~(word)(CR4_KEYS | CR4_XSAVE));
}

/* ---- system calls ---- */

enum { STAR = 0xc0000081u, LSTAR, CSTAR, FMASK, FSBASE = 0xc0000100u, GSBASE, KGSBASE };
extern char syscall_entry[], user_syscall[], user_syscall_next[], user_after_sysret[], compat[], compat_end[];
extern u64 syscall_seen[4];
__asm__(".data; .globl syscall_seen; syscall_seen: .quad 0, 0, 0, 0; .text\n"
        "syscall_entry: mov %rcx, syscall_seen(%rip); mov %r11, syscall_seen + 8(%rip); pushfq; pop "
        "syscall_seen + 16(%rip)\n"
        "mov %cs, %eax; mov %ss, %edx; shl $16, %eax; or %edx, %eax; mov %rax, syscall_seen + 24(%rip)\n"
        "lea user_after_sysret(%rip), %rcx; mov $0x202, %r11d; sysretq\n"
        "user_syscall: stc; std; syscall\nuser_syscall_next: ud2\n"
        "user_after_sysret: mov %cs, %ecx; shl $16, %ecx; mov %ss, %edx; or %edx, %ecx; int $0x80\n"
        "compat: .code32\nmov $0x12345678, %ecx; push %ecx; pop %edx; inc %edx; add %edx, %ecx; int "
        "$0x80\n.code64");
static void do_syscall(word a)
{
    at_user((void (*)(word))user_syscall, 0);
}
static void do_compat(word a)
{
    word frame[] = {(word)compat, UCODE32, 2, 0x70000, UDATA};
    bare_enter(frame, 0);
}
static void iret_bad(word to)
{
    word frame[] = {to, CODE, 2, 0x70000, DATA};
    bare_enter(frame, 0);
}

static void system_calls(void)
{
    wrmsr(STAR, (u64)(UCODE32 & ~3) << 48 | (u64)CODE << 32);
    wrmsr(LSTAR, (word)syscall_entry);
    wrmsr(FMASK, 0x400);
    expect_at("syscall and sysret", 0x80, 0, do_syscall, 0);
    CHECK("rcx", syscall_seen[0], user_syscall_next);
    CHECK("r11", syscall_seen[1] & 0x401, 0x401);
    CHECK("masked flags", syscall_seen[2] & 0x401, OUTSIDE_OR(0, 1));
    CHECK("cs and ss", syscall_seen[3], CODE << 16 | (CODE + 8));
    CHECK("cs and ss after sysret", bare_seen.cx, UCODE64 << 16 | UDATA);
    CHECK("flags after sysret", bare_seen.flags & 0x600, 0x200);
    expect_at("compatibility mode", 0x80, 0, do_compat, 0);
    CHECK("its result", bare_seen.cx, 0x12345678u * 2 + 1);
    CHECK("its stack pointer", bare_seen.sp, 0x70000);
    expect_at("iret to an address that is not canonical", GP, 0, iret_bad, 0x800000000000);
}

/* ---- stacks ---- */

static void int_50(word a)
{
    __asm__ volatile("int $0x50");
}
static void stacks(void)
{
    bare_tss[9] = 0x88008; /* IST1, not aligned */
    bare_idt[2 * 0x50] = (bare_idt[2 * 0x50] & ~(7ull << 32)) | 1ull << 32;
    expect_at("interrupt stack", 0x50, 0, int_50, 0);
    CHECK("its place", bare_seen.inner_sp, 0x88000 - 8); /* ss is there */
}

/* ---- registers ---- */

static void write_cr0(word v)
{
    set_cr0(v);
}
static void write_cr3(word v)
{
    set_cr3(v);
}
static void write_cr4(word v)
{
    set_cr4(v);
}
static void read_msr(word n)
{
    rdmsr((uint32_t)n);
}
static void write_efer(word v)
{
    wrmsr(0xc0000080u, v);
}
static void write_lstar(word v)
{
    wrmsr(LSTAR, v);
}
static void user_rdmsr(word n)
{
    rdmsr((uint32_t)n);
}
static void user_swapgs(word n)
{
    __asm__ volatile("swapgs");
}
static void read_cr1(word n)
{
    __asm__ volatile(".byte 0x0f, 0x20, 0xc8" : : : "rax");
}

static void registers(void)
{
    expect_at("PAE stays", GP, 0, write_cr4, cr4() & ~0x20ul);
    expect_at("unknown bit of cr4", GP, 0, write_cr4, cr4() | 1ul << 40);
    expect_at("PG without PE", GP, 0, write_cr0, 0x80000010);
    expect_at("beyond cr3", GP, 0, write_cr3, 1ul << 60);
    expect_at("no such register", GP, 0, read_msr, 0x12345);
    expect_at("unknown bit of efer", GP, 0, write_efer, 1ul << 40);
    expect_at("LME stays", GP, 0, write_efer, 0x801);
    expect_at("lstar, 57 bits", NONE, 0, write_lstar, 1ul << 50); /* whatever the paging is */
    expect_at("lstar, not canonical", GP, 0, write_lstar, 1ul << 60);
    expect_at("cr1", UD, 0, read_cr1, 0);
    expect_user("rdmsr at level 3", GP, 0, user_rdmsr, 0x10);
    expect_user("swapgs at level 3", GP, 0, user_swapgs, 0);
    wrmsr(GSBASE, 0x1000);
    wrmsr(KGSBASE, 0x2000);
    __asm__ volatile("swapgs");
    CHECK("swapgs", rdmsr(GSBASE), 0x2000);
    CHECK("and back", rdmsr(KGSBASE), 0x1000);
    wrmsr(FSBASE, PAGE);
    uint32_t v;
    *(volatile uint32_t *)(PAGE + 16) = 0xabcd;
    __asm__ volatile("mov %%fs:16, %0" : "=r"(v));
    CHECK("fs base", v, 0xabcd);
}

/* ---- what is easily forgotten ---- */

static void int3(word a)
{
    __asm__ volatile("int3");
}
static void clac(word a)
{
    __asm__ volatile(".byte 0x0f, 0x01, 0xca");
}
static void invpcid_of(word at)
{
    u64 descriptor[2] = {0, at};
    __asm__ volatile("invpcid %0, %1" : : "m"(descriptor), "r"(0ul) : "memory");
}
static void load_task(word base)
{
    bare_gdt[FREE / 8] = 0x67 | (base & 0xffffff) << 16 | (u64)0x89 << 40 | (base >> 24 & 255) << 56;
    bare_gdt[FREE / 8 + 1] = base >> 32;
    __asm__ volatile("ltr %w0" : : "r"(FREE));
}

/* TF from the popf on: mov ss holds the trap of its own end back. */
extern char behind_ss[];
static void step_over_mov_ss(word a)
{
    __asm__ volatile("mov %%ss, %%ecx; pushf; orl $0x100, (%%rsp); popf; mov %%ecx, %%ss; nop\n"
                     "behind_ss: nop; nop"
                     :
                     :
                     : "ecx", "memory", "cc");
}

/* KVM's clock at an address that has four bytes' alignment and no more. */
static void odd_clock(void)
{
    volatile uint32_t *clock = (uint32_t *)(PAGE + 0x84);
    wrmsr(0x4b564d01, (word)clock | 1);
    CHECK("version", clock[0] & 1, 0);
    CHECK("seconds since the start", clock[5] < 1000, 1);
    CHECK("scale", clock[6], 0x80000000);
    CHECK("behind it", clock[8], 0);
    wrmsr(0x4b564d01, 0);
}

/* Of the highest tables AMD's processors look at bit 8. */
static void top_entry(void)
{
    enum { FAR_AWAY = 1, MUST_BE_0 = 1 << 8 };
    volatile u64 *top = (u64 *)TABLES;
    const word at = (FAR_AWAY * 1ul << 39) + PAGE;
    top[FAR_AWAY] = top[0];
    expect_at("another half TiB", NONE, 0, read_at, at);
    top[FAR_AWAY] = top[0] | MUST_BE_0;
    set_cr3(TABLES);
    expect_at("a reserved bit", PF, 9, read_at, at);
    top[FAR_AWAY] = 0;
    set_cr3(TABLES);
}

static void details(void)
{
    enum { RF = 1 << 16 };
    expect_at("a fault", GP, 0, read_msr, 0x12345);
    CHECK("its RF", bare_seen.flags & RF, RF);
    expect_at("a trap", BP, 0, int3, 0);
    CHECK("no RF", bare_seen.flags & RF, 0);
    expect_at("clac without SMAP", NONE, 0, clac, 0);
    expect_at("invpcid", NONE, 0, invpcid_of, 0x1000);
    expect_at("invpcid, not canonical", GP, 0, invpcid_of, 1ul << 60);
    expect_at("ltr, not canonical", GP, FREE, load_task, 1ul << 60);
    expect_at("step behind mov ss", DB, 0, step_over_mov_ss, 0);
    CHECK("one later", bare_seen.pc, (word)behind_ss);
    odd_clock();
    top_entry();
}

/* ---- translations ---- */

static void translations(void)
{
    volatile uint32_t *one = (uint32_t *)PAGE, *two = (uint32_t *)(PAGE + 0x1000), *at = (uint32_t *)AT;
    *one = 1;
    *two = 2;
    for (unsigned k = 0; k < 100; k++) {
        table[0] = (PAGE + (k & 1) * 0x1000) | P | RW | US;
        if (k & 2)
            __asm__ volatile("invlpg (%0)" : : "r"(at) : "memory");
        else
            set_cr3(TABLES);
        CHECK("another page", *at, (k & 1) + 1);
    }
    /* code at one address in two pages: mov eax, n; ret */
    for (unsigned k = 0; k < 2; k++) {
        volatile uint8_t *c = (uint8_t *)(PAGE + k * 0x1000ul);
        c[0] = 0xb8, c[1] = (uint8_t)(k + 7), c[2] = c[3] = c[4] = 0, c[5] = 0xc3;
    }
    for (unsigned k = 0; k < 50; k++) {
        map_page(0, (PAGE + (k & 1) * 0x1000) | P | RW | US);
        CHECK("another page's code", ((uint32_t(*)(void))AT)(), (k & 1) + 7);
    }
    /* an instruction over the end of a page, whose second half changes */
    volatile uint8_t *end = (uint8_t *)(PAGE + 0xffe);
    end[0] = 0xb8, end[1] = 0x11;
    for (unsigned k = 0; k < 2; k++) {
        volatile uint8_t *c = (uint8_t *)(PAGE + 0x1000 + k * 0x1000ul);
        c[0] = 0, c[1] = (uint8_t)k, c[2] = 0, c[3] = 0xc3;
    }
    map_page(0, PAGE | P | RW | US);
    for (unsigned k = 0; k < 50; k++) {
        map_page(1, (PAGE + 0x1000 + (k & 1) * 0x1000) | P | RW | US);
        CHECK("over the end", ((uint32_t(*)(void))(AT + 0xffe))(), 0x11 | (k & 1) << 16);
    }
}

/* ---- code that goes on in the next page ---- */

enum { BLOCK = 0x800000, ON = 0x100, BACK = 0x180, PAGES = 6, VALUE = 100, OTHER = 700, LARGE = 128 };

/* mov eax, n; ret */
static void put_value(word at, uint32_t n)
{
    *(volatile uint8_t *)at = 0xb8;
    *(volatile uint32_t *)(at + 1) = n;
    *(volatile uint8_t *)(at + 5) = 0xc3;
}

static void put_jump(word at, word to)
{
    *(volatile uint8_t *)at = 0xe9;
    *(volatile uint32_t *)(at + 1) = (uint32_t)(to - at - 5);
}

/* Often enough for everything to be linked. */
static void calls(word page, uint32_t on, uint32_t back)
{
    for (unsigned k = 0; k < 4; k++) {
        CHECK("on", ((uint32_t(*)(void))(page + ON))(), on);
        CHECK("back", ((uint32_t(*)(void))(page + BACK))(), back);
    }
}

static void one_by_one(volatile u64 *pages)
{
    for (unsigned k = 0; k < PAGES; k++)
        pages[k] = (BLOCK + k * 0x1000) | P | RW;
}

/* In a large page, which is split and put together again, and in pages that lead to the same bytes. */
static void along(void)
{
    enum { OTHER_PAGE = PAGE, SECOND = AT + 0x200000 };
    volatile u64 *dir = (u64 *)(TABLES + 0x3000), *second = table + 512;
    for (unsigned k = 0; k < PAGES; k++) {
        word at = BLOCK + k * 0x1000;
        put_value(at, VALUE + k);
        put_jump(at + ON, at + 0x1000);
        put_jump(at + BACK, at - 0x1000);
    }
    put_value(OTHER_PAGE, OTHER);
    one_by_one(table);
    one_by_one(second);
    dir[1] = (word)second | P | RW;
    for (unsigned k = 1; k + 1 < PAGES; k++) {
        word at = AT + k * 0x1000, next = at + 0x1000;
        dir[0] = BLOCK | P | RW | LARGE;
        set_cr3(TABLES);
        calls(at, VALUE + k + 1, VALUE + k - 1);
        if (k & 1) {
            second[k + 1] = OTHER_PAGE | P | RW;
            calls(at - AT + SECOND, OTHER, VALUE + k - 1);
            calls(at, VALUE + k + 1, VALUE + k - 1);
        }
        dir[0] = TABLE | P | RW;
        table[k + 1] = OTHER_PAGE | P | RW;
        __asm__ volatile("invlpg (%0)" : : "r"(next) : "memory"); /* that page alone */
        calls(at, OTHER, VALUE + k - 1);
        one_by_one(table);
        one_by_one(second);
        set_cr3(TABLES);
    }
    dir[0] = TABLE | P | RW | US;
}

/* ---- string instructions ---- */

static void fill_over(word a)
{
    word n = 0x40;
    __asm__ volatile("rep stosb" : "+c"(n), "+D"(a) : "a"(1) : "memory");
}

static void save_over(word a)
{
    __asm__ volatile("fxsave (%0)" : : "r"(a) : "memory");
}

static void strings(void)
{
    volatile uint8_t *from = (uint8_t *)PAGE, *to = (uint8_t *)0x700000;
    for (unsigned k = 0; k < 20000; k++)
        from[k] = (uint8_t)(k * 7);
    word n = 20000 - 3, si = PAGE + 3, di = 0x700005;
    __asm__ volatile("rep movsb" : "+c"(n), "+S"(si), "+D"(di) : : "memory");
    unsigned bad = 0;
    for (unsigned k = 3; k < 20000; k++)
        bad += to[k + 2] != (uint8_t)(k * 7);
    CHECK("rep movsb", bad, 0);
    CHECK("rdi", di, 0x700005 + 20000 - 3);
    n = 3000, si = PAGE, di = PAGE + 8; /* what is written is read again */
    __asm__ volatile("rep movsq" : "+c"(n), "+S"(si), "+D"(di) : : "memory");
    CHECK("rep movsq, overlapping", *(u64 *)(PAGE + 8 * 2999), *(u64 *)PAGE);
    for (unsigned k = 0; k < 3000; k++)
        ((volatile u64 *)PAGE)[k] = k;
    n = 3000 - 3, si = PAGE, di = PAGE + 24;
    __asm__ volatile("rep movsq" : "+c"(n), "+S"(si), "+D"(di) : : "memory");
    for (unsigned k = 0; k < 3000; k++)
        bad += ((volatile u64 *)PAGE)[k] != k % 3;
    CHECK("rep movsq, three overlapping", bad, 0);
    n = 3000, di = 0x700003;
    __asm__ volatile("rep stosw" : "+c"(n), "+D"(di) : "a"(0x99990102) : "memory");
    for (unsigned k = 0; k < 6000; k++)
        bad += to[3 + k] != 2 - (k & 1);
    CHECK("rep stosw", bad, 0);
    CHECK("behind", to[6003], (uint8_t)(6001 * 7));
    n = 5000, di = 0x700001;
    __asm__ volatile("rep stosl" : "+c"(n), "+D"(di) : "a"(0x01020304) : "memory");
    CHECK("rep stosl", *(uint32_t *)(0x700001 + 4 * 4999), 0x01020304);
    map_page(0, PAGE | P | RW | US);
    map_page(1, 0);
    expect_at("rep stosb over the end", PF, 2, fill_over, AT + 0xff0);
    CHECK("what is left", bare_seen.cx, 0x30);
    volatile uint32_t *mxcsr = (uint32_t *)(PAGE + 0xef0 + 24);
    *mxcsr = 0x1234;
    expect_at("fxsave over the end", PF, 2, save_over, AT + 0xef0);
    CHECK("nothing is saved", *mxcsr, 0x1234);
    map_page(1, (PAGE + 0x2000) | P | RW | US);
    save_over(AT + 0xef0);
    CHECK("MXCSR", *mxcsr, 0x1f80);
}

void test(void)
{
    faults();
    protection();
    protection_keys();
    system_calls();
    stacks();
    registers();
    details();
    translations();
    along();
    strings();
}
