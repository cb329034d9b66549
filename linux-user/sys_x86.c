/* The calls of x86 alone, and dup2. Source: arch_prctl(2), dup(2). */
#include "linux-user/sys_util.h"
#include "linux-user/sys_handlers.h"

#include <fcntl.h>

long lu_sys_arch_prctl(LuThread *t, const uint64_t a[6])
{
    return t->abi->arch_prctl ? t->abi->arch_prctl(t, a) : -ENOSYS;
}

#define OWN_CALL(name)                                                                                       \
    long lu_sys_##name(LuThread *t, const uint64_t a[6])                                                     \
    {                                                                                                        \
        return t->abi->own_call ? t->abi->own_call(t, LU_ROW_##name, a) : -ENOSYS;               \
    }
OWN_CALL(modify_ldt)
OWN_CALL(set_thread_area)
OWN_CALL(get_thread_area)
OWN_CALL(socketcall)
OWN_CALL(ipc)

/* dup3 refuses equal descriptors, dup2 only looks whether there is one. */
long lu_sys_dup2(LuThread *t, const uint64_t a[6])
{
    if ((int)a[0] == (int)a[1]) {
        long flags = sys_call3(SYS_fcntl, a[0], F_GETFD, 0);
        return sys_is_err(flags) ? flags : (int)a[0];
    }
    return lu_sys_dup3(t, (const uint64_t[6]){a[0], a[1], 0});
}
