/* Build-time program: reads rv_insns.def, writes the decode tables (rv_decode_tables.h) to standard output.
 * Fails, and with it the build, when two rows can match the same bits and neither is a special case of the
 * other. */
#include <stdio.h>
#include <stdlib.h>

#include "target/riscv/rv_decode.h"

typedef struct GenRow {
    const char *id, *pic, *format, *xlen;
    uint32_t mask, match;
    int fixed; /* number of fixed bits */
} GenRow;

static GenRow rows[] = {
#define INSN(id, name, pic, fmt, ext, xl, ops, handler) {#id, pic, "RV_FMT_" #fmt, "RV_XLEN_" #xl, 0, 0, 0},
#include "target/riscv/rv_insns.def"
#undef INSN
};

static void row_parse(GenRow *r)
{
    size_t n = strlen(r->pic);
    if (n != 16 && n != 32) {
        fprintf(stderr, "rv_gen: %s: picture has %zu characters\n", r->id, n);
        exit(1);
    }
    for (size_t i = 0; i < n; i++) {
        uint32_t bit = 1u << (n - 1 - i);
        if (r->pic[i] == '0' || r->pic[i] == '1') {
            r->mask |= bit;
            r->match |= r->pic[i] == '1' ? bit : 0;
            r->fixed++;
        }
    }
    bool compressed = (r->match & r->mask & 3) != 3;
    if ((r->mask & 3) != 3 || compressed != (n == 16)) {
        fprintf(stderr, "rv_gen: %s: length bits do not fit the picture\n", r->id);
        exit(1);
    }
}

static bool xlen_disjoint(const GenRow *a, const GenRow *b)
{
    return strcmp(a->xlen, b->xlen) && strcmp(a->xlen, "RV_XLEN_ANY") && strcmp(b->xlen, "RV_XLEN_ANY");
}

static void check_ambiguous(const GenRow *a, const GenRow *b)
{
    uint32_t common = a->mask & b->mask;
    if (((a->match ^ b->match) & common) || xlen_disjoint(a, b))
        return;
    if (a->mask == b->mask || (common != a->mask && common != b->mask)) {
        fprintf(stderr, "rv_gen: %s and %s are ambiguous\n", a->id, b->id);
        exit(1);
    }
}

/* The bits that a key fixes, and their value. */
static void key_bits(unsigned key, uint32_t *ret_mask, uint32_t *ret_value)
{
    if (key < RV_KEY_32) {
        *ret_mask = 0xfc03;
        *ret_value = (key & 63) << 10 | key >> 6;
    } else if (key < RV_KEY_FP) {
        *ret_mask = 0x707f;
        *ret_value = ((key - RV_KEY_32) & 7) << 12 | (key - RV_KEY_32) >> 3 << 2 | 3;
    } else if (key < RV_KEY_AMO) {
        *ret_mask = 0xfe00007f;
        *ret_value = (key - RV_KEY_FP) << 25 | 0x53;
    } else {
        *ret_mask = 0xf800007f;
        *ret_value = (key - RV_KEY_AMO) << 27 | 0x2f;
    }
}

static int by_specificity(const void *a, const void *b)
{
    const GenRow *x = &rows[*(const uint16_t *)a], *y = &rows[*(const uint16_t *)b];
    return x->fixed != y->fixed ? y->fixed - x->fixed : (x > y) - (x < y);
}

int main(void)
{
    unsigned start[RV_KEYS + 1], n_list = 0;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        row_parse(&rows[i]);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (size_t k = 0; k < i; k++)
            check_ambiguous(&rows[i], &rows[k]);

    printf("/* Made by rv_gen from rv_insns.def. */\nstatic const RvRow bucket_rows[] = {\n");
    for (unsigned key = 0; key < RV_KEYS; key++) {
        uint32_t mask, value;
        uint16_t list[ARRAY_SIZE(rows)];
        unsigned n = 0;
        key_bits(key, &mask, &value);
        for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
            if (!((rows[i].match ^ value) & rows[i].mask & mask))
                list[n++] = (uint16_t)i;
        qsort(list, n, sizeof(list[0]), by_specificity);
        start[key] = n_list;
        n_list += n;
        for (unsigned i = 0; i < n; i++) {
            const GenRow *r = &rows[list[i]];
            printf("    {0x%08x, 0x%08x, RV_%s, %s, %s},\n", r->mask, r->match, r->id, r->format, r->xlen);
        }
    }
    start[RV_KEYS] = n_list;
    printf("};\nstatic const uint16_t bucket_start[RV_KEYS + 1] = {");
    for (unsigned key = 0; key <= RV_KEYS; key++)
        printf("%s%u,", key % 16 ? " " : "\n    ", start[key]);
    printf("\n};\n");
    return 0;
}
