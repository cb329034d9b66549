/*
 * A VM and a cpu of a riscv64 host: what kvm_riscv*.c share. Private to accel/kvm.
 *
 * What the kernel calls a guest's supervisor level is level S of the translator's RvCpu, whose machine level
 * is not there: firmware's calls (SBI), the timer and interrupts between cpus are the kernel's. The interrupt
 * controller is the board's, which raises one input of a cpu (accel_cpu_irq()).
 */
#ifndef ACCEL_KVM_KVM_RISCV_H
#define ACCEL_KVM_KVM_RISCV_H

#include "accel/kvm/kvm_priv.h"
#include "target/riscv/rv_sys.h"

#define KVM_RISCV_REG(type, n) (KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_##type | (n))

/* kvm_riscv_regs.c: registers into the struct, and back. False: one is not there, or refused. */
bool kvm_riscv_to_cpu(KvmCpu *k);
bool kvm_riscv_from_cpu(KvmCpu *k);
/* kvm_riscv_ext.c: the struct's extensions become those that the kernel's cpu has and the board does not
 * deny; and the kernel's cpu has those of the struct alone, before it runs. */
void kvm_riscv_learn_extensions(KvmCpu *k);
void kvm_riscv_tell_extensions(KvmCpu *k);

#endif
