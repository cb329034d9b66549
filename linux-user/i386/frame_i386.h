/* Signal frames of i386, for LuAbi. See linux-user/abi.h for the contract. Threads: the guest thread
 * itself. */
#ifndef LINUX_USER_I386_FRAME_I386_H
#define LINUX_USER_I386_FRAME_I386_H

#include "linux-user/signal.h"

enum { LU_I386_FRAME_SIZE = 2688 + 4 + 112 + 64 + 720 }; /* XSAVE image, fsave image, alignment, frame */

bool lu_i386_push_frame(LuThread *t, const LuSigInfo *info, const LuSigAction *act, Gva frame_top);
bool lu_i386_pop_frame(LuThread *t, uint64_t *ret_mask);
bool lu_i386_pop_old_frame(LuThread *t, uint64_t *ret_mask);

#endif
