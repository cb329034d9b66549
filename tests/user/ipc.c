/* System V and POSIX IPC, shared memory between processes, futexes. */
#include "user.h"

#include <linux/futex.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>

union semun {
    int val;
    struct semid_ds *buf;
    unsigned short *array;
    struct seminfo *info;
};

static void semaphores(void)
{
    int id = semget(IPC_PRIVATE, 3, IPC_CREAT | 0640);
    struct semid_ds ds;
    unsigned short v[3] = {1, 2, 3};
    SHOW_BOOL(id >= 0);
    SHOW(semctl(id, 0, SETALL, (union semun){.array = v}));
    SHOW(semctl(id, 1, GETVAL));
    SHOW(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}));
    printf("nsems %lu mode %o otime %ld uid %d\n", (long)ds.sem_nsems, ds.sem_perm.mode, (long)ds.sem_otime,
           ds.sem_perm.uid == getuid());
    SHOW_BOOL(ds.sem_ctime > 1600000000);
    struct sembuf op[2] = {{0, -1, 0}, {2, 5, 0}};
    SHOW(semop(id, op, 2));
    SHOW(semctl(id, 2, GETVAL));
    op[0].sem_flg = IPC_NOWAIT;
    SHOW(semop(id, op, 1));
    struct timespec ts = {0, 10000000};
    op[0].sem_flg = 0;
    SHOW(semtimedop(id, op, 1, &ts));
    ds.sem_perm.mode = 0600;
    SHOW(semctl(id, 0, IPC_SET, (union semun){.buf = &ds}));
    SHOW(semctl(id, 0, IPC_STAT, (union semun){.buf = &ds}));
    printf("mode %o\n", ds.sem_perm.mode);
    SHOW_BOOL(ds.sem_otime > 1600000000);
    pid_t child = fork();
    if (!child) {
        op[0] = (struct sembuf){0, 1, 0};
        _exit(semop(id, op, 1) ? errno : 0);
    }
    op[0] = (struct sembuf){0, -1, SEM_UNDO};
    SHOW(semop(id, op, 1));
    int st;
    waitpid(child, &st, 0);
    SHOW(st);
    SHOW(semctl(id, 9, GETVAL));
    SHOW(semctl(id, 0, IPC_RMID));
    SHOW(semctl(id, 0, GETVAL));
}

static void messages(void)
{
    struct {
        long type;
        char text[64];
    } m = {3, "hello"};
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    struct msqid_ds ds;
    SHOW(msgsnd(id, &m, 6, 0));
    m.type = 2;
    SHOW(msgsnd(id, &m, 10, 0));
    SHOW(msgctl(id, IPC_STAT, &ds));
    printf("%lu %d\n", (long)ds.msg_qnum, ds.msg_lspid == getpid());
    SHOW(msgrcv(id, &m, 64, 2, 0));
    SHOW(m.type);
    SHOW(msgrcv(id, &m, 2, 0, 0));
    SHOW(msgrcv(id, &m, 2, 0, MSG_NOERROR));
    SHOW(msgrcv(id, &m, 64, 0, IPC_NOWAIT));
    SHOW(msgctl(id, IPC_RMID, NULL));
}

static void shared(void)
{
    int id = shmget(IPC_PRIVATE, 10000, IPC_CREAT | 0600), st;
    struct shmid_ds ds;
    SHOW_BOOL(id >= 0);
    int *p = shmat(id, NULL, 0);
    if (p == (void *)-1) {
        show("shmat", -1);
        return;
    }
    SHOW(p[0]);
    SHOW(shmctl(id, IPC_STAT, &ds));
    printf("size %lu attached %lu\n", (long)ds.shm_segsz, (long)ds.shm_nattch);
    pid_t child = fork();
    if (!child) {
        p[1] = 42;
        _exit(0);
    }
    waitpid(child, &st, 0);
    SHOW(p[1]);
    int *q = shmat(id, NULL, SHM_RDONLY);
    SHOW_BOOL(q != p);
    SHOW(q[1]);
    SHOW(shmdt(q));
    SHOW(shmdt(q));
    SHOW(shmctl(id, IPC_RMID, NULL));
    SHOW(shmdt(p));
    SHOW((long)shmat(id, NULL, 0));
}

static void queues(void)
{
    char name[64], buf[128];
    unsigned prio;
    sprintf(name, "/tinamou-%d", getpid());
    struct mq_attr at = {.mq_maxmsg = 2, .mq_msgsize = 100};
    mqd_t q = mq_open(name, O_CREAT | O_RDWR | O_NONBLOCK, 0600, &at);
    SHOW_BOOL(q != -1);
    SHOW(mq_send(q, "low", 3, 1));
    SHOW(mq_send(q, "high", 4, 9));
    SHOW(mq_send(q, "x", 1, 1));
    SHOW(mq_receive(q, buf, sizeof(buf), &prio));
    SHOW(prio);
    SHOW(mq_getattr(q, &at));
    printf("%ld %ld %ld %ld\n", at.mq_maxmsg, at.mq_msgsize, at.mq_curmsgs, at.mq_flags & O_NONBLOCK);
    SHOW(mq_receive(q, buf, 5, NULL));
    SHOW(mq_unlink(name));
    SHOW(mq_unlink(name));
    mq_close(q);
}

static long futex(uint32_t *w, int op, uint32_t v, const struct timespec *ts, uint32_t *w2, uint32_t v3)
{
    return syscall(SYS_futex, w, op, v, ts, w2, v3);
}

static void futexes(void)
{
    uint32_t *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct timespec ts = {0, 5000000};
    int st;
    SHOW(futex(w, FUTEX_WAIT, 1, NULL, NULL, 0));
    SHOW(futex(w, FUTEX_WAIT, 0, &ts, NULL, 0));
    SHOW(futex(w, FUTEX_WAKE, 1, NULL, NULL, 0));
    SHOW(futex((void *)((char *)w + 1), FUTEX_WAIT, 0, NULL, NULL, 0));
    SHOW(futex(w, 77, 0, NULL, NULL, 0));
    SHOW(futex(w, FUTEX_WAIT_BITSET, 0, NULL, NULL, 0));
    SHOW(futex(w, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
    SHOW_BOOL(*w == (uint32_t)getpid());
    SHOW(futex(w, FUTEX_TRYLOCK_PI, 0, NULL, NULL, 0));
    SHOW(futex(w, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
    *w = 0;
    pid_t child = fork();
    if (!child) {
        while (futex(w, FUTEX_WAKE, 1, NULL, NULL, 0) == 0)
            usleep(1000);
        _exit(0);
    }
    SHOW(futex(w, FUTEX_WAIT, 0, NULL, NULL, 0));
    waitpid(child, &st, 0);
    SHOW(st);
    child = fork();
    if (!child) {
        w[4] = 0;
        while (futex(w, FUTEX_CMP_REQUEUE, 0, (void *)1, w + 8, 0) == 0)
            usleep(1000);
        while (futex(w + 8, FUTEX_WAKE_BITSET, 1, NULL, NULL, 4) == 0)
            usleep(1000);
        _exit(0);
    }
    SHOW(futex(w, FUTEX_WAIT_BITSET, 0, NULL, NULL, 4));
    waitpid(child, &st, 0);
    SHOW(st);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    semaphores();
    messages();
    shared();
    queues();
    futexes();
    return 0;
}
