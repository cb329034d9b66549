/* Arm ARM, "Data Processing -- Immediate" and "Data Processing -- Register": what computes on general registers. */
#include "target/arm/a64_trans.h"

void a64_trans_add_imm(Trans *t, const A64Args *a)
{
    IrVal n = a64_r_sp(t, a->sf, a->rn);

    a64_put_r_sp(t, a->sf, a->rd, ir_add(t->b, a64_type(a), n, ir_const(t->b, a64_type(a), a->imm)));
}

/* Move wide */
void a64_trans_movz(Trans *t, const A64Args *a) { a64_put_x(t, a->rd, a64_imm(t, (int64_t)((uint64_t)a->imm << a->amount))); }

void a64_trans_movn(Trans *t, const A64Args *a)
{
    uint64_t v = ~((uint64_t)a->imm << a->amount);

    a64_put_x(t, a->rd, a64_imm(t, (int64_t)(a->sf ? v : (uint32_t)v)));
}

void a64_trans_movk(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrType type = a64_type(a);
    IrVal old = ir_and(b, type, a64_r(t, a->sf, a->rd), ir_const(b, type, ~(0xffffll << a->amount)));

    a64_put_r(t, a->sf, a->rd, ir_or(b, type, old, ir_const(b, type, (int64_t)((uint64_t)a->imm << a->amount))));
}

/* PC-relative addresses */
void a64_trans_adr(Trans *t, const A64Args *a) { a64_put_x(t, a->rd, a64_imm(t, (int64_t)t->pc + a->imm)); }
void a64_trans_adrp(Trans *t, const A64Args *a) { a64_put_x(t, a->rd, a64_imm(t, ((int64_t)t->pc & ~4095ll) + a->imm)); }
