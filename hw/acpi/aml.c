/* ACPI 6.5: 20.2 "AML Grammar Definition", 6.4 "Resource Data Types for ACPI". */
#include "hw/acpi/aml.h"

#include <stdlib.h>

enum {
    OP_NAME = 8,
    OP_BYTE = 10,
    OP_WORD,
    OP_DWORD,
    OP_STRING,
    OP_QWORD,
    OP_SCOPE = 16,
    OP_BUFFER,
    OP_PACKAGE,
    OP_METHOD = 20,
    OP_IF = 0xa0,
    OP_ELSE,
    OP_WHILE,
    OP_EXT = 0x5b,
    EXT_REGION = 0x80,
    EXT_FIELD,
    EXT_DEVICE
};

/* ---- bytes ---- */

void acpi_buf_clear(AcpiBuf *b)
{
    free(b->bytes);
    *b = (AcpiBuf){0};
}

static bool make_room(AcpiBuf *b, size_t n)
{
    if (b->failed || (b->bytes && b->n + n <= b->room))
        return !b->failed;
    size_t room = MAX(b->room * 2, b->n + n + 1024);
    uint8_t *bytes = malloc(room);
    b->failed = !bytes;
    if (!bytes)
        return false;
    if (b->n)
        memcpy(bytes, b->bytes, b->n);
    free(b->bytes);
    b->bytes = bytes;
    b->room = room;
    return true;
}

void acpi_put_bytes(AcpiBuf *b, const void *bytes, size_t n)
{
    if (!make_room(b, n))
        return;
    memcpy(b->bytes + b->n, bytes, n);
    b->n += n;
}

void acpi_put_zeros(AcpiBuf *b, size_t n)
{
    if (!make_room(b, n))
        return;
    memset(b->bytes + b->n, 0, n);
    b->n += n;
}

void acpi_put(AcpiBuf *b, uint64_t v, unsigned size)
{
    acpi_put_bytes(b, &v, size); /* little-endian hosts */
}

void acpi_patch(AcpiBuf *b, size_t at, uint64_t v, unsigned size)
{
    if (!b->failed)
        memcpy(b->bytes + at, &v, size);
}

static void put_at(AcpiBuf *b, size_t at, const void *bytes, size_t n)
{
    if (!make_room(b, n))
        return;
    memmove(b->bytes + at + n, b->bytes + at, b->n - at);
    memcpy(b->bytes + at, bytes, n);
    b->n += n;
}

/* ---- names and data ---- */

/* Four characters, filled with underscores. */
static const char *put_seg(AcpiBuf *b, const char *at)
{
    char seg[4] = {'_', '_', '_', '_'};
    size_t n = strcspn(at, ".");
    memcpy(seg, at, MIN(n, sizeof(seg)));
    acpi_put_bytes(b, seg, sizeof(seg));
    return at[n] ? at + n + 1 : at + n;
}

void aml_path(AcpiBuf *b, const char *path)
{
    enum { DUAL = 0x2e, MULTI = 0x2f };
    while (*path == '\\' || *path == '^')
        acpi_put(b, (uint8_t)*path++, 1);
    unsigned parts = *path != 0;
    for (const char *p = path; *p; p++)
        parts += *p == '.';
    if (parts == 0)
        acpi_put(b, 0, 1);
    else if (parts == 2)
        acpi_put(b, DUAL, 1);
    else if (parts > 2)
        acpi_put(b, MULTI | parts << 8, 2);
    for (; parts; parts--)
        path = put_seg(b, path);
}

void aml_name(AcpiBuf *b, const char *path)
{
    acpi_put(b, OP_NAME, 1);
    aml_path(b, path);
}

void aml_int(AcpiBuf *b, uint64_t v)
{
    unsigned size = v >> 32 ? 8 : v >> 16 ? 4 : v >> 8 ? 2 : 1;
    if (v <= 1) {
        acpi_put(b, v, 1);
        return;
    }
    acpi_put(b, size == 8 ? OP_QWORD : size == 4 ? OP_DWORD : size == 2 ? OP_WORD : OP_BYTE, 1);
    acpi_put(b, v, size);
}

void aml_str(AcpiBuf *b, const char *text)
{
    acpi_put(b, OP_STRING, 1);
    acpi_put_bytes(b, text, strlen(text) + 1);
}

static unsigned hex(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 32) - 'a' + 10);
}

/* Three letters of five bits and four hexadecimal digits, big-endian. */
void aml_eisaid(AcpiBuf *b, const char *id)
{
    uint32_t v = 0;
    for (unsigned k = 0; k < 3; k++)
        v = v << 5 | ((unsigned)id[k] & 31);
    for (unsigned k = 3; k < 7; k++)
        v = v << 4 | hex(id[k]);
    acpi_put(b, OP_DWORD, 1);
    acpi_put(b, __builtin_bswap32(v), 4);
}

void aml_name_int(AcpiBuf *b, const char *path, uint64_t v)
{
    aml_name(b, path);
    aml_int(b, v);
}
void aml_name_str(AcpiBuf *b, const char *path, const char *text)
{
    aml_name(b, path);
    aml_str(b, text);
}
void aml_name_eisaid(AcpiBuf *b, const char *path, const char *id)
{
    aml_name(b, path);
    aml_eisaid(b, id);
}

/* ---- what has a length ---- */

static size_t begin(AcpiBuf *b, unsigned op)
{
    if (op >> 8)
        acpi_put(b, op >> 8, 1);
    acpi_put(b, op & 255, 1);
    return b->n;
}

size_t aml_scope(AcpiBuf *b, const char *path)
{
    size_t at = begin(b, OP_SCOPE);
    aml_path(b, path);
    return at;
}

size_t aml_device(AcpiBuf *b, const char *path)
{
    size_t at = begin(b, OP_EXT << 8 | EXT_DEVICE);
    aml_path(b, path);
    return at;
}

size_t aml_method(AcpiBuf *b, const char *path, unsigned args, bool serialized)
{
    size_t at = begin(b, OP_METHOD);
    aml_path(b, path);
    acpi_put(b, args | (unsigned)serialized << 3, 1);
    return at;
}

size_t aml_package(AcpiBuf *b, unsigned elements)
{
    size_t at = begin(b, OP_PACKAGE);
    acpi_put(b, elements, 1);
    return at;
}

size_t aml_buffer(AcpiBuf *b, size_t bytes)
{
    size_t at = begin(b, OP_BUFFER);
    aml_int(b, bytes);
    return at;
}

size_t aml_if(AcpiBuf *b)
{
    return begin(b, OP_IF);
}
size_t aml_else(AcpiBuf *b)
{
    return begin(b, OP_ELSE);
}
size_t aml_while(AcpiBuf *b)
{
    return begin(b, OP_WHILE);
}

/* PkgLength counts its own bytes: one of six bits, or a nibble and up to three more. */
void aml_end(AcpiBuf *b, size_t at)
{
    size_t n = b->n - at;
    uint8_t length[4];
    unsigned more = n + 1 < 1 << 6 ? 0 : n + 2 < 1 << 12 ? 1 : n + 3 < 1 << 20 ? 2 : 3;
    n += more + 1;
    length[0] = (uint8_t)(more ? more << 6 | (n & 15) : n);
    for (unsigned k = 1; k <= more; k++)
        length[k] = (uint8_t)(n >> (4 + 8 * (k - 1)));
    put_at(b, at, length, more + 1);
}

/* ---- operators ---- */

void aml_op(AcpiBuf *b, AmlOp op)
{
    if (op >> 8)
        acpi_put(b, (unsigned)op >> 8, 1);
    acpi_put(b, op & 255, 1);
}

/* The first three parts are little-endian numbers. */
void aml_uuid(AcpiBuf *b, const char *uuid)
{
    static const uint8_t at[16] = {6, 4, 2, 0, 11, 9, 16, 14, 19, 21, 24, 26, 28, 30, 32, 34};
    size_t buffer = aml_buffer(b, sizeof(at));
    for (unsigned k = 0; k < sizeof(at); k++)
        acpi_put(b, hex(uuid[at[k]]) << 4 | hex(uuid[at[k] + 1]), 1);
    aml_end(b, buffer);
}

/* ---- regions of addresses ---- */

void aml_region(AcpiBuf *b, const char *name, AmlSpace space, uint64_t base, uint64_t bytes)
{
    begin(b, OP_EXT << 8 | EXT_REGION);
    aml_path(b, name);
    acpi_put(b, space, 1);
    aml_int(b, base);
    aml_int(b, bytes);
}

size_t aml_field(AcpiBuf *b, const char *region, AmlAccess access, bool lock, unsigned update)
{
    size_t at = begin(b, OP_EXT << 8 | EXT_FIELD);
    aml_path(b, region);
    acpi_put(b, (unsigned)access | (unsigned)lock << 4 | update << 5, 1);
    return at;
}

void aml_unit(AcpiBuf *b, const char *name, unsigned bits)
{
    if (name)
        put_seg(b, name);
    else
        acpi_put(b, 0, 1);
    size_t at = b->n; /* a PkgLength that does not count itself */
    uint8_t length[2] = {(uint8_t)bits, 0};
    if (bits >= 1 << 6) {
        length[0] = (uint8_t)(1 << 6 | (bits & 15));
        length[1] = (uint8_t)(bits >> 4);
    }
    put_at(b, at, length, bits >= 1 << 6 ? 2 : 1);
}

/* ---- resources ---- */

enum {
    SMALL_IRQ = 0x23,
    SMALL_IO = 0x47,
    SMALL_END = 0x79,
    LARGE_MEMORY32 = 0x86,
    LARGE_DWORD = 0x87,
    LARGE_WORD,
    LARGE_IRQ,
    LARGE_QWORD,
    LARGE_GPIO = 0x8c
};

size_t aml_resources(AcpiBuf *b)
{
    return begin(b, OP_BUFFER);
}

/* The number of bytes comes before them, the length before that; a checksum of 0 is right. */
void aml_resources_end(AcpiBuf *b, size_t at)
{
    acpi_put(b, SMALL_END, 2);
    AcpiBuf size = {0};
    aml_int(&size, b->n - at);
    if (!size.failed)
        put_at(b, at, size.bytes, size.n);
    b->failed |= size.failed;
    acpi_buf_clear(&size);
    aml_end(b, at);
}

static void large(AcpiBuf *b, unsigned tag, unsigned bytes)
{
    acpi_put(b, tag, 1);
    acpi_put(b, bytes, 2);
}

void aml_memory32(AcpiBuf *b, uint32_t base, uint32_t bytes, bool writable)
{
    large(b, LARGE_MEMORY32, 9);
    acpi_put(b, writable, 1);
    acpi_put(b, base, 4);
    acpi_put(b, bytes, 4);
}

void aml_ports(AcpiBuf *b, uint16_t base, uint16_t last_base, unsigned align, unsigned bytes)
{
    acpi_put(b, SMALL_IO, 1);
    acpi_put(b, 1, 1); /* 16 bits are decoded */
    acpi_put(b, base, 2);
    acpi_put(b, last_base, 2);
    acpi_put(b, align, 1);
    acpi_put(b, bytes, 1);
}

void aml_irq(AcpiBuf *b, uint32_t gsi, AmlTrigger how, bool shared)
{
    enum { CONSUMER = 1, SHARED = 8 };
    large(b, LARGE_IRQ, 6);
    acpi_put(b, CONSUMER | (unsigned)how | (shared ? SHARED : 0), 1);
    acpi_put(b, 1, 1);
    acpi_put(b, gsi, 4);
}

void aml_irq_short(AcpiBuf *b, uint16_t mask)
{
    enum { EDGE = 1 };
    acpi_put(b, SMALL_IRQ, 1);
    acpi_put(b, mask, 2);
    acpi_put(b, EDGE, 1);
}

void aml_gpio_int(AcpiBuf *b, AmlTrigger how, unsigned pin, const char *controller)
{
    enum { PINS_AT = 23, PULL_UP = 1, CONSUMER = 1, WAKES = 0x10 };
    unsigned name = (unsigned)strlen(controller) + 1,
             flags = WAKES | (how == AML_EDGE_HIGH) | (how == AML_LEVEL_LOW) << 1;
    large(b, LARGE_GPIO, PINS_AT - 3 + 2 + name);
    acpi_put(b, 1, 1); /* revision */
    acpi_put(b, 0, 1); /* of the kind: interrupt */
    acpi_put(b, CONSUMER, 2);
    acpi_put(b, flags, 2);
    acpi_put(b, PULL_UP, 1);
    acpi_put(b, 0, 2); /* drive strength */
    acpi_put(b, 0, 2); /* debounce */
    acpi_put(b, PINS_AT, 2);
    acpi_put(b, 0, 1); /* index of the controller */
    acpi_put(b, PINS_AT + 2, 2);
    acpi_put(b, PINS_AT + 2 + name, 2); /* the vendor's data: none */
    acpi_put(b, 0, 2);
    acpi_put(b, pin, 2);
    acpi_put_bytes(b, controller, name);
}

void aml_window(AcpiBuf *b, unsigned size, const AmlWindow *w)
{
    enum {
        CONSUMED = 1,
        MIN_FIXED = 4,
        MAX_FIXED = 8,
        WRITABLE = 1,
        PREFETCHABLE = 6,
        WHOLE_RANGE = 3,
        TRANSLATED_TYPE = 0x10
    };
    static const uint8_t tag[9] = {[2] = LARGE_WORD, [4] = LARGE_DWORD, [8] = LARGE_QWORD};
    unsigned flags = 0;
    if (w->kind == AML_WINDOW_MEMORY)
        flags = WRITABLE | (w->prefetchable ? PREFETCHABLE : 0);
    else if (w->kind == AML_WINDOW_IO)
        flags = WHOLE_RANGE | (w->translation ? TRANSLATED_TYPE : 0);
    large(b, tag[size], 3 + 5 * size);
    acpi_put(b, w->kind, 1);
    acpi_put(b, MIN_FIXED | MAX_FIXED | (w->consumed ? CONSUMED : 0), 1);
    acpi_put(b, flags, 1);
    acpi_put(b, 0, size); /* granularity */
    acpi_put(b, w->first, size);
    acpi_put(b, w->first + w->bytes - 1, size);
    acpi_put(b, w->translation, size);
    acpi_put(b, w->bytes, size);
}
