/* X64Emit and the vocabulary of the emitters: use, define, scratch. Private to this folder.
 *
 * Where a value is. reg[v] >= 0: in that register (0-15 general, 16-31 xmm). Else home[v] != 0: in the cpu
 * object, as the present content of slot home[v] - 1. Else spill[v] != 0: in private stack slot spill[v] - 1.
 * Constants are made where they are needed. reg_val[r] is the value in register r; for a pinned register it
 * is the content of its slot (or a value computed there ahead of its put, which ir_liveness() has proved
 * safe).
 * A value whose register is taken over is moved elsewhere first if it is still needed (x64_evict).
 */
#ifndef TCG_HOST_X86_64_X64_PRIV_H
#define TCG_HOST_X86_64_X64_PRIV_H

#include "tcg/host/x86_64/x64.h"
#include "tcg/host/x86_64/cpuid.h"

enum { X64_LANDING_CMP = 7 }; /* bytes: cmp rax, [rip + disp32] */
enum { X64_XMM = 16, X64_MAX_COLD = 768, X64_MAX_LITS = 256, X64_MAX_LIT_USES = 512, X64_MAX_BR_ARGS = 24 };

typedef enum X64ColdKind { COLD_EXIT, COLD_CANON, COLD_SOFT, COLD_UNBOX, COLD_UNORDERED,
                           COLD_SOFT_IR, COLD_SIGNAL,
    COLD_CALL, COLD_ACCESS, COLD_UNIT } X64ColdKind;

typedef struct X64Cold {
    uint8_t kind;
    uint8_t reg, width;  /* CANON: xmm and 32/64. SOFT: destination register */
    uint16_t dirty;      /* EXIT: pinned xmm to make canonical */
    uint8_t n_args, arg_reg[3], mode; /* SOFT, SOFT_IR: operands in registers; IrRound, 7 from the cpu.
                                       * SIGNAL: two xmm, mode 1 doubles */
    uint8_t fl;          /* EXIT: index + 1 of the recipe of the flags slot, 0 none */
    bool fl_host;        /* EXIT: and the host's flags are those of its row still */
    uint16_t exit;
    bool is_near;        /* site is a rel8 */
    uint8_t *site;       /* rel32 to patch to the cold code; NULL: entered by address of `jmp` in stub */
    uint8_t *site2;      /* another, or NULL */
    uint8_t *more[4];    /* and more of them */
    uint8_t n_more;
    uint8_t *back;       /* where to go on */
    uint16_t count;      /* SOFT, SOFT_IR: see x64_count() */
    uint64_t fn;         /* SOFT: function. SOFT_IR: X64SoftOp */
    uint32_t soft_d;     /* SOFT_IR: IrInsn.d */
} X64Cold;

/* An access of a group that shares one look into the TLB. */
typedef struct X64Share {
    uint16_t insn;
    uint8_t slot;        /* word of X64Layout.shared, or of the loop's set */
    bool follows;        /* takes what the leader has left */
    uint16_t leader;     /* index in X64Emit.share */
    /* of a leader: */
    bool writes;         /* one of the group does */
    bool keeps;          /* the page that it found the last time, in the loop's set */
    uint16_t n;          /* how many they are */
    int16_t lo, hi;      /* bytes that all access, from its own address */
} X64Share;

/* An access that the TLB does not settle: what the cold code needs to know. Registers: 16 + xmm, -1 none. */
typedef struct X64Access {
    X64Mem m;
    uint16_t insn, cold; /* indexes */
    int8_t value, expected, dest;
    bool is_const;
    int32_t constant;
    bool shares; /* of a group (x64_emit_share.c): it looks into the TLB by itself, */
    uint8_t slot, tag;
    int8_t t;     /* with this temporary, */
    uint8_t *hot; /* and goes on there, the addend in it; NULL: nothing of it is in line */
    const X64Share *keeps; /* the leader of a group that keeps its page: itself; else NULL */
    int8_t u;     /* a temporary that it may use, too */
} X64Access;
enum { X64_MAX_ACCESSES = 512 };

/* A 16-byte constant behind the region's code, and an instruction that reads it. */
typedef struct X64LitUse {
    uint8_t *site; /* rel32 */
    uint16_t lit;
    uint8_t tail;  /* bytes of the instruction behind the displacement */
} X64LitUse;

struct X64Emit {
    X64Asm *a;
    const X64Host *h;
    const IrRegion *r;
    const IrLive *l;
    X64Code *code;
    uint8_t *entry;
    uint8_t *block_at[IR_MAX_BLOCKS];
    X64Exits exits;
    unsigned cur;        /* index of the instruction being emitted */
    unsigned ordinal;    /* guest instruction */
    uint32_t locked;     /* registers that the current op uses */
    uint64_t spills;     /* stack slots in use */
    bool failed;         /* too complex */
    bool is_near;        /* exits are taken to be within reach of a rel8 */
    bool missed;         /* and one was not */
    bool any_dirty;      /* some value has been marked dirty */
    uint32_t temps;      /* registers that are not pinned in this region */
    unsigned n_pins;
    X64Pin pin[X64_MAX_PINS + X64_MAX_LOOP_PINS];  /* the boundary's, then the loop's */
    const X64Host *pins_of; /* whose pins `pin` and slot_reg are; NULL: a loop has changed them */
    uint8_t max_loop_pins;
    uint32_t loop_dirty; /* loop pins that are put somewhere in the region */
    int8_t slot_reg[IR_MAX_SLOTS];
    unsigned calls;
    IrVal fl_loop;       /* the last word that a loop puts, handed to the next round by its operands; IR_NONE:
                          * none */
    uint8_t fl_head;     /* recipe of that word at the loop's head, valid until the first put; 0: none */
    IrVal fl;            /* what the flags slot should hold; IR_NONE: it does */
    IrVal hold;          /* the word that the host's flags are; IR_NONE: none that anyone knows of */
    bool hold_inv;       /* with the carry inverted */
    bool unit_live;      /* from here on in the block the host has the state of IR_UNIT rows */
    bool arm;            /* the region's NaN policy is Arm's */
    bool wide;           /* the region has operations of 256 bits (x64_emit_wide.c) */
    IrVal upper[16];     /* value in the upper half of a ymm register, 0 none */
    uint8_t upper_slot[16]; /* loop pins: 1 + slot in the upper half of the register, 0 none */
    uint16_t uppers_kept, uppers_put; /* registers that have one; and put it in the region */
    uint8_t *fcmp_end;   /* code address at which the host's flags are those of comparing fcmp_x with
                          * fcmp_y */
    IrVal fcmp_x, fcmp_y;
    uint8_t *cmp_end;    /* code address at which the host's flags are those that the row cmp needed */
    const IrInsn *cmp;
    uint8_t *test_end;   /* code address at which the host's flags are those of `test` of test_val */
    IrVal test_val;
    unsigned fp_image;   /* a silent compare at this index finds MXCSR as it was in [host_fp] */
    unsigned n_cold, n_fix;
    IrVal reg_val[32];
    IrVal slot_val[IR_MAX_SLOTS]; /* value that the slot's memory holds (slots that are not pinned) */
    /* a brcond has three: two for "not equal or unordered" */
    struct { uint8_t *site; uint16_t block; } fix[IR_MAX_BLOCKS * 3];
    int8_t reg[IR_MAX_INSNS];
    uint8_t home[IR_MAX_INSNS];
    uint8_t spill[IR_MAX_INSNS];
    uint8_t dirty[IR_MAX_INSNS]; /* float that may be a NaN that is not canonical */
    uint8_t upper0[IR_MAX_INSNS]; /* float or v64: the rest of its xmm register is zero, whichever that is */
    X64Cold cold[X64_MAX_COLD];
    unsigned n_accesses;
    uint8_t *page_at;    /* in cold code: the address of the region's page (x64_emit_paged.c) */
    const X64Cold *last_raise; /* likewise: what the code at raise_at raises for; NULL: there is none */
    uint8_t *raise_at;
    X64Access access[X64_MAX_ACCESSES];
    unsigned n_shares, next_share;
    unsigned loop_set;   /* of the last loop (X64Paged.loops) */
    X64Share share[X64_MAX_ACCESSES];
    unsigned n_lits, n_lit_uses;
    IrVec lit[X64_MAX_LITS];
    X64LitUse lit_use[X64_MAX_LIT_USES];
};

typedef void X64EmitFn(X64Emit *e, const IrInsn *i);
#define OP(name, NAME, sig, flags, doc) X64EmitFn x64_emit_##name;
#include "tcg/ir/ops.def"
#undef OP

static inline X64Mem x64_env(int32_t offset) { return X64_MEM(X64_RBP, offset - X64_ENV_BIAS); }
static inline X64Mem x64_slot_mem(const X64Emit *e, unsigned slot)
{
    return x64_env(e->h->slots[slot].offset);
}
static inline uint16_t x64_slot_bytes(const X64Host *h, unsigned slot)
{
    return h->slots[slot].type == IR_V128 ? 16 : 8;
}
static inline int32_t x64_spill_at(const X64Emit *e, unsigned n) { return e->h->at.spill + 8 * (int32_t)n; }
static inline X64Mem x64_spill_mem(const X64Emit *e, unsigned n) { return x64_env(x64_spill_at(e, n)); }
/* Operand k of a row that C executes; operand 0 becomes the result. */
static inline X64Mem x64_vec_arg(const X64Host *h, unsigned k)
{
    return x64_env(h->at.spill + 8 * X64_SPILLS + 16 * (int32_t)k);
}
static inline IrType x64_type(const X64Emit *e, IrVal v) { return (IrType)e->r->insn[v].type; }
/* A vector register's value of type t from and to memory. */
static inline void x64_load_x(X64Asm *a, IrType t, int x, X64Mem m)
{
    if (t == IR_V128)
        x64_movups_rm(a, x, m);
    else
        x64_movsd_rm(a, x, m);
}
static inline void x64_store_x(X64Asm *a, IrType t, X64Mem m, int x)
{
    if (t == IR_V128)
        x64_movups_mr(a, m, x);
    else
        x64_movsd_mr(a, m, x);
}
static inline IrVal x64_val(const X64Emit *e, IrVal v)
{
    while (e->l->alias[v] != v)
        v = e->l->alias[v];
    return v;
}
static inline int x64_width(IrType t) { return t == IR_I64 ? 64 : t == IR_I16 ? 16 : t == IR_I8 ? 8 : 32; }
static inline int x64_fmt(IrType t) { return t == IR_F64 ? X64_SD : X64_SS; }
static inline bool x64_const(const X64Emit *e, IrVal v, int64_t *ret)
{
    if (!ir_is_const(e->r, v))
        return false;
    *ret = ir_const_value(e->r, v);
    return true;
}
/* Is the value needed after the current op? */
static inline bool x64_live_after(const X64Emit *e, IrVal v) { return e->l->last[v] > e->cur; }

/* use: the value in a general register (0-15) or xmm (0-15), locked until the op ends. */
int x64_use(X64Emit *e, IrVal v);
int x64_use_x(X64Emit *e, IrVal v);
/* The value's memory if it is not in a register. */
bool x64_use_mem(X64Emit *e, IrVal v, X64Mem *ret);
/* define: a register for the current instruction's result. `want` >= 0: preferred if it is free after this op
 * (an operand's register); `avoid`: mask of registers it must not be. */
int x64_def(X64Emit *e, int want, uint32_t avoid);
int x64_def_x(X64Emit *e, int want, uint32_t avoid);
/* The current instruction's result is in temporary or pinned register reg already. */
void x64_def_is(X64Emit *e, int reg);
/* A general value from its memory (slot or stack); the bits above a narrow one are zero. */
void x64_load_value(X64Emit *e, int reg, IrVal v, X64Mem m);
/* v into general register reg, which was claimed. */
void x64_load_into(X64Emit *e, int reg, IrVal v, int w);
/* Not pinned in this region? */
bool x64_is_temp(const X64Emit *e, int reg);
/* scratch: a temporary register until the op ends. */
int x64_scratch(X64Emit *e);
int x64_scratch_x(X64Emit *e);
bool x64_temp_x_is_free(X64Emit *e);
/* Has the next x64_scratch() move nobody: before a jump to cold code that comes back behind it. */
void x64_scratch_room(X64Emit *e);
/* Makes this very register free for the op. */
void x64_claim(X64Emit *e, int reg);
void x64_evict(X64Emit *e, int reg);
void x64_evict_temps(X64Emit *e);
/* Reserves stack slots for v; false: none is free, and the region has failed. */
bool x64_spill_alloc(X64Emit *e, IrVal v);
/* Gives v, which is in a register, a private stack slot too. */
void x64_spill(X64Emit *e, IrVal v);
void x64_forget_pins(X64Emit *e);
/* x64_def_x for value v, in register `pin` (-1: none) if that can be had. */
int x64_def_x_for(X64Emit *e, IrVal v, int pin, int want);

/* 256 bits (x64_emit_wide.c). Does the region have any? */
void x64_wide_plan(X64Emit *e);
/* This row and the next as one; false: they are not a pair. */
bool x64_emit_pair(X64Emit *e, const IrInsn *i);
bool x64_store_pair(X64Emit *e, const IrInsn *i); /* st2 */
/* Where the region is left, or C is called. */
void x64_vzeroupper(X64Emit *e);
/* Is the upper half of register reg (16 + xmm) needed by an op from `from` on, and nowhere else? */
bool x64_upper_wanted(const X64Emit *e, int reg, unsigned from);
/* The register is about to change. */
void x64_upper_out(X64Emit *e, int reg);
void x64_uppers_out(X64Emit *e);
/* Value v from the upper half that it is in, to xmm x, to memory if it is nowhere else; false: it is in
 * none. */
bool x64_upper_to(X64Emit *e, int x, IrVal v);
bool x64_upper_store(X64Emit *e, X64Mem m, IrVal v);
void x64_move_wide(X64Emit *e, int dst, int src); /* xmm numbers */
/* Loops keep the slots of upper halves in the upper halves of pins, where those are always put together. */
void x64_loop_uppers(X64Emit *e);
void x64_leave_uppers(X64Emit *e);
bool x64_is_upper_slot(const X64Emit *e, unsigned slot); /* of a pair of slots that pairs use */
bool x64_get_upper(X64Emit *e, unsigned slot);           /* false: the slot is none of these */
bool x64_put_upper(X64Emit *e, unsigned slot, IrVal v);
X64Mem x64_direct_address(X64Emit *e, const IrInsn *i);
void x64_lose_home(X64Emit *e, unsigned slot);
void x64_put_slot(X64Emit *e, unsigned slot, IrVal v);
/* A put of a v64: does it, and perhaps the next, if it is half of a vector; else false. */
bool x64_put_half(X64Emit *e, const IrInsn *i);
void x64_start_block(X64Emit *e, unsigned block);
/* The value v, which is in xmm `x`, made canonical if it may not be. */
void x64_clean(X64Emit *e, IrVal v, int x);
/* Vector d = lanes of all ones where the bit of general register r is set. */
void x64_bits_to_lanes(X64Emit *e, unsigned lane, int d, int r);
unsigned x64_dirty_pins(const X64Emit *e);
/* Are the bits above the low `bits` of v zero wherever it is? It may be the low part of what its op made. */
bool x64_upper_is_zero(const X64Emit *e, IrVal v, unsigned bits);
/* A single block that branches to itself and calls nothing. */
bool x64_is_plain_loop(const X64Emit *e);
/* Decides whether the region keeps more slots in registers, and loads them (at the entry). */
void x64_loop_pins(X64Emit *e);
/* The boundary convention again, where the region is left: stores what it wrote, loads what it had put
 * aside. */
void x64_leave_loop(X64Emit *e);

/* dst: its low 32 bits are those of src >> n, the others may be any. */
void x64_shifted(uint64_t features, X64Asm *a, int dst, int src, int n);
/* The jump cache's entry for the guest pc in rax; uses rcx. */
X64Mem x64_jump_entry(const X64Host *h, X64Asm *a);

static inline int x64_fl_shift(unsigned op)
{
    return op == IR_FLSHL ? X64_SHL : op == IR_FLSHR ? X64_SHR : X64_SAR;
}
/* Guest flags. A put of them is remembered (e->fl) and done only where the slot is looked at in memory: */
bool x64_fl_put(X64Emit *e, unsigned slot, IrVal v); /* false: not this one, put it now */
/* before code that may read the slot on the main path, and at the end of a block; */
void x64_fl_flush(X64Emit *e);
/* the same at the end of a loop's round: returns a recipe for leaving there, 0 none; */
uint8_t x64_fl_round(X64Emit *e);
/* at the entry of a loop; */
void x64_fl_enter_loop(X64Emit *e);
/* the index + 1 of a recipe with the present places of the operands, for a record or an exit; 0: the slot is
 * right; */
uint8_t x64_fl_recipe(X64Emit *e);
/* a recipe carried out, in an exit's cold code: pins stay, temporaries are lost. */
void x64_fl_store(X64Emit *e, unsigned recipe, bool have_flags);
/* Are the host's flags here, behind a compare, what the row of the word that waits needs first? */
bool x64_fl_compared(const X64Emit *e);
/* Is v a word that can be computed when it is needed? */
bool x64_fl_wait(const X64Emit *e, IrVal v);
/* Computes a word of flags that was not needed up to now. Before other operands of an op are fetched. */
void x64_fl_make(X64Emit *e, IrVal v);
/* Not in a register, a slot or on the stack yet? Will the put of v only be remembered? */
bool x64_fl_unmade(const X64Emit *e, IrVal v);
bool x64_fl_put_waits(const X64Emit *e, unsigned slot, IrVal v);

/* Words of rows flx (x64_emit_x86.c). Makes v's now; or, in rax, of the former word in rax: t is the first
 * operand and lost, y the second, in rcx if it is a count or factor. Which register is t? */
void x64_flx_make(X64Emit *e, IrVal v);
void x64_flx_word(X64Asm *a, unsigned kind, int w, int t, int y);
int x64_flx_first(unsigned kind, int otherwise);
/* The host's flags become those of the word in rax, which is lost. */
void x64_load_flags(X64Asm *a);

/* Words in the host's flags (x64_emit_carry.c). The host's flags are about to change: */
void x64_fl_unhold(X64Emit *e);
/* but not by this op, while e->hold is something. */
bool x64_keeps_flags(const X64Emit *e, const IrInsn *i);
bool x64_keep_add(X64Emit *e, const IrInsn *i); /* add or sub by lea */
void x64_mulx_op(X64Emit *e, const IrInsn *i, bool high);
void x64_mulx_whole(X64Emit *e, const IrInsn *i); /* this mul and the mulhu behind it */
/* The flags of the current sum if they are the next op and chained; such a sum: true, done. */
IrVal x64_carry_pair(const X64Emit *e);
bool x64_carry_sum(X64Emit *e, const IrInsn *i);
void x64_carry_flags(X64Emit *e, const IrInsn *i); /* the current word is chained */

/* An operand that reads 16 bytes of constant data; the instruction must be the next, and end with it (no
 * immediate). */
X64Mem x64_lit(X64Emit *e, IrVec v);
/* After the instruction: notes where its displacement is. `tail`: bytes of the instruction behind it
 * (immediates). */
void x64_lit_used(X64Emit *e, unsigned tail);
void x64_lits_emit(X64Emit *e);
/* xmm = constant */
void x64_const_x(X64Emit *e, int x, IrVec v);
/* Does the row by a C function. */
void x64_vec_fallback(X64Emit *e, const IrInsn *i);

/* Conditions of a compare of floats that need two of the host's flags; ^ 1 is the opposite, as for the
 * others. */
enum { X64_CC_FEQ = 16, X64_CC_FNE };
/* Jumps when cc is true: to one or two rel32 sites. Returns how many. */
unsigned x64_jump_if(X64Emit *e, int cc, uint8_t *ret_site[2]);

/* Operands of an op, in xmm registers that its result does not overwrite. */
typedef struct SoftArgs {
    unsigned n;
    int x[3];
} SoftArgs;
/* Under IR_FP_UFC: x86 finds tininess after rounding, so a result of the smallest normal number, in xmm r,
 * may lack underflow: softfp does it again. */
void x64_strict_underflow(X64Emit *e, SoftArgs s, bool wide, int r);
void x64_default_nan(X64Emit *e, SoftArgs s, bool wide, int r);

/* Arm's policy (x64_emit_arm.c). The next host instruction may raise invalid: a record, if the policy is
 * Arm's. */
void x64_fp_record(X64Emit *e);
/* A register for a result that is built in several steps of which one may trap: not a pin. */
int x64_fp_temp(X64Emit *e, int dst);
/* The present op for softfp, in cold code (the caller sets its site and back); always. Operands and result
 * are registers, general or 16 + xmm. */
X64Cold *x64_soft_ir(X64Emit *e, const int *args, unsigned n, int dst);
void x64_soft_ir_always(X64Emit *e, const IrInsn *i);
/* True: done. False: the emitter for all policies will do. */
bool x64_arm_emit(X64Emit *e, const IrInsn *i);
/* Under the other policies, halves are softfp's. */
bool x64_half_emit(X64Emit *e, const IrInsn *i);
bool x64_ties_away(X64Emit *e, int fmt, int d, int x); /* frint of that mode; false: needs AVX */
void x64_trap_denormal(X64Emit *e, int fmt, int x);
bool x64_arm_vec(X64Emit *e, const IrInsn *i); /* rows with a lane; false: for softfp */
int x64_fcc(X64Emit *e, const IrInsn *i); /* the host condition */
void x64_flfcmp_word(X64Emit *e, const IrInsn *i, int dst, int temp);
bool x64_flfcmp_waits(const X64Emit *e, const IrInsn *i); /* can its word be made later? */
void x64_flfcmp_recipe(X64Emit *e, const X64FlRecipe *f); /* the word in rax, in cold code */

/* IR_UNIT on memory that is reached by a softmmu, at m: its helper does it, and looks at no slot. */
void x64_unit_call(X64Emit *e, const IrInsn *i, X64Mem m);
/* Does this IR_UNIT row leave the host's flags alone? */
bool x64_unit_keeps(const X64Emit *e, const IrInsn *i);

/* For statistics: adds n to a count (x64.h); uses rax. Index of an op that C executes. */
void x64_count(X64Emit *e, unsigned index, unsigned n);
unsigned x64_count_of(const IrInsn *i);
/* The same for the region as a whole: at the start of its first block, where loops come round, too. */
void x64_count_runs(X64Emit *e);
/* Machines (x64_emit_paged.c). To the virtual address in rax, in whatever page it is; uses rcx, rdx. */
void x64_far_jump(const X64Host *h, X64Asm *a);
void x64_far_again(X64Host *h, X64Asm *a); /* the stub for it */
void x64_look_stubs(X64Host *h, X64Asm *a); /* X64Host.look */
/* rax = the address pc as cpu->pc has it. */
void x64_virtual_pc(const X64Host *h, X64Asm *a, uint64_t pc);
void x64_paged_ld(X64Emit *e, const IrInsn *i);
void x64_paged_st(X64Emit *e, const IrInsn *i);
void x64_paged_update(X64Emit *e, const IrInsn *i);
bool x64_paged_in_line(const X64Emit *e, const IrInsn *i);
/* x64_emit_share.c: decides for the whole region; then what the current access is to do, NULL: look by
 * itself. */
void x64_share_plan(X64Emit *e);
const X64Share *x64_share_next(X64Emit *e);
/* The addend of a group; X64_LOOP_*: a word of the group in the loop's set. */
X64Mem x64_share_word(const X64Emit *e, const X64Share *s);
X64Mem x64_loop_word(const X64Emit *e, unsigned slot, unsigned which);
/* At the entry of a loop: its set becomes its own. */
void x64_share_enter(X64Emit *e);
void x64_cold_access(X64Emit *e, const X64Cold *c);
void x64_paged_cold_start(X64Emit *e);
/* What the stub calls. at: the return address of cold code's call; all registers are in X64Layout.save.
 * Returns where to go on with these. */
uint64_t x64_slow_access(void *cpu, uint64_t at, const X64Host *h);
/* The instruction of ordinal c->exit raises, cpu->exit is filled in: leaves with its state. */
void x64_cold_raise(X64Emit *e, const X64Cold *c);
/* The old value, in register r with the memory's width, becomes the result of rmw or cas. */
void x64_define_old(X64Emit *e, const IrInsn *i, int r);
/* t = what rmw stores where rax was, rv the operand. */
void x64_rmw_step(X64Emit *e, const IrInsn *i, int t, int rv, int bits);
/* The operand for an access's address. */
X64Mem x64_address(X64Emit *e, const IrInsn *i, bool indexed);

/* Copies of regions (X64Reloc). These bytes depend on where the region is: */
void x64_reloc(X64Emit *e, X64RelocKind kind, const uint8_t *at);
/* the rel32 at `site`, which ends its instruction, leads out of the region, to a stub or to constants; */
void x64_outside(X64Emit *e, uint8_t *site, const uint8_t *target);
/* a jump there; */
void x64_jmp_outside(X64Emit *e, const uint8_t *target);
/* reg = address of a function of this program; guest address pc. */
void x64_mov_host(X64Emit *e, int reg, uint64_t fn);
void x64_mov_pc(X64Emit *e, int reg, uint64_t pc);

X64Cold *x64_cold(X64Emit *e, X64ColdKind kind);
void x64_cold_emit(X64Emit *e);
void x64_leave(X64Emit *e, unsigned exit);
/* cmp for condition value `v` (folded or not); returns the host condition that is true when v is. */
int x64_condition(X64Emit *e, IrVal v);
int x64_cond_cc(IrCond c);
/* xmm = the 8 bytes at this offset in X64Const. Flags are kept. */
void x64_load_const(X64Emit *e, int xmm, size_t offset);
void x64_record(X64Emit *e, X64Mem m, unsigned size_log2, bool write, bool guest);

#endif
