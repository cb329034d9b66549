/* System registers of AArch32 by MRC, MCR, MRRC, MCRR (Arm ARM, G8): a32_sysregs.def says what most are, most
 * of them parts of AArch64's; the others have functions here. Operations: TLB maintenance, ATS1C*. Who may
 * not use a register finds the instruction undefined. Sources of the identification: the cores' technical
 * reference manuals. */
#include "target/arm/a32_priv.h"
#include "target/arm/a64_decode.h"

typedef enum Kind { LOW, HIGH, CONST, MODEL, WORD, FN, NOP } Kind;
enum { R = 4, W = 8, LEVEL = 3 };
enum { R0 = R, R1 = R | 1, W1 = W | 1, RW0 = R | W, RW1 = R | W | 1 };

typedef struct Row {
    uint16_t reg;
    uint8_t access, kind;
    uint32_t value;
} Row;

/* As AArch64's, coprocessor 14 for op0 2. */
#define A32_REG(cp, opc1, crn, crm, opc2) A64_SYSREG((cp)-12, opc1, crn, crm, opc2)

typedef enum RegId {
#define A32SYS(id, ...) REG_##id,
#include "target/arm/a32_sysregs.def"
#undef A32SYS
    REG_COUNT
} RegId;
static const Row rows[REG_COUNT] = {
#define A32SYS(id, cp, opc1, crn, crm, opc2, access, how, value)                                             \
    {A32_REG(cp, opc1, crn, crm, opc2), access, how, value},
#include "target/arm/a32_sysregs.def"
#undef A32SYS
};

typedef struct Row64 {
    uint8_t key, access; /* opc1 << 4 | CRm */
    uint16_t reg;        /* AArch64's */
} Row64;
static const Row64 rows64[] = {
#define A32SYS64(id, opc1, crm, access, reg) {(opc1) << 4 | (crm), access, reg},
#include "target/arm/a32_sysregs64.def"
#undef A32SYS64
};

/* ---- identification ---- */

enum { ID_FIRST = REG_ID_PFR0, ID_COUNT = REG_ID_ISAR6 - REG_ID_PFR0 + 1, VFP_IDS = 4 };
typedef struct Identity {
    uint32_t id[ID_COUNT]; /* in the order of the rows */
    uint32_t vfp[VFP_IDS]; /* FPSID, MVFR0, MVFR1, MVFR2 */
} Identity;

/* No security or virtualization extensions in ID_PFR1; of debug only coprocessor 14 in ID_DFR0. */
static const Identity a7 = {{0x00001131, 0x00010001, 0x02000005, 0, 0x10101105, 0x40000000, 0x01240000,
                             0x02102211, 0x02101110, 0x13112111, 0x21232041, 0x11112131, 0x10011142, 0, 0, 0},
                            {0x41023075, 0x10110222, 0x11111111, 0}};
static const Identity a15 = {{0x00001131, 0x00010001, 0x02000005, 0, 0x10201105, 0x20000000, 0x01240000,
                              0x02102211, 0x02101110, 0x13112111, 0x21232041, 0x11112131, 0x10011142, 0, 0,
                              0},
                             {0x410430f0, 0x10110222, 0x11111111, 0}};
static const Identity v8 = {{0x00000131, 0x00010001, 0x03000006, 0, 0x10201105, 0x40000000, 0x01260000,
                             0x02112211, 0x02101110, 0x13112111, 0x21232042, 0x01112131, 0x00011142,
                             0x01011121, 0, 0x01101111},
                            {0x41034070, 0x10110222, 0x13211111, 0x00000043}};

/* Cores of Armv8.0. */
static const Identity a72 = {{0x00000131, 0x00010001, 0x03010066, 0, 0x10201105, 0x40000000, 0x01260000,
                              0x02102211, 0x02101110, 0x13112111, 0x21232042, 0x01112131, 0x00011142,
                              0x00011121, 0, 0},
                             {0x41034080, 0x10110222, 0x12111111, 0x00000043}};

static const Identity *identity_of(A32Model model)
{
    switch (model) {
    case A32_MODEL_A7: return &a7;
    case A32_MODEL_MAX: return &v8;
    case A32_MODEL_A53:
    case A32_MODEL_A72: return &a72;
    default: return &a15;
    }
}

static const Identity *identity(const ArmMachine *m)
{
    return identity_of((A32Model)m->arm.model);
}

/* CRm 1 and 2: the rows of the same opc2; CRm 3: MVFR0 to MVFR2. */
uint32_t arm_a32_id(ArmModel model, unsigned reg)
{
    A32Model a32 = arm_model_a32(model);
    unsigned crm = reg >> 3 & 15, op2 = reg & 7;
    if (a32 == A32_MODELS || reg >> 7 != A64_SYSREG(3, 0, 0, 0, 0) >> 7 || crm < 1 || crm > 3)
        return 0;
    if (crm == 3)
        return op2 < VFP_IDS - 1 ? identity_of(a32)->vfp[1 + op2] : 0;
    return identity_of(a32)->id[8 * (crm - 1) + op2];
}

uint32_t a32_vfp_id(const ArmMachine *m, unsigned reg)
{
    enum { FPSID = 0, MVFR2 = 5, MVFR0 = 7 };
    return identity(m)->vfp[reg == FPSID ? 0 : MVFR0 + 1 - reg];
}

static uint32_t model_word(const ArmMachine *m, unsigned id)
{
    if (id >= ID_FIRST && id < ID_FIRST + ID_COUNT)
        return identity(m)->id[id - ID_FIRST];
    return a32_model_midr((A32Model)m->arm.model);
}

/* ---- functions ---- */

static uint32_t sctlr_mask(const ArmMachine *m)
{
    enum { V7 = 0x72183c07, V8 = 0x008501a0 /* SPAN, nTWE, nTWI, SED, ITD, CP15BEN */ };
    return V7 | (a32_model_arch((A32Model)m->arm.model) >= 8 ? V8 : 0);
}
enum { SCTLR_RESET = 0x00c50078 };

void a32_reset_sys(ArmMachine *m)
{
    ArmSys *s = &m->sys;
    s->el = 1;
    s->mode = A32_MODE_SVC;
    s->daif = A32_CPSR_AIF;
    s->sctlr[1] = SCTLR_RESET;
}

/* Debug: DBGDSCR's bits that can be written, and the kind of the last event. */
enum { DSCR_UDCCDIS = 1 << 12, DSCR_MDBGEN = 1 << 15, DSCR_MOE = 15 << 2 };

/* Version 7.1 or 8; 6 breakpoints, one of which compares contexts, 4 watchpoints; DBGDEVID. */
static uint32_t debug_id(const ArmMachine *m)
{
    unsigned version = a32_model_arch((A32Model)m->arm.model) >= 8 ? 6 : 5;
    return (ARM_WATCHPOINTS - 1u) << 28 | (ARM_BREAKPOINTS - 1u) << 24 | version << 16 | 1 << 15;
}

static bool read_fn(ArmMachine *m, unsigned id, uint32_t *ret)
{
    const ArmSys *s = &m->sys;
    switch (id) {
    case REG_DBGDIDR: *ret = debug_id(m); return true;
    case REG_DBGDSCR:
    case REG_DBGDSCREXT: *ret = (uint32_t)s->mdscr & (DSCR_UDCCDIS | DSCR_MDBGEN | DSCR_MOE); return true;
    case REG_SCTLR: *ret = (uint32_t)s->sctlr[1]; return true;
    case REG_CPACR: *ret = (uint32_t)s->cpacr1; return true;
    case REG_TTBR0: *ret = (uint32_t)s->ttbr0[1]; return true;
    case REG_TTBR1: *ret = (uint32_t)s->ttbr1[1]; return true;
    case REG_TTBCR: *ret = (uint32_t)s->tcr[1]; return true;
    case REG_DACR: *ret = (uint32_t)s->dacr32; return true;
    case REG_IFSR: *ret = (uint32_t)s->ifsr32; return true;
    case REG_VBAR: *ret = (uint32_t)s->vbar[1]; return true;
    case REG_CONTEXTIDR: *ret = (uint32_t)s->contextidr[1]; return true;
    case REG_TPIDRURW: *ret = (uint32_t)m->arm.tpidr; return true;
    case REG_TPIDRURO: *ret = (uint32_t)m->arm.tpidrro; return true;
    case REG_L2CTLR: {
        unsigned cpus = 0;
        while (s->board.peer && s->board.peer(s->board.opaque, cpus))
            cpus++;
        *ret = (MIN(MAX(cpus, 1u), 4u) - 1) << 24;
        return true;
    }
    default: return false;
    }
}

/* PAR by ATS1C: op2 has 1 for a write, 2 for User mode. */
static void translate_address(ArmMachine *m, unsigned op2, uint32_t va)
{
    enum { PAR_F = 1, PAR_LPAE = 1 << 11 };
    uint64_t asid, par;
    ArmRegime r = a32_regime_of(m, &asid);
    const CpuExit kept = m->arm.base.exit;
    bool is_long = m->sys.tcr[1] & A32_TTBCR_EAE;
    unsigned idx = op2 & 2 ? ARM_IDX_U : arm_data_idx(m);
    MmuPage p;
    if (a32_walk(m, &r, va, idx, op2 & 1 ? MMU_WRITE : MMU_READ, false, &p)) {
        par = is_long ? (p.pa & 0xfffffff000ull) | 0xffull << 56 | 3 << 7 | PAR_LPAE | 1 << 9
                      : (uint32_t)p.pa & 0xfffff000;
    } else {
        uint32_t code = (uint32_t)m->arm.base.exit.code, fs = a32_fault_status(m, code & 63);
        par = is_long ? (uint64_t)(code & 63) << 1 | PAR_LPAE | 1 << 9 | PAR_F
                      : (fs & 15) << 1 | (fs >> 10 & 1) << 5 | PAR_F;
    }
    m->arm.base.exit = kept;
    m->sys.par1 = par;
}

static bool write_regime(ArmMachine *m, unsigned id, uint32_t v)
{
    ArmSys *s = &m->sys;
    switch (id) {
    case REG_SCTLR: s->sctlr[1] = (v & sctlr_mask(m)) | (SCTLR_RESET & ~sctlr_mask(m)); break;
    case REG_TTBR0: s->ttbr0[1] = v; break;
    case REG_TTBR1: s->ttbr1[1] = v; break;
    case REG_TTBCR: s->tcr[1] = v; break;
    case REG_DACR: s->dacr32 = v; break;
    case REG_CONTEXTIDR: s->contextidr[1] = v; break;
    default: return false;
    }
    arm_regime_update(m);
    return true;
}

static bool write_fn(ArmMachine *m, unsigned id, uint32_t v)
{
    enum { CP10_CP11 = 0xf00000, VBAR_ALIGN = 31, DSCR_WRITABLE = DSCR_UDCCDIS | DSCR_MDBGEN, OSLK = 2 };
    const uint32_t lock_key = 0xc5acce55;
    ArmSys *s = &m->sys;
    switch (id) {
    case REG_DBGDSCREXT: s->mdscr = (s->mdscr & ~(uint64_t)DSCR_WRITABLE) | (v & DSCR_WRITABLE); return true;
    case REG_DBGOSLAR: s->oslsr = (s->oslsr & ~(uint64_t)OSLK) | (v == lock_key ? OSLK : 0); return true;
    case REG_CPACR: s->cpacr1 = v & CP10_CP11; return true;
    case REG_IFSR: s->ifsr32 = v; return true;
    case REG_VBAR: s->vbar[1] = v & ~(uint32_t)VBAR_ALIGN; return true;
    case REG_TPIDRURW: m->arm.tpidr = v; return true;
    case REG_TPIDRURO: m->arm.tpidrro = v; return true;
    case REG_L2CTLR: return true;
    case REG_ATS1CPR:
    case REG_ATS1CPW:
    case REG_ATS1CUR:
    case REG_ATS1CUW: translate_address(m, id - REG_ATS1CPR, v); return true;
    default: return write_regime(m, id, v);
    }
}

/* ---- any register ---- */

static int find(unsigned reg)
{
    for (unsigned k = 0; k < REG_COUNT; k++)
        if (rows[k].reg == reg)
            return (int)k;
    return -1;
}

/* DBGBVR, DBGBCR, DBGWVR, DBGWCR: the number stands in CRm. */
static bool is_debug_point(unsigned reg)
{
    unsigned n = reg >> 3 & 15, op2 = reg & 7;
    return reg >> 7 == A32_REG(14, 0, 0, 0, 0) >> 7 && op2 >= 4 &&
           n < (op2 < 6 ? ARM_BREAKPOINTS : ARM_WATCHPOINTS);
}

/* AArch64's of debug, the performance monitor and the interrupt controller have the same CRn, CRm and op2. 0:
 * it is none of these. */
static unsigned same_in_a64(unsigned reg)
{
    unsigned crn = reg >> 7 & 15, crm = reg >> 3 & 15, op2 = reg & 7;
    if (is_debug_point(reg))
        return reg;
    if (reg >> 11 != A32_REG(15, 0, 0, 0, 0) >> 11)
        return 0;
    if (crn == 9 && crm >= 12 && crm <= 14)
        return A64_SYSREG(3, crm == 14 && (op2 == 1 || op2 == 2) ? 0 : 3, 9, crm, op2);
    if ((crn == 12 && crm >= 8) || (crn == 4 && crm == 6))
        return A64_SYSREG(3, 0, crn, crm, op2);
    return 0;
}

static bool is_tlbi(unsigned reg)
{
    return reg >> 7 == A32_REG(15, 0, 8, 0, 0) >> 7;
}

/* Identification that later cores have: CRm 3 to 7. */
static bool is_later_id(unsigned reg)
{
    return reg >> 7 == A32_REG(15, 0, 0, 0, 0) >> 7 && (reg >> 3 & 15) >= 3 && (reg >> 3 & 15) <= 7;
}

static bool through_a64(ArmMachine *m, unsigned reg, bool write, uint64_t *io)
{
    if (m->sys.el == 0 && arm_reg_el0_traps(m, reg, write))
        return false;
    return write ? arm_reg_write(m, reg, *io) : arm_reg_read(m, reg, io);
}

static bool half(ArmMachine *m, const Row *row, bool write, uint64_t *io)
{
    uint64_t all = 0;
    unsigned at = row->kind == HIGH ? 32 : 0;
    if (!through_a64(m, row->value, false, &all))
        return false;
    if (!write) {
        *io = (uint32_t)(all >> at);
        return true;
    }
    all = (all & ~(0xffffffffull << at)) | (*io & 0xffffffff) << at;
    return through_a64(m, row->value, true, &all);
}

static bool access_row(ArmMachine *m, unsigned id, bool write, uint64_t *io)
{
    const Row *row = &rows[id];
    uint32_t v = (uint32_t)*io;
    bool ok = true;
    if (!(row->access & (write ? W : R)) || m->sys.el < (row->access & LEVEL))
        return false;
    if (m->sys.el == 0 && id >= REG_DBGDIDR && id <= REG_DBGDSAR && (m->sys.mdscr & DSCR_UDCCDIS))
        return false;
    switch ((Kind)row->kind) {
    case LOW:
    case HIGH: return half(m, row, write, io);
    case CONST: v = row->value; break;
    case MODEL: v = model_word(m, id); break;
    case WORD:
        if (write)
            m->sys.a32_word[row->value] = v;
        v = m->sys.a32_word[row->value];
        break;
    case FN: ok = write ? write_fn(m, id, v) : read_fn(m, id, &v); break;
    case NOP: break;
    }
    if (!write)
        *io = v;
    return ok;
}

/* False: undefined here. */
static bool access32(ArmMachine *m, unsigned reg, bool write, uint64_t *io)
{
    int id = find(reg);
    if (id >= 0)
        return access_row(m, (unsigned)id, write, io);
    if (is_tlbi(reg) && write && m->sys.el) {
        arm_tlbi_a32(m, reg >> 3 & 15, reg & 7, (uint32_t)*io);
        return true;
    }
    if (is_later_id(reg) && !write && m->sys.el) {
        *io = 0;
        return true;
    }
    unsigned a64 = same_in_a64(reg);
    return a64 && through_a64(m, a64, write, io);
}

static bool access64(ArmMachine *m, unsigned key, bool write, uint64_t *io)
{
    for (unsigned k = 0; k < ARRAY_SIZE(rows64); k++) {
        const Row64 *row = &rows64[k];
        if (row->key == key)
            return (row->access & (write ? W : R)) && m->sys.el >= (row->access & LEVEL) &&
                   through_a64(m, row->reg, write, io);
    }
    return false;
}

static bool access_any(ArmMachine *m, unsigned reg, bool write, uint64_t *io)
{
    return reg & A32_CP_64 ? access64(m, reg & 255, write, io) : access32(m, reg, write, io);
}

unsigned a32_cp_in_a64(unsigned reg)
{
    int id = reg & A32_CP_64 ? -1 : find(reg);
    for (unsigned k = 0; (reg & A32_CP_64) && k < ARRAY_SIZE(rows64); k++)
        if (rows64[k].key == (reg & 255))
            return rows64[k].reg;
    if (id >= 0)
        return rows[id].kind == LOW || rows[id].kind == HIGH ? rows[id].value : 0;
    return reg & A32_CP_64 ? 0 : same_in_a64(reg);
}

uint64_t a32_helper_cp_get(void *opaque, uint64_t reg, uint64_t to, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    unsigned rt = to & 15, rt2 = to >> 4 & 15;
    uint64_t v = 0;
    if (m->sys.nrw && arm_compat_traps(m, (unsigned)reg, false))
        return arm_go(m);
    if (!access_any(m, (unsigned)reg, false, &v))
        return a32_leave(m, CPU_EXIT_ILLEGAL);
    if (reg & A32_CP_64)
        m->arm.x[rt2] = v >> 32;
    if (rt == A32_PC)
        arm_set_nzcv(&m->arm, (uint32_t)v);
    else
        m->arm.x[rt] = (uint32_t)v;
    return 0;
}

uint64_t a32_helper_cp_put(void *opaque, uint64_t reg, uint64_t v, uint64_t len, uint64_t d)
{
    ArmMachine *m = opaque;
    if (m->sys.nrw && arm_compat_traps(m, (unsigned)reg, true))
        return arm_go(m);
    if (!access_any(m, (unsigned)reg, true, &v))
        return a32_leave(m, CPU_EXIT_ILLEGAL);
    arm_notice_irq(m);
    m->arm.base.pc = arm_pc_after(&m->arm, (unsigned)len);
    return arm_go(m);
}

bool a32_cp_is_nop(unsigned reg, unsigned el)
{
    int id = find(reg);
    return id >= 0 && rows[id].kind == NOP && el >= (rows[id].access & LEVEL);
}

/* ---- floating point ---- */

bool a32_no_fp(const ArmMachine *m)
{
    unsigned cp10 = m->sys.cpacr1 >> 20 & 3;
    return !(m->sys.fpexc32 & A32_FPEXC_EN) || !(cp10 == 3 || (cp10 == 1 && m->sys.el));
}

/* Privileged ones need cp10, but not FPEXC.EN. */
static bool vfp_allowed(const ArmMachine *m)
{
    return m->sys.el && (m->sys.cpacr1 >> 20 & 1);
}

enum { VFP_FPEXC = 8 };

uint64_t a32_helper_vfp_get(void *opaque, uint64_t reg, uint64_t rt, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    if (!vfp_allowed(m) || rt == A32_PC || !(reg == 0 || (reg >= 5 && reg <= VFP_FPEXC)))
        return a32_leave(m, CPU_EXIT_ILLEGAL);
    m->arm.x[rt & 15] = reg == VFP_FPEXC ? m->sys.fpexc32 : a32_vfp_id(m, (unsigned)reg);
    return 0;
}

uint64_t a32_helper_vfp_put(void *opaque, uint64_t reg, uint64_t v, uint64_t len, uint64_t d)
{
    ArmMachine *m = opaque;
    if (!vfp_allowed(m) || !(reg == 0 || reg == VFP_FPEXC))
        return a32_leave(m, CPU_EXIT_ILLEGAL);
    if (reg == VFP_FPEXC)
        m->sys.fpexc32 = v & A32_FPEXC_EN;
    m->arm.base.pc = arm_pc_after(&m->arm, (unsigned)len);
    return arm_go(m);
}

/* ---- a debugger ---- */

static const char *const row_names[REG_COUNT] = {
#define A32SYS(id, ...) #id,
#include "target/arm/a32_sysregs.def"
#undef A32SYS
};

/* Those that are read as registers of AArch64, wider ones too. */
static const struct {
    const char *name;
    uint16_t reg;
} more_regs[] = {
#define OF_A64(name, reg)
#define OF_ALL(name, reg) {name, reg},
#define OF_A32(name, reg) {name, reg},
#define DREG(name, el, cores, op0, op1, crn, crm, op2)                                                       \
    OF_##cores(#name, A64_SYSREG(op0, op1, crn, crm, op2))
#include "target/arm/arm_debug_regs.def"
#undef DREG
#define A32SYS64(id, opc1, crm, access, reg) {#id, reg},
#include "target/arm/a32_sysregs64.def"
#undef A32SYS64
};

unsigned a32_sysreg_count(void)
{
    return REG_COUNT + ARRAY_SIZE(more_regs);
}

const char *a32_sysreg_debug(ArmMachine *m, unsigned n, uint64_t *io, bool write, bool *ret_ok)
{
    const bool more = n >= REG_COUNT;
    uint32_t el = m->sys.el;
    m->sys.el = 1;
    if (more)
        *ret_ok = through_a64(m, more_regs[n - REG_COUNT].reg, write, io);
    else
        *ret_ok = rows[n].kind != NOP && (rows[n].access & R) && access_row(m, n, write, io);
    m->sys.el = el;
    return more ? more_regs[n - REG_COUNT].name : row_names[n];
}
