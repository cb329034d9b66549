/*
 * The parts of the xHCI, private to hw/usb: registers and ports are xhci.c, commands and contexts
 * xhci_command.c, transfers xhci_transfer.c, rings of events xhci_events.c. Numbers in comments are sections
 * of the specification, 1.2.
 *
 * What software may change in contexts it does by commands, so the controller has copies of what it needs and
 * writes back what software may read. Called with the device's lock held.
 */
#ifndef HW_USB_XHCI_PRIV_H
#define HW_USB_XHCI_PRIV_H

#include "hw/core/clock.h"
#include "hw/usb/xhci.h"

enum {
    XHCI_SLOTS = 16,
    XHCI_EPS = 32,
    XHCI_INTRS = 4,
    XHCI_PORTS = 15,
    XHCI_ALL_EPS = XHCI_SLOTS * XHCI_EPS
};
enum { XHCI_PIECE = 16384 }; /* bytes that are moved at once */

enum { /* 6.4.6 */
       TRB_NORMAL = 1,
       TRB_SETUP,
       TRB_DATA,
       TRB_STATUS,
       TRB_ISOCH,
       TRB_LINK,
       TRB_EVENT_DATA,
       TRB_NO_OP,
       TRB_ENABLE_SLOT,
       TRB_DISABLE_SLOT,
       TRB_ADDRESS_DEVICE,
       TRB_CONFIGURE,
       TRB_EVALUATE,
       TRB_RESET_EP,
       TRB_STOP_EP,
       TRB_SET_DEQUEUE,
       TRB_RESET_DEVICE,
       TRB_NO_OP_COMMAND = 23,
       TRB_TRANSFER_EVENT = 32,
       TRB_COMMAND_EVENT,
       TRB_PORT_EVENT
};
enum { /* 6.4.5 */
       CC_SUCCESS = 1,
       CC_TRANSACTION = 4,
       CC_TRB = 5,
       CC_STALL = 6,
       CC_NO_SLOTS = 9,
       CC_SLOT_OFF = 11,
       CC_EP_OFF = 12,
       CC_SHORT = 13,
       CC_PARAMETER = 17,
       CC_CONTEXT_STATE = 19,
       CC_RING_STOPPED = 24,
       CC_STOPPED = 26
};
enum {
    TRB_CYCLE = 1,
    TRB_TOGGLE = 2,
    TRB_ISP = 4,
    TRB_CHAIN = 0x10,
    TRB_IOC = 0x20,
    TRB_IDT = 0x40,
    TRB_BSR = 0x200
};
enum { EP_OFF, EP_RUNNING, EP_HALTED, EP_STOPPED, EP_ERROR };
enum {
    SLOT_OFF,
    SLOT_ENABLED,
    SLOT_DEFAULT,
    SLOT_ADDRESSED,
    SLOT_CONFIGURED
}; /* one more than in contexts */

typedef struct XhciTrb {
    uint64_t parameter;
    uint32_t status, control;
} XhciTrb;

static inline unsigned trb_type(const XhciTrb *t)
{
    return t->control >> 10 & 0x3f;
}

typedef struct Xhci {
    PciFunction f;
    uint32_t p2, p3;           /* ports */
    UsbDevice *at[XHCI_PORTS]; /* number - 1 */
    Timer more;                /* a ring that has more than is done at once */
    uint32_t more_slots;
    uint8_t piece[XHCI_PIECE];
    DEV_STATE_BEGIN
    PciState p;
    uint32_t command, status, notify, config;
    uint64_t crcr, dcbaap;
    uint64_t command_at; /* of the next; bit 0: cycle */
    uint32_t portsc[XHCI_PORTS];
    uint32_t iman[XHCI_INTRS], imod[XHCI_INTRS], erst_n[XHCI_INTRS];
    uint64_t erst_at[XHCI_INTRS], erdp[XHCI_INTRS];
    uint32_t event_seg[XHCI_INTRS], event_at[XHCI_INTRS]; /* where the next goes */
    uint8_t event_cycle[XHCI_INTRS];
    uint8_t slot[XHCI_SLOTS], slot_port[XHCI_SLOTS];
    uint16_t slot_intr[XHCI_SLOTS];
    uint64_t ring[XHCI_ALL_EPS];                      /* the next TRB; bit 0: cycle */
    uint32_t done[XHCI_ALL_EPS], moved[XHCI_ALL_EPS]; /* bytes of that TRB; of its transfer */
    uint8_t ep_state[XHCI_ALL_EPS], ep_type[XHCI_ALL_EPS];
    DEV_STATE_END
} Xhci;

static inline unsigned xhci_ep(unsigned slot, unsigned dci)
{
    return (slot - 1) * XHCI_EPS + dci;
}

/* xhci_events.c */
void xhci_event(Xhci *x, unsigned intr, XhciTrb t);
void xhci_interrupt(Xhci *x);               /* after what it depends on changed */
void xhci_dequeued(Xhci *x, unsigned intr); /* ERDP was written */

/* xhci_command.c */
void xhci_commands(Xhci *x);
void xhci_disable_slot(Xhci *x, unsigned slot);
/* Into the context that software reads. */
void xhci_show_ep(Xhci *x, unsigned slot, unsigned dci);

/* xhci_transfer.c: as far as it goes. */
void xhci_run(Xhci *x, unsigned slot, unsigned dci);
bool xhci_read_trb(Xhci *x, uint64_t at, XhciTrb *ret);

#endif
