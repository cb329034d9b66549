#include "base/fmt.h"
#include "base/bits.h"
#include "base/sys.h"

void fmt_putc(Fmt *f, char c)
{
    if (f->len + 1 < f->cap) {
        f->buf[f->len++] = c;
        f->buf[f->len] = 0;
    }
}

void fmt_puts(Fmt *f, const char *s)
{
    for (; *s; s++)
        fmt_putc(f, *s);
}

static void fmt_number(Fmt *f, uint64_t v, unsigned base, bool neg, int width, char pad, bool left)
{
    char tmp[24];
    int n = 0;
    do {
        tmp[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v);
    if (neg && pad == '0' && !left)
        fmt_putc(f, '-');
    int len = n + neg;
    for (int i = len; !left && i < width; i++)
        fmt_putc(f, pad);
    if (neg && (pad != '0' || left))
        fmt_putc(f, '-');
    while (n)
        fmt_putc(f, tmp[--n]);
    for (int i = len; left && i < width; i++)
        fmt_putc(f, ' ');
}

static void fmt_string(Fmt *f, const char *s, int width, int prec, bool left)
{
    if (!s)
        s = "(null)";
    int len = 0;
    while ((prec < 0 || len < prec) && s[len])
        len++;
    for (int i = len; !left && i < width; i++)
        fmt_putc(f, ' ');
    for (int i = 0; i < len; i++)
        fmt_putc(f, s[i]);
    for (int i = len; left && i < width; i++)
        fmt_putc(f, ' ');
}

void fmt_vprintf(Fmt *f, const char *p, va_list ap)
{
    for (; *p; p++) {
        if (*p != '%') {
            fmt_putc(f, *p);
            continue;
        }
        bool left = false;
        char pad = ' ';
        int width = 0, prec = -1, longs = 0;
        for (p++; *p == '-' || *p == '0' || *p == '#'; p++) {
            left |= *p == '-';
            if (*p == '0')
                pad = '0';
            if (*p == '#')
                fmt_puts(f, "0x");
        }
        if (*p == '*') {
            width = va_arg(ap, int);
            p++;
        }
        for (; *p >= '0' && *p <= '9'; p++)
            width = width * 10 + (*p - '0');
        if (*p == '.') {
            p++;
            prec = 0;
            if (*p == '*') {
                prec = va_arg(ap, int);
                p++;
            }
            for (; *p >= '0' && *p <= '9'; p++)
                prec = prec * 10 + (*p - '0');
        }
        for (; *p == 'l' || *p == 'z' || *p == 'j'; p++)
            longs++;
        switch (*p) {
        case 'd': {
            int64_t v = longs ? va_arg(ap, long) : va_arg(ap, int);
            fmt_number(f, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, v < 0, width, pad, left);
            break;
        }
        case 'u':
            fmt_number(f, longs ? va_arg(ap, unsigned long) : va_arg(ap, unsigned), 10, false, width, pad,
                       left);
            break;
        case 'x':
            fmt_number(f, longs ? va_arg(ap, unsigned long) : va_arg(ap, unsigned), 16, false, width, pad,
                       left);
            break;
        case 'p':
            fmt_puts(f, "0x");
            fmt_number(f, (uint64_t)(uintptr_t)va_arg(ap, void *), 16, false, width, pad, left);
            break;
        case 'c': fmt_putc(f, (char)va_arg(ap, int)); break;
        case 's': fmt_string(f, va_arg(ap, const char *), width, prec, left); break;
        case '%': fmt_putc(f, '%'); break;
        default: return;
        }
    }
}

void fmt_printf(Fmt *f, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    fmt_vprintf(f, format, ap);
    va_end(ap);
}

void fmt_err(const char *format, ...)
{
    char line[1024];
    Fmt f = FMT_ON(line);
    fmt_puts(&f, "tinamou: ");
    va_list ap;
    va_start(ap, format);
    fmt_vprintf(&f, format, ap);
    va_end(ap);
    if (f.len + 1 >= f.cap)
        f.len--;
    f.buf[f.len++] = '\n';
    sys_write(2, f.buf, f.len);
}
