/* Decimal arithmetic, which the host has no more in its own mode. What is undefined of the flags is Zen's.
 * Source: AMD64 APM volume 3, "AAA" to "AAS", "DAA", "DAS". */
#include "target/x86/x86_trans.h"

enum { DAA, DAS, AAA, AAS, AAM, AAD };

/* SF, ZF, PF of a result of so many bits; AF, CF and OF as said. */
static uint32_t flags_of(uint16_t v, unsigned bits, bool half, bool carry, bool overflow)
{
    uint16_t all = (uint16_t)((1u << bits) - 1);
    return IR_FL_BIT9 | (v >> (bits - 1) & 1 ? IR_FL_N : 0) | (v & all ? 0 : IR_FL_Z) |
           (__builtin_parity(v & 255) ? 0 : IR_FL_PARITY) | (half ? IR_FL_HALF : 0) | (carry ? IR_FL_C : 0) |
           (overflow ? IR_FL_V : 0);
}

/* Overflow of x + y = v, of x - y = v: two's complement of so many bits. */
static bool overflows(unsigned x, unsigned y, unsigned v, unsigned bits, bool subtract)
{
    return ((subtract ? x ^ y : ~(x ^ y)) & (x ^ v)) >> (bits - 1) & 1;
}

/* OF is undefined, and that of the byte's addition or subtraction. */
static uint16_t decimal_adjust(bool subtract, uint8_t al, uint32_t fl, uint32_t *ret_fl)
{
    bool carry = fl & IR_FL_C || al > 0x99, half = fl & IR_FL_HALF || (al & 15) > 9;
    uint8_t by = (uint8_t)((half ? 6 : 0) + (carry ? 0x60 : 0));
    uint8_t v = (uint8_t)(subtract ? al - by : al + by);
    bool borrow = subtract && half && al < 6;
    *ret_fl = flags_of(v, 8, half, carry || borrow, overflows(al, by, v, 8, subtract));
    return v;
}

/* SF, ZF, PF, OF are undefined, and those of the addition or subtraction of all of ax. */
static uint16_t ascii_adjust(bool subtract, uint16_t ax, uint32_t fl, uint32_t *ret_fl)
{
    bool out = fl & IR_FL_HALF || (ax & 15) > 9;
    uint16_t by = out ? 0x106 : 0, v = (uint16_t)(subtract ? ax - by : ax + by);
    *ret_fl = flags_of(v, 16, out, out, overflows(ax, by, v, 16, subtract));
    return v & 0xff0f;
}

/* The flags, undefined ones too, are those of the byte's addition. */
static uint16_t ascii_before_division(uint16_t ax, uint8_t base, uint32_t *ret_fl)
{
    uint8_t al = (uint8_t)ax, by = (uint8_t)((ax >> 8) * base), v = (uint8_t)(al + by);
    *ret_fl = flags_of(v, 8, (al & 15) + (by & 15) > 15, al + by > 255, overflows(al, by, v, 8, false));
    return v;
}

/* a: which; b: the base of aam and aad */
uint64_t x86_helper_bcd(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    uint16_t ax = (uint16_t)cpu->gpr[X86_RAX];
    switch (a) {
    case DAA:
    case DAS: ax = (ax & 0xff00) | decimal_adjust(a == DAS, (uint8_t)ax, cpu->fl, &cpu->fl); break;
    case AAA:
    case AAS: ax = ascii_adjust(a == AAS, ax, cpu->fl, &cpu->fl); break;
    case AAM:
        if (!b) {
            cpu->base.exit = (CpuExit){.kind = CPU_EXIT_DIVIDE};
            return 1;
        }
        ax = (uint16_t)((ax & 0xff) / b << 8 | (ax & 0xff) % b);
        cpu->fl = flags_of((uint8_t)ax, 8, false, false, false);
        break;
    case AAD: ax = ascii_before_division(ax, (uint8_t)b, &cpu->fl); break;
    }
    cpu->gpr[X86_RAX] = (cpu->gpr[X86_RAX] & ~0xffffull) | ax;
    return 0;
}
