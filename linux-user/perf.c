#include "linux-user/perf.h"

#include "debug/perf_file.h"
#include "linux-user/options.h"
#include "linux-user/symbols.h"

#include <fcntl.h>

struct LuPerf {
    LuSyms *syms;
    bool writes; /* to files: */
    PerfFile file;
};

static void on_region(void *opaque, const AccelRegion *r)
{
    LuPerf *perf = opaque;
    char name[300];
    Fmt f = FMT_ON(name);
    lu_syms_name(perf->syms, r->pc, &f);
    perf_file_region(&perf->file, r->rx, r->size, name);
}

static void on_name(void *opaque, Gva pc, Fmt *out)
{
    lu_syms_name(((LuPerf *)opaque)->syms, pc, out);
}

static void on_dropped(void *opaque, Gva start, uint64_t len)
{
    lu_syms_forget(((LuPerf *)opaque)->syms, start, len);
}

bool lu_perf_start(LuProc *p, AccelObserver *ret, Fmt *err)
{
    enum { NAMED = ACCEL_LOG_IN_ASM | ACCEL_LOG_EXEC | ACCEL_LOG_STATS };
    const LuOptions *opt = p->opt;
    bool writes = opt->perf_map || opt->jit_dump;
    if (!writes && !(opt->accel_log & NAMED))
        return true;
    LuPerf *perf = lu_alloc(p, sizeof(*perf));
    if (!perf || !(perf->syms = lu_syms_new(p))) {
        fmt_puts(err, "no memory for the names of symbols");
        return false;
    }
    perf->writes = writes;
    *ret = (AccelObserver){.opaque = perf, .name = on_name, .dropped = on_dropped};
    if (writes)
        ret->region = on_region;
    p->perf = perf;
    if (writes)
        p->perf_files = &perf->file;
    return !writes || perf_file_open(&perf->file, (uint32_t)sys_getpid(), opt->perf_map, opt->jit_dump, err);
}

void lu_perf_fork_prepare(LuProc *p)
{
    if (p->perf)
        lu_syms_fork_prepare(p->perf->syms);
}

void lu_perf_fork_parent(LuProc *p)
{
    if (p->perf)
        lu_syms_fork_done(p->perf->syms);
}

static void own_log(LuProc *p)
{
    long fd = lu_log_open(p->opt);
    if (fd < 0)
        return;
    sys_close(p->strace_fd);
    p->strace_fd = (int)fd;
    accel_log_to(p->accel, (int)fd);
}

/* It runs its parent's code too, of which its own files shall tell. */
void lu_perf_fork_child(LuThread *t)
{
    LuPerf *perf = t->proc->perf;
    char text[200];
    Fmt err = FMT_ON(text);
    if (t->proc->opt->log_file && strchr(t->proc->opt->log_file, '%'))
        own_log(t->proc);
    if (!perf)
        return;
    lu_syms_fork_done(perf->syms);
    if (!perf->writes)
        return;
    const PerfFile old = perf->file;
    if (!perf_file_open(&perf->file, (uint32_t)sys_getpid(), old.map_fd >= 0, old.dump_fd >= 0, &err))
        fmt_err("%s", text);
    if (old.map_fd >= 0)
        sys_close(old.map_fd);
    if (old.dump_fd >= 0)
        sys_close(old.dump_fd);
    accel_each_region(t->proc->accel, on_region, perf);
}

void lu_perf_end(const LuThread *t)
{
    const LuProc *p = t->proc;
    if (t->vfork_child) /* its parent goes on with all that */
        return;
    accel_stats(p->accel);
    if (p->perf && p->perf->writes)
        perf_file_close(&p->perf->file);
}

long lu_log_open(const LuOptions *opt)
{
    enum { HIDDEN_FD = 900 };
    char path[LU_PATH_BYTES + 16];
    const char *mark = opt->log_file ? strstr(opt->log_file, "%d") : NULL;
    Fmt f = FMT_ON(path);
    if (!opt->log_file)
        return 2;
    if (mark)
        fmt_printf(&f, "%.*s%d%s", (int)(mark - opt->log_file), opt->log_file, (int)sys_getpid(), mark + 2);
    else
        fmt_puts(&f, opt->log_file);
    long fd = sys_call4(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (sys_is_err(fd))
        return fd;
    /* Out of the way of the guest's own numbers. */
    long high = sys_call3(SYS_fcntl, fd, F_DUPFD_CLOEXEC, HIDDEN_FD);
    if (sys_is_err(high))
        return fd;
    sys_close((int)fd);
    return high;
}
