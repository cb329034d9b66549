/*
 * What the handlers of system calls share: guest paths and hidden descriptors.
 * Threads: the calling guest thread. Memory: t->scratch, gone at the next system call.
 */
#ifndef LINUX_USER_SYS_UTIL_H
#define LINUX_USER_SYS_UTIL_H

#include "linux-user/fs.h"
#include "linux-user/signal.h"
#include "linux-user/sys_handlers.h"

/* Copies a guest path to scratch: 0, -EFAULT, -ENAMETOOLONG, -ENOMEM. No translation. */
long su_path_copy(LuThread *t, Gva path, const char **ret_path);
/* The path as the kernel shall see it. A null pointer, or one that cannot be read, is passed on, so that the
 * kernel gives its own error in its own order. follow: a link in the last component is followed (matters for
 * /proc/self/exe). */
long su_path(LuThread *t, int dirfd, Gva path, bool follow, const char **ret_path);
/* Translation of a copied path. */
const char *su_path_host(LuThread *t, int dirfd, const char *path, bool follow);

/* A guest pointer to hand to the kernel: memory at or above the end of the guest's addresses is the
 * emulator's, and such a pointer becomes one that no process can have, so that the kernel answers EFAULT, in
 * its own order of errors. */
static inline Gva su_pointer(const LuProc *p, Gva v)
{
    return UNLIKELY(v >= p->task_size) ? v | 1ull << 63 : v;
}
/* A position in the file `fd`. /proc/PID/mem is written whatever protects the memory, so a place of the
 * emulator (above the guest's addresses and SU_FAR) becomes one where nobody has memory. */
#define SU_FAR     (1ull << 45) /* the emulator is above this in any layout */
#define SU_NOWHERE (1ull << 62) /* is part of such a position */
uint64_t su_not_in_mem(const LuProc *p, uint64_t fd, uint64_t position);
bool su_fd_of_proc(uint64_t fd);
/* lseek(2), which does not lead there. */
long su_seek(const LuProc *p, uint64_t fd, uint64_t offset, uint64_t whence);
/* Descriptors of the emulator that the guest must neither see nor use: where their numbers are, at most
 * SU_HIDDEN. Returns how many there are; numbers up to 2 are none. */
enum { SU_HIDDEN = 8 + LU_GDB_PEERS };
unsigned su_hidden_fds(const LuProc *p, const int *ret[SU_HIDDEN]);
bool su_fd_hidden(const LuProc *p, uint64_t fd);
/* Takes hidden descriptors out of `n` bytes that getdents64 read from fd, if it is a list of ours; the bytes
 * left, -errno. */
long su_hide_records(LuThread *t, int fd, Gva buf, long n);
/* The guest is about to put something of its own at `fd`: moves a hidden descriptor out of the way. */
long su_fd_vacate(LuProc *p, uint64_t fd);

/* The name of what is open at `fd` (proc(5), /proc/PID/fd): its length, -errno. Ends with a NUL, cut to
 * cap. */
long su_fd_path(int fd, char *buf, size_t cap);

/* What stat(2) says, of newfstatat's arguments and of a descriptor; statfs(2) of a descriptor. Of a text of
 * /proc (lu_proc_open()) it is what the file says in whose place it stands. 0, -errno. (sys_stat.c) */
struct stat;
struct statfs;
long su_stat_path(LuThread *t, const uint64_t a[6], struct stat *ret_st);
long su_stat_fd(uint64_t fd, struct stat *ret_st);
long su_statfs_fd(uint64_t fd, struct statfs *ret_fs);
/* `n` bytes that su_fd_path() said: the name of the file in whose place such a text stands, made in `name`
 * itself. Its length, 0 if it is no text. */
long su_text_name(char *name, long n);

/* A signal mask argument of a waiting call. `set` and `size` are what the kernel gets. */
typedef struct SuWaitMask {
    bool given;
    uint64_t guest, host;
    long set, size;
} SuWaitMask;

/* One that cannot be used goes to the kernel as it is: it has its own order of errors. */
void su_wait_mask(SuWaitMask *m, Gva set, uint64_t size);

/* Structures whose inside is translated, in scratch; *at stays what it was if there is nothing to do, or if
 * it cannot be read. su_msghdr: 0 or -EBADF. su_open_how: 0, -EINVAL, -E2BIG, -EFAULT, -ENOMEM. */
struct epoll_event;
struct open_how;
bool su_epoll_event(const LuAbi *abi, Gva at, struct epoll_event *ret_ev);
void su_sockaddr(LuThread *t, Gva *addr, uint64_t *len);
long su_msghdr(LuThread *t, Gva *msg);
long su_open_how(LuThread *t, Gva at, uint64_t size, struct open_how **ret_how);

#endif
