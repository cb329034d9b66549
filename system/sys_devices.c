#include "system/sys_devices.h"

#include "hw/core/dev_impl.h"
#include "hw/pci/pcie_host.h"
#include "hw/virtio/virtio_blk.h"
#include "hw/virtio/virtio_net.h"
#include "hw/virtio/virtio_pci.h"
#include "hw/virtio/virtio_rng.h"

#include <string.h>
#include <sys/random.h>

typedef enum BackendKind { BACKEND_NONE, BACKEND_DRIVE, BACKEND_ENTROPY, BACKEND_NET } BackendKind;

/* What -device may name. */
static const struct {
    const DevClass *cls;
    BackendKind kind;
    const char *link;
    const char *name, *alias; /* NULL: the class's; none */
    const DevClass *transport;
} known[] = {
    {&virtio_blk_class, BACKEND_DRIVE, "drive", NULL, NULL, NULL},
    {&virtio_net_class, BACKEND_NET, "netdev", NULL, NULL, NULL},
    {&virtio_rng_class, BACKEND_ENTROPY, "source", NULL, NULL, NULL},
    {&virtio_blk_class, BACKEND_DRIVE, "drive", "virtio-blk-pci", "virtio-blk", &virtio_pci_class},
    {&virtio_net_class, BACKEND_NET, "netdev", "virtio-net-pci", "virtio-net", &virtio_pci_class},
    {&virtio_rng_class, BACKEND_ENTROPY, "source", "virtio-rng-pci", "virtio-rng", &virtio_pci_class},
    {&pcie_root_port_class, BACKEND_NONE, NULL, NULL, NULL, NULL},
};

static const char *name_of(unsigned k) { return known[k].name ? known[k].name : known[k].cls->name; }
static bool is_named(unsigned k, const char *name)
{
    return strcmp(name_of(k), name) == 0 || (known[k].alias && strcmp(known[k].alias, name) == 0);
}

static bool has_prop(const DevClass *cls, const char *name)
{
    for (unsigned k = 0; cls && k < cls->n_props; k++)
        if (strcmp(cls->props[k].name, name) == 0)
            return true;
    return false;
}

static bool entropy_fill(void *backend, void *to, size_t n)
{
    (void)backend;
    while (n) {
        ssize_t done = getrandom(to, MIN(n, (size_t)256), 0);
        if (done < 0)
            return false;
        to = (char *)to + done;
        n -= (size_t)done;
    }
    return true;
}

static const char *keep(SysDevices *s, const char *text)
{
    char *copy = g_strdup(text);
    g_ptr_array_add(s->strings, copy);
    return copy;
}

/* One -drive. */
static bool open_drive(SysDevices *s, const char *text, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    const char *file = NULL, *id = NULL;
    bool read_only = false, wants_device = true;
    int unit = -1; /* of flash */
    for (unsigned k = 0; parts[k]; k++) {
        char *value = strchr(parts[k], '=');
        if (!value)
            return sys_fail(err, "-drive: '%s' has no value", parts[k]);
        *value++ = 0;
        if (strcmp(parts[k], "file") == 0)
            file = value;
        else if (strcmp(parts[k], "id") == 0)
            id = value;
        else if (strcmp(parts[k], "format") == 0 && strcmp(value, "raw") != 0)
            return sys_fail(err, "-drive: no format '%s'; 'raw' would be", value);
        else if (strcmp(parts[k], "if") == 0 && strcmp(value, "pflash") == 0)
            unit = unit < 0 ? (int)s->n_flash : unit;
        else if (strcmp(parts[k], "unit") == 0)
            unit = (int)g_ascii_strtoull(value, NULL, 10);
        else if (strcmp(parts[k], "if") == 0 && strcmp(value, "none") != 0 && strcmp(value, "virtio") != 0)
            return sys_fail(err, "-drive: no if=%s; 'none' and 'virtio' would be", value);
        else if (strcmp(parts[k], "if") == 0)
            wants_device = strcmp(value, "virtio") == 0;
        else if (strcmp(parts[k], "readonly") == 0)
            read_only = strcmp(value, "on") == 0;
        else if (strcmp(parts[k], "format") != 0)
            return sys_fail(err, "-drive: no property '%s'; file, id, if, format and readonly are there",
                        parts[k]);
    }
    if (!file)
        return sys_fail(err, "-drive: which file?");
    unsigned n = s->n_drives;
    if (n == G_N_ELEMENTS(s->drive))
        return sys_fail(err, "more than %u drives", n);
    if (!raw_disk_open(&s->drive[n].disk, file, read_only, err))
        return false;
    s->drive[n].id = id ? g_strdup(id) : g_strdup_printf("drive%u", n);
    s->drive[n].wants_device = wants_device && unit < 0;
    worker_start(&s->drive[n].worker, "disk");
    s->drive[n].disk.port.jobs = &s->drive[n].worker.port;
    s->n_drives++;
    if (unit < 0)
        return true;
    if ((unsigned)unit >= G_N_ELEMENTS(s->flash) || s->flash[unit])
        return sys_fail(err, "-drive: no flash %d, or two of them", unit);
    s->flash[unit] = &s->drive[n].disk.port;
    s->drive[n].used = true;
    s->n_flash = (unsigned)unit + 1;
    return true;
}

static bool add_device(MachineConfig *cfg, const MachineDevice *d, GError **err)
{
    if (cfg->n_devices == MACHINE_MAX_DEVICES)
        return sys_fail(err, "more than %u devices", (unsigned)MACHINE_MAX_DEVICES);
    cfg->device[cfg->n_devices++] = *d;
    return true;
}

static bool find_drive(SysDevices *s, const char *id, MachineDevice *d, GError **err)
{
    for (unsigned k = 0; id && k < s->n_drives; k++) {
        if (strcmp(s->drive[k].id, id) != 0)
            continue;
        if (s->drive[k].used)
            return sys_fail(err, "drive '%s' has a device already", id);
        s->drive[k].used = true;
        d->backend = &s->drive[k].disk.port;
        return true;
    }
    return sys_fail(err, "no drive '%s'", id ? id : "");
}

/* A card without a network is one whose cable is not plugged in. */
static bool plug_net(SysDevices *s, const char *id, MachineDevice *d, GError **err)
{
    bool has_mac = false;
    unsigned n = 0;
    for (; d->props[n]; n += 2)
        has_mac |= strcmp(d->props[n], "mac") == 0;
    if (!has_mac && n + 2 < G_N_ELEMENTS(d->props)) {
        g_autofree char *mac = g_strdup_printf("52:54:00:12:34:%02x", (0x56 + s->n_cards) & 0xff);
        d->props[n] = "mac";
        d->props[n + 1] = keep(s, mac);
    }
    s->n_cards++;
    NetBack *b = id ? sys_net_take(&s->net, id, err) : NULL;
    d->backend = b ? &b->port : NULL;
    return b || !id;
}

static bool open_nets(SysDevices *s, const SysOptions *o, GError **err)
{
    const char *text;
    for (unsigned k = 0; (text = sys_option(o, LIST_NETDEV, k)); k++)
        if (!sys_net_add_netdev(&s->net, text, err))
            return false;
    for (unsigned k = 0; (text = sys_option(o, LIST_NIC, k)); k++)
        if (!sys_net_add_nic(&s->net, text, err))
            return false;
    for (unsigned k = 0; (text = sys_option(o, LIST_OBJECT, k)); k++) {
        static const char dump[] = "filter-dump,";
        if (!g_str_has_prefix(text, dump))
            return sys_fail(err, "-object: no kind '%s'; filter-dump would be", text);
        if (!sys_net_add_dump(&s->net, text + sizeof(dump) - 1, err))
            return false;
    }
    return true;
}

/* The cards of -nic. */
static bool add_nics(SysDevices *s, MachineConfig *cfg, GError **err)
{
    for (unsigned k = 0; k < s->net.n_nics; k++) {
        const char *model = s->net.nic[k].model;
        MachineDevice d = {.cls = &virtio_net_class, .id = s->net.nic[k].net->id, .link = "netdev",
                           .transport = &virtio_pci_class};
        if (model && strcmp(model, "virtio") != 0 && strcmp(model, "virtio-net-pci") != 0)
            return sys_fail(err, "-nic: no model '%s'; 'virtio' would be", model);
        if (s->net.nic[k].mac) {
            d.props[0] = "mac";
            d.props[1] = s->net.nic[k].mac;
        }
        if (!plug_net(s, NULL, &d, err))
            return false;
        d.backend = &s->net.nic[k].net->port;
        if (!add_device(cfg, &d, err))
            return false;
    }
    return true;
}

static void print_help(const DevClass *cls, const DevClass *transport)
{
    char text[4096];
    Fmt f = FMT_ON(text);
    if (cls)
        dev_class_help(cls, &f);
    if (transport)
        dev_class_help(transport, &f);
    for (unsigned k = 0; !cls && k < G_N_ELEMENTS(known); k++)
        fmt_printf(&f, "name \"%s\", bus %s: %s\n", name_of(k),
                   known[k].transport ? known[k].transport->bus : known[k].cls->bus, known[k].cls->help);
    fputs(text, stdout);
}

/* One -device. */
static bool parse_device(SysDevices *s, const char *text, MachineConfig *cfg, bool *ret_help, GError **err)
{
    g_auto(GStrv) parts = g_strsplit(text, ",", -1);
    unsigned which = 0, n = 0;
    const char *drive = NULL, *netdev = NULL;
    if (strcmp(parts[0], "help") == 0) {
        print_help(NULL, NULL);
        *ret_help = true;
        return true;
    }
    while (which < G_N_ELEMENTS(known) && !is_named(which, parts[0]))
        which++;
    if (which == G_N_ELEMENTS(known))
        return sys_fail(err, "no device '%s'; -device help lists them", parts[0]);
    MachineDevice d = {.cls = known[which].cls, .link = known[which].link,
                       .transport = known[which].transport};
    unsigned n_transport = 0;
    for (unsigned k = 1; parts[k]; k++) {
        char *value = strchr(parts[k], '=');
        if (!value && strcmp(parts[k], "help") == 0) {
            print_help(d.cls, d.transport);
            *ret_help = true;
            return true;
        }
        if (!value)
            return sys_fail(err, "-device %s: '%s' has no value", parts[0], parts[k]);
        *value++ = 0;
        if (strcmp(parts[k], "id") == 0) {
            d.id = keep(s, value);
        } else if (strcmp(parts[k], "drive") == 0 && known[which].kind == BACKEND_DRIVE) {
            drive = value;
        } else if (strcmp(parts[k], "netdev") == 0 && known[which].kind == BACKEND_NET) {
            netdev = value;
        } else if (has_prop(d.transport, parts[k]) && n_transport + 2 < G_N_ELEMENTS(d.transport_props)) {
            d.transport_props[n_transport++] = keep(s, parts[k]);
            d.transport_props[n_transport++] = keep(s, value);
        } else if (n + 2 < G_N_ELEMENTS(d.props)) {
            d.props[n++] = keep(s, parts[k]);
            d.props[n++] = keep(s, value);
        }
    }
    if (!d.id) {
        g_autofree char *id = g_strdup_printf("%s.%u", parts[0], cfg->n_devices);
        d.id = keep(s, id);
    }
    if (known[which].kind == BACKEND_DRIVE && !find_drive(s, drive, &d, err))
        return false;
    if (known[which].kind == BACKEND_ENTROPY)
        d.backend = &s->entropy;
    if (known[which].kind == BACKEND_NET && !plug_net(s, netdev, &d, err))
        return false;
    return add_device(cfg, &d, err);
}

bool sys_devices_open(SysDevices *s, const SysOptions *o, MachineConfig *cfg, bool *ret_help, GError **err)
{
    s->strings = g_ptr_array_new_with_free_func(g_free);
    s->entropy = (EntropyPort){.fill = entropy_fill};
    const char *text;
    if (!open_nets(s, o, err))
        return false;
    for (unsigned k = 0; (text = sys_option(o, LIST_DRIVE, k)); k++)
        if (!open_drive(s, text, err))
            return false;
    for (unsigned k = 0; (text = sys_option(o, LIST_PFLASH, k)); k++) {
        g_autofree char *drive = g_strdup_printf("if=pflash,file=%s", text);
        if (!open_drive(s, drive, err))
            return false;
    }
    memcpy(cfg->flash, s->flash, sizeof(cfg->flash));
    for (unsigned k = 0; (text = sys_option(o, LIST_DEVICE, k)); k++)
        if (!parse_device(s, text, cfg, ret_help, err))
            return false;
    for (unsigned k = 0; k < s->n_drives; k++) {
        MachineDevice d = {.cls = &virtio_blk_class, .id = s->drive[k].id, .link = "drive",
                           .transport = &virtio_pci_class,
                           .backend = &s->drive[k].disk.port};
        if (!s->drive[k].used && s->drive[k].wants_device && !add_device(cfg, &d, err))
            return false;
    }
    return add_nics(s, cfg, err);
}

void sys_devices_close(SysDevices *s)
{
    for (unsigned k = 0; k < s->n_drives; k++) {
        worker_stop(&s->drive[k].worker);
        raw_disk_close(&s->drive[k].disk);
        g_free(s->drive[k].id);
    }
    s->n_drives = 0;
    sys_net_close(&s->net);
    if (s->strings)
        g_ptr_array_unref(s->strings);
    s->strings = NULL;
}
