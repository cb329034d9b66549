/* TargetOps of A32 and T32: state table, context word, and the translation of one instruction. */
#include <elf.h>
#include <stddef.h>

#include "base/fault.h"
#include "target/arm/a32_disas.h"
#include "target/arm/a32_priv.h"

static const IrSlot slots[A32_SLOTS] = {
#include "target/arm/a32_slots.inc"
};

static const IrHelper helpers[A32_HELPERS] = {
#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    {#name, flags, IR_##ret, {IR_##a0, IR_##a1, IR_##a2, IR_##a3}, a32_helper_##name},
#include "target/arm/a32_helpers.def"
#undef HELPER
};

#define RREG(n) {"r" #n, offsetof(ArmCpu, x) + 8 * (n), 4, 0}
#define QREG(n) {"q" #n, offsetof(ArmCpu, v) + 16 * (n), 16, 1}
const TargetReg a32_regs[A32_REGS] = {
    RREG(0), RREG(1), RREG(2), RREG(3), RREG(4), RREG(5), RREG(6), RREG(7),
    RREG(8), RREG(9), RREG(10), RREG(11), RREG(12), RREG(13), RREG(14),
    {"pc", offsetof(ArmCpu, base.pc), 8, 2},
    {"fl", offsetof(ArmCpu, fl), 4, 2},
    QREG(0), QREG(1), QREG(2), QREG(3), QREG(4), QREG(5), QREG(6), QREG(7),
    QREG(8), QREG(9), QREG(10), QREG(11), QREG(12), QREG(13), QREG(14), QREG(15),
    {"fpcr", offsetof(ArmCpu, fpcr), 4, 2},
    {"qc", offsetof(ArmCpu, qc), 16, 2},
    {"tpidr", offsetof(ArmCpu, tpidrro), 4, 2},
};

/* ---- status ---- */

enum { CPSR_USER = 0x10, CPSR_T = 1 << 5, CPSR_E = 1 << 9, CPSR_Q = 1 << 27 };

uint32_t arm_cpsr(const ArmCpu *cpu)
{
    unsigned it = cpu->base.pc >> ARM_PC_IT_SHIFT & 0xff;
    uint32_t v = arm_nzcv(cpu) | cpu->q << 27 | CPSR_USER | (cpu->base.pc & ARM_PC_T ? CPSR_T : 0) |
                 (cpu->e ? CPSR_E : 0);

    for (unsigned k = 0; k < 4; k++)
        v |= (cpu->ge >> (8 * k) & 1) << (16 + k);
    return v | (it & 3) << 25 | (it >> 2) << 10;
}

void arm_set_cpsr(ArmCpu *cpu, uint32_t cpsr)
{
    uint64_t it = cpsr & CPSR_T ? (cpsr >> 25 & 3) | (cpsr >> 10 & 0x3f) << 2 : 0;

    arm_set_nzcv(cpu, cpsr);
    cpu->q = cpsr >> 27 & 1;
    cpu->e = (cpsr & CPSR_E) != 0;
    cpu->ge = 0;
    for (unsigned k = 0; k < 4; k++)
        cpu->ge |= (cpsr >> (16 + k) & 1 ? 255u : 0) << (8 * k);
    cpu->base.pc = (cpu->base.pc & 0xfffffffe) | (cpsr & CPSR_T ? ARM_PC_T : 0) | it << ARM_PC_IT_SHIFT;
}

uint64_t arm_pc_after(const ArmCpu *cpu, unsigned len)
{
    uint64_t it = t32_it_advance(cpu->base.pc >> ARM_PC_IT_SHIFT & 0xff);

    return (uint32_t)(cpu->base.pc + len) | it << ARM_PC_IT_SHIFT;
}

enum { FPSCR_FLAGS = 0x0800009f }; /* QC and the exception flags, as in FPSR */

uint32_t arm_fpscr(const ArmCpu *cpu)
{
    ArmCpu fl = {.fl = cpu->fp_fl};

    return arm_nzcv(&fl) | arm_fpcr(cpu) | (arm_fpsr(cpu) & FPSCR_FLAGS);
}

void arm_set_fpscr(ArmCpu *cpu, uint32_t fpscr)
{
    ArmCpu fl = {0};

    arm_set_nzcv(&fl, fpscr);
    cpu->fp_fl = fl.fl;
    arm_set_fpcr(cpu, fpscr);
    cpu->fpcr = fpscr & a32_fpscr_modes((A32Model)cpu->model);
    arm_set_fpsr(cpu, fpscr & FPSCR_FLAGS);
}

static void a32_reset(Cpu *base)
{
    ArmCpu *cpu = (ArmCpu *)base;

    memset((char *)cpu + sizeof(Cpu), 0, sizeof(*cpu) - sizeof(Cpu));
    cpu->excl_addr = ARM_NO_RESERVATION;
    cpu->model = A32_MODEL_MAX;
    arm_set_fpcr(cpu, 0);
    arm_set_fpsr(cpu, 0);
}

/* ---- translation ---- */

/* The word that the decoders want, and the instruction's length; 0: it is not all there. */
unsigned a32_word(const uint8_t *bytes, unsigned n, bool thumb, uint32_t *ret_bits)
{
    if (!thumb) {
        *ret_bits = n >= 4 ? ld_u32(bytes) : 0;
        return n >= 4 ? 4 : 0;
    }
    unsigned len = n >= 2 ? t32_insn_len(ld_u16(bytes)) : 4;
    if (n < len)
        return 0;
    *ret_bits = (uint32_t)ld_u16(bytes) << 16 | (len == 4 ? ld_u16(bytes + 2) : 0u);
    return len;
}

A32Insn a32_peek(const Trans *t, unsigned off, A32Args *ret_args)
{
    uint32_t bits;

    if (off >= t->n_bytes || !a32_word(t->bytes + off, t->n_bytes - off, a32_thumb(t), &bits))
        return A32_ILLEGAL;
    return a32_thumb(t) ? t32_decode(bits, 0, ret_args) : a32_decode(bits, ret_args);
}

static void dispatch_one(Trans *t, A32Insn insn, const A32Args *a)
{
    switch (insn) {
#define INSN(id, name, pic, fmt, feat, handler, ops) case A32_##id: a32_trans_##handler(t, a); break;
#include "target/arm/a32_rows.inc"
#undef INSN
#define INSN(id, name, pic, fmt, feat, handler, ops) case T32_##id: a32_trans_##handler(t, a); break;
#include "target/arm/t32_rows.inc"
#undef INSN
    default: a32_illegal(t); break;
    }
}

static void dispatch(Trans *t, A32Insn insn, const A32Args *a)
{
    if (a32_sys(t) || !(t->ctx & ARM_CTX_SHORT) || !a32_short_vector(t, insn, a, dispatch_one))
        dispatch_one(t, insn, a);
}

static bool is_plain_branch(const A32Args *a)
{
    return a->format == A32_FMT_T16_BCC || a->format == A32_FMT_TBCC || a->format == A32_FMT_T16_B ||
           (a->format == A32_FMT_B24 && !(a->bits >> 24 & 1)) ||
           (a->format == A32_FMT_TB && (a->bits & 0x5000) == 0x1000);
}

/* It is executed whatever the IT block says. */
static bool is_bkpt(unsigned halfword) { return halfword >> 8 == 0xbe; }

/* The next instruction that is not under the same condition, as far as the bytes are at hand. */
static Gva behind_condition(const Trans *t, const A32Args *a)
{
    unsigned off = a->len, it = t32_it_advance(a32_itstate(t));

    if (!a32_thumb(t)) {
        while (off + 4 <= t->n_bytes && ld_u32(t->bytes + off) >> 28 == a->cond)
            off += 4;
        return a32_pc_plus(t, off, 0);
    }
    while (it && it >> 4 == a->cond && off + 2 <= t->n_bytes && !is_bkpt(ld_u16(t->bytes + off))) {
        off += t32_insn_len(ld_u16(t->bytes + off));
        it = t32_it_advance(it);
    }
    return a32_pc_plus(t, off, it);
}

void a32_go_around(Trans *t, const A32Args *a, IrVal cond)
{
    A32Trans *state = a32_state(t);

    ir_exit_if(t->b, ir_not(t->b, IR_I1, cond), ir_exit_direct(t->b, behind_condition(t, a), false), false);
    state->known_fl = a32_fl(t);
    state->known_cond = a->cond;
    state->cond = IR_NONE;
}

/* Loads and stores of one register by load() and store() of a32_trans_mem.c, and hints of such. */
static bool is_single_access(const A32Args *a)
{
    static const uint64_t formats = 1ull << A32_FMT_MEM_IMM | 1ull << A32_FMT_MEM_IMM8 |
                                    1ull << A32_FMT_MEM_REG | 1ull << A32_FMT_T16_LIT |
                                    1ull << A32_FMT_T16_MEM_REG | 1ull << A32_FMT_T16_MEM1 |
                                    1ull << A32_FMT_T16_MEM2 | 1ull << A32_FMT_T16_MEM4 |
                                    1ull << A32_FMT_T16_MEM_SP | 1ull << A32_FMT_TMEM12 |
                                    1ull << A32_FMT_TMEM8 | 1ull << A32_FMT_TMEM_REG | 1ull << A32_FMT_TLIT;

    _Static_assert(A32_FMT_TLIT < 64, "a word of formats");
    return a->format < 64 && formats >> a->format & 1;
}

static void translate_conditional(Trans *t, A32Insn insn, const A32Args *a)
{
    IrBuilder *b = t->b;
    A32Trans *state = a32_state(t);
    IrVal fl = a32_fl(t), cond;

    /* the region has left where it does not hold */
    if (fl == state->known_fl && (a->cond ^ state->known_cond) < 2) {
        if (a->cond == state->known_cond)
            dispatch(t, insn, a);
        return;
    }
    cond = ir_flcc(b, fl, (IrFlCond)a->cond);

    if (is_plain_branch(a)) {
        a32_state(t)->branch_cond = cond;
        dispatch(t, insn, a);
    } else if (ir_is_const(b->r, cond)) {
        if (ir_const_value(b->r, cond))
            dispatch(t, insn, a);
    } else {
        state->cond = cond;
        if (!is_single_access(a) && (a->format >= A32_FMT_EFF || a->d == A32_PC))
            a32_go_around(t, a, cond);
        dispatch(t, insn, a);
    }
}

/* Floating point and SIMD, but for the privileged registers, which look for themselves. */
bool a32_insn_is_fp(A32Insn insn, const A32Args *a)
{
    enum { FPSCR = 1 };
    if (insn < A32_vmla_f || insn >= A32_INSN_COUNT)
        return false;
    return !((insn == A32_vmrs || insn == A32_vmsr) && a->n != FPSCR);
}

/* What a machine's kernel has switched off. */
static bool is_off(const Trans *t, A32Insn insn, const A32Args *a)
{
    if ((t->ctx & ARM_CTX_NO_FP) && a32_insn_is_fp(insn, a))
        return true;
    switch (insn) {
    case A32_setend:
    case T32_setend_16: return t->ctx & ARM_CTX_NO_SETEND;
    case A32_isb_cp:
    case A32_dsb_cp:
    case A32_dmb_cp: return t->ctx & ARM_CTX_NO_BARRIERS;
    default: return false;
    }
}

/* Does the model have the instruction? */
static bool has(const Trans *t, A32Insn insn, const A32Args *a)
{
    A32Model model = a32_model(t);
    A32Feat feat = a32_row_feat(insn);

    if (!a32_sys(t) && a32_address(t) >= ARM_KUSER_PAGE)
        return feat != A32_FEAT_SYS;
    if (a32_sys(t) && is_off(t, insn, a))
        return false;
    if (a32_sys(t) && feat == A32_FEAT_SYS)
        return true;
    return a32_model_has(model, feat) &&
           (a32_model_has(model, A32_FEAT_D32) || !a32_names_d32(a));
}

void a32_translate(Trans *t)
{
    A32Args args;
    A32Insn insn;
    uint32_t bits;
    unsigned it = a32_itstate(t), len = a32_word(t->bytes, t->n_bytes, a32_thumb(t), &bits);

    t->truncated = !len;
    if (t->truncated)
        return;
    A32Trans *state = a32_state(t);
    state->cond = state->branch_cond = IR_NONE;
    t->next = a32_pc_plus(t, len, t32_it_advance(it));
    t->flow = (TransFlow){.kind = FLOW_NEXT};
    if (!a32_thumb(t) && (t->pc & 2)) {
        a32_raise(t, CPU_EXIT_MISALIGNED);
        return;
    }
    if (t->ctx & ARM_CTX_DEBUG)
        a32_debug_machine(t);
    insn = a32_thumb(t) ? t32_decode(bits, it, &args) : a32_decode(bits, &args);
    if (insn == A32_ILLEGAL || !has(t, insn, &args)) { /* a NOP where its condition does not hold */
        insn = A32_ILLEGAL;
        args.format = A32_FMT_EFF;
    }
    if (args.cond != A32_COND_AL && insn != T32_bkpt_16) /* BKPT is unconditional in IT blocks too */
        translate_conditional(t, insn, &args);
    else
        dispatch(t, insn, &args);
}

/* ---- the rest ---- */

uint32_t a32_access_address(const ArmCpu *cpu, const A32Args *a)
{
    uint32_t n = (uint32_t)cpu->x[a->n & 15], count = (uint32_t)__builtin_popcount(a->l);

    if (a->n > 14)
        return 0;
    if (a->l)
        return n + (a->U ? (a->P ? 4 : 0) : (a->P ? 0 : 4) - 4 * count);
    if (a->form == A32_IMM || a->format == A32_FMT_EX || a->format == A32_FMT_EXD)
        return n + (a->format == A32_FMT_TEX || a->P ? (uint32_t)a->imm : 0);
    /* LDRD, STRD with a register */
    return n + (a->P ? (a->U ? 1 : -1u) * (uint32_t)cpu->x[a->m & 15] : 0);
}

/* Of the instruction at pc, which wanted its data aligned. */
static Gva a32_data_addr(const Cpu *base)
{
    bool thumb = base->pc & ARM_PC_T;
    uint8_t bytes[4];
    uint32_t bits;
    A32Args a;

    if (!thumb && (base->pc & 2))
        return (uint32_t)base->pc;
    if (fault_copy(bytes, (const void *)(uintptr_t)(base->pc & ~ARM_PC_TAG), 4) ||
        !a32_word(bytes, 4, thumb, &bits) ||
        (thumb ? t32_decode(bits, 0, &a) : a32_decode(bits, &a)) == A32_ILLEGAL)
        return 0;
    return a32_access_address((const ArmCpu *)base, &a);
}

uint32_t a32_ctx(const Cpu *base)
{
    const ArmCpu *cpu = (const ArmCpu *)base;

    bool nearest = !(cpu->fpcr >> 22 & 3), inexact = base->ff & IR_FF_INEXACT;
    uint32_t std = !nearest ? 0 : (IR_FP_STD | (inexact ? 0u : IR_FP_PX)) << CTX_ARM_FP_SHIFT;
    uint32_t neon = cpu->neon_used ? ARM_CTX_NEON | std : 0;
    uint32_t len = cpu->fpcr >> 16 & 7, stride = cpu->fpcr >> 20 & 3;
    uint32_t vectors = base->mem ? 0 : len << ARM_CTX_LEN_SHIFT | stride << ARM_CTX_STRIDE_SHIFT;

    return target_aarch64.ctx(base) | ARM_CTX_A32 | (cpu->e ? ARM_CTX_BIG : 0u) | neon | vectors |
           (cpu->ldx_exclusive ? ARM_CTX_LDX_EXCLUSIVE : 0u);
}

static bool a32_reserved(Cpu *base, bool drop) { return target_aarch64.reserved(base, drop); }

const TargetOps target_arm = {
    .name = "arm",
    .elf_machine = EM_ARM,
    .elf_class = ELFCLASS32,
    .insn_align = 2,
    .fence_for_all = true,
    .cpu_size = sizeof(ArmCpu),
    .slots = slots,
    .helpers = helpers,
    .regs = a32_regs,
    .n_slots = A32_SLOTS,
    .n_helpers = A32_HELPERS,
    .n_regs = A32_REGS,
    .nan = IR_NAN_ARM,
    .pc_tag = ARM_PC_TAG,
    .reset = a32_reset,
    .ctx = a32_ctx,
    .translate = a32_translate,
    .disas = a32_disas,
    .data_addr = a32_data_addr,
    .reserved = a32_reserved,
};
