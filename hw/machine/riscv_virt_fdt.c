/* The device tree of the RISC-V `virt` board, as stock firmware and Linux bind to it (devicetree
 * specification 0.4, and the bindings named by the compatible strings). */
#include "hw/machine/riscv_virt.h"
#include "base/sys.h"
#include "hw/intc/riscv_clint.h"
#include "hw/intc/riscv_imsic.h"
#include "hw/machine/fdt_tree.h"
#include "target/mem.h"

#include <stdlib.h>

enum {
    PHANDLE_TEST = 1,
    PHANDLE_PLIC /* or APLIC of supervisor level */,
    PHANDLE_APLIC_M,
    PHANDLE_IMSIC_M,
    PHANDLE_IMSIC_S,
    PHANDLE_CPU_INTC /* + hart */,
    IRQ_SOFT = 3,
    IRQ_TIMER = 7,
    IRQ_M_EXT = 11,
    IRQ_S_EXT = 9
};

static void device(FdtTree *t, const char *name, VirtPlaceId at)
{
    fdt_tree_begin_at(t, name, virt_places[at].base);
    fdt_tree_reg(t, virt_places[at].base, virt_places[at].bytes);
}

static bool has_aplic(const Machine *m)
{
    return ((const RiscvVirt *)m->board_data)->aplic != NULL;
}

static void from_plic(FdtTree *t, const Machine *m, unsigned source)
{
    enum { HIGH = 4 };
    if (has_aplic(m))
        FDT_CELLS(t, "interrupts", source, HIGH);
    else
        fdt_tree_number(t, "interrupts", source);
    fdt_tree_number(t, "interrupt-parent", PHANDLE_PLIC);
}

/* The names of what a hart has: single letters first, then _name; and as a list. */
static void extensions(FdtTree *t, const Machine *m, unsigned hart)
{
    enum { CACHE_BLOCK = 64 };
    const TargetSys *sys = m->board->target->sys;
    char isa[512], list[512];
    size_t used = 0;
    const char *name;
    Fmt f = FMT_ON(isa);
    bool rv32 = virt_is_32(m);
    fmt_puts(&f, rv32 ? "rv32" : "rv64");
    for (unsigned n = 0; sys->extension(m->cpu[hart], n, &name); n++) {
        size_t len = strlen(name) + 1;
        fmt_printf(&f, "%s%s", len > 2 ? "_" : "", name);
        if (used + len <= sizeof(list))
            memcpy(list + used, name, len);
        used += len;
        if (strncmp(name, "zicbo", 5) == 0) {
            char block[] = "riscv,cbo?-block-size";
            block[9] = name[5];
            fdt_tree_number(t, block, CACHE_BLOCK);
        }
    }
    fdt_tree_text(t, "riscv,isa", isa);
    fdt_tree_text(t, "riscv,isa-base", rv32 ? "rv32i" : "rv64i");
    fdt_tree_note(t, used <= sizeof(list) ? fdt_property(t->fdt, "riscv,isa-extensions", list, (int)used)
                                          : -FDT_ERR_NOSPACE);
    fdt_tree_text(t, "mmu-type", rv32 ? "riscv,sv32" : "riscv,sv57");
}

static void cpus(FdtTree *t, const Machine *m)
{
    fdt_tree_begin(t, "cpus");
    fdt_tree_number(t, "#address-cells", 1);
    fdt_tree_number(t, "#size-cells", 0);
    const uint64_t hz = accel_time_hz(m->accel);
    fdt_tree_number(t, "timebase-frequency", hz ? (uint32_t)hz : CLINT_HZ);
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        fdt_tree_begin_at(t, "cpu", k);
        fdt_tree_text(t, "device_type", "cpu");
        fdt_tree_number(t, "reg", k);
        fdt_tree_text(t, "status", "okay");
        fdt_tree_text(t, "compatible", "riscv");
        extensions(t, m, k);
        fdt_tree_begin(t, "interrupt-controller");
        fdt_tree_number(t, "#interrupt-cells", 1);
        fdt_tree_empty(t, "interrupt-controller");
        fdt_tree_text(t, "compatible", "riscv,cpu-intc");
        fdt_tree_number(t, "phandle", PHANDLE_CPU_INTC + k);
        fdt_tree_end(t);
        fdt_tree_end(t);
    }
    fdt_tree_end(t);
}

/* Pairs of {hart's controller, line}, two a hart. */
static void to_harts(FdtTree *t, const Machine *m, uint32_t first, uint32_t second)
{
    uint32_t v[4 * MACHINE_MAX_CPUS];
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        v[4 * k] = v[4 * k + 2] = PHANDLE_CPU_INTC + k;
        v[4 * k + 1] = first;
        v[4 * k + 3] = second;
    }
    fdt_tree_cells(t, "interrupts-extended", v, 4 * m->cfg.cpus);
}

static void plic(FdtTree *t, const Machine *m)
{
    device(t, "plic", VIRT_PLIC);
    FDT_TEXTS(t, "compatible", "sifive,plic-1.0.0\0riscv,plic0");
    fdt_tree_number(t, "#interrupt-cells", 1);
    fdt_tree_number(t, "#address-cells", 0);
    fdt_tree_empty(t, "interrupt-controller");
    fdt_tree_number(t, "riscv,ndev", VIRT_SOURCES);
    to_harts(t, m, IRQ_M_EXT, IRQ_S_EXT);
    fdt_tree_number(t, "phandle", PHANDLE_PLIC);
    fdt_tree_end(t);
}

/* One pair of {hart's controller, line} a hart. */
static void to_each_hart(FdtTree *t, const Machine *m, uint32_t line)
{
    uint32_t v[2 * MACHINE_MAX_CPUS];
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        v[2 * k] = PHANDLE_CPU_INTC + k;
        v[2 * k + 1] = line;
    }
    fdt_tree_cells(t, "interrupts-extended", v, 2 * m->cfg.cpus);
}

static void aplic(FdtTree *t, const Machine *m, bool supervisor)
{
    const RiscvVirt *v = m->board_data;
    device(t, "aplic", supervisor ? VIRT_APLIC_S : VIRT_APLIC_M);
    FDT_TEXTS(t, "compatible", "qemu,aplic\0riscv,aplic");
    fdt_tree_number(t, "#interrupt-cells", 2);
    fdt_tree_number(t, "#address-cells", 0);
    fdt_tree_empty(t, "interrupt-controller");
    if (v->imsic)
        fdt_tree_number(t, "msi-parent", supervisor ? PHANDLE_IMSIC_S : PHANDLE_IMSIC_M);
    else
        to_each_hart(t, m, supervisor ? IRQ_S_EXT : IRQ_M_EXT);
    fdt_tree_number(t, "riscv,num-sources", VIRT_SOURCES);
    if (!supervisor) {
        fdt_tree_number(t, "riscv,children", PHANDLE_PLIC);
        FDT_CELLS(t, "riscv,delegation", PHANDLE_PLIC, 1, VIRT_SOURCES);
        FDT_CELLS(t, "riscv,delegate", PHANDLE_PLIC, 1, VIRT_SOURCES);
    }
    fdt_tree_number(t, "phandle", supervisor ? PHANDLE_PLIC : PHANDLE_APLIC_M);
    fdt_tree_end(t);
}

static void imsics(FdtTree *t, const Machine *m, bool supervisor)
{
    const RiscvVirt *v = m->board_data;
    unsigned shift = supervisor ? riscv_imsic_shift(v->guests) : 0;
    uint64_t base = virt_places[supervisor ? VIRT_IMSIC_S : VIRT_IMSIC_M].base;
    fdt_tree_begin_at(t, "imsics", base);
    fdt_tree_reg(t, base, (uint64_t)m->cfg.cpus * IMSIC_PAGE << shift);
    FDT_TEXTS(t, "compatible", "qemu,imsics\0riscv,imsics");
    fdt_tree_number(t, "#interrupt-cells", 0);
    fdt_tree_number(t, "#msi-cells", 0);
    fdt_tree_empty(t, "interrupt-controller");
    fdt_tree_empty(t, "msi-controller");
    to_each_hart(t, m, supervisor ? IRQ_S_EXT : IRQ_M_EXT);
    fdt_tree_number(t, "riscv,num-ids", IMSIC_MAX_IDS);
    if (shift)
        fdt_tree_number(t, "riscv,guest-index-bits", shift);
    fdt_tree_number(t, "phandle", supervisor ? PHANDLE_IMSIC_S : PHANDLE_IMSIC_M);
    fdt_tree_end(t);
}

static void interrupt_controllers(FdtTree *t, const Machine *m)
{
    const RiscvVirt *v = m->board_data;
    if (!v->aplic)
        plic(t, m);
    for (unsigned supervisor = 0; v->aplic && supervisor < 2; supervisor++) {
        aplic(t, m, supervisor);
        if (v->imsic)
            imsics(t, m, supervisor);
    }
    device(t, "clint", VIRT_CLINT);
    FDT_TEXTS(t, "compatible", "sifive,clint0\0riscv,clint0");
    to_harts(t, m, IRQ_SOFT, IRQ_TIMER);
    fdt_tree_end(t);
}

/* The generic host bridge: windows, and which source each slot's pins come out at. */
static void pcie(FdtTree *t, const Machine *m)
{
    enum { SLOTS = 4, PINS = 4, CELL = 7, HIGH = 4 };
    const VirtPlace *io = &virt_places[VIRT_PCIE_IO], *low = &virt_places[VIRT_PCIE_LOW];
    const unsigned cell = has_aplic(m) ? CELL : CELL - 1;
    uint32_t map[SLOTS * PINS * CELL] = {0};
    fdt_tree_begin_at(t, "pci", virt_places[VIRT_PCIE_ECAM].base);
    fdt_tree_pci_root(t, (FdtWindow){virt_places[VIRT_PCIE_ECAM].base, virt_places[VIRT_PCIE_ECAM].bytes},
                      (FdtWindow){io->base, io->bytes}, (FdtWindow){low->base, low->bytes},
                      (FdtWindow){virt_pcie_high(m), virt_is_32(m) ? 4ull << 30 : VIRT_PCIE_HIGH_BYTES});
    for (unsigned k = 0; k < SLOTS * PINS; k++) {
        uint32_t *row = &map[k * cell];
        unsigned slot = k / PINS, pin = k % PINS;
        row[0] = slot << 11;
        row[3] = pin + 1;
        row[4] = PHANDLE_PLIC;
        row[5] = VIRT_IRQ_PCIE + (slot + pin) % PINS;
        if (cell == CELL)
            row[6] = HIGH;
    }
    fdt_tree_cells(t, "interrupt-map", map, SLOTS * PINS * cell);
    if (((const RiscvVirt *)m->board_data)->imsic)
        fdt_tree_number(t, "msi-parent", PHANDLE_IMSIC_S);
    FDT_CELLS(t, "interrupt-map-mask", 3 << 11, 0, 0, 7);
    fdt_tree_end(t);
}

static void soc(FdtTree *t, const Machine *m)
{
    fdt_tree_begin(t, "soc");
    fdt_tree_number(t, "#address-cells", 2);
    fdt_tree_number(t, "#size-cells", 2);
    fdt_tree_text(t, "compatible", "simple-bus");
    fdt_tree_empty(t, "ranges");
    device(t, "serial", VIRT_UART);
    fdt_tree_text(t, "compatible", "ns16550a");
    fdt_tree_number(t, "clock-frequency", VIRT_UART_HZ);
    from_plic(t, m, VIRT_IRQ_UART);
    fdt_tree_end(t);
    device(t, "rtc", VIRT_RTC);
    fdt_tree_text(t, "compatible", "google,goldfish-rtc");
    from_plic(t, m, VIRT_IRQ_RTC);
    fdt_tree_end(t);
    device(t, "test", VIRT_TEST);
    FDT_TEXTS(t, "compatible", "sifive,test1\0sifive,test0\0syscon");
    fdt_tree_number(t, "phandle", PHANDLE_TEST);
    fdt_tree_end(t);
    for (unsigned k = 0; k < VIRT_N_VIRTIO; k++) {
        uint64_t base = virt_places[VIRT_VIRTIO].base + k * virt_places[VIRT_VIRTIO].bytes;
        fdt_tree_begin_at(t, "virtio_mmio", base);
        fdt_tree_reg(t, base, virt_places[VIRT_VIRTIO].bytes);
        fdt_tree_text(t, "compatible", "virtio,mmio");
        from_plic(t, m, VIRT_IRQ_VIRTIO + k);
        fdt_tree_end(t);
    }
    pcie(t, m);
    interrupt_controllers(t, m);
    fdt_tree_end(t);
}

static void syscon(FdtTree *t, const char *name, const char *compatible, uint32_t value)
{
    fdt_tree_begin(t, name);
    fdt_tree_text(t, "compatible", compatible);
    fdt_tree_number(t, "regmap", PHANDLE_TEST);
    fdt_tree_number(t, "offset", 0);
    fdt_tree_number(t, "value", value);
    fdt_tree_end(t);
}

/* Without it a kernel's generator is not ready for minutes, and each random number costs it microseconds. */
static void seed(FdtTree *t)
{
    uint8_t bytes[32];
    if (sys_call3(SYS_getrandom, (long)bytes, sizeof(bytes), 0) == (long)sizeof(bytes))
        fdt_tree_bytes(t, "rng-seed", bytes, sizeof(bytes));
}

static void chosen(FdtTree *t, const Machine *m, const VirtBoot *boot)
{
    fdt_tree_begin(t, "chosen");
    fdt_tree_text(t, "stdout-path", "/soc/serial@10000000");
    seed(t);
    if (m->cfg.append)
        fdt_tree_text(t, "bootargs", m->cfg.append);
    if (boot->initrd_end) {
        fdt_tree_number64(t, "linux,initrd-start", boot->initrd_start);
        fdt_tree_number64(t, "linux,initrd-end", boot->initrd_end);
    }
    fdt_tree_end(t);
}

size_t riscv_virt_fdt(const Machine *m, const VirtBoot *boot, uint8_t *to, size_t room)
{
    FdtTree t;
    fdt_tree_start(&t, to, room);
    fdt_tree_begin(&t, "");
    fdt_tree_text(&t, "compatible", "riscv-virtio");
    fdt_tree_text(&t, "model", "riscv-virtio,qemu");
    fdt_tree_number(&t, "#address-cells", 2);
    fdt_tree_number(&t, "#size-cells", 2);
    fdt_tree_begin_at(&t, "memory", virt_places[VIRT_DRAM].base);
    fdt_tree_text(&t, "device_type", "memory");
    fdt_tree_reg(&t, virt_places[VIRT_DRAM].base, m->cfg.ram_bytes);
    fdt_tree_end(&t);
    cpus(&t, m);
    soc(&t, m);
    syscon(&t, "poweroff", "syscon-poweroff", 0x5555);
    syscon(&t, "reboot", "syscon-reboot", 0x7777);
    const VirtPlace *flash = &virt_places[VIRT_FLASH];
    device(&t, "fw-cfg", VIRT_FW_CFG);
    fdt_tree_text(&t, "compatible", "qemu,fw-cfg-mmio");
    fdt_tree_empty(&t, "dma-coherent");
    fdt_tree_end(&t);
    fdt_tree_begin_at(&t, "flash", flash->base);
    fdt_tree_text(&t, "compatible", "cfi-flash");
    FDT_CELLS(&t, "reg", 0, (uint32_t)flash->base, 0, (uint32_t)flash->bytes, 0,
              (uint32_t)(flash->base + flash->bytes), 0, (uint32_t)flash->bytes);
    fdt_tree_number(&t, "bank-width", 4);
    fdt_tree_end(&t);
    chosen(&t, m, boot);
    fdt_tree_end(&t);
    return fdt_tree_finish(&t);
}
