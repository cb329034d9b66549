#include "accel/accel_debug.h"

#include "accel/accel_priv.h"

/* ---- memory ---- */

/* Marking a page accessed or dirty is done in pretence only. */
static bool keep(Cpu *cpu, Gpa pa, unsigned size, uint64_t *expected, uint64_t desired)
{
    return true;
}

static bool walk(Cpu *cpu, Gva va, unsigned idx, MmuHow how, MmuPage *ret)
{
    CpuExit exit = cpu->exit;
    const CpuMem *mem = cpu->mem;
    CpuMem peek = *mem;
    peek.phys_cas = keep;
    cpu->mem = &peek;
    bool ok = cpu->ops->sys->walk(cpu, va, idx, how, ret);
    cpu->mem = mem;
    cpu->exit = exit;
    return ok;
}

/* First as the cpu fetches now; then as any level would see it: a kernel that may not look at a user's page
 * now is no reason for the debugger not to. */
bool accel_debug_translate(Cpu *cpu, Gva va, uint64_t *ret_pa)
{
    const TargetSys *sys = cpu->ops->sys;
    MmuPage p;
    uint32_t ctx = (cpu->ctx & ~(uint32_t)CTX_TARGET_MASK) | (cpu->ops->ctx(cpu) & CTX_TARGET_MASK);
    unsigned now = sys->fetch_idx(ctx);
    bool found = walk(cpu, va, now, MMU_FETCH, &p) || walk(cpu, va, now, MMU_READ, &p);
    found = found && mem_map_find(cpu->accel->cfg.machine, p.pa);
    for (unsigned k = 0; !found && k < sys->paged; k++)
        found = walk(cpu, va, k, MMU_READ, &p) || walk(cpu, va, k, MMU_FETCH, &p);
    if (found)
        *ret_pa = p.pa;
    return found;
}

bool accel_debug_read_phys(Accel *a, uint64_t pa, void *to, size_t n)
{
    for (uint64_t left; n; n -= left, pa += left, to = (char *)to + left) {
        const uint8_t *host = mem_map_host(a->cfg.machine, pa, false, &left);
        if (!host)
            return false;
        left = MIN(left, (uint64_t)n);
        memcpy(to, host, left);
    }
    return true;
}

bool accel_debug_write_phys(Accel *a, uint64_t pa, const void *from, size_t n)
{
    return mem_map_write(a->cfg.machine, pa, from, n);
}

static size_t page_part(Gva va, size_t n)
{
    return (size_t)MIN((uint64_t)n, 4096 - (va & 4095));
}

bool accel_debug_read(Cpu *cpu, Gva va, void *to, size_t n)
{
    for (size_t part; n; n -= part, va += part, to = (char *)to + part) {
        uint64_t pa;
        part = page_part(va, n);
        if (!accel_debug_translate(cpu, va, &pa) || !accel_debug_read_phys(cpu->accel, pa, to, part))
            return false;
    }
    return true;
}

bool accel_debug_write(Cpu *cpu, Gva va, const void *from, size_t n)
{
    for (size_t part; n; n -= part, va += part, from = (const char *)from + part) {
        uint64_t pa;
        part = page_part(va, n);
        if (!accel_debug_translate(cpu, va, &pa) || !accel_debug_write_phys(cpu->accel, pa, from, part))
            return false;
    }
    return true;
}
