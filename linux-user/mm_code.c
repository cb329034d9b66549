/*
 * Code in pages that the guest can write, for accel (AccelMem) and for who writes there on the guest's
 * behalf.
 *
 * Where a store to code counts at once (TargetOps.code_checks), a private page is write-protected on the host
 * before its code is translated: `guarded`. The first store faults; then accel is told, and after that the
 * page becomes writable again, both under the lock, so that no thread can store before the regions are out of
 * reach. The next region of the page guards it anew. A page that is written too often in between is left
 * alone for a while: its code looks at its own bytes (superblock.c). So are pages for good that others may
 * write: shared ones, those that a system call has written to (another thread's call may still be waiting
 * to), and all once the guest has opened its /proc/self/mem for writing, which no protection stops.
 *
 * Memory calls that change what is mapped or its protection unguard first (mm_calls.c). Pages without an
 * entry in `code` are not guarded.
 */
#include "linux-user/mm_int.h"

#include <sys/mman.h>
#include <time.h>

#include "linux-user/guest.h"

enum {
    FAULTS = 6, /* in a row, less than QUIET_MS apart: the page is left alone */
    QUIET_MS = 50,
    LEFT_MS = 200, /* the first time; then twice as long each time */
    LOOK_EVERY = 16, /* questions whether that is over, from the first on */
    MOST_BACKOFF = 7,
    FEWEST_BITS = 9, /* of the table's size */
};

static uint32_t now_ms(void)
{
    struct timespec ts = {0};
    sys_call2(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
    return (uint32_t)((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
}

static MmCodePage *slot_in(MmCodePage *table, unsigned bits, Gva page)
{
    uint32_t h = (uint32_t)((page >> 12) * 0x9e3779b97f4a7c15ull >> (64 - bits));
    while (table[h].page && table[h].page != (page | 1))
        h = (h + 1) & ((1u << bits) - 1);
    return &table[h];
}

/* NULL: there is no table yet. */
static MmCodePage *code_slot(LuMm *mm, Gva page)
{
    return mm->code ? slot_in(mm->code, mm->code_bits, page) : NULL;
}

static uint32_t table_size(const LuMm *mm)
{
    return mm->code ? 1u << mm->code_bits : 0;
}

static bool in_use(const MmCodePage *p) { return p->guarded || p->left || p->for_good; }

/* What is not in use is forgotten. */
static bool grow_table(LuMm *mm)
{
    uint32_t was = table_size(mm), n = 0;
    for (uint32_t k = 0; k < was; k++)
        n += in_use(&mm->code[k]);
    unsigned bits = !was ? FEWEST_BITS : n > was / 4 ? mm->code_bits + 1u : mm->code_bits;
    MmCodePage *table = lu_mm_arena_alloc(mm, sizeof(*table) << bits);
    if (!table)
        return false;
    mm->n_code = 0;
    for (uint32_t k = 0; k < was; k++) {
        if (!in_use(&mm->code[k]))
            continue;
        *slot_in(table, bits, mm->code[k].page - 1) = mm->code[k];
        mm->n_code++;
    }
    lu_mm_arena_free(mm, mm->code, sizeof(*table) * was);
    mm->code = table;
    mm->code_bits = (uint8_t)bits;
    return true;
}

/* NULL: no memory. */
static MmCodePage *code_entry(LuMm *mm, Gva page)
{
    MmCodePage *p = code_slot(mm, page);
    if (p && p->page)
        return p;
    if (mm->n_code >= table_size(mm) / 4 * 3) {
        if (!grow_table(mm) || mm->n_code >= table_size(mm) / 4 * 3)
            return NULL;
        p = code_slot(mm, page);
    }
    mm->n_code++;
    *p = (MmCodePage){.page = page | 1};
    return p;
}

static const Range *range_of(const LuMm *mm, Gva page)
{
    uint32_t i = range_find(mm, page);
    return i < mm->n && range_at(mm, i)->start <= page ? range_at(mm, i) : NULL;
}

static int host_prot_of(const Range *r)
{
    return (r->prot & (PROT_READ | PROT_WRITE)) | (r->prot & PROT_EXEC ? PROT_READ : 0);
}

/* May it be written through another mapping of the same file that is writable? */
static bool has_writable_alias(const LuMm *mm, const Range *r, Gva page)
{
    uint64_t at = r->offset + (page - r->start);
    if (!(r->kind & RANGE_SHARED) || (r->kind & RANGE_ANON))
        return false;
    for (uint32_t k = 0; k < mm->n; k++) {
        const Range *o = range_at(mm, k);
        if ((o->kind & RANGE_SHARED) && o->dev == r->dev && o->ino == r->ino && (o->prot & PROT_WRITE) &&
            at >= o->offset && at - o->offset < o->end - o->start)
            return true;
    }
    return false;
}

/* The clock is a system call, and code that is rewritten all the time asks here each time. */
static bool is_over(MmCodePage *p)
{
    return p->asked++ % LOOK_EVERY == 0 && (int32_t)(p->left_until - now_ms()) <= 0;
}

static bool is_left(MmCodePage *p)
{
    if (!p->for_good && p->left && is_over(p)) {
        p->left = false;
        p->faults = 0;
    }
    return p->for_good || p->left;
}

static bool guard(LuMm *mm, const Range *r, Gva page)
{
    MmCodePage *p = code_entry(mm, page);
    if (!p || is_left(p))
        return false;
    if (p->guarded)
        return true;
    if (sys_is_err(sys_mprotect((void *)page, PAGE, host_prot_of(r) & ~PROT_WRITE)))
        return false; /* too many mappings */
    p->guarded = true;
    __atomic_store_n(&mm->n_guarded, mm->n_guarded + 1, __ATOMIC_RELAXED);
    return true;
}

/* Besides the guest's own stores through this mapping: those through another mapping of the same file, and
 * what needs no writable mapping here. Code in anonymous memory was written there, and will be again after
 * the next mprotect(). Anonymous shared memory has no name to find its other mappings by, and other processes
 * may have it; a file that was open for writing may be written by pwrite(2). Files written through a
 * descriptor opened otherwise are not seen: libraries are mapped read-only from read-only descriptors, and
 * may be anyone's to write. */
AccelCode lu_mm_code_page(void *opaque, Gva page, bool notice)
{
    LuMm *mm = opaque;
    AccelCode code = ACCEL_CODE_STAYS;
    mm_lock(mm);
    const Range *r = range_of(mm, page);
    if (r && ((r->prot & PROT_WRITE) || (r->kind & (RANGE_ANON | RANGE_LIVE_FILE | RANGE_SHM)) ||
              has_writable_alias(mm, r, page))) {
        unsigned others = RANGE_SHARED | RANGE_LIVE_FILE | RANGE_SHM | RANGE_GROWSDOWN | RANGE_STACK;
        notice = notice && !(r->kind & others) && !mm->open_to_all;
        code = notice && (!(r->prot & PROT_WRITE) || guard(mm, r, page)) ? ACCEL_CODE_NOTICED
                                                                         : ACCEL_CODE_UNNOTICED;
    }
    lock_release(&mm->lock);
    return code;
}

/* accel first: who can store to the page must not find a region of it afterwards. */
static bool unguard(LuMm *mm, Accel *accel, MmCodePage *p)
{
    Gva page = p->page - 1;
    const Range *r = range_of(mm, page);
    accel_recheck(accel, page, PAGE);
    if (r && sys_is_err(sys_mprotect((void *)page, PAGE, host_prot_of(r))))
        return false;
    p->guarded = false;
    __atomic_store_n(&mm->n_guarded, mm->n_guarded - 1, __ATOMIC_RELAXED);
    return true;
}

static void count_fault(MmCodePage *p)
{
    uint32_t now = now_ms();
    p->faults = now - p->last < QUIET_MS ? (uint8_t)(p->faults + 1) : 1;
    p->last = now;
    if (p->faults < FAULTS)
        return;
    p->left = true;
    p->asked = 0;
    p->left_until = now + ((uint32_t)LEFT_MS << p->backoff);
    p->backoff = (uint8_t)MIN(p->backoff + 1, MOST_BACKOFF);
}

bool lu_mm_code_written(void *opaque, Accel *accel, Gva addr)
{
    LuMm *mm = opaque;
    Gva page = align_down(addr, PAGE);
    mm_lock(mm);
    const Range *r = range_of(mm, page);
    bool again = r && (r->prot & PROT_WRITE);
    MmCodePage *p = code_slot(mm, page);
    if (p && p->guarded) {
        again = again && unguard(mm, accel, p);
        count_fault(p);
    } else {
        /* Another thread may have been faster. */
        again = again && p && p->page;
    }
    lock_release(&mm->lock);
    return again;
}

unsigned mm_unguard(LuMm *mm, Accel *accel, Gva start, Gva end, bool for_good)
{
    unsigned n = 0;
    if (LIKELY(!mm->n_guarded) || !accel)
        return 0;
    start = align_down(start, PAGE);
    uint64_t pages = (align_up(end, PAGE) - start) / PAGE;
    bool few = pages < table_size(mm);
    uint64_t steps = few ? pages : table_size(mm);
    for (uint64_t k = 0; k < steps && mm->n_guarded; k++) {
        MmCodePage *p = few ? code_slot(mm, start + k * PAGE) : &mm->code[k];
        if (!p->guarded || p->page - 1 < start || p->page - 1 >= end || !unguard(mm, accel, p))
            continue;
        p->for_good = for_good;
        n++;
    }
    return n;
}

unsigned lu_mm_code_open(LuMm *mm, Accel *accel, Gva start, uint64_t len)
{
    if (LIKELY(!__atomic_load_n(&mm->n_guarded, __ATOMIC_RELAXED)) || !len || start + len < start)
        return 0;
    mm_lock(mm);
    unsigned n = mm_unguard(mm, accel, start, start + len, true);
    lock_release(&mm->lock);
    return n;
}

void lu_mm_code_open_all(LuMm *mm, Accel *accel)
{
    mm_lock(mm);
    bool was = mm->open_to_all;
    mm->open_to_all = true;
    mm_unguard(mm, accel, 0, mm->layout.task_size, false);
    lock_release(&mm->lock);
    if (!was) /* what was NOTICED shall look at itself */
        accel_invalidate(accel, 0, mm->layout.task_size);
}

bool lu_mm_guards(const LuMm *mm)
{
    return __atomic_load_n(&mm->n_guarded, __ATOMIC_RELAXED) != 0;
}

bool guest_write_guarded(Gva dst, const void *src, size_t n)
{
    LuProc *p = lu_self()->proc;
    while (lu_mm_code_open(p->mm, p->accel, dst, n))
        if (fault_copy((void *)(uintptr_t)dst, src, n) == 0)
            return true;
    return false;
}
