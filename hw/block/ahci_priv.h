/* What the parts of the AHCI controller share: registers are ahci.c, commands ahci_command.c. */
#ifndef HW_BLOCK_AHCI_PRIV_H
#define HW_BLOCK_AHCI_PRIV_H

#include "hw/block/ahci.h"

enum { AHCI_SLOTS = 32 };
enum { /* command and status of a port */
       PORT_START = 1 << 0,
       PORT_SPIN_UP = 1 << 1,
       PORT_POWER = 1 << 2,
       PORT_OVERRIDE = 1 << 3,
       PORT_FIS = 1 << 4,
       PORT_FIS_RUNS = 1 << 14,
       PORT_RUNS = 1 << 15,
       PORT_ATAPI = 1 << 24
};
enum { /* its interrupts */
       PORT_IS_REGISTERS = 1 << 0,
       PORT_IS_PIO = 1 << 1,
       PORT_IS_BITS = 1 << 3,
       PORT_IS_CONNECT = 1 << 6,
       PORT_IS_OVERFLOW = 1 << 24,
       PORT_IS_INTERFACE = 1 << 27,
       PORT_IS_BUS = 1 << 29,
       PORT_IS_TASK = 1 << 30
};

typedef struct AhciPort {
    AtaState drive;
    uint64_t list, fis;
    uint32_t is, ie, cmd, sig, sctl, serr, sact, ci;
    uint8_t halted;  /* by an error, until it is stopped */
    uint8_t resets;  /* the first half of a reset by a command came */
    uint8_t greeted; /* its drive's registers after the reset were received */
} AhciPort;

typedef struct Ahci {
    PciFunction f;
    AtaBus bus;
    uint64_t epoch[AHCI_PORTS];
    DEV_STATE_BEGIN
    PciState p;
    uint32_t ghc, is, index;
    uint8_t raised;
    AhciPort port[AHCI_PORTS];
    DEV_STATE_END
} Ahci;

/* One command of the port; lock held, but not while the medium is at work. False: there is none. */
bool ahci_serve(Ahci *h, unsigned n, AtaDrive *d);

/* For commands; lock held. */
void ahci_raise(Ahci *h, unsigned n, uint32_t bits);
/* The drive's registers, as it sends them, where they are to be received. */
void ahci_send_registers(Ahci *h, unsigned n, bool interrupts);

#endif
