/* `pc` (i440FX and PIIX) and `q35` (82Q35 and ICH9): PCs as stock firmware and systems know them. */
#include "hw/block/ahci.h"
#include "hw/block/ide.h"
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
#include "hw/pci/pci_hot_plug.h"
#include "hw/pci/pci_ports.h"
#include "hw/timer/hpet.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"
#include "target/mem.h"

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
    uint16_t hot_plug;              /* ports of PCI hot plug by ACPI; 0: none */
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
    .hot_plug = 0xae00,
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
    Device *bridge, *host, *isa, *pm, *smi, *disks, *keyboard, *hpet, *dma; /* smi: of pc */
    bool smm, waking;
    IrqLine pirq[PIRQS], command, legacy, event, alarm;
    AcpiTables acpi;
    uint8_t states[6]; /* etc/system-states: by number, is it there, and its type */
} Pc;

/* ---- wiring ---- */

/* Firmware's and the system's commands to switch ACPI on and off, which are for SMM on a real one; others are
 * an SMI of the cpu that gives them, or of all. */
static void take_command(void *receiver, unsigned n, bool level)
{
    const Pc *pc = receiver;
    const unsigned command = n & 0xff, cpu = n >> 8;
    if (command == pc->kind->acpi_on || command == pc->kind->acpi_off)
        acpi_pm_switch(pc->pm, command == pc->kind->acpi_on);
    else if ((!pc->smi || piix4_pm_wants_smi(pc->smi)) && acpi_pm_command_smi(pc->pm))
        for (unsigned k = 0; k < pc->b.machine->cfg.cpus; k++)
            if (k == cpu || acpi_pm_broadcasts(pc->pm))
                x86_board_smi(&pc->b, k);
}

static uint64_t smram(void *opaque, uint64_t at)
{
    const X86Board *b = opaque;
    return pc_bridge_smram(((const Pc *)b->machine->board_data)->bridge, at) ? X86_SMRAM + at : at;
}

/* Where a cpu in system management mode finds SMRAM: RAM once more, where nobody else looks for it. */
static bool make_smram(Machine *m, Pc *pc, DevError *err)
{
    X86Board *b = &pc->b;
    pc->smm = !accel_is_native(m->accel) && machine_option_on(m, "smm", true);
    if (!pc->smm)
        return true;
    b->smram = (MemRegion){
        .name = "smram", .kind = MEM_RAM, .base = X86_SMRAM, .bytes = b->low_bytes, .ram = &b->ram};
    for (unsigned k = 0; k < m->cfg.cpus; k++)
        m->board->target->sys->board(m->cpu[k])->smram = smram;
    return mem_map_add(&m->map, &b->smram) || dev_fail(err, "too many regions of memory");
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
    pc->memory = (PcMemory){&b->ram, &b->rom, b->low_bytes};
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
    d->region[PCIE_IO].priority = d->region[PCIE_LOW].priority = d->region[PCIE_HIGH].priority = -2;
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
        !dev_set(pm, "smm", pc->smm ? "on" : "off", err) ||
        !dev_set_ptr(pm, "sci", &pc->b.gsi[X86_GSI_SCI], err) ||
        !dev_set_ptr(pm, "machine", &m->cfg.requests, err) || !dev_realize(pm, &m->map, &m->clock, err))
        return false;
    pm->region[0].off = true;
    return board_map_ports(m, pm, 0, 0, err) &&
           (!pc->kind->gpe0 || board_map_ports(m, pm, 1, pc->kind->gpe0, err));
}

/* The clock's interrupt wakes, too. */
static void take_alarm(void *receiver, unsigned n, bool on)
{
    const Pc *pc = receiver;
    if (on)
        acpi_pm_alarm(pc->pm);
    irq_set(&pc->b.gsi[X86_GSI_RTC], on);
}

static void take_event(void *receiver, unsigned n, bool on)
{
    if (on)
        acpi_pm_event(((const Pc *)receiver)->pm, n);
}

static bool make_hot_plug(Machine *m, Pc *pc, DevError *err)
{
    if (!pc->kind->hot_plug)
        return true;
    Device *d = m->hot_plug = board_put(m, &pci_hot_plug_class, "hot-plug", err);
    pc->event = (IrqLine){take_event, pc, X86_GPE_HOT_PLUG};
    return d && dev_set_ptr(d, "event", &pc->event, err) && dev_set_ptr(d, "host", pc->host, err) &&
           dev_set_ptr(d, "machine", &m->cfg.requests, err) &&
           board_place_ports(m, d, pc->kind->hot_plug, err);
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
    Device *pm = pc->smi = board_put(m, &piix4_pm_class, "pm", err);
    return pm && dev_set(pm, "smm", pc->smm ? "on" : "off", err) && dev_set_ptr(pm, "pm", pc->pm, err) &&
           plug(m, pc, pm, k->pm_addr, err);
}

/* The controller of the board's own drives, whose buses are ide.0 and so on. */
static bool make_disks(Machine *m, Pc *pc, DevError *err)
{
    Device *d = pc->disks = board_put(m, pc->kind->ich ? &ich9_ahci_class : &piix3_ide_class, "ide", err);
    if (!d)
        return false;
    if (pc->kind->ich)
        return plug(m, pc, d, "1f.2", err);
    static const uint16_t ports[] = {0x1f0, 0x3f6, 0x170, 0x376};
    bool ok = dev_set_ptr(d, "irq", &pc->b.gsi[X86_GSI_DISK], err) && plug(m, pc, d, "1.1", err);
    for (unsigned k = 0; ok && k < ARRAY_SIZE(ports); k++)
        ok = board_map_ports(m, d, k, ports[k], err);
    return ok;
}

static bool make_keyboard(Machine *m, Pc *pc, DevError *err)
{
    X86Board *b = &pc->b;
    Device *keys = pc->keyboard = board_put(m, &i8042_class, "i8042", err);
    return keys && dev_set_ptr(keys, "irq", &b->gsi[X86_GSI_KEYBOARD], err) &&
           dev_set_ptr(keys, "irq_aux", &b->gsi[X86_GSI_MOUSE], err) &&
           dev_set_ptr(keys, "machine", &m->cfg.requests, err) &&
           dev_set_ptr(keys, "input", m->cfg.input, err) && board_place_ports(m, keys, 0x60, err) &&
           board_map_ports(m, keys, 1, 0x64, err);
}

static bool make_hpet(Machine *m, Pc *pc, DevError *err)
{
    X86Board *b = &pc->b;
    Device *hpet = pc->hpet = board_put(m, &hpet_class, "hpet", err);
    pc->legacy = (IrqLine){take_legacy, pc, 0};
    return hpet && dev_set_ptr(hpet, "lines", b->gsi, err) && dev_set_ptr(hpet, "msi", &b->msi, err) &&
           dev_set_ptr(hpet, "legacy", &pc->legacy, err) &&
           dev_set_ptr(hpet, "pit", &b->gsi[X86_GSI_PIT], err) &&
           dev_set_ptr(hpet, "rtc", &b->gsi[X86_GSI_RTC], err) && board_place(m, hpet, HPET_BASE, err);
}

static bool make_devices(Machine *m, Pc *pc, DevError *err)
{
    X86Board *b = &pc->b;
    Device *dma = pc->dma = board_put(m, &i8237_class, "dma", err);
    pc->command = (IrqLine){take_command, pc, 0};
    if (!dma || !dev_set_ptr(b->control, "command", &pc->command, err) ||
        !board_map_ports(m, b->control, SYSTEM_CONTROL_APM, 0xb2, err))
        return false;
    return (!machine_option_on(m, "i8042", true) || make_keyboard(m, pc, err)) &&
           (!machine_option_on(m, "hpet", true) || make_hpet(m, pc, err)) &&
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
    pc->alarm = (IrqLine){take_alarm, pc, 0};
    pc->kind = strcmp(m->board->name, "q35") == 0 ? &q35_kind : &pc_kind;
    const uint64_t split = m->cfg.ram_bytes >= pc->kind->split_from ? pc->kind->split : pc->kind->split_from;
    return x86_board_memory(m, b, split, err) && x86_board_flash(m, b, err) &&
           x86_board_firmware(m, b, false, err) && x86_board_interrupts(m, b, 1, true, err) &&
           x86_board_control(m, b, err) && x86_board_timer(m, b, err) &&
           x86_board_clock(m, b, &pc->alarm, err) &&
           x86_board_serial(m, b, 0, err) && (!m->cfg.serial1 || x86_board_serial(m, b, 1, err)) &&
           make_smram(m, pc, err) && make_host(m, pc, err) && map_host(m, pc, err) &&
           make_chipset(m, pc, err) && make_devices(m, pc, err) && make_disks(m, pc, err) &&
           make_hot_plug(m, pc, err) &&
           x86_board_isa(m, b, err) && machine_plug_pci(m, pc->host, err);
}

/* Where firmware has put what it puts; before that, where SeaBIOS does. */
static void place(const Pc *pc, X86AcpiPc *a)
{
    enum { PM_BASE = 0x600, GPE0 = 0x20, ECAM = 0xb0000000 };
    const MemRegion *pm = &pc->pm->region[0], *ecam = &pc->host->region[PCIE_ECAM];
    a->pm_base = pm->off ? PM_BASE : (uint32_t)pm->base;
    a->gpe0 = pc->kind->gpe0 ? pc->kind->gpe0 : a->pm_base + GPE0;
    a->ecam = !pc->kind->ich ? 0 : ecam->off ? ECAM : ecam->base;
}

static bool make_acpi(const Pc *pc, AcpiTables *t)
{
    const PcKind *k = pc->kind;
    const uint64_t above = X86_ROM_END + pc->b.ram.bytes - pc->b.low_bytes;
    X86AcpiPc a = {.ich = k->ich,
                   .on = k->acpi_on,
                   .off = k->acpi_off,
                   .hpet = pc->hpet != NULL,
                   .i8042 = pc->keyboard != NULL,
                   .panic = pc->b.panic ? (uint16_t)pc->b.panic->region[0].base : 0,
                   .gpe0_bytes = k->gpe0 ? 4 : 16,
                   .pci_low = MAX(PCI_LOW, align_up(pc->b.low_bytes, 1 << 28)),
                   .pci_high = align_up(above, 1 << 30),
                   .isa_address = k->ich ? 0x1f0000 : 0x10000,
                   .serial1 = pc->b.machine->cfg.serial1 != NULL,
                   .hot_plug = k->hot_plug,
                   .s3 = acpi_pm_has_s3(pc->pm),
                   .hot_slots = k->hot_plug ? pci_hot_plug_slots(pc->host) : 0};
    place(pc, &a);
    return x86_acpi_pc(&pc->b, &a, t);
}

/* Firmware is about to read them, and has set up the chip set. */
static void refresh_acpi(void *opaque)
{
    Pc *pc = opaque;
    AcpiTables now = {0}, before = pc->acpi;
    if (make_acpi(pc, &now) && machine_change_acpi(pc->b.fw_cfg, &now)) {
        pc->acpi = now;
        acpi_clear(&before);
    } else {
        acpi_clear(&now);
    }
}

static bool add_acpi(Machine *m, Pc *pc, DevError *err)
{
    enum { THERE = 0x80 };
    acpi_clear(&pc->acpi);
    if (!machine_option_on(m, "acpi", true))
        return true;
    pc->states[0] = THERE;
    pc->states[3] = acpi_pm_has_s3(pc->pm) ? THERE | ACPI_PM_TYPE_S3 : 0;
    pc->states[5] = THERE | ACPI_PM_TYPE_S5;
    if (!make_acpi(pc, &pc->acpi) || !machine_add_acpi(pc->b.fw_cfg, &pc->acpi) ||
        !fw_cfg_add_file(pc->b.fw_cfg, "etc/system-states", pc->states, sizeof(pc->states)))
        return dev_fail(err, "no memory for the ACPI tables");
    fw_cfg_on_select(pc->b.fw_cfg, refresh_acpi, pc);
    return true;
}

/* Firmware with SMM may ask for SMIs of all cpus. */
static bool offer_smi(const Pc *pc)
{
    Device *pm = pc->pm, *to = pc->b.fw_cfg;
    return !pc->smm || !pc->kind->ich ||
           (fw_cfg_add_file(to, "etc/smi/supported-features", acpi_pm_smi_features, ACPI_PM_SMI_BYTES) &&
            fw_cfg_add_writable(to, "etc/smi/requested-features", acpi_pm_smi_asked(pm), ACPI_PM_SMI_BYTES) &&
            fw_cfg_add_asked(to, "etc/smi/features-ok", acpi_pm_smi_answer(pm), 1, acpi_pm_answer, pm));
}

static bool pc_load(Machine *m, DevError *err)
{
    enum { SHUTDOWN = 0x0f, WAKES = 0xfe }; /* in CMOS: where firmware looks at each reset */
    Pc *pc = m->board_data;
    x86_board_order(m, &pc->b);
    if (!x86_board_load(m, &pc->b, err))
        return false;
    if (pc->waking)
        mc146818_put(pc->b.rtc, SHUTDOWN, WAKES);
    if (!offer_smi(pc))
        return dev_fail(err, "no room in the firmware's configuration");
    return add_acpi(m, pc, err) && x86_board_smbios(m, &pc->b, err) && x86_board_kernel(m, &pc->b, "", err);
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

static bool sleep_is_offered(const Machine *m)
{
    return acpi_pm_has_s3(((const Pc *)m->board_data)->pm) && machine_option_on(m, "acpi", true);
}
static bool is_asleep(const Machine *m)
{
    return acpi_pm_is_asleep(((const Pc *)m->board_data)->pm);
}
static void set_waking(Machine *m, bool on)
{
    Pc *pc = m->board_data;
    Device *chipset[] = {pc->bridge, pc->isa, pc->disks, pc->smi};
    pc->waking = on;
    for (unsigned k = 0; k < ARRAY_SIZE(chipset); k++)
        if (chipset[k])
            ((PciFunction *)chipset[k])->waking = on;
}
static bool controllers(Machine *m, BoardMove what, DevError *err)
{
    return x86_board_controllers(m, &((Pc *)m->board_data)->b, what, err);
}

static const char *obstacle(const Machine *m)
{
    return ((const Pc *)m->board_data)->smm
               ? "system management mode, which KVM's cpus do not have; -machine smm=off would do"
               : NULL;
}
static const BoardSleep suspend = {sleep_is_offered, is_asleep, press_power, set_waking};

static const BoardOption options[] = {{"acpi", "on|off", "ACPI tables for firmware"},
                                      {"hpet", "on|off", "the HPET"},
                                      {"i8042", "on|off", "the controller of keyboard and mouse"},
                                      {"vmport", "off|auto", "there is none"},
                                      {"smm", "on|off", "system management mode, of the translator's cpus"}};

#define PC_BOARD(board_name, text, isa_name, ops, units, card)                                               \
    {                                                                                                        \
        .name = board_name, .isa = isa_name, .help = text, .pci_path = "pci@i0cf8", .target = &(ops),        \
        .options = options, .n_options = ARRAY_SIZE(options), .default_ram = 128 << 20, .serials = 2,        \
        .display = true, .ide_units = units, .firmware = "bios-256k.bin", .build = pc_build, .nic = card,    \
        .load = pc_load, .clear = pc_clear, .power_button = press_power, .sleep = &suspend,                  \
        .controllers = controllers, .obstacle = obstacle                                                     \
    }
#define PC_TEXT  "PC of 1996 (i440FX, PIIX)"
#define Q35_TEXT "PC of 2009 (Q35, ICH9)"

const BoardClass x86_pc_board = PC_BOARD("pc", PC_TEXT, "x86_64", target_x86_64_sys, 2, "e1000");
const BoardClass x86_q35_board = PC_BOARD("q35", Q35_TEXT, "x86_64", target_x86_64_sys, 1, "e1000e");
const BoardClass i386_pc_board = PC_BOARD("pc", PC_TEXT, "i386", target_i386_sys, 2, "e1000");
const BoardClass i386_q35_board = PC_BOARD("q35", Q35_TEXT, "i386", target_i386_sys, 1, "e1000e");
