#include "system/sys_help.h"
#include "system/chardev/chardev.h"
#include "system/key_vals.h"
#include "system/net_options.h"
#include "system/objects.h"
#include "system/sys_devices.h"
#include "system/trace.h"

#include <string.h>

/* Of each ISA, or of the one that was asked for. Boards of one ISA have the same. */
static void print_models(const SysOptions *o)
{
    const BoardClass *b, *before = NULL;
    for (unsigned n = 0; (b = sys_board(n)); before = b, n++) {
        const char *model;
        if ((before && strcmp(before->isa, b->isa) == 0) || (o->arch && strcmp(o->arch, b->isa) != 0))
            continue;
        printf("Available CPUs (%s):\n", b->isa);
        for (unsigned k = 0; (model = sys_cpu_model(b, k)); k++)
            printf("  %s\n", model);
        if (g_str_equal(b->isa, "x86_64") || g_str_equal(b->isa, "i386"))
            printf("  host  (KVM's)\n");
    }
}

static void print_kinds(const char *what, const char *(*kind)(unsigned n))
{
    const char *name;
    printf("%s:\n", what);
    for (unsigned n = 0; (name = kind(n)); n++)
        printf("  %s\n", name);
}

static bool print_device(const char *text, bool *ret_printed, GError **err)
{
    g_autoptr(KeyVals) kv = key_vals_parse("-device", text, "driver", err);
    const char *name = kv ? key_vals_get(kv, "driver") : NULL;
    *ret_printed = name && (g_str_equal(name, "help") || key_vals_get(kv, "help"));
    return kv && (!*ret_printed || sys_device_help(g_str_equal(name, "help") ? NULL : name, err));
}

/* Without a machine: what no device has to be there for. */
static void print_events(void)
{
    MemMap none = {0};
    const Trace t = {.map = &none};
    char *name;
    bool on;
    for (unsigned n = 0; trace_at(&t, n, &name, &on); n++) {
        printf("%s\n", name);
        g_free(name);
    }
    printf("and NAME_read, NAME_write of each device of a machine: -M NAME -trace help lists them\n");
}

bool sys_help(SysOptions *o, GError **err)
{
    static const struct {
        SysList list;
        const char *what;
        const char *(*kind)(unsigned n);
    } kinds[] = {{LIST_CHARDEV, "Available chardev backend types", chardev_kind},
                 {LIST_NETDEV, "Available netdev backend types", sys_net_kind},
                 {LIST_OBJECT, "List of user creatable objects", objects_kind}};
    const char *text;
    if (o->cpu_model && g_str_equal(o->cpu_model, "help")) {
        print_models(o);
        o->helped = true;
    }
    for (unsigned k = 0; k < G_N_ELEMENTS(kinds); k++)
        for (unsigned n = 0; (text = sys_option(o, kinds[k].list, n)); n++)
            if (g_str_equal(text, "help")) {
                print_kinds(kinds[k].what, kinds[k].kind);
                o->helped = true;
            }
    text = sys_option(o, LIST_TRACE, 0);
    if (text && g_str_equal(text, "help") && !o->machine) {
        print_events();
        o->helped = true;
    }
    for (unsigned n = 0; (text = sys_option(o, LIST_DEVICE, n)); n++) {
        bool printed;
        if (!print_device(text, &printed, err))
            return false;
        o->helped |= printed;
    }
    return true;
}
