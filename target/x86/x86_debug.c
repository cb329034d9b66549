/*
 * Debug registers: breakpoints on instructions, data and ports, single steps. While any is enabled each
 * instruction begins with x86_helper_trap() (X86_CTX_TRAP); pages with watched data go the slow way of
 * accesses, which asks (TargetSys.watch) and notes what was hit, for the trap that follows the instruction.
 * Sources: AMD64 APM volume 2, 13.1; Intel SDM volume 3, 17.2.
 */
#include "target/x86/x86_sys.h"
#include "target/x86/x86_trans.h"

enum { ON_FETCH, ON_WRITE, ON_PORT, ON_ACCESS };
enum { DR6_BD = 1 << 13, DR6_BS = 1 << 14, DR7_GD = 1 << 13, DR7_ENABLED = 0xff };

bool x86_may_trap(const X86Machine *m)
{
    return m->x86.more_flags & X86_TF || m->sys.trapping || m->sys.dr[7] & DR7_ENABLED;
}

static unsigned kind_of(const X86Sys *s, unsigned n)
{
    return s->dr[7] >> (16 + 4 * n) & 3;
}

static bool enabled(const X86Sys *s, unsigned n)
{
    return s->dr[7] >> 2 * n & 3;
}

/* Does breakpoint n name one of the bytes from `first` to `last`? */
static bool names(const X86Sys *s, unsigned n, uint64_t first, uint64_t last)
{
    static const uint8_t bytes[] = {1, 2, 8, 4};
    const unsigned size = bytes[s->dr[7] >> (18 + 4 * n) & 3];
    const uint64_t at = s->dr[n] & ~(uint64_t)(size - 1);
    return at <= last && at + (size - 1) >= first;
}

/* ---- data ---- */

bool x86_watches(const Cpu *cpu, Gva page)
{
    const X86Sys *s = &((const X86Machine *)cpu)->sys;
    for (unsigned n = 0; n < 4; n++)
        if (enabled(s, n) && (kind_of(s, n) & 1) && names(s, n, page, page + 4095))
            return true;
    return false;
}

/* It is a trap: the access is done. */
bool x86_watch(Cpu *cpu, const IrAccess *a)
{
    X86Sys *s = &((X86Machine *)cpu)->sys;
    const IrMem mem = {.raw = a->mem};
    const uint64_t last = a->addr + (1u << mem.size) - 1;
    for (unsigned n = 0; n < 4; n++) {
        const unsigned kind = kind_of(s, n);
        if (enabled(s, n) && (kind == ON_ACCESS || (kind == ON_WRITE && a->op != IR_LD)) &&
            names(s, n, a->addr, last))
            s->watch_hit |= 1u << n;
    }
    return false;
}

void x86_watch_port(X86Machine *m, unsigned port, unsigned size)
{
    X86Sys *s = &m->sys;
    for (unsigned n = 0; n < 4 && s->cr4 & X86_CR4_DE; n++)
        if (enabled(s, n) && kind_of(s, n) == ON_PORT && names(s, n, port, port + size - 1))
            s->watch_hit |= 1u << n;
}

/* ---- the registers ---- */

/* The trap of the instruction that has run; false: there is none. */
bool x86_take_trap(X86Machine *m)
{
    X86Sys *s = &m->sys;
    if (!s->trapping && !s->watch_hit)
        return false;
    s->dr[6] |= s->watch_hit | (s->trapping ? (unsigned)DR6_BS : 0);
    s->watch_hit = 0;
    x86_raise_vector(m, X86_V_DB, 0);
    return true;
}

/* What int1 itself reports, beside the data of the mov ss in front of it. */
void x86_debug_merge(X86Machine *m)
{
    m->sys.dr[6] |= m->sys.watch_hit;
    m->sys.watch_hit = 0;
}

/* With TF set each instruction is followed by a trap, which is the next one's first. */
uint64_t x86_helper_trap(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Machine *m = x86_machine(opaque);
    X86Sys *s = &m->sys;
    unsigned hit = 0;
    const bool held = s->trap_shadow == m->x86.base.pc; /* behind mov ss */
    s->trap_shadow = ~0ull;
    if (!held && x86_take_trap(m))
        return X86_RAISED;
    for (unsigned k = 0; k < 4 && !held && !(m->x86.more_flags & X86_RF); k++)
        if (enabled(s, k) && kind_of(s, k) == ON_FETCH && s->dr[k] == m->x86.base.pc)
            hit |= 1u << k;
    if (hit) {
        s->dr[6] = (s->dr[6] & ~0xfull) | hit;
        return x86_raise_vector(m, X86_V_DB, 0);
    }
    m->x86.more_flags &= ~(uint32_t)X86_RF;
    s->trapping = (m->x86.more_flags & X86_TF) != 0;
    return X86_DONE;
}

/* 4 and 5 are the older names of 6 and 7; -1: #UD. */
static int number_of(const X86Machine *m, unsigned n)
{
    if (n == 4 || n == 5)
        return m->sys.cr4 & X86_CR4_DE ? -1 : (int)n + 2;
    return (int)n;
}

static bool may_access(X86Machine *m, int n)
{
    if (n < 0 || n > 7)
        x86_raise_vector(m, X86_V_UD, 0);
    else if (m->sys.cpl)
        x86_gp(m, 0);
    else if (m->sys.dr[7] & DR7_GD)
        m->sys.dr[6] |= DR6_BD, x86_raise_vector(m, X86_V_DB, 0);
    else
        return true;
    return false;
}

bool x86_read_dr(X86Machine *m, unsigned number, uint64_t *ret)
{
    const int n = number_of(m, number);
    if (!may_access(m, n))
        return false;
    *ret = m->sys.dr[n];
    return true;
}

bool x86_write_dr(X86Machine *m, unsigned number, uint64_t v)
{
    const int n = number_of(m, number);
    X86Sys *s = &m->sys;
    if (!may_access(m, n))
        return false;
    if (n >= 6 && v >> 32) {
        x86_gp(m, 0);
        return false;
    }
    const uint64_t was = s->dr[7];
    s->dr[n] = n == 6 ? (v & 0xe00f) | 0xffff0ff0 : n == 7 ? (v & 0xffff2bff) | 0x400 : v;
    if (n != 6 && (was | s->dr[7]) & DR7_ENABLED) /* what is watched is looked up anew */
        m->x86.base.mem->flush(&m->x86.base);
    return true;
}

void x86_debug_delivered(X86Machine *m, unsigned vector, bool soft)
{
    if (!soft) /* else what was hit traps at the handler */
        m->sys.watch_hit = 0;
    if (vector == X86_V_DB)
        m->sys.dr[7] &= ~(uint64_t)DR7_GD;
}
