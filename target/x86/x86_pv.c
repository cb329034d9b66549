/*
 * What a guest is told by the hypervisor that KVM's guests know: CPUID's leaves from 40000000 on, the
 * paravirtual clock, hypercalls. So that a system finds its clocks without timing one by another, and the
 * same leaves under both engines. Source: Documentation/virt/kvm/x86/{cpuid,msr,hypercalls}.rst; the
 * structures: asm/kvm_para.h, asm/pvclock-abi.h.
 *
 * The TSC counts nanoseconds, or at a host's rate, is the same in all cpus but for what the guest writes to
 * it, and never stops alone: a clock's page is written when the guest asks for it, and when it sets its TSC.
 */
#include "target/x86/x86_sys.h"

enum { PV_NO_CALL = 1000, PV_CALL_KICK = 5, PV_SIGNATURE = 0x40000000, PV_LAST = 0x40000010 };
enum { CLOCK = 1 << 0, NO_IO_DELAY = 1 << 1, CLOCK2 = 1 << 3, UNHALT = 1 << 7, STABLE = 1 << 24 };
enum { ENABLED = 1 };

bool x86_pv_cpuid(const X86Machine *m, uint32_t leaf, uint32_t ret[4])
{
    if (leaf < PV_SIGNATURE || leaf > PV_LAST)
        return false;
    memset(ret, 0, 16);
    if (!x86_sys_has(m, X86_FEAT_KVM))
        return true;
    if (leaf == PV_SIGNATURE) {
        ret[0] = PV_LAST;
        memcpy(&ret[1], "KVMKVMKVM\0\0\0", 12);
    } else if (leaf == PV_SIGNATURE + 1) {
        ret[0] = (uint32_t)(NO_IO_DELAY | UNHALT);
        ret[0] |= x86_sys_has(m, X86_FEAT_KVMCLOCK) ? (uint32_t)(CLOCK | CLOCK2 | STABLE) : 0;
    } else if (leaf == PV_LAST) {
        ret[0] = (uint32_t)x86_tsc_khz(m);
        ret[1] = X86_TSC_HZ / 1000; /* of the local APIC's timer */
    }
    return true;
}

/* ---- the clock ---- */

/* Four bytes of RAM, aligned, as all fields of both structures are at least; elsewhere nothing happens. */
static void put(X86Machine *m, Gpa at, uint32_t v)
{
    const CpuMem *mem = m->x86.base.mem;
    const unsigned shift = at & 4 ? 32 : 0;
    uint64_t was = 0, seen;
    if (!mem->phys_ld(&m->x86.base, at & ~7ull, 8, &was))
        return;
    do {
        seen = was;
        if (!mem->phys_cas(&m->x86.base, at & ~7ull, 8, &was,
                           (was & ~(0xffffffffull << shift)) | (uint64_t)v << shift))
            return;
    } while (seen != was);
}

static void put_wide(X86Machine *m, Gpa at, uint64_t v)
{
    put(m, at, (uint32_t)v);
    put(m, at + 4, (uint32_t)(v >> 32));
}

static uint32_t version_at(X86Machine *m, Gpa at)
{
    uint64_t v = 0;
    m->x86.base.mem->phys_ld(&m->x86.base, at & ~7ull, 8, &v);
    return ((uint32_t)(v >> (at & 4 ? 32 : 0)) & ~1u) + 2;
}

/* ns = (ticks << shift) * factor >> 32, factor with its highest bit set. */
static uint32_t factor_of(uint64_t khz, int *ret_shift)
{
    const uint64_t ns = X86_TSC_HZ / 1000; /* in as many ticks as khz says */
    *ret_shift = 0;
    while (khz << *ret_shift <= ns)
        ++*ret_shift;
    while (*ret_shift <= 0 && khz > ns << (1 - *ret_shift))
        --*ret_shift;
    return (uint32_t)((ns << (32 - *ret_shift)) / khz);
}

void x86_pv_show_clock(X86Machine *m)
{
    enum { TSC_STABLE = 1 };
    int shift;
    const uint32_t factor = factor_of(x86_tsc_khz(m), &shift);
    const Gpa at = m->sys.pv_clock & ~3ull;
    if (!(m->sys.pv_clock & ENABLED))
        return;
    const uint64_t tsc = x86_tsc(m), now = x86_tsc_ns(m, tsc - m->sys.tsc_adjust);
    const uint32_t version = version_at(m, at);
    put(m, at, version - 1); /* being changed */
    put_wide(m, at + 8, tsc);
    put_wide(m, at + 16, now);
    put(m, at + 24, factor);
    put(m, at + 28, (uint8_t)shift | TSC_STABLE << 8);
    put(m, at, version);
}

/* The time of day when the clock was 0. */
static void show_wall(X86Machine *m, Gpa at)
{
    enum { SECOND = 1000000000, DONE = 2 };
    const uint64_t ns = m->sys.board.day_ns;
    at &= ~3ull;
    put(m, at + 4, (uint32_t)(ns / SECOND));
    put(m, at + 8, (uint32_t)(ns % SECOND));
    put(m, at, DONE);
}

bool x86_pv_msr(X86Machine *m, uint32_t n, bool write, uint64_t *io)
{
    enum { WALL_OLD = 0x11, CLOCK_OLD = 0x12, WALL = 0x4b564d00, CLOCK_NEW = 0x4b564d01 };
    uint64_t *field = n == WALL || n == WALL_OLD         ? &m->sys.pv_wall
                      : n == CLOCK_NEW || n == CLOCK_OLD ? &m->sys.pv_clock
                                                         : NULL;
    if (!field)
        return false;
    if (!write) {
        *io = *field;
        return true;
    }
    *field = *io;
    if (field == &m->sys.pv_wall)
        show_wall(m, *io);
    else
        x86_pv_show_clock(m);
    return true;
}

/* ---- calls ---- */

/* A cpu that halts until another one calls for it, or for an interrupt. */
static uint64_t kick(X86Machine *m, uint64_t number)
{
    const CpuBoard *b = &m->sys.board;
    Cpu *peer = b->peer ? b->peer(b->opaque, (unsigned)MIN(number, (uint64_t)UINT32_MAX)) : NULL;
    if (!peer)
        return 0 - (uint64_t)PV_NO_CALL;
    __atomic_fetch_or(&x86_machine(peer)->sys.lines, 1u << X86_IN_KICK_BIT, __ATOMIC_ACQ_REL);
    if (b->wake)
        b->wake(peer);
    return 0;
}

void x86_pv_call(X86Machine *m)
{
    enum { NOT_PERMITTED = 1 };
    const uint64_t mask = x86_code64(m) ? ~0ull : 0xffffffff;
    const uint64_t *r = m->x86.gpr;
    uint64_t done = 0 - (uint64_t)PV_NO_CALL;
    if (m->sys.cpl)
        done = 0 - (uint64_t)NOT_PERMITTED;
    else if ((r[X86_RAX] & mask) == PV_CALL_KICK)
        done = kick(m, r[X86_RCX] & mask);
    m->x86.gpr[X86_RAX] = done & mask;
}
