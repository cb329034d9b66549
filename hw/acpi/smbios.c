#include "hw/acpi/smbios.h"

enum { STRINGS = 512, MOST_BYTES = 0xffff, NO_HANDLE = 0xfffe };
enum { MIB = 1 << 20 };

/* What the user may say. A type of which nothing is said may be missing (absent). */
static const struct {
    uint8_t type;
    bool number;
    char name[16];
} fields[] = {
    {0, false, "vendor"},       {0, false, "version"},       {0, false, "date"},
    {0, false, "release"},      {0, true, "uefi"},           {1, false, "manufacturer"},
    {1, false, "product"},      {1, false, "version"},       {1, false, "serial"},
    {1, false, "uuid"},         {1, false, "sku"},           {1, false, "family"},
    {2, false, "manufacturer"}, {2, false, "product"},       {2, false, "version"},
    {2, false, "serial"},       {2, false, "asset"},         {2, false, "location"},
    {3, false, "manufacturer"}, {3, false, "version"},       {3, false, "serial"},
    {3, false, "asset"},        {3, false, "sku"},           {4, false, "sock_pfx"},
    {4, false, "manufacturer"}, {4, false, "version"},       {4, false, "serial"},
    {4, false, "asset"},        {4, false, "part"},          {4, true, "max-speed"},
    {4, true, "current-speed"}, {11, false, "value"},        {17, false, "loc_pfx"},
    {17, false, "bank"},        {17, false, "manufacturer"}, {17, false, "serial"},
    {17, false, "asset"},       {17, false, "part"},         {17, true, "speed"},
};

bool smbios_has_field(unsigned type, const char *name, bool *ret_number)
{
    for (unsigned k = 0; k < ARRAY_SIZE(fields); k++) {
        if (fields[k].type == type && strcmp(fields[k].name, name) == 0) {
            *ret_number = fields[k].number;
            return true;
        }
    }
    return false;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

bool smbios_uuid(const char *text, uint8_t ret[16])
{
    for (unsigned k = 0; k < 16; k++) {
        if ((k == 4 || k == 6 || k == 8 || k == 10) && *text++ != '-')
            return false;
        const int high = digit(text[0]), low = high < 0 ? -1 : digit(text[1]);
        if (low < 0)
            return false;
        ret[k] = (uint8_t)(high << 4 | low);
        text += 2;
    }
    return !*text;
}

/* ---- one structure ---- */

typedef struct Entry {
    const SmbiosMachine *m;
    AcpiBuf *b;
    size_t begin, text_bytes;
    unsigned type, n_texts;
    char text[STRINGS];
} Entry;

static const char *said(const SmbiosMachine *m, unsigned type, const char *name)
{
    for (unsigned k = m->n_fields; k-- > 0;) /* the last one counts */
        if (m->field[k].type == type && strcmp(m->field[k].name, name) == 0)
            return m->field[k].value;
    return NULL;
}

static bool is_said(const SmbiosMachine *m, unsigned type)
{
    for (unsigned k = 0; k < m->n_fields; k++)
        if (m->field[k].type == type)
            return true;
    return false;
}

static bool is_given(const SmbiosMachine *m, unsigned type)
{
    for (unsigned k = 0; k < m->n_tables; k++)
        if (m->table[k].bytes[0] == type)
            return true;
    return false;
}

static Entry begin(const SmbiosMachine *m, AcpiBuf *b, unsigned type, unsigned handle)
{
    Entry e = {.m = m, .b = b, .begin = b->n, .type = type};
    acpi_put(b, type, 1);
    acpi_put(b, 0, 1);
    acpi_put(b, handle, 2);
    return e;
}

/* Texts stand behind the structure, which has their numbers; an empty one is number 0. */
static void put_text(Entry *e, const char *text)
{
    const size_t n = text ? strlen(text) : 0;
    const bool kept = n && e->text_bytes + n + 1 <= sizeof(e->text);
    if (kept) {
        memcpy(e->text + e->text_bytes, text, n + 1);
        e->text_bytes += n + 1;
        e->n_texts++;
    }
    acpi_put(e->b, kept ? e->n_texts : 0, 1);
}

static void put_field(Entry *e, const char *name, const char *ours)
{
    const char *text = said(e->m, e->type, name);
    put_text(e, text ? text : ours);
}

static void put_number(Entry *e, const char *name, unsigned ours, unsigned size)
{
    const char *text = said(e->m, e->type, name);
    unsigned v = 0;
    for (; text && *text >= '0' && *text <= '9'; text++)
        v = v * 10 + (unsigned)(*text - '0');
    acpi_put(e->b, said(e->m, e->type, name) ? v : ours, size);
}

static void put_uuid(Entry *e)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    const char *text = said(e->m, 1, "uuid");
    uint8_t uuid[16];
    memcpy(uuid, e->m->uuid, sizeof(uuid));
    if (text)
        smbios_uuid(text, uuid);
    for (unsigned k = 0; k < 16; k++)
        acpi_put(e->b, uuid[order[k]], 1);
}

static void end(const Entry *e, unsigned *io_count)
{
    acpi_patch(e->b, e->begin + 1, e->b->n - e->begin, 1);
    acpi_put_bytes(e->b, e->text, e->text_bytes);
    acpi_put_zeros(e->b, e->n_texts ? 1 : 2);
    if (is_given(e->m, e->type))
        e->b->n = e->begin; /* the user's stands there instead */
    else
        ++*io_count;
}

/* ---- the types ---- */

static void firmware(const SmbiosMachine *m, AcpiBuf *b, unsigned *count)
{
    enum { CAN_BE_SAID_NOTHING = 8, VIRTUAL = 0x10, UEFI = 8 };
    const char *uefi = said(m, 0, "uefi");
    Entry e = begin(m, b, 0, 0);
    put_field(&e, "vendor", "Tinamou");
    put_field(&e, "version", "0");
    acpi_put(b, 0xe800, 2);
    put_field(&e, "date", "01/01/2024");
    acpi_put(b, 0, 1); /* 64 KiB */
    acpi_put(b, CAN_BE_SAID_NOTHING, 8);
    acpi_put(b, 0, 1);
    acpi_put(b, VIRTUAL | 4u | (uefi && strcmp(uefi, "on") == 0 ? UEFI : 0u), 1);
    unsigned release[2] = {0, 0}, at = 0;
    for (const char *t = said(m, 0, "release"); t && *t && at < 2; t++)
        if (*t == '.')
            at++;
        else
            release[at] = release[at] * 10 + (unsigned)(*t - '0');
    acpi_put(b, release[0], 1);
    acpi_put(b, release[1], 1);
    acpi_put(b, 0xffff, 2);
    end(&e, count);
}

static void machine(const SmbiosMachine *m, AcpiBuf *b, unsigned *count)
{
    enum { POWER_SWITCH = 6, MOTHERBOARD = 10, OTHER = 1, SAFE = 3, NO_LOCK = 2 };
    Entry e = begin(m, b, 1, 0x100);
    put_field(&e, "manufacturer", "Tinamou");
    put_field(&e, "product", m->product);
    put_field(&e, "version", m->version);
    put_field(&e, "serial", NULL);
    put_uuid(&e);
    acpi_put(b, POWER_SWITCH, 1);
    put_field(&e, "sku", NULL);
    put_field(&e, "family", NULL);
    end(&e, count);
    if (is_said(m, 2)) {
        e = begin(m, b, 2, 0x200);
        put_field(&e, "manufacturer", "Tinamou");
        put_field(&e, "product", m->product);
        put_field(&e, "version", m->version);
        put_field(&e, "serial", NULL);
        put_field(&e, "asset", NULL);
        acpi_put(b, 1, 1); /* hosts */
        put_field(&e, "location", NULL);
        acpi_put(b, 0x300, 2);
        acpi_put(b, MOTHERBOARD, 1);
        acpi_put(b, 0, 1);
        end(&e, count);
    }
    e = begin(m, b, 3, 0x300);
    put_field(&e, "manufacturer", "Tinamou");
    acpi_put(b, OTHER, 1);
    put_field(&e, "version", m->version);
    put_field(&e, "serial", NULL);
    put_field(&e, "asset", NULL);
    for (unsigned k = 0; k < 3; k++)
        acpi_put(b, SAFE, 1);
    acpi_put(b, NO_LOCK, 1);
    acpi_put_zeros(b, 8); /* OEM, height, cords, elements */
    put_field(&e, "sku", NULL);
    end(&e, count);
}

static void processor(const SmbiosMachine *m, AcpiBuf *b, unsigned n, unsigned *count)
{
    enum { CENTRAL = 3, OTHER = 1, UNKNOWN = 2, ENABLED = 0x41, SPEED = 1000 };
    const char *prefix = said(m, 4, "sock_pfx");
    char socket[64] = "CPU";
    size_t at = prefix ? MIN(strlen(prefix), sizeof(socket) - 4) : 3;
    if (prefix)
        memcpy(socket, prefix, at);
    socket[at++] = ' ';
    if (n >= 10)
        socket[at++] = (char)('0' + n / 10);
    socket[at++] = (char)('0' + n % 10);
    socket[at] = 0;
    Entry e = begin(m, b, 4, 0x400 + n);
    put_text(&e, socket);
    acpi_put(b, CENTRAL, 1);
    acpi_put(b, OTHER, 1);
    put_field(&e, "manufacturer", "Tinamou");
    acpi_put(b, m->cpuid[0], 4);
    acpi_put(b, m->cpuid[1], 4);
    put_field(&e, "version", m->version);
    acpi_put(b, 0, 1);
    acpi_put(b, 0, 2);
    put_number(&e, "max-speed", SPEED, 2);
    put_number(&e, "current-speed", SPEED, 2);
    acpi_put(b, ENABLED, 1);
    acpi_put(b, OTHER, 1);
    for (unsigned k = 0; k < 3; k++)
        acpi_put(b, 0xffff, 2); /* caches are not told */
    put_field(&e, "serial", NULL);
    put_field(&e, "asset", NULL);
    put_field(&e, "part", NULL);
    acpi_put(b, 0x010101, 3); /* cores, enabled, threads */
    acpi_put(b, UNKNOWN, 2);
    acpi_put(b, UNKNOWN, 2); /* family 2 */
    end(&e, count);
}

static void oem_texts(const SmbiosMachine *m, AcpiBuf *b, unsigned *count)
{
    Entry e = begin(m, b, 11, 0xe00);
    const size_t at = b->n;
    for (unsigned k = 0; k < m->n_fields; k++) {
        if (m->field[k].type != 11)
            continue;
        put_text(&e, m->field[k].value);
        b->n = at; /* their number is all there is */
    }
    acpi_put(b, e.n_texts, 1);
    end(&e, count);
}

static void module(const SmbiosMachine *m, AcpiBuf *b, unsigned n, uint64_t bytes, unsigned *count)
{
    enum { UNKNOWN_BITS = 0xffff, DIMM = 9, RAM = 7, OTHER = 2, EXTENDED = 0x7fff };
    const char *prefix = said(m, 17, "loc_pfx");
    char place[64] = "DIMM";
    size_t at = prefix ? MIN(strlen(prefix), sizeof(place) - 6) : 4;
    if (prefix)
        memcpy(place, prefix, at);
    place[at++] = ' ';
    for (unsigned by = n >= 100 ? 100 : n >= 10 ? 10 : 1; by; by /= 10)
        place[at++] = (char)('0' + n / by % 10);
    place[at] = 0;
    Entry e = begin(m, b, 17, 0x1100 + n);
    const uint64_t mib = bytes / MIB;
    acpi_put(b, 0x1000, 2);
    acpi_put(b, NO_HANDLE, 2);
    acpi_put(b, UNKNOWN_BITS, 2);
    acpi_put(b, UNKNOWN_BITS, 2);
    acpi_put(b, MIN(mib, (uint64_t)EXTENDED), 2);
    acpi_put(b, DIMM, 1);
    acpi_put(b, 0, 1);
    put_text(&e, place);
    put_field(&e, "bank", NULL);
    acpi_put(b, RAM, 1);
    acpi_put(b, OTHER, 2);
    put_number(&e, "speed", 0, 2);
    put_field(&e, "manufacturer", "Tinamou");
    put_field(&e, "serial", NULL);
    put_field(&e, "asset", NULL);
    put_field(&e, "part", NULL);
    acpi_put(b, 0, 1);
    acpi_put(b, mib < EXTENDED ? 0 : mib, 4);
    put_number(&e, "speed", 0, 2);
    acpi_put(b, 0, 6); /* volts */
    end(&e, count);
}

/* A range of addresses, of KiB; what is beyond 4 TiB needs the longer form. */
static void range(const SmbiosMachine *m, AcpiBuf *b, unsigned n, uint64_t base, uint64_t bytes,
                  unsigned *count)
{
    Entry e = begin(m, b, 19, 0x1300 + n);
    const uint64_t last = base + bytes - 1;
    const bool wide = last >> 10 >= UINT32_MAX;
    acpi_put(b, wide ? UINT32_MAX : base >> 10, 4);
    acpi_put(b, wide ? UINT32_MAX : last >> 10, 4);
    acpi_put(b, 0x1000, 2);
    acpi_put(b, 1, 1);
    acpi_put(b, wide ? base : 0, 8);
    acpi_put(b, wide ? last : 0, 8);
    end(&e, count);
}

static void memory(const SmbiosMachine *m, AcpiBuf *b, unsigned *count)
{
    enum { OTHER = 1, SYSTEM = 3, MANY_BIT = 6, KIB = 1 << 10 };
    const uint64_t most = 16ull << 30, high = m->ram_bytes - m->low_bytes, kib = m->ram_bytes / KIB;
    const unsigned modules = (unsigned)((m->ram_bytes + most - 1) / most);
    Entry e = begin(m, b, 16, 0x1000);
    acpi_put(b, OTHER, 1);
    acpi_put(b, SYSTEM, 1);
    acpi_put(b, MANY_BIT, 1);
    acpi_put(b, MIN(kib, (uint64_t)0x80000000), 4);
    acpi_put(b, NO_HANDLE, 2);
    acpi_put(b, modules, 2);
    acpi_put(b, kib < 0x80000000 ? 0 : m->ram_bytes, 8);
    end(&e, count);
    for (unsigned k = 0; k < modules; k++)
        module(m, b, k, MIN(m->ram_bytes - k * most, most), count);
    range(m, b, 0, 0, m->low_bytes, count);
    if (high)
        range(m, b, 1, 1ull << 32, high, count);
}

static void last(const SmbiosMachine *m, AcpiBuf *b, unsigned *count)
{
    Entry e = begin(m, b, 32, 0x2000);
    acpi_put_zeros(b, 7); /* no errors in the last start */
    end(&e, count);
    for (unsigned k = 0; k < m->n_tables; k++, ++*count)
        acpi_put_bytes(b, m->table[k].bytes, m->table[k].n);
    e = begin(m, b, 127, 0x7f00);
    end(&e, count);
}

/* ---- the anchor ---- */

static uint8_t sum(const uint8_t *bytes, unsigned n)
{
    uint8_t s = 0;
    while (n--)
        s = (uint8_t)(s + *bytes++);
    return (uint8_t)-s;
}

static unsigned longest(const AcpiBuf *b)
{
    size_t most = 0;
    for (size_t at = 0, next; at + 4 <= b->n; at = next) {
        for (next = at + b->bytes[at + 1]; next + 1 < b->n && (b->bytes[next] || b->bytes[next + 1]);)
            next++;
        next += 2;
        most = MAX(most, next - at);
    }
    return (unsigned)most;
}

bool smbios_is_table(const uint8_t *bytes, size_t n)
{
    enum { HEAD = 4, END = 127 };
    if (n < HEAD + 2 || bytes[0] == END || bytes[1] < HEAD || bytes[1] > n - 2)
        return false;
    size_t at = bytes[1];
    while (at + 2 < n && (bytes[at] || bytes[at + 1]))
        at++;
    return at + 2 == n && !bytes[at] && !bytes[at + 1];
}

static void make_anchor(const AcpiBuf *b, unsigned count, uint8_t a[SMBIOS_ANCHOR])
{
    enum { MAJOR = 2, MINOR = 8, DMI = 16 };
    const unsigned most = longest(b);
    memset(a, 0, SMBIOS_ANCHOR);
    memcpy(a, "_SM_", 4);
    a[5] = SMBIOS_ANCHOR;
    a[6] = MAJOR;
    a[7] = MINOR;
    a[8] = (uint8_t)most;
    a[9] = (uint8_t)(most >> 8);
    memcpy(a + DMI, "_DMI_", 5);
    a[22] = (uint8_t)b->n;
    a[23] = (uint8_t)(b->n >> 8);
    a[28] = (uint8_t)count;
    a[29] = (uint8_t)(count >> 8);
    a[30] = MAJOR << 4 | MINOR;
    a[21] = sum(a + DMI, 15);
    a[4] = sum(a, SMBIOS_ANCHOR);
}

bool smbios_build(const SmbiosMachine *m, AcpiBuf *b, uint8_t anchor[SMBIOS_ANCHOR])
{
    unsigned count = 0;
    *b = (AcpiBuf){0};
    if (is_said(m, 0)) /* else firmware says it of itself */
        firmware(m, b, &count);
    machine(m, b, &count);
    for (unsigned k = 0; k < m->cpus; k++)
        processor(m, b, k, &count);
    if (is_said(m, 11))
        oem_texts(m, b, &count);
    memory(m, b, &count);
    last(m, b, &count);
    if (b->failed || b->n > MOST_BYTES) {
        acpi_buf_clear(b);
        return false;
    }
    make_anchor(b, count, anchor);
    return true;
}
