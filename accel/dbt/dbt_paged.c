/* Machines: from the cpu's pc to a region, through the present mapping; the jump cache that spares most of
 * that. */
#include "accel/dbt/dbt.h"

_Static_assert(sizeof(FetchPlace) == 32 && offsetof(FetchPlace, key) == 8 && offsetof(FetchPlace, pa) == 16,
               "X64Paged.place");
_Static_assert((int)X64_FAR_ENTRIES < (int)DBT_PLACES, "a place fits");

static bool forgets_nothing(const Dbt *d, const Cpu *cpu)
{
    return __atomic_load_n(&d->map.n_gone, __ATOMIC_SEQ_CST) == dbt_cpu(cpu)->gone;
}

static DbtRegion *find_or_make(Dbt *d, Cpu *cpu, bool loop_head)
{
    Gva key;
    if (!accel_locate(cpu, &key))
        return NULL;
    DbtRegion *r = dbt_map_find(&d->map, key, cpu->ctx);
    if (LIKELY(r && !r->second))
        return r;
    if (r && accel_second_agrees(cpu, r->second) && !__atomic_load_n(&r->dead, __ATOMIC_SEQ_CST))
        return r;
    if (r) /* the page is mapped beside another one, too */
        dbt_invalidate(d->accel, key & ~cpu_isa(cpu)->pc_tag, 1);
    return dbt_translate(d, cpu, loop_head);
}

DbtRegion *dbt_paged_region(Dbt *d, Cpu *cpu, bool loop_head)
{
    DbtRegion *r = find_or_make(d, cpu, loop_head);
    /* Coming to a page may make code unreachable (softmmu.c: note_even()), and whoever waits while
     * translating is not kicked by others who do. */
    if (r && UNLIKELY(!forgets_nothing(d, cpu)))
        dbt_paged_forget(d, cpu);
    return r;
}

/* As x64_far_again(), which did not know the page yet. */
uint64_t dbt_paged_again(Dbt *d, Cpu *cpu)
{
    enum { NEAR_END = 4096 - 16 };
    Gva key;
    DbtFarJump *j = &dbt_far_jumps(dbt_cpu(cpu))[x64_far_index(cpu->pc, dbt_host(d, cpu->ctx)->insn_shift)];
    if (j->pc != cpu->pc || (uint32_t)j->key != cpu->ctx || (cpu->pc & 4095) > NEAR_END ||
        !accel_locate(cpu, &key) || cpu->pc_delta != j->delta || !forgets_nothing(d, cpu))
        return 0;
    j->key = ((AccelCpu *)cpu->accel_cpu)->hot.jump_key;
    return j->rx;
}

static void note_place(DbtRegion *r, unsigned k)
{
    uint16_t mine = (uint16_t)(k + 1), was = 0;
    if (!__atomic_compare_exchange_n(&r->place, &was, mine, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST) &&
        was != mine)
        __atomic_store_n(&r->place, DBT_PLACES, __ATOMIC_SEQ_CST);
}

void dbt_paged_remember(Dbt *d, Cpu *cpu, DbtRegion *r)
{
    unsigned k = x64_far_index(cpu->pc, dbt_host(d, cpu->ctx)->insn_shift);
    note_place(r, k);
    if (__atomic_load_n(&r->dead, __ATOMIC_SEQ_CST))
        return;
    dbt_far_jumps(dbt_cpu(cpu))[k] =
        (DbtFarJump){.pc = cpu->pc, .key = ((AccelCpu *)cpu->accel_cpu)->hot.jump_key, .rx = r->rx,
                     .delta = cpu->pc_delta};
}

static void forget(DbtFarJump *jump, Gva pc)
{
    if (jump->key && jump->pc - jump->delta == pc)
        jump->key = 0;
}

/* The table is looked through for some that have stood in several places; for more, everything in it is given
 * up. */
void dbt_paged_forget(Dbt *d, Cpu *cpu)
{
    enum { FEW = 24 };
    Gva many[FEW];
    unsigned n_many = 0;
    DbtCpu *dc = dbt_cpu(cpu);
    DbtFarJump *jump = dbt_far_jumps(dc);
    lock_take(&d->cache.lock);
    bool all = d->map.n_gone - dc->gone > DBT_GONE;
    for (; !all && dc->gone != d->map.n_gone; dc->gone++) {
        unsigned k = dc->gone % DBT_GONE, place = d->map.gone_place[k];
        if (place != DBT_PLACES)
            forget(&jump[place - 1], d->map.gone[k]);
        else if (n_many < FEW)
            many[n_many++] = d->map.gone[k];
        else
            all = true;
    }
    dc->gone = d->map.n_gone;
    lock_release(&d->cache.lock);
    if (all) {
        memset(jump, 0, sizeof(*jump) * X64_FAR_ENTRIES);
        return;
    }
    for (unsigned k = 0; n_many && k < X64_FAR_ENTRIES; k++)
        for (unsigned j = 0; j < n_many; j++)
            forget(&jump[k], many[j]);
}
