/* Cpu models of 32-bit guests and what they have. */
#include "target/arm/arm_cpu.h"

static const char features[A32_FEATS][A32_MODELS + 1] = {
#define FEAT(id, models) models,
#include "target/arm/a32_features.def"
#undef FEAT
};

static const struct {
    char name[12];
    uint32_t midr, arch;
} models[A32_MODELS] = {
#define MODEL(id, name, midr, arch) {name, midr, arch},
#include "target/arm/a32_models.def"
#undef MODEL
};

A32Model a32_model_find(const char *name)
{
    unsigned m = 0;

    while (m < A32_MODELS && strcmp(models[m].name, name))
        m++;
    return m;
}

const char *a32_model_name(A32Model model) { return models[model].name; }
uint32_t a32_model_midr(A32Model model) { return models[model].midr; }
unsigned a32_model_arch(A32Model model) { return models[model].arch; }
bool a32_model_has(A32Model model, A32Feat feat) { return features[feat][model] == '1'; }
