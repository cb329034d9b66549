#include "system/sys_socket.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static socklen_t unix_address(const SysSocket *s, struct sockaddr_un *ret, GError **err)
{
    size_t n = strlen(s->path), first = s->abstract ? 1 : 0;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (n + first >= sizeof(ret->sun_path)) {
        sys_fail(err, "the path of a socket has at most %zu characters", sizeof(ret->sun_path) - 1 - first);
        return 0;
    }
    memcpy(ret->sun_path + first, s->path, n);
    return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + 1);
}

/* A socket that listens, or is connected. -1: err says why. */
static int use_address(const SysSocket *s, int family, const struct sockaddr *to, socklen_t n)
{
    int on = 1, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (s->server)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (s->server ? bind(fd, to, n) == 0 && listen(fd, s->waiting) == 0 : connect(fd, to, n) == 0)
        return fd;
    on = errno;
    close(fd);
    errno = on;
    return -1;
}

static int open_inet(const SysSocket *s, GError **err)
{
    struct addrinfo hints = {.ai_family = s->v4 && !s->v6   ? AF_INET
                                          : s->v6 && !s->v4 ? AF_INET6
                                                            : AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = s->server ? AI_PASSIVE : 0};
    struct addrinfo *found = NULL;
    guint64 number;
    /* getaddrinfo() takes larger ones modulo 65536 */
    if (!s->port[strspn(s->port, "0123456789")] &&
        !g_ascii_string_to_unsigned(s->port, 10, 0, G_MAXUINT16, &number, NULL)) {
        sys_fail(err, "%s:%s: a port is a number up to %d", s->host, s->port, G_MAXUINT16);
        return -1;
    }
    int fd = -1, why = getaddrinfo(*s->host ? s->host : NULL, s->port, &hints, &found);
    if (why) {
        sys_fail(err, "%s:%s: %s", s->host, s->port, gai_strerror(why));
        return -1;
    }
    for (struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
        fd = use_address(s, a->ai_family, a->ai_addr, a->ai_addrlen);
    if (fd < 0)
        sys_fail_errno(err, errno, "%s:%s", s->host, s->port);
    freeaddrinfo(found);
    return fd;
}

int sys_socket_open(const SysSocket *s, GError **err)
{
    struct sockaddr_un to;
    if (!s->path)
        return open_inet(s, err);
    socklen_t n = unix_address(s, &to, err);
    if (!n)
        return -1;
    if (s->server && !s->abstract)
        unlink(s->path);
    int fd = use_address(s, AF_UNIX, (struct sockaddr *)&to, n);
    if (fd < 0)
        sys_fail_errno(err, errno, "%s", s->path);
    return fd;
}
