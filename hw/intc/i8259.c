/* Intel 8259A, in 8086 mode. Spurious interrupts are input 7 of the controller that gives them. The mode of
 * input triggering is that of the ELCR; ICW1's LTIM is kept off, as chip sets do. No polled buffers, no
 * MCS-80 vectors. */
#include "hw/intc/i8259.h"
#include "hw/core/dev_impl.h"

enum { MASTER, SLAVE, CHIPS, CASCADE = 2, INPUTS = 8 };
/* Of initialization: what is awaited. SINGLE: no ICW3 follows. */
enum { STEP_DONE, STEP_ICW4, STEP_ICW2, STEP_ICW2_SINGLE, STEP_ICW3 };
enum { ICW1 = 0x10, ICW1_ICW4 = 1, ICW1_SINGLE = 2, ICW4_AEOI = 2, ICW4_FULLY_NESTED = 0x10, OCW3 = 8 };

typedef struct Pic {
    Device dev;
    const IrqLine *intr;
    bool out;
    DEV_STATE_BEGIN
    uint8_t irr[CHIPS], imr[CHIPS], isr[CHIPS], level[CHIPS], elcr[CHIPS];
    uint8_t base[CHIPS];                                 /* vector of input 0 */
    uint8_t icw4[CHIPS], step[CHIPS], wants_icw4[CHIPS]; /* step: of initialization, 0: done */
    uint8_t lowest[CHIPS];                               /* input of the lowest priority */
    uint8_t reads_isr[CHIPS], poll[CHIPS], special_mask[CHIPS], rotates[CHIPS];
    DEV_STATE_END
} Pic;

/* Inputs from the highest priority on: the first that is set in v; INPUTS: none. */
static unsigned first(const Pic *p, unsigned chip, uint8_t v)
{
    for (unsigned k = 1; k <= INPUTS; k++) {
        unsigned n = (p->lowest[chip] + k) % INPUTS;
        if (v >> n & 1)
            return (p->lowest[chip] + k + INPUTS - (p->lowest[chip] + 1u)) % INPUTS;
    }
    return INPUTS;
}
static unsigned input_of(const Pic *p, unsigned chip, unsigned priority)
{
    return (p->lowest[chip] + 1u + priority) % INPUTS;
}

/* The input that would be acknowledged; INPUTS: none. */
static unsigned pending(const Pic *p, unsigned chip)
{
    uint8_t serviced = p->isr[chip];
    if (p->special_mask[chip])
        serviced &= (uint8_t)~p->imr[chip];
    if (chip == MASTER && (p->icw4[chip] & ICW4_FULLY_NESTED))
        serviced &= (uint8_t) ~(1u << CASCADE);
    unsigned want = first(p, chip, p->irr[chip] & (uint8_t)~p->imr[chip]), now = first(p, chip, serviced);
    return want < now ? input_of(p, chip, want) : INPUTS;
}

static void set_input(Pic *p, unsigned chip, unsigned n, bool level)
{
    const uint8_t bit = (uint8_t)(1u << n);
    if (p->elcr[chip] & bit)
        p->irr[chip] = level ? p->irr[chip] | bit : p->irr[chip] & (uint8_t)~bit;
    else if (level && !(p->level[chip] & bit))
        p->irr[chip] |= bit;
    else if (!level)
        p->irr[chip] &= (uint8_t)~bit; /* an edge counts only as long as it stays up */
    p->level[chip] = level ? p->level[chip] | bit : p->level[chip] & (uint8_t)~bit;
}

static void update(Pic *p)
{
    set_input(p, MASTER, CASCADE, pending(p, SLAVE) < INPUTS);
    bool out = pending(p, MASTER) < INPUTS;
    if (out == p->out)
        return;
    p->out = out;
    irq_set(p->intr, out);
}

static void set_line(void *receiver, unsigned n, bool level)
{
    Pic *p = receiver;
    lock_take(&p->dev.lock);
    set_input(p, n / INPUTS, n % INPUTS, level);
    update(p);
    lock_release(&p->dev.lock);
}

IrqLine i8259_input(Device *d, unsigned n)
{
    return (IrqLine){set_line, d, n};
}

static unsigned ack_chip(Pic *p, unsigned chip)
{
    unsigned n = pending(p, chip);
    if (n == INPUTS)
        return INPUTS - 1; /* spurious */
    const uint8_t bit = (uint8_t)(1u << n);
    if (!(p->elcr[chip] & bit))
        p->irr[chip] &= (uint8_t)~bit;
    if (!(p->icw4[chip] & ICW4_AEOI))
        p->isr[chip] |= bit;
    else if (p->rotates[chip])
        p->lowest[chip] = (uint8_t)n;
    return n;
}

static unsigned ack_locked(Pic *p)
{
    unsigned n = ack_chip(p, MASTER), vector = p->base[MASTER] + n;
    if (n == CASCADE)
        vector = p->base[SLAVE] + ack_chip(p, SLAVE);
    update(p);
    return vector;
}

unsigned i8259_ack(void *d)
{
    Pic *p = d;
    lock_take(&p->dev.lock);
    unsigned vector = ack_locked(p);
    lock_release(&p->dev.lock);
    dev_trace(&p->dev, PIC_ACK, "vector 0x%x", vector);
    return vector;
}

/* Of the second one's the first has its input in service, too. */
static void take_back_from(Pic *p, unsigned chip, unsigned n)
{
    const uint8_t bit = (uint8_t)(1u << n);
    p->isr[chip] &= (uint8_t)~bit;
    if (chip == SLAVE || n != CASCADE)
        p->irr[chip] |= bit;
}

void i8259_take_back(Device *d, unsigned vector)
{
    Pic *p = (Pic *)d;
    lock_take(&d->lock);
    if (vector - p->base[MASTER] < INPUTS) {
        take_back_from(p, MASTER, vector - p->base[MASTER]);
    } else if (vector - p->base[SLAVE] < INPUTS) {
        take_back_from(p, SLAVE, vector - p->base[SLAVE]);
        take_back_from(p, MASTER, CASCADE);
    }
    update(p);
    lock_release(&d->lock);
}

/* ---- another engine's ---- */

/* Fields of the same name. */
#define SAME(X)                                                                                              \
    X(irr)                                                                                                   \
    X(imr)                                                                                                   \
    X(isr) X(level) X(elcr) X(base) X(icw4) X(wants_icw4) X(lowest) X(reads_isr) X(poll) X(special_mask)     \
        X(rotates)

void i8259_get(Device *d, unsigned chip, X86PicState *ret)
{
    static const uint8_t awaits[] = {
        [STEP_ICW2] = 2, [STEP_ICW2_SINGLE] = 2, [STEP_ICW3] = 3, [STEP_ICW4] = 4};
    const Pic *p = (const Pic *)d;
    lock_take(&d->lock);
    ret->awaits = awaits[p->step[chip]];
#define GET(name) ret->name = p->name[chip];
    SAME(GET)
#undef GET
    lock_release(&d->lock);
}

void i8259_put(Device *d, unsigned chip, const X86PicState *s)
{
    static const uint8_t step[] = {[2] = STEP_ICW2, [3] = STEP_ICW3, [4] = STEP_ICW4};
    Pic *p = (Pic *)d;
    lock_take(&d->lock);
    p->step[chip] = step[s->awaits];
#define PUT(name) p->name[chip] = s->name;
    SAME(PUT)
#undef PUT
    lock_release(&d->lock);
}

/* ---- registers ---- */

static void write_icw1(Pic *p, unsigned chip, uint8_t v)
{
    p->irr[chip] = p->imr[chip] = p->isr[chip] = 0;
    p->lowest[chip] = INPUTS - 1;
    p->reads_isr[chip] = p->special_mask[chip] = p->rotates[chip] = p->icw4[chip] = p->poll[chip] = 0;
    p->wants_icw4[chip] = v & ICW1_ICW4;
    p->step[chip] = v & ICW1_SINGLE ? STEP_ICW2_SINGLE : STEP_ICW2;
    for (unsigned n = 0; n < INPUTS; n++)    /* levels that are up ask again */
        if (p->elcr[chip] >> n & p->level[chip] >> n & 1)
            p->irr[chip] |= (uint8_t)(1u << n);
}

static void write_ocw2(Pic *p, unsigned chip, uint8_t v)
{
    enum { ROTATE_AEOI_OFF, EOI, NOTHING, EOI_N, ROTATE_AEOI_ON, EOI_ROTATE, SET_LOWEST, EOI_N_ROTATE };
    const unsigned priority = first(p, chip, p->isr[chip]);
    unsigned n = v & 7;
    switch (v >> 5) {
    case ROTATE_AEOI_OFF:
    case ROTATE_AEOI_ON: p->rotates[chip] = v >> 7; return;
    case SET_LOWEST: p->lowest[chip] = (uint8_t)n; return;
    case EOI:
    case EOI_ROTATE:
        if (priority == INPUTS)
            return;
        n = input_of(p, chip, priority);
        break;
    case NOTHING: return;
    default: break;
    }
    p->isr[chip] &= (uint8_t) ~(1u << n);
    if (v & 0x80)
        p->lowest[chip] = (uint8_t)n;
}

static void write_ocw3(Pic *p, unsigned chip, uint8_t v)
{
    if (v & 2)
        p->reads_isr[chip] = v & 1;
    if (v & 0x40)
        p->special_mask[chip] = v >> 5 & 1;
    p->poll[chip] = v >> 2 & 1;
}

static void write_data(Pic *p, unsigned chip, uint8_t v)
{
    switch (p->step[chip]) {
    case STEP_DONE: p->imr[chip] = v; break;
    case STEP_ICW2:
        p->base[chip] = v & 0xf8;
        p->step[chip] = STEP_ICW3;
        break;
    case STEP_ICW4:
        p->icw4[chip] = v & 0x1f;
        p->step[chip] = STEP_DONE;
        break;
    case STEP_ICW2_SINGLE: p->base[chip] = v & 0xf8; __attribute__((fallthrough));
    default:
        p->step[chip] =
            p->wants_icw4[chip] ? STEP_ICW4 : STEP_DONE; /* ICW3: how they are connected is known */
    }
}

static void chip_write(Pic *p, unsigned chip, uint64_t at, uint8_t v)
{
    if (at)
        write_data(p, chip, v);
    else if (v & ICW1)
        write_icw1(p, chip, v);
    else if (v & OCW3)
        write_ocw3(p, chip, v);
    else
        write_ocw2(p, chip, v);
    update(p);
}

static uint8_t chip_read(Pic *p, unsigned chip, uint64_t at)
{
    if (p->poll[chip]) {
        bool any = pending(p, chip) < INPUTS;
        unsigned n = any ? ack_chip(p, chip) : 0;
        p->poll[chip] = 0;
        update(p);
        return (uint8_t)(any ? 0x80 | n : 0);
    }
    return at ? p->imr[chip] : p->reads_isr[chip] ? p->isr[chip] : p->irr[chip];
}

static uint64_t master_read(void *dev, uint64_t at, unsigned size)
{
    return chip_read(dev, MASTER, at);
}
static void master_write(void *dev, uint64_t at, uint64_t v, unsigned size)
{
    chip_write(dev, MASTER, at, (uint8_t)v);
}
static uint64_t slave_read(void *dev, uint64_t at, unsigned size)
{
    return chip_read(dev, SLAVE, at);
}
static void slave_write(void *dev, uint64_t at, uint64_t v, unsigned size)
{
    chip_write(dev, SLAVE, at, (uint8_t)v);
}

static uint64_t elcr_read(void *dev, uint64_t at, unsigned size)
{
    return ((Pic *)dev)->elcr[at & 1];
}
static void elcr_write(void *dev, uint64_t at, uint64_t v, unsigned size)
{
    static const uint8_t can[CHIPS] = {0xf8, 0xde}; /* timer, keyboard, cascade; clock and FPU are edges */
    Pic *p = dev;
    p->elcr[at & 1] = (uint8_t)v & can[at & 1];
    update(p);
}

static const MmioOps master_ops = {.read = master_read, .write = master_write, .min = 1, .max = 1};
static const MmioOps slave_ops = {.read = slave_read, .write = slave_write, .min = 1, .max = 1};
static const MmioOps elcr_ops = {.read = elcr_read, .write = elcr_write, .min = 1, .max = 1};

static bool pic_realize(Device *dev, DevError *err)
{
    lock_init(&dev->lock, LOCK_RANK_INTC);
    dev_add_mmio(dev, "pic", &master_ops, 2);
    dev_add_mmio(dev, "pic2", &slave_ops, 2);
    dev_add_mmio(dev, "elcr", &elcr_ops, 2);
    return true;
}

static void pic_reset(Device *dev)
{
    Pic *p = (Pic *)dev;
    memset((char *)p + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    p->lowest[0] = p->lowest[1] = INPUTS - 1;
    update(p);
}

static bool pic_loaded(Device *dev, DevError *err)
{
    Pic *p = (Pic *)dev;
    for (unsigned chip = 0; chip < CHIPS; chip++)
        if (p->lowest[chip] >= INPUTS || p->step[chip] > STEP_ICW3)
            return dev_fail(err, "an i8259 whose lowest priority is %u, in step %u", p->lowest[chip],
                            p->step[chip]);
    p->out = pending(p, MASTER) < INPUTS;
    irq_set(p->intr, p->out);
    return true;
}

static const DevProp props[] = {DEV_PTR(Pic, intr, "the output")};
static const DevField state[] = {
    DEV_ARRAY(Pic, irr),          DEV_ARRAY(Pic, imr),     DEV_ARRAY(Pic, isr),       DEV_ARRAY(Pic, level),
    DEV_ARRAY(Pic, elcr),         DEV_ARRAY(Pic, base),    DEV_ARRAY(Pic, icw4),      DEV_ARRAY(Pic, step),
    DEV_ARRAY(Pic, wants_icw4),   DEV_ARRAY(Pic, lowest),  DEV_ARRAY(Pic, reads_isr), DEV_ARRAY(Pic, poll),
    DEV_ARRAY(Pic, special_mask), DEV_ARRAY(Pic, rotates),
};

const DevClass i8259_class = {
    .name = "i8259",
    .help = "pair of interrupt controllers",
    .version = 1,
    DEV_TABLES(Pic, props, state),
    .realize = pic_realize,
    .reset = pic_reset,
    .loaded = pic_loaded,
};
