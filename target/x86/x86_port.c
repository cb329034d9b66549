/* Port I/O: who may, and the accesses. Sources: AMD64 APM volume 2, 12.2.4 (I/O permission bitmap), volume
 * 3. */
#include "target/x86/x86_port.h"

/* By level, or by the bitmap of the TSS. */
bool x86_port_allowed(X86Machine *m, unsigned port, unsigned size)
{
    const X86Seg *tr = &m->sys.tr;
    uint64_t base, bits;
    bool v86 = m->x86.more_flags & X86_VM;
    if (!(m->sys.cr0 & X86_CR0_PE) || (!v86 && m->sys.cpl <= x86_iopl(m)))
        return true;
    if (!(tr->attr & 8) || tr->limit < 103) {
        x86_gp(m, 0);
        return false;
    }
    if (!x86_lin_ld(m, X86_IDX_KERNEL, tr->base + 102, 2, &base))
        return false;
    uint64_t at = base + port / 8;
    if ((int64_t)at + 1 > tr->limit) {
        x86_gp(m, 0);
        return false;
    }
    if (!x86_lin_ld(m, X86_IDX_KERNEL, tr->base + at, 2, &bits))
        return false;
    if (bits >> (port & 7) & ((1u << size) - 1)) {
        x86_gp(m, 0);
        return false;
    }
    return true;
}

static void transfer(X86Machine *m, unsigned port, unsigned size, bool write, uint32_t *value)
{
    const CpuBoard *b = &m->sys.board;
    x86_watch_port(m, port, size);
    if (b->port)
        b->port(b->opaque, b->number, (uint16_t)port, size, write, value);
    else if (!write)
        *value = ~0u;
}

static void put_low(uint64_t *reg, unsigned size, uint32_t v)
{
    uint64_t mask = size == 1 ? 0xff : size == 2 ? 0xffff : ~0ull;
    *reg = (*reg & ~mask) | (v & mask);
}

uint64_t x86_port_in(X86Machine *m, unsigned port, unsigned size)
{
    uint32_t v = ~0u;
    if (!x86_port_allowed(m, port, size))
        return X86_RAISED;
    transfer(m, port, size, false, &v);
    put_low(&m->x86.gpr[X86_RAX], size, v);
    return X86_DONE;
}

uint64_t x86_port_out(X86Machine *m, unsigned port, unsigned size)
{
    uint32_t v = (uint32_t)m->x86.gpr[X86_RAX];
    if (!x86_port_allowed(m, port, size))
        return X86_RAISED;
    if (size < 4)
        v &= (1u << size * 8) - 1;
    transfer(m, port, size, true, &v);
    return X86_DONE;
}

/* ---- strings ---- */

static uint64_t address_mask(unsigned asize)
{
    return asize == 2 ? 0xffff : asize == 4 ? 0xffffffff : ~0ull;
}

static void put_index(uint64_t *reg, unsigned asize, uint64_t v)
{
    uint64_t mask = address_mask(asize);
    *reg = asize == 2 ? (*reg & ~mask) | (v & mask) : v & mask;
}

static bool element_at(X86Machine *m, unsigned seg, unsigned reg, const X86PortString *s, uint64_t *ret)
{
    uint64_t off = m->x86.gpr[reg] & address_mask(s->asize);
    if (!x86_seg_check(m, seg, off, s->size, !s->out))
        return false;
    if (x86_code64(m))
        *ret = off + (seg == X86_FS ? m->x86.fs_base : seg == X86_GS ? m->x86.gs_base : 0);
    else
        *ret = (uint32_t)(off + x86_seg_base(m, seg));
    return true;
}

/* Memory is found before the device is asked: what faults has moved nothing. */
static bool one_in(X86Machine *m, unsigned port, const X86PortString *s)
{
    uint64_t at;
    uint32_t v = ~0u;
    MmuPage page;
    if (!element_at(m, X86_ES, X86_RDI, s, &at) ||
        !x86_walk(&m->x86.base, at, x86_idx_now(m, x86_data_idx(m)), MMU_WRITE, &page))
        return false;
    transfer(m, port, s->size, false, &v);
    return x86_lin_st(m, x86_data_idx(m), at, s->size, v);
}

static bool one_out(X86Machine *m, unsigned port, const X86PortString *s)
{
    uint64_t at, v;
    if (!element_at(m, s->seg, X86_RSI, s, &at) || !x86_lin_ld(m, x86_data_idx(m), at, s->size, &v))
        return false;
    uint32_t low = (uint32_t)v;
    transfer(m, port, s->size, true, &low);
    return true;
}

/* With rep: some elements; the instruction then comes again. */
uint64_t x86_port_string(X86Machine *m, const X86PortString *s)
{
    enum { PIECE = 4096 };
    uint64_t *count = &m->x86.gpr[X86_RCX], *index = &m->x86.gpr[s->out ? X86_RSI : X86_RDI];
    uint64_t mask = address_mask(s->asize), by = m->x86.df ? 0 - (uint64_t)s->size : s->size;
    unsigned port = m->x86.gpr[X86_RDX] & 0xffff;
    if (s->rep && !(*count & mask))
        return X86_DONE;
    if (!x86_port_allowed(m, port, s->size))
        return X86_RAISED;
    for (unsigned n = 0; n < PIECE; n++) {
        if (s->out ? !one_out(m, port, s) : !one_in(m, port, s))
            return X86_RAISED;
        put_index(index, s->asize, *index + by);
        if (!s->rep)
            return X86_DONE;
        put_index(count, s->asize, *count - 1);
        if (!(*count & mask) || __atomic_load_n(&m->x86.base.kick, __ATOMIC_RELAXED))
            break;
    }
    return X86_DONE;
}
