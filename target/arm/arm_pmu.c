/* Performance monitor (Arm ARM, D13; PMUv3 of Armv8.0): the cycle counter, which is the generic timer's count
 * times 16 (1 GHz), and event counters for what is known without counting instructions: cycles, writes of
 * PMSWINC_EL0, overflows of the counter before (CHAIN). Filters by level hold for all. */
#include "target/arm/arm_sys.h"

enum { PMCR_E = 1, PMCR_P = 2, PMCR_C = 4, PMCR_LC = 1 << 6, PMCR_KEPT = 0x79, PMCR_N_SHIFT = 11 };
enum { EVENT_SW_INCR = 0, EVENT_CYCLES = 0x11, EVENT_CHAIN = 0x1e, CYCLES_A_TICK = 16 };
enum { NOT_EL1_SHIFT = 31, NOT_EL0_SHIFT = 30, EL2_TOO_SHIFT = 27, CYCLE_COUNTER = 31, MDCR_HPME = 1 << 7 };
#define EVENTS    ((1ull << ARM_PMU_EVENTS) - 1)
#define COUNTERS  (1ull << CYCLE_COUNTER | EVENTS)
#define TYPE_KEPT 0xfc0003ffull /* levels, event */

/* How many event counters are not EL2's own. */
static unsigned guest_counters(const ArmSys *s)
{
    return s->el_max == 2 ? (unsigned)MIN(s->mdcr & 31, (uint64_t)ARM_PMU_EVENTS) : ARM_PMU_EVENTS;
}

static bool switched_on(const ArmSys *s, unsigned n)
{
    bool mine = n == CYCLE_COUNTER || n < guest_counters(s);
    return (mine ? s->pmcr & PMCR_E : s->mdcr & MDCR_HPME) && (s->pmcnten >> n & 1);
}

static uint64_t type_of(const ArmSys *s, unsigned n)
{
    return n == CYCLE_COUNTER ? (s->pmccfiltr & ~1023ull) | EVENT_CYCLES : s->pmevtyper[n];
}

static bool about_level(uint64_t type, unsigned el)
{
    return el == 2 ? type >> EL2_TOO_SHIFT & 1 : !(type >> (el == 1 ? NOT_EL1_SHIFT : NOT_EL0_SHIFT) & 1);
}

static bool active(const ArmSys *s, unsigned n, unsigned event)
{
    uint64_t type = type_of(s, n);
    return (type & 1023) == event && switched_on(s, n) && about_level(type, s->el);
}

static uint64_t *counter(ArmSys *s, unsigned n)
{
    return n == CYCLE_COUNTER ? &s->cycles : &s->pmevcntr[n];
}

static bool is_64_bits(const ArmSys *s, unsigned n)
{
    return n == CYCLE_COUNTER && (s->pmcr & PMCR_LC);
}

static bool has_chain(const ArmSys *s, unsigned n)
{
    return !(n & 1) && n + 1 < ARM_PMU_EVENTS && active(s, n + 1, EVENT_CHAIN);
}

static void count(ArmSys *s, unsigned n, uint64_t by)
{
    uint64_t *c = counter(s, n), was = *c, now = was + by;
    uint64_t overflows = is_64_bits(s, n) ? now < was : (now >> 32) - (was >> 32);
    *c = n == CYCLE_COUNTER ? now : (uint32_t)now;
    if (!overflows)
        return;
    s->pmovs |= 1ull << n;
    if (has_chain(s, n))
        count(s, n + 1, overflows);
}

/* Counters whose bit is in a word of them, as a loop. */
static unsigned next_of(uint64_t *bits)
{
    unsigned n = (unsigned)__builtin_ctzll(*bits);
    *bits &= *bits - 1;
    return n;
}

/* What has been counted since the last time. */
static void catch_up(ArmMachine *m)
{
    ArmSys *s = &m->sys;
    uint64_t now = arm_count(m), passed = (now - s->cycles_at) * CYCLES_A_TICK;
    s->cycles_at = now;
    for (uint64_t left = s->pmcnten; left && passed;) {
        unsigned n = next_of(&left);
        if (active(s, n, EVENT_CYCLES))
            count(s, n, passed);
    }
}

/* Cycles until counter n overflows; UINT64_MAX: not before it is looked at again. */
static uint64_t cycles_left(ArmSys *s, unsigned n)
{
    uint64_t c = *counter(s, n);
    if (active(s, n, EVENT_CYCLES))
        return is_64_bits(s, n) ? (c ? -c : UINT64_MAX) : (1ull << 32) - (uint32_t)c;
    if (!active(s, n, EVENT_CHAIN) || !(n & 1) || !active(s, n - 1, EVENT_CYCLES))
        return UINT64_MAX;
    uint64_t pair = c << 32 | s->pmevcntr[n - 1];
    return pair ? -pair : UINT64_MAX;
}

/* The board raises the line from then on. */
static void set_alarm(ArmMachine *m)
{
    ArmSys *s = &m->sys;
    const CpuBoard *b = &s->board;
    uint64_t when = UINT64_MAX;
    for (uint64_t left = s->pminten; left;) {
        unsigned n = next_of(&left);
        bool mine = n == CYCLE_COUNTER || n < guest_counters(s);
        if (!(mine ? s->pmcr & PMCR_E : s->mdcr & MDCR_HPME))
            continue;
        uint64_t cycles = s->pmovs >> n & 1 ? 0 : cycles_left(s, n);
        if (cycles < UINT64_MAX - CYCLES_A_TICK)
            when = MIN(when, s->cycles_at + (cycles + CYCLES_A_TICK - 1) / CYCLES_A_TICK);
    }
    b->alarm(b->opaque, b->number * ARM_TIMERS + ARM_TIMER_PMU, when);
}

/* Do levels differ in what is counted there? */
static void note_filters(ArmSys *s)
{
    const uint64_t levels = 1ull << NOT_EL1_SHIFT | 1ull << NOT_EL0_SHIFT, el2 = 1ull << EL2_TOO_SHIFT;
    s->pmu_by_level = 0;
    for (uint64_t left = s->pmcnten; left;) {
        uint64_t type = type_of(s, next_of(&left)), filter = type & levels;
        bool same = filter == levels ? s->el_max == 1 || !(type & el2)
                                     : filter == 0 && (s->el_max == 1 || (type & el2));
        s->pmu_by_level |= !same;
    }
}

void arm_pmu_before_level(ArmMachine *m)
{
    catch_up(m);
}

void arm_pmu_after_level(ArmMachine *m)
{
    set_alarm(m);
}

void arm_pmu_write_mdcr(ArmMachine *m, uint64_t v)
{
    catch_up(m);
    m->sys.mdcr = v;
    set_alarm(m);
}

/* ---- registers ---- */

/* EL1 and EL0 see no more than theirs. */
static uint64_t seen(const ArmSys *s)
{
    return s->el == 2 ? COUNTERS : 1ull << CYCLE_COUNTER | ((1ull << guest_counters(s)) - 1);
}

/* The counter that a register is about. */
static unsigned which(const ArmSys *s, ArmPmuReg reg)
{
    if (reg >= ARM_PMU_EVCNTR && reg < ARM_PMU_EVCNTR + ARM_PMU_EVENTS)
        return reg - ARM_PMU_EVCNTR;
    if (reg >= ARM_PMU_EVTYPER && reg < ARM_PMU_EVTYPER + ARM_PMU_EVENTS)
        return reg - ARM_PMU_EVTYPER;
    return reg == ARM_PMU_CCFILTR || reg == ARM_PMU_CCNTR ? CYCLE_COUNTER : (unsigned)s->pmselr;
}

static bool is_count(ArmPmuReg reg)
{
    return reg == ARM_PMU_CCNTR || reg == ARM_PMU_XEVCNTR ||
           (reg >= ARM_PMU_EVCNTR && reg < ARM_PMU_EVCNTR + ARM_PMU_EVENTS);
}

static bool is_type(ArmPmuReg reg)
{
    return reg == ARM_PMU_CCFILTR || reg == ARM_PMU_XEVTYPER ||
           (reg >= ARM_PMU_EVTYPER && reg < ARM_PMU_EVTYPER + ARM_PMU_EVENTS);
}

uint64_t arm_pmu_read(ArmMachine *m, ArmPmuReg reg)
{
    ArmSys *s = &m->sys;
    unsigned n = which(s, reg);
    bool there = seen(s) >> n & 1;
    catch_up(m);
    if (is_count(reg))
        return there && (reg != ARM_PMU_XEVCNTR || n != CYCLE_COUNTER) ? *counter(s, n) : 0;
    if (is_type(reg))
        return !there ? 0 : n == CYCLE_COUNTER ? s->pmccfiltr : s->pmevtyper[n];
    switch (reg) {
    case ARM_PMU_CR:
        return s->pmcr | (uint64_t)(s->el == 2 ? ARM_PMU_EVENTS : guest_counters(s)) << PMCR_N_SHIFT;
    case ARM_PMU_CNTENSET:
    case ARM_PMU_CNTENCLR: return s->pmcnten & seen(s);
    case ARM_PMU_OVSSET:
    case ARM_PMU_OVSCLR: return s->pmovs & seen(s);
    case ARM_PMU_INTENSET:
    case ARM_PMU_INTENCLR: return s->pminten & seen(s);
    case ARM_PMU_CEID0: return 1ull << EVENT_SW_INCR | 1ull << EVENT_CYCLES | 1ull << EVENT_CHAIN;
    case ARM_PMU_SELR: return s->pmselr;
    default: return 0;
    }
}

static void write_control(ArmSys *s, uint64_t v)
{
    s->pmcr = v & PMCR_KEPT;
    if (v & PMCR_C)
        s->cycles = 0;
    for (unsigned n = 0; (v & PMCR_P) && n < ARM_PMU_EVENTS; n++)
        if (seen(s) >> n & 1)
            s->pmevcntr[n] = 0;
}

static void write_counter(ArmSys *s, ArmPmuReg reg, unsigned n, uint64_t v)
{
    if (!(seen(s) >> n & 1) || (reg == ARM_PMU_XEVCNTR && n == CYCLE_COUNTER))
        return;
    if (is_count(reg))
        *counter(s, n) = n == CYCLE_COUNTER ? v : (uint32_t)v;
    else if (n == CYCLE_COUNTER)
        s->pmccfiltr = v & TYPE_KEPT & ~1023ull;
    else
        s->pmevtyper[n] = v & TYPE_KEPT;
}

void arm_pmu_write(ArmMachine *m, ArmPmuReg reg, uint64_t v)
{
    ArmSys *s = &m->sys;
    uint64_t mine = v & seen(s);
    catch_up(m);
    if (is_count(reg) || is_type(reg))
        write_counter(s, reg, which(s, reg), v);
    switch (reg) {
    case ARM_PMU_CR: write_control(s, v); break;
    case ARM_PMU_CNTENSET: s->pmcnten |= mine; break;
    case ARM_PMU_CNTENCLR: s->pmcnten &= ~mine; break;
    case ARM_PMU_OVSSET: s->pmovs |= mine; break;
    case ARM_PMU_OVSCLR: s->pmovs &= ~mine; break;
    case ARM_PMU_INTENSET: s->pminten |= mine; break;
    case ARM_PMU_INTENCLR: s->pminten &= ~mine; break;
    case ARM_PMU_SELR: s->pmselr = v & 31; break;
    case ARM_PMU_SWINC:
        for (uint64_t left = mine & EVENTS; left;) {
            unsigned n = next_of(&left);
            if (active(s, n, EVENT_SW_INCR))
                count(s, n, 1);
        }
        break;
    default: break;
    }
    note_filters(s);
    set_alarm(m);
}

/* PMUSERENR_EL0: EN all, SW, CR the cycle counter's reads, ER the events'. */
bool arm_pmu_traps_at_el0(const ArmMachine *m, ArmPmuReg reg, bool write)
{
    enum { EN = 1, SW = 2, CR = 4, ER = 8 };
    uint64_t may = m->sys.pmuserenr;
    bool event = is_count(reg) && reg != ARM_PMU_CCNTR, selects = reg == ARM_PMU_SELR || (event && !write);
    return !(may & EN) && !(reg == ARM_PMU_CCNTR && !write && (may & CR)) &&
           !(reg == ARM_PMU_SWINC && (may & SW)) && !(selects && (may & ER));
}
