/* map, commit, rebase, snapshot: images on top of others, and of themselves. */
#include "system/img/img.h"

#include <errno.h>
#include <string.h>

enum { PART = 1 << 20 };

/* ---- map ---- */

typedef struct Extent {
    uint64_t at, bytes, host;
    unsigned depth;
    BlockHold hold;
    bool compressed, present;
    const char *path;
} Extent;

/* What is at `at` in the chain, from the top down. */
static int extent_at(BlockNode *n, uint64_t at, uint64_t bytes, Extent *ret)
{
    BlockNode *const top = n;
    *ret = (Extent){.at = at, .bytes = bytes, .hold = BLOCK_HOLE};
    for (; n && at < n->bytes; n = n->backing, ret->depth++) {
        uint64_t part = MIN(ret->bytes, n->bytes - at);
        int why = block_status(n, at, part, &ret->hold, &part);
        if (why)
            return why;
        ret->bytes = part;
        if (ret->hold == BLOCK_HOLE && n->backing)
            continue;
        ret->present = ret->hold != BLOCK_HOLE;
        ret->path = n->path;
        if (ret->hold == BLOCK_DATA)
            why = qcow2_host_place(n, at, &ret->bytes, &ret->host, &ret->compressed);
        return why;
    }
    ret->depth = top->backing && ret->depth ? ret->depth - 1 : 0;
    return 0;
}

/* Does b go on where a ends? */
static bool goes_on(const Extent *a, const Extent *b)
{
    return a->hold == b->hold && a->depth == b->depth && a->compressed == b->compressed &&
           a->present == b->present &&
           (a->hold != BLOCK_DATA || a->compressed || a->host + a->bytes == b->host);
}

static void print_extent(const ImgArgs *a, const Extent *e, bool first)
{
    bool data = e->hold == BLOCK_DATA, placed = data && !e->compressed;
    if (!img_wants_json(a)) {
        if (data && e->compressed)
            printf("%#-16" PRIx64 "%#-16" PRIx64 "%-16s%s\n", e->at, e->bytes, "compressed", e->path);
        else if (data)
            printf("%#-16" PRIx64 "%#-16" PRIx64 "%#-16" PRIx64 "%s\n", e->at, e->bytes, e->host, e->path);
        return;
    }
    printf("%s{ \"start\": %" PRIu64 ", \"length\": %" PRIu64
           ", \"depth\": %u, \"present\": %s, \"zero\": %s, \"data\": %s",
           first ? "[" : ",\n", e->at, e->bytes, e->depth, e->present ? "true" : "false",
           data ? "false" : "true", data ? "true" : "false");
    if (placed)
        printf(", \"offset\": %" PRIu64, e->host);
    printf("}");
}

int img_map(ImgArgs *a)
{
    GError *err = NULL;
    BlockNode *n = img_open(a, a->names->pdata[0], a->format, true, false, &err);
    if (!n)
        return img_fail(err);
    Extent have = {.bytes = 0}, e;
    bool first = true;
    int why = 0;
    if (!img_wants_json(a))
        printf("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File");
    for (uint64_t at = 0; !why && at < n->bytes; at += e.bytes) {
        why = extent_at(n, at, n->bytes - at, &e);
        if (!why && have.bytes && goes_on(&have, &e)) {
            have.bytes += e.bytes;
            continue;
        }
        if (!why && have.bytes) {
            print_extent(a, &have, first);
            first = false;
        }
        have = e;
    }
    if (!why && have.bytes)
        print_extent(a, &have, first);
    if (!why && img_wants_json(a))
        printf("%s]\n", have.bytes ? "" : "[");
    if (why)
        sys_fail_errno(&err, why, "%s", n->path);
    block_close(n);
    return err ? img_fail(err) : 0;
}

/* ---- commit ---- */

/* What the top image has, into the one below it. */
static int copy_down(const ImgArgs *a, BlockNode *top, BlockNode *to)
{
    g_autofree uint8_t *part = g_malloc(PART);
    int why = to->bytes < top->bytes ? block_resize(to, top->bytes) : 0;
    for (uint64_t at = 0, n; !why && at < top->bytes; at += n) {
        BlockHold hold;
        why = block_status(top, at, MIN(top->bytes - at, (uint64_t)PART), &hold, &n);
        img_progress(a, at, top->bytes);
        if (why || hold == BLOCK_HOLE)
            continue;
        if (hold == BLOCK_ZERO) {
            why = block_zero(to, at, n, true);
            continue;
        }
        why = block_read(top, at, part, n);
        why = why ? why : block_write(to, at, part, n);
    }
    img_progress(a, 1, 1);
    return why ? why : block_flush(to);
}

int img_commit(ImgArgs *a)
{
    GError *err = NULL;
    const char *path = a->names->pdata[0];
    const BlockOpen alone = {.format = a->format, .no_backing = true};
    BlockNode *top = block_open(path, &alone, &err), *to = NULL;
    if (top && !top->backing_path)
        sys_fail(&err, "%s has no backing file", path);
    if (!err) {
        g_autofree char *full = block_backing_path(path, top->backing_path);
        to = img_open(a, full, top->backing_format, false, false, &err);
    }
    int why = err ? 0 : copy_down(a, top, to);
    if (!err && !why && !a->delete)
        why = qcow2_empty(top);
    if (why)
        sys_fail_errno(&err, why, "commit of %s", path);
    block_close(to);
    block_close(top);
    if (err)
        return img_fail(err);
    if (!a->quiet)
        printf("Image committed.\n");
    return 0;
}

/* ---- rebase ---- */

/* Where the image shows what is below it, and that changes, it gets the old content. */
static int keep_content(const ImgArgs *a, BlockNode *top, BlockNode *old, BlockNode *new)
{
    g_autofree uint8_t *was = g_malloc(PART), *will = g_malloc(PART);
    int why = 0;
    for (uint64_t at = 0, n; !why && at < top->bytes; at += n) {
        BlockHold hold;
        why = block_status(top, at, MIN(top->bytes - at, (uint64_t)PART), &hold, &n);
        img_progress(a, at, top->bytes);
        if (why || hold != BLOCK_HOLE)
            continue;
        why = img_read_padded(old, at, was, n);
        why = why ? why : img_read_padded(new, at, will, n);
        for (uint64_t k = 0, run; !why && k < n; k += run) {
            run = MIN(n - k, (uint64_t)4096);
            if (memcmp(was + k, will + k, run) != 0)
                why = block_write(top, at + k, was + k, run);
        }
    }
    img_progress(a, 1, 1);
    return why ? why : block_flush(top);
}

/* NULL is no image, which reads as zeroes; false: err. */
static bool open_below(const ImgArgs *a, const char *image, const char *name, const char *format,
                       BlockNode **ret, GError **err)
{
    *ret = NULL;
    if (!name || !*name)
        return true;
    g_autofree char *full = block_backing_path(image, name);
    *ret = img_open(a, full, format, true, false, err);
    return *ret != NULL;
}

int img_rebase(ImgArgs *a)
{
    GError *err = NULL;
    const char *path = a->names->pdata[0], *name = a->backing && *a->backing ? a->backing : NULL;
    const BlockOpen alone = {.format = a->format, .no_backing = true};
    BlockNode *top = NULL, *old = NULL, *new = NULL;
    if (!a->backing)
        sys_fail(&err, "rebase: which backing file? -b FILE, -b \"\" for none");
    top = err ? NULL : block_open(path, &alone, &err);
    int why = 0;
    if (top && !a->unsafe && open_below(a, path, top->backing_path, top->backing_format, &old, &err) &&
        open_below(a, path, name, a->backing_format, &new, &err)) {
        top->backing = old; /* parts of clusters are filled up from there */
        why = keep_content(a, top, old, new);
        top->backing = NULL;
    }
    if (!err && !why)
        why = qcow2_set_backing(top, name, a->backing_format);
    if (why)
        sys_fail_errno(&err, why, "rebase of %s", path);
    block_close(old);
    block_close(new);
    block_close(top);
    return err ? img_fail(err) : 0;
}

/* ---- snapshot -c, -a, -d ---- */

static int create_disk_snapshot(BlockNode *n, const char *name)
{
    return qcow2_snapshot_create(n, name, 0, 0);
}

int img_change_snapshots(ImgArgs *a)
{
    GError *err = NULL;
    const char *path = a->names->pdata[0];
    int (*const act[])(BlockNode *, const char *) = {
        ['c'] = create_disk_snapshot, ['a'] = qcow2_snapshot_apply, ['d'] = qcow2_snapshot_delete};
    BlockNode *n = img_open(a, path, a->format, false, false, &err);
    int why = n ? act[(unsigned char)a->snapshot_act](n, a->snapshot) : 0;
    if (why == ENOENT)
        sys_fail(&err, "%s has no snapshot '%s'", path, a->snapshot);
    else if (why == ENOTSUP)
        sys_fail(&err, "%s: %s images have no snapshots", path, n->kind->name);
    else if (why)
        sys_fail_errno(&err, why, "snapshot of %s", path);
    block_close(n);
    return err ? img_fail(err) : 0;
}
