/*
 * CPUID of a guest's cpus: the host's own, as KVM offers them, or those of a model, of which the host must
 * have every feature.
 *
 * Where there is a choice each cpu is a package of its own. What needs a local APIC in the kernel is not
 * shown without one. Source: AMD64 APM volume 3, appendix E; Intel SDM volume 2, "CPUID";
 * Documentation/virt/kvm/x86/cpuid.rst.
 */
#include "accel/kvm/kvm_x86.h"
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

/* Leaves that are the processor's and no model's, or KVM's own. */
static bool is_hosts(uint32_t leaf)
{
    return leaf == 0xd || (leaf >= 0x40000000 && leaf < 0x80000000);
}

/* Which registers are bits of features, of which the host must have each. */
static bool is_features(uint32_t leaf, uint32_t sub, unsigned reg)
{
    return (leaf == 1 && reg >= ECX) || (leaf == 7 && (reg != EAX || sub == 1)) ||
           (leaf == 0x80000001 && reg >= ECX) || (leaf == 0x80000007 && reg == EDX);
}

static void fill_leaf(KvmCpu *k, const KvmX86Cpuid *host, struct kvm_cpuid_entry2 *e)
{
    X86Machine *m = (X86Machine *)k->cpu;
    const struct kvm_cpuid_entry2 *h = find(host, e->function, e->index);
    uint32_t v[4];
    x86_cpuid(&m->x86, e->function, e->index, v);
    x86_cpuid_machine(m, e->function, e->index, v);
    for (unsigned r = EAX; r <= EDX; r++) {
        uint32_t has = h ? *reg_of((struct kvm_cpuid_entry2 *)(uintptr_t)h, r) : 0;
        *reg_of(e, r) = is_features(e->function, e->index, r) ? v[r] & has : v[r];
    }
}

static void add_leaf(KvmCpu *k, const KvmX86Cpuid *host, KvmX86Cpuid *to, uint32_t leaf, uint32_t sub,
                     bool indexed)
{
    struct kvm_cpuid_entry2 *e = &to->leaf[to->n++];
    *e = (struct kvm_cpuid_entry2){
        .function = leaf, .index = sub, .flags = indexed ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0};
    fill_leaf(k, host, e);
}

/* Components of extended state that the model has, where the host keeps them. */
static void add_extended(KvmCpu *k, const KvmX86Cpuid *host, KvmX86Cpuid *to)
{
    const X86Machine *m = (const X86Machine *)k->cpu;
    uint64_t all = x86_xcr0_known(m);
    uint32_t one[4];
    if (!x86_model_has((X86Model)m->x86.model, X86_FEAT_XSAVE))
        return;
    x86_cpuid(&m->x86, 0xd, 1, one);
    for (unsigned n = 0; n < host->n; n++) {
        struct kvm_cpuid_entry2 e = host->leaf[n];
        if (e.function != 0xd || (e.index >= 2 && (e.index >= 64 || !(all >> e.index & 1))))
            continue;
        if (e.index == 0)
            e.eax &= (uint32_t)all, e.edx = 0;
        if (e.index == 1)
            e.eax &= one[EAX], e.ecx = e.edx = 0;
        to->leaf[to->n++] = e;
    }
}

static void make_model(KvmCpu *k, const KvmX86Cpuid *host, KvmX86Cpuid *to)
{
    to->n = 0;
    for (uint32_t leaf = 0; leaf <= 2; leaf++)
        add_leaf(k, host, to, leaf, 0, false);
    for (uint32_t sub = 0; sub < 5; sub++)
        add_leaf(k, host, to, 4, sub, true);
    for (uint32_t sub = 0; sub < 2; sub++)
        add_leaf(k, host, to, 7, sub, true);
    add_extended(k, host, to);
    for (uint32_t leaf = 0x80000000; leaf <= 0x80000008; leaf++)
        add_leaf(k, host, to, leaf, 0, false);
    for (unsigned n = 0; n < host->n; n++)
        if (is_hosts(host->leaf[n].function) && host->leaf[n].function != 0xd)
            to->leaf[to->n++] = host->leaf[n];
}

/* ---- for the others ---- */

bool kvm_x86_set_cpuid(KvmCpu *k)
{
    const X86Machine *m = (const X86Machine *)k->cpu;
    const KvmX86Cpuid *host = &kvm_x86_vm(kvm_vm(k->cpu->accel))->cpuid;
    KvmX86Cpuid *c = &kvm_x86_cpu(k)->cpuid;
    if (m->sys.model_chosen)
        make_model(k, host, c);
    else
        *c = *host;
    for (unsigned n = 0; n < c->n; n++)
        fit_to_machine(k, &c->leaf[n]);
    long e = kvm_ioctl_at(k->fd, KVM_SET_CPUID2, c);
    return !sys_is_err(e) || kvm_broken(k, "this cpu's CPUID is refused: error %d", (int)-e);
}

bool kvm_arch_offers(int dev, const char *model, Fmt *ret_missing)
{
    KvmX86Cpuid c = {.n = ARRAY_SIZE(c.leaf)};
    X86Model wanted = model ? x86_model_find(model) : X86_MODELS;
    bool all = true;
    if (wanted == X86_MODELS || wanted == x86_model_find("max") ||
        sys_is_err(kvm_ioctl_at(dev, KVM_GET_SUPPORTED_CPUID, &c)))
        return true;
    for (unsigned f = 0; f < X86_FEATS; f++) {
        uint32_t leaf, sub, bit;
        unsigned reg;
        x86_feature_place((X86Feat)f, &leaf, &sub, &reg, &bit);
        const struct kvm_cpuid_entry2 *e = find(&c, leaf, sub);
        if (!x86_model_has(wanted, (X86Feat)f) ||
            (e && *reg_of((struct kvm_cpuid_entry2 *)(uintptr_t)e, reg) >> bit & 1))
            continue;
        fmt_printf(ret_missing, " %s", x86_feature_name((X86Feat)f));
        all = false;
    }
    return all;
}
