/* Detection of host features and the option that narrows them. */
#include "tcg/host/x86_64/cpuid.h"

#include <stddef.h>
#include <string.h>

enum { L1_ECX, L7_EBX, L7_ECX, L7_EDX, E1_ECX, WORDS };

typedef struct FeatureRow {
    char text[14];
    uint8_t word, bit, level, needs;
} FeatureRow;

static const FeatureRow rows[X64_F_COUNT] = {
#define X(name, text, word, bit, level, needs) {text, word, bit, level, X64_F_##needs},
#include "tcg/host/x86_64/cpuid.def"
#undef X
};

#if defined(__x86_64__)
#include <cpuid.h>

/* XCR0: which register state the operating system saves (SDM volume 1, chapter 13). */
enum { XCR0_AVX = 0x6, XCR0_AVX512 = 0xe6 };
enum { L1_SSE42 = 20, L1_OSXSAVE = 27, L1_AVX = 28, E1_LAHF = 0, E1_LZCNT = 5 };

static uint32_t xcr0(void)
{
    uint32_t lo, hi;
    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(0));
    return lo;
}

/* Where it is missing, LZCNT is BSR with a prefix that does nothing (SDM volume 2). */
static bool has_lzcnt(void)
{
    uint32_t n;
    __asm__("lzcntl %1, %0" : "=r"(n) : "r"(1) : "cc");
    return n == 31;
}

/* A virtual machine may trap each CPUID, tens of microseconds that every start would pay. So two are
 * executed, and what can be told otherwise is: a processor with AVX has leaf 7, since its leaf 13 describes
 * AVX's state; one with SSE 4.2 has LAHF in 64-bit mode, which only the first ones of the architecture
 * lacked. */
static void read_words(uint32_t w[WORDS])
{
    uint32_t a, b, c, d;
    __cpuid(1, a, b, w[L1_ECX], d);
    w[E1_ECX] = (w[L1_ECX] >> L1_SSE42 & 1) << E1_LAHF | (uint32_t)has_lzcnt() << E1_LZCNT;
    if (!(w[L1_ECX] >> L1_AVX & 1)) {
        __cpuid(0, a, b, c, d);
        if (a < 7)
            return;
    }
    __cpuid_count(7, 0, a, w[L7_EBX], w[L7_ECX], w[L7_EDX]);
}

X64Features x64_detect(void)
{
    X64Features set = 0;
    uint32_t word[WORDS] = {0};
    read_words(word);
    for (unsigned i = 0; i < X64_F_COUNT; i++)
        set |= (X64Features)(word[rows[i].word] >> rows[i].bit & 1) << i;
    uint32_t state = word[L1_ECX] >> L1_OSXSAVE & 1 ? xcr0() : 0;
    if ((state & XCR0_AVX) != XCR0_AVX)
        set &= ~(1ull << X64_F_AVX);
    if ((state & XCR0_AVX512) != XCR0_AVX512)
        set &= ~(1ull << X64_F_AVX512F);
    return x64_close(set);
}
#else
X64Features x64_detect(void)
{
    return 0;
}
#endif

X64Features x64_close(X64Features set)
{
    for (unsigned i = 0; i < X64_F_COUNT; i++) {
        if (!(set >> rows[i].needs & 1))
            set &= ~(1ull << i);
    }
    return set;
}

X64Features x64_level(unsigned level)
{
    X64Features set = 0;
    for (unsigned i = 0; i < X64_F_COUNT; i++) {
        if (rows[i].level && rows[i].level <= level)
            set |= 1ull << i;
    }
    return set;
}

const char *x64_feature_name(enum X64Feature f)
{
    return rows[f].text;
}

static int feature_find(const char *s, size_t len)
{
    for (int i = 0; i < X64_F_COUNT; i++) {
        if (strlen(rows[i].text) == len && !memcmp(rows[i].text, s, len))
            return i;
    }
    return -1;
}

/* One word of the option applied to *set. */
static bool word_apply(X64Features detected, const char *s, size_t len, X64Features *set)
{
    if (len == 4 && !memcmp(s, "host", 4)) {
        *set = detected;
        return true;
    }
    if (len == 2 && s[0] == 'v' && s[1] >= '1' && s[1] <= '4') {
        *set = detected & x64_level((unsigned)(s[1] - '0'));
        return true;
    }
    bool remove = len && s[0] == '-', sign = remove || (len && s[0] == '+');
    int f = feature_find(s + sign, len - sign);
    if (f < 0)
        return false;
    if (remove)
        *set &= ~(1ull << f);
    else if (detected >> f & 1)
        *set |= 1ull << f;
    else
        return false;
    return true;
}

bool x64_features_parse(X64Features detected, const char *option, X64Features *ret_set, const char **ret_bad)
{
    X64Features set = detected;
    for (const char *s = option; *s;) {
        size_t len = strcspn(s, ",");
        if (!word_apply(detected, s, len, &set)) {
            *ret_bad = s;
            return false;
        }
        s += len + (s[len] == ',');
    }
    *ret_set = x64_close(set);
    return true;
}
