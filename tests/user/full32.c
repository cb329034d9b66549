/* A 32-bit program that asks for more than its address space gets ENOMEM, and goes on. What the host's own
 * program prints is what is expected: its space cannot be filled. */
#include "ksignal.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __arm__
#define NARROW(value, expected) (value)
#else
#define NARROW(value, expected) (expected)
#endif
enum { STEP = 16 << 20, MANY = 256 };

static volatile sig_atomic_t got;
static void note_signal(int sig) { got = sig; }
static void *thread(void *arg) { return arg; }

/* What a call that gives an address says: its errno, 0 when it worked. */
static long errno_of(const void *p) { return p == (void *)-1 ? errno : 0; }
#define TRY(call) printf("%s: %ld\n", #call, (long)NARROW(errno_of((const void *)(intptr_t)(call)), ENOMEM))

static void *map(void *at, size_t size, int flags)
{
    return mmap(at, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | flags, -1, 0);
}

static void too_large(void)
{
    void *p = map(NULL, 4096, 0);
    TRY(map(NULL, 0xfffff000, 0));
    TRY(map(NULL, 0xe0000000, 0));
    TRY(map((void *)0xfffe0000, 0x10000, MAP_FIXED));
    TRY(map((void *)0xfffe0000, 0x100000, MAP_FIXED));
    TRY(mremap(p, 4096, 0xe0000000, MREMAP_MAYMOVE));
    void *end = sbrk(0);
    NARROW(sbrk(0x60000000), end); /* may fit, but not twice */
    TRY(sbrk(0x60000000));
    SHOW(NARROW(brk(end), 0));
    SHOW(munmap(p, 4096));
    void *volatile m = NARROW(malloc(0xd0000000u), NULL); /* not optimized away */
    printf("malloc: %d\n", m == NULL);
}

static void fill(void)
{
    void *all[MANY], *small[MANY];
    unsigned n = 0, k = 0;
    while (n < NARROW(MANY, 0) && (all[n] = map(NULL, STEP, 0)) != MAP_FAILED)
        n++;
    printf("full: %d\n", NARROW(n > (2u << 30) / STEP && n < MANY && errno == ENOMEM, 1));
    while (k < NARROW(MANY, 0) && (small[k] = map(NULL, 1 << 20, 0)) != MAP_FAILED)
        k++;
    TRY(map(NULL, 8 << 20, 0));
    int id = shmget(IPC_PRIVATE, 8 << 20, 0600);
    TRY(shmat(id, NULL, 0));
    shmctl(id, IPC_RMID, NULL);
    pthread_t t;
    pthread_attr_t a;
    pthread_attr_init(&a);
    pthread_attr_setstacksize(&a, 8 << 20);
    printf("thread: %d\n", NARROW(pthread_create(&t, &a, thread, NULL), EAGAIN));
    /* Code, signals, children and other processes as ever. */
    signal(SIGUSR1, note_signal);
    raise(SIGUSR1);
    SHOW(got == SIGUSR1);
    pid_t child = fork();
    if (!child)
        _exit(7);
    int status = -1;
    SHOW(waitpid(child, &status, 0) == child);
    SHOW(WEXITSTATUS(status));
    for (unsigned i = 0; i < k; i++)
        munmap(small[i], 1 << 20);
    for (unsigned i = 0; i < n; i++)
        munmap(all[i], STEP);
    void *again = map(NULL, 1 << 30, 0);
    SHOW(again != MAP_FAILED);
    SHOW(pthread_create(&t, &a, thread, NULL));
    SHOW(pthread_join(t, NULL));
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    too_large();
    fill();
    return done();
}
