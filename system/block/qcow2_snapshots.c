/* Internal snapshots: an L1 table each, whose tables and clusters are counted once more; and the name of the
 * backing file. Counts go up before anything new is named by the header, and down after nothing old is: what
 * a crash leaves behind is a leak. COPIED goes before counts go up, and comes back after they went down: what
 * a crash leaves behind is a cluster that is copied without need when it is next written. */
#include "system/block/qcow2_priv.h"

#include <errno.h>
#include <string.h>

enum {
    H_SIZE_AT = 24,
    H_L1_AT = 36,
    H_SNAPSHOTS = 60,
    H_BACKING = 8,
    MOST_NAME = 1023,
    EXTRA = 24,
    FIXED = 40
};
enum { EXT_FORMAT = (int)0xe2792aca };

/* ---- counting trees ---- */

static int count_range(Qcow2 *q, uint64_t at, uint64_t bytes, int add)
{
    int why = 0;
    for (uint64_t c = at >> q->bits; !why && c <= (at + bytes - 1) >> q->bits; c++)
        why = q2_refcount_add(q, c, add);
    return why;
}

static int count_entry(Qcow2 *q, uint64_t entry, int add)
{
    uint64_t at, bytes;
    if (entry & Q2_COMPRESSED) {
        q2_zip_place(q, entry, &at, &bytes);
        return bytes > 2 * q->cluster ? q2_corrupt(q, "the place of a compressed cluster")
                                      : count_range(q, at, bytes, add);
    }
    return entry & Q2_OFFSET ? count_range(q, entry & Q2_OFFSET, 1, add) : 0;
}

/* A copy of an L2 table: loading others may drop it from memory. */
static int copy_l2(Qcow2 *q, uint64_t at, uint8_t *to)
{
    Q2Table *t;
    int why = q2_table_load(q, q->l2, at, &t);
    if (!why)
        memcpy(to, t->bytes, q->cluster);
    return why;
}

/* Everything that an L1 table leads to. */
static int count_tree(Qcow2 *q, const uint64_t *l1, uint64_t n, int add)
{
    g_autofree uint8_t *l2 = g_malloc(q->cluster);
    int why = 0;
    for (uint64_t k = 0; !why && k < n; k++) {
        uint64_t at = l1[k] & Q2_OFFSET, left = 1;
        if (!at)
            continue;
        why = copy_l2(q, at, l2);
        for (uint64_t e = 0; !why && e < q->l2_entries; e++)
            why = count_entry(q, q2_get64(l2 + 8 * e), add);
        why = why ? why : count_range(q, at, 1, add);
        why = why ? why : q2_refcount(q, at >> q->bits, &left);
        if (!left)
            q2_table_drop(q->l2, at);
    }
    return why;
}

static int is_alone(Qcow2 *q, uint64_t at, bool *ret)
{
    uint64_t count;
    int why = q2_refcount(q, at >> q->bits, &count);
    *ret = count == 1;
    return why;
}

/* Which clusters a writer may write in place. */
typedef enum Marks { MARK_ALONE /* those that are counted once */, MARK_NONE } Marks;

static int mark_entry(Qcow2 *q, uint64_t *entry, Marks marks)
{
    bool alone = false;
    int why = marks == MARK_ALONE ? is_alone(q, *entry & Q2_OFFSET, &alone) : 0;
    *entry = alone ? *entry | Q2_COPIED : *entry & ~Q2_COPIED;
    return why;
}

static int mark_table(Qcow2 *q, uint64_t at, Marks marks)
{
    Q2Table *t;
    int why = q2_table_load(q, q->l2, at, &t);
    for (uint64_t e = 0; !why && e < q->l2_entries; e++) {
        uint64_t old = q2_get64(t->bytes + 8 * e), new = old;
        if ((old & Q2_COMPRESSED) || !(old & Q2_OFFSET))
            continue;
        why = mark_entry(q, &new, marks);
        if (why || new == old)
            continue;
        q2_put64(t->bytes + 8 * e, new);
        q->n_dirty_l2 += !t->dirty;
        t->dirty = true;
    }
    return why;
}

/* Those of the active tables; in the file, too. */
static int mark_copied(Qcow2 *q, Marks marks)
{
    int why = 0;
    for (uint64_t k = 0; !why && k < q->l1_size; k++) {
        uint64_t at = q->l1[k] & Q2_OFFSET;
        if (!at)
            continue;
        why = mark_entry(q, &q->l1[k], marks);
        why = why ? why : mark_table(q, at, marks);
    }
    q->l1_dirty = true;
    return why ? why : q2_commit(q);
}

/* ---- tables in the file ---- */

static uint64_t clusters_of(const Qcow2 *q, uint64_t bytes)
{
    return (bytes + q->cluster - 1) >> q->bits;
}

static int write_l1(Qcow2 *q, const uint64_t *l1, uint64_t n, uint64_t *ret_at)
{
    *ret_at = 0;
    if (!n)
        return 0;
    uint64_t clusters = clusters_of(q, n * 8);
    g_autofree uint8_t *bytes = g_malloc0(clusters << q->bits);
    for (uint64_t k = 0; k < n; k++)
        q2_put64(bytes + 8 * k, l1[k] & ~Q2_COPIED);
    int why = q2_alloc(q, clusters, ret_at);
    return why ? why : block_write(q->file, *ret_at, bytes, clusters << q->bits);
}

int q2_read_l1(Qcow2 *q, const Q2Run *r, uint64_t **ret)
{
    uint64_t *l1 = *ret = g_new0(uint64_t, r->clusters + 1);
    int why = r->clusters ? block_read(q->file, r->at, l1, r->clusters * 8) : 0;
    for (uint64_t k = 0; k < r->clusters; k++)
        l1[k] = __builtin_bswap64(l1[k]);
    return why;
}

static void put_snapshot(GByteArray *to, const Qcow2Snapshot *s, const Q2Run *l1)
{
    uint8_t h[FIXED + EXTRA] = {0};
    size_t n_id = strlen(s->id), n_name = strlen(s->name);
    q2_put64(h, l1->at);
    q2_put32(h + 8, (uint32_t)l1->clusters);
    h[12] = (uint8_t)(n_id >> 8);
    h[13] = (uint8_t)n_id;
    h[14] = (uint8_t)(n_name >> 8);
    h[15] = (uint8_t)n_name;
    q2_put32(h + 16, s->date_sec);
    q2_put32(h + 20, s->date_nsec);
    q2_put64(h + 24, s->vm_clock_ns);
    q2_put32(h + 32, (uint32_t)s->vm_bytes);
    q2_put32(h + 36, EXTRA);
    q2_put64(h + FIXED, s->vm_bytes);
    q2_put64(h + FIXED + 8, s->disk_bytes);
    q2_put64(h + FIXED + 16, s->icount);
    g_byte_array_append(to, h, sizeof(h));
    g_byte_array_append(to, (const uint8_t *)s->id, (guint)n_id);
    g_byte_array_append(to, (const uint8_t *)s->name, (guint)n_name);
    static const uint8_t padding[8];
    g_byte_array_append(to, padding, (guint)(align_up(to->len, 8) - to->len));
}

/* The list as it is in memory now: a new table, then the header, then the old table's clusters are free. */
static int write_list(Qcow2 *q)
{
    g_autoptr(GByteArray) table = g_byte_array_new();
    uint64_t at = 0, n = q->snapshots->len;
    uint8_t field[12];
    int why = 0;
    for (unsigned k = 0; k < n; k++)
        put_snapshot(table, &g_array_index(q->snapshots, Qcow2Snapshot, k),
                     &g_array_index(q->snapshot_l1, Q2Run, k));
    uint64_t bytes = table->len;
    if (n) {
        why = q2_alloc(q, clusters_of(q, bytes), &at);
        g_byte_array_set_size(table, (guint)(clusters_of(q, bytes) << q->bits));
        memset(table->data + bytes, 0, table->len - bytes);
        why = why ? why : block_write(q->file, at, table->data, table->len);
    }
    why = why ? why : q2_commit(q);
    why = why ? why : block_flush(q->file);
    q2_put32(field, (uint32_t)n);
    q2_put64(field + 4, at);
    why = why ? why : q2_write_header_field(q, H_SNAPSHOTS, field, sizeof(field));
    why = why ? why : block_flush(q->file);
    if (!why && q->snapshots_bytes)
        q2_give_up(q, q->snapshots_at, clusters_of(q, q->snapshots_bytes));
    q->snapshots_at = at;
    q->snapshots_bytes = bytes;
    return why ? why : q2_commit(q);
}

/* ---- what is done with them ---- */

static uint64_t next_id(const Qcow2 *q)
{
    uint64_t most = 0;
    for (unsigned k = 0; k < q->snapshots->len; k++)
        most = MAX(most, g_ascii_strtoull(g_array_index(q->snapshots, Qcow2Snapshot, k).id, NULL, 10));
    return most + 1;
}

int qcow2_snapshot_create(BlockNode *n, const char *name, uint64_t vm_bytes, uint64_t vm_clock_ns)
{
    Qcow2 *q = (Qcow2 *)n;
    gint64 now = g_get_real_time();
    if (n->kind != &qcow2_kind || strlen(name) > MOST_NAME)
        return n->kind != &qcow2_kind ? ENOTSUP : ENAMETOOLONG;
    if (q->order < 6 && q->snapshots->len + 2 > (1ull << (1u << q->order)) - 1)
        return EMLINK; /* narrow counts */
    Q2Run l1 = {.clusters = q->l1_size};
    int why = q2_begin_writing(q);
    why = why ? why : q2_commit(q);
    why = why ? why : mark_copied(q, MARK_NONE); /* nothing is written in place from here on */
    why = why ? why : block_flush(q->file);
    why = why ? why : count_tree(q, q->l1, q->l1_size, 1);
    why = why ? why : write_l1(q, q->l1, q->l1_size, &l1.at);
    if (why)
        return why;
    Qcow2Snapshot s = {.id = g_strdup_printf("%" PRIu64, next_id(q)),
                       .name = g_strdup(name),
                       .vm_bytes = vm_bytes,
                       .vm_clock_ns = vm_clock_ns,
                       .disk_bytes = n->bytes,
                       .icount = UINT64_MAX,
                       .date_sec = (uint32_t)(now / G_USEC_PER_SEC),
                       .date_nsec = (uint32_t)(now % G_USEC_PER_SEC * 1000)};
    g_array_append_val(q->snapshots, s);
    g_array_append_val(q->snapshot_l1, l1);
    why = write_list(q);
    return why || !vm_bytes ? why : qcow2_vm_drop(n);
}

static int find_snapshot(const Qcow2 *q, const char *which, unsigned *ret)
{
    for (unsigned by_name = 0; by_name < 2; by_name++)
        for (*ret = 0; *ret < q->snapshots->len; ++*ret) {
            const Qcow2Snapshot *s = &g_array_index(q->snapshots, Qcow2Snapshot, *ret);
            if (strcmp(by_name ? s->name : s->id, which) == 0)
                return 0;
        }
    return ENOENT;
}

/* The header names another L1 table, and the size that goes with it. */
static int name_l1(Qcow2 *q, uint64_t at, uint64_t entries, uint64_t bytes)
{
    uint8_t size[8], field[12];
    q2_put64(size, bytes);
    q2_put32(field, (uint32_t)entries);
    q2_put64(field + 4, at);
    int why = q2_commit(q);
    why = why ? why : block_flush(q->file);
    if (!why && bytes < q->n.bytes) /* never more than the table covers */
        why = q2_write_header_field(q, H_SIZE_AT, size, sizeof(size));
    why = why ? why : q2_write_header_field(q, H_L1_AT, field, sizeof(field));
    why = why ? why : q2_write_header_field(q, H_SIZE_AT, size, sizeof(size));
    return why ? why : block_flush(q->file);
}

int qcow2_snapshot_apply(BlockNode *n, const char *which)
{
    Qcow2 *q = (Qcow2 *)n;
    unsigned k;
    uint64_t *l1 = NULL, at;
    int why = n->kind == &qcow2_kind ? find_snapshot(q, which, &k) : ENOTSUP;
    if (why)
        return why;
    const Q2Run *from = &g_array_index(q->snapshot_l1, Q2Run, k);
    const Qcow2Snapshot *s = &g_array_index(q->snapshots, Qcow2Snapshot, k);
    why = q2_begin_writing(q);
    why = why ? why : q2_commit(q);
    why = why ? why : q2_read_l1(q, from, &l1);
    why = why ? why : count_tree(q, l1, from->clusters, 1);
    why = why ? why : write_l1(q, l1, from->clusters, &at);
    why = why ? why : name_l1(q, at, from->clusters, s->disk_bytes);
    if (why) {
        g_free(l1);
        return why;
    }
    g_autofree uint64_t *old = q->l1;
    uint64_t old_at = q->l1_at, old_size = q->l1_size;
    q->l1 = l1;
    q->l1_at = at;
    q->l1_size = (uint32_t)from->clusters;
    n->bytes = s->disk_bytes;
    why = count_tree(q, old, old_size, -1);
    if (old_size)
        q2_give_up(q, old_at, clusters_of(q, old_size * 8));
    why = why ? why : mark_copied(q, MARK_ALONE);
    return why ? why : qcow2_vm_drop(n);
}

int qcow2_snapshot_delete(BlockNode *n, const char *which)
{
    Qcow2 *q = (Qcow2 *)n;
    unsigned k;
    g_autofree uint64_t *l1 = NULL;
    int why = n->kind == &qcow2_kind ? find_snapshot(q, which, &k) : ENOTSUP;
    if (why)
        return why;
    const Q2Run from = g_array_index(q->snapshot_l1, Q2Run, k);
    why = q2_begin_writing(q);
    why = why ? why : q2_commit(q);
    why = why ? why : q2_read_l1(q, &from, &l1);
    if (why)
        return why;
    g_array_remove_index(q->snapshots, k);
    g_array_remove_index(q->snapshot_l1, k);
    why = write_list(q);
    why = why ? why : count_tree(q, l1, from.clusters, -1);
    if (from.clusters)
        q2_give_up(q, from.at, clusters_of(q, from.clusters * 8));
    return why ? why : mark_copied(q, MARK_ALONE);
}

int qcow2_empty(BlockNode *n)
{
    Qcow2 *q = (Qcow2 *)n;
    if (n->kind != &qcow2_kind)
        return ENOTSUP;
    int why = q2_begin_writing(q);
    why = why ? why : q2_commit(q);
    g_autofree uint64_t *old = g_memdup2(q->l1, (gsize)q->l1_size * 8);
    memset(q->l1, 0, (size_t)q->l1_size * 8);
    q->l1_dirty = true;
    why = why ? why : q2_commit(q);
    why = why ? why : block_flush(q->file);
    why = why ? why : count_tree(q, old, q->l1_size, -1);
    return why ? why : q2_commit(q);
}

/* ---- the backing file's name ---- */

static void put_extension(GByteArray *h, uint32_t type, const uint8_t *bytes, uint32_t n)
{
    uint8_t head[8];
    q2_put32(head, type);
    q2_put32(head + 4, n);
    g_byte_array_append(h, head, sizeof(head));
    g_byte_array_append(h, bytes, n);
    guint end = h->len;
    g_byte_array_set_size(h, (guint)align_up(end, 8));
    memset(h->data + end, 0, h->len - end);
}

/* The other extensions of the header as it was. */
static void keep_extensions(const Qcow2 *q, const uint8_t *old, GByteArray *h)
{
    uint64_t end = q2_get64(old + H_BACKING), at = q->header_bytes;
    end = end ? MIN(end, q->cluster) : q->cluster;
    while (at + 8 <= end) {
        uint32_t type = q2_get32(old + at), n = q2_get32(old + at + 4);
        if (!type || n > end - at - 8)
            break;
        if (type != (uint32_t)EXT_FORMAT)
            put_extension(h, type, old + at + 8, n);
        at += 8 + align_up(n, 8);
    }
}

int qcow2_set_backing(BlockNode *n, const char *path, const char *format)
{
    Qcow2 *q = (Qcow2 *)n;
    static const uint8_t end[8] = {0};
    if (n->kind != &qcow2_kind || (path && strlen(path) > MOST_NAME))
        return n->kind != &qcow2_kind ? ENOTSUP : ENAMETOOLONG;
    g_autofree uint8_t *old = g_malloc(q->cluster);
    g_autoptr(GByteArray) h = g_byte_array_new();
    int why = q2_begin_writing(q);
    why = why ? why : block_read(q->file, 0, old, q->cluster);
    if (why)
        return why;
    g_byte_array_append(h, old, q->header_bytes);
    if (path && format)
        put_extension(h, (uint32_t)EXT_FORMAT, (const uint8_t *)format, (uint32_t)strlen(format));
    keep_extensions(q, old, h);
    g_byte_array_append(h, end, sizeof(end));
    q2_put64(h->data + H_BACKING, path ? h->len : 0);
    q2_put32(h->data + H_BACKING + 8, path ? (uint32_t)strlen(path) : 0);
    if (path)
        g_byte_array_append(h, (const uint8_t *)path, (guint)strlen(path));
    if (h->len > q->cluster)
        return ENAMETOOLONG;
    guint used = h->len;
    g_byte_array_set_size(h, (guint)q->cluster);
    memset(h->data + used, 0, q->cluster - used);
    why = block_write(q->file, 0, h->data, q->cluster);
    return why ? why : block_flush(q->file);
}
