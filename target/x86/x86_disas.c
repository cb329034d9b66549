#include "target/x86/x86_disas.h"

#include "base/fmt.h"
#include "target/x86/x86_cpu.h"
#include "target/x86/x86_decode.h"

static const char regs64[16][4] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                   "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
static const char regs8[8][4] = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};
static const char high8[4][3] = {"ah", "ch", "dh", "bh"};
static const char segs[8][3] = {"es", "cs", "ss", "ds", "fs", "gs", "?", "?"};

static void put_reg(Fmt *f, unsigned r, unsigned bytes, bool rex)
{
    if (bytes == 8)
        fmt_puts(f, regs64[r]);
    else if (r >= 8)
        fmt_printf(f, "%s%s", regs64[r], bytes == 4 ? "d" : bytes == 2 ? "w" : "b");
    else if (bytes == 1)
        fmt_puts(f, !rex && r >= 4 ? high8[r - 4] : regs8[r]);
    else
        fmt_printf(f, "%s%s", bytes == 4 ? "e" : "", regs64[r] + 1);
}

static void put_hex(Fmt *f, int64_t v)
{
    if (v < 0)
        fmt_printf(f, "-0x%lx", (unsigned long)(0 - (uint64_t)v));
    else
        fmt_printf(f, "+0x%lx", (unsigned long)v);
}

static void put_mem(Fmt *f, Gva pc, const X86Insn *x, unsigned bytes)
{
    const char *size = bytes == 1    ? "BYTE PTR "
                       : bytes == 2  ? "WORD PTR "
                       : bytes == 4  ? "DWORD PTR "
                       : bytes == 8  ? "QWORD PTR "
                       : bytes == 10 ? "TBYTE PTR "
                       : bytes == 16 ? "XMMWORD PTR "
                                     : "";
    unsigned width = x->asize;
    bool any = x->base >= 0 || x->index >= 0;
    fmt_puts(f, size);
    if (x->override)
        fmt_printf(f, "%s:", segs[x->override - 1]);
    else if (!any && x->base != -2)
        fmt_puts(f, "ds:");
    if (!any && x->base != -2) {
        fmt_printf(f, "0x%lx", (unsigned long)((uint64_t)(int64_t)x->disp & (~0ull >> (64 - 8 * x->asize))));
        return;
    }
    fmt_putc(f, '[');
    if (x->base == -2)
        fmt_puts(f, x->asize == 4 ? "eip" : "rip");
    else if (x->base >= 0)
        put_reg(f, (unsigned)x->base, width, true);
    if (x->index >= 0) {
        fmt_puts(f, x->base >= 0 ? "+" : "");
        put_reg(f, (unsigned)x->index, width, true);
        fmt_printf(f, "*%u", 1u << x->scale);
    }
    if (x->disp || x->base == -2 || x->base < 0 || (x->modrm >> 6) == 1 || (x->modrm >> 6) == 2)
        put_hex(f, x->disp);
    fmt_putc(f, ']');
    if (x->base == -2)
        fmt_printf(f, "        # 0x%lx", (unsigned long)(pc + x->len + (uint64_t)(int64_t)x->disp));
}

static void put_index(Fmt *f, const char *seg, unsigned r, unsigned bytes)
{
    fmt_printf(f, "%s:[", seg);
    put_reg(f, r, bytes, true);
    fmt_putc(f, ']');
}

static Gva target_of(Gva pc, const X86Insn *x, uint64_t off)
{
    Gva to = pc + x->len + off;
    return !x->code32 ? to : x->opsize == 2 ? to & 0xffff : to & 0xffffffff;
}

static void put_operand(Fmt *f, Gva pc, const X86Insn *x, unsigned k, uint64_t imm)
{
    unsigned bytes = x86_size(x, k);
    switch ((X86Where)x86_opd_where[x->row->opd[k]]) {
    case X86_WH_E:
    case X86_WH_M:
    case X86_WH_RY:
        if (x->mod == 3)
            put_reg(f, x->rm, bytes, x->rex);
        else
            put_mem(f, pc, x, bytes);
        break;
    case X86_WH_G: put_reg(f, x->reg, bytes, x->rex); break;
    case X86_WH_I:
    case X86_WH_S:
        fmt_printf(f, "0x%lx", (unsigned long)(bytes == 8 ? imm : imm & ((1ull << 8 * bytes) - 1)));
        break;
    case X86_WH_J: fmt_printf(f, "0x%lx", (unsigned long)target_of(pc, x, imm)); break;
    case X86_WH_FAR: fmt_printf(f, "0x%lx:0x%lx", (unsigned long)x->imm2, (unsigned long)imm); break;
    case X86_WH_O:
        fmt_printf(f, "%s:0x%lx", segs[x->override ? x->override - 1 : 3], (unsigned long)imm);
        break;
    case X86_WH_A: put_reg(f, 0, bytes, true); break;
    case X86_WH_C: put_reg(f, 1, bytes, true); break;
    case X86_WH_D: put_reg(f, 2, bytes, true); break;
    case X86_WH_ONE: fmt_puts(f, "1"); break;
    case X86_WH_Z: put_reg(f, (x->opc & 7u) | (x->rex & 1u) << 3, bytes, x->rex); break;
    case X86_WH_SEG: fmt_puts(f, segs[x->reg & 7]); break;
    case X86_WH_X: put_index(f, segs[x->override ? x->override - 1 : 3], X86_RSI, x->asize); break;
    case X86_WH_Y: put_index(f, "es", X86_RDI, x->asize); break;
    case X86_WH_V: fmt_printf(f, "xmm%u", x->reg); break;
    case X86_WH_W:
    case X86_WH_U:
        if (x->mod == 3)
            fmt_printf(f, "xmm%u", x->rm);
        else
            put_mem(f, pc, x, bytes);
        break;
    case X86_WH_P: fmt_printf(f, "mm%u", x->reg & 7); break;
    case X86_WH_Q:
    case X86_WH_N:
        if (x->mod == 3)
            fmt_printf(f, "mm%u", x->rm & 7);
        else
            put_mem(f, pc, x, bytes);
        break;
    default: fmt_putc(f, '?'); break;
    }
}

static unsigned disas(X86Mode mode, Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap)
{
    X86Insn x;
    X86Decoded how = x86_decode(bytes, n, mode, &x);
    Fmt f = {.buf = text, .cap = cap};
    if (how == X86_SHORT)
        return 0;
    if (how == X86_BAD) {
        fmt_puts(&f, "(bad)");
        return 1;
    }
    if (x.lock)
        fmt_puts(&f, "lock ");
    if (x.row->attr & X86_REP && x.rep)
        fmt_puts(&f, x.rep == 0xf2 ? "repnz " : "rep ");
    fmt_puts(&f, x.row->name);
    uint64_t imm = x.imm;
    for (unsigned k = 0; k < 3 && x.row->opd[k] != X86_OPD_None; k++) {
        unsigned where = x86_opd_where[x.row->opd[k]];
        fmt_putc(&f, k ? ',' : ' ');
        put_operand(&f, pc, &x, k, imm);
        if (where == X86_WH_I || where == X86_WH_S)
            imm = x.imm2;
    }
    return x.len;
}

unsigned x86_disas(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap)
{
    return disas(X86_MODE_64, pc, bytes, n, text, cap);
}

unsigned x86_disas32(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap)
{
    return disas(X86_MODE_32, pc, bytes, n, text, cap);
}
