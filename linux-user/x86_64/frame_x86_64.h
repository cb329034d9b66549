/* Signal frames of x86-64, for LuAbi. See linux-user/abi.h for the contract. Threads: the guest thread
 * itself. */
#ifndef LINUX_USER_X86_64_FRAME_X86_64_H
#define LINUX_USER_X86_64_FRAME_X86_64_H

#include "linux-user/signal.h"

enum { LU_X86_64_FRAME_SIZE = 440 + 2688 + 4 + 64 + 128 }; /* with what alignment and the red zone may cost */

bool lu_x86_64_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top);
bool lu_x86_64_pop_frame(LuThread *t, uint64_t *ret_mask);

#endif
