/* Compressed clusters ("Compressed Cluster Descriptor"): deflate without a header, or one zstd frame. */
#include "system/block/qcow2_priv.h"

#include <errno.h>
#include <zlib.h>
#include <zstd.h>

enum { ZLIB_WINDOW = 12, ZLIB_WIDEST = 15, ZLIB_MEMORY = 9, SECTOR_BITS = 9 };

void q2_zip_place(const Qcow2 *q, uint64_t entry, uint64_t *ret_at, uint64_t *ret_bytes)
{
    unsigned x = 62 - (q->bits - 8);
    uint64_t at = entry & ((1ull << x) - 1), sectors = (entry >> x & ((1ull << (62 - x)) - 1)) + 1;
    *ret_at = at;
    *ret_bytes = (sectors << SECTOR_BITS) - (at & ((1u << SECTOR_BITS) - 1));
}

static bool inflate_all(const void *from, size_t n, void *to, size_t room)
{
    z_stream z = {
        .next_in = (Bytef *)(uintptr_t)from, .avail_in = (uInt)n, .next_out = to, .avail_out = (uInt)room};
    if (inflateInit2(&z, -ZLIB_WIDEST) != Z_OK)
        return false;
    int end = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return (end == Z_STREAM_END || end == Z_BUF_ERROR) && z.avail_out == 0;
}

/* What follows the frame in the last sector is not its. */
static bool zstd_all(const void *from, size_t n, void *to, size_t room)
{
    ZSTD_inBuffer in = {.src = from, .size = n};
    ZSTD_outBuffer out = {.dst = to, .size = room};
    ZSTD_DCtx *d = ZSTD_createDCtx();
    size_t left = 1;
    while (d && out.pos < out.size && left) {
        size_t before = in.pos + out.pos;
        left = ZSTD_decompressStream(d, &out, &in);
        if (ZSTD_isError(left) || in.pos + out.pos == before)
            break;
    }
    ZSTD_freeDCtx(d);
    return out.pos == room;
}

int q2_unzip(Qcow2 *q, const void *from, size_t n, void *to)
{
    bool ok = q->zip == QCOW2_ZSTD ? zstd_all(from, n, to, q->cluster) : inflate_all(from, n, to, q->cluster);
    return ok ? 0 : EIO;
}

static size_t deflate_all(const void *from, size_t n, void *to)
{
    z_stream z = {
        .next_in = (Bytef *)(uintptr_t)from, .avail_in = (uInt)n, .next_out = to, .avail_out = (uInt)n - 1};
    if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -ZLIB_WINDOW, ZLIB_MEMORY, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        return 0;
    int end = deflate(&z, Z_FINISH);
    size_t used = n - 1 - z.avail_out;
    deflateEnd(&z);
    return end == Z_STREAM_END ? used : 0;
}

size_t q2_zip(Qcow2 *q, const void *from, void *to)
{
    if (q->zip == QCOW2_ZLIB)
        return deflate_all(from, q->cluster, to);
    size_t n = ZSTD_compress(to, q->cluster - 1, from, q->cluster, ZSTD_CLEVEL_DEFAULT);
    return ZSTD_isError(n) ? 0 : n;
}
