#include "hw/machine/x86_board.h"
#include "hw/block/cfi_flash.h"
#include "hw/char/ns16550a.h"
#include "hw/core/dev_impl.h"
#include "hw/core/io_ports.h"
#include "hw/intc/i8259.h"
#include "hw/intc/x86_ioapic.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/pc_ports.h"
#include "hw/misc/pvpanic.h"
#include "hw/timer/i8254.h"
#include "hw/timer/mc146818.h"
#include "target/x86/x86_machine.h"

#include <stdlib.h>

/* A block's address as code may not be 0. */
#define CODE_AT (1ull << 52)

/* ---- memory ---- */

enum { E820_RAM = 1, E820_RESERVED = 2 };

static void add_e820(X86Board *b, uint64_t base, uint64_t bytes, unsigned type)
{
    if (bytes) {
        b->e820[b->n_e820].base = base;
        b->e820[b->n_e820].bytes = bytes;
        b->e820[b->n_e820++].type = type;
    }
}

bool x86_board_memory(Machine *m, X86Board *b, uint64_t split, DevError *err)
{
    const uint64_t bytes = m->cfg.ram_bytes;
    b->machine = m;
    b->low_bytes = MIN(bytes, split);
    if (!ram_block_init(&b->ram, "ram", bytes, CODE_AT))
        return dev_fail(err, "no memory for a machine of %lu MiB", (unsigned long)(bytes >> 20));
    b->ram_low = (MemRegion){.name = "ram-below-4g", .kind = MEM_RAM, .bytes = b->low_bytes, .ram = &b->ram};
    b->ram_high = (MemRegion){.name = "ram-above-4g",
                              .kind = MEM_RAM,
                              .base = X86_ROM_END,
                              .bytes = bytes - b->low_bytes,
                              .offset = b->low_bytes,
                              .ram = &b->ram};
    add_e820(b, 0, b->low_bytes, E820_RAM);
    add_e820(b, X86_ROM_END, bytes - b->low_bytes, E820_RAM);
    return (mem_map_add(&m->map, &b->ram_low) &&
            (bytes == b->low_bytes || mem_map_add(&m->map, &b->ram_high))) ||
           dev_fail(err, "too many regions of memory");
}

/* Code first, which ends at 4 GiB, and below it what the firmware keeps. */
bool x86_board_flash(Machine *m, X86Board *b, DevError *err)
{
    enum { MOST = 8 << 20 };
    uint64_t end = X86_ROM_END;
    if (m->cfg.flash[1] && !m->cfg.flash[0])
        return dev_fail(err, "if=pflash,unit=1 without unit 0");
    if (m->cfg.flash[0] && m->cfg.firmware.bytes)
        return dev_fail(err, "firmware, and an image for the flash that it goes to: which?");
    for (unsigned k = 0; k < 2 && m->cfg.flash[k]; k++) {
        const uint64_t bytes = m->cfg.flash[k]->bytes;
        if (bytes > MOST || X86_ROM_END - end + bytes > MOST)
            return dev_fail(err, "more than 8 MiB of flash");
        end -= bytes;
        Device *d = b->flash[k] = board_put(m, &cfi_flash_class, k ? "flash1" : "flash0", err);
        if (!d || !board_set_number(d, "bytes", bytes, err) || !board_set_number(d, "width", 1, err) ||
            !board_set_number(d, "code_base", CODE_AT * 3 + end, err) ||
            !dev_set_ptr(d, "drive", m->cfg.flash[k], err) || !board_place(m, d, end, err))
            return false;
    }
    return true;
}

/* With flash what there is below 1 MiB is a copy of its end. */
bool x86_board_firmware(Machine *m, X86Board *b, bool low, DevError *err)
{
    enum { LEAST = 0x10000, MOST = 16 << 20, LOW_MOST = 0x20000, LOW_END = 0x100000 };
    const Image *image = &m->cfg.firmware;
    if (image->size > MOST || image->size % 4096)
        return dev_fail(err, "firmware of %lu bytes: whole pages, up to 16 MiB: %s",
                        (unsigned long)image->size, image->name);
    const uint64_t size = b->flash[0] ? MIN(m->cfg.flash[0]->bytes, (uint64_t)LOW_MOST) : image->size,
                   bytes = MAX(size, (uint64_t)LEAST), part = MIN(bytes, (uint64_t)LOW_MOST);
    if (!ram_block_init(&b->rom, "bios", bytes, CODE_AT * 2))
        return dev_fail(err, "no memory for the firmware");
    b->rom_high = (MemRegion){.name = "bios",
                              .kind = MEM_ROM,
                              .off = b->flash[0] != NULL,
                              .base = X86_ROM_END - bytes,
                              .bytes = bytes,
                              .ram = &b->rom};
    b->rom_low = (MemRegion){.name = "isa-bios",
                             .kind = MEM_RAM,
                             .priority = 1,
                             .off = !low,
                             .base = LOW_END - part,
                             .bytes = part,
                             .offset = bytes - part,
                             .ram = &b->rom};
    return (mem_map_add(&m->map, &b->rom_high) && mem_map_add(&m->map, &b->rom_low)) ||
           dev_fail(err, "too many regions of memory");
}

void x86_board_clear(X86Board *b)
{
    ram_block_clear(&b->ram);
    ram_block_clear(&b->rom);
    x86_linux_clear(&b->kernel);
    acpi_buf_clear(&b->smbios);
}

/* ---- the cpus' side of interrupts ---- */

static void raise_input(const X86Board *b, unsigned cpu, unsigned input, bool level)
{
    Cpu *c = b->machine->cpu[cpu];
    if (c->ops->sys->set_irq && c->ops->sys->set_irq(c, input, level))
        accel_wake(c);
}

void x86_board_smi(const X86Board *b, unsigned cpu)
{
    raise_input(b, cpu, X86_IN_SMI, true);
    raise_input(b, cpu, X86_IN_SMI, false);
}

static void set_intr(void *opaque, unsigned cpu, bool level)
{
    raise_input(opaque, cpu, X86_IN_INTR, level);
}

static void pass_event(void *opaque, unsigned cpu, X86LapicEvent e, unsigned vector)
{
    static const uint8_t input[] = {
        [X86_LAPIC_SMI] = X86_IN_SMI, [X86_LAPIC_NMI] = X86_IN_NMI, [X86_LAPIC_INIT] = X86_IN_INIT};
    if (e == X86_LAPIC_SIPI) {
        raise_input(opaque, cpu, X86_IN_SIPI + vector, true);
        return;
    }
    raise_input(opaque, cpu, input[e], true);
    raise_input(opaque, cpu, input[e], false);
}

static int acknowledge(void *opaque, uint64_t number)
{
    const X86Board *b = opaque;
    if (accel_irqchip(b->machine->accel) != ACCEL_IRQCHIP_BOARD)
        return b->pic ? (int)i8259_ack(b->pic) : -1;
    unsigned v = x86_lapic_ack(b->lapic, (unsigned)number);
    return v == X86_LAPIC_NONE ? -1 : (int)v;
}

static bool device_reg(void *opaque, uint64_t number, unsigned reg, bool write, uint64_t *value)
{
    const X86Board *b = opaque;
    const unsigned cpu = (unsigned)number;
    if (reg != X86_REG_CR8)
        return x86_lapic_msr(b->lapic, cpu, reg, write, value);
    if (write)
        x86_lapic_set_cr8(b->lapic, cpu, (unsigned)*value);
    else
        *value = x86_lapic_cr8(b->lapic, cpu);
    return true;
}

static void port(void *opaque, uint64_t number, uint16_t at, unsigned size, bool write, uint32_t *value)
{
    const X86Board *b = opaque;
    if (write)
        io_ports_write(&b->machine->ports, (unsigned)number, at, *value, size);
    else
        *value = io_ports_read(&b->machine->ports, (unsigned)number, at, size);
}

static void set_ferr(void *opaque, uint64_t number, bool level)
{
    const X86Board *b = opaque;
    irq_set(&b->gsi[X86_GSI_FERR], level);
}

_Static_assert(X86_TSC_HZ == 1000000000, "the machine's clock is in ns");
static uint64_t board_time(void *opaque)
{
    return clock_now(&((const X86Board *)opaque)->machine->clock);
}

static void board_power(void *opaque, CpuPower what)
{
    const MachineRequests *r = &((const X86Board *)opaque)->machine->cfg.requests;
    r->request(r->opaque, what == CPU_POWER_RESET ? MACHINE_RESET : MACHINE_POWER_OFF, 0);
}

static Cpu *board_peer(void *opaque, unsigned number)
{
    const Machine *m = ((const X86Board *)opaque)->machine;
    return number < m->cfg.cpus ? m->cpu[number] : NULL;
}

/* ---- controllers ---- */

static void end_vector(const X86Board *b, unsigned vector)
{
    for (unsigned k = 0; k < b->n_ioapics; k++)
        x86_ioapic_eoi(b->ioapic[k], vector);
}
static void end_by_engine(void *opaque, unsigned vector)
{
    end_vector(opaque, vector);
}
static void end_by_lapic(void *receiver, unsigned vector, bool level)
{
    end_vector(receiver, vector);
}

static void send_message(void *receiver, uint64_t address, uint32_t data, uint32_t requester)
{
    const X86Board *b = receiver;
    if (accel_irqchip(b->machine->accel) == ACCEL_IRQCHIP_BOARD)
        x86_lapic_send(b->lapic, address, data, requester);
    else
        accel_msi(b->machine->accel, ACCEL_NO_INPUT, address, data, 0);
}

static void send_input(const X86Board *b, unsigned ioapic, uint64_t address, uint32_t data, unsigned input)
{
    if (accel_irqchip(b->machine->accel) == ACCEL_IRQCHIP_BOARD)
        x86_lapic_send(b->lapic, address, data, 0);
    else
        accel_msi(b->machine->accel, (int)(input + ioapic * X86_IOAPIC_INPUTS), address, data, 0);
}
static void send_first(void *receiver, uint64_t address, uint32_t data, uint32_t input)
{
    send_input(receiver, 0, address, data, input);
}
static void send_second(void *receiver, uint64_t address, uint32_t data, uint32_t input)
{
    send_input(receiver, 1, address, data, input);
}

static void set_pic_out(void *receiver, unsigned n, bool level)
{
    const X86Board *b = receiver;
    const IrqLine lint0 = x86_lapic_pin(b->lapic, n);
    if (accel_irqchip(b->machine->accel) == ACCEL_IRQCHIP_BOARD)
        irq_set(&lint0, level);
    else if (accel_irqchip(b->machine->accel) == ACCEL_IRQCHIP_SPLIT)
        raise_input(b, 0, X86_IN_INTR, level);
}

static unsigned ack_pic(void *opaque)
{
    return i8259_ack(((const X86Board *)opaque)->pic);
}

static void set_gsi(void *receiver, unsigned n, bool level)
{
    enum { PIC_INPUTS = 16, CASCADE = 2 };
    X86Board *b = receiver;
    if (level)
        __atomic_fetch_or(&b->level, 1ull << n, __ATOMIC_RELAXED);
    else
        __atomic_fetch_and(&b->level, ~(1ull << n), __ATOMIC_RELAXED);
    const unsigned input = n == X86_GSI_PIT ? CASCADE : n;
    if (accel_irqchip(b->machine->accel) == ACCEL_IRQCHIP_ENGINE) {
        accel_irq(b->machine->accel, n, level);
        return;
    }
    if (b->pic && n < PIC_INPUTS && n != CASCADE) {
        const IrqLine line = i8259_input(b->pic, n);
        irq_set(&line, level);
    }
    if (input / X86_IOAPIC_INPUTS < b->n_ioapics) {
        const IrqLine line =
            x86_ioapic_input(b->ioapic[input / X86_IOAPIC_INPUTS], input % X86_IOAPIC_INPUTS);
        irq_set(&line, level);
    }
}

static bool make_ioapics(Machine *m, X86Board *b, unsigned count, DevError *err)
{
    b->ioapic_msi[0] = (MsiTarget){b, send_first};
    b->ioapic_msi[1] = (MsiTarget){b, send_second};
    for (unsigned k = 0; k < count; k++) {
        Device *d = b->ioapic[k] = board_put(m, &x86_ioapic_class, k ? "ioapic2" : "ioapic", err);
        if (!d || !board_set_number(d, "id", k, err) || !dev_set_ptr(d, "send", &b->ioapic_msi[k], err) ||
            !board_place(m, d, X86_IOAPIC_BASE + k * X86_IOAPIC_STRIDE, err))
            return false;
        b->n_ioapics++;
    }
    return true;
}

static bool make_pic(Machine *m, X86Board *b, DevError *err)
{
    b->pic_out = (IrqLine){set_pic_out, b, 0};
    b->pic = board_put(m, &i8259_class, "pic", err);
    return b->pic && dev_set_ptr(b->pic, "intr", &b->pic_out, err) &&
           board_place_ports(m, b->pic, 0x20, err) && board_map_ports(m, b->pic, 1, 0xa0, err) &&
           board_map_ports(m, b->pic, 2, 0x4d0, err);
}

/* "host": what the engine makes of that. */
static bool choose_model(Machine *m, DevError *err)
{
    const char *model = m->cfg.cpu_model;
    const bool host = !model || strcmp(model, "host") == 0;
    if (host && accel_is_native(m->accel)) /* with AccelConfig.cpu_props */
        return true;
    if (host)
        model = "max";
    for (unsigned k = 0; k < m->cfg.cpus; k++)
        if (!m->board->target->sys->configure(m->cpu[k], "model", model))
            return dev_fail(err, "no cpu model '%s'", model);
    return board_configure_cpus(m, err);
}

static void connect_cpus(Machine *m, X86Board *b)
{
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        CpuBoard *c = m->board->target->sys->board(m->cpu[k]);
        c->number = k;
        c->opaque = b;
        c->time = board_time;
        c->power = board_power;
        c->peer = board_peer;
        c->wake = accel_wake;
        c->yield = m->cfg.cpus > 1 ? board_yield : NULL; /* alone it waits for no thread of ours */
        c->device_reg = device_reg;
        c->port = port;
        c->acknowledge = acknowledge;
        c->take_back = x86_board_take_back;
        c->ferr = set_ferr;
        c->day_ns = m->cfg.time_of_day_ns;
        c->irq_end = end_by_engine;
    }
}

bool x86_board_interrupts(Machine *m, X86Board *b, unsigned ioapics, bool pic, DevError *err)
{
    if (ioapics > 1 && accel_irqchip(m->accel) == ACCEL_IRQCHIP_ENGINE)
        return dev_fail(err, "%s has more I/O APICs than KVM: kernel-irqchip=split or off", m->board->name);
    for (unsigned n = 0; n < X86_GSIS; n++)
        b->gsi[n] = (IrqLine){set_gsi, b, n};
    b->cpus = (X86LapicCpus){b, set_intr, pass_event};
    b->pic_ack = (X86PicAck){b, ack_pic};
    b->eoi = (IrqLine){end_by_lapic, b, 0};
    b->msi = (MsiTarget){b, send_message};
    connect_cpus(m, b);
    Device *d = choose_model(m, err) ? board_put(m, &x86_lapic_class, "lapic", err) : NULL;
    b->lapic = d;
    return d && board_set_number(d, "cpus", m->cfg.cpus, err) && dev_set_ptr(d, "cpu", &b->cpus, err) &&
           dev_set_ptr(d, "pic", pic ? &b->pic_ack : NULL, err) && dev_set_ptr(d, "eoi", &b->eoi, err) &&
           board_place(m, d, X86_LAPIC_BASE, err) && make_ioapics(m, b, ioapics, err) &&
           (!pic || make_pic(m, b, err));
}

/* ---- devices ---- */

bool x86_board_control(Machine *m, X86Board *b, DevError *err)
{
    b->fw_cfg = board_put(m, &fw_cfg_class, "fw-cfg", err);
    b->control = board_put(m, &system_control_class, "system-control", err);
    return b->fw_cfg && b->control && dev_realize(b->fw_cfg, &m->map, &m->clock, err) &&
           board_map_ports(m, b->fw_cfg, FW_CFG_PORTS, 0x510, err) &&
           board_map_ports(m, b->fw_cfg, FW_CFG_DMA_PORTS, 0x514, err) &&
           dev_set_ptr(b->control, "machine", &m->cfg.requests, err) &&
           dev_realize(b->control, &m->map, &m->clock, err) &&
           board_map_ports(m, b->control, SYSTEM_CONTROL_A, 0x92, err) &&
           board_map_ports(m, b->control, SYSTEM_CONTROL_POST, 0x80, err);
}

bool x86_board_timer(Machine *m, X86Board *b, DevError *err)
{
    b->pit = board_put(m, &i8254_class, "pit", err);
    return b->pit && dev_set_ptr(b->pit, "irq", &b->gsi[X86_GSI_PIT], err) &&
           board_place_ports(m, b->pit, 0x40, err) && board_map_ports(m, b->pit, 1, 0x61, err);
}

bool x86_board_clock(Machine *m, X86Board *b, IrqLine *irq, DevError *err)
{
    b->rtc = board_put(m, &mc146818_class, "rtc", err);
    return b->rtc && board_set_number(b->rtc, "base", m->cfg.time_of_day_ns, err) &&
           dev_set_ptr(b->rtc, "irq", irq ? irq : &b->gsi[X86_GSI_RTC], err) &&
           board_place_ports(m, b->rtc, 0x70, err);
}

bool x86_board_serial(Machine *m, X86Board *b, unsigned n, DevError *err)
{
    enum { PORTS = 8 };
    Device *d = board_put(m, &ns16550a_class, n ? "serial1" : "serial0", err);
    if (!d || !dev_set_ptr(d, "chardev", n ? m->cfg.serial1 : m->cfg.serial, err) ||
        !dev_set_ptr(d, "irq", &b->gsi[n ? X86_GSI_SERIAL1 : X86_GSI_SERIAL], err) ||
        !dev_realize(d, &m->map, &m->clock, err))
        return false;
    d->region[0].bytes = PORTS;
    return board_map_ports(m, d, 0, n ? 0x2f8 : 0x3f8, err);
}

bool x86_board_isa(Machine *m, X86Board *b, DevError *err)
{
    unsigned at = 0;
    Device *d;
    do {
        if (!machine_next_device(m, "isa", &at, &d, err))
            return false;
        if (d && !board_map_ports(m, d, 0, (unsigned)d->region[0].base, err))
            return false;
        if (d && d->cls == &pvpanic_class)
            b->panic = d;
    } while (d);
    return true;
}

/* ---- at each reset ---- */

/* Where SeaBIOS and others look for the size of memory, and how many cpus answer. */
static void fill_cmos(const Machine *m, const X86Board *b)
{
    enum { BASE_KIB = 640, EXT_KIB_MOST = 63 << 10, KIB_MOST = 0xffff };
    const uint64_t above_1m = (b->low_bytes >> 10) - MIN(b->low_bytes >> 10, 1024),
                   above_16m = b->low_bytes > 16 << 20 ? (b->low_bytes - (16 << 20)) >> 16 : 0,
                   above_4g = (b->ram.bytes - b->low_bytes) >> 16;
    const struct {
        uint8_t at, bytes;
        uint64_t value;
    } rows[] = {{0x15, 2, BASE_KIB},
                {0x17, 2, MIN(above_1m, (uint64_t)EXT_KIB_MOST)},
                {0x30, 2, MIN(above_1m, (uint64_t)EXT_KIB_MOST)},
                {0x34, 2, MIN(above_16m, (uint64_t)KIB_MOST)},
                {0x5b, 3, above_4g},
                {0x5f, 1, m->cfg.cpus - 1}};
    for (unsigned k = 0; b->rtc && k < ARRAY_SIZE(rows); k++)
        for (unsigned n = 0; n < rows[k].bytes; n++)
            mc146818_put(b->rtc, rows[k].at + n, (uint8_t)(rows[k].value >> 8 * n));
}

void x86_board_order(const Machine *m, const X86Board *b)
{
    enum { FIRST = 0x3d, LAST = 0x38 }; /* a nibble each, the third in the upper half of the last */
    static const char kinds[] = "acdn";
    const char *order = !m->booted && m->cfg.boot_once ? m->cfg.boot_once : m->cfg.boot_order;
    uint8_t place[3] = {0};
    order = order ? order : "cad";
    for (unsigned k = 0; k < ARRAY_SIZE(place) && order[k]; k++) {
        const char *kind = strchr(kinds, order[k]);
        place[k] = kind ? (uint8_t)(kind - kinds + 1) : 0;
    }
    mc146818_put(b->rtc, FIRST, (uint8_t)(place[1] << 4 | place[0]));
    mc146818_put(b->rtc, LAST, (uint8_t)(place[2] << 4));
}

static bool load_firmware(Machine *m, X86Board *b, DevError *err)
{
    const Image *fw = &m->cfg.firmware;
    const BlockPort *flash = m->cfg.flash[0];
    if (!b->flash[0])
        return !fw->bytes || mem_map_load(&m->map, X86_ROM_END - fw->size, fw->bytes, fw->size) ||
               dev_fail(err, "the firmware does not fit");
    const uint64_t n = MIN(flash->bytes, b->rom.bytes);
    mem_map_note_write(&m->map, &b->rom, 0, b->rom.bytes);
    return flash->read(flash->backend, flash->bytes - n, b->rom.host + b->rom.bytes - n, n) ||
           dev_fail(err, "the firmware cannot be read");
}

bool x86_board_load(Machine *m, X86Board *b, DevError *err)
{
    if (!load_firmware(m, b, err))
        return false;
    fill_cmos(m, b);
    const Image *k = &m->cfg.kernel;
    m->boot.first = k->bytes ? "/rom@genroms/linuxboot.bin" : NULL; /* x86_boot.c */
    return machine_fill_fw_cfg(m, b->fw_cfg, false, err) &&
           ((fw_cfg_add_number(b->fw_cfg, FW_CFG_IRQ0_OVERRIDE, 1, 4) &&
             fw_cfg_add_file(b->fw_cfg, "etc/e820", b->e820, b->n_e820 * sizeof(b->e820[0]))) ||
            dev_fail(err, "no room in the firmware's configuration"));
}

bool x86_board_smbios(Machine *m, X86Board *b, DevError *err)
{
    uint32_t id[4];
    x86_machine_cpuid(m->cpu[0], 1, 0, id);
    SmbiosMachine t = {.product = m->board->help,
                       .version = m->board->name,
                       .ram_bytes = b->ram.bytes,
                       .low_bytes = b->low_bytes,
                       .cpus = m->cfg.cpus,
                       .cpuid = {id[0], id[3]},
                       .field = m->cfg.smbios,
                       .n_fields = m->cfg.n_smbios,
                       .table = m->cfg.smbios_table,
                       .n_tables = m->cfg.n_smbios_tables};
    memcpy(t.uuid, m->cfg.uuid, sizeof(t.uuid));
    acpi_buf_clear(&b->smbios);
    return (smbios_build(&t, &b->smbios, b->smbios_anchor) &&
            fw_cfg_add_file(b->fw_cfg, "etc/smbios/smbios-tables", b->smbios.bytes, b->smbios.n) &&
            fw_cfg_add_file(b->fw_cfg, "etc/smbios/smbios-anchor", b->smbios_anchor, SMBIOS_ANCHOR)) ||
           dev_fail(err, "no memory for the SMBIOS tables");
}
