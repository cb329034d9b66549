/* The calls of 32-bit Arm as a table: calls_arm.def. */
#include "linux-user/abi32/lu32.h"
#include "linux-user/arm/calls_arm.h"

enum { PRIVATE = 0xf0000, N_PRIVATE = 7, N_CALLS = 471 }; /* asm/unistd.h: __ARM_NR_BASE */
#define SLOT(n) ((n) < PRIVATE ? (n) : N_CALLS + (n) - PRIVATE)

#define N(number, row) CALL_##number,
#define A(number, name, row, args, conv) CALL_##number,
#define H(number, name, row, args, handler) CALL_##number,
#define L(number, note)
enum {
#include "linux-user/arm/calls_arm.def"
};
#undef N
#undef A
#undef H
#undef L

#define N(number, row) {#row, LU_ROW_##row, 0, "", ""},
#define A(number, name, row, args, conv) {#name, LU_ROW_##row, 0, args, conv},
#define H(number, name, row, args, handler) {#name, LU_ROW_##row, LU32_H_##handler, args, ""},
#define L(number, note)
static const Lu32Call calls[] = {
#include "linux-user/arm/calls_arm.def"
};
#undef N
#undef A
#undef H
#undef L

#define N(number, row) [SLOT(number)] = CALL_##number + 1,
#define A(number, name, row, args, conv) [SLOT(number)] = CALL_##number + 1,
#define H(number, name, row, args, handler) [SLOT(number)] = CALL_##number + 1,
#define L(number, note)
static const uint16_t slots[N_CALLS + N_PRIVATE] = {
#include "linux-user/arm/calls_arm.def"
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
#include "linux-user/arm/calls_arm.def"
};
#undef N
#undef A
#undef H
#undef L

const Lu32Table lu_arm_calls = {
    .calls = calls, .index = slots, .n_calls = N_CALLS, .private_base = PRIVATE, .n_private = N_PRIVATE,
    .n_slots = ARRAY_SIZE(slots),
    .notes = notes, .n_notes = ARRAY_SIZE(notes),
    .stat = LU32_arm_stat, .stat64 = LU32_arm_stat64, .statfs64 = LU32_arm_statfs64,
    .statfs64_sizes = {84, 88}, /* with and without the padding that EABI compilers give it */
};
