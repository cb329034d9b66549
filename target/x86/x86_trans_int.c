/* Arithmetic, logic and moves of the general registers. Source: AMD64 APM volume 3. */
#include "target/x86/x86_trans.h"

enum { ADD, OR, ADC, SBB, AND, SUB, XOR, CMP };

typedef struct Result {
    IrVal v, fl;
} Result;

static Result alu(Trans *t, unsigned op, IrType ty, IrVal x, IrVal y)
{
    IrBuilder *b = t->b;
    Result r;
    switch (op) {
    case ADD:
        r.v = ir_add(b, ty, x, y);
        r.fl = ir_fladd(b, x, y);
        break;
    case ADC: {
        IrVal c = x86_fl(t);
        r.v = ir_addc(b, x, y, c);
        r.fl = ir_fladc(b, x, y, c);
        break;
    }
    case SBB: {
        IrVal c = x86_fl(t);
        r.v = ir_sbb(b, x, y, c);
        r.fl = ir_flsbb(b, x, y, c);
        break;
    }
    case SUB:
    case CMP:
        r.v = ir_sub(b, ty, x, y);
        r.fl = ir_flcmp(b, x, y);
        break;
    case OR:
        r.v = ir_or(b, ty, x, y);
        r.fl = ir_fllogic(b, r.v);
        break;
    case AND:
        r.v = ir_and(b, ty, x, y);
        r.fl = ir_fllogic(b, r.v);
        break;
    default:
        r.v = ir_xor(b, ty, x, y);
        r.fl = ir_fllogic(b, r.v);
        break;
    }
    return r;
}

/* Those that a host does atomically in one instruction; false: by compare and exchange. */
static bool alu_rmw(Trans *t, const X86Insn *x, unsigned op, IrType ty, IrVal y)
{
    static const uint8_t kinds[] = {
        [ADD] = IR_RMW_ADD, [OR] = IR_RMW_OR, [AND] = IR_RMW_AND, [SUB] = IR_RMW_ADD, [XOR] = IR_RMW_XOR};
    if (op == ADC || op == SBB || op == CMP)
        return false;
    IrMem m = x86_mem(t, x86_size(x, 0));
    m.order = IR_SEQ_CST;
    IrVal operand = op == SUB ? ir_neg(t->b, ty, y) : y;
    IrVal old = ir_rmw(t->b, (IrRmw)kinds[op], ty, x86_linear(t, x), operand, m);
    x86_put_fl(t, alu(t, op, ty, old, y).fl);
    return true;
}

/* All six flags; adc and sbb read CF. AF is 0 after logic. */
void x86_trans_alu(Trans *t, const X86Insn *x)
{
    unsigned op = x->row->arg;
    IrType ty = x86_type(x86_size(x, 0));
    bool same = op != ADC && op != SBB && x->mod == 3 && x->rm == x->reg &&
                x86_opd_where[x->row->opd[1]] != X86_WH_I && x86_opd_where[x->row->opd[1]] != X86_WH_S &&
                x86_size(x, 0) >= 4;
    if (same && (op == XOR || op == SUB)) { /* the usual zero */
        IrVal z = x86_c(t, ty, 0);
        x86_put_fl(t, op == XOR ? ir_fllogic(t->b, z) : ir_flcmp(t->b, z, z));
        x86_write(t, x, 0, z);
        return;
    }
    if (x86_atomic(t, x)) {
        IrVal y = x86_read(t, x, 1);
        if (alu_rmw(t, x, op, ty, y))
            return;
    }
    IrVal a = x86_read(t, x, 0), y = x86_read(t, x, 1);
    Result r = alu(t, op, ty, a, y);
    if (op != CMP)
        x86_write_back(t, x, a, r.v);
    x86_put_fl(t, r.fl);
}

void x86_trans_test(Trans *t, const X86Insn *x)
{
    IrVal a = x86_read(t, x, 0), y = x86_read(t, x, 1);
    x86_put_fl(t, ir_fllogic(t->b, ir_and(t->b, x86_type(x86_size(x, 0)), a, y)));
}

void x86_trans_not(Trans *t, const X86Insn *x)
{
    IrVal a = x86_read(t, x, 0);
    x86_write_back(t, x, a, ir_not(t->b, x86_type(x86_size(x, 0)), a));
}

void x86_trans_neg(Trans *t, const X86Insn *x)
{
    IrType ty = x86_type(x86_size(x, 0));
    IrVal a = x86_read(t, x, 0);
    x86_write_back(t, x, a, ir_neg(t->b, ty, a));
    x86_put_fl(t, ir_flcmp(t->b, x86_c(t, ty, 0), a));
}

/* CF stays. */
void x86_trans_incdec(Trans *t, const X86Insn *x)
{
    IrType ty = x86_type(x86_size(x, 0));
    IrVal a = x86_read(t, x, 0), old = x86_fl(t);
    x86_write_back(t, x, a, ir_add(t->b, ty, a, x86_c(t, ty, x->row->arg ? -1 : 1)));
    x86_put_fl(t, ir_flx(t->b, x->row->arg ? IR_X_DEC : IR_X_INC, a, a, old));
}

void x86_trans_mov(Trans *t, const X86Insn *x)
{
    x86_write(t, x, 0, x86_read(t, x, 1));
}

void x86_trans_lea(Trans *t, const X86Insn *x)
{
    IrVal v = x86_offset(t, x);
    x86_write(t, x, 0, x->opsize == x86_word_bytes(t) ? v : ir_trunc(t->b, x86_type(x->opsize), v));
}

static IrVal extend(Trans *t, bool sign, unsigned bytes, IrVal v, unsigned from)
{
    if (bytes <= from)
        return v;
    return sign ? ir_sext(t->b, x86_type(bytes), v) : ir_zext(t->b, x86_type(bytes), v);
}

/* Loads extend by themselves. */
static void move_extended(Trans *t, const X86Insn *x, bool sign)
{
    unsigned to = x86_size(x, 0), from = MIN(x86_size(x, 1), to);
    if (x->mod == 3 || to <= from) {
        IrVal v = x->mod == 3 ? x86_read(t, x, 1) : x86_ld(t, x86_addr(t, x), from);
        x86_write(t, x, 0,
                  to < x86_size(x, 1) ? ir_trunc(t->b, x86_type(to), v) : extend(t, sign, to, v, from));
        return;
    }
    X86Addr a = x86_addr(t, x);
    IrMem m = x86_mem(t, from);
    m.sext = sign;
    x86_write(t, x, 0, ir_ld(t->b, x86_type(to), a.base, a.disp, m));
}

void x86_trans_movsx(Trans *t, const X86Insn *x)
{
    move_extended(t, x, true);
}
void x86_trans_movzx(Trans *t, const X86Insn *x)
{
    move_extended(t, x, false);
}

/* With memory it is locked in any case. */
void x86_trans_xchg(Trans *t, const X86Insn *x)
{
    if (x->opc == 0x90 && !(x->rex & 1))
        return;
    if (x->mod != 3 && x->opc <= 0x87 && (t->ctx & CTX_PARALLEL)) {
        IrMem m = x86_mem(t, x86_size(x, 0));
        m.order = IR_SEQ_CST;
        IrType ty = x86_type(x86_size(x, 0));
        x86_write(t, x, 1, ir_rmw(t->b, IR_RMW_XCHG, ty, x86_linear(t, x), x86_read(t, x, 1), m));
        return;
    }
    IrVal a = x86_read(t, x, 0), c = x86_read(t, x, 1);
    x86_write(t, x, 0, c);
    x86_write(t, x, 1, a);
}

void x86_trans_xadd(Trans *t, const X86Insn *x)
{
    IrType ty = x86_type(x86_size(x, 0));
    IrVal y = x86_read(t, x, 1), a;
    if (x86_atomic(t, x)) {
        IrMem m = x86_mem(t, x86_size(x, 0));
        m.order = IR_SEQ_CST;
        a = ir_rmw(t->b, IR_RMW_ADD, ty, x86_linear(t, x), y, m);
        x86_write(t, x, 1, a);
    } else {
        a = x86_read(t, x, 0);
        if (x->mod == 3) { /* xadd r, r leaves the sum */
            x86_write(t, x, 1, a);
            x86_write(t, x, 0, ir_add(t->b, ty, a, y));
        } else {
            x86_write(t, x, 0, ir_add(t->b, ty, a, y));
            x86_write(t, x, 1, a);
        }
    }
    x86_put_fl(t, ir_fladd(t->b, a, y));
}

/* The destination is written in any case. */
void x86_trans_cmpxchg(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned bytes = x86_size(x, 0);
    IrType ty = x86_type(bytes);
    IrVal acc = x86_reg(t, X86_RAX, bytes, false), desired = x86_read(t, x, 1), old;
    if (x86_atomic(t, x)) {
        IrMem m = x86_mem(t, bytes);
        m.order = IR_SEQ_CST;
        old = ir_cas(b, ty, x86_linear(t, x), acc, desired, m);
    } else {
        old = x86_read(t, x, 0);
    }
    IrVal equal = ir_cmp(b, IR_EQ, old, acc);
    if (bytes == 4 && x->mod == 3) { /* the upper half stays, too */
        IrVal before = x86_gpr(t, x->rm);
        x86_put_gpr(t, x->rm, ir_select(b, equal, x86_to_word(t, desired, 4), before));
    } else if (!x86_atomic(t, x)) {
        x86_write(t, x, 0, ir_select(b, equal, desired, old));
    }
    /* rax is written only where it differs: the upper half stays when it is equal */
    if (bytes == 4) {
        IrVal rax = x86_gpr(t, X86_RAX);
        x86_put_gpr(t, X86_RAX, ir_select(b, equal, rax, x86_to_word(t, old, 4)));
    } else if (!(x->mod == 3 && x->rm == X86_RAX)) {
        x86_put_reg(t, X86_RAX, bytes, false, old);
    }
    x86_put_fl(t, ir_flcmp(b, acc, old));
}

void x86_trans_bswap(Trans *t, const X86Insn *x)
{
    IrVal v = x86_read(t, x, 0);
    x86_write(t, x, 0, x->opsize == 2 ? x86_c(t, IR_I16, 0) : ir_bswap(t->b, x86_type(x->opsize), v));
}

void x86_trans_cbw(Trans *t, const X86Insn *x)
{
    unsigned half = x->opsize / 2;
    x86_put_reg(t, X86_RAX, x->opsize, false,
                ir_sext(t->b, x86_type(x->opsize), x86_reg(t, X86_RAX, half, false)));
}

void x86_trans_cwd(Trans *t, const X86Insn *x)
{
    IrType ty = x86_type(x->opsize);
    IrVal v = x86_reg(t, X86_RAX, x->opsize, false);
    x86_put_reg(t, X86_RDX, x->opsize, false, ir_sar(t->b, ty, v, x86_c(t, ty, 8 * x->opsize - 1)));
}

/* Two and three operands. CF = OF: the product did not fit; the others stay (Zen). */
void x86_trans_imul(Trans *t, const X86Insn *x)
{
    unsigned k = x->row->opd[2] != X86_OPD_None ? 1 : 0;
    IrType ty = x86_type(x->opsize);
    IrVal a = x86_read(t, x, k), y = x86_read(t, x, k + 1), old = x86_fl(t);
    x86_write(t, x, 0, ir_mul(t->b, ty, a, y));
    x86_put_fl(t, ir_flx(t->b, IR_X_IMUL2, a, y, old));
}

/* rdx:rax = rax * operand. */
void x86_trans_mul(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned bytes = x86_size(x, 0);
    bool sign = x->row->arg;
    IrType ty = x86_type(bytes);
    IrVal y = x86_read(t, x, 0), a = x86_reg(t, X86_RAX, bytes, false), old = x86_fl(t);
    if (bytes < 4) {
        IrVal p = ir_mul(b, IR_I32, extend(t, sign, 4, a, bytes), extend(t, sign, 4, y, bytes));
        if (bytes == 1) {
            x86_put_reg(t, X86_RAX, 2, false, ir_trunc(b, IR_I16, p));
        } else {
            x86_put_reg(t, X86_RAX, 2, false, ir_trunc(b, IR_I16, p));
            x86_put_reg(t, X86_RDX, 2, false,
                        ir_trunc(b, IR_I16, ir_shr(b, IR_I32, p, x86_c(t, IR_I32, 16))));
        }
    } else {
        x86_put_reg(t, X86_RAX, bytes, false, ir_mul(b, ty, a, y));
        x86_put_reg(t, X86_RDX, bytes, false, sign ? ir_mulhs(b, ty, a, y) : ir_mulhu(b, ty, a, y));
    }
    x86_put_fl(t, ir_flx(b, sign ? IR_X_IMUL : IR_X_MUL, a, y, old));
}

/* 32 bits: by a division of 64. The quotient may not fit. */
static void div32(Trans *t, IrVal y, bool sign)
{
    IrBuilder *b = t->b;
    IrVal high = ir_shl(b, IR_I64, x86_to_64(t, x86_gpr(t, X86_RDX)), x86_c(t, IR_I64, 32));
    IrVal a = ir_or(b, IR_I64, high, ir_zext(b, IR_I64, x86_reg(t, X86_RAX, 4, false)));
    IrVal q = ir_vv(b, sign ? IR_DIVS : IR_DIVU, IR_I64, a, y), low = ir_trunc(b, IR_I32, q);
    IrVal bad = ir_cmp(b, IR_NE, sign ? ir_sext(b, IR_I64, low) : ir_zext(b, IR_I64, low), q);
    bad = ir_or(b, IR_I1, bad, ir_cmp(b, IR_EQ, y, x86_c(t, IR_I64, 0)));
    ir_exit_if(b, bad, ir_exit_raise(b, t->pc, CPU_EXIT_DIVIDE), false);
    x86_put_reg(t, X86_RAX, 4, false, low);
    x86_put_reg(t, X86_RDX, 4, false, ir_trunc(b, IR_I32, ir_sub(b, IR_I64, a, ir_mul(b, IR_I64, q, y))));
}

/* What compilers write: rdx is known to be zero, or the sign of rax, so the quotient fits but for -2^n / -1.
 * False: it is not; nothing was built. */
static bool div_extended(Trans *t, IrVal y, unsigned bytes, bool sign)
{
    IrBuilder *b = t->b;
    IrType type = bytes == 8 ? IR_I64 : IR_I32;
    IrVal low = x86_reg(t, X86_RAX, bytes, false), high = x86_reg(t, X86_RDX, bytes, false);
    if (sign ? high != ir_sar(b, type, low, x86_c(t, type, 8 * bytes - 1))
             : !ir_is_const(b->r, high) || ir_const_value(b->r, high) != 0)
        return false;
    y = bytes == 8 ? y : ir_trunc(b, IR_I32, y);
    IrVal bad = ir_cmp(b, IR_EQ, y, x86_c(t, type, 0));
    if (sign) {
        IrVal least = x86_c(t, type, bytes == 8 ? INT64_MIN : INT32_MIN);
        IrVal large = ir_and(b, IR_I1, ir_cmp(b, IR_EQ, low, least), ir_cmp(b, IR_EQ, y, x86_c(t, type, -1)));
        bad = ir_or(b, IR_I1, bad, large);
    }
    ir_exit_if(b, bad, ir_exit_raise(b, t->pc, CPU_EXIT_DIVIDE), false);
    IrVal q = ir_vv(b, sign ? IR_DIVS : IR_DIVU, type, low, y);
    x86_put_reg(t, X86_RAX, bytes, false, q);
    x86_put_reg(t, X86_RDX, bytes, false, ir_sub(b, type, low, ir_mul(b, type, q, y)));
    return true;
}

/* All flags are undefined; Zen keeps CF and OF, sets AF, clears the others. */
void x86_trans_div(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned bytes = x86_size(x, 0);
    IrVal y = extend(t, x->row->arg, 8, x86_read(t, x, 0), bytes);
    bool done = bytes >= 4 && div_extended(t, y, bytes, x->row->arg);
    if (!done && bytes == 4) {
        div32(t, y, x->row->arg);
        done = true;
    }
    if (done) {
        IrVal none = x86_c(t, IR_I32, 0);
        x86_put_fl(t, ir_flx(b, IR_X_DIV, none, none, x86_fl(t)));
        return;
    }
    IrVal args[] = {y, x86_c(t, IR_I32, bytes | (x->row->arg ? 16 : 0))};
    x86_call_helper(t, X86_HELPER_div, args, 2);
}

void x86_trans_setcc(Trans *t, const X86Insn *x)
{
    x86_write(t, x, 0, ir_zext(t->b, IR_I8, x86_cond(t, x->row->arg)));
}

void x86_trans_cmovcc(Trans *t, const X86Insn *x)
{
    IrVal y = x86_read(t, x, 1), old = x86_read(t, x, 0);
    x86_write(t, x, 0, ir_select(t->b, x86_cond(t, x->row->arg), y, old));
}

void x86_trans_xlat(Trans *t, const X86Insn *x)
{
    IrType w = x86_word(t);
    IrVal at = ir_add(t->b, w, x86_gpr(t, X86_RBX), ir_zext(t->b, w, x86_reg(t, X86_RAX, 1, false)));
    at = x86_with_segment(t, x, x86_cut(t, x, at));
    x86_put_reg(t, X86_RAX, 1, false, x86_ld(t, (X86Addr){at, 0}, 1));
}
