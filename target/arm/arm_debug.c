/* Self-hosted debug (Arm ARM, D2): software step, breakpoints on addresses and, the last one, on contexts, to
 * which the others and watchpoints can be linked. While one of them may come to something, each instruction
 * begins with a look (the helper `debug`; a context of its own). Watchpoints: pages that have one go the slow
 * way of accesses, which asks (TargetSys.watch); a store exclusive counts as a load, too. A 32-bit core (G2)
 * has the same registers and no step, but breakpoints on all addresses but one, and vector catch. */
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
    bool any = (s->mdscr & MDSCR_SS) || s->a32_word[A32_WORD_DBGVCR];
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

/* The same of a 32-bit core. */
static uint64_t raise_a32(ArmMachine *m, A32DebugEvent event)
{
    a32_take_debug(m, event);
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

/* DBGBCR.BT: what a breakpoint compares; odd ones are linked. */
enum {
    BT_ADDRESS = 0,
    BT_LINKED = 1,
    BT_CONTEXT = 2,
    BT_OTHER_ADDRESS = 4,
    BT_CONTEXT_EL1 = 6,
    BT_VMID = 8,
    BT_VMID_CONTEXT = 10,
    BT_CONTEXT_EL2 = 12,
    BT_CONTEXTS = 14
};

static unsigned type_of(const ArmSys *s, unsigned n)
{
    return s->bcr[n] >> 20 & 15;
}

static bool vmid_matches(const ArmSys *s, unsigned n)
{
    enum { VS = 1 << 19, SHIFT_16 = 48, BVR_SHIFT = 32 };
    const uint64_t mask = s->vtcr & VS ? 0xffff : 0xff;
    return ((s->vttbr >> SHIFT_16 ^ s->bvr[n] >> BVR_SHIFT) & mask) == 0;
}

/* Is it the context that breakpoint n names? EL2 has one of its own where it is a host (VHE). */
static bool context_matches(const ArmMachine *m, unsigned n)
{
    const ArmSys *s = &m->sys;
    const bool host = arm_host_el0(m) || (s->el == 2 && (s->hcr & ARM_HCR_E2H));
    const bool guest = s->el < 2 && !host, has_el2 = s->el_max == 2;
    const bool vhe = has_el2 && arm_model_has(m->arm.model, ARM_FEAT_PAN); /* 8.1 */
    const bool el1 = guest && (uint32_t)s->bvr[n] == (uint32_t)s->contextidr[1];
    const bool el2 = vhe && s->bvr[n] >> 32 == (uint32_t)s->contextidr[2];
    switch (type_of(s, n) & ~(unsigned)BT_LINKED) {
    case BT_CONTEXT: return host ? (uint32_t)s->bvr[n] == (uint32_t)s->contextidr[2] : el1;
    case BT_CONTEXT_EL1: return vhe && el1;
    case BT_VMID: return has_el2 && guest && vmid_matches(s, n);
    case BT_VMID_CONTEXT: return has_el2 && el1 && vmid_matches(s, n);
    case BT_CONTEXT_EL2: return el2;
    case BT_CONTEXTS: return el1 && el2;
    default: return false;
    }
}

static bool compares_contexts(unsigned n)
{
    return n == ARM_BREAKPOINTS - 1; /* ID_AA64DFR0_EL1.CTX_CMPs, DBGDIDR.CTX_CMPs */
}

/* What a break- or watchpoint is linked to. */
static bool link_matches(const ArmMachine *m, unsigned n)
{
    return compares_contexts(n) && (m->sys.bcr[n] & 1) && (type_of(&m->sys, n) & BT_LINKED) &&
           context_matches(m, n);
}

/* Does breakpoint n say so? */
static bool matches(const ArmMachine *m, unsigned n)
{
    const ArmSys *s = &m->sys;
    const uint64_t c = s->bcr[n];
    const unsigned type = type_of(s, n), kind = type & ~(unsigned)BT_LINKED;
    const bool linked = type & BT_LINKED;
    if (!(c & 1) || !about_mode(m, c))
        return false;
    if (kind != BT_ADDRESS && !(kind == BT_OTHER_ADDRESS && s->a32))
        return !linked && compares_contexts(n) && context_matches(m, n);
    bool same = ((m->arm.base.pc ^ s->bvr[n]) & ((1ull << 53) - 4)) == 0 && is_half(m, c);
    return same == (kind == BT_ADDRESS) && (!linked || link_matches(m, c >> 16 & 15));
}

/* Does DBGVCR name the vector at pc? Where those of aborts would catch their own exception they are left out.
 */
static bool catches(const ArmMachine *m)
{
    enum { VECTORS = 0xde, ABORTS = 0x18 };
    const uint32_t vcr = m->sys.a32_word[A32_WORD_DBGVCR] & (m->sys.el ? VECTORS & ~ABORTS : VECTORS);
    const uint32_t at = ((uint32_t)m->arm.base.pc & ~1u) - a32_vectors(m);
    return at < 32 && at % 4 == 0 && (vcr >> at / 4 & 1);
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
    for (unsigned n = 0; (s->mdscr & MDSCR_MDE) && n < ARM_BREAKPOINTS; n++)
        if (matches(m, n))
            return s->a32 ? raise_a32(m, A32_EVENT_BREAKPOINT) : raise(m, ARM_EC_BREAK_LOWER, ARM_FSC_DEBUG);
    if (s->a32 && (s->mdscr & MDSCR_MDE) && catches(m))
        return raise_a32(m, A32_EVENT_VECTOR);
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
    enum { WCR_LINKED = 1 << 20 };
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
            !names(s, n, first, last, &at) ||
            ((s->wcr[n] & WCR_LINKED) && !link_matches(m, s->wcr[n] >> 16 & 15)))
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
