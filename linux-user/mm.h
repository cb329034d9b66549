/*
 * LuMm: the guest's address space. The emulator lives in an arena at the top of the host's space (rules.md 15);
 * everything below belongs to the guest, with guest_base 0.
 *
 * Invariants: the interval map holds every guest mapping with its protection, flags and file identity, in address
 * order, not overlapping; the host mapping agrees, except that PROT_EXEC is never given to guest pages (the host never
 * executes them) and write-protected code pages are noted. task_size is the lowest address of the emulator.
 * Threads: calls lock (LOCK_RANK_MM). Errors: -errno as the kernel's.
 */
#ifndef LINUX_USER_MM_H
#define LINUX_USER_MM_H

#include "linux-user/process.h"

/* Reserves the arena (before anything is loaded) and returns the object that lives in it. */
LuMm *lu_mm_new(const LuAbi *abi, uint64_t guest_rlimit_as);
Gva lu_mm_task_size(const LuMm *mm);
/* Part of the arena for other owners (accel's caches, thread stacks): zeroed pages, never the guest's. */
void *lu_mm_arena_alloc(LuMm *mm, size_t size);
void lu_mm_arena_free(LuMm *mm, void *p, size_t size);

long lu_mm_mmap(LuThread *t, Gva addr, uint64_t len, int prot, int flags, int fd, uint64_t off);
long lu_mm_munmap(LuThread *t, Gva addr, uint64_t len);
long lu_mm_mprotect(LuThread *t, Gva addr, uint64_t len, int prot);
long lu_mm_mremap(LuThread *t, Gva old, uint64_t old_len, uint64_t new_len, int flags, Gva new_addr);
long lu_mm_brk(LuThread *t, Gva brk);
void lu_mm_set_brk(LuMm *mm, Gva start);

/* For accel (AccelMem). */
unsigned lu_mm_exec_bytes(void *mm, Gva pc);
bool lu_mm_code_page(void *mm, Gva page);

/* One mapping as /proc/self/maps shows it; the callback returns false to stop. */
typedef struct LuMapping {
    Gva start, end;
    int prot, flags;
    uint64_t offset, dev, ino;
    const char *name; /* path as the guest sees it, or "[heap]", "[stack]", "[vdso]", "" */
} LuMapping;
void lu_mm_for_each(LuMm *mm, bool (*fn)(void *opaque, const LuMapping *m), void *opaque);

void lu_mm_fork_prepare(LuMm *mm);
void lu_mm_fork_done(LuMm *mm);

#endif
