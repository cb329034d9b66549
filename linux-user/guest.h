/*
 * Guest memory for system calls. guest_base is 0 for 64-bit guests, so a guest address is a host address, but
 * it is the guest's: it may be unmapped, or vanish. All C code goes through these.
 * Errors: false or -EFAULT; nothing is half-written beyond what fault_copy says. Threads: any.
 */
#ifndef LINUX_USER_GUEST_H
#define LINUX_USER_GUEST_H

#include <errno.h>
#include "base/fault.h"
#include "target/target.h"

static inline bool guest_read(void *dst, Gva src, size_t n)
{
    return fault_copy(dst, (const void *)(uintptr_t)src, n) == 0;
}
/* mm_code.c: after a fault, which may be due to code that stands there. */
bool guest_write_guarded(Gva dst, const void *src, size_t n);
static inline bool guest_write(Gva dst, const void *src, size_t n)
{
    return fault_copy((void *)(uintptr_t)dst, src, n) == 0 || guest_write_guarded(dst, src, n);
}
/* to hand to the kernel, never to dereference */
static inline void *guest_ptr(Gva a) { return (void *)(uintptr_t)a; }
/* Copies a string with its NUL; -EFAULT, -ENAMETOOLONG, or its length. */
static inline long guest_string(char *dst, Gva src, size_t cap)
{
    int64_t n = fault_strnlen(guest_ptr(src), cap);
    if (n < 0)
        return -EFAULT;
    if ((size_t)n >= cap)
        return -ENAMETOOLONG;
    if (!guest_read(dst, src, (size_t)n + 1))
        return -EFAULT;
    dst[n] = 0;
    return n;
}

#endif
