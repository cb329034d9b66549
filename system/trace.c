#include "system/trace.h"

#include "system/key_vals.h"
#include "system/sys_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const names[TRACE_EVENTS] = {
    [TRACE_VM_STATE] = "vm_state",         [TRACE_VM_RESET] = "vm_reset",
    [TRACE_VM_REQUEST] = "vm_request",     [TRACE_DISK_READ] = "disk_read",
    [TRACE_DISK_WRITE] = "disk_write",     [TRACE_DISK_FLUSH] = "disk_flush",
    [TRACE_DISK_DISCARD] = "disk_discard", [TRACE_QMP_COMMAND] = "qmp_command",
    [TRACE_SEMIHOST_CALL] = "semihost_call",
};

/* ---- writing ---- */

/* One write each: lines of several threads stay whole. */
static void put_line(const Trace *t, const char *text, size_t n)
{
    while (n) {
        ssize_t done = write(t->fd, text, n);
        if (done < 0 && errno != EINTR)
            return;
        text += MAX(done, 0);
        n -= (size_t)MAX(done, 0);
    }
}

void trace_write(Trace *t, TraceEvent e, const char *format, ...)
{
    char text[256];
    va_list ap;
    int n = snprintf(text, sizeof(text), "%s ", names[e]);
    va_start(ap, format);
    n += vsnprintf(text + n, sizeof(text) - (size_t)n - 1, format, ap);
    va_end(ap);
    n = MIN(n, (int)sizeof(text) - 2);
    text[n] = '\n';
    put_line(t, text, (size_t)n + 1);
}

static void on_event(void *opaque, unsigned event, const char *line)
{
    char text[256];
    int n = snprintf(text, sizeof(text), "%s %s\n", dev_event_name((DevEvent)event), line);
    put_line(opaque, text, (size_t)n);
}

static void on_access(void *opaque, const MemRegion *r, const MemAccess *a)
{
    char text[160];
    bool wanted = r->trace_how >> a->write & 1;
    if (!wanted)
        return;
    int n = snprintf(text, sizeof(text), "%s_%s cpu %u offset 0x%" PRIx64 " size %u value 0x%" PRIx64 "\n",
                     r->name, a->write ? "write" : "read", a->cpu, a->offset, a->size, a->value);
    put_line(opaque, text, (size_t)n);
}

/* ---- which ---- */

static const char *const hows[] = {"read", "write"};

static bool has_registers(const MemRegion *r)
{
    return r->kind == MEM_MMIO || r->kind == MEM_ROM_DEVICE;
}

static bool set_region(Trace *t, MemRegion *r, const char *pattern, bool on)
{
    bool any = false;
    for (unsigned how = 0; how < G_N_ELEMENTS(hows); how++) {
        g_autofree char *name = g_strdup_printf("%s_%s", r->name, hows[how]);
        if (!g_pattern_match_simple(pattern, name))
            continue;
        any = true;
        uint8_t bits = (uint8_t)(on ? r->trace_how | 1u << how : r->trace_how & ~(1u << how));
        __atomic_store_n(&r->trace_how, bits, __ATOMIC_RELAXED);
        __atomic_store_n(&r->trace, bits ? &t->mem : NULL, __ATOMIC_RELEASE);
    }
    return any;
}

bool trace_set(Trace *t, const char *pattern, bool on)
{
    bool any = false;
    for (unsigned k = 0; k < TRACE_EVENTS; k++) {
        if (!g_pattern_match_simple(pattern, names[k]))
            continue;
        any = true;
        __atomic_store_n(&t->on, on ? t->on | 1u << k : t->on & ~(1u << k), __ATOMIC_RELAXED);
    }
    for (unsigned k = 0; k < DEV_EVENTS; k++) {
        if (!g_pattern_match_simple(pattern, dev_event_name((DevEvent)k)))
            continue;
        any = true;
        uint64_t bits = on ? t->map->traced | 1ull << k : t->map->traced & ~(1ull << k);
        __atomic_store_n(&t->map->traced, bits, __ATOMIC_RELAXED);
    }
    for (unsigned k = 0; k < t->map->n_regions; k++)
        if (has_registers(t->map->region[k]))
            any |= set_region(t, t->map->region[k], pattern, on);
    return any;
}

bool trace_at(const Trace *t, unsigned n, char **ret_name, bool *ret_on)
{
    if (n < TRACE_EVENTS) {
        *ret_name = g_strdup(names[n]);
        *ret_on = t->on >> n & 1;
        return true;
    }
    n -= TRACE_EVENTS;
    if (n < DEV_EVENTS) {
        *ret_name = g_strdup(dev_event_name((DevEvent)n));
        *ret_on = t->map->traced >> n & 1;
        return true;
    }
    n -= DEV_EVENTS;
    for (unsigned k = 0; k < t->map->n_regions; k++) {
        const MemRegion *r = t->map->region[k];
        bool again = false; /* several regions of one name are one event */
        for (unsigned j = 0; j < k; j++)
            again |= has_registers(t->map->region[j]) && strcmp(t->map->region[j]->name, r->name) == 0;
        if (!has_registers(r) || again)
            continue;
        if (n < G_N_ELEMENTS(hows)) {
            *ret_name = g_strdup_printf("%s_%s", r->name, hows[n]);
            *ret_on = r->trace_how >> n & 1;
            return true;
        }
        n -= G_N_ELEMENTS(hows);
    }
    return false;
}

static bool nothing_matches(const Trace *t, const char *pattern, GError **err)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func(g_free);
    char *name;
    bool on;
    for (unsigned k = 0; trace_at(t, k, &name, &on); k++)
        g_ptr_array_add(all, name);
    return sys_fail(err, "-trace: no event '%s'; '%s' would be", pattern,
                    sys_nearest(pattern, (const char *const *)all->pdata, all->len));
}

/* ---- options ---- */

static bool set_patterns(Trace *t, const char *path, GError **err)
{
    g_autofree char *text = sys_file_text(path, NULL, err);
    if (!text)
        return false;
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);
    for (unsigned k = 0; lines[k]; k++) {
        const char *pattern = g_strstrip(lines[k]);
        bool off = *pattern == '-';
        if (*pattern && *pattern != '#' && !trace_set(t, pattern + off, !off))
            return nothing_matches(t, pattern, err);
    }
    return true;
}

static bool open_one(Trace *t, const char *text, bool *ret_help, GError **err)
{
    g_autoptr(KeyVals) kv = key_vals_parse("-trace", text, "enable", err);
    if (!kv)
        return false;
    const char *pattern = key_vals_get(kv, "enable"), *list = key_vals_get(kv, "events"),
               *path = key_vals_get(kv, "file");
    *ret_help |= pattern && strcmp(pattern, "help") == 0;
    if (!key_vals_done(kv, err) || *ret_help)
        return *ret_help;
    if (path) {
        trace_close(t);
        t->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        t->own_fd = t->fd >= 0;
        if (t->fd < 0)
            return sys_fail_errno(err, errno, "-trace file=%s", path);
    }
    if (pattern && !trace_set(t, pattern, true))
        return nothing_matches(t, pattern, err);
    return !list || set_patterns(t, list, err);
}

bool trace_open(Trace *t, const SysOptions *o, MemMap *map, int fd, bool *ret_help, GError **err)
{
    const char *text;
    *t = (Trace){.fd = fd, .map = map, .mem = {.access = on_access, .opaque = t}};
    t->tracer = (DevTracer){.write = on_event, .opaque = t};
    map->tracer = &t->tracer;
    for (unsigned k = 0; (text = sys_option(o, LIST_TRACE, k)); k++)
        if (!open_one(t, text, ret_help, err))
            return false;
    char *name;
    bool on;
    for (unsigned k = 0; *ret_help && trace_at(t, k, &name, &on); k++) {
        printf("%s\n", name);
        g_free(name);
    }
    return true;
}

void trace_close(Trace *t)
{
    if (t->own_fd)
        close(t->fd);
    t->own_fd = false;
}
