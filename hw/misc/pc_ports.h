/* Small devices at I/O ports of PCs.
 *
 * isa-debug-exit: a write of v ends the machine with 2 v + 1. Region 0 at its property `iobase`.
 * isa-debugcon: what is written goes to a back end, a read says that it is there. Region 0 likewise.
 * system-control: regions 0: port 92 (bit 0 resets, bit 1 is the gate of address line 20, which is kept and
 * does nothing: it is always open), 1: port 80 (progress of firmware), 2: power management commands, b2
 * and b3. */
#ifndef HW_MISC_PC_PORTS_H
#define HW_MISC_PC_PORTS_H

#include "hw/core/dev.h"

enum { SYSTEM_CONTROL_A, SYSTEM_CONTROL_POST, SYSTEM_CONTROL_APM };

extern const DevClass isa_debug_exit_class; /* links: machine (MachineRequests) */
extern const DevClass isa_debugcon_class;   /* links: chardev (CharPort) */
/* links: machine; command (IrqLine, may be NULL): set() is called with each command, and the cpu that
 * gives it << 8, as n. */
extern const DevClass system_control_class;

#endif
