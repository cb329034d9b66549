/* Options of other emulators' commands that are not there, each with what does the same here. */
#ifndef SYSTEM_SYS_REFUSED_H
#define SYSTEM_SYS_REFUSED_H

/* What to use instead of -NAME, or why there is nothing; NULL: no such option is known. Threads: any. */
const char *sys_refused(const char *name);

#endif
