#include "system/sys_devices.h"
#include "system/disks.h"

#include "hw/block/nvme.h"
#include "hw/core/dev_impl.h"
#include "hw/pci/pcie_host.h"
#include "hw/virtio/virtio_balloon.h"
#include "hw/virtio/virtio_blk.h"
#include "hw/virtio/virtio_console.h"
#include "hw/virtio/virtio_net.h"
#include "hw/virtio/virtio_pci.h"
#include "hw/virtio/virtio_rng.h"
#include "system/key_vals.h"
#include "system/objects.h"

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
    {&virtio_console_class, BACKEND_NONE, NULL, NULL, NULL, NULL},
    {&virtio_console_class, BACKEND_NONE, NULL, "virtio-serial-pci", "virtio-serial", &virtio_pci_class},
    {&virtio_balloon_class, BACKEND_NONE, NULL, NULL, NULL, NULL},
    {&virtio_balloon_class, BACKEND_NONE, NULL, "virtio-balloon-pci", "virtio-balloon", &virtio_pci_class},
    {&nvme_class, BACKEND_DRIVE, "drive", NULL, NULL, NULL},
    {&pcie_root_port_class, BACKEND_NONE, NULL, NULL, NULL, NULL},
};

static const char *name_of(unsigned k)
{
    return known[k].name ? known[k].name : known[k].cls->name;
}
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

static bool add_device(MachineConfig *cfg, const MachineDevice *d, GError **err)
{
    if (cfg->n_devices == MACHINE_MAX_DEVICES)
        return sys_fail(err, "more than %u devices", (unsigned)MACHINE_MAX_DEVICES);
    cfg->device[cfg->n_devices++] = *d;
    return true;
}

static bool find_drive(SysDevices *s, const char *id, MachineDevice *d, GError **err)
{
    Disk *disk = disks_take(s->disks, id ? id : "", err);
    d->backend = disk ? &disk->port : NULL;
    return disk != NULL;
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
    return true;
}

/* After the networks, which dumps name. */
static bool open_objects(SysDevices *s, const SysOptions *o, GError **err)
{
    const char *text;
    for (unsigned k = 0; (text = sys_option(o, LIST_OBJECT, k)); k++) {
        bool mine;
        g_autoptr(KeyVals) kv = key_vals_parse("-object", text, "qom-type", err);
        if (!kv || !objects_add(s->objects, kv, &mine, err))
            return false;
        if (!mine && !sys_net_add_dump(&s->net, kv, err))
            return false;
    }
    return true;
}

static bool open_memory(SysDevices *s, const SysOptions *o, MachineConfig *cfg, GError **err)
{
    SysMemory *m = o->memory ? objects_memory(s->objects, o->memory, err) : NULL;
    if (!m)
        return !o->memory;
    if (o->ram_bytes && o->ram_bytes != memory_bytes(m))
        return sys_fail(err, "-machine memory-backend=%s: its size is not that of -m", o->memory);
    cfg->ram_bytes = memory_bytes(m);
    cfg->map_ram = memory_map;
    cfg->map_ram_opaque = m;
    return true;
}

/* The cards of -nic. */
static bool add_nics(SysDevices *s, MachineConfig *cfg, GError **err)
{
    for (unsigned k = 0; k < s->net.n_nics; k++) {
        const char *model = s->net.nic[k].model;
        MachineDevice d = {.cls = &virtio_net_class,
                           .id = s->net.nic[k].net->id,
                           .link = "netdev",
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

static bool find_known(const char *name, unsigned *ret, GError **err)
{
    const char *names[G_N_ELEMENTS(known)];
    for (*ret = 0; *ret < G_N_ELEMENTS(known); ++*ret) {
        names[*ret] = name_of(*ret);
        if (is_named(*ret, name))
            return true;
    }
    return sys_fail(err, "no device '%s'; '%s' would be", name,
                    sys_nearest(name, names, G_N_ELEMENTS(names)));
}

/* What is neither the back end nor the id: properties of the device, or of what it is plugged in by. */
static bool take_props(SysDevices *s, KeyVals *kv, MachineDevice *d, GError **err)
{
    unsigned at = 0, n = 0, n_transport = 0;
    const char *key, *value;
    while (key_vals_rest(kv, &at, &key, &value)) {
        bool transport = has_prop(d->transport, key);
        const char **to = transport ? d->transport_props : d->props;
        unsigned *io = transport ? &n_transport : &n;
        unsigned room = transport ? G_N_ELEMENTS(d->transport_props) : G_N_ELEMENTS(d->props);
        if (*io + 2 >= room)
            return sys_fail(err, "%s: too many properties", key_vals_what(kv));
        to[(*io)++] = keep(s, key);
        to[(*io)++] = keep(s, value);
    }
    return true;
}

/* `-device virtconsole`: the port of the last virtio-serial before it. */
static bool plug_console(SysDevices *s, KeyVals *kv, MachineConfig *cfg, GError **err)
{
    const char *chardev = key_vals_get(kv, "chardev"), *bus = key_vals_get(kv, "bus");
    MachineDevice *to = NULL;
    key_vals_get(kv, "id");
    key_vals_get(kv, "name");
    key_vals_get(kv, "nr");
    for (unsigned k = 0; k < cfg->n_devices; k++)
        if (cfg->device[k].cls == &virtio_console_class &&
            (!bus || g_str_has_prefix(bus, cfg->device[k].id)))
            to = &cfg->device[k];
    if (!to || to->link)
        return sys_fail(err, "-device virtconsole: %s",
                        to ? "a virtio-serial has one port" : "no virtio-serial");
    Chardev *c = chardev ? chardev_find(s->chars, chardev) : NULL;
    if (!c || s->n_consoles == G_N_ELEMENTS(s->console))
        return sys_fail(err, "-device virtconsole: no chardev '%s'", chardev ? chardev : "");
    CharFront *f = &s->console[s->n_consoles++];
    to->link = "chardev";
    to->backend = &f->port;
    return chardev_attach(c, f, to->id, err) && key_vals_done(kv, err);
}

/* One -device. */
static bool parse_device(SysDevices *s, const char *text, MachineConfig *cfg, bool *ret_help, GError **err)
{
    unsigned which;
    g_autoptr(KeyVals) kv = key_vals_parse("-device", text, "driver", err);
    const char *name = kv ? key_vals_get(kv, "driver") : NULL;
    if (!kv || !name)
        return kv && sys_fail(err, "-device: which driver?");
    if (strcmp(name, "help") == 0) {
        print_help(NULL, NULL);
        *ret_help = true;
        return true;
    }
    if (strcmp(name, "virtconsole") == 0)
        return plug_console(s, kv, cfg, err);
    if (!find_known(name, &which, err))
        return false;
    MachineDevice d = {
        .cls = known[which].cls, .link = known[which].link, .transport = known[which].transport};
    if (key_vals_get(kv, "help")) {
        print_help(d.cls, d.transport);
        *ret_help = true;
        return true;
    }
    const char *id = key_vals_get(kv, "id");
    const char *drive = known[which].kind == BACKEND_DRIVE ? key_vals_get(kv, "drive") : NULL;
    const char *netdev = known[which].kind == BACKEND_NET ? key_vals_get(kv, "netdev") : NULL;
    const char *rng = known[which].kind == BACKEND_ENTROPY ? key_vals_get(kv, "rng") : NULL;
    const char *thread = known[which].kind == BACKEND_DRIVE ? key_vals_get(kv, "iothread") : NULL;
    if ((thread && !objects_iothread(s->objects, thread, err)) || !take_props(s, kv, &d, err))
        return false;
    g_autofree char *made = g_strdup_printf("%s.%u", name, cfg->n_devices);
    d.id = keep(s, id ? id : made);
    if (known[which].kind == BACKEND_DRIVE && !find_drive(s, drive, &d, err))
        return false;
    if (known[which].kind == BACKEND_ENTROPY)
        d.backend = rng ? objects_entropy(s->objects, rng, err) : &s->entropy;
    if (rng && !d.backend)
        return false;
    if (known[which].kind == BACKEND_NET && !plug_net(s, netdev, &d, err))
        return false;
    return add_device(cfg, &d, err);
}

static bool open_disks(Disks *disks, const SysOptions *o, GError **err)
{
    const char *text;
    for (unsigned k = 0; (text = sys_option(o, LIST_BLOCKDEV, k)); k++) {
        g_autoptr(KeyVals) kv = key_vals_parse("-blockdev", text, "driver", err);
        if (!kv || !disks_add_blockdev(disks, kv, err))
            return false;
    }
    for (unsigned k = 0; (text = sys_option(o, LIST_DRIVE, k)); k++) {
        g_autoptr(KeyVals) kv = key_vals_parse("-drive", text, NULL, err);
        if (!kv || !disks_add_drive(disks, kv, err))
            return false;
    }
    for (unsigned k = 0; (text = sys_option(o, LIST_PFLASH, k)); k++) {
        g_autoptr(KeyVals) kv = key_vals_new("-pflash");
        key_vals_add(kv, "if", "pflash");
        key_vals_add(kv, "file", text);
        key_vals_add(kv, "format", "raw");
        if (!disks_add_drive(disks, kv, err))
            return false;
    }
    return true;
}

bool sys_devices_open(SysDevices *s, const SysOptions *o, MachineConfig *cfg, bool *ret_help, GError **err)
{
    s->strings = g_ptr_array_new_with_free_func(g_free);
    s->entropy = (EntropyPort){.fill = entropy_fill};
    const char *text;
    if (!open_nets(s, o, err) || !open_objects(s, o, err) || !open_memory(s, o, cfg, err) ||
        !open_disks(s->disks, o, err))
        return false;
    for (unsigned k = 0; k < G_N_ELEMENTS(cfg->flash); k++)
        cfg->flash[k] = disks_flash(s->disks, k);
    for (unsigned k = 0; (text = sys_option(o, LIST_DEVICE, k)); k++)
        if (!parse_device(s, text, cfg, ret_help, err))
            return false;
    Disk *disk;
    for (unsigned k = 0; (disk = disks_at(s->disks, k)); k++) {
        MachineDevice d = {.cls = &virtio_blk_class,
                           .id = disk->id,
                           .link = "drive",
                           .transport = &virtio_pci_class,
                           .backend = &disk->port};
        if (!disk->used && disk->wants_device && !add_device(cfg, &d, err))
            return false;
        disk->used |= disk->wants_device;
    }
    return add_nics(s, cfg, err);
}

void sys_devices_close(SysDevices *s)
{
    sys_net_close(&s->net);
    if (s->strings)
        g_ptr_array_unref(s->strings);
    s->strings = NULL;
}
