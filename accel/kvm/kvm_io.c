/* Accesses of the guest that devices serve: memory and I/O ports. */
#include "accel/kvm/kvm_priv.h"

#include "target/mem.h"

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
void kvm_access_memory(KvmVm *vm, unsigned cpu, uint64_t gpa, uint8_t *data, unsigned len, bool write)
{
    const MemMap *map = vm->accel->cfg.machine;
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
    kvm_access_memory(kvm_vm(k->cpu->accel), k->id, run->mmio.phys_addr, run->mmio.data, len,
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
