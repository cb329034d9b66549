/* One mapping by PROCMAP_QUERY; remap_file_pages; bits of personality that name address limits. */
#include "user.h"

#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>

enum { PAGE = 4096 };

typedef struct Query { /* struct procmap_query of Linux 6.11 */
    uint64_t size, flags, addr;
    uint64_t start, end, vma_flags, page_size, offset, inode;
    uint32_t dev_major, dev_minor, name_size, build_id_size;
    uint64_t name_addr, build_id_addr;
} Query;

enum { READABLE = 1, WRITABLE = 2, EXECUTABLE = 4, SHARED = 8, OR_NEXT = 16, OF_FILE = 32 };

#define PROCMAP_QUERY _IOWR('f', 17, Query)

static int maps;

static void ask(const char *what, void *at, uint64_t flags)
{
    char name[400] = "";
    struct stat st = {0};
    Query q = {.size = sizeof q,
               .flags = flags,
               .addr = (uintptr_t)at,
               .name_size = sizeof name,
               .name_addr = (uintptr_t)name};
    int r = ioctl(maps, PROCMAP_QUERY, &q);
    printf("%s: %s", what, r ? strerrorname_np(errno) : "");
    if (r) {
        printf("\n");
        return;
    }
    const char *base = strrchr(name, '/');
    printf("from %lld, %lld bytes, flags %llx, pages of %lld, offset %llx, name %u %s",
           q.start - (uintptr_t)at, q.end - q.start, q.vma_flags, q.page_size, q.offset,
           base ? 0 : q.name_size, base ? base : name);
    if (base && !stat(name, &st))
        printf(", %s", st.st_ino == q.inode && st.st_dev == makedev(q.dev_major, q.dev_minor) ? "the file"
                                                                                              : "another");
    printf("\n");
}

static void queries(int fd)
{
    char *m = mmap(NULL, 16 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(m + 2 * PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, PAGE);
    mmap(m + 6 * PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 3 * PAGE);
    mprotect(m + 8 * PAGE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    munmap(m + 10 * PAGE, PAGE);
    maps = open("/proc/self/maps", O_RDONLY);
    ask("start", m, 0);
    ask("file", m + 2 * PAGE, 0);
    ask("in the file", m + 3 * PAGE + 5, 0);
    ask("shared", m + 6 * PAGE, SHARED);
    ask("not shared", m + 2 * PAGE, SHARED);
    ask("code", m + 8 * PAGE, READABLE | EXECUTABLE);
    ask("hole", m + 10 * PAGE, 0);
    ask("behind the hole", m + 10 * PAGE, OR_NEXT);
    ask("next of a file", m, OR_NEXT | OF_FILE);
    ask("next writable", m + 2 * PAGE, OR_NEXT | WRITABLE);
    ask("next code", m + 2 * PAGE, OR_NEXT | EXECUTABLE);
    ask("unknown flag", m, 64);
    ask("nothing", (void *)16, 0);
    mprotect(m, PAGE, PROT_READ); /* the descriptor is older */
    ask("changed", m, 0);
    Query q = {.size = 16, .addr = (uintptr_t)m};
    SHOW(ioctl(maps, PROCMAP_QUERY, &q));
    q.size = 24;
    q.end = 77;
    SHOW(ioctl(maps, PROCMAP_QUERY, &q));
    printf("%d\n", (int)q.end);
    q.size = 5000;
    SHOW(ioctl(maps, PROCMAP_QUERY, &q));
    q = (Query){.size = sizeof q, .addr = (uintptr_t)m, .name_size = 5};
    SHOW(ioctl(maps, PROCMAP_QUERY, &q));
    char name[2];
    q = (Query){
        .size = sizeof q, .addr = (uintptr_t)(m + 2 * PAGE), .name_size = 2, .name_addr = (uintptr_t)name};
    SHOW(ioctl(maps, PROCMAP_QUERY, &q));
    q = (Query){.size = sizeof q, .addr = (uintptr_t)(m + 2 * PAGE), .name_size = 200, .name_addr = 16};
    SHOW(ioctl(maps, PROCMAP_QUERY, &q));
    SHOW(ioctl(maps, PROCMAP_QUERY, NULL));
    char id[64];
    q = (Query){.size = sizeof q,
                .addr = (uintptr_t)(m + 2 * PAGE),
                .build_id_size = sizeof id,
                .build_id_addr = (uintptr_t)id};
    SHOW(ioctl(maps, PROCMAP_QUERY, &q));
    printf("build ID of %u bytes\n", q.build_id_size);
    SHOW(ioctl(fd, PROCMAP_QUERY, &q));
    close(maps);
    munmap(m, 16 * PAGE);
}

static void remaps(int fd)
{
    char *m = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    SHOW(remap_file_pages(m, PAGE, 0, 5, 0));
    SHOW(remap_file_pages(m + PAGE, 2 * PAGE, 0, 0, 0));
    printf("%.5s %.5s %.5s %.5s\n", m, m + PAGE, m + 2 * PAGE, m + 3 * PAGE);
    m[PAGE] = 'X'; /* the file's first page */
    char c;
    pread(fd, &c, 1, 0);
    printf("%c\n", c);
    SHOW(remap_file_pages(m, PAGE, PROT_READ, 0, 0));
    SHOW(remap_file_pages(m + 10, PAGE + 10, 0, 7, 0));
    printf("%.5s\n", m);
    SHOW(remap_file_pages(m, 0, 0, 0, 0));
    SHOW(remap_file_pages(m, -1l, 0, 0, 0));
    SHOW(munmap(m, 8 * PAGE));
    SHOW(remap_file_pages(m, PAGE, 0, 0, 0));
    m = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
    SHOW(remap_file_pages(m, PAGE, 0, 1, 0));
}

int main(void)
{
    static char page[PAGE];
    struct utsname u;
    int major = 0, minor = 0, fd = open("f", O_CREAT | O_RDWR, 0600);
    for (int k = 0; k < 8; k++) {
        memset(page, ' ', PAGE);
        sprintf(page, "page%d", k);
        write(fd, page, PAGE);
    }
    remaps(fd);
    char machine[65];
    uname(&u);
    strcpy(machine, u.machine);
    sscanf(u.release, "%d.%d", &major, &minor);
    if (major > 6 || (major == 6 && minor >= 11))
        queries(fd);
    else
        printf("the kernel is older than PROCMAP_QUERY\n");
    static const unsigned bits[] = {ADDR_LIMIT_32BIT, ADDR_LIMIT_3GB, PER_LINUX32_3GB, ADDR_NO_RANDOMIZE, 0};
    for (unsigned k = 0; k < sizeof bits / sizeof *bits; k++) {
        show_bool("set", personality(bits[k]) >= 0);
        show_bool("is set", personality(0xffffffff) == bits[k]);
        uname(&u); /* of x86 the native program's name */
        show_bool("another machine",
                  sizeof(long) == 8 ? strcmp(u.machine, machine) : (bits[k] & 0xff) == PER_LINUX32);
    }
    return 0;
}
