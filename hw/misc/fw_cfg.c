#include "hw/misc/fw_cfg.h"
#include "hw/core/dev_impl.h"

enum { DATA = 0, SELECTOR = 8, DMA = 16, DMA_LOW = 20, BYTES = 24, ITEMS = 96, NAME = 56, ENTRY = 64 };
enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };
#define DMA_SIGNATURE 0x51454d5520434647ull /* "QEMU CFG" */

typedef struct Item {
    uint16_t key;
    bool live;
    const uint8_t *bytes; /* NULL: number */
    uint64_t size, have, number; /* behind `have` bytes there are zeros */
    uint8_t *writable;           /* NULL: firmware cannot write it */
    void (*asked)(void *opaque); /* may be NULL */
    void *asked_opaque;
} Item;

typedef struct FwCfg {
    Device dev;
    Item item[ITEMS];
    unsigned n_items, n_files;
    void (*refresh)(void *opaque); /* NULL: there is nothing to do, or it is done */
    void *refresh_opaque;
    uint8_t directory[4 + ITEMS * ENTRY];
    DEV_STATE_BEGIN
    uint64_t dma;
    uint32_t at;
    uint16_t selected;
    DEV_STATE_END
} FwCfg;

/* ---- what it holds ---- */

static const Item *find(const FwCfg *c, unsigned key)
{
    for (unsigned k = 0; k < c->n_items; k++)
        if (c->item[k].key == key)
            return &c->item[k];
    return NULL;
}

static bool add(FwCfg *c, Item item)
{
    if (c->n_items == ITEMS || find(c, item.key))
        return false;
    c->item[c->n_items++] = item;
    return true;
}

bool fw_cfg_add(Device *d, unsigned key, const void *bytes, size_t n)
{
    return add((FwCfg *)d, (Item){.key = (uint16_t)key, .bytes = bytes, .size = n, .have = n});
}

bool fw_cfg_add_number(Device *d, unsigned key, uint64_t value, unsigned bytes)
{
    return add((FwCfg *)d, (Item){.key = (uint16_t)key, .size = bytes, .have = bytes, .number = value});
}

static void put_be32(uint8_t *to, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(to, &v, sizeof(v));
}

bool fw_cfg_add_file(Device *d, const char *name, const void *bytes, size_t n)
{
    FwCfg *c = (FwCfg *)d;
    unsigned key = FW_CFG_FIRST_FILE + c->n_files;
    if (strlen(name) >= NAME || n > UINT32_MAX || !fw_cfg_add(d, key, bytes, n))
        return false;
    uint8_t *entry = c->directory + 4 + c->n_files++ * ENTRY;
    put_be32(entry, (uint32_t)n);
    put_be32(entry + 4, key << 16);
    memcpy(entry + 8, name, strlen(name) + 1);
    put_be32(c->directory, c->n_files);
    for (unsigned k = 0; k < c->n_items; k++)
        if (c->item[k].key == FW_CFG_FILES)
            c->item[k].size = c->item[k].have = 4 + (uint64_t)c->n_files * ENTRY;
    return true;
}

bool fw_cfg_add_live(Device *d, const char *name, const void *bytes, size_t n, size_t most)
{
    FwCfg *c = (FwCfg *)d;
    if (n > most || !fw_cfg_add_file(d, name, bytes, most))
        return false;
    Item *i = &c->item[c->n_items - 1];
    i->have = n;
    i->live = true;
    return true;
}

bool fw_cfg_add_writable(Device *d, const char *name, void *bytes, size_t n)
{
    FwCfg *c = (FwCfg *)d;
    if (!fw_cfg_add_file(d, name, bytes, n))
        return false;
    c->item[c->n_items - 1].writable = bytes;
    return true;
}

bool fw_cfg_add_asked(Device *d, const char *name, const void *bytes, size_t n, void (*asked)(void *opaque),
                      void *opaque)
{
    FwCfg *c = (FwCfg *)d;
    if (!fw_cfg_add_file(d, name, bytes, n))
        return false;
    c->item[c->n_items - 1].asked = asked;
    c->item[c->n_items - 1].asked_opaque = opaque;
    return true;
}

void fw_cfg_on_select(Device *d, void (*refresh)(void *opaque), void *opaque)
{
    ((FwCfg *)d)->refresh = refresh;
    ((FwCfg *)d)->refresh_opaque = opaque;
}

bool fw_cfg_change(Device *d, const char *name, const void *bytes, size_t n)
{
    FwCfg *c = (FwCfg *)d;
    for (unsigned k = 0; k < c->n_files; k++) {
        const char *entry = (const char *)c->directory + 4 + k * ENTRY;
        Item *i = (Item *)(uintptr_t)find(c, FW_CFG_FIRST_FILE + k);
        if (strcmp(entry + 8, name) != 0 || n > i->size)
            continue;
        i->bytes = bytes;
        i->have = n;
        return true;
    }
    return false;
}

void fw_cfg_begin(Device *d)
{
    FwCfg *c = (FwCfg *)d;
    enum { HAS_REGISTERS = 1, HAS_DMA = 2 };
    memset(c->directory, 0, sizeof(c->directory));
    c->n_items = c->n_files = 0;
    c->refresh = NULL;
    fw_cfg_add(d, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_number(d, FW_CFG_ID, HAS_REGISTERS | HAS_DMA, 4);
    fw_cfg_add(d, FW_CFG_FILES, c->directory, 4);
}

bool fw_cfg_add_kernel(Device *d, const void *kernel, size_t kernel_bytes, const void *initrd,
                       size_t initrd_bytes, const char *append)
{
    const size_t text = append ? strlen(append) + 1 : 0;
    return fw_cfg_add_number(d, FW_CFG_KERNEL_SIZE, kernel_bytes, 4) &&
           fw_cfg_add(d, FW_CFG_KERNEL_DATA, kernel, kernel_bytes) &&
           fw_cfg_add_number(d, FW_CFG_INITRD_SIZE, initrd_bytes, 4) &&
           fw_cfg_add(d, FW_CFG_INITRD_DATA, initrd, initrd_bytes) &&
           fw_cfg_add_number(d, FW_CFG_CMDLINE_SIZE, text, 4) &&
           fw_cfg_add(d, FW_CFG_CMDLINE_DATA, append, text);
}

/* ---- registers ---- */

/* The next byte; behind the end it is 0. */
static uint8_t next(FwCfg *c)
{
    const Item *i = find(c, c->selected);
    uint8_t v = 0;
    if (i && c->at < i->have)
        v = i->bytes ? i->bytes[c->at] : (uint8_t)(i->number >> 8 * c->at);
    c->at += c->at < UINT32_MAX;
    return v;
}

static void do_select(FwCfg *c, uint16_t key)
{
    const Item *i = find(c, key);
    void (*refresh)(void *) = i && i->live ? c->refresh : NULL;
    c->selected = key;
    c->at = 0;
    if (refresh) {
        c->refresh = NULL;
        refresh(c->refresh_opaque);
    }
    if (i && i->asked)
        i->asked(i->asked_opaque);
}

/* To guest memory: what there is, then zeros. */
static bool dma_read(FwCfg *c, uint64_t to, uint32_t n)
{
    static const uint8_t zeros[4096];
    const Item *i = find(c, c->selected);
    uint64_t have = i && c->at < i->have ? MIN(i->have - c->at, (uint64_t)n) : 0;
    if (have && i->bytes) {
        if (!mem_map_write(c->dev.mem, to, i->bytes + c->at, have))
            return false;
        c->at += (uint32_t)have;
    } else {
        for (uint64_t k = 0; k < have; k++) {
            uint8_t byte = next(c);
            if (!mem_map_write(c->dev.mem, to + k, &byte, 1))
                return false;
        }
    }
    for (uint64_t part; have < n; have += part) {
        part = MIN(n - have, (uint64_t)sizeof(zeros));
        if (!mem_map_write(c->dev.mem, to + have, zeros, part))
            return false;
    }
    return true;
}

/* All of it or nothing. */
static bool dma_write(FwCfg *c, uint64_t from, uint32_t n)
{
    const Item *i = find(c, c->selected);
    if (!i || !i->writable || c->at > i->size || n > i->size - c->at)
        return false;
    if (!mem_map_read(c->dev.mem, from, i->writable + c->at, n))
        return false;
    c->at += n;
    return true;
}

static void dma_run(FwCfg *c)
{
    struct {
        uint32_t control, length;
        uint64_t address;
    } d;
    if (!mem_map_read(c->dev.mem, c->dma, &d, sizeof(d))) {
        log_guest(&c->dev, "a descriptor outside of memory");
        return;
    }
    uint32_t control = __builtin_bswap32(d.control), length = __builtin_bswap32(d.length);
    bool ok = true;
    if (control & DMA_SELECT)
        do_select(c, (uint16_t)(control >> 16));
    if (control & DMA_READ)
        ok = dma_read(c, __builtin_bswap64(d.address), length);
    else if (control & DMA_WRITE)
        ok = dma_write(c, __builtin_bswap64(d.address), length);
    else if (control & DMA_SKIP)
        c->at = c->at > UINT32_MAX - length ? UINT32_MAX : c->at + length;
    const uint32_t answer = __builtin_bswap32(ok ? 0 : DMA_ERROR);
    mem_map_write(c->dev.mem, c->dma, &answer, sizeof(answer));
}

static uint64_t cfg_read(void *dev, uint64_t at, unsigned size)
{
    FwCfg *c = dev;
    uint64_t v = 0;
    if (at >= DMA && at + size <= BYTES)
        return __builtin_bswap64(DMA_SIGNATURE) >> (at - DMA) * 8;
    for (unsigned k = 0; at == DATA && k < size; k++)
        v |= (uint64_t)next(c) << 8 * k;
    return v;
}

static void cfg_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    FwCfg *c = dev;
    const uint64_t big = __builtin_bswap64(value) >> (64 - 8 * size);
    if (at == SELECTOR && size == 2) {
        do_select(c, (uint16_t)big);
    } else if (at == DMA && size == 4) {
        c->dma = big << 32;
        return;
    } else if ((at == DMA_LOW && size == 4) || (at == DMA && size == 8)) {
        c->dma = size == 8 ? big : c->dma | big;
        dma_run(c);
        c->dma = 0;
    }
}

/* ---- the same by ports ---- */

static uint64_t ports_read(void *dev, uint64_t at, unsigned size) { return at ? next(dev) : 0; }

static void ports_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    if (at == 0 && size == 2)
        do_select(dev, (uint16_t)value);
}

static uint64_t dma_ports_read(void *dev, uint64_t at, unsigned size)
{
    return cfg_read(dev, DMA + at, size);
}
static void dma_ports_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    cfg_write(dev, DMA + at, value, size);
}

static const MmioOps ops = {.read = cfg_read, .write = cfg_write, .min = 1, .max = 8};
static const MmioOps port_ops = {.read = ports_read, .write = ports_write, .min = 1, .max = 2};
static const MmioOps dma_port_ops = {.read = dma_ports_read, .write = dma_ports_write, .min = 1, .max = 4};

static bool cfg_realize(Device *dev, DevError *err)
{
    dev_add_mmio(dev, "fw-cfg", &ops, BYTES);
    dev_add_mmio(dev, "fw-cfg", &port_ops, 2);
    dev_add_mmio(dev, "fw-cfg-dma", &dma_port_ops, BYTES - DMA);
    fw_cfg_begin(dev);
    return true;
}

static void cfg_reset(Device *dev)
{
    FwCfg *c = (FwCfg *)dev;
    do_select(c, 0);
    c->dma = 0;
}

static const DevField state[] = {DEV_FIELD(FwCfg, dma), DEV_FIELD(FwCfg, at), DEV_FIELD(FwCfg, selected)};

const DevClass fw_cfg_class = {
    .name = "fw-cfg", .help = "blobs for firmware", .version = 1, .size = sizeof(FwCfg),
    .state_begin = offsetof(FwCfg, state_begin), .state_end = offsetof(FwCfg, state_end), .state = state,
    .n_state = ARRAY_SIZE(state), .realize = cfg_realize, .reset = cfg_reset,
};
