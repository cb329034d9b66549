/* The arm64 Linux ABI. Sources: AAPCS64; syscall(2), prctl(2); the UAPI headers asm/hwcap.h, asm/mman.h of
 * arm64; the kernel's documentation
 * Documentation/arch/arm64/{elf_hwcaps,cpu-feature-registers,pointer-authentication}.rst. */
#include "linux-user/abi.h"
#include "linux-user/regset.h"

#include "base/fmt.h"
#include "linux-user/arm64/frame_arm64.h"
#include "linux-user/syscall.h"
#include "target/arm/arm_cpu.h"

#include <linux/prctl.h>

#include "linux-user/vdso_arm64.h"

enum { NR = 8, SVC_SIZE = 4, PROT_BTI = 16 };

static ArmCpu *arm(Cpu *cpu) { return (ArmCpu *)cpu; }
static const ArmCpu *arm_const(const Cpu *cpu) { return (const ArmCpu *)cpu; }

static uint64_t syscall_nr(const Cpu *cpu) { return (uint32_t)arm_const(cpu)->x[NR]; }
static void syscall_args(const Cpu *cpu, uint64_t arg[6]) { memcpy(arg, arm_const(cpu)->x, 6 * 8); }
static void set_result(Cpu *cpu, uint64_t value) { arm(cpu)->x[0] = value; }
static uint64_t result(const Cpu *cpu) { return arm_const(cpu)->x[0]; }
static void skip_syscall(Cpu *cpu) { cpu->pc += SVC_SIZE; }
static Gva syscall_end(const Cpu *cpu) { return cpu->pc + SVC_SIZE; }

static void restart_syscall(Cpu *cpu, uint64_t first_arg)
{
    cpu->pc -= SVC_SIZE;
    arm(cpu)->x[0] = first_arg;
}

static void set_entry(Cpu *cpu, Gva pc, Gva sp)
{
    cpu->pc = pc;
    arm(cpu)->sp = sp;
}

static void set_tls(Cpu *cpu, uint64_t tls) { arm(cpu)->tpidr = tls; }
static void set_syscall_nr(Cpu *cpu, uint64_t nr) { arm(cpu)->x[8] = nr; }
static uint64_t get_tls(const Cpu *cpu) { return ((const ArmCpu *)cpu)->tpidr; }
static uint64_t get_sp(const Cpu *cpu) { return arm_const(cpu)->sp; }
static void set_sp(Cpu *cpu, Gva sp) { arm(cpu)->sp = sp; }

/* ---- cpu models ---- */

typedef struct Cap {
    uint8_t word, bit;
    uint16_t feat; /* ArmFeat */
    char name[12];
} Cap;

static const Cap caps[] = {
#define CAP(name, word, bit, feat) {word, bit, ARM_FEAT_##feat, #name},
#include "linux-user/arm64/hwcap_arm64.def"
#undef CAP
};

static bool choose_model(LuProc *p, const char *name)
{
    bool max = !name || !strcmp(name, "any") || !strcmp(name, "max,pauth-impdef=on");
    ArmModel model = max ? ARM_MODEL_MAX : arm_model_find(name);
    if (model == ARM_MODELS)
        return false;
    p->cpu_model = model;
    p->hwcap[0] = p->hwcap[1] = 0;
    for (unsigned i = 0; i < ARRAY_SIZE(caps); i++)
        if (arm_model_has(model, caps[i].feat))
            p->hwcap[caps[i].word] |= 1ull << caps[i].bit;
    p->more_prot = arm_model_has(model, ARM_FEAT_BTI) ? PROT_BTI : 0;
    return true;
}

static void list_models(Fmt *out)
{
    for (unsigned m = 0; m < ARM_MODELS; m++)
        fmt_printf(out, "%s%s\n", arm_model_name(m),
                   m == ARM_MODEL_MAX ? "  everything that is implemented (default)" : "");
    fmt_puts(out, "any  the same as max\n");
}

/* Pointer authentication keys: any will do, a forked child keeps them. `which`: bits of prctl's
 * PR_PAC_AP*KEY, which are those of ArmPacKey. */
static void new_keys(ArmCpu *cpu, uint64_t seed, unsigned which)
{
    for (unsigned k = 0; k < ARRAY_SIZE(cpu->pac_key); k++) {
        for (unsigned i = 0; i < 2; i++) {
            uint64_t z = seed += 0x9e3779b97f4a7c15; /* splitmix64 */
            z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
            z = (z ^ z >> 27) * 0x94d049bb133111eb;
            if (which >> k & 1)
                cpu->pac_key[k][i] = z ^ z >> 31;
        }
    }
}

static void init_cpu(const LuProc *p, Cpu *cpu, uint64_t seed)
{
    arm(cpu)->model = p->cpu_model;
    new_keys(arm(cpu), seed, 31);
    cpu->ctx = (cpu->ctx & ~(uint32_t)CTX_TARGET_MASK) | cpu->ops->ctx(cpu);
}

/* The lines programs look for; the features are those of AT_HWCAP. */
static void cpuinfo(LuProc *p, Fmt *out, unsigned cpu)
{
    uint32_t midr = arm_model_midr(p->cpu_model);
    fmt_printf(out, "processor\t: %u\nBogoMIPS\t: 100.00\nFeatures\t:", cpu);
    for (unsigned i = 0; i < ARRAY_SIZE(caps); i++)
        if (arm_model_has(p->cpu_model, caps[i].feat))
            fmt_printf(out, " %s", caps[i].name);
    fmt_printf(out,
               "\nCPU implementer\t: 0x%02x\nCPU architecture: 8\nCPU variant\t: 0x%x\nCPU part\t: "
               "0x%03x\nCPU revision\t: %u\n\n",
               midr >> 24, midr >> 20 & 15, midr >> 4 & 0xfff, midr & 15);
}

/* ---- prctl(2) of arm64 alone ---- */

#ifndef PR_PAC_SET_ENABLED_KEYS
#define PR_PAC_SET_ENABLED_KEYS 60
#define PR_PAC_GET_ENABLED_KEYS 61
#endif

/* Tagged addresses in system calls, SVE and SME are EINVAL, as on a kernel or a core without. */
static long abi_prctl(LuThread *t, const uint64_t a[6])
{
    const LuProc *p = t->proc;
    uint64_t address = PR_PAC_APIAKEY | PR_PAC_APIBKEY | PR_PAC_APDAKEY | PR_PAC_APDBKEY, seed;
    uint64_t have = (arm_model_has(p->cpu_model, ARM_FEAT_PAuth) ? address : 0) |
                    (arm_model_has(p->cpu_model, ARM_FEAT_PACGA) ? PR_PAC_APGAKEY : 0);
    switch ((int)a[0]) {
    case PR_PAC_RESET_KEYS:
        if (!have || (a[1] & ~have) || a[2] || a[3] || a[4])
            return -EINVAL;
        sys_call3(SYS_getrandom, &seed, sizeof seed, 0);
        new_keys(arm(t->cpu), seed, a[1] ? (unsigned)a[1] : 31);
        return 0;
    case PR_PAC_SET_ENABLED_KEYS: /* they are always on: only to ask for that is possible */
        return !(have & address) || (a[1] & ~address) || a[2] != a[1] || a[3] || a[4] ? -EINVAL : 0;
    case PR_PAC_GET_ENABLED_KEYS:
        return !(have & address) || a[1] || a[2] || a[3] || a[4] ? -EINVAL : (long)address;
    default: return -EINVAL;
    }
}

const LuAbi lu_abi_arm64 = {
    .target = &target_aarch64,
    .regs = &lu_arm64_regs,
    .debug = &lu_debug_arm64,
    .name = "aarch64",
    .uname_machine = "aarch64",
    .uname_compat = "armv8l",
    .interp_prefix = "/usr/aarch64-linux-gnu",
    .word = 8,
    .task_size = 1ull << 47,
    .n_syscalls = LU_N_SYSCALLS_ARM64,
    .syscall_row = lu_syscall_row_arm64,
    .platform = "aarch64",
    .choose_model = choose_model,
    .list_models = list_models,
    .init_cpu = init_cpu,
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
    .prctl = abi_prctl,
    .push_frame = lu_arm64_push_frame,
    .pop_frame = lu_arm64_pop_frame,
    .frame_size = LU_ARM64_FRAME_SIZE,
    .min_sigstksz = 5120,
    .has_restorer = true,
    .top_byte_ignored = true,
    .arm_open_flags = true,
    .vdso = vdso_image,
    .vdso_size = sizeof(vdso_image),
    .vdso_sigreturn = VDSO_SIGRETURN,
    .cpuinfo = cpuinfo,
};
