/*
 * BlockPort, EntropyPort: what devices get from outside of the machine, as CharPort is for bytes.
 *
 * The owner of the back end makes a port and gives it to one device. Calls come by any thread, with the
 * device's lock held; they return when the work is done.
 */
#ifndef HW_CORE_PORTS_H
#define HW_CORE_PORTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct BlockPort {
    void *backend;
    uint64_t bytes; /* a multiple of 512 */
    bool read_only;
    char serial[21];
    /* False: an I/O error. Ranges are inside of [0, bytes). */
    bool (*read)(void *backend, uint64_t at, void *to, size_t n);
    bool (*write)(void *backend, uint64_t at, const void *from, size_t n);
    bool (*flush)(void *backend); /* what was written before is on the medium */
} BlockPort;

typedef struct EntropyPort {
    void *backend;
    bool (*fill)(void *backend, void *to, size_t n);
} EntropyPort;

#endif
