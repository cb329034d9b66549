/* Instructions that are done by the IR interpreter: floating-point ones that trapped
 * (docs/adr/0015-arm-nan-by-trap.md), each exactly, one that traps again and again being translated anew with
 * a look at its operands before; those for which the back end has not enough registers or records, if there
 * is one; and steps whose accesses to memory somebody asks for. */
#include "accel/dbt/dbt.h"

/* A trap costs as much as some thousand instructions, a new translation of a region as much as a few
 * traps. */
enum { TRAPS_BEFORE_CHECKS = 8 };

/* At every power of two, so that what shares a bit, or has no form that does not trap, costs few
 * translations. */
static void count_trap(Dbt *d, const TargetOps *isa, Gva pc)
{
    unsigned bit = x64_checked_bit(pc);
    uint64_t mask = 1ull << (bit & 63);
    uint32_t n = __atomic_add_fetch(&d->fp_count[bit], 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&d->stats.fp_traps, 1, __ATOMIC_RELAXED);
    if (n < TRAPS_BEFORE_CHECKS || (n & (n - 1)))
        return;
    if (!(__atomic_fetch_or(&d->fp_checked[bit >> 6], mask, __ATOMIC_RELEASE) & mask))
        __atomic_fetch_add(&d->stats.fp_checked, 1, __ATOMIC_RELAXED);
    dbt_invalidate(d->accel, pc & ~isa->pc_tag, isa->insn_align);
}

bool dbt_step(Dbt *d, Cpu *cpu)
{
    DbtCpu *dc = dbt_cpu(cpu);
    bool trapped = dc->fp_trap;
    dc->fp_trap = dc->too_complex = false;
    DbtScratch *s = dbt_scratch_get(d);
    if (!s) {
        cpu->exit = (CpuExit){.kind = CPU_EXIT_FETCH, .addr = cpu->pc};
        return false;
    }
    const TargetOps *isa = cpu_isa(cpu);
    SuperblockConfig cfg = {.ops = isa, .mem = d->trace.mem, .max_insns = 1,
                            .no_opt = d->trace.no_opt, .masked = d->trace.masked};
    Gva pc = cpu->pc - cpu->pc_delta;
    bool on = false;
    arena_rewind(&s->arena, 0);
    if (accel_build(&cfg, &s->arena, &s->builder, cpu, cpu->ctx | CTX_STEP, &s->sb)) {
        IrRun run;
        IrMachine m = {.cpu = cpu, .val = arena_array(&s->arena, uint64_t, IR_MAX_INSNS),
                       .vec = arena_array(&s->arena, IrVec, IR_MAX_INSNS), .kick = &cpu->kick, .ff = &cpu->ff,
                       .frm = &cpu->frm, .pc = &cpu->pc, .max_loops = 1, .pc_delta = cpu->pc_delta,
                       .note = cpu->ctx & CTX_STEP ? cpu_hooks(cpu)->note : NULL, .access = softmmu_access};
        ir_run(s->sb.region, &m, &run);
        on = accel_run_ended(cpu, s->sb.region, &run);
    }
    dbt_scratch_put(d, s);
    if (trapped)
        count_trap(d, isa, pc);
    else if (!cpu_hooks(cpu)->note)
        __atomic_fetch_add(&d->stats.too_complex, 1, __ATOMIC_RELAXED);
    return on;
}
