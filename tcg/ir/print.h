/*
 * The text form of a region: ir_print() writes it, ir_parse() reads it back to the same text.
 *
 * One line each; `;` starts a comment. Values are %N, N = index of the instruction when printed; any name
 * when read.
 *   region pc=0x1000 ctx=0x0 nan=0          (fp=0x1: IR_FP_*)
 *   exit 0 direct 0x1010 poll            exit 1 raise 0x1004 code=3        exit 2 direct 0x1008 return
 *   block 0:
 *     insn 0x1000                        (insn_start with the guest address)
 *     %3 = get.i64 x10                   put.i64 x10 %4
 *     %4 = add.i64 %3 %2                 %5 = cmp.i64 ltu %3 %4        %6 = sext.i64.i32 %9
 *     %7 = ld.i64 [%3 + %4<<3 + 16] b4 sext acquire direct
 *     st.i32 %9 [%3] b4                  %8 = rmw.i64 add [%3] %4 b8   %9 = cas.i64 [%3] %4 %5 b8
 *     %10 = fma.f64 rne np na %a %b %c   %11 = f2i.i64.f64 rtz unsigned %10
 *     %12 = vadd.v128.i8 %10 %11         %13 = vshr.v128.i16 s round n3 %12 %14 = vcmp.v128.i32 gtu %12 %13
 *     %15 = const.v128 0x5 0x3           (low half, high half; the latter only if the first does not say it
 *                                        by its sign)
 *     %11 = frint.f64.f64 dyn exact r32 %10  %11 = i2f.f32.i64 dyn fix 5 %9  %9 = flfcmp.f64 signaling %3 %4
 *     %12 = call helper(%3, %4)          exit_if %5 exit 0 likely
 *     br block 0 (%3, %4)                brcond %5 block 1 block 2      exit 0     exit_ind %3 ret
 *
 * Threads: any, no state outside of the arguments.
 */
#ifndef TCG_IR_PRINT_H
#define TCG_IR_PRINT_H

#include "base/fmt.h"
#include "tcg/ir/ir.h"

void ir_print(const IrRegion *r, Fmt *f);
/* One instruction, without newline. */
void ir_print_insn(const IrRegion *r, unsigned index, Fmt *f);

/* Reads a region into the arena; slots and helpers give the names. NULL: syntax error (or out of arena), with
 * one line "line N: what" in err. The region is well-formed as a container (indices in range, defined before
 * use in the text); whether it keeps the invariants is for ir_verify(). */
IrRegion *ir_parse(Arena *arena, const char *text, size_t len, const IrSlot *slots, unsigned n_slots,
                   const IrHelper *helpers, unsigned n_helpers, char *err, size_t err_cap);

/* Words of the text form, shared by both directions. */
extern const char ir_cond_name[10][4];
extern const char ir_vcond_name[11][4];
extern const uint8_t ir_lane_type[12]; /* IrType by whose name a lane goes */
extern const char ir_vattr_name[6][6]; /* bit k of the attributes */
extern const char ir_fcond_name[8][8];
extern const char ir_round_name[8][4];
extern const char ir_rmw_name[9][8];
extern const char ir_order_name[8][9];
extern const char ir_mmu_name[4][9];
extern const char ir_hint_name[3][5];

#endif
