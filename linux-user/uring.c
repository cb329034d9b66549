/* Rings and their descriptors, what of them the guest maps, submission. */
#include "linux-user/abi32/lu32.h"
#include "linux-user/uring.h"
#include "linux-user/mm.h"
#include "linux-user/sys_util.h"

#include <linux/io_uring.h>
#include <sys/mman.h>

/* Newer than the oldest headers we build with. */
enum {
    SETUP_NO_SQARRAY = 1 << 16,
    ENTER_ABS_TIMER = 1 << 5,
    ENTER_NO_IOWAIT = 1 << 7,
    FEAT_RECVSEND_BUNDLE = 1 << 14,
    FEAT_MIN_TIMEOUT = 1 << 15,
    FEAT_NO_IOWAIT = 1 << 17,
    SETUP_KNOWN = IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP | IORING_SETUP_ATTACH_WQ |
                  IORING_SETUP_R_DISABLED | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_COOP_TASKRUN |
                  IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_SQE128 | IORING_SETUP_CQE32 |
                  IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | SETUP_NO_SQARRAY,
    ENTER_KNOWN = IORING_ENTER_GETEVENTS | IORING_ENTER_SQ_WAKEUP | IORING_ENTER_SQ_WAIT |
                  IORING_ENTER_EXT_ARG | ENTER_ABS_TIMER | ENTER_NO_IOWAIT,
    /* What the translation rests on: see uring.h. */
    FEAT_NEEDED =
        IORING_FEAT_SINGLE_MMAP | IORING_FEAT_NODROP | IORING_FEAT_SUBMIT_STABLE | IORING_FEAT_LINKED_FILE,
    FEAT_KNOWN = FEAT_NEEDED | IORING_FEAT_RW_CUR_POS | IORING_FEAT_CUR_PERSONALITY | IORING_FEAT_FAST_POLL |
                 IORING_FEAT_POLL_32BITS | IORING_FEAT_EXT_ARG | IORING_FEAT_NATIVE_WORKERS |
                 IORING_FEAT_RSRC_TAGS | IORING_FEAT_CQE_SKIP | FEAT_RECVSEND_BUNDLE | FEAT_MIN_TIMEOUT |
                 FEAT_NO_IOWAIT,
    COMPAT_IO_URING_SETUP = 425,         /* asm/unistd_32.h of the host */
    SCRATCH_FOR_ONE = 4 * LU_PATH_BYTES, /* more than the translation of one entry takes */
};

typedef struct LuRing {
    struct LuRing *next_dead;
    uint32_t refs;    /* descriptors, and calls in progress. LuProc.lock */
    uint32_t entries; /* a power of two */
    uint32_t flags;   /* IORING_SETUP_* */
    bool narrow;      /* the kernel takes the guest's 32-bit structures: uring.h */
    struct io_sqring_offsets off;
    uint8_t *shadow;  /* `entries` of sqe_bytes(), the guest's */
    Lock lock;        /* held while entries are translated and submitted; the view */
    uint8_t *sqes;    /* the view: the kernel's entries; NULL: none yet in this process */
    uint8_t *sq;      /* and its submission ring */
} LuRing;

typedef struct RingFd {
    struct RingFd *next;
    int fd;
    LuRing *ring;
} RingFd;

struct LuRings { /* all under LuProc.lock */
    RingFd *fds, *free_fds;
    LuRing *dead;
};

static size_t sqe_bytes(const LuRing *r) { return r->flags & IORING_SETUP_SQE128 ? 128 : 64; }
static size_t shadow_bytes(const LuRing *r) { return align_up(r->entries * sqe_bytes(r), 4096); }

/* How much of the ring's first mapping holds what belongs to submission. */
static size_t sq_bytes(const LuRing *r)
{
    size_t end = r->flags & SETUP_NO_SQARRAY ? r->off.dropped + 4 : r->off.array + 4 * r->entries;
    return align_up(MAX(end, (size_t)MAX(r->off.tail, r->off.ring_mask) + 4), 4096);
}

/* ---- the table of descriptors. LuProc.lock held ---- */

static RingFd **find_fd(struct LuRings *rs, int fd)
{
    RingFd **at = &rs->fds;
    while (*at && (*at)->fd != fd)
        at = &(*at)->next;
    return at;
}

static bool add_fd(LuProc *p, int fd, LuRing *r)
{
    struct LuRings *rs = p->rings;
    RingFd *f = rs->free_fds;
    if (f)
        rs->free_fds = f->next;
    else if (!(f = lu_alloc(p, sizeof(*f))))
        return false;
    *f = (RingFd){.next = rs->fds, .fd = fd, .ring = r};
    rs->fds = f;
    r->refs++;
    return true;
}

static void drop_view(LuRing *r)
{
    if (r->sqes)
        sys_munmap(r->sqes, shadow_bytes(r));
    if (r->sq)
        sys_munmap(r->sq, sq_bytes(r));
    r->sqes = r->sq = NULL;
}

/* The last user's: nobody else has the ring. */
static void unref(struct LuRings *rs, LuRing *r)
{
    if (--r->refs)
        return;
    drop_view(r);
    if (r->shadow)
        sys_munmap(r->shadow, shadow_bytes(r));
    r->shadow = NULL;
    r->next_dead = rs->dead;
    rs->dead = r;
}

static LuRing *remove_fd(struct LuRings *rs, RingFd **at)
{
    RingFd *f = *at;
    LuRing *r = f->ring;
    *at = f->next;
    f->next = rs->free_fds;
    rs->free_fds = f;
    return r;
}

static LuRing *ring_get(LuProc *p, uint64_t fd)
{
    LuRing *r = NULL;
    if (!p->rings)
        return NULL;
    lock_take(&p->lock);
    RingFd *f = *find_fd(p->rings, (int)fd);
    if (f && (r = f->ring))
        r->refs++;
    lock_release(&p->lock);
    return r;
}

static void ring_put(LuProc *p, LuRing *r)
{
    lock_take(&p->lock);
    unref(p->rings, r);
    lock_release(&p->lock);
}

void lu_uring_fds_closing(LuThread *t, uint32_t first, uint32_t last)
{
    LuProc *p = t->proc;
    if (t->own_files)
        return;
    lock_take(&p->lock);
    for (RingFd **at = &p->rings->fds; *at;) {
        if ((uint32_t)(*at)->fd >= first && (uint32_t)(*at)->fd <= last)
            unref(p->rings, remove_fd(p->rings, at));
        else
            at = &(*at)->next;
    }
    lock_release(&p->lock);
}

void lu_uring_fd_copied(LuThread *t, int from, int to)
{
    LuProc *p = t->proc;
    if (t->own_files || from == to)
        return;
    lu_uring_fds_closing(t, (uint32_t)to, (uint32_t)to);
    lock_take(&p->lock);
    RingFd *f = *find_fd(p->rings, from);
    if (f)
        add_fd(p, to, f->ring);
    lock_release(&p->lock);
}

void lu_uring_fork_child(LuThread *t)
{
    struct LuRings *rs = t->proc->rings;
    for (RingFd *f = rs ? rs->fds : NULL; f; f = f->next) {
        f->ring->sqes = f->ring->sq = NULL;
        f->ring->refs = 0;
        lock_init(&f->ring->lock, LOCK_RANK_FS);
    }
    if (rs && t->own_files)
        rs->fds = NULL; /* their numbers were another table's */
    for (RingFd *f = rs ? rs->fds : NULL; f; f = f->next)
        f->ring->refs++;
    t->own_files = false;
}

/* ---- memory ---- */

static uint8_t *map_own(size_t bytes, int flags, int fd, uint64_t off, Gva task_size)
{
    long p = sys_mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | flags, fd, (long)off);
    if (sys_is_err(p))
        return NULL;
    if ((Gva)p >= task_size)
        return (uint8_t *)p;
    sys_munmap((void *)p, bytes);
    return NULL;
}

/* r->lock held. A child of fork has to map its own, or the parent's ring would stay open in it. */
static bool have_view(LuThread *t, LuRing *r, int fd)
{
    Gva task = t->proc->task_size;
    if (LIKELY(r->sqes != NULL))
        return true;
    r->sq = map_own(sq_bytes(r), MAP_POPULATE, fd, IORING_OFF_SQ_RING, task);
    r->sqes = r->sq ? map_own(shadow_bytes(r), MAP_POPULATE, fd, IORING_OFF_SQES, task) : NULL;
    if (r->sqes && !sys_madvise(r->sqes, shadow_bytes(r), MADV_DONTFORK) &&
        !sys_madvise(r->sq, sq_bytes(r), MADV_DONTFORK))
        return true;
    drop_view(r);
    return false;
}

/* The guest's array of entries: another mapping of the shadow, where the guest's mappings go. */
static long map_shadow(LuThread *t, LuRing *r, const uint64_t a[6], int prot)
{
    uint64_t bytes = align_up(a[1], 4096);
    if (!a[1] || bytes > shadow_bytes(r))
        return -EINVAL;
    long at = lu_mm_mmap(t, a[0], bytes, prot,
                         (int)((a[3] & ~(uint64_t)MAP_TYPE) | MAP_SHARED | MAP_ANONYMOUS), -1, 0);
    if (sys_is_err(at))
        return at;
    long e = sys_call5(SYS_mremap, r->shadow, 0, bytes, MREMAP_MAYMOVE | MREMAP_FIXED, at);
    if (!sys_is_err(e))
        e = sys_mprotect((void *)at, bytes, prot);
    if (!sys_is_err(e))
        return at;
    lu_mm_munmap(t, (Gva)at, bytes);
    return e;
}

bool lu_uring_mmap(LuThread *t, const uint64_t a[6], int prot, long *ret)
{
    LuRing *r = ring_get(t->proc, a[4]);
    if (!r)
        return false;
    prot &= PROT_READ | PROT_WRITE;
    if ((a[5] & IORING_OFF_MMAP_MASK) == IORING_OFF_SQES)
        *ret = map_shadow(t, r, a, prot);
    else if (a[0])
        *ret = -EINVAL; /* as kernels that know best where rings go */
    else
        *ret = lu_mm_mmap_anywhere(t, a[1], prot, (int)a[3], (int)a[4], a[5]);
    ring_put(t->proc, r);
    return true;
}

/* ---- io_uring_setup ---- */

static LuRing *ring_new(LuProc *p, const struct io_uring_params *par, bool narrow)
{
    lock_take(&p->lock);
    if (!p->rings)
        p->rings = lu_alloc(p, sizeof(*p->rings));
    LuRing *r = p->rings ? p->rings->dead : NULL;
    if (r)
        p->rings->dead = r->next_dead;
    lock_release(&p->lock);
    if (!r && (!p->rings || !(r = lu_alloc(p, sizeof(*r)))))
        return NULL;
    *r = (LuRing){.refs = 1, .entries = par->sq_entries, .flags = par->flags, .narrow = narrow,
                    .off = par->sq_off};
    lock_init(&r->lock, LOCK_RANK_FS);
    r->shadow = map_own(shadow_bytes(r), MAP_ANONYMOUS, -1, 0, p->task_size);
    if (r->shadow)
        return r;
    ring_put(p, r);
    return NULL;
}

/* The parameters are the guest's own memory for the 32-bit entry, a copy of them in *par for the other. */
static long setup(LuProc *p, uint32_t entries, Gva at, struct io_uring_params *par, bool *ret_narrow)
{
    long fd = -ENOSYS;
    if (p->abi->word == 4)
        fd = sys_compat5(COMPAT_IO_URING_SETUP, (long)entries, (long)at, 0, 0, 0);
    *ret_narrow = fd != -ENOSYS;
    if (!*ret_narrow)
        return sys_call2(SYS_io_uring_setup, entries, par);
    if (sys_is_err(fd) || guest_read(par, at, sizeof(*par)))
        return fd;
    sys_close((int)fd);
    return -EFAULT;
}

long lu_sys_io_uring_setup(LuThread *t, const uint64_t a[6])
{
    LuProc *p = t->proc;
    struct io_uring_params par;
    if (t->own_files)
        return -ENOSYS;
    if (!guest_read(&par, a[1], sizeof(par)))
        return -EFAULT;
    if (par.flags & ~(uint32_t)SETUP_KNOWN)
        return -EINVAL;
    bool narrow;
    long fd = setup(p, (uint32_t)a[0], a[1], &par, &narrow);
    if (sys_is_err(fd))
        return fd;
    long err = 0;
    LuRing *r = NULL;
    if ((par.features & FEAT_NEEDED) != FEAT_NEEDED)
        err = -ENOSYS;
    par.features &= FEAT_KNOWN;
    if (!err && !(r = ring_new(p, &par, narrow)))
        err = -ENOMEM;
    if (!err && !guest_write(a[1], &par, sizeof(par)))
        err = -EFAULT;
    if (r) {
        lock_take(&p->lock);
        if (!err && !add_fd(p, (int)fd, r))
            err = -ENOMEM;
        unref(p->rings, r);
        lock_release(&p->lock);
    }
    if (err)
        sys_close((int)fd);
    return err ? err : fd;
}

/* ---- io_uring_enter ---- */

static uint32_t ring_word(const uint8_t *ring, uint32_t off)
{
    return __atomic_load_n((const uint32_t *)(const void *)(ring + off), __ATOMIC_ACQUIRE);
}

/* Translates the next entries of the queue, at most n; how many, which is less if they need more scratch than
 * there is. */
static uint32_t translate_queue(LuThread *t, LuRing *r, uint32_t n)
{
    uint32_t head = ring_word(r->sq, r->off.head), ready = ring_word(r->sq, r->off.tail) - head;
    size_t bytes = sqe_bytes(r);
    n = MIN(n, MIN(ready, r->entries));
    for (uint32_t i = 0; i < n; i++) {
        if (i && t->scratch.limit - t->scratch.used < SCRATCH_FOR_ONE)
            return i;
        uint32_t slot = (head + i) & (r->entries - 1);
        if (!(r->flags & SETUP_NO_SQARRAY))
            slot = ring_word(r->sq, r->off.array + 4 * slot);
        if (slot >= r->entries)
            continue; /* the kernel counts it as dropped */
        struct io_uring_sqe sqe[2];
        memcpy(sqe, r->shadow + slot * bytes, bytes);
        lu_uring_translate(t, sqe, r->narrow);
        memcpy(r->sqes + slot * bytes, sqe, bytes);
    }
    return n;
}

/* The last two arguments of io_uring_enter. */
typedef struct WaitArg {
    SuWaitMask mask;
    struct io_uring_getevents_arg ext;
    long arg, size;
} WaitArg;

static void wait_arg(const LuProc *p, WaitArg *w, uint32_t flags, Gva arg, uint64_t size)
{
    w->arg = (long)arg;
    w->size = (long)size;
    w->mask.given = false;
    if (!(flags & IORING_ENTER_EXT_ARG)) {
        su_wait_mask(&w->mask, arg, size);
        w->arg = w->mask.set;
    } else if (size == sizeof(w->ext) && guest_read(&w->ext, arg, size)) {
        su_wait_mask(&w->mask, w->ext.sigmask, w->ext.sigmask_sz);
        w->ext.sigmask = su_pointer(p, (Gva)w->mask.set);
        if (w->mask.given)
            w->ext.sigmask = (Gva)w->mask.set;
        w->ext.ts = su_pointer(p, w->ext.ts);
        w->arg = (long)&w->ext;
    }
}

static long enter(LuThread *t, const uint64_t a[6], uint32_t submit, uint32_t flags)
{
    WaitArg w;
    wait_arg(t->proc, &w, flags, a[4], a[5]);
    if (w.mask.given && (flags & IORING_ENTER_GETEVENTS))
        return lu_blocking_masked(t, w.mask.guest, SYS_io_uring_enter, (long)a[0], submit, (long)a[2], flags,
                                  w.arg, w.size);
    return lu_blocking(t, SYS_io_uring_enter, (long)a[0], submit, (long)a[2], flags, w.arg, w.size);
}

/* With other threads about: the lock keeps them from submitting what is not translated yet, so it cannot be
 * held while this one waits. As in the kernel, who did not submit all does not wait, and what was submitted
 * counts more than how the wait ended. */
static long submit_then_wait(LuThread *t, LuRing *r, const uint64_t a[6], uint32_t submit, uint32_t flags)
{
    uint32_t now = flags & ~(uint32_t)(IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG | ENTER_ABS_TIMER);
    long done = 0;
    if (submit) {
        lock_take(&r->lock);
        done = have_view(t, r, (int)a[0]) ? translate_queue(t, r, submit) : -ENOMEM;
        if (done >= 0)
            done = sys_call6(SYS_io_uring_enter, a[0], done, 0, now, 0, 0);
        lock_release(&r->lock);
        if (done != (long)submit || !(flags & IORING_ENTER_GETEVENTS))
            return done;
    }
    long end = enter(t, a, 0, flags);
    return done ? done : end;
}

static long submit_alone(LuThread *t, LuRing *r, const uint64_t a[6], uint32_t submit, uint32_t flags)
{
    if (submit && !have_view(t, r, (int)a[0]))
        return -ENOMEM;
    uint32_t n = submit ? translate_queue(t, r, submit) : 0;
    return enter(t, a, n, n == submit ? flags : flags & ~(uint32_t)IORING_ENTER_GETEVENTS);
}

long lu_sys_io_uring_enter(LuThread *t, const uint64_t a[6])
{
    LuProc *p = t->proc;
    uint32_t flags = (uint32_t)a[3], submit = (uint32_t)a[1];
    if (flags & ~(uint32_t)ENTER_KNOWN)
        return -EINVAL;
    LuRing *r = ring_get(p, a[0]);
    if (!r) {
        long err = sys_call6(SYS_io_uring_enter, a[0], 0, 0, 0, 0, 0);
        return sys_is_err(err) ? err : -EOPNOTSUPP;
    }
    long ret =
        p->n_threads == 1 ? submit_alone(t, r, a, submit, flags) : submit_then_wait(t, r, a, submit, flags);
    ring_put(p, r);
    return ret;
}

/* ---- io_uring_register ---- */

static bool any_hidden(const LuProc *p, Gva fds, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        FaultVal fd = fault_ld32(fds + 4 * i);
        if (fd.fault)
            return false;
        if (su_fd_hidden(p, fd.val))
            return true;
    }
    return false;
}

/* The list that a structure of these leads to: descriptors, or parts of memory. */
static long list_check(const LuProc *p, bool files, Gva list, uint64_t n)
{
    if (files)
        return any_hidden(p, list, MIN(n, 1u << 20)) ? -EBADF : 0;
    uint64_t v[6] = {list, n};
    return lu_arg_check(p, "v", v, 0);
}

static long struct_check(const LuProc *p, unsigned op, Gva at, uint64_t n)
{
    struct io_uring_rsrc_register reg;
    struct io_uring_rsrc_update2 up;
    switch (op) {
    case IORING_REGISTER_BUFFERS: return list_check(p, false, at, n);
    case IORING_REGISTER_FILES:
    case IORING_REGISTER_EVENTFD:
    case IORING_REGISTER_EVENTFD_ASYNC: return list_check(p, true, at, n);
    case IORING_REGISTER_FILES2:
    case IORING_REGISTER_BUFFERS2:
        return guest_read(&reg, at, sizeof(reg))
                   ? list_check(p, op == IORING_REGISTER_FILES2, reg.data, reg.nr)
                   : 0;
    case IORING_REGISTER_FILES_UPDATE: return guest_read(&up, at, 16) ? list_check(p, true, up.data, n) : 0;
    case IORING_REGISTER_FILES_UPDATE2:
    case IORING_REGISTER_BUFFERS_UPDATE:
        return guest_read(&up, at, sizeof(up))
                   ? list_check(p, op == IORING_REGISTER_FILES_UPDATE2, up.data, up.nr)
                   : 0;
    default: return 0;
    }
}

/* A copy of one of these structures, with another list. */
typedef union Registered {
    struct io_uring_rsrc_register reg;
    struct io_uring_rsrc_update2 up;
} Registered;

static uintptr_t parts_of_memory(LuThread *t, bool narrow, Gva list, uint64_t n)
{
    return narrow ? su_pointer(t->proc, list) : (uintptr_t)lu32_iovec(t, su_pointer(t->proc, list), n);
}

/* Guests of 32 bits: lists of parts of memory become the host's if the ring is not narrow. */
static long register32(LuThread *t, bool narrow, unsigned op, Gva *arg, uint64_t n, Registered *copy)
{
    bool update = op == IORING_REGISTER_BUFFERS_UPDATE;
    if (op == IORING_REGISTER_BUFFERS) {
        *arg = parts_of_memory(t, narrow, *arg, n);
        return 0;
    }
    if (op != IORING_REGISTER_BUFFERS2 && !update)
        return struct_check(t->proc, op, *arg, n);
    if (!guest_read(copy, *arg, update ? sizeof(copy->up) : sizeof(copy->reg)))
        return 0; /* the kernel cannot read it either */
    __u64 *list = update ? &copy->up.data : &copy->reg.data;
    *list = parts_of_memory(t, narrow, *list, update ? copy->up.nr : copy->reg.nr);
    *arg = (uintptr_t)copy;
    return 0;
}

static bool register_known(unsigned op)
{
    enum { PBUF_STATUS = 26, NAPI = 27, NO_NAPI = 28, CLOCK = 29, CLONE_BUFFERS = 30 };
    return (op <= IORING_REGISTER_FILE_ALLOC_RANGE && op != IORING_REGISTER_RING_FDS &&
            op != IORING_UNREGISTER_RING_FDS) ||
           (op >= PBUF_STATUS && op <= CLONE_BUFFERS);
}

/* What the kernel can do and we can translate. */
static void probe_truth(const LuProc *p, bool narrow, Gva at, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        Gva op = at + sizeof(struct io_uring_probe) + i * sizeof(struct io_uring_probe_op);
        FaultVal number = fault_ld8(op);
        if (!number.fault && !lu_uring_knows(p, (uint8_t)number.val, narrow))
            fault_st16(op + offsetof(struct io_uring_probe_op, flags), 0);
    }
}

long lu_sys_io_uring_register(LuThread *t, const uint64_t a[6])
{
    unsigned op = (unsigned)a[1];
    LuRing *r = ring_get(t->proc, a[0]);
    if (!r) {
        long err = sys_call6(SYS_io_uring_enter, a[0], 0, 0, 0, 0, 0);
        return sys_is_err(err) ? err : -EOPNOTSUPP;
    }
    long ret = !register_known(op)       ? -EINVAL
               : t->proc->abi->word == 4 ? 0
                                         : struct_check(t->proc, op, a[2], (uint32_t)a[3]);
    Gva arg = a[2];
    Registered copy;
    if (!ret && t->proc->abi->word == 4)
        ret = register32(t, r->narrow, op, &arg, (uint32_t)a[3], &copy);
    if (!ret)
        ret = lu_blocking(t, SYS_io_uring_register, (long)a[0], op, (long)arg, (long)a[3], 0, 0);
    if (!ret && op == IORING_REGISTER_PROBE)
        probe_truth(t->proc, r->narrow, a[2], (uint32_t)a[3]);
    ring_put(t->proc, r);
    return ret;
}
