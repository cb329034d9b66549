/* The engine: the VM, its cpus, and the loop that runs one. */
#include "accel/kvm/kvm.h"

#include "accel/kvm/kvm_priv.h"
#include "target/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>

/* ---- the VM ---- */

bool kvm_enable(const KvmVm *vm, unsigned cap, uint64_t arg)
{
    const struct kvm_enable_cap e = {.cap = cap, .args = {arg}};
    return kvm_has(vm, cap) && !sys_is_err(kvm_ioctl_at(vm->fd, KVM_ENABLE_CAP, &e));
}

static bool fail(Fmt *err, const char *what, long error)
{
    if (sys_is_err(error))
        fmt_printf(err, "%s: error %d", what, (int)-error);
    else
        fmt_puts(err, what);
    return false;
}

long kvm_open(Fmt *err)
{
    long fd = sys_call4(SYS_openat, AT_FDCWD, "/dev/kvm", O_RDWR | O_CLOEXEC, 0);
    if (fd == -ENOENT)
        fail(err, "there is no /dev/kvm", 0);
    else if (fd == -EACCES || fd == -EPERM)
        fail(err, "no permission to use /dev/kvm", 0);
    else if (sys_is_err(fd))
        fail(err, "/dev/kvm cannot be opened", fd);
    else if (kvm_ioctl((int)fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION) {
        fail(err, "/dev/kvm is not of a version that is known", 0);
        sys_close((int)fd);
        return -ENOTTY;
    }
    return fd;
}

/* What the engine cannot do without; the rest is asked for where it is used. */
static bool check_needs(const KvmVm *vm, Fmt *err)
{
    static const struct {
        unsigned cap;
        const char *name;
    } needs[] = {{KVM_CAP_USER_MEMORY, "user memory"},
                 {KVM_CAP_READONLY_MEM, "read-only memory"},
                 {KVM_CAP_DESTROY_MEMORY_REGION_WORKS, "removal of memory"},
                 {KVM_CAP_IMMEDIATE_EXIT, "immediate exits"}};
    for (unsigned n = 0; n < ARRAY_SIZE(needs); n++)
        if (!kvm_has(vm, needs[n].cap)) {
            fmt_printf(err, "the host's KVM lacks %s", needs[n].name);
            return false;
        }
    return true;
}

static bool open_vm(KvmVm *vm, Fmt *err)
{
    long bytes, fd = kvm_open(err);
    if (sys_is_err(fd))
        return false;
    vm->dev = (int)fd;
    do
        fd = kvm_ioctl(vm->dev, KVM_CREATE_VM, 0);
    while (fd == -EINTR);
    if (sys_is_err(fd))
        return fail(err, "KVM makes no machine", fd);
    vm->fd = (int)fd;
    bytes = kvm_ioctl(vm->dev, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (sys_is_err(bytes))
        return fail(err, "KVM has no shared page", bytes);
    vm->run_bytes = (uint32_t)bytes;
    vm->ring_page = (uint32_t)kvm_has(vm, KVM_CAP_COALESCED_MMIO);
    return check_needs(vm, err) && kvm_arch_vm_init(vm, err);
}

/* It ends KVM_RUN, no more. */
static void on_kick(int sig)
{
    (void)sig;
}
enum { KICK_SIGNAL = SIGUSR1 };

static size_t kvm_cpu_bytes(const Accel *a)
{
    return sizeof(KvmCpu) + kvm_arch_cpu_bytes;
}

static bool kvm_init(Accel *a, char *err, size_t err_cap)
{
    Fmt f = {.buf = err, .cap = err_cap};
    const struct sigaction sa = {.sa_handler = on_kick, .sa_flags = SA_RESTART};
    if (!a->cfg.machine || !kvm_arch_runs(a->ops)) {
        fmt_printf(&f, "this host's KVM runs no guests of %s", a->ops->name);
        return false;
    }
    KvmVm *vm = a->engine_data = accel_map(a, sizeof(*vm) + kvm_arch_vm_bytes);
    if (!vm)
        return fail(&f, "no memory", 0);
    *vm = (KvmVm){.accel = a, .dev = -1, .fd = -1, .irqchip = a->cfg.irqchip};
    kvm_late_init(vm);
    lock_init(&vm->routes_lock, LOCK_RANK_ROUTES);
    sigaction(KICK_SIGNAL, &sa, NULL);
    return open_vm(vm, &f);
}

static void kvm_clear(Accel *a)
{
    KvmVm *vm = kvm_vm(a);
    if (!vm)
        return;
    kvm_late_clear(vm);
    kvm_arch_vm_clear(vm);
    if (vm->fd >= 0)
        sys_close(vm->fd);
    if (vm->dev >= 0)
        sys_close(vm->dev);
    accel_unmap(a, vm, sizeof(*vm) + kvm_arch_vm_bytes);
    a->engine_data = NULL;
}

/* ---- cpus ---- */

static bool kvm_cpu_init(Cpu *cpu)
{
    KvmVm *vm = kvm_vm(cpu->accel);
    KvmCpu *k = kvm_cpu(cpu);
    *k = (KvmCpu){.cpu = cpu, .fd = -1, .id = vm->n_cpus, .reset = true};
    long fd = kvm_ioctl(vm->fd, KVM_CREATE_VCPU, k->id);
    if (sys_is_err(fd)) {
        fmt_err("KVM makes no cpu %u: error %d", k->id, (int)-fd);
        return false;
    }
    k->fd = (int)fd;
    long at = sys_mmap(NULL, vm->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, k->fd, 0);
    if (sys_is_err(at)) {
        fmt_err("the page shared with KVM cannot be mapped: error %d", (int)-at);
        sys_close(k->fd);
        return false;
    }
    k->run = (struct kvm_run *)at;
    kvm_late_ring(vm, k->run);
    vm->n_cpus++;
    return kvm_arch_cpu_init(k);
}

static void kvm_cpu_clear(Cpu *cpu)
{
    KvmCpu *k = kvm_cpu(cpu);
    if (k->run)
        sys_munmap(k->run, kvm_vm(cpu->accel)->run_bytes);
    if (k->fd >= 0)
        sys_close(k->fd);
    k->run = NULL;
    k->fd = -1;
}

static void kvm_stand(Accel *a, bool stop)
{
    kvm_late_drain(kvm_vm(a));
    kvm_arch_vm_stand(kvm_vm(a), stop);
}

/* The signal is for who is in KVM_RUN; who is about to call it finds immediate_exit, or the word. */
static void kvm_kick(Cpu *cpu)
{
    KvmCpu *k = kvm_cpu(cpu);
    const AccelCpu *ac = cpu->accel_cpu;
    __atomic_store_n(&k->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
    uint32_t tid = __atomic_load_n(&ac->state, __ATOMIC_SEQ_CST);
    if (tid != ACCEL_CPU_OUT)
        sys_call3(SYS_tgkill, sys_getpid(), tid, KICK_SIGNAL);
}

/* ---- what went wrong ---- */

bool kvm_broken(KvmCpu *k, const char *format, ...)
{
    char text[2048] = "";
    Fmt f = FMT_ON(text);
    va_list ap;
    va_start(ap, format);
    fmt_vprintf(&f, format, ap);
    va_end(ap);
    if (k->set_up) {
        fmt_putc(&f, '\n');
        kvm_arch_print(k, &f);
    }
    fmt_err("KVM, cpu %u: %s", k->id, text);
    k->dead = true;
    k->cpu->exit = (CpuExit){.kind = CPU_EXIT_BROKEN};
    return false;
}

static void print_bytes(Fmt *f, const uint8_t *bytes, unsigned n)
{
    fmt_puts(f, "; the instruction's bytes:");
    for (unsigned k = 0; k < n; k++)
        fmt_printf(f, " %02x", bytes[k]);
}

static void internal_error(KvmCpu *k)
{
    static const char *const names[] = {[KVM_INTERNAL_ERROR_EMULATION] = "an instruction it does not emulate",
                                        [KVM_INTERNAL_ERROR_SIMUL_EX] = "exceptions at the same time",
                                        [KVM_INTERNAL_ERROR_DELIVERY_EV] =
                                            "an exit while an event is delivered",
                                        [KVM_INTERNAL_ERROR_UNEXPECTED_EXIT_REASON] = "an unexpected exit"};
    const struct kvm_run *run = k->run;
    char more[400] = "";
    Fmt f = FMT_ON(more);
    unsigned sub = run->internal.suberror;
    if (sub == KVM_INTERNAL_ERROR_EMULATION && run->internal.ndata >= 3 &&
        (run->emulation_failure.flags & KVM_INTERNAL_ERROR_EMULATION_FLAG_INSTRUCTION_BYTES))
        print_bytes(&f, run->emulation_failure.insn_bytes, MIN(run->emulation_failure.insn_size, 15u));
    else
        for (unsigned n = 0; n < MIN(run->internal.ndata, 16u); n++)
            fmt_printf(&f, "%s%lx", n ? " " : "; data: ", (unsigned long)run->internal.data[n]);
    kvm_broken(k, "internal error %u (%s)%s", sub,
               sub < ARRAY_SIZE(names) && names[sub] ? names[sub] : "unknown", more);
}

void kvm_shut_down(KvmCpu *k)
{
    const CpuBoard *b = k->cpu->ops->sys->board(k->cpu);
    k->dead = true;
    if (b->power)
        b->power(b->opaque, CPU_POWER_RESET);
}

static void system_event(KvmCpu *k)
{
    const CpuBoard *b = k->cpu->ops->sys->board(k->cpu);
    unsigned type = k->run->system_event.type;
    if (type != KVM_SYSTEM_EVENT_SHUTDOWN && type != KVM_SYSTEM_EVENT_RESET) {
        kvm_broken(k, "the guest has crashed, or sleeps (event %u)", type);
        return;
    }
    k->dead = true;
    if (b->power)
        b->power(b->opaque, type == KVM_SYSTEM_EVENT_RESET ? CPU_POWER_RESET : CPU_POWER_OFF);
}

/* ---- state ---- */

/* Of all cpus before any of them runs: one that runs may send others INIT and SIPI, which is then part of
 * what the kernel says of them. */
static bool begin_anew(KvmCpu *k)
{
    if (!k->set_up && !kvm_arch_set_up(k))
        return false;
    k->set_up = true;
    if (!kvm_arch_reset(k))
        return kvm_broken(k, "the power-on state is refused");
    k->reset = false;
    k->fetched = true; /* the owner may set some of it */
    return true;
}

static void kvm_cpu_reset(Cpu *cpu)
{
    KvmCpu *k = kvm_cpu(cpu);
    if (k->id == 0)
        kvm_arch_vm_reset(kvm_vm(cpu->accel));
    k->reset = true;
    k->fetched = k->whole = k->unfinished = k->dead = false;
    begin_anew(k);
}

static void kvm_sync(Cpu *cpu)
{
    KvmCpu *k = kvm_cpu(cpu);
    if (!k->reset && !k->fetched && kvm_arch_fetch(k, KVM_RUNTIME))
        k->fetched = true;
}

static void kvm_whole(Cpu *cpu)
{
    KvmCpu *k = kvm_cpu(cpu);
    if (k->whole || (k->reset && !begin_anew(k)))
        return;
    if (k->fetched && !kvm_arch_store(k, KVM_RUNTIME)) {
        kvm_broken(k, "registers are refused");
        return;
    }
    k->fetched = k->whole = kvm_arch_fetch(k, KVM_ALL);
}

static bool kvm_adopt(Cpu *cpu, Fmt *err)
{
    KvmCpu *k = kvm_cpu(cpu);
    k->adopting = true;
    const bool ready = !k->reset || begin_anew(k);
    k->adopting = false;
    if (!ready) {
        fmt_puts(err, "KVM refuses the cpu");
        return false;
    }
    k->dead = k->unfinished = false;
    return kvm_arch_adopt(k, err);
}

static bool kvm_chip(Accel *a, unsigned kind, unsigned n, void *state, bool put)
{
    return kvm_arch_chip(kvm_vm(a), kind, n, state, put);
}

/* State that was set or changed outside goes to the kernel. */
static bool prepare(KvmCpu *k)
{
    if (k->reset && !begin_anew(k))
        return false;
    if (k->fetched && !kvm_arch_store(k, KVM_RUNTIME))
        return kvm_broken(k, "registers are refused");
    k->fetched = k->whole = false;
    return true;
}

/* ---- running ---- */

/* Deals with the exit. False: run() is over, and cpu->exit says why. */
static bool serve(KvmCpu *k)
{
    bool out = false;
    kvm_late_drain(kvm_vm(k->cpu->accel));
    switch (k->run->exit_reason) {
    case KVM_EXIT_MMIO:
        kvm_serve_mmio(k);
        k->unfinished = true;
        break;
    case KVM_EXIT_IO:
        kvm_serve_ports(k);
        k->unfinished = true;
        break;
    case KVM_EXIT_INTR: break;
    case KVM_EXIT_SHUTDOWN: kvm_shut_down(k); break;
    case KVM_EXIT_SYSTEM_EVENT: system_event(k); return !k->dead;
    case KVM_EXIT_INTERNAL_ERROR: internal_error(k); return false;
    case KVM_EXIT_FAIL_ENTRY:
        return kvm_broken(k, "the processor does not enter the guest: reason 0x%lx",
                          (unsigned long)k->run->fail_entry.hardware_entry_failure_reason);
    default:
        if (!kvm_arch_serve(k, &out))
            return kvm_broken(k, "exit %u is unknown", k->run->exit_reason);
    }
    return !out;
}

/* True: the exit is to be looked at; else *ret_out: somebody wants the cpu's thread. */
static bool enter(KvmCpu *k, bool *ret_out)
{
    Cpu *cpu = k->cpu;
    accel_resume(cpu);
    __atomic_store_n(&k->run->immediate_exit, 0, __ATOMIC_SEQ_CST);
    bool kicked = __atomic_load_n(&cpu->kick, __ATOMIC_SEQ_CST);
    bool step = (cpu->ctx & CTX_STEP) != 0; /* then it leaves after one instruction, and not before */
    *ret_out = kicked && !k->unfinished && !step;
    if (*ret_out) {
        accel_pause(cpu);
        return false;
    }
    if (kicked && !step)
        k->run->immediate_exit = 1; /* completes the access, no more */
    kvm_arch_enter(k);
    long r = kvm_ioctl(k->fd, KVM_RUN, 0);
    kvm_arch_left(k);
    accel_pause(cpu);
    k->unfinished = false;
    if (r == -EINTR || r == -EAGAIN) /* a signal; a cpu that waits was started: look again */
        return false;
    if (sys_is_err(r))
        *ret_out = !kvm_broken(k, "KVM_RUN: error %d", (int)-r);
    return !sys_is_err(r);
}

static void kvm_run(Cpu *cpu)
{
    KvmCpu *k = kvm_cpu(cpu);
    bool out = false;
    cpu->exit = (CpuExit){.kind = CPU_EXIT_KICK};
    while (!out && !k->dead && !kvm_arch_sleeps(k))
        if (!prepare(k) || (enter(k, &out) && !serve(k)))
            return;
    if (!out)
        accel_halt(cpu);
}

static void kvm_cpu_irq(Cpu *cpu, unsigned input, bool level)
{
    kvm_arch_cpu_irq(kvm_cpu(cpu), input, level);
}

static uint64_t kvm_time_hz(Accel *a)
{
    return kvm_arch_time_hz(kvm_vm(a));
}

static bool kvm_points_changed(Accel *a)
{
    return kvm_arch_points_changed(kvm_vm(a));
}

/* ---- what is the translators' ---- */

static void kvm_invalidate(Accel *a, Gva start, uint64_t len) {}
static void kvm_fence_i(Cpu *cpu, bool all) {}
static bool kvm_fault(Cpu *cpu, int sig, void *siginfo, void *ucontext)
{
    return false;
}
static bool kvm_region_of(const Cpu *cpu, uint64_t host_pc, Gva *ret_pc)
{
    return false;
}
static void kvm_fork_prepare(Accel *a) {}
static void kvm_fork_done(Accel *a, bool child) {}

const AccelOps accel_engine_kvm = {
    .cpu_bytes = kvm_cpu_bytes,
    .init = kvm_init,
    .clear = kvm_clear,
    .cpu_init = kvm_cpu_init,
    .cpu_clear = kvm_cpu_clear,
    .run = kvm_run,
    .invalidate = kvm_invalidate,
    .fence_i = kvm_fence_i,
    .fault = kvm_fault,
    .region_of = kvm_region_of,
    .fork_prepare = kvm_fork_prepare,
    .fork_done = kvm_fork_done,
    .native = true,
    .kick = kvm_kick,
    .cpu_reset = kvm_cpu_reset,
    .sync = kvm_sync,
    .whole = kvm_whole,
    .adopt = kvm_adopt,
    .chip = kvm_chip,
    .stand = kvm_stand,
    .time_hz = kvm_time_hz,
    .irq = kvm_irq,
    .cpu_irq = kvm_cpu_irq,
    .msi = kvm_msi,
    .gic_versions = kvm_gic_versions,
    .gic = kvm_gic,
    .events_fd = kvm_events_fd,
    .events = kvm_events,
    .map_changed = kvm_map_changed,
    .note_writes = kvm_note_writes,
    .fetch_writes = kvm_fetch_writes,
    .translate = kvm_arch_translate,
    .points_changed = kvm_points_changed,
};
