/*
 * Inside of the A32/T32 front end: what the a32_trans_*.c files share.
 *
 * a32_trans_<handler>(t, a) translates one instruction: it reads registers with a32_r(), builds, writes with
 * a32_put() and its neighbours, and sets t->flow if control does not simply fall through. Rule: all reads
 * before the first write, all checks that raise before both, all writes after the last access to memory.
 *
 * The program counter that the rest of the program sees is tagged (arm_cpu.h): bit 0 is the T bit, bits
 * 39..32 are ITSTATE. So ISA and IT state are static, at every exit and in every recovery record.
 *
 * Conditions. An instruction that only writes registers and flags is built once and selects between new and
 * old values (A32Trans.cond, looked at by the put functions). So is a load, which then reads the bytes of the
 * instruction itself where the condition does not hold. Before another that may touch memory, branch or raise
 * the region is left if the condition does not hold: what follows under the same condition is known, so
 * an IT block is left once.
 *
 * Registers are 32-bit slots, the low halves of ArmCpu.x. Of the program counter only reads come here:
 * a32_r(15) is the architectural value. a32_write_pc() and a32_branch() write it.
 */
#ifndef TARGET_ARM_A32_TRANS_H
#define TARGET_ARM_A32_TRANS_H

#include <stddef.h>

#include "target/arm/a32_decode.h"
#include "target/arm/arm_cpu.h"

/* Slots of ArmCpu as A32 sees it. */
enum {
    A32_SLOT_R = 0, /* + 0..14 */
    A32_SLOT_V = 15, /* + 0..31: d0-d31 */
    A32_SLOT_FL = 47,
    A32_SLOT_Q,  /* sticky saturation: 0 or 1 */
    A32_SLOT_GE, /* four bytes, each 0 or 255 */
    A32_SLOT_EXCL_ADDR,
    A32_SLOT_EXCL_VAL,
    A32_SLOT_TPIDR,
    A32_SLOT_TPIDRRO,
    A32_SLOT_FPCR, /* modes of FPSCR */
    A32_SLOT_FPFL, /* NZCV of FPSCR, as a word of IR_FL_* */
    A32_SLOT_FP_STRICT,
    A32_SLOT_QC,   /* v128: not zero = FPSCR.QC */
    A32_SLOT_NEON, /* ArmCpu.neon_used */
    A32_SLOT_E,    /* CPSR.E: 0 or 1 */
    A32_SLOT_PC_DELTA, /* low half of Cpu.pc_delta */
    A32_SLOTS
};
enum { A32_SP = 13, A32_LR = 14, A32_PC = 15 };

typedef enum A32Helper {
#define HELPER(name, flags, ret, a0, a1, a2, a3) A32_HELPER_##name,
#include "target/arm/a32_helpers.def"
#undef HELPER
    A32_HELPERS
} A32Helper;

#define HELPER(name, flags, ret, a0, a1, a2, a3)                                                             \
    uint64_t a32_helper_##name(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
#include "target/arm/a32_helpers.def"
#undef HELPER

/* One handler per distinct entry of the handler column; rows that share one declare it again. */
#define INSN(id, name, pic, fmt, feat, handler, ops) void a32_trans_##handler(Trans *t, const A32Args *a);
#include "target/arm/a32_rows.inc"
#include "target/arm/t32_rows.inc"
#undef INSN

/* State of one instruction's translation, at Trans.target. */
enum { A32_ALIGNED = 4 };
typedef struct A32Trans {
    IrVal cond;        /* IR_NONE, or: writes select by this */
    IrVal branch_cond; /* of a branch; IR_NONE: always */
    /* Of the region: values that are known to be multiples of 4; a condition that is known to hold, and of
     * which flags. */
    IrVal aligned[A32_ALIGNED], known_fl;
    uint8_t known_cond, next_aligned;
    IrVal *held; /* results of a short vector go here, one after the other; NULL: to their registers */
} A32Trans;
_Static_assert(sizeof(A32Trans) <= 64, "Trans.target");

static inline A32Model a32_model(const Trans *t) { return (t->ctx & ARM_CTX_MODEL) >> ARM_CTX_MODEL_SHIFT; }
static inline A32Trans *a32_state(const Trans *t) { return t->target; }
static inline bool a32_thumb(const Trans *t) { return t->pc & ARM_PC_T; }
static inline unsigned a32_itstate(const Trans *t) { return (unsigned)(t->pc >> ARM_PC_IT_SHIFT); }
static inline bool a32_sys(const Trans *t) { return t->ctx & ARM_CTX_SYS; }
/* The region's address of the instruction; machines know physical ones only. */
static inline uint32_t a32_address(const Trans *t) { return (uint32_t)t->pc & ~1u; }
/* The tagged pc that many bytes on, in the IT state `it`. User mode's wraps. */
static inline Gva a32_pc_plus(const Trans *t, int64_t n, unsigned it)
{
    Gva at = (t->pc & ~((Gva)255 << ARM_PC_IT_SHIFT)) + (Gva)n;

    return (a32_sys(t) ? at : (uint32_t)at) | (Gva)it << ARM_PC_IT_SHIFT;
}

static inline IrVal a32_imm(Trans *t, uint32_t v) { return ir_const(t->b, IR_I32, (int32_t)v); }
static inline IrVal a32_imm64(Trans *t, int64_t v) { return ir_const(t->b, IR_I64, v); }
/* A region's address as the program knows it (docs/adr/0018-system-memory.md). */
static inline IrVal a32_here(Trans *t, uint32_t address)
{
    IrVal v = a32_sys(t) ? a32_imm(t, address) : ir_here(t->b, IR_I32, address);

    return a32_sys(t) ? ir_add(t->b, IR_I32, ir_get(t->b, A32_SLOT_PC_DELTA), v) : v;
}
/* Of the instruction behind this one, as a link register has it: with the T bit. */
static inline IrVal a32_return_address(Trans *t) { return a32_here(t, (uint32_t)t->next); }
/* What reading register 15 gives, and with its low two bits cleared; n is added. */
static inline IrVal a32_pc_value(Trans *t) { return a32_here(t, a32_address(t) + (a32_thumb(t) ? 4 : 8)); }
static inline IrVal a32_pc_aligned(Trans *t, uint32_t n)
{
    return a32_here(t, ((a32_address(t) + (a32_thumb(t) ? 4 : 8)) & ~3u) + n);
}
static inline IrVal a32_r(Trans *t, unsigned r)
{
    return r == A32_PC ? a32_pc_value(t) : ir_get(t->b, A32_SLOT_R + r);
}
static inline IrVal a32_zext(Trans *t, IrVal v) { return ir_zext(t->b, IR_I64, v); }
static inline IrVal a32_sext(Trans *t, IrVal v) { return ir_sext(t->b, IR_I64, v); }

/* Register n of the operands and m, read in this order: C leaves the order of arguments open. */
typedef struct A32Pair {
    IrVal n, m;
} A32Pair;
static inline A32Pair a32_two(Trans *t, unsigned n, unsigned m)
{
    IrVal first = a32_r(t, n);

    return (A32Pair){first, a32_r(t, m)};
}

/* A slot, under the instruction's condition. */
static inline void a32_put_slot(Trans *t, unsigned slot, IrVal v)
{
    IrVal cond = a32_state(t)->cond;

    ir_put(t->b, slot, cond ? ir_select(t->b, cond, v, ir_get(t->b, slot)) : v);
}
/* Register 0..14. */
static inline void a32_put(Trans *t, unsigned r, IrVal v)
{
    if (r != A32_PC) /* unpredictable where it can happen: ignored */
        a32_put_slot(t, A32_SLOT_R + r, v);
}
/* lo:hi = the two halves of the I64 v */
static inline void a32_put_pair(Trans *t, unsigned lo, unsigned hi, IrVal v)
{
    a32_put(t, lo, ir_trunc(t->b, IR_I32, v));
    a32_put(t, hi, ir_trunc(t->b, IR_I32, ir_shr(t->b, IR_I64, v, a32_imm64(t, 32))));
}
/* hi:lo as one I64 */
static inline IrVal a32_pair(Trans *t, IrVal lo, IrVal hi)
{
    return ir_or(t->b, IR_I64, a32_zext(t, lo), ir_shl(t->b, IR_I64, a32_zext(t, hi), a32_imm64(t, 32)));
}

static inline IrVal a32_fl(Trans *t) { return ir_get(t->b, A32_SLOT_FL); }
/* The carry flag, i1. */
static inline IrVal a32_carry(Trans *t) { return ir_flcc(t->b, a32_fl(t), IR_FL_HS); }
/* The shifter's carry: bit `bit` of v; the flag's own if v is IR_NONE. */
typedef struct A32CarryOut {
    IrVal v;
    unsigned bit;
} A32CarryOut;
/* N and Z of result (i32 or i64); C from carry; V unchanged. */
void a32_put_logic_flags(Trans *t, IrVal result, A32CarryOut carry);
/* Sticky saturation |= i1 */
static inline void a32_or_q(Trans *t, IrVal saturated)
{
    a32_put_slot(t, A32_SLOT_Q,
                 ir_or(t->b, IR_I32, ir_get(t->b, A32_SLOT_Q), ir_zext(t->b, IR_I32, saturated)));
}

/* The second operand of data processing, or the offset of a load. ret_carry may be NULL. */
IrVal a32_operand2(Trans *t, const A32Args *a, A32CarryOut *ret_carry);

/* VFP data processing while FPSCR.LEN or STRIDE is not 0. `one` translates the instruction for one element.
 * False: not such an instruction, or a scalar operation. */
typedef void A32One(Trans *t, A32Insn insn, const A32Args *a);
bool a32_short_vector(Trans *t, A32Insn insn, const A32Args *a, A32One *one);

/* Leaves the region unless cond, the instruction's condition, holds; from then on it is known to hold. */
void a32_go_around(Trans *t, const A32Args *a, IrVal cond);

/* Memory. The address is 32 bits wide and wraps. Data has the byte order that SETEND asked for, but where
 * "raw" says memory's. */
static inline bool a32_big(const Trans *t) { return t->ctx & ARM_CTX_BIG; }
enum { A32_IDX_USER = 0 }; /* mmuidx of User mode's accesses (arm_sys.h) */
static inline IrMem a32_mem_raw(const Trans *t, unsigned size)
{
    if (a32_sys(t))
        return (IrMem){.size = size & 7,
                       .order = t->ctx & ARM_CTX_ALIGN32 ? IR_ALIGNED : IR_RELAXED,
                       .mmu = IR_MMU_TLB,
                       .mmuidx = t->ctx >> ARM_CTX_IDX_SHIFT & 3};
    return (IrMem){.size = size & 7, .mmu = IR_MMU_DIRECT32};
}
static inline IrMem a32_mem(const Trans *t, unsigned size)
{
    IrMem mem = a32_mem_raw(t, size);

    mem.bswap = size && a32_big(t);
    return mem;
}
/* Elements of 1 << element bytes by one access; who asks for their alignment has done so. */
static inline IrMem a32_of_elements(const Trans *t, IrMem mem, unsigned element)
{
    if (a32_sys(t)) {
        mem.order = IR_ELEMENTS;
        mem.scale = element & 3;
    }
    return mem;
}
/* What an access takes for the address addr. disp is small: what it leads to beyond 4 GiB is masked by the
 * walk. */
static inline IrVal a32_at(Trans *t, IrVal addr) { return a32_sys(t) ? a32_zext(t, addr) : addr; }
static inline IrVal a32_ld(Trans *t, IrType type, IrVal addr, int32_t disp, IrMem mem)
{
    return ir_ld(t->b, type, a32_at(t, addr), disp, mem);
}
static inline void a32_st(Trans *t, IrVal v, IrVal addr, int32_t disp, IrMem mem)
{
    ir_st(t->b, v, a32_at(t, addr), disp, mem);
}
/* Leaves with MISALIGNED unless addr is a multiple of size. */
void a32_need_aligned(Trans *t, IrVal addr, unsigned size);

/* BXWritePC: bit 0 selects the ISA. */
void a32_write_pc(Trans *t, IrVal target, IrHint hint);
/* BranchWritePC: the ISA stays. */
void a32_branch(Trans *t, IrVal target, IrHint hint);
/* ALUWritePC */
void a32_alu_write_pc(Trans *t, IrVal target, IrHint hint);

/* What machines do differently (a32_trans_priv.c). */
IrVal a32_mode_bits(Trans *t);
/* A system register by its number: A64_SYSREG with op0 2 for coprocessor 14, 3 for 15; or, of MRRC, this |
 * opc1 << 4 | CRm. */
enum { A32_CP_64 = 1 << 16 };
void a32_write_cpsr(Trans *t, const A32Args *a, unsigned fields, IrVal v);
void a32_return(Trans *t, IrVal pc);
void a32_get_cp(Trans *t, unsigned reg, unsigned rt, unsigned rt2);
void a32_svc_machine(Trans *t, const A32Args *a);
void a32_vmrs_machine(Trans *t, const A32Args *a);
void a32_vmsr_machine(Trans *t, const A32Args *a);
void a32_debug_machine(Trans *t);

static inline void a32_raise(Trans *t, CpuExitKind code)
{
    t->flow.kind = FLOW_RAISE;
    t->flow.code = code;
}
static inline void a32_illegal(Trans *t) { a32_raise(t, CPU_EXIT_ILLEGAL); }

/* The instruction that many bytes ahead, for look-ahead; A32_ILLEGAL also when the bytes are not all there or
 * it is in an IT block. */
A32Insn a32_peek(const Trans *t, unsigned off, A32Args *ret_args);

#endif
