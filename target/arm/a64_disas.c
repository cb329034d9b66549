/* %-sequences of the mnemonic and operand columns:
 *   registers, followed by the field d n m a, t (= d), s (= m): X 64-bit, W 32-bit, R by sf, Z by size (3: 64-bit),
 *     P 64-bit or SP, p by sf or SP, e as the extension option says (%em)
 *   i, x   the immediate, decimal or hexadecimal       b  address pc + imm (adrp: of the page)
 *   m      ", lsl #amount" immediate of the wide moves  S  shift type and amount, nothing for LSL 0
 *   h      ", lsl #12" of add and sub                   E  extension option and amount, LSL for 64-bit without
 *   c      condition                                    k  amount          K  kind
 */
#include "target/arm/a64_disas.h"

#include "base/fmt.h"
#include "target/arm/a64_decode.h"

static const struct {
    char name[16], ops[32];
} row_text[A64_INSN_COUNT] = {
#define INSN(id, name, pic, fmt, feat, handler, ops) {name, ops},
#include "target/arm/a64_rows.inc"
#undef INSN
};

static const char cond_names[16][3] = {"eq", "ne", "hs", "lo", "mi", "pl", "vs", "vc",
                                       "hi", "ls", "ge", "lt", "gt", "le", "al", "nv"};
static const char shift_names[4][4] = {"lsl", "lsr", "asr", "ror"};
static const char ext_names[8][5] = {"uxtb", "uxth", "uxtw", "uxtx", "sxtb", "sxth", "sxtw", "sxtx"};

static unsigned field(const A64Args *a, char letter)
{
    switch (letter) {
    case 'n': return a->rn;
    case 'm':
    case 's': return a->rm;
    case 'a': return a->ra;
    default: return a->rd;
    }
}

static void put_reg(Fmt *f, unsigned r, bool wide, bool sp)
{
    if (r != 31)
        fmt_printf(f, "%c%u", wide ? 'x' : 'w', r);
    else if (sp)
        fmt_puts(f, wide ? "sp" : "wsp");
    else
        fmt_puts(f, wide ? "xzr" : "wzr");
}

/* True: code is one of the register classes and was printed. */
static bool put_register(Fmt *f, char code, char letter, const A64Args *a)
{
    unsigned r = field(a, letter);

    switch (code) {
    case 'X': put_reg(f, r, true, false); return true;
    case 'W': put_reg(f, r, false, false); return true;
    case 'R': put_reg(f, r, a->sf, false); return true;
    case 'Z': put_reg(f, r, a->size == 3, false); return true;
    case 'P': put_reg(f, r, true, true); return true;
    case 'p': put_reg(f, r, a->sf, true); return true;
    case 'e': put_reg(f, r, (a->kind & 3) == 3, false); return true;
    default: return false;
    }
}

/* "Extended register" of add and sub: LSL stands for the extension of the width itself when SP takes part. */
static void put_extension(Fmt *f, const A64Args *a)
{
    bool sp = a->rn == 31 || (a->rd == 31 && !(a->bits >> 29 & 1));

    if (sp && a->kind == (a->sf ? 3 : 2)) {
        if (a->amount)
            fmt_printf(f, ", lsl #%u", a->amount);
        return;
    }
    fmt_printf(f, ", %s", ext_names[a->kind]);
    if (a->amount)
        fmt_printf(f, " #%u", a->amount);
}

static void put_operand(Fmt *f, char code, Gva pc, const A64Args *a)
{
    switch (code) {
    case 'i': fmt_printf(f, "#%lld", (long long)a->imm); break;
    case 'x': fmt_printf(f, "#0x%llx", (unsigned long long)a->imm); break;
    case 'b': fmt_printf(f, "0x%llx", (unsigned long long)(pc + (uint64_t)a->imm)); break;
    case 'B': fmt_printf(f, "0x%llx", (unsigned long long)((pc & ~4095ull) + (uint64_t)a->imm)); break;
    case 'm':
        fmt_printf(f, "#0x%llx", (unsigned long long)a->imm);
        if (a->amount)
            fmt_printf(f, ", lsl #%u", a->amount);
        break;
    case 'h':
        fmt_printf(f, "#0x%llx", (unsigned long long)(a->imm >> a->amount));
        if (a->amount)
            fmt_printf(f, ", lsl #%u", a->amount);
        break;
    case 'S':
        if (a->kind || a->amount)
            fmt_printf(f, ", %s #%u", shift_names[a->kind], a->amount);
        break;
    case 'E': put_extension(f, a); break;
    case 'c': fmt_puts(f, cond_names[a->kind]); break;
    case 'k': fmt_printf(f, "#%u", a->amount); break;
    case 'K': fmt_printf(f, "#%u", a->kind); break;
    default: fmt_putc(f, code);
    }
}

static void put_pattern(Fmt *f, const char *s, Gva pc, const A64Args *a)
{
    for (; *s; s++) {
        if (*s != '%')
            fmt_putc(f, *s);
        else if (put_register(f, s[1], s[2], a))
            s += 2;
        else
            put_operand(f, *++s, pc, a);
    }
}

unsigned a64_disas(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap)
{
    Fmt f = {.buf = text, .cap = cap};
    A64Args a;
    A64Insn insn;

    text[0] = 0;
    if (n < 4)
        return 0;
    insn = a64_decode(ld_u32(bytes), &a);
    if (insn == A64_ILLEGAL) {
        fmt_printf(&f, ".4byte\t0x%08x", ld_u32(bytes));
        return 4;
    }
    put_pattern(&f, row_text[insn].name, pc, &a);
    if (*row_text[insn].ops)
        fmt_putc(&f, '\t');
    put_pattern(&f, row_text[insn].ops, pc, &a);
    return 4;
}
