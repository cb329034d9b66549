/*
 * tinamou --binfmt: entries of binfmt_misc, by which the kernel itself starts the guests' programs.
 *
 * Works before any guest is loaded, on the calling thread, and ends the process: 0 done (status: all that was
 * asked for is registered and fit for use), 1 otherwise, with one line that says why.
 * Sources: Documentation/admin-guide/binfmt-misc.rst, binfmt.d(5), user_namespaces(7).
 */
#ifndef LINUX_USER_BINFMT_H
#define LINUX_USER_BINFMT_H

#include <stdbool.h>

/* How an entry started this program. Flag O or C: it opened the guest's file for us, which we perhaps may
 * not; flag P: the caller's argv[0] stands behind the path. By either it is known that nobody gave us
 * options: the first word is the path, whatever it looks like. With flag C the rights may be more than those
 * of who chose the words. */
typedef struct LuBinfmtStart {
    bool is, argv0;
    int fd; /* -1: none */
} LuBinfmtStart;
/* envp: main()'s, with the kernel's words behind it. */
LuBinfmtStart lu_binfmt_start(char **envp);

/* verb: install, remove, status, print; words: what follows it, n of them; envp: of a command to start. */
_Noreturn void lu_binfmt(const char *verb, char **words, int n, char **envp);

#endif
