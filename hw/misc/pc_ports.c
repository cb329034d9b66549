#include "hw/misc/pc_ports.h"
#include "hw/core/char_port.h"
#include "hw/core/dev_impl.h"
#include "hw/core/request.h"

/* ---- isa-debug-exit ---- */

typedef struct DebugExit {
    Device dev;
    uint32_t iobase, iosize;
    const MachineRequests *machine;
    DEV_STATE_BEGIN
    DEV_STATE_END
} DebugExit;

static uint64_t nothing_read(void *dev, uint64_t at, unsigned size)
{
    return 0;
}

static void exit_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    const DebugExit *e = dev;
    if (e->machine)
        e->machine->request(e->machine->opaque, MACHINE_POWER_OFF, (int)((value << 1 | 1) & 0xff));
}

static const MmioOps exit_ops = {.read = nothing_read, .write = exit_write, .min = 1, .max = 4};

static bool exit_realize(Device *dev, DevError *err)
{
    const DebugExit *e = (const DebugExit *)dev;
    if (e->iosize < 1 || e->iosize > 4 || e->iobase > 0x10000 - e->iosize)
        return dev_fail(err, "isa-debug-exit: %u ports from 0x%x on", e->iosize, e->iobase);
    dev_add_mmio(dev, "debug-exit", &exit_ops, e->iosize)->base = e->iobase;
    return true;
}

static const DevProp exit_props[] = {DEV_U32(DebugExit, iobase, "first port", 0x501),
                                     DEV_U32(DebugExit, iosize, "number of ports, 1 to 4", 2),
                                     DEV_PTR(DebugExit, machine, "what the machine's owner does")};

const DevClass isa_debug_exit_class = {
    .name = "isa-debug-exit",
    .help = "ends the machine with a code",
    .bus = "isa",
    .version = 1,
    .size = sizeof(DebugExit),
    .state_begin = offsetof(DebugExit, state_begin),
    .state_end = offsetof(DebugExit, state_end),
    .props = exit_props,
    .n_props = ARRAY_SIZE(exit_props),
    .realize = exit_realize,
};

/* ---- isa-debugcon ---- */

typedef struct Debugcon {
    Device dev;
    uint32_t iobase, readback;
    CharPort *chardev;
    DEV_STATE_BEGIN
    DEV_STATE_END
} Debugcon;

static uint64_t debugcon_read(void *dev, uint64_t at, unsigned size)
{
    return ((Debugcon *)dev)->readback;
}

static void debugcon_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    const Debugcon *d = dev;
    const uint8_t c = (uint8_t)value;
    if (d->chardev)
        d->chardev->write(d->chardev->backend, &c, 1);
}

static size_t takes_nothing(void *dev)
{
    return 0;
}
static void take(void *dev, const uint8_t *bytes, size_t n) {}

static const MmioOps debugcon_ops = {.read = debugcon_read, .write = debugcon_write, .min = 1, .max = 1};

static bool debugcon_realize(Device *dev, DevError *err)
{
    const Debugcon *d = (const Debugcon *)dev;
    if (d->iobase > 0xffff)
        return dev_fail(err, "isa-debugcon: port 0x%x", d->iobase);
    dev_add_mmio(dev, "debugcon", &debugcon_ops, 1)->base = d->iobase;
    if (d->chardev) {
        d->chardev->device = dev;
        d->chardev->can_take = takes_nothing;
        d->chardev->take = take;
    }
    return true;
}

static const DevProp debugcon_props[] = {DEV_U32(Debugcon, iobase, "port", 0xe9),
                                         DEV_U32(Debugcon, readback, "what it reads as", 0xe9),
                                         DEV_PTR(Debugcon, chardev, "back end")};

const DevClass isa_debugcon_class = {
    .name = "isa-debugcon",
    .help = "a port that firmware writes messages to",
    .bus = "isa",
    .version = 1,
    .size = sizeof(Debugcon),
    .state_begin = offsetof(Debugcon, state_begin),
    .state_end = offsetof(Debugcon, state_end),
    .props = debugcon_props,
    .n_props = ARRAY_SIZE(debugcon_props),
    .realize = debugcon_realize,
};

/* ---- system-control ---- */

enum { FAST_RESET = 1, A20 = 2, APM_COMMAND = 0, APM_STATUS = 1 };

typedef struct SystemControl {
    Device dev;
    const MachineRequests *machine;
    const IrqLine *command;
    DEV_STATE_BEGIN
    uint8_t control, post, apm[2];
    DEV_STATE_END
} SystemControl;

static uint64_t control_read(void *dev, uint64_t at, unsigned size)
{
    return ((SystemControl *)dev)->control;
}

static void control_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    SystemControl *s = dev;
    s->control = value & A20;
    if ((value & FAST_RESET) && s->machine)
        s->machine->request(s->machine->opaque, MACHINE_RESET, 0);
}

static uint64_t post_read(void *dev, uint64_t at, unsigned size)
{
    return ((SystemControl *)dev)->post;
}

static void post_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    SystemControl *s = dev;
    s->post = (uint8_t)value;
    dev_trace(&s->dev, PC_POST, "0x%x", s->post);
}

static uint64_t apm_read(void *dev, uint64_t at, unsigned size)
{
    return ((SystemControl *)dev)->apm[at & 1];
}

static void apm_write(void *dev, unsigned cpu, uint64_t at, uint64_t value, unsigned size)
{
    SystemControl *s = dev;
    s->apm[at & 1] = (uint8_t)value;
    if (at != APM_COMMAND || !s->command || !s->command->set)
        return;
    dev_trace(&s->dev, PC_APM, "command 0x%x status 0x%x", s->apm[APM_COMMAND], s->apm[APM_STATUS]);
    s->command->set(s->command->receiver, s->apm[APM_COMMAND] | cpu << 8, true);
}

static const MmioOps control_ops = {.read = control_read, .write = control_write, .min = 1, .max = 1};
static const MmioOps post_ops = {.read = post_read, .write = post_write, .min = 1, .max = 1};
static const MmioOps apm_ops = {.read = apm_read, .write_by = apm_write, .min = 1, .max = 1};

static bool control_realize(Device *dev, DevError *err)
{
    dev_add_mmio(dev, "port92", &control_ops, 1);
    dev_add_mmio(dev, "post", &post_ops, 1);
    dev_add_mmio(dev, "apm", &apm_ops, 2);
    return true;
}

static void control_reset(Device *dev)
{
    SystemControl *s = (SystemControl *)dev;
    s->control = A20;
    s->post = s->apm[0] = s->apm[1] = 0;
}

static const DevProp control_props[] = {
    DEV_PTR(SystemControl, machine, "what the machine's owner does"),
    DEV_PTR(SystemControl, command, "is told each power management command, as the line's number"),
};
static const DevField control_state[] = {DEV_FIELD(SystemControl, control), DEV_FIELD(SystemControl, post),
                                         DEV_ARRAY(SystemControl, apm)};

const DevClass system_control_class = {
    .name = "system-control",
    .help = "ports 80, 92, b2 and b3 of PCs",
    .version = 1,
    DEV_TABLES(SystemControl, control_props, control_state),
    .realize = control_realize,
    .reset = control_reset,
};
