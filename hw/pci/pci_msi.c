/* MSI (PCI 3.0, 6.8.1) with one message, 64 bits of address and no mask. */
#include "hw/pci/pci.h"

enum { CONTROL = 2, ADDRESS = 4, ADDRESS_HIGH = 8, DATA = 12, BYTES = 14, ENABLE = 1, IS_64 = 0x80 };

bool pci_msi_on(const PciFunction *f)
{
    return f->msi_at && (pci_get(f, f->msi_at + CONTROL, 2) & ENABLE);
}

void pci_msi_send(PciFunction *f)
{
    if (!pci_msi_on(f) || !pci_is_master(f))
        return;
    const uint64_t address =
        (uint64_t)pci_get(f, f->msi_at + ADDRESS_HIGH, 4) << 32 | pci_get(f, f->msi_at + ADDRESS, 4);
    const uint32_t data = pci_get(f, f->msi_at + DATA, 2);
    dev_trace(&f->dev, PCI_MESSAGE, "address 0x%lx data 0x%x", (unsigned long)address, data);
    pcie_host_msi(f, address, data);
}

void pci_want_msi(PciFunction *f)
{
    f->wants_msi = true;
}

void pci_msi_install(PciFunction *f)
{
    if (!f->wants_msi || !pcie_host_has_msi(f->host))
        return;
    const unsigned at = f->msi_at = (uint8_t)pci_add_cap(f, PCI_CAP_MSI, BYTES);
    pci_shape(f, at + CONTROL, 2, IS_64, ENABLE);
    pci_shape(f, at + ADDRESS, 4, 0, 0xfffffffc);
    pci_shape(f, at + ADDRESS_HIGH, 4, 0, 0xffffffff);
    pci_shape(f, at + DATA, 2, 0, 0xffff);
}
