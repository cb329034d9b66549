/* Registers of 32-bit Arm for debuggers: struct pt_regs and user_vfp of asm/ptrace.h. */
#include "linux-user/regset.h"
#include "target/arm/arm_cpu.h"

#include <elf.h>

enum { PC = 15 * 4, CPSR = 64, GPR_BYTES = 18 * 4, FPSCR = 256, VFP_BYTES = 260, CPSR_T = 1 << 5 };

static void get_gpr(const Cpu *base, uint8_t *to)
{
    const ArmCpu *cpu = (const ArmCpu *)base;
    uint32_t r[18] = {0};
    for (unsigned n = 0; n < 15; n++)
        r[n] = (uint32_t)cpu->x[n];
    r[15] = (uint32_t)base->pc & ~1u;
    r[16] = arm_cpsr(cpu);
    r[17] = r[0]; /* what r0 was when the call came */
    memcpy(to, r, sizeof r);
}

static void set_gpr(Cpu *base, const uint8_t *from)
{
    ArmCpu *cpu = (ArmCpu *)base;
    uint32_t r[18];
    memcpy(r, from, sizeof r);
    for (unsigned n = 0; n < 15; n++)
        cpu->x[n] = r[n];
    base->pc = r[15] & (r[16] & CPSR_T ? ~1u : ~3u);
    arm_set_cpsr(cpu, r[16]);
}

static void get_vfp(const Cpu *base, uint8_t *to)
{
    const ArmCpu *cpu = (const ArmCpu *)base;
    uint32_t fpscr = arm_fpscr(cpu);
    memcpy(to, cpu->v, FPSCR);
    memcpy(to + FPSCR, &fpscr, 4);
}

static void set_vfp(Cpu *base, const uint8_t *from)
{
    ArmCpu *cpu = (ArmCpu *)base;
    uint32_t fpscr;
    memcpy(cpu->v, from, FPSCR);
    memcpy(&fpscr, from + FPSCR, 4);
    arm_set_fpscr(cpu, fpscr);
}

static const LuRegset sets[] = {{NT_PRSTATUS, GPR_BYTES, get_gpr, set_gpr},
                                {NT_ARM_VFP, VFP_BYTES, get_vfp, set_vfp}};

#define R(n)                                                                                                 \
    {                                                                                                        \
        "r" #n, 0, 0, 4 * n, 32, "int"                                                                       \
    }
#define D(n)                                                                                                 \
    {                                                                                                        \
        "d" #n, 1, 1, 8 * n, 64, "ieee_double"                                                               \
    }
static const LuReg regs[] = {
    R(0),
    R(1),
    R(2),
    R(3),
    R(4),
    R(5),
    R(6),
    R(7),
    R(8),
    R(9),
    R(10),
    R(11),
    R(12),
    {"sp", 0, 0, 13 * 4, 32, "data_ptr"},
    {"lr", 0, 0, 14 * 4, 32, "int"},
    {"pc", 0, 0, PC, 32, "code_ptr"},
    {"cpsr", 0, 0, CPSR, 32, "int"},
    D(0),
    D(1),
    D(2),
    D(3),
    D(4),
    D(5),
    D(6),
    D(7),
    D(8),
    D(9),
    D(10),
    D(11),
    D(12),
    D(13),
    D(14),
    D(15),
    D(16),
    D(17),
    D(18),
    D(19),
    D(20),
    D(21),
    D(22),
    D(23),
    D(24),
    D(25),
    D(26),
    D(27),
    D(28),
    D(29),
    D(30),
    D(31),
    {"fpscr", 1, 1, FPSCR, 32, "int"},
};

const LuRegs lu_arm_regs = {
    .arch = "arm",
    .set = sets,
    .n_sets = ARRAY_SIZE(sets),
    .reg = regs,
    .n_regs = ARRAY_SIZE(regs),
    .feature = {"org.gnu.gdb.arm.core", "org.gnu.gdb.arm.vfp"},
};
