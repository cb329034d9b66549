/*
 * A guest's TSC and paravirtual clock beside the machine's time.
 *
 * The kernel's TSC never stands, and cpus are read one after the other: so the first one's is read when the
 * machine stops, and counts for all, with the differences that the kernel says there are between them. The
 * paravirtual clock shows the machine's time, or is a little ahead of it.
 * Source: Documentation/virt/kvm/api, KVM_SET_CLOCK, KVM_SET_TSC_KHZ; .../devices/vcpu, KVM_VCPU_TSC_CTRL.
 */
#include "accel/kvm/kvm_x86.h"
#include "target/x86/x86_sys.h"

enum { MSR_TSC = 0x10 };

static X86Machine *machine_of(KvmCpu *k)
{
    return (X86Machine *)k->cpu;
}

static uint64_t machine_time(KvmCpu *k)
{
    const CpuBoard *b = &machine_of(k)->sys.board;
    return b->time ? b->time(b->opaque) : 0;
}

static KvmCpu *first_cpu(KvmVm *vm)
{
    for (AccelCpu *ac = vm->accel->cpus; ac; ac = ac->next)
        if (kvm_cpu(ac->cpu)->id == 0)
            return kvm_cpu(ac->cpu);
    return NULL;
}

typedef struct OneMsr { /* kvm_msrs */
    uint32_t n, pad;
    struct kvm_msr_entry entry;
} OneMsr;

static uint64_t read_tsc(const KvmCpu *k)
{
    OneMsr m = {.n = 1, .entry = {.index = MSR_TSC}};
    return kvm_ioctl_at(k->fd, KVM_GET_MSRS, &m) == 1 ? m.entry.data : 0;
}

/* Where the TSC is ahead of the host's. False: the kernel does not say. */
static bool move_offset(const KvmCpu *k, uint64_t *offset, bool put)
{
    const struct kvm_device_attr a = {
        .group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET, .addr = (uint64_t)(uintptr_t)offset};
    return !sys_is_err(kvm_ioctl_at(k->fd, put ? KVM_SET_DEVICE_ATTR : KVM_GET_DEVICE_ATTR, &a));
}

void kvm_x86_stand(KvmVm *vm, bool stop)
{
    KvmX86Vm *x = kvm_x86_vm(vm);
    KvmCpu *first = first_cpu(vm);
    struct kvm_clock_data c = {.clock = 0};
    x->stood = stop;
    if (stop) {
        x->clock = sys_is_err(kvm_ioctl_at(vm->fd, KVM_GET_CLOCK, &c)) ? 0 : c.clock;
        x->tsc = first ? read_tsc(first) : 0;
        return;
    }
    if (x->clock && first) {
        c.clock = MAX(x->clock, machine_time(first));
        c.flags = 0;
        kvm_ioctl_at(vm->fd, KVM_SET_CLOCK, &c);
    }
    /* They are told that they stood still, and do not take it for a hang. */
    for (AccelCpu *ac = vm->accel->cpus; ac; ac = ac->next)
        kvm_ioctl(kvm_cpu(ac->cpu)->fd, KVM_KVMCLOCK_CTRL, 0);
}

uint64_t kvm_x86_tsc_ahead(KvmCpu *k)
{
    KvmX86Vm *x = kvm_x86_vm(kvm_vm(k->cpu->accel));
    KvmCpu *first = first_cpu(kvm_vm(k->cpu->accel));
    uint64_t its = 0, firsts = 0;
    if (!x->stood) { /* it has not run yet */
        x->tsc = read_tsc(first);
        x->stood = true;
    }
    if (!move_offset(k, &its, false) || !move_offset(first, &firsts, false))
        its = firsts = 0;
    return x->tsc - x86_tsc_ticks(machine_of(k), machine_time(k)) + (its - firsts);
}

/* By the first cpu that is put all others are; a kernel that knows no offsets finds itself that values which
 * are written one after the other mean the same. */
void kvm_x86_put_tsc(KvmCpu *k)
{
    KvmX86Vm *x = kvm_x86_vm(kvm_vm(k->cpu->accel));
    const uint64_t ahead = machine_of(k)->sys.tsc_adjust;
    OneMsr m = {.n = 1,
                .entry = {.index = MSR_TSC, .data = x86_tsc_ticks(machine_of(k), machine_time(k)) + ahead}};
    uint64_t offset;
    kvm_ioctl_at(k->fd, KVM_SET_MSRS, &m);
    if (k->id == 0) {
        x->tsc = m.entry.data;
        x->tsc_ahead = ahead;
        x->tsc_put = move_offset(k, &x->tsc_offset, false);
    } else if (x->tsc_put) {
        offset = x->tsc_offset + (ahead - x->tsc_ahead);
        move_offset(k, &offset, true);
    }
}

bool kvm_x86_set_tsc_rate(KvmCpu *k, bool must, Fmt *err)
{
    X86Sys *s = &machine_of(k)->sys;
    const uint64_t want = x86_tsc_khz(machine_of(k));
    long is = kvm_ioctl(k->fd, KVM_GET_TSC_KHZ, 0);
    const bool can = kvm_has(kvm_vm(k->cpu->accel), KVM_CAP_TSC_CONTROL);
    if (is <= 0 || (uint64_t)is == want ||
        ((s->model_chosen || must) && can && !sys_is_err(kvm_ioctl(k->fd, KVM_SET_TSC_KHZ, want))))
        return true;
    if (!must) {
        s->tsc_khz = (uint32_t)is;
        return true;
    }
    fmt_printf(err, "its TSC counts %lu kHz, that of this host %ld, which cannot be changed",
               (unsigned long)want, is);
    return false;
}
