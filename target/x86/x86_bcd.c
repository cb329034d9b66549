/* Decimal arithmetic, which the host has no more in its own mode. What is undefined of the flags is Zen's.
 * Source: AMD64 APM volume 3, "AAA" to "AAS", "DAA", "DAS". */
#include "target/x86/x86_trans.h"

enum { DAA, DAS, AAA, AAS, AAM, AAD };

/* SF, ZF, PF of a byte; AF and CF as said. OF is cleared. */
static uint32_t flags_of(uint8_t v, bool half, bool carry)
{
    return IR_FL_BIT9 | (v & 0x80 ? IR_FL_N : 0) | (v ? 0 : IR_FL_Z) |
           (__builtin_parity(v) ? 0 : IR_FL_PARITY) | (half ? IR_FL_HALF : 0) | (carry ? IR_FL_C : 0);
}

static uint16_t decimal_adjust(bool subtract, uint8_t al, uint32_t fl, uint32_t *ret_fl)
{
    bool carry = fl & IR_FL_C || al > 0x99, half = fl & IR_FL_HALF || (al & 15) > 9;
    uint8_t by = (uint8_t)((half ? 6 : 0) + (carry ? 0x60 : 0));
    bool borrow = subtract && half && al < 6;
    al = (uint8_t)(subtract ? al - by : al + by);
    *ret_fl = flags_of(al, half, carry || borrow);
    return al;
}

static uint16_t ascii_adjust(bool subtract, uint16_t ax, uint32_t fl, uint32_t *ret_fl)
{
    bool out = fl & IR_FL_HALF || (ax & 15) > 9;
    if (out)
        ax = (uint16_t)(subtract ? ax - 0x106 : ax + 0x106);
    *ret_fl = flags_of((uint8_t)ax, out, out);
    return ax & 0xff0f;
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
        cpu->fl = flags_of((uint8_t)ax, false, false);
        break;
    case AAD:
        ax = (ax + (ax >> 8) * b) & 0xff;
        cpu->fl = flags_of((uint8_t)ax, false, false);
        break;
    }
    cpu->gpr[X86_RAX] = (cpu->gpr[X86_RAX] & ~0xffffull) | ax;
    return 0;
}
