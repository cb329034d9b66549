/*
 * What programs have that are built without a C library, since Debian has none for riscv32: a start, system
 * calls, text. The same source is built for riscv32 and for x86-64.
 *
 * main_() gets the first stack. PAIR(v): a 64-bit argument, two registers of riscv32.
 */
#ifndef TESTS_USER_RV32_TINY_H
#define TESTS_USER_RV32_TINY_H

#include <asm/unistd.h>
#include <stddef.h>
#include <stdint.h>

int main_(long *stack);

#ifdef __riscv
__asm__(
    ".globl _start\n_start:\n\t.option push\n\t.option norelax\n\tla gp, __global_pointer$\n\t.option pop\n"
    "\tmv a0, sp\n\tcall start_\n");
#define PAIR(v) (long)(v), (long)((uint64_t)(v) >> 32)

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long a0 __asm__("a0") = a, a1 __asm__("a1") = b, a2 __asm__("a2") = c, a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e, a5 __asm__("a5") = f, a7 __asm__("a7") = nr;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a7) : "memory");
    return a0;
}
#else
__asm__(".globl _start\n_start:\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n\tcall start_\n");
#define PAIR(v)                           (long)(v)
/* The names that only 32-bit ABIs have. */
#define __NR_clock_gettime64              __NR_clock_gettime
#define __NR_clock_getres_time64          __NR_clock_getres
#define __NR_clock_nanosleep_time64       __NR_clock_nanosleep
#define __NR_ppoll_time64                 __NR_ppoll
#define __NR_pselect6_time64              __NR_pselect6
#define __NR_futex_time64                 __NR_futex
#define __NR_timerfd_settime64            __NR_timerfd_settime
#define __NR_timerfd_gettime64            __NR_timerfd_gettime
#define __NR_rt_sigtimedwait_time64       __NR_rt_sigtimedwait
#define __NR_utimensat_time64             __NR_utimensat
#define __NR_semtimedop_time64            __NR_semtimedop
#define __NR_mq_timedsend_time64          __NR_mq_timedsend
#define __NR_mq_timedreceive_time64       __NR_mq_timedreceive
#define __NR_sched_rr_get_interval_time64 __NR_sched_rr_get_interval
#define __NR_recvmmsg_time64              __NR_recvmmsg
#define __NR_fcntl64                      __NR_fcntl
#define __NR_truncate64                   __NR_truncate
#define __NR_ftruncate64                  __NR_ftruncate
#define __NR_sendfile64                   __NR_sendfile
#define __NR_fadvise64_64                 __NR_fadvise64

static inline long sys6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "+a"(nr)
                     : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return nr;
}
#endif

#define SYS_7TH(nr, a, b, c, d, e, f, ...)                                                                   \
    sys6(nr, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
#define SYS(...) SYS_7TH(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* ---- what compilers call ---- */

static inline size_t length(const char *s)
{
    size_t n = 0;
    while (s[n])
        n++;
    return n;
}

void *memcpy(void *to, const void *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile char *)to)[i] = ((const char *)from)[i];
    return to;
}

void *memset(void *to, int c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((volatile char *)to)[i] = (char)c;
    return to;
}

static inline int same(const void *a, const void *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((const char *)a)[i] != ((const char *)b)[i])
            return 0;
    return 1;
}

/* ---- text ---- */

static inline void put(const char *s)
{
    SYS(__NR_write, 1, s, length(s));
}

static inline void put_hex(uint64_t v)
{
    char text[17], *p = text + 16;
    *p = 0;
    do
        *--p = "0123456789abcdef"[v & 15];
    while (v >>= 4);
    put(p);
}

/* "text: value" in hexadecimal, with its sign. */
static inline void show(const char *what, long v)
{
    put(what);
    put(v < 0 ? ": -" : ": ");
    put_hex((unsigned long)(v < 0 ? -v : v));
    put("\n");
}

static inline void show64(const char *what, uint64_t v)
{
    put(what);
    put(": ");
    put_hex(v);
    put("\n");
}

#define SHOW(call) show(#call, (long)(call))

_Noreturn void quit(int status)
{
    for (;;)
        SYS(__NR_exit_group, status);
}

__attribute__((used)) _Noreturn void start_(long *stack)
{
    quit(main_(stack));
}

#endif
