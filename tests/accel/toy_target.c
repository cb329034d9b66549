#include "tests/accel/toy_target.h"

#define R(n) {"r" #n, offsetof(TtCpu, r) + 8 * (n), IR_I64, (n) == 1 || (n) == 2 ? 0 : (n) + 1}
enum { FL = 8 };
static const IrSlot slots[9] = {
    R(0), R(1), R(2), R(3), R(4), R(5), R(6), R(7), {"fl", offsetof(TtCpu, fl), IR_FL, 0}};

static void toy_reset(Cpu *cpu)
{
    cpu->pc = 0;
    memset(((TtCpu *)cpu)->r, 0, sizeof ((TtCpu *)cpu)->r);
}

static uint32_t toy_ctx(const Cpu *cpu) { return 0; }

static void translate_inc(Trans *t, const TtInsn *i)
{
    if (t->ctx & CTX_PARALLEL) {
        t->flow = (TransFlow){.kind = FLOW_RAISE, .code = CPU_EXIT_EXCLUSIVE};
        return;
    }
    IrVal addr = ir_get(t->b, i->a);
    IrVal v = ir_ld(t->b, IR_I64, addr, 0, (IrMem){.size = 3});
    ir_st(t->b, ir_add(t->b, IR_I64, v, ir_const(t->b, IR_I64, 1)), addr, 0, (IrMem){.size = 3});
}

static void translate_wide(Trans *t, const TtInsn *i)
{
    IrBuilder *b = t->b;
    IrVal v[256], base = ir_get(b, i->b), sum = ir_const(b, IR_I64, 0);
    unsigned n = 2u * (uint8_t)i->imm;
    for (unsigned k = 0; k < n; k++)
        v[k] = ir_ld(b, IR_I64, base, (int32_t)(8 * (k & 7)), (IrMem){.size = 3});
    for (unsigned k = n; k-- > 0;)
        sum = ir_add(b, IR_I64, sum, ir_mul(b, IR_I64, v[k], ir_const(b, IR_I64, k)));
    ir_put(b, i->a, sum);
}

/* The puts stand between the accesses on purpose: the builder has to hold them back. */
static void translate_many(Trans *t, const TtInsn *i)
{
    IrBuilder *b = t->b;
    IrMem m8 = {.size = 3};
    IrVal base = ir_get(b, i->b), old = ir_get(b, i->a);
    switch (i->op) {
    case TT_POST:
        ir_put(b, i->a, ir_ld(b, IR_I64, base, 0, m8));
        ir_put(b, i->b, ir_add(b, IR_I64, base, ir_const(b, IR_I64, i->imm)));
        break;
    case TT_POP:
        for (unsigned k = 0; k < 3; k++)
            ir_put(b, (i->a + k) & 7, ir_ld(b, IR_I64, base, (int32_t)(8 * k), m8));
        ir_put(b, i->b, ir_add(b, IR_I64, base, ir_const(b, IR_I64, 24)));
        break;
    case TT_STP:
        ir_st(b, old, base, 0, m8);
        ir_st(b, ir_get(b, (i->a + 1) & 7), base, 8, m8);
        break;
    case TT_FADD: ir_put(b, i->a, ir_rmw(b, IR_RMW_ADD, IR_I64, base, old, m8)); break;
    default: /* MOVX */
        ir_put(b, i->a, ir_ld(b, IR_I64, base, 0, m8));
        ir_put(b, (i->a + 1) & 7, old);
        ir_st(b, old, base, 8, m8);
        break;
    }
}

static void translate_flags(Trans *t, const TtInsn *i)
{
    IrBuilder *b = t->b;
    IrVal x = ir_get(b, i->a), y = ir_get(b, i->b), c, fl;
    switch (i->op) {
    case TT_CMP: ir_put(b, FL, ir_flsub(b, x, y)); break;
    case TT_TST: ir_put(b, FL, ir_fllogic(b, ir_and(b, IR_I64, x, y))); break;
    case TT_NZC:
        ir_put(
            b, FL,
            ir_flnzc(b, ir_and(b, IR_I64, x, y), y, i->imm < 0 ? IR_FLNZC_OLD : i->imm & 31u, ir_get(b, FL)));
        break;
    case TT_ADDS:
        ir_put(b, i->a, ir_add(b, IR_I64, x, y));
        ir_put(b, FL, ir_fladd(b, x, y));
        break;
    case TT_ADCS:
        fl = ir_get(b, FL);
        ir_put(b, i->a, ir_addc(b, x, y, fl));
        ir_put(b, FL, ir_fladc(b, x, y, fl));
        break;
    case TT_SBCS:
        fl = ir_get(b, FL);
        ir_put(b, i->a, ir_subc(b, x, y, fl));
        ir_put(b, FL, ir_flsbc(b, x, y, fl));
        break;
    case TT_ADC: ir_put(b, i->a, ir_addc(b, x, y, ir_get(b, FL))); break;
    case TT_CCMP:
        c = ir_flcc(b, ir_get(b, FL), (IrFlCond)(i->imm & 15));
        fl = ir_select(b, c, ir_flsub(b, x, y), ir_const(b, IR_FL, tt_nzcv(i->imm)));
        ir_put(b, FL, fl);
        break;
    default: /* CSEL */
        ir_put(b, i->a, ir_select(b, ir_flcc(b, ir_get(b, FL), (IrFlCond)(i->imm & 15)), x, y));
        break;
    }
}

static void toy_translate(Trans *t)
{
    IrBuilder *b = t->b;
    TtInsn i;
    IrMem m8 = {.size = 3};
    t->next = t->pc + 4;
    if (t->n_bytes < 4) {
        t->truncated = true;
        return;
    }
    memcpy(&i, t->bytes, 4);
    switch (i.op) {
    case TT_ADDI: ir_put(b, i.a, ir_add(b, IR_I64, ir_get(b, i.b), ir_const(b, IR_I64, i.imm))); break;
    case TT_ADD: ir_put(b, i.a, ir_add(b, IR_I64, ir_get(b, i.a), ir_get(b, i.b))); break;
    case TT_BNE:
        t->flow = (TransFlow){.kind = FLOW_BRANCH,
                              .cond = ir_cmp(b, IR_NE, ir_get(b, i.a), ir_get(b, i.b)),
                              .target = t->pc + (uint64_t)(4 * (int64_t)i.imm)};
        break;
    case TT_LD: ir_put(b, i.a, ir_ld(b, IR_I64, ir_get(b, i.b), i.imm, m8)); break;
    case TT_ST: ir_st(b, ir_get(b, i.a), ir_get(b, i.b), i.imm, m8); break;
    case TT_CALL:
        ir_put(b, i.a, ir_const(b, IR_I64, (int64_t)t->next));
        t->flow = (TransFlow){.kind = FLOW_CALL, .target = t->pc + (uint64_t)(4 * (int64_t)i.imm)};
        break;
    case TT_JR:
        t->flow = (TransFlow){.kind = FLOW_INDIRECT, .hint = IR_HINT_RET, .indirect = ir_get(b, i.a)};
        break;
    case TT_RAISE: t->flow = (TransFlow){.kind = FLOW_RAISE, .code = (uint16_t)i.imm}; break;
    case TT_LEAVE: t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = (uint16_t)i.imm}; break;
    case TT_LDP: {
        IrVal base = ir_get(b, i.b);
        ir_put(b, i.a, ir_ld(b, IR_I64, base, 0, m8));
        ir_put(b, i.b, ir_ld(b, IR_I64, base, 8, m8));
        break;
    }
    case TT_INC: translate_inc(t, &i); break;
    case TT_WIDE: translate_wide(t, &i); break;
    case TT_FDIV: {
        IrVal x = ir_cast(b, IR_F64, ir_get(b, i.a)), y = ir_cast(b, IR_F64, ir_get(b, i.b));
        ir_put(b, i.a, ir_cast(b, IR_I64, ir_fdiv(b, IR_F64, x, y)));
        break;
    }
    case TT_F2I:
        ir_put(b, i.a, ir_fcvt(b, IR_F2I, IR_I64, IR_RTZ, ir_cast(b, IR_F64, ir_get(b, i.b))));
        break;
    case TT_MUL: ir_put(b, i.a, ir_mul(b, IR_I64, ir_get(b, i.a), ir_get(b, i.b))); break;
    case TT_POST:
    case TT_POP:
    case TT_STP:
    case TT_FADD:
    case TT_MOVX: translate_many(t, &i); break;
    case TT_CMP:
    case TT_ADDS:
    case TT_ADCS:
    case TT_SBCS:
    case TT_ADC:
    case TT_TST:
    case TT_NZC:
    case TT_CCMP:
    case TT_CSEL: translate_flags(t, &i); break;
    case TT_BCC:
        t->flow = (TransFlow){.kind = FLOW_BRANCH,
                              .cond = ir_flcc(b, ir_get(b, FL), (IrFlCond)(i.a & 15)),
                              .target = t->pc + (uint64_t)(4 * (int64_t)i.imm)};
        break;
    default: t->flow = (TransFlow){.kind = FLOW_RAISE, .code = CPU_EXIT_ILLEGAL}; break;
    }
}

static unsigned toy_disas(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap)
{
    if (cap)
        text[0] = 0;
    return n < 4 ? 0 : 4;
}

#define TOY                                                                                                  \
    .name = "toy", .insn_align = 4, .cpu_size = sizeof(TtCpu), .slots = slots, .n_slots = ARRAY_SIZE(slots), \
    .reset = toy_reset, .ctx = toy_ctx, .translate = toy_translate, .disas = toy_disas
const TargetOps target_toy = {TOY};
const TargetOps target_toy_arm = {TOY, .nan = IR_NAN_ARM};
