/* Formats of A32 and T32: the encoding diagrams of the Arm ARM, "T32 and A32 Base Instruction Set Instruction
 * Descriptions". */
#include <stddef.h>

#include "target/arm/a32_decode.h"

#include "target/arm/arm_cpu.h"

typedef struct A32Row {
    uint32_t mask, match;
    uint8_t format, feat;
    uint16_t first_field;
} A32Row;

typedef struct A32Field {
    uint8_t offset, shift, width; /* member of A32Args; bits */
} A32Field;

/* Inner node of the tree: the field of `width` bits at `shift` selects an entry of *_next from `first` on. */
typedef struct A32Node {
    uint8_t shift, width;
    uint16_t first;
} A32Node;
enum { A32_LEAF = 0x8000, A32_ALONE = 0x4000, A32_END = 0xffff };

#include "a32_decode_tables.h"
#include "t32_decode_tables.h"

A32Feat a32_row_feat(A32Insn insn)
{
    return insn < A32_INSN_COUNT ? a32_rows[insn].feat : t32_rows[insn - T32_FIRST].feat;
}

bool a32_names_d32(const A32Args *a)
{
    switch (a->format) {
    case A32_FMT_VFP: return a->z && (a->D || a->N || a->M);
    case A32_FMT_VREG: return (a->bits >> 8 & 15) == 11 && (a->N || a->M);
    case A32_FMT_VLDR: return a->z && a->D;
    case A32_FMT_VLDM: return a->z && (a->D << 4 | a->d) + (a->i >> 1) > 16;
    default: return false;
    }
}

/* ---- loads and stores of structures ---- */

const A32Structures a32_structures[16] = {
    [7] = {1, 1, 1, 3}, [10] = {1, 2, 1, 7}, [6] = {1, 3, 1, 3}, [2] = {1, 4, 1, 15},
    [8] = {2, 2, 1, 7}, [9] = {2, 2, 2, 7},  [3] = {2, 4, 2, 15},
    [4] = {3, 3, 1, 3}, [5] = {3, 3, 2, 3},  [0] = {4, 4, 1, 15}, [1] = {4, 4, 2, 15},
};

/* index_align (i) by size and number of registers */
A32OneLane a32_one_lane(const A32Args *a)
{
    unsigned n = a->p + 1u, i = a->i;
    A32OneLane l = {.index = i >> (a->s + 1), .space = 1, .align = 1, .ok = true};

    if (a->s == 1)
        l.space = n > 1 && (i & 2) ? 2 : 1;
    else if (a->s == 2)
        l.space = n > 1 && (i & 4) ? 2 : 1;
    switch (n) {
    case 1:
        l.ok = a->s == 0 ? !(i & 1) : a->s == 1 ? !(i & 2) : !(i & 4) && ((i & 3) == 0 || (i & 3) == 3);
        l.align = a->s && (i & 1) ? 1u << a->s : 1;
        break;
    case 2:
        l.ok = !(a->s == 2 && (i & 2));
        l.align = i & 1 ? 2u << a->s : 1;
        break;
    case 3: l.ok = !(i & 1) && !(a->s == 2 && (i & 2)); break;
    default:
        l.ok = !(a->s == 2 && (i & 3) == 3);
        l.align = a->s == 2 ? (i & 3 ? 4u << (i & 3) : 1) : i & 1 ? 4u << a->s : 1;
        break;
    }
    l.ok = l.ok && (a->d | (unsigned)a->D << 4) + (n - 1) * l.space < 32 && a->n != 15;
    return l;
}

unsigned a32_all_lanes_align(const A32Args *a)
{
    unsigned n = a->p + 1u, size = a->s == 3 ? 2 : a->s;

    return !a->a ? 1 : a->s == 3 ? 16 : n == 4 && size == 2 ? 8 : n << size;
}

/* ---- immediates and shifts ---- */

static void set_shift(A32Args *a, unsigned type, unsigned amount)
{
    a->shift = (uint8_t)type;
    a->amount = (uint8_t)amount;
    if (amount == 0 && type == A32_ROR) {
        a->shift = A32_RRX;
        a->amount = 1;
    } else if (amount == 0 && type != A32_LSL) {
        a->amount = 32;
    }
}

static void set_imm(A32Args *a, uint32_t imm)
{
    a->form = A32_IMM;
    a->imm = (int32_t)imm;
}

static void set_mod_imm(A32Args *a)
{
    unsigned rot = a->i >> 8 << 1;
    uint32_t v = a->i & 255u;

    v = rot ? v >> rot | v << (32 - rot) : v;
    set_imm(a, v);
    a->carry = rot == 0 ? A32_CARRY_SAME : v >> 31 ? A32_CARRY_1 : A32_CARRY_0;
}

/* ThumbExpandImm_C */
static void set_thumb_imm(A32Args *a)
{
    uint32_t b = a->i & 255u;

    if (a->i >> 10) {
        unsigned rot = a->i >> 7;
        uint32_t v = (a->i & 127u) | 128;
        v = v >> rot | v << (32 - rot);
        set_imm(a, v);
        a->carry = v >> 31 ? A32_CARRY_1 : A32_CARRY_0;
        return;
    }
    switch (a->i >> 8 & 3) {
    case 0: set_imm(a, b); break;
    case 1: set_imm(a, b << 16 | b); break;
    case 2: set_imm(a, b << 24 | b << 8); break;
    default: set_imm(a, b * 0x01010101u); break;
    }
}

static int32_t field_s(uint32_t b, unsigned lsb, unsigned width)
{
    return (int32_t)bits_sext(b >> lsb & ((1u << width) - 1), width);
}

/* ---- formats ---- */

/* Formats of A32 registers and of wide T32; false: UNDEFINED. */
static bool complete_dp(A32Args *a)
{
    switch (a->format) {
    case A32_FMT_SHIFT:
    case A32_FMT_TSHIFT: set_shift(a, a->h, a->k); return true;
    case A32_FMT_RSHIFT:
        a->form = A32_REG_SHIFT;
        a->shift = (uint8_t)a->h;
        return true;
    case A32_FMT_MODIMM: set_mod_imm(a); return true;
    case A32_FMT_TMODIMM: set_thumb_imm(a); return true;
    case A32_FMT_IMM: set_imm(a, a->i); return true;
    case A32_FMT_MOVW: set_imm(a, (uint32_t)a->j << 12 | a->i); return true;
    case A32_FMT_SAT:
        set_shift(a, a->h ? A32_ASR : A32_LSL, a->k);
        a->imm = a->i;
        return !(a->thumb && a->h && a->k == 0);
    case A32_FMT_PKH: set_shift(a, a->bits >> (a->thumb ? 5 : 6) & 1 ? A32_ASR : A32_LSL, a->k); return true;
    case A32_FMT_BFX:
        a->imm = a->w;
        a->amount = (uint8_t)a->k;
        return a->k + a->w < 32;
    case A32_FMT_BFI:
        a->imm = a->w - a->k + 1;
        a->amount = (uint8_t)a->k;
        return a->w >= a->k;
    case A32_FMT_ADR:
        set_imm(a, a->bits >> 23 & 1 ? 0u - a->i : a->i);
        return true;
    default: return true;
    }
}

enum { S_OUTSIDE_IT = 2 };

/* Formats of T16 without effects. */
static bool complete_t16(A32Args *a)
{
    if (a->format < A32_FMT_T16 || a->format > A32_FMT_T16_SP7)
        return complete_dp(a);
    a->S = S_OUTSIDE_IT;
    switch (a->format) {
    case A32_FMT_T16_IMM: set_imm(a, a->i); return true;
    case A32_FMT_T16_SHIFT: set_shift(a, a->h, a->k); return true;
    case A32_FMT_T16_RSHIFT:
        a->form = A32_REG_SHIFT;
        a->s = a->m;
        a->m = a->d;
        a->shift = (a->bits >> 22 & 15) == 2   ? A32_LSL
                   : (a->bits >> 22 & 15) == 3 ? A32_LSR
                   : (a->bits >> 22 & 15) == 4 ? A32_ASR
                                               : A32_ROR;
        return true;
    case A32_FMT_T16_MUL: a->s = a->d; return true;
    case A32_FMT_T16_DN:
        a->n = a->d;
        set_imm(a, a->i);
        return true;
    case A32_FMT_T16_DN_REG: a->n = a->d; return true;
    case A32_FMT_T16_HI:
        a->n = a->d;
        a->S = 0;
        return true;
    case A32_FMT_T16_ADR:
    case A32_FMT_T16_SP8:
    case A32_FMT_T16_SP7:
        a->S = 0;
        a->n = 13;
        if (a->format == A32_FMT_T16_SP7)
            a->d = 13;
        set_imm(a, a->i * 4u);
        return true;
    default: return true;
    }
}

static void set_offset(A32Args *a, unsigned imm)
{
    a->form = A32_IMM;
    a->imm = a->U ? (int32_t)imm : -(int32_t)imm;
}

/* An access without write-back. */
static void set_plain(A32Args *a, unsigned n, unsigned imm)
{
    a->P = a->U = 1;
    a->W = 0;
    a->n = (uint16_t)n;
    set_offset(a, imm);
}

/* Formats of loads and stores. */
static bool complete_mem(A32Args *a)
{
    switch (a->format) {
    case A32_FMT_MEM_IMM8D:
    case A32_FMT_MEM_REGD:
        a->e = (uint16_t)(a->d + 1);
        if ((a->d & 1) || (!a->P && a->W))
            return false;
        a->W = a->W || !a->P;
        if (a->format == A32_FMT_MEM_IMM8D)
            set_offset(a, a->i);
        return true;
    case A32_FMT_MEM_IMM:
    case A32_FMT_MEM_IMM8: set_offset(a, a->i); break;
    case A32_FMT_MEM_REG: set_shift(a, a->h, a->k); break;
    case A32_FMT_PL_IMM: set_offset(a, a->i); a->P = 1; return true;
    case A32_FMT_PL_REG: set_shift(a, a->h, a->k); a->P = 1; return true;
    case A32_FMT_EXD:
        if (!a->thumb) {
            a->e = (uint16_t)(a->d + 1);
            return !(a->d & 1) && a->d != 14;
        }
        return true;
    case A32_FMT_T16_LIT: set_plain(a, 15, a->i * 4u); return true;
    case A32_FMT_T16_MEM_REG: a->P = a->U = 1; return true;
    case A32_FMT_T16_MEM1: set_plain(a, a->n, a->i); return true;
    case A32_FMT_T16_MEM2: set_plain(a, a->n, a->i * 2u); return true;
    case A32_FMT_T16_MEM4: set_plain(a, a->n, a->i * 4u); return true;
    case A32_FMT_T16_MEM_SP: set_plain(a, 13, a->i * 4u); return true;
    case A32_FMT_TMEM12: set_plain(a, a->n, a->i); return true;
    case A32_FMT_TLIT:
        a->n = 15;
        a->P = 1;
        a->U = a->bits >> 23 & 1;
        set_offset(a, a->i);
        return true;
    case A32_FMT_TMEM8:
        a->unprivileged = a->P && a->U && !a->W;
        set_offset(a, a->i);
        return a->P || a->W;
    case A32_FMT_TPL8:
        a->P = 1;
        set_offset(a, a->i);
        return true;
    case A32_FMT_TMEM_REG:
        a->P = a->U = 1;
        set_shift(a, A32_LSL, a->k);
        return true;
    case A32_FMT_TMEMD: set_offset(a, a->i * 4u); return a->P || a->W;
    case A32_FMT_TEX: set_plain(a, a->n, a->i * 4u); return true;
    default: return true;
    }
    a->unprivileged = !a->P && a->W;
    if (!a->P)
        a->W = 1;
    return true;
}

static bool complete_multiple(A32Args *a)
{
    switch (a->format) {
    case A32_FMT_T16_PUSH:
        a->n = 13;
        a->P = a->W = 1;
        a->U = 0;
        a->l = (uint16_t)((a->l & 255) | (a->l >> 8 & 1) << 14);
        break;
    case A32_FMT_T16_POP:
        a->n = 13;
        a->U = a->W = 1;
        a->l = (uint16_t)((a->l & 255) | (a->l >> 8 & 1) << 15);
        break;
    case A32_FMT_T16_STM:
    case A32_FMT_T16_LDM:
        a->U = 1;
        a->W = a->format == A32_FMT_T16_STM || !(a->l >> a->n & 1);
        break;
    case A32_FMT_TLDMIA: a->U = 1; break;
    case A32_FMT_TLDMDB: a->P = 1; break;
    default: break;
    }
    return a->l != 0;
}

/* B and BL of T32: imm = S:I1:I2:imm10:imm11:0 */
static int32_t t32_branch(uint32_t b)
{
    uint32_t s = b >> 26 & 1, i1 = ~(b >> 13 ^ s) & 1, i2 = ~(b >> 11 ^ s) & 1;

    return (int32_t)bits_sext(s << 24 | i1 << 23 | i2 << 22 | (b >> 16 & 0x3ff) << 12 | (b & 0x7ff) << 1, 25);
}

static bool complete_flow(A32Args *a)
{
    uint32_t b = a->bits;

    switch (a->format) {
    case A32_FMT_B24: a->imm = field_s(b, 0, 24) * 4 + 8; return true;
    case A32_FMT_BLX24: a->imm = field_s(b, 0, 24) * 4 + 8 + (b >> 24 & 1) * 2; return true;
    case A32_FMT_BKPT: a->imm = a->i; return true;
    case A32_FMT_T16_CB: a->imm = a->i * 2 + 4; return true;
    case A32_FMT_T16_BCC:
        a->cond = (uint8_t)a->c;
        a->imm = field_s(b, 16, 8) * 2 + 4;
        return true;
    case A32_FMT_T16_B: a->imm = field_s(b, 16, 11) * 2 + 4; return true;
    case A32_FMT_IT: a->imm = a->q << 4 | a->i; return a->q != 15 && !(a->q == 14 && (a->i & (a->i - 1)));
    case A32_FMT_TBCC:
        if (a->c >= 14) /* another instruction, which may be in an IT block */
            return false;
        a->cond = (uint8_t)a->c;
        a->imm = (int32_t)bits_sext((b >> 26 & 1) << 20 | (b >> 11 & 1) << 19 | (b >> 13 & 1) << 18 |
                                        (b >> 16 & 63) << 12 | (b & 0x7ff) << 1,
                                    21) +
                 4;
        return true;
    case A32_FMT_TB: a->imm = t32_branch(b) + 4; return true;
    default: return true;
    }
}

/* Formats of floating point and SIMD */
static bool complete_simd(A32Args *a)
{
    switch (a->format) {
    case A32_FMT_VFP: a->z = (a->bits >> 8 & 15) == 11; break;
    case A32_FMT_VFPH:
    case A32_FMT_SIMDH: a->h = 1; break;
    case A32_FMT_VLDR:
    case A32_FMT_VLDRH:
        a->h = a->format == A32_FMT_VLDRH;
        set_offset(a, a->i * (a->h ? 2u : 4u));
        a->P = 1;
        break;
    case A32_FMT_VLDM:
        a->U = a->bits >> 23 & 1;
        a->W = a->bits >> 21 & 1;
        break;
    default: break;
    }
    return true;
}

static bool complete(A32Args *a)
{
    if (a->format < A32_FMT_EFF)
        return complete_t16(a);
    if (a->format >= A32_FMT_VFP)
        return complete_simd(a);
    switch (a->format) {
    case A32_FMT_LDM:
    case A32_FMT_T16_PUSH:
    case A32_FMT_T16_POP:
    case A32_FMT_T16_STM:
    case A32_FMT_T16_LDM:
    case A32_FMT_TLDMIA:
    case A32_FMT_TLDMDB: return complete_multiple(a);
    default: return complete_mem(a) && complete_flow(a);
    }
}

/* ---- look-up ---- */

static void take_fields(A32Args *a, const A32Field *f)
{
    for (; f->width; f++) {
        uint16_t *to = (uint16_t *)(void *)((char *)a + f->offset);
        if (f->offset == A32_LETTER(a)) /* in one piece; it was not 0 */
            *to = 0;
        *to = (uint16_t)(*to << f->width | (a->bits >> f->shift & ((1u << f->width) - 1)));
    }
}

static bool take(A32Args *a, const A32Row *row, const A32Field *fields)
{
    a->format = row->format;
    a->a = A32_NO_ADDEND;
    take_fields(a, &fields[row->first_field]);
    return complete(a);
}

static const A32Row *find(uint32_t bits, const A32Row *rows, const A32Node *nodes, const uint16_t *next,
                          const uint16_t *leaves)
{
    unsigned at = 0;

    do {
        const A32Node *n = &nodes[at];
        at = next[n->first + (bits >> n->shift & ((1u << n->width) - 1))];
    } while (!(at & A32_LEAF));
    if (at & A32_ALONE) {
        const A32Row *row = &rows[at & (A32_ALONE - 1)];
        return (bits & row->mask) == row->match ? row : NULL;
    }
    for (const uint16_t *leaf = &leaves[at & ~A32_LEAF]; *leaf != A32_END; leaf++)
        if ((bits & rows[*leaf].mask) == rows[*leaf].match)
            return &rows[*leaf];
    return NULL;
}

/* The row of an A32 word. Rows of modified immediates would be ambiguous with those of shifts, and what has
 * 11 for a size with "three registers of different lengths": they stand where nothing else is. */
static const A32Row *find_a32(uint32_t bits)
{
    if (bits >> 28 != 15)
        bits = (bits & 0x0fffffff) | 0xe0000000;
    else if ((bits & 0xfeb80090) == 0xf2800010)
        bits |= 0xff000000;
    else if ((bits & 0xfeb00010) == 0xf2b00000)
        bits ^= 0x0a000000;
    else if (bits >> 24 == 0xff || bits >> 25 == 0x7c)
        return NULL;
    return find(bits, a32_rows, a32_nodes, a32_next, a32_leaves);
}

/* Piece by piece: of one initialisation compilers make a string instruction, which is slow to start. */
static void args_init(A32Args *a, uint32_t bits, unsigned len, unsigned cond)
{
    char *p = (char *)a;

    _Static_assert(sizeof(*a) > 112 && sizeof(*a) <= 128, "pieces of 16 bytes");
    memset(p, 0, 16);
    memset(p + 16, 0, 16);
    memset(p + 32, 0, 16);
    memset(p + 48, 0, 16);
    memset(p + 64, 0, 16);
    memset(p + 80, 0, 16);
    memset(p + 96, 0, 16);
    memset(p + 112, 0, sizeof(*a) - 112);
    a->bits = bits;
    a->len = (uint8_t)len;
    a->cond = (uint8_t)cond;
}

A32Insn a32_decode(uint32_t bits, A32Args *ret_args)
{
    bool conditional = bits >> 28 != 15;

    if (bits >> 25 == 0x7c) /* SRS, RFE: P goes to bit 12 */
        bits = 0xf0000000 | (bits & 0x00ffefff) | (bits >> 24 & 1) << 12;
    else if (bits >> 24 == 0xf0) /* where these stand is nothing else */
        bits = UINT32_MAX;
    const A32Row *row = find_a32(bits);

    args_init(ret_args, bits, 4, conditional ? bits >> 28 : A32_COND_AL);
    return row && take(ret_args, row, a32_fields) ? (A32Insn)(row - a32_rows) : A32_ILLEGAL;
}

/* Rows that T32 shares with A32 and that differ in the first byte: the A32 word, 0 if it is none of them. */
static uint32_t shared_with_a32(uint32_t b)
{
    if ((b & 0xef000000) == 0xef000000) /* Advanced SIMD data processing */
        return 0xf2000000 | (b >> 28 & 1) << 24 | (b & 0x00ffffff);
    if ((b & 0xff100000) == 0xf9000000) /* Advanced SIMD loads and stores */
        return 0xf4000000 | (b & 0x00ffffff);
    if ((b & 0xec000000) == 0xec000000)
        return b;
    return 0;
}

A32Insn t32_decode(uint32_t bits, unsigned itstate, A32Args *ret_args)
{
    unsigned cond = itstate ? itstate >> 4 : A32_COND_AL;
    uint32_t shared = t32_insn_len(bits >> 16) == 4 ? shared_with_a32(bits) : 0;
    bool literal = (bits & 0xfe1f0000) == 0xf81f0000; /* the offset's sign is not in the rows */
    const A32Row *row;

    args_init(ret_args, bits, t32_insn_len(bits >> 16), cond);
    ret_args->thumb = 1;
    if (shared) {
        ret_args->bits = shared;
        row = find_a32(shared);
        return row && take(ret_args, row, a32_fields) ? (A32Insn)(row - a32_rows) : A32_ILLEGAL;
    }
    row = find(literal ? bits | 1 << 23 : bits, t32_rows, t32_nodes, t32_next, t32_leaves);
    if (!row || !take(ret_args, row, t32_fields))
        return A32_ILLEGAL;
    if (ret_args->S == S_OUTSIDE_IT)
        ret_args->S = itstate == 0;
    return (A32Insn)(row - t32_rows) + T32_FIRST;
}
