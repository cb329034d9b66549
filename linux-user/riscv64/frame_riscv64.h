/* Signal frames of riscv64, for LuAbi. See linux-user/abi.h for the contract. Threads: the guest thread
 * itself. */
#ifndef LINUX_USER_RISCV64_FRAME_RISCV64_H
#define LINUX_USER_RISCV64_FRAME_RISCV64_H

#include "linux-user/signal.h"

enum { LU_RISCV64_FRAME_SIZE = 1088 };

bool lu_riscv64_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top);
bool lu_riscv64_pop_frame(LuThread *t, uint64_t *ret_mask);

#endif
