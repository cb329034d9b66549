/* Asynchronous I/O by the kernel's own interface (libaio's). */
#include "user.h"

#include <linux/aio_abi.h>
#include <sys/eventfd.h>
#include <time.h>

static aio_context_t ctx;

static void wait_for(long n)
{
    struct io_event ev[8];
    struct timespec ts = {5, 0};
    long r = SHOW(syscall(SYS_io_getevents, ctx, n, 8, ev, &ts));
    for (long i = 0; i < r; i++)
        printf("data %llx res %ld res2 %ld\n", (unsigned long long)ev[i].data, (long)ev[i].res,
               (long)ev[i].res2);
}

int main(void)
{
    setvbuf(stdout, NULL, _IONBF, 0);
    char buf[64] = {0};
    int fd = open("f", O_CREAT | O_RDWR, 0600), e = eventfd(0, 0);
    SHOW(syscall(SYS_io_setup, 8, &ctx));
    SHOW(syscall(SYS_io_setup, 8, &ctx));
    struct iocb w = {.aio_data = 0x123456789abcdef, .aio_lio_opcode = IOCB_CMD_PWRITE,
                     .aio_fildes = (uint32_t)fd,
                     .aio_buf = (uintptr_t) "hello aio", .aio_nbytes = 9, .aio_flags = IOCB_FLAG_RESFD,
                     .aio_resfd = (uint32_t)e};
    struct iocb r = {.aio_data = 2, .aio_lio_opcode = IOCB_CMD_PREAD, .aio_fildes = (uint32_t)fd,
                     .aio_buf = (uintptr_t)buf, .aio_nbytes = 64};
    struct iocb *list[] = {&w};
    SHOW(syscall(SYS_io_submit, ctx, 1, list));
    wait_for(1);
    uint64_t v;
    SHOW(read(e, &v, 8));
    list[0] = &r;
    SHOW(syscall(SYS_io_submit, ctx, 1, list));
    wait_for(1);
    puts(buf);
    r.aio_fildes = 999;
    SHOW(syscall(SYS_io_submit, ctx, 1, list));
    r.aio_fildes = (uint32_t)fd;
    r.aio_lio_opcode = 77;
    SHOW(syscall(SYS_io_submit, ctx, 1, list));
    struct io_event ev;
    struct timespec ts = {0, 1000000};
    sigset_t set;
    sigfillset(&set);
    struct {
        sigset_t *s;
        size_t n;
    } mask = {&set, 8};
    SHOW(syscall(SYS_io_pgetevents, ctx, 1, 1, &ev, &ts, &mask));
    mask.n = 7;
    SHOW(syscall(SYS_io_pgetevents, ctx, 1, 1, &ev, &ts, &mask));
    SHOW(syscall(SYS_io_cancel, ctx, &r, &ev));
    SHOW(syscall(SYS_io_destroy, ctx));
    SHOW(syscall(SYS_io_destroy, ctx));
    /* The guest's memory is not where the ring was. */
    void *p = malloc(1 << 20);
    memset(p, 1, 1 << 20);
    SHOW_BOOL(p != NULL);
    return 0;
}
