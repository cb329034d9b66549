/*
 * CPUID of a guest's cpus: the host's own, as KVM offers them, or those of a model, of which the host must
 * have every feature.
 *
 * Where there is a choice each cpu is a package of its own. What needs a local APIC in the kernel is not
 * shown without one. Source: AMD64 APM volume 3, appendix E; Intel SDM volume 2, "CPUID";
 * Documentation/virt/kvm/x86/cpuid.rst.
 */
#include "accel/kvm/kvm_x86.h"
#include "accel/kvm/kvm.h"
#include "target/x86/x86_sys.h"

enum { EAX, EBX, ECX, EDX };
enum { C1_X2APIC = 1 << 21, C1_DEADLINE = 1 << 24, D1_HTT = 1 << 28 };
#define C1_HYPERVISOR (1u << 31)
/* KVM_FEATURE_*: PV_EOI, PV_UNHALT, PV_SEND_IPI, ASYNC_PF_INT, MSI_EXT_DEST_ID. */
enum { PV_BY_LAPIC = 1 << 6 | 1 << 7 | 1 << 11 | 1 << 14 | 1 << 15 };

static uint32_t *reg_of(struct kvm_cpuid_entry2 *e, unsigned reg)
{
    return reg == EAX ? &e->eax : reg == EBX ? &e->ebx : reg == ECX ? &e->ecx : &e->edx;
}

static const struct kvm_cpuid_entry2 *find(const KvmX86Cpuid *c, uint32_t leaf, uint32_t sub)
{
    for (unsigned n = 0; n < c->n; n++)
        if (c->leaf[n].function == leaf && c->leaf[n].index == sub)
            return &c->leaf[n];
    return NULL;
}

/* ---- features ---- */

enum { FEATURES = X86_FEATS + X86_SYS_FEATS_END - X86_SYS_FEAT_FIRST };

/* Of programs first, then of systems. */
static X86Feat feature_at(unsigned n)
{
    return (X86Feat)(n < X86_FEATS ? n : n - X86_FEATS + X86_SYS_FEAT_FIRST);
}

/* Its register; NULL: there is no such leaf. */
static uint32_t *place(KvmX86Cpuid *c, X86Feat f)
{
    uint32_t leaf, sub, bit;
    unsigned reg;
    x86_feature_place(f, &leaf, &sub, &reg, &bit);
    struct kvm_cpuid_entry2 *e = (struct kvm_cpuid_entry2 *)(uintptr_t)find(c, leaf, sub);
    return e ? reg_of(e, reg) : NULL;
}

static uint32_t bit_of(X86Feat f)
{
    uint32_t leaf, sub, bit;
    unsigned reg;
    x86_feature_place(f, &leaf, &sub, &reg, &bit);
    return 1u << bit;
}

/* What AccelConfig.cpu_props says of it. */
enum { UNSAID = -1, OFF, ON };
static int switched(const char *props, X86Feat f)
{
    const char *name = x86_feature_name(f);
    const size_t n = strlen(name);
    int said = UNSAID;
    for (const char *p = props; p; p = strchr(p, ','), p += p != NULL)
        if (strncmp(p, name, n) == 0 && p[n] == '=')
            said = strncmp(p + n + 1, "on", 2) == 0 ? ON : OFF;
    return said;
}

/* Those that the host's own cpu shall not show; what it shall show it does (kvm_arch_offers()). */
static void hide_switched_off(KvmX86Cpuid *c, const char *props)
{
    for (unsigned n = 0; n < FEATURES; n++) {
        uint32_t *reg = switched(props, feature_at(n)) == OFF ? place(c, feature_at(n)) : NULL;
        if (reg)
            *reg &= ~bit_of(feature_at(n));
    }
}

/* ---- what both have ---- */

static void set_topology(struct kvm_cpuid_entry2 *e, unsigned id)
{
    enum { ONE_LEVEL = 1, SMT = 0x100, CORE = 0x201, SHARED = 0xfffu << 14, CORES = 0x3fu << 26 };
    switch (e->function) {
    case 1:
        e->ebx = (e->ebx & 0xffff) | 1u << 16 | id << 24;
        e->edx &= ~(uint32_t)D1_HTT;
        break;
    case 4: e->eax &= ~(SHARED | CORES); break;
    case 0x8000001d: e->eax &= ~SHARED; break;
    case 0xb:
    case 0x1f:
        e->eax = 0;
        e->ebx = e->index < 2;
        e->ecx = e->index == 0 ? SMT : e->index == 1 ? CORE : e->index;
        e->edx = id;
        break;
    case 0x80000008: e->ecx = 0; break;
    case 0x8000001e:
        e->eax = e->ebx = id;
        e->ecx = 0;
        break;
    default: break;
    }
}

static void fit_to_machine(KvmCpu *k, struct kvm_cpuid_entry2 *e)
{
    KvmVm *vm = kvm_vm(k->cpu->accel);
    bool lapic = vm->irqchip != ACCEL_IRQCHIP_BOARD;
    set_topology(e, k->id);
    if (e->function == 1) {
        e->ecx |= C1_HYPERVISOR;
        e->ecx &= ~(uint32_t)(C1_DEADLINE | (lapic ? 0 : C1_X2APIC));
        if (lapic && kvm_has(vm, KVM_CAP_TSC_DEADLINE_TIMER))
            e->ecx |= C1_DEADLINE;
    }
    if (e->function == 0x40000001 && !lapic)
        e->eax &= ~(uint32_t)PV_BY_LAPIC;
}

/* ---- models ---- */

/* Bits that the host need not offer: they are always there, or by what has controllers; monitor and mwait
 * do nothing. */
static uint32_t offered_anyway(const X86FeatureReg *f, bool lapic, bool deadline)
{
    enum { MONITOR = 1 << 3, APIC = 1 << 9 };
    if (f->leaf == 1 && f->reg == ECX)
        return C1_HYPERVISOR | MONITOR | (lapic && deadline ? (uint32_t)C1_DEADLINE : 0);
    return f->leaf == 1 && f->reg == EDX ? (uint32_t)APIC : 0;
}

/* .. and those that it may say it has, but not for this machine. SVM: state of guests' guests is not moved.
 */
static uint32_t not_offered(const X86FeatureReg *f, bool lapic)
{
    enum { SVM = 1 << 2 };
    if (f->leaf == 1 && f->reg == ECX && !lapic)
        return C1_X2APIC;
    if (f->leaf == 0x40000001 && !lapic)
        return PV_BY_LAPIC;
    return f->leaf == 0x80000001 && f->reg == ECX ? (uint32_t)SVM : 0;
}

/* Bits that change while it runs. */
static uint32_t changing(const X86FeatureReg *f)
{
    enum { OSXSAVE = 1 << 27, OSPKE = 1 << 4 };
    return f->reg != ECX ? 0 : f->leaf == 1 ? OSXSAVE : f->leaf == 7 ? OSPKE : 0;
}

static void shown(X86Machine *m, uint32_t leaf, uint32_t sub, uint32_t ret[4])
{
    x86_cpuid(&m->x86, leaf, sub, ret);
    x86_cpuid_machine(m, leaf, sub, ret);
    for (unsigned n = 0; n < X86_FEATURE_REGS; n++)
        if (x86_feature_regs[n].leaf == leaf && x86_feature_regs[n].sub == sub)
            ret[x86_feature_regs[n].reg] &= ~changing(&x86_feature_regs[n]);
}

/* Of the n-th register what is shown and the host lacks. */
static uint32_t lacking(X86Machine *m, const KvmX86Cpuid *host, unsigned n, bool lapic, bool deadline)
{
    const X86FeatureReg *f = &x86_feature_regs[n];
    const struct kvm_cpuid_entry2 *h = find(host, f->leaf, f->sub);
    uint32_t v[4], has = h ? *reg_of((struct kvm_cpuid_entry2 *)(uintptr_t)h, f->reg) : 0;
    shown(m, f->leaf, f->sub, v);
    has = (has | offered_anyway(f, lapic, deadline)) & ~not_offered(f, lapic);
    return v[f->reg] & ~has;
}

static void name_lacking(uint32_t bits, unsigned n, Fmt *out)
{
    const X86FeatureReg *f = &x86_feature_regs[n];
    uint32_t leaf, sub, bit;
    unsigned reg;
    for (unsigned k = 0; k < X86_FEATS; k++) {
        x86_feature_place((X86Feat)k, &leaf, &sub, &reg, &bit);
        if (leaf != f->leaf || sub != f->sub || reg != f->reg || !(bits >> bit & 1))
            continue;
        fmt_printf(out, " %s", x86_feature_name((X86Feat)k));
        bits &= ~(1u << bit);
    }
    for (unsigned k = 0; k < 32; k++)
        if (bits >> k & 1)
            fmt_printf(out, " CPUID.%s[%u]", f->name, k);
}

/* Extended state is where the processor has it. */
static bool has_layout(X86Machine *m, const KvmX86Cpuid *host)
{
    uint32_t v[4];
    for (unsigned n = 2; n < X86_XC_END; n++) {
        const struct kvm_cpuid_entry2 *h = find(host, 0xd, n);
        x86_xsave_leaf(&m->x86, x86_xcr0_known(m), x86_xcr0_known(m), n,
                       (memset(v, 0, sizeof(v)), v));
        if (v[EAX] && (!h || h->eax != v[EAX] || h->ebx != v[EBX]))
            return false;
    }
    return true;
}

static void add_leaf(X86Machine *m, const KvmX86Cpuid *host, KvmX86Cpuid *to, uint32_t leaf, uint32_t sub,
                     bool indexed)
{
    uint32_t v[4];
    const struct kvm_cpuid_entry2 *h = leaf == 0xd && sub >= 2 ? find(host, leaf, sub) : NULL;
    shown(m, leaf, sub, v);
    if (h && v[EAX]) { /* where the processor has it */
        v[EAX] = h->eax;
        v[EBX] = h->ebx;
    }
    to->leaf[to->n++] = (struct kvm_cpuid_entry2){.function = leaf,
                                                  .index = sub,
                                                  .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
                                                  .eax = v[EAX],
                                                  .ebx = v[EBX],
                                                  .ecx = v[ECX],
                                                  .edx = v[EDX]};
}

/* All that the translator shows. */
static void make_model(X86Machine *m, const KvmX86Cpuid *host, KvmX86Cpuid *to)
{
    static const struct {
        uint32_t leaf, subs;
    } indexed[] = {{4, 5}, {7, 2}, {0xb, 3}, {0xd, X86_XC_END}};
    enum { PV = 0x40000000, PV_FEATURES, PV_LAST = 0x40000010 };
    uint32_t last[4];
    to->n = 0;
    for (uint32_t more = 0; more <= 0x80000000; more += 0x80000000) {
        shown(m, more, 0, last);
        for (uint32_t leaf = more; leaf <= last[EAX]; leaf++) {
            uint32_t subs = 0;
            for (unsigned n = 0; n < ARRAY_SIZE(indexed); n++)
                subs = indexed[n].leaf == leaf ? indexed[n].subs : subs;
            for (uint32_t sub = 0; sub < MAX(subs, 1u); sub++)
                add_leaf(m, host, to, leaf, sub, subs != 0);
        }
        if (more)
            break;
    }
    add_leaf(m, host, to, PV, 0, false);
    add_leaf(m, host, to, PV_FEATURES, 0, false);
    add_leaf(m, host, to, PV_LAST, 0, false);
}

/* ---- for the others ---- */

/* as_is: what is hidden stays so, and nothing else may be lacking. */
static bool choose_shown(KvmCpu *k, const KvmX86Cpuid *host, bool as_is, Fmt *err)
{
    const KvmVm *vm = kvm_vm(k->cpu->accel);
    X86Machine *m = (X86Machine *)k->cpu;
    const bool deadline = kvm_has(vm, KVM_CAP_TSC_DEADLINE_TIMER), lapic = vm->irqchip != ACCEL_IRQCHIP_BOARD;
    char names[400] = "";
    Fmt f = FMT_ON(names);
    if (!as_is)
        memset(m->sys.hidden, 0, sizeof(m->sys.hidden));
    for (unsigned n = 0; n < X86_FEATURE_REGS; n++) {
        const uint32_t bits = lacking(m, host, n, lapic, deadline);
        if (as_is)
            name_lacking(bits, n, &f);
        else
            m->sys.hidden[n] = bits;
    }
    if (f.len)
        fmt_printf(err, "KVM lacks what the cpu has:%s", names);
    return !f.len;
}

bool kvm_x86_set_cpuid(KvmCpu *k, bool as_is, Fmt *err)
{
    X86Machine *m = (X86Machine *)k->cpu;
    const KvmX86Cpuid *host = &kvm_x86_vm(kvm_vm(k->cpu->accel))->cpuid;
    KvmX86Cpuid *was = &kvm_x86_cpu(k)->cpuid, now = {.n = 0};
    if (m->sys.model_chosen) {
        if (!choose_shown(k, host, as_is, err))
            return false;
        make_model(m, host, &now);
    } else {
        now = *host;
        for (unsigned n = 0; n < now.n; n++)
            fit_to_machine(k, &now.leaf[n]);
        hide_switched_off(&now, k->cpu->accel->cfg.cpu_props);
    }
    /* A cpu that has run stays what it is. */
    if (now.n == was->n && memcmp(now.leaf, was->leaf, now.n * sizeof(now.leaf[0])) == 0)
        return true;
    *was = now;
    long e = kvm_ioctl_at(k->fd, KVM_SET_CPUID2, was);
    if (sys_is_err(e))
        fmt_printf(err, "KVM refuses the cpu's CPUID: error %d", (int)-e);
    return !sys_is_err(e);
}

bool kvm_arch_fits(int dev, const KvmProbe *p, Cpu *cpu, Fmt *why)
{
    X86Machine *m = x86_machine(cpu);
    KvmX86Cpuid host = {.n = ARRAY_SIZE(host.leaf)};
    const bool lapic = cpu->accel->cfg.irqchip != ACCEL_IRQCHIP_BOARD;
    const bool deadline = kvm_ioctl(dev, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
    char names[400] = "";
    Fmt f = FMT_ON(names);
    if (!m->sys.model_chosen)
        fmt_puts(why, "the cpu: it is the host's own; a model by -cpu would do");
    else if (sys_is_err(kvm_ioctl_at(dev, KVM_GET_SUPPORTED_CPUID, &host)))
        fmt_puts(why, "the host's KVM does not say what cpus it has");
    else if (!p->tsc_scales && p->tsc_khz != x86_tsc_khz(m))
        fmt_printf(why, "the TSC: it counts %lu kHz, that of KVM %u", (unsigned long)x86_tsc_khz(m),
                   p->tsc_khz);
    else if (!has_layout(m, &host))
        fmt_puts(why, "the cpu: the host's processor has another layout of extended state (xsave)");
    else {
        for (unsigned n = 0; n < X86_FEATURE_REGS; n++)
            name_lacking(lacking(m, &host, n, lapic, deadline), n, &f);
        if (!f.len)
            return true;
        fmt_printf(why, "the cpu: KVM lacks what it has:%s", names);
    }
    return false;
}

bool kvm_arch_offers(int dev, const char *model, const char *props, Fmt *ret_missing)
{
    KvmX86Cpuid c = {.n = ARRAY_SIZE(c.leaf)};
    const X86Model wanted = model ? x86_model_find(model) : X86_MODELS;
    const bool of_host = wanted == X86_MODELS || wanted == x86_model_find("max");
    bool all = true;
    if (sys_is_err(kvm_ioctl_at(dev, KVM_GET_SUPPORTED_CPUID, &c)))
        return true;
    for (unsigned n = 0; n < FEATURES; n++) {
        const X86Feat f = feature_at(n);
        const int said = switched(props, f);
        const bool has_model = !of_host && n < X86_FEATS && x86_model_has(wanted, f);
        const uint32_t *reg = place(&c, f);
        if (!(said == UNSAID ? has_model : said == ON) || (reg && *reg & bit_of(f)))
            continue;
        fmt_printf(ret_missing, " %s", x86_feature_name(f));
        all = false;
    }
    return all;
}
