/* Prefixes, opcode, modrm, sib, displacement, immediates. */
#include "target/x86/x86_cpu.h"
#include "target/x86/x86_decode.h"
#include "target/x86/x86_attrs.h"
#include "target/x86/x86_evex.h"

static const X86Row rows[] = {
#define INSN(id, map, pfx, opc, ext, attr, name, handler, arg, a, b, c)                                      \
    {X86_MAP_##map,                                                                                          \
     X86_PFX_##pfx,                                                                                          \
     opc,                                                                                                    \
     attr,                                                                                                   \
     ext,                                                                                                    \
     X86_H_##handler,                                                                                        \
     arg,                                                                                                    \
     {X86_OPD_##a, X86_OPD_##b, X86_OPD_##c},                                                                \
     {X86_FEAT_FPU, X86_FEAT_FPU}},
#define VEX(id, map, pfx, opc, ext, attr, name, handler, arg, a, b, c, feat128, feat256)                     \
    {X86_MAP_##map,                                                                                          \
     X86_PFX_##pfx,                                                                                          \
     opc,                                                                                                    \
     attr,                                                                                                   \
     ext,                                                                                                    \
     X86_H_##handler,                                                                                        \
     arg,                                                                                                    \
     {X86_OPD_##a, X86_OPD_##b, X86_OPD_##c},                                                                \
     {X86_FEAT_##feat128, X86_FEAT_##feat256}},
#define EVEX(id, map, pfx, opc, ext, attr, evex, name, handler, arg, a, b, c, lane, source, feat)            \
    {X86_MAP_##map,                                                                                          \
     X86_PFX_##pfx,                                                                                          \
     opc,                                                                                                    \
     attr,                                                                                                   \
     ext,                                                                                                    \
     X86_H_##handler,                                                                                        \
     arg,                                                                                                    \
     {X86_OPD_##a, X86_OPD_##b, X86_OPD_##c},                                                                \
     {X86_FEAT_##feat, X86_FEAT_##feat},                                                                     \
     lane,                                                                                                   \
     source,                                                                                                 \
     evex},
#include "target/x86/x86_rows.inc"
#undef INSN
#undef VEX
#undef EVEX
};

/* Apart: only who prints wants them. */
static const char names[][20] = {
#define INSN(id, map, pfx, opc, ext, attr, name, ...)       name,
#define VEX(id, map, pfx, opc, ext, attr, name, ...)        name,
#define EVEX(id, map, pfx, opc, ext, attr, evex, name, ...) name,
#include "target/x86/x86_rows.inc"
#undef INSN
#undef VEX
#undef EVEX
};

const char *x86_row_name(const X86Row *r)
{
    return names[r - rows];
}

_Static_assert(ARRAY_SIZE(rows) <= 4096, "X86EvWhat.row");

unsigned x86_row_number(const X86Row *r)
{
    return (unsigned)(r - rows);
}
const X86Row *x86_row_at(unsigned n)
{
    return &rows[n];
}
const X86Row *x86_row_of(X86Handler h)
{
    unsigned n = 0;
    while (rows[n].handler != h)
        n++;
    return &rows[n];
}

#include "x86_decode_tables.h" /* x86_first[map * 256 + opcode], an index of x86_order[] */

const uint8_t x86_opd_where[] = {
#define OPD(name, where, size) X86_WH_##where,
#include "target/x86/x86_opds.def"
#undef OPD
};
const uint8_t x86_opd_size_code[] = {
#define OPD(name, where, size) X86_SZ_##size,
#include "target/x86/x86_opds.def"
#undef OPD
};

/* What is not there reads as something; the end looks how far it went. */
typedef struct Bytes {
    const uint8_t *p;
    unsigned at;
} Bytes;
enum { MOST_READ = 40 }; /* 16 prefixes and all that may follow */

static uint8_t next(Bytes *b) { return b->p[b->at++]; }

static uint64_t next_le(Bytes *b, unsigned bytes)
{
    const uint8_t *p = b->p + b->at;
    uint64_t v = 0;
    b->at += bytes;
    switch (bytes) {
    case 1: return *p;
    case 2: memcpy(&v, p, 2); return v;
    case 4: memcpy(&v, p, 4); return v;
    default: memcpy(&v, p, 8); return v;
    }
}

/* Does the byte stand in front of an opcode in some mode? */
static bool is_prefix(uint8_t c)
{
    static const uint64_t set[4] = {1ull << 0x26 | 1ull << 0x2e | 1ull << 0x36 | 1ull << 0x3e,
                                    0xffff | 0xfull << (0x64 - 64), 0, 1ull << 48 | 1ull << 50 | 1ull << 51};
    return set[c >> 6] >> (c & 63) & 1;
}

/* Returns the first byte that is no prefix. A rex that other prefixes follow counts for nothing. */
static uint8_t prefixes(Bytes *b, X86Insn *x)
{
    for (;;) {
        uint8_t c = next(b);
        if (LIKELY(!is_prefix(c)) || b->at > X86_MAX_LEN)
            return c;
        switch (c) {
        case 0x66: x->has66 = true; break;
        case 0x67: x->has67 = true; break;
        case 0xf0: x->lock = true; break;
        case 0xf2:
        case 0xf3: x->rep = c; break;
        case 0x64:
        case 0x65:
            x->seg = c & 7;
            x->override = (uint8_t)(x->seg + 1);
            break;
        case 0x26:
        case 0x2e:
        case 0x36:
        case 0x3e:
            if (x->code32) { /* no meaning in 64-bit mode */
                x->seg = 0;
                x->override = (uint8_t)((c >> 3 & 3) + 1);
            }
            break;
        default:
            if (c >> 4 != 4 || x->code32)
                return c;
            x->rex = c;
            continue;
        }
        x->rex = 0;
    }
}

/* Is vvvv all ones (0 here) where no operand is there? */
static bool vvvv_fits(const X86Row *r, const X86Insn *x)
{
    if (r->attr & X86_NDS || (x->vvvv & (r->attr & X86_VSIB ? 15 : 31)) == 0)
        return true;
    for (unsigned k = 0; k < 3; k++)
        if (x86_opd_where[r->opd[k]] == X86_WH_H || x86_opd_where[r->opd[k]] == X86_WH_B ||
            x86_opd_where[r->opd[k]] == X86_WH_KV)
            return true;
    return false;
}

/* Length, mask, broadcast, rounding. */
static bool evex_fits(const X86Row *r, const X86Insn *x)
{
    unsigned where = x86_opd_where[r->opd[0]];
    bool to_vector = where == X86_WH_V || where == X86_WH_H || ((where == X86_WH_W) && x->mod == 3);
    bool rounds = x->mod == 3 && r->evex & (X86_EV_ER | X86_EV_SAE);
    unsigned vl = x->evb && rounds ? 2 : x->vl;
    if (x->evb && !rounds && !(x->mod != 3 && r->evex & X86_EV_BC))
        return false;
    if (vl > 2 || (!(r->evex & X86_EV_LIG) && ((r->evex & X86_EV_L12 && vl < 1) ||
                                               (r->evex & X86_EV_L2 && vl < 2) || (r->attr & X86_L0 && vl))))
        return false;
    if (r->evex & X86_EV_KM)
        return x->mask && !x->zero;
    return (!x->mask || r->evex & X86_EV_K) && (!x->zero || (x->mask && to_vector));
}

static bool names_gpr(const X86Row *r)
{
    for (unsigned k = 0; k < 3; k++)
        if (x86_opd_size_code[r->opd[k]] == X86_SZ_Y)
            return true;
    return false;
}

/* Masks and EVEX in 32-bit mode, with a general register: W does not count. */
static bool drops_w(const X86Row *r, const X86Insn *x)
{
    return x->code32 && x->vex && x->rex & 8 && (r->attr & X86_O64 || (x->evex && names_gpr(r)));
}

static unsigned situation(const X86Insn *x)
{
    return (x->rex & 15) | (x->modrm << 1 & X86_FIT_EXT) | (x->mod == 3 ? X86_FIT_REG : 0) |
           (x->code32 ? X86_FIT_32 : 0) | (x->sys ? X86_FIT_SYS : 0) | (x->has66 ? X86_FIT_66 : 0) |
           (x->rep == 0xf3 ? X86_FIT_F3 : 0) | (x->rep == 0xf2 ? X86_FIT_F2 : 0) |
           (x->wide ? X86_FIT_WIDE : 0);
}

/* What no bit of the situation says. */
static __attribute__((noinline)) bool rest_fits(const X86Row *r, const X86Fit *f, const X86Insn *x)
{
    if (x->evex && !evex_fits(r, x))
        return false;
    return (!x->vex || vvvv_fits(r, x)) && (!(f->asks & X86_ASKS_RM) || x->modrm == r->ext);
}

/* bx si, bx di, bp si, bp di, si, di, bp, bx; a displacement alone instead of bp. */
static void read_address16(Bytes *b, X86Insn *x)
{
    static const int8_t base[8] = {3, 3, 5, 5, 6, 7, 5, 3}, index[8] = {6, 7, 6, 7, -1, -1, -1, -1};
    unsigned mod = x->mod, rm = x->modrm & 7;
    bool alone = mod == 0 && rm == 6;
    x->base = alone ? -1 : base[rm];
    x->index = index[rm];
    if (mod == 1)
        x->disp = (int8_t)next(b);
    else if (mod == 2 || alone)
        x->disp = alone ? (int32_t)next_le(b, 2) : (int16_t)next_le(b, 2);
}

/* EVEX: a displacement of one byte counts in units of the memory operand, or of its elements. */
static __attribute__((noinline)) unsigned disp_unit(const X86Insn *x)
{
    if (x->evb || x->row->attr & X86_VSIB)
        return 1u << (x->row->attr & X86_VSIB ? x->row->lane : x->row->source);
    if (x->row->handler == X86_H_evc && (x->row->arg == EV_COMPRESS || x->row->arg == EV_EXPAND))
        return 1u << x->row->lane;
    for (unsigned k = 0; k < 3; k++) {
        unsigned where = x86_opd_where[x->row->opd[k]];
        if (where == X86_WH_W || where == X86_WH_E || where == X86_WH_M)
            return x86_size(x, k);
    }
    return 1;
}

static void read_address(Bytes *b, X86Insn *x)
{
    unsigned mod = x->mod, rm = x->modrm & 7;
    x->base = (int8_t)x->rm;
    if (rm == 4) {
        uint8_t sib = next(b);
        x->scale = sib >> 6;
        x->index = (int8_t)((sib >> 3 & 7) | (x->rex & 2) << 2);
        if (x->row->attr & X86_VSIB && x->evex)
            x->index = (int8_t)(x->index | (x->vvvv & 16));
        x->base = (int8_t)((sib & 7) | (x->rex & 1) << 3);
        if (x->index == 4 && !(x->row->attr & X86_VSIB))
            x->index = -1;
        if ((sib & 7) == 5 && mod == 0) {
            x->base = -1;
            mod = 2;
        }
    } else if (rm == 5 && mod == 0) {
        x->base = x->code32 ? -1 : -2;
        mod = 2;
    }
    if (mod == 1)
        x->disp = (int8_t)next(b) * (int32_t)(UNLIKELY(x->evex) ? disp_unit(x) : 1);
    else if (mod == 2)
        x->disp = (int32_t)next_le(b, 4);
}

static void read_modrm(Bytes *b, X86Insn *x)
{
    x->modrm = next(b);
    x->mod = x->modrm >> 6;
    x->reg |= (uint8_t)((x->modrm >> 3 & 7) | (x->rex & 4) << 1);
    x->rm = (uint8_t)((x->modrm & 7) | (x->rex & 1) << 3);
}

static uint64_t read_imm(Bytes *b, const X86Insn *x, unsigned k)
{
    unsigned code = x86_opd_size_code[x->row->opd[k]], where = x86_opd_where[x->row->opd[k]];
    unsigned n = where == X86_WH_O   ? x->asize
                 : where == X86_WH_L ? 1
                 : code == X86_SZ_B  ? 1
                 : code == X86_SZ_W  ? 2
                 : code == X86_SZ_Z  ? (x->opsize == 2 ? 2 : 4)
                                     : x->opsize;
    uint64_t v = next_le(b, n);
    return where == X86_WH_I || where == X86_WH_O || where == X86_WH_L || where == X86_WH_FAR || n == 8
               ? v
               : (uint64_t)bits_sext(v, 8 * n);
}

static void read_immediates(Bytes *b, X86Insn *x)
{
    bool first = true;
    for (unsigned k = 0; k < 3; k++) {
        unsigned where = x86_opd_where[x->row->opd[k]];
        if (where != X86_WH_I && where != X86_WH_S && where != X86_WH_J && where != X86_WH_O &&
            where != X86_WH_L && where != X86_WH_FAR)
            continue;
        *(first ? &x->imm : &x->imm2) = read_imm(b, x, k);
        if (where == X86_WH_FAR)
            x->imm2 = next_le(b, 2);
        first = false;
    }
}

/* Segment, control, debug and mask registers that do not exist, general ones by EVEX; cs cannot be loaded. */
static bool no_register(const X86Insn *x)
{
    for (unsigned k = 0; k < 2; k++)
        switch ((X86Where)x86_opd_where[x->row->opd[k]]) {
        case X86_WH_SEG: return (x->reg & 7) > 5 || (k == 0 && (x->reg & 7) == 1);
        case X86_WH_KG: return x->evex && x->reg > 7;
        case X86_WH_G: return x->evex && x->reg > 15;
        case X86_WH_CR: return !(0x11d >> x->reg & 1);
        case X86_WH_DR: return x->reg > 7;
        default: break;
        }
    return false;
}

/* Chooses the row; reads modrm where the opcode has one. */
static const X86Fit *choose(Bytes *b, X86Insn *x, unsigned map)
{
    unsigned at = map * 256 + x->opc, from = x86_first[at], to = x86_first[at + 1];
    if (from == to)
        return NULL;
    if (x86_order[from].asks & X86_ASKS_MODRM)
        read_modrm(b, x);
    if (map == X86_MAP_0F && x->opc >= 0x20 && x->opc <= 0x23) /* mov of control registers looks at mod not */
        x->mod = 3;
    unsigned is = situation(x);
    for (unsigned k = from; k < to; k++) {
        const X86Fit *f = &x86_order[k];
        const X86Row *r = &rows[f->row];
        bool drops = UNLIKELY(x->vex) && drops_w(r, x);
        unsigned as = drops && r->attr & X86_O64 ? is & ~(unsigned)X86_FIT_32 : is;
        bool plain = LIKELY(!x->vex && !(f->asks & X86_ASKS_RM));
        if ((as & f->mask) != f->want || !(plain || rest_fits(r, f, x)))
            continue;
        if (LIKELY(!drops))
            return f;
        x->rex &= (uint8_t)~8;
        is &= ~(unsigned)X86_FIT_W;
        k = from - 1;
    }
    return NULL;
}

/* Behind c4 or c5: the rest of the prefix. Returns the map; X86_MAPS: none, or another prefix stood before.
 */
static __attribute__((noinline)) unsigned vex(Bytes *b, X86Insn *x, bool three)
{
    static const uint8_t rep[4] = {0, 0, 0xf3, 0xf2};
    bool alone = !x->has66 && !x->rep && !x->lock && !x->rex;
    unsigned first = three ? next(b) : 0, last = next(b), map = three ? first & 31 : 1;
    unsigned r = three ? first >> 7 : last >> 7;
    x->rex = (uint8_t)(0x40 | (r ? 0 : 4));
    if (three)
        x->rex |= (uint8_t)((first & 0x40 ? 0 : 2) | (first & 0x20 ? 0 : 1) | (last >> 7) << 3);
    x->vex = true;
    x->vvvv = ~(last >> 3) & 15;
    if (x->code32) { /* there are eight registers: what would name others is ignored */
        x->rex &= 0x48;
        x->vvvv &= 7;
    }
    x->vl = last >> 2 & 1;
    x->wide = x->vl;
    x->has66 = (last & 3) == 1;
    x->rep = rep[last & 3];
    x->opc = next(b);
    return alone && map >= 1 && map <= 3 ? X86_MAP_V0F + map - 1 : X86_MAPS;
}

/* c4, c5 and 62 are les, lds and bound in 32-bit mode where memory follows, which they want. */
static bool is_vex(const Bytes *b, const X86Insn *x)
{
    bool prefix = (x->opc | 1) == 0xc5 || x->opc == 0x62;
    return prefix && (!x->code32 || b->p[b->at] >> 6 == 3);
}

/* General registers have 32 bits in 32-bit mode: VEX.W does not count for them, but for two. */
static bool wants_quad(const X86Insn *x)
{
    unsigned h = x->row->handler;
    return x->vex && !x->evex && x->rex & 8 && (h == X86_H_xvpinsr || h == X86_H_xvpextr) && x->row->arg == 2;
}

static void set_sizes(X86Insn *x)
{
    unsigned word = x->code32 ? 4 : 8;
    if (x->code32 && x->vex && names_gpr(x->row))
        x->rex &= (uint8_t)~8;
    bool half = x->has66 != x->code16;
    x->opsize = x->rex & 8 ? 8 : half && !x->vex ? 2 : x->row->attr & X86_D64 ? word : 4;
    x->asize = (uint8_t)(x->has67 != x->code16 ? word / 2 : word);
}

/* Behind 62: three bytes. Registers above 15: the fifth bits of reg and vvvv are the prefix's, that of rm is
 * X. */
static __attribute__((noinline)) unsigned evex(Bytes *b, X86Insn *x)
{
    static const uint8_t rep[4] = {0, 0, 0xf3, 0xf2};
    bool alone = !x->has66 && !x->rep && !x->lock && !x->rex;
    unsigned p0 = next(b), p1 = next(b), p2 = next(b), map = p0 & 7;
    x->rex = (uint8_t)(0x40 | (~p0 >> 5 & 7) | (p1 >> 7) << 3);
    x->vex = x->evex = true;
    x->reg = p0 & 0x10 ? 0 : 16;
    x->vvvv = (uint8_t)((~(p1 >> 3) & 15) | (p2 & 8 ? 0 : 16));
    if (x->code32) { /* there are eight registers: what would name others is ignored */
        x->rex &= 0x48;
        x->reg = 0;
        x->vvvv &= 7;
    }
    x->mask = p2 & 7;
    x->zero = p2 >> 7;
    x->evb = p2 >> 4 & 1;
    x->vl = x->rc = p2 >> 5 & 3;
    x->wide = x->vl == 1;
    x->has66 = (p1 & 3) == 1;
    x->rep = rep[p1 & 3];
    x->opc = next(b);
    return alone && !(p0 & 8) && p1 & 4 && map >= 1 && map <= 3 ? X86_MAP_E0F + map - 1 : X86_MAPS;
}

/* What is left of EVEX, once the row is known. */
static __attribute__((noinline)) void finish_evex(X86Insn *x)
{
    if (x86_sae(x))
        x->vl = x->row->evex & X86_EV_LIG ? 0 : 2;
    else if (x->row->evex & X86_EV_LIG)
        x->vl = 0;
    x->wide = x->vl == 1;
    for (unsigned k = 0; k < 3; k++) {
        unsigned where = x86_opd_where[x->row->opd[k]];
        if (x->mod == 3 && (where == X86_WH_W || where == X86_WH_U) && x->rex & 2)
            x->rm |= 16;
    }
}

/* x has the mode. Returns whether there is such an instruction; at: how far it was looked. */
static inline bool decode(Bytes *b, X86Insn *x)
{
    unsigned map = X86_MAP_1B;
    x->opc = prefixes(b, x);
    if (UNLIKELY(is_vex(b, x))) {
        map = x->opc == 0x62 ? evex(b, x) : vex(b, x, x->opc == 0xc4);
    } else if (x->opc == 0x0f) {
        map = X86_MAP_0F;
        x->opc = next(b);
        if (x->opc == 0x38 || x->opc == 0x3a) {
            map = x->opc == 0x38 ? X86_MAP_38 : X86_MAP_3A;
            x->opc = next(b);
        }
    }
    const X86Fit *f = map < X86_MAPS ? choose(b, x, map) : NULL;
    if (!f)
        return false;
    x->row = &rows[f->row];
    if (x->code32 && wants_quad(x))
        return false;
    set_sizes(x);
    if (x->row->attr & X86_VSIB && ((x->modrm & 7) != 4 || x->asize == 2))
        return false;
    if (x->evex)
        finish_evex(x);
    else if (x86_opd_where[x->row->opd[0]] == X86_WH_KG) /* VEX.R is not looked at */
        x->reg &= 7;
    if (x->mod != 3 && x->asize == 2)
        read_address16(b, x);
    else if (x->mod != 3)
        read_address(b, x);
    if (f->asks & X86_ASKS_IMM)
        read_immediates(b, x);
    bool checked = x->evex || f->asks & X86_ASKS_REGISTER;
    return !(checked && no_register(x)) && (!x->lock || (x->row->attr & X86_LOCK && x->mod != 3));
}

X86Decoded x86_decode(const uint8_t *p, unsigned n, unsigned how, X86Insn *ret)
{
    uint8_t padded[MOST_READ];
    Bytes b = {.p = p};
    if (UNLIKELY(n < MOST_READ)) {
        memset(padded, 0, sizeof(padded));
        memcpy(padded, p, n);
        b.p = padded;
    }
    X86Mode mode = (X86Mode)(how & 3);
    *ret = (X86Insn){
        .base = -1,
        .index = -1,
        .mod = 3,
    };
    ret->code32 = mode != X86_MODE_64;
    ret->code16 = mode == X86_MODE_16;
    ret->sys = how & X86_MODE_SYS;
    bool is = decode(&b, ret);
    if (UNLIKELY(b.at > n) && n <= X86_MAX_LEN) {
        ret->len = (uint8_t)n;
        return X86_SHORT;
    }
    ret->len = (uint8_t)MIN(b.at, X86_MAX_LEN + 1);
    return is && b.at <= X86_MAX_LEN ? X86_OK : X86_BAD;
}
