/*
 * LuMm: the guest's address space. The emulator lives at the top of the host's space (rules.md 15);
 * everything below belongs to the guest, with guest_base 0.
 *
 * How the two are kept apart: the kernel puts a static-pie just below the stack and places mappings without
 * an address top-down from there. task_size is WINDOW (64 GiB) below the image: whatever the emulator (or
 * libc in it) maps without an address falls into that window, and guest mappings are always placed by us, at
 * fixed addresses below it. Nothing is reserved, so nothing counts against RLIMIT_AS. Where the kernel does
 * not work that way (bottom-up layout, sanitizer builds) what is found in /proc/self/maps at the start is
 * entered as foreign and avoided. Guest loads and stores are not masked: one with a wild address above
 * task_size can hit the emulator (docs/adr/0008); system calls cannot be made to (su_pointer()).
 *
 * Invariants: the interval map holds every guest mapping with its protection, flags and file identity, in
 * address order, not overlapping; the host mapping agrees, except that PROT_EXEC is never given to guest
 * pages (the host never executes them) and write-protected code pages are noted. task_size is the lowest
 * address of the emulator.
 * Threads: calls lock (LOCK_RANK_MM). Errors: -errno as the kernel's.
 */
#ifndef LINUX_USER_MM_H
#define LINUX_USER_MM_H

#include "linux-user/process.h"

/* Sizes and origins of the layout, decided once. */
typedef struct LuLayout {
    Gva task_size;  /* end of the guest's addresses */
    Gva stack_top;  /* the first stack ends here, minus its random part */
    Gva mmap_base;  /* mappings without an address go below */
    Gva pie_base;   /* where position-independent programs load */
    bool randomize; /* personality without ADDR_NO_RANDOMIZE */
} LuLayout;

/* Decides the layout (before anything is loaded). `random`: 4 words of randomness. NULL: out of memory, or an
 * address space in which the emulator stands in the way of everything. */
LuMm *lu_mm_new(const LuAbi *abi, const LuOptions *opt, const uint64_t random[4]);
const LuLayout *lu_mm_layout(const LuMm *mm);
Gva lu_mm_task_size(const LuMm *mm);
/* Pages for other owners (accel's caches, thread stacks): zeroed, never the guest's, above task_size. */
void *lu_mm_arena_alloc(LuMm *mm, size_t size);
void lu_mm_arena_free(LuMm *mm, void *p, size_t size);

long lu_mm_mmap(LuThread *t, Gva addr, uint64_t len, int prot, int flags, int fd, uint64_t off);
/* A file that is mapped only where the kernel chooses: it chooses a place in the guest's part. */
long lu_mm_mmap_anywhere(LuThread *t, uint64_t len, int prot, int flags, int fd, uint64_t off);
long lu_mm_munmap(LuThread *t, Gva addr, uint64_t len);
long lu_mm_mprotect(LuThread *t, Gva addr, uint64_t len, int prot);
long lu_mm_mremap(LuThread *t, Gva old, uint64_t old_len, uint64_t new_len, int flags, Gva new_addr);
long lu_mm_remap_file_pages(LuThread *t, Gva start, uint64_t len, int prot, uint64_t page, int flags);
long lu_mm_brk(LuThread *t, Gva brk);
void lu_mm_set_brk(LuMm *mm, Gva start);
/* Calls on ranges that only need the range checked, and exec mappings that lose their contents noticed. */
long lu_mm_madvise(LuThread *t, Gva addr, uint64_t len, int advice);
long lu_mm_mseal(LuThread *t, Gva addr, uint64_t len, uint64_t flags);
long lu_mm_range_call(LuThread *t, long nr, Gva addr, uint64_t len, long c, long d, long e, long f);
/* mlockall is made of mlock of the guest's mappings; MCL_FUTURE is remembered for later ones. */
long lu_mm_mlockall(LuThread *t, int flags);
long lu_mm_munlockall(LuThread *t);
long lu_mm_shmat(LuThread *t, int id, Gva addr, int flags);
long lu_mm_shmdt(LuThread *t, Gva addr);
/* Soft and hard RLIMIT_AS and RLIMIT_DATA of the guest: never given to the host while the guest runs.
 * Either pointer may be NULL. which: RLIMIT_AS or RLIMIT_DATA. */
struct rlimit64;
void lu_mm_rlimit(LuMm *mm, int which, const struct rlimit64 *set, struct rlimit64 *ret_old);
/* Is the address space limited for good, so that it is to be the guest's for the most part? */
bool lu_mm_is_narrow(LuMm *mm);
/* True if every byte of the range is below task_size. */
static inline bool lu_mm_in_range(Gva task_size, Gva addr, uint64_t len)
{
    return addr <= task_size && len <= task_size - addr;
}

/* Protection of the guest's mapping at this address; -1: none there. */
int lu_mm_prot(LuMm *mm, Gva addr);
/* For accel (AccelMem). */
unsigned lu_mm_exec_bytes(void *mm, Gva pc);
uint64_t lu_mm_code_size(void *mm, Gva pc);
AccelCode lu_mm_code_page(void *mm, Gva page, bool notice);
bool lu_mm_code_written(void *mm, Accel *accel, Gva addr);
/* The kernel, or we, may write [start, start + len) on the guest's behalf: accel need not stop them, now or
 * later. Returns how many pages were write-protected. lu_mm_guards: are there any such pages? open_all:
 * others can write everywhere. */
unsigned lu_mm_code_open(LuMm *mm, Accel *accel, Gva start, uint64_t len);
void lu_mm_code_open_all(LuMm *mm, Accel *accel);
bool lu_mm_guards(const LuMm *mm);

/* One mapping as /proc/self/maps shows it; the callback returns false to stop. */
typedef struct LuMapping {
    Gva start, end;
    int prot, flags;
    uint64_t offset, dev, ino;
    const char *name; /* path as the guest sees it, or "[heap]", "[stack]", "[vdso]", "" */
} LuMapping;
void lu_mm_for_each(LuMm *mm, bool (*fn)(void *opaque, const LuMapping *m), void *opaque);

/* A page of code that is not the guest's to change, at an address that may be above task_size. Before the
 * guest starts. */
long lu_mm_map_code_page(LuMm *mm, Gva at, const void *bytes);
/* Marks the mapping that starts at this address as the vDSO or the first stack. */
void lu_mm_name_vdso(LuMm *mm, Gva at);
void lu_mm_name_stack(LuMm *mm, Gva at);

/* A thread that shared this memory was killed: breaks its lock. */
void lu_mm_thread_died(LuMm *mm, uint32_t tid);
void lu_mm_fork_prepare(LuMm *mm);
void lu_mm_fork_done(LuMm *mm, bool child); /* the child inherits no locks on memory */

#endif
