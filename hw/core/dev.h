/*
 * Device: one piece of a machine, for those who use it. Who writes one also reads dev_impl.h.
 *
 * Life: dev_new(), properties, dev_realize() (may fail; then only dev_free() is left to do), any number of
 * dev_reset(), dev_free(). A device belongs to its Machine's tree; freeing the root frees all.
 * State is exactly what the class's state table names: dev_save() writes it as text, one `name=value` a line,
 * dev_load() reads it. What is not in the table is either configuration (properties) or wiring, and is the
 * same on both sides.
 * Threads: configuration by one thread. Register accesses, timers, input from outside and save/load: with
 * `lock` held, which the memory map, clocks and back ends do by themselves. The device calls no other device
 * while it holds its lock but by an IrqLine and by DMA into RAM.
 * Errors: DevError, one line for the user.
 */
#ifndef HW_CORE_DEV_H
#define HW_CORE_DEV_H

#include "base/fmt.h"
#include "base/lock.h"
#include "hw/core/irq.h"
#include "hw/core/mem_map.h"

typedef struct Device Device;
typedef struct DevClass DevClass;
typedef struct Clock Clock;

typedef struct DevError {
    char text[200];
} DevError;
bool dev_fail(DevError *err, const char *format, ...) __attribute__((format(printf, 2, 3))); /* false */

enum { DEV_MAX_REGIONS = 4 };

struct Device {
    const DevClass *cls;
    char id[64];
    Device *parent, *children, *next;
    Lock lock;
    MemRegion region[DEV_MAX_REGIONS]; /* filled by realize; the board gives bases and adds them to the map */
    unsigned n_regions;
    bool realized;
    MemMap *mem;   /* for DMA; of the machine */
    Clock *clock;
};

/* NULL: out of memory. */
Device *dev_new(const DevClass *cls, Device *parent, const char *id);
void dev_free(Device *d);
/* value as on a command line. False: no such property, or not a value of it. Before realize only. */
bool dev_set(Device *d, const char *name, const char *value, DevError *err);
/* Properties that are wiring (pointers), by the board. */
bool dev_set_ptr(Device *d, const char *name, void *value, DevError *err);
bool dev_realize(Device *d, MemMap *mem, Clock *clock, DevError *err);
void dev_reset(Device *d); /* and its children */
/* One property as text. False: there is none of the name. */
bool dev_get(const Device *d, const char *name, Fmt *out);
void dev_save(Device *d, Fmt *out); /* without its children */
bool dev_load(Device *d, const char *text, DevError *err);
/* The fields again, and nothing else: for when all devices were loaded, and what that did to others is to be
 * undone. */
bool dev_load_fields(Device *d, const char *text, DevError *err);
/* Has the text all that dev_load() reads? What its values mean is not looked at. */
bool dev_check(const Device *d, const char *text, DevError *err);
Device *dev_find(Device *root, const char *id);
/* "/machine/peripheral/disk0": ids from the root on. */
void dev_path(const Device *d, Fmt *out);
/* `-device NAME,help`; `info qtree` */
void dev_class_help(const DevClass *cls, Fmt *out);
void dev_print_tree(const Device *root, unsigned depth, Fmt *out);

#endif
