/*
 * MemMap: what answers at which guest physical address.
 *
 * Regions are RAM, ROM (writes are lost), ROM devices (reads are memory, writes go to the device, unless it
 * asks for all), devices, and aliases (a window on another region). Where regions overlap the one of higher
 * priority answers. The map is a list of regions; look-ups use a flat, sorted view of it that is made anew at
 * each change, in the place of the last but one: a guest that moves a device for ever takes no memory. Who
 * looks up copies what he finds, and looks again if two changes have begun meanwhile.
 * RAM blocks carry what the translator needs to know of memory (docs/adr/0018-system-memory.md): an address
 * of their own for code, and a word per page with a bit for each 64 bytes that code was made from.
 * Ownership: regions and blocks belong to who added them and outlive the map.
 * Threads: look-ups and accesses by any, without a lock. Changes by one at a time, followed by `changed`, for
 * who caches what he looked up (TLBs). A device's functions are called with its lock held, so they are
 * single-threaded.
 * Errors: an address where nothing is, or an access that a device refuses, is `false`; the CPU makes an
 * exception of it.
 */
#ifndef HW_CORE_MEM_MAP_H
#define HW_CORE_MEM_MAP_H

#include "base/bits.h"
#include "base/fmt.h"
#include "base/lock.h"

typedef struct RamBlock {
    char name[32];
    uint8_t *host;    /* page-aligned */
    uint64_t bytes;   /* whole pages */
    uint64_t base;    /* address of its first byte as code: unique among blocks, page-aligned, not 0 */
    uint64_t *code;   /* [bytes / 4096] */
    uint16_t *written; /* [bytes / 4096]: a TLB may hold the page writable, and where (accel's) */
    uint64_t *dirty; /* a bit for each page that was written, or a TLB has had writable; NULL: nobody asks */
    uint8_t *even;     /* [bytes / 4096]: how code there is reached (accel's) */
} RamBlock;

typedef struct MmioOps {
    uint64_t (*read)(void *dev, uint64_t offset, unsigned size);
    void (*write)(void *dev, uint64_t offset, uint64_t value, unsigned size);
    /* Instead of these, where it matters which cpu asks (DMA: 0); NULL: it does not. */
    uint64_t (*read_by)(void *dev, unsigned cpu, uint64_t offset, unsigned size);
    void (*write_by)(void *dev, unsigned cpu, uint64_t offset, uint64_t value, unsigned size);
    uint8_t min, max; /* bytes of an access that the device knows; others are cut or, if narrower, refused */
} MmioOps;

typedef enum MemKind { MEM_RAM, MEM_ROM, MEM_ROM_DEVICE, MEM_MMIO, MEM_ALIAS } MemKind;

struct MemRegion;

/* Who looks at the accesses of a region's device: by any thread, after each, without locks. */
typedef struct MemAccess {
    uint64_t offset, value;
    unsigned cpu, size;
    bool write;
} MemAccess;
typedef struct MemTrace {
    void (*access)(void *opaque, const struct MemRegion *r, const MemAccess *a);
    void *opaque;
} MemTrace;

/* Writes that only wake a device up: an engine may note one and do it later, by another thread, as a write of
 * n. The n-th of `count` is at offset + n * stride; where all are in one place the value says which it is. */
typedef struct MemBells {
    uint64_t offset;
    uint32_t stride;
    uint16_t count; /* 0: there are none */
    uint8_t size;   /* of such a write; 0: any */
    bool by_value;
} MemBells;

typedef struct MemRegion {
    char name[32];
    uint8_t kind;      /* MemKind */
    int8_t priority;
    bool off;          /* not in the view */
    bool reads_device; /* ROM device: reads go to the device, too */
    uint64_t base, bytes;
    RamBlock *ram;     /* RAM, ROM, ROM device */
    uint64_t offset;   /* into ram, or into the alias's target */
    const MmioOps *ops;
    void *dev;
    Lock *lock;        /* of the device; NULL: it needs none */
    struct MemRegion *target; /* alias */
    struct MemMap *map;       /* that it was added to; NULL: none */
    MemBells bells;
    bool late;                /* writes may be done later, in their order, but before any other access */
    const MemTrace *trace;    /* NULL: nobody looks */
    uint8_t trace_how;        /* the tracer's own */
} MemRegion;

typedef struct MemRange {
    uint64_t start, end; /* [start, end) */
    const MemRegion *region; /* never an alias */
    uint64_t offset;     /* of start, in the region's RAM block or the device */
} MemRange;

enum { MEM_MAX_REGIONS = 128, MEM_MAX_RANGES = 3 * MEM_MAX_REGIONS };

typedef struct MemView {
    unsigned n;
    MemRange range[MEM_MAX_RANGES];
} MemView;

/* Where devices say what only a broken or hostile guest does (log_guest()). By any thread, with locks
 * held. */
typedef struct GuestLog {
    void (*write)(void *opaque, const char *line);
    void *opaque;
} GuestLog;

/* Where devices tell what they do, one line an event without its name. By any thread, with locks held. */
typedef struct DevTracer {
    void (*write)(void *opaque, unsigned event, const char *line);
    void *opaque;
} DevTracer;

typedef struct MemMap {
    const GuestLog *log; /* NULL: nobody wants to know */
    const DevTracer *tracer; /* where events of devices go, those that have a bit here (dev_impl.h) */
    uint64_t traced;
    uint64_t begun, shown; /* changes: view[shown & 1] answers */
    MemView view[2];
    unsigned n_regions;
    MemRegion *region[MEM_MAX_REGIONS];
    /* Called after what a view says changed (with the lock of the device that did it), and after bytes of RAM
     * that code was made from were written here. */
    void (*changed)(void *opaque);
    void (*code_written)(void *opaque, RamBlock *ram, uint64_t offset, uint64_t bytes);
    void *opaque;
} MemMap;

void mem_map_init(MemMap *m);
void mem_map_clear(MemMap *m);
/* False: too many regions. */
bool mem_map_add(MemMap *m, MemRegion *r);
void mem_map_remove(MemMap *m, MemRegion *r);
/* After a region's base, size or off changed. */
void mem_map_update(MemMap *m);
/* Changes `reads_device` of a ROM device: cheap, and may be done any number of times. */
void mem_map_set_reads(MemMap *m, MemRegion *r, bool device);

/* Anonymous zeroed memory. False: there is none. base: see the struct. */
bool ram_block_init(RamBlock *b, const char *name, uint64_t bytes, uint64_t base);
void ram_block_clear(RamBlock *b);

/* False: nothing is there. */
bool mem_map_find(const MemMap *m, uint64_t gpa, MemRange *ret);
/* The first that ends behind gpa; false: there is none. */
bool mem_map_next(const MemMap *m, uint64_t gpa, MemRange *ret);
/* Of one byte that reads as memory; ret_left: how many more follow. NULL: a device, or nothing. */
uint8_t *mem_map_host(const MemMap *m, uint64_t gpa, bool write, uint64_t *ret_left);

/* Would an access of this many bytes be done? */
bool mem_range_takes(const MemRange *r, unsigned size, bool write);
/* One access of a CPU, size 1, 2, 4 or 8, inside the range. */
bool mem_range_read_by(const MemRange *r, unsigned cpu, uint64_t gpa, unsigned size, uint64_t *ret);
bool mem_range_write_by(const MemMap *m, const MemRange *r, unsigned cpu, uint64_t gpa, unsigned size,
                        uint64_t value);
static inline bool mem_range_read(const MemRange *r, uint64_t gpa, unsigned size, uint64_t *ret)
{
    return mem_range_read_by(r, 0, gpa, size, ret);
}
static inline bool mem_range_write(const MemMap *m, const MemRange *r, uint64_t gpa, unsigned size,
                                   uint64_t value)
{
    return mem_range_write_by(m, r, 0, gpa, size, value);
}

/* DMA: RAM only, any length; false if part of it is no RAM (what comes before it is done). */
bool mem_map_read(const MemMap *m, uint64_t gpa, void *to, uint64_t bytes);
bool mem_map_write(const MemMap *m, uint64_t gpa, const void *from, uint64_t bytes);
/* Loading images: ROM is written, too. */
bool mem_map_load(const MemMap *m, uint64_t gpa, const void *from, uint64_t bytes);

/* Was code made from bytes [offset, offset + bytes) of the block? */
static inline bool ram_has_code(const RamBlock *b, uint64_t offset, unsigned bytes)
{
    uint64_t word = __atomic_load_n(&b->code[offset >> 12], __ATOMIC_RELAXED);
    unsigned first = offset >> 6 & 63, last = (offset + bytes - 1) >> 6 & 63;
    return word && (word >> first & ((2ull << (last - first)) - 1));
}

/* These bytes have been written. */
static inline void ram_note_dirty(RamBlock *b, uint64_t offset, uint64_t bytes)
{
    uint64_t *dirty = __atomic_load_n(&b->dirty, __ATOMIC_ACQUIRE);
    for (uint64_t page = offset >> 12; UNLIKELY(dirty) && page < (offset + bytes + 4095) >> 12; page++)
        __atomic_fetch_or(&dirty[page / 64], BIT(page % 64), __ATOMIC_RELEASE);
}

/* The page of RAM is not needed any more: the host has it back, and it reads as zeros. False: it is no RAM.
 */
bool mem_map_discard(const MemMap *m, uint64_t gpa, uint64_t bytes);
/* A device has written bytes of its own RAM block, which the map does not see. */
void mem_map_note_write(const MemMap *m, RamBlock *ram, uint64_t offset, uint64_t bytes);

/* `info mtree` */
void mem_map_print(const MemMap *m, Fmt *out);

#endif
