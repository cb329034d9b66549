/* One executed RISC-V instruction: written by softfp_rv_gen (riscv64), judged by softfp_rv_check (host). */
#ifndef TESTS_EXPERIMENTS_SOFTFP_RV_H
#define TESTS_EXPERIMENTS_SOFTFP_RV_H

#include <stdint.h>

typedef enum RvFpOp {
    RVF_ADD, RVF_SUB, RVF_MUL, RVF_DIV, RVF_SQRT, RVF_MIN, RVF_MAX, RVF_EQ, RVF_LT, RVF_LE, RVF_CLASS,
    RVF_FMADD, RVF_FMSUB, RVF_FNMSUB, RVF_FNMADD, /* ab+c, ab-c, -ab+c, -ab-c */
    RVF_TO_W, RVF_TO_WU, RVF_TO_L, RVF_TO_LU, RVF_FROM_W, RVF_FROM_WU, RVF_FROM_L, RVF_FROM_LU,
    RVF_TO_H, RVF_TO_S, RVF_TO_D, RVF_COUNT
} RvFpOp;

typedef struct RvFpRecord {
    uint8_t op, fmt, round, fflags;
    uint32_t zero;
    uint64_t a, b, c, result;
} RvFpRecord;

#endif
