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

#endif
