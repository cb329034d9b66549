/* Memory slots: what of the machine's map the guest reaches without an exit. */
#include "accel/kvm/kvm_priv.h"

enum { PAGE = 4096 };

static bool set_slot(KvmVm *vm, unsigned n, const KvmSlot *s)
{
    const struct kvm_userspace_memory_region r = {.slot = n,
                                                  .flags = s->flags,
                                                  .guest_phys_addr = s->gpa,
                                                  .memory_size = s->bytes,
                                                  .userspace_addr = (uint64_t)(uintptr_t)s->host};
    long e = kvm_ioctl_at(vm->fd, KVM_SET_USER_MEMORY_REGION, &r);
    if (sys_is_err(e))
        fmt_err("KVM refuses memory at 0x%lx, 0x%lx bytes: error %d", (unsigned long)s->gpa,
                (unsigned long)s->bytes, (int)-e);
    return !sys_is_err(e);
}

/* What of a range can be a slot: whole pages of memory. The rest is reached by exits. */
static bool slot_of(const MemRange *r, KvmSlot *ret)
{
    const MemRegion *g = r->region;
    uint64_t start = align_up(r->start, PAGE), end = align_down(r->end, PAGE);
    if (g->kind > MEM_ROM_DEVICE || g->reads_device || start >= end)
        return false;
    *ret = (KvmSlot){.gpa = start,
                     .bytes = end - start,
                     .host = g->ram->host + r->offset + (start - r->start),
                     .ram = g->ram,
                     .flags = g->kind == MEM_RAM ? 0 : KVM_MEM_READONLY};
    return ((uintptr_t)ret->host & (PAGE - 1)) == 0;
}

static bool is_same(const KvmSlot *a, const KvmSlot *b)
{
    return a->gpa == b->gpa && a->bytes == b->bytes && a->host == b->host &&
           (a->flags & KVM_MEM_READONLY) == (b->flags & KVM_MEM_READONLY);
}

static bool is_wanted(const MemMap *map, const KvmSlot *s)
{
    MemRange r;
    KvmSlot want;
    return mem_map_next(map, s->gpa, &r) && slot_of(&r, &want) && is_same(s, &want);
}

static bool has_slot(const KvmVm *vm, const KvmSlot *want)
{
    for (unsigned n = 0; n < vm->n_slots; n++)
        if (vm->slot[n].bytes && is_same(&vm->slot[n], want))
            return true;
    return false;
}

/* ---- which pages were written ---- */

static uint32_t log_flag(const KvmVm *vm, const KvmSlot *s)
{
    bool wanted = vm->noting && s->ram->dirty && !(s->flags & KVM_MEM_READONLY);
    return wanted ? (uint32_t)KVM_MEM_LOG_DIRTY_PAGES : 0;
}

/* What the kernel has noted goes to the block; it then begins anew. */
static void fetch_log(KvmVm *vm, unsigned n)
{
    const KvmSlot *s = &vm->slot[n];
    const uint64_t pages = s->bytes / PAGE, first = (uint64_t)(s->host - s->ram->host) / PAGE;
    const size_t bytes = align_up(pages, 64) / 8;
    if (!s->bytes || !(s->flags & KVM_MEM_LOG_DIRTY_PAGES))
        return;
    uint64_t *bits = accel_map(vm->accel, bytes);
    const struct kvm_dirty_log log = {.slot = n, .dirty_bitmap = bits};
    bool got = bits && !sys_is_err(kvm_ioctl_at(vm->fd, KVM_GET_DIRTY_LOG, &log));
    for (uint64_t k = 0; k < pages; k++)
        if (!got || bits[k / 64] >> k % 64 & 1) /* not known is written */
            ram_note_dirty(s->ram, (first + k) * PAGE, 1);
    accel_unmap(vm->accel, bits, bytes);
}

void kvm_fetch_writes(Accel *a)
{
    KvmVm *vm = kvm_vm(a);
    for (unsigned n = 0; n < vm->n_slots; n++)
        fetch_log(vm, n);
}

void kvm_note_writes(Accel *a, bool on)
{
    KvmVm *vm = kvm_vm(a);
    vm->noting = on;
    for (unsigned n = 0; n < vm->n_slots; n++) {
        KvmSlot *s = &vm->slot[n];
        uint32_t flags = (s->flags & ~(uint32_t)KVM_MEM_LOG_DIRTY_PAGES) | log_flag(vm, s);
        if (!s->bytes || flags == s->flags)
            continue;
        s->flags = flags;
        set_slot(vm, n, s);
    }
}

/* ---- following the map ---- */

static void add_slot(KvmVm *vm, const KvmSlot *want)
{
    unsigned n = 0;
    while (n < vm->n_slots && vm->slot[n].bytes)
        n++;
    KvmSlot s = *want;
    s.flags |= log_flag(vm, want);
    if (n == ARRAY_SIZE(vm->slot) || !set_slot(vm, n, &s))
        return; /* reached by exits, then: slow, and nothing can be executed there */
    vm->slot[n] = s;
    vm->n_slots = MAX(vm->n_slots, n + 1);
}

static void drop_slot(KvmVm *vm, unsigned n)
{
    fetch_log(vm, n);
    KvmSlot none = vm->slot[n];
    none.bytes = 0;
    set_slot(vm, n, &none);
    vm->slot[n].bytes = 0;
}

static void follow(KvmVm *vm)
{
    const MemMap *map = vm->accel->cfg.machine;
    MemRange r;
    KvmSlot want;
    for (unsigned n = 0; n < vm->n_slots; n++)
        if (vm->slot[n].bytes && !is_wanted(map, &vm->slot[n]))
            drop_slot(vm, n);
    for (uint64_t at = 0; mem_map_next(map, at, &r); at = r.end) {
        if (slot_of(&r, &want) && !has_slot(vm, &want))
            add_slot(vm, &want);
        if (!r.end)
            break;
    }
}

/* Slots cannot be exchanged in one step, so no cpu runs meanwhile: it would find a hole. */
void kvm_map_changed(void *accel)
{
    Accel *a = accel;
    Cpu *any = a->cpus ? a->cpus->cpu : NULL;
    if (any)
        accel_exclusive_begin(any);
    follow(kvm_vm(a));
    kvm_late_follow(kvm_vm(a));
    if (any)
        accel_exclusive_end(any);
}
