/* Break- and watchpoints as Linux lets tracers write them, of arm64 and arm. Sources: Arm ARM, DBGBCR<n>_EL1,
 * DBGWCR<n>_EL1; asm/ptrace.h of both. */
#include "linux-user/debug_regs.h"

#include <errno.h>

enum { ENABLED = 1, USER = 2 << 1, LEVELS = 3 << 1, KIND_AT = 3, BYTES_AT = 5 };

/* The bytes that a control register selects, which stand side by side: the first, and how many. */
static bool selects(uint32_t control, unsigned *ret_first, unsigned *ret_n)
{
    unsigned bytes = control >> BYTES_AT & 0xff;
    if (!bytes)
        return false;
    *ret_first = (unsigned)__builtin_ctz(bytes);
    *ret_n = (unsigned)__builtin_popcount(bytes);
    return bytes >> *ret_first == (1u << *ret_n) - 1 && !(*ret_n & (*ret_n - 1));
}

/* Point k of its two registers; false: it cannot be. */
static bool decode(LuDebugRegs *d, unsigned k, unsigned break_bytes)
{
    static const uint8_t how_of[4] = {LU_DEBUG_EXEC, LU_DEBUG_READ, LU_DEBUG_WRITE,
                                      LU_DEBUG_READ | LU_DEBUG_WRITE};
    const uint32_t control = (uint32_t)d->reg[2 * k + 1];
    const unsigned how = how_of[control >> KIND_AT & 3];
    unsigned first, n;
    if (!(control & ENABLED)) {
        d->point[k].how = 0;
        return true;
    }
    if ((how == LU_DEBUG_EXEC) != (k < LU_DEBUG_BREAKS) || !selects(control, &first, &n))
        return false;
    const uint64_t at = d->reg[2 * k] + first;
    if (how == LU_DEBUG_EXEC && at & (break_bytes - 1))
        return false;
    d->point[k] = (LuDebugPoint){.at = at, .n = (uint8_t)n, .how = (uint8_t)how};
    return true;
}

static long write_register(LuDebugRegs *d, unsigned n, uint64_t value, unsigned break_bytes)
{
    if (n >= 2 * LU_DEBUG_POINTS)
        return -ENOSPC;
    const LuDebugRegs was = *d;
    d->reg[n] = n & 1 ? (value & 0x1fff & ~(uint64_t)LEVELS) | USER : value;
    if (decode(d, n / 2, break_bytes))
        return 0;
    *d = was;
    return -EINVAL;
}

static long write_arm64(LuDebugRegs *d, unsigned n, uint64_t value)
{
    return write_register(d, n, value, 4);
}

static long write_arm(LuDebugRegs *d, unsigned n, uint64_t value)
{
    return write_register(d, n, (uint32_t)value, 2);
}

/* The number by which PTRACE_GETHBPREGS has its address: debuggers tell by that what was hit. */
static int error_arm(unsigned point)
{
    int k = (int)point - LU_DEBUG_BREAKS;
    return k < 0 ? 2 * (int)point + 1 : -(2 * k + 1);
}

const LuDebugIsa lu_debug_arm64 = {.write = write_arm64},
                 lu_debug_arm = {.write = write_arm, .error = error_arm};
