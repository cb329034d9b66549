// The string instructions of x86 with a repeat prefix. Members of them exist for x86 guests only.
#pragma once
#include "bench.h"

#define REP_MOVS(suffix, to, from, n) \
    do { \
        void *rep_to = (to); \
        const void *rep_from = (from); \
        size_t rep_n = (n); \
        __asm__ volatile("rep movs" suffix : "+D"(rep_to), "+S"(rep_from), "+c"(rep_n) : : "memory"); \
    } while (0)
#define REP_STOS(suffix, to, value, n) \
    do { \
        void *rep_to = (to); \
        size_t rep_n = (n); \
        __asm__ volatile("rep stos" suffix : "+D"(rep_to), "+c"(rep_n) : "a"(value) : "memory"); \
    } while (0)

static inline size_t rep_scan(const void *at, int byte, size_t n)
{
    size_t left = n;
    __asm__ volatile("repne scasb" : "+D"(at), "+c"(left) : "a"(byte) : "memory", "cc");
    return n - left;
}

static inline size_t rep_compare(const void *x, const void *y, size_t n)
{
    size_t left = n;
    __asm__ volatile("repe cmpsb" : "+S"(x), "+D"(y), "+c"(left) : : "memory", "cc");
    return n - left;
}
