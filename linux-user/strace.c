#include "linux-user/strace.h"

#include <netinet/in.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

enum { STRING_MAX = 256, BUFFER_MAX = 48 };

static void put_quoted(Fmt *f, const char *s, size_t n)
{
    fmt_putc(f, '"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == '"' || c == '\\')
            fmt_printf(f, "\\%c", c);
        else if (c == '\n')
            fmt_puts(f, "\\n");
        else if (c == '\t')
            fmt_puts(f, "\\t");
        else if (c == '\r')
            fmt_puts(f, "\\r");
        else if (c >= ' ' && c < 127)
            fmt_putc(f, (char)c);
        else
            fmt_printf(f, "\\x%02x", c);
    }
    fmt_putc(f, '"');
}

static void put_pointer(Fmt *f, uint64_t v)
{
    fmt_printf(f, v ? "%#lx" : "NULL", (unsigned long)v);
}

static void put_string(Fmt *f, Gva s)
{
    char text[STRING_MAX + 1];
    int64_t n = s ? fault_strnlen(guest_ptr(s), STRING_MAX) : -1;
    if (n < 0 || !guest_read(text, s, (size_t)n)) {
        put_pointer(f, s);
        return;
    }
    put_quoted(f, text, (size_t)n);
    if (n == STRING_MAX)
        fmt_puts(f, "...");
}

static void put_buffer(Fmt *f, Gva s, uint64_t len)
{
    char text[BUFFER_MAX];
    size_t n = MIN(len, sizeof(text));
    if (!s || !guest_read(text, s, n)) {
        put_pointer(f, s);
        return;
    }
    put_quoted(f, text, n);
    if (n < len)
        fmt_puts(f, "...");
}

static void put_timespec(Fmt *f, Gva at)
{
    struct timespec ts;
    if (!at || !guest_read(&ts, at, sizeof(ts)))
        put_pointer(f, at);
    else
        fmt_printf(f, "{tv_sec=%ld, tv_nsec=%ld}", (long)ts.tv_sec, ts.tv_nsec);
}

/* Of guests with a long of 4 bytes. */
static void put_timespec32(Fmt *f, Gva at)
{
    int32_t ts[2];
    if (!at || !guest_read(ts, at, sizeof(ts)))
        put_pointer(f, at);
    else
        fmt_printf(f, "{tv_sec=%d, tv_nsec=%d}", ts[0], ts[1]);
}

static void put_sockaddr(Fmt *f, Gva at, uint64_t len)
{
    union {
        struct sockaddr sa;
        struct sockaddr_un un;
        struct sockaddr_in in;
        uint8_t bytes[128];
    } u = {0};
    if (!at || len < 2 || len > sizeof(u) || !guest_read(&u, at, len)) {
        put_pointer(f, at);
        return;
    }
    fmt_puts(f, "{sa_family=");
    lu_name_print(f, 'D', u.sa.sa_family);
    if (u.sa.sa_family == AF_UNIX && len > 2) {
        bool abstract = !u.un.sun_path[0];
        fmt_puts(f, abstract ? ", sun_path=@" : ", sun_path=");
        put_quoted(f, u.un.sun_path + abstract, abstract ? len - 3 : strnlen(u.un.sun_path, len - 2));
    } else if (u.sa.sa_family == AF_INET && len >= sizeof(u.in)) {
        uint32_t ip = __builtin_bswap32(u.in.sin_addr.s_addr);
        fmt_printf(f, ", sin_port=%u, sin_addr=%u.%u.%u.%u", __builtin_bswap16(u.in.sin_port), ip >> 24,
                   ip >> 16 & 255, ip >> 8 & 255, ip & 255);
    }
    fmt_putc(f, '}');
}

static void put_signal(Fmt *f, uint64_t sig)
{
    if ((int)sig > 32 && (int)sig <= 64)
        fmt_printf(f, "SIGRT_%u", (unsigned)sig - 32);
    else if (sig == 32)
        fmt_puts(f, "SIGRTMIN");
    else
        lu_name_print(f, 'N', sig);
}

static void put_sigset(Fmt *f, Gva at)
{
    FaultVal set = at ? fault_ld64(at) : (FaultVal){.fault = 1};
    if (set.fault) {
        put_pointer(f, at);
        return;
    }
    bool invert = __builtin_popcountll(set.val) > 32;
    const char *sep = "";
    fmt_puts(f, invert ? "~[" : "[");
    for (unsigned sig = 1; sig <= 64; sig++) {
        if ((set.val >> (sig - 1) & 1) != invert) {
            fmt_puts(f, sep);
            put_signal(f, sig);
            sep = " ";
        }
    }
    fmt_putc(f, ']');
}

static void put_clone_flags(Fmt *f, uint64_t v)
{
    uint64_t sig = v & 0xff & ~(uint64_t)0x80;
    lu_name_print(f, 'C', v & ~(uint64_t)0x7f);
    if (sig) {
        fmt_putc(f, '|');
        put_signal(f, sig);
    }
}

static void put_arg(Fmt *f, char kind, const uint64_t *a, unsigned i, long result)
{
    uint64_t v = a[i];
    switch (kind) {
    case 'F':
        if ((int)v == AT_FDCWD) {
            fmt_puts(f, "AT_FDCWD");
            break;
        }
        __attribute__((fallthrough));
    case 'f':
    case 'd': fmt_printf(f, "%d", (int)v); break;
    case 'g': fmt_printf(f, (uint32_t)v == UINT32_MAX ? "%d" : "%u", (int)v); break;
    case 'u': fmt_printf(f, "%lu", (unsigned long)v); break;
    case 'l':
    case 'r': fmt_printf(f, "%ld", (long)v); break;
    case 'o':
        fmt_printf(f, "0%c%c%c", '0' + (int)(v >> 6 & 7), '0' + (int)(v >> 3 & 7), '0' + (int)(v & 7));
        break;
    case 'x':
    case 'y': fmt_printf(f, v ? "%#lx" : "0", (unsigned long)v); break;
    case 'n':
    case 'p':
    case 's': put_string(f, v); break;
    case 'b': put_buffer(f, v, a[i + 1]); break;
    case 'B':
        if (result > 0)
            put_buffer(f, v, (uint64_t)result);
        else
            put_pointer(f, v);
        break;
    case 't': put_timespec(f, v); break;
    case '3': put_timespec32(f, v); break;
    case 'a': put_sockaddr(f, v, a[i + 1]); break;
    case 'N': put_signal(f, v); break;
    case 'k': put_sigset(f, v); break;
    case 'C': put_clone_flags(f, v); break;
    case 'm':
    case 'w':
    case 'q':
    case 'h':
    case 'j':
    case 'v':
    case 'V': put_pointer(f, v); break;
    default:
        if (!lu_name_print(f, kind, v))
            fmt_printf(f, "%#lx", (unsigned long)v);
    }
}

/* Arguments from number `i` on; stops before the first that the call has yet to fill, unless `all`. */
static unsigned put_args(LuTrace *tr, const uint64_t a[6], unsigned i, bool all, long result)
{
    for (; i < 6 && tr->row->kinds[i]; i++) {
        if (!all && tr->row->kinds[i] == 'B')
            return i;
        /* A mode means something to a call that creates. */
        if (tr->row->kinds[i] == 'o' && i && tr->row->kinds[i - 1] == 'O' &&
            !(a[i - 1] & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))))
            continue;
        if (i)
            fmt_puts(&tr->f, ", ");
        if (tr->row->kinds[i] == 'O')
            lu_name_print(&tr->f, 'O', lu_open_flags(tr->abi, (uint32_t)a[i]));
        else
            put_arg(&tr->f, tr->row->kinds[i], a, i, result);
    }
    return i;
}

static int trace_tid(const LuThread *t)
{
    return t->tid ? t->tid : (int)sys_gettid();
}

/* Writes what is collected; `open`: the line goes on later. */
static void flush(LuTrace *tr, LuThread *t, bool open)
{
    static const char cut[] = " <unfinished ...>\n";
    int tid = trace_tid(t);
    int other = __atomic_exchange_n(&t->proc->strace_open, open ? tid : 0, __ATOMIC_ACQ_REL);
    if (other && other != tid)
        sys_write(t->proc->strace_fd, cut, sizeof(cut) - 1);
    sys_write(t->proc->strace_fd, tr->f.buf, tr->f.len);
    tr->f.len = 0;
    tr->flushed = true;
}

static void put_pid(LuTrace *tr, LuThread *t)
{
    fmt_printf(&tr->f, "%d ", trace_tid(t));
}

void lu_trace_enter(LuTrace *tr, LuThread *t, uint64_t nr, const LuSyscallRow *row, const uint64_t a[6])
{
    tr->f = (Fmt){.buf = tr->buf, .cap = sizeof(tr->buf) - 1};
    tr->row = row;
    tr->abi = t->abi;
    tr->flushed = false;
    tr->next = 0;
    put_pid(tr, t);
    if (!row) {
        fmt_printf(&tr->f, "syscall_%lu(%#lx, %#lx, %#lx, %#lx, %#lx, %#lx", (unsigned long)nr,
                   (unsigned long)a[0], (unsigned long)a[1], (unsigned long)a[2], (unsigned long)a[3],
                   (unsigned long)a[4], (unsigned long)a[5]);
        return;
    }
    fmt_puts(&tr->f, row->name);
    fmt_putc(&tr->f, '(');
    tr->next = put_args(tr, a, 0, false, 0);
    if (row->ret == '-') {
        fmt_puts(&tr->f, ") = ?\n");
        flush(tr, t, false);
        tr->row = NULL;
    } else if (lu_row_waits(row)) {
        flush(tr, t, true);
    }
}

static void put_result(Fmt *f, const LuSyscallRow *row, long r)
{
    if (r == LU_RET_NONE)
        fmt_puts(f, "?");
    else if (r == LU_RET_RESTART)
        fmt_puts(f, "? ERESTARTSYS (To be restarted if SA_RESTART is set)");
    else if (r == LU_RET_RESTART_ALWAYS)
        fmt_puts(f, "? ERESTARTNOINTR (To be restarted)");
    else if (r == LU_RET_RESTART_NOHAND)
        fmt_puts(f, "? ERESTARTNOHAND (To be restarted if no handler)");
    else if (sys_is_err(r))
        fmt_printf(f, "-1 %s (%s)", lu_errno_name((int)-r) ? lu_errno_name((int)-r) : "E???",
                   lu_errno_text((int)-r));
    else if (row && row->ret == 'x')
        fmt_printf(f, r ? "%#lx" : "0", (unsigned long)r);
    else if (row && row->ret == 'o')
        fmt_printf(f, "0%c%c%c", '0' + (int)(r >> 6 & 7), '0' + (int)(r >> 3 & 7), '0' + (int)(r & 7));
    else
        fmt_printf(f, "%ld", r);
}

void lu_trace_leave(LuTrace *tr, LuThread *t, const uint64_t a[6], long result)
{
    if (!tr->row && tr->flushed)
        return;
    if (tr->row) {
        if (tr->flushed && __atomic_load_n(&t->proc->strace_open, __ATOMIC_ACQUIRE) != trace_tid(t)) {
            put_pid(tr, t);
            fmt_printf(&tr->f, "<... %s resumed>", tr->row->name);
        }
        put_args(tr, a, tr->next, true, result);
    }
    fmt_putc(&tr->f, ')');
    fmt_puts(&tr->f, " = ");
    put_result(&tr->f, tr->row, result);
    tr->f.cap = sizeof(tr->buf); /* the newline always has room */
    fmt_putc(&tr->f, '\n');
    flush(tr, t, false);
}

void lu_trace_signal(LuThread *t, const siginfo_t *si)
{
    int sig = si->si_signo;
    LuTrace tr = {.f = {.cap = sizeof(tr.buf)}};
    tr.f.buf = tr.buf;
    put_pid(&tr, t);
    fmt_puts(&tr.f, "--- ");
    put_signal(&tr.f, (uint64_t)sig);
    fmt_puts(&tr.f, " {si_signo=");
    put_signal(&tr.f, (uint64_t)sig);
    fmt_printf(&tr.f, ", si_code=%d, ", si->si_code);
    if (si->si_code > 0 && si->si_code != SI_KERNEL &&
        (sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP))
        fmt_printf(&tr.f, "si_addr=0x%lx} ---\n", (unsigned long)(uintptr_t)si->si_addr);
    else
        fmt_printf(&tr.f, "si_pid=%d} ---\n", si->si_pid);
    flush(&tr, t, false);
}
