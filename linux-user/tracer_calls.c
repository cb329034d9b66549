/* ptrace(2). */
#include "linux-user/abi.h"
#include "linux-user/abi32/lu32.h"
#include "linux-user/signal_priv.h"
#include "linux-user/tracer.h"

#include <elf.h>
#include <linux/audit.h>
#include <linux/ptrace.h>
#include <sys/wait.h>

/* Requests of some ISAs only: asm/ptrace.h of x86 and arm. */
enum {
    REQ_GETREGS = 12,
    REQ_SETREGS = 13,
    REQ_GETFPREGS = 14,
    REQ_SETFPREGS = 15,
    REQ_GETFPXREGS = 18,
    REQ_SETFPXREGS = 19,
    REQ_ARM_GET_THREAD_AREA = 22,
    REQ_ARM_SET_SYSCALL = 23,
    REQ_I386_GET_THREAD_AREA = 25,
    REQ_I386_SET_THREAD_AREA = 26,
    REQ_ARM_GETVFPREGS = 27,
    REQ_ARM_SETVFPREGS = 28,
    REQ_ARM_GETHBPREGS = 29,
    REQ_ARM_SETHBPREGS = 30, /* of x86: PTRACE_ARCH_PRCTL */
};

enum { OPTIONS = 0xff | PTRACE_O_EXITKILL };

static bool write_field(const LuTracee *c, size_t member, const void *from, size_t n)
{
    return lu_tracee_write(c, c->thread + offsetof(LuThread, traced) + member, from, n);
}

#define WRITE_FIELD(c, x, field) write_field(c, offsetof(LuTraced, field), &(x)->field, sizeof((x)->field))

/* ---- to begin, to go on, to end ---- */

static bool shares_memory(LuThread *t, int tid)
{
    bool found = false;
    lock_take(&t->proc->lock);
    for (const LuThread *o = t->proc->threads; o; o = o->next)
        found |= o->tid == tid;
    lock_release(&t->proc->lock);
    return found;
}

/* A thread that stands in this process's own emulator may hold what the tracer needs: it is waited for at
 * once. */
static void wait_here(LuThread *t, int tid)
{
    int status;
    while (sys_call4(SYS_wait4, tid, &status, __WALL, 0) == tid) {
        if (!lu_tracer_event(t, tid, &status))
            continue;
        LuTracee *c = lu_tracer_find(t, tid);
        if (c)
            c->untold = true;
        return;
    }
}

/* A seized thread runs on, and knows that it is traced when it forks next. */
static void tell_at_once(LuThread *t, LuTracee *c)
{
    enum { INTERRUPTED = SIGTRAP | PTRACE_EVENT_STOP << 8 };
    int status, tid = c->tid;
    lu_tracer_host(PTRACE_INTERRUPT, tid, 0, 0);
    if (sys_call4(SYS_wait4, tid, &status, __WALL, 0) != tid || !WIFSTOPPED(status))
        return;
    c->silent = status >> 8 == INTERRUPTED;
    if (lu_tracer_event(t, tid, &status) && (c = lu_tracer_find(t, tid)))
        c->untold = true;
}

static long attach(LuThread *t, uint64_t request, int tid, uint64_t addr, uint64_t options)
{
    bool seize = request == PTRACE_SEIZE;
    if (seize && (addr || options & ~(uint64_t)OPTIONS))
        return -EIO;
    if (tid <= 0 || sys_call2(SYS_kill, tid, 0) == -ESRCH)
        return -ESRCH;
    if (!lu_tracer_is_guest(tid))
        return -EPERM;
    LuTracee *c = lu_tracer_find(t, tid);
    const bool had = c; /* it is traced already, or its number was another's, of whose end nobody told */
    if (!c && !(c = lu_tracer_add(t, tid)))
        return -ENOMEM;
    const LuTracee was = *c;
    *c = (LuTracee){.tid = tid, .fresh = true, .seized = seize, .options = (uint32_t)(seize ? options : 0)};
    long r = lu_tracer_host((long)request, tid, 0, seize ? lu_tracer_options_of_host(c->options) : 0);
    if (r && had)
        *c = was;
    else if (r)
        lu_tracer_forget(t, tid);
    else if (seize)
        tell_at_once(t, c);
    else if (shares_memory(t, tid))
        wait_here(t, tid);
    return r;
}

static bool is_signal_stop(const LuTracee *c)
{
    return c->stand == LU_STANDS_BY_HOST && c->signalled;
}

/* The signal with which a thread goes on that the host has stopped: the host has it to deliver. */
static uint64_t host_signal(const LuTracee *c, LuTraced *x, int sig)
{
    if (!sig || !is_signal_stop(c))
        return 0;
    if (lu_tracee_has_handler(c, sig) || lu_fault_index(sig) >= 0)
        x->passed = sig;
    return (uint64_t)sig;
}

/* To the next system call, from a blocking one that the tracer was not told of: does it wait to be told of
 * that? What the host's kernel will do again the thread does, which tells of it; but what goes on where it
 * was is the host's, and told of here. */
static bool tell_of_restart(const LuThread *t, LuTracee *c, LuTraced *x)
{
    enum { RESTART_BLOCK = -516, RESTART_FIRST = -514 };
    if (!c->in_window || c->stand != LU_STANDS_BY_HOST || x->told || c->at_restart)
        return false;
    if (c->host_result == RESTART_BLOCK) {
        c->at_restart = c->untold = true;
        c->status = SIGTRAP | (x->options & PTRACE_O_TRACESYSGOOD ? 0x80 : 0);
        siginfo_t si = {.si_signo = SIGCHLD, .si_code = CLD_TRAPPED};
        si.si_pid = c->tid;
        si.si_status = c->status;
        sys_call3(SYS_rt_sigqueueinfo, t->pid, SIGCHLD, &si);
        return true;
    }
    if (!c->host_began || (c->host_result < -511 && c->host_result >= RESTART_FIRST))
        lu_tracee_leave_window(c, x);
    else
        x->mute = 1;
    return false;
}

static long go_on(LuThread *t, LuTracee *c, LuTraced *x, uint64_t request, uint64_t sig)
{
    if (sig > LU_NSIG)
        return -EIO;
    bool leave = request == PTRACE_DETACH;
    if (request == PTRACE_SYSCALL && !sig && tell_of_restart(t, c, x))
        return 0;
    x->told |= c->at_restart;
    c->at_restart = false;
    uint64_t host = host_signal(c, x, (int)sig);
    x->calls = request == PTRACE_SYSCALL;
    x->step = request == PTRACE_SINGLESTEP;
    x->answered = 1;
    x->answer = (int)sig;
    x->recheck |= t->proc->pokes;
    x->on = leave ? LU_LEFT : LU_TRACED;
    if (leave)
        x->due = x->initial = x->exec = 0;
    if (!c->leaving && !lu_tracee_write(c, c->thread + offsetof(LuThread, traced), x, sizeof(*x)))
        return -ESRCH;
    c->stand = LU_RUNS;
    c->untold = false;
    long r = lu_tracer_host(leave ? PTRACE_DETACH : PTRACE_CONT, c->tid, 0, host);
    if (leave)
        lu_tracer_forget(t, c->tid);
    return r;
}

static long single_step(LuThread *t, LuTracee *c, LuTraced *x, uint64_t sig)
{
    uint16_t machine = lu_tracee_abi(x)->target->elf_machine;
    if (machine == EM_RISCV || machine == EM_ARM)
        return -EIO; /* their kernels have none: debuggers set breakpoints */
    return go_on(t, c, x, PTRACE_SINGLESTEP, sig);
}

static long set_options(LuTracee *c, LuTraced *x, uint64_t options)
{
    if (options & ~(uint64_t)OPTIONS)
        return -EINVAL;
    x->options = (uint32_t)options;
    lu_tracer_host_options(c, x);
    return WRITE_FIELD(c, x, options) ? 0 : -ESRCH;
}

/* ---- memory ---- */

static long peek(LuThread *t, const LuTracee *c, uint64_t addr, uint64_t to)
{
    uint64_t word = 0;
    unsigned n = t->proc->abi->word;
    return addr >= t->proc->task_size || !lu_tracee_read(c, addr, &word, n) ? -EIO
           : guest_write(to, &word, n)                                      ? 0
                                                                            : -EFAULT;
}

/* Whatever the page's protection; the thread looks at its code anew. */
static long poke(LuThread *t, LuTracee *c, LuTraced *x, uint64_t addr, uint64_t word)
{
    if (addr >= t->proc->task_size)
        return -EIO;
    if (t->proc->abi->word == 4) {
        uint32_t next = 0;
        lu_tracee_read(c, addr + 4, &next, 4);
        word = (uint32_t)word | (uint64_t)next << 32;
    }
    x->recheck = 1;
    WRITE_FIELD(c, x, recheck);
    return lu_tracer_host(PTRACE_POKEDATA, c->tid, addr, word) ? -EIO : 0;
}

/* ---- registers ---- */

static uint32_t note_of(const LuAbi *abi, uint64_t request)
{
    uint16_t machine = abi->target->elf_machine;
    bool x86 = machine == EM_X86_64 || machine == EM_386, arm = machine == EM_ARM;
    switch (request) {
    case REQ_GETREGS:
    case REQ_SETREGS: return x86 || arm ? NT_PRSTATUS : 0;
    case REQ_GETFPREGS:
    case REQ_SETFPREGS: return machine == EM_X86_64 ? NT_PRFPREG : 0;
    case REQ_GETFPXREGS:
    case REQ_SETFPXREGS: return machine == EM_386 ? NT_PRXFPREG : 0;
    case REQ_ARM_GETVFPREGS:
    case REQ_ARM_SETVFPREGS: return arm ? NT_ARM_VFP : 0;
    default: return 0;
    }
}

enum { SET_BYTES = 4096 };

static long get_set(LuThread *t, const LuTracee *c, const LuTraced *x, uint32_t note, uint64_t to)
{
    uint8_t buf[SET_BYTES];
    long n = lu_tracee_get_regs(t, c, x, note, buf, sizeof(buf));
    return n < 0 ? -EIO : guest_write(to, buf, (size_t)n) ? 0 : -EFAULT;
}

static long set_set(LuThread *t, const LuTracee *c, LuTraced *x, uint32_t note, uint64_t from)
{
    uint8_t buf[SET_BYTES];
    long n = lu_tracee_get_regs(t, c, x, note, buf, sizeof(buf));
    if (n < 0)
        return -EIO;
    return guest_read(buf, from, (size_t)n) ? lu_tracee_set_regs(t, c, x, note, buf, (size_t)n) : -EFAULT;
}

/* struct iovec of the guest; the length comes back. */
static bool read_iov(const LuAbi *abi, uint64_t at, uint64_t ret[2])
{
    uint32_t narrow[2];
    if (abi->word == 8)
        return guest_read(ret, at, 16);
    if (!guest_read(narrow, at, sizeof(narrow)))
        return false;
    ret[0] = narrow[0];
    ret[1] = narrow[1];
    return true;
}

/* Lengths are in units of the set's registers; debuggers find out by that how wide those are. */
static unsigned unit(const LuAbi *abi, uint32_t note)
{
    bool single =
        abi->target->elf_machine == EM_AARCH64 && (note == NT_PRFPREG || note == NT_ARM_SYSTEM_CALL ||
                                                   note == NT_ARM_HW_BREAK || note == NT_ARM_HW_WATCH);
    return single ? 4 : abi->word;
}

static long get_any_set(LuThread *t, const LuTracee *c, const LuTraced *x, uint32_t note, uint8_t *to,
                        size_t cap)
{
    return lu_tracee_is_debug_set(x, note) ? lu_tracee_get_debug_set(x, note, to, cap)
                                           : lu_tracee_get_regs(t, c, x, note, to, cap);
}

static long regset(LuThread *t, const LuTracee *c, LuTraced *x, uint64_t request, uint32_t note, uint64_t at)
{
    uint8_t buf[SET_BYTES];
    uint64_t iov[2];
    const LuAbi *abi = t->proc->abi;
    if (!read_iov(abi, at, iov))
        return -EFAULT;
    if (iov[1] % unit(lu_tracee_abi(x), note))
        return -EINVAL;
    long have = get_any_set(t, c, x, note, buf, sizeof(buf));
    if (have < 0)
        return have;
    uint64_t n = MIN(iov[1], (uint64_t)have);
    long r = 0;
    if (request == PTRACE_GETREGSET)
        r = guest_write(iov[0], buf, n) ? 0 : -EFAULT;
    else if (!guest_read(buf, iov[0], n))
        r = -EFAULT;
    else if (lu_tracee_is_debug_set(x, note))
        r = lu_tracee_set_debug_set(c, x, note, buf, n);
    else
        r = lu_tracee_set_regs(t, c, x, note, buf, (size_t)have);
    return r ? r : guest_write(at + abi->word, &n, abi->word) ? 0 : -EFAULT;
}

/* struct user: registers, of x86 also those for debugging; the rest is always zero here. */
enum { USER_BYTES = 1024 };

static long peek_user(LuThread *t, const LuTracee *c, LuTraced *x, uint64_t addr, uint64_t to)
{
    uint8_t buf[SET_BYTES] = {0};
    unsigned word = t->proc->abi->word;
    uint64_t value;
    long r;
    if (!note_of(lu_tracee_abi(x), REQ_GETREGS) || addr % word || addr >= USER_BYTES)
        return -EIO;
    long n = lu_tracee_get_regs(t, c, x, NT_PRSTATUS, buf, sizeof(buf));
    if (n < 0)
        return -EIO;
    memset(buf + n, 0, USER_BYTES - (size_t)n);
    if (lu_tracee_debug_user(c, x, false, addr, &value, &r))
        memcpy(buf + addr, &value, word);
    return guest_write(to, buf + addr, word) ? 0 : -EFAULT;
}

static long poke_user(LuThread *t, const LuTracee *c, LuTraced *x, uint64_t addr, uint64_t value)
{
    uint8_t buf[SET_BYTES] = {0};
    unsigned word = t->proc->abi->word;
    long r;
    if (!note_of(lu_tracee_abi(x), REQ_GETREGS) || addr % word || addr >= USER_BYTES)
        return -EIO;
    if (lu_tracee_debug_user(c, x, true, addr, &value, &r))
        return r;
    long n = lu_tracee_get_regs(t, c, x, NT_PRSTATUS, buf, sizeof(buf));
    if (n < 0)
        return -EIO;
    if (addr >= (uint64_t)n)
        return value ? -EINVAL : 0;
    memcpy(buf + addr, &value, word);
    return lu_tracee_set_regs(t, c, x, NT_PRSTATUS, buf, (size_t)n);
}

static long thread_pointer(LuThread *t, const LuTracee *c, const LuTraced *x, uint64_t to)
{
    uint8_t buf[SET_BYTES];
    long n = lu_tracee_get_regs(t, c, x, NT_ARM_TLS, buf, sizeof(buf));
    return n < 0 ? -EIO : guest_write(to, buf, t->proc->abi->word) ? 0 : -EFAULT;
}

/* Of arm. */
static long breakpoint_register(LuThread *t, const LuTracee *c, LuTraced *x, bool set, uint64_t number,
                                uint64_t at)
{
    uint32_t value = 0;
    if (lu_tracee_abi(x)->debug != &lu_debug_arm)
        return -EIO;
    if (set && !guest_read(&value, at, sizeof value))
        return -EFAULT;
    long r = lu_tracee_debug_number(c, x, set, (int32_t)number, &value);
    return r || set || guest_write(at, &value, sizeof value) ? r : -EFAULT;
}

static long arch_prctl(LuThread *t, const LuTracee *c, const LuTraced *x, uint64_t to, uint64_t code)
{
    enum { GET_FS = 0x1003, GET_GS = 0x1004, AT_FS = 21 * 8, AT_GS = 22 * 8 };
    uint8_t buf[SET_BYTES];
    if ((code != GET_FS && code != GET_GS) || lu_tracee_abi(x)->target->elf_machine != EM_X86_64 ||
        lu_tracee_get_regs(t, c, x, NT_PRSTATUS, buf, sizeof(buf)) < 0)
        return -EIO;
    return guest_write(to, buf + (code == GET_FS ? AT_FS : AT_GS), 8) ? 0 : -EFAULT;
}

/* Of i386: one struct user_desc of those in NT_386_TLS, by its number in the GDT. libthread_db wants it. */
static long thread_area(LuThread *t, const LuTracee *c, LuTraced *x, bool set, uint64_t number, uint64_t at)
{
    enum { FIRST = 12, BYTES = 16 };
    uint8_t buf[SET_BYTES];
    long n = lu_tracee_get_regs(t, c, x, NT_386_TLS, buf, sizeof(buf));
    if (n < 0)
        return -EIO;
    if (number - FIRST >= (uint64_t)n / BYTES)
        return -EINVAL;
    uint8_t *desc = buf + BYTES * (number - FIRST);
    uint32_t first = (uint32_t)number;
    if (!set)
        return guest_write(at, desc, BYTES) ? 0 : -EFAULT;
    if (!guest_read(desc, at, BYTES))
        return -EFAULT;
    memcpy(desc, &first, sizeof first);
    return lu_tracee_set_regs(t, c, x, NT_386_TLS, buf, (size_t)n);
}

/* ---- signals ---- */

static bool info_to_guest(const LuAbi *abi, uint64_t to, const siginfo_t *si)
{
    uint8_t narrow[LU32_SIGINFO];
    if (abi->word == 8)
        return guest_write(to, si, sizeof(*si));
    lu32_siginfo_to_guest(narrow, si);
    return guest_write(to, narrow, sizeof(narrow));
}

static bool info_from_guest(const LuAbi *abi, uint64_t from, siginfo_t *si)
{
    uint8_t narrow[LU32_SIGINFO];
    if (abi->word == 8)
        return guest_read(si, from, sizeof(*si));
    if (!guest_read(narrow, from, sizeof(narrow)))
        return false;
    lu32_siginfo_to_host(si, narrow);
    return true;
}

static long get_info(LuThread *t, const LuTracee *c, const LuTraced *x, uint64_t to)
{
    siginfo_t si = x->info;
    long r = c->stand == LU_STANDS_BY_BELL ? 0 : lu_tracer_host(PTRACE_GETSIGINFO, c->tid, 0, (uintptr_t)&si);
    return r ? r : info_to_guest(t->proc->abi, to, &si) ? 0 : -EFAULT;
}

static long set_info(LuThread *t, const LuTracee *c, LuTraced *x, uint64_t from)
{
    siginfo_t si;
    if (!info_from_guest(t->proc->abi, from, &si))
        return -EFAULT;
    if (c->stand != LU_STANDS_BY_BELL)
        return lu_tracer_host(PTRACE_SETSIGINFO, c->tid, 0, (uintptr_t)&si);
    x->info = si;
    return WRITE_FIELD(c, x, info) ? 0 : -ESRCH;
}

/* What is blocked and waits is in the host's queues, as the guest knows it. */
static long peek_infos(LuThread *t, const LuTracee *c, uint64_t from, uint64_t to)
{
    struct ptrace_peeksiginfo_args which; /* alike in all ABIs */
    if (!guest_read(&which, from, sizeof(which)))
        return -EFAULT;
    long done = 0, n = 1;
    const int nr = which.nr;
    which.nr = MIN(nr, 1); /* none and fewer are the host's to judge */
    do {
        siginfo_t si;
        n = lu_tracer_host(PTRACE_PEEKSIGINFO, c->tid, (uintptr_t)&which, (uintptr_t)&si);
        if (n == 1 && !info_to_guest(t->proc->abi, to, &si))
            n = -EFAULT;
        done += n == 1;
        which.off++;
        to += sizeof(siginfo_t);
    } while (n == 1 && done < nr);
    return done ? done : n;
}

/* The host's mask follows when the thread goes on: by the thread itself, or here. */
static long mask(LuThread *t, const LuTracee *c, bool set, uint64_t size, uint64_t at)
{
    uint64_t sig, v;
    if (size != sizeof(v))
        return -EINVAL;
    if (!lu_tracee_read(c, c->thread + offsetof(LuThread, sig), &sig, sizeof(sig)))
        return -ESRCH;
    sig += offsetof(LuSigState, mask);
    if (!set)
        return !lu_tracee_read(c, sig, &v, sizeof(v)) ? -ESRCH : guest_write(at, &v, sizeof(v)) ? 0 : -EFAULT;
    if (!guest_read(&v, at, sizeof(v)))
        return -EFAULT;
    v &= ~(uint64_t)LU_NEVER_BLOCKED;
    if (!lu_tracee_write(c, sig, &v, sizeof(v)))
        return -ESRCH;
    v = lu_sig_host_mask(v);
    if (c->in_window)
        lu_tracer_host(PTRACE_SETSIGMASK, c->tid, sizeof(v), (uintptr_t)&v);
    return 0;
}

static long event_message(LuThread *t, const LuTracee *c, const LuTraced *x, uint64_t to)
{
    uint64_t v = x->message;
    if (c->stand == LU_STANDS_BY_HOST)
        lu_tracer_host(PTRACE_GETEVENTMSG, c->tid, 0, (uintptr_t)&v);
    else if (c->status >> 8 == PTRACE_EVENT_EXEC && c->message)
        v = c->message;
    return guest_write(to, &v, t->proc->abi->word) ? 0 : -EFAULT;
}

/* ---- PTRACE_GET_SYSCALL_INFO ---- */

static long call_info(LuThread *t, const LuTracee *c, const LuTraced *x, uint64_t size, uint64_t to)
{
    struct ptrace_syscall_info info = {.op = PTRACE_SYSCALL_INFO_NONE};
    const LuAbi *abi = lu_tracee_abi(x);
    size_t n = offsetof(struct ptrace_syscall_info, entry);
    LuCallSide side = c->at_restart ? LU_CALL_ENTRY : c->stand == LU_STANDS_BY_BELL ? x->side : LU_CALL_NONE;
    uint64_t place[2] = {0};
    if (!lu_tracee_place(t, c, x, place))
        return -ESRCH;
    info.arch = abi->target->elf_machine | __AUDIT_ARCH_LE | (abi->word == 8 ? __AUDIT_ARCH_64BIT : 0);
    info.instruction_pointer = place[0];
    info.stack_pointer = place[1];
    if (side == LU_CALL_EXIT) {
        info.op = PTRACE_SYSCALL_INFO_EXIT;
        info.exit.rval = x->result;
        info.exit.is_error = x->result < 0 && x->result >= -4095;
        n = offsetof(struct ptrace_syscall_info, exit.is_error) + 1;
    } else if (side != LU_CALL_NONE) {
        info.op = side == LU_CALL_ENTRY ? PTRACE_SYSCALL_INFO_ENTRY : PTRACE_SYSCALL_INFO_SECCOMP;
        info.seccomp.nr = c->at_restart ? lu_tracee_restart_nr(x) : x->nr;
        if (!c->at_restart)
            memcpy(info.seccomp.args, x->args, sizeof(x->args));
        info.seccomp.ret_data = (uint32_t)x->message;
        n = side == LU_CALL_ENTRY ? offsetof(struct ptrace_syscall_info, entry) + sizeof(info.entry)
                                  : offsetof(struct ptrace_syscall_info, seccomp.ret_data) + 4;
    }
    return guest_write(to, &info, MIN(n, (size_t)size)) ? (long)n : -EFAULT;
}

/* ---- the call ---- */

static long of_registers(LuThread *t, LuTracee *c, LuTraced *x, const uint64_t a[6])
{
    const LuAbi *abi = lu_tracee_abi(x);
    uint32_t note = note_of(abi, a[0]);
    switch (a[0]) {
    case REQ_GETREGS:
    case REQ_GETFPREGS:
    case REQ_GETFPXREGS:
    case REQ_ARM_GETVFPREGS: return note ? get_set(t, c, x, note, a[3]) : -EIO;
    case REQ_SETREGS:
    case REQ_SETFPREGS:
    case REQ_SETFPXREGS:
    case REQ_ARM_SETVFPREGS: return note ? set_set(t, c, x, note, a[3]) : -EIO;
    case REQ_ARM_GET_THREAD_AREA:
        return abi->target->elf_machine == EM_ARM ? thread_pointer(t, c, x, a[3]) : -EIO;
    case REQ_ARM_SET_SYSCALL:
        return abi->target->elf_machine == EM_ARM
                   ? lu_tracee_set_regs(t, c, x, NT_ARM_SYSTEM_CALL, (const uint8_t *)&a[3], 4)
                   : -EIO;
    case REQ_I386_GET_THREAD_AREA:
    case REQ_I386_SET_THREAD_AREA:
        return abi->target->elf_machine == EM_386
                   ? thread_area(t, c, x, a[0] == REQ_I386_SET_THREAD_AREA, a[2], a[3])
                   : -EIO;
    case REQ_ARM_GETHBPREGS: return breakpoint_register(t, c, x, false, a[2], a[3]);
    case REQ_ARM_SETHBPREGS:
        return abi->target->elf_machine == EM_ARM ? breakpoint_register(t, c, x, true, a[2], a[3])
                                                  : arch_prctl(t, c, x, a[2], a[3]);
    case PTRACE_GETREGSET:
    case PTRACE_SETREGSET: return regset(t, c, x, a[0], (uint32_t)a[2], a[3]);
    default: return -EIO;
    }
}

/* Of a thread that stands. */
static long of_standing(LuThread *t, LuTracee *c, LuTraced *x, const uint64_t a[6])
{
    switch (a[0]) {
    case PTRACE_PEEKTEXT:
    case PTRACE_PEEKDATA: return peek(t, c, a[2], a[3]);
    case PTRACE_POKETEXT:
    case PTRACE_POKEDATA: return poke(t, c, x, a[2], a[3]);
    case PTRACE_PEEKUSR: return peek_user(t, c, x, a[2], a[3]);
    case PTRACE_POKEUSR: return poke_user(t, c, x, a[2], a[3]);
    case PTRACE_CONT:
    case PTRACE_SYSCALL:
    case PTRACE_DETACH: return go_on(t, c, x, a[0], a[3]);
    case PTRACE_SINGLESTEP: return single_step(t, c, x, a[3]);
    case PTRACE_LISTEN:
        if (c->stand != LU_STANDS_BY_HOST)
            return -EIO;
        return lu_tracer_host(PTRACE_LISTEN, c->tid, 0, 0);
    case PTRACE_SETOPTIONS: return set_options(c, x, a[3]);
    case PTRACE_GETEVENTMSG: return event_message(t, c, x, a[3]);
    case PTRACE_GETSIGINFO: return get_info(t, c, x, a[3]);
    case PTRACE_SETSIGINFO: return set_info(t, c, x, a[3]);
    case PTRACE_PEEKSIGINFO: return peek_infos(t, c, a[2], a[3]);
    case PTRACE_GETSIGMASK: return mask(t, c, false, a[2], a[3]);
    case PTRACE_SETSIGMASK: return mask(t, c, true, a[2], a[3]);
    case PTRACE_GET_SYSCALL_INFO: return call_info(t, c, x, a[2], a[3]);
    default: return of_registers(t, c, x, a);
    }
}

long lu_sys_ptrace(LuThread *t, const uint64_t a[6])
{
    int tid = (int)a[1];
    LuTraced x = {0};
    if (a[0] == PTRACE_TRACEME)
        return lu_traced_me(t);
    if (a[0] == PTRACE_ATTACH || a[0] == PTRACE_SEIZE)
        return attach(t, a[0], tid, a[2], a[3]);
    LuTracee *c = lu_tracer_find(t, tid);
    if (!c)
        return -ESRCH;
    if (a[0] == PTRACE_KILL || a[0] == PTRACE_INTERRUPT)
        return lu_tracer_host((long)a[0], tid, 0, 0);
    bool known = lu_tracee_read_traced(c, &x);
    if (c->stand == LU_RUNS || !(known || c->leaving))
        return -ESRCH;
    if (c->leaving && (a[0] == PTRACE_POKEUSR || a[0] == PTRACE_SETREGSET || a[0] == REQ_SETREGS))
        return -ESRCH;
    return of_standing(t, c, &x, a);
}
