#include "system/disks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct Disks {
    Vm *vm;
    GPtrArray *list;  /* Disk */
    GPtrArray *nodes; /* BlockNode: of -blockdev, not on top of a disk yet */
};

const char *disk_name(const Disk *d)
{
    return d->id ? d->id : d->node && d->node->name ? d->node->name : "";
}

Disk *disks_at(Disks *all, unsigned n)
{
    return n < all->list->len ? all->list->pdata[n] : NULL;
}

/* ---- requests, by the disk's thread ---- */

/* True: try again. */
static bool meet_error(Disk *d, int why, bool write, bool *ret_ok)
{
    DiskError policy = write ? d->on_write : d->on_read;
    if (policy == DISK_ENOSPC)
        policy = why == ENOSPC || why == EDQUOT || why == EFBIG ? DISK_STOP : DISK_REPORT;
    *ret_ok = policy == DISK_IGNORE;
    if (policy == DISK_STOP)
        return vm_io_error(d->vm, disk_name(d), write, why == ENOSPC, g_strerror(why),
                           &d->worker.draining);
    vm_io_report(d->vm, disk_name(d), write, *ret_ok, g_strerror(why));
    return false;
}

static void count(uint64_t *what, uint64_t n)
{
    __atomic_fetch_add(what, n, __ATOMIC_RELAXED);
}

static bool disk_read(void *backend, uint64_t at, void *to, size_t n)
{
    Disk *d = backend;
    bool ok = true;
    int why;
    count(&d->stats.reads, 1);
    trace_event(&d->vm->trace, TRACE_DISK_READ, "%s at %#" PRIx64 " bytes %zu", disk_name(d), at, n);
    count(&d->stats.read_bytes, n);
    while ((why = block_read(d->node, at, to, n)) && meet_error(d, why, false, &ok)) {
    }
    return !why || ok;
}

/* A guest that writes a header of another format would have the next start open what it names. */
static bool is_forged(const Disk *d, uint64_t at, const void *from, size_t n)
{
    return d->guessed && at == 0 && n >= 4 && memcmp(from, "QFI\xfb", 4) == 0;
}

static int write_now(Disk *d, uint64_t at, const void *from, size_t n)
{
    int why = block_write(d->node, at, from, n);
    return why || !d->writethrough ? why : block_flush(d->node);
}

static bool disk_write(void *backend, uint64_t at, const void *from, size_t n)
{
    Disk *d = backend;
    bool ok = true;
    int why;
    count(&d->stats.writes, 1);
    count(&d->stats.written_bytes, n);
    trace_event(&d->vm->trace, TRACE_DISK_WRITE, "%s at %#" PRIx64 " bytes %zu", disk_name(d), at, n);
    if (is_forged(d, at, from, n))
        return false;
    while ((why = write_now(d, at, from, n)) && meet_error(d, why, true, &ok)) {
    }
    return !why || ok;
}

static bool disk_flush(void *backend)
{
    Disk *d = backend;
    bool ok = true;
    int why = 0;
    count(&d->stats.flushes, 1);
    trace_event(&d->vm->trace, TRACE_DISK_FLUSH, "%s", disk_name(d));
    while (!d->unsafe && (why = block_flush(d->node)) && meet_error(d, why, true, &ok)) {
    }
    return !why || ok;
}

static bool disk_discard(void *backend, uint64_t at, uint64_t n)
{
    Disk *d = backend;
    bool ok = true;
    int why;
    count(&d->stats.discards, 1);
    trace_event(&d->vm->trace, TRACE_DISK_DISCARD, "%s at %#" PRIx64 " bytes %" PRIu64, disk_name(d), at, n);
    while ((why = block_discard(d->node, at, n)) && meet_error(d, why, true, &ok)) {
    }
    return !why || ok;
}

static bool disk_zero(void *backend, uint64_t at, uint64_t n, bool unmap)
{
    Disk *d = backend;
    bool ok = true;
    int why;
    count(&d->stats.writes, 1);
    while ((why = block_zero(d->node, at, n, unmap)) && meet_error(d, why, true, &ok)) {
    }
    return !why || ok;
}

/* ---- temporary files ---- */

/* Writes go to a file that has no name any more. */
static bool put_temporary(Disk *d, GError **err)
{
    const char *folder = getenv("TMPDIR");
    g_autofree char *path = g_build_filename(folder ? folder : "/var/tmp", "tinamou-snapshot-XXXXXX", NULL);
    int fd = mkstemp(path);
    if (fd < 0)
        return sys_fail_errno(err, errno, "%s", path);
    close(fd);
    const Qcow2Create c = {.bytes = d->node->bytes};
    const BlockOpen how = {.format = "qcow2"};
    BlockNode *n = qcow2_create(path, &c, err) ? block_open(path, &how, err) : NULL;
    unlink(path);
    if (!n)
        return false;
    n->backing = d->below = d->node;
    d->node = n;
    return true;
}

static int copy_back(Disk *d, BlockNode *to)
{
    enum { PART = 1 << 20 };
    g_autofree uint8_t *part = g_malloc(PART);
    int why = 0;
    uint64_t bytes = MIN(d->node->bytes, to->bytes);
    for (uint64_t at = 0, n; !why && at < bytes; at += n) {
        BlockHold hold;
        why = block_status(d->node, at, MIN(bytes - at, (uint64_t)PART), &hold, &n);
        if (why || hold == BLOCK_HOLE)
            continue;
        if (hold == BLOCK_ZERO) {
            why = block_zero(to, at, n, true);
            continue;
        }
        why = block_read(d->node, at, part, n);
        why = why ? why : block_write(to, at, part, n);
    }
    return why ? why : block_flush(to);
}

static bool commit_one(Disk *d, GError **err)
{
    const BlockOpen how = {.format = d->below->kind->name};
    BlockNode *to = block_open(d->below->path, &how, err);
    if (!to)
        return false;
    int why = block_flush(d->node);
    why = why ? why : copy_back(d, to);
    block_close(to);
    return !why || sys_fail_errno(err, why, "commit of '%s'", disk_name(d));
}

bool disks_commit(Disks *all, const char *device, GError **err)
{
    bool every = strcmp(device, "all") == 0, found = every, ok = true;
    vm_hold(all->vm);
    for (unsigned k = 0; ok && k < all->list->len; k++) {
        Disk *d = all->list->pdata[k];
        if (!every && strcmp(disk_name(d), device) != 0)
            continue;
        found = true;
        if (d->below)
            ok = commit_one(d, err);
        else if (!every)
            ok = sys_fail(err, "Device '%s' has nothing temporary", device);
    }
    vm_release(all->vm);
    return ok && (found || sys_fail(err, "Device '%s' not found", device));
}

/* ---- standing still ---- */

bool disks_hold(Disks *all, GError **err)
{
    for (unsigned k = 0; k < all->list->len; k++)
        worker_hold(&((Disk *)all->list->pdata[k])->worker, true);
    for (unsigned k = 0; k < all->list->len; k++) {
        Disk *d = all->list->pdata[k];
        while (!worker_is_idle(&d->worker)) {
            if (!vcpus_any_waiting(&all->vm->vcpus))
                continue;
            disks_release(all);
            return sys_fail(err, "Device '%s' has an error, and waits for 'cont'", disk_name(d));
        }
    }
    return true;
}

void disks_release(Disks *all)
{
    for (unsigned k = 0; k < all->list->len; k++)
        worker_hold(&((Disk *)all->list->pdata[k])->worker, false);
}

/* A device goes, or a medium: its disk's thread does not wait for 'cont', which only the one can say that
 * waits for the thread. */
static void wake_waiting(void *opaque)
{
    vcpus_look(opaque);
}

/* ---- making ---- */

static Disk *add_disk(Disks *all, BlockNode *node)
{
    Disk *d = g_new0(Disk, 1);
    d->vm = all->vm;
    d->node = node;
    d->on_write = DISK_ENOSPC;
    d->flash = d->ide = -1;
    g_ptr_array_add(all->list, d);
    return d;
}

/* The port as it is now; its thread. */
static void finish(Disk *d, const char *serial)
{
    d->port = (BlockPort){.backend = d,
                          .bytes = d->node ? d->node->bytes : 0,
                          .read_only = !d->node || d->node->read_only,
                          .read = disk_read,
                          .write = disk_write,
                          .flush = disk_flush,
                          .discard = disk_discard,
                          .write_zeroes = disk_zero};
    if (serial)
        g_strlcpy(d->port.serial, serial, sizeof(d->port.serial));
    worker_start(&d->worker, "disk");
    d->worker.wake = wake_waiting;
    d->worker.opaque = &d->vm->vcpus;
    d->port.jobs = &d->worker.port;
}

static bool set_policy(Disk *d, KeyVals *kv, GError **err)
{
    static const char *const errors[] = {"report", "ignore", "stop", "enospc"};
    static const char *const caches[] = {"writeback", "none", "writethrough", "directsync", "unsafe"};
    bool writeback = true, direct = false, no_flush = false;
    unsigned on_write = d->on_write, on_read = d->on_read, cache = 0;
    if (!key_vals_word(kv, "werror", errors, 4, &on_write, err) ||
        !key_vals_word(kv, "rerror", errors, 3, &on_read, err) ||
        !key_vals_word(kv, "cache", caches, G_N_ELEMENTS(caches), &cache, err))
        return false;
    d->on_write = (DiskError)on_write;
    d->on_read = (DiskError)on_read;
    writeback = cache != 2 && cache != 3;
    no_flush = cache == 4;
    if (!key_vals_bool(kv, "cache.writeback", &writeback, err) ||
        !key_vals_bool(kv, "cache.direct", &direct, err) ||
        !key_vals_bool(kv, "cache.no-flush", &no_flush, err))
        return false;
    d->writethrough = !writeback;
    d->unsafe = no_flush;
    return true;
}

/* Keys that are about speed, or ask for what is so anyway. */
static bool ignore_keys(KeyVals *kv, GError **err)
{
    static const char *const aio[] = {"threads", "native", "io_uring"};
    static const char *const discard[] = {"ignore", "off", "unmap", "on"};
    static const char *const zeroes[] = {"off", "on", "unmap"};
    unsigned n = 0;
    return key_vals_word(kv, "aio", aio, G_N_ELEMENTS(aio), &n, err) &&
           key_vals_word(kv, "discard", discard, G_N_ELEMENTS(discard), &n, err) &&
           key_vals_word(kv, "detect-zeroes", zeroes, G_N_ELEMENTS(zeroes), &n, err);
}

static BlockNode *node_named(void *opaque, const char *name)
{
    Disks *all = opaque;
    for (unsigned k = 0; k < all->nodes->len; k++) {
        BlockNode *n = all->nodes->pdata[k];
        if (n->name && strcmp(n->name, name) == 0) {
            g_ptr_array_remove_index(all->nodes, k);
            return n; /* whoever asked owns it now */
        }
    }
    return NULL;
}

/* file=, or the keys of a node below file. */
static BlockNode *open_drive(KeyVals *kv, bool read_only, bool *ret_guessed, GError **err)
{
    const char *path = key_vals_get(kv, "file"), *format = key_vals_get(kv, "format");
    const char *driver = key_vals_get(kv, "driver");
    format = format ? format : driver;
    g_autoptr(KeyVals) file = key_vals_below(kv, "file");
    if (!path && file) {
        static const char *const drivers[] = {"file"};
        unsigned n = 0;
        if (!key_vals_word(file, "driver", drivers, 1, &n, err))
            return NULL;
        static const char *const locking[] = {"auto", "on", "off"};
        path = key_vals_get(file, "filename");
        if (!ignore_keys(file, err) || !key_vals_word(file, "locking", locking, 3, &n, err) ||
            !key_vals_done(file, err))
            return NULL;
    }
    if (!path) {
        sys_fail(err, "%s: which file?", key_vals_what(kv));
        return NULL;
    }
    const BlockOpen how = {.read_only = read_only, .format = format};
    BlockNode *n = block_open(path, &how, err);
    *ret_guessed = n && !format && strcmp(n->kind->name, "raw") == 0;
    if (*ret_guessed && !read_only)
        g_printerr("tinamou-system: warning: %s: taken for raw since no format= says what it is; the guest "
                   "cannot make "
                   "another format of it\n",
                   path);
    return n;
}

BlockPort *disks_flash(Disks *all, unsigned unit)
{
    for (unsigned k = 0; k < all->list->len; k++) {
        Disk *d = all->list->pdata[k];
        if (d->flash == (int)unit)
            return &d->port;
    }
    return NULL;
}

/* The drive of the board's controller with this number; NULL: there is none. */
static Disk *find_ide(const Disks *all, int n)
{
    for (unsigned k = 0; k < all->list->len; k++) {
        Disk *d = all->list->pdata[k];
        if (d->ide == n)
            return d;
    }
    return NULL;
}

/* if=ide: its place, as an index or bus and unit, or the next. */
static bool set_ide(const Disks *all, Disk *d, KeyVals *kv, GError **err)
{
    enum { MOST = 15 };
    const unsigned units = all->vm->opt->board->ide_units;
    uint64_t n = 0, bus = UINT64_MAX, unit = 0;
    if (!units)
        return sys_fail(err, "%s: machine '%s' has no controller for if=ide", key_vals_what(kv),
                        all->vm->opt->board->name);
    while (find_ide(all, (int)n))
        n++;
    if (!key_vals_u64(kv, "index", MOST, &n, err) || !key_vals_u64(kv, "bus", MOST, &bus, err) ||
        !key_vals_u64(kv, "unit", MOST, &unit, err))
        return false;
    n = bus == UINT64_MAX ? n : bus * units + unit;
    if (find_ide(all, (int)n))
        return sys_fail(err, "%s: bus %u, unit %u has a drive already", key_vals_what(kv),
                        (unsigned)n / units, (unsigned)n % units);
    d->ide = (int)n;
    return true;
}

/* if=pflash: the number that is asked for, or the next. */
static bool set_flash(Disks *all, Disk *d, KeyVals *kv, bool flash, GError **err)
{
    uint64_t unit = 0;
    key_vals_get(kv, "bus");
    while (disks_flash(all, (unsigned)unit))
        unit++;
    if (!key_vals_u64(kv, "index", 15, &unit, err) || !key_vals_u64(kv, "unit", 15, &unit, err))
        return false;
    if (flash && disks_flash(all, (unsigned)unit))
        return sys_fail(err, "%s: flash %u is there already", key_vals_what(kv), (unsigned)unit);
    d->flash = flash ? (int)unit : -1;
    d->used = flash;
    return true;
}

/* In the order of the words of if=. */
typedef enum DriveFor { FOR_VIRTIO, FOR_NONE, FOR_FLASH, FOR_IDE, FORS } DriveFor;
static const char *const interfaces[FORS] = {"virtio", "none", "pflash", "ide"};

static char *default_id(const Disks *all, const Disk *d, DriveFor what)
{
    const unsigned units = all->vm->opt->board->ide_units;
    if (what == FOR_IDE)
        return units == 1 ? g_strdup_printf("ide%d-%s0", d->ide, d->cdrom ? "cd" : "hd")
                          : g_strdup_printf("ide%d-%s%d", d->ide / 2, d->cdrom ? "cd" : "hd", d->ide % 2);
    return g_strdup_printf("%s%u", interfaces[what], all->list->len - 1);
}

static bool read_drive(Disks *all, Disk *d, KeyVals *kv, DriveFor what, bool temporary, GError **err)
{
    const char *id = key_vals_get(kv, "id"), *serial = key_vals_get(kv, "serial"),
               *name = key_vals_get(kv, "node-name");
    const bool placed =
        what == FOR_IDE ? set_ide(all, d, kv, err) : set_flash(all, d, kv, what == FOR_FLASH, err);
    if (!placed || !set_policy(d, kv, err) || !ignore_keys(kv, err) || !key_vals_done(kv, err) ||
        (temporary && !put_temporary(d, err)))
        return false;
    d->id = id ? g_strdup(id) : default_id(all, d, what);
    if (name && d->node && !d->node->name)
        d->node->name = g_strdup(name);
    d->wants_device = what == FOR_VIRTIO || what == FOR_IDE;
    finish(d, serial);
    return true;
}

bool disks_add_drive(Disks *all, KeyVals *kv, GError **err)
{
    static const char *const media[] = {"disk", "cdrom"};
    bool read_only = false, temporary = all->vm->opt->snapshot, guessed = false;
    unsigned what = all->vm->opt->board->ide_units ? FOR_IDE : FOR_VIRTIO, medium = 0;
    if (!key_vals_word(kv, "if", interfaces, FORS, &what, err) ||
        !key_vals_word(kv, "media", media, 2, &medium, err) ||
        !key_vals_bool(kv, "readonly", &read_only, err) || !key_vals_bool(kv, "read-only", &read_only, err) ||
        !key_vals_bool(kv, "snapshot", &temporary, err))
        return false;
    read_only |= medium == 1;
    temporary = temporary && !read_only;
    const bool empty = medium == 1 && !key_vals_get(kv, "file") && !key_vals_has_below(kv, "file");
    BlockNode *n = empty ? NULL : open_drive(kv, read_only || temporary, &guessed, err);
    if (!n && !empty)
        return false;
    Disk *d = add_disk(all, n);
    d->guessed = guessed;
    d->cdrom = medium == 1;
    return read_drive(all, d, kv, (DriveFor)what, temporary, err);
}

BlockNode *disks_node_at(Disks *all, unsigned n)
{
    return n < all->nodes->len ? all->nodes->pdata[n] : NULL;
}

static bool has_node(const BlockNode *n, const char *name)
{
    return n &&
           ((n->name && strcmp(n->name, name) == 0) || has_node(n->file, name) || has_node(n->backing, name));
}

bool disks_remove_blockdev(Disks *all, const char *name, GError **err)
{
    BlockNode *n = node_named(all, name);
    if (n) {
        block_close(n);
        return true;
    }
    bool used = false;
    for (unsigned k = 0; k < all->list->len; k++)
        used |= has_node(((const Disk *)all->list->pdata[k])->node, name);
    for (unsigned k = 0; k < all->nodes->len; k++)
        used |= has_node(all->nodes->pdata[k], name);
    return sys_fail(err, used ? "Node '%s' is busy: node is used" : "Failed to find node with node-name='%s'",
                    name);
}

static bool name_is_free(const Disks *all, const BlockNode *n)
{
    bool used = false;
    for (unsigned k = 0; k < all->list->len; k++)
        used |= has_node(((const Disk *)all->list->pdata[k])->node, n->name);
    for (unsigned k = 0; k < all->nodes->len; k++)
        used |= has_node(all->nodes->pdata[k], n->name);
    return !used;
}

bool disks_add_blockdev(Disks *all, KeyVals *kv, GError **err)
{
    BlockNode *n = block_open_keys(kv, node_named, all, err);
    if (n && !n->name) {
        block_close(n);
        return sys_fail(err, "%s: which node-name?", key_vals_what(kv));
    }
    if (n && !name_is_free(all, n)) {
        sys_fail(err, "Duplicate nodes with node-name='%s'", n->name);
        block_close(n);
        return false;
    }
    if (n)
        g_ptr_array_add(all->nodes, n);
    return n != NULL;
}

Disk *disks_take(Disks *all, const char *id, GError **err)
{
    Disk *d = NULL;
    for (unsigned k = 0; !d && k < all->list->len; k++) {
        Disk *at = all->list->pdata[k];
        if (strcmp(disk_name(at), id) == 0 || (at->node && at->node->name && strcmp(at->node->name, id) == 0))
            d = at;
    }
    BlockNode *n = d ? NULL : node_named(all, id);
    if (n) {
        d = add_disk(all, n);
        finish(d, NULL);
    }
    if (!d || d->used) {
        sys_fail(err, d ? "drive '%s' has a device already" : "no drive '%s'", id);
        return NULL;
    }
    d->used = true;
    return d;
}

BlockNode *disks_take_node(Disks *all, const char *name, GError **err)
{
    BlockNode *n = node_named(all, name);
    if (!n)
        sys_fail(err, "Node '%s' not found", name);
    return n;
}

void disk_set_medium(Disk *d, BlockNode *node)
{
    if (d->node)
        block_close(d->node);
    d->node = node;
    d->below = NULL;
    d->guessed = false;
    d->port.bytes = node ? node->bytes : 0;
    d->port.read_only = !node || node->read_only;
}

static void disk_free(Disk *d)
{
    worker_stop(&d->worker);
    if (d->node)
        block_close(d->node);
    g_free(d->id);
    g_free(d);
}

void disks_give_back(Disks *all, Disk *d, bool was_there)
{
    if (!d->id && d->node && d->node->name) {
        g_ptr_array_add(all->nodes, d->node);
        d->node = NULL;
    } else if (!was_there) {
        d->used = false;
        return;
    }
    g_ptr_array_remove(all->list, d);
    disk_free(d);
}

Disks *disks_new(Vm *vm)
{
    Disks *all = g_new0(Disks, 1);
    all->vm = vm;
    all->list = g_ptr_array_new();
    all->nodes = g_ptr_array_new();
    return all;
}

void disks_free(Disks *all)
{
    if (!all)
        return;
    for (unsigned k = 0; k < all->list->len; k++)
        disk_free(all->list->pdata[k]);
    for (unsigned k = 0; k < all->nodes->len; k++)
        block_close(all->nodes->pdata[k]);
    g_ptr_array_unref(all->list);
    g_ptr_array_unref(all->nodes);
    g_free(all);
}
