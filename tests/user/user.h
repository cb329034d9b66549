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
