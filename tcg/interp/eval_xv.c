/* Vector instructions of x86: the table, and integers. */
#include "tcg/interp/eval_xv.h"
#include "tcg/interp/interp_vec.h"

enum { PP_NP, PP_66, PP_F3, PP_F2, MAP_0F = 1, MAP_38, MAP_3A };
#define IR2(op) IR_XV_IR2, IR_##op
#define IR1(op) IR_XV_IR1, IR_##op
#define IF(op)  IR_XV_IF, IR_##op
#define INT(f)  IR_XV_INT, IR_XI_##f
#define FP(f)   IR_XV_FP, IR_XF_##f
#define ROW(how_, what_, lane_, attr_)                                                                       \
    {                                                                                                        \
        .what = what_, .how = how_, .lane = lane_, .attr = attr_                                             \
    }
#define ROW_OF(...) ROW(__VA_ARGS__)
static const IrXvRow rows[1 << 12] = {
#define XV(id, pp, map, opc, how, what, lane, attr)                                                          \
    [IR_XV(PP_##pp, MAP_##map, opc)] = ROW_OF(how(what), lane, attr),
#include "tcg/interp/xv.def"
#undef XV
};
#undef IR2
#undef IR1
#undef IF
#undef INT
#undef FP

/* ---- lanes ---- */

static int64_t slane(const IrVec *v, unsigned size, unsigned k)
{
    return bits_sext(ir_xv_lane(v, size, k), 8 * size);
}

static uint64_t clamp16(int64_t v)
{
    return (uint64_t)MIN(MAX(v, -0x8000), 0x7fff);
}

static uint64_t distance(uint64_t x, uint64_t y)
{
    return x > y ? x - y : y - x;
}

/* All lanes by the count in the low half of b. */
static uint64_t shifted(const IrXv *x, unsigned size, unsigned k)
{
    uint64_t n = x->b.w[0], bits = 8 * size;
    switch (x->row->what) {
    case IR_XI_SHL: return n < bits ? ir_xv_lane(&x->a, size, k) << n : 0;
    case IR_XI_SHR: return n < bits ? ir_xv_lane(&x->a, size, k) >> n : 0;
    default: return (uint64_t)(slane(&x->a, size, k) >> MIN(n, bits - 1));
    }
}

/* Neighbours of a, then of b. */
static uint64_t pair(const IrXv *x, unsigned size, unsigned k)
{
    unsigned n = 16 / size, at = 2 * k % n;
    const IrVec *v = k < n / 2 ? &x->a : &x->b;
    int64_t p = slane(v, size, at), q = slane(v, size, at + 1);
    switch (x->row->what) {
    case IR_XI_HADDS: return clamp16(p + q);
    case IR_XI_HSUBS: return clamp16(p - q);
    default: return (uint64_t)(p - q);
    }
}

static uint64_t sign(const IrXv *x, unsigned size, unsigned k)
{
    uint64_t v = ir_xv_lane(&x->a, size, k);
    int64_t by = slane(&x->b, size, k);
    return by < 0 ? 0 - v : by ? v : 0;
}

static uint64_t widened(const IrXv *x, unsigned size, unsigned k)
{
    return x->row->attr & 16 ? (uint64_t)slane(&x->b, size, k) : ir_xv_lane(&x->b, size, k);
}

/* Products of words, and of unsigned bytes of a and signed ones of b, added by pairs. */
static uint64_t madd(const IrXv *x, unsigned k)
{
    if (x->row->what == IR_XI_MADDWD)
        return (uint64_t)(slane(&x->a, 2, 2 * k) * slane(&x->b, 2, 2 * k) +
                          slane(&x->a, 2, 2 * k + 1) * slane(&x->b, 2, 2 * k + 1));
    return clamp16((int64_t)ir_xv_lane(&x->a, 1, 2 * k) * slane(&x->b, 1, 2 * k) +
                   (int64_t)ir_xv_lane(&x->a, 1, 2 * k + 1) * slane(&x->b, 1, 2 * k + 1));
}

/* imm: 2 place in a, 1 and 0 place in b, in fours. */
static uint64_t mpsad(const IrXv *x, unsigned k)
{
    unsigned from = (x->imm >> 2 & 1) * 4, with = (x->imm & 3) * 4;
    uint64_t sum = 0;
    for (unsigned j = 0; j < 4; j++)
        sum += distance(ir_xv_lane(&x->a, 1, from + k + j), ir_xv_lane(&x->b, 1, with + j));
    return sum;
}

/* ---- lanes that move ---- */

/* pshufhw, pshuflw: the four from attr on. */
static uint64_t shuffled_word(const IrXv *x, unsigned k)
{
    unsigned first = x->row->attr;
    bool moves = k - first < 4;
    return ir_xv_lane(&x->b, 2, moves ? first + (x->imm >> 2 * (k - first) & 3) : k);
}

/* shufps, shufpd: the lower half of the lanes are some of a, the upper ones of b. */
static uint64_t shuffled_two(const IrXv *x, unsigned size, unsigned k)
{
    unsigned n = 16 / size, from = size == 4 ? x->imm >> 2 * k & 3 : x->imm >> k & 1;
    return ir_xv_lane(k < n / 2 ? &x->a : &x->b, size, from);
}

static uint64_t permuted(const IrXv *x, unsigned size, unsigned k)
{
    uint64_t by = ir_xv_lane(&x->b, size, k);
    return ir_xv_lane(&x->a, size, size == 4 ? by & 3 : by >> 1 & 1);
}

/* Bytes of a above b, from the immediate on. */
static uint64_t aligned(const IrXv *x, unsigned k)
{
    unsigned at = x->imm + k;
    return at < 16 ? ir_xv_lane(&x->b, 1, at) : at < 32 ? ir_xv_lane(&x->a, 1, at - 16) : 0;
}

static void insertps(const IrXv *x, IrVec *ret)
{
    *ret = x->a;
    ir_xv_put(ret, 4, x->imm >> 4 & 3, ir_xv_lane(&x->b, 4, x->imm >> 6));
    for (unsigned k = 0; k < 4; k++)
        if (x->imm >> k & 1)
            ir_xv_put(ret, 4, k, 0);
}

static uint64_t byte_of_table(const IrXv *x, unsigned k)
{
    uint64_t at = ir_xv_lane(&x->b, 1, k);
    return at & 0x80 ? 0 : ir_xv_lane(&x->a, 1, at & 15);
}

/* ---- ciphers ---- */

static void aes(const IrXv *x, IrVec *ret)
{
    const IrVec zero = {{0, 0}};
    if (x->row->attr == IR_AES_IMC) {
        ir_eval_aes(IR_AES_IMC, &x->b, &zero, ret);
        return;
    }
    ir_eval_aes((IrAes)x->row->attr, &x->a, &zero, ret);
    ret->w[0] ^= x->b.w[0];
    ret->w[1] ^= x->b.w[1];
}

/* Of a state whose columns are equal the rows' shifts change nothing. */
static uint32_t substituted(uint64_t word)
{
    const IrVec zero = {{0, 0}}, all = {{word | word << 32, word | word << 32}};
    IrVec v;
    ir_eval_aes(IR_AES_E, &all, &zero, &v);
    return (uint32_t)v.w[0];
}

static uint64_t aes_key(const IrXv *x, unsigned k)
{
    uint32_t v = substituted(ir_xv_lane(&x->b, 4, k | 1));
    return k & 1 ? (v >> 8 | v << 24) ^ x->imm : v;
}

static void clmul(const IrXv *x, IrVec *ret)
{
    const IrInsn pmull = {.op = IR_VPMULL, .type = IR_V128, .misc = IR_LANE_64, .a = 1, .b = 1};
    const IrVec arg[4] = {{{x->a.w[x->imm & 1], 0}}, {{x->b.w[x->imm >> 4 & 1], 0}}, {{0, 0}}, {{0, 0}}};
    ir_eval_vec(&pmull, arg, ret);
}

/* In the field of x^8 + x^4 + x^3 + x + 1. */
static unsigned gf_mul(unsigned a, unsigned b)
{
    unsigned p = 0;
    for (unsigned k = 0; k < 8; k++) {
        p ^= b >> k & 1 ? a : 0;
        a = a << 1 ^ (a & 0x80 ? 0x11b : 0);
    }
    return p & 255;
}

static unsigned gf_inverse(unsigned v) /* v^254 */
{
    unsigned r = 1;
    for (unsigned k = 0; k < 254; k++)
        r = gf_mul(r, v);
    return r;
}

/* The matrix's first row is its quadword's last byte. */
static uint64_t affine(const IrXv *x, unsigned k)
{
    unsigned v = (unsigned)ir_xv_lane(&x->a, 1, k), r = 0;
    if (x->row->attr)
        v = gf_inverse(v);
    for (unsigned bit = 0; bit < 8; bit++) {
        unsigned row = (unsigned)ir_xv_lane(&x->b, 1, (k & 8) + 7 - bit);
        r |= (unsigned)__builtin_parity(row & v) << bit;
    }
    return r ^ x->imm;
}

/* ---- results that are no vectors ---- */

static uint64_t signs(const IrXv *x, unsigned size)
{
    uint64_t bits = 0;
    for (unsigned k = 0; k < 16 / size; k++)
        bits |= (uint64_t)(slane(&x->b, size, k) < 0) << k;
    return bits;
}

static uint64_t test(const IrXv *x, unsigned size)
{
    uint64_t m = x->row->attr ? ~0ull : size == 8 ? 1ull << 63 : 0x8000000080000000, both = 0, without = 0;
    for (unsigned k = 0; k < 2; k++) {
        both |= x->a.w[k] & x->b.w[k] & m;
        without |= ~x->a.w[k] & x->b.w[k] & m;
    }
    return IR_FL_BIT9 | (both ? 0 : IR_FL_Z) | (without ? 0 : IR_FL_C);
}

/* pcmpistri: its index or its flags. */
static uint64_t text(const IrXv *x, bool flags)
{
    IrXvText a = {.bytes = (const uint8_t *)&x->a}, b = {.bytes = (const uint8_t *)&x->b};
    a.n = ir_xv_text_length(a.bytes, x->imm);
    b.n = ir_xv_text_length(b.bytes, x->imm);
    uint32_t bits = ir_xv_text_bits(&a, &b, x->imm);
    return flags ? ir_xv_text_fl(bits, &a, &b, x->imm) : ir_xv_text_index(bits, x->imm);
}

/* ---- all ---- */

static uint64_t lane_of(const IrXv *x, unsigned size, unsigned k)
{
    switch (x->row->what) {
    case IR_XI_SHL:
    case IR_XI_SHR:
    case IR_XI_SAR: return shifted(x, size, k);
    case IR_XI_HADDS:
    case IR_XI_HSUB:
    case IR_XI_HSUBS: return pair(x, size, k);
    case IR_XI_SIGN: return sign(x, size, k);
    case IR_XI_MULHRS: return (uint64_t)(((slane(&x->a, 2, k) * slane(&x->b, 2, k) >> 14) + 1) >> 1);
    case IR_XI_PSHUFB: return byte_of_table(x, k);
    case IR_XI_SHUF: return ir_xv_lane(&x->b, 4, x->imm >> 2 * k & 3);
    case IR_XI_SHUFW: return shuffled_word(x, k);
    case IR_XI_SHUF2: return shuffled_two(x, size, k);
    case IR_XI_PERMIL: return permuted(x, size, k);
    case IR_XI_PERMILI: return x->b.w[x->imm >> k & 1];
    case IR_XI_ALIGN: return aligned(x, k);
    case IR_XI_BLEND: return ir_xv_lane(x->imm >> k & 1 ? &x->b : &x->a, size, k);
    case IR_XI_AESKEY: return aes_key(x, k);
    case IR_XI_GFMUL: return gf_mul((unsigned)ir_xv_lane(&x->a, 1, k), (unsigned)ir_xv_lane(&x->b, 1, k));
    default: return affine(x, k);
    }
}

static void wide_lanes(const IrXv *x, unsigned size, IrVec *ret)
{
    unsigned to = x->row->what == IR_XI_WIDEN    ? 1u << (x->row->attr & 15)
                  : x->row->what == IR_XI_MADDWD ? 4
                                                 : 2;
    for (unsigned k = 0; k < 16 / to; k++)
        ir_xv_put(ret, to, k,
                  x->row->what == IR_XI_WIDEN   ? widened(x, size, k)
                  : x->row->what == IR_XI_MPSAD ? mpsad(x, k)
                                                : madd(x, k));
}

static void least(const IrXv *x, IrVec *ret)
{
    unsigned at = 0;
    for (unsigned k = 1; k < 8; k++)
        if (ir_xv_lane(&x->b, 2, k) < ir_xv_lane(&x->b, 2, at))
            at = k;
    *ret = (IrVec){{ir_xv_lane(&x->b, 2, at) | at << 16, 0}};
}

void ir_xv_int(const IrXv *x, IrVec *ret)
{
    unsigned size = 1u << x->row->lane;
    switch (x->row->what) {
    case IR_XI_MADDWD:
    case IR_XI_MADDUBS:
    case IR_XI_MPSAD:
    case IR_XI_WIDEN: wide_lanes(x, size, ret); break;
    case IR_XI_SAD:
        for (unsigned k = 0; k < 16; k++)
            ret->w[k / 8] += distance(ir_xv_lane(&x->a, 1, k), ir_xv_lane(&x->b, 1, k));
        break;
    case IR_XI_MINPOS: least(x, ret); break;
    case IR_XI_MOVMSK: ret->w[0] = signs(x, size); break;
    case IR_XI_INSERTPS: insertps(x, ret); break;
    case IR_XI_AES: aes(x, ret); break;
    case IR_XI_CLMUL: clmul(x, ret); break;
    case IR_XI_SHA: ir_xv_sha((IrXvSha)x->row->attr, x->imm, &x->a, &x->b, &x->c, ret); break;
    default:
        for (unsigned k = 0; k < 16 / size; k++)
            ir_xv_put(ret, size, k, lane_of(x, size, k));
        break;
    }
}

/* A row of the IR. Of shifts by a count each W says that lanes have 64 bits. */
static void by_ir(const IrXv *x, IrVec *ret)
{
    IrInsn i = {.op = x->row->what, .type = IR_V128, .a = 1, .b = 1};
    bool by_each = i.op == IR_VSHLV || i.op == IR_VSHRV;
    i.misc = by_each && x->w ? IR_LANE_64 : x->row->lane;
    i.imm = x->row->how == IR_XV_IF ? IR_VA_N(x->row->attr) : x->row->attr;
    const IrVec arg[4] = {x->row->how == IR_XV_IR1 ? x->b : x->a, x->b, {{0, 0}}, {{0, 0}}};
    ir_eval_vec(&i, arg, ret);
}

static SoftfpMode mode_of(IrFpEnv env)
{
    enum { DAZ = 1 << 6, FZ = 1 << 15, UM = IR_FF_UNDERFLOW << 7 }; /* of MXCSR */
    return (SoftfpMode){.nan = SOFTFP_NAN_X86,
                        .round = env.round,
                        .daz = (env.mxcsr & DAZ) != 0,
                        .ftz = (env.mxcsr & FZ) && (env.mxcsr & UM),
                        .unmasked = ~(env.mxcsr >> 7) & 0x3f};
}

bool ir_eval_xv(const IrInsn *i, IrFpEnv env, const IrVec arg[3], IrVec *ret, uint32_t *ret_flags)
{
    bool flags = ir_op_info[i->op].sig == IR_SIG_XFL;
    IrXv x = {.row = &rows[i->imm & 0xfff],
              .pp = i->imm >> 10 & 3,
              .imm = i->imm >> 16 & 255,
              .w = (i->imm & IR_XV_W) != 0,
              .a = arg[0],
              .b = arg[1],
              .c = arg[2]};
    *ret = (IrVec){{0, 0}};
    switch (x.row->how) {
    case IR_XV_NONE: return false;
    case IR_XV_INT:
        if (x.row->what == IR_XI_TEXT)
            ret->w[0] = text(&x, flags);
        else if (x.row->what == IR_XI_TEST)
            ret->w[0] = test(&x, 1u << x.row->lane);
        else
            ir_xv_int(&x, ret);
        return true;
    case IR_XV_FP: ir_xv_fp(&x, mode_of(env), ret, ret_flags); return true;
    default: by_ir(&x, ret); return true;
    }
}
