/* Images into guest memory: raw, or ELF by its segments' physical addresses; device trees. All of them are
 * hostile input: they are loaded, or there is an error. */
#ifndef HW_BOOT_IMAGE_H
#define HW_BOOT_IMAGE_H

#include "hw/core/dev.h"

typedef struct LoadedImage {
    uint64_t entry, start, end; /* of what it takes in memory, from its lowest byte to its highest */
    bool elf;
} LoadedImage;

/* at: where a raw image goes. machine: EM_* of ELF files that the board can start. */
bool image_load(const MemMap *m, const uint8_t *bytes, size_t size, unsigned machine, uint64_t at,
                LoadedImage *ret, DevError *err);
/* n bytes at an address, and zeros behind them up to `whole` bytes. False: there is no memory. */
bool image_place(const MemMap *m, uint64_t address, const uint8_t *bytes, uint64_t n, uint64_t whole);
/* Is it a whole device tree? */
bool image_check_fdt(const uint8_t *bytes, size_t size, DevError *err);
/* The error is one of this file. Returns false. */
bool image_blame(const char *name, DevError *err);

#endif
