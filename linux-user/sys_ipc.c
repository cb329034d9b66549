/* semctl(2). struct semid64_ds has padding after its times on x86-64 that asm-generic/sembuf.h has not;
 * msgctl and shmctl agree. */
#include "linux-user/sys_util.h"

#include <linux/ipc.h>
#include <linux/sem.h>

typedef struct GenericSemid {
    struct ipc64_perm perm;
    int64_t otime, ctime;
    uint64_t nsems, unused[2];
} GenericSemid;

_Static_assert(sizeof(GenericSemid) == 88, "asm-generic/sembuf.h");

static long sem_stat(const uint64_t a[6])
{
    struct semid64_ds ds;
    long r = sys_call4(SYS_semctl, a[0], a[1], a[2], &ds);
    if (sys_is_err(r))
        return r;
    GenericSemid g = {.perm = ds.sem_perm, .otime = ds.sem_otime, .ctime = ds.sem_ctime,
                      .nsems = ds.sem_nsems};
    return guest_write(a[3], &g, sizeof(g)) ? r : -EFAULT;
}

static long sem_set(const uint64_t a[6])
{
    GenericSemid g;
    if (!guest_read(&g, a[3], sizeof(g)))
        return -EFAULT;
    struct semid64_ds ds = {.sem_perm = g.perm, .sem_otime = g.otime, .sem_ctime = g.ctime,
                            .sem_nsems = g.nsems};
    return sys_call4(SYS_semctl, a[0], a[1], a[2], &ds);
}

long lu_sys_semctl(LuThread *t, const uint64_t a[6])
{
    if (t->proc->abi->x86_structs)
        return sys_call4(SYS_semctl, a[0], a[1], a[2], a[3]);
    switch ((int)a[2]) {
    case IPC_STAT:
    case SEM_STAT:
    case SEM_STAT_ANY: return sem_stat(a);
    case IPC_SET: return sem_set(a);
    default: return sys_call4(SYS_semctl, a[0], a[1], a[2], a[3]);
    }
}
