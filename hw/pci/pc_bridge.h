/* Functions 0 of PCs' root buses: the memory controllers, which say what answers between a0000 and fffff, and
 * on q35 where configuration space is in memory. links: memory (PcMemory). */
#ifndef HW_PCI_PC_BRIDGE_H
#define HW_PCI_PC_BRIDGE_H

#include "hw/pci/pcie_host.h"

extern const DevClass i440fx_class;  /* 82441FX */
extern const DevClass q35_mch_class; /* 82Q35 */

/* What is there to choose from. */
typedef struct PcMemory {
    RamBlock *ram; /* offset 0 is address 0 */
    RamBlock *rom; /* its last byte is that at fffff */
    uint64_t low_bytes; /* of RAM below 4 GiB */
} PcMemory;

/* Is this address one of SMRAM, which is memory for cpus in system management mode, and for others only while
 * it is open? By any thread. */
bool pc_bridge_smram(const Device *d, uint64_t at);

#endif
