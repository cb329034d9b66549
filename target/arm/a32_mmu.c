/* Translation of addresses of AArch32's EL1&0 (Arm ARM, G5 "The AArch32 Virtual Memory System Architecture"):
 * short descriptors (sections, supersections, small and large pages, domains) and long ones (LPAE). Hardware
 * changes no flags in them. Tables are little-endian. */
#include "target/arm/a32_priv.h"

/* TTBCR */
enum {
    TTBCR_PD0 = 1 << 4,
    TTBCR_PD1 = 1 << 5,
    TTBCR_EPD0 = 1 << 7,
    TTBCR_A1 = 1 << 22,
    TTBCR_EPD1 = 1 << 23
};
/* Domain access */
enum { DOMAIN_CLIENT = 1, DOMAIN_MANAGER = 3 };

ArmRegime a32_regime_of(const ArmMachine *m, uint64_t *ret_asid)
{
    const ArmSys *s = &m->sys;
    const uint64_t base = (1ull << 48) - 1;
    const uint32_t ttbcr = (uint32_t)s->tcr[1];
    bool is_long = ttbcr & A32_TTBCR_EAE;
    ArmRegime r = {.kind = is_long ? ARM_REGIME_A32_LONG : ARM_REGIME_A32, .on = s->sctlr[1] & ARM_SCTLR_M};
    *ret_asid = 0;
    if (!r.on)
        return r;
    *ret_asid = (is_long ? s->ttbr0[1] >> 48 : s->contextidr[1]) & 255;
    if (is_long && (ttbcr & TTBCR_A1))
        *ret_asid = s->ttbr1[1] >> 48 & 255;
    for (unsigned k = 0; k < 2; k++) /* without attributes of the tables' memory */
        r.ttbr[k] = (k ? s->ttbr1[1] : s->ttbr0[1]) & base & (is_long ? ~1ull : ~0x7full);
    r.tcr = ttbcr;
    r.sctlr = s->sctlr[1] & (ARM_SCTLR_WXN | A32_SCTLR_UWXN | A32_SCTLR_AFE);
    r.dacr = is_long ? 0 : (uint32_t)s->dacr32;
    return r;
}

typedef struct Walk {
    ArmMachine *m;
    const ArmRegime *r;
    uint32_t va;
    MmuHow how;
    unsigned idx;
    bool misaligned;
    MmuPage *ret;
} Walk;

static bool fail(const Walk *w, int code)
{
    w->m->arm.base.exit = (CpuExit){.kind = w->how == MMU_FETCH ? CPU_EXIT_FETCH : CPU_EXIT_FAULT,
                                    .write = w->how == MMU_WRITE,
                                    .code = code,
                                    .addr = w->va};
    return false;
}

/* What a page allows. */
typedef struct Rights {
    bool priv_read, priv_write, user_read, user_write, xn, pxn;
} Rights;

static unsigned may_of(const Walk *w, Rights a)
{
    bool wxn = w->r->sctlr & ARM_SCTLR_WXN, uwxn = w->r->sctlr & A32_SCTLR_UWXN;
    unsigned may;
    if (w->idx == ARM_IDX_U) {
        may = (a.user_read ? MMU_R : 0) | (a.user_write ? MMU_W : 0);
        return may | (a.user_read && !a.xn && !(wxn && a.user_write) ? MMU_X : 0);
    }
    may = (a.priv_read ? MMU_R : 0) | (a.priv_write ? MMU_W : 0);
    if (w->idx == ARM_IDX_PAN && a.user_read)
        may = 0;
    bool run = a.priv_read && !a.xn && !a.pxn && !(wxn && a.priv_write) && !(uwxn && a.user_write);
    return may | (run ? MMU_X : 0);
}

/* Device or Strongly-ordered memory. An unaligned access to it? */
static bool device_refuses(const Walk *w, bool device)
{
    w->ret->aligned = device;
    return device && w->misaligned;
}

static bool done(const Walk *w, uint64_t base, unsigned bits, unsigned may, bool global)
{
    w->ret->pa = base | (w->va & ((1u << bits) - 1));
    w->ret->bits = w->ret->even = (uint8_t)bits;
    w->ret->may = (uint8_t)may;
    w->ret->global = global;
    return true;
}

/* ---- short descriptors ---- */

/* ap: AP[2:0] */
static Rights short_rights(const Walk *w, unsigned ap)
{
    bool user = ap & 2, ro = ap & 4;
    if (w->r->sctlr & A32_SCTLR_AFE) /* AP[0] is the access flag */
        return (Rights){.priv_read = true, .priv_write = !ro, .user_read = user, .user_write = user && !ro};
    return (Rights){
        .priv_read = ap & 3, .priv_write = (ap & 3) && !ro, .user_read = user, .user_write = ap == 3};
}

/* A descriptor of a section or page; its fields where small pages have them. */
typedef struct Leaf {
    uint64_t base;
    unsigned bits, level, domain, ap;
    unsigned tex_cb; /* TEX, C, B */
    bool xn, pxn, global;
} Leaf;

/* With TRE the low bits of TEX, C and B choose a field of PRRR, else they are the type themselves: TEX[2] is
 * Normal memory's, of TEX[1:0] and CB Strongly-ordered, Device, Device that nobody shares. */
static bool is_device(const Walk *w, unsigned tex_cb)
{
    enum { NORMAL = 2, ORDERED = 0, DEVICE = 1, DEVICE_OWN = 8 };
    if (w->m->sys.sctlr[1] & A32_SCTLR_TRE)
        return (w->m->sys.mair[1] >> 2 * (tex_cb & 7) & 3) < NORMAL;
    return tex_cb == ORDERED || tex_cb == DEVICE || tex_cb == DEVICE_OWN;
}

static bool short_leaf(const Walk *w, const Leaf *l)
{
    unsigned access = w->r->dacr >> 2 * l->domain & 3;
    int domain = (int)(l->domain << A32_FSC_DOMAIN_SHIFT);
    if ((w->r->sctlr & A32_SCTLR_AFE) && !(l->ap & 1))
        return fail(w, domain | (ARM_FSC_ACCESS + (int)l->level));
    if (access != DOMAIN_CLIENT && access != DOMAIN_MANAGER)
        return fail(w, domain | (A32_FSC_DOMAIN + (int)l->level));
    if (device_refuses(w, is_device(w, l->tex_cb)))
        return fail(w, domain | ARM_FSC_ALIGNMENT);
    Rights a =
        access == DOMAIN_MANAGER ? (Rights){true, true, true, true, false, false} : short_rights(w, l->ap);
    a.xn = access == DOMAIN_CLIENT && l->xn;
    a.pxn = access == DOMAIN_CLIENT && l->pxn;
    unsigned may = may_of(w, a);
    if (!(may >> w->how & 1))
        return fail(w, domain | (ARM_FSC_PERMISSION + (int)l->level));
    return done(w, l->base, l->bits, may, l->global);
}

static bool section(const Walk *w, uint32_t desc)
{
    bool super = desc >> 18 & 1;
    Leaf l = {.base = desc & 0xfff00000,
              .bits = 20,
              .level = 1,
              .domain = desc >> 5 & 15,
              .ap = (desc >> 10 & 3) | (desc >> 15 & 1) << 2,
              .tex_cb = (desc >> 12 & 7) << 2 | (desc >> 2 & 3),
              .xn = desc >> 4 & 1,
              .pxn = desc & 1,
              .global = !(desc >> 17 & 1)};
    if (super) {
        l.base = (desc & 0xff000000) | (uint64_t)(desc >> 20 & 15) << 32 | (uint64_t)(desc >> 5 & 15) << 36;
        l.bits = 24;
        l.domain = 0;
    }
    return short_leaf(w, &l);
}

static bool page(const Walk *w, uint32_t table, uint32_t desc)
{
    bool small = desc & 2;
    Leaf l = {.base = small ? desc & 0xfffff000 : desc & 0xffff0000,
              .bits = small ? 12 : 16,
              .level = 2,
              .domain = table >> 5 & 15,
              .ap = (desc >> 4 & 3) | (desc >> 9 & 1) << 2,
              .tex_cb = (desc >> (small ? 6 : 12) & 7) << 2 | (desc >> 2 & 3),
              .xn = small ? desc & 1 : desc >> 15 & 1,
              .pxn = table >> 2 & 1,
              .global = !(desc >> 11 & 1)};
    return short_leaf(w, &l);
}

static bool walk_short(const Walk *w)
{
    enum { FAULT = 0, TABLE = 1 };
    Cpu *cpu = &w->m->arm.base;
    const ArmRegime *r = w->r;
    unsigned n = r->tcr & 7;
    bool high = n && w->va >> (32 - n);
    uint64_t table = high ? r->ttbr[1] & 0xffffc000 : r->ttbr[0] & 0xffffffff & ~((1ull << (14 - n)) - 1),
             desc;
    uint32_t index = (high ? w->va : w->va << n >> n) >> 20;
    if (r->tcr & (high ? TTBCR_PD1 : TTBCR_PD0))
        return fail(w, ARM_FSC_TRANSLATION + 1);
    if (!cpu->mem->phys_ld(cpu, table | index * 4, 4, &desc))
        return fail(w, ARM_FSC_EXTERNAL_WALK + 1);
    uint32_t first = (uint32_t)desc;
    if ((first & 3) == FAULT)
        return fail(w, ARM_FSC_TRANSLATION + 1);
    if ((first & 3) != TABLE)
        return section(w, first);
    if (!cpu->mem->phys_ld(cpu, (first & 0xfffffc00) | (w->va >> 12 & 255) * 4, 4, &desc))
        return fail(w, ARM_FSC_EXTERNAL_WALK + 2);
    if ((desc & 3) == FAULT)
        return fail(w, (int)(first >> 5 & 15) << A32_FSC_DOMAIN_SHIFT | (ARM_FSC_TRANSLATION + 2));
    return page(w, first, (uint32_t)desc);
}

/* ---- long descriptors ---- */

enum {
    DESC_VALID = 1,
    DESC_TABLE = 2,
    DESC_USER = 1 << 6,
    DESC_RO = 1 << 7,
    DESC_AF = 1 << 10,
    DESC_NG = 1 << 11
};
#define DESC_PXN (1ull << 53)
#define DESC_XN  (1ull << 54)
/* Of tables: stand above, for all that is below. */
#define TABLE_PXN     (1ull << 59)
#define TABLE_XN      (1ull << 60)
#define TABLE_NO_USER (1ull << 61)
#define TABLE_RO      (1ull << 62)

static bool long_leaf(const Walk *w, uint64_t desc, uint64_t tables, unsigned level)
{
    unsigned bits = 12 + 9 * (3 - level);
    bool user = (desc & DESC_USER) && !(tables & TABLE_NO_USER), ro = (desc & DESC_RO) || (tables & TABLE_RO);
    Rights a = {.priv_read = true,
                .priv_write = !ro,
                .user_read = user,
                .user_write = user && !ro,
                .xn = (desc & DESC_XN) || (tables & TABLE_XN),
                .pxn = (desc & DESC_PXN) || (tables & TABLE_PXN)};
    if (!(desc & DESC_AF))
        return fail(w, ARM_FSC_ACCESS + (int)level);
    if (device_refuses(w, !(w->m->sys.mair[1] >> 8 * (desc >> 2 & 7) & 0xf0)))
        return fail(w, ARM_FSC_ALIGNMENT);
    unsigned may = may_of(w, a);
    if (!(may >> w->how & 1))
        return fail(w, ARM_FSC_PERMISSION + (int)level);
    return done(w, (desc & 0xffffffffffull) >> bits << bits, bits, may, !(desc & DESC_NG));
}

/* Which base register is it, and how many bits of the address do its tables translate? False: none. */
static bool choose_half(const Walk *w, unsigned *ret_half, unsigned *ret_bits)
{
    unsigned t0 = w->r->tcr & 7, t1 = w->r->tcr >> 16 & 7;
    bool low = !t0 || w->va >> (32 - t0) == 0;
    bool high = t1 ? w->va >> (32 - t1) == (1u << t1) - 1 : !low;
    *ret_half = high;
    *ret_bits = 32 - (high ? t1 : t0);
    return (low || high) && !(w->r->tcr & (high ? TTBCR_EPD1 : TTBCR_EPD0));
}

static bool walk_long(const Walk *w)
{
    enum { STRIDE = 9, PAGE = 12 };
    Cpu *cpu = &w->m->arm.base;
    unsigned half, bits;
    uint64_t tables = 0, desc;
    if (!choose_half(w, &half, &bits))
        return fail(w, ARM_FSC_TRANSLATION + 1);
    unsigned level = bits > 30 ? 1 : 2, first = bits - (PAGE + STRIDE * (3 - level));
    uint64_t table = (w->r->ttbr[half] & 0xffffffffffull) >> (first + 3) << (first + 3);
    uint32_t in = bits == 32 ? w->va : w->va & ((1u << bits) - 1);
    for (;; level++) {
        unsigned shift = PAGE + STRIDE * (3 - level);
        if (!cpu->mem->phys_ld(cpu, table | (in >> shift & 511) * 8, 8, &desc))
            return fail(w, ARM_FSC_EXTERNAL_WALK + (int)level);
        if (!(desc & DESC_VALID) || (level == 3 && !(desc & DESC_TABLE)))
            return fail(w, ARM_FSC_TRANSLATION + (int)level);
        if (level == 3 || !(desc & DESC_TABLE))
            return long_leaf(w, desc, tables, level);
        tables |= desc;
        table = desc & 0xfffffff000ull;
    }
}

bool a32_walk(ArmMachine *m, const ArmRegime *r, uint32_t va, unsigned idx, MmuHow how, bool misaligned,
              MmuPage *ret)
{
    const Walk w = {m, r, va, how, idx, misaligned, ret};
    if (!r->on) { /* Strongly-ordered: accesses are IR_ALIGNED */
        w.ret->aligned = false;
        if (misaligned)
            return fail(&w, ARM_FSC_ALIGNMENT);
        done(&w, va & ~4095u, 12, MMU_R | MMU_W | MMU_X, true);
        ret->even = MMU_EVEN;
        return true;
    }
    return r->kind == ARM_REGIME_A32 ? walk_short(&w) : walk_long(&w);
}
