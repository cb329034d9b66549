/*
 * A Machine into a stream and out of it.
 *
 * Whoever calls sees to it that nothing changes meanwhile: cpus, timers, disks and nets stand still; but for
 * vm_save_pages(), which may be called while the machine runs, for pages that are sent again later.
 * Threads: one. Errors: GError; what of the machine was touched then, each says.
 */
#ifndef SYSTEM_MIGRATE_VM_SAVE_H
#define SYSTEM_MIGRATE_VM_SAVE_H

#include "hw/machine/machine_state.h"
#include "system/migrate/vm_stream.h"

typedef struct VmSaver {
    Machine *m;
    VmWriter w;
    unsigned n_blocks;
    RamBlock *block[MACHINE_MOST_BLOCKS];
    uint64_t pages, zeroes; /* sent */
    uint8_t *copy;          /* of a run: memory that changes meanwhile cannot be packed */
} VmSaver;

/* What comes before the pages. vm_save_end() is to be called whatever happens. */
bool vm_save_begin(VmSaver *s, Machine *m, VmSink sink, GError **err);
/* Pages [first, first + n) of a block; wanted: a bit for each page of the block, NULL: all. */
bool vm_save_pages(VmSaver *s, unsigned block, const uint64_t *wanted, uint64_t first, uint64_t n,
                   GError **err);
bool vm_save_all_pages(VmSaver *s, GError **err);
/* What comes after them. */
bool vm_save_state(VmSaver *s, GError **err);
void vm_save_end(VmSaver *s);

/* Reads all of it, and changes nothing: would it be loaded? */
bool vm_load_check(Machine *m, VmSource source, GError **err);
/* Who calls machine_state_load(); without `put` vm_load() does. */
typedef struct VmPutState {
    bool (*put)(void *opaque, const char *text, GError **err);
    void *opaque;
} VmPutState;
/* False: the machine is of no use before the next reset. */
bool vm_load(Machine *m, VmSource source, VmPutState put, GError **err);

#endif
