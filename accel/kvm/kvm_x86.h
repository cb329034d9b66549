/*
 * A VM and a cpu of an x86 host: what kvm_x86*.c share. Private to accel/kvm.
 *
 * A cpu's state in the kernel's own form is a KvmX86State. `fresh` is that of power-on, and never changes;
 * `now` is valid while KvmCpu.fetched, beside X86Cpu (kvm_x86_to_cpu()). RUNTIME is what a debugger may look
 * at and change without an interrupt being lost that arrives meanwhile; ALL is for reset, and loading.
 */
#ifndef ACCEL_KVM_KVM_X86_H
#define ACCEL_KVM_KVM_X86_H

#include "accel/kvm/kvm_priv.h"

enum { KVM_X86_MOST_MSRS = 512, KVM_X86_MOST_LEAVES = 256, KVM_X86_XSAVE_ROOM = 16384 };

typedef enum KvmX86Part { KVM_X86_RUNTIME, KVM_X86_ALL } KvmX86Part;

typedef struct KvmX86State {
    struct kvm_regs regs;
    struct kvm_sregs2 sregs;
    struct kvm_debugregs debugregs;
    struct kvm_vcpu_events events;
    struct kvm_xcrs xcrs;
    struct kvm_mp_state mp_state;
    struct kvm_lapic_state lapic;
    struct kvm_msrs msrs;
    struct kvm_msr_entry msr[KVM_X86_MOST_MSRS]; /* right behind msrs */
    _Alignas(64) char xsave[KVM_X86_XSAVE_ROOM];
} KvmX86State;

typedef struct KvmX86Vm {
    bool xsave2, sregs2, debugregs, xcrs, triple_fault; /* what the kernel has */
    bool warned;                                        /* of a register that cannot be set */
    struct kvm_msr_list msrs;
    uint32_t msr[KVM_X86_MOST_MSRS]; /* right behind msrs */
    struct kvm_cpuid2 cpuid;         /* what the host has */
    struct kvm_cpuid_entry2 leaf[KVM_X86_MOST_LEAVES];
} KvmX86Vm;

typedef struct KvmX86Cpu {
    KvmX86State fresh, now;
    struct kvm_cpuid2 cpuid;
    struct kvm_cpuid_entry2 leaf[KVM_X86_MOST_LEAVES];
} KvmX86Cpu;

static inline KvmX86Vm *kvm_x86_vm(KvmVm *vm)
{
    return (KvmX86Vm *)(void *)vm->arch;
}
static inline KvmX86Cpu *kvm_x86_cpu(KvmCpu *k)
{
    return (KvmX86Cpu *)(void *)k->arch;
}

/* kvm_x86_state.c: from the kernel, and into it. False: it refuses. */
bool kvm_x86_get(KvmCpu *k, KvmX86State *ret, KvmX86Part part);
bool kvm_x86_put(KvmCpu *k, const KvmX86State *s, KvmX86Part part);
/* `now` into the X86Cpu, and back. */
void kvm_x86_to_cpu(KvmCpu *k);
void kvm_x86_from_cpu(KvmCpu *k);

#endif
