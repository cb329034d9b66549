#include "base/arena.h"
#include "base/sys.h"

#include <sys/mman.h>

enum { ARENA_KEEP = 1 << 20 };

bool arena_init(Arena *a, size_t limit)
{
    limit = align_up(limit, 4096);
    long p = sys_map_own(NULL, limit);
    if (sys_is_err(p))
        return false;
    *a = (Arena){.base = (char *)p, .limit = limit};
    return true;
}

void arena_init_static(Arena *a, void *mem, size_t limit)
{
    *a = (Arena){.base = mem, .limit = limit, .high = SIZE_MAX};
}

void arena_clear(Arena *a)
{
    if (a && a->base && a->high != SIZE_MAX)
        sys_munmap(a->base, a->limit);
    if (a)
        *a = (Arena){0};
}

void arena_reset(Arena *a)
{
    if (a->high == SIZE_MAX) {
        memset(a->base, 0, a->used);
    } else {
        size_t dirty = MAX(a->high, a->used);
        memset(a->base, 0, MIN(dirty, ARENA_KEEP));
        if (dirty > ARENA_KEEP)
            sys_madvise(a->base + ARENA_KEEP, align_up(dirty - ARENA_KEEP, 4096), MADV_DONTNEED);
        a->high = 0;
    }
    a->used = 0;
}

void *arena_alloc(Arena *a, size_t size, size_t align)
{
    size_t at = align_up(a->used, align);
    if (size > a->limit || at > a->limit - size)
        return NULL;
    a->used = at + size;
    return a->base + at;
}
