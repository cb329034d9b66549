/* The RISC-V `virt` board: addresses, interrupts and the contract of the boot ROM that stock firmware and
 * kernels expect. Its device tree is in riscv_virt_fdt.c. */
#include "hw/machine/riscv_virt.h"
#include "hw/block/cfi_flash.h"
#include "hw/boot/image.h"
#include "hw/char/ns16550a.h"
#include "hw/core/dev_impl.h"
#include "hw/intc/riscv_clint.h"
#include "hw/machine/board.h"
#include "hw/misc/fw_cfg.h"
#include "hw/misc/sifive_test.h"
#include "hw/pci/pcie_host.h"
#include "hw/timer/goldfish_rtc.h"
#include "target/mem.h"

#include <elf.h>
#include <stdlib.h>

const VirtPlace virt_places[VIRT_PLACES] = {
    [VIRT_MROM] = {0x1000, 0xf000},       [VIRT_TEST] = {0x100000, 0x1000},
                  [VIRT_RTC] = {0x101000, 0x1000},
    [VIRT_CLINT] = {0x2000000, 0x10000},  [VIRT_PLIC] = {0xc000000, 0x600000},
                   [VIRT_UART] = {0x10000000, 0x100},
    [VIRT_VIRTIO] = {0x10001000, 0x1000}, [VIRT_DRAM] = {0x80000000, 0},
    [VIRT_FW_CFG] = {0x10100000, 0x18},   [VIRT_FLASH] = {0x20000000, 0x2000000}, /* two of these */
    [VIRT_PCIE_IO] = {0x3000000, 0x10000},
    [VIRT_PCIE_ECAM] = {0x30000000, 0x10000000},
    [VIRT_APLIC_M] = {0xc000000, 0x8000}, [VIRT_APLIC_S] = {0xd000000, 0x8000},
    [VIRT_IMSIC_M] = {0x24000000, 0x4000000},
    [VIRT_IMSIC_S] = {0x28000000, 0x4000000},
    [VIRT_PCIE_LOW] = {0x40000000, 0x40000000},
};

enum { HART_MSI = 3, HART_STI = 5, HART_VSTI = 6, HART_MTI = 7 };

/* A cpu's input: `receiver` is the cpu. */
static void set_cpu_irq(void *receiver, unsigned n, bool level)
{
    Cpu *cpu = receiver;
    if (cpu->ops->sys->set_irq(cpu, n, level))
        accel_wake(cpu);
}

static bool make_memory(Machine *m, RiscvVirt *v, DevError *err)
{
    const VirtPlace *rom = &virt_places[VIRT_MROM], *dram = &virt_places[VIRT_DRAM];
    if (!ram_block_init(&v->dram, "ram", m->cfg.ram_bytes, dram->base) ||
        !ram_block_init(&v->rom, "mrom", rom->bytes, rom->base))
        return dev_fail(err, "no memory for a machine of %lu MiB", (unsigned long)(m->cfg.ram_bytes >> 20));
    v->dram_region = (MemRegion){.name = "ram", .kind = MEM_RAM, .base = dram->base, .bytes = v->dram.bytes,
                                 .ram = &v->dram};
    v->rom_region = (MemRegion){.name = "mrom", .kind = MEM_ROM, .base = rom->base, .bytes = rom->bytes,
                                .ram = &v->rom};
    return mem_map_add(&m->map, &v->dram_region) && mem_map_add(&m->map, &v->rom_region);
}

/* Makes a device, to be wired; NULL: no memory. */
static Device *put(Machine *m, const DevClass *cls, const char *id) { return dev_new(cls, m->root, id); }

static bool place(Machine *m, Device *d, VirtPlaceId at, DevError *err)
{
    if (!d || !dev_realize(d, &m->map, &m->clock, err))
        return false;
    d->region[0].base = virt_places[at].base;
    return mem_map_add(&m->map, &d->region[0]) || dev_fail(err, "too many regions of memory");
}

static bool make_interrupts(Machine *m, RiscvVirt *v, DevError *err)
{
    char text[16];
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        Cpu *cpu = m->cpu[k];
        v->software[k] = (IrqLine){set_cpu_irq, cpu, HART_MSI};
        v->timer[k] = (IrqLine){set_cpu_irq, cpu, HART_MTI};
        v->supervisor[k] = (IrqLine){set_cpu_irq, cpu, HART_STI};
        v->guest_timer[k] = (IrqLine){set_cpu_irq, cpu, HART_VSTI};
    }
    v->clint = put(m, &riscv_clint_class, "clint");
    if (!v->clint)
        return dev_fail(err, "no memory");
    Fmt f = FMT_ON(text);
    fmt_printf(&f, "%u", m->cfg.cpus);
    bool ok = dev_set(v->clint, "harts", text, err) && dev_set_ptr(v->clint, "software", v->software, err) &&
              dev_set_ptr(v->clint, "timer", v->timer, err) &&
              dev_set_ptr(v->clint, "supervisor", v->supervisor, err) &&
              dev_set_ptr(v->clint, "guest", v->guest_timer, err) && place(m, v->clint, VIRT_CLINT, err);
    return ok && riscv_virt_interrupts(m, v, err);
}

static bool make_devices(Machine *m, RiscvVirt *v, DevError *err)
{
    char base[24];
    Fmt f = FMT_ON(base);
    Device *uart = put(m, &ns16550a_class, "serial0"), *test = put(m, &sifive_test_class, "test"),
           *rtc = put(m, &goldfish_rtc_class, "rtc");
    if (!uart || !test || !rtc)
        return dev_fail(err, "no memory");
    fmt_printf(&f, "%lu", (unsigned long)m->cfg.time_of_day_ns);
    return dev_set_ptr(uart, "chardev", m->cfg.serial, err) &&
           dev_set_ptr(uart, "irq", &v->source[VIRT_IRQ_UART], err) && place(m, uart, VIRT_UART, err) &&
           dev_set_ptr(test, "machine", &m->cfg.requests, err) && place(m, test, VIRT_TEST, err) &&
           dev_set(rtc, "base", base, err) && dev_set_ptr(rtc, "irq", &v->source[VIRT_IRQ_RTC], err) &&
           place(m, rtc, VIRT_RTC, err);
}

static bool make_virtio(Machine *m, const RiscvVirt *v, DevError *err)
{
    const VirtPlace *at = &virt_places[VIRT_VIRTIO];
    return board_make_virtio(
        m, &(BoardSlots){at->base, at->bytes, VIRT_N_VIRTIO, &v->source[VIRT_IRQ_VIRTIO]}, err);
}

bool virt_is_32(const Machine *m) { return m->board->target->elf_class == ELFCLASS32; }

uint64_t virt_pcie_high(const Machine *m)
{
    if (virt_is_32(m)) /* 34 bits of physical addresses */
        return 0x300000000;
    return align_up(virt_places[VIRT_DRAM].base + m->cfg.ram_bytes, VIRT_PCIE_HIGH_BYTES);
}

static bool make_pcie(Machine *m, RiscvVirt *v, DevError *err)
{
    const uint64_t base[] = {
        [PCIE_ECAM] = virt_places[VIRT_PCIE_ECAM].base, [PCIE_IO] = virt_places[VIRT_PCIE_IO].base,
        [PCIE_LOW] = virt_places[VIRT_PCIE_LOW].base, [PCIE_HIGH] = virt_pcie_high(m)};
    char text[24];
    Fmt f = FMT_ON(text);
    fmt_printf(&f, "%lu", (unsigned long)base[PCIE_HIGH]);
    v->pcie = put(m, &pcie_host_class, "pcie");
    if (!v->pcie)
        return dev_fail(err, "no memory");
    if (!dev_set(v->pcie, "high_base", text, err) ||
        !dev_set_ptr(v->pcie, "intx", &v->source[VIRT_IRQ_PCIE], err) ||
        !dev_set_ptr(v->pcie, "msi", v->msi.send ? &v->msi : NULL, err) ||
        !dev_set_ptr(v->pcie, "requests", &m->cfg.requests, err) ||
        !dev_realize(v->pcie, &m->map, &m->clock, err))
        return false;
    for (unsigned k = 0; k < ARRAY_SIZE(base); k++) {
        v->pcie->region[k].base = base[k];
        if (!mem_map_add(&m->map, &v->pcie->region[k]))
            return dev_fail(err, "too many regions of memory");
    }
    return machine_plug_pci(m, v->pcie, err);
}

static bool make_flash(Machine *m, RiscvVirt *v, DevError *err)
{
    for (unsigned k = 0; k < ARRAY_SIZE(v->flash); k++) {
        const VirtPlace *at = &virt_places[VIRT_FLASH];
        char id[] = "flash0", bytes[24], base[24];
        id[5] = (char)('0' + k);
        Fmt f = FMT_ON(bytes), g = FMT_ON(base);
        fmt_printf(&f, "%lu", (unsigned long)at->bytes);
        fmt_printf(&g, "%lu", (unsigned long)(at->base + k * at->bytes));
        Device *d = v->flash[k] = put(m, &cfi_flash_class, id);
        if (!d)
            return dev_fail(err, "no memory");
        if (!dev_set(d, "bytes", bytes, err) || !dev_set(d, "code_base", base, err) ||
            !dev_set_ptr(d, "drive", m->cfg.flash[k], err) || !dev_realize(d, &m->map, &m->clock, err))
            return false;
        d->region[0].base = at->base + k * at->bytes;
        if (!mem_map_add(&m->map, &d->region[0]))
            return dev_fail(err, "too many regions of memory");
    }
    v->fw_cfg = put(m, &fw_cfg_class, "fw-cfg");
    return place(m, v->fw_cfg, VIRT_FW_CFG, err);
}

static uint64_t board_time(void *opaque)
{
    const Machine *m = opaque;
    return riscv_clint_time(((const RiscvVirt *)m->board_data)->clint);
}

static void board_alarm(void *opaque, uint64_t n, uint64_t when)
{
    const Machine *m = opaque;
    riscv_clint_alarm(((const RiscvVirt *)m->board_data)->clint, n, when);
}

/* Firmware's console, where the engine has that in its place: the first serial port. */
static bool console(void *opaque, bool put, uint8_t *byte)
{
    enum { DATA = 0, STATUS = 5, HAS_BYTE = 1 };
    const Machine *m = opaque;
    const uint64_t uart = virt_places[VIRT_UART].base;
    uint64_t v = *byte;
    MemRange r;
    if (!mem_map_find(&m->map, uart, &r))
        return false;
    if (put) {
        mem_range_write(&m->map, &r, uart + DATA, 1, v);
        return true;
    }
    bool there = mem_range_read(&r, uart + STATUS, 1, &v) && (v & HAS_BYTE) &&
                 mem_range_read(&r, uart + DATA, 1, &v);
    *byte = (uint8_t)v;
    return there;
}

static bool virt_build(Machine *m, DevError *err)
{
    RiscvVirt *v = calloc(1, sizeof(*v));
    m->board_data = v;
    if (!v)
        return dev_fail(err, "no memory");
    if (!board_configure_cpus(m, err))
        return false;
    if (!make_memory(m, v, err) || !make_interrupts(m, v, err) || !make_devices(m, v, err) ||
        !make_flash(m, v, err) || !make_virtio(m, v, err) || !make_pcie(m, v, err))
        return false;
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        CpuBoard *b = m->board->target->sys->board(m->cpu[k]);
        b->reset_pc = virt_places[VIRT_MROM].base;
        b->time = board_time;
        b->alarm = board_alarm;
        b->console = console;
        b->power = board_power_machine; /* that firmware has a device for it */
        b->opaque = m;
    }
    return true;
}

/* ---- what is in memory at power-on ---- */

enum { ALIGN_2M = 2 << 20, ALIGN_4M = 4 << 20, FW_MAGIC = 0x4942534f, FW_VERSION = 2, NEXT_IS_S = 1 };

/* The same of RV32. */
static bool load_reset_code_32(Machine *m, uint64_t entry, uint64_t fdt, uint64_t next)
{
    static const uint32_t code[] = {
        0x00000297, /* auipc t0, 0 */
        0x02028613, /* addi a2, t0, 32 */
        0xf1402573, /* csrr a0, mhartid */
        0x01c2a583, /* lw a1, 28(t0) */
        0x0182a283, /* lw t0, 24(t0) */
        0x00028067, /* jr t0 */
    };
    const uint32_t data[] = {(uint32_t)entry, (uint32_t)fdt, FW_MAGIC, FW_VERSION, (uint32_t)next,
                             next ? NEXT_IS_S : 0, 0, 0};
    uint64_t at = virt_places[VIRT_MROM].base;
    return mem_map_load(&m->map, at, code, sizeof(code)) &&
           mem_map_load(&m->map, at + sizeof(code), data, sizeof(data));
}

/* a0 = hart, a1 = device tree, a2 = what firmware is to do next; then to the firmware. */
static bool load_reset_code(Machine *m, uint64_t entry, uint64_t fdt, uint64_t next)
{
    static const uint32_t code[] = {
        0x00000297, /* auipc t0, 0 */
        0x02828613, /* addi a2, t0, 40 */
        0xf1402573, /* csrr a0, mhartid */
        0x0202b583, /* ld a1, 32(t0) */
        0x0182b283, /* ld t0, 24(t0) */
        0x00028067, /* jr t0 */
    };
    const uint64_t data[] = {entry, fdt, FW_MAGIC, FW_VERSION, next, next ? NEXT_IS_S : 0, 0, 0};
    uint64_t at = virt_places[VIRT_MROM].base;
    return mem_map_load(&m->map, at, code, sizeof(code)) &&
           mem_map_load(&m->map, at + sizeof(code), data, sizeof(data));
}

/* Where the engine has firmware's calls itself: to the kernel, on the first hart at supervisor level. */
static bool load_supervisor_code(Machine *m, uint64_t entry, uint64_t fdt)
{
    static const uint32_t code[] = {
        0x00000297, /* auipc t0, 0 */
        0x00000513, /* li a0, 0 */
        0x0202b583, /* ld a1, 32(t0) */
        0x0182b283, /* ld t0, 24(t0) */
        0x00028067, /* jr t0 */
        0x00000013, /* nop */
    };
    const uint64_t data[] = {entry, fdt};
    uint64_t at = virt_places[VIRT_MROM].base;
    return mem_map_load(&m->map, at, code, sizeof(code)) &&
           mem_map_load(&m->map, at + sizeof(code), data, sizeof(data));
}

/* The bytes that a Linux kernel takes, which are more than its file has; 0: it is none. */
static uint64_t linux_bytes(const Image *kernel)
{
    enum { SIZE_AT = 16, MAGIC_AT = 0x38, HEADER = 64 };
    static const char magic[] = {'R', 'S', 'C', 5};
    uint64_t bytes;
    if (kernel->size < HEADER || memcmp(kernel->bytes + MAGIC_AT, magic, sizeof(magic)) != 0)
        return 0;
    memcpy(&bytes, kernel->bytes + SIZE_AT, sizeof(bytes));
    return bytes;
}

static bool load_kernel(Machine *m, uint64_t at, VirtBoot *boot, DevError *err)
{
    const Image *kernel = &m->cfg.kernel, *initrd = &m->cfg.initrd;
    const uint64_t base = virt_places[VIRT_DRAM].base, half = base + MIN(m->cfg.ram_bytes / 2, 512ull << 20);
    LoadedImage done = {0};
    if (!kernel->bytes)
        return true;
    if (!image_load(&m->map, kernel->bytes, kernel->size, m->board->target->elf_machine, at, &done, err))
        return image_blame(kernel->name, err);
    if (!done.elf && linux_bytes(kernel) > m->cfg.ram_bytes)
        return dev_fail(err, "the kernel says that it needs more memory than there is: %s", kernel->name);
    boot->next = done.entry;
    if (!initrd->bytes)
        return true;
    uint64_t end = MAX(done.end, at + (done.elf ? 0 : linux_bytes(kernel)));
    boot->initrd_start = align_up(MAX(end, half), 4096);
    boot->initrd_end = boot->initrd_start + initrd->size;
    return mem_map_load(&m->map, boot->initrd_start, initrd->bytes, initrd->size) ||
           dev_fail(err, "the initial file system of %lu MiB does not fit into memory: %s",
                    (unsigned long)(initrd->size >> 20), initrd->name);
}

static bool load_fdt(Machine *m, VirtBoot *boot, DevError *err)
{
    enum { ROOM = 1 << 20 };
    const uint64_t top = virt_places[VIRT_DRAM].base + MIN(m->cfg.ram_bytes, 3ull << 30);
    free(m->fdt);
    m->fdt = NULL;
    const Image *dtb = &m->cfg.dtb;
    if (dtb->bytes && !image_check_fdt(dtb->bytes, dtb->size, err))
        return image_blame(dtb->name, err);
    if (dtb->bytes) {
        m->fdt = malloc(dtb->size);
        m->fdt_bytes = dtb->size;
        if (m->fdt)
            memcpy(m->fdt, dtb->bytes, dtb->size);
    } else {
        m->fdt = malloc(ROOM);
        m->fdt_bytes = m->fdt ? riscv_virt_fdt(m, boot, m->fdt, ROOM) : 0;
    }
    if (!m->fdt || !m->fdt_bytes)
        return dev_fail(err, "no memory for the device tree");
    boot->fdt = align_down(top - m->fdt_bytes, ALIGN_2M);
    return mem_map_load(&m->map, boot->fdt, m->fdt, m->fdt_bytes) ||
           dev_fail(err, "the device tree does not fit into memory");
}

static bool virt_load(Machine *m, DevError *err)
{
    const uint64_t base = virt_places[VIRT_DRAM].base;
    const Image *fw = &m->cfg.firmware;
    LoadedImage done = {.entry = base, .end = base};
    VirtBoot boot = {0};
    const RiscvVirt *v = m->board_data;
    const uint64_t flash = cfi_flash_has_image(v->flash[0]) ? virt_places[VIRT_FLASH].base : 0;
    if (fw->bytes && accel_is_native(m->accel))
        return dev_fail(err, "%s: KVM has what firmware of machine level does; -bios none", fw->name);
    if (fw->bytes &&
        !image_load(&m->map, fw->bytes, fw->size, m->board->target->elf_machine, base, &done, err))
        return image_blame(fw->name, err);
    /* Firmware in flash comes after that in memory, or instead of it, and starts the kernel itself. */
    boot.next = fw->bytes ? flash : 0;
    uint64_t kernel_at = fw->bytes ? align_up(done.end, virt_is_32(m) ? ALIGN_4M : ALIGN_2M) : base;
    if ((!flash && !load_kernel(m, kernel_at, &boot, err)) || !load_fdt(m, &boot, err) ||
        !machine_fill_fw_cfg(m, v->fw_cfg, flash != 0, err))
        return false;
    uint64_t entry = fw->bytes ? done.entry : flash ? flash : boot.next ? boot.next : base;
    bool ok = accel_is_native(m->accel) ? load_supervisor_code(m, entry, boot.fdt)
              : virt_is_32(m) ? load_reset_code_32(m, entry, boot.fdt, boot.next)
                            : load_reset_code(m, entry, boot.fdt, boot.next);
    return ok || dev_fail(err, "no boot ROM");
}

static void virt_clear(Machine *m)
{
    RiscvVirt *v = m->board_data;
    if (!v)
        return;
    ram_block_clear(&v->dram);
    ram_block_clear(&v->rom);
    free(v);
}

static const BoardOption options[] = {
    {"aia", "none|aplic|aplic-imsic", "advanced interrupt architecture instead of a PLIC"},
    {"aia-guests", NULL, "interrupt files for virtual machines, each hart: 0 to 7"},
};

const BoardClass riscv_virt_board = {
    .name = "virt", .isa = "riscv64", .help = "RISC-V board of virtual devices",
    .target = &target_riscv64_sys,
    .options = options, .n_options = ARRAY_SIZE(options),
    .default_ram = 128 << 20, .serials = 1, .build = virt_build, .load = virt_load, .clear = virt_clear,
};

const BoardClass riscv32_virt_board = {
    .name = "virt", .isa = "riscv32", .help = "RISC-V board of virtual devices, 32 bits",
    .target = &target_riscv32_sys,
    .options = options, .n_options = ARRAY_SIZE(options),
    .default_ram = 128 << 20, .serials = 1, .build = virt_build, .load = virt_load, .clear = virt_clear,
};
