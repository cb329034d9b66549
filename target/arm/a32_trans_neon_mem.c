/* Arm ARM, "Advanced SIMD element or structure load/store". Elements are accessed one by one, VLD1 and VST1
 * of registers by 8 or 16 bytes. Without an alignment in the encoding none is asked for, but that of elements
 * where memory or SCTLR.A wants it. */
#include "target/arm/a32_neon.h"

/* The base, checked; *ret_back: what is to be written to it for `bytes` of memory, IR_NONE if nothing. */
static IrVal base(Trans *t, const A32Args *a, unsigned bytes, unsigned align, IrVal *ret_back)
{
    IrBuilder *b = t->b;
    IrVal addr = a32_r(t, a->n);

    *ret_back = a->m == 15   ? IR_NONE
                : a->m == 13 ? ir_add(b, IR_I32, addr, a32_imm(t, bytes))
                             : ir_add(b, IR_I32, addr, a32_r(t, a->m));
    if (align > 1)
        a32_need_aligned(t, addr, align);
    return addr;
}

static void write_back(Trans *t, const A32Args *a, IrVal back)
{
    if (back)
        a32_put(t, a->n, back);
}

static IrVal load_element(Trans *t, unsigned size, IrVal addr, unsigned disp)
{
    return a32_ld(t, size == 3 ? IR_I64 : IR_I32, addr, (int32_t)disp, a32_mem(t, size));
}
static void store_element(Trans *t, unsigned size, IrVal addr, unsigned disp, IrVal vec, unsigned lane)
{
    IrVal v = ir_vget(t->b, size == 3 ? IR_I64 : IR_I32, size, IR_VA_N(lane), vec);

    a32_st(t, v, addr, (int32_t)disp, a32_mem(t, size));
}

/* ---- multiple structures ---- */

static bool multi_ok(const A32Args *a, const A32Structures *m)
{
    if (!m->n)
        return false; /* no such type */
    unsigned last = a32_dd(a) + (m->n == 1 ? m->regs - 1u : (m->n - 1u) * m->space + (m->regs / m->n - 1u));

    return (m->aligns >> a->a & 1) && !(m->n > 1 && a->s == 3) && last < 32 && a->n != 15;
}

/* Register of element k of a structure, in the r-th group of registers. */
static unsigned reg_of(const A32Args *a, const A32Structures *m, unsigned r, unsigned k)
{
    return a32_dd(a) + r + k * m->space;
}

static unsigned registers_align(const Trans *t, const A32Args *a)
{
    unsigned encoded = a->a ? 4u << a->a : 1;

    return t->ctx & ARM_CTX_ALIGN32 ? MAX(encoded, 1u << a->s) : encoded;
}
static IrMem registers_mem(const Trans *t, const A32Args *a, unsigned size)
{
    return a32_of_elements(t, a32_mem_raw(t, size), a->s);
}

/* VLD1 and VST1: registers side by side, two at a time. */
static void load_registers(Trans *t, const A32Args *a, unsigned regs)
{
    IrVal back, addr = base(t, a, regs * 8u, registers_align(t, a), &back), v[2];

    for (unsigned r = 0; r < regs; r += 2)
        v[r / 2] = r + 1 < regs ? a32_ld(t, IR_V128, addr, (int32_t)r * 8, registers_mem(t, a, 4))
                                : a32_ld(t, IR_V64, addr, (int32_t)r * 8, registers_mem(t, a, 3));
    for (unsigned r = 0; r < regs; r++) {
        IrVal x = v[r / 2];
        if (r & 1)
            x = a32_high(t, x);
        else if (r + 1 < regs)
            x = ir_vlow(t->b, IR_V64, x);
        a32_put_v(t, a32_dd(a) + r, x);
    }
    write_back(t, a, back);
}

static void store_registers(Trans *t, const A32Args *a, unsigned regs)
{
    IrVal back, addr = base(t, a, regs * 8u, registers_align(t, a), &back);

    for (unsigned r = 0; r < regs; r += 2) {
        IrVal v = a32_v(t, a32_dd(a) + r);
        if (r + 1 < regs)
            v = ir_vjoin(t->b, IR_V128, IR_LANE_64, 0, v, a32_v(t, a32_dd(a) + r + 1));
        a32_st(t, v, addr, (int32_t)r * 8, registers_mem(t, a, r + 1 < regs ? 4 : 3));
    }
    write_back(t, a, back);
}

static void load_multiple(Trans *t, const A32Args *a, const A32Structures *m)
{
    IrBuilder *b = t->b;
    unsigned size = a->s, lanes = 8u >> size, groups = m->regs / m->n;
    IrVal back, addr = base(t, a, m->regs * 8u, a->a ? 4u << a->a : 1, &back), v[4] = {0};
    unsigned disp = 0;

    for (unsigned r = 0; r < groups; r++) {
        for (unsigned e = 0; e < lanes; e++) {
            for (unsigned k = 0; k < m->n; k++, disp += 1u << size) {
                IrVal x = load_element(t, size, addr, disp), *to = &v[r * m->n + k];
                *to = ir_vset(b, IR_V64, size, IR_VA_N(e), e ? *to : ir_vconst(b, IR_V64, 0, 0), x);
            }
        }
    }
    for (unsigned r = 0; r < groups; r++)
        for (unsigned k = 0; k < m->n; k++)
            a32_put_d(t, reg_of(a, m, r, k), v[r * m->n + k]);
    write_back(t, a, back);
}

static void store_multiple(Trans *t, const A32Args *a, const A32Structures *m)
{
    unsigned size = a->s, lanes = 8u >> size, groups = m->regs / m->n, disp = 0;
    IrVal back, addr = base(t, a, m->regs * 8u, a->a ? 4u << a->a : 1, &back);

    for (unsigned r = 0; r < groups; r++)
        for (unsigned e = 0; e < lanes; e++)
            for (unsigned k = 0; k < m->n; k++, disp += 1u << size) {
                unsigned reg = reg_of(a, m, r, k);
                store_element(t, size, addr, disp, a32_v(t, reg), e);
            }
    write_back(t, a, back);
}

void a32_trans_n_multiple(Trans *t, const A32Args *a)
{
    const A32Structures *m = &a32_structures[a->t];
    bool whole = m->n == 1 && (a->s == 0 || !a32_big(t)); /* the elements' order is memory's */

    if (!multi_ok(a, m))
        a32_illegal(t);
    else if (whole && a->o)
        load_registers(t, a, m->regs);
    else if (whole)
        store_registers(t, a, m->regs);
    else if (a->o)
        load_multiple(t, a, m);
    else
        store_multiple(t, a, m);
}

/* ---- one lane ---- */

void a32_trans_n_lane(Trans *t, const A32Args *a)
{
    A32OneLane l = a32_one_lane(a);
    unsigned n = a->p + 1u;
    IrVal back, addr, v[4];

    if (!l.ok) {
        a32_illegal(t);
        return;
    }
    addr = base(t, a, n << a->s, l.align, &back);
    for (unsigned k = 0; k < n; k++) {
        unsigned r = a32_dd(a) + k * l.space;
        if (a->o)
            v[k] = load_element(t, a->s, addr, k << a->s);
        else
            store_element(t, a->s, addr, k << a->s, a32_v(t, r), l.index);
    }
    for (unsigned k = 0; k < n && a->o; k++) {
        unsigned r = a32_dd(a) + k * l.space;
        a32_put_v(t, r, ir_vset(t->b, IR_V64, a->s, IR_VA_N(l.index), a32_v(t, r), v[k]));
    }
    write_back(t, a, back);
}

/* One structure to all lanes. x: two registers (VLD1), or registers two apart */
void a32_trans_n_all_lanes(Trans *t, const A32Args *a)
{
    unsigned n = a->p + 1u, size = a->s == 3 ? 2 : a->s, space = n > 1 && a->x ? 2 : 1,
             regs = n == 1 && a->x ? 2 : n;
    unsigned align = a32_all_lanes_align(a);
    bool ok = a->s != 3 || (n == 4 && a->a);
    IrVal back, addr, v[4];

    if (n == 1 || n == 3)
        ok = ok && !(a->a && (n == 3 || a->s == 0));
    if (!ok || a32_dd(a) + (regs - 1) * space >= 32 || a->n == 15) {
        a32_illegal(t);
        return;
    }
    addr = base(t, a, n << size, align, &back);
    for (unsigned k = 0; k < n; k++)
        v[k] = load_element(t, size, addr, k << size);
    for (unsigned k = 0; k < regs; k++)
        a32_put_d(t, a32_dd(a) + k * space,
                  ir_vlow(t->b, IR_V64, ir_vdup(t->b, IR_V128, size, 0, v[n == 1 ? 0 : k])));
    write_back(t, a, back);
}
