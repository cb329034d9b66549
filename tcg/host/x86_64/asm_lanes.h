/* x86-64 encoder, integer vectors of 128 bits: one constant per instruction (asm_lanes.def) and one function
 * per form. An operation says by itself whether its VEX and EVEX forms have W1 (X64_LANE_W), whether the
 * sources may be exchanged (X64_LANE_COM) and which forms there are. Conventions: asm_core.h. */
#ifndef TCG_HOST_X86_64_ASM_LANES_H
#define TCG_HOST_X86_64_ASM_LANES_H

#include "tcg/host/x86_64/asm_vec.h"

enum { X64_LANE_COM = 1 << 16, X64_LANE_W = 1 << 17, X64_LANE_VEX = 1 << 18, X64_LANE_EVEX = 1 << 19 };
enum {
    X64_LANE_BIN = 0, X64_LANE_UNA = 0, X64_LANE_BINI = 0, X64_LANE_UNAI = 0, X64_LANE_BINIW = X64_LANE_W,
    X64_LANE_VBIN = X64_LANE_VEX, X64_LANE_VUNA = X64_LANE_VEX, X64_LANE_VBINW = X64_LANE_VEX | X64_LANE_W,
    X64_LANE_EBIN = X64_LANE_EVEX, X64_LANE_EUNA = X64_LANE_EVEX, X64_LANE_EBINI = X64_LANE_EVEX,
    X64_LANE_EBINW = X64_LANE_EVEX | X64_LANE_W, X64_LANE_EUNAW = X64_LANE_EVEX | X64_LANE_W,
};
enum X64LaneOp {
#define X(name, text, pp, map, opc, kind) XL_##name = (int)X64_OP(X64_##pp, X64_##map, opc) | X64_LANE_##kind,
#include "tcg/host/x86_64/asm_lanes.def"
#undef X
};

static inline int x64_lane_w(unsigned op) { return op & X64_LANE_W ? 64 : 0; }

/* Legacy forms: dst = dst op src, or op src. */
static inline void x64_lane_rr(X64Asm *a, unsigned op, int dst, int src)
{
    if (x64_room(a))
        a->p = x64_put_rr(a->p, 0, op & 0xffff, dst, src, 0);
}

static inline void x64_lane_rm(X64Asm *a, unsigned op, int dst, X64Mem m)
{
    if (x64_room(a))
        a->p = x64_put_rm(a->p, 0, op & 0xffff, dst, m, 0);
}

/* VEX or EVEX forms, 128 bits: dst = x op y; x = 0 where there is one source. */
static inline void x64_lane_rrr(X64Asm *a, unsigned op, int dst, int x, int y)
{
    if (!x64_room(a))
        return;
    if (op & X64_LANE_EVEX) {
        uint8_t *p = x64_put_evex(a->p, op & 0xffff, x64_lane_w(op), (X64Evex){0}, dst, x, 0, x64_hi(y));
        a->p = x64_put_modrm(p, dst, y);
    } else {
        a->p = x64_put_vex_rr(a->p, op & 0xffff, x64_lane_w(op), 0, dst, x, y);
    }
}

static inline void x64_lane_rrm(X64Asm *a, unsigned op, int dst, int x, X64Mem m)
{
    if (!x64_room(a))
        return;
    if (op & X64_LANE_EVEX) {
        uint8_t *p = x64_put_seg(a->p, m);
        p = x64_put_evex(p, op & 0xffff, x64_lane_w(op), (X64Evex){.disp8 = 4}, dst, x, x64_hi(m.index),
                         x64_hi(m.base));
        a->p = x64_put_mem(p, dst, m, 4);
    } else {
        a->p = x64_put_vex_rm(a->p, op & 0xffff, x64_lane_w(op), 0, dst, x, m);
    }
}

/* The immediate of the instruction just written. There is room: no instruction is longer than X64_ROOM. */
static inline void x64_lane_imm(X64Asm *a, int imm)
{
    if (!a->overflow)
        *a->p++ = (uint8_t)imm;
}

/* Shift of lanes by an immediate: opcode 0x71 words, 0x72 dwords, 0x73 quadwords; digit 2 right, 4 signed
 * right, 6 left, 3 and 7 (0x73) the whole register by bytes. vex: dst = src shifted; else dst = dst
 * shifted. */
static inline void x64_lane_shift(X64Asm *a, bool vex, int opc, int digit, int dst, int src, int imm)
{
    unsigned op = X64_OP(X64_P66, X64_0F, opc);
    if (!x64_room(a))
        return;
    a->p = vex ? x64_put_vex_rr(a->p, op, 0, 0, digit, dst, src) : x64_put_rr(a->p, 0, op, digit, dst, 0);
    x64_lane_imm(a, imm);
}

/* EVEX vpsraq dst, src, imm. */
static inline void x64_vpsraq_ri(X64Asm *a, int dst, int src, int imm)
{
    x64_evex_rrr(a, X64_P66, X64_0F, 0x72, 64, (X64Evex){0}, 4, dst, src);
    x64_lane_imm(a, imm);
}

/* EVEX vprold, vprolq dst, src, imm: lanes of w bits rotated left. */
static inline void x64_vprol_ri(X64Asm *a, int w, int dst, int src, int imm)
{
    x64_evex_rrr(a, X64_P66, X64_0F, 0x72, w == 64 ? 64 : 0, (X64Evex){0}, 1, dst, src);
    x64_lane_imm(a, imm);
}

/* dst = signs in mask ? y : x. VEX: opc 0x4c bytes, 0x4a dwords, 0x4b quadwords. */
static inline void x64_vblendv(X64Asm *a, int opc, int dst, int x, int y, int mask)
{
    x64_vex_rrr_imm8(a, X64_P66, X64_0F3A, opc, 0, 0, dst, x, y, mask << 4);
}

/* EVEX: quadwords to dwords, saturated; opc 0x25 signed, 0x15 unsigned, 0x35 truncated. */
static inline void x64_vpmovqd(X64Asm *a, int opc, int dst, int src)
{
    x64_evex_rrr(a, X64_PF3, X64_0F38, opc, 0, (X64Evex){0}, src, 0, dst);
}

/* EVEX: all lanes = low part of a general register; w 8, 16, 32, 64. */
static inline void x64_vpbroadcast_r(X64Asm *a, int w, int dst, int reg)
{
    int opc = w == 8 ? 0x7a : w == 16 ? 0x7b : 0x7c;
    x64_evex_rrr(a, X64_P66, X64_0F38, opc, w == 64 ? 64 : 0, (X64Evex){0}, dst, 0, reg);
}

/* Lane number imm to a general register, zero-extended, and from one (legacy: x = dst); w 8, 16, 32, 64. */
static inline void x64_lane_get(X64Asm *a, int w, int reg, int xmm, int imm)
{
    if (w == 16)
        x64_sse_rr_imm8(a, X64_P66, X64_0F, 0xc5, 0, reg, xmm, imm);
    else
        x64_sse_rr_imm8(a, X64_P66, X64_0F3A, w == 8 ? 0x14 : 0x16, w, xmm, reg, imm);
}

static inline void x64_lane_set(X64Asm *a, bool vex, int w, int dst, int x, int reg, int imm)
{
    int map = w == 16 ? X64_0F : X64_0F3A, opc = w == 16 ? 0xc4 : w == 8 ? 0x20 : 0x22;
    if (vex)
        x64_vex_rrr_imm8(a, X64_P66, map, opc, w == 64 ? 64 : 0, 0, dst, x, reg, imm);
    else
        x64_sse_rr_imm8(a, X64_P66, map, opc, w == 64 ? 64 : 0, dst, reg, imm);
}

#endif
