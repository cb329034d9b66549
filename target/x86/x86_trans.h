/* What the translation functions of x86 share: operands as values. See x86_trans.c. Private to target/x86. */
#ifndef TARGET_X86_X86_TRANS_H
#define TARGET_X86_X86_TRANS_H

#include "target/target.h"
#include "target/x86/x86_cpu.h"
#include "target/x86/x86_decode.h"

enum {
    X86_SLOT_GPR = 0,
    X86_SLOT_FL = 16,
    X86_SLOT_DF,
    X86_SLOT_FS,
    X86_SLOT_GS,
    X86_SLOT_STORE,
    X86_SLOT_CS_BASE, /* of programs: X86_CTX_CS_CHECK */
    X86_SLOT_CS_LIMIT,
    X86_SLOT_XMM, /* each followed by the other three quarters of its zmm */
    X86_SLOT_K = X86_SLOT_XMM + 4 * 32,
    X86_SLOT_SCRATCH = X86_SLOT_K + 8,
    X86_SLOTS = X86_SLOT_SCRATCH + 4, /* of user mode; a machine has more: */
    X86_SLOT_PC_DELTA = X86_SLOTS,
    X86_SLOT_FLAGS, /* X86Cpu.more_flags */
    X86_SLOT_LINES,
    X86_SLOT_SHADOW,
    X86_SLOT_KERNEL_GS,
    X86_SLOT_BASE,                      /* of es, cs, ss, ds */
    X86_SLOT_LIMIT = X86_SLOT_BASE + 4, /* of all six */
    X86_SYS_SLOTS = X86_SLOT_LIMIT + 6,
};
static inline unsigned x86_slot_xmm(unsigned r)
{
    return X86_SLOT_XMM + 4 * r;
}
static inline unsigned x86_slot_ymmh(unsigned r)
{
    return X86_SLOT_XMM + 4 * r + 1;
}

typedef enum X86HelperId {
#define HELPER(name, ...) X86_HELPER_##name,
#include "target/x86/x86_helpers.def"
    X86_HELPERS, /* of user mode; a machine has more: */
    X86_LAST_HELPER = X86_HELPERS - 1,
#include "target/x86/x86_priv_helpers.def"
#undef HELPER
    X86_SYS_HELPERS
} X86HelperId;
/* Far transfers of 32-bit programs (x86_segs.c); helper `far` takes kind | operand size << 4 | length << 8.
 */
typedef enum X86FarKind { X86_FAR_JUMP, X86_FAR_CALL, X86_FAR_RET, X86_FAR_IRET } X86FarKind;
#define HELPER(name, ...)                                                                                    \
    uint64_t x86_helper_##name(void *cpu, uint64_t a, uint64_t b, uint64_t c, uint64_t d);
#include "target/x86/x86_helpers.def"
#include "target/x86/x86_priv_helpers.def"
#undef HELPER

#define H(name) void x86_trans_##name(Trans *t, const X86Insn *x);
#include "target/x86/x86_handlers.def"
#undef H

static inline IrType x86_type(unsigned bytes)
{
    return bytes == 1 ? IR_I8 : bytes == 2 ? IR_I16 : bytes == 4 ? IR_I32 : IR_I64;
}
static inline unsigned x86_log2(unsigned bytes)
{
    return bytes == 16 ? 4 : bytes == 8 ? 3 : bytes == 4 ? 2 : bytes == 2;
}
static inline bool x86_is_pause(const X86Insn *x)
{
    return x->row->handler == X86_H_nop && x->opc == 0x90 && x->rep == 0xf3;
}
static inline bool x86_is32(const Trans *t)
{
    return t->ctx & X86_CTX_32;
}
static inline bool x86_sys(const Trans *t)
{
    return t->ctx & X86_CTX_SYS;
}
/* 32-bit or 16-bit code of a machine, or of a 64-bit program: registers are the lower halves of slots of 64
 * bits. */
static inline bool x86_narrow(const Trans *t)
{
    return x86_is32(t) && (t->ctx & (X86_CTX_SYS | X86_CTX_COMPAT));
}
/* Is `seg` one whose limit is looked at, and whose base is added? fs and gs of programs mostly have a base
 * alone, which is a slot; the others nothing. */
static inline bool x86_seg_odd(const Trans *t, unsigned seg)
{
    return x86_sys(t) ? x86_is32(t) : t->ctx & (seg < 4 ? X86_CTX_SEGS : X86_CTX_FS << (seg - 4));
}
/* Is a program in a code segment of its own? */
static inline bool x86_own_code(const Trans *t)
{
    return (t->ctx & (X86_CTX_SYS | X86_CTX_CS_CHECK)) == X86_CTX_CS_CHECK;
}
/* A general register, an offset: of 32 bits in 32-bit mode. */
static inline IrType x86_word(const Trans *t)
{
    return x86_is32(t) ? IR_I32 : IR_I64;
}
static inline unsigned x86_word_bytes(const Trans *t)
{
    return x86_is32(t) ? 4 : 8;
}
/* A linear address. */
static inline IrType x86_linear_type(const Trans *t)
{
    return x86_sys(t) ? IR_I64 : x86_word(t);
}
static inline IrMem x86_mem(const Trans *t, unsigned bytes)
{
    if (x86_sys(t))
        return (IrMem){.size = x86_log2(bytes) & 7, .mmu = IR_MMU_TLB, .mmuidx = x86_ctx_idx(t->ctx)};
    return (IrMem){.size = x86_log2(bytes) & 7, .mmu = x86_is32(t) ? IR_MMU_DIRECT32 : IR_MMU_DIRECT};
}
static inline bool x86_is_amd(const Trans *t)
{
    return x86_model_is_amd((X86Model)((const X86Cpu *)t->cpu)->model);
}
static inline void x86_raise(Trans *t, CpuExitKind code)
{
    t->flow.kind = FLOW_RAISE;
    t->flow.code = code;
}
static inline IrVal x86_c(Trans *t, IrType type, int64_t v)
{
    return ir_const(t->b, type, v);
}
static inline IrVal x86_cw(Trans *t, int64_t v)
{
    return ir_const(t->b, x86_word(t), v);
}
/* Zero-extended from `bytes` to a word, or from a word to 64 bits. */
static inline IrVal x86_to_word(Trans *t, IrVal v, unsigned bytes)
{
    return bytes == x86_word_bytes(t) ? v : ir_zext(t->b, x86_word(t), v);
}
static inline IrVal x86_to_64(Trans *t, IrVal word)
{
    return t->b->r->insn[word].type == IR_I32 ? ir_zext(t->b, IR_I64, word) : word;
}
static inline IrVal x86_fl(Trans *t)
{
    return ir_get(t->b, X86_SLOT_FL);
}
static inline void x86_put_fl(Trans *t, IrVal fl)
{
    ir_put(t->b, X86_SLOT_FL, fl);
}
static inline IrVal x86_gpr(Trans *t, unsigned r)
{
    IrVal v = ir_get(t->b, X86_SLOT_GPR + r);
    return x86_narrow(t) ? ir_trunc(t->b, IR_I32, v) : v;
}
static inline void x86_put_gpr(Trans *t, unsigned r, IrVal v)
{
    ir_put(t->b, X86_SLOT_GPR + r, x86_narrow(t) ? ir_zext(t->b, IR_I64, v) : v);
}

/* The part of register r with this many bytes as an integer; high: ah, ch, dh, bh. */
IrVal x86_reg(Trans *t, unsigned r, unsigned bytes, bool high);
/* Writes it: 4 bytes clear the upper half, 1 and 2 keep the rest. */
void x86_put_reg(Trans *t, unsigned r, unsigned bytes, bool high, IrVal v);

/* A memory operand: the linear address is base + disp. */
typedef struct X86Addr {
    IrVal base;
    int32_t disp;
    uint8_t seg; /* 1 + the segment of which C has to ask whether it may be written to; 0: none */
} X86Addr;
X86Addr x86_addr(Trans *t, const X86Insn *x);
IrVal x86_offset(Trans *t, const X86Insn *x); /* without the segment, a word */
IrVal x86_linear(Trans *t, const X86Insn *x); /* the whole address */
IrVal x86_linear64(Trans *t, const X86Insn *x);
/* Register r as an address of the instruction's address size, a word; and written as one. */
IrVal x86_index(Trans *t, const X86Insn *x, unsigned r);
void x86_put_index(Trans *t, const X86Insn *x, unsigned r, IrVal v);
/* The address v, cut to the instruction's address size. */
IrVal x86_cut(Trans *t, const X86Insn *x, IrVal v);
/* With the base of the segment that a prefix names, or of that which the operand has without. */
IrVal x86_with_segment(Trans *t, const X86Insn *x, IrVal v);
/* Where `bytes` bytes at offset v of a segment are. Machines: compares the limit, so puts come after. */
IrVal x86_in_segment(Trans *t, unsigned seg, IrVal v, unsigned bytes);
unsigned x86_data_segment(const X86Insn *x);
/* Bytes of the operand in memory, 1 if unknown. */
unsigned x86_memory_bytes(const X86Insn *x);
/* Of the stack, at offset v + disp. */
X86Addr x86_stack_at(Trans *t, IrVal v, int32_t disp, unsigned bytes);
void x86_put_sp(Trans *t, IrVal v);
/* A program counter as the guest sees it, a word. */
IrVal x86_pc_value(Trans *t, Gva pc);
static inline IrVal x86_pc_pushed(Trans *t, unsigned bytes, Gva pc)
{
    IrVal v = x86_pc_value(t, pc);
    return bytes == x86_word_bytes(t) ? v : ir_trunc(t->b, x86_type(bytes), v);
}
/* Of a program in a code segment of its own: where cond (IR_NONE: always), which jumps, is true, offset `to`
 * of the instruction's operand size must be inside. Before the instruction puts anything. */
void x86_check_target(Trans *t, const X86Insn *x, IrVal to, IrVal cond);
void x86_check_fetch(Trans *t, const X86Insn *x); /* the same of the instruction itself */
/* An exit to pc, which may lie on another page. */
unsigned x86_exit_to(Trans *t, Gva pc, bool poll);
IrVal x86_ld(Trans *t, X86Addr a, unsigned bytes);
void x86_seg_write(Trans *t, unsigned seg); /* asks whether it may be written to */
void x86_st(Trans *t, X86Addr a, unsigned bytes, IrVal v);

/* Operand k as an integer of its size. Registers, memory, immediates. */
IrVal x86_read(Trans *t, const X86Insn *x, unsigned k);
void x86_write(Trans *t, const X86Insn *x, unsigned k, IrVal v);
/* Is the operand memory? */
bool x86_opd_mem(const X86Insn *x, unsigned k);
/* Must the access be atomic? */
static inline bool x86_atomic(const Trans *t, const X86Insn *x)
{
    return x->lock && (t->ctx & CTX_PARALLEL);
}
/* New value of operand 0, which was `old`: stored; if it must be atomic and memory has changed, the
 * instruction starts again. */
void x86_write_back(Trans *t, const X86Insn *x, IrVal old, IrVal v);

/* A vector register, or what becomes one: hi is IR_NONE of 128 bits. */
typedef struct X86Vec {
    IrVal lo, hi;
} X86Vec;
X86Vec x86_vreg(Trans *t, const X86Insn *x, unsigned r); /* as wide as the instruction */
/* Clears what is above the first `parts` (1, 2, 4) quarters of a register. */
void x86_zero_above(Trans *t, unsigned r, unsigned parts);
/* VEX: what is above the value becomes zero. Else it stays. */
void x86_put_vreg(Trans *t, const X86Insn *x, unsigned r, X86Vec v);
/* Operand k, in modrm.rm: a whole register; what memory has, zeros above. */
X86Vec x86_vsource(Trans *t, const X86Insn *x, unsigned k);
X86Vec x86_vload(Trans *t, X86Addr a, bool wide, bool aligned);
void x86_vstore(Trans *t, X86Addr a, X86Vec v, bool aligned);
/* The first source: vvvv, or the destination. */
X86Vec x86_vfirst(Trans *t, const X86Insn *x);
/* The instruction's encoding for rows xv. */
uint32_t x86_encoding(const X86Insn *x);

/* i1 of condition code cc. */
IrVal x86_cond(Trans *t, unsigned cc);
void x86_push(Trans *t, unsigned bytes, IrVal v);
IrVal x86_top(Trans *t, unsigned bytes); /* what pop would take */
void x86_drop(Trans *t, int64_t bytes);  /* rsp += bytes */
/* Goes to v, of opsize bytes. */
void x86_go_to(Trans *t, const X86Insn *x, IrVal v, IrHint hint);
void x86_call_helper(Trans *t, X86HelperId h, const IrVal *args, unsigned n);
bool x86_has(const Trans *t, X86Feat f);
/* Does the model have an EVEX instruction of this length? */
bool x86_evex_allowed(const Trans *t, const X86Insn *x);
/* x87, MMX: a row of IR_UNIT. type: of the result, IR_VOID: none; v: an operand in a general register or
 * flags, or IR_NONE. Memory is x's. */
IrVal x86_unit(Trans *t, const X86Insn *x, IrType type, uint32_t enc, IrVal v);
/* Waits for an exception of the x87 unit. */
void x86_unit_wait(Trans *t);
/* Of fxsave, xsave and what loads them: X86_XSAVE_NARROW without REX.W, else 0. */
unsigned x86_pointers(const X86Insn *x);
/* Is x the first instruction that writes all of one of the first sixteen registers, after vzeroupper or
 * never before? Then the translator only leaves, to come back with X86_CTX_ZMM. */
bool x86_zmm_begins(Trans *t, const X86Insn *x);
/* Around the translation of an instruction of AVX-512 where exceptions trap (x86_trans_evex.c). True: what
 * stands there is not translated further. */
bool x86_quiet_begins(Trans *t, const X86Insn *x);
void x86_quiet_end(Trans *t, const X86Insn *x);
/* For a store of `bytes` in several accesses: where they lie on two pages, both must be there before the
 * first is written to. C sees to it: the instruction begins again with X86_CTX_STORE. */
void x86_leave_at_page_end(Trans *t, const X86Insn *x, unsigned bytes);

/* A program calls the kernel. Not from 32-bit code of a 64-bit one, where the call would be another ABI's: a
 * kernel without that answers the same. */
void x86_system_call(Trans *t);
/* Base of fs (4) or gs (5), of a program. */
IrVal x86_slot_base(Trans *t, unsigned seg);
/* Offset, and selector, of a far transfer (x86_trans_seg.c). */
IrVal x86_far_target(Trans *t, const X86Insn *x, IrVal *ret_selector);
/* x86_align.c: programs that have set EFLAGS.AC. */
void x86_check_alignment(Trans *t, const X86Insn *x);
/* x86_trans_sys.c: machines. True: what stands there is not translated further. */
bool x86_sys_begins(Trans *t, const X86Insn *x);
void x86_svm_begins(Trans *t, const X86Insn *x); /* while a guest of SVM runs */
void x86_sys_insn(Trans *t, const X86Insn *x);
/* x86_target.c */
enum { X86_REGS = 0
#define REG(name, field, group) +1
#include "target/x86/x86_regs.def"
#undef REG
};
extern const TargetReg x86_regs[X86_REGS];
void x86_user_reset(Cpu *cpu);
Gva x86_no_address(const Cpu *cpu); /* TargetOps.data_addr */
uint32_t x86_user_ctx(const Cpu *cpu);
uint32_t x86_fp_modes(const Cpu *cpu);
void x86_translate(Trans *t);

#endif
