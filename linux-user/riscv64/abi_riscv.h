/* What the ABIs of riscv64 and riscv32 share, for LuAbi: cpu models. Threads: as LuAbi says. */
#ifndef LINUX_USER_RISCV64_ABI_RISCV_H
#define LINUX_USER_RISCV64_ABI_RISCV_H

#include "linux-user/abi.h"
#include "target/riscv/rv_cpu.h"

static inline bool lu_riscv_has(const LuProc *p, RvExt ext)
{
    return rv_model_has((RvModel)p->cpu_model, ext);
}
bool lu_riscv_choose_model(LuProc *p, const char *name);
void lu_riscv_list_models(struct Fmt *out, unsigned word); /* for guests with words of so many bytes */
void lu_riscv_init_cpu(const LuProc *p, Cpu *cpu, uint64_t seed);
void lu_riscv_cpuinfo(LuProc *p, struct Fmt *out, unsigned cpu);

#endif
