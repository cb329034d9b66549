/*
 * Extensions of a riscv64 host's cpus: by the kernel's names of them, what it has and the device tree can
 * name. Source: asm/kvm.h, KVM_RISCV_ISA_EXT_ID.
 */
#include "accel/kvm/kvm_riscv.h"

/* Those that the translator's cpus have, too. H is not among them: guests of guests have none. */
#define BOTH(X)                                                                                              \
    X(I)                                                                                                     \
    X(M) X(A) X(F) X(D) X(C) X(ZICBOM) X(ZICBOZ) X(ZICNTR) X(ZICOND) X(ZICSR) X(ZIFENCEI) X(ZIHINTNTL)       \
        X(ZIHINTPAUSE) X(ZIHPM) X(ZIMOP) X(ZACAS) X(ZAWRS) X(ZFA) X(ZFH) X(ZFHMIN) X(ZCB) X(ZCMOP) X(ZBA)    \
            X(ZBB) X(ZBC) X(ZBKB) X(ZBKC) X(ZBKX) X(ZBS) X(ZKND) X(ZKNE) X(ZKNH) X(ZKSED) X(ZKSH)            \
                X(SSCOFPMF) X(SSTC) X(SVINVAL) X(SVNAPOT) X(SVPBMT)

static const uint8_t ours[KVM_RISCV_ISA_EXT_MAX] = {
#define ROW(name) [KVM_RISCV_ISA_EXT_##name] = RV_EXT_##name + 1,
    BOTH(ROW)
#undef ROW
};

static bool has(int cpu, unsigned ext)
{
    uint64_t on = 0;
    return kvm_get_one(cpu, KVM_RISCV_REG(ISA_EXT, ext), &on) && on;
}

void kvm_riscv_learn_extensions(KvmCpu *k)
{
    RvCpu *c = (RvCpu *)k->cpu;
    uint64_t all = 0;
    for (unsigned n = 0; n < KVM_RISCV_ISA_EXT_MAX; n++)
        if (ours[n] && has(k->fd, n))
            all |= 1ull << (ours[n] - 1);
    c->sys.ext = all;
}

/* Some cannot be switched off; programs that look at the device tree do not use them. */
void kvm_riscv_tell_extensions(KvmCpu *k)
{
    const RvCpu *c = (const RvCpu *)k->cpu;
    const uint64_t off = 0;
    for (unsigned n = 0; n < KVM_RISCV_ISA_EXT_MAX; n++)
        if (has(k->fd, n) && (!ours[n] || !(c->sys.ext >> (ours[n] - 1) & 1)))
            kvm_put_one(k->fd, KVM_RISCV_REG(ISA_EXT, n), &off);
}
