/* Features of the x86-64 host as a set of bits, one per row of cpuid.def.
 *
 * A set is closed: a feature is in it only if the feature it needs is, so emitters test the one they use.
 * Pure values, any thread; x64_detect executes CPUID, so it is called once and the result kept. */
#ifndef TCG_HOST_X86_64_CPUID_H
#define TCG_HOST_X86_64_CPUID_H

#include <stdbool.h>
#include <stdint.h>

enum X64Feature {
#define X(name, text, word, bit, level, needs) X64_F_##name,
#include "tcg/host/x86_64/cpuid.def"
#undef X
    X64_F_COUNT,
};
_Static_assert(X64_F_COUNT <= 64, "a feature set is one word");

typedef uint64_t X64Features;

static inline bool x64_has(X64Features set, enum X64Feature f)
{
    return set >> f & 1;
}

/* What this CPU has and the operating system saves (XCR0); empty on another architecture. */
X64Features x64_detect(void);

/* All features of x86-64-v1 ... v4. */
X64Features x64_level(unsigned level);

/* Removes features whose requirement is missing. */
X64Features x64_close(X64Features set);

/* Narrows a detected set by an option: words separated by commas, read from left to right.
 *   host         everything detected
 *   v1 ... v4    what was detected of that level
 *   -NAME        without the feature and what needs it
 *   +NAME, NAME  with the feature, which must have been detected
 * On an unknown or unavailable word: false, *ret_bad points to it, *ret_set is untouched. */
bool x64_features_parse(X64Features detected, const char *option, X64Features *ret_set, const char **ret_bad);

/* Name of a feature as in options. */
const char *x64_feature_name(enum X64Feature f);

#endif
