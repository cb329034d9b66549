/* What hosts have in common whose kernel has all interrupts, and waits for them (arm64, riscv64). */
#include "accel/kvm/kvm_priv.h"

bool kvm_arch_sleeps(KvmCpu *k)
{
    (void)k;
    return false;
}

/* By the struct's registers, as the engines walk. */
bool kvm_arch_translate(Cpu *cpu, Gva va, uint64_t *ret_pa)
{
    accel_sync(cpu);
    return accel_debug_walk(cpu, va, ret_pa);
}
