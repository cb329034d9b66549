/* The harts' side of the Advanced Interrupt Architecture 1.0 (chapters "Control and Status Registers",
 * "Interrupts for Machine and Supervisor Levels", "Interrupts for Virtual Machines"). The iprio arrays
 * are zero: priorities are the default ones but for those of hvictl and hviprio1. Interrupt files are a
 * device's (CpuBoard.msi_reg). */
#include "target/riscv/rv_csr.h"

enum { MIREG = 0x351, MTOPEI = 0x35c, SIREG = 0x151, STOPEI = 0x15c, VSIREG = 0x251, VSTOPEI = 0x25c };
/* hw/intc/riscv_imsic.h: files, and registers by *iselect's numbers, 0 for *topei. */
enum { FILE_M, FILE_S, FILE_GUEST /* 1 */, MAX_GUESTS = 63 };
enum { TOPEI = 0, IPRIO_FIRST = 0x30, IPRIO_LAST = 0x3f, FILE_FIRST = 0x70, FILE_LAST = 0xff };
enum { EXTERNAL_UNKNOWN = 256, LAST = 512 };

static bool file_reg(const RvCpu *cpu, unsigned file, unsigned reg, bool write, uint64_t mask, uint64_t v,
                     uint64_t *ret_old)
{
    const CpuBoard *b = &cpu->sys.board;
    return b->msi_reg && b->msi_reg(b->opaque, b->number, file, reg, write, mask, v, ret_old);
}

void rv_aia_reset(RvCpu *cpu)
{
    unsigned n = 0;
    uint64_t v;
    while (rv_has(cpu, RV_HAS_H) && n < MAX_GUESTS && file_reg(cpu, FILE_GUEST + n, TOPEI, false, 0, 0, &v))
        n++;
    cpu->sys.geilen = n;
}

/* ---- *ireg, *topei ---- */

bool rv_aia_indirect(unsigned number)
{
    return number == MIREG || number == MTOPEI || number == SIREG || number == STOPEI || number == VSIREG ||
           number == VSTOPEI;
}

/* The file and register that a CSR now stands for; an array of priorities: *ret_reg says which. */
static bool place(const RvCpu *cpu, unsigned number, unsigned *ret_file, unsigned *ret_reg)
{
    const RvSys *s = &cpu->sys;
    unsigned level = number & 0x300;
    bool top = number == MTOPEI || number == STOPEI || number == VSTOPEI;
    uint64_t select = level == 0x300 ? s->miselect : level == 0x100 ? s->siselect : s->vsiselect, v;
    *ret_file = level == 0x300 ? FILE_M : level == 0x100 ? FILE_S : FILE_GUEST + rv_vgein(cpu) - 1;
    *ret_reg = top ? TOPEI : (unsigned)select;
    if (level == 0x200 && rv_vgein(cpu) == 0)
        return false;
    if (!top && select >= IPRIO_FIRST && select <= IPRIO_LAST)
        return level != 0x200 && !(select & 1);
    if (!top && (select < FILE_FIRST || select > FILE_LAST))
        return false;
    if (level == 0x100 && s->priv != RV_M && (s->mvien & RV_IRQ_BIT(RV_IRQ_SEI)))
        return false;
    return file_reg(cpu, *ret_file, *ret_reg, false, 0, 0, &v);
}

/* number: what a guest reaches. qualified: see rv_csr_legal(). In a guest no access that fails is illegal,
 * while HS has these CSRs. */
bool rv_aia_reaches(const RvCpu *cpu, unsigned number, bool qualified)
{
    unsigned file, reg;
    if (!rv_has(cpu, (number & 0x300) == 0x300 ? RV_HAS_SMAIA : RV_HAS_SSAIA) ||
        ((number & 0x300) == 0x200 && !rv_has(cpu, RV_HAS_H)))
        return false;
    return qualified || place(cpu, number, &file, &reg);
}

bool rv_aia_access(RvCpu *cpu, unsigned number, bool write, uint64_t mask, uint64_t v, uint64_t *ret_old)
{
    unsigned file, reg;
    *ret_old = 0;
    if (!place(cpu, number, &file, &reg))
        return false;
    if (reg >= IPRIO_FIRST && reg <= IPRIO_LAST)
        return true;
    return file_reg(cpu, file, reg, write, mask, v, ret_old);
}

/* ---- *topi ---- */

/* A candidate for vstopi: its priority number, and whether it comes before an external interrupt by default.
 */
typedef struct Candidate {
    unsigned id, priority;
    bool before;
} Candidate;

static unsigned rank(const Candidate *c)
{
    return c->priority ? c->priority : c->before ? 0 : LAST;
}

static bool external(const RvCpu *cpu, uint64_t vs, Candidate *ret)
{
    const RvSys *s = &cpu->sys;
    uint64_t top = 0;
    unsigned gein = rv_vgein(cpu), iid = s->hvictl >> 16 & 0xfff, prio = s->hvictl & 255;
    *ret = (Candidate){.id = RV_IRQ_SEI, .priority = EXTERNAL_UNKNOWN};
    if (!(vs & RV_IRQ_BIT(RV_IRQ_SEI)))
        return false;
    if (gein && file_reg(cpu, FILE_GUEST + gein - 1, TOPEI, false, 0, 0, &top) && top)
        ret->priority = top & 0x7ff;
    else if (!gein && iid == RV_IRQ_SEI && prio)
        ret->priority = prio;
    return true;
}

static bool major(const RvCpu *cpu, uint64_t vs, Candidate *ret)
{
    enum { SSI_BYTE = 8, STI_BYTE = 24 };
    const RvSys *s = &cpu->sys;
    unsigned iid = s->hvictl >> 16 & 0xfff;
    bool ssi = vs & RV_IRQ_BIT(RV_IRQ_SSI), sti = vs & RV_IRQ_BIT(RV_IRQ_STI);
    Candidate a = {.id = RV_IRQ_SSI, .priority = s->hviprio1 >> SSI_BYTE & 255},
              b = {.id = RV_IRQ_STI, .priority = s->hviprio1 >> STI_BYTE & 255};
    if (s->hvictl & RV_VTI) {
        *ret = (Candidate){iid, s->hvictl & 255, !(s->hvictl >> 9 & 1)};
        return iid != RV_IRQ_SEI;
    }
    *ret = ssi && (!sti || rank(&a) <= rank(&b)) ? a : b;
    return ssi || sti;
}

static uint64_t guest_topi(const RvCpu *cpu, uint64_t vs)
{
    enum { IPRIOM = 1 << 8 };
    Candidate e, m, *best;
    bool has_e = external(cpu, vs, &e), has_m = major(cpu, vs, &m);
    if (!has_e && !has_m)
        return 0;
    if (has_e && has_m)
        best = rank(&m) < rank(&e) || (rank(&m) == rank(&e) && m.before) ? &m : &e;
    else
        best = has_e ? &e : &m;
    unsigned number = rank(best) > 255 ? 255 : rank(best);
    return (uint64_t)best->id << 16 | (cpu->sys.hvictl & IPRIOM ? number : 1);
}

uint64_t rv_topi(const RvCpu *cpu, unsigned level)
{
    RvPending p = rv_pending(cpu);
    uint64_t set = level == RV_M ? p.m : p.s;
    if (level == RV_U)
        return guest_topi(cpu, p.vs);
    return set ? (uint64_t)rv_first_irq(set) << 16 | 1 : 0;
}
