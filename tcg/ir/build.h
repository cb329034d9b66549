/*
 * IrBuilder: typed construction of a region, one guest instruction after the other.
 *
 * Use. ir_builder_init(); then per guest instruction ir_insn_start(), reads with ir_get(), operations, writes
 * with ir_put(); the next ir_insn_start() (or an exit) commits the buffered writes, so that an instruction
 * that faults half-way has changed nothing. ir_builder_finish() closes the region.
 *
 * What the builder does by itself: forwards a put to later gets of the block (no get op is made twice),
 * shares equal PURE ops, folds constants and the identities listed in fold.h. It never drops or reorders
 * anything with an effect. So the value returned may be an older one.
 *
 * Threads: one owner; the builder is a few KiB and is meant to live in the translating thread's own storage.
 * Errors: none are returned. When the region is nearly full, region->full is set; at least IR_BUILD_SLACK
 * instructions still fit then, enough for one guest instruction and the end.
 */
#ifndef TCG_IR_BUILD_H
#define TCG_IR_BUILD_H

#include "tcg/ir/ir.h"

enum { IR_BUILD_SLACK = 256, IR_BUILD_PENDING = 40, IR_BUILD_HASH = 128 };

typedef struct IrBuilder {
    IrRegion *r;
    IrVal cur[IR_MAX_SLOTS];                /* current value of each slot in this block, IR_NONE unknown */
    uint8_t pending_slot[IR_BUILD_PENDING]; /* puts of the current instruction, not yet committed */
    IrVal pending_val[IR_BUILD_PENDING];
    unsigned n_pending;
    IrVal hash[IR_BUILD_HASH];              /* last value per hash of a PURE op */
    struct {
        IrVal of, is;
        IrType type;
    } reversed;                             /* the last ir_rbit(), whose leading zeros are trailing ones */
    uint16_t block;                         /* open block */
    bool no_fold;                           /* option: build every op as asked (tests) */
    uint8_t masked;                         /* lanes (1 << IrLane) for which the engine has ldm and stm */
    bool moves;                             /* option: the region may be copied to another pc (ir_here()) */
    bool untag;                             /* option: bits 63..56 of data addresses are ignored, bit 55
                                             * stands for them */
} IrBuilder;

void ir_builder_init(IrBuilder *b, IrRegion *r);
/* Commits what is pending and closes the last block. */
void ir_builder_finish(IrBuilder *b);

void ir_insn_start(IrBuilder *b, uint64_t guest_pc);
IrVal ir_get(IrBuilder *b, unsigned slot);
void ir_put(IrBuilder *b, unsigned slot, IrVal v);
/* Emits the buffered puts now. Only for ops after the last that may fault; exits call it by themselves. */
void ir_commit(IrBuilder *b);
/* Forget the known values of all slots (after a helper that changes state). */
void ir_forget_slots(IrBuilder *b);

IrVal ir_const(IrBuilder *b, IrType t, int64_t v);
/* A guest address that was computed from the pc, i32 or i64: like the pc it is another where the same bytes
 * are mapped elsewhere. Every value that depends on the pc is made of these. Where regions do not move, a
 * constant; else sums with constants are folded, and nothing else is. */
IrVal ir_here(IrBuilder *b, IrType t, uint64_t v);

/* Is v the address of code that a jump may go to directly? Where regions move, only what moves with them. */
static inline bool ir_known_target(const IrBuilder *b, IrVal v, uint64_t *ret_pc)
{
    if (b->r->insn[v].op != (b->moves ? IR_HERE : IR_CONST))
        return false;
    *ret_pc = (uint64_t)ir_const_value(b->r, v);
    return true;
}

/* One typed builder per row of signature V, VV, VVV: ir_add(b, IR_I64, x, y) and so on. */
IrVal ir_v(IrBuilder *b, IrOp op, IrType t, IrVal a);
/* Neighbouring groups of `bits` bits (1, 2, 4, 8) change places; all bits stand in reverse order. */
IrVal ir_swap_groups(IrBuilder *b, IrType t, IrVal v, unsigned bits);
IrVal ir_rbit(IrBuilder *b, IrType t, IrVal v);
/* The op as given: shared with an equal one if it is PURE. */
IrVal ir_emit(IrBuilder *b, IrInsn i);
IrVal ir_vv(IrBuilder *b, IrOp op, IrType t, IrVal a, IrVal bb);
IrVal ir_fp2(IrBuilder *b, IrOp op, IrType t, IrRound rm, IrVal a, IrVal bb); /* bb = IR_NONE: one operand */
#define IR_BUILD_NONE(name, NAME)
#define IR_BUILD_V(name, NAME)                                                                               \
    static inline IrVal ir_##name(IrBuilder *b, IrType t, IrVal a)                                           \
    {                                                                                                        \
        return ir_v(b, IR_##NAME, t, a);                                                                     \
    }
#define IR_BUILD_VV(name, NAME)                                                                              \
    static inline IrVal ir_##name(IrBuilder *b, IrType t, IrVal a, IrVal c)                                  \
    {                                                                                                        \
        return ir_vv(b, IR_##NAME, t, a, c);                                                                 \
    }
#define IR_BUILD_START  IR_BUILD_NONE
#define IR_BUILD_CONST  IR_BUILD_NONE
#define IR_BUILD_PARAM  IR_BUILD_NONE
#define IR_BUILD_GET    IR_BUILD_NONE
#define IR_BUILD_PUT    IR_BUILD_NONE
#define IR_BUILD_CVT    IR_BUILD_NONE
#define IR_BUILD_CMP    IR_BUILD_NONE
#define IR_BUILD_SEL    IR_BUILD_NONE
#define IR_BUILD_FL1    IR_BUILD_NONE
#define IR_BUILD_FL2    IR_BUILD_NONE
#define IR_BUILD_FL3    IR_BUILD_NONE
#define IR_BUILD_ADC    IR_BUILD_NONE
#define IR_BUILD_FLMAKE IR_BUILD_NONE
#define IR_BUILD_FLBITS IR_BUILD_NONE
#define IR_BUILD_LD     IR_BUILD_NONE
#define IR_BUILD_ST     IR_BUILD_NONE
#define IR_BUILD_ST2    IR_BUILD_NONE
#define IR_BUILD_LDM    IR_BUILD_NONE
#define IR_BUILD_STM    IR_BUILD_NONE
#define IR_BUILD_RMW    IR_BUILD_NONE
#define IR_BUILD_CAS    IR_BUILD_NONE
#define IR_BUILD_FENCE  IR_BUILD_NONE
#define IR_BUILD_BULK   IR_BUILD_NONE
#define IR_BUILD_FMA    IR_BUILD_NONE
#define IR_BUILD_FCMP   IR_BUILD_NONE
#define IR_BUILD_FLF    IR_BUILD_NONE
#define IR_BUILD_FSGN   IR_BUILD_NONE
#define IR_BUILD_FCLS   IR_BUILD_NONE
#define IR_BUILD_FCVT   IR_BUILD_NONE
#define IR_BUILD_FPENV  IR_BUILD_NONE
/* Vector rows: attributes (IR_VA_S | IR_VA_N(3) ...) come before the operands. */
IrVal ir_vec(IrBuilder *b, IrOp op, IrType t, unsigned lane, uint32_t attr, IrVal x, IrVal y, IrVal z,
             IrVal w);
#define IR_BUILD_VEC1(name, NAME) \
    static inline IrVal ir_##name(IrBuilder *b, IrType t, unsigned lane, uint32_t attr, IrVal x) \
    { return ir_vec(b, IR_##NAME, t, lane, attr, x, IR_NONE, IR_NONE, IR_NONE); }
#define IR_BUILD_VEC2(name, NAME) \
    static inline IrVal ir_##name(IrBuilder *b, IrType t, unsigned lane, uint32_t attr, IrVal x, IrVal y) \
    { return ir_vec(b, IR_##NAME, t, lane, attr, x, y, IR_NONE, IR_NONE); }
#define IR_BUILD_VEC3(name, NAME)                                                                            \
    static inline IrVal ir_##name(IrBuilder *b, IrType t, unsigned lane, uint32_t attr, IrVal x, IrVal y,    \
                                  IrVal z)                                                                   \
    { return ir_vec(b, IR_##NAME, t, lane, attr, x, y, z, IR_NONE); }
#define IR_BUILD_VEC4(name, NAME)                                                                            \
    static inline IrVal ir_##name(IrBuilder *b, IrType t, unsigned lane, uint32_t attr, IrVal x, IrVal y,    \
                                  IrVal z, IrVal w)                                                          \
    { return ir_vec(b, IR_##NAME, t, lane, attr, x, y, z, w); }
#define IR_BUILD_VGET IR_BUILD_VEC1 /* t: the integer's type */
#define IR_BUILD_VSET IR_BUILD_VEC2
#define IR_BUILD_VDUP IR_BUILD_VEC1
#define IR_BUILD_VCVT   IR_BUILD_NONE
#define IR_BUILD_CRC    IR_BUILD_NONE
#define IR_BUILD_XV     IR_BUILD_NONE
#define IR_BUILD_XFL    IR_BUILD_NONE
#define IR_BUILD_UNIT   IR_BUILD_NONE
#define IR_BUILD_CALL   IR_BUILD_NONE
#define IR_BUILD_EXIT   IR_BUILD_NONE
#define IR_BUILD_EXITIF IR_BUILD_NONE
#define IR_BUILD_EXITIND IR_BUILD_NONE
#define IR_BUILD_BR     IR_BUILD_NONE
#define IR_BUILD_BRCOND IR_BUILD_NONE
#define OP(name, NAME, sig, flags, doc) IR_BUILD_##sig(name, NAME)
#include "tcg/ir/ops.def"
#undef OP

IrVal ir_vzext(IrBuilder *b, IrType to, IrVal a);
IrVal ir_vany(IrBuilder *b, IrType to, IrVal a);
IrVal ir_vlow(IrBuilder *b, IrType to, IrVal a);
IrVal ir_vconst(IrBuilder *b, IrType t, uint64_t low, uint64_t high); /* t: v64 or v128 */
IrVal ir_vconst_dup(IrBuilder *b, IrType t, unsigned lane, uint64_t v);
IrVal ir_crc32(IrBuilder *b, unsigned kind, IrVal crc, IrVal data); /* kind 1: CRC-32C */

IrVal ir_sext(IrBuilder *b, IrType to, IrVal a);
IrVal ir_zext(IrBuilder *b, IrType to, IrVal a);
IrVal ir_trunc(IrBuilder *b, IrType to, IrVal a);
IrVal ir_cast(IrBuilder *b, IrType to, IrVal a);
IrVal ir_cmp(IrBuilder *b, IrCond c, IrVal a, IrVal bb);
IrVal ir_select(IrBuilder *b, IrVal cond, IrVal if_true, IrVal if_false);

/* Flags (flags.c). ir_flcc() makes no op of its own: it asks the operands of the row that made the flags, as
 * far as it can, so that a compare and branch is a compare and branch. ir_select() takes fl values too. */
IrVal ir_flsub(IrBuilder *b, IrVal x, IrVal y);
IrVal ir_fladd(IrBuilder *b, IrVal x, IrVal y);
IrVal ir_fladc(IrBuilder *b, IrVal x, IrVal y, IrVal fl);
IrVal ir_flsbc(IrBuilder *b, IrVal x, IrVal y, IrVal fl);
/* The values that go with these. A back end computes both at once where the flags follow the value
 * directly. */
IrVal ir_addc(IrBuilder *b, IrVal x, IrVal y, IrVal fl);
IrVal ir_subc(IrBuilder *b, IrVal x, IrVal y, IrVal fl);
IrVal ir_fllogic(IrBuilder *b, IrVal x);
/* x86: carry of a subtraction is a borrow; flags of a shift (IR_FLSHL ..) by n; of other instructions. */
IrVal ir_flcmp(IrBuilder *b, IrVal x, IrVal y);
IrVal ir_flsbb(IrBuilder *b, IrVal x, IrVal y, IrVal fl);
IrVal ir_sbb(IrBuilder *b, IrVal x, IrVal y, IrVal fl);
IrVal ir_flshift(IrBuilder *b, IrOp op, IrVal x, unsigned n);
IrVal ir_flx(IrBuilder *b, IrX86Fl kind, IrVal x, IrVal y, IrVal fl);
/* adcx; over: adox, whose carry goes by way of the overflow. The sum, and the word. */
IrVal ir_adx(IrBuilder *b, bool over, IrVal x, IrVal y, IrVal fl);
IrVal ir_fladx(IrBuilder *b, bool over, IrVal x, IrVal y, IrVal fl);
/* Vector instructions of x86; x may be IR_NONE. */
IrVal ir_xv(IrBuilder *b, bool fp, IrType t, uint32_t enc, IrVal x, IrVal y);
IrVal ir_xv3(IrBuilder *b, bool fp, uint32_t enc, IrVal x, IrVal y, IrVal z);
IrVal ir_flxv(IrBuilder *b, bool fp, uint32_t enc, IrVal x, IrVal y);
/* Of x87 and MMX. t: the result's, IR_VOID: none. addr, x: may be IR_NONE. */
IrVal ir_unit(IrBuilder *b, IrType t, uint32_t enc, unsigned helper, IrVal addr, IrVal x);
/* N and Z of x, C = bit `bit` of y (IR_FLNZC_OLD: as it was, y is ignored), V as it was in fl. */
IrVal ir_flnzc(IrBuilder *b, IrVal x, IrVal y, unsigned bit, IrVal fl);
IrVal ir_flmake(IrBuilder *b, IrVal word);
IrVal ir_flbits(IrBuilder *b, IrVal fl);
IrVal ir_flcc(IrBuilder *b, IrVal fl, IrFlCond c); /* i1 */

/* idx may be IR_NONE. t is the type of the result, mem.size the bytes in memory. */
IrVal ir_ld(IrBuilder *b, IrType t, IrVal base, int32_t disp, IrMem mem);
void ir_st(IrBuilder *b, IrVal value, IrVal base, int32_t disp, IrMem mem);
void ir_st2(IrBuilder *b, IrVal low, IrVal high, IrVal base, int32_t disp, IrMem mem);
IrVal ir_ldm(IrBuilder *b, unsigned lane, IrVal mask, IrVal base, int32_t disp, IrMem mem);
void ir_stm(IrBuilder *b, unsigned lane, IrVal mask, IrVal value, IrVal base, int32_t disp, IrMem mem);
IrVal ir_rmw(IrBuilder *b, IrRmw op, IrType t, IrVal addr, IrVal value, IrMem mem);
/* What ir_rmw() would store, from the old value: for the form that is not atomic. */
IrVal ir_rmw_value(IrBuilder *b, IrRmw op, IrType t, IrVal old, IrVal value);
IrVal ir_cas(IrBuilder *b, IrType t, IrVal addr, IrVal expected, IrVal desired, IrMem mem);
/* Kind: FaultBulk + log2 of an element's bytes. */
IrVal ir_bulk(IrBuilder *b, unsigned kind, IrVal x, IrVal y, IrVal n);
void ir_fence(IrBuilder *b, unsigned mask);

IrVal ir_fma(IrBuilder *b, IrType t, IrRound rm, bool neg_product, bool neg_addend, IrVal x, IrVal y,
             IrVal z);
IrVal ir_fcmp(IrBuilder *b, IrFcond c, IrVal x, IrVal y);
IrVal ir_fsgn(IrBuilder *b, unsigned how, IrVal x, IrVal sign);
IrVal ir_fclass(IrBuilder *b, IrVal x);
/* f2f, f2i, i2f, frint, ... */
IrVal ir_fcvt(IrBuilder *b, IrOp op, IrType to, unsigned round_and_flags, IrVal x);
/* f2i, i2f */
IrVal ir_fcvt_fixed(IrBuilder *b, IrOp op, IrType to, unsigned round_and_flags, unsigned fbits, IrVal x);
/* Compare to flags; ir_flcc() of its value asks the operands (fcc). */
IrVal ir_flfcmp(IrBuilder *b, bool signaling, IrVal x, IrVal y);
IrVal ir_fcc(IrBuilder *b, unsigned cond, IrVal x, IrVal y);
IrVal ir_ffget(IrBuilder *b);
void ir_ffput(IrBuilder *b, IrVal flags);
void ir_frmput(IrBuilder *b, IrVal round);

/* A helper with IR_H_STATE makes the builder forget all slots. Its puts are committed before the call if it
 * has IR_H_STATE (it then sees them), which must therefore be the last op of its instruction that may
 * fault. */
IrVal ir_call(IrBuilder *b, unsigned helper, const IrVal *args, unsigned n_args);

/* Did what was built since the instruction `from` write to memory, or call? Did it that, load or order? */
bool ir_writes_since(const IrRegion *r, const IrInsn *from);
bool ir_accesses_since(const IrRegion *r, const IrInsn *from);

/* Exits commit pending puts first. */
unsigned ir_exit_direct(IrBuilder *b, uint64_t pc, bool poll);  /* makes an exit row */
unsigned ir_exit_far(IrBuilder *b, uint64_t pc);
unsigned ir_exit_raise(IrBuilder *b, uint64_t pc, unsigned code);
/* After the exit that ends the region: it is a call, which most likely returns to this address. */
void ir_expect_return(IrBuilder *b, uint64_t pc);
void ir_exit_if(IrBuilder *b, IrVal cond, unsigned exit, bool likely);
void ir_poll(IrBuilder *b, unsigned exit);
void ir_exit(IrBuilder *b, unsigned exit);
void ir_exit_ind(IrBuilder *b, IrVal target, IrHint hint);
/* Opens the next block; the former must have ended. */
unsigned ir_block(IrBuilder *b);
void ir_br(IrBuilder *b, unsigned block);
void ir_brcond(IrBuilder *b, IrVal cond, unsigned if_true, unsigned if_false);

#endif
