/* Port I/O of a machine (x86_port.c). Each returns a helper's status. Private to target/x86. */
#ifndef TARGET_X86_X86_PORT_H
#define TARGET_X86_X86_PORT_H

#include "target/x86/x86_sys.h"

typedef struct X86PortString {
    bool out, rep;
    uint8_t seg, size, asize; /* seg: that outs reads from */
} X86PortString;

bool x86_port_allowed(X86Machine *m, unsigned port, unsigned size); /* false: raised */
uint64_t x86_port_in(X86Machine *m, unsigned port, unsigned size);
uint64_t x86_port_out(X86Machine *m, unsigned port, unsigned size);
uint64_t x86_port_string(X86Machine *m, const X86PortString *s);

#endif
