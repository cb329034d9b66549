/* AArch32's modes, exceptions and the way back (Arm ARM, G1 "The AArch32 System Level Programmers' Model";
 * DFSR, IFSR). */
#include "target/arm/a32_priv.h"

enum {
    VECTOR_UND = 4,
    VECTOR_SVC = 8,
    VECTOR_PREFETCH = 12,
    VECTOR_DATA = 16,
    VECTOR_IRQ = 24,
    VECTOR_FIQ = 28
};
enum { FSR_LPAE = 1 << 9, FSR_WNR = 1 << 11, FSR_CM = 1 << 13 };

/* ---- modes ---- */

bool a32_is_mode(const ArmMachine *m, unsigned mode)
{
    const uint32_t modes = 1u << A32_MODE_USR | 1u << A32_MODE_FIQ | 1u << A32_MODE_IRQ | 1u << A32_MODE_SVC |
                           1u << A32_MODE_ABT | 1u << A32_MODE_UND | 1u << A32_MODE_SYS;
    return modes >> mode & 1;
}

/* Where a mode's SP and LR rest while another one is there: their numbers among x16 to x30; 0: it has none.
 */
typedef struct Bank {
    uint8_t sp, lr;
} Bank;

static Bank bank_of(unsigned mode)
{
    switch (mode) {
    case A32_MODE_IRQ: return (Bank){17, 16};
    case A32_MODE_SVC: return (Bank){19, 18};
    case A32_MODE_ABT: return (Bank){21, 20};
    case A32_MODE_UND: return (Bank){23, 22};
    case A32_MODE_FIQ: return (Bank){29, 30};
    default: return (Bank){0, 0};
    }
}

static void exchange(uint64_t *x, unsigned a, unsigned b)
{
    uint64_t t = x[a];
    x[a] = x[b];
    x[b] = t;
}

/* Its registers and User mode's change places. */
static void swap_bank(ArmMachine *m, unsigned mode)
{
    uint64_t *x = m->arm.x;
    Bank b = bank_of(mode);
    if (!b.sp)
        return;
    exchange(x, 13, b.sp);
    exchange(x, 14, b.lr);
    for (unsigned k = 0; mode == A32_MODE_FIQ && k < 5; k++)
        exchange(x, 8 + k, 24 + k);
}

void a32_set_mode(ArmMachine *m, unsigned mode)
{
    if (mode == m->sys.mode)
        return;
    swap_bank(m, m->sys.mode);
    swap_bank(m, mode);
    m->sys.mode = mode;
    m->sys.el = mode != A32_MODE_USR;
}

/* Register r as User mode has it. */
static uint64_t *user_register(ArmMachine *m, unsigned r)
{
    unsigned mode = m->sys.mode;
    Bank b = bank_of(mode);
    if (r == 13 || r == 14)
        return &m->arm.x[!b.sp ? r : r == 13 ? b.sp : b.lr];
    return &m->arm.x[mode == A32_MODE_FIQ && r >= 8 ? r + 16 : r];
}

/* Of another mode's SP or LR (r), or of the present one's. */
static uint64_t *mode_register(ArmMachine *m, unsigned mode, unsigned r)
{
    Bank b = bank_of(mode);
    if (mode == m->sys.mode)
        return &m->arm.x[r];
    return b.sp ? &m->arm.x[r == 13 ? b.sp : b.lr] : user_register(m, r);
}

/* NULL: User and System mode have none. */
static uint64_t *spsr_of(ArmMachine *m, unsigned mode)
{
    switch (mode) {
    case A32_MODE_SVC: return &m->sys.spsr[1];
    case A32_MODE_IRQ: return &m->sys.spsr32[0];
    case A32_MODE_ABT: return &m->sys.spsr32[1];
    case A32_MODE_UND: return &m->sys.spsr32[2];
    case A32_MODE_FIQ: return &m->sys.spsr32[3];
    default: return NULL;
    }
}

/* ---- CPSR ---- */

uint32_t a32_cpsr(const ArmMachine *m)
{
    return (arm_cpsr(&m->arm) & ~(uint32_t)A32_CPSR_M) | m->sys.mode | (m->sys.daif & A32_CPSR_AIF) |
           (m->arm.pstate & ARM_PSTATE_PAN);
}

static void put_masks(ArmMachine *m, uint32_t cpsr, uint32_t mask)
{
    mask &= A32_CPSR_AIF;
    m->sys.daif = (m->sys.daif & ~mask) | (cpsr & mask);
}

static void put_pan(ArmMachine *m, uint32_t cpsr)
{
    bool has = a32_model_has((A32Model)m->arm.model, A32_FEAT_PAN);
    m->arm.pstate = (m->arm.pstate & ~(uint32_t)ARM_PSTATE_PAN) | (has ? cpsr & ARM_PSTATE_PAN : 0);
}

void a32_set_cpsr(ArmMachine *m, uint32_t cpsr, uint32_t pc)
{
    if (a32_is_mode(m, cpsr & A32_CPSR_M))
        a32_set_mode(m, cpsr & A32_CPSR_M);
    m->arm.base.pc = pc & ~(cpsr & A32_CPSR_T ? 1u : 3u);
    arm_set_cpsr(&m->arm, cpsr);
    put_masks(m, cpsr, A32_CPSR_AIF);
    put_pan(m, cpsr);
}

/* ---- taking exceptions ---- */

static void drop_reservation(ArmMachine *m)
{
    m->arm.excl_addr = ARM_NO_RESERVATION;
    m->arm.ldx_exclusive = 0;
}

uint32_t a32_vectors(const ArmMachine *m)
{
    return m->sys.sctlr[1] & A32_SCTLR_V ? 0xffff0000 : (uint32_t)m->sys.vbar[1];
}

static void take(ArmMachine *m, unsigned mode, unsigned vector, uint32_t lr)
{
    const uint32_t sctlr = (uint32_t)m->sys.sctlr[1], old = a32_cpsr(m);
    uint32_t cpsr =
        (old & ~(uint32_t)(A32_CPSR_M | A32_CPSR_T | A32_CPSR_E | 0x0600fc00)) | mode | ARM_PSTATE_I;
    if (vector == VECTOR_FIQ)
        cpsr |= ARM_PSTATE_F;
    if (mode != A32_MODE_UND && mode != A32_MODE_SVC)
        cpsr |= ARM_PSTATE_A;
    cpsr |= (sctlr & A32_SCTLR_TE ? A32_CPSR_T : 0) | (sctlr & A32_SCTLR_EE ? A32_CPSR_E : 0);
    if (!(sctlr & ARM_SCTLR_SPAN))
        cpsr |= ARM_PSTATE_PAN;
    drop_reservation(m);
    a32_set_cpsr(m, cpsr, a32_vectors(m) + vector);
    *spsr_of(m, mode) = old;
    m->arm.x[14] = lr;
}

/* The address of the instruction at pc. */
static uint32_t here(const ArmMachine *m)
{
    return (uint32_t)m->arm.base.pc & ~1u;
}

static bool thumb(const ArmMachine *m)
{
    return m->arm.base.pc & ARM_PC_T;
}

/* Short format, of a code as the long one has it. */
static uint32_t short_status(uint32_t code)
{
    enum {
        ALIGNMENT = 1,
        DEBUG = 2,
        ACCESS = 3,
        TRANSLATION = 5,
        EXTERNAL = 8,
        DOMAIN = 9,
        WALK = 12,
        PERMISSION = 13
    };
    uint32_t second = (code & 3) == 2 ? 2 : 0, kind = code & 0x3c;
    if ((code & 63) == ARM_FSC_ALIGNMENT)
        return ALIGNMENT;
    if ((code & 63) == A32_FSC_DEBUG)
        return DEBUG;
    if ((code & 63) == ARM_FSC_EXTERNAL)
        return EXTERNAL;
    switch (kind) {
    case ARM_FSC_ACCESS: return second ? 6 : ACCESS;
    case ARM_FSC_PERMISSION: return PERMISSION + second;
    case ARM_FSC_EXTERNAL_WALK: return WALK + second;
    case A32_FSC_DOMAIN: return DOMAIN + second;
    default: return TRANSLATION + second;
    }
}

uint32_t a32_fault_status(const ArmMachine *m, uint32_t code)
{
    if (m->sys.tcr[1] & A32_TTBCR_EAE)
        return FSR_LPAE | (code & 63);
    return short_status(code) | (code >> A32_FSC_DOMAIN_SHIFT & 15) << 4;
}

static void prefetch_abort(ArmMachine *m, uint32_t code, uint32_t addr)
{
    m->sys.ifsr32 = a32_fault_status(m, code & 0xffff);
    m->sys.far[1] = (uint32_t)m->sys.far[1] | (uint64_t)addr << 32;
    take(m, A32_MODE_ABT, VECTOR_PREFETCH, here(m) + 4);
}

static void data_abort(ArmMachine *m, uint32_t code, uint32_t addr, bool write)
{
    m->sys.esr[1] = a32_fault_status(m, code) | (write ? FSR_WNR : 0) | (code & ARM_FSC_CM ? FSR_CM : 0);
    m->sys.far[1] = (m->sys.far[1] & ~0xffffffffull) | addr;
    take(m, A32_MODE_ABT, VECTOR_DATA, here(m) + 8);
}

static void note_event(ArmMachine *m, A32DebugEvent event)
{
    enum { MOE_SHIFT = 2 };
    m->sys.mdscr = (m->sys.mdscr & ~(15ull << MOE_SHIFT)) | (uint64_t)event << MOE_SHIFT;
}

void a32_take_debug(ArmMachine *m, A32DebugEvent event)
{
    note_event(m, event);
    prefetch_abort(m, A32_FSC_DEBUG, here(m));
}

A32Insn a32_insn_at_pc(ArmMachine *m, A32Args *ret_args)
{
    Cpu *cpu = &m->arm.base;
    uint8_t bytes[4];
    uint32_t bits;
    unsigned n = thumb(m) && (here(m) & 4095) == 4094 ? 2 : 4; /* the next page may not be there */
    if (!cpu->mem->fetch(cpu, here(m), bytes, n) || !a32_word(bytes, n, thumb(m), &bits))
        return A32_ILLEGAL;
    return thumb(m) ? t32_decode(bits, 0, ret_args) : a32_decode(bits, ret_args);
}

bool a32_stores(ArmMachine *m)
{
    A32Args a;
    A32Insn insn = a32_insn_at_pc(m, &a);
    if (insn == A32_vldst_multi || insn == A32_vldst_lane)
        return !a.o;
    switch (insn) {
#define INSN(id, name, pic, fmt, feat, handler, ops)                                                         \
    case A32_##id:                                                                                           \
        return name[0] == 's' || (name[0] == 'v' && name[1] == 's');
#include "target/arm/a32_rows.inc"
#undef INSN
#define INSN(id, name, pic, fmt, feat, handler, ops)                                                         \
    case T32_##id:                                                                                           \
        return name[0] == 's' || name[0] == 'p'; /* push */
#include "target/arm/t32_rows.inc"
#undef INSN
    default: return false;
    }
}

static void undefined(ArmMachine *m)
{
    take(m, A32_MODE_UND, VECTOR_UND, here(m) + (thumb(m) ? 2 : 4));
}

bool a32_exception(Cpu *base)
{
    ArmMachine *m = (ArmMachine *)base;
    const CpuExit x = base->exit;
    switch ((CpuExitKind)x.kind) {
    case CPU_EXIT_BREAK: a32_take_debug(m, A32_EVENT_BKPT); return true;
    case CPU_EXIT_ILLEGAL: undefined(m); return true;
    case CPU_EXIT_FETCH: prefetch_abort(m, (uint32_t)x.code, (uint32_t)x.addr); return true;
    case CPU_EXIT_FAULT:
        if (x.code == ARM_FSC_DEBUG)
            note_event(m, A32_EVENT_WATCHPOINT);
        data_abort(m, (uint32_t)x.code, (uint32_t)x.addr, x.write);
        return true;
    case CPU_EXIT_MISALIGNED:
        if (!thumb(m) && (base->pc & 2))
            prefetch_abort(m, ARM_FSC_ALIGNMENT, here(m));
        else
            data_abort(m, ARM_FSC_ALIGNMENT, (uint32_t)x.addr, a32_stores(m));
        return true;
    default: return false;
    }
}

void a32_take_interrupt(ArmMachine *m, uint32_t due)
{
    uint32_t lr = here(m) + 4;
    if (due & ARM_PSTATE_F)
        take(m, A32_MODE_FIQ, VECTOR_FIQ, lr);
    else
        take(m, A32_MODE_IRQ, VECTOR_IRQ, lr);
}

/* ---- instructions ---- */

uint64_t a32_leave(ArmMachine *m, CpuExitKind kind)
{
    m->arm.base.exit = (CpuExit){.kind = (uint16_t)kind};
    return 1;
}

static uint64_t go_on_behind(ArmMachine *m, unsigned len)
{
    m->arm.base.pc = arm_pc_after(&m->arm, len);
    arm_notice_irq(m);
    return arm_go(m);
}

uint64_t a32_helper_put_cpsr(void *opaque, uint64_t v, uint64_t mask, uint64_t len, uint64_t d)
{
    ArmMachine *m = opaque;
    unsigned mode = (unsigned)v & A32_CPSR_M;
    bool changes = false;
    if ((mask & A32_CPSR_M) && mode != m->sys.mode && a32_is_mode(m, mode)) {
        a32_set_mode(m, mode);
        changes = true;
    }
    if ((mask & A32_CPSR_E) && m->arm.e != (v >> 9 & 1)) {
        m->arm.e = v >> 9 & 1;
        changes = true;
    }
    put_masks(m, (uint32_t)v, (uint32_t)mask);
    if ((mask & ARM_PSTATE_PAN) && ((m->arm.pstate ^ v) & ARM_PSTATE_PAN)) {
        put_pan(m, (uint32_t)v);
        changes = true;
    }
    if (!changes) {
        arm_notice_irq(m);
        return 0;
    }
    return go_on_behind(m, (unsigned)len);
}

static uint64_t return_to(ArmMachine *m, uint32_t pc, uint32_t cpsr)
{
    drop_reservation(m);
    a32_set_cpsr(m, cpsr, pc);
    arm_notice_irq(m);
    return arm_go(m);
}

uint64_t a32_helper_return(void *opaque, uint64_t pc, uint64_t b, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    const uint64_t *spsr = spsr_of(m, m->sys.mode);
    if (!spsr) /* unpredictable */
        return a32_leave(m, CPU_EXIT_ILLEGAL);
    return return_to(m, (uint32_t)pc, (uint32_t)*spsr);
}

uint64_t a32_helper_rfe(void *opaque, uint64_t pc, uint64_t cpsr, uint64_t c, uint64_t d)
{
    return return_to(opaque, (uint32_t)pc, (uint32_t)cpsr);
}

uint64_t a32_helper_get_spsr(void *opaque, uint64_t rd, uint64_t b, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    const uint64_t *spsr = spsr_of(m, m->sys.mode);
    if (!spsr)
        return a32_leave(m, CPU_EXIT_ILLEGAL);
    m->arm.x[rd & 15] = (uint32_t)*spsr;
    return 0;
}

uint64_t a32_helper_put_spsr(void *opaque, uint64_t v, uint64_t mask, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    uint64_t *spsr = spsr_of(m, m->sys.mode);
    if (!spsr)
        return a32_leave(m, CPU_EXIT_ILLEGAL);
    *spsr = (*spsr & ~mask) | (v & mask);
    return 0;
}

/* MRS and MSR of banked registers: SYSm, R. NULL: there is none of that name, or it is in use. */
static uint64_t *banked(ArmMachine *m, unsigned which)
{
    static const uint8_t modes[8] = {A32_MODE_IRQ, A32_MODE_SVC, A32_MODE_ABT, A32_MODE_UND};
    unsigned sysm = which & 31;
    if (which & 32)
        return spsr_of(m, sysm == 14 ? A32_MODE_FIQ : sysm >= 16 && sysm < 24 ? modes[(sysm - 16) / 2] : 0);
    if (sysm < 7) /* r8_usr to lr_usr */
        return user_register(m, sysm + 8);
    if (sysm >= 8 && sysm < 15)
        return &m->arm.x[m->sys.mode == A32_MODE_FIQ ? sysm : sysm + 16];
    if (sysm >= 16 && sysm < 24)
        return mode_register(m, modes[(sysm - 16) / 2], sysm & 1 ? 13 : 14);
    return NULL;
}

uint64_t a32_helper_get_bank(void *opaque, uint64_t which, uint64_t rd, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    const uint64_t *reg = banked(m, (unsigned)which);
    if (!reg)
        return a32_leave(m, CPU_EXIT_ILLEGAL);
    m->arm.x[rd & 15] = (uint32_t)*reg;
    return 0;
}

uint64_t a32_helper_put_bank(void *opaque, uint64_t which, uint64_t v, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    uint64_t *reg = banked(m, (unsigned)which);
    if (!reg)
        return a32_leave(m, CPU_EXIT_ILLEGAL);
    *reg = (uint32_t)v;
    return 0;
}

uint64_t a32_helper_user_get(void *opaque, uint64_t r, uint64_t b, uint64_t c, uint64_t d)
{
    return (uint32_t)*user_register(opaque, (unsigned)r);
}

uint64_t a32_helper_user_put(void *opaque, uint64_t r, uint64_t v, uint64_t c, uint64_t d)
{
    *user_register(opaque, (unsigned)r) = (uint32_t)v;
    return 0;
}

uint64_t a32_helper_mode_sp(void *opaque, uint64_t mode, uint64_t b, uint64_t c, uint64_t d)
{
    enum { SPSR = 1 << 8 };
    ArmMachine *m = opaque;
    const uint64_t *v = mode & SPSR ? spsr_of(m, m->sys.mode) : mode_register(m, mode & 31, 13);
    return v ? (uint32_t)*v : 0;
}

uint64_t a32_helper_put_mode_sp(void *opaque, uint64_t mode, uint64_t v, uint64_t c, uint64_t d)
{
    *mode_register(opaque, mode & 31, 13) = (uint32_t)v;
    return 0;
}

/* "Semihosting for AArch32 and AArch64", 3 */
static bool is_semihosting(const ArmMachine *m, unsigned class, uint32_t imm)
{
    enum { SVC_A32 = 0x123456, SVC_T32 = 0xab, HLT_A32 = 0xf000, HLT_T32 = 0x3c };
    uint32_t on = m->sys.board.semihosting;
    if (on == CPU_SEMIHOST_OFF || (on != CPU_SEMIHOST_ALL && m->sys.el == 0))
        return false;
    return class == ARM_EC_SVC ? imm == (thumb(m) ? SVC_T32 : SVC_A32)
                               : class == 0 && imm == (thumb(m) ? HLT_T32 : HLT_A32);
}

uint64_t a32_helper_call(void *opaque, uint64_t class, uint64_t imm, uint64_t c, uint64_t d)
{
    enum { PSCI_BY_HVC = 1, PSCI_BY_SMC = 2 };
    ArmMachine *m = opaque;
    unsigned len = class == ARM_EC_SVC && thumb(m) ? 2 : 4;
    if (is_semihosting(m, (unsigned)class, (uint32_t)imm))
        return a32_leave(m, CPU_EXIT_SYSCALL);
    if (class == ARM_EC_SVC && m->sys.nrw)
        return arm_compat_svc(m, (uint32_t)imm, len);
    if (class == ARM_EC_SVC) {
        m->arm.base.pc = arm_pc_after(&m->arm, len);
        take(m, A32_MODE_SVC, VECTOR_SVC, here(m));
        return arm_go(m);
    }
    if (class && m->sys.el && (m->sys.hvc_is_psci & (class == ARM_EC_HVC ? PSCI_BY_HVC : PSCI_BY_SMC))) {
        m->arm.base.pc = arm_pc_after(&m->arm, len);
        arm_psci(m);
        return a32_leave(m, m->sys.power == ARM_POWER_OFF ? CPU_EXIT_HALT : CPU_EXIT_CTX);
    }
    return a32_leave(m, CPU_EXIT_ILLEGAL);
}

uint64_t a32_helper_wfi32(void *opaque, uint64_t how, uint64_t b, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    if (m->sys.nrw)
        return arm_wait(m, how & 1, (unsigned)how >> 8);
    m->arm.base.pc = arm_pc_after(&m->arm, (unsigned)how >> 8);
    if (how & 1)
        m->sys.board.yield(m->sys.board.opaque);
    else if (!arm_wakes(&m->arm.base))
        return a32_leave(m, CPU_EXIT_HALT);
    arm_notice_irq(m);
    return arm_go(m);
}
