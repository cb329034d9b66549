/* QMP commands: snapshots, migration, change of engine. */
#include "system/engine_switch.h"
#include "system/migrate/migrate.h"
#include "system/migrate/snapshots.h"
#include "system/monitor/qmp.h"

#include <string.h>

bool qmp_migrate(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return migrate_out(qmp_vm(q), json_object_get_string_member(args, "uri"), err);
}

bool qmp_migrate_incoming(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return migrate_in(qmp_vm(q), json_object_get_string_member(args, "uri"), err);
}

bool qmp_migrate_cancel(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    migrate_cancel(qmp_vm(q));
    return true;
}

static JsonObject *ram_of(const MigrateReport *r)
{
    enum { PAGE = 4096 };
    JsonObject *o = json_object_new();
    const struct {
        const char *name;
        uint64_t value;
    } rows[] = {{"transferred", r->sent}, {"remaining", r->left},         {"total", r->total},
                {"duplicate", r->zeroes}, {"normal", r->pages},           {"normal-bytes", r->pages * PAGE},
                {"page-size", PAGE},      {"dirty-sync-count", r->rounds}};
    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++)
        json_object_set_int_member(o, rows[k].name, (gint64)rows[k].value);
    return o;
}

bool qmp_query_migrate(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const MigrateReport r = migrate_report(qmp_vm(q));
    JsonObject *o = json_object_new();
    *ret = qmp_object_node(o);
    if (r.status == MIGRATE_NONE)
        return true;
    json_object_set_string_member(o, "status", migrate_status_names[r.status]);
    if (r.error)
        json_object_set_string_member(o, "error-desc", r.error);
    json_object_set_int_member(o, "total-time", (gint64)r.total_ms);
    if (!r.incoming)
        json_object_set_object_member(o, "ram", ram_of(&r));
    if (!r.incoming && r.status == MIGRATE_COMPLETED)
        json_object_set_int_member(o, "downtime", (gint64)r.downtime_ms);
    return true;
}

bool qmp_migrate_set(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    MigrateLimits *l = migrate_limits(qmp_vm(q));
    const char *const names[] = {"max-bandwidth", "downtime-limit"};
    uint64_t *const to[] = {&l->bandwidth, &l->downtime_ms};
    for (unsigned k = 0; k < G_N_ELEMENTS(names); k++) {
        if (!json_object_has_member(args, names[k]))
            continue;
        gint64 v = json_object_get_int_member(args, names[k]);
        if (v < 0)
            return sys_fail(err, "Parameter '%s' expects a size", names[k]);
        *to[k] = (uint64_t)v;
    }
    return true;
}

bool qmp_query_migrate_parameters(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    const MigrateLimits *l = migrate_limits(qmp_vm(q));
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "max-bandwidth", (gint64)l->bandwidth);
    json_object_set_int_member(o, "downtime-limit", (gint64)l->downtime_ms);
    *ret = qmp_object_node(o);
    return true;
}

/* There are none that could be switched on. */
bool qmp_migrate_set_capabilities(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_object_get_array_member(args, "capabilities");
    for (unsigned k = 0; k < json_array_get_length(all); k++) {
        JsonObject *o = json_array_get_object_element(all, k);
        if (json_object_get_boolean_member(o, "state"))
            return sys_fail(err, "migration capability '%s' is not available",
                            json_object_get_string_member(o, "capability"));
    }
    return true;
}

bool qmp_accel_switch(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return engine_switch(qmp_vm(q), json_object_get_string_member(args, "accel"), err);
}
