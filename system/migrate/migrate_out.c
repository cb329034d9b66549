/* A machine leaves. */
#include "system/migrate/migrate_priv.h"
#include "system/migrate/migrate_uri.h"
#include "system/migrate/quiet.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { MOST_ROUNDS = 30 };

/* ---- bytes ---- */

/* As many as the user allows in this time. */
static void keep_to_limit(const Migration *m)
{
    enum { MOMENT_US = 10000, FIRST_BYTES = 1 << 20 };
    for (uint64_t most = m->limits.bandwidth; most && !migration_cancelled(m);) {
        gint64 passed = g_get_monotonic_time() - m->sending_us;
        if (m->saver.w.bytes <= FIRST_BYTES + most * (uint64_t)passed / G_USEC_PER_SEC)
            break;
        g_usleep(MOMENT_US);
    }
}

static bool sink_write(void *opaque, const void *from, size_t bytes, GError **err)
{
    const Migration *m = opaque;
    keep_to_limit(m);
    while (bytes) {
        if (!migration_wait_fd(m, POLLOUT, err))
            return false;
        ssize_t n = write(m->fd, from, bytes);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return sys_fail_errno(err, errno, "migration");
        if (n > 0) {
            from = (const char *)from + n;
            bytes -= (size_t)n;
        }
    }
    return true;
}

/* ---- what was written meanwhile ---- */

static uint64_t words_of(const RamBlock *b)
{
    return (b->bytes / VM_PAGE + 63) / 64;
}

/* From now on each page that is written is noted. */
static void begin_noting(Migration *m)
{
    VmSaver *s = &m->saver;
    vm_hold(m->vm);
    for (unsigned k = 0; k < s->n_blocks; k++) {
        g_free(m->written[k]);
        g_free(m->wanted[k]);
        m->written[k] = g_new0(uint64_t, words_of(s->block[k]));
        m->wanted[k] = g_new0(uint64_t, words_of(s->block[k]));
        __atomic_store_n(&s->block[k]->dirty, m->written[k], __ATOMIC_RELEASE);
        m->total += s->block[k]->bytes;
    }
    accel_note_writes(m->vm->machine->accel, true);
    vm_release(m->vm);
    m->left = m->total;
}

/* What was noted is what this round is about, besides what the last one left. The cpus are outside. */
static void begin_round(Migration *m)
{
    const VmSaver *s = &m->saver;
    m->left = 0;
    m->rounds++;
    accel_fetch_writes(m->vm->machine->accel);
    for (unsigned k = 0; k < s->n_blocks; k++)
        for (uint64_t w = 0; w < words_of(s->block[k]); w++) {
            m->wanted[k][w] |= __atomic_exchange_n(&m->written[k][w], 0, __ATOMIC_ACQ_REL);
            m->left += (uint64_t)__builtin_popcountll(m->wanted[k][w]) * VM_PAGE;
        }
}

static bool next_round(Migration *m, GError **err)
{
    vm_hold(m->vm);
    begin_round(m);
    accel_note_writes(m->vm->machine->accel, true);
    vm_release(m->vm);
    return true;
}

static void end_noting(Migration *m)
{
    vm_hold(m->vm);
    for (unsigned k = 0; k < m->saver.n_blocks; k++) /* devices may still have the address: it stays */
        __atomic_store_n(&m->saver.block[k]->dirty, NULL, __ATOMIC_RELEASE);
    accel_note_writes(m->vm->machine->accel, false);
    vm_release(m->vm);
}

/* ---- sending ---- */

static bool send_wanted(Migration *m, bool all, GError **err)
{
    enum { STEP = 4096 };
    VmSaver *s = &m->saver;
    for (unsigned k = 0; k < s->n_blocks; k++) {
        const uint64_t pages = s->block[k]->bytes / VM_PAGE;
        for (uint64_t at = 0, n; at < pages; at += n) {
            n = MIN(pages - at, STEP);
            if (!vm_save_pages(s, k, all ? NULL : m->wanted[k], at, n, err))
                return false;
        }
        memset(m->wanted[k], 0, words_of(s->block[k]) * 8);
    }
    return true;
}

/* Would the rest be sent in the time for which the machine may stand still? */
static bool rest_is_small(const Migration *m)
{
    uint64_t passed_ms = (uint64_t)(g_get_monotonic_time() - m->sending_us) / 1000 + 1;
    uint64_t sent = (m->saver.pages + m->saver.zeroes) * VM_PAGE;
    return m->left <= sent / passed_ms * m->limits.downtime_ms;
}

/* By the main thread: the machine stands still from here on. */
static bool send_rest(Migration *m, GError **err)
{
    Vm *vm = m->vm;
    Quiet q;
    gint64 begun = g_get_monotonic_time();
    if (!quiet_begin(vm, RUN_FINISH_MIGRATE, &q, err))
        return false;
    begin_round(m);
    bool ok = send_wanted(m, false, err) && vm_save_state(&m->saver, err);
    m->left = ok ? 0 : m->left;
    m->downtime_ms = (uint64_t)(g_get_monotonic_time() - begun) / 1000;
    if (ok)
        vm->state = RUN_POSTMIGRATE;
    quiet_end(vm, &q, !ok);
    return ok;
}

static bool send_all(Migration *m, GError **err)
{
    if (!send_wanted(m, true, err))
        return false;
    for (unsigned k = 0; k < MOST_ROUNDS; k++) {
        if (!migration_in_main(m, next_round, err))
            return false;
        if (rest_is_small(m))
            break;
        if (!send_wanted(m, false, err))
            return false;
    }
    return migration_in_main(m, send_rest, err);
}

static bool end_well(Migration *m, GError **err)
{
    end_noting(m);
    vm_save_end(&m->saver);
    migration_close(m);
    migration_ended(m, true, NULL);
    return true;
}

/* *err: why. */
static bool end_badly(Migration *m, GError **err)
{
    end_noting(m);
    vm_save_end(&m->saver);
    migration_close(m);
    migration_ended(m, false, *err);
    return true;
}

static void *send_thread(void *opaque)
{
    Migration *m = opaque;
    g_autoptr(GError) why = NULL;
    bool ok = send_all(m, &why);
    migration_in_main(m, ok ? end_well : end_badly, &why);
    return NULL;
}

bool migrate_out(Vm *vm, const char *uri, GError **err)
{
    Migration *m = vm->migration;
    if (vm->state == RUN_INMIGRATE || vm->state == RUN_POSTMIGRATE)
        return sys_fail(err, "migration: the machine is not here (%s)", vm_state_names[vm->state]);
    if (!quiet_is_possible(vm, err) || !migration_start(m, false, err))
        return false;
    m->fd = migrate_open_out(uri, err);
    if (m->fd >= 0)
        fcntl(m->fd, F_SETFL, fcntl(m->fd, F_GETFL) | O_NONBLOCK);
    m->sending_us = g_get_monotonic_time();
    if (m->fd < 0 || !vm_save_begin(&m->saver, vm->machine, (VmSink){sink_write, m}, err)) {
        vm_save_end(&m->saver);
        migration_close(m);
        migration_ended(m, false, err ? *err : NULL);
        return false;
    }
    begin_noting(m);
    m->status = MIGRATE_ACTIVE;
    m->thread = g_thread_new("migration", send_thread, m);
    return true;
}
