#include "hw/acpi/acpi.h"

enum { HEADER = 36, LENGTH_AT = 4, CHECKSUM_AT = 9, FILE_NAME = 56, COMMAND = 128 };
enum { ALLOCATE = 1, ADD_POINTER, ADD_CHECKSUM };
enum { ZONE_HIGH = 1, ZONE_FSEG };
static const char tables_file[] = "etc/acpi/tables", rsdp_file[] = "etc/acpi/rsdp";

/* ---- commands for the linker ---- */

static void put_file(AcpiBuf *b, const char *name)
{
    acpi_put_bytes(b, name, strlen(name));
    acpi_put_zeros(b, FILE_NAME - strlen(name));
}

/* Fills up the command that began at `at`. */
static void end_command(AcpiBuf *b, size_t at)
{
    if (!b->failed)
        acpi_put_zeros(b, COMMAND - (b->n - at));
}

static void allocate(AcpiTables *t, const char *file, unsigned align, unsigned zone)
{
    AcpiBuf *b = &t->loader;
    size_t at = b->n;
    acpi_put(b, ALLOCATE, 4);
    put_file(b, file);
    acpi_put(b, align, 4);
    acpi_put(b, zone, 1);
    end_command(b, at);
}

static void add_pointer(AcpiTables *t, const char *to, const char *from, size_t offset, unsigned size)
{
    AcpiBuf *b = &t->loader;
    size_t at = b->n;
    acpi_put(b, ADD_POINTER, 4);
    put_file(b, to);
    put_file(b, from);
    acpi_put(b, offset, 4);
    acpi_put(b, size, 1);
    end_command(b, at);
}

static void add_checksum(AcpiTables *t, const char *file, size_t offset, size_t start, size_t length)
{
    AcpiBuf *b = &t->loader;
    size_t at = b->n;
    acpi_put(b, ADD_CHECKSUM, 4);
    put_file(b, file);
    acpi_put(b, offset, 4);
    acpi_put(b, start, 4);
    acpi_put(b, length, 4);
    end_command(b, at);
}

/* ---- tables ---- */

void acpi_begin(AcpiTables *t)
{
    *t = (AcpiTables){0};
    allocate(t, tables_file, 64, ZONE_HIGH);
    allocate(t, rsdp_file, 16, ZONE_FSEG);
}

size_t acpi_table(AcpiTables *t, const char *signature, unsigned revision, bool listed)
{
    AcpiBuf *b = &t->tables;
    acpi_put_zeros(b, align_up(b->n, 8) - b->n);
    size_t at = b->n;
    if (listed && t->n_listed < ACPI_MOST_TABLES)
        t->listed[t->n_listed++] = at;
    acpi_put_bytes(b, signature, 4);
    acpi_put(b, 0, 4); /* length */
    acpi_put(b, revision, 1);
    acpi_put(b, 0, 1); /* checksum */
    acpi_put_bytes(b, "TINAMO", 6);
    acpi_put_bytes(b, "MACHINE ", 8);
    acpi_put(b, 1, 4);
    acpi_put_bytes(b, "TNMU", 4);
    acpi_put(b, 1, 4);
    return at;
}

void acpi_table_end(AcpiTables *t, size_t at)
{
    AcpiBuf *b = &t->tables;
    acpi_patch(b, at + LENGTH_AT, b->n - at, 4);
    add_checksum(t, tables_file, at + CHECKSUM_AT, at, b->n - at);
}

void acpi_pointer(AcpiTables *t, size_t at, unsigned size, size_t target)
{
    acpi_patch(&t->tables, at, target, size);
    add_pointer(t, tables_file, tables_file, at, size);
}

static size_t root_table(AcpiTables *t, const char *signature, unsigned size)
{
    size_t at = acpi_table(t, signature, 1, false);
    size_t first = t->tables.n;
    acpi_put_zeros(&t->tables, (size_t)size * t->n_listed);
    for (unsigned k = 0; k < t->n_listed; k++)
        acpi_pointer(t, first + (size_t)size * k, size, t->listed[k]);
    acpi_table_end(t, at);
    return at;
}

bool acpi_finish(AcpiTables *t, bool old)
{
    enum { RSDT_AT = 16, XSDT_AT = 24, OLD_BYTES = 20, BYTES = 36, OLD_SUM_AT = 8, SUM_AT = 32 };
    AcpiBuf *r = &t->rsdp;
    size_t root = root_table(t, old ? "RSDT" : "XSDT", old ? 4 : 8);
    acpi_put_bytes(r, "RSD PTR ", 8);
    acpi_put(r, 0, 1);
    acpi_put_bytes(r, "TINAMO", 6);
    acpi_put(r, old ? 0 : 2, 1);
    acpi_put(r, old ? root : 0, 4);
    if (!old) {
        acpi_put(r, BYTES, 4);
        acpi_put(r, root, 8);
        acpi_put_zeros(r, BYTES - SUM_AT);
    }
    add_pointer(t, rsdp_file, tables_file, old ? RSDT_AT : XSDT_AT, old ? 4 : 8);
    add_checksum(t, rsdp_file, OLD_SUM_AT, 0, OLD_BYTES);
    if (!old)
        add_checksum(t, rsdp_file, SUM_AT, 0, BYTES);
    return !t->tables.failed && !r->failed && !t->loader.failed;
}

void acpi_clear(AcpiTables *t)
{
    acpi_buf_clear(&t->tables);
    acpi_buf_clear(&t->rsdp);
    acpi_buf_clear(&t->loader);
}

void acpi_put_address(AcpiBuf *b, bool ports, unsigned bits, uint64_t address)
{
    acpi_put(b, ports, 1);
    acpi_put(b, bits, 1);
    acpi_put(b, 0, 1);
    acpi_put(b, bits == 8 ? 1 : bits == 16 ? 2 : bits == 32 ? 3 : bits == 64 ? 4 : 0, 1);
    acpi_put(b, address, 8);
}

/* ---- tables that all have ---- */

void acpi_fadt_reduced(AcpiTables *t, const AcpiFadt *f, size_t dsdt)
{
    enum { FLAGS_AT = 112, ARM_AT = 129, MINOR_AT = 131, X_DSDT_AT = 140, HYPERVISOR_AT = 268, BYTES = 276 };
    AcpiBuf *b = &t->tables;
    size_t at = acpi_table(t, "FACP", 6, true);
    acpi_put_zeros(b, BYTES - HEADER);
    acpi_patch(b, at + FLAGS_AT, f->flags | ACPI_FADT_REDUCED, 4);
    acpi_patch(b, at + ARM_AT, f->arm_flags, 2);
    acpi_patch(b, at + MINOR_AT, f->minor, 1);
    if (!b->failed)
        memcpy(b->bytes + at + HYPERVISOR_AT, "TINAMOU", 7);
    acpi_pointer(t, at + X_DSDT_AT, 8, dsdt);
    acpi_table_end(t, at);
}

void acpi_mcfg(AcpiTables *t, uint64_t ecam, unsigned last_bus)
{
    AcpiBuf *b = &t->tables;
    size_t at = acpi_table(t, "MCFG", 1, true);
    acpi_put_zeros(b, 8);
    acpi_put(b, ecam, 8);
    acpi_put(b, 0, 2); /* segment */
    acpi_put(b, 0, 1);
    acpi_put(b, last_bus, 1);
    acpi_put_zeros(b, 4);
    acpi_table_end(t, at);
}

void acpi_spcr(AcpiTables *t, const AcpiUart *u)
{
    enum { BAUD_AS_IS = 0, ONE_STOP = 1, VT_UTF8 = 1 };
    AcpiBuf *b = &t->tables;
    size_t at = acpi_table(t, "SPCR", 2, true);
    acpi_put(b, u->kind, 1);
    acpi_put_zeros(b, 3);
    acpi_put_address(b, false, u->access_bits, u->base);
    acpi_put(b, u->irq_kind, 1);
    acpi_put(b, 0, 1);
    acpi_put(b, u->gsi, 4);
    acpi_put(b, BAUD_AS_IS, 1);
    acpi_put(b, 0, 1); /* parity */
    acpi_put(b, ONE_STOP, 1);
    acpi_put(b, 0, 1); /* flow control */
    acpi_put(b, VT_UTF8, 1);
    acpi_put(b, 0, 1);
    acpi_put(b, 0xffffffff, 4); /* no PCI device */
    acpi_put_zeros(b, 12);
    acpi_table_end(t, at);
}

void acpi_dbg2(AcpiTables *t, const AcpiUart *u)
{
    enum { INFO_BYTES = 22, FIRST_AT = 44, SERIAL = 0x8000 };
    AcpiBuf *b = &t->tables;
    size_t name = strlen(u->path) + 1, at = acpi_table(t, "DBG2", 0, true);
    acpi_put(b, FIRST_AT, 4);
    acpi_put(b, 1, 4);
    acpi_put(b, 0, 1);
    acpi_put(b, INFO_BYTES + name + 16, 2);
    acpi_put(b, 1, 1); /* ranges */
    acpi_put(b, name, 2);
    acpi_put(b, INFO_BYTES, 2);
    acpi_put_zeros(b, 4); /* no data of the maker's */
    acpi_put(b, SERIAL, 2);
    acpi_put(b, u->kind, 2);
    acpi_put(b, 0, 2);
    acpi_put(b, INFO_BYTES + name, 2);
    acpi_put(b, INFO_BYTES + name + 12, 2);
    acpi_put_bytes(b, u->path, name);
    acpi_put_address(b, false, u->access_bits, u->base);
    acpi_put(b, u->bytes, 4);
    acpi_table_end(t, at);
}

static void pptt_node(AcpiBuf *b, uint32_t flags, uint32_t parent, uint32_t uid)
{
    acpi_put(b, 20 << 8, 2); /* processor hierarchy node, its length */
    acpi_put(b, 0, 2);
    acpi_put(b, flags, 4);
    acpi_put(b, parent, 4);
    acpi_put(b, uid, 4);
    acpi_put(b, 0, 4); /* resources of its own */
}

void acpi_pptt(AcpiTables *t, unsigned cpus)
{
    enum { PACKAGE = 1, HAS_ID = 2, LEAF = 8, ALL_SAME = 16 };
    size_t at = acpi_table(t, "PPTT", 2, true);
    pptt_node(&t->tables, PACKAGE | ALL_SAME, 0, 0);
    for (unsigned k = 0; k < cpus; k++)
        pptt_node(&t->tables, HAS_ID | LEAF, HEADER, k);
    acpi_table_end(t, at);
}
