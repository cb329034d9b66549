/* SSE4A: fields of the lower 64 bits of a vector register. What is above them is undefined: Zen clears it.
 * Source: AMD64 APM volume 4, "EXTRQ", "INSERTQ". */
#include "target/x86/x86_trans.h"

typedef struct Field {
    IrVal at, mask; /* shift, and the field's ones at bit 0 */
} Field;

static IrVal c64(Trans *t, int64_t v)
{
    return x86_c(t, IR_I64, v);
}

static IrVal quad(Trans *t, unsigned r, unsigned at)
{
    return ir_vget(t->b, IR_I64, IR_LANE_64, IR_VA_N(at), ir_get(t->b, x86_slot_xmm(r)));
}

/* Six bits of length, 0 for 64, and six of place: immediates, or two bytes of a register. */
static Field field_of(Trans *t, const X86Insn *x, IrVal control)
{
    IrBuilder *b = t->b;
    IrVal six = c64(t, 63), length, at;
    if (control) {
        length = ir_and(b, IR_I64, control, six);
        at = ir_and(b, IR_I64, ir_shr(b, IR_I64, control, c64(t, 8)), six);
    } else {
        length = c64(t, (int64_t)(x->imm & 63));
        at = c64(t, (int64_t)((x->row->arg & 1 ? x->imm >> 8 : x->imm2) & 63));
    }
    IrVal none = ir_and(b, IR_I64, ir_sub(b, IR_I64, c64(t, 64), length), six); /* bits that do not belong */
    return (Field){at, ir_shr(b, IR_I64, c64(t, -1), none)};
}

/* arg: 1 insertq; 2 with the control in a register */
void x86_trans_sse4a(Trans *t, const X86Insn *x)
{
    IrBuilder *b = t->b;
    bool inserts = x->row->arg & 1, by_register = x->row->arg & 2;
    unsigned to = inserts || by_register ? x->reg : x->rm;
    Field f = field_of(t, x, by_register ? quad(t, x->rm, inserts) : IR_NONE);
    IrVal v = quad(t, to, 0);
    if (inserts) {
        IrVal part = ir_and(b, IR_I64, quad(t, x->rm, 0), f.mask);
        IrVal keep = ir_not(b, IR_I64, ir_shl(b, IR_I64, f.mask, f.at));
        v = ir_or(b, IR_I64, ir_and(b, IR_I64, v, keep), ir_shl(b, IR_I64, part, f.at));
    } else {
        v = ir_and(b, IR_I64, ir_shr(b, IR_I64, v, f.at), f.mask);
    }
    ir_put(b, x86_slot_xmm(to), ir_vzext(b, IR_V128, v));
}
