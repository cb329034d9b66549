/* Segments of x86 programs: descriptors in the GDT for a thread, in the LDT for a process. Sources:
 * set_thread_area(2), modify_ldt(2), the UAPI header asm/ldt.h; AMD64 APM volume 2, 4.7 (descriptors). */
#include "linux-user/mm.h"
#include "linux-user/sys_util.h"
#include "linux-user/x86_64/abi_x86.h"
#include "target/x86/x86_cpu.h"

/* struct user_desc */
typedef struct UserDesc {
    uint32_t entry, base, limit, flags; /* X86_DESC_* */
} UserDesc;

enum { CS = 1, LONG_MODE = 128, FLAGS = 127 };

/* What says "none": all zero, or as modify_ldt(2) has it. */
static bool is_empty(const UserDesc *d, bool zero_too)
{
    uint32_t flags = d->flags & FLAGS;
    return !d->base && !d->limit &&
           (flags == (X86_DESC_READ_ONLY | X86_DESC_NOT_PRESENT) || (zero_too && !flags));
}

static X86Desc desc_of(const UserDesc *d)
{
    return (X86Desc){
        .base = d->base, .limit = d->limit & 0xfffff, .flags = (d->flags & FLAGS) | X86_DESC_SET};
}

/* Segment registers that have the changed descriptor are loaded again. Code that is none any more ends where
 * it goes on. */
static void reload(X86Cpu *cpu, unsigned selector)
{
    if ((cpu->seg[CS] | 3u) == (selector | 3u)) {
        uint64_t ip = x86_user_ip(cpu);
        if (!x86_set_code_segment(cpu, cpu->seg[CS]))
            cpu->cs_limit = -1;
        x86_set_user_ip(cpu, ip);
    }
    for (unsigned seg = 0; seg < 6; seg++)
        if (seg != CS && (cpu->seg[seg] | 3u) == (selector | 3u) &&
            !x86_set_selector(cpu, seg, cpu->seg[seg]))
            x86_set_selector(cpu, seg, 0);
}

/* ---- of a thread ---- */

/* As a descriptor of data in 32 bits. */
static bool tls_fits(const UserDesc *d)
{
    return is_empty(d, true) || ((d->flags & X86_DESC_32) && (d->flags & X86_DESC_CONTENTS) <= 2 &&
                                 !(d->flags & X86_DESC_NOT_PRESENT));
}

static long set_tls(X86Cpu *cpu, const UserDesc *d)
{
    unsigned n = d->entry - X86_TLS_FIRST;
    if (n >= X86_TLS_COUNT || !tls_fits(d))
        return -EINVAL;
    cpu->tls[n] = is_empty(d, true) ? (X86Desc){0} : desc_of(d);
    reload(cpu, d->entry << 3);
    return 0;
}

bool lu_x86_set_tls(Cpu *cpu, Gva at)
{
    UserDesc d;
    return guest_read(&d, at, sizeof d) && !set_tls((X86Cpu *)cpu, &d);
}

static long set_thread_area(X86Cpu *cpu, Gva at)
{
    UserDesc d;
    if (!guest_read(&d, at, sizeof d))
        return -EFAULT;
    if (d.entry == ~0u) {
        unsigned n = 0;
        while (n < X86_TLS_COUNT && cpu->tls[n].flags)
            n++;
        if (n == X86_TLS_COUNT)
            return -ESRCH;
        d.entry = X86_TLS_FIRST + n;
        if (!tls_fits(&d))
            return -EINVAL;
        if (fault_st32(at, d.entry))
            return -EFAULT;
    }
    return set_tls(cpu, &d);
}

static long get_thread_area(const X86Cpu *cpu, Gva at)
{
    FaultVal entry = fault_ld32(at);
    if (entry.fault)
        return -EFAULT;
    unsigned n = (uint32_t)entry.val - X86_TLS_FIRST;
    if (n >= X86_TLS_COUNT)
        return -EINVAL;
    const X86Desc *t = &cpu->tls[n];
    UserDesc d = {(uint32_t)entry.val, t->base, t->limit, t->flags & FLAGS};
    if (!t->flags)
        d.flags = X86_DESC_READ_ONLY | X86_DESC_NOT_PRESENT;
    return guest_write(at, &d, sizeof d) ? 0 : -EFAULT;
}

/* ---- of a process ---- */

static long read_ldt(LuThread *t, Gva to, uint64_t bytes)
{
    const X86Desc *ldt = t->proc->ldt;
    unsigned n = 0;
    for (unsigned k = 0; ldt && k < X86_LDT_COUNT; k++)
        if (ldt[k].flags)
            n = k + 1;
    if (!n)
        return 0;
    bytes = MIN(bytes, (uint64_t)X86_LDT_COUNT * 8);
    for (uint64_t at = 0; at < bytes; at += 8) {
        uint64_t v = at / 8 < n ? x86_desc_raw(&ldt[at / 8]) : 0;
        if (!guest_write(to + at, &v, MIN(bytes - at, 8ul)))
            return -EFAULT;
    }
    return (long)bytes;
}

static X86Desc *ldt_of(LuProc *p)
{
    lock_take(&p->lock);
    if (!p->ldt)
        p->ldt = lu_mm_arena_alloc(p->mm, X86_LDT_COUNT * sizeof(X86Desc));
    X86Desc *ldt = p->ldt;
    lock_release(&p->lock);
    return ldt;
}

static long write_ldt(LuThread *t, Gva from, uint64_t bytes, bool old)
{
    UserDesc d;
    if (bytes != sizeof d)
        return -EINVAL;
    if (!guest_read(&d, from, sizeof d))
        return -EFAULT;
    if (d.entry >= X86_LDT_COUNT)
        return -EINVAL;
    if ((d.flags & X86_DESC_CONTENTS) == X86_DESC_CONTENTS && (old || !(d.flags & X86_DESC_NOT_PRESENT)))
        return -EINVAL;
    X86Desc *ldt = ldt_of(t->proc);
    if (!ldt)
        return -ENOMEM;
    if (old)
        d.flags &= ~(uint32_t)X86_DESC_USEABLE;
    ldt[d.entry] = (old && !d.base && !d.limit) || is_empty(&d, false) ? (X86Desc){0} : desc_of(&d);
    reload((X86Cpu *)t->cpu, d.entry << 3 | 4);
    return 0;
}

static long modify_ldt(LuThread *t, const uint64_t a[6])
{
    enum { READ, WRITE_OLD, READ_DEFAULT, WRITE = 0x11, DEFAULT_BYTES = 128 };
    static const uint8_t none[DEFAULT_BYTES];
    switch ((int)a[0]) {
    case READ: return read_ldt(t, a[1], a[2]);
    case WRITE_OLD: return write_ldt(t, a[1], a[2], true);
    case WRITE: return write_ldt(t, a[1], a[2], false);
    case READ_DEFAULT: {
        uint64_t n = MIN(a[2], (uint64_t)DEFAULT_BYTES);
        return guest_write(a[1], none, n) ? (long)n : -EFAULT;
    }
    default: return -ENOSYS;
    }
}

long lu_x86_segment_call(LuThread *t, unsigned row, const uint64_t a[6])
{
    switch ((LuRowId)row) {
    case LU_ROW_modify_ldt: return (uint32_t)modify_ldt(t, a); /* errors, too: the kernel's is an int */
    case LU_ROW_set_thread_area: return set_thread_area((X86Cpu *)t->cpu, a[0]);
    case LU_ROW_get_thread_area: return get_thread_area((X86Cpu *)t->cpu, a[0]);
    default: return -ENOSYS;
    }
}

bool lu_x86_at_int80(const Cpu *cpu)
{
    enum { INT80 = 0x80cd };
    FaultVal code = fault_ld16(cpu->pc);
    return !code.fault && code.val == INT80;
}
