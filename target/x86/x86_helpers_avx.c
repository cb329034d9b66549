/* Helpers of AVX2 and BMI2: masked moves and gathers, element by element, bits spread and gathered. Sources:
 * AMD64 APM volumes 3 and 4. */
#include "base/sys.h"
#include "target/x86/x86_mem.h"
#include "target/x86/x86_trans.h"

#include <errno.h>

#define ARGS void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d

static uint64_t element(const uint64_t *reg, unsigned k, unsigned bytes)
{
    uint64_t v = 0;
    memcpy(&v, (const char *)reg + k * bytes, bytes);
    return v;
}

static bool sign(const uint64_t *reg, unsigned k, unsigned bytes)
{
    return element(reg, k, bytes) >> (8 * bytes - 1) & 1;
}

/* Stores the elements whose mask says so; all or, with a fault, none. */
static uint64_t store_masked(X86Cpu *cpu, uint64_t a, const uint64_t *reg, const uint64_t *mask,
                             unsigned bytes, unsigned n)
{
    uint64_t old[8];
    for (unsigned k = 0; k < n; k++) {
        uint64_t at = a + k * bytes;
        if (!sign(mask, k, bytes))
            continue;
        FaultVal v = x86_mem_ld(cpu, at, bytes);
        old[k] = v.val;
        if (!x86_mem_st(cpu, at, element(reg, k, bytes), bytes))
            continue;
        while (k-- > 0)
            if (sign(mask, k, bytes))
                x86_mem_st(cpu, a + k * bytes, old[k], bytes);
        return x86_raise_fault(cpu, at, true);
    }
    return 0;
}

/* b: register | mask << 4 | log2 bytes << 8 | store << 10 | 256 bits << 11. A load changes nothing before its
 * last access. */
uint64_t x86_helper_vmaskmov(ARGS)
{
    X86Cpu *cpu = opaque;
    uint64_t *reg = cpu->zmm[b & 15], *mask = cpu->zmm[b >> 4 & 15], out[4] = {0};
    unsigned bytes = 1u << (b >> 8 & 3), n = (b >> 11 & 1 ? 32 : 16) / bytes;
    cpu->store_in_c = 0;
    if (b >> 10 & 1)
        return store_masked(cpu, a, reg, mask, bytes, n);
    for (unsigned k = 0; k < n; k++) {
        uint64_t at = a + k * bytes;
        if (!sign(mask, k, bytes))
            continue;
        FaultVal v = x86_mem_ld(cpu, at, bytes);
        if (v.fault)
            return x86_raise_fault(cpu, at, false);
        memcpy((char *)out + k * bytes, &v.val, bytes);
    }
    memcpy(reg, out, sizeof out);
    memset(reg + 4, 0, 32);
    return 0;
}

/* b: register | mask << 4 | index << 8 | scale << 12 | log2 bytes of an element << 14, of an index << 16 |
 * 256 bits << 18 | 32-bit addresses << 19. Elements that have come, and their masks, stay so when a later one
 * faults. */
uint64_t x86_helper_vgather(ARGS)
{
    X86Cpu *cpu = opaque;
    uint64_t *reg = cpu->zmm[b & 15], *mask = cpu->zmm[b >> 4 & 15];
    const uint64_t *index = cpu->zmm[b >> 8 & 15];
    unsigned bytes = 1u << (b >> 14 & 3), index_bytes = 1u << (b >> 16 & 3);
    unsigned n = (b >> 18 & 1 ? 32 : 16) / MAX(bytes, index_bytes);
    for (unsigned k = 0; k < n; k++) {
        uint64_t i = (uint64_t)bits_sext(element(index, k, index_bytes), 8 * index_bytes);
        uint64_t at = a + (i << (b >> 12 & 3));
        if (!sign(mask, k, bytes)) {
            memset((char *)mask + k * bytes, 0, bytes);
            continue;
        }
        if (b >> 19 & 1)
            at &= 0xffffffff;
        FaultVal v = x86_mem_ld(cpu, at, bytes);
        if (v.fault)
            return x86_raise_fault(cpu, at, false);
        memcpy((char *)reg + k * bytes, &v.val, bytes);
        memset((char *)mask + k * bytes, 0, bytes);
    }
    memset(mask, 0, 64);
    memset((char *)reg + n * bytes, 0, 64 - n * bytes);
    return 0;
}

/* a: 0: the upper halves of the first sixteen registers become zero; else one may be written to. */
uint64_t x86_helper_zmm_used(ARGS)
{
    X86Cpu *cpu = opaque;
    for (unsigned r = 0; !a && r < 16; r++)
        memset(cpu->zmm[r] + 4, 0, 32);
    cpu->zmm_used = a != 0;
    return 0;
}

uint64_t x86_helper_pdep(ARGS)
{
    uint64_t v = 0;
    for (; b; b &= b - 1, a >>= 1)
        if (a & 1)
            v |= b & (0 - b);
    return v;
}

uint64_t x86_helper_pext(ARGS)
{
    uint64_t v = 0;
    for (unsigned k = 0; b; b &= b - 1, k++)
        if (a & b & (0 - b))
            v |= 1ull << k;
    return v;
}

uint64_t x86_helper_random(ARGS)
{
    uint64_t v = 0;
    while (sys_call3(SYS_getrandom, &v, sizeof v, 0) == -EINTR)
        continue;
    return v;
}
