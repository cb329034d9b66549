/*
 * Qcow2: an open image. Private to system/block.
 *
 * Order of writes, so that an image is right whenever the process or the host dies: a cluster is counted
 * before anything points to it, and uncounted after nothing does. Data go to the file at once. Tables are
 * changed in memory
 * (`dirty`), and qcow2_commit() writes them: refcounts; a barrier; L2 tables; a barrier; L1; a barrier; then
 * what was given up is uncounted. What a flush covers is in the tables on the medium when it returns; what it
 * does not cover may be lost or a leak, never a wrong reference. Threads: `lock` is held in every function
 * here but where the name says otherwise.
 */
#ifndef SYSTEM_BLOCK_QCOW2_PRIV_H
#define SYSTEM_BLOCK_QCOW2_PRIV_H

#include "system/block/qcow2.h"

#define Q2_COPIED     (1ull << 63)
#define Q2_COMPRESSED (1ull << 62)
#define Q2_ZERO       1ull
#define Q2_OFFSET     0x00fffffffffffe00ull

enum { Q2_MAGIC = 0x514649fb, Q2_HEADER_V2 = 72, Q2_HEADER_V3 = 104, Q2_HEADER_ZIP = 112 };
enum { Q2_DIRTY = 1, Q2_CORRUPT = 2, Q2_EXTERNAL = 4, Q2_ZIP = 8, Q2_EXTENDED_L2 = 16 };
enum { Q2_LAZY = 1, Q2_BITMAPS = 1 };
enum { Q2_MOST_TABLES = 512, Q2_MOST_DIRTY = 64, Q2_SLACK = 64 << 20 };

/* A cluster of an L2 table or of refcounts, as it stands in the file. */
typedef struct Q2Table {
    uint64_t at;
    bool dirty;
    uint8_t *bytes;
} Q2Table;

typedef struct Q2Run {
    uint64_t at, clusters;
} Q2Run;

typedef struct Qcow2 {
    BlockNode n;
    BlockNode *file; /* n.file */
    GMutex lock;
    unsigned version, bits, order; /* log2 of bytes in a cluster, of bits in a refcount */
    uint32_t header_bytes;
    uint64_t cluster, l2_entries, block_entries;
    uint64_t incompatible, compatible, autoclear;
    Qcow2Zip zip;
    uint64_t *l1, l1_at; /* host byte order */
    uint32_t l1_size;
    bool l1_dirty;
    uint64_t *table, table_at; /* of refcount blocks, host byte order */
    uint64_t table_size;       /* entries */
    uint64_t table_clusters;   /* in the file */
    bool table_dirty;
    GHashTable *l2, *blocks; /* Q2Table by its place */
    unsigned n_dirty_l2;
    GArray *given_up;  /* Q2Run: uncounted at the next commit */
    uint64_t hint;     /* cluster from where the search for a free one begins */
    uint64_t zip_at;   /* where the next compressed cluster may go; 0: nowhere yet */
    GArray *snapshots; /* Qcow2Snapshot */
    uint64_t snapshots_at, snapshots_bytes;
    GArray *snapshot_l1; /* Q2Run: place and entries of their L1 tables */
    uint64_t bitmaps_at, bitmaps_bytes;
    uint32_t n_bitmaps;
} Qcow2;

static inline uint64_t q2_get64(const void *p)
{
    uint64_t v;
    __builtin_memcpy(&v, p, 8);
    return __builtin_bswap64(v);
}
static inline uint32_t q2_get32(const void *p)
{
    uint32_t v;
    __builtin_memcpy(&v, p, 4);
    return __builtin_bswap32(v);
}
static inline void q2_put64(void *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    __builtin_memcpy(p, &v, 8);
}
static inline void q2_put32(void *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    __builtin_memcpy(p, &v, 4);
}

/* Tables. *ret stays valid until the next call that may load another. */
int q2_table_load(Qcow2 *q, GHashTable *in, uint64_t at, Q2Table **ret);
Q2Table *q2_table_new(Qcow2 *q, GHashTable *in, uint64_t at);
void q2_table_drop(GHashTable *in, uint64_t at);
void q2_tables_shrink(Qcow2 *q);

/* Refcounts, by cluster number. */
int q2_refcount(Qcow2 *q, uint64_t cluster, uint64_t *ret);
int q2_refcount_add(Qcow2 *q, uint64_t cluster, int add);
int q2_refcount_set(Qcow2 *q, uint64_t cluster, uint64_t value);
/* n clusters behind each other, counted once. *ret: place in bytes. */
int q2_alloc(Qcow2 *q, uint64_t n, uint64_t *ret);
void q2_give_up(Qcow2 *q, uint64_t at, uint64_t clusters);
int q2_commit(Qcow2 *q);

/* The image is not what it should be: it is marked and not written to any more. EIO. */
int q2_corrupt(Qcow2 *q, const char *what);
int q2_write_header_field(Qcow2 *q, unsigned at, const void *bytes, unsigned n);
/* A place of a cluster that a table may name. */
bool q2_place_ok(const Qcow2 *q, uint64_t at);
/* Far behind the end of the file nothing can be: what says so would make a huge file, or a search without
 * end. */
static inline bool q2_is_far(const Qcow2 *q, uint64_t at)
{
    return at > q->file->bytes + Q2_SLACK;
}
/* Place and bytes in the file of a compressed cluster. */
void q2_zip_place(const Qcow2 *q, uint64_t entry, uint64_t *ret_at, uint64_t *ret_bytes);
int q2_unzip(Qcow2 *q, const void *from, size_t n, void *to);
/* Bytes used of `to`, which has room for a cluster; 0: it does not become smaller. */
size_t q2_zip(Qcow2 *q, const void *from, void *to);
/* Makes the first write possible: clears what programs that do not know it must clear. */
int q2_begin_writing(Qcow2 *q);

/* The L1 table covers addresses up to this one; what is there is not any more (whole clusters). These take
 * the lock. */
int q2_cover(Qcow2 *q, uint64_t end_at);
int q2_unmap(Qcow2 *q, uint64_t at, uint64_t bytes);
/* A table of a snapshot, in host byte order; the caller frees it. */
int q2_read_l1(Qcow2 *q, const Q2Run *r, uint64_t **ret);

extern const BlockKind qcow2_kind;
int q2_io_read(BlockNode *n, uint64_t at, void *to, size_t bytes);
int q2_io_write(BlockNode *n, uint64_t at, const void *from, size_t bytes);
int q2_io_zero(BlockNode *n, uint64_t at, uint64_t bytes, bool unmap);
int q2_io_discard(BlockNode *n, uint64_t at, uint64_t bytes);
int q2_io_status(BlockNode *n, uint64_t at, uint64_t bytes, BlockHold *ret, uint64_t *ret_bytes);
int q2_io_resize(BlockNode *n, uint64_t bytes);

#endif
