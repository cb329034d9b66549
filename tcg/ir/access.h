/*
 * IrAccess: one memory access whose address is not a host address (IR_MMU_TLB), as an engine asks for it.
 *
 * The interpreter asks for each, generated code for those that its own probe does not settle. The function
 * either does the whole access, or nothing and returns false: the instruction then raises with the state at
 * its insn_start, and cpu->exit says what. It sees no guest registers.
 * Ownership and threads: the caller's, the thread of the cpu.
 */
#ifndef TCG_IR_ACCESS_H
#define TCG_IR_ACCESS_H

#include "base/fault.h"
#include "tcg/ir/ir.h"

typedef struct IrAccess {
    uint64_t addr;
    uint64_t value[2];    /* in: what to store, the operand, the desired value. out: what was loaded or was
                           * there, in the guest's byte order undone (bswap), zero-extended; sext is for the
                           * caller */
    uint64_t expected[2]; /* cas */
    uint16_t mem;         /* IrMem.raw */
    uint8_t op;           /* IR_LD, IR_ST, IR_RMW, IR_CAS (low 8 bits of IrOp) */
    uint8_t rmw;          /* IrRmw */
    bool apart;           /* not of a region that goes on: may be to its own code */
    bool walks;           /* by other rights than those that the TLB has found */
} IrAccess;

_Static_assert(IR_LD < 256 && IR_CAS < 256, "IrAccess.op");

typedef bool IrAccessFn(void *cpu, IrAccess *a);

/* Is told of an access of n bytes at addr, by who watches a program's memory: of the interpreter's own before
 * it is made, and false means not to make it (the instruction is left as by IrAccessFn); of those of C
 * functions and in bulk about the time they are made, and what it says does not count. */
enum { IR_READS = 1, IR_WRITES = 2 };
typedef bool IrNoteFn(void *cpu, uint64_t addr, uint64_t n, unsigned how);

/* Of fault_bulk(kind, a, b, ...), which did this many elements. */
static inline void ir_note_bulk(IrNoteFn *note, void *cpu, unsigned kind, uint64_t a, uint64_t b,
                                uint64_t done)
{
    uint64_t bytes = done << (kind & 3);
    FaultBulk what = (FaultBulk)(kind & ~3u);
    if (!bytes)
        return;
    note(cpu, a, bytes, what == FAULT_COPY || what == FAULT_FILL ? IR_WRITES : IR_READS);
    if (what == FAULT_COPY || what == FAULT_MATCH || what == FAULT_COMPARE)
        note(cpu, b, bytes, IR_READS);
}

#endif
