/* ACPI tables of the Arm `virt` board: what its device tree says, for firmware that wants them (ACPI 6.5;
 * IORT: DEN0049). */
#include "hw/machine/arm_virt.h"
#include "base/bits.h"

enum { SHARED = 32 }; /* the first shared interrupt's number */

static const ArmVirtPlace *at(ArmVirtPlaceId id)
{
    return &arm_virt_places[id];
}

/* ---- DSDT ---- */

/* Pin 3 of the GPIO is the power key: its event notifies the button. */
static void put_power_button(AcpiBuf *b)
{
    enum { PRESSED = 0x80 };
    size_t dev = aml_device(b, "GPO0");
    aml_name_str(b, "_HID", "ARMH0061");
    aml_name_int(b, "_UID", 0);
    aml_name(b, "_CRS");
    size_t crs = aml_resources(b);
    aml_memory32(b, (uint32_t)at(ARM_VIRT_GPIO)->base, (uint32_t)at(ARM_VIRT_GPIO)->bytes, true);
    aml_irq(b, SHARED + ARM_VIRT_IRQ_GPIO, AML_LEVEL_HIGH, false);
    aml_resources_end(b, crs);
    aml_name(b, "_AEI");
    crs = aml_resources(b);
    aml_gpio_int(b, AML_EDGE_HIGH, ARM_VIRT_KEY_PIN, "GPO0");
    aml_resources_end(b, crs);
    size_t method = aml_method(b, "_E03", 0, false);
    aml_op(b, AML_NOTIFY), aml_path(b, "\\_SB.PWRB"), aml_int(b, PRESSED);
    aml_end(b, method);
    aml_end(b, dev);
    dev = aml_device(b, "PWRB");
    aml_name_eisaid(b, "_HID", "PNP0C0C");
    aml_name_int(b, "_UID", 0);
    aml_end(b, dev);
}

static void put_virtio(AcpiBuf *b)
{
    for (unsigned k = 0; k < ARM_VIRT_N_VIRTIO; k++) {
        const char name[] = {'V', 'R', (char)('0' + k / 10), (char)('0' + k % 10), 0};
        const ArmVirtPlace *p = at(ARM_VIRT_VIRTIO);
        acpi_device(b, name, "LNRO0005", k, p->base + k * p->bytes, (uint32_t)p->bytes,
                    SHARED + ARM_VIRT_IRQ_VIRTIO + k, AML_EDGE_HIGH);
    }
}

static void put_place(AcpiBuf *b, const char *name, const char *hid, unsigned uid, ArmVirtPlaceId id,
                      unsigned irq)
{
    acpi_device(b, name, hid, uid, at(id)->base, (uint32_t)at(id)->bytes, irq ? SHARED + irq : 0,
                AML_LEVEL_HIGH);
}

static size_t put_dsdt(AcpiTables *t, const Machine *m)
{
    AcpiBuf *b = &t->tables;
    const ArmVirtPlace *flash = at(ARM_VIRT_FLASH);
    size_t table = acpi_table(t, "DSDT", 2, false), scope = aml_scope(b, "\\_SB");
    acpi_cpus(b, m->cfg.cpus);
    put_place(b, "COM0", "ARMH0011", 0, ARM_VIRT_UART, ARM_VIRT_IRQ_UART);
    if (m->cfg.serial1)
        put_place(b, "COM1", "ARMH0011", 1, ARM_VIRT_UART1, ARM_VIRT_IRQ_UART1);
    put_place(b, "FWCF", "QEMU0002", 0, ARM_VIRT_FW_CFG, 0);
    for (unsigned k = 0; k < 2; k++)
        acpi_device(b, k ? "FLS1" : "FLS0", "LNRO0015", k, flash->base + k * flash->bytes,
                    (uint32_t)flash->bytes, 0, AML_LEVEL_HIGH);
    put_virtio(b);
    acpi_pcie(b, &(AcpiPcie){.ecam = at(ARM_VIRT_PCIE_ECAM)->base,
                             .ecam_bytes = at(ARM_VIRT_PCIE_ECAM)->bytes,
                             .low = at(ARM_VIRT_PCIE_LOW)->base,
                             .low_bytes = at(ARM_VIRT_PCIE_LOW)->bytes,
                             .high = at(ARM_VIRT_PCIE_HIGH)->base,
                             .high_bytes = at(ARM_VIRT_PCIE_HIGH)->bytes,
                             .io = at(ARM_VIRT_PCIE_IO)->base,
                             .io_bytes = at(ARM_VIRT_PCIE_IO)->bytes,
                             .gsi = SHARED + ARM_VIRT_IRQ_PCIE});
    put_power_button(b);
    aml_end(b, scope);
    acpi_table_end(t, table);
    return table;
}

/* ---- interrupts and timers ---- */

static void put_gicc(AcpiBuf *b, const ArmVirt *v, unsigned cpu)
{
    enum { GICC = 11, BYTES = 80, ENABLED = 1 };
    bool v2 = v->gic_version == 2;
    acpi_put(b, GICC | BYTES << 8, 4);
    acpi_put(b, cpu, 4); /* interface, processor */
    acpi_put(b, cpu, 4);
    acpi_put(b, ENABLED, 4);
    acpi_put(b, 0, 4);
    acpi_put(b, ARM_VIRT_PPI_PMU, 4);
    acpi_put(b, 0, 8);
    acpi_put(b, v2 ? at(ARM_VIRT_GIC_CPU)->base : 0, 8);
    acpi_put(b, v2 && v->el2 ? at(ARM_VIRT_GIC_VCPU)->base : 0, 8);
    acpi_put(b, v2 && v->el2 ? at(ARM_VIRT_GIC_HYP)->base : 0, 8);
    acpi_put(b, v->el2 ? ARM_VIRT_PPI_MAINTENANCE : 0, 4);
    acpi_put(b, 0, 8);   /* redistributors have an entry of their own */
    acpi_put(b, cpu, 8); /* MPIDR */
    acpi_put(b, 0, 4);
}

static void put_madt(AcpiTables *t, const Machine *m, const ArmVirt *v)
{
    enum {
        GICD = 12 | 24 << 8,
        MSI_FRAME = 13 | 24 << 8,
        GICR = 14 | 16 << 8,
        ITS = 15 | 20 << 8,
        SPI_RANGE = 1
    };
    AcpiBuf *b = &t->tables;
    size_t table = acpi_table(t, "APIC", 4, true);
    acpi_put(b, 0, 8);
    acpi_put(b, GICD, 4);
    acpi_put(b, 0, 4);
    acpi_put(b, at(ARM_VIRT_GIC_DIST)->base, 8);
    acpi_put(b, 0, 4);
    acpi_put(b, v->gic_version, 4);
    for (unsigned k = 0; k < m->cfg.cpus; k++)
        put_gicc(b, v, k);
    if (v->gic_version == 3) {
        acpi_put(b, GICR, 4);
        acpi_put(b, at(ARM_VIRT_REDIST)->base, 8);
        acpi_put(b, at(ARM_VIRT_REDIST)->bytes, 4);
    }
    if (v->its) {
        acpi_put(b, ITS, 4);
        acpi_put(b, 0, 4);
        acpi_put(b, at(ARM_VIRT_ITS)->base, 8);
        acpi_put(b, 0, 4);
    }
    if (v->frame) {
        acpi_put(b, MSI_FRAME, 4);
        acpi_put(b, 0, 4);
        acpi_put(b, at(ARM_VIRT_V2M)->base, 8);
        acpi_put(b, SPI_RANGE, 4);
        acpi_put(b, ARM_VIRT_N_V2M, 2);
        acpi_put(b, SHARED + ARM_VIRT_IRQ_V2M, 2);
    }
    acpi_table_end(t, table);
}

static void put_gtdt(AcpiTables *t, const ArmVirt *v)
{
    enum { ALWAYS_ON = 4 }; /* level, active high */
    const uint8_t timers[] = {ARM_VIRT_PPI_SECURE, ARM_VIRT_PPI_PHYS, ARM_VIRT_PPI_VIRT, ARM_VIRT_PPI_HYP};
    AcpiBuf *b = &t->tables;
    size_t table = acpi_table(t, "GTDT", 3, true);
    acpi_put(b, ~0ull, 8); /* no counter in memory */
    acpi_put(b, 0, 4);
    for (unsigned k = 0; k < ARRAY_SIZE(timers); k++) {
        acpi_put(b, timers[k], 4);
        acpi_put(b, ALWAYS_ON, 4);
    }
    acpi_put(b, ~0ull, 8);
    acpi_put(b, 0, 8); /* no timers of the platform */
    acpi_put(b, v->el2 ? ARM_VIRT_PPI_HYPVIRT : 0, 4);
    acpi_put(b, v->el2 ? ALWAYS_ON : 0, 4);
    acpi_table_end(t, table);
}

/* PCI's requester ids are the ITS's device ids. */
static void put_iort(AcpiTables *t)
{
    enum {
        NODES_AT = 48,
        GROUP_BYTES = 24,
        ROOT_BYTES = 56,
        ROOT_MAP_AT = 36,
        COHERENT = 1,
        MEMORY_FLAGS = 3
    };
    AcpiBuf *b = &t->tables;
    size_t table = acpi_table(t, "IORT", 3, true);
    acpi_put(b, 2, 4);
    acpi_put(b, NODES_AT, 4);
    acpi_put(b, 0, 4);
    acpi_put(b, GROUP_BYTES << 8, 3); /* an ITS group */
    acpi_put(b, 1, 1);
    acpi_put(b, 0, 4); /* its identifier */
    acpi_put(b, 0, 8);
    acpi_put(b, 1, 4);
    acpi_put(b, 0, 4);                         /* of ITS 0 */
    acpi_put(b, 2 | (ROOT_BYTES + 0) << 8, 3); /* a root complex */
    acpi_put(b, 3, 1);
    acpi_put(b, 1, 4);
    acpi_put(b, 1, 4); /* one range */
    acpi_put(b, ROOT_MAP_AT, 4);
    acpi_put(b, COHERENT, 4);
    acpi_put(b, 0, 3);
    acpi_put(b, MEMORY_FLAGS, 1);
    acpi_put(b, 0, 4);  /* no ATS */
    acpi_put(b, 0, 4);  /* segment */
    acpi_put(b, 64, 4); /* bits of addresses, and nothing more */
    acpi_put(b, 0, 4);  /* from id 0 */
    acpi_put(b, 0xffff, 4);
    acpi_put(b, 0, 4);
    acpi_put(b, NODES_AT, 4);
    acpi_put(b, 0, 4);
    acpi_table_end(t, table);
}

bool arm_virt_acpi(const Machine *m, AcpiTables *t)
{
    enum { PSCI = 1, BY_HVC = 2, GIC = 8 };
    const ArmVirt *v = m->board_data;
    const AcpiUart uart = {.kind = ACPI_UART_PL011,
                           .irq_kind = GIC,
                           .base = at(ARM_VIRT_UART)->base,
                           .bytes = (uint32_t)at(ARM_VIRT_UART)->bytes,
                           .gsi = SHARED + ARM_VIRT_IRQ_UART,
                           .access_bits = 32,
                           .path = "\\_SB.COM0"};
    acpi_begin(t);
    size_t dsdt = put_dsdt(t, m);
    acpi_fadt_reduced(t, &(AcpiFadt){.arm_flags = PSCI | (v->el2 ? 0 : BY_HVC)}, dsdt);
    put_madt(t, m, v);
    acpi_pptt(t, m->cfg.cpus);
    put_gtdt(t, v);
    acpi_mcfg(t, at(ARM_VIRT_PCIE_ECAM)->base, 255);
    acpi_spcr(t, &uart);
    acpi_dbg2(t, &uart);
    if (v->its)
        put_iort(t);
    return acpi_finish(t, false);
}
