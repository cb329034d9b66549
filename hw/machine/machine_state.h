/*
 * The state of a whole machine but its memory, as text; what of memory belongs to it; and its shape, which
 * both sides of a transfer must have in common.
 *
 * Sections begin with a line `@NAME`: the machine's clock, each device by its path, each cpu. Texts may be
 * hostile. Threads: one; cpus, timers and back ends stand still. Errors: DevError, one line for the user.
 */
#ifndef HW_MACHINE_MACHINE_STATE_H
#define HW_MACHINE_MACHINE_STATE_H

#include "hw/machine/machine.h"

/* The caller frees it. NULL: no memory. */
char *machine_state_save(Machine *m);
/* False: err says what is missing, or no value of it; nothing was changed. */
bool machine_state_check(const Machine *m, const char *text, DevError *err);
/* After the memory. Everything is reset first. False: the machine is of no use before the next reset. */
bool machine_state_load(Machine *m, const char *text, DevError *err);

/* A line each: board, cpus, memory, devices. The caller frees it. NULL: no memory. */
char *machine_shape(const Machine *m);
/* False: err names the first thing that is another. */
bool machine_shape_fits(const Machine *m, const char *shape, DevError *err);

/* Blocks of memory, by their number. Returns how many there are; `to` has room for MACHINE_MOST_BLOCKS. */
enum { MACHINE_MOST_BLOCKS = 2 * MEM_MAX_REGIONS };
unsigned machine_ram_blocks(const Machine *m, RamBlock **to);

#endif
