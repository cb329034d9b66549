/* `info network`: cards with what they are connected to, and networks without a card. */
#include "system/monitor/hmp.h"
#include "system/sys_devices.h"

#include <string.h>

static const char *model_of(const MachineDevice *d)
{
    const char *name;
    const DevClass *cls, *transport;
    for (unsigned k = 0; sys_device_kind(k, &name, &cls, &transport); k++)
        if (cls == d->cls && transport == d->transport)
            return name;
    return d->cls->name;
}

/* The last one counts. */
static const char *mac_of(const MachineDevice *d)
{
    const char *mac = "";
    for (unsigned n = 0; d->props[n]; n += 2)
        if (strcmp(d->props[n], "mac") == 0)
            mac = d->props[n + 1];
    return mac;
}

static void show_net(GString *out, const char *before, const NetBack *b)
{
    g_string_append_printf(out, "%s%s: index=0,type=%s\n", before, b->id, b->kind);
}

void hmp_info_network(Hmp *h, const char *args)
{
    const SysDevices *s = h->vm->devices;
    for (unsigned k = 0; k < s->net.n; k++)
        if (!s->net.net[k]->used)
            show_net(h->out, "", s->net.net[k]);
    for (unsigned k = 0; k < s->list->len; k++) {
        const SysDevice *d = s->list->pdata[k];
        if (!d->want.link || strcmp(d->want.link, "netdev") != 0)
            continue;
        g_string_append_printf(h->out, "%s: index=0,type=nic,model=%s,macaddr=%s\n", d->want.id,
                               model_of(&d->want), mac_of(&d->want));
        if (d->net)
            show_net(h->out, " \\ ", d->net);
    }
}
