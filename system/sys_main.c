/* main() of tinamou-system: options, images, the machine, and its life. */
#include "system/console.h"
#include "system/sys_devices.h"
#include "system/sys_options.h"
#include "system/vcpu.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct System {
    SysOptions opt;
    GMainLoop *loop;
    Machine *machine;
    Vcpus vcpus;
    Console console;
    SysDevices devices;
    GSource *clock_source;
    GMappedFile *file[4];
    unsigned n_files;
    int status;
    /* written by cpu threads: */
    int requested;      /* MachineRequest + 1 */
    int request_code;
} System;

/* ---- the clock ---- */

static gboolean clock_dispatch(GSource *source, GSourceFunc fn, void *opaque)
{
    System *s = opaque;
    (void)fn;
    g_source_set_ready_time(source, -1); /* first: a timer set meanwhile wakes us again */
    uint64_t left = s->machine ? clock_run(&s->machine->clock) : CLOCK_NEVER;
    if (left != CLOCK_NEVER)
        g_source_set_ready_time(source, g_get_monotonic_time() + (gint64)(left / 1000) + 1);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs clock_funcs = {.dispatch = clock_dispatch};

/* A timer became the first, by any thread. */
static void clock_rearm(void *opaque)
{
    System *s = opaque;
    g_source_set_ready_time(s->clock_source, 0);
}

/* ---- requests ---- */

static gboolean serve_request(void *opaque)
{
    System *s = opaque;
    int what = __atomic_exchange_n(&s->requested, 0, __ATOMIC_ACQUIRE);
    DevError err;
    if (!what)
        return G_SOURCE_REMOVE;
    vcpus_pause(&s->vcpus);
    if (what - 1 == MACHINE_POWER_OFF || s->opt.no_reboot) {
        s->status = s->request_code;
        if (!s->opt.no_shutdown || what - 1 == MACHINE_RESET)
            g_main_loop_quit(s->loop);
        return G_SOURCE_REMOVE;
    }
    if (!machine_reset(s->machine, &err)) {
        fprintf(stderr, "tinamou-system: %s\n", err.text);
        s->status = 1;
        g_main_loop_quit(s->loop);
        return G_SOURCE_REMOVE;
    }
    vcpus_resume(&s->vcpus);
    return G_SOURCE_REMOVE;
}

static void request(void *opaque, MachineRequest what, int code)
{
    System *s = opaque;
    s->request_code = code;
    __atomic_store_n(&s->requested, (int)what + 1, __ATOMIC_RELEASE);
    g_idle_add(serve_request, s);
}

static void quit(void *opaque)
{
    System *s = opaque;
    g_main_loop_quit(s->loop);
}

/* ---- images ---- */

static bool read_image(System *s, const char *path, Image *ret, GError **err)
{
    if (!path)
        return true;
    GMappedFile *f = g_mapped_file_new(path, FALSE, err);
    if (!f)
        return false;
    s->file[s->n_files++] = f;
    ret->bytes = (const uint8_t *)g_mapped_file_get_contents(f);
    ret->size = g_mapped_file_get_length(f);
    if (ret->size)
        return true;
    g_set_error(err, SYS_ERROR, 0, "%s is empty", path);
    return false;
}

/* Where Debian installs it. */
static const char *default_firmware(const SysOptions *o)
{
    static const char opensbi[] = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin";
    const char *path = o->firmware;
    if (!path && strcmp(o->board->isa, "riscv64") != 0)
        return NULL;
    if (path && strcmp(path, "none") == 0)
        return NULL;
    return !path || strcmp(path, "default") == 0 ? opensbi : path;
}

static bool read_images(System *s, MachineConfig *cfg, GError **err)
{
    return read_image(s, default_firmware(&s->opt), &cfg->firmware, err) &&
           read_image(s, s->opt.kernel, &cfg->kernel, err) &&
           read_image(s, s->opt.initrd, &cfg->initrd, err) && read_image(s, s->opt.dtb, &cfg->dtb, err);
}

/* ---- life ---- */

static bool print_and_end(const System *s)
{
    enum { ROOM = 1 << 20 };
    const Machine *m = s->machine;
    if (s->opt.dump_dtb) {
        GError *err = NULL;
        if (!g_file_set_contents(s->opt.dump_dtb, (const char *)m->fdt, (gssize)m->fdt_bytes, &err)) {
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

static int run_machine(System *s)
{
    DevError err;
    GError *gerr = NULL;
    const char *no_opt = getenv("TINAMOU_NO_OPT");
    MachineConfig cfg = {
        .ram_bytes = s->opt.ram_bytes ? s->opt.ram_bytes : s->opt.board->default_ram, .cpus = s->opt.cpus,
        .append = s->opt.append, .cpu_model = s->opt.cpu_model,
        .serial = s->opt.console == CONSOLE_NONE ? NULL : &s->console.port,
        .requests = {.opaque = s, .request = request}, .rearm = clock_rearm, .rearm_opaque = s,
        .time_of_day_ns = (uint64_t)g_get_real_time() * 1000,
        .accel = {.jit = !s->opt.interpreter, .log = s->opt.log, .log_fd = STDERR_FILENO,
                  .cache_bytes = s->opt.cache_bytes,
                  .no_opt = no_opt ? (uint32_t)strtoul(no_opt, NULL, 0) : 0},
    };
    bool help = false;
    if (!read_images(s, &cfg, &gerr) || !sys_devices_open(&s->devices, &s->opt, &cfg, &help, &gerr)) {
        fprintf(stderr, "tinamou-system: %s\n", gerr->message);
        return 1;
    }
    if (help)
        return 0;
    s->clock_source = g_source_new(&clock_funcs, sizeof(GSource));
    g_source_set_callback(s->clock_source, NULL, s, NULL);
    g_source_attach(s->clock_source, NULL);
    console_init(&s->console, quit, s);
    s->machine = machine_new(s->opt.board, &cfg, &err);
    if (!s->machine) {
        fprintf(stderr, "tinamou-system: %s\n", err.text);
        return 1;
    }
    if (print_and_end(s))
        return 0;
    s->loop = g_main_loop_new(NULL, FALSE);
    console_open(&s->console);
    vcpus_start(&s->vcpus, s->machine);
    vcpus_resume(&s->vcpus);
    g_main_loop_run(s->loop);
    vcpus_end(&s->vcpus);
    console_close(&s->console);
    accel_stats(s->machine->accel);
    return s->status;
}

int main(int argc, char **argv)
{
    static System s; /* large */
    GError *err = NULL;
    signal(SIGPIPE, SIG_IGN); /* who reads what we write may go at any time */
    for (int k = 1; k < argc; k++) {
        if (strcmp(argv[k], "--help") == 0 || strcmp(argv[k], "-help") == 0 || strcmp(argv[k], "-h") == 0) {
            sys_options_help(stdout);
            return 0;
        }
    }
    if (!sys_options_parse(&s.opt, argc, argv, &err)) {
        fprintf(stderr, "tinamou-system: %s\n", err->message);
        return 1;
    }
    int status = run_machine(&s);
    machine_free(s.machine);
    sys_devices_close(&s.devices);
    return status;
}
