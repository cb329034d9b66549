/* What the filter of -sandbox refuses and lets pass, each in a process of its own. */
#include "system/sandbox.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL(...) ((syscall(__VA_ARGS__) < 0) ? errno : 0)

static int do_ptrace(void) { return CALL(SYS_ptrace, 0, 0, 0, 0); } /* PTRACE_TRACEME: allowed outside */
static int do_unshare(void) { return CALL(SYS_unshare, 0); }
static int do_personality(void) { return CALL(SYS_personality, 0xffffffff); }
static int do_uring(void) { return CALL(SYS_io_uring_enter, -1, 0, 0, 0, 0, 0); } /* EBADF outside */
static int do_setuid(void) { return CALL(SYS_setuid, getuid()); }
static int do_priority(void) { return CALL(SYS_setpriority, 0, 0, 0); }
static int do_getpid(void) { return CALL(SYS_getpid); }
static int do_packet(void) { return CALL(SYS_socket, AF_PACKET, SOCK_STREAM, 0); }
static int do_unix(void) { return CALL(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }
static int do_clone3(void) { return CALL(SYS_clone3, NULL, 0); } /* EINVAL outside */
static int do_obsolete(void) { return CALL(SYS_remap_file_pages, 1, 0, 0, 0, 0); } /* EINVAL outside */

static int do_fork(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child < 0 ? errno : 0;
}

static void *nothing(void *arg) { return arg; }

static int do_thread(void)
{
    pthread_t t;
    int error = pthread_create(&t, NULL, nothing, NULL);
    return error ? error : pthread_join(t, NULL);
}

static int do_exec(void)
{
    pid_t child = vfork();
    if (child == 0) {
        execl("/bin/true", "true", NULL);
        _exit(errno);
    }
    int status;
    return child < 0 ? errno : waitpid(child, &status, 0) == child ? WEXITSTATUS(status) : -1;
}

/* A thread that was there before. */
static volatile int go;
static void *late(void *ret)
{
    while (!__atomic_load_n(&go, __ATOMIC_ACQUIRE))
        sched_yield();
    *(int *)ret = do_ptrace();
    return NULL;
}

static const struct {
    const char *options, *name;
    int (*fn)(void);
    int wanted;
} rows[] = {
    {"off", "ptrace", do_ptrace, 0},
    {"on", "ptrace", do_ptrace, EPERM},
    {"on", "unshare", do_unshare, EPERM},
    {"off", "personality", do_personality, 0},
    {"on", "personality", do_personality, EPERM},
    {"on", "io_uring", do_uring, EPERM},
    {"on", "getpid", do_getpid, 0},
    {"on", "setuid", do_setuid, 0},
    {"on,elevateprivileges=deny", "setuid", do_setuid, EPERM},
    {"on,elevateprivileges=children", "setuid", do_setuid, 0},
    {"on", "setpriority", do_priority, 0},
    {"on,resourcecontrol=deny", "setpriority", do_priority, EPERM},
    {"on", "obsolete", do_obsolete, EPERM},
    {"on,obsolete=allow", "obsolete", do_obsolete, EINVAL},
    {"on", "packet", do_packet, EAFNOSUPPORT},
    {"on", "unix", do_unix, 0},
    {"on", "fork", do_fork, 0},
    {"enable=on,spawn=deny", "fork", do_fork, EPERM},
    {"on,spawn=deny", "clone3", do_clone3, ENOSYS},
    {"on,spawn=deny", "thread", do_thread, 0},
    {"on", "exec", do_exec, 0},
    {"on,spawn=deny", "exec", do_exec, EPERM},
};

static int run_row(unsigned k)
{
    g_autoptr(GError) err = NULL;
    Sandbox s;
    if (!sandbox_parse(rows[k].options, &s, &err) || !sandbox_enter(&s, &err)) {
        printf("%s: %s\n", rows[k].options, err->message);
        return 1;
    }
    int got = rows[k].fn();
    if (got != rows[k].wanted)
        printf("-sandbox %s: %s: %s instead of %s\n", rows[k].options, rows[k].name, strerror(got),
               strerror(rows[k].wanted));
    fflush(stdout);
    return got != rows[k].wanted;
}

static int threads_too(void)
{
    int got = -1;
    pthread_t t;
    Sandbox s;
    pthread_create(&t, NULL, late, &got);
    int failed = !sandbox_parse("on", &s, NULL) || !sandbox_enter(&s, NULL);
    __atomic_store_n(&go, 1, __ATOMIC_RELEASE);
    pthread_join(t, NULL);
    return failed || got != EPERM;
}

static int refused(void)
{
    static const char *const wrong[] = {"perhaps", "on,spawn=maybe", "on,frob=deny", "on,spawn=children"};
    Sandbox s;
    int bad = 0;
    for (unsigned k = 0; k < G_N_ELEMENTS(wrong); k++) {
        g_autoptr(GError) err = NULL;
        bad += sandbox_parse(wrong[k], &s, &err) || !err;
    }
    return bad;
}

static int in_child(int (*fn)(void), unsigned k)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0)
        _exit(fn ? fn() : run_row(k));
    return waitpid(child, &status, 0) != child || status != 0;
}

int main(void)
{
    int bad = in_child(threads_too, 0) + in_child(refused, 0);
    if (bad)
        printf("threads or wrong options\n");
    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++)
        bad += in_child(NULL, k);
    return bad != 0;
}
