#include "system/sys_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- in the background ---- */

static _Noreturn void wait_for_child(int fd)
{
    char ok = 0;
    ssize_t n;
    do
        n = read(fd, &ok, 1);
    while (n < 0 && errno == EINTR);
    _exit(n == 1 ? 0 : 1); /* the child has said why not */
}

static bool daemonize(SysDaemon *p, GError **err)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0)
        return sys_fail_errno(err, errno, "-daemonize");
    pid_t child = fork();
    if (child < 0)
        return sys_fail_errno(err, errno, "-daemonize");
    if (child > 0) {
        close(fds[1]);
        wait_for_child(fds[0]);
    }
    close(fds[0]);
    p->ready_fd = fds[1];
    setsid();
    child = fork(); /* not the leader of its session: no terminal will be its */
    if (child < 0)
        return sys_fail_errno(err, errno, "-daemonize");
    if (child > 0)
        _exit(0);
    return true;
}

static void tell_parent(SysDaemon *p)
{
    if (p->ready_fd < 0)
        return;
    int null = open("/dev/null", O_RDWR);
    for (int fd = 0; null >= 0 && fd <= 2; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
    if (write(p->ready_fd, "", 1) == 1 && chdir("/") == 0) {
    }
    close(p->ready_fd);
    p->ready_fd = -1;
}

/* ---- files, signals ---- */

static bool write_pidfile(SysDaemon *p, GError **err)
{
    char text[24];
    int n = g_snprintf(text, sizeof(text), "%d\n", (int)getpid());
    int fd = open(p->opt->pidfile, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return sys_fail_errno(err, errno, "-pidfile %s", p->opt->pidfile);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &lock) != 0) { /* of another one that runs; ours stays open, and locked */
        close(fd);
        return sys_fail(err, "-pidfile %s: another process has it", p->opt->pidfile);
    }
    p->pidfile = g_canonicalize_filename(p->opt->pidfile, NULL); /* a daemon's folder changes */
    return (ftruncate(fd, 0) == 0 && write(fd, text, (size_t)n) == n) ||
           sys_fail_errno(err, errno, "-pidfile %s", p->opt->pidfile);
}

static bool open_log(SysDaemon *p, GError **err)
{
    const char *name = p->opt->log_file, *mark = name ? strstr(name, "%d") : NULL;
    if (!name)
        return true;
    g_autofree char *path =
        mark ? g_strdup_printf("%.*s%d%s", (int)(mark - name), name, getpid(), mark + 2) : g_strdup(name);
    p->log_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    return p->log_fd >= 0 || sys_fail_errno(err, errno, "-D %s", path);
}

static gboolean on_signal(void *opaque)
{
    fprintf(stderr, "tinamou-system: terminating on a signal\n");
    vm_quit(opaque, CAUSE_HOST_SIGNAL, 0);
    return G_SOURCE_CONTINUE;
}

bool sys_daemon_open(SysDaemon *p, const SysOptions *o, GError **err)
{
    *p = (SysDaemon){.opt = o, .log_fd = STDERR_FILENO, .ready_fd = -1};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* an error of the write instead */
    if (o->daemonize && o->nographic)
        return sys_fail(err, "-nographic has the terminal, which -daemonize leaves");
    return (!o->daemonize || daemonize(p, err)) && open_log(p, err) && (!o->pidfile || write_pidfile(p, err));
}

bool sys_daemon_ready(SysDaemon *p, Vm *vm, GError **err)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (unsigned k = 0; k < G_N_ELEMENTS(signals); k++)
        p->signals[k] = g_unix_signal_add(signals[k], on_signal, vm);
    tell_parent(p);
    return true;
}

void sys_daemon_close(SysDaemon *p)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(p->signals); k++)
        if (p->signals[k])
            g_source_remove(p->signals[k]);
    if (p->pidfile)
        unlink(p->pidfile);
    g_clear_pointer(&p->pidfile, g_free);
    if (p->log_fd > STDERR_FILENO)
        close(p->log_fd);
}
