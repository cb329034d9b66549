/* The riscv32 Linux ABI (ILP32D, 64 bits of time). Registers hold 32 bits, sign-extended (rv_cpu.h). Sources:
 * RISC-V psABI; syscall(2); asm/unistd.h and asm-generic/unistd.h of the UAPI headers. */
#include "linux-user/abi.h"
#include "linux-user/regset.h"

#include "linux-user/abi32/lu32.h"
#include "linux-user/riscv32/calls_riscv32.h"
#include "linux-user/riscv32/frame_riscv32.h"
#include "linux-user/riscv64/abi_riscv.h"

#include "linux-user/vdso_riscv32.h"

enum { A0 = 10, A7 = 17, TP = 4, ECALL_SIZE = 4 };

static uint64_t *x(Cpu *cpu)
{
    return ((RvCpu *)cpu)->x;
}
static uint64_t get(const Cpu *cpu, unsigned n)
{
    return (uint32_t)((const RvCpu *)cpu)->x[n];
}
static void put(Cpu *cpu, unsigned n, uint64_t v)
{
    x(cpu)[n] = (uint64_t)(int32_t)v;
}

static uint64_t syscall_nr(const Cpu *cpu)
{
    return get(cpu, A7);
}
static void syscall_args(const Cpu *cpu, uint64_t arg[6])
{
    for (unsigned i = 0; i < 6; i++)
        arg[i] = get(cpu, A0 + i);
}
static void set_result(Cpu *cpu, uint64_t value)
{
    put(cpu, A0, value);
}
static uint64_t result(const Cpu *cpu)
{
    return ((const RvCpu *)cpu)->x[A0];
}
static void skip_syscall(Cpu *cpu)
{
    cpu->pc += ECALL_SIZE;
}
static Gva syscall_end(const Cpu *cpu)
{
    return cpu->pc + ECALL_SIZE;
}

static void restart_syscall(Cpu *cpu, uint64_t first_arg)
{
    cpu->pc -= ECALL_SIZE;
    put(cpu, A0, first_arg);
}

static void set_entry(Cpu *cpu, Gva pc, Gva sp)
{
    cpu->pc = (uint32_t)pc;
    put(cpu, RV_SP, sp);
}

static void set_tls(Cpu *cpu, uint64_t tls)
{
    put(cpu, TP, tls);
}
static uint64_t get_sp(const Cpu *cpu)
{
    return get(cpu, RV_SP);
}
static void set_sp(Cpu *cpu, Gva sp)
{
    put(cpu, RV_SP, sp);
}
static void list_models(struct Fmt *out)
{
    lu_riscv_list_models(out, 4);
}

const LuAbi lu_abi_riscv32 = {
    .target = &target_riscv32,
    .regs = &lu_riscv32_regs,
    .name = "riscv32",
    .uname_machine = "riscv32",
    .interp_prefix = "/usr/riscv32-linux-gnu",
    .word = 4,
    .task_size = 0x9dc00000, /* where the kernel's fixed mappings begin */
    .syscall32 = lu32_syscall,
    .list_calls32 = lu32_list_calls,
    .calls32 = &lu_riscv32_calls,
    .choose_model = lu_riscv_choose_model,
    .list_models = list_models,
    .init_cpu = lu_riscv_init_cpu,
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
    .push_frame = lu_riscv32_push_frame,
    .pop_frame = lu_riscv32_pop_frame,
    .frame_size = LU_RISCV32_FRAME_SIZE,
    .min_sigstksz = 2048,
    .vdso = vdso_image,
    .vdso_size = sizeof(vdso_image),
    .vdso_sigreturn = VDSO_SIGRETURN,
    .cpuinfo = lu_riscv_cpuinfo,
};
