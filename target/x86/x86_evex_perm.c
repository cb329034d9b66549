/* AVX-512 by C: permutations, compression, narrowing. Source: Intel SDM volume 2. */
#include "target/x86/x86_evex_priv.h"

static void permute(X86Ev *e, const uint64_t *index, const uint64_t *low, const uint64_t *high)
{
    for (unsigned i = 0; i < e->n; i++) {
        uint64_t at = ev_get(index, e->lane, i);
        ev_set(e->r, e->lane, i, ev_get(high && at & e->n ? high : low, e->lane, at & (e->n - 1)));
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

/* vpmovus, vpmovs, vpmov: opcodes 1x, 2x, 3x. */
static void narrow(X86Ev *e)
{
    unsigned source = e->row->source, bits = 8u << e->lane;
    int64_t most = (int64_t)(BIT(bits - 1) - 1);
    for (unsigned i = 0; i < e->n; i++) {
        uint64_t v = ev_get(e->d, source, i);
        int64_t s = ev_sget(e->d, source, i);
        if (e->row->opc >> 4 == 1)
            v = MIN(v, BIT(bits) - 1);
        else if (e->row->opc >> 4 == 2)
            v = (uint64_t)MIN(MAX(s, -most - 1), most);
        ev_set(e->r, e->lane, i, v);
    }
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
    default: narrow(e); break;
    }
}
