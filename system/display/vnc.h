/*
 * Vnc: a server of the machine's display for viewers on the network: sockets and time for Rfb, which knows
 * the protocol. No viewer has to say who it is: whom the socket lets in may do everything.
 *
 * The display is drawn while viewers wait for it, thirty times a second. Owned by main. Threads: the main
 * thread.
 */
#ifndef SYSTEM_DISPLAY_VNC_H
#define SYSTEM_DISPLAY_VNC_H

#include "system/vm.h"

typedef struct Vnc Vnc;

/* text: as of -vnc: [HOST]:N, port 5900 + N, or unix:PATH, then keys. NULL: err. */
Vnc *vnc_new(Vm *vm, const char *text, GError **err);
void vnc_free(Vnc *v);

/* Where it listens. */
const char *vnc_address(const Vnc *v, const char **ret_service, const char **ret_family);
unsigned vnc_viewers(const Vnc *v);

#endif
