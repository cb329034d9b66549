/*
 * A VM and a cpu of an arm64 host: what kvm_arm*.c share. Private to accel/kvm.
 *
 * A cpu's registers go between the kernel (KVM_GET_ONE_REG) and the translator's ArmMachine directly; there
 * is no copy in between. The interrupt controller is the kernel's always: KVM gives guests its timers and
 * GICv3 no other way.
 */
#ifndef ACCEL_KVM_KVM_ARM_H
#define ACCEL_KVM_KVM_ARM_H

#include "accel/kvm/kvm_priv.h"
#include "target/arm/arm_sys.h"

typedef struct KvmArmVm {
    struct kvm_vcpu_init target;  /* what cpus there are, and with which features */
    bool begun;                   /* what follows means something */
    int gic, its;                 /* devices; -1: none */
    unsigned version;             /* of the gic */
    unsigned n_breaks, n_watches; /* debug registers that the processor has */
    uint64_t count;               /* of the virtual timer, while the machine stands */
} KvmArmVm;

typedef struct KvmArmCpu {
    struct kvm_guest_debug debug; /* as the kernel has it */
    uint64_t more_pstate;         /* bits that the struct keeps elsewhere, or not */
} KvmArmCpu;

static inline KvmArmVm *kvm_arm_vm(KvmVm *vm)
{
    return (KvmArmVm *)(void *)vm->arch;
}
static inline KvmArmCpu *kvm_arm_cpu(KvmCpu *k)
{
    return (KvmArmCpu *)(void *)k->arch;
}

/* kvm_arm_regs.c: registers into the struct, and back. False: one is not there, or refused. */
bool kvm_arm_to_cpu(KvmCpu *k);
bool kvm_arm_from_cpu(KvmCpu *k);

/* kvm_arm_gic.c: as at power-on. */
void kvm_arm_gic_reset(KvmVm *vm);
/* kvm_arm_debug.c: before KVM_RUN; KVM_EXIT_DEBUG: true: for the owner, cpu->exit says what. */
void kvm_arm_debug_enter(KvmCpu *k);
bool kvm_arm_debug_exit(KvmCpu *k);

#endif
