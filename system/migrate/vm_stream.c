#include "system/migrate/vm_stream.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { VERSION = 1, LEVEL = 1, MOST_PACKED = VM_MOST_TEXT };

typedef struct Magic {
    char name[12];
    uint32_t version;
} Magic;
static const Magic magic = {"tinamou vm\n", VERSION};

/* In front of each payload. */
typedef struct Frame {
    uint32_t kind, bytes, sum;
} Frame;

static uint32_t sum_of(const void *bytes, size_t n)
{
    return (uint32_t)crc32(0, bytes, (uInt)n);
}

/* ---- writing ---- */

bool vm_writer_begin(VmWriter *w, VmSink sink, GError **err)
{
    *w = (VmWriter){.sink = sink, .zstd = ZSTD_createCCtx(), .bytes = sizeof(magic)};
    ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, LEVEL);
    return sink.write(sink.opaque, &magic, sizeof(magic), err);
}

bool vm_writer_put(VmWriter *w, VmRecordKind kind, const VmRecordHead *head, const void *body, size_t bytes,
                   GError **err)
{
    const size_t before = sizeof(Frame) + sizeof(*head), most = before + ZSTD_compressBound(bytes);
    size_t packed = 0;
    if (most > w->room) {
        w->buffer = g_realloc(w->buffer, most);
        w->room = most;
    }
    if (body) {
        packed = ZSTD_compress2(w->zstd, w->buffer + before, w->room - before, body, bytes);
        if (ZSTD_isError(packed) || packed > MOST_PACKED)
            return sys_fail(err, "the machine's state cannot be packed");
    }
    memcpy(w->buffer + sizeof(Frame), head, sizeof(*head));
    const Frame f = {.kind = kind,
                     .bytes = (uint32_t)(sizeof(*head) + packed),
                     .sum = sum_of(w->buffer + sizeof(Frame), sizeof(*head) + packed)};
    memcpy(w->buffer, &f, sizeof(f));
    w->bytes += before + packed;
    return w->sink.write(w->sink.opaque, w->buffer, before + packed, err);
}

void vm_writer_end(VmWriter *w)
{
    g_free(w->buffer);
    ZSTD_freeCCtx(w->zstd);
    *w = (VmWriter){.bytes = w->bytes};
}

/* ---- reading ---- */

bool vm_reader_begin(VmReader *r, VmSource source, GError **err)
{
    Magic m;
    *r = (VmReader){.source = source};
    if (!source.read(source.opaque, &m, sizeof(m), err))
        return false;
    if (memcmp(m.name, magic.name, sizeof(m.name)) != 0)
        return sys_fail(err, "this is no saved machine of tinamou's");
    return m.version == VERSION || sys_fail(err, "the saved machine is of version %u, this program reads %u",
                                            m.version, (unsigned)VERSION);
}

bool vm_reader_next(VmReader *r, VmRecordKind *ret, GError **err)
{
    Frame f;
    if (!r->source.read(r->source.opaque, &f, sizeof(f), err))
        return false;
    if (f.kind < VM_SHAPE || f.kind > VM_END || f.bytes < sizeof(VmRecordHead) || f.bytes > MOST_PACKED)
        return sys_fail(err, "the saved machine is damaged");
    if (f.bytes > r->room) {
        r->payload = g_realloc(r->payload, f.bytes);
        r->room = f.bytes;
    }
    if (!r->source.read(r->source.opaque, r->payload, f.bytes, err))
        return false;
    if (sum_of(r->payload, f.bytes) != f.sum)
        return sys_fail(err, "the saved machine is damaged: a sum is not right");
    memcpy(&r->head, r->payload, sizeof(r->head));
    r->packed = f.bytes - sizeof(r->head);
    *ret = (VmRecordKind)f.kind;
    return true;
}

bool vm_reader_body(const VmReader *r, void *to, size_t bytes, GError **err)
{
    size_t n = ZSTD_decompress(to, bytes, r->payload + sizeof(r->head), r->packed);
    return (!ZSTD_isError(n) && n == bytes) || sys_fail(err, "the saved machine is damaged: a frame");
}

char *vm_reader_text(const VmReader *r, GError **err)
{
    const uint64_t bytes = r->head.first;
    if (bytes > VM_MOST_TEXT) {
        sys_fail(err, "the saved machine is damaged: a text of %" G_GUINT64_FORMAT " bytes", bytes);
        return NULL;
    }
    char *text = g_malloc(bytes + 1);
    text[bytes] = 0;
    if (vm_reader_body(r, text, bytes, err))
        return text;
    g_free(text);
    return NULL;
}

void vm_reader_end(VmReader *r)
{
    g_free(r->payload);
    *r = (VmReader){0};
}
