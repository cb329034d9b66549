/* Registers of x86 for debuggers: struct user_regs_struct and user_fpregs_struct of sys/user.h for x86-64 and
 * i386, the image of fxsave (AMD64 APM volume 2, "FXSAVE"). What GDB wants of x87 in other sizes, and the
 * upper halves of ymm, are sets of their own. */
#include "linux-user/regset.h"
#include "target/x86/x86_fpu.h"
#include "target/x86/x86_gdb.h"

#include <elf.h>

enum { SET_GPR, SET_FX, SET_X87, SET_YMM };
enum {
    GPR64_BYTES = 27 * 8,
    GPR32_BYTES = 17 * 4,
    X87_BYTES = 8 * 4,
    YMM_BYTES = 16 * 16,
    TLS_BYTES = 16 * X86_TLS_COUNT,
    MXCSR = 24
};
enum { ES, CS, SS, DS, FS, GS };

/* struct user_regs_struct of x86-64: general registers, then what is not one of them. */
static const uint8_t order64[] = {X86_R15, X86_R14, X86_R13, X86_R12, X86_RBP, X86_RBX, X86_R11, X86_R10,
                                  X86_R9,  X86_R8,  X86_RAX, X86_RCX, X86_RDX, X86_RSI, X86_RDI};
enum {
    AT64_ORIG = 15,
    AT64_IP,
    AT64_CS,
    AT64_FLAGS,
    AT64_SP,
    AT64_SS,
    AT64_FSBASE,
    AT64_GSBASE,
    AT64_DS,
    AT64_ES,
    AT64_FS,
    AT64_GS
};

static void get_gpr64(const Cpu *base, uint8_t *to)
{
    const X86Cpu *cpu = (const X86Cpu *)base;
    uint64_t r[27] = {0};
    for (unsigned n = 0; n < ARRAY_SIZE(order64); n++)
        r[n] = cpu->gpr[order64[n]];
    r[AT64_ORIG] = ~0ull;
    r[AT64_IP] = base->pc;
    r[AT64_FLAGS] = x86_rflags(cpu);
    r[AT64_SP] = cpu->gpr[X86_RSP];
    r[AT64_CS] = cpu->seg[CS], r[AT64_SS] = cpu->seg[SS], r[AT64_DS] = cpu->seg[DS],
    r[AT64_ES] = cpu->seg[ES];
    r[AT64_FS] = cpu->seg[FS], r[AT64_GS] = cpu->seg[GS];
    r[AT64_FSBASE] = cpu->fs_base, r[AT64_GSBASE] = cpu->gs_base;
    memcpy(to, r, sizeof r);
}

static void set_gpr64(Cpu *base, const uint8_t *from)
{
    X86Cpu *cpu = (X86Cpu *)base;
    uint64_t r[27];
    memcpy(r, from, sizeof r);
    for (unsigned n = 0; n < ARRAY_SIZE(order64); n++)
        cpu->gpr[order64[n]] = r[n];
    base->pc = r[AT64_IP];
    x86_set_rflags(cpu, r[AT64_FLAGS]);
    cpu->gpr[X86_RSP] = r[AT64_SP];
    cpu->fs_base = r[AT64_FSBASE];
    cpu->gs_base = r[AT64_GSBASE];
}

static const uint8_t order32[] = {X86_RBX, X86_RCX, X86_RDX, X86_RSI, X86_RDI, X86_RBP, X86_RAX};
enum { AT32_DS = 7, AT32_ES, AT32_FS, AT32_GS, AT32_ORIG, AT32_IP, AT32_CS, AT32_FLAGS, AT32_SP, AT32_SS };

static void get_gpr32(const Cpu *base, uint8_t *to)
{
    const X86Cpu *cpu = (const X86Cpu *)base;
    uint32_t r[17] = {0};
    for (unsigned n = 0; n < ARRAY_SIZE(order32); n++)
        r[n] = (uint32_t)cpu->gpr[order32[n]];
    r[AT32_DS] = cpu->seg[DS], r[AT32_ES] = cpu->seg[ES], r[AT32_FS] = cpu->seg[FS],
    r[AT32_GS] = cpu->seg[GS];
    r[AT32_ORIG] = ~0u;
    r[AT32_IP] = (uint32_t)x86_user_ip(cpu);
    r[AT32_CS] = cpu->seg[CS], r[AT32_SS] = cpu->seg[SS];
    r[AT32_FLAGS] = (uint32_t)x86_rflags(cpu);
    r[AT32_SP] = (uint32_t)cpu->gpr[X86_RSP];
    memcpy(to, r, sizeof r);
}

static void set_gpr32(Cpu *base, const uint8_t *from)
{
    X86Cpu *cpu = (X86Cpu *)base;
    uint32_t r[17];
    memcpy(r, from, sizeof r);
    for (unsigned n = 0; n < ARRAY_SIZE(order32); n++)
        cpu->gpr[order32[n]] = r[n];
    x86_set_user_ip(cpu, r[AT32_IP]);
    x86_set_rflags(cpu, r[AT32_FLAGS]);
    cpu->gpr[X86_RSP] = r[AT32_SP];
}

static void get_fx(const Cpu *base, uint8_t *to)
{
    const X86Cpu *cpu = (const X86Cpu *)base;
    x86_fxsave(cpu, x86_mxcsr(cpu), to);
}

static void set_fx(Cpu *base, const uint8_t *from)
{
    uint32_t mxcsr;
    memcpy(&mxcsr, from + MXCSR, 4);
    x86_fxrstor((X86Cpu *)base, from);
    x86_set_mxcsr((X86Cpu *)base, mxcsr & X86_MXCSR_VALID);
}

/* fctrl fstat ftag fiseg fioff foseg fooff fop, 32 bits each; the tags are whole. */
static void get_x87(const Cpu *base, uint8_t *to)
{
    const X86Fpu *f = &((const X86Cpu *)base)->fpu;
    uint32_t r[8] = {f->cw, f->sw, 0, 0, (uint32_t)f->fip, 0, (uint32_t)f->fdp, f->fop};
    for (unsigned n = 0; n < 8; n++)
        r[2] |= (f->empty >> n & 1 ? 3u : f->st[n].sig == 0 ? 1u : f->st[n].sig >> 63 ? 0u : 2u) << 2 * n;
    memcpy(to, r, sizeof r);
}

static void set_x87(Cpu *base, const uint8_t *from)
{
    X86Fpu *f = &((X86Cpu *)base)->fpu;
    uint32_t r[8];
    memcpy(r, from, sizeof r);
    f->cw = (uint16_t)r[0];
    f->sw = (uint16_t)r[1];
    for (unsigned n = 0; n < 8; n++)
        f->empty = (uint8_t)((f->empty & ~(1u << n)) | (unsigned)((r[2] >> 2 * n & 3) == 3) << n);
}

static void get_ymm(const Cpu *base, uint8_t *to)
{
    for (unsigned n = 0; n < 16; n++)
        memcpy(to + 16 * n, &((const X86Cpu *)base)->zmm[n][2], 16);
}

static void set_ymm(Cpu *base, const uint8_t *from)
{
    for (unsigned n = 0; n < 16; n++)
        memcpy(&((X86Cpu *)base)->zmm[n][2], from + 16 * n, 16);
}

/* Three struct user_desc, as get_thread_area(2) gives them. */
static void get_tls(const Cpu *base, uint8_t *to)
{
    const X86Cpu *cpu = (const X86Cpu *)base;
    for (uint32_t n = 0; n < X86_TLS_COUNT; n++) {
        const X86Desc *t = &cpu->tls[n];
        uint32_t none = X86_DESC_READ_ONLY | X86_DESC_NOT_PRESENT;
        uint32_t d[4] = {X86_TLS_FIRST + n, t->base, t->limit, t->flags ? t->flags & ~X86_DESC_SET : none};
        memcpy(to + sizeof d * n, d, sizeof d);
    }
}

/* fs and gs that have such a descriptor are loaded again: they want its base alone. */
static void set_tls(Cpu *base, const uint8_t *from)
{
    X86Cpu *cpu = (X86Cpu *)base;
    for (uint32_t n = 0; n < X86_TLS_COUNT; n++) {
        uint32_t d[4], none = X86_DESC_READ_ONLY | X86_DESC_NOT_PRESENT,
                       selector = (X86_TLS_FIRST + n) << 3 | 3;
        memcpy(d, from + sizeof d * n, sizeof d);
        cpu->tls[n] = d[3] == none ? (X86Desc){0} : (X86Desc){d[1], d[2] & 0xfffff, d[3] | X86_DESC_SET};
        if ((cpu->seg[FS] | 3u) == selector)
            cpu->fs_base = d[1];
        if ((cpu->seg[GS] | 3u) == selector)
            cpu->gs_base = d[1];
    }
}

static const LuRegset sets64[] = {{NT_PRSTATUS, GPR64_BYTES, get_gpr64, set_gpr64},
                                  {NT_PRFPREG, X86_FXSAVE_BYTES, get_fx, set_fx},
                                  {0, X87_BYTES, get_x87, set_x87},
                                  {0, YMM_BYTES, get_ymm, set_ymm}};
static const LuRegset sets32[] = {{NT_PRSTATUS, GPR32_BYTES, get_gpr32, set_gpr32},
                                  {NT_PRXFPREG, X86_FXSAVE_BYTES, get_fx, set_fx},
                                  {0, X87_BYTES, get_x87, set_x87},
                                  {NT_386_TLS, TLS_BYTES, get_tls, set_tls}};

enum { F_CORE, F_SSE, F_SEGMENTS, F_AVX, F_LINUX };
#define ST(n)                                                                                                \
    {                                                                                                        \
        "st" #n, SET_FX, F_CORE, 32 + 16 * n, 80, "i387_ext"                                                 \
    }
#define CTRL(name, n)                                                                                        \
    {                                                                                                        \
        name, SET_X87, F_CORE, 4 * n, 32, "int"                                                              \
    }
#define X87                                                                                                  \
    ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7), CTRL("fctrl", 0), CTRL("fstat", 1),              \
        CTRL("ftag", 2), CTRL("fiseg", 3), CTRL("fioff", 4), CTRL("foseg", 5), CTRL("fooff", 6),             \
        CTRL("fop", 7)
#define XMM(n)                                                                                               \
    {                                                                                                        \
        "xmm" #n, SET_FX, F_SSE, 160 + 16 * n, 128, "vec128"                                                 \
    }
#define YMM(n)                                                                                               \
    {                                                                                                        \
        "ymm" #n "h", SET_YMM, F_AVX, 16 * n, 128, "uint128"                                                 \
    }
#define R64(name, n)                                                                                         \
    {                                                                                                        \
        name, SET_GPR, F_CORE, 8 * n, 64, "int64"                                                            \
    }
#define S64(name, n)                                                                                         \
    {                                                                                                        \
        name, SET_GPR, F_CORE, 8 * n, 32, "int32"                                                            \
    }
static const LuReg regs64[] = {
    R64("rax", 10),
    R64("rbx", 5),
    R64("rcx", 11),
    R64("rdx", 12),
    R64("rsi", 13),
    R64("rdi", 14),
    {"rbp", SET_GPR, F_CORE, 8 * 4, 64, "data_ptr"},
    {"rsp", SET_GPR, F_CORE, 8 * AT64_SP, 64, "data_ptr"},
    R64("r8", 9),
    R64("r9", 8),
    R64("r10", 7),
    R64("r11", 6),
    R64("r12", 3),
    R64("r13", 2),
    R64("r14", 1),
    R64("r15", 0),
    {"rip", SET_GPR, F_CORE, 8 * AT64_IP, 64, "code_ptr"},
    S64("eflags", AT64_FLAGS),
    S64("cs", AT64_CS),
    S64("ss", AT64_SS),
    S64("ds", AT64_DS),
    S64("es", AT64_ES),
    S64("fs", AT64_FS),
    S64("gs", AT64_GS),
    X87,
    XMM(0),
    XMM(1),
    XMM(2),
    XMM(3),
    XMM(4),
    XMM(5),
    XMM(6),
    XMM(7),
    XMM(8),
    XMM(9),
    XMM(10),
    XMM(11),
    XMM(12),
    XMM(13),
    XMM(14),
    XMM(15),
    {"mxcsr", SET_FX, F_SSE, MXCSR, 32, "int"},
    {"fs_base", SET_GPR, F_SEGMENTS, 8 * AT64_FSBASE, 64, "int"},
    {"gs_base", SET_GPR, F_SEGMENTS, 8 * AT64_GSBASE, 64, "int"},
    YMM(0),
    YMM(1),
    YMM(2),
    YMM(3),
    YMM(4),
    YMM(5),
    YMM(6),
    YMM(7),
    YMM(8),
    YMM(9),
    YMM(10),
    YMM(11),
    YMM(12),
    YMM(13),
    YMM(14),
    YMM(15),
    {"orig_rax", SET_GPR, F_LINUX, 8 * AT64_ORIG, 64, "int"},
};
#define R32(name, n)                                                                                         \
    {                                                                                                        \
        name, SET_GPR, F_CORE, 4 * n, 32, "int32"                                                            \
    }
static const LuReg regs32[] = {
    R32("eax", 6),
    R32("ecx", 1),
    R32("edx", 2),
    R32("ebx", 0),
    {"esp", SET_GPR, F_CORE, 4 * AT32_SP, 32, "data_ptr"},
    {"ebp", SET_GPR, F_CORE, 4 * 5, 32, "data_ptr"},
    R32("esi", 3),
    R32("edi", 4),
    {"eip", SET_GPR, F_CORE, 4 * AT32_IP, 32, "code_ptr"},
    R32("eflags", AT32_FLAGS),
    R32("cs", AT32_CS),
    R32("ss", AT32_SS),
    R32("ds", AT32_DS),
    R32("es", AT32_ES),
    R32("fs", AT32_FS),
    R32("gs", AT32_GS),
    X87,
    XMM(0),
    XMM(1),
    XMM(2),
    XMM(3),
    XMM(4),
    XMM(5),
    XMM(6),
    XMM(7),
    {"mxcsr", SET_FX, F_SSE, MXCSR, 32, "int"},
    {"orig_eax", SET_GPR, F_LINUX, 4 * AT32_ORIG, 32, "int"},
};

const LuRegs lu_x86_64_regs = {
    .arch = "i386:x86-64",
    .set = sets64,
    .n_sets = ARRAY_SIZE(sets64),
    .reg = regs64,
    .n_regs = ARRAY_SIZE(regs64),
    .feature = {"org.gnu.gdb.i386.core", "org.gnu.gdb.i386.sse", "org.gnu.gdb.i386.segments",
                "org.gnu.gdb.i386.avx", "org.gnu.gdb.i386.linux"},
    .types = {NULL, x86_gdb_vec_types},
};
const LuRegs lu_i386_regs = {
    .arch = "i386",
    .set = sets32,
    .n_sets = ARRAY_SIZE(sets32),
    .reg = regs32,
    .n_regs = ARRAY_SIZE(regs32),
    .feature = {"org.gnu.gdb.i386.core", "org.gnu.gdb.i386.sse", [F_LINUX] = "org.gnu.gdb.i386.linux"},
    .types = {NULL, x86_gdb_vec_types},
};
