/* perf_event_open: what the kernel counts by itself. */
#include "user.h"

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

static int counter(uint64_t config, int group, uint64_t format)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
                                   .size = sizeof attr,
                                   .config = config,
                                   .read_format = format,
                                   .disabled = group == -1,
                                   .exclude_kernel = 1,
                                   .exclude_hv = 1,
                                   .inherit = !format};
    return syscall(SYS_perf_event_open, &attr, 0, -1, group, PERF_FLAG_FD_CLOEXEC);
}

static uint64_t value(int fd)
{
    uint64_t v = 0;
    read(fd, &v, sizeof v);
    return v;
}

static void touch_pages(unsigned n)
{
    volatile char *m = mmap(NULL, n * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise((void *)m, n * 4096, MADV_NOHUGEPAGE);
    for (unsigned k = 0; k < n; k++)
        m[k * 4096] = 1;
    munmap((void *)m, n * 4096);
}

static void one(void)
{
    char link[64] = "", name[64];
    int fd = counter(PERF_COUNT_SW_PAGE_FAULTS, -1, 0);
    show_bool("opened", fd >= 0);
    if (fd < 0)
        return;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    readlink(name, link, sizeof link - 1);
    printf("%s %x\n", link, fcntl(fd, F_GETFD));
    SHOW_BOOL(value(fd) == 0);
    SHOW(ioctl(fd, PERF_EVENT_IOC_ENABLE, 0));
    touch_pages(200);
    SHOW(ioctl(fd, PERF_EVENT_IOC_DISABLE, 0));
    uint64_t n = value(fd);
    SHOW_BOOL(n >= 200);
    touch_pages(10);
    SHOW_BOOL(value(fd) == n);
    SHOW(ioctl(fd, PERF_EVENT_IOC_RESET, 0));
    SHOW_BOOL(value(fd) == 0);
    SHOW(prctl(PR_TASK_PERF_EVENTS_ENABLE));
    if (!fork()) {
        touch_pages(300);
        _exit(0);
    }
    wait(NULL);
    SHOW_BOOL(value(fd) >= 300);
    SHOW(prctl(PR_TASK_PERF_EVENTS_DISABLE));
    SHOW(read(fd, name, 7));
    SHOW(ioctl(fd, PERF_EVENT_IOC_REFRESH, 1));
    SHOW(ioctl(fd, PERF_EVENT_IOC_SET_FILTER, "x"));
    SHOW(ioctl(fd, _IO('$', 100), 0));
    close(fd);
}

static void group(void)
{
    uint64_t v[16] = {0}, id[3] = {0};
    int clock = counter(PERF_COUNT_SW_TASK_CLOCK, -1,
                        PERF_FORMAT_GROUP | PERF_FORMAT_ID | PERF_FORMAT_TOTAL_TIME_ENABLED);
    int faults = counter(PERF_COUNT_SW_PAGE_FAULTS, clock, PERF_FORMAT_GROUP | PERF_FORMAT_ID);
    int dummy = counter(PERF_COUNT_SW_DUMMY, clock, PERF_FORMAT_GROUP | PERF_FORMAT_ID);
    SHOW_BOOL(clock >= 0 && faults >= 0 && dummy >= 0);
    SHOW(ioctl(clock, PERF_EVENT_IOC_ID, &id[0]));
    SHOW(ioctl(faults, PERF_EVENT_IOC_ID, &id[1]));
    SHOW(ioctl(dummy, PERF_EVENT_IOC_ID, &id[2]));
    SHOW(ioctl(clock, PERF_EVENT_IOC_ENABLE, PERF_IOC_FLAG_GROUP));
    touch_pages(100);
    for (volatile int k = 0; k < 100000; k++)
        ;
    SHOW(ioctl(clock, PERF_EVENT_IOC_DISABLE, PERF_IOC_FLAG_GROUP));
    SHOW(read(clock, v, sizeof v));
    printf("%d members\n", (int)v[0]);
    SHOW_BOOL(v[1] > 0 && v[2] > 0);
    SHOW_BOOL(v[3] == id[0] && v[5] == id[1] && v[7] == id[2]);
    SHOW_BOOL(v[4] >= 100 && v[6] == 0);
    close(faults);
    close(dummy);
    close(clock);
}

static void errors(void)
{
    struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE, .size = 8};
    uint64_t room[1024] = {PERF_TYPE_SOFTWARE | 4096ull << 32};
    SHOW(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
    printf("size %u\n", attr.size);
    room[1000 / 8] = 1; /* of a later kernel */
    SHOW(syscall(SYS_perf_event_open, room, 0, -1, -1, 0));
    printf("size %u\n", (unsigned)(room[0] >> 32));
    room[0] = PERF_TYPE_SOFTWARE | 8192ull << 32;
    SHOW(syscall(SYS_perf_event_open, room, 0, -1, -1, 0));
    SHOW(syscall(SYS_perf_event_open, NULL, 0, -1, -1, 0));
    attr.size = 0;
    SHOW(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0x100));
    SHOW(syscall(SYS_perf_event_open, &attr, 0, -1, 1000, 0));
    SHOW(syscall(SYS_perf_event_open, &attr, -1, -1, -1, 0));
    SHOW(syscall(SYS_perf_event_open, &attr, 999999999, -1, -1, 0));
    attr.read_format = 1ull << 40;
    SHOW(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
    attr.read_format = 0;
    attr.config = 1000;
    SHOW(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
    attr.type = 4000;
    SHOW(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

int main(void)
{
    one();
    group();
    errors();
    return 0;
}
