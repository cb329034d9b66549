/* Sockets whose arguments hold names: unix(7) addresses follow the sysroot like other paths; SCM_RIGHTS
 * cannot carry the emulator's descriptors. Everything else of the socket calls passes: sockaddr, msghdr,
 * cmsghdr and option numbers are the same (asm-generic/socket.h). */
#include "linux-user/sys_util.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

typedef struct SockName {
    const void *addr; /* guest's or un's */
    uint64_t len;
    struct sockaddr_un un;
} SockName;

/* The address to give to the kernel. Anything that is not an absolute unix path is passed as it is. */
static void name_translate(LuThread *t, Gva addr, uint64_t len, SockName *ret_name)
{
    SockName *s = ret_name;
    enum { PATH_AT = offsetof(struct sockaddr_un, sun_path) };
    s->addr = guest_ptr(addr);
    s->len = len;
    if (!addr || len <= PATH_AT || len > sizeof(s->un))
        return;
    memset(&s->un, 0, sizeof(s->un));
    if (!guest_read(&s->un, addr, len) || s->un.sun_family != AF_UNIX || s->un.sun_path[0] != '/')
        return;
    size_t n = strnlen(s->un.sun_path, len - PATH_AT);
    char *path = arena_alloc(&t->scratch, n + 1, 1);
    if (!path)
        return;
    memcpy(path, s->un.sun_path, n);
    path[n] = 0;
    const char *host = lu_path(t, AT_FDCWD, path);
    size_t host_len = strlen(host);
    if (host == path || host_len >= sizeof(s->un.sun_path))
        return;
    memcpy(s->un.sun_path, host, host_len + 1);
    s->addr = &s->un;
    s->len = PATH_AT + host_len + 1;
}

long lu_sys_bind(LuThread *t, const uint64_t a[6])
{
    SockName s;
    name_translate(t, a[1], a[2], &s);
    return sys_call3(SYS_bind, a[0], s.addr, s.len);
}

long lu_sys_connect(LuThread *t, const uint64_t a[6])
{
    SockName s;
    name_translate(t, a[1], a[2], &s);
    return lu_blocking(t, SYS_connect, (long)a[0], (long)s.addr, (long)s.len, 0, 0, 0);
}

long lu_sys_sendto(LuThread *t, const uint64_t a[6])
{
    SockName s;
    name_translate(t, a[4], a[5], &s);
    return lu_blocking(t, SYS_sendto, (long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)s.addr,
                       (long)s.len);
}

void su_sockaddr(LuThread *t, Gva *addr, uint64_t *len)
{
    SockName *s = arena_new(&t->scratch, SockName);
    if (!s)
        return;
    name_translate(t, *addr, *len, s);
    *addr = (uintptr_t)s->addr;
    *len = s->len;
}

/* -EBADF if a control message offers one of the emulator's descriptors. */
static long rights_check(LuThread *t, Gva control, uint64_t len)
{
    struct cmsghdr c;
    for (uint64_t at = 0; at + sizeof(c) <= len; at += align_up(c.cmsg_len, sizeof(size_t))) {
        if (!guest_read(&c, control + at, sizeof(c)) || c.cmsg_len < sizeof(c) || c.cmsg_len > len - at)
            return 0; /* the kernel says what is wrong with it */
        if (c.cmsg_level != SOL_SOCKET || c.cmsg_type != SCM_RIGHTS)
            continue;
        for (uint64_t i = sizeof(c); i + sizeof(int) <= c.cmsg_len; i += sizeof(int)) {
            FaultVal fd = fault_ld32(control + at + i);
            if (!fd.fault && su_fd_hidden(t->proc, fd.val))
                return -EBADF;
        }
    }
    return 0;
}

long su_msghdr(LuThread *t, Gva *at)
{
    struct msghdr msg, *copy;
    if (!guest_read(&msg, *at, sizeof(msg)) || !(msg.msg_name || msg.msg_controllen))
        return 0;
    long r = rights_check(t, (Gva)(uintptr_t)msg.msg_control, msg.msg_controllen);
    Gva name = (Gva)(uintptr_t)msg.msg_name, was = name;
    uint64_t len = msg.msg_namelen;
    if (r || !name)
        return r;
    su_sockaddr(t, &name, &len);
    if (name == was || !(copy = arena_new(&t->scratch, struct msghdr)))
        return 0;
    msg.msg_name = (void *)(uintptr_t)name;
    msg.msg_namelen = (socklen_t)len;
    *copy = msg;
    *at = (uintptr_t)copy;
    return 0;
}

long lu_sys_sendmsg(LuThread *t, const uint64_t a[6])
{
    Gva header = a[1];
    long r = su_msghdr(t, &header);
    return r ? r : lu_blocking(t, SYS_sendmsg, (long)a[0], (long)header, (long)a[2], 0, 0, 0);
}

/* True if any of the messages has something to check or to translate. */
static bool any_special(Gva msgs, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        struct msghdr m;
        if (!guest_read(&m, msgs + i * sizeof(struct mmsghdr), sizeof(m)))
            return false;
        if (m.msg_name || m.msg_controllen)
            return true;
    }
    return false;
}

/* A copy of the headers with other names; what was sent is written back into the guest's. */
long lu_sys_sendmmsg(LuThread *t, const uint64_t a[6])
{
    unsigned n = MIN((unsigned)a[2], 1024u); /* UIO_MAXIOV, the kernel's limit */
    struct mmsghdr *copy;
    SockName *names;
    if (!any_special(a[1], n) || !(copy = arena_array(&t->scratch, struct mmsghdr, n)) ||
        !(names = arena_array(&t->scratch, SockName, n)) || !guest_read(copy, a[1], n * sizeof(*copy)))
        return lu_blocking(t, SYS_sendmmsg, (long)a[0], (long)a[1], n, (long)a[3], 0, 0);
    for (unsigned i = 0; i < n; i++) {
        struct msghdr *m = &copy[i].msg_hdr;
        long r = rights_check(t, (Gva)(uintptr_t)m->msg_control, m->msg_controllen);
        if (r)
            return r;
        name_translate(t, (Gva)(uintptr_t)m->msg_name, m->msg_namelen, &names[i]);
        if (names[i].addr == &names[i].un) {
            m->msg_name = &names[i].un;
            m->msg_namelen = (socklen_t)names[i].len;
        }
    }
    long r = lu_blocking(t, SYS_sendmmsg, (long)a[0], (long)copy, n, (long)a[3], 0, 0);
    for (long i = 0; i < r; i++) {
        if (fault_st32(a[1] + (Gva)i * sizeof(*copy) + offsetof(struct mmsghdr, msg_len), copy[i].msg_len))
            return i ? i : -EFAULT;
    }
    return r;
}
