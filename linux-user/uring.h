/*
 * io_uring(7): a ring of the guest is a ring of the host whose submission entries are ours.
 *
 * What the guest maps. Both rings are the kernel's own memory: heads, tails, flags and completions need no
 * help, and are seen without a system call. The array of submission entries (IORING_OFF_SQES) is ours:
 * io_uring_enter() copies the entries that it submits into the kernel's array, translated by the rows of
 * uring_ops.def. The guest's entry is never changed, and the kernel never sees one that was not translated.
 *
 * Who owns what. LuRing: the entries that the guest fills in (`shadow`, anonymous shared memory, so a forked
 * child has the same) and this process's view of the kernel's memory (mapped at the first submission, not
 * inherited). A view keeps the ring open, so the calls that end descriptors tell which
 * (lu_uring_fds_closing); the last one drops the view. Descriptors that came otherwise than by
 * io_uring_setup, dup and fork (SCM_RIGHTS, pidfd_getfd, execve) are no rings to us. Memory that entries
 * point to: the guest's own, or the thread's scratch, which lives until its next system call; the kernel is
 * done with it when it has consumed the entry (IORING_FEAT_SUBMIT_STABLE; names of statx since 5.17).
 *
 * Guests of 32 bits. A ring that was made by the kernel's 32-bit entry is a narrow one: vectors, headers of
 * messages and what comes back in them have the guest's own layout. Where there is no such entry we convert,
 * and refuse operations that answer in structures.
 *
 * Threads: any. The table is under LuProc.lock, a submission under LuRing.lock, waiting under none. Forked
 * processes that submit to one ring at the same time must take turns (as they must to fill its queue).
 * Sources: io_uring_setup(2), io_uring_enter(2), io_uring_register(2), io_uring(7), linux/io_uring.h.
 */
#ifndef LINUX_USER_URING_H
#define LINUX_USER_URING_H

#include "linux-user/process.h"

struct io_uring_sqe;

/* The thread closes these descriptors, or puts others in their place. */
void lu_uring_fds_closing(LuThread *t, uint32_t first, uint32_t last);
/* `to` is a copy of `from`. */
void lu_uring_fd_copied(LuThread *t, int from, int to);
/* The child of a fork has the descriptors, and none of the views. */
void lu_uring_fork_child(LuThread *t);
/* mmap of a ring's descriptor. False: `fd` is none. */
bool lu_uring_mmap(LuThread *t, const uint64_t a[6], int prot, long *ret);

/* The guest's entry, copied, becomes the kernel's (uring_sqe.c). What is refused fails as in a kernel that
 * knows no such operation. */
void lu_uring_translate(LuThread *t, struct io_uring_sqe *sqe, bool narrow);
/* Is there a row for this operation, and can it be done for this guest? */
bool lu_uring_knows(const LuProc *p, uint8_t opcode, bool narrow);

#endif
