/* Model-specific registers, and CPUID of machines. Sources: AMD64 APM volume 2, appendix A; Intel SDM volume
 * 4. */
#include "target/x86/x86_sys.h"

enum {
    MSR_TSC = 0x10,
    MSR_APIC_BASE = 0x1b,
    MSR_TSC_ADJUST = 0x3b,
    MSR_UCODE_REV = 0x8b,
    MSR_MTRR_CAP = 0xfe,
    MSR_ARCH_CAP = 0x10a,
    MSR_MCG_CAP = 0x179,
    MSR_DEBUG_CTL = 0x1d9,
    MSR_MC_FIRST = 0x400,
    MSR_PLATFORM_INFO = 0xce,
    MSR_MTRR_PHYS = 0x200,
    MSR_TSC_DEADLINE = 0x6e0,
    MSR_X2APIC = 0x800,
    MSR_X2APIC_END = 0x900,
};
#define MSR_EFER    0xc0000080u
#define MSR_FS_BASE 0xc0000100u
#define MSR_GS_BASE 0xc0000101u
/* AMD's that systems look at: read as 0, and may be written. */
#define MSR_AMD_FIRST 0xc0010000u
#define MSR_AMD_LAST  0xc001ffffu

bool x86_msr_ignored(uint32_t n)
{
    return n >= MSR_AMD_FIRST && n <= MSR_AMD_LAST;
}

static const uint16_t fixed[X86_MTRR_FIXED] = {0x250, 0x258, 0x259, 0x268, 0x269, 0x26a,
                                               0x26b, 0x26c, 0x26d, 0x26e, 0x26f};

static uint64_t *mtrr_at(X86Machine *m, uint32_t n)
{
    if (n - MSR_MTRR_PHYS < 2 * X86_MTRRS)
        return &m->sys.mtrr[n - MSR_MTRR_PHYS];
    for (unsigned k = 0; k < X86_MTRR_FIXED; k++)
        if (fixed[k] == n)
            return &m->sys.mtrr_fixed[k];
    return NULL;
}

/* Of a bank of machine check. */
static uint64_t *bank_at(X86Machine *m, uint32_t n)
{
    return n - MSR_MC_FIRST < ARRAY_SIZE(m->sys.mc) ? &m->sys.mc[n - MSR_MC_FIRST] : NULL;
}

static bool of_apic(uint32_t n)
{
    return n == MSR_APIC_BASE || n == MSR_TSC_DEADLINE || (n >= MSR_X2APIC && n < MSR_X2APIC_END);
}

static bool apic_reg(X86Machine *m, uint32_t n, bool write, uint64_t *io)
{
    const CpuBoard *b = &m->sys.board;
    return b->device_reg && b->device_reg(b->opaque, b->number, n, write, io);
}

/* The local APIC counts in the machine's time, which the TSC may be ahead of or behind. 0 is no deadline. */
static bool deadline(X86Machine *m, bool write, uint64_t *io)
{
    const uint64_t tsc = x86_tsc(m), now = x86_tsc_ns(m, tsc - m->sys.tsc_adjust);
    if (write && *io) {
        const uint64_t left = x86_tsc_ns(m, *io > tsc ? *io - tsc : 0);
        *io = MAX(now + MIN(left, UINT64_MAX - now), 1u);
    }
    if (!x86_sys_has(m, X86_FEAT_DEADLINE) || !apic_reg(m, MSR_TSC_DEADLINE, write, io))
        return false;
    if (!write && *io)
        *io = x86_tsc_ticks(m, *io) + m->sys.tsc_adjust;
    return true;
}

static bool write_apic(X86Machine *m, uint32_t n, uint64_t v)
{
    enum { EXTENDED = 1 << 10 };
    const bool x2 = x86_sys_has(m, X86_FEAT_X2APIC);
    if (n == MSR_APIC_BASE && (v >> X86_PHYS_BITS || (v & EXTENDED && !x2)))
        return false;
    return n == MSR_TSC_DEADLINE ? deadline(m, true, &v) : apic_reg(m, n, true, &v);
}

bool x86_msr_read(X86Machine *m, uint32_t n, uint64_t *ret)
{
    const uint64_t *mtrr = mtrr_at(m, n), *bank = bank_at(m, n);
    bool ok;
    *ret = 0;
    if (x86_svm_msr(m, n, false, ret, &ok))
        return ok;
    if (n == MSR_TSC_DEADLINE)
        return deadline(m, false, ret);
    if (of_apic(n))
        return apic_reg(m, n, false, ret);
    if (x86_pv_msr(m, n, false, ret))
        return true;
    if (bank) {
        *ret = *bank;
        return true;
    }
    if (mtrr) {
        *ret = *mtrr;
        return true;
    }
    switch (n) {
#define MSR(id, name, number, field, writable)                                                               \
    case number:                                                                                             \
        *ret = m->sys.field;                                                                                 \
        return true;
#define AMSR(id, name, number, field) MSR(id, name, number, field, 0)
#include "target/x86/x86_msrs.def"
#undef MSR
#undef AMSR
    case MSR_EFER: *ret = m->sys.efer; return true;
    case MSR_FS_BASE: *ret = m->x86.fs_base; return true;
    case MSR_GS_BASE: *ret = m->x86.gs_base; return true;
    case MSR_TSC: *ret = x86_svm_tsc(m, x86_tsc(m)); return true;
    case MSR_TSC_ADJUST: *ret = m->sys.tsc_adjust; return true;
    case MSR_MTRR_CAP: *ret = X86_MTRRS | 1 << 8 | 1 << 10; return true;
    case MSR_UCODE_REV: *ret = 1ull << 32; return true;
    case MSR_MCG_CAP: *ret = X86_MC_BANKS | 1 << 8; return true;
    case MSR_DEBUG_CTL: /* no last branches, no steps of branches */
    case MSR_ARCH_CAP:
    case MSR_PLATFORM_INFO: return true;
    default: return x86_msr_ignored(n);
    }
}

uint64_t x86_efer_known(const X86Machine *m)
{
    uint64_t known = x86_svm_off(m) ? 0 : X86_EFER_SVME;
    known |= x86_sys_has(m, X86_FEAT_NX) ? X86_EFER_NXE : 0;
    known |= x86_sys_has(m, X86_FEAT_LM) ? X86_EFER_LME | X86_EFER_LMA : 0;
    known |= x86_sys_has(m, X86_FEAT_SYSCALL) ? X86_EFER_SCE : 0;
    return known;
}

static bool write_efer(X86Machine *m, uint64_t v)
{
    X86Sys *s = &m->sys;
    const uint64_t was = s->efer;
    if (v & ~x86_efer_known(m) || ((v ^ was) & X86_EFER_LME && s->cr0 & X86_CR0_PG))
        return false;
    s->efer = (v & ~(uint64_t)X86_EFER_LMA) | (was & X86_EFER_LMA);
    if ((s->efer ^ was) & X86_EFER_NXE)
        x86_forget_all(m);
    return true;
}

bool x86_msr_write(X86Machine *m, uint32_t n, uint64_t v)
{
    enum { BANK_CTL, BANK_STATUS };
    uint64_t *mtrr = mtrr_at(m, n), *bank = bank_at(m, n);
    bool ok;
    if (x86_svm_msr(m, n, true, &v, &ok))
        return ok;
    if (of_apic(n))
        return write_apic(m, n, v);
    if (x86_pv_msr(m, n, true, &v))
        return true;
    if (bank) { /* nothing goes wrong here: what is written stays, and a status is only cleared */
        if (v && n % 4 != BANK_CTL)
            return false;
        *bank = v;
        return true;
    }
    if (mtrr) {
        *mtrr = v;
        return true;
    }
    switch (n) {
#define MSR(id, name, number, field, writable)                                                               \
    case number:                                                                                             \
        if (v & ~(writable))                                                                                 \
            return false;                                                                                    \
        m->sys.field = v;                                                                                    \
        return true;
#define AMSR(id, name, number, field)                                                                        \
    case number:                                                                                             \
        if (!x86_canonical_base(m, v))                                                                       \
            return false;                                                                                    \
        m->sys.field = v;                                                                                    \
        return true;
#include "target/x86/x86_msrs.def"
#undef MSR
#undef AMSR
    case MSR_EFER: return write_efer(m, v);
    case MSR_FS_BASE:
    case MSR_GS_BASE:
        if (!x86_canonical_base(m, v))
            return false;
        *(n == MSR_FS_BASE ? &m->x86.fs_base : &m->x86.gs_base) = v;
        return true;
    case MSR_TSC: m->sys.tsc_adjust += v - x86_tsc(m); x86_pv_show_clock(m); return true;
    case MSR_TSC_ADJUST: m->sys.tsc_adjust = v; x86_pv_show_clock(m); return true;
    case MSR_UCODE_REV: return true;
    case MSR_DEBUG_CTL: return v == 0;
    case 0x49: /* PRED_CMD */ return true;
    case 0x79: /* microcode update */ return true;
    default: return x86_msr_ignored(n);
    }
}

uint64_t *x86_msr_home(X86Machine *m, uint32_t n)
{
    enum { PV_WALL = 0x4b564d00, PV_CLOCK = 0x4b564d01 };
    if (mtrr_at(m, n) || bank_at(m, n))
        return mtrr_at(m, n) ? mtrr_at(m, n) : bank_at(m, n);
    switch (n) {
#define MSR(id, name, number, field, writable)                                                               \
    case number:                                                                                             \
        return &m->sys.field;
#define AMSR(id, name, number, field) MSR(id, name, number, field, 0)
#include "target/x86/x86_msrs.def"
#undef MSR
#undef AMSR
    case PV_WALL: return &m->sys.pv_wall;
    case PV_CLOCK: return &m->sys.pv_clock;
    default: return NULL;
    }
}

/* ---- CPUID ---- */

const X86FeatureReg x86_feature_regs[X86_FEATURE_REGS] = {
    {1, 0, 2, "1.ecx"},
    {1, 0, 3, "1.edx"},
    {7, 0, 1, "7.ebx"},
    {7, 0, 2, "7.ecx"},
    {7, 0, 3, "7.edx"},
    {7, 1, 0, "7:1.eax"},
    {0xd, 1, 0, "d:1.eax"},
    {0x80000001, 0, 2, "80000001.c"},
    {0x80000001, 0, 3, "80000001.d"},
    {0x80000007, 0, 3, "80000007.d"},
    {0x40000001, 0, 0, "40000001.a"},
};

static void hide(const X86Machine *m, uint32_t leaf, uint32_t sub, uint32_t ret[4])
{
    for (unsigned k = 0; k < X86_FEATURE_REGS; k++)
        if (x86_feature_regs[k].leaf == leaf && x86_feature_regs[k].sub == sub)
            ret[x86_feature_regs[k].reg] &= ~m->sys.hidden[k];
}

/* Each cpu is a package of one core with one thread. */
static void topology_leaf(const X86Machine *m, uint32_t sub, uint32_t ret[4])
{
    enum { LEVELS = 2, SMT = 1 << 8 };
    ret[1] = sub < LEVELS;
    ret[2] = (sub < LEVELS ? SMT * (sub + 1) : 0) | (sub & 0xff);
    ret[3] = (uint32_t)m->sys.board.number;
}

/* What machines have beyond user mode. */
static void fill_cpuid(X86Machine *m, uint32_t leaf, uint32_t sub, uint32_t ret[4])
{
    enum {
        LAST = 0x16,
        MWAIT_HINTS = 3,
        C1_OSXSAVE = 1 << 27,
        C1_APICS = 1 << 21 | 1 << 24,
        C7_OSPKE = 1 << 4
    };
    enum { D81_AS_1 = 0x0183f3ff }; /* of AMD's, what stands in leaf 1, too */
    const X86Cpu *cpu = &m->x86;
    bool wide = x86_sys_has(m, X86_FEAT_LM);
    uint32_t id = (uint32_t)m->sys.board.number, one[4] = {0};
    if (x86_pv_cpuid(m, leaf, ret))
        return;
    x86_cpuid_add_sys(cpu, leaf, sub, ret);
    x86_svm_cpuid(m, leaf, ret);
    if (leaf == 0 && wide) {
        ret[0] = LAST;
    } else if (leaf == 5 && x86_sys_has(m, X86_FEAT_MONITOR)) { /* no states to wait in: systems use hlt */
        ret[0] = ret[1] = 64;
        ret[2] = MWAIT_HINTS;
    } else if (leaf == 1) {
        ret[1] = (ret[1] & 0x00ffffff) | id << 24;
        ret[2] &= ~(uint32_t)C1_OSXSAVE;
        ret[2] |= m->sys.cr4 & X86_CR4_OSXSAVE ? (uint32_t)C1_OSXSAVE : 0;
        if (!m->sys.board.device_reg)
            ret[2] &= ~(uint32_t)C1_APICS;
    } else if (leaf == 7 && sub == 0) {
        ret[2] |= m->sys.cr4 & X86_CR4_PKE ? (uint32_t)C7_OSPKE : 0;
    } else if (leaf == 0x80000001 && x86_model_is_amd((X86Model)cpu->model)) {
        x86_cpuid_add_sys(cpu, 1, 0, one);
        ret[3] |= one[3] & D81_AS_1;
    } else if (leaf == 0x80000008 && wide) {
        ret[0] = X86_PHYS_BITS | (x86_sys_has(m, X86_FEAT_LA57) ? 57 : 48) << 8;
    } else if (leaf == 0xb && m->sys.board.device_reg) {
        topology_leaf(m, sub, ret);
    } else if (leaf == 0xd) {
        memset(ret, 0, 4 * sizeof(ret[0]));
        x86_xsave_leaf(cpu, x86_xcr0_known(m), m->sys.xcr0, sub, ret);
    } else if (leaf == 0x15 && !m->sys.tsc_khz) { /* the crystal is the local APIC's clock as well */
        ret[0] = ret[1] = 1;
        ret[2] = X86_TSC_HZ;
    } else if (leaf == LAST) {
        ret[0] = ret[1] = (uint32_t)(x86_tsc_khz(m) / 1000);
        ret[2] = 100;
    }
}

void x86_cpuid_machine(X86Machine *m, uint32_t leaf, uint32_t sub, uint32_t ret[4])
{
    fill_cpuid(m, leaf, sub, ret);
    hide(m, leaf, sub, ret);
}

void x86_machine_cpuid(Cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t ret[4])
{
    enum { L1D_APIC = 1 << 9, BASE_ON = 1 << 11 };
    X86Machine *m = x86_machine(cpu);
    uint64_t base;
    x86_cpuid((const X86Cpu *)cpu, leaf, sub, ret);
    x86_cpuid_machine(m, leaf, sub, ret);
    if (leaf == 1 && apic_reg(m, MSR_APIC_BASE, false, &base) && !(base & BASE_ON))
        ret[3] &= ~(uint32_t)L1D_APIC;
}
