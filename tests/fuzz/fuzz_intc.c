/*
 * Interrupt controllers of machines: registers, system registers, commands and tables in guest memory,
 * messages and lines, as a hostile guest would use them. Falls over on: memory errors and undefined behaviour
 * (with sanitizers), a state that its own device does not take back or that raises other lines than before,
 * an operation that does not end.
 *
 * Input: operations, each a byte and its operands (enum Op).
 */
#include "fuzz_rig.h"

#include "hw/core/clock.h"
#include "hw/intc/arm_gicv2.h"
#include "hw/intc/arm_gicv2_virt.h"
#include "hw/intc/arm_gicv2m.h"
#include "hw/intc/arm_gicv3_priv.h"
#include "hw/intc/arm_its.h"
#include "hw/intc/riscv_aplic.h"
#include "hw/intc/riscv_imsic.h"

#include <stdio.h>
#include <stdlib.h>

enum { RAM_BYTES = 0x80000, CPUS = 3, LINES = 32, MAX_PLACES = 16, DEVICES = 8 };
enum { PROP = 0, PEND = 0x10000, QUEUE = 0x40000, TABLE = 0x50000, COLLECTIONS = 0x60000, EVENTS = 0x70000 };
#define RAM_BASE 0x80000000ull

typedef enum Op {
    OP_WRITE,   /* place, size, offset (4), value (8) */
    OP_READ,    /* place, size, offset (4) */
    OP_POKE,    /* address in RAM (4), n, bytes */
    OP_SYSREG,  /* cpu, register, write, value (8) */
    OP_FILE,    /* hart, file, register, write, mask (8), value (8): of an IMSIC */
    OP_LINE,    /* controller, line, level */
    OP_OPEN,    /* ITS: as a driver that does as it should */
    OP_COMMAND, /* ITS: command, device, event, LPI, collection */
    OP_MESSAGE, /* to the ITS, the frame, the IMSIC: device, data (2) */
    OP_RESET,   /* device */
    OP_STATE,   /* device, where to change its text (3), to what */
    OPS
} Op;

typedef struct Place {
    uint64_t base, bytes;
} Place;

struct Rig {
    MemMap map;
    Clock clock;
    RamBlock ram;
    MemRegion ram_region;
    Device *device[DEVICES], *v2, *frame, *v3, *its, *imsic, *aplic[2];
    unsigned n_devices, n_places;
    Place place[MAX_PLACES];
    uint8_t level[DEVICES][LINES];
    IrqLine line[DEVICES][LINES], frame_line[4];
    MsiTarget target;
    uint32_t queue_at;
};

static uint64_t now(void *opaque)
{
    return opaque ? 0 : 1;
}
static void watch(void *receiver, unsigned n, bool level)
{
    ((uint8_t *)receiver)[n] = level;
}

/* As the boards do. */
static void route(void *receiver, uint64_t address, uint32_t data, uint32_t requester)
{
    riscv_imsic_send(((Rig *)receiver)->imsic, address >> 20 & 1, address & 0xfffff, data);
}

static Device *add(Rig *r, const DevClass *cls, const char *const *props, const void *const *links)
{
    DevError err;
    Device *d = dev_new(cls, NULL, "d");
    if (!d)
        die("no memory");
    for (; props && *props; props += 2)
        if (!dev_set(d, props[0], props[1], &err))
            die(err.text);
    for (; *links; links += 2)
        if (!dev_set_ptr(d, links[0], (void *)(uintptr_t)links[1], &err))
            die(err.text);
    if (!dev_realize(d, &r->map, &r->clock, &err))
        die(err.text);
    for (unsigned k = 0; k < d->n_regions; k++) {
        uint64_t base = (uint64_t)r->n_places << 24;
        d->region[k].base = base;
        if (!mem_map_add(&r->map, &d->region[k]))
            die("no room");
        r->place[r->n_places++] = (Place){base, d->region[k].bytes};
    }
    return r->device[r->n_devices++] = d;
}

Rig *rig_new(void)
{
    static const char *const gic[] = {"cpus", "3", "irqs", "96", NULL}, *const v3[] = {"cpus",        "3",
                                                                                       "irqs",        "96",
                                                                                       "lpis",        "on",
                                                                                       "maintenance", "25",
                                                                                       NULL},
                             *const frame[] = {"first", "60", "count", "4", NULL},
                             *const harts[] = {"harts", "3", NULL}, *const cpus[] = {"cpus", "3", NULL},
                             *const files[] = {"harts", "3", "guests", "2", NULL},
                             *const messages[] = {"harts", "3", "messages", "on", NULL};
    Rig *r = calloc(1, sizeof(*r));
    if (!r)
        die("no memory");
    mem_map_init(&r->map);
    clock_init(&r->clock, now, NULL, NULL);
    if (!ram_block_init(&r->ram, "ram", RAM_BYTES, RAM_BASE))
        die("no memory");
    r->ram_region =
        (MemRegion){.name = "ram", .kind = MEM_RAM, .base = RAM_BASE, .bytes = RAM_BYTES, .ram = &r->ram};
    mem_map_add(&r->map, &r->ram_region);
    for (unsigned d = 0; d < DEVICES; d++)
        for (unsigned n = 0; n < LINES; n++)
            r->line[d][n] = (IrqLine){watch, r->level[d], n};
    r->target = (MsiTarget){r, route};
    const void *v2_links[] = {"irq", r->line[0], "fiq", &r->line[0][8], NULL};
    r->v2 = add(r, &arm_gicv2_class, gic, v2_links);
    for (unsigned n = 0; n < 4; n++)
        r->frame_line[n] = arm_gicv2_shared(r->v2, 60 + n);
    const void *frame_links[] = {"lines", r->frame_line, NULL};
    r->frame = add(r, &arm_gicv2m_class, frame, frame_links);
    const void *v3_links[] = {"irq",  r->line[2],      "fiq", &r->line[2][8], "virq", &r->line[2][16],
                              "vfiq", &r->line[2][24], NULL};
    r->v3 = add(r, &arm_gicv3_class, v3, v3_links);
    const void *its_links[] = {"gic", r->v3, NULL};
    r->its = add(r, &arm_its_class, NULL, its_links);
    const void *imsic_links[] = {"m", r->line[4], "s", &r->line[4][8], "guest", &r->line[4][16], NULL};
    r->imsic = add(r, &riscv_imsic_class, files, imsic_links);
    const void *direct_links[] = {"m", r->line[5], "s", &r->line[5][8], NULL};
    r->aplic[0] = add(r, &riscv_aplic_class, harts, direct_links);
    const void *virt_links[] = {"gic", r->v2, "virq", r->line[6], "vfiq", &r->line[6][8], NULL};
    add(r, &arm_gicv2_virt_class, cpus, virt_links);
    const void *message_links[] = {"send", &r->target, NULL};
    r->aplic[1] = add(r, &riscv_aplic_class, messages, message_links);
    for (unsigned k = 0; k < r->n_devices; k++)
        dev_reset(r->device[k]);
    return r;
}

void rig_free(Rig *r)
{
    for (unsigned k = r->n_devices; k-- > 0;)
        dev_free(r->device[k]);
    mem_map_clear(&r->map);
    ram_block_clear(&r->ram);
    free(r);
}

/* ---- operations ---- */

static void access_at(Rig *r, uint64_t at, unsigned size, bool write, uint64_t v, unsigned cpu)
{
    MemRange range;
    if (!mem_map_find(&r->map, at, &range) || at + size > range.end)
        return;
    if (write)
        mem_range_write_by(&r->map, &range, cpu, at, size, v);
    else
        mem_range_read_by(&range, cpu, at, size, &v);
}

static void op_access(Rig *r, Input *in, bool write)
{
    const Place *p = &r->place[next(in, 1) % r->n_places];
    unsigned how = (unsigned)next(in, 1), size = 1u << how % 4;
    uint64_t at = p->base + next(in, 4) % p->bytes / size * size;
    access_at(r, at, size, write, write ? next(in, 8) : 0, how >> 2 & 3);
}

static void op_sysreg(Rig *r, Input *in)
{
    static const uint16_t regs[] = {ICC_PMR,   ICC_IAR0,    ICC_EOIR0,   ICC_HPPIR0,  ICC_BPR0,    ICC_AP0R,
                                    ICC_AP1R,  ICC_DIR,     ICC_RPR,     ICC_SGI1R,   ICC_SGI0R,   ICC_IAR1,
                                    ICC_EOIR1, ICC_HPPIR1,  ICC_BPR1,    ICC_CTLR,    ICC_SRE,     ICC_ASGI1R,
                                    ICC_IAR1,  ICC_IGRPEN0, ICC_IGRPEN1, ICC_SRE_EL2, ICH_AP0R,    ICH_AP1R,
                                    ICH_HCR,   ICH_VTR,     ICH_MISR,    ICH_EISR,    ICH_ELRSR,   ICH_VMCR,
                                    ICH_LR,    ICH_LR + 1,  ICH_LR + 3,  ICH_LR + 4,  ICH_AP0R + 3};
    unsigned cpu = (unsigned)next(in, 1) % (CPUS + 1), n = (unsigned)next(in, 1), how = (unsigned)next(in, 1);
    unsigned reg = regs[n % ARRAY_SIZE(regs)] | (how & 2 ? GICV3_REG_VIRTUAL : 0u);
    uint64_t v = next(in, 8);
    arm_gicv3_reg(r->v3, cpu, reg, how & 1, &v);
}

static void op_file(Rig *r, Input *in)
{
    unsigned hart = (unsigned)next(in, 1) % 4, file = (unsigned)next(in, 1) % 5, reg = (unsigned)next(in, 1),
             write = next(in, 1) & 1;
    uint64_t mask = next(in, 8), v = next(in, 8), old;
    riscv_imsic_reg(r->imsic, hart, file, reg < 8 ? IMSIC_TOPEI : reg, write, mask, v, &old);
}

static void op_line(Rig *r, Input *in)
{
    unsigned which = (unsigned)next(in, 1) % 5, n = (unsigned)next(in, 1), level = next(in, 1) & 1;
    IrqLine line = which == 0   ? arm_gicv2_shared(r->v2, 32 + n % 64)
                   : which == 1 ? arm_gicv3_shared(r->v3, 32 + n % 64)
                   : which == 2 ? arm_gicv3_own(r->v3, n % CPUS, 16 + n / 16)
                                : riscv_aplic_source(r->aplic[which - 3], 1 + n % 96);
    irq_set(&line, level);
}

static void its_write(Rig *r, uint64_t offset, uint64_t v)
{
    access_at(r, r->its->region[0].base + offset, 8, true, v, 0);
}

static void run_command(Rig *r, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    const uint64_t words[] = {a, b, c, d};
    mem_map_write(&r->map, RAM_BASE + QUEUE + r->queue_at, words, sizeof(words));
    r->queue_at = (r->queue_at + 32) % 4096;
    its_write(r, 0x88, r->queue_at);
}

static void op_open(Rig *r)
{
    const uint64_t valid = 1ull << 63, redist = r->v3->region[1].base;
    for (unsigned c = 0; c < CPUS; c++) {
        access_at(r, redist + c * (uint64_t)GICV3_FRAMES + 0x70, 8, true, (RAM_BASE + PROP) | 15, 0);
        access_at(r, redist + c * (uint64_t)GICV3_FRAMES + 0x78, 8, true, RAM_BASE + PEND + c * 0x10000, 0);
        access_at(r, redist + c * (uint64_t)GICV3_FRAMES, 4, true, 1, 0);
        access_at(r, redist + c * (uint64_t)GICV3_FRAMES + 0x14, 4, true, 0, 0);
    }
    access_at(r, r->v3->region[0].base, 4, true, 3, 0);
    its_write(r, 0x100, valid | (RAM_BASE + TABLE));
    its_write(r, 0x108, valid | (RAM_BASE + COLLECTIONS));
    its_write(r, 0x80, valid | (RAM_BASE + QUEUE));
    r->queue_at = 0;
    its_write(r, 0, 1);
    for (unsigned k = 0; k < 4; k++) {
        run_command(r, 8 | (uint64_t)k << 32, 4, valid | (RAM_BASE + EVENTS + k * 0x1000), 0);
        run_command(r, 9, 0, valid | (uint64_t)k << 16 | k, 0); /* the last at a cpu that is none */
    }
}

static void op_command(Rig *r, Input *in)
{
    uint64_t command = next(in, 1) % 17, device = next(in, 1) % 6, event = next(in, 1) % 40,
             lpi = 8192 + next(in, 1), collection = next(in, 1) % 6;
    run_command(r, command | device << 32, event | lpi << 32, collection | collection << 16,
                collection << 16);
}

static void op_message(Rig *r, Input *in)
{
    unsigned device = (unsigned)next(in, 1);
    uint32_t data = (uint32_t)next(in, 2);
    arm_its_send(r->its, device % 6, data % 64);
    arm_gicv2m_send(r->frame, data);
    riscv_imsic_send(r->imsic, device & 1, (uint64_t)(device % 16) << 12 | (data >> 12 & 4), data & 0x1ff);
}

/* Its own state means what it did. */
static void op_state(Rig *r, Input *in)
{
    uint8_t before[LINES];
    unsigned n = (unsigned)next(in, 1) % r->n_devices;
    size_t at = next(in, 3);
    char c = (char)next(in, 1);
    memcpy(before, r->level[n], LINES);
    change_state(r->device[n], at, c);
    if (!c && r->device[n] != r->v3 &&
        memcmp(before, r->level[n], LINES) != 0) /* LPIs are read anew from memory */
        die("a state that raises other lines than before");
}

void rig_run(Rig *r, Input *in)
{
    uint8_t op = (uint8_t)next(in, 1);
    switch ((Op)(op % OPS)) {
    case OP_WRITE: op_access(r, in, true); break;
    case OP_READ: op_access(r, in, false); break;
    case OP_POKE: {
        uint64_t at = RAM_BASE + next(in, 4) % RAM_BYTES, n = next(in, 1);
        n = MIN(n, (uint64_t)(in->end - in->at));
        mem_map_write(&r->map, at, in->at, n);
        in->at += n;
        break;
    }
    case OP_SYSREG: op_sysreg(r, in); break;
    case OP_FILE: op_file(r, in); break;
    case OP_LINE: op_line(r, in); break;
    case OP_OPEN: op_open(r); break;
    case OP_COMMAND: op_command(r, in); break;
    case OP_MESSAGE: op_message(r, in); break;
    case OP_RESET: dev_reset(r->device[next(in, 1) % r->n_devices]); break;
    case OP_STATE: op_state(r, in); break;
    case OPS: break;
    }
}

/* ---- seeds ---- */

/* A register that means something, mostly. */
static void out_access(Out *o, uint64_t *h)
{
    static const uint32_t offsets[] = {
        0,      4,      0x80,   0x84,   0x100,  0x104,  0x180,  0x200,  0x204,  0x300,   0x400,   0x420,
        0x800,  0x820,  0xc04,  0xc08,  0xf00,  0x14,   0x1bc0, 0x1bc4, 0x1bc8, 0x1c00,  0x1cdc,  0x1d00,
        0x1edc, 0x2000, 0x3000, 0x3004, 0x3010, 0x4000, 0x4018, 0x401c, 0x6100, 0x10080, 0x10100, 0x10040};
    bool write = rnd(h) % 4;
    out(o, 1, write ? OP_WRITE : OP_READ);
    out(o, 1, rnd(h));
    out(o, 1, rnd(h) % 8 ? 2 | (rnd(h) & 12) : rnd(h));
    out(o, 4, offsets[rnd(h) % ARRAY_SIZE(offsets)] + (rnd(h) % 2 ? 0 : rnd(h) % 16 * 4));
    if (write)
        out(o, 8, rnd(h) % 4 ? 1ull << rnd(h) % 33 | rnd(h) % 8 : rnd(h));
}

static void out_config(Out *o, uint64_t *h) /* of LPIs, on with some priority */
{
    out(o, 1, OP_POKE);
    out(o, 4, PROP + rnd(h) % 256);
    out(o, 1, 8);
    out(o, 8, rnd(h) | 0x0101010101010101);
}

size_t fuzz_seed(unsigned i, uint8_t *buf, size_t cap)
{
    enum { SEEDS = 400 };
    static const uint8_t operands[OPS] = {[OP_SYSREG] = 3,  [OP_FILE] = 4,  [OP_LINE] = 3, [OP_COMMAND] = 5,
                                          [OP_MESSAGE] = 3, [OP_RESET] = 1, [OP_STATE] = 4};
    uint64_t h = (i + 1) * 0x9e3779b97f4a7c15ull;
    Out o = {.buf = buf, .cap = MIN(cap, (size_t)2000)};
    if (i >= SEEDS)
        return 0;
    out(&o, 1, OP_OPEN);
    for (unsigned n = 20 + (unsigned)rnd(&h) % 60; n-- > 0;) {
        unsigned op = (unsigned)rnd(&h) % OPS;
        if (op == OP_POKE || op == OP_OPEN)
            out_config(&o, &h);
        if (!operands[op] || (op == OP_RESET && rnd(&h) % 8)) {
            out_access(&o, &h);
            continue;
        }
        out(&o, 1, op);
        out(&o, operands[op] - 1u, rnd(&h));
        out(&o, 1, op == OP_STATE && rnd(&h) % 2 ? 0 : rnd(&h));
        if (op == OP_SYSREG || op == OP_FILE)
            out(&o, 8, rnd(&h) % 4 ? rnd(&h) % 2 ? 0xff : rnd(&h) % 64 : rnd(&h));
        if (op == OP_FILE)
            out(&o, 8, rnd(&h));
    }
    return o.n;
}
