/* mlockall and what follows from it: new mappings are locked, count against the limit and are refused when
 * it is reached; a child inherits nothing. */
#include "user.h"

#include <grp.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>

enum { MIB = 1 << 20 };

static int resident(const char *p, size_t bytes)
{
    unsigned char vec[64] = {0};
    int n = 0;
    if (bytes > 64 * 4096 || mincore((void *)p, bytes, vec))
        return -1;
    for (size_t i = 0; i < bytes / 4096; i++)
        n += vec[i] & 1;
    return n;
}

static void *map(size_t bytes, int prot)
{
    return mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void show_map(const char *what, size_t bytes)
{
    char *p = map(bytes, PROT_READ | PROT_WRITE);
    show(what, p == MAP_FAILED ? -1 : 0);
    if (p != MAP_FAILED)
        munmap(p, bytes);
}

static void as_they_come(void)
{
    char *p = map(16 * 4096, PROT_READ | PROT_WRITE);
    printf("not locked: %d\n", resident(p, 16 * 4096));
    munmap(p, 16 * 4096);
    SHOW(mlockall(MCL_FUTURE | MCL_ONFAULT));
    p = map(16 * 4096, PROT_READ | PROT_WRITE);
    p[3 * 4096] = 1;
    printf("locked on fault: %d\n", resident(p, 16 * 4096));
    show_map("much on fault", 80 * MIB);
    SHOW(mlockall(MCL_FUTURE));
    p = map(16 * 4096, PROT_READ | PROT_WRITE);
    printf("locked at once: %d\n", resident(p, 16 * 4096));
    p = mmap(p, 4 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    printf("locked at once, fixed: %d\n", resident(p, 4 * 4096));
    p = map(4096, PROT_NONE);
    SHOW(p != MAP_FAILED);
    char *brk = sbrk(0), *old = sbrk(16 * 4096);
    char *whole = (char *)(((uintptr_t)old + 4095) & ~4095ul);
    printf("heap: %d, locked %d\n", brk == old, resident(whole, 15 * 4096));
}

static void limits(void)
{
    show_map("more than the limit", 80 * MIB);
    show_map("less", 8 * MIB);
    SHOW(sbrk(80 * MIB) == (void *)-1);
    struct rlimit low = {4096, 64 * MIB};
    SHOW(setrlimit(RLIMIT_MEMLOCK, &low));
    show_map("a page too much", 2 * 4096);
    struct io_uring_params params = {0};
    int fd = (int)syscall(SYS_io_uring_setup, 4, &params);
    void *ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, IORING_OFF_SQ_RING);
    if (fd >= 0)
        show("rings", ring == MAP_FAILED ? -1 : 0);
    low.rlim_cur = 64 * MIB;
    SHOW(setrlimit(RLIMIT_MEMLOCK, &low));
}

static void ends(void)
{
    fflush(stdout);
    if (!fork()) {
        show_map("child, much", 80 * MIB);
        fflush(stdout);
        _exit(0);
    }
    wait(NULL);
    SHOW(munlockall());
    char *p = map(16 * 4096, PROT_READ | PROT_WRITE);
    printf("unlocked: %d\n", resident(p, 16 * 4096));
    show_map("unlocked, much", 80 * MIB);
    SHOW(mlockall(MCL_CURRENT | MCL_ONFAULT));
    printf("current, on fault: %d\n", resident(p, 16 * 4096));
    SHOW(mlockall(MCL_CURRENT));
    printf("current: %d\n", resident(p, 16 * 4096));
    show_map("not later", 80 * MIB);
    p = map(80 * MIB, PROT_READ | PROT_WRITE);
    SHOW(mlockall(MCL_CURRENT));
    SHOW(munlockall());
    struct rlimit none = {0, 64 * MIB};
    SHOW(setrlimit(RLIMIT_MEMLOCK, &none));
    SHOW(mlockall(MCL_CURRENT));
    SHOW(mlockall(MCL_FUTURE));
    SHOW(mlockall(0));
    SHOW(mlockall(MCL_ONFAULT));
}

int main(void)
{
    struct rlimit r = {64 * MIB, 64 * MIB};
    if (setrlimit(RLIMIT_MEMLOCK, &r)) { /* less is the limit of this user already */
        getrlimit(RLIMIT_MEMLOCK, &r);
        printf("limit %d\n", (int)(r.rlim_cur >> 10));
    }
    if (!getuid() && (setgroups(0, NULL) || setresgid(65534, 65534, 65534) || setresuid(65534, 65534, 65534)))
        return 1;
    as_they_come();
    limits();
    ends();
    return 0;
}
