/*
 * The tools beside the emulator, which are programs of the host: what needs a network, archives, a C library.
 *
 * Called before any guest is loaded: the calling thread becomes the tool, or ends the process with status 1
 * and one line.
 */
#ifndef LINUX_USER_TOOL_H
#define LINUX_USER_TOOL_H

/* name: of the file in the emulator's own directory; called with `first` and the n words of `rest`. */
_Noreturn void lu_tool_exec(const char *name, const char *first, char **rest, int n, char **envp);

#endif
