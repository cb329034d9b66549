/*
 * Decoder of RISC-V instructions: bits -> row of rv_insns.def and its operands.
 *
 * The table of rows, their masks and the buckets they are looked up in are made at build time by rv_gen.c
 * from rv_insns.def, which also refuses ambiguous rows. A look-up is one bucket (opcode and funct3, or funct7
 * of OP-FP, funct5 of AMO) with at most a few rows, most specific first.
 * Pure functions of const tables; any thread. Errors: RV_ILLEGAL, which includes encodings that the manual
 * reserves through the value of a field (c.addiw with rd = x0, ...).
 */
#ifndef TARGET_RISCV_RV_DECODE_H
#define TARGET_RISCV_RV_DECODE_H

#include "base/bits.h"

typedef enum RvInsn {
#define INSN(id, name, pic, fmt, ext, xlen, ops, handler) RV_##id,
#include "target/riscv/rv_insns.def"
#undef INSN
    RV_INSN_COUNT,
    RV_ILLEGAL = RV_INSN_COUNT
} RvInsn;

typedef enum RvFormat {
    RV_FMT_NONE, RV_FMT_R, RV_FMT_I, RV_FMT_SHIFT, RV_FMT_S, RV_FMT_B, RV_FMT_U, RV_FMT_J, RV_FMT_FENCE,
    RV_FMT_CSR, RV_FMT_AMO, RV_FMT_FP, RV_FMT_MOP, RV_FMT_KS1, RV_FMT_FLI,
    RV_FMT_BS,
    /* compressed; the suffix tells immediate or constraint apart where the manual's format name does not */
    RV_FMT_CIW, RV_FMT_CL_W, RV_FMT_CL_D, RV_FMT_CS_W, RV_FMT_CS_D, RV_FMT_CI, RV_FMT_CI_RD, RV_FMT_CLI,
    RV_FMT_CI16SP, RV_FMT_CLUI, RV_FMT_CB_SH, RV_FMT_CB_I, RV_FMT_CA, RV_FMT_CJ, RV_FMT_CJAL, RV_FMT_CB,
    RV_FMT_CI_SH, RV_FMT_CI_LWSP, RV_FMT_CI_LDSP, RV_FMT_CI_LWSP_RD, RV_FMT_CI_LDSP_RD, RV_FMT_CR_JR,
    RV_FMT_CR_JALR, RV_FMT_CR_MV, RV_FMT_CR, RV_FMT_CSS_W, RV_FMT_CSS_D, RV_FMT_CMOP, RV_FMT_CL_B,
    RV_FMT_CL_H, RV_FMT_CS_B, RV_FMT_CS_H,
} RvFormat;

/* Bits of the xlen column. */
enum { RV_XLEN_32 = 1, RV_XLEN_64 = 2, RV_XLEN_ANY = 3 };

typedef struct RvArgs {
    uint8_t rd, rs1, rs2, rs3; /* register numbers */
    uint8_t rm;                /* rounding mode field */
    bool aq, rl;
    uint8_t len;               /* bytes of the instruction: 2 or 4 */
    uint16_t csr;
    int32_t imm;               /* sign-extended; U formats: already shifted left by 12; fence: pred << 4 |
                                * succ; MOP, CMOP, FLI, BS: which */
} RvArgs;

/* Length in bytes from the first 16 bits. Encodings longer than 32 bits are illegal instructions of 4
 * bytes. */
static inline unsigned rv_insn_len(uint16_t first) { return (first & 3) == 3 ? 4 : 2; }

/* Bucket of an instruction. Also used by the generator, which enumerates the keys. */
enum { RV_KEY_32 = 192, RV_KEY_FP = RV_KEY_32 + 256, RV_KEY_AMO = RV_KEY_FP + 128,
       RV_KEYS = RV_KEY_AMO + 32 };
static inline unsigned rv_key(uint32_t bits)
{
    unsigned opcode = bits >> 2 & 31;
    if ((bits & 3) != 3)
        return (bits & 3) << 6 | (bits >> 10 & 63);
    if (opcode == 0x14)
        return RV_KEY_FP + (bits >> 25);
    if (opcode == 0x0b)
        return RV_KEY_AMO + (bits >> 27);
    return RV_KEY_32 + (opcode << 3 | (bits >> 12 & 7));
}

/* xlen is RV_XLEN_32 or RV_XLEN_64. For a 16-bit instruction the upper half of bits is ignored. */
RvInsn rv_decode(uint32_t bits, unsigned xlen, RvArgs *ret_args);

#endif
