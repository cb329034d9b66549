#include "base/sys.h"

#include <errno.h>
#include <linux/futex.h>
#include <linux/kcmp.h>
#include <poll.h>
#include <sys/mman.h>
#include <time.h>

void sys_exit_group(int status)
{
    for (;;)
        sys_call1(SYS_exit_group, status);
}

long sys_map_own(void *at, size_t len)
{
    enum { HUGE_PAGE = 2 << 20 };
    int how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED : 0);
    long p = sys_mmap(at, len, PROT_READ | PROT_WRITE, how, -1, 0);
    if (!sys_is_err(p) && len >= HUGE_PAGE)
        sys_madvise((void *)p, len, MADV_NOHUGEPAGE); /* fails where there are none */
    return p;
}

uint64_t sys_monotonic(uint64_t hz)
{
    enum { NS = 1000000000 };
    struct timespec now;

    sys_call2(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * hz + (uint64_t)now.tv_nsec / (NS / hz);
}

long sys_futex_wait_ms(uint32_t *word, uint32_t val, unsigned ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    return sys_call4(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, val, &t);
}

bool sys_thread_gone(uint32_t tid)
{
    if (sys_call2(SYS_tkill, tid, 0) == -ESRCH)
        return true;
    /* A process that was not waited for yet still has its id, but no memory. */
    long same = sys_call4(SYS_kcmp, sys_gettid(), tid, KCMP_VM, 0);
    if (!sys_is_err(same))
        return same != 0;
    if (same == -ESRCH)
        return true;
    long fd = sys_call2(SYS_pidfd_open, tid, 0);
    if (sys_is_err(fd))
        return false;
    struct pollfd p = {.fd = (int)fd, .events = POLLIN};
    struct timespec at_once = {0};
    long ready = sys_call5(SYS_ppoll, &p, 1, &at_once, NULL, 0);
    sys_close((int)fd);
    return ready == 1;
}
