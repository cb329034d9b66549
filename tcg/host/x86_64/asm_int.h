/* x86-64 encoder, integer and control-flow instructions. Conventions: asm_core.h. Every function is one
 * instruction; the shortest encoding is chosen, and none of them is replaced by one with other effects
 * (mov of zero is not turned into xor, which would change flags). */
#ifndef TCG_HOST_X86_64_ASM_INT_H
#define TCG_HOST_X86_64_ASM_INT_H

#include "tcg/host/x86_64/asm_core.h"

enum X64Alu { X64_ADD, X64_OR, X64_ADC, X64_SBB, X64_AND, X64_SUB, X64_XOR, X64_CMP };
enum X64Shift { X64_ROL, X64_ROR, X64_RCL, X64_RCR, X64_SHL, X64_SHR, X64_SAR = 7 };
enum X64Cc {
    X64_O, X64_NO, X64_B, X64_AE, X64_E, X64_NE, X64_BE, X64_A,
    X64_S, X64_NS, X64_P, X64_NP, X64_L, X64_GE, X64_LE, X64_G,
};
enum X64Grp3 { X64_NOT = 2, X64_NEG, X64_MUL, X64_IMUL, X64_DIV, X64_IDIV };

/* ---- shapes: an opcode with its even (byte) and odd (16, 32, 64) form ---- */

static inline unsigned x64_form(int w, unsigned op)
{
    return op | (w != 8);
}

static inline void x64_int_rr(X64Asm *a, int w, unsigned op, int reg, int rm)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_w(a->p, w);
    a->p = x64_put_rr(p, w, x64_form(w, op), reg, rm, x64_byte_rex(w, reg) | x64_byte_rex(w, rm));
}

static inline void x64_int_rm(X64Asm *a, int w, unsigned op, int reg, X64Mem m)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_w(a->p, w);
    a->p = x64_put_rm(p, w, x64_form(w, op), reg, m, x64_byte_rex(w, reg));
}

/* The reg field holds an opcode digit, not a register. */
static inline void x64_int_digit(X64Asm *a, int w, unsigned op, int digit, int rm)
{
    if (!x64_room(a))
        return;
    a->p = x64_put_rr(x64_put_w(a->p, w), w, x64_form(w, op), digit, rm, x64_byte_rex(w, rm));
}

/* Opcode used as given, 16/32/64 bits only (0F maps, lea, imul). */
static inline void x64_op_rr(X64Asm *a, int w, unsigned op, int reg, int rm)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_w(a->p, w);
    a->p = x64_put_rr(p, w, op, reg, rm, 0);
}

static inline void x64_op_rm(X64Asm *a, int w, unsigned op, int reg, X64Mem m)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_w(a->p, w);
    a->p = x64_put_rm(p, w, op, reg, m, 0);
}

static inline void x64_byte(X64Asm *a, uint8_t b)
{
    if (x64_room(a))
        *a->p++ = b;
}

static inline void x64_bytes(X64Asm *a, const void *bytes, int n)
{
    if (!x64_room(a))
        return;
    memcpy(a->p, bytes, n);
    a->p += n;
}

/* ---- arithmetic and logic ---- */

static inline void x64_alu_rr(X64Asm *a, int w, int alu, int dst, int src)
{
    x64_int_rr(a, w, (unsigned) alu << 3, src, dst);
}

static inline void x64_alu_rm(X64Asm *a, int w, int alu, int dst, X64Mem m)
{
    x64_int_rm(a, w, (unsigned) alu << 3 | 2, dst, m);
}

static inline void x64_alu_mr(X64Asm *a, int w, int alu, X64Mem m, int src)
{
    x64_int_rm(a, w, (unsigned) alu << 3, src, m);
}

/* Opcode of the immediate group and the immediate's width: 80 ib, 83 ib or 81 iw/id. */
static inline unsigned x64_imm_op(int w, int32_t imm, int *ret_iw)
{
    if (w == 16)
        imm = (int16_t) imm;
    *ret_iw = w == 8 || x64_is_s8(imm) ? 8 : w;
    return w == 8 ? 0x80 : *ret_iw == 8 ? 0x83 : 0x81;
}

static inline void x64_alu_ri(X64Asm *a, int w, int alu, int dst, int32_t imm)
{
    if (!x64_room(a))
        return;
    int iw;
    unsigned op = x64_imm_op(w, imm, &iw);
    uint8_t *p = x64_put_w(a->p, w);
    if (dst == X64_RAX && iw == w) { /* short form: for al always, else where ib does not do */
        p = x64_put_op(p, x64_form(w, (unsigned) alu << 3 | 4), (w == 64) << 3);
    } else {
        p = x64_put_rr(p, w, op, alu, dst, x64_byte_rex(w, dst));
    }
    a->p = x64_put_imm(p, iw, imm);
}

static inline void x64_alu_mi(X64Asm *a, int w, int alu, X64Mem m, int32_t imm)
{
    if (!x64_room(a))
        return;
    int iw;
    unsigned op = x64_imm_op(w, imm, &iw);
    uint8_t *p = x64_put_rm(x64_put_w(a->p, w), w, op, alu, m, 0);
    a->p = x64_put_imm(p, iw, imm);
}

static inline void x64_test_rr(X64Asm *a, int w, int x, int y)
{
    x64_int_rr(a, w, 0x84, y, x);
}

static inline void x64_test_mr(X64Asm *a, int w, X64Mem m, int reg)
{
    x64_int_rm(a, w, 0x84, reg, m);
}

static inline void x64_test_ri(X64Asm *a, int w, int reg, int32_t imm)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_w(a->p, w);
    if (reg == X64_RAX)
        p = x64_put_op(p, x64_form(w, 0xa8), (w == 64) << 3);
    else
        p = x64_put_rr(p, w, x64_form(w, 0xf6), 0, reg, x64_byte_rex(w, reg));
    a->p = x64_put_imm(p, w, imm);
}

static inline void x64_test_mi(X64Asm *a, int w, X64Mem m, int32_t imm)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_rm(x64_put_w(a->p, w), w, x64_form(w, 0xf6), 0, m, 0);
    a->p = x64_put_imm(p, w, imm);
}

static inline void x64_grp3_r(X64Asm *a, int w, int kind, int reg)
{
    x64_int_digit(a, w, 0xf6, kind, reg);
}

static inline void x64_grp3_m(X64Asm *a, int w, int kind, X64Mem m)
{
    if (x64_room(a))
        a->p = x64_put_rm(x64_put_w(a->p, w), w, x64_form(w, 0xf6), kind, m, 0);
}

/* rdx:rax = rax * src and so on; byte forms work on ax. */
static inline void x64_mul(X64Asm *a, int w, int src) { x64_grp3_r(a, w, X64_MUL, src); }
static inline void x64_imul1(X64Asm *a, int w, int src) { x64_grp3_r(a, w, X64_IMUL, src); }
static inline void x64_div(X64Asm *a, int w, int src) { x64_grp3_r(a, w, X64_DIV, src); }
static inline void x64_idiv(X64Asm *a, int w, int src) { x64_grp3_r(a, w, X64_IDIV, src); }
static inline void x64_neg(X64Asm *a, int w, int dst) { x64_grp3_r(a, w, X64_NEG, dst); }
static inline void x64_not(X64Asm *a, int w, int dst) { x64_grp3_r(a, w, X64_NOT, dst); }
static inline void x64_inc(X64Asm *a, int w, int dst) { x64_int_digit(a, w, 0xfe, 0, dst); }
static inline void x64_dec(X64Asm *a, int w, int dst) { x64_int_digit(a, w, 0xfe, 1, dst); }

static inline void x64_imul_rr(X64Asm *a, int w, int dst, int src)
{
    x64_op_rr(a, w, X64_OP(0, X64_0F, 0xaf), dst, src);
}

static inline void x64_imul_rm(X64Asm *a, int w, int dst, X64Mem m)
{
    x64_op_rm(a, w, X64_OP(0, X64_0F, 0xaf), dst, m);
}

static inline void x64_imul_rri(X64Asm *a, int w, int dst, int src, int32_t imm)
{
    if (!x64_room(a))
        return;
    int iw;
    x64_imm_op(w, imm, &iw);
    uint8_t *p = x64_put_rr(x64_put_w(a->p, w), w, iw == 8 ? 0x6b : 0x69, dst, src, 0);
    a->p = x64_put_imm(p, iw, imm);
}

/* Sign of rax (eax) into rdx (edx) before a division. */
static inline void x64_cqo(X64Asm *a) { x64_bytes(a, "\x48\x99", 2); }
static inline void x64_cdq(X64Asm *a) { x64_byte(a, 0x99); }
static inline void x64_lahf(X64Asm *a) { x64_byte(a, 0x9f); }
static inline void x64_cmc(X64Asm *a) { x64_byte(a, 0xf5); }
static inline void x64_stc(X64Asm *a) { x64_byte(a, 0xf9); }
static inline void x64_clc(X64Asm *a) { x64_byte(a, 0xf8); }

/* ---- moves ---- */

static inline void x64_mov_rr(X64Asm *a, int w, int dst, int src) { x64_int_rr(a, w, 0x88, src, dst); }
static inline void x64_mov_rm(X64Asm *a, int w, int dst, X64Mem m) { x64_int_rm(a, w, 0x8a, dst, m); }
static inline void x64_mov_mr(X64Asm *a, int w, X64Mem m, int src) { x64_int_rm(a, w, 0x88, src, m); }

/* Writes the whole register: w < 64 takes the low 32 bits of imm and zero-extends. */
static inline void x64_mov_ri(X64Asm *a, int w, int dst, uint64_t imm)
{
    if (!x64_room(a))
        return;
    if (w != 64)
        imm = (uint32_t) imm;
    if (imm == (uint32_t) imm) {
        a->p = x64_put32(x64_put_op(a->p, 0xb8 | (dst & 7), x64_hi(dst)), (uint32_t) imm);
    } else if ((int64_t) imm == (int32_t) imm) {
        a->p = x64_put32(x64_put_rr(a->p, 64, 0xc7, 0, dst, 0), (uint32_t) imm);
    } else {
        a->p = x64_put64(x64_put_op(a->p, 0xb8 | (dst & 7), 8 | x64_hi(dst)), imm);
    }
}

/* Always the ten-byte form, for constants that are patched; returns the address of the constant. */
static inline uint8_t *x64_movabs(X64Asm *a, int dst, uint64_t imm)
{
    if (!x64_room(a))
        return a->p;
    a->p = x64_put64(x64_put_op(a->p, 0xb8 | (dst & 7), 8 | x64_hi(dst)), imm);
    return a->p - 8;
}

static inline void x64_mov_mi(X64Asm *a, int w, X64Mem m, int32_t imm)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_rm(x64_put_w(a->p, w), w, x64_form(w, 0xc6), 0, m, 0);
    a->p = x64_put_imm(p, w, imm);
}

/* Zero extension to 64 bits. w_src 32 is the plain 32-bit move. */
static inline void x64_movzx_rr(X64Asm *a, int w_src, int dst, int src)
{
    if (w_src == 32) {
        x64_mov_rr(a, 32, dst, src);
        return;
    }
    unsigned op = X64_OP(0, X64_0F, w_src == 8 ? 0xb6 : 0xb7);
    if (x64_room(a))
        a->p = x64_put_rr(a->p, 32, op, dst, src, x64_byte_rex(w_src, src));
}

static inline void x64_movzx_rm(X64Asm *a, int w_src, int dst, X64Mem m)
{
    if (w_src == 32)
        x64_mov_rm(a, 32, dst, m);
    else
        x64_op_rm(a, 32, X64_OP(0, X64_0F, w_src == 8 ? 0xb6 : 0xb7), dst, m);
}

static inline unsigned x64_movsx_op(int w_src)
{
    return w_src == 8 ? X64_OP(0, X64_0F, 0xbe) : w_src == 16 ? X64_OP(0, X64_0F, 0xbf) : 0x63;
}

static inline void x64_movsx_rr(X64Asm *a, int w_dst, int w_src, int dst, int src)
{
    if (x64_room(a))
        a->p = x64_put_rr(a->p, w_dst, x64_movsx_op(w_src), dst, src, x64_byte_rex(w_src, src));
}

static inline void x64_movsx_rm(X64Asm *a, int w_dst, int w_src, int dst, X64Mem m)
{
    if (x64_room(a))
        a->p = x64_put_rm(a->p, w_dst, x64_movsx_op(w_src), dst, m, 0);
}

static inline void x64_lea(X64Asm *a, int w, int dst, X64Mem m) { x64_op_rm(a, w, 0x8d, dst, m); }

static inline void x64_push(X64Asm *a, int reg)
{
    if (x64_room(a))
        a->p = x64_put_op(a->p, 0x50 | (reg & 7), x64_hi(reg));
}

static inline void x64_pop(X64Asm *a, int reg)
{
    if (x64_room(a))
        a->p = x64_put_op(a->p, 0x58 | (reg & 7), x64_hi(reg));
}

static inline void x64_cmovcc_rr(X64Asm *a, int w, int cc, int dst, int src)
{
    x64_op_rr(a, w, X64_OP(0, X64_0F, 0x40 | cc), dst, src);
}

static inline void x64_cmovcc_rm(X64Asm *a, int w, int cc, int dst, X64Mem m)
{
    x64_op_rm(a, w, X64_OP(0, X64_0F, 0x40 | cc), dst, m);
}

/* Sets the low byte only. */
static inline void x64_setcc(X64Asm *a, int cc, int dst)
{
    if (x64_room(a))
        a->p = x64_put_rr(a->p, 8, X64_OP(0, X64_0F, 0x90 | cc), 0, dst, x64_byte_rex(8, dst));
}

static inline void x64_bswap(X64Asm *a, int w, int reg)
{
    if (x64_room(a))
        a->p = x64_put_op(a->p, X64_OP(0, X64_0F, 0xc8 | (reg & 7)), (w == 64) << 3 | x64_hi(reg));
}

/* ---- shifts and bit operations ---- */

static inline void x64_shift_ri(X64Asm *a, int w, int kind, int dst, int imm)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_w(a->p, w);
    p = x64_put_rr(p, w, x64_form(w, imm == 1 ? 0xd0 : 0xc0), kind, dst, x64_byte_rex(w, dst));
    *p = (uint8_t) imm;
    a->p = p + (imm != 1);
}

static inline void x64_shift_rcl(X64Asm *a, int w, int kind, int dst)
{
    x64_int_digit(a, w, 0xd2, kind, dst);
}

/* Double shifts: bits of src enter dst. */
static inline void x64_shld_ri(X64Asm *a, int w, int dst, int src, int imm)
{
    x64_op_rr(a, w, X64_OP(0, X64_0F, 0xa4), src, dst);
    x64_byte(a, (uint8_t) imm);
}

static inline void x64_shrd_ri(X64Asm *a, int w, int dst, int src, int imm)
{
    x64_op_rr(a, w, X64_OP(0, X64_0F, 0xac), src, dst);
    x64_byte(a, (uint8_t) imm);
}

/* VEX-encoded integer operations (BMI1, BMI2): reg, vvvv, rm. */
static inline void x64_vexint(X64Asm *a, int w, unsigned op, int reg, int vvvv, int rm)
{
    if (x64_room(a))
        a->p = x64_put_modrm(x64_put_vex(a->p, op, w, 0, reg, vvvv, 0, x64_hi(rm)), reg, rm);
}

#define X64_BMI_SHIFT X64_OP(0, X64_0F38, 0xf7)

static inline void x64_shlx(X64Asm *a, int w, int dst, int src, int count)
{
    x64_vexint(a, w, X64_BMI_SHIFT | X64_P66 << 12, dst, count, src);
}

static inline void x64_shrx(X64Asm *a, int w, int dst, int src, int count)
{
    x64_vexint(a, w, X64_BMI_SHIFT | X64_PF2 << 12, dst, count, src);
}

static inline void x64_sarx(X64Asm *a, int w, int dst, int src, int count)
{
    x64_vexint(a, w, X64_BMI_SHIFT | X64_PF3 << 12, dst, count, src);
}

static inline void x64_rorx(X64Asm *a, int w, int dst, int src, int imm)
{
    if (!x64_room(a))
        return;
    uint8_t *p = x64_put_vex(a->p, X64_OP(X64_PF2, X64_0F3A, 0xf0), w, 0, dst, 0, 0, x64_hi(src));
    p = x64_put_modrm(p, dst, src);
    *p++ = (uint8_t) imm;
    a->p = p;
}

/* dst_hi:dst_lo = rdx * src, no flags. */
static inline void x64_mulx(X64Asm *a, int w, int dst_hi, int dst_lo, int src)
{
    x64_vexint(a, w, X64_OP(X64_PF2, X64_0F38, 0xf6), dst_hi, dst_lo, src);
}

/* dst = ~src1 & src2 */
static inline void x64_andn(X64Asm *a, int w, int dst, int src1, int src2)
{
    x64_vexint(a, w, X64_OP(0, X64_0F38, 0xf2), dst, src1, src2);
}

static inline void x64_blsr(X64Asm *a, int w, int dst, int src)
{
    x64_vexint(a, w, X64_OP(0, X64_0F38, 0xf3), 1, dst, src);
}

static inline void x64_pext(X64Asm *a, int w, int dst, int src, int mask)
{
    x64_vexint(a, w, X64_OP(X64_PF3, X64_0F38, 0xf5), dst, src, mask);
}

static inline void x64_pdep(X64Asm *a, int w, int dst, int src, int mask)
{
    x64_vexint(a, w, X64_OP(X64_PF2, X64_0F38, 0xf5), dst, src, mask);
}

static inline void x64_bsf(X64Asm *a, int w, int dst, int src)
{
    x64_op_rr(a, w, X64_OP(0, X64_0F, 0xbc), dst, src);
}

static inline void x64_bsr(X64Asm *a, int w, int dst, int src)
{
    x64_op_rr(a, w, X64_OP(0, X64_0F, 0xbd), dst, src);
}

static inline void x64_tzcnt(X64Asm *a, int w, int dst, int src)
{
    x64_op_rr(a, w, X64_OP(X64_PF3, X64_0F, 0xbc), dst, src);
}

static inline void x64_lzcnt(X64Asm *a, int w, int dst, int src)
{
    x64_op_rr(a, w, X64_OP(X64_PF3, X64_0F, 0xbd), dst, src);
}

static inline void x64_popcnt(X64Asm *a, int w, int dst, int src)
{
    x64_op_rr(a, w, X64_OP(X64_PF3, X64_0F, 0xb8), dst, src);
}

/* SSE4.2: CRC-32C of dst continued by src, whose width w is. */
static inline void x64_crc32_rr(X64Asm *a, int w, int dst, int src)
{
    if (x64_room(a))
        a->p = x64_put_rr(x64_put_w(a->p, w), w, X64_OP(X64_PF2, X64_0F38, w == 8 ? 0xf0 : 0xf1), dst, src,
                          x64_byte_rex(w, src));
}

/* Bit test: kind 4 bt, 5 bts, 6 btr, 7 btc. */
enum X64Bt { X64_BT = 4, X64_BTS, X64_BTR, X64_BTC };

static inline void x64_bt_ri(X64Asm *a, int w, int kind, int reg, int bit)
{
    x64_op_rr(a, w, X64_OP(0, X64_0F, 0xba), kind, reg);
    x64_byte(a, (uint8_t) bit);
}

static inline void x64_bt_mi(X64Asm *a, int w, int kind, X64Mem m, int bit)
{
    if (!x64_room(a))
        return;
    a->p = x64_put_rm(x64_put_w(a->p, w), w, X64_OP(0, X64_0F, 0xba), kind, m, 0);
    *a->p++ = (uint8_t) bit;
}

static inline void x64_bt_rr(X64Asm *a, int w, int kind, int reg, int bit)
{
    x64_op_rr(a, w, X64_OP(0, X64_0F, 0x83 | kind << 3), bit, reg);
}

/* ---- atomics ---- */

/* Locked read-modify-write; opcode with an even byte form. */
static inline void x64_lock_mr(X64Asm *a, int w, unsigned op, X64Mem m, int reg)
{
    if (!x64_room(a))
        return;
    *a->p = 0xf0;
    uint8_t *p = x64_put_w(a->p + 1, w);
    a->p = x64_put_rm(p, w, x64_form(w, op), reg, m, x64_byte_rex(w, reg));
}

static inline void x64_xchg_rr(X64Asm *a, int w, int x, int y) { x64_int_rr(a, w, 0x86, y, x); }
static inline void x64_xchg_mr(X64Asm *a, int w, X64Mem m, int reg) { x64_int_rm(a, w, 0x86, reg, m); }

static inline void x64_lock_alu_mr(X64Asm *a, int w, int alu, X64Mem m, int src)
{
    x64_lock_mr(a, w, (unsigned) alu << 3, m, src);
}

static inline void x64_lock_cmpxchg(X64Asm *a, int w, X64Mem m, int src)
{
    x64_lock_mr(a, w, X64_OP(0, X64_0F, 0xb0), m, src);
}

static inline void x64_lock_xadd(X64Asm *a, int w, X64Mem m, int src)
{
    x64_lock_mr(a, w, X64_OP(0, X64_0F, 0xc0), m, src);
}

static inline void x64_cmpxchg(X64Asm *a, int w, X64Mem m, int src)
{
    x64_int_rm(a, w, X64_OP(0, X64_0F, 0xb0), src, m);
}

static inline void x64_xadd(X64Asm *a, int w, X64Mem m, int src)
{
    x64_int_rm(a, w, X64_OP(0, X64_0F, 0xc0), src, m);
}

/* rdx:rax compared with and rcx:rbx stored to 16 aligned bytes. */
static inline void x64_lock_cmpxchg16b(X64Asm *a, X64Mem m)
{
    if (!x64_room(a))
        return;
    *a->p = 0xf0;
    a->p = x64_put_rm(a->p + 1, 64, X64_OP(0, X64_0F, 0xc7), 1, m, 0);
}

static inline void x64_mfence(X64Asm *a) { x64_bytes(a, "\x0f\xae\xf0", 3); }

/* lock or dword [rsp], 0: a full barrier, cheaper than mfence. */
static inline void x64_lock_or_rsp(X64Asm *a) { x64_bytes(a, "\xf0\x83\x0c\x24\x00", 5); }

/* ---- control flow ---- */

/* Unresolved branches return the site of the displacement for x64_patch32 / x64_patch8. */
static inline uint8_t *x64_call_rel32(X64Asm *a)
{
    x64_bytes(a, "\xe8\0\0\0\0", 5);
    return a->p - 4;
}

static inline uint8_t *x64_jmp_rel32(X64Asm *a)
{
    x64_bytes(a, "\xe9\0\0\0\0", 5);
    return a->p - 4;
}

static inline uint8_t *x64_jcc_rel32(X64Asm *a, int cc)
{
    const uint8_t b[6] = {0x0f, (uint8_t) (0x80 | cc)};
    x64_bytes(a, b, 6);
    return a->p - 4;
}

static inline uint8_t *x64_jmp_rel8(X64Asm *a)
{
    x64_bytes(a, "\xeb\0", 2);
    return a->p - 1;
}

static inline uint8_t *x64_jcc_rel8(X64Asm *a, int cc)
{
    const uint8_t b[2] = {(uint8_t) (0x70 | cc)};
    x64_bytes(a, b, 2);
    return a->p - 1;
}

static inline void x64_patch32(uint8_t *site, const uint8_t *target)
{
    x64_put32(site, (uint32_t) (target - (site + 4)));
}

/* False when the target is out of reach; the site is then unchanged. */
static inline bool x64_patch8(uint8_t *site, const uint8_t *target)
{
    int64_t d = target - (site + 1);
    if (!x64_is_s8(d))
        return false;
    *site = (uint8_t) d;
    return true;
}

/* Branches to a known address in the same buffer (usually backwards), shortest form. */
static inline void x64_jmp_to(X64Asm *a, const uint8_t *target)
{
    if (x64_is_s8(target - (a->p + 2)))
        x64_patch8(x64_jmp_rel8(a), target);
    else
        x64_patch32(x64_jmp_rel32(a), target);
}

static inline void x64_jcc_to(X64Asm *a, int cc, const uint8_t *target)
{
    if (x64_is_s8(target - (a->p + 2)))
        x64_patch8(x64_jcc_rel8(a, cc), target);
    else
        x64_patch32(x64_jcc_rel32(a, cc), target);
}

static inline void x64_call_r(X64Asm *a, int reg) { x64_op_rr(a, 32, 0xff, 2, reg); }
static inline void x64_call_m(X64Asm *a, X64Mem m) { x64_op_rm(a, 32, 0xff, 2, m); }
static inline void x64_jmp_r(X64Asm *a, int reg) { x64_op_rr(a, 32, 0xff, 4, reg); }
static inline void x64_jmp_m(X64Asm *a, X64Mem m) { x64_op_rm(a, 32, 0xff, 4, m); }
static inline void x64_ret(X64Asm *a) { x64_byte(a, 0xc3); }
static inline void x64_int3(X64Asm *a) { x64_byte(a, 0xcc); }
static inline void x64_ud2(X64Asm *a) { x64_bytes(a, "\x0f\x0b", 2); }
static inline void x64_ldmxcsr(X64Asm *a, X64Mem m) { x64_op_rm(a, 32, X64_OP(0, X64_0F, 0xae), 2, m); }
static inline void x64_stmxcsr(X64Asm *a, X64Mem m) { x64_op_rm(a, 32, X64_OP(0, X64_0F, 0xae), 3, m); }

/* n bytes of padding in as few instructions as possible. */
void x64_nop(X64Asm *a, int n);

/* Pads with nops until p is a multiple of align (a power of two). */
void x64_align(X64Asm *a, unsigned align);

#endif
