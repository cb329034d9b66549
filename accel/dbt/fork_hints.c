/* What forked children had to translate, told to the parent.
 *
 * A shell forks the same child again and again: each runs code that the parent never runs, translates it, and
 * dies with it. So a child reports the addresses to a page shared with its parent, and the parent translates
 * them before its next fork; from then on its children find them. (Measured: a shell loop of command
 * substitutions.)
 *
 * The page belongs to the parent; its children write without locks, so an entry may be lost or seen late.
 * What is reported is only a hint: the address is translated as any other, from memory as it is then.
 */
#include "accel/dbt/dbt.h"
#include "base/sys.h"

#include <sys/mman.h>

enum { HINTS = 1020 };
#define LOOP_HEAD (1ull << 63)

typedef struct DbtHints {
    uint32_t n; /* entries ever asked for since the parent last looked */
    uint32_t ctx;
    Gva pc[HINTS]; /* | LOOP_HEAD; 0: not written yet */
} DbtHints;

void dbt_hints_report(Dbt *d, Gva pc, uint32_t ctx, bool loop_head)
{
    DbtHints *h = d->report;
    if (LIKELY(!h) || ctx != __atomic_load_n(&h->ctx, __ATOMIC_RELAXED))
        return;
    uint32_t k = __atomic_fetch_add(&h->n, 1, __ATOMIC_RELAXED);
    if (k < HINTS)
        __atomic_store_n(&h->pc[k], pc | (loop_head ? LOOP_HEAD : 0), __ATOMIC_RELEASE);
}

/* Translates one address for the cpu, whose own state stays. */
static void learn(Dbt *d, Cpu *cpu, Gva hint)
{
    Gva pc = cpu->pc;
    CpuExit exit = cpu->exit;
    cpu->pc = hint & ~(Gva)LOOP_HEAD;
    if (!dbt_map_find(&d->map, cpu->pc, cpu->ctx))
        dbt_translate(d, cpu, (hint & LOOP_HEAD) != 0);
    cpu->pc = pc;
    cpu->exit = exit;
    dbt_cpu(cpu)->too_complex = false; /* its time will come */
}

void dbt_hints_learn(Cpu *cpu)
{
    Dbt *d = cpu->accel->engine_data;
    DbtHints *h = d->hints;
    if (d->accel->cfg.no_opt & ACCEL_NO_FORK_HINTS)
        return;
    if (!h) {
        long p = sys_mmap(NULL, sizeof(*h), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        d->hints = sys_is_err(p) ? NULL : (DbtHints *)p;
        h = d->hints;
    }
    if (!h)
        return;
    uint32_t n = __atomic_exchange_n(&h->n, 0, __ATOMIC_ACQUIRE);
    n = MIN(n, (uint32_t)HINTS);
    for (uint32_t k = 0; k < n; k++) {
        Gva hint = __atomic_exchange_n(&h->pc[k], 0, __ATOMIC_ACQUIRE);
        if (hint && cpu->ctx == h->ctx)
            learn(d, cpu, hint);
    }
    __atomic_store_n(&h->ctx, cpu->ctx, __ATOMIC_RELAXED);
}

void dbt_hints_fork_child(Dbt *d)
{
    if (d->report)
        sys_munmap(d->report, sizeof(DbtHints)); /* the grandparent's */
    d->report = d->hints;
    d->hints = NULL;
}
