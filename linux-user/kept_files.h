/*
 * The files of kept translations (accel/dbt/kept.h): one for each program, guest and way of translating, in a
 * directory that belongs to the user alone. Who can write there can run code as that user: so a directory or
 * a file that others can write to, that another user owns, or that a link leads to, is not used; nor is any
 * for a program that has rights its user has not.
 *
 * A file is never changed: a new one takes its place by rename(2). One process at a time writes in a
 * directory; what another has that is new at that moment is translated again the next time. All that is there
 * together has a limit: those that were used longest ago go first. Files of other names are let alone.
 *
 * The first run of a program, as a table of numbers in file `seen` tells, does nothing else. Later ones write
 * when they exit or call execve, if enough is new. Not one that a signal ends: the kernel does that without
 * us. Nor a forked child, nor one with filters of system calls, nor where the file system is nearly full.
 * None of it is seen by the guest: before it runs, and while it ends, descriptors of ours are open in no
 * table that others share.
 *
 * Threads: lu_kept_open() before the guest runs; lu_kept_end() by the thread that ends the process. Errors:
 * without a word, nothing is kept.
 */
#ifndef LINUX_USER_KEPT_FILES_H
#define LINUX_USER_KEPT_FILES_H

#include "linux-user/process.h"

typedef struct LuKept {
    const char *dir;   /* absolute */
    uint64_t dev, ino; /* of it at the start: a guest may have another root at the end */
    char name[64];     /* of the file */
} LuKept;

/* The user's directory: $XDG_CACHE_HOME/tinamou, else $HOME/.cache/tinamou. NULL: neither belongs to the
 * user. */
const char *lu_kept_place(LuProc *p, char **envp);
/* What tells the program that is open on fd from others; only where to look hangs on it. */
uint64_t lu_kept_program(int fd);
/* After accel_new() and lu_signals_init(). */
void lu_kept_open(LuProc *p, uint64_t program);
/* The process is about to exit. */
void lu_kept_end(LuThread *t);
/* It is about to become another program, which may fail yet. */
void lu_kept_exec(LuThread *t);

#endif
