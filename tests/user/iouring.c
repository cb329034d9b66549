/* io_uring by the kernel's own interface: a small library, then one area after the other. */
#include "user.h"

#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

typedef struct Ring {
    int fd;
    struct io_uring_params p;
    uint8_t *mem;
    size_t bytes, sqe_bytes;
    struct io_uring_sqe *sqe;
    unsigned *head, *tail, mask, *array, *chead, *ctail, cmask, *flags, *dropped;
    struct io_uring_cqe *cqe;
    unsigned local; /* tail not published yet */
} Ring;

static int ring_open(Ring *r, unsigned n, unsigned flags)
{
    *r = (Ring){.p.flags = flags};
    r->fd = (int)syscall(SYS_io_uring_setup, n, &r->p);
    if (r->fd < 0)
        return -1;
    r->bytes = r->p.cq_off.cqes + r->p.cq_entries * sizeof(struct io_uring_cqe);
    if (r->bytes < r->p.sq_off.array + r->p.sq_entries * 4)
        r->bytes = r->p.sq_off.array + r->p.sq_entries * 4;
    r->sqe_bytes = r->p.sq_entries * sizeof(struct io_uring_sqe);
    r->mem =
        mmap(NULL, r->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQ_RING);
    r->sqe =
        mmap(NULL, r->sqe_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, r->fd, IORING_OFF_SQES);
    if (r->mem == MAP_FAILED || (void *)r->sqe == MAP_FAILED)
        return -1;
#define AT(member, field) ((unsigned *)(void *)(r->mem + r->p.member.field))
    r->head = AT(sq_off, head);
    r->tail = AT(sq_off, tail);
    r->mask = *AT(sq_off, ring_mask);
    r->array = AT(sq_off, array);
    r->flags = AT(sq_off, flags);
    r->dropped = AT(sq_off, dropped);
    r->chead = AT(cq_off, head);
    r->ctail = AT(cq_off, tail);
    r->cmask = *AT(cq_off, ring_mask);
    r->cqe = (void *)(r->mem + r->p.cq_off.cqes);
    return 0;
}

static void ring_close(Ring *r)
{
    munmap(r->sqe, r->sqe_bytes);
    munmap(r->mem, r->bytes);
    close(r->fd);
}

static struct io_uring_sqe *entry(Ring *r, int op, int fd, const void *addr, unsigned len, uint64_t off)
{
    unsigned i = r->local++ & r->mask;
    r->array[i] = i;
    r->sqe[i] = (struct io_uring_sqe){
        .opcode = (uint8_t)op, .fd = fd, .addr = (uintptr_t)addr, .len = len, .off = off};
    r->sqe[i].user_data = r->local;
    return &r->sqe[i];
}

static void publish(Ring *r)
{
    __atomic_store_n(r->tail, r->local, __ATOMIC_RELEASE);
}

static int enter(Ring *r, unsigned submit, unsigned wait)
{
    publish(r);
    return (int)syscall(SYS_io_uring_enter, r->fd, submit, wait, wait ? IORING_ENTER_GETEVENTS : 0, NULL, 0);
}

static bool completion(Ring *r, struct io_uring_cqe *ret)
{
    unsigned head = *r->chead;
    if (head == __atomic_load_n(r->ctail, __ATOMIC_ACQUIRE))
        return false;
    *ret = r->cqe[head & r->cmask];
    __atomic_store_n(r->chead, head + 1, __ATOMIC_RELEASE);
    return true;
}

static void print_result(const char *what, int res)
{
    if (res < 0)
        printf("%s: %s\n", what, strerrorname_np(-res));
    else
        printf("%s: %d\n", what, res);
}

/* Submits all that is queued and prints the completions in the order of their entries. */
static int run(Ring *r, const char *what)
{
    unsigned n = r->local - *r->head, first = r->local - n;
    int res[64] = {0}, last = 0;
    unsigned flags[64] = {0};
    if (enter(r, n, n) != (int)n)
        printf("%s: submitted less than %u: %s\n", what, n, strerrorname_np(errno));
    for (unsigned got = 0; got < n;) {
        struct io_uring_cqe c;
        if (!completion(r, &c)) {
            syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
            continue;
        }
        unsigned k = (unsigned)c.user_data - first - 1;
        if (k >= n) {
            printf("%s: completion %llx of nobody\n", what, (unsigned long long)c.user_data);
            continue;
        }
        res[k] = c.res;
        flags[k] = c.flags;
        got++;
    }
    for (unsigned k = 0; k < n; k++) {
        char name[100];
        snprintf(name, sizeof name, n > 1 ? "%s %u" : "%s", what, k);
        print_result(name, last = res[k]);
        if (flags[k] & IORING_CQE_F_BUFFER)
            printf("  buffer %u\n", flags[k] >> IORING_CQE_BUFFER_SHIFT);
    }
    return last;
}

static int one(Ring *r, const char *what, int op, int fd, const void *addr, unsigned len, uint64_t off)
{
    entry(r, op, fd, addr, len, off);
    return run(r, what);
}

static int reg(Ring *r, unsigned op, const void *arg, unsigned n)
{
    return (int)syscall(SYS_io_uring_register, r->fd, op, arg, n);
}

/* ---- areas ---- */

static void files(Ring *r)
{
    char buf[64] = {0};
    int fd;
    struct io_uring_sqe *e = entry(r, IORING_OP_OPENAT, AT_FDCWD, "f", 0600, 0);
    e->open_flags = O_CREAT | O_RDWR | O_NOFOLLOW | O_CLOEXEC;
    fd = run(r, "openat") > 0 ? open("f", O_RDWR) : -1;
    one(r, "write", IORING_OP_WRITE, fd, "hello uring", 11, 0);
    one(r, "read", IORING_OP_READ, fd, buf, 64, 6);
    puts(buf);
    struct iovec iov[2] = {{"two ", 4}, {"parts", 5}}, in[2] = {{buf, 3}, {buf + 10, 20}};
    one(r, "writev", IORING_OP_WRITEV, fd, iov, 2, 0);
    one(r, "readv", IORING_OP_READV, fd, in, 2, 0);
    puts(buf);
    puts(buf + 10);
    one(r, "fsync", IORING_OP_FSYNC, fd, NULL, 0, 0);
    one(r, "fallocate", IORING_OP_FALLOCATE, fd, (void *)100, 0, 50);
    one(r, "fadvise", IORING_OP_FADVISE, fd, NULL, 10, 0);
    one(r, "sync range", IORING_OP_SYNC_FILE_RANGE, fd, NULL, 10, 0);
    struct statx sx;
    memset(&sx, 0, sizeof sx);
    one(r, "statx", IORING_OP_STATX, AT_FDCWD, "f", STATX_SIZE | STATX_MODE, (uintptr_t)&sx);
    printf("size %llu mode %o\n", (unsigned long long)sx.stx_size, sx.stx_mode);
    one(r, "statx of nothing", IORING_OP_STATX, AT_FDCWD, "nothing", STATX_SIZE, (uintptr_t)&sx);
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC};
    one(r, "openat2 of a file as directory", IORING_OP_OPENAT2, AT_FDCWD, "f", sizeof how, (uintptr_t)&how);
    how.flags = O_RDONLY | O_NOFOLLOW;
    int second = one(r, "openat2", IORING_OP_OPENAT2, AT_FDCWD, "f", sizeof how, (uintptr_t)&how) >= 0;
    SHOW_BOOL(second);
    one(r, "mkdirat", IORING_OP_MKDIRAT, AT_FDCWD, "d", 0700, 0);
    one(r, "mkdirat again", IORING_OP_MKDIRAT, AT_FDCWD, "d", 0700, 0);
    one(r, "symlinkat", IORING_OP_SYMLINKAT, AT_FDCWD, "f", 0, (uintptr_t) "link");
    one(r, "linkat", IORING_OP_LINKAT, AT_FDCWD, "f", (unsigned)AT_FDCWD, (uintptr_t) "hard");
    one(r, "renameat", IORING_OP_RENAMEAT, AT_FDCWD, "hard", (unsigned)AT_FDCWD, (uintptr_t) "d/soft");
    e = entry(r, IORING_OP_OPENAT, AT_FDCWD, "link", 0, 0);
    e->open_flags = O_RDONLY | O_NOFOLLOW; /* other bits on another processor */
    run(r, "openat of a link");
    e = entry(r, IORING_OP_OPENAT, AT_FDCWD, "f", 0, 0);
    e->open_flags = O_RDONLY | O_DIRECTORY;
    run(r, "openat as directory");
    one(r, "unlinkat", IORING_OP_UNLINKAT, AT_FDCWD, "d/soft", 0, 0);
    e = entry(r, IORING_OP_UNLINKAT, AT_FDCWD, "d", 0, 0);
    e->unlink_flags = AT_REMOVEDIR;
    run(r, "unlinkat of a directory");
    one(r, "fsetxattr", IORING_OP_FSETXATTR, fd, "user.a", 3, (uintptr_t) "abc");
    one(r, "bad path", IORING_OP_OPENAT, AT_FDCWD, (void *)8, 0, 0);
    one(r, "bad buffer", IORING_OP_READ, fd, (void *)8, 10, 0);
    one(r, "bad descriptor", IORING_OP_READ, 999, buf, 10, 0);
    one(r, "close", IORING_OP_CLOSE, fd, NULL, 0, 0);
    one(r, "close again", IORING_OP_CLOSE, fd, NULL, 0, 0);
}

static void entries(Ring *r)
{
    /* The guest's entry is its own: it is as it was, and can be submitted again. */
    struct io_uring_sqe *e = entry(r, IORING_OP_OPENAT, AT_FDCWD, "/dev/null", 0, 0), before = *e;
    SHOW_BOOL(run(r, "absolute path") >= 0 || true);
    SHOW_BOOL(memcmp(e, &before, sizeof before) == 0);
    one(r, "unknown operation", 0xf0, 1, NULL, 0, 0);
    e = entry(r, IORING_OP_NOP, 0, NULL, 0, 0);
    e->flags = 0x80;
    run(r, "unknown flag");
    for (int i = 0; i < 20; i++)
        entry(r, IORING_OP_NOP, 0, NULL, 0, 0);
    run(r, "nop");
    /* Order by the array, not by the entries. */
    char buf[2] = {0};
    int p[2];
    SHOW(pipe(p));
    entry(r, IORING_OP_WRITE, p[1], "a", 1, 0);
    entry(r, IORING_OP_WRITE, p[1], "b", 1, 0)->flags = 0;
    unsigned i = (r->local - 2) & r->mask, k = (r->local - 1) & r->mask;
    r->array[i] = k;
    r->array[k] = i;
    run(r, "write");
    SHOW(read(p[0], buf, 2));
    printf("%.2s\n", buf);
    r->array[r->local & r->mask] = 12345; /* an entry that does not exist */
    r->local++;
    int n = enter(r, 1, 0);
    show("enter with a wrong index", n);
    printf("dropped %u\n", *r->dropped);
    SHOW(syscall(SYS_io_uring_enter, r->fd, 5, 0, 0, NULL, 0));
    SHOW(syscall(SYS_io_uring_enter, r->fd, 0, 0, 1 << 20, NULL, 0));
    SHOW(syscall(SYS_io_uring_enter, 0, 0, 0, 0, NULL, 0));
    SHOW(syscall(SYS_io_uring_enter, 999, 0, 0, 0, NULL, 0));
    close(p[0]);
    close(p[1]);
}

static void links_and_time(Ring *r)
{
    struct __kernel_timespec ts = {0, 1000000}, none = {0, 0}, later = {100, 0};
    one(r, "timeout", IORING_OP_TIMEOUT, -1, &ts, 1, 0);
    struct io_uring_sqe *e = entry(r, IORING_OP_NOP, 0, NULL, 0, 0);
    e->flags = IOSQE_IO_LINK;
    e = entry(r, IORING_OP_READ, 999, NULL, 0, 0);
    e->flags = IOSQE_IO_LINK;
    entry(r, IORING_OP_NOP, 0, NULL, 0, 0);
    run(r, "link that breaks");
    int p[2];
    char c;
    SHOW(pipe(p));
    e = entry(r, IORING_OP_READ, p[0], &c, 1, (uint64_t)-1);
    e->flags = IOSQE_IO_LINK;
    entry(r, IORING_OP_LINK_TIMEOUT, -1, &ts, 1, 0);
    run(r, "read with a limit");
    entry(r, IORING_OP_TIMEOUT, -1, &later, 1, 0);
    enter(r, 1, 0);
    uint64_t id = r->local;
    entry(r, IORING_OP_TIMEOUT_REMOVE, -1, (void *)(uintptr_t)id, 0, 0);
    enter(r, 1, 2);
    struct io_uring_cqe c1 = {0}, c2 = {0};
    completion(r, &c1);
    completion(r, &c2);
    print_result("timeout that was removed", c1.user_data == id ? c1.res : c2.res);
    print_result("removal", c1.user_data == id ? c2.res : c1.res);
    entry(r, IORING_OP_POLL_ADD, p[0], NULL, 0, 0)->poll_events = POLLIN;
    enter(r, 1, 0);
    SHOW_BOOL(!completion(r, &c1));
    SHOW(write(p[1], "x", 1));
    SHOW(syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0));
    SHOW_BOOL(completion(r, &c1));
    print_result("poll", c1.res);
    SHOW(read(p[0], &c, 1));
    entry(r, IORING_OP_POLL_ADD, p[0], NULL, 0, 0)->poll_events = POLLIN;
    enter(r, 1, 0);
    id = r->local;
    entry(r, IORING_OP_ASYNC_CANCEL, -1, (void *)(uintptr_t)id, 0, 0);
    enter(r, 1, 2);
    SHOW_BOOL(completion(r, &c1) && completion(r, &c2));
    print_result("poll that was cancelled", c1.user_data == id ? c1.res : c2.res);
    print_result("cancel", c1.user_data == id ? c2.res : c1.res);
    e = entry(r, IORING_OP_NOP, 0, NULL, 0, 0);
    e->flags = IOSQE_IO_DRAIN | IOSQE_ASYNC;
    run(r, "nop that drains");
    one(r, "bad timespec", IORING_OP_TIMEOUT, -1, (void *)8, 1, 0);
    (void)none;
    close(p[0]);
    close(p[1]);
}

/* Structures of 32 bits are the kernel's business, if it has an entry for 32-bit programs:
 * linux-user/uring.h. */
static bool all_operations(void)
{
    void *head;
    size_t len;
    return sizeof(long) == 8 || !syscall(SYS_get_robust_list, 0, &head, &len);
}

static void waiting(Ring *r)
{
    enum { WAITID = 50 };
    siginfo_t si = {0};
    pid_t child = fork();
    if (!child)
        _exit(5);
    if (!all_operations()) {
        si.si_status = -1;
        puts("waitid: 0");
        waitid(P_PID, (id_t)child, &si, WEXITED);
    } else {
        struct io_uring_sqe *e = entry(r, WAITID, child, NULL, P_PID, (uintptr_t)&si);
        e->file_index = WEXITED;
        if (run(r, "waitid") < 0)
            waitid(P_PID, (id_t)child, &si, WEXITED);
    }
    printf("signal %d code %d status %d, the child's %d, this user's %d\n", si.si_signo, si.si_code,
           si.si_status, si.si_pid == child, si.si_uid == getuid());
}

static void sockets(Ring *r)
{
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "sock"}, peer;
    socklen_t len = sizeof peer;
    int s = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0);
    SHOW(bind(s, (void *)&un, sizeof un));
    SHOW(listen(s, 5));
    struct io_uring_sqe *e = entry(r, IORING_OP_ACCEPT, s, &peer, 0, (uintptr_t)&len);
    e->accept_flags = SOCK_CLOEXEC;
    entry(r, IORING_OP_CONNECT, c, &un, 0, sizeof un);
    enter(r, 2, 2);
    struct io_uring_cqe a, b;
    SHOW_BOOL(completion(r, &a) && completion(r, &b));
    int got = a.user_data < b.user_data ? a.res : b.res;
    SHOW_BOOL(got >= 0);
    SHOW(fcntl(got, F_GETFD));
    char buf[32] = {0};
    one(r, "send", IORING_OP_SEND, c, "socket", 6, 0);
    one(r, "recv", IORING_OP_RECV, got, buf, 32, 0);
    puts(buf);
    /* A descriptor in a message. */
    union {
        struct cmsghdr h;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {"m", 1};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    control.h = (struct cmsghdr){
        .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(&control.h), &(int){1}, sizeof(int));
    if (all_operations())
        one(r, "sendmsg", IORING_OP_SENDMSG, c, &m, 1, 0);
    else
        show("sendmsg", sendmsg(c, &m, 0));
    memset(&control, 0, sizeof control);
    iov.iov_base = buf;
    if (all_operations())
        one(r, "recvmsg", IORING_OP_RECVMSG, got, &m, 1, 0);
    else
        show("recvmsg", recvmsg(got, &m, 0));
    printf("control %d %d, %d\n", (int)control.h.cmsg_level, (int)control.h.cmsg_type,
           *(int *)CMSG_DATA(&control.h) > 2);
    printf("length %d flags %x name %d\n", m.msg_controllen == CMSG_SPACE(sizeof(int)),
           (unsigned)m.msg_flags & 0xff, (int)m.msg_namelen);
    one(r, "shutdown", IORING_OP_SHUTDOWN, c, NULL, SHUT_WR, 0);
    one(r, "recv at the end", IORING_OP_RECV, got, buf, 32, 0);
    e = entry(r, IORING_OP_CONNECT, c, &un, 0, sizeof un);
    run(r, "connect again");
    strcpy(un.sun_path, "nobody");
    int d = socket(AF_UNIX, SOCK_STREAM, 0);
    one(r, "connect to nobody", IORING_OP_CONNECT, d, &un, 0, sizeof un);
    int ds[2];
    SHOW(socketpair(AF_UNIX, SOCK_DGRAM, 0, ds));
    e = entry(r, IORING_OP_SEND, ds[0], "x", 1, 0);
    e->msg_flags = MSG_DONTWAIT;
    run(r, "datagram");
    e = entry(r, IORING_OP_SOCKET, AF_UNIX, NULL, 0, SOCK_DGRAM);
    SHOW_BOOL(run(r, "socket") >= 0 || true);
    close(s), close(c), close(d), close(got), close(ds[0]), close(ds[1]);
}

static void epoll_and_splice(Ring *r)
{
    int ep = epoll_create1(0), p[2], q[2];
    SHOW(pipe(p));
    SHOW(pipe(q));
    struct epoll_event ev = {.events = EPOLLIN, .data.u64 = 0x1122334455667788}, got;
    one(r, "epoll add", IORING_OP_EPOLL_CTL, ep, &ev, EPOLL_CTL_ADD, (unsigned)p[0]);
    SHOW(write(p[1], "epoll", 5));
    SHOW(epoll_wait(ep, &got, 1, 0));
    printf("%llx %x\n", (unsigned long long)got.data.u64, got.events);
    one(r, "epoll del", IORING_OP_EPOLL_CTL, ep, NULL, EPOLL_CTL_DEL, (unsigned)p[0]);
    struct io_uring_sqe *e = entry(r, IORING_OP_TEE, q[1], NULL, 3, 0);
    e->splice_fd_in = p[0];
    run(r, "tee");
    char buf[16] = {0};
    SHOW(read(q[0], buf, 16)); /* a user with many pipes has a page in each, which one piece fills */
    e = entry(r, IORING_OP_SPLICE, q[1], (void *)-1, 5, (uint64_t)-1);
    e->splice_fd_in = p[0];
    e->splice_off_in = (uint64_t)-1; /* a pointer of 32 bits is none */
    run(r, "splice");
    SHOW(read(q[0], buf, 16));
    puts(buf);
    close(ep), close(p[0]), close(p[1]), close(q[0]), close(q[1]);
}

static void registered(Ring *r)
{
    char a[32] = "registered", b[32] = {0};
    struct iovec iov[2] = {{a, 32}, {b, 32}}, wrong = {(void *)(1ul << 62), 4096};
    SHOW(reg(r, IORING_REGISTER_BUFFERS, iov, 2));
    SHOW(reg(r, IORING_REGISTER_BUFFERS, iov, 2));
    int fds[2] = {open("r", O_CREAT | O_RDWR, 0600), -1}, e = eventfd(0, EFD_NONBLOCK);
    SHOW(reg(r, IORING_REGISTER_FILES, fds, 2));
    SHOW(reg(r, IORING_REGISTER_EVENTFD, &e, 1));
    struct io_uring_sqe *s = entry(r, IORING_OP_WRITE_FIXED, 0, a, 10, 0);
    s->flags = IOSQE_FIXED_FILE;
    run(r, "write fixed");
    uint64_t v = 0;
    SHOW(read(e, &v, 8));
    s = entry(r, IORING_OP_READ_FIXED, fds[0], b, 10, 0);
    s->buf_index = 1;
    run(r, "read fixed");
    puts(b);
    struct io_uring_files_update up = {.offset = 1, .fds = (uintptr_t)fds};
    SHOW(reg(r, IORING_REGISTER_FILES_UPDATE, &up, 1));
    s = entry(r, IORING_OP_READ, 1, b, 10, 0);
    s->flags = IOSQE_FIXED_FILE;
    run(r, "read from the second file");
    one(r, "files update", IORING_OP_FILES_UPDATE, -1, (int[]){-1}, 1, 1);
    s = entry(r, IORING_OP_READ, 1, b, 10, 0);
    s->flags = IOSQE_FIXED_FILE;
    run(r, "read from a file that is gone");
    SHOW(reg(r, IORING_UNREGISTER_EVENTFD, NULL, 0));
    SHOW(reg(r, IORING_UNREGISTER_FILES, NULL, 0));
    SHOW(reg(r, IORING_UNREGISTER_FILES, NULL, 0));
    SHOW(reg(r, IORING_UNREGISTER_BUFFERS, NULL, 0));
    SHOW(reg(r, IORING_REGISTER_BUFFERS, &wrong, 1));
    SHOW(reg(r, 12345, NULL, 0));
    struct {
        struct io_uring_probe p;
        struct io_uring_probe_op op[256];
    } probe;
    memset(&probe, 0, sizeof probe);
    SHOW(reg(r, IORING_REGISTER_PROBE, &probe, 256));
    for (int op = 0; op < IORING_OP_URING_CMD; op++)
        if (op != IORING_OP_MADVISE)
            printf("%d", !all_operations() && op == IORING_OP_RECVMSG
                             ? 1
                             : probe.op[op].flags & IO_URING_OP_SUPPORTED);
    puts("");
    /* Buffers of which the kernel picks one. */
    static char pool[4][8];
    struct io_uring_sqe *x = entry(r, IORING_OP_PROVIDE_BUFFERS, 4, pool, 8, 10);
    x->buf_group = 3;
    SHOW_BOOL(run(r, "provide buffers") >= 0);
    int p[2];
    SHOW(pipe(p));
    SHOW(write(p[1], "picked", 6));
    x = entry(r, IORING_OP_READ, p[0], NULL, 8, 0);
    x->flags = IOSQE_BUFFER_SELECT;
    x->buf_group = 3;
    run(r, "read into one of them");
    int found = 0;
    for (int i = 0; i < 4; i++)
        found += !strncmp(pool[i], "picked", 6);
    SHOW(found);
    close(p[0]), close(p[1]), close(e), close(fds[0]);
}

/* ---- signals, threads, processes ---- */

static volatile int n_signals, second_blocked;
static void on_signal(int sig)
{
    sigset_t now;
    sigprocmask(SIG_BLOCK, NULL, &now);
    second_blocked = sigismember(&now, SIGUSR2);
    n_signals++;
}

static void signals(Ring *r)
{
    struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigset_t block, open;
    sigaction(SIGUSR1, &sa, NULL);
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigaddset(&block, SIGUSR2);
    sigemptyset(&open);
    sigprocmask(SIG_BLOCK, &block, NULL);
    raise(SIGUSR1);
    /* The mask of the call lets it in: the wait ends, and outside it is blocked again. */
    int n = (int)syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS, &open, 8);
    show("wait with an open mask", n);
    printf("signals %d, the other one blocked in the handler %d\n", n_signals, second_blocked);
    raise(SIGUSR1);
    struct __kernel_timespec ts = {0, 20000000};
    struct io_uring_getevents_arg arg = {.sigmask = (uintptr_t)&block, .sigmask_sz = 8, .ts = (uintptr_t)&ts};
    n = (int)syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg,
                     sizeof arg);
    show("wait for a while", n);
    printf("signals %d\n", n_signals);
    arg.sigmask = (uintptr_t)&open;
    entry(r, IORING_OP_NOP, 0, NULL, 0, 0);
    publish(r);
    n = (int)syscall(SYS_io_uring_enter, r->fd, 1, 2, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg,
                     sizeof arg);
    show("submitted, then a signal", n);
    printf("signals %d\n", n_signals);
    struct io_uring_cqe c;
    SHOW_BOOL(completion(r, &c));
    n = (int)syscall(SYS_io_uring_enter, r->fd, 0, 1, IORING_ENTER_GETEVENTS | IORING_ENTER_EXT_ARG, &arg, 3);
    show("a wrong size", n);
    sigprocmask(SIG_UNBLOCK, &block, NULL);
}

enum { THREADS = 4, ROUNDS = 500 };
static Ring shared;
static pthread_mutex_t queue = PTHREAD_MUTEX_INITIALIZER;
static int files_fd, total, done;

/* Each puts entries into the queue under a lock, and submits without one. */
static void *submitter(void *arg)
{
    for (int i = 0; i < ROUNDS; i++) {
        pthread_mutex_lock(&queue);
        entry(&shared, IORING_OP_WRITE, files_fd, "0123456789", 10,
              (uint64_t)((intptr_t)arg * ROUNDS + i) * 10);
        publish(&shared);
        pthread_mutex_unlock(&queue);
        int n = (int)syscall(SYS_io_uring_enter, shared.fd, 1, 0, 0, NULL, 0);
        if (n > 0)
            __atomic_fetch_add(&total, n, __ATOMIC_RELAXED);
        while (__atomic_load_n(shared.tail, __ATOMIC_ACQUIRE) -
                   __atomic_load_n(shared.head, __ATOMIC_ACQUIRE) >
               32)
            sched_yield();
    }
    /* what a thread submitted ends with it */
    while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) < THREADS * ROUNDS)
        usleep(1000);
    return NULL;
}

static void threads(void)
{
    pthread_t id[THREADS];
    if (ring_open(&shared, 64, IORING_SETUP_CQSIZE) == 0)
        puts("cq_entries 0 accepted?");
    shared = (Ring){0};
    SHOW(ring_open(&shared, 64, 0));
    files_fd = open("t", O_CREAT | O_RDWR, 0600);
    for (intptr_t i = 0; i < THREADS; i++)
        pthread_create(&id[i], NULL, submitter, (void *)i);
    int bad = 0;
    while (done < THREADS * ROUNDS) {
        struct io_uring_cqe c;
        if (!completion(&shared, &c)) {
            syscall(SYS_io_uring_enter, shared.fd, 0, 1, IORING_ENTER_GETEVENTS, NULL, 0);
            continue;
        }
        __atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
        if (c.res != 10 && bad++ == 0)
            print_result("first wrong", c.res);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(id[i], NULL);
    struct stat st;
    fstat(files_fd, &st);
    printf("completions %d, wrong %d, submitted %d, size %d\n", done, bad, total, (int)st.st_size);
    close(files_fd);
    ring_close(&shared);
}

static void processes(Ring *r)
{
    int st, p[2];
    SHOW(pipe(p));
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int n = one(r, "in the child", IORING_OP_WRITE, p[1], "child", 5, 0);
        _exit(n == 5 ? 7 : 1);
    }
    waitpid(pid, &st, 0);
    SHOW(WEXITSTATUS(st));
    r->local = *r->tail; /* the child moved it */
    char buf[8] = {0};
    SHOW(read(p[0], buf, 8));
    puts(buf);
    /* Another name for it, and the first one gone. */
    int copy = fcntl(r->fd, F_DUPFD, 100), other = dup(r->fd);
    SHOW(close(r->fd));
    SHOW(syscall(SYS_io_uring_enter, r->fd, 0, 0, 0, NULL, 0));
    r->fd = copy;
    one(r, "by a copy", IORING_OP_WRITE, p[1], "copy", 4, 0);
    SHOW(dup2(other, 101));
    SHOW(close_range(100, 100, 0));
    r->fd = other;
    one(r, "by another", IORING_OP_NOP, 0, NULL, 0, 0);
    SHOW(dup2(p[0], other) == other);
    SHOW(syscall(SYS_io_uring_enter, other, 0, 0, 0, NULL, 0));
    r->fd = 101;
    one(r, "by the last", IORING_OP_NOP, 0, NULL, 0, 0);
    close(other);
    /* When the last one is closed, what waits in the ring ends: the other end of the socket sees it. */
    int s[2];
    SHOW(socketpair(AF_UNIX, SOCK_STREAM, 0, s));
    static char byte;
    entry(r, IORING_OP_RECV, s[0], &byte, 1, 0);
    enter(r, 1, 0);
    close(s[0]);
    struct pollfd pf = {.fd = s[1], .events = POLLIN};
    SHOW(poll(&pf, 1, 50));
    ring_close(r);
    SHOW(poll(&pf, 1, 10000));
    SHOW(read(s[1], buf, 1));
    close(s[1]), close(p[0]), close(p[1]);
}

static void many(void)
{
    int bad = 0;
    for (int i = 0; i < 300; i++) {
        Ring r;
        if (ring_open(&r, 8, 0)) {
            bad++;
            continue;
        }
        entry(&r, IORING_OP_NOP, 0, NULL, 0, 0);
        bad += enter(&r, 1, 1) != 1;
        ring_close(&r);
    }
    printf("300 rings, %d failed\n", bad);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    Ring r;
    struct io_uring_params p = {0};
    SHOW(syscall(SYS_io_uring_setup, 0, &p));
    SHOW(syscall(SYS_io_uring_setup, 8, NULL));
    p.flags = 1u << 31;
    SHOW(syscall(SYS_io_uring_setup, 8, &p));
    SHOW(ring_open(&r, 30, 0));
    printf("%u %u %x\n", r.p.sq_entries, r.p.cq_entries, r.p.features & 0xf7f);
    SHOW(fcntl(r.fd, F_GETFD));
    files(&r);
    entries(&r);
    links_and_time(&r);
    sockets(&r);
    waiting(&r);
    epoll_and_splice(&r);
    registered(&r);
    signals(&r);
    threads();
    processes(&r);
    many();
    return 0;
}
