/* TargetOps of a machine's 32-bit cpu: those of user mode, with privileged modes. */
#include <elf.h>

#include "target/arm/a32_disas.h"
#include "target/arm/a32_priv.h"

static const IrHelper helpers[A32_SYS_HELPERS] = {
#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    {#name, flags, IR_##ret, {IR_##a0, IR_##a1, IR_##a2, IR_##a3}, a32_helper_##name},
#include "target/arm/a32_helpers.def"
#include "target/arm/a32_priv_helpers.def"
#undef HELPER
};

#define SYS_SLOT(id, name, field) [A32_SYS_SLOT_##id] = {name, offsetof(ArmMachine, field), IR_I32, 0}

static const IrSlot slots[A32_SYS_SLOTS] = {
#include "target/arm/a32_slots.inc"
    SYS_SLOT(DAIF, "daif", sys.daif),           SYS_SLOT(LINES, "lines", sys.lines),
    SYS_SLOT(TLBI_SENT, "tlbi", sys.tlbi_sent), SYS_SLOT(MODE, "mode", sys.mode),
    SYS_SLOT(PSTATE, "pstate", arm.pstate),     SYS_SLOT(TPIDR_EL1, "tpidr1", sys.tpidr[1]),
};

/* As GDB names them; of the program counter the address, and T. */
#define RREG(n)                                                                                              \
    {                                                                                                        \
        "r" #n, offsetof(ArmCpu, x) + 8 * (n), 4, 0                                                          \
    }
#define DREG(n)                                                                                              \
    {                                                                                                        \
        "d" #n, offsetof(ArmCpu, v) + 8 * (n), 8, 1                                                          \
    }
static const TargetReg regs[] = {
    RREG(0),
    RREG(1),
    RREG(2),
    RREG(3),
    RREG(4),
    RREG(5),
    RREG(6),
    RREG(7),
    RREG(8),
    RREG(9),
    RREG(10),
    RREG(11),
    RREG(12),
    {"sp", offsetof(ArmCpu, x) + 8 * 13, 4, 0},
    {"lr", offsetof(ArmCpu, x) + 8 * 14, 4, 0},
    {"pc", offsetof(ArmCpu, base.pc), 4, 2},
    DREG(0),
    DREG(1),
    DREG(2),
    DREG(3),
    DREG(4),
    DREG(5),
    DREG(6),
    DREG(7),
    DREG(8),
    DREG(9),
    DREG(10),
    DREG(11),
    DREG(12),
    DREG(13),
    DREG(14),
    DREG(15),
    DREG(16),
    DREG(17),
    DREG(18),
    DREG(19),
    DREG(20),
    DREG(21),
    DREG(22),
    DREG(23),
    DREG(24),
    DREG(25),
    DREG(26),
    DREG(27),
    DREG(28),
    DREG(29),
    DREG(30),
    DREG(31),
};

/* Those that machines have, too. */
static const uint8_t models[] = {A32_MODEL_A15, A32_MODEL_A7, A32_MODEL_MAX};

static const char *model_at(const TargetOps *ops, unsigned n)
{
    return n < ARRAY_SIZE(models) ? a32_model_name(models[n]) : NULL;
}

static bool configure(Cpu *base, const char *name, const char *value)
{
    ArmMachine *m = (ArmMachine *)base;
    if (strcmp(name, "model") != 0)
        return arm_configure(base, name, value);
    A32Model model = a32_model_find(value);
    m->sys.a32 = 1;
    for (unsigned k = 0; k < ARRAY_SIZE(models); k++)
        if (models[k] == model) {
            m->arm.model = model;
            return true;
        }
    return false;
}

static uint32_t ctx(const Cpu *base)
{
    const ArmMachine *m = (const ArmMachine *)base;
    const uint32_t ufc = IR_FP_UFC << CTX_ARM_FP_SHIFT;
    bool strict = m->arm.fp_strict & arm_fp_strict_bit(m->sys.el);
    return (a32_ctx(base) & ~ufc) | (strict ? ufc : 0u) | ARM_CTX_SYS | m->sys.el << ARM_CTX_EL_SHIFT |
           arm_data_idx(m) << ARM_CTX_IDX_SHIFT | (a32_no_fp(m) ? ARM_CTX_NO_FP : 0u) |
           (arm_wants_aligned(m) ? ARM_CTX_ALIGN32 : 0u) | (arm_debug_looks(m) ? ARM_CTX_DEBUG : 0u);
}

/* Of the instruction at pc, which wanted its data aligned. */
static Gva data_addr(const Cpu *base)
{
    Cpu *cpu = (Cpu *)(uintptr_t)base;
    bool thumb = base->pc & ARM_PC_T;
    uint8_t bytes[4];
    uint32_t bits;
    A32Args a;
    if (!thumb && (base->pc & 2))
        return (uint32_t)base->pc;
    if (!cpu->mem->fetch(cpu, (uint32_t)base->pc & ~1u, bytes, 4) || !a32_word(bytes, 4, thumb, &bits) ||
        (thumb ? t32_decode(bits, 0, &a) : a32_decode(bits, &a)) == A32_ILLEGAL)
        return 0;
    return a32_access_address((const ArmCpu *)base, &a);
}

static bool reserved(Cpu *base, bool drop)
{
    return target_arm.reserved(base, drop);
}

/* The words that debuggers know by these names, then those of a32_sysreg.c. */
static bool debug_reg(Cpu *base, unsigned n, const char **ret_name, uint64_t *io, bool write, bool *ret_ok)
{
    ArmMachine *m = (ArmMachine *)base;
    *ret_ok = true;
    switch (n) {
    case 0:
        *ret_name = "cpsr";
        if (write)
            a32_set_cpsr(m, (uint32_t)*io, (uint32_t)base->pc);
        *io = a32_cpsr(m);
        return true;
    case 1:
        *ret_name = "fpscr";
        if (write)
            arm_set_fpscr(&m->arm, (uint32_t)*io);
        *io = arm_fpscr(&m->arm);
        return true;
    default:
        if (n - 2 >= a32_sysreg_count())
            return false;
        *ret_name = a32_sysreg_debug(m, n - 2, io, write, ret_ok);
        return true;
    }
}

static void look_at_floats(Trans *t)
{
    arm_look_at_floats(t, A32_SLOT_FP_STRICT);
}

static const TargetSys sys = {
    .n_idx = ARM_IDX_COUNT,
    .paged = ARM_IDX_COUNT,
    .board = arm_board,
    .walk = arm_walk,
    .walk_misaligned = arm_walk_misaligned,
    .misaligned = arm_misaligned,
    .bus_error = arm_bus_error,
    .fetch_idx = arm_fetch_idx,
    .exception = a32_exception,
    .interrupt = arm_interrupt,
    .wakes = arm_wakes,
    .ready = arm_ready,
    .configure = configure,
    .model = model_at,
    .debug_reg = debug_reg,
    .watches = arm_watches,
    .watch = arm_watch,
    .set_irq = arm_set_irq,
    .state = &arm_state,
};

const TargetOps target_arm_sys = {
    .name = "arm",
    .elf_machine = EM_ARM,
    .elf_class = ELFCLASS32,
    .insn_align = 2,
    .cpu_size = sizeof(ArmMachine),
    .slots = slots,
    .helpers = helpers,
    .regs = regs,
    .n_slots = A32_SYS_SLOTS,
    .n_helpers = A32_SYS_HELPERS,
    .n_regs = ARRAY_SIZE(regs),
    .nan = IR_NAN_ARM,
    .pc_tag = ARM_PC_TAG,
    .reset = arm_machine_reset,
    .ctx = ctx,
    .translate = a32_translate,
    .disas = a32_disas,
    .data_addr = data_addr,
    .reserved = reserved,
    .floats_watched = arm_floats_watched,
    .look_at_floats = look_at_floats,
    .sys = &sys,
};

/* The same code in programs under an AArch64 kernel (TargetOps.other); of sys and ctx the kernel's answer. */
const TargetOps a32_compat_isa = {
    .name = "arm",
    .elf_machine = EM_ARM,
    .elf_class = ELFCLASS32,
    .insn_align = 2,
    .cpu_size = sizeof(ArmMachine),
    .slots = slots,
    .helpers = helpers,
    .regs = regs,
    .n_slots = A32_SYS_SLOTS,
    .n_helpers = A32_SYS_HELPERS,
    .n_regs = ARRAY_SIZE(regs),
    .nan = IR_NAN_ARM,
    .pc_tag = ARM_PC_TAG,
    .translate = a32_translate,
    .disas = a32_disas,
    .data_addr = data_addr,
};
