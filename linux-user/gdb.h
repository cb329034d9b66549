/*
 * The debugger's side of a process (-g): GDB by TCP or a Unix socket, over debug/gdb_stub.h.
 *
 * A thread of the host serves the connection; it runs no guest. Guest threads tell it of what happens to them
 * (break, step, signal, call, end) and wait until the debugger lets them go on; all others are stopped
 * meanwhile: outside of accel_run(), where each waits in lu_gdb_before(). One in a system call stays there
 * and stops when it comes out. Children are followed (gdb_fork.c), programs behind execve too. Watchpoints on
 * writes are for changes only. Ownership: LuGdb lives as long as the process. Threads: each call by the guest
 * thread itself, which holds no lock. Sources: GDB's manual, "Remote Protocol".
 */
#ifndef LINUX_USER_GDB_H
#define LINUX_USER_GDB_H

#include "linux-user/process.h"

#include <signal.h>

/* Waits for a debugger at `where`: PORT, HOST:PORT (an IPv4 address), or the path of a socket. False: it
 * cannot, err says why. */
bool lu_gdb_start(LuThread *t, const char *where, char *err, size_t cap);

/* The rest is for processes with LuProc.gdb. */
/* Around accel_run() and what its exit asks for. */
void lu_gdb_before(LuThread *t);
void lu_gdb_after(LuThread *t);
/* CPU_EXIT_DEBUG. */
void lu_gdb_break(LuThread *t);
/* A signal is about to be delivered. Returns the one that shall be, 0: none. */
int lu_gdb_signal(LuThread *t, const siginfo_t *si);
/* Before (nr as the guest has it) and behind a system call. */
void lu_gdb_call(LuThread *t, uint64_t nr, bool before);
/* The thread, or the process, ends; these return. */
void lu_gdb_thread_gone(LuThread *t);
void lu_gdb_exit(LuThread *t, unsigned status, bool by_signal);
/* Around a fork: the parent before, with clone's flags, and behind, with its result, outside of locks; the
 * child, once it has its number. */
void lu_gdb_fork_prepare(LuThread *t, uint64_t flags);
void lu_gdb_fork_parent(LuThread *t, long child);
void lu_gdb_fork_child(LuThread *t);
/* The same around a vfork that made `child`: the parent before; the child, once it has its number; the
 * parent, when the child has left the memory and before its LuThread is freed, and then outside of locks if
 * that was true. */
void lu_gdb_vfork_prepare(LuThread *t, LuThread *child);
void lu_gdb_vfork_child(LuThread *child);
bool lu_gdb_vfork_left(LuThread *t, LuThread *child);
void lu_gdb_vfork_done(LuThread *t);
/* Tells of a child; false: nobody listens any more. */
bool lu_gdb_forked(LuThread *t, unsigned child);
/* Before execve: what the next program image has to know, as a number (0: nothing), its descriptors ready to
 * be inherited; and if execve fails. Then by that image, instead of lu_gdb_start(). */
uint64_t lu_gdb_hand_over(LuThread *t, bool undo);
bool lu_gdb_take_over(LuThread *t, uint64_t what);

#endif
