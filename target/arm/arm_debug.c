/* Self-hosted debug (Arm ARM, D2): software step, and breakpoints on addresses. While one of them may come to
 * something, each instruction begins with a look (the helper `debug`; a context of its own). Watchpoints:
 * pages that have one go the slow way of accesses, which asks (TargetSys.watch); a store exclusive counts as
 * a load, too. A 32-bit core (G2) has the same registers and no step, but breakpoints on all addresses but
 * one. Not built: breakpoints on contexts, linked ones. */
#include "target/arm/a32_priv.h"
#include "target/arm/a64_trans_priv.h"

enum { MDSCR_SS = 1, MDSCR_KDE = 1 << 13, MDSCR_MDE = 1 << 15, OSLK = 2, DLK = 1, MDCR_TDE = 1 << 8 };
enum { ESR_ISV = 1 << 24, ESR_EX = 1 << 6, ESR_WNR = 1 << 6 };

/* Who takes debug exceptions of this level. */
static unsigned debug_level(const ArmMachine *m)
{
    const ArmSys *s = &m->sys;
    return s->el_max == 2 && ((s->mdcr & MDCR_TDE) || (s->hcr & ARM_HCR_TGE)) ? 2 : 1;
}

static bool enabled_at(const ArmMachine *m, unsigned el, uint32_t daif)
{
    const ArmSys *s = &m->sys;
    unsigned to = debug_level(m);
    if ((s->oslsr & OSLK) || (s->osdlr & DLK))
        return false;
    if (s->a32) /* privileged modes do not mask them */
        return true;
    return el < to || (el == to && (s->mdscr & MDSCR_KDE) && !(daif & ARM_PSTATE_D));
}

bool arm_steps(const ArmMachine *m)
{
    return (m->sys.mdscr & MDSCR_SS) && enabled_at(m, m->sys.el, m->sys.daif);
}

bool arm_debug_looks(const ArmMachine *m)
{
    const ArmSys *s = &m->sys;
    if (!(s->mdscr & (MDSCR_SS | MDSCR_MDE)) || !enabled_at(m, s->el, s->daif))
        return false;
    bool any = s->mdscr & MDSCR_SS;
    for (unsigned n = 0; n < ARM_BREAKPOINTS; n++)
        any |= (s->mdscr & MDSCR_MDE) && (s->bcr[n] & 1);
    return any;
}

/* What an exception keeps of PSTATE.SS: set if it is the stepped instruction's own, which comes again. */
uint32_t arm_step_at_exception(ArmMachine *m)
{
    ArmSys *s = &m->sys;
    bool again = s->stepping ? m->arm.base.pc == s->step_pc : s->step_armed;
    s->stepping = s->step_armed = 0;
    return again ? ARM_PSTATE_SS : 0;
}

static uint64_t raise(ArmMachine *m, unsigned class, uint32_t iss)
{
    bool el2 = debug_level(m) == 2;
    class += m->sys.el == (el2 ? 2u : 1u);
    if (m->sys.a32)
        a32_take_breakpoint(m);
    else
        arm_take_sync(m, class << 26 | iss, el2);
    m->arm.base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
    return 1;
}

/* The instruction at step_pc: was it a load exclusive? */
static bool was_exclusive(ArmMachine *m)
{
    uint32_t bits = 0;
    Cpu *cpu = &m->arm.base;
    return !m->sys.nrw && cpu->mem->fetch(cpu, m->sys.step_pc, &bits, 4) && (bits & 0x3fc00000) == 0x08400000;
}

/* The fields PMC or PAC, and HMC, of a control register: is it about this level? */
static bool about_level(uint64_t c, unsigned el)
{
    unsigned pmc = c >> 1 & 3, hmc = c >> 13 & 1;
    return el == 2 ? hmc : el == 1 ? pmc & 1 : pmc & 2;
}

/* T32 instructions: which half of the word. */
static bool is_half(const ArmMachine *m, uint64_t bcr)
{
    enum { BAS_SHIFT = 5 };
    unsigned bas = bcr >> BAS_SHIFT & 15, at = m->arm.base.pc & 2;
    return !(m->sys.nrw || m->sys.a32) || (bas >> at & 3) == 3;
}

/* AArch32 has a fourth choice: User, Supervisor and System mode. */
static bool about_mode(const ArmMachine *m, uint64_t c)
{
    enum { PMC_HMC = 3 << 1 | 1 << 13 };
    const unsigned mode = m->sys.mode;
    if (m->sys.a32 && !(c & PMC_HMC))
        return mode == A32_MODE_USR || mode == A32_MODE_SVC || mode == A32_MODE_SYS;
    return about_level(c, m->sys.el);
}

/* Does breakpoint n say so? */
static bool matches(const ArmMachine *m, unsigned n)
{
    const ArmSys *s = &m->sys;
    enum { ADDRESS = 0, OTHER_ADDRESS = 4 };
    uint64_t c = s->bcr[n];
    unsigned kind = c >> 20 & 15;
    if (!(c & 1) || !(kind == ADDRESS || (kind == OTHER_ADDRESS && s->a32)) || !about_mode(m, c))
        return false;
    bool same = ((m->arm.base.pc ^ s->bvr[n]) & ((1ull << 53) - 4)) == 0 && is_half(m, c);
    return same == (kind == ADDRESS);
}

uint64_t arm_debug_look(ArmMachine *m)
{
    ArmSys *s = &m->sys;
    if (s->mdscr & MDSCR_SS) {
        if (s->stepping || !s->step_armed) {
            uint32_t iss = s->stepping ? ESR_ISV | (was_exclusive(m) ? ESR_EX : 0) : 0;
            s->stepping = s->step_armed = 0;
            return raise(m, ARM_EC_STEP_LOWER, iss | ARM_FSC_DEBUG);
        }
    }
    if (s->mdscr & MDSCR_MDE)
        for (unsigned n = 0; n < ARM_BREAKPOINTS; n++)
            if (matches(m, n))
                return raise(m, ARM_EC_BREAK_LOWER, ARM_FSC_DEBUG);
    if (s->mdscr & MDSCR_SS) {
        s->stepping = 1;
        s->step_pc = m->arm.base.pc;
    }
    return 0;
}

uint64_t arm_helper_debug(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return arm_debug_look(opaque);
}

/* ---- watchpoints ---- */

/* Without a tag. */
static uint64_t untagged(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 8) >> 8);
}

/* Does watchpoint n name one of the bytes from `first` to `last`? *ret_at: the first of them. */
static bool names(const ArmSys *s, unsigned n, uint64_t first, uint64_t last, uint64_t *ret_at)
{
    uint64_t c = s->wcr[n], at = untagged(s->wvr[n] & ~3ull), end;
    unsigned mask = c >> 24 & 31, bytes = c >> 5 & (at & 4 ? 15 : 255);
    if (!(c & 1) || (mask < 3 && !bytes))
        return false;
    if (mask >= 3) {
        at &= ~((1ull << mask) - 1);
        end = at + ((1ull << mask) - 1);
    } else {
        end = at + (31 - (unsigned)__builtin_clz(bytes));
        at += (unsigned)__builtin_ctz(bytes);
    }
    *ret_at = at > first ? at : first;
    return at <= last && end >= first;
}

bool arm_watches(const Cpu *cpu, Gva page)
{
    const ArmSys *s = &((const ArmMachine *)cpu)->sys;
    uint64_t first = untagged(page), at;
    for (unsigned n = 0; n < ARM_WATCHPOINTS; n++)
        if (names(s, n, first, first + 4095, &at))
            return true;
    return false;
}

bool arm_watch(Cpu *cpu, const IrAccess *a)
{
    ArmMachine *m = (ArmMachine *)cpu;
    const ArmSys *s = &m->sys;
    const IrMem mem = {.raw = a->mem};
    uint64_t first = untagged(a->addr), last = first + (1u << mem.size) - 1, at;
    unsigned how = (a->op != IR_ST ? 1u : 0) | (a->op != IR_LD ? 2u : 0); /* as LSC */
    if (LIKELY(!(s->mdscr & MDSCR_MDE)) || !enabled_at(m, s->el, s->daif))
        return false;
    for (unsigned n = 0; n < ARM_WATCHPOINTS; n++) {
        unsigned both = s->wcr[n] >> 3 & how;
        if (!both || !about_level(s->wcr[n], mem.mmuidx == ARM_IDX_U ? 0 : s->el) ||
            !names(s, n, first, last, &at))
            continue;
        cpu->exit =
            (CpuExit){.kind = CPU_EXIT_FAULT, .code = ARM_FSC_DEBUG, .addr = at, .write = !(both & 1)};
        return true;
    }
    return false;
}

void arm_watch_changed(ArmMachine *m, uint64_t was, uint64_t now)
{
    if ((was | now) & 1)
        m->arm.base.mem->flush(&m->arm.base);
}

void arm_take_watch(ArmMachine *m, const CpuExit *x, uint32_t iss)
{
    unsigned to = debug_level(m);
    raise(m, ARM_EC_WATCH_LOWER, ARM_FSC_DEBUG | (x->write ? ESR_WNR : 0) | iss);
    m->sys.far[to] = x->addr;
}
