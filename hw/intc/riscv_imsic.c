/* The specification's names. Identity 0 does not exist: bit 0 of eip and eie is always 0. A lower number is
 * more urgent. */
#include "hw/intc/riscv_imsic.h"
#include "hw/core/dev_impl.h"

enum {
    FILES = IMSIC_FILE_GUEST + IMSIC_MAX_GUESTS,
    WORDS = (IMSIC_MAX_IDS + 1) / 64,
    SETEIPNUM_LE = 0,
    SETEIPNUM_BE = 4,
    REGS = 64, /* of 32 bits, of eip or eie */
};

typedef struct Imsic {
    Device dev;
    uint32_t harts, guests, ids;
    const IrqLine *m, *s, *guest;
    DEV_STATE_BEGIN
    uint64_t eip[IMSIC_MAX_HARTS][FILES][WORDS], eie[IMSIC_MAX_HARTS][FILES][WORDS];
    uint32_t eidelivery[IMSIC_MAX_HARTS][FILES], eithreshold[IMSIC_MAX_HARTS][FILES];
    DEV_STATE_END
} Imsic;

unsigned riscv_imsic_shift(unsigned guests)
{
    unsigned shift = 0;
    while (1u << shift < guests + 1)
        shift++;
    return shift;
}

static unsigned files(const Imsic *d)
{
    return IMSIC_FILE_GUEST + d->guests;
}

/* The most urgent that is pending, enabled and below the threshold; 0: none. */
static unsigned top(const Imsic *d, unsigned hart, unsigned file)
{
    unsigned below = d->eithreshold[hart][file] ? d->eithreshold[hart][file] : IMSIC_MAX_IDS + 1;
    for (unsigned w = 0; w < WORDS; w++) {
        uint64_t both = d->eip[hart][file][w] & d->eie[hart][file][w];
        unsigned n = w * 64 + (both ? (unsigned)__builtin_ctzll(both) : 0);
        if (both)
            return n < below ? n : 0;
    }
    return 0;
}

static void update(Imsic *d, unsigned hart, unsigned file)
{
    const IrqLine *lines = file == IMSIC_FILE_M ? d->m : file == IMSIC_FILE_S ? d->s : d->guest;
    unsigned n = file < IMSIC_FILE_GUEST ? hart : hart * d->guests + file - IMSIC_FILE_GUEST;
    if (lines)
        irq_set(&lines[n], d->eidelivery[hart][file] == 1 && top(d, hart, file) != 0);
}

static void put(Imsic *d, unsigned hart, unsigned file, uint32_t id)
{
    if (hart >= d->harts || file >= files(d) || id == 0 || id > d->ids)
        return;
    d->eip[hart][file][id / 64] |= 1ull << id % 64;
    update(d, hart, file);
}

/* ---- memory ---- */

/* Hart and file of an offset; false: beyond the last. */
static bool at_page(const Imsic *d, bool supervisor, uint64_t offset, unsigned *ret_hart, unsigned *ret_file)
{
    unsigned shift = supervisor ? riscv_imsic_shift(d->guests) : 0;
    uint64_t page = offset / IMSIC_PAGE, hart = page >> shift;
    *ret_hart = (unsigned)hart;
    *ret_file = supervisor ? IMSIC_FILE_S + (unsigned)(page & ((1u << shift) - 1)) : IMSIC_FILE_M;
    return hart < d->harts && *ret_file < files(d);
}

static void store(Imsic *d, bool supervisor, uint64_t offset, uint32_t v)
{
    unsigned hart, file;
    if (!at_page(d, supervisor, offset, &hart, &file))
        return;
    if (offset % IMSIC_PAGE == SETEIPNUM_LE)
        put(d, hart, file, v);
    else if (offset % IMSIC_PAGE == SETEIPNUM_BE)
        put(d, hart, file, __builtin_bswap32(v));
}

static uint64_t page_read(void *dev, uint64_t offset, unsigned size)
{
    return 0;
}
static void m_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    store(dev, false, offset, (uint32_t)value);
}
static void s_write(void *dev, uint64_t offset, uint64_t value, unsigned size)
{
    store(dev, true, offset, (uint32_t)value);
}
static const MmioOps m_ops = {.read = page_read, .write = m_write, .min = 4, .max = 4};
static const MmioOps s_ops = {.read = page_read, .write = s_write, .min = 4, .max = 4};

void riscv_imsic_send(Device *imsic, bool supervisor, uint64_t offset, uint32_t data)
{
    lock_take(&imsic->lock);
    store((Imsic *)imsic, supervisor, offset, data);
    lock_release(&imsic->lock);
}

/* ---- registers ---- */

/* Which identities of a word exist. */
static uint64_t word_mask(const Imsic *d, unsigned w)
{
    uint64_t mask = w == 0 ? ~1ull : ~0ull;
    return w > d->ids / 64 ? 0 : w == d->ids / 64 ? mask & ((2ull << d->ids % 64) - 1) : mask;
}

static uint64_t claim(Imsic *d, unsigned hart, unsigned file, bool write)
{
    uint64_t n = top(d, hart, file);
    if (n && write)
        d->eip[hart][file][n / 64] &= ~(1ull << n % 64);
    return n << 16 | n;
}

static bool bits_reg(Imsic *d, unsigned hart, unsigned file, unsigned reg, bool write, uint64_t mask,
                     uint64_t value, uint64_t *ret_old)
{
    unsigned w = reg % REGS / 2;
    uint64_t none = 0, *word = w >= WORDS ? &none : (reg < IMSIC_EIE ? d->eip : d->eie)[hart][file] + w;
    if (reg < IMSIC_EIP || reg >= IMSIC_EIE + REGS || reg % 2)
        return false;
    *ret_old = *word;
    if (write)
        *word = ((*word & ~mask) | (value & mask)) & word_mask(d, w);
    return true;
}

static bool access_reg(Imsic *d, unsigned hart, unsigned file, unsigned reg, bool write, uint64_t mask,
                       uint64_t value, uint64_t *ret_old)
{
    uint32_t *delivery = &d->eidelivery[hart][file], *threshold = &d->eithreshold[hart][file];
    uint32_t v;
    switch (reg) {
    case IMSIC_TOPEI: *ret_old = claim(d, hart, file, write); return true;
    case IMSIC_EIDELIVERY:
        *ret_old = *delivery;
        v = (uint32_t)((*delivery & ~mask) | (value & mask));
        *delivery = write && v <= 1 ? v : *delivery;
        return true;
    case IMSIC_EITHRESHOLD:
        *ret_old = *threshold;
        v = (uint32_t)((*threshold & ~mask) | (value & mask)) & IMSIC_MAX_IDS;
        *threshold = write ? v : *threshold;
        return true;
    default: return bits_reg(d, hart, file, reg, write, mask, value, ret_old);
    }
}

bool riscv_imsic_reg(Device *imsic, unsigned hart, unsigned file, unsigned reg, bool write, uint64_t mask,
                     uint64_t value, uint64_t *ret_old)
{
    Imsic *d = (Imsic *)imsic;
    if (hart >= d->harts || file >= files(d))
        return false;
    lock_take(&imsic->lock);
    bool ok = access_reg(d, hart, file, reg, write, mask, value, ret_old);
    if (ok && write)
        update(d, hart, file);
    lock_release(&imsic->lock);
    return ok;
}

/* ---- life ---- */

static bool imsic_realize(Device *dev, DevError *err)
{
    Imsic *d = (Imsic *)dev;
    if (d->harts == 0 || d->harts > IMSIC_MAX_HARTS)
        return dev_fail(err, "riscv-imsic: %u harts, 1 to %u are possible", d->harts,
                        (unsigned)IMSIC_MAX_HARTS);
    if (d->guests > IMSIC_MAX_GUESTS)
        return dev_fail(err, "riscv-imsic: %u guests, up to %u are possible", d->guests,
                        (unsigned)IMSIC_MAX_GUESTS);
    if (d->ids < 63 || d->ids > IMSIC_MAX_IDS || d->ids % 64 != 63)
        return dev_fail(err, "riscv-imsic: %u identities: 63, 127, 191 or 255", d->ids);
    lock_init(&dev->lock, LOCK_RANK_INTC);
    dev_add_mmio(dev, "imsic-m", &m_ops, (uint64_t)d->harts * IMSIC_PAGE);
    dev_add_mmio(dev, "imsic-s", &s_ops, (uint64_t)d->harts * IMSIC_PAGE << riscv_imsic_shift(d->guests));
    return true;
}

static void update_all(Imsic *d)
{
    for (unsigned hart = 0; hart < d->harts; hart++)
        for (unsigned file = 0; file < files(d); file++)
            update(d, hart, file);
}

static void imsic_reset(Device *dev)
{
    memset((char *)dev + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    update_all((Imsic *)dev);
}

static bool imsic_loaded(Device *dev, DevError *err)
{
    Imsic *d = (Imsic *)dev;
    for (unsigned hart = 0; hart < IMSIC_MAX_HARTS; hart++) {
        for (unsigned file = 0; file < FILES; file++) {
            bool there = hart < d->harts && file < files(d);
            d->eidelivery[hart][file] &= there;
            d->eithreshold[hart][file] &= there ? (uint32_t)IMSIC_MAX_IDS : 0;
            for (unsigned w = 0; w < WORDS; w++) {
                d->eip[hart][file][w] &= there ? word_mask(d, w) : 0;
                d->eie[hart][file][w] &= there ? word_mask(d, w) : 0;
            }
        }
    }
    update_all(d);
    return true;
}

static const DevProp props[] = {
    DEV_U32(Imsic, harts, "how many harts", 1),
    DEV_U32(Imsic, guests, "interrupt files for virtual machines, each hart", 0),
    DEV_U32(Imsic, ids, "highest identity", IMSIC_MAX_IDS),
    DEV_PTR(Imsic, m, "a machine-level line for each hart"),
    DEV_PTR(Imsic, s, "a supervisor-level line for each hart"),
    DEV_PTR(Imsic, guest, "a line for each guest of each hart; may be absent"),
};
static const DevField state[] = {
    {"eip", offsetof(Imsic, eip), 8, IMSIC_MAX_HARTS *FILES *WORDS},
    {"eie", offsetof(Imsic, eie), 8, IMSIC_MAX_HARTS *FILES *WORDS},
    {"eidelivery", offsetof(Imsic, eidelivery), 4, IMSIC_MAX_HARTS *FILES},
    {"eithreshold", offsetof(Imsic, eithreshold), 4, IMSIC_MAX_HARTS *FILES},
};

const DevClass riscv_imsic_class = {
    .name = "riscv-imsic",
    .help = "incoming message-signalled interrupt controllers of harts",
    .version = 1,
    DEV_TABLES(Imsic, props, state),
    .realize = imsic_realize,
    .reset = imsic_reset,
    .loaded = imsic_loaded,
};
