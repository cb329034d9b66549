/* The command ring (4.6) and the contexts of devices (6.2), of 32 bytes each. */
#include "hw/usb/xhci_priv.h"

enum { RUN = 1, RING_RUNNING = 8, AT_ONCE = 64, CONTEXT = 32, WORDS = 8 };
enum { EP_CONTROL = 4, DECONFIGURE = 0x200 };

typedef struct Context {
    uint32_t w[WORDS];
} Context;

/* ---- contexts ---- */

static bool read_context(const Xhci *x, uint64_t base, unsigned n, Context *ret)
{
    return mem_map_read(x->f.dev.mem, base + (uint64_t)n * CONTEXT, ret, sizeof(*ret));
}
static void write_context(const Xhci *x, uint64_t base, unsigned n, const Context *c)
{
    mem_map_write(x->f.dev.mem, base + (uint64_t)n * CONTEXT, c, sizeof(*c));
}

/* The contexts that software reads. */
static bool output_of(const Xhci *x, unsigned slot, uint64_t *ret)
{
    const bool ok = mem_map_read(x->f.dev.mem, (x->dcbaap & ~63ull) + 8ull * slot, ret, sizeof(*ret));
    *ret &= ~63ull;
    return ok && *ret;
}

void xhci_show_ep(Xhci *x, unsigned slot, unsigned dci)
{
    const unsigned e = xhci_ep(slot, dci);
    uint64_t at;
    Context c;
    if (!output_of(x, slot, &at) || !read_context(x, at, dci, &c))
        return;
    c.w[0] = (c.w[0] & ~7u) | x->ep_state[e];
    c.w[2] = (uint32_t)x->ring[e];
    c.w[3] = (uint32_t)(x->ring[e] >> 32);
    write_context(x, at, dci, &c);
}

static void show_slot(const Xhci *x, unsigned slot, const Context *from, unsigned entries)
{
    const unsigned state = x->slot[slot - 1] - 1u;
    uint64_t at;
    Context c;
    if (!output_of(x, slot, &at) || !read_context(x, at, 0, &c))
        return;
    if (from)
        c = *from;
    c.w[0] = (c.w[0] & 0x7ffffff) | entries << 27;
    c.w[3] = state << 27 | (state >= 2 ? slot : 0);
    write_context(x, at, 0, &c);
}

static void open_ep(Xhci *x, unsigned slot, unsigned dci, const Context *c)
{
    const unsigned e = xhci_ep(slot, dci);
    uint64_t at;
    x->ring[e] = ((uint64_t)c->w[3] << 32 | c->w[2]) & ~14ull;
    x->ep_type[e] = c->w[1] >> 3 & 7;
    x->ep_state[e] = EP_RUNNING;
    x->done[e] = x->moved[e] = 0;
    Context shown = *c;
    shown.w[0] = (c->w[0] & ~7u) | EP_RUNNING;
    if (output_of(x, slot, &at))
        write_context(x, at, dci, &shown);
}

static void close_ep(Xhci *x, unsigned slot, unsigned dci)
{
    if (x->ep_state[xhci_ep(slot, dci)] == EP_OFF)
        return;
    x->ep_state[xhci_ep(slot, dci)] = EP_OFF;
    xhci_show_ep(x, slot, dci);
}

void xhci_disable_slot(Xhci *x, unsigned slot)
{
    for (unsigned dci = 1; dci < XHCI_EPS; dci++)
        close_ep(x, slot, dci);
    x->slot[slot - 1] = SLOT_OFF;
    x->slot_port[slot - 1] = 0;
}

/* ---- commands: each has a completion code ---- */

static unsigned enable_slot(Xhci *x, unsigned *ret_slot)
{
    const unsigned most = MIN(x->config & 0xff, (unsigned)XHCI_SLOTS);
    for (unsigned n = 1; n <= most; n++) {
        if (x->slot[n - 1] != SLOT_OFF)
            continue;
        x->slot[n - 1] = SLOT_ENABLED;
        *ret_slot = n;
        return CC_SUCCESS;
    }
    return CC_NO_SLOTS;
}

static unsigned address_device(Xhci *x, const XhciTrb *t, unsigned slot)
{
    enum { PORT_ENABLED = 2, ROUTE = 0xfffff };
    const bool block = t->control & TRB_BSR;
    const uint64_t in = t->parameter & ~15ull;
    Context control, s, ep;
    if (!read_context(x, in, 0, &control) || !read_context(x, in, 1, &s) || !read_context(x, in, 2, &ep))
        return CC_TRB;
    const unsigned port = s.w[1] >> 16 & 0xff;
    if ((control.w[1] & 3) != 3 || !port || port > x->p2 + x->p3 || s.w[0] & ROUTE ||
        (ep.w[1] >> 3 & 7) != EP_CONTROL)
        return CC_PARAMETER;
    if (x->slot[slot - 1] != SLOT_ENABLED && (block || x->slot[slot - 1] != SLOT_DEFAULT))
        return CC_CONTEXT_STATE;
    UsbDevice *u = x->at[port - 1];
    if (!u || !(x->portsc[port - 1] & PORT_ENABLED))
        return CC_TRANSACTION;
    x->slot_port[slot - 1] = (uint8_t)port;
    x->slot_intr[slot - 1] = (uint16_t)(s.w[2] >> 22);
    x->slot[slot - 1] = block ? SLOT_DEFAULT : SLOT_ADDRESSED;
    u->s->address = (uint8_t)(block ? 0 : slot);
    show_slot(x, slot, &s, s.w[0] >> 27);
    open_ep(x, slot, 1, &ep);
    return CC_SUCCESS;
}

static unsigned deconfigure(Xhci *x, unsigned slot)
{
    for (unsigned dci = 2; dci < XHCI_EPS; dci++)
        close_ep(x, slot, dci);
    x->slot[slot - 1] = SLOT_ADDRESSED;
    show_slot(x, slot, NULL, 1);
    return CC_SUCCESS;
}

static unsigned configure(Xhci *x, const XhciTrb *t, unsigned slot)
{
    const uint64_t in = t->parameter & ~15ull;
    Context control, s, ep[XHCI_EPS];
    if (x->slot[slot - 1] < SLOT_ADDRESSED)
        return CC_CONTEXT_STATE;
    if (t->control & DECONFIGURE)
        return deconfigure(x, slot);
    if (!read_context(x, in, 0, &control) || !read_context(x, in, 1, &s))
        return CC_TRB;
    for (unsigned dci = 2; dci < XHCI_EPS; dci++) {
        if (!(control.w[1] >> dci & 1))
            continue;
        if (!read_context(x, in, dci + 1, &ep[dci]))
            return CC_TRB;
        if (!(ep[dci].w[1] >> 3 & 7))
            return CC_PARAMETER;
    }
    for (unsigned dci = 2; dci < XHCI_EPS; dci++) {
        if (control.w[0] >> dci & 1)
            close_ep(x, slot, dci);
        if (control.w[1] >> dci & 1)
            open_ep(x, slot, dci, &ep[dci]);
    }
    x->slot[slot - 1] = SLOT_CONFIGURED;
    show_slot(x, slot, NULL, s.w[0] >> 27);
    return CC_SUCCESS;
}

static unsigned evaluate(Xhci *x, const XhciTrb *t, unsigned slot)
{
    const uint64_t in = t->parameter & ~15ull;
    uint64_t at;
    Context control, from, to;
    if (x->slot[slot - 1] < SLOT_DEFAULT)
        return CC_CONTEXT_STATE;
    if (!read_context(x, in, 0, &control) || !output_of(x, slot, &at))
        return CC_TRB;
    if (control.w[1] & 1 && read_context(x, in, 1, &from) && read_context(x, at, 0, &to)) {
        to.w[1] = (to.w[1] & ~0xffffu) | (from.w[1] & 0xffff);
        to.w[2] = (to.w[2] & 0x3fffff) | (from.w[2] & ~0x3fffffu);
        x->slot_intr[slot - 1] = (uint16_t)(from.w[2] >> 22);
        write_context(x, at, 0, &to);
    }
    if (control.w[1] & 2 && read_context(x, in, 2, &from) && read_context(x, at, 1, &to)) {
        to.w[1] = (to.w[1] & 0xffff) | (from.w[1] & ~0xffffu); /* the size of packets */
        write_context(x, at, 1, &to);
    }
    return CC_SUCCESS;
}

static unsigned reset_device(Xhci *x, unsigned slot)
{
    if (x->slot[slot - 1] < SLOT_ADDRESSED)
        return CC_CONTEXT_STATE;
    for (unsigned dci = 2; dci < XHCI_EPS; dci++)
        close_ep(x, slot, dci);
    x->slot[slot - 1] = SLOT_DEFAULT;
    show_slot(x, slot, NULL, 1);
    return CC_SUCCESS;
}

/* Of one endpoint. */
static unsigned change_ep(Xhci *x, const XhciTrb *t, unsigned slot)
{
    const unsigned dci = t->control >> 16 & 31, e = xhci_ep(slot, dci), type = trb_type(t);
    if (!dci)
        return CC_TRB;
    const unsigned state = x->ep_state[e];
    const bool fits = type == TRB_RESET_EP  ? state == EP_HALTED
                      : type == TRB_STOP_EP ? state == EP_RUNNING
                                            : state == EP_STOPPED || state == EP_ERROR;
    if (state == EP_OFF)
        return CC_EP_OFF;
    if (!fits)
        return CC_CONTEXT_STATE;
    if (type == TRB_STOP_EP && x->done[e]) {
        const XhciTrb event = {x->ring[e] & ~15ull, CC_STOPPED << 24,
                               TRB_TRANSFER_EVENT << 10 | dci << 16 | slot << 24};
        xhci_event(x, x->slot_intr[slot - 1], event);
    }
    if (type == TRB_SET_DEQUEUE) {
        x->ring[e] = t->parameter & ~14ull;
        x->done[e] = x->moved[e] = 0;
    }
    x->ep_state[e] = EP_STOPPED;
    xhci_show_ep(x, slot, dci);
    return CC_SUCCESS;
}

static unsigned execute(Xhci *x, const XhciTrb *t, unsigned *slot)
{
    const unsigned type = trb_type(t);
    if (type == TRB_NO_OP_COMMAND)
        return CC_SUCCESS;
    if (type == TRB_ENABLE_SLOT)
        return enable_slot(x, slot);
    if (!*slot || *slot > XHCI_SLOTS || x->slot[*slot - 1] == SLOT_OFF)
        return CC_SLOT_OFF;
    switch (type) {
    case TRB_DISABLE_SLOT: xhci_disable_slot(x, *slot); return CC_SUCCESS;
    case TRB_ADDRESS_DEVICE: return address_device(x, t, *slot);
    case TRB_CONFIGURE: return configure(x, t, *slot);
    case TRB_EVALUATE: return evaluate(x, t, *slot);
    case TRB_RESET_EP:
    case TRB_STOP_EP:
    case TRB_SET_DEQUEUE: return change_ep(x, t, *slot);
    case TRB_RESET_DEVICE: return reset_device(x, *slot);
    default: return CC_TRB;
    }
}

void xhci_commands(Xhci *x)
{
    enum { LATER_NS = 100000 };
    XhciTrb t;
    for (unsigned n = 0; n < AT_ONCE; n++) {
        const uint64_t at = x->command_at & ~15ull;
        if (!(x->command & RUN) || !(x->crcr & RING_RUNNING) || !xhci_read_trb(x, at, &t) ||
            (t.control ^ x->command_at) & TRB_CYCLE)
            return;
        if (trb_type(&t) == TRB_LINK) {
            x->command_at = (t.parameter & ~15ull) | ((x->command_at ^ (t.control & TRB_TOGGLE ? 1 : 0)) & 1);
            continue;
        }
        unsigned slot = t.control >> 24;
        const unsigned code = execute(x, &t, &slot);
        dev_trace(&x->f.dev, XHCI_COMMAND, "type %u slot %u code %u", trb_type(&t), slot, code);
        x->command_at += sizeof(t);
        xhci_event(x, 0, (XhciTrb){at, code << 24, TRB_COMMAND_EVENT << 10 | slot << 24});
    }
    x->more_slots |= 1;
    timer_set(x->f.dev.clock, &x->more, clock_now(x->f.dev.clock) + LATER_NS);
}
