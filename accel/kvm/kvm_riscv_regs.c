/*
 * Between the kernel's registers of a riscv64 cpu and the struct that the translator runs.
 *
 * Both ways cover the same registers. Pending interrupts and the timer stay as the kernel has them.
 * Source: Documentation/virt/kvm/api, "KVM_SET_ONE_REG"; asm/kvm.h, asm/ptrace.h.
 */
#include "accel/kvm/kvm_riscv.h"

#define CSR(name, field)                                                                                     \
    {                                                                                                        \
        KVM_RISCV_REG(CSR, KVM_REG_RISCV_CSR_REG(name)), offsetof(RvCpu, sys.field)                          \
    }
static const struct {
    uint64_t id;
    uint32_t offset; /* in RvCpu */
} rows[] = {
    CSR(stvec, stvec),           CSR(sscratch, sscratch), CSR(sepc, sepc),
    CSR(scause, scause),         CSR(stval, stval),       CSR(satp, satp),
    CSR(scounteren, scounteren), CSR(senvcfg, senvcfg),
};

enum { PC = 0, MODE = KVM_REG_RISCV_CORE_REG(mode) };

/* x1 to x31 have the numbers behind the address; f0 to f31. */
static bool move_alike(KvmCpu *k, bool to_kernel)
{
    RvCpu *c = (RvCpu *)k->cpu;
    bool ok = kvm_move_one(k->fd, KVM_RISCV_REG(CORE, PC), &c->base.pc, to_kernel);
    for (unsigned n = 1; ok && n < ARRAY_SIZE(c->x); n++)
        ok = kvm_move_one(k->fd, KVM_RISCV_REG(CORE, n), &c->x[n], to_kernel);
    for (unsigned n = 0; ok && n < ARRAY_SIZE(c->f); n++)
        ok = kvm_move_one(k->fd, KVM_RISCV_REG(FP_D, n), &c->f[n], to_kernel);
    for (unsigned n = 0; ok && n < ARRAY_SIZE(rows); n++)
        ok = kvm_move_one(k->fd, rows[n].id, (char *)c + rows[n].offset, to_kernel);
    return ok;
}

#define SSTATUS KVM_RISCV_REG(CSR, KVM_REG_RISCV_CSR_REG(sstatus))
#define SIE     KVM_RISCV_REG(CSR, KVM_REG_RISCV_CSR_REG(sie))
#define FCSR    (KVM_REG_RISCV | KVM_REG_SIZE_U32 | KVM_REG_RISCV_FP_D | KVM_REG_RISCV_FP_D_REG(fcsr))

bool kvm_riscv_to_cpu(KvmCpu *k)
{
    RvCpu *c = (RvCpu *)k->cpu;
    uint64_t mode, sstatus, sie;
    uint32_t fcsr;
    if (!move_alike(k, false) || !kvm_get_one(k->fd, KVM_RISCV_REG(CORE, MODE), &mode) ||
        !kvm_get_one(k->fd, SSTATUS, &sstatus) || !kvm_get_one(k->fd, SIE, &sie) ||
        !kvm_get_one(k->fd, FCSR, &fcsr))
        return false;
    c->sys.priv = mode == KVM_RISCV_MODE_S ? RV_S : RV_U;
    c->sys.mstatus = (c->sys.mstatus & ~RV_SSTATUS_READ) | (sstatus & RV_SSTATUS_READ);
    c->sys.mie = (c->sys.mie & ~RV_S_IRQS) | (sie & RV_S_IRQS);
    rv_set_fcsr(c, fcsr);
    rv_select(c);
    return true;
}

bool kvm_riscv_from_cpu(KvmCpu *k)
{
    const RvCpu *c = (const RvCpu *)k->cpu;
    const uint64_t mode = c->sys.priv == RV_U ? KVM_RISCV_MODE_U : KVM_RISCV_MODE_S,
                   sstatus = c->sys.mstatus & RV_SSTATUS_READ, sie = c->sys.mie & RV_S_IRQS;
    const uint32_t fcsr = rv_fcsr(c);
    return move_alike(k, true) && kvm_put_one(k->fd, KVM_RISCV_REG(CORE, MODE), &mode) &&
           kvm_put_one(k->fd, SSTATUS, &sstatus) && kvm_put_one(k->fd, SIE, &sie) &&
           kvm_put_one(k->fd, FCSR, &fcsr);
}
