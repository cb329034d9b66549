/* MMX: each instruction is the host's own (IR_UNIT): the registers are x87's, and with their state in the
 * host's. Conversions from and to xmm registers go through a general register. Source: AMD64 APM volume 5. */
#include "target/x86/x86_trans.h"

enum { MOVD_TO = 0x6e, MOVD_FROM = 0x7e };

/* x's own encoding, with other registers: reg and rm, which counts where x has no memory. */
static uint32_t encoding(const X86Insn *x, unsigned reg, unsigned rm)
{
    return IR_UNIT(0, x->row->map, x->row->opc, (x->mod == 3 ? 0xc0u : 0u) | (reg & 7) << 3 | (rm & 7));
}

/* movd, movq between mm register r and a general one */
static uint32_t with_general(unsigned opc, unsigned r, bool wide)
{
    return IR_UNIT(0, 1, opc, 0xc0 | (r & 7) << 3) | (wide ? IR_XV_W : 0);
}

void x86_trans_mmx(Trans *t, const X86Insn *x)
{
    bool imm = x->row->map == X86_MAP_3A || x->row->opc == 0x70;
    uint32_t enc = encoding(x, x->reg, x->rm);
    if (imm)
        enc |= IR_XV_IMM | (uint32_t)(x->imm & 0xff) << 16;
    x86_unit(t, x, IR_VOID, enc, IR_NONE);
}

/* By an immediate: psrl psra psll */
void x86_trans_mmxshift(Trans *t, const X86Insn *x)
{
    uint32_t imm = IR_XV_IMM | (uint32_t)(x->imm & 0xff) << 16;
    x86_unit(t, x, IR_VOID, encoding(x, (x->modrm >> 3) & 7u, x->rm) | imm, IR_NONE);
}

/* arg: movd, movq from a register or memory; to; movq between; to; movdq2q; movq2dq; emms */
void x86_trans_mmxmov(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    bool wide = x->rex & 8;
    IrType ty = wide ? IR_I64 : IR_I32;
    uint32_t enc = encoding(x, x->reg, x->rm) | (wide && x->row->arg < 2 ? IR_XV_W : 0);
    switch (x->row->arg) {
    case 0:
        x86_unit(t, x, IR_VOID, x->mod == 3 ? with_general(MOVD_TO, x->reg, wide) : enc,
                 x->mod == 3 ? x86_read(t, x, 1) : IR_NONE);
        break;
    case 1:
        if (x->mod == 3)
            x86_write(t, x, 0, x86_unit(t, x, ty, with_general(MOVD_FROM, x->reg, wide), IR_NONE));
        else
            x86_unit(t, x, IR_VOID, enc, IR_NONE);
        break;
    case 4: {
        IrVal v = ir_vget(b, IR_I64, IR_LANE_64, 0, ir_get(b, x86_slot_xmm(x->rm)));
        x86_unit(t, x, IR_VOID, with_general(MOVD_TO, x->reg, true), v);
        break;
    }
    case 5: {
        IrVal v = x86_unit(t, x, IR_I64, with_general(MOVD_FROM, x->rm, true), IR_NONE);
        ir_put(b, x86_slot_xmm(x->reg), ir_vzext(b, IR_V128, v));
        break;
    }
    case 6: x86_unit(t, x, IR_VOID, IR_UNIT(0, 1, 0x77, 0xc0), IR_NONE); break;
    default: x86_unit(t, x, IR_VOID, enc, IR_NONE); break;
    }
}

/* pinsrw pextrw pmovmskb maskmovq */
void x86_trans_mmxlane(Trans *t, const X86Insn *x)
{
    uint32_t imm = IR_XV_IMM | (uint32_t)(x->imm & 0xff) << 16, enc = encoding(x, x->reg, x->rm);
    switch (x->row->arg) {
    case 0: x86_unit(t, x, IR_VOID, enc | imm, x->mod == 3 ? x86_reg(t, x->rm, 4, false) : IR_NONE); break;
    case 1: x86_put_reg(t, x->reg, 4, false, x86_unit(t, x, IR_I32, enc | imm, IR_NONE)); break;
    case 2: x86_put_reg(t, x->reg, 4, false, x86_unit(t, x, IR_I32, enc, IR_NONE)); break;
    default: {
        x86_unit_wait(t);
        IrVal to = x86_to_64(t, x86_with_segment(t, x, x86_index(t, x, X86_RDI)));
        IrVal args[] = {to, x86_c(t, IR_I32, (x->reg & 7) | (x->rm & 7) << 8 | 1 << 16)};
        ir_call(t->b, X86_HELPER_maskmov, args, 2);
        IrVal none[] = {x86_c(t, IR_I32, 8), x86_c(t, IR_I64, 0)};
        ir_call(t->b, X86_HELPER_mmx_put, none, 2);
    }
    }
}

static IrVal from_memory(Trans *t, const X86Insn *x)
{
    X86Addr a = x86_addr(t, x);
    return ir_vzext(t->b, IR_V128, ir_ld(t->b, IR_F64, a.base, a.disp, x86_mem(t, 8)));
}

/* cvtpi2ps cvtpi2pd cvttps2pi cvttpd2pi cvtps2pi cvtpd2pi. The first two with memory leave x87 alone. */
void x86_trans_mmxcvt(Trans *t, const X86Insn *x)
{
    static const uint16_t encodings[] = {IR_XV(0, 1, 0x5b), IR_XV(2, 1, 0xe6), IR_XV(2, 1, 0x5b),
                                         IR_XV(1, 1, 0xe6), IR_XV(1, 1, 0x5b), IR_XV(3, 1, 0xe6)};
    IrBuilder *b = t->b;
    unsigned how = x->row->arg;
    IrVal y, v;
    if (how >= 2)
        x86_unit_wait(t);
    if (x->mod != 3)
        y = x86_size(x, 1) == 16 ? x86_vsource(t, x, 1).lo : from_memory(t, x);
    else if (how < 2)
        y = ir_vzext(b, IR_V128, x86_unit(t, x, IR_I64, with_general(MOVD_FROM, x->rm, true), IR_NONE));
    else
        y = ir_get(b, x86_slot_xmm(x->rm));
    if (how == 2 || how == 4) /* the others would raise */
        y = ir_vzext(b, IR_V128, ir_vlow(b, IR_F64, y));
    v = ir_xv(b, true, IR_V128, encodings[how], IR_NONE, y);
    if (how >= 2) {
        IrVal args[] = {x86_c(t, IR_I32, x->reg & 7), ir_vget(b, IR_I64, IR_LANE_64, 0, v)};
        ir_call(b, X86_HELPER_mmx_put, args, 2);
    } else {
        IrVal old = ir_get(b, x86_slot_xmm(x->reg));
        ir_put(b, x86_slot_xmm(x->reg), how ? v : ir_vsetv(b, IR_V128, IR_LANE_64, 0, old, v));
    }
}
