/* What the helper `sys` is asked: the seam between x86_trans_sys.c and x86_sysop.c. Private to target/x86. */
#ifndef TARGET_X86_X86_SYSOP_H
#define TARGET_X86_X86_SYSOP_H

#include "base/bits.h"

typedef enum X86SysOp {
    X86_OP_MOV_SEG, /* a: selector; reg: segment */
    X86_OP_POP_SEG, /* reg: segment */
    X86_OP_LSEG,    /* a: offset, b: selector; reg: register, arg: segment */
    X86_OP_JMP_FAR, /* a: offset, b: selector */
    X86_OP_CALL_FAR,
    X86_OP_RET_FAR, /* a: bytes to drop */
    X86_OP_IRET,
    X86_OP_PUSHF,
    X86_OP_POPF,
    X86_OP_INT, /* a: vector */
    X86_OP_INT3,
    X86_OP_INT1,
    X86_OP_INTO,
    X86_OP_SYSCALL,
    X86_OP_SYSRET,
    X86_OP_SYSENTER,
    X86_OP_SYSEXIT,
    X86_OP_IN, /* a: port */
    X86_OP_OUT,
    X86_OP_INS, /* arg: segment; asize, rep */
    X86_OP_OUTS,
    X86_OP_HLT,
    X86_OP_CLI,
    X86_OP_STI,
    X86_OP_STORE_SEL, /* sldt str smsw: arg 0 to 2; reg, or mem: a address */
    X86_OP_LLDT,      /* a: value; from here to verw */
    X86_OP_LTR,
    X86_OP_LMSW,
    X86_OP_VERIFY, /* arg: 2 verr, 3 verw */
    X86_OP_LAR,    /* arg: 0, lsl 1; a: selector; reg */
    X86_OP_SGDT,   /* a: address; arg: 1 idt */
    X86_OP_LGDT,
    X86_OP_INVLPG,
    X86_OP_INVPCID, /* a: type, b: address */
    X86_OP_XSETBV,
    X86_OP_SWAPGS,
    X86_OP_CLTS,
    X86_OP_CACHES,   /* arg: 0 invd, 1 wbinvd */
    X86_OP_READ_CR,  /* arg: number; reg */
    X86_OP_WRITE_CR, /* a: value */
    X86_OP_READ_DR,
    X86_OP_WRITE_DR,
    X86_OP_RDMSR,
    X86_OP_WRMSR,
    X86_OP_RDPMC,
    X86_OP_RDTSC, /* arg: 1 rdtscp */
    X86_OP_MONITOR, /* a: linear address */
    X86_OP_MWAIT,
    X86_OP_VMCALL, /* arg: 1 vmmcall */
    X86_OP_RSM,
    X86_OP_SVM, /* arg: modrm */
    X86_OP_SET_AC, /* arg: value */
    X86_OP_RDPKRU,
    X86_OP_WRPKRU,
    X86_OPS
} X86SysOp;

typedef union X86SysWhat {
    uint64_t raw;
    struct {
        uint8_t op, len, size, reg; /* size: of the operand, bytes */
        uint8_t arg, asize, mem, rep;
    };
} X86SysWhat;

/* Does the guest of SVM that runs get no farther, for an intercept or what comes before it (raised)? a: as
 * the operation says. */
struct X86Machine;
bool x86_svm_intercepts(struct X86Machine *m, X86SysWhat w, uint64_t a);

/* What the helper `fp_check` is asked: the unit that an instruction needs. */
typedef enum X86FpKind {
    X86_FP_NONE,
    X86_FP_X87,
    X86_FP_WAIT,
    X86_FP_MMX,
    X86_FP_SAVE, /* fxsave: TS and EM alone */
    X86_FP_SSE,
    X86_FP_XSAVE,
    X86_FP_AVX,
    X86_FP_AVX512,
    X86_FP_FSGSBASE /* none of them: looked at always */
} X86FpKind;

#endif
