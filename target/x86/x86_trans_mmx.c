/* MMX: by the instruction on 128 bits, of which the lower half counts. The registers are the significands of
 * x87's. Each instruction first loads, then says that the unit is MMX's now (a call of C; nobody is in a
 * hurry here). Source: AMD64 APM volume 5. */
#include "target/x86/x86_trans.h"

enum { PLAIN, HIGH_HALVES, PACK, WORDS, LOOKUP, HORIZONTAL, ALIGN, UNARY };

/* The rest is zero. */
static IrVal mm(Trans *t, unsigned r)
{
    return ir_vzext(t->b, IR_V128, ir_get(t->b, X86_SLOT_MM + (r & 7)));
}
static void put_mm(Trans *t, unsigned r, IrVal v)
{
    ir_put(t->b, X86_SLOT_MM + (r & 7), ir_vlow(t->b, IR_F64, v));
}
static IrVal xmm(Trans *t, unsigned r)
{
    return ir_get(t->b, x86_slot_xmm(r));
}
static void put_xmm(Trans *t, unsigned r, IrVal v)
{
    ir_put(t->b, x86_slot_xmm(r), v);
}

static void enter(Trans *t, unsigned written)
{
    IrVal r = x86_c(t, IR_I32, written);
    ir_call(t->b, X86_HELPER_mmx_enter, &r, 1);
}

static IrVal load(Trans *t, X86Addr a, unsigned bytes)
{
    IrType ty = bytes == 8 ? IR_F64 : IR_F32;
    return ir_vzext(t->b, IR_V128, ir_ld(t->b, ty, a.base, a.disp, x86_mem(t, bytes)));
}

static IrVal xv(Trans *t, unsigned pp, unsigned map, unsigned opc, IrVal x, IrVal y)
{
    return ir_xv(t->b, false, IR_V128, IR_XV(pp, map, opc), x, y);
}

/* x, above it y */
static IrVal join(Trans *t, IrVal x, IrVal y)
{
    return ir_vsetv(t->b, IR_V128, IR_LANE_64, IR_VA_N(1), x, y);
}

static IrVal combine(Trans *t, const X86Insn *x, IrVal a, IrVal y)
{
    IrBuilder *b = t->b;
    unsigned map = x->row->map, opc = x->row->opc, imm = x->imm & 0xff;
    IrVal v, zero = ir_vconst(b, IR_V128, 0, 0);
    switch (x->row->arg) {
    case HIGH_HALVES: /* the upper half of what the row for the lower halves makes */
        v = xv(t, 1, map, opc - 8, a, y);
        return ir_vext(b, IR_V128, IR_LANE_8, IR_VA_N(8), v, zero);
    case PACK:
    case HORIZONTAL: v = join(t, a, y); return xv(t, 1, map, opc, v, v);
    case WORDS: return ir_xv(b, false, IR_V128, IR_XV(3, map, opc) | IR_XV_IMM | imm << 16, IR_NONE, y);
    case LOOKUP: /* three bits of each index, and its sign */
        y = ir_vand(b, IR_V128, IR_LANE_8, 0, y, ir_vconst(b, IR_V128, 0x8787878787878787, 0));
        return xv(t, 1, map, opc, a, y);
    case ALIGN: return imm >= 16 ? zero : ir_vext(b, IR_V128, IR_LANE_8, IR_VA_N(imm), join(t, y, a), zero);
    case UNARY: return xv(t, 1, map, opc, IR_NONE, y);
    default: return xv(t, 1, map, opc, a, y);
    }
}

void x86_trans_mmx(Trans *t, const X86Insn *x)
{
    IrVal y = IR_NONE;
    if (x->mod != 3)
        y = load(t, x86_addr(t, x), x86_size(x, 1));
    enter(t, x->reg & 7);
    if (x->mod == 3)
        y = mm(t, x->rm);
    put_mm(t, x->reg, combine(t, x, mm(t, x->reg), y));
}

/* By an immediate: psrl psra psll */
void x86_trans_mmxshift(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned lane = x->row->opc - 0x71 + IR_LANE_16, bits = ir_lane_bits(lane),
             n = (unsigned)MIN(x->imm, bits);
    enter(t, x->rm & 7);
    IrVal v = mm(t, x->rm);
    if (n == 0)
        return;
    if (x->row->arg == 1)
        v = ir_vshr(b, IR_V128, lane, IR_VA_S | IR_VA_N(n), v);
    else if (n == bits)
        v = ir_vconst(b, IR_V128, 0, 0);
    else
        v = x->row->arg ? ir_vshl(b, IR_V128, lane, IR_VA_N(n), v) : ir_vshr(b, IR_V128, lane, IR_VA_N(n), v);
    put_mm(t, x->rm, v);
}

static void store(Trans *t, const X86Insn *x, unsigned bytes)
{
    IrBuilder *b = t->b;
    IrVal v = mm(t, x->reg);
    X86Addr a = x86_addr(t, x);
    ir_st(b, ir_vlow(b, bytes == 8 ? IR_F64 : IR_F32, v), a.base, a.disp, x86_mem(t, bytes));
    enter(t, 8);
}

/* arg: movd, movq from a register or memory; to; movq between; to; movdq2q; movq2dq; emms */
void x86_trans_mmxmov(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned bytes = x86_size(x, x->row->arg == 1 || x->row->arg == 3 ? 0 : 1);
    IrVal v;
    switch (x->row->arg) {
    case 0:
    case 2:
        v = x->mod != 3   ? load(t, x86_addr(t, x), bytes)
            : x->row->arg ? IR_NONE
                          : ir_vzext(b, IR_V128, x86_read(t, x, 1));
        enter(t, x->reg & 7);
        put_mm(t, x->reg, v ? v : mm(t, x->rm));
        break;
    case 1:
    case 3:
        if (x->mod != 3) {
            store(t, x, bytes);
            break;
        }
        enter(t, x->row->arg == 3 ? x->rm & 7 : 8);
        if (x->row->arg == 3)
            put_mm(t, x->rm, mm(t, x->reg));
        else
            x86_write(t, x, 0,
                      ir_vget(b, x86_type(bytes), bytes == 8 ? IR_LANE_64 : IR_LANE_32, 0, mm(t, x->reg)));
        break;
    case 4:
        enter(t, x->reg & 7);
        put_mm(t, x->reg, xmm(t, x->rm));
        break;
    case 5:
        enter(t, 8);
        put_xmm(t, x->reg, mm(t, x->rm));
        break;
    default: enter(t, 16); break;
    }
}

/* pinsrw pextrw pmovmskb maskmovq */
void x86_trans_mmxlane(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    unsigned n = x->imm & 3;
    IrVal v;
    switch (x->row->arg) {
    case 0:
        v = x->mod == 3 ? x86_reg(t, x->rm, 4, false) : ir_zext(b, IR_I32, x86_ld(t, x86_addr(t, x), 2));
        enter(t, x->reg & 7);
        put_mm(t, x->reg, ir_vset(b, IR_V128, IR_LANE_16, IR_VA_N(n), mm(t, x->reg), v));
        break;
    case 1:
        enter(t, 8);
        x86_put_reg(t, x->reg, 4, false, ir_vget(b, IR_I32, IR_LANE_16, IR_VA_N(n), mm(t, x->rm)));
        break;
    case 2:
        enter(t, 8);
        x86_put_reg(t, x->reg, 4, false, ir_xv(b, false, IR_I32, IR_XV(1, 1, 0xd7), IR_NONE, mm(t, x->rm)));
        break;
    default: {
        IrVal to = x86_to_64(t, x86_with_segment(t, x, x86_index(t, x, X86_RDI)));
        IrVal args[] = {to, x86_c(t, IR_I32, (x->reg & 7) | (x->rm & 7) << 8 | 1 << 16)};
        ir_call(b, X86_HELPER_maskmov, args, 2);
        enter(t, 8);
    }
    }
}

/* cvtpi2ps cvtpi2pd cvttps2pi cvttpd2pi cvtps2pi cvtpd2pi. The first two with memory leave x87 alone. */
void x86_trans_mmxcvt(Trans *t, const X86Insn *x)
{
    static const uint16_t encodings[] = {IR_XV(0, 1, 0x5b), IR_XV(2, 1, 0xe6), IR_XV(2, 1, 0x5b),
                                         IR_XV(1, 1, 0xe6), IR_XV(1, 1, 0x5b), IR_XV(3, 1, 0xe6)};
    IrBuilder *b = t->b;
    unsigned how = x->row->arg;
    IrVal y = IR_NONE, v;
    if (x->mod != 3)
        y = x86_size(x, 1) == 16 ? x86_vsource(t, x, 1).lo : load(t, x86_addr(t, x), 8);
    if (how >= 2 || x->mod == 3)
        enter(t, how >= 2 ? x->reg & 7 : 8);
    if (x->mod == 3)
        y = how < 2 ? mm(t, x->rm) : xmm(t, x->rm);
    if (how == 2 || how == 4) /* the others would raise */
        y = ir_vzext(b, IR_V128, ir_vlow(b, IR_F64, y));
    v = ir_xv(b, true, IR_V128, encodings[how], IR_NONE, y);
    if (how >= 2)
        put_mm(t, x->reg, v);
    else
        put_xmm(t, x->reg, how ? v : ir_vsetv(b, IR_V128, IR_LANE_64, 0, xmm(t, x->reg), v));
}
