/* x87: where the guest's unit is, and its instructions one by one, for the interpreter.
 *
 * The host's unit is the guest's (docs/adr/0026-x87-unit.md): generated code executes each instruction as it
 * stands, and so does C here, from a table of all of them. While Cpu.unit_live the state is there;
 * x86_fpu_settle() fetches it into X86Fpu. So values, flags, tags, stack faults and exceptions, masked or
 * not, are the host's. FIP, FDP and FOP are found from what the host's unit says of its own last instruction.
 * Source: AMD64 APM volume 5, chapter 3; volume 1, 6. */
#include "target/x86/x86_fpu_priv.h"
#include "target/x86/x86_sys.h"

#ifndef __x86_64__
#error "an x87 unit in C is missing for hosts that are not x86"
#endif

void x86_fpu_init(X86Fpu *u)
{
    u->cw = 0x37f;
    u->sw = u->fop = 0;
    u->empty = 0xff;
    u->fip = u->fdp = 0;
}

static void unit_read(uint8_t image[X86_FSAVE_BYTES])
{
    __asm__ volatile("fnsave (%0)" ::"r"(image) : "memory"); /* does not wait, and leaves an empty unit */
}

static void unit_write(const uint8_t image[X86_FSAVE_BYTES])
{
    __asm__ volatile("fninit; frstor (%0)" ::"r"(image) : "memory"); /* frstor alone might wait */
}

/* Every instruction and a return, four bytes each: d8 to df with the register forms c0 to ff, then with
 * memory at rdi, 0 to 7 in modrm.reg. */
__asm__(".pushsection .text\n"
        ".balign 16\n"
        "x86_unit_insns:\n"
        ".set opc, 0xd8\n"
        ".rept 8\n"
        ".set modrm, 0xc0\n"
        ".rept 64\n"
        ".byte opc, modrm, 0xc3, 0xcc\n"
        ".set modrm, modrm + 1\n"
        ".endr\n"
        ".set opc, opc + 1\n"
        ".endr\n"
        ".set opc, 0xd8\n"
        ".rept 8\n"
        ".set modrm, 7\n"
        ".rept 8\n"
        ".byte opc, modrm, 0xc3, 0xcc\n"
        ".set modrm, modrm + 8\n"
        ".endr\n"
        ".set opc, opc + 1\n"
        ".endr\n"
        ".popsection\n");
extern const uint8_t x86_unit_insns[] __attribute__((visibility("hidden")));
enum { MEMORY_FORMS = 4 * 8 * 64, UNIT_INSNS_BYTES = MEMORY_FORMS + 4 * 8 * 8 };

/* ---- the unit's state, and what its last instruction was ---- */

/* What no instruction leaves there: FIP and FDP that are no address, an FOP that is no instruction. */
enum { FIP_KEPT = 1, FDP_KEPT = 1, FOP_KEPT = 0x7ff };

/* In the image of fnsave: FIP, then FOP in the upper half of a word, FDP. */
enum { POINTERS_AT = 12 };

void x86_unit_load(void *opaque)
{
    X86Cpu *cpu = opaque;
    uint8_t image[X86_FSAVE_BYTES];
    const uint32_t kept[3] = {FIP_KEPT, FOP_KEPT << 16, FDP_KEPT};
    x86_fsave(&cpu->fpu, image);
    memcpy(image + POINTERS_AT, kept, sizeof kept);
    unit_write(image);
    cpu->base.unit_live = 1;
}

/* The x87 instruction at pc: its opcode as FOP has it, and what the address of its operand in memory is
 * counted from. Nothing, if its code is not there any more. */
static void look_at(X86Cpu *cpu, uint64_t pc, uint16_t *ret_fop, uint64_t *ret_base)
{
    enum { LONGEST = 15 };
    const bool code16 = cpu->base.ctx & X86_CTX_16;
    const X86Mode mode = !x86_cpu_is32(cpu) ? X86_MODE_64 : code16 ? X86_MODE_16 : X86_MODE_32;
    const CpuExit exit = cpu->base.exit; /* which a failure to read changes */
    uint8_t bytes[LONGEST];
    unsigned n = LONGEST;
    X86Insn x;
    while (n > 0 && fault_copy(bytes, (const void *)(uintptr_t)pc, n))
        n--;
    cpu->base.exit = exit;
    if (x86_decode(bytes, n, mode, &x) != X86_OK || x.row->handler != X86_H_x87)
        return;
    *ret_fop = (uint16_t)(x.row->arg << 8 | x.modrm);
    if (x.mod != 3)
        *ret_base = x.seg == X86_FS ? cpu->fs_base : x.seg == X86_GS ? cpu->gs_base : 0;
}

/* FIP, FDP and FOP of the guest, from the host's image of fnsave: those are of generated code, of
 * x86_unit_insns, or what x86_unit_load() put there. The host notes FDP and FOP of each instruction, or only
 * of those that raise an exception which is not masked: the guest has what the host has. high: upper half of
 * FDP. */
static void take_pointers(X86Cpu *cpu, const uint8_t image[X86_FSAVE_BYTES], uint32_t high)
{
    X86Fpu *u = &cpu->fpu;
    const CpuHooks *hooks = cpu_hooks(&cpu->base);
    uint32_t w[3];
    uint64_t pc, base = 0;
    memcpy(w, image + POINTERS_AT, sizeof w);
    uint16_t fop = w[1] >> 16 & 0x7ff;
    if (cpu->base.mem || w[0] == FIP_KEPT)
        return;
    if (!w[0] && !w[2]) { /* fninit */
        u->fip = u->fdp = u->fop = 0;
        return;
    }
    bool in_c = w[0] - (uint32_t)(uintptr_t)x86_unit_insns < UNIT_INSNS_BYTES;
    if (in_c)
        pc = cpu->x87_in_c.pc;
    else if (!hooks->unit_insn || !hooks->unit_insn(&cpu->base, w[0], &pc))
        return;
    u->fip = cpu->cs_base ? (uint32_t)(pc - cpu->cs_base) : pc;
    if (fop == FOP_KEPT && w[2] == FDP_KEPT)
        return;
    uint16_t guest = fop; /* which differs in how it names its operand in memory */
    look_at(cpu, pc, &guest, &base);
    bool of_this = !((fop ^ guest) & 0x738) && (fop || w[2]); /* else of one before, or zeros of fninit */
    if (fop != FOP_KEPT)
        u->fop = of_this ? guest : fop;
    base = of_this ? base : 0;
    if (w[2] == (uint32_t)(uintptr_t)cpu->x87_in_c.operand)
        u->fdp = cpu->x87_in_c.addr - base;
    else if (w[2] != FDP_KEPT)
        u->fdp = ((uint64_t)high << 32 | w[2]) - base;
    if (x86_cpu_is32(cpu))
        u->fdp = (uint32_t)u->fdp;
}

/* Upper half of FDP, which fnsave does not have. */
static uint32_t data_high(void)
{
    uint8_t image[X86_FXSAVE_BYTES] __attribute__((aligned(16)));
    uint32_t high;
    __asm__ volatile("fxsave64 (%0)" ::"r"(image) : "memory");
    memcpy(&high, image + 20, sizeof high);
    return high;
}

void x86_unit_store(void *opaque)
{
    X86Cpu *cpu = opaque;
    X86Fpu *u = &cpu->fpu;
    uint8_t image[X86_FSAVE_BYTES];
    uint64_t fip = u->fip, fdp = u->fdp;
    uint16_t fop = u->fop;
    uint32_t high = data_high();
    unit_read(image);
    x86_frstor(u, image);
    u->fip = fip;
    u->fdp = fdp;
    u->fop = fop;
    take_pointers(cpu, image, high);
    cpu->base.unit_live = 0;
}

/* ---- one instruction ---- */

/* fl: the flags before and after; returns ax. */
static uint16_t run(unsigned at, void *memory, uint64_t *fl)
{
    uint64_t ax = 0, flags = (*fl >> 8 & 0xd5) | (*fl & 1) << 11 | 0x202;
    __asm__ volatile("lea -128(%%rsp), %%rsp; push %[flags]; popf; call *%[insn]; pushf; pop %[flags]; "
                     "lea 128(%%rsp), %%rsp"
                     : [flags] "+r"(flags), "+a"(ax)
                     : [insn] "r"(x86_unit_insns + at), "D"(memory)
                     : "memory", "cc");
    *fl = (flags & 0xd7) << 8 | (flags >> 11 & 1);
    return (uint16_t)ax;
}

static uint16_t status(void)
{
    uint16_t sw;
    __asm__ volatile("fnstsw %0" : "=a"(sw));
    return sw;
}

static uint16_t unmasked(uint16_t sw)
{
    uint16_t cw;
    __asm__ volatile("fnstcw %0" : "=m"(cw));
    return sw & ~cw & X87_FLAGS;
}

/* fninit fnclex fnstsw, fldcw fnstcw fnstsw: FIP stays. */
static bool is_control(unsigned opc, unsigned modrm)
{
    unsigned op = modrm >> 3 & 7;
    if (modrm >= 0xc0)
        return (opc == 3 || opc == 7) && op == 4;
    return (opc == 1 && (op == 5 || op == 7)) || (opc == 5 && op == 7);
}

/* fnclex fninit fnstsw fnstcw do not wait for an exception. */
static bool waits(unsigned opc, unsigned modrm)
{
    unsigned op = modrm >> 3 & 7;
    if (modrm >= 0xc0)
        return !(opc == 3 && op == 4) && !(opc == 7 && modrm == 0xe0);
    return !((opc == 1 || opc == 5) && op >= 6);
}

static unsigned memory_bytes(unsigned opc, unsigned op)
{
    static const uint8_t usual[] = {4, 4, 4, 4, 8, 8, 2, 2};
    switch (opc << 4 | op) {
    case 0x15:
    case 0x17:
    case 0x57: return 2;
    case 0x35:
    case 0x37:
    case 0x74:
    case 0x76: return 10;
    case 0x51:
    case 0x75:
    case 0x77: return 8;
    default: return usual[opc];
    }
}

static uint64_t on_memory(X86Cpu *cpu, unsigned opc, unsigned op, uint64_t addr)
{
    bool writes = (opc & 1) && (0xce >> op & 1);
    uint8_t *m = cpu->x87_in_c.operand, before[X86_FSAVE_BYTES];
    unsigned n = memory_bytes(opc, op), at = MEMORY_FORMS + 4 * (8 * opc + op);
    uint64_t fl = 0;
    memset(m, 0, sizeof cpu->x87_in_c.operand);
    if (!writes) {
        if (x86_copy_in(cpu, m, addr, n))
            return x86_raise_fault(cpu, addr, false);
        run(at, m, &fl);
        return 0;
    }
    unit_read(before);
    unit_write(before);
    run(at, m, &fl);
    /* an exception that is not masked, and was not there before: nothing is stored */
    if (waits(opc, op << 3) && (unmasked(status()) & ~X87_PE))
        return 0;
    if (!x86_copy_out(cpu, addr, m, n))
        return 0;
    unit_write(before);
    return x86_raise_fault(cpu, addr, true);
}

/* IR_UNIT. a: encoding, b: address, c: other operand, d: where the result goes */
uint64_t x86_helper_unit(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    uint64_t *ret = (uint64_t *)d;
    unsigned opc = a & 7, modrm = a >> 24 & 0xff;
    bool x87 = (a >> 8 & 3) == 0;
    if (!cpu->base.unit_live)
        x86_unit_load(cpu);
    uint16_t sw = status();
    if ((sw & X87_ES) && (!x87 || waits(opc, modrm))) {
        cpu->base.exit = (CpuExit){.kind = CPU_EXIT_FLOAT, .code = unmasked(sw)};
        return 1;
    }
    if (!x87)
        return x86_mmx(cpu, (uint32_t)a, b, c, ret);
    if ((a & 0xff) == 0x9b) /* fwait */
        return 0;
    if (!is_control(opc, modrm)) {
        cpu->x87_in_c.pc = cpu->base.pc;
        cpu->x87_in_c.addr = b;
    }
    if (modrm < 0xc0)
        return on_memory(cpu, opc, modrm >> 3 & 7, b);
    uint64_t fl = c;
    uint16_t ax = run(4 * (64 * opc + (modrm & 63)), NULL, &fl);
    *ret = opc == 7 && modrm == 0xe0 ? ax : fl; /* fnstsw; fcomi */
    return 0;
}
