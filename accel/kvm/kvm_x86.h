/*
 * A VM and a cpu of an x86 host: what kvm_x86*.c share. Private to accel/kvm.
 *
 * A cpu's state in the kernel's own form is a KvmX86State. `fresh` is that of power-on, and never changes;
 * `now` is valid while KvmCpu.fetched, beside X86Machine (kvm_x86_to_cpu()).
 */
#ifndef ACCEL_KVM_KVM_X86_H
#define ACCEL_KVM_KVM_X86_H

#include "accel/kvm/kvm_priv.h"
#include "hw/core/x86_chips.h"

enum { KVM_X86_MOST_MSRS = 512, KVM_X86_MOST_LEAVES = 256, KVM_X86_XSAVE_ROOM = 16384 };

/* The kernel's structs of these names, with room. */
typedef struct KvmX86Msrs { /* kvm_msrs */
    uint32_t n, pad;
    struct kvm_msr_entry entry[KVM_X86_MOST_MSRS];
} KvmX86Msrs;
typedef struct KvmX86MsrList { /* kvm_msr_list */
    uint32_t n, index[KVM_X86_MOST_MSRS];
} KvmX86MsrList;
typedef struct KvmX86Cpuid { /* kvm_cpuid2 */
    uint32_t n, pad;
    struct kvm_cpuid_entry2 leaf[KVM_X86_MOST_LEAVES];
} KvmX86Cpuid;
_Static_assert(offsetof(KvmX86Msrs, entry) == sizeof(struct kvm_msrs) &&
                   offsetof(KvmX86MsrList, index) == sizeof(struct kvm_msr_list) &&
                   offsetof(KvmX86Cpuid, leaf) == sizeof(struct kvm_cpuid2),
               "as in asm/kvm.h");

typedef struct KvmX86State {
    struct kvm_regs regs;
    struct kvm_sregs2 sregs;
    struct kvm_debugregs debugregs;
    struct kvm_vcpu_events events;
    struct kvm_xcrs xcrs;
    struct kvm_mp_state mp_state;
    struct kvm_lapic_state lapic;
    KvmX86Msrs msrs;
    _Alignas(64) char xsave[KVM_X86_XSAVE_ROOM];
} KvmX86State;

enum { KVM_X86_DEBUG_REGISTERS = 4 };
/* An int3 in the guest's memory. */
typedef struct KvmX86Patch {
    Gva pc;
    uint64_t pa;
    uint8_t was;
} KvmX86Patch;

typedef struct KvmX86Vm {
    bool xsave2, sregs2, debugregs, xcrs, triple_fault; /* what the kernel has */
    bool warned;                                        /* of a register that cannot be set */
    bool stood;                                         /* tsc is that of when the machine was stopped */
    bool same_layout;                                   /* of extended state, as the model has it */
    KvmX86MsrList msrs;             /* all that are state; the TSC is the first, its deadline the last */
    uint64_t tsc;                   /* of the first cpu */
    uint64_t tsc_offset, tsc_ahead; /* of the first cpu that was put since, and X86Sys.tsc_adjust of that */
    bool tsc_put;
    struct kvm_irqchip chip[KVM_NR_IRQCHIPS]; /* of power-on, where the kernel has them */
    struct kvm_pit_state2 pit;
    uint64_t clock;              /* ns, while it stands */
    KvmX86Cpuid cpuid;           /* what the host has */
    bool block_irq;              /* no interrupts while stepping */
    unsigned n_patches;
    KvmX86Patch patch[ACCEL_MOST_BREAKS];
} KvmX86Vm;

typedef struct KvmX86Cpu {
    KvmX86State fresh, now;
    struct kvm_guest_debug debug; /* as the kernel has it */
    bool inject_bp;               /* an int3 was the guest's own */
    bool halted;                  /* by hlt, without controllers in the kernel */
    uint64_t cr8;                 /* that it was entered with, likewise */
    KvmX86Cpuid cpuid;
    X86LapicState lapic; /* to be put (accel_cpu_adopt()) */
    bool lapic_waits;
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
bool kvm_x86_get(KvmCpu *k, KvmX86State *ret, KvmPart part);
bool kvm_x86_put(KvmCpu *k, const KvmX86State *s, KvmPart part);
/* kvm_x86_debug.c: before KVM_RUN; KVM_EXIT_DEBUG: true: for the owner, cpu->exit says what. */
void kvm_x86_debug_enter(KvmCpu *k);
bool kvm_x86_debug_exit(KvmCpu *k);
/* kvm_x86_cpuid.c; as_is: the struct says what is shown of a model; else what the host lacks is hidden there.
 * False: refused, or the host lacks something that is shown. */
bool kvm_x86_set_cpuid(KvmCpu *k, bool as_is, Fmt *err);
/* kvm_x86_irq.c: before and after KVM_RUN. */
void kvm_x86_irq_enter(KvmCpu *k);
void kvm_x86_irq_left(KvmCpu *k);
/* kvm_x86_regs.c: `now` into the X86Machine, and back. */
void kvm_x86_to_cpu(KvmCpu *k, KvmPart part);
void kvm_x86_from_cpu(KvmCpu *k, KvmPart part);
/* A register in `now`; NULL: it is not there. */
struct kvm_msr_entry *kvm_x86_msr(KvmX86State *s, uint32_t number);
/* kvm_x86_chips.c: the registers of a local APIC into the kernel's page of them, or from there. */
void kvm_x86_lapic_regs(struct kvm_lapic_state *l, uint32_t reg[X86_LAPIC_REGS], bool put);
/* kvm_x86_move.c: the interrupt or exception that was being delivered to the cpu is pending again, in the
 * kernel. NMIs that wait there wait in the struct. */
bool kvm_x86_take_back(KvmCpu *k);
/* kvm_x86_time.c: the machine stands, or goes on. How far the cpu's TSC is ahead of the machine's time; puts
 * it there. */
void kvm_x86_stand(KvmVm *vm, bool stop);
uint64_t kvm_x86_tsc_ahead(KvmCpu *k);
void kvm_x86_put_tsc(KvmCpu *k);
/* The rate that the struct wants, if the kernel can have it; else the struct gets the kernel's. False: err:
 * it was loaded, and cannot be had. */
bool kvm_x86_set_tsc_rate(KvmCpu *k, bool must, Fmt *err);

#endif
