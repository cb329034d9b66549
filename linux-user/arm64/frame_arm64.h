/* Signal frames of arm64, for LuAbi. See linux-user/abi.h for the contract. Threads: the guest thread
 * itself. */
#ifndef LINUX_USER_ARM64_FRAME_ARM64_H
#define LINUX_USER_ARM64_FRAME_ARM64_H

#include "linux-user/signal.h"

enum {
    LU_ARM64_RT_SIGFRAME = 128 + 4560, /* siginfo_t and struct ucontext */
    LU_ARM64_FRAME_SIZE = LU_ARM64_RT_SIGFRAME + 16 + 16, /* with the frame record and what alignment may
                                                           * cost */
};

bool lu_arm64_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top);
bool lu_arm64_pop_frame(LuThread *t, uint64_t *ret_mask);

#endif
