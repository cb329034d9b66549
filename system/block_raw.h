/*
 * RawDisk: a file as the back end of a disk, byte for byte. A flush is an fdatasync().
 *
 * Life: raw_disk_open() to raw_disk_close(); the port is valid between. Threads: the port's, any.
 */
#ifndef SYSTEM_BLOCK_RAW_H
#define SYSTEM_BLOCK_RAW_H

#include "base/bits.h" /* before GLib, which has the same names */
#include "hw/core/ports.h"

#include <glib.h>

typedef struct RawDisk {
    BlockPort port;
    int fd; /* -1: closed */
} RawDisk;

/* The file's size must be a multiple of 512 bytes. */
bool raw_disk_open(RawDisk *d, const char *path, bool read_only, GError **err);
void raw_disk_close(RawDisk *d);

#endif
