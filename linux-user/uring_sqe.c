/* One submission entry: its arguments by the rows of uring_ops.def. */
#include "linux-user/abi32/lu32.h"
#include "linux-user/mm.h"
#include "linux-user/uring.h"

#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <sys/epoll.h>
#include <sys/socket.h>

typedef struct UringOp {
    bool known;
    char special;
    uint16_t call;  /* LuRowId + 1; 0: kinds */
    char kinds[6], fields[7];
} UringOp;

static const UringOp ops[] = {
#define OP(number, name, call, fields, special)    [number] = {true, special, LU_ROW_##call + 1, "", fields},
#define BARE(number, name, kinds, fields, special) [number] = {true, special, 0, kinds, fields},
#include "linux-user/uring_ops.def"
#undef OP
#undef BARE
};

enum { OP_WAITID = 50, REFUSED = 0xff, NO_DESCRIPTOR = -1 }; /* an operation that no kernel knows */
static const uint64_t nowhere = 1ull << 63;  /* an address that no process has */

/* Guests of 32 bits whose rings are not narrow lack those to which the kernel gives structures of its own
 * layout later on, when nobody converts them. */
static bool answers_late(uint8_t opcode) { return opcode == IORING_OP_RECVMSG || opcode == OP_WAITID; }

bool lu_uring_knows(const LuProc *p, uint8_t opcode, bool narrow)
{
    bool lacks = p->abi->word == 4 && !narrow && answers_late(opcode);
    return opcode < ARRAY_SIZE(ops) && ops[opcode].known && !lacks;
}

static uint64_t field_get(const struct io_uring_sqe *e, char field)
{
    switch (field) {
    case 'd': return (uint64_t)(int64_t)e->fd;
    case 'a': return e->addr;
    case 'o': return e->off;
    case 'l': return e->len;
    case 'g': return e->rw_flags;
    case 'x': return (uint64_t)(int64_t)e->splice_fd_in;
    case 's': return e->addr_len;
    default: return e->addr3;
    }
}

static void field_set(struct io_uring_sqe *e, char field, uint64_t v)
{
    switch (field) {
    case 'd': e->fd = (int32_t)v; break;
    case 'a': e->addr = v; break;
    case 'o': e->off = v; break;
    case 'l': e->len = (uint32_t)v; break;
    case 'g': e->rw_flags = (uint32_t)v; break;
    case 'x': e->splice_fd_in = (int32_t)v; break;
    case 's': e->addr_len = (uint16_t)v; break;
    default: e->addr3 = v;
    }
}

/* Numbers of registered files are no descriptors. */
static bool is_index(const struct io_uring_sqe *e, char field)
{
    return (field == 'd' && e->flags & IOSQE_FIXED_FILE) ||
           (field == 'x' && e->splice_flags & SPLICE_F_FD_IN_FIXED);
}

static void epoll_event(LuThread *t, struct io_uring_sqe *e)
{
    struct epoll_event *ev = arena_new(&t->scratch, struct epoll_event);
    if (e->len != EPOLL_CTL_DEL && ev && su_epoll_event(t->proc->abi, e->addr, ev))
        e->addr = (uintptr_t)ev;
}

/* The file is opened by the kernel, so it cannot be one that we make. Before the path is translated. */
static void openat_special(LuThread *t, struct io_uring_sqe *e)
{
    const char *path;
    if (!su_path_copy(t, e->addr, &path) && lu_proc_makes(t, e->fd, path))
        e->opcode = REFUSED;
}

static void openat2_special(LuThread *t, struct io_uring_sqe *e)
{
    struct open_how *how;
    e->addr = su_pointer(t->proc, e->addr);
    if (su_open_how(t, e->off, e->len, &how))
        return; /* the kernel says what is wrong with it */
    e->off = (uintptr_t)how;
    if (how->resolve & (RESOLVE_IN_ROOT | RESOLVE_BENEATH))
        return;
    if (!how->resolve)
        openat_special(t, e);
    const char *path;
    if (!su_path(t, e->fd, e->addr, !how->resolve, &path))
        e->addr = (uintptr_t)path;
}

/* The kernel may read control messages when the thread is long doing something else, so none of ours can
 * stand for them. */
static void msghdr32_special(LuThread *t, struct io_uring_sqe *e)
{
    struct msghdr *msg = arena_new(&t->scratch, struct msghdr);
    if (!msg || lu32_msghdr(t, e->addr, msg))
        return; /* the kernel cannot read it either */
    if (msg->msg_controllen)
        e->opcode = REFUSED;
    e->addr = (uintptr_t)msg;
}

static void no_descriptor(struct io_uring_sqe *e)
{
    e->fd = NO_DESCRIPTOR;
    e->flags &= (uint8_t)~IOSQE_FIXED_FILE;
}

/* The guest's own header: descriptors of ours are none, and a name that would have to be another is refused
 * (there is no room for it below 4 GiB). */
static void msghdr_narrow(LuThread *t, struct io_uring_sqe *e)
{
    long r = lu32_msghdr_check(t, e->addr);
    if (r == -EBADF)
        no_descriptor(e);
    else if (r)
        e->opcode = REFUSED;
}

static void msghdr_special(LuThread *t, struct io_uring_sqe *e, bool narrow)
{
    if (narrow) {
        msghdr_narrow(t, e);
        return;
    }
    if (t->proc->abi->word == 4) {
        msghdr32_special(t, e);
        if (e->opcode == REFUSED)
            return;
    }
    Gva at = e->addr;
    if (su_msghdr(t, &at))
        no_descriptor(e);
    e->addr = at;
}

/* Vectors of 32-bit guests become the host's, unless the ring is narrow; those and headers of messages are
 * then plain memory. */
static void lists32(LuThread *t, char kinds[7], uint64_t v[7], bool narrow)
{
    for (unsigned i = 0; t->proc->abi->word == 4 && kinds[i]; i++) {
        bool vector = kinds[i] == 'v' || kinds[i] == 'V';
        if (!vector && kinds[i] != 'h')
            continue;
        v[i] = su_pointer(t->proc, v[i]);
        if (vector && !narrow)
            v[i] = (uintptr_t)lu32_iovec(t, v[i], v[i + 1]);
        kinds[i] = 'x';
    }
}

static void arguments(LuThread *t, struct io_uring_sqe *e, const UringOp *op, bool narrow)
{
    const char *from = op->call ? lu_syscall_rows[op->call - 1].kinds : op->kinds;
    char kinds[7] = "";
    uint64_t v[7] = {0};
    for (unsigned i = 0; op->fields[i]; i++) {
        kinds[i] = is_index(e, op->fields[i]) ? 'd' : from[i];
        v[i] = field_get(e, op->fields[i]);
    }
    lists32(t, kinds, v, narrow);
    for (unsigned i = 0; kinds[i]; i++) {
        long err = lu_arg_check(t->proc, kinds, v, i);
        if (err)
            v[i] = err == -EBADF ? (uint64_t)NO_DESCRIPTOR : nowhere;
        if (kinds[i] == 'a' && v[i])
            su_sockaddr(t, &v[i], &v[i + 1]);
    }
    if (UNLIKELY(lu_mm_guards(t->proc->mm)))
        lu_args_open(t->proc, kinds, v);
    lu_args_paths(t, kinds, v); /* one that is too long, or not there, the kernel refuses in its turn */
    for (unsigned i = 0; op->fields[i]; i++)
        field_set(e, op->fields[i], v[i]);
}

void lu_uring_translate(LuThread *t, struct io_uring_sqe *e, bool narrow)
{
    if (!lu_uring_knows(t->proc, e->opcode, narrow)) {
        e->opcode = REFUSED;
        return;
    }
    const UringOp *op = &ops[e->opcode];
    if (op->special == 'o')
        openat_special(t, e);
    if (e->opcode == REFUSED)
        return;
    arguments(t, e, op, narrow);
    switch (op->special) {
    case 'e': epoll_event(t, e); break;
    case 'q': openat2_special(t, e); break;
    case 'm': msghdr_special(t, e, narrow); break;
    default: break;
    }
}
