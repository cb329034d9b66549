/* The calls of riscv32 as a table: calls_riscv32.def. */
#include "linux-user/abi32/lu32.h"
#include "linux-user/riscv32/calls_riscv32.h"

enum { N_CALLS = 471 };

#define N(number, row)                      CALL_##number,
#define A(number, name, row, args, conv)    CALL_##number,
#define H(number, name, row, args, handler) CALL_##number,
#define L(number, note)
enum {
#include "linux-user/riscv32/calls_riscv32.def"
};
#undef N
#undef A
#undef H
#undef L

#define N(number, row)                      {#row, LU_ROW_##row, 0, "", ""},
#define A(number, name, row, args, conv)    {#name, LU_ROW_##row, 0, args, conv},
#define H(number, name, row, args, handler) {#name, LU_ROW_##row, LU32_H_##handler, args, ""},
#define L(number, note)
static const Lu32Call calls[] = {
#include "linux-user/riscv32/calls_riscv32.def"
};
#undef N
#undef A
#undef H
#undef L

#define N(number, row)                      [number] = CALL_##number + 1,
#define A(number, name, row, args, conv)    [number] = CALL_##number + 1,
#define H(number, name, row, args, handler) [number] = CALL_##number + 1,
#define L(number, note)
static const uint16_t slots[N_CALLS] = {
#include "linux-user/riscv32/calls_riscv32.def"
};
#undef N
#undef A
#undef H
#undef L

#define N(number, row)
#define A(number, name, row, args, conv)
#define H(number, name, row, args, handler)
#define L(number, note) {number, note},
static const Lu32Note notes[] = {
#include "linux-user/riscv32/calls_riscv32.def"
};
#undef N
#undef A
#undef H
#undef L

const Lu32Table lu_riscv32_calls = {
    .calls = calls,
    .index = slots,
    .n_calls = N_CALLS,
    .private_base = N_CALLS,
    .n_slots = ARRAY_SIZE(slots),
    .notes = notes,
    .n_notes = ARRAY_SIZE(notes),
    .statfs64 = LU32_arm_statfs64, /* asm-generic's, which ends with padding */
    .statfs64_sizes = {88, 88},
};
