/* The clock of ARM DDI 0224. It counts from the start on; the control register reads as one. A match raises
 * the interrupt in the second in which counter and match register are equal. */
#include "hw/timer/pl031.h"
#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"

enum {
    DR = 0x00,
    MR = 0x04,
    LR = 0x08,
    CR = 0x0c,
    IMSC = 0x10,
    RIS = 0x14,
    MIS = 0x18,
    ICR = 0x1c,
    ID = 0xfe0
};
#define SECOND 1000000000ull

typedef struct Pl031 {
    Device dev;
    uint64_t base;   /* property: time of day when the machine's clock was 0, ns */
    const IrqLine *irq;
    Timer timer;
    DEV_STATE_BEGIN
    uint64_t offset; /* time of day - clock, ns */
    uint32_t match, load;
    uint8_t enabled, pending;
    DEV_STATE_END
} Pl031;

static uint64_t now_ns(const Pl031 *r) { return clock_now(r->dev.clock) + r->offset; }
static uint32_t count(const Pl031 *r) { return (uint32_t)(now_ns(r) / SECOND); }
static void update_irq(const Pl031 *r) { irq_set(r->irq, r->pending && r->enabled); }

/* Counter and match register have 32 bits: the next time they are equal is at most 2^32 seconds away. */
static void arm(Pl031 *r)
{
    uint32_t seconds = r->match - count(r);
    timer_cancel(r->dev.clock, &r->timer);
    if (seconds == 0) {
        r->pending = 1;
        update_irq(r);
        return;
    }
    uint64_t due = (now_ns(r) / SECOND + seconds) * SECOND;
    timer_set(r->dev.clock, &r->timer, due - r->offset);
}

/* The host may be late: what was due has come, whatever the counter says by now. */
static void fire(void *opaque)
{
    Pl031 *r = opaque;
    r->pending = 1;
    update_irq(r);
}

static uint64_t rtc_read(void *dev, uint64_t offset, unsigned size)
{
    static const uint8_t id[8] = {0x31, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    const Pl031 *r = dev;
    if (offset >= ID && offset < ID + 4 * sizeof(id))
        return id[(offset - ID) / 4];
    switch (offset) {
    case DR: return count(r);
    case MR: return r->match;
    case LR: return r->load;
    case CR: return 1;
    case IMSC: return r->enabled;
    case RIS: return r->pending;
    case MIS: return r->pending & r->enabled;
    default: return 0;
    }
}

static void rtc_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    Pl031 *r = dev;
    uint32_t v = (uint32_t)value;
    switch (offset) {
    case MR: r->match = v; arm(r); break;
    case LR:
        r->load = v;
        r->offset += ((uint64_t)v - count(r)) * SECOND; /* wraps as the counter does */
        arm(r);
        break;
    case IMSC: r->enabled = v & 1; break;
    case ICR: r->pending &= (uint8_t)~v; break;
    default: break;
    }
    update_irq(r);
}

static const MmioOps ops = {.read = rtc_read, .write = rtc_write, .min = 1, .max = 4};

static bool rtc_realize(Device *dev, DevError *err)
{
    Pl031 *r = (Pl031 *)dev;
    r->timer = (Timer){.fire = fire, .opaque = r, .lock = &dev->lock};
    r->offset = r->base;
    dev_add_mmio(dev, "pl031", &ops, 0x1000);
    return true;
}

/* The time of day goes on. */
static void rtc_reset(Device *dev)
{
    Pl031 *r = (Pl031 *)dev;
    r->match = r->load = 0;
    r->enabled = r->pending = 0;
    timer_cancel(dev->clock, &r->timer);
    update_irq(r);
}

static bool rtc_loaded(Device *dev, DevError *err)
{
    Pl031 *r = (Pl031 *)dev;
    r->enabled &= 1;
    r->pending &= 1;
    if (r->match)
        arm(r);
    update_irq(r);
    return true;
}

static void rtc_clear(Device *dev)
{
    if (dev->clock)
        timer_cancel(dev->clock, &((Pl031 *)dev)->timer);
}

static const DevProp props[] = {
    DEV_U64(Pl031, base, "time of day at the start, ns since 1970", 0),
    DEV_PTR(Pl031, irq, "interrupt line"),
};
static const DevField state[] = {
    DEV_FIELD(Pl031, offset),  DEV_FIELD(Pl031, match),   DEV_FIELD(Pl031, load),
    DEV_FIELD(Pl031, enabled), DEV_FIELD(Pl031, pending),
};

const DevClass pl031_class = {
    .name = "pl031", .help = "PrimeCell real-time clock", .version = 1,
    DEV_TABLES(Pl031, props, state),
    .realize = rtc_realize, .reset = rtc_reset, .loaded = rtc_loaded, .clear = rtc_clear,
};
