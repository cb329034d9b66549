/* Directories: listing, positions in a listing, current directory. */
#include "user.h"

#include <dirent.h>
#include <ftw.h>
#include <sys/inotify.h>

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *f)
{
    printf("visit %s type %d level %d mode %o\n", path, type, f->level, st->st_mode);
    return 0;
}

static void show_cwd(void)
{
    char buf[4096];
    char *p = getcwd(buf, sizeof(buf));
    printf("cwd ends in %s\n", p ? strrchr(p, '/') : "nothing");
}

static void listing(void)
{
    char name[32];
    struct dirent **list;
    SHOW(mkdir("many", 0755));
    for (int i = 0; i < 300; i++) {
        sprintf(name, "many/file%03d", i);
        close(open(name, O_CREAT | O_WRONLY, 0600));
    }
    int n = scandir("many", &list, NULL, by_name);
    printf("%d entries, %s ... %s\n", n, list[0]->d_name, list[n - 1]->d_name);
    DIR *d = opendir("many");
    for (int i = 0; i < 100; i++)
        readdir(d);
    long at = telldir(d);
    char first[64];
    strcpy(first, readdir(d)->d_name);
    while (readdir(d))
        ;
    seekdir(d, at);
    SHOW_BOOL(!strcmp(first, readdir(d)->d_name));
    rewinddir(d);
    int count = 0;
    for (struct dirent *e; (e = readdir(d)); count++)
        if (e->d_type != DT_REG && e->d_type != DT_DIR)
            printf("type %d\n", e->d_type);
    SHOW(count);
    char buf[64];
    SHOW(syscall(SYS_getdents64, dirfd(d), buf, 1));
    SHOW(syscall(SYS_getdents64, 0, buf, sizeof(buf)));
    SHOW(syscall(SYS_getdents64, -1, buf, sizeof(buf)));
    rewinddir(d);
    SHOW(syscall(SYS_getdents64, dirfd(d), (void *)8, 4096));
    closedir(d);
    SHOW(opendir("none") != NULL);
    SHOW(rmdir("many"));
}

static void current(void)
{
    SHOW(mkdir("x", 0755));
    SHOW(mkdirat(AT_FDCWD, "x/y", 0755));
    int d = open("x", O_RDONLY | O_DIRECTORY);
    SHOW(mkdirat(d, "z", 0700));
    close(openat(d, "z/f", O_CREAT | O_WRONLY, 0644));
    SHOW(symlinkat("z/f", d, "s"));
    SHOW(chdir("x/y"));
    show_cwd();
    SHOW(chdir("../z"));
    show_cwd();
    SHOW(fchdir(d));
    show_cwd();
    SHOW(chdir("none"));
    SHOW(chdir("z/f"));
    SHOW(fchdir(0));
    SHOW(fchdir(-1));
    SHOW(chdir(".."));
    char small[2];
    SHOW(syscall(SYS_getcwd, small, 2));
    SHOW(syscall(SYS_getcwd, (void *)8, 4096));
    SHOW(unlinkat(d, "none", 0));
    SHOW(unlinkat(d, "z", 0));
    SHOW(unlinkat(d, "z", AT_REMOVEDIR));
    SHOW(faccessat(d, "z/f", R_OK, 0));
    SHOW(openat(d, "../x/z/none", O_RDONLY));
    SHOW(openat(-1, "x", O_RDONLY));
    SHOW_BOOL(openat(-1, "/", O_RDONLY) >= 0);
    char link[16] = {0};
    SHOW(readlinkat(d, "s", link, sizeof(link)));
    puts(link);
    close(d);
}

static void removed_cwd(void)
{
    char buf[4096];
    SHOW(mkdir("gone", 0755));
    SHOW(chdir("gone"));
    SHOW(rmdir("../gone"));
    SHOW(syscall(SYS_getcwd, buf, sizeof(buf)));
    SHOW(open("f", O_CREAT | O_WRONLY, 0600));
    SHOW(chdir(".."));
}

static void watching(void)
{
    char buf[4096] __attribute__((aligned(8)));
    int in = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    SHOW(inotify_add_watch(in, "x", IN_CREATE | IN_DELETE | IN_CLOSE_WRITE | IN_MOVE));
    close(open("x/new", O_CREAT | O_WRONLY, 0600));
    rename("x/new", "x/newer");
    unlink("x/newer");
    long n = read(in, buf, sizeof(buf));
    for (long p = 0; p < n;) {
        struct inotify_event *e = (void *)(buf + p);
        printf("event %x %s\n", e->mask, e->name);
        p += (long)sizeof(*e) + e->len;
    }
    SHOW(read(in, buf, sizeof(buf)));
    SHOW(inotify_rm_watch(in, 1));
    SHOW(inotify_rm_watch(in, 1));
    SHOW(inotify_add_watch(in, "none", IN_CREATE));
    close(in);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    listing();
    current();
    removed_cwd();
    nftw("x", visit, 8, FTW_PHYS | FTW_MOUNT);
    watching();
    return 0;
}
