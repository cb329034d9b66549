/*
 * x86 decoder: bytes to X86Insn, by the rows of the .def files. One row is chosen
 * by mode, map, opcode, mandatory prefix and modrm; what follows (sib, displacement, immediates) is then
 * read. The modes are 64-bit mode, and 32-bit code of protected or compatibility mode. VEX and EVEX make rex
 * of their R X B W, and the prefix of their pp; EVEX is 64-bit mode's alone, so far. Sources: AMD64 APM
 * volume 3, chapter 1; Intel SDM volume 2, chapter 2. Pure functions.
 */
#ifndef TARGET_X86_X86_DECODE_H
#define TARGET_X86_X86_DECODE_H

#include "base/bits.h"

typedef enum X86Map {
    X86_MAP_1B,
    X86_MAP_0F,
    X86_MAP_38,
    X86_MAP_3A,
    X86_MAP_V0F, /* with VEX */
    X86_MAP_V38,
    X86_MAP_V3A,
    X86_MAP_E0F, /* with EVEX */
    X86_MAP_E38,
    X86_MAP_E3A,
    X86_MAPS
} X86Map;
typedef enum X86Pfx { X86_PFX_NP, X86_PFX_66, X86_PFX_F3, X86_PFX_F2, X86_PFX_ANY } X86Pfx;
enum {
    X86_D64 = 1,
    X86_LOCK = 2,
    X86_MEM = 4,
    X86_REG = 8,
    X86_W0 = 16,
    X86_W1 = 32,
    X86_RM = 64,
    X86_REP = 128,
    X86_NDS = 256,
    X86_L0 = 512,
    X86_L1 = 1024,
    X86_VSIB = 2048,
    X86_O32 = 4096,
    X86_O64 = 8192,
    X86_SYS = 16384
};
typedef enum X86Mode { X86_MODE_64, X86_MODE_32, X86_MODE_16 } X86Mode;
enum { X86_MODE_SYS = 4 }; /* added: with what only machines have */
/* X86Row.evex: see x86_evex.def. */
enum {
    X86_EV_K = 1,
    X86_EV_KM = 2,
    X86_EV_BC = 4,
    X86_EV_ER = 8,
    X86_EV_SAE = 16,
    X86_EV_L12 = 32,
    X86_EV_L2 = 64,
    X86_EV_LIG = 128,
    X86_EV_NF = 256
};

typedef enum X86Where {
    X86_WH_NONE,
    X86_WH_E,
    X86_WH_G,
    X86_WH_M,
    X86_WH_I,
    X86_WH_S,
    X86_WH_J,
    X86_WH_O,
    X86_WH_A,
    X86_WH_C,
    X86_WH_D,
    X86_WH_ONE,
    X86_WH_Z,
    X86_WH_FAR,
    X86_WH_SEG,
    X86_WH_X,
    X86_WH_Y,
    X86_WH_V,
    X86_WH_W,
    X86_WH_U,
    X86_WH_H,
    X86_WH_P,
    X86_WH_Q,
    X86_WH_N,
    X86_WH_RY,
    X86_WH_L,
    X86_WH_B,
    X86_WH_KG,
    X86_WH_KE,
    X86_WH_KV,
    X86_WH_ST,
    X86_WH_STI,
    X86_WH_X0,
    X86_WH_CR,
    X86_WH_DR,
} X86Where;
typedef enum X86Size {
    X86_SZ_N,
    X86_SZ_B,
    X86_SZ_W,
    X86_SZ_D,
    X86_SZ_Q,
    X86_SZ_X,
    X86_SZ_T,
    X86_SZ_V,
    X86_SZ_Y,
    X86_SZ_Z,
    X86_SZ_U,
    X86_SZ_X2,
    X86_SZ_X4,
    X86_SZ_X8,
    X86_SZ_O,
    X86_SZ_O2,
    X86_SZ_VW,
    X86_SZ_VD
} X86Size;
typedef enum X86Opd {
#define OPD(name, where, size) X86_OPD_##name,
#include "target/x86/x86_opds.def"
#undef OPD
} X86Opd;

typedef enum X86Handler {
#define H(name) X86_H_##name,
#include "target/x86/x86_handlers.def"
#undef H
} X86Handler;

typedef struct X86Row {
    uint8_t map, pfx, opc;
    uint16_t attr;
    int16_t ext;
    uint8_t handler, arg, opd[3],
        feat[2];          /* feat: X86Feat, by vector length; FPU: all have it */
    uint8_t lane, source; /* EVEX: log2 of the bytes of an element of the result, of the source */
    uint16_t evex;
} X86Row;

/* What an operand, or a row, asks of the decoder: a modrm byte; bytes behind the address; whether its
 * register exists; a row: whether modrm as a whole is `ext`. */
enum { X86_ASKS_MODRM = 1, X86_ASKS_IMM = 2, X86_ASKS_REGISTER = 4, X86_ASKS_RM = 8 };
/* What rows of one opcode are told apart by: REX as it is; modrm.reg where it is, one bit higher; mod is 3;
 * the mode; prefixes; VEX.L. */
enum {
    X86_FIT_B = 1,
    X86_FIT_W = 8,
    X86_FIT_EXT = 0x70,
    X86_FIT_EXT_SHIFT = 4,
    X86_FIT_REG = 0x80,
    X86_FIT_32 = 0x100,
    X86_FIT_SYS = 0x200,
    X86_FIT_66 = 0x400,
    X86_FIT_F3 = 0x800,
    X86_FIT_F2 = 0x1000,
    X86_FIT_WIDE = 0x2000
};
/* The row is meant where these bits are so (x86_gen.c makes them). */
typedef struct X86Fit {
    uint16_t mask, want, row;
    uint8_t asks;
} X86Fit;

enum { X86_MAX_LEN = 15 };
typedef struct X86Insn {
    const X86Row *row;
    uint8_t len, opsize; /* bytes; 2, 4 or 8 */
    uint8_t rex;         /* 0: none */
    uint8_t rep;         /* 0, 0xf2, 0xf3 */
    uint8_t asize;       /* bytes of an address: 2, 4 or 8 */
    bool has66, lock;
    bool has67, code32; /* code32: or 16-bit */
    bool code16, sys;
    bool vex, wide; /* vex: or EVEX. wide: 256 bits */
    uint8_t vl;     /* log2 of the vector's bytes, less 4 */
    uint8_t vvvv;
    bool evex, zero, evb; /* EVEX: masked elements become zero; broadcast, or rounding and no exceptions */
    uint8_t mask, rc;     /* EVEX: number of the mask register; rounding as in MXCSR, where evb is rounding */
    uint8_t seg;          /* 0, 4 fs, 5 gs */
    uint8_t override;     /* 0, or 1 + the segment that a prefix names */
    uint8_t mod, reg, rm; /* extended by rex */
    uint8_t modrm, opc;
    int8_t base, index; /* -1: none, -2: rip */
    uint8_t scale;
    int32_t disp;
    uint64_t imm, imm2;
} X86Insn;

extern const uint8_t x86_opd_where[], x86_opd_size_code[];
/* Rows by number, for what cannot hold a pointer. */
const char *x86_row_name(const X86Row *r);
unsigned x86_row_number(const X86Row *r);
const X86Row *x86_row_at(unsigned n);
const X86Row *x86_row_of(X86Handler h); /* the first one of a handler, which there is */

typedef enum X86Decoded { X86_OK, X86_BAD, X86_SHORT } X86Decoded;
/* BAD: no such instruction; ret->len is how many bytes were looked at. SHORT: more bytes are needed. */
X86Decoded x86_decode(const uint8_t *p, unsigned n, unsigned mode, X86Insn *ret);

/* Bytes of operand k; of an immediate, of what it is extended to. */
static inline unsigned x86_size(const X86Insn *x, unsigned k)
{
    switch ((X86Size)x86_opd_size_code[x->row->opd[k]]) {
    case X86_SZ_B: return x86_opd_where[x->row->opd[k]] == X86_WH_S ? x->opsize : 1;
    case X86_SZ_W: return 2;
    case X86_SZ_D: return 4;
    case X86_SZ_Q: return 8;
    case X86_SZ_X: return 16u << x->vl;
    case X86_SZ_X2: return 8u << x->vl;
    case X86_SZ_X4: return 4u << x->vl;
    case X86_SZ_X8: return 2u << x->vl;
    case X86_SZ_O: return 16;
    case X86_SZ_O2: return 32;
    case X86_SZ_T: return 10;
    case X86_SZ_V:
    case X86_SZ_U: return x->opsize;
    case X86_SZ_Y: return x->rex & 8 ? 8 : 4;
    case X86_SZ_Z: return x->opsize; /* sign-extended */
    case X86_SZ_VW: return x->mod == 3 ? x->opsize : 2;
    case X86_SZ_VD: return MIN(x->opsize, 4);
    default: return 0;
    }
}
/* Rounding or "no exceptions" in the prefix? */
static inline bool x86_sae(const X86Insn *x)
{
    return x->evb && x->mod == 3;
}
static inline bool x86_is_mem(const X86Insn *x)
{
    return x->mod != 3;
}

#endif
