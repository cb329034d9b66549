/* Registers of riscv32 for debuggers: struct user_regs_struct and __riscv_d_ext_state of asm/ptrace.h. */
#include "linux-user/regset.h"
#include "target/riscv/rv_cpu.h"

#include <elf.h>

enum { GPR_BYTES = 32 * 4, FPR_BYTES = 32 * 8 + 8 };

static void get_gpr(const Cpu *base, uint8_t *to)
{
    memcpy(to, &base->pc, 4);
    for (unsigned n = 1; n < 32; n++)
        memcpy(to + 4 * n, &((const RvCpu *)base)->x[n], 4);
}

static void set_gpr(Cpu *base, const uint8_t *from)
{
    base->pc = ld_u32(from);
    for (unsigned n = 1; n < 32; n++)
        ((RvCpu *)base)->x[n] = (uint64_t)(int32_t)ld_u32(from + 4 * n);
}

static void get_fpr(const Cpu *base, uint8_t *to)
{
    const RvCpu *cpu = (const RvCpu *)base;
    uint64_t fcsr = rv_fcsr(cpu);
    memcpy(to, cpu->f, 32 * 8);
    memcpy(to + 32 * 8, &fcsr, 8);
}

static void set_fpr(Cpu *base, const uint8_t *from)
{
    RvCpu *cpu = (RvCpu *)base;
    uint32_t fcsr;
    memcpy(cpu->f, from, 32 * 8);
    memcpy(&fcsr, from + 32 * 8, 4);
    rv_set_fcsr(cpu, fcsr);
}

static const LuRegset sets[] = {{NT_PRSTATUS, GPR_BYTES, get_gpr, set_gpr},
                                {NT_PRFPREG, FPR_BYTES, get_fpr, set_fpr}};

#define X(name, n)                                                                                           \
    {                                                                                                        \
        name, 0, 0, 4 * n, 32, "int"                                                                         \
    }
#define F(name, n)                                                                                           \
    {                                                                                                        \
        name, 1, 1, 8 * n, 64, "ieee_double"                                                                 \
    }
static const LuReg regs[] = {
    {"zero", 0, 0, LU_REG_ZERO, 32, "int"},
    X("ra", 1),
    {"sp", 0, 0, 4 * 2, 32, "data_ptr"},
    X("gp", 3),
    X("tp", 4),
    X("t0", 5),
    X("t1", 6),
    X("t2", 7),
    X("fp", 8),
    X("s1", 9),
    X("a0", 10),
    X("a1", 11),
    X("a2", 12),
    X("a3", 13),
    X("a4", 14),
    X("a5", 15),
    X("a6", 16),
    X("a7", 17),
    X("s2", 18),
    X("s3", 19),
    X("s4", 20),
    X("s5", 21),
    X("s6", 22),
    X("s7", 23),
    X("s8", 24),
    X("s9", 25),
    X("s10", 26),
    X("s11", 27),
    X("t3", 28),
    X("t4", 29),
    X("t5", 30),
    X("t6", 31),
    {"pc", 0, 0, 0, 32, "code_ptr"},
    F("ft0", 0),
    F("ft1", 1),
    F("ft2", 2),
    F("ft3", 3),
    F("ft4", 4),
    F("ft5", 5),
    F("ft6", 6),
    F("ft7", 7),
    F("fs0", 8),
    F("fs1", 9),
    F("fa0", 10),
    F("fa1", 11),
    F("fa2", 12),
    F("fa3", 13),
    F("fa4", 14),
    F("fa5", 15),
    F("fa6", 16),
    F("fa7", 17),
    F("fs2", 18),
    F("fs3", 19),
    F("fs4", 20),
    F("fs5", 21),
    F("fs6", 22),
    F("fs7", 23),
    F("fs8", 24),
    F("fs9", 25),
    F("fs10", 26),
    F("fs11", 27),
    F("ft8", 28),
    F("ft9", 29),
    F("ft10", 30),
    F("ft11", 31),
    {"fcsr", 1, 1, 32 * 8, 32, "int"},
};

const LuRegs lu_riscv32_regs = {
    .arch = "riscv:rv32",
    .set = sets,
    .n_sets = ARRAY_SIZE(sets),
    .reg = regs,
    .n_regs = ARRAY_SIZE(regs),
    .feature = {"org.gnu.gdb.riscv.cpu", "org.gnu.gdb.riscv.fpu"},
};
