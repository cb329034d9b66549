/* The interval map: a sorted array. A mapping call costs one binary search and at most one memmove. */
#include "linux-user/mm_int.h"

#include <errno.h>

uint32_t range_find(const LuMm *mm, Gva addr)
{
    uint32_t lo = 0, hi = mm->n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (range_at(mm, mid)->end > addr)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo;
}

bool range_free(const LuMm *mm, Gva addr, uint64_t len)
{
    uint32_t i = range_find(mm, addr);
    return i == mm->n || range_at(mm, i)->start >= addr + len;
}

static void account(LuMm *mm, const Range *r, int sign)
{
    uint64_t len = r->end - r->start;
    if (r->kind & RANGE_FOREIGN)
        return;
    mm->total += sign > 0 ? len : -len;
    if (range_is_data(r))
        mm->data += sign > 0 ? len : -len;
}

/* Stores on either side are in this order for whoever finds the memory after this thread was killed. */
static void order_stores(void) { __asm__ volatile("" ::: "memory"); }

static void move_gap(LuMm *mm, uint32_t at)
{
    uint32_t size = MAX_RANGES - mm->n, gap = mm->gap;
    if (at < gap)
        memmove(&mm->slots[at + size], &mm->slots[at], (gap - at) * sizeof(Range));
    else if (at > gap)
        memmove(&mm->slots[gap], &mm->slots[gap + size], (at - gap) * sizeof(Range));
    order_stores();
    mm->gap = at;
}

/* Enters r as number `at`; it is there all at once. */
static bool enter(LuMm *mm, uint32_t at, const Range *r)
{
    if (mm->n >= MAX_RANGES)
        return false;
    move_gap(mm, at);
    mm->slots[mm->gap] = *r;
    order_stores();
    uint64_t both = mm->n_gap + (1ull << 32 | 1);
    __atomic_store_n(&mm->n_gap, both, __ATOMIC_RELAXED);
    order_stores();
    return true;
}

static void drop(LuMm *mm, uint32_t from, uint32_t to)
{
    move_gap(mm, from);
    mm->n -= to - from;
}

/* What is below addr goes. */
static void cut_low(Range *r, Gva addr)
{
    if (!(r->kind & RANGE_ANON))
        r->offset += addr - r->start;
    r->start = addr;
}

bool range_split_at(LuMm *mm, Gva addr)
{
    uint32_t i = range_find(mm, addr);
    if (i == mm->n || range_at(mm, i)->start >= addr)
        return true;
    Range low = *range_at(mm, i);
    low.end = addr;
    if (!enter(mm, i, &low))
        return false;
    cut_low(range_at(mm, i + 1), addr);
    return true;
}

bool range_remove(LuMm *mm, Gva start, Gva end)
{
    /* Both cuts may each need a slot: check first, so that failure changes nothing. */
    if (mm->n + 2 > MAX_RANGES || !range_split_at(mm, start) || !range_split_at(mm, end))
        return false;
    uint32_t a = range_find(mm, start), b = a;
    while (b < mm->n && range_at(mm, b)->start < end)
        account(mm, range_at(mm, b++), -1);
    drop(mm, a, b);
    /* The gap that grew may take what did not fit before. */
    Gva gap_end = a < mm->n ? range_at(mm, a)->start : mm->layout.task_size;
    mm->top_hint = MAX(mm->top_hint, MIN(gap_end, mm->layout.mmap_base));
    return true;
}

bool range_insert(LuMm *mm, const Range *r)
{
    if (mm->n + 3 > MAX_RANGES || !range_remove(mm, r->start, r->end))
        return false;
    uint32_t i = range_find(mm, r->start);
    enter(mm, i, r);
    account(mm, r, 1);
    if (r->kind & RANGE_GROWSDOWN)
        mm->has_growsdown = true;
    range_merge(mm, i ? i - 1 : 0, i + 1);
    return true;
}

bool range_protect(LuMm *mm, Gva start, Gva end, uint8_t prot)
{
    if (mm->n + 2 > MAX_RANGES || !range_split_at(mm, start) || !range_split_at(mm, end))
        return false;
    uint32_t i = range_find(mm, start);
    account(mm, range_at(mm, i), -1);
    range_at(mm, i)->prot = prot;
    account(mm, range_at(mm, i), 1);
    range_merge(mm, i ? i - 1 : 0, i + 1);
    return true;
}

static bool can_join(const Range *a, const Range *b)
{
    if (a->end != b->start || a->kind != b->kind || a->prot != b->prot || a->dev != b->dev ||
        a->ino != b->ino)
        return false;
    /* Private file mappings carry no identity: the kernel may keep them apart, and so do we. */
    if (a->kind & (RANGE_GROWSDOWN | RANGE_VDSO | RANGE_SHM))
        return false;
    if (a->kind & RANGE_ANON)
        return !(a->kind & RANGE_SHARED);
    return a->ino && a->offset + (a->end - a->start) == b->offset;
}

void range_merge(LuMm *mm, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to && i + 1 < mm->n;) {
        if (can_join(range_at(mm, i), range_at(mm, i + 1))) {
            range_at(mm, i)->end = range_at(mm, i + 1)->end;
            order_stores();
            drop(mm, i + 1, i + 2);
            to--;
        } else {
            i++;
        }
    }
}

void range_repair(LuMm *mm)
{
    mm->lock.broken = 0;
    mm->hint_len = mm->total = mm->data = 0;
    Gva end = 0;
    for (uint32_t i = 0; i < mm->n;) {
        Range *r = range_at(mm, i);
        if (r->start < end)
            cut_low(r, end);
        if (r->start >= r->end) {
            drop(mm, i, i + 1);
            continue;
        }
        account(mm, r, 1);
        end = r->end;
        i++;
    }
}

/* The kernel keeps a gap below a stack that may grow. */
static Gva range_low(const Range *r)
{
    uint64_t gap = r->kind & RANGE_GROWSDOWN ? 256ull * PAGE : 0;
    return r->start > gap ? r->start - gap : 0;
}

static bool fits(const LuMm *mm, Gva addr, uint64_t len)
{
    uint32_t i = range_find(mm, addr);
    return i == mm->n || range_low(range_at(mm, i)) >= addr + len;
}

Gva range_place(LuMm *mm, Gva hint, uint64_t len, uint64_t align)
{
    const Gva lowest = 0x10000, task = mm->layout.task_size;
    hint = align_down(hint, align);
    if (len > task - lowest)
        return 0;
    if (hint >= lowest && hint <= task - len && fits(mm, hint, len))
        return hint;
    /* Top-down: the highest gap below mmap_base, or below where the last search for as little ended. */
    Gva top = mm->hint_len && len >= mm->hint_len && align == PAGE ? mm->top_hint : mm->layout.mmap_base;
    bool note = align == PAGE && (!mm->hint_len || len <= mm->hint_len);
    uint32_t i = range_find(mm, top - 1);
    if (i < mm->n && range_at(mm, i)->start < top)
        top = range_low(range_at(mm, i));
    for (;; top = range_low(range_at(mm, i))) {
        Gva floor = i ? range_at(mm, i - 1)->end : lowest;
        floor = MAX(floor, lowest);
        if (top >= floor && top - floor >= len && align_down(top - len, align) >= floor) {
            if (note) {
                mm->hint_len = len;
                mm->top_hint = top;
            }
            return align_down(top - len, align);
        }
        if (!i)
            break;
        i--;
    }
    /* Bottom-up above it. */
    Gva at = align_up(mm->layout.mmap_base, align);
    for (i = range_find(mm, at); at <= task - len; i++) {
        if (i == mm->n || range_low(range_at(mm, i)) >= at + len)
            return at;
        at = align_up(range_at(mm, i)->end, align);
    }
    return 0;
}

void range_sync_growth(LuMm *mm, Gva addr)
{
    if (!mm->has_growsdown)
        return;
    uint32_t i = range_find(mm, addr);
    if (i == mm->n || !(range_at(mm, i)->kind & RANGE_GROWSDOWN) || range_at(mm, i)->start <= addr)
        return;
    Gva floor = i ? range_at(mm, i - 1)->end : 0, lo = MAX(addr, floor), hi = range_at(mm, i)->start;
    /* Everything from the grown start up is mapped: search for the first mapped page. */
    unsigned char vec;
    Gva was = hi;
    while (lo < hi) {
        Gva mid = align_down(lo + (hi - lo) / 2, PAGE);
        if (sys_call3(SYS_mincore, mid, PAGE, &vec) == -ENOMEM)
            lo = mid + PAGE;
        else
            hi = mid;
    }
    range_at(mm, i)->start = hi;
    mm->total += was - hi;
}

bool range_any_exec(const LuMm *mm, Gva start, Gva end)
{
    for (uint32_t i = range_find(mm, start); i < mm->n && range_at(mm, i)->start < end; i++)
        if (range_at(mm, i)->prot & 4)
            return true;
    return false;
}
