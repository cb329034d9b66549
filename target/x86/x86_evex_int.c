/* AVX-512 by C: integers, element by element. Source: Intel SDM volume 2. */
#include "target/x86/x86_evex_priv.h"

static uint64_t low_bits(uint64_t v, unsigned bits)
{
    return bits == 64 ? v : v & (BIT(bits) - 1);
}

/* The upper part of high:low shifted left, n below the width. */
static uint64_t shift_pair_left(uint64_t high, uint64_t low, unsigned n, unsigned bits)
{
    return n ? low_bits(high << n, bits) | low_bits(low, bits) >> (bits - n) : high;
}

static uint64_t shift_pair_right(uint64_t high, uint64_t low, unsigned n, unsigned bits)
{
    return n ? low_bits(low, bits) >> n | low_bits(high << (bits - n), bits) : low;
}

static uint64_t conflicts(const X86Ev *e, unsigned i)
{
    uint64_t v = 0;
    for (unsigned j = 0; j < i; j++)
        if (ev_get(e->b, e->lane, j) == ev_get(e->b, e->lane, i))
            v |= BIT(j);
    return v;
}

static uint64_t madd52(const X86Ev *e, unsigned i)
{
    const uint64_t low52 = BIT(52) - 1;
    unsigned __int128 p = (unsigned __int128)(e->a[i] & low52) * (e->b[i] & low52);
    return e->d[i] + (e->row->opc & 1 ? (uint64_t)(p >> 52) : (uint64_t)p & low52);
}

/* Sum of products of bytes (unsigned by signed) or words; odd opcodes saturate. */
static uint64_t dot(const X86Ev *e, unsigned i, bool words)
{
    int64_t sum = ev_sget(e->d, 2, i);
    for (unsigned j = 0; j < (words ? 2 : 4); j++)
        sum += words ? ev_sget(e->a, 1, 2 * i + j) * ev_sget(e->b, 1, 2 * i + j)
                     : (int64_t)ev_get(e->a, 0, 4 * i + j) * ev_sget(e->b, 0, 4 * i + j);
    if (e->row->opc & 1)
        sum = MIN(MAX(sum, (int64_t)INT32_MIN), (int64_t)INT32_MAX);
    return (uint64_t)sum;
}

/* Eight bits of the quadword from each place. */
static uint64_t multishift(const X86Ev *e, unsigned i)
{
    unsigned n = ev_get(e->a, 0, i) & 63;
    uint64_t v = e->b[i / 8];
    return n ? v >> n | v << (64 - n) : v;
}

static uint64_t dbpsadbw(const X86Ev *e, unsigned i)
{
    unsigned half = i / 4 * 8, at = half + (i & 2) * 2, from = (i & 3) + half, sum = 0;
    for (unsigned j = 0; j < 4; j++) {
        unsigned k = (from & 15) + j, group = from & ~15u;
        unsigned place = group + (e->w.imm >> k / 4 * 2 & 3) * 4 + k % 4;
        int x = (int)ev_get(e->a, 0, at + j), y = (int)ev_get(e->b, 0, place);
        sum += (unsigned)(x < y ? y - x : x - y);
    }
    return sum;
}

static uint64_t leading_zeros(uint64_t v, unsigned bits)
{
    return v ? (unsigned)__builtin_clzll(v) - (64 - bits) : bits;
}

static uint64_t element(const X86Ev *e, unsigned i)
{
    unsigned lane = e->lane, bits = 8u << lane;
    uint64_t a = ev_get(e->a, lane, i), b = ev_get(e->b, lane, i), d = ev_get(e->d, lane, i);
    unsigned n = b & (bits - 1), imm = e->w.imm & (bits - 1);
    switch ((X86EvOp)e->w.op) {
    case EV_ROL: return shift_pair_left(a, a, n, bits);
    case EV_ROR: return shift_pair_right(a, a, n, bits);
    case EV_LZCNT: return leading_zeros(b, bits);
    case EV_POPCNT: return (uint64_t)__builtin_popcountll(b);
    case EV_CONFLICT: return conflicts(e, i);
    case EV_MADD52: return madd52(e, i);
    case EV_DPBUSD: return dot(e, i, false);
    case EV_DPWSSD: return dot(e, i, true);
    case EV_SHLD: return shift_pair_left(a, b, imm, bits);
    case EV_SHRD: return shift_pair_right(b, a, imm, bits);
    case EV_SHLDV: return shift_pair_left(d, a, n, bits);
    case EV_SHRDV: return shift_pair_right(a, d, n, bits);
    case EV_MULTISHIFT: return multishift(e, i);
    case EV_DBPSADBW: return dbpsadbw(e, i);
    default: return 0;
    }
}

void x86_ev_int(X86Ev *e)
{
    if (e->w.op == EV_SHUFBIT) {
        for (unsigned i = 0; i < e->n; i++)
            e->bits |= (e->a[i / 8] >> (ev_get(e->b, 0, i) & 63) & 1) << i;
        return;
    }
    for (unsigned i = 0; i < e->n; i++)
        if (ev_on(e, i))
            ev_set(e->r, e->lane, i, element(e, i));
}
