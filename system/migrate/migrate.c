#include "system/migrate/migrate.h"

#include "system/migrate/migrate_priv.h"
#include "system/migrate/snapshots.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

const char *const migrate_status_names[MIGRATE_STATUSES] = {
    [MIGRATE_NONE] = "none",           [MIGRATE_SETUP] = "setup",         [MIGRATE_ACTIVE] = "active",
    [MIGRATE_CANCELLING] = "cancelling", [MIGRATE_CANCELLED] = "cancelled", [MIGRATE_COMPLETED] = "completed",
    [MIGRATE_FAILED] = "failed",
};

/* ---- the two threads ---- */

typedef struct MainCall {
    Migration *m;
    bool (*work)(Migration *m, GError **err);
    GError **err;
    bool ok, done;
} MainCall;

static gboolean serve_call(void *opaque)
{
    MainCall *c = opaque;
    c->ok = c->work(c->m, c->err);
    g_mutex_lock(&c->m->lock);
    c->done = true;
    g_cond_broadcast(&c->m->changed);
    g_mutex_unlock(&c->m->lock);
    return G_SOURCE_REMOVE;
}

bool migration_in_main(Migration *m, bool (*work)(Migration *m, GError **err), GError **err)
{
    MainCall c = {.m = m, .work = work, .err = err};
    g_mutex_lock(&m->lock);
    guint source = m->quit ? 0 : g_idle_add_full(G_PRIORITY_DEFAULT, serve_call, &c, NULL);
    while (!c.done && !m->quit)
        g_cond_wait(&m->changed, &m->lock);
    if (!c.done && source)
        g_source_remove(source);
    g_mutex_unlock(&m->lock);
    if (c.done)
        return c.ok;
    return *err ? false : sys_fail(err, "migration: the program ends");
}

bool migration_wait_fd(const Migration *m, short events, GError **err)
{
    enum { MOMENT_MS = 100 };
    struct pollfd p = {.fd = m->fd, .events = events};
    while (!migration_cancelled(m)) {
        int n = poll(&p, 1, MOMENT_MS);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return sys_fail_errno(err, errno, "migration");
    }
    return sys_fail(err, "migration: cancelled");
}

void migration_close(Migration *m)
{
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
}

/* ---- life ---- */

Migration *migration_new(Vm *vm)
{
    enum { DOWNTIME_MS = 300 };
    Migration *m = g_new0(Migration, 1);
    m->vm = vm;
    m->fd = -1;
    m->limits.downtime_ms = DOWNTIME_MS;
    g_mutex_init(&m->lock);
    g_cond_init(&m->changed);
    return m;
}

static void join(Migration *m)
{
    if (m->thread)
        g_thread_join(m->thread);
    m->thread = NULL;
}

void migration_free(Migration *m)
{
    if (!m)
        return;
    __atomic_store_n(&m->cancel, true, __ATOMIC_RELEASE);
    g_mutex_lock(&m->lock);
    m->quit = true;
    g_cond_broadcast(&m->changed);
    g_mutex_unlock(&m->lock);
    join(m);
    if (m->listener)
        g_source_remove(m->listener);
    migration_close(m);
    for (unsigned k = 0; k < m->saver.n_blocks; k++)
        m->saver.block[k]->dirty = NULL;
    for (unsigned k = 0; k < MACHINE_MOST_BLOCKS; k++) {
        g_free(m->written[k]);
        g_free(m->wanted[k]);
    }
    g_free(m->error);
    g_free(m);
}

static bool is_under_way(const Migration *m)
{
    return m->status == MIGRATE_SETUP || m->status == MIGRATE_ACTIVE || m->status == MIGRATE_CANCELLING;
}

bool migration_start(Migration *m, bool incoming, GError **err)
{
    if (is_under_way(m))
        return sys_fail(err, "There's a migration process in progress");
    join(m); /* of the last one */
    g_clear_pointer(&m->error, g_free);
    m->incoming = incoming;
    m->status = MIGRATE_SETUP;
    m->begun_us = g_get_monotonic_time();
    m->received = m->total = m->left = m->rounds = m->downtime_ms = 0;
    __atomic_store_n(&m->cancel, false, __ATOMIC_RELEASE);
    return true;
}

static void tell(const Migration *m)
{
    JsonObject *data = json_object_new();
    json_object_set_string_member(data, "status", migrate_status_names[m->status]);
    vm_event(m->vm, "MIGRATION", data);
}

void migration_ended(Migration *m, bool ok, const GError *why)
{
    m->ended_us = g_get_monotonic_time();
    m->status = ok ? MIGRATE_COMPLETED : migration_cancelled(m) ? MIGRATE_CANCELLED : MIGRATE_FAILED;
    m->error = m->status == MIGRATE_FAILED ? g_strdup(why ? why->message : "") : NULL;
    tell(m);
}

bool migrate_is_active(const Vm *vm)
{
    return vm->migration && is_under_way(vm->migration);
}

void migrate_cancel(Vm *vm)
{
    Migration *m = vm->migration;
    if (!is_under_way(m) || m->incoming)
        return;
    m->status = MIGRATE_CANCELLING;
    __atomic_store_n(&m->cancel, true, __ATOMIC_RELEASE);
}

MigrateLimits *migrate_limits(Vm *vm)
{
    return &vm->migration->limits;
}

MigrateReport migrate_report(Vm *vm)
{
    const Migration *m = vm->migration;
    gint64 end = is_under_way(m) ? g_get_monotonic_time() : m->ended_us;
    return (MigrateReport){.status = m->status,
                           .error = m->error,
                           .incoming = m->incoming,
                           .total = m->total,
                           .sent = m->incoming ? m->received : m->saver.w.bytes,
                           .left = m->left,
                           .pages = m->saver.pages,
                           .zeroes = m->saver.zeroes,
                           .rounds = m->rounds,
                           .total_ms = (uint64_t)(end - m->begun_us) / 1000,
                           .downtime_ms = m->downtime_ms};
}

bool migration_begin(Vm *vm, bool *ret_wait, GError **err)
{
    const SysOptions *o = vm->opt;
    if (o->loadvm && !snapshots_load(vm, o->loadvm, err))
        return false;
    if (!o->incoming)
        return true;
    vm->state = RUN_INMIGRATE;
    vm->migration->run_after = !*ret_wait;
    *ret_wait = true;
    return strcmp(o->incoming, "defer") == 0 || migrate_in(vm, o->incoming, err);
}
