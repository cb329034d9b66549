/* Formats of the FP and SIMD rows (a64_simd_formats.def): the encoding diagrams of the Arm ARM, "Advanced
 * SIMD and floating-point", and the shared pseudocode AdvSIMDExpandImm and VFPExpandImm. */
#include "target/arm/a64_decode_priv.h"

typedef enum LaneFrom { FROM_SIZE, FROM_SZ, FROM_FTYPE, FROM_IMMH, FROM_IMM5, FROM_LDST, FROM_H22, FROM_B,
                        FROM_H, FROM_S, FROM_D } LaneFrom;
enum { B = 1, H = 2, S = 4, D = 8, NO_LANE = 4 };

typedef enum SimdRule {
    RULE_NONE,
    RULE_NO_1D,
    RULE_NO_2S,
    RULE_SHLL,
    RULE_FCMLA,
    RULE_FCADD,
    RULE_EXT,
    RULE_TBL,
    RULE_COPY_V,
    RULE_COPY,
    RULE_SMOV,
    RULE_UMOV,
    RULE_MODIFIED,
    RULE_SHR,
    RULE_SHL,
    RULE_ELEM,
    RULE_ELEM_FCMLA,
    RULE_FIX,
    RULE_FIMM,
    RULE_CCMP,
    RULE_LDM,
    RULE_LDR,
    RULE_LDS,
    RULE_LIT,
    RULE_PAIR,
    RULE_SM3TT,
    RULE_XAR,
} SimdRule;

static const struct {
    uint8_t from, lanes, rule;
} formats[] = {
#define SIMD_FORMAT(id, from, lanes, rule) {FROM_##from, lanes, RULE_##rule},
#include "target/arm/a64_simd_formats.def"
#undef SIMD_FORMAT
};

/* log2 of the bytes; NO_LANE: none. */
static unsigned lane_size(uint32_t b, LaneFrom from)
{
    static const uint8_t ftype[4] = {2, 3, NO_LANE, 1};

    switch (from) {
    case FROM_SIZE: return b >> 22 & 3;
    case FROM_SZ: return 2 + (b >> 22 & 1);
    case FROM_FTYPE: return ftype[b >> 22 & 3];
    case FROM_IMMH: return b >> 19 & 15 ? 31 - (unsigned)__builtin_clz(b >> 19 & 15) : NO_LANE;
    case FROM_IMM5: return (unsigned)__builtin_ctz((b >> 16 & 31) | 16);
    case FROM_LDST: return b >> 10 & 3;
    case FROM_H22: return 1 + (b >> 22 & 1);
    default: return from - FROM_B;
    }
}

static uint64_t fp_imm(unsigned imm8, unsigned size)
{
    unsigned bits = 8u << size,
             exp_bits = size == 1   ? 5
                        : size == 2 ? 8
                                    : 11,
             frac_bits = bits - 1 - exp_bits;
    uint64_t sign = imm8 >> 7, b6 = imm8 >> 6 & 1;
    uint64_t exp =
        (b6 ^ 1) << (exp_bits - 1) | (b6 ? ((1ull << (exp_bits - 3)) - 1) << 2 : 0) | (imm8 >> 4 & 3);

    return sign << (bits - 1) | exp << frac_bits | (uint64_t)(imm8 & 15) << (frac_bits - 4);
}

/* "Modified immediate": the value of a lane; of MVNI and BIC before it is inverted. */
static uint64_t modified_imm(uint32_t b, unsigned size)
{
    unsigned cmode = b >> 12 & 15, imm8 = (b >> 16 & 7) << 5 | (b >> 5 & 31);
    uint64_t v = 0;

    if (cmode == 15)
        return fp_imm(imm8, size);
    if (size == 0)
        return imm8;
    if (size == 3) {
        for (unsigned i = 0; i < 8; i++)
            v |= imm8 >> i & 1 ? 0xffull << i * 8 : 0;
        return v;
    }
    if (cmode >= 12)
        return cmode == 12 ? imm8 << 8 | 0xff : imm8 << 16 | 0xffffu;
    return (uint64_t)imm8 << (cmode >> 1 & (size == 1 ? 1 : 3)) * 8;
}

/* "Vector x indexed element": index from H, L, M, the narrower the lane the more. */
static bool element(uint32_t b, A64Args *a)
{
    unsigned h = b >> 11 & 1, l = b >> 21 & 1, m = b >> 20 & 1;

    switch (a->size) {
    case 1:
        a->kind = (uint8_t)(h << 2 | l << 1 | m);
        a->rm &= 15;
        return true;
    case 2: a->kind = (uint8_t)(h << 1 | l); return true;
    default: a->kind = (uint8_t)h; return !l && (a->sf || b >> 28 & 1);
    }
}

static bool extract_data(uint32_t b, SimdRule rule, A64Args *a)
{
    bool no_1d = a->size == 3 && !a->sf, h = b >> 11 & 1, l = b >> 21 & 1;
    unsigned imm5 = b >> 16 & 31, width = 8u << a->size;

    switch (rule) {
    case RULE_NONE: return true;
    case RULE_NO_1D: return !no_1d;
    case RULE_NO_2S: return a->size < 2 || a->sf;
    case RULE_SHLL: a->amount = (uint8_t)width; return true;
    case RULE_FCMLA: a->amount = b >> 11 & 3; return !no_1d;
    case RULE_FCADD: a->amount = b >> 12 & 1 ? 3 : 1; return !no_1d;
    case RULE_EXT: a->amount = b >> 11 & 15; return a->sf || a->amount < 8;
    case RULE_TBL: a->amount = (uint8_t)(1 + (b >> 13 & 3)); return true;
    case RULE_COPY_V:
    case RULE_COPY:
        a->kind = (uint8_t)(imm5 >> (a->size + 1));
        a->amount = (uint8_t)((b >> 11 & 15) >> a->size);
        return rule == RULE_COPY || !no_1d;
    case RULE_SMOV:
    case RULE_UMOV:
        a->kind = (uint8_t)(imm5 >> (a->size + 1));
        a->sf = b >> 30 & 1;
        return rule == RULE_SMOV ? a->sf || a->size < 2 : a->sf == (a->size == 3);
    case RULE_MODIFIED: a->imm = (int64_t)modified_imm(b, a->size); return true;
    case RULE_SHR: a->amount = (uint8_t)(2 * width - (b >> 16 & 127)); return b >> 28 & 1 ||
                               a->size < 3 || a->sf;
    case RULE_SHL: a->amount = (uint8_t)((b >> 16 & 127) - width); return b >> 28 & 1 || a->size < 3 || a->sf;
    case RULE_ELEM: return element(b, a);
    case RULE_ELEM_FCMLA:
        a->amount = b >> 13 & 3;
        a->kind = (uint8_t)(a->size == 1 ? h << 1 | l : h);
        return a->size == 1 ? a->sf || !h : a->sf && !l;
    case RULE_FIX: a->amount = (uint8_t)(64 - (b >> 10 & 63)); return a->sf || a->amount <= 32;
    case RULE_FIMM: a->imm = (int64_t)fp_imm(b >> 13 & 255, a->size); return true;
    case RULE_CCMP:
        a->kind = b >> 12 & 15;
        a->amount = b & 15;
        return true;
    case RULE_SM3TT: a->kind = b >> 12 & 3; return true;
    case RULE_XAR: a->amount = b >> 10 & 63; return true;
    default: return false;
    }
}

/* "Load/store single structure" to one lane: size and index share bits. */
static bool single_structure(uint32_t b, A64Args *a)
{
    unsigned scale = b >> 14 & 3, s = b >> 12 & 1, size = a->size, q = b >> 30 & 1;

    a->amount = (uint8_t)(1 + ((b >> 13 & 1) << 1 | (b >> 21 & 1)));
    a->sf = (uint8_t)q;
    a->size = (uint8_t)(scale == 2 && size == 1 ? 3 : scale);
    a->kind = (uint8_t)((q << 3 | s << 2 | size) >> a->size);
    a->imm = a->amount << a->size;
    switch (scale) {
    case 0: return true;
    case 1: return !(size & 1);
    case 2: return size == 0 || (size == 1 && !s);
    default: return false;
    }
}

static bool extract_mem(uint32_t b, SimdRule rule, A64Args *a)
{
    /* by opcode, bits 15..12: registers of the list, registers of a structure */
    static const uint8_t multi[16][2] = {{4, 4}, {0, 0}, {4, 1}, {0, 0}, {3, 3}, {0, 0}, {3, 1}, {1, 1},
                                         {2, 2}, {0, 0}, {2, 1}};

    switch (rule) {
    case RULE_LDM:
        a->amount = multi[b >> 12 & 15][0];
        a->kind = multi[b >> 12 & 15][1];
        a->imm = a->amount * (a->sf ? 16 : 8);
        return a->kind == 1 || a->size < 3 || a->sf;
    case RULE_LDR:
        a->amount = (uint8_t)(1 + ((b >> 13 & 1) << 1 | (b >> 21 & 1)));
        a->imm = a->amount << a->size;
        return true;
    case RULE_LDS: return single_structure(b, a);
    case RULE_LIT:
        a->size = (uint8_t)(2 + (b >> 30));
        a->imm = bits_sext(b >> 5 & 0x7ffff, 19) * 4;
        return a->size < 5;
    case RULE_PAIR:
        a->size = (uint8_t)(2 + (b >> 30));
        a->imm = bits_sext(b >> 15 & 127, 7) * (1 << a->size);
        return a->size < 5;
    default: return extract_data(b, rule, a);
    }
}

bool a64_extract_simd(uint32_t b, A64Format format, A64Args *a)
{
    unsigned k = format - A64_FMT_V_B;
    bool memory = !(b >> 25 & 1), scalar = b >> 28 & 1;
    unsigned size = lane_size(b, (LaneFrom)formats[k].from);

    if (size >= NO_LANE || !(formats[k].lanes >> size & 1))
        return false;
    a->size = (uint8_t)size;
    if (memory)
        a->sf = b >> 30 & 1;
    else if (format < A64_FMT_F_TYPE || format > A64_FMT_F_CCMP)
        a->sf = (b >> 30 & 1) && !scalar;
    return extract_mem(b, (SimdRule)formats[k].rule, a);
}
