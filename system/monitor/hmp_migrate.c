/* Commands of the monitor for people: snapshots, migration, change of engine. */
#include "system/engine_switch.h"
#include "system/migrate/migrate.h"
#include "system/migrate/snapshots.h"
#include "system/monitor/hmp.h"

#include <string.h>

void hmp_savevm(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    hmp_tell_error(h, snapshots_save(h->vm, args, &err), &err);
}

void hmp_loadvm(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    hmp_tell_error(h, snapshots_load(h->vm, args, &err), &err);
}

void hmp_delvm(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    hmp_tell_error(h, snapshots_delete(h->vm, args, &err), &err);
}

void hmp_info_snapshots(Hmp *h, const char *args)
{
    snapshots_print(h->vm, h->out);
}

/* With or without -d it returns at once: who wants to wait asks `info migrate`. */
void hmp_migrate(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    if (g_str_has_prefix(args, "-d "))
        args += 3;
    hmp_tell_error(h, migrate_out(h->vm, args, &err), &err);
}

void hmp_migrate_incoming(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    hmp_tell_error(h, migrate_in(h->vm, args, &err), &err);
}

void hmp_migrate_cancel(Hmp *h, const char *args)
{
    migrate_cancel(h->vm);
}

void hmp_migrate_parameter(Hmp *h, const char *args)
{
    g_auto(GStrv) word = g_strsplit(args, " ", 2);
    MigrateLimits *l = migrate_limits(h->vm);
    uint64_t n = 0;
    bool size = word[0] && word[1] && parse_size(word[1], &n);
    if (size && strcmp(word[0], "max-bandwidth") == 0)
        l->bandwidth = n;
    else if (size && strcmp(word[0], "downtime-limit") == 0)
        l->downtime_ms = n;
    else
        g_string_append(h->out, "Error: migrate_set_parameter max-bandwidth BYTES or downtime-limit MS\n");
}

void hmp_accel(Hmp *h, const char *args)
{
    g_autoptr(GError) err = NULL;
    hmp_tell_error(h, engine_switch(h->vm, args, &err), &err);
}

void hmp_info_migrate(Hmp *h, const char *args)
{
    const MigrateReport r = migrate_report(h->vm);
    if (r.status == MIGRATE_NONE)
        return;
    g_string_append_printf(h->out, "Migration status: %s\n", migrate_status_names[r.status]);
    if (r.error)
        g_string_append_printf(h->out, "error: %s\n", r.error);
    g_string_append_printf(h->out, "total time: %" PRIu64 " ms\n", r.total_ms);
    if (r.incoming) {
        g_string_append_printf(h->out, "transferred: %" PRIu64 " kbytes\n", r.sent >> 10);
        return;
    }
    if (r.status == MIGRATE_COMPLETED)
        g_string_append_printf(h->out, "downtime: %" PRIu64 " ms\n", r.downtime_ms);
    g_string_append_printf(h->out,
                           "transferred ram: %" PRIu64 " kbytes\nremaining ram: %" PRIu64
                           " kbytes\ntotal ram: %" PRIu64 " kbytes\nduplicate: %" PRIu64
                           " pages\nnormal: %" PRIu64 " pages\ndirty sync count: %" PRIu64 "\n",
                           r.sent >> 10, r.left >> 10, r.total >> 10, r.zeroes, r.pages, r.rounds);
}
