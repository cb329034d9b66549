/* Keyboard, mouse and tablet (USB HID 1.11). links: input (InputPort, may be NULL). */
#ifndef HW_USB_USB_HID_H
#define HW_USB_USB_HID_H

#include "hw/usb/usb.h"

extern const DevClass usb_kbd_class, usb_mouse_class, usb_tablet_class;

#endif
