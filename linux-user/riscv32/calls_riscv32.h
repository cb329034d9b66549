/* The table of calls_riscv32.def, for LuAbi.calls32 (abi32/lu32.h). Constant. */
#ifndef LINUX_USER_RISCV32_CALLS_RISCV32_H
#define LINUX_USER_RISCV32_CALLS_RISCV32_H

struct Lu32Table;
extern const struct Lu32Table lu_riscv32_calls;

#endif
