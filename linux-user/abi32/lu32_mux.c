/* socketcall and ipc: calls of which the first argument says which call is meant. Sources: socketcall(2),
 * ipc(2); linux/net.h, linux/ipc.h. */
#include "linux-user/abi32/lu32.h"

/* In the order of SYS_SOCKET.. of linux/net.h, from 1 on. */
static const Lu32Call socket_calls[] = {
    {"socket", LU_ROW_socket, 0, "012", ""},
    {"bind", LU_ROW_bind, 0, "012", ""},
    {"connect", LU_ROW_connect, 0, "012", ""},
    {"listen", LU_ROW_listen, 0, "01", ""},
    {"accept", LU_ROW_accept, 0, "012", ""},
    {"getsockname", LU_ROW_getsockname, 0, "012", ""},
    {"getpeername", LU_ROW_getpeername, 0, "012", ""},
    {"socketpair", LU_ROW_socketpair, 0, "0123", ""},
    {"send", LU_ROW_sendto, 0, "0123zz", ""},
    {"recv", LU_ROW_recvfrom, 0, "0123zz", ""},
    {"sendto", LU_ROW_sendto, 0, "012345", ""},
    {"recvfrom", LU_ROW_recvfrom, 0, "012345", ""},
    {"shutdown", LU_ROW_shutdown, 0, "01", ""},
    {"setsockopt", LU_ROW_setsockopt, LU32_H_setsockopt, "01234", ""},
    {"getsockopt", LU_ROW_getsockopt, LU32_H_getsockopt, "01234", ""},
    {"sendmsg", LU_ROW_sendmsg, LU32_H_sendmsg, "012", ""},
    {"recvmsg", LU_ROW_recvmsg, LU32_H_recvmsg, "012", ""},
    {"accept4", LU_ROW_accept4, 0, "0123", ""},
    {"recvmmsg", LU_ROW_recvmmsg, LU32_H_recvmmsg, "01234", ""},
    {"sendmmsg", LU_ROW_sendmmsg, LU32_H_sendmmsg, "0123", ""},
};

static unsigned count_args(const Lu32Call *c)
{
    unsigned n = 0;
    for (const char *p = c->args; *p; p++)
        n = *p >= '0' && *p <= '5' ? MAX(n, (unsigned)(*p - '0') + 1) : n;
    return n;
}

long lu32_socketcall(LuThread *t, const uint64_t a[6])
{
    uint32_t which = (uint32_t)a[0];
    uint64_t v[6] = {0};
    if (which < 1 || which > ARRAY_SIZE(socket_calls))
        return -EINVAL;
    const Lu32Call *c = &socket_calls[which - 1];
    unsigned n = count_args(c);
    for (unsigned i = 0; i < n; i++) {
        FaultVal w = fault_ld32(a[1] + 4 * i);
        if (w.fault)
            return -EFAULT;
        v[i] = w.val;
    }
    return lu32_forward(t, c, v);
}

/* ---- ipc(call, first, second, third, pointer, fifth); letters: their places ---- */

enum {
    SEMOP = 1,
    SEMGET,
    SEMCTL,
    SEMTIMEDOP,
    MSGSND = 11,
    MSGRCV,
    MSGGET,
    MSGCTL,
    SHMAT = 21,
    SHMDT,
    SHMGET,
    SHMCTL
};

static const Lu32Call ipc_calls[] = {
    [SEMOP] = {"semop", LU_ROW_semop, 0, "142", ""},
    [SEMGET] = {"semget", LU_ROW_semget, 0, "123", ""},
    [SEMCTL] = {"semctl", LU_ROW_semctl, LU32_H_semctl, "1234", ""},
    [SEMTIMEDOP] = {"semtimedop", LU_ROW_semtimedop, 0, "1425", "...t"},
    [MSGSND] = {"msgsnd", LU_ROW_msgsnd, LU32_H_msgsnd, "1423", ""},
    [MSGRCV] = {"msgrcv", LU_ROW_msgrcv, LU32_H_msgrcv, "14253", ""},
    [MSGGET] = {"msgget", LU_ROW_msgget, 0, "12", ""},
    [MSGCTL] = {"msgctl", LU_ROW_msgctl, LU32_H_msgctl, "124", ""},
    [SHMAT] = {"shmat", LU_ROW_shmat, 0, "142", ""},
    [SHMDT] = {"shmdt", LU_ROW_shmdt, 0, "4", ""},
    [SHMGET] = {"shmget", LU_ROW_shmget, 0, "123", ""},
    [SHMCTL] = {"shmctl", LU_ROW_shmctl, LU32_H_shmctl, "124", ""},
};

/* Before version 1 of msgrcv the pointer led to the message's address and its type. */
static bool old_msgrcv(uint64_t v[6])
{
    FaultVal message = fault_ld32(v[4]), type = fault_ld32(v[4] + 4);
    v[4] = message.val;
    v[5] = type.val;
    return !message.fault && !type.fault;
}

long lu32_ipc(LuThread *t, const uint64_t a[6])
{
    unsigned which = a[0] & 0xffff, version = (uint32_t)a[0] >> 16;
    uint64_t v[6];
    memcpy(v, a, sizeof v);
    if (which >= ARRAY_SIZE(ipc_calls) || !ipc_calls[which].name[0])
        return -ENOSYS;
    if (which == SEMCTL) {
        FaultVal arg = fault_ld32(v[4]);
        if (!v[4])
            return -EINVAL;
        if (arg.fault)
            return -EFAULT;
        v[4] = arg.val;
    }
    if (which == MSGRCV && !version && !v[4])
        return -EINVAL;
    if (which == MSGRCV && !version && !old_msgrcv(v))
        return -EFAULT;
    if (which == SHMAT && version == 1)
        return -EINVAL;
    long r = lu32_forward(t, &ipc_calls[which], v);
    if (which != SHMAT || sys_is_err(r))
        return r;
    return fault_st32((uint32_t)v[3], (uint64_t)r) ? -EFAULT : 0;
}
