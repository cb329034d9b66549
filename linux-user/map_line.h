/*
 * Lines of /proc/PID/maps, proc(5): START-END PERMS OFFSET DEV INODE NAME. Pure functions on text that ends
 * with a NUL; any thread. Pointers are into that text.
 */
#ifndef LINUX_USER_MAP_LINE_H
#define LINUX_USER_MAP_LINE_H

#include "linux-user/process.h"

typedef struct MapLine {
    Gva start, end;
    uint64_t offset;
    const char *perms; /* "rw-p" */
    const char *dev;   /* "fe:00 123" */
    size_t dev_len;
    const char *name;
    size_t name_len;
    const char *next; /* the line after */
} MapLine;

/* A number in hex; returns where it ends. */
const char *map_hex(const char *s, uint64_t *ret);
/* False: not a line of maps (smaps has others); `next` is set all the same. */
bool parse_map_line(const char *s, MapLine *m);

#endif
