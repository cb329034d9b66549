/*
 * The engine "kvm": a machine's cpus are run by the host's processor, through Linux's /dev/kvm.
 *
 * accel.h is the way to use it, with AccelConfig.engine = &accel_engine_kvm. Here stands what only the owner
 * of a machine asks: whether there is a KVM worth the name. Threads: any. Source: the kernel's
 * Documentation/virt/kvm/api, linux/kvm.h and asm/kvm.h.
 */
#ifndef ACCEL_KVM_KVM_H
#define ACCEL_KVM_KVM_H

#include "accel/accel.h"

extern const struct AccelOps accel_engine_kvm;

typedef struct KvmProbe {
    bool same_isa;       /* the guest is of the host's kind */
    bool usable;         /* and machines can be made */
    bool fast;           /* and run at hardware speed, not by a program that interprets them */
    uint64_t per_second; /* guest instructions; 0: not tried */
    uint32_t tsc_khz;    /* x86: the rate of a guest's TSC, unless it is set; 0: not known */
    bool tsc_scales;     /* it can be set */
    char why[400];       /* one line: what is not so, or that it is fast */
} KvmProbe;

bool kvm_runs(const TargetOps *ops); /* guests of this kind, if there is one */
/* Tries a small machine for some milliseconds. model: of the cpus; NULL: the host's own. props: what was said
 * of its features, as AccelConfig.cpu_props. */
void kvm_probe(const TargetOps *ops, const char *model, const char *props, KvmProbe *ret);

/* Would a machine with this cpu run in the translator and in the KVM that was probed, and never see which it
 * is? False: why says what is in the way. */
bool kvm_fits(const KvmProbe *p, Cpu *cpu, Fmt *why);

#endif
