/* A virtual machine of its own on /dev/kvm of an arm64 kernel, whose guest does accesses to nothing, waits
 * for the virtual timer's interrupt through a virtual GIC (version 3, or 2 where that is what there is),
 * counts, and switches itself off by PSCI. Prints what came of each, and KVM-GUEST-OK. The guest's program is
 * in kvm_guest_arm64.S. Kernel interface: Documentation/virt/kvm. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

extern const char guest_code[], guest_code_end[];

enum {
    RAM = 0x40000000,
    RAM_BYTES = 2 << 20,
    NOTHING = 0x10000000,
    DIST = 0x08000000,
    REDIST = 0x080a0000,
    CPU_INTERFACE = 0x08010000
};

static void fail(const char *what)
{
    printf("KVM-FAILED %s: %s\n", what, strerror(errno));
    exit(1);
}

static int must(int result, const char *what)
{
    if (result < 0)
        fail(what);
    return result;
}

static void gic_attr(int gic, uint32_t group, uint64_t attr, void *value)
{
    struct kvm_device_attr a = {.group = group, .attr = attr, .addr = (uintptr_t)value};
    must(ioctl(gic, KVM_SET_DEVICE_ATTR, &a), "KVM_SET_DEVICE_ATTR");
}

static void set_reg(int vcpu, size_t offset, uint64_t v)
{
    struct kvm_one_reg r = {.id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / 4,
                            .addr = (uintptr_t)&v};
    must(ioctl(vcpu, KVM_SET_ONE_REG, &r), "KVM_SET_ONE_REG");
}

/* Stores are printed; a load gets what was stored last, and seven. */
static void mmio(struct kvm_run *run, uint64_t *last)
{
    if (run->mmio.is_write) {
        *last = 0;
        memcpy(last, run->mmio.data, run->mmio.len);
        printf("guest: %llx bytes %u value %llx\n", run->mmio.phys_addr, run->mmio.len,
               (unsigned long long)*last);
    } else {
        uint64_t v = *last + 7;
        memcpy(run->mmio.data, &v, run->mmio.len);
    }
}

/* Its version. */
static unsigned make_gic(int vm, int *ret_fd)
{
    struct kvm_create_device device = {.type = KVM_DEV_TYPE_ARM_VGIC_V3};
    bool v3 = ioctl(vm, KVM_CREATE_DEVICE, &device) == 0;
    device.type = KVM_DEV_TYPE_ARM_VGIC_V2;
    if (!v3)
        must(ioctl(vm, KVM_CREATE_DEVICE, &device), "KVM_CREATE_DEVICE");
    uint64_t dist = DIST, second = v3 ? REDIST : CPU_INTERFACE;
    gic_attr(device.fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
             v3 ? KVM_VGIC_V3_ADDR_TYPE_DIST : KVM_VGIC_V2_ADDR_TYPE_DIST, &dist);
    gic_attr(device.fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
             v3 ? KVM_VGIC_V3_ADDR_TYPE_REDIST : KVM_VGIC_V2_ADDR_TYPE_CPU, &second);
    *ret_fd = device.fd;
    return v3 ? 3 : 2;
}

int main(void)
{
    int kvm = must(open("/dev/kvm", O_RDWR), "/dev/kvm");
    int vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    char *ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region region = {
        .guest_phys_addr = RAM, .memory_size = RAM_BYTES, .userspace_addr = (uintptr_t)ram};
    memcpy(ram, guest_code, (size_t)(guest_code_end - guest_code));
    must(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region), "memory");

    int vcpu = must(ioctl(vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    int gic;
    unsigned version = make_gic(vm, &gic);

    struct kvm_vcpu_init init;
    must(ioctl(vm, KVM_ARM_PREFERRED_TARGET, &init), "KVM_ARM_PREFERRED_TARGET");
    init.features[0] = 1 << KVM_ARM_VCPU_PSCI_0_2;
    must(ioctl(vcpu, KVM_ARM_VCPU_INIT, &init), "KVM_ARM_VCPU_INIT");
    gic_attr(gic, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL);
    set_reg(vcpu, offsetof(struct kvm_regs, regs.pc), RAM);
    set_reg(vcpu, offsetof(struct kvm_regs, regs.regs[24]), version);

    int bytes = must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");
    struct kvm_run *run = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    uint64_t last = 0;
    for (;;) {
        if (ioctl(vcpu, KVM_RUN, 0) < 0 && errno != EINTR && errno != EAGAIN)
            fail("KVM_RUN");
        if (run->exit_reason == KVM_EXIT_MMIO)
            mmio(run, &last);
        else if (run->exit_reason == KVM_EXIT_SYSTEM_EVENT)
            break;
        else if (run->exit_reason != KVM_EXIT_INTR) {
            printf("KVM-FAILED exit %u\n", run->exit_reason);
            return 1;
        }
    }
    printf("virtual GIC %u\n", version);
    printf("KVM-GUEST-%s event %u\n", last == 0x600d ? "OK" : "BAD", run->system_event.type);
    return 0;
}
