/*
 * KVM on arm64 hosts: what a VM and a cpu need, exits of this ISA. PSCI, timers and the interrupt controller
 * are the kernel's.
 *
 * Source: Documentation/virt/kvm/api and .../arm; asm/kvm.h.
 */
#include "accel/kvm/kvm_arm.h"

#include <elf.h>

const size_t kvm_arch_vm_bytes = sizeof(KvmArmVm), kvm_arch_cpu_bytes = sizeof(KvmArmCpu);

bool kvm_arch_runs(const TargetOps *ops)
{
    return ops->elf_machine == EM_AARCH64;
}

/* ---- the VM ---- */

static bool fill_target(int vm, struct kvm_vcpu_init *ret)
{
    static const struct {
        uint16_t cap, cap_too;
        uint32_t features;
    } rows[] = {{KVM_CAP_ARM_PSCI_0_2, KVM_CAP_ARM_PSCI_0_2, 1u << KVM_ARM_VCPU_PSCI_0_2},
                {KVM_CAP_ARM_PTRAUTH_ADDRESS, KVM_CAP_ARM_PTRAUTH_GENERIC,
                 1u << KVM_ARM_VCPU_PTRAUTH_ADDRESS | 1u << KVM_ARM_VCPU_PTRAUTH_GENERIC}};
    *ret = (struct kvm_vcpu_init){0};
    if (sys_is_err(kvm_ioctl_at(vm, KVM_ARM_PREFERRED_TARGET, ret)))
        return false;
    for (unsigned k = 0; k < ARRAY_SIZE(rows); k++)
        if (kvm_ioctl(vm, KVM_CHECK_EXTENSION, rows[k].cap) > 0 &&
            kvm_ioctl(vm, KVM_CHECK_EXTENSION, rows[k].cap_too) > 0)
            ret->features[0] |= rows[k].features;
    return true;
}

bool kvm_arch_vm_init(KvmVm *vm, Fmt *err)
{
    KvmArmVm *x = kvm_arm_vm(vm);
    x->begun = true;
    x->gic = x->its = -1;
    kvm_enable(vm, KVM_CAP_ARM_NISV_TO_USER, 0); /* older kernels end KVM_RUN with an error instead */
    x->n_breaks = (unsigned)kvm_has(vm, KVM_CAP_GUEST_DEBUG_HW_BPS);
    x->n_watches = (unsigned)kvm_has(vm, KVM_CAP_GUEST_DEBUG_HW_WPS);
    if (vm->irqchip != ACCEL_IRQCHIP_ENGINE)
        fmt_puts(err, "KVM of arm64 has the interrupt controller itself: kernel-irqchip=on");
    else if (!fill_target(vm->fd, &x->target))
        fmt_puts(err, "the host's KVM does not say what cpus it has");
    else
        return true;
    return false;
}

void kvm_arch_vm_clear(KvmVm *vm)
{
    const KvmArmVm *x = kvm_arm_vm(vm);
    if (x->begun && x->gic >= 0)
        sys_close(x->gic);
    if (x->begun && x->its >= 0)
        sys_close(x->its);
}

void kvm_arch_vm_reset(KvmVm *vm)
{
    kvm_arm_gic_reset(vm);
}

/* The guest's time, which all cpus share. */
void kvm_arch_vm_stand(KvmVm *vm, bool stop)
{
    KvmArmVm *x = kvm_arm_vm(vm);
    const AccelCpu *first = vm->accel->cpus;
    if (!first)
        return;
    int fd = kvm_cpu(first->cpu)->fd;
    if (stop)
        kvm_get_one(fd, KVM_REG_ARM_TIMER_CNT, &x->count);
    else if (x->count)
        kvm_put_one(fd, KVM_REG_ARM_TIMER_CNT, &x->count);
}

uint64_t kvm_arch_time_hz(KvmVm *vm)
{
    (void)vm;
    return 0; /* it stands in a register */
}

/* The kernel's controller has them all. */
void kvm_arch_cpu_irq(KvmCpu *k, unsigned input, bool level)
{
    (void)k, (void)input, (void)level;
}

/* A shared input of the controller; its numbers of these begin behind a cpu's own. */
uint32_t kvm_arch_irq_number(unsigned input)
{
    enum { OWN = 32 };
    return KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | (input + OWN);
}

/* ---- a cpu ---- */

static bool init_cpu(KvmCpu *k, bool off)
{
    struct kvm_vcpu_init init = kvm_arm_vm(kvm_vm(k->cpu->accel))->target;
    init.features[0] |= off ? 1u << KVM_ARM_VCPU_POWER_OFF : 0;
    return !sys_is_err(kvm_ioctl_at(k->fd, KVM_ARM_VCPU_INIT, &init));
}

bool kvm_arch_cpu_init(KvmCpu *k)
{
    return init_cpu(k, false);
}

bool kvm_arch_set_up(KvmCpu *k)
{
    (void)k;
    return true;
}

/* The struct gets what the kernel's cpu begins with, but for the address, which is the board's. */
bool kvm_arch_reset(KvmCpu *k)
{
    const ArmSys *s = &((const ArmMachine *)k->cpu)->sys;
    const uint64_t pc = k->cpu->pc;
    if (!init_cpu(k, s->reset_as_off) || !kvm_arm_to_cpu(k))
        return false;
    k->cpu->pc = pc;
    return true;
}

bool kvm_arch_fetch(KvmCpu *k, KvmPart part)
{
    (void)part;
    return kvm_arm_to_cpu(k);
}

bool kvm_arch_store(KvmCpu *k, KvmPart part)
{
    (void)part;
    return kvm_arm_from_cpu(k);
}

void kvm_arch_enter(KvmCpu *k)
{
    kvm_arm_debug_enter(k);
}
void kvm_arch_left(KvmCpu *k)
{
    (void)k;
}

bool kvm_arch_serve(KvmCpu *k, bool *ret_out)
{
    const struct kvm_run *run = k->run;
    switch (run->exit_reason) {
    case KVM_EXIT_DEBUG: *ret_out = kvm_arm_debug_exit(k); return true;
    case KVM_EXIT_ARM_NISV:
        *ret_out = !kvm_broken(k,
                               "a device at 0x%lx is accessed by an instruction that the processor does not "
                               "describe (syndrome 0x%lx)",
                               (unsigned long)run->arm_nisv.fault_ipa, (unsigned long)run->arm_nisv.esr_iss);
        return true;
    default: return false;
    }
}

/* ---- a trial ---- */

enum { X0 = 0, X1 = 1 };
static uint64_t core_reg(size_t offset)
{
    return KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / sizeof(uint32_t);
}

bool kvm_arch_probe(int vm, int cpu, uint8_t *mem, uint32_t rounds)
{
    static const uint32_t code[] = {
        0xf1000400, /* subs x0, x0, #1 */
        0x54ffffe1, /* b.ne .-4 */
        0xf9000021, /* str x1, [x1]: nothing is there */
    };
    const uint64_t count = rounds, nowhere = 1 << 20, pc = 0;
    struct kvm_vcpu_init init;
    memcpy(mem, code, sizeof(code));
    return fill_target(vm, &init) && !sys_is_err(kvm_ioctl_at(cpu, KVM_ARM_VCPU_INIT, &init)) &&
           kvm_put_one(cpu, core_reg(offsetof(struct kvm_regs, regs.regs[X0])), &count) &&
           kvm_put_one(cpu, core_reg(offsetof(struct kvm_regs, regs.regs[X1])), &nowhere) &&
           kvm_put_one(cpu, core_reg(offsetof(struct kvm_regs, regs.pc)), &pc);
}

/* The processor is what it is: a model is there if it is that one. */
bool kvm_arch_offers(int dev, const char *model, const char *props, Fmt *ret_missing)
{
    const ArmModel wanted = model ? arm_model_find(model) : ARM_MODELS;
    struct kvm_vcpu_init init;
    uint64_t midr = 0;
    if (wanted == ARM_MODELS || wanted == ARM_MODEL_MAX)
        return true;
    long vm = kvm_ioctl(dev, KVM_CREATE_VM, 0),
         cpu = sys_is_err(vm) ? vm : kvm_ioctl((int)vm, KVM_CREATE_VCPU, 0);
    bool known = !sys_is_err(cpu) && fill_target((int)vm, &init) &&
                 !sys_is_err(kvm_ioctl_at((int)cpu, KVM_ARM_VCPU_INIT, &init)) &&
                 kvm_get_one((int)cpu, ARM64_SYS_REG(3, 0, 0, 0, 0), &midr);
    if (!sys_is_err(cpu))
        sys_close((int)cpu);
    if (!sys_is_err(vm))
        sys_close((int)vm);
    if (!known || midr == arm_model_midr(wanted))
        return true;
    fmt_printf(ret_missing, " being one (MIDR 0x%lx); 'host' would do", (unsigned long)midr);
    return false;
}

/* ---- reports ---- */

void kvm_arch_print(KvmCpu *k, Fmt *out)
{
    const ArmMachine *m = (const ArmMachine *)k->cpu;
    if (!kvm_arm_to_cpu(k)) {
        fmt_puts(out, "its registers cannot be read");
        return;
    }
    for (unsigned n = 0; n < ARRAY_SIZE(m->arm.x); n++)
        fmt_printf(out, "x%u %lx%c", n, (unsigned long)m->arm.x[n], n % 4 == 3 ? '\n' : ' ');
    fmt_printf(out, "sp %lx\npc %lx pstate %x esr_el1 %lx far_el1 %lx elr_el1 %lx sctlr_el1 %lx",
               (unsigned long)m->arm.sp, (unsigned long)m->arm.base.pc, arm_pstate_word(m),
               (unsigned long)m->sys.esr[1], (unsigned long)m->sys.far[1], (unsigned long)m->sys.elr[1],
               (unsigned long)m->sys.sctlr[1]);
}
