/* Transfer rings (4.9.2, 4.11): each TRB is done, or waits for the device with what was moved of it. */
#include "hw/usb/xhci_priv.h"

enum { RUN = 1, DATA_IN = 0x10000, EVENT_OF_DATA = 4, AT_ONCE = 256, LENGTH = 0x1ffff };

/* One endpoint, with the TRB that is its next. */
typedef struct Pipe {
    Xhci *x;
    UsbDevice *u; /* NULL: gone */
    unsigned slot, dci, e;
    XhciTrb t;
} Pipe;

bool xhci_read_trb(Xhci *x, uint64_t at, XhciTrb *ret)
{
    return mem_map_read(x->f.dev.mem, at & ~15ull, ret, sizeof(*ret));
}

static void report(const Pipe *p, uint64_t parameter, unsigned code, uint32_t length, unsigned flags)
{
    const XhciTrb t = {parameter, (length & 0xffffff) | code << 24,
                       TRB_TRANSFER_EVENT << 10 | p->dci << 16 | p->slot << 24 | flags};
    xhci_event(p->x, p->t.status >> 22, t);
}

static void report_here(const Pipe *p, unsigned code, uint32_t left)
{
    report(p, p->x->ring[p->e] & ~15ull, code, left, 0);
}

static void set_state(const Pipe *p, unsigned state)
{
    p->x->ep_state[p->e] = (uint8_t)state;
    xhci_show_ep(p->x, p->slot, p->dci);
}

/* To the next TRB. */
static void advance(const Pipe *p)
{
    p->x->ring[p->e] += sizeof(XhciTrb);
    p->x->done[p->e] = 0;
    if (!(p->t.control & TRB_CHAIN))
        p->x->moved[p->e] = 0;
}

static void follow(const Pipe *p)
{
    uint64_t *ring = &p->x->ring[p->e];
    *ring = (p->t.parameter & ~15ull) | ((*ring ^ (p->t.control & TRB_TOGGLE ? 1 : 0)) & 1);
}

/* Past all that is left of a transfer whose data ended before; told: software knows. */
static void skip(Pipe *p, bool told)
{
    for (unsigned n = 0; n < AT_ONCE; n++) {
        const bool chained = p->t.control & TRB_CHAIN, link = trb_type(&p->t) == TRB_LINK;
        const bool event = trb_type(&p->t) == TRB_EVENT_DATA;
        if (event && p->t.control & TRB_IOC)
            report(p, p->t.parameter, CC_SHORT, p->x->moved[p->e], EVENT_OF_DATA);
        else if (n && !link && !chained && !told && p->t.control & TRB_IOC)
            report_here(p, CC_SHORT, p->t.status & LENGTH);
        if (link)
            follow(p);
        else
            advance(p);
        if ((!chained && !link) || !xhci_read_trb(p->x, p->x->ring[p->e], &p->t) ||
            ((p->t.control ^ p->x->ring[p->e]) & TRB_CYCLE))
            break;
    }
}

static bool fail(Pipe *p, unsigned code, unsigned state)
{
    report_here(p, code, (p->t.status & LENGTH) - p->x->done[p->e]);
    set_state(p, state);
    return false;
}

/* ---- data ---- */

static int move_in(Pipe *p, uint8_t *data, unsigned n)
{
    return p->dci == 1 ? usb_control_in(p->u, data, n) : usb_in(p->u, p->dci / 2, data, n);
}
static int move_out(Pipe *p, const uint8_t *data, unsigned n)
{
    return p->dci == 1 ? usb_control_out(p->u, data, n) : usb_out(p->u, p->dci / 2, data, n);
}

/* The next piece of a TRB. As of UsbOps; USB_STALL - 1: not from or to there. */
static int move(Pipe *p, bool in, unsigned n)
{
    enum { NO_MEMORY = USB_STALL - 1 };
    const uint64_t at = p->t.parameter + p->x->done[p->e];
    const MemMap *mem = p->x->f.dev.mem;
    uint8_t *piece = p->x->piece;
    if (in) {
        const int got = move_in(p, piece, n);
        return got > 0 && !mem_map_write(mem, at, piece, (unsigned)got) ? NO_MEMORY : got;
    }
    if (p->t.control & TRB_IDT)
        memcpy(piece, (const uint8_t *)&p->t.parameter + (p->x->done[p->e] & 7), MIN(n, 8u));
    else if (!mem_map_read(mem, at, piece, n))
        return NO_MEMORY;
    return move_out(p, piece, n);
}

static bool step_data(Pipe *p)
{
    const bool in = p->dci == 1 ? (p->t.control & DATA_IN) != 0 : p->dci & 1;
    const bool immediate = !in && p->t.control & TRB_IDT;
    const uint32_t length = MIN(p->t.status & LENGTH, immediate ? 8u : LENGTH);
    uint32_t *done = &p->x->done[p->e];
    bool is_short = false;
    *done = MIN(*done, length);
    while (*done < length && !is_short) {
        const unsigned n = MIN(length - *done, (uint32_t)XHCI_PIECE);
        const int got = move(p, in, n);
        if (got == USB_NAK)
            return false;
        if (got < 0)
            return fail(p, got == USB_STALL ? CC_STALL : CC_TRANSACTION, EP_HALTED);
        *done += (unsigned)got;
        p->x->moved[p->e] += (unsigned)got;
        is_short = (unsigned)got < n;
    }
    if (is_short) {
        const bool tells = p->t.control & (TRB_ISP | TRB_IOC);
        if (tells)
            report_here(p, CC_SHORT, length - *done);
        skip(p, tells);
        return true;
    }
    if (p->t.control & TRB_IOC)
        report_here(p, CC_SUCCESS, 0);
    advance(p);
    return true;
}

static bool step_simple(Pipe *p, int result)
{
    if (result < 0)
        return fail(p, CC_STALL, EP_HALTED);
    if (p->t.control & TRB_IOC)
        report_here(p, CC_SUCCESS, 0);
    advance(p);
    return true;
}

/* ---- rings ---- */

/* False: the ring waits, or has ended. */
static bool step(Pipe *p)
{
    const unsigned type = trb_type(&p->t);
    if (type == TRB_LINK) {
        follow(p);
        return true;
    }
    if (type == TRB_EVENT_DATA) {
        if (p->t.control & TRB_IOC)
            report(p, p->t.parameter, CC_SUCCESS, p->x->moved[p->e], EVENT_OF_DATA);
        p->x->moved[p->e] = 0;
        advance(p);
        return true;
    }
    if (type == TRB_NO_OP)
        return step_simple(p, 0);
    if (!p->u)
        return fail(p, CC_TRANSACTION, EP_HALTED);
    if (p->dci == 1 && type == TRB_SETUP) {
        usb_setup(p->u, (const uint8_t *)&p->t.parameter);
        return step_simple(p, 0);
    }
    if (p->dci == 1 && type == TRB_STATUS)
        return step_simple(p, usb_status(p->u));
    if (type == (p->dci == 1 ? TRB_DATA : TRB_NORMAL) || (p->dci == 1 && type == TRB_NORMAL))
        return step_data(p);
    return fail(p, CC_TRB, EP_ERROR);
}

void xhci_run(Xhci *x, unsigned slot, unsigned dci)
{
    enum { ENABLED = 2, PORT_CONNECTED = 1, LATER_NS = 100000 };
    Pipe p = {.x = x, .slot = slot, .dci = dci, .e = xhci_ep(slot, dci)};
    const unsigned port = x->slot_port[slot - 1];
    if (port && x->portsc[port - 1] & ENABLED && x->portsc[port - 1] & PORT_CONNECTED)
        p.u = x->at[port - 1];
    for (unsigned n = 0; n < AT_ONCE; n++) {
        if (x->ep_state[p.e] != EP_RUNNING || !(x->command & RUN))
            return;
        if (!xhci_read_trb(x, x->ring[p.e], &p.t)) {
            set_state(&p, EP_ERROR);
            return;
        }
        if ((p.t.control ^ x->ring[p.e]) & TRB_CYCLE || !step(&p))
            return;
    }
    x->more_slots |= 1u << slot;
    timer_set(x->f.dev.clock, &x->more, clock_now(x->f.dev.clock) + LATER_NS);
}
