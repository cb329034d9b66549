/* The RISC-V ACLINT specification 1.0: MSWI at 0, MTIMER (mtimecmp at 0x4000, mtime at 0xbff8). mtime counts
 * the machine's clock in units of 100 ns, plus what software wrote. Harts with Sstc have their stimecmp, and
 * that of a guest, compared here, too. */
#include "hw/intc/riscv_clint.h"
#include "hw/core/clock.h"
#include "hw/core/dev_impl.h"

enum { MSIP = 0, MTIMECMP = 0x4000, MTIME = 0xbff8, SIZE = 0x10000, TICK_NS = 1000000000 / CLINT_HZ,
       KINDS = 3 };

typedef struct Clint {
    Device dev;
    uint32_t harts;
    const IrqLine *software, *timer, *supervisor, *guest;
    Timer timers[KINDS * CLINT_MAX_HARTS]; /* machine's, then supervisor's, then guest's */
    struct ClintHart {
        struct Clint *clint;
        unsigned n;
    } hart[KINDS * CLINT_MAX_HARTS];
    DEV_STATE_BEGIN
    uint64_t offset;  /* mtime - clock */
    uint64_t mtimecmp[CLINT_MAX_HARTS], stimecmp[CLINT_MAX_HARTS], vstimecmp[CLINT_MAX_HARTS];
    uint8_t msip[CLINT_MAX_HARTS];
    DEV_STATE_END
} Clint;

uint64_t riscv_clint_time(void *clint)
{
    const Clint *c = clint;
    return clock_now(c->dev.clock) / TICK_NS + __atomic_load_n(&c->offset, __ATOMIC_RELAXED);
}

/* Raises or lowers the line, and has the timer see to the rest. n: as of `timers`. */
static void update_timer(Clint *c, unsigned n)
{
    unsigned hart = n % CLINT_MAX_HARTS, kind = n / CLINT_MAX_HARTS;
    const IrqLine *lines = kind == 0 ? c->timer : kind == 1 ? c->supervisor : c->guest;
    const uint64_t *all = kind == 0 ? c->mtimecmp : kind == 1 ? c->stimecmp : c->vstimecmp;
    uint64_t now = riscv_clint_time(c), cmp = all[hart];
    if (lines)
        irq_set(&lines[hart], now >= cmp);
    if (now >= cmp)
        timer_cancel(c->dev.clock, &c->timers[n]);
    else if (cmp - now < (UINT64_MAX >> 1) / TICK_NS && cmp - c->offset < (UINT64_MAX >> 1) / TICK_NS)
        timer_set(c->dev.clock, &c->timers[n], (cmp - c->offset) * TICK_NS);
    else
        timer_cancel(c->dev.clock, &c->timers[n]); /* not in this life */
}

static void update_hart(Clint *c, unsigned n)
{
    for (unsigned kind = 0; kind < KINDS; kind++)
        update_timer(c, n + kind * CLINT_MAX_HARTS);
}

void riscv_clint_alarm(void *clint, uint64_t n, uint64_t when)
{
    Clint *c = clint;
    unsigned hart = (unsigned)(n / 2), guest = n & 1;
    if (n / 2 >= c->harts)
        return;
    lock_take(&c->dev.lock);
    (guest ? c->vstimecmp : c->stimecmp)[hart] = when;
    update_timer(c, hart + (1 + guest) * CLINT_MAX_HARTS);
    lock_release(&c->dev.lock);
}

static void fire(void *opaque)
{
    const struct ClintHart *h = opaque;
    update_timer(h->clint, h->n);
}

static uint64_t word_at(const Clint *c, uint64_t offset)
{
    if (offset < MTIMECMP)
        return offset % 4 == 0 && offset / 4 < c->harts ? c->msip[offset / 4] : 0;
    if (offset >= MTIME)
        return riscv_clint_time((void *)(uintptr_t)c);
    uint64_t n = (offset - MTIMECMP) / 8;
    return n < c->harts ? c->mtimecmp[n] : 0;
}

static uint64_t clint_read(void *dev, uint64_t offset, unsigned size)
{
    uint64_t v = word_at(dev, offset);
    return size == 4 && offset % 8 && offset >= MTIMECMP ? v >> 32 : v;
}

static uint64_t merged(uint64_t old, uint64_t offset, uint64_t value, unsigned size)
{
    if (size == 8)
        return value;
    return offset % 8 ? (old & 0xffffffff) | value << 32 : (old & ~0xffffffffull) | (uint32_t)value;
}

static void clint_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    Clint *c = dev;
    if (offset < MTIMECMP) {
        if (offset % 4 || offset / 4 >= c->harts)
            return;
        c->msip[offset / 4] = value & 1;
        irq_set(&c->software[offset / 4], value & 1);
    } else if (offset >= MTIME) {
        uint64_t now = riscv_clint_time(c);
        __atomic_store_n(&c->offset, c->offset + merged(now, offset, value, size) - now, __ATOMIC_RELAXED);
        for (unsigned n = 0; n < c->harts; n++)
            update_hart(c, n);
    } else if ((offset - MTIMECMP) / 8 < c->harts) {
        unsigned n = (unsigned)(offset - MTIMECMP) / 8;
        c->mtimecmp[n] = merged(c->mtimecmp[n], offset, value, size);
        update_timer(c, n);
    }
}

static const MmioOps ops = {.read = clint_read, .write = clint_write, .min = 4, .max = 8};

static bool clint_realize(Device *dev, DevError *err)
{
    Clint *c = (Clint *)dev;
    if (c->harts == 0 || c->harts > CLINT_MAX_HARTS)
        return dev_fail(err, "riscv-clint: %u harts, 1 to %u are possible", c->harts,
                        (unsigned)CLINT_MAX_HARTS);
    lock_init(&dev->lock, LOCK_RANK_INTC);
    for (unsigned n = 0; n < ARRAY_SIZE(c->timers); n++) {
        c->hart[n] = (struct ClintHart){c, n};
        c->timers[n] = (Timer){.fire = fire, .opaque = &c->hart[n], .lock = &dev->lock};
    }
    dev_add_mmio(dev, "clint", &ops, SIZE);
    return true;
}

static void clint_reset(Device *dev)
{
    Clint *c = (Clint *)dev;
    c->offset = 0 - clock_now(dev->clock) / TICK_NS;
    memset(c->msip, 0, sizeof(c->msip));
    memset(c->mtimecmp, 0xff, sizeof(c->mtimecmp));
    memset(c->stimecmp, 0xff, sizeof(c->stimecmp));
    memset(c->vstimecmp, 0xff, sizeof(c->vstimecmp));
    for (unsigned n = 0; n < c->harts; n++) {
        irq_set(&c->software[n], false);
        update_hart(c, n);
    }
}

static bool clint_loaded(Device *dev, DevError *err)
{
    Clint *c = (Clint *)dev;
    for (unsigned n = 0; n < c->harts; n++) {
        irq_set(&c->software[n], c->msip[n] & 1);
        update_hart(c, n);
    }
    return true;
}

static void clint_clear(Device *dev)
{
    Clint *c = (Clint *)dev;
    for (unsigned n = 0; dev->clock && n < ARRAY_SIZE(c->timers); n++)
        timer_cancel(dev->clock, &c->timers[n]);
}

static const DevProp props[] = {
    DEV_U32(Clint, harts, "how many harts", 1),
    DEV_PTR(Clint, software, "a software interrupt line for each hart"),
    DEV_PTR(Clint, timer, "a timer interrupt line for each hart"),
    DEV_PTR(Clint, supervisor, "a supervisor's timer line for each hart; may be absent"),
    DEV_PTR(Clint, guest, "a guest's timer line for each hart; may be absent"),
};
static const DevField state[] = {DEV_FIELD(Clint, offset), DEV_ARRAY(Clint, mtimecmp),
                                 DEV_ARRAY(Clint, stimecmp), DEV_ARRAY(Clint, vstimecmp),
                                 DEV_ARRAY(Clint, msip)};

const DevClass riscv_clint_class = {
    .name = "riscv-clint", .help = "software and timer interrupts of harts", .version = 1,
    DEV_TABLES(Clint, props, state),
    .realize = clint_realize, .reset = clint_reset, .loaded = clint_loaded, .clear = clint_clear,
};
