#include "target/riscv/rv_disas.h"

#include "base/fmt.h"
#include "target/riscv/rv_decode.h"

static const struct {
    char name[16], ops[12];
} row_text[RV_INSN_COUNT] = {
#define INSN(id, name, pic, fmt, ext, xlen, ops, handler) {name, ops},
#include "target/riscv/rv_insns.def"
#undef INSN
};

static const char x_names[32][5] = {
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0",  "a1",  "a2", "a3", "a4", "a5",
    "a6",   "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6"};
static const char f_names[32][5] = {"ft0", "ft1", "ft2",  "ft3",  "ft4", "ft5", "ft6",  "ft7",
                                    "fs0", "fs1", "fa0",  "fa1",  "fa2", "fa3", "fa4",  "fa5",
                                    "fa6", "fa7", "fs2",  "fs3",  "fs4", "fs5", "fs6",  "fs7",
                                    "fs8", "fs9", "fs10", "fs11", "ft8", "ft9", "ft10", "ft11"};
static const char rm_names[8][4] = {"rne", "rtz", "rdn", "rup", "rmm", "unk", "unk", "dyn"};

/* As the assembler calls them. */
static const char fli_names[32][9] = {
    "-1.0", "min",    "0x1p-16", "0x1p-15", "0x1p-8",  "0x1p-7",  "0.0625", "0.125",
    "0.25", "0.3125", "0.375",   "0.4375",  "0.5",     "0.625",   "0.75",   "0.875",
    "1.0",  "1.25",   "1.5",     "1.75",    "2.0",     "2.5",     "3.0",    "4.0",
    "8.0",  "16.0",   "128.0",   "256.0",   "0x1p+15", "0x1p+16", "inf",    "nan"};

static void put_csr(Fmt *f, unsigned csr)
{
    switch (csr) {
#define CSR(id, name, number, xlen) case number: fmt_puts(f, name); break;
#include "target/riscv/rv_csrs.def"
#undef CSR
    default: fmt_printf(f, "0x%x", csr);
    }
}

static void put_fence_set(Fmt *f, unsigned set)
{
    if (!set)
        fmt_putc(f, '0');
    for (unsigned i = 0; i < 4; i++)
        if (set & (8u >> i))
            fmt_putc(f, "iorw"[i]);
}

static void put_rounding(Fmt *f, unsigned rm, unsigned hidden)
{
    if (rm != hidden)
        fmt_printf(f, ",%s", rm_names[rm]);
}

static void put_operand(Fmt *f, char letter, unsigned xlen, Gva pc, const RvArgs *a)
{
    Gva target;

    switch (letter) {
    case 'd': fmt_puts(f, x_names[a->rd]); break;
    case 's': fmt_puts(f, x_names[a->rs1]); break;
    case 't': fmt_puts(f, x_names[a->rs2]); break;
    case 'D': fmt_puts(f, f_names[a->rd]); break;
    case 'S': fmt_puts(f, f_names[a->rs1]); break;
    case 'T': fmt_puts(f, f_names[a->rs2]); break;
    case 'R': fmt_puts(f, f_names[a->rs3]); break;
    case 'i': fmt_printf(f, "%d", a->imm); break;
    case 'x': fmt_printf(f, "0x%x", a->imm); break;
    case 'u': fmt_printf(f, "0x%x", (uint32_t)a->imm >> 12); break;
    case 'b':
        target = pc + (int64_t)a->imm;
        fmt_printf(f, "0x%llx", (unsigned long long)(xlen == RV_XLEN_32 ? (uint32_t)target : target));
        break;
    case 'f': fmt_puts(f, fli_names[a->imm & 31]); break;
    case 'c': put_csr(f, a->csr); break;
    case 'm': put_rounding(f, a->rm, 7); break;
    case 'M': put_rounding(f, a->rm, 0); break;
    case 'p': put_fence_set(f, a->imm >> 4 & 15); break;
    case 'w': put_fence_set(f, a->imm & 15); break;
    default: fmt_putc(f, letter);
    }
}

unsigned rv_disas_xlen(unsigned xlen, Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap)
{
    Fmt f = {.buf = text, .cap = cap};
    unsigned len = n < 2 ? 4 : rv_insn_len(ld_u16(bytes));
    RvArgs a;
    RvInsn insn;
    uint32_t bits;
    const char *ops;

    text[0] = 0;
    if (n < len)
        return 0;
    bits = len == 4 ? ld_u32(bytes) : ld_u16(bytes);
    insn = rv_decode(bits, xlen, &a);
    if (insn == RV_ILLEGAL) {
        fmt_printf(&f, ".%ubyte\t0x%x", len, bits);
        return len;
    }
    fmt_puts(&f, row_text[insn].name);
    ops = row_text[insn].ops;
    if (*ops == 'A') {
        fmt_puts(&f, a.aq && a.rl ? ".aqrl" : a.aq ? ".aq" : a.rl ? ".rl" : "");
        ops++;
    } else if (*ops == 'n') {
        fmt_printf(&f, "%d", a.imm);
        ops++;
    }
    if (*ops)
        fmt_putc(&f, '\t');
    for (; *ops; ops++)
        put_operand(&f, *ops, xlen, pc, &a);
    return len;
}

unsigned rv_disas_32(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap)
{
    return rv_disas_xlen(RV_XLEN_32, pc, bytes, n, text, cap);
}

unsigned rv_disas(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap)
{
    return rv_disas_xlen(RV_XLEN_64, pc, bytes, n, text, cap);
}
