/*
 * Several processes and one debugger. The first one has the connection; a child that is made while the
 * debugger knows of forks stands after fork, has a thread of its own that serves it, and a socket to its
 * parent. The parent passes on what is not for itself: the debugger's packets, and one answer each. The
 * children of a child are reached through it. When all but one have been let go, the last one gets the
 * connection, which every child inherits.
 *
 * A child of vfork is a thread of ours as long as it shares memory: its registers, the memory and breakpoints
 * are here. It has a socket for the program behind its execve.
 *
 * Who ends before its children leaves a process behind that passes on for them, as nothing of it should wait.
 *
 * Not followed: children in a new PID namespace, those that a child of vfork makes, more than LU_GDB_PEERS of
 * one process, those of a process that is killed from outside.
 */
#include "linux-user/gdb_int.h"

#include "linux-user/sys_util.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

enum { HIDDEN_FD = 900 };

static bool send_all(int fd, const char *bytes, size_t n)
{
    for (long w; n; bytes += w, n -= (size_t)w) {
        w = sys_call6(SYS_sendto, fd, (long)bytes, (long)n, MSG_NOSIGNAL, 0, 0);
        if (w == -EINTR)
            w = 0;
        else if (w <= 0)
            return false;
    }
    return true;
}

void gdb_write(LuGdb *g, const char *bytes, size_t n)
{
    send_all(g->linked ? g->proc->gdb_link : g->proc->gdb_fd, bytes, n);
}

/* ---- the processes that are reached through this one ---- */

static LuGdbPeer *peer_of(LuGdb *g, unsigned pid)
{
    for (LuGdbPeer *p = g->peer; pid && p < g->peer + ARRAY_SIZE(g->peer); p++)
        if (p->pid == pid)
            return p;
    return NULL;
}

void gdb_drop_peer(LuGdb *g, unsigned pid)
{
    LuGdbPeer *p = peer_of(g, pid);
    if (p)
        p->pid = 0;
}

void gdb_add_peer(LuGdb *g, unsigned pid, int at, unsigned slot)
{
    for (LuGdbPeer *p = g->peer; p < g->peer + ARRAY_SIZE(g->peer); p++) {
        if (p->pid)
            continue;
        *p = (LuGdbPeer){pid, at, slot};
        return;
    }
}

/* Nobody is behind this socket any more. */
static void drop_socket(LuGdb *g, int at)
{
    for (LuGdbPeer *p = g->peer; p < g->peer + ARRAY_SIZE(g->peer); p++)
        if (p->pid && p->at == at)
            p->pid = 0;
    sys_close(g->proc->gdb_peer[at]);
    g->proc->gdb_peer[at] = -1;
}

bool gdb_has_peers(const LuGdb *g)
{
    bool any = false;
    for (int k = 0; k < LU_GDB_PEERS; k++)
        any |= g->proc->gdb_peer[k] >= 0;
    return any;
}

bool gdb_hand_over(LuGdb *g)
{
    static const char take = LU_GDB_TAKE;
    int only = -1;
    for (int k = 0; k < LU_GDB_PEERS; k++) {
        if (g->proc->gdb_peer[k] < 0)
            continue;
        if (only >= 0)
            return false;
        only = k;
    }
    if (only < 0 || g->linked)
        return false;
    bool sent = send_all(g->proc->gdb_peer[only], &take, 1);
    drop_socket(g, only);
    return sent;
}

/* For the children that are reached through a process which ends. It runs no guest, and has nothing of it but
 * the memory. */
static _Noreturn void relay(LuGdb *g)
{
    LuProc *p = g->proc;
    g->relay = g->detached = true;
    memset(g->slot, 0, sizeof(g->slot));
    for (uint64_t fd = 0; fd < HIDDEN_FD; fd++)
        if (!su_fd_hidden(p, fd))
            sys_close((int)fd);
    while (gdb_has_peers(g) && !gdb_hand_over(g) && gdb_serve_once(g)) {
    }
    sys_exit_group(0);
}

/* Nobody hears of the relay's end, or waits for it by chance: it has no signal for its parent. */
void gdb_stay_behind(LuGdb *g)
{
    if (gdb_has_peers(g) && sys_call5(SYS_clone, 0, 0, 0, 0, 0) == 0)
        relay(g);
    gdb_close_all(g->proc);
}

void gdb_take_connection(LuGdb *g)
{
    g->linked = false;
    sys_close(g->proc->gdb_link);
    g->proc->gdb_link = -1;
}

/* One packet of a peer, frame included, and no byte of what follows; 0: it has gone. */
static size_t read_packet(LuGdb *g, int fd)
{
    for (size_t n = 0, want = sizeof(g->from) - 1;;) {
        long got = want > n ? sys_call6(SYS_recvfrom, fd, (long)g->from + (long)n, (long)(want - n),
                                        MSG_PEEK, 0, 0)
                            : 0;
        if (got == -EINTR)
            continue;
        if (got <= 0)
            return 0;
        const char *sum = memchr(g->from, '#', n + (size_t)got);
        size_t len = sum ? (size_t)(sum - g->from) + 3 : n + (size_t)got;
        got = sys_read(fd, g->from + n, MIN(len - n, (size_t)got)); /* what was looked at */
        if (got <= 0)
            return 0;
        n += (size_t)got;
        g->from[n] = 0;
        if (sum && n == len)
            return n;
    }
}

static bool to_peer(const LuGdb *g, int at, const char *packet, size_t n)
{
    char end[4];
    uint8_t sum = 0;
    Fmt f = FMT_ON(end);
    for (size_t k = 0; k < n; k++)
        sum = (uint8_t)(sum + (uint8_t)packet[k]);
    fmt_printf(&f, "#%02x", sum);
    return send_all(g->proc->gdb_peer[at], "$", 1) && send_all(g->proc->gdb_peer[at], packet, n) &&
           send_all(g->proc->gdb_peer[at], end, 3);
}

bool gdb_other(void *o, unsigned pid, const char *packet, size_t n, bool resumes)
{
    LuGdb *g = o;
    const LuGdbPeer *p = peer_of(g, pid);
    size_t len = 0;
    if (!p || !to_peer(g, p->at, packet, n))
        return false;
    if (!resumes && !(len = read_packet(g, g->proc->gdb_peer[p->at])))
        return false;
    gdb_write(g, g->from, len);
    return true;
}

void gdb_interrupt_other(LuGdb *g, unsigned pid)
{
    const LuGdbPeer *p = peer_of(g, pid);
    if (p)
        send_all(g->proc->gdb_peer[p->at], "\3", 1);
}

/* Does nobody serve the other end yet? */
static bool is_silent(const LuGdb *g, int k)
{
    bool silent = g->proc->gdb_peer[k] < 0;
    for (const LuGdbPeer *p = g->peer; p < g->peer + ARRAY_SIZE(g->peer); p++)
        silent |= p->pid && p->at == k && p->slot;
    return silent;
}

void gdb_others(void *o, Fmt *out)
{
    LuGdb *g = o;
    for (int k = 0; k < LU_GDB_PEERS; k++) {
        if (is_silent(g, k) || !to_peer(g, k, "qfThreadInfo", 12))
            continue;
        size_t n = read_packet(g, g->proc->gdb_peer[k]);
        if (n < 5 || g->from[1] != 'm')
            continue;
        fmt_printf(out, ",%.*s", (int)(strcspn(g->from, "#") - 2), g->from + 2);
    }
}

/* Of "T05fork:p12.12;...": 12. */
static unsigned told_number(const char *packet, const char *word)
{
    const char *s = strstr(packet, word);
    unsigned v = 0;
    for (s = s ? s + strlen(word) : ""; *s; s++) {
        unsigned c = (unsigned char)*s, d = c - '0' < 10 ? c - '0' : c - 'a' < 6 ? c - 'a' + 10 : 16;
        if (d == 16)
            break;
        v = v << 4 | d;
    }
    return v;
}

/* Children of vfork that this socket was made for run another program now, or are gone. */
static void part_with_threads(LuGdb *g, int k)
{
    for (LuGdbPeer *p = g->peer; p < g->peer + ARRAY_SIZE(g->peer); p++) {
        if (!p->pid || p->at != k || !p->slot)
            continue;
        if (g->slot[p->slot - 1].pid == p->pid)
            g->slot[p->slot - 1].pid = 0;
        if (g->stub.g_thread == p->slot)
            g->stub.g_pid = p->pid;
        p->slot = 0;
    }
}

/* What it says by itself is a stop, or its end; who ends without a word was killed. */
void gdb_from_peer(LuGdb *g, int k)
{
    size_t n = read_packet(g, g->proc->gdb_peer[k]);
    part_with_threads(g, k);
    unsigned last = g->stub.g_pid;
    if (!n) {
        bool ran = g->stub.running && last && peer_of(g, last) && peer_of(g, last)->at == k;
        drop_socket(g, k);
        if (ran) {
            gdb_other_stopped(&g->stub, 0);
            gdb_other_killed(&g->stub, last);
        }
        return;
    }
    unsigned child = told_number(g->from, "fork:p");
    if (child)
        gdb_add_peer(g, child, k, 0);
    gdb_other_stopped(&g->stub, told_number(g->from, "thread:p"));
    gdb_write(g, g->from, n);
}

/* ---- fork ---- */

int gdb_new_peer(LuGdb *g, int *ret_end)
{
    LuProc *p = g->proc;
    int ends[2], high[2], k = 0;
    if (sys_is_err(sys_call4(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends)))
        return -1;
    for (int end = 0; end < 2; end++) {
        high[end] = (int)sys_call3(SYS_fcntl, ends[end], F_DUPFD_CLOEXEC, HIDDEN_FD);
        sys_close(ends[end]);
    }
    lock_take(&g->lock);
    while (k < LU_GDB_PEERS && p->gdb_peer[k] >= 0)
        k++;
    if (k < LU_GDB_PEERS)
        p->gdb_peer[k] = high[0];
    lock_release(&g->lock);
    if (k == LU_GDB_PEERS) {
        sys_close(high[0]);
        sys_close(high[1]);
        return -1;
    }
    *ret_end = high[1];
    return k;
}

void lu_gdb_fork_prepare(LuThread *t, uint64_t flags)
{
    LuGdb *g = t->proc->gdb;
    t->gdb_end = -1;
    if (!g->stub.tell_forks || __atomic_load_n(&g->detached, __ATOMIC_ACQUIRE) || t->pid != g->pid ||
        flags & (CLONE_NEWPID | CLONE_VFORK | CLONE_PARENT))
        return;
    t->gdb_at = gdb_new_peer(g, &t->gdb_end);
}

/* The debugger hears of the child while this thread stands. */
void lu_gdb_fork_parent(LuThread *t, long child)
{
    LuGdb *g = t->proc->gdb;
    if (t->gdb_end < 0)
        return;
    sys_close(t->gdb_end);
    t->gdb_end = -1;
    if (child <= 0 || !lu_gdb_forked(t, (unsigned)child))
        drop_socket(g, t->gdb_at); /* and the child goes on by itself */
}

static void let_go(LuThread *t)
{
    LuProc *p = t->proc;
    sys_close(p->gdb_fd);
    p->gdb_fd = -1;
    p->gdb = NULL;
    t->gdb_slot = 0;
    t->cpu->ctx &= ~(uint32_t)CTX_STEP;
    cpu_hooks(t->cpu)->note = NULL;
}

void lu_gdb_fork_child(LuThread *t)
{
    LuProc *p = t->proc;
    LuGdb *g = p->gdb;
    int link = t->gdb_end;
    sys_close(p->gdb_wake);
    p->gdb_wake = -1;
    if (p->gdb_link >= 0)
        sys_close(p->gdb_link);
    p->gdb_link = link;
    for (int k = 0; k < LU_GDB_PEERS; k++) {
        if (p->gdb_peer[k] >= 0)
            sys_close(p->gdb_peer[k]);
        p->gdb_peer[k] = -1;
    }
    if (t->gdb_vfork) {
        sys_close(t->gdb_vfork);
        t->gdb_vfork = 0;
    }
    accel_debug_forget(p->accel);
    for (int k = 0; k < GDB_FILES; k++)
        if (g->stub.file[k])
            sys_close(g->stub.file[k]);
    if (link < 0) {
        let_go(t);
        return;
    }
    g->pid = t->pid;
    g->linked = true;
    t->gdb_end = -1;
    memset(g->peer, 0, sizeof(g->peer));
    if (!gdb_serve_child(g, t)) {
        sys_close(link);
        p->gdb_link = -1;
        let_go(t);
    }
}

/* ---- vfork ---- */

void lu_gdb_vfork_prepare(LuThread *t, LuThread *child)
{
    LuGdb *g = t->proc->gdb;
    int k = g->stub.tell_vforks && !__atomic_load_n(&g->detached, __ATOMIC_ACQUIRE) && t->pid == g->pid
                ? gdb_new_peer(g, &child->gdb_vfork)
                : -1;
    if (k < 0)
        return;
    child->gdb_at = k;
    if (!gdb_vfork_slot(g, t, child)) { /* there are too many threads */
        drop_socket(g, k);
        sys_close(child->gdb_vfork);
        child->gdb_vfork = 0;
    }
}

bool lu_gdb_vfork_left(LuThread *t, LuThread *child)
{
    if (!child->gdb_vfork)
        return false;
    gdb_free_slot(t->proc->gdb, child);
    sys_close(child->gdb_vfork); /* if nobody else has it, the server hears of its end */
    return true;
}
