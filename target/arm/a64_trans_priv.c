/* Arm ARM: instructions that only privileged levels have, and what machines do differently: system registers,
 * exceptions, waiting, TLB maintenance. In user mode they are undefined.
 *
 * DAIF is a slot. Unmasking looks at `lines`, a slot that other threads write: what they do after it was read
 * comes with a kick, which the next poll sees. */
#include "target/arm/a64_trans_priv.h"

typedef struct SysRow {
    uint16_t reg; /* A64_SYSREG */
    uint8_t access, how, slot;
} SysRow;

#define ROW_SLOT_SLOT(id)  ARM_SYS_SLOT_##id
#define ROW_SLOT_PLAIN(id) 0
#define ROW_SLOT_FN(id)    0
#define ROW_SLOT_CONST(id) 0

static const SysRow rows[] = {
#define ASYS(id, op0, op1, crn, crm, op2, access, how, field, bits)                                          \
    {A64_SYSREG(op0, op1, crn, crm, op2), ARM_SYS_##access, ARM_SYS_##how, ROW_SLOT_##how(id)},
#include "target/arm/arm_sysregs.def"
#undef ASYS
};

static const SysRow *find(unsigned reg)
{
    for (unsigned k = 0; k < ARRAY_SIZE(rows); k++)
        if (rows[k].reg == reg)
            return &rows[k];
    return NULL;
}

static bool below_el1(Trans *t)
{
    if (a64_el(t) >= 1)
        return false;
    a64_illegal(t);
    return true;
}

static IrVal word(Trans *t, int64_t v)
{
    return ir_const(t->b, IR_I32, v);
}

/* The helper goes on elsewhere, or in another context: nothing of this region follows. */
static void leave(Trans *t, unsigned helper, const IrVal *args, unsigned n)
{
    ir_call(t->b, helper, args, n);
    t->flow.kind = FLOW_STOP;
}

/* ---- PSTATE ---- */

/* An interrupt may be due: look. */
static void unmasked(Trans *t, IrVal daif)
{
    IrBuilder *b = t->b;
    IrVal lines = ir_get(b, ARM_SYS_SLOT_LINES);
    IrVal shifted = ir_or(b, IR_I32, ir_shr(b, IR_I32, lines, word(t, ARM_LINES_VIRTUAL_SHIFT)),
                          ir_shr(b, IR_I32, lines, word(t, ARM_LINES_HCR_SHIFT)));
    IrVal due = ir_and(b, IR_I32, ir_or(b, IR_I32, lines, shifted),
                       word(t, ARM_PSTATE_I | ARM_PSTATE_F | ARM_PSTATE_A));

    due = ir_and(b, IR_I32, due, ir_not(b, IR_I32, daif));
    ir_exit_if(b, ir_cmp(b, IR_NE, due, word(t, 0)), ir_exit_raise(b, t->next, CPU_EXIT_KICK), false);
}

/* MDSCR_EL1 or PSTATE.D may have changed, and with them whether instructions begin with a look at debug
 * exceptions, which the context word says. */
static void debug_changed(Trans *t)
{
    enum { SS = 1, MDE = 1 << 15 };
    IrBuilder *b = t->b;

    if (t->ctx & ARM_CTX_DEBUG) {
        t->flow = (TransFlow){.kind = FLOW_LEAVE, .code = CPU_EXIT_CTX};
        return;
    }
    IrVal on = ir_and(b, IR_I64, ir_get(b, ARM_SYS_SLOT_MDSCR_EL1), a64_imm(t, SS | MDE));
    ir_exit_if(b, ir_cmp(b, IR_NE, on, a64_imm(t, 0)), ir_exit_raise(b, t->next, CPU_EXIT_CTX), false);
}

/* May clear bits. */
static void write_daif(Trans *t, IrVal daif, bool d_too)
{
    ir_put(t->b, ARM_SYS_SLOT_DAIF, daif);
    unmasked(t, daif);
    if (d_too)
        debug_changed(t);
}

static void trap_or_illegal(Trans *t, unsigned reg, unsigned rt, bool read, IrVal v)
{
    IrVal args[3] = {word(t, reg), read ? word(t, rt) : v, word(t, rt)};

    if (read)
        ir_call(t->b, ARM_HELPER_sysreg_mrs, args, 2);
    else
        leave(t, ARM_HELPER_sysreg_msr, args, 3);
}

void a64_trans_msr_daif(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    bool set = (a->bits >> 5 & 7) == 6;
    int64_t bits = (a->imm & 15) << 6;

    if (!a64_sys(t)) {
        a64_illegal(t);
        return;
    }
    if (a64_el(t) == 0) { /* SCTLR.UMA, which nobody sets */
        IrVal arg = word(t, a->bits);
        leave(t, ARM_HELPER_daif_el0, &arg, 1);
        return;
    }
    IrVal old = ir_get(b, ARM_SYS_SLOT_DAIF);
    if (!set) {
        write_daif(t, ir_and(b, IR_I32, old, word(t, ~bits)), bits & ARM_PSTATE_D);
        return;
    }
    ir_put(b, ARM_SYS_SLOT_DAIF, ir_or(b, IR_I32, old, word(t, bits)));
    if ((bits & ARM_PSTATE_D) && (t->ctx & ARM_CTX_DEBUG))
        debug_changed(t);
}

void a64_trans_msr_spsel(Trans *t, const A64Args *a)
{
    IrVal v = word(t, a->imm & 1);

    if (!below_el1(t))
        leave(t, ARM_HELPER_spsel, &v, 1);
}

static void put_pstate(Trans *t, uint32_t bit, bool on)
{
    IrVal args[2] = {word(t, bit), word(t, on)};

    leave(t, ARM_HELPER_pstate, args, 2);
}

void a64_trans_msr_pan(Trans *t, const A64Args *a)
{
    if (!arm_has(t, ARM_FEAT_PAN))
        a64_illegal(t);
    else if (!below_el1(t))
        put_pstate(t, ARM_PSTATE_PAN, a->imm & 1);
}

void a64_trans_msr_uao(Trans *t, const A64Args *a)
{
    if (!arm_has(t, ARM_FEAT_UAO))
        a64_illegal(t);
    else if (!below_el1(t))
        put_pstate(t, ARM_PSTATE_UAO, a->imm & 1);
}

/* ---- system registers ---- */

/* Registers of user mode that a machine treats alike. */
static bool is_common(unsigned reg)
{
    switch (reg) {
    case A64_SYSREG(3, 3, 4, 2, 0): /* NZCV */
    case A64_SYSREG(3, 3, 4, 4, 0): /* FPCR */
    case A64_SYSREG(3, 3, 4, 4, 1): /* FPSR */
    case A64_SYSREG(3, 3, 4, 2, 5): /* DIT */
    case A64_SYSREG(3, 3, 4, 2, 6): /* SSBS */
    case A64_SYSREG(3, 3, 4, 2, 7): /* TCO */
    case A64_SYSREG(3, 3, 2, 4, 0): /* RNDR */
    case A64_SYSREG(3, 3, 2, 4, 1): /* RNDRRS */
    case A64_SYSREG(3, 3, 13, 0, 2): /* TPIDR_EL0 */ return true;
    default: return false;
    }
}

static bool is_fp(unsigned reg)
{
    return reg == A64_SYSREG(3, 3, 4, 4, 0) || reg == A64_SYSREG(3, 3, 4, 4, 1);
}

static bool is_slot(const SysRow *r)
{
    return r && r->how == ARM_SYS_SLOT;
}

/* op0 3, op1 0, CRn 0: by the model alone, but for MIDR and MPIDR, and what says whether there is EL2. */
static bool is_id(unsigned reg)
{
    return reg >> 7 == (3 << 7) && (reg >> 3 & 15) != 0 && reg != A64_SYSREG(3, 0, 0, 4, 0) &&
           reg != A64_SYSREG(3, 0, 0, 7, 1);
}

/* May EL2 watch EL1 use it? */
static bool is_watched(const SysRow *r, unsigned reg)
{
    switch (reg) {
    case A64_SYSREG(2, 0, 0, 2, 2): /* MDSCR, ESR, FAR */
    case A64_SYSREG(3, 0, 5, 2, 0):
    case A64_SYSREG(3, 0, 6, 0, 0): return true;
    case A64_SYSREG(3, 3, 13, 0, 3): /* TPIDRRO_EL0, DAIF, CurrentEL, SP_EL0 */
    case A64_SYSREG(3, 3, 4, 2, 1):
    case A64_SYSREG(3, 0, 4, 2, 2):
    case A64_SYSREG(3, 0, 4, 1, 0): return false;
    default: return !is_slot(r);
    }
}

static bool allowed(const SysRow *r, unsigned el, bool write)
{
    unsigned lowest = r->access & 3;
    return el >= lowest && (r->access & (write ? ARM_SYS_W : ARM_SYS_R));
}

bool a64_mrs_machine(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    unsigned said = (unsigned)a->imm, el = a64_el(t), reg = arm_redirect(said, el, t->ctx & ARM_CTX_E2H);
    const SysRow *r = find(reg);

    if (is_fp(reg) && (t->ctx & ARM_CTX_NO_FP)) {
        a64_illegal(t);
        return true;
    }
    if (is_common(reg) && !is_slot(r))
        return false;
    if ((t->ctx & ARM_CTX_WATCHED) && is_watched(r, reg)) {
        trap_or_illegal(t, said, a->rd, true, IR_NONE);
        return true;
    }
    if (reg == A64_SYSREG(3, 3, 13, 0, 3)) {
        a64_put_x(t, a->rd, ir_get(b, ARM_SLOT_TPIDRRO));
    } else if (r && el && reg == A64_SYSREG(3, 3, 4, 2, 1)) {
        a64_put_x(t, a->rd, ir_zext(b, IR_I64, ir_get(b, ARM_SYS_SLOT_DAIF)));
    } else if (el && reg == A64_SYSREG(3, 0, 4, 2, 2)) {
        a64_put_x(t, a->rd, a64_imm(t, el << 2));
    } else if (el && reg == A64_SYSREG(3, 0, 4, 1, 0)) {
        a64_put_x(t, a->rd, ir_get(b, ARM_SYS_SLOT_SP_EL0));
    } else if (el && is_id(reg)) {
        a64_put_x(t, a->rd, a64_imm(t, (int64_t)arm_machine_id(arm_model(t), reg)));
    } else if (is_slot(r) && allowed(r, el, false)) {
        a64_put_x(t, a->rd, ir_get(b, r->slot));
    } else if (r && el && r->how != ARM_SYS_FN && allowed(r, el, false)) {
        IrVal arg = word(t, reg);
        a64_put_x(t, a->rd, ir_call(b, ARM_HELPER_sysreg_get, &arg, 1));
    } else {
        trap_or_illegal(t, said, a->rd, true, IR_NONE);
    }
    return true;
}

bool a64_msr_machine(Trans *t, const A64Args *a)
{
    IrBuilder *b = t->b;
    unsigned said = (unsigned)a->imm, el = a64_el(t), reg = arm_redirect(said, el, t->ctx & ARM_CTX_E2H);
    const SysRow *r = find(reg);
    IrVal v;

    if (is_fp(reg) && (t->ctx & ARM_CTX_NO_FP)) {
        a64_illegal(t);
        return true;
    }
    if (is_common(reg))
        return false;
    v = a64_x(t, a->rd);
    if ((t->ctx & ARM_CTX_WATCHED) && is_watched(r, reg)) {
        trap_or_illegal(t, said, a->rd, false, v);
        return true;
    }
    if (el && reg == A64_SYSREG(3, 3, 13, 0, 3)) {
        ir_put(b, ARM_SLOT_TPIDRRO, v);
    } else if (el && reg == A64_SYSREG(3, 3, 4, 2, 1)) {
        write_daif(t, ir_and(b, IR_I32, ir_trunc(b, IR_I32, v), word(t, ARM_PSTATE_DAIF)), true);
    } else if (el && reg == A64_SYSREG(3, 0, 4, 1, 0)) {
        ir_put(b, ARM_SYS_SLOT_SP_EL0, v);
    } else if (is_slot(r) && allowed(r, el, true)) {
        ir_put(b, r->slot, v);
    } else if (r && el && r->how != ARM_SYS_FN && allowed(r, el, true)) {
        IrVal args[2] = {word(t, reg), v};
        ir_call(b, ARM_HELPER_sysreg_put, args, 2);
    } else {
        trap_or_illegal(t, said, a->rd, false, v);
    }
    return true;
}

/* ---- system instructions ---- */

/* At EL1 there is nothing to do for caches: stores to code are seen, DMA is coherent. */
bool a64_sys_machine(Trans *t, const A64Args *a)
{
    unsigned op = (unsigned)a->imm & 0xffff, op1 = op >> 11 & 7, crn = op >> 7 & 15, crm = op >> 3 & 15;
    bool zva = op1 == 3 && crn == 7 && crm == 4;
    bool cache = crn == 7 &&
                 (crm == 1 || crm == 5 || crm == 6 || (crm >= 10 && crm <= 14 && crm != 12 + 1)) && crm != 8;

    if (t->ctx & ARM_CTX_WATCHED)
        zva = cache = false;
    if (a64_el(t) == 0 && op1 == 3 && !(t->ctx & (ARM_CTX_EL0_LESS | ARM_CTX_WATCHED)))
        return false;
    if (a64_el(t) && (zva || (cache && op1 == 3)))
        return false;
    if (a64_el(t) && cache && op1 == 0)
        return true; /* IC of all, DC by set and way */
    IrVal args[3] = {word(t, op), a64_x(t, a->rd), word(t, a->rd)};
    leave(t, ARM_HELPER_sys_op, args, 3);
    return true;
}

/* What this cpu has asked of others must be done: it waits for that outside. */
void a64_dsb_machine(Trans *t)
{
    IrBuilder *b = t->b;

    if (!(t->ctx & CTX_PARALLEL) || a64_el(t) == 0)
        return;
    IrVal sent = ir_cmp(b, IR_NE, ir_get(b, ARM_SYS_SLOT_TLBI_SENT), word(t, 0));
    ir_put(b, ARM_SYS_SLOT_TLBI_SENT, word(t, 0));
    ir_exit_if(b, sent, ir_exit_raise(b, t->next, CPU_EXIT_CTX), false);
}

/* A word of IR_FL_*: N and Z, C, V from bits 31, 29 and 28, and back. */
IrVal a64_fp_nzcv(Trans *t)
{
    IrBuilder *b = t->b;
    IrVal w = ir_get(b, ARM_SYS_SLOT_FPFL);
    IrVal nz = ir_shl(b, IR_I32, ir_and(b, IR_I32, w, word(t, IR_FL_N | IR_FL_Z)), word(t, 16));
    IrVal c = ir_shl(b, IR_I32, ir_and(b, IR_I32, w, word(t, IR_FL_C)), word(t, 21));
    IrVal v = ir_shl(b, IR_I32, ir_and(b, IR_I32, w, word(t, IR_FL_V)), word(t, 28));
    return ir_or(b, IR_I32, ir_or(b, IR_I32, nz, c), v);
}

void a64_put_fp_nzcv(Trans *t, IrVal fpsr)
{
    IrBuilder *b = t->b;
    IrVal nz = ir_and(b, IR_I32, ir_shr(b, IR_I32, fpsr, word(t, 16)), word(t, IR_FL_N | IR_FL_Z));
    IrVal c = ir_and(b, IR_I32, ir_shr(b, IR_I32, fpsr, word(t, 21)), word(t, IR_FL_C));
    IrVal v = ir_and(b, IR_I32, ir_shr(b, IR_I32, fpsr, word(t, 28)), word(t, IR_FL_V));
    ir_put(b, ARM_SYS_SLOT_FPFL, ir_or(b, IR_I32, ir_or(b, IR_I32, nz, c), v));
}

/* Code is up to date at any time, and so is the context word, but for debug exceptions: MDSCR_EL1 is written
 * without a look at it. */
void a64_isb_machine(Trans *t)
{
    t->flow.kind = FLOW_STOP;
    if (a64_el(t) != 0 || (t->ctx & ARM_CTX_DEBUG))
        debug_changed(t);
}

/* The instruction itself begins behind it: what it raises finds the state that the helper left. */
void a64_debug_machine(Trans *t)
{
    ir_call(t->b, ARM_HELPER_debug, NULL, 0);
    ir_insn_start(t->b, t->pc);
}

/* ---- exceptions and waiting ---- */

static void call(Trans *t, const A64Args *a, unsigned class)
{
    IrVal args[2] = {word(t, class), word(t, a->imm)};

    leave(t, ARM_HELPER_svc, args, 2);
}

void a64_svc_machine(Trans *t, const A64Args *a)
{
    call(t, a, ARM_EC_SVC);
}
void a64_trans_hvc(Trans *t, const A64Args *a)
{
    if (!below_el1(t))
        call(t, a, ARM_EC_HVC);
}
void a64_trans_smc(Trans *t, const A64Args *a)
{
    if (!below_el1(t))
        call(t, a, ARM_EC_SMC);
}
void a64_trans_eret(Trans *t, const A64Args *a)
{
    if (!below_el1(t))
        leave(t, ARM_HELPER_eret, NULL, 0);
}

static void wait(Trans *t, bool event)
{
    IrVal v = word(t, event);

    if (a64_sys(t))
        leave(t, ARM_HELPER_wfi, &v, 1);
}
void a64_trans_wfi(Trans *t, const A64Args *a)
{
    wait(t, false);
}

/* Waits for nothing: whoever spins looks again. */
void a64_trans_wfe(Trans *t, const A64Args *a)
{
    if (a64_el(t) == 0 || (t->ctx & CTX_PARALLEL))
        wait(t, true);
}
