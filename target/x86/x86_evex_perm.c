/* AVX-512 by C: permutations, compression. Source: Intel SDM volume 2. */
#include "target/x86/x86_evex_priv.h"

/* r[i] = table[index[i] & wrap]; the lane is a constant in each loop. */
#define PERMUTE(lane)                                                                                        \
    for (unsigned i = 0; i < e->n; i++)                                                                      \
    ev_set(e->r, lane, i, ev_get(table, lane, (unsigned)ev_get(index, lane, i) & wrap))

static void permute(X86Ev *e, const uint64_t *index, const uint64_t *low, const uint64_t *high)
{
    uint64_t table[16];
    unsigned wrap = (high ? 2 : 1) * e->n - 1;
    memcpy(table, low, 64);
    if (high)
        memcpy((char *)table + e->bytes, high, 64);
    switch (e->lane) {
    case 0: PERMUTE(0); break;
    case 1: PERMUTE(1); break;
    case 2: PERMUTE(2); break;
    default: PERMUTE(3); break;
    }
}

/* b and above it a, moved down by elements. */
static void align(X86Ev *e)
{
    unsigned by = e->w.imm & (e->n - 1);
    for (unsigned i = 0; i < e->n; i++)
        ev_set(e->r, e->lane, i,
               i + by < e->n ? ev_get(e->b, e->lane, i + by) : ev_get(e->a, e->lane, i + by - e->n));
}

static void compress(X86Ev *e)
{
    unsigned at = 0;
    for (unsigned i = 0; i < e->n; i++)
        if (ev_on(e, i))
            ev_set(e->r, e->lane, at++, ev_get(e->d, e->lane, i));
}

static void expand(X86Ev *e)
{
    unsigned at = 0;
    for (unsigned i = 0; i < e->n; i++)
        if (ev_on(e, i))
            ev_set(e->r, e->lane, i, ev_get(e->b, e->lane, at++));
}

void x86_ev_perm(X86Ev *e)
{
    switch ((X86EvOp)e->w.op) {
    case EV_PERM: permute(e, e->a, e->b, NULL); break;
    case EV_PERMI2: permute(e, e->d, e->a, e->b); break;
    case EV_PERMT2: permute(e, e->a, e->d, e->b); break;
    case EV_ALIGN: align(e); break;
    case EV_COMPRESS: compress(e); break;
    case EV_EXPAND: expand(e); break;
    default: break;
    }
}
