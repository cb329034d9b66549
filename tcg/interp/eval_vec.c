/* Semantics of the vector rows: lane by lane where a row is that, else by whole vectors. */
#include "tcg/interp/interp_vec.h"
#include "tcg/ir/eval.h"
#include "tcg/ir/vec.h"

typedef __int128 Wide;

typedef struct Row {
    unsigned op, flags, n, m;
    unsigned size, bits;  /* of a lane, in bytes and bits */
    unsigned bytes;       /* of the vector */
    unsigned present;     /* bit k: operand k is there */
} Row;

/* ---- lanes ---- */

static uint64_t lane_get(const IrVec *v, unsigned size, unsigned k)
{
    uint64_t x = 0;
    memcpy(&x, (const char *)v + size * k, size);
    return x;
}

static void lane_set(IrVec *v, unsigned size, unsigned k, uint64_t x)
{
    memcpy((char *)v + size * k, &x, size);
}

static Wide value(const Row *r, uint64_t x)
{
    return r->flags & IR_VA_S ? (Wide)bits_sext(x, r->bits) : (Wide)x;
}

static uint64_t clamp(Wide x, unsigned bits, bool is_signed)
{
    Wide max = ((Wide)1 << (bits - is_signed)) - 1, min = is_signed ? -max - 1 : 0;
    return (uint64_t)(x > max ? max : x < min ? min : x);
}

static Wide shift_right(Wide x, unsigned n, unsigned bits, bool round)
{
    if (n > bits)
        return round ? 0 : x < 0 ? -1 : 0;
    return n == 0 ? x : (x + (round ? (Wide)1 << (n - 1) : 0)) >> n;
}

static uint64_t lane_shift(const Row *r, uint64_t a, uint64_t b)
{
    int n = (int8_t)b;
    Wide x = value(r, a);
    bool is_signed = r->flags & IR_VA_S, sat = r->flags & IR_VA_SAT;
    if (n < 0)
        return (uint64_t)shift_right(x, (unsigned)-n, r->bits, r->flags & IR_VA_ROUND);
    if ((unsigned)n >= r->bits)
        return sat && x != 0 ? clamp(x < 0 ? -((Wide)1 << 100) : (Wide)1 << 100, r->bits, is_signed) : 0;
    x = (Wide)((unsigned __int128)x << n);
    return sat ? clamp(x, r->bits, is_signed) : (uint64_t)x;
}

static bool lane_cmp(const Row *r, uint64_t a, uint64_t b)
{
    int64_t x = bits_sext(a, r->bits), y = bits_sext(b, r->bits);
    switch (r->n) {
    case IR_EQ: return a == b;
    case IR_NE: return a != b;
    case IR_LTU: return a < b;
    case IR_GEU: return a >= b;
    case IR_LT: return x < y;
    case IR_GE: return x >= y;
    case IR_LEU: return a <= b;
    case IR_GTU: return a > b;
    case IR_LE: return x <= y;
    case IR_GT: return x > y;
    default: return (a & b) != 0;
    }
}

/* High half of 2ab, or of (c << bits) +- 2ab. */
static uint64_t lane_qdmulh(const Row *r, uint64_t a, uint64_t b, uint64_t acc, bool round)
{
    Wide p = 2 * ((Wide)bits_sext(a, r->bits) * bits_sext(b, r->bits));
    Wide c = (Wide)bits_sext(acc, r->bits) * ((Wide)1 << r->bits);
    p = r->flags & IR_VA_NEG ? c - p : c + p;
    return clamp((p + (round ? (Wide)1 << (r->bits - 1) : 0)) >> r->bits, r->bits, true);
}

static uint64_t clmul(uint64_t a, uint64_t b, unsigned bits, uint64_t *ret_high)
{
    unsigned __int128 p = 0;
    for (unsigned k = 0; k < bits; k++)
        if (b >> k & 1)
            p ^= (unsigned __int128)a << k;
    *ret_high = (uint64_t)(p >> 64);
    return (uint64_t)p;
}

static uint64_t reverse_bits(uint64_t byte)
{
    uint64_t v = 0;
    for (unsigned k = 0; k < 8; k++)
        v |= (byte >> k & 1) << (7 - k);
    return v;
}

static uint64_t lane_shift_imm(const Row *r, uint64_t a)
{
    if (r->op == IR_VSHL)
        return r->n < r->bits ? a << r->n : 0;
    return (uint64_t)shift_right(value(r, a), r->n, r->bits, r->flags & IR_VA_ROUND);
}

/* One lane of a row without relations between lanes. */
static uint64_t lane_op(const Row *r, uint64_t a, uint64_t b, uint64_t c)
{
    bool is_signed = r->flags & IR_VA_S;
    Wide x = value(r, a), y = value(r, b);
    uint64_t high;
    switch (r->op) {
    case IR_VAND: return a & b;
    case IR_VOR: return a | b;
    case IR_VXOR: return a ^ b;
    case IR_VANDN: return a & ~b;
    case IR_VNOT: return ~a;
    case IR_VBSL: return (a & b) | (~a & c);
    case IR_VADD: return a + b;
    case IR_VSUB: return a - b;
    case IR_VMUL: return a * b;
    case IR_VNEG: return 0 - a;
    case IR_VABS: return bits_sext(a, r->bits) < 0 ? 0 - a : a;
    case IR_VMIN: return x < y ? a : b;
    case IR_VMAX: return x > y ? a : b;
    case IR_VQADD: return clamp(x + y, r->bits, is_signed);
    case IR_VQSUB: return clamp(x - y, r->bits, is_signed);
    case IR_VAVG: return (uint64_t)((x + y + 1) >> 1);
    case IR_VHADD: return (uint64_t)((x + y) >> 1);
    case IR_VHSUB: return (uint64_t)((x - y) >> 1);
    case IR_VABD: return (uint64_t)(x > y ? x - y : y - x);
    case IR_VMULH: return (uint64_t)((x * y) >> r->bits);
    case IR_VQDMULH: return lane_qdmulh(r, a, b, 0, r->flags & IR_VA_ROUND);
    case IR_VQRDMLA: return lane_qdmulh(r, b, c, a, true);
    case IR_VCMP: return lane_cmp(r, a, b) ? ~0ull : 0;
    case IR_VSHL:
    case IR_VSHR: return lane_shift_imm(r, a);
    case IR_VSHLV: return b < r->bits ? a << b : 0;
    case IR_VSHRV: return (uint64_t)shift_right(x, (unsigned)MIN(b, 64u), r->bits, false);
    case IR_VSHIFT: return lane_shift(r, a, b);
    case IR_VCNT: return (unsigned)__builtin_popcountll(a);
    case IR_VCLZ: return a ? (unsigned)__builtin_clzll(a) - (64 - r->bits) : r->bits;
    case IR_VRBIT: return reverse_bits(a);
    case IR_VPMUL: return clmul(a, b, r->bits, &high);
    default: return 0;
    }
}

/* ---- rows that move lanes ---- */

static void widen(const Row *r, const IrVec *a, const IrVec *b, IrVec *ret)
{
    unsigned n = r->bytes / r->size / 2, from = r->flags & IR_VA_HI ? n : 0;
    bool even = r->flags & IR_VA_MIX;
    for (unsigned k = 0; k < n; k++) {
        unsigned at = even ? 2 * k : from + k;
        uint64_t x = lane_get(a, r->size, at), y = lane_get(b, r->size, at), high = 0, v;
        if (r->op == IR_VWIDEN)
            v = (uint64_t)value(r, x);
        else if (r->op == IR_VMULL)
            v = (uint64_t)(value(r, x) * value(r, y));
        else
            v = clmul(x, y, r->bits, &high);
        if (r->size == 8)
            *ret = (IrVec){{v, high}};
        else
            lane_set(ret, r->size * 2, k, v);
    }
}

static void narrow(const Row *r, const IrVec *a, const IrVec *b, IrVec *ret)
{
    unsigned n = r->bytes / r->size;
    bool from_signed = r->flags & (IR_VA_S | IR_VA_MIX);
    for (unsigned k = 0; k < 2 * n; k++) {
        uint64_t x = k < n ? lane_get(a, r->size, k) : r->present & 2 ? lane_get(b, r->size, k - n) : 0;
        if (r->flags & IR_VA_SAT)
            x = clamp(from_signed ? (Wide)bits_sext(x, r->bits) : (Wide)x, r->bits / 2, r->flags & IR_VA_S);
        lane_set(ret, r->size / 2, k, x);
    }
}

static void permute(const Row *r, const IrVec *a, const IrVec *b, IrVec *ret)
{
    unsigned n = r->bytes / r->size, hi = r->flags & IR_VA_HI ? 1 : 0;
    for (unsigned k = 0; k < n; k++) {
        unsigned from = 0; /* lane of a:b */
        switch (r->op) {
        case IR_VZIP: from = (k & 1 ? n : 0) + hi * n / 2 + k / 2; break;
        case IR_VUZP: from = 2 * k + hi; break;
        case IR_VTRN: from = (k & 1 ? n : 0) + (k & ~1u) + hi; break;
        case IR_VREV: from = k ^ ((1u << r->n) / r->size - 1); break;
        case IR_VDUPL: from = r->n; break;
        default: from = k + r->n; break; /* vext: lanes are bytes */
        }
        lane_set(ret, r->size, k, from < n ? lane_get(a, r->size, from) : lane_get(b, r->size, from - n));
    }
}

static void table(const Row *r, const IrVec arg[4], IrVec *ret)
{
    for (unsigned k = 0; k < 16; k++) {
        unsigned j = (unsigned)lane_get(&arg[0], 1, k) - r->n;
        uint64_t v = r->present & 8 ? lane_get(&arg[3], 1, k) : 0;
        if (j < 16)
            v = lane_get(&arg[1], 1, j);
        else if (j < 32 && (r->present & 4))
            v = lane_get(&arg[2], 1, j - 16);
        lane_set(ret, 1, k, v);
    }
}

/* ---- rows that combine lanes ---- */

static uint64_t combine(const Row *r, uint64_t a, uint64_t b)
{
    switch (r->op) {
    case IR_VPADD:
    case IR_VADDV: return a + b;
    case IR_VPADDL: return (uint64_t)(value(r, a) + value(r, b));
    case IR_VPMIN:
    case IR_VMINV: return value(r, a) < value(r, b) ? a : b;
    default: return value(r, a) > value(r, b) ? a : b;
    }
}

static void pairwise(const Row *r, const IrVec *a, const IrVec *b, IrVec *ret)
{
    unsigned n = r->bytes / r->size;
    if (r->op == IR_VPADDL) {
        for (unsigned k = 0; k < n; k += 2)
            lane_set(ret, 2 * r->size, k / 2,
                     combine(r, lane_get(a, r->size, k), lane_get(a, r->size, k + 1)));
        return;
    }
    for (unsigned k = 0; k < n; k++) {
        const IrVec *v = k < n / 2 ? a : b;
        unsigned at = 2 * k % n;
        lane_set(ret, r->size, k, combine(r, lane_get(v, r->size, at), lane_get(v, r->size, at + 1)));
    }
}

static void across(const Row *r, const IrVec *a, IrVec *ret)
{
    uint64_t v = lane_get(a, r->size, 0);
    for (unsigned k = 1; k < r->bytes / r->size; k++)
        v = combine(r, v, lane_get(a, r->size, k));
    lane_set(ret, r->size, 0, v);
}

static void dot(const Row *r, const IrVec arg[4], IrVec *ret)
{
    for (unsigned k = 0; k < r->bytes / 4; k++) {
        uint64_t sum = lane_get(&arg[0], 4, k);
        for (unsigned j = 4 * k; j < 4 * k + 4; j++) {
            uint64_t x = lane_get(&arg[1], 1, j), y = lane_get(&arg[2], 1, j);
            int64_t p = r->flags & IR_VA_S ? bits_sext(x, 8) : (int64_t)x,
                    q = r->flags ? bits_sext(y, 8) : (int64_t)y;
            sum += (uint64_t)(p * q);
        }
        lane_set(ret, 4, k, sum);
    }
}

/* ---- all ---- */

/* False: a lane op. */
static bool eval_other(const Row *r, const IrVec arg[4], IrVec *ret)
{
    switch (r->op) {
    case IR_VGET: ret->w[0] = (uint64_t)value(r, lane_get(&arg[0], r->size, r->n)); return true;
    case IR_VSET:
        *ret = arg[0];
        lane_set(ret, r->size, r->n, arg[1].w[0]);
        return true;
    case IR_VJOIN: *ret = (IrVec){{arg[0].w[0], arg[1].w[0]}}; return true;
    case IR_VSETV:
        *ret = arg[0];
        lane_set(ret, r->size, r->n, lane_get(&arg[1], r->size, r->m));
        return true;
    case IR_VBITS:
        for (unsigned k = 0; k < r->bytes / r->size; k++)
            lane_set(ret, r->size, k, 0 - (arg[0].w[0] >> k & 1));
        return true;
    case IR_VDUP:
        for (unsigned k = 0; k < r->bytes / r->size; k++)
            lane_set(ret, r->size, k, arg[0].w[0]);
        return true;
    case IR_VWIDEN:
    case IR_VMULL:
    case IR_VPMULL: widen(r, &arg[0], &arg[1], ret); return true;
    case IR_VNARROW: narrow(r, &arg[0], &arg[1], ret); return true;
    case IR_VDUPL:
    case IR_VZIP:
    case IR_VUZP:
    case IR_VTRN:
    case IR_VEXT:
    case IR_VREV: permute(r, &arg[0], &arg[1], ret); return true;
    case IR_VTBL: table(r, arg, ret); return true;
    case IR_VPADD:
    case IR_VPMIN:
    case IR_VPMAX:
    case IR_VPADDL: pairwise(r, &arg[0], &arg[1], ret); return true;
    case IR_VADDV:
    case IR_VMINV:
    case IR_VMAXV: across(r, &arg[0], ret); return true;
    case IR_VDOT: dot(r, arg, ret); return true;
    case IR_VAES: ir_eval_aes((IrAes)r->n, &arg[0], &arg[1], ret); return true;
    case IR_VSHA: ir_eval_sha((IrSha)r->n, &arg[0], &arg[1], &arg[2], ret); return true;
    default: return false;
    }
}

bool ir_eval_vec(const IrInsn *i, const IrVec arg[4], IrVec *ret)
{
    unsigned bits = ir_lane_bits(i->misc);
    Row r = {.op = i->op, .flags = i->imm & 255, .n = i->imm >> 8 & 255, .m = i->imm >> 16 & 255,
             .bits = bits,
             .size = bits / 8, .bytes = i->op == IR_VGET ? 16 : ir_type_bits((IrType)i->type) / 8,
             .present = (i->a != 0) | (i->b != 0) << 1 | (i->c != 0) << 2 | (i->d != 0) << 3};
    IrVec v = {{0, 0}};
    if (!ir_vec_row((IrOp)r.op) || (ir_op_info[i->op].flags & IR_F_FPX))
        return false;
    if (i->misc == IR_LANE_F32)
        return ir_eval_estimate(i, arg, ret);
    if (r.op == IR_CRC32) {
        *ret = (IrVec){{ir_eval_crc32(r.n, (uint32_t)arg[0].w[0], arg[1].w[0], r.size), 0}};
        return true;
    }
    if (!eval_other(&r, arg, &v))
        for (unsigned k = 0; k < r.bytes / r.size; k++)
            lane_set(&v, r.size, k, lane_op(&r, lane_get(&arg[0], r.size, k), lane_get(&arg[1], r.size, k),
                                            lane_get(&arg[2], r.size, k)));
    if (r.bytes == 8)
        v.w[1] = 0;
    if (i->type == IR_I32)
        v = (IrVec){{(uint32_t)v.w[0], 0}};
    *ret = v;
    return true;
}

uint64_t ir_vec_pack(const IrInsn *i)
{
    uint64_t present = (i->a != 0) | (i->b != 0) << 1 | (i->c != 0) << 2 | (i->d != 0) << 3;
    return i->op | (uint64_t)i->type << 16 | (uint64_t)i->misc << 24 | (uint64_t)(i->imm & 0xffffff) << 32 |
           present << 56;
}

void ir_eval_packed(uint64_t op, IrVec *io)
{
    IrInsn i = {.op = (uint16_t)op, .type = (uint8_t)(op >> 16), .misc = (uint8_t)(op >> 24),
                .imm = (uint32_t)(op >> 32 & 0xffffff)};
    for (unsigned k = 0; k < 4; k++)
        i.arg[k] = op >> (56 + k) & 1;
    IrVec v;
    ir_eval_vec(&i, io, &v);
    io[0] = v;
}
