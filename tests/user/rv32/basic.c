/* What a program begins with, and instructions where RV32 differs from RV64: widths, high addresses, pairs.
 */
#include "tiny.h"

#include <linux/auxvec.h>

static long of_aux(long *stack, long key)
{
    long *p = stack + 1 + stack[0] + 1;
    while (*p++) {
    }
    for (; p[0]; p += 2)
        if (p[0] == key)
            return p[1];
    return -1;
}

static void start(long *stack)
{
    show("argc", stack[0]);
    show("aligned", ((long)stack & 15) == 0);
    show("page", of_aux(stack, AT_PAGESZ));
    show("header", of_aux(stack, AT_PHENT) == (sizeof(long) == 4 ? 32 : 56));
    show("ticks", of_aux(stack, AT_CLKTCK));
    show("random", of_aux(stack, AT_RANDOM) != 0);
#ifdef __riscv
    show("hwcap", of_aux(stack, AT_HWCAP) == 0x112d); /* I M A F D C */
#else
    show("hwcap", 1);
#endif
}

static void arithmetic(void)
{
    volatile int32_t a = -7, b = 3, min = INT32_MIN, minus = -1;
    volatile uint32_t u = 0xfffffff9, v = 16;
    volatile int64_t wide = -0x123456789abcdefll;
    volatile uint64_t huge = 0xfedcba9876543210ull;
    show("div", a / b);
    show("rem", a % b);
    show("divu", (long)(u / v));
    show("remu", (long)(u % v));
#ifdef __riscv
    int32_t q, r;
    __asm__("div %0, %2, %3\n\trem %1, %2, %3" : "=&r"(q), "=&r"(r) : "r"(min), "r"(minus));
    show("overflow", q == min && r == 0);
    __asm__("div %0, %2, zero\n\tremu %1, %2, zero" : "=&r"(q), "=&r"(r) : "r"(a));
    show("by zero", q == -1 && r == a);
#else
    show("overflow", 1);
    show("by zero", 1);
#endif
    show64("mul", (uint64_t)((int64_t)a * b));
    show64("mulhu", (uint64_t)u * u);
    show64("mulh", (uint64_t)((int64_t)min * min));
    show64("sum", (uint64_t)(wide + (int64_t)huge));
    show64("left", huge << (b + 30));
    show64("right", huge >> (b + 30));
    show64("arithmetic", (uint64_t)(wide >> (b + 30)));
    show("sra", a >> 1);
    show("srl", (long)((uint32_t)a >> 28));
    show("less", (a < b) + 2 * (u < v) + 4 * (min < minus));
}

static void floats(void)
{
    volatile double d = 1e10, e = -2.5, third = 1.0 / 3;
    volatile float f = 16777217.0f, g = -1.5f;
    volatile uint32_t top = 0xffffffff;
    union {
        double d;
        uint64_t u;
    } bits;
    bits.d = d * third + e;
    show64("double", bits.u);
    bits.d = (double)f * g;
    show64("float", bits.u);
    bits.d = top;
    show64("from unsigned", bits.u);
    show("to int", (int32_t)e);
    show64("to unsigned", (uint32_t)(d / 3));
}

/* Memory and code above 2 GiB, whose addresses registers hold sign-extended. */
static void high(void)
{
#ifdef __riscv
    enum { FIXED = 0x10, PRIVATE = 2, ANON = 0x20 };
    char *p = (char *)SYS(__NR_mmap2, 0x90000000, 8192, 7, PRIVATE | ANON | FIXED, -1, 0);
    show("mapped", p == (char *)0x90000000);
    /* lui a0, 0x12345; addi a0, a0, 0x678; ret */
    static const uint32_t code[] = {0x12345537, 0x67850513, 0x00008067};
    memcpy(p + 4096 - 4, code, sizeof code); /* over the end of a page */
    SYS(__NR_riscv_flush_icache, p, p + 8192, 0);
    show("code", ((long (*)(void))(p + 4096 - 4))());
    volatile double *d = (volatile double *)(p + 16);
    *d = 1.5;
    show("double", *d == 1.5 && p[23] == 0x3f);
    volatile int *w = (volatile int *)(p + 4093);
    *w = 0x87654321;
    show("unaligned", *w == (int)0x87654321);
    show("swapped", __atomic_exchange_n((int *)p, 5, __ATOMIC_SEQ_CST));
    show("added", __atomic_fetch_add((int *)p, -7, __ATOMIC_SEQ_CST));
    int want = -2;
    show("cas", __atomic_compare_exchange_n((int *)p, &want, 11, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    show("now", *(int *)p);
    show("unmapped", SYS(__NR_munmap, p, 8192));
    /* An address that wraps: behind the last page comes the first. */
    show("wraps", SYS(__NR_write, 1, (char *)-4096, 1));
#else
    put("mapped: 1\ncode: 12345678\ndouble: 1\nunaligned: 1\nswapped: 0\nadded: 5\ncas: 1\nnow: b\nunmapped: "
        "0\nwraps: -e\n");
#endif
}

static void counters(void)
{
#ifdef __riscv
    uint32_t high, low, again;
    do
        __asm__ volatile("rdtimeh %0\n\trdtime %1\n\trdtimeh %2" : "=r"(high), "=r"(low), "=r"(again));
    while (high != again);
    show("time", ((uint64_t)high << 32 | low) != 0);
    uint32_t rm, was;
    __asm__ volatile("csrrwi %1, frm, 1\n\tcsrr %0, fcsr\n\tfsrm %1" : "=r"(rm), "=r"(was));
    show("rounding", rm >> 5);
#else
    put("time: 1\nrounding: 1\n");
#endif
}

int main_(long *stack)
{
    start(stack);
    arithmetic();
    floats();
    high();
    counters();
    return 0;
}
