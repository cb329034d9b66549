/* pcmpestri, pcmpestrm, pcmpistri, pcmpistrm. Source: AMD64 APM volume 4, "PCMPESTRI" and those after it. */
#include "tcg/interp/eval_xv.h"

unsigned ir_xv_text_most(unsigned imm)
{
    return imm & 1 ? 8 : 16;
}

static int element(const IrXvText *s, unsigned k, unsigned imm)
{
    if (imm & 1) {
        uint16_t v;
        memcpy(&v, s->bytes + 2 * k, 2);
        return imm & 2 ? (int16_t)v : v;
    }
    return imm & 2 ? (int8_t)s->bytes[k] : s->bytes[k];
}

unsigned ir_xv_text_length(const uint8_t *p, unsigned imm)
{
    unsigned most = ir_xv_text_most(imm);
    IrXvText s = {p, most};
    for (unsigned k = 0; k < most; k++)
        if (!element(&s, k, imm & 1))
            return k;
    return most;
}

static bool equal_any(const IrXvText *x, int v, unsigned imm)
{
    for (unsigned k = 0; k < x->n; k++)
        if (element(x, k, imm) == v)
            return true;
    return false;
}

static bool in_ranges(const IrXvText *x, int v, unsigned imm)
{
    for (unsigned k = 0; k + 1 < x->n; k += 2)
        if (v >= element(x, k, imm) && v <= element(x, k + 1, imm))
            return true;
    return false;
}

static bool starts_at(const IrXvText *x, const IrXvText *y, unsigned at, unsigned most, unsigned imm)
{
    for (unsigned k = 0; k < x->n && at + k < most; k++)
        if (at + k >= y->n || element(x, k, imm) != element(y, at + k, imm))
            return false;
    return true;
}

uint32_t ir_xv_text_bits(const IrXvText *x, const IrXvText *y, unsigned imm)
{
    unsigned most = ir_xv_text_most(imm);
    uint32_t r = 0;
    for (unsigned k = 0; k < most; k++) {
        bool bit = false;
        switch (imm >> 2 & 3) {
        case 0: bit = k < y->n && equal_any(x, element(y, k, imm), imm); break;
        case 1: bit = k < y->n && in_ranges(x, element(y, k, imm), imm); break;
        case 2:
            bit = k < x->n && k < y->n ? element(x, k, imm) == element(y, k, imm) : k >= x->n && k >= y->n;
            break;
        case 3: bit = starts_at(x, y, k, most, imm); break;
        }
        r |= (uint32_t)bit << k;
    }
    if ((imm >> 4 & 3) == 1)
        r ^= (1u << most) - 1;
    else if ((imm >> 4 & 3) == 3)
        r ^= (1u << y->n) - 1;
    return r;
}

uint32_t ir_xv_text_index(uint32_t bits, unsigned imm)
{
    return !bits      ? ir_xv_text_most(imm)
           : imm & 64 ? 31u - (unsigned)__builtin_clz(bits)
                      : (unsigned)__builtin_ctz(bits);
}

uint32_t ir_xv_text_fl(uint32_t bits, const IrXvText *x, const IrXvText *y, unsigned imm)
{
    unsigned most = ir_xv_text_most(imm);
    return IR_FL_BIT9 | (bits ? IR_FL_C : 0) | (y->n < most ? IR_FL_Z : 0) | (x->n < most ? IR_FL_N : 0) |
           (bits & 1 ? IR_FL_V : 0);
}
