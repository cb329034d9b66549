/* The order in which firmware tries devices (-device bootindex=): fw_cfg's file "bootorder", a line for each
 * with the names of Open Firmware (IEEE 1275 and its bindings for PCI) from the root to the device, as stock
 * firmware looks for them. */
#include "hw/machine/boot_order.h"
#include "hw/block/ata.h"
#include "hw/block/nvme.h"
#include "hw/misc/fw_cfg.h"
#include "hw/net/e1000.h"
#include "hw/pci/pci.h"
#include "hw/usb/usb_storage.h"
#include "hw/virtio/virtio_blk.h"
#include "hw/virtio/virtio_mmio.h"
#include "hw/virtio/virtio_net.h"

/* A host bridge that is reached by memory alone has no port to be named by. */
static const char memory_host[] = "pci@ffffffffffffffff";

/* What the firmware boots from: a part of the device. */
static const char *part_of(const DevClass *cls)
{
    return cls == &virtio_blk_class   ? "disk@0,0"
           : cls == &virtio_net_class ? "ethernet-phy@0"
           : cls == &e1000_class      ? "ethernet-phy@0"
           : cls == &e1000e_class     ? "ethernet-phy@0"
           : cls == &nvme_class       ? "namespace@1,0"
           : cls == &usb_storage_class ? "channel@0/disk@0,0"
           : cls == &ide_hd_class     ? "disk"
           : cls == &ide_cd_class     ? "disk"
           : cls == &scsi_hd_class    ? "disk"
           : cls == &scsi_cd_class    ? "disk"
                                      : NULL;
}

/* Of the configuration as it is after a reset, which was not yet. */
static unsigned word(const PciFunction *p, unsigned at)
{
    return p->shape->initial[at] | (unsigned)p->shape->initial[at + 1] << 8;
}

static void put_function(Fmt *f, const PciFunction *p)
{
    const char *name = NULL;
    switch (word(p, PCI_CLASS + 1)) {
    case 0x0100: name = "scsi"; break;
    case 0x0101: name = "ide"; break;
    case 0x0200: name = "ethernet"; break;
    case 0x0604: name = "pci-bridge"; break;
    case 0x0c03: name = "usb"; break;
    default: break;
    }
    if (name)
        fmt_printf(f, "/%s@%x", name, p->devfn >> 3);
    else
        fmt_printf(f, "/pci%x,%04x@%x", word(p, PCI_VENDOR), word(p, PCI_DEVICE), p->devfn >> 3);
    if (p->devfn & 7)
        fmt_printf(f, ",%x", p->devfn & 7);
}

static bool begin(BootOrder *o, const MachineDevice *want, BootPlace **ret, DevError *err)
{
    *ret = NULL;
    if (!want->boot || !part_of(want->cls))
        return !want->boot || dev_fail(err, "nothing boots from a '%s': bootindex", want->cls->name);
    for (unsigned k = 0; k < o->n; k++)
        if (o->place[k].boot == want->boot)
            return dev_fail(err, "The bootindex %u has already been used", want->boot - 1);
    *ret = &o->place[o->n++];
    **ret = (BootPlace){.boot = want->boot};
    return true;
}

static Fmt put_place(const Machine *m, BootPlace *b, const PciFunction *p)
{
    Fmt f = FMT_ON(b->path);
    fmt_printf(&f, "/%s", m->board->pci_path ? m->board->pci_path : memory_host);
    if (pci_bridge_of(p))
        put_function(&f, pci_bridge_of(p));
    put_function(&f, p);
    return f;
}

static Fmt put_mmio(BootPlace *b, uint64_t base)
{
    Fmt f = FMT_ON(b->path);
    fmt_printf(&f, "/virtio-mmio@%016lx", (unsigned long)base);
    return f;
}

bool boot_order_pci(Machine *m, const MachineDevice *want, const PciFunction *p, DevError *err)
{
    BootPlace *b;
    if (!begin(&m->boot, want, &b, err))
        return false;
    if (!b)
        return true;
    Fmt f = put_place(m, b, p);
    fmt_printf(&f, "/%s", part_of(want->cls));
    return true;
}

bool boot_order_drive(Machine *m, const MachineDevice *want, const PciFunction *p, unsigned bus,
                      unsigned unit, DevError *err)
{
    BootPlace *b;
    if (!begin(&m->boot, want, &b, err))
        return false;
    if (!b)
        return true;
    Fmt f = put_place(m, b, p);
    fmt_printf(&f, "/drive@%x/%s@%x", bus, part_of(want->cls), unit);
    return true;
}

bool boot_order_usb(Machine *m, const MachineDevice *want, const PciFunction *p, unsigned port, DevError *err)
{
    BootPlace *b;
    if (!begin(&m->boot, want, &b, err))
        return false;
    if (!b)
        return true;
    Fmt f = put_place(m, b, p);
    fmt_printf(&f, "/storage@%x/%s", port, part_of(want->cls));
    return true;
}

bool boot_order_mmio(Machine *m, const MachineDevice *want, uint64_t base, DevError *err)
{
    BootPlace *b;
    if (!begin(&m->boot, want, &b, err))
        return false;
    if (!b)
        return true;
    Fmt f = put_mmio(b, base);
    fmt_printf(&f, "/%s", part_of(want->cls));
    return true;
}

/* The adapter is behind its transport. */
bool boot_order_scsi(Machine *m, const MachineDevice *want, const ScsiDevice *d, DevError *err)
{
    BootPlace *b;
    if (!begin(&m->boot, want, &b, err))
        return false;
    if (!b)
        return true;
    const Device *transport = ((const VirtioDevice *)d->host->dev)->transport;
    Fmt f = transport->cls == &virtio_mmio_class ? put_mmio(b, transport->region[0].base)
                                                 : put_place(m, b, (const PciFunction *)transport);
    fmt_printf(&f, "/channel@0/%s@%x,%x", part_of(want->cls), d->target, d->lun);
    return true;
}

bool boot_order_publish(Machine *m, Device *fw_cfg)
{
    BootOrder *o = &m->boot;
    Fmt f = FMT_ON(o->text);
    if (o->first)
        fmt_puts(&f, o->first);
    for (uint32_t last = 0;;) { /* the next higher one */
        const BootPlace *b = NULL;
        for (unsigned k = 0; k < o->n; k++)
            if (o->place[k].boot > last && (!b || o->place[k].boot < b->boot))
                b = &o->place[k];
        if (!b)
            break;
        fmt_printf(&f, "%s%s", f.len ? "\n" : "", b->path);
        last = b->boot;
    }
    return !f.len || fw_cfg_add_file(fw_cfg, "bootorder", o->text, f.len + 1);
}
