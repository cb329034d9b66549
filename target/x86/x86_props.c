/* What the user may say of a cpu besides its model: each feature that there is, on or off; those of
 * processors that are not there, by name. */
#include "target/x86/x86_sys.h"

static const TargetProperty others[] = {
#define SAME(name, feature) {name, TARGET_PROP_SWITCH, feature},
#define MISSING(name)       {name, TARGET_PROP_MISSING, NULL},
#define IDLE(name)          {name, TARGET_PROP_IDLE, NULL},
#define OWN(name)           {name, TARGET_PROP_MODELS, NULL},
#include "target/x86/x86_props.def"
#undef SAME
#undef MISSING
#undef IDLE
#undef OWN
};

/* Feature n of all there are. */
static X86Feat feature_at(unsigned n)
{
    return (X86Feat)(n < X86_FEATS ? n : n - X86_FEATS + X86_SYS_FEAT_FIRST);
}

enum { FEATURES = X86_FEATS + X86_SYS_FEATS_END - X86_SYS_FEAT_FIRST };

bool x86_property(const TargetOps *ops, unsigned n, TargetProperty *ret)
{
    if (n >= FEATURES + ARRAY_SIZE(others))
        return false;
    *ret = n < FEATURES ? (TargetProperty){x86_feature_name(feature_at(n)), TARGET_PROP_SWITCH, NULL}
                        : others[n - FEATURES];
    return true;
}

static X86Feat find(const char *name)
{
    unsigned n = 0;
    while (n < FEATURES && strcmp(x86_feature_name(feature_at(n)), name) != 0)
        n++;
    return n < FEATURES ? feature_at(n) : X86_SYS_FEATS_END;
}

bool x86_has_property(const Cpu *cpu, const char *name)
{
    X86Feat f = find(name);
    return f != X86_SYS_FEATS_END && x86_cpu_has((const X86Cpu *)cpu, f);
}

bool x86_switch_feature(X86Cpu *cpu, const char *name, bool on)
{
    X86Feat f = find(name);
    if (f != X86_SYS_FEATS_END && x86_cpu_runs(cpu, f) != on)
        cpu->differs[f / 64] ^= 1ull << f % 64;
    return f != X86_SYS_FEATS_END;
}
