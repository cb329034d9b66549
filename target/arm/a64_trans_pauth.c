/* Arm ARM, FEAT_PAuth: pointer authentication, with FEAT_PAuth2 (the code is xored into the pointer) and
 * FEAT_FPAC (a failing authentication is an exception: SIGILL).
 *
 * Addresses have 48 bits and top-byte-ignore applies to them, as Linux sets it up: the code is bits 54..48,
 * bit 55 tells the two halves of the address space apart. The default algorithm is the implementation's
 * choice: a multiplication, no cryptography. Models with FEAT_PACQARMA5 or 3 call arm_qarma().
 * The instructions of the hint space do nothing on a model without FEAT_PAuth. */
#include "target/arm/a64_trans.h"

#define PAC_MASK (0x7fll << 48)

static bool is_qarma(const Trans *t)
{
    return arm_has(t, ARM_FEAT_PACQARMA5) || arm_has(t, ARM_FEAT_PACQARMA3);
}

static IrVal qarma(Trans *t, IrVal data, IrVal modifier, ArmPacKey key)
{
    uint32_t how = (uint32_t)key | (arm_has(t, ARM_FEAT_PACQARMA3) ? ARM_PAC_QARMA3 : 0u);
    IrVal args[3] = {data, modifier, ir_const(t->b, IR_I32, how)};

    return ir_call(t->b, ARM_HELPER_pac, args, 3);
}

/* Of the pointer with bits 54..48 equal to bit 55; the top byte counts. */
static IrVal qarma_code_of(Trans *t, IrVal pointer, IrVal modifier, ArmPacKey key)
{
    IrBuilder *b = t->b;
    IrVal half = ir_sar(b, IR_I64, ir_shl(b, IR_I64, pointer, a64_imm(t, 8)), a64_imm(t, 63));
    IrVal data = ir_and(b, IR_I64, pointer, a64_imm(t, ~PAC_MASK));

    data = ir_or(b, IR_I64, data, ir_and(b, IR_I64, half, a64_imm(t, PAC_MASK)));
    return ir_and(b, IR_I64, qarma(t, data, modifier, key), a64_imm(t, PAC_MASK));
}

/* The code, at its place. Functions of programs built with pac-ret begin and end with it, so it is as short
 * as can be: the top bits of a product in 32 bits, of the low halves of address and modifier, added, and the
 * key. */
static IrVal code_of(Trans *t, IrVal pointer, IrVal modifier, ArmPacKey key)
{
    IrBuilder *b = t->b;
    IrVal h;

    if (is_qarma(t))
        return qarma_code_of(t, pointer, modifier, key);
    h = ir_add(b, IR_I32, ir_trunc(b, IR_I32, pointer), ir_trunc(b, IR_I32, modifier));

    h = ir_xor(b, IR_I32, h, ir_trunc(b, IR_I32, ir_get(b, ARM_SLOT_PAC_KEY + key)));
    h = ir_mul(b, IR_I32, h, ir_const(b, IR_I32, (int32_t)0x9e3779b1));
    h = ir_shr(b, IR_I32, h, ir_const(b, IR_I32, 25));
    return ir_shl(b, IR_I64, ir_zext(b, IR_I64, h), a64_imm(t, 48));
}

static IrVal sign_pointer(Trans *t, IrVal pointer, IrVal modifier, ArmPacKey key)
{
    return ir_xor(t->b, IR_I64, pointer, code_of(t, pointer, modifier, key));
}

/* Without its code the pointer must have bits 55..48 all equal. That they are zero is one test; for the rest
 * this instruction begins a region of its own. */
static IrVal authenticate(Trans *t, IrVal pointer, IrVal modifier, ArmPacKey key)
{
    IrBuilder *b = t->b;
    IrVal v = sign_pointer(t, pointer, modifier, key);
    IrVal top = ir_trunc(b, IR_I8, ir_shr(b, IR_I64, v, a64_imm(t, 48))), zero = ir_const(b, IR_I8, 0);

    if (t->pc != b->r->pc) {
        ir_exit_if(b, ir_cmp(b, IR_NE, top, zero), ir_exit_direct(b, t->pc, true), false);
        return v;
    }
    top = ir_add(b, IR_I8, top, ir_const(b, IR_I8, 1)); /* 0 or 1 */
    ir_exit_if(b, ir_cmp(b, IR_GTU, top, ir_const(b, IR_I8, 1)), ir_exit_raise(b, t->pc, CPU_EXIT_ILLEGAL),
               false);
    return v;
}

/* PACIA PACIB PACDA PACDB and AUT*: the key is bits 11..10. */
static ArmPacKey key_of(const A64Args *a) { return (ArmPacKey)(a->bits >> 10 & 3); }

void a64_trans_pac(Trans *t, const A64Args *a)
{
    IrVal v = a64_x(t, a->rd);

    a64_put_x(t, a->rd, sign_pointer(t, v, a64_x_sp(t, a->rn), key_of(a)));
}
void a64_trans_pacz(Trans *t, const A64Args *a)
{
    IrVal v = a64_x(t, a->rd);

    a64_put_x(t, a->rd, sign_pointer(t, v, a64_imm(t, 0), key_of(a)));
}
void a64_trans_aut(Trans *t, const A64Args *a)
{
    IrVal v = a64_x(t, a->rd);

    a64_put_x(t, a->rd, authenticate(t, v, a64_x_sp(t, a->rn), key_of(a)));
}
void a64_trans_autz(Trans *t, const A64Args *a)
{
    IrVal v = a64_x(t, a->rd);

    a64_put_x(t, a->rd, authenticate(t, v, a64_imm(t, 0), key_of(a)));
}

/* -1 or 0: bit 55 */
static IrVal half_of(Trans *t, IrVal pointer)
{
    IrVal v = ir_shl(t->b, IR_I64, pointer, a64_imm(t, 8));

    return ir_sar(t->b, IR_I64, v, a64_imm(t, 63));
}

/* In the upper half of the address space there is no top-byte-ignore: all of bits 63..48 are made equal. */
static IrVal strip(Trans *t, IrVal v)
{
    IrBuilder *b = t->b;
    IrVal half = half_of(t, v), upper = ir_and(b, IR_I64, half, a64_imm(t, (int64_t)(0xffffull << 48)));

    return ir_or(b, IR_I64, upper, ir_and(b, IR_I64, v, a64_imm(t, ~PAC_MASK)));
}
void a64_trans_xpac(Trans *t, const A64Args *a) { a64_put_x(t, a->rd, strip(t, a64_x(t, a->rd))); }
void a64_trans_xpaclri(Trans *t, const A64Args *a)
{
    if (arm_has(t, ARM_FEAT_PAuth))
        a64_put_x(t, ARM_LR, strip(t, a64_x(t, ARM_LR)));
}

/* Hint space: CRm = 1: x17 by x16; CRm = 3: x30 by SP (op2 odd) or 0. op2: bit 2 authenticates, bit 1 key
 * B. */
void a64_trans_pac_hint(Trans *t, const A64Args *a)
{
    unsigned op2 = a->imm & 7;
    bool lr = a->imm >> 3 == 3;
    ArmPacKey key = op2 & 2 ? ARM_KEY_IB : ARM_KEY_IA;
    unsigned reg = lr ? ARM_LR : 17;
    IrVal v, modifier;

    if (!arm_has(t, ARM_FEAT_PAuth))
        return;
    v = a64_x(t, reg);
    modifier = !lr ? a64_x(t, 16) : op2 & 1 ? a64_x_sp(t, ARM_ZR_SP) : a64_imm(t, 0);
    a64_put_x(t, reg, op2 & 4 ? authenticate(t, v, modifier, key) : sign_pointer(t, v, modifier, key));
}

/* PACGA: a code of 32 bits in the upper half, of all of the value. */
void a64_trans_pacga(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    IrVal h = a64_x(t, a->rn), modifier = a64_x_sp(t, a->rm);

    if (is_qarma(t)) {
        h = qarma(t, h, modifier, ARM_KEY_GA);
        a64_put_x(t, a->rd, ir_and(b, IR_I64, h, a64_imm(t, (int64_t)0xffffffff00000000)));
        return;
    }
    h = ir_xor(b, IR_I64, h, ir_get(b, ARM_SLOT_PAC_KEY + ARM_KEY_GA));
    h = ir_mul(b, IR_I64, h, a64_imm(t, (int64_t)0x9e3779b97f4a7c15));
    h = ir_xor(b, IR_I64, h, modifier);
    h = ir_mul(b, IR_I64, h, a64_imm(t, (int64_t)0xd6e8feb86659fd93));
    a64_put_x(t, a->rd, ir_and(b, IR_I64, h, a64_imm(t, (int64_t)0xffffffff00000000)));
}

/* Combined forms: bit 10 is key B; bit 21 of branches makes a call, bits 22..21 = 2 a return. */
static ArmPacKey branch_key(const A64Args *a) { return a->bits >> 10 & 1 ? ARM_KEY_IB : ARM_KEY_IA; }

static void branch_authenticated(Trans *t, const A64Args *a, IrVal modifier)
{
    IrVal target = authenticate(t, a64_x(t, a->rn), modifier, branch_key(a));

    a64_jump(t, target, a->bits >> 21 & 1 ? IR_HINT_CALL : IR_HINT_JUMP);
}
void a64_trans_braz(Trans *t, const A64Args *a) { branch_authenticated(t, a, a64_imm(t, 0)); }
void a64_trans_bra(Trans *t, const A64Args *a) { branch_authenticated(t, a, a64_x_sp(t, a->rd)); }
void a64_trans_reta(Trans *t, const A64Args *a)
{
    IrVal lr = a64_x(t, ARM_LR), target = authenticate(t, lr, a64_x_sp(t, ARM_ZR_SP), branch_key(a));

    a64_jump(t, target, IR_HINT_RET);
}

/* LDRAA, LDRAB: bit 23 key DB, bit 11 write-back of the authenticated address. */
void a64_trans_ldra(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    ArmPacKey key = a->bits >> 23 & 1 ? ARM_KEY_DB : ARM_KEY_DA;
    IrVal base = a64_x_sp(t, a->rn), addr = authenticate(t, base, a64_imm(t, 0), key), v;

    addr = ir_add(b, IR_I64, addr, a64_imm(t, a->imm));
    v = ir_ld(b, IR_I64, addr, 0, a64_mem(t, 3));
    if (a->bits >> 11 & 1)
        a64_put_x_sp(t, a->rn, addr);
    a64_put_x(t, a->rd, v);
}
