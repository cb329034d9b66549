/* Long enough for a driver that waits out bouncing, which takes some 5 to 50 ms. */
#include "hw/gpio/gpio_key.h"
#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"

#define PRESS_NS 100000000ull

typedef struct GpioKey {
    Device dev;
    const IrqLine *pin;
    Timer timer;
    DEV_STATE_BEGIN
    uint64_t until; /* 0: not pressed */
    DEV_STATE_END
} GpioKey;

static void release(void *opaque)
{
    GpioKey *k = opaque;
    k->until = 0;
    irq_set(k->pin, false);
}

void gpio_key_press(Device *dev)
{
    GpioKey *k = (GpioKey *)dev;
    lock_take(&dev->lock);
    k->until = clock_now(dev->clock) + PRESS_NS;
    timer_cancel(dev->clock, &k->timer);
    timer_set(dev->clock, &k->timer, k->until);
    irq_set(k->pin, true);
    lock_release(&dev->lock);
}

static bool key_realize(Device *dev, DevError *err)
{
    ((GpioKey *)dev)->timer = (Timer){.fire = release, .opaque = dev, .lock = &dev->lock};
    return true;
}

static void key_reset(Device *dev)
{
    timer_cancel(dev->clock, &((GpioKey *)dev)->timer);
    release(dev);
}

static bool key_loaded(Device *dev, DevError *err)
{
    GpioKey *k = (GpioKey *)dev;
    if (k->until)
        timer_set(dev->clock, &k->timer, k->until);
    irq_set(k->pin, k->until != 0);
    return true;
}

static void key_clear(Device *dev)
{
    if (dev->clock)
        timer_cancel(dev->clock, &((GpioKey *)dev)->timer);
}

static const DevProp props[] = {DEV_PTR(GpioKey, pin, "the pin")};
static const DevField state[] = {DEV_FIELD(GpioKey, until)};

const DevClass gpio_key_class = {
    .name = "gpio-key", .help = "a key on a pin", .version = 1,
    DEV_TABLES(GpioKey, props, state),
    .realize = key_realize, .reset = key_reset, .loaded = key_loaded, .clear = key_clear,
};
