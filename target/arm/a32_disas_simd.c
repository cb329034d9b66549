/* %.-sequences of the rows of floating point and Advanced SIMD (letters are members of A32Args).
 *
 * Mnemonics:  f  f16, f32, f64   g  f32.f64 or f64.f32   s w  bits of a lane of size s, of one twice as wide
 *   u v  s or u, by u and its opposite   U  su or us   L  lane of L:i   h H  lane of i, and twice as wide   b
 * lane of a float e  e of VCMPE   t T  t or b (top, bottom; by j, by Q)   k  r of VCVTR   x  32 or 16   a  a
 * n p m (rounding)   C  VSEL p y  f and x of FSTMX, FLDMX   O o  sign and bits of a scalar   B D  lane of
 * VDUP   J  vshll or vmovl   l  l or x of VTBL j  a or s of VFMAL, VFMSL   E  VRECPE   G  f32 or f16 by s   I
 * VMOV of an immediate   M  loads and stores Operands:  class and register (d n m): q d s  f precision of the
 * row  g the other  v V  Q or D by Q, by u  h D or S by Q em  scalar   U c H B  scalars of VDOT, VCMLA,
 * VFMAL, VFMAB   S X  scalar of VMOV, VDUP   2  one or two registers of VMOV l T  lists of VLDM, VTBL   A P
 * registers of VMRS   i  number   I  immediate of VMOV   R K  shift by L:i, right or left r k  the same by i
 * b F  fraction bits   W  shift by the lane's width   x  index of VEXT   o q  rotation   M  memory
 */
#include "target/arm/a32_disas_priv.h"
#include "target/arm/a64_disas_priv.h"

static unsigned reg_d(const A32Args *a, char r)
{
    return r == 'd'   ? a->d | (unsigned)a->D << 4
           : r == 'n' ? a->n | (unsigned)a->N << 4
                      : a->m | (unsigned)a->M << 4;
}
static unsigned reg_s(const A32Args *a, char r)
{
    return r == 'd' ? a->d << 1 | a->D : r == 'n' ? a->n << 1 | a->N : a->m << 1 | a->M;
}
static void put_q_or_d(Fmt *f, bool q, unsigned r) { fmt_printf(f, q ? "q%u" : "d%u", q ? r >> 1 : r); }
static void put_s_or_d(Fmt *f, bool d, const A32Args *a, char r)
{
    fmt_printf(f, d ? "d%u" : "s%u", d ? reg_d(a, r) : reg_s(a, r));
}

static unsigned lane_of_imm(const A32Args *a) { return a->L ? 3 : a->i & 32 ? 2 : a->i & 16 ? 1 : 0; }

/* ---- mnemonics ---- */

static void put_float(Fmt *f, const A32Args *a) { fmt_puts(f, a->z ? "f64" : a->h ? "f16" : "f32"); }

/* p:q of the moves of scalars: log2 of bytes, index */
static unsigned scalar_of(const A32Args *a, unsigned *ret_index)
{
    unsigned x = a->p & 1u;

    *ret_index = a->p & 2 ? x << 2 | a->q : a->q & 1 ? x << 1 | a->q >> 1 : x;
    return a->p & 2 ? 0 : a->q & 1 ? 1 : 2;
}

/* AdvSIMDExpandImm: the operation, and the lane in bits */
static unsigned imm_lane(const A32Args *a)
{
    unsigned cmode = a->k;

    return cmode == 14 ? (a->o ? 64 : 8) : cmode == 15 ? 0 : (cmode >> 1 & 6) == 4 ? 16 : 32;
}
static void put_imm_name(Fmt *f, const A32Args *a)
{
    bool in_place = a->k < 12 && (a->k & 1);
    unsigned lane = imm_lane(a);

    fmt_puts(f, in_place ? (a->o ? "vbic" : "vorr") : a->o && a->k != 14 ? "vmvn" : "vmov");
    if (lane)
        fmt_printf(f, ".i%u", lane);
    else
        fmt_puts(f, ".f32");
}

/* The rows of memory: bit 23 single elements, of which size 3 is all lanes */
typedef struct MemForm {
    unsigned n, size; /* elements of a structure, log2 of bytes of one */
    bool one, all;
} MemForm;
static MemForm mem_form(const A32Args *a)
{
    bool single = a->bits >> 23 & 1, all = single && (a->bits >> 10 & 3) == 3;

    return (MemForm){.n = single ? a->p + 1u : a32_structures[a->t & 15].n,
                     .size = all && a->s == 3 ? 2 : a->s,
                     .one = single && !all,
                     .all = all};
}

static bool put_name_of_row(Fmt *f, char code, const A32Args *a)
{
    unsigned index, size;

    switch (code) {
    case 'C': fmt_printf(f, "%.2s", &"eqvsgegt"[2 * (a->q & 3)]); return true;
    case 'p': fmt_puts(f, a->z && (a->i & 1) ? "f" : "v"); return true;
    case 'y': fmt_puts(f, a->z && (a->i & 1) ? "x" : ""); return true;
    case 'O':
        size = scalar_of(a, &index);
        fmt_puts(f, size == 2 ? "" : a->u ? "u" : "s");
        return true;
    case 'o': fmt_printf(f, "%u", 8u << scalar_of(a, &index)); return true;
    case 'B': fmt_puts(f, a->p ? "8" : a->q ? "16" : "32"); return true;
    case 'D': fmt_puts(f, a->i & 1 ? "8" : a->i & 2 ? "16" : "32"); return true;
    case 'J': fmt_puts(f, a->i & (a->i - 1) & 63 ? "vshll" : "vmovl"); return true;
    case 'l': fmt_putc(f, a->o ? 'x' : 'l'); return true;
    case 'j': fmt_putc(f, a->s ? 's' : 'a'); return true;
    case 'E': fmt_puts(f, a->h ? "f16" : a->x ? "f32" : "u32"); return true;
    case 'G': fmt_puts(f, a->s ? "f32" : "f16"); return true;
    case 'I': put_imm_name(f, a); return true;
    case 'M':
        fmt_printf(f, "v%s%u.%u", a->bits >> 21 & 1 ? "ld" : "st", mem_form(a).n, 8u << mem_form(a).size);
        return true;
    default: return false;
    }
}

unsigned a32_disas_simd_name(Fmt *f, const char *code, const A32Args *a)
{
    if (put_name_of_row(f, *code, a))
        return 1;
    switch (*code) {
    case 'f': put_float(f, a); break;
    case 'g': fmt_puts(f, a->z ? "f32.f64" : "f64.f32"); break;
    case 's': fmt_printf(f, "%u", 8u << a->s); break;
    case 'w': fmt_printf(f, "%u", 16u << a->s); break;
    case 'u': fmt_putc(f, a->u ? 'u' : 's'); break;
    case 'v': fmt_putc(f, a->u ? 's' : 'u'); break;
    case 'U': fmt_puts(f, a->u ? "su" : "us"); break;
    case 'L':
    case 'h': fmt_printf(f, "%u", 8u << lane_of_imm(a)); break;
    case 'H': fmt_printf(f, "%u", 16u << lane_of_imm(a)); break;
    case 'b': fmt_puts(f, a->h ? "16" : "32"); break;
    case 'e': fmt_puts(f, a->e ? "e" : ""); break;
    case 't': fmt_putc(f, a->j ? 't' : 'b'); break;
    case 'T': fmt_putc(f, a->Q ? 't' : 'b'); break;
    case 'k': fmt_puts(f, a->r ? "" : "r"); break;
    case 'x': fmt_puts(f, a->x ? "32" : "16"); break;
    case 'a': fmt_putc(f, "anpm"[(a->q | a->r) & 3]); break;
    default: fmt_putc(f, '?'); break;
    }
    return 1;
}

/* ---- operands ---- */

/* n registers of D or S from `first` on */
static void put_range(Fmt *f, char kind, unsigned first, unsigned n)
{
    if (n <= 1)
        fmt_printf(f, "{%c%u}", kind, first);
    else
        fmt_printf(f, "{%c%u-%c%u}", kind, first, kind, first + n - 1);
}

/* Loads and stores of structures: the list, then the address. */
static void put_memory(Fmt *f, const A32Args *a)
{
    MemForm form = mem_form(a);
    const A32Structures *m = &a32_structures[a->t & 15];
    A32OneLane lane = a32_one_lane(a);
    unsigned d = reg_d(a, 'd'), align = a->a ? 4u << a->a : 1;

    if (form.one || form.all) {
        unsigned space = form.one ? lane.space : form.n > 1 && a->x ? 2 : 1;
        unsigned regs = form.all && form.n == 1 && a->x ? 2 : form.n;
        bool range = form.all && space == 1 && regs > 1;
        align = form.one ? lane.align : a32_all_lanes_align(a);
        fmt_putc(f, '{');
        for (unsigned k = 0; k < regs; k += range ? regs - 1 : 1) {
            fmt_printf(f, "%sd%u[", k ? (range ? "-" : ",") : "", d + k * space);
            if (form.one)
                fmt_printf(f, "%u", lane.index);
            fmt_putc(f, ']');
        }
        fmt_putc(f, '}');
    } else if (m->space == 2 && m->regs == m->n) {
        for (unsigned k = 0; k < m->n; k++)
            fmt_printf(f, "%sd%u", k ? "," : "{", d + 2 * k);
        fmt_putc(f, '}');
    } else {
        put_range(f, 'd', d, m->regs);
    }
    fmt_puts(f, ", [");
    a32_disas_reg(f, a->n);
    if (align > 1)
        fmt_printf(f, " :%u", align * 8);
    fmt_putc(f, ']');
    if (a->m == 13) {
        fmt_putc(f, '!');
    } else if (a->m != 15) {
        fmt_puts(f, ", ");
        a32_disas_reg(f, a->m);
    }
}

/* Modified immediate: what is in a lane before VMVN and VBIC invert it. */
static void put_modified(Fmt *f, const A32Args *a)
{
    unsigned top = a->bits >> 24 & 1, cmode = a->k;
    uint64_t v = (uint64_t)top << 7 | (a->i & 127);

    if (cmode == 15) {
        arm_disas_fp_imm(f, (unsigned)v);
        return;
    }
    if (cmode == 14 && a->o) {
        uint64_t bytes = 0;
        for (unsigned k = 0; k < 8; k++)
            bytes |= (v >> k & 1 ? 0xffull : 0) << 8 * k;
        v = bytes;
    } else if (cmode == 12 || cmode == 13) {
        v = cmode & 1 ? v << 16 | 0xffff : v << 8 | 0xff;
    } else if (cmode < 12) {
        v <<= 8 * (cmode >> 1 & (cmode & 8 ? 1 : 3));
    }
    fmt_printf(f, "#0x%llx", (unsigned long long)v);
}

static void put_system_register(Fmt *f, unsigned n)
{
    static const char names[16][8] = {"fpsid", "fpscr", "", "", "", "mvfr2", "mvfr1", "mvfr0", "fpexc"};

    if (names[n & 15][0])
        fmt_puts(f, names[n & 15]);
    else
        fmt_printf(f, "c%u", n);
}

/* Lists and parts of registers; false: it is something else. */
static bool put_part(Fmt *f, char code, const A32Args *a)
{
    unsigned index;

    switch (code) {
    case 'U': fmt_printf(f, "d%u[%u]", a->m, a->M); return true;
    case 'c': fmt_printf(f, "d%u[%u]", a->s ? reg_d(a, 'm') : a->m, a->s ? 0u : a->M); return true;
    case 'H': /* of D0-D7, or of S0-S15 */
        if (a->Q)
            fmt_printf(f, "d%u[%u]", a->m & 7u, (unsigned)a->M << 1 | a->m >> 3);
        else
            fmt_printf(f, "s%u[%u]", (a->m & 7u) << 1 | a->M, a->m >> 3);
        return true;
    case 'B': fmt_printf(f, "d%u[%u]", a->m & 7u, (unsigned)a->M << 1 | a->m >> 3); return true;
    case 'S':
        scalar_of(a, &index);
        fmt_printf(f, "d%u[%u]", reg_d(a, 'n'), index);
        return true;
    case 'X': fmt_printf(f, "d%u[%u]", reg_d(a, 'm'), a->i >> (a->i & 1 ? 1 : a->i & 2 ? 2 : 3)); return true;
    case '2':
        put_s_or_d(f, a->z, a, 'm');
        if (!a->z)
            fmt_printf(f, ", s%u", reg_s(a, 'm') + 1);
        return true;
    case 'l': put_range(f, a->z ? 'd' : 's', a->z ? reg_d(a, 'd') : reg_s(a, 'd'), a->i >> a->z); return true;
    case 'T': put_range(f, 'd', reg_d(a, 'n'), a->l + 1u); return true;
    case 'A':
        if (a->d == 15 && a->n == 1)
            fmt_puts(f, "APSR_nzcv");
        else
            a32_disas_reg(f, a->d);
        return true;
    case 'P': put_system_register(f, a->n); return true;
    case 'M': put_memory(f, a); return true;
    default: return false;
    }
}

/* Numbers */
static void put_number(Fmt *f, char code, const A32Args *a)
{
    unsigned bits = 8u << lane_of_imm(a), by_l = (unsigned)a->L << 6 | a->i;

    switch (code) {
    case 'i': arm_disas_fp_imm(f, a->i); break;
    case 'I': put_modified(f, a); break;
    case 'R': fmt_printf(f, "#%u", 2 * bits - by_l); break;
    case 'K': fmt_printf(f, "#%u", by_l - bits); break;
    case 'r': fmt_printf(f, "#%u", 2 * bits - a->i); break;
    case 'k':
        if (a->i != bits)
            fmt_printf(f, ", #%u", a->i - bits);
        break;
    case 'b': fmt_printf(f, "#%d", (a->x ? 32 : 16) - ((a->i & 15) << 1 | a->i >> 4)); break;
    case 'F': fmt_printf(f, "#%u", 64u - a->i); break;
    case 'W': fmt_printf(f, "#%u", 8u << a->s); break;
    case 'x': fmt_printf(f, "#%u", a->i); break;
    case 'o': fmt_printf(f, "#%u", 90u * a->r); break;
    case 'q': fmt_puts(f, a->r ? "#270" : "#90"); break;
    default: fmt_putc(f, '?'); break;
    }
}

unsigned a32_disas_simd(Fmt *f, const char *code, const A32Args *a)
{
    char r = code[1];
    bool reg = r == 'd' || r == 'n' || r == 'm';
    unsigned s = a->h ? 1 : a->s ? a->s : 2; /* rows of floats have no s */

    switch (reg ? *code : 0) {
    case 'q': put_q_or_d(f, true, reg_d(a, r)); return 2;
    case 'd': put_q_or_d(f, false, reg_d(a, r)); return 2;
    case 's': put_s_or_d(f, false, a, r); return 2;
    case 'f': put_s_or_d(f, a->z, a, r); return 2;
    case 'g': put_s_or_d(f, !a->z, a, r); return 2;
    case 'v': put_q_or_d(f, a->Q, reg_d(a, r)); return 2;
    case 'V': put_q_or_d(f, a->u, reg_d(a, r)); return 2;
    case 'h': put_s_or_d(f, a->Q, a, r); return 2;
    case 'e':
        if (s == 1)
            fmt_printf(f, "d%u[%u]", a->m & 7u, (unsigned)a->M << 1 | a->m >> 3);
        else
            fmt_printf(f, "d%u[%u]", a->m, a->M);
        return 2;
    default: break;
    }
    if (!put_part(f, *code, a))
        put_number(f, *code, a);
    return 1;
}
