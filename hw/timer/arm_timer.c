/* The count is the machine's clock in units of 16 ns, from 0 at a reset. */
#include "hw/timer/arm_timer.h"
#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"

enum { TICK_NS = 1000000000 / ARM_TIMER_HZ };

typedef struct ArmTimerDev {
    Device dev;
    uint32_t timers;
    const IrqLine *lines;
    Timer timer[ARM_TIMER_LINES];
    struct ArmTimerOne {
        struct ArmTimerDev *dev;
        unsigned n;
    } one[ARM_TIMER_LINES];
    DEV_STATE_BEGIN
    uint64_t offset; /* count - clock */
    uint64_t when[ARM_TIMER_LINES];
    DEV_STATE_END
} ArmTimerDev;

uint64_t arm_timer_count(void *timer)
{
    const ArmTimerDev *t = timer;
    return clock_now(t->dev.clock) / TICK_NS + __atomic_load_n(&t->offset, __ATOMIC_RELAXED);
}

/* Raises or lowers the line, and has the clock see to the rest. */
static void update(ArmTimerDev *t, unsigned n)
{
    uint64_t now = arm_timer_count(t), when = t->when[n], left = (when - t->offset) * TICK_NS;
    bool up = when != UINT64_MAX && now >= when;
    irq_set(&t->lines[n], up);
    if (up || when - now >= (UINT64_MAX >> 1) / TICK_NS)
        timer_cancel(t->dev.clock, &t->timer[n]); /* not in this life */
    else
        timer_set(t->dev.clock, &t->timer[n], left);
}

void arm_timer_alarm(void *timer, uint64_t n, uint64_t when)
{
    ArmTimerDev *t = timer;
    if (n >= t->timers)
        return;
    lock_take(&t->dev.lock);
    t->when[n] = when;
    update(t, (unsigned)n);
    lock_release(&t->dev.lock);
}

static void fire(void *opaque)
{
    const struct ArmTimerOne *o = opaque;
    update(o->dev, o->n);
}

static bool timer_realize(Device *dev, DevError *err)
{
    ArmTimerDev *t = (ArmTimerDev *)dev;
    if (t->timers == 0 || t->timers > ARM_TIMER_LINES)
        return dev_fail(err, "arm-timer: %u timers, 1 to %u are possible", t->timers,
                        (unsigned)ARM_TIMER_LINES);
    lock_init(&dev->lock, LOCK_RANK_DEVICE); /* the interrupt controller is called with it */
    for (unsigned n = 0; n < ARM_TIMER_LINES; n++) {
        t->one[n] = (struct ArmTimerOne){t, n};
        t->timer[n] = (Timer){.fire = fire, .opaque = &t->one[n], .lock = &dev->lock};
    }
    return true;
}

static void timer_reset(Device *dev)
{
    ArmTimerDev *t = (ArmTimerDev *)dev;
    t->offset = 0 - clock_now(dev->clock) / TICK_NS;
    memset(t->when, 0xff, sizeof(t->when));
    for (unsigned n = 0; n < t->timers; n++)
        update(t, n);
}

static bool timer_loaded(Device *dev, DevError *err)
{
    ArmTimerDev *t = (ArmTimerDev *)dev;
    for (unsigned n = 0; n < t->timers; n++)
        update(t, n);
    return true;
}

static void timer_clear(Device *dev)
{
    ArmTimerDev *t = (ArmTimerDev *)dev;
    for (unsigned n = 0; dev->clock && n < ARM_TIMER_LINES; n++)
        timer_cancel(dev->clock, &t->timer[n]);
}

static const DevProp props[] = {
    DEV_U32(ArmTimerDev, timers, "how many timers, of all cpus", 2),
    DEV_PTR(ArmTimerDev, lines, "a line for each timer"),
};
static const DevField state[] = {DEV_FIELD(ArmTimerDev, offset), DEV_ARRAY(ArmTimerDev, when)};

const DevClass arm_timer_class = {
    .name = "arm-timer",
    .help = "count and lines of cpus' generic timers",
    .version = 1,
    DEV_TABLES(ArmTimerDev, props, state),
    .realize = timer_realize,
    .reset = timer_reset,
    .loaded = timer_loaded,
    .clear = timer_clear,
};
