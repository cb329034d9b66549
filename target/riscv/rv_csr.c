/* CSRs of a machine's hart: rv_priv_csrs.def says what most are; rv_csr_fn.c has functions for the others.
 *
 * A write after which translation would differ, or an interrupt may be due, ends the region: the helper then
 * leaves with pc behind the instruction. */
#include "target/riscv/rv_csr.h"

typedef enum CsrKind { CSR_PLAIN, CSR_SLOT, CSR_CTX, CSR_CONST, CSR_FN } CsrKind;
enum { NO_FIELD = 0xffff };
/* Extensions of rows that need two. */
#define RV_HAS_ANY        0
#define RV_HAS_SSAIAH     (RV_HAS_SSAIA | RV_HAS_H)
#define RV_HAS_SSTCH      (RV_HAS_SSTC | RV_HAS_H)
#define RV_HAS_SMSTATEENH (RV_HAS_SMSTATEEN | RV_HAS_H)

typedef struct CsrRow {
    char name[16];
    uint16_t number, field; /* offset in RvSys */
    uint8_t kind;
    uint64_t ext; /* all of these have to be there */
    uint64_t bits;
} CsrRow;

#define FIELD_PLAIN(f) offsetof(RvSys, f)
#define FIELD_SLOT(f)  offsetof(RvSys, f)
#define FIELD_CTX(f)   offsetof(RvSys, f)
#define FIELD_CONST(f) NO_FIELD
#define FIELD_FN(f)    NO_FIELD

static const CsrRow rows[PCSR_COUNT] = {
#define PCSR(id, name, number, how, field, bits, ext)                                                        \
    {name, number, FIELD_##how(field), CSR_##how, RV_HAS_##ext, bits},
#include "target/riscv/rv_priv_csrs.def"
#undef PCSR
};

static int find(unsigned number)
{
    switch (number) {
#define PCSR(id, name, number, how, field, bits, ext) case number: return PCSR_##id;
#include "target/riscv/rv_priv_csrs.def"
#undef PCSR
    default: return -1;
    }
}

/* Those of a row that can be written on this hart. */
static uint64_t row_bits(const RvCpu *cpu, int id)
{
    uint64_t bits = rows[id].bits, lcofi = RV_IRQ_BIT(RV_IRQ_LCOFI);
    const uint64_t guest = 1ull << RV_X_ECALL_VS | 15ull << RV_X_FETCH_GUEST;
    switch (id) {
    case PCSR_senvcfg: return bits & rv_envcfg_bits(cpu);
    case PCSR_medeleg: return rv_has(cpu, RV_HAS_H) ? bits : bits & ~guest;
    case PCSR_mideleg: return rv_has(cpu, RV_HAS_SSCOFPMF) ? bits : bits & ~lcofi;
    case PCSR_mie:
        bits = rv_has(cpu, RV_HAS_SSCOFPMF) ? bits : bits & ~lcofi;
        if (!rv_geilen(cpu))
            bits &= ~RV_IRQ_BIT(RV_IRQ_SGEI);
        return rv_has(cpu, RV_HAS_H) ? bits : bits & ~RV_H_IRQS;
    default: return bits;
    }
}

/* ---- who may ---- */

/* Where an instruction is looked at from. */
typedef struct View {
    unsigned priv;
    bool guest, traps; /* traps: TVM and VTVM count */
} View;

static bool counter_legal(const RvCpu *cpu, const View *v, unsigned bit)
{
    const RvSys *s = &cpu->sys;
    if (v->priv == RV_M)
        return true;
    if (!(s->mcounteren >> bit & 1) || (v->guest && !(s->hcounteren >> bit & 1)))
        return false;
    return v->priv == RV_S || (s->scounteren >> bit & 1);
}

static bool stimecmp_legal(const RvCpu *cpu, const View *v)
{
    const RvSys *s = &cpu->sys;
    if (v->priv == RV_M)
        return true;
    return (s->mcounteren & 2) && (s->menvcfg & RV_STCE) &&
           (!v->guest || ((s->hcounteren & 2) && (s->henvcfg & RV_STCE)));
}

/* The bit of a stateen register, and which, that the CSR is behind; 0: none. */
static uint64_t state_bit(unsigned n, unsigned *ret_reg)
{
    *ret_reg = 0;
    switch (n) {
    case 0x10a: case 0x60a: return RV_SE_ENVCFG; /* senvcfg, henvcfg */
    case 0x150: case 0x151: case 0x250: case 0x251: return RV_SE_CSRIND;
    case 0x15c: case 0x25c: return RV_SE_IMSIC;
    case 0xdb0: case 0xeb0: case 0x608: case 0x609: case 0x646: case 0x647: return RV_SE_AIA;
    case 0x10c: case 0x10d: case 0x10e: case 0x10f:
    case 0x60c: case 0x60d: case 0x60e: case 0x60f: *ret_reg = n & 3; return RV_SE;
    default: return 0;
    }
}

static bool state_legal(const RvCpu *cpu, const View *v, unsigned number)
{
    unsigned reg;
    uint64_t bit = state_bit(number, &reg);
    if (!bit || v->priv == RV_M || !rv_has(cpu, RV_HAS_SMSTATEEN))
        return true;
    return (cpu->sys.mstateen[reg] & bit) && (!v->guest || (cpu->sys.hstateen[reg] & bit));
}

/* number: as found in the instruction. */
static bool row_legal(const RvCpu *cpu, const View *v, int id, unsigned number, bool write)
{
    const RvSys *s = &cpu->sys;
    switch (id) {
    case PCSR_cycle:
    case PCSR_time:
    case PCSR_instret: return counter_legal(cpu, v, number & 31);
    case PCSR_satp:
    case PCSR_hgatp: return v->priv == RV_M || v->guest || !v->traps || !(s->mstatus & RV_TVM);
    case PCSR_vsatp: return !v->guest || !v->traps || !(s->hstatus & RV_H_VTVM);
    case PCSR_stimecmp: return stimecmp_legal(cpu, v);
    case PCSR_vstimecmp:
        return stimecmp_legal(cpu, v) && !(v->guest && write && v->traps && (s->hvictl & RV_VTI));
    case PCSR_vsie:
    case PCSR_vsip: return !v->guest || !v->traps || !(s->hvictl & RV_VTI);
    default: return true;
    }
}

bool rv_csr_legal(const RvCpu *cpu, unsigned number, bool write, bool qualified)
{
    const RvSys *s = &cpu->sys;
    View v = {(unsigned)s->priv, s->virt, true};
    if (qualified)
        v = (View){RV_S, false, false};
    if (v.priv < rv_csr_level(number) || (v.guest && rv_csr_of_host(number)) || (write && number >> 10 == 3))
        return false;
    if (!state_legal(cpu, &v, number))
        return false;
    unsigned n = v.guest ? rv_csr_of_guest(number) : number;
    if (rv_machine32(cpu) && rv_csr_low_half(n))
        n = number = rv_csr_low_half(n);
    if (rv_aia_indirect(n))
        return rv_aia_reaches(cpu, n, qualified);
    int id = find(n);
    uint64_t value;
    if (id >= 0)
        return (s->ext & rows[id].ext) == rows[id].ext && row_legal(cpu, &v, id, number, write);
    if (n >= RV_CSR_HPMCOUNTER + RV_CSR_HPM_FIRST && n <= RV_CSR_HPMCOUNTER + RV_CSR_HPM_LAST)
        return counter_legal(cpu, &v, n & 31);
    return rv_csr_read_hpm(cpu, n, &value) || rv_pmp_read(cpu, n, &value);
}

/* ---- any CSR ---- */

static uint64_t read_row(const RvCpu *cpu, int id, unsigned number)
{
    uint64_t v = 0;
    if (id < 0) {
        if (!rv_csr_read_hpm(cpu, number, &v))
            rv_pmp_read(cpu, number, &v);
        return v;
    }
    const CsrRow *r = &rows[id];
    switch ((CsrKind)r->kind) {
    case CSR_FN: return rv_csr_read_fn(cpu, (RvCsrId)id);
    case CSR_CONST: return r->bits;
    default: memcpy(&v, (const char *)&cpu->sys + r->field, 8); return v;
    }
}

/* True: the region must end. */
static bool write_row(RvCpu *cpu, int id, unsigned number, uint64_t v)
{
    if (id < 0)
        return !rv_csr_write_hpm(cpu, number, v) && rv_pmp_write(cpu, number, v);
    const CsrRow *r = &rows[id];
    uint64_t old, bits;
    switch ((CsrKind)r->kind) {
    case CSR_CONST: return false;
    case CSR_FN: rv_csr_write_fn(cpu, (RvCsrId)id, v); return true;
    default:
        bits = row_bits(cpu, id);
        memcpy(&old, (const char *)&cpu->sys + r->field, 8);
        v = (old & ~bits) | (v & bits);
        memcpy((char *)&cpu->sys + r->field, &v, 8);
        return r->kind == CSR_CTX;
    }
}

static uint64_t changed(unsigned how, uint64_t base, uint64_t operand)
{
    return how == 0 ? operand : how == 1 ? base | operand : base & ~operand;
}

/* In one step: the other side is a device that others change, too. */
static bool indirect(RvCpu *cpu, unsigned number, unsigned how, bool write, uint64_t operand,
                     uint64_t *ret_old)
{
    return rv_aia_access(cpu, number, write, how == 0 ? ~0ull : operand, how == 2 ? 0 : operand, ret_old);
}

/* Of RV32: half of what the CSR holds. */
static bool access_half(RvCpu *cpu, unsigned number, unsigned how, bool write, uint64_t operand,
                        uint64_t *ret_old)
{
    unsigned low = rv_csr_low_half(number), shift = low ? 32 : 0;
    uint64_t mask = 0xffffffffull << shift;
    int id = find(low ? low : number);
    uint64_t whole = read_row(cpu, id, low ? low : number), base = rv_csr_base(cpu, id, whole);
    *ret_old = (uint64_t)bits_sext(whole >> shift, 32);
    uint64_t v = changed(how, base, operand << shift);
    return write && write_row(cpu, id, low ? low : number, (base & ~mask) | (v & mask));
}

uint64_t rv_helper_csr(void *opaque, uint64_t operand, uint64_t arg, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    unsigned number = arg & 0xfff, rd = arg >> 12 & 31, how = arg >> 17 & 3;
    bool write = arg >> 19 & 1, leave = false;
    uint64_t old;

    if (!rv_csr_legal(cpu, number, write, false))
        return rv_leave(cpu, CPU_EXIT_ILLEGAL);
    if (cpu->sys.virt)
        number = rv_csr_of_guest(number);
    if (rv_aia_indirect(number)) {
        if (!indirect(cpu, number, how, write, operand, &old))
            return rv_leave(cpu, CPU_EXIT_ILLEGAL);
        leave = write;
    } else if (rv_machine32(cpu)) {
        leave = access_half(cpu, number, how, write, operand, &old);
    } else {
        int id = find(number);
        old = read_row(cpu, id, number);
        if (write)
            leave = write_row(cpu, id, number, changed(how, rv_csr_base(cpu, id, old), operand));
    }
    if (rd)
        cpu->x[rd] = old;
    if (!leave)
        return 0;
    cpu->base.pc += 4;
    return rv_go(cpu);
}

/* ---- for debuggers ---- */

static const struct {
    char name[10];
    uint16_t number;
} debug_only[] = {
    {"fflags", 1}, {"frm", 2}, {"fcsr", 3}, {"pmpcfg0", 0x3a0}, {"pmpcfg2", 0x3a2},
#define PMP_ROW(n) {"pmpaddr" #n, 0x3b0 + n}
    PMP_ROW(0), PMP_ROW(1), PMP_ROW(2), PMP_ROW(3), PMP_ROW(4), PMP_ROW(5), PMP_ROW(6), PMP_ROW(7),
    PMP_ROW(8), PMP_ROW(9), PMP_ROW(10), PMP_ROW(11), PMP_ROW(12), PMP_ROW(13), PMP_ROW(14), PMP_ROW(15),
#undef PMP_ROW
};
/* RV32: upper halves and the other half of pmpcfg; more than RV64 has. */
static const struct {
    char name[10];
    uint16_t number;
} debug_only32[] = {
    {"mstatush", 0x310}, {"menvcfgh", 0x31a},  {"mseccfgh", 0x757}, {"stimecmph", 0x15d},
    {"mcycleh", 0xb80},  {"minstreth", 0xb82}, {"cycleh", 0xc80},   {"timeh", 0xc81},
    {"instreth", 0xc82}, {"pmpcfg1", 0x3a1},   {"pmpcfg3", 0x3a3},
};
enum {
    DEBUG_PRIV = PCSR_COUNT + ARRAY_SIZE(debug_only),
    DEBUG_VIRT,
    DEBUG_END,
    DEBUG_END32 = DEBUG_END + ARRAY_SIZE(debug_only32)
};

static bool debug_fp(RvCpu *cpu, unsigned number, uint64_t *io, bool write)
{
    enum { FFLAGS = 1, FRM, FLAG_BITS = 5, ALL_FLAGS = 31, MODE = 7 };
    uint32_t all = rv_fcsr(cpu), shift = number == FRM ? FLAG_BITS : 0;
    uint32_t mode = MODE << FLAG_BITS;
    uint32_t mask = number == FFLAGS ? ALL_FLAGS : number == FRM ? mode : ALL_FLAGS | mode;
    if (write)
        rv_set_fcsr(cpu, (all & ~mask) | ((uint32_t)*io << shift & mask));
    else
        *io = (all & mask) >> shift;
    return true;
}

static bool debug_level(RvCpu *cpu, bool virt, uint64_t *io, bool write)
{
    uint64_t *field = virt ? &cpu->sys.virt : &cpu->sys.priv;
    bool ok = virt ? *io <= 1 && cpu->sys.priv != RV_M : *io == RV_U || *io == RV_S || *io == RV_M;
    if (!write)
        *io = *field;
    else if (ok)
        *field = *io;
    if (write && ok)
        rv_select(cpu);
    return !write || ok;
}

/* RV32: 32 bits of a CSR. */
static void debug_half(RvCpu *cpu, unsigned number, uint64_t *io, bool write)
{
    uint64_t old;
    access_half(cpu, number, 0, write, *io, &old);
    if (!write)
        *io = (uint32_t)old;
}

bool rv_debug_reg(Cpu *base, unsigned n, const char **ret_name, uint64_t *io, bool write, bool *ret_ok)
{
    RvCpu *cpu = (RvCpu *)base;
    if (n >= DEBUG_END && rv_machine32(cpu) && n < DEBUG_END32) {
        *ret_name = debug_only32[n - DEBUG_END].name;
        debug_half(cpu, debug_only32[n - DEBUG_END].number, io, write);
        return *ret_ok = true;
    }
    if (n >= DEBUG_END)
        return false;
    if (n >= DEBUG_PRIV) {
        *ret_name = n == DEBUG_PRIV ? "priv" : "virt";
        *ret_ok = debug_level(cpu, n == DEBUG_VIRT, io, write);
        return true;
    }
    int id = n < PCSR_COUNT ? (int)n : -1;
    unsigned number = id >= 0 ? rows[id].number : debug_only[n - PCSR_COUNT].number;
    *ret_name = id >= 0 ? rows[id].name : debug_only[n - PCSR_COUNT].name;
    *ret_ok = true;
    if (number <= 3)
        *ret_ok = debug_fp(cpu, number, io, write);
    else if (id >= 0 && (cpu->sys.ext & rows[id].ext) != rows[id].ext)
        *ret_ok = false;
    else if (rv_machine32(cpu))
        debug_half(cpu, number, io, write);
    else if (write)
        write_row(cpu, id, number, *io);
    else
        *io = read_row(cpu, id, number);
    return true;
}
