/* main() of tinamou-system: options, images, the machine, and its life. */
#include "system/disks.h"
#include "system/display/inputs.h"
#include "system/display/vnc.h"
#include "system/gdb_server.h"
#include "system/media.h"
#include "system/monitor/monitors.h"
#include "system/objects.h"
#include "system/semihost.h"
#include "system/sys_consoles.h"
#include "system/sys_devices.h"
#include "system/sys_files.h"
#include "system/sys_fw_cfg.h"
#include "system/sys_help.h"
#include "system/sys_daemon.h"
#include "system/sys_perf.h"
#include "system/sys_globals.h"
#include "system/sys_smbios.h"
#include "system/vm.h"

#include <errno.h>
#include <sys/mman.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct System {
    Vm vm;
    SysOptions opt;
    SysConsoles consoles;
    SysDevices devices;
    SysDaemon daemon;
    SysPerf perf;
    SysSmbios smbios;
    SysGlobals globals;
    SysFwCfg fw_cfg;
    Semihost *semihost; /* NULL: off */
    GMappedFile *file[4];
    unsigned n_files;
    GuestLog guest_log;
    gint64 log_second; /* what log_lines counts */
    unsigned log_lines;
} System;

/* ---- what guests do wrong ---- */

/* A guest must not fill the host's disk with it: so many lines a second. */
static void write_guest_log(void *opaque, const char *line)
{
    enum { LINES_A_SECOND = 100 };
    System *s = opaque;
    gint64 second = g_get_monotonic_time() / G_USEC_PER_SEC;
    if (__atomic_exchange_n(&s->log_second, second, __ATOMIC_RELAXED) != second)
        __atomic_store_n(&s->log_lines, 0, __ATOMIC_RELAXED);
    unsigned n = __atomic_fetch_add(&s->log_lines, 1, __ATOMIC_RELAXED);
    if (n < LINES_A_SECOND)
        dprintf(s->daemon.log_fd, "%s\n", line);
    else if (n == LINES_A_SECOND)
        dprintf(s->daemon.log_fd, "guest error: more of them in this second\n");
}

/* ---- images ---- */

static bool read_image(System *s, const char *path, Image *ret, GError **err)
{
    if (!path)
        return true;
    GMappedFile *f = sys_file_map(path, err);
    if (!f)
        return false;
    s->file[s->n_files++] = f;
    ret->bytes = (const uint8_t *)g_mapped_file_get_contents(f);
    ret->size = g_mapped_file_get_length(f);
    ret->name = path;
    return ret->size || sys_fail(err, "%s is empty", path);
}

static char *find_firmware(const System *s, bool flash)
{
    const SysOptions *o = &s->opt;
    static const char opensbi[] = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin";
    static const char opensbi32[] = "/usr/lib/riscv32-linux-gnu/opensbi/generic/fw_dynamic.bin";
    const bool rv32 = strcmp(o->board->isa, "riscv32") == 0;
    const char *name = o->firmware;
    const bool by_default = !name || strcmp(name, "default") == 0;
    if (by_default && strcmp(o->board->isa, "riscv64") == 0 && s->vm.engine.kind == ENGINE_KVM)
        return NULL; /* that is firmware for its guests */
    if (by_default && o->dump_dtb)
        return NULL; /* the device tree does not depend on it, and it need not be installed */
    if (by_default && flash && o->board->firmware)
        return NULL; /* that has it */
    if (by_default && o->board->firmware)
        return sys_file_find(o, o->board->firmware);
    if (!name && strncmp(o->board->isa, "riscv", 5) != 0)
        return NULL;
    if (!name && rv32 && !g_file_test(opensbi32, G_FILE_TEST_EXISTS))
        return NULL; /* Debian 12 has none */
    if (name && strcmp(name, "none") == 0)
        return NULL;
    return by_default ? g_strdup(rv32 ? opensbi32 : opensbi) : sys_file_find(o, name);
}

static bool read_images(System *s, MachineConfig *cfg, GError **err)
{
    g_autofree char *firmware = find_firmware(s, cfg->flash[0] != NULL);
    bool by_default = !s->opt.firmware || strcmp(s->opt.firmware, "default") == 0;
    if (firmware && by_default && !g_file_test(firmware, G_FILE_TEST_EXISTS))
        return sys_fail(err, "there is no %s: the package %s has it, -bios names another, or none", firmware,
                        s->opt.board->firmware ? "seabios" : "opensbi");
    bool read = read_image(s, firmware, &cfg->firmware, err);
    cfg->firmware.name = by_default ? "the default firmware" : s->opt.firmware;
    return read && read_image(s, s->opt.kernel, &cfg->kernel, err) &&
           read_image(s, s->opt.initrd, &cfg->initrd, err) && read_image(s, s->opt.dtb, &cfg->dtb, err);
}

/* ---- life ---- */

static bool print_and_end(const System *s)
{
    enum { ROOM = 1 << 20 };
    const Machine *m = s->vm.machine;
    if (s->opt.dump_dtb) {
        GError *err = NULL;
        if (!sys_file_write(s->opt.dump_dtb, m->fdt, m->fdt_bytes, &err)) {
            fprintf(stderr, "tinamou-system: %s\n", err->message);
            exit(1);
        }
        return true;
    }
    if (!s->opt.info_mtree && !s->opt.info_qtree)
        return false;
    char *text = g_malloc0(ROOM);
    Fmt f = {.buf = text, .cap = ROOM};
    if (s->opt.info_mtree)
        mem_map_print(&m->map, &f);
    if (s->opt.info_qtree)
        dev_print_tree(m->root, 0, &f);
    fputs(text, stdout);
    g_free(text);
    return true;
}

static MachineConfig machine_config(System *s)
{
    const SysOptions *o = &s->opt;
    const char *no_opt = getenv("TINAMOU_NO_OPT");
    int64_t now = g_get_real_time() * 1000;
    MachineConfig cfg = {
        .ram_bytes = o->ram_bytes ? o->ram_bytes : o->board->default_ram,
        .cpus = o->cpus,
        .append = o->append,
        .cpu_model = o->cpu_model,
        .cpu_props = o->cpu_props,
        .serial = sys_consoles_serial(&s->consoles, 0),
        .serial1 = sys_consoles_serial(&s->consoles, 1),
        .input = inputs_add(s->vm.inputs),
        .requests = {.opaque = &s->vm,
                     .request = vm_request,
                     .eject = sys_devices_eject,
                     .changed = media_changed},
        .rearm = clock_thread_rearm,
        .rearm_opaque = &s->vm.clock,
        .time_of_day_ns = (uint64_t)(o->has_rtc_base ? o->rtc_base * 1000000000 : now),
        .accel = {.log = o->log,
                  .log_fd = s->daemon.log_fd,
                  .cache_bytes = o->cache_bytes,
                  .filter = o->filter,
                  .n_filter = o->n_filter,
                  .observer = sys_perf_observer(&s->perf),
                  .no_opt = o->no_opt | (no_opt ? (uint32_t)strtoul(no_opt, NULL, 0) : 0)},
        .n_options = o->n_board_options,
        .boot_order = o->boot_order,
        .boot_once = o->boot_once,
        .boot_menu = o->boot_menu,
    };
    engine_apply(&s->vm.engine, &o->engine, o->board->own_ioapics, &cfg.accel);
    memcpy(cfg.option, o->board_option, sizeof(cfg.option));
    return cfg;
}

/* Everything but running. *ret_done: there was something to print, which is all. False: err says why. */
static bool build(System *s, bool *ret_done, GError **err)
{
    DevError why;
    Vm *vm = &s->vm;
    const EngineGuest guest = {s->opt.board->target, s->opt.cpu_model, s->opt.cpu_props};
    if (!engine_choose(&s->opt.engine, &guest, &vm->engine, err) ||
        !sys_daemon_open(&s->daemon, &s->opt, err) || !sys_perf_open(&s->perf, &s->opt, err) ||
        !sys_consoles_open(&s->consoles, vm, err))
        return false;
    MachineConfig cfg = machine_config(s);
    s->guest_log = (GuestLog){.write = write_guest_log, .opaque = s};
    vm->objects = objects_new();
    vm->disks = disks_new(vm);
    vm->devices = &s->devices;
    s->devices.vm = vm;
    s->devices.globals = &s->globals;
    if (!sys_smbios_open(&s->smbios, &s->opt, &cfg, err) ||
        !sys_globals_open(&s->globals, &s->opt, &cfg, err) ||
        !sys_fw_cfg_open(&s->fw_cfg, &s->opt, &cfg, err) ||
        !sys_devices_open(&s->devices, &s->opt, &cfg, err) || !read_images(s, &cfg, err))
        return false;
    vm->machine = machine_new(s->opt.board, &cfg, &why);
    if (!vm->machine)
        return sys_fail(err, "%s", why.text);
    if (!sys_globals_check(&s->globals, vm->machine, err))
        return false;
    if (s->opt.log_guest)
        vm->machine->map.log = &s->guest_log;
    if (!trace_open(&vm->trace, &s->opt, &vm->machine->map, s->daemon.log_fd, ret_done, err))
        return false;
    *ret_done = *ret_done || print_and_end(s);
    if (!*ret_done && !semihost_open(vm, &s->semihost, err))
        return false;
    vm->vnc = !*ret_done && s->opt.vnc ? vnc_new(vm, s->opt.vnc, err) : NULL;
    if (!*ret_done && s->opt.vnc && !vm->vnc)
        return false;
    const char *gdb = *ret_done ? NULL : sys_option(&s->opt, LIST_GDB, 0);
    if (s->opt.list[LIST_GDB]->len > 1)
        return sys_fail(err, "-gdb: one is enough");
    vm->gdb = gdb && strcmp(gdb, "none") != 0 ? gdb_server_new(vm, gdb, err) : NULL;
    return !gdb || vm->gdb || strcmp(gdb, "none") == 0;
}

/* The machine has copies. What a reset needs again the host reads again. */
static void let_images_go(const System *s)
{
    for (unsigned k = 0; k < s->n_files; k++)
        madvise(g_mapped_file_get_contents(s->file[k]), g_mapped_file_get_length(s->file[k]), MADV_DONTNEED);
}

static int run(System *s)
{
    g_autoptr(GError) err = NULL;
    bool done = false;
    if (!build(s, &done, &err) || (!done && !sys_daemon_ready(&s->daemon, &s->vm, &err))) {
        fprintf(stderr, "tinamou-system: %s\n", err->message);
        return 1;
    }
    if (done)
        return 0;
    if (s->opt.lock_memory && mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0) {
        fprintf(stderr, "tinamou-system: -overcommit mem-lock=on: %s\n", g_strerror(errno));
        return 1;
    }
    if (!sandbox_enter(&s->opt.sandbox, &err)) {
        fprintf(stderr, "tinamou-system: %s\n", err->message);
        return 1;
    }
    let_images_go(s);
    chardevs_open(s->vm.chars);
    vm_run(&s->vm, s->opt.paused);
    accel_stats(s->vm.machine->accel);
    sys_perf_close(&s->perf);
    return s->vm.status;
}

static bool wants_help(int argc, char **argv)
{
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-help") == 0 || strcmp(argv[k], "-h") == 0)
            sys_options_help(stdout);
        else if (strcmp(argv[k], "--version") == 0 || strcmp(argv[k], "-version") == 0)
            printf("Tinamou emulator version %s\n", TINAMOU_VERSION);
        else if (strcmp(argv[k], "--man") == 0)
            sys_options_man(stdout);
        else
            continue;
        return true;
    }
    return false;
}

int main(int argc, char **argv)
{
    static System s; /* large */
    g_autoptr(GError) err = NULL;
    sys_hold_std_fds();
    if (wants_help(argc, argv))
        return 0;
    if (!sys_options_parse(&s.opt, argc, argv, &err) || !sys_help(&s.opt, &err) ||
        (!s.opt.helped && !sys_options_check(&s.opt, &err))) {
        fprintf(stderr, "tinamou-system: %s\n", err->message);
        return 1;
    }
    if (s.opt.helped)
        return 0;
    vm_init(&s.vm, &s.opt);
    int status = run(&s);
    gdb_server_free(s.vm.gdb);
    vnc_free(s.vm.vnc);
    semihost_free(s.semihost);
    trace_close(&s.vm.trace);
    sys_consoles_close(&s.consoles);
    machine_free(s.vm.machine);
    sys_devices_close(&s.devices);
    disks_free(s.vm.disks);
    sys_smbios_clear(&s.smbios);
    sys_globals_clear(&s.globals);
    sys_fw_cfg_clear(&s.fw_cfg);
    objects_free(s.vm.objects);
    sys_daemon_close(&s.daemon);
    vm_clear(&s.vm);
    sys_options_clear(&s.opt);
    return status;
}
