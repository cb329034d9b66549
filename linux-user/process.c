#include "linux-user/process.h"

static _Thread_local LuThread *self;

LuThread *lu_self(void) { return self; }
void lu_set_self(LuThread *t) { self = t; }

void *lu_alloc(LuProc *p, size_t size)
{
    size = align_up(size, 16);
    if (size > p->arena.limit)
        return NULL;
    size_t at = __atomic_fetch_add(&p->arena.used, size, __ATOMIC_RELAXED);
    return at <= p->arena.limit - size ? p->arena.base + at : NULL;
}
