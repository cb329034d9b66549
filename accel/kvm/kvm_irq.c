/*
 * Interrupts into the kernel's controllers: inputs and messages.
 *
 * Inputs lead to controllers by routes, of which the kernel takes the whole table at once. With a split
 * controller each input of the board's I/O APIC has a route that is the message it sends: from these the
 * kernel knows of which vectors the end is to be told.
 */
#include "accel/kvm/kvm_priv.h"

bool kvm_routes_set(KvmVm *vm)
{
    return !sys_is_err(kvm_ioctl_at(vm->fd, KVM_SET_GSI_ROUTING, &vm->routes));
}

static void to_message(struct kvm_irq_routing_entry *e, unsigned input, uint64_t address, uint32_t data)
{
    *e = (struct kvm_irq_routing_entry){
        .gsi = input,
        .type = KVM_IRQ_ROUTING_MSI,
        .u.msi = {.address_lo = (uint32_t)address, .address_hi = (uint32_t)(address >> 32), .data = data}};
}

void kvm_route_message(KvmVm *vm, unsigned input, uint64_t address, uint32_t data)
{
    struct kvm_irq_routing_entry want;
    to_message(&want, input, address, data);
    lock_take(&vm->routes_lock);
    unsigned n = 0;
    while (n < vm->routes.n && vm->routes.entry[n].gsi != input)
        n++;
    if (n < ARRAY_SIZE(vm->routes.entry) &&
        (n == vm->routes.n || memcmp(&want, &vm->routes.entry[n], sizeof(want)) != 0)) {
        vm->routes.entry[n] = want;
        vm->routes.n = MAX(vm->routes.n, n + 1);
        kvm_routes_set(vm);
    }
    lock_release(&vm->routes_lock);
}

void kvm_irq(Accel *a, unsigned input, bool level)
{
    const struct kvm_irq_level l = {.irq = kvm_arch_irq_number(input), .level = level};
    kvm_ioctl_at(kvm_vm(a)->fd, KVM_IRQ_LINE, &l);
}

void kvm_msi(Accel *a, int input, uint64_t address, uint32_t data, uint32_t requester)
{
    KvmVm *vm = kvm_vm(a);
    const struct kvm_msi m = {.address_lo = (uint32_t)address,
                              .address_hi = (uint32_t)(address >> 32),
                              .data = data,
                              .flags = vm->msi_requester ? KVM_MSI_VALID_DEVID : 0,
                              .devid = vm->msi_requester ? requester : 0};
    if (input >= 0 && vm->irqchip == ACCEL_IRQCHIP_SPLIT)
        kvm_route_message(vm, (unsigned)input, address, data);
    kvm_ioctl_at(vm->fd, KVM_SIGNAL_MSI, &m);
}
