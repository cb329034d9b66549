/* convert, compare: content from one image to another, holes left out. */
#include "system/img/img.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { PART = 2 << 20 };

/* ---- several images behind each other ---- */

typedef struct Source {
    BlockNode *n[64];
    unsigned count;
    uint64_t bytes;
} Source;

static void source_close(Source *s)
{
    for (unsigned k = 0; k < s->count; k++)
        block_close(s->n[k]);
}

static bool source_open(Source *s, const ImgArgs *a, unsigned count, GError **err)
{
    for (unsigned k = 0; k < count; k++) {
        s->n[s->count] = img_open(a, a->names->pdata[k], a->format, true, false, err);
        if (!s->n[s->count])
            return false;
        s->bytes += s->n[s->count++]->bytes;
    }
    return true;
}

/* Which node, and where in it; *io_n is cut to it. */
static BlockNode *source_at(const Source *s, uint64_t *at, uint64_t *io_n)
{
    unsigned k = 0;
    while (*at >= s->n[k]->bytes)
        *at -= s->n[k++]->bytes;
    *io_n = MIN(*io_n, s->n[k]->bytes - *at);
    return s->n[k];
}

/* HOLE only if no backing file has anything there. */
static int deep_status(BlockNode *n, uint64_t at, uint64_t bytes, BlockHold *ret, uint64_t *ret_bytes)
{
    int why = block_status(n, at, bytes, ret, ret_bytes);
    for (BlockNode *b = n->backing; !why && *ret == BLOCK_HOLE && b; b = b->backing) {
        if (at >= b->bytes)
            break;
        bytes = MIN(*ret_bytes, b->bytes - at);
        why = block_status(b, at, bytes, ret, ret_bytes);
    }
    return why;
}

/* ---- convert ---- */

typedef struct Copy {
    const ImgArgs *a;
    Source from;
    BlockNode *to;
    bool has_backing; /* what is not written shows that */
    uint64_t cluster; /* compressed: that much at a time; else 0 */
    uint8_t *part;
} Copy;

/* Runs of zeroes of at least -S bytes are not written. */
static int write_sparse(Copy *c, uint64_t at, const uint8_t *bytes, size_t n)
{
    int why = 0;
    const size_t grain = c->a->sparse ? (size_t)c->a->sparse : n;
    for (size_t k = 0, run; !why && k < n; k += run) {
        bool zero = c->a->sparse && block_is_zero(bytes + k, MIN(grain, n - k));
        for (run = MIN(grain, n - k); k + run < n; run += MIN(grain, n - k - run))
            if (c->a->sparse && block_is_zero(bytes + k + run, MIN(grain, n - k - run)) != zero)
                break;
        if (!zero)
            why = block_write(c->to, at + k, bytes + k, run);
        else if (c->has_backing || c->a->no_create)
            why = block_zero(c->to, at + k, run, true);
    }
    return why;
}

static int write_cluster(Copy *c, uint64_t at, uint8_t *bytes, size_t n)
{
    memset(bytes + n, 0, c->cluster - n);
    if (!c->has_backing && block_is_zero(bytes, n))
        return 0;
    return qcow2_write_compressed(c->to, at, bytes);
}

static int copy_part(Copy *c, uint64_t at, uint64_t *io_n)
{
    BlockHold hold;
    uint64_t in = at, n = *io_n;
    BlockNode *from = source_at(&c->from, &in, &n);
    int why = 0;
    if (c->cluster && n < MIN(c->cluster, c->from.bytes - at)) { /* an image ends inside of a cluster */
        for (uint64_t done = 0; !why && done < MIN(c->cluster, c->from.bytes - at); done += n) {
            n = MIN(c->cluster, c->from.bytes - at) - done;
            in = at + done;
            from = source_at(&c->from, &in, &n);
            why = block_read(from, in, c->part + done, n);
        }
        *io_n = MIN(c->cluster, c->from.bytes - at);
        return why ? why : write_cluster(c, at, c->part, *io_n);
    }
    if (!c->cluster) {
        why = deep_status(from, in, n, &hold, &n);
        *io_n = n;
        if (why || (hold != BLOCK_DATA && !c->has_backing && !c->a->no_create))
            return why;
        if (hold != BLOCK_DATA)
            return block_zero(c->to, at, n, true);
    }
    n = MIN(n, (uint64_t)PART);
    *io_n = n;
    why = block_read(from, in, c->part, n);
    return why ? why : c->cluster ? write_cluster(c, at, c->part, n) : write_sparse(c, at, c->part, n);
}

static int copy_all(Copy *c)
{
    int why = 0;
    uint64_t shown = 0;
    img_progress(c->a, 0, MAX(c->from.bytes, 1));
    for (uint64_t at = 0, n; !why && at < c->from.bytes; at += n) {
        n = c->from.bytes - at;
        if (c->cluster)
            n = MIN(n, c->cluster);
        why = copy_part(c, at, &n);
        if (at - shown > c->from.bytes / 200) {
            img_progress(c->a, at, c->from.bytes);
            shown = at;
        }
    }
    why = why ? why : block_flush(c->to);
    if (!why)
        img_progress(c->a, 1, 1);
    return why;
}

static bool open_target(Copy *c, const char *path, const char *format, GError **err)
{
    const ImgArgs *a = c->a;
    Qcow2Info info;
    if (!a->no_create && !img_make(a, path, format, c->from.bytes, err))
        return false;
    c->to = img_open(a, path, format, false, false, err);
    if (!c->to)
        return false;
    if (c->to->bytes < c->from.bytes)
        return sys_fail(err, "%s: output file is smaller than input file", path);
    c->has_backing = c->to->backing != NULL;
    if (a->compress && !qcow2_info(c->to, &info))
        return sys_fail(err, "%s: Compression not supported for this file format", path);
    c->cluster = a->compress ? info.cluster_bytes : 0;
    return true;
}

int img_convert(ImgArgs *a)
{
    GError *err = NULL;
    const char *out = a->names->pdata[a->names->len - 1], *format = a->out_format ? a->out_format : "raw";
    Copy c = {.a = a, .part = g_malloc((2 << 20) + PART)};
    bool ok = source_open(&c.from, a, a->names->len - 1, &err) && open_target(&c, out, format, &err);
    int why = ok ? copy_all(&c) : 0;
    if (why)
        sys_fail_errno(&err, why, "error while writing to %s", out);
    block_close(c.to);
    source_close(&c.from);
    g_free(c.part);
    return err ? img_fail(err) : 0;
}

/* ---- compare ---- */

int img_read_padded(BlockNode *n, uint64_t at, uint8_t *to, size_t bytes)
{
    size_t inside = !n || at >= n->bytes ? 0 : (size_t)MIN((uint64_t)bytes, n->bytes - at);
    memset(to + inside, 0, bytes - inside);
    return inside ? block_read(n, at, to, inside) : 0;
}

int img_compare(ImgArgs *a)
{
    GError *err = NULL;
    BlockNode *x = img_open(a, a->names->pdata[0], a->format, true, false, &err);
    BlockNode *y = x ? img_open(a, a->names->pdata[1], a->backing_format, true, false, &err) : NULL;
    g_autofree uint8_t *p = g_malloc(PART), *q = g_malloc(PART);
    uint64_t bytes = y ? MAX(x->bytes, y->bytes) : 0, at = 0;
    int why = 0, status = y ? 0 : 2;
    for (size_t n; !status && !why && at < bytes; at += n) {
        n = (size_t)MIN(bytes - at, (uint64_t)PART);
        why = img_read_padded(x, at, p, n);
        why = why ? why : img_read_padded(y, at, q, n);
        for (size_t k = 0; !why && k < n && !status; k += BLOCK_SECTOR) {
            if (memcmp(p + k, q + k, MIN((size_t)BLOCK_SECTOR, n - k)) != 0) {
                status = 1;
                printf("Content mismatch at offset %" PRIu64 "!\n", at + k);
            }
        }
    }
    if (y && !status && x->bytes != y->bytes && !a->quiet)
        printf("Warning: Image size mismatch!\n");
    if (why)
        sys_fail_errno(&err, why, "reading");
    if (!status && !err && !a->quiet)
        printf("Images are identical.\n");
    block_close(x);
    block_close(y);
    if (!err)
        return status;
    img_fail(err);
    return 2;
}
