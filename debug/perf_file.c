#include "debug/perf_file.h"

#include "base/sys.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>

enum { MAGIC = 0x4a695444, VERSION = 1, JIT_CODE_LOAD = 0, JIT_CODE_CLOSE = 3, HIDDEN_FD = 900, PAGE = 4096 };

typedef struct DumpHead {
    uint32_t magic, version, bytes, machine, pad, pid;
    uint64_t time, flags;
} DumpHead;
typedef struct DumpRecord {
    uint32_t kind, bytes;
    uint64_t time;
} DumpRecord;
typedef struct DumpLoad {
    DumpRecord head;
    uint32_t pid, tid;
    uint64_t vma, at, size, number;
} DumpLoad;

/* As `perf record -k CLOCK_MONOTONIC` has it. */
static uint64_t now(void)
{
    return sys_monotonic(1000000000);
}

/* At a number out of the way. In /tmp others may have put a link there. */
static int make(const char *path, Fmt *err)
{
    long fd = sys_call4(SYS_openat, AT_FDCWD, path,
                        O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0644);
    long high = sys_is_err(fd) ? fd : sys_call3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIDDEN_FD);
    if (sys_is_err(fd)) {
        fmt_printf(err, "%s: cannot be made, error %d", path, (int)-fd);
        return -1;
    }
    if (sys_is_err(high))
        return (int)fd;
    sys_close((int)fd);
    return (int)high;
}

/* perf finds the file by an executable mapping of it. */
static bool start_dump(PerfFile *f)
{
    const DumpHead head = {.magic = MAGIC,
                           .version = VERSION,
                           .bytes = sizeof(head),
                           .machine = EM_X86_64,
                           .pid = f->pid,
                           .time = now()};
    return sys_write(f->dump_fd, &head, sizeof(head)) == sizeof(head) &&
           !sys_is_err(sys_mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, f->dump_fd, 0));
}

bool perf_file_open(PerfFile *f, uint32_t pid, bool map, bool dump, Fmt *err)
{
    char path[40];
    *f = (PerfFile){.map_fd = -1, .dump_fd = -1, .pid = pid};
    Fmt p = FMT_ON(path);
    fmt_printf(&p, "/tmp/perf-%u.map", pid);
    if (map && (f->map_fd = make(path, err)) < 0)
        return false;
    p.len = 0;
    fmt_printf(&p, "jit-%u.dump", pid);
    if (dump && (f->dump_fd = make(path, err)) < 0)
        return false;
    if (dump && !start_dump(f)) {
        fmt_printf(err, "%s: cannot be written and mapped as code, which perf wants", path);
        return false;
    }
    return true;
}

void perf_file_region(PerfFile *f, const void *code, uint32_t size, const char *name)
{
    char line[400];
    Fmt text = FMT_ON(line);
    if (f->map_fd >= 0) {
        fmt_printf(&text, "%lx %x %s\n", (unsigned long)(uintptr_t)code, size, name);
        sys_write(f->map_fd, text.buf, text.len);
    }
    if (f->dump_fd < 0)
        return;
    size_t len = strlen(name) + 1;
    DumpLoad r = {.head = {JIT_CODE_LOAD, (uint32_t)(sizeof(r) + len + size), now()},
                  .pid = f->pid,
                  .tid = (uint32_t)sys_gettid(),
                  .vma = (uintptr_t)code,
                  .at = (uintptr_t)code,
                  .size = size,
                  .number = __atomic_fetch_add(&f->n, 1, __ATOMIC_RELAXED)};
    const struct iovec parts[] = {{&r, sizeof(r)}, {(void *)name, len}, {(void *)code, size}};
    sys_call3(SYS_writev, f->dump_fd, parts, 3);
}

void perf_file_close(PerfFile *f)
{
    if (f->dump_fd < 0)
        return;
    const DumpRecord end = {JIT_CODE_CLOSE, sizeof(end), now()};
    sys_write(f->dump_fd, &end, sizeof(end));
}
