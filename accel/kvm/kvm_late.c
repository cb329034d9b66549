/*
 * Writes that need not be done at once (MemRegion.bells, .late): the kernel notes them, and the cpu goes on.
 *
 * A bell is an eventfd; one epoll descriptor has all of them, and the machine's main thread makes the writes
 * (accel_events()). Devices are found by the map at that time: one that is gone by then misses nothing. Late
 * writes come in a ring that all cpus share, in their order, and are done before any access that left the
 * guest after them.
 * Threads: kvm_late_follow() with the cpus stopped (kvm_slots.c); the rest any.
 */
#include "accel/kvm/kvm_priv.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

enum { PAGE = 4096 };

/* ---- bells ---- */

static bool is_bell(const KvmBell *a, const KvmBell *b)
{
    return a->gpa == b->gpa && a->size == b->size && a->by_value == b->by_value && a->value == b->value;
}

static bool tell_bell(const KvmVm *vm, const KvmBell *b, bool on)
{
    const struct kvm_ioeventfd e = {.addr = b->gpa,
                                    .len = b->size,
                                    .datamatch = b->by_value ? b->value : 0,
                                    .fd = b->fd,
                                    .flags = (b->by_value ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0u) |
                                             (on ? 0u : KVM_IOEVENTFD_FLAG_DEASSIGN)};
    return !sys_is_err(kvm_ioctl_at(vm->fd, KVM_IOEVENTFD, &e));
}

/* What cannot be a bell is an access like others. */
static void add_bell(KvmVm *vm, const KvmBell *want)
{
    KvmBell b = *want;
    unsigned n = 0;
    while (n < vm->n_bells && vm->bell[n].size != KVM_NO_BELL)
        n++;
    if (n == ARRAY_SIZE(vm->bell))
        return;
    long fd = sys_call2(SYS_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (sys_is_err(fd))
        return;
    b.fd = (int)fd;
    struct epoll_event e = {.events = EPOLLIN, .data.u32 = n};
    if (!tell_bell(vm, &b, true) ||
        sys_is_err(sys_call4(SYS_epoll_ctl, vm->bells_fd, EPOLL_CTL_ADD, b.fd, &e))) {
        sys_close(b.fd);
        return;
    }
    lock_take(&vm->routes_lock);
    vm->bell[n] = b;
    vm->n_bells = MAX(vm->n_bells, n + 1);
    lock_release(&vm->routes_lock);
}

static void drop_bell(KvmVm *vm, unsigned n)
{
    tell_bell(vm, &vm->bell[n], false);
    lock_take(&vm->routes_lock);
    sys_close(vm->bell[n].fd);
    vm->bell[n] = (KvmBell){.size = KVM_NO_BELL};
    lock_release(&vm->routes_lock);
}

/* The n-th of a range. */
static bool bell_of(const MemRange *r, unsigned n, KvmBell *ret)
{
    const MemBells *b = &r->region->bells;
    uint64_t at = b->offset + (uint64_t)n * b->stride;
    if (r->region->kind != MEM_MMIO || at < r->offset || at - r->offset >= r->end - r->start)
        return false;
    *ret =
        (KvmBell){.gpa = r->start + (at - r->offset), .size = b->size, .by_value = b->by_value, .value = n};
    return true;
}

static void add_bells(KvmVm *vm, const MemRange *r)
{
    KvmBell want;
    for (unsigned n = 0; n < r->region->bells.count; n++) {
        unsigned have = 0;
        if (!bell_of(r, n, &want))
            continue;
        while (have < vm->n_bells && !is_bell(&vm->bell[have], &want))
            have++;
        if (have == vm->n_bells)
            add_bell(vm, &want);
    }
}

static bool is_wanted(const MemMap *map, const KvmBell *b)
{
    MemRange r;
    KvmBell want;
    if (!mem_map_find(map, b->gpa, &r))
        return false;
    for (unsigned n = 0; n < r.region->bells.count; n++)
        if (bell_of(&r, n, &want) && is_bell(b, &want))
            return true;
    return false;
}

int kvm_events_fd(Accel *a)
{
    return kvm_vm(a)->bells_fd;
}

void kvm_events(Accel *a)
{
    enum { MOST = 16 };
    KvmVm *vm = kvm_vm(a);
    struct epoll_event e[MOST];
    long n = sys_call6(SYS_epoll_pwait, vm->bells_fd, (long)e, MOST, 0, 0, 0);
    for (long k = 0; k < n; k++) {
        uint64_t times;
        lock_take(&vm->routes_lock);
        KvmBell b = vm->bell[e[k].data.u32];
        bool rung = b.size != KVM_NO_BELL && sys_read(b.fd, &times, sizeof(times)) == sizeof(times);
        lock_release(&vm->routes_lock);
        if (rung)
            kvm_access_memory(vm, 0, b.gpa, (uint8_t *)&b.value, b.size ? b.size : 2, true);
    }
}

/* ---- late writes ---- */

static bool tell_zone(const KvmVm *vm, const KvmZone *z, bool on)
{
    const struct kvm_coalesced_mmio_zone zone = {.addr = z->gpa, .size = z->bytes};
    return !sys_is_err(
        kvm_ioctl_at(vm->fd, on ? KVM_REGISTER_COALESCED_MMIO : KVM_UNREGISTER_COALESCED_MMIO, &zone));
}

/* The ring; false: there is nothing in it. */
static bool next_late(KvmVm *vm, struct kvm_coalesced_mmio *ret)
{
    struct kvm_coalesced_mmio_ring *ring = vm->ring;
    const uint32_t entries = (PAGE - sizeof(*ring)) / sizeof(ring->coalesced_mmio[0]);
    uint32_t at = __atomic_load_n(&ring->first, __ATOMIC_RELAXED);
    if (at == __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE))
        return false;
    *ret = ring->coalesced_mmio[at % entries];
    __atomic_store_n(&ring->first, (at + 1) % entries, __ATOMIC_RELEASE);
    return true;
}

void kvm_late_drain(KvmVm *vm)
{
    struct kvm_coalesced_mmio w;
    if (!vm->ring || __atomic_load_n(&vm->ring->last, __ATOMIC_ACQUIRE) ==
                         __atomic_load_n(&vm->ring->first, __ATOMIC_RELAXED))
        return;
    lock_take(&vm->late_lock);
    while (next_late(vm, &w))
        kvm_access_memory(vm, 0, w.phys_addr, w.data, MIN(w.len, 8u), true);
    lock_release(&vm->late_lock);
}

static bool has_zone(const KvmVm *vm, const KvmZone *z)
{
    for (unsigned n = 0; n < vm->n_zones; n++)
        if (vm->zone[n].gpa == z->gpa && vm->zone[n].bytes == z->bytes)
            return true;
    return false;
}

static void add_zone(KvmVm *vm, const MemRange *r)
{
    const KvmZone z = {r->start, (uint32_t)MIN(r->end - r->start, (uint64_t)UINT32_MAX)};
    if (vm->ring && r->region->kind == MEM_MMIO && r->region->late && vm->n_zones < ARRAY_SIZE(vm->zone) &&
        !has_zone(vm, &z) && tell_zone(vm, &z, true))
        vm->zone[vm->n_zones++] = z;
}

static bool is_late(const MemMap *map, const KvmZone *z)
{
    MemRange r;
    return mem_map_find(map, z->gpa, &r) && r.start == z->gpa && r.end - r.start == z->bytes &&
           r.region->kind == MEM_MMIO && r.region->late;
}

/* ---- both ---- */

void kvm_late_init(KvmVm *vm)
{
    long fd = sys_call1(SYS_epoll_create1, EPOLL_CLOEXEC);
    lock_init(&vm->late_lock, LOCK_RANK_PUT_BY);
    vm->bells_fd = sys_is_err(fd) ? -1 : (int)fd;
}

void kvm_late_ring(KvmVm *vm, void *shared)
{
    if (!vm->ring && vm->ring_page)
        vm->ring = (void *)((char *)shared + (size_t)vm->ring_page * PAGE);
}

void kvm_late_follow(KvmVm *vm)
{
    const MemMap *map = vm->accel->cfg.machine;
    MemRange r;
    for (unsigned n = 0; n < vm->n_bells; n++)
        if (vm->bell[n].size != KVM_NO_BELL && !is_wanted(map, &vm->bell[n]))
            drop_bell(vm, n);
    for (unsigned n = vm->n_zones; n-- > 0;) {
        if (is_late(map, &vm->zone[n]))
            continue;
        tell_zone(vm, &vm->zone[n], false);
        vm->zone[n] = vm->zone[--vm->n_zones];
    }
    for (uint64_t at = 0; mem_map_next(map, at, &r); at = r.end) {
        if (vm->bells_fd >= 0)
            add_bells(vm, &r);
        add_zone(vm, &r);
        if (!r.end)
            break;
    }
}

void kvm_late_clear(KvmVm *vm)
{
    for (unsigned n = 0; n < vm->n_bells; n++)
        if (vm->bell[n].size != KVM_NO_BELL)
            sys_close(vm->bell[n].fd);
    if (vm->bells_fd >= 0)
        sys_close(vm->bells_fd);
}
