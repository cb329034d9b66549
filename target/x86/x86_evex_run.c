/* AVX-512 by C: for instructions that have no quick form made of others, and for masked elements in memory.
 * Operands are brought to X86Ev, the functions of x86_evex_int.c, _perm.c, _fp.c compute, the result goes
 * back under the mask. Sources: Intel SDM volume 2; AMD64 APM volume 4. */
#include <signal.h>

#include "target/x86/x86_evex_priv.h"
#include "target/x86/x86_mem.h"
#include "target/x86/x86_trans.h"

#define ARGS void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d

static uint64_t raise_fault(X86Ev *e, uint64_t addr, bool write)
{
    return x86_raise_fault(e->cpu, addr, write);
}

/* ---- memory ---- */

/* Elements of 1 << lane bytes that the mask asks for, element i from place i modulo `count` bytes, to the
 * same place of `to`; the rest is zero. */
static uint64_t load_masked(X86Ev *e, uint64_t *to, unsigned lane, unsigned n, unsigned count)
{
    memset(to, 0, 64);
    for (unsigned i = 0; i < n; i++) {
        unsigned at = (i << lane) % count;
        if (!ev_on(e, i))
            continue;
        FaultVal v = x86_mem_ld(e->cpu, e->addr + at, 1u << lane);
        if (v.fault)
            return raise_fault(e, e->addr + at, false);
        memcpy((char *)to + at, &v.val, 1u << lane);
    }
    return 0;
}

/* Elements of `from` that the mask asks for: all or, with a fault, none. */
static uint64_t store_masked(X86Ev *e, const uint64_t *from, unsigned lane, unsigned n)
{
    uint64_t old[64];
    unsigned bytes = 1u << lane;
    for (unsigned i = 0; i < n; i++) {
        uint64_t at = e->addr + i * bytes;
        if (!ev_on(e, i) && !(e->row->evex & X86_EV_NF))
            continue;
        FaultVal v = x86_mem_ld(e->cpu, at, bytes);
        old[i] = v.val;
        if (!v.fault && !ev_on(e, i))
            continue;
        if (!v.fault && !x86_mem_st(e->cpu, at, ev_get(from, lane, i), bytes))
            continue;
        while (i-- > 0)
            if (ev_on(e, i))
                x86_mem_st(e->cpu, e->addr + i * bytes, old[i], bytes);
        return raise_fault(e, at, true);
    }
    return 0;
}

/* EV_LOAD: broadcasts go by elements of the result, others by those of the source. */
static uint64_t load_to_scratch(X86Ev *e)
{
    unsigned lane = e->row->handler == X86_H_evbcast ? e->row->lane : e->row->source;
    unsigned n = e->row->evex & X86_EV_LIG ? 1 : e->bytes >> MAX(e->row->lane, lane);
    return load_masked(e, e->cpu->scratch, lane, n, e->w.count);
}

static uint64_t store_from_scratch(X86Ev *e)
{
    e->cpu->store_in_c = 0;
    return store_masked(e, e->cpu->scratch, e->lane, MAX(e->w.count >> e->lane, 1u));
}

/* Could the elements be stored? Nothing is changed: what is exchanged is 0 for 0. */
static uint64_t try_store(X86Ev *e)
{
    for (unsigned i = 0; i < e->n; i++) {
        uint64_t at = e->addr + (i << e->lane), zero[2] = {0}, memory[2] = {0};
        if (ev_on(e, i) && x86_mem_cas(e->cpu, at, memory, zero, 1u << e->lane))
            return raise_fault(e, at, true);
    }
    return 0;
}

static uint64_t element_address(const X86Ev *e, unsigned i)
{
    uint64_t index = (uint64_t)ev_sget(e->cpu->zmm[e->w.rm], e->row->source, i);
    uint64_t at = e->addr + (index << e->w.scale);
    return e->w.addr32 ? at & 0xffffffff : at;
}

/* Elements that have come, or gone, have their mask bits cleared, also when a later one faults. */
static uint64_t gather(X86Ev *e)
{
    uint64_t *reg = e->cpu->zmm[e->w.reg], *k = &e->cpu->k[e->w.mask];
    unsigned used = e->n << e->lane;
    for (unsigned i = 0; i < e->n; i++) {
        if (!ev_on(e, i))
            continue;
        uint64_t at = element_address(e, i);
        FaultVal v = x86_mem_ld(e->cpu, at, 1u << e->lane);
        if (v.fault)
            return raise_fault(e, at, false);
        memset((char *)reg + used, 0, 64 - used);
        ev_set(reg, e->lane, i, v.val);
        *k &= ~BIT(i);
    }
    memset((char *)reg + used, 0, 64 - used);
    *k = 0;
    return 0;
}

static uint64_t scatter(X86Ev *e)
{
    uint64_t *k = &e->cpu->k[e->w.mask];
    for (unsigned i = 0; i < e->n; i++) {
        uint64_t at = element_address(e, i);
        if (!ev_on(e, i))
            continue;
        if (x86_mem_st(e->cpu, at, ev_get(e->cpu->zmm[e->w.reg], e->lane, i), 1u << e->lane))
            return raise_fault(e, at, true);
        *k &= ~BIT(i);
    }
    *k = 0;
    return 0;
}

/* ---- operands ---- */

/* In modrm.rm. */
static uint64_t read_source(X86Ev *e)
{
    unsigned source = e->row->source,
             size = e->w.evb                    ? 1u << source
                    : e->row->evex & X86_EV_LIG ? 1u << source
                    : e->w.op == EV_CVT2BF || e->w.op == EV_DBPSADBW || e->w.op == EV_MULTISHIFT
                        ? e->bytes
                        : e->n << source;
    if (!e->w.mem) {
        memcpy(e->b, e->cpu->zmm[e->w.rm], 64);
        return 0;
    }
    if (e->w.mask && !(e->row->evex & X86_EV_NF)) {
        if (load_masked(e, e->b, source, e->n, size))
            return 1;
    } else if (x86_copy_in(e->cpu, e->b, e->addr, size)) {
        return raise_fault(e, e->addr, false);
    }
    for (unsigned i = 1; e->w.evb && i < e->bytes >> source; i++)
        ev_set(e->b, source, i, ev_get(e->b, source, 0));
    return 0;
}

/* A general register or memory, of 4 or 8 bytes. */
static uint64_t read_general(X86Ev *e)
{
    unsigned bytes = e->w.w ? 8 : 4;
    if (!e->w.mem) {
        e->b[0] = e->w.w ? e->cpu->gpr[e->w.rm] : (uint32_t)e->cpu->gpr[e->w.rm];
        return 0;
    }
    FaultVal v = x86_mem_ld(e->cpu, e->addr, bytes);
    e->b[0] = v.val;
    return v.fault ? raise_fault(e, e->addr, false) : 0;
}

/* As many elements as the mask has bits, one after the other. */
static uint64_t read_packed(X86Ev *e)
{
    unsigned count = (unsigned)__builtin_popcountll(e->mask);
    if (!e->w.mem)
        memcpy(e->b, e->cpu->zmm[e->w.rm], 64);
    for (unsigned i = 0; e->w.mem && i < count; i++) {
        uint64_t at = e->addr + (i << e->lane);
        FaultVal v = x86_mem_ld(e->cpu, at, 1u << e->lane);
        if (v.fault)
            return raise_fault(e, at, false);
        ev_set(e->b, e->lane, i, v.val);
    }
    return 0;
}

/* The first `bytes` bytes of a register, its masked elements merged or zero; zeros above. */
static void write_vector(X86Ev *e, unsigned r, unsigned bytes)
{
    uint64_t *reg = e->cpu->zmm[r];
    unsigned n = bytes >> e->lane;
    if (e->row->evex & X86_EV_LIG) {
        uint64_t low = ev_on(e, 0) ? ev_get(e->r, e->lane, 0) : e->w.zero ? 0 : ev_get(reg, e->lane, 0);
        memcpy(reg, e->a, 16);
        ev_set(reg, e->lane, 0, low);
        memset(reg + 2, 0, 48);
        return;
    }
    for (unsigned i = 0; i < n; i++)
        if (ev_on(e, i) || e->w.zero)
            ev_set(reg, e->lane, i, ev_on(e, i) ? ev_get(e->r, e->lane, i) : 0);
    memset((char *)reg + bytes, 0, 64 - bytes);
}

/* vcompress: to a register as far as elements go, then merged or zero; to memory those alone. */
static uint64_t write_packed(X86Ev *e)
{
    unsigned count = (unsigned)__builtin_popcountll(e->mask);
    e->mask = count == 64 ? ~0ull : BIT(count) - 1;
    if (e->w.mem)
        return store_masked(e, e->r, e->lane, e->n);
    write_vector(e, e->w.rm, e->bytes);
    return 0;
}

static uint64_t write_result(X86Ev *e)
{
    switch (e->w.op) {
    case EV_COMPRESS: return write_packed(e);
    case EV_CVTPH: return store_masked(e, e->r, e->lane, e->n);
    case EV_SHUFBIT:
    case EV_FPCLASS: e->cpu->k[e->w.reg] = e->bits & e->mask; return 0;
    case EV_TOUSI: e->cpu->gpr[e->w.reg] = e->bits; return 0;
    default: break;
    }
    unsigned bytes = e->w.op == EV_CVT2BF || e->row->lane >= e->row->source ? e->bytes : e->n << e->lane;
    if (e->w.op == EV_MULTISHIFT)
        bytes = e->bytes;
    write_vector(e, e->w.reg, bytes);
    return 0;
}

/* An exception that is not masked: the flags are set, the result is not. Those of operands come before those
 * of results. */
static uint64_t raise_float(X86Cpu *cpu, uint32_t flags, uint32_t unmasked)
{
    enum { BEFORE = SOFTFP_INVALID | SOFTFP_DENORM | SOFTFP_DIVZERO };
    cpu->base.ff |= unmasked & BEFORE ? flags & BEFORE : flags;
    cpu->base.exit = (CpuExit){.kind = CPU_EXIT_FAULT, .sig = SIGFPE, .code = target_float_code(unmasked)};
    return 1;
}

/* In two steps: leave for X86_CTX_STORE, which brings all flags together; put them aside, and leave again.
 * Where underflow is not masked exact results raise it, which they do only then: there the quarters trap one
 * by one. */
uint64_t x86_helper_quiet(ARGS)
{
    X86Cpu *cpu = opaque;
    if (cpu->store_in_c == 1 || (!a && !(cpu->mxcsr_masks & SOFTFP_UNDERFLOW << 7)))
        return 0;
    if (cpu->store_in_c) {
        cpu->ff_before = cpu->base.ff & 0x3f;
        cpu->base.ff = 0;
    }
    cpu->store_in_c = cpu->store_in_c ? 1 : 2;
    cpu->base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
    return 1;
}

/* Those of this instruction are in the host's register, too, and not all of them count. */
static void forget_raised(X86Cpu *cpu)
{
#ifdef __x86_64__
    uint32_t mxcsr;
    __asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
    mxcsr &= ~0x3fu;
    __asm__ volatile("ldmxcsr %0" ::"m"(mxcsr));
#endif
    cpu->base.ff = 0;
}

/* Flags of before are those of now. */
uint64_t x86_helper_not_raised(ARGS)
{
    X86Cpu *cpu = opaque;
    cpu->base.ff |= cpu->ff_before;
    cpu->ff_before = 0;
    return 0;
}

uint64_t x86_helper_raised(ARGS)
{
    X86Cpu *cpu = opaque;
    uint32_t unmasked = (uint32_t)a & ~(cpu->mxcsr_masks >> 7);
    if (unmasked)
        forget_raised(cpu);
    x86_helper_not_raised(cpu, 0, 0, 0, 0);
    if (!unmasked)
        return 0;
    cpu->store_in_c = 0;
    return raise_float(cpu, (uint32_t)a, unmasked);
}

static uint64_t compute(X86Ev *e)
{
    uint64_t fault = e->w.op == EV_FROMUSI                           ? read_general(e)
                     : e->w.op == EV_EXPAND                          ? read_packed(e)
                     : e->w.op == EV_COMPRESS || e->w.op == EV_CVTPH ? 0
                                                                     : read_source(e);
    if (fault)
        return fault;
    memcpy(e->a, e->cpu->zmm[e->w.vvvv], 64);
    memcpy(e->d, e->cpu->zmm[e->w.reg], 64);
    if (e->w.op < EV_PERM)
        x86_ev_int(e);
    else if (e->w.op < EV_GATHER)
        x86_ev_perm(e);
    else
        x86_ev_fp(e);
    uint32_t unmasked = e->flags & ~(e->cpu->mxcsr_masks >> 7);
    if (unmasked && e->w.op == EV_CVTPH && try_store(e)) /* which comes first */
        return 1;
    if (unmasked)
        return raise_float(e->cpu, e->flags, unmasked);
    fault = write_result(e);
    if (!fault)
        e->cpu->base.ff |= e->flags;
    return fault;
}

/* FZ counts only while underflow is masked; without exceptions all of them are. */
static void set_rounding(X86Ev *e)
{
    enum { UNDERFLOW_MASK = SOFTFP_UNDERFLOW << 7 };
    static const uint8_t round_of_rc[4] = {SOFTFP_RNE, SOFTFP_RDN, SOFTFP_RUP, SOFTFP_RTZ};
    bool sae = e->w.evb && !e->w.mem, given = sae && e->row->evex & X86_EV_ER;
    bool flush = e->cpu->fp_modes & X86_MXCSR_FZ && (sae || e->cpu->mxcsr_masks & UNDERFLOW_MASK);
    e->mode = (SoftfpMode){.round = given ? round_of_rc[e->w.rc] : (uint8_t)(e->cpu->base.frm & 3),
                           .nan = SOFTFP_NAN_X86,
                           .ftz = flush,
                           .daz = (e->cpu->fp_modes & X86_MXCSR_DAZ) != 0,
                           .unmasked = sae ? 0 : ~(e->cpu->mxcsr_masks >> 7) & 0x3f};
}

static unsigned elements(const X86Ev *e)
{
    if (e->row->evex & X86_EV_LIG)
        return 1;
    if (e->w.op == EV_CVT2BF || e->w.op == EV_MULTISHIFT)
        return e->bytes >> e->row->lane;
    return e->bytes >> MAX(e->row->lane, e->row->source);
}

uint64_t x86_helper_evex(ARGS)
{
    X86Ev e = {.cpu = opaque, .w = {.raw = b}, .addr = a};
    e.row = x86_row_at(e.w.row);
    e.bytes = 16u << e.w.vl;
    e.lane = e.row->lane;
    e.n = elements(&e);
    e.mask = (e.w.mask ? e.cpu->k[e.w.mask] : ~0ull);
    switch ((X86EvOp)e.w.op) {
    case EV_LOAD: return load_to_scratch(&e);
    case EV_STORE: return store_from_scratch(&e);
    default: break;
    }
    e.mask &= e.n == 64 ? ~0ull : BIT(e.n) - 1;
    if (e.w.op == EV_GATHER)
        return gather(&e);
    if (e.w.op == EV_SCATTER)
        return scatter(&e);
    set_rounding(&e);
    uint64_t fault = compute(&e);
    return fault;
}
