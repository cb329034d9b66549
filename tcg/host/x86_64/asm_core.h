/* x86-64 encoder, core: the buffer, operands, and the byte layout of one instruction.
 *
 * X64Asm is a cursor over a code buffer owned by the caller. Invariants: start <= p <= end; an
 * instruction is written whole or not at all; with fewer than X64_ROOM bytes left nothing is written,
 * `overflow` becomes true and stays true (the caller looks at it once, after the region, and starts
 * again with a fresh buffer). Because no instruction is longer than 15 bytes, a patch site handed out
 * after an overflow still lies inside the buffer (buffers have at least X64_ROOM bytes). One thread per
 * X64Asm; nothing is allocated, nothing fails otherwise.
 *
 * Conventions: operands in Intel order, destination first. `w` is an operand width in bits (8, 16, 32, 64);
 * REX.W, VEX.W and EVEX.W are set exactly when w == 64. Byte operands are the low bytes of all 16
 * registers; ah..bh cannot be named.
 *
 * Source: Intel SDM volume 2, chapter 2 (instruction format) and the encoding boxes of chapters 3 to 5;
 * AMD APM volume 3 for the same. */
#ifndef TCG_HOST_X86_64_ASM_CORE_H
#define TCG_HOST_X86_64_ASM_CORE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef struct X64Asm {
    uint8_t *p, *start, *end;
    bool overflow;
    bool vex; /* moves of vectors (asm_vec.h) in their VEX form */
} X64Asm;

enum { X64_ROOM = 32 };

enum X64Reg {
    X64_RAX, X64_RCX, X64_RDX, X64_RBX, X64_RSP, X64_RBP, X64_RSI, X64_RDI,
    X64_R8, X64_R9, X64_R10, X64_R11, X64_R12, X64_R13, X64_R14, X64_R15,
    X64_NO_REG = -1,
    X64_RIP = -2,
};

enum X64Xmm {
    X64_XMM0, X64_XMM1, X64_XMM2, X64_XMM3, X64_XMM4, X64_XMM5, X64_XMM6, X64_XMM7,
    X64_XMM8, X64_XMM9, X64_XMM10, X64_XMM11, X64_XMM12, X64_XMM13, X64_XMM14, X64_XMM15,
};

/* Prefixes of a memory operand. X64_ADDR32: the address is computed in 32 bits and zero-extended. */
enum X64Seg { X64_SEG_NONE, X64_SEG_FS = 0x64, X64_SEG_GS = 0x65, X64_ADDR32 = 0x67 };

/* Memory operand. base X64_RIP: disp counts from the end of the instruction and index must be none.
 * base X64_NO_REG: absolute or index*scale + disp. index is never RSP. */
typedef struct X64Mem {
    int8_t base, index;
    uint8_t scale; /* log2 */
    uint8_t seg;
    int32_t disp;
} X64Mem;

#define X64_MEM(b, d) ((X64Mem){.base = (int8_t) (b), .index = X64_NO_REG, .disp = (d)})
#define X64_MEMI(b, i, s, d)                                                                                 \
    ((X64Mem){.base = (int8_t) (b), .index = (int8_t) (i), .scale = (uint8_t) (s), .disp = (d)})

/* Mandatory prefix, in the numbering VEX uses; opcode map likewise (0 is the one-byte map). */
enum X64Pp { X64_PNONE, X64_P66, X64_PF3, X64_PF2 };
enum X64Map { X64_1B, X64_0F, X64_0F38, X64_0F3A };

/* One opcode: prefix, map and byte in a word, so that tables of opcodes are tables of integers. */
#define X64_OP(pp, map, opc) ((unsigned) ((pp) << 12 | (map) << 8 | (opc)))

static inline void x64_init(X64Asm *a, void *buf, size_t size)
{
    a->p = a->start = buf;
    a->end = a->start + size;
    a->overflow = a->vex = false;
}

static inline size_t x64_size(const X64Asm *a)
{
    return (size_t) (a->p - a->start);
}

static inline bool x64_room(X64Asm *a)
{
    if (__builtin_expect(a->end - a->p < X64_ROOM, 0)) {
        a->overflow = true;
        return false;
    }
    return true;
}

static inline uint8_t *x64_put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, 4);
    return p + 4;
}

static inline uint8_t *x64_put64(uint8_t *p, uint64_t v)
{
    memcpy(p, &v, 8);
    return p + 8;
}

/* Immediate of an instruction of width w: 1, 2 or 4 bytes. */
static inline uint8_t *x64_put_imm(uint8_t *p, int w, int32_t imm)
{
    x64_put32(p, (uint32_t) imm);
    return p + (w == 8 ? 1 : w == 16 ? 2 : 4);
}

static inline bool x64_is_s8(int64_t v)
{
    return v == (int8_t) v;
}

/* Bit 3 of a register number where one is present; "none" and RIP extend nothing. */
static inline unsigned x64_hi(int reg)
{
    return reg < 0 ? 0 : (unsigned) reg >> 3 & 1;
}

/* A REX prefix without bits selects spl, bpl, sil, dil in place of ah..bh. */
static inline unsigned x64_byte_rex(int w, int reg)
{
    return w == 8 && reg >= 4 && reg < 8 ? 0x40 : 0;
}

/* Legacy prefix, REX when needed (rex: W and X bits, or 0x40 to force one), escape bytes, opcode. */
static inline uint8_t *x64_put_op(uint8_t *p, unsigned op, unsigned rex)
{
    unsigned pp = op >> 12 & 3, map = op >> 8 & 15;
    if (pp)
        *p++ = (uint8_t) (0xf26600f3u >> ((pp == X64_P66 ? 2 : pp == X64_PF2 ? 3 : 0) * 8));
    if (rex)
        *p++ = (uint8_t) (0x40 | rex);
    if (map) {
        *p++ = 0x0f;
        if (map > X64_0F)
            *p++ = map == X64_0F38 ? 0x38 : 0x3a;
    }
    *p++ = (uint8_t) op;
    return p;
}

static inline uint8_t *x64_put_modrm(uint8_t *p, int reg, int rm)
{
    *p = (uint8_t) (0xc0 | (reg & 7) << 3 | (rm & 7));
    return p + 1;
}

/* ModRM, SIB and displacement. n8 is log2 of the EVEX disp8 unit (0 outside EVEX). Two irregular cases:
 * rm 4 means "SIB follows", so rsp and r12 always take a SIB; mod 0 with rm/base 5 means "disp32", so rbp
 * and r13 always take a displacement. */
static inline uint8_t *x64_put_mem(uint8_t *p, int reg, X64Mem m, unsigned n8)
{
    unsigned r = (unsigned) (reg & 7) << 3;
    if (m.base == X64_RIP) {
        *p++ = (uint8_t) (r | 5);
        return x64_put32(p, (uint32_t) m.disp);
    }
    unsigned idx = m.index < 0 ? 4 : m.index & 7;
    if (m.base < 0) {
        *p++ = (uint8_t) (r | 4);
        *p++ = (uint8_t) (m.scale << 6 | idx << 3 | 5);
        return x64_put32(p, (uint32_t) m.disp);
    }
    unsigned base = m.base & 7;
    int32_t d8 = m.disp >> n8;
    bool fits = x64_is_s8(d8) && (int32_t) ((uint32_t) d8 << n8) == m.disp;
    unsigned mod = m.disp == 0 && base != 5 ? 0 : fits ? 1 : 2;
    if (m.index >= 0 || base == 4) {
        *p++ = (uint8_t) (mod << 6 | r | 4);
        *p++ = (uint8_t) (m.scale << 6 | idx << 3 | base);
    } else {
        *p++ = (uint8_t) (mod << 6 | r | base);
    }
    if (mod == 1)
        *p++ = (uint8_t) d8;
    else if (mod == 2)
        p = x64_put32(p, (uint32_t) m.disp);
    return p;
}

/* The prefixes of width and segment that come before the mandatory prefix. */
static inline uint8_t *x64_put_w(uint8_t *p, int w)
{
    *p = 0x66;
    return p + (w == 16);
}

static inline uint8_t *x64_put_seg(uint8_t *p, X64Mem m)
{
    *p = m.seg;
    return p + (m.seg != 0);
}

/* op reg, rm with both in registers; returns the end of the instruction for an immediate. */
static inline uint8_t *x64_put_rr(uint8_t *p, int w, unsigned op, int reg, int rm, unsigned force)
{
    p = x64_put_op(p, op, (w == 64) << 3 | x64_hi(reg) << 2 | x64_hi(rm) | force);
    return x64_put_modrm(p, reg, rm);
}

static inline uint8_t *x64_put_rm(uint8_t *p, int w, unsigned op, int reg, X64Mem m, unsigned force)
{
    p = x64_put_seg(p, m);
    p = x64_put_op(p, op, (w == 64) << 3 | x64_hi(reg) << 2 | x64_hi(m.index) << 1 | x64_hi(m.base) | force);
    return x64_put_mem(p, reg, m, 0);
}

/* VEX prefix (two bytes where possible) and opcode. vvvv is a register number, 0 when unused. x and b
 * extend index and base (or rm). */
static inline uint8_t *x64_put_vex(uint8_t *p, unsigned op, int w, unsigned l, int reg, int vvvv, unsigned x,
                                   unsigned b)
{
    unsigned pp = op >> 12 & 3, map = op >> 8 & 15;
    unsigned last = (~(unsigned) vvvv & 15) << 3 | l << 2 | pp, r = (x64_hi(reg) ^ 1) << 7;
    if (map == X64_0F && w != 64 && !(x | b)) {
        *p++ = 0xc5;
        *p++ = (uint8_t) (r | last);
    } else {
        *p++ = 0xc4;
        *p++ = (uint8_t) (r | (x ^ 1) << 6 | (b ^ 1) << 5 | map);
        *p++ = (uint8_t) ((w == 64) << 7 | last);
    }
    *p++ = (uint8_t) op;
    return p;
}

/* EVEX context: vector length (0 = 128, 1 = 256, 2 = 512), opmask k1..k7 (0 = none), zeroing, the b bit
 * (broadcast with a memory operand; static rounding `ll` with registers), log2 of the disp8 unit. */
typedef struct X64Evex {
    uint8_t ll, mask, zero, b, disp8;
} X64Evex;

static inline uint8_t *x64_put_evex(uint8_t *p, unsigned op, int w, X64Evex e, int reg, int vvvv, unsigned x,
                                    unsigned b)
{
    unsigned pp = op >> 12 & 3, map = op >> 8 & 15;
    *p++ = 0x62;
    *p++ = (uint8_t) ((x64_hi(reg) ^ 1) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | (~(unsigned) reg & 16) | map);
    *p++ = (uint8_t) ((w == 64) << 7 | (~(unsigned) vvvv & 15) << 3 | 4 | pp);
    *p++ = (uint8_t) (e.zero << 7 | e.ll << 5 | e.b << 4 | (~(unsigned) vvvv & 16) >> 1 | e.mask);
    *p++ = (uint8_t) op;
    return p;
}

#endif
