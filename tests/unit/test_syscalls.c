/* System call handlers without an emulator: a thread object, the real kernel, and fakes of what stands around
 * the handlers (blocking, paths, address space). Expected values are the kernel's own answers and the layouts
 * of the UAPI headers. */
#include "tests/unit/test.h"

#include "linux-user/fs.h"
#include "linux-user/mm.h"
#include "linux-user/options.h"
#include "linux-user/core.h"
#include "linux-user/seccomp.h"
#include "linux-user/signal.h"
#include "linux-user/strace.h"
#include "linux-user/sys_util.h"
#include "linux-user/uring.h"
#include "target/riscv/rv_cpu.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

/* Fakes. */
static char sysroot[128], guest_exe[64];
static uint64_t last_temp_mask;
static int exec_pins;

long lu_blocking(LuThread *t, long nr, long a, long b, long c, long d, long e, long f)
{
    return sys_call6(nr, a, b, c, d, e, f);
}

long lu_blocking_masked(LuThread *t, uint64_t temp, long nr, long a, long b, long c, long d, long e, long f)
{
    last_temp_mask = temp;
    return sys_call6(nr, a, b, c, d, e, f);
}

uint64_t lu_sig_host_mask(uint64_t mask) { return mask & ~(lu_sig_bit(SIGSEGV) | lu_sig_bit(SIGBUS)); }
const char *lu_proc_path(LuThread *t, int dirfd, const char *path)
{
    return strcmp(path, "/proc/self/exe") ? NULL : guest_exe;
}
const char *lu_path_to_guest(LuThread *t, const char *path)
{
    size_t n = strlen(sysroot);
    return n && !strncmp(path, sysroot, n) ? path + n : path;
}

const char *lu_path(LuThread *t, int dirfd, const char *path)
{
    if (path[0] != '/' || !sysroot[0])
        return path;
    char *p = arena_alloc(&t->scratch, strlen(sysroot) + strlen(path) + 1, 1);
    if (!p)
        abort();
    sprintf(p, "%s%s", sysroot, path);
    return access(p, F_OK) ? path : p;
}

long lu_proc_open(LuThread *t, int dirfd, const char *path, int flags)
{
    return strcmp(path, "/proc/cpuinfo") ? -ENOTSUP : sys_call3(SYS_open, "/dev/null", flags, 0);
}

long lu_proc_readlink(LuThread *t, int dirfd, const char *path, char *buf, size_t cap)
{
    if (strcmp(path, "/proc/self/exe"))
        return -ENOTSUP;
    memcpy(buf, "/usr/bin/guest", 14);
    return 14;
}

long lu_execve(LuThread *t, int dirfd, const char *path, Gva argv, Gva envp, int flags) { return -ENOEXEC; }
bool lu_proc_query(LuThread *t, int fd, Gva at, long *ret) { return false; }
void lu_exec_pin_self(LuProc *p) { exec_pins++; }
static struct rlimit64 guest_limit = {1 << 30, 1ul << 40};
void lu_mm_rlimit(LuMm *mm, int which, const struct rlimit64 *set, struct rlimit64 *ret_old)
{
    if (ret_old)
        *ret_old = guest_limit;
    if (set)
        guest_limit = *set;
}

/* Memory calls say what they were given. */
static char mm_call[128];
#define MM_FAKE(name, ...) \
    snprintf(mm_call, sizeof(mm_call), name __VA_ARGS__); \
    return 0x1000
long lu_mm_mmap(LuThread *t, Gva addr, uint64_t len, int prot, int flags, int fd, uint64_t off)
{
    MM_FAKE("mmap", " %lx %lx %d %x %d %lx", addr, len, prot, flags, fd, off);
}
bool lu_mm_guards(const LuMm *mm) { return false; }
unsigned lu_mm_code_open(LuMm *mm, Accel *accel, Gva start, uint64_t len) { return 0; }
bool guest_write_guarded(Gva dst, const void *src, size_t n) { return false; }
long lu_mm_munmap(LuThread *t, Gva addr, uint64_t len) { MM_FAKE("munmap", " %lx %lx", addr, len); }
long lu_mm_mprotect(LuThread *t, Gva addr, uint64_t len, int prot)
{
    MM_FAKE("mprotect", " %lx %lx %d", addr, len, prot);
}
long lu_mm_mremap(LuThread *t, Gva old, uint64_t old_len, uint64_t new_len, int flags, Gva new_addr)
{
    MM_FAKE("mremap", " %lx %lx %lx %d %lx", old, old_len, new_len, flags, new_addr);
}
long lu_mm_remap_file_pages(LuThread *t, Gva start, uint64_t len, int prot, uint64_t page, int flags)
{
    MM_FAKE("remap_file_pages", " %lx %lx %d %lx %d", start, len, prot, page, flags);
}
long lu_mm_brk(LuThread *t, Gva brk) { MM_FAKE("brk", " %lx", brk); }
long lu_mm_mseal(LuThread *t, Gva addr, uint64_t len, uint64_t flags)
{
    MM_FAKE("mseal", " %lx %lx %lx", addr, len, flags);
}
long lu_mm_madvise(LuThread *t, Gva addr, uint64_t len, int advice)
{
    MM_FAKE("madvise", " %lx %lx %d", addr, len, advice);
}
long lu_mm_range_call(LuThread *t, long nr, Gva addr, uint64_t len, long c, long d, long e, long f)
{
    MM_FAKE("range", " %ld %lx %lx %lx", nr, addr, len, c);
}
long lu_mm_mlockall(LuThread *t, int flags) { MM_FAKE("mlockall", " %d", flags); }
long lu_mm_munlockall(LuThread *t) { MM_FAKE("munlockall", "%s", ""); }
long lu_mm_shmat(LuThread *t, int id, Gva addr, int flags)
{
    MM_FAKE("shmat", " %d %lx %d", id, addr, flags);
}
long lu_mm_shmdt(LuThread *t, Gva addr) { MM_FAKE("shmdt", " %lx", addr); }
void accel_invalidate(Accel *a, Gva start, uint64_t len) {}
void accel_recheck(Accel *a, Gva start, uint64_t len) {}
void accel_fence_i(Cpu *cpu) {}
void lu_uring_fds_closing(LuThread *t, uint32_t first, uint32_t last) {}
void lu_uring_fd_copied(LuThread *t, int from, int to) {}
bool lu_uring_mmap(LuThread *t, const uint64_t a[6], int prot, long *ret) { return false; }

/* Signals, threads and processes have a test of their own: tests/experiments/threads. */
#define ELSEWHERE(name) long lu_sys_##name(LuThread *t, const uint64_t a[6]) { return -ENOSYS; }
ELSEWHERE(io_uring_setup)
ELSEWHERE(io_uring_enter)
ELSEWHERE(io_uring_register)
ELSEWHERE(membarrier)
ELSEWHERE(clone)
ELSEWHERE(clone3)
ELSEWHERE(exit)
ELSEWHERE(exit_group)
ELSEWHERE(rt_sigaction)
ELSEWHERE(rt_sigprocmask)
ELSEWHERE(rt_sigpending)
ELSEWHERE(rt_sigsuspend)
ELSEWHERE(rt_sigtimedwait)
ELSEWHERE(rt_sigreturn)
ELSEWHERE(sigaltstack)
ELSEWHERE(rt_sigqueueinfo)
ELSEWHERE(rt_tgsigqueueinfo)
ELSEWHERE(seccomp)
ELSEWHERE(ptrace)
ELSEWHERE(wait4)
ELSEWHERE(waitid)
bool lu_core_allowed(void) { return false; }
void lu_signals_want_cores(LuThread *t) {}
long lu_seccomp_prctl(LuThread *t, const uint64_t a[6]) { return -EINVAL; }
bool lu_seccomp_ioctl(LuThread *t, int fd, uint64_t request, Gva at, long *ret) { return false; }

typedef struct Fixture {
    LuAbi abi;
    LuProc proc;
    LuThread t;
    char dir[32], old_cwd[256];
} Fixture;

static int setup(void **state)
{
    Fixture *x = calloc(1, sizeof(*x));
    x->abi = (LuAbi){.uname_machine = "riscv64", .n_syscalls = LU_N_SYSCALLS_RISCV64,
                     .syscall_row = lu_syscall_row_riscv64, .task_size = 1ull << 47};
    x->proc = (LuProc){.abi = &x->abi, .exe_fd = -1, .self_fd = -1, .strace_fd = 2, .n_threads = 1,
                       .task_size = 1ull << 47,
                       .hwcap = {1 << ('I' - 'A') | 1 << ('M' - 'A') | 1 | 1 << 5 | 1 << 3 | 1 << 2}};
    x->t = (LuThread){.proc = &x->proc, .abi = &x->abi, .tid = 4711};
    assert_true(arena_init(&x->t.scratch, 1 << 20));
    strcpy(x->dir, "/tmp/tinamou-sys-XXXXXX");
    assert_non_null(mkdtemp(x->dir));
    assert_non_null(getcwd(x->old_cwd, sizeof(x->old_cwd)));
    assert_int_equal(chdir(x->dir), 0);
    sysroot[0] = 0;
    *state = x;
    return 0;
}

/* What the emulator's handler does for faults in fault.h. cmocka has handlers of its own around each test. */
static void on_fault(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;
    uint64_t pc = (uint64_t)uc->uc_mcontext.gregs[REG_RIP];
    if (!fault_fixup(&pc))
        abort();
    uc->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
}

static void expect_faults(void)
{
    struct sigaction sa = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &sa, NULL);
}

static int teardown(void **state)
{
    Fixture *x = *state;
    char cmd[64];
    assert_int_equal(chdir(x->old_cwd), 0);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", x->dir);
    assert_int_equal(system(cmd), 0);
    arena_clear(&x->t.scratch);
    free(x);
    return 0;
}

#define CALL(x, name, ...) lu_syscall_row(&(x)->t, LU_ROW_##name, (uint64_t[6]){__VA_ARGS__})
#define P(p) ((uint64_t)(uintptr_t)(p))

static void every_number_names_its_row(void **state)
{
    /* Anchors from asm-generic/unistd.h. */
    static const struct { unsigned nr; const char *name; } known[] = {
        {17, "getcwd"}, {56, "openat"}, {57, "close"}, {63, "read"}, {64, "write"}, {79, "newfstatat"},
        {80, "fstat"},
        {93, "exit"}, {94, "exit_group"}, {98, "futex"}, {134, "rt_sigaction"}, {172, "getpid"}, {214, "brk"},
        {220, "clone"}, {221, "execve"}, {222, "mmap"}, {258, "riscv_hwprobe"}, {259, "riscv_flush_icache"},
        {260, "wait4"}, {278, "getrandom"}, {291, "statx"}, {435, "clone3"}, {449, "futex_waitv"},
        {452, "fchmodat2"}, {462, "mseal"}, {469, "file_setattr"},
    };
    for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
        unsigned row = lu_syscall_row_riscv64[known[i].nr];
        assert_int_not_equal(row, 0);
        assert_string_equal(lu_syscall_rows[row - 1].name, known[i].name);
    }
    assert_int_equal(lu_syscall_row_riscv64[38], 0); /* renameat: not on riscv64 */
    assert_int_equal(lu_syscall_row_riscv64[244], 0);
    /* arm64 has the same numbers, renameat, and nothing of riscv64's own. */
    for (unsigned nr = 0; nr < LU_N_SYSCALLS_ARM64; nr++) {
        if (nr == 38)
            assert_int_equal(lu_syscall_row_arm64[nr], LU_ROW_renameat + 1);
        else
            assert_int_equal(lu_syscall_row_arm64[nr],
                             nr == 258 || nr == 259 ? 0 : lu_syscall_row_riscv64[nr]);
    }
}

static void rows_are_well_formed(void **state)
{
    for (unsigned i = 0; i < LU_N_ROWS; i++) {
        const LuSyscallRow *r = &lu_syscall_rows[i];
        assert_true(r->how <= LU_NONE);
        assert_true(strspn(r->kinds, "fFpnsbBmwqvVhjytradulxogNkOAPMCWDYZUEKRQLHISTGXJ") == strlen(r->kinds));
        assert_int_equal(r->how == LU_NONE, r->err != 0);
        assert_int_equal(r->how == LU_NONE, r->state == LU_ERRNO);
        assert_int_equal(r->state == LU_FULL, !*lu_row_note(r));
        for (const char *b = strpbrk(r->kinds, "bB"); b; b = strpbrk(b + 1, "bB"))
            assert_non_null(strchr("udq", b[1])); /* the length */
    }
}

static void stat_has_the_generic_layout(void **state)
{
    Fixture *x = *state;
    struct stat st;
    uint8_t g[128 + 8];
    int fd = (int)CALL(x, openat, (uint64_t)AT_FDCWD, P("f"), O_RDWR | O_CREAT, 0640);
    assert_true(fd >= 0);
    assert_int_equal(CALL(x, write, fd, P("hello"), 5), 5);
    assert_int_equal(fstat(fd, &st), 0);
    for (int how = 0; how < 2; how++) {
        memset(g, 0xee, sizeof(g));
        assert_int_equal(
            how ? CALL(x, newfstatat, (uint64_t)AT_FDCWD, P("f"), P(g), 0) : CALL(x, fstat, fd, P(g)), 0);
        assert_int_equal(ld_u64(g + 0), st.st_dev);
        assert_int_equal(ld_u64(g + 8), st.st_ino);
        assert_int_equal(ld_u32(g + 16), S_IFREG | 0640);
        assert_int_equal(ld_u32(g + 20), 1);
        assert_int_equal(ld_u32(g + 24), st.st_uid);
        assert_int_equal(ld_u64(g + 48), 5);
        assert_int_equal(ld_u32(g + 56), st.st_blksize);
        assert_int_equal(ld_u64(g + 64), st.st_blocks);
        assert_int_equal(ld_u64(g + 88), st.st_mtim.tv_sec);
        assert_int_equal(ld_u64(g + 96), st.st_mtim.tv_nsec);
        assert_int_equal(g[128], 0xee); /* nothing beyond */
    }
    assert_int_equal(CALL(x, newfstatat, (uint64_t)AT_FDCWD, P("none"), P(g), 0), -ENOENT);
    assert_int_equal(CALL(x, newfstatat, (uint64_t)fd, P(""), P(g), AT_EMPTY_PATH), 0);
    assert_int_equal(CALL(x, close, fd), 0);
    assert_int_equal(CALL(x, fstat, fd, P(g)), -EBADF);
}

static void absolute_paths_use_the_sysroot_first(void **state)
{
    Fixture *x = *state;
    char buf[256] = {0};
    snprintf(sysroot, sizeof(sysroot), "%s", x->dir);
    assert_int_equal(CALL(x, mkdirat, (uint64_t)AT_FDCWD, P("usr"), 0755), 0);
    /* What a link says is the guest's affair. */
    assert_int_equal(CALL(x, symlinkat, P("/usr"), (uint64_t)AT_FDCWD, P("link")), 0);
    assert_int_equal(CALL(x, readlinkat, (uint64_t)AT_FDCWD, P("link"), P(buf), sizeof(buf)), 4);
    assert_string_equal(buf, "/usr");
    memset(buf, 0, sizeof(buf));
    int fd = (int)CALL(x, openat, (uint64_t)AT_FDCWD, P("usr/marker"), O_CREAT | O_WRONLY, 0600);
    assert_int_equal(CALL(x, close, fd), 0);
    assert_int_equal(CALL(x, faccessat, (uint64_t)AT_FDCWD, P("/usr/marker"), F_OK), 0);
    assert_int_equal(CALL(x, faccessat, (uint64_t)AT_FDCWD, P("/dev/null"), F_OK), 0); /* only outside */
    assert_int_equal(CALL(x, chdir, P("/usr")), 0);
    assert_int_equal(CALL(x, getcwd, P(buf), sizeof(buf)), 5);
    assert_string_equal(buf, "/usr");
    assert_int_equal(CALL(x, getcwd, P(buf), 4), -ERANGE);
    assert_int_equal(CALL(x, unlinkat, (uint64_t)AT_FDCWD, P("/usr/marker"), 0), 0);
    assert_int_equal(CALL(x, faccessat, (uint64_t)AT_FDCWD, P("/usr/marker"), F_OK), -ENOENT);
    assert_int_equal(chdir(x->dir), 0);
}

static void special_files_of_proc(void **state)
{
    Fixture *x = *state;
    char buf[64] = {0};
    assert_int_equal(CALL(x, readlinkat, (uint64_t)AT_FDCWD, P("/proc/self/exe"), P(buf), sizeof(buf)), 14);
    assert_string_equal(buf, "/usr/bin/guest");
    memset(buf, 0, sizeof(buf));
    assert_int_equal(CALL(x, readlinkat, (uint64_t)AT_FDCWD, P("/proc/self/exe"), P(buf), 4), 4);
    assert_string_equal(buf, "/usr");
    assert_int_equal(CALL(x, readlinkat, (uint64_t)AT_FDCWD, P("/proc/self/exe"), P(buf), 0), -EINVAL);
    struct stat sh;
    uint8_t g[128];
    snprintf(guest_exe, sizeof(guest_exe), "%s/exe", x->dir);
    close(open(guest_exe, O_CREAT | O_WRONLY, 0700));
    assert_int_equal(stat(guest_exe, &sh), 0);
    assert_int_equal(CALL(x, newfstatat, (uint64_t)AT_FDCWD, P("/proc/self/exe"), P(g), 0), 0);
    assert_int_equal(ld_u64(g + 8), sh.st_ino);
    assert_int_equal(CALL(x, newfstatat, (uint64_t)AT_FDCWD, P("/proc/self/exe"), P(g), AT_SYMLINK_NOFOLLOW),
                     0);
    assert_true(S_ISLNK(ld_u32(g + 16)));
    /* Names are not what they lead to. */
    assert_int_equal(CALL(x, unlinkat, (uint64_t)AT_FDCWD, P("/proc/self/exe"), 0), -EPERM);
    assert_int_equal(
        CALL(x, renameat2, (uint64_t)AT_FDCWD, P("/proc/self/exe"), (uint64_t)AT_FDCWD, P("moved")), -EXDEV);
    assert_int_equal(CALL(x, linkat, (uint64_t)AT_FDCWD, P("/proc/self/exe"), (uint64_t)AT_FDCWD, P("moved")),
                     -EXDEV);
    assert_int_equal(access(guest_exe, F_OK), 0);
}

static void hidden_descriptors_do_not_exist_for_the_guest(void **state)
{
    Fixture *x = *state;
    char c;
    int fd = dup(0);
    int high = fcntl(fd, F_DUPFD_CLOEXEC, 40);
    x->proc.exe_fd = high;
    assert_int_equal(CALL(x, close, high), -EBADF);
    assert_int_equal(CALL(x, read, high, P(&c), 1), -EBADF);
    assert_int_equal(CALL(x, fcntl, high, F_GETFD), -EBADF);
    assert_int_equal(CALL(x, dup3, high, 50, 0), -EBADF);
    assert_int_equal(CALL(x, close_range, high - 1, high + 1, 0), 0);
    assert_int_not_equal(fcntl(high, F_GETFD), -1);
    assert_int_equal(CALL(x, close_range, high, high, 0), 0);
    assert_int_not_equal(fcntl(high, F_GETFD), -1);
    /* dup3 onto it moves it. */
    assert_int_equal(CALL(x, dup3, 1, high, 0), high);
    assert_int_not_equal(x->proc.exe_fd, high);
    assert_int_not_equal(fcntl(x->proc.exe_fd, F_GETFD), -1);
    assert_int_equal(fcntl(x->proc.exe_fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(CALL(x, close, high), 0);
    /* Standard error stays the guest's even if the log goes there. */
    assert_int_not_equal(CALL(x, fcntl, 2, F_GETFD), -EBADF);
    close(x->proc.exe_fd);
    close(fd);
}

static void listing_of_fd_directories_leaves_hidden_ones_out(void **state)
{
    Fixture *x = *state;
    _Alignas(8) char buf[1024];
    x->proc.self_fd = fcntl(0, F_DUPFD_CLOEXEC, 60);
    int shown = fcntl(0, F_DUPFD_CLOEXEC, 61);
    bool saw_hidden = false, saw_shown = false;
    int dir = (int)CALL(x, openat, (uint64_t)AT_FDCWD, P("/proc/self/fd"), O_RDONLY | O_DIRECTORY);
    long n;
    while ((n = CALL(x, getdents64, dir, P(buf), sizeof(buf))) > 0) {
        for (long p = 0; p < n; p += ld_u16(buf + p + 16)) {
            saw_hidden |= atoi(buf + p + 19) == x->proc.self_fd;
            saw_shown |= atoi(buf + p + 19) == shown;
        }
    }
    assert_int_equal(n, 0);
    assert_false(saw_hidden);
    assert_true(saw_shown);
    close(x->proc.self_fd);
    close(shown);
    close(dir);
}

static void epoll_events_have_sixteen_bytes(void **state)
{
    Fixture *x = *state;
    uint8_t ev[16 * 3];
    int p[2], q[2];
    uint64_t data = 0x1122334455667788;
    int ep = (int)CALL(x, epoll_create1, 0);
    assert_int_equal(CALL(x, pipe2, P(p), 0), 0);
    assert_int_equal(CALL(x, pipe2, P(q), 0), 0);
    memset(ev, 0, sizeof(ev));
    ev[0] = EPOLLIN;
    memcpy(ev + 8, &data, 8);
    assert_int_equal(CALL(x, epoll_ctl, ep, EPOLL_CTL_ADD, p[0], P(ev)), 0);
    data++;
    memcpy(ev + 8, &data, 8);
    assert_int_equal(CALL(x, epoll_ctl, ep, EPOLL_CTL_ADD, q[0], P(ev)), 0);
    assert_int_equal(CALL(x, write, p[1], P("x"), 1), 1);
    assert_int_equal(CALL(x, write, q[1], P("x"), 1), 1);
    memset(ev, 0xee, sizeof(ev));
    assert_int_equal(CALL(x, epoll_pwait, ep, P(ev), 3, 0, 0, 8), 2);
    assert_int_equal(ld_u32(ev), EPOLLIN);
    assert_int_equal(ld_u64(ev + 8) + ld_u64(ev + 24), 2 * data - 1);
    assert_int_equal(ld_u32(ev + 4), 0xeeeeeeee); /* padding untouched */
    assert_int_equal(ev[32], 0xee);
    uint64_t mask = lu_sig_bit(SIGUSR1) | lu_sig_bit(SIGSEGV);
    assert_int_equal(CALL(x, epoll_pwait, ep, P(ev), 1, 0, P(&mask), 8), 1);
    assert_int_equal(last_temp_mask, mask);
    assert_int_equal(CALL(x, epoll_pwait, ep, P(ev), 1, 0, P(&mask), 4), -EINVAL);
    assert_int_equal(CALL(x, epoll_pwait, ep, P(ev), 0, 0, 0, 8), -EINVAL);
    assert_int_equal(CALL(x, epoll_ctl, ep, EPOLL_CTL_DEL, p[0], 0), 0);
    assert_int_equal(CALL(x, epoll_pwait, ep, P(ev), 200, 0, 0, 8), 1);
    CALL(x, close_range, (uint64_t)p[0], (uint64_t)q[1], 0);
    close(ep);
}

static void poll_and_select_take_masks(void **state)
{
    Fixture *x = *state;
    int p[2];
    assert_int_equal(pipe(p), 0);
    struct pollfd pf = {.fd = p[1], .events = POLLOUT};
    uint64_t zero[2] = {0}, mask = lu_sig_bit(SIGUSR2);
    assert_int_equal(CALL(x, ppoll, P(&pf), 1, P(zero), P(&mask), 8), 1);
    assert_int_equal(last_temp_mask, mask);
    fd_set set;
    FD_ZERO(&set);
    FD_SET(p[1], &set);
    mask = lu_sig_bit(SIGALRM);
    uint64_t pair[2] = {P(&mask), 8};
    assert_int_equal(CALL(x, pselect6, p[1] + 1, 0, P(&set), 0, P(zero), P(pair)), 1);
    assert_int_equal(last_temp_mask, mask);
    assert_true(FD_ISSET(p[1], &set));
    pair[1] = 7;
    assert_int_equal(CALL(x, pselect6, p[1] + 1, 0, P(&set), 0, P(zero), P(pair)), -EINVAL);
    close(p[0]);
    close(p[1]);
}

static void unix_sockets_are_found_under_the_sysroot(void **state)
{
    Fixture *x = *state;
    struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "sock"};
    int s = (int)CALL(x, socket, AF_UNIX, SOCK_STREAM, 0), c = (int)CALL(x, socket, AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(CALL(x, bind, s, P(&un), sizeof(un)), 0);
    assert_int_equal(CALL(x, listen, s, 1), 0);
    strcpy(un.sun_path, "/sock");
    assert_int_equal(CALL(x, connect, c, P(&un), sizeof(un)), -ENOENT);
    snprintf(sysroot, sizeof(sysroot), "%s", x->dir);
    assert_int_equal(CALL(x, connect, c, P(&un), sizeof(un)), 0);
    int a = (int)CALL(x, accept4, s, 0, 0, SOCK_CLOEXEC);
    assert_true(a >= 0);
    /* A descriptor travels, a hidden one does not. */
    char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 'x';
    struct iovec iov = {&byte, 1};
    struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
                       .msg_controllen = sizeof(control)};
    struct cmsghdr *cm = CMSG_FIRSTHDR(&m);
    *cm = (struct cmsghdr){.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS,
                           .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(cm), &s, sizeof(int));
    x->proc.exe_fd = s;
    assert_int_equal(CALL(x, sendmsg, c, P(&m), 0), -EBADF);
    x->proc.exe_fd = -1;
    assert_int_equal(CALL(x, sendmsg, c, P(&m), 0), 1);
    memset(control, 0, sizeof(control));
    assert_int_equal(CALL(x, recvmsg, a, P(&m), 0), 1);
    int got;
    memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
    assert_int_not_equal(got, s);
    assert_int_equal(fcntl(got, F_GETFD), 0);
    close(got);
    close(a);
    close(c);
    close(s);
}

static void semid_ds_has_no_padding(void **state)
{
    Fixture *x = *state;
    uint8_t g[88 + 8];
    long id = CALL(x, semget, IPC_PRIVATE, 3, 0600 | IPC_CREAT);
    assert_true(id >= 0);
    memset(g, 0xee, sizeof(g));
    assert_int_equal(CALL(x, semctl, id, 0, IPC_STAT, P(g)), 0);
    assert_int_equal(ld_u64(g + 48), 0);                     /* sem_otime */
    assert_in_range(ld_u64(g + 56), (uint64_t)time(NULL) - 60, (uint64_t)time(NULL)); /* sem_ctime */
    assert_int_equal(ld_u64(g + 64), 3);                     /* sem_nsems */
    assert_int_equal(g[88], 0xee);
    assert_int_equal(CALL(x, semctl, id, 1, SETVAL, 7), 0);
    assert_int_equal(CALL(x, semctl, id, 1, GETVAL, 0), 7);
    assert_int_equal(CALL(x, semctl, id, 0, IPC_RMID, 0), 0);
}

static void openat2_looks_below_its_own_root(void **state)
{
    Fixture *x = *state;
    snprintf(sysroot, sizeof(sysroot), "/usr");
    int d = open(x->dir, O_PATH | O_DIRECTORY);
    close(open("inside", O_CREAT | O_WRONLY, 0600));
    uint64_t how[3] = {O_RDONLY, 0, 0x10 /* RESOLVE_IN_ROOT */};
    long fd = CALL(x, openat2, d, P("/inside"), P(how), sizeof(how));
    assert_true(fd >= 0 || fd == -ENOSYS);
    if (fd >= 0)
        close((int)fd);
    how[2] = 0;
    assert_int_equal(CALL(x, openat2, d, P("/inside"), P(how), sizeof(how)), -ENOENT);
    assert_int_equal(CALL(x, openat2, d, P("/inside"), P(how), 8), -EINVAL);
    close(d);
}

/* Guest values of open flags of arm64, from asm/fcntl.h of its UAPI headers. */
static void arm_open_flags_are_translated(void **state)
{
    enum { ARM_DIRECTORY = 040000, ARM_NOFOLLOW = 0100000, ARM_DIRECT = 0200000, ARM_LARGEFILE = 0400000 };
    Fixture *x = *state;
    x->abi.arm_open_flags = true;
    assert_int_equal(lu_open_flags(&x->abi, ARM_DIRECTORY | ARM_NOFOLLOW | O_CLOEXEC),
                     O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    assert_int_equal(lu_open_flags(&x->abi, ARM_DIRECT | ARM_LARGEFILE | O_APPEND),
                     O_DIRECT | 0100000 | O_APPEND);
    close(open("plain", O_CREAT | O_WRONLY, 0600));
    assert_int_equal(symlink("plain", "link"), 0);
    assert_int_equal(CALL(x, openat, AT_FDCWD, P("plain"), ARM_DIRECTORY, 0), -ENOTDIR);
    assert_int_equal(CALL(x, openat, AT_FDCWD, P("link"), ARM_NOFOLLOW, 0), -ELOOP);
    uint64_t how[3] = {ARM_DIRECTORY, 0, 0};
    assert_int_equal(CALL(x, openat2, AT_FDCWD, P("plain"), P(how), sizeof(how)), -ENOTDIR);
    assert_int_equal(how[0], ARM_DIRECTORY);
    long fd = CALL(x, openat, AT_FDCWD, P("."), ARM_DIRECTORY | O_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(CALL(x, fcntl, fd, F_GETFL, 0), ARM_DIRECTORY | ARM_LARGEFILE);
    close((int)fd);
    int p[2];
    assert_int_equal(CALL(x, pipe2, P(p), ARM_DIRECT), 0);
    assert_int_equal(fcntl(p[1], F_GETFL), O_WRONLY | O_DIRECT);
    close(p[0]);
    close(p[1]);
}

static void hwprobe_agrees_with_hwcap(void **state)
{
    Fixture *x = *state;
    x->proc.cpu_model = RV_MODEL_GC;
    int64_t pairs[][2] = {{3, 7}, {4, 7}, {0, 7}, {5, 7}, {1000, 7}};
    assert_int_equal(CALL(x, riscv_hwprobe, P(pairs), 5, 0, 0, 0), 0);
    assert_int_equal(pairs[0][1], 1); /* IMA */
    /* FD, C with its parts Zca and Zcd, Zihintpause, Zicntr, A's parts Zaamo and Zalrsc */
    assert_int_equal(pairs[1][1],
                     3 | 1ull << 43 | 1ull << 45 | 1ull << 36 | 1ull << 50 | 1ull << 56 | 1ull << 57);
    assert_int_equal(pairs[2][1], 0);
    assert_int_equal(pairs[3][1], 3); /* fast misaligned accesses */
    assert_int_equal(pairs[4][0], -1);
    assert_int_equal(pairs[4][1], 0);
    uint64_t cpus = 0;
    assert_int_equal(CALL(x, riscv_hwprobe, P(pairs), 1, 8, P(&cpus), 0), -EINVAL);
    x->proc.cpu_model = RV_MODEL_RVA22;
    int64_t more[][2] = {{4, 0}, {6, 0}};
    assert_int_equal(CALL(x, riscv_hwprobe, P(more), 2, 0, 0, 0), 0);
    assert_int_equal(more[0][1] & 0xff, 3 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6); /* Zba, Zbb, Zbs, Zicboz */
    assert_int_equal(more[1][1], 64); /* bytes that cbo.zero clears */
    int64_t want[][2] = {{4, 2}};
    assert_int_equal(CALL(x, riscv_hwprobe, P(want), 1, 8, P(&cpus), 1), 0);
    assert_true(cpus != 0);
    want[0][1] = 4; /* vectors: none has them */
    assert_int_equal(CALL(x, riscv_hwprobe, P(want), 1, 8, P(&cpus), 1), 0);
    assert_int_equal(cpus, 0);
    assert_int_equal(CALL(x, riscv_hwprobe, P(pairs), 1, 0, 0, 2), -EINVAL);
}

static void prctl_passes_what_means_the_same(void **state)
{
    Fixture *x = *state;
    char name[16] = {0};
    uint64_t aux[4] = {6, 4096, 0, 0}, got[4] = {0};
    assert_int_equal(CALL(x, prctl, 15, P("guestname")), 0);
    assert_int_equal(CALL(x, prctl, 16, P(name)), 0);
    assert_string_equal(name, "guestname");
    assert_int_equal(CALL(x, prctl, 26 /* PR_SET_TSC */, 2), -EINVAL);
    assert_int_equal(CALL(x, prctl, 22 /* PR_SET_SECCOMP */, 1), -EINVAL);
    x->proc.auxv = P(aux);
    x->proc.auxv_len = sizeof(aux);
    assert_int_equal(CALL(x, prctl, 0x41555856, P(got), 16), 32);
    assert_int_equal(got[1], 4096);
}

static void memory_calls_reach_the_address_space(void **state)
{
    Fixture *x = *state;
    assert_int_equal(CALL(x, mmap, 0x10000, 0x3000, 3, 0x22, (uint64_t)-1, 0), 0x1000);
    assert_string_equal(mm_call, "mmap 10000 3000 3 22 -1 0");
    CALL(x, mremap, 0x10000, 0x1000, 0x2000, 1, 0x5000);
    assert_string_equal(mm_call, "mremap 10000 1000 2000 1 5000");
    CALL(x, mlock2, 0x10000, 0x1000, 1);
    char want[64];
    snprintf(want, sizeof(want), "range %d 10000 1000 1", SYS_mlock2);
    assert_string_equal(mm_call, want);
    x->proc.self_fd = 70;
    assert_int_equal(CALL(x, mmap, 0, 0x1000, 1, 2, 70, 0), -EBADF);
    /* anonymous: the number means nothing */
    assert_int_equal(CALL(x, mmap, 0, 0x1000, 1, 0x22, 70, 0), 0x1000);
}

static void address_space_limits_are_the_guests(void **state)
{
    Fixture *x = *state;
    struct rlimit64 host, lim = {1 << 20, 1 << 21}, got = {0};
    assert_int_equal(sys_call4(SYS_prlimit64, 0, RLIMIT_AS, 0, &host), 0);
    assert_int_equal(CALL(x, prlimit64, 0, RLIMIT_AS, P(&lim), P(&got)), 0);
    assert_int_equal(got.rlim_cur, 1 << 30);
    assert_int_equal(CALL(x, getrlimit, RLIMIT_AS, P(&got)), 0);
    assert_int_equal(got.rlim_max, 1 << 21);
    assert_int_equal(sys_call4(SYS_prlimit64, 0, RLIMIT_AS, 0, &got), 0);
    assert_int_equal(got.rlim_cur, host.rlim_cur);
    lim.rlim_cur = lim.rlim_max + 1;
    assert_int_equal(CALL(x, setrlimit, RLIMIT_AS, P(&lim)), -EINVAL);
    assert_int_equal(CALL(x, getrlimit, RLIMIT_NOFILE, P(&got)), 0);
    assert_int_equal(sys_call4(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, &host), 0);
    assert_int_equal(got.rlim_cur, host.rlim_cur);
}

static void uname_tells_the_guests_machine(void **state)
{
    Fixture *x = *state;
    struct utsname host, u;
    LuOptions opt = {.uname_release = "4.20.99-test"};
    assert_int_equal(uname(&host), 0);
    assert_int_equal(CALL(x, uname, P(&u)), 0);
    assert_string_equal(u.machine, "riscv64");
    assert_string_equal(u.release, host.release);
    assert_string_equal(u.nodename, host.nodename);
    x->proc.opt = &opt;
    assert_int_equal(CALL(x, uname, P(&u)), 0);
    assert_string_equal(u.release, "4.20.99-test");
}

static void trace_of(Fixture *x, LuRowId row, const uint64_t a[6], char *out, size_t cap)
{
    int p[2];
    LuTrace tr;
    assert_int_equal(pipe(p), 0);
    x->proc.strace_fd = p[1];
    lu_trace_enter(&tr, &x->t, 0, &lu_syscall_rows[row], a);
    lu_trace_leave(&tr, &x->t, a, lu_syscall_row(&x->t, row, a));
    ssize_t n = read(p[0], out, cap - 1);
    out[n > 0 ? n : 0] = 0;
    x->proc.strace_fd = 2;
    close(p[0]);
    close(p[1]);
}

static void trace_lines_read_like_strace(void **state)
{
    Fixture *x = *state;
    char line[512];
    trace_of(x, LU_ROW_faccessat, (uint64_t[6]){(uint64_t)AT_FDCWD, P("no\n\"such"), R_OK | X_OK}, line,
             sizeof(line));
    assert_string_equal(
        line,
        "4711 faccessat(AT_FDCWD, \"no\\n\\\"such\", R_OK|X_OK) = -1 ENOENT (No such file or directory)\n");
    trace_of(x, LU_ROW_openat,
             (uint64_t[6]){(uint64_t)AT_FDCWD, P("/none"), O_WRONLY | O_CLOEXEC | O_DIRECTORY}, line,
             sizeof(line));
    assert_string_equal(line, "4711 openat(AT_FDCWD, \"/none\", O_WRONLY|O_DIRECTORY|O_CLOEXEC) = -1 ENOENT "
                              "(No such file or directory)\n");
    trace_of(x, LU_ROW_lseek, (uint64_t[6]){99, (uint64_t)-5, SEEK_END}, line, sizeof(line));
    assert_string_equal(line, "4711 lseek(99, -5, SEEK_END) = -1 EBADF (Bad file descriptor)\n");
    char buf[8];
    int fd = open("f", O_CREAT | O_RDWR, 0600);
    assert_int_equal(write(fd, "ab\1", 3), 3);
    lseek(fd, 0, SEEK_SET);
    trace_of(x, LU_ROW_read, (uint64_t[6]){(uint64_t)fd, P(buf), 8}, line, sizeof(line));
    char want[64];
    snprintf(want, sizeof(want), "4711 read(%d, \"ab\\x01\", 8) = 3\n", fd);
    assert_string_equal(line, want);
    close(fd);
    trace_of(x, LU_ROW_fcntl, (uint64_t[6]){77, F_SETFD, 1}, line, sizeof(line));
    assert_string_equal(line, "4711 fcntl(77, F_SETFD, 0x1) = -1 EBADF (Bad file descriptor)\n");
    trace_of(x, LU_ROW_rseq, (uint64_t[6]){0}, line, sizeof(line));
    assert_string_equal(line, "4711 rseq(NULL, 0, 0, 0) = -1 ENOSYS (Function not implemented)\n");
}

static void the_list_has_every_number(void **state)
{
    Fixture *x = *state;
    char text[65536], *line;
    int fd = open("list", O_CREAT | O_RDWR, 0600);
    unsigned lines = 0, numbers = 0;
    lu_syscalls_print(&x->abi, fd);
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    text[n] = 0;
    close(fd);
    for (unsigned nr = 0; nr < LU_N_SYSCALLS_RISCV64; nr++)
        numbers += lu_syscall_row_riscv64[nr] != 0;
    for (line = text; (line = strchr(line, '\n')); line++)
        lines++;
    assert_int_equal(lines, numbers + 1);
    assert_non_null(strstr(text, "293 rseq                    ENOSYS     a translated critical section"));
    assert_non_null(strstr(text, " 63 read                    exact\n"));
}

static void bad_pointers_give_efault(void **state)
{
    Fixture *x = *state;
    struct rlimit lim = {1, 2};
    expect_faults();
    assert_int_equal(CALL(x, fstat, 0, 8), -EFAULT);
    assert_int_equal(CALL(x, newfstatat, (uint64_t)AT_FDCWD, 8, P(&lim), 0), -EFAULT);
    assert_int_equal(CALL(x, openat, (uint64_t)AT_FDCWD, 8, 0), -EFAULT);
    assert_int_equal(CALL(x, getcwd, 8, 4096), -EFAULT);
    assert_int_equal(CALL(x, uname, 8), -EFAULT);
    assert_int_equal(CALL(x, setrlimit, RLIMIT_AS, 8), -EFAULT);
    assert_int_equal(CALL(x, getrlimit, RLIMIT_DATA, 8), -EFAULT);
    assert_int_equal(CALL(x, riscv_hwprobe, 8, 1, 0, 0, 0), -EFAULT);
    assert_int_equal(CALL(x, execve, 8, 0, 0), -EFAULT);
    assert_int_equal(CALL(x, openat2, (uint64_t)AT_FDCWD, P("f"), 8, 24), -EFAULT);
    assert_int_equal(CALL(x, pselect6, 0, 0, 0, 0, 0, 8), -EFAULT);
    int ep = (int)CALL(x, epoll_create1, 0);
    assert_int_equal(CALL(x, epoll_ctl, ep, EPOLL_CTL_ADD, 0, 8), -EFAULT);
    assert_int_equal(CALL(x, epoll_pwait, ep, P(&lim), 1, 0, 8, 8), -EFAULT);
    close(ep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(every_number_names_its_row), T(rows_are_well_formed), T(stat_has_the_generic_layout),
        T(absolute_paths_use_the_sysroot_first), T(special_files_of_proc),
        T(hidden_descriptors_do_not_exist_for_the_guest), T(listing_of_fd_directories_leaves_hidden_ones_out),
        T(epoll_events_have_sixteen_bytes), T(poll_and_select_take_masks),
        T(unix_sockets_are_found_under_the_sysroot), T(semid_ds_has_no_padding),
            T(openat2_looks_below_its_own_root),
        T(arm_open_flags_are_translated), T(hwprobe_agrees_with_hwcap), T(prctl_passes_what_means_the_same),
            T(trace_lines_read_like_strace),
        T(the_list_has_every_number), T(memory_calls_reach_the_address_space),
            T(address_space_limits_are_the_guests),
        T(uname_tells_the_guests_machine), T(bad_pointers_give_efault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
