/* The specification's names. A source belongs to one domain at a time; in the other one it reads as zeros.
 * What a domain delivers by is fixed (domaincfg.DM). */
#include "hw/intc/riscv_aplic.h"
#include "hw/core/dev_impl.h"

enum { SOURCES = APLIC_MAX_SOURCES + 1, WORDS = SOURCES / 32, HARTS = APLIC_MAX_HARTS };
enum {
    DOMAINCFG = 0,
    SOURCECFG = 4,
    MSIADDRCFG = 0x1bc0, /* 4 */
    SETIP = 0x1c00,
    SETIPNUM = 0x1cdc,
    IN_CLRIP = 0x1d00,
    CLRIPNUM = 0x1ddc,
    SETIE = 0x1e00,
    SETIENUM = 0x1edc,
    CLRIE = 0x1f00,
    CLRIENUM = 0x1fdc,
    SETIPNUM_LE = 0x2000,
    SETIPNUM_BE = 0x2004,
    GENMSI = 0x3000,
    TARGET = 0x3004,
    IDC = 0x4000,
    IDC_BYTES = 32,
    BITS_BYTES = 128,
    LIST_BYTES = 1023 * 4,
};
enum { IDELIVERY = 0, IFORCE = 4, ITHRESHOLD = 8, TOPI = 0x18, CLAIMI = 0x1c };
enum { CFG_IE = 1 << 8, CFG_DM = 1 << 2, DELEGATE = 1 << 10 };
enum { INACTIVE = 0, DETACHED = 1, EDGE1 = 4, EDGE0 = 5, LEVEL1 = 6, LEVEL0 = 7 };
enum { M, S, DOMAINS };
#define CFG_FIXED 0x80000000u
#define LOCKED    0x80000000u /* mmsiaddrcfgh.L */

typedef struct AplicDomain {
    uint32_t domaincfg, sourcecfg[SOURCES], target[SOURCES], pending[WORDS], enabled[WORDS];
    uint32_t idelivery[HARTS], iforce[HARTS], ithreshold[HARTS];
} AplicDomain;

typedef struct Aplic {
    Device dev;
    uint32_t sources, harts;
    bool messages;
    const IrqLine *m, *s;
    const MsiTarget *send;
    struct AplicView {
        struct Aplic *a;
        unsigned domain;
    } view[DOMAINS];
    DEV_STATE_BEGIN
    AplicDomain d[DOMAINS];
    uint32_t level[WORDS], msiaddrcfg[4];
    DEV_STATE_END
} Aplic;

static bool bit(const uint32_t *words, unsigned n)
{
    return words[n / 32] >> n % 32 & 1;
}
static void put_bit(uint32_t *words, unsigned n, bool on)
{
    words[n / 32] = on ? words[n / 32] | 1u << n % 32 : words[n / 32] & ~(1u << n % 32);
}

/* ---- sources ---- */

/* Its mode in a domain; INACTIVE: it is another's, too. */
static unsigned mode_of(const Aplic *a, unsigned domain, unsigned n)
{
    bool delegated = a->d[M].sourcecfg[n] & DELEGATE;
    if (n == 0 || n > a->sources || delegated != (domain == S))
        return INACTIVE;
    return a->d[domain].sourcecfg[n] & 7;
}

static bool rectified(const Aplic *a, unsigned n, unsigned mode)
{
    return mode >= EDGE1 && bit(a->level, n) != (mode & 1);
}

/* By software: an edge, or a level that is up and asks once more. */
static void set_pending(Aplic *a, unsigned domain, unsigned n)
{
    unsigned mode = n <= a->sources ? mode_of(a, domain, n) : INACTIVE;
    if (mode == DETACHED || mode == EDGE1 || mode == EDGE0 ||
        (mode >= LEVEL1 && a->messages && rectified(a, n, mode)))
        put_bit(a->d[domain].pending, n, true);
}

static void clear_pending(Aplic *a, unsigned domain, unsigned n)
{
    unsigned mode = n <= a->sources ? mode_of(a, domain, n) : INACTIVE;
    if (mode != INACTIVE && (mode < LEVEL1 || a->messages))
        put_bit(a->d[domain].pending, n, false);
}

static void set_enabled(Aplic *a, unsigned domain, unsigned n, bool on)
{
    if (n <= a->sources && mode_of(a, domain, n) != INACTIVE)
        put_bit(a->d[domain].enabled, n, on);
}

/* ---- delivery ---- */

/* The source that the hart would be given, and its priority. 0: none. */
static unsigned top(const Aplic *a, unsigned domain, unsigned hart, unsigned *ret_priority)
{
    const AplicDomain *d = &a->d[domain];
    unsigned found = 0, below = d->ithreshold[hart] ? d->ithreshold[hart] : 256;
    for (unsigned w = 0; w < WORDS; w++) {
        for (uint32_t m = d->pending[w] & d->enabled[w]; m; m &= m - 1) {
            unsigned n = w * 32 + (unsigned)__builtin_ctz(m), p = d->target[n] & 255;
            if (d->target[n] >> 18 == hart && p < below) {
                below = p;
                found = n;
            }
        }
    }
    *ret_priority = found ? below : 0;
    return found;
}

static void drive_lines(const Aplic *a, unsigned domain)
{
    const AplicDomain *d = &a->d[domain];
    const IrqLine *lines = domain == M ? a->m : a->s;
    unsigned p;
    for (unsigned hart = 0; lines && hart < a->harts; hart++)
        irq_set(&lines[hart], (d->domaincfg & CFG_IE) && d->idelivery[hart] &&
                                  (d->iforce[hart] || top(a, domain, hart, &p)));
}

/* Where messages to a hart go; the fields are those of mmsiaddrcfgh. */
static uint64_t message_address(const Aplic *a, unsigned domain, uint32_t hart, uint32_t guest)
{
    const uint32_t *cfg = &a->msiaddrcfg[domain == M ? 0 : 2], high = a->msiaddrcfg[1];
    unsigned lhxw = high >> 12 & 15, hhxw = high >> 16 & 7, hhxs = high >> 24 & 31, lhxs = cfg[1] >> 20 & 7;
    uint64_t group = hart >> lhxw & ((1u << hhxw) - 1), low = hart & ((1u << lhxw) - 1),
             page = (uint64_t)(cfg[1] & 0xfff) << 32 | cfg[0];
    return (page | group << (hhxs + 12) | low << lhxs | (domain == M ? 0 : guest)) << 12;
}

static void send(const Aplic *a, unsigned domain, uint32_t target)
{
    if (a->send)
        a->send->send(a->send->receiver, message_address(a, domain, target >> 18, target >> 12 & 63),
                      target & 0x7ff, 0);
}

static void send_messages(Aplic *a, unsigned domain)
{
    AplicDomain *d = &a->d[domain];
    for (unsigned w = 0; w < WORDS && (d->domaincfg & CFG_IE); w++) {
        for (uint32_t m = d->pending[w] & d->enabled[w]; m; m &= m - 1) {
            d->pending[w] &= ~(m & -m);
            send(a, domain, d->target[w * 32 + (unsigned)__builtin_ctz(m)]);
        }
    }
}

static void deliver(Aplic *a, unsigned domain)
{
    if (a->messages)
        send_messages(a, domain);
    else
        drive_lines(a, domain);
}

/* The input, or the mode, was another one. */
static void follow_input(Aplic *a, unsigned domain, unsigned n, unsigned mode, bool before)
{
    bool now = rectified(a, n, mode);
    uint32_t *pending = a->d[domain].pending;
    if (mode >= LEVEL1 && !(a->messages && now && before))
        put_bit(pending, n, now);
    else if (mode >= EDGE1 && mode < LEVEL1 && now && !before)
        put_bit(pending, n, true);
}

static void set_source(void *receiver, unsigned n, bool level)
{
    Aplic *a = receiver;
    lock_take(&a->dev.lock);
    unsigned domain = a->d[M].sourcecfg[n] & DELEGATE ? S : M, mode = mode_of(a, domain, n);
    bool before = rectified(a, n, mode);
    put_bit(a->level, n, level);
    if (rectified(a, n, mode) != before) {
        follow_input(a, domain, n, mode, before);
        deliver(a, domain);
    }
    lock_release(&a->dev.lock);
}

IrqLine riscv_aplic_source(Device *aplic, unsigned n)
{
    return (IrqLine){.set = set_source, .receiver = aplic, .n = n};
}

/* ---- registers ---- */

static void write_sourcecfg(Aplic *a, unsigned domain, unsigned n, uint32_t v)
{
    AplicDomain *d = &a->d[domain];
    unsigned before = mode_of(a, domain, n);
    if (domain == S && !(a->d[M].sourcecfg[n] & DELEGATE))
        return;
    v = v & DELEGATE ? (domain == M ? DELEGATE : 0) : v & 7;
    v = v == 2 || v == 3 ? 0 : v;
    if (domain == M && (v ^ d->sourcecfg[n]) & DELEGATE) { /* the other domain begins with nothing */
        a->d[S].sourcecfg[n] = a->d[S].target[n] = 0;
        put_bit(a->d[S].pending, n, false);
        put_bit(a->d[S].enabled, n, false);
    }
    bool was_up = rectified(a, n, before);
    d->sourcecfg[n] = v;
    if (mode_of(a, domain, n) == INACTIVE) {
        put_bit(d->pending, n, false);
        put_bit(d->enabled, n, false);
        d->target[n] = 0;
        return;
    }
    if (before == INACTIVE && !a->messages)
        d->target[n] = 1;
    if (mode_of(a, domain, n) >= LEVEL1) /* a mode makes no edge */
        follow_input(a, domain, n, mode_of(a, domain, n), was_up);
}

static void write_target(Aplic *a, unsigned domain, unsigned n, uint32_t v)
{
    if (mode_of(a, domain, n) == INACTIVE)
        return;
    uint32_t hart = v >> 18 < a->harts ? v >> 18 : 0;
    if (a->messages)
        v = domain == M ? v & 0x7ff : v & 0x3f7ff;
    else
        v = v & 255 ? v & 255 : 1;
    a->d[domain].target[n] = hart << 18 | v;
}

static uint32_t read_idc(Aplic *a, unsigned domain, unsigned hart, unsigned reg)
{
    AplicDomain *d = &a->d[domain];
    unsigned priority, n;
    switch (reg) {
    case IDELIVERY: return d->idelivery[hart];
    case IFORCE: return d->iforce[hart];
    case ITHRESHOLD: return d->ithreshold[hart];
    case TOPI:
    case CLAIMI:
        n = top(a, domain, hart, &priority);
        if (reg == CLAIMI && n)
            clear_pending(a, domain, n);
        else if (reg == CLAIMI)
            d->iforce[hart] = 0;
        if (reg == CLAIMI)
            drive_lines(a, domain);
        return n << 16 | priority;
    default: return 0;
    }
}

static void write_idc(Aplic *a, unsigned domain, unsigned hart, unsigned reg, uint32_t v)
{
    AplicDomain *d = &a->d[domain];
    if (reg == IDELIVERY)
        d->idelivery[hart] = v & 1;
    else if (reg == IFORCE)
        d->iforce[hart] = v & 1;
    else if (reg == ITHRESHOLD)
        d->ithreshold[hart] = v & 255;
}

static bool in(uint64_t at, unsigned first, unsigned bytes)
{
    return at - first < bytes;
}

/* Inputs as the sources' modes see them. */
static uint32_t input_word(const Aplic *a, unsigned domain, unsigned w)
{
    uint32_t v = 0;
    for (unsigned k = 0; k < 32; k++)
        v |= (uint32_t)rectified(a, w * 32 + k, mode_of(a, domain, w * 32 + k)) << k;
    return v;
}

static uint32_t read_bits(const Aplic *a, unsigned domain, uint64_t at)
{
    unsigned w = at % BITS_BYTES / 4;
    if (w >= WORDS)
        return 0;
    return in(at, SETIP, BITS_BYTES)      ? a->d[domain].pending[w]
           : in(at, IN_CLRIP, BITS_BYTES) ? input_word(a, domain, w)
           : in(at, SETIE, BITS_BYTES)    ? a->d[domain].enabled[w]
                                          : 0;
}

static uint64_t aplic_read(void *view, uint64_t at, unsigned size)
{
    const struct AplicView *v = view;
    Aplic *a = v->a;
    AplicDomain *d = &a->d[v->domain];
    if (at == DOMAINCFG)
        return CFG_FIXED | d->domaincfg | (a->messages ? CFG_DM : 0);
    if (in(at, SOURCECFG, LIST_BYTES))
        return at / 4 <= a->sources ? d->sourcecfg[at / 4] : 0;
    if (in(at, TARGET, LIST_BYTES))
        return (at - TARGET) / 4 < a->sources ? d->target[(at - TARGET) / 4 + 1] : 0;
    if (in(at, MSIADDRCFG, 16))
        return v->domain == M && a->messages ? a->msiaddrcfg[(at - MSIADDRCFG) / 4] : 0;
    if (in(at, SETIP, CLRIE - SETIP))
        return read_bits(a, v->domain, at);
    if (at >= IDC && !a->messages && (at - IDC) / IDC_BYTES < a->harts)
        return read_idc(a, v->domain, (unsigned)(at - IDC) / IDC_BYTES, (unsigned)at % IDC_BYTES);
    return 0;
}

static void write_bits(Aplic *a, unsigned domain, uint64_t at, uint32_t bits)
{
    unsigned w = at % BITS_BYTES / 4;
    for (; bits && w < WORDS; bits &= bits - 1) {
        unsigned n = w * 32 + (unsigned)__builtin_ctz(bits);
        if (in(at, SETIP, BITS_BYTES))
            set_pending(a, domain, n);
        else if (in(at, IN_CLRIP, BITS_BYTES))
            clear_pending(a, domain, n);
        else
            set_enabled(a, domain, n, in(at, SETIE, BITS_BYTES));
    }
}

/* Registers that take a source's number. False: none of them. */
static bool write_number(Aplic *a, unsigned domain, uint64_t at, uint32_t n)
{
    switch (at) {
    case SETIPNUM:
    case SETIPNUM_LE: set_pending(a, domain, n); return true;
    case SETIPNUM_BE: set_pending(a, domain, __builtin_bswap32(n)); return true;
    case CLRIPNUM: clear_pending(a, domain, n); return true;
    case SETIENUM: set_enabled(a, domain, n, true); return true;
    case CLRIENUM: set_enabled(a, domain, n, false); return true;
    default: return false;
    }
}

static void write_address(Aplic *a, unsigned n, uint32_t v)
{
    static const uint32_t mask[] = {~0u, 0x9f77ffff, ~0u, 0x00700fff};
    if (a->messages && !(a->msiaddrcfg[1] & LOCKED))
        a->msiaddrcfg[n] = v & mask[n];
}

static void aplic_write(void *view, uint64_t at, uint64_t value, unsigned size)
{
    const struct AplicView *view_of = view;
    Aplic *a = view_of->a;
    const unsigned domain = view_of->domain;
    uint32_t v = (uint32_t)value;
    if (at == DOMAINCFG)
        a->d[domain].domaincfg = v & CFG_IE;
    else if (in(at, SOURCECFG, LIST_BYTES) && at / 4 <= a->sources)
        write_sourcecfg(a, domain, (unsigned)at / 4, v);
    else if (in(at, TARGET, LIST_BYTES) && (at - TARGET) / 4 < a->sources)
        write_target(a, domain, (unsigned)(at - TARGET) / 4 + 1, v);
    else if (in(at, MSIADDRCFG, 16) && domain == M)
        write_address(a, (unsigned)(at - MSIADDRCFG) / 4, v);
    else if (at == GENMSI && a->messages)
        send(a, domain, (v >> 18 < a->harts ? v & 0xfffc0000 : 0) | (v & 0x7ff));
    else if (!write_number(a, domain, at, v) && in(at, SETIP, 0x2000 - SETIP))
        write_bits(a, domain, at, v);
    else if (at >= IDC && !a->messages && (at - IDC) / IDC_BYTES < a->harts)
        write_idc(a, domain, (unsigned)(at - IDC) / IDC_BYTES, (unsigned)at % IDC_BYTES, v);
    deliver(a, domain);
}

static const MmioOps ops = {.read = aplic_read, .write = aplic_write, .min = 4, .max = 4};

/* ---- life ---- */

static bool aplic_realize(Device *dev, DevError *err)
{
    Aplic *a = (Aplic *)dev;
    if (a->sources == 0 || a->sources > APLIC_MAX_SOURCES)
        return dev_fail(err, "riscv-aplic: %u sources, 1 to %u are possible", a->sources,
                        (unsigned)APLIC_MAX_SOURCES);
    if (a->harts == 0 || a->harts > HARTS)
        return dev_fail(err, "riscv-aplic: %u harts, 1 to %u are possible", a->harts, (unsigned)HARTS);
    lock_init(&dev->lock, LOCK_RANK_INTC);
    for (unsigned k = 0; k < DOMAINS; k++) {
        a->view[k] = (struct AplicView){a, k};
        dev_add_mmio(dev, k == M ? "aplic-m" : "aplic-s", &ops, APLIC_BYTES)->dev = &a->view[k];
    }
    return true;
}

/* What drives the inputs is reset by itself. */
static void aplic_reset(Device *dev)
{
    Aplic *a = (Aplic *)dev;
    memset(a->d, 0, sizeof(a->d));
    memset(a->msiaddrcfg, 0, sizeof(a->msiaddrcfg));
    for (unsigned k = 0; k < DOMAINS; k++)
        deliver(a, k);
}

static bool aplic_loaded(Device *dev, DevError *err)
{
    Aplic *a = (Aplic *)dev;
    for (unsigned k = 0; k < DOMAINS; k++) {
        AplicDomain *d = &a->d[k];
        d->domaincfg &= CFG_IE;
        for (unsigned n = 0; n < SOURCES; n++) {
            bool there = mode_of(a, k, n) != INACTIVE;
            d->pending[n / 32] &= there ? ~0u : ~(1u << n % 32);
            d->enabled[n / 32] &= there ? ~0u : ~(1u << n % 32);
        }
        if (!a->messages)
            drive_lines(a, k);
    }
    return true;
}

static const DevProp props[] = {
    DEV_U32(Aplic, sources, "highest source number", 96),
    DEV_U32(Aplic, harts, "how many harts", 1),
    DEV_BOOL(Aplic, messages, "delivery by messages, not by lines", 0),
    DEV_PTR(Aplic, m, "a machine-level line for each hart; may be absent"),
    DEV_PTR(Aplic, s, "a supervisor-level line for each hart; may be absent"),
    DEV_PTR(Aplic, send, "what takes messages; may be absent"),
};
#define DOMAIN_ROWS(k)                                                                                       \
    DEV_FIELD(Aplic, d[k].domaincfg), DEV_ARRAY(Aplic, d[k].sourcecfg), DEV_ARRAY(Aplic, d[k].target),       \
        DEV_ARRAY(Aplic, d[k].pending), DEV_ARRAY(Aplic, d[k].enabled), DEV_ARRAY(Aplic, d[k].idelivery),    \
        DEV_ARRAY(Aplic, d[k].iforce), DEV_ARRAY(Aplic, d[k].ithreshold)
static const DevField state[] = {DOMAIN_ROWS(0), DOMAIN_ROWS(1), DEV_ARRAY(Aplic, level),
                                 DEV_ARRAY(Aplic, msiaddrcfg)};

const DevClass riscv_aplic_class = {
    .name = "riscv-aplic",
    .help = "advanced platform-level interrupt controller",
    .version = 1,
    DEV_TABLES(Aplic, props, state),
    .realize = aplic_realize,
    .reset = aplic_reset,
    .loaded = aplic_loaded,
};
