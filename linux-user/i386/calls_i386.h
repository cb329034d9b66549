/* The table of calls_i386.def, for LuAbi.calls32 (abi32/lu32.h). Constant. */
#ifndef LINUX_USER_I386_CALLS_I386_H
#define LINUX_USER_I386_CALLS_I386_H

struct Lu32Table;
extern const struct Lu32Table lu_i386_calls;

#endif
