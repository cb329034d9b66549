#include "system/migrate/migrate_uri.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int fail_at(GError **err, const char *uri, int why)
{
    sys_fail_errno(err, why, "migration: %s", uri);
    return -1;
}

static int run_command(const char *command, bool out, GError **err)
{
    char *argv[] = {(char *)"sh", (char *)"-c", (char *)(uintptr_t)command, NULL};
    int fd = -1;
    if (!g_spawn_async_with_pipes(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, out ? &fd : NULL,
                                  out ? NULL : &fd, NULL, err))
        return -1;
    return fd;
}

static int use(const char *uri, int fd, const struct sockaddr *to, socklen_t n, bool out, GError **err)
{
    const int one = 1;
    if (fd < 0)
        return fail_at(err, uri, errno);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (out ? connect(fd, to, n) == 0 : bind(fd, to, n) == 0 && listen(fd, 1) == 0)
        return fd;
    int why = errno;
    close(fd);
    return fail_at(err, uri, why);
}

static int use_unix(const char *uri, const char *path, bool out, GError **err)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(at.sun_path))
        return fail_at(err, uri, ENAMETOOLONG);
    g_strlcpy(at.sun_path, path, sizeof(at.sun_path));
    if (!out)
        unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return use(uri, fd, (struct sockaddr *)&at, sizeof(at), out, err);
}

/* "[::1]:4444", "host:4444", ":4444" */
static int use_tcp(const char *uri, const char *place, bool out, GError **err)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = out ? 0 : AI_PASSIVE};
    const char *colon = strrchr(place, ':');
    struct addrinfo *list = NULL;
    if (!colon)
        return fail_at(err, uri, EINVAL);
    g_autofree char *host = g_strndup(place, (gsize)(colon - place));
    const size_t n = strlen(host);
    char *name = host;
    if (n > 1 && host[0] == '[' && host[n - 1] == ']') {
        host[n - 1] = 0;
        name++;
    }
    int bad = getaddrinfo(*name ? name : NULL, colon + 1, &hints, &list);
    if (bad) {
        sys_fail(err, "migration: %s: %s", uri, gai_strerror(bad));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *a = list; fd < 0 && a; a = a->ai_next) {
        g_clear_error(err);
        fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        fd = use(uri, fd, a->ai_addr, a->ai_addrlen, out, err);
    }
    freeaddrinfo(list);
    return fd;
}

static int open_file(const char *uri, const char *path, bool out, GError **err)
{
    enum { MODE = 0600 };
    const int how = out ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY;
    int fd = open(path, how | O_NONBLOCK | O_CLOEXEC, MODE); /* a pipe's other end may never come */
    return fd >= 0 ? fd : fail_at(err, uri, errno);
}

static int copy_fd(const char *uri, const char *text, GError **err)
{
    guint64 number;
    if (!g_ascii_string_to_unsigned(text, 10, 0, INT_MAX, &number, NULL)) {
        sys_fail(err, "migration: '%s': fd:NUMBER, of a descriptor that this process was started with", uri);
        return -1;
    }
    int fd = fcntl((int)number, F_DUPFD_CLOEXEC, 0);
    return fd >= 0 ? fd : fail_at(err, uri, errno);
}

static int open_uri(const char *uri, bool out, bool *ret_listens, GError **err)
{
    const char *rest = strchr(uri, ':');
    *ret_listens = false;
    if (g_str_has_prefix(uri, "file:"))
        return open_file(uri, rest + 1, out, err);
    if (g_str_has_prefix(uri, "exec:"))
        return run_command(rest + 1, out, err);
    if (g_str_has_prefix(uri, "fd:"))
        return copy_fd(uri, rest + 1, err);
    *ret_listens = !out;
    if (g_str_has_prefix(uri, "unix:"))
        return use_unix(uri, rest + 1, out, err);
    if (g_str_has_prefix(uri, "tcp:"))
        return use_tcp(uri, rest + 1, out, err);
    sys_fail(err, "migration: '%s': file:PATH, exec:COMMAND, tcp:HOST:PORT, unix:PATH or fd:NUMBER", uri);
    return -1;
}

int migrate_open_out(const char *uri, GError **err)
{
    bool listens;
    return open_uri(uri, true, &listens, err);
}

int migrate_open_in(const char *uri, bool *ret_listens, GError **err)
{
    return open_uri(uri, false, ret_listens, err);
}
