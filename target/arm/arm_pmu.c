/* Performance monitor (Arm ARM, D13; PMUv3): the cycle counter, which is the generic timer's count times 16
 * (1 GHz), with its overflow and interrupt. There are no event counters (PMCR_EL0.N = 0); PMCCFILTR_EL0 is
 * kept and filters nothing. */
#include "target/arm/arm_sys.h"

enum { PMCR_E = 1, PMCR_C = 4, PMCR_LC = 1 << 6, PMCR_KEPT = 0x79, CYCLES_A_TICK = 16 };
#define CYCLES (1ull << 31) /* the cycle counter's bit */

static bool counts(const ArmSys *s)
{
    return (s->pmcr & PMCR_E) && (s->pmcnten & CYCLES);
}

/* Cycles until it overflows; 0: a whole round. */
static uint64_t remaining(const ArmSys *s)
{
    return s->pmcr & PMCR_LC ? -s->cycles : (1ull << 32) - (uint32_t)s->cycles;
}

/* What has been counted since the last time. */
static void catch_up(ArmMachine *m)
{
    ArmSys *s = &m->sys;
    uint64_t now = arm_count(m), passed = (now - s->cycles_at) * CYCLES_A_TICK;
    s->cycles_at = now;
    if (!counts(s))
        return;
    if (remaining(s) && passed >= remaining(s))
        s->pmovs |= CYCLES;
    s->cycles += passed;
}

/* The board raises the line from then on. */
static void set_alarm(ArmMachine *m)
{
    const ArmSys *s = &m->sys;
    const CpuBoard *b = &s->board;
    uint64_t when = UINT64_MAX;
    if ((s->pminten & CYCLES) && (s->pmcr & PMCR_E)) {
        if (s->pmovs & CYCLES)
            when = s->cycles_at;
        else if (counts(s) && remaining(s))
            when = s->cycles_at + (remaining(s) + CYCLES_A_TICK - 1) / CYCLES_A_TICK;
    }
    b->alarm(b->opaque, b->number * ARM_TIMERS + ARM_TIMER_PMU, when);
}

uint64_t arm_pmu_read(ArmMachine *m, ArmPmuReg reg)
{
    enum { CPU_CYCLES = 0x11 };
    ArmSys *s = &m->sys;
    catch_up(m);
    switch (reg) {
    case ARM_PMU_CR: return s->pmcr;
    case ARM_PMU_CNTENSET:
    case ARM_PMU_CNTENCLR: return s->pmcnten;
    case ARM_PMU_OVSSET:
    case ARM_PMU_OVSCLR: return s->pmovs;
    case ARM_PMU_INTENSET:
    case ARM_PMU_INTENCLR: return s->pminten;
    case ARM_PMU_CEID0: return 1u << CPU_CYCLES;
    case ARM_PMU_CCNTR: return s->cycles;
    case ARM_PMU_SELR: return s->pmselr;
    case ARM_PMU_XEVTYPER: return s->pmselr == 31 ? s->pmccfiltr : 0;
    case ARM_PMU_CCFILTR: return s->pmccfiltr;
    default: return 0;
    }
}

void arm_pmu_write(ArmMachine *m, ArmPmuReg reg, uint64_t v)
{
    ArmSys *s = &m->sys;
    const uint64_t filter = 0xfc000000;
    catch_up(m);
    switch (reg) {
    case ARM_PMU_CR:
        s->pmcr = v & PMCR_KEPT;
        s->cycles = v & PMCR_C ? 0 : s->cycles;
        break;
    case ARM_PMU_CNTENSET: s->pmcnten |= v & CYCLES; break;
    case ARM_PMU_CNTENCLR: s->pmcnten &= ~v; break;
    case ARM_PMU_OVSSET: s->pmovs |= v & CYCLES; break;
    case ARM_PMU_OVSCLR: s->pmovs &= ~v; break;
    case ARM_PMU_INTENSET: s->pminten |= v & CYCLES; break;
    case ARM_PMU_INTENCLR: s->pminten &= ~v; break;
    case ARM_PMU_CCNTR: s->cycles = v; break;
    case ARM_PMU_SELR: s->pmselr = v & 31; break;
    case ARM_PMU_XEVTYPER: s->pmccfiltr = s->pmselr == 31 ? v & filter : s->pmccfiltr; break;
    case ARM_PMU_CCFILTR: s->pmccfiltr = v & filter; break;
    default: break;
    }
    set_alarm(m);
}

/* PMUSERENR_EL0: EN all, SW, CR the cycle counter's reads, ER the events'. */
bool arm_pmu_traps_at_el0(const ArmMachine *m, ArmPmuReg reg, bool write)
{
    enum { EN = 1, SW = 2, CR = 4, ER = 8 };
    uint64_t may = m->sys.pmuserenr;
    bool selects = reg == ARM_PMU_SELR || (reg == ARM_PMU_XEVCNTR && !write);
    return !(may & EN) && !(reg == ARM_PMU_CCNTR && !write && (may & CR)) &&
           !(reg == ARM_PMU_SWINC && (may & SW)) && !(selects && (may & ER));
}
