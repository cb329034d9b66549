/* A program that tries to reach memory that is not its own. An emulator stands in its address space: natively
 * there is nothing to find, and each way has to end alike. */
#include "ksignal.h"

#include <dirent.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/uio.h>

enum { PAGE = 4096, MOST = 64 };

/* A page of each mapping that /proc/self/map_files shows and /proc/self/maps does not; and places where
 * nothing ever is, so that the native run has something to try. */
static uint64_t victim[MOST];
static unsigned n_victims;

static bool is_mine(uint64_t at)
{
    char line[400];
    bool mine = false;
    FILE *f = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, f)) {
        unsigned long long start, end;
        mine |= sscanf(line, "%llx-%llx", &start, &end) == 2 && at >= start && at < end;
    }
    fclose(f);
    return mine;
}

static void find_victims(void)
{
    victim[n_victims++] = 0x7ffffffff000 - PAGE;
    victim[n_victims++] = 0x600000000000;
    DIR *d = opendir("/proc/self/map_files");
    for (struct dirent *e; d && (e = readdir(d)) && n_victims + 3 < MOST;) {
        unsigned long long start, end;
        if (sscanf(e->d_name, "%llx-%llx", &start, &end) != 2 || is_mine(start))
            continue;
        victim[n_victims++] = start;
        victim[n_victims++] = end - PAGE;
        victim[n_victims++] = end; /* what no file is behind follows data */
    }
    if (d)
        closedir(d);
    for (unsigned i = 0; i < n_victims;) /* the stack, or what has moved meanwhile */
        if (is_mine(victim[i]))
            victim[i] = victim[--n_victims];
        else
            i++;
}

/* Prints how often it did not fail, which is to be never. */
#define EACH(what, bad)                                                                                      \
    do {                                                                                                     \
        unsigned wrong = 0;                                                                                  \
        for (unsigned i = 0; i < n_victims; i++) {                                                           \
            uint64_t v = victim[i];                                                                          \
            wrong += (bad) != 0;                                                                             \
        }                                                                                                    \
        printf("%s: %u\n", what, wrong);                                                                     \
        fflush(stdout);                                                                                      \
    } while (0)

static char buf[PAGE];

/* Files of /proc/self/mem are written whatever protects the memory. */
static void through_files(void)
{
    struct iovec iov = {buf, 8};
    int fd = open("/proc/self/mem", O_RDWR);
    EACH("pread of mem", pread64(fd, buf, 8, v) != -1);
    EACH("pwrite of mem", pwrite64(fd, buf, 8, v) != -1);
    EACH("preadv of mem", preadv64(fd, &iov, 1, v) != -1);
    EACH("pwritev of mem", pwritev64(fd, &iov, 1, v) != -1);
    EACH("lseek of mem", lseek64(fd, v, SEEK_SET) != v || read(fd, buf, 8) != -1 || write(fd, buf, 8) != -1);
    EACH("lseek in steps", lseek64(fd, v / 2, SEEK_SET) == -1 || lseek64(fd, v - v / 2, SEEK_CUR) != v ||
                               write(fd, buf, 8) != -1);
    buf[0] = 5;
    printf("own memory: %zd\n", pwrite64(fd, "\7", 1, (uintptr_t)buf));
    printf("%d\n", buf[0]);
    close(fd);
}

static bool registers(int uffd, uint64_t at, uint64_t len)
{
    struct uffdio_register r = {.range = {at, len}, .mode = UFFDIO_REGISTER_MODE_MISSING};
    return !ioctl(uffd, UFFDIO_REGISTER, &r);
}

static bool copies(int uffd, uint64_t to, uint64_t from)
{
    struct uffdio_copy c = {.dst = to, .src = from, .len = PAGE};
    return !ioctl(uffd, UFFDIO_COPY, &c);
}

/* Faults that this program would have to answer, and pages of its making. */
static void through_faults(void)
{
    struct uffdio_api api = {.api = UFFD_API};
    char *m = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1 /* UFFD_USER_MODE_ONLY */);
    if (uffd == -1 || ioctl(uffd, UFFDIO_API, &api)) {
        printf("no userfaultfd: %s\n", strerrorname_np(errno));
        return;
    }
    EACH("register", registers(uffd, v, PAGE));
    show_bool("register all", registers(uffd, (uintptr_t)m, 0x7ffffffff000 - (uintptr_t)m));
    show_bool("register some", registers(uffd, (uintptr_t)m, 2 * PAGE));
    EACH("copy to", copies(uffd, v, (uintptr_t)buf));
    EACH("copy from", copies(uffd, (uintptr_t)m, v));
    memset(buf, 3, PAGE);
    static char page[2 * PAGE] __attribute__((aligned(PAGE)));
    memset(page, 3, PAGE);
    show_bool("copied", copies(uffd, (uintptr_t)m, (uintptr_t)page));
    printf("%d\n", m[PAGE - 1]);
    close(uffd);
    munmap(m, 4 * PAGE);
}

static bool kills(void (*fn)(uint64_t), uint64_t v, int sig)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        fclose(stderr);
        fn(v);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == sig;
}

static void handler(int sig) {}

static void signal_stack(uint64_t v)
{
    stack_t ss = {.ss_sp = (void *)(uintptr_t)v, .ss_size = 4 * PAGE};
    struct sigaction act = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    if (sigaltstack(&ss, NULL))
        _exit(1);
    sigaction(SIGUSR1, &act, NULL);
    raise(SIGUSR1);
}

static void robust_list(uint64_t v)
{
    struct {
        uint64_t next, offset, pending;
    } head = {v, 0, v};
    syscall(SYS_set_robust_list, sizeof(long) == 8 ? (void *)&head : (void *)(uintptr_t)v, 3 * sizeof(long));
    syscall(SYS_exit, 7);
}

static bool ends_well(void (*fn)(uint64_t), uint64_t v)
{
    int status;
    pid_t pid = fork();
    if (!pid)
        fn(v);
    waitpid(pid, &status, 0);
    return status == 7 << 8;
}

/* As EACH, of the places that a pointer can name. */
#define EACH_POINTER(what, bad) EACH(what, v == (uintptr_t)v && (bad))

static void through_calls(void)
{
    struct iovec own = {buf, 8};
    char *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int p[2], zero = open("/dev/zero", O_RDONLY);
    pipe(p);
    write(p[1], buf, 100);
#define AT ((void *)(uintptr_t)v)
    EACH_POINTER("process_vm_writev",
                 process_vm_writev(getpid(), &own, 1, &(struct iovec){AT, 8}, 1, 0) != -1);
    EACH_POINTER("process_vm_readv", process_vm_readv(getpid(), &own, 1, &(struct iovec){AT, 8}, 1, 0) != -1);
    EACH_POINTER("read", read(p[0], AT, 8) != -1);
    EACH_POINTER("readv", readv(zero, &(struct iovec){AT, 8}, 1) != -1);
    EACH_POINTER("write", write(p[1], AT, 8) != -1);
    EACH_POINTER("mprotect", !mprotect(AT, PAGE, PROT_READ | PROT_WRITE));
    EACH_POINTER("mremap from", mremap(AT, PAGE, 2 * PAGE, MREMAP_MAYMOVE) != MAP_FAILED);
    EACH_POINTER("madvise", !madvise(AT, PAGE, MADV_DONTNEED));
    EACH_POINTER("mlock", !mlock(AT, PAGE));
    EACH_POINTER("remap_file_pages", !remap_file_pages(AT, PAGE, 0, 0, 0));
    EACH_POINTER("brk", !brk(AT));
    EACH_POINTER("set_tid_address of a thread", !ends_well(robust_list, v));
    EACH_POINTER("prctl", !prctl(PR_SET_NAME, AT) || !prctl(PR_GET_NAME, AT));
    EACH_POINTER("alternate stack", !kills(signal_stack, v, SIGSEGV));
    EACH_POINTER("clock", !syscall(SYS_clock_gettime, 0, AT));
    EACH_POINTER("random", syscall(SYS_getrandom, AT, 8, 0) != -1);
    EACH_POINTER("rseq", !syscall(SYS_rseq, AT, 32, 0, 0x53053053));
    show_bool("own page", !munmap(m, PAGE));
}

/* Where the place is the emulator's, these fail; natively they would not. */
static void over_it(void)
{
    char *m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    unsigned wrong = 0;
    for (unsigned i = 2; i < n_victims; i++) {
        void *at = (void *)(uintptr_t)victim[i];
        if ((uintptr_t)at != victim[i])
            continue;
        wrong += munmap(at, PAGE) == 0;
        wrong += mmap(at, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == at;
        wrong += mremap(m, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, at) == at;
    }
    printf("put over it: %u\n", wrong);
}

int main(void)
{
    find_victims();
    through_files();
    through_faults();
    through_calls();
    over_it();
    printf("still there\n");
    return 0;
}
