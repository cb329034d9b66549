/* What every program of tests/user includes. A program prints what it sees, in a form that does not depend on
 * the machine, the time or the process; the native run says what is right. */
#ifndef TESTS_USER_USER_H
#define TESTS_USER_USER_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* "text: value" or "text: -1 ERRNO". */
/* Names that a guest of 32 bits has for the same calls. */
#ifdef __i386__
#define SYS_newfstatat SYS_fstatat64
#define SYS_getrlimit  SYS_ugetrlimit
/* Calls that only socketcall and ipc have. */
enum { SYS_accept = 0x10005, SYS_semop = 0x20001, SYS_semtimedop = 0x20004 };
static inline long any_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
    long args[6] = {a, b, c, d, e, f};
    if (nr >> 16 == 1)
        return syscall(SYS_socketcall, nr & 0xffff, args);
    return nr >> 16 ? syscall(SYS_ipc, nr & 0xffff, a, c, 0, b, d) : syscall(nr, a, b, c, d, e, f);
}
#else
#define any_syscall syscall
#endif
#ifdef __arm__
#define SYS_newfstatat      SYS_fstatat64
#define SYS_fadvise64       SYS_arm_fadvise64_64
#define SYS_sync_file_range SYS_arm_sync_file_range
#define SYS_getrlimit       SYS_ugetrlimit
#endif

static inline long show(const char *what, long r)
{
    if (r == -1)
        printf("%s: -1 %s\n", what, strerrorname_np(errno));
    else
        printf("%s: %ld\n", what, r);
    return r;
}

/* Success or the error; for results that differ from run to run. */
static inline long show_ok(const char *what, long r)
{
    if (r == -1)
        printf("%s: -1 %s\n", what, strerrorname_np(errno));
    else
        printf("%s: ok\n", what);
    return r;
}

#define SHOW(call)    show(#call, (long)(call))
#define SHOW_OK(call) show_ok(#call, (long)(call))

static inline void show_bool(const char *what, bool v) { printf("%s: %s\n", what, v ? "yes" : "no"); }
#define SHOW_BOOL(expr) show_bool(#expr, (expr))

#endif
