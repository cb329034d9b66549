/*
 * Debug registers of a thread: break- and watchpoints of the processor, as a tracer sets them by ptrace(2).
 *
 * LuDebugIsa numbers the registers and says what a value means; what is enabled stands in LuDebugRegs.point
 * and is all that the running thread looks at. Breakpoints are the engine's (accel_debug.h), for all threads
 * of the address space: who comes to one that is another thread's steps over it, and one that is nobody's any
 * more goes then. While a thread has a watchpoint it runs instruction by instruction and is told of what each
 * accesses. Children and new programs begin with none.
 *
 * Ownership: part of LuTraced: the thread's, and its tracer's while it stands. Threads: each call by the
 * guest thread itself. Sources: ptrace(2); AMD64 APM volume 2, "Debug Registers"; Arm ARM, DBGBCR<n>_EL1 and
 * DBGWCR<n>_EL1; linux/elf.h, asm/ptrace.h of arm64 and arm, sys/user.h of x86.
 */
#ifndef LINUX_USER_DEBUG_REGS_H
#define LINUX_USER_DEBUG_REGS_H

#include <stdbool.h>
#include <stdint.h>

struct LuThread;

enum { LU_DEBUG_BREAKS = 6, LU_DEBUG_WATCHES = 4, LU_DEBUG_POINTS = LU_DEBUG_BREAKS + LU_DEBUG_WATCHES };
enum { LU_DEBUG_READ = 1, LU_DEBUG_WRITE = 2, LU_DEBUG_EXEC = 4 }; /* the first two are IR_READS, IR_WRITES */

typedef struct LuDebugPoint {
    uint64_t at;
    uint8_t n;   /* bytes */
    uint8_t how; /* LU_DEBUG_*; 0: not enabled */
} LuDebugPoint;

typedef struct LuDebugRegs {
    uint64_t reg[2 * LU_DEBUG_POINTS]; /* as the tracer finds them: LuDebugIsa */
    LuDebugPoint point[LU_DEBUG_POINTS];
    uint64_t hit_at; /* the address, of Arm */
    uint16_t hit;    /* bits of points, by the instruction that ran */
    uint8_t active;  /* the thread has to look at this before it runs */
    uint8_t fresh;   /* by the tracer: points are others */
    uint8_t over;    /* the next instruction is run whatever breakpoint it has */
} LuDebugRegs;

typedef struct LuDebugIsa {
    bool traps; /* x86: a watched access is told of when it was made, and a breakpoint once told is passed.
                 * Else (Arm) nothing was done, and the same instruction hits again */
    /* Register n as a tracer writes it: 0 or -errno. */
    long (*write)(LuDebugRegs *d, unsigned n, uint64_t value);
    int (*error)(unsigned point); /* si_errno; NULL: 0 */
} LuDebugIsa;

/* x86: DRn is register n; of DR6 the bits that are always set are clear here, and others as they are. */
enum { LU_DR_STATUS = 6, LU_DR_CONTROL = 7, LU_DR6_STEP = 1 << 14 };
#define LU_DR6_SET 0xffff0ff0ull
/* Arm: address and control of point k are 2k and 2k + 1; breakpoints first. */
extern const LuDebugIsa lu_debug_x86, lu_debug_arm64, lu_debug_arm;

/* Of a thread with `active`: before it runs. True: it stands at a breakpoint, lu_debug_raise(). */
bool lu_debug_before(struct LuThread *t);
/* And after. True: it has hit a watchpoint, lu_debug_raise(). */
bool lu_debug_after(struct LuThread *t);
/* CPU_EXIT_DEBUG. True: one of its own, lu_debug_raise(); false: it is dealt with. Not with a debugger of -g:
 * it has the processor's registers to itself. */
bool lu_debug_break(struct LuThread *t);
/* SIGTRAP for what was hit. */
void lu_debug_raise(struct LuThread *t);

#endif
