/* Signal frames of riscv32, for LuAbi. See linux-user/abi.h for the contract. Threads: the guest thread
 * itself. */
#ifndef LINUX_USER_RISCV32_FRAME_RISCV32_H
#define LINUX_USER_RISCV32_FRAME_RISCV32_H

#include "linux-user/signal.h"

enum { LU_RISCV32_FRAME_SIZE = 128 + 816 };

bool lu_riscv32_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top);
bool lu_riscv32_pop_frame(LuThread *t, uint64_t *ret_mask);

#endif
