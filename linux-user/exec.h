/*
 * What execve(2) runs: the chain of `#!` interpreters down to a program of the guest or of the host.
 * Legal in a vfork child: scratch memory only. Threads: the guest thread itself. Sources: execve(2),
 * binfmt_script.
 */
#ifndef LINUX_USER_EXEC_H
#define LINUX_USER_EXEC_H

#include "linux-user/process.h"

enum { EXEC_MAX_DEPTH = 5, EXEC_LINE = 256 };

typedef struct ExecTarget {
    int fd;                 /* of the program, close-on-exec; the caller closes it */
    bool guest;             /* else: for the kernel to run, or to refuse */
    const char *host_path;  /* of the program */
    const char *guest_path; /* as the guest names it */
    const char *word[2 * EXEC_MAX_DEPTH + 1]; /* what replaces argv[0] if there were scripts */
    unsigned n_words;       /* 0: argv stays */
} ExecTarget;

/* 0 or -errno, as execve would give. flags: AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW. */
long exec_resolve(LuThread *t, int dirfd, const char *path, int flags, ExecTarget *ret);

#endif
