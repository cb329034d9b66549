/*
 * Bare-metal tests of x86: from the reset vector, without firmware. A program has test(); it ends with a
 * status at port 0xf4 and speaks by port 0xe9. Compiled for 32 bits it runs in protected mode without paging,
 * for 64 bits in long mode, with the first 4 GiB mapped one to one for all levels (tables at TABLES).
 * probe(fn, a) calls fn and says which exception it raised; `bare_seen` has the frame, and what level 3
 * leaves by int $0x80 is an exception, too. RAM below 640 KiB, and from 1 MiB to 128 MiB.
 */
#ifndef TESTS_BARE_X86_X86_BARE_H
#define TESTS_BARE_X86_X86_BARE_H

#include <stdbool.h>
#include <stdint.h>

typedef unsigned long word;
typedef uint64_t u64;

enum { DE, DB, NMI, BP, OF, BR, UD, NM, DF, TS = 10, NP, SS, GP, PF, MF = 16, AC, MC, XM, NONE = 0x100 };
/* Selectors. */
enum {
    CODE = 8,
    DATA = 16,
    CODE16 = 24,
    DATA16 = 32,
    UCODE32 = 40 | 3,
    UDATA = 48 | 3,
    UCODE64 = 56 | 3,
    TSS = 64,
    FREE = 80 /* and on, to 0x1f8 */
};
enum { TABLES = 0x30000 };

typedef struct Seen {
    word vector, error, pc, cs, flags, sp, inner_sp /* after the frame without ss:sp */, cx;
} Seen;
extern Seen bare_seen;
extern uint64_t bare_gdt[64];
extern uint64_t bare_idt[512];
extern uint32_t bare_tss[32];

word bare_probe(void (*fn)(word), word a);
void bare_enter(const word *frame, word a);
void test(void);

void print(const char *s);
void print_hex(word v);
/* An exception with an error code, or none; the line names the check, and is printed if it fails. */
void expect_at(const char *name, word vector, word error, void (*fn)(word), word a);
void check_at(const char *name, word have, word want);
#define CHECK(name, have, want) check_at(name, (word)(have), (word)(want))
void set_desc(unsigned sel, uint32_t base, uint32_t limit,
              uint32_t attr /* as the upper half has it, >> 8 */);
void set_gate(unsigned vector, unsigned type_dpl);
/* The PIT's interrupt, vector 0x20, each 7 ms; outb(0x20, 0x20) ends one. */
void start_timer(void);
/* Runs fn(a) at level 3: it must end with int $0x80. */
void at_user(void (*fn)(word), word a);

static inline word cr0(void)
{
    word v;
    __asm__ volatile("mov %%cr0, %0" : "=r"(v));
    return v;
}
static inline void set_cr0(word v)
{
    __asm__ volatile("mov %0, %%cr0" : : "r"(v) : "memory");
}
static inline word cr2(void)
{
    word v;
    __asm__ volatile("mov %%cr2, %0" : "=r"(v));
    return v;
}
static inline void set_cr3(word v)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}
static inline word cr4(void)
{
    word v;
    __asm__ volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}
static inline void set_cr4(word v)
{
    __asm__ volatile("mov %0, %%cr4" : : "r"(v) : "memory");
}
static inline void outb(unsigned port, unsigned v)
{
    __asm__ volatile("outb %b0, %w1" : : "a"(v), "Nd"(port));
}
static inline u64 rdmsr(uint32_t n)
{
    uint32_t lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(n));
    return lo | (u64)hi << 32;
}
static inline void wrmsr(uint32_t n, u64 v)
{
    __asm__ volatile("wrmsr" : : "c"(n), "a"((uint32_t)v), "d"((uint32_t)(v >> 32)));
}

#endif
