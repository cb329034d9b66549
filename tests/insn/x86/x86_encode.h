/* Random instances of each row, for the programs that compare rows with the processor. */
#ifndef TESTS_INSN_X86_X86_ENCODE_H
#define TESTS_INSN_X86_X86_ENCODE_H

#include "target/x86/x86_attrs.h"
#include "target/x86/x86_cpu.h"
#include "target/x86/x86_evex.h"
#include "tests/insn/x86/x86_random.h"

#ifdef __x86_64__
enum { IS32 = 0, REGS = 16 };
#else
enum { IS32 = 1, REGS = 8 };
#endif

enum {
    AREA = 0x50000000, /* above where the heap may begin, within 2 GiB of the program */
    AREA_BYTES = 8192,
    BUF = AREA + 2048,
    CODE = 0x58000000,
    CODE_BYTES = 64 << 20
};

typedef struct RowInfo {
    const char *id, *name;
    int map, pfx, opc, ext, attr, evex, handler, arg, opd[3], lane, source, feat[2];
} RowInfo;
static const RowInfo rows[] = {
#define ROW(id, map, pfx, opc, ext, attr, evex, name, handler, arg, a, b, c, lane, source, feat128, feat256) \
    {#id,                                                                                                    \
     name,                                                                                                   \
     X86_MAP_##map,                                                                                          \
     X86_PFX_##pfx,                                                                                          \
     opc,                                                                                                    \
     ext,                                                                                                    \
     attr,                                                                                                   \
     evex,                                                                                                   \
     X86_H_##handler,                                                                                        \
     arg,                                                                                                    \
     {X86_OPD_##a, X86_OPD_##b, X86_OPD_##c},                                                                \
     lane,                                                                                                   \
     source,                                                                                                 \
     {X86_FEAT_##feat128, X86_FEAT_##feat256}},
#define EVEX(id, map, pfx, opc, ext, attr, evex, name, handler, arg, a, b, c, lane, source, feat)            \
    ROW(id, map, pfx, opc, ext, attr, evex, name, handler, arg, a, b, c, lane, source, feat, feat)
#define VEX(id, map, pfx, opc, ext, attr, name, handler, arg, a, b, c, feat128, feat256)                     \
    ROW(id, map, pfx, opc, ext, attr, 0, name, handler, arg, a, b, c, 0, 0, feat128, feat256)
#define INSN(id, map, pfx, opc, ext, attr, name, handler, arg, a, b, c)                                      \
    ROW(id, map, pfx, opc, ext, attr, 0, name, handler, arg, a, b, c, 0, 0, FPU, FPU)
#include "target/x86/x86_rows.inc"
#undef ROW
#undef EVEX
#undef VEX
#undef INSN
};

static bool has_where(const RowInfo *r, unsigned where)
{
    for (unsigned k = 0; k < 3; k++)
        if (x86_opd_where[r->opd[k]] == where)
            return true;
    return false;
}

static unsigned imm_bytes(const RowInfo *r, unsigned k, bool w, bool p66)
{
    unsigned opsize = w ? 8 : p66 ? 2 : r->attr & D64 && !IS32 ? 8 : 4;
    switch (x86_opd_size_code[r->opd[k]]) {
    case X86_SZ_B: return 1;
    case X86_SZ_W: return 2;
    case X86_SZ_Z: return opsize == 2 ? 2 : 4;
    default: return opsize;
    }
}

static bool wants_modrm(const RowInfo *r)
{
    for (unsigned k = 0; k < 3; k++) {
        unsigned w = x86_opd_where[r->opd[k]];
        if (w == X86_WH_E || w == X86_WH_G || w == X86_WH_M || w == X86_WH_SEG ||
            (w >= X86_WH_V && w != X86_WH_L && w != X86_WH_B))
            return true;
    }
    return r->ext >= 0;
}

/* VEX in front of the opcode: W, R X B as in rex. */
static uint8_t *put_vex(const RowInfo *r, uint8_t *q, unsigned rex, bool w)
{
    static const uint8_t pp[] = {[X86_PFX_66] = 1, [X86_PFX_F3] = 2, [X86_PFX_F2] = 3};
    bool l = r->attr & L1 || (!(r->attr & L0) && rnd() % 2);
    w = r->attr & W1 || (!(r->attr & W0) && w);
    unsigned v = r->attr & NDS || has_where(r, X86_WH_H) || has_where(r, X86_WH_B) ? rnd() % 16 : 0;
    if (has_where(r, X86_WH_B) && v == 4) /* not rsp */
        v = 6;
    unsigned last = (v ^ 15) << 3 | l << 2 | pp[r->pfx];
    if (r->map == X86_MAP_V0F && !(rex & 3) && !w) {
        *q++ = 0xc5;
        *q++ = (uint8_t)(last | (rex & 4 ? 0 : 0x80));
        return q;
    }
    *q++ = 0xc4;
    *q++ = (uint8_t)((rex & 4 ? 0 : 0x80) | (rex & 2 ? 0 : 0x40) | (rex & 1 ? 0 : 0x20) |
                     (r->map - X86_MAP_V0F + 1));
    *q++ = (uint8_t)(last | w << 7);
    return q;
}

enum { SMALL = IS32 ? 6 : 14 };

/* Returns the length. Base registers of memory operands: rbx, rbp, rdi, r11 point into the buffer; r14 or esi
 * is a small index. */
static unsigned encode_old(const RowInfo *r, uint8_t *p)
{
    static const uint8_t bases[] = {3, 5, 7, 11};
    uint8_t *q = p;
    bool vex = r->map >= X86_MAP_V0F, w = rnd() % 3 == 0 && (!IS32 || vex),
         p66 = r->pfx == X86_PFX_66 || (r->pfx == X86_PFX_ANY && rnd() % 4 == 0);
    uint8_t rex = !IS32 && (rnd() % 2 || w) ? (uint8_t)(0x40 | (rnd() & 5) | (w ? 8 : 0)) : 0;
    if (r->handler == X86_H_lea && rnd() % 4 == 0)
        *q++ = 0x67;
    if (p66 && !vex)
        *q++ = 0x66;
    if (vex)
        rex = IS32 ? 0 : (uint8_t)rnd() & 5;
    else if (r->pfx == X86_PFX_F3 || r->pfx == X86_PFX_F2)
        *q++ = r->pfx == X86_PFX_F3 ? 0xf3 : 0xf2;
    else if (r->attr & REP && rnd() % 2)
        *q++ = rnd() % 2 ? 0xf3 : 0xf2;
    uint8_t modrm = (uint8_t)rnd(), base = bases[rnd() % (IS32 ? 3 : 4)];
    bool mem = r->attr & MEM || (!(r->attr & (REG | RM)) && rnd() % 2), sib = r->attr & VSIB || !(rnd() % 4);
    unsigned index = r->attr & VSIB ? rnd() % REGS : SMALL;
    if (r->ext >= 0)
        modrm = r->attr & RM ? (uint8_t)r->ext : (uint8_t)((modrm & 0xc7) | r->ext << 3);
    if (wants_modrm(r) && mem) {
        modrm = (uint8_t)((modrm & 0x38) | 0x40 | (sib ? 4 : base & 7));
        rex = base & 8 ? (rex | 1) : rex & ~1;
        if (sib && index & 8)
            rex = rex | 2;
        if (rex && !vex)
            rex |= 0x40;
        if (r->attr & LOCK && rnd() % 4 == 0 &&
            (r->handler != X86_H_alu || r->opc >= 0x80 ? true : !(r->opc & 2)))
            memmove(p + 1, p, (size_t)(q - p)), *p = 0xf0, q++;
    } else {
        modrm |= 0xc0;
    }
    if (vex)
        q = put_vex(r, q, rex, w);
    else if (rex)
        *q++ = rex;
    if (r->map && !vex)
        *q++ = 0x0f;
    if (r->map >= X86_MAP_38 && !vex)
        *q++ = r->map == X86_MAP_38 ? 0x38 : 0x3a;
    *q++ = (uint8_t)r->opc;
    if (wants_modrm(r)) {
        *q++ = modrm;
        if (mem && sib)
            *q++ = (uint8_t)((rnd() & 0xc0) | (index & 7) << 3 | (base & 7));
        if (mem)
            *q++ = (uint8_t)((rnd() % 16 - 8) * 16);
    }
    for (unsigned k = 0; k < 3; k++) {
        unsigned where = x86_opd_where[r->opd[k]];
        uint64_t v = where == X86_WH_O ? BUF + rnd() % 64 : value();
        unsigned n = where == X86_WH_O                        ? (IS32 ? 4 : 8)
                     : where == X86_WH_I || where == X86_WH_S ? imm_bytes(r, k, w, p66)
                     : where == X86_WH_L                      ? 1
                                                              : 0;
        memcpy(q, &v, n);
        q += n;
    }
    return (unsigned)(q - p);
}

static bool uses_vvvv(const RowInfo *r)
{
    return r->attr & NDS || has_where(r, X86_WH_H) || has_where(r, X86_WH_KV);
}

static uint8_t *put_prefix(const RowInfo *r, uint8_t *q, unsigned rex, unsigned index, bool mem)
{
    static const uint8_t pp[] = {[X86_PFX_66] = 1, [X86_PFX_F3] = 2, [X86_PFX_F2] = 3};
    bool w = r->attr & W1 || (!(r->attr & W0) && rnd() % 2);
    unsigned v = uses_vvvv(r) ? rnd() % (r->map >= X86_MAP_E0F && !IS32 ? 32 : 8) : 0;
    if (r->map < X86_MAP_E0F) {
        *q++ = 0xc4;
        *q++ = (uint8_t)((rex & 4 ? 0 : 0x80) | 0x40 | (rex & 1 ? 0 : 0x20) | (r->map - X86_MAP_V0F + 1));
        *q++ = (uint8_t)(w << 7 | (~v & 15) << 3 | (r->attr & L1 ? 4 : 0) | pp[r->pfx]);
        return q;
    }
    unsigned vl = r->attr & L0 ? 0 : r->evex & L2 ? 2 : r->evex & L12 ? 1 + rnd() % 2 : rnd() % 3;
    unsigned mask = r->evex & KM ? 1 + rnd() % 7 : r->evex & K && rnd() % 4 ? rnd() % 8 : 0;
    bool can_b = mem ? r->evex & BC : r->evex & (ER | SAE), b = can_b && rnd() % 3 == 0;
    bool z = mask && r->evex & K && rnd() % 3 == 0,
         high = rnd() % 2 && !IS32 && !has_where(r, X86_WH_KG) && !has_where(r, X86_WH_G);
    bool x = mem ? index & 8 : rnd() % 2 && !IS32 && (has_where(r, X86_WH_W) || has_where(r, X86_WH_U));
    if (b && !mem)
        vl = rnd() % 4;
    if (r->attr & VSIB)
        v = (index & 16) | (v & 15);
    *q++ = 0x62;
    *q++ = (uint8_t)((rex & 4 ? 0 : 0x80) | (x ? 0 : 0x40) | (rex & 1 ? 0 : 0x20) | (high ? 0 : 0x10) |
                     (r->map - X86_MAP_E0F + 1));
    *q++ = (uint8_t)(w << 7 | (~v & 15) << 3 | 4 | pp[r->pfx]);
    *q++ = (uint8_t)(z << 7 | vl << 5 | b << 4 | (v & 16 ? 0 : 8) | mask);
    return q;
}

/* Base registers of memory operands: rbx, rbp, rdi, r11 point into the buffer; r14 is a small index. */
static unsigned encode_avx512(const RowInfo *r, uint8_t *p)
{
    static const uint8_t bases[] = {3, 5, 7, 11};
    uint8_t *q = p, base = bases[rnd() % (IS32 ? 3 : 4)];
    bool mem = r->attr & MEM || (!(r->attr & REG) && rnd() % 2), sib = r->attr & VSIB || rnd() % 4 == 0;
    unsigned index = r->attr & VSIB ? rnd() % (IS32 ? 8 : 32) : SMALL, rex = IS32 ? 0 : rnd() & 5;
    uint8_t modrm = (uint8_t)rnd();
    if (r->ext >= 0)
        modrm = (uint8_t)((modrm & 0xc7) | r->ext << 3);
    if (has_where(r, X86_WH_KG) || has_where(r, X86_WH_KV))
        rex &= 1;
    if (!mem && (has_where(r, X86_WH_KE)))
        rex &= 4;
    if (mem) {
        modrm = (uint8_t)((modrm & 0x38) | 0x40 | (sib ? 4 : base & 7));
        rex = base & 8 ? rex | 1 : rex & ~1u;
    } else {
        modrm |= 0xc0;
    }
    q = put_prefix(r, q, rex, sib ? index : 0, mem);
    if (r->map < X86_MAP_E0F && mem && sib)
        p[1] &= 0xbf;
    *q++ = (uint8_t)r->opc;
    *q++ = modrm;
    if (mem && sib)
        *q++ = (uint8_t)((rnd() & 0xc0) | (index & 7) << 3 | (base & 7));
    if (mem)
        *q++ = (uint8_t)(rnd() % 16 - 8);
    if (has_where(r, X86_WH_I))
        *q++ = (uint8_t)(rnd() % 2 ? rnd() : rnd() % 8);
    return (unsigned)(q - p);
}

static unsigned encode(const RowInfo *r, uint8_t *p)
{
    return x86_avx512((unsigned)r->map, (unsigned)r->handler) ? encode_avx512(r, p) : encode_old(r, p);
}

/* Is it of this row, and harmless? rsp is not to be written by AVX-512's. */
static bool good(const RowInfo *r, const uint8_t *p, unsigned n, X86Insn *x)
{
    if (x86_decode(p, n, IS32 ? X86_MODE_32 : X86_MODE_64, x) != X86_OK || x->len != n ||
        x86_row_number(x->row) != (unsigned)(r - rows))
        return false;
    if (!x86_avx512((unsigned)r->map, (unsigned)r->handler))
        return true;
    for (unsigned k = 0; k < 3; k++) {
        unsigned where = x86_opd_where[r->opd[k]];
        if ((where == X86_WH_G && x->reg == 4) ||
            ((where == X86_WH_E || where == X86_WH_RY) && x->mod == 3 && x->rm == 4))
            return false;
    }
    return !(r->attr & VSIB && (unsigned)x->index == x->reg);
}

/* An instance of the row; 0: there is none. */
static unsigned instance(const RowInfo *r, uint8_t *p, X86Insn *x)
{
    for (unsigned tries = 0; tries < 400; tries++) {
        unsigned n = encode(r, p);
        if (good(r, p, n, x))
            return n;
    }
    return 0;
}

/* fldenv, fldcw, fnstenv, frstor, fnsave: they see the pointers, which are not compared, and unmask. */
static bool is_environment(const RowInfo *r)
{
    return r->handler == X86_H_x87 && r->attr & MEM &&
           (r->opc == 0xd9 ? r->ext >= 4 && r->ext <= 6 : r->opc == 0xdd && (r->ext == 4 || r->ext == 6));
}

/* What would not come back, is not the same on all machines, or has tests of its own. */
static bool left_out(const RowInfo *r)
{
    switch (r->handler) {
    case X86_H_jcc:
    case X86_H_jmp:
    case X86_H_call:
    case X86_H_ret:
    case X86_H_loop:
    case X86_H_syscall:
    case X86_H_sysenter:
    case X86_H_int3:
    case X86_H_int_n:
    case X86_H_privileged:
    case X86_H_machine:
    case X86_H_cpuid:
    case X86_H_rdtsc:
    case X86_H_xgetbv:
    case X86_H_ud:
    case X86_H_mov_to_seg:
    case X86_H_pop_seg:
    case X86_H_lseg:
    case X86_H_call_far:
    case X86_H_jmp_far:
    case X86_H_ret_far:
    case X86_H_iret:
    case X86_H_fxsave:
    case X86_H_ldmxcsr:
    case X86_H_popf:
    case X86_H_fsgsbase:
    case X86_H_xsave:
    case X86_H_rdrand:
    case X86_H_rdpid: return true;
    default:
        return r->attr & (IS32 ? O64 : O32) || is_environment(r) ||
               (IS32 && r->handler == X86_H_xchg && r->opc == 0x90); /* nop: there is no rex */
    }
}

#endif
