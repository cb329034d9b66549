/* Arm ARM, branches, exceptions, hints and status registers of A32 and T32. */
#include "target/arm/a32_trans.h"
#include "target/arm/a64_decode.h"

/* ---- the program counter ---- */

static void jump(Trans *t, IrVal target32, IrHint hint)
{
    Gva known;

    if (!a32_sys(t) && ir_known_target(t->b, target32, &known)) {
        t->flow.kind = hint == IR_HINT_CALL ? FLOW_CALL : FLOW_JUMP;
        t->flow.target = (uint32_t)known;
        return;
    }
    t->flow.kind = FLOW_INDIRECT;
    t->flow.indirect = a32_zext(t, target32);
    t->flow.hint = hint;
}

/* The T bit of the address is the tag of the program counter: nothing to do. */
void a32_write_pc(Trans *t, IrVal target, IrHint hint) { jump(t, target, hint); }

void a32_branch(Trans *t, IrVal target, IrHint hint)
{
    IrVal v = ir_and(t->b, IR_I32, target, a32_imm(t, a32_thumb(t) ? ~1u : ~3u));

    jump(t, a32_thumb(t) ? ir_or(t->b, IR_I32, v, a32_imm(t, 1)) : v, hint);
}

void a32_alu_write_pc(Trans *t, IrVal target, IrHint hint)
{
    if (a32_thumb(t))
        a32_branch(t, target, hint);
    else
        a32_write_pc(t, target, hint);
}

/* ---- branches ---- */

/* imm counts from the instruction; the ISA stays */
static Gva target_of(const Trans *t, const A32Args *a) { return a32_pc_plus(t, a->imm, 0); }

static void branch_if(Trans *t, IrVal cond, Gva target)
{
    t->flow.target = target;
    t->flow.cond = cond;
    if (!ir_is_const(t->b->r, cond))
        t->flow.kind = FLOW_BRANCH;
    else if (ir_const_value(t->b->r, cond))
        t->flow.kind = FLOW_JUMP;
}

void a32_trans_b(Trans *t, const A32Args *a)
{
    if (a32_state(t)->branch_cond) {
        branch_if(t, a32_state(t)->branch_cond, target_of(t, a));
        return;
    }
    t->flow.kind = FLOW_JUMP;
    t->flow.target = target_of(t, a);
}

static void call(Trans *t, Gva target)
{
    a32_put(t, A32_LR, a32_return_address(t));
    t->flow.kind = FLOW_CALL;
    t->flow.target = target;
}

void a32_trans_bl(Trans *t, const A32Args *a) { call(t, target_of(t, a)); }

void a32_trans_blx_imm(Trans *t, const A32Args *a)
{
    Gva target = target_of(t, a);

    call(t, a32_thumb(t) ? target & ~(Gva)3 : target | ARM_PC_T);
}

void a32_trans_bx(Trans *t, const A32Args *a)
{
    a32_write_pc(t, a->m == A32_PC && a32_thumb(t) ? a32_pc_aligned(t, 0) : a32_r(t, a->m),
                 a->m == A32_LR ? IR_HINT_RET : IR_HINT_JUMP);
}

void a32_trans_blx(Trans *t, const A32Args *a)
{
    IrVal target = a32_r(t, a->m);

    a32_put(t, A32_LR, a32_return_address(t));
    a32_write_pc(t, target, IR_HINT_CALL);
}

static void compare_and_branch(Trans *t, const A32Args *a, IrCond cond)
{
    branch_if(t, ir_cmp(t->b, cond, a32_r(t, a->n), a32_imm(t, 0)), target_of(t, a));
}

void a32_trans_cbz(Trans *t, const A32Args *a) { compare_and_branch(t, a, IR_EQ); }
void a32_trans_cbnz(Trans *t, const A32Args *a) { compare_and_branch(t, a, IR_NE); }

static void table_branch(Trans *t, const A32Args *a, unsigned size)
{
    IrBuilder *b = t->b;
    A32Pair x = a32_two(t, a->n, a->m);
    IrVal at = size ? ir_shl(b, IR_I32, x.m, a32_imm(t, size)) : x.m;
    IrVal v = a32_ld(t, IR_I32, ir_add(b, IR_I32, x.n, at), 0, a32_mem(t, size));

    v = ir_shl(b, IR_I32, v, a32_imm(t, 1));
    v = ir_add(b, IR_I32, v, a32_here(t, a32_address(t) + 4));
    jump(t, ir_or(b, IR_I32, v, a32_imm(t, 1)), IR_HINT_JUMP);
}

void a32_trans_tbb(Trans *t, const A32Args *a) { table_branch(t, a, 0); }
void a32_trans_tbh(Trans *t, const A32Args *a) { table_branch(t, a, 1); }

/* The state is in the tag of the next instruction. */
void a32_trans_it(Trans *t, const A32Args *a)
{
    t->next = a32_pc_plus(t, a->len, (unsigned)a->imm);
}

/* ---- exceptions and hints ---- */

void a32_trans_svc(Trans *t, const A32Args *a)
{
    if (a32_sys(t))
        a32_svc_machine(t, a);
    else
        a32_raise(t, CPU_EXIT_SYSCALL);
}
void a32_trans_bkpt(Trans *t, const A32Args *a) { a32_raise(t, CPU_EXIT_BREAK); }
void a32_trans_udf(Trans *t, const A32Args *a) { a32_illegal(t); }
void a32_trans_nop(Trans *t, const A32Args *a) {}
void a32_trans_setpan(Trans *t, const A32Args *a) /* nothing at user level */
{
    enum { FIELD_S = 4, PAN = 1 << 22 };

    if (a32_sys(t))
        a32_write_cpsr(t, a, FIELD_S, a32_imm(t, a->i ? PAN : 0));
}

/* The byte order of data, which code is made for (ARM_CTX_BIG). Linux on Armv7 cores leaves SETEND to the
 * core; on Armv8 it sets SCTLR.SED and, unless told otherwise, does SETEND itself (legacy_instructions.rst:
 * deprecated ones default to emulation). Programs see the same. */
static void put_byte_order(Trans *t, IrVal big)
{
    a32_put_slot(t, A32_SLOT_E, big);
    t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
}
void a32_trans_setend(Trans *t, const A32Args *a)
{
    if (a->i != a32_big(t))
        put_byte_order(t, a32_imm(t, a->i));
}

/* ---- status and system registers ---- */

/* CPSR as user level may read it: NZCV, Q, GE, E; the rest as in the state it runs in. */
void a32_trans_mrs(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    IrVal fl = ir_flbits(b, a32_fl(t)), q = ir_get(b, A32_SLOT_Q), ge = ir_get(b, A32_SLOT_GE);
    IrVal nz = ir_shl(b, IR_I32, ir_and(b, IR_I32, fl, a32_imm(t, IR_FL_N | IR_FL_Z)), a32_imm(t, 16));
    IrVal c = ir_shl(b, IR_I32, ir_and(b, IR_I32, fl, a32_imm(t, IR_FL_C)), a32_imm(t, 21));
    IrVal v = ir_shl(b, IR_I32, ir_and(b, IR_I32, fl, a32_imm(t, IR_FL_V)), a32_imm(t, 28));
    IrVal mode = a32_sys(t) ? ir_or(b, IR_I32, a32_mode_bits(t), a32_imm(t, a32_big(t) ? 0x200 : 0))
                            : a32_imm(t, a32_big(t) ? 0x210 : 0x10);
    IrVal word = ir_or(b, IR_I32, ir_or(b, IR_I32, nz, c), ir_or(b, IR_I32, v, mode));

    word = ir_or(b, IR_I32, word, ir_shl(b, IR_I32, q, a32_imm(t, 27)));
    /* one bit of each byte, next to each other by a multiplication */
    ge = ir_mul(b, IR_I32, ir_and(b, IR_I32, ge, a32_imm(t, 0x01010101)), a32_imm(t, 0x10204080));
    ge = ir_and(b, IR_I32, ir_shr(b, IR_I32, ge, a32_imm(t, 28)), a32_imm(t, 15));
    a32_put(t, a->d, ir_or(b, IR_I32, word, ir_shl(b, IR_I32, ge, a32_imm(t, 16))));
}

static void write_status(Trans *t, const A32Args *a, IrVal v)
{
    IrBuilder *b = t->b;
    unsigned fields = a->f;

    if (a32_sys(t) && a32_state(t)->cond)
        a32_go_around(t, a, a32_state(t)->cond);

    if (fields & 8) {
        IrVal nz = ir_and(b, IR_I32, ir_shr(b, IR_I32, v, a32_imm(t, 16)), a32_imm(t, IR_FL_N | IR_FL_Z));
        IrVal c = ir_and(b, IR_I32, ir_shr(b, IR_I32, v, a32_imm(t, 21)), a32_imm(t, IR_FL_C));
        IrVal o = ir_and(b, IR_I32, ir_shr(b, IR_I32, v, a32_imm(t, 28)), a32_imm(t, IR_FL_V));
        IrVal q = ir_and(b, IR_I32, ir_shr(b, IR_I32, v, a32_imm(t, 27)), a32_imm(t, 1));
        a32_put_slot(t, A32_SLOT_FL, ir_flmake(b, ir_or(b, IR_I32, ir_or(b, IR_I32, nz, c), o)));
        a32_put_slot(t, A32_SLOT_Q, q);
    }
    if (fields & 4) { /* bits 19..16 to the low bits of the bytes, then times 255 */
        IrVal ge = ir_and(b, IR_I32, ir_shr(b, IR_I32, v, a32_imm(t, 16)), a32_imm(t, 15));
        ge = ir_and(b, IR_I32, ir_mul(b, IR_I32, ge, a32_imm(t, 0x00204081)), a32_imm(t, 0x01010101));
        a32_put_slot(t, A32_SLOT_GE, ir_mul(b, IR_I32, ge, a32_imm(t, 255)));
    }
    if (a32_sys(t))
        a32_write_cpsr(t, a, fields, v);
    else if (fields & 2)
        put_byte_order(t, ir_and(b, IR_I32, ir_shr(b, IR_I32, v, a32_imm(t, 9)), a32_imm(t, 1)));
}

void a32_trans_msr(Trans *t, const A32Args *a) { write_status(t, a, a32_r(t, a->m)); }
void a32_trans_msr_imm(Trans *t, const A32Args *a) { write_status(t, a, a32_imm(t, (uint32_t)a->imm)); }

void a32_trans_get_tpidr(Trans *t, const A32Args *a) { a32_put(t, a->d, ir_get(t->b, A32_SLOT_TPIDR)); }
void a32_trans_get_tpidrro(Trans *t, const A32Args *a) { a32_put(t, a->d, ir_get(t->b, A32_SLOT_TPIDRRO)); }
void a32_trans_put_tpidr(Trans *t, const A32Args *a) { a32_put_slot(t, A32_SLOT_TPIDR, a32_r(t, a->d)); }
/* Performance counters: user level has no access, and may ask. */
void a32_trans_get_pmuserenr(Trans *t, const A32Args *a)
{
    if (a32_sys(t))
        a32_get_cp(t, A64_SYSREG(3, 0, 9, 14, 0), a->d, 0);
    else
        a32_put(t, a->d, a32_imm(t, 0));
}
void a32_trans_get_cntfrq(Trans *t, const A32Args *a)
{
    if (a32_sys(t))
        a32_get_cp(t, A64_SYSREG(3, 0, 14, 0, 0), a->d, 0);
    else
        a32_put(t, a->d, a32_imm(t, ARM_CNTFRQ));
}

void a32_trans_get_cntvct(Trans *t, const A32Args *a)
{
    if (a32_sys(t))
        a32_get_cp(t, A32_CP_64 | 1 << 4 | 14, a->d, a->e);
    else
        a32_put_pair(t, a->d, a->e, ir_call(t->b, A32_HELPER_cntvct, NULL, 0));
}
