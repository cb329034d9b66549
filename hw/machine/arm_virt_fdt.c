/* The device tree of the Arm `virt` board, as stock firmware and Linux bind to it (devicetree specification
 * 0.4, and the bindings named by the compatible strings). */
#include "hw/machine/arm_virt.h"
#include "base/sys.h"
#include "hw/machine/fdt_tree.h"

enum { PHANDLE_GIC = 1, PHANDLE_CLOCK, PHANDLE_GPIO, PHANDLE_MSI };
enum { SPI = 0, PPI = 1, EDGE = 1, HIGH = 4, KEY_POWER = 116 };

static void device(FdtTree *t, const char *name, ArmVirtPlaceId at)
{
    fdt_tree_begin_at(t, name, arm_virt_places[at].base);
    fdt_tree_reg(t, arm_virt_places[at].base, arm_virt_places[at].bytes);
}

static void interrupt(FdtTree *t, unsigned n, unsigned how)
{
    FDT_CELLS(t, "interrupts", SPI, n, how);
}

static void psci(FdtTree *t, const ArmVirt *v)
{
    fdt_tree_begin(t, "psci");
    FDT_TEXTS(t, "compatible", "arm,psci-1.0\0arm,psci-0.2\0arm,psci");
    fdt_tree_text(t, "method", v->el2 ? "smc" : "hvc");
    const uint32_t calls = v->a32 ? 0x84000000 : 0xc4000000;
    fdt_tree_number(t, "cpu_suspend", calls + 1);
    fdt_tree_number(t, "cpu_off", 0x84000002);
    fdt_tree_number(t, "cpu_on", calls + 3);
    fdt_tree_number(t, "migrate", calls + 5);
    fdt_tree_end(t);
}

static void cpus(FdtTree *t, const Machine *m)
{
    const ArmVirt *v = m->board_data;
    char compatible[48];
    Fmt f = FMT_ON(compatible);
    fmt_printf(&f, "arm,%s", accel_is_native(m->accel) ? "armv8" : v->model); /* whatever the host's is */
    fdt_tree_begin(t, "cpus");
    fdt_tree_number(t, "#address-cells", 1);
    fdt_tree_number(t, "#size-cells", 0);
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        fdt_tree_begin_at(t, "cpu", k);
        fdt_tree_text(t, "device_type", "cpu");
        fdt_tree_text(t, "compatible", compatible);
        fdt_tree_number(t, "reg", k);
        if (m->cfg.cpus > 1)
            fdt_tree_text(t, "enable-method", "psci");
        fdt_tree_end(t);
    }
    fdt_tree_end(t);
}

static void timer(FdtTree *t, const Machine *m)
{
    const ArmVirt *v = m->board_data;
    uint32_t how = HIGH | (v->gic_version == 2 ? ((1u << m->cfg.cpus) - 1) << 8 : 0);
    fdt_tree_begin(t, "timer");
    if (v->a32)
        fdt_tree_text(t, "compatible", "arm,armv7-timer");
    else
        FDT_TEXTS(t, "compatible", "arm,armv8-timer\0arm,armv7-timer");
    fdt_tree_empty(t, "always-on");
    if (v->el2)
        FDT_CELLS(t, "interrupts", PPI, ARM_VIRT_PPI_SECURE - 16, how, PPI, ARM_VIRT_PPI_PHYS - 16, how, PPI,
                  ARM_VIRT_PPI_VIRT - 16, how, PPI, ARM_VIRT_PPI_HYP - 16, how, PPI,
                  ARM_VIRT_PPI_HYPVIRT - 16, how);
    else
        FDT_CELLS(t, "interrupts", PPI, ARM_VIRT_PPI_SECURE - 16, how, PPI, ARM_VIRT_PPI_PHYS - 16, how, PPI,
                  ARM_VIRT_PPI_VIRT - 16, how, PPI, ARM_VIRT_PPI_HYP - 16, how);
    fdt_tree_end(t);
}

static void monitor(FdtTree *t, const Machine *m)
{
    const ArmVirt *v = m->board_data;
    if (v->a32 || accel_is_native(m->accel)) /* KVM's has none */
        return;
    fdt_tree_begin(t, "pmu");
    fdt_tree_text(t, "compatible", "arm,armv8-pmuv3");
    FDT_CELLS(t, "interrupts", PPI, ARM_VIRT_PPI_PMU - 16,
              HIGH | (v->gic_version == 2 ? ((1u << m->cfg.cpus) - 1) << 8 : 0));
    fdt_tree_end(t);
}

/* What takes messages, inside of the controller's node. */
static void msi_controller(FdtTree *t, const ArmVirt *v)
{
    if (!v->frame && !v->its)
        return;
    device(t, v->frame ? "v2m" : "its", v->frame ? ARM_VIRT_V2M : ARM_VIRT_ITS);
    fdt_tree_text(t, "compatible", v->frame ? "arm,gic-v2m-frame" : "arm,gic-v3-its");
    fdt_tree_empty(t, "msi-controller");
    if (v->its)
        fdt_tree_number(t, "#msi-cells", 1);
    fdt_tree_number(t, "phandle", PHANDLE_MSI);
    fdt_tree_end(t);
}

static void interrupt_controller(FdtTree *t, const ArmVirt *v)
{
    const bool v3 = v->gic_version == 3;
    const ArmVirtPlace *dist = &arm_virt_places[ARM_VIRT_GIC_DIST],
                       *cpu = &arm_virt_places[v3 ? ARM_VIRT_REDIST : ARM_VIRT_GIC_CPU];
    fdt_tree_begin_at(t, "intc", dist->base);
    fdt_tree_text(t, "compatible", v3 ? "arm,gic-v3" : "arm,cortex-a15-gic");
    fdt_tree_number(t, "#interrupt-cells", 3);
    fdt_tree_empty(t, "interrupt-controller");
    fdt_tree_number(t, "#address-cells", 2);
    fdt_tree_number(t, "#size-cells", 2);
    fdt_tree_empty(t, "ranges");
    if (v3)
        fdt_tree_number(t, "#redistributor-regions", 1);
    if (v->el2 && !v3) {
        const ArmVirtPlace *hyp = &arm_virt_places[ARM_VIRT_GIC_HYP],
                           *vcpu = &arm_virt_places[ARM_VIRT_GIC_VCPU];
        FDT_CELLS(t, "reg", FDT_64(dist->base), FDT_64(dist->bytes), FDT_64(cpu->base), FDT_64(cpu->bytes),
                  FDT_64(hyp->base), FDT_64(hyp->bytes), FDT_64(vcpu->base), FDT_64(vcpu->bytes));
    } else {
        FDT_CELLS(t, "reg", FDT_64(dist->base), FDT_64(dist->bytes), FDT_64(cpu->base), FDT_64(cpu->bytes));
    }
    if (v->el2)
        FDT_CELLS(t, "interrupts", PPI, ARM_VIRT_PPI_MAINTENANCE - 16, HIGH);
    fdt_tree_number(t, "phandle", PHANDLE_GIC);
    msi_controller(t, v);
    fdt_tree_end(t);
}

static void clocked(FdtTree *t, const char *names, unsigned bytes, unsigned n)
{
    const uint32_t clocks[2] = {PHANDLE_CLOCK, PHANDLE_CLOCK};
    fdt_tree_cells(t, "clocks", clocks, n);
    fdt_tree_bytes(t, "clock-names", names, bytes);
}
#define CLOCKED(t, names, n) clocked(t, names, sizeof(names), n)

static void serial(FdtTree *t, ArmVirtPlaceId place, unsigned irq)
{
    device(t, "pl011", place);
    FDT_TEXTS(t, "compatible", "arm,pl011\0arm,primecell");
    interrupt(t, irq, HIGH);
    CLOCKED(t, "uartclk\0apb_pclk", 2);
    fdt_tree_end(t);
}

/* Two ports: which is the first. */
static void serials(FdtTree *t, const Machine *m)
{
    serial(t, ARM_VIRT_UART, ARM_VIRT_IRQ_UART);
    if (!m->cfg.serial1)
        return;
    serial(t, ARM_VIRT_UART1, ARM_VIRT_IRQ_UART1);
    fdt_tree_begin(t, "aliases");
    fdt_tree_text(t, "serial0", "/pl011@9000000");
    fdt_tree_text(t, "serial1", "/pl011@9040000");
    fdt_tree_end(t);
}

static void primecells(FdtTree *t, const Machine *m)
{
    fdt_tree_begin(t, "apb-pclk");
    fdt_tree_text(t, "compatible", "fixed-clock");
    fdt_tree_number(t, "#clock-cells", 0);
    fdt_tree_number(t, "clock-frequency", ARM_VIRT_CLOCK_HZ);
    fdt_tree_text(t, "clock-output-names", "clk24mhz");
    fdt_tree_number(t, "phandle", PHANDLE_CLOCK);
    fdt_tree_end(t);
    serials(t, m);
    device(t, "pl031", ARM_VIRT_RTC);
    FDT_TEXTS(t, "compatible", "arm,pl031\0arm,primecell");
    interrupt(t, ARM_VIRT_IRQ_RTC, HIGH);
    CLOCKED(t, "apb_pclk", 1);
    fdt_tree_end(t);
    device(t, "pl061", ARM_VIRT_GPIO);
    FDT_TEXTS(t, "compatible", "arm,pl061\0arm,primecell");
    fdt_tree_number(t, "#gpio-cells", 2);
    fdt_tree_empty(t, "gpio-controller");
    interrupt(t, ARM_VIRT_IRQ_GPIO, HIGH);
    CLOCKED(t, "apb_pclk", 1);
    fdt_tree_number(t, "phandle", PHANDLE_GPIO);
    fdt_tree_end(t);
    fdt_tree_begin(t, "gpio-keys");
    fdt_tree_text(t, "compatible", "gpio-keys");
    fdt_tree_begin(t, "poweroff");
    fdt_tree_text(t, "label", "GPIO Key Poweroff");
    fdt_tree_number(t, "linux,code", KEY_POWER);
    FDT_CELLS(t, "gpios", PHANDLE_GPIO, ARM_VIRT_KEY_PIN, 0);
    fdt_tree_end(t);
    fdt_tree_end(t);
}

/* The lowest address stands first: kernels number devices in this order. */
static void virtio(FdtTree *t)
{
    for (unsigned k = 0; k < ARM_VIRT_N_VIRTIO; k++) {
        uint64_t bytes = arm_virt_places[ARM_VIRT_VIRTIO].bytes,
                 base = arm_virt_places[ARM_VIRT_VIRTIO].base + k * bytes;
        fdt_tree_begin_at(t, "virtio_mmio", base);
        fdt_tree_text(t, "compatible", "virtio,mmio");
        fdt_tree_reg(t, base, bytes);
        interrupt(t, ARM_VIRT_IRQ_VIRTIO + k, EDGE);
        fdt_tree_empty(t, "dma-coherent");
        fdt_tree_end(t);
    }
}

static void flash(FdtTree *t)
{
    const ArmVirtPlace *at = &arm_virt_places[ARM_VIRT_FLASH];
    fdt_tree_begin_at(t, "flash", at->base);
    fdt_tree_text(t, "compatible", "cfi-flash");
    FDT_CELLS(t, "reg", FDT_64(at->base), FDT_64(at->bytes), FDT_64(at->base + at->bytes), FDT_64(at->bytes));
    fdt_tree_number(t, "bank-width", 4);
    fdt_tree_end(t);
    device(t, "fw-cfg", ARM_VIRT_FW_CFG);
    fdt_tree_text(t, "compatible", "qemu,fw-cfg-mmio");
    fdt_tree_empty(t, "dma-coherent");
    fdt_tree_end(t);
}

/* The generic host bridge: windows, and which interrupt each slot's pins come out at. */
static FdtWindow window(ArmVirtPlaceId at)
{
    return (FdtWindow){arm_virt_places[at].base, arm_virt_places[at].bytes};
}

static void pcie(FdtTree *t, const ArmVirt *v)
{
    enum { SLOTS = 4, PINS = 4, CELL = 10 };
    uint32_t map[SLOTS * PINS * CELL] = {0};
    fdt_tree_begin_at(t, "pcie", arm_virt_places[ARM_VIRT_PCIE_LOW].base);
    fdt_tree_pci_root(t, window(ARM_VIRT_PCIE_ECAM), window(ARM_VIRT_PCIE_IO), window(ARM_VIRT_PCIE_LOW),
                      window(ARM_VIRT_PCIE_HIGH));
    for (unsigned k = 0; k < SLOTS * PINS; k++) {
        unsigned slot = k / PINS, pin = k % PINS;
        const uint32_t row[CELL] = {
            slot << 11, 0, 0, pin + 1, PHANDLE_GIC, 0, 0, SPI, ARM_VIRT_IRQ_PCIE + (slot + pin) % PINS, HIGH};
        memcpy(&map[k * CELL], row, sizeof(row));
    }
    fdt_tree_cells(t, "interrupt-map", map, SLOTS * PINS * CELL);
    FDT_CELLS(t, "interrupt-map-mask", 3 << 11, 0, 0, 7);
    if (v->msi.send)
        FDT_CELLS(t, "msi-map", 0, PHANDLE_MSI, 0, 0x10000);
    fdt_tree_end(t);
}

static void chosen(FdtTree *t, const Machine *m, const ArmVirtBoot *boot)
{
    uint8_t seed[32];
    fdt_tree_begin(t, "chosen");
    fdt_tree_text(t, "stdout-path", "/pl011@9000000");
    if (m->cfg.append)
        fdt_tree_text(t, "bootargs", m->cfg.append);
    if (boot->initrd_end) {
        fdt_tree_number64(t, "linux,initrd-start", boot->initrd_start);
        fdt_tree_number64(t, "linux,initrd-end", boot->initrd_end);
    }
    if (sys_call3(SYS_getrandom, seed, sizeof(seed), 0) == sizeof(seed)) {
        fdt_tree_bytes(t, "rng-seed", seed, sizeof(seed));
        fdt_tree_bytes(t, "kaslr-seed", seed, 8);
    }
    fdt_tree_end(t);
}

size_t arm_virt_fdt(const Machine *m, const ArmVirtBoot *boot, uint8_t *to, size_t room)
{
    FdtTree t;
    fdt_tree_start(&t, to, room);
    fdt_tree_begin(&t, "");
    fdt_tree_text(&t, "compatible", "linux,dummy-virt");
    fdt_tree_text(&t, "model", "linux,dummy-virt");
    fdt_tree_number(&t, "#address-cells", 2);
    fdt_tree_number(&t, "#size-cells", 2);
    fdt_tree_number(&t, "interrupt-parent", PHANDLE_GIC);
    psci(&t, m->board_data);
    fdt_tree_begin_at(&t, "memory", arm_virt_places[ARM_VIRT_RAM].base);
    fdt_tree_text(&t, "device_type", "memory");
    fdt_tree_reg(&t, arm_virt_places[ARM_VIRT_RAM].base, m->cfg.ram_bytes);
    fdt_tree_end(&t);
    cpus(&t, m);
    timer(&t, m);
    monitor(&t, m);
    interrupt_controller(&t, m->board_data);
    primecells(&t, m);
    flash(&t);
    pcie(&t, m->board_data);
    virtio(&t);
    chosen(&t, m, boot);
    fdt_tree_end(&t);
    return fdt_tree_finish(&t);
}
