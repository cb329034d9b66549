/* After "%." in the operand columns of the FP and SIMD rows. With the field d n m a t (= d) behind them:
 *   vectors  v lanes of `size`  w twice the size, 128 bits  l twice the size  b bytes  h 16-bit lanes
 *            g 2h or 4h  4 2 8 6 four, two, eight, sixteen lanes of 128 bits  p a pair  V no lanes
 *   scalars  s of `size`  t of twice the size  B H S D Q
 *   elements e i index `kind`  j index `amount`
 *   lists    L of `amount` registers  K the same with index `kind`  T of bytes (TBL)
 * Alone: U "2" for the upper half  W "b" or "t"  f floating-point immediate  m immediate and shift
 * M 64-bit mask
 *   r rotation  o offset  x extension of an index register  P post-index  E four bytes of vm
 *   F two halves of vm
 *   I lane of vm */
#include "target/arm/a64_disas_priv.h"

static const char lane_letter[6] = "bhsdq";

/* ".8h" */
static void put_lanes(Fmt *f, unsigned size, bool full)
{
    fmt_printf(f, ".%u%c", (full ? 16u : 8u) >> size, lane_letter[size]);
}

static void put_vector(Fmt *f, unsigned r, unsigned size, bool full)
{
    fmt_printf(f, "v%u", r & 31);
    put_lanes(f, size, full);
}

static void put_element(Fmt *f, unsigned r, unsigned size, unsigned index)
{
    fmt_printf(f, "v%u.%c[%u]", r, lane_letter[size], index);
}

static void put_list(Fmt *f, char code, unsigned r, const A64Args *a)
{
    fmt_putc(f, '{');
    for (unsigned i = 0; i < a->amount; i++) {
        if (i)
            fmt_puts(f, ", ");
        if (code == 'K')
            fmt_printf(f, "v%u.%c", (r + i) & 31, lane_letter[a->size]);
        else
            put_vector(f, r + i, code == 'T' ? 0 : a->size, code == 'T' || a->sf);
    }
    fmt_putc(f, '}');
    if (code == 'K')
        fmt_printf(f, "[%u]", a->kind);
}

/* Codes with a field; false: code is none. */
static bool put_register(Fmt *f, char code, unsigned r, const A64Args *a)
{
    switch (code) {
    case 'v': put_vector(f, r, a->size, a->sf); return true;
    case 'w': put_vector(f, r, a->size + 1u, true); return true;
    case 'l': put_vector(f, r, a->size + 1u, a->sf); return true;
    case 'b': put_vector(f, r, 0, a->sf); return true;
    case 'h': put_vector(f, r, 1, a->sf); return true;
    case 'g': fmt_printf(f, "v%u.%uh", r, a->sf ? 4 : 2); return true;
    case '4': put_vector(f, r, 2, true); return true;
    case '2': put_vector(f, r, 3, true); return true;
    case '8': put_vector(f, r, 1, true); return true;
    case '6': put_vector(f, r, 0, true); return true;
    case 'p': fmt_printf(f, "v%u.2%c", r, lane_letter[a->size]); return true;
    case 'V': fmt_printf(f, "v%u", r); return true;
    case 's': fmt_printf(f, "%c%u", lane_letter[a->size], r); return true;
    case 't': fmt_printf(f, "%c%u", lane_letter[a->size + 1], r); return true;
    case 'B':
    case 'H':
    case 'S':
    case 'D':
    case 'Q': fmt_printf(f, "%c%u", code | 32, r); return true;
    case 'e':
    case 'i': put_element(f, r, a->size, a->kind); return true;
    case 'j': put_element(f, r, a->size, a->amount); return true;
    case 'L':
    case 'K':
    case 'T': put_list(f, code, r, a); return true;
    default: return false;
    }
}

/* (16 + fraction) * 2^exponent / 128, exactly. */
void arm_disas_fp_imm(Fmt *f, unsigned imm8)
{
    unsigned v = (16 + (imm8 & 15)) << ((imm8 >> 4 & 7) ^ 4);

    fmt_printf(f, "#%s%u.", imm8 & 128 ? "-" : "", v >> 7);
    for (unsigned part = v & 127, digit = 0; digit < 8; digit++) {
        part *= 10;
        fmt_printf(f, "%u", part >> 7);
        part &= 127;
    }
}

static void put_fp_imm(Fmt *f, const A64Args *a)
{
    bool scalar = a->bits >> 28 & 1;

    arm_disas_fp_imm(f, scalar ? a->bits >> 13 & 255 : (a->bits >> 16 & 7) << 5 | (a->bits >> 5 & 31));
}

/* Modified immediate as written: the byte and its shift. */
static void put_shifted(Fmt *f, const A64Args *a)
{
    unsigned cmode = a->bits >> 12 & 15, byte = (a->bits >> 16 & 7) << 5 | (a->bits >> 5 & 31);

    fmt_printf(f, "#0x%x", byte);
    if (cmode == 12 || cmode == 13)
        fmt_printf(f, ", msl #%u", cmode == 12 ? 8 : 16);
    else if (cmode < 12 && cmode >> 1 & (cmode >= 8 ? 1 : 3))
        fmt_printf(f, ", lsl #%u", (cmode >> 1 & (cmode >= 8 ? 1 : 3)) * 8);
}

static void put_extension(Fmt *f, const A64Args *a)
{
    static const char names[8][5] = {"", "", "uxtw", "lsl", "", "", "sxtw", "sxtx"};
    bool shifted = a->bits >> 12 & 1;

    if (a->kind == 3 && !shifted)
        return;
    fmt_printf(f, ", %s", names[a->kind]);
    if (shifted)
        fmt_printf(f, " #%u", a->amount);
}

unsigned a64_disas_simd(Fmt *f, const char *code, const A64Args *a)
{
    unsigned r = code[1] == 'n' ? a->rn : code[1] == 'm' ? a->rm : code[1] == 'a' ? a->ra : a->rd;

    if (put_register(f, *code, r, a))
        return 2;
    switch (*code) {
    case 'U': fmt_puts(f, a->sf ? "2" : ""); break;
    case 'W': fmt_putc(f, a->sf ? 't' : 'b'); break;
    case 'f': put_fp_imm(f, a); break;
    case 'm': put_shifted(f, a); break;
    case 'M': fmt_printf(f, "#0x%llx", (unsigned long long)a->imm); break;
    case 'r': fmt_printf(f, "#%u", a->amount * 90u); break;
    case 'o':
        if (a->imm)
            fmt_printf(f, ", #%lld", (long long)a->imm);
        break;
    case 'x': put_extension(f, a); break;
    case 'P':
        if (a->rm == 31)
            fmt_printf(f, ", #%lld", (long long)a->imm);
        else
            fmt_printf(f, ", x%u", a->rm);
        break;
    case 'E': fmt_printf(f, "v%u.4b[%u]", a->rm, a->kind); break;
    case 'F': fmt_printf(f, "v%u.2h[%u]", a->rm, a->kind); break;
    case 'I': fmt_printf(f, "v%u.s[%u]", a->rm, a->kind); break;
    default: fmt_putc(f, *code);
    }
    return 1;
}
