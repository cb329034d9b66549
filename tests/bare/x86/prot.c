/* outside: no (it compares no limits).
 * Protected mode: descriptor and limit checks with their error codes, gates, levels, tasks, virtual-8086
 * mode, 32-bit paging, single steps, code that writes to itself, real mode and back. */
#include "x86_bare.h"

#ifdef OUTSIDE /* which compares no limits and rights when it accesses */
#define BY_LIMIT(v) NONE
#define RESERVED    8
#else
#define BY_LIMIT(v) v
#define RESERVED    9
#endif
enum { S = FREE, S2 = FREE + 8, GATE = FREE + 16, TSS2 = FREE + 24 };
enum {
    DATA_RW = 0x93,
    DATA_RO = 0x91,
    DATA_DOWN = 0x97,
    CODE_X = 0x99,
    ABSENT = 0x13,
    BIG = 0x4000,
    PAGES = 0x8000
};

static void load_ds(word sel)
{
    __asm__ volatile("mov %0, %%ds; mov %1, %%ds" : : "r"(sel), "r"(DATA) : "memory");
}
static void load_ss(word sel)
{
    __asm__ volatile("mov %0, %%ss; mov %1, %%ss" : : "r"(sel), "r"(DATA) : "memory");
}
/* of FREE, by fs */
static void read_fs(word at)
{
    __asm__ volatile("mov %0, %%fs; mov %%fs:(%1), %%eax" : : "r"(S), "r"(at) : "eax");
}
static void read_fs_byte(word at)
{
    __asm__ volatile("mov %0, %%fs; mov %%fs:(%1), %%al" : : "r"(S), "r"(at) : "eax");
}
static void write_fs(word at)
{
    __asm__ volatile("mov %0, %%fs; movl $1, %%fs:(%1)" : : "r"(S), "r"(at) : "memory");
}
static void write_cs(word at)
{
    __asm__ volatile("movl $1, %%cs:(%0)" : : "r"(at) : "memory");
}
static void read_null(word at)
{
    __asm__ volatile("mov %0, %%gs; mov %%gs:(%1), %%eax" : : "r"(0), "r"(at) : "eax");
}
static void by_bp(word at)
{
    __asm__ volatile("mov %0, %%ss; push %%ebp; mov %1, %%ebp; mov (%%ebp), %%eax; pop %%ebp; mov %2, %%ss"
                     :
                     : "r"(S), "r"(at), "r"(DATA)
                     : "eax");
}

static void segments(void)
{
    expect_at("ds beyond the table", GP, 0x3f8, load_ds, 0x3f8);
    set_desc(S, 0, 0xfff, ABSENT);
    expect_at("ds not present", NP, S, load_ds, S);
    expect_at("ss not present", SS, S, load_ss, S);
    expect_at("ss null", GP, 0, load_ss, 0);
    expect_at("ss of another level", GP, S | 0, load_ss, S | 3);
    set_desc(S, 0, 0xfff, DATA_RO);
    expect_at("ss read-only", GP, S, load_ss, S);
    expect_at("write to read-only", BY_LIMIT(GP), 0, write_fs, 0);
    expect_at("read from read-only", NONE, 0, read_fs, 0);
    set_desc(S, 0, 0xfff, CODE_X);
    expect_at("ds execute-only", GP, S, load_ds, S);
    set_desc(S, 0x50000, 0xfff, DATA_RW | BIG);
    expect_at("at the limit", NONE, 0, read_fs, 0xffc);
    expect_at("over the limit", BY_LIMIT(GP), 0, read_fs, 0xffd);
    expect_at("byte at the limit", NONE, 0, read_fs_byte, 0xfff);
    expect_at("byte over the limit", BY_LIMIT(GP), 0, read_fs_byte, 0x1000);
    expect_at("wraps", BY_LIMIT(GP), 0, read_fs, 0xfffffffe);
    set_desc(S, 0, 0x8ffff, DATA_RW | BIG);
    expect_at("stack over the limit", BY_LIMIT(SS), 0, by_bp, 0x90000);
    set_desc(S, 0x50000, 0xfff, DATA_DOWN | BIG);
    expect_at("expand-down below", BY_LIMIT(GP), 0, read_fs, 0xffc);
    expect_at("expand-down above", NONE, 0, read_fs, 0x1000);
    set_desc(S, 0x50000, 0xfff, DATA_DOWN);
    expect_at("expand-down, the end", NONE, 0, read_fs, 0xfffc);
    expect_at("expand-down, 64 KiB", BY_LIMIT(GP), 0, read_fs, 0xfffe);
    expect_at("write to code", BY_LIMIT(GP), 0, write_cs, 0x50000);
    expect_at("null", BY_LIMIT(GP), 0, read_null, 0);
    set_desc(S, 0x50000, 0xfff, 0x92);
    bare_probe(load_ds, S);
    CHECK("accessed bit", bare_gdt[S / 8] >> 40 & 0xff, 0x93);
    set_desc(S, 0x50004, 0xfff, DATA_RW);
    *(volatile uint32_t *)0x50004 = 0x1234;
    uint32_t v;
    __asm__ volatile("mov %1, %%gs; mov %%gs:0, %0; mov %2, %%gs" : "=r"(v) : "r"(S), "r"(DATA));
    CHECK("base", v, 0x1234);
}

/* ---- far transfers ---- */

static struct __attribute__((packed)) {
    uint32_t off;
    uint16_t sel;
} far_to;
static void jump_far(word sel)
{
    far_to.sel = (uint16_t)sel;
    __asm__ volatile("movl $1f, %0; ljmp *%0; 1: ljmp %1, $2f; 2:" : "+m"(far_to) : "i"(CODE) : "memory");
}
static void call_far(word sel)
{
    far_to.sel = (uint16_t)sel;
    __asm__ volatile("lcall *%0" : : "m"(far_to) : "memory");
}
extern char gate_target[], gate_target_inner[];
__asm__("gate_target: mov $0x5a5a, %ecx; int3; lret\n"
        "gate_target_inner: mov 8(%esp), %ecx; mov %cs, %eax; shl $16, %eax; or %eax, %ecx; int3");
static void set_call_gate(const char *to, unsigned type, unsigned words)
{
    u64 at = (word)to;
    bare_gdt[GATE / 8] = (at & 0xffff) | CODE << 16 | (u64)words << 32 | (u64)type << 40 | (at >> 16) << 48;
}
static void user_call(word sel)
{
    far_to.sel = (uint16_t)sel;
    __asm__ volatile("push $0x1111; push $0x2222; lcall *%0" : : "m"(far_to) : "memory");
}
static void user_far(word sel)
{
    at_user(user_call, sel);
}

static void transfers(void)
{
    set_desc(S, 0, 0xfffff, ABSENT | 8 | BIG | PAGES);
    expect_at("jump to data", GP, DATA, jump_far, DATA);
    expect_at("jump to null", GP, 0, jump_far, 0);
    expect_at("jump to absent code", NP, S, jump_far, S);
    set_desc(S, 0, 0xfffff, 0xfb | BIG | PAGES);
    expect_at("jump to an outer level", GP, S, jump_far, S);
    set_desc(S, 0, 0xfffff, 0x9f | BIG | PAGES);
    expect_at("jump to conforming code", NONE, 0, jump_far, S);
    set_call_gate(gate_target, 0x8c, 0);
    expect_at("call by a gate", BP, 0, call_far, GATE);
    CHECK("gate's target", bare_seen.cx, 0x5a5a);
    set_call_gate(gate_target, 0x0c, 0);
    expect_at("gate not present", NP, GATE, call_far, GATE);
    set_call_gate(gate_target, 0x8c, 0);
    expect_at("gate of level 0", GP, GATE, user_far, GATE | 3);
    set_call_gate(gate_target_inner, 0xec, 2);
    expect_at("gate from level 3", BP, 0, user_far, GATE | 3);
    CHECK("parameter, level", bare_seen.cx, CODE << 16 | 0x2222);
}

/* ---- interrupts ---- */

static void int_41(word a)
{
    __asm__ volatile("int $0x41");
}
static void int_3(word a)
{
    __asm__ volatile("int3");
}
static void divide(word a)
{
    __asm__ volatile("xor %%edx, %%edx; divl %0" : : "r"(a), "a"(1) : "edx");
}
static void undefined(word a)
{
    __asm__ volatile("ud2");
}
static void overflow(word a)
{
    __asm__ volatile("mov $0x7fffffff, %%eax; inc %%eax; into" : : : "eax");
}
static void bound(word a)
{
    uint32_t b[2] = {1, 2};
    __asm__ volatile("bound %0, %1" : : "r"(a), "m"(b));
}
static void lock_nop(word a)
{
    __asm__ volatile(".byte 0xf0, 0x90");
}
static void fpu(word a)
{
    __asm__ volatile("fnop");
}
static void user_hlt(word a)
{
    __asm__ volatile("hlt");
}
static void user_cli(word a)
{
    __asm__ volatile("cli");
}
static void user_cr0(word a)
{
    __asm__ volatile("mov %%cr0, %%eax" : : : "eax");
}
static void user_in(word a)
{
    __asm__ volatile("inb $0x80, %%al" : : : "eax");
}
static void user_int41(word a)
{
    __asm__ volatile("int $0x41");
}
static void user_done(word a)
{
    __asm__ volatile("int $0x80");
}
static void user_sgdt(word a)
{
    char b[8];
    __asm__ volatile("sgdt %0; int $0x80" : "=m"(b));
}
static void (*user_fn)(word);
static void user(word a)
{
    at_user(user_fn, a);
}
static void expect_user(const char *name, word v, word error, void (*fn)(word))
{
    user_fn = fn;
    expect_at(name, v, error, user, 0);
}

static void interrupts(void)
{
    expect_at("int3", BP, 0, int_3, 0);
    expect_at("div", DE, 0, divide, 0);
    expect_at("ud2", UD, 0, undefined, 0);
    expect_at("into", OF, 0, overflow, 0);
    expect_at("bound", BR, 0, bound, 5);
    expect_at("lock nop", UD, 0, lock_nop, 0);
    set_cr0(cr0() | 8);
    expect_at("TS", NM, 0, fpu, 0);
    __asm__ volatile("clts");
    expect_at("no TS", NONE, 0, fpu, 0);
    set_gate(0x41, 0x0e);
    expect_at("vector not present", NP, 0x41 * 8 + 2, int_41, 0);
    set_gate(0x41, 0x82);
    expect_at("not a gate", GP, 0x41 * 8 + 2, int_41, 0);
    set_gate(0x41, 0x8e);
    expect_user("level 3", 0x80, 0, user_done);
    CHECK("cs of level 3", bare_seen.cs, UCODE32);
    expect_user("int of level 0", GP, 0x41 * 8 + 2, user_int41);
    expect_user("hlt", GP, 0, user_hlt);
    expect_user("cli", GP, 0, user_cli);
    expect_user("mov cr0", GP, 0, user_cr0);
    expect_user("in", GP, 0, user_in);
    expect_user("sgdt", 0x80, 0, user_sgdt);
    set_gate(GP, 0x0e); /* #NP while #GP is delivered */
    expect_at("double fault", DF, 0, load_ds, 0x3f8);
    set_gate(GP, 0x8e);
}

/* ---- steps, code that changes ---- */

static void step(word n)
{
    __asm__ volatile("xor %%ecx, %%ecx; pushf; orl $0x100, (%%esp); popf; inc %%ecx; inc %%ecx; inc %%ecx"
                     :
                     :
                     : "ecx");
}
static void code_that_changes(void)
{
    static uint8_t room[64] __attribute__((aligned(64)));
    uint32_t (*fn)(uint32_t) = (void *)room; /* the ROM cannot be written to */
    /* mov eax, [esp + 4]; mov [room + 10], eax; mov eax, 0; ret */
    static const uint8_t code[] = {0x8b, 0x44, 0x24, 4, 0xa3, 0, 0, 0, 0, 0xb8, 0, 0, 0, 0, 0xc3};
    for (unsigned k = 0; k < sizeof code; k++)
        room[k] = code[k];
    *(uint32_t *)(room + 5) = (uint32_t)room + 10;
    for (uint32_t k = 1; k < 40; k++)
        CHECK("code that writes to the next instruction", fn(k * 0x01010101), k * 0x01010101);
}

/* ---- virtual-8086 mode ---- */

static void v86(word bytes)
{
    *(volatile uint32_t *)0x60000 = bytes;
    word frame[] = {0x10, 0x5fff, 0x20002, 0x800, 0x6000, 0x1111, 0x2222, 0x3333, 0x4444};
    bare_enter(frame, 0);
}

static void virtual_8086(void)
{
    expect_at("v86: hlt", GP, 0, v86, 0xf4);
    CHECK("v86: ip", bare_seen.pc, 0x10);
    CHECK("v86: flags", bare_seen.flags & 0x20000, 0x20000);
    const uint32_t *more = (const uint32_t *)bare_seen.inner_sp; /* ss es ds fs gs */
    CHECK("v86: sp", bare_seen.sp, 0x800);
    CHECK("v86: ss", more[0], 0x6000);
    CHECK("v86: es", more[1], 0x1111);
    CHECK("v86: gs", more[4], 0x4444);
    expect_at("v86: int", GP, 0, v86, 0x21cd);
    expect_at("v86: mov ds, ax; cs: cli", GP, 0, v86, 0xfad88e);
}

/* ---- tasks ---- */

static uint32_t other_tss[32];
static uint32_t task_stack[256];
extern char task_entry[];
__asm__("task_entry: mov $0x7777, %ecx; str %ax; shl $16, %eax; or %eax, %ecx; int3");
static void tasks(void)
{
    extern char task_entry[];
    for (unsigned k = 0; k < 26; k++)
        other_tss[k] = 0;
    other_tss[8] = (uint32_t)task_entry;
    other_tss[9] = 2;
    other_tss[14] = (uint32_t)(task_stack + 256);
    for (unsigned k = 18; k < 24; k++)
        other_tss[k] = k == 19 ? CODE : DATA;
    set_desc(TSS2, (uint32_t)other_tss, sizeof other_tss - 1, 0x89);
    expect_at("call of a task", BP, 0, call_far, TSS2);
    CHECK("in the task", bare_seen.cx, TSS2 << 16 | 0x7777);
    CHECK("flags of the task", bare_seen.flags & 0x4000, 0x4000);
    CHECK("link", other_tss[0] & 0xffff, TSS);
    CHECK("busy", bare_gdt[TSS2 / 8] >> 40 & 0xff, 0x8b);
    expect_at("call of a busy task", GP, TSS2, call_far, TSS2);
    bare_gdt[TSS / 8] &= ~(2ull << 40);
    __asm__ volatile("ltr %w0; clts" : : "r"(TSS));
}

/* ---- paging ---- */

static uint32_t *const dir = (uint32_t *)0x200000, *const table = (uint32_t *)0x201000;
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
static void map_page(unsigned n, uint32_t e)
{
    table[n] = e;
    set_cr3((word)dir);
}

static void paging(void)
{
    enum { P = 1, RW = 2, US = 4, A = 32, D = 64, AT = 0x800000, PAGE = 0x300000 };
    for (unsigned k = 0; k < 1024; k++)
        dir[k] = k << 22 | 0x87, table[k] = 0;
    dir[AT >> 22] = (uint32_t)table | P | RW | US;
    set_cr4(cr4() | 0x10);
    set_cr3((word)dir);
    set_cr0(cr0() | 0x80000000);
    expect_at("not present, read", PF, 0, read_at, AT + 8);
    CHECK("cr2", cr2(), AT + 8);
    expect_at("not present, write", PF, 2, write_at, AT + 4);
    expect_at("not present, fetch", PF, 0, call_at, AT);
    map_page(0, PAGE | P | US);
    expect_at("read-only, level 0, no WP", NONE, 0, write_at, AT);
    CHECK("accessed and dirty", table[0] & 0xfff, P | US | A | D);
    set_cr0(cr0() | 0x10000);
    expect_at("read-only, WP", PF, 3, write_at, AT);
    user_fn = user_write;
    expect_at("read-only, level 3", PF, 7, user, AT);
    user_fn = user_read;
    expect_at("level 3 may read", 0x80, 0, user, AT);
    map_page(0, PAGE | P | RW);
    expect_at("page of level 0", PF, 5, user, AT);
    CHECK("accessed", (read_at(AT), table[0] & 0xfff), P | RW | A);
    dir[AT >> 22] |= 0; /* in the table alone: */
    map_page(1, (PAGE + 0x1000) | P | RW);
    *(volatile uint32_t *)(PAGE + 0x1000) = 77;
    CHECK("second page", *(volatile uint32_t *)(AT + 0x1000), 77);
    table[1] = 0;
    __asm__ volatile("invlpg (%0)" : : "r"(AT + 0x1000) : "memory");
    expect_at("after invlpg", PF, 0, read_at, AT + 0x1000);
    dir[9] = 9u << 22 | 0x200000 | 0x87; /* bit 21 */
    set_cr3((word)dir);
    expect_at("reserved bit", PF, RESERVED, read_at, 9u << 22);
    set_cr0(cr0() & ~0x80000000);
}

static void cr_errors(word v)
{
    set_cr0(v);
}
static void cr4_errors(word v)
{
    set_cr4(v);
}

void test(void)
{
    segments();
    transfers();
    interrupts();
    expect_at("single step", DB, 0, step, 0);
    CHECK("one instruction has run", bare_seen.cx, 1);
    code_that_changes();
    virtual_8086();
    tasks();
    paging();
    expect_at("PG without PE", BY_LIMIT(GP), 0, cr_errors, 0x80000010);
    expect_at("NW without CD", BY_LIMIT(GP), 0, cr_errors, 0x20000011);
    expect_at("unknown bit of cr4", GP, 0, cr4_errors, 1u << 31);
}
