/* What a cpu object of a test needs beside the guest's state to run generated code. */
#ifndef TESTS_UNIT_X64_STACK_H
#define TESTS_UNIT_X64_STACK_H

#include "tcg/host/x86_64/x64.h"

typedef struct X64TestStack {
    uint64_t host_sp, ret_top;
    _Alignas(16) uint8_t spill[X64_SPILL_BYTES];
} X64TestStack;

/* An empty return stack, which has room for a signal handler's frame too. Before each run. */
static inline uint64_t x64_test_stack(const X64Host *h)
{
    static uint64_t stack[X64_RET_BYTES / 8];
    return x64_ret_clear(h, stack);
}

/* Fields of X64Layout for a cpu type with a member `stack`. */
#define X64_TEST_STACK(Cpu)                                                                                  \
    .host_sp = offsetof(Cpu, stack.host_sp), .ret_top = offsetof(Cpu, stack.ret_top),                        \
    .spill = offsetof(Cpu, stack.spill)

#endif
