/* Segments: selectors and their descriptors. Sources: AMD64 APM volume 2, chapter 4; set_thread_area(2),
 * modify_ldt(2). */
#include "target/x86/x86_trans.h"

static const X86Desc *descriptor(const X86Cpu *cpu, uint16_t selector)
{
    unsigned n = selector >> 3;
    const X86Desc *ldt = cpu->ldt ? *cpu->ldt : NULL, *d = NULL;
    if (selector & 4)
        d = ldt ? &ldt[n] : NULL;
    else if (n - X86_TLS_FIRST < X86_TLS_COUNT)
        d = &cpu->tls[n - X86_TLS_FIRST];
    return d && d->flags & X86_DESC_SET && !(d->flags & X86_DESC_NOT_PRESENT) ? d : NULL;
}

/* Can segment register `seg` have it? ss wants data that can be written, the others what can be read. */
static bool allowed(const X86Desc *d, unsigned seg)
{
    bool code = d->flags & 4, data = !code;
    return seg == 2 ? data && !(d->flags & X86_DESC_READ_ONLY) : data || !(d->flags & X86_DESC_READ_ONLY);
}

/* Linux's flat segments, none at all (but in ss), or one of the program's own. Only fs and gs can have a base
 * that is not 0: others would have to be added to every address. */
bool x86_set_selector(X86Cpu *cpu, unsigned seg, uint16_t selector)
{
    bool null = (selector & 0xfffc) == 0, rpl3 = (selector & 3) == 3;
    uint16_t any = selector | 3;
    bool flat = seg == 2 ? selector == X86_DS : any == X86_CS32 || any == X86_DS || any == X86_CS64;
    const X86Desc *d = descriptor(cpu, selector);
    uint32_t base = 0;
    if (d && !flat) {
        base = d->base;
        if (!allowed(d, seg) || (seg == 2 && !rpl3) || (seg < 4 && base))
            return false;
    } else if (!flat && !(null && seg != 2)) {
        return false;
    }
    cpu->seg[seg] = selector;
    if (seg == 4)
        cpu->fs_base = base;
    if (seg == 5)
        cpu->gs_base = base;
    return true;
}

uint64_t x86_helper_selector(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return ((X86Cpu *)opaque)->seg[a];
}

static uint64_t refuse(X86Cpu *cpu, uint64_t selector)
{
    cpu->base.exit = (CpuExit){.kind = CPU_EXIT_PROTECTION, .addr = selector & 0xfffc};
    return 1;
}

uint64_t x86_helper_set_selector(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return x86_set_selector(opaque, (unsigned)a, (uint16_t)b) ? 0 : refuse(opaque, b);
}

uint64_t x86_helper_code_segment(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return a == ((X86Cpu *)opaque)->seg[1] ? 0 : refuse(opaque, a);
}
