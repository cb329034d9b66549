/* -d stats: what was translated, what C functions did, which regions ran most. Also: telling of regions. */
#include "accel/dbt/dbt.h"
#include "base/fmt.h"
#include "tcg/ir/ir.h"

/* What C functions did of the program, the most frequent first. */
static void log_counts(Accel *a, const uint64_t *count)
{
    enum { LINES = 16 };
    uint64_t insns = MAX(count[X64_COUNT_INSNS], 1), below = UINT64_MAX;
    unsigned last = X64_COUNTS;
    accel_log(a, "at most %lu instructions run; by C functions, with thousandths of a percent of them:\n",
              (unsigned long)insns);
    for (unsigned n = 0; n < LINES; n++) {
        unsigned best = X64_COUNTS;
        for (unsigned k = 0; k < X64_COUNT_INSNS; k++)
            if (count[k] && (count[k] < below || (count[k] == below && k > last)) &&
                (best == X64_COUNTS || count[k] > count[best]))
                best = k;
        if (best == X64_COUNTS)
            break;
        below = count[best];
        last = best;
        bool helper = best >= X64_COUNT_HELPERS;
        accel_log(a, "  %s%s %lu (%lu)\n",
                  helper ? a->ops->helpers[best - X64_COUNT_HELPERS].name : ir_op_info[best / 2].name,
                  !helper && best & 1 ? ".f16" : "", (unsigned long)below,
                  (unsigned long)(100000 * below / insns));
    }
}

/* Instructions that its runs stand for. */
static uint64_t weight(const DbtHot *h)
{
    return h->runs * h->n_insns;
}

/* Regions that ran most. Side exits make the number of instructions an upper bound. */
static void log_hot(Accel *a, const Dbt *d)
{
    enum { LINES = 20 };
    const AccelObserver *o = &a->cfg.observer;
    const DbtHot *shown[LINES], *end = d->hot + MIN(d->n_hot, (uint32_t)DBT_MOST_HOT);
    unsigned n = 0;
    if (!d->hot)
        return;
    for (const DbtHot *h = d->hot; h < end; h++) {
        if (!h->size || !h->runs || (n == LINES && weight(h) <= weight(shown[n - 1])))
            continue;
        unsigned at = n < LINES ? n++ : LINES - 1;
        for (; at && weight(shown[at - 1]) < weight(h); at--)
            shown[at] = shown[at - 1];
        shown[at] = h;
    }
    accel_log(a, "hot regions: instructions at most, runs, address\n");
    for (unsigned k = 0; k < n; k++) {
        char name[300] = "";
        Fmt f = FMT_ON(name);
        if (o->name)
            o->name(o->opaque, shown[k]->pc, &f);
        accel_log(a, "  %lu %lu 0x%lx %s (%u instructions, %u bytes)\n", (unsigned long)weight(shown[k]),
                  (unsigned long)shown[k]->runs, (unsigned long)shown[k]->pc, name, shown[k]->n_insns,
                  shown[k]->size);
    }
}

void dbt_stats(Accel *a)
{
    const Dbt *d = a->engine_data;
    const DbtStats *s = &d->stats;
    uint64_t n = MAX(s->guest_insns, 1);
    dbt_kept_stats(d);
    if (!(a->cfg.log & ACCEL_LOG_STATS))
        return;
    accel_log(
        a,
        "regions %lu, guest instructions %lu, guest bytes %lu, host bytes %lu (%lu %% of guest)\n"
        "translation %lu us, %lu ns an instruction; entries from C %lu, of these jump cache misses %lu\n"
        "dropped regions %lu, evicted segments %lu, table rebuilt %lu\n"
        "floating-point traps %lu, instructions checked since %lu; too complex for the emitter %lu\n",
        (unsigned long)s->regions, (unsigned long)s->guest_insns, (unsigned long)s->guest_bytes,
        (unsigned long)s->host_bytes, (unsigned long)(100 * s->host_bytes / MAX(s->guest_bytes, 1)),
        (unsigned long)(s->translate_ns / 1000), (unsigned long)(s->translate_ns / n),
        (unsigned long)s->entries, (unsigned long)s->indirect, (unsigned long)s->invalidated,
        (unsigned long)s->evicted, (unsigned long)s->rebuilds, (unsigned long)s->fp_traps,
        (unsigned long)s->fp_checked, (unsigned long)s->too_complex);
    if (d->host.count)
        log_counts(a, d->host.count);
    log_hot(a, d);
}

DbtHot *dbt_hot_new(Dbt *d)
{
    uint32_t k = __atomic_fetch_add(&d->n_hot, 1, __ATOMIC_RELAXED);
    return d->hot && k < DBT_MOST_HOT ? &d->hot[k] : NULL;
}

void dbt_hot_note(DbtHot *h, Gva pc, unsigned n_insns, unsigned size)
{
    if (!h)
        return;
    h->pc = pc;
    h->n_insns = n_insns;
    h->size = size;
}

/* The parent reports its own. */
void dbt_stats_fork_child(Dbt *d)
{
    d->stats = (DbtStats){0};
    if (d->host.count)
        memset(d->host.count, 0, X64_COUNTS * sizeof(uint64_t));
    for (uint32_t k = 0; d->hot && k < MIN(d->n_hot, (uint32_t)DBT_MOST_HOT); k++)
        d->hot[k].runs = 0;
}

void dbt_each_region(Accel *a, void (*fn)(void *opaque, const AccelRegion *r), void *opaque)
{
    const Dbt *d = a->engine_data;
    for (unsigned n = 0; n < d->cache.n_segments; n++) {
        const CodeSegment *s = &d->cache.segment[n];
        for (unsigned k = 0; k < s->n_regions; k++) {
            const DbtRegion *r = s->region[k];
            const AccelRegion told = {.pc = r->pc, .rx = (const void *)(uintptr_t)r->rx, .size = r->size};
            if (!r->dead)
                fn(opaque, &told);
        }
    }
}
