/* mseal: what is refused of sealed memory, by which call; process_madvise: which advice, of whom. */
#include "user.h"

#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { PAGE = 4096, MSEAL = 462, PROCESS_MADVISE = 440, PIDFD_OPEN = 434 };
enum { COLD = 20, PAGEOUT = 21, DONTNEED_LOCKED = 24, COLLAPSE = 25 };

static long mseal(void *at, size_t len, unsigned long flags)
{
    return syscall(MSEAL, at, len, flags);
}

static char *map(unsigned pages, int prot)
{
    return mmap(NULL, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *result(void *p, void *wanted)
{
    return p == MAP_FAILED || p == wanted ? p : NULL;
}

static void arguments(void)
{
    char *m = map(4, PROT_READ | PROT_WRITE);
    munmap(m + 3 * PAGE, PAGE);
    SHOW(mseal(m + 1, PAGE, 0));
    SHOW(mseal(m, PAGE, 1));
    /* Those of 32 bits wrap in no word of the kernel's. */
    SHOW_BOOL(mseal(m, -PAGE, 0) && errno == (sizeof(long) == 8 ? EINVAL : ENOMEM));
    SHOW_BOOL(mseal(m, -1l, 0) && errno == (sizeof(long) == 8 ? EINVAL : ENOMEM));
    SHOW(mseal(m + 3 * PAGE, 0, 0));
    SHOW(mseal(m, 4 * PAGE, 0));
    SHOW(mseal(m + 3 * PAGE, PAGE, 0));
    SHOW(mprotect(m, 3 * PAGE, PROT_READ)); /* nothing is sealed by those */
    munmap(m, 3 * PAGE);
}

static void refused(void)
{
    char *m = map(8, PROT_READ | PROT_WRITE), *other = map(8, PROT_READ);
    memset(m, 7, 8 * PAGE);
    SHOW(mseal(m + 2 * PAGE, 3 * PAGE - 100, 0));
    SHOW(mseal(m + 2 * PAGE, PAGE, 0));
    SHOW(munmap(m + PAGE, 2 * PAGE));
    SHOW(munmap(m + 4 * PAGE, 2 * PAGE));
    SHOW(munmap(m, 8 * PAGE));
    printf("all there: %d %d\n", m[PAGE], m[7 * PAGE]);
    SHOW(mprotect(m + 2 * PAGE, PAGE, PROT_READ));
    SHOW(mprotect(m + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE));
    SHOW(mprotect(m + PAGE, 2 * PAGE, PROT_READ));
    SHOW(mprotect(m + 5 * PAGE, PAGE, PROT_READ));
    SHOW_OK((long)mmap(m + 3 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    SHOW_OK(
        (long)mmap(m + 3 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0));
    SHOW_OK((long)mremap(m + 2 * PAGE, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
    SHOW_OK((long)mremap(m + 2 * PAGE, 2 * PAGE, PAGE, 0));
    SHOW_OK((long)mremap(other, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, m + 4 * PAGE));
    SHOW(madvise(m + 2 * PAGE, PAGE, MADV_DONTNEED)); /* may be written */
    printf("dropped: %d %d\n", m[2 * PAGE], m[3 * PAGE]);
    SHOW(madvise(m + 2 * PAGE, PAGE, MADV_WILLNEED));
    m[4 * PAGE] = 9; /* writing goes on */
    printf("written: %d\n", m[4 * PAGE]);
}

static void read_only(void)
{
    static const int advice[] = {MADV_DONTNEED, MADV_FREE, DONTNEED_LOCKED, MADV_DONTFORK, MADV_WIPEONFORK,
                                 MADV_WILLNEED, COLD,      MADV_DOFORK};
    char *m = map(2, PROT_READ | PROT_WRITE);
    m[0] = 5;
    mprotect(m, 2 * PAGE, PROT_READ);
    SHOW(mseal(m, PAGE, 0));
    for (unsigned k = 0; k < sizeof advice / sizeof advice[0]; k++)
        printf("advice %d: %s\n", advice[k], madvise(m, PAGE, advice[k]) ? strerrorname_np(errno) : "ok");
    SHOW(madvise(m, 2 * PAGE, MADV_DONTNEED));
    printf("%d\n", m[0]);
}

/* Sealed memory of a parent is the child's; a heap that is sealed does not shrink. */
static void children(void)
{
    char *m = map(1, PROT_READ), *low = sbrk(4 * PAGE);
    char *page = (char *)(((long)low + PAGE - 1) & -PAGE);
    SHOW(mseal(m, PAGE, 0));
    fflush(stdout);
    if (!fork()) {
        SHOW(munmap(m, PAGE));
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    SHOW(mseal(page + PAGE, PAGE, 0));
    SHOW_BOOL(brk(page) == 0);
    SHOW_BOOL(brk(page + 2 * PAGE) == 0);
}

static void advise(void)
{
    static const int advice[] = {COLD, PAGEOUT, MADV_WILLNEED, MADV_HUGEPAGE, 1000};
    char *m = map(4, PROT_READ | PROT_WRITE);
    memset(m, 3, 4 * PAGE);
    fflush(stdout);
    int pipes[2];
    pipe(pipes);
    pid_t pid = fork();
    if (!pid) {
        char c;
        close(pipes[1]);
        read(pipes[0], &c, 1);
        _exit(m[0]);
    }
    int fd = syscall(PIDFD_OPEN, pid, 0), own = syscall(PIDFD_OPEN, getpid(), 0);
    struct iovec iov[2] = {{m, PAGE}, {m + 2 * PAGE, 2 * PAGE}};
    for (unsigned k = 0; k < sizeof advice / sizeof advice[0]; k++) {
        printf("advice %d\n", advice[k]);
        SHOW(syscall(PROCESS_MADVISE, fd, iov, 2, advice[k], 0));
    }
    SHOW(syscall(PROCESS_MADVISE, own, iov, 2, COLD, 0));
    SHOW(syscall(PROCESS_MADVISE, fd, iov, 2, COLD, 1));
    SHOW(syscall(PROCESS_MADVISE, fd, iov, 0, COLD, 0));
    SHOW(syscall(PROCESS_MADVISE, fd, (void *)16, 2, COLD, 0));
    SHOW(syscall(PROCESS_MADVISE, -1, iov, 2, COLD, 0));
    SHOW(syscall(PROCESS_MADVISE, 0, iov, 2, COLD, 0));
    iov[1].iov_base = m + 1;
    SHOW(syscall(PROCESS_MADVISE, fd, iov, 2, COLD, 0));
    close(pipes[1]);
    int status;
    waitpid(pid, &status, 0);
    printf("child %d\n", WEXITSTATUS(status));
}

int main(void)
{
    arguments();
    refused();
    read_only();
    children();
    advise();
    return 0;
}
