/* Intel 8254. Time is counted from when a counter was loaded or triggered; the ticks that pass between a
 * write and its effect, one, are not. Interrupts that the host is too late for are left out. */
#include "hw/timer/i8254.h"
#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"

enum { COUNTERS = 3, CONTROL = 3, SPEAKER = 2 };
enum { RW_LATCH, RW_LOW, RW_HIGH, RW_BOTH };
enum { PORT61_GATE = 1, PORT61_DATA = 2, PORT61_REFRESH = 16, PORT61_OUT = 32, REFRESH_NS = 15085 };
#define SECOND 1000000000ull

typedef struct Pit {
    Device dev;
    const IrqLine *irq;
    Timer timer;
    bool rests;
    DEV_STATE_BEGIN
    uint64_t loaded[COUNTERS]; /* ns */
    uint32_t count[COUNTERS];  /* 1 to 65536 */
    uint16_t latch[COUNTERS];
    uint8_t mode[COUNTERS], bcd[COUNTERS], rw[COUNTERS], gate[COUNTERS];
    uint8_t low[COUNTERS];     /* first byte of two that are written */
    uint8_t second[COUNTERS];  /* bit 0: the next write is of the second byte, bit 1: the next read */
    uint8_t latched[COUNTERS]; /* bytes of latch that are left to read: 2, or 1 */
    uint8_t status[COUNTERS], status_latched[COUNTERS];
    uint8_t unloaded[COUNTERS]; /* a control word came, and no count since */
    uint8_t speaker, muted;
    DEV_STATE_END
} Pit;

_Static_assert((int)COUNTERS == (int)X86_CHIP_COUNTERS, "of the same kind");
/* Fields of a counter that have the same name there. */
#define SAME(X) X(latch) X(mode) X(bcd) X(rw) X(gate) X(low) X(latched) X(status) X(status_latched)

static uint64_t ticks_since(uint64_t from, uint64_t now)
{
    uint64_t ns = now > from ? now - from : 0;
    return ns / SECOND * I8254_HZ + ns % SECOND * I8254_HZ / SECOND;
}
/* The time at which that many have passed. */
static uint64_t after(uint64_t from, uint64_t ticks)
{
    uint64_t part = ticks % I8254_HZ * SECOND;
    return from + ticks / I8254_HZ * SECOND + (part + I8254_HZ - 1) / I8254_HZ;
}

static uint64_t now_of(const Pit *p)
{
    return clock_now(p->dev.clock);
}
static bool is_periodic(const Pit *p, unsigned n)
{
    return p->mode[n] == 2 || p->mode[n] == 3;
}
static bool counts(const Pit *p, unsigned n)
{
    return !p->unloaded[n] && (p->gate[n] || p->mode[n] == 1 || p->mode[n] == 5);
}

static bool output(const Pit *p, unsigned n, uint64_t now)
{
    uint64_t t = ticks_since(p->loaded[n], now), count = p->count[n];
    if (p->unloaded[n])
        return p->mode[n] != 0;
    switch (p->mode[n]) {
    case 0:
    case 1: return t >= count;
    case 2: return !p->gate[n] || t % count != count - 1;
    case 3: return !p->gate[n] || t % count < (count + 1) / 2;
    default: return t != count;
    }
}

static uint16_t to_bcd(uint32_t v)
{
    return (uint16_t)(v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12);
}
static uint32_t from_bcd(uint32_t v)
{
    return (v & 15) + (v >> 4 & 15) * 10 + (v >> 8 & 15) * 100 + (v >> 12 & 15) * 1000;
}

static uint16_t current(const Pit *p, unsigned n)
{
    uint64_t t = ticks_since(p->loaded[n], now_of(p)), count = p->count[n], left;
    if (!counts(p, n))
        left = count;
    else if (p->mode[n] == 3)
        left = count - (t * 2 % count & ~1ull);
    else if (p->mode[n] == 2)
        left = count - t % count;
    else /* goes on below zero */
        left = count - t;
    if (p->bcd[n])
        return to_bcd((uint32_t)((left % 10000 + 10000) % 10000));
    return (uint16_t)left;
}

/* ---- the interrupt of counter 0 ---- */

/* When its output changes next, or, where it goes down for one tick only, comes up; 0: never. */
static uint64_t next_change(const Pit *p, uint64_t now)
{
    uint64_t t = ticks_since(p->loaded[0], now), count = p->count[0], at;
    if (!counts(p, 0))
        return 0;
    if (p->mode[0] == 2)
        at = (t / count + 1) * count;
    else if (p->mode[0] == 3)
        at = t % count < (count + 1) / 2 ? t / count * count + (count + 1) / 2 : (t / count + 1) * count;
    else if (t < count)
        at = count;
    else
        return 0;
    return after(p->loaded[0], at);
}

static void rearm(Pit *p)
{
    const uint64_t now = now_of(p), due = next_change(p, now), least = now + CLOCK_LEAST_PERIOD_NS;
    if (due && !p->rests)
        timer_set(p->dev.clock, &p->timer, is_periodic(p, 0) ? MAX(due, least) : due);
    else
        timer_cancel(p->dev.clock, &p->timer);
}

static void show(const Pit *p)
{
    if (!p->rests)
        irq_set(p->irq, !p->muted && output(p, 0, now_of(p)));
}

static void fire(void *opaque)
{
    Pit *p = opaque;
    const bool pulse = p->mode[0] == 2 || p->mode[0] >= 4;
    if (pulse)
        irq_set(p->irq, false);
    if (pulse)
        irq_set(p->irq, !p->muted);
    else
        show(p);
    rearm(p);
}

void i8254_mute(Device *d, bool on)
{
    Pit *p = (Pit *)d;
    lock_take(&d->lock);
    p->muted = on;
    show(p);
    lock_release(&d->lock);
}

/* ---- another engine's ---- */

void i8254_rest(Device *d, bool on)
{
    Pit *p = (Pit *)d;
    lock_take(&d->lock);
    p->rests = on;
    rearm(p);
    lock_release(&d->lock);
}

void i8254_get(Device *d, X86PitState *ret)
{
    const Pit *p = (const Pit *)d;
    lock_take(&d->lock);
    *ret = (X86PitState){.speaker = (p->speaker & PORT61_DATA) != 0, .muted = p->muted};
    for (unsigned n = 0; n < COUNTERS; n++) {
        ret->counter[n].loaded = p->loaded[n];
        ret->counter[n].count = p->unloaded[n] ? 0 : p->count[n];
        ret->counter[n].second_write = p->second[n] & 1;
        ret->counter[n].second_read = p->second[n] >> 1 & 1;
#define GET(name) ret->counter[n].name = p->name[n];
        SAME(GET)
#undef GET
    }
    lock_release(&d->lock);
}

void i8254_put(Device *d, const X86PitState *s)
{
    Pit *p = (Pit *)d;
    lock_take(&d->lock);
    p->speaker = (uint8_t)((s->speaker ? PORT61_DATA : 0) | (s->counter[SPEAKER].gate ? PORT61_GATE : 0));
    p->muted = s->muted;
    for (unsigned n = 0; n < COUNTERS; n++) {
        p->loaded[n] = s->counter[n].loaded;
        p->unloaded[n] = s->counter[n].count == 0;
        p->count[n] = s->counter[n].count ? s->counter[n].count : 65536;
        p->second[n] = (uint8_t)(s->counter[n].second_write | s->counter[n].second_read << 1);
#define PUT(name) p->name[n] = s->counter[n].name;
        SAME(PUT)
#undef PUT
    }
    lock_release(&d->lock);
}

/* ---- registers ---- */

static void load(Pit *p, unsigned n, uint32_t v)
{
    if (p->bcd[n])
        v = from_bcd(v);
    p->count[n] = v ? v : p->bcd[n] ? 10000 : 65536;
    if (is_periodic(p, n) && p->count[n] == 1)
        p->count[n] = 2;                                 /* is none */
    p->unloaded[n] = p->mode[n] == 1 || p->mode[n] == 5; /* these begin with their gate */
    p->loaded[n] = now_of(p);
    dev_trace(&p->dev, PIT_LOAD, "counter %u mode %u count %u", n, p->mode[n], p->count[n]);
    if (n == 0) {
        show(p);
        rearm(p);
    }
}

static void write_count(Pit *p, unsigned n, uint8_t v)
{
    switch (p->rw[n]) {
    case RW_LOW: load(p, n, v); break;
    case RW_HIGH: load(p, n, (uint32_t)v << 8); break;
    default:
        p->second[n] ^= 1;
        if (p->second[n] & 1)
            p->low[n] = v;
        else
            load(p, n, (uint32_t)v << 8 | p->low[n]);
    }
}

static void latch(Pit *p, unsigned n)
{
    if (p->latched[n])
        return;
    p->latch[n] = current(p, n);
    p->latched[n] = p->rw[n] == RW_BOTH ? 2 : 1;
}

static void read_back(Pit *p, uint8_t v)
{
    for (unsigned n = 0; n < COUNTERS; n++) {
        if (!(v >> (n + 1) & 1))
            continue;
        if (!(v & 0x20))
            latch(p, n);
        if (v & 0x10 || p->status_latched[n])
            continue;
        p->status[n] = (uint8_t)(output(p, n, now_of(p)) << 7 | p->unloaded[n] << 6 | p->rw[n] << 4 |
                                 p->mode[n] << 1 | p->bcd[n]);
        p->status_latched[n] = 1;
    }
}

static void write_control(Pit *p, uint8_t v)
{
    const unsigned n = v >> 6, rw = v >> 4 & 3, mode = v >> 1 & 7;
    if (n == COUNTERS) {
        read_back(p, v);
        return;
    }
    if (rw == RW_LATCH) {
        latch(p, n);
        return;
    }
    p->rw[n] = (uint8_t)rw;
    p->mode[n] = (uint8_t)(mode >= 6 ? mode - 4 : mode);
    p->bcd[n] = v & 1;
    p->second[n] = p->latched[n] = p->status_latched[n] = 0;
    p->unloaded[n] = 1;
    if (n == 0) {
        show(p);
        rearm(p);
    }
}

static uint8_t read_count(Pit *p, unsigned n)
{
    if (p->status_latched[n]) {
        p->status_latched[n] = 0;
        return p->status[n];
    }
    if (p->latched[n]) {
        const bool high = p->rw[n] == RW_HIGH || (p->rw[n] == RW_BOTH && p->latched[n] == 1);
        p->latched[n]--;
        return (uint8_t)(high ? p->latch[n] >> 8 : p->latch[n]);
    }
    const uint16_t v = current(p, n);
    if (p->rw[n] == RW_BOTH)
        p->second[n] ^= 2;
    const bool high = p->rw[n] == RW_HIGH || (p->rw[n] == RW_BOTH && !(p->second[n] & 2));
    return (uint8_t)(high ? v >> 8 : v);
}

static uint64_t pit_read(void *dev, uint64_t at, unsigned size)
{
    return at == CONTROL ? 0 : read_count(dev, (unsigned)at);
}

static void pit_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    if (at == CONTROL)
        write_control(dev, (uint8_t)value);
    else
        write_count(dev, (unsigned)at, (uint8_t)value);
}

static void set_gate(Pit *p, unsigned n, bool on)
{
    const bool rises = on && !p->gate[n];
    p->gate[n] = on;
    if (!rises || (p->unloaded[n] && p->mode[n] != 1 && p->mode[n] != 5))
        return;
    p->unloaded[n] = 0;
    if (p->mode[n] != 0 && p->mode[n] != 4) /* these go on; they are taken to begin anew, too */
        p->loaded[n] = now_of(p);
}

static uint64_t speaker_read(void *dev, uint64_t at, unsigned size)
{
    const Pit *p = dev;
    const uint64_t now = now_of(p);
    return (p->speaker & (PORT61_GATE | PORT61_DATA)) | (now / REFRESH_NS & 1 ? PORT61_REFRESH : 0u) |
           (output(p, SPEAKER, now) ? PORT61_OUT : 0u);
}

static void speaker_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    Pit *p = dev;
    p->speaker = value & (PORT61_GATE | PORT61_DATA);
    set_gate(p, SPEAKER, value & PORT61_GATE);
}

static const MmioOps ops = {.read = pit_read, .write = pit_write, .min = 1, .max = 1};
static const MmioOps speaker_ops = {.read = speaker_read, .write = speaker_write, .min = 1, .max = 1};

static bool pit_realize(Device *dev, DevError *err)
{
    Pit *p = (Pit *)dev;
    p->timer = (Timer){.fire = fire, .opaque = p, .lock = &dev->lock};
    dev_add_mmio(dev, "pit", &ops, 4);
    dev_add_mmio(dev, "speaker", &speaker_ops, 1);
    return true;
}

static void pit_reset(Device *dev)
{
    Pit *p = (Pit *)dev;
    memset((char *)p + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    for (unsigned n = 0; n < COUNTERS; n++) {
        p->mode[n] = 3;
        p->rw[n] = RW_BOTH;
        p->gate[n] = n != SPEAKER;
        p->count[n] = 65536;
        p->unloaded[n] = 1;
    }
    rearm(p);
    irq_set(p->irq, false);
}

static bool pit_loaded(Device *dev, DevError *err)
{
    Pit *p = (Pit *)dev;
    for (unsigned n = 0; n < COUNTERS; n++)
        if (p->count[n] < 1 || p->count[n] > 65536 || p->mode[n] > 5 || p->rw[n] > RW_BOTH ||
            p->latched[n] > 2)
            return dev_fail(err, "a counter in mode %u that counts to %u", p->mode[n], p->count[n]);
    show(p);
    rearm(p);
    return true;
}

static void pit_clear(Device *dev)
{
    if (dev->clock)
        timer_cancel(dev->clock, &((Pit *)dev)->timer);
}

static const DevProp props[] = {DEV_PTR(Pit, irq, "output of counter 0")};
static const DevField state[] = {
    DEV_ARRAY(Pit, loaded),   DEV_ARRAY(Pit, count),   DEV_ARRAY(Pit, latch),  DEV_ARRAY(Pit, mode),
    DEV_ARRAY(Pit, bcd),      DEV_ARRAY(Pit, rw),      DEV_ARRAY(Pit, gate),   DEV_ARRAY(Pit, low),
    DEV_ARRAY(Pit, second),   DEV_ARRAY(Pit, latched), DEV_ARRAY(Pit, status), DEV_ARRAY(Pit, status_latched),
    DEV_ARRAY(Pit, unloaded), DEV_FIELD(Pit, speaker), DEV_FIELD(Pit, muted),
};

const DevClass i8254_class = {
    .name = "i8254",
    .help = "interval timer and speaker port",
    .version = 1,
    DEV_TABLES(Pit, props, state),
    .realize = pit_realize,
    .reset = pit_reset,
    .loaded = pit_loaded,
    .clear = pit_clear,
};
