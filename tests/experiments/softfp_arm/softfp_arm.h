/* One executed A64 instruction: written by softfp_arm_gen (aarch64), judged by softfp_arm_check (host). */
#ifndef TESTS_EXPERIMENTS_SOFTFP_ARM_H
#define TESTS_EXPERIMENTS_SOFTFP_ARM_H

#include <stdint.h>

typedef enum ArmFpOp {
#define ROW(id, text, fmt, width, expr) AFP_##id,
#include "softfp_arm_rows.inc.h"
#undef ROW
    AFP_COUNT
} ArmFpOp;

typedef struct ArmFpRecord {
    uint16_t op, zero;
    uint32_t fpcr, fpsr, zero2;
    uint64_t a, b, c, result;
} ArmFpRecord;

#endif
