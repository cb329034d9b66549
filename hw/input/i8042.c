/* The keyboard and auxiliary device controller of the IBM PS/2 Hardware Interface Technical Reference. It
 * takes no time: its input buffer is always empty. The gate of address line 20, in the output port, is kept
 * and does nothing. */
#include "hw/input/i8042.h"
#include "hw/core/input.h"
#include "hw/core/request.h"
#include "hw/input/ps2.h"

enum { STATUS_OUT = 1, STATUS_SYSTEM = 4, STATUS_COMMAND = 8, STATUS_UNLOCKED = 0x10, STATUS_AUX = 0x20 };
enum {
    MODE_IRQ = 1,
    MODE_IRQ_AUX = 2,
    MODE_SYSTEM = 4,
    MODE_OFF = 0x10,
    MODE_OFF_AUX = 0x20,
    MODE_TRANSLATE = 0x40
};
enum { OUT_NO_RESET = 1, OUT_A20 = 2, OUT_IRQ = 0x10, OUT_IRQ_AUX = 0x20 };
enum { BREAK = 0xf0, RELEASED = 0x80 };

typedef struct I8042 {
    Device dev;
    const IrqLine *irq, *irq_aux;
    const MachineRequests *machine;
    InputPort *input;
    DEV_STATE_BEGIN
    uint8_t mode, status, out_port, data;
    uint8_t command;        /* whose operand comes by the data port; 0: it is for the keyboard */
    uint8_t reply, replies; /* of the controller itself; STATUS_OUT, and STATUS_AUX if it seems the mouse's */
    uint8_t released;       /* BREAK came from the keyboard */
    Ps2Keyboard keyboard;
    Ps2Mouse mouse;
    DEV_STATE_END
} I8042;

static void show(const I8042 *c)
{
    const bool full = c->status & STATUS_OUT, aux = c->status & STATUS_AUX;
    irq_set(c->irq, full && !aux && (c->mode & MODE_IRQ));
    irq_set(c->irq_aux, full && aux && (c->mode & MODE_IRQ_AUX));
}

/* The keyboard's next byte as the host gets it; false: there is none (yet). */
static bool keyboard_byte(I8042 *c, uint8_t *ret)
{
    while (ps2_take(&c->keyboard.queue, ret)) {
        if (!(c->mode & MODE_TRANSLATE))
            return true;
        if (*ret == BREAK) {
            c->released = 1;
            continue;
        }
        *ret = (uint8_t)(ps2_translate(*ret) | (c->released ? RELEASED : 0));
        c->released = 0;
        return true;
    }
    return false;
}

/* Fills the output buffer if it is empty. */
static void fill(I8042 *c)
{
    uint8_t from = 0;
    if (c->status & STATUS_OUT)
        return;
    if (c->replies) {
        c->data = c->reply;
        from = c->replies;
        c->replies = 0;
    } else if (!(c->mode & MODE_OFF) && keyboard_byte(c, &c->data)) {
        from = STATUS_OUT;
    } else if (!(c->mode & MODE_OFF_AUX) && ps2_take(&c->mouse.queue, &c->data)) {
        from = STATUS_OUT | STATUS_AUX;
    }
    c->status = (uint8_t)((c->status & ~(STATUS_OUT | STATUS_AUX)) | from);
    show(c);
}

static void reply(I8042 *c, uint8_t v, uint8_t as)
{
    c->reply = v;
    c->replies = as;
    c->status &= (uint8_t) ~(STATUS_OUT | STATUS_AUX); /* what was not read is lost */
    show(c);
}

static void reset_machine(const I8042 *c)
{
    if (c->machine)
        c->machine->request(c->machine->opaque, MACHINE_RESET, 0);
}

static void write_out_port(I8042 *c, uint8_t v)
{
    c->out_port = v;
    if (!(v & OUT_NO_RESET))
        reset_machine(c);
}

static void run_command(I8042 *c, uint8_t v)
{
    dev_trace(&c->dev, I8042_COMMAND, "0x%x", v);
    c->command = 0;
    switch (v) {
    case 0x20: reply(c, c->mode, STATUS_OUT); break;
    case 0xa7: c->mode |= MODE_OFF_AUX; break;
    case 0xa8: c->mode &= (uint8_t)~MODE_OFF_AUX; break;
    case 0xa9:
    case 0xab: reply(c, 0, STATUS_OUT); break;
    case 0xaa:
        c->status |= STATUS_SYSTEM;
        reply(c, 0x55, STATUS_OUT);
        break;
    case 0xad: c->mode |= MODE_OFF; break;
    case 0xae: c->mode &= (uint8_t)~MODE_OFF; break;
    case 0xc0: reply(c, 0x80, STATUS_OUT); break;
    case 0xd0:
        reply(c,
              (uint8_t)((c->out_port & 0xcf) |
                        (c->status & STATUS_OUT && !(c->status & STATUS_AUX) ? OUT_IRQ : 0) |
                        (c->status & STATUS_OUT && c->status & STATUS_AUX ? OUT_IRQ_AUX : 0)),
              STATUS_OUT);
        break;
    case 0x60:
    case 0xd1:
    case 0xd2:
    case 0xd3:
    case 0xd4: c->command = v; break;
    case 0xdd: c->out_port &= (uint8_t)~OUT_A20; break;
    case 0xdf: c->out_port |= OUT_A20; break;
    default:
        if (v >= 0xf0 && !(v & 1))
            reset_machine(c);
        else if (v < 0xf0)
            log_guest(&c->dev, "command 0x%x", v);
    }
}

static void take_data(I8042 *c, uint8_t v)
{
    const uint8_t command = c->command;
    c->command = 0;
    switch (command) {
    case 0x60: c->mode = v; break;
    case 0xd1: write_out_port(c, v); break;
    case 0xd2: reply(c, v, STATUS_OUT); break;
    case 0xd3: reply(c, v, STATUS_OUT | STATUS_AUX); break;
    case 0xd4:
        dev_trace(&c->dev, PS2_COMMAND, "mouse 0x%x", v);
        c->mode &= (uint8_t)~MODE_OFF_AUX;
        ps2_mouse_command(&c->mouse, v);
        break;
    default:
        dev_trace(&c->dev, PS2_COMMAND, "keyboard 0x%x", v);
        c->mode &= (uint8_t)~MODE_OFF;
        ps2_keyboard_command(&c->keyboard, v);
    }
}

static uint64_t data_read(void *dev, uint64_t at, unsigned size)
{
    I8042 *c = dev;
    const uint8_t v = c->data;
    c->status &= (uint8_t) ~(STATUS_OUT | STATUS_AUX);
    show(c);
    fill(c);
    return v;
}

static void data_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    I8042 *c = dev;
    c->status &= (uint8_t)~STATUS_COMMAND;
    take_data(c, (uint8_t)value);
    show(c);
    fill(c);
}

static uint64_t status_read(void *dev, uint64_t at, unsigned size)
{
    const I8042 *c = dev;
    return c->status | STATUS_UNLOCKED;
}

static void command_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    I8042 *c = dev;
    c->status |= STATUS_COMMAND;
    run_command(c, (uint8_t)value);
    show(c);
    fill(c);
}

bool i8042_key(Device *d, unsigned key, bool down)
{
    I8042 *c = (I8042 *)d;
    lock_take(&d->lock);
    bool ok = ps2_keyboard_key(&c->keyboard, key, down);
    fill(c);
    lock_release(&d->lock);
    return ok;
}

void i8042_move(Device *d, int dx, int dy, int wheel, unsigned buttons)
{
    I8042 *c = (I8042 *)d;
    lock_take(&d->lock);
    ps2_mouse_move(&c->mouse, dx, dy, wheel, buttons);
    fill(c);
    lock_release(&d->lock);
}

static const MmioOps data_ops = {.read = data_read, .write = data_write, .min = 1, .max = 1};
static const MmioOps command_ops = {.read = status_read, .write = command_write, .min = 1, .max = 1};

static bool take_key(void *device, unsigned key, bool down)
{
    return i8042_key(device, key, down);
}
static void take_motion(void *device, int dx, int dy, int wheel, unsigned buttons)
{
    i8042_move(device, dx, -dy, wheel, buttons);
}

static bool controller_realize(Device *dev, DevError *err)
{
    const I8042 *c = (I8042 *)dev;
    if (c->input)
        *c->input = (InputPort){
            .device = dev, .pointer = "PS/2 Mouse", .key = take_key, .move = take_motion};
    dev_add_mmio(dev, "i8042-data", &data_ops, 1);
    dev_add_mmio(dev, "i8042-command", &command_ops, 1);
    return true;
}

static void controller_reset(Device *dev)
{
    I8042 *c = (I8042 *)dev;
    memset((char *)c + dev->cls->state_begin, 0, dev->cls->state_end - dev->cls->state_begin);
    ps2_keyboard_reset(&c->keyboard);
    ps2_mouse_reset(&c->mouse);
    c->mode = MODE_IRQ | MODE_IRQ_AUX;
    c->out_port = OUT_NO_RESET | OUT_A20;
    show(c);
}

static bool controller_loaded(Device *dev, DevError *err)
{
    I8042 *c = (I8042 *)dev;
    if (c->keyboard.queue.n > PS2_QUEUE || c->mouse.queue.n > PS2_QUEUE)
        return dev_fail(err, "a keyboard or mouse with %u, %u bytes in its queue", c->keyboard.queue.n,
                        c->mouse.queue.n);
    if (c->keyboard.set != 1 && c->keyboard.set != 2)
        return dev_fail(err, "a keyboard with scan code set %u", c->keyboard.set);
    c->replies &= STATUS_OUT | STATUS_AUX;
    show(c);
    return true;
}

static const DevProp props[] = {
    DEV_PTR(I8042, irq, "interrupt line of the keyboard"),
    DEV_PTR(I8042, irq_aux, "that of the mouse"),
    DEV_PTR(I8042, machine, "what the machine's owner does"),
    DEV_PTR(I8042, input, "the user"),
};
static const DevField state[] = {
    DEV_FIELD(I8042, mode),       DEV_FIELD(I8042, status),   DEV_FIELD(I8042, out_port),
    DEV_FIELD(I8042, data),       DEV_FIELD(I8042, command),  DEV_FIELD(I8042, reply),
    DEV_FIELD(I8042, replies),    DEV_FIELD(I8042, released), PS2_KEYBOARD_ROWS(I8042, keyboard),
    PS2_MOUSE_ROWS(I8042, mouse),
};

const DevClass i8042_class = {
    .name = "i8042",
    .help = "keyboard controller, keyboard and mouse",
    .version = 1,
    DEV_TABLES(I8042, props, state),
    .realize = controller_realize,
    .reset = controller_reset,
    .loaded = controller_loaded,
};
