/* Debug registers of traced threads, in the three shapes in which kernels show them. Sources: ptrace(2);
 * linux/elf.h, asm/ptrace.h of arm64 and arm, sys/user.h of x86. */
#include "linux-user/tracer.h"

#include "linux-user/abi.h"

#include <elf.h>
#include <errno.h>

enum {
    NT_HW_BREAK = 0x402, /* NT_ARM_HW_BREAK */
    NT_HW_WATCH = 0x403,
    VERSION_8 = 6, /* of the debug architecture */
};

static bool is_debugged_by_g(const LuTracee *c)
{
    uint64_t proc = 0, gdb = 0;
    lu_tracee_read(c, c->thread + offsetof(LuThread, proc), &proc, sizeof proc);
    return !lu_tracee_read(c, proc + offsetof(LuProc, gdb), &gdb, sizeof gdb) || gdb;
}

/* The registers in `d` are the thread's from now on. */
static long adopt(const LuTracee *c, LuTraced *x, LuDebugRegs *d)
{
    bool enabled = false;
    for (unsigned k = 0; k < LU_DEBUG_POINTS; k++)
        enabled |= d->point[k].how;
    if (enabled && is_debugged_by_g(c))
        return -ENOSPC;
    d->fresh = d->active = 1;
    x->debug = *d;
    return lu_tracee_write(c, c->thread + offsetof(LuThread, traced) + offsetof(LuTraced, debug), d,
                           sizeof *d)
               ? 0
               : -ESRCH;
}

static long write_one(const LuTracee *c, LuTraced *x, unsigned n, uint64_t value)
{
    LuDebugRegs d = x->debug;
    long r = lu_tracee_abi(x)->debug->write(&d, n, value);
    return r ? r : adopt(c, x, &d);
}

/* ---- x86: u_debugreg of struct user ---- */

bool lu_tracee_debug_user(const LuTracee *c, LuTraced *x, bool set, uint64_t addr, uint64_t *value, long *ret)
{
    enum { AT_64 = 848, AT_32 = 252, REGISTERS = 8 };
    const LuAbi *abi = lu_tracee_abi(x);
    const uint64_t n = (addr - (abi->word == 8 ? AT_64 : AT_32)) / abi->word;
    if (abi->debug != &lu_debug_x86 || n >= REGISTERS)
        return false;
    *ret = 0;
    const uint64_t changed = n == LU_DR_STATUS ? LU_DR6_SET : 0;
    if (set)
        *ret = write_one(c, x, (unsigned)n, (abi->word == 8 ? *value : (uint32_t)*value) ^ changed);
    else
        *value = x->debug.reg[n] ^ changed;
    return true;
}

/* ---- arm64: struct user_hwdebug_state ---- */

enum { STATE_HEAD = 8, STATE_ENTRY = 16, STATE_ENTRIES = 16 };

static unsigned first_point(uint32_t note)
{
    return note == NT_HW_BREAK ? 0 : LU_DEBUG_BREAKS;
}

static unsigned n_points(uint32_t note)
{
    return note == NT_HW_BREAK ? LU_DEBUG_BREAKS : LU_DEBUG_WATCHES;
}

bool lu_tracee_is_debug_set(const LuTraced *x, uint32_t note)
{
    return lu_tracee_abi(x)->debug == &lu_debug_arm64 && (note == NT_HW_BREAK || note == NT_HW_WATCH);
}

long lu_tracee_get_debug_set(const LuTraced *x, uint32_t note, uint8_t *to, size_t cap)
{
    enum { BYTES = STATE_HEAD + STATE_ENTRIES * STATE_ENTRY };
    const uint32_t info = VERSION_8 << 8 | n_points(note);
    if (cap < BYTES)
        return -EINVAL;
    memset(to, 0, BYTES);
    memcpy(to, &info, sizeof info);
    for (unsigned k = 0; k < n_points(note); k++) {
        const uint64_t *reg = &x->debug.reg[2 * (first_point(note) + k)];
        memcpy(to + STATE_HEAD + k * STATE_ENTRY, &reg[0], 8);
        memcpy(to + STATE_HEAD + k * STATE_ENTRY + 8, &reg[1], 4);
    }
    return BYTES;
}

long lu_tracee_set_debug_set(const LuTracee *c, LuTraced *x, uint32_t note, const uint8_t *from, size_t n)
{
    LuDebugRegs d = x->debug;
    const LuDebugIsa *isa = lu_tracee_abi(x)->debug;
    long r = 0;
    for (unsigned k = 0; !r && STATE_HEAD + k * STATE_ENTRY + 12 <= n; k++) {
        const uint8_t *at = from + STATE_HEAD + k * STATE_ENTRY;
        const unsigned reg = 2 * (first_point(note) + k);
        if (k >= n_points(note))
            return -ENOSPC;
        isa->write(&d, reg + 1, 0); /* an address alone need not fit what was before */
        r = isa->write(&d, reg, ld_u64(at));
        r = r ? r : isa->write(&d, reg + 1, ld_u32(at + 8));
    }
    return r ? r : adopt(c, x, &d);
}

/* ---- arm: numbers ---- */

long lu_tracee_debug_number(const LuTracee *c, LuTraced *x, bool set, int32_t number, uint32_t *value)
{
    enum { LONGEST_WATCH = 8, MOST_NUMBERS = 32 };
    if (!number) {
        if (!set)
            *value = VERSION_8 << 24 | LONGEST_WATCH << 16 | LU_DEBUG_WATCHES << 8 | LU_DEBUG_BREAKS;
        return 0;
    }
    const unsigned n = (number < 0 ? 0u - (unsigned)number : (unsigned)number) - 1;
    const unsigned most = 2 * (number < 0 ? LU_DEBUG_WATCHES : LU_DEBUG_BREAKS);
    const unsigned reg = n + (number < 0 ? 2 * LU_DEBUG_BREAKS : 0);
    if (n >= MOST_NUMBERS)
        return -EINVAL;
    if (set)
        return n < most ? write_one(c, x, reg, *value) : -ENOSPC;
    *value = n < most ? (uint32_t)x->debug.reg[reg] : 0;
    return 0;
}
