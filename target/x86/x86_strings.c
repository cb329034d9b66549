/* pcmpestri, pcmpestrm, pcmpistri, pcmpistrm. Source: AMD64 APM volume 4, "PCMPESTRI" and those after it. */
#include "target/x86/x86_trans.h"

typedef struct Text {
    const uint8_t *bytes;
    unsigned n; /* elements that are valid */
} Text;

static int element(const Text *s, unsigned k, unsigned imm)
{
    if (imm & 1) {
        uint16_t v;
        memcpy(&v, s->bytes + 2 * k, 2);
        return imm & 2 ? (int16_t)v : v;
    }
    return imm & 2 ? (int8_t)s->bytes[k] : s->bytes[k];
}

static unsigned implicit_length(const uint8_t *p, unsigned imm)
{
    unsigned most = imm & 1 ? 8 : 16;
    Text s = {p, most};
    for (unsigned k = 0; k < most; k++)
        if (!element(&s, k, imm & 1))
            return k;
    return most;
}

static unsigned explicit_length(uint64_t reg, bool wide, unsigned imm)
{
    int64_t n = wide ? (int64_t)reg : (int32_t)reg;
    uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    return (unsigned)MIN(size, imm & 1 ? 8u : 16u);
}

static bool equal_any(const Text *x, int v, unsigned imm)
{
    for (unsigned k = 0; k < x->n; k++)
        if (element(x, k, imm) == v)
            return true;
    return false;
}

static bool in_ranges(const Text *x, int v, unsigned imm)
{
    for (unsigned k = 0; k + 1 < x->n; k += 2)
        if (v >= element(x, k, imm) && v <= element(x, k + 1, imm))
            return true;
    return false;
}

static bool starts_at(const Text *x, const Text *y, unsigned at, unsigned most, unsigned imm)
{
    for (unsigned k = 0; k < x->n && at + k < most; k++)
        if (at + k >= y->n || element(x, k, imm) != element(y, at + k, imm))
            return false;
    return true;
}

/* The bits before and after the polarity of imm bits 5..4. x: first operand, y: second. */
static uint32_t aggregate(const Text *x, const Text *y, unsigned imm)
{
    unsigned most = imm & 1 ? 8 : 16;
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

static void put_mask(X86Cpu *cpu, uint32_t r, unsigned imm)
{
    uint8_t out[16] = {0};
    if (!(imm & 64)) {
        memcpy(out, &r, 4);
    } else {
        unsigned size = imm & 1 ? 2 : 1;
        for (unsigned k = 0; k < 16; k++)
            out[k] = r >> k / size & 1 ? 0xff : 0;
    }
    memcpy(cpu->zmm[0], out, 16);
}

/* a: xmm | imm << 8 | form << 16 | W << 24; b, c: second operand. Forms: estrm estri istrm istri. */
uint64_t x86_helper_pcmpstr(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    unsigned imm = a >> 8 & 0xff, form = a >> 16 & 3, most = imm & 1 ? 8 : 16;
    bool wide = a >> 24 & 1;
    uint64_t first[2] = {cpu->zmm[a & 15][0], cpu->zmm[a & 15][1]}, second[2] = {b, c};
    Text x = {.bytes = (const uint8_t *)first}, y = {.bytes = (const uint8_t *)second};
    x.n = form >= 2 ? implicit_length(x.bytes, imm) : explicit_length(cpu->gpr[X86_RAX], wide, imm);
    y.n = form >= 2 ? implicit_length(y.bytes, imm) : explicit_length(cpu->gpr[X86_RDX], wide, imm);
    uint32_t r = aggregate(&x, &y, imm);
    if (form & 1)
        cpu->gpr[X86_RCX] = !r         ? most
                            : imm & 64 ? 31u - (unsigned)__builtin_clz(r)
                                       : (unsigned)__builtin_ctz(r);
    else
        put_mask(cpu, r, imm);
    cpu->fl = IR_FL_BIT9 | (r ? IR_FL_C : 0) | (y.n < most ? IR_FL_Z : 0) | (x.n < most ? IR_FL_N : 0) |
              (r & 1 ? IR_FL_V : 0);
    return 0;
}
