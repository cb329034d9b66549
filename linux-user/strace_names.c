/* Names of constants for -strace. Values come from the UAPI headers; those of asm-generic agree with the
 * host's. */
#include "linux-user/strace.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

typedef struct ErrName {
    int16_t err;
    char name[18];
    char text[54];
} ErrName;

static const ErrName err_names[] = {
#define E(name, text) {name, #name, text},
#include "linux-user/errno.def"
#undef E
};

static const ErrName *err_find(int err)
{
    for (unsigned i = 0; i < ARRAY_SIZE(err_names); i++) {
        if (err_names[i].err == err)
            return &err_names[i];
    }
    return NULL;
}

const char *lu_errno_name(int err)
{
    const ErrName *e = err_find(err);
    return e ? e->name : NULL;
}

const char *lu_errno_text(int err)
{
    const ErrName *e = err_find(err);
    return e ? e->text : "Unknown error";
}

typedef struct ConstName {
    uint64_t val;
    char kind;     /* of syscalls.def */
    uint8_t exact; /* 1: the value (within the kind's mask) equals; 0: a set of bits */
    char name[30];
} ConstName;

#define B(kind, name) {(uint64_t)(name), kind, 0, #name},
#define X(kind, name) {(uint64_t)(name), kind, 1, #name},
/* Of one kind, sets of several bits stand before their parts. */
static const ConstName names[] = {
    X('O', O_RDONLY) X('O', O_WRONLY) X('O', O_RDWR) B('O', O_TMPFILE) B('O', O_SYNC) B('O', O_CREAT)
    B('O', O_EXCL)
    B('O', O_NOCTTY) B('O', O_TRUNC) B('O', O_APPEND) B('O', O_NONBLOCK) B('O', O_DSYNC) B('O', O_ASYNC)
    B('O', O_DIRECT) B('O', O_DIRECTORY) B('O', O_NOFOLLOW) B('O', O_NOATIME) B('O', O_CLOEXEC) B('O', O_PATH)
    {0100000, 'O', 0, "O_LARGEFILE"},
    B('A', AT_SYMLINK_NOFOLLOW) B('A', AT_REMOVEDIR) B('A', AT_SYMLINK_FOLLOW) B('A', AT_NO_AUTOMOUNT)
    B('A', AT_EMPTY_PATH) {0x2000, 'A', 0, "AT_STATX_FORCE_SYNC"}, {0x4000, 'A', 0, "AT_STATX_DONT_SYNC"},
    X('P', PROT_NONE) B('P', PROT_READ) B('P', PROT_WRITE) B('P', PROT_EXEC) B('P', PROT_GROWSDOWN)
    B('M', MAP_SHARED) B('M', MAP_PRIVATE) B('M', MAP_FIXED_NOREPLACE) B('M', MAP_FIXED) B('M', MAP_ANONYMOUS)
    B('M', MAP_GROWSDOWN) B('M', MAP_LOCKED) B('M', MAP_NORESERVE) B('M', MAP_POPULATE) B('M', MAP_NONBLOCK)
    B('M', MAP_STACK) B('M', MAP_HUGETLB)
    B('C', CLONE_VM) B('C', CLONE_FS) B('C', CLONE_FILES) B('C', CLONE_SIGHAND) B('C', CLONE_PIDFD)
    B('C', CLONE_PTRACE) B('C', CLONE_VFORK) B('C', CLONE_PARENT) B('C', CLONE_THREAD) B('C', CLONE_NEWNS)
    B('C', CLONE_SYSVSEM) B('C', CLONE_SETTLS) B('C', CLONE_PARENT_SETTID) B('C', CLONE_CHILD_CLEARTID)
    B('C', CLONE_DETACHED) B('C', CLONE_UNTRACED) B('C', CLONE_CHILD_SETTID) B('C', CLONE_NEWCGROUP)
    B('C', CLONE_NEWUTS) B('C', CLONE_NEWIPC) B('C', CLONE_NEWUSER) B('C', CLONE_NEWPID) B('C', CLONE_NEWNET)
    B('C', CLONE_IO)
    X('W', SEEK_SET) X('W', SEEK_CUR) X('W', SEEK_END) X('W', SEEK_DATA) X('W', SEEK_HOLE)
    X('D', AF_UNSPEC) X('D', AF_UNIX) X('D', AF_INET) X('D', AF_INET6) X('D', AF_NETLINK) X('D', AF_PACKET)
    X('D', AF_ALG) X('D', AF_VSOCK)
    X('Y', SOCK_STREAM) X('Y', SOCK_DGRAM) X('Y', SOCK_RAW) X('Y', SOCK_SEQPACKET) B('Y', SOCK_CLOEXEC)
    B('Y', SOCK_NONBLOCK)
    B('Z', MSG_OOB) B('Z', MSG_PEEK) B('Z', MSG_DONTROUTE) B('Z', MSG_CTRUNC) B('Z', MSG_TRUNC)
    B('Z', MSG_DONTWAIT)
    B('Z', MSG_EOR) B('Z', MSG_WAITALL) B('Z', MSG_NOSIGNAL) B('Z', MSG_MORE) B('Z', MSG_WAITFORONE)
    B('Z', MSG_CMSG_CLOEXEC)
    X('U', FUTEX_WAIT) X('U', FUTEX_WAKE) X('U', FUTEX_REQUEUE) X('U', FUTEX_CMP_REQUEUE)
    X('U', FUTEX_WAKE_OP)
    X('U', FUTEX_LOCK_PI) X('U', FUTEX_UNLOCK_PI) X('U', FUTEX_TRYLOCK_PI) X('U', FUTEX_WAIT_BITSET)
    X('U', FUTEX_WAKE_BITSET) X('U', FUTEX_WAIT_REQUEUE_PI) X('U', FUTEX_CMP_REQUEUE_PI)
    B('U', FUTEX_PRIVATE_FLAG) B('U', FUTEX_CLOCK_REALTIME)
    X('E', EPOLL_CTL_ADD) X('E', EPOLL_CTL_DEL) X('E', EPOLL_CTL_MOD)
    X('K', CLOCK_REALTIME) X('K', CLOCK_MONOTONIC) X('K', CLOCK_PROCESS_CPUTIME_ID)
    X('K', CLOCK_THREAD_CPUTIME_ID)
    X('K', CLOCK_MONOTONIC_RAW) X('K', CLOCK_REALTIME_COARSE) X('K', CLOCK_MONOTONIC_COARSE)
    X('K', CLOCK_BOOTTIME)
    X('K', CLOCK_TAI)
    X('R', RLIMIT_CPU) X('R', RLIMIT_FSIZE) X('R', RLIMIT_DATA) X('R', RLIMIT_STACK) X('R', RLIMIT_CORE)
    X('R', RLIMIT_RSS) X('R', RLIMIT_NPROC) X('R', RLIMIT_NOFILE) X('R', RLIMIT_MEMLOCK) X('R', RLIMIT_AS)
    X('R', RLIMIT_LOCKS) X('R', RLIMIT_SIGPENDING) X('R', RLIMIT_MSGQUEUE) X('R', RLIMIT_NICE)
    X('R', RLIMIT_RTPRIO) X('R', RLIMIT_RTTIME)
    X('Q', PR_SET_PDEATHSIG) X('Q', PR_GET_PDEATHSIG) X('Q', PR_GET_DUMPABLE) X('Q', PR_SET_DUMPABLE)
    X('Q', PR_GET_KEEPCAPS) X('Q', PR_SET_KEEPCAPS) X('Q', PR_SET_NAME) X('Q', PR_GET_NAME)
    X('Q', PR_GET_SECCOMP)
    X('Q', PR_SET_SECCOMP) X('Q', PR_CAPBSET_READ) X('Q', PR_CAPBSET_DROP) X('Q', PR_SET_TIMERSLACK)
    X('Q', PR_GET_TIMERSLACK) X('Q', PR_SET_MM) X('Q', PR_SET_PTRACER) X('Q', PR_SET_CHILD_SUBREAPER)
    X('Q', PR_SET_NO_NEW_PRIVS) X('Q', PR_GET_NO_NEW_PRIVS) X('Q', PR_CAP_AMBIENT) X('Q', PR_SET_VMA)
    X('Q', PR_SET_THP_DISABLE) X('Q', PR_SET_SYSCALL_USER_DISPATCH)
    X('L', F_DUPFD) X('L', F_GETFD) X('L', F_SETFD) X('L', F_GETFL) X('L', F_SETFL) X('L', F_GETLK)
    X('L', F_SETLK)
    X('L', F_SETLKW) X('L', F_SETOWN) X('L', F_GETOWN) X('L', F_SETSIG) X('L', F_GETSIG) X('L', F_SETOWN_EX)
    X('L', F_GETOWN_EX) X('L', F_OFD_GETLK) X('L', F_OFD_SETLK) X('L', F_OFD_SETLKW) X('L', F_SETLEASE)
    X('L', F_GETLEASE) X('L', F_NOTIFY) X('L', F_DUPFD_CLOEXEC) X('L', F_SETPIPE_SZ) X('L', F_GETPIPE_SZ)
    X('L', F_ADD_SEALS) X('L', F_GET_SEALS)
    X('H', SIG_BLOCK) X('H', SIG_UNBLOCK) X('H', SIG_SETMASK)
    X('I', TCGETS) X('I', TCSETS) X('I', TCSETSW) X('I', TCSETSF) X('I', TIOCSCTTY) X('I', TIOCGPGRP)
    X('I', TIOCSPGRP) X('I', TIOCGWINSZ) X('I', TIOCSWINSZ) X('I', FIONREAD) X('I', FIONBIO) X('I', FIOCLEX)
    X('I', FIONCLEX) X('I', TIOCNOTTY) X('I', TIOCGSID) X('I', TIOCGPTN) X('I', TIOCSPTLCK)
    X('I', TIOCGPTPEER)
    B('S', WNOHANG) B('S', WUNTRACED) B('S', WEXITED) B('S', WCONTINUED)
    B('S', WNOWAIT) {0x80000000, 'S', 0, "__WCLONE"},
    {0x40000000, 'S', 0, "__WALL"},
    X('T', F_OK) B('T', R_OK) B('T', W_OK) B('T', X_OK)
    B('G', GRND_NONBLOCK) B('G', GRND_RANDOM) B('G', GRND_INSECURE)
    B('X', MS_RDONLY) B('X', MS_NOSUID) B('X', MS_NODEV) B('X', MS_NOEXEC) B('X', MS_REMOUNT) B('X', MS_BIND)
    B('X', MS_MOVE) B('X', MS_REC) B('X', MS_SILENT) B('X', MS_PRIVATE) B('X', MS_SLAVE) B('X', MS_SHARED)
    X('J', MADV_NORMAL) X('J', MADV_RANDOM) X('J', MADV_SEQUENTIAL) X('J', MADV_WILLNEED)
    X('J', MADV_DONTNEED)
    X('J', MADV_FREE) X('J', MADV_REMOVE) X('J', MADV_DONTFORK) X('J', MADV_DOFORK) X('J', MADV_HUGEPAGE)
    X('J', MADV_NOHUGEPAGE) X('J', MADV_DONTDUMP) X('J', MADV_DODUMP) X('J', MADV_WIPEONFORK)
    X('J', MADV_KEEPONFORK) X('J', MADV_COLD) X('J', MADV_PAGEOUT)
    X('N', SIGHUP) X('N', SIGINT) X('N', SIGQUIT) X('N', SIGILL) X('N', SIGTRAP) X('N', SIGABRT)
    X('N', SIGBUS)
    X('N', SIGFPE) X('N', SIGKILL) X('N', SIGUSR1) X('N', SIGSEGV) X('N', SIGUSR2) X('N', SIGPIPE)
    X('N', SIGALRM)
    X('N', SIGTERM) X('N', SIGSTKFLT) X('N', SIGCHLD) X('N', SIGCONT) X('N', SIGSTOP) X('N', SIGTSTP)
    X('N', SIGTTIN) X('N', SIGTTOU) X('N', SIGURG) X('N', SIGXCPU) X('N', SIGXFSZ) X('N', SIGVTALRM)
    X('N', SIGPROF) X('N', SIGWINCH) X('N', SIGIO) X('N', SIGPWR) X('N', SIGSYS)
};
#undef B
#undef X

/* The part of the value that the exact names of a kind describe. */
static uint64_t exact_mask(char kind)
{
    switch (kind) {
    case 'O': return O_ACCMODE;
    case 'Y': return 0xf;
    case 'U': return FUTEX_CMD_MASK & 0xffffffff;
    case 'C': return 0; /* the low byte is a signal */
    default: return 0xffffffff;
    }
}

bool lu_name_print(Fmt *f, char kind, uint64_t val)
{
    uint64_t mask = exact_mask(kind);
    uint64_t rest = kind == 'C' ? val : val & 0xffffffff;
    bool any = false, known = false, has_bits = false;
    for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
        const ConstName *n = &names[i];
        if (n->kind != kind)
            continue;
        known = true;
        has_bits |= !n->exact;
        bool hit = n->exact ? (val & mask) == (n->val & mask) : n->val && (rest & n->val) == n->val;
        if (!hit)
            continue;
        fmt_puts(f, any ? "|" : "");
        fmt_puts(f, n->name);
        rest &= ~(n->exact ? mask : n->val);
        any = true;
    }
    if (!known)
        return false;
    if (rest || !any)
        fmt_printf(f, any ? "|%#lx" : has_bits ? rest ? "%#lx" : "%lx" : "%lu", (unsigned long)rest);
    return true;
}
