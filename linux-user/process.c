#include "linux-user/process.h"

#include "base/self.h"

LuThread *lu_self(void) { return thread_self()->owner; }

void lu_set_self(LuThread *t)
{
    *thread_self() = (ThreadSelf){.owner = t, .tid = (uint32_t)t->tid};
}

void *lu_alloc(LuProc *p, size_t size)
{
    size = align_up(size, 16);
    if (size > p->arena.limit)
        return NULL;
    size_t at = __atomic_fetch_add(&p->arena.used, size, __ATOMIC_RELAXED);
    return at <= p->arena.limit - size ? p->arena.base + at : NULL;
}
