/* `pc` (i440FX and PIIX) and `q35` (82Q35 and ICH9): PCs as stock firmware and systems know them. */
#include "hw/core/dev_impl.h"
#include "hw/input/i8042.h"
#include "hw/isa/acpi_pm.h"
#include "hw/isa/isa_bridge.h"
#include "hw/machine/x86_acpi.h"
#include "hw/machine/x86_board.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/i8237.h"
#include "hw/misc/pc_ports.h"
#include "hw/pci/pc_bridge.h"
#include "hw/pci/pci_ports.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"

#include <stdlib.h>

#define HPET_BASE    0xfed00000ull
#define PCI_LOW      0x80000000ull /* what is neither RAM nor a device from here on is PCI's */
#define PCI_LOW_END  X86_IOAPIC_BASE
#define PCI_HIGH     0x100000000ull
#define PCI_HIGH_END (1ull << 40)
enum { PIC_INPUTS = 16, PIRQS = 8 };

/* What differs. */
typedef struct PcKind {
    const DevClass *memory, *isa;
    const char *isa_addr, *pm_addr; /* pm_addr: of a function of its own; NULL: the bridge to ISA has it */
    uint64_t split_from, split;     /* with so much RAM, less of it is below 4 GiB */
    uint8_t acpi_on, acpi_off;      /* power management commands */
    uint16_t gpe0;                  /* ports of general events; 0: in the PM block */
    uint8_t own_pins, pirq_turn;    /* pcie-host; line of pin A of slot 0 */
    bool ich;
} PcKind;

static const PcKind pc_kind = {
    .memory = &i440fx_class,
    .isa = &piix3_class,
    .isa_addr = "1.0",
    .pm_addr = "1.3",
    .split_from = 0xe0000000,
    .split = 0xc0000000,
    .acpi_on = 0xf1,
    .acpi_off = 0xf0,
    .gpe0 = 0xafe0,
    .pirq_turn = 3,
};
static const PcKind q35_kind = {
    .memory = &q35_mch_class,
    .isa = &ich9_lpc_class,
    .isa_addr = "1f.0",
    .split_from = 0xb0000000,
    .split = 0x80000000,
    .acpi_on = 2,
    .acpi_off = 3,
    .own_pins = 25,
    .pirq_turn = 4,
    .ich = true,
};

typedef struct Pc {
    X86Board b;
    const PcKind *kind;
    PcMemory memory;
    Device *bridge, *host, *isa, *pm, *keyboard, *hpet, *dma;
    IrqLine pirq[PIRQS], command, legacy;
    AcpiTables acpi;
} Pc;

extern const BoardClass x86_q35_board;

/* ---- wiring ---- */

/* Firmware's and the system's commands to switch ACPI on and off, which are for SMM on a real one. */
static void take_command(void *receiver, unsigned command, bool level)
{
    const Pc *pc = receiver;
    if (command == pc->kind->acpi_on || command == pc->kind->acpi_off)
        acpi_pm_switch(pc->pm, command == pc->kind->acpi_on);
}

static void take_legacy(void *receiver, unsigned n, bool on)
{
    i8254_mute(((const Pc *)receiver)->b.pit, on);
}

static bool make_host(Machine *m, Pc *pc, DevError *err)
{
    X86Board *b = &pc->b;
    static const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {{"low_base", PCI_LOW},
                   {"low_bytes", PCI_LOW_END - PCI_LOW},
                   {"high_base", PCI_HIGH},
                   {"high_bytes", PCI_HIGH_END - PCI_HIGH}};
    pc->memory = (PcMemory){&b->ram, &b->rom};
    pc->bridge = board_put(m, pc->kind->memory, "mch", err);
    if (!pc->bridge || !dev_set_ptr(pc->bridge, "memory", &pc->memory, err) ||
        !dev_realize(pc->bridge, &m->map, &m->clock, err))
        return false;
    Device *d = pc->host = board_put(m, &pcie_host_class, pc->kind->ich ? "pcie" : "pci", err);
    for (unsigned k = 0; d && k < ARRAY_SIZE(numbers); k++)
        if (!board_set_number(d, numbers[k].name, numbers[k].value, err))
            return false;
    return d && board_set_number(d, "own_pins", pc->kind->own_pins, err) &&
           dev_set(d, "express", pc->kind->ich ? "on" : "off", err) &&
           dev_set_ptr(d, "bridge", pc->bridge, err) && dev_set_ptr(d, "intx", pc->pirq, err) &&
           dev_set_ptr(d, "msi", &b->msi, err) && dev_set_ptr(d, "requests", &m->cfg.requests, err) &&
           dev_realize(d, &m->map, &m->clock, err);
}

static bool map_host(Machine *m, Pc *pc, DevError *err)
{
    Device *d = pc->host, *ports = board_put(m, &pci_ports_class, "pci-ports", err);
    d->region[PCIE_ECAM].off = true; /* until firmware says where it is */
    d->region[PCIE_IO].priority = d->region[PCIE_LOW].priority = d->region[PCIE_HIGH].priority = -1;
    return (!pc->kind->ich || board_map(m, d, PCIE_ECAM, 0, err)) && board_map_ports(m, d, PCIE_IO, 0, err) &&
           board_map(m, d, PCIE_LOW, PCI_LOW, err) && board_map(m, d, PCIE_HIGH, PCI_HIGH, err) && ports &&
           dev_set_ptr(ports, "host", d, err) && dev_set_ptr(ports, "machine", &m->cfg.requests, err) &&
           board_place_ports(m, ports, 0xcf8, err);
}

/* A function of the chip set. */
static bool plug(Machine *m, Pc *pc, Device *d, const char *addr, DevError *err)
{
    return dev_set(d, "addr", addr, err) && dev_realize(d, &m->map, &m->clock, err) &&
           pci_plug(pc->host, NULL, (PciFunction *)d, err);
}

static bool make_power(Machine *m, Pc *pc, DevError *err)
{
    Device *pm = pc->pm = board_put(m, &acpi_pm_class, "acpi-pm", err);
    if (!pm || !dev_set(pm, "ich", pc->kind->ich ? "on" : "off", err) ||
        !dev_set_ptr(pm, "sci", &pc->b.gsi[X86_GSI_SCI], err) ||
        !dev_set_ptr(pm, "machine", &m->cfg.requests, err) || !dev_realize(pm, &m->map, &m->clock, err))
        return false;
    pm->region[0].off = true;
    return board_map_ports(m, pm, 0, 0, err) &&
           (!pc->kind->gpe0 || board_map_ports(m, pm, 1, pc->kind->gpe0, err));
}

static bool make_chipset(Machine *m, Pc *pc, DevError *err)
{
    const PcKind *k = pc->kind;
    pc->isa = board_put(m, k->isa, "isa", err);
    if (!pc->isa || !make_power(m, pc, err))
        return false;
    for (unsigned n = 0; n < PIRQS; n++) /* pins of slots, then those that are not turned */
        pc->pirq[n] = isa_bridge_pirq(pc->isa, !k->ich ? (n + k->pirq_turn) % 4 : n < 4 ? n + 4 : n - 4);
    if (!dev_set_ptr(pc->isa, "gsi", pc->b.gsi, err) ||
        !dev_set_ptr(pc->isa, "pm", k->pm_addr ? NULL : pc->pm, err) ||
        !plug(m, pc, pc->isa, k->isa_addr, err))
        return false;
    if (!k->pm_addr)
        return true;
    Device *pm = board_put(m, &piix4_pm_class, "pm", err);
    return pm && dev_set_ptr(pm, "pm", pc->pm, err) && plug(m, pc, pm, k->pm_addr, err);
}

static bool make_devices(Machine *m, Pc *pc, DevError *err)
{
    X86Board *b = &pc->b;
    Device *keys = pc->keyboard = board_put(m, &i8042_class, "i8042", err),
           *hpet = pc->hpet = board_put(m, &hpet_class, "hpet", err),
           *dma = pc->dma = board_put(m, &i8237_class, "dma", err);
    pc->command = (IrqLine){take_command, pc, 0};
    pc->legacy = (IrqLine){take_legacy, pc, 0};
    if (!keys || !hpet || !dma || !dev_set_ptr(b->control, "command", &pc->command, err) ||
        !board_map_ports(m, b->control, SYSTEM_CONTROL_APM, 0xb2, err))
        return false;
    return dev_set_ptr(keys, "irq", &b->gsi[X86_GSI_KEYBOARD], err) &&
           dev_set_ptr(keys, "irq_aux", &b->gsi[X86_GSI_MOUSE], err) &&
           dev_set_ptr(keys, "machine", &m->cfg.requests, err) && board_place_ports(m, keys, 0x60, err) &&
           board_map_ports(m, keys, 1, 0x64, err) && dev_set_ptr(hpet, "lines", b->gsi, err) &&
           dev_set_ptr(hpet, "msi", &b->msi, err) && dev_set_ptr(hpet, "legacy", &pc->legacy, err) &&
           dev_set_ptr(hpet, "pit", &b->gsi[X86_GSI_PIT], err) &&
           dev_set_ptr(hpet, "rtc", &b->gsi[X86_GSI_RTC], err) && board_place(m, hpet, HPET_BASE, err) &&
           board_place_ports(m, dma, 0, err) && board_map_ports(m, dma, 1, 0x81, err) &&
           board_map_ports(m, dma, 2, 0xc0, err);
}

static bool pc_build(Machine *m, DevError *err)
{
    Pc *pc = calloc(1, sizeof(*pc));
    m->board_data = pc;
    if (!pc)
        return dev_fail(err, "no memory");
    X86Board *b = &pc->b;
    pc->kind = m->board == &x86_q35_board ? &q35_kind : &pc_kind;
    const uint64_t split = m->cfg.ram_bytes >= pc->kind->split_from ? pc->kind->split : pc->kind->split_from;
    return x86_board_memory(m, b, split, err) && x86_board_firmware(m, b, false, err) &&
           x86_board_interrupts(m, b, 1, true, err) && x86_board_control(m, b, err) &&
           x86_board_timer(m, b, err) && x86_board_clock(m, b, err) && x86_board_serial(m, b, 0, err) &&
           (!m->cfg.serial1 || x86_board_serial(m, b, 1, err)) && make_host(m, pc, err) &&
           map_host(m, pc, err) && make_chipset(m, pc, err) && make_devices(m, pc, err) &&
           x86_board_isa(m, b, err) && machine_plug_pci(m, pc->host, err);
}

/* SeaBIOS puts the block of power management there, and on q35 configuration space. */
static bool add_acpi(Machine *m, Pc *pc, DevError *err)
{
    enum { PM_BASE = 0x600, GPE0 = 0x20, ECAM = 0xb0000000 };
    const PcKind *k = pc->kind;
    const uint64_t above = X86_ROM_END + pc->b.ram.bytes - pc->b.low_bytes;
    const X86AcpiPc a = {.ich = k->ich,
                         .on = k->acpi_on,
                         .off = k->acpi_off,
                         .pm_base = PM_BASE,
                         .gpe0 = k->gpe0 ? k->gpe0 : PM_BASE + GPE0,
                         .gpe0_bytes = k->gpe0 ? 4 : 16,
                         .ecam = k->ich ? ECAM : 0,
                         .pci_low =
                             k->ich ? ECAM + (256u << 20) : MAX(PCI_LOW, align_up(pc->b.low_bytes, 1 << 28)),
                         .pci_high = align_up(above, 1 << 30),
                         .isa_address = k->ich ? 0x1f0000 : 0x10000,
                         .serial1 = m->cfg.serial1 != NULL};
    /* S3 and S4 are not there; S5 is type 0 */
    static const uint8_t states[6] = {0x80, 0, 0, 0, 0, 0x80};
    acpi_clear(&pc->acpi);
    if (!machine_option_on(m, "acpi", true))
        return true;
    return (x86_acpi_pc(&pc->b, &a, &pc->acpi) && machine_add_acpi(pc->b.fw_cfg, &pc->acpi) &&
            fw_cfg_add_file(pc->b.fw_cfg, "etc/system-states", states, sizeof(states))) ||
           dev_fail(err, "no memory for the ACPI tables");
}

static bool pc_load(Machine *m, DevError *err)
{
    /* SeaBIOS: hard disk, floppy, then CD-ROM */
    static const uint8_t order[][2] = {{0x3d, 0x12}, {0x38, 0x30}};
    Pc *pc = m->board_data;
    for (unsigned k = 0; k < ARRAY_SIZE(order); k++)
        mc146818_put(pc->b.rtc, order[k][0], order[k][1]);
    return x86_board_load(m, &pc->b, err) && add_acpi(m, pc, err) && x86_board_kernel(m, &pc->b, "", err);
}

static void pc_clear(Machine *m)
{
    Pc *pc = m->board_data;
    if (pc) {
        acpi_clear(&pc->acpi);
        x86_board_clear(&pc->b);
    }
    free(pc);
}

static void press_power(Machine *m)
{
    acpi_pm_press(((const Pc *)m->board_data)->pm);
}

static const BoardOption options[] = {{"acpi", "on|off", "ACPI tables for firmware"}};

const BoardClass x86_pc_board = {
    .name = "pc",
    .isa = "x86_64",
    .help = "PC of 1996 (i440FX, PIIX)",
    .pci_path = "pci@i0cf8",
    .target = &target_x86_64_sys,
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .default_ram = 128 << 20,
    .serials = 2,
    .firmware = "bios-256k.bin",
    .build = pc_build,
    .load = pc_load,
    .clear = pc_clear,
    .power_button = press_power,
};

const BoardClass x86_q35_board = {
    .name = "q35",
    .isa = "x86_64",
    .help = "PC of 2009 (Q35, ICH9)",
    .pci_path = "pci@i0cf8",
    .target = &target_x86_64_sys,
    .options = options,
    .n_options = ARRAY_SIZE(options),
    .default_ram = 128 << 20,
    .serials = 2,
    .firmware = "bios-256k.bin",
    .build = pc_build,
    .load = pc_load,
    .clear = pc_clear,
    .power_button = press_power,
};
