/*
 * The passes over a finished region. What is removed becomes a nop: indices stay, so values keep their names.
 *
 * Each is one scan over the instruction array, takes no memory, and never touches an access, fence, exit or a
 * call that is not PURE. Threads: the region's owner.
 */
#ifndef TCG_OPT_PASSES_H
#define TCG_OPT_PASSES_H

#include "tcg/ir/ir.h"

/* Ops without effect whose value nobody uses, gets included. Ops that may raise FP flags stay. */
void ir_opt_dce(IrRegion *r);
/* Puts that a later put of the block overwrites before anything can look at the slot. Run it before
 * ir_opt_dce(). */
void ir_opt_dead_puts(IrRegion *r);

#endif
