#include "target/x86/x86_disas.h"

#include "base/fmt.h"
#include "target/x86/x86_cpu.h"
#include "target/x86/x86_decode.h"

static const char regs64[16][4] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                   "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
static const char regs8[8][4] = {"al", "cl", "dl", "bl", "spl", "bpl", "sil", "dil"};
static const char high8[4][3] = {"ah", "ch", "dh", "bh"};
static const char segs[8][3] = {"es", "cs", "ss", "ds", "fs", "gs", "?", "?"};

/* Rows whose name depends on the operand size: 16 bits, 32, rex.W. */
static const struct {
    char name[3][12];
} sized[] = {{{"cbw", "cwde", "cdqe"}},
             {{"cwd", "cdq", "cqo"}},
             {{"pushfw", "pushf", "pushf"}},
             {{"popfw", "popf", "popf"}},
             {{"leavew", "leave", "leave"}},
             {{"iretw", "iret", "iretq"}},
             {{"retfw", "retf", "retfq"}},
             {{"sysretd", "sysretd", "sysretq"}},
             {{"sysexitd", "sysexitd", "sysexitq"}},
             {{"pcmpestrm", "pcmpestrm", "pcmpestrmq"}},
             {{"pcmpestri", "pcmpestri", "pcmpestriq"}},
             {{"vpcmpestrm", "vpcmpestrm", "vpcmpestrmq"}},
             {{"vpcmpestri", "vpcmpestri", "vpcmpestriq"}},
             {{"cmpxchg8b", "cmpxchg8b", "cmpxchg16b"}},
             {{"movd", "movd", "movq"}},
             {{"pextrd", "pextrd", "pextrq"}},
             {{"pinsrd", "pinsrd", "pinsrq"}},
             {{"vmovd", "vmovd", "vmovq"}},
             {{"vpextrd", "vpextrd", "vpextrq"}},
             {{"vpinsrd", "vpinsrd", "vpinsrq"}},
             {{"fxsave", "fxsave", "fxsave64"}},
             {{"fxrstor", "fxrstor", "fxrstor64"}},
             {{"xsave", "xsave", "xsave64"}},
             {{"xsaveopt", "xsaveopt", "xsaveopt64"}},
             {{"xsavec", "xsavec", "xsavec64"}},
             {{"xrstor", "xrstor", "xrstor64"}}};

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

static void put_vec(Fmt *f, unsigned r, unsigned bytes)
{
    fmt_printf(f, "%cmm%u", bytes == 64 ? 'z' : bytes == 32 ? 'y' : 'x', r);
}

static void put_hex(Fmt *f, int64_t v)
{
    if (v < 0)
        fmt_printf(f, "-0x%lx", (unsigned long)(0 - (uint64_t)v));
    else
        fmt_printf(f, "+0x%lx", (unsigned long)v);
}

static void put_size(Fmt *f, unsigned bytes)
{
    fmt_puts(f, bytes == 1    ? "BYTE PTR "
                : bytes == 2  ? "WORD PTR "
                : bytes == 4  ? "DWORD PTR "
                : bytes == 8  ? "QWORD PTR "
                : bytes == 10 ? "TBYTE PTR "
                : bytes == 16 ? "XMMWORD PTR "
                : bytes == 32 ? "YMMWORD PTR "
                : bytes == 64 ? "ZMMWORD PTR "
                              : "");
}

/* The index of a gather: elements of 64 bits behind indexes of 32 have half as many indexes as fit. */
static unsigned index_bytes(const X86Insn *x)
{
    bool half = !(x->opc & 1) && x->rex & 8;
    return (16u << x->vl) >> (half && x->vl);
}

static void put_mem(Fmt *f, Gva pc, const X86Insn *x, unsigned bytes)
{
    unsigned width = x->asize;
    bool any = x->base >= 0 || x->index >= 0;
    if (x->evb)
        fmt_puts(f, x->row->source == 3 ? "QWORD BCST " : x->row->source == 2 ? "DWORD BCST " : "WORD BCST ");
    else
        put_size(f, bytes);
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
        if (x->row->attr & X86_VSIB)
            put_vec(f, (unsigned)x->index, index_bytes(x));
        else
            put_reg(f, (unsigned)x->index, width, true);
        fmt_printf(f, "*%u", 1u << x->scale);
    }
    if (x->disp || x->base == -2 || x->base < 0 || (x->modrm >> 6) == 1 || (x->modrm >> 6) == 2)
        put_hex(f, x->disp);
    fmt_putc(f, ']');
    if (x->base == -2)
        fmt_printf(f, "        # 0x%lx", (unsigned long)(pc + x->len + (uint64_t)(int64_t)x->disp));
}

static const char *data_segment(const X86Insn *x)
{
    return segs[x->override ? x->override - 1 : 3];
}

/* [rsi], [rdi] of string instructions */
static void put_string(Fmt *f, const X86Insn *x, unsigned r, unsigned bytes)
{
    put_size(f, bytes);
    fmt_printf(f, "%s:[", r == X86_RDI ? segs[0] : data_segment(x));
    put_reg(f, r, x->asize, true);
    fmt_putc(f, ']');
}

static void put_immediate(Fmt *f, unsigned bytes, uint64_t imm)
{
    fmt_printf(f, "0x%lx", (unsigned long)(bytes == 8 ? imm : imm & ((1ull << 8 * bytes) - 1)));
}

static Gva target_of(Gva pc, const X86Insn *x, uint64_t off)
{
    Gva to = pc + x->len + off;
    return x->opsize == 2 ? to & 0xffff : x->code32 ? to & 0xffffffff : to;
}

static void put_operand(Fmt *f, Gva pc, const X86Insn *x, unsigned k, uint64_t imm)
{
    unsigned bytes = x86_size(x, k);
    X86Where where = (X86Where)x86_opd_where[x->row->opd[k]];
    switch (where) {
    case X86_WH_E:
    case X86_WH_M:
    case X86_WH_RY:
    case X86_WH_W:
    case X86_WH_U:
    case X86_WH_Q:
    case X86_WH_N:
        if (x->mod != 3)
            put_mem(f, pc, x, bytes);
        else if (where == X86_WH_W || where == X86_WH_U)
            put_vec(f, x->rm, bytes);
        else if (where == X86_WH_Q || where == X86_WH_N)
            fmt_printf(f, "mm%u", x->rm & 7);
        else
            put_reg(f, x->rm, bytes, x->rex);
        break;
    case X86_WH_G: put_reg(f, x->reg, bytes, x->rex); break;
    case X86_WH_B: put_reg(f, x->vvvv, bytes, true); break;
    case X86_WH_I:
    case X86_WH_S:
        put_immediate(f, x->row->handler == X86_H_sse4a ? 1 : bytes, imm);
        if (x->row->handler == X86_H_sse4a && bytes == 2) { /* two in one */
            fmt_putc(f, ',');
            put_immediate(f, 1, imm >> 8);
        }
        break;
    case X86_WH_J: fmt_printf(f, "0x%lx", (unsigned long)target_of(pc, x, imm)); break;
    case X86_WH_FAR: fmt_printf(f, "0x%lx:0x%lx", (unsigned long)x->imm2, (unsigned long)imm); break;
    case X86_WH_O: fmt_printf(f, "%s:0x%lx", data_segment(x), (unsigned long)imm); break;
    case X86_WH_A: put_reg(f, 0, bytes, true); break;
    case X86_WH_C: put_reg(f, 1, bytes, true); break;
    case X86_WH_D: put_reg(f, 2, bytes, true); break;
    case X86_WH_ONE: fmt_puts(f, "1"); break;
    case X86_WH_Z: put_reg(f, (x->opc & 7u) | (x->rex & 1u) << 3, bytes, x->rex); break;
    case X86_WH_SEG: fmt_puts(f, segs[x->reg & 7]); break;
    case X86_WH_X: put_string(f, x, X86_RSI, bytes); break;
    case X86_WH_Y: put_string(f, x, X86_RDI, bytes); break;
    case X86_WH_V: put_vec(f, x->reg, bytes); break;
    case X86_WH_H: put_vec(f, x->vvvv, bytes); break;
    case X86_WH_L: put_vec(f, imm >> 4 & 15, bytes); break;
    case X86_WH_P: fmt_printf(f, "mm%u", x->reg & 7); break;
    case X86_WH_KG: fmt_printf(f, "k%u", x->reg & 7); break;
    case X86_WH_KV: fmt_printf(f, "k%u", x->vvvv & 7); break;
    case X86_WH_KE:
        if (x->mod == 3)
            fmt_printf(f, "k%u", x->rm & 7);
        else
            put_mem(f, pc, x, bytes);
        break;
    case X86_WH_ST: fmt_puts(f, "st"); break;
    case X86_WH_STI: fmt_printf(f, "st(%u)", x->rm & 7); break;
    case X86_WH_X0: fmt_puts(f, "xmm0"); break;
    case X86_WH_CR: fmt_printf(f, "cr%u", x->reg); break;
    case X86_WH_DR: fmt_printf(f, "dr%u", x->reg); break;
    case X86_WH_NONE: break;
    }
}

/* vvvv, where it is the operand behind the first (NDS) */
static void put_vvvv(Fmt *f, const X86Insn *x)
{
    unsigned where = x86_opd_where[x->row->opd[0]];
    fmt_putc(f, ',');
    if (where == X86_WH_G)
        put_reg(f, x->vvvv, x86_size(x, 0), true);
    else if (x86_opd_where[x->row->opd[1]] == X86_WH_KE)
        fmt_printf(f, "k%u", x->vvvv & 7);
    else
        put_vec(f, x->vvvv, x86_size(x, where == X86_WH_M || where == X86_WH_KG ? 1 : 0));
}

/* Behind the first operand: the mask. Behind the last one that is no immediate: rounding. */
static void put_evex(Fmt *f, const X86Insn *x, unsigned k)
{
    static const char rounding[4][8] = {"rn-sae", "rd-sae", "ru-sae", "rz-sae"};
    if (k == 0 && x->mask)
        fmt_printf(f, "{k%u}", x->mask);
    if (k == 0 && x->zero)
        fmt_puts(f, "{z}");
    unsigned next = k < 2 ? x->row->opd[k + 1] : X86_OPD_None;
    if (x86_sae(x) && (next == X86_OPD_None || x86_opd_where[next] == X86_WH_I))
        fmt_printf(f, "{%s}", x->row->evex & X86_EV_ER ? rounding[x->rc] : "sae");
}

static void put_name(Fmt *f, const X86Insn *x)
{
    const char *name = x86_row_name(x->row);
    unsigned size = x->rex & 8 ? 2 : x->has66 && x->row->pfx == X86_PFX_ANY ? 0 : 1;
    if (x->row->attr & X86_REP && x->rep)
        fmt_puts(f, x->rep == 0xf2                                                   ? "repnz "
                    : x->row->handler == X86_H_cmps || x->row->handler == X86_H_scas ? "repz "
                                                                                     : "rep ");
    if (x->row->handler == X86_H_mov && x86_opd_where[x->row->opd[1]] == X86_WH_I && x86_size(x, 1) == 8)
        name = "movabs";
    else if (x->row->handler == X86_H_loop && x->row->arg == 3)
        name = x->asize == 8 ? "jrcxz" : x->asize == 4 ? "jecxz" : "jcxz";
    for (unsigned k = 0; k < ARRAY_SIZE(sized); k++)
        if (!strcmp(sized[k].name[1], name))
            name = sized[k].name[size];
    fmt_puts(f, name);
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
    put_name(&f, &x);
    uint64_t imm = x.imm;
    for (unsigned k = 0; k < 3 && x.row->opd[k] != X86_OPD_None; k++) {
        unsigned where = x86_opd_where[x.row->opd[k]];
        if (k == 1 && x.row->attr & X86_NDS)
            put_vvvv(&f, &x);
        fmt_putc(&f, k ? ',' : ' ');
        put_operand(&f, pc, &x, k, imm);
        if (x.evex && where != X86_WH_I)
            put_evex(&f, &x, k);
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
