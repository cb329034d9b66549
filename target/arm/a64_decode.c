/* Formats: the encoding diagrams of the Arm ARM, "A64 Base Instruction Descriptions". */
#include "target/arm/a64_decode_priv.h"

#include "target/arm/arm_cpu.h"

typedef struct A64Row {
    uint32_t mask, match;
    uint8_t format, feat;
} A64Row;

/* Inner node of the tree: the field of `width` bits at `shift` selects an entry of a64_next from `first`
 * on. */
typedef struct A64Node {
    uint8_t shift, width;
    uint16_t first;
} A64Node;
enum { A64_LEAF = 0x8000, A64_END = 0xffff };

#include "a64_decode_tables.h"

unsigned a64_row_feat(A64Insn insn) { return a64_rows[insn].feat; }

bool a64_logic_imm(unsigned n, unsigned immr, unsigned imms, bool sf, uint64_t *ret_mask)
{
    unsigned levels = n << 6 | (~imms & 63);
    unsigned len = levels ? 31 - (unsigned)__builtin_clz(levels) : 0;
    unsigned esize = 1u << len, s = imms & (esize - 1), r = immr & (esize - 1);
    uint64_t ones = (2ull << s) - 1;

    if (len < 1 || s == esize - 1 || (n && !sf))
        return false;
    if (r)
        ones = ones >> r | ones << (esize - r);
    if (esize < 64)
        ones &= (1ull << esize) - 1;
    for (unsigned w = esize; w < 64; w *= 2)
        ones |= ones << w;
    *ret_mask = sf ? ones : ones & 0xffffffff;
    return true;
}

static int64_t field_s(uint32_t b, unsigned lsb, unsigned width)
{
    return bits_sext(b >> lsb & ((1u << width) - 1), width);
}

/* Formats of "Data Processing"; false: unallocated. */
static bool extract_data(uint32_t b, A64Format format, A64Args *a)
{
    uint64_t mask;
    unsigned imms = b >> 10 & 63, immr = b >> 16 & 63;

    switch (format) {
    case A64_FMT_ADDSUB_IMM:
        a->amount = b >> 22 & 1 ? 12 : 0;
        a->imm = (int64_t)(b >> 10 & 4095) << a->amount;
        return true;
    case A64_FMT_LOGIC_IMM:
        if (!a64_logic_imm(b >> 22 & 1, immr, imms, a->sf, &mask))
            return false;
        a->imm = (int64_t)mask;
        return true;
    case A64_FMT_MOVW:
        a->imm = b >> 5 & 0xffff;
        a->amount = (b >> 21 & 3) * 16;
        return a->sf || a->amount < 32;
    case A64_FMT_ADR: a->imm = field_s(b, 5, 19) * 4 | (b >> 29 & 3); return true;
    case A64_FMT_ADRP: a->imm = (field_s(b, 5, 19) * 4 | (b >> 29 & 3)) * 4096; return true;
    case A64_FMT_BITFIELD:
        a->kind = (uint8_t)immr;
        a->amount = (uint8_t)imms;
        return (b >> 22 & 1) == a->sf && (a->sf || (immr < 32 && imms < 32));
    case A64_FMT_EXTR: a->amount = (uint8_t)imms; return (b >> 22 & 1) == a->sf && (a->sf || imms < 32);
    case A64_FMT_SHIFT:
    case A64_FMT_SHIFT_AS:
        a->kind = b >> 22 & 3;
        a->amount = (uint8_t)imms;
        return (a->sf || imms < 32) && !(format == A64_FMT_SHIFT_AS && a->kind == 3);
    case A64_FMT_EXT:
        a->kind = b >> 13 & 7;
        a->amount = b >> 10 & 7;
        return a->amount <= 4;
    case A64_FMT_COND:
        a->kind = b >> 12 & 15;
        a->amount = b & 15;
        a->imm = a->rm;
        return true;
    case A64_FMT_RMIF:
        a->amount = b >> 15 & 63;
        a->imm = b & 15;
        return true;
    case A64_FMT_ADDG:
        a->imm = immr << 4;
        a->amount = b >> 10 & 15;
        return true;
    case A64_FMT_IMM8: a->imm = b >> 10 & 255; return true;
    default: return true;
    }
}

/* Formats of "Branches, Exception Generating and System" and of "Loads and Stores"; false: unallocated. */
static bool extract_other(uint32_t b, A64Format format, A64Args *a)
{
    bool simd = b >> 26 & 1;

    switch (format) {
    case A64_FMT_B26: a->imm = field_s(b, 0, 26) * 4; return true;
    case A64_FMT_B19:
        a->imm = field_s(b, 5, 19) * 4;
        a->kind = b & 15;
        return true;
    case A64_FMT_TB:
        a->imm = field_s(b, 5, 14) * 4;
        a->amount = (uint8_t)((b >> 31) << 5 | (b >> 19 & 31));
        return true;
    case A64_FMT_IMM16:
    case A64_FMT_SYS: a->imm = b >> 5 & 0xffff; return true;
    case A64_FMT_MSR_IMM: a->imm = b >> 8 & 15; return true;
    case A64_FMT_LDST_U12:
        if (simd && (b >> 23 & 1))
            a->size = 4;
        a->imm = (int64_t)(b >> 10 & 4095) << a->size;
        return true;
    case A64_FMT_LDST_S9:
    case A64_FMT_LDST_S9_SX:
        if (simd && (b >> 23 & 1))
            a->size = 4;
        a->imm = field_s(b, 12, 9);
        return !(format == A64_FMT_LDST_S9_SX && a->size == 3);
    case A64_FMT_LDST_REG:
        if (simd && (b >> 23 & 1))
            a->size = 4;
        a->kind = b >> 13 & 7;
        a->amount = b >> 12 & 1 ? a->size : 0;
        return a->kind & 2;
    case A64_FMT_PAIR:
        a->size = (uint8_t)(simd ? 2 + (b >> 30) : b >> 31 ? 3 : 2);
        a->imm = field_s(b, 15, 7) * (1 << a->size);
        return true;
    case A64_FMT_LDRA: a->imm = (field_s(b, 22, 1) * 512 + (b >> 12 & 511)) * 8; return true;
    case A64_FMT_TAG_S9: a->imm = field_s(b, 12, 9) * 16; return true;
    case A64_FMT_CASP:
        a->size = (uint8_t)(2 + (b >> 30 & 1));
        return !(a->rm & 1) && !(a->rd & 1);
    case A64_FMT_HINT: a->imm = b >> 5 & 127; return true;
    case A64_FMT_UDF: a->imm = b & 0xffff; return true;
    case A64_FMT_MOPS:
    case A64_FMT_MOPS_SET:
        a->kind = b >> 12 & (format == A64_FMT_MOPS ? 15 : 3);
        return a->rd != a->rn && a->rd != a->rm && a->rn != a->rm && a->rd != 31 && a->rn != 31 &&
               (a->rm != 31 || format == A64_FMT_MOPS_SET);
    case A64_FMT_LSE128: return a->rd != 31 && a->rm != 31;
    case A64_FMT_STGP: a->imm = field_s(b, 15, 7) * 16; return true;
    default: return extract_data(b, format, a);
    }
}

A64Insn a64_decode(uint32_t bits, A64Args *ret_args)
{
    unsigned at = 0;

    do {
        const A64Node *n = &a64_nodes[at];
        at = a64_next[n->first + (bits >> n->shift & ((1u << n->width) - 1))];
    } while (!(at & A64_LEAF));
    for (const uint16_t *leaf = &a64_leaves[at & ~A64_LEAF]; *leaf != A64_END; leaf++) {
        const A64Row *row = &a64_rows[*leaf];
        if ((bits & row->mask) != row->match)
            continue;
        *ret_args = (A64Args){.bits = bits,
                              .rd = bits & 31,
                              .rn = bits >> 5 & 31,
                              .rm = bits >> 16 & 31,
                              .ra = bits >> 10 & 31,
                              .sf = (uint8_t)(bits >> 31),
                              .size = (uint8_t)(bits >> 30)};
        bool ok = row->format >= A64_FMT_V_B ? a64_extract_simd(bits, row->format, ret_args)
                                             : extract_other(bits, row->format, ret_args);
        return ok ? *leaf : A64_ILLEGAL;
    }
    return A64_ILLEGAL;
}
