/* The slow way of accesses: page tables, devices, pages that code was made from, accesses over the end of a
 * page (docs/adr/0018-system-memory.md). An access is cut into pieces; all of them are found, and known to be
 * taken by what is there, before the first is done: so what raises has done nothing, and can be run again. */
#include "accel/accel_priv.h"
#include "base/fault.h"

/* The part of an access that lies in one page. */
typedef struct Piece {
    Gva va;
    Gpa pa;
    unsigned size; /* 1 to 16, any */
    MemRange range;
} Piece;

typedef struct Pieces {
    unsigned n;
    Piece piece[2];
} Pieces;

static MemMap *map_of(const Cpu *cpu)
{
    return cpu->accel->cfg.machine;
}
static unsigned number_of(Cpu *cpu)
{
    return (unsigned)cpu->ops->sys->board(cpu)->number;
}

static uint64_t swapped(uint64_t v, unsigned size)
{
    return size > 1 ? __builtin_bswap64(v) >> (64 - size * 8) : v;
}

static uint64_t low_bytes(uint64_t v, unsigned size)
{
    return size < 8 ? v & ((1ull << size * 8) - 1) : v;
}

static unsigned largest_part(unsigned left)
{
    return left >= 8 ? 8 : 1u << (31 - __builtin_clz(left));
}

static bool taken(const Piece *p, MmuHow how)
{
    unsigned narrowest = MIN(p->size & -p->size, 8u);
    return p->range.end - p->pa >= p->size && mem_range_takes(&p->range, narrowest, how == MMU_WRITE);
}

/* For memory that takes aligned accesses only (IrOrder). */
static bool is_misaligned(const IrAccess *a)
{
    IrMem m = {.raw = a->mem};
    unsigned bits = m.order == IR_ELEMENTS ? m.scale : m.size;
    return m.order == IR_BLOCK || (a->addr & ((1ull << bits) - 1));
}

/* False: cpu->exit says what the access raises. */
static bool find_pieces(Cpu *cpu, const IrAccess *a, MmuHow how, Pieces *ret)
{
    const IrMem m = {.raw = a->mem};
    const Gva va = a->addr;
    const bool misaligned = is_misaligned(a);
    unsigned size = 1u << m.size, first = (unsigned)MIN((Gva)size, 4096 - (va & 4095));
    if (UNLIKELY(misaligned) && m.order == IR_ALIGNED) {
        cpu->ops->sys->misaligned(cpu, va, how);
        return false;
    }
    *ret = (Pieces){.n = first < size ? 2 : 1,
                    .piece = {{.va = va, .size = first}, {.va = va + first, .size = size - first}}};
    for (unsigned k = 0; k < ret->n; k++) {
        Piece *p = &ret->piece[k];
        if (!softmmu_locate(cpu, p->va, m.mmuidx, how, misaligned, &p->pa, &p->range))
            return false;
    }
    for (unsigned k = 0; k < ret->n; k++) {
        if (taken(&ret->piece[k], how))
            continue;
        cpu->ops->sys->bus_error(cpu, ret->piece[k].va, how);
        return false;
    }
    return true;
}

static bool watched(Cpu *cpu, const IrAccess *a)
{
    const TargetSys *sys = cpu->ops->sys;
    return sys->watch && sys->watch(cpu, a);
}

static void pieces_read(Cpu *cpu, const Pieces *x, uint64_t v[2])
{
    uint8_t *to = (uint8_t *)v;
    for (unsigned k = 0; k < x->n; k++) {
        const Piece *p = &x->piece[k];
        for (unsigned at = 0, n; at < p->size; at += n, to += n) {
            uint64_t part = 0;
            n = largest_part(p->size - at);
            mem_range_read_by(&p->range, number_of(cpu), p->pa + at, n, &part);
            memcpy(to, &part, n);
        }
    }
    softmmu_follow_map(cpu);
}

static void pieces_write(Cpu *cpu, const Pieces *x, const uint64_t v[2])
{
    const uint8_t *from = (const uint8_t *)v;
    for (unsigned k = 0; k < x->n; k++) {
        const Piece *p = &x->piece[k];
        for (unsigned at = 0, n; at < p->size; at += n, from += n) {
            uint64_t part = 0;
            n = largest_part(p->size - at);
            memcpy(&part, from, n);
            mem_range_write_by(map_of(cpu), &p->range, number_of(cpu), p->pa + at, n, part);
        }
    }
    softmmu_follow_map(cpu);
}

/* Where the bytes at va are in the host's memory, if the TLB says so; over the end of a page it gets to. */
static bool by_tlb(Cpu *cpu, Gva va, const IrAccess *a, MmuHow how, bool crosses, uint8_t **ret)
{
    const unsigned idx = (IrMem){.raw = a->mem}.mmuidx;
    if (crosses)
        return cpu->mem->host(cpu, va, idx, how, ret) && *ret;
    *ret = cpu->accel->cfg.no_opt & ACCEL_NO_TLB ? NULL : softmmu_known(cpu, va, idx, how);
    return *ret != NULL;
}

/* An access whose pages are in the TLB, as generated code would do it, without a walk: those of C functions,
 * and those over the end of a page, whose pages get there. False: another access, or one of the pages is not
 * for generated code. */
static bool without_walk(Cpu *cpu, const IrAccess *a, MmuHow how, uint64_t v[2])
{
    const IrMem m = {.raw = a->mem};
    const unsigned size = 1u << m.size, left = 4096 - (a->addr & 4095), first = MIN(size, left);
    uint8_t *host[2] = {NULL}, *bytes = (uint8_t *)v;
    const bool walks = a->walks || m.order == IR_ALIGNED || m.order == IR_BLOCK;
    if (walks || !by_tlb(cpu, a->addr, a, how, first < size, &host[0]) ||
        (first < size && !by_tlb(cpu, a->addr + first, a, how, true, &host[1])))
        return false;
    for (unsigned at = 0, n; at < size; at += n) {
        uint64_t part = 0, where = (uint64_t)(uintptr_t)(at < first ? host[0] + at : host[1] + (at - first));
        n = largest_part(at < first ? first - at : size - at);
        if (how == MMU_WRITE) {
            memcpy(&part, bytes + at, n);
            fault_st(where, part, n);
        } else {
            part = fault_ld(where, n).val;
            memcpy(bytes + at, &part, n);
        }
    }
    return true;
}

static bool load(Cpu *cpu, IrAccess *a)
{
    IrMem m = {.raw = a->mem};
    unsigned size = 1u << m.size;
    uint64_t v[2] = {0};
    Pieces x;
    if (!without_walk(cpu, a, MMU_READ, v)) {
        if (!find_pieces(cpu, a, MMU_READ, &x) || watched(cpu, a))
            return false;
        pieces_read(cpu, &x, v);
    }
    a->value[0] = m.bswap ? swapped(v[0], size) : v[0];
    a->value[1] = v[1];
    return true;
}

/* Where a store to code counts for the next instruction, the one that stores is run by itself. */
static bool to_running_code(Cpu *cpu, const IrAccess *a, const Pieces *x)
{
    if (LIKELY(!cpu->ops->code_checks) || a->apart || cpu->ctx & CTX_STEP)
        return false;
    for (unsigned k = 0; k < x->n; k++) {
        const Piece *p = &x->piece[k];
        const MemRegion *g = p->range.region;
        if (g->kind == MEM_RAM && ram_has_code(g->ram, p->range.offset + (p->pa - p->range.start), p->size)) {
            cpu->exit = (CpuExit){.kind = CPU_EXIT_EXCLUSIVE, .code = CPU_EXCLUSIVE_DEVICE};
            return true;
        }
    }
    return false;
}

static bool store(Cpu *cpu, IrAccess *a)
{
    IrMem m = {.raw = a->mem};
    unsigned size = 1u << m.size;
    uint64_t v[2] = {low_bytes(a->value[0], size), a->value[1]};
    Pieces x;
    if (m.bswap)
        v[0] = swapped(v[0], size);
    if (!without_walk(cpu, a, MMU_WRITE, v)) {
        if (!find_pieces(cpu, a, MMU_WRITE, &x) || watched(cpu, a) || to_running_code(cpu, a, &x))
            return false;
        pieces_write(cpu, &x, v);
    }
    if (m.order == IR_SEQ_CST)
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return true;
}

/* ---- read and write in one ---- */

static uint64_t rmw_result(const IrAccess *a, unsigned size, uint64_t old)
{
    uint64_t x = a->value[0], mask = low_bytes(~0ull, size), sign = 1ull << (size * 8 - 1);
    x &= mask;
    bool less_s = (old ^ sign) < (x ^ sign), less_u = old < x;
    switch ((IrRmw)a->rmw) {
    case IR_RMW_XCHG: return x;
    case IR_RMW_ADD: return (old + x) & mask;
    case IR_RMW_AND: return old & x;
    case IR_RMW_OR: return old | x;
    case IR_RMW_XOR: return old ^ x;
    case IR_RMW_MIN: return less_s ? old : x;
    case IR_RMW_MAX: return less_s ? x : old;
    case IR_RMW_MINU: return less_u ? old : x;
    case IR_RMW_MAXU: return less_u ? x : old;
    }
    return old;
}

/* Whether the compare agrees, and what is stored then; the access gets to say what was seen. */
static bool update_value(IrAccess *a, unsigned size, const uint64_t was[2], uint64_t ret_new[2])
{
    IrMem m = {.raw = a->mem};
    uint64_t seen = m.bswap ? swapped(was[0], size) : was[0], desired;
    bool stores = a->op != IR_CAS ||
                  (seen == low_bytes(a->expected[0], size) && (size < 16 || was[1] == a->expected[1]));
    desired = a->op == IR_CAS ? low_bytes(a->value[0], size) : rmw_result(a, size, seen);
    ret_new[0] = m.bswap ? swapped(desired, size) : desired;
    ret_new[1] = a->value[1];
    a->value[0] = seen;
    a->value[1] = was[1];
    return stores;
}

/* On a device, over the end of a page, 16 bytes that are not aligned: as a read and a write, alone. */
static bool update_in_steps(Cpu *cpu, IrAccess *a, unsigned size, const Pieces *x)
{
    uint64_t was[2] = {0}, new[2];
    for (unsigned k = 0; k < x->n; k++) {
        if (taken(&x->piece[k], MMU_READ))
            continue;
        cpu->ops->sys->bus_error(cpu, x->piece[k].va, MMU_WRITE);
        return false;
    }
    if (cpu->ctx & CTX_PARALLEL) { /* and comes again without */
        cpu->exit = (CpuExit){.kind = CPU_EXIT_EXCLUSIVE, .code = CPU_EXCLUSIVE_DEVICE};
        return false;
    }
    pieces_read(cpu, x, was);
    if (update_value(a, size, was, new))
        pieces_write(cpu, x, new);
    return true;
}

/* Compare and swap of 16 aligned bytes of RAM. */
static bool update_wide(uint64_t host, IrAccess *a)
{
    uint64_t was[2] = {a->expected[0], a->expected[1]};
    fault_cas128(host, a->expected, a->value);
    a->value[0] = a->expected[0];
    a->value[1] = a->expected[1];
    return a->expected[0] == was[0] && a->expected[1] == was[1];
}

static bool update_word(uint64_t host, IrAccess *a, unsigned size)
{
    const IrAccess asked = *a;
    uint64_t was[2] = {fault_ld(host, size).val}, new[2], now;
    for (; update_value(a, size, was, new); was[0] = now) {
        now = fault_cas(host, was[0], new[0], size).val;
        if (now == was[0])
            return true;
        *a = asked;
    }
    return false;
}

static bool update(Cpu *cpu, IrAccess *a)
{
    IrMem m = {.raw = a->mem};
    unsigned size = 1u << m.size;
    Pieces x;
    if (!find_pieces(cpu, a, MMU_WRITE, &x) || watched(cpu, a) || to_running_code(cpu, a, &x))
        return false;
    const MemRange *r = &x.piece[0].range;
    if (x.n > 1 || r->region->kind != MEM_RAM || (size == 16 && (a->addr & 15)))
        return update_in_steps(cpu, a, size, &x);
    uint64_t offset = r->offset + (x.piece[0].pa - r->start);
    uint64_t host = (uint64_t)(uintptr_t)r->region->ram->host + offset;
    if (size == 16 ? update_wide(host, a) : update_word(host, a, size))
        softmmu_note_store(cpu, r->region, offset, size);
    return true;
}

bool softmmu_access(void *opaque, IrAccess *a)
{
    Cpu *cpu = opaque;
    if (UNLIKELY(cpu->accel->debug.n_watches) && accel_debug_hits(cpu, a))
        return false;
    switch (a->op) {
    case IR_LD: return load(cpu, a);
    case IR_ST: return store(cpu, a);
    default: return update(cpu, a);
    }
}
