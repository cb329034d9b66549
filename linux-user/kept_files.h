/*
 * The files of kept translations (accel/dbt/kept.h): one for each program, guest and way of translating, in a
 * directory that belongs to the user alone. Who can write there can run code as that user: so a directory or
 * a file that others can write to, that another user owns, or that a link leads to, is not used; nor is any
 * for a program that has rights its user has not.
 *
 * A file is never changed: a new one takes its place by rename(2). One process at a time writes in a
 * directory; what another has that is new at that moment is translated again the next time. All that is there
 * together has a limit: those that were used longest ago go first.
 *
 * Only a process that ends by itself, with status 0, writes, and only if enough is new; no forked child of
 * it does.
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

/* The directory that option -cache names; on: $XDG_CACHE_HOME/tinamou, else $HOME/.cache/tinamou. NULL: none,
 * since it says off, or neither is known. */
const char *lu_kept_place(LuProc *p, char **envp, const char *option);
/* What tells the program that is open on fd from others; only where to look hangs on it. */
uint64_t lu_kept_program(int fd);
/* After accel_new(). */
void lu_kept_open(LuProc *p, uint64_t program);
/* The process is about to exit with this status. */
void lu_kept_end(LuThread *t, int status);

#endif
