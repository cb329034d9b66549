/*
 * Decoder of A32 and T32 instructions: bits -> row and operands.
 *
 * Both instruction sets give the same A32Args, so that they share translation functions. Members a..z and
 * A..Z are the fields that the row's encoding names by that letter; what a row does not have is 0, but for
 * `a`, which is then 15 ("no addend"). The format completes them: the other members.
 * T32 words are (first halfword << 16 | second), 16-bit instructions stand in the upper half.
 * Pure functions of const tables; any thread. Errors: A32_ILLEGAL / T32_ILLEGAL, which includes encodings
 * that are UNDEFINED through the value of a field. UNPREDICTABLE encodings are decoded where nothing bad
 * comes of it.
 */
#ifndef TARGET_ARM_A32_DECODE_H
#define TARGET_ARM_A32_DECODE_H

#include "base/bits.h"
#include "target/arm/arm_cpu.h"

typedef enum A32Insn {
#define INSN(id, ...) A32_##id,
#include "target/arm/a32_rows.inc"
#undef INSN
    A32_INSN_COUNT,
    A32_ILLEGAL = A32_INSN_COUNT,
#define INSN(id, ...) T32_##id,
#include "target/arm/t32_rows.inc"
#undef INSN
    T32_INSN_END,
    T32_FIRST = A32_ILLEGAL + 1,
} A32Insn;

/* How the other members of A32Args are made. */
typedef enum A32Format {
    /* Registers and flags only: such an instruction is made conditional by selecting between old and new
     * values. */
    A32_FMT_R,       /* nothing */
    A32_FMT_SHIFT,   /* shift = h, amount of k; A32's data processing */
    A32_FMT_TSHIFT,  /* the same in T32: PC and SP are not allowed everywhere */
    A32_FMT_RSHIFT,  /* form REG_SHIFT: m shifted by register s, shift = h */
    A32_FMT_MODIMM,  /* form IMM: i rotated; carry */
    A32_FMT_TMODIMM, /* form IMM: ThumbExpandImm; carry */
    A32_FMT_IMM,     /* form IMM: imm = i */
    A32_FMT_MOVW,    /* imm = j:i */
    A32_FMT_SAT,     /* shift and amount: h ? ASR : LSL; imm = i */
    A32_FMT_PKH,     /* shift and amount */
    A32_FMT_BFX,     /* imm = w, amount = k: lowest bit */
    A32_FMT_BFI,     /* imm = width, amount = lowest bit */
    A32_FMT_ADR,     /* imm = the address, of which the instruction's own is relative */
    A32_FMT_T16,     /* T16: flags are set outside of IT blocks; form REG, no shift */
    A32_FMT_T16_IMM, /* form IMM: imm = i */
    A32_FMT_T16_SHIFT,
    A32_FMT_T16_RSHIFT,
    A32_FMT_T16_MUL,
    A32_FMT_T16_DN,     /* n = d, imm = i */
    A32_FMT_T16_DN_REG, /* n = d */
    A32_FMT_T16_HI,     /* n = d, no flags */
    A32_FMT_T16_ADR,
    A32_FMT_T16_SP8,
    A32_FMT_T16_SP7,
    /* What may touch memory, branch or raise: made conditional by going around. */
    A32_FMT_EFF, /* nothing */
    A32_FMT_MEM_IMM,
    A32_FMT_MEM_IMM8,
    A32_FMT_MEM_IMM8D, /* imm is signed; D: d is even, e = d + 1 */
    A32_FMT_MEM_REG,
    A32_FMT_MEM_REGD, /* m, shift and amount, U */
    A32_FMT_PL_IMM,
    A32_FMT_PL_REG,
    A32_FMT_LDM,
    A32_FMT_EX,
    A32_FMT_EXD,
    A32_FMT_B24,
    A32_FMT_BLX24,
    A32_FMT_BKPT,
    A32_FMT_T16_LIT,
    A32_FMT_T16_MEM_REG,
    A32_FMT_T16_MEM1,
    A32_FMT_T16_MEM2,
    A32_FMT_T16_MEM4,
    A32_FMT_T16_MEM_SP,
    A32_FMT_T16_PUSH,
    A32_FMT_T16_POP,
    A32_FMT_T16_STM,
    A32_FMT_T16_LDM,
    A32_FMT_T16_CB,
    A32_FMT_T16_BCC,
    A32_FMT_T16_B,
    A32_FMT_IT,
    A32_FMT_TMEM12,
    A32_FMT_TMEM8,
    A32_FMT_TPL8,
    A32_FMT_TMEM_REG,
    A32_FMT_TLIT,
    A32_FMT_TMEMD,
    A32_FMT_TLDMIA,
    A32_FMT_TLDMDB,
    A32_FMT_TEX,
    A32_FMT_TBCC,
    A32_FMT_TB,
    A32_FMT_VFP,  /* z = double precision */
    A32_FMT_VFPH, /* h = 1: half precision */
    A32_FMT_VREG,
    A32_FMT_VLDR, /* imm is signed; H: of a half, h = 1 */
    A32_FMT_VLDRH,
    A32_FMT_VLDM,
    A32_FMT_SIMD,
    A32_FMT_SIMDH, /* h = 1: lanes are f16 */
    A32_FMT_VMEM,
} A32Format;

/* Second operand of data processing, offset of loads and stores. */
typedef enum A32Form { A32_REG, A32_REG_SHIFT, A32_IMM } A32Form;
typedef enum A32Shift { A32_LSL, A32_LSR, A32_ASR, A32_ROR, A32_RRX } A32Shift;
/* Carry of a rotated immediate. */
typedef enum A32Carry { A32_CARRY_SAME, A32_CARRY_0, A32_CARRY_1 } A32Carry;
enum { A32_COND_AL = 14, A32_NO_ADDEND = 15 };

typedef struct A32Args {
    uint16_t a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, u, v, w, x, y, z;
    uint16_t A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z;
    uint32_t bits;
    int32_t imm;  /* see the formats; branches: target - address of the instruction */
    uint8_t cond; /* 0..14 */
    uint8_t len;  /* 2 or 4 bytes */
    uint8_t thumb;
    uint8_t form, shift, amount, carry; /* A32Form, A32Shift (RRX included), 0..32, A32Carry */
    uint8_t unprivileged;               /* LDRT and the like: the same at user level */
    uint8_t format;                     /* A32Format */
} A32Args;
#define A32_LETTER(l) offsetof(A32Args, l)

/* The length of an A32 instruction is 4; a T32 instruction has 2 bytes unless its first halfword says 4. */
static inline unsigned t32_insn_len(unsigned halfword) { return halfword >> 11 >= 0x1d ? 4 : 2; }

A32Insn a32_decode(uint32_t bits, A32Args *ret_args);
/* itstate: of the IT block, 0 outside. `bits`: see above. The instruction may be a row of A32 (T32_* or
 * A32_*). */
A32Insn t32_decode(uint32_t bits, unsigned itstate, A32Args *ret_args);
A32Feat a32_row_feat(A32Insn insn);
/* Does an instruction of floating point name one of d16-d31? */
bool a32_names_d32(const A32Args *a);

/* Loads and stores of structures, by the type field: elements of a structure (0: UNDEFINED), registers, from
 * the register of one element to that of the next. The registers hold regs / n structures side by side. */
typedef struct A32Structures {
    uint8_t n, regs, space, aligns; /* aligns: bit k: alignment field k is allowed */
} A32Structures;
extern const A32Structures a32_structures[16];

/* Of one lane: its index, the registers' distance, alignment in bytes; ok: it is not UNDEFINED. */
typedef struct A32OneLane {
    unsigned index, space, align;
    bool ok;
} A32OneLane;
A32OneLane a32_one_lane(const A32Args *a);
/* One structure to all lanes: alignment in bytes. */
unsigned a32_all_lanes_align(const A32Args *a);

/* Arm ARM, ITAdvance(). */
static inline unsigned t32_it_advance(unsigned it) { return it & 7 ? (it & 0xe0) | (it << 1 & 0x1f) : 0; }

#endif
