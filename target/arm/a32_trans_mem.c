/* Arm ARM, "Load/store" of A32 and T32. Words and halfwords need not be aligned, but where memory or SCTLR.A
 * wants them to be; doublewords and multiples must be to 4. */
#include "target/arm/a32_trans.h"

typedef struct MemAddress {
    IrVal addr; /* of the access */
    IrVal back; /* to be written to the base register, or IR_NONE */
} MemAddress;

static MemAddress address(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    IrVal base = a->n == A32_PC ? a32_pc_aligned(t, 0) : a32_r(t, a->n), moved;

    if (a->form == A32_IMM) {
        moved = ir_add(b, IR_I32, base, a32_imm(t, (uint32_t)a->imm));
    } else {
        IrVal offset = a32_operand2(t, a, NULL);
        moved = a->U ? ir_add(b, IR_I32, base, offset) : ir_sub(b, IR_I32, base, offset);
    }
    return (MemAddress){a->P ? moved : base, a->W ? moved : IR_NONE};
}

/* Without what has been added to it in multiples of 4. */
static IrVal root_of(const IrBuilder *b, IrVal v)
{
    const IrInsn *insn = b->r->insn;

    while (insn[v].op == IR_ADD && ir_is_const(b->r, insn[v].b) && !(ir_const_value(b->r, insn[v].b) & 3))
        v = insn[v].a;
    return v;
}

/* Pushes and pops of a block are of one register, loops have a few: each is looked at once. */
void a32_need_aligned(Trans *t, IrVal addr, unsigned size)
{
    IrBuilder *b = t->b;
    A32Trans *state = a32_state(t);
    IrVal root = root_of(b, addr), base = addr;

    for (unsigned k = 0; k < A32_ALIGNED && size == 4; k++)
        if (state->aligned[k] == root)
            return;
    if (size >= 4)
        state->aligned[state->next_aligned++ % A32_ALIGNED] = root;
    if (size == 4 && root != addr) /* what has been added last is not in a register */
        base = b->r->insn[addr].a;
    IrVal low = ir_and(b, IR_I32, base, a32_imm(t, size - 1));

    ir_exit_if(b, ir_cmp(b, IR_NE, low, a32_imm(t, 0)), ir_exit_raise(b, t->pc, CPU_EXIT_MISALIGNED), false);
}

/* LDRT, STRT and others are User mode's. */
static IrMem single_mem(const Trans *t, const A32Args *a, unsigned size)
{
    IrMem mem = a32_mem(t, size);

    if (a32_sys(t) && a->unprivileged)
        mem.mmuidx = A32_IDX_USER;
    return mem;
}

static void load(Trans *t, const A32Args *a, unsigned size, bool is_signed)
{
    IrVal cond = a32_state(t)->cond;

    if (cond && a->d == A32_PC) {
        a32_go_around(t, a, cond);
        cond = IR_NONE;
    }
    MemAddress m = address(t, a);
    IrMem mem = single_mem(t, a, size);

    mem.sext = is_signed;
    /* what is being executed can be read */
    IrVal addr = cond ? ir_select(t->b, cond, m.addr, a32_here(t, a32_address(t) & ~3u)) : m.addr;
    IrVal v = a32_ld(t, IR_I32, addr, 0, mem);
    if (m.back)
        a32_put(t, a->n, m.back);
    if (a->d == A32_PC)
        a32_write_pc(t, v, a->n == A32_SP ? IR_HINT_RET : IR_HINT_JUMP);
    else
        a32_put(t, a->d, v);
}

static void store(Trans *t, const A32Args *a, unsigned size)
{
    if (a32_state(t)->cond)
        a32_go_around(t, a, a32_state(t)->cond);
    MemAddress m = address(t, a);

    a32_st(t, a32_r(t, a->d), m.addr, 0, single_mem(t, a, size));
    if (m.back)
        a32_put(t, a->n, m.back);
}

void a32_trans_ldr(Trans *t, const A32Args *a) { load(t, a, 2, false); }
void a32_trans_ldrb(Trans *t, const A32Args *a) { load(t, a, 0, false); }
void a32_trans_ldrh(Trans *t, const A32Args *a) { load(t, a, 1, false); }
void a32_trans_ldrsb(Trans *t, const A32Args *a) { load(t, a, 0, true); }
void a32_trans_ldrsh(Trans *t, const A32Args *a) { load(t, a, 1, true); }
void a32_trans_str(Trans *t, const A32Args *a) { store(t, a, 2); }
void a32_trans_strb(Trans *t, const A32Args *a) { store(t, a, 0); }
void a32_trans_strh(Trans *t, const A32Args *a) { store(t, a, 1); }

/* Where other threads may look it is one access of 8 bytes: single-copy atomic where the address is a
 * multiple of 8, as LPAE wants it. Else two: what two words were stored to is slow to load at once. */
void a32_trans_ldrd(Trans *t, const A32Args *a)
{
    MemAddress m = address(t, a);
    IrVal low, high;

    a32_need_aligned(t, m.addr, 4);
    if (t->ctx & CTX_PARALLEL) {
        IrVal v = a32_ld(t, IR_I64, m.addr, 0, a32_of_elements(t, a32_mem(t, 3), 2));
        if (m.back)
            a32_put(t, a->n, m.back);
        a32_put_pair(t, a32_big(t) ? a->e : a->d, a32_big(t) ? a->d : a->e, v);
        return;
    }
    low = a32_ld(t, IR_I32, m.addr, 0, a32_mem(t, 2));
    high = a32_ld(t, IR_I32, m.addr, 4, a32_mem(t, 2));
    if (m.back)
        a32_put(t, a->n, m.back);
    a32_put(t, a->d, low);
    a32_put(t, a->e, high);
}

void a32_trans_strd(Trans *t, const A32Args *a)
{
    MemAddress m = address(t, a);
    A32Pair x = a32_two(t, a->d, a->e);

    a32_need_aligned(t, m.addr, 4);
    if (t->ctx & CTX_PARALLEL) {
        IrVal v = a32_big(t) ? a32_pair(t, x.m, x.n) : a32_pair(t, x.n, x.m);
        a32_st(t, v, m.addr, 0, a32_of_elements(t, a32_mem(t, 3), 2));
    } else {
        a32_st(t, x.n, m.addr, 0, a32_mem(t, 2));
        a32_st(t, x.m, m.addr, 4, a32_mem(t, 2));
    }
    if (m.back)
        a32_put(t, a->n, m.back);
}

/* ---- multiple ---- */

/* Lowest address and the base's value after. */
static MemAddress block_address(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    uint32_t bytes = 4 * (uint32_t)__builtin_popcount(a->l);
    IrVal base = a32_r(t, a->n), back = ir_add(b, IR_I32, base, a32_imm(t, a->U ? bytes : 0u - bytes));
    uint32_t first = a->U ? (a->P ? 4 : 0) : (a->P ? 0u - bytes : 4u - bytes);

    return (MemAddress){ir_add(b, IR_I32, base, a32_imm(t, first)), a->W ? back : IR_NONE};
}

void a32_trans_ldm(Trans *t, const A32Args *a)
{
    IrVal v[16] = {0};
    MemAddress m = block_address(t, a);
    int32_t disp = 0;

    a32_need_aligned(t, m.addr, 4);
    for (unsigned r = 0; r < 16; r++)
        if (a->l >> r & 1) {
            v[r] = a32_ld(t, IR_I32, m.addr, disp, a32_mem(t, 2));
            disp += 4;
        }
    if (m.back)
        a32_put(t, a->n, m.back);
    for (unsigned r = 0; r < 15; r++)
        if (v[r])
            a32_put(t, r, v[r]);
    if (v[A32_PC])
        a32_write_pc(t, v[A32_PC], a->n == A32_SP ? IR_HINT_RET : IR_HINT_JUMP);
}

void a32_trans_stm(Trans *t, const A32Args *a)
{
    MemAddress m = block_address(t, a);
    int32_t disp = 0;

    a32_need_aligned(t, m.addr, 4);
    for (unsigned r = 0; r < 16; r++)
        if (a->l >> r & 1) {
            a32_st(t, a32_r(t, r), m.addr, disp, a32_mem(t, 2));
            disp += 4;
        }
    if (m.back)
        a32_put(t, a->n, m.back);
}
