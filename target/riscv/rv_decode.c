/* Formats: chapter "RV32I Base Integer Instruction Set" (immediate encoding variants) and "C" of the
 * manual. */
#include "target/riscv/rv_decode.h"

/* A row as its buckets hold it. A row with wildcards in the key's bits stands in several buckets. */
typedef struct RvRow {
    uint32_t mask, match;
    uint16_t insn; /* RvInsn */
    uint8_t format, xlen;
} RvRow;

#include "rv_decode_tables.h"

/* Immediates of the 32-bit formats. */
static int32_t imm_i(uint32_t b) { return (int32_t)b >> 20; }
static int32_t imm_s(uint32_t b) { return ((int32_t)b >> 25) * 32 + (int32_t)(b >> 7 & 31); }
static int32_t imm_b(uint32_t b)
{
    return ((int32_t)b >> 31) * 4096 +
           (int32_t)((b >> 7 & 1) << 11 | (b >> 25 & 63) << 5 | (b >> 8 & 15) << 1);
}
static int32_t imm_j(uint32_t b)
{
    return ((int32_t)b >> 31) * (1 << 20) +
           (int32_t)((b >> 12 & 255) << 12 | (b >> 20 & 1) << 11 | (b >> 21 & 1023) << 1);
}

/* Immediates of the compressed formats; names after the bits they hold. */
static int32_t imm_ci(uint32_t b) { return (int32_t)bits_sext((b >> 12 & 1) << 5 | (b >> 2 & 31), 6); }
static int32_t imm_lwsp(uint32_t b)
{
    return (int32_t)((b >> 12 & 1) << 5 | (b >> 4 & 7) << 2 | (b >> 2 & 3) << 6);
}
static int32_t imm_ldsp(uint32_t b)
{
    return (int32_t)((b >> 12 & 1) << 5 | (b >> 5 & 3) << 3 | (b >> 2 & 7) << 6);
}
static int32_t imm_css_w(uint32_t b) { return (int32_t)((b >> 9 & 15) << 2 | (b >> 7 & 3) << 6); }
static int32_t imm_css_d(uint32_t b) { return (int32_t)((b >> 10 & 7) << 3 | (b >> 7 & 7) << 6); }
static int32_t imm_cl_w(uint32_t b)
{
    return (int32_t)((b >> 10 & 7) << 3 | (b >> 6 & 1) << 2 | (b >> 5 & 1) << 6);
}
static int32_t imm_cl_d(uint32_t b) { return (int32_t)((b >> 10 & 7) << 3 | (b >> 5 & 3) << 6); }
static int32_t imm_ciw(uint32_t b)
{
    return (int32_t)((b >> 11 & 3) << 4 | (b >> 7 & 15) << 6 | (b >> 6 & 1) << 2 | (b >> 5 & 1) << 3);
}
static int32_t imm_16sp(uint32_t b)
{
    uint32_t v =
        (b >> 12 & 1) << 9 | (b >> 6 & 1) << 4 | (b >> 5 & 1) << 6 | (b >> 3 & 3) << 7 | (b >> 2 & 1) << 5;
    return (int32_t)bits_sext(v, 10);
}
static int32_t imm_cj(uint32_t b)
{
    uint32_t v = (b >> 12 & 1) << 11 | (b >> 11 & 1) << 4 | (b >> 9 & 3) << 8 | (b >> 8 & 1) << 10 |
                 (b >> 7 & 1) << 6 | (b >> 6 & 1) << 7 | (b >> 3 & 7) << 1 | (b >> 2 & 1) << 5;
    return (int32_t)bits_sext(v, 12);
}
static int32_t imm_cb(uint32_t b)
{
    uint32_t v =
        (b >> 12 & 1) << 8 | (b >> 10 & 3) << 3 | (b >> 5 & 3) << 6 | (b >> 3 & 3) << 1 | (b >> 2 & 1) << 5;
    return (int32_t)bits_sext(v, 9);
}

static int32_t imm_cl_b(uint32_t b) { return (int32_t)((b >> 6 & 1) | (b >> 5 & 1) << 1); }
static int32_t imm_cl_h(uint32_t b) { return (int32_t)((b >> 5 & 1) << 1); }

/* The number of a may-be-operation, of one register or two. */
static int32_t imm_mop(uint32_t b)
{
    uint32_t high = (b >> 30 & 1) << 2 | (b >> 26 & 3);
    return (int32_t)(b >> 25 & 1 ? high : high << 2 | (b >> 20 & 3));
}

/* The three-bit register fields of compressed instructions name x8..x15 and f8..f15. */
static uint8_t creg(uint32_t b, unsigned pos) { return (uint8_t)(8 + (b >> pos & 7)); }

static bool shift_fits(int32_t imm, unsigned xlen) { return xlen == RV_XLEN_64 || imm < 32; }

/* Operands of a compressed instruction; false when the manual reserves their values. rd, rs1, rs2 start as
 * x0. */
static bool extract_compressed(uint32_t b, RvFormat format, unsigned xlen, RvArgs *a)
{
    uint8_t r7 = b >> 7 & 31, r2 = b >> 2 & 31;

    switch (format) {
    case RV_FMT_CIW: a->rd = creg(b, 2), a->rs1 = 2, a->imm = imm_ciw(b); return a->imm != 0;
    case RV_FMT_CL_W: a->rd = creg(b, 2), a->rs1 = creg(b, 7), a->imm = imm_cl_w(b); return true;
    case RV_FMT_CL_D: a->rd = creg(b, 2), a->rs1 = creg(b, 7), a->imm = imm_cl_d(b); return true;
    case RV_FMT_CS_W: a->rs2 = creg(b, 2), a->rs1 = creg(b, 7), a->imm = imm_cl_w(b); return true;
    case RV_FMT_CS_D: a->rs2 = creg(b, 2), a->rs1 = creg(b, 7), a->imm = imm_cl_d(b); return true;
    case RV_FMT_CI: a->rd = a->rs1 = r7, a->imm = imm_ci(b); return true;
    case RV_FMT_CI_RD: a->rd = a->rs1 = r7, a->imm = imm_ci(b); return r7 != 0;
    case RV_FMT_CLI: a->rd = r7, a->imm = imm_ci(b); return true;
    case RV_FMT_CI16SP: a->rd = a->rs1 = 2, a->imm = imm_16sp(b); return a->imm != 0;
    case RV_FMT_CLUI: a->rd = r7, a->imm = imm_ci(b) * 4096; return a->imm != 0;
    case RV_FMT_CB_SH: a->rd = a->rs1 = creg(b, 7), a->imm = imm_ci(b) & 63; return shift_fits(a->imm, xlen);
    case RV_FMT_CB_I: a->rd = a->rs1 = creg(b, 7), a->imm = imm_ci(b); return true;
    case RV_FMT_CA: a->rd = a->rs1 = creg(b, 7), a->rs2 = creg(b, 2); return true;
    case RV_FMT_CJ: a->imm = imm_cj(b); return true;
    case RV_FMT_CJAL: a->rd = 1, a->imm = imm_cj(b); return true;
    case RV_FMT_CB: a->rs1 = creg(b, 7), a->imm = imm_cb(b); return true;
    case RV_FMT_CI_SH: a->rd = a->rs1 = r7, a->imm = imm_ci(b) & 63; return shift_fits(a->imm, xlen);
    case RV_FMT_CI_LWSP: a->rd = r7, a->rs1 = 2, a->imm = imm_lwsp(b); return true;
    case RV_FMT_CI_LDSP: a->rd = r7, a->rs1 = 2, a->imm = imm_ldsp(b); return true;
    case RV_FMT_CI_LWSP_RD: a->rd = r7, a->rs1 = 2, a->imm = imm_lwsp(b); return r7 != 0;
    case RV_FMT_CI_LDSP_RD: a->rd = r7, a->rs1 = 2, a->imm = imm_ldsp(b); return r7 != 0;
    case RV_FMT_CR_JR: a->rs1 = r7; return r7 != 0;
    case RV_FMT_CR_JALR: a->rd = 1, a->rs1 = r7; return r7 != 0;
    case RV_FMT_CR_MV: a->rd = r7, a->rs2 = r2; return r2 != 0;
    case RV_FMT_CR: a->rd = a->rs1 = r7, a->rs2 = r2; return r2 != 0;
    case RV_FMT_CSS_W: a->rs1 = 2, a->rs2 = r2, a->imm = imm_css_w(b); return true;
    case RV_FMT_CSS_D: a->rs1 = 2, a->rs2 = r2, a->imm = imm_css_d(b); return true;
    case RV_FMT_CMOP: a->imm = (int32_t)(b >> 8 & 7) * 2 + 1; return true;
    case RV_FMT_CL_B: a->rd = creg(b, 2), a->rs1 = creg(b, 7), a->imm = imm_cl_b(b); return true;
    case RV_FMT_CL_H: a->rd = creg(b, 2), a->rs1 = creg(b, 7), a->imm = imm_cl_h(b); return true;
    case RV_FMT_CS_B: a->rs2 = creg(b, 2), a->rs1 = creg(b, 7), a->imm = imm_cl_b(b); return true;
    case RV_FMT_CS_H: a->rs2 = creg(b, 2), a->rs1 = creg(b, 7), a->imm = imm_cl_h(b); return true;
    default: return true; /* RV_FMT_NONE */
    }
}

static void extract_full(uint32_t b, RvFormat format, RvArgs *a)
{
    a->rd = b >> 7 & 31;
    a->rs1 = b >> 15 & 31;
    a->rs2 = b >> 20 & 31;
    switch (format) {
    case RV_FMT_I: a->imm = imm_i(b); break;
    case RV_FMT_SHIFT: a->imm = (int32_t)(b >> 20 & 63); break;
    case RV_FMT_S: a->imm = imm_s(b); break;
    case RV_FMT_B: a->imm = imm_b(b); break;
    case RV_FMT_U: a->imm = (int32_t)(b & 0xfffff000); break;
    case RV_FMT_J: a->imm = imm_j(b); break;
    case RV_FMT_FENCE: a->imm = (int32_t)(b >> 20 & 255); break;
    case RV_FMT_CSR: a->csr = (uint16_t)(b >> 20), a->imm = a->rs1; break;
    case RV_FMT_AMO: a->aq = b >> 26 & 1, a->rl = b >> 25 & 1; break;
    case RV_FMT_FP: a->rm = b >> 12 & 7, a->rs3 = (uint8_t)(b >> 27); break;
    case RV_FMT_MOP: a->imm = imm_mop(b); break;
    case RV_FMT_KS1: a->imm = (int32_t)(b >> 20 & 15); break;
    case RV_FMT_FLI: a->imm = a->rs1; break;
    case RV_FMT_BS: a->imm = (int32_t)(b >> 30); break;
    default: break; /* NONE, R */
    }
}

RvInsn rv_decode(uint32_t bits, unsigned xlen, RvArgs *ret_args)
{
    unsigned key = rv_key(bits);
    unsigned len = rv_insn_len((uint16_t)bits);

    if (len == 2)
        bits &= 0xffff;
    const RvRow *end = &bucket_rows[bucket_start[key + 1]];
    for (const RvRow *row = &bucket_rows[bucket_start[key]]; row < end; row++) {
        if ((bits & row->mask) != row->match || !(row->xlen & xlen))
            continue;
        *ret_args = (RvArgs){.len = (uint8_t)len};
        if (len == 4)
            extract_full(bits, row->format, ret_args);
        else if (!extract_compressed(bits, row->format, xlen, ret_args))
            return RV_ILLEGAL;
        return row->insn;
    }
    return RV_ILLEGAL;
}
