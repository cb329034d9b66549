/* Intel SDM volume 3, chapter "Advanced Programmable Interrupt Controller". Registers are kept at their
 * offset / 16. LINT0 of cpu 0 starts as ExtINT, unmasked, so that the 8259 works before firmware has set
 * anything up (as KVM's does, Documentation/virt/kvm/api.rst, KVM_X86_QUIRK_LINT0_REENABLED). The page stays
 * where it is: IA32_APIC_BASE keeps other addresses and they mean nothing. Lowest priority goes to the cpu
 * with the lowest processor priority. */
#include "hw/intc/x86_lapic.h"
#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"

enum {
    ID = 0x020,
    VERSION = 0x030,
    TPR = 0x080,
    APR = 0x090,
    PPR = 0x0a0,
    EOI = 0x0b0,
    LDR = 0x0d0,
    DFR = 0x0e0,
    SVR = 0x0f0,
    ISR = 0x100,
    TMR = 0x180,
    IRR = 0x200,
    ESR = 0x280,
    LVT_CMCI = 0x2f0,
    ICR = 0x300,
    ICR_HIGH = 0x310,
    LVT_TIMER = 0x320,
    LVT_THERMAL = 0x330,
    LVT_PMC = 0x340,
    LVT_LINT0 = 0x350,
    LVT_LINT1 = 0x360,
    LVT_ERROR = 0x370,
    INITIAL = 0x380,
    CURRENT = 0x390,
    DIVIDE = 0x3e0,
    SELF_IPI = 0x3f0,
    REGS = 64,
};
enum { FIXED, LOWEST, SMI, NMI = 4, INIT, SIPI, EXTINT };
enum { MASKED = 0x10000, LEVEL = 0x8000, ASSERT = 0x4000, REMOTE_IRR = 0x4000, LOGICAL = 0x800 };
enum { TIMER_ONCE, TIMER_PERIODIC, TIMER_DEADLINE };
enum { SVR_ON = 0x100, SVR_QUIET_EOI = 0x1000, BASE_BSP = 0x100, BASE_X2 = 0x400, BASE_ON = 0x800 };
enum { ERR_SEND_VECTOR = 0x20, ERR_RECEIVED_VECTOR = 0x40, ERR_REGISTER = 0x80 };
#define BASE_RESET 0xfee00000u
enum { VERSION_VALUE = 0x01050014 }; /* with suppression of EOI broadcasts, six entries of the LVT */
enum { BROADCAST_8 = 0xff };

typedef struct Lapic Lapic;
typedef struct LapicTimer {
    Lapic *lapic;
    unsigned cpu;
    Timer timer;
} LapicTimer;

struct Lapic {
    Device dev;
    uint32_t n_cpus;
    const X86LapicCpus *cpus;
    const X86PicAck *pic;
    const IrqLine *eoi;
    LapicTimer timer[X86_LAPIC_CPUS];
    uint8_t intr[X86_LAPIC_CPUS]; /* what each cpu has been told */
    bool rests;
    DEV_STATE_BEGIN
    uint64_t base[X86_LAPIC_CPUS];
    uint64_t deadline[X86_LAPIC_CPUS]; /* ns; 0: none */
    /* ns, when the timer's period began, which with a new divider may be before 0; 0: it does not count */
    uint64_t started[X86_LAPIC_CPUS];
    uint32_t reg[X86_LAPIC_CPUS * REGS];
    uint32_t errors[X86_LAPIC_CPUS]; /* for ESR, since it was written */
    uint8_t pin[2];
    DEV_STATE_END
};

static uint32_t *reg(Lapic *l, unsigned cpu, unsigned at)
{
    return &l->reg[cpu * REGS + at / 16];
}
static uint32_t get(const Lapic *l, unsigned cpu, unsigned at)
{
    return l->reg[cpu * REGS + at / 16];
}
static bool is_x2(const Lapic *l, unsigned cpu)
{
    return (l->base[cpu] & BASE_X2) != 0;
}
static bool is_enabled(const Lapic *l, unsigned cpu)
{
    return (l->base[cpu] & BASE_ON) && (get(l, cpu, SVR) & SVR_ON);
}

/* ---- vectors ---- */

static void set_bit(Lapic *l, unsigned cpu, unsigned at, unsigned v, bool on)
{
    uint32_t *r = reg(l, cpu, at + v / 32 * 16), bit = 1u << v % 32;
    *r = on ? *r | bit : *r & ~bit;
}
static bool has_bit(const Lapic *l, unsigned cpu, unsigned at, unsigned v)
{
    return get(l, cpu, at + v / 32 * 16) >> v % 32 & 1;
}
/* -1: none */
static int highest(const Lapic *l, unsigned cpu, unsigned at)
{
    for (int k = 7; k >= 0; k--) {
        uint32_t r = get(l, cpu, at + (unsigned)k * 16);
        if (r)
            return k * 32 + 31 - __builtin_clz(r);
    }
    return -1;
}

static bool takes_extint(const Lapic *l, unsigned cpu)
{
    uint32_t lvt = get(l, cpu, LVT_LINT0);
    if (!l->pin[0] || !l->pic)
        return false;
    if (!(l->base[cpu] & BASE_ON))
        return l->base[cpu] & BASE_BSP; /* the pins are the processor's own */
    return !(lvt & MASKED) && (lvt >> 8 & 7) == EXTINT;
}

/* The vector that may interrupt now; -1: none. */
static int deliverable(const Lapic *l, unsigned cpu)
{
    int v = is_enabled(l, cpu) ? highest(l, cpu, IRR) : -1;
    return v >= 0 && (unsigned)v >> 4 > get(l, cpu, PPR) >> 4 ? v : -1;
}

static void update(Lapic *l, unsigned cpu)
{
    uint32_t tpr = get(l, cpu, TPR);
    int serviced = highest(l, cpu, ISR);
    unsigned in_service = serviced < 0 ? 0 : (unsigned)serviced & 0xf0;
    *reg(l, cpu, PPR) = (tpr & 0xf0) >= in_service ? tpr : in_service;
    bool level = !l->rests && (deliverable(l, cpu) >= 0 || takes_extint(l, cpu));
    if (level == l->intr[cpu])
        return;
    l->intr[cpu] = level;
    if (l->cpus)
        l->cpus->intr(l->cpus->opaque, cpu, level);
}

static void accept(Lapic *l, unsigned cpu, unsigned vector, bool level);

static void note_error(Lapic *l, unsigned cpu, uint32_t bit)
{
    uint32_t lvt = get(l, cpu, LVT_ERROR);
    bool first = !(l->errors[cpu] & bit);
    l->errors[cpu] |= bit;
    if (first && !(lvt & MASKED) && (lvt & 0xff) >= 16)
        accept(l, cpu, lvt & 0xff, false);
}

static void accept(Lapic *l, unsigned cpu, unsigned vector, bool level)
{
    if (!is_enabled(l, cpu))
        return;
    if (vector < 16) {
        note_error(l, cpu, ERR_RECEIVED_VECTOR);
        return;
    }
    dev_trace(&l->dev, LAPIC_ACCEPT, "cpu %u vector 0x%x%s", cpu, vector, level ? " level" : "");
    set_bit(l, cpu, IRR, vector, true);
    set_bit(l, cpu, TMR, vector, level);
    update(l, cpu);
}

/* ---- power-on and INIT ---- */

static void stop_timer(Lapic *l, unsigned cpu)
{
    l->started[cpu] = l->deadline[cpu] = 0;
    timer_cancel(l->dev.clock, &l->timer[cpu].timer);
}

/* All but IA32_APIC_BASE and the id in x2APIC mode. */
static void init_cpu(Lapic *l, unsigned cpu)
{
    static const uint16_t lvts[] = {LVT_CMCI,  LVT_TIMER, LVT_THERMAL, LVT_PMC,
                                    LVT_LINT0, LVT_LINT1, LVT_ERROR};
    memset(reg(l, cpu, 0), 0, REGS * sizeof(l->reg[0]));
    *reg(l, cpu, ID) = is_x2(l, cpu) ? cpu : cpu << 24;
    *reg(l, cpu, VERSION) = VERSION_VALUE;
    *reg(l, cpu, DFR) = 0xffffffff;
    *reg(l, cpu, SVR) = 0xff;
    if (is_x2(l, cpu))
        *reg(l, cpu, LDR) = cpu >> 4 << 16 | 1u << (cpu & 15);
    for (unsigned k = 0; k < ARRAY_SIZE(lvts); k++)
        *reg(l, cpu, lvts[k]) = MASKED;
    if (l->base[cpu] & BASE_BSP)
        *reg(l, cpu, LVT_LINT0) = EXTINT << 8;
    l->errors[cpu] = 0;
    stop_timer(l, cpu);
    update(l, cpu);
}

/* ---- messages ---- */

typedef struct Message {
    uint32_t dest;
    bool logical, wide; /* wide: dest has 32 bits */
    unsigned mode, vector;
    bool level;
} Message;

static bool is_logical_dest(const Lapic *l, unsigned cpu, const Message *m)
{
    uint32_t ldr = get(l, cpu, LDR);
    if (is_x2(l, cpu)) {
        if (m->wide)
            return m->dest == ~0u || (m->dest >> 16 == ldr >> 16 && (m->dest & ldr & 0xffff));
        return m->dest == BROADCAST_8 || (ldr >> 16 == 0 && (m->dest & ldr & 0xff));
    }
    uint32_t own = ldr >> 24;
    if (m->wide && m->dest >> 8)
        return m->dest == ~0u;
    if (get(l, cpu, DFR) >> 28 == 0xf)
        return (m->dest & own) != 0;
    return (m->dest >> 4 == own >> 4 || m->dest >> 4 == 0xf) && (m->dest & own & 0xf);
}

static bool is_dest(const Lapic *l, unsigned cpu, const Message *m)
{
    if (!(l->base[cpu] & BASE_ON))
        return false;
    if (m->logical)
        return is_logical_dest(l, cpu, m);
    return m->dest == cpu || m->dest == (m->wide && is_x2(l, cpu) ? ~0u : BROADCAST_8);
}

static void tell(Lapic *l, unsigned cpu, X86LapicEvent e, unsigned vector)
{
    if (e == X86_LAPIC_INIT)
        init_cpu(l, cpu);
    if (l->cpus)
        l->cpus->event(l->cpus->opaque, cpu, e, vector);
}

static void deliver_to(Lapic *l, unsigned cpu, const Message *m)
{
    switch (m->mode) {
    case FIXED:
    case LOWEST: accept(l, cpu, m->vector, m->level); break;
    case SMI: tell(l, cpu, X86_LAPIC_SMI, 0); break;
    case NMI: tell(l, cpu, X86_LAPIC_NMI, 0); break;
    case INIT: tell(l, cpu, X86_LAPIC_INIT, 0); break;
    case SIPI: tell(l, cpu, X86_LAPIC_SIPI, m->vector); break;
    default: log_guest(&l->dev, "delivery mode %u in a message", m->mode);
    }
}

static void deliver(Lapic *l, const Message *m, uint32_t among)
{
    unsigned best = X86_LAPIC_CPUS;
    for (unsigned cpu = 0; cpu < l->n_cpus; cpu++) {
        if (!(among >> cpu & 1))
            continue;
        if (m->mode != LOWEST)
            deliver_to(l, cpu, m);
        else if (is_enabled(l, cpu) &&
                 (best == X86_LAPIC_CPUS || get(l, cpu, PPR) >> 4 < get(l, best, PPR) >> 4))
            best = cpu;
    }
    if (best != X86_LAPIC_CPUS)
        deliver_to(l, best, m);
}

static uint32_t dests(const Lapic *l, const Message *m)
{
    uint32_t among = 0;
    for (unsigned cpu = 0; cpu < l->n_cpus; cpu++)
        among |= (uint32_t)is_dest(l, cpu, m) << cpu;
    return among;
}

void x86_lapic_send(void *d, uint64_t address, uint32_t data, uint32_t requester)
{
    Lapic *l = d;
    const Message m = {.dest = address >> 12 & 0xff,
                       .logical = address & 4,
                       .mode = data >> 8 & 7,
                       .vector = data & 0xff,
                       .level = data & LEVEL};
    (void)requester;
    if (address >> 20 != BASE_RESET >> 20) {
        log_guest(&l->dev, "a message to 0x%lx", (unsigned long)address);
        return;
    }
    lock_take(&l->dev.lock);
    if (m.mode == EXTINT)
        deliver(l, &(Message){.mode = FIXED, .vector = m.vector}, dests(l, &m));
    else
        deliver(l, &m, dests(l, &m));
    lock_release(&l->dev.lock);
}

static void send_ipi(Lapic *l, unsigned self)
{
    const uint32_t low = get(l, self, ICR), high = get(l, self, ICR_HIGH);
    const bool x2 = is_x2(l, self);
    const Message m = {.dest = x2 ? high : high >> 24,
                       .wide = x2,
                       .logical = low & LOGICAL,
                       .mode = low >> 8 & 7,
                       .vector = low & 0xff};
    const uint32_t all = (1u << l->n_cpus) - 1;
    const uint32_t among[] = {dests(l, &m), 1u << self, all, all & ~(1u << self)};
    dev_trace(&l->dev, LAPIC_IPI, "cpu %u icr 0x%x dest 0x%x", self, low, m.dest);
    if (m.mode == INIT && (low & LEVEL) && !(low & ASSERT))
        return; /* sets arbitration ids, of old */
    if (m.mode <= LOWEST && m.vector < 16) {
        note_error(l, self, ERR_SEND_VECTOR);
        return;
    }
    deliver(l, &m, among[low >> 18 & 3]);
}

/* ---- timer ---- */

static unsigned timer_mode(const Lapic *l, unsigned cpu)
{
    return get(l, cpu, LVT_TIMER) >> 17 & 3;
}

/* log2 of what the clock is divided by */
static unsigned divider(const Lapic *l, unsigned cpu)
{
    uint32_t d = get(l, cpu, DIVIDE);
    return ((d & 3) + (d >> 1 & 4) + 1) & 7;
}

static uint64_t period_ns(const Lapic *l, unsigned cpu)
{
    return (uint64_t)get(l, cpu, INITIAL) << divider(l, cpu);
}

static uint32_t current_count(const Lapic *l, unsigned cpu)
{
    uint64_t period = period_ns(l, cpu), now = clock_now(l->dev.clock);
    if (!l->started[cpu] || !period || (int64_t)(now - l->started[cpu]) < 0)
        return 0;
    uint64_t gone = now - l->started[cpu];
    if (gone >= period && timer_mode(l, cpu) != TIMER_PERIODIC)
        return 0;
    return (uint32_t)((period - gone % period - 1) >> divider(l, cpu)) + 1;
}

static void arm(Lapic *l, unsigned cpu)
{
    uint64_t due = timer_mode(l, cpu) == TIMER_DEADLINE ? l->deadline[cpu]
                   : l->started[cpu]                    ? l->started[cpu] + period_ns(l, cpu)
                                                        : 0;
    if (due && !l->rests)
        timer_set(l->dev.clock, &l->timer[cpu].timer, due);
    else
        timer_cancel(l->dev.clock, &l->timer[cpu].timer);
}

static void start_timer(Lapic *l, unsigned cpu)
{
    bool counts = timer_mode(l, cpu) != TIMER_DEADLINE && get(l, cpu, INITIAL);
    l->started[cpu] = counts ? MAX(clock_now(l->dev.clock), 1) : 0;
    arm(l, cpu);
}

/* The count goes on from where it is, at the new rate. */
static void set_divider(Lapic *l, unsigned cpu, uint32_t v)
{
    const uint64_t counted = get(l, cpu, INITIAL) - current_count(l, cpu);
    *reg(l, cpu, DIVIDE) = v & 11;
    if (l->started[cpu])
        l->started[cpu] = clock_now(l->dev.clock) - (counted << divider(l, cpu));
    arm(l, cpu);
}

static void fire(void *opaque)
{
    const LapicTimer *t = opaque;
    Lapic *l = t->lapic;
    uint32_t lvt = get(l, t->cpu, LVT_TIMER);
    uint64_t period = period_ns(l, t->cpu), now = clock_now(l->dev.clock);
    l->deadline[t->cpu] = 0;
    if (timer_mode(l, t->cpu) == TIMER_PERIODIC && l->started[t->cpu] && period) {
        l->started[t->cpu] += (now - l->started[t->cpu]) / period * period;
        timer_set(l->dev.clock, &l->timer[t->cpu].timer,
                  MAX(l->started[t->cpu] + period, now + CLOCK_LEAST_PERIOD_NS));
    } else {
        l->started[t->cpu] = 0;
    }
    if (!(lvt & MASKED))
        accept(l, t->cpu, lvt & 0xff, false);
}

/* Without effect in the other modes. What is over already interrupts behind the wrmsr. */
static void set_deadline(Lapic *l, unsigned cpu, uint64_t at_ns)
{
    if (timer_mode(l, cpu) != TIMER_DEADLINE)
        return;
    l->deadline[cpu] = at_ns;
    if (at_ns && at_ns <= clock_now(l->dev.clock))
        fire(&l->timer[cpu]);
    arm(l, cpu);
}

/* ---- pins ---- */

static void set_pin(void *receiver, unsigned n, bool level)
{
    Lapic *l = receiver;
    lock_take(&l->dev.lock);
    const bool rises = level && !l->pin[n];
    l->pin[n] = level;
    for (unsigned cpu = 0; cpu < l->n_cpus; cpu++) {
        uint32_t lvt = get(l, cpu, n ? LVT_LINT1 : LVT_LINT0), mode = lvt >> 8 & 7;
        if (rises && !(lvt & MASKED) && mode != EXTINT && (l->base[cpu] & BASE_ON))
            deliver_to(l, cpu, &(Message){.mode = mode, .vector = lvt & 0xff});
        update(l, cpu);
    }
    lock_release(&l->dev.lock);
}

IrqLine x86_lapic_pin(Device *d, unsigned n)
{
    return (IrqLine){set_pin, d, n & 1};
}

/* ---- what cpus do ---- */

unsigned x86_lapic_ack(Device *d, unsigned cpu)
{
    Lapic *l = (Lapic *)d;
    lock_take(&d->lock);
    bool external = takes_extint(l, cpu);
    int v = external ? -1 : deliverable(l, cpu);
    if (v >= 0) {
        set_bit(l, cpu, IRR, (unsigned)v, false);
        set_bit(l, cpu, ISR, (unsigned)v, true);
    }
    update(l, cpu);
    lock_release(&d->lock);
    if (external)
        v = (int)l->pic->ack(l->pic->opaque); /* takes the lock again, to lower its pin */
    dev_trace(d, LAPIC_ACK, "cpu %u vector 0x%x%s", cpu, (unsigned)v, external ? " external" : "");
    return v < 0 ? X86_LAPIC_NONE : (unsigned)v;
}

unsigned x86_lapic_cr8(Device *d, unsigned cpu)
{
    lock_take(&d->lock);
    unsigned v = get((Lapic *)d, cpu, TPR) >> 4;
    lock_release(&d->lock);
    return v;
}

void x86_lapic_set_cr8(Device *d, unsigned cpu, unsigned v)
{
    lock_take(&d->lock);
    *reg((Lapic *)d, cpu, TPR) = (v & 15) << 4;
    update((Lapic *)d, cpu);
    lock_release(&d->lock);
}

/* Returns the vector whose end the I/O APIC has to hear of; -1: none. */
static int end_interrupt(Lapic *l, unsigned cpu)
{
    int v = highest(l, cpu, ISR);
    if (v < 0)
        return -1;
    set_bit(l, cpu, ISR, (unsigned)v, false);
    update(l, cpu);
    dev_trace(&l->dev, LAPIC_EOI, "cpu %u vector 0x%x", cpu, (unsigned)v);
    return has_bit(l, cpu, TMR, (unsigned)v) && !(get(l, cpu, SVR) & SVR_QUIET_EOI) ? v : -1;
}

static bool is_lvt(unsigned at)
{
    return at == LVT_CMCI || (at >= LVT_TIMER && at <= LVT_ERROR);
}

static void write_lvt(Lapic *l, unsigned cpu, unsigned at, uint32_t v)
{
    uint32_t mask = at == LVT_TIMER                      ? 0x710ff & ~0x1000u
                    : at == LVT_ERROR                    ? 0x100ff
                    : at == LVT_LINT0 || at == LVT_LINT1 ? 0x1a7ff
                                                         : 0x107ff;
    const unsigned before = timer_mode(l, cpu);
    *reg(l, cpu, at) = (v & mask) | (get(l, cpu, SVR) & SVR_ON ? 0 : MASKED);
    if (at == LVT_TIMER && timer_mode(l, cpu) != before) {
        if (before == TIMER_DEADLINE || timer_mode(l, cpu) == TIMER_DEADLINE)
            stop_timer(l, cpu);
        else
            arm(l, cpu);
    }
    update(l, cpu);
}

static void write_svr(Lapic *l, unsigned cpu, uint32_t v)
{
    *reg(l, cpu, SVR) = v & 0x13ff;
    for (unsigned at = LVT_TIMER; !(v & SVR_ON) && at <= LVT_ERROR; at += 16)
        *reg(l, cpu, at) |= MASKED;
    update(l, cpu);
}

/* Returns the vector that ended, as end_interrupt(). */
static int write_reg(Lapic *l, unsigned cpu, unsigned at, uint32_t v)
{
    if (is_lvt(at)) {
        write_lvt(l, cpu, at, v);
        return -1;
    }
    switch (at) {
    case ID: *reg(l, cpu, ID) = v & 0xff000000; break;
    case TPR:
        *reg(l, cpu, TPR) = v & 0xff;
        update(l, cpu);
        break;
    case EOI: return end_interrupt(l, cpu);
    case LDR: *reg(l, cpu, LDR) = v & 0xff000000; break;
    case DFR: *reg(l, cpu, DFR) = v | 0x0fffffff; break;
    case SVR: write_svr(l, cpu, v); break;
    case ESR:
        *reg(l, cpu, ESR) = l->errors[cpu];
        l->errors[cpu] = 0;
        break;
    case ICR:
        *reg(l, cpu, ICR) = v & 0xccfff;
        send_ipi(l, cpu);
        break;
    case ICR_HIGH: *reg(l, cpu, ICR_HIGH) = v & 0xff000000; break;
    case INITIAL:
        if (timer_mode(l, cpu) == TIMER_DEADLINE)
            break;
        *reg(l, cpu, INITIAL) = v;
        start_timer(l, cpu);
        break;
    case DIVIDE: set_divider(l, cpu, v); break;
    default: note_error(l, cpu, ERR_REGISTER);
    }
    return -1;
}

static uint32_t read_reg(Lapic *l, unsigned cpu, unsigned at)
{
    switch (at) {
    case EOI: return 0;
    case APR: return get(l, cpu, PPR);
    case CURRENT: return current_count(l, cpu);
    default: return get(l, cpu, at);
    }
}

static void broadcast_eoi(const Lapic *l, int vector)
{
    if (vector >= 0 && l->eoi && l->eoi->set)
        l->eoi->set(l->eoi->receiver, (unsigned)vector, true);
}

/* ---- as MSRs ---- */

static bool write_base(Lapic *l, unsigned cpu, uint64_t v)
{
    const uint64_t old = l->base[cpu], mode = v & (BASE_ON | BASE_X2), was = old & (BASE_ON | BASE_X2);
    if (v & ~(0xffffffffff000ull | BASE_BSP | BASE_X2 | BASE_ON))
        return false;
    if (mode == BASE_X2 || (was == (BASE_ON | BASE_X2) && mode == BASE_ON) || (was == 0 && (mode & BASE_X2)))
        return false;
    l->base[cpu] = v;
    if (was && !mode)
        init_cpu(l, cpu);
    if (mode & BASE_X2 && !(was & BASE_X2)) {
        *reg(l, cpu, ID) = cpu;
        *reg(l, cpu, LDR) = cpu >> 4 << 16 | 1u << (cpu & 15);
        *reg(l, cpu, ICR_HIGH) = 0;
    } else if (!(mode & BASE_X2)) {
        *reg(l, cpu, ID) = cpu << 24;
    }
    update(l, cpu);
    return true;
}

static bool has_msr(unsigned at, bool write)
{
    if (is_lvt(at))
        return true;
    switch (at) {
    case TPR:
    case SVR:
    case ESR:
    case ICR:
    case INITIAL:
    case DIVIDE: return true;
    case EOI:
    case SELF_IPI: return write;
    case ID:
    case VERSION:
    case PPR:
    case LDR:
    case CURRENT: return !write;
    default: return at >= ISR && at < ESR && !write;
    }
}

/* Zero, where anything else is #GP. */
static bool is_msr_value(unsigned at, uint64_t v)
{
    if (at == ICR)
        return (v & 0xfff32000) == 0;
    if (at == EOI || at == ESR)
        return v == 0;
    return v >> 32 == 0 && ((at != TPR && at != SELF_IPI) || v <= 0xff);
}

static bool msr_write(Lapic *l, unsigned cpu, unsigned at, uint64_t v, int *ret_ended)
{
    if (!has_msr(at, true) || !is_msr_value(at, v))
        return false;
    if (at == SELF_IPI) {
        if (v < 16)
            note_error(l, cpu, ERR_SEND_VECTOR);
        else
            accept(l, cpu, (unsigned)v, false);
        return true;
    }
    if (at == ICR)
        *reg(l, cpu, ICR_HIGH) = (uint32_t)(v >> 32);
    *ret_ended = write_reg(l, cpu, at, (uint32_t)v);
    return true;
}

bool x86_lapic_msr(Device *d, unsigned cpu, uint32_t msr, bool write, uint64_t *value)
{
    enum { MSR_BASE = 0x1b, MSR_DEADLINE = 0x6e0, FIRST = 0x800, N = 0x40 };
    Lapic *l = (Lapic *)d;
    const unsigned at = (msr - FIRST) * 16;
    int ended = -1;
    bool ok = true;
    lock_take(&d->lock);
    if (msr == MSR_BASE) {
        if (write)
            ok = write_base(l, cpu, *value);
        else
            *value = l->base[cpu];
    } else if (msr == MSR_DEADLINE) {
        if (write)
            set_deadline(l, cpu, *value);
        else
            *value = l->deadline[cpu];
    } else if (msr < FIRST || msr >= FIRST + N || !is_x2(l, cpu)) {
        ok = false;
    } else if (write) {
        ok = msr_write(l, cpu, at, *value, &ended);
    } else if ((ok = has_msr(at, false))) {
        *value = read_reg(l, cpu, at);
        if (at == ICR)
            *value |= (uint64_t)get(l, cpu, ICR_HIGH) << 32;
    }
    lock_release(&d->lock);
    broadcast_eoi(l, ended);
    return ok;
}

/* ---- as memory ---- */

static bool is_visible(const Lapic *l, unsigned cpu)
{
    return cpu < l->n_cpus && (l->base[cpu] & BASE_ON) && !is_x2(l, cpu);
}

static uint64_t page_read(void *dev, unsigned cpu, uint64_t at, unsigned size)
{
    Lapic *l = dev;
    uint64_t v = ~0u;
    lock_take(&l->dev.lock);
    if (is_visible(l, cpu))
        v = at % 16 == 0 && at < REGS * 16 ? read_reg(l, cpu, (unsigned)at) : 0;
    lock_release(&l->dev.lock);
    return v;
}

static void page_write(void *dev, unsigned cpu, uint64_t at, uint64_t value, unsigned size)
{
    Lapic *l = dev;
    int ended = -1;
    lock_take(&l->dev.lock);
    if (is_visible(l, cpu) && at % 16 == 0 && at < REGS * 16)
        ended = write_reg(l, cpu, (unsigned)at, (uint32_t)value);
    lock_release(&l->dev.lock);
    broadcast_eoi(l, ended);
}

static const MmioOps ops = {.read_by = page_read, .write_by = page_write, .min = 1, .max = 4};

/* ---- another engine's ---- */

void x86_lapic_rest(Device *d, bool on)
{
    Lapic *l = (Lapic *)d;
    lock_take(&d->lock);
    l->rests = on;
    for (unsigned cpu = 0; cpu < l->n_cpus; cpu++) {
        arm(l, cpu);
        l->intr[cpu] = on; /* then it is lowered, whoever raised it */
        update(l, cpu);
    }
    lock_release(&d->lock);
}

void x86_lapic_get(Device *d, unsigned cpu, X86LapicState *ret)
{
    Lapic *l = (Lapic *)d;
    *ret = (X86LapicState){.base = l->base[cpu], .deadline = l->deadline[cpu]};
    memcpy(ret->reg, reg(l, cpu, 0), sizeof(ret->reg));
    ret->reg[ID / 16] = cpu << 24;
    ret->reg[CURRENT / 16] = current_count(l, cpu);
}

/* Of a timer that counts what is left says when it began. */
void x86_lapic_put(Device *d, unsigned cpu, const X86LapicState *s)
{
    Lapic *l = (Lapic *)d;
    const uint64_t left = s->reg[CURRENT / 16];
    l->base[cpu] = s->base;
    memcpy(reg(l, cpu, 0), s->reg, sizeof(s->reg));
    *reg(l, cpu, ID) = is_x2(l, cpu) ? cpu : cpu << 24;
    l->deadline[cpu] = timer_mode(l, cpu) == TIMER_DEADLINE ? s->deadline : 0;
    l->started[cpu] = 0;
    if (left && get(l, cpu, INITIAL) && timer_mode(l, cpu) != TIMER_DEADLINE)
        l->started[cpu] = clock_now(l->dev.clock) - period_ns(l, cpu) + (left << divider(l, cpu));
}

/* ---- life ---- */

static bool lapic_realize(Device *dev, DevError *err)
{
    Lapic *l = (Lapic *)dev;
    if (l->n_cpus == 0 || l->n_cpus > X86_LAPIC_CPUS)
        return dev_fail(err, "x86-lapic: %u cpus, 1 to %u are possible", l->n_cpus, (unsigned)X86_LAPIC_CPUS);
    lock_init(&dev->lock, LOCK_RANK_INTC);
    for (unsigned k = 0; k < X86_LAPIC_CPUS; k++) {
        l->timer[k] = (LapicTimer){.lapic = l, .cpu = k};
        l->timer[k].timer = (Timer){.fire = fire, .opaque = &l->timer[k], .lock = &dev->lock};
    }
    dev_add_mmio(dev, "lapic", &ops, X86_LAPIC_BYTES)->lock = NULL; /* takes its own */
    return true;
}

static void lapic_reset(Device *dev)
{
    Lapic *l = (Lapic *)dev;
    l->pin[0] = l->pin[1] = 0;
    for (unsigned cpu = 0; cpu < X86_LAPIC_CPUS; cpu++) {
        l->base[cpu] = BASE_RESET | BASE_ON | (cpu == 0 ? BASE_BSP : 0);
        init_cpu(l, cpu);
    }
}

static bool lapic_loaded(Device *dev, DevError *err)
{
    Lapic *l = (Lapic *)dev;
    for (unsigned cpu = 0; cpu < l->n_cpus; cpu++) {
        if (l->started[cpu] && !period_ns(l, cpu))
            return dev_fail(err, "a timer of cpu %u that counts nothing", cpu);
        arm(l, cpu);
        update(l, cpu);
    }
    return true;
}

static void lapic_clear(Device *dev)
{
    Lapic *l = (Lapic *)dev;
    for (unsigned k = 0; dev->clock && k < X86_LAPIC_CPUS; k++)
        timer_cancel(dev->clock, &l->timer[k].timer);
}

static const DevProp props[] = {
    {"cpus", "how many cpus", offsetof(Lapic, n_cpus), PROP_U32, 4, 1},
    {"cpu", "what interrupts cpus", offsetof(Lapic, cpus), PROP_PTR, sizeof(void *), 0},
    DEV_PTR(Lapic, pic, "acknowledges what comes by LINT0"),
    DEV_PTR(Lapic, eoi, "hears of the end of level-triggered interrupts"),
};
static const DevField state[] = {
    DEV_ARRAY(Lapic, base), DEV_ARRAY(Lapic, deadline), DEV_ARRAY(Lapic, started),
    DEV_ARRAY(Lapic, reg),  DEV_ARRAY(Lapic, errors),   DEV_ARRAY(Lapic, pin),
};

const DevClass x86_lapic_class = {
    .name = "x86-lapic",
    .help = "local APICs",
    .version = 1,
    DEV_TABLES(Lapic, props, state),
    .realize = lapic_realize,
    .reset = lapic_reset,
    .loaded = lapic_loaded,
    .clear = lapic_clear,
};
