/* The format of kept translations. Private to kept.c and kept_file.c. */
#ifndef ACCEL_DBT_KEPT_PRIV_H
#define ACCEL_DBT_KEPT_PRIV_H

#include "accel/dbt/dbt.h"

/* Of what this file describes; all else that regions depend on is in the program's build id. */
enum { KEPT_UNIT = 16, KEPT_MOST_BYTES = 64 << 20, KEPT_MAX_TABLE_BITS = 22 };
#define KEPT_MAGIC "tnmkept1"

/* Then the table, then the regions, each at a multiple of KEPT_UNIT, one behind the other. */
typedef struct KeptHead {
    char magic[8];
    uint64_t key, bytes; /* bytes: of the file */
    uint32_t n_regions, table_bits;
} KeptHead;
_Static_assert(sizeof(KeptHead) % KEPT_UNIT == 0, "the table follows");

enum {
    KEPT_BRIEF = 1,    /* DbtRegion.brief */
    KEPT_RET_EXIT = 2, /* IrRegion.ret_exit */
    KEPT_CHECKED = 4,  /* an instruction looks at its operands, since it trapped (fp_trap.c) */
};

/* Followed by its arrays: kept_layout(). */
struct KeptRegion {
    uint64_t check; /* of all that follows */
    uint64_t look, pc;
    uint32_t ctx, bytes; /* bytes: all of it */
    uint32_t size;       /* of code */
    uint32_t n_bytes;    /* of the guest */
    uint16_t n_runs, n_exits, n_pcs, n_fl, n_records, n_relocs, n_insns;
    uint8_t n_loop_pins, flags; /* flags: KEPT_* */
};

typedef struct KeptRun {
    uint64_t pc, len;
} KeptRun;

typedef struct KeptExit {
    uint64_t pc;
    uint8_t kind, code, back, unused[5]; /* as in ExitInfo */
} KeptExit;

/* Where the arrays are, in bytes from the region's start, in their order. */
typedef struct KeptLayout {
    size_t runs, exits, pcs, fl, records, pins, relocs, guest, code, end;
} KeptLayout;

static inline KeptLayout kept_layout(const KeptRegion *k)
{
    KeptLayout l;
    l.runs = sizeof(*k);
    l.exits = l.runs + k->n_runs * sizeof(KeptRun);
    l.pcs = l.exits + k->n_exits * sizeof(KeptExit);
    l.fl = l.pcs + k->n_pcs * sizeof(uint64_t);
    l.records = l.fl + k->n_fl * sizeof(X64FlRecipe);
    l.pins = l.records + k->n_records * sizeof(X64Record);
    l.relocs = align_up(l.pins + k->n_loop_pins * sizeof(X64Pin), sizeof(X64Reloc));
    l.guest = l.relocs + k->n_relocs * sizeof(X64Reloc);
    l.code = align_up(l.guest + k->n_bytes, KEPT_UNIT);
    l.end = align_up(l.code + k->size, KEPT_UNIT);
    return l;
}
_Static_assert(sizeof(KeptRegion) % 8 == 0 && sizeof(X64FlRecipe) % 8 == 0 && _Alignof(X64Record) <= 4 &&
                   sizeof(X64Record) % 4 == 0 && _Alignof(X64Pin) <= 4,
               "the arrays are aligned");

#define KEPT_PART(k, layout, part, type) ((const type *)(const void *)((const char *)(k) + (layout).part))

/* Where code is, or is to be. */
typedef struct KeptPlace {
    const CodeCache *cache;
    size_t image_bytes;
    uint64_t rx;
    uint32_t first_exit;
    unsigned n_exits, n_slots;
    uint64_t by; /* its guest instructions are so much further on than they were */
} KeptPlace;

/* Hashes against accidents, not against enemies. */
#define KEPT_MIX 0x9e3779b97f4a7c15ull
static inline uint64_t kept_mix(uint64_t h, uint64_t w)
{
    h = (h ^ w) * KEPT_MIX;
    return h ^ h >> 29;
}
uint64_t kept_check(const KeptRegion *k);

/* Is it a file of this key, in memory that may fault? Then what it has, into *ret. */
bool kept_open(const void *file, size_t bytes, uint64_t key, DbtKept *ret);
/* In a file that was read, not mapped: the region there, all of it inside the file; NULL: none can be. */
const KeptRegion *kept_at(const DbtKept *kept, uint32_t unit);

static inline void kept_put32(void *p, uint32_t v) { memcpy(p, &v, sizeof(v)); }
static inline void kept_put64(void *p, uint64_t v) { memcpy(p, &v, sizeof(v)); }
static inline uint64_t kept_image(void)
{
    extern const char image[] __asm__("__ehdr_start") __attribute__((visibility("hidden")));
    return (uint64_t)(uintptr_t)image;
}
/* A guest address `by` further on, as the program counter holds it. */
static inline Gva kept_moved(const Dbt *d, Gva pc, uint64_t by)
{
    return d->host.pc32 ? (pc & ~(Gva)UINT32_MAX) | (uint32_t)(pc + by) : pc + by;
}

#endif
