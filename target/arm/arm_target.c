/* TargetOps of Arm, AArch64: state table, context word, and the translation of one instruction. */
#include <elf.h>
#include <stddef.h>

#include "base/fault.h"
#include "target/arm/a64_disas.h"
#include "target/arm/a64_trans.h"

static const IrSlot slots[ARM_SLOTS] = {
#include "target/arm/arm_slots.inc"
};
_Static_assert(offsetof(ArmCpu, x) == sizeof(Cpu), "x[] follows the head");
_Static_assert(offsetof(ArmCpu, sp) == offsetof(ArmCpu, x) + 31 * 8, "sp is register 31 of the _sp forms");

static const IrHelper helpers[ARM_HELPERS] = {
#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    {#name, flags, IR_##ret, {IR_##a0, IR_##a1, IR_##a2, IR_##a3}, arm_helper_##name},
#include "target/arm/arm_helpers.def"
#undef HELPER
};

const TargetReg arm_regs[ARM_REGS] = {
#define REG(name, field, group) {name, offsetof(ArmCpu, field), sizeof(((ArmCpu *)0)->field), group},
#include "target/arm/arm_regs.def"
#undef REG
};

uint32_t arm_nzcv(const ArmCpu *cpu)
{
    return (cpu->fl >> 15 & 1) << 31 | (cpu->fl >> 14 & 1) << 30 | (cpu->fl >> 8 & 1) << 29 |
           (cpu->fl & 1) << 28;
}

void arm_set_nzcv(ArmCpu *cpu, uint32_t nzcv)
{
    cpu->fl = (nzcv >> 31 & 1) << 15 | (nzcv >> 30 & 1) << 14 | (nzcv >> 29 & 1) << 8 | (nzcv >> 28 & 1);
}

/* FPCR.RMode (bits 23..22): nearest, up, down, zero. */
static const uint8_t rmode_round[4] = {IR_RNE, IR_RUP, IR_RDN, IR_RTZ};

uint32_t arm_fpcr(const ArmCpu *cpu) { return cpu->fpcr; }

void arm_set_fpcr(ArmCpu *cpu, uint32_t fpcr)
{
    cpu->fpcr = fpcr & ARM_FPCR_MASK;
    cpu->base.frm = rmode_round[fpcr >> 22 & 3];
}

/* FPSR bit 7: IDC; bits 4..0: IXC UFC OFC DZC IOC. */
uint32_t arm_fpsr(const ArmCpu *cpu)
{
    uint32_t ff = cpu->base.ff;

    return (cpu->qc[0] | cpu->qc[1] ? ARM_FPSR_QC : 0) | (ff & IR_FF_INVALID ? 1 : 0) |
           (ff & IR_FF_DIVZERO ? 2 : 0) | (ff & IR_FF_OVERFLOW ? 4 : 0) | (ff & IR_FF_UNDERFLOW ? 8 : 0) |
           (ff & IR_FF_INEXACT ? 16 : 0) | (ff & IR_FF_DENORM ? 128 : 0);
}

void arm_set_fpsr(ArmCpu *cpu, uint32_t fpsr)
{
    cpu->qc[0] = fpsr & ARM_FPSR_QC;
    cpu->qc[1] = 0;
    cpu->base.ff = (fpsr & 1 ? IR_FF_INVALID : 0) | (fpsr & 2 ? IR_FF_DIVZERO : 0) |
                   (fpsr & 4 ? IR_FF_OVERFLOW : 0) | (fpsr & 8 ? IR_FF_UNDERFLOW : 0) |
                   (fpsr & 16 ? IR_FF_INEXACT : 0) | (fpsr & 128 ? IR_FF_DENORM : 0);
}

void arm_reset(Cpu *base)
{
    ArmCpu *cpu = (ArmCpu *)base;

    memset((char *)cpu + sizeof(Cpu), 0, sizeof(*cpu) - sizeof(Cpu));
    cpu->excl_addr = ARM_NO_RESERVATION;
    cpu->model = ARM_MODEL_MAX;
    arm_set_fpcr(cpu, 0);
    arm_set_fpsr(cpu, 0);
}

uint32_t arm_ctx(const Cpu *base)
{
    const ArmCpu *cpu = (const ArmCpu *)base;

    return arm_ctx_of(cpu, cpu->fp_strict & 1);
}

uint32_t arm_ctx_of(const ArmCpu *cpu, bool strict)
{
    uint32_t fpcr = cpu->fpcr;
    uint32_t fp = (fpcr >> 25 & 1 ? IR_FP_DN : 0u) | (fpcr >> 24 & 1 ? IR_FP_FZ : 0u) |
                  (fpcr >> 19 & 1 ? IR_FP_FZ16 : 0u) | (fpcr >> 26 & 1 ? IR_FP_AHP : 0u) |
                  (strict ? IR_FP_UFC : 0u);

    return cpu->model << ARM_CTX_MODEL_SHIFT | fp << CTX_ARM_FP_SHIFT |
           (cpu->ldx_exclusive ? ARM_CTX_LDX_EXCLUSIVE : 0u);
}

/* From here on the program may see what underflow is (IR_FP_UFC): code is made anew, unless it knows already;
 * a kernel's as soon as it computes. */
void arm_touch_fpsr(Trans *t, unsigned el, unsigned slot)
{
    IrBuilder *b = t->b;

    if (t->ctx & IR_FP_UFC << CTX_ARM_FP_SHIFT)
        return;
    IrVal bit = ir_const(b, IR_I32, (int32_t)arm_fp_touched_bit(el));
    ir_put(b, slot, ir_or(b, IR_I32, ir_get(b, slot), bit));
    t->flow = (TransFlow){.kind = el ? FLOW_STOP : FLOW_LEAVE, .code = CPU_EXIT_CTX};
}

bool arm_floats_watched(uint32_t ctx)
{
    return (ctx & ARM_CTX_SYS) && (ctx >> ARM_CTX_EL_SHIFT & 3) && !(ctx & IR_FP_UFC << CTX_ARM_FP_SHIFT);
}

void arm_look_at_floats(Trans *t, unsigned slot)
{
    _Static_assert(ARM_FP_LOOKED == 2 << 1, "to arm_fp_strict_bit() by a shift");
    IrBuilder *b = t->b;
    IrVal was = ir_get(b, slot), looked = ir_and(b, IR_I32, was, ir_const(b, IR_I32, ARM_FP_LOOKED));

    ir_put(b, slot, ir_or(b, IR_I32, was, ir_shr(b, IR_I32, looked, ir_const(b, IR_I32, 1))));
    ir_exit_if(b, ir_cmp(b, IR_NE, looked, ir_const(b, IR_I32, 0)), ir_exit_raise(b, t->pc, CPU_EXIT_CTX),
               false);
    ir_insn_start(b, t->pc); /* the instruction itself: it may trap, and has changed nothing */
}

A64Insn a64_peek(const Trans *t, unsigned off, A64Args *ret_args)
{
    if (off + 4 > t->n_bytes)
        return A64_ILLEGAL;
    return a64_decode(ld_u32(t->bytes + off), ret_args);
}

void a64_translate(Trans *t)
{
    A64Args args;
    A64Insn insn;

    t->truncated = t->n_bytes < 4;
    if (t->truncated)
        return;
    t->next = t->pc + 4;
    t->flow = (TransFlow){.kind = FLOW_NEXT};
    if (t->pc & 3) { /* "PC alignment checking" */
        a64_raise(t, CPU_EXIT_MISALIGNED);
        return;
    }
    if (t->ctx & ARM_CTX_DEBUG)
        a64_debug_machine(t);
    insn = a64_peek(t, 0, &args);
    if (insn == A64_ILLEGAL || !arm_has(t, a64_row_feat(insn)) ||
        (a64_sys(t) && a64_row_feat(insn) == ARM_FEAT_MOPS) ||
        ((t->ctx & ARM_CTX_NO_FP) && a64_is_fp(insn))) {
        a64_illegal(t);
        return;
    }
    if (a64_sys(t))
        a64_sp_before(t, &args);
    switch (insn) {
#define INSN(id, name, pic, fmt, feat, handler, ops) case A64_##id: a64_trans_##handler(t, &args); break;
#include "target/arm/a64_rows.inc"
#undef INSN
    case A64_ILLEGAL: break;
    }
    if (a64_sys(t))
        a64_sp_after(t, insn, &args);
}

/* Instructions that ask for alignment have their address in rn; some add an offset. */
static Gva arm_data_addr(const Cpu *base)
{
    const ArmCpu *cpu = (const ArmCpu *)base;
    FaultVal bits = fault_ld32(base->pc);
    A64Args a;

    if (base->pc & 3)
        return base->pc;
    if (bits.fault || a64_decode((uint32_t)bits.val, &a) == A64_ILLEGAL)
        return 0;
    return (a.rn == 31 ? cpu->sp : cpu->x[a.rn]) + (uint64_t)a.imm; /* imm is 0 where the format has none */
}

bool arm_reserved(Cpu *base, bool drop)
{
    ArmCpu *cpu = (ArmCpu *)base;
    bool reserved = cpu->excl_addr != ARM_NO_RESERVATION;

    if (drop) {
        cpu->excl_addr = ARM_NO_RESERVATION;
        cpu->ldx_exclusive = 0;
    }
    return reserved;
}

const TargetOps target_aarch64 = {
    .name = "aarch64",
    .elf_machine = EM_AARCH64,
    .elf_class = ELFCLASS64,
    .insn_align = 4,
    .fence_for_all = true,
    .cpu_size = sizeof(ArmCpu),
    .slots = slots,
    .helpers = helpers,
    .regs = arm_regs,
    .n_slots = ARM_SLOTS,
    .n_helpers = ARM_HELPERS,
    .n_regs = ARM_REGS,
    .nan = IR_NAN_ARM,
    .reset = arm_reset,
    .ctx = arm_ctx,
    .translate = a64_translate,
    .disas = a64_disas,
    .data_addr = arm_data_addr,
    .reserved = arm_reserved,
};
