/*
 * KVM on riscv64 hosts: what a VM and a cpu need, exits of this ISA.
 *
 * Source: Documentation/virt/kvm/api; asm/kvm.h; the SBI specification 2.0, chapters 3, 5 and 12.
 */
#include "accel/kvm/kvm_riscv.h"

#include <elf.h>

const size_t kvm_arch_vm_bytes = 64, kvm_arch_cpu_bytes = 64;

typedef struct KvmRiscvVm {
    uint64_t time; /* while the machine stands */
} KvmRiscvVm;
_Static_assert(sizeof(KvmRiscvVm) <= 64, "kvm_arch_vm_bytes");

bool kvm_arch_runs(const TargetOps *ops)
{
    return ops->elf_machine == EM_RISCV && ops->elf_class == ELFCLASS64;
}

/* ---- the VM ---- */

/* The controller is the board's, whatever was asked for: it is where the device tree says it is. */
bool kvm_arch_vm_init(KvmVm *vm, Fmt *err)
{
    (void)err;
    vm->irqchip = vm->accel->cfg.irqchip = ACCEL_IRQCHIP_BOARD;
    return true;
}

void kvm_arch_vm_clear(KvmVm *vm)
{
    (void)vm;
}
void kvm_arch_vm_reset(KvmVm *vm)
{
    (void)vm;
}

static int first_cpu(const KvmVm *vm)
{
    return vm->accel->cpus ? kvm_cpu(vm->accel->cpus->cpu)->fd : -1;
}

/* The guest's time, which all cpus share. */
void kvm_arch_vm_stand(KvmVm *vm, bool stop)
{
    const uint64_t id = KVM_RISCV_REG(TIMER, KVM_REG_RISCV_TIMER_REG(time));
    KvmRiscvVm *x = (KvmRiscvVm *)(void *)vm->arch;
    if (stop)
        kvm_get_one(first_cpu(vm), id, &x->time);
    else if (x->time)
        kvm_put_one(first_cpu(vm), id, &x->time);
}

uint64_t kvm_arch_time_hz(KvmVm *vm)
{
    uint64_t hz = 0;
    kvm_get_one(first_cpu(vm), KVM_RISCV_REG(TIMER, KVM_REG_RISCV_TIMER_REG(frequency)), &hz);
    return hz;
}

uint32_t kvm_arch_irq_number(unsigned input)
{
    return input;
}

/* The kernel takes it in any thread, and wakes the cpu. */
void kvm_arch_cpu_irq(KvmCpu *k, unsigned input, bool level)
{
    const struct kvm_interrupt i = {.irq = (uint32_t)(level ? KVM_INTERRUPT_SET : KVM_INTERRUPT_UNSET)};
    if (input == RV_IRQ_SEI)
        kvm_ioctl_at(k->fd, KVM_INTERRUPT, &i);
}

/* ---- a cpu ---- */

bool kvm_arch_cpu_init(KvmCpu *k)
{
    kvm_riscv_learn_extensions(k);
    return true;
}

bool kvm_arch_set_up(KvmCpu *k)
{
    kvm_riscv_tell_extensions(k);
    return true;
}

/* Level S at the board's address, with nothing else set; all but the first wait to be started. */
bool kvm_arch_reset(KvmCpu *k)
{
    RvCpu *c = (RvCpu *)k->cpu;
    const struct kvm_mp_state mp = {.mp_state = k->id ? KVM_MP_STATE_STOPPED : KVM_MP_STATE_RUNNABLE};
    const uint64_t none = 0, never = ~0ull;
    c->sys.priv = RV_S;
    kvm_put_one(k->fd, KVM_RISCV_REG(CSR, KVM_REG_RISCV_CSR_REG(sip)), &none);
    kvm_put_one(k->fd, KVM_RISCV_REG(TIMER, KVM_REG_RISCV_TIMER_REG(compare)), &never);
    return !sys_is_err(kvm_ioctl_at(k->fd, KVM_SET_MP_STATE, &mp));
}

bool kvm_arch_fetch(KvmCpu *k, KvmPart part)
{
    (void)part;
    return kvm_riscv_to_cpu(k);
}

bool kvm_arch_store(KvmCpu *k, KvmPart part)
{
    (void)part;
    return kvm_riscv_from_cpu(k);
}

/* The kernel has neither steps nor breakpoints in registers. */
bool kvm_arch_points_changed(KvmVm *vm)
{
    return !vm->accel->debug.n_breaks && !vm->accel->debug.n_watches;
}

void kvm_arch_enter(KvmCpu *k)
{
    (void)k;
}
void kvm_arch_left(KvmCpu *k)
{
    (void)k;
}

/* ---- exits ---- */

enum { SBI_PUTCHAR = 1, SBI_GETCHAR = 2, SBI_NOT_SUPPORTED = -2 };

/* What the kernel does not answer itself: the old console, and calls that nobody has. */
static void serve_sbi(KvmCpu *k)
{
    const CpuBoard *b = k->cpu->ops->sys->board(k->cpu);
    struct kvm_run *run = k->run;
    uint8_t byte = (uint8_t)run->riscv_sbi.args[0];
    const bool put = run->riscv_sbi.extension_id == SBI_PUTCHAR,
               get = run->riscv_sbi.extension_id == SBI_GETCHAR;
    run->riscv_sbi.ret[0] = (unsigned long)SBI_NOT_SUPPORTED;
    run->riscv_sbi.ret[1] = 0;
    if (!(put || get) || !b->console)
        return;
    bool done = b->console(b->opaque, put, &byte);
    run->riscv_sbi.ret[0] = put ? 0 : done ? byte : ~0ul;
}

/* The entropy source is the one CSR that the kernel leaves to its user: 16 bits, or to be asked again. */
static bool serve_csr(KvmCpu *k)
{
    enum { SEED = 0x15, READY = 2 };
    uint16_t bits;
    if (k->run->riscv_csr.csr_num != SEED)
        return false;
    bool got = sys_call3(SYS_getrandom, &bits, sizeof(bits), 0) == sizeof(bits);
    k->run->riscv_csr.ret_value = got ? (unsigned long)READY << 30 | bits : 0;
    return true;
}

bool kvm_arch_serve(KvmCpu *k, bool *ret_out)
{
    (void)ret_out;
    k->unfinished = true;
    switch (k->run->exit_reason) {
    case KVM_EXIT_RISCV_SBI: serve_sbi(k); return true;
    case KVM_EXIT_RISCV_CSR: return serve_csr(k);
    default: return false;
    }
}

/* ---- a trial ---- */

bool kvm_arch_probe(int vm, int cpu, uint8_t *mem, uint32_t rounds)
{
    static const uint32_t code[] = {
        0xfff50513, /* addi a0, a0, -1 */
        0xfe051ee3, /* bnez a0, .-4 */
        0x0005b023, /* sd x0, 0(a1): nothing is there */
    };
    enum { PC = 0, A0 = 10, A1 = 11 };
    const uint64_t count = rounds, nowhere = 1 << 20, pc = 0, mode = KVM_RISCV_MODE_S;
    (void)vm;
    memcpy(mem, code, sizeof(code));
    return kvm_put_one(cpu, KVM_RISCV_REG(CORE, A0), &count) &&
           kvm_put_one(cpu, KVM_RISCV_REG(CORE, A1), &nowhere) &&
           kvm_put_one(cpu, KVM_RISCV_REG(CORE, PC), &pc) &&
           kvm_put_one(cpu, KVM_RISCV_REG(CORE, KVM_REG_RISCV_CORE_REG(mode)), &mode);
}

/* Models are sets of extensions, of which cpus have those that the host has. */
bool kvm_arch_offers(int dev, const char *model, const char *props, Fmt *ret_missing)
{
    (void)dev, (void)model, (void)props, (void)ret_missing;
    return true;
}

/* ---- reports ---- */

void kvm_arch_print(KvmCpu *k, Fmt *out)
{
    const RvCpu *c = (const RvCpu *)k->cpu;
    if (!kvm_riscv_to_cpu(k)) {
        fmt_puts(out, "its registers cannot be read");
        return;
    }
    for (unsigned n = 1; n < ARRAY_SIZE(c->x); n++)
        fmt_printf(out, "x%u %lx%c", n, (unsigned long)c->x[n], n % 4 == 0 ? '\n' : ' ');
    fmt_printf(out, "\npc %lx level %lu sepc %lx scause %lx stval %lx satp %lx", (unsigned long)c->base.pc,
               (unsigned long)c->sys.priv, (unsigned long)c->sys.sepc, (unsigned long)c->sys.scause,
               (unsigned long)c->sys.stval, (unsigned long)c->sys.satp);
}
