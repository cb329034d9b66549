/* Machines: from the cpu's pc to a region, through the present mapping; the jump cache that spares most of
 * that. */
#include "accel/dbt/dbt.h"

DbtRegion *dbt_paged_region(Dbt *d, Cpu *cpu, bool loop_head)
{
    Gva key;
    if (!accel_locate(cpu, &key))
        return NULL;
    DbtRegion *r = dbt_map_find(&d->map, key, cpu->ctx);
    if (LIKELY(r && !r->second))
        return r;
    if (r && accel_second_agrees(cpu, r->second))
        return r;
    if (r) /* the page is mapped beside another one, too */
        dbt_invalidate(d->accel, key, 1);
    r = dbt_translate(d, cpu, loop_head);
    /* Whoever waits there is not kicked by those who make code unreachable. */
    if (r && __atomic_load_n(&d->map.n_gone, __ATOMIC_SEQ_CST) != dbt_cpu(cpu)->gone)
        dbt_paged_forget(d, cpu);
    return r;
}

void dbt_paged_remember(Dbt *d, Cpu *cpu, const DbtRegion *r)
{
    dbt_far_jumps(dbt_cpu(cpu))[x64_far_index(cpu->pc, d->host.insn_shift)] =
        (DbtFarJump){.pc = cpu->pc, .key = ((AccelCpu *)cpu->accel_cpu)->hot.jump_key, .rx = r->rx,
                     .delta = cpu->pc_delta};
}

/* The table is looked through for some; for more, everything in it is given up. */
enum { FEW = 24 };

void dbt_paged_forget(Dbt *d, Cpu *cpu)
{
    Gva gone[FEW];
    DbtCpu *dc = dbt_cpu(cpu);
    lock_take(&d->cache.lock);
    uint64_t n = d->map.n_gone - dc->gone;
    for (uint64_t k = 0; k < n && n <= FEW; k++)
        gone[k] = d->map.gone[(dc->gone + k) % DBT_GONE];
    dc->gone = d->map.n_gone;
    lock_release(&d->cache.lock);
    if (n > FEW) {
        softmmu_new_generation(cpu);
        return;
    }
    DbtFarJump *jump = dbt_far_jumps(dc);
    for (unsigned k = 0; k < X64_FAR_ENTRIES; k++) {
        if (!jump[k].key)
            continue;
        for (uint64_t j = 0; j < n; j++)
            if (jump[k].pc - jump[k].delta == gone[j])
                jump[k].key = 0;
    }
}
