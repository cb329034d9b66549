/*
 * TargetOps and Cpu: what the rest of the program knows of a guest ISA. The only header of target/ that other
 * folders include.
 *
 * A Cpu is the common head of the ISA's own struct (RvCpu, ...), which holds all guest registers in plain
 * fields; generated code addresses them by offset, and IrSlot rows name them.
 * Invariants: while a cpu is outside of accel_run() its struct is the whole architectural state, pc included
 * (floating-point environment: `fp`). Inside, some slots live in host registers.
 * Ownership: accel_cpu_new() allocates, accel_cpu_free() frees. Threads: one thread runs a Cpu; others may
 * only call accel_kick() on it.
 */
#ifndef TARGET_TARGET_H
#define TARGET_TARGET_H

#include "tcg/ir/access.h"
#include "tcg/ir/build.h"
#include "tcg/ir/ir.h"

typedef struct Cpu Cpu;
typedef struct TargetOps TargetOps;
typedef uint64_t Gva; /* guest virtual address */

/* Why accel_run() returned. cpu->pc is the address named here. */
typedef enum CpuExitKind {
    CPU_EXIT_KICK,    /* kicked; pc = next instruction */
    CPU_EXIT_SYSCALL, /* pc = the system call instruction (machines: semihosting); the caller steps over it */
    CPU_EXIT_BREAK,   /* breakpoint instruction at pc */
    CPU_EXIT_ILLEGAL, /* undefined or unsupported instruction at pc */
    CPU_EXIT_FETCH,   /* no executable memory at exit.addr; pc = the instruction (it may start on the page
                       * before) */
    CPU_EXIT_FAULT,   /* data access of the instruction at pc: exit.addr, exit.sig, exit.code, exit.write. A
                       * helper that raises it leaves sig and code as the signal handler found them
                       * (accel_fault) */
    CPU_EXIT_MISALIGNED, /* data access at exit.addr that the ISA wants aligned; pc = the instruction */
    CPU_EXIT_FENCE_I, /* instruction memory changed; pc = next instruction */
    CPU_EXIT_CTX,     /* something the context word depends on changed (see ops->ctx); pc = next
                       * instruction */
    CPU_EXIT_EXCLUSIVE, /* run the one instruction at pc with all other cpus stopped (exact LL/SC) */
    CPU_EXIT_HALT,    /* machines: nothing to do until an interrupt; pc = next instruction */
    CPU_EXIT_DEBUG,   /* machines: a debugger's break- or watchpoint at pc, whose instruction has not run */
    CPU_EXIT_DIVIDE,  /* integer division by zero, or its quotient does not fit */
    CPU_EXIT_PROTECTION, /* not allowed here, with no address to name; x86: exit.addr is the error code */
    CPU_EXIT_BOUND,   /* x86: bound */
    CPU_EXIT_OVERFLOW, /* x86: into; pc = next instruction */
    CPU_EXIT_FLOAT,   /* the floating-point unit has exceptions that are not masked: flags in exit.code, in
                       * MXCSR's order; pc = the instruction that waits for it */
    CPU_EXIT_VECTOR,  /* x86 machines: exception exit.code, of error code exit.addr */
    CPU_EXIT_STACK,   /* x86 machines: beyond the stack's segment; as PROTECTION */
    CPU_EXIT_NO_FPU,  /* x86 machines: the floating-point unit is switched off */
    CPU_EXIT_BROKEN,  /* the engine cannot go on, and has said why (fmt_err()); until the next reset */
} CpuExitKind;

enum { CPU_EXCLUSIVE_DEVICE = 1 }; /* CpuExit.code of EXCLUSIVE */

typedef struct CpuExit {
    uint16_t kind; /* CpuExitKind */
    uint8_t sig;   /* FAULT: SIGSEGV or SIGBUS as the host said */
    uint8_t write; /* FAULT: 1 = store */
    int32_t code;  /* FAULT: si_code; EXCLUSIVE: 0, or why (CPU_EXCLUSIVE_*) */
    uint64_t addr; /* FAULT, FETCH, MISALIGNED: guest address */
} CpuExit;

/* Common bits of the context word; the others, bits 0 to 15 and 21 to 30, are the target's. Code is keyed by
 * (pc, ctx). */
enum {
    CTX_TARGET_MASK = 0x7fe0ffff,
    CTX_ARM_FP_SHIFT = 3, CTX_ARM_FP_MASK = 127, /* of these, in targets with IR_NAN_ARM: IR_FP_* */
    CTX_X86_TRAPS = 1 << 14, /* in those with IR_NAN_X86: an exception of MXCSR is not masked */
    CTX_PARALLEL = 1 << 16, /* other threads or processes share memory: atomics are atomic */
    CTX_LLSC_BY_VALUE = 1 << 17, /* LL/SC compares values only, which is wrong (ABA): for tests of the exact
                                  * way */
    CTX_STEP = 1 << 18,     /* one instruction per region */
    CTX_UNTAG = 1 << 19,    /* the top byte of data addresses is ignored, and the guest has made use of it */
    CTX_RETURNS = 1 << 20,  /* calls and returns go through the return stack: a large program */
    CTX_LLSC_UNMATCHED = (int)(1u << 31), /* no load-reserved is taken together with its store-conditional */
};
_Static_assert((CTX_TARGET_MASK & (CTX_PARALLEL | CTX_LLSC_BY_VALUE | CTX_STEP | CTX_UNTAG | CTX_RETURNS |
                                   CTX_LLSC_UNMATCHED)) == 0,
               "each bit has one owner");

/* Must a store-conditional see every store of other threads since its load-reserved (docs/adr/0007)? */
static inline bool ctx_llsc_exact(uint32_t ctx)
{
    return (ctx & (CTX_PARALLEL | CTX_LLSC_BY_VALUE)) == CTX_PARALLEL;
}

/* What is seldom asked for, and so not in Cpu itself. */
typedef struct CpuHooks {
    IrNoteFn *note; /* programs: told of each access to memory while CTX_STEP is set; NULL: nobody asks. By
                     * the cpu's thread, outside of accel_run() */
    /* Programs: the guest instruction for which generated code has the IR_UNIT row whose address ends in
     * these 32 bits. False: there is none. By the cpu's thread, while the unit is in the host's registers.
     * NULL: an engine without such code, a machine. */
    bool (*unit_insn)(const Cpu *cpu, uint32_t host_pc, Gva *ret_pc);
} CpuHooks;

struct Cpu {
    uint64_t pc;       /* guest pc, valid outside of generated code */
    uint32_t ctx;      /* current context word */
    uint32_t ff;       /* sticky IEEE flags (IR_FF_*) besides those in the host's own register */
    uint32_t frm;      /* dynamic rounding, IrRound 0..3; written through accel or frmput */
    uint32_t host_fp;  /* accel: scratch and image of the host's FP control word */
    uint64_t link;     /* accel: scratch */
    CpuExit exit;
    const TargetOps *ops;
    struct Accel *accel;
    void *accel_cpu;   /* accel's own per-cpu data, which begins with CpuHooks */
    void *owner;       /* linux-user: the guest thread; system: the vCPU */
    const struct CpuMem *mem; /* machines (target/mem.h) */
    uint64_t pc_delta; /* machines: virtual - physical address of the page that pc is in. Else 0 */
    /* What generated code uses most stands last, next to the ISA's registers. */
    uint64_t ret_top;  /* accel: its return stack */
    uint32_t kick;     /* nonzero: leave at the next poll. Written by anyone (release), cleared by the
                        * owner */
    uint32_t unit_live; /* 0, 1: the state of IR_UNIT rows (x87, MMX) is in the host's registers, where no C
                         * code disturbs it, and not in the struct. 0 outside of accel_run() */
    /* the ISA's registers follow in its own struct */
};

/* How a guest instruction passes control. Filled by translate(); the superblock builder makes exits of it. */
typedef enum TransFlowKind {
    FLOW_NEXT,     /* falls through */
    FLOW_JUMP,     /* goes to target */
    FLOW_CALL,     /* goes to target, a call */
    FLOW_BRANCH,   /* cond ? target : next */
    FLOW_INDIRECT, /* goes to the value `indirect` */
    FLOW_RAISE,    /* raises `code` (CpuExitKind) with the state before this instruction */
    FLOW_STOP,     /* falls through, but the region must end (state that translation depends on changed) */
    FLOW_LEAVE,    /* falls through after an exit to C of kind `code`, state after this instruction */
} TransFlowKind;

typedef struct TransFlow {
    uint8_t kind;  /* TransFlowKind */
    uint8_t hint;  /* IrHint of INDIRECT */
    uint16_t code; /* CpuExitKind of RAISE, LEAVE */
    IrVal cond, indirect;
    Gva target;
} TransFlow;

typedef struct Trans {
    IrBuilder *b;
    Gva pc;          /* of the instruction to translate */
    Gva next;        /* set by translate(): pc + length */
    uint32_t ctx;
    const Cpu *cpu;       /* whose code it is: for what never changes, the cpu's model */
    const uint8_t *bytes; /* guest bytes at pc */
    unsigned n_bytes;     /* how many are readable and executable (at least 1, at most 64) */
    bool truncated;       /* set by translate(): it needs more than n_bytes. Nothing was built */
    Gva together;         /* set by translate(): do not choose to end the region between here and this later
                           * address (it costs, no more: an SC should be in the region of its LR). 0 = none */
    TransFlow flow;
    void *target;    /* target's own, zeroed for each region (64 bytes) */
    uint64_t target_store[8];
} Trans;

/* A named register for dumps, the gdb stub and tests. */
typedef struct TargetReg {
    char name[8];
    uint16_t offset; /* bytes from the start of the cpu */
    uint8_t size;    /* bytes */
    uint8_t group;   /* 0 integer, 1 floating point, 2 control */
} TargetReg;

/* Register n as GDB describes it ("Standard Target Features" in its manual). */
typedef struct TargetGdbReg {
    const char *name, *feature, *type, *group; /* group may be NULL */
    const char *types; /* XML that stands in front of the first register of the feature; may be NULL */
    unsigned bits;
} TargetGdbReg;

/* Registers of machines' cpus for GDB, in its own order: of targets for which `regs` and TargetSys.debug_reg
 * do not say it all. */
typedef struct TargetGdb {
    const char *arch;                                                 /* as GDB names it */
    bool (*describe)(unsigned n, TargetGdbReg *ret);                  /* false behind the last */
    bool (*access)(Cpu *cpu, unsigned n, uint8_t *bytes, bool write); /* false: not with this value */
    uint64_t (*pc)(const Cpu *cpu); /* as the guest, and GDB, see it: Cpu.pc is the address */
} TargetGdb;

struct TargetOps {
    const char *name;       /* "riscv64" */
    uint16_t elf_machine;   /* EM_* */
    uint8_t elf_class;      /* ELFCLASS32 or 64 */
    uint8_t insn_align;     /* bytes: 2 for RISC-V with C */
    uint8_t insn_longest;   /* bytes; 0: 4 */
    uint32_t cpu_size;      /* bytes of the ISA's struct */
    const IrSlot *slots;
    const IrHelper *helpers;
    const TargetReg *regs;
    uint16_t n_slots, n_helpers, n_regs;
    uint8_t nan;            /* IrNan */
    uint64_t pc_tag;        /* bits of a pc that are state, not address (Arm: T and IT); 0 for most */
    bool code_checks;       /* a store to code counts without a fence: what can be written is looked at where
                             * it is entered */
    bool fence_for_all;     /* FENCE_I is about every cpu: one that runs code of before leaves it soon (Arm's
                             * IC IVAU) */
    /* Power-on state of a user-mode cpu. */
    void (*reset)(Cpu *cpu);
    /* Context word for the cpu's present state (low 16 bits). */
    uint32_t (*ctx)(const Cpu *cpu);
    /* IR_NAN_X86: bits of MXCSR besides rounding and flags: masks, FZ, DAZ. */
    uint32_t (*fp_modes)(const Cpu *cpu);
    /* Builds the IR of one instruction; fills t->next, t->flow. Never fails: what is not an instruction is
     * FLOW_RAISE CPU_EXIT_ILLEGAL. ir_insn_start() was called. */
    void (*translate)(Trans *t);
    /* One line of assembler for the bytes; returns the length in bytes, 0 if more bytes are needed. */
    unsigned (*disas)(Gva pc, const uint8_t *bytes, unsigned n, char *text, size_t cap);
    /* Data address of the instruction at cpu->pc, which raised MISALIGNED: accel fills exit.addr with it. */
    Gva (*data_addr)(const Cpu *cpu);
    /* Does the cpu hold an LL/SC reservation? `drop` gives it up: every return of accel_run() does
     * (exceptions, signals, system calls), but for single steps. NULL: the ISA has none. Asked after an
     * instruction that raised EXCLUSIVE was run: the others stay stopped until the reservation is gone. */
    bool (*reserved)(Cpu *cpu, bool drop);
    /* IR_UNIT rows: the state into the host's registers and back (Cpu.unit_live). NULL: the ISA has none. */
    void (*unit_load)(void *cpu);
    void (*unit_store)(void *cpu);
    /* Code of context ctx that computes floats wants something looked at where a region of it is entered; the
     * look, which may leave for the same pc. NULL: there is no such context. */
    bool (*floats_watched)(uint32_t ctx);
    void (*look_at_floats)(Trans *t);
    const TargetGdb *gdb;        /* NULL: `regs` and sys->debug_reg */
    const struct TargetSys *sys; /* machines: the privileged side (target/mem.h); NULL: user mode */
    /* Another instruction set that the same cpu has, with slots and helpers of its own: it runs while a bit
     * of other_ctx is in the context word. Helpers that change that bit leave generated code. What is asked
     * of the other: tables, translate, disas, data_addr, pc_tag, insn_align. NULL and 0: there is none. */
    const struct TargetOps *other;
    uint32_t other_ctx;
};

/* The instruction set that code of context ctx is of; that the cpu is in now. */
static inline const TargetOps *target_isa(const TargetOps *ops, uint32_t ctx)
{
    return UNLIKELY(ctx & ops->other_ctx) ? ops->other : ops;
}
static inline const TargetOps *cpu_isa(const Cpu *cpu) { return target_isa(cpu->ops, cpu->ctx); }

static inline CpuHooks *cpu_hooks(const Cpu *cpu) { return cpu->accel_cpu; }

/* A C function of the target has made an access of a program. */
static inline void cpu_note(Cpu *cpu, Gva at, uint64_t n, unsigned how)
{
    IrNoteFn *note = cpu_hooks(cpu)->note;
    if (UNLIKELY(note != NULL))
        note(cpu, at, n, how);
}

/* si_code of SIGFPE (FPE_FLTDIV .. FPE_FLTINV of <signal.h>) for IEEE flags (IR_FF_*) that trap: what is
 * invalid goes first, then what was computed. */
static inline int target_float_code(uint32_t flags)
{
    enum { DIV = 3, OVF, UND, RES, INV };
    return flags & IR_FF_INVALID                      ? INV
           : flags & IR_FF_DIVZERO                    ? DIV
           : flags & IR_FF_OVERFLOW                   ? OVF
           : flags & (IR_FF_UNDERFLOW | IR_FF_DENORM) ? UND
                                                      : RES;
}

extern const TargetOps target_riscv64, target_riscv32;
extern const TargetOps target_x86_64, target_i386;
extern const TargetOps target_aarch64;
extern const TargetOps target_arm; /* A32 and T32 */
extern const TargetOps target_riscv64_sys, target_riscv32_sys; /* with privileged levels */
extern const TargetOps target_aarch64_sys, target_arm_sys;
extern const TargetOps target_x86_64_sys, target_i386_sys;

#endif
