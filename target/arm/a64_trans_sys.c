/* Arm ARM: hints, barriers, PSTATE fields, system registers and system instructions that EL0 can use; what
 * Linux emulates for it (Documentation/arch/arm64/cpu-feature-registers.rst); floating-point control and
 * status.
 *
 * Instruction memory: IC IVAU is remembered, and the DSB or ISB that follows leaves the region with FENCE_I;
 * code of before is compared with memory then. ISB alone brings this cpu out of its region, so that it sees
 * what others have invalidated. */
#include "target/arm/a64_trans.h"

typedef enum A64SysReg {
#define SYSREG(id, name, op0, op1, crn, crm, op2, feat) SYSREG_##id = A64_SYSREG(op0, op1, crn, crm, op2),
#include "target/arm/a64_sysregs.def"
#undef SYSREG
} A64SysReg;

void a64_trans_nop(Trans *t, const A64Args *a) {}

/* Barriers. Option bits 1..0: 1 loads before everything, 2 stores before stores, else all; domains are
 * one. */
static void barrier(Trans *t, unsigned option)
{
    static const uint8_t mask[4] = {IR_FENCE_RR | IR_FENCE_RW | IR_FENCE_WR | IR_FENCE_WW,
                                    IR_FENCE_RR | IR_FENCE_RW, IR_FENCE_WW,
                                    IR_FENCE_RR | IR_FENCE_RW | IR_FENCE_WR | IR_FENCE_WW};

    if (t->ctx & CTX_PARALLEL)
        ir_fence(t->b, mask[option & 3]);
}

static void fence_i_if_pending(Trans *t)
{
    IrBuilder *b = t->b;

    if (a64_sys(t)) /* stores drop code at once */
        return;
    IrVal pending = ir_cmp(b, IR_NE, ir_get(b, ARM_SLOT_IC_PENDING), ir_const(b, IR_I32, 0));
    ir_put(b, ARM_SLOT_IC_PENDING, ir_const(b, IR_I32, 0));
    ir_exit_if(b, pending, ir_exit_raise(b, t->next, CPU_EXIT_FENCE_I), false);
}

void a64_trans_dmb(Trans *t, const A64Args *a) { barrier(t, (unsigned)a->imm); }
void a64_trans_dsb(Trans *t, const A64Args *a)
{
    barrier(t, (unsigned)a->imm);
    if (a64_sys(t))
        a64_dsb_machine(t);
    else
        fence_i_if_pending(t);
}
void a64_trans_isb(Trans *t, const A64Args *a)
{
    if (a64_sys(t)) {
        a64_isb_machine(t);
        return;
    }
    fence_i_if_pending(t);
    t->flow.kind = FLOW_LEAVE;
    t->flow.code = CPU_EXIT_CTX;
}
void a64_trans_sb(Trans *t, const A64Args *a) {}

void a64_trans_clrex(Trans *t, const A64Args *a)
{
    ir_put(t->b, ARM_SLOT_EXCL_ADDR, a64_imm(t, (int64_t)ARM_NO_RESERVATION));
}

/* Fields of PSTATE beside NZCV */
static void set_pstate(Trans *t, uint32_t bit, IrVal set)
{
    IrBuilder *b = t->b;
    IrVal rest = ir_and(b, IR_I32, ir_get(b, ARM_SLOT_PSTATE), ir_const(b, IR_I32, ~(int64_t)bit));
    IrVal on = ir_select(b, set, ir_const(b, IR_I32, bit), ir_const(b, IR_I32, 0));

    ir_put(b, ARM_SLOT_PSTATE, ir_or(b, IR_I32, rest, on));
}

static uint32_t pstate_bit(unsigned reg)
{
    return reg == SYSREG_DIT ? ARM_PSTATE_DIT : reg == SYSREG_SSBS ? ARM_PSTATE_SSBS : ARM_PSTATE_TCO;
}

void a64_trans_msr_pstate(Trans *t, const A64Args *a)
{
    unsigned op2 = a->bits >> 5 & 7;
    uint32_t bit = op2 == 1 ? ARM_PSTATE_SSBS : op2 == 2 ? ARM_PSTATE_DIT : ARM_PSTATE_TCO;

    set_pstate(t, bit, ir_const(t->b, IR_I1, a->imm & 1));
}

/* FPCR and FPSR */
/* Written rounding mode: the region goes on. Any other change of FPCR is a change of context. */
static void write_fpcr(Trans *t, IrVal v)
{
    IrBuilder *b = t->b;
    IrVal old = ir_get(b, ARM_SLOT_FPCR);
    IrVal new = ir_and(b, IR_I32, ir_trunc(b, IR_I32, v), ir_const(b, IR_I32, ARM_FPCR_MASK));
    IrVal mode = ir_and(b, IR_I32, ir_shr(b, IR_I32, new, ir_const(b, IR_I32, 22)), ir_const(b, IR_I32, 3));
    /* 0 nearest, 1 up, 2 down, 3 zero: IrRound 0, 3, 2, 1 */
    IrVal round = ir_and(b, IR_I32, ir_neg(b, IR_I32, mode), ir_const(b, IR_I32, 3));
    IrVal changed =
        ir_and(b, IR_I32, ir_xor(b, IR_I32, old, new), ir_const(b, IR_I32, (int32_t) ~(3u << 22)));

    ir_put(b, ARM_SLOT_FPCR, new);
    ir_frmput(b, round);
    ir_exit_if(b, ir_cmp(b, IR_NE, changed, ir_const(b, IR_I32, 0)), ir_exit_raise(b, t->next, CPU_EXIT_CTX),
               false);
}
_Static_assert(IR_RNE == 0 && IR_RTZ == 1 && IR_RDN == 2 && IR_RUP == 3, "order of IrRound");

static void touch_fpsr(Trans *t)
{
    arm_touch_fpsr(t, a64_sys(t) ? a64_el(t) : 0, ARM_SLOT_FP_STRICT);
}

/* Bits 4..0 of FPSR are IXC UFC OFC DZC IOC, bit 7 is IDC; IR_FF_* has it between the last two. */
_Static_assert(IR_FF_INVALID == 1 && IR_FF_DENORM == 2 && IR_FF_DIVZERO == 4 && IR_FF_OVERFLOW == 8 &&
                   IR_FF_UNDERFLOW == 16 && IR_FF_INEXACT == 32,
               "order of IR_FF_*");

static IrVal read_fpsr(Trans *t)
{
    IrBuilder *b = t->b;
    IrVal ff = ir_ffget(b);
    IrVal high = ir_and(b, IR_I32, ir_shr(b, IR_I32, ff, ir_const(b, IR_I32, 1)), ir_const(b, IR_I32, 0x1e));
    IrVal low = ir_and(b, IR_I32, ff, ir_const(b, IR_I32, 1));
    IrVal idc = ir_shl(b, IR_I32, ir_and(b, IR_I32, ff, ir_const(b, IR_I32, 2)), ir_const(b, IR_I32, 6));
    IrVal qc = ir_get(b, ARM_SLOT_QC);
    IrVal qc_low = ir_vget(b, IR_I64, IR_LANE_64, IR_VA_N(0), qc),
          qc_high = ir_vget(b, IR_I64, IR_LANE_64, IR_VA_N(1), qc);
    IrVal saturated = ir_cmp(b, IR_NE, ir_or(b, IR_I64, qc_low, qc_high), a64_imm(t, 0));

    touch_fpsr(t);
    saturated = ir_shl(b, IR_I32, ir_zext(b, IR_I32, saturated), ir_const(b, IR_I32, 27));
    IrVal v = ir_or(b, IR_I32, ir_or(b, IR_I32, ir_or(b, IR_I32, high, low), idc), saturated);
    return a64_sys(t) ? ir_or(b, IR_I32, v, a64_fp_nzcv(t)) : v;
}

static void write_fpsr(Trans *t, IrVal v)
{
    IrBuilder *b = t->b;
    IrVal w = ir_trunc(b, IR_I32, v);
    IrVal high = ir_shl(b, IR_I32, ir_and(b, IR_I32, w, ir_const(b, IR_I32, 0x1e)), ir_const(b, IR_I32, 1));
    IrVal low = ir_and(b, IR_I32, w, ir_const(b, IR_I32, 1));
    IrVal idc = ir_and(b, IR_I32, ir_shr(b, IR_I32, w, ir_const(b, IR_I32, 6)), ir_const(b, IR_I32, 2));

    touch_fpsr(t);
    ir_put(b, ARM_SLOT_QC, ir_vzext(b, IR_V128, ir_and(b, IR_I32, w, ir_const(b, IR_I32, ARM_FPSR_QC))));
    if (a64_sys(t))
        a64_put_fp_nzcv(t, w);
    ir_ffput(b, ir_or(b, IR_I32, ir_or(b, IR_I32, high, low), idc));
}

/* Random numbers: NZCV = 0000, or 0100 and a value of 0 when there is none. */
static IrVal random_number(Trans *t)
{
    IrBuilder *b = t->b;
    IrVal v = ir_call(b, ARM_HELPER_random, NULL, 0);
    IrVal none = ir_cmp(b, IR_EQ, v, a64_imm(t, 0));

    ir_put(b, ARM_SLOT_FL, ir_select(b, none, ir_const(b, IR_FL, IR_FL_Z), ir_const(b, IR_FL, 0)));
    return v;
}

/* Feature of a register that has a name; ARM_FEATS: it has none. */
static ArmFeat sysreg_feat(unsigned reg)
{
    switch (reg) {
#define SYSREG(id, name, op0, op1, crn, crm, op2, feat) case SYSREG_##id: return ARM_FEAT_##feat;
#include "target/arm/a64_sysregs.def"
#undef SYSREG
    default: return ARM_FEATS;
    }
}

/* Identification registers: op0 = 3, op1 = 0, CRn = 0. CRm 2..7 without a name read as zero. */
static bool read_id(Trans *t, unsigned reg, uint64_t *ret_value)
{
    ArmModel model = arm_model(t);

    *ret_value = 0;
    switch (reg) {
    case SYSREG_MIDR: *ret_value = arm_model_midr(model); return true;
    case SYSREG_MPIDR: *ret_value = 1u << 31; return true;
    case SYSREG_PMUSERENR: /* no access to performance counters */
    case SYSREG_REVIDR: return true;
    case SYSREG_PFR0: *ret_value = arm_id_value(model, ARM_ID_AA64PFR0); return true;
    case SYSREG_PFR1: *ret_value = arm_id_value(model, ARM_ID_AA64PFR1); return true;
    case SYSREG_ISAR0: *ret_value = arm_id_value(model, ARM_ID_AA64ISAR0); return true;
    case SYSREG_ISAR1: *ret_value = arm_id_value(model, ARM_ID_AA64ISAR1); return true;
    case SYSREG_ISAR2: *ret_value = arm_id_value(model, ARM_ID_AA64ISAR2); return true;
    case SYSREG_MMFR0: *ret_value = arm_id_value(model, ARM_ID_AA64MMFR0); return true;
    case SYSREG_MMFR1: *ret_value = arm_id_value(model, ARM_ID_AA64MMFR1); return true;
    case SYSREG_MMFR2: *ret_value = arm_id_value(model, ARM_ID_AA64MMFR2); return true;
    case SYSREG_CTR: *ret_value = ARM_CTR_EL0; return true;
    case SYSREG_DCZID: *ret_value = ARM_DCZID_EL0; return true;
    case SYSREG_CNTFRQ: *ret_value = ARM_CNTFRQ; return true;
    default: return reg >> 7 == (3 << 7) && (reg >> 3 & 15) >= 2 && (reg >> 3 & 15) <= 7;
    }
}

/* IR_NONE: undefined at EL0. */
static IrVal read_sysreg(Trans *t, unsigned reg)
{
    IrBuilder *b = t->b;
    ArmFeat feat = sysreg_feat(reg);
    uint64_t value;

    if (feat != ARM_FEATS && !arm_has(t, feat))
        return IR_NONE;
    if (read_id(t, reg, &value))
        return a64_imm(t, (int64_t)value);
    switch (reg) {
    case SYSREG_NZCV: return a64_read_nzcv(t);
    case SYSREG_FPCR: return ir_zext(b, IR_I64, ir_get(b, ARM_SLOT_FPCR));
    case SYSREG_FPSR: return ir_zext(b, IR_I64, read_fpsr(t));
    case SYSREG_DIT:
    case SYSREG_SSBS:
    case SYSREG_TCO:
        return ir_and(b, IR_I64, ir_zext(b, IR_I64, ir_get(b, ARM_SLOT_PSTATE)), a64_imm(t, pstate_bit(reg)));
    case SYSREG_RNDR:
    case SYSREG_RNDRRS: return random_number(t);
    case SYSREG_TPIDR: return ir_get(b, ARM_SLOT_TPIDR);
    case SYSREG_TPIDRRO: return ir_get(b, ARM_SLOT_TPIDRRO);
    case SYSREG_CNTVCT:
    case SYSREG_CNTVCTSS: return ir_call(b, ARM_HELPER_cntvct, NULL, 0);
    default: return IR_NONE;
    }
}

void a64_trans_mrs(Trans *t, const A64Args *a)
{
    IrVal v;

    if (a64_sys(t) && a64_mrs_machine(t, a))
        return;
    v = read_sysreg(t, (unsigned)a->imm);
    if (v)
        a64_put_x(t, a->rd, v);
    else
        a64_illegal(t);
}

void a64_trans_msr(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    unsigned reg = (unsigned)a->imm;
    ArmFeat feat = sysreg_feat(reg);
    IrVal v;

    if (a64_sys(t) && a64_msr_machine(t, a))
        return;
    if (feat == ARM_FEATS || !arm_has(t, feat)) {
        a64_illegal(t);
        return;
    }
    v = a64_x(t, a->rd);
    switch (reg) {
    case SYSREG_NZCV: a64_write_nzcv(t, v); break;
    case SYSREG_FPCR: write_fpcr(t, v); break;
    case SYSREG_FPSR: write_fpsr(t, v); break;
    case SYSREG_TPIDR: ir_put(b, ARM_SLOT_TPIDR, v); break;
    case SYSREG_DIT:
    case SYSREG_SSBS:
    case SYSREG_TCO:
        v = ir_and(b, IR_I64, v, a64_imm(t, pstate_bit(reg)));
        set_pstate(t, pstate_bit(reg), ir_cmp(b, IR_NE, v, a64_imm(t, 0)));
        break;
    default: a64_illegal(t);
    }
}

/* System instructions: caches and prediction */
#define SYS_OP(op1, crn, crm, op2) A64_SYSREG(1, op1, crn, crm, op2)
enum {
    SYS_IC_IVAU = SYS_OP(3, 7, 5, 1),
    SYS_DC_ZVA = SYS_OP(3, 7, 4, 1),
    SYS_DC_GVA = SYS_OP(3, 7, 4, 3),
    SYS_DC_GZVA = SYS_OP(3, 7, 4, 4),
    SYS_DC_CVAC = SYS_OP(3, 7, 10, 1),
    SYS_DC_CGVAC = SYS_OP(3, 7, 10, 3),
    SYS_DC_CGDVAC = SYS_OP(3, 7, 10, 5),
    SYS_DC_CVAU = SYS_OP(3, 7, 11, 1),
    SYS_DC_CVAP = SYS_OP(3, 7, 12, 1),
    SYS_DC_CGVAP = SYS_OP(3, 7, 12, 3),
    SYS_DC_CGDVAP = SYS_OP(3, 7, 12, 5),
    SYS_DC_CVADP = SYS_OP(3, 7, 13, 1),
    SYS_DC_CGVADP = SYS_OP(3, 7, 13, 3),
    SYS_DC_CGDVADP = SYS_OP(3, 7, 13, 5),
    SYS_DC_CIVAC = SYS_OP(3, 7, 14, 1),
    SYS_DC_CIGVAC = SYS_OP(3, 7, 14, 3),
    SYS_DC_CIGDVAC = SYS_OP(3, 7, 14, 5),
    SYS_CFP_RCTX = SYS_OP(3, 7, 3, 4),
    SYS_DVP_RCTX = SYS_OP(3, 7, 3, 5),
    SYS_CPP_RCTX = SYS_OP(3, 7, 3, 7),
};

static ArmFeat sys_feat(unsigned op)
{
    switch (op) {
    case SYS_IC_IVAU:
    case SYS_DC_ZVA:
    case SYS_DC_CVAC:
    case SYS_DC_CVAU:
    case SYS_DC_CIVAC: return ARM_FEAT_BASE;
    case SYS_DC_CVAP: return ARM_FEAT_DPB;
    case SYS_DC_CVADP: return ARM_FEAT_DPB2;
    case SYS_CFP_RCTX:
    case SYS_DVP_RCTX:
    case SYS_CPP_RCTX: return ARM_FEAT_SPECRES;
    case SYS_DC_GVA:
    case SYS_DC_GZVA:
    case SYS_DC_CGVAC:
    case SYS_DC_CGDVAC:
    case SYS_DC_CGVAP:
    case SYS_DC_CGDVAP:
    case SYS_DC_CGVADP:
    case SYS_DC_CGDVADP:
    case SYS_DC_CIGVAC:
    case SYS_DC_CIGDVAC: return ARM_FEAT_MTE;
    default: return ARM_FEATS;
    }
}

/* Device memory takes no part of it; where stage 1 is off C has to see that. */
static void zero_block(Trans *t, IrVal addr)
{
    IrMem mem = a64_mem(t, 3);

    if (a64_sys(t)) {
        mem.order = IR_BLOCK;
        mem.bswap = (t->ctx & ARM_CTX_ALIGN64) != 0; /* not in line; of zeros all orders are one */
    }
    ir_st(t->b, a64_imm(t, 0), addr, 0, mem);
    for (int32_t at = 8; at < ARM_ZVA_BYTES; at += 8)
        ir_st(t->b, a64_imm(t, 0), addr, at, a64_mem(t, 3));
}

void a64_trans_sys(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    unsigned op = (unsigned)a->imm & 0xffff;
    ArmFeat feat = sys_feat(op);
    IrVal v;

    if (a64_sys(t) && a64_sys_machine(t, a))
        return;
    if (feat == ARM_FEATS || !arm_has(t, feat)) {
        a64_illegal(t);
        return;
    }
    v = a64_x(t, a->rd);
    switch (op) {
    case SYS_IC_IVAU: ir_put(b, ARM_SLOT_IC_PENDING, ir_const(b, IR_I32, 1)); break;
    case SYS_DC_ZVA:
    case SYS_DC_GZVA: zero_block(t, ir_and(b, IR_I64, v, a64_imm(t, -ARM_ZVA_BYTES))); break;
    case SYS_DC_GVA: /* tags alone */
    case SYS_CFP_RCTX:
    case SYS_DVP_RCTX:
    case SYS_CPP_RCTX: break;
    default: ir_ld(b, IR_I64, v, 0, a64_mem(t, 0)); /* cleaning has nothing to do, but asks for readable
                                                  * memory */
    }
}

void a64_trans_sysl(Trans *t, const A64Args *a) { a64_illegal(t); }
