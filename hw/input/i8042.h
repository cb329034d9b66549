/* i8042: a PC's keyboard controller with a keyboard and a mouse of three buttons and a wheel. Regions, ports:
 * 0: 60, 1: 64. links: irq (keyboard), irq_aux (mouse), machine (MachineRequests),
 * input (InputPort, may be NULL). */
#ifndef HW_INPUT_I8042_H
#define HW_INPUT_I8042_H

#include "hw/core/dev.h"

extern const DevClass i8042_class;

/* A key by its number in <linux/input-event-codes.h> (KEY_*). False: the keyboard has no such key, or no
 * room. By any thread. */
bool i8042_key(Device *d, unsigned key, bool down);
/* A motion, up and to the right being positive; wheel towards the user is positive. buttons: bit 0 left, 1
 * right, 2 middle. */
void i8042_move(Device *d, int dx, int dy, int wheel, unsigned buttons);

#endif
