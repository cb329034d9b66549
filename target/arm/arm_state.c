/* What a saved state has of a cpu, of AArch64 or AArch32: every member of ArmMachine behind the common head
 * has a row. */
#include "base/state_rows.h"
#include "target/arm/a32_priv.h"

#define ARM(member)  STATE_FIELD(ArmMachine, arm.member)
#define SYS(member)  STATE_FIELD(ArmMachine, sys.member)
#define SYSS(member) STATE_ARRAY(ArmMachine, sys.member)
#define SAME(member) STATE_EQUAL(ArmMachine, member)
#define NOT(member)  STATE_NONE(ArmMachine, member)

static const StateField rows[] = {
    STATE_ARRAY(ArmMachine, arm.x), ARM(sp), ARM(fl), ARM(fpcr), ARM(fp_strict), NOT(arm.ldx_exclusive),
    STATE_WORDS(ArmMachine, arm.v), STATE_ARRAY(ArmMachine, arm.qc),
    NOT(arm.excl_addr), NOT(arm.excl_val), NOT(arm.excl_high), /* lost, as with any exception */
    ARM(tpidr), ARM(tpidrro), ARM(tpidr2), STATE_WORDS(ArmMachine, arm.pac_key), ARM(ic_pending),
    SAME(arm.model), ARM(pstate), ARM(q), ARM(ge), ARM(fp_fl), ARM(e), ARM(neon_used),

    NOT(sys.board), SAME(sys.el_max), SAME(sys.hvc_is_psci), SAME(sys.a32), SAME(sys.el2),
    SAME(sys.has_gic_regs), NOT(sys.tags_seen), SYS(start_pc), SYS(start_arg),
    SYS(el), SYS(spsel), SYS(daif), SAME(sys.reset_as_off), SYS(mode), SYS(nrw), SYSS(a32_word), SYSS(sp_el),
    SYSS(elr), SYSS(spsr), SYSS(esr), SYSS(far), SYSS(tpidr), SYSS(sctlr), SYSS(ttbr0), SYSS(ttbr1),
    SYSS(tcr), SYSS(mair), SYSS(amair), SYSS(vbar), SYSS(contextidr), SYSS(afsr0), SYSS(afsr1), SYS(cpacr1),
    SYS(par1),
    SYS(hcr), SYS(vttbr), SYS(vtcr), SYS(hpfar), SYS(mdcr), SYS(cptr), SYS(hstr), SYS(vpidr), SYS(vmpidr),
    SYS(cnthctl), SYSS(spsr32), SYS(dacr32), SYS(ifsr32), SYS(fpexc32),
    SYS(step_armed), SYS(stepping), SYS(step_pc), SYS(fault_ipa),
    SYS(csselr), SYS(mdscr), SYS(oslsr), SYS(osdlr), SYS(cntkctl), SYSS(bvr), SYSS(bcr), SYSS(wvr), SYSS(wcr),
    SYS(pmcr), SYS(pmcnten), SYS(pmuserenr), SYS(pminten), SYS(pmovs), SYS(pmselr), SYS(pmccfiltr),
    SYS(cycles), SYS(cycles_at), SYSS(pmevcntr), SYSS(pmevtyper), SYS(pmu_by_level), SYS(cntvoff),
    STATE_WORDS(ArmMachine, sys.timer),
    NOT(sys.regime), NOT(sys.regime_id), NOT(sys.last_regime), NOT(sys.regime_now), NOT(sys.tlbi_sent),
    SYS(lines), SYS(power),
};

static bool mode_is_possible(const ArmMachine *m)
{
    const ArmSys *s = &m->sys;
    if (s->a32)
        return s->el <= 1 && !s->nrw && a32_is_mode(m, s->mode);
    return s->el <= s->el_max && (!s->nrw || (s->nrw == 1 && s->el == 0 && arm_compat_possible(m)));
}

static bool loaded(Cpu *cpu)
{
    enum { MOST_STRICT = 7, CSSELR_ALL = 15, PMSELR_ALL = 31 };
    ArmMachine *m = (ArmMachine *)cpu;
    const ArmSys *s = &m->sys;
    if (!mode_is_possible(m) || s->spsel > 1 || s->daif & ~(uint32_t)ARM_PSTATE_DAIF ||
        s->power > ARM_POWER_STARTING || m->arm.fp_strict > MOST_STRICT || m->arm.q > 1 || m->arm.e > 1 ||
        m->arm.neon_used > 1 || s->step_armed > 1 || s->stepping > 1 || s->csselr > CSSELR_ALL ||
        s->pmselr > PMSELR_ALL)
        return false;
    arm_set_fpcr(&m->arm, m->arm.fpcr);
    arm_regime_update(m);
    return true;
}

const TargetState arm_state = {.rows = rows, .n = ARRAY_SIZE(rows), .loaded = loaded};
