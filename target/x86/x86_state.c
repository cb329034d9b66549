/* What a saved state has of a cpu: every member of X86Machine behind the common head has a row. */
#include "base/state_rows.h"
#include "target/x86/x86_sys.h"

#define X86(member)  STATE_FIELD(X86Machine, x86.member)
#define SYS(member)  STATE_FIELD(X86Machine, sys.member)
#define SYSS(member) STATE_ARRAY(X86Machine, sys.member)
#define SEG(member)  STATE_WORDS(X86Machine, sys.member)
#define NOT(member)  STATE_NONE(X86Machine, member)

static const StateField rows[] = {
    STATE_ARRAY(X86Machine, x86.gpr),
    X86(fl),
    X86(df),
    X86(fs_base),
    X86(gs_base),
    STATE_WORDS(X86Machine, x86.zmm),
    NOT(x86.scratch),
    STATE_ARRAY(X86Machine, x86.k),
    STATE_WORDS(X86Machine, x86.fpu.st),
    X86(fpu.cw),
    X86(fpu.sw),
    X86(fpu.fop),
    X86(fpu.empty),
    NOT(x86.fpu.pad),
    X86(fpu.fip),
    X86(fpu.fdp),
    X86(more_flags),
    X86(mxcsr_masks),
    X86(fp_modes),
    STATE_ARRAY(X86Machine, x86.seg),
    STATE_EQUAL(X86Machine, x86.model),
    STATE_EQUAL(X86Machine, x86.differs[0]),
    STATE_EQUAL(X86Machine, x86.differs[1]),
    NOT(x86.tls),
    NOT(x86.ldt),
    X86(zmm_used),
    NOT(x86.code32),
    NOT(x86.odd_segs),
    NOT(x86.cs_base),
    NOT(x86.cs_limit),
    NOT(x86.store_in_c),
    X86(ff_before),
    NOT(x86.x87_in_c),

    NOT(sys.board),
    SEG(seg),
    SEG(ldt),
    SEG(tr),
    SYS(ldt_sel),
    SYS(tr_sel),
    SYS(gdt_base),
    SYS(idt_base),
    SYS(gdt_limit),
    SYS(idt_limit),
    SYS(cr0),
    SYS(cr2),
    SYS(cr3),
    SYS(cr4),
    SYS(efer),
    SYS(xcr0),
    SYSS(pdpte),
    SYSS(dr),
    SYS(star),
    SYS(lstar),
    SYS(cstar),
    SYS(fmask),
    SYS(kernel_gs_base),
    SYS(sysenter_cs),
    SYS(sysenter_esp),
    SYS(sysenter_eip),
    SYS(tsc_adjust),
    SYS(tsc_aux),
    SYS(pat),
    SYS(misc_enable),
    SYS(mtrr_def),
    SYS(mcg_status),
    SYS(spec_ctrl),
    SYSS(mtrr),
    SYSS(mtrr_fixed),
    SYS(mcg_ctl),
    SYSS(mc),
    SYS(pv_clock),
    SYS(pv_wall),
    SYS(pkru),
    NOT(sys.keys_seen),
    SYS(cpl),
    SYS(lines),
    SYS(sipi),
    SYS(waiting),
    SYS(smbase),
    SYS(in_smm),
    SYS(in_nmi),
    SYS(trapping),
    SYS(watch_hit),
    NOT(sys.model_chosen),
    SYSS(hidden),
    SYS(tsc_khz),
    SYS(n_others),
    SYSS(other),
    SYSS(other_value),
    SYS(shadow_pc),
    SYS(trap_shadow),
    SYS(svm.vm_cr),
    SYS(svm.hsave),
    SYS(svm.tsc_ratio),
    SYS(svm.vmcb),
    SYS(svm.io_map),
    SYS(svm.msr_map),
    SYS(svm.ncr3),
    SYS(svm.tsc_offset),
    SYS(svm.v_intr),
    SEG(svm.host),
    SYSS(svm.intercept),
    SYS(svm.asid),
    SYS(svm.guest),
    SYS(svm.nested),
    SYS(svm.no_gif),
    SYS(svm.smm_guest),
    SYS(svm.pauses),
    SYS(svm.pause_filter),
    SYS(svm.pause_gap),
    SYS(svm.paused_ns),
    NOT(sys.svm.exit),
};

/* Values that would be handed to the host, or are taken for small numbers. */
static bool loaded(Cpu *cpu)
{
    enum { MOST_CPL = 3, MOST_SIPI = 255, LEAST_KHZ = 1000, MOST_KHZ = 100000000 };
    enum { DENORM_AND_FLUSH = X86_MXCSR_DAZ | X86_MXCSR_FZ };
    X86Machine *m = x86_machine(cpu);
    const X86Sys *s = &m->sys;
    if (s->cpl > MOST_CPL || s->sipi > MOST_SIPI || s->in_smm > 1 || m->x86.df > 1 || m->x86.zmm_used > 1 ||
        m->x86.mxcsr_masks & ~(uint32_t)X86_MXCSR_MASKS || m->x86.fp_modes & ~(uint32_t)DENORM_AND_FLUSH ||
        s->svm.guest > 1 || s->svm.nested > 1 || s->svm.smm_guest > 1 || s->svm.asid >= SVM_ASIDS ||
        s->n_others > X86_MOST_OTHERS || (s->tsc_khz && (s->tsc_khz < LEAST_KHZ || s->tsc_khz > MOST_KHZ)) ||
        s->xcr0 & ~x86_xcr0_known(m) || !(s->xcr0 & X86_XC_X87))
        return false;
    x86_select(m);
    x86_pv_show_clock(m);
    return true;
}

/* Of registers that only KVM has those do not matter whose writes the translator ignores, or which follow
 * from others. */
static bool translates(const Cpu *cpu, Fmt *err)
{
    enum { TSC_ADJUST = 0x3b, MICROCODE = 0x8b };
    const X86Sys *s = &((const X86Machine *)cpu)->sys;
    for (unsigned n = 0; n < s->n_others; n++) {
        if (s->other[n] == TSC_ADJUST || s->other[n] == MICROCODE || x86_msr_ignored(s->other[n]))
            continue;
        fmt_printf(err, "the guest uses a register that the translator lacks: MSR 0x%x", s->other[n]);
        return false;
    }
    return true;
}

const TargetState x86_state = {
    .rows = rows, .n = ARRAY_SIZE(rows), .loaded = loaded, .translates = translates};
