/* Memory copy and memory set instructions (FEAT_MOPS), option A of the architecture ("Memory Copy and Memory Set CPY*",
 * shared pseudocode MemCpyParameters): the prologue makes Xn negative for a forward operation and adds the size to the
 * addresses; the main part does all the work; what remains is Xn. NZCV is 0.
 *
 * The main part writes its progress into Xn before it reports a fault: the instruction then starts again where it
 * was. A partial copy of the chunk that faulted is done once more, which nobody can tell. */
#include "base/fault.h"
#include "target/arm/a64_trans.h"

#define COPY_MAX 0x007fffffffffffffull
#define SET_MAX 0x7fffffffffffffffull

typedef struct Mops {
    unsigned d, n, m, stage;
    bool tags_or_both; /* CPY: either direction; SET: tags as well */
} Mops;

static Mops unpack(uint64_t a)
{
    return (Mops){.d = a & 31, .n = a >> 5 & 31, .m = a >> 10 & 31, .stage = a >> 15 & 3, .tags_or_both = a >> 18 & 1};
}

static uint64_t raise_fault(ArmCpu *cpu, uint64_t addr, bool write)
{
    cpu->base.exit.kind = CPU_EXIT_FAULT;
    cpu->base.exit.write = write;
    cpu->base.exit.addr = addr;
    return 1;
}

/* Registers of the instruction: d destination, m source, n size. */
static void copy_prologue(ArmCpu *cpu, const Mops *p)
{
    uint64_t size = MIN(cpu->x[p->n], p->tags_or_both ? COPY_MAX : SET_MAX);
    uint64_t to = bits_get(cpu->x[p->d], 0, 56), from = bits_get(cpu->x[p->m], 0, 56);

    cpu->fl = 0;
    if (p->tags_or_both && from < to && to < from + size) { /* backward: the addresses stay */
        cpu->x[p->n] = size;
        return;
    }
    cpu->x[p->d] += size;
    cpu->x[p->m] += size;
    cpu->x[p->n] = 0 - size;
}

/* n bytes forward; returns how many were not copied, and where it faulted. */
static uint64_t copy_main(ArmCpu *cpu, const Mops *p)
{
    uint64_t *left = &cpu->x[p->n];
    uint64_t to = cpu->x[p->d], from = cpu->x[p->m];

    while (*left) {
        bool forward = (int64_t)*left < 0;
        uint64_t chunk = forward ? 0 - *left : MIN(*left, MIN(to - from, 4096));
        uint64_t at = forward ? *left : *left - chunk;
        uint64_t rest = fault_copy((void *)(to + at), (const void *)(from + at), chunk);
        if (rest) {
            uint64_t done = chunk - rest;
            if (forward)
                *left += done;
            at += done;
            bool write = !fault_ld8(from + at).fault;
            return raise_fault(cpu, write ? to + at : from + at, write);
        }
        *left = forward ? 0 : at;
    }
    return 0;
}

uint64_t arm_helper_mops_copy(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmCpu *cpu = opaque;
    Mops p = unpack(a);

    if (p.stage)
        return copy_main(cpu, &p);
    copy_prologue(cpu, &p);
    return 0;
}

static uint64_t set_main(ArmCpu *cpu, const Mops *p)
{
    uint64_t *left = &cpu->x[p->n], to = cpu->x[p->d];
    uint64_t byte = (p->m == 31 ? 0 : cpu->x[p->m]) & 0xff, word = byte * 0x0101010101010101ull;

    while (*left) {
        uint64_t addr = to + *left;
        unsigned size = !(addr & 7) && 0 - *left >= 8 ? 8 : 1;
        if (fault_st(addr, word, size))
            return raise_fault(cpu, addr, true);
        *left += size;
    }
    return 0;
}

uint64_t arm_helper_mops_set(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    ArmCpu *cpu = opaque;
    Mops p = unpack(a);
    uint64_t size = cpu->x[p.n];

    if (p.stage)
        return set_main(cpu, &p);
    if (p.tags_or_both && size && ((cpu->x[p.d] | size) & 15)) {
        cpu->base.exit = (CpuExit){.kind = CPU_EXIT_MISALIGNED};
        return 1;
    }
    size = MIN(size, SET_MAX);
    cpu->fl = 0;
    cpu->x[p.d] += size;
    cpu->x[p.n] = 0 - size;
    return 0;
}
