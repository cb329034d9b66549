#include "tcg/ir/ir.h"

enum {
    PURE = IR_F_PURE,
    COMM = IR_F_COMM,
    FAULT = IR_F_FAULT,
    EFFECT = IR_F_EFFECT,
    FPX = IR_F_FPX,
    TERM = IR_F_TERM,
    CALL = IR_F_CALL,
    LOW32 = IR_F_LOW32,
};

/* SIG(signature, operand values, result) */
#define SIGNATURES                                                                                           \
    SIG(NONE, 0, NONE) SIG(START, 0, NONE) SIG(CONST, 0, TYPE) SIG(PARAM, 0, TYPE) SIG(GET, 0, TYPE)         \
    SIG(PUT, 1, NONE)                                                                                        \
    SIG(V, 1, TYPE) SIG(VV, 2, TYPE) SIG(VVV, 3, TYPE) SIG(CVT, 1, TYPE) SIG(CMP, 2, I1) SIG(SEL, 3, TYPE)   \
    SIG(FL1, 1, FL) SIG(FL2, 2, FL) SIG(FL3, 3, FL) SIG(ADC, 3, TYPE) SIG(FLMAKE, 1, FL)                     \
    SIG(FLBITS, 1, TYPE)                                                                                     \
    SIG(LD, 2, TYPE) SIG(ST, 3, NONE) SIG(ST2, 3, NONE) SIG(LDM, 2, TYPE) SIG(STM, 3, NONE)                  \
    SIG(RMW, 3, TYPE) SIG(CAS, 3, TYPE) SIG(FENCE, 0, NONE) SIG(BULK, 3, TYPE)                \
    SIG(FMA, 3, TYPE) SIG(FCMP, 2, I1) SIG(FLF, 2, FL) SIG(FSGN, 2, TYPE) SIG(FCLS, 1, TYPE)                 \
    SIG(FCVT, 1, TYPE) SIG(FPENV, 1, TYPE)                                                                   \
    SIG(VEC1, 1, TYPE) SIG(VEC2, 2, TYPE) SIG(VEC3, 3, TYPE) SIG(VEC4, 4, TYPE) SIG(VGET, 1, TYPE)           \
    SIG(VSET, 2, TYPE)                                                                                       \
    SIG(VDUP, 1, TYPE) SIG(VCVT, 1, TYPE) SIG(CRC, 2, TYPE) SIG(XV, 3, TYPE) SIG(XFL, 2, FL)         \
    SIG(UNIT, 2, TYPE)                                                                                       \
    SIG(CALL, 4, TYPE) SIG(EXIT, 0, NONE) SIG(EXITIF, 1, NONE) SIG(EXITIND, 1, NONE) SIG(BR, 0, NONE)        \
    SIG(BRCOND, 1, NONE)

enum {
#define SIG(sig, n, result) OPERANDS_##sig = n, RESULT_##sig = IR_RESULT_##result,
    SIGNATURES
#undef SIG
};

const IrOpInfo ir_op_info[IR_OP_COUNT] = {
#define OP(name, NAME, sig, flags, doc)                                                                      \
    [IR_##NAME] = {#name, IR_SIG_##sig, flags, OPERANDS_##sig, RESULT_##sig},
#include "tcg/ir/ops.def"
#undef OP
};

const char ir_type_name[IR_TYPE_COUNT][8] = {
    [IR_VOID] = "void", [IR_I1] = "i1",     [IR_I8] = "i8",     [IR_I16] = "i16",   [IR_I32] = "i32",
    [IR_I64] = "i64",   [IR_I128] = "i128", [IR_F16] = "f16",   [IR_F32] = "f32",   [IR_F64] = "f64",
    [IR_V64] = "v64",   [IR_V128] = "v128", [IR_V256] = "v256", [IR_V512] = "v512", [IR_FL] = "fl",
    [IR_K8] = "k8",     [IR_K16] = "k16",   [IR_K32] = "k32",   [IR_K64] = "k64",
};

const uint16_t ir_type_bits_table[IR_TYPE_COUNT] = {
    [IR_VOID] = 0,  [IR_I1] = 1,     [IR_I8] = 8,     [IR_I16] = 16,   [IR_I32] = 32,
    [IR_I64] = 64,  [IR_I128] = 128, [IR_F16] = 16,   [IR_F32] = 32,   [IR_F64] = 64,
    [IR_V64] = 64,  [IR_V128] = 128, [IR_V256] = 256, [IR_V512] = 512, [IR_FL] = 16,
    [IR_K8] = 8,    [IR_K16] = 16,   [IR_K32] = 32,   [IR_K64] = 64,
};

/* The arrays are not cleared: the builder writes every element before it counts it. */
static bool region_alloc(IrRegion *r, unsigned insns, unsigned pool, unsigned args, unsigned guest,
                         unsigned blocks, unsigned exits)
{
    Arena *a = r->arena;
    r->insn = arena_alloc(a, insns * sizeof *r->insn, 64);
    r->pool = arena_array(a, uint64_t, pool);
    r->args = arena_array(a, uint16_t, args);
    r->guest_pc = arena_array(a, uint64_t, guest);
    r->block = arena_array(a, IrBlock, blocks);
    r->exit = arena_array(a, IrExit, exits);
    return r->insn && r->pool && r->args && r->guest_pc && r->block && r->exit;
}

IrRegion *ir_region_new(Arena *arena, const IrSlot *slots, unsigned n_slots, const IrHelper *helpers,
                        unsigned n_helpers)
{
    IrRegion *r = arena_new(arena, IrRegion);
    if (!r)
        return NULL;
    *r = (IrRegion){.arena = arena,
                    .slots = slots,
                    .n_slots = (uint16_t)n_slots,
                    .helpers = helpers,
                    .n_helpers = (uint16_t)n_helpers};
    if (!region_alloc(r, IR_MAX_INSNS, IR_MAX_INSNS, IR_MAX_ARGS, IR_MAX_GUEST, IR_MAX_BLOCKS, IR_MAX_EXITS))
        return NULL;
    r->insn[0] = (IrInsn){.op = IR_NOP};
    r->n_insns = 1;
    r->block[0] = (IrBlock){.first = 1, .end = 1};
    r->n_blocks = 1;
    return r;
}

IrRegion *ir_region_copy(Arena *arena, const IrRegion *from)
{
    IrRegion *r = arena_new(arena, IrRegion);
    if (!r)
        return NULL;
    *r = *from;
    r->arena = arena;
    r->full = true;
    if (!region_alloc(r, from->n_insns, from->n_pool, from->n_args, from->n_guest, from->n_blocks,
                      from->n_exits))
        return NULL;
    memcpy(r->insn, from->insn, from->n_insns * sizeof *r->insn);
    memcpy(r->pool, from->pool, from->n_pool * sizeof *r->pool);
    memcpy(r->args, from->args, from->n_args * sizeof *r->args);
    memcpy(r->guest_pc, from->guest_pc, from->n_guest * sizeof *r->guest_pc);
    memcpy(r->block, from->block, from->n_blocks * sizeof *r->block);
    memcpy(r->exit, from->exit, from->n_exits * sizeof *r->exit);
    return r;
}
