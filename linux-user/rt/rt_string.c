/*
 * The functions of <string.h> that this program and its compiler ask for. Without state, so legal everywhere;
 * general registers and 16-byte moves only, so that the guest's MXCSR is left alone.
 *
 * Compiled with -ffreestanding and without the compiler's loop idioms, which would make them call themselves.
 * Sizes in this program are small; long copies are left to the processor's own loop.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

typedef uint16_t __attribute__((may_alias, aligned(1))) U16;
typedef uint32_t __attribute__((may_alias, aligned(1))) U32;
typedef uint64_t __attribute__((may_alias, aligned(1))) U64;
typedef long long __attribute__((vector_size(16), may_alias, aligned(1))) V16;
typedef signed char __attribute__((vector_size(16), may_alias)) B16; /* aligned */

enum { REP_FROM = 256, REP_SET_FROM = 512 };

/* Both ends, which may overlap each other; everything is read before anything is written. n <= 32. */
static inline void move_short(char *d, const char *s, size_t n)
{
    if (n >= 16) {
        V16 a = *(const V16 *)s, b = *(const V16 *)(s + n - 16);
        *(V16 *)d = a;
        *(V16 *)(d + n - 16) = b;
    } else if (n >= 8) {
        uint64_t a = *(const U64 *)s, b = *(const U64 *)(s + n - 8);
        *(U64 *)d = a;
        *(U64 *)(d + n - 8) = b;
    } else if (n >= 4) {
        uint32_t a = *(const U32 *)s, b = *(const U32 *)(s + n - 4);
        *(U32 *)d = a;
        *(U32 *)(d + n - 4) = b;
    } else if (n >= 2) {
        uint16_t a = *(const U16 *)s, b = *(const U16 *)(s + n - 2);
        *(U16 *)d = a;
        *(U16 *)(d + n - 2) = b;
    } else if (n) {
        *d = *s;
    }
}

/* Upwards; right also for overlapping ones with d < s. n > 32. */
static inline void move_up(char *d, const char *s, size_t n)
{
    V16 last = *(const V16 *)(s + n - 16);
    size_t i = 0;
    for (; i + 16 < n; i += 16)
        *(V16 *)(d + i) = *(const V16 *)(s + i);
    *(V16 *)(d + n - 16) = last;
}

static inline void move_down(char *d, const char *s, size_t n)
{
    V16 first = *(const V16 *)s;
    for (size_t i = n; i > 16; i -= 16)
        *(V16 *)(d + i - 16) = *(const V16 *)(s + i - 16);
    *(V16 *)d = first;
}

void *memcpy(void *restrict dst, const void *restrict src, size_t n)
{
    if (n <= 32) {
        move_short(dst, src, n);
    } else if (n < REP_FROM) {
        move_up(dst, src, n);
    } else {
        void *d = dst;
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n) : : "memory");
    }
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    if (n <= 32)
        move_short(dst, src, n);
    else if ((uintptr_t)dst - (uintptr_t)src >= n) /* as unsigned: below, or behind the end */
        move_up(dst, src, n);
    else
        move_down(dst, src, n);
    return dst;
}

void *memset(void *dst, int byte, size_t n)
{
    char *d = dst;
    uint64_t v = (uint8_t)byte * 0x0101010101010101u;
    if (n >= REP_SET_FROM) {
        void *at = dst;
        __asm__ volatile("rep stosb" : "+D"(at), "+c"(n) : "a"(byte) : "memory");
    } else if (n >= 16) {
        V16 w = {(long long)v, (long long)v};
        size_t i = 0;
        for (; i + 64 < n; i += 64) {
            V16 *at = (V16 *)(d + i);
            at[0] = at[1] = at[2] = at[3] = w;
        }
        for (; i + 16 < n; i += 16)
            *(V16 *)(d + i) = w;
        *(V16 *)(d + n - 16) = w;
    } else if (n >= 8) {
        *(U64 *)d = v;
        *(U64 *)(d + n - 8) = v;
    } else if (n >= 4) {
        *(U32 *)d = (uint32_t)v;
        *(U32 *)(d + n - 4) = (uint32_t)v;
    } else if (n) {
        d[0] = d[n / 2] = d[n - 1] = (char)byte;
    }
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    size_t i = 0;
    while (i + 8 <= n && *(const U64 *)(x + i) == *(const U64 *)(y + i))
        i += 8;
    for (; i < n; i++)
        if (x[i] != y[i])
            return x[i] - y[i];
    return 0;
}

/* clang asks for it where only equality matters. */
int bcmp(const void *a, const void *b, size_t n)
{
    return memcmp(a, b, n);
}

void *memchr(const void *s, int c, size_t n)
{
    const uint8_t *x = s;
    for (size_t i = 0; i < n; i++)
        if (x[i] == (uint8_t)c)
            return (void *)(x + i);
    return NULL;
}

/* Aligned loads never reach into a page that the string does not touch. */
size_t strlen(const char *s)
{
    const char *at = (const char *)((uintptr_t)s & ~(uintptr_t)15);
    const B16 zero = {0};
    unsigned skip = (unsigned)((uintptr_t)s & 15);
    unsigned found = (unsigned)__builtin_ia32_pmovmskb128(
                         (__attribute__((vector_size(16))) char)(*(const B16 *)at == zero)) >>
                     skip;
    if (found)
        return (size_t)__builtin_ctz(found);
    do {
        at += 16;
        found = (unsigned)__builtin_ia32_pmovmskb128(
            (__attribute__((vector_size(16))) char)(*(const B16 *)at == zero));
    } while (!found);
    return (size_t)(at - s) + (size_t)__builtin_ctz(found);
}

size_t strnlen(const char *s, size_t n)
{
    const char *end = memchr(s, 0, n);
    return end ? (size_t)(end - s) : n;
}

int strcmp(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n && *a && *a == *b; n--)
        a++, b++;
    return n ? (uint8_t)*a - (uint8_t)*b : 0;
}

char *strcpy(char *restrict dst, const char *restrict src)
{
    return memcpy(dst, src, strlen(src) + 1);
}

char *strchr(const char *s, int c)
{
    for (; *s != (char)c; s++)
        if (!*s)
            return NULL;
    return (char *)s;
}

char *strrchr(const char *s, int c)
{
    for (size_t n = strlen(s) + 1; n > 0; n--)
        if (s[n - 1] == (char)c)
            return (char *)s + n - 1;
    return NULL;
}

size_t strspn(const char *s, const char *set)
{
    size_t n = 0;
    while (s[n] && strchr(set, s[n]))
        n++;
    return n;
}

size_t strcspn(const char *s, const char *set)
{
    size_t n = 0;
    while (s[n] && !strchr(set, s[n]))
        n++;
    return n;
}

char *strstr(const char *s, const char *part)
{
    size_t n = strlen(part);
    for (; strncmp(s, part, n); s++)
        if (!*s)
            return NULL;
    return (char *)s;
}
