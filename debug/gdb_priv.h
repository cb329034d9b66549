/* What the files of the stub share: the text of packets. Threads: as gdb_stub.h. */
#ifndef DEBUG_GDB_PRIV_H
#define DEBUG_GDB_PRIV_H

#include "debug/gdb_stub.h"

#include <string.h>

static inline int gdb_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline void gdb_put_hex(Fmt *f, const uint8_t *bytes, size_t n)
{
    static const char hex[] = "0123456789abcdef";
    for (size_t k = 0; k < n; k++) {
        fmt_putc(f, hex[bytes[k] >> 4]);
        fmt_putc(f, hex[bytes[k] & 15]);
    }
}

/* Number at *at in hex, moves behind it. False: there is none. */
static inline bool gdb_number(const char **at, uint64_t *ret)
{
    const char *s = *at;
    *ret = 0;
    for (int d; (d = gdb_digit(*s)) >= 0; s++)
        *ret = *ret << 4 | (unsigned)d;
    bool some = s != *at;
    *at = s;
    return some;
}

static inline bool gdb_char(const char **at, char c)
{
    bool is = **at == c;
    *at += is;
    return is;
}

/* Bytes in hex; how many there were, at most cap. */
static inline size_t gdb_bytes(const char **at, uint8_t *to, size_t cap)
{
    size_t n = 0;
    for (; n < cap && gdb_digit((*at)[0]) >= 0 && gdb_digit((*at)[1]) >= 0; n++, *at += 2)
        to[n] = (uint8_t)(gdb_digit((*at)[0]) << 4 | gdb_digit((*at)[1]));
    return n;
}

static inline bool gdb_begins(const char **at, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(*at, word, n) != 0)
        return false;
    *at += n;
    return true;
}

/* A packet of n bytes, which may be any; of text. */
void gdb_send_bytes(GdbStub *s, const char *bytes, size_t n);
void gdb_send(GdbStub *s, const char *text);
/* "vFile:" and what follows it (gdb_file.c). */
void gdb_file(GdbStub *s, const char *at);

#endif
