/*
 * Arena: a bump allocator over address space of its own.
 *
 * Invariants: memory comes zeroed; nothing is freed one by one; arena_reset() makes everything reusable
 * at once (and zeroes it lazily again by returning the pages above a small keep size).
 * Ownership: the object embeds the Arena; arena_clear() unmaps it. NULL-safe.
 * Threads: one owner at a time; there is no lock.
 * Errors: arena_init() fails when the kernel refuses the reservation; arena_alloc() returns NULL when the
 * reservation is used up. No libc allocator is involved, so it is legal after the guest started.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/bits.h"

typedef struct Arena {
    char *base;
    size_t used, limit; /* bytes */
    size_t high;        /* highest `used` since the pages were last clean, bytes */
} Arena;

/* Reserves `limit` bytes (rounded up to pages) of untouched memory. */
bool arena_init(Arena *a, size_t limit);
/* Uses memory that the caller owns and has zeroed; arena_clear() then leaves it alone. */
void arena_init_static(Arena *a, void *mem, size_t limit);
void arena_clear(Arena *a);
void arena_reset(Arena *a);
void *arena_alloc(Arena *a, size_t size, size_t align);
/* Takes back all that was allocated since a->used was `mark`, at no cost: what is allocated next is not zero.
 * For users that write everything before they read it (ir_region_new does). Not for arena_init_static(). */
static inline void arena_rewind(Arena *a, size_t mark)
{
    a->high = MAX(a->high, a->used);
    a->used = mark;
}

#define arena_new(a, type)      ((type *)arena_alloc((a), sizeof(type), _Alignof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n), _Alignof(type)))

#endif
