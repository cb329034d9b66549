#include "base/state_rows.h"

#include <string.h>

void state_save(const StateField *f, unsigned n, const void *from, Fmt *out)
{
    for (const StateField *end = f + n; f < end; f++) {
        if (f->kind == STATE_NOT)
            continue;
        fmt_printf(out, "%s=", f->name);
        for (unsigned k = 0; k < f->count; k++) {
            uint64_t v = 0;
            memcpy(&v, (const char *)from + f->offset + k * f->size, f->size);
            fmt_printf(out, k ? ",%lx" : "%lx", (unsigned long)v);
        }
        fmt_putc(out, '\n');
    }
}

bool state_take(const char **at, const char *text)
{
    size_t n = strlen(text);
    if (strncmp(*at, text, n) != 0)
        return false;
    *at += n;
    return true;
}

bool state_take_hex(const char **at, uint64_t *ret)
{
    const char *s = *at;
    *ret = 0;
    for (;; s++) {
        unsigned digit = *s >= '0' && *s <= '9'   ? (unsigned)(*s - '0')
                         : *s >= 'a' && *s <= 'f' ? (unsigned)(*s - 'a') + 10
                                                  : 16;
        if (digit == 16 || *ret >> 60)
            break;
        *ret = *ret << 4 | digit;
    }
    bool some = s != *at;
    *at = s;
    return some;
}

static bool load_field(const StateField *f, void *to, const char **at)
{
    if (!state_take(at, f->name) || !state_take(at, "="))
        return false;
    for (unsigned k = 0; k < f->count; k++) {
        char *place = (char *)to + f->offset + k * f->size;
        uint64_t v;
        if ((k && !state_take(at, ",")) || !state_take_hex(at, &v) || (f->size < 8 && v >> f->size * 8))
            return false;
        if (f->kind == STATE_SAVED)
            memcpy(place, &v, f->size);
        else if (memcmp(place, &v, f->size) != 0)
            return false;
    }
    return state_take(at, "\n");
}

bool state_load(const StateField *f, unsigned n, void *to, const char **at, const StateField **ret_bad)
{
    for (const StateField *end = f + n; f < end; f++) {
        *ret_bad = f;
        if (f->kind != STATE_NOT && !load_field(f, to, at))
            return false;
    }
    return true;
}
