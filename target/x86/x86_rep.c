/* rep movs and rep stos of machines, a page at a time where both sides are plain memory (CpuMem.host).
 * Source: AMD64 APM volume 3, "rep". */
#include "target/mem.h"
#include "target/x86/x86_mem.h"
#include "target/x86/x86_trans.h"

enum { PAGE = 4096, PIECES = 64 /* pages, then interrupts are looked at */ };

typedef struct Rep {
    X86Cpu *cpu;
    unsigned bytes;
    bool moves;
    uint64_t mask; /* of an address */
} Rep;

static uint64_t *reg(const Rep *r, unsigned n)
{
    return &r->cpu->gpr[n];
}

static void done(const Rep *r, uint64_t n)
{
    uint64_t by = r->cpu->df ? 0 - n * r->bytes : n * r->bytes;
    *reg(r, X86_RCX) -= n;
    *reg(r, X86_RDI) = (*reg(r, X86_RDI) + by) & r->mask;
    if (r->moves)
        *reg(r, X86_RSI) = (*reg(r, X86_RSI) + by) & r->mask;
}

static uint64_t one(const Rep *r)
{
    FaultVal v = {.val = *reg(r, X86_RAX)};
    if (r->moves)
        v = x86_mem_ld(r->cpu, *reg(r, X86_RSI), r->bytes);
    if (v.fault || x86_mem_st(r->cpu, *reg(r, X86_RDI), v.val, r->bytes))
        return 1;
    done(r, 1);
    return 0;
}

/* Elements that lie in one page from here on. */
static uint64_t in_page(const Rep *r, uint64_t at)
{
    return (PAGE - (at & (PAGE - 1))) / r->bytes;
}

static void fill(uint8_t *to, uint64_t v, uint64_t n, unsigned bytes)
{
    for (uint64_t k = 0; k < n; k++)
        memcpy(to + k * bytes, &v, bytes);
}

/* As many as can be had in one piece; 0 in *ret: none. */
static bool piece(const Rep *r, uint64_t *ret)
{
    Cpu *cpu = &r->cpu->base;
    unsigned idx = x86_ctx_idx(cpu->ctx);
    uint64_t to = *reg(r, X86_RDI), from = *reg(r, X86_RSI), n = MIN(*reg(r, X86_RCX), in_page(r, to));
    uint8_t *host_to, *host_from = NULL;
    *ret = 0;
    if (r->cpu->df || n < 2 || !cpu->mem->host(cpu, to, idx, MMU_WRITE, &host_to) || !host_to)
        return true;
    if (!r->moves) {
        fill(host_to, *reg(r, X86_RAX), n, r->bytes);
        *ret = n;
        return true;
    }
    n = MIN(n, in_page(r, from));
    if (n < 2 || !cpu->mem->host(cpu, from, idx, MMU_READ, &host_from) || !host_from)
        return true;
    uintptr_t ahead = (uintptr_t)host_to - (uintptr_t)host_from;
    if (ahead < n * r->bytes) /* what is written is read again */
        return true;
    memmove(host_to, host_from, n * r->bytes);
    *ret = n;
    return true;
}

uint64_t x86_helper_machine_rep(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    Rep r = {.cpu = cpu, .bytes = (unsigned)a, .moves = b, .mask = x86_cpu_is32(cpu) ? 0xffffffff : ~0ull};
    uint64_t n;
    for (unsigned k = 0; k < PIECES && cpu->gpr[X86_RCX]; k++) {
        if (!piece(&r, &n))
            return 1;
        if (n)
            done(&r, n);
        else
            for (unsigned m = 0; m < PIECES && cpu->gpr[X86_RCX]; m++)
                if (one(&r))
                    return 1;
    }
    return 0;
}
