/*
 * Inside of the A64 front end: what the a64_trans_*.c files share.
 *
 * a64_trans_<handler>(t, a) translates one instruction with operands a: it reads registers with
 * a64_x()/a64_w()/ a64_r() (by sf), builds, writes registers with a64_put_*(), and sets t->flow if control
 * does not simply fall through (flow is FLOW_NEXT on entry, t->next is set). Rule: all reads before the first
 * write, all checks that raise before both, all writes after the last access to memory.
 * Register 31 is zero in the plain forms and the stack pointer in the _sp forms. Writing a W register clears
 * the upper half.
 */
#ifndef TARGET_ARM_A64_TRANS_H
#define TARGET_ARM_A64_TRANS_H

#include "target/arm/a64_decode.h"
#include "target/arm/arm_cpu.h"

/* Slots of ArmCpu. */
enum {
    ARM_SLOT_X = 0, /* + 0..30 */
    ARM_SLOT_SP = 31,
    ARM_SLOT_V = 32, /* + 0..31 */
    ARM_SLOT_FL = 64,
    ARM_SLOT_EXCL_ADDR,
    ARM_SLOT_EXCL_VAL,
    ARM_SLOT_EXCL_HIGH,
    ARM_SLOT_TPIDR,
    ARM_SLOT_TPIDRRO,
    ARM_SLOT_TPIDR2,
    ARM_SLOT_FPCR,
    ARM_SLOT_FP_STRICT,
    ARM_SLOT_PSTATE,
    ARM_SLOT_IC_PENDING,
    ARM_SLOT_QC,
    ARM_SLOT_PAC_KEY, /* + ArmPacKey */
    ARM_SLOT_PAC_KEY_END = ARM_SLOT_PAC_KEY + ARM_KEY_GA,
    ARM_SLOT_PC_DELTA,
    ARM_SLOTS
};

typedef enum ArmHelper {
#define HELPER(name, flags, ret, a0, a1, a2, a3) ARM_HELPER_##name,
#include "target/arm/arm_helpers.def"
#undef HELPER
    ARM_HELPERS
} ArmHelper;

#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    uint64_t arm_helper_##name(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
#include "target/arm/arm_helpers.def"
#undef HELPER

/* One handler per distinct entry of the handler column; rows that share one declare it again. */
#define INSN(id, name, pic, fmt, feat, handler, ops) void a64_trans_##handler(Trans *t, const A64Args *a);
#include "target/arm/a64_rows.inc"
#undef INSN

/* Third argument of the helper pac. */
enum { ARM_PAC_KEY = 7, ARM_PAC_QARMA3 = 8 };
/* QARMA-64 with the S-box sigma 1 or 2 and 3 or 5 rounds (arm_qarma.c); key0 is the high half of a key. */
uint64_t arm_qarma(uint64_t data, uint64_t modifier, uint64_t key0, uint64_t key1, unsigned sigma,
                   unsigned rounds);

static inline ArmModel arm_model(const Trans *t) { return (t->ctx & ARM_CTX_MODEL) >> ARM_CTX_MODEL_SHIFT; }
static inline bool arm_has(const Trans *t, ArmFeat feat) { return arm_model_has(arm_model(t), feat); }

static inline IrVal a64_imm(Trans *t, int64_t v) { return ir_const(t->b, IR_I64, v); }
static inline IrType a64_type(const A64Args *a) { return a->sf ? IR_I64 : IR_I32; }

static inline IrVal a64_x(Trans *t, unsigned r)
{
    return r == 31 ? a64_imm(t, 0) : ir_get(t->b, ARM_SLOT_X + r);
}
static inline IrVal a64_x_sp(Trans *t, unsigned r) { return ir_get(t->b, ARM_SLOT_X + r); }
/* The low 32 bits. */
static inline IrVal a64_w(Trans *t, unsigned r) { return ir_trunc(t->b, IR_I32, a64_x(t, r)); }
static inline IrVal a64_w_sp(Trans *t, unsigned r) { return ir_trunc(t->b, IR_I32, a64_x_sp(t, r)); }
/* 64 or 32 bits. */
static inline IrVal a64_r(Trans *t, bool sf, unsigned r) { return sf ? a64_x(t, r) : a64_w(t, r); }
static inline IrVal a64_r_sp(Trans *t, bool sf, unsigned r) { return sf ? a64_x_sp(t, r) : a64_w_sp(t, r); }

static inline void a64_put_x(Trans *t, unsigned r, IrVal v)
{
    if (r != 31)
        ir_put(t->b, ARM_SLOT_X + r, v);
}
static inline void a64_put_x_sp(Trans *t, unsigned r, IrVal v) { ir_put(t->b, ARM_SLOT_X + r, v); }
static inline void a64_put_w(Trans *t, unsigned r, IrVal v)
{
    if (r != 31)
        ir_put(t->b, ARM_SLOT_X + r, ir_zext(t->b, IR_I64, v));
}
/* v has the type of a64_r(). */
static inline void a64_put_r(Trans *t, bool sf, unsigned r, IrVal v)
{
    if (sf)
        a64_put_x(t, r, v);
    else
        a64_put_w(t, r, v);
}
static inline void a64_put_r_sp(Trans *t, bool sf, unsigned r, IrVal v)
{
    a64_put_x_sp(t, r, sf ? v : ir_zext(t->b, IR_I64, v));
}

/* rn and rm read in this order: C leaves the order of arguments open, and what is built should not depend on
 * the compiler. */
typedef struct A64Pair {
    IrVal n, m;
} A64Pair;

static inline A64Pair a64_nm(Trans *t, const A64Args *a)
{
    IrVal n = a64_r(t, a->sf, a->rn);

    return (A64Pair){n, a64_r(t, a->sf, a->rm)};
}

/* Word of type IR_FL for N Z C V in bits 3..0. */
static inline uint32_t a64_fl_word(unsigned nzcv)
{
    return (nzcv & 8 ? IR_FL_N : 0) | (nzcv & 4 ? IR_FL_Z : 0) | (nzcv & 2 ? IR_FL_C : 0) |
           (nzcv & 1 ? IR_FL_V : 0);
}

/* Attributes of a plain access of 1 << size bytes. */
static inline IrMem a64_mem(const Trans *t, unsigned size)
{
    if (t->ctx & ARM_CTX_SYS)
        return (IrMem){.size = size & 7,
                       .order = t->ctx & ARM_CTX_ALIGN64 ? IR_ALIGNED : IR_RELAXED,
                       .mmu = IR_MMU_TLB,
                       .mmuidx = t->ctx >> ARM_CTX_IDX_SHIFT & 3};
    return (IrMem){.size = size & 7, .mmu = IR_MMU_DIRECT};
}

static inline bool a64_sys(const Trans *t) { return t->ctx & ARM_CTX_SYS; }
static inline unsigned a64_el(const Trans *t) { return t->ctx >> ARM_CTX_EL_SHIFT & 3; }

/* The address of an instruction as a value. A machine's region knows physical addresses only
 * (docs/adr/0018-system-memory.md). */
static inline IrVal a64_pc_value(Trans *t, Gva pc)
{
    IrVal v = a64_sys(t) ? ir_const(t->b, IR_I64, (int64_t)pc) : ir_here(t->b, IR_I64, pc);

    return a64_sys(t) ? ir_add(t->b, IR_I64, ir_get(t->b, ARM_SLOT_PC_DELTA), v) : v;
}

/* Flag in the last argument of the helper stx: its load exclusive stands before it in the region. */
enum { ARM_STX_KNOWN = 1 << 16 };

static inline void a64_raise(Trans *t, CpuExitKind code)
{
    t->flow.kind = FLOW_RAISE;
    t->flow.code = code;
}
static inline void a64_illegal(Trans *t) { a64_raise(t, CPU_EXIT_ILLEGAL); }

/* What both TargetOps share (arm_target.c). */
enum { ARM_REGS = 0
#define REG(name, field, group) +1
#include "target/arm/arm_regs.def"
#undef REG
};
extern const TargetReg arm_regs[ARM_REGS];
void arm_reset(Cpu *cpu);
uint32_t arm_ctx(const Cpu *cpu);
uint32_t arm_ctx_of(const ArmCpu *cpu, bool strict); /* strict: IR_FP_UFC */
void a64_translate(Trans *t);
bool arm_reserved(Cpu *cpu, bool drop);

/* Does the instruction need the floating-point unit? Its rows are the last. */
static inline bool a64_is_fp(A64Insn insn) { return insn >= A64_scvtf_fix; }

/* What machines do differently (a64_trans_priv.c). False: the same as user mode. */
bool a64_mrs_machine(Trans *t, const A64Args *a);
bool a64_msr_machine(Trans *t, const A64Args *a);
bool a64_sys_machine(Trans *t, const A64Args *a);
void a64_svc_machine(Trans *t, const A64Args *a);
void a64_dsb_machine(Trans *t);
void a64_isb_machine(Trans *t);
void a64_debug_machine(Trans *t);
/* Around the translation of an instruction (a64_trans_sp.c). */
void a64_sp_before(Trans *t, const A64Args *a);
void a64_sp_after(Trans *t, A64Insn insn, const A64Args *a);
/* FPSR's bits 31..28, which only AArch32 computes. */
IrVal a64_fp_nzcv(Trans *t);
void a64_put_fp_nzcv(Trans *t, IrVal fpsr);

/* Decodes the instruction at t->bytes + off for look-ahead; A64_ILLEGAL also when the bytes are not all
 * there. */
A64Insn a64_peek(const Trans *t, unsigned off, A64Args *ret_args);

/* ExtendReg: register r, or a part of it, extended as `option` says and shifted left (a64_trans_int.c). */
IrVal a64_extended(Trans *t, bool sf, unsigned r, unsigned option, unsigned amount);

/* MISALIGNED unless addr is a multiple of `bytes`; zeros at addr, `bytes` a multiple of 8
 * (a64_trans_mem.c). */
void a64_check_aligned(Trans *t, IrVal addr, unsigned bytes);
void a64_store_zeros(Trans *t, IrVal addr, unsigned bytes);

/* Jump to an address in a register; CALL also writes the link register (a64_trans_flow.c). */
void a64_jump(Trans *t, IrVal target, IrHint hint);

/* N Z C V in bits 31..28 of an I64 (a64_trans_flags.c). */
IrVal a64_read_nzcv(Trans *t);
void a64_write_nzcv(Trans *t, IrVal v);

#endif
