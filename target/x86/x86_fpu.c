/* x87: where the guest's unit is, and its instructions one by one, for the interpreter.
 *
 * The host's unit is the guest's (docs/adr/0026-x87-unit.md): generated code executes each instruction as it
 * stands, and so does C here, from a table of all of them. While Cpu.unit_live the state is there;
 * x86_fpu_settle() fetches it into X86Fpu. So values, flags, tags, stack faults and exceptions, masked or
 * not, are the host's. FIP, FDP and FOP are not taken from there: they would name the host's code. Source:
 * AMD64 APM volume 5, chapter 3; volume 1, 6. */
#include "target/x86/x86_fpu_priv.h"

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

void x86_unit_load(void *opaque)
{
    X86Cpu *cpu = opaque;
    uint8_t image[X86_FSAVE_BYTES];
    x86_fsave(&cpu->fpu, image);
    unit_write(image);
    cpu->base.unit_live = 1;
}

void x86_unit_store(void *opaque)
{
    X86Cpu *cpu = opaque;
    uint8_t image[X86_FSAVE_BYTES];
    uint64_t fip = cpu->fpu.fip, fdp = cpu->fpu.fdp;
    unit_read(image);
    x86_frstor(&cpu->fpu, image);
    cpu->fpu.fip = fip;
    cpu->fpu.fdp = fdp;
    cpu->base.unit_live = 0;
}

/* ---- one instruction ---- */

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
enum { MEMORY_FORMS = 4 * 8 * 64 };

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
    uint8_t m[16] = {0}, before[X86_FSAVE_BYTES];
    unsigned n = memory_bytes(opc, op), at = MEMORY_FORMS + 4 * (8 * opc + op);
    uint64_t fl = 0;
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
    if (modrm < 0xc0)
        return on_memory(cpu, opc, modrm >> 3 & 7, b);
    uint64_t fl = c;
    uint16_t ax = run(4 * (64 * opc + (modrm & 63)), NULL, &fl);
    *ret = opc == 7 && modrm == 0xe0 ? ax : fl; /* fnstsw; fcomi */
    return 0;
}
