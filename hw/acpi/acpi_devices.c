/* Devices of the name space that several boards have (ACPI 6.5, chapter 6; PCI Firmware 3.3, 4.5). */
#include "hw/acpi/acpi.h"

#include "base/fmt.h"

void acpi_device(AcpiBuf *b, const char *name, const char *hid, unsigned uid, uint64_t base, uint32_t bytes,
                 uint32_t gsi, AmlTrigger how)
{
    size_t dev = aml_device(b, name);
    aml_name_str(b, "_HID", hid);
    aml_name_int(b, "_UID", uid);
    aml_name_int(b, "_CCA", 1);
    aml_name(b, "_CRS");
    size_t crs = aml_resources(b);
    aml_memory32(b, (uint32_t)base, bytes, true);
    if (gsi)
        aml_irq(b, gsi, how, false);
    aml_resources_end(b, crs);
    aml_end(b, dev);
}

void acpi_cpus(AcpiBuf *b, unsigned cpus)
{
    for (unsigned k = 0; k < cpus; k++) {
        char name[8];
        Fmt f = FMT_ON(name);
        fmt_printf(&f, "C%03x", k);
        size_t dev = aml_device(b, name);
        aml_name_str(b, "_HID", "ACPI0007");
        aml_name_int(b, "_UID", k);
        aml_end(b, dev);
    }
}

/* Each slot's four pins: {address, pin, 0, interrupt}. */
static void pcie_prt(AcpiBuf *b, uint32_t gsi)
{
    enum { SLOTS = 32, PINS = 4 };
    aml_name(b, "_PRT");
    size_t all = aml_package(b, SLOTS * PINS);
    for (unsigned k = 0; k < SLOTS * PINS; k++) {
        size_t row = aml_package(b, 4);
        aml_int(b, k / PINS << 16 | 0xffff);
        aml_int(b, k % PINS);
        aml_int(b, 0);
        aml_int(b, gsi + (k / PINS + k % PINS) % PINS);
        aml_end(b, row);
    }
    aml_end(b, all);
}

static void pcie_crs(AcpiBuf *b, const AcpiPcie *p)
{
    aml_name(b, "_CRS");
    size_t crs = aml_resources(b);
    aml_window(b, 2, &(AmlWindow){.kind = AML_WINDOW_BUS, .bytes = p->ecam_bytes >> 20});
    aml_window(b, 4, &(AmlWindow){.first = p->low, .bytes = p->low_bytes});
    if (p->io_bytes)
        aml_window(b, 4, &(AmlWindow){.kind = AML_WINDOW_IO, .bytes = p->io_bytes, .translation = p->io});
    if (p->high_bytes)
        aml_window(b, 8, &(AmlWindow){.first = p->high, .bytes = p->high_bytes});
    aml_resources_end(b, crs);
}

void acpi_pcie_osc(AcpiBuf *b)
{
    enum { MAY = 0x1d, UNKNOWN_UUID = 4, MASKED = 0x10 };
    size_t method = aml_method(b, "_OSC", 4, true);
    static const char *const words[] = {"CDW1", "CDW2", "CDW3"};
    aml_op(b, AML_DWORD_FIELD), aml_op(b, AML_ARG0 + 3), aml_int(b, 0), aml_path(b, words[0]);
    size_t when = aml_if(b);
    aml_op(b, AML_EQUAL), aml_op(b, AML_ARG0), aml_uuid(b, "33db4d5b-1ff7-401c-9657-7441c03dd766");
    for (unsigned k = 1; k < 3; k++)
        aml_op(b, AML_DWORD_FIELD), aml_op(b, AML_ARG0 + 3), aml_int(b, 4 * k), aml_path(b, words[k]);
    aml_op(b, AML_AND), aml_path(b, "CDW3"), aml_int(b, MAY), aml_op(b, AML_LOCAL0);
    size_t less = aml_if(b);
    aml_op(b, AML_LNOT), aml_op(b, AML_EQUAL), aml_path(b, "CDW3"), aml_op(b, AML_LOCAL0);
    aml_op(b, AML_OR), aml_path(b, "CDW1"), aml_int(b, MASKED), aml_path(b, "CDW1");
    aml_end(b, less);
    aml_op(b, AML_STORE), aml_op(b, AML_LOCAL0), aml_path(b, "CDW3");
    aml_end(b, when);
    size_t otherwise = aml_else(b);
    aml_op(b, AML_OR), aml_path(b, "CDW1"), aml_int(b, UNKNOWN_UUID), aml_path(b, "CDW1");
    aml_end(b, otherwise);
    aml_op(b, AML_RETURN), aml_op(b, AML_ARG0 + 3);
    aml_end(b, method);
}

void acpi_pcie(AcpiBuf *b, const AcpiPcie *p)
{
    size_t dev = aml_device(b, "PCI0");
    aml_name_eisaid(b, "_HID", "PNP0A08");
    aml_name_eisaid(b, "_CID", "PNP0A03");
    static const char *const zeros[] = {"_SEG", "_BBN", "_UID"};
    for (unsigned k = 0; k < ARRAY_SIZE(zeros); k++)
        aml_name_int(b, zeros[k], 0);
    aml_name_int(b, "_CCA", 1);
    aml_name_int(b, "_CBA", p->ecam);
    pcie_prt(b, p->gsi);
    pcie_crs(b, p);
    acpi_pcie_osc(b);
    aml_end(b, dev);
    dev = aml_device(b, "RES0");
    aml_name_eisaid(b, "_HID", "PNP0C02");
    aml_name(b, "_CRS");
    size_t crs = aml_resources(b);
    aml_window(b, 8, &(AmlWindow){.first = p->ecam, .bytes = p->ecam_bytes, .consumed = true});
    aml_resources_end(b, crs);
    aml_end(b, dev);
}
