/* x, xp and print: expressions, formats, memory. */
#include "accel/accel_debug.h"
#include "system/monitor/hmp.h"

#include <string.h>

/* ---- expressions: numbers, $registers, + - * / % & | ^ ~ ( ) ---- */

typedef struct Expr {
    const Hmp *h;
    const char *at;
    const char *why; /* NULL: fine so far */
    unsigned depth;
} Expr;

static uint64_t sum(Expr *e);

static void skip(Expr *e)
{
    while (*e->at == ' ')
        e->at++;
}

static uint64_t reg_value(Expr *e)
{
    const Cpu *cpu = e->h->vm->machine->cpu[e->h->cpu];
    const TargetOps *ops = cpu->ops;
    const char *name = ++e->at;
    while (g_ascii_isalnum(*e->at) || *e->at == '_')
        e->at++;
    size_t n = (size_t)(e->at - name);
    for (unsigned k = 0; k < ops->n_regs; k++) {
        uint64_t v = 0;
        if (strlen(ops->regs[k].name) != n || strncmp(ops->regs[k].name, name, n) != 0)
            continue;
        memcpy(&v, (const char *)cpu + ops->regs[k].offset, MIN(ops->regs[k].size, 8));
        return v;
    }
    e->why = "unknown register";
    return 0;
}

static uint64_t unary(Expr *e)
{
    enum { DEEPEST = 100 };
    uint64_t v = 0;
    skip(e);
    if (++e->depth > DEEPEST) {
        e->why = "too deep";
    } else if (*e->at == '(') {
        e->at++;
        v = sum(e);
        if (*e->at == ')')
            e->at++;
        else
            e->why = "')' expected";
    } else if (*e->at == '-' || *e->at == '~' || *e->at == '+') {
        char op = *e->at++;
        v = unary(e);
        v = op == '-' ? 0 - v : op == '~' ? ~v : v;
    } else if (*e->at == '$') {
        v = reg_value(e);
    } else {
        char *end;
        v = g_ascii_strtoull(e->at, &end, 0);
        if (end == e->at)
            e->why = *e->at ? "invalid char in expression" : "unexpected end of expression";
        e->at = end;
    }
    e->depth--;
    skip(e);
    return v;
}

static uint64_t product(Expr *e)
{
    uint64_t v = unary(e);
    while (!e->why && *e->at && strchr("*/%", *e->at)) {
        char op = *e->at++;
        uint64_t w = unary(e);
        if (op != '*' && !w)
            e->why = "division by zero";
        else
            v = op == '*' ? v * w : op == '/' ? v / w : v % w;
    }
    return v;
}

static uint64_t logic(Expr *e)
{
    uint64_t v = product(e);
    while (!e->why && *e->at && strchr("&|^", *e->at)) {
        char op = *e->at++;
        uint64_t w = product(e);
        v = op == '&' ? v & w : op == '|' ? v | w : v ^ w;
    }
    return v;
}

static uint64_t sum(Expr *e)
{
    uint64_t v = logic(e);
    while (!e->why && *e->at && strchr("+-", *e->at)) {
        char op = *e->at++;
        uint64_t w = logic(e);
        v = op == '+' ? v + w : v - w;
    }
    return v;
}

static bool evaluate(Hmp *h, const char *text, uint64_t *ret)
{
    Expr e = {.h = h, .at = text};
    *ret = sum(&e);
    if (!e.why && *e.at)
        e.why = "invalid char in expression";
    if (e.why)
        g_string_append_printf(h->out, "%s\n", e.why);
    return !e.why;
}

/* ---- formats ---- */

typedef struct Format {
    unsigned count, size;
    char how; /* x d u o c i s */
} Format;

/* "/4xg ADDR": moves *at behind the format. */
static Format parse_format(const char **at, unsigned size)
{
    Format f = {.count = 1, .size = size, .how = 'x'};
    const char *s = *at;
    if (*s == '/') {
        s++;
        if (g_ascii_isdigit(*s)) {
            char *end;
            f.count = (unsigned)MIN(g_ascii_strtoull(s, &end, 10), (guint64)65536);
            s = end;
        }
        for (; *s && *s != ' '; s++) {
            const char *sizes = "bhwg", *p = strchr(sizes, *s);
            if (p)
                f.size = 1u << (p - sizes);
            else
                f.how = *s;
        }
    }
    while (*s == ' ')
        s++;
    *at = s;
    return f;
}

static void append_value(GString *out, const Format *f, uint64_t v)
{
    int64_t sign = (int64_t)(v << (64 - f->size * 8)) >> (64 - f->size * 8);
    switch (f->how) {
    case 'd': g_string_append_printf(out, "%" PRId64, sign); break;
    case 'u': g_string_append_printf(out, "%" PRIu64, v); break;
    case 'o': g_string_append_printf(out, "0%" PRIo64, v); break;
    case 'c':
        if (v >= ' ' && v < 127)
            g_string_append_printf(out, "'%c'", (int)v);
        else
            g_string_append_printf(out, "'\\x%02x'", (unsigned)v & 255);
        break;
    default: g_string_append_printf(out, "0x%0*" PRIx64, (int)f->size * 2, v); break;
    }
}

static bool read_at(Hmp *h, bool physical, uint64_t at, void *to, unsigned n)
{
    Machine *m = h->vm->machine;
    if (physical && accel_debug_read_phys(m->accel, at, to, n))
        return true;
    if (physical) {
        uint64_t v;
        MemRange r;
        bool ok = mem_map_find(&m->map, at, &r) && n <= 8 && mem_range_read(&r, at, n, &v);
        if (ok)
            memcpy(to, &v, n);
        return ok;
    }
    return accel_debug_read(m->cpu[h->cpu], at, to, n);
}

static void disassemble(Hmp *h, bool physical, uint64_t at, unsigned count)
{
    const TargetOps *ops = h->vm->machine->board->target;
    for (unsigned k = 0; k < count; k++) {
        uint8_t bytes[16];
        char text[128] = "";
        unsigned have = sizeof(bytes), len = 0;
        while (have && !read_at(h, physical, at, bytes, have))
            have /= 2;
        if (have)
            len = ops->disas(at, bytes, have, text, sizeof(text));
        if (!len) {
            g_string_append_printf(h->out, "0x%08" PRIx64 ":  Address 0x%" PRIx64 " is out of bounds\n", at,
                                   at);
            return;
        }
        g_string_append_printf(h->out, "0x%08" PRIx64 ":  ", at);
        for (unsigned n = len; n-- > 0;)
            g_string_append_printf(h->out, "%02x", bytes[n]);
        g_string_append_printf(h->out, "%*s%s\n", (int)(20 - MIN(len, 9u) * 2), "", text);
        at += len;
    }
}

static void dump(Hmp *h, const char *args, bool physical)
{
    uint64_t at;
    Format f = parse_format(&args, 4);
    if (!evaluate(h, args, &at))
        return;
    if (f.how == 'i') {
        disassemble(h, physical, at, f.count);
        return;
    }
    unsigned line = f.how == 'c' ? 8 : 16, per_line = f.size >= line ? 1 : line / f.size;
    for (unsigned k = 0; k < f.count; k++, at += f.size) {
        uint64_t v = 0;
        if (k % per_line == 0)
            g_string_append_printf(h->out, "%s%016" PRIx64 ":", k ? "\n" : "", at);
        if (!read_at(h, physical, at, &v, f.size)) {
            g_string_append(h->out, " Cannot access memory");
            break;
        }
        g_string_append_c(h->out, ' ');
        append_value(h->out, &f, v);
    }
    g_string_append_c(h->out, '\n');
}

void hmp_examine(Hmp *h, const char *args)
{
    vm_hold(h->vm);
    dump(h, args, false);
    vm_release(h->vm);
}

void hmp_examine_physical(Hmp *h, const char *args)
{
    vm_hold(h->vm);
    dump(h, args, true);
    vm_release(h->vm);
}

void hmp_print(Hmp *h, const char *args)
{
    uint64_t v;
    Format f = parse_format(&args, 8);
    if (!evaluate(h, args, &v))
        return;
    if (f.how == 'x')
        g_string_append_printf(h->out, "0x%" PRIx64, v);
    else
        append_value(h->out, &f, v);
    g_string_append_c(h->out, '\n');
}
