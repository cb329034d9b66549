/* The riscv64 Linux ABI. Sources: RISC-V psABI; syscall(2); asm/hwcap.h and asm/hwprobe.h of the UAPI
 * headers. */
#include "linux-user/abi.h"
#include "linux-user/regset.h"

#include "base/fmt.h"
#include "linux-user/riscv64/abi_riscv.h"
#include "linux-user/riscv64/frame_riscv64.h"
#include "linux-user/syscall.h"
#include "target/riscv/rv_cpu.h"

#include "linux-user/vdso_riscv64.h"

enum { A0 = 10, A7 = 17, TP = 4, ECALL_SIZE = 4 };

#define HWCAP(letter) (1u << ((letter) - 'A'))

static RvCpu *rv(Cpu *cpu) { return (RvCpu *)cpu; }
static const RvCpu *rv_const(const Cpu *cpu) { return (const RvCpu *)cpu; }

static uint64_t syscall_nr(const Cpu *cpu) { return rv_const(cpu)->x[A7]; }
static void syscall_args(const Cpu *cpu, uint64_t arg[6]) { memcpy(arg, &rv_const(cpu)->x[A0], 6 * 8); }
static void set_result(Cpu *cpu, uint64_t value) { rv(cpu)->x[A0] = value; }
static uint64_t result(const Cpu *cpu) { return rv_const(cpu)->x[A0]; }
static void skip_syscall(Cpu *cpu) { cpu->pc += ECALL_SIZE; }
static Gva syscall_end(const Cpu *cpu) { return cpu->pc + ECALL_SIZE; }

static void restart_syscall(Cpu *cpu, uint64_t first_arg)
{
    cpu->pc -= ECALL_SIZE;
    rv(cpu)->x[A0] = first_arg;
}

static void set_entry(Cpu *cpu, Gva pc, Gva sp)
{
    cpu->pc = pc;
    rv(cpu)->x[RV_SP] = sp;
}

static void set_tls(Cpu *cpu, uint64_t tls) { rv(cpu)->x[TP] = tls; }
static uint64_t get_sp(const Cpu *cpu) { return rv_const(cpu)->x[RV_SP]; }
static void set_sp(Cpu *cpu, Gva sp) { rv(cpu)->x[RV_SP] = sp; }

static const struct {
    char name[12];
    RvModel model;
    uint8_t words; /* bytes that registers may have */
    char help[64];
} models[] = {
    {"max", RV_MODEL_MAX, 4 | 8, "everything that is implemented (default)"},
    {"rv64", RV_MODEL_GC, 8, "RV64IMAFDC with Zicsr, Zifencei, Zicntr and Zihintpause"},
    {"rv32", RV_MODEL_GC, 4, "RV32IMAFDC with Zicsr, Zifencei, Zicntr and Zihintpause"},
    {"rva22s64", RV_MODEL_RVA22, 8, "what the profile RVA22U64 asks for"},
    {"any", RV_MODEL_MAX, 4 | 8, "the same as max"},
};

bool lu_riscv_choose_model(LuProc *p, const char *name)
{
    unsigned i = 0;
    while (name && i < ARRAY_SIZE(models) && strcmp(name, models[i].name))
        i++;
    if (i == ARRAY_SIZE(models) || !(models[i].words & p->abi->word))
        return false;
    p->cpu_model = models[i].model;
    p->hwcap[0] = HWCAP('I') | HWCAP('M') | HWCAP('A') | HWCAP('F') | HWCAP('D') | HWCAP('C');
    return true;
}

void lu_riscv_list_models(Fmt *out, unsigned word)
{
    for (unsigned i = 0; i < ARRAY_SIZE(models); i++)
        if (models[i].words & word)
            fmt_printf(out, "%s  %s\n", models[i].name, models[i].help);
}

static void list_models(Fmt *out)
{
    lu_riscv_list_models(out, 8);
}

void lu_riscv_init_cpu(const LuProc *p, Cpu *cpu, uint64_t seed)
{
    rv(cpu)->model = p->cpu_model;
}

/* The lines programs look for; the same set of extensions as AT_HWCAP and riscv_hwprobe. */
void lu_riscv_cpuinfo(LuProc *p, Fmt *out, unsigned cpu)
{
    fmt_printf(out, "processor\t: %u\nhart\t\t: %u\nisa\t\t: rv%u", cpu, cpu, 8u * p->abi->word);
    for (unsigned n = 0; n < RV_EXT_COUNT; n++)
        if (lu_riscv_has(p, (RvExt)n)) /* single letters come first */
            fmt_printf(out, "%s%s", rv_ext_name((RvExt)n)[1] ? "_" : "", rv_ext_name((RvExt)n));
    fmt_printf(out, "\nmmu\t\t: %s\nmvendorid\t: 0x0\nmarchid\t\t: 0x0\nmimpid\t\t: 0x0\n\n",
               p->abi->word == 8 ? "sv48" : "sv32");
}

const LuAbi lu_abi_riscv64 = {
    .target = &target_riscv64,
    .regs = &lu_riscv64_regs,
    .name = "riscv64",
    .uname_machine = "riscv64",
    .uname_compat = "riscv32",
    .interp_prefix = "/usr/riscv64-linux-gnu",
    .word = 8,
    .task_size = 1ull << 47,
    .usual_space = 1ull << 38, /* Sv39, for which GCC and LLVM lay out AddressSanitizer's shadow */
    .n_syscalls = LU_N_SYSCALLS_RISCV64,
    .syscall_row = lu_syscall_row_riscv64,
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
    .push_frame = lu_riscv64_push_frame,
    .pop_frame = lu_riscv64_pop_frame,
    .frame_size = LU_RISCV64_FRAME_SIZE,
    .min_sigstksz = 2048,
    .vdso = vdso_image,
    .vdso_size = sizeof(vdso_image),
    .vdso_sigreturn = VDSO_SIGRETURN,
    .cpuinfo = lu_riscv_cpuinfo,
};
