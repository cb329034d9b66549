#include "system/migrate/jobs.h"

#include "system/migrate/snapshots.h"

#include <string.h>

const char *const job_kind_names[JOB_KINDS] = {"snapshot-save", "snapshot-load", "snapshot-delete"};
const char *const job_status_names[JOB_STATUSES] = {"created", "running", "concluded"};

struct Jobs {
    Vm *vm;
    GPtrArray *list; /* VmJob */
    guint source;    /* of the main loop; 0: nothing is to be done */
};

static void job_free(void *opaque)
{
    VmJob *j = opaque;
    g_free(j->id);
    g_free(j->tag);
    g_free(j->error);
    g_free(j);
}

Jobs *jobs_new(Vm *vm)
{
    Jobs *all = g_new0(Jobs, 1);
    all->vm = vm;
    all->list = g_ptr_array_new_with_free_func(job_free);
    return all;
}

void jobs_free(Jobs *all)
{
    if (!all)
        return;
    if (all->source)
        g_source_remove(all->source);
    g_ptr_array_unref(all->list);
    g_free(all);
}

const VmJob *jobs_at(const Jobs *all, unsigned n)
{
    return n < all->list->len ? all->list->pdata[n] : NULL;
}

static void become(VmJob *j, JobStatus status)
{
    JsonObject *data = json_object_new();
    j->status = status;
    json_object_set_string_member(data, "status", job_status_names[status]);
    json_object_set_string_member(data, "id", j->id);
    vm_event(j->vm, "JOB_STATUS_CHANGE", data);
}

static void run(VmJob *j)
{
    static bool (*const work[])(Vm *vm, const char *tag, GError **err) = {snapshots_save, snapshots_load,
                                                                         snapshots_delete};
    g_autoptr(GError) err = NULL;
    become(j, JOB_RUNNING);
    if (!work[j->kind](j->vm, j->tag, &err))
        j->error = g_strdup(err->message);
    become(j, JOB_CONCLUDED);
}

static gboolean run_all(void *opaque)
{
    Jobs *all = opaque;
    all->source = 0;
    for (unsigned k = 0; k < all->list->len; k++) {
        VmJob *j = all->list->pdata[k];
        if (j->status == JOB_CREATED)
            run(j);
    }
    return G_SOURCE_REMOVE;
}

static VmJob *find(const Jobs *all, const char *id, unsigned *ret)
{
    for (*ret = 0; *ret < all->list->len; ++*ret) {
        VmJob *j = all->list->pdata[*ret];
        if (strcmp(j->id, id) == 0)
            return j;
    }
    return NULL;
}

bool jobs_start(Jobs *all, JobKind kind, const char *id, const char *tag, GError **err)
{
    unsigned n;
    if (!*tag || find(all, id, &n))
        return sys_fail(err, *tag ? "Job ID '%s' already in use" : "job '%s': a tag is needed", id);
    VmJob *j = g_new0(VmJob, 1);
    *j = (VmJob){.vm = all->vm, .id = g_strdup(id), .tag = g_strdup(tag), .kind = kind};
    g_ptr_array_add(all->list, j);
    become(j, JOB_CREATED);
    if (!all->source)
        all->source = g_idle_add_full(G_PRIORITY_DEFAULT, run_all, all, NULL);
    return true;
}

bool jobs_dismiss(Jobs *all, const char *id, GError **err)
{
    unsigned n;
    const VmJob *j = find(all, id, &n);
    if (!j)
        return sys_fail(err, "Job not found");
    if (j->status != JOB_CONCLUDED)
        return sys_fail(err, "Job '%s' in state '%s' cannot accept command verb 'dismiss'", id,
                        job_status_names[j->status]);
    g_ptr_array_remove_index(all->list, n);
    return true;
}
