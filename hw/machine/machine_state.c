#include "hw/machine/machine_state.h"

#include "hw/core/dev_impl.h"
#include "target/mem.h"

#include <stdlib.h>

/* In the order in which they were made. */
static Device *next_device(Device *d)
{
    if (d->children)
        return d->children;
    while (d && !d->next)
        d = d->parent;
    return d ? d->next : NULL;
}

/* What `write` says, however long it is. */
static char *text_of(Machine *m, void (*write)(Machine *m, Fmt *out))
{
    enum { FIRST_ROOM = 1 << 16 };
    for (size_t room = FIRST_ROOM;; room *= 4) {
        Fmt f = {.buf = malloc(room), .cap = room};
        if (!f.buf)
            return NULL;
        f.buf[0] = 0;
        write(m, &f);
        if (f.len < room - 1)
            return f.buf;
        free(f.buf);
    }
}

/* ---- memory ---- */

static unsigned add_block(RamBlock **to, unsigned n, RamBlock *b)
{
    unsigned k = n;
    if (!b || n == MACHINE_MOST_BLOCKS)
        return n;
    while (k > 0 && to[k - 1]->base > b->base)
        k--;
    if (k > 0 && to[k - 1] == b)
        return n;
    memmove(&to[k + 1], &to[k], (n - k) * sizeof(RamBlock *));
    to[k] = b;
    return n + 1;
}

/* Those of devices count also while they are at no address. */
unsigned machine_ram_blocks(const Machine *m, RamBlock **to)
{
    unsigned n = 0;
    for (unsigned k = 0; k < m->map.n_regions; k++)
        n = add_block(to, n, m->map.region[k]->ram);
    for (Device *d = m->root; d; d = next_device(d))
        for (unsigned k = 0; k < d->n_regions; k++)
            n = add_block(to, n, d->region[k].ram);
    return n;
}

/* ---- shape ---- */

static void write_shape(Machine *m, Fmt *out)
{
    RamBlock *block[MACHINE_MOST_BLOCKS];
    unsigned n = machine_ram_blocks(m, block);
    fmt_printf(out, "machine %s of %s\n", m->board->name, m->board->isa);
    fmt_printf(out, "%u cpus\n", m->cfg.cpus);
    for (unsigned k = 0; k < n; k++)
        fmt_printf(out, "%lu bytes of memory '%s'\n", (unsigned long)block[k]->bytes, block[k]->name);
    for (Device *d = m->root; d; d = next_device(d)) {
        fmt_puts(out, "device ");
        dev_path(d, out);
        fmt_printf(out, ", %s version %u\n", d->cls->name, d->cls->version);
    }
}

char *machine_shape(const Machine *m)
{
    return text_of((Machine *)(uintptr_t)m, write_shape);
}

static int line_length(const char *s)
{
    return (int)strcspn(s, "\n");
}

bool machine_shape_fits(const Machine *m, const char *shape, DevError *err)
{
    char *own = machine_shape(m);
    const char *a = shape, *b = own;
    if (!own)
        return dev_fail(err, "no memory");
    while (*a && *b && line_length(a) == line_length(b) && memcmp(a, b, (size_t)line_length(a)) == 0) {
        a += line_length(a) + (a[line_length(a)] != 0);
        b += line_length(b) + (b[line_length(b)] != 0);
    }
    bool same = !*a && !*b;
    if (!same)
        dev_fail(err, "the state is of another machine: it has %s%.*s, here there is %s%.*s",
                 *a ? "" : "nothing more", MIN(line_length(a), 70), a, *b ? "" : "nothing more",
                 MIN(line_length(b), 70), b);
    free(own);
    return same;
}

/* ---- state ---- */

static void write_state(Machine *m, Fmt *out)
{
    fmt_printf(out, "@clock\n%lx\n", (unsigned long)clock_now(&m->clock));
    for (Device *d = m->root; d; d = next_device(d)) {
        fmt_putc(out, '@');
        dev_path(d, out);
        fmt_putc(out, '\n');
        dev_save(d, out);
    }
    for (unsigned k = 0; k < m->cfg.cpus; k++) {
        fmt_printf(out, "@cpu %u\n", k);
        accel_cpu_save(m->cpu[k], out);
    }
    fmt_puts(out, "@end\n");
}

/* ---- what the engine has ---- */

static void fetch(Machine *m)
{
    DevError none;
    if (m->board->controllers)
        m->board->controllers(m, BOARD_FETCH, &none);
}

static bool hand_over(Machine *m, DevError *err)
{
    if (m->board->controllers)
        return m->board->controllers(m, BOARD_HAND_OVER, err);
    bool ok = true;
    for (unsigned k = 0; ok && k < m->cfg.cpus; k++)
        ok = accel_cpu_adopt(m->cpu[k], &FMT_ON(err->text));
    return ok;
}

static bool take_over(Machine *m, const struct AccelOps *engine, bool jit, DevError *err)
{
    return accel_switch(m->accel, engine, jit, err->text, sizeof(err->text)) && hand_over(m, err) &&
           (!m->board->controllers || m->board->controllers(m, BOARD_SETTLE, err));
}

bool machine_change_engine(Machine *m, const struct AccelOps *engine, bool jit, bool *ret_lost, DevError *err)
{
    const struct AccelOps *was = accel_engine(m->accel);
    DevError more;
    err->text[0] = 0;
    *ret_lost = false;
    fetch(m);
    if (take_over(m, engine, jit, err))
        return true;
    *ret_lost = !take_over(m, was, false, &more);
    return false;
}

char *machine_state_save(Machine *m)
{
    fetch(m);
    return text_of(m, write_state);
}

/* The section must be the next one. Then *at is its text; false: err says so. */
static bool find_section(const char **at, const char *name, DevError *err)
{
    const char *s = *at;
    if (!(*s == '@' || ((s = strstr(s, "\n@")) && s++)))
        return dev_fail(err, "the state ends before %s", name);
    s++;
    if (!state_take(&s, name) || !state_take(&s, "\n"))
        return dev_fail(err, "the state has %.*s where %s should be", MIN(line_length(s), 80), s, name);
    *at = s;
    return true;
}

static const char *path_of(const Device *d, char *room, size_t cap)
{
    Fmt f = {.buf = room, .cap = cap};
    dev_path(d, &f);
    return room;
}

typedef struct CpuRoom {
    const Machine *m;
    void *room; /* of accel_cpu_check(); NULL: load */
} CpuRoom;

static bool read_cpus(const CpuRoom *r, const char **at, DevError *err)
{
    for (unsigned k = 0; k < r->m->cfg.cpus; k++) {
        char name[16];
        Fmt f = FMT_ON(name), why = FMT_ON(err->text);
        fmt_printf(&f, "cpu %u", k);
        if (!find_section(at, name, err))
            return false;
        Cpu *cpu = r->m->cpu[k];
        if (!(r->room ? accel_cpu_check(cpu, *at, r->room, &why) : accel_cpu_load(cpu, *at, &why)))
            return false;
    }
    return find_section(at, "end", err);
}

static bool read_clock(const char **at, uint64_t *ret, DevError *err)
{
    if (!find_section(at, "clock", err))
        return false;
    return state_take_hex(at, ret) || dev_fail(err, "the state has no time");
}

bool machine_state_check(const Machine *m, const char *text, DevError *err)
{
    char path[256];
    uint64_t now;
    bool ok = read_clock(&text, &now, err);
    for (Device *d = m->root; ok && d; d = next_device(d))
        ok = find_section(&text, path_of(d, path, sizeof(path)), err) && dev_check(d, text, err);
    if (!ok)
        return false;
    void *room = malloc(m->cpu[0]->ops->cpu_size);
    ok = room ? read_cpus(&(CpuRoom){m, room}, &text, err) : dev_fail(err, "no memory");
    free(room);
    return ok;
}

static bool read_devices(Machine *m, const char **at,
                         bool (*load)(Device *d, const char *text, DevError *err), DevError *err)
{
    char path[256];
    for (Device *d = m->root; d; d = next_device(d))
        if (!find_section(at, path_of(d, path, sizeof(path)), err) || !load(d, *at, err))
            return false;
    return true;
}

static bool settle_devices(Machine *m, DevError *err)
{
    bool ok = true;
    for (Device *d = m->root; ok && d; d = next_device(d)) {
        lock_take(&d->lock);
        ok = !d->cls->loaded || d->cls->loaded(d, err);
        lock_release(&d->lock);
    }
    return ok;
}

/* A device that is loaded drives its lines: to others that still are as after a reset, or have been loaded
 * with another level. So when all have looked at their fields and found them good they get them again, and
 * then drive their lines: only what has become due since then is news to anybody. Cpus come in between, so
 * that news reaches them, too. */
bool machine_state_load(Machine *m, const char *text, DevError *err)
{
    uint64_t now;
    if (!read_clock(&text, &now, err))
        return false;
    const char *at = text;
    dev_reset(m->root);
    clock_set_now(&m->clock, now);
    return read_devices(m, &at, dev_load, err) && read_devices(m, &text, dev_load_fields, err) &&
           read_cpus(&(CpuRoom){m, NULL}, &text, err) && hand_over(m, err) && settle_devices(m, err);
}
