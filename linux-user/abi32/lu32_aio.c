/* Asynchronous I/O of libaio for 32-bit guests. Sources: io_setup(2), io_submit(2), io_getevents(2), the UAPI
 * header linux/aio_abi.h, whose structures have 64-bit fields only. The kernel puts the ring where a 32-bit
 * guest cannot see it; the ring may be moved, and its address is the context's name. */
#include "linux-user/abi32/lu32.h"
#include "linux-user/mm.h"

#include <linux/aio_abi.h>
#include <sys/mman.h>
#include <sys/uio.h>

enum { PAGE = 4096, RING_NR = 4, RING_HEADER = 32, MAX_SUBMIT = 1024 };

/* Bytes of the mapping of a ring: whole pages, filled with as many events as fit. */
static uint64_t ring_bytes(Gva ring)
{
    FaultVal nr = fault_ld32(ring + RING_NR);
    return nr.fault ? 0 : align_up(RING_HEADER + nr.val * sizeof(struct io_event), PAGE);
}

/* Moves the ring into the guest's addresses: where it is then, or -errno. */
static long ring_move(LuThread *t, Gva ring)
{
    uint64_t n = ring_bytes(ring);
    long at = lu_mm_mmap(t, 0, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sys_is_err(at))
        return at;
    long r = sys_call5(SYS_mremap, ring, n, n, MREMAP_MAYMOVE | MREMAP_FIXED, at);
    if (sys_is_err(r))
        lu_mm_munmap(t, (Gva)at, n);
    return r;
}

long lu32_io_setup(LuThread *t, const uint64_t a[6])
{
    FaultVal old = fault_ld32(a[1]);
    uint64_t ctx = old.val;
    if (old.fault)
        return -EFAULT;
    long r = sys_call2(SYS_io_setup, (uint32_t)a[0], &ctx);
    if (r)
        return r;
    r = ring_move(t, ctx);
    if (sys_is_err(r)) {
        sys_call1(SYS_io_destroy, ctx);
        return r;
    }
    if (!fault_st32(a[1], (uint64_t)r))
        return 0;
    lu32_io_destroy(t, (const uint64_t[6]){(uint64_t)r});
    return -EFAULT;
}

long lu32_io_destroy(LuThread *t, const uint64_t a[6])
{
    uint64_t n = lu_mm_prot(t->proc->mm, a[0]) >= 0 ? ring_bytes(a[0]) : 0;
    long r = lu_blocking(t, SYS_io_destroy, (long)a[0], 0, 0, 0, 0, 0);
    if (!r && n)
        lu_mm_munmap(t, a[0], n); /* the kernel has unmapped it: so that the map of memory knows */
    return r;
}

/* Vectors have pointers of 4 bytes. The kernel reads them during the call, and tells the control block's own
 * address when it is done, so the block itself names the host's vector for that time. */
static void vector_swap(LuThread *t, Gva cb, uint64_t *ret_old)
{
    FaultVal op = fault_ld16(cb + offsetof(struct iocb, aio_lio_opcode)),
             buf = fault_ld64(cb + offsetof(struct iocb, aio_buf));
    FaultVal n = fault_ld64(cb + offsetof(struct iocb, aio_nbytes));
    *ret_old = 0;
    if (op.fault || buf.fault || n.fault || (op.val != IOCB_CMD_PREADV && op.val != IOCB_CMD_PWRITEV))
        return;
    uintptr_t iov = (uintptr_t)lu32_iovec(t, su_pointer(t->proc, buf.val), n.val);
    if (!fault_st64(cb + offsetof(struct iocb, aio_buf), iov))
        *ret_old = buf.val;
}

long lu32_io_submit(LuThread *t, const uint64_t a[6])
{
    int64_t n = MIN((int32_t)a[1], MAX_SUBMIT); /* fewer than asked for is always allowed */
    if (n <= 0)
        return sys_call3(SYS_io_submit, a[0], n, NULL);
    uint64_t *list = arena_array(&t->scratch, uint64_t, n), *old = arena_array(&t->scratch, uint64_t, n),
             ready = 0;
    if (!list || !old)
        return -ENOMEM;
    for (; ready < (uint64_t)n; ready++) {
        FaultVal cb = fault_ld32(a[2] + 4 * ready);
        if (cb.fault)
            break;
        list[ready] = su_pointer(t->proc, cb.val);
        vector_swap(t, list[ready], &old[ready]);
    }
    if (!ready)
        return sys_call3(SYS_io_submit, a[0], n, a[2]);
    long r = lu_blocking(t, SYS_io_submit, (long)a[0], (long)ready, (long)list, 0, 0, 0);
    for (uint64_t i = 0; i < ready; i++)
        if (old[i])
            fault_st64(list[i] + offsetof(struct iocb, aio_buf), old[i]);
    return r;
}

/* The last argument points to {address of a mask, its size}. */
static long get_events(LuThread *t, const uint64_t a[6], Lu32Struct time)
{
    struct timespec ts;
    uint32_t pair[2];
    uint64_t host_pair[2] = {0};
    if (a[4] && lu32_read(time, &ts, a[4]))
        return -EFAULT;
    if (a[5]) {
        if (!guest_read(pair, a[5], sizeof(pair)))
            return -EFAULT;
        host_pair[0] = pair[0] ? su_pointer(t->proc, pair[0]) : 0;
        host_pair[1] = pair[1];
    }
    return lu_sys_io_pgetevents(t, (const uint64_t[6]){a[0], (uint64_t)(int32_t)a[1], (uint64_t)(int32_t)a[2],
                                                       a[3], a[4] ? (uintptr_t)&ts : 0,
                                                       a[5] ? (uintptr_t)host_pair : 0});
}

long lu32_io_pgetevents(LuThread *t, const uint64_t a[6]) { return get_events(t, a, LU32_ts32); }
long lu32_io_pgetevents64(LuThread *t, const uint64_t a[6]) { return get_events(t, a, LU32_ts64); }
