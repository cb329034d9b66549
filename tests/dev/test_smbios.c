/* SMBIOS tables as firmware gets them: a walk through all structures, fields of the user's, whole structures
 * of the user's instead of ours, and files that are none. */
#include "tests/unit/test.h"

#include "base/bits.h"
#include "hw/acpi/smbios.h"

enum { TYPES = 128 };

typedef struct Walk {
    unsigned count, of_type[TYPES];
    const uint8_t *first[TYPES];
    size_t longest;
} Walk;

static const char *text_of(const uint8_t *s, unsigned n)
{
    const char *t = (const char *)s + s[1];
    while (n-- > 1)
        t += strlen(t) + 1;
    return t;
}

static Walk walk(const AcpiBuf *b)
{
    Walk w = {0};
    for (size_t at = 0, next; at < b->n; at = next) {
        const uint8_t *s = b->bytes + at;
        assert_true(s[0] < TYPES && s[1] >= 4);
        for (next = at + s[1]; b->bytes[next] || b->bytes[next + 1];)
            assert_true(++next + 1 < b->n);
        next += 2;
        w.longest = MAX(w.longest, next - at);
        w.first[s[0]] = w.of_type[s[0]]++ ? w.first[s[0]] : s;
        w.count++;
        assert_true((s[0] == 127) == (next == b->n));
    }
    return w;
}

static Walk build(const SmbiosMachine *m, AcpiBuf *b)
{
    uint8_t anchor[SMBIOS_ANCHOR], whole = 0, inner = 0;
    assert_true(smbios_build(m, b, anchor));
    const Walk w = walk(b);
    for (unsigned k = 0; k < SMBIOS_ANCHOR; k++) {
        whole = (uint8_t)(whole + anchor[k]);
        inner = (uint8_t)(inner + (k >= 16 ? anchor[k] : 0));
    }
    assert_int_equal(whole | inner, 0);
    assert_memory_equal(anchor, "_SM_", 4);
    assert_int_equal(ld_u16(anchor + 8), w.longest);
    assert_int_equal(ld_u16(anchor + 22), b->n);
    assert_int_equal(ld_u16(anchor + 28), w.count);
    return w;
}

static const SmbiosMachine machine = {
    .product = "a board", .version = "board-1", .ram_bytes = 6ull << 30, .low_bytes = 2ull << 30, .cpus = 3};

static void ours(void **unused)
{
    AcpiBuf b;
    const Walk w = build(&machine, &b);
    assert_int_equal(w.of_type[0], 0); /* firmware's own */
    assert_int_equal(w.of_type[1], 1);
    assert_int_equal(w.of_type[4], 3);
    assert_int_equal(w.of_type[16], 1);
    assert_true(w.of_type[17] && w.of_type[19] == 2);
    assert_string_equal(text_of(w.first[1], w.first[1][5]), "a board");
    acpi_buf_clear(&b);
}

static void of_fields(void **unused)
{
    const SmbiosField fields[] = {{1, "product", "other"}, {0, "vendor", "them"}, {1, "product", "last"}};
    SmbiosMachine m = machine;
    AcpiBuf b;
    m.field = fields;
    m.n_fields = ARRAY_SIZE(fields);
    const Walk w = build(&m, &b);
    assert_int_equal(w.of_type[0], 1);
    assert_string_equal(text_of(w.first[0], w.first[0][4]), "them");
    assert_string_equal(text_of(w.first[1], w.first[1][5]), "last");
    acpi_buf_clear(&b);
}

/* One of a type of ours, two of one that we have none of. */
static void of_files(void **unused)
{
    static const uint8_t system[] = "\x01\x1b\x00\x01\x01\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\6\0\0"
                                    "Maker\0Thing\0",
                         oem[] = "\x7e\x05\x34\x12\x00\0";
    const SmbiosTable tables[] = {{system, sizeof(system)}, {oem, sizeof(oem)}, {oem, sizeof(oem)}};
    SmbiosMachine m = machine;
    AcpiBuf b;
    m.table = tables;
    m.n_tables = ARRAY_SIZE(tables);
    for (unsigned k = 0; k < ARRAY_SIZE(tables); k++)
        assert_true(smbios_is_table(tables[k].bytes, tables[k].n));
    const Walk w = build(&m, &b);
    assert_int_equal(w.of_type[1], 1);
    assert_string_equal(text_of(w.first[1], 2), "Thing");
    assert_int_equal(w.of_type[126], 2);
    assert_int_equal(w.of_type[4], 3);
    acpi_buf_clear(&b);
}

static void no_tables(void **unused)
{
    static const struct {
        const char *bytes;
        size_t n;
    } bad[] = {{"\1\4\0\0\0", 5},         /* one zero is missing */
               {"\1\7\0\0\0\0", 6},       /* shorter than it says */
               {"\1\3\0\0\0\0", 6},       /* shorter than a head */
               {"\x7f\4\0\0\0\0", 6},     /* the end */
               {"\1\4\0\0a\0b\0\0c", 10}, /* something behind it */
               {"\1\4\0\0ab", 6},         {"", 0}};
    for (unsigned k = 0; k < ARRAY_SIZE(bad); k++)
        assert_false(smbios_is_table((const uint8_t *)bad[k].bytes, bad[k].n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours),
        cmocka_unit_test(of_fields),
        cmocka_unit_test(of_files),
        cmocka_unit_test(no_tables),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
