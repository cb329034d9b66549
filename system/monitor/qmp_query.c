/* QMP commands about objects and disks. */
#include "hw/block/trays.h"
#include "system/media.h"
#include "system/monitor/qmp.h"
#include "system/objects.h"

#include <string.h>

KeyVals *qmp_keys(const char *what, JsonObject *args, GError **err)
{
    g_autoptr(JsonNode) node = json_node_alloc();
    json_node_init_object(node, args);
    g_autofree char *text = json_to_string(node, FALSE);
    return key_vals_parse(what, text, NULL, err);
}

/* ---- objects ---- */

bool qmp_object_add(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    bool known;
    g_autoptr(KeyVals) kv = qmp_keys("object-add", args, err);
    return kv && objects_add(qmp_vm(q)->objects, kv, &known, err);
}

bool qmp_object_del(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return objects_remove(qmp_vm(q)->objects, json_object_get_string_member(args, "id"), err);
}

bool qmp_query_iothreads(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    const char *kind, *id;
    for (unsigned k = 0; objects_at(qmp_vm(q)->objects, k, &kind, &id); k++) {
        if (strcmp(kind, "iothread") != 0)
            continue;
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "id", id);
        json_array_add_object_element(all, o);
    }
    *ret = qmp_array_node(all);
    return true;
}

/* ---- disks ---- */

bool qmp_blockdev_add(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    g_autoptr(KeyVals) kv = qmp_keys("blockdev-add", args, err);
    return kv && disks_add_blockdev(qmp_vm(q)->disks, kv, err);
}

bool qmp_blockdev_del(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    return disks_remove_blockdev(qmp_vm(q)->disks, json_object_get_string_member(args, "node-name"), err);
}

static JsonObject *image_info(BlockNode *n)
{
    Qcow2Info q;
    JsonObject *o = json_object_new();
    json_object_set_string_member(o, "filename", n->path);
    json_object_set_string_member(o, "format", n->kind->name);
    json_object_set_int_member(o, "virtual-size", (gint64)n->bytes);
    json_object_set_int_member(o, "actual-size", (gint64)block_host_bytes(n->path));
    json_object_set_boolean_member(o, "dirty-flag", FALSE);
    if (qcow2_info(n, &q))
        json_object_set_int_member(o, "cluster-size", (gint64)q.cluster_bytes);
    if (n->backing_path) {
        g_autofree char *full = block_backing_path(n->path, n->backing_path);
        json_object_set_string_member(o, "backing-filename", n->backing_path);
        json_object_set_string_member(o, "full-backing-filename", full);
    }
    if (n->backing_format)
        json_object_set_string_member(o, "backing-filename-format", n->backing_format);
    if (n->backing)
        json_object_set_object_member(o, "backing-image", image_info(n->backing));
    return o;
}

static JsonObject *node_info(BlockNode *n, const Disk *d)
{
    static const char *const limits[] = {"bps",     "bps_rd",  "bps_wr",         "iops",
                                         "iops_rd", "iops_wr", "write_threshold"};
    JsonObject *o = json_object_new(), *cache = json_object_new();
    unsigned depth = 0;
    for (const BlockNode *b = n->backing; b; b = b->backing)
        depth++;
    json_object_set_string_member(o, "file", n->path);
    if (n->name)
        json_object_set_string_member(o, "node-name", n->name);
    json_object_set_boolean_member(o, "ro", n->read_only);
    json_object_set_string_member(o, "drv", n->kind->name);
    if (n->backing_path)
        json_object_set_string_member(o, "backing_file", n->backing_path);
    json_object_set_int_member(o, "backing_file_depth", depth);
    json_object_set_boolean_member(o, "encrypted", FALSE);
    json_object_set_string_member(o, "detect_zeroes", "off");
    for (unsigned k = 0; k < G_N_ELEMENTS(limits); k++)
        json_object_set_int_member(o, limits[k], 0);
    json_object_set_object_member(o, "image", image_info(n));
    json_object_set_boolean_member(cache, "writeback", !d->writethrough);
    json_object_set_boolean_member(cache, "direct", FALSE);
    json_object_set_boolean_member(cache, "no-flush", d->unsafe);
    json_object_set_object_member(o, "cache", cache);
    return o;
}

static void show_tray(Vm *vm, const Disk *d, JsonObject *o)
{
    Medium m;
    bool open = false, locked = false;
    const bool removable = media_of(vm, d, &m);
    if (removable) {
        cd_look(m.drive, &open, &locked);
        json_object_set_string_member(o, "qdev", m.id);
        json_object_set_boolean_member(o, "tray_open", open);
    }
    json_object_set_boolean_member(o, "removable", removable);
    json_object_set_boolean_member(o, "locked", locked);
}

bool qmp_query_block(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    const Disk *d;
    for (unsigned k = 0; (d = disks_at(qmp_vm(q)->disks, k)); k++) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "device", d->id ? d->id : "");
        json_object_set_string_member(o, "type", "unknown");
        show_tray(qmp_vm(q), d, o);
        if (d->node)
            json_object_set_object_member(o, "inserted", node_info(d->node, d));
        json_object_set_string_member(o, "io-status", qmp_vm(q)->state == RUN_IO_ERROR ? "failed" : "ok");
        json_array_add_object_element(all, o);
    }
    *ret = qmp_array_node(all);
    return true;
}

static void add_chain(JsonArray *all, BlockNode *n, const Disk *d, bool flat)
{
    if (n->name)
        json_array_add_object_element(all, node_info(n, d));
    if (n->file && n->file->name)
        json_array_add_object_element(all, node_info(n->file, d));
    if (n->backing && !flat)
        add_chain(all, n->backing, d, flat);
}

bool qmp_query_nodes(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    const Disk *d;
    bool flat = json_object_has_member(args, "flat") && json_object_get_boolean_member(args, "flat");
    for (unsigned k = 0; (d = disks_at(qmp_vm(q)->disks, k)); k++)
        if (d->node)
            add_chain(all, d->node, d, flat);
    BlockNode *n;
    const Disk none = {.vm = qmp_vm(q)};
    for (unsigned k = 0; (n = disks_node_at(qmp_vm(q)->disks, k)); k++)
        add_chain(all, n, &none, flat);
    *ret = qmp_array_node(all);
    return true;
}

bool qmp_query_blockstats(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    const Disk *d;
    for (unsigned k = 0; (d = disks_at(qmp_vm(q)->disks, k)); k++) {
        JsonObject *o = json_object_new(), *s = json_object_new();
        json_object_set_string_member(o, "device", d->id ? d->id : "");
        if (d->node && d->node->name)
            json_object_set_string_member(o, "node-name", d->node->name);
        json_object_set_int_member(s, "rd_bytes", (gint64)d->stats.read_bytes);
        json_object_set_int_member(s, "wr_bytes", (gint64)d->stats.written_bytes);
        json_object_set_int_member(s, "rd_operations", (gint64)d->stats.reads);
        json_object_set_int_member(s, "wr_operations", (gint64)d->stats.writes);
        json_object_set_int_member(s, "flush_operations", (gint64)d->stats.flushes);
        json_object_set_int_member(s, "unmap_operations", (gint64)d->stats.discards);
        json_object_set_object_member(o, "stats", s);
        json_array_add_object_element(all, o);
    }
    *ret = qmp_array_node(all);
    return true;
}
