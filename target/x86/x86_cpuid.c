/* CPUID of the models. Source: AMD64 APM volume 3, appendix E; Intel SDM volume 2, "CPUID". */
#include "target/x86/x86_cpu.h"

#include "base/fmt.h"

typedef struct Feature {
    uint8_t leaf, reg, bit; /* reg: 'A'.. */
    char name[14];
} Feature;

static const Feature features[] = {
#define A                              'A'
#define B                              'B'
#define C                              'C'
#define D                              'D'
#define FEAT(id, leaf, reg, bit, name) {leaf, reg, bit, name},
#include "target/x86/x86_features.def"
#undef FEAT
};

typedef struct ModelRow {
    char name[16], brand[48];
    uint16_t family, model, stepping, last;
} ModelRow;

static const ModelRow models[] = {
#define MODEL(id, name, family, model, stepping, brand, last)                                                \
    {name, brand, family, model, stepping, X86_FEAT_##last},
#include "target/x86/x86_models.def"
#undef MODEL
};

bool x86_model_has(X86Model m, X86Feat f)
{
    return f <= models[m].last;
}
const char *x86_model_name(X86Model m)
{
    return models[m].name;
}
const char *x86_feature_name(X86Feat f)
{
    return features[f].name;
}

X86Model x86_model_find(const char *name)
{
    unsigned m = 0;
    while (m < X86_MODELS && strcmp(models[m].name, name))
        m++;
    return (X86Model)m;
}

static uint32_t bits_of(X86Model m, unsigned leaf, char reg)
{
    uint32_t v = 0;
    for (unsigned f = 0; f < X86_FEATS; f++)
        if (x86_model_has(m, (X86Feat)f) && features[f].leaf == leaf && features[f].reg == reg)
            v |= 1u << features[f].bit;
    return v;
}

static uint32_t signature(const ModelRow *r)
{
    unsigned family = MIN(r->family, 15u), more = r->family - family;
    return r->stepping | (r->model & 15u) << 4 | family << 8 | (uint32_t)(r->model >> 4) << 16 | more << 20;
}

/* Caches as a small desktop core has them: 32 KiB, 8 ways, and 512 KiB, 8 ways; glibc sizes its copies by
 * them. */
static void cache_leaf(uint32_t leaf, uint32_t ret[4])
{
    if (leaf == 0x80000005) {
        ret[2] = ret[3] = 32u << 24 | 8 << 16 | 1 << 8 | 64;
    } else {
        ret[2] = 512u << 16 | 6 << 12 | 1 << 8 | 64;
        ret[3] = 16u << 18 | 8 << 12 | 1 << 8 | 64;
    }
}

void x86_cpuid(const X86Cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t ret[4])
{
    X86Model m = (X86Model)cpu->model;
    const ModelRow *r = &models[m];
    memset(ret, 0, 16);
    switch (leaf) {
    case 0:
    case 0x80000000:
        ret[0] = leaf ? 0x80000008 : 7;
        memcpy(&ret[1], "Auth", 4);
        memcpy(&ret[3], "enti", 4);
        memcpy(&ret[2], "cAMD", 4);
        break;
    case 1:
        ret[0] = signature(r);
        ret[1] = 8 << 8 | 1 << 16;              /* clflush of 64 bytes, one logical processor */
        ret[2] = bits_of(m, 1, 'C') | 1u << 31; /* hypervisor: there is one in a sense */
        ret[3] = bits_of(m, 1, 'D');
        break;
    case 7:
        if (sub == 0)
            ret[1] = bits_of(m, 7, 'B');
        break;
    case 0x80000001:
        ret[0] = signature(r);
        ret[2] = bits_of(m, 0x81, 'C');
        ret[3] = bits_of(m, 0x81, 'D') | (bits_of(m, 1, 'D') & 0x0183f3ff);
        break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: memcpy(ret, r->brand + 16 * (leaf - 0x80000002), 16); break;
    case 0x80000005:
    case 0x80000006: cache_leaf(leaf, ret); break;
    case 0x80000008: ret[0] = 48 << 8 | 48; break;
    default: break;
    }
}
