/*
 * Between the kernel's registers of an arm64 cpu and the struct that the translator runs: one row a register.
 *
 * Both ways cover the same registers. What the struct has not (identification, timers, the controller's)
 * stays as the kernel has it: time goes on there while somebody looks. Source: Documentation/virt/kvm/api,
 * "KVM_SET_ONE_REG"; asm/kvm.h.
 */
#include "accel/kvm/kvm_arm.h"

#define CORE(field, bits)                                                                                    \
    (KVM_REG_ARM64 | KVM_REG_SIZE_##bits | KVM_REG_ARM_CORE | KVM_REG_ARM_CORE_REG(field))

/* Of 64 bits; `must`: each processor has it. */
typedef struct Row {
    uint64_t id;
    uint32_t offset; /* in ArmMachine */
    bool must;
} Row;
#define OURS(field) offsetof(ArmMachine, field)
#define SYS(a, b, c, d, e, field)                                                                            \
    {                                                                                                        \
        ARM64_SYS_REG(a, b, c, d, e), OURS(sys.field), true                                                  \
    }
#define OPTION(a, b, c, d, e, field)                                                                         \
    {                                                                                                        \
        ARM64_SYS_REG(a, b, c, d, e), OURS(field), false                                                     \
    }

static const Row rows[] = {
    {CORE(elr_el1, U64), OURS(sys.elr[1]), true},
    {CORE(spsr[KVM_SPSR_EL1], U64), OURS(sys.spsr[1]), true},
    SYS(3, 0, 1, 0, 0, sctlr[1]),
    SYS(3, 0, 1, 0, 2, cpacr1),
    SYS(3, 0, 2, 0, 0, ttbr0[1]),
    SYS(3, 0, 2, 0, 1, ttbr1[1]),
    SYS(3, 0, 2, 0, 2, tcr[1]),
    SYS(3, 0, 5, 1, 0, afsr0[1]),
    SYS(3, 0, 5, 1, 1, afsr1[1]),
    SYS(3, 0, 5, 2, 0, esr[1]),
    SYS(3, 0, 6, 0, 0, far[1]),
    SYS(3, 0, 7, 4, 0, par1),
    SYS(3, 0, 10, 2, 0, mair[1]),
    SYS(3, 0, 10, 3, 0, amair[1]),
    SYS(3, 0, 12, 0, 0, vbar[1]),
    SYS(3, 0, 13, 0, 1, contextidr[1]),
    SYS(3, 0, 13, 0, 4, tpidr[1]),
    SYS(3, 0, 14, 1, 0, cntkctl),
    SYS(3, 2, 0, 0, 0, csselr),
    SYS(2, 0, 0, 2, 2, mdscr),
    {ARM64_SYS_REG(3, 3, 13, 0, 2), OURS(arm.tpidr), true},
    {ARM64_SYS_REG(3, 3, 13, 0, 3), OURS(arm.tpidrro), true},
    OPTION(3, 0, 2, 1, 0, arm.pac_key[ARM_KEY_IA][0]),
    OPTION(3, 0, 2, 1, 1, arm.pac_key[ARM_KEY_IA][1]),
    OPTION(3, 0, 2, 1, 2, arm.pac_key[ARM_KEY_IB][0]),
    OPTION(3, 0, 2, 1, 3, arm.pac_key[ARM_KEY_IB][1]),
    OPTION(3, 0, 2, 2, 0, arm.pac_key[ARM_KEY_DA][0]),
    OPTION(3, 0, 2, 2, 1, arm.pac_key[ARM_KEY_DA][1]),
    OPTION(3, 0, 2, 2, 2, arm.pac_key[ARM_KEY_DB][0]),
    OPTION(3, 0, 2, 2, 3, arm.pac_key[ARM_KEY_DB][1]),
    OPTION(3, 0, 2, 3, 0, arm.pac_key[ARM_KEY_GA][0]),
    OPTION(3, 0, 2, 3, 1, arm.pac_key[ARM_KEY_GA][1]),
};

static bool move_rows(KvmCpu *k, ArmMachine *m, bool to_kernel)
{
    for (unsigned n = 0; n < ARRAY_SIZE(rows); n++)
        if (!kvm_move_one(k->fd, rows[n].id, (char *)m + rows[n].offset, to_kernel) && rows[n].must)
            return false;
    return true;
}

/* Those of the guest's own debugger; what the processor has not is left out. */
static void move_debug(KvmCpu *k, ArmMachine *m, bool to_kernel)
{
    for (unsigned n = 0; n < ARM_BREAKPOINTS; n++) {
        uint64_t *const ours[] = {&m->sys.bvr[n], &m->sys.bcr[n], &m->sys.wvr[n], &m->sys.wcr[n]};
        for (unsigned what = 0; what < ARRAY_SIZE(ours); what++)
            kvm_move_one(k->fd, ARM64_SYS_REG(2, 0, 0, n, 4 + what), ours[what], to_kernel);
    }
}

/* x0 to x30 and v0 to v31 stand in rows of words of 32 bits. */
static bool move_arrays(KvmCpu *k, ArmMachine *m, bool to_kernel)
{
    enum { X_WORDS = 2, V_WORDS = 4 };
    bool ok = true;
    for (unsigned n = 0; ok && n < ARRAY_SIZE(m->arm.x); n++)
        ok = kvm_move_one(k->fd, CORE(regs.regs[0], U64) + n * X_WORDS, &m->arm.x[n], to_kernel);
    for (unsigned n = 0; ok && n < ARRAY_SIZE(m->arm.v); n++)
        ok = kvm_move_one(k->fd, CORE(fp_regs.vregs[0], U128) + n * V_WORDS, m->arm.v[n], to_kernel);
    return ok;
}

static bool move_alike(KvmCpu *k, bool to_kernel)
{
    ArmMachine *m = (ArmMachine *)k->cpu;
    move_debug(k, m, to_kernel);
    return move_arrays(k, m, to_kernel) && move_rows(k, m, to_kernel);
}

bool kvm_arm_to_cpu(KvmCpu *k)
{
    ArmMachine *m = (ArmMachine *)k->cpu;
    ArmSys *s = &m->sys;
    uint64_t pc, pstate, sp[2];
    uint32_t fpcr, fpsr;
    struct kvm_mp_state mp;
    if (!move_alike(k, false) || !kvm_get_one(k->fd, CORE(regs.pc, U64), &pc) ||
        !kvm_get_one(k->fd, CORE(regs.pstate, U64), &pstate) ||
        !kvm_get_one(k->fd, CORE(regs.sp, U64), &sp[0]) || !kvm_get_one(k->fd, CORE(sp_el1, U64), &sp[1]) ||
        !kvm_get_one(k->fd, CORE(fp_regs.fpcr, U32), &fpcr) ||
        !kvm_get_one(k->fd, CORE(fp_regs.fpsr, U32), &fpsr) ||
        sys_is_err(kvm_ioctl_at(k->fd, KVM_GET_MP_STATE, &mp)))
        return false;
    arm_set_state_word(m, (uint32_t)pstate, pc);
    kvm_arm_cpu(k)->more_pstate = pstate & (ARM_PSTATE_SS | ARM_PSTATE_IL);
    memcpy(s->sp_el, sp, sizeof(sp));
    m->arm.sp = sp[s->spsel ? s->el : 0];
    arm_set_fpcr(&m->arm, fpcr);
    arm_set_fpsr(&m->arm, fpsr);
    s->power = mp.mp_state == KVM_MP_STATE_STOPPED ? ARM_POWER_OFF : ARM_POWER_ON;
    arm_regime_update(m);
    return true;
}

bool kvm_arm_from_cpu(KvmCpu *k)
{
    const ArmMachine *m = (const ArmMachine *)k->cpu;
    const ArmSys *s = &m->sys;
    const bool own = s->spsel && s->el; /* the level's own stack pointer is in use */
    const uint64_t pc = s->nrw ? (uint32_t)m->arm.base.pc & ~1u : m->arm.base.pc,
                   pstate = arm_pstate_word(m) | kvm_arm_cpu(k)->more_pstate,
                   sp[2] = {own ? s->sp_el[0] : m->arm.sp, own ? m->arm.sp : s->sp_el[1]};
    const uint32_t fpcr = arm_fpcr(&m->arm), fpsr = arm_fpsr(&m->arm);
    return move_alike(k, true) && kvm_put_one(k->fd, CORE(regs.pc, U64), &pc) &&
           kvm_put_one(k->fd, CORE(regs.pstate, U64), &pstate) &&
           kvm_put_one(k->fd, CORE(regs.sp, U64), &sp[0]) && kvm_put_one(k->fd, CORE(sp_el1, U64), &sp[1]) &&
           kvm_put_one(k->fd, CORE(fp_regs.fpcr, U32), &fpcr) &&
           kvm_put_one(k->fd, CORE(fp_regs.fpsr, U32), &fpsr);
}
