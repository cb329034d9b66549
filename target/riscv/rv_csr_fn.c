/* CSRs that are more than a field: what reading them gives and writing them does. The caller has asked
 * rv_csr_legal(). */
#include "target/riscv/rv_csr.h"
#include "base/sys.h"

/* ---- counters ---- */

/* Instructions are not counted: both counters are the host's clock of cycles, so that instret goes as fast as
 * it would on a machine with one instruction a cycle. What inhibits them stops them. */
static uint64_t host_cycles(void)
{
#ifdef __x86_64__
    return __builtin_ia32_rdtsc();
#else
    return sys_monotonic(1000000000);
#endif
}

static uint64_t counter_value(const RvCounter *c) { return c->stopped ? c->count : c->count + host_cycles(); }

static void counter_set(RvCounter *c, uint64_t v) { c->count = c->stopped ? v : v - host_cycles(); }

static void counter_stop(RvCounter *c, bool stop)
{
    uint64_t v = counter_value(c);
    c->stopped = stop;
    counter_set(c, v);
}

void rv_counter_stand(RvCounter *c, bool stop)
{
    if (!c->stopped)
        c->count += stop ? host_cycles() : 0 - host_cycles();
}

static void write_countinhibit(RvCpu *cpu, uint64_t v)
{
    enum { CY = 1, IR = 4 };
    RvSys *s = &cpu->sys;
    s->mcountinhibit = v & 0xfffffffd; /* time has none */
    counter_stop(&s->cycle, v & CY);
    counter_stop(&s->instret, v & IR);
}

/* No event is there to be counted: counters keep what is written, selectors are 0. */
static uint64_t event_bits(const RvCpu *cpu)
{
    uint64_t guest = 3ull << 58; /* VSINH, VUINH */
    uint64_t v = rv_has(cpu, RV_HAS_SSCOFPMF) ? RV_HPM_OF | RV_HPM_INH : 0;
    return rv_has(cpu, RV_HAS_H) ? v : v & ~guest;
}

static bool hpm_index(unsigned number, unsigned base, unsigned *ret)
{
    *ret = number - base - RV_CSR_HPM_FIRST;
    return number >= base + RV_CSR_HPM_FIRST && number <= base + RV_CSR_HPM_LAST;
}

bool rv_csr_read_hpm(const RvCpu *cpu, unsigned number, uint64_t *ret)
{
    unsigned n;
    if (hpm_index(number, RV_CSR_HPMCOUNTER, &n) || hpm_index(number, RV_CSR_MHPMCOUNTER, &n))
        *ret = cpu->sys.hpmcounter[n];
    else if (hpm_index(number, RV_CSR_MHPMEVENT, &n))
        *ret = cpu->sys.hpmevent[n];
    else
        return false;
    return true;
}

bool rv_csr_write_hpm(RvCpu *cpu, unsigned number, uint64_t v)
{
    unsigned n;
    if (hpm_index(number, RV_CSR_MHPMCOUNTER, &n))
        cpu->sys.hpmcounter[n] = v;
    else if (hpm_index(number, RV_CSR_MHPMEVENT, &n))
        cpu->sys.hpmevent[n] = v & event_bits(cpu);
    else
        return false;
    return true;
}

static uint64_t read_scountovf(const RvCpu *cpu)
{
    const RvSys *s = &cpu->sys;
    uint64_t v = 0, may = s->priv == RV_M ? ~0ull : s->mcounteren & (s->virt ? s->hcounteren : ~0ull);
    for (unsigned n = 0; n < RV_HPM_COUNTERS; n++)
        v |= (s->hpmevent[n] >> 63) << (n + RV_CSR_HPM_FIRST);
    return v & may;
}

/* ---- time ---- */

uint64_t rv_time(const RvCpu *cpu, bool guest)
{
    const CpuBoard *b = &cpu->sys.board;
    return b->time(b->opaque) + (guest ? cpu->sys.htimedelta : 0);
}

/* Timers of the board: the supervisor's and the guest's of each hart. */
enum { TIMERS = 2, GUEST_TIMER = 1 };

static void set_alarm(RvCpu *cpu, unsigned which, uint64_t when)
{
    const CpuBoard *b = &cpu->sys.board;
    b->alarm(b->opaque, b->number * TIMERS + which, when);
}

void rv_set_guest_alarm(RvCpu *cpu)
{
    uint64_t now = rv_time(cpu, false), guest_now = now + cpu->sys.htimedelta, at = cpu->sys.vstimecmp;
    uint64_t wait = at > guest_now ? at - guest_now : 0;
    set_alarm(cpu, GUEST_TIMER, now + wait < now ? ~0ull : now + wait);
}

/* ---- status and configuration ---- */

static uint64_t with_sd(const RvCpu *cpu, uint64_t v)
{
    uint64_t sd = rv_machine32(cpu) ? 1ull << 31 : RV_SD;
    return (v & RV_FS) == RV_FS ? v | sd : v;
}

static void write_mstatus(RvCpu *cpu, uint64_t v)
{
    uint64_t bits = RV_SSTATUS_WRITE | RV_MIE | RV_MPIE | RV_MPP | RV_MPRV | RV_TVM | RV_TW | RV_TSR;
    if (rv_has(cpu, RV_HAS_H))
        bits |= RV_MPV | RV_GVA;
    if ((v & RV_MPP) >> 11 == 2) /* no such level */
        bits &= ~RV_MPP;
    cpu->sys.mstatus = (cpu->sys.mstatus & ~bits) | (v & bits);
}

static void put_bits(uint64_t *to, uint64_t v, uint64_t bits) { *to = (*to & ~bits) | (v & bits); }

static void write_hstatus(RvCpu *cpu, uint64_t v)
{
    uint64_t bits = RV_HSTATUS_WRITE;
    if ((v & RV_H_VGEIN) >> 12 > rv_geilen(cpu))
        bits &= ~RV_H_VGEIN;
    put_bits(&cpu->sys.hstatus, v, bits);
}

/* What user level can also be given. */
uint64_t rv_envcfg_bits(const RvCpu *cpu)
{
    return RV_FIOM | (rv_has(cpu, RV_HAS_ZICBOM) ? RV_CBIE | RV_CBCFE : 0) |
           (rv_has(cpu, RV_HAS_ZICBOZ) ? RV_CBZE : 0);
}

static uint64_t menvcfg_bits(const RvCpu *cpu)
{
    return rv_envcfg_bits(cpu) | (rv_has(cpu, RV_HAS_SSTC) ? RV_STCE : 0) |
           (rv_has(cpu, RV_HAS_SVPBMT) ? RV_PBMTE : 0) | (rv_has(cpu, RV_HAS_SVADU) ? RV_ADUE : 0);
}

/* Of henvcfg these are zero where menvcfg has them so. */
static uint64_t henvcfg_bits(const RvCpu *cpu)
{
    return menvcfg_bits(cpu) & (cpu->sys.menvcfg | ~(RV_STCE | RV_PBMTE | RV_ADUE));
}

static void write_menvcfg(RvCpu *cpu, uint64_t v)
{
    uint64_t was = cpu->sys.menvcfg;
    put_bits(&cpu->sys.menvcfg, v, menvcfg_bits(cpu));
    if ((was ^ cpu->sys.menvcfg) & (RV_PBMTE | RV_ADUE))
        cpu->base.mem->flush(&cpu->base);
}

static uint64_t stateen_bits(const RvCpu *cpu, unsigned reg, bool guests)
{
    uint64_t v = RV_SE;
    if (reg == 0)
        v |= RV_SE_ENVCFG | (rv_has(cpu, RV_HAS_SSAIA) ? RV_SE_CSRIND | RV_SE_AIA : 0) |
             (rv_has(cpu, RV_HAS_SSAIA) && cpu->sys.board.msi_reg ? RV_SE_IMSIC : 0);
    return guests ? v & cpu->sys.mstateen[reg] : v;
}

/* ---- address spaces ---- */

static void write_satp(RvCpu *cpu, uint64_t *to, uint64_t v, unsigned zero_bits)
{
    enum { BARE = 0, SV39 = 8, SV57 = 10 };
    unsigned mode = v >> RV_SATP_MODE_SHIFT;
    if (!rv_machine32(cpu) && mode != BARE && (mode < SV39 || mode > SV57))
        return; /* the whole write is lost */
    *to = v & ~(uint64_t)zero_bits;
}

static void write_hgatp(RvCpu *cpu, uint64_t v)
{
    write_satp(cpu, &cpu->sys.hgatp, v & ~(3ull << 58), 3); /* VMID has 14 bits; the root 16 KiB */
}

/* ---- interrupts ---- */

static uint64_t sie_bits(const RvCpu *cpu) { return cpu->sys.mideleg & ~RV_H_IRQS; }
static uint64_t virtual_bits(const RvCpu *cpu) { return cpu->sys.mvien & ~cpu->sys.mideleg; }
static uint64_t hie_bits(const RvCpu *cpu)
{
    return cpu->sys.mideleg & (rv_geilen(cpu) ? RV_H_IRQS : RV_VS_IRQS);
}

static uint64_t read_mvip(const RvCpu *cpu)
{
    const RvSys *s = &cpu->sys;
    const uint64_t ssi = RV_IRQ_BIT(RV_IRQ_SSI), lcofi = RV_IRQ_BIT(RV_IRQ_LCOFI);
    uint64_t own = (s->mvien & ssi) | lcofi, alias = RV_IRQ_BIT(RV_IRQ_SEI) | (ssi & ~s->mvien);
    if (!(s->menvcfg & RV_STCE))
        alias |= RV_IRQ_BIT(RV_IRQ_STI);
    return (s->mvip & own) | (s->soft & alias);
}

static void write_mvip(RvCpu *cpu, uint64_t v)
{
    RvSys *s = &cpu->sys;
    const uint64_t ssi = RV_IRQ_BIT(RV_IRQ_SSI);
    put_bits(&s->mvip, v, (s->mvien & ssi) | RV_IRQ_BIT(RV_IRQ_LCOFI));
    put_bits(&s->soft, v, RV_IRQ_BIT(RV_IRQ_SEI) | (ssi & ~s->mvien) |
                              (s->menvcfg & RV_STCE ? 0 : RV_IRQ_BIT(RV_IRQ_STI)));
}

static void write_mip(RvCpu *cpu, uint64_t v)
{
    uint64_t bits = RV_S_IRQS;
    if (cpu->sys.mvien & RV_IRQ_BIT(RV_IRQ_SEI))
        bits &= ~RV_IRQ_BIT(RV_IRQ_SEI);
    if (rv_has(cpu, RV_HAS_SSCOFPMF))
        bits |= RV_IRQ_BIT(RV_IRQ_LCOFI);
    if (rv_has(cpu, RV_HAS_H))
        bits |= RV_IRQ_BIT(RV_IRQ_VSSI);
    put_bits(&cpu->sys.soft, v, bits);
}

static void write_sip(RvCpu *cpu, uint64_t v)
{
    const uint64_t can = RV_IRQ_BIT(RV_IRQ_SSI) | RV_IRQ_BIT(RV_IRQ_LCOFI);
    put_bits(&cpu->sys.soft, v, can & sie_bits(cpu));
    uint64_t by_mvip = (can | RV_IRQ_BIT(RV_IRQ_SEI)) & virtual_bits(cpu);
    if (by_mvip)
        write_mvip(cpu, (read_mvip(cpu) & ~by_mvip) | (v & by_mvip));
}

static void write_sie(RvCpu *cpu, uint64_t v)
{
    put_bits(&cpu->sys.mie, v, sie_bits(cpu));
    put_bits(&cpu->sys.sie_virtual, v, virtual_bits(cpu));
}

/* A guest's bits stand one to the left of where it sees them. */
static uint64_t guest_irqs(const RvCpu *cpu) { return cpu->sys.hideleg & RV_VS_IRQS; }

uint64_t rv_csr_base(const RvCpu *cpu, int id, uint64_t old)
{
    switch (id) {
    case PCSR_mip: return cpu->sys.soft;
    case PCSR_hip: return cpu->sys.soft & RV_VS_IRQS;
    default: return old;
    }
}

/* ---- tables of functions: reading ---- */

static uint64_t read_machine(const RvCpu *cpu, RvCsrId id)
{
    const RvSys *s = &cpu->sys;
    switch (id) {
    case PCSR_mhartid: return s->board.number;
    case PCSR_mstatus: return with_sd(cpu, s->mstatus);
    case PCSR_misa:
        return (rv_machine32(cpu) ? 1ull << 30 : 2ull << 62) | 0x14112d |
               (rv_has(cpu, RV_HAS_H) ? 1u << 7 : 0);
    case PCSR_mip: return rv_mip(cpu);
    case PCSR_mvien: return s->mvien;
    case PCSR_mvip: return read_mvip(cpu);
    case PCSR_menvcfg: return s->menvcfg;
    case PCSR_mseccfg: return s->mseccfg;
    case PCSR_mcountinhibit: return s->mcountinhibit;
    case PCSR_mcycle: return counter_value(&s->cycle);
    case PCSR_minstret: return counter_value(&s->instret);
    case PCSR_mtopi: return rv_topi(cpu, RV_M);
    default: return s->mstateen[(id - PCSR_mstateen0) & 3];
    }
}

static uint64_t read_supervisor(const RvCpu *cpu, RvCsrId id)
{
    const RvSys *s = &cpu->sys;
    unsigned reg = (id - PCSR_sstateen0) & 3;
    switch (id) {
    case PCSR_cycle: return counter_value(&s->cycle);
    case PCSR_time: return rv_time(cpu, s->virt);
    case PCSR_instret: return counter_value(&s->instret);
    case PCSR_sstatus:
        return with_sd(cpu, s->mstatus) & (RV_SSTATUS_READ | (rv_machine32(cpu) ? 1ull << 31 : 0));
    case PCSR_sie: return (s->mie & sie_bits(cpu)) | (s->sie_virtual & virtual_bits(cpu));
    case PCSR_sip: return (rv_mip(cpu) & sie_bits(cpu)) | (read_mvip(cpu) & virtual_bits(cpu));
    case PCSR_stimecmp: return s->stimecmp;
    case PCSR_satp: return s->satp;
    case PCSR_scountovf: return read_scountovf(cpu);
    case PCSR_stopi: return rv_topi(cpu, RV_S);
    default: return s->sstateen[reg] & s->mstateen[reg];
    }
}

static uint64_t read_hypervisor(const RvCpu *cpu, RvCsrId id)
{
    const RvSys *s = &cpu->sys;
    unsigned reg = (id - PCSR_hstateen0) & 3;
    switch (id) {
    case PCSR_hstatus: return s->hstatus;
    case PCSR_hie: return s->mie & hie_bits(cpu);
    case PCSR_hip: return rv_mip(cpu) & hie_bits(cpu);
    case PCSR_hvip: return s->soft & RV_VS_IRQS;
    case PCSR_hgeie: return s->hgeie;
    case PCSR_hgeip: return __atomic_load_n(&s->hgeip, __ATOMIC_ACQUIRE);
    case PCSR_henvcfg: return s->henvcfg & henvcfg_bits(cpu);
    case PCSR_htimedelta: return s->htimedelta;
    case PCSR_hgatp: return s->hgatp;
    case PCSR_vsstatus: return with_sd(cpu, s->vsstatus);
    case PCSR_vsie: return (s->mie & guest_irqs(cpu)) >> 1;
    case PCSR_vsip: return (rv_mip(cpu) & guest_irqs(cpu)) >> 1;
    case PCSR_vstimecmp: return s->vstimecmp;
    case PCSR_vsatp: return s->vsatp;
    case PCSR_vstopi: return rv_topi(cpu, RV_U);
    default: return s->hstateen[reg] & stateen_bits(cpu, reg, true);
    }
}

/* The rows stand in this order. */
static bool of_machine(RvCsrId id) { return id >= PCSR_mvendorid; }
static bool of_hypervisor(RvCsrId id) { return id >= PCSR_hstatus; }
_Static_assert(PCSR_stopi + 1 == PCSR_hstatus && PCSR_vstopi + 1 == PCSR_mvendorid, "order of rows");

uint64_t rv_csr_read_fn(const RvCpu *cpu, RvCsrId id)
{
    return of_machine(id)      ? read_machine(cpu, id)
           : of_hypervisor(id) ? read_hypervisor(cpu, id)
                               : read_supervisor(cpu, id);
}

/* ---- writing ---- */

static void write_machine(RvCpu *cpu, RvCsrId id, uint64_t v)
{
    RvSys *s = &cpu->sys;
    unsigned reg = (id - PCSR_mstateen0) & 3;
    const uint64_t can = RV_IRQ_BIT(RV_IRQ_SSI) | RV_IRQ_BIT(RV_IRQ_SEI) | RV_IRQ_BIT(RV_IRQ_LCOFI);
    switch (id) {
    case PCSR_mstatus: write_mstatus(cpu, v); break;
    case PCSR_misa: break; /* nothing can be switched off */
    case PCSR_mip: write_mip(cpu, v); break;
    case PCSR_mvien: s->mvien = v & can; break;
    case PCSR_mvip: write_mvip(cpu, v); break;
    case PCSR_menvcfg: write_menvcfg(cpu, v); break;
    case PCSR_mseccfg: rv_mseccfg_write(cpu, v); break;
    case PCSR_mcountinhibit: write_countinhibit(cpu, v); break;
    case PCSR_mcycle: counter_set(&s->cycle, v); break;
    case PCSR_minstret: counter_set(&s->instret, v); break;
    default: s->mstateen[reg] = v & stateen_bits(cpu, reg, false); break;
    }
}

static void write_supervisor(RvCpu *cpu, RvCsrId id, uint64_t v)
{
    RvSys *s = &cpu->sys;
    switch (id) {
    case PCSR_sstatus: put_bits(&s->mstatus, v, RV_SSTATUS_WRITE); break;
    case PCSR_sie: write_sie(cpu, v); break;
    case PCSR_sip: write_sip(cpu, v); break;
    case PCSR_satp: write_satp(cpu, &s->satp, v, 0); break;
    case PCSR_stimecmp:
        s->stimecmp = v;
        set_alarm(cpu, 0, v);
        break;
    default: break; /* sstateen: no bits */
    }
}

static void write_hypervisor(RvCpu *cpu, RvCsrId id, uint64_t v)
{
    RvSys *s = &cpu->sys;
    unsigned reg = (id - PCSR_hstateen0) & 3;
    switch (id) {
    case PCSR_hstatus: write_hstatus(cpu, v); break;
    case PCSR_hie: put_bits(&s->mie, v, hie_bits(cpu)); break;
    case PCSR_hip: put_bits(&s->soft, v, RV_IRQ_BIT(RV_IRQ_VSSI)); break;
    case PCSR_hvip: put_bits(&s->soft, v, RV_VS_IRQS); break;
    case PCSR_hgeie: s->hgeie = v & ((2ull << rv_geilen(cpu)) - 2); break;
    case PCSR_henvcfg:
        put_bits(&s->henvcfg, v, henvcfg_bits(cpu));
        cpu->base.mem->flush_space(&cpu->base, RV_KEY_GUEST, RV_KEY_GUEST, false, 0);
        break;
    case PCSR_htimedelta: s->htimedelta = v; rv_set_guest_alarm(cpu); break;
    case PCSR_hgatp: write_hgatp(cpu, v); break;
    case PCSR_vsstatus: put_bits(&s->vsstatus, v, RV_SSTATUS_WRITE); break;
    case PCSR_vsie: put_bits(&s->mie, v << 1, guest_irqs(cpu)); break;
    case PCSR_vsip: put_bits(&s->soft, v << 1, guest_irqs(cpu) & RV_IRQ_BIT(RV_IRQ_VSSI)); break;
    case PCSR_vstimecmp: s->vstimecmp = v; rv_set_guest_alarm(cpu); break;
    case PCSR_vsatp: write_satp(cpu, &s->vsatp, v, 0); break;
    default:
        if (id >= PCSR_hstateen0 && id <= PCSR_hstateen3)
            put_bits(&s->hstateen[reg], v, stateen_bits(cpu, reg, true));
        break;
    }
}

void rv_csr_write_fn(RvCpu *cpu, RvCsrId id, uint64_t v)
{
    if (of_machine(id))
        write_machine(cpu, id, v);
    else if (of_hypervisor(id))
        write_hypervisor(cpu, id, v);
    else
        write_supervisor(cpu, id, v);
    rv_select(cpu);
}
