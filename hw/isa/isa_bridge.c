/* Intel 82371AB/SB (290550, 290562) and ICH9 (316972) data sheets. A line of PCI leads to an input of the
 * 8259 pair as its route says; those of ICH9 also to inputs 16 to 23 of the I/O APIC. Of the rest there is
 * what firmware looks for. RCBA is kept, and nothing is there. */
#include "hw/isa/isa_bridge.h"
#include "hw/isa/acpi_pm.h"

enum { ROUTE_OFF = 0x80, PIRQS_PIIX = 4, PIRQS_ICH = 8, PIC_INPUTS = 16, FIRST_APIC = 16 };
enum { ICH_PMBASE = 0x40, ICH_ACPI = 0x44, ICH_ACPI_ON = 0x80, ICH_RCBA = 0xf0 };
enum { ICH_GEN_PMCON = 0xa0, ICH_SMI_LOCK = 0x10 };
enum {
    PIIX_PMBASE = 0x40,
    PIIX_DEVACTB = 0x58,
    PIIX_APMC_ON = 0x02000000,
    PIIX_PM = 0x80,
    PIIX_PM_ON = 1,
    PIIX_SMBUS = 0x90,
    PIIX_SMBUS_ON = 0xd2
};

typedef struct IsaBridge {
    PciFunction f;
    const IrqLine *gsi;
    Device *pm;
    bool smm;
    uint32_t disable_s3;
    DEV_STATE_BEGIN
    PciState p;
    uint8_t level; /* of PCI's lines */
    DEV_STATE_END
} IsaBridge;

static bool is_ich(const IsaBridge *b)
{
    return b->f.dev.cls == &ich9_lpc_class;
}
static unsigned route(const IsaBridge *b, unsigned n)
{
    return pci_get(&b->f, n < PIRQS_PIIX ? 0x60 + n : 0x64 + n, 1);
}

/* An input of the pair is up while one of the lines that lead to it is. */
static void show_input(const IsaBridge *b, unsigned input)
{
    bool on = false;
    for (unsigned n = 0; n < (is_ich(b) ? PIRQS_ICH : PIRQS_PIIX); n++)
        on |= !(route(b, n) & ROUTE_OFF) && (route(b, n) & 15) == input && (b->level >> n & 1);
    irq_set(b->gsi ? &b->gsi[input] : NULL, on);
}

static bool is_route(const IsaBridge *b, unsigned input)
{
    for (unsigned n = 0; n < (is_ich(b) ? PIRQS_ICH : PIRQS_PIIX); n++)
        if (!(route(b, n) & ROUTE_OFF) && (route(b, n) & 15) == input)
            return true;
    return false;
}

static void set_pirq(void *receiver, unsigned n, bool level)
{
    IsaBridge *b = receiver;
    lock_take(b->f.lock);
    b->level = (uint8_t)(level ? b->level | 1u << n : b->level & ~(1u << n));
    if (!(route(b, n) & ROUTE_OFF))
        show_input(b, route(b, n) & 15);
    if (is_ich(b) && b->gsi)
        irq_set(&b->gsi[FIRST_APIC + n], level);
    lock_release(b->f.lock);
}

IrqLine isa_bridge_pirq(Device *d, unsigned n)
{
    return (IrqLine){set_pirq, d, n};
}

bool piix4_pm_wants_smi(const Device *d)
{
    return pci_get(&((const IsaBridge *)d)->f, PIIX_DEVACTB, 4) & PIIX_APMC_ON;
}

/* Where power management is in the space of ports. */
static void show_pm(const IsaBridge *b)
{
    const bool on =
        is_ich(b) ? pci_get(&b->f, ICH_ACPI, 1) & ICH_ACPI_ON : pci_get(&b->f, PIIX_PM, 1) & PIIX_PM_ON;
    const uint64_t base = pci_get(&b->f, ICH_PMBASE, 2) & (is_ich(b) ? 0xff80u : 0xffc0u);
    MemRegion *r = b->pm ? &b->pm->region[0] : NULL;
    _Static_assert((int)ICH_PMBASE == (int)PIIX_PMBASE, "one register");
    if (!r || !r->map || (r->off == !on && r->base == base))
        return;
    r->off = !on;
    r->base = base;
    mem_map_update(r->map);
}

/* Once set, the lock stays until reset. */
static void show_smi_lock(IsaBridge *b)
{
    const bool locked = pci_get(&b->f, ICH_GEN_PMCON, 1) & ICH_SMI_LOCK;
    if (!is_ich(b))
        return;
    pci_shape(&b->f, ICH_GEN_PMCON, 2, 0, locked ? 0 : ICH_SMI_LOCK);
    if (b->pm)
        acpi_pm_lock_smi(b->pm, locked);
}

static void bridge_written(PciFunction *f, unsigned at, unsigned size)
{
    IsaBridge *b = (IsaBridge *)f;
    show_pm(b);
    show_smi_lock(b);
    if (at + size <= 0x60 || at > 0x6b)
        return;
    for (unsigned input = 3; input < PIC_INPUTS; input++)
        if (is_route(b, input))
            show_input(b, input);
}

static bool realized(IsaBridge *b)
{
    b->f.conventional = true;
    b->f.written = bridge_written;
    if (b->pm)
        acpi_pm_allow_s3(b->pm, !b->disable_s3);
    return true;
}

static bool bridge_realize(Device *dev, DevError *err)
{
    static const PciIds piix = {0x8086, 0x7000, 0x1af4, 0x1100, 0x060100, 0},
                        ich = {0x8086, 0x2918, 0x1af4, 0x1100, 0x060100, 2};
    IsaBridge *b = (IsaBridge *)dev;
    if (!pci_init(&b->f, &b->p, is_ich(b) ? &ich : &piix, NULL, err))
        return false;
    pci_shape(&b->f, PCI_COMMAND, 2, 7, 0x140); /* decodes always */
    pci_shape(&b->f, PCI_HEADER_TYPE, 1, 0x80, 0);
    pci_shape(&b->f, 0x60, 4, 0x80808080, 0x8f8f8f8f);
    pci_stays(&b->f, 0x60, 4);
    if (is_ich(b)) {
        pci_shape(&b->f, 0x68, 4, 0x80808080, 0x8f8f8f8f);
        pci_shape(&b->f, ICH_PMBASE, 4, 1, 0xff80);
        pci_shape(&b->f, ICH_ACPI, 1, 0, 0x87);
        pci_stays(&b->f, ICH_PMBASE, ICH_ACPI + 1 - ICH_PMBASE);
        pci_stays(&b->f, 0x68, 4);
        pci_shape(&b->f, ICH_RCBA, 4, 0, 0xffffc001);
        pci_shape(&b->f, ICH_GEN_PMCON, 2, 0, ICH_SMI_LOCK);
    } else {
        pci_shape(&b->f, 0x4c, 4, 0x0003004d, 0xffffffff); /* recovery timing, ROM and clock enables */
    }
    return realized(b);
}

static bool pm_realize(Device *dev, DevError *err)
{
    static const PciIds ids = {0x8086, 0x7113, 0x1af4, 0x1100, 0x068000, 3};
    IsaBridge *b = (IsaBridge *)dev;
    if (!pci_init(&b->f, &b->p, &ids, NULL, err))
        return false;
    pci_shape(&b->f, PCI_INTERRUPT_PIN, 1, 1, 0);
    pci_shape(&b->f, PIIX_PMBASE, 4, 1, 0xffc0);
    pci_shape(&b->f, PIIX_DEVACTB, 4, b->smm ? 0 : PIIX_APMC_ON, 0xffffffff); /* on: nothing to set up */
    pci_shape(&b->f, PIIX_PM, 1, 0, 1);
    pci_stays(&b->f, PIIX_PMBASE, 4);
    pci_stays(&b->f, PIIX_PM, 1);
    pci_shape(&b->f, PIIX_SMBUS, 4, 1, 0xfff0);
    pci_shape(&b->f, PIIX_SMBUS_ON, 1, 0, 0x0f);
    return realized(b);
}

static void bridge_reset(Device *dev)
{
    IsaBridge *b = (IsaBridge *)dev;
    pci_reset(&b->f);
    b->level = 0;
    for (unsigned n = 0; b->gsi && n < PIRQS_ICH && is_ich(b); n++)
        irq_set(&b->gsi[FIRST_APIC + n], false);
    show_pm(b);
    show_smi_lock(b);
}

static bool bridge_loaded(Device *dev, DevError *err)
{
    IsaBridge *b = (IsaBridge *)dev;
    if (is_ich(b))
        pci_shape(&b->f, ICH_GEN_PMCON, 2, 0, ICH_SMI_LOCK);
    if (!pci_check(&b->f, err))
        return false;
    bridge_written(&b->f, 0x60, 12);
    for (unsigned n = 0; b->gsi && n < PIRQS_ICH && is_ich(b); n++)
        irq_set(&b->gsi[FIRST_APIC + n], b->level >> n & 1);
    return true;
}

static void bridge_clear(Device *dev)
{
    pci_clear((PciFunction *)dev);
}

static const DevProp props[] = {PCI_PROPS(IsaBridge), DEV_PTR(IsaBridge, gsi, "inputs of the controllers"),
                                DEV_BOOL(IsaBridge, smm, "cpus have system management mode", false),
                                DEV_U32(IsaBridge, disable_s3, "1: no suspend to RAM", 0),
                                DEV_PTR(IsaBridge, pm, "power management")};
static const DevField state[] = {PCI_ROWS(IsaBridge), DEV_FIELD(IsaBridge, level)};

const DevClass piix3_class = {
    .name = "piix3",
    .help = "bridge to ISA of `pc`",
    .version = 1,
    DEV_TABLES(IsaBridge, props, state),
    .realize = bridge_realize,
    .reset = bridge_reset,
    .loaded = bridge_loaded,
    .clear = bridge_clear,
};
const DevClass piix4_pm_class = {
    .name = "piix4-pm",
    .help = "power management of `pc`",
    .version = 1,
    DEV_TABLES(IsaBridge, props, state),
    .realize = pm_realize,
    .reset = bridge_reset,
    .loaded = bridge_loaded,
    .clear = bridge_clear,
};
const DevClass ich9_lpc_class = {
    .name = "ich9-lpc",
    .help = "bridge to ISA of `q35`",
    .version = 1,
    DEV_TABLES(IsaBridge, props, state),
    .realize = bridge_realize,
    .reset = bridge_reset,
    .loaded = bridge_loaded,
    .clear = bridge_clear,
};
