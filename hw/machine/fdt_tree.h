/* Writing a device tree from top to bottom: libfdt's sequential calls with the first error kept. The
 * functions are made here, so that a board's file needs this header only. */
#ifndef HW_MACHINE_FDT_TREE_H
#define HW_MACHINE_FDT_TREE_H

#include "base/fmt.h"

#include <libfdt.h>

typedef struct FdtTree {
    void *fdt;
    int err; /* the first */
} FdtTree;

static inline void fdt_tree_note(FdtTree *t, int err)
{
    if (err < 0 && !t->err)
        t->err = err;
}

static inline void fdt_tree_start(FdtTree *t, void *to, size_t room)
{
    *t = (FdtTree){.fdt = to};
    fdt_tree_note(t, fdt_create(to, (int)room));
    fdt_tree_note(t, fdt_finish_reservemap(to));
}

static inline void fdt_tree_begin(FdtTree *t, const char *name)
{
    fdt_tree_note(t, fdt_begin_node(t->fdt, name));
}
static inline void fdt_tree_end(FdtTree *t)
{
    fdt_tree_note(t, fdt_end_node(t->fdt));
}
static inline void fdt_tree_text(FdtTree *t, const char *name, const char *value)
{
    fdt_tree_note(t, fdt_property_string(t->fdt, name, value));
}
static inline void fdt_tree_number(FdtTree *t, const char *name, uint32_t value)
{
    fdt_tree_note(t, fdt_property_u32(t->fdt, name, value));
}
static inline void fdt_tree_number64(FdtTree *t, const char *name, uint64_t value)
{
    fdt_tree_note(t, fdt_property_u64(t->fdt, name, value));
}
static inline void fdt_tree_empty(FdtTree *t, const char *name)
{
    fdt_tree_note(t, fdt_property(t->fdt, name, NULL, 0));
}
static inline void fdt_tree_bytes(FdtTree *t, const char *name, const void *p, unsigned n)
{
    fdt_tree_note(t, fdt_property(t->fdt, name, p, (int)n));
}

/* A list of strings, each ended by a NUL; the literal's own end is the last. */
#define FDT_TEXTS(t, name, list) fdt_tree_bytes(t, name, list, sizeof(list))

static inline void fdt_tree_cells(FdtTree *t, const char *name, const uint32_t *v, unsigned n)
{
    void *to;
    fdt_tree_note(t, fdt_property_placeholder(t->fdt, name, (int)(n * 4), &to));
    for (unsigned k = 0; !t->err && k < n; k++)
        fdt32_st((uint8_t *)to + 4 * k, v[k]);
}
#define FDT_CELLS(t, name, ...)                                                                              \
    fdt_tree_cells(t, name, (const uint32_t[]){__VA_ARGS__}, sizeof((const uint32_t[]){__VA_ARGS__}) / 4)
/* 64 bits as two cells */
#define FDT_64(v) (uint32_t)((uint64_t)(v) >> 32), (uint32_t)(v)

static inline void fdt_tree_begin_at(FdtTree *t, const char *name, uint64_t base)
{
    char full[64];
    Fmt f = FMT_ON(full);
    fmt_printf(&f, "%s@%lx", name, (unsigned long)base);
    fdt_tree_begin(t, full);
}

static inline void fdt_tree_reg(FdtTree *t, uint64_t base, uint64_t bytes)
{
    FDT_CELLS(t, "reg", FDT_64(base), FDT_64(bytes));
}

typedef struct FdtWindow {
    uint64_t base, bytes;
} FdtWindow;

/* What a node of pci-host-ecam-generic has on every board. I/O ports begin at 0, memory is where the bus has
 * it. */
static inline void fdt_tree_pci_root(FdtTree *t, FdtWindow ecam, FdtWindow io, FdtWindow low, FdtWindow high)
{
    enum { SPACE_IO = 0x1000000, SPACE_LOW = 0x2000000, SPACE_HIGH = 0x3000000 };
    fdt_tree_text(t, "compatible", "pci-host-ecam-generic");
    fdt_tree_text(t, "device_type", "pci");
    fdt_tree_number(t, "#address-cells", 3);
    fdt_tree_number(t, "#size-cells", 2);
    fdt_tree_number(t, "#interrupt-cells", 1);
    fdt_tree_number(t, "linux,pci-domain", 0);
    FDT_CELLS(t, "bus-range", 0, 255);
    fdt_tree_empty(t, "dma-coherent");
    fdt_tree_reg(t, ecam.base, ecam.bytes);
    FDT_CELLS(t, "ranges", SPACE_IO, FDT_64(0), FDT_64(io.base), FDT_64(io.bytes), SPACE_LOW,
              FDT_64(low.base), FDT_64(low.base), FDT_64(low.bytes), SPACE_HIGH, FDT_64(high.base),
              FDT_64(high.base), FDT_64(high.bytes));
}

/* The size of what was written; 0: it did not fit, or was wrong. */
static inline size_t fdt_tree_finish(FdtTree *t)
{
    fdt_tree_note(t, fdt_finish(t->fdt));
    return t->err ? 0 : fdt_totalsize(t->fdt);
}

#endif
