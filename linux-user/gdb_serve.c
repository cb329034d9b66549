/* The thread that serves the debugger. While it runs a packet everything stands, so it reads and writes
 * registers and memory of all threads. */
#include "linux-user/gdb_int.h"

#include "base/fmt.h"
#include "linux-user/fs.h"
#include "linux-user/strace.h"
#include "linux-user/thread.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/in.h>
#include <linux/un.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* A process that is not looked at any more (LuGdb.detached) may still pass on for others. Nothing of its own
 * is stopped, changed or resumed then, whatever packets say: nobody would let it go on. */
enum { CTRL_C = 3, GDB_SIGINT = 2, GDB_UNKNOWN = 143, HIDDEN_FD = 900 };

/* ---- signals: GDB has numbers of its own ---- */

/* By Linux's number, from 0 to 31. */
static const uint8_t to_gdb[32] = {0,   1,  2,  3,  4,  5,  6,  10, 8,  9,  30, 11, 31, 13, 14, 15,
                                   143, 20, 19, 17, 18, 21, 22, 16, 24, 25, 26, 27, 28, 23, 32, 12};

static unsigned signal_to_gdb(int sig)
{
    if (sig < 32)
        return to_gdb[sig];
    return sig == 32   ? 77
           : sig < 64  ? (unsigned)sig + 12
           : sig == 64 ? 78
                       : GDB_UNKNOWN; /* SIGRTMIN, on Linux 32 */
}

static int signal_from_gdb(unsigned n)
{
    for (int sig = 1; sig <= 64; sig++)
        if (signal_to_gdb(sig) == n)
            return sig;
    return 0;
}

/* ---- registers ---- */

static Cpu *cpu_of(LuGdb *g, unsigned thread)
{
    LuThread *t =
        !g->detached && thread && thread <= GDB_MOST_THREADS ? g->slot[thread - 1].thread : NULL;
    return t ? t->cpu : NULL;
}

static bool describe(void *o, unsigned n, GdbReg *ret)
{
    const LuRegs *r = ((LuGdb *)o)->proc->abi->regs;
    if (n >= r->n_regs)
        return false;
    const LuReg *reg = &r->reg[n];
    *ret = (GdbReg){.name = reg->name,
                    .feature = r->feature[reg->feature],
                    .type = reg->type,
                    .types = r->types[reg->feature],
                    .bits = reg->bits};
    return true;
}

static bool read_reg(void *o, unsigned thread, unsigned n, uint8_t *to)
{
    const LuRegs *r = ((LuGdb *)o)->proc->abi->regs;
    const LuReg *reg = &r->reg[n];
    Cpu *cpu = cpu_of(o, thread);
    uint8_t set[LU_REGSET_BYTES];
    if (!cpu)
        return false;
    memset(to, 0, reg->bits / 8);
    if (reg->at != LU_REG_ZERO) {
        r->set[reg->set].get(cpu, set);
        memcpy(to, set + reg->at, MIN(reg->bits / 8u, r->set[reg->set].bytes - reg->at));
    }
    return true;
}

static bool write_reg(void *o, unsigned thread, unsigned n, const uint8_t *from)
{
    const LuRegs *r = ((LuGdb *)o)->proc->abi->regs;
    const LuReg *reg = &r->reg[n];
    Cpu *cpu = cpu_of(o, thread);
    uint8_t set[LU_REGSET_BYTES];
    if (!cpu)
        return false;
    if (reg->at == LU_REG_ZERO)
        return true;
    r->set[reg->set].get(cpu, set);
    memcpy(set + reg->at, from, MIN(reg->bits / 8u, r->set[reg->set].bytes - reg->at));
    r->set[reg->set].set(cpu, set);
    return true;
}

/* ---- memory ---- */

static bool read_memory(void *o, unsigned thread, uint64_t at, void *to, size_t n)
{
    LuGdb *g = o;
    struct iovec here = {to, n}, there = {(void *)at, n};
    return at < g->proc->task_size && n <= g->proc->task_size - at &&
           sys_call6(SYS_process_vm_readv, g->pid, (long)&here, 1, (long)&there, 1, 0) == (long)n;
}

/* As debuggers write: whatever the page's protection. */
static bool poke(void *o, unsigned thread, uint64_t at, const void *from, size_t n)
{
    LuGdb *g = o;
    if (g->detached || at >= g->proc->task_size || n > g->proc->task_size - at)
        return false;
    long fd = sys_call4(SYS_openat, AT_FDCWD, (long)"/proc/self/mem", O_RDWR | O_CLOEXEC, 0);
    if (sys_is_err(fd))
        return false;
    bool ok = sys_call4(SYS_pwrite64, fd, (long)from, (long)n, (long)at) == (long)n;
    sys_close((int)fd);
    accel_invalidate(g->proc->accel, at, n);
    return ok;
}

static bool watch(LuGdb *g, GdbPoint kind, uint64_t at, uint64_t n, bool on)
{
    LuGdbWatch *place = NULL;
    for (LuGdbWatch *w = g->watch; w < &g->watch[LU_GDB_WATCHES]; w++) {
        bool same = w->n == n && w->at == at && w->kind == kind;
        if (same && on)
            return true;
        if (on ? !w->n : same)
            place = w;
    }
    if (!place || !n || n > LU_GDB_WATCHED)
        return !on;
    *place = (LuGdbWatch){.at = at, .n = on ? (uint32_t)n : 0, .kind = (uint8_t)kind};
    g->n_watches += on ? 1u : -1u;
    if (kind != GDB_WRITE_WATCH)
        g->n_noted += on ? 1u : -1u;
    return !on || read_memory(g, 1, at, place->was, n) || (watch(g, kind, at, n, false) && false);
}

static bool point(void *o, GdbPoint kind, uint64_t at, uint64_t n, bool on)
{
    const LuGdb *g = o;
    Accel *a = g->proc->accel;
    if (g->detached || at >= g->proc->task_size) /* nothing will ever be there */
        return !on;
    if (kind > GDB_HW_BREAK)
        return watch(o, kind, at, n, on);
    return accel_debug_is_break(a, at) == on || accel_debug_break(a, at, on);
}

/* ---- running ---- */

static void stop_all(LuGdb *g)
{
    lock_take(&g->lock); /* from now on no slot is freed (gdb_free_slot()) */
    __atomic_store_n(&g->hold, 1, __ATOMIC_SEQ_CST);
    lock_release(&g->lock);
    accel_stand_still(g->proc->accel);
}

static void wake(uint32_t *word)
{
    sys_futex(word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX);
}

static void run_all(LuGdb *g)
{
    __atomic_store_n(&g->hold, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&g->event, 0, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&g->turn, 1, __ATOMIC_SEQ_CST);
    wake(&g->event);
    wake(&g->turn);
}

static void resume(void *o, const uint8_t *how)
{
    LuGdb *g = o;
    if (g->detached)
        return;
    for (unsigned k = 0; k < GDB_MOST_THREADS; k++)
        __atomic_store_n(&g->slot[k].how, how[k], __ATOMIC_SEQ_CST);
    run_all(g);
}

static void interrupt(void *o)
{
    LuGdb *g = o;
    if (!g->detached)
        stop_all(g);
    gdb_stopped(&g->stub, g->stub.g_thread, GDB_SIGINT, -1, 0);
}

/* Nobody looks any more. */
static void detach(LuGdb *g)
{
    stop_all(g);
    accel_debug_forget(g->proc->accel);
    g->n_watches = g->n_noted = 0;
    for (unsigned k = 0; k < GDB_MOST_THREADS; k++)
        g->slot[k].how = GDB_RUN;
    __atomic_store_n(&g->detached, true, __ATOMIC_SEQ_CST);
    run_all(g);
}

static void leave(void *o, bool kill)
{
    LuGdb *g = o;
    if (g->relay)
        sys_exit_group(0);
    if (kill)
        sys_call2(SYS_kill, g->pid, SIGKILL);
    detach(g);
}

/* ---- the process ---- */

static unsigned n_threads(void *o)
{
    return GDB_MOST_THREADS;
}

static unsigned thread_id(void *o, unsigned thread)
{
    LuGdb *g = o;
    return g->slot[thread - 1].thread ? g->slot[thread - 1].tid : 0;
}

static void thread_name(void *o, unsigned thread, Fmt *out)
{
    char path[48], name[32] = "";
    Fmt f = FMT_ON(path);
    fmt_printf(&f, "/proc/self/task/%u/comm", thread_id(o, thread));
    long fd = sys_call4(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0);
    if (sys_is_err(fd))
        return;
    long n = sys_read((int)fd, name, sizeof(name) - 1);
    sys_close((int)fd);
    if (n > 0 && name[n - 1] == '\n')
        name[n - 1] = 0;
    fmt_puts(out, name);
}

static void give_signal(void *o, unsigned thread, unsigned signal)
{
    ((LuGdb *)o)->slot[thread - 1].deliver = signal_from_gdb(signal);
}

static void pass(void *o, const bool signals[GDB_SIGNALS])
{
    LuGdb *g = o;
    for (int sig = 1; sig <= 64; sig++)
        g->pass[sig] = signals[signal_to_gdb(sig)];
}

static void catch_calls(void *o, bool on, const uint64_t *nr, unsigned n)
{
    LuGdb *g = o;
    g->n_caught = MIN(n, (unsigned)LU_GDB_CAUGHT);
    memcpy(g->caught, nr, g->n_caught * sizeof(*nr));
    g->catching = on;
}

static long part(const void *from, size_t len, uint64_t at, void *to, size_t n)
{
    if (at >= len)
        return 0;
    n = MIN(n, len - at);
    memcpy(to, (const char *)from + at, n);
    return (long)n;
}

static long object(void *o, const char *name, uint64_t at, void *to, size_t n)
{
    LuGdb *g = o;
    LuProc *p = g->proc;
    if (strcmp(name, "exec-file") == 0)
        return part(p->exe_path, strlen(p->exe_path), at, to, n);
    if (strcmp(name, "siginfo") == 0 && p->abi->word == 8)
        return part(&g->slot[g->stub.g_thread - 1].info, sizeof(siginfo_t), at, to, n);
    if (strcmp(name, "auxv") != 0)
        return -1;
    n = at >= p->auxv_len ? 0 : MIN(n, p->auxv_len - at);
    return n && !read_memory(o, 1, p->auxv + at, to, n) ? -1 : (long)n;
}

/* As the guest would find it; at a number that the guest does not see. */
static long open_file(void *o, const char *path)
{
    LuGdb *g = o;
    arena_reset(&g->server->scratch);
    long fd = lu_proc_open(g->server, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    if (fd == -ENOTSUP)
        fd = sys_call4(SYS_openat, AT_FDCWD, lu_path(g->server, AT_FDCWD, path), O_RDONLY | O_CLOEXEC, 0);
    if (sys_is_err(fd))
        return fd;
    long high = sys_call3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIDDEN_FD);
    sys_close((int)fd);
    return high;
}

static long read_link(void *o, const char *path, char *to, size_t cap)
{
    LuGdb *g = o;
    arena_reset(&g->server->scratch);
    long n = lu_proc_readlink(g->server, AT_FDCWD, path, to, cap);
    if (n != -ENOTSUP)
        return n;
    n = sys_call4(SYS_readlinkat, AT_FDCWD, lu_path(g->server, AT_FDCWD, path), to, cap - 1);
    if (n <= 0)
        return n;
    to[n] = 0;
    const char *guest = lu_path_to_guest(g->server, to);
    n = (long)strlen(guest);
    memmove(to, guest, (size_t)n);
    return n;
}

static unsigned pid_of(void *o, unsigned thread)
{
    LuGdb *g = o;
    return thread && g->slot[thread - 1].pid ? g->slot[thread - 1].pid : (unsigned)g->pid;
}

/* The slot + 1 of a child of vfork; 0: it is none. */
static unsigned vfork_slot(LuGdb *g, unsigned pid)
{
    for (unsigned k = 0; pid != (unsigned)g->pid && k < GDB_MOST_THREADS; k++)
        if (g->slot[k].thread && g->slot[k].pid == pid)
            return k + 1;
    return 0;
}

static bool is_ours(void *o, unsigned pid)
{
    return pid == (unsigned)((LuGdb *)o)->pid || vfork_slot(o, pid);
}

/* This thread goes on from what it has told, whatever the others do. */
static void let_thread_go(LuGdb *g, unsigned slot)
{
    uint32_t seen = slot;
    lock_take(&g->lock);
    g->slot[slot - 1].how = GDB_RUN;
    if (g->slot[slot - 1].thread)
        g->slot[slot - 1].thread->gdb_slot = 0;
    g->slot[slot - 1].thread = NULL;
    lock_release(&g->lock);
    if (__atomic_compare_exchange_n(&g->event, &seen, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        wake(&g->event);
    __atomic_fetch_add(&g->turn, 1, __ATOMIC_SEQ_CST);
    wake(&g->turn);
}

static void release(void *o, unsigned pid, bool kill)
{
    LuGdb *g = o;
    unsigned slot = vfork_slot(g, pid);
    if (kill)
        sys_call2(SYS_kill, pid, SIGKILL);
    gdb_drop_peer(g, pid);
    if (slot)
        let_thread_go(g, slot);
}

/* ---- the connection ---- */

static void write_out(void *o, const char *bytes, size_t n)
{
    gdb_write(o, bytes, n);
}

static const GdbProcessOps process_ops = {.id = thread_id,
                                          .name = thread_name,
                                          .signal = give_signal,
                                          .pass = pass,
                                          .catch_calls = catch_calls,
                                          .object = object,
                                          .open = open_file,
                                          .readlink = read_link,
                                          .pid = pid_of,
                                          .ours = is_ours,
                                          .release = release,
                                          .other = gdb_other,
                                          .others = gdb_others};
static const GdbOps ops = {.write = write_out,
                           .n_threads = n_threads,
                           .describe = describe,
                           .read_reg = read_reg,
                           .write_reg = write_reg,
                           .read = read_memory,
                           .poke = poke,
                           .point = point,
                           .resume = resume,
                           .interrupt = interrupt,
                           .leave = leave,
                           .process = &process_ops};

static void report_end(LuGdb *g, unsigned thread)
{
    const LuGdbEvent *e = &g->what;
    bool killed = e->kind == LU_GDB_KILLED;
    unsigned pid = pid_of(g, thread);
    gdb_exited(&g->stub, pid, killed ? signal_to_gdb(e->signal) : (unsigned)e->signal, killed);
    if (pid != (unsigned)g->pid) {
        release(g, pid, false);
        return;
    }
    if (!gdb_hand_over(g))
        gdb_stay_behind(g);
    detach(g);
}

static void report(LuGdb *g)
{
    uint32_t thread = __atomic_load_n(&g->event, __ATOMIC_SEQ_CST);
    if (!thread)
        return;
    const LuGdbEvent *e = &g->what;
    stop_all(g);
    switch (e->kind) {
    case LU_GDB_SIGNAL:
        gdb_stopped(&g->stub, thread, signal_to_gdb(e->signal),
                    e->watch      ? e->watch->kind
                    : e->at_break ? GDB_SW_BREAK
                                  : -1,
                    e->watch ? e->watch->at : 0);
        break;
    case LU_GDB_CALL:
    case LU_GDB_RETURN: gdb_stopped_at_call(&g->stub, thread, e->kind == LU_GDB_CALL, e->nr); break;
    case LU_GDB_FORKED:
        gdb_add_peer(g, (unsigned)e->nr, e->at, 0);
        gdb_stopped_at_fork(&g->stub, thread, (unsigned)e->nr, false);
        break;
    case LU_GDB_VFORKED:
        gdb_add_peer(g, (unsigned)e->nr, e->at, thread);
        gdb_stopped_at_fork(&g->stub, e->parent, (unsigned)e->nr, true);
        break;
    case LU_GDB_VFORK_DONE: gdb_stopped_at_vfork_done(&g->stub, thread); break;
    case LU_GDB_EXITED:
    case LU_GDB_KILLED:
        report_end(g, thread);
        break;
    }
}

static int wire(const LuGdb *g)
{
    return g->linked ? g->proc->gdb_link : g->proc->gdb_fd;
}

/* The bytes that have come; false: the debugger has gone. */
static bool take_bytes(LuGdb *g)
{
    uint8_t bytes[4096];
    long n = sys_read(wire(g), bytes, sizeof bytes);
    if (n == -EINTR || n == -EAGAIN)
        return true;
    if (n <= 0)
        return false;
    bool last = g->linked && bytes[n - 1] == LU_GDB_TAKE; /* nothing follows that */
    if (g->stub.running && g->stub.g_pid && bytes[0] == CTRL_C)
        gdb_interrupt_other(g, g->stub.g_pid);
    else
        gdb_take(&g->stub, bytes, (size_t)n - last);
    if (last && gdb_between_packets(&g->stub))
        gdb_take_connection(g);
    else if (last) /* a byte of one */
        gdb_take(&g->stub, bytes + n - 1, 1);
    return true;
}

void gdb_close_all(LuProc *p)
{
    if (p->gdb_fd >= 0)
        sys_close(p->gdb_fd);
    if (p->gdb_link >= 0)
        sys_close(p->gdb_link);
    for (int k = 0; k < LU_GDB_PEERS; k++)
        if (p->gdb_peer[k] >= 0)
            sys_close(p->gdb_peer[k]);
    p->gdb_fd = p->gdb_link = -1;
    memset(p->gdb_peer, -1, sizeof(p->gdb_peer));
}

static void end_leave(LuGdb *g)
{
    __atomic_store_n(&g->leaving, 2, __ATOMIC_SEQ_CST);
    wake(&g->leaving);
}

bool gdb_serve_once(LuGdb *g)
{
    const LuProc *p = g->proc;
    struct pollfd fds[2 + LU_GDB_PEERS] = {{wire(g), POLLIN, 0}, {p->gdb_wake, POLLIN, 0}};
    for (int k = 0; k < LU_GDB_PEERS; k++)
        fds[2 + k] = (struct pollfd){p->gdb_peer[k], POLLIN, 0};
    uint64_t count;
    bool here = true;
    long n = sys_call4(SYS_poll, (long)fds, ARRAY_SIZE(fds), -1, 0);
    if (n > 0 && fds[1].revents & POLLIN) {
        sys_read(p->gdb_wake, &count, sizeof count);
        report(g);
        if (__atomic_load_n(&g->leaving, __ATOMIC_SEQ_CST))
            gdb_stay_behind(g);
    }
    for (int k = 0; n > 0 && k < LU_GDB_PEERS; k++)
        if (fds[2 + k].revents && p->gdb_peer[k] >= 0)
            gdb_from_peer(g, k);
    if (n > 0 && fds[0].revents)
        here = take_bytes(g);
    return here;
}

/* As long as the debugger looks at this process, or at others through it. */
static void serve(LuThread *self)
{
    LuGdb *g = self->proc->gdb;
    g->server = self; /* packets may be here before who made this thread goes on */
    while ((!g->detached || gdb_has_peers(g)) && !(g->detached && gdb_hand_over(g))) {
        if (gdb_serve_once(g))
            continue;
        if (!g->detached)
            detach(g);
        break;
    }
    gdb_close_all(self->proc);
    end_leave(g);
}

/* ---- the start ---- */

static bool is_number(const char *s)
{
    return *s && !s[strspn(s, "0123456789")];
}

/* "HOST:" in front of a port; none: any address, as others have it. */
static bool parse_host(const char *s, size_t n, uint32_t *ret)
{
    uint32_t v = 0;
    unsigned parts = 0;
    for (const char *end = s + n; s < end; s++, parts++) {
        unsigned byte = 0, digits = 0;
        for (; s < end && *s >= '0' && *s <= '9' && byte < 256; s++, digits++)
            byte = 10 * byte + (unsigned)(*s - '0');
        if (!digits || byte > 255 || (s < end && *s != '.'))
            return false;
        v = v << 8 | byte;
    }
    *ret = __builtin_bswap32(v);
    return parts == 4 || parts == 0;
}

static long listen_tcp(const char *host, size_t n_host, const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    const int one = 1;
    unsigned number = 0;
    for (; *port && number < 65536; port++)
        number = 10 * number + (unsigned)(*port - '0');
    if (number > 65535 || !parse_host(host, n_host, &a.sin_addr.s_addr))
        return -EINVAL;
    a.sin_port = __builtin_bswap16((uint16_t)number);
    long fd = sys_call3(SYS_socket, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sys_is_err(fd))
        return fd;
    sys_call5(SYS_setsockopt, fd, SOL_SOCKET, SO_REUSEADDR, (long)&one, sizeof one);
    long r = sys_call3(SYS_bind, fd, (long)&a, sizeof a);
    if (!sys_is_err(r))
        r = sys_call2(SYS_listen, fd, 1);
    if (sys_is_err(r))
        sys_close((int)fd);
    return sys_is_err(r) ? r : fd;
}

/* The name appears when the socket listens, for those who wait for it: it is made under another one (if
 * that is not too long). */
static long listen_unix(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof(a.sun_path))
        return -ENAMETOOLONG;
    strcpy(a.sun_path, path);
    bool apart = n + 1 < sizeof(a.sun_path);
    if (apart)
        a.sun_path[n] = '~'; /* what follows is zero */
    long fd = sys_call3(SYS_socket, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sys_is_err(fd))
        return fd;
    sys_call1(SYS_unlink, (long)a.sun_path);
    long r = sys_call3(SYS_bind, fd, (long)&a, sizeof a);
    if (!sys_is_err(r))
        r = sys_call2(SYS_listen, fd, 1);
    if (!sys_is_err(r) && apart)
        r = sys_call2(SYS_rename, (long)a.sun_path, (long)path);
    if (sys_is_err(r)) {
        sys_call1(SYS_unlink, (long)a.sun_path);
        sys_close((int)fd);
    }
    return sys_is_err(r) ? r : fd;
}

/* Descriptor of the debugger that has come, or -errno. */
static long wait_for(const char *where)
{
    const char *colon = strrchr(where, ':');
    bool tcp = is_number(where) || (colon && is_number(colon + 1) && !strchr(where, '/'));
    long fd = !tcp ? listen_unix(where)
                   : listen_tcp(where, colon ? (size_t)(colon - where) : 0, colon ? colon + 1 : where);
    if (sys_is_err(fd))
        return fd;
    long got;
    do
        got = sys_call4(SYS_accept4, fd, 0, 0, SOCK_CLOEXEC);
    while (got == -EINTR);
    sys_close((int)fd);
    return got;
}

static int hide(long fd)
{
    long high = sys_call3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIDDEN_FD);
    sys_close((int)fd);
    return (int)high;
}

static void first_slot(LuGdb *g, LuThread *t)
{
    g->slot[0] =
        (LuGdbSlot){.thread = t, .tid = (unsigned)t->tid, .pid = (unsigned)t->pid, .how = GDB_RUN};
    t->gdb_slot = 1;
}

/* Of a process that has one thread, which stands. */
static void make_server(LuGdb *g, LuThread *t)
{
    LuProc *p = t->proc;
    const bool no_ack = g->stub.no_ack, breaks = g->stub.tell_breaks, forks = g->stub.tell_forks,
               vforks = g->stub.tell_vforks;
    p->gdb_wake = hide(sys_call2(SYS_eventfd2, 0, EFD_CLOEXEC));
    g->proc = p;
    g->pid = t->pid;
    g->hold = 1;
    lock_init(&g->lock, LOCK_RANK_SIGHAND);
    first_slot(g, t);
    g->ops = ops;
    g->ops.arch = p->abi->regs->arch;
    gdb_init(&g->stub, &g->ops, g);
    p->gdb = g;
    if (g->over) { /* the debugger waits for what becomes of it */
        g->stub.no_ack = no_ack;
        g->stub.tell_breaks = breaks;
        g->stub.tell_forks = forks;
        g->stub.tell_vforks = vforks;
        g->stub.multi = g->stub.tell_execs = g->stub.running = true;
        gdb_stopped_at_exec(&g->stub, 1, p->exe_path);
    }
    g->server = lu_host_thread(t, serve);
}

bool lu_gdb_start(LuThread *t, const char *where, char *err, size_t cap)
{
    LuProc *p = t->proc;
    Fmt f = {.buf = err, .cap = cap};
    LuGdb *g = lu_alloc(p, sizeof(*g));
    long fd = g ? wait_for(where) : -ENOMEM;
    if (sys_is_err(fd)) {
        fmt_printf(&f, "cannot wait for a debugger at '%s': %s", where, lu_errno_text((int)-fd));
        return false;
    }
    p->gdb_fd = hide(fd);
    make_server(g, t);
    if (!g->server)
        fmt_puts(&f, "no thread for the debugger");
    return g->server != NULL;
}

bool gdb_serve_child(LuGdb *g, LuThread *t)
{
    g->proc->gdb_wake = hide(sys_call2(SYS_eventfd2, 0, EFD_CLOEXEC));
    g->hold = 1;
    g->event = g->n_watches = g->n_noted = 0;
    lock_init(&g->lock, LOCK_RANK_SIGHAND);
    memset(g->slot, 0, sizeof(g->slot));
    first_slot(g, t);
    gdb_forget_packets(&g->stub);
    g->server = lu_host_thread(t, serve);
    return g->server != NULL;
}

/* ---- execve ---- */

enum { OVER_LINKED = 1, OVER_NO_ACK = 2, OVER_BREAKS = 4, OVER_FORKS = 8, OVER_VFORKS = 16 };

/* 16 bits for each descriptor. */
uint64_t lu_gdb_hand_over(LuThread *t, bool undo)
{
    LuGdb *g = t->proc->gdb;
    const LuProc *p = t->proc;
    bool vfork = t->gdb_vfork && t->gdb_slot;
    if (!g || __atomic_load_n(&g->detached, __ATOMIC_ACQUIRE) || !g->stub.tell_execs ||
        (t->pid != g->pid && !vfork))
        return 0;
    unsigned link = vfork ? (unsigned)t->gdb_vfork : g->linked ? (unsigned)p->gdb_link : 0;
    sys_call3(SYS_fcntl, p->gdb_fd, F_SETFD, undo ? FD_CLOEXEC : 0);
    if (link)
        sys_call3(SYS_fcntl, link, F_SETFD, undo ? FD_CLOEXEC : 0);
    return (uint64_t)p->gdb_fd << 32 | (uint64_t)link << 8 | 0x80 | (link ? OVER_LINKED : 0) |
           (g->stub.no_ack ? OVER_NO_ACK : 0) | (g->stub.tell_breaks ? OVER_BREAKS : 0) |
           (g->stub.tell_forks ? OVER_FORKS : 0) | (g->stub.tell_vforks ? OVER_VFORKS : 0);
}

bool lu_gdb_take_over(LuThread *t, uint64_t what)
{
    LuProc *p = t->proc;
    LuGdb *g = lu_alloc(p, sizeof(*g));
    if (!g)
        return false;
    p->gdb_fd = (int)(what >> 32);
    sys_call3(SYS_fcntl, p->gdb_fd, F_SETFD, FD_CLOEXEC);
    if (what & OVER_LINKED) {
        p->gdb_link = (int)(what >> 8 & 0xffffff);
        sys_call3(SYS_fcntl, p->gdb_link, F_SETFD, FD_CLOEXEC);
    }
    g->linked = what & OVER_LINKED;
    g->stub.no_ack = what & OVER_NO_ACK;
    g->stub.tell_breaks = what & OVER_BREAKS;
    g->stub.tell_forks = what & OVER_FORKS;
    g->stub.tell_vforks = what & OVER_VFORKS;
    g->over = true;
    make_server(g, t);
    return g->server != NULL;
}
