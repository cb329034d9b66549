/* Random values of the programs that compare rows with the processor, and which rows are whose. */
#ifndef TESTS_INSN_X86_X86_RANDOM_H
#define TESTS_INSN_X86_X86_RANDOM_H

#include <string.h>

#include "target/x86/x86_decode.h"

/* Rows of x86_evex.def and x86_mask.def: evex_rows.c. */
static inline bool x86_avx512(unsigned map, unsigned handler)
{
    return map >= X86_MAP_E0F || (handler >= X86_H_kbin && handler <= X86_H_kshift);
}

static uint64_t seed;
static uint64_t rnd(void)
{
    uint64_t z = seed += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static uint64_t value(void)
{
    static const uint64_t corners[] = {0,
                                       1,
                                       0x7f,
                                       0x80,
                                       0xff,
                                       0x7fff,
                                       0x8000,
                                       0xffff,
                                       0x7fffffff,
                                       0x80000000,
                                       0xffffffff,
                                       0x7fffffffffffffff,
                                       0x8000000000000000,
                                       ~0ull};
    switch (rnd() % 4) {
    case 0: return corners[rnd() % ARRAY_SIZE(corners)];
    case 1: return rnd() >> rnd() % 64;
    default: return rnd();
    }
}

static uint32_t f32(void)
{
    static const uint32_t corners[] = {0,          0x80000000, 0x3f800000, 0xbf800000, 0x7f800000,
                                       0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 1,
                                       0x807fffff, 0x00800000, 0x7f7fffff, 0x4f000000, 0x5f000000};
    return rnd() % 3 ? (uint32_t)(0x30000000 + (rnd() & 0x9fffffff)) : corners[rnd() % ARRAY_SIZE(corners)];
}

static uint64_t f64(void)
{
    static const uint64_t corners[] = {0,
                                       1ull << 63,
                                       0x3ff0000000000000,
                                       0xbff8000000000000,
                                       0x7ff0000000000000,
                                       0xfff0000000000000,
                                       0x7ff8000000000000,
                                       0xfff8000000000001,
                                       0x7ff0000000000001,
                                       1,
                                       0x800fffffffffffff,
                                       0x0010000000000000,
                                       0x7fefffffffffffff,
                                       0x41dfffffffc00000};
    return rnd() % 3 ? 0x3f00000000000000 + (rnd() & 0x81ffffffffffffff)
                     : corners[rnd() % ARRAY_SIZE(corners)];
}

static void fill16(uint8_t *p)
{
    uint64_t v[2];
    unsigned how = rnd() % 4;
    for (unsigned k = 0; k < 2; k++)
        v[k] = how == 0 ? (f32() | (uint64_t)f32() << 32) : how == 1 ? f64() : how == 2 ? value() : rnd();
    memcpy(p, v, 16);
}

#endif
