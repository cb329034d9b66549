/* %-sequences of the mnemonic and operand columns:
 *   registers, followed by the field d n m a: X 64-bit, W 32-bit, R by sf, Z by size (3: 64-bit), + the one
 *   after Z,
 *     P 64-bit or SP, p by sf or SP, e as the extension of an index says, f as the extension of add and sub
 *     says
 *   i x    immediate, decimal, hexadecimal       I      immediate of 8 bits, signed
 *   o O    ", #imm"; o: nothing for 0            b B    address pc + imm; of the page
 *   m h    immediate with ", lsl #amount"        S      shift type and amount, nothing for LSL 0
 *   E Y    extension of add and sub; of an index c      condition
 *   k K    amount, kind                          w v    bytes of one register, of two
 *   r      prefetch operation                    D J t  options of DSB and DMB, of ISB, of BTI
 *   g G    system register, system instruction
 *   in mnemonics: z b h or nothing by size, y b h w, l acquire and release (bits 23, 22), C the same of CAS,
 *     j J options of CPY and SET
 *   .      what follows is for a64_disas_simd.c
 */
#include "target/arm/a64_disas.h"

#include "base/fmt.h"
#include "target/arm/a64_disas_priv.h"

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
    case 'm': return a->rm;
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
    case '+': put_reg(f, r + 1, a->size == 3, false); return true;
    case 'e': put_reg(f, r, a->kind & 1, false); return true;
    case 'f': put_reg(f, r, a->sf && (a->kind & 3) == 3, false); return true;
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

static void put_index_extension(Fmt *f, const A64Args *a)
{
    bool scaled = a->bits >> 12 & 1;

    if (a->kind != 3)
        fmt_printf(f, ", %s", ext_names[a->kind]);
    else if (scaled)
        fmt_puts(f, ", lsl");
    if (scaled)
        fmt_printf(f, " #%u", a->amount);
}

/* Prefetch: type, target level, policy (bits 4..3, 2..1, 0 of rd). */
static void put_prefetch(Fmt *f, unsigned op)
{
    static const char type[3][4] = {"pld", "pli", "pst"};

    if (op >> 3 == 3 || (op >> 1 & 3) == 3)
        fmt_printf(f, "#%u", op);
    else
        fmt_printf(f, "%sl%u%s", type[op >> 3], (op >> 1 & 3) + 1, op & 1 ? "strm" : "keep");
}

static void put_barrier(Fmt *f, unsigned option)
{
    static const char name[16][6] = {"",  "oshld", "oshst", "osh", "", "nshld", "nshst", "nsh",
                                     "", "ishld", "ishst", "ish", "", "ld",    "st",    "sy"};

    if (name[option][0])
        fmt_puts(f, name[option]);
    else
        fmt_printf(f, "#%u", option);
}

static void put_sysreg(Fmt *f, const A64Args *a)
{
    unsigned v = (unsigned)a->imm;

    switch (v) {
#define SYSREG(id, name, op0, op1, crn, crm, op2, feat)                                                      \
    case A64_SYSREG(op0, op1, crn, crm, op2):                                                                \
        fmt_puts(f, name);                                                                                   \
        break;
#include "target/arm/a64_sysregs.def"
#undef SYSREG
    default: fmt_printf(f, "s%u_%u_c%u_c%u_%u", v >> 14 & 3, v >> 11 & 7, v >> 7 & 15, v >> 3 & 15, v & 7);
    }
}

/* Suffixes of mnemonics; false: code is not one. */
static bool put_suffix(Fmt *f, char code, const A64Args *a)
{
    static const char order[4][3] = {"", "l", "a", "al"};
    static const char size_zx[4][2] = {"b", "h", "", ""}, size_sx[4][2] = {"b", "h", "w", ""};
    static const char cpy_t[4][4] = {"", "wt", "rt", "t"}, cpy_n[4][3] = {"", "wn", "rn", "n"};
    static const char set_tn[4][3] = {"", "t", "n", "tn"};

    switch (code) {
    case 'z': fmt_puts(f, size_zx[a->size]); return true;
    case 'y': fmt_puts(f, size_sx[a->size]); return true;
    case 'l': fmt_puts(f, order[a->bits >> 22 & 3]); return true;
    case 'C': fmt_puts(f, order[(a->bits >> 22 & 1) << 1 | (a->bits >> 15 & 1)]); return true;
    case 'j':
        fmt_puts(f, cpy_t[a->kind & 3]);
        fmt_puts(f, cpy_n[a->kind >> 2]);
        return true;
    case 'J': fmt_puts(f, set_tn[a->kind]); return true;
    default: return false;
    }
}

static void put_system_operand(Fmt *f, char code, const A64Args *a)
{
    static const char bti[4][3] = {"", "c", "j", "jc"};
    unsigned v = (unsigned)a->imm;

    switch (code) {
    case 'r': put_prefetch(f, a->rd); break;
    case 'D': put_barrier(f, v); break;
    case 'J':
        if (v != 15)
            fmt_printf(f, "#%u", v);
        break;
    case 't': fmt_puts(f, bti[v >> 1 & 3]); break;
    case 'g': put_sysreg(f, a); break;
    case 'G': fmt_printf(f, "#%u, c%u, c%u, #%u", v >> 11 & 7, v >> 7 & 15, v >> 3 & 15, v & 7); break;
    default: fmt_putc(f, code);
    }
}

static void put_operand(Fmt *f, char code, Gva pc, const A64Args *a)
{
    switch (code) {
    case 'o':
        if (!a->imm)
            break;
        fmt_puts(f, ", ");
        __attribute__((fallthrough));
    case 'i': fmt_printf(f, "#%lld", (long long)a->imm); break;
    case 'O': fmt_printf(f, ", #%lld", (long long)a->imm); break;
    case 'I': fmt_printf(f, "#%d", (int8_t)a->imm); break;
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
    case 'Y': put_index_extension(f, a); break;
    case 'w': fmt_printf(f, "%u", 1u << a->size); break;
    case 'v': fmt_printf(f, "%u", 2u << a->size); break;
    case 'c': fmt_puts(f, cond_names[a->kind]); break;
    case 'k': fmt_printf(f, "#%u", a->amount); break;
    case 'K': fmt_printf(f, "#%u", a->kind); break;
    default: put_system_operand(f, code, a);
    }
}

static void put_pattern(Fmt *f, const char *s, bool mnemonic, Gva pc, const A64Args *a)
{
    for (; *s; s++) {
        if (*s != '%')
            fmt_putc(f, *s);
        else if (s[1] == '.')
            s += 1 + a64_disas_simd(f, s + 2, a);
        else if (mnemonic && put_suffix(f, s[1], a))
            s++;
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
    put_pattern(&f, row_text[insn].name, true, pc, &a);
    if (*row_text[insn].ops)
        fmt_putc(&f, '\t');
    put_pattern(&f, row_text[insn].ops, false, pc, &a);
    return 4;
}
