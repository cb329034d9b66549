/* System V IPC of 32-bit guests. Sources: msgop(2), msgctl(2), semctl(2), shmctl(2); asm-generic/msgbuf.h and
 * its like, and linux/msg.h and its like for the structures of Linux 2.2: commands without IPC_64 have those,
 * though all C libraries give it. */
#include "linux-user/abi32/lu32.h"
#include "linux-user/mm.h"

#include <asm/msgbuf.h>
#include <asm/sembuf.h>
#include <asm/shmbuf.h>
#include <linux/ipc.h>

/* linux/msg.h, sem.h and shm.h. */
enum {
    IPC_64_FLAG = 0x100,
    MSG_STAT_ = 11,
    MSG_STAT_ANY_ = 13,
    SEM_STAT_ = 18,
    SEM_STAT_ANY_ = 20,
    SHM_STAT_ = 13,
    SHM_INFO_ = 14,
    SHM_STAT_ANY_ = 15
};

enum { TYPE32 = 4, SMALL = 64 << 10, LARGEST = 16 << 20 };

/* Room for a message with the host's long in front; *ret_mapped: bytes to give back. */
static char *message_room(LuThread *t, uint64_t size, size_t *ret_mapped)
{
    *ret_mapped = 0;
    if (size <= SMALL)
        return arena_alloc(&t->scratch, size + 8, 8);
    if (size > LARGEST)
        return NULL;
    *ret_mapped = size + 8;
    return lu_mm_arena_alloc(t->proc->mm, size + 8);
}

static void message_free(LuThread *t, char *m, size_t mapped)
{
    if (mapped)
        lu_mm_arena_free(t->proc->mm, m, mapped);
}

long lu32_msgsnd(LuThread *t, const uint64_t a[6])
{
    uint64_t size = (uint32_t)a[2];
    size_t mapped;
    FaultVal type = fault_ld32(a[1]);
    if (type.fault)
        return -EFAULT;
    char *m = message_room(t, size, &mapped);
    if (!m)
        return size > LARGEST ? -EINVAL : -ENOMEM; /* more than any limit of a queue */
    int64_t wide = (int32_t)type.val;
    memcpy(m, &wide, 8);
    long r = -EFAULT;
    if (guest_read(m + 8, a[1] + TYPE32, size))
        r = lu_blocking(t, SYS_msgsnd, (long)a[0], (long)m, (long)size, (long)a[3], 0, 0);
    message_free(t, m, mapped);
    return r;
}

long lu32_msgrcv(LuThread *t, const uint64_t a[6])
{
    uint64_t size = (uint32_t)a[2];
    size_t mapped;
    if ((int32_t)size < 0)
        return -EINVAL;
    size = MIN(size, (uint64_t)LARGEST);
    char *m = message_room(t, size, &mapped);
    if (!m)
        return -ENOMEM;
    long r = lu_blocking(t, SYS_msgrcv, (long)a[0], (long)m, (long)size, (int32_t)a[3], (long)a[4], 0);
    if (r >= 0 && (!guest_write(a[1], m, TYPE32) || !guest_write(a[1] + TYPE32, m + 8, (size_t)r)))
        r = -EFAULT;
    message_free(t, m, mapped);
    return r;
}

/* ---- control ---- */

/* A command that fills a structure of the host's at `host`, which the guest gets; one that is given a
 * structure. */
static long stat_call(long nr, uint64_t id, long cmd, Lu32Struct s, void *host, Gva to)
{
    long r = nr == SYS_semctl ? sys_call4(nr, id, 0, cmd, host) : sys_call3(nr, id, cmd, host);
    long err = sys_is_err(r) ? 0 : lu32_write(s, to, host);
    return err ? err : r;
}

static long set_call(long nr, uint64_t id, Lu32Struct s, void *host, Gva from)
{
    if (lu32_read(s, host, from))
        return -EFAULT;
    return nr == SYS_semctl ? sys_call4(nr, id, 0, IPC_SET, host) : sys_call3(nr, id, IPC_SET, host);
}

long lu32_msgctl(LuThread *t, const uint64_t a[6])
{
    struct msqid64_ds ds;
    int cmd = (int)a[1] & ~IPC_64_FLAG;
    Lu32Struct s = a[1] & IPC_64_FLAG ? LU32_msqid64 : LU32_msqid_old;
    switch (cmd) {
    case IPC_STAT:
    case MSG_STAT_:
    case MSG_STAT_ANY_: return stat_call(SYS_msgctl, a[0], cmd, s, &ds, a[2]);
    case IPC_SET: return set_call(SYS_msgctl, a[0], s, &ds, a[2]);
    default: return sys_call3(SYS_msgctl, a[0], cmd, a[2]); /* struct msginfo is ints */
    }
}

long lu32_semctl(LuThread *t, const uint64_t a[6])
{
    struct semid64_ds ds;
    int cmd = (int)a[2] & ~IPC_64_FLAG;
    Lu32Struct s = a[2] & IPC_64_FLAG ? LU32_semid64 : LU32_semid_old;
    switch (cmd) {
    case IPC_STAT:
    case SEM_STAT_:
    case SEM_STAT_ANY_: return stat_call(SYS_semctl, a[0], cmd, s, &ds, a[3]);
    case IPC_SET: return set_call(SYS_semctl, a[0], s, &ds, a[3]);
    default:
        return sys_call4(SYS_semctl, a[0], a[1], cmd, a[3]); /* a value, shorts, struct seminfo of
                                                              * ints */
    }
}

long lu32_shmctl(LuThread *t, const uint64_t a[6])
{
    union {
        struct shmid64_ds ds;
        struct shminfo64 limits;
        char info[64]; /* struct shm_info */
    } u;
    int cmd = (int)a[1] & ~IPC_64_FLAG;
    bool new = a[1] & IPC_64_FLAG;
    Lu32Struct s = new ? LU32_shmid64 : LU32_shmid_old;
    switch (cmd) {
    case IPC_STAT:
    case SHM_STAT_:
    case SHM_STAT_ANY_: return stat_call(SYS_shmctl, a[0], cmd, s, &u, a[2]);
    case IPC_SET: return set_call(SYS_shmctl, a[0], s, &u, a[2]);
    case IPC_INFO: return stat_call(SYS_shmctl, a[0], cmd, new ? LU32_shminfo64 : LU32_shminfo_old, &u, a[2]);
    case SHM_INFO_: return stat_call(SYS_shmctl, a[0], cmd, LU32_shm_info, &u, a[2]);
    default: return sys_call3(SYS_shmctl, a[0], cmd, a[2]);
    }
}
