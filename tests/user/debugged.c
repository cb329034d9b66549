/* What check_gdb.py debugs: calls, a signal, a thread, a fault, a child. */
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

volatile int sum;
volatile double scale = 1.5;
int *volatile nowhere;

static void on_signal(int sig) { sum += sig; }

__attribute__((noinline)) int add(int a, int b)
{
    scale *= 2;
    return a + b;
}

__attribute__((noinline)) void *in_thread(void *p)
{
    for (int i = 0; i < 3; i++)
        sum = add(sum, *(int *)p);
    return NULL;
}

enum { MANY = 300 };
static pthread_barrier_t together;

__attribute__((noinline)) void gathered(void)
{
    sum = 0;
}

static volatile int begun;

static void *waits(void *p)
{
    __atomic_fetch_add(&begun, 1, __ATOMIC_SEQ_CST);
    pthread_barrier_wait(&together);
    return p;
}

/* More threads than one packet names. */
static void many_threads(void)
{
    static pthread_t thread[MANY];
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    pthread_barrier_init(&together, NULL, MANY + 1);
    for (int i = 0; i < MANY; i++)
        if (pthread_create(&thread[i], &small, waits, NULL))
            exit(99);
    while (begun < MANY)
        usleep(1000);
    gathered();
    pthread_barrier_wait(&together);
    for (int i = 0; i < MANY; i++)
        pthread_join(thread[i], NULL);
}

/* One instruction, where there is one. */
static void copy_bytes(void *to, const void *from, size_t n)
{
#if defined __x86_64__ || defined __i386__
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
#else
    memcpy(to, from, n);
#endif
}

char letters[32] = "abcdefgh", copied[32];

static void spawn(char *name)
{
    char *args[] = {name, "three", NULL};
    int status;
    pid_t child;
    int e = posix_spawn(&child, "/proc/self/exe", NULL, NULL, args, NULL);
    if (e != 0 || waitpid(child, &status, 0) != child || WEXITSTATUS(status) != 3)
        exit(98);
}

enum { SIX = 6 };

/* Children that outlive their parent. */
static int six_children(void)
{
    for (int i = 0; i < SIX; i++)
        if (fork() == 0)
            return add(1, i);
    return 42;
}

/* A child that ends before its own. */
static int grandchild(void)
{
    int ends[2];
    char byte = 0;
    if (pipe(ends))
        return 97;
    if (fork() == 0) {
        if (fork())
            return 4;
        byte = (char)add(1, 2);
        return write(ends[1], &byte, 1) == 1 ? byte : 96;
    }
    close(ends[1]);
    return read(ends[0], &byte, 1) == 1 && byte == 3 ? 42 : 95;
}

/* A child that is traced by its parent, too. */
static int traced(void)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        ptrace(PTRACE_TRACEME, 0, 0, 0);
        raise(SIGSTOP);
        sum = add(1, 2);
        return 3;
    }
    while (waitpid(child, &status, 0) == child && WIFSTOPPED(status))
        ptrace(PTRACE_CONT, child, 0, 0);
    return WEXITSTATUS(status) == 3 ? 42 : 94;
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "six") == 0)
        return six_children();
    if (argc > 1 && strcmp(argv[1], "grand") == 0)
        return grandchild();
    if (argc > 1 && strcmp(argv[1], "traced") == 0)
        return traced();
    if (argc > 1 && strcmp(argv[1], "three") == 0)
        return add(1, 2);
    if (argc > 1 && strcmp(argv[1], "copy") == 0)
        copy_bytes(copied, letters, sizeof(copied));
    if (argc > 1 && strcmp(argv[1], "exec") == 0)
        execl("/proc/self/exe", argv[0], "second", (char *)NULL);
    if (argc > 1 && strcmp(argv[1], "many") == 0)
        many_threads();
    int seven = 7, status = 0;
    pthread_t thread;
    signal(SIGUSR1, on_signal);
    for (int i = 0; i < 3; i++)
        sum = add(sum, i);
    raise(SIGUSR1);
    pthread_create(&thread, NULL, in_thread, &seven);
    pthread_join(thread, NULL);
    if (argc > 1 && strcmp(argv[1], "wait") == 0)
        for (;;)
            pause();
    if (argc > 1 && strcmp(argv[1], "spawn") == 0)
        spawn(argv[0]);
    pid_t child = argc > 1 && strcmp(argv[1], "vfork") == 0 ? vfork() : fork();
    if (child == 0)
        _exit(add(1, 2));
    waitpid(child, &status, 0);
    printf("%d %g %d\n", sum, scale, WEXITSTATUS(status));
    fflush(stdout);
    if (argc > 1 && strcmp(argv[1], "abort") == 0)
        abort();
    if (argc > 1 && strcmp(argv[1], "fault") == 0)
        *nowhere = 1;
    return 42;
}
