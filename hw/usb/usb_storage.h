/* A disk on USB (Mass Storage Class, Bulk-Only Transport 1.0, with commands of SCSI). links: drive
 * (BlockPort). */
#ifndef HW_USB_USB_STORAGE_H
#define HW_USB_USB_STORAGE_H

#include "hw/usb/usb.h"

extern const DevClass usb_storage_class;

#endif
