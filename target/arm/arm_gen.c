/* Build-time program: reads the rows of an instruction set (ARM_GEN_ROWS), writes its decode tables
 * (<ARM_GEN_NAME>_decode_tables.h) to standard output. With ARM_GEN_FIELDS (A32, T32) also where each
 * letter's bits are. Fails, and with it the build, when two rows can match the same bits, neither is a
 * special case of the other, and there is no row for exactly these bits.
 *
 * The tree: a set of rows is split by the field of bits that leaves the fewest rows to compare, until two are
 * left or nothing helps. Equal leaves are stored once. With ARM_GEN_ROOT the root's field is that many of the
 * highest bits. With ARM_GEN_FIELDS a leaf of one row is LEAF | ALONE | row. */
#include <stdio.h>
#include <stdlib.h>

#include "base/bits.h"

typedef struct GenRow {
    const char *id, *pic, *format, *feat;
    uint32_t mask, match;
} GenRow;

static GenRow rows[] = {
#define INSN(id, name, pic, fmt, feat, handler, ops)                                                         \
    {#id, pic, ARM_GEN_FORMATS "_FMT_" #fmt, ARM_GEN_FEATS "_FEAT_" #feat, 0, 0},
#include ARM_GEN_ROWS
#undef INSN
};

enum { N_ROWS = ARRAY_SIZE(rows), MAX_NODES = 4096, MAX_NEXT = 32768, MAX_LEAVES = 32768, LEAF = 0x8000,
       ALONE = 0x4000, END = 0xffff };
#ifndef ARM_GEN_ROOT
#define ARM_GEN_ROOT 0
#endif

static struct {
    unsigned shift, width, first;
} nodes[MAX_NODES];
static uint16_t next[MAX_NEXT], leaves[MAX_LEAVES];
static unsigned n_nodes, n_next, n_leaves;

static void fail(const char *what, const char *a, const char *b)
{
    fprintf(stderr, "arm_gen: %s: %s %s\n", what, a, b);
    exit(1);
}

/* Without spaces; 16-bit rows are the upper half of 32 bits; 4 letters c in front: not 1111, see
 * a32_decode.c. */
static void row_normalise(GenRow *r)
{
    char *pic = calloc(33, 1), *to = pic;

    for (const char *from = r->pic; *from && to < pic + 32; from++)
        if (*from != ' ')
            *to++ = *from;
    if (to == pic + 16)
        memset(to, '-', 16);
    r->pic = pic;
}

static void row_parse(GenRow *r)
{
    row_normalise(r);
    if (!strncmp(r->pic, "cccc", 4)) {
        r->mask = 0xf0000000;
        r->match = 0xe0000000;
    }
    if (strlen(r->pic) != 32)
        fail("picture is not of 32 characters", r->id, r->pic);
    for (unsigned i = 0; i < 32; i++) {
        uint32_t bit = 1u << (31 - i);
        if (r->pic[i] == '0' || r->pic[i] == '1') {
            r->mask |= bit;
            r->match |= r->pic[i] == '1' ? bit : 0;
        }
    }
}

static void check_ambiguous(const GenRow *a, const GenRow *b)
{
    uint32_t common = a->mask & b->mask;

    if ((a->match ^ b->match) & common)
        return;
    if (a->mask != b->mask && (common == a->mask || common == b->mask))
        return;
    for (unsigned i = 0; i < N_ROWS; i++)
        if (rows[i].mask == (a->mask | b->mask) && rows[i].match == (a->match | b->match) &&
            a->mask != b->mask)
            return;
    fail("ambiguous rows", a->id, b->id);
}

static int by_specificity(const void *a, const void *b)
{
    const GenRow *x = &rows[*(const uint16_t *)a], *y = &rows[*(const uint16_t *)b];
    int fixed_x = __builtin_popcount(x->mask), fixed_y = __builtin_popcount(y->mask);

    return fixed_x != fixed_y ? fixed_y - fixed_x : (x > y) - (x < y);
}

/* Rows of list that can match when the field has value v. */
static unsigned narrow(const uint16_t *list, unsigned n, unsigned shift, unsigned width, unsigned v,
                       uint16_t *ret_list)
{
    uint32_t mask = ((1u << width) - 1) << shift;
    unsigned k = 0;

    for (unsigned i = 0; i < n; i++)
        if (!((rows[list[i]].match ^ v << shift) & rows[list[i]].mask & mask))
            ret_list[k++] = list[i];
    return k;
}

/* Cost of splitting list by a field: rows that a random row will be compared with, and the size of the
 * table. */
static double split_cost(const uint16_t *list, unsigned n, unsigned shift, unsigned width)
{
    uint16_t part[N_ROWS];
    double pairs = 0, sum = 0;

    for (unsigned v = 0; v < 1u << width; v++) {
        double k = narrow(list, n, shift, width, v, part);
        pairs += k * k;
        sum += k;
    }
    return pairs / sum + 0.02 * (1 << width) + 0.002 * sum;
}

static unsigned add_leaf(const uint16_t *list, unsigned n)
{
#ifdef ARM_GEN_FIELDS
    if (n == 1)
        return LEAF | ALONE | list[0];
#endif
    for (unsigned at = 0; at + n < n_leaves; at++)
        if (!memcmp(&leaves[at], list, n * sizeof(*list)) && leaves[at + n] == END)
            return LEAF | at;
    unsigned at = n_leaves;
    if (n_leaves + n + 1 > ALONE)
        fail("too many leaves", "", "");
    memcpy(&leaves[at], list, n * sizeof(*list));
    leaves[at + n] = END;
    n_leaves += n + 1;
    return LEAF | at;
}

/* Returns the entry for the rows of list (sorted); `used`: bits that were looked at. */
static unsigned build(const uint16_t *list, unsigned n, uint32_t used)
{
    unsigned best_shift = 0, best_width = 0;
    double best = n;

    for (unsigned width = 1; n > 2 && width <= 8; width++) {
        for (unsigned shift = 0; shift + width <= 32; shift++) {
            if (used & ((1u << width) - 1) << shift)
                continue;
            double cost = split_cost(list, n, shift, width);
            if (cost < best)
                best = cost, best_shift = shift, best_width = width;
        }
    }
    if (ARM_GEN_ROOT && !used) {
        best_width = ARM_GEN_ROOT;
        best_shift = 32 - ARM_GEN_ROOT;
    }
    if (!best_width)
        return add_leaf(list, n);

    unsigned node = n_nodes++, first = n_next;
    n_next += 1u << best_width;
    if (n_nodes > MAX_NODES || n_next > MAX_NEXT)
        fail("too many nodes", "", "");
    nodes[node].shift = best_shift, nodes[node].width = best_width, nodes[node].first = first;
    for (unsigned v = 0; v < 1u << best_width; v++) {
        uint16_t part[N_ROWS];
        unsigned k = narrow(list, n, best_shift, best_width, v, part);
        next[first + v] = (uint16_t)build(part, k, used | ((1u << best_width) - 1) << best_shift);
    }
    return node;
}

#ifdef ARM_GEN_FIELDS
/* For each row its fields, {letter, lowest bit, width}, from the left; a width of 0 ends the list. */
static void print_fields(unsigned *ret_first)
{
    unsigned n = 0;

    printf("static const A32Field " ARM_GEN_NAME "_fields[] = {\n");
    for (unsigned i = 0; i < N_ROWS; i++) {
        const char *pic = rows[i].pic;
        ret_first[i] = n;
        printf("    ");
        for (unsigned at = 0, len; at < 32; at += len) {
            for (len = 1; at + len < 32 && pic[at + len] == pic[at];)
                len++;
            if (!((pic[at] | 32) >= 'a' && (pic[at] | 32) <= 'z') || pic[at] == 'O' || pic[at] == 'Z')
                continue;
            printf("{A32_LETTER(%c), %u, %u}, ", pic[at], 32 - at - len, len);
            n++;
        }
        printf("{0, 0, 0},\n");
        n++;
    }
    printf("};\n");
}
#endif

static void print_u16(const char *name, const uint16_t *v, unsigned n)
{
    printf("static const uint16_t %s[] = {", name);
    for (unsigned i = 0; i < n; i++)
        printf("%s%u,", i % 16 ? " " : "\n    ", v[i]);
    printf("\n};\n");
}

int main(void)
{
    uint16_t all[N_ROWS];

    for (unsigned i = 0; i < N_ROWS; i++)
        row_parse(&rows[i]);
    for (unsigned i = 0; i < N_ROWS; i++)
        for (unsigned k = 0; k < i; k++)
            check_ambiguous(&rows[i], &rows[k]);
    for (unsigned i = 0; i < N_ROWS; i++)
        all[i] = (uint16_t)i;
    qsort(all, N_ROWS, sizeof(all[0]), by_specificity);
    if (build(all, N_ROWS, 0) != 0)
        fail("no root", "", "");

    printf("/* Made by arm_gen. */\n");
#ifdef ARM_GEN_FIELDS
    unsigned first[N_ROWS];
    print_fields(first);
#endif
    printf("static const " ARM_GEN_FORMATS "Row " ARM_GEN_NAME "_rows[] = {\n");
    for (unsigned i = 0; i < N_ROWS; i++) {
        printf("    {0x%08x, 0x%08x, %s, %s", rows[i].mask, rows[i].match, rows[i].format, rows[i].feat);
#ifdef ARM_GEN_FIELDS
        printf(", %u", first[i]);
#endif
        printf("},\n");
    }
    printf("};\nstatic const " ARM_GEN_FORMATS "Node " ARM_GEN_NAME "_nodes[] = {\n");
    for (unsigned i = 0; i < n_nodes; i++)
        printf("    {%u, %u, %u},\n", nodes[i].shift, nodes[i].width, nodes[i].first);
    printf("};\n");
    print_u16(ARM_GEN_NAME "_next", next, n_next);
    print_u16(ARM_GEN_NAME "_leaves", leaves, n_leaves);
    return 0;
}
