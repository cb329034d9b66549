/* MSI-X (PCI Express Base 4.0, 7.7.2): a table of addresses and data, one entry a vector, and a bit for each
 * that was to be sent while it was masked. */
#include "hw/pci/pci.h"

enum { CONTROL = 2, TABLE = 4, PBA = 8, BYTES = 12, ENABLE = 0x8000, MASK_ALL = 0x4000, PBA_AT = 0x800 };
enum { ADDRESS, ADDRESS_HIGH, DATA, VECTOR_CONTROL, WORDS };

static uint16_t control(const PciFunction *f) { return (uint16_t)pci_get(f, f->msix_at + CONTROL, 2); }

bool pci_msix_on(const PciFunction *f) { return f->msix_at && (control(f) & ENABLE); }

static void send_now(PciFunction *f, unsigned v)
{
    const uint32_t *e = &f->s->msix[v * WORDS];
    f->s->msix_pending &= ~(1u << v);
    dev_trace(&f->dev, PCI_MESSAGE, "vector %u address 0x%x data 0x%x", v, e[ADDRESS], e[DATA]);
    if (pci_is_master(f))
        pcie_host_msi(f, (uint64_t)e[ADDRESS_HIGH] << 32 | (e[ADDRESS] & ~3u), e[DATA]);
}

static bool is_masked(const PciFunction *f, unsigned v)
{
    return (control(f) & MASK_ALL) || (f->s->msix[v * WORDS + VECTOR_CONTROL] & 1);
}

void pci_msix_send(PciFunction *f, unsigned v)
{
    if (!pci_msix_on(f) || v >= f->msix_vectors)
        return;
    if (is_masked(f, v))
        f->s->msix_pending |= 1u << v;
    else
        send_now(f, v);
}

static void send_pending(PciFunction *f)
{
    for (unsigned v = 0; v < f->msix_vectors && pci_msix_on(f); v++)
        if (f->s->msix_pending >> v & 1 && !is_masked(f, v))
            send_now(f, v);
}

void pci_msix_written(PciFunction *f, unsigned at, unsigned size)
{
    if (at < f->msix_at + BYTES && at + size > f->msix_at)
        send_pending(f);
}

static uint64_t msix_read(void *dev, uint64_t at, unsigned size)
{
    const PciFunction *f = dev;
    if (at < f->msix_vectors * WORDS * 4)
        return f->s->msix[at / 4];
    return at == PBA_AT ? f->s->msix_pending : 0;
}

static void msix_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    PciFunction *f = dev;
    if (at >= f->msix_vectors * WORDS * 4)
        return;
    f->s->msix[at / 4] = at / 4 % WORDS == VECTOR_CONTROL ? value & 1 : (uint32_t)value;
    send_pending(f);
}

static const MmioOps ops = {.read = msix_read, .write = msix_write, .min = 4, .max = 4};

void pci_want_msix(PciFunction *f, unsigned bar, unsigned vectors)
{
    f->msix_vectors = (uint8_t)MIN(vectors, (unsigned)PCI_MSIX_MAX);
    f->msix_at = (uint8_t)bar; /* until pci_msix_install() */
}

void pci_msix_install(PciFunction *f)
{
    unsigned bar = f->msix_at;
    f->msix_at = 0;
    if (!f->msix_vectors || !pcie_host_has_msi(f->host)) {
        f->msix_vectors = 0;
        return;
    }
    pci_add_bar(f, bar, 4096, 0, &ops, f);
    unsigned at = pci_add_cap(f, PCI_CAP_MSIX, BYTES);
    pci_shape(f, at + CONTROL, 2, f->msix_vectors - 1u, ENABLE | MASK_ALL);
    pci_shape(f, at + TABLE, 4, bar, 0);
    pci_shape(f, at + PBA, 4, PBA_AT | bar, 0);
    f->msix_at = (uint8_t)at;
}
