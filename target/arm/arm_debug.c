/* Self-hosted debug (Arm ARM, D2): software step, and breakpoints on addresses. While one of them may come to
 * something, each instruction begins with a look (the helper `debug`; a context of its own). Not built:
 * watchpoints, breakpoints on contexts, the mismatch kind, linked ones. */
#include "target/arm/a64_trans_priv.h"

enum { MDSCR_SS = 1, MDSCR_KDE = 1 << 13, MDSCR_MDE = 1 << 15, OSLK = 2, MDCR_TDE = 1 << 8 };
enum { FSC_DEBUG = 0x22, ESR_ISV = 1 << 24, ESR_EX = 1 << 6 };

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
    if (s->oslsr & OSLK)
        return false;
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
    arm_take_sync(m, class << 26 | iss, el2);
    m->arm.base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
    return 1;
}

/* The instruction at step_pc: was it a load exclusive? */
static bool was_exclusive(ArmMachine *m)
{
    uint32_t bits = 0;
    Cpu *cpu = &m->arm.base;
    return cpu->mem->fetch(cpu, m->sys.step_pc, &bits, 4) && (bits & 0x3fc00000) == 0x08400000;
}

/* Does breakpoint n say so? PMC and HMC: which levels; BT 0: an address, of an A64 instruction. */
static bool matches(const ArmMachine *m, unsigned n)
{
    const ArmSys *s = &m->sys;
    uint64_t c = s->bcr[n];
    unsigned pmc = c >> 1 & 3, hmc = c >> 13 & 1;
    bool level = s->el == 2 ? hmc : s->el == 1 ? pmc & 1 : pmc & 2;
    enum { BT_SHIFT = 20 };
    if (!(c & 1) || (c >> BT_SHIFT & 15) || !level)
        return false;
    return ((m->arm.base.pc ^ s->bvr[n]) & ((1ull << 53) - 4)) == 0;
}

uint64_t arm_helper_debug(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmMachine *m = opaque;
    ArmSys *s = &m->sys;
    if (s->mdscr & MDSCR_SS) {
        if (s->stepping || !s->step_armed) {
            uint32_t iss = s->stepping ? ESR_ISV | (was_exclusive(m) ? ESR_EX : 0) : 0;
            s->stepping = s->step_armed = 0;
            return raise(m, ARM_EC_STEP_LOWER, iss | FSC_DEBUG);
        }
    }
    if (s->mdscr & MDSCR_MDE)
        for (unsigned n = 0; n < ARM_BREAKPOINTS; n++)
            if (matches(m, n))
                return raise(m, ARM_EC_BREAK_LOWER, FSC_DEBUG);
    if (s->mdscr & MDSCR_SS) {
        s->stepping = 1;
        s->step_pc = m->arm.base.pc;
    }
    return 0;
}
