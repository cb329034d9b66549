/* The registers as the Goldfish virtual hardware guide has them. Reading the low half of the time latches the
 * high one. */
#include "hw/timer/goldfish_rtc.h"
#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"

enum {
    TIME_LOW = 0x00,
    TIME_HIGH = 0x04,
    ALARM_LOW = 0x08,
    ALARM_HIGH = 0x0c,
    IRQ_ENABLED = 0x10,
    CLEAR_ALARM = 0x14,
    ALARM_STATUS = 0x18,
    CLEAR_INTERRUPT = 0x1c,
};

typedef struct GoldfishRtc {
    Device dev;
    uint64_t base;      /* property: time of day when the machine's clock was 0, ns */
    const IrqLine *irq;
    Timer timer;
    DEV_STATE_BEGIN
    uint64_t offset;    /* time of day - clock */
    uint64_t alarm;
    uint32_t time_high; /* latched */
    uint32_t alarm_high; /* written, waits for the low half */
    uint8_t armed, pending, enabled;
    DEV_STATE_END
} GoldfishRtc;

static uint64_t now(const GoldfishRtc *r) { return clock_now(r->dev.clock) + r->offset; }
static void update_irq(const GoldfishRtc *r) { irq_set(r->irq, r->pending && r->enabled); }

static void arm(GoldfishRtc *r)
{
    timer_cancel(r->dev.clock, &r->timer);
    if (!r->armed)
        return;
    if (r->alarm <= now(r)) {
        r->armed = 0;
        r->pending = 1;
        update_irq(r);
        return;
    }
    timer_set(r->dev.clock, &r->timer, r->alarm - r->offset);
}

static void fire(void *opaque) { arm(opaque); }

static uint64_t rtc_read(void *dev, uint64_t offset, unsigned size)
{
    GoldfishRtc *r = dev;
    uint64_t t;
    switch (offset) {
    case TIME_LOW:
        t = now(r);
        r->time_high = (uint32_t)(t >> 32);
        return (uint32_t)t;
    case TIME_HIGH: return r->time_high;
    case ALARM_LOW: return (uint32_t)r->alarm;
    case ALARM_HIGH: return r->alarm >> 32;
    case IRQ_ENABLED: return r->enabled;
    case ALARM_STATUS: return r->armed;
    default: return 0;
    }
}

static void rtc_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    GoldfishRtc *r = dev;
    uint32_t v = (uint32_t)value;
    switch (offset) {
    case TIME_LOW: r->offset = ((uint64_t)r->time_high << 32 | v) - clock_now(r->dev.clock); arm(r); break;
    case TIME_HIGH: r->time_high = v; break;
    case ALARM_LOW:
        r->alarm = (uint64_t)r->alarm_high << 32 | v;
        r->armed = 1;
        arm(r);
        break;
    case ALARM_HIGH: r->alarm_high = v; break;
    case IRQ_ENABLED: r->enabled = v & 1; break;
    case CLEAR_ALARM: r->armed = 0; arm(r); break;
    case CLEAR_INTERRUPT: r->pending = 0; break;
    default: break;
    }
    update_irq(r);
}

static const MmioOps ops = {.read = rtc_read, .write = rtc_write, .min = 4, .max = 4};

static bool rtc_realize(Device *dev, DevError *err)
{
    GoldfishRtc *r = (GoldfishRtc *)dev;
    r->timer = (Timer){.fire = fire, .opaque = r, .lock = &dev->lock};
    r->offset = r->base;
    dev_add_mmio(dev, "rtc", &ops, 0x1000);
    return true;
}

/* The time of day goes on. */
static void rtc_reset(Device *dev)
{
    GoldfishRtc *r = (GoldfishRtc *)dev;
    r->alarm = 0;
    r->time_high = r->alarm_high = 0;
    r->armed = r->pending = r->enabled = 0;
    arm(r);
    update_irq(r);
}

static bool rtc_loaded(Device *dev, DevError *err)
{
    GoldfishRtc *r = (GoldfishRtc *)dev;
    arm(r);
    update_irq(r);
    return true;
}

static void rtc_clear(Device *dev)
{
    if (dev->clock)
        timer_cancel(dev->clock, &((GoldfishRtc *)dev)->timer);
}

static const DevProp props[] = {
    DEV_U64(GoldfishRtc, base, "time of day at the start, ns since 1970", 0),
    DEV_PTR(GoldfishRtc, irq, "interrupt line"),
};
static const DevField state[] = {
    DEV_FIELD(GoldfishRtc, offset), DEV_FIELD(GoldfishRtc, alarm), DEV_FIELD(GoldfishRtc, time_high),
    DEV_FIELD(GoldfishRtc, alarm_high), DEV_FIELD(GoldfishRtc, armed), DEV_FIELD(GoldfishRtc, pending),
    DEV_FIELD(GoldfishRtc, enabled),
};

const DevClass goldfish_rtc_class = {
    .name = "goldfish-rtc", .help = "time of day", .version = 1,
    DEV_TABLES(GoldfishRtc, props, state),
    .realize = rtc_realize, .reset = rtc_reset, .loaded = rtc_loaded, .clear = rtc_clear,
};
