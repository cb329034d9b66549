/* Cpu models and what they have, of 64-bit and of 32-bit guests. Sources: Arm ARM, ID registers of AArch64;
 * the cores' technical reference manuals. */
#include "target/arm/arm_cpu.h"

static const struct {
    uint8_t reg, shift, value;
    char models[ARM_MODELS + 1];
} features[ARM_FEATS] = {
#define ARM_ID_NONE ARM_ID_REGS
#define FEAT(id, reg, shift, value, models) {ARM_ID_##reg, shift, value, models},
#include "target/arm/arm_features.def"
#undef FEAT
};
static const char features32[A32_FEATS][A32_MODELS + 1] = {
#define FEAT(id, models) models,
#include "target/arm/a32_features.def"
#undef FEAT
};

typedef struct Model {
    char name[24];
    uint32_t midr, arch;
} Model;
static const Model models[ARM_MODELS] = {
#define MODEL(id, name, midr) {name, midr, 8},
#include "target/arm/arm_models.def"
#undef MODEL
};
static const Model models32[A32_MODELS] = {
#define MODEL(id, name, midr, arch) {name, midr, arch},
#include "target/arm/a32_models.def"
#undef MODEL
};

/* n: there is none of that name */
static unsigned find(const Model *list, unsigned n, const char *name)
{
    unsigned m = 0;

    while (m < n && strcmp(list[m].name, name))
        m++;
    return m;
}

ArmModel arm_model_find(const char *name) { return find(models, ARM_MODELS, name); }
const char *arm_model_name(ArmModel model) { return models[model].name; }
A32Model arm_model_a32(ArmModel model)
{
    switch (model) {
    case ARM_MODEL_A53: return A32_MODEL_A53;
    case ARM_MODEL_A57:
    case ARM_MODEL_A72:
    case ARM_MODEL_A76:
    case ARM_MODEL_N1: return A32_MODEL_A72;
    default: return A32_MODEL_MAX;
    }
}
uint32_t arm_model_midr(ArmModel model) { return models[model].midr; }
bool arm_model_has(ArmModel model, ArmFeat feat) { return features[feat].models[model] == '1'; }

A32Model a32_model_find(const char *name) { return find(models32, A32_MODELS, name); }
const char *a32_model_name(A32Model model) { return models32[model].name; }
uint32_t a32_model_midr(A32Model model) { return models32[model].midr; }
unsigned a32_model_arch(A32Model model) { return models32[model].arch; }
bool a32_model_has(A32Model model, A32Feat feat) { return features32[feat][model] == '1'; }
/* Before ARMv8 LEN and STRIDE can be written even where nothing but UNDEFINED comes of it. */
uint32_t a32_fpscr_modes(A32Model model)
{
    uint32_t vectors = a32_model_has(model, A32_FEAT_SHORT) || a32_model_arch(model) < 8 ? 0x370000 : 0;

    return (ARM_FPCR_MASK & (a32_model_has(model, A32_FEAT_FP16) ? ~0u : ~(1u << 19))) | vectors;
}

uint64_t arm_id_value(ArmModel model, ArmIdReg reg)
{
    /* PFR0: EL0 and EL1 are AArch64 only, as Linux shows them to all programs */
    uint64_t value = reg == ARM_ID_AA64PFR0 ? 0x11 : 0;

    for (unsigned f = 0; f < ARM_FEATS; f++) {
        uint64_t field = (uint64_t)features[f].value << features[f].shift;
        uint64_t mask = 15ull << features[f].shift;
        if (features[f].reg == reg && arm_model_has(model, f) && field > (value & mask))
            value = (value & ~mask) | field;
    }
    return value;
}
