/* lu_sys_NAME() for every OWN row of syscalls.def: a row without its function does not link. */
#ifndef LINUX_USER_SYS_HANDLERS_H
#define LINUX_USER_SYS_HANDLERS_H

#include "linux-user/syscall.h"

#define PASS(name, kinds, ret, note)
#define WAIT(name, kinds, ret, note)
#define OWN(name, kinds, ret, note) long lu_sys_##name(LuThread *t, const uint64_t a[6]);
#define NONE(name, kinds, err, note)
#include "linux-user/syscalls.def"
#undef PASS
#undef WAIT
#undef OWN
#undef NONE

#endif
