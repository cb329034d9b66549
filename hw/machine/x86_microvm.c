/* `microvm`: a PC without what a virtual machine does not need. Devices are virtio-mmio; the addresses are
 * those that stock firmware and kernels know. By ACPI there are 24 slots on a second I/O APIC, without it 8
 * on inputs of the first, which the kernel is told of by its command line. */
#include "hw/core/dev_impl.h"
#include "hw/machine/x86_acpi.h"
#include "hw/machine/x86_board.h"
#include "hw/misc/acpi_ged.h"

#include <stdlib.h>

enum { VIRTIO_STRIDE = 0x200, ACPI_SLOTS = 24, ACPI_GSI = 24, OLD_SLOTS = 8, OLD_GSI = 5 };
#define VIRTIO_BASE 0xfeb00000ull
#define GED_BASE    0xfea00000ull
#define GED_REGS    (GED_BASE + 0x200)
#define SPLIT       0xc0000000ull

typedef struct Microvm {
    X86Board b;
    bool acpi;
    Device *ged;
    AcpiTables tables;
} Microvm;

static BoardSlots slots_of(const Microvm *v)
{
    return (BoardSlots){VIRTIO_BASE, VIRTIO_STRIDE, v->acpi ? ACPI_SLOTS : OLD_SLOTS,
                        &v->b.gsi[v->acpi ? ACPI_GSI : OLD_GSI]};
}

static bool make_ged(Machine *m, Microvm *v, DevError *err)
{
    if (!v->acpi)
        return true;
    Device *d = v->ged = board_put(m, &acpi_ged_class, "ged", err);
    return d && dev_set_ptr(d, "irq", &v->b.gsi[X86_GSI_SCI], err) &&
           dev_set_ptr(d, "machine", &m->cfg.requests, err) && board_place(m, d, GED_BASE, err) &&
           board_map(m, d, 1, GED_REGS, err);
}

static bool microvm_build(Machine *m, DevError *err)
{
    Microvm *v = calloc(1, sizeof(*v));
    m->board_data = v;
    if (!v)
        return dev_fail(err, "no memory");
    X86Board *b = &v->b;
    v->acpi = machine_option_on(m, "acpi", true);
    const BoardSlots slots = slots_of(v);
    return x86_board_memory(m, b, SPLIT, err) && x86_board_firmware(m, b, true, err) &&
           x86_board_interrupts(m, b, v->acpi ? 2 : 1, machine_option_on(m, "pic", true), err) &&
           x86_board_control(m, b, err) &&
           (!machine_option_on(m, "pit", true) || x86_board_timer(m, b, err)) &&
           (!machine_option_on(m, "rtc", true) || x86_board_clock(m, b, NULL, err)) &&
           (!machine_option_on(m, "isa-serial", true) || x86_board_serial(m, b, 0, err)) &&
           make_ged(m, v, err) && x86_board_isa(m, b, err) && board_make_virtio(m, &slots, err);
}

/* " virtio_mmio.device=512@0xfeb00000:5 ...", of all slots. */
static void announce(const Microvm *v, Fmt *f)
{
    const BoardSlots slots = slots_of(v);
    for (unsigned k = 0; !v->acpi && k < slots.count; k++)
        fmt_printf(f, " virtio_mmio.device=%u@0x%lx:%u", VIRTIO_STRIDE,
                   (unsigned long)(VIRTIO_BASE + k * slots.stride), OLD_GSI + k);
}

static bool add_acpi(Machine *m, Microvm *v, DevError *err)
{
    const X86AcpiMicrovm a = {.ged = GED_BASE,
                              .ged_regs = GED_REGS,
                              .virtio = VIRTIO_BASE,
                              .virtio_gsi = ACPI_GSI,
                              .virtio_stride = VIRTIO_STRIDE,
                              .n_virtio = ACPI_SLOTS,
                              .serial = machine_option_on(m, "isa-serial", true)};
    acpi_clear(&v->tables);
    return !v->acpi ||
           (x86_acpi_microvm(&v->b, &a, &v->tables) && machine_add_acpi(v->b.fw_cfg, &v->tables)) ||
           dev_fail(err, "no memory for the ACPI tables");
}

static bool microvm_load(Machine *m, DevError *err)
{
    Microvm *v = m->board_data;
    char more[1024] = "";
    Fmt f = FMT_ON(more);
    if (machine_option_on(m, "auto-kernel-cmdline", true))
        announce(v, &f);
    return x86_board_load(m, &v->b, err) && add_acpi(m, v, err) && x86_board_kernel(m, &v->b, more, err);
}

static void microvm_clear(Machine *m)
{
    Microvm *v = m->board_data;
    if (v) {
        acpi_clear(&v->tables);
        x86_board_clear(&v->b);
    }
    free(v);
}

static void press_power(Machine *m)
{
    const Microvm *v = m->board_data;
    if (v->ged)
        acpi_ged_press(v->ged);
}

static bool controllers(Machine *m, BoardMove what, DevError *err)
{
    return x86_board_controllers(m, &((Microvm *)m->board_data)->b, what, err);
}

static const BoardOption options[] = {
    {"acpi", "on|off", "ACPI tables, 24 slots for devices"},
    {"pic", "on|off", "a pair of 8259"},
    {"pit", "on|off", "an 8254"},
    {"x-option-roms", "on|off", "qboot runs none"},
    {"rtc", "on|off", "a clock"},
    {"isa-serial", "on|off", "a serial port"},
    {"auto-kernel-cmdline", "on|off", "devices on the kernel's command line, without ACPI"},
};

#define MICROVM_BOARD(isa_name, ops)                                                                         \
    {                                                                                                        \
        .name = "microvm", .isa = isa_name, .help = "PC of virtio devices", .target = &(ops),                \
        .options = options, .n_options = ARRAY_SIZE(options), .own_ioapics = true, .default_ram = 128 << 20, \
        .serials = 1, .firmware = "bios-microvm.bin", .build = microvm_build, .load = microvm_load,          \
        .clear = microvm_clear, .power_button = press_power, .controllers = controllers                      \
    }

const BoardClass x86_microvm_board = MICROVM_BOARD("x86_64", target_x86_64_sys);
const BoardClass i386_microvm_board = MICROVM_BOARD("i386", target_i386_sys);
