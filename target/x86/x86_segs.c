/* Segments of programs: selectors and their descriptors, as Linux's tables have them. Sources: AMD64 APM
 * volume 2, chapter 4; set_thread_area(2), modify_ldt(2). A machine's are x86_desc.c's. */
#include "base/sys.h"
#include "target/x86/x86_mem.h"
#include "target/x86/x86_sys.h"
#include "target/x86/x86_trans.h"

enum { CS = 1, SS = 2, NOT_PRESENT = 11 /* vector */ };

/* Code or data of privilege 3. */
uint64_t x86_desc_raw(const X86Desc *d)
{
    if (!d->flags)
        return 0;
    uint64_t type = 0x10 | 0x60 | (d->flags & X86_DESC_CONTENTS) << 1 |
                    (d->flags & X86_DESC_READ_ONLY ? 0 : 2) | 1 |
                    (d->flags & X86_DESC_NOT_PRESENT ? 0 : 0x80);
    uint64_t more = (d->flags & X86_DESC_USEABLE ? 1 : 0) | (d->flags & X86_DESC_32 ? 4 : 0) |
                    (d->flags & X86_DESC_PAGES ? 8 : 0);
    return (d->limit & 0xffff) | (uint64_t)(d->base & 0xffffff) << 16 | type << 40 |
           (uint64_t)(d->limit >> 16 & 15) << 48 | more << 52 | (uint64_t)(d->base >> 24) << 56;
}

/* What Linux has in the GDT for programs: code and data, and a limit that says which processor it is. */
static uint64_t global_desc(const X86Cpu *cpu, unsigned n)
{
    switch (n) {
    case X86_CS32 >> 3: return 0x00cffb000000ffff;
    case X86_DS >> 3: return 0x00cff3000000ffff;
    case X86_CS64 >> 3: return 0x00affb000000ffff;
    case X86_CPU_NODE >> 3: {
        uint64_t v = x86_helper_tsc_aux((void *)cpu, 0, 0, 0, 0);
        return 0x0040f50000000000 | (v & 0xffff) | (v & 0xf0000) << 32;
    }
    default: return n - X86_TLS_FIRST < X86_TLS_COUNT ? x86_desc_raw(&cpu->tls[n - X86_TLS_FIRST]) : 0;
    }
}

/* 0: none that a program may have. */
static uint64_t descriptor(const X86Cpu *cpu, uint16_t selector)
{
    unsigned n = selector >> 3;
    const X86Desc *ldt = cpu->ldt ? *cpu->ldt : NULL;
    if (!(selector & 4))
        return global_desc(cpu, n);
    return ldt ? x86_desc_raw(&ldt[n]) : 0;
}

static bool is_null(uint16_t selector)
{
    return (selector & 0xfffc) == 0;
}

/* What segment register `seg` has: nothing is inside of a null one. */
static X86Seg segment(const X86Cpu *cpu, unsigned seg)
{
    uint64_t d = is_null(cpu->seg[seg]) ? 0 : descriptor(cpu, cpu->seg[seg]);
    return d ? x86_desc_seg(d) : (X86Seg){.limit = -1, .attr = X86_A_NONE};
}

/* All 4 GiB, to be read and written; of es, ss and ds from 0 on. */
static bool is_flat(const X86Seg *s, unsigned seg)
{
    enum { KIND = X86_A_SEGMENT | X86_A_CODE | X86_A_DOWN | X86_A_WRITABLE };
    return (s->attr & KIND) == (X86_A_SEGMENT | X86_A_WRITABLE) && s->limit == 0xffffffff &&
           (seg > 3 || !s->base) && (seg != 2 || s->attr & X86_A_BIG);
}

uint32_t x86_segs_ctx(const X86Cpu *cpu)
{
    enum { ES_SS_DS = 1 << 0 | 1 << 2 | 1 << 3 };
    uint32_t odd = cpu->odd_segs;
    if (!cpu->code32 || LIKELY(!odd))
        return 0;
    bool stack16 = odd >> SS & 1 && !(segment(cpu, SS).attr & X86_A_BIG);
    bool code16 = odd >> CS & 1 && !(segment(cpu, CS).attr & X86_A_BIG);
    return (odd & (ES_SS_DS | 1 << CS) ? X86_CTX_SEGS : 0) | (stack16 ? X86_CTX_STACK16 : 0) |
           (odd & 1 << CS ? X86_CTX_CS_CHECK : 0) | (code16 ? X86_CTX_16 : 0) |
           (odd & 1 << 4 ? X86_CTX_FS : 0) | (odd & 1 << 5 ? X86_CTX_GS : 0);
}

/* Can segment register `seg` have it? ss wants data that can be written to, and RPL 3, the others what can be
 * read. */
static bool allowed(uint64_t d, unsigned seg, uint16_t selector)
{
    uint32_t attr = x86_desc_attr(d), kind = attr & (X86_A_CODE | X86_A_WRITABLE);
    if (!(attr & X86_A_SEGMENT))
        return false;
    return seg == 2 ? kind == X86_A_WRITABLE && (selector & 3) == 3 : kind != X86_A_CODE;
}

bool x86_set_selector(X86Cpu *cpu, unsigned seg, uint16_t selector)
{
    uint64_t d = is_null(selector) ? 0 : descriptor(cpu, selector);
    bool null = is_null(selector) && seg != 2;
    if (!null && (!d || !allowed(d, seg, selector) || !(x86_desc_attr(d) & X86_A_PRESENT)))
        return false;
    cpu->seg[seg] = selector;
    X86Seg s = segment(cpu, seg);
    if (seg == 4)
        cpu->fs_base = s.base;
    if (seg == 5)
        cpu->gs_base = s.base;
    cpu->odd_segs = (cpu->odd_segs & ~(1u << seg)) | (is_flat(&s, seg) ? 0u : 1u << seg);
    return true;
}

/* Code that the program can go to: of 64 bits where the processor has that mode. */
static bool is_code(const X86Cpu *cpu, uint64_t d)
{
    uint32_t attr = x86_desc_attr(d);
    return (attr & (X86_A_SEGMENT | X86_A_CODE)) == (X86_A_SEGMENT | X86_A_CODE) &&
           (!(attr & X86_A_LONG) || x86_model_has((X86Model)cpu->model, X86_FEAT_LM));
}

static void put_code_segment(X86Cpu *cpu, uint16_t selector, const X86Seg *s)
{
    bool wide = s->attr & X86_A_LONG;
    bool flat = !s->base && s->limit == 0xffffffff && s->attr & X86_A_BIG && s->attr & X86_A_WRITABLE;
    for (unsigned r = 0; wide && cpu->code32 && cpu->base.ops == &target_i386 && r < 8; r++)
        cpu->gpr[r] = (uint32_t)cpu->gpr[r]; /* of 32-bit programs the slots are no wider: these are old */
    cpu->seg[CS] = selector | 3;
    cpu->code32 = !wide;
    cpu->cs_base = wide ? 0 : (uint32_t)s->base;
    cpu->cs_limit = s->limit;
    cpu->odd_segs = (cpu->odd_segs & ~(1u << CS)) | (flat ? 0 : 1u << CS);
}

bool x86_set_code_segment(X86Cpu *cpu, uint16_t selector)
{
    uint64_t d = is_null(selector) ? 0 : descriptor(cpu, selector);
    if (!is_code(cpu, d) || !(x86_desc_attr(d) & X86_A_PRESENT))
        return false;
    X86Seg s = x86_desc_seg(d);
    put_code_segment(cpu, selector, &s);
    return true;
}

/* ---- helpers ---- */

uint64_t x86_helper_selector(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return ((X86Cpu *)opaque)->seg[a];
}

static uint64_t refuse(X86Cpu *cpu, unsigned kind, uint64_t selector)
{
    cpu->base.exit = (CpuExit){.kind = kind, .addr = selector & 0xfffc};
    return 1;
}

uint64_t x86_helper_set_selector(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t unused)
{
    X86Cpu *cpu = opaque;
    uint16_t selector = (uint16_t)b;
    if (x86_set_selector(cpu, (unsigned)a, selector))
        return 0;
    uint64_t d = is_null(selector) ? 0 : descriptor(cpu, selector);
    if (!d || !allowed(d, (unsigned)a, selector))
        return refuse(cpu, CPU_EXIT_PROTECTION, selector);
    refuse(cpu, a == 2 ? CPU_EXIT_STACK : CPU_EXIT_VECTOR, selector);
    cpu->base.exit.code = NOT_PRESENT;
    return 1;
}

/* ---- far transfers: all checks come before the first change of a register ---- */

/* n bytes at offset off of the stack: where; false: refused. */
static bool stack_place(X86Cpu *cpu, uint64_t off, unsigned n, uint64_t *ret)
{
    X86Seg s = segment(cpu, SS);
    *ret = off;
    if (!cpu->code32)
        return true;
    off &= s.attr & X86_A_BIG ? 0xffffffff : 0xffff;
    *ret = (uint32_t)(s.base + off);
    if (x86_seg_inside(&s, off, n))
        return true;
    refuse(cpu, CPU_EXIT_STACK, 0);
    return false;
}

/* The k-th value of `size` bytes on the stack. */
static bool stack_word(X86Cpu *cpu, unsigned k, unsigned size, uint64_t *ret)
{
    uint64_t at;
    *ret = 0;
    if (!stack_place(cpu, cpu->gpr[X86_RSP] + k * size, size, &at))
        return false;
    if (!x86_copy_in(cpu, ret, at, size))
        return true;
    x86_raise_fault(cpu, at, false);
    return false;
}

static bool stack_put(X86Cpu *cpu, int k, unsigned size, uint64_t v)
{
    uint64_t at;
    if (!stack_place(cpu, cpu->gpr[X86_RSP] + (uint64_t)(k * (int)size), size, &at))
        return false;
    if (!x86_copy_out(cpu, at, &v, size))
        return true;
    x86_raise_fault(cpu, at, true);
    return false;
}

static void stack_move(X86Cpu *cpu, int32_t bytes)
{
    uint64_t sp = cpu->gpr[X86_RSP], to = sp + (uint64_t)(int64_t)bytes;
    if (cpu->code32)
        to = (uint32_t)to;
    if (cpu->code32 && !(segment(cpu, SS).attr & X86_A_BIG))
        to = (sp & 0xffff0000) | (to & 0xffff);
    cpu->gpr[X86_RSP] = to;
}

static bool is_canonical(uint64_t va)
{
    return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

/* May code go on there? *ret: the segment. */
static bool far_allowed(X86Cpu *cpu, uint16_t selector, uint64_t offset, bool from_stack, X86Seg *ret)
{
    uint64_t d = is_null(selector) ? 0 : descriptor(cpu, selector);
    if (!is_code(cpu, d) || (from_stack && (selector & 3) != 3)) {
        refuse(cpu, CPU_EXIT_PROTECTION, selector);
        return false;
    }
    *ret = x86_desc_seg(d);
    if (!(ret->attr & X86_A_PRESENT)) {
        refuse(cpu, CPU_EXIT_VECTOR, selector);
        cpu->base.exit.code = NOT_PRESENT;
        return false;
    }
    if (ret->attr & X86_A_LONG ? !is_canonical(offset) : offset >> 32 || (int64_t)offset > ret->limit) {
        refuse(cpu, CPU_EXIT_PROTECTION, 0);
        return false;
    }
    return true;
}

/* On there: with another context, perhaps. */
static uint64_t far_go(X86Cpu *cpu, uint16_t selector, uint64_t offset, const X86Seg *s)
{
    put_code_segment(cpu, selector, s);
    cpu->base.pc = cpu->code32 ? (uint32_t)(s->base + offset) : offset;
    cpu->base.exit = (CpuExit){.kind = CPU_EXIT_CTX};
    return 1;
}

static uint64_t far_return(X86Cpu *cpu, unsigned size, int32_t more)
{
    uint64_t offset, selector;
    X86Seg s;
    if (!stack_word(cpu, 0, size, &offset) || !stack_word(cpu, 1, size, &selector) ||
        !far_allowed(cpu, (uint16_t)selector, offset, true, &s))
        return 1;
    stack_move(cpu, 2 * (int32_t)size + more);
    return far_go(cpu, (uint16_t)selector, offset, &s);
}

/* To the same privilege: 64-bit code pops rsp and ss, too. */
static uint64_t interrupt_return(X86Cpu *cpu, unsigned size)
{
    enum { OFFSET, SELECTOR, FLAGS, SP, STACK, WORDS };
    const bool whole = !cpu->code32;
    uint64_t w[WORDS];
    X86Seg s;
    for (unsigned k = 0; k < (whole ? WORDS : SP); k++)
        if (!stack_word(cpu, k, size, &w[k]))
            return 1;
    if (!far_allowed(cpu, (uint16_t)w[SELECTOR], w[OFFSET], true, &s) ||
        (whole && x86_helper_set_selector(cpu, SS, (uint16_t)w[STACK], 0, 0)))
        return 1;
    if (!whole)
        stack_move(cpu, SP * (int32_t)size);
    else
        memcpy(&cpu->gpr[X86_RSP], &w[SP], size == 2 ? 2 : 8); /* of 32 bits: the upper half is zero */
    x86_set_rflags(cpu, size == 2 ? (w[FLAGS] & 0xffff) | cpu->more_flags : w[FLAGS]);
    return far_go(cpu, (uint16_t)w[SELECTOR], w[OFFSET], &s);
}

uint64_t x86_helper_far(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    unsigned size = a >> 4 & 15, len = a >> 8 & 15;
    uint16_t selector = (uint16_t)c;
    uint64_t next = x86_user_ip(cpu) + len;
    X86Seg s;
    switch ((X86FarKind)(a & 15)) {
    case X86_FAR_RET: return far_return(cpu, size, (int32_t)b);
    case X86_FAR_IRET: return interrupt_return(cpu, size);
    case X86_FAR_JUMP:
    case X86_FAR_CALL: break;
    }
    if (!far_allowed(cpu, selector, b, false, &s))
        return 1;
    if ((a & 15) == X86_FAR_CALL) {
        if (!stack_put(cpu, -1, size, cpu->seg[CS]) || !stack_put(cpu, -2, size, next))
            return 1;
        stack_move(cpu, -2 * (int32_t)size);
    }
    return far_go(cpu, selector, b, &s);
}

/* ---- odd segments ---- */

uint64_t x86_helper_segment(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    unsigned seg = a & 0xff;
    X86Seg s = segment(cpu, seg);
    bool readable = (s.attr & (X86_A_CODE | X86_A_WRITABLE)) != X86_A_CODE;
    if (readable && x86_seg_inside(&s, b, (unsigned)(a >> 8)))
        return 0;
    return refuse(cpu, seg == 2 ? CPU_EXIT_STACK : CPU_EXIT_PROTECTION, 0);
}

uint64_t x86_helper_segment_write(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    X86Cpu *cpu = opaque;
    X86Seg s = segment(cpu, (unsigned)a);
    bool writable = (s.attr & (X86_A_CODE | X86_A_WRITABLE)) == X86_A_WRITABLE;
    return writable ? 0 : refuse(cpu, a == 2 ? CPU_EXIT_STACK : CPU_EXIT_PROTECTION, 0);
}

uint64_t x86_helper_segment_base(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    return segment(opaque, (unsigned)a).base;
}

/* Of a program every descriptor that it sees is of its privilege, and code or data. */
uint64_t x86_helper_ask_segment(void *opaque, uint64_t a, uint64_t b, uint64_t c, uint64_t unused)
{
    uint64_t d = is_null((uint16_t)b) ? 0 : descriptor(opaque, (uint16_t)b);
    uint32_t attr = x86_desc_attr(d);
    bool code = attr & X86_A_CODE, bit = attr & X86_A_WRITABLE;
    const uint64_t value[] = {d >> 32 & 0x00ffff00, (uint32_t)x86_desc_seg(d).limit, 0, 0};
    const bool ok[] = {true, true, !code || bit, !code && bit};
    return d && ok[a] ? value[a] | 1ull << 32 : 0;
}
