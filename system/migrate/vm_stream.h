/*
 * The form in which a machine leaves a process and comes into one, version 1: a magic number, then records.
 *
 * A record is kind, bytes and the CRC-32 of its payload, then the payload; numbers are little-endian. The
 * first is SHAPE (machine_shape()); then come PAGES and ZEROES, in any order, of which the last about a page
 * counts; then STATE (machine_state_save()); then END. Payloads but ZEROES' are one zstd frame behind a head.
 * A stream may be hostile. Threads: one a sink or source. Errors: GError.
 */
#ifndef SYSTEM_MIGRATE_VM_STREAM_H
#define SYSTEM_MIGRATE_VM_STREAM_H

#include "base/bits.h" /* before GLib, which has the same names */
#include "system/sys_error.h"

typedef enum VmRecordKind { VM_SHAPE = 1, VM_PAGES, VM_ZEROES, VM_STATE, VM_END } VmRecordKind;

enum { VM_RUN_PAGES = 64, VM_PAGE = 4096, VM_MOST_TEXT = 64 << 20 };

/* Head of a payload. SHAPE, STATE: `bytes` of text. PAGES, ZEROES: which pages. */
typedef struct VmRecordHead {
    uint32_t block, pages; /* PAGES: at most VM_RUN_PAGES */
    uint64_t first;        /* page; of texts: bytes */
} VmRecordHead;

/* Takes all bytes, or says why not. */
typedef struct VmSink {
    bool (*write)(void *opaque, const void *from, size_t bytes, GError **err);
    void *opaque;
} VmSink;
/* Gives so many bytes, or says why not; the end of the stream is an error. */
typedef struct VmSource {
    bool (*read)(void *opaque, void *to, size_t bytes, GError **err);
    void *opaque;
} VmSource;

typedef struct VmWriter {
    VmSink sink;
    uint8_t *buffer;
    size_t room;
    struct ZSTD_CCtx_s *zstd;
    uint64_t bytes; /* written so far */
} VmWriter;

bool vm_writer_begin(VmWriter *w, VmSink sink, GError **err);
/* body: of `bytes`; NULL: none. */
bool vm_writer_put(VmWriter *w, VmRecordKind kind, const VmRecordHead *head, const void *body, size_t bytes,
                   GError **err);
void vm_writer_end(VmWriter *w);

typedef struct VmReader {
    VmSource source;
    uint8_t *payload;
    size_t room;
    VmRecordHead head;
    size_t packed; /* bytes of the frame behind the head */
} VmReader;

/* False: it does not begin as a stream of ours, or is of another version. */
bool vm_reader_begin(VmReader *r, VmSource source, GError **err);
/* The next record, whose kind is known and whose sum is right. */
bool vm_reader_next(VmReader *r, VmRecordKind *ret, GError **err);
/* Its frame, which must be of exactly so many bytes. */
bool vm_reader_body(const VmReader *r, void *to, size_t bytes, GError **err);
/* The text of SHAPE and STATE, with a NUL behind it. NULL: err. */
char *vm_reader_text(const VmReader *r, GError **err);
void vm_reader_end(VmReader *r);

#endif
