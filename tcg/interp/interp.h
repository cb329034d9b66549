/*
 * ir_run: executes a region as ops.def says. The semantics in executable form, the oracle of the emitters and
 * the engine where no code may be generated.
 *
 * Guest slots are at their IrSlot offsets from `cpu`; guest memory is reached through base/fault.h only, each
 * access one host access. A run ends at an exit, at a fault, or when a helper asks for it; the state in the
 * cpu object is then architectural for result.pc: for FAULT and HELPER that of the instruction which was
 * under way (its puts come later). Polls pass until *kick is nonzero or `max_loops` of them passed; then the
 * region is left by the poll's exit.
 *
 * Not done: values wider than 128 bits, PHYS memory (result BAD).
 * Ownership: all memory is the caller's. Threads: one run per IrMachine; regions are only read.
 */
#ifndef TCG_INTERP_INTERP_H
#define TCG_INTERP_INTERP_H

#include "tcg/ir/access.h"
#include "tcg/ir/ir.h"

typedef struct IrMachine {
    void *cpu;
    uint64_t *val;        /* scratch: one word per instruction of the region */
    IrVec *vec;           /* scratch for vectors, likewise; NULL: regions with v128 are BAD */
    const uint32_t *kick;
    uint32_t *ff;         /* sticky flags, IR_FF_* */
    uint32_t *frm;        /* dynamic rounding, IrRound */
    uint16_t mxcsr;       /* IR_NAN_X86: masks, FZ and DAZ, at the addresses of MXCSR */
    uint64_t *pc;         /* written before a helper that wants it; may be NULL if no helper does */
    uint32_t max_loops;   /* 0: no limit */
    uint64_t pc_delta;    /* paged: added to the region's addresses where a helper or an access wants *pc.
                           * What the result says of pc is without it */
    IrNoteFn *note; /* of accesses by other kinds of address, called with *pc written; NULL: nobody asks */
    IrAccessFn *access;   /* of accesses by IR_MMU_TLB, called with *pc written; NULL: such regions are BAD */
} IrMachine;

typedef enum IrRunKind {
    IR_RUN_EXIT,     /* by exit row `exit` */
    IR_RUN_INDIRECT, /* to `pc` */
    IR_RUN_FAULT,    /* access of instruction `pc` at `addr`; size 0: which is not aligned */
    IR_RUN_FLOAT,    /* instruction `pc` raised what MXCSR does not mask: IR_FF_* in `addr` */
    IR_RUN_HELPER,   /* a STATUS helper of instruction `pc` returned nonzero, or `access` or `note` false */
    IR_RUN_STUCK,    /* a loop without poll went round much more than max_loops times */
    IR_RUN_BAD,      /* instruction `insn` is nothing that the interpreter knows, or a block has no end */
} IrRunKind;

typedef struct IrRun {
    uint8_t kind;   /* IrRunKind */
    uint8_t hint;   /* INDIRECT: IrHint */
    uint8_t write;  /* FAULT: 1 = store or read-modify-write */
    uint8_t size;   /* FAULT: bytes of the access */
    uint16_t exit;  /* EXIT */
    uint16_t insn;  /* index of the IR instruction that ended the run */
    uint64_t pc, addr;
} IrRun;

void ir_run(const IrRegion *r, const IrMachine *m, IrRun *ret);

#endif
