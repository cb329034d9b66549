/*
 * PciFunction: a function on a PCI Express bus, for those who write one (PCI Express Base 4.0, chapter 7).
 *
 * A function's struct begins with PciFunction and has a PciState in its state part, with PCI_ROWS in its
 * table. In realize it calls pci_init(), then adds BARs and capabilities; pci_plug() puts it onto a bus,
 * after which its shape is fixed. In reset it calls pci_reset().
 *
 * Configuration space is three arrays beside the bytes themselves: what they are after a reset, which bits
 * can be written, which are cleared by writing ones. So a register has no code unless `written` gives it
 * some.
 *
 * The windows of the host bridge are one region each of the memory map; which BAR answers is looked up there,
 * so moving BARs changes no map, but for those that are memory, which lie on top of the windows.
 *
 * Locks: the host bridge's for configuration accesses and the look-up; then f->lock, which is the one that
 * BARs and `written` are called with. It is the device's own unless the function shares one (virtio). A
 * function that holds its lock calls pci_set_intx() and pci_msix_send(), and nothing else of the bus.
 */
#ifndef HW_PCI_PCI_H
#define HW_PCI_PCI_H

#include "hw/core/dev_impl.h"

typedef struct PciFunction PciFunction;
typedef struct PcieHost PcieHost;
typedef struct PciBus PciBus;

enum {
    PCI_VENDOR = 0x00,
    PCI_DEVICE = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION = 0x08,
    PCI_CLASS = 0x09,
    PCI_HEADER_TYPE = 0x0e,
    PCI_BARS = 0x10,
    PCI_ROM_BASE = 0x30,
    PCI_PRIMARY_BUS = 0x18,
    PCI_SECONDARY_BUS = 0x19,
    PCI_SUBORDINATE_BUS = 0x1a,
    PCI_SUBSYSTEM_VENDOR = 0x2c,
    PCI_SUBSYSTEM = 0x2e,
    PCI_CAPABILITIES = 0x34,
    PCI_INTERRUPT_LINE = 0x3c,
    PCI_INTERRUPT_PIN = 0x3d,
    PCI_CONFIG_BYTES = 4096,
};
enum { PCI_COMMAND_IO = 1, PCI_COMMAND_MEMORY = 2, PCI_COMMAND_MASTER = 4, PCI_COMMAND_NO_INTX = 0x400 };
enum { PCI_STATUS_INTX = 8, PCI_STATUS_CAPABILITIES = 0x10 };
enum { PCI_CAP_MSI = 0x05, PCI_CAP_MSIX = 0x11, PCI_CAP_PCIE = 0x10, PCI_CAP_VENDOR = 0x09 };
enum { PCI_BAR_IO = 1, PCI_BAR_64 = 4, PCI_BAR_PREFETCH = 8 };
enum { PCI_N_BARS = 6, PCI_MSIX_MAX = 32 };
enum { PCI_ROM = PCI_N_BARS, PCI_N_WINDOWS, PCI_MAX_FIXED = 4 }; /* the option ROM counts as a BAR */

typedef struct PciState {
    uint8_t config[PCI_CONFIG_BYTES];
    uint32_t msix[PCI_MSIX_MAX * 4]; /* address, high address, data, control of each vector */
    uint32_t msix_pending;
    uint8_t intx;                    /* what the function wants of its pin */
} PciState;

#define PCI_ROWS(S)                                                                                          \
    DEV_ARRAY(S, p.config), DEV_ARRAY(S, p.msix), DEV_FIELD(S, p.msix_pending), DEV_FIELD(S, p.intx)

typedef struct PciShape {
    uint8_t initial[PCI_CONFIG_BYTES], writable[PCI_CONFIG_BYTES], clears[PCI_CONFIG_BYTES];
    uint8_t moves[PCI_CONFIG_BYTES]; /* bits that the function changes by itself */
    bool stays[PCI_CONFIG_BYTES];    /* over a reset that wakes */
} PciShape;

/* Addresses that a function answers wherever its BARs are, as those of the first display adapters. */
typedef struct PciFixed {
    MemRegion region; /* not in the machine's map */
    uint64_t base;
    bool io;
} PciFixed;

struct PciFunction {
    Device dev;
    /* properties: where to plug it; empty: the first place that is free */
    char addr[8], bus_id[64];
    bool multifunction;
    char romfile[128];
    uint32_t rombar;
    PciState *s;
    PciShape *shape;
    Lock *lock;
    PcieHost *host;            /* NULL: not plugged in */
    PciBus *bus;
    uint8_t devfn;
    uint8_t cap_at, cap_last;  /* free room; the last capability */
    uint8_t msi_at;            /* capability; 0: none */
    bool wants_msi;
    uint8_t msix_at;           /* capability; 0: none */
    uint8_t msix_vectors;
    bool conventional;         /* has no capability of PCI Express; set in realize */
    MemRegion bar[PCI_N_WINDOWS]; /* bytes = 0: none. In the machine's map if it is memory, else not */
    uint8_t bar_flags[PCI_N_WINDOWS];
    PciFixed fixed[PCI_MAX_FIXED];
    unsigned n_fixed;
    RamBlock rom;              /* the option ROM, if there is one */
    PciBus *secondary;         /* of a bridge */
    uint8_t express_at;        /* capability; 0: none */
    uint8_t window_at;         /* of function 0: the register that places the flat window; 0: none */
    bool intx_out;             /* what its pin carries */
    bool waking;               /* resets are such that wake the machine; of the board */
    /* After a write of its configuration; may be NULL. Lock held. */
    void (*written)(PciFunction *f, unsigned at, unsigned size);
    /* Before a read: brings registers up to date; may be NULL. */
    void (*reading)(PciFunction *f, unsigned at, unsigned size);
};

#define PCI_PROPS(S)                                                                                         \
    {"multifunction", "others may share its slot", offsetof(S, f.multifunction), PROP_BOOL, sizeof(bool),    \
     0},                                                                                                     \
        {"romfile", "option ROM; empty: none", offsetof(S, f.romfile), PROP_TEXT,                            \
         sizeof(((S *)0)->f.romfile), 0},                                                                    \
        {"rombar", "0: the option ROM is not shown", offsetof(S, f.rombar), PROP_U32, 4, 1},                 \
        {"addr", "slot, or slot.function", offsetof(S, f.addr), PROP_TEXT, sizeof(((S *)0)->f.addr), 0},     \
    {                                                                                                        \
        "bus", "id of a root port", offsetof(S, f.bus_id), PROP_TEXT, sizeof(((S *)0)->f.bus_id), 0          \
    }

typedef struct PciIds {
    uint16_t vendor, device, subsystem_vendor, subsystem;
    uint32_t class_code; /* class, subclass, interface */
    uint8_t revision;
} PciIds;

/* lock: NULL for the device's own. False: no memory. */
bool pci_init(PciFunction *f, PciState *s, const PciIds *ids, Lock *lock, DevError *err);
void pci_clear(PciFunction *f); /* in clear */
void pci_reset(PciFunction *f);
/* For `loaded`. */
bool pci_check(PciFunction *f, DevError *err);
/* bytes: a power of two, at least 16. ops get offsets into it, and dev. */
void pci_add_bar(PciFunction *f, unsigned n, uint64_t bytes, unsigned flags, const MmioOps *ops, void *dev);
/* A BAR that is memory, which generated code and other engines reach as they do RAM. ram: the function's own,
 * a power of two of bytes; it is cleared after pci_clear(), and its address as code is given here. */
void pci_add_memory_bar(PciFunction *f, unsigned n, RamBlock *ram, unsigned flags);
/* Answers on the root bus alone. */
void pci_add_fixed(PciFunction *f, bool io, uint64_t base, uint64_t bytes, const MmioOps *ops, void *dev);
/* What firmware runs to start the function; copied. Before it is plugged in. */
bool pci_set_rom(PciFunction *f, const uint8_t *bytes, size_t n, DevError *err);
/* Where it is; `bytes` include the two of every capability. */
unsigned pci_add_cap(PciFunction *f, unsigned id, unsigned bytes);
/* The capability of PCI Express; type: of the device/port. */
void pci_add_express(PciFunction *f, unsigned type);
enum { PCIE_ENDPOINT = 0, PCIE_ROOT_PORT = 4, PCIE_INTEGRATED = 9 };
uint32_t pci_get(const PciFunction *f, unsigned at, unsigned size);
/* Of `initial`, before the function is plugged in, and of the writable bits. */
void pci_shape(PciFunction *f, unsigned at, unsigned size, uint32_t initial, uint32_t writable);
/* What firmware sets up once, and neither it nor the system after suspend to RAM. */
void pci_stays(PciFunction *f, unsigned at, unsigned size);
bool pci_is_master(const PciFunction *f);

void pci_set_intx(PciFunction *f, bool level);

/* MSI-X in a BAR of its own of 4 KiB; nothing where the machine has no MSIs. vectors up to PCI_MSIX_MAX.
 * Before pci_plug(), after `host` is known: it is called by pci_plug() with what pci_want_msix() noted. */
void pci_want_msix(PciFunction *f, unsigned bar, unsigned vectors);
bool pci_msix_on(const PciFunction *f);
void pci_msix_send(PciFunction *f, unsigned vector);

/* One message without a mask; in realize. Nothing where the machine has no MSIs. */
void pci_want_msi(PciFunction *f);
bool pci_msi_on(const PciFunction *f);
void pci_msi_send(PciFunction *f);

/* Onto a bus: root bus of the host, or that of a root port. False: the place is taken or is none. */
bool pci_plug(Device *host, Device *root_port, PciFunction *f, DevError *err);
/* The function in that place of the root bus, or of the bus behind a bridge; NULL: there is none. For those
 * who show what there is. */
const PciFunction *pci_bridge_of(const PciFunction *f); /* NULL: it is on the root bus, or on none */
PciFunction *pci_function_at(const Device *host, const PciFunction *bridge, unsigned devfn);
/* Off its bus; with no cpu running. What is not on one may be asked, too. */
void pci_unplug(PciFunction *f);

/* For the host bridge. */
uint32_t pci_config_read(PciFunction *f, unsigned at, unsigned size);
/* True: what it decodes may have changed. */
bool pci_config_write(PciFunction *f, unsigned at, uint32_t value, unsigned size);
void pci_msi_install(PciFunction *f);
void pci_msix_install(PciFunction *f);
void pci_msix_written(PciFunction *f, unsigned at, unsigned size);
/* Base of a BAR as it is set; false: it does not decode. */
bool pci_bar_base(const PciFunction *f, unsigned n, uint64_t *ret);
void pcie_host_stale(PcieHost *h); /* what its functions decode may have changed */
void pcie_host_intx(PciFunction *f, bool level);
void pcie_host_msi(PciFunction *f, uint64_t address, uint32_t data);
bool pcie_host_has_msi(const PcieHost *h);

#endif
