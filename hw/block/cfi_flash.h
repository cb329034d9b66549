/* cfi-flash: two NOR flash chips of 16 bits beside each other on a bus of 32, or one of 8 bits, as PCs
 * have (JEDEC JESD68.01, Intel's command set 0001). Region 0 is a ROM device: while the chips are being
 * read it is plain memory, code included. What is programmed or erased goes to the back end at once. */
#ifndef HW_BLOCK_CFI_FLASH_H
#define HW_BLOCK_CFI_FLASH_H

#include "hw/core/dev.h"

extern const DevClass cfi_flash_class; /* links: drive (BlockPort of exactly `bytes`, or NULL: empty) */
/* Is there something in it? */
bool cfi_flash_has_image(const Device *flash);

#endif
