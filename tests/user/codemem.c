/* Code that changes through another way to the same memory: aliases, files, other processes. */
#include "user.h"
#include "usercode.h"

#include <sys/mman.h>
#include <sys/wait.h>

static int call(void *p)
{
    sync_code(p, RETURN_CODE);
    return ((int (*)(void))p)();
}

/* p is written, q executed: both are the same memory. */
static void two_views(const char *what, char *p, char *q)
{
    printf("%s:", what);
    for (int i = 1; i < 4; i++) {
        put_return(p, i);
        printf(" %d", call(q));
    }
    puts("");
}

static void anonymous(void)
{
    char *p = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *q = mremap(p, 0, 8192, MREMAP_MAYMOVE);
    mprotect(q, 8192, PROT_READ | PROT_EXEC);
    two_views("mremap", p, q);
    two_views("second page", p + 4096, q + 4096);
    /* Cut, and moved. */
    mprotect(q, 4096, PROT_READ);
    char *r = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    r = mremap(q + 4096, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, r);
    two_views("moved", p + 4096, r);
    two_views("read-only first", p, (mprotect(q, 4096, PROT_READ | PROT_EXEC), q));
    munmap(p, 8192);
}

/* The child writes, the parent has no writable mapping left. */
static void other_process(void)
{
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int to[2], from[2];
    pipe(to);
    pipe(from);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        char n;
        close(to[1]);
        while (read(to[0], &n, 1) == 1) {
            put_return(p, n);
            write(from[1], &n, 1);
        }
        _exit(0);
    }
    mprotect(p, 4096, PROT_READ | PROT_EXEC);
    printf("other process:");
    for (char n = 1; n < 4; n++) {
        char r;
        write(to[1], &n, 1);
        read(from[0], &r, 1);
        printf(" %d", call(p));
    }
    puts("");
    close(to[1]);
    waitpid(pid, NULL, 0);
}

static void write_file(int fd, int n)
{
    char text[16];
    put_return(text, n);
    pwrite(fd, text, RETURN_CODE, 0);
}

static void file(int flags, const char *what)
{
    char name[] = "code-XXXXXX";
    int fd = mkstemp(name);
    ftruncate(fd, 4096);
    write_file(fd, 1);
    void *q = mmap(NULL, 4096, PROT_READ | PROT_EXEC, flags, fd, 0);
    printf("%s: %d", what, call(q));
    write_file(fd, 2);
    printf(" %d", call(q));
    char *w = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    put_return(w, 3);
    printf(" %d", call(q));
    munmap(w, 4096);
    write_file(fd, 4);
    printf(" %d\n", call(q));
    close(fd);
    unlink(name);
}

int main(void)
{
    anonymous();
    other_process();
    file(MAP_PRIVATE, "private file");
    file(MAP_SHARED, "shared file");
    return 0;
}
