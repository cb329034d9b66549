/* What hosts have in common whose kernel has all interrupts, and waits for them (arm64, riscv64). */
#include "accel/kvm/kvm_priv.h"

bool kvm_arch_sleeps(KvmCpu *k)
{
    (void)k;
    return false;
}

/* What the kernel has beyond the struct's registers does not move. */
bool kvm_arch_adopt(KvmCpu *k, Fmt *err)
{
    (void)err;
    k->fetched = true;
    return true;
}

bool kvm_arch_chip(KvmVm *vm, unsigned kind, unsigned n, void *state, bool put)
{
    (void)vm, (void)kind, (void)n, (void)state, (void)put;
    return false;
}

bool kvm_arch_fits(int dev, const struct KvmProbe *p, Cpu *cpu, Fmt *why)
{
    (void)dev, (void)p, (void)cpu;
    fmt_puts(why, "hosts of this ISA have no translator");
    return false;
}

/* By the struct's registers, as the engines walk. */
bool kvm_arch_translate(Cpu *cpu, Gva va, uint64_t *ret_pa)
{
    accel_sync(cpu);
    return accel_debug_walk(cpu, va, ret_pa);
}
