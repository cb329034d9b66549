/* IA-PC HPET specification 1.0a. The counter has 64 bits, periods are of timer 0 only. Interrupts that the
 * host is too late for are left out. */
#include "hw/timer/hpet.h"
#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"

enum {
    CAPS = 0x000,
    CONFIG = 0x010,
    STATUS = 0x020,
    COUNTER = 0x0f0,
    TIMERS_AT = 0x100,
    TIMER_STEP = 0x20,
    TIMERS = 3,
    TICK_NS = 10,
    LEGACY_LINES = 2
};
enum { CONFIG_ON = 1, CONFIG_LEGACY = 2 };
enum {
    T_LEVEL = 2,
    T_ON = 4,
    T_PERIODIC = 8,
    T_CAN_PERIOD = 0x10,
    T_CAN_64 = 0x20,
    T_SET = 0x40,
    T_32 = 0x100,
    T_ROUTE = 0x3e00,
    T_MSI = 0x4000,
    T_CAN_MSI = 0x8000
};
#define CAPS_VALUE (10000000ull << 32 | 0x8086a201) /* femtoseconds; legacy, 64 bits, three timers */
#define ROUTES     (0xf00804ull << 32)              /* inputs 2, 11, 20 to 23 */

typedef struct Hpet Hpet;
typedef struct HpetTimer {
    Hpet *hpet;
    unsigned n;
    Timer timer;
} HpetTimer;

struct Hpet {
    Device dev;
    const IrqLine *lines, *legacy, *pit, *rtc;
    const MsiTarget *msi;
    HpetTimer timer[TIMERS];
    DEV_STATE_BEGIN
    uint64_t config, status;
    uint64_t counter; /* while it stands still */
    uint64_t started; /* ns at which it was 0; wraps */
    uint64_t t_config[TIMERS], comparator[TIMERS], period[TIMERS], route[TIMERS]; /* route: of messages */
    uint8_t raised[TIMERS];
    DEV_STATE_END
};

static bool is_on(const Hpet *h)
{
    return h->config & CONFIG_ON;
}

static uint64_t count(const Hpet *h)
{
    return is_on(h) ? (clock_now(h->dev.clock) - h->started) / TICK_NS : h->counter;
}

/* ---- lines ---- */

static const IrqLine *line_of(const Hpet *h, unsigned n)
{
    if ((h->config & CONFIG_LEGACY) && n < LEGACY_LINES)
        return n ? h->rtc : h->pit;
    unsigned route = (unsigned)(h->t_config[n] & T_ROUTE) >> 9;
    return h->lines && route < HPET_LINES ? &h->lines[route] : NULL;
}

static void lower(Hpet *h, unsigned n)
{
    if (h->raised[n])
        irq_set(line_of(h, n), false);
    h->raised[n] = 0;
}

static void raise(Hpet *h, unsigned n)
{
    const uint64_t t = h->t_config[n];
    if (t & T_LEVEL)
        h->status |= 1u << n;
    if (!(t & T_ON))
        return;
    if (t & T_MSI) {
        if (h->msi && h->msi->send)
            h->msi->send(h->msi->receiver, h->route[n] >> 32, (uint32_t)h->route[n], 0);
        return;
    }
    irq_set(line_of(h, n), true);
    h->raised[n] = 1;
    if (!(t & T_LEVEL))
        lower(h, n);
}

/* ---- time ---- */

static uint64_t width(const Hpet *h, unsigned n)
{
    return h->t_config[n] & T_32 ? 0xffffffff : ~0ull;
}

static void arm(Hpet *h, unsigned n)
{
    const uint64_t now = count(h), left = (h->comparator[n] - now) & width(h, n);
    const uint64_t wait = left ? left : width(h, n); /* it is this moment: not before the next round */
    if (!is_on(h) || wait > UINT64_MAX / 2 / TICK_NS) {
        timer_cancel(h->dev.clock, &h->timer[n].timer);
        return;
    }
    const uint64_t least = h->t_config[n] & T_PERIODIC ? CLOCK_LEAST_PERIOD_NS / TICK_NS : 0;
    timer_set(h->dev.clock, &h->timer[n].timer, h->started + (now + MAX(wait, least)) * TICK_NS);
    dev_trace(&h->dev, HPET_ARM, "timer %u in %lu ticks", n, (unsigned long)wait);
}

static void arm_all(Hpet *h)
{
    for (unsigned n = 0; n < TIMERS; n++)
        arm(h, n);
}

static void fire(void *opaque)
{
    const HpetTimer *t = opaque;
    Hpet *h = t->hpet;
    const uint64_t mask = width(h, t->n), period = h->period[t->n] & mask;
    if ((h->t_config[t->n] & T_PERIODIC) && period) {
        uint64_t late = (count(h) - h->comparator[t->n]) & mask;
        h->comparator[t->n] = (h->comparator[t->n] + (late / period + 1) * period) & mask;
    }
    raise(h, t->n);
    arm(h, t->n);
}

/* ---- registers ---- */

static void write_config(Hpet *h, uint64_t v)
{
    const uint64_t was = h->config;
    for (unsigned n = 0; n < TIMERS; n++)
        lower(h, n);
    if ((v & CONFIG_ON) && !(was & CONFIG_ON))
        h->started = clock_now(h->dev.clock) - h->counter * TICK_NS;
    else if (!(v & CONFIG_ON) && (was & CONFIG_ON))
        h->counter = count(h);
    h->config = v & (CONFIG_ON | CONFIG_LEGACY);
    if ((was ^ v) & CONFIG_LEGACY)
        irq_set(h->legacy, v & CONFIG_LEGACY);
    arm_all(h);
}

static void write_timer_config(Hpet *h, unsigned n, uint64_t v)
{
    const uint64_t can = T_LEVEL | T_ON | T_SET | T_32 | T_ROUTE | T_MSI | (n == 0 ? T_PERIODIC : 0);
    lower(h, n);
    h->t_config[n] = (h->t_config[n] & ~can) | (v & can);
    if (h->t_config[n] & T_32) {
        h->comparator[n] = (uint32_t)h->comparator[n];
        h->period[n] = (uint32_t)h->period[n];
    }
    if (!(v & T_LEVEL))
        h->status &= ~(1ull << n);
    if ((h->status >> n & 1) && (v & T_ON))
        raise(h, n);
    arm(h, n);
}

/* While the timer is periodic a write is the period, and the comparator only if T_SET was written. */
static void write_comparator(Hpet *h, unsigned n, uint64_t v)
{
    const bool periodic = h->t_config[n] & T_PERIODIC;
    v &= width(h, n);
    if (!periodic || (h->t_config[n] & T_SET))
        h->comparator[n] = v;
    if (periodic)
        h->period[n] = v;
    h->t_config[n] &= ~(uint64_t)T_SET;
    arm(h, n);
}

static uint64_t read_timer(const Hpet *h, unsigned n, unsigned at)
{
    switch (at) {
    case 0x00: return h->t_config[n] & ~(uint64_t)T_SET;
    case 0x08: return h->comparator[n];
    case 0x10: return h->route[n];
    default: return 0;
    }
}

static uint64_t read_reg(const Hpet *h, unsigned at)
{
    const unsigned n = (at - TIMERS_AT) / TIMER_STEP;
    switch (at) {
    case CAPS: return CAPS_VALUE;
    case CONFIG: return h->config;
    case STATUS: return h->status;
    case COUNTER: return count(h);
    default: return at >= TIMERS_AT && n < TIMERS ? read_timer(h, n, at % TIMER_STEP) : 0;
    }
}

static void write_reg(Hpet *h, unsigned at, uint64_t v)
{
    const unsigned n = (at - TIMERS_AT) / TIMER_STEP;
    if (at == CONFIG) {
        write_config(h, v);
    } else if (at == STATUS) {
        h->status &= ~v;
        for (unsigned k = 0; k < TIMERS; k++)
            if (v >> k & 1)
                lower(h, k);
    } else if (at == COUNTER && !is_on(h)) {
        h->counter = v;
    } else if (at >= TIMERS_AT && n < TIMERS) {
        switch (at % TIMER_STEP) {
        case 0x00: write_timer_config(h, n, v); break;
        case 0x08: write_comparator(h, n, v); break;
        case 0x10: h->route[n] = v; break;
        default: break;
        }
    }
}

static uint64_t hpet_read(void *dev, uint64_t at, unsigned size)
{
    const uint64_t v = read_reg(dev, (unsigned)at & ~7u);
    return size == 4 && (at & 4) ? v >> 32 : v;
}

static void hpet_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    Hpet *h = dev;
    const unsigned reg = (unsigned)at & ~7u;
    if (size == 4 && reg == STATUS)
        value = at & 4 ? 0 : value;
    else if (size == 4 && at & 4)
        value = value << 32 | (uint32_t)read_reg(h, reg);
    else if (size == 4)
        value = (read_reg(h, reg) & ~0xffffffffull) | (uint32_t)value;
    write_reg(h, reg, value);
}

static const MmioOps ops = {.read = hpet_read, .write = hpet_write, .min = 4, .max = 8};

static bool hpet_realize(Device *dev, DevError *err)
{
    Hpet *h = (Hpet *)dev;
    for (unsigned n = 0; n < TIMERS; n++) {
        h->timer[n] = (HpetTimer){.hpet = h, .n = n};
        h->timer[n].timer = (Timer){.fire = fire, .opaque = &h->timer[n], .lock = &dev->lock};
    }
    dev_add_mmio(dev, "hpet", &ops, HPET_BYTES);
    return true;
}

static void hpet_reset(Device *dev)
{
    Hpet *h = (Hpet *)dev;
    for (unsigned n = 0; n < TIMERS; n++)
        lower(h, n);
    if (h->config & CONFIG_LEGACY)
        irq_set(h->legacy, false);
    memset((char *)h + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    for (unsigned n = 0; n < TIMERS; n++) {
        h->t_config[n] = ROUTES | T_CAN_64 | T_CAN_MSI | (n == 0 ? T_CAN_PERIOD : 0);
        h->comparator[n] = ~0ull;
    }
    arm_all(h);
}

static bool hpet_loaded(Device *dev, DevError *err)
{
    Hpet *h = (Hpet *)dev;
    for (unsigned n = 0; n < TIMERS; n++)
        if (h->raised[n])
            irq_set(line_of(h, n), true);
    if (h->config & CONFIG_LEGACY)
        irq_set(h->legacy, true);
    arm_all(h);
    return true;
}

static void hpet_clear(Device *dev)
{
    for (unsigned n = 0; dev->clock && n < TIMERS; n++)
        timer_cancel(dev->clock, &((Hpet *)dev)->timer[n].timer);
}

static const DevProp props[] = {
    DEV_PTR(Hpet, lines, "inputs of the I/O APIC"),
    DEV_PTR(Hpet, msi, "what takes messages"),
    DEV_PTR(Hpet, legacy, "is told when the timers replace PIT and RTC"),
    DEV_PTR(Hpet, pit, "IRQ 0 then"),
    DEV_PTR(Hpet, rtc, "IRQ 8 then"),
};
static const DevField state[] = {
    DEV_FIELD(Hpet, config),  DEV_FIELD(Hpet, status),   DEV_FIELD(Hpet, counter),
    DEV_FIELD(Hpet, started), DEV_ARRAY(Hpet, t_config), DEV_ARRAY(Hpet, comparator),
    DEV_ARRAY(Hpet, period),  DEV_ARRAY(Hpet, route),    DEV_ARRAY(Hpet, raised),
};

const DevClass hpet_class = {
    .name = "hpet",
    .help = "high precision event timers",
    .version = 1,
    DEV_TABLES(Hpet, props, state),
    .realize = hpet_realize,
    .reset = hpet_reset,
    .loaded = hpet_loaded,
    .clear = hpet_clear,
};
