/*
 * Interrupts of controllers that are the board's: the cpu's inputs (X86Input) into the kernel.
 *
 * Split, INTR is the PIC's; without controllers in the kernel it is the local APIC's, too, which then also
 * sends INIT and SIPI and has CR8. Inputs are raised by any thread, followed by accel_wake().
 */
#include "accel/kvm/kvm_x86.h"
#include "target/x86/x86_sys.h"

static X86Sys *sys_of(const KvmCpu *k)
{
    return &((X86Machine *)k->cpu)->sys;
}
static AccelIrqchip chip_of(const KvmCpu *k)
{
    return kvm_vm(k->cpu->accel)->irqchip;
}
static bool is_up(const KvmCpu *k, unsigned input)
{
    return __atomic_load_n(&sys_of(k)->lines, __ATOMIC_ACQUIRE) >> input & 1;
}

static uint64_t board_cr8(const KvmCpu *k, bool write, uint64_t v)
{
    const CpuBoard *b = &sys_of(k)->board;
    if (b->device_reg)
        b->device_reg(b->opaque, b->number, X86_REG_CR8, write, &v);
    return v;
}

/* As far as the cpu can take it now; else KVM_RUN returns when it can. */
static void give_interrupt(KvmCpu *k)
{
    const CpuBoard *b = &sys_of(k)->board;
    bool up = is_up(k, X86_IN_INTR);
    if (up && k->run->ready_for_interrupt_injection) {
        int vector = b->acknowledge ? b->acknowledge(b->opaque, b->number) : -1;
        const struct kvm_interrupt i = {.irq = (uint32_t)vector};
        if (vector >= 0)
            kvm_ioctl_at(k->fd, KVM_INTERRUPT, &i);
        k->run->ready_for_interrupt_injection = 0;
        up = is_up(k, X86_IN_INTR);
    }
    k->run->request_interrupt_window = up;
}

void kvm_x86_irq_enter(KvmCpu *k)
{
    while (is_up(k, X86_IN_NMI)) {
        x86_nmi_taken((X86Machine *)k->cpu);
        kvm_ioctl(k->fd, KVM_NMI, 0);
    }
    if (chip_of(k) == ACCEL_IRQCHIP_BOARD)
        k->run->cr8 = kvm_x86_cpu(k)->cr8 = board_cr8(k, false, 0);
    if (chip_of(k) != ACCEL_IRQCHIP_ENGINE)
        give_interrupt(k);
}

void kvm_x86_irq_left(KvmCpu *k)
{
    if (chip_of(k) == ACCEL_IRQCHIP_BOARD && k->run->cr8 != kvm_x86_cpu(k)->cr8)
        board_cr8(k, true, k->run->cr8);
}

bool kvm_arch_sleeps(KvmCpu *k)
{
    X86Sys *s = sys_of(k);
    if (chip_of(k) != ACCEL_IRQCHIP_BOARD)
        return false;
    while (is_up(k, X86_IN_INIT) || is_up(k, X86_IN_SIPI_BIT)) {
        accel_sync(k->cpu);
        k->cpu->ops->sys->ready(k->cpu);
        kvm_x86_cpu(k)->halted = false;
    }
    if (is_up(k, X86_IN_NMI) || (is_up(k, X86_IN_INTR) && k->run->if_flag))
        kvm_x86_cpu(k)->halted = false;
    return s->waiting || kvm_x86_cpu(k)->halted;
}
