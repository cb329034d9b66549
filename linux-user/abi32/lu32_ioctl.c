/* ioctl(2) of 32-bit guests: the requests of ioctls.def; all others pass, or are the kernel's. Sources:
 * netdevice(7), the UAPI headers. */
#include "base/fmt.h"
#include "linux-user/abi32/lu32.h"

#include <linux/filter.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/time.h>

typedef enum How { SAME, LONG, IFREQ, IFDATA, IFMAP, IFCONF, TIMEVAL, TIMESPEC, FPROG, KERNEL } How;

typedef struct Request {
    uint32_t guest, host;
    uint8_t how;
} Request;

static const Request requests[] = {
#define IOCTL(name, guest, host, how) {guest, host, how},
#include "linux-user/abi32/ioctls.def"
#undef IOCTL
};

/* struct ifreq of the guest: a name, and 16 bytes instead of the host's 24. */
enum { IFREQ32 = 32, IFR_UNION = IFNAMSIZ };

static long with_ifreq(LuThread *t, int fd, const Request *r, Gva at)
{
    struct ifreq req;
    memset(&req, 0, sizeof(req));
    if (!guest_read(&req, at, IFREQ32))
        return -EFAULT;
    if (r->how == IFDATA) {
        uint32_t data;
        memcpy(&data, &req.ifr_ifru, sizeof(data));
        req.ifr_data = guest_ptr(su_pointer(t->proc, data));
    }
    long ret = lu_blocking(t, SYS_ioctl, fd, r->host, (long)&req, 0, 0, 0);
    if (sys_is_err(ret) || r->how == IFDATA)
        return ret;
    if (r->how == IFMAP) { /* two longs, then the same */
        uint32_t start = (uint32_t)req.ifr_map.mem_start, end = (uint32_t)req.ifr_map.mem_end;
        memcpy((char *)&req + IFR_UNION, &start, 4);
        memcpy((char *)&req + IFR_UNION + 4, &end, 4);
        memmove((char *)&req + IFR_UNION + 8, &req.ifr_map.base_addr, sizeof(req.ifr_map) - 16);
    }
    return guest_write(at, &req, IFREQ32) ? ret : -EFAULT;
}

/* struct ifconf: bytes, and where they go: an array of struct ifreq; without a place only the length is asked
 * for. */
static long with_ifconf(LuThread *t, int fd, Gva at)
{
    uint32_t v[2];
    if (!guest_read(v, at, sizeof(v)))
        return -EFAULT;
    unsigned n = MIN(v[0] / IFREQ32, 1024u);
    struct ifreq *list = v[1] ? arena_array(&t->scratch, struct ifreq, n + 1) : NULL;
    if (v[1] && !list)
        return -ENOMEM;
    struct ifconf c = {.ifc_len = (int)(n * sizeof(*list)), .ifc_req = list};
    long r = sys_call3(SYS_ioctl, fd, SIOCGIFCONF, &c);
    if (sys_is_err(r))
        return r;
    n = (unsigned)c.ifc_len / sizeof(*list);
    Gva to = su_pointer(t->proc, v[1]);
    for (unsigned i = 0; list && i < n; i++)
        if (!guest_write(to + (Gva)i * IFREQ32, &list[i], IFREQ32))
            return -EFAULT;
    return fault_st32(at, n * IFREQ32) ? -EFAULT : r;
}

static long with_struct(LuThread *t, int fd, const Request *r, Lu32Struct s, Gva at)
{
    char host[LU32_MAX_HOST];
    long ret = sys_call3(SYS_ioctl, fd, r->host, host);
    long err = sys_is_err(ret) ? 0 : lu32_write(s, at, host);
    return err ? err : ret;
}

static long with_filter(LuThread *t, int fd, const Request *r, Gva at)
{
    uint32_t v[2];
    if (!guest_read(v, at, sizeof(v)))
        return -EFAULT;
    struct sock_fprog prog = {.len = (unsigned short)v[0], .filter = guest_ptr(su_pointer(t->proc, v[1]))};
    return sys_call3(SYS_ioctl, fd, r->host, &prog);
}

static void log_refused(const LuThread *t, uint32_t request)
{
    char line[80];
    Fmt f = FMT_ON(line);
    fmt_printf(&f, "tinamou: ioctl 0x%x: its structure is not converted for this guest\n", request);
    sys_write(t->proc->strace_fd, f.buf, f.len);
}

/* By the kernel's 32-bit entry. A signal that comes just before is seen when the call ends: these do not
 * wait, but for some of devices (a frame of a camera, a packet of USB). */
static long by_kernel(LuThread *t, int fd, uint32_t request, Gva at)
{
    enum { COMPAT_IOCTL = 54 }; /* asm/unistd_32.h of the host */
    long r = sys_compat5(COMPAT_IOCTL, fd, (long)request, (long)(uint32_t)at, 0, 0);
    if (r != -ENOSYS)
        return r;
    if (t->proc->log & LU_LOG_UNIMP)
        log_refused(t, request);
    return -ENOTTY;
}

long lu32_ioctl(LuThread *t, const uint64_t a[6])
{
    const Request *r = NULL;
    unsigned long word;
    int fd = (int)a[0];
    for (unsigned i = 0; i < ARRAY_SIZE(requests) && !r; i++)
        r = requests[i].guest == (uint32_t)a[1] ? &requests[i] : NULL;
    if (!r) {
        long ret = lu_sys_ioctl(t, (uint64_t[6]){a[0], (uint32_t)a[1], a[2]});
        return ret == -ENOTTY ? by_kernel(t, fd, (uint32_t)a[1], a[2]) : ret;
    }
    switch ((How)r->how) {
    case SAME: return lu_blocking(t, SYS_ioctl, fd, r->host, (long)a[2], 0, 0, 0);
    case LONG: {
        long ret = sys_call3(SYS_ioctl, fd, r->host, &word);
        if (sys_is_err(ret))
            return ret;
        return word > UINT32_MAX ? -EFBIG : fault_st32(a[2], word) ? -EFAULT : ret;
    }
    case IFREQ:
    case IFDATA:
    case IFMAP: return with_ifreq(t, fd, r, a[2]);
    case IFCONF: return with_ifconf(t, fd, a[2]);
    case TIMEVAL: return with_struct(t, fd, r, LU32_tv32, a[2]);
    case TIMESPEC: return with_struct(t, fd, r, LU32_ts32, a[2]);
    case FPROG: return with_filter(t, fd, r, a[2]);
    case KERNEL: break;
    }
    return by_kernel(t, fd, (uint32_t)a[1], a[2]);
}
