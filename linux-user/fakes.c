/*
 * Weak stand-ins for parts that are being built (signals): enough for a program that writes and ends.
 * Each disappears when the real function links.
 */
#include "linux-user/signal.h"
#include "linux-user/syscall.h"

#include <errno.h>
#include "base/fmt.h"
#include "linux-user/mm.h"

#define FAKE __attribute__((weak))

static LuSigState no_signals;
FAKE void lu_signals_init(LuProc *p, LuThread *t) { t->sig = &no_signals; }
FAKE void lu_signals_deliver(LuThread *t, long restart) {}
FAKE void lu_raise_fault(LuThread *t, int sig, int si_code, Gva addr)
{
    fmt_err("fault %d code %d at pc 0x%llx address 0x%llx", sig, si_code, (unsigned long long)t->cpu->pc,
            (unsigned long long)addr);
    sys_exit_group(128 + sig);
}
FAKE long lu_blocking_exec(LuThread *t, long nr, long a, long b, long c, long d, long e)
{
    return sys_call5(nr, a, b, c, d, e);
}
FAKE long lu_blocking(LuThread *t, long nr, long a, long b, long c, long d, long e, long f)
{
    return sys_call6(nr, a, b, c, d, e, f);
}
FAKE long lu_blocking_masked(LuThread *t, uint64_t temp, long nr, long a, long b, long c, long d, long e, long f)
{
    return sys_call6(nr, a, b, c, d, e, f);
}
FAKE uint64_t lu_sig_host_mask(uint64_t mask) { return mask; }
