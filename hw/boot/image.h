/* Images into guest memory: raw, or ELF by its segments' physical addresses. */
#ifndef HW_BOOT_IMAGE_H
#define HW_BOOT_IMAGE_H

#include "hw/core/dev.h"

typedef struct LoadedImage {
    uint64_t entry, end; /* end: of the highest byte that it takes in memory */
    bool elf;
} LoadedImage;

/* at: where a raw image goes. */
bool image_load(const MemMap *m, const uint8_t *bytes, size_t size, uint64_t at, LoadedImage *ret,
                DevError *err);

#endif
