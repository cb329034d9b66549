#include "linux-user/syscall.h"
#include "linux-user/mm.h"
#include "linux-user/strace.h"
#include "linux-user/sys_newcalls.h"
#include "linux-user/sys_util.h"

#include <fcntl.h>
#include <sys/socket.h>

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

const uint16_t lu_syscall_row_arm64[LU_N_SYSCALLS_ARM64] = {
#define NR(number, name) [number] = LU_ROW_##name + 1,
#include "linux-user/syscall_nr_generic.def"
    NR(38, renameat)
#undef NR
};

const uint16_t lu_syscall_row_x86_64[LU_N_SYSCALLS_X86_64] = {
#define NR(number, name) [number] = LU_ROW_##name + 1,
#define AS(number, name, row, args) [number] = LU_ROW_##row + 1,
#include "linux-user/x86_64/calls_x86_64.def"
#undef NR
#undef AS
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
    case LU_ROW_ioctl:
    case LU_ROW_connect:
    case LU_ROW_sendmsg:
    case LU_ROW_ppoll:
    case LU_ROW_pselect6:
    case LU_ROW_epoll_pwait:
    case LU_ROW_wait4:
    case LU_ROW_waitid:
    case LU_ROW_rt_sigsuspend:
    case LU_ROW_rt_sigtimedwait:
    case LU_ROW_io_uring_enter:
    case LU_ROW_execve: return true;
    default: return false;
    }
}

/* Whether path number i follows a link in the last component: its kind or the call's AT_ argument tells. */
static bool path_follows(const char *kinds, const uint64_t v[6], unsigned i)
{
    if (kinds[i] == 'n')
        return false;
    for (unsigned k = i + 1; k < 6 && kinds[k]; k++) {
        if (kinds[k] == 'A')
            return !(v[k] & AT_SYMLINK_NOFOLLOW);
    }
    return true;
}

/* ---- arguments, by their kinds ---- */

#define KIND(letter) (1ull << ((letter) & 63)) /* letters are unique in their low 6 bits */
#define KINDS_FD     (KIND('f') | KIND('F'))
#define KINDS_PATH   (KIND('n') | KIND('p'))
#define KINDS_LIST   (KIND('v') | KIND('V') | KIND('h') | KIND('j'))
#define KINDS_MEMORY                                                                                         \
    (KINDS_PATH | KINDS_LIST | KIND('s') | KIND('b') | KIND('B') | KIND('m') | KIND('w') | KIND('q') |       \
     KIND('t') |                                                                                             \
     KIND('a') | KIND('k') | KIND('y'))

/* Elements that would make the kernel use the emulator's memory. What cannot be read, the kernel finds
 * itself. */
static bool iov_outside(Gva end, Gva iov, uint64_t n)
{
    for (uint64_t i = 0; n <= 1024 && i < n; i++) { /* UIO_MAXIOV; the kernel says what more than that is */
        FaultVal base = fault_ld64(iov + 16 * i);
        if (base.fault)
            return false;
        if (UNLIKELY(base.val >= end) && fault_ld64(iov + 16 * i + 8).val)
            return true;
    }
    return false;
}

static bool msg_outside(Gva end, Gva at)
{
    struct msghdr m;
    if (!guest_read(&m, at, sizeof(m)))
        return false;
    return (m.msg_namelen && (Gva)(uintptr_t)m.msg_name >= end) || (Gva)(uintptr_t)m.msg_iov >= end ||
           (m.msg_controllen && (Gva)(uintptr_t)m.msg_control >= end) ||
           iov_outside(end, (Gva)(uintptr_t)m.msg_iov, m.msg_iovlen);
}

static bool list_outside(Gva end, char kind, Gva at, uint64_t n)
{
    if (kind == 'h')
        return msg_outside(end, at);
    if (kind != 'j')
        return iov_outside(end, at, (uint32_t)n);
    n = MIN((uint32_t)n, 1024u);
    for (uint64_t i = 0; i < n; i++)
        if (msg_outside(end, at + i * sizeof(struct mmsghdr)))
            return true;
    return false;
}

/* Hidden descriptors do not exist, open flags become the host's. Pointers cost one compare each
 * (su_pointer()); ranges that begin below the end do not reach the emulator, there is a gap of gigabytes
 * (mm.h). */
static inline long check_arg(const LuProc *p, const char *kinds, uint64_t v[6], unsigned i, bool lists)
{
    uint64_t kind = KIND(kinds[i]);
    if (kind & KINDS_MEMORY) {
        v[i] = su_pointer(p, v[i]);
        if (lists && UNLIKELY(kind & KINDS_LIST) && list_outside(p->task_size, kinds[i], v[i], v[i + 1]))
            return -EFAULT;
    } else if ((kind & KINDS_FD) && UNLIKELY(su_fd_hidden(p, v[i]))) {
        return -EBADF;
    } else if (kind == KIND('r')) {
        v[i] = su_not_in_mem(p, v[0], v[i]);
    } else if (kind == KIND('O')) {
        v[i] = lu_open_flags(p->abi, (uint32_t)v[i]);
    }
    return 0;
}

long lu_arg_check(const LuProc *p, const char *kinds, uint64_t v[6], unsigned i)
{
    return check_arg(p, kinds, v, i, true);
}

static inline long check_args(const LuProc *p, const char *kinds, uint64_t v[6], bool lists)
{
    long err = 0;
    for (unsigned i = 0; i < 6 && kinds[i] && !err; i++)
        err = check_arg(p, kinds, v, i, lists);
    return err;
}

/* ---- code that is written by the kernel ---- */

/* Of a structure whose length is not the next argument. */
enum { LONGEST_STRUCT = 4096 };

static unsigned open_iov(const LuProc *p, Gva iov, uint64_t n)
{
    unsigned opened = 0;
    for (uint64_t i = 0; i < MIN(n, 1024u); i++)
        opened +=
            lu_mm_code_open(p->mm, p->accel, fault_ld64(iov + 16 * i).val, fault_ld64(iov + 16 * i + 8).val);
    return opened;
}

static unsigned open_msg(const LuProc *p, Gva at)
{
    struct msghdr m;
    unsigned opened = lu_mm_code_open(p->mm, p->accel, at, sizeof(m));
    if (!guest_read(&m, at, sizeof(m)))
        return opened;
    opened += lu_mm_code_open(p->mm, p->accel, (Gva)(uintptr_t)m.msg_name, m.msg_namelen);
    opened += lu_mm_code_open(p->mm, p->accel, (Gva)(uintptr_t)m.msg_control, m.msg_controllen);
    return opened + open_iov(p, (Gva)(uintptr_t)m.msg_iov, m.msg_iovlen);
}

/* Memory that argument i makes the kernel write is written to as by the guest's own stores (mm_code.c). */
static unsigned open_arg(const LuProc *p, const char *kinds, const uint64_t v[6], unsigned i)
{
    unsigned opened = 0;
    switch (kinds[i]) {
    case 'B': return lu_mm_code_open(p->mm, p->accel, v[i], v[i + 1]);
    case 'w':
    case 'q':
    case 'y': {
        uint64_t len = i < 5 && kinds[i + 1] == 'u' ? (uint32_t)v[i + 1] : 0;
        return lu_mm_code_open(p->mm, p->accel, v[i], MAX(len, (uint64_t)LONGEST_STRUCT));
    }
    case 'V': return open_iov(p, v[i], (uint32_t)v[i + 1]);
    case 'h': return open_msg(p, v[i]);
    case 'j':
        for (uint64_t n = 0; n < MIN((uint32_t)v[i + 1], 1024u); n++)
            opened +=
                open_msg(p, v[i] + n * sizeof(struct mmsghdr)) +
                lu_mm_code_open(p->mm, p->accel, v[i] + n * sizeof(struct mmsghdr), sizeof(struct mmsghdr));
        return opened;
    default: return 0;
    }
}

unsigned lu_args_open(const LuProc *p, const char *kinds, const uint64_t v[6])
{
    unsigned opened = 0;
    for (unsigned i = 0; i < 6 && kinds[i]; i++)
        opened += open_arg(p, kinds, v, i);
    return opened;
}

long lu_args_paths(LuThread *t, const char *kinds, uint64_t v[6])
{
    for (unsigned i = 0; i < 6 && kinds[i]; i++) {
        const char *path;
        if (!(KIND(kinds[i]) & KINDS_PATH))
            continue;
        int dirfd = i && kinds[i - 1] == 'F' ? (int)v[i - 1] : AT_FDCWD;
        long err = su_path(t, dirfd, v[i], path_follows(kinds, v, i), &path);
        if (err)
            return err;
        v[i] = (uintptr_t)path;
    }
    return 0;
}

static long call_host(LuThread *t, const LuSyscallRow *row, uint64_t v[6])
{
    long err = lu_args_paths(t, row->kinds, v);
    if (err)
        return err;
    if (row->how == LU_WAIT)
        return lu_blocking(t, row->host_nr, (long)v[0], (long)v[1], (long)v[2], (long)v[3], (long)v[4],
                           (long)v[5]);
    return sys_call6(row->host_nr, (long)v[0], (long)v[1], (long)v[2], (long)v[3], (long)v[4], (long)v[5]);
}

long lu_row_check(const LuProc *p, LuRowId id, uint64_t v[6]) 
{
    return check_args(p, lu_syscall_rows[id].kinds, v, false);
}

static inline __attribute__((always_inline)) long do_row_once(LuThread *t, LuRowId id, uint64_t v[6])
{
    const LuSyscallRow *row = &lu_syscall_rows[id];
    if (row->how <= LU_WAIT)
        return call_host(t, row, v);
    switch (id) {
#define PASS(name, kinds, ret, note)
#define WAIT PASS
#define NONE PASS
#define OWN(name, kinds, ret, note) case LU_ROW_##name: return lu_sys_##name(t, v);
#include "linux-user/syscalls.def"
#undef PASS
#undef WAIT
#undef OWN
#undef NONE
    default: return -ENOSYS;
    }
}

/* With write-protected code about. If another thread has run code in the buffer meanwhile, it is written to
 * again. */
static __attribute__((noinline)) long do_row_guarded(LuThread *t, LuRowId id, uint64_t v[6])
{
    const char *kinds = lu_syscall_rows[id].kinds;
    uint64_t w[6];
    lu_args_open(t->proc, kinds, v);
    memcpy(w, v, sizeof(w));
    long r = do_row_once(t, id, w);
    return r == -EFAULT && lu_args_open(t->proc, kinds, v) ? do_row_once(t, id, v) : r;
}

static inline __attribute__((always_inline)) long do_row(LuThread *t, LuRowId id, uint64_t v[6])
{
    return UNLIKELY(lu_mm_guards(t->proc->mm)) ? do_row_guarded(t, id, v) : do_row_once(t, id, v);
}

long lu_row_do(LuThread *t, LuRowId id, uint64_t v[6]) { return do_row(t, id, v); }

long lu_syscall_row(LuThread *t, LuRowId id, const uint64_t a[6])
{
    const LuSyscallRow *row = &lu_syscall_rows[id];
    if (row->how == LU_NONE)
        return -row->err;
    uint64_t v[6];
    memcpy(v, a, sizeof(v));
    long err = check_args(t->proc, row->kinds, v, true);
    return err ? err : do_row(t, id, v);
}

void lu_log_unimp(LuThread *t, uint64_t nr, const LuSyscallRow *row)
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
        lu_log_unimp(t, nr, row);
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
    const LuAbi *abi = t->abi;
    uint64_t nr = abi->syscall_nr(t->cpu);
    unsigned index = nr < abi->n_syscalls ? abi->syscall_row[nr] : 0;
    abi->syscall_args(t->cpu, t->syscall_arg);
    t->syscall_nr = nr;
    t->restart = 0;
    arena_rewind(&t->scratch, 0);
    long r;
    if (UNLIKELY(!index || t->proc->log))
        r = abi->syscall32 ? abi->syscall32(t, nr) : traced_call(t, nr, index);
    else
        r = lu_syscall_row(t, index - 1, t->syscall_arg);
    if (UNLIKELY(r == LU_RET_NONE))
        return;
    if (UNLIKELY(r <= LU_RET_RESTART && r >= LU_RET_RESTART_NOHAND)) {
        if (UNLIKELY(t->traced.regs_set == LU_REGS_INSTEAD)) {
            t->traced.regs_set = 0; /* a tracer's, in the place of all that */
            return;
        }
        t->restart = r;
    } else
        abi->set_result(t->cpu, (uint64_t)r);
    abi->skip_syscall(t->cpu);
}

/* The call of the lowest number from *nr on: its note; NULL: there is none. */
static const char *next_row(const LuAbi *abi, unsigned *nr, LuSyscallRow *ret)
{
    while (*nr < abi->n_syscalls && !abi->syscall_row[*nr])
        ++*nr;
    if (*nr >= abi->n_syscalls)
        return NULL;
    *ret = lu_syscall_rows[abi->syscall_row[*nr] - 1];
    return lu_row_note(ret);
}

/* One row of the list. */
static void print_row(int fd, unsigned nr, const LuSyscallRow *row, const char *note)
{
    char line[480];
    Fmt f = FMT_ON(line);
    const char *state = row->state == LU_FULL     ? "exact"
                        : row->state == LU_SUBSET ? "subset"
                                                  : lu_errno_name(row->err);
    fmt_printf(&f, *note ? "%3u %-23s %-10s %s\n" : "%3u %-23s %s\n", nr, row->name, state, note);
    sys_write(fd, f.buf, f.len);
}

void lu_syscalls_print(const LuAbi *abi, int fd)
{
    unsigned count[3] = {0}, numbers = 0, nr = 0;
    char line[320];
    LuSyscallRow row;
    for (const char *note;
         (note = abi->syscall32 ? abi->list_calls32(abi, &nr, &row) : next_row(abi, &nr, &row)); nr++) {
        print_row(fd, nr, &row, note);
        count[row.state]++;
        numbers++;
    }
    Fmt f = FMT_ON(line);
    fmt_printf(&f, "%s: %u system calls: %u exact, %u subset, %u answered with an error\n",
               abi->uname_machine, numbers, count[LU_FULL], count[LU_SUBSET], count[LU_ERRNO]);
    sys_write(fd, f.buf, f.len);
}
