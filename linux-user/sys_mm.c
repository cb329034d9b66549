/* Memory calls: arguments for LuMm (mm.h), which does the work. */
#include "linux-user/mm.h"
#include "linux-user/sys_util.h"
#include "linux-user/uring.h"

#include <sys/mman.h>

long lu_sys_mmap(LuThread *t, const uint64_t a[6])
{
    int fd = (int)a[4];
    if (!(a[3] & MAP_ANONYMOUS) && su_fd_hidden(t->proc, (uint32_t)fd))
        return -EBADF;
    int prot = (int)a[2] & ~(int)t->proc->more_prot;
    long r;
    if (UNLIKELY(t->proc->rings != NULL) && !(a[3] & MAP_ANONYMOUS) && lu_uring_mmap(t, a, prot, &r))
        return r;
    return lu_mm_mmap(t, a[0], a[1], prot, (int)a[3], fd, a[5]);
}

long lu_sys_munmap(LuThread *t, const uint64_t a[6]) { return lu_mm_munmap(t, a[0], a[1]); }
long lu_sys_mprotect(LuThread *t, const uint64_t a[6])
{
    return lu_mm_mprotect(t, a[0], a[1], (int)a[2] & ~(int)t->proc->more_prot);
}
long lu_sys_mremap(LuThread *t, const uint64_t a[6])
{
    return lu_mm_mremap(t, a[0], a[1], a[2], (int)a[3], a[4]);
}
long lu_sys_remap_file_pages(LuThread *t, const uint64_t a[6])
{
    return lu_mm_remap_file_pages(t, a[0], a[1], (int)a[2], a[3], (int)a[4]);
}
long lu_sys_brk(LuThread *t, const uint64_t a[6]) { return lu_mm_brk(t, a[0]); }
long lu_sys_madvise(LuThread *t, const uint64_t a[6]) { return lu_mm_madvise(t, a[0], a[1], (int)a[2]); }
long lu_sys_mseal(LuThread *t, const uint64_t a[6])
{
    return lu_mm_mseal(t, a[0], a[1], a[2]);
}

/* Advice that loses nothing, as Linux 6.12 takes it here, so it may be about any process: a guest's addresses
 * are the host's. Later kernels take more from a process about itself. */
long lu_sys_process_madvise(LuThread *t, const uint64_t a[6])
{
    enum { COLD = 20, PAGEOUT = 21, COLLAPSE = 25 };
    int advice = (int)a[3];
    bool harmless = advice == COLD || advice == PAGEOUT || advice == MADV_WILLNEED || advice == COLLAPSE;
    return sys_call5(SYS_process_madvise, a[0], a[1], a[2], harmless ? advice : -1, a[4]);
}

long lu_sys_mlockall(LuThread *t, const uint64_t a[6]) { return lu_mm_mlockall(t, (int)a[0]); }
long lu_sys_munlockall(LuThread *t, const uint64_t a[6]) { return lu_mm_munlockall(t); }
long lu_sys_shmat(LuThread *t, const uint64_t a[6]) { return lu_mm_shmat(t, (int)a[0], a[1], (int)a[2]); }
long lu_sys_shmdt(LuThread *t, const uint64_t a[6]) { return lu_mm_shmdt(t, a[0]); }

/* Calls on a range of which only the place matters to us. */
static long on_range(LuThread *t, long nr, const uint64_t a[6])
{
    return lu_mm_range_call(t, nr, a[0], a[1], (long)a[2], (long)a[3], (long)a[4], (long)a[5]);
}

/* With addresses of 32 bits the end of a range may be below its start. */
static bool wraps(const LuThread *t, const uint64_t a[6])
{
    return t->proc->abi->word == 4 &&
           align_up(a[0] % 4096 + a[1], 4096) >= (1ull << 32) - align_down(a[0], 4096);
}

long lu_sys_msync(LuThread *t, const uint64_t a[6]) { return on_range(t, SYS_msync, a); }
long lu_sys_mincore(LuThread *t, const uint64_t a[6]) { return on_range(t, SYS_mincore, a); }
long lu_sys_mlock(LuThread *t, const uint64_t a[6])
{
    return wraps(t, a) ? -EINVAL : on_range(t, SYS_mlock, a);
}
long lu_sys_mlock2(LuThread *t, const uint64_t a[6])
{
    return wraps(t, a) ? -EINVAL : on_range(t, SYS_mlock2, a);
}
long lu_sys_munlock(LuThread *t, const uint64_t a[6])
{
    return wraps(t, a) ? -EINVAL : on_range(t, SYS_munlock, a);
}
long lu_sys_mbind(LuThread *t, const uint64_t a[6]) { return on_range(t, SYS_mbind, a); }
