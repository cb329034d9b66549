#include "system/sys_devices.h"
#include "system/sys_balloon.h"
#include "system/disks.h"

#include "hw/block/ahci.h"
#include "hw/block/nvme.h"
#include "hw/core/dev_impl.h"
#include "hw/display/vga.h"
#include "hw/misc/pc_ports.h"
#include "hw/misc/pvpanic.h"
#include "hw/net/e1000.h"
#include "hw/pci/pcie_host.h"
#include "hw/scsi/scsi_device.h"
#include "hw/usb/usb_hid.h"
#include "hw/usb/usb_storage.h"
#include "hw/usb/xhci.h"
#include "hw/virtio/virtio_balloon.h"
#include "hw/virtio/virtio_blk.h"
#include "hw/virtio/virtio_net.h"
#include "hw/virtio/virtio_pci.h"
#include "hw/virtio/virtio_rng.h"
#include "hw/virtio/virtio_scsi.h"
#include "hw/virtio/virtio_serial.h"
#include "system/key_vals.h"
#include "system/objects.h"
#include "system/sys_files.h"
#include "system/sys_globals.h"

#include <string.h>
#include <sys/random.h>

typedef enum BackendKind {
    BACKEND_NONE,
    BACKEND_DRIVE,
    BACKEND_ENTROPY,
    BACKEND_NET,
    BACKEND_CHARDEV,
    BACKEND_DISPLAY,
    BACKEND_INPUT,
    BACKEND_REQUESTS,
    BACKEND_MACHINE,
    BACKEND_THREADS /* none of its own, but devices on it have */
} BackendKind;

/* What -device may name. */
static const struct {
    const DevClass *cls;
    BackendKind kind;
    const char *name, *alias; /* NULL: the class's; none */
    const DevClass *transport;
} known[] = {
    {&virtio_blk_class, BACKEND_DRIVE, NULL, NULL, NULL},
    {&virtio_net_class, BACKEND_NET, NULL, NULL, NULL},
    {&virtio_rng_class, BACKEND_ENTROPY, NULL, NULL, NULL},
    {&virtio_serial_class, BACKEND_NONE, NULL, NULL, NULL},
    {&virtio_balloon_class, BACKEND_REQUESTS, NULL, NULL, NULL},
    {&virtio_scsi_class, BACKEND_THREADS, NULL, NULL, NULL},
    {&virtio_blk_class, BACKEND_DRIVE, "virtio-blk-pci", "virtio-blk", &virtio_pci_class},
    {&virtio_net_class, BACKEND_NET, "virtio-net-pci", "virtio-net", &virtio_pci_class},
    {&virtio_rng_class, BACKEND_ENTROPY, "virtio-rng-pci", "virtio-rng", &virtio_pci_class},
    {&virtio_serial_class, BACKEND_NONE, "virtio-serial-pci", "virtio-serial", &virtio_pci_class},
    {&virtio_balloon_class, BACKEND_REQUESTS, "virtio-balloon-pci", "virtio-balloon", &virtio_pci_class},
    {&virtio_scsi_class, BACKEND_THREADS, "virtio-scsi-pci", "virtio-scsi", &virtio_pci_class},
    {&virtio_console_port_class, BACKEND_CHARDEV, NULL, NULL, NULL},
    {&virtio_serial_port_class, BACKEND_CHARDEV, NULL, NULL, NULL},
    {&nvme_class, BACKEND_DRIVE, NULL, NULL, NULL},
    {&vga_class, BACKEND_DISPLAY, NULL, NULL, NULL},
    {&bochs_display_class, BACKEND_DISPLAY, NULL, NULL, NULL},
    {&e1000_class, BACKEND_NET, NULL, "e1000-82540em", NULL},
    {&e1000e_class, BACKEND_NET, NULL, NULL, NULL},
    {&qemu_xhci_class, BACKEND_NONE, NULL, NULL, NULL},
    {&nec_xhci_class, BACKEND_NONE, NULL, NULL, NULL},
    {&usb_kbd_class, BACKEND_INPUT, NULL, NULL, NULL},
    {&usb_mouse_class, BACKEND_INPUT, NULL, NULL, NULL},
    {&usb_tablet_class, BACKEND_INPUT, NULL, NULL, NULL},
    {&usb_storage_class, BACKEND_DRIVE, NULL, NULL, NULL},
    {&scsi_hd_class, BACKEND_DRIVE, NULL, NULL, NULL},
    {&scsi_cd_class, BACKEND_DRIVE, NULL, NULL, NULL},
    {&ide_hd_class, BACKEND_DRIVE, NULL, NULL, NULL},
    {&ide_cd_class, BACKEND_DRIVE, NULL, NULL, NULL},
    {&ich9_ahci_class, BACKEND_NONE, NULL, "ahci", NULL},
    {&pcie_root_port_class, BACKEND_NONE, NULL, NULL, NULL},
    {&isa_debug_exit_class, BACKEND_MACHINE, NULL, NULL, NULL},
    {&isa_debugcon_class, BACKEND_CHARDEV, NULL, NULL, NULL},
    {&pvpanic_class, BACKEND_MACHINE, NULL, NULL, NULL},
    {&pvpanic_pci_class, BACKEND_MACHINE, NULL, NULL, NULL},
};

static const struct {
    const char *link, *key, *help; /* of the class; of -device */
} backends[] = {
    [BACKEND_NONE] = {NULL, NULL, NULL},
    [BACKEND_DRIVE] = {"drive", "drive", "id of a -drive, node-name of a -blockdev"},
    [BACKEND_ENTROPY] = {"source", "rng", "id of an -object with random bytes"},
    [BACKEND_NET] = {"netdev", "netdev", "id of a -netdev"},
    [BACKEND_CHARDEV] = {"chardev", "chardev", "id of a -chardev"},
    [BACKEND_DISPLAY] = {"display", NULL, NULL},
    [BACKEND_INPUT] = {"input", NULL, NULL},
    [BACKEND_REQUESTS] = {"requests", NULL, NULL},
    [BACKEND_MACHINE] = {"machine", NULL, NULL},
    [BACKEND_THREADS] = {NULL, NULL, NULL},
};

/* What a device of -device takes that is no property of its class, for its kind; NULL: there are fewer. */
static const char *more_keys(BackendKind kind, unsigned n, const char **ret_help)
{
    const struct {
        const char *key, *help;
        bool has;
    } rows[] = {{"id", "its name", true},
                {backends[kind].key, backends[kind].help, backends[kind].key != NULL},
                {"bootindex", "its place among those that firmware starts",
                 kind == BACKEND_DRIVE || kind == BACKEND_NET},
                {"iothread", "id of an -object iothread", kind == BACKEND_DRIVE || kind == BACKEND_THREADS}};
    for (unsigned k = 0; k < G_N_ELEMENTS(rows); k++) {
        if (!rows[k].has || n-- != 0)
            continue;
        *ret_help = rows[k].help;
        return rows[k].key;
    }
    return NULL;
}

static const char *name_of(unsigned k)
{
    return known[k].name ? known[k].name : known[k].cls->name;
}
static bool is_named(unsigned k, const char *name)
{
    return strcmp(name_of(k), name) == 0 || (known[k].alias && strcmp(known[k].alias, name) == 0);
}

bool sys_device_kind(unsigned n, const char **ret_name, const DevClass **ret_cls,
                     const DevClass **ret_transport)
{
    if (n >= G_N_ELEMENTS(known))
        return false;
    *ret_name = name_of(n);
    *ret_cls = known[n].cls;
    *ret_transport = known[n].transport;
    return true;
}

static BackendKind kind_of(const DevClass *cls)
{
    for (unsigned k = 0; k < G_N_ELEMENTS(known); k++)
        if (known[k].cls == cls)
            return known[k].kind;
    return BACKEND_NONE;
}

const char *sys_device_backend_key(const DevClass *cls)
{
    return backends[kind_of(cls)].key;
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

/* ---- one device and what it holds ---- */

static const char *keep(SysDevice *d, const char *text)
{
    char *copy = g_strdup(text);
    g_ptr_array_add(d->strings, copy);
    return copy;
}

static SysDevice *device_new(Vm *vm)
{
    SysDevice *d = g_new0(SysDevice, 1);
    d->vm = vm;
    d->strings = g_ptr_array_new_with_free_func(g_free);
    return d;
}

void sys_device_free(SysDevice *d, bool was_there)
{
    if (d->front) {
        chardev_detach(d->front);
        g_free(d->front);
    }
    if (d->net) {
        d->net->used = false;
        d->net->port.device = NULL;
    }
    if (d->disk)
        disks_give_back(d->vm->disks, d->disk, was_there);
    if (d->head)
        displays_remove(d->vm, d->head);
    if (d->input)
        inputs_remove(d->vm->inputs, d->input);
    if (d->rom)
        g_mapped_file_unref(d->rom);
    for (unsigned k = 0; k < d->n_objects; k++)
        objects_give_back(d->vm->objects, d->object[k]);
    g_ptr_array_unref(d->strings);
    g_free(d);
}

static bool add_device(SysDevices *s, MachineConfig *cfg, SysDevice *d, GError **err)
{
    if (!d)
        return false;
    g_ptr_array_add(s->list, d);
    if (cfg->n_devices == MACHINE_MAX_DEVICES)
        return sys_fail(err, "more than %u devices", (unsigned)MACHINE_MAX_DEVICES);
    cfg->device[cfg->n_devices++] = d->want;
    return true;
}

static bool no_prop(const MachineDevice *d, const char *name, GError **err)
{
    const DevClass *classes[] = {d->cls, d->transport};
    const char *more, *help;
    g_autoptr(GPtrArray) names = g_ptr_array_new();
    for (unsigned n = 0; (more = more_keys(kind_of(d->cls), n, &help)); n++)
        g_ptr_array_add(names, (char *)(uintptr_t)more);
    for (unsigned c = 0; c < G_N_ELEMENTS(classes); c++)
        for (unsigned k = 0; classes[c] && k < classes[c]->n_props; k++)
            if (classes[c]->props[k].kind != PROP_PTR)
                g_ptr_array_add(names, (char *)(uintptr_t)classes[c]->props[k].name);
    return sys_fail(err, "%s has no property '%s'; '%s' would be", d->cls->name, name,
                    sys_nearest(name, (const char *const *)names->pdata, names->len));
}

static bool add_prop(SysDevice *d, const char *name, const char *value, GError **err)
{
    const char **to = d->want.props;
    if (!has_prop(d->want.transport, name) && !has_prop(d->want.cls, name))
        return no_prop(&d->want, name, err);
    unsigned room = G_N_ELEMENTS(d->want.props), n = 0;
    if (has_prop(d->want.transport, name)) {
        to = d->want.transport_props;
        room = G_N_ELEMENTS(d->want.transport_props);
    }
    while (to[n])
        n += 2;
    if (n + 2 >= room)
        return sys_fail(err, "%s: too many properties", d->want.id);
    to[n] = keep(d, name);
    to[n + 1] = keep(d, value);
    return true;
}

/* -global: before what this device gets by itself. */
static bool add_globals(const SysDevices *s, SysDevice *d, GError **err)
{
    unsigned which = 0;
    while (known[which].cls != d->want.cls || known[which].transport != d->want.transport)
        which++;
    for (unsigned k = 0; k < s->globals->n; k++) {
        const MachineGlobal *g = &s->globals->row[k];
        const bool meant = machine_is_driver(g->driver, name_of(which)) ||
                           (known[which].alias && machine_is_driver(g->driver, known[which].alias));
        if (meant && !add_prop(d, g->prop, g->value, err))
            return false;
    }
    return true;
}

static bool has_given(const SysDevice *d, const char *name)
{
    for (unsigned n = 0; d->want.props[n]; n += 2)
        if (strcmp(d->want.props[n], name) == 0)
            return true;
    return false;
}

/* A card without a network is one whose cable is not plugged in. */
static bool plug_net(SysDevices *s, SysDevice *d, const char *id, GError **err)
{
    g_autofree char *mac = g_strdup_printf("52:54:00:12:34:%02x", (0x56 + s->n_cards) & 0xff);
    if (!has_given(d, "mac") && !add_prop(d, "mac", mac, err))
        return false;
    s->n_cards++;
    d->net = id ? sys_net_take(&s->net, id, err) : NULL;
    d->want.backend = d->net ? &d->net->port : NULL;
    return d->net || !id;
}

static bool use_object(SysDevice *d, const char *id)
{
    d->object[d->n_objects++] = keep(d, id);
    return true;
}

/* A guest's program has opened or closed the port; told by the main loop. */
typedef struct PortChange {
    Vm *vm;
    char *id;
    bool open;
} PortChange;

static gboolean tell_port(void *opaque)
{
    PortChange *p = opaque;
    JsonObject *data = json_object_new();
    json_object_set_string_member(data, "id", p->id);
    json_object_set_boolean_member(data, "open", p->open);
    vm_event(p->vm, "VSERPORT_CHANGE", data);
    g_free(p->id);
    g_free(p);
    return G_SOURCE_REMOVE;
}

static void port_opened(void *opaque, bool open)
{
    const SysDevice *d = opaque;
    PortChange *p = g_new0(PortChange, 1);
    *p = (PortChange){.vm = d->vm, .id = g_strdup(d->want.id), .open = open};
    g_idle_add_full(G_PRIORITY_DEFAULT, tell_port, p, NULL);
}

static bool plug_chardev(SysDevice *d, const char *id, GError **err)
{
    Chardev *c = chardev_find(d->vm->chars, id);
    if (!c)
        return sys_fail(err, "-device %s: no chardev '%s'", d->want.cls->name, id);
    d->front = g_new0(CharFront, 1);
    d->front->port.guest = d;
    d->front->port.opened = port_opened;
    d->want.backend = &d->front->port;
    return chardev_attach(c, d->front, d->want.id, err);
}

static bool plug_backend(SysDevices *s, SysDevice *d, BackendKind kind, const char *id, GError **err)
{
    switch (kind) {
    case BACKEND_DRIVE:
        if (!id && (d->want.cls == &ide_cd_class || d->want.cls == &scsi_cd_class))
            return true; /* with no medium, ever */
        if (!id)
            return sys_fail(err, "-device: drive= is missing, the id of a -drive or the name of a -blockdev");
        d->disk = disks_take(s->vm->disks, id, err);
        d->want.backend = d->disk ? &d->disk->port : NULL;
        return d->disk != NULL;
    case BACKEND_ENTROPY:
        d->want.backend = id ? objects_entropy(s->vm->objects, id, err) : &s->entropy;
        return d->want.backend && (!id || use_object(d, id));
    case BACKEND_NET: return plug_net(s, d, id, err);
    case BACKEND_CHARDEV: return !id || plug_chardev(d, id, err);
    case BACKEND_INPUT: d->want.backend = d->input = inputs_add(s->vm->inputs); break;
    case BACKEND_DISPLAY:
        d->head = displays_add(s->vm, d->want.id);
        d->want.backend = &d->head->port;
        break;
    case BACKEND_REQUESTS:
    case BACKEND_MACHINE: d->want.backend = &s->requests; break;
    case BACKEND_THREADS:
    case BACKEND_NONE: break;
    }
    return true;
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
    if (!sys_net_add_pairs(&s->net, o->list[LIST_NET], err))
        return false;
    if (o->board->nic && !o->nodefaults && !o->list[LIST_NETDEV]->len && !o->list[LIST_NIC]->len &&
        !o->list[LIST_NET]->len)
        return !TINAMOU_SLIRP || sys_net_add_nic(&s->net, "user", err);
    return true;
}

/* After the networks, which dumps name. */
static bool open_objects(SysDevices *s, const SysOptions *o, GError **err)
{
    const char *text;
    for (unsigned k = 0; (text = sys_option(o, LIST_OBJECT, k)); k++) {
        bool mine;
        g_autoptr(KeyVals) kv = key_vals_parse("-object", text, "qom-type", err);
        if (!kv || !objects_add(s->vm->objects, kv, &mine, err))
            return false;
        if (!mine && !sys_net_add_dump(&s->net, kv, err))
            return false;
    }
    return true;
}

static bool open_memory(SysDevices *s, const SysOptions *o, MachineConfig *cfg, GError **err)
{
    SysMemory *m = o->memory ? objects_memory(s->vm->objects, o->memory, err) : NULL;
    if (!m)
        return !o->memory;
    if (o->ram_bytes && o->ram_bytes != memory_bytes(m))
        return sys_fail(err, "-machine memory-backend=%s: its size is not that of -m", o->memory);
    cfg->ram_bytes = memory_bytes(m);
    cfg->map_ram = memory_map;
    cfg->map_ram_opaque = m;
    return true;
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

bool sys_device_help(const char *name, GError **err)
{
    char text[4096];
    Fmt f = FMT_ON(text);
    unsigned which;
    if (name && !find_known(name, &which, err))
        return false;
    if (name)
        dev_class_help(known[which].cls, &f);
    if (name && known[which].transport)
        dev_class_help(known[which].transport, &f);
    const char *key, *help;
    for (unsigned n = 0; name && (key = more_keys(known[which].kind, n, &help)); n++)
        fmt_printf(&f, "%s  %s=<text>  %s\n", n ? "" : "of -device:\n", key, help);
    for (unsigned k = 0; !name && k < G_N_ELEMENTS(known); k++)
        fmt_printf(&f, "name \"%s\", bus %s: %s\n", name_of(k),
                   known[k].transport ? known[k].transport->bus : known[k].cls->bus, known[k].cls->help);
    fputs(text, stdout);
    return true;
}

static bool id_is_free(const SysDevices *s, const char *id, GError **err)
{
    if (strlen(id) >= sizeof(((Device *)0)->id))
        return sys_fail(err, "id '%s' is too long", id);
    for (unsigned k = 0; k < s->list->len; k++)
        if (strcmp(((const SysDevice *)s->list->pdata[k])->want.id, id) == 0)
            return sys_fail(err, "Duplicate device ID '%s'", id);
    return true;
}

static bool read_bootindex(SysDevice *d, KeyVals *kv, GError **err)
{
    const char *text = key_vals_get(kv, "bootindex");
    guint64 n;
    if (!text || strcmp(text, "-1") == 0)
        return true;
    if (!g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT32, &n, NULL))
        return sys_fail(err, "-device: bootindex '%s' is no number", text);
    d->want.boot = (uint32_t)n + 1;
    return true;
}

/* What it is started by: the user's, or the one that its kind has. The latter need not be there. */
static bool read_rom(SysDevice *d, GError **err)
{
    const DevClass *cls = d->want.transport ? d->want.transport : d->want.cls;
    const char *const *props = d->want.transport ? d->want.transport_props : d->want.props, *said = NULL;
    for (unsigned n = 0; props[n]; n += 2)
        said = strcmp(props[n], "romfile") == 0 ? props[n + 1] : said;
    const char *name = said ? said : cls->rom;
    if (!cls->bus || strcmp(cls->bus, "pci") != 0 || !name || !*name)
        return true;
    g_autofree char *path = sys_file_find(d->vm->opt, name);
    if (!said && !g_file_test(path, G_FILE_TEST_EXISTS)) {
        if (!d->want.link || strcmp(d->want.link, backends[BACKEND_NET].link) != 0) /* a card does without */
            fprintf(stderr, "tinamou-system: %s: there is no option ROM %s\n", d->want.id, name);
        return true;
    }
    d->rom = sys_file_map(path, err);
    if (d->rom)
        d->want.rom = (Image){.bytes = (const uint8_t *)g_mapped_file_get_contents(d->rom),
                              .size = g_mapped_file_get_length(d->rom),
                              .name = keep(d, path)};
    return d->rom != NULL;
}

/* The cards of -nic. */
static bool add_nics(SysDevices *s, MachineConfig *cfg, GError **err)
{
    for (unsigned k = 0; k < s->net.n_nics; k++) {
        const char *model = s->net.nic[k].model, *mac = s->net.nic[k].mac, *own = s->vm->opt->board->nic;
        NetBack *net = s->net.nic[k].net;
        unsigned which;
        const char *wanted = model && strcmp(model, "virtio") != 0 ? model
                             : !model && own                       ? own
                                                                   : "virtio-net-pci";
        if (!find_known(wanted, &which, NULL) ||
            known[which].kind != BACKEND_NET)
            return sys_fail(err, "-nic: no model '%s'; '%s' would be", model, own ? own : "virtio");
        SysDevice *d = device_new(s->vm);
        d->want = (MachineDevice){.cls = known[which].cls,
                                  .id = keep(d, net->id),
                                  .unnamed = true,
                                  .link = "netdev",
                                  .transport = known[which].transport};
        if (!add_globals(s, d, err) || (mac && !add_prop(d, "mac", mac, err)) ||
            !read_rom(d, err) || !plug_net(s, d, net->id, err) ||
            !add_device(s, cfg, d, err))
            return false;
    }
    return true;
}

static bool read_keys(SysDevices *s, KeyVals *kv, SysDevice *d, unsigned which, GError **err)
{
    const BackendKind kind = known[which].kind;
    const char *id = key_vals_get(kv, "id"), *key, *value;
    const char *backend = backends[kind].key ? key_vals_get(kv, backends[kind].key) : NULL;
    const char *thread =
        kind == BACKEND_DRIVE || kind == BACKEND_THREADS ? key_vals_get(kv, "iothread") : NULL;
    g_autofree char *made = g_strdup_printf("%s.%u", name_of(which), s->n_made++);
    unsigned at = 0;
    d->want.id = keep(d, id ? id : made);
    d->want.unnamed = !id;
    if (!id_is_free(s, d->want.id, err))
        return false;
    if (thread && (!objects_iothread(s->vm->objects, thread, err) || !use_object(d, thread)))
        return false;
    if (!read_bootindex(d, kv, err) || !add_globals(s, d, err))
        return false;
    while (key_vals_rest(kv, &at, &key, &value))
        if (!add_prop(d, key, value, err))
            return false;
    return read_rom(d, err) && plug_backend(s, d, kind, backend, err);
}

SysDevice *sys_device_parse(SysDevices *s, KeyVals *kv, GError **err)
{
    unsigned which;
    const char *name = key_vals_get(kv, "driver");
    if (!name)
        sys_fail(err, "%s: which driver?", key_vals_what(kv));
    if (!name || !find_known(name, &which, err))
        return NULL;
    SysDevice *d = device_new(s->vm);
    d->want = (MachineDevice){.cls = known[which].cls,
                              .link = backends[known[which].kind].link,
                              .transport = known[which].transport};
    if (read_keys(s, kv, d, which, err))
        return d;
    sys_device_free(d, false);
    return NULL;
}

static bool open_device(SysDevices *s, const char *text, MachineConfig *cfg, GError **err)
{
    g_autoptr(KeyVals) kv = key_vals_parse("-device", text, "driver", err);
    return kv && add_device(s, cfg, sys_device_parse(s, kv, err), err);
}

/* -hda to -hdd, -cdrom and a disk that is an argument of its own. */
static bool open_short_disks(Disks *disks, const SysOptions *o, GError **err)
{
    static const SysList lists[] = {LIST_HDA, LIST_HDB, LIST_CDROM, LIST_HDC, LIST_HDD};
    static const char *const places[] = {"0", "1", "2", "2", "3"};
    const char *text;
    for (unsigned n = 0; n < G_N_ELEMENTS(lists); n++) {
        for (unsigned k = 0; (text = sys_option(o, lists[n], k)); k++) {
            g_autoptr(KeyVals) kv = key_vals_new("-drive");
            key_vals_add(kv, "file", text);
            key_vals_add(kv, "index", places[n]);
            key_vals_add(kv, "media", lists[n] == LIST_CDROM ? "cdrom" : "disk");
            if (!disks_add_drive(disks, kv, err))
                return false;
        }
    }
    return true;
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
    if (!open_short_disks(disks, o, err))
        return false;
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

/* Where the board has such drives there is one for CDs, unless the user has another. */
static bool open_own_cd(SysDevices *s, const SysOptions *o, GError **err)
{
    enum { PLACE = 2 };
    const Disk *disk;
    bool there = o->nodefaults || !o->board->ide_units;
    for (unsigned k = 0; (disk = disks_at(s->vm->disks, k)); k++)
        there |= disk->cdrom || disk->ide == PLACE;
    for (unsigned k = 0; k < s->list->len; k++)
        there |= ((const SysDevice *)s->list->pdata[k])->want.cls == &ide_cd_class;
    if (there)
        return true;
    g_autoptr(KeyVals) kv = key_vals_new("-drive");
    key_vals_add(kv, "index", "2");
    key_vals_add(kv, "media", "cdrom");
    return disks_add_drive(s->vm->disks, kv, err);
}

static bool place_drive(SysDevice *d, const Disk *disk, unsigned units, GError **err)
{
    g_autofree char *bus = g_strdup_printf("ide.%u", (unsigned)disk->ide / units),
                    *unit = g_strdup_printf("%u", (unsigned)disk->ide % units);
    d->want.cls = disk->cdrom ? &ide_cd_class : &ide_hd_class;
    return add_prop(d, "bus", bus, err) && add_prop(d, "unit", unit, err);
}

/* Those of -drive if=virtio and if=ide. */
static bool add_disks(SysDevices *s, MachineConfig *cfg, GError **err)
{
    Disk *disk;
    for (unsigned k = 0; (disk = disks_at(s->vm->disks, k)); k++) {
        const bool ide = disk->ide >= 0;
        if (disk->used || !disk->wants_device)
            continue;
        SysDevice *d = device_new(s->vm);
        d->want = (MachineDevice){.cls = &virtio_blk_class,
                                  .id = keep(d, disk->id),
                                  .unnamed = true,
                                  .link = "drive",
                                  .transport = ide ? NULL : &virtio_pci_class};
        if ((ide && !place_drive(d, disk, s->vm->opt->board->ide_units, err)) || !add_globals(s, d, err) ||
            !plug_backend(s, d, BACKEND_DRIVE, disk->id, err) || !add_device(s, cfg, d, err))
            return false;
    }
    return true;
}

static bool is_display(unsigned k)
{
    return known[k].kind == BACKEND_DISPLAY;
}
static bool is_usb_host(unsigned k)
{
    return known[k].cls == &qemu_xhci_class || known[k].cls == &nec_xhci_class;
}

/* Is such a kind among what -device names? */
static bool names_kind(const SysOptions *o, bool (*is)(unsigned k))
{
    const char *text;
    for (unsigned n = 0; (text = sys_option(o, LIST_DEVICE, n)); n++) {
        g_autoptr(KeyVals) kv = key_vals_parse("-device", text, "driver", NULL);
        const char *name = kv ? key_vals_get(kv, "driver") : NULL;
        for (unsigned k = 0; name && k < G_N_ELEMENTS(known); k++)
            if (is(k) && is_named(k, name))
                return true;
    }
    return false;
}

/* The adapter that a board has by itself. It comes first, so that it has the first slot. */
static bool add_display(SysDevices *s, const SysOptions *o, MachineConfig *cfg, GError **err)
{
    const bool wanted = o->vga ? strcmp(o->vga, "std") == 0
                               : o->board->display && !o->nodefaults && !names_kind(o, is_display);
    return !wanted || open_device(s, "VGA", cfg, err);
}

/* -usb: the controller before the devices that plug into it. */
static bool add_usb(SysDevices *s, const SysOptions *o, MachineConfig *cfg, GError **err)
{
    return !o->usb || names_kind(o, is_usb_host) || open_device(s, "qemu-xhci", cfg, err);
}

bool sys_devices_open(SysDevices *s, const SysOptions *o, MachineConfig *cfg, GError **err)
{
    s->list = g_ptr_array_new();
    s->entropy = (EntropyPort){.fill = entropy_fill};
    s->requests = (MachineRequests){.opaque = s->vm, .request = vm_request, .changed = sys_balloon_changed};
    const char *text;
    if (!open_nets(s, o, err) || !open_objects(s, o, err) || !open_memory(s, o, cfg, err) ||
        !open_disks(s->vm->disks, o, err))
        return false;
    for (unsigned k = 0; k < G_N_ELEMENTS(cfg->flash); k++)
        cfg->flash[k] = disks_flash(s->vm->disks, k);
    if (!add_display(s, o, cfg, err) || !add_usb(s, o, cfg, err))
        return false;
    for (unsigned k = 0; (text = sys_option(o, LIST_DEBUGCON, k)); k++) {
        g_autofree char *label = g_strdup_printf("debugcon%u", k);
        g_autofree char *device = g_strdup_printf("isa-debugcon,chardev=%s", label);
        if (!chardev_add_short(s->vm->chars, "-debugcon", text, label, err) ||
            !open_device(s, device, cfg, err))
            return false;
    }
    for (unsigned k = 0; (text = sys_option(o, LIST_DEVICE, k)); k++)
        if (!open_device(s, text, cfg, err))
            return false;
    return open_own_cd(s, o, err) && add_disks(s, cfg, err) && add_nics(s, cfg, err);
}

void sys_devices_close(SysDevices *s)
{
    for (unsigned k = 0; s->list && k < s->list->len; k++)
        sys_device_free(s->list->pdata[k], true);
    if (s->list)
        g_ptr_array_unref(s->list);
    s->list = NULL;
    sys_net_close(&s->net);
}
