/*
 * Machine: a board with its cpus, memory and devices, built from a MachineConfig.
 *
 * Life: machine_new() builds everything and resets it; machine_reset() is the power-on state again, images
 * included; machine_free(). The owner runs the cpus (each in a thread of its own, accel_run()) and the clock
 * (clock_run()).
 * Ownership: images and CharPorts are the caller's and outlive the machine.
 * Threads: new, reset, free: one, with no cpu running. The rest as devices say.
 */
#ifndef HW_MACHINE_MACHINE_H
#define HW_MACHINE_MACHINE_H

#include "accel/accel.h"
#include "hw/acpi/acpi.h"
#include "hw/acpi/smbios.h"
#include "hw/core/char_port.h"
#include "hw/core/clock.h"
#include "hw/core/dev.h"
#include "hw/core/input.h"
#include "hw/core/ports.h"
#include "hw/core/request.h"

typedef struct Image {
    const uint8_t *bytes; /* NULL: none */
    size_t size;
    const char *name; /* for errors */
} Image;

/* A device that the user asked for. Its properties are pairs of name and value. */
typedef struct MachineDevice {
    const DevClass *cls;
    const char *id;
    bool unnamed;          /* the user gave no id */
    const char *props[24]; /* ended by NULL */
    const char *link;      /* name of the connection to its back end; NULL: none */
    void *backend;
    const DevClass *transport; /* of a virtio device on PCI, virtio_pci_class; then this has the id */
    const char *transport_props[16];
    uint32_t boot; /* bootindex + 1; 0: firmware need not try it */
    Image rom;     /* option ROM of a function of PCI */
} MachineDevice;
enum { MACHINE_MAX_DEVICES = 64 };

/* In which order firmware tries devices (boot_order.c). */
typedef struct BootPlace {
    uint32_t boot;
    char path[124];
} BootPlace;
typedef struct BootOrder {
    const char *first; /* before all of them; NULL: nothing */
    BootPlace place[MACHINE_MAX_DEVICES];
    unsigned n;
    char text[MACHINE_MAX_DEVICES * sizeof(BootPlace)];
} BootOrder;

/* A property of each device of a kind that the board itself has. */
typedef struct MachineGlobal {
    const char *driver, *prop, *value; /* driver: as machine_is_driver() compares it */
} MachineGlobal;
enum { MACHINE_MAX_GLOBALS = 32 };

/* What the user says of the board itself. */
typedef struct MachineOption {
    const char *name, *value;
} MachineOption;
enum { MACHINE_MAX_OPTIONS = 16 };

typedef struct MachineConfig {
    uint64_t ram_bytes;
    unsigned cpus;
    Image firmware, kernel, initrd, dtb;
    const char *append;      /* command line of the kernel; may be NULL */
    const char *cpu_model;   /* NULL: the board's own choice */
    const char *cpu_props;   /* NAME=on|off,...: what the cpus have besides their model's; NULL: nothing */
    CharPort *serial, *serial1; /* may be NULL */
    const SmbiosField *smbios; /* borrowed */
    unsigned n_smbios;
    const SmbiosTable *smbios_table; /* borrowed */
    unsigned n_smbios_tables;
    const Image *fw_file; /* of the user's, by the names that the guest finds in fw_cfg; borrowed */
    unsigned n_fw_files;
    uint8_t uuid[16];        /* zeros: none */
    InputPort *input;        /* of the keyboard and mouse that the board itself has; may be NULL */
    BlockPort *flash[2];     /* what the board's flash chips hold; NULL: nothing */
    MachineRequests requests;
    MachineDevice device[MACHINE_MAX_DEVICES];
    unsigned n_devices;
    MachineGlobal global[MACHINE_MAX_GLOBALS];
    unsigned n_globals;
    MachineOption option[MACHINE_MAX_OPTIONS]; /* ones of the board's class */
    unsigned n_options;
    AccelConfig accel;       /* the machine fills in `machine` */
    uint64_t time_of_day_ns; /* at the start */
    void (*rearm)(void *opaque); /* of the clock */
    void *rearm_opaque;
    /* Puts other memory where the machine's RAM is, which is not used yet. NULL: it stays as it is. */
    bool (*map_ram)(void *opaque, void *host, uint64_t bytes);
    void *map_ram_opaque;
    /* In which order firmware tries kinds of devices: letters a (floppy), c (disk), d (CD-ROM), n (network);
     * the second before the first reset. NULL: as the board likes. */
    const char *boot_order, *boot_once;
    bool boot_menu;
} MachineConfig;

typedef struct BoardClass BoardClass;
typedef struct Machine Machine;

/* Suspend to RAM, of boards that have it. */
typedef struct BoardSleep {
    bool (*offered)(const Machine *m); /* is the guest told of it? */
    bool (*asleep)(const Machine *m);
    void (*wake)(Machine *m); /* the user wants it: MachineRequests gets MACHINE_WAKE, if it is asleep */
    void (*waking)(Machine *m, bool on); /* the reset between on and off is one that wakes */
} BoardSleep;

enum { MACHINE_MAX_CPUS = 16 };

struct Machine {
    MachineConfig cfg;
    const BoardClass *board;
    void *board_data;
    Device *root, *named, *unnamed; /* the latter: the user's devices */
    Device *pci;             /* the host bridge; NULL: none */
    Device *hot_plug;        /* of its root bus, by ACPI; NULL: what is there stays */
    MemMap map, ports;       /* ports: of PCs (hw/core/io_ports.h) */
    Clock clock;
    Accel *accel;
    Cpu *cpu[MACHINE_MAX_CPUS];
    bool global_met[MACHINE_MAX_GLOBALS]; /* there was such a device */
    BootOrder boot;
    bool booted;             /* it was reset once, which made it */
    uint8_t *fdt;            /* NULL: none */
    size_t fdt_bytes;
};

/* An option of a board: one of several words ("on|off"), or, without, what `help` says. */
typedef struct BoardOption {
    const char *name, *words, *help;
} BoardOption;

/* FETCH: all cpus are made whole, and what the engine has goes to the board's devices. HAND_OVER: the other
 * way, with accel_cpu_adopt() of all cpus. SETTLE: behind that, where the devices were not loaded: those that
 * the board has drive their lines. */
typedef enum BoardMove { BOARD_FETCH, BOARD_HAND_OVER, BOARD_SETTLE } BoardMove;

struct BoardClass {
    const char *name, *isa, *help;
    const TargetOps *target;
    uint64_t default_ram;
    unsigned serials;        /* ports */
    bool display;            /* has an adapter unless the user wants none */
    const char *nic;         /* class of its card, unless the user wants another or none; may be NULL */
    unsigned ide_units;      /* drives on each bus of its own controller of disks; 0: it has none */
    bool own_ioapics; /* more than an engine has, which may have local APICs alone (ACCEL_IRQCHIP_SPLIT) */
    const char *pci_path;    /* the PCI host in "bootorder"; NULL: one that is reached by memory alone */
    const char *firmware;    /* file name of the one that it is not without; NULL: it can be */
    const BoardOption *options;
    unsigned n_options;
    bool (*build)(Machine *m, DevError *err); /* devices, memory, cpus' CpuBoard */
    bool (*load)(Machine *m, DevError *err);  /* images into memory, after each reset */
    void (*clear)(Machine *m);
    void (*power_button)(Machine *m); /* is pressed; NULL: there is none */
    const BoardSleep *sleep;          /* NULL: there is none */
    /* Interrupt controllers, which an engine may have. NULL: there are none that move. */
    bool (*controllers)(Machine *m, BoardMove what, DevError *err);
    /* What of the machine keeps it from changing its engine; NULL: nothing. */
    const char *(*obstacle)(const Machine *m);
};

extern const BoardClass riscv_virt_board, riscv32_virt_board, arm_virt_board, arm32_virt_board,
    x86_microvm_board, x86_pc_board, x86_q35_board,
    i386_microvm_board, i386_pc_board, i386_q35_board;

/* Names of a kind of device: PIIX4_PM is piix4-pm. */
bool machine_is_driver(const char *a, const char *b);
/* To a device of the board. */
bool machine_set_globals(Machine *m, Device *d, DevError *err);
/* What was said; NULL: nothing. */
const char *machine_option(const Machine *m, const char *name);
/* Of an option on|off. */
bool machine_option_on(const Machine *m, const char *name, bool by_default);
/* Makes and realizes the devices of the configuration that plug into this bus, one after the other; NULL: the
 * next is not there. *at: where to go on. False: err says why. */
bool machine_next_device(Machine *m, const char *bus, unsigned *at, Device **ret, DevError *err);
/* Is there one more for the bus? */
bool machine_has_device(const Machine *m, const char *bus, unsigned at);
/* Makes all those of PCI and plugs them in. */
bool machine_plug_pci(Machine *m, Device *host, DevError *err);
/* Hot plug, with neither cpus nor clock running. One more device of PCI, in a slot that can take it, or port
 * of a virtio-serial; cold: the machine did not run yet. NULL: err says why, and nothing of it is left. */
Device *machine_insert(Machine *m, const MachineDevice *want, bool cold, DevError *err);
/* The guest is to let a device go, and says so by MachineRequests.eject. *ret_first: it was not asked yet.
 * False: the device cannot be taken out. */
bool machine_ask_to_leave(Machine *m, Device *d, bool *ret_first);
/* Something that the guest has let go in this slot, or one of this controller's; NULL: there is no more. */
Device *machine_let_go(const Machine *m, Device *slot);
/* Is it on a bus of another device, and gone as soon as the user wants it? */
bool machine_leaves_at_once(const Device *d);
/* Out of its slot, and freed. */
void machine_remove(Machine *m, Device *d);
/* What every board tells firmware; with_kernel: the firmware is to start it. */
bool machine_fill_fw_cfg(Machine *m, Device *fw_cfg, bool with_kernel, DevError *err);
/* ACPI tables for firmware, borrowed until the next machine_fill_fw_cfg(). */
bool machine_add_acpi(Device *fw_cfg, const AcpiTables *t);
/* Others instead of them, when firmware asks (fw_cfg_on_select()). False: they do not fit. */
bool machine_change_acpi(Device *fw_cfg, const AcpiTables *t);
/* NULL: err says why. */
Machine *machine_new(const BoardClass *board, const MachineConfig *cfg, DevError *err);
bool machine_reset(Machine *m, DevError *err);
/* Asleep in RAM: a reset that firmware takes for the end of that. */
bool machine_wake(Machine *m, DevError *err);
void machine_free(Machine *m);
/* Cpus, clock, disks and back ends stand still: another engine runs the machine from now on, as
 * accel_switch() has it. False: err says why; *ret_lost: and the one of before does not go on, either. */
bool machine_change_engine(Machine *m, const struct AccelOps *engine, bool jit, bool *ret_lost,
                           DevError *err);

#endif
