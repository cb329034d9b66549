/*
 * bpf(2): maps, and programs that see packets, sockets and cgroups, which are the same everywhere, also their
 * structures for 32-bit guests. Programs that look at the kernel's functions or registers would see the
 * host's: they are refused as the kernel refuses the unprivileged. Sources: bpf(2), linux/bpf.h.
 */
#include "linux-user/sys_util.h"

#include <fcntl.h>
#include <linux/bpf.h>

enum { LONGEST = 4096 };

/* By command: TAKEN, and which words of the structure are addresses. */
enum { TAKEN = 1 << 30 };
#define ADDR(member) (1 << offsetof(union bpf_attr, member) / 8)
static const int32_t commands[] = {
    [BPF_MAP_CREATE] = TAKEN,
    [BPF_MAP_LOOKUP_ELEM] = TAKEN | ADDR(key) | ADDR(value),
    [BPF_MAP_UPDATE_ELEM] = TAKEN | ADDR(key) | ADDR(value),
    [BPF_MAP_DELETE_ELEM] = TAKEN | ADDR(key),
    [BPF_MAP_GET_NEXT_KEY] = TAKEN | ADDR(key) | ADDR(next_key),
    [BPF_PROG_LOAD] = TAKEN | ADDR(insns) | ADDR(license) | ADDR(log_buf) | ADDR(func_info) |
                      ADDR(line_info) | ADDR(fd_array) | ADDR(core_relos),
    [BPF_OBJ_PIN] = TAKEN | ADDR(pathname),
    [BPF_OBJ_GET] = TAKEN | ADDR(pathname),
    [BPF_PROG_ATTACH] = TAKEN,
    [BPF_PROG_DETACH] = TAKEN,
    [BPF_PROG_TEST_RUN] =
        TAKEN | ADDR(test.data_in) | ADDR(test.data_out) | ADDR(test.ctx_in) | ADDR(test.ctx_out),
    [BPF_PROG_GET_NEXT_ID] = TAKEN,
    [BPF_MAP_GET_NEXT_ID] = TAKEN,
    [BPF_PROG_GET_FD_BY_ID] = TAKEN,
    [BPF_MAP_GET_FD_BY_ID] = TAKEN,
    [BPF_OBJ_GET_INFO_BY_FD] = TAKEN | ADDR(info.info),
    [BPF_PROG_QUERY] = TAKEN | ADDR(query.prog_ids) | ADDR(query.prog_attach_flags),
    [BPF_BTF_LOAD] = TAKEN | ADDR(btf) | ADDR(btf_log_buf),
    [BPF_BTF_GET_FD_BY_ID] = TAKEN,
    [BPF_MAP_LOOKUP_AND_DELETE_ELEM] = TAKEN | ADDR(key) | ADDR(value),
    [BPF_MAP_FREEZE] = TAKEN,
    [BPF_BTF_GET_NEXT_ID] = TAKEN,
    [BPF_MAP_LOOKUP_BATCH] =
        TAKEN | ADDR(batch.in_batch) | ADDR(batch.out_batch) | ADDR(batch.keys) | ADDR(batch.values),
    [BPF_MAP_LOOKUP_AND_DELETE_BATCH] =
        TAKEN | ADDR(batch.in_batch) | ADDR(batch.out_batch) | ADDR(batch.keys) | ADDR(batch.values),
    [BPF_MAP_UPDATE_BATCH] = TAKEN | ADDR(batch.keys) | ADDR(batch.values),
    [BPF_MAP_DELETE_BATCH] = TAKEN | ADDR(batch.keys),
    [BPF_LINK_CREATE] = TAKEN,
    [BPF_LINK_UPDATE] = TAKEN,
    [BPF_LINK_GET_FD_BY_ID] = TAKEN,
    [BPF_LINK_GET_NEXT_ID] = TAKEN,
    [BPF_LINK_DETACH] = TAKEN,
    [BPF_PROG_BIND_MAP] = TAKEN,
};

/* What the program is given is of the network, a socket or a cgroup. */
static bool is_neutral(uint32_t program)
{
    switch (program) {
    case BPF_PROG_TYPE_SOCKET_FILTER:
    case BPF_PROG_TYPE_SCHED_CLS:
    case BPF_PROG_TYPE_SCHED_ACT:
    case BPF_PROG_TYPE_XDP:
    case BPF_PROG_TYPE_CGROUP_SKB:
    case BPF_PROG_TYPE_CGROUP_SOCK:
    case BPF_PROG_TYPE_LWT_IN:
    case BPF_PROG_TYPE_LWT_OUT:
    case BPF_PROG_TYPE_LWT_XMIT:
    case BPF_PROG_TYPE_SOCK_OPS:
    case BPF_PROG_TYPE_SK_SKB:
    case BPF_PROG_TYPE_CGROUP_DEVICE:
    case BPF_PROG_TYPE_SK_MSG:
    case BPF_PROG_TYPE_CGROUP_SOCK_ADDR:
    case BPF_PROG_TYPE_LWT_SEG6LOCAL:
    case BPF_PROG_TYPE_SK_REUSEPORT:
    case BPF_PROG_TYPE_FLOW_DISSECTOR:
    case BPF_PROG_TYPE_CGROUP_SYSCTL:
    case BPF_PROG_TYPE_CGROUP_SOCKOPT:
    case BPF_PROG_TYPE_SK_LOOKUP: return true;
    default: return false;
    }
}

/* The structure with the host's addresses. 0, -errno. */
static long take(LuThread *t, unsigned command, uint64_t *attr)
{
    const char *path;
    if (command == BPF_PROG_LOAD && !is_neutral((uint32_t)attr[0]))
        return -EPERM;
    for (unsigned i = 0; i < 30; i++)
        if (commands[command] >> i & 1)
            attr[i] = su_pointer(t->proc, attr[i]);
    if (command != BPF_OBJ_PIN && command != BPF_OBJ_GET)
        return 0;
    long r = su_path(t, AT_FDCWD, attr[0], true, &path);
    attr[0] = (uintptr_t)path;
    return r;
}

long lu_sys_bpf(LuThread *t, const uint64_t a[6])
{
    unsigned command = (unsigned)a[0], size = (unsigned)a[2];
    if (command >= ARRAY_SIZE(commands) || !commands[command])
        return -EPERM;
    if (size > LONGEST)
        return -E2BIG;
    uint64_t *host = arena_alloc(&t->scratch, LONGEST, 8), *before = arena_alloc(&t->scratch, LONGEST, 8);
    if (!host || !before)
        return -ENOMEM;
    memset(host, 0, LONGEST);
    if (!guest_read(host, a[1], size))
        return -EFAULT;
    long r = take(t, command, host);
    if (r)
        return r;
    memcpy(before, host, LONGEST);
    r = sys_call3(SYS_bpf, command, host, size);
    /* Counts and numbers come back in the structure. */
    for (unsigned i = 0; i < size / 8; i++)
        if (host[i] != before[i] && !guest_write(a[1] + 8 * i, &host[i], 8))
            return -EFAULT;
    return r;
}
