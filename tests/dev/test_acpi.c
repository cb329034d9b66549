/* ACPI tables of the boards as firmware takes them: out of fw_cfg's registers, put into memory as the
 * linker's commands say. Checks sums, lengths and who is reached from the root pointer; writes each table to
 * $1/<board>/<signature>.aml, for `acpi` to have them read by iasl. */
#include "tests/unit/test.h"

#include "hw/core/io_ports.h"
#include "hw/machine/machine.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { TABLES_AT = 0x10000, RSDP_AT = 0x1000, ROOM = 0x40000, NAME = 56, COMMAND = 128, HEADER = 36 };

static const char *folder;

typedef struct Firmware {
    Machine *m;
    uint64_t fw_cfg; /* 0: at the PC's ports */
    uint8_t *memory; /* ROOM bytes from 0 on */
    size_t tables_bytes;
} Firmware;

static void take_request(void *opaque, MachineRequest what, int code) {}

static uint64_t io(Firmware *f, uint64_t at, unsigned size, bool write, uint64_t v)
{
    MemRange r;
    assert_true(mem_map_find(&f->m->map, f->fw_cfg + at, &r));
    if (write)
        assert_true(mem_range_write(&f->m->map, &r, f->fw_cfg + at, size, v));
    else
        assert_true(mem_range_read(&r, f->fw_cfg + at, size, &v));
    return v;
}

static void select_key(Firmware *f, unsigned key)
{
    if (f->fw_cfg)
        io(f, 8, 2, true, __builtin_bswap16((uint16_t)key));
    else
        io_ports_write(&f->m->ports, 0, 0x510, key, 2);
}

static uint8_t byte(Firmware *f)
{
    return (uint8_t)(f->fw_cfg ? io(f, 0, 1, false, 0) : io_ports_read(&f->m->ports, 0, 0x511, 1));
}

static uint32_t be32(Firmware *f)
{
    uint32_t v = 0;
    for (unsigned k = 0; k < 4; k++)
        v = v << 8 | byte(f);
    return v;
}

/* Bytes of the file; 0: there is none. */
static uint32_t file(Firmware *f, const char *name, uint8_t *to)
{
    enum { DIRECTORY = 0x19 };
    select_key(f, DIRECTORY);
    for (unsigned n = be32(f), k = 0; k < n; k++) {
        uint32_t size = be32(f), key = be32(f) >> 16;
        char text[NAME];
        for (unsigned j = 0; j < NAME; j++)
            text[j] = (char)byte(f);
        if (strcmp(text, name) != 0)
            continue;
        assert_true(size <= ROOM);
        select_key(f, key);
        for (uint32_t j = 0; j < size; j++)
            to[j] = byte(f);
        return size;
    }
    return 0;
}

static uint32_t u32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

static uint32_t place(const uint8_t *name)
{
    return strcmp((const char *)name, "etc/acpi/rsdp") == 0 ? RSDP_AT : TABLES_AT;
}

static uint8_t sum(const uint8_t *p, size_t n)
{
    uint8_t v = 0;
    while (n--)
        v = (uint8_t)(v + *p++);
    return v;
}

static void command(Firmware *f, const uint8_t *c)
{
    enum { ALLOCATE = 1, ADD_POINTER, ADD_CHECKSUM };
    uint8_t *to = f->memory + place(c + 4);
    uint64_t v = 0;
    switch (u32(c)) {
    case ALLOCATE: break;
    case ADD_POINTER:
        to += u32(c + 4 + 2 * NAME);
        memcpy(&v, to, c[8 + 2 * NAME]);
        assert_true(v < ROOM);
        v += place(c + 4 + NAME);
        memcpy(to, &v, c[8 + 2 * NAME]);
        break;
    case ADD_CHECKSUM: {
        uint8_t *at = to + u32(c + 4 + NAME);
        *at = 0;
        *at = (uint8_t)-sum(to + u32(c + 8 + NAME), u32(c + 12 + NAME));
        break;
    }
    default: fail_msg("command %u", u32(c));
    }
}

/* A table that somebody points at: right, and on its way to iasl. */
static const uint8_t *table(Firmware *f, const char *board, uint64_t at)
{
    char path[256];
    assert_true(at >= TABLES_AT && at + HEADER <= TABLES_AT + f->tables_bytes);
    const uint8_t *p = f->memory + at;
    uint32_t n = u32(p + 4);
    assert_true(at + n <= TABLES_AT + f->tables_bytes);
    if (sum(p, n) != 0)
        fail_msg("the sum of %.4s is not 0", (const char *)p);
    snprintf(path, sizeof(path), "%s/%s-%.4s.aml", folder, board, (const char *)p);
    FILE *o = fopen(path, "w");
    assert_non_null(o);
    assert_int_equal(fwrite(p, 1, n, o), n);
    fclose(o);
    return p;
}

static void read_all(Firmware *f, const char *board, const char *want)
{
    enum { RSDT_AT = 16, XSDT_AT = 24, DSDT_AT = 40, X_DSDT_AT = 140, OLD_BYTES = 20, RSDP_BYTES = 36 };
    static uint8_t loader[ROOM];
    char seen[256] = "";
    uint64_t address = 0;
    f->tables_bytes = file(f, "etc/acpi/tables", f->memory + TABLES_AT);
    const uint32_t rsdp_bytes = file(f, "etc/acpi/rsdp", f->memory + RSDP_AT);
    const bool old = rsdp_bytes == OLD_BYTES; /* addresses have 4 bytes */
    const unsigned wide = old ? 4 : 8;
    assert_true(f->tables_bytes && (old || rsdp_bytes == RSDP_BYTES));
    uint32_t commands = file(f, "etc/table-loader", loader);
    assert_true(commands && commands % COMMAND == 0);
    for (uint32_t k = 0; k < commands; k += COMMAND)
        command(f, loader + k);
    const uint8_t *rsdp = f->memory + RSDP_AT;
    assert_memory_equal(rsdp, "RSD PTR ", 8);
    assert_true(sum(rsdp, OLD_BYTES) == 0 && sum(rsdp, rsdp_bytes) == 0);
    memcpy(&address, rsdp + (old ? RSDT_AT : XSDT_AT), wide);
    const uint8_t *xsdt = table(f, board, address);
    for (uint32_t k = HEADER; k < u32(xsdt + 4); k += wide) {
        memcpy(&address, xsdt + k, wide);
        const uint8_t *t = table(f, board, address);
        strncat(seen, (const char *)t, 4);
        strcat(seen, " ");
        if (memcmp(t, "FACP", 4) == 0) {
            memcpy(&address, t + (old ? DSDT_AT : X_DSDT_AT), wide);
            assert_memory_equal(table(f, board, address), "DSDT", 4);
        }
    }
    assert_string_equal(seen, want);
}

typedef struct Board {
    const char *name;
    const BoardClass *cls;
    uint64_t fw_cfg;
    MachineOption options[4];
    const char *tables; /* NULL: none */
} Board;

static void look(const Board *b)
{
    MachineConfig cfg = {.ram_bytes = 64 << 20, .cpus = 3, .requests = {.request = take_request}};
    DevError err;
    for (; b->options[cfg.n_options].name; cfg.n_options++)
        cfg.option[cfg.n_options] = b->options[cfg.n_options];
    Firmware f = {.m = machine_new(b->cls, &cfg, &err), .fw_cfg = b->fw_cfg, .memory = calloc(1, ROOM)};
    if (!f.m)
        fail_msg("%s", err.text);
    if (b->tables)
        read_all(&f, b->name, b->tables);
    else
        assert_true(!file(&f, "etc/table-loader", f.memory));
    machine_free(f.m);
    free(f.memory);
}

static void arm(void **unused)
{
    const uint64_t at = 0x9020000;
    const Board boards[] = {
        {"arm2", &arm_virt_board, at, {{NULL, NULL}}, "FACP APIC PPTT GTDT MCFG SPCR DBG2 "},
        {"arm3",
         &arm_virt_board,
         at,
         {{"gic-version", "3"}, {"virtualization", "on"}},
         "FACP APIC PPTT GTDT MCFG SPCR DBG2 IORT "},
        {"off", &arm_virt_board, at, {{"acpi", "off"}}, NULL},
        {"arm32", &arm32_virt_board, at, {{NULL, NULL}}, NULL},
    };
    for (unsigned k = 0; k < ARRAY_SIZE(boards); k++)
        look(&boards[k]);
}

static void pc(void **unused)
{
    const Board boards[] = {
        {"pc", &x86_pc_board, 0, {{NULL, NULL}}, "FACP APIC HPET WAET "},
        {"q35", &x86_q35_board, 0, {{NULL, NULL}}, "FACP APIC HPET WAET MCFG "},
        {"pc-off", &x86_pc_board, 0, {{"acpi", "off"}}, NULL},
        {"microvm", &x86_microvm_board, 0, {{NULL, NULL}}, "FACP APIC "},
        {"microvm-off", &x86_microvm_board, 0, {{"acpi", "off"}}, NULL},
    };
    for (unsigned k = 0; k < ARRAY_SIZE(boards); k++)
        look(&boards[k]);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(arm), cmocka_unit_test(pc)};
    folder = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
