/* A machine comes in. */
#include "system/migrate/migrate_priv.h"
#include "system/migrate/migrate_uri.h"
#include "system/migrate/quiet.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static bool source_read(void *opaque, void *to, size_t bytes, GError **err)
{
    Migration *m = opaque;
    while (bytes) {
        if (!migration_wait_fd(m, POLLIN, err))
            return false;
        ssize_t n = read(m->fd, to, bytes);
        if (n == 0)
            return sys_fail(err, "the saved machine is cut off");
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return sys_fail_errno(err, errno, "migration");
        if (n > 0) {
            to = (char *)to + n;
            bytes -= (size_t)n;
            m->received += (uint64_t)n;
        }
    }
    return true;
}

/* Devices belong to the main thread. */
static bool put_state(Migration *m, GError **err)
{
    DevError why = {""};
    Quiet q;
    if (!quiet_begin(m->vm, RUN_INMIGRATE, &q, err))
        return false;
    bool ok = machine_state_load(m->vm->machine, m->arrived, &why) || sys_fail(err, "%s", why.text);
    quiet_end(m->vm, &q, false);
    return ok;
}

static bool hand_over_state(void *opaque, const char *text, GError **err)
{
    Migration *m = opaque;
    m->arrived = text;
    return migration_in_main(m, put_state, err);
}

static bool end_well(Migration *m, GError **err)
{
    migration_close(m);
    m->vm->state = RUN_PAUSED;
    migration_ended(m, true, NULL);
    if (m->run_after)
        vm_cont(m->vm);
    return true;
}

/* There is no machine then. */
static bool end_badly(Migration *m, GError **err)
{
    migration_close(m);
    fprintf(stderr, "tinamou-system: incoming machine: %s\n", (*err)->message);
    migration_ended(m, false, *err);
    vm_quit(m->vm, CAUSE_HOST_QUIT, 1);
    return true;
}

static void *receive_thread(void *opaque)
{
    Migration *m = opaque;
    g_autoptr(GError) why = NULL;
    bool ok = vm_load(m->vm->machine, (VmSource){source_read, m}, (VmPutState){hand_over_state, m}, &why);
    migration_in_main(m, ok ? end_well : end_badly, &why);
    return NULL;
}

static void receive(Migration *m)
{
    fcntl(m->fd, F_SETFL, fcntl(m->fd, F_GETFL) | O_NONBLOCK);
    m->status = MIGRATE_ACTIVE;
    m->thread = g_thread_new("migration", receive_thread, m);
}

static gboolean on_connection(gint fd, GIOCondition how, gpointer opaque)
{
    Migration *m = opaque;
    int connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
    if (connection < 0)
        return G_SOURCE_CONTINUE;
    m->listener = 0;
    migration_close(m);
    m->fd = connection;
    receive(m);
    return G_SOURCE_REMOVE;
}

bool migrate_in(Vm *vm, const char *uri, GError **err)
{
    Migration *m = vm->migration;
    bool listens;
    if (vm->state != RUN_INMIGRATE)
        return sys_fail(err, "migration: this program was not started with -incoming defer");
    if (!quiet_is_possible(vm, err) || !migration_start(m, true, err))
        return false;
    m->fd = migrate_open_in(uri, &listens, err);
    if (m->fd < 0) {
        m->status = MIGRATE_NONE;
        return false;
    }
    if (listens)
        m->listener = g_unix_fd_add(m->fd, G_IO_IN, on_connection, m);
    else
        receive(m);
    return true;
}
