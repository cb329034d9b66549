#include "a32_bare.h"

volatile Seen seen;

void run_at(u32 fn, u32 a0, u32 a1, u32 spsr);

void run(u32 mode, Op32 *fn, u32 a0, u32 a1)
{
    u32 at = (u32)fn;
    run_at(at & ~1u, a0, a1, mode | CPSR_MASKS | (at & 1 ? CPSR_T : 0));
}

bool returned(void)
{
    return seen.vector == VECTOR_SVC && seen.lr == (u32)stub + 4;
}

void print_char(char c)
{
    *(volatile u32 *)0x09000000 = (u32)c;
}

u32 psci(u32 fn, u32 a, u32 b, u32 c)
{
    register u32 r0 __asm__("r0") = fn;
    register u32 r1 __asm__("r1") = a;
    register u32 r2 __asm__("r2") = b;
    register u32 r3 __asm__("r3") = c;
    __asm__ volatile("hvc #0" : "+r"(r0), "+r"(r1), "+r"(r2), "+r"(r3)::"memory");
    return r0;
}

void finish(void)
{
    enum { SYSTEM_OFF = 0x84000008 };
    print(failures ? "FAILED\n" : "passed\n");
    psci(SYSTEM_OFF, 0, 0, 0);
    for (;;) {
    }
}

void tlb_flush(void)
{
    __asm__ volatile("dsb" ::: "memory");
    cp15_write(0, c8, c7, 0, 0);
    __asm__ volatile("dsb\n isb" ::: "memory");
}
