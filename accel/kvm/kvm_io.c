/* Accesses of the guest that devices serve: memory, I/O ports, and writes that the kernel has put by. */
#include "accel/kvm/kvm_priv.h"

#include "target/mem.h"

enum { PAGE = 4096 };

static uint64_t ones(unsigned size)
{
    return size == 8 ? ~0ull : (1ull << size * 8) - 1;
}

/* The largest piece of the access that one range can serve. */
static unsigned piece(const MemRange *r, bool found, uint64_t gpa, unsigned left)
{
    unsigned n = 8;
    while (n > left || (found && gpa + n > r->end && n > 1))
        n /= 2;
    return n;
}

/* Where nothing answers: ones are read, and what is written is lost. */
static void access_memory(const MemMap *map, unsigned cpu, uint64_t gpa, uint8_t *data, unsigned len,
                          bool write)
{
    for (unsigned n; len; len -= n, gpa += n, data += n) {
        MemRange r;
        bool found = mem_map_find(map, gpa, &r);
        uint64_t v = 0;
        n = piece(&r, found, gpa, len);
        if (write) {
            memcpy(&v, data, n);
            if (found)
                mem_range_write_by(map, &r, cpu, gpa, n, v);
        } else {
            if (!found || !mem_range_read_by(&r, cpu, gpa, n, &v))
                v = ones(n);
            memcpy(data, &v, n);
        }
    }
}

void kvm_serve_mmio(KvmCpu *k)
{
    struct kvm_run *run = k->run;
    unsigned len = MIN(run->mmio.len, 8u);
    access_memory(k->cpu->accel->cfg.machine, k->id, run->mmio.phys_addr, run->mmio.data, len,
                  run->mmio.is_write);
}

static void access_port(KvmCpu *k, unsigned port, unsigned size, bool write, uint32_t *value)
{
    const CpuBoard *b = k->cpu->ops->sys->board(k->cpu);
    if (b->port)
        b->port(b->opaque, k->id, (uint16_t)port, size, write, value);
}

void kvm_serve_ports(KvmCpu *k)
{
    struct kvm_run *run = k->run;
    unsigned size = run->io.size;
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    for (uint32_t n = 0; n < run->io.count; n++, data += size) {
        bool write = run->io.direction == KVM_EXIT_IO_OUT;
        uint32_t v = (uint32_t)ones(size);
        if (write)
            memcpy(&v, data, size);
        access_port(k, run->io.port, size, write, &v);
        if (!write)
            memcpy(data, &v, size);
    }
}

/* ---- writes that the kernel has put by ---- */

static void put_by(KvmCpu *k, const struct kvm_coalesced_mmio *w)
{
    uint8_t data[8];
    uint32_t v;
    memcpy(data, w->data, sizeof(data));
    memcpy(&v, data, sizeof(v));
    if (w->pio)
        access_port(k, (unsigned)w->phys_addr, w->len, true, &v);
    else
        access_memory(k->cpu->accel->cfg.machine, k->id, w->phys_addr, data, MIN(w->len, 8u), true);
}

/* One ring for all cpus. They go to devices in the order in which they were made, before any later access. */
void kvm_drain_ring(KvmCpu *k)
{
    KvmVm *vm = kvm_vm(k->cpu->accel);
    if (!vm->ring_page)
        return;
    struct kvm_coalesced_mmio_ring *ring = (void *)((char *)k->run + (size_t)vm->ring_page * PAGE);
    const uint32_t entries = (PAGE - sizeof(*ring)) / sizeof(ring->coalesced_mmio[0]);
    if (__atomic_load_n(&ring->last, __ATOMIC_ACQUIRE) == __atomic_load_n(&ring->first, __ATOMIC_RELAXED))
        return;
    lock_take(&vm->ring_lock);
    for (uint32_t at = ring->first; at != __atomic_load_n(&ring->last, __ATOMIC_ACQUIRE);) {
        struct kvm_coalesced_mmio w = ring->coalesced_mmio[at % entries];
        at = (at + 1) % entries;
        __atomic_store_n(&ring->first, at, __ATOMIC_RELEASE);
        put_by(k, &w);
    }
    lock_release(&vm->ring_lock);
}
