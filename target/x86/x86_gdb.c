/* Registers of machines' cpus as GDB knows them: "Standard Target Features, i386" in its manual, and system
 * registers behind those. Of a cpu of x86-64 GDB sees 64-bit registers in all modes, of one of i386 32-bit
 * ones; rip is the offset in cs, while addresses of memory, break- and watchpoints are linear. Names of
 * flags: AMD64 APM volume 2, chapter 3. */
#include "target/x86/x86_gdb.h"

#include "target/x86/x86_fpu_priv.h"
#include "target/x86/x86_sys.h"

#define FLAG(name, n) "<field name=\"" name "\" start=\"" #n "\" end=\"" #n "\"/>"
static const char core_types[] = "<flags id=\"i386_eflags\" size=\"4\">" FLAG("CF", 0) FLAG("PF", 2)
    FLAG("AF", 4) FLAG("ZF", 6) FLAG("SF", 7) FLAG("TF", 8) FLAG("IF", 9) FLAG("DF", 10)
        FLAG("OF", 11) "<field name=\"IOPL\" start=\"12\" end=\"13\" type=\"uint32\"/>" FLAG("NT", 14)
            FLAG("RF", 16) FLAG("VM", 17) FLAG("AC", 18) FLAG("VIF", 19) FLAG("VIP", 20)
                FLAG("ID", 21) "</flags>";
static const char sys_types[] = "<flags id=\"x86_cr0\" size=\"8\">" FLAG("PE", 0) FLAG("MP", 1) FLAG("EM", 2)
    FLAG("TS", 3) FLAG("ET", 4) FLAG("NE", 5) FLAG("WP", 16) FLAG("AM", 18) FLAG("NW", 29) FLAG("CD", 30)
        FLAG("PG", 31) "</flags><flags id=\"x86_cr4\" size=\"8\">" FLAG("VME", 0) FLAG("PVI", 1)
            FLAG("TSD", 2) FLAG("DE", 3) FLAG("PSE", 4) FLAG("PAE", 5) FLAG("MCE", 6) FLAG("PGE", 7)
                FLAG("PCE", 8) FLAG("OSFXSR", 9) FLAG("OSXMMEXCPT", 10) FLAG("UMIP", 11) FLAG("LA57", 12)
                    FLAG("FSGSBASE", 16) FLAG("PCIDE", 17) FLAG("OSXSAVE", 18) FLAG("SMEP", 20)
                        FLAG("SMAP", 21)
                            FLAG("PKE", 22) "</flags><flags id=\"x86_efer\" size=\"8\">" FLAG("SCE", 0)
                                FLAG("LME", 8) FLAG("LMA", 10) FLAG("NXE", 11) FLAG("SVME", 12)
                                    FLAG("LMSLE", 13) FLAG("FFXSR", 14) FLAG("TCE", 15) "</flags>";
#undef FLAG

enum { F_CORE, F_SSE, F_SEGMENTS, F_AVX, F_SYS, F_COUNT };
static const char features[F_COUNT][26] = {"org.gnu.gdb.i386.core", "org.gnu.gdb.i386.sse",
                                           "org.gnu.gdb.i386.segments", "org.gnu.gdb.i386.avx",
                                           "org.tinamou.i386.sys"};
enum {
    T_INT,
    T_INT32,
    T_INT64,
    T_DATA,
    T_CODE,
    T_ST,
    T_VEC,
    T_UINT128,
    T_FLAGS,
    T_CR0,
    T_CR4,
    T_EFER,
    T_COUNT
};
static const char types[T_COUNT][12] = {"int",         "int32",    "int64",   "data_ptr",
                                        "code_ptr",    "i387_ext", "vec128",  "uint128",
                                        "i386_eflags", "x86_cr0",  "x86_cr4", "x86_efer"};

/* What a row names; n: which. */
typedef enum Kind {
    K_GPR,
    K_IP,
    K_FLAGS,
    K_SEL,
    K_ST,
    K_X87, /* control, status, tags, segment and offset of the instruction and of the operand, opcode */
    K_XMM,
    K_YMMH,
    K_MXCSR,
    K_CR,
    K_EFER,
    K_FIELD /* of X86Machine: n is its offset; read only, but for bases of segments */
} Kind;

typedef struct Row {
    char name[10];
    uint8_t kind, feature, type;
    uint16_t bits, n;
} Row;

enum { ES, CS, SS, DS, FS, GS };
#define SEL(name, n)                                                                                         \
    {                                                                                                        \
        name, K_SEL, F_CORE, T_INT32, 32, n                                                                  \
    }
#define ST(k)                                                                                                \
    {                                                                                                        \
        "st" #k, K_ST, F_CORE, T_ST, 80, k                                                                   \
    }
#define X87(name, k)                                                                                         \
    {                                                                                                        \
        name, K_X87, F_CORE, T_INT, 32, k                                                                    \
    }
#define XMM(k)                                                                                               \
    {                                                                                                        \
        "xmm" #k, K_XMM, F_SSE, T_VEC, 128, k                                                                \
    }
#define YMM(k)                                                                                               \
    {                                                                                                        \
        "ymm" #k "h", K_YMMH, F_AVX, T_UINT128, 128, k                                                       \
    }
#define R64(name, n)                                                                                         \
    {                                                                                                        \
        name, K_GPR, F_CORE, T_INT64, 64, n                                                                  \
    }
#define R32(name, n)                                                                                         \
    {                                                                                                        \
        name, K_GPR, F_CORE, T_INT32, 32, n                                                                  \
    }
#define AT(field) offsetof(X86Machine, field)
#define BASE(name, f, field)                                                                                 \
    {                                                                                                        \
        name, K_FIELD, f, T_INT64, 64, AT(field)                                                             \
    }
#define WORD(name, field)                                                                                    \
    {                                                                                                        \
        name, K_FIELD, F_SYS, T_INT32, 32, AT(field)                                                         \
    }
#define HALF(name, field)                                                                                    \
    {                                                                                                        \
        name, K_FIELD, F_SYS, T_INT, 16, AT(field)                                                           \
    }
#define SEGMENTS SEL("cs", CS), SEL("ss", SS), SEL("ds", DS), SEL("es", ES), SEL("fs", FS), SEL("gs", GS)
#define UNIT                                                                                                 \
    ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7), X87("fctrl", 0), X87("fstat", 1),                \
        X87("ftag", 2), X87("fiseg", 3), X87("fioff", 4), X87("foseg", 5), X87("fooff", 6), X87("fop", 7)
#define LOW(M)  M(0), M(1), M(2), M(3), M(4), M(5), M(6), M(7)
#define HIGH(M) M(8), M(9), M(10), M(11), M(12), M(13), M(14), M(15)
#define SYSTEM                                                                                               \
    {"cr0", K_CR, F_SYS, T_CR0, 64, 0}, {"cr2", K_CR, F_SYS, T_INT64, 64, 2},                                \
        {"cr3", K_CR, F_SYS, T_INT64, 64, 3}, {"cr4", K_CR, F_SYS, T_CR4, 64, 4},                            \
        {"cr8", K_CR, F_SYS, T_INT64, 64, 8}, {"efer", K_EFER, F_SYS, T_EFER, 64, 0},                        \
        BASE("gdt_base", F_SYS, sys.gdt_base), WORD("gdt_limit", sys.gdt_limit),                             \
        BASE("idt_base", F_SYS, sys.idt_base), WORD("idt_limit", sys.idt_limit), HALF("ldtr", sys.ldt_sel),  \
        HALF("tr", sys.tr_sel), BASE("tr_base", F_SYS, sys.tr.base), WORD("cpl", sys.cpl),                   \
        BASE("dr6", F_SYS, sys.dr[6]), BASE("dr7", F_SYS, sys.dr[7])

/* clang-format off */
static const Row rows64[] = {
    R64("rax", X86_RAX), R64("rbx", X86_RBX), R64("rcx", X86_RCX), R64("rdx", X86_RDX),
    R64("rsi", X86_RSI), R64("rdi", X86_RDI),
    {"rbp", K_GPR, F_CORE, T_DATA, 64, X86_RBP}, {"rsp", K_GPR, F_CORE, T_DATA, 64, X86_RSP},
    R64("r8", 8), R64("r9", 9), R64("r10", 10), R64("r11", 11), R64("r12", 12), R64("r13", 13),
    R64("r14", 14), R64("r15", 15),
    {"rip", K_IP, F_CORE, T_CODE, 64, 0}, {"eflags", K_FLAGS, F_CORE, T_FLAGS, 32, 0}, SEGMENTS, UNIT,
    LOW(XMM), HIGH(XMM), {"mxcsr", K_MXCSR, F_SSE, T_INT, 32, 0},
    BASE("fs_base", F_SEGMENTS, x86.fs_base), BASE("gs_base", F_SEGMENTS, x86.gs_base),
    LOW(YMM), HIGH(YMM),
    BASE("k_gs_base", F_SYS, sys.kernel_gs_base), SYSTEM,
};
static const Row rows32[] = {
    R32("eax", X86_RAX), R32("ecx", X86_RCX), R32("edx", X86_RDX), R32("ebx", X86_RBX),
    {"esp", K_GPR, F_CORE, T_DATA, 32, X86_RSP}, {"ebp", K_GPR, F_CORE, T_DATA, 32, X86_RBP},
    R32("esi", X86_RSI), R32("edi", X86_RDI),
    {"eip", K_IP, F_CORE, T_CODE, 32, 0}, {"eflags", K_FLAGS, F_CORE, T_FLAGS, 32, 0}, SEGMENTS, UNIT,
    LOW(XMM), {"mxcsr", K_MXCSR, F_SSE, T_INT, 32, 0},
    LOW(YMM),
    BASE("fs_base", F_SYS, x86.fs_base), BASE("gs_base", F_SYS, x86.gs_base), SYSTEM,
};
/* clang-format on */

static bool describe(const Row *rows, unsigned n_rows, unsigned n, TargetGdbReg *ret)
{
    if (n >= n_rows)
        return false;
    const Row *r = &rows[n];
    *ret = (TargetGdbReg){.name = r->name,
                          .feature = features[r->feature],
                          .type = types[r->type],
                          .group = r->feature == F_SYS ? "system" : NULL,
                          .types = r->feature == F_CORE  ? core_types
                                   : r->feature == F_SSE ? x86_gdb_vec_types
                                   : r->feature == F_SYS ? sys_types
                                                         : NULL,
                          .bits = r->bits};
    return true;
}

static uint32_t read_x87(const X86Fpu *u, unsigned n)
{
    uint32_t tags = 0;
    for (unsigned k = 0; k < 8; k++) /* valid, zero, special, empty */
        tags |= (u->empty >> k & 1 ? 3u : u->st[k].sig == 0 ? 1u : u->st[k].sig >> 63 ? 0u : 2u) << 2 * k;
    const uint32_t v[] = {u->cw, u->sw, tags, 0, (uint32_t)u->fip, 0, (uint32_t)u->fdp, u->fop};
    return v[n];
}

static void write_x87(X86Fpu *u, unsigned n, uint32_t v)
{
    if (n == 0)
        u->cw = (uint16_t)((v & 0x1f7f) | 0x40);
    else if (n == 1)
        u->sw = (uint16_t)v;
    for (unsigned k = 0; n == 2 && k < 8; k++)
        u->empty = (uint8_t)((u->empty & ~(1u << k)) | (unsigned)((v >> 2 * k & 3) == 3) << k);
}

static uint64_t linear_of(const X86Machine *m, uint64_t ip)
{
    return x86_code64(m) ? ip : (uint32_t)(ip + m->sys.seg[X86_CS].base);
}

static void read_row(X86Machine *m, const Row *r, uint8_t *to)
{
    const X86Cpu *cpu = &m->x86;
    uint64_t v = 0;
    switch ((Kind)r->kind) {
    case K_GPR: v = cpu->gpr[r->n]; break;
    case K_IP: v = x86_ip(m, cpu->base.pc); break;
    case K_FLAGS: v = x86_rflags(cpu); break;
    case K_SEL: v = cpu->seg[r->n]; break;
    case K_X87: v = read_x87(&cpu->fpu, r->n); break;
    case K_MXCSR: v = x86_mxcsr(cpu); break;
    case K_EFER: v = m->sys.efer; break;
    case K_CR: x86_read_cr(m, r->n, &v); break;
    case K_ST:
        memcpy(to, &cpu->fpu.st[x87_phys(&cpu->fpu, r->n)].sig, 8);
        memcpy(to + 8, &cpu->fpu.st[x87_phys(&cpu->fpu, r->n)].exp, 2);
        return;
    case K_XMM: memcpy(to, &cpu->zmm[r->n][0], 16); return;
    case K_YMMH: memcpy(to, &cpu->zmm[r->n][2], 16); return;
    case K_FIELD: memcpy(to, (const char *)m + r->n, r->bits / 8); return;
    }
    memcpy(to, &v, r->bits / 8);
}

/* A selector as a mode without descriptors loads it; where there are some, all that hides behind it would
 * have to come along. */
static bool write_selector(X86Machine *m, unsigned n, uint16_t sel)
{
    uint64_t ip = x86_ip(m, m->x86.base.pc);
    if (sel == m->x86.seg[n])
        return true;
    if (x86_protected(m))
        return false;
    x86_seg_real(m, n, sel);
    if (n == CS)
        m->x86.base.pc = linear_of(m, ip);
    return true;
}

/* As the instruction does it; what that refuses is refused. */
static bool write_cr(X86Machine *m, unsigned n, uint64_t v)
{
    CpuExit exit = m->x86.base.exit;
    bool ok = x86_write_cr(m, n, v) == X86_DONE;
    m->x86.base.exit = exit;
    return ok;
}

static bool write_efer(X86Machine *m, uint64_t v)
{
    m->sys.efer = v;
    m->x86.base.mem->flush(&m->x86.base);
    x86_select(m);
    return true;
}

static bool write_row(X86Machine *m, const Row *r, const uint8_t *from)
{
    X86Cpu *cpu = &m->x86;
    uint64_t v = 0;
    memcpy(&v, from, MIN(r->bits / 8u, sizeof v));
    switch ((Kind)r->kind) {
    case K_GPR: cpu->gpr[r->n] = v; return true;
    case K_IP: cpu->base.pc = linear_of(m, v); return true;
    case K_FLAGS: x86_set_all_flags(m, v); return true;
    case K_SEL: return write_selector(m, r->n, (uint16_t)v);
    case K_X87: write_x87(&cpu->fpu, r->n, (uint32_t)v); return true;
    case K_MXCSR: x86_set_mxcsr(cpu, (uint32_t)v & X86_MXCSR_VALID); return true;
    case K_EFER: return v == m->sys.efer || write_efer(m, v);
    case K_CR: return write_cr(m, r->n, v);
    case K_ST:
        memcpy(&cpu->fpu.st[x87_phys(&cpu->fpu, r->n)].sig, from, 8);
        memcpy(&cpu->fpu.st[x87_phys(&cpu->fpu, r->n)].exp, from + 8, 2);
        return true;
    case K_XMM: memcpy(&cpu->zmm[r->n][0], from, 16); return true;
    case K_YMMH: memcpy(&cpu->zmm[r->n][2], from, 16); return true;
    case K_FIELD:
        if (r->n != AT(x86.fs_base) && r->n != AT(x86.gs_base) && r->n != AT(sys.kernel_gs_base))
            return false;
        memcpy((char *)m + r->n, from, 8);
        return true;
    }
    return false;
}

static bool describe64(unsigned n, TargetGdbReg *ret)
{
    return describe(rows64, ARRAY_SIZE(rows64), n, ret);
}
static bool describe32(unsigned n, TargetGdbReg *ret)
{
    return describe(rows32, ARRAY_SIZE(rows32), n, ret);
}
static bool access64(Cpu *cpu, unsigned n, uint8_t *bytes, bool write)
{
    if (write)
        return write_row(x86_machine(cpu), &rows64[n], bytes);
    read_row(x86_machine(cpu), &rows64[n], bytes);
    return true;
}
static bool access32(Cpu *cpu, unsigned n, uint8_t *bytes, bool write)
{
    if (write)
        return write_row(x86_machine(cpu), &rows32[n], bytes);
    read_row(x86_machine(cpu), &rows32[n], bytes);
    return true;
}
static uint64_t shown_pc(const Cpu *cpu)
{
    return x86_ip((const X86Machine *)cpu, cpu->pc);
}

const TargetGdb x86_gdb64 = {"i386:x86-64", describe64, access64, shown_pc};
const TargetGdb x86_gdb32 = {"i386", describe32, access32, shown_pc};
