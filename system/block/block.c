/* Nodes: dispatch, opening of chains. */
#include "system/block/block.h"
#include "system/block/qcow2.h"

#include <errno.h>
#include <string.h>

enum { DEEPEST = 200 };

int block_read(BlockNode *n, uint64_t at, void *to, size_t bytes)
{
    return n->kind->read(n, at, to, bytes);
}

int block_write(BlockNode *n, uint64_t at, const void *from, size_t bytes)
{
    return n->read_only ? EROFS : n->kind->write(n, at, from, bytes);
}

int block_flush(BlockNode *n)
{
    return n->read_only ? 0 : n->kind->flush(n);
}

int block_zero(BlockNode *n, uint64_t at, uint64_t bytes, bool unmap)
{
    return n->read_only ? EROFS : bytes ? n->kind->zero(n, at, bytes, unmap) : 0;
}

int block_discard(BlockNode *n, uint64_t at, uint64_t bytes)
{
    return n->read_only ? EROFS : bytes ? n->kind->discard(n, at, bytes) : 0;
}

int block_status(BlockNode *n, uint64_t at, uint64_t bytes, BlockHold *ret, uint64_t *ret_bytes)
{
    return n->kind->status(n, at, bytes, ret, ret_bytes);
}

int block_resize(BlockNode *n, uint64_t bytes)
{
    return n->read_only ? EROFS : n->kind->resize(n, bytes);
}

void block_close(BlockNode *n)
{
    if (!n)
        return;
    if (n->kind->close)
        n->kind->close(n);
    block_close(n->backing);
    block_close(n->file);
    g_free(n->backing_path);
    g_free(n->backing_format);
    g_free(n->name);
    g_free(n->path);
    g_free(n);
}

bool block_is_zero(const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    return n == 0 || (p[0] == 0 && memcmp(p, p + 1, n - 1) == 0);
}

char *block_backing_path(const char *path, const char *backing)
{
    if (g_str_has_prefix(backing, "file:"))
        backing += 5;
    if (backing[0] == '/')
        return g_strdup(backing);
    g_autofree char *folder = g_path_get_dirname(path);
    return strcmp(folder, ".") == 0 && path[0] != '.' ? g_strdup(backing)
                                                      : g_build_filename(folder, backing, NULL);
}

/* ---- opening ---- */

static const char *const formats[] = {"raw", "qcow2"};

static const char *probe(BlockNode *file, const char *format, GError **err)
{
    static const char magic[4] = {'Q', 'F', 'I', (char)0xfb};
    char head[4] = {0};
    if (format) {
        for (unsigned k = 0; k < G_N_ELEMENTS(formats); k++)
            if (strcmp(formats[k], format) == 0)
                return formats[k];
        sys_fail(err, "Unknown driver '%s'; '%s' would be", format,
                 sys_nearest(format, formats, G_N_ELEMENTS(formats)));
        return NULL;
    }
    int bad = block_read(file, 0, head, sizeof(head));
    if (bad) {
        sys_fail_errno(err, bad, "%s", file->path);
        return NULL;
    }
    return memcmp(head, magic, sizeof(magic)) == 0 ? "qcow2" : "raw";
}

static BlockNode *open_at(const char *path, const BlockOpen *how, unsigned depth, GError **err);

static bool open_backing(BlockNode *n, unsigned depth, GError **err)
{
    if (!n->backing_path)
        return true;
    if (depth == DEEPEST)
        return sys_fail(err, "%s: more than %u backing files behind each other", n->path, (unsigned)DEEPEST);
    const BlockOpen how = {.read_only = true, .format = n->backing_format};
    g_autofree char *path = block_backing_path(n->path, n->backing_path);
    n->backing = open_at(path, &how, depth + 1, err);
    if (!n->backing)
        g_prefix_error(err, "%s: backing file: ", n->path);
    return n->backing != NULL;
}

static BlockNode *open_format(BlockNode *file, const char *format, GError **err)
{
    const char *name = probe(file, format, err);
    BlockNode *n = !name ? NULL : strcmp(name, "raw") == 0 ? block_raw_open(file) : qcow2_open(file, err);
    if (!n)
        block_close(file);
    return n;
}

static BlockNode *open_at(const char *path, const BlockOpen *how, unsigned depth, GError **err)
{
    BlockNode *file = block_file_open(path, how->read_only, how->no_lock, err);
    if (file)
        file->repair = how->repair;
    BlockNode *n = file ? open_format(file, how->format, err) : NULL;
    if (n && !how->no_backing && !open_backing(n, depth, err)) {
        block_close(n);
        return NULL;
    }
    return n;
}

BlockNode *block_open(const char *path, const BlockOpen *how, GError **err)
{
    if (g_str_has_prefix(path, "file:"))
        path += 5;
    return open_at(path, how, 0, err);
}

/* ---- by keys ---- */

/* Keys that every node may have and that change nothing here. */
static bool ignore_common(KeyVals *kv, GError **err)
{
    static const char *const words[] = {"ignore", "unmap", "off", "on"};
    static const char *const detect[] = {"off", "on", "unmap"};
    unsigned n = 0;
    bool yes;
    g_autoptr(KeyVals) cache = key_vals_below(kv, "cache");
    if (cache && (!key_vals_bool(cache, "direct", &yes, err) ||
                  !key_vals_bool(cache, "no-flush", &yes, err) || !key_vals_done(cache, err)))
        return false;
    static const char *const aio[] = {"threads", "native", "io_uring"};
    return key_vals_word(kv, "discard", words, G_N_ELEMENTS(words), &n, err) &&
           key_vals_word(kv, "aio", aio, G_N_ELEMENTS(aio), &n, err) &&
           key_vals_bool(kv, "auto-read-only", &yes, err) && key_vals_bool(kv, "force-share", &yes, err) &&
           key_vals_word(kv, "detect-zeroes", detect, G_N_ELEMENTS(detect), &n, err);
}

static BlockNode *named_or_below(KeyVals *kv, const char *key, BlockNode *(*below)(void *, const char *),
                                 void *opaque, GError **err)
{
    const char *name = key_vals_get(kv, key);
    g_autoptr(KeyVals) inner = key_vals_below(kv, key);
    if (inner)
        return block_open_keys(inner, below, opaque, err);
    BlockNode *n = name ? below(opaque, name) : NULL;
    if (!n)
        sys_fail(err, "%s: %s: no node '%s'", key_vals_what(kv), key, name ? name : "");
    return n;
}

static BlockNode *open_driver(KeyVals *kv, const char *driver, bool read_only,
                              BlockNode *(*below)(void *, const char *), void *opaque, GError **err)
{
    static const char *const drivers[] = {"file", "raw", "qcow2", "host_device"};
    bool known = false;
    for (unsigned k = 0; k < G_N_ELEMENTS(drivers); k++)
        known |= strcmp(drivers[k], driver) == 0;
    if (!known) {
        sys_fail(err, "%s: no driver '%s'; '%s' would be", key_vals_what(kv), driver,
                 sys_nearest(driver, drivers, G_N_ELEMENTS(drivers)));
        return NULL;
    }
    if (strcmp(driver, "raw") != 0 && strcmp(driver, "qcow2") != 0) {
        const char *path = key_vals_get(kv, "filename");
        if (!path)
            sys_fail(err, "%s: which filename?", key_vals_what(kv));
        return path ? block_file_open(path, read_only, false, err) : NULL;
    }
    BlockNode *file = named_or_below(kv, "file", below, opaque, err);
    BlockNode *n = file ? open_format(file, driver, err) : NULL;
    const char *backing = n ? key_vals_get(kv, "backing") : NULL;
    bool inner = n && key_vals_has_below(kv, "backing");
    if (n && (inner || (backing && *backing))) {
        n->backing = named_or_below(kv, "backing", below, opaque, err);
    } else if (n && !backing) {
        open_backing(n, 0, err);
    }
    if (n && !n->backing && (inner || (backing && *backing) || (!backing && n->backing_path))) {
        block_close(n);
        return NULL;
    }
    if (n)
        n->read_only |= read_only;
    return n;
}

BlockNode *block_open_keys(KeyVals *kv, BlockNode *(*below)(void *opaque, const char *name), void *opaque,
                           GError **err)
{
    bool read_only = false;
    const char *driver = key_vals_get(kv, "driver"), *name = key_vals_get(kv, "node-name");
    if (!driver) {
        sys_fail(err, "%s: which driver?", key_vals_what(kv));
        return NULL;
    }
    if (!key_vals_bool(kv, "read-only", &read_only, err) || !ignore_common(kv, err))
        return NULL;
    BlockNode *n = open_driver(kv, driver, read_only, below, opaque, err);
    if (n && !key_vals_done(kv, err)) {
        block_close(n);
        return NULL;
    }
    if (n)
        n->name = g_strdup(name);
    return n;
}
