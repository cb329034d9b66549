/* uname(2): the machine is the guest's, the release may be chosen (-r). perf_event_open(2). */
#include "base/fmt.h"
#include "linux-user/options.h"
#include "linux-user/sys_util.h"

#include <linux/perf_event.h>
#include <sys/utsname.h>

long lu_sys_uname(LuThread *t, const uint64_t a[6])
{
    struct utsname u;
    long r = sys_call1(SYS_uname, &u);
    if (r)
        return r;
    const LuAbi *abi = t->proc->abi;
    bool compat = !strcmp(u.machine, "i686") && abi->uname_compat[0]; /* the host says it by its own name */
    const char *own = t->proc->machine[0] ? t->proc->machine : abi->uname_machine;
    Fmt machine = FMT_ON(u.machine);
    memset(u.machine, 0, sizeof(u.machine));
    fmt_puts(&machine, compat ? abi->uname_compat : own);
    if (t->proc->opt && t->proc->opt->uname_release) {
        Fmt release = FMT_ON(u.release);
        memset(u.release, 0, sizeof(u.release));
        fmt_puts(&release, t->proc->opt->uname_release);
    }
    return guest_write(a[0], &u, sizeof(u)) ? 0 : -EFAULT;
}

/* What the kernel counts by itself (time, page faults, switches of context) is the guest's as much as the
 * emulator's. Samples would show the emulator's code. */
long lu_sys_perf_event_open(LuThread *t, const uint64_t a[6])
{
    enum { LONGEST = 4096 };
    struct perf_event_attr *attr = arena_alloc(&t->scratch, LONGEST, 8);
    if (!attr)
        return -ENOMEM;
    memset(attr, 0, LONGEST);
    FaultVal size = fault_ld32(a[0] + offsetof(struct perf_event_attr, size));
    if (size.fault)
        return -EFAULT;
    uint64_t n = size.val ? size.val : PERF_ATTR_SIZE_VER0;
    bool possible = n >= PERF_ATTR_SIZE_VER0 && n <= LONGEST;
    if (!guest_read(attr, a[0], possible ? n : PERF_ATTR_SIZE_VER0))
        return -EFAULT;
    if (possible && attr->type != PERF_TYPE_SOFTWARE)
        return -ENOENT;
    if (possible && attr->sample_period)
        return -EOPNOTSUPP;
    long r = sys_call5(SYS_perf_event_open, attr, a[1], a[2], a[3], a[4]);
    if (r == -E2BIG) /* the kernel says what size it knows */
        fault_st32(a[0] + offsetof(struct perf_event_attr, size), attr->size);
    return r;
}
