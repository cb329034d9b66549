/* Sockets of 32-bit guests: message headers, control messages, options with times or pointers. Sources:
 * recvmsg(2), cmsg(3), socket(7), unix(7), ip(7); asm-generic/socket.h. */
#include "linux-user/abi32/lu32.h"

#include <limits.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>

/* struct msghdr and mmsghdr of the guest. */
typedef struct Msg32 {
    uint32_t name, namelen, iov, iovlen, control, controllen, flags;
} Msg32;

enum { MSG_BYTES = sizeof(Msg32), MMSG_BYTES = MSG_BYTES + 4, MMSG_LEN = MSG_BYTES, CMSG_HEAD32 = 12,
       MAX_CONTROL = 64 << 10 };

/* Socket options whose structure has 32 bits of time for these guests; names of libc's headers depend on the
 * guest. */
enum { OLD_RCVTIMEO = 20, OLD_SNDTIMEO = 21, OLD_TIMESTAMP = 29, OLD_TIMESTAMPNS = 35,
       OLD_TIMESTAMPING = 37 };

/* ---- control messages to the kernel ---- */

/* Those at `at` as the host has them, in scratch: 0 or -errno, the length in *ret_len. */
static long control_to_host(LuThread *t, Gva at, uint32_t len, void **ret, size_t *ret_len)
{
    if (len > MAX_CONTROL)
        return -ENOBUFS;
    uint8_t *host = arena_alloc(&t->scratch, 2 * (size_t)len + 64, 8),
            *guest = arena_alloc(&t->scratch, len + 1, 8);
    size_t used = 0;
    if (!host || !guest)
        return -ENOMEM;
    if (!guest_read(guest, at, len))
        return -EFAULT;
    for (uint32_t pos = 0; pos + CMSG_HEAD32 <= len;) {
        uint32_t h[3];
        memcpy(h, guest + pos, sizeof(h));
        if (h[0] < CMSG_HEAD32 || h[0] > len - pos)
            return -EINVAL;
        size_t data = h[0] - CMSG_HEAD32;
        struct cmsghdr c = {.cmsg_len = sizeof(c) + data, .cmsg_level = (int)h[1], .cmsg_type = (int)h[2]};
        memset(host + used, 0, CMSG_SPACE(data));
        memcpy(host + used, &c, sizeof(c));
        memcpy(host + used + sizeof(c), guest + pos + CMSG_HEAD32, data);
        used += CMSG_SPACE(data);
        pos += (uint32_t)align_up(h[0], 4);
    }
    *ret = host;
    *ret_len = used;
    return 0;
}

/* ---- control messages from the kernel ---- */

static void close_rights(const uint8_t *data, size_t from, size_t len)
{
    for (; from + 4 <= len; from += 4) {
        int fd;
        memcpy(&fd, data + from, 4);
        sys_close(fd);
    }
}

/* Times of the old socket options as the guest has them; returns the new length. */
static size_t narrow_times(const struct cmsghdr *c, uint8_t *data, size_t len)
{
    bool times =
        c->cmsg_type == OLD_TIMESTAMP || c->cmsg_type == OLD_TIMESTAMPNS || c->cmsg_type == OLD_TIMESTAMPING;
    if (c->cmsg_level != SOL_SOCKET || !times)
        return len;
    for (size_t i = 0; i < len / 8; i++) /* in place, from the front */
        memmove(data + 4 * i, data + 8 * i, 4);
    return len / 2;
}

/* Writes what the kernel left in `msg` to the guest's control buffer. */
static long control_to_guest(struct msghdr *msg, const Msg32 *g, uint32_t *ret_len)
{
    uint32_t pos = 0;
    *ret_len = 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
        uint8_t *data = CMSG_DATA(c);
        size_t len = c->cmsg_len - sizeof(*c);
        bool rights = c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS;
        len = narrow_times(c, data, len);
        size_t room = g->controllen - pos, fits = room > CMSG_HEAD32 ? MIN(len, room - CMSG_HEAD32) : 0;
        fits = rights ? align_down(fits, 4) : fits;
        if (fits < len) {
            msg->msg_flags |= MSG_CTRUNC;
            if (rights)
                close_rights(data, fits, len);
            if (room < CMSG_HEAD32 || (rights && !fits))
                continue;
        }
        uint32_t h[3] = {(uint32_t)(CMSG_HEAD32 + fits), (uint32_t)c->cmsg_level, (uint32_t)c->cmsg_type};
        if (!guest_write(g->control + pos, h, sizeof(h)) ||
            !guest_write(g->control + pos + CMSG_HEAD32, data, fits))
            return -EFAULT;
        pos = (uint32_t)MIN(align_up(pos + h[0], 4), (size_t)g->controllen);
        *ret_len = pos;
    }
    return 0;
}

/* ---- headers ---- */

/* False: the header cannot be read. */
static bool read_header(LuThread *t, Gva at, Msg32 *g, struct msghdr *ret)
{
    if (!guest_read(g, at, sizeof(*g)))
        return false;
    *ret = (struct msghdr){.msg_name = g->name ? guest_ptr(su_pointer(t->proc, g->name)) : NULL,
                           .msg_namelen = g->namelen,
                           .msg_iov = lu32_iovec(t, su_pointer(t->proc, g->iov), g->iovlen),
                           .msg_iovlen = g->iovlen,
                           .msg_flags = (int)g->flags};
    return true;
}

int lu32_msghdr(LuThread *t, Gva at, struct msghdr *ret)
{
    Msg32 g;
    if (!read_header(t, at, &g, ret))
        return 1;
    ret->msg_controllen = g.control ? g.controllen : 0;
    return 0;
}

/* 1: there is none that could be read, which the kernel shall say. */
static long header_to_send(LuThread *t, Gva at, struct msghdr *ret)
{
    Msg32 g;
    size_t len = 0;
    if (!read_header(t, at, &g, ret))
        return 1;
    long r =
        g.control && g.controllen ? control_to_host(t, g.control, g.controllen, &ret->msg_control, &len) : 0;
    ret->msg_controllen = len;
    return r;
}

long lu32_msghdr_check(LuThread *t, Gva at)
{
    struct msghdr *msg = arena_new(&t->scratch, struct msghdr);
    Gva checked = (uintptr_t)msg;
    if (!msg)
        return -ENOMEM;
    long r = header_to_send(t, at, msg);
    if (r)
        return r == -ENOMEM ? r : 0; /* what is wrong with it the kernel says too */
    r = su_msghdr(t, &checked);
    return r ? r : checked == (uintptr_t)msg ? 0 : -EOPNOTSUPP;
}

static long header_to_receive(LuThread *t, Gva at, Msg32 *g, struct msghdr *ret)
{
    if (!read_header(t, at, g, ret))
        return 1;
    if (!g->control || !g->controllen)
        return 0;
    /* Headers and alignment are larger on the host: room for as much as fits in the guest's, and more, which
     * is then cut. */
    ret->msg_controllen = 2 * MIN((size_t)g->controllen, (size_t)MAX_CONTROL) + 64;
    ret->msg_control = arena_alloc(&t->scratch, ret->msg_controllen, 8);
    return ret->msg_control ? 0 : -ENOMEM;
}

/* After the kernel has filled `msg`. */
static long write_header(Gva at, const Msg32 *g, struct msghdr *msg)
{
    uint32_t controllen = 0;
    long r = msg->msg_control ? control_to_guest(msg, g, &controllen) : 0;
    if (r)
        return r;
    bool bad = (g->name && fault_st32(at + offsetof(Msg32, namelen), msg->msg_namelen)) ||
               fault_st32(at + offsetof(Msg32, controllen), controllen) ||
               fault_st32(at + offsetof(Msg32, flags), (uint32_t)msg->msg_flags);
    return bad ? -EFAULT : 0;
}

long lu32_sendmsg(LuThread *t, const uint64_t a[6])
{
    struct msghdr msg;
    long r = header_to_send(t, a[1], &msg);
    return r < 0 ? r : lu_sys_sendmsg(t, (const uint64_t[6]){a[0], r ? a[1] : (uintptr_t)&msg, a[2]});
}

long lu32_recvmsg(LuThread *t, const uint64_t a[6])
{
    struct msghdr msg;
    Msg32 g;
    long r = header_to_receive(t, a[1], &g, &msg);
    if (r)
        return r < 0 ? r : sys_call3(SYS_recvmsg, a[0], a[1], a[2]);
    r = lu_blocking(t, SYS_recvmsg, (long)a[0], (long)&msg, (long)a[2], 0, 0, 0);
    long err = sys_is_err(r) ? 0 : write_header(a[1], &g, &msg);
    return err ? err : r;
}

long lu32_sendmmsg(LuThread *t, const uint64_t a[6])
{
    uint32_t n = MIN((uint32_t)a[2], (uint32_t)IOV_MAX);
    struct mmsghdr *msgs = arena_array(&t->scratch, struct mmsghdr, n + 1);
    if (!msgs)
        return -ENOMEM;
    for (uint32_t i = 0; i < n; i++) {
        long r = header_to_send(t, a[1] + (Gva)i * MMSG_BYTES, &msgs[i].msg_hdr);
        if (r && !i)
            return r < 0 ? r : sys_call4(SYS_sendmmsg, a[0], a[1], n, a[3]);
        if (r)
            n = i; /* those before it are sent */
    }
    long r = lu_sys_sendmmsg(t, (const uint64_t[6]){a[0], (uintptr_t)msgs, n, a[3]});
    for (long i = 0; i < r; i++)
        if (fault_st32(a[1] + (Gva)i * MMSG_BYTES + MMSG_LEN, msgs[i].msg_len))
            return i ? i : -EFAULT;
    return r;
}

static long receive_many(LuThread *t, const uint64_t a[6], Lu32Struct time)
{
    uint32_t n = MIN((uint32_t)a[2], (uint32_t)IOV_MAX);
    struct mmsghdr *msgs = arena_array(&t->scratch, struct mmsghdr, n + 1);
    Msg32 *g = arena_array(&t->scratch, Msg32, n + 1);
    struct timespec ts;
    if (!msgs || !g)
        return -ENOMEM;
    if (a[4] && lu32_read(time, &ts, a[4]))
        return sys_call5(SYS_recvmmsg, a[0], a[1], n, a[3], a[4]);
    for (uint32_t i = 0; i < n; i++) {
        long r = header_to_receive(t, a[1] + (Gva)i * MMSG_BYTES, &g[i], &msgs[i].msg_hdr);
        if (r && !i)
            return r < 0 ? r : sys_call5(SYS_recvmmsg, a[0], a[1], n, a[3], a[4] ? &ts : NULL);
        if (r)
            n = i;
    }
    long r = lu_blocking(t, SYS_recvmmsg, (long)a[0], (long)msgs, n, (long)a[3], a[4] ? (long)&ts : 0, 0);
    for (long i = 0; i < r; i++) {
        Gva at = a[1] + (Gva)i * MMSG_BYTES;
        if (write_header(at, &g[i], &msgs[i].msg_hdr) || fault_st32(at + MMSG_LEN, msgs[i].msg_len))
            return i ? i : -EFAULT;
    }
    return r > 0 && a[4] && lu32_write(time, a[4], &ts) ? -EFAULT : r;
}

long lu32_recvmmsg(LuThread *t, const uint64_t a[6]) { return receive_many(t, a, LU32_ts32); }
long lu32_recvmmsg64(LuThread *t, const uint64_t a[6]) { return receive_many(t, a, LU32_ts64); }

/* ---- options ---- */

/* struct sock_fprog: a count and a pointer. */
static long set_filter(LuThread *t, const uint64_t a[6])
{
    uint32_t v[2];
    if ((uint32_t)a[4] < sizeof(v))
        return -EINVAL;
    if (!guest_read(v, a[3], sizeof(v)))
        return -EFAULT;
    struct sock_fprog prog = {.len = (unsigned short)v[0], .filter = guest_ptr(su_pointer(t->proc, v[1]))};
    return sys_call5(SYS_setsockopt, a[0], a[1], a[2], &prog, sizeof(prog));
}

/* struct group_req and its like: addresses are aligned to 8 bytes on the host, which moves all behind the
 * first word. */
static long set_group(LuThread *t, const uint64_t a[6])
{
    uint32_t len = (uint32_t)a[4];
    if (len < 8 || len > MAX_CONTROL)
        return -EINVAL;
    uint8_t *host = arena_alloc(&t->scratch, len + 4, 8);
    if (!host)
        return -ENOMEM;
    memset(host, 0, 8);
    if (!guest_read(host, a[3], 4) || !guest_read(host + 8, a[3] + 4, len - 4))
        return -EFAULT;
    return sys_call5(SYS_setsockopt, a[0], a[1], a[2], host, len + 4);
}

long lu32_setsockopt(LuThread *t, const uint64_t a[6])
{
    int level = (int)a[1], name = (int)a[2];
    if (level == SOL_SOCKET && (name == OLD_RCVTIMEO || name == OLD_SNDTIMEO)) {
        struct timeval tv;
        if ((uint32_t)a[4] < lu32_guest_size(LU32_tv32))
            return -EINVAL;
        long r = lu32_read(LU32_tv32, &tv, a[3]);
        return r ? r : sys_call5(SYS_setsockopt, a[0], a[1], a[2], &tv, sizeof(tv));
    }
    if (level == SOL_SOCKET && (name == SO_ATTACH_FILTER || name == SO_ATTACH_REUSEPORT_CBPF))
        return set_filter(t, a);
    if ((level == IPPROTO_IP || level == IPPROTO_IPV6) && name >= MCAST_JOIN_GROUP && name <= MCAST_MSFILTER)
        return set_group(t, a);
    return sys_call5(SYS_setsockopt, a[0], a[1], a[2], a[3], a[4]);
}

long lu32_getsockopt(LuThread *t, const uint64_t a[6])
{
    int level = (int)a[1], name = (int)a[2];
    if (level != SOL_SOCKET || (name != OLD_RCVTIMEO && name != OLD_SNDTIMEO))
        return sys_call5(SYS_getsockopt, a[0], a[1], a[2], a[3], a[4]);
    struct timeval tv;
    socklen_t size = sizeof(tv);
    uint8_t guest[LU32_MAX_GUEST];
    FaultVal room = fault_ld32(a[4]);
    if (room.fault)
        return -EFAULT;
    if ((int32_t)room.val < 0)
        return -EINVAL;
    long r = sys_call5(SYS_getsockopt, a[0], a[1], a[2], &tv, &size);
    if (r)
        return r;
    lu32_to_guest(LU32_tv32, guest, &tv);
    uint64_t len = MIN(room.val, (uint64_t)lu32_guest_size(LU32_tv32));
    return guest_write(a[3], guest, len) && !fault_st32(a[4], len) ? 0 : -EFAULT;
}
