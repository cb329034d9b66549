/* QMP commands: snapshots as jobs. All writable disks take part: devices that are left out are an error. */
#include "system/disks.h"
#include "system/migrate/jobs.h"
#include "system/monitor/qmp.h"

#include <string.h>

static bool is_listed(JsonArray *names, const Disk *d)
{
    for (unsigned k = 0; k < json_array_get_length(names); k++) {
        const char *name = json_array_get_string_element(names, k);
        if ((d->node->name && strcmp(d->node->name, name) == 0) || strcmp(disk_name(d), name) == 0)
            return true;
    }
    return false;
}

static bool start(Qmp *q, JobKind kind, JsonObject *args, GError **err)
{
    JsonArray *names = json_object_get_array_member(args, "devices");
    Vm *vm = qmp_vm(q);
    const Disk *d;
    for (unsigned k = 0; (d = disks_at(vm->disks, k)); k++)
        if (d->node && !d->node->read_only && !is_listed(names, d))
            return sys_fail(err, "devices: '%s' can be written, and has to be one of them", disk_name(d));
    return jobs_start(vm->jobs, kind, json_object_get_string_member(args, "job-id"),
                      json_object_get_string_member(args, "tag"), err);
}

bool qmp_snapshot_save(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return start(q, JOB_SNAPSHOT_SAVE, args, err);
}
bool qmp_snapshot_load(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return start(q, JOB_SNAPSHOT_LOAD, args, err);
}
bool qmp_snapshot_delete(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return start(q, JOB_SNAPSHOT_DELETE, args, err);
}

bool qmp_job_dismiss(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return jobs_dismiss(qmp_vm(q)->jobs, json_object_get_string_member(args, "id"), err);
}

bool qmp_query_jobs(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    const VmJob *j;
    for (unsigned k = 0; (j = jobs_at(qmp_vm(q)->jobs, k)); k++) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "id", j->id);
        json_object_set_string_member(o, "type", job_kind_names[j->kind]);
        json_object_set_string_member(o, "status", job_status_names[j->status]);
        json_object_set_int_member(o, "current-progress", j->status == JOB_CONCLUDED);
        json_object_set_int_member(o, "total-progress", 1);
        if (j->error)
            json_object_set_string_member(o, "error", j->error);
        json_array_add_object_element(all, o);
    }
    *ret = qmp_array_node(all);
    return true;
}
