/* CSRs of a machine's hart: rv_priv_csrs.def says what most are; the others have functions here.
 *
 * A write after which translation would differ, or an interrupt may be due, ends the region: the helper then
 * leaves with pc behind the instruction. */
#include "target/riscv/rv_csr.h"
#include "target/riscv/rv_sys.h"

#define RV_M_IRQS (RV_IRQ_BIT(RV_IRQ_MSI) | RV_IRQ_BIT(RV_IRQ_MTI) | RV_IRQ_BIT(RV_IRQ_MEI))

typedef enum CsrKind { CSR_PLAIN, CSR_SLOT, CSR_CTX, CSR_CONST, CSR_FN } CsrKind;
enum { NO_FIELD = 0xffff };

typedef struct CsrRow {
    char name[16];
    uint16_t number, field; /* offset in RvSys */
    uint8_t kind;
    uint64_t bits;
} CsrRow;

#define FIELD_PLAIN(f) offsetof(RvSys, f)
#define FIELD_SLOT(f)  offsetof(RvSys, f)
#define FIELD_CTX(f)   offsetof(RvSys, f)
#define FIELD_CONST(f) NO_FIELD
#define FIELD_FN(f)    NO_FIELD

typedef enum CsrId {
#define PCSR(id, name, number, how, field, bits) PCSR_##id,
#include "target/riscv/rv_priv_csrs.def"
#undef PCSR
    PCSR_COUNT
} CsrId;

static const CsrRow rows[PCSR_COUNT] = {
#define PCSR(id, name, number, how, field, bits) {name, number, FIELD_##how(field), CSR_##how, bits},
#include "target/riscv/rv_priv_csrs.def"
#undef PCSR
};

static int find(unsigned number)
{
    switch (number) {
#define PCSR(id, name, number, how, field, bits) case number: return PCSR_##id;
#include "target/riscv/rv_priv_csrs.def"
#undef PCSR
    default: return -1;
    }
}

/* ---- functions ---- */

enum { PMPCFG0 = 0x3a0, PMPADDR0 = 0x3b0, PMP_CSRS = 64, HPM_FIRST = 3, HPM_LAST = 31 };
enum { PMP_R = 1, PMP_W = 2, PMP_X = 4, PMP_A = 24, PMP_NAPOT = 24, PMP_TOR = 8, PMP_NA4 = 16,
       PMP_LOCK = 128 };
enum { PMP_GRAIN = 10 }; /* G: 4 KiB */

static const uint64_t mstatus_write =
    RV_SSTATUS_WRITE | RV_MIE | RV_MPIE | RV_MPP | RV_MPRV | RV_TVM | RV_TW | RV_TSR;

static uint64_t read_mstatus(const RvCpu *cpu)
{
    uint64_t v = cpu->sys.mstatus & ~RV_SD;
    return (v & RV_FS) == RV_FS ? v | RV_SD : v;
}

static void write_mstatus(RvCpu *cpu, uint64_t v, uint64_t bits)
{
    uint64_t *s = &cpu->sys.mstatus, mpp = (v & RV_MPP) >> 11;
    if ((bits & RV_MPP) && mpp == 2) /* no such level */
        bits &= ~RV_MPP;
    *s = (*s & ~bits) | (v & bits);
}

static uint64_t host_cycles(void)
{
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
#error "a counter"
#endif
}

static unsigned pmp_shift(unsigned n) { return n % 8 * 8; }

static uint64_t read_pmpcfg(const RvCpu *cpu, unsigned reg)
{
    uint64_t v = 0;
    for (unsigned n = reg * 4; n < reg * 4 + 8 && n < RV_PMP_ENTRIES; n++)
        v |= (uint64_t)cpu->sys.pmpcfg[n] << pmp_shift(n);
    return v;
}

static void write_pmpcfg(RvCpu *cpu, unsigned reg, uint64_t v)
{
    for (unsigned n = reg * 4; n < reg * 4 + 8 && n < RV_PMP_ENTRIES; n++) {
        uint8_t *cfg = &cpu->sys.pmpcfg[n],
                to = (uint8_t)(v >> pmp_shift(n)) & (PMP_LOCK | PMP_A | PMP_X | PMP_W | PMP_R);
        if (*cfg & PMP_LOCK)
            continue;
        if ((to & (PMP_W | PMP_R)) == PMP_W) /* reserved */
            to &= (uint8_t)~PMP_W;
        if ((to & PMP_A) == PMP_NA4) /* below the granularity: A stays */
            to = (uint8_t)((to & ~PMP_A) | (*cfg & PMP_A));
        *cfg = to;
    }
}

static uint64_t read_pmpaddr(const RvCpu *cpu, unsigned n)
{
    if (n >= RV_PMP_ENTRIES)
        return 0;
    uint64_t low = (1ull << PMP_GRAIN) - 1, v = cpu->sys.pmpaddr[n];
    return cpu->sys.pmpcfg[n] & PMP_NA4 ? v | low >> 1 : v & ~low;
}

static void write_pmpaddr(RvCpu *cpu, unsigned n, uint64_t v)
{
    if (n >= RV_PMP_ENTRIES || (cpu->sys.pmpcfg[n] & PMP_LOCK))
        return;
    if (n + 1 < RV_PMP_ENTRIES && (cpu->sys.pmpcfg[n + 1] & (PMP_LOCK | PMP_A)) == (PMP_LOCK | PMP_TOR))
        return;
    cpu->sys.pmpaddr[n] = v & ((1ull << 54) - 1);
}

unsigned rv_pmp(const RvCpu *cpu, Gpa pa, unsigned priv)
{
    const RvSys *s = &cpu->sys;
    uint64_t at = pa >> 2, low = (1ull << PMP_GRAIN) - 1;
    for (unsigned n = 0; n < RV_PMP_ENTRIES; n++) {
        uint64_t first, mask = 0, hit;
        uint8_t cfg = s->pmpcfg[n];
        switch (cfg & PMP_A) {
        case PMP_TOR:
            first = n ? s->pmpaddr[n - 1] & ~low : 0;
            hit = at >= first && at < (s->pmpaddr[n] & ~low);
            break;
        case PMP_NAPOT:
            mask = s->pmpaddr[n] | low >> 1;
            mask ^= mask + 1;
            hit = !((at ^ s->pmpaddr[n]) & ~mask);
            break;
        default: continue;
        }
        if (!hit)
            continue;
        if (priv == RV_M && !(cfg & PMP_LOCK))
            break;
        return (cfg & PMP_R ? MMU_R : 0u) | (cfg & PMP_W ? MMU_W : 0u) | (cfg & PMP_X ? MMU_X : 0u);
    }
    return priv == RV_M ? MMU_R | MMU_W | MMU_X : 0;
}

static bool counter_allowed(const RvCpu *cpu, unsigned bit)
{
    const RvSys *s = &cpu->sys;
    return s->priv == RV_M || ((s->mcounteren >> bit & 1) && (s->priv == RV_S || (s->scounteren >> bit & 1)));
}

static bool read_fn(const RvCpu *cpu, CsrId id, uint64_t *ret)
{
    const RvSys *s = &cpu->sys;
    switch (id) {
    case PCSR_cycle:
        *ret = host_cycles() + s->cycle_base;
        return counter_allowed(cpu, 0);
    case PCSR_time:
        if (!counter_allowed(cpu, 1))
            return false;
        *ret = s->board.time(s->board.opaque);
        return true;
    case PCSR_instret: /* not counted: a clock */
        *ret = host_cycles() + s->instret_base;
        return counter_allowed(cpu, 2);
    case PCSR_mcycle: *ret = host_cycles() + s->cycle_base; return true;
    case PCSR_minstret: *ret = host_cycles() + s->instret_base; return true;
    case PCSR_mstatus: *ret = read_mstatus(cpu); return true;
    case PCSR_sstatus: *ret = read_mstatus(cpu) & RV_SSTATUS_READ; return true;
    case PCSR_sie: *ret = s->mie & s->mideleg; return true;
    case PCSR_sip: *ret = rv_mip(cpu) & s->mideleg; return true;
    case PCSR_mip: *ret = rv_mip(cpu); return true;
    case PCSR_satp:
        *ret = s->satp;
        return s->priv == RV_M || !(s->mstatus & RV_TVM);
    case PCSR_stimecmp:
        *ret = s->stimecmp;
        return s->priv == RV_M || ((s->mcounteren & 2) && (s->menvcfg & RV_STCE));
    case PCSR_mhartid: *ret = s->board.number; return true;
    default: return false;
    }
}

enum { SATP_MODE_SHIFT = 60, SATP_BARE = 0, SATP_SV39 = 8, SATP_SV57 = 10 };

static void write_satp(RvCpu *cpu, uint64_t v)
{
    unsigned mode = v >> SATP_MODE_SHIFT;
    if (mode != SATP_BARE && (mode < SATP_SV39 || mode > SATP_SV57))
        return; /* the whole write is lost */
    cpu->sys.satp = v;
    cpu->base.mem->select(&cpu->base, v);
}

/* Only what software owns. */
static void write_mip(RvCpu *cpu, uint64_t v, uint64_t bits)
{
    cpu->sys.soft = (cpu->sys.soft & ~bits) | (v & bits);
}

static void write_fn(RvCpu *cpu, CsrId id, uint64_t v)
{
    RvSys *s = &cpu->sys;
    switch (id) {
    case PCSR_mstatus: write_mstatus(cpu, v, mstatus_write); break;
    case PCSR_sstatus: write_mstatus(cpu, v, RV_SSTATUS_WRITE); break;
    case PCSR_sie: s->mie = (s->mie & ~s->mideleg) | (v & s->mideleg); break;
    case PCSR_sip: write_mip(cpu, v, s->mideleg & RV_IRQ_BIT(RV_IRQ_SSI)); break;
    case PCSR_mip: write_mip(cpu, v, RV_S_IRQS); break;
    case PCSR_satp: write_satp(cpu, v); break;
    case PCSR_stimecmp:
        s->stimecmp = v;
        s->board.alarm(s->board.opaque, s->board.number, v);
        break;
    case PCSR_mcycle: s->cycle_base = v - host_cycles(); break;
    case PCSR_minstret: s->instret_base = v - host_cycles(); break;
    default: break;
    }
}

/* ---- any CSR ---- */

/* CSRs without a row of their own: protection, and counters that count nothing. */
static bool read_other(const RvCpu *cpu, unsigned n, uint64_t *ret)
{
    *ret = 0;
    if (n >= PMPCFG0 && n < PMPCFG0 + 16 && !(n & 1)) {
        *ret = read_pmpcfg(cpu, n - PMPCFG0);
        return true;
    }
    if (n >= PMPADDR0 && n < PMPADDR0 + PMP_CSRS) {
        *ret = read_pmpaddr(cpu, n - PMPADDR0);
        return true;
    }
    if (n >= 0xc00 + HPM_FIRST && n <= 0xc00 + HPM_LAST)
        return counter_allowed(cpu, n - 0xc00);
    return (n >= 0xb00 + HPM_FIRST && n <= 0xb00 + HPM_LAST) ||
           (n >= 0x320 + HPM_FIRST && n <= 0x320 + HPM_LAST);
}

/* True: translation of addresses changed. */
static bool write_other(RvCpu *cpu, unsigned n, uint64_t v)
{
    if (n >= PMPCFG0 && n < PMPCFG0 + 16)
        write_pmpcfg(cpu, n - PMPCFG0, v);
    else if (n >= PMPADDR0 && n < PMPADDR0 + PMP_CSRS)
        write_pmpaddr(cpu, n - PMPADDR0, v);
    else
        return false;
    cpu->base.mem->flush(&cpu->base);
    return true;
}

static bool read_row(const RvCpu *cpu, int id, unsigned number, uint64_t *ret)
{
    if (id < 0)
        return read_other(cpu, number, ret);
    const CsrRow *r = &rows[id];
    switch ((CsrKind)r->kind) {
    case CSR_FN: return read_fn(cpu, (CsrId)id, ret);
    case CSR_CONST: *ret = r->bits; return true;
    default: memcpy(ret, (const char *)&cpu->sys + r->field, 8); return true;
    }
}

/* True: the region must end. */
static bool write_row(RvCpu *cpu, int id, unsigned number, uint64_t v)
{
    if (id < 0)
        return write_other(cpu, number, v);
    const CsrRow *r = &rows[id];
    uint64_t old;
    switch ((CsrKind)r->kind) {
    case CSR_CONST: return false;
    case CSR_FN: write_fn(cpu, (CsrId)id, v); return true;
    default:
        memcpy(&old, (const char *)&cpu->sys + r->field, 8);
        v = (old & ~r->bits) | (v & r->bits);
        memcpy((char *)&cpu->sys + r->field, &v, 8);
        return r->kind == CSR_CTX;
    }
}

uint64_t rv_helper_csr(void *opaque, uint64_t operand, uint64_t arg, uint64_t c, uint64_t d)
{
    RvCpu *cpu = opaque;
    unsigned number = arg & 0xfff, rd = arg >> 12 & 31, how = arg >> 17 & 3;
    int id = find(number);
    uint64_t old;

    if (!read_row(cpu, id, number, &old)) {
        cpu->base.exit = (CpuExit){.kind = CPU_EXIT_ILLEGAL};
        return 1;
    }
    bool leave = false;
    /* What an interrupt controller drives is read, but not written back (the manual, "mip and mie"). */
    uint64_t base = id == PCSR_mip ? cpu->sys.soft : old;
    if (arg >> 19 & 1)
        leave = write_row(cpu, id, number, how == 0 ? operand : how == 1 ? base | operand : base & ~operand);
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

bool rv_debug_reg(Cpu *base, unsigned n, const char **ret_name, uint64_t *io, bool write, bool *ret_ok)
{
    RvCpu *cpu = (RvCpu *)base;
    uint64_t priv = cpu->sys.priv;
    if (n == PCSR_COUNT + ARRAY_SIZE(debug_only)) {
        *ret_name = "priv";
        *ret_ok = !write || *io == RV_U || *io == RV_S || *io == RV_M;
        if (write && *ret_ok)
            cpu->sys.priv = *io;
        else if (!write)
            *io = priv;
        return true;
    }
    if (n > PCSR_COUNT + ARRAY_SIZE(debug_only))
        return false;
    int id = n < PCSR_COUNT ? (int)n : -1;
    unsigned number = id >= 0 ? rows[id].number : debug_only[n - PCSR_COUNT].number;
    *ret_name = id >= 0 ? rows[id].name : debug_only[n - PCSR_COUNT].name;
    if (number <= 3) {
        *ret_ok = debug_fp(cpu, number, io, write);
        return true;
    }
    cpu->sys.priv = RV_M;
    *ret_ok = true;
    if (write)
        write_row(cpu, id, number, *io);
    else
        *ret_ok = read_row(cpu, id, number, io);
    cpu->sys.priv = priv;
    return true;
}
