#include "linux-user/fs.h"

#include <errno.h>
#include <fcntl.h>

#include "base/fmt.h"
#include "linux-user/options.h"

/* /proc, /sys and /dev, or below: the same for every root. */
static bool is_kernel_path(const char *p)
{
    unsigned n = !strncmp(p, "/proc", 5) ? 5 : !strncmp(p, "/sys", 4) || !strncmp(p, "/dev", 4) ? 4 : 0;
    return n && (p[n] == 0 || p[n] == '/');
}

/* A link in the sysroot that points nowhere from the host's root: follow it inside of the sysroot. */
static const char *resolve_inside(LuThread *t, const char *root, const char *path, const char *fallback)
{
    struct { uint64_t flags, mode, resolve; } how = {O_PATH | O_CLOEXEC, 0, 0x10 /* RESOLVE_IN_ROOT */};
    long dir = sys_call4(SYS_openat, AT_FDCWD, root, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (sys_is_err(dir))
        return fallback;
    long fd = sys_call4(SYS_openat2, dir, path, &how, sizeof(how));
    sys_close((int)dir);
    if (sys_is_err(fd))
        return fallback;
    char link[40], *s = arena_alloc(&t->scratch, 4096, 1);
    Fmt f = FMT_ON(link);
    fmt_printf(&f, "/proc/self/fd/%d", (int)fd);
    long n = s ? sys_call4(SYS_readlinkat, AT_FDCWD, link, s, 4095) : -ENOMEM;
    sys_close((int)fd);
    if (sys_is_err(n))
        return fallback;
    s[n] = 0;
    return s;
}

const char *lu_path(LuThread *t, const char *guest_path)
{
    const char *root = t->proc->opt->sysroot;
    if (LIKELY(!root[0]) || guest_path[0] != '/' || is_kernel_path(guest_path))
        return guest_path;
    size_t n = strlen(root), m = strlen(guest_path) + 1;
    char *s = arena_alloc(&t->scratch, n + m, 1);
    if (!s)
        return guest_path;
    memcpy(s, root, n);
    memcpy(s + n, guest_path, m);
    if (sys_call3(SYS_faccessat, AT_FDCWD, s, 0 /* F_OK */) == 0)
        return s;
    if (sys_call4(SYS_faccessat2, AT_FDCWD, s, 0, AT_SYMLINK_NOFOLLOW) == 0)
        return resolve_inside(t, root, guest_path, guest_path);
    return guest_path;
}

const char *lu_path_to_guest(LuThread *t, const char *host_path)
{
    const char *root = t->proc->opt->sysroot;
    size_t n = strlen(root);
    if (!n || strncmp(host_path, root, n) || (host_path[n] != '/' && host_path[n]))
        return host_path;
    return host_path[n] ? host_path + n : "/";
}
