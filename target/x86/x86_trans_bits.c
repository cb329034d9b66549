/* Shifts, rotates, bit tests and counts. Source: AMD64 APM volume 3. Undefined flags: as Zen leaves them
 * (eval_x86.c). */
#include "target/x86/x86_trans.h"

enum { ROL, ROR, RCL, RCR, SHL, SHR, SAL, SAR };

/* In 32 bits where the operand has less: counts up to 31 count. */
static IrVal shift_value(Trans *t, unsigned op, IrType ty, IrVal a, IrVal n)
{
    IrBuilder *b = t->b;
    bool narrow = ty < IR_I32;
    if (narrow)
        a = op == SAR ? ir_sext(b, IR_I32, a) : ir_zext(b, IR_I32, a);
    n = ty == IR_I64 ? ir_zext(b, IR_I64, n) : ir_zext(b, IR_I32, n);
    IrVal v = ir_vv(b, op == SHR ? IR_SHR : op == SAR ? IR_SAR : IR_SHL, narrow ? IR_I32 : ty, a, n);
    return narrow ? ir_trunc(b, ty, v) : v;
}

/* n: the count modulo the width, as the type. */
static IrVal rotate_value(Trans *t, unsigned op, IrType ty, IrVal a, IrVal n)
{
    if (ty != IR_I8)
        n = ty == IR_I64   ? ir_zext(t->b, IR_I64, n)
            : ty == IR_I32 ? ir_zext(t->b, IR_I32, n)
                           : ir_zext(t->b, IR_I16, n);
    if (op == ROL)
        n = ir_neg(t->b, ty, n);
    return ir_rotr(t->b, ty, a, n);
}

static IrVal rotate_carry(Trans *t, unsigned op, unsigned bytes, IrVal a, IrVal n)
{
    IrVal args[] = {bytes == 8 ? a : ir_zext(t->b, IR_I64, a), ir_zext(t->b, IR_I64, n),
                    ir_zext(t->b, IR_I64, ir_flbits(t->b, x86_fl(t))),
                    x86_c(t, IR_I64, bytes | (op == RCR ? 16 : 0))};
    IrVal v = ir_call(t->b, X86_HELPER_rotate_carry, args, 4);
    return bytes == 8 ? v : ir_trunc(t->b, x86_type(bytes), v);
}

static IrOp const_flags(unsigned op)
{
    return op == SHR ? IR_FLSHR : op == SAR ? IR_FLSAR : IR_FLSHL;
}

/* A count of 0 changes no flag. Shifts write all, rotates CF and OF. */
void x86_trans_shift(Trans *t, const X86Insn *x)
{
    static const uint8_t kinds[] = {IR_X_ROL, IR_X_ROR, IR_X_RCL, IR_X_RCR,
                                    IR_X_SHL, IR_X_SHR, IR_X_SHL, IR_X_SAR};
    IrBuilder *b = t->b;
    unsigned op = x->row->arg, bytes = x86_size(x, 0);
    IrType ty = x86_type(bytes);
    IrVal a = x86_read(t, x, 0), n = x86_read(t, x, 1), old = IR_NONE, v;
    n = ir_and(b, IR_I8, n, x86_c(t, IR_I8, bytes == 8 ? 63 : 31));
    bool known = ir_is_const(b->r, n);
    unsigned c = known ? (unsigned)ir_const_value(b->r, n) : 0;
    if (known && !c) { /* nothing but the upper half of a 32-bit register */
        x86_write(t, x, 0, a);
        return;
    }
    bool lazy = op >= SHL && known;
    if (!lazy)
        old = x86_fl(t);
    v = op >= SHL   ? shift_value(t, op, ty, a, n)
        : op <= ROR ? rotate_value(t, op, ty, a, n)
                    : rotate_carry(t, op, bytes, a, n);
    x86_write_back(t, x, a, v);
    if (lazy) {
        x86_put_fl(t, ir_flshift(b, const_flags(op), a, c));
        return;
    }
    IrVal count = bytes == 8   ? ir_zext(b, IR_I64, n)
                  : bytes == 4 ? ir_zext(b, IR_I32, n)
                  : bytes == 2 ? ir_zext(b, IR_I16, n)
                               : n;
    x86_put_fl(t, ir_flx(b, (IrX86Fl)kinds[op], a, count, old));
}

/* a and y as one number of 64 bits, shifted by n (64 bits, below 32). */
static IrVal double_shift32(Trans *t, bool right, IrVal a, IrVal y, IrVal n)
{
    IrBuilder *b = t->b;
    IrVal half = x86_c(t, IR_I64, 32), high = ir_zext(b, IR_I64, right ? y : a),
          low = ir_zext(b, IR_I64, right ? a : y);
    IrVal both = ir_or(b, IR_I64, ir_shl(b, IR_I64, high, half), low);
    both = right ? ir_shr(b, IR_I64, both, n) : ir_shr(b, IR_I64, ir_shl(b, IR_I64, both, n), half);
    return ir_trunc(b, IR_I32, both);
}

/* The other's part comes in two steps, since a count of 64 is 0. */
static IrVal double_shift64(Trans *t, bool right, IrVal a, IrVal y, IrVal n)
{
    IrBuilder *b = t->b;
    IrVal one = x86_c(t, IR_I64, 1), back = ir_xor(b, IR_I64, n, x86_c(t, IR_I64, 63));
    if (right)
        return ir_or(b, IR_I64, ir_shr(b, IR_I64, a, n), ir_shl(b, IR_I64, ir_shl(b, IR_I64, y, one), back));
    return ir_or(b, IR_I64, ir_shl(b, IR_I64, a, n), ir_shr(b, IR_I64, ir_shr(b, IR_I64, y, one), back));
}

/* By a constant that is not 0, 32 or 64 bits. */
static void double_shift_by(Trans *t, const X86Insn *x, unsigned n)
{
    IrBuilder *b = t->b;
    IrType ty = x86_type(x->opsize);
    bool right = x->row->arg;
    IrVal a = x86_read(t, x, 0), y = x86_read(t, x, 1), c = x86_c(t, ty, n),
          back = x86_c(t, ty, 8 * x->opsize - n);
    IrVal v = right ? ir_or(b, ty, ir_shr(b, ty, a, c), ir_shl(b, ty, y, back))
                    : ir_or(b, ty, ir_shl(b, ty, a, c), ir_shr(b, ty, y, back));
    x86_write_back(t, x, a, v);
    unsigned kind = (right ? IR_X_SHRD : IR_X_SHLD) | n;
    x86_put_fl(t, ir_flx(b, (IrX86Fl)kind, v, a, x86_c(t, IR_FL, 0)));
}

/* Flags of a count in a register, and all of 16 bits, by C. */
void x86_trans_shld(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned bytes = x->opsize;
    bool right = x->row->arg;
    IrVal n = x86_read(t, x, 2);
    if (ir_is_const(b->r, n) && bytes > 2) {
        unsigned by = (unsigned)ir_const_value(b->r, n) & (8 * bytes - 1);
        if (by) {
            double_shift_by(t, x, by);
        } else { /* the access; the upper half */
            IrVal a = x86_read(t, x, 0);
            x86_write_back(t, x, a, a);
        }
        return;
    }
    IrVal a = x86_read(t, x, 0), y = x86_read(t, x, 1), v;
    n = ir_and(b, IR_I64, ir_zext(b, IR_I64, n), x86_c(t, IR_I64, bytes == 8 ? 63 : 31));
    IrVal word = ir_flbits(b, x86_fl(t));
    IrVal wa = bytes == 8 ? a : ir_zext(b, IR_I64, a), wy = bytes == 8 ? y : ir_zext(b, IR_I64, y);
    IrVal how = ir_or(b, IR_I64, n, x86_c(t, IR_I64, bytes << 8 | (right ? 1 << 16 : 0)));
    IrVal args[] = {wa, wy, how, ir_zext(b, IR_I64, word)};
    if (bytes == 2)
        v = ir_trunc(b, IR_I16, ir_call(b, X86_HELPER_shld, args, 4));
    else
        v = bytes == 8 ? double_shift64(t, right, a, y, n) : double_shift32(t, right, a, y, n);
    IrVal fl = ir_call(b, X86_HELPER_shld_flags, args, 4);
    x86_write_back(t, x, a, v);
    x86_put_fl(t, ir_flmake(b, fl));
}

/* A register as index of a bit in memory reaches beyond the operand. */
static IrVal bit_address(Trans *t, const X86Insn *x, unsigned bytes, IrVal bit)
{
    IrBuilder *b = t->b;
    IrType w = x86_word(t);
    IrVal n = bytes == x86_word_bytes(t) ? bit : ir_sext(b, w, bit);
    n = ir_sar(b, w, n, x86_cw(t, 3));
    n = ir_and(b, w, n, x86_cw(t, -(int64_t)bytes));
    /* cut to the address size is the sum */
    return x86_with_segment(t, x, x86_cut(t, x, ir_add(b, w, x86_offset(t, x), n)));
}

static IrVal bit_changed(Trans *t, unsigned how, IrType ty, IrVal a, IrVal mask)
{
    IrBuilder *b = t->b;
    return how == 1   ? ir_or(b, ty, a, mask)
           : how == 2 ? ir_and(b, ty, a, ir_not(b, ty, mask))
                      : ir_xor(b, ty, a, mask);
}

/* CF = the bit; the others stay. */
void x86_trans_bt(Trans *t, const X86Insn *x)
{
    static const uint8_t kinds[] = {0, IR_RMW_OR, IR_RMW_AND, IR_RMW_XOR};
    IrBuilder *b = t->b;
    unsigned how = x->row->arg, bytes = x->opsize;
    IrType ty = x86_type(bytes), wide = bytes == 8 ? IR_I64 : IR_I32;
    bool far = x->mod != 3 && x86_opd_where[x->row->opd[1]] == X86_WH_G;
    IrVal bit = x86_read(t, x, 1), addr = IR_NONE, a;
    if (x->mod != 3)
        addr = far ? bit_address(t, x, bytes, bit) : x86_linear(t, x);
    bit = ir_and(b, ty, bit, x86_c(t, ty, 8 * bytes - 1));
    IrVal n = bytes == 2 ? ir_zext(b, IR_I32, bit) : bit;
    IrVal mask = ir_shl(b, wide, x86_c(t, wide, 1), n);
    if (bytes == 2)
        mask = ir_trunc(b, ty, mask);
    if (how && x86_atomic(t, x)) {
        IrMem m = x86_mem(t, bytes);
        m.order = IR_SEQ_CST;
        a = ir_rmw(b, (IrRmw)kinds[how], ty, addr, how == 2 ? ir_not(b, ty, mask) : mask, m);
    } else {
        a = addr ? x86_ld(t, (X86Addr){addr, 0}, bytes) : x86_read(t, x, 0);
        if (how && addr)
            x86_st(t, (X86Addr){addr, 0}, bytes, bit_changed(t, how, ty, a, mask));
        else if (how)
            x86_write(t, x, 0, bit_changed(t, how, ty, a, mask));
    }
    x86_put_fl(t, ir_flx(b, IR_X_BT, a, bit, x86_fl(t)));
}

/* The destination stays when the source is 0. With F3 and the feature: tzcnt, lzcnt. */
void x86_trans_bsf(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    bool reverse = x->row->arg,
         count = x->rep == 0xf3 && x86_has(t, reverse ? X86_FEAT_LZCNT : X86_FEAT_BMI1);
    unsigned bytes = x->opsize;
    IrType ty = x86_type(bytes), wide = bytes == 8 ? IR_I64 : IR_I32;
    IrVal a = x86_read(t, x, 1), old = x86_fl(t), v, w = bytes == 2 ? ir_zext(b, IR_I32, a) : a;
    if (reverse) {
        v = ir_v(b, IR_CLZ, wide, w);
        v = count ? (bytes == 2 ? ir_sub(b, wide, v, x86_c(t, wide, 16)) : v)
                  : ir_xor(b, wide, v, x86_c(t, wide, bytes == 8 ? 63 : 31));
    } else {
        if (count && bytes == 2)
            w = ir_or(b, wide, w, x86_c(t, wide, 0x10000));
        v = ir_v(b, IR_CTZ, wide, w);
    }
    if (bytes == 2)
        v = ir_trunc(b, ty, v);
    x86_put_fl(t, ir_flx(b,
                         count     ? (reverse ? IR_X_LZCNT : IR_X_TZCNT)
                         : reverse ? IR_X_BSR
                                   : IR_X_BSF,
                         a, a, old));
    if (count) {
        x86_write(t, x, 0, v);
        return;
    }
    IrVal zero = ir_cmp(b, IR_EQ, a, x86_c(t, ty, 0));
    if (bytes == 4) { /* all of it stays */
        IrVal before = x86_gpr(t, x->reg);
        x86_put_gpr(t, x->reg, ir_select(b, zero, before, x86_to_word(t, v, 4)));
        return;
    }
    x86_write(t, x, 0, ir_select(b, zero, x86_read(t, x, 0), v));
}

void x86_trans_bitcount(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned bytes = x->opsize;
    IrVal a = x86_read(t, x, 1), w = bytes == 2 ? ir_zext(b, IR_I32, a) : a;
    IrVal v = ir_v(b, IR_POPCNT, bytes == 8 ? IR_I64 : IR_I32, w);
    x86_put_fl(t, ir_flx(b, IR_X_POPCNT, a, a, x86_c(t, IR_FL, 0)));
    x86_write(t, x, 0, bytes == 2 ? ir_trunc(b, IR_I16, v) : v);
}

/* clc, stc, cmc */
void x86_trans_carry(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    if (x->row->arg == 2) {
        IrVal w = ir_flbits(b, x86_fl(t));
        x86_put_fl(t, ir_flmake(b, ir_xor(b, IR_I32, w, x86_c(t, IR_I32, IR_FL_C))));
        return;
    }
    x86_put_fl(t, ir_flx(b, IR_X_BT, x86_c(t, IR_I32, x->row->arg), x86_c(t, IR_I32, 0), x86_fl(t)));
}

void x86_trans_direction(Trans *t, const X86Insn *x)
{
    ir_put(t->b, X86_SLOT_DF, x86_c(t, IR_I32, x->row->arg));
}

void x86_trans_lahf(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    IrVal w = ir_shr(b, IR_I32, ir_flbits(b, x86_fl(t)), x86_c(t, IR_I32, 8));
    x86_put_reg(t, X86_RAX, 1, true, ir_trunc(b, IR_I8, w));
}

void x86_trans_sahf(Trans *t, const X86Insn *x)
{
    enum { FROM_AH = IR_FL_N | IR_FL_Z | IR_FL_HALF | IR_FL_PARITY | IR_FL_C };
    IrBuilder *b = t->b;
    IrVal ah = ir_and(b, IR_I32, x86_reg(t, X86_RAX, 4, false), x86_c(t, IR_I32, FROM_AH));
    IrVal v = ir_and(b, IR_I32, ir_flbits(b, x86_fl(t)), x86_c(t, IR_I32, IR_FL_V));
    x86_put_fl(t, ir_flmake(b, ir_or(b, IR_I32, ir_or(b, IR_I32, ah, v), x86_c(t, IR_I32, IR_FL_BIT9))));
}
