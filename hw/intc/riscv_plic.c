/* Map (RISC-V PLIC specification 1.0): priorities at 0, pending bits at 0x1000, enables at 0x2000 (0x80 a
 * context), from 0x200000 a page for each context with threshold and claim/complete. The gateway of a source
 * passes one request until its completion. */
#include "hw/intc/riscv_plic.h"
#include "hw/core/dev_impl.h"

enum {
    PENDING = 0x1000,
    ENABLE = 0x2000,
    ENABLE_STRIDE = 0x80,
    CONTEXT = 0x200000,
    CONTEXT_STRIDE = 0x1000,
    THRESHOLD = 0,
    CLAIM = 4,
    WORDS = PLIC_MAX_SOURCES / 32,
};

typedef struct Plic {
    Device dev;
    uint32_t sources, contexts, priorities; /* sources: the highest number */
    const IrqLine *out;
    DEV_STATE_BEGIN
    uint32_t level[WORDS], pending[WORDS], active[WORDS]; /* active: claimed, not completed */
    uint8_t priority[PLIC_MAX_SOURCES];
    uint32_t enable[PLIC_MAX_CONTEXTS][WORDS];
    uint8_t threshold[PLIC_MAX_CONTEXTS];
    DEV_STATE_END
} Plic;

static bool bit(const uint32_t *words, unsigned n) { return words[n / 32] >> n % 32 & 1; }
static void set_bit(uint32_t *words, unsigned n) { words[n / 32] |= 1u << n % 32; }
static void clear_bit(uint32_t *words, unsigned n) { words[n / 32] &= ~(1u << n % 32); }

/* The source that the context would be given; 0: none. */
static unsigned best(const Plic *p, unsigned context)
{
    unsigned found = 0, above = p->threshold[context];
    for (unsigned w = 0; w <= p->sources / 32; w++) {
        for (uint32_t m = p->pending[w] & p->enable[context][w]; m; m &= m - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(m);
            if (p->priority[n] > above) {
                above = p->priority[n];
                found = n;
            }
        }
    }
    return found;
}

static void update(const Plic *p)
{
    for (unsigned c = 0; c < p->contexts; c++)
        irq_set(&p->out[c], best(p, c) != 0);
}

static void gate(Plic *p, unsigned n)
{
    if (bit(p->level, n) && !bit(p->active, n))
        set_bit(p->pending, n);
}

static void set_source(void *receiver, unsigned n, bool level)
{
    Plic *p = receiver;
    lock_take(&p->dev.lock);
    if (level != bit(p->level, n)) {
        if (level)
            set_bit(p->level, n);
        else
            clear_bit(p->level, n);
        gate(p, n);
        update(p);
    }
    lock_release(&p->dev.lock);
}

IrqLine riscv_plic_source(Device *plic, unsigned n)
{
    return (IrqLine){.set = set_source, .receiver = plic, .n = n};
}

static uint32_t claim(Plic *p, unsigned context)
{
    unsigned n = best(p, context);
    if (n) {
        clear_bit(p->pending, n);
        set_bit(p->active, n);
        update(p);
    }
    return n;
}

static void complete(Plic *p, unsigned context, uint32_t n)
{
    if (n == 0 || n > p->sources || !bit(p->enable[context], n))
        return;
    clear_bit(p->active, n);
    gate(p, n);
    update(p);
}

/* Which sources of a word exist. */
static uint32_t word_mask(const Plic *p, unsigned w)
{
    uint32_t mask = w == 0 ? ~1u : ~0u;
    if (w > p->sources / 32)
        return 0;
    return w == p->sources / 32 && p->sources % 32 != 31 ? mask & ((2u << p->sources % 32) - 1) : mask;
}

static uint64_t plic_read(void *dev, uint64_t offset, unsigned size)
{
    Plic *p = dev;
    if (offset < PENDING)
        return offset / 4 <= p->sources ? p->priority[offset / 4] : 0;
    if (offset < ENABLE)
        return offset - PENDING < WORDS * 4 ? p->pending[(offset - PENDING) / 4] : 0;
    if (offset < CONTEXT) {
        uint64_t c = (offset - ENABLE) / ENABLE_STRIDE;
        return c < p->contexts ? p->enable[c][(offset - ENABLE) % ENABLE_STRIDE / 4] : 0;
    }
    uint64_t c = (offset - CONTEXT) / CONTEXT_STRIDE, reg = (offset - CONTEXT) % CONTEXT_STRIDE;
    if (c >= p->contexts)
        return 0;
    return reg == THRESHOLD ? p->threshold[c] : reg == CLAIM ? claim(p, (unsigned)c) : 0;
}

static void write_context(Plic *p, unsigned c, uint64_t reg, uint32_t v)
{
    if (reg == CLAIM)
        complete(p, c, v);
    if (reg != THRESHOLD)
        return;
    p->threshold[c] = (uint8_t)(v & p->priorities);
    update(p);
}

static void plic_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    Plic *p = dev;
    uint32_t v = (uint32_t)value;
    if (offset < PENDING) {
        if (offset / 4 && offset / 4 <= p->sources)
            p->priority[offset / 4] = (uint8_t)(v & p->priorities);
        update(p);
    } else if (offset >= ENABLE && offset < CONTEXT) {
        uint64_t c = (offset - ENABLE) / ENABLE_STRIDE;
        unsigned w = (unsigned)((offset - ENABLE) % ENABLE_STRIDE / 4);
        if (c < p->contexts)
            p->enable[c][w] = v & word_mask(p, w);
        update(p);
    } else if (offset >= CONTEXT && (offset - CONTEXT) / CONTEXT_STRIDE < p->contexts) {
        write_context(p, (unsigned)((offset - CONTEXT) / CONTEXT_STRIDE), (offset - CONTEXT) % CONTEXT_STRIDE,
                      v);
    }
}

static const MmioOps ops = {.read = plic_read, .write = plic_write, .min = 4, .max = 4};

static bool plic_realize(Device *dev, DevError *err)
{
    Plic *p = (Plic *)dev;
    if (p->sources == 0 || p->sources >= PLIC_MAX_SOURCES)
        return dev_fail(err, "riscv-plic: %u sources, 1 to %u are possible", p->sources,
                        PLIC_MAX_SOURCES - 1u);
    if (p->contexts == 0 || p->contexts > PLIC_MAX_CONTEXTS)
        return dev_fail(err, "riscv-plic: %u contexts, 1 to %u are possible", p->contexts,
                        (unsigned)PLIC_MAX_CONTEXTS);
    lock_init(&dev->lock, LOCK_RANK_INTC);
    dev_add_mmio(dev, "plic", &ops, 0x600000);
    return true;
}

/* What drives the lines is reset by itself. */
static void plic_reset(Device *dev)
{
    Plic *p = (Plic *)dev;
    memset(p->pending, 0, sizeof(p->pending));
    memset(p->active, 0, sizeof(p->active));
    memset(p->priority, 0, sizeof(p->priority));
    memset(p->enable, 0, sizeof(p->enable));
    memset(p->threshold, 0, sizeof(p->threshold));
    for (unsigned n = 1; n <= p->sources; n++)
        gate(p, n);
    update(p);
}

static bool plic_loaded(Device *dev, DevError *err)
{
    Plic *p = (Plic *)dev;
    for (unsigned w = 0; w < WORDS; w++) {
        p->level[w] &= word_mask(p, w);
        p->pending[w] &= word_mask(p, w);
        p->active[w] &= word_mask(p, w);
        for (unsigned c = 0; c < p->contexts; c++)
            p->enable[c][w] &= word_mask(p, w);
    }
    update(p);
    return true;
}

static const DevProp props[] = {
    DEV_U32(Plic, sources, "highest source number", 96),
    DEV_U32(Plic, contexts, "how many contexts", 2),
    DEV_U32(Plic, priorities, "highest priority, a power of two less one", 7),
    DEV_PTR(Plic, out, "a line for each context"),
};
static const DevField state[] = {
    DEV_ARRAY(Plic, level), DEV_ARRAY(Plic, pending), DEV_ARRAY(Plic, active), DEV_ARRAY(Plic, priority),
    {"enable", offsetof(Plic, enable), 4, PLIC_MAX_CONTEXTS * WORDS}, DEV_ARRAY(Plic, threshold),
};

const DevClass riscv_plic_class = {
    .name = "riscv-plic", .help = "platform-level interrupt controller", .version = 1,
    DEV_TABLES(Plic, props, state),
    .realize = plic_realize, .reset = plic_reset, .loaded = plic_loaded,
};
