/* PCI as the monitors show it: query-pci, `info pci`. With the numbers that the guest has given: buses,
 * windows and base addresses are -1 or empty until it has. */
#include "system/monitor/hmp.h"
#include "system/monitor/qmp.h"

#include "hw/pci/pci.h"

enum { FUNCTIONS = 256, HEADER_BRIDGE = 1, SECONDARY_BUS = 0x19, LAST_BUS = 0x1a };

static const char *class_name(unsigned class)
{
    static const struct {
        unsigned class;
        const char *name;
    } names[] = {
        {0x0100, "SCSI controller"}, {0x0101, "IDE controller"},     {0x0104, "RAID controller"},
        {0x0106, "SATA controller"}, {0x0180, "Storage controller"}, {0x0200, "Ethernet controller"},
        {0x0300, "VGA controller"},  {0x0600, "Host bridge"},        {0x0601, "ISA bridge"},
        {0x0604, "PCI bridge"},      {0x0c03, "USB controller"},     {0x0c05, "SMBus"},
    };
    for (unsigned k = 0; k < G_N_ELEMENTS(names); k++)
        if (names[k].class == class)
            return names[k].name;
    return NULL;
}

/* A window of a bridge. */
typedef struct Window {
    const char *name, *text;
    uint64_t first, last;
} Window;

static void windows_of(const PciFunction *f, Window w[3])
{
    enum {
        IO = 0x1c,
        MEMORY = 0x20,
        PREFETCH = 0x24,
        PREFETCH_BASE_HIGH = 0x28,
        PREFETCH_LAST_HIGH = 0x2c,
        IO_BASE_HIGH = 0x30,
        IO_LAST_HIGH = 0x32,
        IO_GRAIN = 0xfff,
        GRAIN = 0xfffff
    };
    w[0] = (Window){
        "io_range", "IO range", (uint64_t)(pci_get(f, IO, 1) & 0xf0) << 8 | pci_get(f, IO_BASE_HIGH, 2) << 16,
        (uint64_t)(pci_get(f, IO + 1, 1) & 0xf0) << 8 | IO_GRAIN | pci_get(f, IO_LAST_HIGH, 2) << 16};
    w[1] = (Window){"memory_range", "memory range", (uint64_t)(pci_get(f, MEMORY, 2) & 0xfff0) << 16,
                    (uint64_t)(pci_get(f, MEMORY + 2, 2) & 0xfff0) << 16 | GRAIN};
    w[2] = (Window){"prefetchable_range", "prefetchable memory range",
                    (uint64_t)(pci_get(f, PREFETCH, 2) & 0xfff0) << 16 |
                        (uint64_t)pci_get(f, PREFETCH_BASE_HIGH, 4) << 32,
                    (uint64_t)(pci_get(f, PREFETCH + 2, 2) & 0xfff0) << 16 | GRAIN |
                        (uint64_t)pci_get(f, PREFETCH_LAST_HIGH, 4) << 32};
}

static bool is_bridge(const PciFunction *f)
{
    return (pci_get(f, PCI_HEADER_TYPE, 1) & 0x7f) == HEADER_BRIDGE;
}

/* The user's name for it. */
static const char *id_of(const Machine *m, const PciFunction *f)
{
    return dev_find(m->named, f->dev.id) == &f->dev ? f->dev.id : "";
}

static uint64_t base_of(const PciFunction *f, unsigned bar)
{
    uint64_t base;
    return pci_bar_base(f, bar, &base) ? base : UINT64_MAX;
}

/* ---- query-pci ---- */

static JsonObject *range(const Window *w)
{
    JsonObject *o = json_object_new();
    json_object_set_int_member(o, "base", (gint64)w->first);
    json_object_set_int_member(o, "limit", (gint64)w->last);
    return o;
}

static JsonArray *regions(const PciFunction *f)
{
    JsonArray *all = json_array_new();
    for (unsigned k = 0; k < PCI_N_BARS; k++) {
        JsonObject *o;
        unsigned flags = f->bar_flags[k];
        if (!f->bar[k].bytes)
            continue;
        o = json_object_new();
        json_object_set_int_member(o, "bar", k);
        json_object_set_string_member(o, "type", flags & PCI_BAR_IO ? "io" : "memory");
        json_object_set_int_member(o, "address", (gint64)base_of(f, k));
        json_object_set_int_member(o, "size", (gint64)f->bar[k].bytes);
        if (!(flags & PCI_BAR_IO)) {
            json_object_set_boolean_member(o, "prefetch", (flags & PCI_BAR_PREFETCH) != 0);
            json_object_set_boolean_member(o, "mem_type_64", (flags & PCI_BAR_64) != 0);
        }
        json_array_add_object_element(all, o);
    }
    return all;
}

static JsonArray *devices(const Machine *m, const PciFunction *bridge, unsigned bus);

static JsonObject *bridge_info(const Machine *m, const PciFunction *f)
{
    JsonObject *o = json_object_new(), *bus = json_object_new();
    unsigned secondary = pci_get(f, SECONDARY_BUS, 1);
    Window w[3];
    windows_of(f, w);
    json_object_set_int_member(bus, "number", pci_get(f, PCI_PRIMARY_BUS, 1));
    json_object_set_int_member(bus, "secondary", secondary);
    json_object_set_int_member(bus, "subordinate", pci_get(f, LAST_BUS, 1));
    for (unsigned k = 0; k < G_N_ELEMENTS(w); k++)
        json_object_set_object_member(bus, w[k].name, range(&w[k]));
    json_object_set_object_member(o, "bus", bus);
    if (secondary)
        json_object_set_array_member(o, "devices", devices(m, f, secondary));
    return o;
}

static JsonObject *device(const Machine *m, const PciFunction *f, unsigned bus)
{
    JsonObject *o = json_object_new(), *class = json_object_new(), *ids = json_object_new();
    unsigned number = pci_get(f, PCI_CLASS + 1, 2), pin = pci_get(f, PCI_INTERRUPT_PIN, 1);
    json_object_set_int_member(o, "bus", bus);
    json_object_set_int_member(o, "slot", f->devfn >> 3);
    json_object_set_int_member(o, "function", f->devfn & 7);
    json_object_set_int_member(class, "class", number);
    if (class_name(number))
        json_object_set_string_member(class, "desc", class_name(number));
    json_object_set_object_member(o, "class_info", class);
    json_object_set_int_member(ids, "vendor", pci_get(f, PCI_VENDOR, 2));
    json_object_set_int_member(ids, "device", pci_get(f, PCI_DEVICE, 2));
    if (!is_bridge(f)) {
        json_object_set_int_member(ids, "subsystem", pci_get(f, PCI_SUBSYSTEM, 2));
        json_object_set_int_member(ids, "subsystem-vendor", pci_get(f, PCI_SUBSYSTEM_VENDOR, 2));
    }
    json_object_set_object_member(o, "id", ids);
    if (pin)
        json_object_set_int_member(o, "irq", pci_get(f, PCI_INTERRUPT_LINE, 1));
    json_object_set_int_member(o, "irq_pin", pin);
    json_object_set_string_member(o, "qdev_id", id_of(m, f));
    if (is_bridge(f))
        json_object_set_object_member(o, "pci_bridge", bridge_info(m, f));
    json_object_set_array_member(o, "regions", regions(f));
    return o;
}

static JsonArray *devices(const Machine *m, const PciFunction *bridge, unsigned bus)
{
    JsonArray *all = json_array_new();
    for (unsigned k = 0; k < FUNCTIONS; k++) {
        const PciFunction *f = pci_function_at(m->pci, bridge, k);
        if (f)
            json_array_add_object_element(all, device(m, f, bus));
    }
    return all;
}

bool qmp_query_pci(Qmp *q, JsonObject *args, JsonNode **ret, GError **err)
{
    JsonArray *all = json_array_new();
    const Machine *m = qmp_vm(q)->machine;
    if (m->pci) {
        JsonObject *bus = json_object_new();
        json_object_set_int_member(bus, "bus", 0);
        json_object_set_array_member(bus, "devices", devices(m, NULL, 0));
        json_array_add_object_element(all, bus);
    }
    *ret = qmp_array_node(all);
    return true;
}

/* ---- info pci ---- */

static void print_bars(GString *out, const PciFunction *f)
{
    for (unsigned k = 0; k < PCI_N_BARS; k++) {
        uint64_t base = base_of(f, k), bytes = f->bar[k].bytes;
        unsigned flags = f->bar_flags[k];
        if (bytes && (flags & PCI_BAR_IO))
            g_string_append_printf(out, "      BAR%u: I/O at 0x%04" PRIx64 " [0x%04" PRIx64 "].\n", k, base,
                                   base + bytes - 1);
        else if (bytes)
            g_string_append_printf(out,
                                   "      BAR%u: %d bit%s memory at 0x%08" PRIx64 " [0x%08" PRIx64 "].\n", k,
                                   flags & PCI_BAR_64 ? 64 : 32,
                                   flags & PCI_BAR_PREFETCH ? " prefetchable" : "", base, base + bytes - 1);
    }
}

static void print_bridge(GString *out, const PciFunction *f)
{
    Window w[3];
    windows_of(f, w);
    g_string_append_printf(out, "      BUS %u.\n      secondary bus %u.\n      subordinate bus %u.\n",
                           pci_get(f, PCI_PRIMARY_BUS, 1), pci_get(f, SECONDARY_BUS, 1),
                           pci_get(f, LAST_BUS, 1));
    for (unsigned k = 0; k < G_N_ELEMENTS(w); k++)
        g_string_append_printf(out, "      %s [0x%0*" PRIx64 ", 0x%0*" PRIx64 "]\n", w[k].text, k ? 8 : 4,
                               w[k].first, k ? 8 : 4, w[k].last);
}

static void print_bus(GString *out, const Machine *m, const PciFunction *bridge, unsigned bus)
{
    for (unsigned k = 0; k < FUNCTIONS; k++) {
        const PciFunction *f = pci_function_at(m->pci, bridge, k);
        if (!f)
            continue;
        unsigned class = pci_get(f, PCI_CLASS + 1, 2), pin = pci_get(f, PCI_INTERRUPT_PIN, 1);
        g_string_append_printf(out, "  Bus %2u, device %3u, function %u:\n    ", bus, k >> 3, k & 7);
        if (class_name(class))
            g_string_append(out, class_name(class));
        else
            g_string_append_printf(out, "Class %04x", class);
        g_string_append_printf(out, ": PCI device %04x:%04x\n", pci_get(f, PCI_VENDOR, 2),
                               pci_get(f, PCI_DEVICE, 2));
        if (!is_bridge(f))
            g_string_append_printf(out, "      PCI subsystem %04x:%04x\n",
                                   pci_get(f, PCI_SUBSYSTEM_VENDOR, 2), pci_get(f, PCI_SUBSYSTEM, 2));
        if (pin)
            g_string_append_printf(out, "      IRQ %u, pin %c\n", pci_get(f, PCI_INTERRUPT_LINE, 1),
                                   (char)('A' + pin - 1));
        if (is_bridge(f))
            print_bridge(out, f);
        print_bars(out, f);
        g_string_append_printf(out, "      id \"%s\"\n", id_of(m, f));
        if (is_bridge(f) && pci_get(f, SECONDARY_BUS, 1))
            print_bus(out, m, f, pci_get(f, SECONDARY_BUS, 1));
    }
}

void hmp_info_pci(Hmp *h, const char *args)
{
    const Machine *m = h->vm->machine;
    if (m->pci)
        print_bus(h->out, m, NULL, 0);
    else
        g_string_append(h->out, "PCI not supported\n");
}
