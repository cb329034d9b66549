/* Opening and closing of images; the header. Section names are those of the format's description. */
#include "system/block/qcow2_priv.h"

#include <errno.h>
#include <string.h>

/* Offsets in the header. */
enum {
    H_VERSION = 4,
    H_BACKING_AT = 8,
    H_BACKING_LEN = 16,
    H_CLUSTER_BITS = 20,
    H_SIZE = 24,
    H_CRYPT = 32,
    H_L1_SIZE = 36,
    H_L1_AT = 40,
    H_TABLE_AT = 48,
    H_TABLE_CLUSTERS = 56,
    H_N_SNAPSHOTS = 60,
    H_SNAPSHOTS_AT = 64,
    H_INCOMPATIBLE = 72,
    H_COMPATIBLE = 80,
    H_AUTOCLEAR = 88,
    H_ORDER = 96,
    H_LENGTH = 100,
    H_ZIP_TYPE = 104
};
enum {
    EXT_BACKING_FORMAT = 0xe2792aca,
    EXT_BITMAPS = 0x23852875,
    MOST_NAME = 1023,
    MOST_SNAPSHOTS = 65536,
    MOST_L1 = 4 << 20,
    MOST_TABLE_BYTES = 8 << 20,
    MOST_EXTENSIONS = 64
};

static bool bad(const Qcow2 *q, GError **err, const char *what)
{
    return sys_fail(err, "%s: no good qcow2 image: %s", q->n.path, what);
}

static bool read_file(Qcow2 *q, uint64_t at, void *to, size_t n, GError **err)
{
    int why = block_read(q->file, at, to, n);
    return !why || sys_fail_errno(err, why, "%s", q->n.path);
}

bool q2_place_ok(const Qcow2 *q, uint64_t at)
{
    return at && !(at & (q->cluster - 1)) && at < 1ull << 56;
}

/* ---- header ---- */

static bool check_features(Qcow2 *q, const uint8_t *h, GError **err)
{
    uint64_t unknown = q->incompatible & ~(uint64_t)(Q2_DIRTY | Q2_CORRUPT | Q2_ZIP);
    if (unknown & Q2_EXTERNAL)
        return sys_fail(err, "%s: external data files are not there yet", q->n.path);
    if (unknown & Q2_EXTENDED_L2)
        return sys_fail(err, "%s: extended L2 entries are not there yet", q->n.path);
    if (unknown)
        return sys_fail(err, "%s: unknown features 0x%" PRIx64, q->n.path, unknown);
    if (q2_get32(h + H_CRYPT))
        return sys_fail(err, "%s: encrypted images are not there yet", q->n.path);
    if ((q->incompatible & Q2_CORRUPT) && !q->file->read_only && !q->file->repair)
        return sys_fail(err, "%s is marked corrupt; 'tinamou-img check -r all' may mend it", q->n.path);
    return true;
}

static bool read_v3(Qcow2 *q, const uint8_t *h, GError **err)
{
    q->incompatible = q2_get64(h + H_INCOMPATIBLE);
    q->compatible = q2_get64(h + H_COMPATIBLE);
    q->autoclear = q2_get64(h + H_AUTOCLEAR);
    q->order = q2_get32(h + H_ORDER);
    q->header_bytes = q2_get32(h + H_LENGTH);
    if (q->header_bytes < Q2_HEADER_V3 || q->header_bytes % 8 || q->header_bytes > q->cluster)
        return bad(q, err, "the header's length");
    if (q->order > 6)
        return bad(q, err, "the width of refcounts");
    uint8_t zip = q->header_bytes > H_ZIP_TYPE ? h[H_ZIP_TYPE] : 0;
    if (zip > QCOW2_ZSTD || (zip != 0) != ((q->incompatible & Q2_ZIP) != 0))
        return bad(q, err, "the kind of compression");
    q->zip = (Qcow2Zip)zip;
    return true;
}

static bool read_header(Qcow2 *q, const uint8_t *h, GError **err)
{
    q->version = q2_get32(h + H_VERSION);
    q->bits = q2_get32(h + H_CLUSTER_BITS);
    if (q2_get32(h) != (uint32_t)Q2_MAGIC)
        return sys_fail(err, "%s is not in qcow2 format", q->n.path);
    if (q->version != 2 && q->version != 3)
        return sys_fail(err, "%s: version %u of qcow2; 2 and 3 are there", q->n.path, q->version);
    if (q->bits < 9 || q->bits > 21)
        return bad(q, err, "the size of clusters");
    q->cluster = 1ull << q->bits;
    q->l2_entries = q->cluster / 8;
    q->header_bytes = Q2_HEADER_V2;
    q->order = 4;
    if (q->version == 3 && !read_v3(q, h, err))
        return false;
    q->block_entries = q->cluster * 8 >> q->order;
    q->n.bytes = q2_get64(h + H_SIZE);
    q->l1_size = q2_get32(h + H_L1_SIZE);
    q->l1_at = q2_get64(h + H_L1_AT);
    q->table_at = q2_get64(h + H_TABLE_AT);
    q->table_clusters = q2_get32(h + H_TABLE_CLUSTERS);
    q->table_size = q->table_clusters * q->cluster / 8;
    uint64_t covered = q->cluster * q->l2_entries;
    if (q->n.bytes > INT64_MAX || q->l1_size > MOST_L1 ||
        q->l1_size < q->n.bytes / covered + (q->n.bytes % covered != 0))
        return bad(q, err, "the size, or its L1 table's");
    if (q->l1_size && (!q2_place_ok(q, q->l1_at) || q2_is_far(q, q->l1_at)))
        return bad(q, err, "the place of the L1 table");
    if (!q2_place_ok(q, q->table_at) || q2_is_far(q, q->table_at) || !q->table_clusters ||
        q->table_clusters * q->cluster > MOST_TABLE_BYTES)
        return bad(q, err, "the refcount table");
    q->n.bytes = align_up(q->n.bytes, BLOCK_SECTOR);
    return check_features(q, h, err);
}

static bool read_backing(Qcow2 *q, const uint8_t *h, GError **err)
{
    uint64_t at = q2_get64(h + H_BACKING_AT);
    uint32_t n = q2_get32(h + H_BACKING_LEN);
    if (!at || !n)
        return true;
    if (n > MOST_NAME || at > q->cluster || n > q->cluster - at)
        return bad(q, err, "the name of the backing file");
    g_autofree char *name = g_malloc0(n + 1);
    if (!read_file(q, at, name, n, err))
        return false;
    q->n.backing_path = g_steal_pointer(&name);
    return true;
}

static bool read_extension(Qcow2 *q, uint32_t type, uint64_t at, uint32_t n, GError **err)
{
    uint8_t b[24];
    if (type == (uint32_t)EXT_BACKING_FORMAT && n < 16) {
        g_autofree char *name = g_malloc0(n + 1);
        if (!read_file(q, at, name, n, err))
            return false;
        g_free(q->n.backing_format);
        q->n.backing_format = g_steal_pointer(&name);
    } else if (type == EXT_BITMAPS && n >= sizeof(b) && (q->autoclear & Q2_BITMAPS)) {
        if (!read_file(q, at, b, sizeof(b), err))
            return false;
        q->n_bitmaps = q2_get32(b);
        q->bitmaps_bytes = q2_get64(b + 8);
        q->bitmaps_at = q2_get64(b + 16);
    }
    return true;
}

static bool read_extensions(Qcow2 *q, const uint8_t *h, GError **err)
{
    uint64_t backing = q2_get64(h + H_BACKING_AT), end = backing ? MIN(backing, q->cluster) : q->cluster;
    uint64_t at = q->header_bytes;
    for (unsigned k = 0; at + 8 <= end; k++) {
        uint8_t head[8];
        if (!read_file(q, at, head, sizeof(head), err))
            return false;
        uint32_t type = q2_get32(head), n = q2_get32(head + 4);
        at += sizeof(head);
        if (!type)
            break;
        if (n > end - at || k == MOST_EXTENSIONS)
            return bad(q, err, "a header extension");
        if (!read_extension(q, type, at, n, err))
            return false;
        at += align_up(n, 8);
    }
    return true;
}

/* ---- tables ---- */

static bool read_words(Qcow2 *q, uint64_t at, uint64_t n, uint64_t **ret, GError **err)
{
    g_autofree uint64_t *v = g_try_new0(uint64_t, n ? n : 1);
    if (!v)
        return bad(q, err, "a table is too large");
    if (!read_file(q, at, v, n * 8, err))
        return false;
    for (uint64_t k = 0; k < n; k++)
        v[k] = __builtin_bswap64(v[k]);
    *ret = g_steal_pointer(&v);
    return true;
}

static void snapshot_clear(void *p)
{
    g_free(((Qcow2Snapshot *)p)->id);
    g_free(((Qcow2Snapshot *)p)->name);
}

/* One entry of the snapshot table, *at moves behind it. */
static bool read_snapshot(Qcow2 *q, uint64_t *at, GError **err)
{
    enum { FIXED = 40, MOST_EXTRA = 1024 };
    uint8_t h[FIXED], extra[24] = {0};
    if (!read_file(q, *at, h, FIXED, err))
        return false;
    uint32_t n_extra = q2_get32(h + 36), n_id = (uint32_t)h[12] << 8 | h[13],
             n_name = (uint32_t)h[14] << 8 | h[15];
    Q2Run l1 = {q2_get64(h), q2_get32(h + 8)};
    if (n_extra > MOST_EXTRA || l1.clusters > MOST_L1 || (l1.clusters && !q2_place_ok(q, l1.at)))
        return bad(q, err, "the table of snapshots");
    g_autofree char *id = g_malloc0(n_id + 1), *name = g_malloc0(n_name + 1);
    if (!read_file(q, *at + FIXED, extra, MIN(n_extra, sizeof(extra)), err) ||
        !read_file(q, *at + FIXED + n_extra, id, n_id, err) ||
        !read_file(q, *at + FIXED + n_extra + n_id, name, n_name, err))
        return false;
    Qcow2Snapshot s = {.id = g_steal_pointer(&id),
                       .name = g_steal_pointer(&name),
                       .date_sec = q2_get32(h + 16),
                       .date_nsec = q2_get32(h + 20),
                       .vm_clock_ns = q2_get64(h + 24),
                       .vm_bytes = n_extra >= 8 ? q2_get64(extra) : q2_get32(h + 32),
                       .disk_bytes = n_extra >= 16 ? q2_get64(extra + 8) : q->n.bytes,
                       .icount = n_extra >= 24 ? q2_get64(extra + 16) : UINT64_MAX};
    g_array_append_val(q->snapshots, s);
    g_array_append_val(q->snapshot_l1, l1);
    *at += align_up(FIXED + n_extra + n_id + n_name, 8);
    return true;
}

static bool read_snapshots(Qcow2 *q, const uint8_t *h, GError **err)
{
    uint32_t n = q2_get32(h + H_N_SNAPSHOTS);
    uint64_t at = q->snapshots_at = q2_get64(h + H_SNAPSHOTS_AT);
    q->snapshots = g_array_new(FALSE, FALSE, sizeof(Qcow2Snapshot));
    g_array_set_clear_func(q->snapshots, snapshot_clear);
    q->snapshot_l1 = g_array_new(FALSE, FALSE, sizeof(Q2Run));
    if (n > MOST_SNAPSHOTS || (n && !q2_place_ok(q, at)))
        return bad(q, err, "the table of snapshots");
    for (uint32_t k = 0; k < n; k++)
        if (at >= q->file->bytes ? !bad(q, err, "the table of snapshots") : !read_snapshot(q, &at, err))
            return false;
    q->snapshots_bytes = at - q->snapshots_at;
    return true;
}

static void table_free(void *p)
{
    g_free(((Q2Table *)p)->bytes);
    g_free(p);
}

static GHashTable *tables_new(void)
{
    return g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, table_free);
}

int q2_table_load(Qcow2 *q, GHashTable *in, uint64_t at, Q2Table **ret)
{
    Q2Table *t = g_hash_table_lookup(in, &at);
    if (!t) {
        if (!q2_place_ok(q, at) || q2_is_far(q, at))
            return q2_corrupt(q, "a table's place");
        t = q2_table_new(q, in, at);
        t->dirty = false;
        int why = block_read(q->file, at, t->bytes, q->cluster);
        if (why) {
            q2_table_drop(in, at);
            return why;
        }
    }
    *ret = t;
    return 0;
}

Q2Table *q2_table_new(Qcow2 *q, GHashTable *in, uint64_t at)
{
    Q2Table *t = g_new0(Q2Table, 1);
    *t = (Q2Table){.at = at, .dirty = true, .bytes = g_malloc0(q->cluster)};
    g_hash_table_replace(in, &t->at, t);
    return t;
}

void q2_table_drop(GHashTable *in, uint64_t at)
{
    g_hash_table_remove(in, &at);
}

static gboolean is_clean(void *key, void *value, void *opaque)
{
    return !((Q2Table *)value)->dirty;
}

void q2_tables_shrink(Qcow2 *q)
{
    if (g_hash_table_size(q->l2) > Q2_MOST_TABLES)
        g_hash_table_foreach_remove(q->l2, is_clean, NULL);
    if (g_hash_table_size(q->blocks) > Q2_MOST_TABLES)
        g_hash_table_foreach_remove(q->blocks, is_clean, NULL);
}

/* ---- life ---- */

int q2_write_header_field(Qcow2 *q, unsigned at, const void *bytes, unsigned n)
{
    return block_write(q->file, at, bytes, n);
}

static int write_features(Qcow2 *q)
{
    uint8_t b[24];
    if (q->version < 3)
        return 0;
    q2_put64(b, q->incompatible);
    q2_put64(b + 8, q->compatible);
    q2_put64(b + 16, q->autoclear);
    return q2_write_header_field(q, H_INCOMPATIBLE, b, sizeof(b));
}

int q2_corrupt(Qcow2 *q, const char *what)
{
    g_printerr("qcow2: %s is corrupt: %s; it is not written to any more\n", q->n.path, what);
    if (!q->n.read_only && !(q->incompatible & Q2_CORRUPT)) {
        q->incompatible |= Q2_CORRUPT;
        write_features(q);
    }
    if (!q->file->repair)
        q->n.read_only = true;
    return EIO;
}

int q2_begin_writing(Qcow2 *q)
{
    if (!q->autoclear)
        return 0;
    q->autoclear = 0;
    return write_features(q);
}

static void q2_close(BlockNode *n)
{
    Qcow2 *q = (Qcow2 *)n;
    if (!n->read_only && q->l2)
        q2_commit(q);
    if (q->l2)
        g_hash_table_unref(q->l2);
    if (q->blocks)
        g_hash_table_unref(q->blocks);
    if (q->given_up)
        g_array_unref(q->given_up);
    if (q->snapshots)
        g_array_unref(q->snapshots);
    if (q->snapshot_l1)
        g_array_unref(q->snapshot_l1);
    g_mutex_clear(&q->lock);
    g_free(q->l1);
    g_free(q->table);
}

static int q2_flush(BlockNode *n)
{
    Qcow2 *q = (Qcow2 *)n;
    g_mutex_lock(&q->lock);
    int why = q2_commit(q);
    g_mutex_unlock(&q->lock);
    return why ? why : block_flush(q->file);
}

const BlockKind qcow2_kind = {
    .name = "qcow2",
    .read = q2_io_read,
    .write = q2_io_write,
    .flush = q2_flush,
    .zero = q2_io_zero,
    .discard = q2_io_discard,
    .status = q2_io_status,
    .resize = q2_io_resize,
    .close = q2_close,
};

/* Refcounts were not kept: they are made anew, and the image is as others again. */
static bool mend_lazy(Qcow2 *q, GError **err)
{
    Qcow2Check c;
    if (!(q->incompatible & Q2_DIRTY) || q->n.read_only || q->file->repair)
        return true;
    int why = qcow2_check(&q->n, 2, NULL, NULL, &c);
    q->incompatible &= ~(uint64_t)Q2_DIRTY;
    why = why ? why : write_features(q);
    return !why || sys_fail_errno(err, why, "%s: making the refcounts anew", q->n.path);
}

static bool open_all(Qcow2 *q, GError **err)
{
    uint8_t h[Q2_HEADER_ZIP] = {0};
    if (!read_file(q, 0, h, sizeof(h), err) || !read_header(q, h, err) || !read_backing(q, h, err) ||
        !read_extensions(q, h, err) || !read_words(q, q->l1_at, q->l1_size, &q->l1, err) ||
        !read_words(q, q->table_at, q->table_size, &q->table, err) || !read_snapshots(q, h, err))
        return false;
    q->l2 = tables_new();
    q->blocks = tables_new();
    q->given_up = g_array_new(FALSE, FALSE, sizeof(Q2Run));
    return mend_lazy(q, err);
}

BlockNode *qcow2_open(BlockNode *file, GError **err)
{
    Qcow2 *q = g_new0(Qcow2, 1);
    q->n = (BlockNode){
        .kind = &qcow2_kind, .path = g_strdup(file->path), .read_only = file->read_only, .file = file};
    q->file = file;
    g_mutex_init(&q->lock);
    if (open_all(q, err))
        return &q->n;
    q->n.read_only = true; /* nothing is written */
    q->n.file = NULL;
    block_close(&q->n);
    return NULL;
}

bool qcow2_info(BlockNode *n, Qcow2Info *ret)
{
    const Qcow2 *q = (const Qcow2 *)n;
    if (n->kind != &qcow2_kind)
        return false;
    *ret = (Qcow2Info){.version = q->version,
                       .refcount_bits = 1u << q->order,
                       .cluster_bytes = q->cluster,
                       .zip = q->zip,
                       .lazy = (q->compatible & Q2_LAZY) != 0,
                       .corrupt = (q->incompatible & Q2_CORRUPT) != 0,
                       .dirty = (q->incompatible & Q2_DIRTY) != 0,
                       .n_snapshots = q->snapshots->len};
    return true;
}

bool qcow2_snapshot(BlockNode *n, unsigned k, const Qcow2Snapshot **ret)
{
    const Qcow2 *q = (const Qcow2 *)n;
    if (n->kind != &qcow2_kind || k >= q->snapshots->len)
        return false;
    *ret = &g_array_index(q->snapshots, Qcow2Snapshot, k);
    return true;
}
