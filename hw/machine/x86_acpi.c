/* ACPI 6.5, chapters 5 and 6; HPET 1.0a, 3.2.4; WAET: Microsoft's page. Interrupts of PCI are those that
 * SeaBIOS routes to the 8259 pair (pc) and to the I/O APIC's inputs 16 to 23 (q35): there are no link devices
 * to change them. */
#include "hw/machine/x86_acpi.h"
#include "hw/intc/x86_ioapic.h"
#include "hw/isa/acpi_pm.h"
#include "hw/misc/acpi_ged.h"
#include "hw/pci/pci_hot_plug.h"

enum { HEADER = 36, SCI = X86_GSI_SCI, ECAM_BYTES = 256 << 20 };
#define HPET_BASE 0xfed00000ull

/* ---- tables ---- */

/* pci: inputs of PCI among those of ISA are levels. */
static void put_madt(AcpiTables *t, const X86Board *b, bool pci)
{
    enum {
        LAPIC = 0 | 8 << 8,
        IOAPIC = 1 | 12 << 8,
        OVERRIDE = 2 | 10 << 8,
        NMI = 4 | 6 << 8,
        PCAT = 1,
        LEVEL_HIGH = 0xd,
        ENABLED = 1
    };
    static const struct {
        uint8_t irq, gsi, flags;
    } overrides[] = {
        {0, 2, 0}, {5, 5, LEVEL_HIGH}, {9, 9, LEVEL_HIGH}, {10, 10, LEVEL_HIGH}, {11, 11, LEVEL_HIGH}};
    AcpiBuf *a = &t->tables;
    const size_t at = acpi_table(t, "APIC", 3, true);
    acpi_put(a, X86_LAPIC_BASE, 4);
    acpi_put(a, b->pic ? PCAT : 0, 4);
    for (unsigned k = 0; k < b->machine->cfg.cpus; k++) {
        acpi_put(a, LAPIC, 2);
        acpi_put(a, k | k << 8, 2); /* processor, APIC */
        acpi_put(a, ENABLED, 4);
    }
    for (unsigned k = 0; k < b->n_ioapics; k++) {
        acpi_put(a, IOAPIC, 2);
        acpi_put(a, k, 2);
        acpi_put(a, X86_IOAPIC_BASE + k * X86_IOAPIC_STRIDE, 4);
        acpi_put(a, k * X86_IOAPIC_INPUTS, 4);
    }
    for (unsigned k = 0; k < (pci ? ARRAY_SIZE(overrides) : 1); k++) {
        acpi_put(a, OVERRIDE, 2);
        acpi_put(a, (unsigned)overrides[k].irq << 8, 2);
        acpi_put(a, overrides[k].gsi, 4);
        acpi_put(a, overrides[k].flags, 2);
    }
    acpi_put(a, NMI, 2);
    acpi_put(a, 0xff | 1 << 24, 4); /* all processors, LINT1 */
    acpi_table_end(t, at);
}

static size_t put_facs(AcpiTables *t)
{
    enum { BYTES = 64, VERSION_AT = 32 };
    AcpiBuf *a = &t->tables;
    acpi_put_zeros(a, align_up(a->n, BYTES) - a->n);
    const size_t at = a->n;
    acpi_put_bytes(a, "FACS", 4);
    acpi_put(a, BYTES, 4);
    acpi_put_zeros(a, BYTES - 8);
    acpi_patch(a, at + VERSION_AT, 1, 1);
    return at;
}

static void put_fadt(AcpiTables *t, const X86AcpiPc *pc, size_t facs, size_t dsdt)
{
    enum {
        BYTES = 244,
        FACS_AT = 36,
        DSDT_AT = 40,
        RESET_AT = 116,
        DESKTOP = 1,
        HAS_8042 = 2,
        FLAGS = 1 | 4 | 0x20 | 0x400
    }; /* WBINVD, C1, no sleep button, reset; not: RTC's status is elsewhere, RTC wakes from S4 */
    const struct {
        uint16_t at, bytes;
        uint32_t value;
    } rows[] = {{45, 1, DESKTOP},
                {46, 2, SCI},
                {48, 4, 0xb2},
                {52, 1, pc->on},
                {53, 1, pc->off},
                {56, 4, pc->pm_base},
                {64, 4, pc->pm_base + 4},
                {76, 4, pc->pm_base + 8},
                {80, 4, pc->gpe0},
                {88, 1, 4},
                {89, 1, 2},
                {91, 1, 4},
                {92, 1, pc->gpe0_bytes},
                {96, 2, 0xfff},
                {98, 2, 0xfff},
                {108, 1, 0x32},
                {109, 2, pc->i8042 ? HAS_8042 : 0},
                {112, 4, FLAGS},
                {RESET_AT, 4, 1 | 8 << 8},
                {RESET_AT + 4, 4, 0xcf9},
                {128, 1, 0x0f}};
    AcpiBuf *a = &t->tables;
    const size_t at = acpi_table(t, "FACP", 3, true);
    acpi_put_zeros(a, BYTES - HEADER);
    for (unsigned k = 0; k < ARRAY_SIZE(rows); k++)
        acpi_patch(a, at + rows[k].at, rows[k].value, rows[k].bytes);
    acpi_pointer(t, at + FACS_AT, 4, facs);
    acpi_pointer(t, at + DSDT_AT, 4, dsdt);
    acpi_table_end(t, at);
}

static void put_hpet(AcpiTables *t)
{
    AcpiBuf *a = &t->tables;
    size_t at = acpi_table(t, "HPET", 1, true);
    acpi_put(a, 0x8086a201, 4);
    acpi_put_address(a, false, 0, HPET_BASE);
    acpi_put_zeros(a, 4);
    acpi_table_end(t, at);
    at = acpi_table(t, "WAET", 1, true);
    acpi_put(a, 2, 4); /* the timer of power management reads well at once */
    acpi_table_end(t, at);
}

/* ---- the name space ---- */

typedef struct IsaDevice {
    const char *name, *hid;
    unsigned uid;
    uint16_t port[2], bytes;
    uint16_t irq; /* 0: none */
} IsaDevice;

static void put_isa_device(AcpiBuf *a, const IsaDevice *d)
{
    enum { EISA_ID = 7 }; /* letters; longer ones are ACPI's own */
    const size_t dev = aml_device(a, d->name);
    if (strlen(d->hid) == EISA_ID)
        aml_name_eisaid(a, "_HID", d->hid);
    else
        aml_name_str(a, "_HID", d->hid);
    aml_name_int(a, "_UID", d->uid);
    aml_name(a, "_CRS");
    const size_t crs = aml_resources(a);
    for (unsigned k = 0; k < 2; k++)
        if (d->port[k])
            aml_ports(a, d->port[k], d->port[k], 1, d->bytes);
    if (d->irq)
        aml_irq_short(a, (uint16_t)(1u << d->irq));
    aml_resources_end(a, crs);
    aml_end(a, dev);
}

static void put_isa(AcpiBuf *a, const X86AcpiPc *pc)
{
    enum { KEYS = 1, MOUSE = 2 };
    static const IsaDevice devices[] = {
        {"RTC_", "PNP0B00", 0, {0x70}, 8, X86_GSI_RTC},
        {"KBD_", "PNP0303", 0, {0x60, 0x64}, 1, X86_GSI_KEYBOARD},
        {"MOU_", "PNP0F13", 0, {0}, 0, X86_GSI_MOUSE},
        {"COM1", "PNP0501", 1, {0x3f8}, 8, X86_GSI_SERIAL},
        {"COM2", "PNP0501", 2, {0x2f8}, 8, X86_GSI_SERIAL1},
    };
    const size_t isa = aml_device(a, "ISA_");
    aml_name_int(a, "_ADR", pc->isa_address);
    for (unsigned k = 0; k < ARRAY_SIZE(devices) - !pc->serial1; k++)
        if (pc->i8042 || k < KEYS || k > MOUSE)
            put_isa_device(a, &devices[k]);
    if (pc->panic) {
        const IsaDevice panic = {"PEVT", "QEMU0001", 0, {pc->panic}, 1, 0};
        put_isa_device(a, &panic);
    }
    aml_end(a, isa);
}

/* The input of the I/O APIC that a slot's pin leads to. */
static unsigned pin_gsi(const X86AcpiPc *pc, unsigned slot, unsigned pin)
{
    enum { ICH_OWN = 25, ICH_FIRST = 16 };
    static const uint8_t piix[4] = {10, 10, 11, 11};
    if (!pc->ich)
        return piix[(slot + pin + 3) % 4];
    return slot >= ICH_OWN ? ICH_FIRST + pin : ICH_FIRST + 4 + (slot + pin) % 4;
}

static void put_prt(AcpiBuf *a, const X86AcpiPc *pc)
{
    enum { SLOTS = 32, PINS = 4 };
    aml_name(a, "_PRT");
    const size_t all = aml_package(a, SLOTS * PINS);
    for (unsigned k = 0; k < SLOTS * PINS; k++) {
        const size_t row = aml_package(a, 4);
        aml_int(a, k / PINS << 16 | 0xffff);
        aml_int(a, k % PINS);
        aml_int(a, 0);
        aml_int(a, pin_gsi(pc, k / PINS, k % PINS));
        aml_end(a, row);
    }
    aml_end(a, all);
}

static void put_windows(AcpiBuf *a, const X86AcpiPc *pc)
{
    enum { CONFIG = 0xcf8, CONFIG_END = 0xd00 };
    uint64_t low = pc->pci_low;
    aml_name(a, "_CRS");
    const size_t crs = aml_resources(a);
    aml_window(a, 2, &(AmlWindow){.kind = AML_WINDOW_BUS, .bytes = 256});
    aml_ports(a, CONFIG, CONFIG, 1, CONFIG_END - CONFIG);
    aml_window(a, 2, &(AmlWindow){.kind = AML_WINDOW_IO, .bytes = CONFIG});
    aml_window(a, 4, &(AmlWindow){.kind = AML_WINDOW_IO, .first = CONFIG_END, .bytes = 0x10000 - CONFIG_END});
    aml_window(a, 4, &(AmlWindow){.first = 0xa0000, .bytes = 0x20000});
    if (pc->ecam > low) /* that is in the middle */
        aml_window(a, 4, &(AmlWindow){.first = low, .bytes = pc->ecam - low});
    if (pc->ecam >= low)
        low = pc->ecam + ECAM_BYTES;
    aml_window(a, 4, &(AmlWindow){.first = low, .bytes = X86_IOAPIC_BASE - low});
    aml_window(a, 8, &(AmlWindow){.first = pc->pci_high, .bytes = 32ull << 30});
    aml_resources_end(a, crs);
}

static void slot_name(unsigned slot, char ret[4])
{
    static const char digits[] = "0123456789ABCDEF";
    memcpy(ret, (char[]){'S', digits[slot >> 4], digits[slot & 15], 0}, 4);
}

/* The slots, which the guest lets go by _EJ0, and PCNT, which tells what has come and what is to go. */
static void put_hot_plug(AcpiBuf *a, const X86AcpiPc *pc)
{
    enum { SLOTS = 32, FOREVER = 0xffff, CHECK = 1, EJECT = 3 };
    char name[4];
    aml_region(a, "PCST", AML_IO, pc->hot_plug, PCI_HOT_PLUG_BYTES);
    const size_t field = aml_field(a, "PCST", AML_DWORD, false, 2);
    static const char *const units[] = {"PCIU", "PCID", "B0EJ", NULL, "BNUM"};
    for (unsigned k = 0; k < ARRAY_SIZE(units); k++)
        aml_unit(a, units[k], 32);
    aml_end(a, field);
    aml_op(a, AML_MUTEX), aml_path(a, "BLCK"), acpi_put(a, 0, 1);
    const size_t eject = aml_method(a, "PCEJ", 1, false);
    aml_op(a, AML_ACQUIRE), aml_path(a, "BLCK"), acpi_put(a, FOREVER, 2);
    aml_op(a, AML_STORE), aml_int(a, 0), aml_path(a, "BNUM");
    aml_op(a, AML_SHIFT_LEFT), aml_int(a, 1), aml_op(a, AML_ARG0), aml_path(a, "B0EJ");
    aml_op(a, AML_RELEASE), aml_path(a, "BLCK");
    aml_end(a, eject);
    for (unsigned k = 0; k < SLOTS; k++) {
        if (!(pc->hot_slots >> k & 1))
            continue;
        slot_name(k, name);
        const size_t slot = aml_device(a, name);
        aml_name_int(a, "_ADR", k << 16);
        aml_name_int(a, "_SUN", k);
        const size_t method = aml_method(a, "_EJ0", 1, false);
        aml_path(a, "PCEJ"), aml_int(a, k);
        aml_end(a, method);
        aml_end(a, slot);
    }
    const size_t tell = aml_method(a, "PCNT", 0, false);
    aml_op(a, AML_ACQUIRE), aml_path(a, "BLCK"), acpi_put(a, FOREVER, 2);
    aml_op(a, AML_STORE), aml_int(a, 0), aml_path(a, "BNUM");
    aml_op(a, AML_STORE), aml_path(a, "PCIU"), aml_op(a, AML_LOCAL0);
    aml_op(a, AML_STORE), aml_path(a, "PCID"), aml_op(a, AML_LOCAL0 + 1);
    aml_op(a, AML_RELEASE), aml_path(a, "BLCK");
    for (unsigned k = 0; k < 2 * SLOTS; k++) {
        if (!(pc->hot_slots >> k / 2 & 1))
            continue;
        slot_name(k / 2, name);
        const size_t when = aml_if(a);
        aml_op(a, AML_AND), aml_op(a, AML_LOCAL0 + k % 2), aml_int(a, 1u << k / 2), aml_op(a, AML_ZERO);
        aml_op(a, AML_NOTIFY), aml_path(a, name), aml_int(a, k % 2 ? EJECT : CHECK);
        aml_end(a, when);
    }
    aml_end(a, tell);
}

static void put_events(AcpiBuf *a, const X86AcpiPc *pc)
{
    char name[8];
    Fmt f = FMT_ON(name);
    fmt_printf(&f, "_E%02x", X86_GPE_HOT_PLUG);
    const size_t scope = aml_scope(a, "\\_GPE"), method = aml_method(a, name, 0, false);
    aml_path(a, "\\_SB.PCI0.PCNT");
    aml_end(a, method);
    aml_end(a, scope);
}

/* type: of the first control register, and of the second, which nobody has. */
static void put_sleep(AcpiBuf *a, const char *name, unsigned type)
{
    aml_name(a, name);
    const size_t state = aml_package(a, 4);
    aml_int(a, type);
    for (unsigned k = 0; k < 3; k++)
        aml_int(a, 0);
    aml_end(a, state);
}

static size_t put_pc_dsdt(AcpiTables *t, const X86Board *b, const X86AcpiPc *pc)
{
    AcpiBuf *a = &t->tables;
    const size_t table = acpi_table(t, "DSDT", 2, false), scope = aml_scope(a, "\\_SB");
    acpi_cpus(a, b->machine->cfg.cpus);
    const size_t dev = aml_device(a, "PCI0");
    aml_name_eisaid(a, "_HID", pc->ich ? "PNP0A08" : "PNP0A03");
    if (pc->ich)
        aml_name_eisaid(a, "_CID", "PNP0A03");
    aml_name_int(a, "_UID", 0);
    put_windows(a, pc);
    put_prt(a, pc);
    put_isa(a, pc);
    if (pc->ich)
        acpi_pcie_osc(a);
    if (pc->hot_slots)
        put_hot_plug(a, pc);
    aml_end(a, dev);
    if (pc->ecam) { /* belongs to the board */
        const size_t res = aml_device(a, "MRES");
        aml_name_eisaid(a, "_HID", "PNP0C02");
        aml_name(a, "_CRS");
        const size_t crs = aml_resources(a);
        aml_memory32(a, (uint32_t)pc->ecam, ECAM_BYTES, true);
        aml_resources_end(a, crs);
        aml_end(a, res);
    }
    aml_end(a, scope);
    if (pc->hot_slots)
        put_events(a, pc);
    if (pc->s3)
        put_sleep(a, "\\_S3", ACPI_PM_TYPE_S3);
    put_sleep(a, "\\_S5", ACPI_PM_TYPE_S5);
    acpi_table_end(t, table);
    return table;
}

bool x86_acpi_pc(const X86Board *b, const X86AcpiPc *pc, AcpiTables *t)
{
    acpi_begin(t);
    const size_t facs = put_facs(t), dsdt = put_pc_dsdt(t, b, pc);
    put_fadt(t, pc, facs, dsdt);
    put_madt(t, b, true);
    if (pc->hpet)
        put_hpet(t);
    if (pc->ecam)
        acpi_mcfg(t, pc->ecam, 255);
    return acpi_finish(t, true);
}

/* ---- microvm ---- */

static void put_ged(AcpiBuf *a, const X86AcpiMicrovm *v)
{
    const size_t ged = aml_device(a, "GED_");
    aml_name_str(a, "_HID", "ACPI0013");
    aml_name_str(a, "_UID", "GED");
    aml_name(a, "_CRS");
    const size_t crs = aml_resources(a);
    aml_irq(a, SCI, AML_LEVEL_HIGH, false);
    aml_resources_end(a, crs);
    aml_region(a, "EREG", AML_MEMORY, v->ged, 4);
    const size_t field = aml_field(a, "EREG", AML_DWORD, false, 2);
    aml_unit(a, "ESEL", 32);
    aml_end(a, field);
    const size_t method = aml_method(a, "_EVT", 1, true);
    aml_op(a, AML_STORE), aml_path(a, "ESEL"), aml_op(a, AML_LOCAL0);
    const size_t when = aml_if(a);
    aml_op(a, AML_AND), aml_op(a, AML_LOCAL0), aml_int(a, ACPI_GED_BUTTON), aml_op(a, AML_ZERO);
    aml_op(a, AML_NOTIFY), aml_path(a, "\\_SB.PWRB"), aml_int(a, 0x80);
    aml_end(a, when);
    aml_end(a, method);
    aml_end(a, ged);
    const size_t button = aml_device(a, "PWRB");
    aml_name_eisaid(a, "_HID", "PNP0C0C");
    aml_name_int(a, "_UID", 0);
    aml_end(a, button);
}

static size_t put_microvm_dsdt(AcpiTables *t, const X86Board *b, const X86AcpiMicrovm *v)
{
    static const IsaDevice com1 = {"COM1", "PNP0501", 1, {0x3f8}, 8, X86_GSI_SERIAL};
    AcpiBuf *a = &t->tables;
    const size_t table = acpi_table(t, "DSDT", 2, false), scope = aml_scope(a, "\\_SB");
    acpi_cpus(a, b->machine->cfg.cpus);
    if (v->serial)
        put_isa_device(a, &com1);
    put_ged(a, v);
    for (unsigned k = 0; k < v->n_virtio; k++) {
        char name[8];
        Fmt f = FMT_ON(name);
        fmt_printf(&f, "VR%02u", k);
        acpi_device(a, name, "LNRO0005", k, v->virtio + k * v->virtio_stride, v->virtio_stride,
                    v->virtio_gsi + k, AML_LEVEL_HIGH);
    }
    aml_end(a, scope);
    put_sleep(a, "\\_S5", ACPI_GED_S5);
    acpi_table_end(t, table);
    return table;
}

bool x86_acpi_microvm(const X86Board *b, const X86AcpiMicrovm *v, AcpiTables *t)
{
    enum {
        RESET_AT = 116,
        RESET_VALUE_AT = 128,
        SLEEP_AT = 244,
        STATUS_AT = 256,
        RESET_SUPPORTED = 1 << 10,
        GAS_ADDRESS = 4
    };
    acpi_begin(t);
    const size_t dsdt = put_microvm_dsdt(t, b, v), fadt = align_up(t->tables.n, 8);
    AcpiBuf *a = &t->tables;
    acpi_fadt_reduced(t, &(AcpiFadt){.flags = RESET_SUPPORTED}, dsdt);
    const struct {
        unsigned at;
        uint64_t address;
    } rows[] = {{RESET_AT, v->ged_regs + 2}, {SLEEP_AT, v->ged_regs}, {STATUS_AT, v->ged_regs + 1}};
    for (unsigned k = 0; k < ARRAY_SIZE(rows); k++) { /* sums are made by the loader, later */
        acpi_patch(a, fadt + rows[k].at, 8 << 8 | 1 << 24, 4);
        acpi_patch(a, fadt + rows[k].at + GAS_ADDRESS, rows[k].address, 8);
    }
    acpi_patch(a, fadt + RESET_VALUE_AT, ACPI_GED_RESET, 1);
    put_madt(t, b, false);
    return acpi_finish(t, false);
}
