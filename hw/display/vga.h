/* Display adapters on PCI, which answer alike on every board. VGA: the IBM VGA with its ports and its window
 * below 1 MiB, where the board's bus has such; a linear frame buffer (BAR 0), modes beyond VGA's by the DISPI
 * registers of the Bochs VBE extensions (at ports, and in BAR 2). bochs-display: the latter alone.
 * links: display (DisplayPort, may be NULL). */
#ifndef HW_DISPLAY_VGA_H
#define HW_DISPLAY_VGA_H

#include "hw/core/display.h"
#include "hw/pci/pci.h"

extern const DevClass vga_class, bochs_display_class;

#endif
