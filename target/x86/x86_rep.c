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
    static const uint64_t repeat[] = {~0ull / 0xff, ~0ull / 0xffff, ~0ull / 0xffffffff, 1};
    const uint64_t mask = ~0ull >> (64 - 8 * bytes), all = (v & mask) * repeat[x86_log2(bytes)];
    uint64_t left = n * bytes;
    for (; left >= sizeof all; left -= sizeof all, to += sizeof all)
        memcpy(to, &all, sizeof all);
    memcpy(to, &all, left);
}

/* How many elements can be had in one piece from here on, and where they are; 0 in *ret: none, and so
 * *ret_singly of them go one by one. False: it raises. */
static bool find_piece(const Rep *r, uint64_t *ret, uint64_t *ret_singly, uint8_t **ret_to,
                       uint8_t **ret_from)
{
    Cpu *cpu = &r->cpu->base;
    unsigned idx = x86_ctx_idx(cpu->ctx);
    uint64_t to = *reg(r, X86_RDI), from = *reg(r, X86_RSI), n = MIN(*reg(r, X86_RCX), in_page(r, to));
    if (r->moves)
        n = MIN(n, in_page(r, from));
    *ret = 0;
    *ret_singly = n < 2 ? 1 : PIECES;
    if (r->cpu->df || n < 2)
        return true;
    if (!cpu->mem->host(cpu, to, idx, MMU_WRITE, ret_to) ||
        (r->moves && *ret_to && !cpu->mem->host(cpu, from, idx, MMU_READ, ret_from)))
        return false;
    if (!*ret_to || (r->moves && !*ret_from))
        return true;
    uintptr_t ahead = (uintptr_t)*ret_to - (uintptr_t)*ret_from;
    if (r->moves && ahead < n * r->bytes) /* behind these, what was written is read again */
        n = ahead / r->bytes;
    *ret = n < 2 ? 0 : n;
    return true;
}

/* False: it raises. */
static bool piece(const Rep *r)
{
    uint8_t *to = NULL, *from = NULL;
    uint64_t n, singly;
    if (!find_piece(r, &n, &singly, &to, &from))
        return false;
    for (; !n && singly && *reg(r, X86_RCX); singly--)
        if (one(r))
            return false;
    if (n && r->moves)
        memmove(to, from, n * r->bytes);
    else if (n)
        fill(to, *reg(r, X86_RAX), n, r->bytes);
    done(r, n);
    return true;
}

uint64_t x86_helper_machine_rep(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    Rep r = {.cpu = cpu, .bytes = (unsigned)a, .moves = b, .mask = x86_cpu_is32(cpu) ? 0xffffffff : ~0ull};
    for (unsigned k = 0; k < PIECES && cpu->gpr[X86_RCX]; k++)
        if (!piece(&r))
            return 1;
    return 0;
}
