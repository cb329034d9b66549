/*
 * BlockNode: bytes that disks are made of. A node is a file (driver "file"), or a format on top of one
 * ("raw", "qcow2"); a qcow2 node may have a backing node that shows through where nothing was written.
 *
 * Ownership: a node owns its file and its backing node. Threads: reads, writes, flushes by any, at the same
 * time; open, resize, check and close by one, with nobody else there. Errors: functions that do I/O return 0
 * or an errno value; what was asked for is then done in part.
 */
#ifndef SYSTEM_BLOCK_BLOCK_H
#define SYSTEM_BLOCK_BLOCK_H

#include "system/key_vals.h"

typedef struct BlockNode BlockNode;

typedef enum BlockHold {
    BLOCK_HOLE,
    BLOCK_ZERO,
    BLOCK_DATA
} BlockHold; /* HOLE: the backing node's, or zero */

typedef struct BlockKind {
    const char *name;
    int (*read)(BlockNode *n, uint64_t at, void *to, size_t bytes);
    int (*write)(BlockNode *n, uint64_t at, const void *from, size_t bytes);
    int (*flush)(BlockNode *n);
    int (*zero)(BlockNode *n, uint64_t at, uint64_t bytes, bool unmap);
    int (*discard)(BlockNode *n, uint64_t at, uint64_t bytes);
    /* What is at `at`, and for how many of `bytes` from there. */
    int (*status)(BlockNode *n, uint64_t at, uint64_t bytes, BlockHold *ret, uint64_t *ret_bytes);
    int (*resize)(BlockNode *n, uint64_t bytes);
    void (*close)(BlockNode *n);
} BlockKind;

struct BlockNode {
    const BlockKind *kind;
    char *name; /* node-name */
    char *path; /* of the file below it all */
    uint64_t bytes;
    bool read_only;
    BlockNode *file, *backing;           /* may be NULL */
    char *backing_path, *backing_format; /* as the image says; NULL: no backing file */
    bool repair;                         /* opened to be mended: a corrupt image is no reason to refuse */
};

enum { BLOCK_SECTOR = 512 };

typedef struct BlockOpen {
    bool read_only, no_backing, no_lock, repair;
    const char *format; /* NULL: as the file looks */
} BlockOpen;

/* A format on a file, with its chain of backing files. NULL: err says why. */
BlockNode *block_open(const char *path, const BlockOpen *how, GError **err);
/* -blockdev's keys; `below` answers for names of nodes that exist, as `file=` and `backing=` may be. */
BlockNode *block_open_keys(KeyVals *kv, BlockNode *(*below)(void *opaque, const char *name), void *opaque,
                           GError **err);
void block_close(BlockNode *n);

/* Ranges must be inside of the node, but reads of a file behind its end give zeroes. */
int block_read(BlockNode *n, uint64_t at, void *to, size_t bytes);
int block_write(BlockNode *n, uint64_t at, const void *from, size_t bytes);
int block_flush(BlockNode *n);
int block_zero(BlockNode *n, uint64_t at, uint64_t bytes, bool unmap);
int block_discard(BlockNode *n, uint64_t at, uint64_t bytes);
int block_status(BlockNode *n, uint64_t at, uint64_t bytes, BlockHold *ret, uint64_t *ret_bytes);
int block_resize(BlockNode *n, uint64_t bytes);

bool block_create_file(const char *path, uint64_t bytes, GError **err);
uint64_t block_host_bytes(const char *path); /* that the file takes of its file system */
BlockNode *block_file_open(const char *path, bool read_only, bool no_lock, GError **err);
BlockNode *block_raw_open(BlockNode *file);
/* The name of a backing file as the image at `path` means it; the caller frees it. */
char *block_backing_path(const char *path, const char *backing);
/* Is it all zeroes? */
bool block_is_zero(const void *bytes, size_t n);

#endif
