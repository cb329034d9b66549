/*
 * The memory calls. Checks come in the kernel's order (mmap(2), munmap(2), mprotect(2), mremap(2), brk(2),
 * madvise(2)); what is left is decided by the kernel itself, which is asked first: the map only follows it.
 */
#include "linux-user/mm_int.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

enum {
    LOW = 0x40,                    /* MAP_32BIT, x86's: between 1 and 2 GiB */
    HOST_ONLY_FLAGS = LOW | 0x80,  /* and MAP_ABOVE4G: mostly without meaning for the guest */
    PRIVATE_FILE = -1,             /* Range.dev of a private file mapping; ino is then a serial number */
    HUGE = 2 << 20,
};

/* What must be told to accel once the lock is released. */
typedef struct After {
    Gva start, end;      /* executable bytes that changed */
    bool same;           /* only their permissions may have */
    bool parallel;       /* memory is now shared with others */
    bool aliases;        /* code seen through another mapping became writable */
    uint64_t dev, ino, off, off_end;
} After;

static LuMm *lock_mm(LuThread *t)
{
    mm_lock(t->proc->mm);
    return t->proc->mm;
}

static void changed(LuMm *mm, After *a, Gva start, Gva end)
{
    if (!range_any_exec(mm, start, end))
        return;
    a->start = a->end ? MIN(a->start, start) : start;
    a->end = MAX(a->end, end);
}

static void became_writable_shared(After *a, const Range *r)
{
    a->parallel = true;
    if (r->kind & RANGE_ANON)
        return;
    a->aliases = true;
    a->dev = r->dev;
    a->ino = r->ino;
    a->off = r->offset;
    a->off_end = r->offset + (r->end - r->start);
}

/* Releases the lock and does what cannot be done under it. */
static long finish(LuThread *t, LuMm *mm, const After *a, long ret)
{
    Gva hit[16][2];
    unsigned n = 0;
    bool all = false;
    for (uint32_t i = 0; a->aliases && i < mm->n; i++) {
        const Range *r = range_at(mm, i);
        if (!(r->prot & PROT_EXEC) || !(r->kind & RANGE_SHARED) || r->dev != a->dev || r->ino != a->ino)
            continue;
        if (r->offset >= a->off_end || r->offset + (r->end - r->start) <= a->off)
            continue;
        if (n == ARRAY_SIZE(hit)) {
            all = true;
            break;
        }
        hit[n][0] = r->start;
        hit[n++][1] = r->end;
    }
    Gva task = mm->layout.task_size;
    lock_release(&mm->lock);
    Accel *accel = t->proc->accel;
    if (!accel)
        return ret;
    if (a->end && a->same)
        accel_recheck(accel, a->start, a->end - a->start);
    else if (a->end)
        accel_invalidate(accel, a->start, a->end - a->start);
    if (all)
        accel_invalidate(accel, 0, task);
    for (unsigned i = 0; i < n && !all; i++)
        accel_invalidate(accel, hit[i][0], hit[i][1] - hit[i][0]);
    if (a->parallel && t->cpu && !(t->cpu->ctx & CTX_PARALLEL))
        accel_ctx_set(accel, t->cpu, CTX_PARALLEL);
    return ret;
}

static int host_prot(int prot)
{
    return prot & PROT_EXEC ? (prot & ~PROT_EXEC) | PROT_READ : prot;
}

static bool over_limit(LuMm *mm, uint64_t more, bool data)
{
    return mm->total + more > mm->rlim[0][0] || (data && mm->data + more > mm->rlim[1][0]);
}

static bool touches(const LuMm *mm, Gva start, Gva end, unsigned kinds)
{
    for (uint32_t i = range_find(mm, start); i < mm->n && range_at(mm, i)->start < end; i++)
        if (range_at(mm, i)->kind & kinds)
            return true;
    return false;
}

static bool touches_foreign(const LuMm *mm, Gva start, Gva end)
{
    return touches(mm, start, end, RANGE_FOREIGN);
}

static bool touches_sealed(const LuMm *mm, Gva start, Gva end)
{
    return touches(mm, start, end, RANGE_SEALED);
}

/* ---- mmap ---- */

/* A mapping under mlockall(MCL_FUTURE); EAGAIN if that is more than may be locked. */
static long map_host(const LuMm *mm, Gva at, uint64_t len, int prot, int flags, int fd, uint64_t off)
{
    flags |= mm->lock_future == LOCK_NOW ? MAP_LOCKED : 0;
    long p = sys_mmap((void *)at, len, prot, flags, fd, (long)off);
    if (mm->lock_future != LOCK_ON_FAULT || sys_is_err(p) ||
        !sys_call3(SYS_mlock2, p, len, 1 /* MLOCK_ONFAULT */))
        return p;
    /* Unlike the kernel, this has by now replaced what was at a fixed address. */
    sys_munmap((void *)p, len);
    return -EAGAIN;
}

static long identify_file(Range *r, int prot, int flags, int fd)
{
    if (prot & PROT_EXEC) {
        struct statfs fs;
        if (!sys_is_err(sys_call2(SYS_fstatfs, fd, &fs)) && (fs.f_flags & 8 /* ST_NOEXEC */))
            return -EPERM;
    }
    long mode = prot & PROT_EXEC ? sys_call2(SYS_fcntl, fd, F_GETFL) : 0;
    if (mode > 0 && (mode & O_ACCMODE) != O_RDONLY)
        r->kind |= RANGE_LIVE_FILE;
    if (!(r->kind & RANGE_SHARED)) {
        r->dev = (uint64_t)PRIVATE_FILE;
        return 0;
    }
    struct stat st;
    long e = sys_call2(SYS_fstat, fd, &st);
    if (sys_is_err(e))
        return e;
    r->dev = st.st_dev;
    r->ino = st.st_ino;
    return 0;
}

static uint64_t wanted_align(uint64_t len, int flags)
{
    if (flags & MAP_HUGETLB) {
        unsigned log2 = (unsigned)flags >> MAP_HUGE_SHIFT & 63;
        return log2 ? 1ull << log2 : HUGE;
    }
    /* As the kernel does, so that transparent huge pages can be used. */
    return (flags & MAP_ANONYMOUS) && len >= HUGE && !(len % HUGE) ? HUGE : PAGE;
}

/* Chooses the address of a mapping without MAP_FIXED, and maps. */
static long map_somewhere(LuMm *mm, Gva hint, uint64_t len, int prot, int flags, int fd, uint64_t off)
{
    uint64_t align = wanted_align(len, flags);
    for (int tries = 0; tries < 64; tries++) {
        Gva at = range_place(mm, align_up(hint, PAGE), len, align);
        if (!at && align == HUGE && !(flags & MAP_HUGETLB))
            at = range_place(mm, 0, len, align = PAGE);
        if (!at)
            return -ENOMEM;
        long p = map_host(mm, at, len, host_prot(prot), flags | MAP_FIXED_NOREPLACE, fd, off);
        if (p != -EEXIST)
            return p;
        /* Something of the emulator's that was mapped after the start: walk around it from now on. */
        Range r = {.start = at, .end = at + len, .kind = RANGE_FOREIGN};
        unsigned char vec;
        while (r.end - r.start > PAGE && sys_call3(SYS_mincore, r.start, PAGE, &vec) == -ENOMEM)
            r.start += PAGE;
        r.end = r.start + PAGE;
        if (!range_insert(mm, &r))
            return -ENOMEM;
        hint = 0;
    }
    return -ENOMEM;
}

/* Between 1 and 2 GiB, where the kernel knows what is the emulator's. */
static long map_low(LuMm *mm, uint64_t len, int prot, int flags, int fd, uint64_t off)
{
    long p = map_host(mm, 0, len, host_prot(prot), flags | LOW, fd, off);
    if (sys_is_err(p) || (lu_mm_in_range(mm->layout.task_size, (Gva)p, len) && range_free(mm, (Gva)p, len)))
        return p;
    sys_munmap((void *)p, len);
    return -ENOMEM;
}

static long map_fixed(LuMm *mm, After *a, Gva addr, uint64_t len, int prot, int flags, int fd, uint64_t off)
{
    if (!lu_mm_in_range(mm->layout.task_size, addr, len))
        return -ENOMEM;
    if (addr % PAGE)
        return -EINVAL;
    range_sync_growth(mm, addr);
    if (touches_foreign(mm, addr, addr + len))
        return flags & MAP_FIXED_NOREPLACE ? -EEXIST : -ENOMEM;
    if (flags & MAP_FIXED_NOREPLACE && !range_free(mm, addr, len))
        return -EEXIST;
    if (touches_sealed(mm, addr, addr + len))
        return -EPERM;
    changed(mm, a, addr, addr + len);
    return map_host(mm, addr, len, host_prot(prot), flags, fd, off);
}

static uint64_t overlap(const LuMm *mm, Gva start, Gva end)
{
    uint64_t sum = 0;
    for (uint32_t i = range_find(mm, start); i < mm->n && range_at(mm, i)->start < end; i++)
        sum += MIN(end, range_at(mm, i)->end) - MAX(start, range_at(mm, i)->start);
    return sum;
}

/* The host has mapped it. */
static void note_mapping(LuMm *mm, After *a, Range *r, Gva start, uint64_t size, int prot)
{
    r->start = start;
    r->end = start + size;
    if (r->dev == (uint64_t)PRIVATE_FILE)
        r->ino = ++mm->serial;
    range_insert(mm, r);
    if ((r->kind & RANGE_SHARED) && (prot & PROT_WRITE))
        became_writable_shared(a, r);
}

long lu_mm_mmap(LuThread *t, Gva addr, uint64_t len, int prot, int flags, int fd, uint64_t off)
{
    const bool narrow_call = t->abi->word < t->proc->abi->word; /* whose pointers would not hold more */
    bool low = t->proc->abi->low_maps && (flags & LOW || narrow_call);
    flags &= ~HOST_ONLY_FLAGS;
    int type = flags & MAP_TYPE;
    bool fixed = flags & (MAP_FIXED | MAP_FIXED_NOREPLACE), anon = flags & MAP_ANONYMOUS;
    if (off % PAGE)
        return -EINVAL;
    if (!anon && sys_is_err(sys_call3(SYS_fcntl, fd, 1 /* F_GETFD */, 0)))
        return -EBADF;
    if (!len)
        return -EINVAL;
    uint64_t size = align_up(len, flags & MAP_HUGETLB ? wanted_align(len, flags) : PAGE);
    if (size < len)
        return -ENOMEM;
    if (off + size < off)
        return -EOVERFLOW;
    Range r = {.offset = anon ? 0 : off, .prot = (uint8_t)(prot & 7)};
    r.kind = (uint16_t)((anon ? RANGE_ANON : 0) | (type != MAP_PRIVATE ? RANGE_SHARED : 0) |
                        (flags & MAP_GROWSDOWN ? RANGE_GROWSDOWN : 0));
    long ret = anon ? 0 : identify_file(&r, prot, flags, fd);
    if (ret)
        return ret;
    After a = {0};
    LuMm *mm = lock_mm(t);
    uint64_t more = size - (fixed ? MIN(size, overlap(mm, addr, addr + size)) : 0);
    if (fixed)
        mm_unguard(mm, t->proc->accel, addr, addr + size, false);
    if (mm->n + 3 > MAX_RANGES || over_limit(mm, more, range_is_data(&r)))
        ret = -ENOMEM;
    else if (fixed)
        ret = map_fixed(mm, &a, addr, size, prot, flags, fd, off);
    else if (low)
        ret = map_low(mm, size, prot, flags, fd, off);
    else
        ret = map_somewhere(mm, addr, size, prot, flags, fd, off);
    if (!sys_is_err(ret))
        note_mapping(mm, &a, &r, (Gva)ret, size, prot);
    return finish(t, mm, &a, ret);
}

long lu_mm_mmap_anywhere(LuThread *t, uint64_t len, int prot, int flags, int fd, uint64_t off)
{
    uint64_t size = align_up(len, PAGE);
    Range r = {.offset = off, .prot = (uint8_t)(prot & 7)};
    r.kind = (flags & MAP_TYPE) != MAP_PRIVATE ? RANGE_SHARED : 0;
    if (!len || size < len || off % PAGE)
        return -EINVAL;
    long ret = identify_file(&r, prot, flags, fd);
    if (ret)
        return ret;
    After a = {0};
    LuMm *mm = lock_mm(t);
    if (mm->n + 3 > MAX_RANGES || over_limit(mm, size, range_is_data(&r)))
        return finish(t, mm, &a, -ENOMEM);
    ret = map_low(mm, size, prot, flags, fd, off);
    if (!sys_is_err(ret))
        note_mapping(mm, &a, &r, (Gva)ret, size, prot);
    return finish(t, mm, &a, ret);
}

long lu_mm_map_code_page(LuMm *mm, Gva at, const void *bytes)
{
    long p = sys_mmap((void *)at, PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (sys_is_err(p))
        return p;
    memcpy((void *)at, bytes, PAGE);
    sys_mprotect((void *)at, PAGE, PROT_READ);
    Range r = {.start = at, .end = at + PAGE, .kind = RANGE_ANON | RANGE_VDSO, .prot = PROT_READ | PROT_EXEC};
    mm_lock(mm);
    range_insert(mm, &r);
    lock_release(&mm->lock);
    return 0;
}

/* ---- munmap, mprotect ---- */

long lu_mm_munmap(LuThread *t, Gva addr, uint64_t len)
{
    After a = {0};
    LuMm *mm = lock_mm(t);
    long ret = 0;
    uint64_t size = align_up(len, PAGE);
    if (addr % PAGE || !len || size < len || !lu_mm_in_range(mm->layout.task_size, addr, size))
        return finish(t, mm, &a, -EINVAL);
    range_sync_growth(mm, addr);
    if (touches_foreign(mm, addr, addr + size)) {
        ret = -EINVAL;
    } else if (touches_sealed(mm, addr, addr + size)) {
        ret = -EPERM;
    } else if (mm->n + 2 > MAX_RANGES) {
        ret = -ENOMEM;
    } else {
        mm_unguard(mm, t->proc->accel, addr, addr + size, false);
        ret = sys_munmap((void *)addr, size);
    }
    if (!ret) {
        changed(mm, &a, addr, addr + size);
        range_remove(mm, addr, addr + size);
    }
    return finish(t, mm, &a, ret);
}

/* Gives [start, end), which lies in ranges[i], another protection. */
static long protect_piece(LuMm *mm, After *a, uint32_t i, Gva start, Gva end, int prot, int host_flags)
{
    Range r = *range_at(mm, i);
    if (r.kind & RANGE_FOREIGN)
        return -ENOMEM;
    if (r.kind & RANGE_SEALED)
        return -EPERM;
    if (mm->n + 3 > MAX_RANGES)
        return -ENOMEM;
    bool was_data = range_is_data(&r);
    r.offset += r.kind & RANGE_ANON ? 0 : start - r.start;
    r.start = start;
    r.end = end;
    bool had_write = r.prot & PROT_WRITE;
    r.prot = (uint8_t)(prot & 7);
    if (!was_data && range_is_data(&r) && mm->data + (end - start) > mm->rlim[1][0])
        return -ENOMEM;
    long e = sys_mprotect((void *)start, end - start, host_prot(prot) | host_flags);
    if (sys_is_err(e))
        return e;
    changed(mm, a, start, end);
    range_protect(mm, start, end, r.prot);
    if (!had_write && (r.prot & PROT_WRITE) && (r.kind & RANGE_SHARED))
        became_writable_shared(a, &r);
    /* Code translated while the page was read-only was not noted as writable. */
    changed(mm, a, start, end);
    return 0;
}

long lu_mm_mprotect(LuThread *t, Gva addr, uint64_t len, int prot)
{
    int grow = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
    prot &= ~grow;
    if (grow == (PROT_GROWSDOWN | PROT_GROWSUP) || addr % PAGE)
        return -EINVAL;
    if (!len)
        return 0;
    uint64_t size = align_up(len, PAGE);
    After a = {.same = true};
    LuMm *mm = lock_mm(t);
    if (size < len || addr + size < addr)
        return finish(t, mm, &a, -ENOMEM);
    if (prot & ~(PROT_READ | PROT_WRITE | PROT_EXEC | 8 /* PROT_SEM */))
        return finish(t, mm, &a, -EINVAL);
    if (!lu_mm_in_range(mm->layout.task_size, addr, size))
        return finish(t, mm, &a, -ENOMEM);
    Gva end = addr + size;
    range_sync_growth(mm, addr);
    if (grow == PROT_GROWSDOWN) {
        uint32_t i = range_find(mm, addr);
        if (i == mm->n || range_at(mm, i)->start > addr || !(range_at(mm, i)->kind & RANGE_GROWSDOWN))
            return finish(t, mm, &a, -EINVAL);
        range_sync_growth(mm, 0);
        addr = range_at(mm, range_find(mm, addr))->start;
    } else if (grow) {
        return finish(t, mm, &a, -EINVAL);
    }
    long ret = 0;
    mm_unguard(mm, t->proc->accel, addr, end, false);
    while (addr < end && !ret) {
        uint32_t i = range_find(mm, addr);
        if (i == mm->n || range_at(mm, i)->start > addr) {
            ret = -ENOMEM;
            break;
        }
        Gva stop = MIN(end, range_at(mm, i)->end);
        ret = protect_piece(mm, &a, i, addr, stop, prot, 0);
        addr = stop;
    }
    return finish(t, mm, &a, ret);
}

/* ---- mremap ---- */

/* The map after [old, old + old_len) became [to, to + new_len). */
static void follow_remap(LuMm *mm, After *a, Range r, Gva old, uint64_t old_len, Gva to, uint64_t new_len,
                         bool keep)
{
    changed(mm, a, old, old + old_len);
    r.offset += r.kind & RANGE_ANON ? 0 : old - r.start;
    if (!keep && to != old)
        range_remove(mm, old, old + old_len);
    else if (!keep && new_len < old_len)
        range_remove(mm, old + new_len, old + old_len);
    r.start = to;
    r.end = to + new_len;
    changed(mm, a, to, r.end);
    range_insert(mm, &r);
}

static long remap_grow(LuMm *mm, Gva old, uint64_t old_len, uint64_t new_len, int flags)
{
    /* In place if nothing of the guest's or ours follows. */
    if (!(flags & MREMAP_DONTUNMAP) && old_len && lu_mm_in_range(mm->layout.task_size, old, new_len) &&
        range_free(mm, old + old_len, new_len - old_len)) {
        long p = sys_call5(SYS_mremap, old, old_len, new_len, 0, 0);
        if (p != -ENOMEM)
            return p;
    }
    if (!(flags & MREMAP_MAYMOVE))
        return -ENOMEM;
    Gva at = range_place(mm, 0, new_len, wanted_align(new_len, MAP_ANONYMOUS));
    if (!at)
        at = range_place(mm, 0, new_len, PAGE);
    if (!at)
        return -ENOMEM;
    return sys_call5(SYS_mremap, old, old_len, new_len, flags | MREMAP_FIXED, at);
}

long lu_mm_mremap(LuThread *t, Gva old, uint64_t old_len, uint64_t new_len, int flags, Gva new_addr)
{
    if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
        return -EINVAL;
    if ((flags & (MREMAP_FIXED | MREMAP_DONTUNMAP)) && !(flags & MREMAP_MAYMOVE))
        return -EINVAL;
    if ((flags & MREMAP_DONTUNMAP) && old_len != new_len)
        return -EINVAL;
    uint64_t from = align_up(old_len, PAGE), to = align_up(new_len, PAGE);
    if (old % PAGE || !to || from < old_len)
        return -EINVAL;
    After a = {0};
    LuMm *mm = lock_mm(t);
    Gva task = mm->layout.task_size;
    if (flags & MREMAP_FIXED) {
        if (new_addr % PAGE || !lu_mm_in_range(task, new_addr, to) ||
            (new_addr < old + from && old < new_addr + to))
            return finish(t, mm, &a, -EINVAL);
        if (touches_foreign(mm, new_addr, new_addr + to))
            return finish(t, mm, &a, -ENOMEM);
    }
    range_sync_growth(mm, old);
    uint32_t i = range_find(mm, old);
    if (i == mm->n || range_at(mm, i)->start > old || range_at(mm, i)->end - old < from ||
        (range_at(mm, i)->kind & RANGE_FOREIGN))
        return finish(t, mm, &a, -EFAULT);
    if (touches_sealed(mm, old, old + from) ||
        (flags & MREMAP_FIXED && touches_sealed(mm, new_addr, new_addr + to)))
        return finish(t, mm, &a, -EPERM);
    Range r = *range_at(mm, i);
    bool data = range_is_data(&r);
    if (mm->n + 4 > MAX_RANGES || (to > from && over_limit(mm, to - from, data)))
        return finish(t, mm, &a, -ENOMEM);
    long p;
    mm_unguard(mm, t->proc->accel, old, old + from, false);
    if (flags & MREMAP_FIXED)
        mm_unguard(mm, t->proc->accel, new_addr, new_addr + to, false);
    if (flags & MREMAP_FIXED)
        p = sys_call5(SYS_mremap, old, from, to, flags, new_addr);
    else if (to <= from && from && !(flags & MREMAP_DONTUNMAP))
        p = sys_call5(SYS_mremap, old, from, to, 0, 0);
    else
        p = remap_grow(mm, old, from, to, flags);
    if (!sys_is_err(p))
        follow_remap(mm, &a, r, old, from, (Gva)p, to, !from || (flags & MREMAP_DONTUNMAP));
    return finish(t, mm, &a, p);
}

/* Another part of the file that is mapped there; `page` counts pages of the file. */
long lu_mm_remap_file_pages(LuThread *t, Gva start, uint64_t len, int prot, uint64_t page, int flags)
{
    uint64_t size = align_down(len, PAGE);
    start = align_down(start, PAGE);
    if (prot || !size || !lu_mm_in_range(t->proc->task_size, start, size))
        return -EINVAL;
    After a = {0};
    LuMm *mm = lock_mm(t);
    range_sync_growth(mm, start);
    uint32_t i = range_find(mm, start);
    if (i == mm->n || range_at(mm, i)->start > start || touches_foreign(mm, start, start + size))
        return finish(t, mm, &a, -EINVAL);
    if (touches_sealed(mm, start, start + size))
        return finish(t, mm, &a, -EPERM);
    if (mm->n + 3 > MAX_RANGES)
        return finish(t, mm, &a, -ENOMEM);
    Range r = *range_at(mm, i);
    mm_unguard(mm, t->proc->accel, start, start + size, false);
    long ret = sys_call5(SYS_remap_file_pages, start, size, prot, page, flags);
    if (!ret) {
        changed(mm, &a, start, start + size);
        r.offset = r.kind & RANGE_ANON ? 0 : page * PAGE;
        note_mapping(mm, &a, &r, start, size, r.prot);
    }
    return finish(t, mm, &a, ret);
}

/* ---- brk ---- */

void lu_mm_set_brk(LuMm *mm, Gva start) { mm->brk_start = mm->brk = start; }

long lu_mm_brk(LuThread *t, Gva want)
{
    After a = {0};
    LuMm *mm = lock_mm(t);
    Gva now = align_up(mm->brk, PAGE), end = align_up(want, PAGE);
    bool ok = want >= mm->brk_start && end >= want && end <= mm->layout.task_size &&
              want - mm->brk_start <= mm->rlim[1][0];
    if (ok && end < now && touches_sealed(mm, end, now))
        ok = false;
    if (ok && end < now) {
        mm_unguard(mm, t->proc->accel, end, now, false);
        ok = mm->n + 2 <= MAX_RANGES && !sys_is_err(sys_munmap((void *)end, now - end));
        if (ok) {
            changed(mm, &a, end, now);
            range_remove(mm, end, now);
        }
    } else if (ok && end > now) {
        Range r = {.start = now, .end = end, .kind = RANGE_ANON, .prot = PROT_READ | PROT_WRITE};
        /* The kernel leaves a page between the heap and the next mapping. */
        ok = mm->n + 3 <= MAX_RANGES && !over_limit(mm, end - now, true) &&
             range_free(mm, now, end - now + PAGE);
        int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE;
        ok = ok && !sys_is_err(map_host(mm, now, end - now, r.prot, flags, -1, 0));
        if (ok)
            note_mapping(mm, &a, &r, now, end - now, r.prot);
    }
    if (ok)
        mm->brk = want;
    return finish(t, mm, &a, (long)mm->brk);
}

/* ---- the rest ---- */

/* What may not be written shall not become zero either. */
static bool loses_sealed(const LuMm *mm, Gva start, Gva end, int advice)
{
    enum { DONTNEED_LOCKED = 24 };
    bool discards = advice == MADV_FREE || advice == MADV_DONTNEED || advice == DONTNEED_LOCKED ||
                    advice == MADV_REMOVE || advice == MADV_DONTFORK || advice == MADV_WIPEONFORK;
    for (uint32_t i = range_find(mm, start); discards && i < mm->n && range_at(mm, i)->start < end; i++) {
        const Range *r = range_at(mm, i);
        if (r->kind & RANGE_SEALED && r->kind & RANGE_ANON && !(r->kind & RANGE_SHARED) &&
            !(r->prot & PROT_WRITE))
            return true;
    }
    return false;
}

long lu_mm_madvise(LuThread *t, Gva addr, uint64_t len, int advice)
{
    uint64_t size = align_up(len, PAGE);
    if (addr % PAGE || size < len)
        return -EINVAL;
    After a = {0};
    LuMm *mm = lock_mm(t);
    /* Addresses past the end are unmapped ones: ENOMEM, after the advice was checked, as for any hole. */
    if (!lu_mm_in_range(mm->layout.task_size, addr, size))
        return finish(t, mm, &a, sys_madvise((void *)(mm->layout.task_size - PAGE), 0, advice) ?: -ENOMEM);
    long ret = touches_foreign(mm, addr, addr + size)        ? -ENOMEM
               : loses_sealed(mm, addr, addr + size, advice) ? -EPERM
                                                             : sys_madvise((void *)addr, size, advice);
    bool drops = advice == MADV_DONTNEED || advice == MADV_FREE || advice == MADV_REMOVE || advice == 24;
    if (drops)
        changed(mm, &a, addr, addr + size);
    return finish(t, mm, &a, ret);
}

static bool has_hole(const LuMm *mm, Gva start, Gva end)
{
    for (uint32_t i = range_find(mm, start); start < end; start = range_at(mm, i++)->end)
        if (i == mm->n || range_at(mm, i)->start > start || range_at(mm, i)->kind & RANGE_FOREIGN)
            return true;
    return false;
}

/* The map's business alone: the emulator itself has to change protections (mm_code.c). */
long lu_mm_mseal(LuThread *t, Gva addr, uint64_t len, uint64_t flags)
{
    uint64_t size = align_up(len, PAGE);
    if (flags || addr % PAGE || size < len || addr + size < addr)
        return -EINVAL;
    After a = {0};
    LuMm *mm = lock_mm(t);
    range_sync_growth(mm, addr);
    if (size && (!lu_mm_in_range(mm->layout.task_size, addr, size) || has_hole(mm, addr, addr + size)))
        return finish(t, mm, &a, -ENOMEM);
    if (size && (!range_split_at(mm, addr) || !range_split_at(mm, addr + size)))
        return finish(t, mm, &a, -ENOMEM);
    uint32_t first = range_find(mm, addr), i = first;
    for (; size && i < mm->n && range_at(mm, i)->start < addr + size; i++)
        range_at(mm, i)->kind |= RANGE_SEALED;
    range_merge(mm, first ? first - 1 : 0, i);
    return finish(t, mm, &a, 0);
}

long lu_mm_range_call(LuThread *t, long nr, Gva addr, uint64_t len, long c, long d, long e, long f)
{
    LuMm *mm = t->proc->mm;
    uint64_t size = align_up(len + addr % PAGE, PAGE);
    /* What is wrong for any process, the kernel says best: empty, wrapping, or beyond every user address. */
    bool wrong =
        !len || size < len || align_down(addr, PAGE) + size < size || addr >= t->proc->abi->task_size;
    if (!wrong && !lu_mm_in_range(mm->layout.task_size, align_down(addr, PAGE), size))
        return -ENOMEM;
    return sys_call6(nr, (long)addr, (long)len, c, d, e, f);
}

/* The first error, which ends it if `strict`. */
static long for_all(LuMm *mm, long nr, long arg, bool strict)
{
    long ret = 0;
    for (uint32_t i = 0; i < mm->n && !(ret && strict); i++) {
        if (range_at(mm, i)->kind & (RANGE_FOREIGN | RANGE_VDSO))
            continue;
        long e = sys_call3(nr, range_at(mm, i)->start, range_at(mm, i)->end - range_at(mm, i)->start, arg);
        ret = ret ?: e;
    }
    return ret;
}

long lu_mm_mlockall(LuThread *t, int flags)
{
    if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
        return -EINVAL;
    After a = {0};
    LuMm *mm = lock_mm(t);
    long ret = sys_call2(SYS_mlock, 0, 0); /* may this process lock anything? */
    /* Nothing is faulted in yet: the only error is that there is too much of it. */
    if (!ret && (flags & MCL_CURRENT))
        ret = for_all(mm, SYS_mlock2, 1 /* MLOCK_ONFAULT */, true);
    if (!ret)
        mm->lock_future = !(flags & MCL_FUTURE) ? LOCK_NOT : flags & MCL_ONFAULT ? LOCK_ON_FAULT : LOCK_NOW;
    /* Pages without access, or behind a file's end, cannot be faulted in: mlockall ignores that. */
    if (!ret && (flags & MCL_CURRENT) && !(flags & MCL_ONFAULT))
        for_all(mm, SYS_mlock, 0, false);
    return finish(t, mm, &a, ret);
}

long lu_mm_munlockall(LuThread *t)
{
    After a = {0};
    LuMm *mm = lock_mm(t);
    mm->lock_future = LOCK_NOT;
    return finish(t, mm, &a, for_all(mm, SYS_munlock, 0, false));
}

long lu_mm_shmat(LuThread *t, int id, Gva addr, int flags)
{
    struct shmid_ds ds;
    long e = sys_call3(SYS_shmctl, id, IPC_STAT, &ds);
    if (sys_is_err(e))
        return e;
    uint64_t size = align_up(ds.shm_segsz, PAGE);
    if (addr % PAGE) {
        if (!(flags & SHM_RND))
            return -EINVAL;
        addr = align_down(addr, PAGE);
    }
    if (!addr && (flags & SHM_REMAP))
        return -EINVAL;
    After a = {0};
    LuMm *mm = lock_mm(t);
    Range r = {.kind = RANGE_SHARED | RANGE_SHM, .dev = (uint64_t)PRIVATE_FILE - 1, .ino = (uint64_t)id + 1};
    r.prot =
        (uint8_t)(PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) | (flags & SHM_EXEC ? PROT_EXEC : 0));
    if (addr &&
        (!lu_mm_in_range(mm->layout.task_size, addr, size) || touches_foreign(mm, addr, addr + size) ||
         (!(flags & SHM_REMAP) && !range_free(mm, addr, size))))
        return finish(t, mm, &a, -EINVAL);
    if (mm->n + 3 > MAX_RANGES || over_limit(mm, size, false))
        return finish(t, mm, &a, -ENOMEM);
    r.start = addr ? addr : range_place(mm, 0, size, PAGE);
    if (!r.start)
        return finish(t, mm, &a, -ENOMEM);
    if (addr) {
        mm_unguard(mm, t->proc->accel, addr, addr + size, false);
        changed(mm, &a, addr, addr + size);
    }
    long p = sys_call3(SYS_shmat, id, r.start, flags & ~(SHM_EXEC | SHM_RND));
    if (!sys_is_err(p)) {
        note_mapping(mm, &a, &r, r.start, size, r.prot);
        if (mm->lock_future == LOCK_NOW)
            sys_call2(SYS_mlock, r.start, size);
    }
    return finish(t, mm, &a, p);
}

long lu_mm_shmdt(LuThread *t, Gva addr)
{
    After a = {0};
    LuMm *mm = lock_mm(t);
    uint32_t i = range_find(mm, addr);
    if (i == mm->n || !(range_at(mm, i)->kind & RANGE_SHM))
        return finish(t, mm, &a, -EINVAL);
    long ret = sys_call1(SYS_shmdt, addr);
    if (!sys_is_err(ret)) {
        uint64_t ino = range_at(mm, i)->ino, delta = addr - range_at(mm, i)->offset;
        /* All pieces of this attachment: same segment, same origin. */
        while (i < mm->n && (range_at(mm, i)->kind & RANGE_SHM) && range_at(mm, i)->ino == ino &&
               range_at(mm, i)->start - range_at(mm, i)->offset == delta) {
            Gva start = range_at(mm, i)->start, end = range_at(mm, i)->end;
            changed(mm, &a, start, end);
            if (!range_remove(mm, start, end))
                break;
        }
    }
    return finish(t, mm, &a, ret);
}
