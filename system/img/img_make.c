/* create, resize; what other commands need of images. */
#include "system/img/img.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

bool img_wants_json(const ImgArgs *a)
{
    return a->output && strcmp(a->output, "json") == 0;
}

BlockNode *img_open(const ImgArgs *a, const char *path, const char *format, bool read_only, bool repair,
                    GError **err)
{
    const BlockOpen how = {.read_only = read_only, .format = format, .repair = repair};
    return block_open(path, &how, err);
}

void img_progress(const ImgArgs *a, uint64_t done, uint64_t all)
{
    if (!a->progress)
        return;
    uint64_t hundredths = all ? (uint64_t)((unsigned __int128)done * 10000 / all) : 10000;
    printf("    (%u.%02u/100%%)%c", (unsigned)(hundredths / 100), (unsigned)(hundredths % 100),
           done >= all ? '\n' : '\r');
    fflush(stdout);
}

char *img_size_text(uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    unsigned k = 0;
    unsigned __int128 scale = 1;
    while (k + 1 < G_N_ELEMENTS(units) && bytes / (uint64_t)scale >= 1000) {
        scale <<= 10;
        k++;
    }
    /* three significant digits */
    uint64_t whole = (uint64_t)(bytes / scale);
    unsigned digits = whole >= 100  ? 0
                      : whole >= 10 ? 1
                                    : 2,
             power = digits == 0   ? 1
                     : digits == 1 ? 10
                                   : 100;
    uint64_t v = (uint64_t)(((unsigned __int128)bytes * power + scale / 2) / scale);
    if (v % power == 0)
        return g_strdup_printf("%" PRIu64 " %s", v / power, units[k]);
    if (digits == 2 && v % 10 == 0)
        return g_strdup_printf("%" PRIu64 ".%" PRIu64 " %s", v / 100, v / 10 % 10, units[k]);
    return g_strdup_printf("%" PRIu64 ".%0*" PRIu64 " %s", v / power, (int)digits, v % power, units[k]);
}

static bool read_options(const ImgArgs *a, Qcow2Create *c, KeyVals *kv, GError **err)
{
    static const char *const compat[] = {"0.10", "v2", "1.1", "v3"}, *const zips[] = {"zlib", "zstd"},
                             *const pre[] = {"off", "metadata"};
    unsigned which = 2, zip = 0, before = 0;
    uint64_t bits = 16;
    const char *path = key_vals_get(kv, "backing_file"), *format = key_vals_get(kv, "backing_fmt");
    if (!key_vals_word(kv, "compat", compat, G_N_ELEMENTS(compat), &which, err) ||
        !key_vals_word(kv, "compression_type", zips, G_N_ELEMENTS(zips), &zip, err) ||
        !key_vals_word(kv, "preallocation", pre, G_N_ELEMENTS(pre), &before, err) ||
        !key_vals_size(kv, "cluster_size", &c->cluster_bytes, err) ||
        !key_vals_size(kv, "size", &c->bytes, err) || !key_vals_u64(kv, "refcount_bits", 64, &bits, err) ||
        !key_vals_bool(kv, "lazy_refcounts", &c->lazy, err) || !key_vals_done(kv, err))
        return false;
    c->version = which < 2 ? 2 : 3;
    c->zip = (Qcow2Zip)zip;
    c->metadata = before == 1;
    c->refcount_bits = (unsigned)bits;
    c->backing_path = path ? path : a->backing;
    c->backing_format = format ? format : a->backing_format;
    return true;
}

/* The backing file has to be there, and gives the size if nothing else does. */
static bool look_at_backing(const ImgArgs *a, const char *path, Qcow2Create *c, GError **err)
{
    if (!c->backing_path || (a->unsafe && c->bytes))
        return true;
    g_autofree char *where = block_backing_path(path, c->backing_path);
    if (!c->backing_format)
        return sys_fail(err, "%s: backing file specified without backing format (-F)", path);
    BlockNode *b = img_open(a, where, c->backing_format, true, false, err);
    if (!b)
        return false;
    c->bytes = c->bytes ? c->bytes : b->bytes;
    block_close(b);
    return true;
}

bool img_make(const ImgArgs *a, const char *path, const char *format, uint64_t bytes, GError **err)
{
    g_autofree char *text = NULL;
    g_ptr_array_add(a->options, NULL);
    text = g_strjoinv(",", (char **)a->options->pdata);
    g_ptr_array_remove_index(a->options, a->options->len - 1);
    g_autoptr(KeyVals) kv = key_vals_parse("-o", text, NULL, err);
    Qcow2Create c = {.bytes = bytes};
    if (!kv)
        return false;
    if (strcmp(format, "raw") == 0) {
        if (a->backing)
            return sys_fail(err, "%s: a raw image has no backing file", path);
        return key_vals_size(kv, "size", &c.bytes, err) && key_vals_done(kv, err) &&
               block_create_file(path, c.bytes, err);
    }
    if (strcmp(format, "qcow2") != 0)
        return sys_fail(err, "%s: no format '%s'; 'qcow2' and 'raw' are there", path, format);
    return read_options(a, &c, kv, err) && look_at_backing(a, path, &c, err) &&
           ((c.bytes || bytes || a->names->len > 1) ||
            sys_fail(err, "%s: Image creation needs a size parameter", path)) &&
           qcow2_create(path, &c, err);
}

int img_create(ImgArgs *a)
{
    GError *err = NULL;
    uint64_t bytes = 0;
    const char *path = a->names->pdata[0], *format = a->format ? a->format : "raw";
    if (a->names->len > 1 && !parse_size(a->names->pdata[1], &bytes)) {
        sys_fail(&err, "%s: no size '%s'", path, (char *)a->names->pdata[1]);
        return img_fail(err);
    }
    if (a->names->len == 1 && strcmp(format, "raw") == 0 && !a->options->len) {
        sys_fail(&err, "%s: Image creation needs a size parameter", path);
        return img_fail(err);
    }
    if (!img_make(a, path, format, bytes, &err))
        return img_fail(err);
    if (!a->quiet)
        printf("Formatting '%s', fmt=%s size=%" PRIu64 "\n", path, format, bytes);
    return 0;
}

int img_resize(ImgArgs *a)
{
    GError *err = NULL;
    const char *path = a->names->pdata[0], *text = a->names->pdata[1];
    uint64_t by;
    bool add = text[0] == '+', less = text[0] == '-';
    BlockNode *n = img_open(a, path, a->format, false, false, &err);
    if (!n)
        return img_fail(err);
    if (!parse_size(text + (add || less), &by) || (less && by > n->bytes))
        sys_fail(&err, "%s: no size '%s'", path, text);
    uint64_t to = align_up(add ? n->bytes + by : less ? n->bytes - by : by, BLOCK_SECTOR);
    Qcow2Info info;
    if (!err && to < n->bytes && !a->shrink)
        sys_fail(&err, "%s: this makes the image smaller, and what is behind the new end is lost: --shrink",
                 path);
    if (!err && to < n->bytes && qcow2_info(n, &info) && info.n_snapshots)
        sys_fail(&err, "%s: an image with snapshots cannot become smaller", path);
    int why = err ? 0 : block_resize(n, to);
    why = why ? why : block_flush(n);
    if (why)
        sys_fail_errno(&err, why, "%s", path);
    block_close(n);
    if (err)
        return img_fail(err);
    if (!a->quiet)
        printf("Image resized.\n");
    return 0;
}
