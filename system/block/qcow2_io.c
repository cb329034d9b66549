/* Reading and writing: from an address of the guest through L1 and L2 to a cluster. */
#include "system/block/qcow2_priv.h"

#include <errno.h>
#include <string.h>

typedef struct Place {
    uint64_t entry; /* of the L2 table, 0 where there is none */
    uint64_t host;  /* in the file, of the cluster; 0: none is allocated */
    BlockHold hold;
    bool compressed;
} Place;

static uint64_t l1_index(const Qcow2 *q, uint64_t at)
{
    return at / (q->cluster * q->l2_entries);
}
static uint64_t l2_index(const Qcow2 *q, uint64_t at)
{
    return at >> q->bits & (q->l2_entries - 1);
}

static int decode(Qcow2 *q, uint64_t entry, Place *ret)
{
    *ret = (Place){.entry = entry};
    if (entry & Q2_COMPRESSED) {
        ret->compressed = true;
        ret->hold = BLOCK_DATA;
        return 0;
    }
    ret->host = entry & Q2_OFFSET;
    if ((ret->host & (q->cluster - 1)) || q2_is_far(q, ret->host))
        return q2_corrupt(q, "the place of a cluster");
    bool zero = q->version >= 3 && (entry & Q2_ZERO);
    ret->hold = zero ? BLOCK_ZERO : ret->host ? BLOCK_DATA : BLOCK_HOLE;
    return 0;
}

static int find(Qcow2 *q, uint64_t at, Place *ret)
{
    uint64_t k = l1_index(q, at);
    Q2Table *t;
    *ret = (Place){0};
    if (k >= q->l1_size || !(q->l1[k] & Q2_OFFSET))
        return 0;
    int why = q2_table_load(q, q->l2, q->l1[k] & Q2_OFFSET, &t);
    return why ? why : decode(q, q2_get64(t->bytes + 8 * l2_index(q, at)), ret);
}

/* ---- reading ---- */

static int read_backing(Qcow2 *q, uint64_t at, void *to, size_t n)
{
    const BlockNode *b = q->n.backing;
    size_t inside = !b || at >= b->bytes ? 0 : (size_t)MIN((uint64_t)n, b->bytes - at);
    memset((char *)to + inside, 0, n - inside);
    return inside ? block_read(q->n.backing, at, to, inside) : 0;
}

static int read_compressed(Qcow2 *q, const Place *p, uint64_t skip, void *to, size_t n)
{
    uint64_t at, bytes;
    q2_zip_place(q, p->entry, &at, &bytes);
    if (bytes > 2 * q->cluster || at >= q->file->bytes + q->cluster)
        return q2_corrupt(q, "the place of a compressed cluster");
    g_autofree uint8_t *packed = g_malloc(bytes), *plain = g_malloc(q->cluster);
    int why = block_read(q->file, at, packed, bytes);
    why = why ? why : q2_unzip(q, packed, bytes, plain);
    if (!why)
        memcpy(to, plain + skip, n);
    return why;
}

/* Inside of one cluster. */
static int read_piece(Qcow2 *q, uint64_t at, void *to, size_t n)
{
    Place p;
    int why = find(q, at, &p);
    if (why)
        return why;
    if (p.compressed)
        return read_compressed(q, &p, at & (q->cluster - 1), to, n);
    switch (p.hold) {
    case BLOCK_DATA: return block_read(q->file, p.host + (at & (q->cluster - 1)), to, n);
    case BLOCK_ZERO: memset(to, 0, n); return 0;
    default: return read_backing(q, at, to, n);
    }
}

static size_t piece(const Qcow2 *q, uint64_t at, uint64_t n)
{
    return (size_t)MIN(n, q->cluster - (at & (q->cluster - 1)));
}

int q2_io_read(BlockNode *node, uint64_t at, void *to, size_t bytes)
{
    Qcow2 *q = (Qcow2 *)node;
    int why = 0;
    g_mutex_lock(&q->lock);
    for (size_t n; !why && bytes; bytes -= n, at += n, to = (char *)to + n) {
        n = piece(q, at, bytes);
        why = read_piece(q, at, to, n);
    }
    q2_tables_shrink(q);
    g_mutex_unlock(&q->lock);
    return why;
}

/* ---- writing ---- */

static void mark_l2(Qcow2 *q, Q2Table *t)
{
    q->n_dirty_l2 += !t->dirty;
    t->dirty = true;
}

/* The table that has the entry of `at`, ours alone: made, or copied where a snapshot has it too. */
static int table_for_write(Qcow2 *q, uint64_t at, Q2Table **ret)
{
    uint64_t k = l1_index(q, at), entry = q->l1[k], place;
    Q2Table *old = NULL;
    if (entry & Q2_OFFSET) {
        int why = q2_table_load(q, q->l2, entry & Q2_OFFSET, &old);
        if (why || (entry & Q2_COPIED)) {
            *ret = old;
            return why;
        }
    }
    int why = q2_alloc(q, 1, &place);
    if (why)
        return why;
    if (old) { /* allocation loads no L2 tables */
        Q2Table *t = q2_table_new(q, q->l2, place);
        memcpy(t->bytes, old->bytes, q->cluster);
        q2_give_up(q, entry & Q2_OFFSET, 1);
        *ret = t;
    } else {
        *ret = q2_table_new(q, q->l2, place);
    }
    (*ret)->dirty = false;
    mark_l2(q, *ret);
    q->l1[k] = place | Q2_COPIED;
    q->l1_dirty = true;
    return 0;
}

/* What an entry refers to is not needed by it any more. */
static void drop_entry(Qcow2 *q, uint64_t entry)
{
    uint64_t at, bytes;
    if (entry & Q2_COMPRESSED) {
        q2_zip_place(q, entry, &at, &bytes);
        q2_give_up(q, at & ~(q->cluster - 1), ((at + bytes - 1) >> q->bits) - (at >> q->bits) + 1);
    } else if (entry & Q2_OFFSET) {
        q2_give_up(q, entry & Q2_OFFSET, 1);
    }
}

static int set_entry(Qcow2 *q, uint64_t at, uint64_t entry)
{
    Q2Table *t;
    int why = table_for_write(q, at, &t);
    if (why)
        return why;
    uint8_t *e = t->bytes + 8 * l2_index(q, at);
    uint64_t old = q2_get64(e);
    if ((old & (Q2_OFFSET | Q2_COMPRESSED)) != (entry & (Q2_OFFSET | Q2_COMPRESSED)) || (old & Q2_COMPRESSED))
        drop_entry(q, old);
    q2_put64(e, entry);
    mark_l2(q, t);
    return 0;
}

/* A new cluster that has the old content with n bytes replaced. */
static int write_new(Qcow2 *q, uint64_t at, const void *from, size_t n, const Place *old)
{
    uint64_t skip = at & (q->cluster - 1), place;
    g_autofree uint8_t *whole = n < q->cluster ? g_malloc0(q->cluster) : NULL;
    int why = 0;
    if (whole && old->hold != BLOCK_ZERO) {
        uint64_t first = at - skip;
        why = read_piece(q, first, whole, (size_t)MIN(q->cluster, q->n.bytes - first));
    }
    if (whole)
        memcpy(whole + skip, from, n);
    bool reuse = old->host && (old->entry & Q2_COPIED); /* a zero cluster that has its room already */
    place = old->host;
    why = why ? why : reuse ? 0 : q2_alloc(q, 1, &place);
    if (why)
        return why;
    why = block_write(q->file, place, whole ? whole : from, q->cluster);
    why = why ? why : set_entry(q, at, place | Q2_COPIED);
    if (why && !reuse)
        q2_refcount_add(q, place >> q->bits, -1);
    return why;
}

static int write_piece(Qcow2 *q, uint64_t at, const void *from, size_t n)
{
    Place p;
    Q2Table *t;
    int why = find(q, at, &p);
    if (why)
        return why;
    bool shared = !(q->l1[l1_index(q, at)] & Q2_COPIED);
    if (!shared && p.hold == BLOCK_DATA && !p.compressed && (p.entry & Q2_COPIED))
        return block_write(q->file, p.host + (at & (q->cluster - 1)), from, n);
    if (shared) { /* the copy of the table makes no data ours */
        why = table_for_write(q, at, &t);
        return why ? why : write_piece(q, at, from, n);
    }
    return write_new(q, at, from, n, &p);
}

/* Lock, and what every change needs first. */
static int begin(Qcow2 *q)
{
    g_mutex_lock(&q->lock);
    return q->n.read_only ? EROFS : q2_begin_writing(q);
}

static int end(Qcow2 *q, int why)
{
    if (!why && (q->n_dirty_l2 > Q2_MOST_DIRTY || g_hash_table_size(q->blocks) > Q2_MOST_TABLES))
        why = q2_commit(q);
    g_mutex_unlock(&q->lock);
    return why;
}

int q2_io_write(BlockNode *node, uint64_t at, const void *from, size_t bytes)
{
    Qcow2 *q = (Qcow2 *)node;
    int why = begin(q);
    for (size_t n; !why && bytes; bytes -= n, at += n, from = (const char *)from + n) {
        n = piece(q, at, bytes);
        why = write_piece(q, at, from, n);
    }
    return end(q, why);
}

/* A whole cluster becomes zero; keep: it holds on to its room. */
static int zero_cluster(Qcow2 *q, uint64_t at, bool keep)
{
    Place p;
    int why = find(q, at, &p);
    if (why || p.hold == BLOCK_ZERO || (p.hold == BLOCK_HOLE && !q->n.backing_path && !q->n.backing))
        return why;
    bool own = keep && p.host && (p.entry & Q2_COPIED);
    return set_entry(q, at, own ? p.entry | Q2_ZERO : Q2_ZERO);
}

static int zero_piece(Qcow2 *q, uint64_t at, size_t n, bool unmap)
{
    if (n == q->cluster && q->version >= 3)
        return zero_cluster(q, at, !unmap);
    Place p;
    int why = find(q, at, &p);
    if (why || p.hold == BLOCK_ZERO)
        return why;
    if (p.hold == BLOCK_HOLE && !q->n.backing)
        return 0;
    g_autofree uint8_t *zeroes = g_malloc0(n);
    return write_piece(q, at, zeroes, n);
}

int q2_io_zero(BlockNode *node, uint64_t at, uint64_t bytes, bool unmap)
{
    Qcow2 *q = (Qcow2 *)node;
    int why = begin(q);
    for (size_t n; !why && bytes; bytes -= n, at += n) {
        n = piece(q, at, bytes);
        why = zero_piece(q, at, n, unmap);
    }
    return end(q, why);
}

/* Reads as zeroes after, so that nothing old of a backing file comes up again. */
static int discard_cluster(Qcow2 *q, uint64_t at)
{
    Place p;
    int why = find(q, at, &p);
    if (why || p.hold == BLOCK_HOLE || (p.hold == BLOCK_ZERO && !p.host))
        return why;
    return set_entry(q, at, q->version >= 3 ? Q2_ZERO : 0);
}

int q2_io_discard(BlockNode *node, uint64_t at, uint64_t bytes)
{
    Qcow2 *q = (Qcow2 *)node;
    int why = begin(q);
    bool v2_backed = q->version < 3 && q->n.backing_path;
    for (size_t n; !why && bytes; bytes -= n, at += n) {
        n = piece(q, at, bytes);
        if ((n == q->cluster || at + n == q->n.bytes) && !(at & (q->cluster - 1)) && !v2_backed)
            why = discard_cluster(q, at);
    }
    return end(q, why);
}

/* ---- what is where ---- */

static int status_at(Qcow2 *q, uint64_t at, BlockHold *ret)
{
    Place p;
    int why = find(q, at, &p);
    *ret = p.hold;
    return why;
}

int q2_io_status(BlockNode *node, uint64_t at, uint64_t bytes, BlockHold *ret, uint64_t *ret_bytes)
{
    Qcow2 *q = (Qcow2 *)node;
    g_mutex_lock(&q->lock);
    int why = status_at(q, at, ret);
    uint64_t done = piece(q, at, bytes);
    for (BlockHold more; !why && done < bytes; done += piece(q, at + done, bytes - done)) {
        why = status_at(q, at + done, &more);
        if (more != *ret)
            break;
    }
    *ret_bytes = done;
    q2_tables_shrink(q);
    g_mutex_unlock(&q->lock);
    return why;
}

int qcow2_host_place(BlockNode *n, uint64_t at, uint64_t *io_bytes, uint64_t *ret_host, bool *ret_compressed)
{
    Qcow2 *q = (Qcow2 *)n;
    Place p;
    *ret_host = at;
    *ret_compressed = false;
    if (n->kind != &qcow2_kind)
        return 0;
    g_mutex_lock(&q->lock);
    int why = find(q, at, &p);
    if (!why) {
        *ret_host = p.host + (at & (q->cluster - 1));
        *ret_compressed = p.compressed;
    }
    *io_bytes = piece(q, at, *io_bytes);
    g_mutex_unlock(&q->lock);
    return why;
}

/* ---- compressed clusters ---- */

/* Room for n bytes, less than a cluster, behind the last one if that has it. */
static int zip_room(Qcow2 *q, size_t n, uint64_t *ret)
{
    if (q->zip_at && (q->zip_at & (q->cluster - 1)) && (q->zip_at & (q->cluster - 1)) + n <= q->cluster) {
        *ret = q->zip_at;
        int why = q2_refcount_add(q, q->zip_at >> q->bits, 1);
        if (why != EMLINK)
            return why;
    }
    return q2_alloc(q, 1, ret);
}

static int write_packed(Qcow2 *q, uint64_t at, uint8_t *packed, size_t used)
{
    unsigned x = 62 - (q->bits - 8);
    uint64_t place;
    int why = zip_room(q, used, &place);
    if (why)
        return why;
    uint64_t last = (place + used - 1) >> 9, sectors = last - (place >> 9);
    /* the last sector is read whole: it has to be in the file */
    size_t pad = (size_t)(((last + 1) << 9) - place - used);
    memset(packed + used, 0, pad);
    why = block_write(q->file, place, packed, used + pad);
    q->zip_at = place + used;
    return why ? why : set_entry(q, at, Q2_COMPRESSED | sectors << x | place);
}

int qcow2_write_compressed(BlockNode *node, uint64_t at, const void *from)
{
    Qcow2 *q = (Qcow2 *)node;
    g_autofree uint8_t *packed = g_malloc(q->cluster + 512);
    Place p;
    size_t used = q2_zip(q, from, packed);
    int why = begin(q);
    why = why ? why : find(q, at, &p);
    if (!why && p.hold != BLOCK_HOLE)
        why = EINVAL; /* it is not written twice */
    if (!why)
        why = used ? write_packed(q, at, packed, used)
                   : write_piece(q, at, from, (size_t)MIN(q->cluster, q->n.bytes - at));
    return end(q, why);
}

/* ---- size ---- */

/* The L1 table gets so many entries; lock held. */
static int grow_l1(Qcow2 *q, uint64_t need)
{
    enum { L1_SIZE_AT = 36 };
    uint64_t clusters = (need * 8 + q->cluster - 1) >> q->bits, old_at = q->l1_at, old = q->l1_size, place;
    uint8_t b[12];
    int why = q2_commit(q);
    why = why ? why : q2_alloc(q, clusters, &place);
    if (why)
        return why;
    q->l1 = g_renew(uint64_t, q->l1, need);
    memset(q->l1 + q->l1_size, 0, (need - q->l1_size) * 8);
    q->l1_size = (uint32_t)need;
    q->l1_at = place;
    q->l1_dirty = true;
    why = q2_commit(q);
    why = why ? why : block_flush(q->file);
    q2_put32(b, q->l1_size);
    q2_put64(b + 4, q->l1_at);
    why = why ? why : q2_write_header_field(q, L1_SIZE_AT, b, 12);
    q2_give_up(q, old_at, (old * 8 + q->cluster - 1) >> q->bits);
    return why;
}

static uint64_t entries_for(const Qcow2 *q, uint64_t bytes)
{
    const uint64_t covered = q->cluster * q->l2_entries;
    return bytes / covered + (bytes % covered != 0);
}

int q2_cover(Qcow2 *q, uint64_t end_at)
{
    enum { MORE = 64 }; /* at a time */
    int why = begin(q);
    if (!why && entries_for(q, end_at) > q->l1_size)
        why = grow_l1(q, entries_for(q, end_at) + MORE);
    return end(q, why);
}

int q2_unmap(Qcow2 *q, uint64_t at, uint64_t bytes)
{
    int why = begin(q);
    for (const uint64_t last = at + bytes; !why && at < last; at += q->cluster) {
        Place p;
        if (!(q->l1[l1_index(q, at)] & Q2_OFFSET))
            break;
        why = find(q, at, &p);
        if (!why && p.entry)
            why = set_entry(q, at, 0);
    }
    return end(q, why);
}

int q2_io_resize(BlockNode *node, uint64_t bytes)
{
    enum { SIZE_AT = 24 };
    Qcow2 *q = (Qcow2 *)node;
    uint8_t b[8];
    int why = 0;
    for (uint64_t at = align_up(bytes, q->cluster), n; !why && at < node->bytes; at += n) {
        n = MIN(node->bytes - at, q->cluster << 10);
        why = q2_io_discard(node, at, n);
    }
    why = why ? why : begin(q);
    if (why)
        return why;
    if (entries_for(q, bytes) > q->l1_size)
        why = grow_l1(q, entries_for(q, bytes));
    q2_put64(b, bytes);
    why = why ? why : q2_commit(q);
    why = why ? why : q2_write_header_field(q, SIZE_AT, b, 8);
    if (!why)
        node->bytes = bytes;
    return end(q, why);
}
