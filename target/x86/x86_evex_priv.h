/* What the C functions of AVX-512 share: one instruction's operands in memory. See x86_evex_run.c. Private to
 * target/x86. */
#ifndef TARGET_X86_X86_EVEX_PRIV_H
#define TARGET_X86_X86_EVEX_PRIV_H

#include <softfp/softfp.h>

#include "target/x86/x86_cpu.h"
#include "target/x86/x86_decode.h"
#include "target/x86/x86_evex.h"

typedef struct X86Ev {
    X86Cpu *cpu;
    const X86Row *row;
    X86EvWhat w;
    uint64_t addr;
    unsigned bytes;            /* of a vector */
    unsigned lane, n;          /* log2 of the bytes of an element of the result; how many */
    uint64_t mask;             /* which are computed */
    uint64_t a[8], b[8], d[8]; /* vvvv; rm or memory; what the destination was */
    uint64_t r[8];             /* result */
    uint64_t bits;             /* result: mask register, general register */
    SoftfpMode mode;
    uint32_t flags; /* IEEE flags that are raised */
} X86Ev;

static inline uint64_t ev_get(const uint64_t *v, unsigned lane, unsigned i)
{
    uint8_t b;
    uint16_t w;
    uint32_t l;
    switch (lane) {
    case 0: memcpy(&b, (const char *)v + i, 1); return b;
    case 1: memcpy(&w, (const char *)v + 2 * i, 2); return w;
    case 2: memcpy(&l, (const char *)v + 4 * i, 4); return l;
    default: return v[i];
    }
}
static inline void ev_set(uint64_t *v, unsigned lane, unsigned i, uint64_t x)
{
    switch (lane) {
    case 0: memcpy((char *)v + i, &x, 1); break;
    case 1: memcpy((char *)v + 2 * i, &x, 2); break;
    case 2: memcpy((char *)v + 4 * i, &x, 4); break;
    default: v[i] = x; break;
    }
}
static inline int64_t ev_sget(const uint64_t *v, unsigned lane, unsigned i)
{
    return bits_sext(ev_get(v, lane, i), 8u << lane);
}
static inline bool ev_on(const X86Ev *e, unsigned i)
{
    return e->mask >> i & 1;
}

void x86_ev_int(X86Ev *e);  /* element by element, integers */
void x86_ev_perm(X86Ev *e); /* elements move */
void x86_ev_fp(X86Ev *e);   /* floating point */

#endif
