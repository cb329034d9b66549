/* xHCI: a USB controller with ports of USB 2 and 3 (eXtensible Host Controller Interface 1.2), as a function
 * of PCI. BARs: 0 its registers, 4 MSI-X. Devices plug into the ports of USB 2. */
#ifndef HW_USB_XHCI_H
#define HW_USB_XHCI_H

#include "hw/pci/pci.h"
#include "hw/usb/usb.h"

extern const DevClass qemu_xhci_class, nec_xhci_class;

/* For devices: lock not held, held. */
bool xhci_plug(UsbDevice *u, DevError *err);
void xhci_unplug(UsbDevice *u);
void xhci_wake(UsbDevice *u, unsigned endpoint, bool in);

#endif
