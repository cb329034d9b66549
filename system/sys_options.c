#include "system/sys_options.h"
#include "system/key_vals.h"
#include "system/sys_refused.h"
#include "target/mem.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct OptionRow {
    const char *name, *value, *help; /* value: its name in the help, NULL: takes none */
    bool (*set)(SysOptions *o, const char *value, GError **err);
    SysList list; /* instead of set */
} OptionRow;

/* ---- key=value lists ---- */

typedef struct KeyRow {
    const char *key;
    bool (*set)(SysOptions *o, const char *value, GError **err);
} KeyRow;

static bool set_rows(SysOptions *o, KeyVals *kv, const KeyRow *rows, unsigned n, GError **err)
{
    for (unsigned k = 0; k < n; k++) {
        const char *value = key_vals_get(kv, rows[k].key);
        if (value && !rows[k].set(o, g_intern_string(value), err))
            return false;
    }
    return true;
}

static bool set_keys(SysOptions *o, const char *what, const char *text, const KeyRow *rows, unsigned n,
                     GError **err)
{
    g_autoptr(KeyVals) kv = key_vals_parse(what, text, rows[0].key, err);
    return kv && set_rows(o, kv, rows, n, err) && key_vals_done(kv, err);
}

/* ---- options ---- */

static bool set_board(SysOptions *o, const char *value, GError **err)
{
    o->machine = value;
    return true;
}
/* As the ISAs are called here; other names of theirs are taken, too. */
static const char *isa_called(const char *name)
{
    static const char *const others[][2] = {{"arm64", "aarch64"}, {"armhf", "arm"},     {"armel", "arm"},
                                            {"amd64", "x86_64"},  {"x86-64", "x86_64"}, {"i686", "i386"}};
    for (unsigned k = 0; name && k < G_N_ELEMENTS(others); k++)
        if (strcmp(name, others[k][0]) == 0)
            return others[k][1];
    return name;
}
static bool set_arch(SysOptions *o, const char *value, GError **err)
{
    o->arch = isa_called(value);
    return true;
}
static bool set_nothing(SysOptions *o, const char *value, GError **err)
{
    return true;
}
static bool add_board_option(SysOptions *o, const char *name, const char *value, GError **err)
{
    if (o->n_board_options == MACHINE_MAX_OPTIONS)
        return sys_fail(err, "-machine: more than %u options", (unsigned)MACHINE_MAX_OPTIONS);
    o->board_option[o->n_board_options++] = (MachineOption){name, value};
    return true;
}
static bool set_no_hpet(SysOptions *o, const char *value, GError **err)
{
    return add_board_option(o, "hpet", "off", err);
}
static bool set_no_acpi(SysOptions *o, const char *value, GError **err)
{
    return add_board_option(o, "acpi", "off", err);
}
static bool set_machine_usb(SysOptions *o, const char *value, GError **err)
{
    o->usb = strcmp(value, "on") == 0;
    return o->usb || strcmp(value, "off") == 0 || sys_fail(err, "-machine: usb=%s: on or off", value);
}
/* Those that there are; QEMU has more. */
static bool set_usb_device(SysOptions *o, const char *value, GError **err)
{
    static const char *const names[][2] = {
        {"keyboard", "usb-kbd"}, {"mouse", "usb-mouse"}, {"tablet", "usb-tablet"}};
    o->usb = true;
    for (unsigned k = 0; k < G_N_ELEMENTS(names); k++)
        if (strcmp(names[k][0], value) == 0) {
            g_ptr_array_add(o->list[LIST_DEVICE], (char *)(uintptr_t)names[k][1]);
            return true;
        }
    return sys_fail(err, "-usbdevice: no '%s'; keyboard, mouse and tablet are there", value);
}
/* Nothing here makes a sound. */
static bool set_audio(SysOptions *o, const char *value, GError **err)
{
    g_autoptr(KeyVals) kv = key_vals_parse("-audiodev", value, "driver", err);
    const char *driver = kv ? key_vals_get(kv, "driver") : NULL;
    return kv &&
           ((driver && strcmp(driver, "none") == 0) ||
            sys_fail(err, "-audiodev: no '%s': there is no sound; 'none' would be", driver ? driver : ""));
}
static bool set_dump_dtb(SysOptions *o, const char *value, GError **err)
{
    o->dump_dtb = value;
    return true;
}
static bool set_accel_name(SysOptions *o, const char *value, GError **err)
{
    o->helped |= strcmp(value, "help") == 0;
    if (strcmp(value, "help") == 0)
        engine_list();
    return strcmp(value, "help") == 0 || engine_add(&o->engine, value, err);
}
static bool set_irqchip(SysOptions *o, const char *value, GError **err)
{
    return engine_set_irqchip(&o->engine, value, err);
}
static bool set_order(const char **to, const char *value, GError **err)
{
    *to = value;
    return strspn(value, "acdnp") == strlen(value) ||
           sys_fail(err, "-boot: '%s': letters of a floppy, c disk, d CD-ROM, n network", value);
}
static bool set_boot_order(SysOptions *o, const char *value, GError **err)
{
    return set_order(&o->boot_order, value, err);
}
static bool set_boot_once(SysOptions *o, const char *value, GError **err)
{
    return set_order(&o->boot_once, value, err);
}
static bool set_boot_menu(SysOptions *o, const char *value, GError **err)
{
    o->boot_menu = strcmp(value, "on") == 0;
    return o->boot_menu || strcmp(value, "off") == 0 || sys_fail(err, "-boot: menu=%s: on or off", value);
}
static bool set_boot(SysOptions *o, const char *value, GError **err)
{
    static const KeyRow keys[] = {{"order", set_boot_order}, {"once", set_boot_once}, {"menu", set_boot_menu},
                                  {"strict", set_nothing}};
    return set_keys(o, "-boot", value, keys, G_N_ELEMENTS(keys), err);
}
static bool set_enable_kvm(SysOptions *o, const char *value, GError **err)
{
    return engine_add(&o->engine, "kvm", err);
}
static bool set_memory_object(SysOptions *o, const char *value, GError **err)
{
    o->memory = value;
    return true;
}
static bool set_machine(SysOptions *o, const char *value, GError **err)
{
    static const KeyRow keys[] = {{"type", set_board},
                                  {"dumpdtb", set_dump_dtb},
                                  {"accel", set_accel_name},
                                  {"memory-backend", set_memory_object},
                                  {"usb", set_machine_usb},
                                  {"graphics", set_nothing},
                                  {"dump-guest-core", set_nothing},
                                  {"mem-merge", set_nothing},
                                  {"pcspk-audiodev", set_nothing},
                                  {"kernel-irqchip", set_irqchip},
                                  {"kernel_irqchip", set_irqchip}};
    g_autoptr(KeyVals) kv = key_vals_parse("-machine", value, keys[0].key, err);
    const char *key, *text;
    unsigned at = 0;
    if (!kv || !set_rows(o, kv, keys, G_N_ELEMENTS(keys), err))
        return false;
    while (key_vals_rest(kv, &at, &key, &text)) { /* the board's; it is known only at the end */
        if (!add_board_option(o, g_intern_string(key), g_intern_string(text), err))
            return false;
    }
    return true;
}
static bool set_tb_size(SysOptions *o, const char *value, GError **err)
{
    o->cache_bytes = (size_t)strtoull(value, NULL, 10) << 20;
    return true;
}
static bool set_accel_thread(SysOptions *o, const char *value, GError **err)
{
    return strcmp(value, "multi") == 0 ||
           sys_fail(err, "-accel: no thread=%s; 'multi' would be: each cpu has one", value);
}
static bool set_accel(SysOptions *o, const char *value, GError **err)
{
    static const KeyRow keys[] = {
        {"accel", set_accel_name}, {"tb-size", set_tb_size}, {"thread", set_accel_thread},
        {"kernel-irqchip", set_irqchip}};
    return set_keys(o, "-accel", value, keys, G_N_ELEMENTS(keys), err);
}

static bool set_memory_size(SysOptions *o, const char *value, GError **err)
{
    size_t n = strlen(value);
    bool bare = n && g_ascii_isdigit(value[n - 1]); /* MiB unless it says */
    g_autofree char *text = g_strdup_printf("%s%s", value, bare ? "M" : "");
    return (parse_size(text, &o->ram_bytes) && o->ram_bytes && o->ram_bytes <= 1ull << 40) ||
           sys_fail(err, "-m: '%s' is no amount of memory", value);
}
static bool set_memory(SysOptions *o, const char *value, GError **err)
{
    static const KeyRow keys[] = {{"size", set_memory_size}};
    return set_keys(o, "-m", value, keys, G_N_ELEMENTS(keys), err);
}

/* What is not said of a topology is one, or what is left of the total for the sockets. */
static bool set_smp(SysOptions *o, const char *value, GError **err)
{
    static const char *const parts[] = {"cpus", "maxcpus", "sockets", "dies", "clusters", "cores", "threads"};
    enum { CPUS, MOST, SOCKETS, DIES, PARTS = G_N_ELEMENTS(parts) };
    uint64_t n[PARTS], product = 1;
    g_autoptr(KeyVals) kv = key_vals_parse("-smp", value, "cpus", err);
    for (unsigned k = 0; kv && k < PARTS; k++) {
        const bool said = key_vals_get(kv, parts[k]);
        n[k] = k < DIES ? 0 : 1;
        if (!key_vals_u64(kv, parts[k], UINT16_MAX, &n[k], err))
            return false;
        if (said && !n[k])
            return sys_fail(err, "-smp: %s=0: 1 to %u cpus are possible", parts[k],
                            (unsigned)MACHINE_MAX_CPUS);
        product *= k < DIES ? 1 : n[k];
    }
    if (!kv || !key_vals_done(kv, err))
        return false;
    uint64_t total = n[MOST] ? n[MOST] : n[CPUS];
    product *= n[SOCKETS] ? n[SOCKETS] : MAX(total / product, 1);
    total = total ? total : product;
    const uint64_t cpus = n[CPUS] ? n[CPUS] : total;
    if (product != total || cpus > total)
        return sys_fail(err, "-smp: the topology has %" PRIu64 " cpus, not %" PRIu64, product,
                        MAX(total, cpus));
    if (cpus > MACHINE_MAX_CPUS)
        return sys_fail(err, "-smp: '%s': 1 to %u cpus are possible", value, (unsigned)MACHINE_MAX_CPUS);
    o->cpus = (unsigned)cpus;
    return true;
}

static bool set_cpu(SysOptions *o, const char *value, GError **err)
{
    o->cpu_model = value;
    return true;
}
static bool set_bios(SysOptions *o, const char *value, GError **err)
{
    o->firmware = value;
    return true;
}
static bool set_kernel(SysOptions *o, const char *value, GError **err)
{
    o->kernel = value;
    return true;
}
static bool set_initrd(SysOptions *o, const char *value, GError **err)
{
    o->initrd = value;
    return true;
}
static bool set_append(SysOptions *o, const char *value, GError **err)
{
    o->append = value;
    return true;
}
static bool set_dtb(SysOptions *o, const char *value, GError **err)
{
    o->dtb = value;
    return true;
}

#define SET_FLAG(name)                                                                                       \
    static bool set_##name(SysOptions *o, const char *value, GError **err)                                   \
    {                                                                                                        \
        o->name = true;                                                                                      \
        return true;                                                                                         \
    }
#define SET_TEXT(name)                                                                                       \
    static bool set_##name(SysOptions *o, const char *value, GError **err)                                   \
    {                                                                                                        \
        o->name = value;                                                                                     \
        return true;                                                                                         \
    }
SET_TEXT(loadvm)
SET_TEXT(incoming)
#undef SET_TEXT
SET_FLAG(nographic)
SET_FLAG(nodefaults)
SET_FLAG(paused)
SET_FLAG(daemonize)
SET_FLAG(snapshot)
SET_FLAG(usb)
SET_FLAG(no_reboot)
SET_FLAG(no_shutdown)
#undef SET_FLAG

static bool set_vnc(SysOptions *o, const char *value, GError **err)
{
    o->no_display = true;
    o->vnc = strcmp(value, "none") == 0 ? NULL : value;
    return true;
}
static bool set_display(SysOptions *o, const char *value, GError **err)
{
    o->no_display = true;
    if (strcmp(value, "help") == 0) {
        printf("Available display backend types:\nnone\nvnc\n");
        o->helped = true;
        return true;
    }
    if (g_str_has_prefix(value, "vnc="))
        return set_vnc(o, value + 4, err);
    return strcmp(value, "none") == 0 ||
           sys_fail(err, "-display: no '%s'; 'none' and 'vnc=' would be", value);
}
static bool set_none(SysOptions *o, const char *value, GError **err)
{
    return strcmp(value, "none") == 0 || sys_fail(err, "no '%s'; 'none' would be", value);
}
static bool set_vga(SysOptions *o, const char *value, GError **err)
{
    static const char *const words[] = {"none", "std"};
    o->vga = value;
    return strcmp(value, "none") == 0 || strcmp(value, "std") == 0 ||
           sys_fail(err, "-vga: no '%s'; '%s' would be", value,
                    sys_nearest(value, words, G_N_ELEMENTS(words)));
}
static bool set_keyboard(SysOptions *o, const char *value, GError **err)
{
    return strcmp(value, "en-us") == 0 ||
           sys_fail(err, "-k: no '%s'; keys go by their places, others as of 'en-us'", value);
}
static bool set_mem_lock(SysOptions *o, const char *value, GError **err)
{
    o->lock_memory = strcmp(value, "off") != 0;
    return !o->lock_memory || strcmp(value, "on") == 0 || strcmp(value, "on-fault") == 0 ||
           sys_fail(err, "-overcommit: mem-lock=%s: on, on-fault or off", value);
}
static bool set_cpu_pm(SysOptions *o, const char *value, GError **err)
{
    return strcmp(value, "off") == 0 || sys_fail(err, "-overcommit: no cpu-pm=%s; 'off' would be", value);
}
static bool set_overcommit(SysOptions *o, const char *value, GError **err)
{
    static const KeyRow keys[] = {{"mem-lock", set_mem_lock}, {"cpu-pm", set_cpu_pm}};
    return set_keys(o, "-overcommit", value, keys, G_N_ELEMENTS(keys), err);
}
static bool set_guest_name(SysOptions *o, const char *value, GError **err)
{
    o->name = value;
    return true;
}
static bool set_name(SysOptions *o, const char *value, GError **err)
{
    static const KeyRow keys[] = {
        {"guest", set_guest_name}, {"process", set_nothing}, {"debug-threads", set_nothing}};
    return set_keys(o, "-name", value, keys, G_N_ELEMENTS(keys), err);
}
static bool set_pidfile(SysOptions *o, const char *value, GError **err)
{
    o->pidfile = value;
    return true;
}
static bool set_log_file(SysOptions *o, const char *value, GError **err)
{
    const char *mark = strchr(value, '%');
    if (mark && (mark[1] != 'd' || strchr(mark + 1, '%')))
        return sys_fail(err, "-D %s: of %% only one %%d, the process's number, is known", value);
    o->log_file = value;
    return true;
}
static bool set_short_gdb(SysOptions *o, const char *value, GError **err)
{
    g_ptr_array_add(o->list[LIST_GDB], (char *)(uintptr_t)g_intern_static_string("tcp::1234"));
    return true;
}

static bool set_semihosting(SysOptions *o, const char *value, GError **err)
{
    g_ptr_array_add(o->list[LIST_SEMIHOSTING], (char *)(uintptr_t)g_intern_static_string("enable=on"));
    return true;
}

static bool set_uuid(SysOptions *o, const char *value, GError **err)
{
    if (!g_uuid_string_is_valid(value))
        return sys_fail(err, "-uuid: '%s' is none", value);
    g_strlcpy(o->uuid, value, sizeof(o->uuid));
    return true;
}

static bool set_rtc_base(SysOptions *o, const char *value, GError **err)
{
    if (strcmp(value, "utc") == 0)
        return true;
    g_autoptr(GTimeZone) zone = g_time_zone_new_utc();
    g_autoptr(GTimeZone) local = g_time_zone_new_local();
    g_autoptr(GDateTime) at = g_date_time_new_from_iso8601(value, zone);
    g_autofree char *midnight = g_strdup_printf("%sT00:00:00", value);
    g_autoptr(GDateTime) day = at ? NULL : g_date_time_new_from_iso8601(midnight, zone);
    gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    o->has_rtc_base = true;
    if (strcmp(value, "localtime") == 0) {
        int where = g_time_zone_find_interval(local, G_TIME_TYPE_UNIVERSAL, now);
        o->rtc_base = now + g_time_zone_get_offset(local, where);
        return true;
    }
    if (!at && !day)
        return sys_fail(err, "-rtc: base=%s: utc, localtime or a date as 2024-12-31T23:59:59", value);
    o->rtc_base = g_date_time_to_unix(at ? at : day);
    return true;
}
static bool set_rtc_clock(SysOptions *o, const char *value, GError **err)
{
    return strcmp(value, "host") == 0 || strcmp(value, "vm") == 0 ||
           sys_fail(err, "-rtc: no clock=%s; 'host' and 'vm' are there", value);
}
/* How ticks come that the host was late for, which is as the device has it. */
static bool set_driftfix(SysOptions *o, const char *value, GError **err)
{
    return strcmp(value, "none") == 0 || strcmp(value, "slew") == 0 ||
           sys_fail(err, "-rtc: no driftfix=%s; 'none' and 'slew' are there", value);
}
static bool set_rtc(SysOptions *o, const char *value, GError **err)
{
    static const KeyRow keys[] = {
        {"base", set_rtc_base}, {"clock", set_rtc_clock}, {"driftfix", set_driftfix}};
    return set_keys(o, "-rtc", value, keys, G_N_ELEMENTS(keys), err);
}

static bool set_action_reboot(SysOptions *o, const char *value, GError **err)
{
    o->no_reboot = strcmp(value, "shutdown") == 0;
    return o->no_reboot || strcmp(value, "reset") == 0 ||
           sys_fail(err, "-action: reboot=%s: reset or shutdown", value);
}
static bool set_action_shutdown(SysOptions *o, const char *value, GError **err)
{
    o->no_shutdown = strcmp(value, "pause") == 0;
    return o->no_shutdown || strcmp(value, "poweroff") == 0 ||
           sys_fail(err, "-action: shutdown=%s: poweroff or pause", value);
}
bool sys_panic_action(const char *word, SysPanic *ret, GError **err)
{
    static const char *const words[PANIC_ACTIONS] = {[PANIC_SHUTDOWN] = "shutdown",
                                                     [PANIC_PAUSE] = "pause",
                                                     [PANIC_EXIT_FAILURE] = "exit-failure",
                                                     [PANIC_NONE] = "none"};
    for (unsigned k = 0; k < G_N_ELEMENTS(words); k++)
        if (strcmp(words[k], word) == 0) {
            *ret = (SysPanic)k;
            return true;
        }
    return sys_fail(err, "-action: no panic=%s; '%s' would be", word,
                    sys_nearest(word, words, G_N_ELEMENTS(words)));
}
static bool set_action_panic(SysOptions *o, const char *value, GError **err)
{
    return sys_panic_action(value, &o->panic, err);
}
static bool set_action_watchdog(SysOptions *o, const char *value, GError **err)
{
    static const char *const words[] = {"reset", "shutdown", "poweroff", "inject-nmi",
                                        "pause", "debug",    "none"};
    for (unsigned k = 0; k < G_N_ELEMENTS(words); k++)
        if (strcmp(words[k], value) == 0)
            return true; /* nor has any a watchdog */
    return sys_fail(err, "-action: no watchdog=%s; '%s' would be", value,
                    sys_nearest(value, words, G_N_ELEMENTS(words)));
}
static bool set_action(SysOptions *o, const char *value, GError **err)
{
    static const KeyRow keys[] = {{"reboot", set_action_reboot},
                                  {"shutdown", set_action_shutdown},
                                  {"panic", set_action_panic},
                                  {"watchdog", set_action_watchdog}};
    return set_keys(o, "-action", value, keys, G_N_ELEMENTS(keys), err);
}

static bool set_sandbox(SysOptions *o, const char *value, GError **err)
{
    return sandbox_parse(value, &o->sandbox, err);
}

static bool set_log(SysOptions *o, const char *value, GError **err)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } items[] = {
        {"in_asm", ACCEL_LOG_IN_ASM},
        {"ir", ACCEL_LOG_IR},
        {"out_asm", ACCEL_LOG_OUT_ASM},
        {"cpu", ACCEL_LOG_CPU},
        {"stats", ACCEL_LOG_STATS},
        {"unimp", ACCEL_LOG_UNIMP},
        {"exec", ACCEL_LOG_EXEC},
        {"int", ACCEL_LOG_INT},
        {"guest_errors", 0},
        {"mmu", ACCEL_LOG_MMU},
        {"nochain", 0},
    };
    const char *names[G_N_ELEMENTS(items)];
    g_auto(GStrv) parts = g_strsplit(value, ",", -1);
    if (strcmp(value, "help") == 0) {
        for (unsigned k = 0; k < G_N_ELEMENTS(items); k++)
            printf("%s\n", items[k].name);
        o->helped = true;
        return true;
    }
    for (unsigned k = 0; parts[k]; k++) {
        unsigned n = 0;
        while (n < G_N_ELEMENTS(items) && strcmp(items[n].name, parts[k]) != 0) {
            names[n] = items[n].name;
            n++;
        }
        if (n == G_N_ELEMENTS(items))
            return sys_fail(err, "-d: no item '%s'; '%s' would be", parts[k],
                            sys_nearest(parts[k], names, n));
        o->log |= items[n].bit;
        o->log_guest |= strcmp(parts[k], "guest_errors") == 0;
        if (strcmp(parts[k], "nochain") == 0)
            o->no_opt |= ACCEL_NO_CHAIN | ACCEL_NO_JUMP_CACHE;
    }
    return true;
}

static bool set_filter(SysOptions *o, const char *value, GError **err)
{
    char why[200] = "";
    Fmt f = FMT_ON(why);
    return accel_parse_ranges(value, o->filter, G_N_ELEMENTS(o->filter), &o->n_filter, &f) ||
           sys_fail(err, "-dfilter: %s", why);
}

static bool set_perf_map(SysOptions *o, const char *value, GError **err)
{
    o->perf_map = true;
    return true;
}

static bool set_jit_dump(SysOptions *o, const char *value, GError **err)
{
    o->jit_dump = true;
    return true;
}

static bool set_info(SysOptions *o, const char *value, GError **err)
{
    o->info_mtree |= strcmp(value, "mtree") == 0;
    o->info_qtree |= strcmp(value, "qtree") == 0;
    return o->info_mtree || o->info_qtree ||
           sys_fail(err, "-info: no '%s'; 'mtree' and 'qtree' are there", value);
}

static const OptionRow options[] = {
    {"machine", "NAME[,KEY=VALUE]", "board; dumpdtb=FILE writes its device tree and ends", set_machine},
    {"M", "NAME", "the same", set_machine},
    {"arch", "ISA", "riscv64, ...: whose board, where several have the name", set_arch},
    {"cpu", "MODEL[,+F,-F,F=on|off]",
     "cpu model, with and without features; 'help' lists models, MODEL,help their features", set_cpu},
    {"accel", "kvm|tcg|interp",
     "the host's processor, the translator (tb-size=MiB) or the interpreter; several with colons between: "
     "the first that is there; kernel-irqchip=on|off|split: whose the interrupt controllers are. By default "
     "KVM where it runs such guests at the processor's speed, else the translator",
     set_accel},
    {"enable-kvm", NULL, "the same as -accel kvm", set_enable_kvm},
    {"m", "SIZE", "memory, MiB unless it says", set_memory},
    {"smp", "N", "number of cpus", set_smp},
    {"bios", "FILE|default|none", "firmware", set_bios},
    {"kernel", "FILE", "what the firmware starts", set_kernel},
    {"initrd", "FILE", "initial file system", set_initrd},
    {"append", "TEXT", "command line of the kernel", set_append},
    {"dtb", "FILE", "device tree instead of the board's own", set_dtb},
    {"L", "FOLDER", "where firmware is looked for first", .list = LIST_FIRMWARE_PATH},
    {"chardev", "KIND,id=I",
     "byte stream of the host: stdio, pty, socket, file, pipe, null, ringbuf, serial; "
     "mux=on, logfile=F",
     .list = LIST_CHARDEV},
    {"serial", "DEV", "the next serial port: mon:stdio, pty, tcp:H:P,server, unix:F, chardev:ID, none, ...",
     .list = LIST_SERIAL},
    {"parallel", "none", "there is none", set_none},
    {"monitor", "DEV", "monitor for people, on DEV as of -serial", .list = LIST_MONITOR},
    {"qmp", "DEV", "monitor for programs", .list = LIST_QMP},
    {"debugcon", "DEV", "what firmware of PCs says to port e9, to DEV", .list = LIST_DEBUGCON},
    {"qmp-pretty", "DEV", "the same, indented", .list = LIST_QMP_PRETTY},
    {"mon", "chardev=ID", "monitor on a chardev: mode=readline|control, pretty=on", .list = LIST_MON},
    {"nographic", NULL, "serial port and monitor on the terminal", set_nographic},
    {"display", "none|vnc=WHERE", "who looks: nobody, or who comes by VNC", set_display},
    {"vnc", "[HOST]:N|unix:PATH|none", "VNC viewers may look, port 5900 + N: display=DEVICE", set_vnc},
    {"vga", "std|none", "the display adapter that is there without -device", set_vga},
    {"no-hpet", NULL, "-machine hpet=off", set_no_hpet},
    {"no-acpi", NULL, "-machine acpi=off", set_no_acpi},
    {"usb", NULL, "a USB controller (qemu-xhci) unless -device names one", set_usb},
    {"usbdevice", "keyboard|mouse|tablet", "-usb -device usb-...", set_usb_device},
    {"audiodev", "none", "accepted: there is no sound", set_audio},
    {"watchdog-action", "ACTION", "-action watchdog=ACTION", set_action_watchdog},
    {"nodefaults", NULL, "nothing that was not asked for", set_nodefaults},
    {"no-user-config", NULL, "accepted: there are no files of options", set_nothing},
    {"no-reboot", NULL, "end where the guest would reboot", set_no_reboot},
    {"no-shutdown", NULL, "stop, do not end, where the guest powers off", set_no_shutdown},
    {"action", "EVENT=ACTION",
     "reboot=reset|shutdown, shutdown=poweroff|pause, panic=shutdown|pause|exit-failure|none", set_action},
    {"drive", "file=F,id=I",
     "disk: if=none|virtio|ide|pflash, media=disk|cdrom, index=, format=, readonly=, cache=, snapshot=, "
     "werror=, rerror=",
     .list = LIST_DRIVE},
    {"hda", "FILE", "-drive index=0,file=FILE", .list = LIST_HDA},
    {"hdb", "FILE", "index=1", .list = LIST_HDB},
    {"hdc", "FILE", "index=2", .list = LIST_HDC},
    {"hdd", "FILE", "index=3", .list = LIST_HDD},
    {"cdrom", "FILE", "-drive media=cdrom,index=2,file=FILE", .list = LIST_CDROM},
    {"boot", "[order=]ORDER",
     "kinds of devices as firmware is to try them: a floppy, c disk, d CD-ROM, n network; once=ORDER until "
     "the first reset, menu=on|off",
     set_boot},
    {"pflash", "FILE", "-drive if=pflash,file=FILE", .list = LIST_PFLASH},
    {"blockdev", "DRIVER,node-name=N", "disk image as a node; JSON, too", .list = LIST_BLOCKDEV},
    {"snapshot", NULL, "writes to disks go to temporary files", set_snapshot},
    {"device", "NAME[,KEY=VALUE]", "device; 'help' lists them, NAME,help its properties",
     .list = LIST_DEVICE},
    {"object", "KIND,id=I",
     "rng-random, rng-builtin, memory-backend-ram, memory-backend-file, secret, iothread; "
     "filter-dump,netdev=I,file=F: what goes over a network, as pcap",
     .list = LIST_OBJECT},
    {"netdev", "KIND,id=I[,..]",
     "network: user (restrict, hostfwd, guestfwd, tftp, bootfile, net, host, ..), stream and dgram (addr.*, "
     "local.*, remote.*), socket (listen, connect, udp), tap (ifname, fd)",
     .list = LIST_NETDEV},
    {"net", "nic|user|..",
     "the same in two words: -net nic,model=M,macaddr=A and -net user,.., of which the first card has the "
     "first network; "
     "'none' is accepted",
     .list = LIST_NET},
    {"nic", "user[,model=M,..]", "network and its card; 'none' is accepted", .list = LIST_NIC},
    {"name", "TEXT", "name of the machine", set_name},
    {"uuid", "UUID", "its number", set_uuid},
    {"smbios", "type=N,FIELD=TEXT|file=F",
     "what SMBIOS tables of PCs say, types 0 to 4, 11 and 17; a file has a whole one of any type",
     .list = LIST_SMBIOS},
    {"global", "DRIVER.PROP=VALUE", "a property of all devices of a kind, the board's own among them",
     .list = LIST_GLOBAL},
    {"fw_cfg", "[name=]N,file=F|string=S",
     "a file that the guest finds by this name in fw_cfg; opt/... are the user's own", .list = LIST_FW_CFG},
    {"overcommit", "mem-lock=on|on-fault|off", "what was used of memory is not swapped out", set_overcommit},
    {"k", "en-us", "accepted: keys go by their places", set_keyboard},
    {"msg", "timestamp=on|off", "accepted: messages have no times", set_nothing},
    {"rtc", "base=B", "time of day: utc, localtime, a date", set_rtc},
    {"semihosting", NULL, "the guest may call the host: console, files, exit status", set_semihosting},
    {"semihosting-config", "enable=on",
     "the same; chardev=ID, arg=TEXT (once a word), userspace=on, target=native", .list = LIST_SEMIHOSTING},
    {"S", NULL, "does not run until the monitor says 'cont'", set_paused},
    {"loadvm", "NAME", "begins with this snapshot of the disks (savevm)", set_loadvm},
    {"incoming", "URI",
     "begins with a machine that comes from there (migrate): file:PATH, exec:COMMAND, tcp:HOST:PORT, "
     "unix:PATH; defer: migrate-incoming says",
     set_incoming},
    {"s", NULL, "-gdb tcp::1234", set_short_gdb},
    {"gdb", "DEV", "debugger's connection", .list = LIST_GDB},
    {"pidfile", "FILE", "gets the process's number", set_pidfile},
    {"daemonize", NULL, "goes to the background once everything is there", set_daemonize},
    {"sandbox", "on|off",
     "system calls that a machine has no use for fail; obsolete=, elevateprivileges=, spawn=, "
     "resourcecontrol=allow|deny",
     set_sandbox},
    {"d", "ITEM,..",
     "log: in_asm, ir, out_asm, cpu, exec, int, mmu, guest_errors, unimp, stats; nochain: exec and cpu see "
     "every region",
     set_log},
    {"dfilter", "RANGE,..",
     "in_asm, ir, out_asm, exec, cpu of these addresses only: FIRST..LAST, START+SIZE, END-SIZE", set_filter},
    {"perfmap", NULL, "tell perf in /tmp/perf-PID.map what lies where", set_perf_map},
    {"jitdump", NULL, "tell perf in jit-PID.dump, with the code", set_jit_dump},
    {"trace", "PATTERN", "a line for each event that matches; 'help' lists them; events=F, file=F",
     .list = LIST_TRACE},
    {"D", "FILE", "where the log goes; else standard error; %d is the process's number", set_log_file},
    {"info", "mtree|qtree", "print and end", set_info},
};

static const OptionRow *find_option(const char *name, GError **err)
{
    const char *names[G_N_ELEMENTS(options)], *instead = sys_refused(name);
    for (unsigned k = 0; k < G_N_ELEMENTS(options); k++) {
        names[k] = options[k].name;
        if (strcmp(options[k].name, name) == 0)
            return &options[k];
    }
    if (instead)
        sys_fail(err, "no option -%s: %s", name, instead);
    else
        sys_fail(err, "no option -%s; -%s would be (-h lists all)", name,
                 sys_nearest(name, names, G_N_ELEMENTS(names)));
    return NULL;
}

/* "qemu-system-riscv64", "tinamou-system-riscv64": the guest is in the name. */
static const char *arch_of_name(const char *argv0)
{
    const char *slash = strrchr(argv0, '/'), *name = slash ? slash + 1 : argv0,
               *at = strstr(name, "-system-");
    return at ? isa_called(at + strlen("-system-")) : NULL;
}

/* ---- all of it ---- */

static bool parse_one(SysOptions *o, const char *name, char **argv, int argc, int *k, GError **err)
{
    const OptionRow *row = find_option(name, err);
    if (!row)
        return false;
    if (row->value && *k + 1 >= argc)
        return sys_fail(err, "-%s wants %s", name, row->value);
    char *value = row->value ? argv[++*k] : NULL;
    if (row->list) {
        g_ptr_array_add(o->list[row->list], value);
        return true;
    }
    return row->set(o, value, err);
}

bool sys_options_parse(SysOptions *o, int argc, char **argv, GError **err)
{
    *o = (SysOptions){.cpus = 1, .arch = arch_of_name(argv[0])};
    for (unsigned k = 0; k < LISTS; k++)
        o->list[k] = g_ptr_array_new();
    for (int k = 1; k < argc; k++) {
        const char *name = argv[k];
        if (name[0] != '-' || !name[1]) {
            g_ptr_array_add(o->list[LIST_HDA], argv[k]);
            continue;
        }
        if (!parse_one(o, name + (name[1] == '-' ? 2 : 1), argv, argc, &k, err))
            return false;
    }
    return true;
}

void sys_options_clear(SysOptions *o)
{
    for (unsigned k = 0; k < LISTS; k++)
        if (o->list[k])
            g_ptr_array_unref(o->list[k]);
}

void sys_options_help(FILE *to)
{
    fprintf(to, "usage: tinamou-system -M MACHINE [options] [DISK]\n");
    for (unsigned k = 0; k < G_N_ELEMENTS(options); k++) {
        g_autofree char *left =
            g_strdup_printf("-%s %s", options[k].name, options[k].value ? options[k].value : "");
        fprintf(to, "  %-32s %s\n", left, options[k].help);
    }
}

/* Text for roff: a dash is a minus, and a line must not begin with a dot. */
static void print_roff(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '-' || *text == '\\')
            fputc('\\', to);
        fputc(*text, to);
    }
}

void sys_options_man(FILE *to)
{
    fprintf(
        to,
        ".TH TINAMOU\\-SYSTEM 1 \"\" \"Tinamou %s\"\n.SH NAME\n"
        "tinamou\\-system \\- runs whole machines of other processors\n.SH SYNOPSIS\n"
        ".B tinamou\\-system\n\\fB\\-M\\fR \\fIMACHINE\\fR [\\fIoptions\\fR] [\\fIDISK\\fR]\n"
        ".SH DESCRIPTION\nBuilds a machine of the given kind, loads its firmware, kernel and disks, and runs "
        "it. Called by a name that ends in \\-system\\-ISA it has the machines of that ISA only.\n"
        ".SH OPTIONS\nTwo dashes do as well as one. Keys are written KEY=VALUE with commas between, two "
        "commas for one; or as JSON.\n",
        TINAMOU_VERSION);
    for (unsigned k = 0; k < G_N_ELEMENTS(options); k++) {
        fprintf(to, ".TP\n\\fB\\-");
        print_roff(to, options[k].name);
        fprintf(to, "\\fR \\fI");
        print_roff(to, options[k].value ? options[k].value : "");
        fprintf(to, "\\fR\n");
        print_roff(to, options[k].help);
        fputc('\n', to);
    }
    fprintf(to,
            ".SH KEYS\nOn a terminal that is shared (\\-nographic): Ctrl\\-A h lists them, Ctrl\\-A x ends, "
            "Ctrl\\-A c goes to the monitor and back.\n"
            ".SH EXIT STATUS\n0 after a power\\-off, the guest's own number where its board has a way to say "
            "one, 1 after an error.\n.SH SEE ALSO\ntinamou(1), tinamou\\-img(1)\n");
}
