/* DR0 to DR3, DR6, DR7 as Linux lets tracers write them. Sources: AMD64 APM volume 2, "Debug Registers";
 * ptrace(2). */
#include "linux-user/debug_regs.h"

#include <errno.h>

enum { ADDRESSES = 4, CONTROL_AT = 16, EXECUTE = 0, PORTS = 2 };

/* Point k as DR7 has it; false: it cannot be. */
static bool decode(const LuDebugRegs *d, unsigned k, uint64_t control, LuDebugPoint *ret)
{
    static const uint8_t bytes[4] = {1, 2, 8, 4};
    const unsigned what = (unsigned)(control >> (CONTROL_AT + 4 * k)) & 15, kind = what & 3;
    *ret = (LuDebugPoint){.at = d->reg[k], .n = bytes[what >> 2]};
    if (!(control >> (2 * k) & 3))
        return true;
    ret->how = kind == EXECUTE ? LU_DEBUG_EXEC : kind == 1 ? LU_DEBUG_WRITE : LU_DEBUG_READ | LU_DEBUG_WRITE;
    return kind != PORTS && (kind == EXECUTE ? ret->n == 1 : !(ret->at & (ret->n - 1u)));
}

static long write_control(LuDebugRegs *d, uint64_t value)
{
    LuDebugPoint point[ADDRESSES];
    for (unsigned k = 0; k < ADDRESSES; k++)
        if (!decode(d, k, value, &point[k]))
            return -EINVAL;
    for (unsigned k = 0; k < ADDRESSES; k++)
        d->point[k] = point[k];
    d->reg[LU_DR_CONTROL] = value;
    return 0;
}

static long write_register(LuDebugRegs *d, unsigned n, uint64_t value)
{
    const uint64_t was = d->reg[n];
    if (n == LU_DR_CONTROL)
        return write_control(d, value);
    if (n >= ADDRESSES && n != LU_DR_STATUS)
        return -EIO; /* there are none */
    if (n < ADDRESSES && value >> 47)
        return -EINVAL;
    d->reg[n] = value;
    if (n == LU_DR_STATUS || decode(d, n, d->reg[LU_DR_CONTROL], &d->point[n]))
        return 0;
    d->reg[n] = was;
    decode(d, n, d->reg[LU_DR_CONTROL], &d->point[n]);
    return -EINVAL;
}

const LuDebugIsa lu_debug_x86 = {.traps = true, .write = write_register};
