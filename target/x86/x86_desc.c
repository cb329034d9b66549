/* Descriptors and segment registers. Sources: AMD64 APM volume 2, chapter 4; Intel SDM volume 3, chapters 3
 * and 5. */
#include "target/x86/x86_sys.h"

enum { NULL_MASK = 0xfffc };

static bool refuse(X86Machine *m, unsigned vector, uint16_t sel)
{
    x86_raise_vector(m, vector, sel & NULL_MASK);
    return false;
}

/* ---- descriptor tables ---- */

bool x86_desc_read(X86Machine *m, uint16_t sel, unsigned vector, X86Desc8 *ret)
{
    const X86Sys *s = &m->sys;
    bool local = sel & 4;
    uint64_t base = local ? s->ldt.base : s->gdt_base;
    int64_t limit = local ? s->ldt.limit : (int64_t)s->gdt_limit;
    *ret = (X86Desc8){.at = base + (sel & 0xfff8u)};
    if ((int64_t)(sel | 7) > limit)
        return refuse(m, vector, sel);
    return x86_lin_ld(m, X86_IDX_KERNEL, ret->at, 8, &ret->low);
}

bool x86_desc_read_wide(X86Machine *m, uint16_t sel, unsigned vector, X86Desc8 *ret)
{
    if (!x86_desc_read(m, sel, vector, ret))
        return false;
    if (!x86_long(m) || (x86_desc_attr(ret->low) & X86_A_SEGMENT))
        return true;
    int64_t limit = sel & 4 ? m->sys.ldt.limit : (int64_t)m->sys.gdt_limit;
    if ((int64_t)(sel | 7) + 8 > limit)
        return refuse(m, vector, sel);
    return x86_lin_ld(m, X86_IDX_KERNEL, ret->at + 8, 8, &ret->high);
}

X86Seg x86_desc_seg(uint64_t d)
{
    uint32_t attr = x86_desc_attr(d);
    int64_t limit = (int64_t)((d & 0xffff) | (d >> 32 & 0xf0000));
    if (attr & X86_A_PAGES)
        limit = limit << 12 | 0xfff;
    return (X86Seg){.base = (d >> 16 & 0xffffff) | (d >> 32 & 0xff000000), .limit = limit, .attr = attr};
}

bool x86_desc_set_accessed(X86Machine *m, const X86Desc8 *d)
{
    uint64_t byte = d->low >> 40 & 0xff;
    return (byte & X86_A_ACCESSED) || x86_lin_st(m, X86_IDX_KERNEL, d->at + 5, 1, byte | X86_A_ACCESSED);
}

/* ---- loading ---- */

void x86_seg_set(X86Machine *m, unsigned seg, uint16_t sel, X86Seg s)
{
    m->x86.seg[seg] = sel;
    *x86_seg_base_at(m, seg) = s.base;
    m->sys.seg[seg].limit = s.limit;
    m->sys.seg[seg].attr = s.attr;
}

/* As real and virtual-8086 mode do; real mode keeps limit and attributes. */
void x86_seg_real(X86Machine *m, unsigned seg, uint16_t sel)
{
    enum { V86 = 0xf3 };
    bool v86 = m->x86.more_flags & X86_VM;
    X86Seg s = {.base = (uint64_t)sel << 4,
                .limit = v86 ? 0xffff : m->sys.seg[seg].limit,
                .attr = v86 ? V86 : m->sys.seg[seg].attr};
    if (!v86 && (s.attr & X86_A_NONE || s.limit < 0))
        s = (X86Seg){.base = s.base, .limit = 0xffff, .attr = 0x93};
    x86_seg_set(m, seg, sel, s);
}

/* The base of fs and gs stays in long mode, as AMD's do. */
void x86_seg_null(X86Machine *m, unsigned seg, uint16_t sel)
{
    uint64_t base = !x86_long(m) || seg < X86_FS ? 0 : seg == X86_FS ? m->x86.fs_base : m->x86.gs_base;
    uint32_t dpl = seg == X86_SS ? m->sys.cpl << X86_A_DPL_SHIFT : 0;
    x86_seg_set(m, seg, sel, (X86Seg){.base = base, .limit = -1, .attr = X86_A_NONE | dpl | X86_A_BIG});
}

static bool load_stack(X86Machine *m, uint16_t sel)
{
    X86Desc8 d;
    unsigned rpl = sel & 3, cpl = m->sys.cpl;
    if (!(sel & NULL_MASK)) {
        if (!x86_code64(m) || cpl == 3 || rpl != cpl)
            return refuse(m, X86_V_GP, 0);
        x86_seg_null(m, X86_SS, sel);
        return true;
    }
    if (!x86_desc_read(m, sel, X86_V_GP, &d))
        return false;
    X86Seg s = x86_desc_seg(d.low);
    bool data = (s.attr & (X86_A_SEGMENT | X86_A_CODE | X86_A_WRITABLE)) == (X86_A_SEGMENT | X86_A_WRITABLE);
    if (!data || rpl != cpl || x86_dpl(s.attr) != cpl)
        return refuse(m, X86_V_GP, sel);
    if (!(s.attr & X86_A_PRESENT))
        return refuse(m, X86_V_SS, sel);
    if (!x86_desc_set_accessed(m, &d))
        return false;
    s.attr |= X86_A_ACCESSED;
    x86_seg_set(m, X86_SS, sel, s);
    return true;
}

/* Data that may be read at this level: a mask of what is compared. */
static bool readable(const X86Machine *m, uint32_t attr, unsigned rpl)
{
    bool code = attr & X86_A_CODE, conforming = code && (attr & X86_A_DOWN);
    if (!(attr & X86_A_SEGMENT) || (code && !(attr & X86_A_WRITABLE)))
        return false;
    return conforming || MAX(rpl, m->sys.cpl) <= x86_dpl(attr);
}

static bool load_data(X86Machine *m, unsigned seg, uint16_t sel)
{
    X86Desc8 d;
    if (!(sel & NULL_MASK)) {
        x86_seg_null(m, seg, sel);
        return true;
    }
    if (!x86_desc_read(m, sel, X86_V_GP, &d))
        return false;
    X86Seg s = x86_desc_seg(d.low);
    if (!readable(m, s.attr, sel & 3))
        return refuse(m, X86_V_GP, sel);
    if (!(s.attr & X86_A_PRESENT))
        return refuse(m, X86_V_NP, sel);
    if (!x86_desc_set_accessed(m, &d))
        return false;
    s.attr |= X86_A_ACCESSED;
    x86_seg_set(m, seg, sel, s);
    return true;
}

bool x86_seg_load(X86Machine *m, unsigned seg, uint16_t sel)
{
    if (!x86_protected(m)) {
        x86_seg_real(m, seg, sel);
        return true;
    }
    return seg == X86_SS ? load_stack(m, sel) : load_data(m, seg, sel);
}

void x86_seg_drop(X86Machine *m, unsigned cpl)
{
    static const uint8_t data[] = {X86_ES, X86_DSEG, X86_FS, X86_GS};
    for (unsigned k = 0; k < ARRAY_SIZE(data); k++) {
        uint32_t attr = m->sys.seg[data[k]].attr;
        bool conforming = (attr & (X86_A_CODE | X86_A_DOWN)) == (X86_A_CODE | X86_A_DOWN);
        if (!conforming && !(attr & X86_A_NONE) && x86_dpl(attr) < cpl)
            x86_seg_null(m, data[k], 0);
    }
}

/* ---- code segments ---- */

/* ret_cpl: -1 a jump or call, else a return to this level. */
bool x86_cs_check(X86Machine *m, uint16_t sel, const X86Desc8 *d, int ret_cpl)
{
    uint32_t attr = x86_desc_attr(d->low);
    unsigned dpl = x86_dpl(attr), cpl = m->sys.cpl, rpl = sel & 3;
    bool conforming = attr & X86_A_DOWN, ok;
    if ((attr & (X86_A_SEGMENT | X86_A_CODE)) != (X86_A_SEGMENT | X86_A_CODE))
        return refuse(m, X86_V_GP, sel);
    if (x86_long(m) && (attr & X86_A_LONG) && (attr & X86_A_BIG))
        return refuse(m, X86_V_GP, sel);
    if (ret_cpl >= 0)
        ok = conforming ? dpl <= (unsigned)ret_cpl : dpl == (unsigned)ret_cpl;
    else
        ok = conforming ? dpl <= cpl : rpl <= cpl && dpl == cpl;
    if (!ok)
        return refuse(m, X86_V_GP, sel);
    return attr & X86_A_PRESENT || refuse(m, X86_V_NP, sel);
}

bool x86_cs_go(X86Machine *m, uint16_t sel, X86Seg s, unsigned cpl, uint64_t ip)
{
    bool wide = x86_long(m) && (s.attr & X86_A_LONG);
    if (wide ? !x86_canonical(m, ip) : (int64_t)(uint32_t)ip > s.limit)
        return refuse(m, X86_V_GP, 0);
    s.attr |= x86_protected(m) ? X86_A_ACCESSED : 0;
    x86_seg_set(m, X86_CS, sel, s);
    m->sys.cpl = cpl;
    m->x86.base.pc = wide ? ip : (uint32_t)(s.base + (uint32_t)ip);
    return true;
}

/* ---- limits ---- */

bool x86_seg_inside(const X86Seg *s, uint64_t off, unsigned n)
{
    uint64_t last = off + n - 1;
    bool data = !(s->attr & X86_A_CODE);
    if (data && (s->attr & X86_A_DOWN) && s->limit >= 0)
        return (int64_t)off > s->limit && last <= (s->attr & X86_A_BIG ? 0xffffffff : 0xffff);
    return (int64_t)last <= s->limit;
}

bool x86_seg_check(X86Machine *m, unsigned seg, uint64_t off, unsigned n, bool write)
{
    const X86Seg *s = &m->sys.seg[seg];
    bool allowed = write ? !(s->attr & X86_A_CODE) && (s->attr & X86_A_WRITABLE)
                         : !(s->attr & X86_A_CODE) || (s->attr & X86_A_WRITABLE);
    if (!x86_protected(m)) /* what cs is does not matter there */
        allowed = true;
    if (x86_code64(m) || (allowed && x86_seg_inside(s, off, n)))
        return true;
    x86_raise_vector(m, seg == X86_SS ? X86_V_SS : X86_V_GP, 0);
    return false;
}

/* ---- lar lsl verr verw ---- */

bool x86_desc_ask(X86Machine *m, unsigned what, uint16_t sel, uint64_t *ret)
{
    enum { LAR, LSL, VERR, VERW };
    /* system types that lar, lsl know, in legacy mode */
    static const uint16_t known[2] = {0x1a3e | 1 << 12, 0x0a0e};
    static const uint16_t known_long[2] = {1 << 2 | 1 << 9 | 1 << 11 | 1 << 12, 1 << 2 | 1 << 9 | 1 << 11};
    CpuExit kept = m->x86.base.exit;
    X86Desc8 d;
    if (!(sel & NULL_MASK))
        return false;
    if (!x86_desc_read(m, sel, X86_V_GP, &d)) {
        if (m->x86.base.exit.kind == CPU_EXIT_VECTOR) /* else a page is missing */
            m->x86.base.exit = kept;
        return false;
    }
    X86Seg s = x86_desc_seg(d.low);
    bool code = s.attr & X86_A_CODE, segment = s.attr & X86_A_SEGMENT;
    bool conforming = segment && code && (s.attr & X86_A_DOWN);
    if (!conforming && MAX(sel & 3u, m->sys.cpl) > x86_dpl(s.attr))
        return false;
    if (what == VERR)
        return segment && (!code || s.attr & X86_A_WRITABLE);
    if (what == VERW)
        return segment && !code && s.attr & X86_A_WRITABLE;
    if (!segment && !((x86_long(m) ? known_long : known)[what] >> (s.attr & 15) & 1))
        return false;
    *ret = what == LAR ? d.low >> 32 & 0x00ffff00 : (uint64_t)s.limit;
    return true;
}
