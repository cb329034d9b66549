/* uname(2): the machine is the guest's, the release may be chosen (-r). */
#include "base/fmt.h"
#include "linux-user/options.h"
#include "linux-user/sys_util.h"

#include <sys/utsname.h>

long lu_sys_uname(LuThread *t, const uint64_t a[6])
{
    struct utsname u;
    long r = sys_call1(SYS_uname, &u);
    if (r)
        return r;
    Fmt machine = FMT_ON(u.machine);
    memset(u.machine, 0, sizeof(u.machine));
    fmt_puts(&machine, t->proc->machine[0] ? t->proc->machine : t->proc->abi->uname_machine);
    if (t->proc->opt && t->proc->opt->uname_release) {
        Fmt release = FMT_ON(u.release);
        memset(u.release, 0, sizeof(u.release));
        fmt_puts(&release, t->proc->opt->uname_release);
    }
    return guest_write(a[0], &u, sizeof(u)) ? 0 : -EFAULT;
}
