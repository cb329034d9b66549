/*
 * Is there a KVM, and is it the processor that runs its guests? Some hosts have a /dev/kvm that interprets
 * kernels' code by software, a thousand times slower; a translator is then the better choice. Names of
 * modules say nothing inside of a container, so a small machine is timed, in the thread's own cpu time: a
 * busy host must not look slow.
 */
#include "accel/kvm/kvm.h"

#include "accel/kvm/kvm_priv.h"

#include <sys/mman.h>
#include <time.h>

enum {
    PAGE = 4096,
    ROUNDS = 4000, /* about 5 ms by software, and nothing to a processor */
    TRIES = 3,
    SLOW_NS = 1000000 /* a processor takes some microseconds, and 100 us inside of an emulator */
};

typedef struct Trial {
    int vm, cpu;
    uint8_t *mem;
} Trial;

static uint64_t cpu_time_ns(void)
{
    uint64_t t[2] = {0};
    sys_call2(SYS_clock_gettime, CLOCK_THREAD_CPUTIME_ID, t);
    return t[0] * 1000000000 + t[1];
}

static bool run_once(const Trial *t, uint64_t *ret_ns)
{
    if (!kvm_arch_probe(t->vm, t->cpu, t->mem, ROUNDS))
        return false;
    uint64_t start = cpu_time_ns();
    bool ok = !sys_is_err(kvm_ioctl(t->cpu, KVM_RUN, 0));
    *ret_ns = cpu_time_ns() - start;
    return ok;
}

static bool time_loop(const Trial *t, uint64_t *ret_ns)
{
    uint64_t best = UINT64_MAX, ns;
    for (unsigned n = 0; n < TRIES && best > SLOW_NS; n++) {
        if (!run_once(t, &ns))
            return false;
        best = MIN(best, ns);
    }
    *ret_ns = best;
    return true;
}

static bool make_trial(int dev, Trial *t)
{
    *t = (Trial){.vm = -1, .cpu = -1};
    long vm = kvm_ioctl(dev, KVM_CREATE_VM, 0);
    long mem = sys_mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    t->vm = sys_is_err(vm) ? -1 : (int)vm;
    t->mem = sys_is_err(mem) ? NULL : (uint8_t *)mem;
    if (t->vm < 0 || !t->mem)
        return false;
    const struct kvm_userspace_memory_region r = {.memory_size = PAGE, .userspace_addr = (uint64_t)mem};
    if (sys_is_err(kvm_ioctl_at(t->vm, KVM_SET_USER_MEMORY_REGION, &r)))
        return false;
    long cpu = kvm_ioctl(t->vm, KVM_CREATE_VCPU, 0);
    t->cpu = sys_is_err(cpu) ? -1 : (int)cpu;
    return t->cpu >= 0;
}

static void clear_trial(const Trial *t)
{
    if (t->cpu >= 0)
        sys_close(t->cpu);
    if (t->vm >= 0)
        sys_close(t->vm);
    if (t->mem)
        sys_munmap(t->mem, PAGE);
}

bool kvm_runs(const TargetOps *ops)
{
    return kvm_arch_runs(ops);
}

void kvm_probe(const TargetOps *ops, const char *model, const char *props, KvmProbe *ret)
{
    char missing[400] = "";
    Fmt names = FMT_ON(missing);
    Trial t;
    uint64_t ns = 0;
    *ret = (KvmProbe){.same_isa = kvm_arch_runs(ops)};
    Fmt why = FMT_ON(ret->why);
    if (!ret->same_isa) {
        fmt_printf(&why, "this host's KVM runs no guests of %s", ops->name);
        return;
    }
    long dev = kvm_open(&why);
    if (sys_is_err(dev))
        return;
    bool offered = kvm_arch_offers((int)dev, model, props, &names);
    ret->usable = make_trial((int)dev, &t) && time_loop(&t, &ns);
    long khz = ret->usable ? kvm_ioctl(t.cpu, KVM_GET_TSC_KHZ, 0) : 0; /* of x86 alone */
    ret->tsc_khz = khz > 0 ? (uint32_t)khz : 0;
    ret->tsc_scales = kvm_ioctl((int)dev, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL) > 0;
    clear_trial(&t);
    sys_close((int)dev);
    if (!ret->usable) {
        fmt_puts(&why, "/dev/kvm makes no machine that runs");
        return;
    }
    ret->usable = offered;
    ret->per_second = 2ull * ROUNDS * 1000000000 / MAX(ns, 1);
    ret->fast = offered && ns <= SLOW_NS;
    if (!offered)
        fmt_printf(&why, "the host's processor, as KVM offers it, lacks of %s:%s",
                   model ? model : "what was asked for", missing);
    else if (ret->fast)
        fmt_puts(&why, "/dev/kvm runs guests at the processor's speed");
    else
        fmt_printf(&why, "/dev/kvm is a software one (%lu.%lu million instructions a second)",
                   (unsigned long)(ret->per_second / 1000000),
                   (unsigned long)(ret->per_second / 100000 % 10));
}

bool kvm_fits(const KvmProbe *p, Cpu *cpu, Fmt *why)
{
    long dev = kvm_open(why);
    if (sys_is_err(dev))
        return false;
    bool ok = kvm_arch_fits((int)dev, p, cpu, why);
    sys_close((int)dev);
    return ok;
}
