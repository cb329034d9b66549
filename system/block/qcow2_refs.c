/* Refcounts: which clusters of the file are free; the order in which tables reach it (qcow2_priv.h). */
#include "system/block/qcow2_priv.h"

#include <errno.h>
#include <string.h>

/* ---- one count ---- */

static uint64_t get_count(const Qcow2 *q, const uint8_t *block, uint64_t k)
{
    switch (q->order) {
    case 3: return block[k];
    case 4: return (uint64_t)block[2 * k] << 8 | block[2 * k + 1];
    case 5: return q2_get32(block + 4 * k);
    case 6: return q2_get64(block + 8 * k);
    default: { /* narrower than a byte: from the least significant bit on */
        unsigned width = 1u << q->order, per = 8 / width;
        return block[k / per] >> k % per * width & ((1u << width) - 1);
    }
    }
}

static void put_count(const Qcow2 *q, uint8_t *block, uint64_t k, uint64_t v)
{
    switch (q->order) {
    case 3: block[k] = (uint8_t)v; break;
    case 4:
        block[2 * k] = (uint8_t)(v >> 8);
        block[2 * k + 1] = (uint8_t)v;
        break;
    case 5: q2_put32(block + 4 * k, (uint32_t)v); break;
    case 6: q2_put64(block + 8 * k, v); break;
    default: {
        unsigned width = 1u << q->order, per = 8 / width, shift = (unsigned)(k % per) * width;
        uint8_t mask = (uint8_t)(((1u << width) - 1) << shift);
        block[k / per] = (uint8_t)((block[k / per] & ~mask) | (v << shift & mask));
    }
    }
}

static uint64_t most_count(const Qcow2 *q)
{
    return q->order == 6 ? UINT64_MAX : (1ull << (1u << q->order)) - 1;
}

int q2_refcount(Qcow2 *q, uint64_t cluster, uint64_t *ret)
{
    uint64_t k = cluster / q->block_entries;
    Q2Table *t;
    *ret = 0;
    if (k >= q->table_size || !(q->table[k] & Q2_OFFSET))
        return 0;
    int why = q2_table_load(q, q->blocks, q->table[k] & Q2_OFFSET, &t);
    if (!why)
        *ret = get_count(q, t->bytes, cluster % q->block_entries);
    return why;
}

/* ---- blocks of counts ---- */

static int grow_table(Qcow2 *q, uint64_t need);

/* The block that counts this cluster. A new one lies in the range it counts, all of which is free: at its
 * beginning. */
static int block_for(Qcow2 *q, uint64_t cluster, Q2Table **ret)
{
    uint64_t k = cluster / q->block_entries;
    if (cluster >= 1ull << (56 - q->bits) || q2_is_far(q, cluster << q->bits))
        return q2_corrupt(q, "a cluster far behind the end is used, or all others are");
    if (k >= q->table_size) {
        int why = grow_table(q, k + 1);
        if (why)
            return why;
    }
    if (q->table[k] & Q2_OFFSET)
        return q2_table_load(q, q->blocks, q->table[k] & Q2_OFFSET, ret);
    uint64_t place = k * q->block_entries;
    Q2Table *t = q2_table_new(q, q->blocks, place << q->bits);
    put_count(q, t->bytes, 0, 1);
    q->table[k] = place << q->bits;
    q->table_dirty = true;
    *ret = t;
    return 0;
}

int q2_refcount_set(Qcow2 *q, uint64_t cluster, uint64_t value)
{
    Q2Table *t;
    int why = block_for(q, cluster, &t);
    if (why)
        return why;
    put_count(q, t->bytes, cluster % q->block_entries, value);
    t->dirty = true;
    return 0;
}

int q2_refcount_add(Qcow2 *q, uint64_t cluster, int add)
{
    Q2Table *t;
    int why = block_for(q, cluster, &t);
    if (why)
        return why;
    uint64_t v = get_count(q, t->bytes, cluster % q->block_entries);
    if (add < 0 ? v == 0 : v == most_count(q))
        return add < 0 ? q2_corrupt(q, "a cluster is used that is counted as free") : EMLINK;
    put_count(q, t->bytes, cluster % q->block_entries, v + (uint64_t)(int64_t)add);
    t->dirty = true;
    if (add < 0 && v == 1)
        q->hint = MIN(q->hint, cluster);
    return 0;
}

/* ---- allocation ---- */

/* The first of n free clusters from `from` on. */
static int find_free(Qcow2 *q, uint64_t from, uint64_t n, uint64_t *ret)
{
    uint64_t have = 0, at = from, count;
    for (; have < n; at++) {
        Q2Table *t;
        int why = block_for(q, at, &t); /* which may take the cluster itself */
        why = why ? why : q2_refcount(q, at, &count);
        if (why)
            return why;
        have = count ? 0 : have + 1;
    }
    *ret = at - n;
    return (at << q->bits) >> 56 ? EFBIG : 0;
}

int q2_alloc(Qcow2 *q, uint64_t n, uint64_t *ret)
{
    uint64_t first;
    int why = find_free(q, q->hint, n, &first);
    for (uint64_t k = 0; !why && k < n; k++)
        why = q2_refcount_add(q, first + k, 1);
    if (why)
        return why;
    if (n == 1 || first == q->hint)
        q->hint = first + n;
    *ret = first << q->bits;
    return 0;
}

void q2_give_up(Qcow2 *q, uint64_t at, uint64_t clusters)
{
    Q2Run r = {at >> q->bits, clusters};
    g_array_append_val(q->given_up, r);
}

/* ---- writing ---- */

static int write_blocks(Qcow2 *q, bool *did)
{
    GHashTableIter it;
    void *value;
    int why = 0;
    g_hash_table_iter_init(&it, q->blocks);
    while (!why && g_hash_table_iter_next(&it, NULL, &value)) {
        Q2Table *t = value;
        if (!t->dirty)
            continue;
        why = block_write(q->file, t->at, t->bytes, q->cluster);
        t->dirty = why != 0;
        *did = true;
    }
    return why;
}

static int write_words(Qcow2 *q, uint64_t at, const uint64_t *v, uint64_t n)
{
    g_autofree uint64_t *b = g_new(uint64_t, n ? n : 1);
    for (uint64_t k = 0; k < n; k++)
        b[k] = __builtin_bswap64(v[k]);
    return block_write(q->file, at, b, n * 8);
}

static int write_counts(Qcow2 *q, bool *did)
{
    int why = write_blocks(q, did);
    if (why || !q->table_dirty)
        return why;
    why = block_flush(q->file);
    why = why ? why : write_words(q, q->table_at, q->table, q->table_size);
    q->table_dirty = why != 0;
    *did = true;
    return why;
}

/* The table has to have `need` entries. The new one stands elsewhere; the header then says so. */
static int grow_table(Qcow2 *q, uint64_t need)
{
    enum { AT = 48 };
    uint64_t per = q->cluster / 8, clusters = (need + need / 2) / per + 1, size = clusters * per, place;
    uint64_t old_at = q->table_at, old_clusters = q->table_clusters;
    uint8_t b[12];
    bool did = false;
    q->table = g_renew(uint64_t, q->table, size);
    memset(q->table + q->table_size, 0, (size - q->table_size) * 8);
    q->table_size = size;
    int why = find_free(q, MAX(q->hint, q->file->bytes >> q->bits), clusters, &place);
    for (uint64_t k = 0; !why && k < clusters; k++)
        why = q2_refcount_add(q, place + k, 1);
    why = why ? why : write_blocks(q, &did);
    why = why ? why : write_words(q, place << q->bits, q->table, size);
    why = why ? why : block_flush(q->file);
    q2_put64(b, place << q->bits);
    q2_put32(b + 8, (uint32_t)clusters);
    why = why ? why : q2_write_header_field(q, AT, b, sizeof(b));
    if (why)
        return why;
    q->table_at = place << q->bits;
    q->table_clusters = clusters;
    q->table_dirty = true; /* blocks may have been added since */
    q2_give_up(q, old_at, old_clusters);
    return 0;
}

static int write_l2(Qcow2 *q, bool *did)
{
    GHashTableIter it;
    void *value;
    int why = 0;
    g_hash_table_iter_init(&it, q->l2);
    while (!why && g_hash_table_iter_next(&it, NULL, &value)) {
        Q2Table *t = value;
        if (!t->dirty)
            continue;
        why = block_write(q->file, t->at, t->bytes, q->cluster);
        if (!why)
            t->dirty = false;
        *did = true;
    }
    return why;
}

static int uncount(Qcow2 *q)
{
    int why = 0;
    g_autoptr(GArray) runs = g_steal_pointer(&q->given_up);
    q->given_up = g_array_new(FALSE, FALSE, sizeof(Q2Run));
    for (unsigned k = 0; k < runs->len; k++) {
        const Q2Run *r = &g_array_index(runs, Q2Run, k);
        for (uint64_t c = 0; !why && c < r->clusters; c++) {
            uint64_t left = 1;
            why = q2_refcount_add(q, r->at + c, -1);
            why = why ? why : q2_refcount(q, r->at + c, &left);
            if (!why && !left) {
                q2_table_drop(q->l2, (r->at + c) << q->bits);
                block_discard(q->file, (r->at + c) << q->bits, q->cluster);
            }
        }
    }
    return why;
}

int q2_commit(Qcow2 *q)
{
    bool counts = false, l2 = false;
    int why = write_counts(q, &counts);
    if (!why && (q->n_dirty_l2 || q->l1_dirty))
        why = block_flush(q->file); /* the data, too */
    why = why ? why : write_l2(q, &l2);
    if (why)
        return why;
    q->n_dirty_l2 = 0;
    if (q->l1_dirty) {
        why = block_flush(q->file);
        why = why ? why : write_words(q, q->l1_at, q->l1, q->l1_size);
        q->l1_dirty = why != 0;
    }
    if (!why && q->given_up->len) {
        why = block_flush(q->file);
        why = why ? why : uncount(q);
        why = why ? why : write_counts(q, &counts);
    }
    q2_tables_shrink(q);
    return why;
}
