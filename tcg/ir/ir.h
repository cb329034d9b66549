/*
 * IrRegion: one translation unit of guest code as typed SSA.
 *
 * Shape. A region is an array of 16-byte instructions; a value is named by the index of the instruction that
 * makes it (0 is "none": instruction 0 is always a nop). Blocks are consecutive ranges; block 0 is the entry.
 * Values may be used in their own block and in blocks that theirs dominates; loop-carried values are block
 * parameters or, for guest state, slots. Side exits (exit_if, poll) stand inside blocks.
 *
 * Guest state. A slot is a whole architectural register; slots do not overlap. `get` reads, `put` writes.
 * The state at each insn_start is architectural: puts of one guest instruction come after its last op that
 * may fault (the commit rule; verify.c lists all invariants). An exception is raised with the state at
 * insn_start.
 *
 * Memory accesses are never removed, duplicated, merged, split, widened or reordered.
 *
 * Ownership: everything hangs off the Arena given to ir_region_new(); there is no free. Threads: one owner.
 * Limits: IR_MAX_INSNS values (a u16 names them); the builder sets `full` when it gets near, the translator
 * then ends the region.
 */
#ifndef TCG_IR_IR_H
#define TCG_IR_IR_H

#include "base/arena.h"
#include "base/bits.h"

typedef uint16_t IrVal;

enum {
    IR_NONE = 0,
    IR_MAX_INSNS = 4096,
    IR_MAX_BLOCKS = 64,
    IR_MAX_EXITS = 256,
    IR_MAX_GUEST = 256,
    IR_MAX_ARGS = 1024,
    IR_MAX_SLOTS = 192,
};

typedef enum IrOp {
#define OP(name, NAME, sig, flags, doc) IR_##NAME,
#include "tcg/ir/ops.def"
#undef OP
    IR_OP_COUNT
} IrOp;

typedef enum IrSig {
    IR_SIG_NONE, IR_SIG_START, IR_SIG_CONST, IR_SIG_PARAM, IR_SIG_GET, IR_SIG_PUT,
    IR_SIG_V, IR_SIG_VV, IR_SIG_VVV, IR_SIG_CVT, IR_SIG_CMP, IR_SIG_SEL,
    IR_SIG_FL1, IR_SIG_FL2, IR_SIG_FL3, IR_SIG_ADC, IR_SIG_FLMAKE, IR_SIG_FLBITS,
    IR_SIG_LD, IR_SIG_ST, IR_SIG_ST2, IR_SIG_LDM, IR_SIG_STM, IR_SIG_RMW, IR_SIG_CAS, IR_SIG_FENCE,
    IR_SIG_BULK,
    IR_SIG_FMA, IR_SIG_FCMP, IR_SIG_FLF, IR_SIG_FSGN, IR_SIG_FCLS, IR_SIG_FCVT, IR_SIG_FPENV,
    /* with a lane */
    IR_SIG_VEC1, IR_SIG_VEC2, IR_SIG_VEC3, IR_SIG_VEC4, IR_SIG_VGET, IR_SIG_VSET, IR_SIG_VDUP,
    IR_SIG_VCVT, IR_SIG_CRC,
    IR_SIG_XV, IR_SIG_XFL, IR_SIG_UNIT, /* x86 instructions */
    IR_SIG_CALL, IR_SIG_EXIT, IR_SIG_EXITIF, IR_SIG_EXITIND, IR_SIG_BR, IR_SIG_BRCOND,
} IrSig;

enum IrFlag {
    IR_F_PURE = 1,
    IR_F_COMM = 2,
    IR_F_FAULT = 4,
    IR_F_EFFECT = 8,
    IR_F_FPX = 16,
    IR_F_TERM = 32,
    IR_F_CALL = 64,
    IR_F_LOW32 = 128,
};

/* Widths in bits: ir_type_bits(). i1 is 0 or 1. fl is a word of guest flags (IR_FL_*). k* (lane masks)
 * await their first guest. */
typedef enum IrType {
    IR_VOID, IR_I1, IR_I8, IR_I16, IR_I32, IR_I64, IR_I128, IR_F16, IR_F32, IR_F64,
    IR_V64, IR_V128, IR_V256, IR_V512, IR_FL, IR_K8, IR_K16, IR_K32, IR_K64, IR_TYPE_COUNT
} IrType;

typedef struct IrInsn {
    uint16_t op;  /* IrOp */
    uint8_t type; /* IrType of the result; of the operands for st, put, cmp, fcmp, fl* */
    uint8_t misc;
    union {
        struct { IrVal a, b, c, d; };
        IrVal arg[4];
    };
    uint32_t imm;
} IrInsn;
_Static_assert(sizeof(IrInsn) == 16, "four instructions to a cache line");

/* cmp */
typedef enum IrCond { IR_EQ, IR_NE, IR_LTU, IR_GEU, IR_LT, IR_GE, IR_LEU, IR_GTU, IR_LE, IR_GT } IrCond;
/* Conditions on a word of flags: the Arm encoding, pairs of opposites. HS = carry set. See ir_flcc(). */
typedef enum IrFlCond {
    IR_FL_EQ, IR_FL_NE, IR_FL_HS, IR_FL_LO, IR_FL_MI, IR_FL_PL, IR_FL_VS, IR_FL_VC,
    IR_FL_HI, IR_FL_LS, IR_FL_GE, IR_FL_LT, IR_FL_GT, IR_FL_LE, IR_FL_AL, IR_FL_NV,
    IR_FL_BE, IR_FL_A, /* carry or zero, neither: x86's order after flcmp */
    IR_FL_PE, IR_FL_PO,
} IrFlCond;
/* Bits of an fl word. The layout is what x86 gives for nothing (lahf; seto al). A guest looks at those that
 * it has; BIT9 is always set by the rows that compute flags. Carry of a subtraction is "no borrow". */
enum {
    IR_FL_N = 0x8000,
    IR_FL_Z = 0x4000,
    IR_FL_HALF = 0x1000,
    IR_FL_PARITY = 0x0400,
    IR_FL_BIT9 = 0x0200,
    IR_FL_C = 0x0100,
    IR_FL_V = 0x0001,
};
/* fcmp: false on NaN. FEQ raises invalid for sNaN only, the others for any NaN; the Q forms as FEQ; the S
 * forms raise nothing at all (a compare between a read and a write-back of the flags). */
typedef enum IrFcond { IR_FEQ, IR_FLT, IR_FLE, IR_FLTQ, IR_FLEQ, IR_FUNO, IR_FLTS, IR_FLES } IrFcond;
enum { IR_FCC_NOT = 8 }; /* fcc: the opposite of FEQ, FLT, FLE or FUNO */
/* Rounding: the RISC-V encoding. DYN is the environment's. RMM is to nearest, ties away from zero. ODD (f2f
 * only): toward zero, the last bit set if anything was lost. */
typedef enum IrRound { IR_RNE, IR_RTZ, IR_RDN, IR_RUP, IR_RMM, IR_RODD, IR_RDYN = 7 } IrRound;
/* Besides the rounding, in d of f2i, i2f; of frint: raise inexact, and the range that is not invalid. */
enum { IR_CVT_UNSIGNED = 8, IR_FRINT_EXACT = 8, IR_FRINT_32 = 16, IR_FRINT_64 = 32 };
/* Sticky IEEE flags, in the order of MXCSR. */
enum { IR_FF_INVALID = 1, IR_FF_DENORM = 2, IR_FF_DIVZERO = 4, IR_FF_OVERFLOW = 8, IR_FF_UNDERFLOW = 16,
       IR_FF_INEXACT = 32 };
/* The region's policy. CANON: every NaN result of arithmetic is 0x7fc00000 / 0x7ff8 << 48. ARM: operands
 * propagate, signaling NaNs first (SOFTFP_NAN_ARM); tininess before rounding; FPX ops are recovery points,
 * see verify.c. X86: as the host, whose instructions (xvf) are the guest's; MXCSR is, too. */
typedef enum IrNan { IR_NAN_CANON, IR_NAN_ARM, IR_NAN_X86 } IrNan;
/* Modes of ARM, IrRegion.fp: default NaN; flush f32 and f64, f16; alternative f16; flags are exact (else UFC
 * may be missing for a result that rounds up to the smallest normal number, since x86 detects tininess after
 * rounding, and with FZ, IDC may be missing of a denormal beside a NaN, and IXC be there of a result that was
 * flushed). How the host is set, which no result depends on: STD rounds to nearest, exceptions for denormals
 * and underflow are unmasked for rows with IR_VA_STD; PX inexact is too, since it is not among the guest's
 * sticky flags yet. */
enum { IR_FP_DN = 1, IR_FP_FZ = 2, IR_FP_FZ16 = 4, IR_FP_AHP = 8, IR_FP_UFC = 16, IR_FP_STD = 32,
       IR_FP_PX = 64 };
/* Mode of X86: an exception of MXCSR is not masked, so FPX ops are recovery points. */
enum { IR_FP_TRAPS = 128 };
typedef enum IrRmw { IR_RMW_XCHG, IR_RMW_ADD, IR_RMW_AND, IR_RMW_OR, IR_RMW_XOR, IR_RMW_MIN, IR_RMW_MAX,
                     IR_RMW_MINU, IR_RMW_MAXU } IrRmw;
typedef enum IrHint { IR_HINT_JUMP, IR_HINT_CALL, IR_HINT_RET } IrHint;

/* Vectors. Lane of the operands: the low three bits are log2 of its bytes. */
typedef enum IrLane {
    IR_LANE_8, IR_LANE_16, IR_LANE_32, IR_LANE_64, IR_LANE_F16 = 9, IR_LANE_F32, IR_LANE_F64, IR_LANE_COUNT
} IrLane;
/* Attributes in imm: flags, and two numbers. What each row makes of them: ops.def. */
enum { IR_FLNZC_OLD = 32 }; /* misc of flnzc */
/* misc of flx. Of shifts and rotates b is the count; mul and imul: of the double-width product; imul2 is imul
 * without its high half. The last ones, from inc on, take a alone; div takes no operand at all. Shld and shrd
 * by a constant, which is or-ed to the kind: a is their result, b what was shifted; i32 and i64. */
typedef enum IrX86Fl {
    IR_X_SHL, IR_X_SHR, IR_X_SAR, IR_X_ROL, IR_X_ROR, IR_X_RCL, IR_X_RCR, IR_X_MUL, IR_X_IMUL, IR_X_IMUL2,
    IR_X_BT, IR_X_ANDN, IR_X_BEXTR, IR_X_BZHI,
    IR_X_INC, IR_X_DEC, IR_X_BSF, IR_X_BSR, IR_X_LZCNT, IR_X_TZCNT, IR_X_POPCNT, IR_X_BLSR, IR_X_BLSMSK,
    IR_X_BLSI, IR_X_DIV, IR_X_COUNT,
    IR_X_SHLD = 64, IR_X_SHRD = 128
} IrX86Fl;
/* imm of xv: opcode, map and mandatory prefix as in X64Pp, W, and an immediate. SSE: it has no VEX form.
 * XMM0: c stands in that register; else c is what the destination was. */
enum { IR_XV_W = 1 << 12, IR_XV_IMM = 1 << 13, IR_XV_SSE = 1 << 14, IR_XV_XMM0 = 1 << 15 };
#define IR_XV(pp, map, opc) ((uint32_t)(pp) << 10 | (uint32_t)(map) << 8 | (uint32_t)(opc))
/* imm of unit: as xv, and modrm. Where that names memory, mod is 0 and the address is operand a. A result in
 * a general register stands where modrm says, but for fnstsw; type fl: the flags that fcomi leaves. Operand b
 * is an integer, the register that modrm.rm names, or fl, the flags that fcmov looks at. The helper is
 * fn(cpu, imm, a, b, uint64_t *ret_result) and returns a status (IR_H_STATUS). */
#define IR_UNIT(pp, map, opc, modrm) (IR_XV(pp, map, opc) | (uint32_t)(modrm) << 24)
enum { IR_VA_S = 1, IR_VA_HI = 2, IR_VA_ROUND = 4, IR_VA_SAT = 8, IR_VA_MIX = 16, IR_VA_NEG = 32,
       IR_VA_STD = 64 };
/* STD, rows of floats: as with FPCR's DN and FZ set and rounding to nearest (Arm's standard FPSCR value). */
#define IR_VA_N(n) ((uint32_t)(n) << 8)
#define IR_VA_M(m) ((uint32_t)(m) << 16)
enum { IR_VTST = IR_GT + 1 }; /* condition of vcmp: a & b is not 0 */
/* AESE, AESD: state a ^ key b, then rows shifted and bytes substituted (inversely); the columns mixed;
 * the one and then the other (the builder makes these). */
typedef enum IrAes { IR_AES_E, IR_AES_D, IR_AES_MC, IR_AES_IMC, IR_AES_EMC, IR_AES_DIMC, IR_AES_COUNT } IrAes;
/* The Arm instructions of that name; a, b, c = Vd, Vn, Vm (Vn: lane 0 for SHA1C, P, M; SHA1SU1 and SHA256SU0
 * have no c). */
typedef enum IrSha {
    IR_SHA1C,
    IR_SHA1P,
    IR_SHA1M,
    IR_SHA1SU1,
    IR_SHA256H,
    IR_SHA256H2,
    IR_SHA256SU0,
    IR_SHA256SU1,
    IR_SHA_COUNT
} IrSha;
typedef struct IrVec { uint64_t w[2]; } IrVec; /* w[0] is the low half */

enum { IR_FENCE_RR = 1, IR_FENCE_RW = 2, IR_FENCE_WR = 4, IR_FENCE_WW = 8 };

/* Memory attributes, operand d of ld/st/rmw/cas. */
typedef enum IrOrder {
    IR_RELAXED,
    IR_ACQUIRE,
    IR_RELEASE,
    IR_ACQ_REL,
    IR_SEQ_CST,
    /* Relaxed loads and stores by IR_MMU_TLB, of guests with memory that takes aligned accesses only. To
     * that, an access has to be aligned by its size; by 1 << scale bytes (there is no index); it never is
     * (part of an operation on a whole block). IR_ALIGNED: by its size wherever it goes, else it raises. */
    IR_ELEMENTS,
    IR_BLOCK,
    IR_ALIGNED
} IrOrder;
typedef enum IrMmu { IR_MMU_DIRECT, IR_MMU_DIRECT32, IR_MMU_TLB, IR_MMU_PHYS } IrMmu;
typedef union IrMem {
    uint16_t raw;
    struct {
        uint16_t size : 3;   /* log2 of the bytes in memory, 0..6 */
        uint16_t sext : 1;   /* extend the sign into the result type; of a vector of 16 bytes and more: the
                              * address must be a multiple of the size */
        uint16_t bswap : 1;
        uint16_t scale : 2;  /* shift of the index operand; see IR_ELEMENTS */
        uint16_t order : 3;  /* IrOrder */
        uint16_t mmu : 2;    /* IrMmu: how a guest address becomes a host address */
        uint16_t mmuidx : 4;
    };
} IrMem;

/* IrSlot.pin: in the cpu object, and no state: an instruction that faults may have written to it. */
enum { IR_PIN_SCRATCH = 255 };

/* A slot of guest state. Tables hold no pointers: they need no relocation at start-up. */
typedef struct IrSlot {
    char name[10];
    uint16_t offset; /* bytes from the start of the cpu object */
    uint8_t type;    /* IrType */
    uint8_t pin;     /* 0: lives in the cpu object. n > 0: n-th choice for a host register of its class */
} IrSlot;

/* What a helper returns that has changed pc and context, and whatever the engine derives from them: on at
 * cpu->pc. cpu->exit says CTX, for who does not know this value. */
enum { IR_STATUS_GO = 2 };

/* A C function that generated code may call. */
enum IrHelperFlag {
    IR_H_PURE = 1,    /* looks at its arguments only */
    IR_H_STATUS = 2,  /* returns nonzero to leave: cpu->exit is then filled in, state as at insn_start. Of a
                       * machine also IR_STATUS_GO */
    IR_H_STATE = 4,   /* may read and write slots: `get` values from before are stale afterwards */
    IR_H_PC = 8,      /* wants cpu->pc to be that of the instruction (paged: its virtual address) */
    IR_H_LOOKS = 16,  /* STATUS: because of IEEE flags that its instruction has raised; it deals with them */
};
typedef struct IrHelper {
    char name[20];
    uint8_t flags;   /* IrHelperFlag */
    uint8_t ret;     /* IrType of the result, IR_VOID: none. Floats travel as the integer of their bits */
    uint8_t arg[4];  /* IrType of each argument after the cpu; IR_VOID ends the list */
    /* uint64_t fn(struct Cpu *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d) */
    uint64_t (*fn)(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
} IrHelper;

/* Where a region can be left (exit, exit_if, poll name one). */
typedef enum IrExitKind { IR_EXIT_DIRECT, IR_EXIT_RAISE,
                          IR_EXIT_FAR /* paged: DIRECT, to another page */ } IrExitKind;
typedef struct IrExit {
    uint64_t pc;   /* DIRECT, FAR: guest address to go on at. RAISE: of the raising instruction */
    uint8_t kind;  /* IrExitKind */
    uint8_t poll;  /* DIRECT: 1 = check for a kick on the way out (lower or equal PC) */
    uint16_t code; /* RAISE: CpuExitKind of target.h */
} IrExit;

typedef struct IrBlock {
    uint16_t first, end; /* instructions [first, end) */
    uint16_t params;     /* the first `params` instructions are its param ops */
} IrBlock;

typedef struct IrRegion {
    Arena *arena;
    IrInsn *insn;       /* [IR_MAX_INSNS] */
    uint64_t *pool;     /* wide constants; of a v128 two words */
    uint16_t *args;     /* operand lists of br */
    uint64_t *guest_pc; /* [n_guest]: address of guest instruction i (insn_start's imm) */
    IrBlock *block;
    IrExit *exit;
    uint16_t n_insns, n_pool, n_args, n_guest, n_blocks, n_exits;
    uint16_t ret_exit;  /* the region ends with a call: n_exits, the last exit is for the address it returns
                         * to. 0: none */
    uint8_t nan;        /* IrNan */
    uint8_t fp;         /* IR_FP_* */
    bool full;          /* no room for another guest instruction: end the region */
    bool vectors;       /* has loads of 16 bytes or rows xv: false is sure */
    bool stays;         /* not all of it moves with the pc as ir_here() does: no copy elsewhere */
    uint64_t pc;        /* guest address of the entry; paged: this and all others are physical */
    uint32_t ctx;       /* translation context word, see target.h */
    const IrSlot *slots;
    const IrHelper *helpers;
    uint16_t n_slots, n_helpers;
} IrRegion;

typedef struct IrOpInfo {
    char name[12];
    uint8_t sig;      /* IrSig */
    uint8_t flags;    /* IrFlag */
    uint8_t operands; /* how many of arg[] are values */
    uint8_t result;   /* IrResult */
} IrOpInfo;

/* What a signature makes. */
typedef enum IrResult { IR_RESULT_NONE, IR_RESULT_TYPE /* a value of the type field */, IR_RESULT_I1,
                        IR_RESULT_FL } IrResult;

extern const IrOpInfo ir_op_info[IR_OP_COUNT];
extern const char ir_type_name[IR_TYPE_COUNT][8];
extern const uint16_t ir_type_bits_table[IR_TYPE_COUNT];

static inline unsigned ir_type_bits(IrType t) { return ir_type_bits_table[t]; }
static inline bool ir_type_is_int(IrType t) { return t >= IR_I1 && t <= IR_I128; }
static inline bool ir_type_is_fp(IrType t) { return t >= IR_F16 && t <= IR_F64; }
/* Lives in a vector register of the host. */
static inline bool ir_type_is_vec(IrType t) { return t >= IR_F16 && t <= IR_V512; }

/* Does it write to memory? */
static inline bool ir_stores(unsigned op)
{
    return op == IR_ST || op == IR_ST2 || op == IR_STM || op == IR_RMW || op == IR_CAS || op == IR_BULK;
}

/* Type of the value that i makes; IR_VOID if none. */
static inline IrType ir_result_type(const IrRegion *r, const IrInsn *i)
{
    unsigned result = ir_op_info[i->op].result;
    return result == IR_RESULT_TYPE ? (IrType)i->type : result == IR_RESULT_I1 ? IR_I1
           : result == IR_RESULT_FL ? IR_FL : IR_VOID;
}
/* Number of operand values of i that are real (not attributes); they are arg[0..n). IR_NONE entries are
 * skipped by the caller. br's list is separate (args[]). */
static inline unsigned ir_operand_count(const IrInsn *i) { return ir_op_info[i->op].operands; }
/* Has the op a lane in misc and attributes in imm? */
static inline bool ir_has_lane(const IrInsn *i)
{
    unsigned sig = ir_op_info[i->op].sig;
    return sig >= IR_SIG_VEC1 && sig <= IR_SIG_VDUP;
}
static inline unsigned ir_lane_bits(unsigned lane) { return 8u << (lane & 7); }
/* A word of flags that is made at once, by an instruction that nobody wants to do twice? */
static inline bool ir_fl_at_once(unsigned op)
{
    return op == IR_FLMAKE || op == IR_FLXV || op == IR_FLXVF || op == IR_UNIT;
}
/* Is v a constant? Then its value (sign-extended from its type; i1 0 or 1; of a v128 the low half). */
static inline bool ir_is_const(const IrRegion *r, IrVal v) { return r->insn[v].op == IR_CONST; }
static inline int64_t ir_const_value(const IrRegion *r, IrVal v)
{
    const IrInsn *i = &r->insn[v];
    return i->misc ? (int64_t)r->pool[i->imm] : (int32_t)i->imm;
}

/* Are FPX ops recovery points? */
static inline bool ir_fpx_traps(const IrRegion *r) { return r->nan == IR_NAN_ARM || (r->fp & IR_FP_TRAPS); }

/* The two halves of a constant of any type. */
static inline IrVec ir_const_vec(const IrRegion *r, IrVal v)
{
    const IrInsn *i = &r->insn[v];
    uint64_t low = (uint64_t)ir_const_value(r, v);
    return (IrVec){{low, i->type == IR_V128 && i->misc ? r->pool[i->imm + 1] : 0 - (low >> 63)}};
}

/* Empty region with block 0 open. NULL when the arena is used up. About 110 KiB of address space, of which
 * only what is filled gets touched; the arena's memory need not be zero. */
IrRegion *ir_region_new(Arena *arena, const IrSlot *slots, unsigned n_slots, const IrHelper *helpers,
                        unsigned n_helpers);
/* The same region in arrays of exactly its size: to keep. It cannot grow. NULL when the arena is used up. */
IrRegion *ir_region_copy(Arena *arena, const IrRegion *from);

#endif
