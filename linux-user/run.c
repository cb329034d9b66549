/* The loop every guest thread lives in. */
#include "linux-user/abi.h"
#include "linux-user/crash.h"
#include "linux-user/gdb.h"
#include "linux-user/mm.h"
#include "linux-user/seccomp.h"
#include "linux-user/signal.h"
#include "linux-user/syscall.h"
#include "linux-user/x86_64/abi_x86.h"

#include <errno.h>
#include <sys/mman.h>

/* A tracer and filters may see a system call first. False: it was answered, or a signal came. */
static bool is_let_through(LuThread *t)
{
    LuVerdict verdict = t->traced.on && !lu_traced_call(t) ? LU_VERDICT_DONE : LU_VERDICT_CALL;
    if (verdict == LU_VERDICT_CALL && t->hooks)
        verdict = lu_seccomp_call(t, t->abi->syscall_nr(t->cpu));
    if (verdict == LU_VERDICT_DONE && t->traced.on)
        lu_traced_return(t);
    return verdict == LU_VERDICT_CALL;
}

static void system_call(LuThread *t, const LuAbi *abi)
{
    t->abi = abi;
    /* A signal that came before the call goes first: the pc is still on the instruction. */
    if (UNLIKELY(lu_signals_pending(t))) {
        lu_signals_deliver(t, 0);
        return;
    }
    if (UNLIKELY(t->hooks | t->traced.on) && !is_let_through(t)) {
        lu_signals_deliver(t, 0);
        return;
    }
    const bool watched = t->proc->gdb != NULL;
    uint64_t nr = 0;
    if (UNLIKELY(watched)) {
        nr = t->abi->syscall_nr(t->cpu);
        lu_gdb_call(t, nr, true);
    }
    lu_syscall(t);
    if (UNLIKELY(t->traced.on))
        lu_traced_return(t);
    if (UNLIKELY(watched))
        lu_gdb_call(t, nr, false);
    lu_signals_deliver(t, t->restart);
}

static void fault(LuThread *t, int sig, int code, Gva addr)
{
    lu_raise_fault(t, sig, code, addr);
    lu_signals_deliver(t, 0);
}

static void fetch_fault(LuThread *t, Gva addr)
{
    int prot = lu_mm_prot(t->proc->mm, addr);
    bool canonical = (Gva)((int64_t)(addr << 16) >> 16) == addr;
    if (t->proc->abi->x86_structs && !canonical)
        fault(t, SIGSEGV, SI_KERNEL, 0); /* with the target as its rip, as AMD's processors have it */
    else if (prot >= 0 && (prot & PROT_EXEC))
        fault(t, SIGBUS, BUS_ADRERR, addr); /* mapped, but there is nothing behind it: a file that was cut */
    else
        fault(t, SIGSEGV, prot >= 0 ? SEGV_ACCERR : SEGV_MAPERR, addr);
}

/*
 * Where the top byte of an address is ignored, generated code does not look at it: few programs use it, and
 * the host faults for them, since such an address is not canonical. The first data access makes the whole
 * process pay for the masking; a jump is mended here each time. Code and data at addresses with bit 55 set
 * are the kernel's.
 */
static bool fault_of_tag(LuThread *t)
{
    Cpu *cpu = t->cpu;
    Gva addr = cpu->exit.addr;
    if (!t->proc->abi->top_byte_ignored || !(addr >> 56) || addr >> 55 & 1)
        return false;
    if (cpu->exit.kind == CPU_EXIT_FETCH) {
        cpu->pc &= (1ull << 56) - 1;
        return true;
    }
    if (cpu->ctx & CTX_UNTAG)
        return false;
    accel_ctx_set(t->proc->accel, cpu, CTX_UNTAG);
    return true;
}

/* The address in a program counter that also says which instruction set. */
static Gva code_address(const LuThread *t) { return t->cpu->pc & ~t->proc->abi->target->pc_tag; }

/* An address between instructions goes before what is there, or is not. */
static bool fault_of_pc(LuThread *t)
{
    Gva pc = code_address(t);
    if (!(pc & (t->proc->abi->target->insn_align - 1u)))
        return false;
    t->cpu->exit.kind = CPU_EXIT_MISALIGNED;
    t->cpu->exit.addr = pc;
    fault(t, SIGBUS, BUS_ADRALN, pc);
    return true;
}

static void illegal(LuThread *t)
{
    const LuAbi *abi = t->proc->abi;
    if (abi->is_breakpoint && abi->is_breakpoint(t->cpu)) {
        fault(t, SIGTRAP, TRAP_BRKPT, code_address(t));
        return;
    }
    if (t->proc->log & LU_LOG_UNIMP)
        lu_log_instruction(t);
    fault(t, SIGILL, abi->x86_structs ? ILL_ILLOPN : ILL_ILLOPC, code_address(t));
}

static bool vsyscall(LuThread *t)
{
    const LuAbi *abi = t->proc->abi;
    int how = abi->vsyscall ? abi->vsyscall(t) : 0;
    if (how < 0)
        fault(t, SIGSEGV, SI_KERNEL, 0);
    else if (how)
        lu_signals_deliver(t, 0);
    return how != 0;
}

static const LuAbi *call_abi(const LuThread *t)
{
    const LuAbi *abi = t->proc->abi;
    return abi->call_abi ? abi->call_abi(t->cpu) : abi;
}

/* Of x86: a segment that is not present; int 0x80 of 64-bit code, or in a 64-bit program. */
static void vector(LuThread *t)
{
    if (lu_x86_at_int80(t->cpu))
        system_call(t, &lu_abi_i386);
    else
        fault(t, SIGBUS, SI_KERNEL, 0);
}

/* With debug registers. False: one was hit, and SIGTRAP raised for it. */
static bool run_watched(LuThread *t)
{
    bool hit = lu_debug_before(t);
    if (!hit) {
        accel_run(t->cpu);
        hit = lu_debug_after(t);
    }
    if (hit)
        lu_debug_raise(t);
    return !hit;
}

static void at_break(LuThread *t)
{
    if (t->proc->gdb != NULL)
        lu_gdb_break(t);
    else if (lu_debug_break(t))
        lu_debug_raise(t);
}

void lu_thread_run(LuThread *t)
{
    Cpu *cpu = t->cpu;
    for (;;) {
        if (UNLIKELY(t->proc->gdb != NULL))
            lu_gdb_before(t);
        if (UNLIKELY(t->traced.on))
            lu_traced_before(t);
        if (LIKELY(!t->traced.debug.active))
            accel_run(cpu);
        else if (!run_watched(t))
            continue;
        switch ((CpuExitKind)cpu->exit.kind) {
        case CPU_EXIT_SYSCALL: system_call(t, call_abi(t)); break;
        case CPU_EXIT_KICK: lu_signals_deliver(t, 0); break;
        case CPU_EXIT_BREAK:
            if (t->proc->abi->x86_structs) /* a trap: pc is behind it */
                fault(t, SIGTRAP, SI_KERNEL, 0);
            else
                fault(t, SIGTRAP, TRAP_BRKPT, code_address(t));
            break;
        case CPU_EXIT_ILLEGAL:
            if (!fault_of_pc(t))
                illegal(t);
            break;
        case CPU_EXIT_FETCH:
            if (!vsyscall(t) && !fault_of_tag(t) && !fault_of_pc(t))
                fetch_fault(t, cpu->exit.addr);
            break;
        case CPU_EXIT_FAULT:
            if (!fault_of_tag(t))
                fault(t, cpu->exit.sig, cpu->exit.code, cpu->exit.addr);
            break;
        case CPU_EXIT_MISALIGNED: fault(t, SIGBUS, BUS_ADRALN, cpu->exit.addr); break;
        case CPU_EXIT_FLOAT:
            fault(t, SIGFPE, target_float_code((uint32_t)cpu->exit.code), code_address(t));
            break;
        case CPU_EXIT_DIVIDE: fault(t, SIGFPE, FPE_INTDIV, code_address(t)); break;
        case CPU_EXIT_PROTECTION:
        case CPU_EXIT_BOUND:
        case CPU_EXIT_OVERFLOW: fault(t, SIGSEGV, SI_KERNEL, 0); break;
        case CPU_EXIT_VECTOR: vector(t); break;
        case CPU_EXIT_STACK: fault(t, SIGBUS, SI_KERNEL, 0); break;
        case CPU_EXIT_DEBUG: at_break(t); break;
        case CPU_EXIT_FENCE_I:
        case CPU_EXIT_CTX:
        case CPU_EXIT_EXCLUSIVE:
        case CPU_EXIT_NO_FPU:
        case CPU_EXIT_BROKEN:
        case CPU_EXIT_HALT: break; /* dealt with in accel_run(), or not of user mode */
        }
        if (UNLIKELY(t->proc->gdb != NULL))
            lu_gdb_after(t);
        if (UNLIKELY(t->traced.on))
            lu_traced_after(t);
    }
}
