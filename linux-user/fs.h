/*
 * Guest paths: the sysroot prefix (-L) and the special files whose contents must be the guest's.
 *
 * Rules: an absolute path is looked up under the prefix first and used there if something exists by that
 * name, else as it is; so is a relative one that begins with enough ".." to lead to the root. Other relative
 * paths, /proc, /sys and /dev are never moved. All calls are libc-light and
 * legal in a vfork child. Threads: any, each with its own LuThread. Results in t->scratch, valid until the
 * next system call.
 */
#ifndef LINUX_USER_FS_H
#define LINUX_USER_FS_H

#include "linux-user/process.h"

/* The name to hand to the kernel for an absolute or relative guest path (already copied from the guest), for
 * which dirfd is the directory. Follows the rule above; returns guest_path itself when nothing changes. Never
 * NULL. */
const char *lu_path(LuThread *t, int dirfd, const char *guest_path);
/* The other direction, for results of getcwd, readlink of /proc links and the like: without the sysroot
 * prefix. */
const char *lu_path_to_guest(LuThread *t, const char *host_path);

/* What the names of memfds begin with that have the text of a file of /proc; that file's name follows. */
#define LU_TEXT_NAME "tinamou:"

/* open() of a file of /proc whose contents depend on the emulator: a descriptor with the guest's text
 * (O_CLOEXEC as in flags), -errno, or -ENOTSUP when the path is not special (then open it as usual). Try this
 * before lu_path(). */
long lu_proc_open(LuThread *t, int dirfd, const char *guest_path, int flags);
/* The text of /proc/self/maps, a NUL behind it, for lu_mm_arena_free(). NULL: it cannot be had. */
char *lu_proc_maps(LuThread *t, size_t *ret_bytes);
/* The ioctl LU_PROCMAP_QUERY; true if fd is such a text of maps, which answers then. (procmap.c) */
#define LU_PROCMAP_QUERY 0xc0686611u
bool lu_proc_query(LuThread *t, int fd, Gva at, long *ret);
/* Would that make a text? */
bool lu_proc_makes(LuThread *t, int dirfd, const char *guest_path);
/* readlink() of /proc/self/exe and its aliases: bytes written, -errno, or -ENOTSUP. buf is host memory. */
long lu_proc_readlink(LuThread *t, int dirfd, const char *guest_path, char *buf, size_t cap);
/* For stat, access, execve, ...: the host path that stands for a special guest path (/proc/self/exe), or
 * NULL. */
const char *lu_proc_path(LuThread *t, int dirfd, const char *guest_path);

/* execve/execveat. Returns only on error, -errno, with nothing changed. argv and envp are guest arrays.
 * flags: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW. path is host memory. (exec.c) */
long lu_execve(LuThread *t, int dirfd, const char *path, Gva argv, Gva envp, int flags);
/* Call before the root directory or the mount namespace changes (chroot, pivot_root, setns, unshare): keeps a
 * descriptor of the emulator's own file, so that execve keeps working. */
void lu_exec_pin_self(LuProc *p);

#endif
