#include "system/sys_perf.h"

#include <unistd.h>

bool sys_perf_open(SysPerf *p, const SysOptions *o, GError **err)
{
    char why[100] = "";
    Fmt f = FMT_ON(why);
    p->on = o->perf_map || o->jit_dump;
    return !p->on || perf_file_open(&p->file, (uint32_t)getpid(), o->perf_map, o->jit_dump, &f) ||
           sys_fail(err, "%s", why);
}

static void on_region(void *opaque, const AccelRegion *r)
{
    char name[40];
    Fmt f = FMT_ON(name);
    fmt_printf(&f, "guest 0x%lx", (unsigned long)r->pc);
    perf_file_region(&((SysPerf *)opaque)->file, r->rx, r->size, name);
}

AccelObserver sys_perf_observer(SysPerf *p)
{
    return (AccelObserver){.opaque = p, .region = p->on ? on_region : NULL};
}

void sys_perf_close(SysPerf *p)
{
    if (p->on)
        perf_file_close(&p->file);
}
