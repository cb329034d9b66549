/* What a saved state has of a hart: every member of RvCpu behind the common head has a row. */
#include "base/state_rows.h"
#include "target/riscv/rv_csr.h"
#include "target/riscv/rv_sys.h"

#define SAVED(member)  STATE_FIELD(RvCpu, member)
#define ARRAY(member)  STATE_ARRAY(RvCpu, member)
#define SAME(member)   STATE_EQUAL(RvCpu, member)
#define NOT(member)    STATE_NONE(RvCpu, member)
#define CSR(member)    STATE_FIELD(RvCpu, sys.member)
#define CSRS(member)   STATE_ARRAY(RvCpu, sys.member)

static const StateField rows[] = {
    ARRAY(x), ARRAY(f),
    NOT(res_addr), NOT(res_val), /* reservations are lost, as with any exception */
    SAVED(frm), SAME(model), NOT(lr_exclusive),
    NOT(sys.board), SAME(sys.ext), SAME(sys.geilen),
    CSR(priv), CSR(virt), CSR(lines), CSR(soft), CSR(hgeip),
    CSR(mstatus), CSR(medeleg), CSR(mideleg), CSR(mie), CSR(mtvec), CSR(mscratch), CSR(mepc), CSR(mcause),
    CSR(mtval), CSR(mcounteren), CSR(mcountinhibit), CSR(menvcfg), CSR(mtval2), CSR(mtinst), CSR(mseccfg),
    CSR(stvec), CSR(sscratch), CSR(sepc), CSR(scause), CSR(stval), CSR(scounteren), CSR(senvcfg), CSR(satp),
    CSR(stimecmp),
    CSR(hstatus), CSR(hedeleg), CSR(hideleg), CSR(hcounteren), CSR(hgeie), CSR(henvcfg), CSR(htval),
    CSR(htinst), CSR(hgatp), CSR(htimedelta),
    CSR(vsstatus), CSR(vstvec), CSR(vsscratch), CSR(vsepc), CSR(vscause), CSR(vstval), CSR(vsatp),
    CSR(vstimecmp),
    CSR(miselect), CSR(siselect), CSR(vsiselect), CSR(mvien), CSR(mvip), CSR(hvictl), CSR(hviprio1),
    CSR(hviprio2), CSR(sie_virtual),
    CSRS(mstateen), CSRS(hstateen), CSRS(sstateen),
    STATE_WORDS(RvCpu, sys.cycle), STATE_WORDS(RvCpu, sys.instret),
    CSRS(hpmcounter), CSRS(hpmevent), CSRS(pmpaddr), CSRS(pmpcfg),
    NOT(sys.fault_gpa), NOT(sys.fault_pseudo), NOT(sys.fault_gva), NOT(sys.fetching_data),
};

static void stand(Cpu *base, bool stop)
{
    RvSys *s = &((RvCpu *)base)->sys;
    rv_counter_stand(&s->cycle, stop);
    rv_counter_stand(&s->instret, stop);
}

static bool loaded(Cpu *base)
{
    enum { MOST_FRM = 7 };
    RvCpu *cpu = (RvCpu *)base;
    const RvSys *s = &cpu->sys;
    bool level = s->priv == RV_U || s->priv == RV_S || s->priv == RV_M;
    if (!level || s->virt > 1 || (s->virt && (s->priv == RV_M || !rv_has(cpu, RV_HAS_H))) || cpu->x[0] ||
        cpu->frm > MOST_FRM || s->cycle.stopped > 1 << 2 || s->instret.stopped > 1 << 2)
        return false;
    rv_set_fcsr(cpu, rv_fcsr(cpu)); /* base.frm */
    rv_select(cpu);
    return true;
}

const TargetState rv_state = {.rows = rows, .n = ARRAY_SIZE(rows), .stand = stand, .loaded = loaded};
