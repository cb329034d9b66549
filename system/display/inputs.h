/*
 * Inputs: what the user types and points at, and which device of the machine gets it: of those whose guest
 * listens the one that was added last.
 *
 * Owned by the Vm. Keys to be typed wait in a queue, so that the guest sees each go down and come up again.
 * Threads: the main thread.
 */
#ifndef SYSTEM_DISPLAY_INPUTS_H
#define SYSTEM_DISPLAY_INPUTS_H

#include "hw/core/display.h"
#include "hw/core/input.h"
#include "system/sys_error.h"

typedef struct Inputs Inputs;

Inputs *inputs_new(void);
void inputs_free(Inputs *in);
InputPort *inputs_add(Inputs *in); /* lives until it is removed */
void inputs_remove(Inputs *in, InputPort *p);

/* A key now. */
void inputs_key(Inputs *in, unsigned key, bool down);
enum { INPUTS_HOLD_MS = 100, INPUTS_MAX_KEYS = 16 };
/* All of them down, and up in the other order after hold_ms. */
void inputs_type(Inputs *in, const unsigned *key, unsigned n, unsigned hold_ms);
void inputs_move(Inputs *in, int dx, int dy, int wheel);
void inputs_buttons(Inputs *in, unsigned buttons);
unsigned inputs_held(const Inputs *in); /* buttons */
/* A place as of InputPort.point, for devices that know such. */
void inputs_place(Inputs *in, unsigned x, unsigned y, int wheel);
void inputs_placed(const Inputs *in, unsigned *ret_place); /* [2]: the last one */
/* A place in a picture; devices that know none get the way from the last. */
void inputs_point(Inputs *in, unsigned x, unsigned y, const DisplayFrame *f, int wheel, unsigned buttons);
/* The n-th pointing device there is, newest last. False: there are fewer. */
bool inputs_pointer(const Inputs *in, unsigned n, const char **ret_name, bool *ret_absolute,
                    bool *ret_current);

/* KEY_* by QMP's name, the code of the PC XT (0x80: with 0xe0 before it), or X keysym; 0: there is none. */
unsigned input_key_by_name(const char *name, size_t n);
unsigned input_key_by_xt(unsigned code);
unsigned input_key_by_sym(unsigned sym);

#endif
