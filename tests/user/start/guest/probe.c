/*
 * A guest program that does one thing named by its first argument and prints what it saw, for
 * tests/user/*.py.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

extern char **environ;
extern char __executable_start[];

static int show_args(int argc, char **argv)
{
    printf("argc %d\n", argc);
    for (int i = 0; i < argc; i++)
        printf("argv %s\n", argv[i]);
    for (char **e = environ; *e; e++)
        printf("env %s\n", *e);
    return 0;
}

static int show_stack(int argc, char **argv)
{
    unsigned long *sp = (unsigned long *)argv - 1;
    char **envp = argv + argc + 1;
    unsigned n = 0;
    while (envp[n])
        n++;
    unsigned long *aux = (unsigned long *)(envp + n + 1);
    printf("argc_below %d\n", (int)*sp == argc);
    printf("aligned %d\n", (uintptr_t)sp % 16 == 0);
    /* Strings stand in one row: arguments, environment, file name. */
    char *at = argv[0];
    int row = 1;
    for (int i = 0; i < argc; i++, at += strlen(at) + 1)
        row &= argv[i] == at;
    for (unsigned i = 0; i < n; i++, at += strlen(at) + 1)
        row &= envp[i] == at;
    row &= (char *)getauxval(AT_EXECFN) == at;
    at += strlen(at) + 1;
    row &= ((uintptr_t)at & 4095) == 4096 - sizeof(void *);
    printf("row %d\n", row);
    for (; aux[0]; aux += 2)
        printf("aux %lu 0x%lx\n", aux[0], aux[1]);
    const ElfW(Phdr) *ph = (void *)getauxval(AT_PHDR);
    printf("phdr %d\n",
           (uintptr_t)ph == (uintptr_t)__executable_start + ((ElfW(Ehdr) *)__executable_start)->e_phoff);
    printf("execfn %s\n", (char *)getauxval(AT_EXECFN));
    uint64_t random[2];
    memcpy(random, (void *)getauxval(AT_RANDOM), 16);
    printf("random %016llx%016llx\n", (unsigned long long)random[0], (unsigned long long)random[1]);
    printf("main 0x%lx sp %p\n", (unsigned long)show_stack, (void *)sp);
    printf("brk %p\n", sbrk(0));
    return 0;
}

static int cat(const char *path)
{
    char buf[65536];
    int fd = open(path, O_RDONLY);
    if (fd < 0) {
        printf("errno %d\n", errno);
        return 1;
    }
    for (ssize_t n; (n = read(fd, buf, sizeof(buf))) > 0;)
        if (write(1, buf, (size_t)n) < 0)
            return 1;
    return 0;
}

static int run(int argc, char **argv)
{
    execve(argv[0], argv + 1, environ);
    printf("errno %d\n", errno);
    return 0;
}

/* execveat of a descriptor: of the file itself, or of a copy without a name. */
static int run_fd(const char *how, int argc, char **argv)
{
    int fd = open(argv[0], O_RDONLY | (strstr(how, "cloexec") ? O_CLOEXEC : 0));
    if (strstr(how, "memfd")) {
        char buf[65536];
        int copy = memfd_create("copy", MFD_CLOEXEC);
        for (ssize_t n; (n = read(fd, buf, sizeof(buf))) > 0;)
            if (write(copy, buf, (size_t)n) != n)
                return 1;
        fd = copy;
    }
    syscall(SYS_execveat, fd, "", argv + 1, environ, AT_EMPTY_PATH);
    printf("errno %d\n", errno);
    return 0;
}

static int link_of(const char *path)
{
    char buf[4097];
    ssize_t n = readlink(path, buf, 4096);
    printf("%.*s\n", (int)(n < 0 ? 0 : n), buf);
    struct stat st, exe;
    if (stat(path, &st) || stat(buf[0] == '/' && n > 0 ? (buf[n] = 0, buf) : path, &exe))
        return 1;
    printf("same %d\n", st.st_ino == exe.st_ino && st.st_dev == exe.st_dev);
    return 0;
}

/* The kernel's answers at the edges of the address space. */
static int edges(void)
{
    const int anon = MAP_PRIVATE | MAP_ANONYMOUS;
    /* Where the kernel's part begins, and how much of the rest must be there to have. */
#if defined(__riscv)
    const uintptr_t end = 1ul << 38; /* Sv39 */
#else
    const uintptr_t end = sizeof(void *) == 4 ? 0xbf000000 : (uintptr_t)(1ull << 47);
#endif
    const size_t most = sizeof(void *) == 4 ? 0xb8000000 : (size_t)(end / 32 * 31),
                 least = sizeof(void *) == 4 ? 1u << 20 : 1u << 30;
    struct { uintptr_t addr; size_t len; int flags; } c[] = {
        {end, 4096, MAP_FIXED}, {end - 4096, 8192, MAP_FIXED}, {-4096ul, 4096, MAP_FIXED},
        {0x123, 4096, MAP_FIXED}, {0, 0, 0}, {0, end, 0}, {(uintptr_t)&c & -4096, 4096, MAP_FIXED_NOREPLACE},
    };
    for (unsigned i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
        void *p = mmap((void *)c[i].addr, c[i].len, PROT_READ, anon | c[i].flags, -1, 0);
        printf("%u %d\n", i, p == MAP_FAILED ? errno : 0);
    }
    /* Every hole up to the end can be had, and nothing of the emulator is in it. */
    size_t sum = 0;
    for (size_t len = end / 2; len >= least; len &= -4096ul) {
        void *p = mmap(NULL, len, PROT_NONE, anon | MAP_NORESERVE, -1, 0);
        if (p == MAP_FAILED)
            len /= 2;
        else
            sum += len;
    }
    printf("all %d\n", sum > most);
    printf("still %s\n", strerror(0));
    return 0;
}

static int deep(unsigned n)
{
    volatile char block[4096];
    block[0] = (char)n;
    return n ? deep(n - 1) + block[0] : 0;
}

static int vdso(void)
{
    const ElfW(Ehdr) *e = (void *)getauxval(AT_SYSINFO_EHDR);
    const ElfW(Phdr) *ph = (void *)((char *)e + e->e_phoff);
    for (unsigned i = 0; i < e->e_phnum; i++) {
        if (ph[i].p_type != PT_DYNAMIC)
            continue;
        const ElfW(Sym) *sym = NULL;
        const char *str = NULL;
        const uint32_t *hash = NULL;
        for (const ElfW(Dyn) *d = (void *)((char *)e + ph[i].p_vaddr); d->d_tag; d++) {
            if (d->d_tag == DT_SYMTAB)
                sym = (void *)((char *)e + d->d_un.d_ptr);
            if (d->d_tag == DT_STRTAB)
                str = (char *)e + d->d_un.d_ptr;
            if (d->d_tag == DT_HASH)
                hash = (void *)((char *)e + d->d_un.d_ptr);
        }
        for (unsigned k = 1; k < hash[1]; k++) {
            printf("sym %s\n", str + sym[k].st_name);
            if (!strcmp(str + sym[k].st_name, "__vdso_getcpu")) {
                int (*getcpu)(unsigned *, unsigned *, void *) = (void *)((char *)e + sym[k].st_value);
                unsigned cpu = ~0u;
                int r = getcpu(&cpu, NULL, NULL);
                printf("getcpu %d %d\n", r, cpu != ~0u);
            }
            if (!strcmp(str + sym[k].st_name, "__kernel_clock_gettime")) {
                int (*gettime)(int, struct timespec *) = (void *)((char *)e + sym[k].st_value);
                struct timespec ts = {0};
                int r = gettime(CLOCK_MONOTONIC, &ts);
                printf("clock %d %d\n", r, ts.tv_sec || ts.tv_nsec);
            }
        }
    }
    return 0;
}

/* Code in a file that becomes shorter than its mapping. */
static int cut(const char *path)
{
#if defined(__arm__)
    static const uint32_t ret = 0xe12fff1e;
#elif defined(__aarch64__)
    static const uint32_t ret = 0xd65f03c0;
#else
    static const uint32_t ret = 0x00008067;
#endif
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0755);
    if (ftruncate(fd, 8192) || pwrite(fd, &ret, 4, 0) != 4 || pwrite(fd, &ret, 4, 4096) != 4)
        return 1;
    char *p = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
    ((void (*)(void))p)();
    printf("first\n");
    fflush(stdout);
    if (ftruncate(fd, 4096))
        return 1;
    ((void (*)(void))(p + 4096))();
    printf("second\n");
    return 0;
}

/* One operation in a ring of its own: its result, or -1000 - errno of what went wrong before. */
static int ring_op(struct io_uring_sqe what, int ring_fd)
{
    struct io_uring_params p = {0};
    int fd = ring_fd >= 0 ? ring_fd : (int)syscall(SYS_io_uring_setup, 4, &p);
    if (fd < 0)
        return -1000 - errno;
    char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
    struct io_uring_sqe *e = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQES);
    e[0] = what;
    *(unsigned *)(void *)(m + p.sq_off.array) = 0;
    __atomic_store_n((unsigned *)(void *)(m + p.sq_off.tail), 1, __ATOMIC_RELEASE);
    int n = (int)syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0);
    if (n != 1)
        return -1000 - errno;
    int r = ((struct io_uring_cqe *)(void *)(m + p.cq_off.cqes))[0].res;
    close(fd);
    return r;
}

static struct io_uring_sqe entry(int op, int fd, const void *addr)
{
    return (struct io_uring_sqe){.opcode = (uint8_t)op, .fd = fd, .addr = (uintptr_t)addr};
}

/* What the emulator refuses, and what it does to names and descriptors. */
static int rings(int argc, char **argv)
{
    const unsigned flags[] = {IORING_SETUP_SQPOLL, IORING_SETUP_IOPOLL, 1 << 14 /* NO_MMAP */};
    for (unsigned i = 0; i < 3; i++) {
        struct io_uring_params p = {.flags = flags[i]};
        printf("flag %x %d\n", flags[i], syscall(SYS_io_uring_setup, 4, &p) < 0 ? errno : 0);
    }
    printf("maps %d\n", ring_op(entry(IORING_OP_OPENAT, AT_FDCWD, "/proc/self/maps"), -1));
    printf("exe %d\n", ring_op(entry(IORING_OP_OPENAT, AT_FDCWD, "/proc/self/exe"), -1) > 2);
    printf("uring_cmd %d\n", ring_op(entry(IORING_OP_URING_CMD, 0, NULL), -1));
    int fd = argc > 0 ? ring_op(entry(IORING_OP_OPENAT, AT_FDCWD, argv[0]), -1) : -1;
    char text[32] = {0};
    printf("file %d %s\n", fd > 2 && read(fd, text, 31) >= 0, text);
    struct io_uring_params p = {0};
    int ring = (int)syscall(SYS_io_uring_setup, 4, &p), hidden = 0, ebadf = 0, refused = 0;
    for (int i = 900; i < 1000; i++) {
        char link[40], to[64];
        snprintf(link, sizeof(link), "/proc/self/fd/%d", i);
        if (readlink(link, to, sizeof(to)) < 0)
            continue;
        hidden++;
        ebadf += ring_op(entry(IORING_OP_FSYNC, i, NULL), -1) == -EBADF &&
                 ring_op(entry(IORING_OP_CLOSE, i, NULL), -1) == -EBADF;
        refused += syscall(SYS_io_uring_register, ring, IORING_REGISTER_FILES, &i, 1) < 0 && errno == EBADF;
    }
    printf("hidden %d ebadf %d refused %d\n", hidden, ebadf, refused);
    printf("register ring %d\n",
           syscall(SYS_io_uring_register, ring, IORING_REGISTER_RING_FDS, NULL, 0) < 0 ? errno : 0);
    /* Another image does not know it. */
    char number[12];
    snprintf(number, sizeof(number), "%d", ring);
    fcntl(ring, F_SETFD, 0);
    fflush(stdout);
    execl("/proc/self/exe", "probe", "ring-fd", number, NULL);
    return 1;
}

__attribute__((noinline)) static int spin(void)
{
    printf("spins\n");
    fflush(stdout);
    for (volatile unsigned n = 0;; n++)
        ;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "args";
    if (!strcmp(what, "exit"))
        return atoi(argv[2]);
    if (!strcmp(what, "stack"))
        return show_stack(argc, argv);
    if (!strcmp(what, "cat"))
        return cat(argv[2]);
    if (!strcmp(what, "exec"))
        return run(argc - 2, argv + 2);
    if (!strcmp(what, "private-root")) {
        printf("unshare %d\n", unshare(CLONE_NEWUSER | CLONE_NEWNS) ? errno : 0);
        printf("mount %d\n", mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ? errno : 0);
        return 0;
    }
    if (!strcmp(what, "rings"))
        return rings(argc - 2, argv + 2);
    if (!strcmp(what, "ring-fd")) {
        int fd = atoi(argv[2]);
        printf("inherited %d %d\n", fcntl(fd, F_GETFD) >= 0,
               syscall(SYS_io_uring_enter, fd, 0, 0, 0, NULL, 0) < 0 ? errno : 0);
        return 0;
    }
    if (!strncmp(what, "fd-", 3))
        return run_fd(what, argc - 2, argv + 2);
    if (!strcmp(what, "link"))
        return link_of(argv[2]);
    if (!strcmp(what, "spin"))
        return spin();
    if (!strcmp(what, "edges"))
        return edges();
    if (!strcmp(what, "vdso"))
        return vdso();
    if (!strcmp(what, "cut"))
        return cut(argv[2]);
    if (!strcmp(what, "deep")) {
        deep((unsigned)atoi(argv[2]) / 4);
        printf("came back\n");
        return 0;
    }
    if (!strcmp(what, "wait")) {
        cat("/proc/self/maps");
        printf("ready\n");
        fflush(stdout);
        return getchar() == EOF;
    }
    return show_args(argc, argv);
}
