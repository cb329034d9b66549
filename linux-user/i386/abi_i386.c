/* The i386 Linux ABI. Sources: System V ABI, Intel386 supplement; syscall(2), vdso(7), getauxval(3); the UAPI
 * header asm/unistd_32.h of x86. */
#include "linux-user/abi.h"
#include "linux-user/regset.h"

#include "linux-user/abi32/lu32.h"
#include "linux-user/i386/calls_i386.h"
#include "linux-user/i386/frame_i386.h"
#include "linux-user/x86_64/abi_x86.h"
#include "target/x86/x86_cpu.h"

#include "linux-user/vdso_i386.h"

enum { INT80_SIZE = 2, SYSENTER = 0x340f, SYSCALL = 0x050f };

static uint64_t *gpr(Cpu *cpu)
{
    return ((X86Cpu *)cpu)->gpr;
}
static uint32_t reg(const Cpu *cpu, unsigned n)
{
    return (uint32_t)((const X86Cpu *)cpu)->gpr[n];
}

/* syscall of 64-bit code. Its int 0x80 comes another way. */
static const LuAbi *call_abi(const Cpu *cpu)
{
    return ((const X86Cpu *)cpu)->code32 ? &lu_abi_i386 : &lu_abi_x86_64;
}

static uint64_t syscall_nr(const Cpu *cpu)
{
    return reg(cpu, X86_RAX);
}
static void set_result(Cpu *cpu, uint64_t value)
{
    gpr(cpu)[X86_RAX] = value; /* 64-bit code sees all of it */
}
static uint64_t result(const Cpu *cpu)
{
    return (uint64_t)(int32_t)reg(cpu, X86_RAX);
}
static uint64_t get_sp(const Cpu *cpu)
{
    return reg(cpu, X86_RSP);
}
static void set_sp(Cpu *cpu, Gva sp)
{
    gpr(cpu)[X86_RSP] = (uint32_t)sp;
}
static void set_tls(Cpu *cpu, uint64_t tls)
{
    lu_x86_set_tls(cpu, tls);
}

/* The instruction at pc: SYSENTER, SYSCALL, or another. */
static unsigned entered_by(const Cpu *cpu)
{
    FaultVal code = fault_ld16(cpu->pc);
    return code.fault ? 0 : (unsigned)code.val;
}

/* With sysenter and syscall the program has left ebp on the stack; where that is stands in ebp with sysenter,
 * and with syscall, which needs ecx for itself, the second argument. */
static void syscall_args(const Cpu *cpu, uint64_t arg[6])
{
    static const uint8_t regs[6] = {X86_RBX, X86_RCX, X86_RDX, X86_RSI, X86_RDI, X86_RBP};
    unsigned by = entered_by(cpu);
    for (unsigned i = 0; i < 6; i++)
        arg[i] = reg(cpu, regs[i]);
    if (by == SYSCALL)
        arg[1] = reg(cpu, X86_RBP);
    if (by == SYSCALL || by == SYSENTER)
        arg[5] = (uint32_t)fault_ld32(by == SYSCALL ? reg(cpu, X86_RSP) : arg[5]).val;
}

/* Both come back at a place of the vDSO, whatever called them; right before that stands int 0x80, by which
 * the call is done again. */
static Gva syscall_end(const Cpu *cpu)
{
    const LuProc *p = ((LuThread *)cpu->owner)->proc;
    unsigned by = entered_by(cpu);
    return by == SYSCALL || by == SYSENTER ? p->vdso + VDSO_AFTER_SYSENTER : cpu->pc + INT80_SIZE;
}

static void skip_syscall(Cpu *cpu)
{
    unsigned by = entered_by(cpu);
    if (by != SYSCALL && by != SYSENTER) {
        cpu->pc += INT80_SIZE;
        return;
    }
    const LuProc *p = ((LuThread *)cpu->owner)->proc;
    if (by == SYSCALL)
        gpr(cpu)[X86_RCX] = reg(cpu, X86_RBP);
    uint32_t sp = reg(cpu, by == SYSCALL ? X86_RSP : X86_RBP);
    x86_set_code_segment((X86Cpu *)cpu, X86_CS32);
    cpu->pc = p->vdso + VDSO_AFTER_SYSENTER;
    gpr(cpu)[X86_RSP] = sp;
    gpr(cpu)[X86_RBP] = (uint32_t)fault_ld32(sp).val;
}

/* eax was not written yet. */
static void restart_syscall(Cpu *cpu, uint64_t first_arg)
{
    cpu->pc -= INT80_SIZE;
}

static void set_entry(Cpu *cpu, Gva pc, Gva sp)
{
    cpu->pc = (uint32_t)pc;
    set_sp(cpu, sp);
}

static long arch_prctl(LuThread *t, const uint64_t a[6])
{
    enum { ARCH_GET_CPUID = 0x1011, ARCH_SET_CPUID };
    switch ((uint32_t)a[0]) {
    case ARCH_GET_CPUID: return 1;
    case ARCH_SET_CPUID: return -ENODEV; /* a processor without CPUID faulting */
    default: return -EINVAL;
    }
}

static long own_call(LuThread *t, unsigned row, const uint64_t a[6])
{
    switch ((LuRowId)row) {
    case LU_ROW_socketcall: return lu32_socketcall(t, a);
    case LU_ROW_ipc: return lu32_ipc(t, a);
    default: return lu_x86_segment_call(t, row, a);
    }
}

static void list_models(struct Fmt *out)
{
    lu_x86_list_models(out, 4);
}

const LuAbi lu_abi_i386 = {
    .target = &target_i386,
    .regs = &lu_i386_regs,
    .debug = &lu_debug_x86,
    .name = "i386",
    .uname_machine = "i686",
    .interp_prefix = "/usr/i686-linux-gnu",
    .word = 4,
    .task_size = 0xffffe000, /* as 64-bit kernels have it; the end of 4 GiB stays free */
    .syscall32 = lu32_syscall,
    .list_calls32 = lu32_list_calls,
    .calls32 = &lu_i386_calls,
    .platform = "i686",
    .choose_model = lu_x86_choose_model,
    .why_not_model = lu_x86_why_not,
    .list_models = list_models,
    .init_cpu = lu_x86_init_cpu,
    .call_abi = call_abi,
    .syscall_nr = syscall_nr,
    .syscall_args = syscall_args,
    .set_result = set_result,
    .result = result,
    .skip_syscall = skip_syscall,
    .syscall_end = syscall_end,
    .restart_syscall = restart_syscall,
    .set_entry = set_entry,
    .set_tls = set_tls,
    .get_sp = get_sp,
    .set_sp = set_sp,
    .prctl = lu_x86_prctl,
    .arch_prctl = arch_prctl,
    .own_call = own_call,
    .push_frame = lu_i386_push_frame,
    .pop_frame = lu_i386_pop_frame,
    .pop_old_frame = lu_i386_pop_old_frame,
    .frame_size = LU_I386_FRAME_SIZE,
    .min_sigstksz = 2048,
    .has_restorer = true,
    .x86_structs = true,
    .vdso = vdso_image,
    .vdso_size = sizeof(vdso_image),
    .vdso_sigreturn = VDSO_SIGRETURN,
    .vdso_rt_sigreturn = VDSO_RT_SIGRETURN,
    .vdso_syscall = VDSO_VSYSCALL,
    .cpuinfo = lu_x86_cpuinfo,
};
