/*
 * Weak stand-ins for parts that are being built (system calls, signals): enough for a program that writes and ends.
 * Each disappears when the real function links.
 */
#include "linux-user/signal.h"
#include "linux-user/syscall.h"

#include <errno.h>
#include "base/fmt.h"
#include "linux-user/mm.h"

#define FAKE __attribute__((weak))

FAKE void lu_syscall(LuThread *t)
{
    const LuAbi *abi = t->proc->abi;
    uint64_t nr = abi->syscall_nr(t->cpu), a[6];
    long r = -ENOSYS;
    abi->syscall_args(t->cpu, a);
    switch (nr) {
    case 93: case 94: sys_exit_group((int)a[0]);
    case 64: r = sys_write((int)a[0], guest_ptr(a[1]), a[2]); break;
    case 63: r = sys_read((int)a[0], guest_ptr(a[1]), a[2]); break;
    case 57: r = sys_close((int)a[0]); break;
    case 56: r = sys_call4(SYS_openat, a[0], a[1], a[2], a[3]); break;
    case 80: r = sys_call2(SYS_fstat, a[0], a[1]); break;
    case 214: r = lu_mm_brk(t, a[0]); break;
    case 215: r = lu_mm_munmap(t, a[0], a[1]); break;
    case 216: r = lu_mm_mremap(t, a[0], a[1], a[2], (int)a[3], a[4]); break;
    case 222: r = lu_mm_mmap(t, a[0], a[1], (int)a[2], (int)a[3], (int)a[4], a[5]); break;
    case 226: r = lu_mm_mprotect(t, a[0], a[1], (int)a[2]); break;
    case 233: r = lu_mm_madvise(t, a[0], a[1], (int)a[2]); break;
    }
    abi->set_result(t->cpu, (uint64_t)r);
    abi->skip_syscall(t->cpu);
}

FAKE void lu_syscalls_print(const LuAbi *abi, int fd) { sys_write(fd, "none yet\n", 9); }
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
