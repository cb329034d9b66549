/* CPUID of the models. Source: AMD64 APM volume 3, appendix E; Intel SDM volume 2, "CPUID". */
#include "target/x86/x86_cpu.h"

#include "base/fmt.h"

typedef struct Feature {
    uint8_t leaf, reg, bit; /* reg: 'A'.. */
    char name[20];
} Feature;

static const Feature features[X86_SYS_FEATS_END] = {
#define A                              'A'
#define B                              'B'
#define C                              'C'
#define D                              'D'
#define FEAT(id, leaf, reg, bit, name) [X86_FEAT_##id] = {leaf, reg, bit, name},
#include "target/x86/x86_features.def"
#include "target/x86/x86_sys_features.def"
#undef FEAT
};

typedef struct ModelRow {
    char name[20], brand[48];
    uint16_t family, model, stepping;
    uint8_t vendor;
    uint64_t features[2]; /* of programs, of systems */
} ModelRow;

_Static_assert(X86_FEATS <= 64 && X86_SYS_FEATS_END <= 128, "two words of features");
enum { AMD, INTEL };
#define F(id) (1ull << X86_FEAT_##id)
#define S(id) (1ull << (X86_FEAT_##id - X86_SYS_FEAT_FIRST))
/* System V ABI, AMD64 supplement, 3.1.1. */
#define SET_V1 (2 * F(LM) - 1)
#define SET_V2 (2 * F(PREFETCHW) - 1)
#define SET_V3 (2 * F(BMI2) - 1)
#define SET_PENTIUM     (F(FPU) | F(TSC) | F(CX8) | F(MMX))
#define SET_PENTIUM2    (SET_PENTIUM | F(CMOV) | F(FXSR))
#define SET_KVM64       ((SET_V1 & ~F(RDTSCP)) | F(SSE3) | F(CX16))
#define SET_CONROE      (SET_KVM64 | F(LAHF) | F(SSSE3))
#define SET_NEHALEM     (SET_V2 & ~F(PREFETCHW))
#define SET_WESTMERE    (SET_NEHALEM | F(PCLMUL) | F(AES))
#define SET_SANDYBRIDGE (SET_WESTMERE | F(XSAVE) | F(AVX) | F(XSAVEOPT))
#define SET_IVYBRIDGE   (SET_SANDYBRIDGE | F(F16C) | F(RDRAND) | F(FSGSBASE) | F(ERMS))
#define SET_K10         (SET_V1 | F(SSE3) | F(CX16) | F(POPCNT) | F(LAHF) | F(LZCNT) | F(SSE4A))
#define SET_HASWELL                                                                                          \
    ((SET_V3 & ~F(PREFETCHW)) | F(PCLMUL) | F(AES) | F(RDRAND) | F(FSGSBASE) | F(ERMS) | F(XSAVEOPT))
#define SET_BROADWELL      (SET_HASWELL | F(PREFETCHW) | F(RDSEED) | F(ADX))
#define SET_SKYLAKE_CLIENT (SET_BROADWELL | F(CLFLUSHOPT) | F(XSAVEC) | F(XGETBV1))
#define SET_MAX3                                                                                             \
    (SET_V3 | F(PCLMUL) | F(AES) | F(RDRAND) | F(FSGSBASE) | F(ERMS) | F(RDSEED) | F(ADX) | F(CLFLUSHOPT) |  \
     F(CLWB) | F(RDPID) | F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1))
#define SET_QEMU32   ((SET_V1 & ~(F(LM) | F(SYSCALL) | F(NX) | F(RDTSCP))) | F(SSE3))
#define SET_PENTIUM3 (2 * F(SSE) - 1)
#define SET_AVX512   (F(AVX512F) | F(AVX512DQ) | F(AVX512CD) | F(AVX512BW) | F(AVX512VL))
#define SET_V4       (SET_V3 | SET_AVX512)
#define SET_MAX      ((2 * F(SSE4A) - 1) & ~(SET_AVX512 | SET_AVX512_MORE))
#define SET_AVX512_MORE                                                                                      \
    (F(AVX512_IFMA) | F(AVX512_VBMI) | F(AVX512_VBMI2) | F(AVX512_VNNI) | F(AVX512_BITALG) |                 \
     F(AVX512_VPOPCNTDQ) | F(AVX512_BF16))
#define SET_MAX512 (2 * F(SSE4A) - 1)
/* Of Intel's servers: manuals of these processors; of AMD's: processor programming references of families
 * 17h, 19h. What is not implemented is not announced. */
#define SET_SKYLAKE                                                                                          \
    (SET_V4 | F(PCLMUL) | F(AES) | F(RDRAND) | F(FSGSBASE) | F(ERMS) | F(RDSEED) | F(ADX) | F(CLFLUSHOPT) |  \
     F(CLWB) | F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1))
#define SET_ICELAKE                                                                                          \
    (SET_SKYLAKE | (SET_AVX512_MORE & ~F(AVX512_BF16)) | F(SHA) | F(GFNI) | F(VAES) | F(VPCLMUL) | F(RDPID))
#define SET_NAPLES                                                                                           \
    (SET_V3 | F(PCLMUL) | F(AES) | F(RDRAND) | F(FSGSBASE) | F(RDSEED) | F(ADX) | F(CLFLUSHOPT) | F(SHA) |   \
     F(SSE4A) | F(XSAVEOPT) | F(XSAVEC) | F(XGETBV1))
#define SET_ROME  (SET_NAPLES | F(CLWB) | F(RDPID))
#define SET_MILAN (SET_ROME | F(ERMS) | F(VAES) | F(VPCLMUL))

/* What systems alone see, by the same sources; the last line is the machine's more than the processor's. */
#define SYS_BOARD   (S(X2APIC) | S(DEADLINE) | S(HYPERVISOR) | S(INVTSC) | S(KVM) | S(KVMCLOCK))
#define SYS_PENTIUM (S(DE) | S(PSE) | S(MSR) | S(MCE) | S(APIC) | SYS_BOARD)
#define SYS_PENTIUM3                                                                                         \
    (S(DE) | S(PSE) | S(MSR) | S(PAE) | S(MCE) | S(APIC) | S(SEP) | S(MTRR) | S(PGE) | S(MCA) | S(PAT) |     \
     S(PSE36) | SYS_BOARD)
#define SYS_NEHALEM  (SYS_PENTIUM3 | S(MONITOR))
#define SYS_WESTMERE (SYS_NEHALEM | S(PCID))
#define SYS_HASWELL  (SYS_NEHALEM | S(PCID) | S(SMEP) | S(INVPCID) | S(PDPE1GB))
#define SYS_SKYLAKE  (SYS_HASWELL | S(SMAP) | S(PKU))
#define SYS_ICELAKE  (SYS_SKYLAKE | S(UMIP) | S(LA57))
#define SYS_NAPLES   (SYS_NEHALEM | S(SMEP) | S(SMAP) | S(PDPE1GB) | S(SVM))
#define SYS_ROME     (SYS_NAPLES | S(UMIP))
#define SYS_MILAN    (SYS_ROME | S(PCID) | S(INVPCID) | S(PKU))
#define SYS_GENOA    (SYS_MILAN | S(LA57))
#define SYS_MAX      SYS_GENOA
#define SYS_LEVEL    (SYS_MAX & ~S(SVM))

static const ModelRow models[] = {
#define MODEL(id, name, vendor, family, model, stepping, brand, features, sys)                               \
    {name, brand, family, model, stepping, vendor, {features, sys}},
#include "target/x86/x86_models.def"
#undef MODEL
};

bool x86_model_has(X86Model m, X86Feat f)
{
    return models[m].features[f / 64] >> f % 64 & 1;
}
bool x86_model_is_amd(X86Model m)
{
    return models[m].vendor == AMD;
}
const char *x86_model_name(X86Model m)
{
    return models[m].name;
}
const char *x86_feature_name(X86Feat f)
{
    return features[f].name;
}

static X86Model find_exactly(const char *name)
{
    unsigned m = 0;
    while (m < X86_MODELS && strcmp(models[m].name, name))
        m++;
    return (X86Model)m;
}

/* Has the name this at its end, -v and a digit at last? Then it goes. */
static bool cut(char *name, const char *end)
{
    const size_t n = strlen(name), k = strlen(end);
    const bool version =
        n > 3 && name[n - 3] == '-' && name[n - 2] == 'v' && name[n - 1] >= '0' && name[n - 1] <= '9';
    if (*end ? n <= k || strcmp(name + n - k, end) != 0 : !version)
        return false;
    name[n - (*end ? k : 3)] = 0;
    return true;
}

/* Of these, each that it has: a name may have two ("-noTSX-IBRS"). */
static bool cut_variants(char *name)
{
    static const char end[][8] = {"-IBRS", "-IBPB", "-noTSX"};
    bool any = false;
    for (unsigned k = 0; k < sizeof(end) / sizeof(end[0]); k++)
        any = cut(name, end[k]) || any;
    return any;
}

/* QEMU has more names for some: what tells those apart (microcode for leaks, transactions) is in none here.
 */
X86Model x86_model_find(const char *name)
{
    char less[sizeof(models[0].name) + 16];
    X86Model m = find_exactly(name);
    if (m != X86_MODELS || strlen(name) >= sizeof(less))
        return m;
    memcpy(less, name, strlen(name) + 1);
    if (!cut(less, "") && !cut_variants(less))
        return X86_MODELS;
    return find_exactly(less);
}

/* What there is in 64-bit mode alone, or is looked at to find out whether there is such a mode. */
static const uint64_t only64[2] = {F(LM) | F(SYSCALL) | F(FSGSBASE) | F(CX16) | F(LAHF),
                                   S(PCID) | S(PKU) | S(LA57) | S(PDPE1GB) | S(SVM)};

static bool is_only32(const X86Cpu *cpu)
{
    return (cpu->base.ops == &target_i386 && cpu->code32) || cpu->base.ops == &target_i386_sys;
}

static bool is_only64(X86Feat f)
{
    return only64[f / 64] >> f % 64 & 1;
}

bool x86_cpu_runs(const X86Cpu *cpu, X86Feat f)
{
    return x86_model_has((X86Model)cpu->model, f) != (cpu->differs[f / 64] >> f % 64 & 1);
}

bool x86_cpu_has(const X86Cpu *cpu, X86Feat f)
{
    return x86_cpu_runs(cpu, f) && !(is_only32(cpu) && is_only64(f));
}

void x86_feature_place(X86Feat f, uint32_t *ret_leaf, uint32_t *ret_sub, unsigned *ret_reg,
                       uint32_t *ret_bit)
{
    unsigned leaf = features[f].leaf;
    *ret_leaf = leaf == 0x81 ? 0x80000001 : leaf == 0x71 ? 7 : leaf;
    *ret_sub = leaf == 0x71 || leaf == 0xd;
    *ret_reg = (unsigned)(features[f].reg - 'A');
    *ret_bit = features[f].bit;
}

/* Of a register of CPUID, the features from `first` to before `end` that the cpu has. */
static uint32_t bits_of(const X86Cpu *cpu, unsigned first, unsigned end, unsigned leaf, char reg)
{
    uint32_t v = 0;
    for (unsigned f = first; f < end; f++)
        if (features[f].leaf == leaf && features[f].reg == reg && x86_cpu_has(cpu, (X86Feat)f))
            v |= 1u << features[f].bit;
    return v;
}

static uint32_t user_bits(const X86Cpu *cpu, unsigned leaf, char reg)
{
    return bits_of(cpu, 0, X86_FEATS, leaf, reg);
}

void x86_cpuid_add_sys(const X86Cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t io[4])
{
    const unsigned row = leaf == 0x80000001 ? 0x81 : leaf == 0x80000007 ? 0x87 : leaf;
    for (unsigned r = 0; leaf && !(leaf == 7 && sub) && r < 4; r++) /* others have no subleaves */
        io[r] |= bits_of(cpu, X86_SYS_FEAT_FIRST, X86_SYS_FEATS_END, row, (char)('A' + r));
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

static void vendor_leaf(const ModelRow *r, uint32_t ret[4])
{
    const char *name = r->vendor == INTEL ? "GenuineIntel" : "AuthenticAMD";
    memcpy(&ret[1], name, 4);
    memcpy(&ret[3], name + 4, 4);
    memcpy(&ret[2], name + 8, 4);
}

/* Intel's caches: 32 KiB twice, 256 KiB, 8 MiB. */
static void intel_cache(uint32_t sub, uint32_t ret[4])
{
    static const struct {
        uint8_t type, level, ways;
        uint16_t sets;
    } caches[] = {{1, 1, 8, 64}, {2, 1, 8, 64}, {3, 2, 8, 512}, {3, 3, 16, 8192}};
    if (sub >= ARRAY_SIZE(caches))
        return;
    ret[0] = caches[sub].type | caches[sub].level << 5 | 1 << 8;
    ret[1] = 63 | (caches[sub].ways - 1u) << 22;
    ret[2] = caches[sub].sets - 1u;
}

/* ---- XSAVE ---- */

uint64_t x86_xcr0(const X86Cpu *cpu)
{
    return X86_XC_X87 | X86_XC_SSE | (x86_cpu_has(cpu, X86_FEAT_AVX) ? X86_XC_AVX : 0) |
           (x86_cpu_has(cpu, X86_FEAT_AVX512F) ? X86_XC_AVX512 : 0);
}

static const uint16_t xsave_sizes[X86_XC_END] = {[2] = 256, [5] = 64, [6] = 512, [7] = 1024, [9] = 8};

/* Intel leaves room for MPX and more. */
uint32_t x86_xsave_at(const X86Cpu *cpu, unsigned bit)
{
    static const uint16_t at[2][X86_XC_END] = {
        [AMD] = {[2] = 576, [5] = 832, [6] = 896, [7] = 1408, [9] = 2432},
        [INTEL] = {[2] = 576, [5] = 1088, [6] = 1152, [7] = 1664, [9] = 2688}};
    return at[models[cpu->model].vendor][bit];
}

uint32_t x86_xsave_size(unsigned bit)
{
    return bit < X86_XC_END ? xsave_sizes[bit] : 0;
}

uint32_t x86_xsave_bytes(const X86Cpu *cpu, uint64_t components)
{
    uint32_t n = 576;
    for (unsigned bit = 2; bit < X86_XC_END; bit++)
        if (components >> bit & 1)
            n = MAX(n, x86_xsave_at(cpu, bit) + x86_xsave_size(bit));
    return n;
}

void x86_xsave_leaf(const X86Cpu *cpu, uint64_t all, uint64_t enabled, uint32_t sub, uint32_t ret[4])
{
    if (!x86_cpu_has(cpu, X86_FEAT_XSAVE))
        return;
    if (sub == 0) {
        ret[0] = (uint32_t)all;
        ret[1] = x86_xsave_bytes(cpu, enabled);
        ret[2] = x86_xsave_bytes(cpu, all);
    } else if (sub == 1) {
        ret[0] = user_bits(cpu, 0xd, 'A');
        ret[1] = ret[0] & 2 ? 576 : 0;
        for (unsigned bit = 2; ret[0] & 2 && bit < X86_XC_END; bit++) /* of the compacted form */
            ret[1] += enabled >> bit & 1 ? x86_xsave_size(bit) : 0;
    } else if (sub < X86_XC_END && all >> sub & 1) {
        ret[0] = x86_xsave_size(sub);
        ret[1] = x86_xsave_at(cpu, sub);
    }
}

void x86_cpuid(const X86Cpu *cpu, uint32_t leaf, uint32_t sub, uint32_t ret[4])
{
    const ModelRow *r = &models[cpu->model];
    memset(ret, 0, 16);
    switch (leaf) {
    case 0:
    case 0x80000000:
        ret[0] = leaf ? 0x80000008 : x86_cpu_has(cpu, X86_FEAT_XSAVE) ? 0xd : 7;
        if (!leaf || r->vendor == AMD)
            vendor_leaf(r, ret);
        break;
    case 1:
        ret[0] = signature(r);
        ret[1] = 8 << 8 | 1 << 16;              /* clflush of 64 bytes, one logical processor */
        ret[2] = user_bits(cpu, 1, 'C');
        if (x86_cpu_has(cpu, X86_FEAT_HYPERVISOR))
            ret[2] |= 1u << 31; /* there is one in a sense */
        if (x86_cpu_has(cpu, X86_FEAT_XSAVE))
            ret[2] |= 1 << 27; /* OSXSAVE */
        ret[3] = user_bits(cpu, 1, 'D');
        break;
    case 2:
        if (r->vendor == INTEL) {
            ret[0] = 1;
            ret[1] = 0xff; /* see leaf 4 */
        }
        break;
    case 4:
        if (r->vendor == INTEL)
            intel_cache(sub, ret);
        break;
    case 7:
        if (sub == 0) {
            ret[1] = user_bits(cpu, 7, 'B');
            ret[2] = user_bits(cpu, 7, 'C');
            ret[0] = user_bits(cpu, 0x71, 'A') != 0;
        } else if (sub == 1) {
            ret[0] = user_bits(cpu, 0x71, 'A');
        }
        break;
    case 0xd: x86_xsave_leaf(cpu, x86_xcr0(cpu), x86_xcr0(cpu), sub, ret); break;
    case 0x80000001:
        ret[0] = signature(r);
        ret[2] = user_bits(cpu, 0x81, 'C');
        ret[3] = user_bits(cpu, 0x81, 'D') | (r->vendor == AMD ? user_bits(cpu, 1, 'D') & 0x0183f3ff : 0);
        break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: memcpy(ret, r->brand + 16 * (leaf - 0x80000002), 16); break;
    case 0x80000005:
    case 0x80000006:
        if (r->vendor == AMD)
            cache_leaf(leaf, ret);
        else if (leaf == 0x80000006)
            ret[2] = 256u << 16 | 6 << 12 | 64;
        break;
    case 0x80000008: ret[0] = 48 << 8 | 48; break;
    default: break;
    }
}
