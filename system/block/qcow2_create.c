/* New images: header, refcounts and an empty L1 table at the beginning of the file. */
#include "system/block/qcow2_priv.h"

#include <errno.h>
#include <string.h>

static bool check(const char *path, const Qcow2Create *c, GError **err)
{
    if (c->cluster_bytes < 512 || c->cluster_bytes > 2 << 20 || (c->cluster_bytes & (c->cluster_bytes - 1)))
        return sys_fail(err, "%s: Cluster size must be a power of two between 512 and 2048k", path);
    if (c->refcount_bits > 64 || (c->refcount_bits & (c->refcount_bits - 1)))
        return sys_fail(err, "%s: Refcount width must be a power of two and may not exceed 64 bits", path);
    if (c->version == 2 && (c->refcount_bits != 16 || c->zip != QCOW2_ZLIB || c->lazy))
        return sys_fail(err, "%s: compat=0.10 has refcounts of 16 bits, zlib and no lazy refcounts", path);
    uint64_t covered = c->cluster_bytes * (c->cluster_bytes / 8);
    if (c->bytes / covered >= 4 << 20)
        return sys_fail(err, "%s: Image is too big for qcow2 with this cluster size", path);
    if (c->backing_path && strlen(c->backing_path) > 1023)
        return sys_fail(err, "%s: the name of the backing file is too long", path);
    return true;
}

static size_t put_extension(uint8_t *to, uint32_t type, const void *bytes, uint32_t n)
{
    q2_put32(to, type);
    q2_put32(to + 4, n);
    memcpy(to + 8, bytes, n);
    return 8 + (size_t)align_up(n, 8);
}

enum { FEATURE_BYTES = 48, FEATURES = 4 };

static void put_features(uint8_t *to)
{
    static const struct {
        uint8_t kind, bit;
        char name[46];
    } rows[FEATURES] = {
        {0, 0, "dirty bit"}, {0, 1, "corrupt bit"}, {0, 3, "compression type"}, {1, 0, "lazy refcounts"}};
    for (unsigned k = 0; k < FEATURES; k++)
        memcpy(to + (size_t)k * FEATURE_BYTES, &rows[k], FEATURE_BYTES);
}

/* One cluster. Clusters 1: refcount table, 2: refcounts, 3 on: L1. */
static void put_header(uint8_t *h, const Qcow2Create *c, uint64_t l1_size)
{
    const bool v3 = c->version == 3;
    size_t at = v3 ? Q2_HEADER_ZIP : Q2_HEADER_V2;
    uint8_t features[FEATURES * FEATURE_BYTES];
    q2_put32(h, (uint32_t)Q2_MAGIC);
    q2_put32(h + 4, c->version);
    q2_put32(h + 20, (uint32_t)__builtin_ctzll(c->cluster_bytes));
    q2_put64(h + 24, c->bytes);
    q2_put32(h + 36, (uint32_t)l1_size);
    q2_put64(h + 40, l1_size ? 3 * c->cluster_bytes : 0);
    q2_put64(h + 48, c->cluster_bytes);
    q2_put32(h + 56, 1);
    if (v3) {
        q2_put64(h + 72, c->zip == QCOW2_ZSTD ? Q2_ZIP : 0);
        q2_put64(h + 80, c->lazy ? Q2_LAZY : 0);
        q2_put32(h + 96, (uint32_t)__builtin_ctz(c->refcount_bits));
        q2_put32(h + 100, Q2_HEADER_ZIP);
        h[104] = (uint8_t)c->zip;
    }
    if (c->backing_path && c->backing_format)
        at += put_extension(h + at, 0xe2792aca, c->backing_format, (uint32_t)strlen(c->backing_format));
    put_features(features);
    if (v3 && c->cluster_bytes >= 4096)
        at += put_extension(h + at, 0x6803f857, features, sizeof(features));
    at += 8; /* the end of the extensions */
    if (c->backing_path) {
        q2_put64(h + 8, at);
        q2_put32(h + 16, (uint32_t)strlen(c->backing_path));
        memcpy(h + at, c->backing_path, strlen(c->backing_path));
    }
}

/* The first four clusters; the rest is left to the code that writes images. */
static bool write_skeleton(BlockNode *file, const Qcow2Create *c, GError **err)
{
    uint64_t cluster = c->cluster_bytes;
    g_autofree uint8_t *b = g_malloc0(cluster * 3);
    if (c->backing_path && strlen(c->backing_path) + 512 > cluster)
        return sys_fail(err, "%s: the name of the backing file does not fit into a cluster", file->path);
    put_header(b, c, 0);
    q2_put64(b + cluster, 2 * cluster);
    uint8_t *counts = b + 2 * cluster;
    for (unsigned k = 0; k < 3; k++) {
        unsigned bit = k * c->refcount_bits + (c->refcount_bits >= 8 ? c->refcount_bits - 8 : 0);
        counts[bit / 8] |= (uint8_t)(1u << bit % 8);
    }
    int why = block_write(file, 0, b, cluster * 3);
    return !why || sys_fail_errno(err, why, "%s", file->path);
}

static int preallocate(BlockNode *n)
{
    Qcow2 *q = (Qcow2 *)n;
    int why = 0;
    g_autofree uint8_t *zeroes = g_malloc0(q->cluster);
    for (uint64_t at = 0; !why && at < n->bytes; at += q->cluster)
        why = q2_io_write(n, at, zeroes, (size_t)MIN(q->cluster, n->bytes - at));
    return why;
}

bool qcow2_create(const char *path, const Qcow2Create *how, GError **err)
{
    Qcow2Create c = *how;
    c.cluster_bytes = c.cluster_bytes ? c.cluster_bytes : 64 << 10;
    c.version = c.version ? c.version : 3;
    c.refcount_bits = c.refcount_bits ? c.refcount_bits : 16;
    c.bytes = align_up(c.bytes, BLOCK_SECTOR);
    if (!check(path, &c, err) || !block_create_file(path, 0, err))
        return false;
    uint64_t bytes = c.bytes;
    BlockNode *file = block_file_open(path, false, false, err);
    c.bytes = 0; /* it grows to its size, as any image does */
    if (!file || !write_skeleton(file, &c, err)) {
        block_close(file);
        return false;
    }
    file->bytes = 3 * c.cluster_bytes;
    BlockNode *n = qcow2_open(file, err);
    if (!n) {
        block_close(file);
        return false;
    }
    int why = block_resize(n, bytes);
    if (!why && c.metadata)
        why = preallocate(n);
    why = why ? why : block_flush(n);
    block_close(n);
    return !why || sys_fail_errno(err, why, "%s", path);
}
