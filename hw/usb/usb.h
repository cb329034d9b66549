/*
 * UsbDevice: what is plugged into a USB port, for controllers and for those who write a device (USB 2.0,
 * chapter 9).
 *
 * A device's struct begins with UsbDevice and has a UsbState in its state part, with USB_ROWS in its table.
 * It is the child of its controller and shares the controller's lock, with which all of its functions are
 * called. It answers standard requests by its descriptors; `ops` do the rest. A device that has nothing to
 * say yet answers USB_NAK and calls usb_wake() when it has.
 */
#ifndef HW_USB_USB_H
#define HW_USB_USB_H

#include "hw/core/dev_impl.h"

typedef struct UsbDevice UsbDevice;

enum { USB_NAK = -1, USB_STALL = -2 }; /* instead of a number of bytes */
enum { USB_FULL = 1, USB_LOW = 2, USB_HIGH = 3 };
enum { USB_CONTROL_MOST = 512, USB_STRINGS = 4 };

/* A request, as it comes in the setup stage. */
typedef struct UsbSetup {
    uint8_t type, request;
    uint16_t value, index, length;
} UsbSetup;
enum { USB_IN = 0x80, USB_TYPE = 0x60, USB_CLASS = 0x20, USB_RECIPIENT = 0x1f };

typedef struct UsbState {
    uint8_t address, configuration;
    uint16_t halted;  /* endpoints: bit n OUT, bit 8 + n IN */
    uint8_t setup[8]; /* of the control transfer that goes on */
    uint8_t stalled;  /* it was refused */
    uint16_t data_n, data_at;
    uint8_t data[USB_CONTROL_MOST];
} UsbState;

#define USB_ROWS(S)                                                                                          \
    DEV_FIELD(S, s.address), DEV_FIELD(S, s.configuration), DEV_FIELD(S, s.halted), DEV_ARRAY(S, s.setup),   \
        DEV_FIELD(S, s.stalled), DEV_FIELD(S, s.data_n), DEV_FIELD(S, s.data_at), DEV_ARRAY(S, s.data)

/* Descriptors as they are sent. */
typedef struct UsbShape {
    uint8_t speed;
    const uint8_t *device, *config, *qualifier; /* qualifier: of high-speed devices */
    const char *strings[USB_STRINGS];           /* from number 1 on; NULL: none */
} UsbShape;

typedef struct UsbOps {
    /* Of classes, and standard ones of interfaces. *n: room, or bytes that came; bytes of the answer. False:
     * stall. */
    bool (*control)(UsbDevice *d, const UsbSetup *s, uint8_t *data, unsigned *n);
    int (*in)(UsbDevice *d, unsigned endpoint, uint8_t *data, unsigned n);
    int (*out)(UsbDevice *d, unsigned endpoint, const uint8_t *data, unsigned n);
    void (*reset)(UsbDevice *d); /* of the bus */
} UsbOps;

struct UsbDevice {
    Device dev;
    char bus[64], port[8]; /* properties */
    Device *controller;    /* link */
    unsigned number;       /* of its port; 0: not plugged in */
    UsbState *s;
    const UsbShape *shape;
    const UsbOps *ops;
};

#define USB_PROPS(S)                                                                                         \
    {"bus", "id of a controller", offsetof(S, u.bus), PROP_TEXT, sizeof(((S *)0)->u.bus), 0},                \
        {"port", "of the controller", offsetof(S, u.port), PROP_TEXT, sizeof(((S *)0)->u.port), 0},          \
    {                                                                                                        \
        "controller", "that it is plugged into", offsetof(S, u.controller), PROP_PTR, sizeof(void *), 0      \
    }

/* In realize: plugs it in. False: err. */
bool usb_plug(UsbDevice *u, UsbState *s, const UsbShape *shape, const UsbOps *ops, DevError *err);
void usb_unplug(UsbDevice *u); /* in clear */
/* For `loaded`: false if the state cannot be. */
bool usb_check(UsbDevice *u);
void usb_bus_reset(UsbDevice *u);
Lock *usb_lock(const UsbDevice *u);
void usb_wake(UsbDevice *u, unsigned endpoint, bool in); /* lock held */

/* For controllers: the stages of a control transfer, and the others. As of UsbOps. */
void usb_setup(UsbDevice *u, const uint8_t *setup);
int usb_control_in(UsbDevice *u, uint8_t *data, unsigned n);
int usb_control_out(UsbDevice *u, const uint8_t *data, unsigned n);
int usb_status(UsbDevice *u);
int usb_in(UsbDevice *u, unsigned endpoint, uint8_t *data, unsigned n);
int usb_out(UsbDevice *u, unsigned endpoint, const uint8_t *data, unsigned n);

bool usb_is_controller(const Device *d);
bool usb_is_device(const Device *d);

#endif
