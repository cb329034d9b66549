/* fw-cfg: named blobs for firmware, by registers and by DMA (docs/specs of the interface). Regions: 0 for
 * memory: data 0, selector 8, DMA 16; or for ports, 1: selector 0 (little-endian, 16 bits), data 1; 2: DMA.
 * All other multi-byte registers are big-endian. What it holds is configuration: the board fills it in at
 * each reset. */
#ifndef HW_MISC_FW_CFG_H
#define HW_MISC_FW_CFG_H

#include "hw/core/dev.h"

enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_CPUS = 0x05,
    FW_CFG_KERNEL_ADDR = 0x07,
    FW_CFG_KERNEL_SIZE = 0x08,
    FW_CFG_INITRD_ADDR = 0x0a,
    FW_CFG_INITRD_SIZE = 0x0b,
    FW_CFG_BOOT_MENU = 0x0e,
    FW_CFG_MAX_CPUS = 0x0f,
    FW_CFG_KERNEL_ENTRY = 0x10,
    FW_CFG_KERNEL_DATA = 0x11,
    FW_CFG_INITRD_DATA = 0x12,
    FW_CFG_CMDLINE_ADDR = 0x13,
    FW_CFG_CMDLINE_SIZE = 0x14,
    FW_CFG_CMDLINE_DATA = 0x15,
    FW_CFG_SETUP_ADDR = 0x16,
    FW_CFG_SETUP_SIZE = 0x17,
    FW_CFG_SETUP_DATA = 0x18,
    FW_CFG_FILES = 0x19,
    FW_CFG_FIRST_FILE = 0x20,
    FW_CFG_IRQ0_OVERRIDE = 0x8002, /* of PCs */
};
enum { FW_CFG_MEMORY, FW_CFG_PORTS, FW_CFG_DMA_PORTS };

extern const DevClass fw_cfg_class; /* no links */

/* Everything is forgotten but the signature, the id and an empty directory. */
void fw_cfg_begin(Device *d);
/* The bytes are borrowed until the next fw_cfg_begin(). False: there is no room for more. */
bool fw_cfg_add(Device *d, unsigned key, const void *bytes, size_t n);
bool fw_cfg_add_file(Device *d, const char *name, const void *bytes, size_t n);
/* A file that may change until firmware reads it, of at most `most` bytes, which is the size it shows. */
bool fw_cfg_add_live(Device *d, const char *name, const void *bytes, size_t n, size_t most);
/* Once, before the first of those is read: by that cpu's thread, with the device's lock. */
void fw_cfg_on_select(Device *d, void (*refresh)(void *opaque), void *opaque);
/* From there: other contents. False: there is no such file, or they are too long. */
bool fw_cfg_change(Device *d, const char *name, const void *bytes, size_t n);
/* A file that firmware can write, by DMA: into these bytes, with the device's lock. */
bool fw_cfg_add_writable(Device *d, const char *name, void *bytes, size_t n);
/* A file before whose reading, each time that it is selected, asked() is called: by that cpu's thread, with
 * the device's lock. */
bool fw_cfg_add_asked(Device *d, const char *name, const void *bytes, size_t n, void (*asked)(void *opaque),
                      void *opaque);
/* A number, little-endian, which is kept. */
bool fw_cfg_add_number(Device *d, unsigned key, uint64_t value, unsigned bytes);
/* A kernel for the firmware to start; parts may be NULL. */
bool fw_cfg_add_kernel(Device *d, const void *kernel, size_t kernel_bytes, const void *initrd,
                       size_t initrd_bytes, const char *append);

#endif
