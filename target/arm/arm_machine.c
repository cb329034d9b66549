/* TargetOps of a machine's cpu: those of user mode, with privileged levels. */
#include <elf.h>

#include "target/arm/a32_priv.h"
#include "target/arm/a64_disas.h"
#include "target/arm/a64_trans_priv.h"

static const IrHelper helpers[ARM_SYS_HELPERS] = {
#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    {#name, flags, IR_##ret, {IR_##a0, IR_##a1, IR_##a2, IR_##a3}, arm_helper_##name},
#include "target/arm/arm_helpers.def"
#include "target/arm/arm_priv_helpers.def"
#undef HELPER
};

#define SYS_SLOT(id, name, field, type) [ARM_SYS_SLOT_##id] = {name, offsetof(ArmMachine, sys.field), type, 0}

static const IrSlot slots[ARM_SYS_SLOTS] = {
#include "target/arm/arm_slots.inc"
    SYS_SLOT(DAIF, "daif", daif, IR_I32),
    SYS_SLOT(LINES, "lines", lines, IR_I32),
    SYS_SLOT(TLBI_SENT, "tlbi", tlbi_sent, IR_I32),
    SYS_SLOT(MDSCR_EL1, "mdscr", mdscr, IR_I64),
    SYS_SLOT(SP_EL0, "sp_el0", sp_el[0], IR_I64),
    SYS_SLOT(SPSR_EL1, "spsr1", spsr[1], IR_I64),
    SYS_SLOT(ELR_EL1, "elr1", elr[1], IR_I64),
    SYS_SLOT(ESR_EL1, "esr1", esr[1], IR_I64),
    SYS_SLOT(FAR_EL1, "far1", far[1], IR_I64),
    SYS_SLOT(TPIDR_EL1, "tpidr1", tpidr[1], IR_I64),
    SYS_SLOT(SP_EL1, "sp_el1", sp_el[1], IR_I64),
    SYS_SLOT(SPSR_EL2, "spsr2", spsr[2], IR_I64),
    SYS_SLOT(ELR_EL2, "elr2", elr[2], IR_I64),
    SYS_SLOT(ESR_EL2, "esr2", esr[2], IR_I64),
    SYS_SLOT(FAR_EL2, "far2", far[2], IR_I64),
    SYS_SLOT(TPIDR_EL2, "tpidr2", tpidr[2], IR_I64),
    [ARM_SYS_SLOT_FPFL] = {"fpfl", offsetof(ArmMachine, arm.fp_fl), IR_I32, 0},
};

static void a64_reset_sys(ArmMachine *m)
{
    ArmSys *s = &m->sys;
    s->el = s->el_max;
    s->spsel = 1;
    s->daif = ARM_PSTATE_DAIF;
    s->sctlr[1] = s->sctlr[2] = ARM_SCTLR_RES1;
    s->hcr = s->el2 ? ARM_HCR_RW : 0;
    s->vpidr = arm_model_midr((ArmModel)m->arm.model);
    s->vmpidr = 1u << 31 | s->board.number;
    s->mdcr = s->el2 ? ARM_PMU_EVENTS : 0; /* HPMN */
}

/* All but whether it is on. */
static void reset_state(Cpu *base)
{
    enum { LINES_OF_DEVICES = 0xffff };
    ArmMachine *m = (ArmMachine *)base;
    ArmSys *s = &m->sys;
    uint32_t model = m->arm.model;
    ArmSys kept = {.board = s->board,
                   .el2 = s->el2,
                   .a32 = s->a32,
                   .el_max = s->el2 ? 2 : 1,
                   .has_gic_regs = s->has_gic_regs,
                   .hvc_is_psci = s->hvc_is_psci,
                   .reset_as_off = s->reset_as_off,
                   .last_regime = s->last_regime};
    arm_reset(base);
    base->exit = (CpuExit){.kind = CPU_EXIT_KICK}; /* it does not sleep any more */
    m->arm.model = model;
    memcpy(s, &kept, offsetof(ArmSys, lines));
    __atomic_fetch_and(&s->lines, LINES_OF_DEVICES, __ATOMIC_ACQ_REL);
    if (s->a32)
        a32_reset_sys(m);
    else
        a64_reset_sys(m);
    s->oslsr = 0xa; /* OSLM: implemented; locked */
    base->pc = s->board.reset_pc;
    arm_regime_update(m);
    base->mem->flush(base);
}

void arm_machine_reset(Cpu *base)
{
    ArmSys *s = &((ArmMachine *)base)->sys;
    reset_state(base);
    __atomic_store_n(&s->power, s->reset_as_off ? ARM_POWER_OFF : ARM_POWER_ON, __ATOMIC_RELEASE);
}

CpuBoard *arm_board(Cpu *cpu)
{
    return &((ArmMachine *)cpu)->sys.board;
}

/* model; off: a cpu that waits for CPU_ON; psci: hvc, smc or none; el2: on; gic: 3, its registers are the
 * cpu's. */
bool arm_configure(Cpu *base, const char *name, const char *value)
{
    ArmMachine *m = (ArmMachine *)base;
    if (strcmp(name, "model") == 0) {
        ArmModel model = arm_model_find(value);
        m->arm.model = model < ARM_MODELS ? model : m->arm.model;
        return model < ARM_MODELS;
    }
    if (strcmp(name, "off") == 0)
        m->sys.reset_as_off = strcmp(value, "on") == 0;
    else if (strcmp(name, "psci") == 0)
        m->sys.hvc_is_psci = strcmp(value, "hvc") == 0 ? 1 : strcmp(value, "smc") == 0 ? 2 : 0;
    else if (strcmp(name, "el2") == 0)
        m->sys.el2 = strcmp(value, "on") == 0;
    else if (strcmp(name, "gic") == 0)
        m->sys.has_gic_regs = strcmp(value, "3") == 0;
    else
        return false;
    return true;
}

static const char *model_at(const TargetOps *ops, unsigned n)
{
    return n <= ARM_MODEL_MAX ? arm_model_name((ArmModel)n) : NULL; /* those behind are max with properties */
}

/* By their names in QEMU's manual; a model is what it is. */
static bool property_at(const TargetOps *ops, unsigned n, TargetProperty *ret)
{
    static const TargetProperty properties[] = {
        {"aarch64", TARGET_PROP_ON, NULL},        {"pmu", TARGET_PROP_ON, NULL},
        {"sve", TARGET_PROP_OFF, NULL},           {"sme", TARGET_PROP_OFF, NULL},
        {"pauth-impdef", TARGET_PROP_IDLE, NULL}, {"kvm-no-adjvtime", TARGET_PROP_IDLE, NULL},
        {"kvm-steal-time", TARGET_PROP_OFF, NULL}};
    if (n < ARRAY_SIZE(properties))
        *ret = properties[n];
    return n < ARRAY_SIZE(properties);
}

bool arm_ready(Cpu *base)
{
    ArmMachine *m = (ArmMachine *)base;
    uint32_t power = __atomic_load_n(&m->sys.power, __ATOMIC_ACQUIRE);
    if (power != ARM_POWER_STARTING)
        return power == ARM_POWER_ON;
    uint64_t pc = m->sys.start_pc, arg = m->sys.start_arg;
    reset_state(base);
    base->pc = pc;
    m->arm.x[0] = arg;
    __atomic_store_n(&m->sys.power, ARM_POWER_ON, __ATOMIC_RELEASE);
    return true;
}

bool arm_no_fp(const ArmMachine *m)
{
    enum { FPEN_SHIFT = 20, TFP = 1 << 10 };
    const ArmSys *s = &m->sys;
    unsigned fpen = s->cpacr1 >> FPEN_SHIFT & 3, el2 = s->cptr >> FPEN_SHIFT & 3;
    bool e2h = s->hcr & ARM_HCR_E2H, el1 = s->el == 0 ? fpen != 3 : !(fpen & 1);
    if (s->el_max < 2)
        return el1;
    if (!e2h)
        return (s->cptr & TFP) || (s->el < 2 && el1 && !(s->el == 0 && (s->hcr & ARM_HCR_TGE)));
    if (arm_host_el0(m))
        return el2 != 3;
    return !(el2 & 1) || (s->el < 2 && el1);
}

/* Would a load or store by SP raise? */
static bool sp_is_bad(const ArmMachine *m)
{
    const ArmSys *s = &m->sys;
    bool checked = s->el ? s->sctlr[s->el] & ARM_SCTLR_SA : arm_el0_sctlr(m) & ARM_SCTLR_SA0;
    return checked && (m->arm.sp & 15);
}

static uint32_t machine_ctx(const Cpu *base)
{
    const ArmMachine *m = (const ArmMachine *)base;
    const ArmSys *s = &m->sys;
    if (s->nrw)
        return arm_compat_ctx(m);
    enum { EL0_ALL = ARM_SCTLR_DZE | ARM_SCTLR_UCT | ARM_SCTLR_UCI };
    const uint64_t host = ARM_HCR_E2H | ARM_HCR_TGE;
    bool no_unprivileged = s->el == 2 && (s->hcr & host) != host; /* LDTR is LDR */
    uint64_t el0_may = s->el == 0 ? s->sctlr[arm_host_el0(m) ? 2 : 1] : EL0_ALL;
    bool strict = m->arm.fp_strict & arm_fp_strict_bit(s->el);
    return arm_ctx_of(&m->arm, strict) | ARM_CTX_SYS | s->el << ARM_CTX_EL_SHIFT |
           arm_data_idx(m) << ARM_CTX_IDX_SHIFT |
           ((s->el && (m->arm.pstate & ARM_PSTATE_UAO)) || no_unprivileged ? ARM_CTX_UAO : 0u) |
           (arm_no_fp(m) ? ARM_CTX_NO_FP : 0u) | ((el0_may & EL0_ALL) != EL0_ALL ? ARM_CTX_EL0_LESS : 0u) |
           (s->el == 2 && (s->hcr & ARM_HCR_E2H) ? ARM_CTX_E2H : 0u) |
           (arm_el2_watches(m) ? ARM_CTX_WATCHED : 0u) | (arm_debug_looks(m) ? ARM_CTX_DEBUG : 0u) |
           (arm_wants_aligned(m) ? ARM_CTX_ALIGN64 : 0u) | (sp_is_bad(m) ? ARM_CTX_SP64 : 0u);
}

unsigned arm_fetch_idx(uint32_t ctx)
{
    return ctx >> ARM_CTX_EL_SHIFT & 3 ? ARM_IDX_P : ARM_IDX_U;
}

/* Instructions that ask for alignment have their address in rn; some add an offset, which of structures is
 * what is added afterwards. */
static Gva data_addr(const Cpu *base)
{
    enum { STRUCTURE_MASK = 0x3e000000, STRUCTURE = 0x0c000000 };
    const ArmCpu *arm = (const ArmCpu *)base;
    Cpu *cpu = (Cpu *)(uintptr_t)base;
    uint32_t bits = 0;
    A64Args a;
    if (base->pc & 3)
        return base->pc;
    if (!cpu->mem->fetch(cpu, cpu->pc, &bits, 4) || a64_decode(bits, &a) == A64_ILLEGAL)
        return 0;
    if ((bits & STRUCTURE_MASK) == STRUCTURE)
        a.imm = 0;
    return (a.rn == 31 ? arm->sp : arm->x[a.rn]) + (uint64_t)a.imm;
}

static void look_at_floats(Trans *t)
{
    arm_look_at_floats(t, ARM_SLOT_FP_STRICT);
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
    .exception = arm_exception,
    .interrupt = arm_interrupt,
    .wakes = arm_wakes,
    .ready = arm_ready,
    .configure = arm_configure,
    .property = property_at,
    .model = model_at,
    .debug_reg = arm_debug_reg,
    .watches = arm_watches,
    .watch = arm_watch,
    .set_irq = arm_set_irq,
    .state = &arm_state,
};

const TargetOps target_aarch64_sys = {
    .name = "aarch64",
    .elf_machine = EM_AARCH64,
    .elf_class = ELFCLASS64,
    .insn_align = 4,
    .cpu_size = sizeof(ArmMachine),
    .slots = slots,
    .helpers = helpers,
    .regs = arm_regs,
    .n_slots = ARM_SYS_SLOTS,
    .n_helpers = ARM_SYS_HELPERS,
    .n_regs = ARM_REGS,
    .nan = IR_NAN_ARM,
    .reset = arm_machine_reset,
    .ctx = machine_ctx,
    .translate = a64_translate,
    .disas = a64_disas,
    .data_addr = data_addr,
    .reserved = arm_reserved,
    .floats_watched = arm_floats_watched,
    .look_at_floats = look_at_floats,
    .sys = &sys,
    .other = &a32_compat_isa,
    .other_ctx = ARM_CTX_A32,
};
