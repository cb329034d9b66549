/* Arm ARM: instructions of A32 and T32 that only privileged modes have, or that do more in machines. In user
 * mode they are undefined, or do nothing.
 *
 * Masks of interrupts are a slot. Unmasking looks at `lines`, a slot that other threads write: what they do
 * after it was read comes with a kick, which the next poll sees. */
#include "target/arm/a32_priv.h"
#include "target/arm/a64_decode.h"

static unsigned level(const Trans *t)
{
    return t->ctx >> ARM_CTX_EL_SHIFT & 3;
}

static bool below_el1(Trans *t)
{
    if (level(t) >= 1)
        return false;
    a32_illegal(t);
    return true;
}

/* The helper may go on elsewhere, or in another context: nothing of this region follows. */
static void leave(Trans *t, unsigned helper, const IrVal *args, unsigned n)
{
    ir_call(t->b, helper, args, n);
    t->flow.kind = FLOW_STOP;
}

/* The last helper of an instruction that has changed state already: nothing that it raises runs the
 * instruction again. */
static void last(Trans *t)
{
    ir_insn_start(t->b, t->pc);
}

/* From here on the condition holds. */
static void decide(Trans *t, const A32Args *a)
{
    A32Trans *state = a32_state(t);
    if (state->cond)
        a32_go_around(t, a, state->cond);
}

/* ---- CPSR and SPSR ---- */

/* What is in CPSR besides what user programs see of it. */
IrVal a32_mode_bits(Trans *t)
{
    IrBuilder *b = t->b;
    IrVal masks = ir_and(b, IR_I32, ir_get(b, A32_SYS_SLOT_DAIF), a32_imm(t, A32_CPSR_AIF));
    IrVal pan = ir_and(b, IR_I32, ir_get(b, A32_SYS_SLOT_PSTATE), a32_imm(t, ARM_PSTATE_PAN));
    return ir_or(b, IR_I32, ir_or(b, IR_I32, masks, pan), ir_get(b, A32_SYS_SLOT_MODE));
}

/* Bits of the fields c, x, s, f of an MSR. */
static uint32_t field_mask(unsigned fields)
{
    return (fields & 1 ? 0xffu : 0) | (fields & 2 ? 0xff00u : 0) | (fields & 4 ? 0xff0000u : 0) |
           (fields & 8 ? 0xff000000u : 0);
}

void a32_write_cpsr(Trans *t, const A32Args *a, unsigned fields, IrVal v)
{
    uint32_t mask = field_mask(fields) &
                    (level(t) ? A32_CPSR_M | A32_CPSR_AIF | A32_CPSR_E | ARM_PSTATE_PAN : A32_CPSR_E);
    IrVal args[3] = {v, a32_imm(t, mask), a32_imm(t, a->len)};
    if (!mask)
        return;
    last(t);
    ir_call(t->b, A32_HELPER_put_cpsr, args, 3);
}

/* An interrupt may be due: look. */
static void unmasked(Trans *t, IrVal daif)
{
    IrBuilder *b = t->b;
    IrVal due = ir_and(b, IR_I32, ir_get(b, A32_SYS_SLOT_LINES), a32_imm(t, A32_CPSR_AIF));
    due = ir_and(b, IR_I32, due, ir_not(b, IR_I32, daif));
    ir_exit_if(b, ir_cmp(b, IR_NE, due, a32_imm(t, 0)), ir_exit_raise(b, t->next, CPU_EXIT_KICK), false);
}

/* imod: 2 enables, 3 disables; which: A, I, F in bits 2..0; mode: 0 stays. */
static void change_state(Trans *t, const A32Args *a, unsigned imod, unsigned which, unsigned mode)
{
    IrBuilder *b = t->b;
    uint32_t bits = imod & 2 ? which << 6 : 0;
    if (mode) {
        uint32_t v = mode | (imod == 3 ? bits : 0);
        IrVal args[3] = {a32_imm(t, v), a32_imm(t, bits | A32_CPSR_M), a32_imm(t, a->len)};
        ir_call(b, A32_HELPER_put_cpsr, args, 3);
        return;
    }
    if (!bits)
        return;
    IrVal old = ir_get(b, A32_SYS_SLOT_DAIF);
    if (imod == 3) {
        ir_put(b, A32_SYS_SLOT_DAIF, ir_or(b, IR_I32, old, a32_imm(t, bits)));
        return;
    }
    IrVal daif = ir_and(b, IR_I32, old, a32_imm(t, ~bits));
    ir_put(b, A32_SYS_SLOT_DAIF, daif);
    unmasked(t, daif);
}

void a32_trans_cps(Trans *t, const A32Args *a)
{
    uint32_t bits = a->bits;
    if (!a32_sys(t) || !level(t))
        return;
    decide(t, a);
    if (!a->thumb)
        change_state(t, a, bits >> 18 & 3, bits >> 6 & 7, bits >> 17 & 1 ? bits & 31 : 0);
    else if (a->len == 2)
        change_state(t, a, 2 + (bits >> 20 & 1), bits >> 16 & 7, 0);
    else
        change_state(t, a, bits >> 9 & 3, bits >> 5 & 7, bits >> 8 & 1 ? bits & 31 : 0);
}

void a32_trans_mrs_spsr(Trans *t, const A32Args *a)
{
    IrVal rd = a32_imm(t, a->d);
    if (!below_el1(t))
        ir_call(t->b, A32_HELPER_get_spsr, &rd, 1);
}

static void write_spsr(Trans *t, const A32Args *a, IrVal v)
{
    IrVal args[2] = {v, a32_imm(t, field_mask(a->f))};
    if (!below_el1(t))
        ir_call(t->b, A32_HELPER_put_spsr, args, 2);
}
void a32_trans_msr_spsr(Trans *t, const A32Args *a)
{
    write_spsr(t, a, a32_r(t, a->m));
}
void a32_trans_msr_spsr_imm(Trans *t, const A32Args *a)
{
    decide(t, a);
    write_spsr(t, a, a32_imm(t, (uint32_t)a->imm));
}

/* Which banked register: SYSm, R. */
static IrVal banked(Trans *t, const A32Args *a)
{
    return a32_imm(t, (a->i & 31u) | (a->bits >> (a->thumb ? 20 : 22) & 1) << 5);
}
void a32_trans_mrs_bank(Trans *t, const A32Args *a)
{
    IrVal args[2] = {banked(t, a), a32_imm(t, a->d)};
    if (!below_el1(t))
        ir_call(t->b, A32_HELPER_get_bank, args, 2);
}
void a32_trans_msr_bank(Trans *t, const A32Args *a)
{
    IrVal args[2] = {banked(t, a), a32_r(t, a->m)};
    if (!below_el1(t))
        ir_call(t->b, A32_HELPER_put_bank, args, 2);
}

/* ---- multiple loads and stores, exceptions' frames ---- */

/* STM with ^: User mode's registers. */
void a32_trans_stm_sys(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    IrVal v[16] = {0};
    if (below_el1(t))
        return;
    uint32_t bytes = 4 * (uint32_t)__builtin_popcount(a->l),
             first = a->U ? (a->P ? 4 : 0) : (a->P ? 0 : 4) - bytes;
    IrVal addr = ir_add(b, IR_I32, a32_r(t, a->n), a32_imm(t, first));
    int32_t disp = 0;
    for (unsigned r = 0; r < 16; r++)
        if (a->l >> r & 1) {
            IrVal k = a32_imm(t, r);
            v[r] = r < 8 || r == A32_PC ? a32_r(t, r) : ir_call(b, A32_HELPER_user_get, &k, 1);
        }
    last(t);
    a32_need_aligned(t, addr, 4);
    for (unsigned r = 0; r < 16; r++)
        if (v[r]) {
            a32_st(t, v[r], addr, disp, a32_mem(t, 2));
            disp += 4;
        }
}

/* LDM with ^: User mode's registers, or with the program counter an exception return. */
void a32_trans_ldm_sys(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    IrVal v[16] = {0};
    if (below_el1(t))
        return;
    bool returns = a->l >> A32_PC & 1;
    uint32_t bytes = 4 * (uint32_t)__builtin_popcount(a->l),
             first = a->U ? (a->P ? 4 : 0) : (a->P ? 0 : 4) - bytes;
    IrVal base = a32_r(t, a->n), addr = ir_add(b, IR_I32, base, a32_imm(t, first));
    int32_t disp = 0;
    a32_need_aligned(t, addr, 4);
    for (unsigned r = 0; r < 16; r++)
        if (a->l >> r & 1) {
            v[r] = a32_ld(t, IR_I32, addr, disp, a32_mem(t, 2));
            disp += 4;
        }
    if (returns && a->W)
        a32_put(t, a->n, ir_add(b, IR_I32, base, a32_imm(t, a->U ? bytes : 0u - bytes)));
    for (unsigned r = 0; r < 15; r++)
        if (v[r] && (returns || r < 8)) {
            a32_put(t, r, v[r]);
        } else if (v[r]) {
            IrVal args[2] = {a32_imm(t, r), v[r]};
            ir_call(b, A32_HELPER_user_put, args, 2);
        }
    if (returns) {
        last(t);
        leave(t, A32_HELPER_return, &v[A32_PC], 1);
    }
}

/* SRS and RFE: P and U, which T32 has in its opcode. */
typedef struct Direction {
    bool before, up;
} Direction;
static Direction direction_of(const A32Args *a)
{
    bool up = a->thumb ? a->bits >> 24 & 1 : a->U;
    return (Direction){a->thumb ? !up : a->P, up};
}
/* Lowest address of two words from base on. */
static uint32_t lowest(Direction d)
{
    return d.up ? (d.before ? 4 : 0) : d.before ? 0u - 8 : 0u - 4;
}

void a32_trans_srs(Trans *t, const A32Args *a)
{
    enum { SPSR = 1 << 8 };
    IrBuilder *b = t->b;
    if (below_el1(t))
        return;
    Direction d = direction_of(a);
    IrVal mode = a32_imm(t, a->i & 31), which = a32_imm(t, SPSR);
    IrVal sp = ir_call(b, A32_HELPER_mode_sp, &mode, 1), spsr = ir_call(b, A32_HELPER_mode_sp, &which, 1);
    IrVal addr = ir_add(b, IR_I32, sp, a32_imm(t, lowest(d)));
    last(t);
    a32_need_aligned(t, addr, 4);
    a32_st(t, a32_r(t, A32_LR), addr, 0, a32_mem(t, 2));
    a32_st(t, spsr, addr, 4, a32_mem(t, 2));
    if (a->W) {
        IrVal args[2] = {mode, ir_add(b, IR_I32, sp, a32_imm(t, d.up ? 8 : 0u - 8))};
        ir_call(b, A32_HELPER_put_mode_sp, args, 2);
    }
}

void a32_trans_rfe(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    if (below_el1(t))
        return;
    Direction d = direction_of(a);
    IrVal base = a32_r(t, a->n), addr = ir_add(b, IR_I32, base, a32_imm(t, lowest(d)));
    a32_need_aligned(t, addr, 4);
    IrVal pc = a32_ld(t, IR_I32, addr, 0, a32_mem(t, 2)), cpsr = a32_ld(t, IR_I32, addr, 4, a32_mem(t, 2));
    if (a->W)
        a32_put(t, a->n, ir_add(b, IR_I32, base, a32_imm(t, d.up ? 8 : 0u - 8)));
    IrVal args[2] = {pc, cpsr};
    last(t);
    leave(t, A32_HELPER_rfe, args, 2);
}

/* SUBS PC, LR, and others that write flags and the program counter. */
void a32_return(Trans *t, IrVal pc)
{
    if (!below_el1(t))
        leave(t, A32_HELPER_return, &pc, 1);
}

void a32_trans_subs_pc(Trans *t, const A32Args *a)
{
    a32_return(t, ir_sub(t->b, IR_I32, a32_r(t, a->n), a32_imm(t, a->i)));
}

/* ---- system registers ---- */

static unsigned reg_of(const A32Args *a)
{
    return A64_SYSREG(2u + a->q, a->o, a->n, a->m, a->p);
}
static unsigned reg64_of(const A32Args *a)
{
    return A32_CP_64 | a->o << 4 | a->m;
}

static bool is_thread_register(const Trans *t, unsigned reg)
{
    return reg == A64_SYSREG(3, 0, 13, 0, 4) && level(t);
}

void a32_get_cp(Trans *t, unsigned reg, unsigned rt, unsigned rt2)
{
    IrVal args[2] = {a32_imm(t, reg), a32_imm(t, rt | rt2 << 4)};
    ir_call(t->b, A32_HELPER_cp_get, args, 2);
}

static void put_cp(Trans *t, const A32Args *a, unsigned reg, IrVal v)
{
    IrVal args[3] = {a32_imm(t, reg), v, a32_imm(t, a->len)};
    leave(t, A32_HELPER_cp_put, args, 3);
}

void a32_trans_mrc(Trans *t, const A32Args *a)
{
    unsigned reg = reg_of(a);
    if (is_thread_register(t, reg) && a->d != A32_PC)
        a32_put(t, a->d, ir_get(t->b, A32_SYS_SLOT_TPIDR_EL1));
    else
        a32_get_cp(t, reg, a->d, 0);
}

void a32_trans_mcr(Trans *t, const A32Args *a)
{
    unsigned reg = reg_of(a);
    if (a32_cp_is_nop(reg, level(t)))
        return;
    if (is_thread_register(t, reg))
        ir_put(t->b, A32_SYS_SLOT_TPIDR_EL1, a32_r(t, a->d));
    else
        put_cp(t, a, reg, a32_zext(t, a32_r(t, a->d)));
}

static bool not_15(Trans *t, const A32Args *a)
{
    if (a->q && a->d != A32_PC && a->e != A32_PC)
        return true;
    a32_illegal(t);
    return false;
}

void a32_trans_mrrc(Trans *t, const A32Args *a)
{
    if (not_15(t, a))
        a32_get_cp(t, reg64_of(a), a->d, a->e);
}

void a32_trans_mcrr(Trans *t, const A32Args *a)
{
    if (!not_15(t, a))
        return;
    A32Pair x = a32_two(t, a->d, a->e);
    put_cp(t, a, reg64_of(a), a32_pair(t, x.n, x.m));
}

/* What this cpu has asked of others must be done: it waits for that outside. */
void a32_trans_dsb(Trans *t, const A32Args *a)
{
    IrBuilder *b = t->b;
    a32_trans_dmb(t, a);
    if (!a32_sys(t) || !(t->ctx & CTX_PARALLEL) || !level(t))
        return;
    IrVal sent = ir_cmp(b, IR_NE, ir_get(b, A32_SYS_SLOT_TLBI_SENT), a32_imm(t, 0));
    ir_put(b, A32_SYS_SLOT_TLBI_SENT, a32_imm(t, 0));
    ir_exit_if(b, sent, ir_exit_raise(b, t->next, CPU_EXIT_CTX), false);
}

/* VMRS, VMSR of others than FPSCR. */
void a32_vmrs_machine(Trans *t, const A32Args *a)
{
    IrVal args[2] = {a32_imm(t, a->n), a32_imm(t, a->d)};
    ir_call(t->b, A32_HELPER_vfp_get, args, 2);
}
void a32_vmsr_machine(Trans *t, const A32Args *a)
{
    IrVal args[3] = {a32_imm(t, a->n), a32_r(t, a->d), a32_imm(t, a->len)};
    leave(t, A32_HELPER_vfp_put, args, 3);
}

/* ---- exceptions and waiting ---- */

static void call(Trans *t, unsigned class, uint32_t imm)
{
    IrVal args[2] = {a32_imm(t, class), a32_imm(t, imm)};
    leave(t, A32_HELPER_call, args, 2);
}

void a32_svc_machine(Trans *t, const A32Args *a)
{
    call(t, ARM_EC_SVC, a->thumb ? a->i : a->bits & 0xffffff);
}
void a32_trans_hvc(Trans *t, const A32Args *a)
{
    call(t, ARM_EC_HVC, (uint32_t)a->imm);
}
void a32_trans_smc(Trans *t, const A32Args *a)
{
    call(t, ARM_EC_SMC, (uint32_t)a->imm);
}
void a32_trans_hlt(Trans *t, const A32Args *a)
{
    call(t, 0, (uint32_t)a->imm);
}

static void wait(Trans *t, const A32Args *a, bool event)
{
    IrVal how = a32_imm(t, event | a->len << 8);
    if (a32_sys(t))
        leave(t, A32_HELPER_wfi32, &how, 1);
}
void a32_trans_wfi(Trans *t, const A32Args *a)
{
    wait(t, a, false);
}
/* Waits for nothing: whoever spins looks again. */
void a32_trans_wfe(Trans *t, const A32Args *a)
{
    if (a32_sys(t) && (level(t) == 0 || (t->ctx & CTX_PARALLEL)))
        wait(t, a, true);
}

/* As a64_debug_machine(). */
void a32_debug_machine(Trans *t)
{
    ir_call(t->b, A32_HELPER_debug32, NULL, 0);
    ir_insn_start(t->b, t->pc);
}
