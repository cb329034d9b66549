#include "x86_bare.h"

extern char bare_vectors[];
uint64_t bare_gdt[64], bare_idt[512];
uint32_t bare_tss[32];
static unsigned failures;

void print(const char *s)
{
    while (*s)
        outb(0xe9, (unsigned char)*s++);
}

void print_hex(word v)
{
    print("0x");
    for (int k = (int)sizeof v * 8 - 4; k >= 0; k -= 4)
        if (v >> k || k == 0)
            outb(0xe9, (unsigned)"0123456789abcdef"[v >> k & 15]);
}

static void failed(const char *name, const char *what, word have, word want)
{
    failures++;
    print(name);
    print(what);
    print_hex(have);
    print(" instead of ");
    print_hex(want);
    print("\n");
}

void check_at(const char *name, word have, word want)
{
    if (have != want)
        failed(name, ": ", have, want);
}

void expect_at(const char *name, word vector, word error, void (*fn)(word), word a)
{
    word v = bare_probe(fn, a);
    if (v != vector)
        failed(name, ": vector ", v, vector);
    else if (v != NONE && bare_seen.error != error)
        failed(name, ": error code ", bare_seen.error, error);
}

void set_desc(unsigned sel, uint32_t base, uint32_t limit, uint32_t attr)
{
    bare_gdt[sel / 8] = (limit & 0xffff) | (u64)(base & 0xffffff) << 16 | (u64)(attr & 0xff) << 40 |
                        (u64)(limit >> 16 & 15) << 48 | (u64)(attr >> 12 & 15) << 52 |
                        (u64)(base >> 24) << 56;
}

void set_gate(unsigned vector, unsigned type_dpl)
{
    word to = (word)bare_vectors + 16 * vector;
    u64 low = (to & 0xffff) | CODE << 16 | (u64)type_dpl << 40 | (u64)(to >> 16 & 0xffff) << 48;
    if (sizeof(word) == 8)
        bare_idt[2 * vector] = low;
    else
        bare_idt[vector] = low;
}

void start_timer(void)
{
    *(volatile uint32_t *)0xfee000f0 = 0x1ff;
    *(volatile uint32_t *)0xfee00350 = 0x700; /* the PIC's interrupts */
    outb(0x20, 0x11);
    outb(0x21, 0x20);
    outb(0x21, 4);
    outb(0x21, 1);
    outb(0xa0, 0x11);
    outb(0xa1, 0x28);
    outb(0xa1, 2);
    outb(0xa1, 1);
    outb(0x21, 0xfe);
    outb(0xa1, 0xff);
    outb(0x43, 0x34);
    outb(0x40, 0);
    outb(0x40, 0x20);
}

void at_user(void (*fn)(word), word a)
{
    enum { STACK = 0x70000 };
    bool wide = sizeof(word) == 8;
    word *stack = (word *)STACK - 4;
    stack[1] = a;
    word frame[] = {(word)fn, wide ? UCODE64 : UCODE32, 2, (word)stack, UDATA};
    bare_enter(frame, a);
}

static void tables(void)
{
    bool wide = sizeof(word) == 8;
    bare_gdt[CODE / 8] = wide ? 0x00af9b000000ffff : 0x00cf9b000000ffff;
    bare_gdt[DATA / 8] = 0x00cf93000000ffff;
    bare_gdt[CODE16 / 8] = 0x00009b000000ffff;
    bare_gdt[DATA16 / 8] = 0x000093000000ffff;
    bare_gdt[UCODE32 / 8] = 0x00cffb000000ffff;
    bare_gdt[UDATA / 8] = 0x00cff3000000ffff;
    bare_gdt[UCODE64 / 8] = 0x00affb000000ffff;
    set_desc(TSS, (uint32_t)(word)bare_tss, sizeof bare_tss - 1, 0x89);
    bare_tss[1] = 0x8a000;
    bare_tss[2] = wide ? 0 : DATA;
    bare_tss[25] = 0xffff0000; /* no bitmap of I/O ports */
    for (unsigned v = 0; v < 256; v++)
        set_gate(v, v == 0x80 ? 0xee : 0x8e);
}

typedef struct __attribute__((packed)) Ptr {
    uint16_t limit;
    word base;
} Ptr;

void bare_start(void)
{
    Ptr gdt = {sizeof bare_gdt - 1, (word)bare_gdt}, idt = {sizeof bare_idt - 1, (word)bare_idt};
    tables();
    __asm__ volatile("lgdt %0; lidt %1; ltr %w2" : : "m"(gdt), "m"(idt), "r"(TSS));
#ifdef __x86_64__
    __asm__ volatile(
        "pushq $8; leaq 1f(%%rip), %%rax; pushq %%rax; lretq; 1: mov %0, %%ss; mov %0, %%ds; mov %0, %%es"
        :
        : "r"(DATA)
        : "rax", "memory");
#endif
    test();
    print(failures ? "FAILED\n" : "passed\n");
    outb(0xf4, failures ? 1 : 0);
    for (;;)
        __asm__ volatile("hlt");
}
