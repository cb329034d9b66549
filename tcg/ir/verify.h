/*
 * ir_verify: does a region keep the invariants of the IR? verify.c lists them. For debug builds and tests.
 *
 * Threads: any. Errors: false, with one line in err. No memory is taken; about 10 KiB of stack.
 */
#ifndef TCG_IR_VERIFY_H
#define TCG_IR_VERIFY_H

#include "base/fmt.h"
#include "tcg/ir/ir.h"

bool ir_verify(const IrRegion *r, Fmt *err);
/* Did a pass leave the memory accesses, fences and helper calls of each guest instruction alone? (rules.md
 * 1) */
bool ir_verify_same_effects(const IrRegion *before, const IrRegion *after, Fmt *err);

#endif
