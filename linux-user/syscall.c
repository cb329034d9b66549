#include "linux-user/syscall.h"
#include "linux-user/strace.h"
#include "linux-user/sys_newcalls.h"
#include "linux-user/sys_util.h"

#include <fcntl.h>

/* The notes of all rows, one after the other; rows hold offsets, so that nothing here needs relocation. */
typedef struct Notes {
#define PASS(name, kinds, ret, note) char name[sizeof(note)];
#define WAIT PASS
#define OWN PASS
#define NONE PASS
#include "linux-user/syscalls.def"
#undef PASS
#undef WAIT
#undef OWN
#undef NONE
} Notes;

static const Notes notes = {
#define PASS(name, kinds, ret, note) .name = note,
#define WAIT PASS
#define OWN PASS
#define NONE PASS
#include "linux-user/syscalls.def"
#undef PASS
#undef WAIT
#undef OWN
#undef NONE
};

#define STATE(note) (sizeof(note) > 1 ? LU_SUBSET : LU_FULL)
const LuSyscallRow lu_syscall_rows[LU_N_ROWS] = {
#define PASS(n, k, r, w) {#n, k, LU_PASS, STATE(w), r, 0, SYS_##n, offsetof(Notes, n)},
#define WAIT(n, k, r, w) {#n, k, LU_WAIT, STATE(w), r, 0, SYS_##n, offsetof(Notes, n)},
#define OWN(n, k, r, w) {#n, k, LU_OWN, STATE(w), r, 0, -1, offsetof(Notes, n)},
#define NONE(n, k, e, w) {#n, k, LU_NONE, LU_ERRNO, 'd', e, -1, offsetof(Notes, n)},
#include "linux-user/syscalls.def"
#undef PASS
#undef WAIT
#undef OWN
#undef NONE
};

const uint16_t lu_syscall_row_riscv64[LU_N_SYSCALLS_RISCV64] = {
#define NR(number, name) [number] = LU_ROW_##name + 1,
#include "linux-user/syscall_nr_generic.def"
    NR(258, riscv_hwprobe)
    NR(259, riscv_flush_icache)
#undef NR
};

const char *lu_row_note(const LuSyscallRow *row)
{
    return (const char *)&notes + row->note;
}

bool lu_row_waits(const LuSyscallRow *row)
{
    if (row->how == LU_WAIT)
        return true;
    switch (row - lu_syscall_rows) {
    case LU_ROW_openat:
    case LU_ROW_connect:
    case LU_ROW_sendmsg:
    case LU_ROW_ppoll:
    case LU_ROW_pselect6:
    case LU_ROW_epoll_pwait:
    case LU_ROW_wait4:
    case LU_ROW_waitid:
    case LU_ROW_rt_sigsuspend:
    case LU_ROW_rt_sigtimedwait:
    case LU_ROW_execve: return true;
    default: return false;
    }
}

/* Whether path number i follows a link in the last component: its kind or the call's AT_ argument tells. */
static bool path_follows(const LuSyscallRow *row, const uint64_t v[6], unsigned i)
{
    if (row->kinds[i] == 'n')
        return false;
    for (unsigned k = i + 1; k < 6 && row->kinds[k]; k++) {
        if (row->kinds[k] == 'A')
            return !(v[k] & AT_SYMLINK_NOFOLLOW);
    }
    return true;
}

/* Checks descriptors and translates paths in place: 0 or -errno. */
static long prepare_args(LuThread *t, const LuSyscallRow *row, uint64_t v[6])
{
    for (unsigned i = 0; i < 6 && row->kinds[i]; i++) {
        const char *path;
        long err;
        switch (row->kinds[i]) {
        case 'f':
        case 'F':
            if (UNLIKELY(su_fd_hidden(t->proc, v[i])))
                return -EBADF;
            break;
        case 'n':
        case 'p':
            err = su_path(t, v[i], path_follows(row, v, i), &path);
            if (err)
                return err;
            v[i] = (uintptr_t)path;
            break;
        }
    }
    return 0;
}

static long call_host(LuThread *t, const LuSyscallRow *row, const uint64_t a[6])
{
    uint64_t v[6];
    memcpy(v, a, sizeof(v));
    long err = prepare_args(t, row, v);
    if (err)
        return err;
    if (row->how == LU_WAIT)
        return lu_blocking(t, row->host_nr, (long)v[0], (long)v[1], (long)v[2], (long)v[3], (long)v[4], (long)v[5]);
    return sys_call6(row->host_nr, (long)v[0], (long)v[1], (long)v[2], (long)v[3], (long)v[4], (long)v[5]);
}

long lu_syscall_row(LuThread *t, LuRowId id, const uint64_t a[6])
{
    const LuSyscallRow *row = &lu_syscall_rows[id];
    if (row->how <= LU_WAIT)
        return call_host(t, row, a);
    if (row->how == LU_NONE)
        return -row->err;
    for (unsigned i = 0; i < 6 && row->kinds[i]; i++) {
        if ((row->kinds[i] == 'f' || row->kinds[i] == 'F') && su_fd_hidden(t->proc, a[i]) && id != LU_ROW_mmap)
            return -EBADF;
    }
    switch (id) {
#define PASS(name, kinds, ret, note)
#define WAIT PASS
#define NONE PASS
#define OWN(name, kinds, ret, note) case LU_ROW_##name: return lu_sys_##name(t, a);
#include "linux-user/syscalls.def"
#undef PASS
#undef WAIT
#undef OWN
#undef NONE
    default: return -ENOSYS;
    }
}

static void log_unimp(LuThread *t, uint64_t nr, const LuSyscallRow *row)
{
    char line[256];
    Fmt f = FMT_ON(line);
    if (row)
        fmt_printf(&f, "tinamou: unsupported system call %s (%lu): %s\n", row->name, (unsigned long)nr,
                   lu_row_note(row));
    else
        fmt_printf(&f, "tinamou: unknown system call %lu\n", (unsigned long)nr);
    sys_write(t->proc->strace_fd, f.buf, f.len);
}

static __attribute__((noinline)) long traced_call(LuThread *t, uint64_t nr, unsigned index)
{
    const LuSyscallRow *row = index ? &lu_syscall_rows[index - 1] : NULL;
    if ((t->proc->log & LU_LOG_UNIMP) && (!row || (row->how == LU_NONE && row->err == ENOSYS)))
        log_unimp(t, nr, row);
    if (!(t->proc->log & LU_LOG_STRACE))
        return row ? lu_syscall_row(t, index - 1, t->syscall_arg) : -ENOSYS;
    uint64_t a[6];
    memcpy(a, t->syscall_arg, sizeof(a));
    LuTrace tr;
    lu_trace_enter(&tr, t, nr, row, a);
    long r = row ? lu_syscall_row(t, index - 1, a) : -ENOSYS;
    lu_trace_leave(&tr, t, a, r);
    return r;
}

void lu_syscall(LuThread *t)
{
    const LuAbi *abi = t->proc->abi;
    uint64_t nr = abi->syscall_nr(t->cpu);
    unsigned index = nr < abi->n_syscalls ? abi->syscall_row[nr] : 0;
    abi->syscall_args(t->cpu, t->syscall_arg);
    t->syscall_nr = nr;
    t->restart = 0;
    arena_rewind(&t->scratch, 0);
    long r;
    if (UNLIKELY(!index || t->proc->log))
        r = traced_call(t, nr, index);
    else
        r = lu_syscall_row(t, index - 1, t->syscall_arg);
    if (UNLIKELY(r == LU_RET_NONE))
        return;
    if (UNLIKELY(r <= LU_RET_RESTART && r >= LU_RET_RESTART_NOHAND))
        t->restart = r;
    else
        abi->set_result(t->cpu, (uint64_t)r);
    abi->skip_syscall(t->cpu);
}

void lu_syscalls_print(const LuAbi *abi, int fd)
{
    unsigned count[3] = {0}, numbers = 0;
    char line[320];
    for (unsigned nr = 0; nr < abi->n_syscalls; nr++) {
        if (!abi->syscall_row[nr])
            continue;
        const LuSyscallRow *row = &lu_syscall_rows[abi->syscall_row[nr] - 1];
        Fmt f = FMT_ON(line);
        const char *state = row->state == LU_FULL ? "exact" : row->state == LU_SUBSET ? "subset"
                                                                                       : lu_errno_name(row->err);
        const char *note = lu_row_note(row);
        fmt_printf(&f, *note ? "%3u %-23s %-10s %s\n" : "%3u %-23s %s\n", nr, row->name, state, note);
        sys_write(fd, f.buf, f.len);
        count[row->state]++;
        numbers++;
    }
    Fmt f = FMT_ON(line);
    fmt_printf(&f, "%s: %u system calls: %u exact, %u subset, %u answered with an error\n", abi->uname_machine, numbers,
               count[LU_FULL], count[LU_SUBSET], count[LU_ERRNO]);
    sys_write(fd, f.buf, f.len);
}
