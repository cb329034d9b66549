/* TargetOps of a machine's hart: those of user mode, with privileged levels. */
#include <elf.h>

#include "target/riscv/rv_disas.h"
#include "target/riscv/rv_sys.h"
#include "target/riscv/rv_trans.h"

static const IrHelper helpers[RV_SYS_HELPERS] = {
#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    {#name, flags, IR_##ret, {IR_##a0, IR_##a1, IR_##a2, IR_##a3}, rv_helper_##name},
#include "target/riscv/rv_helpers.def"
#include "target/riscv/rv_priv_helpers.def"
#undef HELPER
};

static void machine_reset(Cpu *base)
{
    RvCpu *cpu = (RvCpu *)base;
    CpuBoard board = cpu->sys.board;
    uint64_t lines = __atomic_load_n(&cpu->sys.lines, __ATOMIC_ACQUIRE);
    rv_reset(base);
    uint64_t ext = cpu->sys.ext, hgeip = __atomic_load_n(&cpu->sys.hgeip, __ATOMIC_ACQUIRE);
    cpu->sys = (RvSys){.board = board, .ext = ext, .lines = lines, .hgeip = hgeip, .priv = RV_M};
    if (!ext)
        rv_model_default(cpu);
    if (!rv_machine32(cpu))
        cpu->sys.mstatus = 2ull << 32 | 2ull << 34; /* UXL, SXL: 64 bits */
    rv_aia_reset(cpu);
    if (rv_has(cpu, RV_HAS_H)) {
        cpu->sys.hstatus = cpu->sys.vsstatus = 2ull << 32; /* VSXL, UXL */
        cpu->sys.mideleg = RV_VS_IRQS | (rv_geilen(cpu) ? RV_IRQ_BIT(RV_IRQ_SGEI) : 0);
    }
    /* Who does not know of the choice gets what he always had, unless Svade is announced, too. */
    if (rv_has(cpu, RV_HAS_SVADU) && !rv_has(cpu, RV_HAS_SVADE))
        cpu->sys.menvcfg = RV_ADUE;
    base->pc = board.reset_pc;
    base->mem->select(base, 0);
    base->mem->flush(base);
}

static CpuBoard *board(Cpu *cpu) { return &((RvCpu *)cpu)->sys.board; }

/* 0 off, 3 dirty. */
static unsigned fp_state(const RvSys *s)
{
    unsigned fs = (s->mstatus & RV_FS) >> 13, guest = (s->vsstatus & RV_FS) >> 13;
    return s->virt ? MIN(fs, guest) : fs;
}

static uint32_t machine_ctx(const Cpu *base)
{
    const RvCpu *cpu = (const RvCpu *)base;
    const RvSys *s = &cpu->sys;
    unsigned fs = fp_state(s);
    return rv_ctx(base) | RV_CTX_SYS | (rv_machine32(cpu) ? RV_CTX_XLEN32 : 0u) |
           (uint32_t)s->priv << RV_CTX_PRIV_SHIFT |
           rv_data_idx(cpu) << RV_CTX_IDX_SHIFT | (s->virt ? RV_CTX_VIRT : 0u) |
           (s->geilen || s->mvien ? RV_CTX_IRQ_BY_C : 0u) |
           (rv_has(cpu, RV_HAS_ZICBOZ) && rv_cbo_enabled(cpu, RV_CBZE, false) ? RV_CTX_CBZE : 0u) |
           (fs == 0  ? RV_CTX_FS_OFF
            : fs < 3 ? RV_CTX_FS_CLEAN
                     : 0u);
}

static unsigned fetch_idx(uint32_t ctx)
{
    unsigned priv = ctx >> RV_CTX_PRIV_SHIFT & 3;
    if (priv == RV_M)
        return RV_IDX_M;
    return (ctx & RV_CTX_VIRT ? RV_IDX_GUEST : 0) + (priv == RV_S ? RV_IDX_S : RV_IDX_U);
}

/* All instructions that ask for alignment have their address in rs1. */
static Gva data_addr(const Cpu *base)
{
    uint32_t bits = 0;
    Cpu *cpu = (Cpu *)(uintptr_t)base;
    return cpu->mem->fetch(cpu, cpu->pc, &bits, 4) ? ((const RvCpu *)base)->x[bits >> 15 & 31] : 0;
}

static const char *model_at(const TargetOps *ops, unsigned n)
{
    return n == 0 ? ops == &target_riscv32_sys ? "rv32" : "rv64" : n == 1 ? "max" : NULL;
}

static const TargetSys sys = {
    .n_idx = RV_IDX_COUNT,
    .paged = RV_IDX_M,
    .mostly_global = 1 << RV_IDX_S | 1 << (RV_IDX_S + RV_IDX_MXR),
    .board = board,
    .walk = rv_walk,
    .bus_error = rv_bus_error,
    .fetch_idx = fetch_idx,
    .exception = rv_exception,
    .interrupt = rv_interrupt,
    .wakes = rv_wakes,
    .debug_reg = rv_debug_reg,
    .set_irq = rv_set_irq,
    .configure = rv_configure,
    .property = rv_property,
    .model = model_at,
    .extension = rv_extension,
    .state = &rv_state,
};

#define COMMON                                                                                               \
    .insn_align = 2,                                                                                         \
    .cpu_size = sizeof(RvCpu),                                                                               \
    .slots = rv_slots,                                                                                       \
    .helpers = helpers,                                                                                      \
    .regs = rv_regs,                                                                                         \
    .n_slots = RV_SYS_SLOTS,                                                                                 \
    .n_helpers = RV_SYS_HELPERS,                                                                             \
    .n_regs = RV_REGS,                                                                                       \
    .nan = IR_NAN_CANON,                                                                                     \
    .reset = machine_reset,                                                                                  \
    .ctx = machine_ctx,                                                                                      \
    .translate = rv_translate,                                                                               \
    .data_addr = data_addr,                                                                                  \
    .reserved = rv_reserved,                                                                                 \
    .sys = &sys,

const TargetOps target_riscv64_sys = {
    .name = "riscv64",
    .elf_machine = EM_RISCV,
    .elf_class = ELFCLASS64,
    .disas = rv_disas,
    COMMON
};

const TargetOps target_riscv32_sys = {
    .name = "riscv32",
    .elf_machine = EM_RISCV,
    .elf_class = ELFCLASS32,
    .disas = rv_disas_32,
    COMMON
};
