/* The calls of i386 as a table: calls_arm.def. */
#include "linux-user/abi32/lu32.h"
#include "linux-user/i386/calls_i386.h"

enum { N_CALLS = 471 };

#define N(number, row)                      CALL_##number,
#define A(number, name, row, args, conv)    CALL_##number,
#define H(number, name, row, args, handler) CALL_##number,
#define L(number, note)
enum {
#include "linux-user/i386/calls_i386.def"
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
#include "linux-user/i386/calls_i386.def"
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
#include "linux-user/i386/calls_i386.def"
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
#include "linux-user/i386/calls_i386.def"
};
#undef N
#undef A
#undef H
#undef L

const Lu32Table lu_i386_calls = {
    .calls = calls,
    .index = slots,
    .n_calls = N_CALLS,
    .private_base = N_CALLS,
    .n_slots = ARRAY_SIZE(slots),
    .notes = notes,
    .n_notes = ARRAY_SIZE(notes),
    .stat = LU32_arm_stat,
    .stat64 = LU32_i386_stat64,
    .statfs64 = LU32_arm_statfs64,
    .statfs64_sizes = {84, 84},
    .flock64 = LU32_i386_flock64 + 1,
};
