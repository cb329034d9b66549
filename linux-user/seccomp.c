#include "linux-user/seccomp.h"

#include "linux-user/abi.h"
#include "linux-user/bpf.h"
#include "linux-user/crash.h"
#include "linux-user/fs.h"
#include "linux-user/guest.h"
#include "linux-user/signal_priv.h"
#include "linux-user/sys_handlers.h"
#include "linux-user/thread.h"

#include "base/fmt.h"

#include <fcntl.h>

#include <linux/audit.h>
#include <linux/ioctl.h>
#include <linux/memfd.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sys/uio.h>

enum {
    MOST_IN_PATH = 32768, /* instructions of all filters of a thread, each filter counting for 4 more */
    PER_FILTER = 4,
    MAX_ERRNO = 4095,
    SYS_SECCOMP_CODE = 1, /* SYS_SECCOMP of siginfo */
    KNOWN_FLAGS = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW |
                  SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC_ESRCH | 1 << 5,
    /* A call to be notified of is this host call, which does not exist: with the guest's number and ABI in
     * it. A listener's answer that the call shall go on comes as an error that no kernel has, since the host
     * would go on with the call that does not exist, which cannot be told from a listener that is gone. */
    NOTIFY_BASE = 0x10000000,
    NOTIFY_ABI_SHIFT = 24,
    NOTIFY_NR = 0xffffff,
    NOTIFY_GO_ON = 4001,
};

/* ---- verdicts ---- */

static uint32_t audit_arch(const LuAbi *abi)
{
    return abi->target->elf_machine | __AUDIT_ARCH_LE | (abi->word == 8 ? __AUDIT_ARCH_64BIT : 0);
}

/* What all filters say: the strictest, of equals the newest. */
static uint32_t ask_filters(const LuFilter *f, const struct seccomp_data *d, bool *ret_notifies)
{
    uint32_t verdict = SECCOMP_RET_ALLOW;
    for (; f; f = f->older) {
        uint32_t v = lu_bpf_run(f->insn, (const uint8_t *)d);
        if ((int32_t)(v & SECCOMP_RET_ACTION_FULL) >= (int32_t)(verdict & SECCOMP_RET_ACTION_FULL))
            continue;
        verdict = v;
        *ret_notifies = f->notifies;
    }
    return verdict;
}

static bool strict_allows(const LuAbi *abi, uint64_t nr)
{
    unsigned row = nr < abi->n_syscalls ? abi->syscall_row[nr] : 0;
    if (abi->word == 4) /* read, write, exit, sigreturn, rt_sigreturn */
        return nr == 3 || nr == 4 || nr == 1 || nr == 119 || nr == 173;
    return row == LU_ROW_read + 1 || row == LU_ROW_write + 1 || row == LU_ROW_exit + 1 ||
           row == LU_ROW_rt_sigreturn + 1;
}

static bool is_alone(LuThread *t)
{
    unsigned n = 0;
    lock_take(&t->proc->lock);
    for (const LuThread *o = t->proc->threads; o; o = o->next)
        n += o->pid == t->pid;
    lock_release(&t->proc->lock);
    return n <= 1;
}

static LuSigInfo trap_info(const LuThread *t, const struct seccomp_data *d, uint32_t data)
{
    LuSigInfo info = {.si = {.si_signo = SIGSYS, .si_errno = (int)data, .si_code = SYS_SECCOMP_CODE}};
    info.si.si_call_addr = guest_ptr(d->instruction_pointer);
    info.si.si_syscall = d->nr;
    info.si.si_arch = d->arch;
    return info;
}

/* The last thread takes the process along, with a core file. */
static LuVerdict kill_it(LuThread *t, const LuSigInfo *info, bool process)
{
    if (!process && !is_alone(t)) {
        lu_thread_exit(t, SIGSYS);
        return LU_VERDICT_AGAIN;
    }
    if (!lu_signals_hold(t))
        return LU_VERDICT_AGAIN;
    t->abi->skip_syscall(t->cpu);
    lu_die_of_fault(t, info);
}

static LuVerdict kill_strictly(LuThread *t)
{
    if (!is_alone(t)) {
        lu_thread_exit(t, SIGKILL);
        return LU_VERDICT_AGAIN;
    }
    sys_call2(SYS_kill, t->pid, SIGKILL);
    sys_exit_group(128 + SIGKILL); /* the init process of a namespace */
}

static LuVerdict trap(LuThread *t, const LuSigInfo *info)
{
    if (!lu_signals_hold(t))
        return LU_VERDICT_AGAIN;
    t->abi->skip_syscall(t->cpu);
    lu_raise_held(t, info);
    return LU_VERDICT_DONE;
}

static LuVerdict answer(LuThread *t, long result)
{
    t->abi->set_result(t->cpu, (uint64_t)result);
    t->abi->skip_syscall(t->cpu);
    return LU_VERDICT_DONE;
}

static unsigned abi_index(const LuAbi *abi)
{
    unsigned i = 0;
    while (lu_abi_at(i) && lu_abi_at(i) != abi)
        i++;
    return i;
}

static LuVerdict notify(LuThread *t, const struct seccomp_data *d)
{
    t->sig->notified_pc = d->instruction_pointer;
    long nr = NOTIFY_BASE | (long)abi_index(t->abi) << NOTIFY_ABI_SHIFT | (d->nr & NOTIFY_NR);
    long r = lu_blocking(t, nr, (long)d->args[0], (long)d->args[1], (long)d->args[2], (long)d->args[3],
                         (long)d->args[4], (long)d->args[5]);
    if (r == LU_RET_RESTART_ALWAYS)
        return LU_VERDICT_AGAIN;
    return r == -NOTIFY_GO_ON ? LU_VERDICT_CALL : answer(t, r);
}

/* A tracer may change the call, and the filters look at it again. */
static LuVerdict ask_tracer(LuThread *t, uint32_t data)
{
    if (!t->traced.on || t->filters_asked || !lu_traced_seccomp(t, data))
        return t->filters_asked ? LU_VERDICT_CALL : answer(t, -ENOSYS); /* there is none, or it has spoken */
    uint64_t nr = t->abi->syscall_nr(t->cpu);
    if ((int32_t)nr < 0)
        return lu_traced_skips(t) ? LU_VERDICT_DONE : LU_VERDICT_CALL;
    t->filters_asked = true;
    LuVerdict verdict = lu_seccomp_call(t, nr);
    t->filters_asked = false;
    return verdict;
}

LuVerdict lu_seccomp_call(LuThread *t, uint64_t nr)
{
    const LuAbi *abi = t->abi;
    const LuFilter *filters = __atomic_load_n(&t->filters, __ATOMIC_ACQUIRE);
    if (!filters)
        return strict_allows(abi, nr) ? LU_VERDICT_CALL : kill_strictly(t);
    bool notifies = false;
    uint64_t args[6];
    abi->syscall_args(t->cpu, args);
    struct seccomp_data d = {
        .nr = (int)nr, .arch = audit_arch(abi), .instruction_pointer = abi->syscall_end(t->cpu)};
    memcpy(d.args, args, sizeof(args));
    uint32_t verdict = ask_filters(filters, &d, &notifies), data = verdict & SECCOMP_RET_DATA;
    LuSigInfo info = trap_info(t, &d, data);
    switch (verdict & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_LOG:
    case SECCOMP_RET_ALLOW: return LU_VERDICT_CALL;
    case SECCOMP_RET_ERRNO: return answer(t, -(long)MIN(data, (uint32_t)MAX_ERRNO));
    case SECCOMP_RET_TRACE: return ask_tracer(t, data);
    case SECCOMP_RET_USER_NOTIF: return notifies ? notify(t, &d) : answer(t, -ENOSYS);
    case SECCOMP_RET_TRAP: return trap(t, &info);
    case SECCOMP_RET_KILL_THREAD: return kill_it(t, &info, false);
    default: return kill_it(t, &info, true);
    }
}

/* ---- installing ---- */

/* struct sock_fprog of the guest. */
static bool read_program(const LuAbi *abi, Gva at, uint16_t *ret_n, Gva *ret_insns)
{
    FaultVal n = fault_ld16(at), insns = abi->word == 8 ? fault_ld64(at + 8) : fault_ld32(at + 4);
    *ret_n = (uint16_t)n.val;
    *ret_insns = insns.val;
    return !n.fault && !insns.fault;
}

/* The kernel's filter in the place of this one. Returns what it says. */
static long install_stand_in(bool listens, uint64_t flags)
{
    struct sock_filter insn[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, NOTIFY_BASE, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog prog = {.len = listens ? 4 : 1, .filter = listens ? insn : &insn[3]};
    return sys_call3(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* Whether the thread may install one at all comes before what is in it: 0 or -errno. */
static long may_install(void)
{
    struct sock_fprog prog = {.len = 1, .filter = (struct sock_filter *)~7ul};
    long r = sys_call3(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog);
    return r == -EFAULT ? 0 : r;
}

/* What the kernel would count for n instructions before what the thread has. */
static uint32_t path_with(const LuThread *t, uint32_t n)
{
    return n + (t->filters ? t->filters->path + PER_FILTER : 0);
}

/* Reads and checks the program: 0 or -errno. */
static long make_filter(LuThread *t, Gva at, LuFilter **ret)
{
    uint16_t n;
    Gva insns;
    if (!read_program(t->proc->abi, at, &n, &insns))
        return -EFAULT;
    if (!n || n > BPF_MAXINSNS)
        return -EINVAL;
    long err = may_install();
    if (err)
        return err;
    if (!insns)
        return -EINVAL;
    size_t bytes = n * sizeof(struct sock_filter);
    struct sock_filter *insn = arena_alloc(&t->scratch, bytes, 8);
    uint16_t *room = arena_array(&t->scratch, uint16_t, n);
    if (!insn || !room)
        return -ENOMEM;
    if (!guest_read(insn, insns, bytes))
        return -EFAULT;
    if (!lu_bpf_check(insn, n, room))
        return -EINVAL;
    LuFilter *f = path_with(t, n) <= MOST_IN_PATH ? lu_alloc(t->proc, sizeof(*f) + bytes) : NULL;
    if (!f)
        return -ENOMEM;
    *f = (LuFilter){.n = n};
    memcpy(f->insn, insn, bytes);
    *ret = f;
    return 0;
}

static void adopt(LuThread *t, const LuFilter *f)
{
    __atomic_store_n(&t->filters, f, __ATOMIC_RELEASE);
    __atomic_fetch_or(&t->hooks, LU_HOOK_SECCOMP, __ATOMIC_RELEASE);
}

static long set_filter(LuThread *t, uint64_t flags, Gva at)
{
    LuFilter *f;
    if (flags & ~(uint64_t)KNOWN_FLAGS)
        return -EINVAL;
    if (t->hooks & LU_HOOK_SECCOMP && !t->filters)
        return -EINVAL; /* strict */
    long err = make_filter(t, at, &f);
    if (err)
        return err;
    f->notifies = flags & SECCOMP_FILTER_FLAG_NEW_LISTENER;
    lu_exec_pin_self(t->proc);
    lock_take(&t->proc->lock);
    f->older = t->filters; /* another thread may have given it one meanwhile */
    f->path = path_with(t, f->n);
    long r = install_stand_in(f->notifies, flags);
    bool everywhere = flags & SECCOMP_FILTER_FLAG_TSYNC;
    if (!sys_is_err(r) && (!everywhere || f->notifies || r == 0)) {
        adopt(t, f);
        for (LuThread *o = t->proc->threads; everywhere && o; o = o->next)
            if (o->pid == t->pid)
                adopt(o, f);
    }
    lock_release(&t->proc->lock);
    return r;
}

static long set_strict(LuThread *t)
{
    if (t->filters)
        return -EINVAL;
    t->hooks |= LU_HOOK_SECCOMP;
    return 0;
}

static long action_is_known(uint32_t action)
{
    switch (action) {
    case SECCOMP_RET_KILL_PROCESS:
    case SECCOMP_RET_KILL_THREAD:
    case SECCOMP_RET_TRAP:
    case SECCOMP_RET_ERRNO:
    case SECCOMP_RET_USER_NOTIF:
    case SECCOMP_RET_TRACE:
    case SECCOMP_RET_LOG:
    case SECCOMP_RET_ALLOW: return 0;
    default: return -EOPNOTSUPP;
    }
}

long lu_sys_seccomp(LuThread *t, const uint64_t a[6])
{
    const struct seccomp_notif_sizes sizes = {sizeof(struct seccomp_notif), sizeof(struct seccomp_notif_resp),
                                              sizeof(struct seccomp_data)};
    uint32_t action;
    switch ((uint32_t)a[0]) {
    case SECCOMP_SET_MODE_STRICT: return (uint32_t)a[1] || a[2] ? -EINVAL : set_strict(t);
    case SECCOMP_SET_MODE_FILTER: return set_filter(t, (uint32_t)a[1], a[2]);
    case SECCOMP_GET_ACTION_AVAIL:
        if ((uint32_t)a[1])
            return -EINVAL;
        return guest_read(&action, a[2], sizeof(action)) ? action_is_known(action) : -EFAULT;
    case SECCOMP_GET_NOTIF_SIZES:
        if ((uint32_t)a[1])
            return -EINVAL;
        return guest_write(a[2], &sizes, sizeof(sizes)) ? 0 : -EFAULT;
    default: return -EINVAL;
    }
}

long lu_seccomp_prctl(LuThread *t, const uint64_t a[6])
{
    if ((int)a[0] == PR_GET_SECCOMP)
        return t->filters ? SECCOMP_MODE_FILTER : 0;
    if (a[1] == SECCOMP_MODE_STRICT)
        return set_strict(t);
    return a[1] == SECCOMP_MODE_FILTER ? set_filter(t, 0, a[2]) : -EINVAL;
}

/* ---- notifications ---- */

static bool read_there(int tid, uint64_t at, void *to, size_t n)
{
    struct iovec here = {to, n}, there = {(void *)(uintptr_t)at, n};
    return sys_call6(SYS_process_vm_readv, tid, (long)&here, 1, (long)&there, 1, 0) == (long)n;
}

/* The stack pointer of a thread in a system call, proc(5) of /proc/PID/syscall: the word before the last. 0:
 * it cannot be known. */
static uint64_t stack_of(int tid)
{
    char text[256];
    Fmt f = FMT_ON(text);
    fmt_printf(&f, "/proc/%d/syscall", tid);
    long fd = sys_call4(SYS_openat, AT_FDCWD, text, O_RDONLY | O_CLOEXEC, 0);
    if (sys_is_err(fd))
        return 0;
    long n = sys_read((int)fd, text, sizeof(text) - 1);
    sys_close((int)fd);
    uint64_t word = 0, before = 0;
    for (long i = 0; i < n; i++) {
        int c = text[i], digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (c == ' ') {
            before = word;
            word = 0;
        } else if (digit >= 0) {
            word = word << 4 | (unsigned)digit;
        } else {
            word = 0; /* 0x */
        }
    }
    return before;
}

/* Where that thread asked, if the listener may look into it: by the last argument of lu_window_call(), which
 * is &n_pending. */
static uint64_t asked_at(int tid)
{
    enum { PENDING_AT = 16 };
    uint64_t stack = stack_of(tid), pending, pc;
    bool known =
        stack && read_there(tid, stack + PENDING_AT, &pending, sizeof pending) &&
        read_there(tid, pending - offsetof(LuSigState, n_pending) + offsetof(LuSigState, notified_pc), &pc,
                   sizeof pc);
    return known ? pc : 0;
}

static long receive(LuThread *t, int fd, uint64_t request, Gva at)
{
    struct seccomp_notif n;
    long r = lu_blocking(t, SYS_ioctl, fd, (long)request, (long)at, 0, 0, 0);
    enum { VARIES = 0xf << NOTIFY_ABI_SHIFT | NOTIFY_NR };
    if (r || !guest_read(&n, at, sizeof(n)) || (n.data.nr & ~VARIES) != NOTIFY_BASE)
        return r;
    const LuAbi *abi = lu_abi_at((unsigned)n.data.nr >> NOTIFY_ABI_SHIFT & 0xf);
    if (!abi)
        return r;
    n.data.nr &= NOTIFY_NR;
    n.data.arch = audit_arch(abi);
    n.data.instruction_pointer = asked_at((int)n.pid);
    return guest_write(at, &n, sizeof(n)) ? 0 : -EFAULT;
}

static long respond(int fd, uint64_t request, Gva at)
{
    struct seccomp_notif_resp resp;
    if (!guest_read(&resp, at, sizeof(resp)))
        return -EFAULT;
    if (resp.flags == SECCOMP_USER_NOTIF_FLAG_CONTINUE && !resp.error && !resp.val) {
        resp.error = -NOTIFY_GO_ON;
        resp.flags = 0;
    }
    return sys_call3(SYS_ioctl, fd, request, &resp);
}

bool lu_seccomp_ioctl(LuThread *t, int fd, uint64_t request, Gva at, long *ret)
{
    if (request == SECCOMP_IOCTL_NOTIF_RECV)
        *ret = receive(t, fd, request, at);
    else if (request == SECCOMP_IOCTL_NOTIF_SEND)
        *ret = respond(fd, request, at);
    else
        return false;
    return true;
}

/* ---- execve ---- */

typedef struct Head {
    uint32_t n, path, notifies;
} Head;

static bool put(int fd, const void *from, size_t n)
{
    return sys_write(fd, from, n) == (long)n;
}

long lu_seccomp_hand_over(LuThread *t)
{
    if (!t->filters)
        return -1;
    long fd = sys_call2(SYS_memfd_create, "seccomp", MFD_CLOEXEC);
    bool ok = !sys_is_err(fd);
    for (const LuFilter *f = t->filters; ok && f; f = f->older) {
        Head h = {.n = f->n, .path = f->path, .notifies = f->notifies};
        ok = put((int)fd, &h, sizeof(h)) && put((int)fd, f->insn, f->n * sizeof(f->insn[0]));
    }
    if (ok && sys_call3(SYS_lseek, fd, 0, 0) == 0)
        return fd;
    if (!sys_is_err(fd))
        sys_close((int)fd);
    return -ENOMEM;
}

bool lu_seccomp_take_over(LuThread *t, int fd)
{
    const LuFilter **at = &t->filters;
    Head h;
    long got;
    while ((got = sys_read(fd, &h, sizeof(h))) == sizeof(h)) {
        size_t bytes = h.n * sizeof(struct sock_filter);
        LuFilter *f = h.n && h.n <= BPF_MAXINSNS ? lu_alloc(t->proc, sizeof(*f) + bytes) : NULL;
        uint16_t room[BPF_MAXINSNS];
        if (!f)
            return false;
        *f = (LuFilter){.n = h.n, .path = h.path, .notifies = h.notifies};
        if (sys_read(fd, f->insn, bytes) != (long)bytes || !lu_bpf_check(f->insn, h.n, room))
            return false;
        *at = f;
        at = &f->older;
    }
    sys_close(fd);
    t->hooks |= LU_HOOK_SECCOMP;
    return got == 0 && t->filters;
}
