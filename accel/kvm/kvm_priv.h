/*
 * What the files of accel/kvm share: the VM, its cpus, and what each host ISA implements (kvm_arch_*: one
 * file of them is compiled).
 *
 * Invariants: a cpu counts as running (accel_resume) only while it is inside of the KVM_RUN ioctl. Devices
 * are called outside, so who stops all cpus, to change memory slots, may hold a device's lock. When run()
 * returns, the last access of the guest is complete, as KVM_RUN completes it when it is called again.
 * Registers live in the kernel until somebody asks for them (KvmCpu.fetched); then the struct counts, and
 * what is in it goes back before the cpu runs again. Ownership: KvmVm is Accel.engine_data, KvmCpu
 * AccelCpu.engine. Threads: see accel.h.
 */
#ifndef ACCEL_KVM_KVM_PRIV_H
#define ACCEL_KVM_KVM_PRIV_H

#include "accel/accel_priv.h"
#include "base/fmt.h"
#include "base/sys.h"
#include "hw/core/mem_map.h"

#include <linux/kvm.h>

/* Bytes 0: the slot is free. */
typedef struct KvmSlot {
    uint64_t gpa, bytes;
    uint8_t *host;
    RamBlock *ram;  /* that host is in */
    uint32_t flags; /* KVM_MEM_* */
} KvmSlot;

/* A write that the kernel notes (MemBells). */
enum { KVM_NO_BELL = 0xff, KVM_MOST_BELLS = 256, KVM_MOST_ZONES = 32 };
typedef struct KvmBell {
    uint64_t gpa, value;
    int fd;
    uint8_t size; /* KVM_NO_BELL: free */
    bool by_value;
} KvmBell;
typedef struct KvmZone {
    uint64_t gpa;
    uint32_t bytes;
} KvmZone;

enum { KVM_MOST_ROUTES = 64 };
typedef struct KvmRoutes { /* kvm_irq_routing */
    uint32_t n, flags;
    struct kvm_irq_routing_entry entry[KVM_MOST_ROUTES];
} KvmRoutes;
_Static_assert(offsetof(KvmRoutes, entry) == sizeof(struct kvm_irq_routing), "as in linux/kvm.h");

struct KvmProbe;

typedef struct KvmVm {
    Accel *accel;
    int dev, fd;                          /* /dev/kvm, the VM; -1: none */
    uint32_t run_bytes;                   /* of a cpu's shared page and what follows it */
    uint32_t ring_page;                   /* of coalesced writes, in there; 0: none */
    struct kvm_coalesced_mmio_ring *ring; /* of the first cpu; NULL: none */
    Lock late_lock;                       /* LOCK_RANK_PUT_BY: who takes from the ring */
    AccelIrqchip irqchip;                 /* as it is */
    Lock routes_lock;                     /* LOCK_RANK_ROUTES: and bells */
    int bells_fd;                         /* epoll; -1: none */
    unsigned n_bells, n_zones;            /* bells: used so far */
    KvmBell bell[KVM_MOST_BELLS];
    KvmZone zone[KVM_MOST_ZONES];
    KvmRoutes routes;
    bool msi_requester;                   /* messages say whose they are */
    unsigned n_cpus;
    unsigned n_slots; /* used so far */
    bool noting;      /* accel_note_writes() */
    KvmSlot slot[MEM_MAX_RANGES];
    _Alignas(64) char arch[];
} KvmVm;

typedef struct KvmCpu {
    Cpu *cpu;
    int fd;
    unsigned id;
    struct kvm_run *run;
    bool set_up;     /* kvm_arch_set_up() was called */
    bool reset;      /* it begins anew at the next run */
    bool fetched;    /* see above */
    bool whole;      /* and it is all there is (accel_cpu_whole()) */
    bool adopting;   /* what it is comes from another engine, or was saved */
    bool unfinished; /* the last exit was an access */
    bool dead;       /* nothing to be run until a reset */
    _Alignas(64) char arch[];
} KvmCpu;

static inline KvmVm *kvm_vm(const Accel *a)
{
    return a->engine_data;
}
static inline KvmCpu *kvm_cpu(const Cpu *cpu)
{
    return (KvmCpu *)(void *)((AccelCpu *)cpu->accel_cpu)->engine;
}
/* The kernel's value, or minus an errno. */
static inline long kvm_ioctl(int fd, unsigned long request, uint64_t arg)
{
    return sys_call3(SYS_ioctl, fd, request, arg);
}
static inline long kvm_ioctl_at(int fd, unsigned long request, const void *arg)
{
    return kvm_ioctl(fd, request, (uint64_t)(uintptr_t)arg);
}
/* One register of a cpu, by its descriptor. False: it is not there, or refused. */
static inline bool kvm_get_one(int cpu, uint64_t id, void *ret)
{
    const struct kvm_one_reg r = {.id = id, .addr = (uint64_t)(uintptr_t)ret};
    return !sys_is_err(kvm_ioctl_at(cpu, KVM_GET_ONE_REG, &r));
}
static inline bool kvm_put_one(int cpu, uint64_t id, const void *value)
{
    const struct kvm_one_reg r = {.id = id, .addr = (uint64_t)(uintptr_t)value};
    return !sys_is_err(kvm_ioctl_at(cpu, KVM_SET_ONE_REG, &r));
}
static inline bool kvm_move_one(int cpu, uint64_t id, void *ours, bool to_kernel)
{
    return to_kernel ? kvm_put_one(cpu, id, ours) : kvm_get_one(cpu, id, ours);
}
/* What the VM has of a capability: 0 is none. */
static inline int kvm_has(const KvmVm *vm, unsigned cap)
{
    long n = kvm_ioctl(vm->fd, KVM_CHECK_EXTENSION, cap);
    return n < 0 ? 0 : (int)n;
}
/* False: not there, or refused. */
bool kvm_enable(const KvmVm *vm, unsigned cap, uint64_t arg);

/* kvm_slots.c: the memory map has changed. */
void kvm_map_changed(void *accel);

void kvm_note_writes(Accel *a, bool on);
void kvm_fetch_writes(Accel *a);

/* kvm_io.c: what the cpu's last exit asks for. */
void kvm_serve_mmio(KvmCpu *k);
void kvm_serve_ports(KvmCpu *k);
void kvm_access_memory(KvmVm *vm, unsigned cpu, uint64_t gpa, uint8_t *data, unsigned len, bool write);

/* kvm_late.c. A cpu's shared pages; the memory map has changed; writes that were put by are done now. */
void kvm_late_init(KvmVm *vm);
void kvm_late_ring(KvmVm *vm, void *shared);
void kvm_late_follow(KvmVm *vm);
void kvm_late_drain(KvmVm *vm);
void kvm_late_clear(KvmVm *vm);
int kvm_events_fd(Accel *a);
void kvm_events(Accel *a);

/* kvm_irq.c: AccelOps.irq and .msi. The routes of the VM take effect. */
void kvm_irq(Accel *a, unsigned input, bool level);
void kvm_msi(Accel *a, int input, uint64_t address, uint32_t data, uint32_t requester);
/* AccelOps.gic_versions and .gic */
unsigned kvm_gic_versions(Accel *a);
bool kvm_gic(Accel *a, const AccelGic *g, Fmt *err);
bool kvm_routes_set(KvmVm *vm);
/* SPLIT: an input of the board's I/O APICs will send this message. */
void kvm_route_message(KvmVm *vm, unsigned input, uint64_t address, uint32_t data);

/* ---- of the host ISA ---- */
/* Bytes of KvmVm.arch and KvmCpu.arch. */
extern const size_t kvm_arch_vm_bytes, kvm_arch_cpu_bytes;
/* Is this guest one of the host's own kind? */
bool kvm_arch_runs(const TargetOps *ops);
/* After the VM was made, before its cpus. False: err says why. */
bool kvm_arch_vm_init(KvmVm *vm, Fmt *err);
/* What there is of it is gone; accepts a half-built one. */
void kvm_arch_vm_clear(KvmVm *vm);
/* Power-on state of what cpus share; its clocks stand still, or go on. */
void kvm_arch_vm_reset(KvmVm *vm);
void kvm_arch_vm_stand(KvmVm *vm, bool stop);
bool kvm_arch_cpu_init(KvmCpu *k);
/* Before the cpu's first run, when all is configured. */
bool kvm_arch_set_up(KvmCpu *k);
/* Power-on state into the kernel. */
bool kvm_arch_reset(KvmCpu *k);
/* Registers from the kernel into the struct, and back. RUNTIME is what a debugger may look at and change
 * without an interrupt being lost that arrives meanwhile; ALL is for what is saved or moves, and before it is
 * fetched events that were being delivered are pending again. */
typedef enum KvmPart { KVM_RUNTIME, KVM_ALL } KvmPart;
bool kvm_arch_fetch(KvmCpu *k, KvmPart part);
bool kvm_arch_store(KvmCpu *k, KvmPart part);
/* ALL of the struct goes to the kernel, as far as it has that. False: err says what it has not. */
bool kvm_arch_adopt(KvmCpu *k, Fmt *err);
/* As accel_chip(). */
bool kvm_arch_chip(KvmVm *vm, unsigned kind, unsigned n, void *state, bool put);
/* Would a machine with this cpu run in the translator and in KVM alike? False: why says what is not so. */
bool kvm_arch_fits(int dev, const struct KvmProbe *p, Cpu *cpu, Fmt *why);
/* Of the timer that cpus count time with; 0: it is the board's. */
uint64_t kvm_arch_time_hz(KvmVm *vm);
/* A cpu's own input, from the board's controller, by any thread. */
void kvm_arch_cpu_irq(KvmCpu *k, unsigned input, bool level);
/* The kernel's number of a controller's input (KVM_IRQ_LINE). */
uint32_t kvm_arch_irq_number(unsigned input);
/* Does it wait for an interrupt that the kernel knows nothing of? */
bool kvm_arch_sleeps(KvmCpu *k);
/* Right before KVM_RUN, and after it. */
void kvm_arch_enter(KvmCpu *k);
void kvm_arch_left(KvmCpu *k);
/* An exit that is not common to all. False: it is unknown. *ret_out: for the owner, cpu->exit says what. */
bool kvm_arch_serve(KvmCpu *k, bool *ret_out);
/* As accel_debug_translate(); breakpoints and watchpoints of the Accel changed, false: there is no room. */
bool kvm_arch_translate(Cpu *cpu, Gva va, uint64_t *ret_pa);
bool kvm_arch_points_changed(KvmVm *vm);
/* Registers for a report, lines without the last newline. */
void kvm_arch_print(KvmCpu *k, Fmt *out);

/* A trial (kvm_probe()): puts a loop of two instructions that goes round so often at the start of `mem`,
 * which is a page at guest address 0, and the cpu before it. At its end KVM_RUN returns. */
bool kvm_arch_probe(int vm, int cpu, uint8_t *mem, uint32_t rounds);

/* Has the host what this model of a cpu has, with the features that props switches? NULL: the host's own.
 * False: ret_missing has names, each after a space. */
bool kvm_arch_offers(int dev, const char *model, const char *props, Fmt *ret_missing);

/* Opens the device. Minus an errno: err says why. */
long kvm_open(Fmt *err);

/* The cpu cannot go on; out: what to say. Always returns false. */
bool kvm_broken(KvmCpu *k, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The machine shall begin anew; the cpu waits for it. */
void kvm_shut_down(KvmCpu *k);

#endif
