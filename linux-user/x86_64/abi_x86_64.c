/* The x86-64 Linux ABI. Sources: System V ABI, AMD64 supplement; syscall(2), arch_prctl(2), prctl(2);
 * getauxval(3). */
#include "linux-user/abi.h"
#include "linux-user/regset.h"

#include "base/fmt.h"
#include "linux-user/syscall.h"
#include "linux-user/x86_64/abi_x86.h"
#include "linux-user/x86_64/frame_x86_64.h"
#include "target/x86/x86_cpu.h"
#include "tcg/host/x86_64/cpuid.h"

#include <fcntl.h>
#include <linux/prctl.h>
#include <sched.h>

#include "linux-user/vdso_x86_64.h"

enum { SYSCALL_SIZE = 2 };
enum { ARCH_SET_GS = 0x1001, ARCH_SET_FS, ARCH_GET_FS, ARCH_GET_GS, ARCH_GET_CPUID = 0x1011, ARCH_SET_CPUID };

static X86Cpu *x86(Cpu *cpu)
{
    return (X86Cpu *)cpu;
}
static const X86Cpu *x86_const(const Cpu *cpu)
{
    return (const X86Cpu *)cpu;
}

/* Arguments of calls that are rows with others: calls_x86_64.def. */
typedef struct OldCall {
    uint16_t nr;
    char args[7];
} OldCall;

static const OldCall old_calls[] = {
#define NR(number, name)
#define AS(number, name, row, args) {number, args},
#include "linux-user/x86_64/calls_x86_64.def"
#undef NR
#undef AS
};

static uint64_t argument(char how, const uint64_t reg[6])
{
    switch (how) {
    case 'c': return (uint64_t)(int64_t)AT_FDCWD;
    case 'r': return AT_REMOVEDIR;
    case 'n': return AT_SYMLINK_NOFOLLOW;
    case 'W': return O_CREAT | O_WRONLY | O_TRUNC;
    case 'G': return SIGCHLD;
    case 'V': return CLONE_VFORK | CLONE_VM | SIGCHLD;
    case 'z': return 0;
    default: return reg[how - '0'];
    }
}

static uint64_t syscall_nr(const Cpu *cpu)
{
    return x86_const(cpu)->gpr[X86_RAX];
}

static void syscall_args(const Cpu *cpu, uint64_t arg[6])
{
    const uint64_t *g = x86_const(cpu)->gpr;
    const uint64_t reg[6] = {g[X86_RDI], g[X86_RSI], g[X86_RDX], g[X86_R10], g[X86_R8], g[X86_R9]};
    unsigned lo = 0, hi = ARRAY_SIZE(old_calls);
    memcpy(arg, reg, sizeof reg);
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (old_calls[mid].nr < g[X86_RAX])
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == ARRAY_SIZE(old_calls) || old_calls[lo].nr != g[X86_RAX])
        return;
    const char *how = old_calls[lo].args;
    for (unsigned k = 0; k < 6; k++)
        arg[k] = *how ? argument(*how++, reg) : 0;
}

static void set_result(Cpu *cpu, uint64_t value)
{
    x86(cpu)->gpr[X86_RAX] = value;
}
static uint64_t result(const Cpu *cpu)
{
    return x86_const(cpu)->gpr[X86_RAX];
}

/* SYSCALL leaves the return address in rcx, the flags in r11. */
static void skip_syscall(Cpu *cpu)
{
    cpu->pc += SYSCALL_SIZE;
    x86(cpu)->gpr[X86_RCX] = cpu->pc;
    x86(cpu)->gpr[X86_R11] = x86_rflags(x86(cpu));
}

static Gva syscall_end(const Cpu *cpu) { return cpu->pc + SYSCALL_SIZE; }

/* rax was not written yet. */
static void restart_syscall(Cpu *cpu, uint64_t first_arg)
{
    cpu->pc -= SYSCALL_SIZE;
}

static void set_entry(Cpu *cpu, Gva pc, Gva sp)
{
    cpu->pc = pc;
    x86(cpu)->gpr[X86_RSP] = sp;
}

static void set_tls(Cpu *cpu, uint64_t tls)
{
    x86(cpu)->fs_base = tls;
}
static uint64_t get_tls(const Cpu *cpu)
{
    return x86_const(cpu)->fs_base;
}
static uint64_t get_sp(const Cpu *cpu)
{
    return x86_const(cpu)->gpr[X86_RSP];
}
static void set_sp(Cpu *cpu, Gva sp)
{
    x86(cpu)->gpr[X86_RSP] = sp;
}

static long arch_prctl(LuThread *t, const uint64_t a[6])
{
    X86Cpu *cpu = x86(t->cpu);
    uint64_t v = (uint32_t)a[0] == ARCH_GET_FS ? cpu->fs_base : cpu->gs_base;
    switch ((uint32_t)a[0]) {
    case ARCH_SET_FS:
    case ARCH_SET_GS:
        if (a[1] >= t->proc->task_size)
            return -EPERM;
        *((uint32_t)a[0] == ARCH_SET_FS ? &cpu->fs_base : &cpu->gs_base) = a[1];
        return 0;
    case ARCH_GET_FS:
    case ARCH_GET_GS: return guest_write(a[1], &v, 8) ? 0 : -EFAULT;
    case ARCH_GET_CPUID: return 1;
    case ARCH_SET_CPUID: return -ENODEV; /* a processor without CPUID faulting */
    default: return -EINVAL;
    }
}

long lu_x86_prctl(LuThread *t, const uint64_t a[6])
{
    static const int enabled = PR_TSC_ENABLE;
    switch ((int)a[0]) {
    case PR_GET_TSC: return guest_write(a[1], &enabled, sizeof enabled) ? 0 : -EFAULT;
    case PR_SET_TSC: return a[1] == PR_TSC_ENABLE ? 0 : -EINVAL;
    default: return -EINVAL;
    }
}

/* The page of old entry points (vsyscall(7) of the kernel's documentation: x86/vsyscall): a call there is
 * done, and returns. */
static int vsyscall(LuThread *t)
{
    static const uint16_t rows[] = {LU_ROW_gettimeofday, LU_ROW_time, LU_ROW_getcpu};
    const Gva page = 0xffffffffff600000, entry = 0x400;
    X86Cpu *cpu = x86(t->cpu);
    uint64_t at = t->cpu->pc - page, a[6] = {cpu->gpr[X86_RDI], cpu->gpr[X86_RSI]}, to;
    if (at >= 4096)
        return 0;
    if (at % entry || at / entry >= ARRAY_SIZE(rows) || !guest_read(&to, cpu->gpr[X86_RSP], 8))
        return -1;
    arena_rewind(&t->scratch, 0);
    long r = lu_syscall_row(t, (LuRowId)rows[at / entry], a);
    if (r == -EFAULT)
        return -1;
    cpu->gpr[X86_RAX] = (uint64_t)r;
    cpu->gpr[X86_RSP] += 8;
    t->cpu->pc = to;
    return 1;
}

/* ---- cpu models ---- */

/* Vector instructions are the host's own: a model cannot have more. Of AVX-512 all is there with AVX2. */
static const struct {
    X86Feat guest;
    enum X64Feature host;
} needs[] = {{X86_FEAT_AVX, X64_F_AVX},       {X86_FEAT_AVX2, X64_F_AVX2},     {X86_FEAT_BMI1, X64_F_BMI1},
             {X86_FEAT_BMI2, X64_F_BMI2},     {X86_FEAT_LZCNT, X64_F_LZCNT},   {X86_FEAT_FMA, X64_F_FMA},
             {X86_FEAT_F16C, X64_F_F16C},     {X86_FEAT_PCLMUL, X64_F_PCLMUL}, {X86_FEAT_AES, X64_F_AES},
             {X86_FEAT_SHA, X64_F_SHA},       {X86_FEAT_GFNI, X64_F_GFNI},     {X86_FEAT_VAES, X64_F_AES},
             {X86_FEAT_VPCLMUL, X64_F_PCLMUL}};

static bool is_missing(const LuProc *p, X86Model m, unsigned need)
{
    return x86_model_has(m, needs[need].guest) && !x64_has(p->host, needs[need].host);
}

static bool host_has(const LuProc *p, X86Model m)
{
    for (unsigned k = 0; k < ARRAY_SIZE(needs); k++)
        if (is_missing(p, m, k))
            return false;
    return true;
}

bool lu_x86_why_not(const LuProc *p, const char *name, Fmt *out)
{
    X86Model m = x86_model_find(name);
    uint64_t said = 0;
    if (m == X86_MODELS)
        return false;
    for (unsigned k = 0; k < ARRAY_SIZE(needs); k++)
        if (is_missing(p, m, k) && !(said >> needs[k].host & 1)) {
            fmt_printf(out, "%s%s", said ? ", " : "", x64_feature_name(needs[k].host));
            said |= 1ull << needs[k].host;
        }
    return said;
}

/* 64-bit programs want a model with that mode. */
static bool fits(unsigned word, X86Model m)
{
    return word == 4 || x86_model_has(m, X86_FEAT_LM);
}

bool lu_x86_choose_model(LuProc *p, const char *name)
{
    bool max = !name || !strcmp(name, "any") || !strcmp(name, "max");
    X86Model m = max ? X86_MODEL_MAX : x86_model_find(name);
    while (max && m < X86_MODEL_MAX2 && !host_has(p, m))
        m++;
    if (m == X86_MODELS || !host_has(p, m) || !fits(p->abi->word, m))
        return false;
    X86Cpu cpu = {.base.ops = p->abi->target, .model = m};
    uint32_t r[4];
    p->cpu_model = m;
    x86_cpuid(&cpu, 1, 0, r);
    p->hwcap[0] = r[3];
    p->hwcap[1] = x86_cpu_has(&cpu, X86_FEAT_FSGSBASE) ? 2 : 0; /* asm/hwcap2.h */
    return true;
}

void lu_x86_list_models(Fmt *out, unsigned word)
{
    for (unsigned m = 0; m <= X86_MODEL_MAX; m++)
        if (fits(word, (X86Model)m))
            fmt_printf(out, "%s%s\n", x86_model_name((X86Model)m),
                       m == X86_MODEL_MAX ? "  everything that is implemented and the host has (default)"
                                          : "");
    fmt_puts(out, "any  the same as max\n");
}

static void list_models(Fmt *out)
{
    lu_x86_list_models(out, 8);
}

void lu_x86_init_cpu(const LuProc *p, Cpu *cpu, uint64_t seed)
{
    x86(cpu)->model = p->cpu_model;
    x86(cpu)->ldt = (const X86Desc *const *)&p->ldt;
    cpu->ctx = (cpu->ctx & ~(uint32_t)CTX_TARGET_MASK) | cpu->ops->ctx(cpu);
}

/* The lines programs look for; the flags are CPUID's. */
void lu_x86_cpuinfo(LuProc *p, Fmt *out, unsigned cpu)
{
    X86Cpu c = {.base.ops = p->abi->target, .model = p->cpu_model};
    uint32_t r[4];
    char brand[49] = {0}, vendor[13] = {0};
    x86_cpuid(&c, 0, 0, r);
    memcpy(vendor, &r[1], 4);
    memcpy(vendor + 4, &r[3], 4);
    memcpy(vendor + 8, &r[2], 4);
    for (unsigned k = 0; k < 3; k++)
        x86_cpuid(&c, 0x80000002 + k, 0, (uint32_t *)(void *)(brand + 16 * k));
    x86_cpuid(&c, 1, 0, r);
    unsigned family = (r[0] >> 8 & 15) + (r[0] >> 20 & 255);
    fmt_printf(out, "processor\t: %u\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\nmodel name\t: %s\n",
               cpu, vendor, family, (r[0] >> 4 & 15) | (r[0] >> 12 & 0xf0), brand);
    fmt_printf(out, "stepping\t: %u\ncpu MHz\t\t: 1000.000\ncache size\t: 512 KB\nflags\t\t:", r[0] & 15);
    for (unsigned f = 0; f < X86_FEATS; f++)
        if (x86_cpu_has(&c, (X86Feat)f))
            fmt_printf(out, " %s", x86_feature_name((X86Feat)f));
    fmt_puts(out, "\nbogomips\t: 2000.00\nclflush size\t: 64\ncache_alignment\t: 64\n"
                  "address sizes\t: 48 bits physical, 48 bits virtual\n\n");
}

const LuAbi lu_abi_x86_64 = {
    .target = &target_x86_64,
    .regs = &lu_x86_64_regs,
    .debug = &lu_debug_x86,
    .name = "x86_64",
    .uname_machine = "x86_64",
    .uname_compat = "i686",
    .interp_prefix = "/usr/x86_64-linux-gnu",
    .word = 8,
    .task_size = 1ull << 47,
    .n_syscalls = LU_N_SYSCALLS_X86_64,
    .syscall_row = lu_syscall_row_x86_64,
    .platform = "x86_64",
    .choose_model = lu_x86_choose_model,
    .why_not_model = lu_x86_why_not,
    .list_models = list_models,
    .init_cpu = lu_x86_init_cpu,
    .vsyscall = vsyscall,
    .syscall_nr = syscall_nr,
    .syscall_args = syscall_args,
    .set_result = set_result,
    .result = result,
    .skip_syscall = skip_syscall,
    .syscall_end = syscall_end,
    .restart_syscall = restart_syscall,
    .set_entry = set_entry,
    .set_tls = set_tls,
    .get_tls = get_tls,
    .get_sp = get_sp,
    .set_sp = set_sp,
    .prctl = lu_x86_prctl,
    .arch_prctl = arch_prctl,
    .own_call = lu_x86_segment_call,
    .push_frame = lu_x86_64_push_frame,
    .pop_frame = lu_x86_64_pop_frame,
    .frame_size = LU_X86_64_FRAME_SIZE,
    .min_sigstksz = 2048,
    .has_restorer = true,
    .x86_structs = true,
    .low_maps = true,
    .vdso = vdso_image,
    .vdso_size = sizeof(vdso_image),
    .vdso_sigreturn = VDSO_SIGRETURN,
    .cpuinfo = lu_x86_cpuinfo,
};
