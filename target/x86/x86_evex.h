/* AVX-512 instructions that a C function does: x86_helper_evex(cpu, address, what). `what` is X86EvWhat,
 * which has all of the instruction but its memory operand's address. Rows name the function (X86EvOp) in
 * their column arg. See x86_evex_run.c. Private to target/x86. */
#ifndef TARGET_X86_X86_EVEX_H
#define TARGET_X86_X86_EVEX_H

#include "base/bits.h"

typedef enum X86EvOp {
    /* without a row of their own: masked elements of memory to X86Cpu.scratch, the others zero; from there to
       memory */
    EV_LOAD,
    EV_STORE,
    EV_ROL,
    EV_ROR,
    EV_LZCNT,
    EV_POPCNT,
    EV_CONFLICT,
    EV_MADD52,
    EV_DPBUSD,
    EV_DPWSSD,
    EV_SHLD,
    EV_SHRD,
    EV_SHLDV,
    EV_SHRDV,
    EV_MULTISHIFT,
    EV_SHUFBIT,
    EV_DBPSADBW,
    EV_PERM,
    EV_PERMI2,
    EV_PERMT2,
    EV_ALIGN,
    EV_COMPRESS,
    EV_EXPAND,
    EV_GATHER,
    EV_SCATTER,
    EV_CVTPH,
    EV_SCALEF,
    EV_GETEXP,
    EV_GETMANT,
    EV_RNDSCALE,
    EV_REDUCE,
    EV_RANGE,
    EV_FIXUPIMM,
    EV_FPCLASS,
    EV_RCP14,
    EV_RSQRT14,
    EV_DPBF16,
    EV_CVTBF,
    EV_CVT2BF,
    EV_TOUSI,
    EV_FROMUSI,
    EV_CVT = 64, /* between floats and integers, with: */
    EV_TO_INT = 1,
    EV_UNSIGNED = 2,
    EV_TRUNC = 4,
} X86EvOp;

typedef union X86EvWhat {
    uint64_t raw;
    struct {
        uint64_t row : 12, op : 7; /* X86EvOp */
        uint64_t reg : 5, vvvv : 5, rm : 5, mask : 3, zero : 1, evb : 1, vl : 2, rc : 2, mem : 1;
        uint64_t imm : 8, scale : 2, w : 1, addr32 : 1,
            count : 7; /* index of VSIB in rm; count: bytes of EV_LOAD, EV_STORE */
    };
} X86EvWhat;
_Static_assert(sizeof(X86EvWhat) == 8, "an argument of a helper");

#endif
