/*
 * Inside of the RISC-V front end: what the rv_trans_*.c files share.
 *
 * rv_trans_<handler>(t, a) translates one instruction with operands a: it reads registers with
 * rv_x()/rv_f*(), builds, writes registers with rv_put_*(), and sets t->flow if control does not simply fall
 * through (flow is FLOW_NEXT on entry, t->next is set). Rule: all reads before the first write, all checks
 * that raise before both. Handlers never look at raw bits, except for the look-ahead of multi-instruction
 * idioms.
 */
#ifndef TARGET_RISCV_RV_TRANS_H
#define TARGET_RISCV_RV_TRANS_H

#include "target/riscv/rv_cpu.h"
#include "target/riscv/rv_decode.h"

/* Slots. x1..x31 have their own number; there is no slot for x0. */
enum {
    RV_SLOT_FRM = 0,
    RV_SLOT_X = 0, /* + 1..31 */
    RV_SLOT_F = 32,
    RV_SLOT_RES_ADDR = 64,
    RV_SLOT_RES_VAL,
    RV_SLOT_PC_DELTA,
    RV_SLOTS, /* of user mode; a machine has more: */
    RV_SLOT_MSTATUS = RV_SLOTS,
    RV_SLOT_MIE,
    RV_SLOT_MIDELEG,
    RV_SLOT_LINES,
    RV_SLOT_SOFT,
#define RV_SLOT_OF_SLOT(id) RV_SLOT_##id,
#define RV_SLOT_OF_PLAIN(id)
#define RV_SLOT_OF_CTX(id)
#define RV_SLOT_OF_CONST(id)
#define RV_SLOT_OF_FN(id)
#define PCSR(id, name, number, how, field, bits, ext) RV_SLOT_OF_##how(id)
#include "target/riscv/rv_priv_csrs.def"
#undef PCSR
    RV_SYS_SLOTS
};

typedef enum RvHelper {
#define HELPER(name, flags, ret, a0, a1, a2, a3) RV_HELPER_##name,
#include "target/riscv/rv_helpers.def"
    RV_HELPERS, /* of user mode; a machine has more: */
    RV_LAST_HELPER = RV_HELPERS - 1,
#include "target/riscv/rv_priv_helpers.def"
#undef HELPER
    RV_SYS_HELPERS
} RvHelper;

#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    uint64_t rv_helper_##name(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
#include "target/riscv/rv_helpers.def"
#include "target/riscv/rv_priv_helpers.def"
#undef HELPER

/* One handler per distinct entry of the handler column; rows that share one declare it again. */
#define INSN(id, name, pic, fmt, ext, xlen, ops, handler) void rv_trans_##handler(Trans *t, const RvArgs *a);
#include "target/riscv/rv_insns.def"
#undef INSN

static inline bool rv_is_32(const Trans *t) { return t->ctx & RV_CTX_XLEN32; }
static inline unsigned rv_xlen(const Trans *t) { return rv_is_32(t) ? RV_XLEN_32 : RV_XLEN_64; }

static inline IrVal rv_imm(Trans *t, int64_t v) { return ir_const(t->b, IR_I64, v); }

static inline IrVal rv_x(Trans *t, unsigned r)
{
    return r ? ir_get(t->b, RV_SLOT_X + r) : rv_imm(t, 0);
}

/* x[rs1] and x[rs2], read in this order: C leaves the order of arguments open, and what is built should not
 * depend on the compiler. */
typedef struct RvPair {
    IrVal rs1, rs2;
} RvPair;

static inline RvPair rv_x12(Trans *t, const RvArgs *a)
{
    IrVal first = rv_x(t, a->rs1);

    return (RvPair){first, rv_x(t, a->rs2)};
}

/* The low 32 bits of x[r]. */
static inline IrVal rv_x32(Trans *t, unsigned r) { return ir_trunc(t->b, IR_I32, rv_x(t, r)); }

static inline void rv_put_x(Trans *t, unsigned r, IrVal v)
{
    if (!r)
        return;
    if (rv_is_32(t))
        v = ir_sext(t->b, IR_I64, ir_trunc(t->b, IR_I32, v));
    ir_put(t->b, RV_SLOT_X + r, v);
}

/* x[r] = v, 32 bits, sign-extended: the result of the W instructions. */
static inline void rv_put_x32(Trans *t, unsigned r, IrVal v)
{
    if (r)
        ir_put(t->b, RV_SLOT_X + r, ir_sext(t->b, IR_I64, v));
}

/* x[rd] = x op y, on XLEN bits; on the low halves, sign-extended (rv_trans_int.c). */
void rv_alu(Trans *t, unsigned rd, IrOp op, IrVal x, IrVal y);
void rv_alu_w(Trans *t, unsigned rd, IrOp op, IrVal x, IrVal y);

/* f[r] as its 64 bits. */
static inline IrVal rv_fd(Trans *t, unsigned r) { return ir_get(t->b, RV_SLOT_F + r); }
static inline void rv_put_fd(Trans *t, unsigned r, IrVal v) { ir_put(t->b, RV_SLOT_F + r, v); }
/* f[r] as single precision: the canonical NaN when it is not boxed. */
static inline IrVal rv_fs(Trans *t, unsigned r) { return ir_unbox(t->b, IR_F32, rv_fd(t, r)); }
static inline void rv_put_fs(Trans *t, unsigned r, IrVal v)
{
    ir_put(t->b, RV_SLOT_F + r, ir_box(t->b, IR_F64, v));
}

/* f[r] as half precision, likewise. */
static inline IrVal rv_fh(Trans *t, unsigned r)
{
    IrBuilder *b = t->b;
    IrVal bits = ir_cast(b, IR_I64, rv_fd(t, r));
    IrVal boxed = ir_cmp(b, IR_EQ, ir_or(b, IR_I64, bits, rv_imm(t, 0xffff)), rv_imm(t, -1));

    return ir_cast(b, IR_F16, ir_trunc(b, IR_I16, ir_select(b, boxed, bits, rv_imm(t, 0x7e00))));
}
static inline void rv_put_fh(Trans *t, unsigned r, IrVal v)
{
    IrVal bits = ir_zext(t->b, IR_I64, ir_cast(t->b, IR_I16, v));

    rv_put_fd(t, r, ir_cast(t->b, IR_F64, ir_or(t->b, IR_I64, bits, rv_imm(t, -0x10000))));
}

/* A guest address as the program counter holds it. */
static inline Gva rv_pc(const Trans *t, Gva pc) { return rv_is_32(t) ? (uint32_t)pc : pc; }

static inline unsigned rv_priv(const Trans *t) { return t->ctx >> RV_CTX_PRIV_SHIFT & 3; }

/* That address as a value. A machine's region knows physical addresses only
 * (docs/adr/0018-system-memory.md). */
static inline IrVal rv_pc_value(Trans *t, Gva pc)
{
    if (!(t->ctx & RV_CTX_SYS))
        return ir_here(t->b, IR_I64, rv_pc(t, pc));
    return ir_add(t->b, IR_I64, ir_get(t->b, RV_SLOT_PC_DELTA), rv_imm(t, (int64_t)pc));
}

/* Attributes of a plain access of 1 << size bytes. */
static inline IrMem rv_mem(const Trans *t, unsigned size)
{
    if (t->ctx & RV_CTX_SYS)
        return (IrMem){.size = size & 7, .mmu = IR_MMU_TLB, .mmuidx = t->ctx >> RV_CTX_IDX_SHIFT & 15};
    return (IrMem){.size = size, .mmu = rv_is_32(t) ? IR_MMU_DIRECT32 : IR_MMU_DIRECT};
}

static inline void rv_raise(Trans *t, CpuExitKind code)
{
    t->flow.kind = FLOW_RAISE;
    t->flow.code = code;
}

/* What both TargetOps share (rv_target.c). */
enum { RV_REGS = 0
#define REG(name, field, group) +1
#include "target/riscv/rv_regs.def"
#undef REG
};
extern const IrSlot rv_slots[RV_SYS_SLOTS];
extern const TargetReg rv_regs[RV_REGS];
void rv_reset(Cpu *cpu);
uint32_t rv_ctx(const Cpu *cpu);
void rv_translate(Trans *t);
bool rv_reserved(Cpu *cpu, bool drop);
enum { RV_CSR_FFLAGS = 1, RV_CSR_FCSR = 3 };
/* Does the instruction need the floating-point unit? */
bool rv_is_fp(uint32_t bits, unsigned xlen);

/* Decodes the instruction at t->bytes + off for look-ahead; RV_ILLEGAL also when the bytes are not all
 * there. */
RvInsn rv_peek(const Trans *t, unsigned off, RvArgs *ret_args);

/* The frflags; compare; fsflags idiom (rv_trans_fp.c), tried by the CSR read that begins it. */
bool rv_fuse_quiet_compare(Trans *t, const RvArgs *frflags);
/* Sticky flags in RISC-V order, I64 (rv_trans_sys.c). */
IrVal rv_read_fflags(Trans *t);

#endif
