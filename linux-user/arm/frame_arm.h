/* Signal frames of 32-bit Arm, for LuAbi. See linux-user/abi.h for the contract. Threads: the guest thread
 * itself. */
#ifndef LINUX_USER_ARM_FRAME_ARM_H
#define LINUX_USER_ARM_FRAME_ARM_H

#include "linux-user/signal.h"

/* The helper page, and in it the code that handlers without SA_RESTORER return to. */
#define LU_ARM_KUSER     0xffff0000u
#define LU_ARM_SIGRETURN 0xffff0500u

enum {
    LU_ARM_SIGFRAME = 744 + 16, /* struct ucontext and the return code */
    LU_ARM_FRAME_SIZE = 128 + LU_ARM_SIGFRAME + 8, /* with siginfo, and what alignment may cost */
};

void lu_arm_put_sigreturn(uint8_t *at);
bool lu_arm_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top);
/* Both kinds: the frame of a handler with SA_SIGINFO begins with its siginfo. */
bool lu_arm_pop_frame(LuThread *t, uint64_t *ret_mask);
bool lu_arm_pop_old_frame(LuThread *t, uint64_t *ret_mask);

#endif
