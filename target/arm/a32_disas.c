/* %-sequences of the mnemonic and operand columns (letters are members of A32Args):
 *   d n m s a e   general register              i  immediate, +  immediate + 1, x  immediate of SVC
 *   c  condition  S  s if flags are set         H  shift type of a move with shift, else mov   h  shift type
 *   k  ", lsl #3" of a shifted register         K  ", lsl r3"      G  "r1" or "r1, #3" behind H
 *   M  modified immediate                       A  address         b  branch target            w  ", ror #8"
 *   l  register list   !  "!" if the base is written   J  "ib", "da", "db"   T  t if unprivileged
 *   x y  t or b (half)    X  x if halves change places    r  r if rounded   0  lowest bit
 *   %.  floating point and SIMD, see a32_disas_simd.c
 *   f  fields of the status register   B  barrier option   E  endianness   t q  IT: then and else, condition
 *   N  name of a hint, and its number where it has no name
 */
#include "target/arm/a32_disas.h"
#include "target/arm/a32_disas_priv.h"

#include "base/fmt.h"
#include "target/arm/a32_decode.h"
#include "target/arm/arm_cpu.h"

typedef struct RowText {
    char name[24], ops[32];
} RowText;
static const RowText row_text[] = {
#define INSN(id, name, pic, fmt, feat, handler, ops) [A32_##id] = {name, ops},
#include "target/arm/a32_rows.inc"
#undef INSN
#define INSN(id, name, pic, fmt, feat, handler, ops) [T32_##id] = {name, ops},
#include "target/arm/t32_rows.inc"
#undef INSN
};

static const char cond_names[16][3] = {"eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc",
                                       "hi", "ls", "ge", "lt", "gt", "le", "", "nv"};
static const char reg_names[16][4] = {"r0", "r1", "r2",  "r3",  "r4",  "r5", "r6", "r7",
                                      "r8", "r9", "r10", "r11", "r12", "sp", "lr", "pc"};
static const char shift_names[5][4] = {"lsl", "lsr", "asr", "ror", "rrx"};
static const char barrier_names[16][8] = {"#0x0", "oshld", "oshst", "osh", "#0x4", "nshld", "nshst", "nsh",
                                          "#0x8", "ishld", "ishst", "ish", "#0xc", "ld",    "st",    "sy"};

static void put_reg(Fmt *f, unsigned r) { fmt_puts(f, reg_names[r & 15]); }
void a32_disas_reg(Fmt *f, unsigned r) { put_reg(f, r); }

static void put_list(Fmt *f, unsigned list)
{
    bool first = true;

    fmt_putc(f, '{');
    for (unsigned r = 0; r < 16; r++)
        if (list >> r & 1) {
            fmt_puts(f, first ? "" : ", ");
            put_reg(f, r);
            first = false;
        }
    fmt_putc(f, '}');
}

static void put_shift(Fmt *f, const A32Args *a)
{
    if (a->shift == A32_RRX)
        fmt_puts(f, ", rrx");
    else if (a->amount)
        fmt_printf(f, ", %s #%u", shift_names[a->shift], a->amount);
}

/* The immediate; of several encodings of one value the others show both parts. */
static void put_modified(Fmt *f, const A32Args *a)
{
    uint32_t v = (uint32_t)a->imm;

    if (!a->thumb) {
        unsigned rot = a->i >> 8 << 1, best = 0;
        while (best < 32 && (best ? v << best | v >> (32 - best) : v) > 255)
            best += 2;
        if (rot != best) {
            fmt_printf(f, "#%u, #%u", a->i & 255u, rot);
            return;
        }
    }
    fmt_printf(f, a->thumb ? "#%u" : "#%d", v);
}

static void put_offset(Fmt *f, const A32Args *a)
{
    if (a->form == A32_IMM) {
        fmt_printf(f, a->imm || a->U ? "#%d" : "#-%d", a->imm);
        return;
    }
    fmt_puts(f, a->U ? "" : "-");
    put_reg(f, a->m);
    put_shift(f, a);
}

static void put_address(Fmt *f, const A32Args *a)
{
    bool zero = a->form == A32_IMM && a->imm == 0 && a->U && !a->W && !(a->thumb && a->n == 15);

    fmt_putc(f, '[');
    put_reg(f, a->n);
    if (!a->P)
        fmt_putc(f, ']');
    if (!zero || !a->P) {
        fmt_puts(f, ", ");
        put_offset(f, a);
    }
    if (a->P)
        fmt_puts(f, a->W ? "]!" : "]");
}

static void put_status_fields(Fmt *f, unsigned fields)
{
    static const char names[4][8] = {"", "g", "nzcvq", "nzcvqg"};

    if (fields & 3)
        fmt_printf(f, "CPSR_%s%s%s%s", fields & 8 ? "f" : "", fields & 4 ? "s" : "", fields & 2 ? "x" : "",
                   fields & 1 ? "c" : "");
    else
        fmt_printf(f, "apsr_%s", names[fields >> 2 & 3]);
}

/* Letters of IT behind the first. */
static void put_then_else(Fmt *f, const A32Args *a)
{
    unsigned stop = (unsigned)__builtin_ctz(a->i | 16u);

    for (unsigned k = 3; k > stop; k--)
        fmt_putc(f, (a->i >> k & 1) == (a->q & 1) ? 't' : 'e');
}

/* Hints with names; the others have a number. */
static const char *hint_name(const A32Args *a)
{
    switch (a->imm) {
    case 0: return "nop";
    case 1: return "yield";
    case 2: return "wfe";
    case 3: return "wfi";
    case 4: return "sev";
    case 5: return "sevl";
    case 16: return "esb";
    case 20: return "csdb";
    default: return a->imm >= 240 ? "dbg" : NULL;
    }
}

static bool has_number(const A32Args *a) { return !hint_name(a) || a->imm >= 240; }

/* Parts of mnemonics; false: it is not one. */
static bool put_suffix(Fmt *f, char code, const A32Args *a)
{
    switch (code) {
    case 'c': fmt_puts(f, cond_names[a->cond]); return true;
    case 'S': fmt_puts(f, a->S ? "s" : ""); return true;
    case 'H': fmt_puts(f, a->shift == A32_LSL && !a->amount ? "mov" : shift_names[a->shift]); return true;
    case 'h': fmt_puts(f, shift_names[a->shift]); return true;
    case 'T': fmt_puts(f, a->unprivileged ? "t" : ""); return true;
    case 'J': fmt_puts(f, a->U ? (a->P ? "ib" : "") : a->P ? "db" : "da"); return true;
    case 'y': fmt_putc(f, a->y ? 't' : 'b'); return true;
    case 'X': fmt_puts(f, a->x ? "x" : ""); return true;
    case 'r': fmt_puts(f, a->r ? "r" : ""); return true;
    case 't': put_then_else(f, a); return true;
    case 'N': fmt_puts(f, hint_name(a) ? hint_name(a) : "hint"); return true;
    default: return false;
    }
}

/* Of MRC and MCR, MRRC and MCRR (a second register instead of CRn and opc2). */
static void put_coprocessor(Fmt *f, const A32Args *a)
{
    bool two = !(a->bits >> 25 & 1);

    fmt_printf(f, "p%u, #%u, ", 14u + a->q, a->o);
    put_reg(f, a->d);
    if (two) {
        fmt_puts(f, ", ");
        put_reg(f, a->e);
        fmt_printf(f, ", c%u", a->m);
    } else {
        fmt_printf(f, ", c%u, c%u, #%u", a->n, a->m, a->p);
    }
}

static void put_target(Fmt *f, Gva pc, const A32Args *a)
{
    uint32_t at = (uint32_t)pc & ~1u, target = at + (uint32_t)a->imm;
    bool exchanges = a->thumb && a->format == A32_FMT_TB && !(a->bits >> 12 & 1) && (a->bits >> 14 & 1);

    fmt_printf(f, "0x%x", exchanges ? target & ~3u : target);
}

static void put_operand(Fmt *f, char code, Gva pc, const A32Args *a)
{
    switch (code) {
    case 'd': put_reg(f, a->d); break;
    case 'n': put_reg(f, a->n); break;
    case 'm': put_reg(f, a->m); break;
    case 's': put_reg(f, a->s); break;
    case 'a': put_reg(f, a->a); break;
    case 'e': put_reg(f, a->e); break;
    case 'i': fmt_printf(f, "#%d", a->imm); break;
    case 'N':
        if (has_number(a))
            fmt_printf(f, "#%d", a->imm & (hint_name(a) ? 15 : 255));
        break;
    case '+': fmt_printf(f, "#%d", a->imm + 1); break;
    case 'x': fmt_printf(f, "#%u", a->bits & (a->thumb ? 0 : 0xffffff) ? a->bits & 0xffffff : a->i); break;
    case '0': fmt_printf(f, "%u", a->amount); break;
    case 'k': put_shift(f, a); break;
    case 'K':
        fmt_printf(f, ", %s ", shift_names[a->shift]);
        put_reg(f, a->s);
        break;
    case 'G':
        put_reg(f, a->m);
        if (a->amount && a->shift != A32_RRX)
            fmt_printf(f, ", #%u", a->amount);
        break;
    case 'M': put_modified(f, a); break;
    case 'A': put_address(f, a); break;
    case 'b': put_target(f, pc, a); break;
    case 'w':
        if (a->w)
            fmt_printf(f, ", ror #%u", a->w * 8);
        break;
    case 'l': put_list(f, a->l); break;
    case 'C': put_coprocessor(f, a); break;
    case '!': fmt_puts(f, a->W ? "!" : ""); break;
    case 'f': put_status_fields(f, a->f); break;
    case 'B': fmt_puts(f, barrier_names[a->i & 15]); break;
    case 'E': fmt_puts(f, a->i ? "be" : "le"); break;
    case 'q': fmt_puts(f, a->q == 14 ? "al" : cond_names[a->q & 15]); break;
    default: fmt_putc(f, code);
    }
}

static void put_pattern(Fmt *f, const char *s, Gva pc, const A32Args *a, bool mnemonic)
{
    for (; *s; s++) {
        if (*s != '%')
            fmt_putc(f, *s);
        else if (s[1] == '.')
            s += 1 + (mnemonic ? a32_disas_simd_name(f, s + 2, a) : a32_disas_simd(f, s + 2, a));
        else if (mnemonic && s[1] == 'x')
            s++, fmt_putc(f, a->x ? 't' : 'b');
        else if (!mnemonic || !put_suffix(f, s[1], a))
            put_operand(f, *++s, pc, a);
        else
            s++;
    }
}

unsigned a32_disas(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap)
{
    Fmt f = {.buf = text, .cap = cap};
    bool thumb = pc & ARM_PC_T;
    unsigned it = (unsigned)(pc >> ARM_PC_IT_SHIFT), len = 4;
    A32Args a;
    A32Insn insn;

    text[0] = 0;
    if (thumb)
        len = n >= 2 ? t32_insn_len(ld_u16(bytes)) : 4;
    if (n < len)
        return 0;
    if (thumb)
        insn = t32_decode((uint32_t)ld_u16(bytes) << 16 | (len == 4 ? ld_u16(bytes + 2) : 0u), it, &a);
    else
        insn = a32_decode(ld_u32(bytes), &a);
    if (insn == A32_ILLEGAL) {
        fmt_printf(&f, len == 2 ? ".short\t0x%04x" : ".long\t0x%08x", a.bits >> (len == 2 ? 16 : 0));
        return len;
    }
    put_pattern(&f, row_text[insn].name, pc, &a, true);
    const char *ops = row_text[insn].ops;
    if (*ops && (strcmp(ops, "%N") || has_number(&a)))
        fmt_putc(&f, '\t');
    put_pattern(&f, ops, pc, &a, false);
    return len;
}
