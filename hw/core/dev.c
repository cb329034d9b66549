#include "hw/core/dev_impl.h"
#include "hw/core/clock.h"

#include <stdarg.h>
#include <stdlib.h>

bool dev_fail(DevError *err, const char *format, ...)
{
    Fmt f = FMT_ON(err->text);
    va_list ap;
    va_start(ap, format);
    fmt_vprintf(&f, format, ap);
    va_end(ap);
    return false;
}

/* That of its transport for the device behind one. */
static const char *known_id(const Device *d)
{
    return d->parent && strcmp(d->id, "virtio-backend") == 0 ? d->parent->id : d->id;
}

void log_guest(const Device *d, const char *format, ...)
{
    const GuestLog *log = d->mem ? d->mem->log : NULL;
    char text[256];
    Fmt f = FMT_ON(text);
    va_list ap;
    if (!log)
        return;
    fmt_printf(&f, "guest error: %s '%s': ", d->cls->name, known_id(d));
    va_start(ap, format);
    fmt_vprintf(&f, format, ap);
    va_end(ap);
    log->write(log->opaque, text);
}

const char *dev_event_name(DevEvent e)
{
    static const char *const names[DEV_EVENTS] = {
#define EVENT(id, name) name,
#include "hw/core/dev_events.def"
#undef EVENT
    };
    return names[e];
}

void dev_trace_write(const Device *d, DevEvent e, const char *format, ...)
{
    const DevTracer *t = d->mem->tracer;
    char text[200];
    Fmt f = FMT_ON(text);
    va_list ap;
    fmt_printf(&f, "%s ", known_id(d));
    va_start(ap, format);
    fmt_vprintf(&f, format, ap);
    va_end(ap);
    t->write(t->opaque, e, text);
}

/* ---- life ---- */

static void set_default(Device *d, const DevProp *p)
{
    char *at = (char *)d + p->offset;
    switch ((PropKind)p->kind) {
    case PROP_BOOL: *(bool *)at = p->value != 0; break;
    case PROP_U32: *(uint32_t *)(void *)at = (uint32_t)p->value; break;
    case PROP_U64: *(uint64_t *)(void *)at = p->value; break;
    case PROP_TEXT:
    case PROP_PTR: break;
    }
}

Device *dev_new(const DevClass *cls, Device *parent, const char *id)
{
    Device *d = calloc(1, cls->size);
    if (!d)
        return NULL;
    Fmt f = FMT_ON(d->id);
    fmt_puts(&f, id);
    d->cls = cls;
    lock_init(&d->lock, LOCK_RANK_DEVICE);
    for (unsigned k = 0; k < cls->n_props; k++)
        set_default(d, &cls->props[k]);
    d->parent = parent;
    if (parent) { /* in the order they were made */
        Device **p = &parent->children;
        while (*p)
            p = &(*p)->next;
        *p = d;
    }
    return d;
}

void dev_free(Device *d)
{
    if (!d)
        return;
    while (d->children)
        dev_free(d->children);
    for (Device **p = d->parent ? &d->parent->children : NULL; p && *p; p = &(*p)->next) {
        if (*p == d) {
            *p = d->next;
            break;
        }
    }
    if (d->cls->clear)
        d->cls->clear(d);
    for (unsigned k = 0; k < d->n_regions; k++)
        if (d->region[k].map)
            mem_map_remove(d->region[k].map, &d->region[k]);
    free(d);
}

bool dev_realize(Device *d, MemMap *mem, Clock *clock, DevError *err)
{
    d->mem = mem;
    d->clock = clock;
    if (d->cls->realize && !d->cls->realize(d, err))
        return false;
    d->realized = true;
    return true;
}

void dev_reset(Device *d)
{
    lock_take(&d->lock);
    if (d->cls->reset)
        d->cls->reset(d);
    lock_release(&d->lock);
    for (Device *c = d->children; c; c = c->next)
        dev_reset(c);
}

MemRegion *dev_add_mmio(Device *d, const char *name, const MmioOps *ops, uint64_t bytes)
{
    MemRegion *r = &d->region[d->n_regions++];
    Fmt f = FMT_ON(r->name);
    *r = (MemRegion){.kind = MEM_MMIO, .bytes = bytes, .ops = ops, .dev = d, .lock = &d->lock};
    fmt_puts(&f, name);
    return r;
}

Device *dev_find(Device *root, const char *id)
{
    if (strcmp(root->id, id) == 0)
        return root;
    for (Device *c = root->children, *found; c; c = c->next)
        if ((found = dev_find(c, id)))
            return found;
    return NULL;
}

void dev_path(const Device *d, Fmt *out)
{
    if (d->parent)
        dev_path(d->parent, out);
    fmt_printf(out, "/%s", d->id);
}

/* ---- properties ---- */

static const DevProp *find_prop(const Device *d, const char *name)
{
    for (unsigned k = 0; k < d->cls->n_props; k++)
        if (strcmp(d->cls->props[k].name, name) == 0)
            return &d->cls->props[k];
    return NULL;
}

static bool parse_bool(const char *s, bool *ret)
{
    bool yes = !strcmp(s, "on") || !strcmp(s, "true") || !strcmp(s, "yes");
    if (!yes && strcmp(s, "off") != 0 && strcmp(s, "false") != 0 && strcmp(s, "no") != 0)
        return false;
    *ret = yes;
    return true;
}

static bool parse_u64(const char *s, uint64_t *ret)
{
    unsigned base = s[0] == '0' && (s[1] == 'x' || s[1] == 'X') ? 16 : 10;
    uint64_t v = 0;
    s += base == 16 ? 2 : 0;
    if (!*s)
        return false;
    for (; *s; s++) {
        unsigned digit = *s >= '0' && *s <= '9'   ? (unsigned)(*s - '0')
                         : (*s | 32) >= 'a' && (*s | 32) <= 'f' ? (unsigned)((*s | 32) - 'a') + 10
                                                                : 99;
        if (digit >= base || v > (UINT64_MAX - digit) / base)
            return false;
        v = v * base + digit;
    }
    *ret = v;
    return true;
}

bool dev_set(Device *d, const char *name, const char *value, DevError *err)
{
    const DevProp *p = find_prop(d, name);
    uint64_t v;
    if (!p || p->kind == PROP_PTR)
        return dev_fail(err, "%s has no property '%s'", d->cls->name, name);
    char *at = (char *)d + p->offset;
    switch ((PropKind)p->kind) {
    case PROP_BOOL:
        if (parse_bool(value, (bool *)at))
            return true;
        return dev_fail(err, "property '%s' of %s: '%s' is neither on nor off", name, d->cls->name, value);
    case PROP_TEXT:
        if (strlen(value) >= p->size)
            return dev_fail(err, "property '%s' of %s: more than %u characters", name, d->cls->name,
                            p->size - 1u);
        memcpy(at, value, strlen(value) + 1);
        return true;
    default: break;
    }
    if (!parse_u64(value, &v) || (p->kind == PROP_U32 && v > UINT32_MAX))
        return dev_fail(err, "property '%s' of %s: '%s' is not a number it can have", name, d->cls->name,
                        value);
    memcpy(at, &v, p->kind == PROP_U32 ? 4 : 8);
    return true;
}

bool dev_set_ptr(Device *d, const char *name, void *value, DevError *err)
{
    const DevProp *p = find_prop(d, name);
    if (!p || p->kind != PROP_PTR)
        return dev_fail(err, "%s has no connection '%s'", d->cls->name, name);
    memcpy((char *)d + p->offset, &value, sizeof(value));
    return true;
}

bool dev_get(const Device *d, const char *name, Fmt *out)
{
    const DevProp *p = find_prop(d, name);
    const char *at = (const char *)d + (p ? p->offset : 0);
    uint64_t v = 0;
    if (!p)
        return false;
    switch ((PropKind)p->kind) {
    case PROP_BOOL: fmt_puts(out, *(const bool *)at ? "on" : "off"); return true;
    case PROP_TEXT: fmt_puts(out, at); return true;
    case PROP_PTR: fmt_puts(out, "-"); return true;
    case PROP_U32:
    case PROP_U64: break;
    }
    memcpy(&v, at, p->kind == PROP_U32 ? 4 : 8);
    fmt_printf(out, "%lu", (unsigned long)v);
    return true;
}

void dev_class_help(const DevClass *cls, Fmt *out)
{
    static const char kind[][8] = {"bool", "uint32", "uint64", "text", "link"};
    fmt_printf(out, "%s: %s\n", cls->name, cls->help);
    for (unsigned k = 0; k < cls->n_props; k++)
        if (cls->props[k].kind != PROP_PTR)
            fmt_printf(out, "  %s=<%s>  %s\n", cls->props[k].name, kind[cls->props[k].kind],
                       cls->props[k].help);
}

void dev_print_tree(const Device *d, unsigned depth, Fmt *out)
{
    fmt_printf(out, "%*s%s, id \"%s\"\n", (int)depth * 2, "", d->cls->name, d->id);
    for (unsigned k = 0; k < d->cls->n_props; k++) {
        const DevProp *p = &d->cls->props[k];
        if (p->kind == PROP_PTR)
            continue;
        fmt_printf(out, "%*s  %s = ", (int)depth * 2, "", p->name);
        dev_get(d, p->name, out);
        fmt_putc(out, '\n');
    }
    for (unsigned k = 0; k < d->n_regions; k++)
        fmt_printf(out, "%*s  mmio %016lx/%lx\n", (int)depth * 2, "", (unsigned long)d->region[k].base,
                   (unsigned long)d->region[k].bytes);
    for (const Device *c = d->children; c; c = c->next)
        dev_print_tree(c, depth + 1, out);
}

/* ---- state ---- */

void dev_save(Device *d, Fmt *out)
{
    lock_take(&d->lock);
    fmt_printf(out, "[%s] %s %u\n", d->id, d->cls->name, d->cls->version);
    state_save(d->cls->state, d->cls->n_state, d, out);
    lock_release(&d->lock);
}

/* Into `to`, which is the device or as large. False: err says why. */
static bool load_fields(const Device *d, void *to, const char *text, DevError *err)
{
    const StateField *bad;
    char head[128];
    Fmt f = FMT_ON(head);
    fmt_printf(&f, "[%s] %s %u\n", d->id, d->cls->name, d->cls->version);
    if (!state_take(&text, head))
        return dev_fail(err, "the state is not that of %s '%s', version %u", d->cls->name, d->id,
                        d->cls->version);
    return state_load(d->cls->state, d->cls->n_state, to, &text, &bad) ||
           dev_fail(err, "state of '%s': field '%s' is missing or no value of it", d->id, bad->name);
}

bool dev_load(Device *d, const char *text, DevError *err)
{
    lock_take(&d->lock);
    bool ok = load_fields(d, d, text, err) && (!d->cls->loaded || d->cls->loaded(d, err));
    lock_release(&d->lock);
    return ok;
}

bool dev_load_fields(Device *d, const char *text, DevError *err)
{
    lock_take(&d->lock);
    bool ok = load_fields(d, d, text, err);
    lock_release(&d->lock);
    return ok;
}

bool dev_check(const Device *d, const char *text, DevError *err)
{
    void *room = malloc(d->cls->size);
    if (!room)
        return dev_fail(err, "no memory");
    memcpy(room, d, d->cls->size);
    bool ok = load_fields(d, room, text, err);
    free(room);
    return ok;
}
