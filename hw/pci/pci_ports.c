/* PCI Local Bus 3.0, 3.2.2.3.2, "configuration mechanism #1"; the reset control register of Intel's PIIX3 and
 * ICH. */
#include "hw/pci/pci_ports.h"
#include "hw/core/request.h"
#include "hw/pci/pcie_host.h"

enum { ADDRESS = 0, RESET = 1, DATA = 4, BYTES = 8, RESET_HARD = 2, RESET_NOW = 4 };
#define ENABLE 0x80000000u

typedef struct PciPorts {
    Device dev;
    Device *host;
    const MachineRequests *machine;
    DEV_STATE_BEGIN
    uint32_t address;
    uint8_t reset;
    DEV_STATE_END
} PciPorts;

static uint64_t config_at(const PciPorts *p, uint64_t at)
{
    return (uint64_t)(p->address >> 8 & 0xffff) << 12 | (p->address & 0xfc) | (at & 3);
}

static uint64_t ports_read(void *dev, uint64_t at, unsigned size)
{
    const PciPorts *p = dev;
    if (at >= DATA)
        return p->address & ENABLE ? pcie_host_config_read(p->host, config_at(p, at), size) : ~0u;
    if (at == ADDRESS && size == 4)
        return p->address;
    return at == RESET && size == 1 ? p->reset : ~0u;
}

static void ports_write(void *dev, uint64_t at, uint64_t value, unsigned size)
{
    PciPorts *p = dev;
    if (at >= DATA) {
        if (p->address & ENABLE)
            pcie_host_config_write(p->host, config_at(p, at), (uint32_t)value, size);
    } else if (at == ADDRESS && size == 4) {
        p->address = (uint32_t)value & 0x80fffffc;
    } else if (at == RESET && size == 1) {
        if ((value & RESET_NOW) && !(p->reset & RESET_NOW) && p->machine)
            p->machine->request(p->machine->opaque, MACHINE_RESET, 0);
        p->reset = value & (RESET_HARD | RESET_NOW);
    }
}

static const MmioOps ops = {.read = ports_read, .write = ports_write, .min = 1, .max = 4};

static bool ports_realize(Device *dev, DevError *err)
{
    if (!((const PciPorts *)dev)->host)
        return dev_fail(err, "pci-ports: no host bridge");
    dev_add_mmio(dev, "pci-ports", &ops, BYTES);
    return true;
}

static void ports_reset(Device *dev)
{
    PciPorts *p = (PciPorts *)dev;
    p->address = 0;
    p->reset = 0;
}

static const DevProp props[] = {DEV_PTR(PciPorts, host, "the host bridge"),
                                DEV_PTR(PciPorts, machine, "what the machine's owner does")};
static const DevField state[] = {DEV_FIELD(PciPorts, address), DEV_FIELD(PciPorts, reset)};

const DevClass pci_ports_class = {
    .name = "pci-ports",
    .help = "PCI configuration by ports",
    .version = 1,
    DEV_TABLES(PciPorts, props, state),
    .realize = ports_realize,
    .reset = ports_reset,
};
