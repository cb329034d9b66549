/*
 * System calls without libc: no errno, no cancellation, no locks, legal in every thread and in a vfork child.
 *
 * A call returns the kernel's value; -4095..-1 is minus an errno (test with sys_is_err). Threads: any.
 * Source: syscall(2), which has the registers of each host; the x86-64 System V ABI supplement, appendix A.2.
 */
#ifndef BASE_SYS_H
#define BASE_SYS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>

#if defined(__x86_64__)
static inline long sys_call6(long nr, long a, long b, long c, long d, long e, long f)
{
    long ret;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall" : "=a"(ret) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}
#elif defined(__aarch64__)
static inline long sys_call6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long x8 __asm__("x8") = nr;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
    return x0;
}
#elif defined(__riscv)
static inline long sys_call6(long nr, long a, long b, long c, long d, long e, long f)
{
    register long a7 __asm__("a7") = nr;
    register long a0 __asm__("a0") = a;
    register long a1 __asm__("a1") = b;
    register long a2 __asm__("a2") = c;
    register long a3 __asm__("a3") = d;
    register long a4 __asm__("a4") = e;
    register long a5 __asm__("a5") = f;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5) : "memory");
    return a0;
}
#endif

#define sys_call0(nr)                sys_call6((nr), 0, 0, 0, 0, 0, 0)
#define sys_call1(nr, a)             sys_call6((nr), (long)(a), 0, 0, 0, 0, 0)
#define sys_call2(nr, a, b)          sys_call6((nr), (long)(a), (long)(b), 0, 0, 0, 0)
#define sys_call3(nr, a, b, c)       sys_call6((nr), (long)(a), (long)(b), (long)(c), 0, 0, 0)
#define sys_call4(nr, a, b, c, d)    sys_call6((nr), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)
#define sys_call5(nr, a, b, c, d, e) sys_call6((nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

static inline bool sys_is_err(long v) { return (unsigned long)v >= -4095ul; }

static inline long sys_mmap(void *addr, size_t len, int prot, int flags, int fd, long off)
{
    return sys_call6(SYS_mmap, (long)addr, (long)len, prot, flags, fd, off);
}
static inline long sys_munmap(void *addr, size_t len) { return sys_call2(SYS_munmap, addr, len); }
static inline long sys_mprotect(void *addr, size_t len, int prot)
{
    return sys_call3(SYS_mprotect, addr, len, prot);
}
static inline long sys_madvise(void *addr, size_t len, int adv)
{
    return sys_call3(SYS_madvise, addr, len, adv);
}
static inline long sys_write(int fd, const void *p, size_t n) { return sys_call3(SYS_write, fd, p, n); }
static inline long sys_read(int fd, void *p, size_t n) { return sys_call3(SYS_read, fd, p, n); }
static inline long sys_close(int fd) { return sys_call1(SYS_close, fd); }
static inline long sys_gettid(void) { return sys_call0(SYS_gettid); }
static inline long sys_getpid(void) { return sys_call0(SYS_getpid); }
/* A call of the kernel's 32-bit table (asm/unistd_32.h), arguments and structures as there. -ENOSYS where the
 * kernel has none, which needs the owner of the SIGSEGV handler to call fault_fixup(). */
long sys_compat5(long nr, long a, long b, long c, long d, long e);
/* Zeroed private memory for our own use, at `at` or (NULL) anywhere. Much is reserved of which little is
 * touched, so the kernel is kept from backing it by huge pages: an empty program then took 11 MiB and 0.7 ms
 * more. */
long sys_map_own(void *at, size_t len);
/* The monotonic clock in units of 1 / hz, which divides 10^9. */
uint64_t sys_monotonic(uint64_t hz);
/* op is FUTEX_WAIT or FUTEX_WAKE, with or without FUTEX_PRIVATE_FLAG; no time-out. */
static inline long sys_futex(uint32_t *word, int op, uint32_t val)
{
    return sys_call6(SYS_futex, (long)word, op, val, 0, 0, 0);
}
/* FUTEX_WAIT of this process's memory, for at most so many milliseconds: then -ETIMEDOUT. */
long sys_futex_wait_ms(uint32_t *word, uint32_t val, unsigned ms);
/* Does no thread of this id share our memory any more? True also for one that is dead but not waited for, or
 * has called execve. False when the kernel does not tell. */
bool sys_thread_gone(uint32_t tid);
_Noreturn void sys_exit_group(int status);

#endif
