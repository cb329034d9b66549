#include "tcg/ir/ir.h"

enum {
    PURE = IR_F_PURE,
    COMM = IR_F_COMM,
    FAULT = IR_F_FAULT,
    EFFECT = IR_F_EFFECT,
    FPX = IR_F_FPX,
    TERM = IR_F_TERM,
    CALL = IR_F_CALL,
};

const IrOpInfo ir_op_info[IR_OP_COUNT] = {
#define OP(name, NAME, sig, flags, doc) [IR_##NAME] = {#name, IR_SIG_##sig, flags},
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
    [IR_V64] = 64,  [IR_V128] = 128, [IR_V256] = 256, [IR_V512] = 512, [IR_FL] = 0,
    [IR_K8] = 8,    [IR_K16] = 16,   [IR_K32] = 32,   [IR_K64] = 64,
};

/* Operand values per signature, and what the result is: VOID none, I1 always i1, else the instruction's type. */
typedef struct SigInfo {
    uint8_t operands;
    uint8_t result; /* 0 none, 1 the type field, 2 i1 */
} SigInfo;

static const SigInfo sig_info[] = {
    [IR_SIG_NONE] = {0, 0},   [IR_SIG_START] = {0, 0},  [IR_SIG_CONST] = {0, 1},   [IR_SIG_PARAM] = {0, 1},
    [IR_SIG_GET] = {0, 1},    [IR_SIG_PUT] = {1, 0},    [IR_SIG_V] = {1, 1},       [IR_SIG_VV] = {2, 1},
    [IR_SIG_VVV] = {3, 1},    [IR_SIG_CVT] = {1, 1},    [IR_SIG_CMP] = {2, 2},     [IR_SIG_SEL] = {3, 1},
    [IR_SIG_LD] = {2, 1},     [IR_SIG_ST] = {3, 0},     [IR_SIG_RMW] = {3, 1},     [IR_SIG_CAS] = {3, 1},
    [IR_SIG_FENCE] = {0, 0},  [IR_SIG_FMA] = {3, 1},    [IR_SIG_FCMP] = {2, 2},    [IR_SIG_FSGN] = {2, 1},
    [IR_SIG_FCLS] = {1, 1},   [IR_SIG_FCVT] = {1, 1},   [IR_SIG_FPENV] = {1, 1},   [IR_SIG_CALL] = {4, 1},
    [IR_SIG_EXIT] = {0, 0},   [IR_SIG_EXITIF] = {1, 0}, [IR_SIG_EXITIND] = {1, 0}, [IR_SIG_BR] = {0, 0},
    [IR_SIG_BRCOND] = {1, 0},
};

IrType ir_result_type(const IrRegion *r, const IrInsn *i)
{
    (void)r;
    switch (sig_info[ir_op_info[i->op].sig].result) {
    case 1: return (IrType)i->type;
    case 2: return IR_I1;
    default: return IR_VOID;
    }
}

unsigned ir_operand_count(const IrInsn *i)
{
    return sig_info[ir_op_info[i->op].sig].operands;
}

/* The arrays are not cleared: the builder writes every element before it counts it. */
static bool region_alloc(IrRegion *r, unsigned insns, unsigned pool, unsigned args, unsigned guest, unsigned blocks,
                         unsigned exits)
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
    if (!region_alloc(r, from->n_insns, from->n_pool, from->n_args, from->n_guest, from->n_blocks, from->n_exits))
        return NULL;
    memcpy(r->insn, from->insn, from->n_insns * sizeof *r->insn);
    memcpy(r->pool, from->pool, from->n_pool * sizeof *r->pool);
    memcpy(r->args, from->args, from->n_args * sizeof *r->args);
    memcpy(r->guest_pc, from->guest_pc, from->n_guest * sizeof *r->guest_pc);
    memcpy(r->block, from->block, from->n_blocks * sizeof *r->block);
    memcpy(r->exit, from->exit, from->n_exits * sizeof *r->exit);
    return r;
}
