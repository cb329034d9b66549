/* info, check, snapshot: what an image says of itself, for people and as JSON. */
#include "system/img/img.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <time.h>

static void print_json(JsonNode *root)
{
    g_autofree char *text = json_to_string(root, TRUE);
    printf("%s\n", text);
    json_node_unref(root);
}

static JsonNode *object_node(JsonObject *o)
{
    JsonNode *n = json_node_alloc();
    json_node_init_object(n, o);
    json_object_unref(o);
    return n;
}

/* ---- snapshots ---- */

static void print_snapshots(BlockNode *n)
{
    const Qcow2Snapshot *s;
    for (unsigned k = 0; qcow2_snapshot(n, k, &s); k++) {
        char date[32] = "";
        time_t at = s->date_sec;
        struct tm tm;
        uint64_t ms = s->vm_clock_ns / 1000000;
        g_autofree char *size = img_size_text(s->vm_bytes), *icount = g_strdup_printf("%" PRIu64, s->icount);
        if (localtime_r(&at, &tm))
            strftime(date, sizeof(date), "%Y-%m-%d %H:%M:%S", &tm);
        if (k == 0)
            printf("Snapshot list:\n%-9s %-16s %8s %19s %12s %10s\n", "ID", "TAG", "VM SIZE", "DATE",
                   "VM CLOCK", "ICOUNT");
        printf("%-9s %-16s %8s %19s %02u:%02u:%02u.%03u %10s\n", s->id, s->name, size, date,
               (unsigned)(ms / 3600000), (unsigned)(ms / 60000 % 60), (unsigned)(ms / 1000 % 60),
               (unsigned)(ms % 1000), s->icount == UINT64_MAX ? "" : icount);
    }
}

static JsonArray *json_snapshots(BlockNode *n)
{
    JsonArray *all = json_array_new();
    const Qcow2Snapshot *s;
    for (unsigned k = 0; qcow2_snapshot(n, k, &s); k++) {
        JsonObject *o = json_object_new();
        json_object_set_string_member(o, "id", s->id);
        json_object_set_string_member(o, "name", s->name);
        json_object_set_int_member(o, "vm-state-size", (gint64)s->vm_bytes);
        json_object_set_int_member(o, "date-sec", s->date_sec);
        json_object_set_int_member(o, "date-nsec", s->date_nsec);
        json_object_set_int_member(o, "vm-clock-sec", (gint64)(s->vm_clock_ns / 1000000000));
        json_object_set_int_member(o, "vm-clock-nsec", (gint64)(s->vm_clock_ns % 1000000000));
        if (s->icount != UINT64_MAX)
            json_object_set_int_member(o, "icount", (gint64)s->icount);
        json_array_add_object_element(all, o);
    }
    return all;
}

int img_snapshot(ImgArgs *a)
{
    GError *err = NULL;
    if (a->snapshot_act)
        return img_change_snapshots(a);
    BlockNode *n = img_open(a, a->names->pdata[0], a->format, true, false, &err);
    if (!n)
        return img_fail(err);
    print_snapshots(n);
    block_close(n);
    return 0;
}

/* ---- info ---- */

static const char *zip_name(Qcow2Zip z)
{
    return z == QCOW2_ZSTD ? "zstd" : "zlib";
}

static void print_info(BlockNode *n)
{
    Qcow2Info q;
    bool is_qcow2 = qcow2_info(n, &q);
    g_autofree char *size = img_size_text(n->bytes), *disk = img_size_text(block_host_bytes(n->path));
    printf("image: %s\nfile format: %s\nvirtual size: %s (%" PRIu64 " bytes)\ndisk size: %s\n", n->path,
           n->kind->name, size, n->bytes, disk);
    if (!is_qcow2)
        return;
    printf("cluster_size: %" PRIu64 "\n", q.cluster_bytes);
    if (n->backing_path) {
        g_autofree char *full = block_backing_path(n->path, n->backing_path);
        printf("backing file: %s", n->backing_path);
        if (strcmp(full, n->backing_path) != 0)
            printf(" (actual path: %s)", full);
        printf("\n");
    }
    if (n->backing_format)
        printf("backing file format: %s\n", n->backing_format);
    print_snapshots(n);
    printf("Format specific information:\n    compat: %s\n    compression type: %s\n",
           q.version == 3 ? "1.1" : "0.10", zip_name(q.zip));
    if (q.version == 3)
        printf("    lazy refcounts: %s\n", q.lazy ? "true" : "false");
    printf("    refcount bits: %u\n", q.refcount_bits);
    if (q.version == 3)
        printf("    corrupt: %s\n    extended l2: false\n", q.corrupt ? "true" : "false");
}

static void json_qcow2(JsonObject *o, BlockNode *n, const Qcow2Info *q)
{
    JsonObject *data = json_object_new(), *specific = json_object_new();
    if (q->n_snapshots)
        json_object_set_array_member(o, "snapshots", json_snapshots(n));
    json_object_set_int_member(o, "cluster-size", (gint64)q->cluster_bytes);
    json_object_set_string_member(data, "compat", q->version == 3 ? "1.1" : "0.10");
    json_object_set_string_member(data, "compression-type", zip_name(q->zip));
    if (q->version == 3)
        json_object_set_boolean_member(data, "lazy-refcounts", q->lazy);
    json_object_set_int_member(data, "refcount-bits", q->refcount_bits);
    if (q->version == 3) {
        json_object_set_boolean_member(data, "corrupt", q->corrupt);
        json_object_set_boolean_member(data, "extended-l2", FALSE);
    }
    json_object_set_string_member(specific, "type", "qcow2");
    json_object_set_object_member(specific, "data", data);
    json_object_set_object_member(o, "format-specific", specific);
}

static JsonObject *json_info(BlockNode *n)
{
    Qcow2Info q;
    JsonObject *o = json_object_new();
    bool is_qcow2 = qcow2_info(n, &q);
    json_object_set_int_member(o, "virtual-size", (gint64)n->bytes);
    json_object_set_string_member(o, "filename", n->path);
    json_object_set_string_member(o, "format", n->kind->name);
    json_object_set_int_member(o, "actual-size", (gint64)block_host_bytes(n->path));
    if (is_qcow2)
        json_qcow2(o, n, &q);
    if (n->backing_path) {
        g_autofree char *full = block_backing_path(n->path, n->backing_path);
        json_object_set_string_member(o, "full-backing-filename", full);
        json_object_set_string_member(o, "backing-filename", n->backing_path);
    }
    if (n->backing_format)
        json_object_set_string_member(o, "backing-filename-format", n->backing_format);
    json_object_set_boolean_member(o, "dirty-flag", is_qcow2 && q.dirty);
    return o;
}

int img_info(ImgArgs *a)
{
    GError *err = NULL;
    const BlockOpen how = {.read_only = true, .no_backing = !a->chain, .format = a->format};
    BlockNode *n = block_open(a->names->pdata[0], &how, &err);
    if (!n)
        return img_fail(err);
    JsonArray *all = json_array_new();
    for (BlockNode *at = n; at; at = at->backing) {
        if (!img_wants_json(a))
            print_info(at);
        if (!img_wants_json(a) && at->backing)
            printf("\n");
        json_array_add_object_element(all, json_info(at));
    }
    if (img_wants_json(a) && a->chain) {
        JsonNode *root = json_node_alloc();
        json_node_init_array(root, all);
        print_json(root);
    } else if (img_wants_json(a)) {
        print_json(object_node(json_object_ref(json_array_get_object_element(all, 0))));
    }
    json_array_unref(all);
    block_close(n);
    return 0;
}

/* ---- check ---- */

enum { CHECK_CORRUPT = 2, CHECK_LEAKS = 3, CHECK_NOT_THERE = 63 };

static void say_line(void *opaque, const char *line)
{
    const ImgArgs *a = opaque;
    if (!img_wants_json(a) && !a->quiet)
        fprintf(stderr, "%s\n", line);
}

/* "12.34" of part in whole, in hundredths of a percent. */
static void print_share(uint64_t part, uint64_t whole, const char *what)
{
    uint64_t v = whole ? (uint64_t)((unsigned __int128)part * 10000 / whole) : 0;
    printf("%" PRIu64 ".%02u%% %s", v / 100, (unsigned)(v % 100), what);
}

static void print_check(const Qcow2Check *c)
{
    if (c->errors_fixed || c->leaks_fixed)
        printf("The following inconsistencies were found and repaired:\n\n    %" PRIu64
               " leaked clusters\n    %" PRIu64 " corruptions\n\nDouble checking the fixed image now...\n",
               c->leaks_fixed, c->errors_fixed);
    if (!c->errors && !c->leaks)
        printf("No errors were found on the image.\n");
    if (c->errors)
        printf("\n%" PRIu64
               " errors were found on the image.\nData may be corrupted, or further writes to the image may "
               "corrupt it.\n",
               c->errors);
    if (c->leaks)
        printf("\n%" PRIu64
               " leaked clusters were found on the image.\nThis means waste of disk space, but no harm to "
               "data.\n",
               c->leaks);
    if (c->allocated) {
        printf("%" PRIu64 "/%" PRIu64 " = ", c->allocated, c->clusters);
        print_share(c->allocated, c->clusters, "allocated, ");
        print_share(c->fragmented, c->allocated, "fragmented, ");
        print_share(c->compressed, c->allocated, "compressed clusters\n");
    }
    printf("Image end offset: %" PRIu64 "\n", c->end);
}

static void add_count(JsonObject *o, const char *name, uint64_t v)
{
    if (v)
        json_object_set_int_member(o, name, (gint64)v);
}

static void json_check(const ImgArgs *a, const Qcow2Check *c)
{
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "image-end-offset", (gint64)c->end);
    json_object_set_int_member(o, "total-clusters", (gint64)c->clusters);
    json_object_set_int_member(o, "check-errors", 0);
    add_count(o, "corruptions", c->errors);
    add_count(o, "corruptions-fixed", c->errors_fixed);
    add_count(o, "leaks", c->leaks);
    add_count(o, "leaks-fixed", c->leaks_fixed);
    add_count(o, "allocated-clusters", c->allocated);
    add_count(o, "fragmented-clusters", c->fragmented);
    add_count(o, "compressed-clusters", c->compressed);
    json_object_set_string_member(o, "filename", a->names->pdata[0]);
    json_object_set_string_member(o, "format", "qcow2");
    print_json(object_node(o));
}

int img_check(ImgArgs *a)
{
    GError *err = NULL;
    Qcow2Check c, again;
    unsigned fix = !a->repair ? 0 : strcmp(a->repair, "all") == 0 ? 2 : 1;
    const BlockOpen how = {.read_only = !fix, .no_backing = true, .format = a->format, .repair = true};
    if (a->repair && !fix && strcmp(a->repair, "leaks") != 0)
        sys_fail(&err, "-r: leaks or all");
    BlockNode *n = err ? NULL : block_open(a->names->pdata[0], &how, &err);
    if (!n)
        return img_fail(err);
    int why = qcow2_check(n, fix, say_line, a, &c);
    if (!why && fix) {
        why = qcow2_check(n, 0, say_line, a, &again);
        again.errors_fixed = c.errors_fixed;
        again.leaks_fixed = c.leaks_fixed;
        c = again;
    }
    block_close(n);
    if (why == ENOTSUP) {
        fprintf(stderr, "tinamou-img: This image format does not support checks\n");
        return CHECK_NOT_THERE;
    }
    if (why) {
        sys_fail_errno(&err, why, "%s", (char *)a->names->pdata[0]);
        return img_fail(err);
    }
    if (img_wants_json(a))
        json_check(a, &c);
    else if (!a->quiet)
        print_check(&c);
    return c.errors ? CHECK_CORRUPT : c.leaks ? CHECK_LEAKS : 0;
}
