/* Registers of arm64 for debuggers: struct user_pt_regs and user_fpsimd_state of asm/ptrace.h. */
#include "debug/gdb_stub.h"
#include "linux-user/regset.h"
#include "target/arm/arm_cpu.h"

#include <elf.h>

enum {
    SP = 31 * 8,
    PC = 32 * 8,
    PSTATE = 33 * 8,
    GPR_BYTES = 34 * 8,
    FPSR = 512,
    FPCR = 516,
    FPR_BYTES = 528
};

static void get_gpr(const Cpu *base, uint8_t *to)
{
    const ArmCpu *cpu = (const ArmCpu *)base;
    uint64_t pstate = arm_nzcv(cpu) | cpu->pstate;
    memcpy(to, cpu->x, SP);
    memcpy(to + SP, &cpu->sp, 8);
    memcpy(to + PC, &base->pc, 8);
    memcpy(to + PSTATE, &pstate, 8);
}

static void set_gpr(Cpu *base, const uint8_t *from)
{
    ArmCpu *cpu = (ArmCpu *)base;
    uint64_t pstate;
    memcpy(cpu->x, from, SP);
    memcpy(&cpu->sp, from + SP, 8);
    memcpy(&base->pc, from + PC, 8);
    memcpy(&pstate, from + PSTATE, 8);
    arm_set_nzcv(cpu, (uint32_t)pstate);
}

static void get_fpr(const Cpu *base, uint8_t *to)
{
    const ArmCpu *cpu = (const ArmCpu *)base;
    const uint32_t status[4] = {arm_fpsr(cpu), cpu->fpcr};
    memcpy(to, cpu->v, FPSR);
    memcpy(to + FPSR, status, sizeof status);
}

static void set_fpr(Cpu *base, const uint8_t *from)
{
    ArmCpu *cpu = (ArmCpu *)base;
    uint32_t status[2];
    memcpy(status, from + FPSR, sizeof status);
    memcpy(cpu->v, from, FPSR);
    arm_set_fpsr(cpu, status[0]);
    arm_set_fpcr(cpu, status[1]);
}

/* Which bits of a pointer a signature takes: those between an address of 48 bits and the top byte. */
static void get_pac_masks(const Cpu *base, uint8_t *to)
{
    static const uint64_t masks[2] = {0x7full << 48, 0x7full << 48};
    memcpy(to, masks, sizeof masks);
}

static void set_nothing(Cpu *base, const uint8_t *from)
{
}

static const LuRegset sets[] = {{NT_PRSTATUS, GPR_BYTES, get_gpr, set_gpr},
                                {NT_PRFPREG, FPR_BYTES, get_fpr, set_fpr},
                                {NT_ARM_PAC_MASK, 16, get_pac_masks, set_nothing}};

#define X(n)                                                                                                 \
    {                                                                                                        \
        "x" #n, 0, 0, 8 * n, 64, "int"                                                                       \
    }
#define V(n)                                                                                                 \
    {                                                                                                        \
        "v" #n, 1, 1, 16 * n, 128, "v128"                                                                    \
    }
static const LuReg regs[] = {
    X(0),
    X(1),
    X(2),
    X(3),
    X(4),
    X(5),
    X(6),
    X(7),
    X(8),
    X(9),
    X(10),
    X(11),
    X(12),
    X(13),
    X(14),
    X(15),
    X(16),
    X(17),
    X(18),
    X(19),
    X(20),
    X(21),
    X(22),
    X(23),
    X(24),
    X(25),
    X(26),
    X(27),
    X(28),
    X(29),
    X(30),
    {"sp", 0, 0, SP, 64, "data_ptr"},
    {"pc", 0, 0, PC, 64, "code_ptr"},
    {"cpsr", 0, 0, PSTATE, 32, "int"},
    V(0),
    V(1),
    V(2),
    V(3),
    V(4),
    V(5),
    V(6),
    V(7),
    V(8),
    V(9),
    V(10),
    V(11),
    V(12),
    V(13),
    V(14),
    V(15),
    V(16),
    V(17),
    V(18),
    V(19),
    V(20),
    V(21),
    V(22),
    V(23),
    V(24),
    V(25),
    V(26),
    V(27),
    V(28),
    V(29),
    V(30),
    V(31),
    {"fpsr", 1, 1, FPSR, 32, "int"},
    {"fpcr", 1, 1, FPCR, 32, "int"},
    {"pauth_dmask", 2, 2, 0, 64, "int"},
    {"pauth_cmask", 2, 2, 8, 64, "int"},
};

const LuRegs lu_arm64_regs = {
    .arch = "aarch64",
    .set = sets,
    .n_sets = ARRAY_SIZE(sets),
    .reg = regs,
    .n_regs = ARRAY_SIZE(regs),
    .feature = {"org.gnu.gdb.aarch64.core", "org.gnu.gdb.aarch64.fpu", "org.gnu.gdb.aarch64.pauth"},
    .types = {NULL, gdb_types_aarch64},
};
