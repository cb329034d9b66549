/* The Arm `virt` board: addresses, interrupts and the boot protocol that stock firmware and kernels expect
 * (Documentation/arch/arm64/booting.rst). Its device tree is in arm_virt_fdt.c. */
#include "hw/machine/arm_virt.h"
#include "hw/block/cfi_flash.h"
#include "hw/boot/image.h"
#include "hw/char/pl011.h"
#include "hw/core/dev_impl.h"
#include "hw/gpio/gpio_key.h"
#include "hw/gpio/pl061.h"
#include "hw/machine/board.h"
#include "hw/misc/fw_cfg.h"
#include "hw/pci/pcie_host.h"
#include "hw/timer/arm_timer.h"
#include "hw/timer/pl031.h"
#include "target/mem.h"

#include <stdlib.h>

const ArmVirtPlace arm_virt_places[ARM_VIRT_PLACES] = {
    [ARM_VIRT_FLASH] = {0, 0x4000000},          [ARM_VIRT_GIC_DIST] = {0x8000000, 0x10000},
    [ARM_VIRT_GIC_CPU] = {0x8010000, 0x10000},  [ARM_VIRT_UART] = {0x9000000, 0x1000},
    [ARM_VIRT_RTC] = {0x9010000, 0x1000},       [ARM_VIRT_GPIO] = {0x9030000, 0x1000},
    [ARM_VIRT_UART1] = {0x9040000, 0x1000},     [ARM_VIRT_VIRTIO] = {0xa000000, 0x200},
        [ARM_VIRT_RAM] = {0x40000000, 0},
    [ARM_VIRT_FW_CFG] = {0x9020000, 0x18},      [ARM_VIRT_PCIE_LOW] = {0x10000000, 0x2eff0000},
    [ARM_VIRT_PCIE_IO] = {0x3eff0000, 0x10000}, [ARM_VIRT_PCIE_ECAM] = {0x4010000000, 0x10000000},
    [ARM_VIRT_GIC_HYP] = {0x8030000, 0x10000},  [ARM_VIRT_GIC_VCPU] = {0x8040000, 0x10000},
    [ARM_VIRT_V2M] = {0x8020000, 0x1000},       [ARM_VIRT_ITS] = {0x8080000, 0x20000},
    [ARM_VIRT_REDIST] = {0x80a0000, 0xf60000},  [ARM_VIRT_PCIE_HIGH] = {0x8000000000, 0x8000000000},
};

enum { TIMERS = ARM_VIRT_TIMERS };

static bool make_memory(Machine *m, ArmVirt *v, DevError *err)
{
    const ArmVirtPlace *ram = &arm_virt_places[ARM_VIRT_RAM];
    if (!ram_block_init(&v->ram, "ram", m->cfg.ram_bytes, ram->base))
        return dev_fail(err, "no memory for a machine of %lu MiB", (unsigned long)(m->cfg.ram_bytes >> 20));
    v->ram_region =
        (MemRegion){.name = "ram", .kind = MEM_RAM, .base = ram->base, .bytes = v->ram.bytes, .ram = &v->ram};
    return mem_map_add(&m->map, &v->ram_region);
}

static bool place(Machine *m, Device *d, ArmVirtPlaceId at, DevError *err)
{
    return board_place(m, d, arm_virt_places[at].base, err);
}

static bool make_timers(Machine *m, ArmVirt *v, DevError *err)
{
    static const uint8_t ppi[TIMERS] = {ARM_VIRT_PPI_VIRT, ARM_VIRT_PPI_PHYS, ARM_VIRT_PPI_HYP,
                                        ARM_VIRT_PPI_HYPVIRT, ARM_VIRT_PPI_PMU}; /* ARM_TIMER_* */
    v->timer = board_put(m, &arm_timer_class, "timer", err);
    for (unsigned k = 0; k < m->cfg.cpus; k++)
        for (unsigned n = 0; n < TIMERS; n++)
            v->timer_line[k * TIMERS + n] = arm_virt_own_line(v, k, ppi[n]);
    return v->timer && board_set_number(v->timer, "timers", TIMERS * m->cfg.cpus, err) &&
           dev_set_ptr(v->timer, "lines", v->timer_line, err) &&
           dev_realize(v->timer, &m->map, &m->clock, err);
}

/* It is there if somebody is at its other end. */
static bool make_second_serial(Machine *m, const ArmVirt *v, DevError *err)
{
    if (!m->cfg.serial1)
        return true;
    Device *uart = board_put(m, &pl011_class, "serial1", err);
    return uart && dev_set_ptr(uart, "chardev", m->cfg.serial1, err) &&
           dev_set_ptr(uart, "irq", (void *)(uintptr_t)&v->shared[ARM_VIRT_IRQ_UART1], err) &&
           place(m, uart, ARM_VIRT_UART1, err);
}

static bool make_devices(Machine *m, ArmVirt *v, DevError *err)
{
    Device *uart = board_put(m, &pl011_class, "serial0", err), *rtc = board_put(m, &pl031_class, "rtc", err),
           *gpio = board_put(m, &pl061_class, "gpio", err);
    v->key = board_put(m, &gpio_key_class, "power-key", err);
    if (!uart || !rtc || !gpio || !v->key)
        return false;
    v->key_pin = pl061_pin(gpio, ARM_VIRT_KEY_PIN);
    return dev_set_ptr(uart, "chardev", m->cfg.serial, err) &&
           dev_set_ptr(uart, "irq", &v->shared[ARM_VIRT_IRQ_UART], err) &&
           place(m, uart, ARM_VIRT_UART, err) && board_set_number(rtc, "base", m->cfg.time_of_day_ns, err) &&
           dev_set_ptr(rtc, "irq", &v->shared[ARM_VIRT_IRQ_RTC], err) && place(m, rtc, ARM_VIRT_RTC, err) &&
           dev_set_ptr(gpio, "irq", &v->shared[ARM_VIRT_IRQ_GPIO], err) &&
           place(m, gpio, ARM_VIRT_GPIO, err) && dev_set_ptr(v->key, "pin", &v->key_pin, err) &&
           dev_realize(v->key, &m->map, &m->clock, err);
}

static bool make_flash(Machine *m, ArmVirt *v, DevError *err)
{
    const ArmVirtPlace *at = &arm_virt_places[ARM_VIRT_FLASH];
    const uint64_t code = 1ull << 52; /* a block's address as code may not be 0 */
    for (unsigned k = 0; k < ARRAY_SIZE(v->flash); k++) {
        const uint64_t base = at->base + k * at->bytes;
        Device *d = v->flash[k] = board_put(m, &cfi_flash_class, k ? "flash1" : "flash0", err);
        if (!d || !board_set_number(d, "bytes", at->bytes, err) ||
            !board_set_number(d, "code_base", code + base, err) ||
            !dev_set_ptr(d, "drive", m->cfg.flash[k], err) || !board_place(m, d, base, err))
            return false;
    }
    v->fw_cfg = board_put(m, &fw_cfg_class, "fw-cfg", err);
    return place(m, v->fw_cfg, ARM_VIRT_FW_CFG, err);
}

static bool make_pcie(Machine *m, ArmVirt *v, DevError *err)
{
    static const uint8_t places[] = {[PCIE_ECAM] = ARM_VIRT_PCIE_ECAM,
                                     [PCIE_IO] = ARM_VIRT_PCIE_IO,
                                     [PCIE_LOW] = ARM_VIRT_PCIE_LOW,
                                     [PCIE_HIGH] = ARM_VIRT_PCIE_HIGH};
    const ArmVirtPlace *low = &arm_virt_places[ARM_VIRT_PCIE_LOW],
                       *high = &arm_virt_places[ARM_VIRT_PCIE_HIGH];
    Device *d = v->pcie = board_put(m, &pcie_host_class, "pcie", err);
    bool ok = d && board_set_number(d, "low_base", low->base, err) &&
              board_set_number(d, "low_bytes", low->bytes, err) &&
              board_set_number(d, "high_base", high->base, err) &&
              board_set_number(d, "high_bytes", high->bytes, err) &&
              dev_set_ptr(d, "intx", &v->shared[ARM_VIRT_IRQ_PCIE], err) &&
              dev_set_ptr(d, "msi", v->msi.send ? &v->msi : NULL, err) &&
              dev_set_ptr(d, "requests", &m->cfg.requests, err) &&
              dev_realize(d, &m->map, &m->clock, err);
    for (unsigned k = 0; ok && k < ARRAY_SIZE(places); k++)
        ok = board_map(m, d, k, arm_virt_places[places[k]].base, err);
    return ok && machine_plug_pci(m, d, err);
}

static bool make_virtio(Machine *m, const ArmVirt *v, DevError *err)
{
    const ArmVirtPlace *at = &arm_virt_places[ARM_VIRT_VIRTIO];
    return board_make_virtio(
        m, &(BoardSlots){at->base, at->bytes, ARM_VIRT_N_VIRTIO, &v->shared[ARM_VIRT_IRQ_VIRTIO]}, err);
}

/* ---- cpus ---- */

static Cpu *peer(void *opaque, unsigned number)
{
    const Machine *m = opaque;
    return number < m->cfg.cpus ? m->cpu[number] : NULL;
}

static uint64_t count(void *opaque)
{
    const Machine *m = opaque;
    return arm_timer_count(((const ArmVirt *)m->board_data)->timer);
}

static void alarm_at(void *opaque, uint64_t n, uint64_t when)
{
    const Machine *m = opaque;
    arm_timer_alarm(((const ArmVirt *)m->board_data)->timer, n, when);
}

/* The host's own is what has most of ours. */
static const char *cpu_model(const Machine *m, const char *usual)
{
    const char *said = m->cfg.cpu_model;
    const bool host = said ? strcmp(said, "host") == 0 : accel_is_native(m->accel);
    return host ? "max" : said ? said : usual;
}

static bool make_cpus(Machine *m, ArmVirt *v, DevError *err)
{
    const TargetSys *sys = m->board->target->sys;
    const char *usual = v->a32 ? "cortex-a15" : "cortex-a72";
    v->model = cpu_model(m, usual);
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        CpuBoard *b = sys->board(m->cpu[k]);
        b->opaque = m;
        b->time = count;
        b->alarm = alarm_at;
        b->peer = peer;
        b->power = board_power_machine;
        b->wake = accel_wake;
        b->yield = board_yield;
        if (!sys->configure(m->cpu[k], "model", v->model))
            return dev_fail(err, "no cpu model '%s'; '%s' would be", v->model, usual);
        sys->configure(m->cpu[k], "psci", v->el2 ? "smc" : "hvc");
        sys->configure(m->cpu[k], "el2", v->el2 ? "on" : "off");
        sys->configure(m->cpu[k], "off", k ? "on" : "off");
    }
    return true;
}

static bool virt_build(Machine *m, DevError *err)
{
    ArmVirt *v = calloc(1, sizeof(*v));
    m->board_data = v;
    if (!v)
        return dev_fail(err, "no memory");
    v->a32 = m->board == &arm32_virt_board;
    v->el2 = machine_option_on(m, "virtualization", false);
    if (v->a32 && v->el2)
        return dev_fail(err, "32-bit cpus have no virtualization");
    if (v->el2 && accel_is_native(m->accel))
        return dev_fail(err, "virtualization=on: guests of KVM have no EL2; -accel tcg has one");
    return make_memory(m, v, err) && arm_virt_interrupts(m, v, err) && make_timers(m, v, err) &&
           make_devices(m, v, err) && make_second_serial(m, v, err) && make_flash(m, v, err) &&
           make_virtio(m, v, err) && make_pcie(m, v, err) && make_cpus(m, v, err);
}

/* ---- what is in memory at power-on ---- */

enum { ALIGN_2M = 2 << 20, OLD_TEXT_OFFSET = 0x80000, ZIMAGE_OFFSET = 0x10000 };

/* Offset from the start of memory, and bytes in memory, of an arm64 Image. False: it is none. */
static bool linux_header(const Image *kernel, uint64_t *ret_offset, uint64_t *ret_bytes)
{
    enum { OFFSET_AT = 8, SIZE_AT = 16, MAGIC_AT = 0x38, HEADER = 64 };
    static const char magic[] = {'A', 'R', 'M', 0x64};
    if (kernel->size < HEADER || memcmp(kernel->bytes + MAGIC_AT, magic, sizeof(magic)) != 0)
        return false;
    memcpy(ret_offset, kernel->bytes + OFFSET_AT, 8);
    memcpy(ret_bytes, kernel->bytes + SIZE_AT, 8);
    if (*ret_bytes == 0)
        *ret_offset = OLD_TEXT_OFFSET;
    return true;
}

/* r0 = 0, r1 = no machine number, r2 = device tree, then to the kernel
 * (Documentation/arch/arm/booting.rst). */
static bool load_stub32(Machine *m, uint64_t entry, uint64_t fdt)
{
    const uint32_t code[] = {
        0xe3a00000, /* mov r0, #0 */
        0xe3e01000, /* mvn r1, #0 */
        0xe59f2000, /* ldr r2, fdt */
        0xe59ff000, /* ldr pc, entry */
        (uint32_t)fdt, (uint32_t)entry,
    };
    return mem_map_load(&m->map, arm_virt_places[ARM_VIRT_RAM].base, code, sizeof(code));
}

/* x0 = device tree, then to the kernel. */
static bool load_stub(Machine *m, uint64_t entry, uint64_t fdt)
{
    static const uint32_t code[] = {
        0x580000c0, /* ldr x0, fdt */
        0xaa1f03e1, /* mov x1, xzr */
        0xaa1f03e2, /* mov x2, xzr */
        0xaa1f03e3, /* mov x3, xzr */
        0x58000084, /* ldr x4, entry */
        0xd61f0080, /* br x4 */
    };
    const uint64_t data[] = {fdt, entry};
    uint64_t at = arm_virt_places[ARM_VIRT_RAM].base;
    return mem_map_load(&m->map, at, code, sizeof(code)) &&
           mem_map_load(&m->map, at + sizeof(code), data, sizeof(data));
}

static bool make_fdt(Machine *m, const ArmVirtBoot *boot, DevError *err)
{
    enum { ROOM = 1 << 20 };
    const Image *dtb = &m->cfg.dtb;
    if (dtb->bytes && !image_check_fdt(dtb->bytes, dtb->size, err))
        return image_blame(dtb->name, err);
    free(m->fdt);
    m->fdt = malloc(dtb->bytes ? dtb->size : ROOM);
    if (!m->fdt)
        return dev_fail(err, "no memory for the device tree");
    if (dtb->bytes)
        memcpy(m->fdt, dtb->bytes, dtb->size);
    m->fdt_bytes = dtb->bytes ? dtb->size : arm_virt_fdt(m, boot, m->fdt, ROOM);
    return m->fdt_bytes || dev_fail(err, "no room for the device tree");
}

static bool load_fdt(Machine *m, uint64_t at, DevError *err)
{
    return mem_map_load(&m->map, at, m->fdt, m->fdt_bytes) ||
           dev_fail(err, "the device tree does not fit into memory");
}

/* All cpus begin there; the others are off. */
static void set_start(Machine *m, uint64_t pc)
{
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        m->board->target->sys->board(m->cpu[k])->reset_pc = pc;
        m->cpu[k]->pc = pc;
    }
}

static bool load_kernel(Machine *m, ArmVirtBoot *boot, DevError *err)
{
    const uint64_t base = arm_virt_places[ARM_VIRT_RAM].base;
    const Image *kernel = &m->cfg.kernel, *initrd = &m->cfg.initrd;
    const bool a32 = ((const ArmVirt *)m->board_data)->a32;
    uint64_t offset = a32 ? ZIMAGE_OFFSET : OLD_TEXT_OFFSET, bytes = 0;
    bool linux_image = !a32 && linux_header(kernel, &offset, &bytes);
    if (offset < 0x1000) /* the stub is there */
        offset += ALIGN_2M;
    LoadedImage done;
    if (!image_load(&m->map, kernel->bytes, kernel->size, m->board->target->elf_machine, base + offset, &done,
                    err))
        return image_blame(kernel->name, err);
    if (linux_image && !done.elf && bytes > m->cfg.ram_bytes)
        return dev_fail(err, "the kernel says that it needs more memory than there is: %s", kernel->name);
    uint64_t end = MAX(done.end, linux_image && !done.elf ? base + offset + bytes : 0);
    uint64_t at = align_up(MAX(end, base + MIN(m->cfg.ram_bytes / 2, 128ull << 20)), 4096);
    if (initrd->bytes) {
        boot->initrd_start = at;
        boot->initrd_end = at + initrd->size;
        if (!mem_map_load(&m->map, at, initrd->bytes, initrd->size))
            return dev_fail(err, "the initial file system of %lu MiB does not fit into memory: %s",
                            (unsigned long)(initrd->size >> 20), initrd->name);
    }
    uint64_t fdt = done.elf ? base : align_up(at + initrd->size, a32 ? 4096 : ALIGN_2M);
    if (!make_fdt(m, boot, err) || !load_fdt(m, fdt, err))
        return false;
    set_start(m, done.elf ? done.entry : base);
    return done.elf || (a32 ? load_stub32 : load_stub)(m, done.entry, fdt) || dev_fail(err, "no memory");
}

/* What firmware learns of the machine. */
static bool fill_fw_cfg(Machine *m, ArmVirt *v, bool flash, DevError *err)
{
    acpi_clear(&v->acpi);
    if (!machine_fill_fw_cfg(m, v->fw_cfg, flash, err))
        return false;
    if (v->a32 || !machine_option_on(m, "acpi", true))
        return true;
    return (arm_virt_acpi(m, &v->acpi) && machine_add_acpi(v->fw_cfg, &v->acpi)) ||
           dev_fail(err, "no memory for ACPI tables");
}

static bool virt_load(Machine *m, DevError *err)
{
    ArmVirt *v = m->board_data;
    const Image *fw = &m->cfg.firmware;
    ArmVirtBoot boot = {0};
    LoadedImage done;
    bool flash = fw->bytes || cfi_flash_has_image(v->flash[0]);
    if (fw->bytes && cfi_flash_has_image(v->flash[0]))
        return dev_fail(err, "firmware, and an image for the flash that it goes to: which?");
    if (fw->bytes &&
        !image_load(&m->map, fw->bytes, fw->size, m->board->target->elf_machine,
                    arm_virt_places[ARM_VIRT_FLASH].base, &done, err))
        return image_blame(fw->name, err);
    if (!fill_fw_cfg(m, v, flash, err))
        return false;
    if (!flash && m->cfg.kernel.bytes)
        return load_kernel(m, &boot, err);
    set_start(m, arm_virt_places[ARM_VIRT_FLASH].base);
    return make_fdt(m, &boot, err) && load_fdt(m, arm_virt_places[ARM_VIRT_RAM].base, err);
}

static void virt_power_button(Machine *m)
{
    gpio_key_press(((const ArmVirt *)m->board_data)->key);
}

static void virt_clear(Machine *m)
{
    ArmVirt *v = m->board_data;
    if (!v)
        return;
    ram_block_clear(&v->ram);
    acpi_clear(&v->acpi);
    free(v);
}

static const BoardOption options[] = {
    {"gic-version", "2|3|max|host", "interrupt controller"},
    {"virtualization", "on|off", "cpus have EL2, and begin there"},
    {"acpi", "on|off", "ACPI tables for firmware; 64-bit cpus"},
    {"its", "on|off", "messages by an interrupt translation service, with version 3"},
};

/* What boards of both kinds of cpus have. */
#define VIRT_BOARD \
    .name = "virt", \
    .default_ram = 128 << 20, \
    .serials = 2, \
    .options = options, \
    .n_options = ARRAY_SIZE(options), \
    .build = virt_build, \
    .load = virt_load, \
    .clear = virt_clear, \
    .power_button = virt_power_button,

const BoardClass arm_virt_board = {
    VIRT_BOARD
    .isa = "aarch64",
    .help = "Arm board of virtual devices",
    .target = &target_aarch64_sys,
};

const BoardClass arm32_virt_board = {
    VIRT_BOARD
    .isa = "arm",
    .help = "Arm board of virtual devices, 32-bit",
    .target = &target_arm_sys,
};
