/* TargetOps of RISC-V: state table, context word, and the translation of one instruction. */
#include <elf.h>
#include <stddef.h>

#include "base/fault.h"
#include "target/riscv/rv_disas.h"
#include "target/riscv/rv_trans.h"


/* The last column is the rank for a host register: a5 a4 a3 a0 s0 sp a2 a1 s1 ra s2 a6, fa0-fa5 ft0 ft1 (how
 * often compiled code names them). */
#define XSLOT(n, rank) [RV_SLOT_X + n] = {"x" #n, offsetof(RvCpu, x) + 8 * (n), IR_I64, rank}
#define FSLOT(n, rank) [RV_SLOT_F + n] = {"f" #n, offsetof(RvCpu, f) + 8 * (n), IR_F64, rank}

#define CSR_SLOT_SLOT(id, name, field)                                                                       \
    [RV_SLOT_##id] = {name, offsetof(RvCpu, sys) + offsetof(RvSys, field), IR_I64, 0},
#define CSR_SLOT_PLAIN(id, name, field)
#define CSR_SLOT_CTX(id, name, field)
#define CSR_SLOT_CONST(id, name, field)
#define CSR_SLOT_FN(id, name, field)
#define SYS_SLOT(id, name, field) [id] = {name, offsetof(RvCpu, sys) + offsetof(RvSys, field), IR_I64, 0}

const IrSlot rv_slots[RV_SYS_SLOTS] = {
    [RV_SLOT_FRM] = {"frm", offsetof(RvCpu, frm), IR_I32, 0},
    XSLOT(1, 10), XSLOT(2, 6), XSLOT(3, 0), XSLOT(4, 0), XSLOT(5, 0), XSLOT(6, 0), XSLOT(7, 0), XSLOT(8, 5),
    XSLOT(9, 9), XSLOT(10, 4), XSLOT(11, 8), XSLOT(12, 7), XSLOT(13, 3), XSLOT(14, 2), XSLOT(15, 1),
        XSLOT(16, 12),
    XSLOT(17, 0), XSLOT(18, 11), XSLOT(19, 0), XSLOT(20, 0), XSLOT(21, 0), XSLOT(22, 0), XSLOT(23, 0),
        XSLOT(24, 0),
    XSLOT(25, 0), XSLOT(26, 0), XSLOT(27, 0), XSLOT(28, 0), XSLOT(29, 0), XSLOT(30, 0), XSLOT(31, 0),
    FSLOT(0, 7), FSLOT(1, 8), FSLOT(2, 0), FSLOT(3, 0), FSLOT(4, 0), FSLOT(5, 0), FSLOT(6, 0), FSLOT(7, 0),
    FSLOT(8, 0), FSLOT(9, 0), FSLOT(10, 1), FSLOT(11, 2), FSLOT(12, 3), FSLOT(13, 4), FSLOT(14, 5),
        FSLOT(15, 6),
    FSLOT(16, 0), FSLOT(17, 0), FSLOT(18, 0), FSLOT(19, 0), FSLOT(20, 0), FSLOT(21, 0), FSLOT(22, 0),
        FSLOT(23, 0),
    FSLOT(24, 0), FSLOT(25, 0), FSLOT(26, 0), FSLOT(27, 0), FSLOT(28, 0), FSLOT(29, 0), FSLOT(30, 0),
        FSLOT(31, 0),
    [RV_SLOT_RES_ADDR] = {"resaddr", offsetof(RvCpu, res_addr), IR_I64, 0},
    [RV_SLOT_RES_VAL] = {"resval", offsetof(RvCpu, res_val), IR_I64, 0},
    [RV_SLOT_PC_DELTA] = {"pcdelta", offsetof(Cpu, pc_delta), IR_I64, 0},
    SYS_SLOT(RV_SLOT_MSTATUS, "mstatus", mstatus),
    SYS_SLOT(RV_SLOT_MIE, "mie", mie),
    SYS_SLOT(RV_SLOT_MIDELEG, "mideleg", mideleg),
    SYS_SLOT(RV_SLOT_LINES, "lines", lines),
    SYS_SLOT(RV_SLOT_SOFT, "soft", soft),
#define PCSR(id, name, number, how, field, bits, ext) CSR_SLOT_##how(id, name, field)
#include "target/riscv/rv_priv_csrs.def"
#undef PCSR
};
_Static_assert(offsetof(RvCpu, x) == sizeof(Cpu), "x[] follows the head");

static const IrHelper helpers[RV_HELPERS] = {
#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    {#name, flags, IR_##ret, {IR_##a0, IR_##a1, IR_##a2, IR_##a3}, rv_helper_##name},
#include "target/riscv/rv_helpers.def"
#undef HELPER
};

const TargetReg rv_regs[] = {
#define REG(name, field, group) {name, offsetof(RvCpu, field), sizeof(((RvCpu *)0)->field), group},
#include "target/riscv/rv_regs.def"
#undef REG
};

uint32_t rv_fcsr(const RvCpu *cpu)
{
    uint32_t ff = cpu->base.ff;

    return cpu->frm << 5 | (ff & IR_FF_INVALID ? RV_FF_NV : 0) | (ff & IR_FF_DIVZERO ? RV_FF_DZ : 0) |
           (ff & IR_FF_OVERFLOW ? RV_FF_OF : 0) | (ff & IR_FF_UNDERFLOW ? RV_FF_UF : 0) |
           (ff & IR_FF_INEXACT ? RV_FF_NX : 0);
}

void rv_set_fcsr(RvCpu *cpu, uint32_t fcsr)
{
    cpu->frm = fcsr >> 5 & 7;
    cpu->base.frm = cpu->frm <= IR_RUP ? cpu->frm : IR_RNE;
    cpu->base.ff = (fcsr & RV_FF_NV ? IR_FF_INVALID : 0) | (fcsr & RV_FF_DZ ? IR_FF_DIVZERO : 0) |
                   (fcsr & RV_FF_OF ? IR_FF_OVERFLOW : 0) | (fcsr & RV_FF_UF ? IR_FF_UNDERFLOW : 0) |
                   (fcsr & RV_FF_NX ? IR_FF_INEXACT : 0);
}

void rv_reset(Cpu *base)
{
    RvCpu *cpu = (RvCpu *)base;

    memset(cpu->x, 0, sizeof(cpu->x));
    memset(cpu->f, 0, sizeof(cpu->f));
    cpu->res_addr = RV_NO_RESERVATION;
    cpu->res_val = 0;
    cpu->lr_exclusive = 0;
    rv_set_fcsr(cpu, 0);
}

uint32_t rv_ctx(const Cpu *base)
{
    const RvCpu *cpu = (const RvCpu *)base;

    return (cpu->frm <= IR_RUP ? 0u : cpu->frm == IR_RMM ? RV_CTX_FRM_RMM : RV_CTX_FRM_BAD) |
           (cpu->lr_exclusive ? RV_CTX_LR_EXCLUSIVE : 0u) | cpu->model << RV_CTX_MODEL_SHIFT;
}

RvInsn rv_peek(const Trans *t, unsigned off, RvArgs *ret_args)
{
    unsigned len;

    if (off + 2 > t->n_bytes)
        return RV_ILLEGAL;
    len = rv_insn_len(ld_u16(t->bytes + off));
    if (off + len > t->n_bytes)
        return RV_ILLEGAL;
    return rv_decode(len == 4 ? ld_u32(t->bytes + off) : ld_u16(t->bytes + off), rv_xlen(t), ret_args);
}

/* Does it need the floating-point unit? Rows name its registers by capital letters. */
static bool is_fp(RvInsn insn, unsigned csr)
{
    static const char ops[RV_INSN_COUNT][12] = {
#define INSN(id, name, pic, fmt, ext, xlen, ops, handler) ops,
#include "target/riscv/rv_insns.def"
#undef INSN
    };
    if (insn >= RV_csrrw && insn <= RV_csrrci)
        return csr >= RV_CSR_FFLAGS && csr <= RV_CSR_FCSR;
    for (const char *p = ops[insn]; *p; p++)
        if (*p == 'D' || *p == 'S' || *p == 'T' || *p == 'R')
            return true;
    return false;
}

bool rv_is_fp(uint32_t bits, unsigned xlen)
{
    RvArgs args;
    RvInsn insn = rv_decode(bits, xlen, &args);

    return insn != RV_ILLEGAL && is_fp(insn, args.csr);
}

/* Rows of what the model lacks are no instructions. */
static bool is_there(const Trans *t, RvInsn insn)
{
    enum {
#define EXT(id, name, how, user) IN_##id = RV_MODEL_##user,
#include "target/riscv/rv_ext.def"
#undef EXT
        IN_PRIV = RV_MODEL_GC, /* the handlers know */
        IN_ZBB_ZBKB = MAX((int)IN_ZBB, (int)IN_ZBKB),
        IN_ZBC_ZBKC = MAX((int)IN_ZBC, (int)IN_ZBKC),
        IN_ZKND_ZKNE = MAX((int)IN_ZKND, (int)IN_ZKNE),
        IN_ZFH_ZFA = MIN((int)IN_ZFH, (int)IN_ZFA),         /* both */
        IN_ZABHA_ZACAS = MIN((int)IN_ZABHA, (int)IN_ZACAS),
    };
    static const uint8_t last_model[RV_INSN_COUNT] = {
#define INSN(id, name, pic, fmt, ext, xlen, ops, handler) IN_##ext,
#include "target/riscv/rv_insns.def"
#undef INSN
    };
    return insn != RV_ILLEGAL && (t->ctx >> RV_CTX_MODEL_SHIFT & 3) <= last_model[insn];
}

void rv_translate(Trans *t)
{
    unsigned len = t->n_bytes < 2 ? 4 : rv_insn_len(ld_u16(t->bytes));
    RvArgs args;

    t->truncated = t->n_bytes < len;
    if (t->truncated)
        return;
    t->next = rv_pc(t, t->pc + len);
    t->flow = (TransFlow){.kind = FLOW_NEXT};
    RvInsn insn = rv_peek(t, 0, &args);
    if (!is_there(t, insn)) {
        rv_raise(t, CPU_EXIT_ILLEGAL);
        return;
    }
    if ((t->ctx & (RV_CTX_FS_OFF | RV_CTX_FS_CLEAN)) && is_fp(insn, args.csr)) {
        rv_raise(t, CPU_EXIT_ILLEGAL);
        return;
    }
    switch (insn) {
#define INSN(id, name, pic, fmt, ext, xlen, ops, handler) case RV_##id: rv_trans_##handler(t, &args); break;
#include "target/riscv/rv_insns.def"
#undef INSN
    case RV_ILLEGAL: rv_raise(t, CPU_EXIT_ILLEGAL); break;
    }
}

/* All instructions that ask for alignment have their address in rs1. */
static Gva rv_data_addr(const Cpu *base)
{
    const RvCpu *cpu = (const RvCpu *)base;
    FaultVal bits = fault_ld32(base->pc);

    return bits.fault ? 0 : cpu->x[bits.val >> 15 & 31];
}

bool rv_reserved(Cpu *base, bool drop)
{
    RvCpu *cpu = (RvCpu *)base;
    bool reserved = cpu->res_addr != RV_NO_RESERVATION;

    if (drop) {
        cpu->res_addr = RV_NO_RESERVATION;
        cpu->lr_exclusive = 0;
    }
    return reserved;
}

static uint32_t ctx32(const Cpu *base)
{
    return rv_ctx(base) | RV_CTX_XLEN32;
}
static Gva data_addr32(const Cpu *base)
{
    return (uint32_t)rv_data_addr(base);
}

/* What programs of both widths have alike. */
#define RV_PROGRAMS                                                                                          \
    .elf_machine = EM_RISCV, .insn_align = 2, .cpu_size = sizeof(RvCpu), .slots = rv_slots,                  \
    .helpers = helpers, .regs = rv_regs, .n_slots = RV_SLOTS, .n_helpers = RV_HELPERS,                       \
    .n_regs = ARRAY_SIZE(rv_regs), .nan = IR_NAN_CANON, .reset = rv_reset, .translate = rv_translate,        \
    .reserved = rv_reserved

const TargetOps target_riscv64 = {
    RV_PROGRAMS,   .name = "riscv64", .elf_class = ELFCLASS64,
    .ctx = rv_ctx, .disas = rv_disas, .data_addr = rv_data_addr,
};

const TargetOps target_riscv32 = {
    RV_PROGRAMS,  .name = "riscv32",    .elf_class = ELFCLASS32,
    .ctx = ctx32, .disas = rv_disas_32, .data_addr = data_addr32,
};
#undef RV_PROGRAMS
