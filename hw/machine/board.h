/* What boards are built with: making a device, placing it, numbers as properties, the slots of virtio-mmio.
 * Private to hw/machine. Errors as of machine_new(). */
#ifndef HW_MACHINE_BOARD_H
#define HW_MACHINE_BOARD_H

#include "hw/machine/machine.h"
#include "target/mem.h"

/* Makes a device, to be wired. NULL: no memory. */
Device *board_put(Machine *m, const DevClass *cls, const char *id, DevError *err);
bool board_set_number(Device *d, const char *name, uint64_t n, DevError *err);
/* All cpus get the properties of the configuration, which have their model. */
bool board_configure_cpus(Machine *m, DevError *err);
/* CpuBoard.yield */
void board_yield(void *opaque);
/* CpuBoard.power: opaque is the Machine. */
void board_power_machine(void *opaque, CpuPower what);
/* Puts a region of a device that is realized at an address. */
bool board_map(Machine *m, Device *d, unsigned region, uint64_t base, DevError *err);
/* The same in the space of I/O ports. */
bool board_map_ports(Machine *m, Device *d, unsigned region, unsigned port, DevError *err);
/* Realizes a device and puts its first region there. d: NULL is a failure that has been told. */
bool board_place(Machine *m, Device *d, uint64_t base, DevError *err);
bool board_place_ports(Machine *m, Device *d, unsigned port, DevError *err);

typedef struct BoardSlots {
    uint64_t base, stride;
    unsigned count;
    const IrqLine *irq; /* of each */
} BoardSlots;
/* All slots of virtio-mmio are there. The user's first device goes into the last of them. */
bool board_make_virtio(Machine *m, const BoardSlots *slots, DevError *err);

#endif
