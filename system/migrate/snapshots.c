#include "system/migrate/snapshots.h"

#include "system/disks.h"
#include "system/migrate/quiet.h"
#include "system/migrate/vm_save.h"

#include <errno.h>
#include <string.h>

/* ---- which disks ---- */

/* The n-th disk that has to have a snapshot; NULL: there are fewer. */
static Disk *writable_at(Vm *vm, unsigned n)
{
    Disk *d;
    for (unsigned k = 0; (d = disks_at(vm->disks, k)); k++)
        if (d->node && !d->node->read_only && n-- == 0) /* a drive may be empty */
            return d;
    return NULL;
}

static bool check_disks(Vm *vm, GError **err)
{
    Qcow2Info info;
    const Disk *d;
    for (unsigned k = 0; (d = writable_at(vm, k)); k++)
        if (!qcow2_info(d->node, &info))
            return sys_fail(err, "Device '%s' is writable but does not support snapshots", disk_name(d));
    return writable_at(vm, 0) || sys_fail(err, "No block device can accept snapshots");
}

/* By id or name. False: there is none. */
static bool find(BlockNode *n, const char *which, unsigned *ret, const Qcow2Snapshot **ret_row)
{
    for (unsigned by_name = 0; by_name < 2; by_name++)
        for (*ret = 0; qcow2_snapshot(n, *ret, ret_row); ++*ret)
            if (strcmp(by_name ? (*ret_row)->name : (*ret_row)->id, which) == 0)
                return true;
    return false;
}

static bool fail_disk(GError **err, int why, const Disk *d)
{
    return sys_fail_errno(err, why, "Device '%s'", disk_name(d));
}

/* ---- the stream in an image ---- */

enum { CHUNK = 2 << 20 }; /* as large as the largest cluster */

typedef struct ImageSink {
    const Disk *d;
    uint64_t at; /* of what was written */
    size_t n;
    uint8_t buffer[CHUNK];
} ImageSink;

static bool flush_chunk(ImageSink *s, GError **err)
{
    int why = qcow2_vm_write(s->d->node, s->at, s->buffer, CHUNK);
    s->at += CHUNK;
    s->n = 0;
    return !why || fail_disk(err, why, s->d);
}

static bool sink_write(void *opaque, const void *from, size_t bytes, GError **err)
{
    ImageSink *s = opaque;
    for (size_t n; bytes; bytes -= n, from = (const char *)from + n) {
        n = MIN(bytes, CHUNK - s->n);
        memcpy(s->buffer + s->n, from, n);
        s->n += n;
        if (s->n == CHUNK && !flush_chunk(s, err))
            return false;
    }
    return true;
}

static bool sink_end(ImageSink *s, GError **err)
{
    memset(s->buffer + s->n, 0, CHUNK - s->n);
    return !s->n || flush_chunk(s, err);
}

typedef struct ImageSource {
    const Disk *d;
    unsigned snapshot;
    uint64_t at, end; /* of what is in the buffer: its end; of all */
    size_t n, used;
    uint8_t buffer[CHUNK];
} ImageSource;

static bool fill_chunk(ImageSource *s, GError **err)
{
    s->n = (size_t)MIN(s->end - s->at, (uint64_t)CHUNK);
    s->used = 0;
    if (!s->n)
        return sys_fail(err, "the saved machine is cut off");
    int why = qcow2_vm_read(s->d->node, s->snapshot, s->at, s->buffer, s->n);
    s->at += s->n;
    return !why || fail_disk(err, why, s->d);
}

static bool source_read(void *opaque, void *to, size_t bytes, GError **err)
{
    ImageSource *s = opaque;
    for (size_t n; bytes; bytes -= n, to = (char *)to + n) {
        if (s->used == s->n && !fill_chunk(s, err))
            return false;
        n = MIN(bytes, s->n - s->used);
        memcpy(to, s->buffer + s->used, n);
        s->used += n;
    }
    return true;
}

/* ---- saving ---- */

static bool write_machine(Vm *vm, const Disk *d, uint64_t *ret_bytes, GError **err)
{
    ImageSink *sink = g_new(ImageSink, 1);
    VmSaver s;
    sink->d = d;
    sink->at = sink->n = 0;
    bool ok = vm_save_begin(&s, vm->machine, (VmSink){sink_write, sink}, err) && vm_save_all_pages(&s, err) &&
              vm_save_state(&s, err) && sink_end(sink, err);
    *ret_bytes = s.w.bytes;
    vm_save_end(&s);
    g_free(sink);
    return ok;
}

/* Of this name, but for the last, which is new. */
static int delete_older(BlockNode *n, const char *name)
{
    const Qcow2Snapshot *s;
    unsigned last = 0;
    int why = 0;
    while (qcow2_snapshot(n, last, &s))
        last++;
    for (unsigned k = last - 1; !why && k-- > 0;)
        if (qcow2_snapshot(n, k, &s) && strcmp(s->name, name) == 0) {
            g_autofree char *id = g_strdup(s->id);
            why = qcow2_snapshot_delete(n, id);
        }
    return why;
}

/* The last one of each of the first n disks. */
static void undo(Vm *vm, unsigned n)
{
    for (unsigned k = 0; k < n; k++) {
        BlockNode *node = writable_at(vm, k)->node;
        const Qcow2Snapshot *s = NULL;
        for (unsigned last = 0; qcow2_snapshot(node, last, &s);)
            last++;
        g_autofree char *id = s ? g_strdup(s->id) : NULL;
        if (id)
            qcow2_snapshot_delete(node, id);
    }
}

static bool save_all(Vm *vm, const char *name, GError **err)
{
    const uint64_t now = clock_now(&vm->machine->clock);
    uint64_t bytes;
    Disk *d = writable_at(vm, 0);
    if (!write_machine(vm, d, &bytes, err)) {
        qcow2_vm_drop(d->node);
        return false;
    }
    for (unsigned k = 0; (d = writable_at(vm, k)); k++) {
        int why = qcow2_snapshot_create(d->node, name, k ? 0 : bytes, now);
        if (why) {
            undo(vm, k);
            return fail_disk(err, why, d);
        }
    }
    for (unsigned k = 0; (d = writable_at(vm, k)); k++) {
        int why = delete_older(d->node, name);
        why = why ? why : block_flush(d->node);
        if (why)
            return fail_disk(err, why, d);
    }
    return true;
}

bool snapshots_save(Vm *vm, const char *name, GError **err)
{
    g_autoptr(GDateTime) now = g_date_time_new_now_local();
    g_autofree char *stamp = g_date_time_format(now, "vm-%Y%m%d%H%M%S");
    Quiet q;
    if (!quiet_is_possible(vm, err) || !check_disks(vm, err) || !quiet_begin(vm, RUN_SAVE_VM, &q, err))
        return false;
    bool ok = save_all(vm, *name ? name : stamp, err);
    quiet_end(vm, &q, true);
    return ok;
}

/* ---- loading ---- */

static bool check_snapshot(Vm *vm, const char *which, const Disk **ret_disk, unsigned *ret, GError **err)
{
    const Qcow2Snapshot *s;
    Disk *d;
    unsigned n;
    *ret_disk = NULL;
    for (unsigned k = 0; (d = writable_at(vm, k)); k++) {
        if (!find(d->node, which, &n, &s))
            return sys_fail(err, "Device '%s' does not have the requested snapshot '%s'", disk_name(d),
                            which);
        if (s->disk_bytes != d->node->bytes)
            return sys_fail(err, "Device '%s' has another size than in snapshot '%s'", disk_name(d), which);
        if (s->vm_bytes && !*ret_disk) {
            *ret_disk = d;
            *ret = n;
        }
    }
    return *ret_disk || sys_fail(err, "Snapshot '%s' has no state of a machine", which);
}

static bool read_machine(Vm *vm, const Disk *d, unsigned n, bool check, GError **err)
{
    ImageSource *source = g_new(ImageSource, 1);
    const Qcow2Snapshot *s;
    source->d = d;
    source->snapshot = n;
    source->at = source->n = source->used = 0;
    source->end = qcow2_snapshot(d->node, n, &s) ? s->vm_bytes : 0;
    const VmSource from = {source_read, source};
    bool ok = check ? vm_load_check(vm->machine, from, err)
                    : vm_load(vm->machine, from, (VmPutState){0}, err);
    g_free(source);
    return ok;
}

static bool apply_all(Vm *vm, const char *which, GError **err)
{
    Disk *d;
    for (unsigned k = 0; (d = writable_at(vm, k)); k++) {
        int why = qcow2_snapshot_apply(d->node, which);
        if (why)
            return fail_disk(err, why, d);
    }
    return true;
}

bool snapshots_load(Vm *vm, const char *which, GError **err)
{
    const Disk *d;
    unsigned n = 0;
    Quiet q;
    if (!quiet_is_possible(vm, err) || !check_disks(vm, err) || !check_snapshot(vm, which, &d, &n, err) ||
        !quiet_begin(vm, RUN_RESTORE_VM, &q, err))
        return false;
    if (!read_machine(vm, d, n, true, err)) { /* nothing was touched */
        quiet_end(vm, &q, true);
        return false;
    }
    bool ok = apply_all(vm, which, err) && read_machine(vm, d, n, false, err);
    if (!ok)
        vm->state = RUN_INTERNAL_ERROR;
    else if (!q.ran && vm->state != RUN_PRELAUNCH)
        vm->state = RUN_PAUSED;
    quiet_end(vm, &q, ok);
    return ok;
}

/* ---- deleting, listing ---- */

bool snapshots_delete(Vm *vm, const char *which, GError **err)
{
    const Qcow2Snapshot *s;
    bool found = false, ok = true;
    Quiet q;
    unsigned n;
    Disk *d;
    if (!check_disks(vm, err) || !quiet_begin(vm, RUN_PAUSED, &q, err))
        return false;
    for (unsigned k = 0; ok && (d = writable_at(vm, k)); k++) {
        if (!find(d->node, which, &n, &s))
            continue;
        int why = qcow2_snapshot_delete(d->node, which);
        why = why ? why : block_flush(d->node);
        found = true;
        ok = !why || fail_disk(err, why, d);
    }
    quiet_end(vm, &q, true);
    return ok && (found || sys_fail(err, "there is no snapshot '%s'", which));
}

static void print_row(const Qcow2Snapshot *s, GString *out)
{
    const uint64_t ms = s->vm_clock_ns / 1000000;
    g_autoptr(GDateTime) date = g_date_time_new_from_unix_local(s->date_sec);
    g_autofree char *when = date ? g_date_time_format(date, "%Y-%m-%d %H:%M:%S") : g_strdup("");
    g_autofree char *size = g_format_size_full(s->vm_bytes, G_FORMAT_SIZE_IEC_UNITS);
    g_string_append_printf(out, "%-9s %-16s %9s %20s %04u:%02u:%02u.%03u\n", s->id, s->name, size, when,
                           (unsigned)(ms / 3600000), (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60),
                           (unsigned)(ms % 1000));
}

void snapshots_print(Vm *vm, GString *out)
{
    const Qcow2Snapshot *s;
    Disk *d = writable_at(vm, 0);
    if (!d || !qcow2_snapshot(d->node, 0, &s)) {
        g_string_append(out, "There is no snapshot available.\n");
        return;
    }
    g_string_append_printf(out, "Snapshots of '%s':\n%-9s %-16s %9s %20s %s\n", disk_name(d), "ID", "TAG",
                           "VM SIZE", "DATE", "VM CLOCK");
    for (unsigned k = 0; qcow2_snapshot(d->node, k, &s); k++)
        print_row(s, out);
}
