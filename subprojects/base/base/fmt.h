/*
 * Fmt: text into a fixed buffer, without stdio, locale, allocation or floating point.
 *
 * Invariants: buf is always NUL-terminated; output past the end is dropped and `len` stops at cap - 1.
 * fmt_printf knows %s %c %d %u %x %p %%, with - 0 # (always 0x), a width, for %s a precision, each also as *,
 * and l, ll, z, j; nothing else.
 * Threads: one owner. fmt_err() writes one line to standard error with a single write(2).
 */
#ifndef BASE_FMT_H
#define BASE_FMT_H

#include <stdarg.h>
#include <stddef.h>

typedef struct Fmt {
    char *buf;
    size_t cap, len; /* bytes */
} Fmt;

#define FMT_ON(array) ((Fmt){.buf = (array), .cap = sizeof(array)})

void fmt_putc(Fmt *f, char c);
void fmt_puts(Fmt *f, const char *s);
void fmt_vprintf(Fmt *f, const char *format, va_list ap);
void fmt_printf(Fmt *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "tinamou: " + text + newline on file descriptor 2. */
void fmt_err(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
