/* Does everything refer to what is counted, and is everything counted that is referred to? */
#include "system/block/qcow2_priv.h"

#include <errno.h>
#include <string.h>

typedef struct Checker {
    Qcow2 *q;
    Qcow2Check *c;
    unsigned fix;
    void (*say)(void *opaque, const char *line);
    void *opaque;
    GArray *uses; /* uint32_t by cluster of the file */
    uint64_t last_data;
} Checker;

static void say(Checker *k, const char *format, ...) G_GNUC_PRINTF(2, 3);
static void say(Checker *k, const char *format, ...)
{
    va_list ap;
    if (!k->say)
        return;
    va_start(ap, format);
    g_autofree char *text = g_strdup_vprintf(format, ap);
    va_end(ap);
    k->say(k->opaque, text);
}

static void error(Checker *k, const char *what, uint64_t at)
{
    k->c->errors++;
    say(k, "ERROR %s at 0x%" PRIx64, what, at);
}

/* Bytes [at, at + n) of the file are used once more. */
static bool use(Checker *k, uint64_t at, uint64_t n)
{
    uint64_t end = (at + n - 1) >> k->q->bits;
    /* what lies far behind the end of the file is nonsense, and would need a large table */
    uint64_t most = (k->q->file->bytes + Q2_SLACK) >> k->q->bits;
    if (!n || end < at >> k->q->bits || end > most)
        return n == 0;
    if (end >= k->uses->len)
        g_array_set_size(k->uses, (guint)end + 1);
    for (uint64_t c = at >> k->q->bits; c <= end; c++)
        g_array_index(k->uses, uint32_t, c)++;
    return true;
}

/* COPIED says that a write may go in place. Where it is missing a write takes a new cluster and gives this
 * one up, which harms nobody: so a snapshot leaves its image that was not finished. */
static int check_copied(Checker *k, uint64_t entry, uint64_t at)
{
    uint64_t count;
    const bool copied = entry & Q2_COPIED;
    int why = q2_refcount(k->q, (entry & Q2_OFFSET) >> k->q->bits, &count);
    if (why || (count == 1) == copied)
        return why;
    if (copied && k->fix < 2) {
        k->c->errors++;
        say(k, "ERROR OFLAG_COPIED: entry=%" PRIx64 " refcount=%" PRIu64 " at 0x%" PRIx64, entry, count, at);
    } else if (!copied && !k->fix) {
        k->c->leaks++;
        say(k, "No OFLAG_COPIED: entry=%" PRIx64 " refcount=1 at 0x%" PRIx64, entry, at);
    }
    return 0;
}

static int check_l2_entry(Checker *k, uint64_t entry, uint64_t at, bool active)
{
    Qcow2 *q = k->q;
    uint64_t place, bytes;
    if (entry & Q2_COMPRESSED) {
        q2_zip_place(q, entry, &place, &bytes);
        if ((entry & Q2_COPIED) || !use(k, place, bytes))
            error(k, "compressed cluster", place);
        k->c->compressed += active;
        k->c->allocated += active;
        return 0;
    }
    place = entry & Q2_OFFSET;
    if (!place)
        return 0;
    if ((place & (q->cluster - 1)) || !use(k, place, q->cluster)) {
        error(k, "place of a cluster", place);
        return 0;
    }
    if (active) {
        k->c->allocated++;
        k->c->fragmented += k->last_data && place != k->last_data + q->cluster;
        k->last_data = place;
    }
    return active ? check_copied(k, entry, at) : 0;
}

static int check_l2(Checker *k, uint64_t at, bool active)
{
    Qcow2 *q = k->q;
    g_autofree uint8_t *table = g_malloc(q->cluster);
    int why = block_read(q->file, at, table, q->cluster);
    for (uint64_t n = 0; !why && n < q->l2_entries; n++) {
        uint64_t entry = q2_get64(table + 8 * n);
        if (entry)
            why = check_l2_entry(k, entry, at + 8 * n, active);
    }
    return why;
}

static int check_l1(Checker *k, const uint64_t *l1, uint64_t n, uint64_t at, bool active)
{
    Qcow2 *q = k->q;
    int why = 0;
    if (!use(k, at, n * 8))
        error(k, "L1 table", at);
    for (uint64_t e = 0; !why && e < n; e++) {
        uint64_t place = l1[e] & Q2_OFFSET;
        if (!place)
            continue;
        if ((place & (q->cluster - 1)) || place >= q->file->bytes || !use(k, place, q->cluster)) {
            error(k, "place of an L2 table", place);
            continue;
        }
        why = active ? check_copied(k, l1[e], at + 8 * e) : 0;
        why = why ? why : check_l2(k, place, active);
    }
    return why;
}

static int check_snapshots(Checker *k)
{
    Qcow2 *q = k->q;
    int why = 0;
    if (q->snapshots_bytes && !use(k, q->snapshots_at, q->snapshots_bytes))
        error(k, "table of snapshots", q->snapshots_at);
    for (unsigned s = 0; !why && s < q->snapshot_l1->len; s++) {
        const Q2Run *r = &g_array_index(q->snapshot_l1, Q2Run, s);
        g_autofree uint64_t *l1 = g_new0(uint64_t, r->clusters + 1);
        why = block_read(q->file, r->at, l1, r->clusters * 8);
        for (uint64_t e = 0; e < r->clusters; e++)
            l1[e] = __builtin_bswap64(l1[e]);
        why = why ? why : check_l1(k, l1, r->clusters, r->at, false);
    }
    return why;
}

/* "Bitmaps": a directory; each has a table of clusters. */
static int check_bitmaps(Checker *k)
{
    enum { MOST_DIRECTORY = 64 << 20, FIXED = 24 };
    Qcow2 *q = k->q;
    if (!q->bitmaps_bytes || q->bitmaps_bytes > MOST_DIRECTORY)
        return 0;
    g_autofree uint8_t *d = g_malloc0(q->bitmaps_bytes + FIXED);
    int why = block_read(q->file, q->bitmaps_at, d, q->bitmaps_bytes);
    use(k, q->bitmaps_at, q->bitmaps_bytes);
    for (uint64_t at = 0; !why && at + FIXED <= q->bitmaps_bytes;) {
        uint64_t table = q2_get64(d + at), n = q2_get32(d + at + 8);
        uint64_t n_name = (uint64_t)d[at + 18] << 8 | d[at + 19], n_extra = q2_get32(d + at + 20);
        if (n > MOST_DIRECTORY / 8 || !use(k, table, n * 8))
            break;
        g_autofree uint8_t *t = g_malloc(n * 8 + 1);
        why = block_read(q->file, table, t, n * 8);
        for (uint64_t e = 0; !why && e < n; e++)
            if (q2_get64(t + 8 * e) & Q2_OFFSET)
                use(k, q2_get64(t + 8 * e) & Q2_OFFSET, q->cluster);
        at += align_up(FIXED + n_extra + n_name, 8);
    }
    return why;
}

static void use_counts(Checker *k)
{
    Qcow2 *q = k->q;
    use(k, 0, q->cluster);
    use(k, q->table_at, q->table_clusters * q->cluster);
    for (uint64_t n = 0; n < q->table_size; n++) {
        uint64_t place = q->table[n] & Q2_OFFSET;
        if (!place)
            continue;
        if (!q2_place_ok(q, place) || place >= q->file->bytes || !use(k, place, q->cluster)) {
            error(k, "place of a refcount block", place);
            if (k->fix == 2)
                q->table[n] = 0;
        }
    }
}

static int compare_one(Checker *k, uint64_t c, uint64_t want)
{
    uint64_t have;
    int why = q2_refcount(k->q, c, &have);
    if (why || have == want)
        return why;
    bool leak = have > want, fix = k->fix == 2 || (k->fix == 1 && leak);
    say(k, "%s cluster %" PRIu64 " refcount=%" PRIu64 " reference=%" PRIu64,
        fix    ? "Repairing"
        : leak ? "Leaked"
               : "ERROR",
        c, have, want);
    if (fix)
        why = q2_refcount_set(k->q, c, want);
    if (fix && !why && leak)
        k->c->leaks_fixed++;
    else if (fix && !why)
        k->c->errors_fixed++;
    else if (leak)
        k->c->leaks++;
    else
        k->c->errors++;
    return why;
}

/* Counts may cover more than the file has. */
static int compare(Checker *k)
{
    Qcow2 *q = k->q;
    int why = 0;
    uint64_t end = k->uses->len;
    for (uint64_t n = 0; n < q->table_size; n++)
        if (q->table[n] & Q2_OFFSET)
            end = MAX(end, MIN((n + 1) * q->block_entries, q->file->bytes >> q->bits));
    for (uint64_t c = 0; !why && c < end; c++) {
        bool counted = c / q->block_entries < q->table_size && (q->table[c / q->block_entries] & Q2_OFFSET);
        uint64_t want = c < k->uses->len ? g_array_index(k->uses, uint32_t, c) : 0;
        if (!counted && c >= k->uses->len) {
            c |= q->block_entries - 1;
            continue;
        }
        if (want)
            k->c->end = (c + 1) << q->bits;
        why = compare_one(k, c, want);
    }
    return why;
}

/* With the counts right, COPIED is made to agree with them, in the active tables. */
static int mend_copied(Checker *k)
{
    Qcow2 *q = k->q;
    uint64_t count;
    int why = 0;
    for (uint64_t e = 0; !why && e < q->l1_size; e++) {
        uint64_t place = q->l1[e] & Q2_OFFSET;
        Q2Table *t;
        if (!place || !q2_place_ok(q, place) || place >= q->file->bytes)
            continue;
        why = q2_refcount(q, place >> q->bits, &count);
        q->l1[e] = place | (count == 1 ? Q2_COPIED : 0);
        why = why ? why : q2_table_load(q, q->l2, place, &t);
        for (uint64_t n = 0; !why && n < q->l2_entries; n++) {
            uint64_t entry = q2_get64(t->bytes + 8 * n), data = entry & Q2_OFFSET;
            if ((entry & Q2_COMPRESSED) || !data || (data & (q->cluster - 1)))
                continue;
            why = q2_refcount(q, data >> q->bits, &count);
            uint64_t want = (entry & ~Q2_COPIED) | (count == 1 ? Q2_COPIED : 0);
            k->c->errors_fixed += want < entry;
            k->c->leaks_fixed += want > entry;
            q->n_dirty_l2 += want != entry && !t->dirty;
            t->dirty |= want != entry;
            q2_put64(t->bytes + 8 * n, want);
        }
    }
    q->l1_dirty = true;
    return why;
}

static int mend(Checker *k)
{
    enum { INCOMPATIBLE_AT = 72 };
    Qcow2 *q = k->q;
    uint8_t b[8];
    int why = k->fix == 2 || !k->c->errors ? mend_copied(k) : 0;
    why = why ? why : q2_commit(q);
    if (!why && k->fix == 2 && !k->c->errors && q->version == 3 &&
        (q->incompatible & (Q2_CORRUPT | Q2_DIRTY))) {
        q->incompatible &= ~(uint64_t)(Q2_CORRUPT | Q2_DIRTY);
        q2_put64(b, q->incompatible);
        why = q2_write_header_field(q, INCOMPATIBLE_AT, b, sizeof(b));
    }
    return why ? why : block_flush(q->file);
}

int qcow2_check(BlockNode *n, unsigned fix, void (*say_line)(void *opaque, const char *line), void *opaque,
                Qcow2Check *ret)
{
    Qcow2 *q = (Qcow2 *)n;
    *ret = (Qcow2Check){0};
    if (n->kind != &qcow2_kind)
        return ENOTSUP;
    Checker k = {.q = q, .c = ret, .fix = fix, .say = say_line, .opaque = opaque};
    k.uses = g_array_new(FALSE, TRUE, sizeof(uint32_t));
    ret->clusters = (n->bytes + q->cluster - 1) >> q->bits;
    use_counts(&k);
    int why = check_l1(&k, q->l1, q->l1_size, q->l1_at, true);
    why = why ? why : check_snapshots(&k);
    why = why ? why : check_bitmaps(&k);
    why = why ? why : compare(&k);
    if (!why && fix)
        why = mend(&k);
    g_array_unref(k.uses);
    return why;
}
