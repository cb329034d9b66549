/*
 * Inside of LuMm: the interval map. Private to mm.c, mm_map.c and mm_calls.c (and their unit test).
 * Threads: everything under LuMm.lock.
 */
#ifndef LINUX_USER_MM_INT_H
#define LINUX_USER_MM_INT_H

#include "linux-user/mm.h"

#include "linux-user/abi.h"
#include "linux-user/options.h"

enum { PAGE = 4096 };

/* Kinds of range besides ordinary mappings. */
enum {
    RANGE_SHARED = 1,
    RANGE_GROWSDOWN = 2, /* start moves down as the kernel grows it: range_sync_growth() */
    RANGE_FOREIGN = 4,   /* the emulator's, in an unusual layout: nobody may touch it */
    RANGE_ANON = 8,
    RANGE_VDSO = 16,
    RANGE_STACK = 32,
    RANGE_SHM = 64,        /* shmat */
    RANGE_SEALED = 256,    /* mseal(2) */
    RANGE_LIVE_FILE = 128, /* the file was open for writing: its contents may change under the mapping */
};

/* LuMm.lock_future: not, with all pages at once, as pages are touched. */
enum { LOCK_NOT, LOCK_NOW, LOCK_ON_FAULT };

typedef struct Range {
    Gva start, end;
    uint64_t offset;   /* in the file, of start; 0 if anonymous */
    uint64_t dev, ino; /* of a shared file mapping, else 0 */
    uint16_t kind;
    uint8_t prot;      /* PROT_* of the guest */
} Range;

/* mm_code.c: a page of code that was guarded once. */
typedef struct MmCodePage {
    Gva page;            /* address | 1; 0: free */
    uint32_t last, left_until; /* ms: of the last fault; left: alone until then */
    uint8_t faults, backoff, asked; /* asked: whether it is to be left alone still, mod 256 */
    bool guarded;        /* not writable on the host, though the guest may write it */
    bool left, for_good;
} MmCodePage;

enum { MAX_RANGES = 1 << 17 }; /* the kernel's default limit of mappings is 65530 */

struct LuMm {
    Lock lock;
    LuLayout layout;
    Gva brk_start, brk;
    uint64_t rlim[2][2];  /* [0 AS, 1 DATA][0 soft, 1 hard] */
    uint64_t total, data; /* bytes mapped; bytes private and writable */
    uint64_t serial;      /* names private file mappings, so that only pieces of one are joined */
    uint8_t lock_future;  /* LOCK_*: what mlockall asked for later mappings */
    /* By address, not overlapping. A gap buffer: the free part of the array stands where the last change was,
     * so that changes near each other (top-down mapping) move little. Pointers to ranges end with the next
     * change. */
    union {
        struct { uint32_t n, gap; };
        uint64_t n_gap;   /* both, for one store: see range_repair() */
    };
    Range *slots;         /* MAX_RANGES reserved */
    Gva top_hint;         /* no gap of at least hint_len bytes ends between this and mmap_base */
    uint64_t hint_len;
    bool has_growsdown;   /* some range may have grown */
    bool open_to_all;     /* mm_code.c: no page is guarded any more */
    uint8_t code_bits;    /* of the size of `code` */
    uint32_t n_code, n_guarded; /* entries of `code`; n_guarded is also read without the lock */
    MmCodePage *code;     /* open addressing; NULL: none yet */
};

static inline Range *range_at(const LuMm *mm, uint32_t i)
{
    return &mm->slots[i < mm->gap ? i : i + (MAX_RANGES - mm->n)];
}

/* After an owner of the lock was killed: order, no overlaps, sums. Changes are made in such an order that
 * what is wrong then is one overlap or one hole; the hole's mapping exists on the host and is not the guest's
 * any more. */
void range_repair(LuMm *mm);

static inline void mm_lock(LuMm *mm)
{
    lock_take(&mm->lock);
    if (UNLIKELY(mm->lock.broken))
        range_repair(mm);
}

/* First range with end > addr; mm->n if none. */
uint32_t range_find(const LuMm *mm, Gva addr);
/* Is [addr, addr + len) free of ranges? */
bool range_free(const LuMm *mm, Gva addr, uint64_t len);
/* Takes [start, end) out of the map, cutting what overlaps it. False: no room for another range. */
bool range_remove(LuMm *mm, Gva start, Gva end);
/* Enters r over whatever is there. */
bool range_insert(LuMm *mm, const Range *r);
/* Gives [start, end), which lies in one range, another protection. There is no moment without the range. */
bool range_protect(LuMm *mm, Gva start, Gva end, uint8_t prot);
/* Makes r.start..end boundaries of ranges; indices of the first range inside and the first after. */
bool range_split_at(LuMm *mm, Gva addr);
/* Joins neighbours that are the same, among ranges [from, to]. */
void range_merge(LuMm *mm, uint32_t from, uint32_t to);
/* A place for len bytes, aligned: at the hint if it is free, else below mmap_base top-down, else above it. 0:
 * none. */
Gva range_place(LuMm *mm, Gva hint, uint64_t len, uint64_t align);
/* Asks the kernel how far a stack below addr has grown and moves the start of its range. */
void range_sync_growth(LuMm *mm, Gva addr);
/* Does something executable lie in [start, end)? */
bool range_any_exec(const LuMm *mm, Gva start, Gva end);

/* Before [start, end) is mapped anew, or protected otherwise: no page of it is guarded. for_good: and never
 * will be. Returns how many there were. */
unsigned mm_unguard(LuMm *mm, Accel *accel, Gva start, Gva end, bool for_good);

static inline bool range_is_data(const Range *r)
{
    return (r->prot & 2) && !(r->kind & (RANGE_SHARED | RANGE_GROWSDOWN | RANGE_FOREIGN));
}

#endif
