/* The Linux ABI of 32-bit Arm (EABI). Sources: AAPCS32; syscall(2); the UAPI headers asm/hwcap.h,
 * asm/ptrace.h, asm/signal.h of arm; the kernel's documentation
 * Documentation/arch/arm/kernel_user_helpers.rst. */
#include "linux-user/abi.h"
#include "linux-user/regset.h"

#include "base/fault.h"
#include "base/fmt.h"
#include "linux-user/abi32/lu32.h"
#include "linux-user/arm/calls_arm.h"
#include "linux-user/arm/frame_arm.h"
#include "linux-user/mm.h"
#include "target/arm/arm_cpu.h"

static ArmCpu *arm(Cpu *cpu) { return (ArmCpu *)cpu; }
static uint32_t reg(const Cpu *cpu, unsigned n) { return (uint32_t)((const ArmCpu *)cpu)->x[n]; }
static unsigned svc_size(const Cpu *cpu) { return cpu->pc & ARM_PC_T ? 2 : 4; }

static uint64_t syscall_nr(const Cpu *cpu) { return reg(cpu, 7); }
static void set_syscall_nr(Cpu *cpu, uint64_t nr) { arm(cpu)->x[7] = (uint32_t)nr; }
static void set_result(Cpu *cpu, uint64_t value) { arm(cpu)->x[0] = (uint32_t)value; }
static uint64_t result(const Cpu *cpu) { return (uint64_t)(int32_t)reg(cpu, 0); }
static void skip_syscall(Cpu *cpu) { cpu->pc = arm_pc_after(arm(cpu), svc_size(cpu)); }
static Gva syscall_end(const Cpu *cpu) { return (cpu->pc & ~(Gva)ARM_PC_T) + svc_size(cpu); }
static void set_tls(Cpu *cpu, uint64_t tls) { arm(cpu)->tpidrro = (uint32_t)tls; }
static uint64_t get_tls(const Cpu *cpu) { return ((const ArmCpu *)cpu)->tpidrro; }
static uint64_t get_sp(const Cpu *cpu) { return reg(cpu, 13); }
static void set_sp(Cpu *cpu, Gva sp) { arm(cpu)->x[13] = (uint32_t)sp; }

static void syscall_args(const Cpu *cpu, uint64_t arg[6])
{
    for (unsigned i = 0; i < 6; i++)
        arg[i] = reg(cpu, i);
}

/* IT is zero or has moved on behind an SVC, and it cannot come back: an SVC in an IT block is restarted
 * unconditionally. */
static void restart_syscall(Cpu *cpu, uint64_t first_arg)
{
    cpu->pc = (uint32_t)(cpu->pc - svc_size(cpu));
    arm(cpu)->x[0] = (uint32_t)first_arg;
}

/* As a jump to an address of that kind does: bit 0 is T. */
static void set_entry(Cpu *cpu, Gva pc, Gva sp)
{
    cpu->pc = (uint32_t)pc;
    arm(cpu)->x[13] = (uint32_t)sp;
}

/* Undefined instructions that debuggers set, from the time before there was BKPT. */
static bool is_breakpoint(const Cpu *cpu)
{
    enum { BREAK_A32 = 0x07f001f0, BREAK_T32 = 0xde01, BREAK_T32_WIDE = 0xf7f0 | 0xa000u << 16 };
    Gva pc = cpu->pc & ~ARM_PC_TAG;
    FaultVal half = fault_ld16(pc), word = fault_ld32(pc);
    if (!(cpu->pc & ARM_PC_T))
        return !word.fault && (word.val & 0x0fffffff) == BREAK_A32;
    return (!half.fault && half.val == BREAK_T32) || (!word.fault && word.val == BREAK_T32_WIDE);
}

/* ---- the helper page ---- */

static bool map_pages(LuThread *t)
{
    uint8_t page[4096];
    arm_kuser_page(page);
    lu_arm_put_sigreturn(page + LU_ARM_SIGRETURN - LU_ARM_KUSER);
    return !lu_mm_map_code_page(t->proc->mm, LU_ARM_KUSER, page);
}

/* ---- cpu models ---- */

typedef struct Cap {
    uint8_t word, bit;
    uint16_t feat; /* A32Feat */
    char name[12];
} Cap;

static const Cap caps[] = {
#define CAP(name, word, bit, feat) {word, bit, A32_FEAT_##feat, #name},
#include "linux-user/arm/hwcap_arm.def"
#undef CAP
};

/* Names of the architecture: uname(2), and without "arm" AT_PLATFORM. Build systems know no armv8l, so ARMv8
 * cores say armv7l. */
static void name_machine(LuProc *p, unsigned arch)
{
    Fmt machine = FMT_ON(p->machine), platform = FMT_ON(p->platform);
    fmt_printf(&machine, arch == 5 ? "armv5tejl" : "armv%ul", MIN(arch, 7u));
    fmt_printf(&platform, "v%ul", MIN(arch, 7u));
}

static bool choose_model(LuProc *p, const char *name)
{
    A32Model model = !name || !strcmp(name, "any") ? A32_MODEL_MAX : a32_model_find(name);
    if (model == A32_MODELS)
        return false;
    p->cpu_model = model;
    p->hwcap[0] = p->hwcap[1] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(caps); i++)
        if (a32_model_has(model, caps[i].feat))
            p->hwcap[caps[i].word] |= 1ull << caps[i].bit;
    name_machine(p, a32_model_arch(model));
    return true;
}

static void list_models(Fmt *out)
{
    for (unsigned m = 0; m < A32_MODELS; m++)
        fmt_printf(out, "%s%s\n", a32_model_name(m),
                   m == A32_MODEL_MAX ? "  everything that is implemented (default)" : "");
    fmt_puts(out, "any  the same as max\n");
}

static void init_cpu(const LuProc *p, Cpu *cpu, uint64_t seed)
{
    arm(cpu)->model = p->cpu_model;
    cpu->ctx = (cpu->ctx & ~(uint32_t)CTX_TARGET_MASK) | cpu->ops->ctx(cpu);
}

/* The lines programs look for; the features are those of AT_HWCAP. */
static void cpuinfo(LuProc *p, Fmt *out, unsigned cpu)
{
    uint32_t midr = a32_model_midr(p->cpu_model);
    unsigned arch = a32_model_arch(p->cpu_model);
    fmt_printf(
        out,
        "processor\t: %u\nmodel name\t: ARMv%u Processor rev %u (v%ul)\nBogoMIPS\t: 100.00\nFeatures\t:", cpu,
        arch, midr & 15, arch);
    for (unsigned i = 0; i < ARRAY_SIZE(caps); i++)
        if (p->hwcap[caps[i].word] >> caps[i].bit & 1)
            fmt_printf(out, " %s", caps[i].name);
    fmt_printf(out,
               "\nCPU implementer\t: 0x%02x\nCPU architecture: %u\nCPU variant\t: 0x%x\nCPU part\t: "
               "0x%03x\nCPU revision\t: %u\n\n",
               midr >> 24, arch, midr >> 20 & 15, midr >> 4 & 0xfff, midr & 15);
}

const LuAbi lu_abi_arm = {
    .target = &target_arm,
    .regs = &lu_arm_regs,
    .debug = &lu_debug_arm,
    .name = "arm",
    .uname_machine = "armv7l",
    .interp_prefix = "/usr/arm-linux-gnueabihf",
    .word = 4,
    .task_size = 0xbf000000,
    .syscall32 = lu32_syscall,
    .list_calls32 = lu32_list_calls,
    .calls32 = &lu_arm_calls,
    .choose_model = choose_model,
    .list_models = list_models,
    .init_cpu = init_cpu,
    .map_pages = map_pages,
    .is_breakpoint = is_breakpoint,
    .syscall_nr = syscall_nr,
    .syscall_args = syscall_args,
    .set_result = set_result,
    .result = result,
    .skip_syscall = skip_syscall,
    .syscall_end = syscall_end,
    .restart_syscall = restart_syscall,
    .set_entry = set_entry,
    .set_tls = set_tls,
    .set_syscall_nr = set_syscall_nr,
    .get_tls = get_tls,
    .get_sp = get_sp,
    .set_sp = set_sp,
    .push_frame = lu_arm_push_frame,
    .pop_frame = lu_arm_pop_frame,
    .pop_old_frame = lu_arm_pop_old_frame,
    .frame_size = LU_ARM_FRAME_SIZE,
    .min_sigstksz = 2048,
    .has_restorer = true,
    .arm_open_flags = true,
    .cpuinfo = cpuinfo,
};
