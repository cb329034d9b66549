/*
 * qcow2 images, versions 2 and 3, as "The QCOW2 image format" (docs/interop/qcow2 of QEMU's documentation)
 * describes them.
 *
 * Not there, and refused by name: encryption, external data files, extended L2 entries. Bitmaps are dropped
 * at the first write as the format asks.
 */
#ifndef SYSTEM_BLOCK_QCOW2_H
#define SYSTEM_BLOCK_QCOW2_H

#include "system/block/block.h"

typedef enum Qcow2Zip { QCOW2_ZLIB, QCOW2_ZSTD } Qcow2Zip;

typedef struct Qcow2Create {
    uint64_t bytes, cluster_bytes; /* 0: 64 KiB */
    unsigned version;              /* 0: 3 */
    unsigned refcount_bits;        /* 0: 16 */
    Qcow2Zip zip;
    bool lazy, metadata; /* lazy_refcounts; preallocation=metadata */
    const char *backing_path, *backing_format;
} Qcow2Create;

typedef struct Qcow2Info {
    unsigned version, refcount_bits;
    uint64_t cluster_bytes;
    Qcow2Zip zip;
    bool lazy, corrupt, dirty;
    unsigned n_snapshots;
} Qcow2Info;

typedef struct Qcow2Snapshot {
    char *id, *name;
    uint64_t vm_bytes, vm_clock_ns, icount, disk_bytes;
    uint32_t date_sec, date_nsec;
} Qcow2Snapshot;

typedef struct Qcow2Check {
    uint64_t errors, leaks, errors_fixed, leaks_fixed;
    uint64_t clusters, allocated, compressed, fragmented, end;
} Qcow2Check;

/* Takes the file, but not on failure. */
BlockNode *qcow2_open(BlockNode *file, GError **err);
bool qcow2_create(const char *path, const Qcow2Create *c, GError **err);
/* False: the node is no qcow2. */
bool qcow2_info(BlockNode *n, Qcow2Info *ret);
/* The n-th; false: there are fewer. */
bool qcow2_snapshot(BlockNode *n, unsigned k, const Qcow2Snapshot **ret);
/* These by one, with nobody else there. which: an id or a name. 0 or errno: ENOENT there is none, ENOTSUP it
 * is no qcow2, EMLINK its refcounts are too narrow. */
int qcow2_snapshot_create(BlockNode *n, const char *name, uint64_t vm_bytes, uint64_t vm_clock_ns);
int qcow2_snapshot_apply(BlockNode *n, const char *which);
int qcow2_snapshot_delete(BlockNode *n, const char *which);
/* The state of a machine (qcow2_vm.c): written, then taken along by qcow2_snapshot_create(), or dropped; that
 * of the k-th snapshot. Nobody else is there. 0 or errno. */
int qcow2_vm_write(BlockNode *n, uint64_t at, const void *from, size_t bytes);
int qcow2_vm_drop(BlockNode *n);
int qcow2_vm_read(BlockNode *n, unsigned k, uint64_t at, void *to, size_t bytes);
/* Nothing is allocated any more: the backing file shows. */
int qcow2_empty(BlockNode *n);
/* path NULL: none. The content is not looked at. */
int qcow2_set_backing(BlockNode *n, const char *path, const char *format);
/* Where in its file the data at `at` stand, and for how many of *io_bytes they go on there. */
int qcow2_host_place(BlockNode *n, uint64_t at, uint64_t *io_bytes, uint64_t *ret_host, bool *ret_compressed);
/* fix: 0 nothing, 1 leaks, 2 all. say: a line for people. 0 or errno. */
int qcow2_check(BlockNode *n, unsigned fix, void (*say)(void *opaque, const char *line), void *opaque,
                Qcow2Check *ret);
/* A whole cluster (the last one of the image: padded), compressed if that makes it smaller. */
int qcow2_write_compressed(BlockNode *n, uint64_t at, const void *from);

#endif
