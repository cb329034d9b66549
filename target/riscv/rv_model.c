/* What a hart has: rv_ext.def, and what the user chose of it, or the model of user mode. */
#include "target/riscv/rv_sys.h"

/* What is about page tables of 64-bit entries, and what was not built for RV32. */
enum { NOT_RV32 = RV_HAS_H | RV_HAS_SVNAPOT | RV_HAS_SVPBMT | RV_HAS_SMAIA | RV_HAS_SSAIA };

enum { HOW_ALWAYS, HOW_ON, HOW_OFF };

static const struct {
    char name[15];
    uint8_t how;
} exts[RV_EXT_COUNT] = {
#define EXT(id, name, how, user) {name, HOW_##how},
#include "target/riscv/rv_ext.def"
#undef EXT
};

const char *rv_ext_name(RvExt ext) { return exts[ext].name; }

void rv_model_default(RvCpu *cpu)
{
    cpu->sys.ext = 0;
    for (unsigned n = 0; n < RV_EXT_COUNT; n++)
        if (exts[n].how != HOW_OFF)
            cpu->sys.ext |= 1ull << n;
    if (rv_machine32(cpu))
        cpu->sys.ext &= ~(uint64_t)NOT_RV32;
}

/* NAME = on or off (true, false). */
bool rv_configure(Cpu *base, const char *name, const char *value)
{
    RvCpu *cpu = (RvCpu *)base;
    bool on = strcmp(value, "on") == 0 || strcmp(value, "true") == 0;
    if (!on && strcmp(value, "off") != 0 && strcmp(value, "false") != 0)
        return false;
    for (unsigned n = 0; n < RV_EXT_COUNT; n++) {
        if (strcmp(exts[n].name, name) != 0)
            continue;
        if (rv_machine32(cpu) && (NOT_RV32 >> n & 1))
            return !on;
        if (exts[n].how == HOW_ALWAYS)
            return on;
        cpu->sys.ext = on ? cpu->sys.ext | 1ull << n : cpu->sys.ext & ~(1ull << n);
        return true;
    }
    return false;
}

bool rv_property(const TargetOps *ops, unsigned n, TargetProperty *ret)
{
    if (n >= RV_EXT_COUNT)
        return false;
    *ret =
        (TargetProperty){exts[n].name, exts[n].how == HOW_ALWAYS ? TARGET_PROP_ON : TARGET_PROP_SWITCH, NULL};
    return true;
}

bool rv_extension(const Cpu *base, unsigned n, const char **ret_name)
{
    for (unsigned k = 0; k < RV_EXT_COUNT; k++) {
        if (!(((const RvCpu *)base)->sys.ext >> k & 1) || n--)
            continue;
        *ret_name = exts[k].name;
        return true;
    }
    return false;
}
