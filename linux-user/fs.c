#include "linux-user/fs.h"

#include <errno.h>
#include <fcntl.h>

#include "linux-user/options.h"
#include "linux-user/sys_util.h"

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
    char *s = arena_alloc(&t->scratch, LU_PATH_BYTES, 1);
    long n = s ? su_fd_path((int)fd, s, LU_PATH_BYTES) : -ENOMEM;
    sys_close((int)fd);
    return sys_is_err(n) ? fallback : s;
}

/* How many folders the directory that dirfd is lies below the guest's root; -1 if nobody knows. */
static int depth_of(LuThread *t, int dirfd)
{
    char *dir = arena_alloc(&t->scratch, LU_PATH_BYTES, 1);
    long n = !dir                ? -ENOMEM
             : dirfd == AT_FDCWD ? sys_call2(SYS_getcwd, dir, LU_PATH_BYTES)
                                 : su_fd_path(dirfd, dir, LU_PATH_BYTES);
    if (n <= 0 || dir[0] != '/')
        return -1;
    int depth = 0;
    for (const char *s = lu_path_to_guest(t, dir); *s; s++)
        depth += s[0] == '/' && s[1];
    return depth;
}

/* What a relative path is as an absolute one, if it begins with so many ".." that it leads to the root; else
 * NULL. */
static const char *climbs_to_root(LuThread *t, int dirfd, const char *path)
{
    const char *rest = path;
    int up = 0;
    for (; rest[0] == '.' && rest[1] == '.' && (rest[2] == '/' || !rest[2]); up++)
        for (rest += 2; *rest == '/'; rest++)
            ;
    int depth = up ? depth_of(t, dirfd) : -1;
    return depth < 0 || up < depth ? NULL : *rest ? rest - 1 : "/";
}

const char *lu_path(LuThread *t, int dirfd, const char *guest_path)
{
    const char *root = t->proc->opt->sysroot;
    if (LIKELY(!root[0]))
        return guest_path;
    const char *path = guest_path[0] == '/' ? guest_path : climbs_to_root(t, dirfd, guest_path);
    if (!path || is_kernel_path(path))
        return guest_path;
    size_t n = strlen(root), m = strlen(path) + 1;
    char *s = arena_alloc(&t->scratch, n + m, 1);
    if (!s)
        return guest_path;
    memcpy(s, root, n);
    memcpy(s + n, path, m);
    if (sys_call3(SYS_faccessat, AT_FDCWD, s, 0 /* F_OK */) == 0)
        return s;
    if (sys_call4(SYS_faccessat2, AT_FDCWD, s, 0, AT_SYMLINK_NOFOLLOW) == 0)
        return resolve_inside(t, root, path, path);
    return path;
}

const char *lu_path_to_guest(LuThread *t, const char *host_path)
{
    const char *root = t->proc->opt->sysroot;
    size_t n = strlen(root);
    if (!n || strncmp(host_path, root, n) || (host_path[n] != '/' && host_path[n]))
        return host_path;
    return host_path[n] ? host_path + n : "/";
}
