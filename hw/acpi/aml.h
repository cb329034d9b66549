/*
 * AML: bytes of ACPI's machine language and of resource descriptors, appended to a buffer (ACPI 6.5, chapters
 * 19, 20 and 6.4).
 *
 * One call for each term, in the order in which it stands in the table. What contains others is begun and
 * ended: aml_device() returns where it began, aml_end() writes its length. Operands of an operator follow it:
 * aml_op(b, AML_ADD), two terms, a target. A buffer that runs out of memory keeps `failed` and takes no more,
 * so that only the end has to be looked at. Ownership: the caller's; acpi_buf_clear() frees. Threads: one.
 */
#ifndef HW_ACPI_AML_H
#define HW_ACPI_AML_H

#include "base/bits.h"

typedef struct AcpiBuf {
    uint8_t *bytes;
    size_t n, room;
    bool failed;
} AcpiBuf;

void acpi_buf_clear(AcpiBuf *b);
/* A number of `size` bytes, 1 to 8, little-endian; bytes; zeros. */
void acpi_put(AcpiBuf *b, uint64_t v, unsigned size);
void acpi_put_bytes(AcpiBuf *b, const void *bytes, size_t n);
void acpi_put_zeros(AcpiBuf *b, size_t n);
/* Changes what is there already. */
void acpi_patch(AcpiBuf *b, size_t at, uint64_t v, unsigned size);

/* ---- names and data ---- */

/* "_SB", "\\_SB.PCI0", "^X", "": of each part at most four characters. */
void aml_path(AcpiBuf *b, const char *path);
/* Name (path, ...): the object follows. */
void aml_name(AcpiBuf *b, const char *path);
void aml_int(AcpiBuf *b, uint64_t v);
void aml_str(AcpiBuf *b, const char *text);
/* "PNP0A08" as a number. */
void aml_eisaid(AcpiBuf *b, const char *id);
/* Name (path, v) and so on. */
void aml_name_int(AcpiBuf *b, const char *path, uint64_t v);
void aml_name_str(AcpiBuf *b, const char *path, const char *text);
void aml_name_eisaid(AcpiBuf *b, const char *path, const char *id);

/* ---- what has a length ---- */

size_t aml_scope(AcpiBuf *b, const char *path);
size_t aml_device(AcpiBuf *b, const char *path);
size_t aml_method(AcpiBuf *b, const char *path, unsigned args, bool serialized);
size_t aml_package(AcpiBuf *b, unsigned elements);
size_t aml_buffer(AcpiBuf *b, size_t bytes); /* its bytes follow by acpi_put() */
size_t aml_if(AcpiBuf *b);                   /* the condition follows, then the block */
size_t aml_else(AcpiBuf *b);
size_t aml_while(AcpiBuf *b);
void aml_end(AcpiBuf *b, size_t begin);

/* ---- operators ---- */

typedef enum AmlOp {
    AML_ZERO = 0,
    AML_ONE = 1,
    AML_LOCAL0 = 0x60, /* to LOCAL0 + 7 */
    AML_ARG0 = 0x68,   /* to ARG0 + 6 */
    AML_STORE = 0x70,
    AML_ADD = 0x72,
    AML_CONCAT = 0x73,
    AML_SUBTRACT = 0x74,
    AML_INCREMENT = 0x75,
    AML_DECREMENT = 0x76,
    AML_MULTIPLY = 0x77,
    AML_SHIFT_LEFT = 0x79,
    AML_SHIFT_RIGHT = 0x7a,
    AML_AND = 0x7b,
    AML_OR = 0x7d,
    AML_XOR = 0x7f,
    AML_NOT = 0x80,
    AML_DEREF = 0x83,
    AML_NOTIFY = 0x86,
    AML_SIZEOF = 0x87,
    AML_INDEX = 0x88,
    AML_DWORD_FIELD = 0x8a, /* CreateDWordField: source, index, name */
    AML_LAND = 0x90,
    AML_LOR = 0x91,
    AML_LNOT = 0x92,
    AML_EQUAL = 0x93,
    AML_GREATER = 0x94,
    AML_LESS = 0x95,
    AML_RETURN = 0xa4,
    AML_BREAK = 0xa5,
    AML_ONES = 0xff,
    /* of two bytes */
    AML_MUTEX = 0x5b01, /* name, then a byte: level */
    AML_SLEEP = 0x5b22,
    AML_ACQUIRE = 0x5b23, /* name, then two bytes: time */
    AML_RELEASE = 0x5b27
} AmlOp;
void aml_op(AcpiBuf *b, AmlOp op);
/* ToUUID: "33db4d5b-1ff7-401c-9657-7441c03dd766" */
void aml_uuid(AcpiBuf *b, const char *uuid);

/* ---- regions of addresses ---- */

typedef enum AmlSpace { AML_MEMORY, AML_IO, AML_PCI_CONFIG } AmlSpace;
typedef enum AmlAccess { AML_ANY, AML_BYTE, AML_WORD, AML_DWORD, AML_QWORD } AmlAccess;
void aml_region(AcpiBuf *b, const char *name, AmlSpace space, uint64_t base, uint64_t bytes);
/* Units follow until aml_end(). lock: takes the global lock; bits not written keep what they are, or become
 * ones or zeros (0, 1, 2). */
size_t aml_field(AcpiBuf *b, const char *region, AmlAccess access, bool lock, unsigned update);
void aml_unit(AcpiBuf *b, const char *name, unsigned bits); /* name NULL: reserved */

/* ---- resources ---- */

typedef enum AmlTrigger { AML_LEVEL_HIGH = 0, AML_EDGE_HIGH = 2, AML_LEVEL_LOW = 4 } AmlTrigger;
/* ResourceTemplate: descriptors follow until aml_resources_end(). */
size_t aml_resources(AcpiBuf *b);
void aml_resources_end(AcpiBuf *b, size_t begin);
void aml_memory32(AcpiBuf *b, uint32_t base, uint32_t bytes, bool writable);
void aml_ports(AcpiBuf *b, uint16_t base, uint16_t last_base, unsigned align, unsigned bytes);
void aml_irq(AcpiBuf *b, uint32_t gsi, AmlTrigger how, bool shared); /* extended */
void aml_irq_short(AcpiBuf *b, uint16_t mask);                       /* of ISA: edge, active high */
void aml_gpio_int(AcpiBuf *b, AmlTrigger how, unsigned pin, const char *controller);

/* A window that a bridge passes on, or (consumed) a range that a device has. translation: address on this
 * side - address on the other. */
typedef struct AmlWindow {
    enum { AML_WINDOW_MEMORY, AML_WINDOW_IO, AML_WINDOW_BUS } kind;
    uint64_t first, bytes, translation;
    bool prefetchable, consumed;
} AmlWindow;
void aml_window(AcpiBuf *b, unsigned address_bytes, const AmlWindow *w); /* 2, 4 or 8 */

#endif
