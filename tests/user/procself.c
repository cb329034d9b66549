/* The files of /proc that tell of this process, by every way a path can lead there. */
#include "user.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/vfs.h>
#include <sys/wait.h>

static char text[1 << 20];
static long len;
static char *program;

static void read_all(int fd)
{
    len = 0;
    for (long r;
         fd >= 0 && len < (long)sizeof text - 1 && (r = read(fd, text + len, sizeof text - 1 - len)) > 0;)
        len += r;
    text[len] = 0;
    close(fd);
}

static int open_at(int dir, const char *path) { return openat(dir, path, O_RDONLY); }

/* A mapping that holds this function and nothing of anybody else's. */
static void show_maps(const char *how, int fd)
{
    bool me = false, foreign = false, opened = fd >= 0;
    read_all(fd);
    unsigned long start, end;
    for (char *s = text; s && *s; s = strchr(s, '\n'), s += s != NULL) {
        if (sscanf(s, "%lx-%lx", &start, &end) == 2)
            me |= start <= (unsigned long)show_maps && (unsigned long)show_maps < end;
        else if (sscanf(s, "%lx ", &start) == 1)
            me |= start <= (unsigned long)show_maps && (unsigned long)show_maps - start < 1 << 20;
    }
    foreign = strstr(text, "tinamou") || strstr(text, "memfd:");
    printf("%s: %s, %s, %s\n", how, opened ? "opened" : "failed", me ? "me" : "not me",
           foreign ? "others" : "alone");
}

static void maps_by_path(void)
{
    char path[100];
    const char *const forms[] = {"/proc/self/maps",
                                 "/proc/thread-self/maps",
                                 "/proc/%d/maps",
                                 "/proc/self/task/%d/maps",
                                 "/proc/%d/task/%d/maps",
                                 "/proc/./self/maps",
                                 "/proc//self///maps",
                                 "/proc/self/../self/maps",
                                 "/proc/self/cwd/../../../../../../../../../../proc/self/maps",
                                 "/proc/self/root/proc/self/maps",
                                 "/../proc/self/maps",
                                 "/proc/self/smaps",
                                 "/proc/.//self/smaps",
                                 "/proc/self/numa_maps",
                                 "/proc/self/task/../maps",
                                 "/proc/self/nothing/maps",
                                 "/proc/self/maps/",
                                 "/proc/1/nothing"};
    for (unsigned i = 0; i < sizeof forms / sizeof *forms; i++) {
        snprintf(path, sizeof path, forms[i], getpid(), getpid());
        show_maps(forms[i], open_at(AT_FDCWD, path));
    }
}

static void *other_thread(void *arg)
{
    char path[100];
    snprintf(path, sizeof path, "/proc/self/task/%d/maps", gettid());
    show_maps("own task", open_at(AT_FDCWD, path));
    snprintf(path, sizeof path, "/proc/%d/maps", gettid());
    show_maps("own tid", open_at(AT_FDCWD, path));
    return NULL;
}

static void maps_by_directory(void)
{
    int proc = open("/proc", O_PATH), self = open("/proc/self", O_RDONLY | O_DIRECTORY),
        task = open("/proc/self/task", O_PATH);
    char path[100];
    show_maps("dirfd of /proc", open_at(proc, "self/maps"));
    show_maps("dirfd of /proc/self", open_at(self, "maps"));
    show_maps("dirfd, dots", open_at(self, "./task/../maps"));
    snprintf(path, sizeof path, "%d/smaps", getpid());
    show_maps("dirfd of task", open_at(task, path));
    chdir("/proc/self");
    show_maps("cwd /proc/self", open_at(AT_FDCWD, "maps"));
    show_maps("cwd /proc/self, dot", open_at(AT_FDCWD, "./maps"));
    chdir("/proc");
    show_maps("cwd /proc", open_at(AT_FDCWD, "self/maps"));
    close(proc);
    close(self);
    close(task);
}

static void show_name(const char *how, int dir, const char *path)
{
    char link[4096];
    long n = readlinkat(dir, path, link, sizeof link - 1);
    link[n < 0 ? 0 : n] = 0;
    char *name = strrchr(link, '/');
    printf("%s: %s\n", how, name ? name + 1 : "none");
    struct stat a = {0}, b;
    int r = fstatat(dir, path, &a, 0);
    printf("  stat: %d, the program: %d\n", r,
           !stat(program, &b) && a.st_size == b.st_size && a.st_ino == b.st_ino);
    int fd = openat(dir, path, O_RDONLY);
    char head[20] = "";
    read(fd, head, 20);
    printf("  open: %d, machine ours: %d\n", fd >= 0, !fstat(fd, &a) && a.st_ino == b.st_ino);
    close(fd);
}

static void exe(void)
{
    int proc = open("/proc", O_PATH), self = open("/proc/self", O_RDONLY | O_DIRECTORY);
    show_name("exe", AT_FDCWD, "/proc/self/exe");
    show_name("exe, dots", AT_FDCWD, "/proc/self/../self/./exe");
    show_name("exe of /proc", proc, "self/exe");
    show_name("exe of /proc/self", self, "exe");
    chdir("/proc/self");
    show_name("cwd", AT_FDCWD, "exe");
    char link[100] = "";
    int fd = open("exe", O_PATH | O_NOFOLLOW);
    long n = readlinkat(fd, "", link, sizeof link);
    printf("the link itself: %d\n", n > 8 && !memcmp(link + n - 8, "procself", 8));
    printf("nofollow: %d\n", open("exe", O_RDONLY | O_NOFOLLOW) == -1 && errno == ELOOP);
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        chdir("/proc/self");
        execl("exe", "again", "by cwd", NULL);
        _exit(9);
    }
    waitpid(pid, NULL, 0);
    if (!(pid = fork())) {
        self = open("/proc/self", O_PATH);
        syscall(SYS_execveat, self, "exe", (char *[]){"again", "by dirfd", NULL}, NULL, 0);
        _exit(9);
    }
    waitpid(pid, NULL, 0);
}

static void others(char **argv)
{
    chdir("/proc/self");
    read_all(open_at(AT_FDCWD, "cmdline"));
    printf("cmdline: %d\n", len == (long)strlen(argv[0]) + 1 && !strcmp(text, argv[0]));
    read_all(open_at(AT_FDCWD, "environ"));
    printf("environ: %d\n", strstr(text, "PATH=") != NULL);
    read_all(open_at(AT_FDCWD, "auxv"));
    bool entry = false;
    for (long i = 0; i + 16 <= len; i += 16)
        entry |=
            *(unsigned long *)(text + i) == 9 && *(unsigned long *)(text + i + 8) < (unsigned long)&entry;
    printf("auxv: %d\n", entry);
    read_all(open_at(AT_FDCWD, "comm"));
    printf("comm: %s", text);
}

/* A descriptor that is for reading, blocks or does not, and is closed by execve, as it was asked for. */
static void descriptors(void)
{
    int pipes[2], fd = open("/proc/self/maps", O_RDONLY | O_NONBLOCK);
    SHOW(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
    SHOW(fcntl(fd, F_GETFD));
    SHOW(write(fd, "x", 1));
    SHOW(pipe(pipes));
    SHOW(splice(pipes[0], NULL, fd, NULL, 1, 0)); /* of a pipe that is empty */
    close(fd);
    SHOW_BOOL(open("/proc/self/maps", O_RDONLY | O_CLOEXEC) == fd); /* the lowest that is free */
    SHOW(fcntl(fd, F_GETFD));
    SHOW(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK));
    for (int i = 0; i < 3; i++)
        close((const int[]){fd, pipes[0], pipes[1]}[i]);
}

/* What calls say of an open file is what they say of its name: cp looks, so as not to copy another file. */
static void same_file(const char *path)
{
    struct stat named, opened, linked;
    struct statx x;
    struct statfs fs;
    char link[40], name[100];
    int fd = open(path, O_RDONLY);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    printf("%s:\n", path);
    SHOW(stat(path, &named));
    SHOW(fstat(fd, &opened));
    SHOW(stat(link, &linked));
    SHOW(statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x));
    SHOW(fstatfs(fd, &fs));
    SHOW_BOOL(opened.st_dev == named.st_dev && opened.st_ino == named.st_ino);
    SHOW_BOOL(opened.st_uid == named.st_uid);
    SHOW_BOOL(linked.st_dev == named.st_dev && linked.st_ino == named.st_ino);
    SHOW_BOOL(x.stx_ino == named.st_ino);
    printf("mode %o %o, links %d %d, ", opened.st_mode, x.stx_mode, (int)opened.st_nlink, (int)x.stx_nlink);
    printf("size %d %d, %lx\n", (int)opened.st_size, (int)x.stx_size, (long)fs.f_type);
    long n = readlink(link, name, sizeof name), end = (long)strlen(strrchr(path, '/'));
    printf("link: %.*s, cut: %ld\n", (int)end, n > end ? name + n - end : "", (long)readlink(link, name, 5));
    close(fd);
}

/* A limit of the size of files is not one for /proc. */
static void limited(rlim_t soft, rlim_t hard)
{
    fflush(stdout);
    pid_t pid = fork();
    if (!pid) {
        struct rlimit r = {soft, hard};
        setrlimit(RLIMIT_FSIZE, &r);
        show_maps("limited", open_at(AT_FDCWD, "/proc/self/maps"));
        getrlimit(RLIMIT_FSIZE, &r);
        printf("limit: %ld %ld\n", (long)r.rlim_cur, (long)r.rlim_max);
        fflush(stdout);
        pid = fork();
        if (!pid) {
            execl("/proc/self/exe", "again", "limited", NULL);
            _exit(9);
        }
        int status;
        waitpid(pid, &status, 0);
        _exit(status);
    }
    int status;
    waitpid(pid, &status, 0);
    printf("status %x\n", status);
}

int main(int argc, char **argv)
{
    if (argc > 1) {
        printf("again, %s\n", argv[1]);
        return 0;
    }
    program = realpath(argv[0], NULL);
    maps_by_path();
    pthread_t t;
    pthread_create(&t, NULL, other_thread, NULL);
    pthread_join(t, NULL);
    maps_by_directory();
    exe();
    others(argv);
    descriptors();
    same_file("/proc/cpuinfo");
    same_file("/proc/self/maps");
    same_file("/proc/self/environ");
    limited(100, RLIM_INFINITY);
    limited(100, 102400);
    limited(102400, 102400);
    return 0;
}
