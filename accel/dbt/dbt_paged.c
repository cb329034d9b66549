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
        dbt_map_invalidate(&d->map, key, 1);
    return dbt_translate(d, cpu, loop_head);
}

void dbt_paged_remember(Dbt *d, Cpu *cpu, const DbtRegion *r)
{
    DbtFarJump *jump = (DbtFarJump *)(void *)dbt_cpu(cpu)->jump;
    unsigned k = (cpu->pc >> d->host.insn_shift) & (X64_FAR_ENTRIES - 1);
    jump[k] = (DbtFarJump){.pc = cpu->pc, .key = ((AccelCpu *)cpu->accel_cpu)->hot.jump_key, .rx = r->rx,
                           .delta = cpu->pc_delta};
}
_Static_assert(sizeof(DbtFarJump) * X64_FAR_ENTRIES == sizeof(DbtJump) * X64_JC_ENTRIES, "the same memory");
